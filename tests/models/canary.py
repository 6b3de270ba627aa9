"""What the canary must report. Its truths are its inputs; only ``memory`` and ``bytes`` have payload to fold."""

from collections.abc import Mapping
from typing import Final

from .base import Result, draws, fold, text_of

GOLDEN_SEED: Final = 42
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

PAGE: Final = 4096
MEBIBYTE: Final = 1 << 20


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer for one variant; KeyError for one that there is not."""
    return {"memory": _memory, "pause": _pause, "cpu": _cpu, "bytes": _bytes, "stall": _stall}[variant](
        parameters, seed
    )


def _memory(parameters: Mapping[str, int], seed: int) -> Result:
    block = parameters["mebibytes"] * MEBIBYTE
    pages = block // PAGE
    return Result(
        operations=pages,
        allocations=1,
        allocated_bytes=block,
        peak_live_bytes=block,
        checksum=text_of(fold(draws(seed, 0, pages).tolist())),
    )


def _pause(parameters: Mapping[str, int], seed: int) -> Result:
    del seed  # the subject is the clock
    return _without_allocations(1, (parameters["hold_ms"],))


def _cpu(parameters: Mapping[str, int], seed: int) -> Result:
    del seed  # the subject is the clock
    return _without_allocations(parameters["threads"], (parameters["cpu_ms"], parameters["threads"]))


def _stall(parameters: Mapping[str, int], seed: int) -> Result:
    del seed  # the subject is the clock
    arrivals = parameters["arrivals"]
    return _without_allocations(arrivals, (arrivals, arrivals // parameters["stall_every"]))


def _without_allocations(operations: int, words: tuple[int, ...]) -> Result:
    return Result(
        operations=operations, allocations=0, allocated_bytes=0, peak_live_bytes=0, checksum=text_of(fold(words))
    )


def _bytes(parameters: Mapping[str, int], seed: int) -> Result:
    # A block's first and last word are two draws, folded as soon as they are written: the draws in their order.
    count, size = parameters["count"], parameters["size"]
    return Result(
        operations=count,
        allocations=count,
        allocated_bytes=count * size,
        peak_live_bytes=size,
        checksum=text_of(fold(draws(seed, 0, 2 * count).tolist())),
    )
