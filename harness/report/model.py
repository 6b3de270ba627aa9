"""Everything that is shown, as plain data: what the page, the terminal and ``report.json`` have in common.

Every number stands here once, raw and as the text people read, so that no renderer computes anything. All values turn
into JSON by :func:`to_json`; ``None`` means that there is no such thing in this run and never stands for zero.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from harness.claims.model import Group, KindName, VerdictWord
from harness.stats.values import Decision

FORMAT: Final = 1

SIGNS: Final[Mapping[VerdictWord, str]] = {
    "supported": "+",
    "refuted": "-",
    "depends": "~",
    "mixed": "±",
    "inconclusive": "?",
    "unfit": "!",
    "untested": "·",
    "not_measurable": "∅",
}
DECISION_SIGNS: Final[Mapping[Decision, str]] = {"holds": "+", "fails": "-", "equivalent": "=", "undecided": "?"}
GROUPS: Final[tuple[tuple[Group, str], ...]] = (
    ("speed", "Speed"),
    ("memory", "Memory"),
    ("pauses", "Pauses"),
    ("concurrency", "Concurrency"),
    ("safety", "Safety"),
)
WORDS: Final[Mapping[VerdictWord, str]] = {
    "supported": "supported",
    "refuted": "refuted",
    "depends": "depends",
    "mixed": "mixed",
    "inconclusive": "inconclusive",
    "unfit": "unfit",
    "untested": "untested",
    "not_measurable": "not measurable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A warning with what to do about it (``remedy`` may be empty); ``where`` says what it belongs to."""

    code: str
    where: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow:
    """One workload or form behind an effect."""

    label: str
    point: float
    low: float | None
    high: float | None
    unit: str
    text: str
    decision: Decision
    sign: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one contrast shows at one level of its factor; ``level`` is empty where it has no factor.

    ``on_axis`` is true where it is a ratio and can be drawn on the axis that all rows of the board share.
    ``confidence`` is that of its interval, as a share; ``rule`` says when it holds. ``disturbed`` is the share of its
    differences with a side measured on a disturbed host.
    """

    contrast: str
    name: str
    factor: str
    level: str
    decides: bool
    metric: str
    metric_title: str
    kind: KindName
    unit: str
    point: float | None
    low: float | None
    high: float | None
    text: str
    confidence: float
    blocks: int
    decision: Decision
    sign: str
    margin: float | None
    equivalent: float | None
    expected: float | None
    on_axis: bool
    rule: str
    about: str
    estimand: str
    p: float | None
    rows: tuple[EffectRow, ...]
    cells: tuple[str, ...]
    disturbed: float
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimReport:
    """One claim: a row of the board, a section of its own. ``headline`` indexes ``effects`` (None: nothing found)."""

    id: str
    group: Group
    section: str
    statement: str
    verdict: VerdictWord
    word: str
    sign: str
    answer: str
    by_construction: bool
    quantifier: str
    flips_with: str
    effects: tuple[Effect, ...]
    headline: int | None
    board: tuple[int, ...]
    """Indices of the effects shown on the board: the levels of the ratio that decides, else all that decide."""
    effect: str
    """The effect as the board and the terminal print it."""
    why: str
    blocks: int
    blocks_needed: int | None
    cannot_say: str
    digest: str
    languages: tuple[str, ...]
    lanes: tuple[str, ...]
    notes: tuple[Note, ...]
    repeat: str
    explain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One group of the verdict board; ``claims`` are ids in the order of the catalogue."""

    group: Group
    title: str
    claims: tuple[str, ...]
    on_axis: bool
    """Whether any of its effects is drawn on the shared axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The log axis that all ratios of the board share. ``ticks`` lie inside ``low`` and ``high``."""

    low: float
    high: float
    ticks: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many claims got one verdict."""

    verdict: VerdictWord
    word: str
    sign: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A ratio to the frontier's baseline with its interval over blocks (None below two blocks)."""

    point: float
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierPoint:
    """One configuration: geometric means over the frontier's workloads, relative to the baseline, smaller is better.

    ``best`` is true where no configuration of the same lane has both less memory and less time.
    """

    language: str
    configuration: str
    lane: str
    time: Measured
    memory: Measured
    cpu: Measured | None
    best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """Peak memory against wall time. Empty ``points`` come with the reason in ``empty``."""

    baseline: str
    workloads: tuple[str, ...]
    blocks: int
    points: tuple[FrontierPoint, ...]
    ties: tuple[str, ...]
    left_out: tuple[str, ...]
    empty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One percentile of a ladder, ``q`` in 0..1 (1 is the exact maximum)."""

    q: float
    name: str
    value_ns: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseShare:
    """What share of all stalled time a cause has; ``title`` says it in words."""

    cause: str
    title: str
    share: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilisation:
    """The least share of a window of that length that was left to the program; None where no run was so long."""

    window_ns: int
    window: str
    share: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """What one cell of mode latency felt, and what its runtime reports, over all invocations that kept the schedule.

    ``operations`` were felt in ``seconds``; ``stops`` is how many stops the runtime reports (``reported_ns`` the
    longest, None where it reports none). ``stalled`` is the share of time in stalls of 10 ms or more; ``causes`` split
    the time in all stalls that the ticker kept, and are empty where there was none. ``mind`` is what a reader has to
    know.
    """

    cell: str
    language: str
    configuration: str
    lane: str
    workload: str
    rate: int
    invocations: int
    operations: int
    seconds: float
    seconds_text: str
    ladder: tuple[Rung, ...]
    reported_ns: int | None
    stops: int
    reported: str
    stalled: float | None
    stalled_text: str
    stalls: int
    causes: tuple[CauseShare, ...]
    utilisation: tuple[Utilisation, ...]
    mind: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Invocations of one cell that ended the same way; ``expected`` where the configuration or suite declares it."""

    what: str
    status: str
    reason: str
    expected: bool
    number: int
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """What was asked for and did not run."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A known truth that was read back (or was not)."""

    id: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """What the host did during ``number`` invocations, ``rerun`` of which were repeated at once."""

    code: str
    number: int
    rerun: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whether this run can be trusted."""

    fit: bool
    canaries: tuple[Canary, ...]
    control: str
    failures: tuple[str, ...]
    flags: tuple[Flag, ...]
    notes: tuple[Note, ...]
    validation: str = ""
    """When this machine's instruments last read known truths back, and how that came out; empty: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a language looks everywhere: a colour that the colour-blind can tell apart, a marker and a dash."""

    id: str
    title: str
    colour: str
    marker: str
    dash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationCard:
    """A configuration that ran: what it is, what the runtime said was in force, and on which toolchain."""

    language: str
    id: str
    lane: str
    about: str
    toolchain: str
    in_force: Mapping[str, int | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadCard:
    """A workload that ran, with the sizes it ran at and the differences that could not be avoided."""

    id: str
    title: str
    models: str
    isolates: str
    operation: str
    parameters: Mapping[str, int]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What was run, where and when. ``runs`` are the ids read together; empty text means not recorded."""

    runs: tuple[str, ...]
    suite: str
    engine: str
    date: str
    commit: str
    dirty: bool
    host: str
    seed: int | None
    blocks: int
    invocations: int
    toolchains: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command a reader can type, and what it does."""

    about: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole. ``not_asked`` are claims of the catalogue that this suite does not ask."""

    format: int
    run: RunFacts
    tallies: tuple[Tally, ...]
    boards: tuple[Board, ...]
    claims: Mapping[str, ClaimReport]
    not_asked: tuple[str, ...]
    axis: Axis
    frontier: Frontier
    pauses: tuple[Pauses, ...]
    failures: tuple[Failure, ...]
    excluded: tuple[Excluded, ...]
    trust: Trust
    styles: tuple[Style, ...]
    configurations: tuple[ConfigurationCard, ...]
    workloads: tuple[WorkloadCard, ...]
    notes: tuple[Note, ...]
    commands: tuple[Command, ...]


def to_json(report: Report) -> str:
    """The report as one JSON document, byte-identical for equal reports; ValueError where a number is not finite."""
    return json.dumps(asdict(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
