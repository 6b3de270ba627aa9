"""What the forms of ``escape`` must report. Where the value lives is the compiler's business; its sum is not.

A form is one of four kinds by what its ``use`` reads: a struct's fields, one of two structs (``merged``), the ends of a
buffer, or a hot buffer. Sums are taken over arrays; the hot buffer's has a closed form, because an operation is linear
in its number.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from .base import GAMMA, MASK, Result, Words, draws, fold, text_of

GOLDEN_SEED: Final = 42
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

STRUCT_BYTES: Final = 32
SLOTS: Final = 1024
HOT_WORDS: Final = 512
CHUNK: Final = 1 << 20

STRUCTS: Final = frozenset({
    "value", "local", "heap", "constructor_inlined", "constructor_noinline", "interface", "closure", "new_local",
    "make_slice_local", "make_map_local", "append_local",
})  # fmt: skip
STORED: Final = frozenset({"stored", "constructor_stored", "new_escapes", "make_slice_escapes", "make_map_escapes"})
LARGE: Final = ("buffer_constant_", "array_")


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer for one form; KeyError for one that there is not, ``all`` included: it has no answer of its own."""
    n, large = parameters["operations"], parameters["large_operations"]
    if variant.startswith("hot_"):
        return _hot(large * 10, seed)
    if variant.startswith(("buffer_", "array_")):
        length = int(variant.rpartition("_")[2])
        count = large if variant.startswith(LARGE) else n
        return _result(count, length, length, _total(count, seed, _ends))
    if variant == "merged":
        return _result(n, STRUCT_BYTES, STRUCT_BYTES, _total(n, seed, _either))
    if variant == "make_channel_local":
        return _result(n, 8, 8, _total(n, seed, _fields))
    if variant in STORED:
        return _result(n, STRUCT_BYTES, STRUCT_BYTES * min(n, SLOTS), _total(n, seed, _fields))
    if variant in STRUCTS:
        return _result(n, STRUCT_BYTES, STRUCT_BYTES, _total(n, seed, _fields))
    raise KeyError(variant)


def _result(count: int, size: int, peak: int, total: int) -> Result:
    return Result(
        operations=count,
        allocations=count,
        allocated_bytes=size * count,
        peak_live_bytes=peak,
        checksum=text_of(fold((total,))),
    )


def _total(count: int, seed: int, use: Callable[[Words, Words], Words]) -> int:
    """The sum of ``use(x, i)`` over all operations, modulo 2^64."""
    total = 0
    for start in range(0, count, CHUNK):
        i = np.arange(start, min(start + CHUNK, count), dtype=np.uint64)
        x = (i + np.uint64(seed & MASK)) * np.uint64(GAMMA)
        total += int(use(x, i).sum(dtype=np.uint64))
    return total & MASK


def _fields(x: Words, i: Words) -> Words:
    fields: Words = x + (x >> np.uint64(1)) + (x ^ i) + (x + i)
    return fields


def _either(x: Words, i: Words) -> Words:
    negated = ~x + ~(x >> np.uint64(1)) + ~(x ^ i) + ~(x + i)
    return np.where((x >> np.uint64(17)) & np.uint64(1), negated, _fields(x, i))


def _ends(x: Words, i: Words) -> Words:
    # first + 256 * last with first = bits 0-7 and last = bits 8-15 of x
    del i
    ends: Words = x & np.uint64(0xFFFF)
    return ends


def _hot(count: int, seed: int) -> Result:
    # One operation takes i to 3^512 * i + constant; so n of them sum to 3^512 * n(n-1)/2 + n * constant.
    constant = 0
    for word in draws(seed, 0, HOT_WORDS).tolist():
        constant = (constant * 3 + word) & MASK
    total = pow(3, HOT_WORDS, 1 << 64) * (count * (count - 1) // 2) + count * constant
    size = HOT_WORDS * 8
    return Result(
        operations=count,
        allocations=1,
        allocated_bytes=size,
        peak_live_bytes=size,
        checksum=text_of(fold((total & MASK,))),
    )
