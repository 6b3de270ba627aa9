"""The bootstrap-t interval: a second opinion on Student's t where differences may be skewed. It never decides."""

import math
from typing import Final

import numpy as np

FEWEST_FOR_BOOTSTRAP: Final = 10
"""At five blocks a bootstrap-t interval is 1.3 times as wide as t's and covers no better."""


def bootstrap_t(
    differences: tuple[float, ...], *, level: float, rng: np.random.Generator, resamples: int = 4000
) -> tuple[float, float]:
    """Bootstrap-t interval of the mean at confidence ``1 - level`` (Efron 1981; Hall 1988).

    ValueError below ten differences. Resamples without any spread have no studentised mean and are left out.
    """
    n = len(differences)
    if n < FEWEST_FOR_BOOTSTRAP:
        raise ValueError(f"bootstrap-t needs {FEWEST_FOR_BOOTSTRAP} differences, not {n}")
    data = np.asarray(differences)
    drawn = data[rng.integers(0, n, size=(resamples, n))]
    errors = drawn.std(axis=1, ddof=1) / math.sqrt(n)
    kept = errors > 0
    if not kept.any():
        return float(data.mean()), float(data.mean())
    studentised = (drawn.mean(axis=1)[kept] - data.mean()) / errors[kept]
    lower, upper = np.quantile(studentised, [level / 2, 1 - level / 2])
    error = float(data.std(ddof=1)) / math.sqrt(n)
    return float(data.mean()) - float(upper) * error, float(data.mean()) - float(lower) * error
