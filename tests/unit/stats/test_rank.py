"""Exact rank and sign-flip methods against scipy and against enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.stats.rank import (
    LARGEST_SIGN_FLIP,
    hodges_lehmann,
    sign_flip,
    signed_rank_interval,
    signed_rank_p,
)

FLOATS = st.floats(-100, 100)


def test_signed_rank_p_when_no_ties_then_equals_scipys_exact_test() -> None:
    rng = np.random.default_rng(11)
    for n in (3, 6, 10, 17, 25):
        data = rng.normal(0.4, 1, n).tolist()
        assert signed_rank_p(data) == pytest.approx(stats.wilcoxon(data, method="exact").pvalue, rel=1e-9)


@settings(max_examples=40)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_signed_rank_p_when_ties_and_zeros_then_equals_enumeration(data: list[int]) -> None:
    kept = [value for value in data if value]
    if not kept:
        assert signed_rank_p(data) == 1.0
        return
    ranks = stats.rankdata(np.abs(kept))
    observed = ranks[np.array(kept) > 0].sum()
    sums = [np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=len(kept))]
    tails = [sum(s <= observed for s in sums), sum(s >= observed for s in sums)]
    assert signed_rank_p(data) == pytest.approx(min(1.0, 2 * min(tails) / len(sums)), rel=1e-12)


def test_hodges_lehmann_when_one_value_is_wild_then_hardly_moves() -> None:
    data = [1.0, 1.1, 0.9, 1.05, 0.95]
    assert hodges_lehmann([*data, 1000.0]) == pytest.approx(1.0, abs=0.1)


def test_hodges_lehmann_when_nothing_given_then_refuses() -> None:
    with pytest.raises(ValueError, match="no differences"):
        hodges_lehmann([])


def test_signed_rank_interval_when_level_is_known_then_ranks_are_the_tables() -> None:
    # Hollander and Wolfe's table: n = 10, alpha = 0.05 two-sided, critical value 8, so the 9th from each end.
    data = [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 127.0, 255.0, 511.0]
    averages = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(data, 2))
    assert signed_rank_interval(data, level=0.05) == (averages[8], averages[-9])


@settings(max_examples=60)
@given(st.lists(FLOATS, min_size=6, max_size=14, unique=True), st.floats(-100, 100))
def test_signed_rank_interval_when_centre_lies_outside_then_the_test_rejects_it(
    data: list[float], centre: float
) -> None:
    found = signed_rank_interval(data, level=0.05)
    assert found is not None
    low, high = found
    shifted = [value - centre for value in data]
    sizes = sorted(abs(value) for value in shifted)
    # Where a centre ties two sizes or hits a value, interval and test break the tie differently.
    if sizes[0] == 0 or any(b - a < 1e-9 for a, b in itertools.pairwise(sizes)):
        return
    assert (centre < low or centre > high) == (signed_rank_p(shifted) <= 0.05)


def test_signed_rank_interval_when_blocks_are_too_few_for_the_level_then_is_none() -> None:
    assert signed_rank_interval([1.0, 2.0, 3.0, 4.0, 5.0], level=0.05) is None
    assert signed_rank_interval([], level=0.05) is None
    assert signed_rank_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], level=0.05) == (1.0, 6.0)


def test_signed_rank_interval_when_heavy_tails_then_covers() -> None:
    rng = np.random.default_rng(12)
    misses = 0
    for _ in range(1500):
        found = signed_rank_interval(rng.standard_t(2, 10).tolist(), level=0.05)
        assert found is not None
        misses += not found[0] <= 0 <= found[1]
    assert 40 <= misses <= 110  # true level 2 · 25/1024 = 0.049: mean 73, standard deviation 8.4


@settings(max_examples=40)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=10))
def test_sign_flip_when_small_then_equals_enumeration(data: list[int]) -> None:
    observed = abs(sum(data))
    sums = [abs(np.dot(signs, data)) for signs in itertools.product((-1, 1), repeat=len(data))]
    assert sign_flip(data) == pytest.approx(sum(s >= observed for s in sums) / len(sums), rel=1e-12)


def test_sign_flip_when_compared_with_scipy_then_agrees() -> None:
    data = np.random.default_rng(2).normal(0.5, 1, 9)
    expected = stats.permutation_test((data,), np.mean, permutation_type="samples").pvalue
    assert sign_flip(data.tolist()) == pytest.approx(expected, rel=1e-12)


def test_sign_flip_when_five_blocks_then_cannot_reach_five_percent() -> None:
    assert sign_flip([1.0] * 5) == 2 / 32
    assert sign_flip([1.0] * 6) == 2 / 64


def test_sign_flip_when_thirty_differences_then_is_close_to_t() -> None:
    data = np.random.default_rng(4).normal(0.3, 1, 30)
    assert sign_flip(data.tolist()) == pytest.approx(stats.ttest_1samp(data, 0).pvalue, rel=0.1)


def test_sign_flip_when_sum_is_zero_then_is_one() -> None:
    assert sign_flip([1.0, -1.0]) == 1.0
    assert sign_flip([]) == 1.0


def test_sign_flip_when_too_many_to_count_then_is_none() -> None:
    assert sign_flip([1.0] * (LARGEST_SIGN_FLIP + 1)) is None
