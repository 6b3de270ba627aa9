"""Suites of made-up claims: drawn, judged by the real judge, and judged by the same rules written for whole arrays.

The array form knows nothing of the code that judges: it is written from the rules, and a test holds the two together.
Then thousands of suites cost seconds, and the share of wrong verdicts is known well enough to be held to a bound.
"""

import dataclasses
import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.claims.judge import answer, demands
from harness.claims.model import Claim, Demand, Quantifier, Verdict
from harness.stats.simulate import Floats, Shape
from harness.stats.values import Sample
from tests.unit.claims.builders import HEALTHY, catalog, claims, sample

ALPHA, MARGIN, EQUIVALENT = 0.05, 1.1, 1.05
LEVELS = ("glibc", "jemalloc", "mimalloc", "tcmalloc")

Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """``claims`` claims of ``contrasts`` contrasts each, which are levels of one factor where there is a ``factor``.

    Levels of a factor share their subject, as different allocators under one language's program do.
    """

    claims: int = 24
    contrasts: int = 2
    quantifier: Quantifier = "generally"
    factor: bool = False


def draw(
    rng: np.random.Generator, suite: Suite, effects: Floats, *, blocks: int, runs: int, shape: Shape = "normal"
) -> tuple[Floats, Floats]:
    """Logarithms of subject and baseline, (run, claim, contrast, block); ``effects`` is (claim, contrast)."""
    size = (runs, suite.claims, suite.contrasts, blocks)

    def noise(shape_of: tuple[int, ...]) -> Floats:
        if shape == "heavy":
            return np.asarray(0.07 * rng.standard_t(3, shape_of) / math.sqrt(3))
        return np.asarray(0.07 * rng.standard_normal(shape_of))

    shared = (runs, suite.claims, 1, blocks) if suite.factor else size
    subject = np.broadcast_to(noise(shared), size)
    return np.asarray(subject), noise(size) - effects[None, :, :, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Which claims got which word, (run, claim); ``levels`` is each claim's."""

    supported: Booleans
    refuted: Booleans
    mixed: Booleans
    depends: Booleans
    levels: Floats

    @property
    def answered(self) -> Booleans:
        """Whether there was any word that says something of the statement."""
        return np.asarray(self.supported | self.refuted | self.mixed | self.depends)


def judged(suite: Suite, subject: Floats, baseline: Floats, *, adjusted: bool = True) -> Words:
    """The rules, for all runs at once; without ``adjusted`` every contrast is decided at 5 % (a wrong judge)."""
    differences = subject - baseline
    p, centre = _t(differences - math.log(MARGIN))
    holds, against = centre > 0, centre < 0
    count = suite.contrasts
    share = 1 if suite.quantifier == "generally" or not adjusted else count
    if suite.quantifier == "generally":
        of_claim = p.max(axis=2)
    else:
        settling = holds if suite.quantifier == "exists" else against
        one = np.where(settling, p, 1.0).min(axis=2)
        of_claim = np.minimum(1.0, count * np.where(settling.any(axis=2), one, p.max(axis=2)))
    levels = holm(of_claim, np.full(len(p), ALPHA)) if adjusted else np.full(of_claim.shape, ALPHA)
    decided = p < levels[..., None] / share
    holds, against = holds & decided, against & decided
    supported = np.asarray(holds.any(axis=2) if suite.quantifier == "exists" else holds.all(axis=2))
    refuted = np.asarray(against.any(axis=2) if suite.quantifier == "always" else against.all(axis=2))
    mixed: Booleans = np.zeros(supported.shape, dtype=bool)
    depends: Booleans = mixed
    if suite.quantifier == "generally":
        firm = p <= holm(p, levels) if adjusted else np.ones(p.shape, dtype=bool)
        mixed = np.asarray((holds & firm).any(axis=2) & (against & firm).any(axis=2))
        if suite.factor:
            depends = mixed & _interacting(differences, holds & firm, against & firm, levels)
            mixed = mixed & ~depends
    return Words(supported=supported, refuted=refuted, mixed=mixed, depends=depends, levels=levels)


def holm(p: Floats, alpha: Floats) -> Floats:
    """Holm's levels along the last axis, at ``alpha`` for each row of the others."""
    count = p.shape[-1]
    order = np.argsort(p, axis=-1, kind="stable")
    steps = alpha[..., None] / (count - np.arange(count))
    rejected = np.cumprod(np.take_along_axis(p, order, -1) <= steps, axis=-1).astype(bool)
    number = np.minimum(rejected.sum(axis=-1, keepdims=True), count - 1)
    given = np.where(rejected, steps, np.take_along_axis(steps, number, -1))
    levels = np.empty_like(given)
    np.put_along_axis(levels, order, given, -1)
    return levels


def _interacting(differences: Floats, holds: Booleans, against: Booleans, levels: Floats) -> Booleans:
    pairs = list(combinations(range(differences.shape[2]), 2))
    p = np.stack([_t(differences[:, :, a] - differences[:, :, b])[0] for a, b in pairs], axis=2)
    opposed = [
        (holds[:, :, a] & against[:, :, b]) | (holds[:, :, b] & against[:, :, a]) for a, b in pairs
    ]  # fmt: skip
    return np.asarray((np.stack(opposed, axis=2) & (p <= holm(p, levels))).any(axis=2))


def _t(differences: Floats) -> tuple[Floats, Floats]:
    """Two-sided p of a mean of 0 over the last axis, and the mean."""
    n = differences.shape[-1]
    centre = differences.mean(axis=-1)
    error = differences.std(axis=-1, ddof=1) / math.sqrt(n)
    return np.asarray(2 * special.stdtr(n - 1, -np.abs(centre / error))), centre


def real_claims(suite: Suite) -> list[Claim]:
    """The suite as claims that the judge takes; what tells their samples apart is a number of iterations."""
    origin = claims()["manual_is_faster"]
    contrast = dataclasses.replace(
        origin.contrasts[0], subject="go/default", over="workload=lru_cache", margin=MARGIN, equivalent=EQUIVALENT
    )
    found = []
    for number in range(suite.claims):
        of_claim = [
            dataclasses.replace(contrast, id=f"c{k}", baseline="c/glibc", iterations=1 + number * 100 + k)
            for k in range(suite.contrasts)
        ]
        factors = {}
        if suite.factor:
            of_claim = [dataclasses.replace(contrast, baseline="{allocator}", iterations=1 + number)]
            factors = {"allocator": {name: f"c/{name}" for name in LEVELS[: suite.contrasts]}}
        found.append(
            dataclasses.replace(
                origin, id=f"claim{number}", quantifier=suite.quantifier, contrasts=tuple(of_claim), factors=factors,
                answer={},
            )
        )  # fmt: skip
    return found


def really_judged(suite: Suite, asked: list[Claim], subject: Floats, baseline: Floats) -> tuple[Verdict, ...]:
    """What the judge says of one run, (claim, contrast, block)."""
    samples: dict[Demand, Sample] = {}
    for number, claim in enumerate(asked):
        for demand in demands(claim, catalog()):
            side = subject if demand.language == "go" else baseline
            k = LEVELS.index(demand.configuration) if suite.factor and demand.language == "c" else 0
            if not suite.factor:
                assert demand.iterations is not None
                k = demand.iterations - 1 - number * 100
            samples[demand] = sample(demand, np.exp(side[number, k]).tolist())
    return answer(asked, catalog(), samples, HEALTHY, seed=1)
