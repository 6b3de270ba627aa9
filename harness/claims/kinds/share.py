"""The share of the workloads on which a ratio stays below a threshold: how often, where a mean says how much.

Each workload is told from the threshold by itself, and the share's interval reaches from those that surely lie below
to all but those that surely lie above; Holm's procedure over the workloads makes both ends sure at once. A workload
that tells neither way, or was not measured, counts as either.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from harness.claims.kinds.ratio import CONFIDENCE
from harness.claims.model import Demand, Finding, Row
from harness.claims.questions import Pair, Question
from harness.stats import multiple, paired, power
from harness.stats.values import Comparison, Decision, Sample, Warning

_ROUNDING = 1e-9
"""So that three quarters of four workloads are three of them, however a float has them."""


@dataclass(frozen=True, slots=True)
class Share:
    """``subject / baseline`` below the threshold on at least a share of the workloads, which is the ``margin``."""

    axis: ClassVar[Literal["ratio", "plain"]] = "plain"
    question: Question

    def demands(self) -> tuple[Demand, ...]:
        """The samples it needs."""
        return self.question.demands

    def p(self, samples: Mapping[Demand, Sample]) -> float | None:
        """The least level at which it is decided on the side where its point lies; 1 where that is between the two."""
        if not self.question.contrast.decides:
            return None
        compared = self._compare(samples, level=CONFIDENCE, rng=None)
        decision = self._decide(*[self._point(compared)] * 2)
        if not compared or decision == "undecided":
            return 1.0
        below = decision == "holds"
        return multiple.adjusted(self._sided(compared, below=below))[self._required(below=below) - 1]

    def find(self, samples: Mapping[Demand, Sample], *, level: float, rng: np.random.Generator) -> tuple[Finding, ...]:
        """One finding over all workloads, with a row for each that was measured."""
        compared = self._compare(samples, level=level, rng=rng)
        if not compared:
            return ()
        question, contrast = self.question, self.question.contrast
        low = self._sure(compared, below=True, level=level)
        high = 1 - self._sure(compared, below=False, level=level)
        missing = [pair for pair in question.pairs if pair not in compared]
        assert contrast.margin is not None  # the loader refuses a share without one
        return (
            Finding(
                claim=question.claim.id,
                contrast=contrast.id,
                kind=contrast.kind,
                factor_level=question.level,
                point=self._point(compared),
                low=low,
                high=high,
                unit="1",
                p=self.p(samples),
                level=level,
                blocks=min(one.estimate.blocks for one in compared.values()),
                decision=self._decide(low, high),
                thresholds={"margin": contrast.margin, "threshold": self._threshold, "of": len(question.pairs)},
                rows=tuple(self._row(*one) for one in self._compare(samples, level=CONFIDENCE, rng=None).items()),
                differences={},
                spread=None,
                estimand=f"share of {len(question.pairs)} workloads",
                metric=contrast.metric,
                warnings=(*_told(compared), *_left_out(missing)),
                blocks_needed=self._blocks_needed(self._compare(samples, level=level / len(question.pairs), rng=None)),
                cells=tuple(samples[one].label for one in question.demands if one in samples),
            ),
        )

    def decide(self, finding: Finding) -> Decision:
        """It holds when enough workloads surely lie below, and fails when too few of them still can."""
        return self._decide(finding.low, finding.high)

    @property
    def _threshold(self) -> float:
        threshold = self.question.contrast.threshold
        assert threshold is not None  # the loader refuses a share without one
        return threshold

    def _decide(self, low: float | None, high: float | None) -> Decision:
        contrast = self.question.contrast
        assert contrast.margin is not None  # the loader refuses a share without either
        assert contrast.at_most is not None
        if low is not None and low >= contrast.margin - _ROUNDING:
            return "holds"
        if high is not None and high <= contrast.at_most + _ROUNDING:
            return "fails"
        return "undecided"

    def _required(self, *, below: bool) -> int:
        """How many workloads have to lie surely below so that it holds, or surely above so that it fails."""
        contrast, count = self.question.contrast, len(self.question.pairs)
        assert contrast.margin is not None
        assert contrast.at_most is not None
        share = contrast.margin if below else 1 - contrast.at_most
        return max(1, math.ceil(share * count - _ROUNDING))

    def _compare(
        self, samples: Mapping[Demand, Sample], *, level: float, rng: np.random.Generator | None
    ) -> Mapping[Pair, Comparison]:
        return {
            pair: paired.compare(
                samples[pair.subject],
                samples[pair.baseline],
                level=level,
                first_stage=self.question.first_stage,
                rng=rng,
            )
            for pair in self.question.pairs
            if pair.subject in samples and pair.baseline is not None and pair.baseline in samples
        }

    def _point(self, compared: Mapping[Pair, Comparison]) -> float:
        below = sum(one.estimate.point < self._threshold for one in compared.values())
        return below / len(self.question.pairs)

    def _sided(self, compared: Mapping[Pair, Comparison], *, below: bool) -> list[float]:
        """Per workload the p of lying on that side of the threshold; 1 for those on the other, and for missing ones."""
        found = [1.0] * (len(self.question.pairs) - len(compared))
        for one in compared.values():
            p = paired.p_value(one, margin=self._threshold)
            assert p is not None  # only exact comparisons have none
            found.append(p if (one.estimate.point < self._threshold) is below else 1.0)
        return found

    def _sure(self, compared: Mapping[Pair, Comparison], *, below: bool, level: float) -> float:
        sided = multiple.adjusted(self._sided(compared, below=below))
        return sum(p <= level for p in sided) / len(sided)

    def _blocks_needed(self, compared: Mapping[Pair, Comparison]) -> int | None:
        """Blocks after which enough workloads are told from the threshold, each at the level of its comparison."""
        side = self._decide(*[self._point(compared)] * 2)
        if side == "undecided":
            return None
        below = side == "holds"
        needed = sorted(
            blocks
            for one in compared.values()
            if (one.estimate.point < self._threshold) is below
            and (blocks := power.blocks_needed(one, margin=self._threshold, equivalent=1.0)) is not None
        )
        required = self._required(below=below)
        return needed[required - 1] if len(needed) >= required else None

    def _row(self, pair: Pair, comparison: Comparison) -> Row:
        estimate = comparison.estimate
        above = paired.decision(comparison, margin=self._threshold, equivalent=1.0)
        decision: Decision = "fails" if above == "holds" else "holds" if above == "fails" else "undecided"
        return Row(
            label=f"{comparison.subject} : {comparison.baseline}",
            point=estimate.point,
            low=estimate.low,
            high=estimate.high,
            unit=estimate.unit,
            decision=decision,
            workload=pair.subject.workload,
        )


def _told(compared: Mapping[Pair, Comparison]) -> tuple[Warning, ...]:
    return tuple(dict.fromkeys(warning for one in compared.values() for warning in one.warnings))


def _left_out(missing: list[Pair]) -> tuple[Warning, ...]:
    if not missing:
        return ()
    names = ", ".join(pair.subject.workload for pair in missing)
    return (
        Warning(
            code="part_missing",
            text=f"{names} was not measured on both sides, and may lie on either side of the threshold",
            remedy="look at the failures of this run, or run the whole suite",
        ),
    )
