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
    LimitsOverride,
    Replica,
    Stage,
    Status,
    Suite,
    SuiteCells,
    Workload,
)
from harness.catalog.select import Asked, Selector, ask, facts_of, matches, parse
from harness.claims.model import Demand
from harness.errors import UsageError
from harness.plan.settings import command_line, limits_of, repetitions, scheduled

CANARY = "canary"
"""The workload whose truth is its input; it frames every run."""

SEED = 42
"""The programs' seed where no golden value fixes one."""


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
    layouts: int = 1
    """How many layouts of its code there are to draw from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A cell of mode latency whose rate is a share of a capacity that ``pilot`` has yet to measure, closed-loop.

    ``operations`` names the parameter that the number of arrivals replaces.
    """

    planned: Planned
    pilot: Planned
    operations: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """All cells of a run.

    ``blocks`` are compared in blocks, ``once`` run outside them, ``canaries`` first and last, ``control`` names the
    cells of ``blocks`` that also run as replica b, ``pending`` wait for their pilots (``harness.plan.capacity``).
    ``demanded`` says which cell serves a demand.
    """

    blocks: tuple[Planned, ...]
    once: tuple[Planned, ...]
    canaries: tuple[Planned, ...]
    control: tuple[Planned, ...]
    demanded: Mapping[Demand, Cell]
    exclusions: tuple[Exclusion, ...]
    pilots: tuple[Planned, ...] = ()
    pending: tuple[Pending, ...] = ()

    @property
    def builds(self) -> tuple[Build, ...]:
        """Every binary that is needed, each once, in a stable order."""
        pending = (one.planned for one in self.pending)
        everything = (*self.canaries, *self.once, *self.pilots, *pending, *self.blocks)
        found = {one.build.language + "/" + one.build.id: one.build for one in everything}
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
    pending: dict[tuple[object, ...], Pending] = {}
    exclusions: dict[str, Exclusion] = {}
    narrow = parse(suite.only, catalog)

    def add(one: Planned | Pending | _Lacking, *filters: Selector) -> Planned | None:
        cell = one.planned.cell if isinstance(one, Pending) else one.cell
        facts = facts_of(cell, catalog)
        if not all(matches(each, facts) for each in filters):
            return None
        if isinstance(one, Pending):
            pending.setdefault(cell.key, one)
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
            for listed in resolver.loaded(asked, group) if group.loads else (resolver.listed(asked, group),):
                add(listed, *wanted)
    control = [
        kept
        for group in suite.control
        for asked in _asked(group, catalog)
        if (kept := add(resolver.listed(asked, group), *wanted)) is not None
    ]
    everything = tuple(planned.values())
    pilots = {one.pilot.cell.key: one.pilot for one in pending.values()}
    languages = {one.cell.language for one in (*everything, *pilots.values())}
    canaries = [one for one in resolver.canaries(languages) if isinstance(one, Planned)]
    return Cells(
        blocks=tuple(one for one in everything if not one.once),
        once=tuple(one for one in everything if one.once),
        canaries=tuple(canaries),
        control=tuple(control),
        demanded=demanded,
        exclusions=tuple(exclusions.values()),
        pilots=tuple(pilots.values()),
        pending=tuple(pending.values()),
    )


def invocation(
    planned: Planned,
    *,
    block: int | None,
    slot: int,
    attempt: int,
    replica: Replica = "a",
    stage: Stage = "measure",
    layout: int = 0,
    padding: int = 0,
) -> Invocation:
    """One run of a planned cell."""
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
        layout=layout,
        padding=padding,
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
        self._check_schedule(asked, group)
        if group.loads:
            raise UsageError(f"suite {self.suite.id}: loads belong to [[cells]], the control runs what those name")
        one = self._resolve(
            asked,
            limits=group.limits,
            warmup=group.warmup,
            iterations=group.iterations,
            schedule=(group.rate, group.seconds),
            may_fail=group.may_fail,
        )
        return one if isinstance(one, _Lacking) else dataclasses.replace(one, once=one.once or group.once)

    def loaded(self, asked: Asked, group: SuiteCells) -> Iterable[Pending | _Lacking]:
        """A cell for each of the group's loads, all waiting for one pilot."""
        self._check_schedule(asked, group)
        workload = self.catalog.workloads[asked.workload]
        if group.rate is not None or group.once:
            raise UsageError(
                f"suite {self.suite.id}: loads stand beside neither rate nor once; use [[cells]] of its own"
            )
        if "throughput" not in workload.variant(asked.variant).modes:
            raise UsageError(
                f"suite {self.suite.id}: {workload.id}/{asked.variant} has no mode throughput, in which a pilot would "
                "measure its capacity; give a rate instead of loads"
            )
        pilot = self._resolve(
            dataclasses.replace(asked, mode="throughput"), limits=group.limits, may_fail=group.may_fail
        )
        # The rate is the pilot's to find; one of 1 stands for it until then and is part of no cell that runs.
        one = self._resolve(
            asked,
            limits=group.limits,
            warmup=group.warmup,
            iterations=group.iterations,
            schedule=(1, group.seconds),
            may_fail=group.may_fail,
        )
        for lacking in (one, pilot):
            if isinstance(lacking, _Lacking):
                yield lacking
                return
        assert isinstance(one, Planned)
        assert isinstance(pilot, Planned)
        assert workload.arrivals_replace is not None  # or _scheduled would have refused it
        for load in group.loads:
            cell = dataclasses.replace(one.cell, rate=None, load=load, parameters=pilot.cell.parameters)
            planned = dataclasses.replace(one, cell=cell)
            yield Pending(planned=planned, pilot=pilot, operations=workload.arrivals_replace)

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

    def _check_schedule(self, asked: Asked, group: SuiteCells) -> None:
        if asked.mode != "latency" and (group.rate, group.seconds, group.loads) != (None, None, ()):
            raise UsageError(
                f"suite {self.suite.id}: rate, seconds and loads belong to mode latency, and {asked.workload} is asked "
                f"for in mode {asked.mode}; select mode=latency, or leave them out"
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
        default_warmup, default_iterations = repetitions(workload, asked.mode, self.suite)
        cell = Cell(
            workload=workload.id,
            variant=variant.id,
            parameters={name: one.at(size) for name, one in workload.parameters.items()},
            size=size,
            language=language.id,
            configuration=configuration.id,
            toolchain=asked.toolchain,
            limits=limits_of(self.suite.limits, workload.limits, limits),
            mode=asked.mode,
            warmup=default_warmup if warmup is None else warmup,
            iterations=default_iterations if iterations is None else iterations,
        )
        if asked.mode == "latency":
            cell = scheduled(cell, workload, *schedule)
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
            layouts=1 if asked.mode == "exact" else language.layouts,  # counts do not depend on where code lies
        )

    def _seed(self, workload: Workload, cell: Cell) -> int:
        if self.seed is not None:
            return self.seed
        mine = [one for one in workload.goldens if one.variant == cell.variant and one.size == cell.size]
        return next((one.seed for one in (*mine, *workload.goldens)), SEED)
