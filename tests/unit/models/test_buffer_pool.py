"""The model of the buffer pool against buffers that are really kept, and its stack against closed forms."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models import buffer_pool
from tests.models.base import MASK, draw, fold, text_of

KIB = 1 << 10


def _parameters(burst: int, rounds: int, cap_kib: int) -> dict[str, int]:
    return {"burst": burst, "rounds": rounds, "bimodal_rounds": rounds, "cap_kib": cap_kib}


@settings(max_examples=30, deadline=None)
@given(
    burst=st.integers(min_value=1, max_value=9),
    rounds=st.integers(min_value=0, max_value=40),
    cap_kib=st.integers(min_value=0, max_value=5000),
    seed=st.integers(min_value=0, max_value=MASK),
)
def test_bimodal_when_buffers_are_really_kept_then_counts_and_checksum_agree(
    burst: int, rounds: int, cap_kib: int, seed: int
) -> None:
    number = made = peak = total = 0
    kept: list[int] = []
    sums = []
    for _ in range(rounds):
        flying = []
        for _ in range(burst):
            size = 4096 * KIB if draw(seed, number) % 100 == 0 else KIB
            capacity = kept.pop() if kept else 0
            if size > capacity:
                capacity, made = size, made + 1
            flying.append((capacity, size, draw(seed, number + 1)))
            number += 2
        live = sum(size for _, size, _ in flying)
        total, peak = total + live, max(peak, live)
        for capacity, size, word in flying:
            sums.append(word * size // 8 & MASK)
            if sum(kept) + capacity <= cap_kib * KIB:
                kept.append(capacity)
    result = buffer_pool.run(_parameters(burst, rounds, cap_kib), "capped_bimodal", seed)
    assert result.checksum == text_of(fold(sums))
    assert (result.operations, result.allocated_bytes, result.peak_live_bytes) == (burst * rounds, total, peak)
    assert result.counters == {"made": made, "retained_bytes": sum(kept)}


@pytest.mark.parametrize(("cap_kib", "kept"), [(0, 0), (15, 0), (16, 1), (63, 3), (128, 8), (1000, 10)])
def test_uniform_when_the_cap_is_so_large_then_each_round_makes_what_was_not_kept(cap_kib: int, kept: int) -> None:
    result = buffer_pool.run(_parameters(10, 7, cap_kib), "capped", 42)
    assert result.counters == {"made": 10 + 6 * (10 - kept), "retained_bytes": kept * 16 * KIB}


def test_variants_when_sizes_are_the_same_then_only_the_capped_one_counts_and_all_else_agrees() -> None:
    for suffix in ("", "_bimodal"):
        alloc, pool, capped = (
            buffer_pool.run(_parameters(5, 60, 100), way + suffix, 7) for way in ("alloc", "pool", "capped")
        )
        assert alloc == pool
        assert alloc.checksum == capped.checksum
        assert alloc.counters == {}
        assert set(capped.counters) == {"made", "retained_bytes"}


@pytest.mark.parametrize("variant", ["uniform", "alloc_uniform", "pool_bimodal_capped"])
def test_variant_when_there_is_none_of_that_name_then_key_error(variant: str) -> None:
    with pytest.raises(KeyError):
        buffer_pool.run(_parameters(1, 1, 1), variant, 1)
