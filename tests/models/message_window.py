"""What the message window must report, without keeping a window.

Number the messages in the order they are made. Slot j always holds the newest number that is j modulo ``window``, so
push i releases message i, and at the end the window holds messages ``pushes`` to ``pushes + window - 1``. A message is
its one byte, repeated.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from .base import MASK, OFFSET, PRIME, Result, draws, fold, text_of

GOLDEN_SEED: Final = 42
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

REPEATED: Final = 0x0101010101010101


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer of ``heap`` and ``global``, which differ in where the slots are found; KeyError for any other."""
    if variant not in {"heap", "global"}:
        raise KeyError(variant)
    window, size, pushes = parameters["window"], parameters["size"], parameters["pushes"]
    made = (draws(seed, 0, window + pushes) & np.uint64(0xFF)).tolist()
    h = fold((sum(made[:pushes]) & MASK,), OFFSET)
    for slot in range(window):
        newest = pushes + (slot - pushes) % window
        h = _repeat(h, made[newest] * REPEATED, size // 8)
    return Result(
        operations=pushes,
        allocations=pushes,
        allocated_bytes=pushes * size,
        peak_live_bytes=(window + 1) * size,
        checksum=text_of(h),
    )


def _repeat(h: int, word: int, times: int) -> int:
    """The checksum of ``times`` equal words, continued from ``h``."""
    for _ in range(times):
        h = ((h ^ word) * PRIME) & MASK
    return h
