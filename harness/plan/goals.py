"""How many blocks a run takes: fixed beforehand, or by Stein's two stages from the spread of the first.

The second stage is as large as the spread of the first asks for and never ends because something is decided: stopping
at a decision makes 15 to 25 % errors where 5 % are promised.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.protocol.record import Record
from harness.stats.power import second_stage

FIRST_STAGE: Final = 10
"""Blocks of the first stage: with fewer, t's own factor makes the second needlessly long."""

LEVEL: Final = 0.05
"""The width is promised at 95 % confidence for one contrast; a level shared by several claims makes it wider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """The goal of a run with a fixed number of blocks."""

    blocks: int

    @property
    def least(self) -> int:
        """Blocks that are run in any case."""
        return self.blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Blocks until the interval of every deciding contrast reaches no further than ``width`` to either side.

    ``width`` is a share: 0.03 is three per cent of a ratio, or 0.03 of the unit where a difference is asked for.
    """

    first_stage: int = FIRST_STAGE
    width: float

    @property
    def least(self) -> int:
        """Blocks that are run in any case."""
        return self.first_stage

    def needed(self, spreads: Iterable[tuple[float, int]]) -> int:
        """Blocks in all, from each contrast's spread over the first stage and how many of its blocks gave a value.

        N = max(n0, ⌈(t · s0 / w)²⌉), the largest over the contrasts (Stein 1945), w on the scale of the differences.
        """
        width = math.log1p(self.width)
        found = (second_stage(s, first_stage=n, width=width, level=LEVEL) for s, n in spreads if n > 1)
        return max(self.first_stage, *found, 0)


Goal = Fixed | Precision

Spreads = Callable[[Sequence[Record]], Iterable[tuple[float, int]]]
"""What deciding contrasts vary by in given records; see :func:`harness.claims.judge.spreads`."""
