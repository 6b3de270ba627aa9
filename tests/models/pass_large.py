"""What passing a struct must report. How it is passed is nobody's business but the allocator's; what is read is a sum.

Word j of struct i is the product of seed + i and a constant, plus j: linear in both, so every sum has a closed form.
"""

from collections.abc import Mapping
from typing import Final

from .base import GAMMA, MASK, Result, fold, text_of

GOLDEN_SEED: Final = 42
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

WORD_BYTES: Final = 8
SIZES: Final = ("8", "72", "1024", "65536")


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer of ``<value, pointer or escape>_<bytes>_<read1 or readall>``; KeyError for any other."""
    way, size, read = (*variant.split("_"), "", "")[:3]
    if way not in {"value", "pointer", "escape"} or size not in SIZES or read not in {"read1", "readall"}:
        raise KeyError(variant)
    words = int(size) // WORD_BYTES
    count = parameters["words"] // words
    first_words = GAMMA * (count * seed + count * (count - 1) // 2)
    if read == "read1":
        total = first_words + count * (words - 1)
    else:
        total = words * first_words + count * (words * (words - 1) // 2)
    allocations = count if way == "escape" else 0
    return Result(
        operations=count,
        allocations=allocations,
        allocated_bytes=allocations * int(size),
        peak_live_bytes=int(size) if way == "escape" else 0,
        checksum=text_of(fold((total & MASK,))),
    )
