import dataclasses

import numpy as np
import pytest

from harness.claims.kinds import NAMES
from harness.claims.kinds.bound import Bound
from harness.claims.kinds.exact import Exact
from harness.claims.kinds.ratio import Ratio
from harness.claims.kinds.registry import KINDS
from harness.claims.model import Demand
from harness.claims.questions import Question, questions
from harness.errors import UsageError
from harness.stats.values import TOO_HIGH, Sample, Warning
from tests.unit.claims.builders import catalog, changed, claims, noisy, sample


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def asked(name: str, contrast: str) -> list[Question]:
    return [one for one in questions(claims()[name], catalog()) if one.contrast.id == contrast]


def measured(question: Question, ratio: float, *, blocks: int = 7, noise: float = 0.01) -> dict[Demand, Sample]:
    found: dict[Demand, Sample] = {}
    for pair in question.pairs:
        assert pair.baseline is not None
        where = f"{pair.subject.workload}"
        found[pair.subject] = sample(pair.subject, noisy(100 * ratio, blocks=blocks, noise=noise, seed=where + "s"))
        found[pair.baseline] = sample(pair.baseline, noisy(100, blocks=blocks, noise=noise, seed=where + "b"))
    return found


def test_names_when_listed_then_are_those_of_the_registry() -> None:
    assert set(NAMES) == set(KINDS)


def test_questions_when_a_factor_is_named_then_asks_once_per_level() -> None:
    found = asked("manual_is_faster", "time")
    assert [one.level for one in found] == [("c_allocator", "glibc"), ("c_allocator", "mimalloc")]
    assert {pair.subject.workload for one in found for pair in one.pairs} == {
        "binary_trees", "lru_cache", "message_window",
    }  # fmt: skip


def test_questions_when_sides_cannot_be_paired_then_says_so() -> None:
    claim = claims()["manual_is_faster"]
    contrast = dataclasses.replace(claim.contrasts[0], baseline="c/*")
    with pytest.raises(UsageError, match="narrow the selectors"):
        questions(dataclasses.replace(claim, contrasts=(contrast,)), catalog())


@pytest.mark.parametrize(
    ("ratio", "decision"), [(2.0, "holds"), (1.0, "equivalent"), (0.7, "fails"), (1.1, "undecided")]
)
def test_ratio_when_the_effect_is_clear_then_decides_it(ratio: float, decision: str) -> None:
    question = asked("manual_is_faster", "time")[0]
    (found,) = Ratio(question).find(measured(question, ratio), level=0.05, rng=rng())
    assert found.decision == decision
    assert found.low is not None
    assert found.high is not None
    assert found.low < ratio * 1.02
    assert found.high > ratio * 0.98
    assert [row.workload for row in found.rows] == ["binary_trees", "lru_cache", "message_window"]
    assert Ratio(question).decide(found) == decision


def test_ratio_when_undecided_then_says_how_many_blocks_would_do() -> None:
    question = asked("manual_is_faster", "time")[0]
    (found,) = Ratio(question).find(measured(question, 1.2, noise=0.3), level=0.05, rng=rng())
    assert found.decision == "undecided"
    assert found.blocks_needed is not None
    assert found.blocks_needed > found.blocks


def test_ratio_when_blocks_are_few_then_decides_nothing() -> None:
    question = asked("manual_is_faster", "time")[0]
    (found,) = Ratio(question).find(measured(question, 3.0, blocks=4), level=0.05, rng=rng())
    assert found.decision == "undecided"


def test_ratio_when_a_workload_is_missing_then_shows_the_rest_and_decides_nothing() -> None:
    question = asked("manual_is_faster", "time")[0]
    samples = measured(question, 3.0)
    del samples[question.pairs[0].subject]
    (found,) = Ratio(question).find(samples, level=0.05, rng=rng())
    assert found.decision == "undecided"
    assert "part_missing" in {warning.code for warning in found.warnings}


def test_ratio_when_nothing_was_measured_then_finds_nothing_and_its_p_fails_closed() -> None:
    kind = Ratio(asked("manual_is_faster", "time")[0])
    assert kind.find({}, level=0.05, rng=rng()) == ()
    assert kind.p({}) == 1.0


def test_ratio_when_it_does_not_decide_then_is_outside_the_family() -> None:
    question = asked("manual_is_faster", "cpu")[0]
    assert Ratio(question).p(measured(question, 2.0)) is None


@pytest.mark.parametrize(
    ("predicted", "ratio", "decision"),
    [("below", 0.5, "holds"), ("below", 2.0, "fails"), ("below", 1.0, "equivalent"),
     ("equal", 1.0, "holds"), ("equal", 2.0, "fails"), ("equal", 0.5, "fails"), ("equal", 1.1, "undecided")],
)  # fmt: skip
def test_ratio_when_another_side_is_predicted_then_decides_for_that_side(
    predicted: str, ratio: float, decision: str
) -> None:
    question = asked("stack_is_faster", "access")[0]
    contrast = dataclasses.replace(question.contrast, predicted=predicted, margin=1.1, decides=True)  # type: ignore[arg-type]
    question = dataclasses.replace(question, contrast=contrast)
    (found,) = Ratio(question).find(measured(question, ratio), level=0.05, rng=rng())
    assert found.decision == decision


@pytest.mark.parametrize(("predicted", "margin"), [("above", 1.1), ("below", 1 / 1.1)])
def test_ratio_when_a_side_is_predicted_then_margin_and_p_are_of_that_side(predicted: str, margin: float) -> None:
    question = asked("manual_is_faster", "time")[0]
    contrast = dataclasses.replace(question.contrast, predicted=predicted)  # type: ignore[arg-type]
    kind = Ratio(dataclasses.replace(question, contrast=contrast))
    at, beyond = measured(question, margin, noise=0.02), measured(question, margin**3, noise=0.02)
    (found,) = kind.find(at, level=0.05, rng=rng())
    assert found.thresholds == {"margin": pytest.approx(margin), "equivalent": 1.05}
    assert found.p == kind.p(at)
    assert found.p is not None
    assert found.p > 0.05
    p = kind.p(beyond)
    assert p is not None
    assert p < 0.001


@pytest.mark.parametrize(("value", "decision"), [(1.0, "holds"), (1.000004, "holds"), (1.1, "fails"), (0.0, "fails")])
def test_exact_when_within_its_tolerance_then_holds(value: float, decision: str) -> None:
    question = asked("constructor_escapes", "stored")[0]
    operations = 2_000_000
    samples = {question.pairs[0].subject: sample(question.pairs[0].subject, [value], resolution=1 / operations)}
    (found,) = Exact(question).find(samples, level=0.05, rng=rng())
    assert found.decision == decision
    assert found.p is None
    assert Exact(question).decide(found) == decision


def test_exact_when_cases_have_tolerances_of_their_own_then_the_one_beyond_its_own_stands_for_all() -> None:
    claim = changed("escape_analysis_saves")
    contrast = dataclasses.replace(
        claim.contrasts[0], subject="go/default workload=escape variant=all form=local,value mode=exact", expected=0
    )
    (question,) = questions(dataclasses.replace(claim, contrasts=(contrast,)), catalog())
    first, second = (pair.subject for pair in question.pairs)
    samples = {
        first: sample(first, [6e-6], resolution=1e-6),
        second: sample(second, [5e-6], resolution=1e-7),
    }
    (found,) = Exact(question).find(samples, level=0.05, rng=rng())
    assert [row.decision for row in found.rows] == ["holds", "fails"]
    assert found.decision == "fails" == Exact(question).decide(found)
    assert found.point == 5e-6
    del samples[second]
    assert Exact(question).find(samples, level=0.05, rng=rng()) == ()


def test_exact_when_not_measured_then_finds_nothing() -> None:
    kind = Exact(asked("constructor_escapes", "stored")[0])
    assert kind.find({}, level=0.05, rng=rng()) == ()
    assert kind.p({}) is None


def test_demands_when_a_language_lacks_a_part_then_it_is_left_out() -> None:
    claim = changed("escape_analysis_saves")
    contrast = dataclasses.replace(claim.contrasts[0], subject="configuration=glibc,default workload=escape "
                                   "variant=all form=closure mode=exact")  # fmt: skip
    (question,) = questions(dataclasses.replace(claim, contrasts=(contrast,)), catalog())
    absent = {language.id for language in catalog().languages.values() if language.absence("escape", "closure")}
    assert absent
    assert {pair.subject.language for pair in question.pairs} == set(catalog().languages) - absent


MS = 1_000_000
BELOW_THE_REST = {"pause.reported_max": (0.2 * MS, 5.0 * MS), "stalls.share": (0.0001, 0.02)}
"""A value far below and one far above the claim's bound, by metric."""


def bounded(contrast: str, **changes: object) -> Question:
    (question,) = asked("pauses_are_short", contrast)
    return dataclasses.replace(question, contrast=dataclasses.replace(question.contrast, **changes))  # type: ignore[arg-type]


def of(question: Question, value: float, *, blocks: int = 7, noise: float = 0.01) -> dict[Demand, Sample]:
    return {
        pair.subject: sample(pair.subject, noisy(value, blocks=blocks, noise=noise, seed=pair.subject.workload))
        for pair in question.pairs
    }


@pytest.mark.parametrize("contrast", ["reported", "stalls"])
@pytest.mark.parametrize(("side", "decision"), [(0, "holds"), (1, "fails")])
@pytest.mark.parametrize("predicted", ["below", "above"])
def test_bound_when_the_value_is_clear_of_it_then_decides_and_says_it_in_its_own_unit(
    contrast: str, side: int, decision: str, predicted: str
) -> None:
    question = bounded(contrast, predicted=predicted)
    value = BELOW_THE_REST[question.metric.id][side]
    samples = of(question, value)
    (found,) = Bound(question).find(samples, level=0.05, rng=rng())
    expected = decision if predicted == "below" else {"holds": "fails", "fails": "holds"}[decision]
    assert found.decision == expected == Bound(question).decide(found)
    assert found.low is not None
    assert found.high is not None
    assert found.low < value * 1.02
    assert found.high > value * 0.98
    assert found.point == pytest.approx(value, rel=0.02)
    assert (found.unit, found.thresholds) == (question.metric.unit, {"margin": question.contrast.margin})
    assert [(row.decision, row.unit) for row in found.rows] == [(expected, found.unit)]
    p = Bound(question).p(samples)
    assert p is not None
    assert p < 0.001
    assert found.p == p


@pytest.mark.parametrize(("contrast", "value"), [("reported", 1.0 * MS), ("stalls", 0.001)])
def test_bound_when_the_value_is_at_it_then_nothing_is_equivalent_and_more_blocks_are_told(
    contrast: str, value: float
) -> None:
    question = bounded(contrast)
    samples = of(question, value, noise=0.2)
    (found,) = Bound(question).find(samples, level=0.05, rng=rng())
    assert found.decision == "undecided"
    assert found.blocks_needed is not None
    assert found.blocks_needed > found.blocks
    p = Bound(question).p(samples)
    assert p is not None
    assert p > 0.05
    same = {demand: sample(demand, [value] * 7) for demand in samples}
    assert Bound(question).find(same, level=0.05, rng=rng())[0].decision == "undecided"


def test_bound_when_every_share_is_zero_then_holds() -> None:
    question = bounded("stalls")
    samples = {pair.subject: sample(pair.subject, [0.0] * 7, resolution=1e-9) for pair in question.pairs}
    (found,) = Bound(question).find(samples, level=0.01, rng=rng())
    assert (found.decision, found.point) == ("holds", 0.0)


def test_bound_when_blocks_are_few_then_decides_nothing() -> None:
    question = bounded("reported")
    (found,) = Bound(question).find(of(question, 0.1 * MS, blocks=4), level=0.05, rng=rng())
    assert found.decision == "undecided"
    assert [row.decision for row in found.rows] == ["undecided"]
    assert Bound(question).p(of(question, 0.1 * MS, blocks=4)) == 1.0


def unwatched(question: Question, value: float) -> dict[Demand, Sample]:
    warning = Warning(code=TOO_HIGH, text="the platform's own stalls are not taken off")
    return {demand: dataclasses.replace(one, warnings=(warning,)) for demand, one in of(question, value).items()}


@pytest.mark.parametrize(
    ("predicted", "side", "decision"),
    [("below", 0, "holds"), ("below", 1, "undecided"), ("above", 0, "fails"), ("above", 1, "undecided")],
)
def test_bound_when_a_value_may_be_too_high_then_only_lying_below_is_decided(
    predicted: str, side: int, decision: str
) -> None:
    question = bounded("stalls", predicted=predicted)
    samples = unwatched(question, BELOW_THE_REST["stalls.share"][side])
    (found,) = Bound(question).find(samples, level=0.05, rng=rng())
    assert found.decision == decision
    assert [row.decision for row in found.rows] == [decision]
    assert TOO_HIGH in {warning.code for warning in found.warnings}
    assert (Bound(question).p(samples) == 1.0) is (side == 1)


def test_bound_when_nothing_was_measured_then_finds_nothing_and_its_p_fails_closed() -> None:
    kind = Bound(bounded("reported"))
    assert kind.find({}, level=0.05, rng=rng()) == ()
    assert kind.p({}) == 1.0
    assert Bound(bounded("g1_reported")).p({}) is None
    assert set(kind.demands()) == {pair.subject for pair in kind.question.pairs}


def test_bound_when_over_workloads_then_is_their_mean_and_a_missing_one_decides_nothing() -> None:
    question = bounded("reported")
    pair = question.pairs[0]
    other = dataclasses.replace(pair, subject=dataclasses.replace(pair.subject, workload="lru_cache"))
    both = dataclasses.replace(question, pairs=(pair, other))
    samples = {
        pair.subject: sample(pair.subject, noisy(0.1 * MS)),
        other.subject: sample(other.subject, [0.4 * MS] * 7),
    }
    (found,) = Bound(both).find(samples, level=0.05, rng=rng())
    assert found.point == pytest.approx(0.2 * MS, rel=0.02)
    assert (found.decision, found.estimand) == ("holds", "geometric mean over blocks and workloads")
    assert [row.workload for row in found.rows] == ["message_window", "lru_cache"]
    del samples[other.subject]
    (found,) = Bound(both).find(samples, level=0.05, rng=rng())
    assert found.decision == "undecided"
    assert "part_missing" in {warning.code for warning in found.warnings}


def test_bound_when_the_sign_flip_test_does_not_confirm_it_then_says_so_without_the_word_of_the_other_side() -> None:
    question = bounded("stalls")
    # One of six lies just beyond the bound: t decides, and of 64 sign patterns four are at least as extreme.
    values = [0.0001, 0.0001, 0.0001, 0.0001, 0.0001, 0.00101]
    (found,) = Bound(question).find(
        {pair.subject: sample(pair.subject, values) for pair in question.pairs}, level=0.05, rng=rng()
    )
    assert found.decision == "holds"
    (warning,) = found.warnings
    assert warning.code == "sign_flip_disagrees"
    assert "fails" not in warning.text


def test_bound_when_blocks_came_in_two_stages_then_the_spread_is_the_firsts() -> None:
    question = dataclasses.replace(bounded("reported"), first_stage=3)
    samples = of(question, 0.2 * MS, blocks=12, noise=0.3)
    (staged,) = Bound(question).find(samples, level=0.05, rng=rng())
    (plain,) = Bound(bounded("reported")).find(samples, level=0.05, rng=rng())
    assert staged.spread != plain.spread
    assert staged.point == plain.point
