"""From where on along a parameter a ratio lies above a threshold: the size from which a choice starts to pay.

Each position is a comparison of its own; where the curve through them crosses has an interval that is read from the
same comparisons, and is held against a place in the parameter's own unit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from harness import units
from harness.claims.kinds.ratio import CONFIDENCE
from harness.claims.model import Demand, Finding, Row
from harness.claims.questions import Question
from harness.stats import crossing, paired, power
from harness.stats.values import Comparison, Decision, Sample


@dataclass(frozen=True, slots=True)
class Crossover:
    """``subject / baseline`` above the threshold from a place on that lies on the predicted side of the ``margin``."""

    axis: ClassVar[Literal["ratio", "plain"]] = "plain"
    question: Question

    def demands(self) -> tuple[Demand, ...]:
        """The samples it needs."""
        return self.question.demands

    def p(self, samples: Mapping[Demand, Sample]) -> float | None:
        """Two-sided p of "the crossing is at the margin"; 1 without samples, so that the claim fails closed."""
        if not self.question.contrast.decides:
            return None
        curve = self._curve(samples, level=CONFIDENCE)
        if curve is None:
            return 1.0
        below = curve.crossing(self._threshold).point < self._margin
        return curve.p(self._threshold, self._margin, below=below)

    def find(self, samples: Mapping[Demand, Sample], *, level: float, rng: np.random.Generator) -> tuple[Finding, ...]:
        """One finding over all positions, with a row for each; nothing where one was not measured."""
        del rng
        curve = self._curve(samples, level=level)
        if curve is None:
            return ()
        question, contrast = self.question, self.question.contrast
        found = curve.crossing(self._threshold)
        here = curve.at(self._margin)
        blocks = here.estimate.blocks
        return (
            Finding(
                claim=question.claim.id,
                contrast=contrast.id,
                kind=contrast.kind,
                factor_level=question.level,
                point=found.point,
                low=found.low,
                high=found.high,
                unit=contrast.along_unit,
                p=self.p(samples),
                level=level,
                blocks=blocks,
                decision=self._decide(found.low, found.high, blocks),
                thresholds={
                    "margin": self._margin,
                    "threshold": self._threshold,
                    "first": contrast.along[0],
                    "last": contrast.along[-1],
                },
                rows=self._rows(samples),
                differences=dict(zip(here.blocks, here.differences, strict=True)),
                spread=here.spread,
                estimand="where the geometric mean of the blocks' ratios crosses the threshold",
                metric=contrast.metric,
                warnings=tuple(
                    dict.fromkeys(
                        warning for one in self._compare(samples, level=level).values() for warning in one.warnings
                    )
                ),
                blocks_needed=power.blocks_needed(here, margin=self._threshold, equivalent=1.0),
                cells=tuple(samples[one].label for one in question.demands),
                floor=here.floor,
            ),
        )

    def decide(self, finding: Finding) -> Decision:
        """It holds when the whole interval of the crossing lies on the predicted side of the margin."""
        return self._decide(finding.low, finding.high, finding.blocks)

    @property
    def _margin(self) -> float:
        margin = self.question.contrast.margin
        assert margin is not None  # the loader refuses a crossover without one
        return margin

    @property
    def _threshold(self) -> float:
        threshold = self.question.contrast.threshold
        assert threshold is not None  # the loader refuses a crossover without one
        return threshold

    def _decide(self, low: float | None, high: float | None, blocks: int) -> Decision:
        if low is None or high is None or blocks < paired.FEWEST_BLOCKS["ratio"]:
            return "undecided"
        below = self.question.contrast.predicted == "below"
        if high < self._margin:
            return "holds" if below else "fails"
        if low > self._margin:
            return "fails" if below else "holds"
        return "undecided"

    def _compare(self, samples: Mapping[Demand, Sample], *, level: float) -> Mapping[int, Comparison]:
        """By position; positions that were not measured, or have no block in common, are left out."""
        found = {}
        for pair in self.question.pairs:
            assert pair.at is not None  # a crossover's pairs are asked for at its positions
            assert pair.baseline is not None  # the loader refuses a crossover without one
            if pair.subject in samples and pair.baseline in samples:
                sides = samples[pair.subject], samples[pair.baseline]
                found[pair.at] = paired.compare(*sides, level=level, first_stage=self.question.first_stage)
        return found

    def _curve(self, samples: Mapping[Demand, Sample], *, level: float) -> crossing.Curve | None:
        compared = self._compare(samples, level=level)
        if len(compared) < len(self.question.contrast.along):
            return None
        curve = crossing.curve(compared, level=level, first_stage=self.question.first_stage)
        return None if math.isnan(curve.at(self._margin).centre) else curve

    def _rows(self, samples: Mapping[Demand, Sample]) -> tuple[Row, ...]:
        return tuple(
            Row(
                label=f"at {units.quantity(at, self.question.contrast.along_unit)}",
                point=one.estimate.point,
                low=one.estimate.low,
                high=one.estimate.high,
                unit=one.estimate.unit,
                decision=paired.decision(one, margin=self._threshold, equivalent=1.0),
            )
            for at, one in self._compare(samples, level=CONFIDENCE).items()
        )
