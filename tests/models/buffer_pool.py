"""What the buffer pool must report: every buffer is one word, repeated, whoever made it.

So a buffer's sum is a product, and no variant changes the checksum. Only what the capped stack makes and keeps has to
be played through, and for that the capacities are enough.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from .base import Result, draws, fold, text_of

GOLDEN_SEED: Final = 42
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

UNIFORM: Final = 16 << 10
SMALL: Final = 1 << 10
LARGE: Final = 4 << 20
ONE_IN: Final = 100


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer of ``alloc``, ``pool`` or ``capped``, each with or without ``_bimodal``; KeyError for any other."""
    way, _, distribution = variant.partition("_")
    if way not in {"alloc", "pool", "capped"} or distribution not in {"", "bimodal"}:
        raise KeyError(variant)
    burst = parameters["burst"]
    asked = burst * parameters["bimodal_rounds" if distribution else "rounds"]
    if distribution:
        drawn = draws(seed, 0, 2 * asked)
        words = drawn[1::2]
        sizes = np.where(drawn[::2] % np.uint64(ONE_IN) == 0, np.uint64(LARGE), np.uint64(SMALL))
    else:
        words = draws(seed, 0, asked)
        sizes = np.full(asked, UNIFORM, dtype=np.uint64)
    counters = _capped(sizes.tolist(), burst, parameters["cap_kib"] << 10) if way == "capped" else {}
    return Result(
        operations=asked,
        allocations=asked,
        allocated_bytes=int(sizes.sum()),
        peak_live_bytes=int(sizes.reshape(-1, burst).sum(axis=1).max(initial=0)),
        checksum=text_of(fold((words * (sizes // np.uint64(8))).tolist())),
        counters=counters,
    )


def _capped(sizes: list[int], burst: int, cap: int) -> dict[str, int]:
    """How many buffers a stack of at most ``cap`` bytes makes for ``sizes``, and what it holds in the end."""
    stack: list[int] = []
    made = held = 0
    for first in range(0, len(sizes), burst):
        flying = []
        for size in sizes[first : first + burst]:
            capacity = stack.pop() if stack else 0
            held -= capacity
            if capacity < size:
                made += 1
                capacity = size
            flying.append(capacity)
        for capacity in flying:
            if held + capacity <= cap:
                stack.append(capacity)
                held += capacity
    return {"made": made, "retained_bytes": held}
