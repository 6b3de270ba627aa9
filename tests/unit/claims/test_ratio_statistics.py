"""The ratio kind's p, floor and second opinion: what Holm's levels and the interactions are made from."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from harness.claims.kinds.ratio import Ratio
from harness.claims.model import Demand, Finding
from harness.claims.questions import Question, questions
from harness.stats.values import Sample
from tests.unit.claims.builders import catalog, changed, claims, noisy, sample


def single(**changes: object) -> Question:
    """The first contrast of a real claim, narrowed to its first pair."""
    claim = claims()["manual_is_faster"]
    contrast = dataclasses.replace(claim.contrasts[0], **changes)  # type: ignore[arg-type]
    asked = questions(changed("manual_is_faster", contrasts=(contrast,)), catalog())[0]
    return dataclasses.replace(asked, pairs=asked.pairs[:1])


def measured(question: Question, subject: list[float], *, resolution: float = 0.0) -> dict[Demand, Sample]:
    (pair,) = question.pairs
    assert pair.baseline is not None
    return {
        pair.subject: sample(pair.subject, subject, resolution=resolution),
        pair.baseline: sample(pair.baseline, [100.0] * len(subject)),
    }


def found(question: Question, samples: dict[Demand, Sample], *, level: float = 0.05) -> Finding:
    (one,) = Ratio(question).find(samples, level=level, rng=np.random.default_rng(1))
    return one


@pytest.mark.parametrize(("ratio", "against"), [(1.0, 1.05), (1.3, 1.1), (0.8, 1 / 1.1)])
def test_ratio_when_no_difference_is_predicted_then_p_is_of_what_stands_in_the_way(
    ratio: float, against: float
) -> None:
    question = single(predicted="equal", margin=1.1, equivalent=1.05)
    values = noisy(100 * ratio)
    p = Ratio(question).p(measured(question, values))
    expected = [stats.ttest_1samp(np.log(np.array(values) / 100), math.log(one)).pvalue for one in (against, 1 / 1.05)]
    assert p == pytest.approx(max(expected) if ratio == 1.0 else expected[0])


def test_ratio_when_a_part_is_missing_then_p_fails_closed_as_the_decision_does() -> None:
    asked = questions(claims()["manual_is_faster"], catalog())[0]
    samples = {demand: sample(demand, noisy(100)) for demand in asked.demands if demand.workload != "lru_cache"}
    assert found(asked, samples).decision == "undecided"
    assert Ratio(asked).p(samples) == 1.0


@pytest.mark.parametrize(
    ("predicted", "values"),
    [("above", [130.0, 132.0, 131.0, 129.0, 130.0, 98.0]), ("equal", [77.0, 76.0, 76.5, 77.5, 77.0, 102.0])],
)
def test_ratio_when_only_t_decides_then_a_second_opinion_is_given_on_the_side_that_was_decided(
    predicted: str, values: list[float]
) -> None:
    question = single(predicted=predicted, margin=1.05, equivalent=1.05)
    one = found(question, measured(question, values))
    assert one.decision == ("holds" if predicted == "above" else "fails")
    assert [warning.code for warning in one.warnings] == ["sign_flip_disagrees"]


def test_ratio_when_nothing_is_decided_then_no_second_opinion_is_given() -> None:
    # Above 5 % for sure and below 10 %: the answer to "equal" stays open, though t tells the ratio from its margin.
    question = single(predicted="equal", margin=1.2, equivalent=1.05)
    one = found(question, measured(question, [110.0, 111.0, 109.5, 110.5, 110.0, 119.0]))
    assert (one.decision, one.warnings) == ("undecided", ())


def test_ratio_when_values_repeat_then_the_finding_carries_the_clocks_share_of_the_spread() -> None:
    question = single()
    one = found(question, measured(question, [200.0] * 7, resolution=6.0))
    assert one.floor == one.spread == pytest.approx(6 / 200 / math.sqrt(12))
    assert not one.skewed
