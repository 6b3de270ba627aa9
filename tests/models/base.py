"""What every model needs: the generator, the checksum, and the shape of an answer.

Both algorithms are those of ``langs/PROTOCOL.md`` section 1 and 2, once as plain integers and once over numpy arrays.
SplitMix64 is counter-based: its n-th output depends on seed and n alone, which is what the models' shortcuts use.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

MASK: Final = (1 << 64) - 1
GAMMA: Final = 0x9E3779B97F4A7C15
OFFSET: Final = 0xCBF29CE484222325
PRIME: Final = 0x100000001B3


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one iteration reports: counts, bytes, the checksum as 16 hex digits, and the workload's own counters."""

    operations: int
    allocations: int
    allocated_bytes: int
    peak_live_bytes: int
    checksum: str
    counters: Mapping[str, int] = field(default_factory=dict)


def mix(z: int) -> int:
    """The output function of SplitMix64, for a state that was advanced already."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def draw(seed: int, number: int) -> int:
    """Output ``number`` (from 0) of SplitMix64(seed)."""
    return mix((seed + (number + 1) * GAMMA) & MASK)


def draws(seed: int, first: int, count: int) -> Words:
    """Outputs ``first`` to ``first + count - 1`` of SplitMix64(seed)."""
    return draws_of(np.array([seed & MASK], dtype=np.uint64), first, count)[:, 0]


def draws_of(seeds: Words, first: int, count: int) -> Words:
    """The same for many generators at once: row n, column k is output ``first + n`` of SplitMix64(seeds[k])."""
    return draws_at(seeds, np.arange(first, first + count, dtype=np.uint64))


def draws_at(seeds: Words, numbers: Words) -> Words:
    """The same for outputs in any order: row n, column k is output ``numbers[n]`` of SplitMix64(seeds[k])."""
    steps = (numbers + np.uint64(1)) * np.uint64(GAMMA)
    z = steps[:, np.newaxis] + seeds[np.newaxis, :]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Words = z ^ (z >> np.uint64(31))
    return mixed


def fold(words: Iterable[int], start: int = OFFSET) -> int:
    """The checksum of ``words``, continued from ``start``."""
    h = start
    for word in words:
        h = ((h ^ word) * PRIME) & MASK
    return h


def fold_columns(words: Words, start: Words) -> Words:
    """The same for many checksums at once: column k is folded, from the first row down, into start[k]."""
    h = start.copy()
    prime = np.uint64(PRIME)
    for row in words:
        h ^= row
        h *= prime
    return h


def text_of(h: int) -> str:
    """A checksum as it stands in a message."""
    return f"{h:016x}"
