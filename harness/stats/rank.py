"""Exact tests and estimates that need no distribution: signed ranks, Hodges-Lehmann, sign flips.

All are computed exactly, by counting, so none needs a random number. They serve quantities with heavy tails and as a
second opinion on the t interval. Differences come in as plain numbers on whatever scale the caller compares.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

LARGEST_SIGN_FLIP: Final = 30
"""Sign flips are counted by meeting in the middle: 2^15 sums a side at thirty differences. Beyond, t needs no help."""


def walsh_averages(differences: Sequence[float]) -> NDArray[np.float64]:
    """Sorted means of every pair, each with itself included: n(n+1)/2 of them (Walsh 1949)."""
    data = np.asarray(differences, dtype=np.float64)
    first, second = np.triu_indices(len(data))
    return np.sort((data[first] + data[second]) / 2)


def hodges_lehmann(differences: Sequence[float]) -> float:
    """The median of the Walsh averages (Hodges and Lehmann 1963); ValueError without differences."""
    if not differences:
        raise ValueError("no differences")
    return float(np.median(walsh_averages(differences)))


def signed_rank_interval(differences: Sequence[float], *, level: float) -> tuple[float, float] | None:
    """Exact interval for the centre of symmetry at confidence ``1 - level`` or better (Hollander and Wolfe, 3.3).

    The k-th smallest and k-th largest Walsh average, k from :func:`signed_rank_depth`. None where even the whole range
    covers too little.
    """
    k = signed_rank_depth(len(differences), level=level)
    if k == 0:
        return None
    averages = walsh_averages(differences)
    return float(averages[k - 1]), float(averages[-k])


def signed_rank_depth(n: int, *, level: float) -> int:
    """How many Walsh averages from either end the interval's limits lie; 0 where ``n`` differences bound nothing.

    The largest k with P(T < k) <= level/2 under the signed-rank distribution of n differences.
    """
    if n == 0:
        return 0
    lower = np.cumsum(_subset_sums(range(1, n + 1)))
    return int(np.searchsorted(lower, level / 2, side="right"))


def signed_rank_p(differences: Sequence[float]) -> float:
    """Two-sided exact p of Wilcoxon's signed-rank test of centre zero (Wilcoxon 1945).

    Zeros are left out, equal sizes share their mean rank, and the distribution is conditional on those ranks, so it
    stays exact with ties. 1 when every difference is zero.
    """
    data = np.asarray([d for d in differences if d != 0], dtype=np.float64)
    if data.size == 0:
        return 1.0
    _, inverse, counts = np.unique(np.abs(data), return_inverse=True, return_counts=True)
    # Doubled, mean ranks of ties are whole: a group's first plus last rank.
    last = np.cumsum(counts)
    doubled = (2 * last - counts + 1)[inverse]
    observed = int(doubled[data > 0].sum())
    chances = _subset_sums(int(rank) for rank in doubled)
    below, above = float(chances[: observed + 1].sum()), float(chances[observed:].sum())
    return min(1.0, 2 * min(below, above))


def sign_flip(differences: Sequence[float]) -> float | None:
    """Two-sided exact p of the mean under all 2^n changes of sign (Fisher 1935).

    Assumes differences symmetric about zero under the hypothesis, nothing else. It cannot fall below 2^(1-n), so 0.05
    is out of reach below six. None above :data:`LARGEST_SIGN_FLIP` differences, 1 without any.
    """
    n = len(differences)
    if n > LARGEST_SIGN_FLIP:
        return None
    observed = abs(math.fsum(differences))
    # Flips that give the same sum in exact arithmetic must count as equal whatever the order of additions.
    target = observed - 1e-12 * math.fsum(abs(d) for d in differences)
    if target <= 0:
        return 1.0
    left, right = _signed_sums(differences[: n // 2]), np.sort(_signed_sums(differences[n // 2 :]))
    reaching = (len(right) - np.searchsorted(right, target - left, side="left")).sum()
    return min(1.0, 2 * float(reaching) / 2.0**n)


def _subset_sums(ranks: Iterable[int]) -> NDArray[np.float64]:
    """Chance of each sum 0, 1, ... when every rank is in it or not with chance one half."""
    chances = np.ones(1)
    for rank in ranks:
        grown = np.zeros(len(chances) + rank)
        grown[: len(chances)] += chances / 2
        grown[rank:] += chances / 2
        chances = grown
    return chances


def _signed_sums(numbers: Sequence[float]) -> NDArray[np.float64]:
    sums = np.zeros(1)
    for number in numbers:
        sums = np.concatenate([sums + number, sums - number])
    return sums
