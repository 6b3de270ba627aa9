"""Quantiles against numpy and scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.stats.quantiles import quantile, quantile_interval


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_quantile_when_any_values_then_equals_numpys(values: list[float], q: float) -> None:
    assert quantile(values, q) == pytest.approx(float(np.quantile(values, q)), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(("values", "q"), [([], 0.5), ([1.0], 1.5), ([1.0], -0.1)])
def test_quantile_when_there_is_none_then_refuses(values: list[float], q: float) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        quantile(values, q)


@pytest.mark.parametrize(("n", "q"), [(20, 0.5), (50, 0.9), (12, 0.25)])
def test_quantile_interval_when_enough_values_then_equals_scipys(n: int, q: float) -> None:
    data = np.random.default_rng(51).exponential(1, n)
    expected = stats.quantile_test(data, p=q).confidence_interval(0.95)
    low, high = quantile_interval(data.tolist(), q, level=0.05)
    assert low == (None if np.isnan(expected.low) else pytest.approx(expected.low))
    assert high == (None if np.isnan(expected.high) else pytest.approx(expected.high))


def test_quantile_interval_when_tail_is_out_of_reach_then_that_side_is_open() -> None:
    low, high = quantile_interval([float(value) for value in range(100)], 0.999, level=0.05)
    assert low is not None
    assert high is None
    assert quantile_interval([1.0, 2.0], 0.5, level=0.05) == (None, None)
