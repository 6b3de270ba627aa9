import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from harness.claims.judge import answer
from harness.claims.kinds.share import Share
from harness.claims.model import Demand, Finding
from harness.claims.questions import Question, questions
from harness.stats.values import Sample
from tests.unit.claims.builders import HEALTHY, catalog, claims, noisy, sample

CLAIM = "overhead_is_acceptable"


def asked(contrast: str = "within_50_percent", **changes: object) -> Question:
    (question,) = [one for one in questions(claims()[CLAIM], catalog()) if one.contrast.id == contrast]
    return dataclasses.replace(question, contrast=dataclasses.replace(question.contrast, **changes))  # type: ignore[arg-type]


def measured(
    question: Question, ratios: Sequence[float], *, noise: float = 0.01, blocks: int = 7
) -> dict[Demand, Sample]:
    """Samples in which the workloads' ratios are these, in the question's order."""
    found = {}
    for pair, ratio in zip(question.pairs, ratios, strict=True):
        assert pair.baseline is not None
        seed = pair.subject.workload
        found[pair.subject] = sample(pair.subject, noisy(100 * ratio, noise=noise, blocks=blocks, seed=seed + "s"))
        found[pair.baseline] = sample(pair.baseline, noisy(100, noise=noise, blocks=blocks, seed=seed + "b"))
    return found


def found(question: Question, samples: Mapping[Demand, Sample], *, level: float = 0.05) -> Finding:
    (one,) = Share(question).find(samples, level=level, rng=np.random.default_rng(1))
    return one


@pytest.mark.parametrize(
    ("ratios", "share", "decision"),
    [
        ((1.0, 1.1, 1.2, 1.3, 1.4), (1.0, 1.0, 1.0), "holds"),
        ((1.0, 1.1, 1.2, 1.3, 9.0), (0.8, 0.8, 0.8), "holds"),
        ((1.0, 1.1, 1.2, 2.0, 9.0), (0.6, 0.6, 0.6), "undecided"),
        ((1.0, 1.1, 3.0, 2.0, 9.0), (0.4, 0.4, 0.4), "fails"),
        ((1.0, 1.1, 1.2, 1.5, 9.0), (0.6, None, 0.8), "undecided"),
    ],
)
def test_share_when_workloads_are_told_from_the_threshold_then_counts_them(
    ratios: Sequence[float], share: tuple[float, float | None, float], decision: str
) -> None:
    question = asked()
    samples = measured(question, ratios)
    low, point, high = share
    one = found(question, samples)
    assert [one.low, one.high] == pytest.approx([low, high])
    if point is not None:
        assert one.point == pytest.approx(point)
    assert one.decision == decision == Share(question).decide(one)
    assert one.unit == "1"
    assert [row.workload for row in one.rows] == [pair.subject.workload for pair in question.pairs]
    sides = ["holds" if ratio < 1.5 else "fails" for ratio in ratios if ratio != 1.5]
    assert [row.decision for row, ratio in zip(one.rows, ratios, strict=True) if ratio != 1.5] == sides


@pytest.mark.parametrize("ratios", [(1.0, 1.1, 1.2, 1.3, 1.4), (1.2, 1.3, 1.4, 1.45, 2.0), (2.0, 1.8, 1.7, 1.3, 1.6)])
def test_share_when_its_p_lies_below_a_level_then_it_is_decided_at_that_level(ratios: Sequence[float]) -> None:
    question = asked()
    samples = measured(question, ratios, noise=0.08)
    p = Share(question).p(samples)
    assert p is not None
    assert 0 < p < 1
    assert found(question, samples, level=p * 1.01).decision != "undecided"
    assert found(question, samples, level=p * 0.99).decision == "undecided"
    assert found(question, samples).p == p


def test_share_when_the_point_lies_between_both_answers_then_its_p_decides_neither() -> None:
    question = asked()
    assert Share(question).p(measured(question, (1.0, 1.1, 1.2, 2.0, 9.0))) == 1.0


def test_share_when_a_workload_is_missing_then_counts_as_either_and_says_so() -> None:
    question = asked()
    samples = measured(question, (1.0, 1.1, 1.2, 1.3, 9.0))
    del samples[question.pairs[0].subject]
    one = found(question, samples)
    assert [one.low, one.point, one.high] == pytest.approx([0.6, 0.6, 0.8])
    assert one.decision == "undecided"
    assert [warning.code for warning in one.warnings] == ["part_missing"]
    assert question.pairs[0].subject.workload in one.warnings[0].text


def test_share_when_enough_others_decide_then_a_missing_workload_does_not_matter() -> None:
    question = asked()
    samples = measured(question, (1.0, 1.1, 1.2, 1.3, 9.0))
    del samples[question.pairs[4].subject]
    assert found(question, samples).decision == "holds"


def test_share_when_blocks_are_few_then_every_workload_may_lie_on_either_side() -> None:
    question = asked()
    samples = measured(question, (1.0, 1.0, 1.0, 1.0, 1.0), blocks=4)
    one = found(question, samples)
    assert (one.low, one.high, one.decision) == (0.0, 1.0, "undecided")
    assert Share(question).p(samples) == 1.0


def test_share_when_undecided_then_says_how_many_blocks_would_do() -> None:
    question = asked()
    one = found(question, measured(question, (1.3, 1.3, 1.3, 1.3, 1.3), noise=0.15))
    assert one.decision == "undecided"
    assert one.blocks_needed is not None
    assert one.blocks_needed > one.blocks
    assert found(question, measured(question, (1.0, 1.1, 1.2, 2.0, 9.0))).blocks_needed is None


def test_share_when_nothing_was_measured_then_finds_nothing_and_its_p_fails_closed() -> None:
    kind = Share(asked())
    assert kind.find({}, level=0.05, rng=np.random.default_rng(1)) == ()
    assert kind.p({}) == 1.0
    assert Share(asked("within_100_percent")).p({}) is None
    assert set(kind.demands()) == {one for pair in kind.question.pairs for one in (pair.subject, pair.baseline)}


def test_share_when_workloads_lie_just_below_the_threshold_then_they_are_rarely_told_to_lie_above() -> None:
    question = asked()
    ratios = (1.0, 1.0, 1.0, 1.499, 1.499)
    wrong = 0
    runs = 150
    for number in range(runs):
        samples = {
            demand: sample(demand, noisy(middle, noise=0.1, seed=f"{number}{demand}"))
            for pair, ratio in zip(question.pairs, ratios, strict=True)
            for demand, middle in ((pair.subject, 100 * ratio), (pair.baseline, 100.0))
            if demand is not None
        }
        one = found(question, samples)
        assert one.high is not None
        wrong += one.high < 1
    assert wrong / runs <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / runs)


def test_answer_when_most_workloads_stay_below_then_the_sentence_says_the_share() -> None:
    claim = claims()[CLAIM]
    samples: dict[Demand, Sample] = {}
    for question in questions(claim, catalog()):
        samples |= measured(question, (1.0, 1.1, 1.2, 1.3, 9.0))
    (verdict,) = answer([claim], catalog(), samples, HEALTHY, seed=1)
    assert verdict.verdict == "supported"
    assert "4 of 5 workloads take less than 1.5 times as long as in C" in verdict.answer
