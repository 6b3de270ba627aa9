"""The kinds of contrast: each answers a question from samples, and ends in the same Finding.

A kind is one file beside this one and one line in :data:`KINDS`. Page and terminal never ask which kind a finding came
from.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, Literal, Protocol

import numpy as np

from harness.claims.kinds.bound import Bound
from harness.claims.kinds.crossover import Crossover
from harness.claims.kinds.exact import Exact
from harness.claims.kinds.ratio import Ratio
from harness.claims.kinds.share import Share
from harness.claims.model import Demand, Finding
from harness.claims.questions import Question
from harness.stats.values import Decision, Sample


class Kind(Protocol):
    """What a kind of contrast can do with a question; ``axis`` says on which scale its effect is drawn."""

    axis: ClassVar[Literal["ratio", "plain"]]

    @property
    def question(self) -> Question:
        """What it answers."""

    def demands(self) -> tuple[Demand, ...]:
        """The samples it needs."""

    def p(self, samples: Mapping[Demand, Sample]) -> float | None:
        """Two-sided p of "the effect equals the margin"; None outside the error family or without samples."""

    def find(self, samples: Mapping[Demand, Sample], *, level: float, rng: np.random.Generator) -> tuple[Finding, ...]:
        """What the samples show, with intervals at confidence ``1 - level``; empty where a sample is missing."""

    def decide(self, finding: Finding) -> Decision:
        """The decision that a finding's numbers and thresholds lead to."""


KINDS: Final[Mapping[str, Callable[[Question], Kind]]] = {
    "bound": Bound,
    "crossover": Crossover,
    "exact": Exact,
    "ratio": Ratio,
    "share": Share,
}
"""By the name that a claim's file uses."""
