"""Which cells a suite needs: what its claims demand, its own ``[[cells]]``, the canaries and the A/A control.

Everything is resolved here: parameters for the suite's size, limits, repetitions, the build and the command line.
What was asked for and cannot exist becomes an :class:`~harness.catalog.model.Exclusion` with its reason.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.catalog.model import (
    Build,
    Catalog,
    Cell,
    Exclusion,
    Golden,
    Invocation,
    Limits,
    LimitsOverride,
    Mode,
    Replica,
    Stage,
    Status,
    Suite,
    SuiteCells,
    Variant,
    Workload,
)
from harness.catalog.select import Asked, Selector, ask, facts_of, matches, parse
from harness.claims.model import Demand
from harness.errors import UsageError

CANARY = "canary"
"""The workload whose truth is its input; it frames every run."""

SEED = 42
"""The programs' seed where no golden value fixes one."""

TICK_US = 1000
"""Period of the stall ticker: 1 ms takes 2 % of a core, 100 µs 14 %, which only a spare CPU could give."""

_COUNTED_ITERATIONS = 1
"""In mode exact one measured iteration suffices: counts do not vary but by the runtime's own few allocations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A cell with what running it takes; ``once`` cells stay outside the blocks."""

    cell: Cell
    build: Build
    command: tuple[str, ...]
    environment: Mapping[str, str]
    seed: int
    may_fail: tuple[Status, ...]
    once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """All cells of a run.

    ``blocks`` are compared in blocks, ``once`` run outside them, ``canaries`` first and last, ``control`` names the
    cells of ``blocks`` that also run as replica b. ``demanded`` says which cell serves a demand.
    """

    blocks: tuple[Planned, ...]
    once: tuple[Planned, ...]
    canaries: tuple[Planned, ...]
    control: tuple[Planned, ...]
    demanded: Mapping[Demand, Cell]
    exclusions: tuple[Exclusion, ...]

    @property
    def builds(self) -> tuple[Build, ...]:
        """Every binary that is needed, each once, in a stable order."""
        found = {
            one.build.language + "/" + one.build.id: one.build for one in (*self.canaries, *self.once, *self.blocks)
        }
        return tuple(found[key] for key in sorted(found))


def cells(
    suite: Suite,
    demands: Iterable[Demand],
    catalog: Catalog,
    *,
    only: Selector | None = None,
    seed: int | None = None,
    absent: Mapping[tuple[str, str], str] | None = None,
) -> Cells:
    """Resolve a suite.

    ``only`` filters everything but the canaries, ``seed`` replaces the programs' seed, ``absent`` maps (language,
    toolchain) that cannot be had here to the reason.
    """
    resolver = _Resolver(suite=suite, catalog=catalog, seed=seed, absent=absent or {})
    demanded: dict[Demand, Cell] = {}
    planned: dict[tuple[object, ...], Planned] = {}
    exclusions: dict[str, Exclusion] = {}
    narrow = parse(suite.only, catalog)

    def add(one: Planned | _Lacking, *filters: Selector) -> Planned | None:
        facts = facts_of(one.cell, catalog)
        if not all(matches(each, facts) for each in filters):
            return None
        if isinstance(one, _Lacking):
            exclusions[one.exclusion.what] = one.exclusion
            return None
        return planned.setdefault(one.cell.key, one)

    wanted = () if only is None else (only,)
    for demand in demands:
        kept = add(resolver.demanded(demand), narrow, *wanted)
        if kept is not None:
            demanded[demand] = kept.cell
    for group in suite.cells:
        for asked in _asked(group, catalog):
            add(resolver.listed(asked, group), *wanted)
    control = [
        kept
        for group in suite.control
        for asked in _asked(group, catalog)
        if (kept := add(resolver.listed(asked, group), *wanted)) is not None
    ]
    everything = tuple(planned.values())
    canaries = [one for one in resolver.canaries({p.cell.language for p in everything}) if isinstance(one, Planned)]
    return Cells(
        blocks=tuple(one for one in everything if not one.once),
        once=tuple(one for one in everything if one.once),
        canaries=tuple(canaries),
        control=tuple(control),
        demanded=demanded,
        exclusions=tuple(exclusions.values()),
    )


def invocation(planned: Planned, *, block: int | None, slot: int, attempt: int, replica: Replica = "a") -> Invocation:
    """One run of a planned cell."""
    stage: Stage = "measure"
    return Invocation(
        cell=planned.cell,
        build=planned.build,
        replica=replica,
        stage=stage,
        block=block,
        slot=slot,
        attempt=attempt,
        seed=planned.seed,
        command=planned.command,
        environment=planned.environment,
        may_fail=planned.may_fail,
    )


def golden_of(workload: Workload, cell: Cell, seed: int, form: str | None = None) -> Golden | None:
    """The golden value that a cell (or one form of it) must reproduce; None where its parameters or seed have none."""
    variant = form or cell.variant
    if dict(cell.parameters) != {name: one.at(cell.size) for name, one in workload.parameters.items()}:
        return None
    for golden in workload.goldens:
        if (golden.size, golden.variant, golden.seed) == (cell.size, variant, seed):
            return golden
    return None


def _asked(group: SuiteCells, catalog: Catalog) -> Iterable[Asked]:
    for text in group.select:
        yield from ask(parse(text, catalog), catalog)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lacking:
    """A cell that cannot run here."""

    cell: Cell
    exclusion: Exclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolver:
    suite: Suite
    catalog: Catalog
    seed: int | None
    absent: Mapping[tuple[str, str], str]

    def demanded(self, demand: Demand) -> Planned | _Lacking:
        asked = Asked(
            workload=demand.workload,
            variant=demand.variant,
            form=demand.form,
            language=demand.language,
            configuration=demand.configuration,
            toolchain=demand.toolchain,
            mode=demand.mode,
        )
        return self._resolve(asked, warmup=demand.warmup, iterations=demand.iterations)

    def listed(self, asked: Asked, group: SuiteCells) -> Planned | _Lacking:
        if asked.mode != "latency" and (group.rate, group.seconds, group.loads) != (None, None, ()):
            raise UsageError(
                f"suite {self.suite.id}: rate, seconds and loads belong to mode latency, and {asked.workload} is asked "
                f"for in mode {asked.mode}; select mode=latency, or leave them out"
            )
        one = self._resolve(
            asked,
            limits=group.limits,
            warmup=group.warmup,
            iterations=group.iterations,
            schedule=(group.rate, group.seconds),
            may_fail=group.may_fail,
        )
        return one if isinstance(one, _Lacking) else dataclasses.replace(one, once=one.once or group.once)

    def canaries(self, languages: set[str]) -> Iterable[Planned | _Lacking]:
        workload = self.catalog.workloads.get(CANARY)
        for language in self.catalog.languages.values():
            if workload is None or language.id not in languages:
                continue
            configuration = language.configurations[0]
            for variant in workload.variants:  # each in the mode that its file names first
                yield self._resolve(
                    Asked(
                        workload=workload.id,
                        variant=variant.id,
                        form=None,
                        language=language.id,
                        configuration=configuration.id,
                        toolchain=configuration.toolchain,
                        mode=variant.modes[0],
                    )
                )

    def _resolve(
        self,
        asked: Asked,
        *,
        limits: LimitsOverride | None = None,
        warmup: int | None = None,
        iterations: int | None = None,
        schedule: tuple[int | None, int | None] = (None, None),
        may_fail: tuple[Status, ...] = (),
    ) -> Planned | _Lacking:
        workload = self.catalog.workloads[asked.workload]
        language = self.catalog.languages[asked.language]
        configuration = language.configuration(asked.configuration)
        variant = workload.variant(asked.variant)
        name = f"{asked.language}/{asked.configuration} {asked.workload}/{asked.form or asked.variant}"
        reason = language.absence(workload.id, asked.form or asked.variant) or self.absent.get(
            (asked.language, asked.toolchain)
        )
        size = self.suite.size
        default_warmup, default_iterations = _repetitions(workload, variant, asked.mode, self.suite)
        cell = Cell(
            workload=workload.id,
            variant=variant.id,
            parameters={name: one.at(size) for name, one in workload.parameters.items()},
            size=size,
            language=language.id,
            configuration=configuration.id,
            toolchain=asked.toolchain,
            limits=_limits(self.suite.limits, workload.limits, limits),
            mode=asked.mode,
            warmup=default_warmup if warmup is None else warmup,
            iterations=default_iterations if iterations is None else iterations,
        )
        if asked.mode == "latency":
            cell = _scheduled(cell, workload, *schedule)
        if reason:
            return _Lacking(cell=cell, exclusion=Exclusion(what=name, reason=reason))
        seed = self._seed(workload, cell)
        options = {**configuration.build, **language.mode_build.get(asked.mode, {})}
        return Planned(
            cell=cell,
            build=Build(language=language.id, toolchain=asked.toolchain, options=options),
            command=command_line(language.runner, cell, seed),
            environment=configuration.environment,
            seed=seed,
            may_fail=tuple(sorted({*configuration.may_fail, *may_fail})),
            once=asked.mode == "exact",
        )

    def _seed(self, workload: Workload, cell: Cell) -> int:
        if self.seed is not None:
            return self.seed
        mine = [one for one in workload.goldens if one.variant == cell.variant and one.size == cell.size]
        return next((one.seed for one in (*mine, *workload.goldens)), SEED)


def _scheduled(cell: Cell, workload: Workload, rate: int | None, seconds: int | None) -> Cell:
    """The cell with its schedule of arrivals: as given, else the workload's own at that size.

    UsageError where neither says one, or where the workload has no operations that could arrive.
    """
    own = workload.open_loop.get(cell.size)
    if own is not None:
        rate, seconds = rate or own.rate, seconds or own.seconds
    if workload.arrivals_replace is None or rate is None or seconds is None:
        raise UsageError(
            f"{workload.id} has no schedule of arrivals at size {cell.size}; give rate and seconds in the suite, "
            f"or [open_loop] in benchmarks/workloads/{workload.id}.toml"
        )
    parameters = {**cell.parameters, workload.arrivals_replace: rate * seconds}
    return dataclasses.replace(cell, parameters=parameters, rate=rate, seconds=seconds, tick_us=TICK_US)


def command_line(runner: str, cell: Cell, seed: int) -> tuple[str, ...]:
    """What starts a worker: see ``langs/PROTOCOL.md``, section 2."""
    return (
        runner,
        cell.workload,
        f"variant={cell.variant}",
        f"mode={cell.mode}",
        f"seed={seed}",
        f"warmup={cell.warmup}",
        f"iterations={cell.iterations}",
        *(() if cell.rate is None else (f"rate={cell.rate}", f"tick_us={cell.tick_us or 0}")),
        *(f"{name}={value}" for name, value in cell.parameters.items()),
    )


def _repetitions(workload: Workload, variant: Variant, mode: Mode, suite: Suite) -> tuple[int, int]:
    iterations = workload.iterations[suite.size]
    if mode == "latency":
        return iterations.warmup, 1  # one schedule, as long as it takes: more of them are more processes' affair
    if mode != "exact":
        return iterations.warmup, iterations.measured
    # A form is compiled while it warms up, and what the compiler leaves to the heap is known only after that.
    return (1 if variant.forms else 0), _COUNTED_ITERATIONS


def _limits(suite: Limits, workload: LimitsOverride, cells: LimitsOverride | None) -> Limits:
    cpus, memory = suite.cpus, suite.memory
    for one in (workload, cells):
        if one is not None:
            cpus = one.cpus if one.cpus is not None else cpus
            memory = one.memory if one.memory is not None else memory
    return Limits(cpus=cpus, memory=memory)
