"""What GCBench must report, without building a tree.

A tree is drawn in the order it is built and hashed in pre-order. So its hash is the checksum of its generator's draws
in an order that depends on depth and direction alone: a permutation, which has a recursion of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from .base import MASK, OFFSET, Result, Words, draws, draws_at, fold, fold_columns, text_of

GOLDEN_SEED: Final = 42
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

NODE_BYTES: Final = 24
DOUBLE_BYTES: Final = 8
LONG_LIVED: Final = 0
ARRAY: Final = 1
FIRST_SHORT: Final = 2
WORDS_AT_ONCE: Final = 1 << 20


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer of the one variant, ``node``; KeyError for any other."""
    if variant != "node":
        raise KeyError(variant)
    depth, array = parameters["depth"], parameters["array"]
    plan = [(d, 1 << (depth - d + 3)) for d in range(4, depth + 1, 2)]
    words: list[int] = []
    first = FIRST_SHORT
    for d, trees in plan:
        for order in (top_down, bottom_up):
            words.extend(_hashes(seed, first, trees, order(d)))
            first += trees
    words.extend(_hashes(seed, LONG_LIVED, 1, top_down(depth)))
    words.extend((draws((seed + ARRAY) & MASK, 0, array) >> np.uint64(11)).tolist())
    built = nodes(depth) + sum(2 * trees * nodes(d) for d, trees in plan)
    largest = nodes(plan[-1][0]) if plan else 0
    return Result(
        operations=built,
        allocations=built + 1,
        allocated_bytes=NODE_BYTES * built + DOUBLE_BYTES * array,
        peak_live_bytes=NODE_BYTES * (nodes(depth) + largest) + DOUBLE_BYTES * array,
        checksum=text_of(fold(words)),
    )


def nodes(depth: int) -> int:
    """How many nodes a complete tree has whose leaves are ``depth`` levels below its root."""
    return (1 << (depth + 1)) - 1


def top_down(depth: int) -> Words:
    """The numbers of the draws of a tree populated from the top, in pre-order: 0 is the root's."""
    below = _numbers(())  # of the nodes below the root of the tree whose depth is d, its children 0 and 1
    for d in range(depth):
        # Both children are drawn first, then all that is below the left one, then all below the right one.
        below = np.concatenate([_numbers([0]), below + _numbers(2), _numbers([1]), below + _numbers(nodes(d) + 1)])
    return np.concatenate([_numbers([0]), below + _numbers(1)])


def bottom_up(depth: int) -> Words:
    """The same of a tree put together from its subtrees: their draws come first, the root's is the last."""
    tree = _numbers([0])
    for d in range(depth):
        tree = np.concatenate([_numbers([2 * nodes(d)]), tree, tree + _numbers(nodes(d))])
    return tree


def _numbers(values: object) -> Words:
    return np.array(values, dtype=np.uint64)


def _hashes(seed: int, first: int, trees: int, order: Words) -> Iterator[int]:
    """The hashes of trees ``first`` to ``first + trees - 1``, many at a time: one column of draws per tree."""
    columns = min(trees, 4096)
    rows = max(1, WORDS_AT_ONCE // columns)
    for start in range(first, first + trees, columns):
        numbers = np.arange(start, min(start + columns, first + trees), dtype=np.uint64)
        seeds = numbers + np.uint64(seed & MASK)
        h = np.full(len(seeds), OFFSET, dtype=np.uint64)
        for row in range(0, len(order), rows):
            h = fold_columns(draws_at(seeds, order[row : row + rows]), h)
        yield from h.tolist()
