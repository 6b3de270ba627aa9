"""Estimates and comparisons over blocks, and the one decision that each interval allows.

A comparison is made block by block, so that whatever a block had in common (a warm host, a noisy neighbour) cancels.
A metric's assumption chooses the difference and the interval; nothing here knows what is measured, draws a random
number of its own or looks at an outcome before it chooses a method.
"""

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import special

from harness.stats import rank
from harness.stats.bootstrap import FEWEST_FOR_BOOTSTRAP, bootstrap_t
from harness.stats.stages import of_first_stage
from harness.stats.values import Assumption, Comparison, Decision, Estimate, Sample, Warning

EQUIVALENT: Final = 1.05
"""The ratio below which a difference is no difference, where nothing else is said."""

FEWEST_BLOCKS: Final[Mapping[Assumption, int]] = {"ratio": 5, "linear": 5, "skewed": 10, "exact": 1}
"""Below so many blocks nothing is decided: an interrupted run shows its numbers and gives no verdict on them."""

_COMPARED: Final[Mapping[Assumption, str]] = {
    "ratio": "geometric mean of the blocks' ratios",
    "linear": "mean of the blocks' differences",
    "skewed": "Hodges-Lehmann median of the blocks' ratios",
    "exact": "difference of exact values",
}
_ESTIMATED: Final[Mapping[Assumption, str]] = {
    "ratio": "geometric mean over blocks",
    "linear": "mean over blocks",
    "skewed": "Hodges-Lehmann median over blocks",
    "exact": "exact value",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """A location on the scale of the differences; ``low`` and ``high`` are None where the blocks are too few."""

    centre: float
    low: float | None = None
    high: float | None = None
    half: float | None = None
    spread: float | None = None
    degrees: int | None = None
    warnings: tuple[Warning, ...] = ()


def estimate(sample: Sample, *, level: float) -> Estimate:
    """One sample's location with its interval at confidence ``1 - level``, in the sample's unit.

    ``ratio``: geometric mean, t interval on logarithms. ``linear``: mean, t interval. ``skewed``: Hodges-Lehmann with
    the signed-rank interval, on logarithms. ``exact``: the value, no interval. Without values the point is NaN.
    """
    blocks = tuple(sorted(sample.values))
    forward, back = _scales(sample.assumption)
    values = [sample.values[block] for block in blocks]
    unusable = _unusable(sample.assumption, {sample.label: values})
    transformed = () if unusable else tuple(forward(value) for value in values)
    floor = _floor(sample, blocks) if transformed else 0.0
    fit = _fit(transformed, sample.assumption, floor=floor, level=level, first_stage=None)
    return Estimate(
        point=back(fit.centre),
        low=None if fit.low is None else back(fit.low),
        high=None if fit.high is None else back(fit.high),
        unit=sample.unit,
        level=level,
        blocks=len(transformed),
        estimand=_ESTIMATED[sample.assumption],
        warnings=(*sample.warnings, *unusable, *fit.warnings),
    )


def compare(
    subject: Sample,
    baseline: Sample,
    *,
    level: float,
    first_stage: int | None = None,
    rng: np.random.Generator | None = None,
) -> Comparison:
    """``subject`` against ``baseline`` over the blocks that hold both, at confidence ``1 - level``.

    ``first_stage`` is the number of blocks of Stein's first stage: spread and degrees of freedom then come from those
    alone and the interval is exact whatever the second stage's size (Stein 1945). With ``rng`` and ten blocks or more
    a bootstrap-t interval is computed as well, and a disagreement about zero becomes a warning; it never decides.
    ValueError when the samples are of different metrics or a first stage has fewer than two blocks.
    """
    if first_stage is not None and first_stage < 2:
        raise ValueError(f"a first stage of {first_stage} blocks has no spread")
    if (subject.metric, subject.assumption) != (baseline.metric, baseline.assumption):
        raise ValueError(f"{subject.label} is {subject.metric}, {baseline.label} is {baseline.metric}: not comparable")
    assumption = subject.assumption
    blocks = tuple(sorted(subject.values.keys() & baseline.values.keys()))
    pairs = {side.label: [side.values[block] for block in blocks] for side in (subject, baseline)}
    unusable = _unusable(assumption, pairs)
    if unusable:
        blocks = ()
    forward, _ = _scales(assumption)
    differences = {block: forward(subject.values[block]) - forward(baseline.values[block]) for block in blocks}
    comparison = from_differences(
        differences,
        assumption,
        subject=subject.label,
        baseline=baseline.label,
        unit=subject.unit,
        level=level,
        floor=math.hypot(_floor(subject, blocks), _floor(baseline, blocks)) if blocks else 0.0,
        first_stage=of_first_stage(first_stage, differences, held=(subject.values, baseline.values)),
    )
    warnings = [*subject.warnings, *baseline.warnings, *unusable, *_unpaired(subject, baseline), *comparison.warnings]
    if rng is not None and assumption in ("ratio", "linear") and len(blocks) >= FEWEST_FOR_BOOTSTRAP:
        warnings += _bootstrap_disagrees(comparison, rng)
    return replace(comparison, warnings=tuple(dict.fromkeys(warnings)))


def from_differences(
    differences: Mapping[int, float],
    assumption: Assumption,
    *,
    subject: str,
    baseline: str,
    unit: str,
    level: float,
    floor: float = 0.0,
    first_stage: int | None = None,
) -> Comparison:
    """The comparison that given differences amount to, by block: means over workloads, differences of differences.

    Differences are logarithms of ratios under ``ratio`` and ``skewed``. ``floor`` is the smallest believable spread,
    ``first_stage`` how many of the first blocks spread and degrees of freedom come from (None: all).
    """
    blocks = tuple(sorted(differences))
    ordered = tuple(differences[block] for block in blocks)
    _, back = _scales(assumption)
    fit = _fit(ordered, assumption, floor=floor, level=level, first_stage=first_stage)
    return Comparison(
        subject=subject,
        baseline=baseline,
        assumption=assumption,
        differences=ordered,
        blocks=blocks,
        centre=fit.centre,
        half=fit.half,
        estimate=Estimate(
            point=back(fit.centre),
            low=None if fit.low is None else back(fit.low),
            high=None if fit.high is None else back(fit.high),
            unit="x" if assumption in ("ratio", "skewed") else unit,
            level=level,
            blocks=len(blocks),
            estimand=_COMPARED[assumption],
        ),
        sign_flip_p=rank.sign_flip(ordered) if assumption in ("ratio", "linear") and ordered else None,
        spread=fit.spread,
        degrees=fit.degrees,
        floor=floor,
        warnings=fit.warnings,
    )


def compare_to_bound(
    subject: Sample,
    bound: float,
    *,
    level: float,
    first_stage: int | None = None,
    rng: np.random.Generator | None = None,
) -> Comparison:
    """``subject`` against a fixed ``bound`` in the subject's unit; 'no difference' then means 'at the bound'.

    ``first_stage`` and ``rng`` as in :func:`compare`. Ask for decisions with margin 1 (``ratio``, ``skewed``) or 0
    (``linear``): nothing is equivalent to a bound.
    """
    constant = Sample(
        label=f"the bound {bound:g} {subject.unit}",
        metric=subject.metric,
        unit=subject.unit,
        assumption=subject.assumption,
        values=dict.fromkeys(subject.values, bound),
    )
    return compare(subject, constant, level=level, first_stage=first_stage, rng=rng)


def decide(low: float | None, high: float | None, *, margin: float, equivalent: float) -> Decision:
    """The first that matches of equivalent, holds, fails, undecided; all four numbers on the scale of the differences.

    With a symmetric interval d ± h this is: equivalent if |d| + h < e, holds if d - h > m, fails if d + h < m.
    ``equivalent`` is never used above the margin's distance from no effect, and 0 means that nothing is equivalent.
    """
    if low is None or high is None:
        return "undecided"
    bound = min(equivalent, abs(margin))
    if -bound < low and high < bound:
        return "equivalent"
    if low > margin:
        return "holds"
    if high < margin:
        return "fails"
    return "undecided"


def decision(comparison: Comparison, *, margin: float, equivalent: float | None = None) -> Decision:
    """What a comparison's interval decides about ``margin``: a ratio, or a plain difference where it is ``linear``.

    ``equivalent`` is on the same scale; None means 1.05 for ratios and nothing for differences. Too few blocks decide
    nothing (:data:`FEWEST_BLOCKS`). ValueError for exact comparisons, which have no interval to decide by.
    """
    m, e = thresholds(comparison.assumption, margin=margin, equivalent=equivalent)
    low, high = interval(comparison) if enough(comparison) else (None, None)
    return decide(low, high, margin=m, equivalent=e)


def p_value(comparison: Comparison, *, margin: float) -> float | None:
    """Two-sided p of the hypothesis that the effect equals ``margin``, by the test that belongs to the interval.

    Student's t (1908) for ``ratio`` and ``linear``, Wilcoxon's exact signed-rank test (1945) for ``skewed``. 1 where
    the blocks are too few to decide anything, so that a family corrected for several such tests fails closed; None
    for ``exact``, which is outside that family.
    """
    if comparison.assumption == "exact":
        return None
    if not enough(comparison) or comparison.spread is None:
        return 1.0
    m, _ = thresholds(comparison.assumption, margin=margin, equivalent=None)
    if comparison.assumption == "skewed":
        return rank.signed_rank_p([d - m for d in comparison.differences])
    assert comparison.degrees is not None  # a spread under these assumptions has its degrees
    error = comparison.spread / math.sqrt(len(comparison.blocks))
    distance = abs(comparison.centre - m)
    if error == 0:
        return 1.0 if distance == 0 else 0.0
    return min(1.0, 2 * float(special.stdtr(comparison.degrees, -distance / error)))


def equality_p(comparison: Comparison, *, margin: float, equivalent: float | None = None) -> float | None:
    """Two-sided p of what stands between an effect and either answer, where no difference is what was predicted.

    No difference is shown by rejecting both ends of its band, so the larger p counts (two one-sided tests, Schuirmann
    1987); a difference by rejecting the margin on its own side. Between band and margin neither can be: 1. Below some
    level exactly when the interval at that level decides. None for ``exact``.
    """
    if comparison.assumption == "exact":
        return None
    m, e = thresholds(comparison.assumption, margin=margin, equivalent=equivalent)
    _, back = _scales(comparison.assumption)
    against: tuple[float, ...]
    if abs(comparison.centre) < e:
        against = (e, -e)
    elif abs(comparison.centre) > abs(m):
        against = (math.copysign(m, comparison.centre),)
    else:
        return 1.0
    return max(p for one in against if (p := p_value(comparison, margin=back(one))) is not None)


def disputed(comparison: Comparison, *, margin: float, equivalent: float | None = None) -> Warning | None:
    """A warning where the t interval decides and the exact sign-flip test, at an unadjusted 0.05, does not.

    For 'equivalent' both bounds have to be rejected. The test cannot reject below six blocks, so nothing is marked
    there.
    """
    verdict = decision(comparison, margin=margin, equivalent=equivalent)
    if verdict == "undecided" or comparison.assumption == "skewed" or len(comparison.blocks) < 6:
        return None
    m, e = thresholds(comparison.assumption, margin=margin, equivalent=equivalent)
    against = (e, -e) if verdict == "equivalent" else (m,)
    p = max(rank.sign_flip([d - value for d in comparison.differences]) or 0.0 for value in against)
    if p <= 0.05:
        return None
    return Warning(
        code="sign_flip_disagrees",
        text=f"{comparison.subject} against {comparison.baseline}: the t interval decides, the exact sign-flip test "
        f"does not (p = {p:.3f})",
        remedy="run more blocks before relying on it",
    )


def interval(comparison: Comparison) -> tuple[float | None, float | None]:
    """Low and high on the scale of the differences; None for each where there is no interval."""
    if comparison.half is not None:
        return comparison.centre - comparison.half, comparison.centre + comparison.half
    if comparison.estimate.low is None or comparison.estimate.high is None:
        return None, None
    forward, _ = _scales(comparison.assumption)
    return forward(comparison.estimate.low), forward(comparison.estimate.high)


def enough(comparison: Comparison) -> bool:
    """Whether the blocks suffice to decide anything at all under the comparison's assumption."""
    return len(comparison.blocks) >= FEWEST_BLOCKS[comparison.assumption]


def thresholds(assumption: Assumption, *, margin: float, equivalent: float | None) -> tuple[float, float]:
    """``margin`` and ``equivalent`` on the scale of the differences; the second is never above the first."""
    if assumption == "exact":
        raise ValueError("an exact comparison has no interval and is decided by equality, not by a margin")
    forward, _ = _scales(assumption)
    m = forward(margin)
    if equivalent is None:
        equivalent = 0.0 if assumption == "linear" else EQUIVALENT
    return m, min(abs(forward(equivalent)), abs(m))


def _fit(
    differences: tuple[float, ...], assumption: Assumption, *, floor: float, level: float, first_stage: int | None
) -> _Fit:
    if not differences:
        return _Fit(centre=math.nan, warnings=(_warn("no_blocks", "no block holds every value that is needed"),))
    if assumption == "exact":
        return _fit_exact(differences)
    few = len(differences) < FEWEST_BLOCKS[assumption]
    text = f"{len(differences)} blocks decide nothing; {FEWEST_BLOCKS[assumption]} are the fewest that do"
    warnings = (_warn("too_few_blocks", text, "let the run finish, or plan more blocks"),) if few else ()
    if assumption == "skewed":
        low, high = rank.signed_rank_interval(differences, level=level) or (None, None)
        spread = statistics.stdev(differences) if len(differences) > 1 else None
        return _Fit(centre=rank.hodges_lehmann(differences), low=low, high=high, spread=spread, warnings=warnings)
    centre = statistics.fmean(differences)
    stage = differences if first_stage is None else differences[:first_stage]
    if len(stage) < 2:
        return _Fit(centre=centre, warnings=warnings)
    spread = max(statistics.stdev(stage), floor)
    degrees = len(stage) - 1
    # Student 1908; with a first stage, Stein 1945: its spread and degrees of freedom, every block's mean.
    half = float(special.stdtrit(degrees, 1 - level / 2)) * spread / math.sqrt(len(differences))
    return _Fit(
        centre=centre, low=centre - half, high=centre + half, half=half, spread=spread, degrees=degrees,
        warnings=warnings,
    )  # fmt: skip


def _fit_exact(values: tuple[float, ...]) -> _Fit:
    if min(values) == max(values):
        return _Fit(centre=values[0])
    text = f"a value that should be exact ranges from {min(values):g} to {max(values):g} over blocks"
    return _Fit(
        centre=statistics.fmean(values),
        warnings=(_warn("exact_varies", text, "look at the records: something is not deterministic"),),
    )


def _scales(assumption: Assumption) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """From a value to the scale of differences and back."""
    if assumption in ("ratio", "skewed"):
        return math.log, math.exp
    return float, float


def _floor(sample: Sample, blocks: tuple[int, ...]) -> float:
    """Smallest believable standard deviation of one value on the scale of the differences.

    A reading in steps of r has a uniform rounding error of standard deviation r/√12 (Sheppard 1898); on logarithms the
    delta method divides it by the value.
    """
    step = sample.resolution / math.sqrt(12)
    if sample.assumption != "ratio":
        return step
    return step / statistics.fmean(sample.values[block] for block in blocks)


def _unusable(assumption: Assumption, values: Mapping[str, list[float]]) -> tuple[Warning, ...]:
    """Logarithms need positive values: leaving single blocks out would choose by outcome, so all are left out."""
    if assumption not in ("ratio", "skewed"):
        return ()
    return tuple(
        _warn("not_positive", f"{label} has values of zero or below, and a ratio of zero means nothing",
              "give the metric the assumption 'linear'")
        for label, numbers in values.items() if any(number <= 0 for number in numbers)
    )  # fmt: skip


def _unpaired(subject: Sample, baseline: Sample) -> tuple[Warning, ...]:
    alone = sorted(subject.values.keys() ^ baseline.values.keys())
    if not alone:
        return ()
    text = f"{subject.label} against {baseline.label}: {len(alone)} blocks hold only one of the two and are left out"
    return (_warn("unpaired_blocks", text, "look at the failures of those blocks"),)


def _bootstrap_disagrees(comparison: Comparison, rng: np.random.Generator) -> list[Warning]:
    low, high = bootstrap_t(comparison.differences, level=comparison.estimate.level, rng=rng)
    by_t = interval(comparison)
    if by_t[0] is None or by_t[1] is None or (low <= 0 <= high) == (by_t[0] <= 0 <= by_t[1]):
        return []
    text = "the t interval and the bootstrap-t interval disagree whether there is any difference"
    return [_warn("bootstrap_disagrees", text, "the differences are skewed: run more blocks before relying on it")]


def _warn(code: str, text: str, remedy: str = "") -> Warning:
    return Warning(code=code, text=text, remedy=remedy)
