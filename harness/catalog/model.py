"""What can be measured and what can be run, as frozen values.

The first half mirrors the data files (workloads, metrics, languages, suites); the second half is what the planner makes
of them: a :class:`Cell` is one thing to measure, an :class:`Invocation` one fresh process measuring it, a
:class:`Block` one pass over all cells that are compared. Durations are ns or seconds as named, memory is bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from harness.stats.values import Assumption

Mode = Literal["throughput", "latency", "memory", "exact"]
Size = Literal["smoke", "quick", "full"]
Lane = Literal["default", "pooled", "tuned", "no_reclaim"]
Status = Literal["ok", "oom", "timeout", "crash", "invalid", "unsupported", "kernel_limit"]
Stage = Literal["pilot", "search", "measure", "screen", "confirm"]
Replica = Literal["a", "b"]

MODES: tuple[Mode, ...] = ("throughput", "latency", "memory", "exact")
SIZES: tuple[Size, ...] = ("smoke", "quick", "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One integer on a worker's command line, with its value per size."""

    unit: str
    smoke: int
    quick: int
    full: int

    def at(self, size: Size) -> int:
        """The value at ``size``."""
        return {"smoke": self.smoke, "quick": self.quick, "full": self.full}[size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Iterations:
    """Repetitions inside one invocation."""

    warmup: int
    measured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoop:
    """A schedule of arrivals: ``rate`` a second for so many ``seconds``."""

    rate: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One shape of a workload; ``lane`` overrides the configuration's, ``operations`` names the parameter it uses."""

    id: str
    about: str
    lane: Lane | None = None
    modes: tuple[Mode, ...] = MODES
    forms: bool = False
    """True for the variant whose one process runs every other variant in turn, as forms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """What a correct run reports for one (size, variant, seed); ``source`` is ``model`` or ``agreement``."""

    size: Size
    variant: str
    seed: int
    source: Literal["model", "agreement"]
    operations: int
    allocations: int
    allocated_bytes: int
    peak_live_bytes: int
    checksum: str
    facts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a container gets: a number of CPUs and bytes of memory (None: no limit in force)."""

    cpus: int
    memory: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOverride:
    """Limits where a workload or a suite's cells say something; None leaves what was there."""

    cpus: int | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An allocation pattern, implemented once per language, possibly in variants."""

    id: str
    title: str
    models: str
    isolates: str
    operation: str
    algorithm: str
    arrivals_replace: str | None
    parameters: Mapping[str, Parameter]
    iterations: Mapping[Size, Iterations]
    open_loop: Mapping[Size, OpenLoop]
    """Schedules of mode latency where a suite says nothing; empty where the workload has no single operations."""
    variants: tuple[Variant, ...]
    limits: LimitsOverride
    goldens: tuple[Golden, ...]
    differences: tuple[str, ...]

    def variant(self, variant_id: str) -> Variant:
        """The variant of that id; KeyError when there is none."""
        for variant in self.variants:
            if variant.id == variant_id:
                return variant
        raise KeyError(variant_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """One version of a language's compiler and runtime, and where each engine gets it from."""

    id: str
    default: bool
    probe: tuple[str, ...]
    packages: tuple[str, ...]
    runtime_packages: tuple[str, ...]
    backports: bool
    path: str
    pypi: str | None
    host_packages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A runtime set-up of a language."""

    id: str
    lane: Lane
    about: str
    toolchain: str
    environment: Mapping[str, str]
    build: Mapping[str, str]
    in_force: Mapping[str, int | str]
    may_fail: tuple[Status, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What ``validate`` may expect of a language's runtime, where that differs between languages.

    Up to ``start_bytes`` its memory and ``start_cpu_ns`` its CPU time vary by what the runtime does for itself.
    ``size_classes`` maps bytes asked for to bytes allocated; ``stops`` names a configuration whose every stop is
    reported (None: there is none).
    """

    start_bytes: int = 0
    start_cpu_ns: int = 0
    size_classes: Mapping[int, int] = field(default_factory=dict)
    stops: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A folder under ``langs/``: its toolchains, configurations, and what it does not have."""

    id: str
    title: str
    colour: str
    marker: str
    dash: str
    runner: str
    source: str
    comment: str
    folder: PurePosixPath
    toolchains: tuple[Toolchain, ...]
    configurations: tuple[Configuration, ...]
    mode_build: Mapping[Mode, Mapping[str, str]]
    absent: Mapping[str, str]
    layouts: int = 1
    """How many layouts of the code each build has, the plain one included; 1 where code is placed at run time."""
    truth: Truth = field(default_factory=Truth)

    def toolchain(self, toolchain_id: str) -> Toolchain:
        """The toolchain of that id; KeyError when there is none."""
        for toolchain in self.toolchains:
            if toolchain.id == toolchain_id:
                return toolchain
        raise KeyError(toolchain_id)

    def configuration(self, configuration_id: str) -> Configuration:
        """The configuration of that id; KeyError when there is none."""
        for configuration in self.configurations:
            if configuration.id == configuration_id:
                return configuration
        raise KeyError(configuration_id)

    def absence(self, workload: str, variant: str) -> str | None:
        """Why this language lacks the workload or that variant of it; None when it has it."""
        return self.absent.get(workload) or self.absent.get(f"{workload}/{variant}")

    def source_of(self, workload: str) -> PurePosixPath:
        """Path, relative to the language's folder, of the workload's one source file."""
        camel = "".join(part.capitalize() for part in workload.split("_"))
        return PurePosixPath(self.source.replace("{id}", workload).replace("{Id}", camel))


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A second reader of the same truth: both must agree within ``within`` (a share) or ``floor`` (bytes)."""

    against: str
    within: float
    floor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quantity, named once; ``source`` says which field of a record it is read from."""

    id: str
    title: str
    unit: str
    better: Literal["lower", "higher", "neither"]
    modes: tuple[Mode, ...]
    scope: Literal["uniform", "per-language"]
    assumption: Assumption
    source: str
    tier: int
    check: Check | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteCells:
    """Cells a suite asks for beyond its claims', or with settings of their own."""

    select: tuple[str, ...]
    once: bool
    limits: LimitsOverride
    warmup: int | None
    iterations: int | None
    rate: int | None
    seconds: int | None
    loads: tuple[float, ...]
    """Shares of each cell's own capacity, measured by a pilot, that become rates; empty where ``rate`` serves."""
    may_fail: tuple[Status, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Which claims are asked, how precisely and how long."""

    id: str
    title: str
    size: Size
    blocks: int
    deadline_seconds: int | None
    claims: tuple[str, ...]
    only: str
    parallel: int
    limits: Limits
    cells: tuple[SuiteCells, ...]
    control: tuple[SuiteCells, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Everything in ``benchmarks/`` and ``langs/`` but the claims, by id; ``digest`` names its content."""

    workloads: Mapping[str, Workload]
    languages: Mapping[str, Language]
    metrics: Mapping[str, Metric]
    suites: Mapping[str, Suite]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One thing to measure. ``parameters`` are resolved integers.

    ``rate`` (arrivals a second), ``seconds`` and ``tick_us`` (the stall ticker's period, 0 for none) belong to mode
    latency. ``load`` is the share of the cell's own capacity that ``rate`` was made from (None: ``rate`` was given).
    """

    workload: str
    variant: str
    parameters: Mapping[str, int]
    size: Size
    language: str
    configuration: str
    toolchain: str
    limits: Limits
    mode: Mode
    warmup: int
    iterations: int
    rate: int | None = None
    seconds: int | None = None
    load: float | None = None
    tick_us: int | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """A hashable identity: equal for equal cells."""
        return (
            self.workload, self.variant, tuple(sorted(self.parameters.items())), self.size, self.language,
            self.configuration, self.toolchain, self.limits, self.mode, self.warmup, self.iterations, self.rate,
            self.seconds, self.load, self.tick_us,
        )  # fmt: skip

    @property
    def label(self) -> str:
        """Short text for people: ``language/configuration workload/variant mode``."""
        return f"{self.language}/{self.configuration} {self.workload}/{self.variant} {self.mode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One binary: a language's toolchain with KEY=VALUE options of ``langs/<x>/build``."""

    language: str
    toolchain: str
    options: Mapping[str, str]

    @property
    def id(self) -> str:
        """A name that is a valid folder: ``toolchain`` or ``toolchain+KEY=VALUE+…``, keys sorted."""
        return "+".join([self.toolchain, *(f"{key}={value}" for key, value in sorted(self.options.items()))])

    def __hash__(self) -> int:
        """Hashable although ``options`` is a mapping, so that a build can be the key of one."""
        return hash((self.language, self.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One fresh process in one fresh container running one cell.

    ``block`` is None outside the blocks (canaries, cells measured once). ``command`` starts with the program's
    name, ``environment`` is what the configuration adds. ``may_fail`` lists the failures that are declared results.
    """

    cell: Cell
    build: Build
    replica: Replica
    stage: Stage
    block: int | None
    slot: int
    attempt: int
    seed: int
    command: tuple[str, ...]
    environment: Mapping[str, str]
    may_fail: tuple[Status, ...] = ()
    layout: int = 0
    """Which of the build's code layouts runs; 0 is the plain one."""
    padding: int = 0
    """Bytes in an environment variable that nobody reads, which move the stack; 0 is without the variable."""

    @property
    def pass_number(self) -> int:
        """The pass over its block: 1 for attempt 1 and its rerun 2, 2 for attempt 3 and its rerun 4, and so on."""
        return (self.attempt + 1) // 2

    @property
    def id(self) -> str:
        """Unique inside a run: ``measure-b03-s11-a-t1``; ``once`` where there is no block."""
        block = "once" if self.block is None else f"b{self.block:02d}"
        return f"{self.stage}-{block}-s{self.slot:03d}-{self.replica}-t{self.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One pass over all cells that are compared, in random order; ``number`` is None for what runs once."""

    number: int | None
    invocations: tuple[Invocation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A cell that was asked for and will not run, with the reason."""

    what: str
    reason: str
