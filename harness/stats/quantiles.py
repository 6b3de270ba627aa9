"""Quantiles of plain numbers, and how far they can be trusted without assuming a distribution."""

import math
from collections.abc import Sequence

from scipy import special


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile by linear interpolation (Hyndman, Fan 1996, type 7). ValueError: no values, or q outside 0..1."""
    if not values or not 0 <= q <= 1:
        raise ValueError(f"no quantile {q} of {len(values)} values")
    ordered = sorted(values)
    position = q * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def quantile_interval(values: Sequence[float], q: float, *, level: float) -> tuple[float | None, float | None]:
    """Order statistics that enclose the q-quantile at confidence ``1 - level`` (David and Nagaraja 2003, 7.1).

    Each side takes half of the level; a side is None where so few values bound nothing. Needs independent values, of
    any continuous distribution.
    """
    ordered = sorted(values)
    n = len(ordered)
    # bdtr(k, n, q) = P(at most k of n values lie below the quantile)
    low = [k for k in range(n) if float(special.bdtr(k, n, q)) <= level / 2]
    high = [k for k in range(n) if 1 - float(special.bdtr(k, n, q)) <= level / 2]
    return (ordered[low[-1]] if low else None, ordered[high[0]] if high else None)
