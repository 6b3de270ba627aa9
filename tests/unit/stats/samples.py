"""Invented samples for the tests of statistics."""

from collections.abc import Iterable

from harness.stats.values import Assumption, Sample


def sample(
    values: Iterable[float],
    *,
    label: str = "subject",
    assumption: Assumption = "ratio",
    resolution: float = 0.0,
    metric: str = "time.per_operation",
) -> Sample:
    """One value per block, blocks counted from 0."""
    return Sample(
        label=label,
        metric=metric,
        unit="ns",
        assumption=assumption,
        values=dict(enumerate(values)),
        resolution=resolution,
    )
