"""Claims, what they demand, and what is found: plain values.

A :class:`Claim` is a statement restated as testable. Each :class:`Contrast` of it demands samples (:class:`Demand`), a
kind of contrast turns samples into a :class:`Finding`, and the judge turns findings into a :class:`Verdict`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.catalog.model import Mode
from harness.stats.values import Decision, Warning

Group = Literal["speed", "memory", "pauses", "concurrency", "safety"]
Quantifier = Literal["exists", "generally", "always"]
VerdictWord = Literal["supported", "refuted", "depends", "mixed", "inconclusive", "untested", "not_measurable", "unfit"]
KindName = Literal["ratio", "bound", "exact", "crossover", "slope", "outcomes", "share", "interaction"]
Direction = Literal["above", "below", "equal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One sample that a contrast needs; ``form`` is set where one process serves several forms.

    ``once`` demands a fresh setting of repetitions where the claim fixes them (None: the suite's).
    """

    workload: str
    variant: str
    form: str | None
    language: str
    configuration: str
    toolchain: str
    mode: Mode
    metric: str
    warmup: int | None = None
    iterations: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One comparison that bears on a claim, as the claim's file states it.

    ``subject``, ``baseline`` and ``over`` are selectors; ``{factor}`` inside one stands for each level in turn.
    ``margin`` and ``equivalent`` are ratios (or bounds in the metric's unit), ``expected`` and ``tolerance`` belong
    to ``exact``. ``threshold`` is the ratio that each workload of a ``share``, each position of a ``crossover`` is held
    against; their ``margin`` is then a share of the workloads, or a position. A share fails where ``at_most`` of them
    can lie below. ``{at}`` in a selector stands for each position of ``along`` in turn, which is in ``along_unit``.
    """

    id: str
    kind: KindName
    decides: bool
    metric: str
    subject: str
    baseline: str | None
    over: str
    mode: Mode | None
    margin: float | None
    equivalent: float
    predicted: Direction
    expected: float | None
    tolerance: float
    warmup: int | None
    iterations: int | None
    crosses: str | None
    about: str
    threshold: float | None = None
    at_most: float | None = None
    along: tuple[int, ...] = ()
    along_unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement of the article, restated as testable, with everything fixed before data is seen."""

    id: str
    group: Group
    section: str
    statement: str
    quantifier: Quantifier
    by_construction: bool
    cannot_say: str
    not_measurable: str | None
    factors: Mapping[str, Mapping[str, str]]
    answer: Mapping[str, str]
    contrasts: tuple[Contrast, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line behind a finding: one workload (or form) with its own point and interval."""

    label: str
    point: float
    low: float | None
    high: float | None
    unit: str
    decision: Decision
    workload: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a contrast shows. ``point`` to ``unit`` are on the scale people read (ratios as ratios, unit ``x``).

    ``thresholds`` maps names (``margin``, ``equivalent``, ``expected``) to values on that scale; ``p`` is two-sided, of
    the hypothesis that the effect equals the margin (None outside the error family). ``spread`` is the standard
    deviation of the per-block differences, for saying how many more blocks would decide.
    """

    claim: str
    contrast: str
    kind: KindName
    factor_level: tuple[str, str] | None
    point: float
    low: float | None
    high: float | None
    unit: str
    p: float | None
    level: float
    blocks: int
    decision: Decision
    thresholds: Mapping[str, float]
    rows: tuple[Row, ...]
    differences: Mapping[int, float]
    """Block number to the difference on the contrast's own scale (ln of a ratio), combined over its rows."""
    spread: float | None
    estimand: str
    metric: str
    warnings: tuple[Warning, ...]
    blocks_needed: int | None = None
    """Blocks in all after which an undecided finding would likely be decided; None where no number can be told."""
    cells: tuple[str, ...]
    """Labels of the cells it rests on, for filters and links."""
    skewed: bool = False
    """Whether its differences are compared by ranks, and so must be the differences between two such findings."""
    floor: float = 0.0
    """The smallest believable standard deviation of its differences: what the steps of the clock leave."""
    disturbed: float = 0.0
    """Share of the differences behind it in which a side was measured on a disturbed host, rerun or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Canaries and the A/A control of a run; anything in ``failures`` makes every verdict ``unfit``."""

    canaries: Mapping[str, bool]
    control: str
    """The A/A control in words, with its interval; empty where none was run."""
    failures: tuple[str, ...]
    warnings: tuple[Warning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A claim's answer: the word, one sentence, the findings behind it, and what flips it."""

    claim: str
    verdict: VerdictWord
    answer: str
    flips_with: str
    findings: tuple[Finding, ...]
    blocks_needed: int | None
    level: float
    warnings: tuple[Warning, ...]
