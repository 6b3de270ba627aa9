"""The values that statistics take and give.

A :class:`Sample` holds one number per block; everything that is inferred is inferred over blocks, never
over the iterations inside one process. Numbers are in base units (ns, bytes, counts, 1 for shares).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Assumption = Literal["ratio", "linear", "skewed", "exact"]
"""What a metric is assumed to be: it chooses the difference per block and the interval."""

Decision = Literal["holds", "fails", "equivalent", "undecided"]

TOO_HIGH: Final = "no_control_process"
"""Code of the warning that a value may be too high and cannot be too low: stalls that nobody took the platform's from.

It can show that something stays below a bound, never that it lies above one.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning:
    """Something a reader must know about a number, and what to do about it."""

    code: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Values of one metric for one thing measured, one per block.

    ``values`` maps block number to value in ``unit``; ``resolution`` is the smallest difference the source
    can tell, in the same unit (0 where it counts exactly; one unit per invocation where a count is divided by
    operations). ``label`` says what was measured, for messages. ``disturbed`` are the blocks whose value was measured
    while the host was, and still was when it was measured again.
    """

    label: str
    metric: str
    unit: str
    assumption: Assumption
    values: Mapping[int, float]
    resolution: float = 0.0
    warnings: tuple[Warning, ...] = ()
    disturbed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A point with its interval at confidence ``1 - level``, from ``blocks`` blocks.

    ``low`` and ``high`` are None where the blocks are too few for an interval.
    """

    point: float
    low: float | None
    high: float | None
    unit: str
    level: float
    blocks: int
    estimand: str
    warnings: tuple[Warning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two samples compared block by block on the scale of their assumption.

    On the scale ``ratio`` and ``skewed``, ``differences`` are ``ln subject - ln baseline`` and ``estimate`` is the
    ratio itself (exponentiated, unit ``"x"``); on ``linear`` they are plain values. ``centre``, ``half`` are on the
    scale of the differences (``half`` is None below two blocks; for an asymmetric interval ``low``/``high`` of the
    estimate rule). ``spread`` is the standard deviation behind ``half``, no smaller than the clock's resolution
    allows (``floor``), and ``degrees`` its degrees of freedom (a first stage's where there were two). Where no block
    has both, ``blocks`` is empty and ``centre`` and the point are NaN.
    """

    subject: str
    baseline: str
    assumption: Assumption
    differences: tuple[float, ...]
    blocks: tuple[int, ...]
    centre: float
    half: float | None
    estimate: Estimate
    sign_flip_p: float | None
    spread: float | None = None
    degrees: int | None = None
    floor: float = 0.0
    warnings: tuple[Warning, ...] = ()
