"""What memory management costs: overhead over the cheapest imaginable collector, and the price of memory against CPU.

Both compare whole configurations and come with intervals over blocks. The overhead is a lower bound by construction,
and stays one when a part is missing; the price is a set, because two costs may be told apart at no price or at all.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from harness.stats import paired
from harness.stats.values import Comparison, Estimate, Sample, Warning

GIBIBYTE: Final = 2**30
SECOND: Final = 10**9

PRICE_UNIT: Final = "CPU-s per GiB·s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One configuration's cost: all of it, and the part that is known to be collection's.

    Both in one unit, of one workload, wall or CPU but never mixed (``total`` with the assumption ``ratio``).
    ``collection`` is None where nothing is attributed, which takes nothing away: a lower bound stays one.
    ``reclaims`` is False where memory is never given back; such a row has an overhead and is never a floor.
    """

    total: Sample
    collection: Sample | None
    reclaims: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """A lower bound of one configuration's overhead: ``estimate`` as a share (0.2 is 20 % above the floor).

    ``floor`` names the configuration whose cost without its collection is the least.
    """

    estimate: Estimate
    floor: str


def overheads(costs: Mapping[str, Cost], *, level: float) -> Mapping[str, Overhead]:
    """Lower-bound overhead of each configuration of one workload: T / floor - 1 (Cai et al. 2022).

    floor is the least, over configurations c, of T_c without what is attributed to collection; T and floor are
    geometric means over blocks. So overhead_k + 1 is the largest of the ratios T_k / F_c, each compared inside blocks.
    Never a floor block by block: the least of noisy values is too low in every block, and averaging keeps that.

    The interval for the largest of K ratios needs no distribution of a minimum. It is too low only if the largest
    ratio's own limit is, so the largest upper limit is taken at the plain level (intersection-union, Berger 1982); it
    is too high only if any of the K is, so the largest lower limit is taken at a K-th of the level (Bonferroni). It
    covers at ``1 - level`` or better however the rows depend on each other. The point is the largest ratio as it was
    measured, which leans upwards where several rows lie within each other's noise; the lower limit does not.

    A configuration is left out of the floor, with a warning, where its attribution is not below its total or no block
    holds it beside the other: with fewer candidates a floor can only be higher, and the bound lower. Rows without any
    candidate are left out. ValueError when totals are not ratios, or units differ.
    """
    _check(costs)
    floors = {name: floor for name, cost in costs.items() if (floor := _without_collection(cost)) is not None}
    result = {}
    for name, cost in costs.items():
        ratios = {other: paired.compare(cost.total, floor, level=level) for other, floor in floors.items()}
        ratios = {other: one for other, one in ratios.items() if one.blocks}
        if ratios:
            warnings = _left_out(costs, ratios)
            result[name] = _largest(ratios, cost.total, floors, own=name in ratios, level=level, warnings=warnings)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of memory at which two configurations cost the same, in CPU-s per GiB·s.

    ``equal`` are the ranges of prices from 0 up at which the two cannot be told apart at confidence ``1 - level``; an
    upper end of None is open. Usually one range around ``point``. None at all: ``cheaper`` costs less at every price.
    ``point`` is None where one takes less of both, as measured. ``less_cpu`` is the cheaper one while memory is free.
    """

    point: float | None
    equal: tuple[tuple[float, float | None], ...]
    cheaper: str | None
    less_cpu: str
    level: float
    blocks: int
    unit: str = PRICE_UNIT
    warnings: tuple[Warning, ...] = ()


def memory_time(footprint: Sample, wall: Sample) -> Sample:
    """Memory held over time, bytes x ns, block by block: the mean footprint (bytes) times how long it was held (ns)."""
    blocks = sorted(footprint.values.keys() & wall.values.keys())
    largest = [max((one.values[block] for block in blocks), default=0.0) for one in (footprint, wall)]
    return Sample(
        label=footprint.label,
        metric=f"{footprint.metric} x {wall.metric}",
        unit=f"{footprint.unit} x {wall.unit}",
        assumption="linear",
        values={block: footprint.values[block] * wall.values[block] for block in blocks},
        resolution=math.hypot(footprint.resolution * largest[1], wall.resolution * largest[0]),
        warnings=tuple(dict.fromkeys((*footprint.warnings, *wall.warnings))),
    )


def price(cpu: tuple[Sample, Sample], memory: tuple[Sample, Sample], *, level: float) -> Price:
    """The price of a GiB·s in CPU-s at which the first of each pair costs what the second does.

    ``cpu`` in ns, ``memory`` in bytes x ns (:func:`memory_time`). With differences C and M of a block, cost is
    C + price · M, and the prices that a t test of its mean over blocks does not reject at ``level`` are Fieller's set
    for -C/M (Fieller 1954), here cut at 0: exact for normal differences, also where the set is not one finite range,
    which quotients of single blocks would hide. ValueError when a pair mixes metrics.
    """
    by_cpu = paired.compare(*_linear(cpu), level=level)
    by_memory = paired.compare(*_linear(memory), level=level)
    c = dict(zip(by_cpu.blocks, by_cpu.differences, strict=True))
    m = dict(zip(by_memory.blocks, by_memory.differences, strict=True))
    blocks = sorted(c.keys() & m.keys())
    pairs = np.array([[c[block] / SECOND, m[block] / SECOND / GIBIBYTE] for block in blocks]).reshape(-1, 2)
    floors = (_step(cpu) / SECOND, _step(memory) / SECOND / GIBIBYTE)
    warnings = tuple(dict.fromkeys((*by_cpu.warnings, *by_memory.warnings)))
    few = len(blocks) < paired.FEWEST_BLOCKS["linear"]
    equal = ((0.0, None),) if few else _fieller(pairs, floors, level)
    middle = pairs.mean(axis=0) if blocks else np.zeros(2)
    first, second = (one.label for one in cpu)
    less_cpu = first if middle[0] <= 0 else second
    return Price(
        point=float(-middle[0] / middle[1]) if middle[0] * middle[1] < 0 else None,
        equal=equal,
        cheaper=None if equal else less_cpu,
        less_cpu=less_cpu,
        level=level,
        blocks=len(blocks),
        warnings=warnings,
    )


def _check(costs: Mapping[str, Cost]) -> None:
    samples = [one for cost in costs.values() for one in (cost.total, cost.collection) if one is not None]
    if len({one.unit for one in samples}) > 1:
        raise ValueError(f"costs in different units: {', '.join(sorted({one.unit for one in samples}))}")
    for cost in costs.values():
        if cost.total.assumption != "ratio":
            raise ValueError(f"{cost.total.label}: a total is compared as a ratio, not as {cost.total.assumption}")


def _without_collection(cost: Cost) -> Sample | None:
    """What a configuration would cost if its collection were free; None where that is no candidate for a floor."""
    if not cost.reclaims:
        return None
    if cost.collection is None:
        return cost.total
    blocks = cost.total.values.keys() & cost.collection.values.keys()
    values = {block: cost.total.values[block] - cost.collection.values[block] for block in sorted(blocks)}
    if not values or min(values.values()) <= 0 or min(cost.collection.values[block] for block in blocks) < 0:
        return None
    return dataclasses.replace(
        cost.total, values=values, resolution=math.hypot(cost.total.resolution, cost.collection.resolution)
    )


def _left_out(costs: Mapping[str, Cost], ratios: Mapping[str, Comparison]) -> list[Warning]:
    missing = [name for name, cost in costs.items() if cost.reclaims and name not in ratios]
    if not missing:
        return []
    text = f"the floor is taken without {', '.join(missing)}: no time of theirs without collection is known here"
    return [Warning(code="floor_incomplete", text=text, remedy="look at the failures and counters of those rows")]


def _largest(
    ratios: Mapping[str, Comparison],
    total: Sample,
    floors: Mapping[str, Sample],
    *,
    own: bool,
    level: float,
    warnings: list[Warning],
) -> Overhead:
    name = max(ratios, key=lambda other: ratios[other].centre)
    strict = [paired.compare(total, floors[other], level=level / len(ratios)).estimate for other in ratios]
    lows = [one.low for one in strict if one.low is not None]
    highs = [one.estimate.high for one in ratios.values() if one.estimate.high is not None]
    complete = len(lows) == len(highs) == len(ratios)
    # A configuration costs no less than itself without its collection, whatever the noise says.
    low = max([*lows, *([1.0] if own else [])]) - 1 if complete else None
    found = [*warnings, *(warning for one in ratios.values() for warning in one.warnings)]
    return Overhead(
        estimate=Estimate(
            point=ratios[name].estimate.point - 1,
            low=low,
            high=max(highs) - 1 if complete else None,
            unit="1",
            level=level,
            blocks=min(len(one.blocks) for one in ratios.values()),
            estimand="geometric mean over the least of the geometric means without collection, less 1",
            warnings=tuple(dict.fromkeys(found)),
        ),
        floor=name,
    )


def _linear(pair: tuple[Sample, Sample]) -> tuple[Sample, Sample]:
    """Costs add up, so their means are arithmetic whatever a metric's own comparison would be."""
    first, second = (dataclasses.replace(one, assumption="linear") for one in pair)
    return first, second


def _step(pair: tuple[Sample, Sample]) -> float:
    """Smallest believable standard deviation of a pair's difference (Sheppard 1898), in the pair's unit."""
    return math.hypot(pair[0].resolution, pair[1].resolution) / math.sqrt(12)


def _fieller(
    pairs: np.ndarray[tuple[int, ...], np.dtype[np.float64]], floors: tuple[float, float], level: float
) -> tuple[tuple[float, float | None], ...]:
    """Prices from 0 up with (C + p·M)² <= t²/n · (s_cc + 2p·s_cm + p²·s_mm), a quadratic in the price p."""
    n = len(pairs)
    c, m = (float(one) for one in pairs.mean(axis=0))
    spread = np.cov(pairs, rowvar=False)
    share = float(special.stdtrit(n - 1, 1 - level / 2)) ** 2 / n
    constant = c * c - share * max(float(spread[0, 0]), floors[0] ** 2)
    half = c * m - share * float(spread[0, 1])
    square = m * m - share * max(float(spread[1, 1]), floors[1] ** 2)

    roots = _roots(square, half, constant)
    if len(roots) == 1 and square > 0:  # differences that repeat exactly leave one price, which no segment holds
        return ((roots[0], roots[0]),) if roots[0] >= 0 else ()
    ends = [0.0, *(root for root in roots if root > 0)]
    equal: list[tuple[float, float | None]] = []
    for low, high in zip(ends, [*ends[1:], None], strict=True):
        inside = 2 * low + 1 if high is None else (low + high) / 2
        if square * inside**2 + 2 * half * inside + constant <= 0:
            equal.append((low, high))
    return tuple(equal)


def _roots(square: float, half: float, constant: float) -> list[float]:
    """Real solutions of square·p² + 2·half·p + constant = 0, ascending, without cancellation; a double one once."""
    inside = half * half - square * constant
    if square and abs(inside) <= 1e-12 * half * half:
        return [-half / square]
    if inside < 0:
        return []
    sum_ = -(half + math.copysign(math.sqrt(inside), half))
    return sorted({*([sum_ / square] if square else []), *([constant / sum_] if sum_ else [])})
