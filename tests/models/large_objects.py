"""What the large objects must report, without a block.

Words are drawn in the order they are written, and blocks leave the ring in the order they entered it, the last ones
from slot 0 on. So the checksum is that of all draws in their order, but for the blocks still in the ring at the end.
"""

from collections.abc import Mapping
from typing import Final

from .base import Result, draws, fold, text_of

GOLDEN_SEED: Final = 42
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

SLOTS: Final = 8
MEBIBYTE: Final = 1 << 20
PAGES_PER_MEBIBYTE: Final = 256


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer of ``touched`` or ``untouched``; KeyError for any other."""
    mebibytes, blocks = parameters["mebibytes"], parameters["blocks"]
    words = {"touched": mebibytes * PAGES_PER_MEBIBYTE, "untouched": 1}[variant]
    drawn = draws(seed, 0, blocks * words).tolist()
    last = range(max(0, blocks - SLOTS), blocks)
    h = fold(drawn[: last.start * words])
    for block in sorted(last, key=lambda number: number % SLOTS):
        h = fold(drawn[block * words : (block + 1) * words], h)
    return Result(
        operations=blocks,
        allocations=blocks,
        allocated_bytes=blocks * mebibytes * MEBIBYTE,
        peak_live_bytes=len(last) * mebibytes * MEBIBYTE,
        checksum=text_of(h),
    )
