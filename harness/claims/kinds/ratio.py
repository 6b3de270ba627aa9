"""Ratios of two things measured side by side in blocks, over one or several workloads.

Per block d is the mean over the workloads of ln(subject / baseline), each workload weighing the same: the effect is
about "this catalogue". The interval and the decision use one level, the claim's.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from harness.claims.model import Demand, Finding, Row
from harness.claims.questions import Pair, Question
from harness.stats import paired, pool, power
from harness.stats.values import Comparison, Decision, Sample, Warning

CONFIDENCE = 0.05
"""Level at which rows behind a finding are shown; only the finding itself decides, at its claim's level."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """``subject / baseline`` beyond a margin, or within the band of no difference."""

    axis: ClassVar[Literal["ratio", "plain"]] = "ratio"
    question: Question

    def demands(self) -> tuple[Demand, ...]:
        """The samples it needs."""
        return self.question.demands

    def p(self, samples: Mapping[Demand, Sample]) -> float | None:
        """Two-sided p of "the ratio equals the margin"; 1 where samples are missing, so that the claim fails closed.

        Where no difference is predicted, of whichever of the band and the margin the ratio has to be told from.
        """
        contrast = self.question.contrast
        if not contrast.decides:
            return None
        comparison = self._compare(samples, level=CONFIDENCE, rng=None)
        if comparison is None or not all(_there(pair, samples) for pair in self.question.pairs):
            return 1.0
        if contrast.predicted == "equal":
            return paired.equality_p(comparison, margin=self._margin, equivalent=contrast.equivalent)
        return paired.p_value(comparison, margin=self._margin)

    def find(self, samples: Mapping[Demand, Sample], *, level: float, rng: np.random.Generator) -> tuple[Finding, ...]:
        """One finding over all workloads, with a row for each."""
        comparison = self._compare(samples, level=level, rng=rng)
        if comparison is None:
            return ()
        question, contrast = self.question, self.question.contrast
        missing = [pair for pair in question.pairs if not _there(pair, samples)]
        estimate = comparison.estimate
        finding = Finding(
            claim=question.claim.id,
            contrast=contrast.id,
            kind=contrast.kind,
            factor_level=question.level,
            point=estimate.point,
            low=estimate.low,
            high=estimate.high,
            unit=estimate.unit,
            p=self.p(samples),
            level=level,
            blocks=estimate.blocks,
            decision="undecided",
            thresholds={"margin": self._margin, "equivalent": contrast.equivalent},
            rows=tuple(self._row(pair, samples) for pair in question.pairs if _there(pair, samples)),
            differences=dict(zip(comparison.blocks, comparison.differences, strict=True)),
            spread=comparison.spread,
            estimand=estimate.estimand,
            metric=contrast.metric,
            warnings=(*comparison.warnings, *_left_out(missing)),
            blocks_needed=power.blocks_needed(comparison, margin=self._margin, equivalent=contrast.equivalent),
            cells=tuple(samples[one].label for one in question.demands if one in samples),
            skewed=comparison.assumption == "skewed",
            floor=comparison.floor,
        )
        decision = "undecided" if missing else self.decide(finding)
        disputed = None if decision == "undecided" else self._disputed(comparison)
        warnings = (*finding.warnings, *([disputed] if disputed else []))
        return (dataclasses.replace(finding, decision=decision, warnings=warnings),)

    def decide(self, finding: Finding) -> Decision:
        """One interval, one decision; ``predicted`` says on which side of no difference the effect is expected."""
        if finding.blocks < paired.FEWEST_BLOCKS[self.question.metric.assumption]:
            return "undecided"
        return self._decide(finding.low, finding.high)

    @property
    def _margin(self) -> float:
        margin = self.question.contrast.margin or 1.0
        return 1.0 / margin if self.question.contrast.predicted == "below" else margin

    def _compare(
        self, samples: Mapping[Demand, Sample], *, level: float, rng: np.random.Generator | None
    ) -> Comparison | None:
        there = [pair for pair in self.question.pairs if _there(pair, samples)]
        if not there:
            return None
        single = {
            f"{pair.subject.workload}/{pair.subject.variant}": self._pair(pair, samples, level=level, rng=rng)
            for pair in there
        }
        if len(single) == 1:
            return next(iter(single.values()))
        return pool.over_workloads(single, level=level, first_stage=self.question.first_stage)

    def _pair(
        self, pair: Pair, samples: Mapping[Demand, Sample], *, level: float, rng: np.random.Generator | None = None
    ) -> Comparison:
        assert pair.baseline is not None  # the loader refuses a ratio without one
        subject, baseline = samples[pair.subject], samples[pair.baseline]
        return paired.compare(subject, baseline, level=level, first_stage=self.question.first_stage, rng=rng)

    def _decide(self, low: float | None, high: float | None) -> Decision:
        contrast = self.question.contrast
        margin, equivalent = paired.thresholds(
            self.question.metric.assumption, margin=contrast.margin or 1.0, equivalent=contrast.equivalent
        )
        if low is None or high is None or low <= 0:
            return "undecided"
        bounds = (float(np.log(low)), float(np.log(high)))
        if contrast.predicted == "below":
            bounds = (-bounds[1], -bounds[0])
        found = paired.decide(*bounds, margin=margin, equivalent=equivalent)
        if contrast.predicted == "equal":
            return _expecting_no_difference(found, bounds, margin)
        return found

    def _disputed(self, comparison: Comparison) -> Warning | None:
        """Held against the margin that the decision is about: where none is predicted, the one on the ratio's side."""
        below = self.question.contrast.predicted == "equal" and comparison.centre < 0
        margin = 1 / self._margin if below else self._margin
        return paired.disputed(comparison, margin=margin, equivalent=self.question.contrast.equivalent)

    def _row(self, pair: Pair, samples: Mapping[Demand, Sample]) -> Row:
        comparison = self._pair(pair, samples, level=CONFIDENCE)
        estimate = comparison.estimate
        enough = paired.enough(comparison)
        return Row(
            label=f"{comparison.subject} : {comparison.baseline}",
            point=estimate.point,
            low=estimate.low,
            high=estimate.high,
            unit=estimate.unit,
            decision=self._decide(estimate.low, estimate.high) if enough else "undecided",
            workload=pair.subject.workload,
        )


def _there(pair: Pair, samples: Mapping[Demand, Sample]) -> bool:
    return pair.subject in samples and pair.baseline is not None and pair.baseline in samples


def _left_out(missing: list[Pair]) -> tuple[Warning, ...]:
    if not missing:
        return ()
    names = ", ".join(dict.fromkeys(pair.subject.workload for pair in missing))
    return (
        Warning(
            code="part_missing",
            text=f"nothing is decided: {names} was not measured on both sides",
            remedy="look at the failures of this run, or run the whole suite",
        ),
    )


def _expecting_no_difference(found: Decision, bounds: tuple[float, float], margin: float) -> Decision:
    """Where no difference is predicted, equivalence is what holds, and a difference beyond the margin fails."""
    if found == "equivalent":
        return "holds"
    return "fails" if bounds[0] > margin or bounds[1] < -margin else "undecided"
