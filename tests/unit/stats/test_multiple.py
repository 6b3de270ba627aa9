"""Holm's levels and combined p values, against the adjusted-p formulation and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.multiple import adjusted, at_least, every, exists, levels

PS = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_levels_when_third_is_not_rejected_then_it_and_later_share_its_level() -> None:
    found = levels({"d": 0.9, "a": 0.001, "c": 0.04, "b": 0.016}, alpha=0.05)
    assert found == {"d": 0.025, "a": 0.0125, "c": 0.025, "b": pytest.approx(0.05 / 3)}


def test_levels_when_all_are_rejected_then_last_gets_alpha() -> None:
    assert levels({"a": 0.0, "b": 0.0}, alpha=0.05) == {"a": 0.025, "b": 0.05}


def test_levels_when_no_claims_then_none() -> None:
    assert levels({}, alpha=0.05) == {}


@given(PS)
def test_levels_when_used_to_reject_then_equal_holms_adjusted_p(ps: list[float]) -> None:
    named = {str(index): p for index, p in enumerate(ps)}
    found = levels(named, alpha=0.05)
    adjusted: dict[str, float] = {}
    running = 0.0
    for index, name in enumerate(sorted(named, key=lambda name: (named[name], name))):
        running = max(running, (len(ps) - index) * named[name])
        adjusted[name] = running
    for name, p in named.items():
        if abs(adjusted[name] - 0.05) > 1e-12:
            assert (p <= found[name]) == (adjusted[name] <= 0.05)
        assert 0.05 / len(ps) <= found[name] <= 0.05


def test_levels_when_all_nulls_are_true_then_any_rejection_is_rare() -> None:
    rng = np.random.default_rng(41)
    wrong = 0
    for _ in range(3000):
        ps = {str(index): p for index, p in enumerate(rng.uniform(size=12))}
        found = levels(ps, alpha=0.05)
        wrong += any(ps[name] <= found[name] for name in ps)
    assert 90 <= wrong <= 200  # 1 - (1 - 0.05/12)^12 = 0.0489: mean 147, standard deviation 11.8


def test_every_when_three_then_is_the_largest() -> None:
    assert every([0.01, 0.2, 0.03]) == 0.2


def test_exists_when_three_then_is_bonferroni() -> None:
    assert exists([0.01, 0.2, 0.03]) == pytest.approx(0.03)


def test_at_least_when_two_of_four_then_is_three_times_the_second() -> None:
    assert at_least([0.5, 0.01, 0.02, 0.9], 2) == pytest.approx(0.06)


@given(PS, st.data())
def test_at_least_when_more_are_required_then_p_is_a_probability_and_all_is_hardest(
    ps: list[float], data: st.DataObject
) -> None:
    required = data.draw(st.integers(1, len(ps)))
    assert 0 <= at_least(ps, required) <= 1
    assert every(ps) == max(ps)


def test_at_least_when_one_effect_is_real_then_two_are_rarely_claimed() -> None:
    rng = np.random.default_rng(42)
    wrong = 0
    for _ in range(4000):
        wrong += at_least([0.0, *rng.uniform(size=4)], 2) <= 0.05
    assert wrong <= 245  # at most 5 %: mean 196 or fewer, standard deviation 13.6


@pytest.mark.parametrize("required", [0, 4])
def test_at_least_when_required_is_out_of_range_then_refuses(required: int) -> None:
    with pytest.raises(ValueError, match="no question"):
        at_least([0.1, 0.2, 0.3], required)


def test_at_least_when_nothing_is_given_then_refuses() -> None:
    with pytest.raises(ValueError, match="no question"):
        exists([])


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_levels_when_a_p_is_no_probability_then_refuses(p: float) -> None:
    with pytest.raises(ValueError, match="not a probability"):
        levels({"a": p}, alpha=0.05)


def test_adjusted_when_sorted_then_each_is_the_least_level_at_which_so_many_are_found() -> None:
    p = [0.04, 0.001, 0.03, 0.9]
    found = adjusted(p)
    assert found == pytest.approx((0.004, 0.09, 0.09, 0.9))
    for level in (0.003, 0.004, 0.05, 0.1, 1.0):
        holm = levels({str(index): one for index, one in enumerate(p)}, alpha=level)
        assert sum(one <= level for one in found) == sum(one <= holm[str(index)] for index, one in enumerate(p))


def test_adjusted_when_a_p_is_none_then_refuses() -> None:
    with pytest.raises(ValueError, match="not a probability"):
        adjusted([1.5])
