"""Change points against brute force, labels on invented histories."""

import itertools
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats.steady import change_points, steadiness


def history(*states: tuple[float, int], noise: float = 0.005, seed: int = 0) -> list[float]:
    """Iteration times: so many around each level, with relative noise."""
    rng = np.random.default_rng(seed)
    return [level * float(np.exp(rng.normal(0, noise))) for level, count in states for _ in range(count)]


def cost(values: list[int], cuts: tuple[int, ...], penalty: float) -> float:
    bounds = [0, *cuts, len(values)]
    segments = [values[a:b] for a, b in itertools.pairwise(bounds)]
    return sum(statistics.pvariance(part) * len(part) for part in segments) + penalty * len(cuts)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9), st.floats(0.5, 20))
def test_change_points_when_all_partitions_are_tried_then_none_is_cheaper(values: list[int], penalty: float) -> None:
    found = change_points(values, penalty=penalty)
    cuts = range(1, len(values))
    every = (cost(values, chosen, penalty) for k in range(len(values)) for chosen in itertools.combinations(cuts, k))
    assert cost(values, found, penalty) == pytest.approx(min(every), abs=1e-9)


def test_change_points_when_a_step_is_clear_then_finds_its_first_index() -> None:
    assert change_points([5.0] * 6 + [1.0] * 9, penalty=1.0) == (6,)


def test_steadiness_when_one_level_then_is_flat() -> None:
    found = steadiness(history((100, 30)))
    assert found is not None
    assert (found.label, found.changes, found.steady_from, found.steady) == ("flat", (), 0, True)


def test_steadiness_when_first_iterations_are_slow_then_is_warmup() -> None:
    found = steadiness(history((300, 3), (150, 4), (100, 13)))
    assert found is not None
    assert (found.label, found.changes, found.steady_from, found.steady) == ("warmup", (3, 7), 7, True)


def test_steadiness_when_only_the_very_first_is_slow_then_is_warmup() -> None:
    found = steadiness(history((300, 1), (100, 17)))
    assert found is not None
    assert (found.label, found.steady_from) == ("warmup", 1)


def test_steadiness_when_it_gets_slower_then_is_slowdown() -> None:
    found = steadiness(history((100, 10), (120, 15)))
    assert found is not None
    assert (found.label, found.steady_from, found.steady) == ("slowdown", 10, False)


def test_steadiness_when_warm_then_slower_then_is_slowdown() -> None:
    found = steadiness(history((300, 4), (100, 8), (110, 10)))
    assert found is not None
    assert found.label == "slowdown"


def test_steadiness_when_times_repeat_to_the_digit_then_a_blip_is_still_none() -> None:
    found = steadiness([325, 325, 325, 325, 325, 349, 325, 325, 325, 339, 325, 325, 325, 325, 325, 377])
    assert found is not None
    assert (found.label, found.changes) == ("flat", ())


def test_steadiness_when_the_very_first_is_fast_then_that_is_a_beginning_and_no_state() -> None:
    found = steadiness(history((80, 1), (100, 17)))
    assert found is not None
    assert (found.label, found.steady_from) == ("warmup", 1)


def test_steadiness_when_the_first_three_are_fast_then_is_slowdown() -> None:
    found = steadiness(history((80, 3), (100, 17)))
    assert found is not None
    assert (found.label, found.steady_from) == ("slowdown", 3)


def test_steadiness_when_last_state_is_short_then_is_unsteady() -> None:
    found = steadiness(history((100, 17), (130, 3)))
    assert found is not None
    assert (found.label, found.steady) == ("unsteady", False)


def test_steadiness_when_one_iteration_is_hit_then_stays_flat() -> None:
    times = history((100, 20))
    times[9] *= 3
    found = steadiness(times)
    assert found is not None
    assert found.label == "flat"


def test_steadiness_when_a_change_is_below_five_percent_then_is_flat() -> None:
    found = steadiness(history((100, 20), (104, 20)))
    assert found is not None
    assert found.changes == (20,)
    assert found.label == "flat"


def test_steadiness_when_times_are_identical_then_is_flat() -> None:
    found = steadiness([5_000_000] * 15)
    assert found is not None
    assert found.label == "flat"


def test_steadiness_when_fourteen_iterations_then_no_label_is_given() -> None:
    assert steadiness(history((300, 4), (100, 10))) is None


def test_steadiness_when_there_is_only_noise_then_rarely_labels_a_change() -> None:
    labels = [steadiness(history((100, 20), noise=0.03, seed=seed)) for seed in range(400)]
    changed = sum(found is not None and found.label != "flat" for found in labels)
    assert changed <= 16
