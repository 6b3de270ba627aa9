"""One thing held against a bound in its metric's own unit: a time in ns, a share of 1, a number of bytes.

Per block d is ln(value / bound), or value - bound where the metric is linear, averaged over the workloads. The bound is
a constant, so that its interval is the value's own; nothing is equivalent to a bound.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from harness.claims.model import Demand, Finding, Row
from harness.claims.questions import Pair, Question
from harness.stats import paired, pool, power
from harness.stats.values import TOO_HIGH, Comparison, Decision, Sample, Warning

CONFIDENCE = 0.05
"""Level at which rows behind a finding are shown; only the finding itself decides, at its claim's level."""


@dataclass(frozen=True, slots=True)
class Bound:
    """``subject`` on the predicted side of the bound, which is the contrast's ``margin``."""

    axis: ClassVar[Literal["ratio", "plain"]] = "plain"
    question: Question

    def demands(self) -> tuple[Demand, ...]:
        """The samples it needs."""
        return self.question.demands

    def p(self, samples: Mapping[Demand, Sample]) -> float | None:
        """Two-sided p of "the value is the bound"; 1 where samples are missing, so that the claim fails closed.

        1 as well where the value lies above the bound and may only be too high: that side is never decided.
        """
        if not self.question.contrast.decides:
            return None
        comparison = self._compare(samples, level=CONFIDENCE, rng=None)
        if comparison is None or (comparison.centre > 0 and _too_high(comparison.warnings)):
            return 1.0
        return paired.p_value(comparison, margin=self._at)

    def find(self, samples: Mapping[Demand, Sample], *, level: float, rng: np.random.Generator) -> tuple[Finding, ...]:
        """One finding over all workloads, with a row for each."""
        comparison = self._compare(samples, level=level, rng=rng)
        if comparison is None:
            return ()
        question, contrast = self.question, self.question.contrast
        missing = [pair for pair in question.pairs if pair.subject not in samples]
        there = [pair for pair in question.pairs if pair.subject in samples]
        point, low, high = self._own_unit(comparison)
        finding = Finding(
            claim=question.claim.id,
            contrast=contrast.id,
            kind=contrast.kind,
            factor_level=question.level,
            point=point,
            low=low,
            high=high,
            unit=question.metric.unit,
            p=self.p(samples),
            level=level,
            blocks=comparison.estimate.blocks,
            decision="undecided",
            thresholds={"margin": self._bound},
            rows=tuple(self._row(pair, samples[pair.subject]) for pair in there),
            differences=dict(zip(comparison.blocks, comparison.differences, strict=True)),
            spread=comparison.spread,
            estimand=paired.estimate(samples[there[0].subject], level=level).estimand
            + (" and workloads" if len(there) > 1 else ""),
            metric=contrast.metric,
            warnings=(*comparison.warnings, *self._disputed(comparison), *_left_out(missing)),
            blocks_needed=power.blocks_needed(comparison, margin=self._at, equivalent=self._at),
            cells=tuple(samples[pair.subject].label for pair in there),
        )
        return (dataclasses.replace(finding, decision="undecided" if missing else self.decide(finding)),)

    def decide(self, finding: Finding) -> Decision:
        """One interval, one decision: it holds when the whole interval lies on the predicted side of the bound."""
        if finding.blocks < paired.FEWEST_BLOCKS[self.question.metric.assumption]:
            return "undecided"
        return self._decide(finding.low, finding.high, finding.warnings)

    @property
    def _bound(self) -> float:
        bound = self.question.contrast.margin
        assert bound is not None  # the loader refuses a bound without one
        return bound

    @property
    def _linear(self) -> bool:
        return self.question.metric.assumption == "linear"

    @property
    def _at(self) -> float:
        """Where the differences place "the value is the bound", as the comparison's margin."""
        return 0.0 if self._linear else 1.0

    def _compare(
        self, samples: Mapping[Demand, Sample], *, level: float, rng: np.random.Generator | None
    ) -> Comparison | None:
        single = {
            samples[pair.subject].label: self._one(samples[pair.subject], level=level, rng=rng)
            for pair in self.question.pairs
            if pair.subject in samples
        }
        if not single:
            return None
        if len(single) == 1:
            return next(iter(single.values()))
        pooled = pool.over_workloads(single, level=level, first_stage=self.question.first_stage)
        told = dict.fromkeys(warning for one in single.values() for warning in one.warnings)
        return dataclasses.replace(pooled, warnings=tuple(dict.fromkeys([*pooled.warnings, *told])))

    def _one(self, sample: Sample, *, level: float, rng: np.random.Generator | None = None) -> Comparison:
        first_stage = self.question.first_stage
        return paired.compare_to_bound(sample, self._bound, level=level, first_stage=first_stage, rng=rng)

    def _own_unit(self, comparison: Comparison) -> tuple[float, float | None, float | None]:
        """Point and interval of a comparison with the bound, in the metric's unit."""
        ends = (comparison.estimate.point, comparison.estimate.low, comparison.estimate.high)
        point, low, high = (
            None if end is None else end + self._bound if self._linear else end * self._bound for end in ends
        )
        return math.nan if point is None else point, low, high

    def _disputed(self, comparison: Comparison) -> tuple[Warning, ...]:
        """The comparison's own words are of the side above the bound, whichever side is predicted here."""
        found = paired.disputed(comparison, margin=self._at, equivalent=self._at)
        text = (
            f"{comparison.subject} against {comparison.baseline}: the t interval decides, the sign-flip test does not"
        )
        return () if found is None else (dataclasses.replace(found, text=text),)

    def _decide(self, low: float | None, high: float | None, warnings: tuple[Warning, ...]) -> Decision:
        if low is None or high is None:
            return "undecided"
        below = self.question.contrast.predicted == "below"
        if high < self._bound:
            return "holds" if below else "fails"
        if low > self._bound and not _too_high(warnings):
            return "fails" if below else "holds"
        return "undecided"

    def _row(self, pair: Pair, sample: Sample) -> Row:
        comparison = self._one(sample, level=CONFIDENCE)
        point, low, high = self._own_unit(comparison)
        decided = self._decide(low, high, comparison.warnings) if paired.enough(comparison) else "undecided"
        return Row(
            label=sample.label,
            point=point,
            low=low,
            high=high,
            unit=sample.unit,
            decision=decided,
            workload=pair.subject.workload,
        )


def _too_high(warnings: tuple[Warning, ...]) -> bool:
    return any(warning.code == TOO_HIGH for warning in warnings)


def _left_out(missing: list[Pair]) -> tuple[Warning, ...]:
    if not missing:
        return ()
    names = ", ".join(dict.fromkeys(pair.subject.workload for pair in missing))
    return (
        Warning(
            code="part_missing",
            text=f"nothing is decided: {names} gave no value",
            remedy="look at the failures of this run, or run the whole suite",
        ),
    )
