"""What the live map must report, without inserting key by key and without doing operation by operation.

Whoever was inserted first has a slot for ever, so the table is what is left when every key applies to slot after slot
and each slot keeps the earliest applicant it has had: all homeless keys can apply at once, round after round. The
totals of an entry are running sums of the draws that fell to it, once the operations are sorted by entry.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .base import MASK, Result, Words, draws, fold, text_of

GOLDEN_SEED: Final = 42
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

ENTRY_BYTES: Final = 32
ENTRIES: Final = 32_768
SLOTS: Final = 49_152
RING: Final = 256
ENTRIES_AT_ONCE: Final = 1 << 16

Places = NDArray[np.int64]


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer of ``pointers``, ``inline`` and ``flat``, which differ in memory alone; KeyError for any other."""
    if variant not in {"pointers", "inline", "flat"}:
        raise KeyError(variant)
    mebibytes, operations, garbage = parameters["mebibytes"], parameters["operations"], parameters["garbage"]
    entries, slots = ENTRIES * mebibytes, SLOTS * mebibytes
    keys = draws(seed, 0, entries)
    drawn = draws(seed, entries, operations)
    chosen = scale(drawn, entries)
    homes = scale(keys, slots)
    tenants = settle(homes, slots)
    counts, totals, read = _totals(keys, chosen, drawn)
    places = np.empty(entries, dtype=np.int64)
    taken = np.flatnonzero(tenants < entries)
    places[tenants[taken]] = taken
    looked = (places - homes) % slots + 1
    order = tenants[taken]
    words = np.stack([keys, counts, totals, np.arange(1, entries + 1, dtype=np.uint64)], axis=1)
    blocks = [*range(RING), *drawn.tolist()]
    total = (read + sum(blocks[:operations])) & MASK
    h = fold(_in_parts(words, order), fold((total,)))
    for slot in range(RING):
        newest = operations + (slot - operations) % RING
        h = fold((blocks[newest],) * (garbage // 8), h)
    return Result(
        operations=operations,
        allocations=operations,
        allocated_bytes=operations * garbage,
        peak_live_bytes=ENTRY_BYTES * entries + (RING + 1) * garbage,
        checksum=text_of(h),
        counters={"entries": len(order), "probes": int(looked[chosen].sum())},
    )


def scale(words: Words, many: int) -> Places:
    """Where words lie among the 64-bit numbers, as one of ``many`` equal parts."""
    parts = ((words >> np.uint64(32)) * np.uint64(many)) >> np.uint64(32)
    return parts.astype(np.int64)


def settle(homes: Places, slots: int) -> Places:
    """The number of the key in each of the ``slots``, or how many keys there are where it is empty.

    Keys were inserted in the order of ``homes``, each into the first slot from its home on that was free.
    """
    nobody = len(homes)
    tenants = np.full(slots, nobody, dtype=np.int64)
    homeless = np.arange(nobody, dtype=np.int64)
    at = homes.copy()
    while len(homeless):
        wanted = at[homeless]
        before = tenants[wanted]
        np.minimum.at(tenants, wanted, homeless)
        refused = homeless[tenants[wanted] != homeless]
        displaced = np.unique(before[(before < nobody) & (tenants[wanted] != before)])
        homeless = np.concatenate([refused, displaced])
        at[homeless] = (at[homeless] + 1) % slots
    return tenants


def _totals(keys: Words, chosen: Places, drawn: Words) -> tuple[Words, Words, int]:
    """Per entry how often it was chosen and its last total; and the sum of the totals that were read."""
    counts = np.bincount(chosen, minlength=len(keys)).astype(np.uint64)
    by_entry = np.argsort(chosen, kind="stable")
    running = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(drawn[by_entry], dtype=np.uint64)])
    ends = np.cumsum(counts).astype(np.int64)
    starts = ends - counts.astype(np.int64)
    read = keys[chosen[by_entry]] + running[:-1] - running[starts[chosen[by_entry]]]
    return counts, keys + running[ends] - running[starts], int(read.sum(dtype=np.uint64))


def _in_parts(words: Words, order: Places) -> Iterator[int]:
    """All words of the entries in ``order``, as integers of which only some exist at a time."""
    for first in range(0, len(order), ENTRIES_AT_ONCE):
        yield from words[order[first : first + ENTRIES_AT_ONCE]].ravel().tolist()
