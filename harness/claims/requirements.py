"""What each kind of contrast requires of a claim's file, so that the kinds themselves need not doubt it.

A contrast that lacks what decides it, or fixes something that decides nothing, is refused before anything is measured.
"""

from pathlib import Path
from typing import Final

from harness.catalog.model import Metric
from harness.claims.model import Contrast
from harness.errors import DataError

BOUNDED: Final = ("bound", "share", "crossover")
"""Kinds whose margin is a place that a value lies on one side of: it is no ratio, and nothing is equivalent to it."""

THRESHOLD: Final = ("share", "crossover")
"""Kinds that hold several ratios against one threshold."""

LOWEST_TIMING_MARGIN: Final = 1.05
"""Code layout alone moves a timing by about this much (Curtsinger and Berger, 2013), so no margin is below it."""


def check(path: Path, key: str, contrast: Contrast, metric: Metric) -> None:
    """DataError for the first thing that the contrast's kind requires and does not find; ``key`` names the contrast."""
    if contrast.kind == "exact" and contrast.expected is None:
        raise DataError(path, f"{key}.expected", "an exact contrast says what it expects", "add expected = ...")
    if contrast.kind == "ratio":
        _check_ratio(path, key, contrast, metric)
    if contrast.kind == "bound":
        _check_bound(path, key, contrast, metric)
    if contrast.kind in THRESHOLD:
        _check_threshold(path, key, contrast, metric)
    if contrast.kind == "share":
        _check_share(path, key, contrast)
    if contrast.kind == "crossover":
        _check_crossover(path, key, contrast, metric)


def _check_ratio(path: Path, key: str, contrast: Contrast, metric: Metric) -> None:
    if contrast.margin is None or contrast.baseline is None:
        raise DataError(path, key, "a ratio needs baseline and margin", "add them")
    if contrast.margin < 1:
        problem = f"a margin of {contrast.margin} is no distance from a ratio of 1"
        raise DataError(path, f"{key}.margin", problem, 'use its inverse, and predicted = "below"')
    _check_ratio_of(path, f"{key}.margin", contrast.margin, key, metric)


def _check_ratio_of(path: Path, where: str, ratio: float, key: str, metric: Metric) -> None:
    if metric.assumption not in ("ratio", "skewed"):
        problem = f"{metric.id} is {metric.assumption}, and a ratio of such values means nothing"
        raise DataError(path, f"{key}.metric", problem, "use a metric of assumption ratio or skewed")
    if metric.unit == "ns" and ratio < LOWEST_TIMING_MARGIN:
        problem = f"a timing margin of {ratio} is below what code layout alone moves"
        raise DataError(path, where, problem, f"use at least {LOWEST_TIMING_MARGIN}")


def _check_threshold(path: Path, key: str, contrast: Contrast, metric: Metric) -> None:
    if contrast.threshold is None or contrast.margin is None or contrast.baseline is None:
        raise DataError(path, key, f"a {contrast.kind} needs baseline, threshold and margin", "add them")
    _check_ratio_of(path, f"{key}.threshold", contrast.threshold, key, metric)


def _check_share(path: Path, key: str, contrast: Contrast) -> None:
    assert contrast.margin is not None  # has been checked
    if contrast.at_most is None or not 0 <= contrast.at_most < contrast.margin <= 1:
        problem = "a share holds at its margin and fails at a smaller share, both of 1"
        raise DataError(path, f"{key}.at_most", problem, "give 0 <= at_most < margin <= 1")
    if contrast.predicted != "below":
        problem = "the ratios that are counted are those below the threshold"
        raise DataError(path, f"{key}.predicted", problem, 'say predicted = "below"')


def _check_crossover(path: Path, key: str, contrast: Contrast, metric: Metric) -> None:
    assert contrast.margin is not None  # has been checked
    if not contrast.along or list(contrast.along) != sorted(set(contrast.along)):
        raise DataError(path, f"{key}.along", "a crossover lies along positions in rising order", "add them, sorted")
    if "{at}" not in contrast.subject or "{at}" not in (contrast.baseline or ""):
        raise DataError(path, key, "each position is asked for on both sides", "put {at} into subject and baseline")
    if not contrast.along[0] < contrast.margin < contrast.along[-1]:
        problem = f"{contrast.margin:g} is not between the first and the last position, and could not be decided"
        raise DataError(path, f"{key}.margin", problem, "give a position between them")
    if metric.assumption != "ratio":
        problem = f"{metric.id} is {metric.assumption}, and what lies between two positions is a mean of theirs"
        raise DataError(path, f"{key}.metric", problem, "use a metric of assumption ratio")


def _check_bound(path: Path, key: str, contrast: Contrast, metric: Metric) -> None:
    if contrast.margin is None:
        raise DataError(path, f"{key}.margin", "a bound is missing", "give it as margin, in the metric's unit")
    if metric.assumption == "exact":
        raise DataError(path, f"{key}.metric", f"{metric.id} is exact", 'use kind = "exact"')
    if contrast.margin <= 0 and metric.assumption != "linear":
        problem = f"{metric.id} is {metric.assumption} and always above {contrast.margin}"
        raise DataError(path, f"{key}.margin", problem, "use a bound above 0")
