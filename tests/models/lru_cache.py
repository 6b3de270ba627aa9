"""What the LRU cache must report: the same policy on an OrderedDict, oldest entry first."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Final

from .base import MASK, Result, fold, text_of

GOLDEN_SEED: Final = 0  # the seed of the values published for this workload
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

ENTRY_BYTES: Final = 40


def generator(start: int) -> Iterator[int]:
    """The draws of the linear congruential generator of the algorithm text, its state before them ``start``."""
    s = start % (1 << 31)
    while True:
        s = (1103515245 * s + 12345) % (1 << 31)
        yield s


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer of the one variant, ``heap``; KeyError for any other."""
    if variant != "heap":
        raise KeyError(variant)
    capacity, accesses = parameters["capacity"], parameters["accesses"]
    keys = 10 * capacity
    cache: OrderedDict[int, int] = OrderedDict()
    allocations = hits = total = peak = 0
    for i, a, b in zip(range(accesses), generator(seed), generator(seed + 1), strict=False):
        put, get = a % keys, b % keys
        if put not in cache:
            if len(cache) == capacity:
                cache.popitem(last=False)
            allocations += 1
        cache[put] = i
        cache.move_to_end(put)
        peak = max(peak, len(cache))
        if get in cache:
            hits += 1
            total += cache[get]
            cache.move_to_end(get)
    words = [hits, accesses - hits, total & MASK]
    for entry in reversed(cache.items()):
        words.extend(entry)
    return Result(
        operations=accesses,
        allocations=allocations,
        allocated_bytes=ENTRY_BYTES * allocations,
        peak_live_bytes=ENTRY_BYTES * peak,
        checksum=text_of(fold(words)),
        counters={"hits": hits, "misses": accesses - hits},
    )
