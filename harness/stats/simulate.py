"""Made-up measurements whose truth is known, to see whether an interval keeps its promise.

Times of iterations inside processes inside blocks: what a block has in common cancels in a comparison, what a process
has in common does not, however many iterations it runs. Everything is drawn from a generator that is passed in, whole
arrays at a time; intervals are handed in, so that a wrong one can be seen to fail.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.stats import paired, power, rank
from harness.stats.values import Assumption, Decision, Sample

Floats = NDArray[np.float64]
Shape = Literal["normal", "heavy", "skewed"]

REPETITIONS: Final = 4000
"""Made-up runs behind one share: a share of 5 % then has a standard error of 0.34 %."""

REFERENCE: Final = 400_000
"""Blocks from which the centre of a skewed difference is taken: its error is below a hundredth of any interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Where iteration times come from, all on the scale of logarithms.

    ``spread`` is the standard deviation of one iteration about its block, ``correlation`` the share of its variance
    that a whole process has in common, ``between`` the standard deviation of what a whole block has in common, and
    ``effect`` what the subject's logarithms have more. ``heavy`` draws from Student's t with 3 degrees; ``skewed``
    draws the subject from an exponential and the baseline from a normal, so that the differences are skewed too
    (between two populations of one shape they would be symmetric, whatever the shape).
    """

    correlation: float
    spread: float = 0.1
    between: float = 0.1
    shape: Shape = "normal"
    iterations: int = 10
    effect: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Iteration times of many made-up runs: arrays of (run, block, iteration), one fresh process a side and block."""

    subject: Floats
    baseline: Floats

    @property
    def differences(self) -> Floats:
        """The difference of each block, ln of the ratio of the two processes' values: (run, block)."""
        return np.asarray(np.log(self.subject.mean(axis=2)) - np.log(self.baseline.mean(axis=2)))


Interval = Callable[[Draws, float], tuple[Floats, Floats]]
"""Low and high of each run's interval at confidence 1 - level, NaN where there is none; on logarithms."""


def draw(rng: np.random.Generator, population: Population, *, blocks: int, runs: int) -> Draws:
    """Made-up runs of ``blocks`` blocks each."""
    common = population.between * rng.standard_normal((runs, blocks, 1))

    def side(shape: Shape) -> Floats:
        within = (runs, blocks, population.iterations)
        process = math.sqrt(population.correlation) * _standard(rng, shape, (runs, blocks, 1))
        iteration = math.sqrt(1 - population.correlation) * _standard(rng, shape, within)
        return np.asarray(np.exp(common + population.spread * (process + iteration)))

    subject = side(population.shape)
    baseline = side("normal" if population.shape == "skewed" else population.shape)
    return Draws(subject=subject * math.exp(population.effect), baseline=baseline)


def centre(rng: np.random.Generator, population: Population) -> float:
    """What an interval has to cover: the effect where differences are symmetric about it, else their pseudomedian.

    That is the median of the mean of two independent differences, the estimand of Hodges and Lehmann (1963).
    """
    if population.shape != "skewed":
        return population.effect
    differences = draw(rng, population, blocks=2, runs=REFERENCE // 2).differences
    return float(np.median(differences.mean(axis=1)))


def by_t(draws: Draws, level: float) -> tuple[Floats, Floats]:
    """Student's t over the blocks' differences: what ``ratio`` uses, without a loop."""
    differences = draws.differences
    n = differences.shape[1]
    half = float(special.stdtrit(n - 1, 1 - level / 2)) * differences.std(axis=1, ddof=1) / math.sqrt(n)
    middle = differences.mean(axis=1)
    return middle - half, middle + half


def by_rank(draws: Draws, level: float) -> tuple[Floats, Floats]:
    """Exact signed-rank limits over the blocks' differences: what ``skewed`` uses, without a loop over runs."""
    differences = draws.differences
    n = differences.shape[1]
    k = rank.signed_rank_depth(n, level=level)
    if k == 0:
        nothing = np.full(len(differences), math.nan)
        return nothing, nothing
    first, second = np.triu_indices(n)
    averages = (differences[:, first] + differences[:, second]) / 2
    last = averages.shape[1] - k
    ordered = np.partition(averages, (k - 1, last), axis=1)
    return ordered[:, k - 1], ordered[:, last]


def by_comparing(assumption: Assumption) -> Interval:
    """The very functions that judge real runs, one made-up run at a time: slow, and the proof that the others match."""

    def interval(draws: Draws, level: float) -> tuple[Floats, Floats]:
        limits = []
        for subject, baseline in zip(draws.subject.mean(axis=2), draws.baseline.mean(axis=2), strict=True):
            sides = [
                Sample(label=label, metric="time", unit="ns", assumption=assumption, values=dict(enumerate(values)))
                for label, values in (("subject", subject.tolist()), ("baseline", baseline.tolist()))
            ]
            low, high = paired.interval(paired.compare(sides[0], sides[1], level=level))
            limits.append((math.nan if low is None else low, math.nan if high is None else high))
        low_high = np.asarray(limits)
        return low_high[:, 0], low_high[:, 1]

    return interval


def by_pooling(draws: Draws, level: float) -> tuple[Floats, Floats]:
    """The mistake that the block exists to prevent: Student's t over all iterations, as if each were a run of its own.

    Nothing that judges uses it; a check of intervals that lets it pass checks nothing (Hurlbert 1984 named it
    pseudo-replication).
    """
    differences = (np.log(draws.subject) - np.log(draws.baseline)).reshape(len(draws.subject), -1)
    n = differences.shape[1]
    half = float(special.stdtrit(n - 1, 1 - level / 2)) * differences.std(axis=1, ddof=1) / math.sqrt(n)
    middle = differences.mean(axis=1)
    return middle - half, middle + half


def coverage(
    rng: np.random.Generator,
    *,
    blocks: int,
    correlation: float,
    interval: Interval = by_t,
    shape: Shape = "normal",
    between: float = 0.1,
    level: float = 0.05,
    runs: int = REPETITIONS,
) -> float:
    """The share of made-up runs whose interval at confidence ``1 - level`` holds the true centre."""
    population = Population(correlation=correlation, shape=shape, between=between, effect=math.log(1.2))
    truth = centre(rng, population)
    low, high = interval(draw(rng, population, blocks=blocks, runs=runs), level)
    return float(np.mean((low <= truth) & (truth <= high)))


def false_alarms(
    rng: np.random.Generator,
    *,
    blocks: int,
    correlation: float,
    interval: Interval = by_t,
    shape: Shape = "normal",
    between: float = 0.1,
    margin: float = 1.1,
    level: float = 0.05,
    runs: int = REPETITIONS,
) -> float:
    """The share of made-up runs in which something is decided although the truth lies on the margin exactly.

    There, ``holds``, ``fails`` and ``equivalent`` are all wrong, and nowhere are they wrong more often.
    """
    population = Population(correlation=correlation, shape=shape, between=between)
    population = replace(population, effect=math.log(margin) - centre(rng, population))
    shares = decisions(rng, population, blocks=blocks, interval=interval, margin=margin, level=level, runs=runs)
    return 1 - shares["undecided"]


def decisions(
    rng: np.random.Generator,
    population: Population,
    *,
    blocks: int,
    interval: Interval = by_t,
    margin: float = 1.1,
    equivalent: float = paired.EQUIVALENT,
    level: float = 0.05,
    runs: int = REPETITIONS,
) -> Mapping[Decision, float]:
    """How often each decision comes out; with ``effect`` beyond ``margin``, ``holds`` is the power to see it."""
    low, high = interval(draw(rng, population, blocks=blocks, runs=runs), level)
    m = math.log(margin)
    e = min(math.log(equivalent), abs(m))
    same = (-e < low) & (high < e)
    holds, fails = ~same & (low > m), ~same & (high < m)
    return {
        "equivalent": float(np.mean(same)),
        "holds": float(np.mean(holds)),
        "fails": float(np.mean(fails)),
        "undecided": float(np.mean(~(same | holds | fails))),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStages:
    """What two stages gave: how often the truth was covered, the widest half-width, the mean number of blocks."""

    coverage: float
    widest: float
    blocks: float


def two_stages(
    rng: np.random.Generator,
    *,
    spread: float,
    width: float,
    first_stage: int = 10,
    level: float = 0.05,
    runs: int = REPETITIONS,
) -> TwoStages:
    """Runs of normal differences that were planned in two stages for a half-width of ``width`` (Stein 1945).

    The mean of the second stage is drawn as one number, which is what its blocks would have given.
    """
    first = rng.normal(0.0, spread, (runs, first_stage))
    s = first.std(axis=1, ddof=1)
    total = np.asarray([power.second_stage(one, first_stage=first_stage, width=width, level=level) for one in s])
    more = total - first_stage
    rest = rng.standard_normal(runs) * spread * np.sqrt(more)
    middle = (first.sum(axis=1) + rest) / total
    half = float(special.stdtrit(first_stage - 1, 1 - level / 2)) * s / np.sqrt(total)
    return TwoStages(
        coverage=float(np.mean(np.abs(middle) <= half)), widest=float(half.max()), blocks=float(total.mean())
    )


def _standard(rng: np.random.Generator, shape: Shape, size: tuple[int, ...]) -> Floats:
    """Draws of mean 0 and variance 1."""
    if shape == "heavy":
        return np.asarray(rng.standard_t(3, size) / math.sqrt(3))
    if shape == "skewed":
        return np.asarray(rng.standard_exponential(size) - 1)
    return rng.standard_normal(size)
