"""Every message a worker prints, and every field of it, once.

A worker's stdout is NDJSON; ``type`` tells the message. Integers are ns, bytes or counts. The normative text is
``langs/PROTOCOL.md``. Unknown fields and wrong types are refused: a stream that does not parse is an invalid record.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter

_STRICT = ConfigDict(extra="forbid", strict=True)
Natural = Annotated[int, Field(ge=0)]
Checksum = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The worker is up: what it is and which settings its runtime reports as in force."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["start"] = "start"
    format: Literal[1]
    language: str
    toolchain: str
    in_force: dict[str, int | str]
    cpus: int
    memory_limit: Natural | None = None
    pid: Natural
    cpu_resolution_ns: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The worker waits for one byte, ``g``, on stdin."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """One timed repetition; ``runtime_*`` are what the runtime itself counted, in mode exact only."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["iteration"] = "iteration"
    index: Natural
    phase: Literal["warmup", "measured"]
    form: str | None = None
    start_ns: Natural
    elapsed_ns: Natural
    cpu_ns: Natural
    operations: Natural
    allocations: Natural
    allocated_bytes: Natural
    peak_live_bytes: Natural
    checksum: Checksum
    runtime_allocations: int | None = None
    runtime_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """A log-linear histogram in HdrHistogram's bucket layout: non-zero ``[index, count]`` pairs."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["histogram"] = "histogram"
    name: str
    lowest: Natural
    highest: Natural
    digits: Natural
    count: Natural
    max: Natural
    counts: list[tuple[Natural, Natural]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A gap that the program felt, seen by identical code in every language."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["stall"] = "stall"
    kind: str
    start_ns: Natural
    end_ns: Natural
    run_delay_ns: Natural | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """What the stall ticker did over the measured iterations: ``ticks`` wake-ups, ``skipped`` ones that went by.

    Every gap of ``threshold_ns`` or more is a :class:`Stall` of kind ``ticker``, except the ``dropped`` ones.
    ``cpu_ns`` is the ticker thread's own CPU time.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["ticker"] = "ticker"
    period_ns: Natural
    threshold_ns: Natural
    start_ns: Natural
    end_ns: Natural
    ticks: Natural
    skipped: Natural
    dropped: Natural
    cpu_ns: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class GcPause:
    """A stop that the runtime itself reports; attribution only, never compared across languages."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["gc_pause"] = "gc_pause"
    kind: str
    start_ns: Natural
    end_ns: Natural
    run_delay_ns: Natural | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Memory read by the worker from its own /proc at a named moment (mode memory)."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["checkpoint"] = "checkpoint"
    name: str
    at_ns: Natural
    live_bytes: Natural
    resident_bytes: Natural
    peak_resident_bytes: Natural
    pss_bytes: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeMessage:
    """What a deliberate mistake led to."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["outcome"] = "outcome"
    name: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The last line of a complete stream; the worker then waits for ``q`` or end of file on stdin."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    type: Literal["end"] = "end"
    status: Literal["ok", "oom", "unsupported", "kernel_limit"]
    peak_resident_bytes: Natural
    resident_bytes: Natural
    gc_cycles: Natural | None = None
    gc_cpu_ns: Natural | None = None
    counters: dict[str, int] = field(default_factory=dict)


Message = Annotated[
    Start | Ready | Iteration | Histogram | Ticker | Stall | GcPause | Checkpoint | OutcomeMessage | End,
    Field(discriminator="type"),
]

MESSAGE: TypeAdapter[
    Start | Ready | Iteration | Histogram | Ticker | Stall | GcPause | Checkpoint | OutcomeMessage | End
] = TypeAdapter(Message)
"""``MESSAGE.validate_json(line)`` gives a message or raises pydantic's ValidationError."""
