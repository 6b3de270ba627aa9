"""Each model against its workload's published values, against closed forms, and against the plain work it derives."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models import binary_trees, canary, escape, gcbench, large_objects, lru_cache, message_window, pass_large
from tests.models.base import GAMMA, MASK, draw, fold, text_of

SEED = st.integers(min_value=0, max_value=MASK)


def _outputs(seed: int) -> Callable[[], int]:
    numbers = iter(range(1 << 62))
    return lambda: draw(seed, next(numbers))


# --- canary


CANARY = {"mebibytes": 2, "hold_ms": 7, "cpu_ms": 9, "threads": 2, "count": 5, "size": 48}


def test_canary_memory_when_two_mebibytes_then_one_word_is_folded_per_page() -> None:
    result = canary.run(CANARY, "memory", 42)
    assert (result.operations, result.allocations) == (512, 1)
    assert result.allocated_bytes == result.peak_live_bytes == 2 << 20
    assert result.checksum == text_of(fold(draw(42, n) for n in range(512)))


def test_canary_pause_when_held_then_checksum_is_of_the_duration_and_nothing_is_allocated() -> None:
    result = canary.run(CANARY, "pause", 42)
    assert (result.operations, result.allocations, result.allocated_bytes, result.peak_live_bytes) == (1, 0, 0, 0)
    assert result.checksum == text_of(fold([7]))


def test_canary_cpu_when_two_threads_then_one_operation_each() -> None:
    result = canary.run(CANARY, "cpu", 42)
    assert (result.operations, result.allocations, result.allocated_bytes, result.peak_live_bytes) == (2, 0, 0, 0)
    assert result.checksum == text_of(fold([9, 2]))


def test_canary_bytes_when_five_blocks_then_two_words_are_folded_per_block() -> None:
    result = canary.run(CANARY, "bytes", 1)
    assert (result.operations, result.allocations, result.allocated_bytes, result.peak_live_bytes) == (5, 5, 240, 48)
    assert result.checksum == text_of(fold(draw(1, n) for n in range(10)))


# --- binary trees, against trees that are really built


def _built(depth: int, output: Callable[[], int]) -> list[int]:
    """A tree as a nested list [payload, left, right], returned as its pre-order walk."""

    def build(d: int) -> list[object]:
        payload = output()
        return [payload, build(d - 1), build(d - 1)] if d else [payload, None, None]

    def walk(tree: object) -> Iterator[int]:
        if isinstance(tree, list):
            yield tree[0]
            yield from walk(tree[1])
            yield from walk(tree[2])

    return list(walk(build(depth)))


@settings(max_examples=10, deadline=None)
@given(depth=st.integers(min_value=2, max_value=6), seed=SEED)
def test_trees_when_really_built_and_walked_then_counts_and_checksum_agree(depth: int, seed: int) -> None:
    made = 0

    def tree(number: int, d: int) -> int:
        nonlocal made
        words = _built(d, _outputs((seed + number) & MASK))
        made += len(words)
        return fold(words)

    hashes = [tree(0, depth + 1)]
    long_lived = tree(1, depth)
    number = 2
    for d in range(4, depth + 1, 2):
        for _ in range(2 ** (depth - d + 4)):
            hashes.append(tree(number, d))
            number += 1
    result = binary_trees.run({"depth": depth, "threads": 1}, "node", seed)
    assert result.checksum == text_of(fold([*hashes, long_lived]))
    assert result.operations == result.allocations == made
    assert result.allocated_bytes == 24 * made
    assert result.counters == {"trees": number}


@pytest.mark.parametrize(("depth", "nodes"), [(0, 1), (1, 3), (4, 31), (20, 2_097_151)])
def test_nodes_when_tree_is_complete_then_count_is_the_closed_form(depth: int, nodes: int) -> None:
    assert binary_trees.nodes(depth) == nodes


def test_trees_when_threads_are_more_then_only_the_peak_differs() -> None:
    one = binary_trees.run({"depth": 6, "threads": 1}, "node", 3)
    four = binary_trees.run({"depth": 6, "threads": 4}, "node", 3)
    assert (one.checksum, one.operations, one.counters) == (four.checksum, four.operations, four.counters)
    assert (one.peak_live_bytes, four.peak_live_bytes) == (24 * 255, 24 * 127 * 5)


@settings(max_examples=10, deadline=None)
@given(
    depth=st.integers(min_value=3, max_value=14),
    threads=st.integers(min_value=1, max_value=40),
    seed=SEED,
)
def test_arena_when_chunks_are_really_filled_then_only_their_number_is_added(
    depth: int, threads: int, seed: int
) -> None:
    chunks = 0
    ranges = [(depth + 1, 1), (depth, 1)]
    for d in range(4, depth + 1, 2):
        trees = 2 ** (depth - d + 4)
        ranges += [(d, (t + 1) * trees // threads - t * trees // threads) for t in range(threads)]
    for d, trees in ranges:
        have = 0
        for _ in range(min(trees, 2)):  # the second tree finds what the first one left
            room = have * 4096
            while room < 2 ** (d + 1) - 1:
                have, room = have + 1, room + 4096
        chunks += have
    parameters = {"depth": depth, "threads": threads}
    node, arena = (binary_trees.run(parameters, variant, seed) for variant in ("node", "arena"))
    assert arena.counters == {**node.counters, "chunks": chunks}
    assert replace(arena, counters=node.counters) == node


# --- message window, against a window that is really kept


@settings(max_examples=25, deadline=None)
@given(
    window=st.integers(min_value=1, max_value=9),
    words=st.integers(min_value=1, max_value=4),
    pushes=st.integers(min_value=1, max_value=40),
    seed=SEED,
)
def test_window_when_really_kept_then_checksum_agrees(window: int, words: int, pushes: int, seed: int) -> None:
    output = _outputs(seed)

    def make() -> bytes:
        return bytes([output() & 0xFF]) * (8 * words)

    slots = [make() for _ in range(window)]
    total = 0
    for i in range(pushes):
        message = make()
        total += slots[i % window][-1]
        slots[i % window] = message
    folded = [total]
    for message in slots:
        folded.extend(int.from_bytes(message[at : at + 8], "little") for at in range(0, len(message), 8))
    parameters = {"window": window, "size": 8 * words, "pushes": pushes}
    result = message_window.run(parameters, "heap", seed)
    assert message_window.run(parameters, "global", seed) == result
    assert result.checksum == text_of(fold(folded))
    assert (result.operations, result.allocations) == (pushes, pushes)
    assert (result.allocated_bytes, result.peak_live_bytes) == (pushes * 8 * words, (window + 1) * 8 * words)


# --- LRU cache: the published values, and the list of the text


@pytest.mark.parametrize(
    ("capacity", "accesses", "hits", "misses", "allocations"),
    [
        (100, 10_000, 952, 9_048, 9_083),
        (1_000, 1_000_000, 100_135, 899_865, 900_870),
        (1_000, 3_000_000, 301_110, 2_698_890, 2_702_630),
    ],
)
def test_lru_when_parameters_are_published_then_counts_are_the_published_ones(
    capacity: int, accesses: int, hits: int, misses: int, allocations: int
) -> None:
    result = lru_cache.run({"capacity": capacity, "accesses": accesses}, "heap", 0)
    assert result.counters == {"hits": hits, "misses": misses}
    assert result.allocations == allocations
    assert result.allocated_bytes == 40 * allocations
    assert result.peak_live_bytes == 40 * capacity


def test_lru_when_never_full_then_peak_is_what_was_put() -> None:
    result = lru_cache.run({"capacity": 50, "accesses": 3}, "heap", 0)
    assert result.peak_live_bytes == 40 * result.allocations == 120


@settings(max_examples=25, deadline=None)
@given(
    capacity=st.integers(min_value=1, max_value=12),
    accesses=st.integers(min_value=1, max_value=200),
    seed=st.integers(min_value=0, max_value=(1 << 32) - 1),
)
def test_lru_when_kept_as_a_plain_list_then_checksum_agrees(capacity: int, accesses: int, seed: int) -> None:
    entries: list[list[int]] = []  # most recently used first
    hits = total = allocations = 0
    keys = 10 * capacity

    def found(key: int) -> list[int] | None:
        for at, entry in enumerate(entries):
            if entry[0] == key:
                entries.insert(0, entries.pop(at))
                return entry
        return None

    a, b = seed % 2**31, (seed + 1) % 2**31
    for i in range(accesses):
        a, b = (1103515245 * a + 12345) % 2**31, (1103515245 * b + 12345) % 2**31
        if (entry := found(a % keys)) is not None:
            entry[1] = i
        else:
            del entries[capacity - 1 :]
            entries.insert(0, [a % keys, i])
            allocations += 1
        if (entry := found(b % keys)) is not None:
            hits += 1
            total += entry[1]
    result = lru_cache.run({"capacity": capacity, "accesses": accesses}, "heap", seed)
    words = [hits, accesses - hits, total, *(word for entry in entries for word in entry)]
    assert result.checksum == text_of(fold(words))
    assert (result.allocations, result.counters["hits"]) == (allocations, hits)


def test_lru_generator_when_start_is_beyond_31_bits_then_it_wraps() -> None:
    assert list(islice(lru_cache.generator(1 << 31), 3)) == list(islice(lru_cache.generator(0), 3))
    assert next(lru_cache.generator(0)) == 12345


# --- escape, against single operations


def _operation(form: str, seed: int, i: int) -> int:
    x = ((seed + i) * GAMMA) & MASK
    fields = [x, x >> 1, x ^ i, x + i]
    if form.startswith(("buffer_", "array_")):
        return (x & 0xFF) + 256 * ((x >> 8) & 0xFF)
    if form == "merged" and x & (1 << 17):
        return sum(~f & MASK for f in fields)
    return sum(f & MASK for f in fields)


FORMS = sorted(
    escape.STRUCTS
    | escape.STORED
    | {"merged", "make_channel_local", "buffer_variable_33", "buffer_constant_65537", "array_131072"}
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", [0, 42, MASK - 3])
def test_escape_when_operations_are_done_one_by_one_then_the_sum_agrees(form: str, seed: int) -> None:
    count = 7 if form.startswith(escape.LARGE) else 11
    total = sum(_operation(form, seed, i) for i in range(count)) & MASK
    result = escape.run({"operations": 11, "large_operations": 7}, form, seed)
    assert result.operations == result.allocations == count
    assert result.checksum == text_of(fold([total]))


@pytest.mark.parametrize("form", ["hot_stack", "hot_heap"])
def test_escape_hot_when_words_are_read_one_by_one_then_the_sum_agrees(form: str) -> None:
    words = [draw(9, n) for n in range(512)]
    total = 0
    for i in range(30):
        s = i
        for word in words:
            s = (s * 3 + word) & MASK
        total += s
    result = escape.run({"operations": 1, "large_operations": 3}, form, 9)
    assert (result.operations, result.allocations, result.allocated_bytes) == (30, 1, 4096)
    assert result.checksum == text_of(fold([total & MASK]))


@pytest.mark.parametrize(
    ("form", "size", "peak"),
    [
        ("local", 32, 32),
        ("stored", 32, 32 * 1024),
        ("make_map_escapes", 32, 32 * 1024),
        ("make_channel_local", 8, 8),
        ("buffer_variable_33", 33, 33),
    ],
)
def test_escape_when_more_operations_than_slots_then_bytes_are_those_of_the_text(
    form: str, size: int, peak: int
) -> None:
    result = escape.run({"operations": 2000, "large_operations": 7}, form, 1)
    assert (result.allocated_bytes, result.peak_live_bytes) == (size * 2000, peak)


def test_escape_stored_when_fewer_operations_than_slots_then_peak_is_theirs() -> None:
    assert escape.run({"operations": 10, "large_operations": 7}, "stored", 1).peak_live_bytes == 320


# --- all


@pytest.mark.parametrize(
    "model", [canary, binary_trees, message_window, lru_cache, escape, gcbench, large_objects, pass_large]
)
def test_model_when_variant_is_unknown_then_key_error_names_it(model: ModuleType) -> None:
    everything = {**CANARY, "depth": 4, "window": 2, "pushes": 2, "capacity": 2, "accesses": 2}
    everything |= {"operations": 2, "large_operations": 2, "array": 2, "mebibytes": 2, "blocks": 2, "words": 9000}
    with pytest.raises(KeyError, match="nothing"):
        model.run(everything, "nothing", 1)
