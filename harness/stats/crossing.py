"""Where along ordered positions a ratio comes to lie above a threshold for good, with the interval of that place.

Between two positions the logarithm of the ratio is taken to be linear in the logarithm of the position, block by block,
so that every place has a comparison of its own. The interval is what such comparisons leave open (Fieller 1954): it
needs no distribution of the place itself, which may lie beyond either end.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.stats import paired
from harness.stats.stages import of_first_stage
from harness.stats.values import Comparison

_HALVINGS: Final = 60
"""Of the stretch between two positions: more than a float can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """``point`` and its interval, in the positions' unit; an end of the positions stands for all that lies beyond it.

    ``low`` and ``high`` are None where blocks are too few for any interval.
    """

    point: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Comparisons by position (above 0), all of the assumption ``ratio`` and over the same blocks."""

    comparisons: Mapping[int, Comparison]
    level: float
    first_stage: int | None

    def at(self, place: float) -> Comparison:
        """The comparison at ``place``, which the positions around it weigh. ValueError for a place outside them."""
        positions = sorted(self.comparisons)
        if not positions[0] <= place <= positions[-1]:
            raise ValueError(f"{place} is not among {positions}")
        index = max(1, next(index for index, one in enumerate(positions) if place <= one))
        ends = positions[index - 1], positions[index]
        first, second = (self.comparisons[one] for one in ends)
        weight = math.log(place / ends[0]) / math.log(ends[1] / ends[0])
        mine, theirs = (dict(zip(one.blocks, one.differences, strict=True)) for one in (first, second))
        return paired.from_differences(
            {block: (1 - weight) * mine[block] + weight * theirs[block] for block in mine},
            "ratio",
            subject=first.subject,
            baseline=first.baseline,
            unit=first.estimate.unit,
            level=self.level,
            floor=math.hypot((1 - weight) * first.floor, weight * second.floor),
            first_stage=self.first_stage,
        )

    def crossing(self, threshold: float) -> Crossing:
        """From where on the ratio lies above ``threshold``.

        ``high`` is the first place from which on it surely does, ``low`` the last up to which it surely lies below. A
        wrong end takes a wrong comparison at the crossing itself, so that each is wrong in half the level at most,
        whether the ratio rises all the way or not.
        """
        m = math.log(threshold)

        def centre(place: float) -> float:
            return self.at(place).centre - m

        def end(side: int) -> Callable[[float], float]:
            def of(place: float) -> float:
                found = paired.interval(self.at(place))[side]
                assert found is not None  # all places have the same blocks, and enough
                return found - m

            return of

        if paired.interval(self.at(min(self.comparisons)))[0] is None:
            return Crossing(point=self._last(centre), low=None, high=None)
        return Crossing(point=self._last(centre), low=self._first(end(1)), high=self._last(end(0)))

    def p(self, threshold: float, place: float, *, below: bool) -> float:
        """Two-sided p of "the crossing is at ``place``", against its lying below (or above) it.

        Below means that the ratio lies above the threshold at ``place`` and at every position beyond: the largest of
        their p counts (Berger 1982), 1 where one of them points the other way. Between positions it is then above as
        well, since the lower end of the interval is a concave function there.
        """
        places = [place, *(one for one in self.comparisons if (one > place if below else one < place))]
        found = []
        for comparison in map(self.at, places):
            p = paired.p_value(comparison, margin=threshold)
            assert p is not None  # only exact comparisons have none
            found.append(p if (comparison.estimate.point > threshold) is below else 1.0)
        return max(found)

    def _last(self, value: Callable[[float], float]) -> float:
        """The last place at which a function that is concave between positions is not above 0; an end where none is."""
        positions = sorted(self.comparisons)
        if value(positions[-1]) <= 0:
            return positions[-1]
        under = [index for index, one in enumerate(positions) if value(one) <= 0]
        if not under:
            return positions[0]
        return _root(value, positions[under[-1]], positions[under[-1] + 1])

    def _first(self, value: Callable[[float], float]) -> float:
        """The first place at which a function that is convex between positions is not below 0; an end where none is."""
        positions = sorted(self.comparisons)
        if value(positions[0]) >= 0:
            return positions[0]
        over = [index for index, one in enumerate(positions) if value(one) >= 0]
        if not over:
            return positions[-1]
        return _root(value, positions[over[0] - 1], positions[over[0]])


def curve(comparisons: Mapping[int, Comparison], *, level: float, first_stage: int | None) -> Curve:
    """The curve through ``comparisons`` by position, over the blocks that all of them hold.

    ``first_stage`` as in :func:`~harness.stats.paired.compare`. ValueError for fewer than two positions, or for
    comparisons that are not all ratios.
    """
    if len(comparisons) < 2 or {one.assumption for one in comparisons.values()} != {"ratio"}:
        raise ValueError("a curve goes through two or more positions, each with a ratio")
    shared = set.intersection(*(set(one.blocks) for one in comparisons.values()))
    stage = of_first_stage(first_stage, shared, held=[one.blocks for one in comparisons.values()])
    kept = {
        position: paired.from_differences(
            {block: d for block, d in zip(one.blocks, one.differences, strict=True) if block in shared},
            "ratio",
            subject=one.subject,
            baseline=one.baseline,
            unit=one.estimate.unit,
            level=level,
            floor=one.floor,
            first_stage=stage,
        )
        for position, one in comparisons.items()
    }
    return Curve(kept, level, stage)


def _root(value: Callable[[float], float], low: float, high: float) -> float:
    """Where between two places the sign changes, which it does once, by halving on a logarithmic scale."""
    rising = value(low) < value(high)
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        if (value(middle) > 0) is rising:
            high = middle
        else:
            low = middle
    return math.sqrt(low * high)
