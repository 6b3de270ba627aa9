"""Overhead over the cheapest collector imaginable, and the price of memory: by hand, by brute force, by simulation."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from harness.stats.cost import GIBIBYTE, SECOND, Cost, Price, memory_time, overheads, price
from harness.stats.values import Sample
from tests.unit.stats.samples import sample

BLOCKS = 10


def around(middle: float, rng: np.random.Generator, *, noise: float = 0.05, blocks: int = BLOCKS) -> list[float]:
    return [float(one) for one in middle * np.exp(rng.normal(0, noise, blocks))]


def cost(total: list[float], collection: list[float] | None = None, *, reclaims: bool = True) -> Cost:
    return Cost(
        total=sample(total, label="total"),
        collection=None if collection is None else sample(collection, label="collection", assumption="linear"),
        reclaims=reclaims,
    )


def test_overheads_when_values_repeat_then_are_those_of_the_paper() -> None:
    # Cai et al. 2022: total over the least total without collection, here 130 - 40 = 90.
    found = overheads(
        {"small": cost([130.0] * 5, [40.0] * 5), "large": cost([100.0] * 5, [5.0] * 5), "hand": cost([99.0] * 5)},
        level=0.05,
    )
    assert {name: one.estimate.point for name, one in found.items()} == {
        "small": pytest.approx(130 / 90 - 1), "large": pytest.approx(100 / 90 - 1), "hand": pytest.approx(0.1),
    }  # fmt: skip
    assert {one.floor for one in found.values()} == {"small"}
    assert {(one.estimate.unit, one.estimate.blocks) for one in found.values()} == {("1", 5)}


def test_overheads_when_a_row_never_reclaims_then_it_is_no_floor_but_has_an_overhead() -> None:
    found = overheads({"normal": cost([100.0] * 5, [10.0] * 5), "never": cost([60.0] * 5, reclaims=False)}, level=0.05)
    assert found["normal"].floor == found["never"].floor == "normal"
    assert found["normal"].estimate.point == pytest.approx(100 / 90 - 1)
    assert found["never"].estimate.point == pytest.approx(60 / 90 - 1)
    assert found["never"].estimate.low == pytest.approx(60 / 90 - 1)


def test_overheads_when_two_rows_then_limits_are_the_largest_of_scipys() -> None:
    rng = np.random.default_rng(1)
    a, ga, b, gb = around(130, rng), around(40, rng), around(100, rng), around(5, rng)
    found = overheads({"a": cost(a, ga), "b": cost(b, gb)}, level=0.05)["a"].estimate
    ratios = [np.log(a) - np.log(np.array(total) - np.array(collection)) for total, collection in ((a, ga), (b, gb))]
    plain = [stats.ttest_1samp(one, 0).confidence_interval(0.95) for one in ratios]
    strict = [stats.ttest_1samp(one, 0).confidence_interval(0.975) for one in ratios]
    assert found.low == pytest.approx(math.exp(max(one.low for one in strict)) - 1)
    assert found.high == pytest.approx(math.exp(max(one.high for one in plain)) - 1)


def test_overheads_when_noise_would_say_less_than_nothing_then_the_low_end_is_zero() -> None:
    rng = np.random.default_rng(2)
    found = overheads({"a": cost(around(100, rng)), "b": cost(around(100, rng))}, level=0.05)
    assert [one.estimate.low for one in found.values()] == [0.0, 0.0]


@pytest.mark.parametrize("rows", [2, 8])
def test_overheads_when_rows_are_alike_then_the_interval_covers_where_floors_of_blocks_do_not(rows: int) -> None:
    # Nothing tells the rows apart, so the least of each block is far below the floor: the bias that is avoided.
    rng = np.random.default_rng(rows)
    covered = naive = 0
    runs = 150
    truth = 100 / 80 - 1
    quantile = float(stats.t.ppf(0.975, BLOCKS - 1))
    for _ in range(runs):
        totals = [np.array(around(100, rng)) for _ in range(rows)]
        given = {str(i): cost(one.tolist(), (0.2 * one).tolist()) for i, one in enumerate(totals)}
        found = overheads(given, level=0.05)["0"].estimate
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
        least = np.min([0.8 * one for one in totals], axis=0)
        logs = np.log(totals[0] / least)
        naive += abs(logs.mean() - math.log(1 + truth)) <= quantile * logs.std(ddof=1) / math.sqrt(BLOCKS)
    assert covered / runs >= 0.93
    assert naive / runs < (0.7 if rows == 2 else 0.1)


def test_overheads_when_one_row_is_the_floor_then_the_interval_is_hardly_wider_than_needed() -> None:
    rng = np.random.default_rng(3)
    misses, runs = 0, 400
    for _ in range(runs):
        given = {"floor": cost(around(80, rng)), "other": cost(around(120, rng)), "asked": cost(around(100, rng))}
        found = overheads(given, level=0.05)["asked"].estimate
        assert found.low is not None
        assert found.high is not None
        misses += not found.low <= 0.25 <= found.high
    assert 3 <= misses <= 22  # 2.5 % above and 2.5 % / 3 below: mean 13, standard deviation 3.6


@pytest.mark.parametrize("collection", [[100.0] * 5, [150.0, 1.0, 1.0, 1.0, 1.0], [-1.0] * 5, []])
def test_overheads_when_attribution_is_impossible_then_that_row_is_no_floor_and_it_is_said(
    collection: list[float],
) -> None:
    found = overheads({"good": cost([100.0] * 5, [10.0] * 5), "odd": cost([100.0] * 5, collection)}, level=0.05)
    assert {one.floor for one in found.values()} == {"good"}
    (warning,) = found["good"].estimate.warnings
    assert (warning.code, "odd" in warning.text) == ("floor_incomplete", True)


def test_overheads_when_no_row_can_be_a_floor_then_there_are_none() -> None:
    assert overheads({"never": cost([100.0] * 5, reclaims=False)}, level=0.05) == {}
    assert overheads({}, level=0.05) == {}


def test_overheads_when_one_block_then_shows_points_without_an_interval() -> None:
    found = overheads({"a": cost([100.0], [10.0])}, level=0.05)["a"].estimate
    assert found.point == pytest.approx(1 / 9)
    assert (found.low, found.high) == (None, None)
    assert "too_few_blocks" in {warning.code for warning in found.warnings}


def test_overheads_when_units_or_assumptions_do_not_fit_then_refuses() -> None:
    seconds = dataclasses.replace(sample([1.0] * 5), unit="s")
    with pytest.raises(ValueError, match="different units"):
        overheads({"a": cost([1.0] * 5), "b": Cost(total=seconds, collection=None, reclaims=True)}, level=0.05)
    linear = Cost(total=sample([1.0] * 5, assumption="linear"), collection=None, reclaims=True)
    with pytest.raises(ValueError, match="compared as a ratio"):
        overheads({"a": linear}, level=0.05)


def cpu(seconds: list[float], label: str = "subject") -> Sample:
    return sample([one * SECOND for one in seconds], label=label)


def memory(gibibyte_seconds: list[float], label: str = "subject") -> Sample:
    values = [one * SECOND * GIBIBYTE for one in gibibyte_seconds]
    return sample(values, label=label, assumption="linear", metric="memory.time")


def priced(c: list[float], m: list[float], *, level: float = 0.05) -> Price:
    """The price between a configuration with the given differences in CPU-s and GiB·s and a baseline of 10 each."""
    ten = [10.0] * len(c)
    return price(
        (cpu([10 + one for one in c]), cpu(ten, "baseline")),
        (memory([10 + one for one in m]), memory(ten, "baseline")),
        level=level,
    )


def test_price_when_less_cpu_takes_more_memory_then_is_where_costs_are_equal() -> None:
    found = priced([-2.0] * 6, [4.0] * 6)
    assert found.point == pytest.approx(0.5)
    ((low, high),) = found.equal
    assert low == pytest.approx(0.5)
    assert high == pytest.approx(0.5)
    assert (found.cheaper, found.less_cpu, found.unit, found.blocks) == (None, "subject", "CPU-s per GiB·s", 6)


def test_price_when_one_takes_less_of_both_then_there_is_none_and_it_says_which() -> None:
    found = priced([-2.0, -2.1, -1.9, -2.0, -2.05], [-4.0, -4.2, -3.9, -4.1, -4.0])
    assert (found.point, found.equal, found.cheaper) == (None, (), "subject")
    found = priced([2.0, 2.1, 1.9, 2.0, 2.05], [4.0, 4.2, 3.9, 4.1, 4.0])
    assert (found.point, found.equal, found.cheaper) == (None, (), "baseline")


def test_price_when_memory_does_not_differ_for_sure_then_the_range_is_open() -> None:
    found = priced([-2.0, -2.1, -1.9, -2.0, -2.05, -1.95], [1.0, -0.5, 1.5, 0.2, -0.3, 0.8])
    ((low, high),) = found.equal
    assert low > 0
    assert high is None
    assert found.cheaper is None


def test_price_when_cpu_does_not_differ_for_sure_then_the_range_begins_at_free_memory() -> None:
    ((low, high),) = priced([0.1, -0.2, -0.15, 0.05, -0.1, 0.1], [4.0, 4.1, 3.9, 4.0, 4.2, 3.8]).equal
    assert low == 0.0
    assert high is not None
    assert 0 < high < 0.1


def test_price_when_only_a_mixture_differs_for_sure_then_both_ends_are_ranges() -> None:
    # Noise that goes up in one and down in the other: alone neither differs, together they do.
    noise = [0.3, -0.3, 0.2, -0.2, 0.25, -0.25]
    first, second = priced([0.1 + one for one in noise], [0.1 - one for one in noise]).equal
    assert first[0] == 0.0
    assert first[1] is not None
    assert first[1] < 1 < second[0]
    assert second[1] is None


def test_price_when_nothing_differs_then_every_price_is_possible() -> None:
    found = priced([0.1, -0.1, 0.2, -0.2, 0.05, -0.04], [0.1, -0.2, 0.2, -0.1, -0.05, 0.06])
    assert found.equal == ((0.0, None),)
    assert priced([0.0] * 6, [0.0] * 6).equal == ((0.0, None),)


def test_price_when_four_blocks_then_nothing_is_excluded() -> None:
    found = priced([-2.0] * 4, [4.0] * 4)
    assert found.point == pytest.approx(0.5)
    assert (found.equal, found.cheaper) == (((0.0, None),), None)
    assert "too_few_blocks" in {warning.code for warning in found.warnings}
    assert priced([], []).equal == ((0.0, None),)


@pytest.mark.parametrize("seed", range(12))
def test_price_when_any_differences_then_its_ranges_are_what_scipys_test_does_not_reject(seed: int) -> None:
    rng = np.random.default_rng(seed)
    c, m = rng.normal(rng.normal(0, 1), 0.8, 8), rng.normal(rng.normal(0, 1), 0.8, 8)
    found = priced(c.tolist(), m.tolist())
    for candidate in [*np.linspace(0, 5, 201), 10.0, 100.0, 1e4, 1e6]:
        inside = any(low <= candidate and (high is None or candidate <= high) for low, high in found.equal)
        p = stats.ttest_1samp(c + candidate * m, 0).pvalue
        assert inside == (p >= 0.05) or abs(p - 0.05) < 1e-6


def test_price_when_there_is_a_true_one_then_it_is_covered_where_quotients_of_blocks_fail() -> None:
    rng = np.random.default_rng(5)
    covered = quotients = 0
    runs = 1000
    for _ in range(runs):
        m = rng.normal(1.0, 0.8, 10)
        c = -0.5 * 1.0 + rng.normal(0, 0.3, 10)
        equal = priced(c.tolist(), m.tolist()).equal
        covered += any(low <= 0.5 and (high is None or high >= 0.5) for low, high in equal)
        low, high = stats.ttest_1samp(-c / m, 0.5).confidence_interval(0.95)
        quotients += low <= 0.5 <= high and high - low < 10
    assert 0.93 <= covered / runs <= 0.97
    assert quotients / runs < 0.9


def test_price_when_values_repeat_then_the_clocks_steps_are_the_least_spread() -> None:
    fine = priced([-2.0] * 6, [4.0] * 6).equal[0]
    steps = [dataclasses.replace(cpu([8.0] * 6), resolution=0.1 * SECOND), cpu([10.0] * 6, "baseline")]
    coarse = price((steps[0], steps[1]), (memory([14.0] * 6), memory([10.0] * 6, "baseline")), level=0.05).equal[0]
    assert fine[1] is not None
    assert coarse[1] is not None
    half = float(stats.t.ppf(0.975, 5)) * 0.1 / math.sqrt(12) / math.sqrt(6)
    assert coarse[0] == pytest.approx((2 - half) / 4)
    assert coarse[1] == pytest.approx((2 + half) / 4)
    assert fine[1] - fine[0] < 1e-6


def test_price_when_pairs_mix_metrics_then_refuses() -> None:
    with pytest.raises(ValueError, match="not comparable"):
        price((cpu([1.0] * 5), memory([1.0] * 5)), (memory([1.0] * 5), memory([1.0] * 5)), level=0.05)


def test_memory_time_when_footprint_was_held_then_is_the_product_with_both_steps() -> None:
    held = sample([100.0, 200.0], metric="memory.mean", resolution=4.0)
    wall = sample([5.0, 7.0, 9.0], metric="time.whole_run", resolution=1.0)
    found = memory_time(held, wall)
    assert dict(found.values) == {0: 500.0, 1: 1400.0}
    assert (found.unit, found.assumption) == ("ns x ns", "linear")
    assert found.resolution == pytest.approx(math.hypot(4 * 7, 200))
