"""What the binary trees must report, without building a tree.

A tree is built in pre-order and walked in pre-order, so its hash is the checksum of the first 2^(d+1) - 1 draws of its
own generator. How many threads share the trees changes the peak only: hashes are folded by number. Regions change
nothing but that there are chunks to count: as many as the largest tree of a region needs.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from .base import MASK, OFFSET, Result, draws_of, fold, fold_columns, text_of

GOLDEN_SEED: Final = 42
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

NODE_BYTES: Final = 24
CHUNK_NODES: Final = 4096
STRETCH: Final = 0
LONG_LIVED: Final = 1
FIRST_SHORT: Final = 2
WORDS_AT_ONCE: Final = 1 << 20


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer of ``node`` or ``arena``; KeyError for any other variant."""
    if variant not in {"node", "arena"}:
        raise KeyError(variant)
    depth, threads = parameters["depth"], parameters["threads"]
    plan = [(d, 1 << (depth - d + 4)) for d in range(4, depth + 1, 2)]
    hashes = [*_hashes(seed, STRETCH, 1, depth + 1)]
    first = FIRST_SHORT
    for d, trees in plan:
        hashes.extend(_hashes(seed, first, trees, d))
        first += trees
    hashes.extend(_hashes(seed, LONG_LIVED, 1, depth))
    regions = [(depth + 1, 1), (depth, 1), *((d, min(threads, trees)) for d, trees in plan)]
    chunks = {"chunks": sum(count * -(-nodes(d) // CHUNK_NODES) for d, count in regions)}
    allocated = nodes(depth + 1) + nodes(depth) + sum(trees * nodes(d) for d, trees in plan)
    return Result(
        operations=allocated,
        allocations=allocated,
        allocated_bytes=NODE_BYTES * allocated,
        peak_live_bytes=NODE_BYTES * max(nodes(depth + 1), nodes(depth) * (1 + threads)),
        checksum=text_of(fold(hashes)),
        counters={"trees": len(hashes)} | (chunks if variant == "arena" else {}),
    )


def nodes(depth: int) -> int:
    """How many nodes a complete tree has whose leaves are ``depth`` levels below its root."""
    return (1 << (depth + 1)) - 1


def _hashes(seed: int, first: int, trees: int, depth: int) -> Iterator[int]:
    """The hashes of trees ``first`` to ``first + trees - 1``, many at a time: one column of draws per tree."""
    columns = min(trees, 4096)
    rows = max(1, WORDS_AT_ONCE // columns)
    for start in range(first, first + trees, columns):
        numbers = np.arange(start, min(start + columns, first + trees), dtype=np.uint64)
        seeds = numbers + np.uint64(seed & MASK)
        h = np.full(len(seeds), OFFSET, dtype=np.uint64)
        for row in range(0, nodes(depth), rows):
            h = fold_columns(draws_of(seeds, row, min(rows, nodes(depth) - row)), h)
        yield from h.tolist()
