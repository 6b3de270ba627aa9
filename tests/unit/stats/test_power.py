"""Numbers of blocks: the design's table, scipy, and simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.stats.paired import decision, from_differences
from harness.stats.power import blocks_for, blocks_needed, minimum_detectable_effect, second_stage
from harness.stats.rank import signed_rank_interval
from harness.stats.values import Comparison

FAMILY = 0.05 / 24


def of(differences: list[float], *, level: float = 0.05) -> Comparison:
    return from_differences(dict(enumerate(differences)), "ratio", subject="a", baseline="b", unit="ns", level=level)


@pytest.mark.parametrize(
    ("blocks", "level", "expected"),
    [
        (5, 0.05, 1.68), (7, 0.05, 1.27), (10, 0.05, 1.00), (20, 0.05, 0.66),
        (5, FAMILY, 3.96), (7, FAMILY, 2.43), (10, FAMILY, 1.69), (20, FAMILY, 1.00),
    ],
)  # fmt: skip
def test_minimum_detectable_effect_when_design_gives_a_table_then_reproduces_it(
    blocks: int, level: float, expected: float
) -> None:
    assert minimum_detectable_effect(1.0, blocks, level=level) == pytest.approx(expected, abs=0.015)


def test_minimum_detectable_effect_when_simulated_then_is_found_eight_times_in_ten() -> None:
    rng = np.random.default_rng(21)
    effect = minimum_detectable_effect(0.1, 7, level=0.05)
    data = rng.normal(math.log(1.1) + effect, 0.1, size=(4000, 7))
    half = stats.t.ppf(0.975, 6) * data.std(axis=1, ddof=1) / math.sqrt(7)
    found = int((data.mean(axis=1) - half > math.log(1.1)).sum())
    assert 3050 <= found <= 3350  # binomial(4000, 0.8): mean 3200, standard deviation 25


def test_minimum_detectable_effect_when_one_block_then_is_infinite() -> None:
    assert minimum_detectable_effect(0.1, 1, level=0.05) == math.inf


@pytest.mark.parametrize(("spread", "distance", "level"), [(0.1, 0.1, 0.05), (0.2, 0.05, 0.01), (0.1, 0.3, 0.002)])
def test_blocks_for_when_one_fewer_then_formula_is_not_met(spread: float, distance: float, level: float) -> None:
    n = blocks_for(spread, distance, level=level)

    def enough(blocks: int) -> bool:
        quantiles = stats.t.ppf(1 - level / 2, blocks - 1) + stats.t.ppf(0.8, blocks - 1)
        return bool(blocks >= (quantiles * spread / distance) ** 2)

    assert enough(n)
    assert not enough(n - 1)


def test_blocks_for_when_distance_is_zero_then_refuses() -> None:
    with pytest.raises(ValueError, match="positive"):
        blocks_for(0.1, 0.0, level=0.05)


def test_blocks_needed_when_centre_is_off_the_margin_then_is_the_number_for_that_distance() -> None:
    differences = [0.30, 0.05, 0.20, 0.40, 0.10, 0.25, 0.15]
    found = of(differences)
    assert found.spread is not None
    assert decision(found, margin=1.15) == "undecided"
    expected = blocks_for(found.spread, found.centre - math.log(1.15), level=0.05)
    assert blocks_needed(found, margin=1.15) == expected > 7


def test_blocks_needed_when_centre_is_near_zero_then_is_the_cheaper_of_two_ways() -> None:
    found = of([0.03, -0.03, 0.02, -0.02, 0.04, -0.04])
    assert found.spread is not None
    to_fail = blocks_for(found.spread, math.log(1.5) - found.centre, level=0.05)
    to_equal = blocks_for(found.spread, math.log(1.4) - abs(found.centre), level=0.05, power=0.9)
    assert blocks_needed(found, margin=1.5, equivalent=1.4) == max(5, min(to_fail, to_equal))


def test_blocks_needed_when_centre_is_on_a_margin_of_no_effect_then_no_number_would_do() -> None:
    assert blocks_needed(of([0.1, -0.1, 0.1, -0.1, 0.1, -0.1]), margin=1.0) is None


def test_blocks_needed_when_one_block_or_exact_then_is_none() -> None:
    assert blocks_needed(of([0.1]), margin=1.1) is None
    exact = from_differences({0: 1.0}, "exact", subject="a", baseline="b", unit="count", level=0.05)
    assert blocks_needed(exact, margin=1.1) is None


@pytest.mark.parametrize(("level", "least"), [(0.05, 10), (0.05 / 24, 10), (0.05 / 50, 11), (1e-4, 15)])
def test_blocks_needed_when_skewed_then_enough_for_an_interval_at_that_level(level: float, least: int) -> None:
    found = from_differences(
        dict.fromkeys(range(10), 1.0) | {0: 1.001}, "skewed", subject="a", baseline="b", unit="ns", level=level
    )
    assert blocks_needed(found, margin=1.1) == least
    bounded = [signed_rank_interval([float(i) for i in range(n)], level=level) for n in (least - 1, least)]
    assert bounded[1] is not None
    assert bounded[0] is None or least == 10


def test_blocks_needed_when_skewed_then_the_test_by_ranks_finds_the_effect_as_often_as_promised() -> None:
    rng = np.random.default_rng(22)
    data = rng.normal(math.log(1.1) + 0.05, 0.1, 12)
    found = from_differences(dict(enumerate(data.tolist())), "skewed", subject="a", baseline="b", unit="ns", level=0.05)
    assert found.spread is not None
    n = blocks_needed(found, margin=1.1)
    assert n is not None
    effect = found.centre - math.log(1.1)
    hits = sum(
        (signed_rank_interval(rng.normal(effect, found.spread, n).tolist(), level=0.05) or (0.0, 0.0))[0] > 0
        for _ in range(1500)
    )
    assert hits >= 1200 - 3 * 16  # binomial(1500, 0.8): standard deviation 15.5


def test_second_stage_when_first_is_tight_then_adds_nothing() -> None:
    assert second_stage(0.01, first_stage=10, width=0.05, level=0.05) == 10


def test_second_stage_when_first_is_wide_then_half_width_meets_the_request() -> None:
    n = second_stage(0.1, first_stage=10, width=0.05, level=0.05)
    quantile = float(stats.t.ppf(0.975, 9))
    assert quantile * 0.1 / math.sqrt(n) <= 0.05 < quantile * 0.1 / math.sqrt(n - 1)
