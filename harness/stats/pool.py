"""One number over many workloads: this catalogue's mean effect, and the range for a workload not yet seen.

The mean is formed inside each block and then treated like any other comparison, so that its interval is over blocks. It
speaks for the workloads that were measured; only the prediction interval speaks for others.
"""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import replace

from scipy import special

from harness.stats.paired import from_differences
from harness.stats.stages import of_first_stage
from harness.stats.values import Comparison, Estimate


def over_workloads(
    comparisons: Mapping[str, Comparison],
    *,
    level: float,
    weights: Mapping[str, float] | None = None,
    first_stage: int | None = None,
) -> Comparison:
    """The weighted mean over workloads of the differences within each block, g_b = Σ w·d_wb, then t over blocks.

    ``comparisons`` by workload, all of one assumption and none ``exact`` (under ``skewed`` the means have the
    signed-rank interval); only blocks that hold every workload count. Weights default to equal ones and are scaled to
    sum 1. On ratios the estimate is a weighted geometric mean (Fleming, Wallace 1986: the only mean of normalised
    numbers that does not depend on which is the reference). The least spread is that of a sum of the workloads' own,
    and what a reader has to know of one of them comes along. ``first_stage`` as in
    :func:`~harness.stats.paired.compare`. ValueError for an empty or mixed input.
    """
    kinds = {comparison.assumption for comparison in comparisons.values()}
    if len(kinds) != 1 or "exact" in kinds:
        raise ValueError(f"workloads combine when all are compared alike and none exactly, not {sorted(kinds)}")
    (assumption,) = kinds
    raw = dict.fromkeys(comparisons, 1.0) if weights is None else {name: weights[name] for name in comparisons}
    total = math.fsum(raw.values())
    by_block = {name: dict(zip(one.blocks, one.differences, strict=True)) for name, one in comparisons.items()}
    shared = set.intersection(*(set(blocks) for blocks in by_block.values()))
    means = {b: math.fsum(raw[name] / total * by_block[name][b] for name in by_block) for b in sorted(shared)}
    first = next(iter(comparisons.values()))
    pooled = from_differences(
        means,
        assumption,
        subject=_common(one.subject for one in comparisons.values()),
        baseline=_common(one.baseline for one in comparisons.values()),
        unit=first.estimate.unit,
        level=level,
        floor=math.hypot(*(raw[name] / total * one.floor for name, one in comparisons.items())),
        first_stage=of_first_stage(first_stage, shared, held=by_block.values()),
    )
    told = (warning for one in comparisons.values() for warning in one.warnings)
    return replace(pooled, warnings=tuple(dict.fromkeys((*told, *pooled.warnings))))


def prediction(comparisons: Mapping[str, Comparison], *, level: float) -> Estimate | None:
    """Where the effect on a new workload of this kind is expected: ḡ ± t(W - 1) · √(τ² + se²).

    τ² is the variance of the workloads' effects beyond what their blocks explain, by moments, and se² the variance of
    ḡ over draws of workloads (Higgins, Thompson, Spiegelhalter 2009, eq. 12, with W - 1 degrees). None below three
    workloads, or where one has no spread.
    """
    effects = [comparison.centre for comparison in comparisons.values()]
    count = len(effects)
    if count < 3 or any(comparison.spread is None for comparison in comparisons.values()):
        return None
    (assumption,) = {comparison.assumption for comparison in comparisons.values()}
    observed = statistics.variance(effects)
    within = statistics.fmean((one.spread or 0.0) ** 2 / len(one.blocks) for one in comparisons.values())
    between = max(0.0, observed - within)
    half = float(special.stdtrit(count - 1, 1 - level / 2)) * math.sqrt(between + observed / count)
    mean = statistics.fmean(effects)
    back = math.exp if assumption == "ratio" else float
    return Estimate(
        point=back(mean),
        low=back(mean - half),
        high=back(mean + half),
        unit=next(iter(comparisons.values())).estimate.unit,
        level=level,
        blocks=min(len(one.blocks) for one in comparisons.values()),
        estimand="effect on a new workload of this kind",
    )


def _common(labels: Iterable[str]) -> str:
    """The labels' shared first word: what is compared, without the workload it is compared on."""
    words = {label.split(" ", 1)[0] for label in labels}
    return words.pop() if len(words) == 1 else ", ".join(sorted(words))
