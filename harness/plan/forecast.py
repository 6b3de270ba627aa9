"""How long a plan takes and what it can resolve, said before it runs."""

from collections.abc import Iterable, Mapping
from statistics import median

from harness.catalog.model import Block, Cell
from harness.protocol.record import Record
from harness.stats.power import minimum_detectable_effect

GUESS_SECONDS = 0.9
"""Seconds of one invocation where no earlier run tells: a guess, on which nothing but a forecast rests."""

GUESS_SPREAD = 0.12
"""Assumed standard deviation of a pair's logarithm; whatever is forecast from it says so."""


def seconds_by_cell(records: Iterable[Record]) -> Mapping[tuple[object, ...], float]:
    """Median seconds that each cell's invocations took in earlier records, by ``Cell.key``."""
    seen: dict[tuple[object, ...], list[float]] = {}
    for record in records:
        took = (record.observed.ended_ns - record.observed.started_ns) / 1e9
        seen.setdefault(record.invocation.cell.key, []).append(took)
    return {key: median(values) for key, values in seen.items()}


def seconds_for(cell: Cell, known: Mapping[tuple[object, ...], float]) -> float:
    """Expected seconds of one invocation of ``cell``."""
    return known.get(cell.key, GUESS_SECONDS)


def seconds(blocks: Iterable[Block], known: Mapping[tuple[object, ...], float], *, parallel: int = 1) -> float:
    """Expected seconds of blocks that run ``parallel`` invocations side by side."""
    return sum(seconds_for(one.cell, known) for block in blocks for one in block.invocations) / parallel


def detectable(blocks: int, claims: int, *, spread: float = GUESS_SPREAD, alpha: float = 0.05) -> float:
    """Smallest effect beyond a margin, in units of ln, found with 80 % power when ``claims`` share the error rate."""
    return minimum_detectable_effect(spread, blocks, level=alpha / max(1, claims))
