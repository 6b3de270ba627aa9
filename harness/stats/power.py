"""How many blocks: what a number of blocks can show, and how many more would settle a question.

Everything is planning: nothing here changes an interval or a decision. Spreads are standard deviations of one block's
difference, distances and widths are on the same scale (logarithms where the comparison is of ratios).
"""

import math
from itertools import count
from typing import Final

from scipy import special

from harness.stats.paired import FEWEST_BLOCKS, thresholds
from harness.stats.rank import signed_rank_depth
from harness.stats.values import Comparison

POWER: Final = 0.8
POWER_EQUIVALENT: Final = 0.9
"""Equivalence has to clear two bounds, so one of them is planned with this power for both to hold with 0.8."""

RANK_EFFICIENCY: Final = 0.864
"""Least efficiency of the signed-rank test relative to t, over all symmetric distributions (Hodges, Lehmann 1956)."""


def blocks_for(spread: float, distance: float, *, level: float, power: float = POWER) -> int:
    """Smallest n with n >= (t(1 - level/2) + t(power))² · spread² / distance², both quantiles with n - 1 degrees.

    The usual sample size for a paired t test (Chow, Shao, Wang, Lokhnygina 2017, 3.1), solved for n on both sides.
    ValueError when ``distance`` is not positive: no number of blocks separates a value from itself.
    """
    if distance <= 0:
        raise ValueError("the distance must be positive")
    ratio = (spread / distance) ** 2
    normal = float(special.ndtri(1 - level / 2)) + float(special.ndtri(power))
    n = max(2, math.ceil(normal**2 * ratio))  # t's quantiles are never below the normal's: a lower bound
    while n < (float(special.stdtrit(n - 1, 1 - level / 2)) + float(special.stdtrit(n - 1, power))) ** 2 * ratio:
        n += 1
    return n


def blocks_needed(comparison: Comparison, *, margin: float, equivalent: float | None = None) -> int | None:
    """Blocks in all after which the comparison is likely decided, if its centre and spread are what they seem.

    The smaller of what it takes to tell the effect from the margin (power 0.8) and, where the centre lies within it,
    to show equivalence (0.9). Signed ranks need at most 1/0.864 of t's blocks whatever the distribution (Hodges and
    Lehmann 1956), and enough for an interval at this level at all. None where no number would do, or where there is
    no spread to go by.
    """
    if comparison.assumption == "exact" or comparison.spread is None:
        return None
    m, e = thresholds(comparison.assumption, margin=margin, equivalent=equivalent)
    level = comparison.estimate.level
    ways = []
    if comparison.centre != m:
        ways.append(blocks_for(comparison.spread, abs(comparison.centre - m), level=level))
    if abs(comparison.centre) < e:
        ways.append(blocks_for(comparison.spread, e - abs(comparison.centre), level=level, power=POWER_EQUIVALENT))
    if not ways:
        return None
    if comparison.assumption != "skewed":
        return max(min(ways), FEWEST_BLOCKS[comparison.assumption])
    bounded = next(n for n in count(1) if signed_rank_depth(n, level=level) > 0)
    return max(math.ceil(min(ways) / RANK_EFFICIENCY), FEWEST_BLOCKS["skewed"], bounded)


def second_stage(spread: float, *, first_stage: int, width: float, level: float) -> int:
    """Blocks in all so that the interval's half-width is at most ``width``: N = max(n0, ⌈(t · s0 / w)²⌉).

    Stein's two stages (Stein 1945): ``spread`` is the first stage's and stays the one used, so the interval is exact
    for any true spread. Never a reason to stop because something is decided.
    """
    quantile = float(special.stdtrit(first_stage - 1, 1 - level / 2))
    return max(first_stage, math.ceil((quantile * spread / width) ** 2))


def minimum_detectable_effect(spread: float, blocks: int, *, level: float, power: float = POWER) -> float:
    """How far beyond the margin an effect must lie to be found with probability ``power`` by ``blocks`` blocks.

    Exact, by the noncentral t distribution (Johnson, Kotz, Balakrishnan 1995, ch. 31). Infinite below two blocks.
    """
    if blocks < 2:
        return math.inf
    critical = float(special.stdtrit(blocks - 1, 1 - level / 2))
    return float(special.nctdtrinc(blocks - 1, 1 - power, critical)) * spread / math.sqrt(blocks)
