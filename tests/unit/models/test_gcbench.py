"""GCBench's model against trees that are really built: populated from the top, and put together from the bottom."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models import gcbench
from tests.models.base import MASK, draw, fold, text_of

SEED = st.integers(min_value=0, max_value=MASK)


def _outputs(seed: int) -> Callable[[], int]:
    numbers = iter(range(1 << 62))
    return lambda: draw(seed & MASK, next(numbers))


def _new(output: Callable[[], int], left: object = None, right: object = None) -> dict[str, object]:
    return {"payload": output(), "left": left, "right": right}


def _populate(node: dict[str, object], depth: int, output: Callable[[], int]) -> None:
    if depth > 0:
        left = node["left"] = _new(output)
        right = node["right"] = _new(output)
        _populate(left, depth - 1, output)
        _populate(right, depth - 1, output)


def _top_down(depth: int, output: Callable[[], int]) -> dict[str, object]:
    root = _new(output)
    _populate(root, depth, output)
    return root


def _bottom_up(depth: int, output: Callable[[], int]) -> dict[str, object]:
    left = _bottom_up(depth - 1, output) if depth > 0 else None
    right = _bottom_up(depth - 1, output) if depth > 0 else None
    return _new(output, left, right)


def _walk(node: object) -> Iterator[int]:
    if isinstance(node, dict):
        yield node["payload"]
        yield from _walk(node["left"])
        yield from _walk(node["right"])


@settings(max_examples=10, deadline=None)
@given(depth=st.integers(min_value=0, max_value=6), array=st.integers(min_value=1, max_value=9), seed=SEED)
def test_gcbench_when_trees_are_really_built_then_counts_and_checksum_agree(depth: int, array: int, seed: int) -> None:
    made = 0

    def hash_of(build: Callable[[int, Callable[[], int]], dict[str, object]], number: int, d: int) -> int:
        nonlocal made
        payloads = list(_walk(build(d, _outputs(seed + number))))
        made += len(payloads)
        return fold(payloads)

    long_lived = hash_of(_top_down, 0, depth)
    words = []
    number = 2
    for d in range(4, depth + 1, 2):
        for build in (_top_down, _bottom_up):
            for _ in range(2 ** (depth - d + 3)):
                words.append(hash_of(build, number, d))
                number += 1
    output = _outputs(seed + 1)
    elements = [float(output() >> 11) for _ in range(array)]
    result = gcbench.run({"depth": depth, "array": array}, "node", seed)
    assert result.checksum == text_of(fold([*words, long_lived, *map(int, elements)]))
    assert (result.operations, result.allocations) == (made, made + 1)
    assert result.allocated_bytes == 24 * made + 8 * array


@pytest.mark.parametrize(("depth", "beside"), [(3, 0), (4, 31), (5, 31), (6, 127)])
def test_gcbench_when_depth_is_even_or_odd_then_peak_has_the_largest_short_lived_tree(depth: int, beside: int) -> None:
    result = gcbench.run({"depth": depth, "array": 10}, "node", 1)
    assert result.peak_live_bytes == 24 * (2 ** (depth + 1) - 1 + beside) + 80


@pytest.mark.parametrize("order", [gcbench.top_down, gcbench.bottom_up])
@pytest.mark.parametrize("depth", [0, 1, 2, 7])
def test_order_when_of_any_depth_then_each_draw_is_there_once(order: Callable[[int], list[int]], depth: int) -> None:
    assert sorted(order(depth)) == list(range(gcbench.nodes(depth)))
