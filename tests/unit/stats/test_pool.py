"""Means over workloads and prediction intervals, by hand and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.stats.paired import compare, from_differences
from harness.stats.pool import over_workloads, prediction
from harness.stats.rank import signed_rank_interval
from harness.stats.values import Assumption, Comparison
from tests.unit.stats.samples import sample


def of(differences: dict[int, float], *, subject: str = "a heap", assumption: Assumption = "ratio") -> Comparison:
    return from_differences(differences, assumption, subject=subject, baseline="b heap", unit="ns", level=0.05)


def test_over_workloads_when_two_workloads_then_is_t_over_the_blocks_means() -> None:
    one = {0: 0.1, 1: 0.2, 2: 0.15, 3: 0.12, 4: 0.18}
    two = {0: 0.3, 1: 0.5, 2: 0.4, 3: 0.35, 4: 0.45}
    found = over_workloads({"one": of(one), "two": of(two)}, level=0.05)
    means = [(one[b] + two[b]) / 2 for b in range(5)]
    expected = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert found.differences == pytest.approx(means)
    assert found.estimate.low == pytest.approx(math.exp(expected.low))
    assert found.estimate.high == pytest.approx(math.exp(expected.high))
    assert (found.subject, found.baseline) == ("a", "b")


def test_over_workloads_when_weights_given_then_they_are_scaled_to_one() -> None:
    one, two = of({0: 0.0, 1: 0.0}), of({0: 0.4, 1: 0.8})
    found = over_workloads({"one": one, "two": two}, level=0.05, weights={"one": 3.0, "two": 1.0})
    assert found.differences == pytest.approx([0.1, 0.2])


def test_over_workloads_when_a_block_lacks_one_then_it_is_left_out() -> None:
    found = over_workloads({"one": of({0: 0.1, 1: 0.2}), "two": of({1: 0.4, 2: 0.5})}, level=0.05)
    assert found.blocks == (1,)
    assert found.differences == pytest.approx([0.3])


def test_over_workloads_when_subjects_differ_then_names_them_all() -> None:
    found = over_workloads({"one": of({0: 0.1}), "two": of({0: 0.4}, subject="c heap")}, level=0.05)
    assert found.subject == "a, c"


@pytest.mark.parametrize("kinds", [(), ("ratio", "linear"), ("exact", "exact")])
def test_over_workloads_when_they_do_not_combine_then_refuses(kinds: tuple[Assumption, ...]) -> None:
    given = {str(index): of({0: 0.1}, assumption=kind) for index, kind in enumerate(kinds)}
    with pytest.raises(ValueError, match="workloads combine"):
        over_workloads(given, level=0.05)


def test_over_workloads_when_skewed_then_is_the_signed_rank_interval_of_the_blocks_means() -> None:
    rng = np.random.default_rng(30)
    one, two = (dict(enumerate(rng.exponential(0.3, 12).tolist())) for _ in range(2))
    found = over_workloads({"one": of(one, assumption="skewed"), "two": of(two, assumption="skewed")}, level=0.05)
    means = [(one[block] + two[block]) / 2 for block in range(12)]
    low, high = signed_rank_interval(means, level=0.05) or (None, None)
    assert low is not None
    assert high is not None
    assert found.estimate.low == pytest.approx(math.exp(low))
    assert found.estimate.high == pytest.approx(math.exp(high))
    assert found.half is None


def test_over_workloads_when_values_repeat_then_the_clocks_steps_are_the_least_spread() -> None:
    one, two = (
        compare(sample([100.0] * 6, resolution=step), sample([50.0] * 6, label="b"), level=0.05) for step in (3.0, 4.0)
    )
    found = over_workloads({"one": one, "two": two}, level=0.05)
    assert found.spread == pytest.approx(math.hypot(0.03, 0.04) / 2 / math.sqrt(12))
    assert over_workloads({"one": one}, level=0.05).spread == pytest.approx(one.spread)


def test_over_workloads_when_one_of_them_carries_a_warning_then_the_mean_does() -> None:
    warned = compare(sample([1.0, 2.0]), sample([1.0], label="b"), level=0.05)
    found = over_workloads({"one": warned, "two": of({0: 0.1})}, level=0.05)
    assert [warning.code for warning in found.warnings] == ["unpaired_blocks", "too_few_blocks"]


def test_over_workloads_when_second_stage_then_spread_is_the_first_stages() -> None:
    rng = np.random.default_rng(29)
    one, two = (dict(enumerate(rng.normal(0, 0.1, 20).tolist())) for _ in range(2))
    del one[3]  # a block that one workload lacks is not made up for by one of the second stage
    found = over_workloads({"one": of(one), "two": of(two)}, level=0.05, first_stage=10)
    first = [(one[block] + two[block]) / 2 for block in range(10) if block != 3]
    assert found.spread == pytest.approx(np.std(first, ddof=1))
    assert (found.degrees, len(found.blocks)) == (8, 19)


def test_prediction_when_new_workloads_are_drawn_then_covers_them() -> None:
    rng = np.random.default_rng(31)
    covered = 0
    for _ in range(1500):
        effects = rng.normal(0.2, 0.15, 7)
        given = {
            str(w): of(dict(enumerate(rng.normal(effect, 0.1, 7).tolist()))) for w, effect in enumerate(effects[:6])
        }
        found = prediction(given, level=0.05)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        covered += math.log(found.low) <= effects[6] <= math.log(found.high)
    assert covered >= 1380  # 92 %; nominal 95 %: 1425, standard deviation 8.4


def test_prediction_when_compared_with_the_mean_then_is_wider() -> None:
    rng = np.random.default_rng(32)
    given = {str(w): of(dict(enumerate(rng.normal(0.2 * w, 0.05, 7).tolist()))) for w in range(4)}
    mean, new = over_workloads(given, level=0.05), prediction(given, level=0.05)
    assert new is not None
    assert new.high is not None
    assert mean.estimate.high is not None
    assert new.high > mean.estimate.high
    assert new.point == pytest.approx(mean.estimate.point)


def test_prediction_when_linear_then_stays_in_the_unit() -> None:
    given = {str(w): of({0: 0.1 * w, 1: 0.1 * w + 0.01}, assumption="linear") for w in range(3)}
    found = prediction(given, level=0.05)
    assert found is not None
    assert found.unit == "ns"
    assert found.point == pytest.approx(0.105)


def test_prediction_when_two_workloads_or_one_block_then_is_none() -> None:
    pair = {"one": of({0: 0.1, 1: 0.2}), "two": of({0: 0.1, 1: 0.2})}
    assert prediction(pair, level=0.05) is None
    assert prediction({**pair, "three": of({0: 0.1})}, level=0.05) is None
