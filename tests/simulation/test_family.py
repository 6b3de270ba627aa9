"""Wrong verdicts over a whole suite: at most 6.5 % of runs may hold one, and at most 1 % a `depends` that is none.

Truths lie where wrong answers are likeliest: on the margin, beside contrasts that are clear, which let a claim look
decided, or let two of many contradict each other by chance.
"""

import math

import numpy as np
import pytest

from harness.claims.model import Quantifier
from harness.stats.simulate import Floats, Shape
from tests.simulation.suites import LEVELS, MARGIN, Suite, draw, judged, real_claims, really_judged

FAMILY, DEPENDS = 0.065, 0.01
CLEAR = 0.5
"""An effect that no noise here hides: eighteen standard errors of seven blocks."""


def at_margin(suite: Suite, *, clear: int = 0, side: int = 1, decided: int = 0) -> Floats:
    """Effects on the margin, but ``clear`` contrasts of each claim, and ``decided`` claims altogether, far off it."""
    effects = np.full((suite.claims, suite.contrasts), math.log(MARGIN))
    effects[:, :clear] += side * CLEAR
    effects[:decided] = math.log(MARGIN) + side * CLEAR
    return effects


def wrong(
    suite: Suite, effects: Floats, *, blocks: int, runs: int = 4000, decided: int = 0, shape: Shape = "normal",
    adjusted: bool = True,
) -> float:  # fmt: skip
    """The share of runs in which any claim with a contrast on its margin was answered."""
    rng = np.random.default_rng((suite.claims, suite.contrasts, blocks, decided))
    answered = 0
    for _ in range(10):  # in parts, for memory's sake
        words = judged(
            suite, *draw(rng, suite, effects, blocks=blocks, runs=runs // 10, shape=shape), adjusted=adjusted
        )
        answered += int(words.answered[:, decided:].any(axis=1).sum())
    return answered / runs


CASES = [
    Suite(quantifier=quantifier, contrasts=contrasts, factor=factor)
    for quantifier in ("generally", "exists", "always")
    for contrasts, factor in ((1, False), (2, False), (2, True), (4, True), (8, False))
]


@pytest.mark.parametrize("suite", CASES, ids=lambda one: f"{one.quantifier}-{one.contrasts}-{one.factor}")
@pytest.mark.parametrize("blocks", [7, 20])
def test_judge_when_every_effect_lies_on_its_margin_then_wrong_verdicts_are_rare(suite: Suite, blocks: int) -> None:
    assert wrong(suite, at_margin(suite), blocks=blocks, runs=2000) <= FAMILY


@pytest.mark.parametrize(
    ("quantifier", "side"), [("generally", 1), ("generally", -1), ("exists", -1), ("always", 1)]
)  # where one case suffices, a clear one of the other side would settle the claim, and rightly
@pytest.mark.parametrize(("contrasts", "clear"), [(2, 1), (3, 1), (5, 1), (8, 1), (8, 4)])
def test_judge_when_some_contrasts_are_clear_and_settle_nothing_then_wrong_verdicts_stay_rare(
    quantifier: Quantifier, contrasts: int, clear: int, side: int
) -> None:
    suite = Suite(quantifier=quantifier, contrasts=contrasts)
    assert wrong(suite, at_margin(suite, clear=clear, side=side), blocks=7, runs=2000) <= FAMILY


@pytest.mark.parametrize("decided", [1, 12, 23])
@pytest.mark.parametrize("quantifier", ["generally", "exists", "always"])
def test_judge_when_other_claims_are_decided_rightly_then_those_on_the_margin_are_not_wrong_more_often(
    quantifier: Quantifier, decided: int
) -> None:
    suite = Suite(quantifier=quantifier, contrasts=3)
    assert wrong(suite, at_margin(suite, decided=decided), blocks=7, decided=decided) <= FAMILY


def test_judge_when_tails_are_heavy_then_wrong_verdicts_stay_rare() -> None:
    suite = Suite(contrasts=2, factor=True)
    assert wrong(suite, at_margin(suite), blocks=7, shape="heavy") <= FAMILY


def test_judge_when_levels_are_not_adjusted_then_the_bound_is_broken() -> None:
    suite = Suite(claims=12, contrasts=1)
    share = wrong(suite, at_margin(suite), blocks=7, adjusted=False)
    assert share == pytest.approx(0.46, abs=0.03)  # 1 - 0.95^12, as the design has it
    assert wrong(suite, at_margin(suite), blocks=7) <= FAMILY


def said_to_depend(suite: Suite, effects: Floats, *, blocks: int, runs: int = 4000, adjusted: bool = True) -> float:
    """The share of runs in which any claim was said to depend on its factor."""
    rng = np.random.default_rng((suite.contrasts, blocks))
    words = judged(suite, *draw(rng, suite, effects, blocks=blocks, runs=runs), adjusted=adjusted)
    return float(words.depends.any(axis=1).mean())


@pytest.mark.parametrize("blocks", [7, 10, 20])
@pytest.mark.parametrize("levels", [2, 4])
def test_judge_when_no_factor_matters_then_depends_is_all_but_never_said(levels: int, blocks: int) -> None:
    suite = Suite(contrasts=levels, factor=True)
    assert said_to_depend(suite, at_margin(suite), blocks=blocks, runs=2000) <= DEPENDS


def test_judge_when_levels_are_not_adjusted_then_depends_is_said_too_often() -> None:
    suite = Suite(contrasts=4, factor=True)
    assert said_to_depend(suite, at_margin(suite), blocks=7, runs=2000, adjusted=False) > DEPENDS


def test_judge_when_a_factor_matters_then_depends_is_said() -> None:
    suite = Suite(contrasts=2, factor=True)
    effects = at_margin(suite)
    effects[:, 0] += CLEAR
    effects[:, 1] -= CLEAR
    rng = np.random.default_rng(3)
    words = judged(suite, *draw(rng, suite, effects, blocks=10, runs=200))
    assert words.depends.mean() > 0.9


@pytest.mark.parametrize(
    "suite",
    [Suite(claims=6, quantifier=quantifier, contrasts=contrasts, factor=factor)
     for quantifier in ("generally", "exists", "always") for contrasts, factor in ((3, False), (4, True))],
    ids=lambda one: f"{one.quantifier}-{one.contrasts}-{one.factor}",
)  # fmt: skip
def test_array_form_when_held_against_the_judge_then_words_and_levels_are_the_same(suite: Suite) -> None:
    rng = np.random.default_rng(12)
    asked = real_claims(suite)
    seen = set()
    for _ in range(8):
        # Effects all over the place, so that every word comes up.
        effects = np.log(MARGIN) + rng.choice([-0.5, -0.2, -0.1, 0.0, 0.1, 0.2, 0.5], (suite.claims, suite.contrasts))
        effects[0] = effects[0, 0]
        subject, baseline = draw(rng, suite, effects, blocks=7, runs=1)
        words = judged(suite, subject, baseline)
        for number, verdict in enumerate(really_judged(suite, asked, subject[0], baseline[0])):
            every = ("supported", "refuted", "mixed", "depends")
            expected = [name for name in every if getattr(words, name)[0, number]]
            assert (expected or ["inconclusive"]) == [verdict.verdict]
            assert verdict.level == pytest.approx(float(words.levels[0, number]))
            seen.add(verdict.verdict)
    everything = {"supported", "refuted", "inconclusive"}
    if suite.quantifier == "generally":
        everything |= {"depends"} if suite.factor else {"mixed"}
    assert seen == everything


def test_judge_itself_when_24_claims_lie_on_their_margins_then_wrong_verdicts_are_rare() -> None:
    suite = Suite(contrasts=2, factor=True)
    assert really_wrong(suite, runs=40) <= 5  # binomial(40, 0.065): more than five in 5 % of draws; this draw is fixed


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("quantifier", ["generally", "exists", "always"])
def test_judge_itself_when_24_claims_lie_on_their_margins_at_length_then_wrong_verdicts_are_rare(
    quantifier: Quantifier,
) -> None:
    suite = Suite(contrasts=len(LEVELS), factor=True, quantifier=quantifier)
    assert really_wrong(suite, runs=400) <= FAMILY * 400


def really_wrong(suite: Suite, *, runs: int) -> int:
    """Runs in which the judge itself answered anything."""
    rng = np.random.default_rng(runs)
    asked = real_claims(suite)
    subject, baseline = draw(rng, suite, at_margin(suite), blocks=7, runs=runs)
    return sum(
        any(one.verdict != "inconclusive" for one in really_judged(suite, asked, subject[run], baseline[run]))
        for run in range(runs)
    )
