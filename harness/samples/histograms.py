"""Histograms of one kind added up, their percentile ladder, and the log that other tools read.

The worker's counts are in HdrHistogram's own bucket layout, so adding loses nothing. HdrHistogram rounds the maximum up
to its bucket; the exact one is kept beside it, and no percentile is reported above it.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from harness.protocol.messages import Histogram

LADDER: Final = (0.5, 0.9, 0.99, 0.999, 0.9999)
"""Quantiles that are shown; those that fewer than ten values lie beyond are left out of a ladder."""

_BEYOND: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of a ladder: the value (same unit as recorded) and how many values lie above the quantile."""

    q: float
    value: int
    beyond: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Histograms of one name and layout, added up; ``count`` values, the largest exactly ``maximum``."""

    name: str
    lowest: int
    highest: int
    digits: int
    count: int
    maximum: int
    counts: tuple[tuple[int, int], ...]

    def quantile(self, q: float) -> int:
        """The value at ``q`` in 0..1: its bucket's upper end, never above the maximum; ValueError when empty."""
        if self.count == 0:
            raise ValueError(f"histogram {self.name} is empty")
        if q >= 1:
            return self.maximum
        return min(self.maximum, int(_hdr(self).get_value_at_percentile(100 * q)))

    def width(self, value: int) -> int:
        """Width of the bucket that ``value`` falls into: what the histogram cannot tell apart."""
        hdr = _hdr(self)
        return int(hdr.get_highest_equivalent_value(value) - hdr.get_lowest_equivalent_value(value) + 1)

    def ladder(self) -> tuple[Step, ...]:
        """The quantiles of :data:`LADDER` beyond which at least ten values lie."""
        steps = []
        for q in LADDER:
            beyond = round(self.count * (1 - q))
            if beyond >= _BEYOND:
                steps.append(Step(q=q, value=self.quantile(q), beyond=beyond))
        return tuple(steps)

    def log(self, *, start_ns: int, end_ns: int) -> str:
        """HdrHistogram's log of one interval, ns from the same clock; its maximum column is in ms."""
        text = io.StringIO()
        writer = HistogramLogWriter(text)
        writer.output_log_format_version()
        writer.output_comment(f"[{self.name}, exact maximum {self.maximum}]")
        writer.output_legend()
        writer.output_interval_histogram(_hdr(self), start_ns / 1e9, end_ns / 1e9)
        return text.getvalue()


def merge(histograms: Sequence[Histogram]) -> Merged:
    """All of them as one; ValueError for none, for different names or layouts, or where one contradicts itself."""
    if not histograms:
        raise ValueError("no histogram to merge")
    kinds = {(one.name, one.lowest, one.highest, one.digits) for one in histograms}
    if len(kinds) != 1:
        raise ValueError(f"histograms of different names or layouts do not add up: {sorted(kinds)}")
    (name, lowest, highest, digits) = kinds.pop()
    if not (lowest >= 1 and 2 * lowest <= highest and 1 <= digits <= 5):
        raise ValueError(f"histogram {name} has no valid layout: {lowest} to {highest} with {digits} digits")
    added: dict[int, int] = {}
    for one in histograms:
        for index, count in one.counts:
            added[index] = added.get(index, 0) + count
        if sum(count for _, count in one.counts) != one.count:
            raise ValueError(f"histogram {name} says {one.count} values and holds another number")
    merged = Merged(
        name=name,
        lowest=lowest,
        highest=highest,
        digits=digits,
        count=sum(one.count for one in histograms),
        maximum=max(one.max for one in histograms),
        counts=tuple(sorted(added.items())),
    )
    _check_maximum(merged)
    return merged


def _check_maximum(merged: Merged) -> None:
    hdr = _empty(merged)
    for index, _ in merged.counts:
        if index >= hdr.counts_len:
            raise ValueError(f"histogram {merged.name} has bucket {index}, beyond its layout's {hdr.counts_len}")
    if merged.counts:
        largest = int(hdr.get_value_from_index(merged.counts[-1][0]))
        if not largest <= merged.maximum <= int(hdr.get_highest_equivalent_value(largest)):
            raise ValueError(f"histogram {merged.name} has the maximum {merged.maximum} outside its last bucket")


def _empty(merged: Merged) -> Any:  # hdrh ships no types
    return HdrHistogram(merged.lowest, merged.highest, merged.digits)


def _hdr(merged: Merged) -> Any:
    hdr = _empty(merged)
    for index, count in merged.counts:
        hdr.record_value(hdr.get_value_from_index(index), count)
    return hdr
