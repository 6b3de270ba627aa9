"""What fragmentation must report, with two numbers for an object: its bytes, and the sum of its words.

A phase draws in one run, so all its objects come out of arrays at once: those of the empty slots, those of the large
places, and one draw per slot for who is released.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .base import OFFSET, Result, Words, draws, fold, text_of

GOLDEN_SEED: Final = 42
GOLDEN_SIZES: Final = ("smoke", "quick", "full")

WORD_BYTES: Final = np.uint64(8)
SMALL_PER_LARGE: Final = 32


@dataclass(slots=True)
class _Draws:
    """The generator, read in runs."""

    seed: int
    used: int = 0

    def take(self, count: int) -> Words:
        self.used += count
        return draws(self.seed, self.used - count, count)


@dataclass(slots=True)
class _Table:
    """Bytes (0: empty) and sum of words of each slot, and what was counted on the way."""

    bytes: Words
    sums: Words
    checksum: int = OFFSET
    peak: int = 0
    made: list[int] = field(default_factory=list)

    def fill(self, rng: _Draws) -> None:
        """Fill every empty slot."""
        empty = self.bytes == 0
        drawn = rng.take(2 * int(empty.sum()))
        self.bytes[empty] = small_bytes(drawn[::2])
        self.sums[empty] = drawn[1::2] * (self.bytes[empty] // WORD_BYTES)
        self.made += self.bytes[empty].tolist()
        self.peak = max(self.peak, int(self.bytes.sum()))

    def thin(self, rng: _Draws) -> None:
        """Release nine in ten."""
        released = rng.take(len(self.bytes)) % np.uint64(10) != 0
        self.checksum = fold(self.sums[released].tolist(), self.checksum)
        self.bytes[released] = 0

    def survivors(self) -> NDArray[np.bool_]:
        """Which slots are not empty."""
        alive: NDArray[np.bool_] = self.bytes != 0
        return alive

    def large(self, rng: _Draws) -> None:
        """Make the large objects, hash what survives beside them, release them."""
        drawn = rng.take(2 * (len(self.bytes) // SMALL_PER_LARGE))
        large = np.uint64(2048) + WORD_BYTES * (drawn[::2] % np.uint64(769))
        self.made += large.tolist()
        self.peak = max(self.peak, int(self.bytes.sum()) + int(large.sum()))
        self.hash_survivors()
        self.checksum = fold((drawn[1::2] * (large // WORD_BYTES)).tolist(), self.checksum)

    def hash_survivors(self) -> None:
        """Fold the sums of what is not empty."""
        self.checksum = fold(self.sums[self.survivors()].tolist(), self.checksum)


def small_bytes(drawn: Words) -> Words:
    """The sizes of small objects: an octave above 16 bytes, and a place in it, in whole words."""
    base = np.uint64(16) << (drawn % np.uint64(6))
    sizes: Words = (base + (drawn >> np.uint64(8)) % base) // WORD_BYTES * WORD_BYTES
    return sizes


def run(parameters: Mapping[str, int], variant: str, seed: int) -> Result:
    """The answer of the one variant, ``heap``; KeyError for any other. Idling changes nothing."""
    if variant != "heap":
        raise KeyError(variant)
    objects = parameters["objects"]
    rng = _Draws(seed)
    table = _Table(np.zeros(objects, dtype=np.uint64), np.zeros(objects, dtype=np.uint64))
    table.fill(rng)
    table.thin(rng)
    table.made.clear()
    for _ in range(parameters["cycles"]):
        table.fill(rng)
        table.thin(rng)
        table.large(rng)
    table.hash_survivors()
    return Result(
        operations=len(table.made),
        allocations=len(table.made),
        allocated_bytes=sum(table.made),
        peak_live_bytes=table.peak,
        checksum=text_of(table.checksum),
        counters={"survivors": int(table.survivors().sum()), "survivor_bytes": int(table.bytes.sum())},
    )
