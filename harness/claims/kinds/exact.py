"""Exact equalities: a count that a compiler or runtime decides, with no interval and outside the error family.

The runtimes themselves allocate a few objects while a program is counted, so equality allows a stated number of them
per invocation; anything that happens per operation exceeds it by orders of magnitude.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from harness.claims.model import Demand, Finding, Row
from harness.claims.questions import Pair, Question
from harness.stats.values import Decision, Sample


@dataclass(frozen=True, slots=True)
class Exact:
    """``value = expected``, within ``tolerance`` units over the whole invocation."""

    axis: ClassVar[Literal["ratio", "plain"]] = "plain"
    question: Question

    def demands(self) -> tuple[Demand, ...]:
        """The samples it needs."""
        return self.question.demands

    def p(self, samples: Mapping[Demand, Sample]) -> float | None:
        """None: nothing is inferred."""
        del samples
        return None

    def find(self, samples: Mapping[Demand, Sample], *, level: float, rng: np.random.Generator) -> tuple[Finding, ...]:
        """One finding over all pairs; the value furthest beyond its tolerance stands for it."""
        del level, rng
        question, contrast = self.question, self.question.contrast
        there = [pair for pair in question.pairs if pair.subject in samples]
        expected = contrast.expected
        if expected is None or not there or len(there) < len(question.pairs):
            return ()
        rows = tuple(self._row(pair, samples[pair.subject], expected) for pair in there)
        slacks = [contrast.tolerance * samples[pair.subject].resolution for pair in there]
        worst, slack = max(zip(rows, slacks, strict=True), key=lambda one: abs(one[0].point - expected) - one[1])
        return (
            Finding(
                claim=question.claim.id,
                contrast=contrast.id,
                kind=contrast.kind,
                factor_level=question.level,
                point=worst.point,
                low=None,
                high=None,
                unit=worst.unit,
                p=None,
                level=0.0,
                blocks=max(len(samples[pair.subject].values) for pair in there),
                decision=worst.decision,
                thresholds={"expected": expected, "tolerance": slack},
                rows=rows,
                differences={},
                spread=None,
                estimand="exact value per operation",
                metric=contrast.metric,
                warnings=tuple(warning for pair in there for warning in samples[pair.subject].warnings),
                cells=tuple(samples[pair.subject].label for pair in there),
            ),
        )

    def decide(self, finding: Finding) -> Decision:
        """``holds`` when within the tolerance of what was expected, else ``fails``."""
        return _decide(finding.point, finding.thresholds["expected"], finding.thresholds["tolerance"])

    def _row(self, pair: Pair, sample: Sample, expected: float) -> Row:
        point = max(sample.values.values(), key=lambda value: abs(value - expected))
        slack = self.question.contrast.tolerance * sample.resolution
        return Row(
            label=sample.label,
            point=point,
            low=None,
            high=None,
            unit=sample.unit,
            decision=_decide(point, expected, slack),
            workload=pair.subject.workload,
        )


def _decide(value: float, expected: float, slack: float) -> Decision:
    return "holds" if abs(value - expected) <= slack else "fails"
