"""The generator and the checksum against the vectors of ``langs/PROTOCOL.md``; their array forms against the plain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.base import OFFSET, draw, draws, draws_of, fold, fold_columns, text_of

WORD = st.integers(min_value=0, max_value=(1 << 64) - 1)


@pytest.mark.parametrize(
    ("seed", "first"),
    [
        (0, ("e220a8397b1dcdaf", "6e789e6aa1b965f4", "06c45d188009454f")),
        (42, ("bdd732262feb6e95", "28efe333b266f103", "47526757130f9f52")),
    ],
)
def test_draw_when_seed_is_published_then_outputs_are_the_published_ones(seed: int, first: tuple[str, ...]) -> None:
    assert tuple(text_of(draw(seed, n)) for n in range(3)) == first


@pytest.mark.parametrize(("count", "checksum"), [(1_000, "536cee532ddb4678"), (1_000_000, "d07cdf67a5d64fea")])
def test_fold_when_words_are_outputs_of_seed_42_then_checksum_is_the_published_one(count: int, checksum: str) -> None:
    assert text_of(fold(draws(42, 0, count).tolist())) == checksum


def test_fold_when_nothing_is_added_then_checksum_is_the_offset() -> None:
    assert fold(()) == OFFSET == 0xCBF29CE484222325


@given(seed=WORD, first=st.integers(min_value=0, max_value=1 << 20), count=st.integers(min_value=1, max_value=20))
def test_draws_when_taken_at_once_then_they_equal_single_draws(seed: int, first: int, count: int) -> None:
    assert draws(seed, first, count).tolist() == [draw(seed, first + n) for n in range(count)]


@given(seeds=st.lists(WORD, min_size=1, max_size=5), count=st.integers(min_value=1, max_value=9))
def test_fold_columns_when_folded_side_by_side_then_each_equals_its_own_fold(seeds: list[int], count: int) -> None:
    words = draws_of(np.array(seeds, dtype=np.uint64), 0, count)
    start = np.full(len(seeds), OFFSET, dtype=np.uint64)
    assert fold_columns(words, start).tolist() == [fold(draw(seed, n) for n in range(count)) for seed in seeds]


def test_fold_columns_when_called_then_start_is_left_as_it_was() -> None:
    start = np.array([OFFSET], dtype=np.uint64)
    fold_columns(np.array([[7]], dtype=np.uint64), start)
    assert start.tolist() == [OFFSET]


def test_fold_when_order_of_the_words_changes_then_checksum_changes() -> None:
    words = draws(42, 0, 100).tolist()
    assert fold(words) != fold(reversed(words))
