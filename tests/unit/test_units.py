"""Numbers as text: rounding, scaling and the edges between two scales."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import units


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (2.345, "2.35 ns"),
        (14, "14.0 ns"),
        (999.94, "1,000 ns"),
        (999.96, "1.00 µs"),
        (31_200_000, "31.2 ms"),
        (330e9, "5.50 min"),
        (7_200e9, "2.00 h"),
        (-1500, "-1.50 µs"),
    ],
)
def test_duration_when_scaled_then_three_digits_and_unit(nanoseconds: float, text: str) -> None:
    assert units.duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1,023 B"), (1024, "1.00 KiB"), (9_437_184, "9.00 MiB"), (2**31, "2.00 GiB")],
)
def test_size_when_scaled_then_binary_units(count: float, text: str) -> None:
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1.00×"), (1.314, "1.31×"), (9.994, "9.99×"), (12.34, "12.3×"), (140.2, "140×"), (0.04321, "0.0432×")],
)
def test_ratio_when_small_or_large_then_digits_follow(value: float, text: str) -> None:
    assert units.ratio(value) == text


def test_share_when_given_then_per_cent() -> None:
    assert units.share(0.125) == "12.5 %"
    assert units.share(0) == "0 %"


def test_quantity_when_unit_is_a_word_then_word_follows() -> None:
    assert units.quantity(3, "entries") == "3.00 entries"
    assert units.quantity(3, "count") == "3"
    assert units.quantity(0.5, "count") == "0.500"


def test_estimate_when_interval_missing_then_point_alone() -> None:
    assert units.estimate(1.31, None, None, "x") == "1.31×"
    assert units.estimate(1.31, 1.2, None, "x") == "1.31×"


def test_estimate_when_interval_spans_scales_then_the_points_scale_rules() -> None:
    assert units.estimate(1_100_000, 900_000, 1_300_000, "ns") == "1.10 ms [0.900, 1.30]"


def test_interval_when_no_point_then_upper_end_sets_the_scale() -> None:
    assert units.interval(512, 2048, "bytes") == "[0.500, 2.00]"


def test_significant_when_not_finite_then_says_so() -> None:
    assert units.significant(float("inf")) == "∞"
    assert units.significant(float("-inf")) == "-∞"
    assert units.significant(float("nan")) == "not a number"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61, "1:01"), (3725, "1:02:05"), (-3, "0:00")])
def test_clock_when_formatted_then_minutes_have_two_digits(seconds: float, text: str) -> None:
    assert units.clock(seconds) == text


def test_counted_when_one_or_many_then_noun_agrees() -> None:
    assert units.counted(1, "block") == "1 block"
    assert units.counted(1200, "block") == "1,200 blocks"
    assert units.counted(2, "entry", "entries") == "2 entries"


@given(st.floats(min_value=1e-3, max_value=1e18))
def test_duration_when_any_positive_then_reads_back_within_rounding(nanoseconds: float) -> None:
    number, unit = units.duration(nanoseconds).split(" ")
    factor = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9}[unit]
    assert float(number.replace(",", "")) * factor == pytest.approx(nanoseconds, rel=0.006)


@given(st.floats(min_value=0.1, max_value=1e6))
def test_ratio_when_any_then_reads_back_within_rounding(value: float) -> None:
    assert float(units.ratio(value).rstrip("×").replace(",", "")) == pytest.approx(value, rel=0.051)
