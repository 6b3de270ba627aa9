"""Merging, quantiles and logs, against the library recording the same values."""

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.protocol.messages import Histogram
from harness.samples.histograms import merge

HIGHEST = 1_000_000_000
VALUES = st.lists(st.integers(1, HIGHEST), min_size=1, max_size=40)


def recorded(values: list[int], *, name: str = "response") -> Histogram:
    """What a worker's recorder prints for these values."""
    hdr = HdrHistogram(1, HIGHEST, 3)
    for value in values:
        hdr.record_value(value)
    counts = [(index, int(hdr.counts[index])) for index in range(hdr.counts_len) if hdr.counts[index]]
    return Histogram(
        name=name, lowest=1, highest=HIGHEST, digits=3, count=len(values), max=max(values, default=0), counts=counts
    )


@settings(max_examples=40, deadline=None)
@given(VALUES, VALUES, st.sampled_from([0.25, 0.5, 0.9, 0.99]))
def test_merge_when_two_then_quantiles_are_within_a_thousandth_of_all_values_together(
    one: list[int], two: list[int], q: float
) -> None:
    merged = merge([recorded(one), recorded(two)])
    together = sorted(one + two)
    exact = together[max(0, int(q * len(together) + 0.5) - 1)]
    assert merged.count == len(together)
    assert exact <= merged.quantile(q) <= exact * 1.001 + 1
    assert merged.quantile(1) == max(together) == merged.maximum


def test_quantile_when_bucket_reaches_beyond_maximum_then_maximum_caps_it() -> None:
    assert merge([recorded([8_921_001])]).quantile(0.5) == 8_921_001


def test_width_when_value_is_large_then_is_the_buckets() -> None:
    merged = merge([recorded([100, 1_000_000])])
    assert merged.width(100) == 1
    assert merged.width(1_000_000) == 512


def test_ladder_when_few_values_then_stops_where_fewer_than_ten_lie_beyond() -> None:
    assert [step.q for step in merge([recorded(list(range(1, 101)))]).ladder()] == [0.5, 0.9]
    steps = merge([recorded(list(range(1, 10_001)))]).ladder()
    assert [(step.q, step.beyond) for step in steps] == [(0.5, 5000), (0.9, 1000), (0.99, 100), (0.999, 10)]
    assert steps[2].value == pytest.approx(9900, rel=0.001)


def test_log_when_written_then_the_librarys_reader_gives_the_same_counts() -> None:
    values = [3, 500, 70_000, 70_000, 900_000_000]
    text = merge([recorded(values)]).log(start_ns=1_500_000_000, end_ns=4_000_000_000)
    assert "exact maximum 900000000" in text
    data = next(line for line in text.splitlines() if not line.startswith(("#", '"')))
    begin, length, _, payload = data.split(",")
    assert (float(begin), float(length)) == (1.5, 2.5)
    decoded = HdrHistogram.decode(payload)
    assert decoded.get_total_count() == 5
    assert decoded.get_value_at_percentile(60) == HdrHistogram(1, HIGHEST, 3).get_highest_equivalent_value(70_000)


@pytest.mark.parametrize(
    ("histograms", "says"),
    [
        ([], "no histogram"),
        ([recorded([1]), recorded([1], name="service")], "do not add up"),
        ([Histogram(name="r", lowest=1, highest=HIGHEST, digits=3, count=2, max=1, counts=[(1, 1)])], "another number"),
        ([Histogram(name="r", lowest=1, highest=HIGHEST, digits=3, count=1, max=9, counts=[(1, 1)])], "last bucket"),
        ([Histogram(name="r", lowest=1, highest=1000, digits=3, count=1, max=1, counts=[(999_999, 1)])], "beyond its"),
        ([Histogram(name="r", lowest=0, highest=1000, digits=3, count=1, max=1, counts=[(1, 1)])], "valid layout"),
        ([Histogram(name="r", lowest=1, highest=1000, digits=9, count=1, max=1, counts=[(1, 1)])], "valid layout"),
    ],
)
def test_merge_when_they_do_not_fit_then_says_why(histograms: list[Histogram], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        merge(histograms)


def test_quantile_when_empty_then_refuses() -> None:
    with pytest.raises(ValueError, match="empty"):
        merge([recorded([])]).quantile(0.5)
