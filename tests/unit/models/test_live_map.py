"""The model of the live map against a table that is filled and used step by step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models import live_map
from tests.models.base import GAMMA, MASK, draw, fold, text_of

SEED = st.integers(min_value=0, max_value=MASK)


def _scale(x: int, many: int) -> int:
    return (x >> 32) * many >> 32


@settings(max_examples=6, deadline=None)
@given(
    operations=st.integers(min_value=0, max_value=2000),
    words=st.integers(min_value=1, max_value=4),
    seed=SEED,
)
def test_map_when_really_filled_and_used_then_counts_and_checksum_agree(operations: int, words: int, seed: int) -> None:
    entries, slots = 32_768, 49_152
    table: list[list[int] | None] = [None] * slots
    for e in range(entries):
        key = draw(seed, e)
        slot = _scale(key, slots)
        while table[slot] is not None:
            slot = (slot + 1) % slots
        table[slot] = [key, 0, key, e + 1]
    ring = [[j] * words for j in range(256)]
    total = probes = 0
    for i in range(operations):
        w = draw(seed, entries + i)
        key = draw(seed + _scale(w, entries) * GAMMA, 0)
        slot = _scale(key, slots)
        while (entry := table[slot]) is not None and entry[0] != key:
            slot, probes = (slot + 1) % slots, probes + 1
        probes += 1
        assert entry is not None
        total += entry[2] + ring[i % 256][-1]
        entry[1:3] = [entry[1] + 1, (entry[2] + w) & MASK]
        ring[i % 256] = [w] * words
    kept = [word for entry in table if entry is not None for word in entry]
    result = live_map.run({"mebibytes": 1, "operations": operations, "garbage": 8 * words}, "inline", seed)
    assert result.checksum == text_of(fold([total & MASK, *kept, *(word for block in ring for word in block)]))
    assert result.counters == {"entries": entries, "probes": probes}
    assert (result.operations, result.allocations) == (operations, operations)
    assert result.allocated_bytes == operations * 8 * words
    assert result.peak_live_bytes == (1 << 20) + 257 * 8 * words


@given(st.lists(st.integers(min_value=0, max_value=11), max_size=12))
def test_keys_when_they_settle_at_once_then_each_is_where_it_would_be_one_by_one(homes: list[int]) -> None:
    table = [len(homes)] * 12
    for key, home in enumerate(homes):
        slot = home
        while table[slot] < len(homes):
            slot = (slot + 1) % 12
        table[slot] = key
    assert live_map.settle(np.array(homes, dtype=np.int64), 12).tolist() == table


def test_variants_when_they_do_the_same_then_they_report_the_same() -> None:
    parameters = {"mebibytes": 1, "operations": 100, "garbage": 64}
    pointers, inline, flat = (live_map.run(parameters, one, 7) for one in ("pointers", "inline", "flat"))
    assert pointers == inline == flat


def test_variant_when_there_is_none_of_that_name_then_key_error_names_it() -> None:
    with pytest.raises(KeyError, match="nothing"):
        live_map.run({"mebibytes": 1, "operations": 1, "garbage": 8}, "nothing", 1)
