import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from harness.claims import words
from harness.claims.judge import answer
from harness.claims.kinds.crossover import Crossover
from harness.claims.model import Demand, Finding
from harness.claims.questions import Question, questions
from harness.stats.values import Sample
from tests.unit.claims.builders import HEALTHY, catalog, claims, noisy, sample

CLAIM = "pointers_pass_large"


def asked(contrast: str = "crossing", **changes: object) -> Question:
    (question,) = [one for one in questions(claims()[CLAIM], catalog()) if one.contrast.id == contrast]
    return dataclasses.replace(question, contrast=dataclasses.replace(question.contrast, **changes))  # type: ignore[arg-type]


def measured(
    question: Question, ratios: Sequence[float], *, noise: float = 0.01, blocks: int = 7
) -> dict[Demand, Sample]:
    """Samples in which the ratios at the positions are these."""
    found = {}
    for pair, ratio in zip(question.pairs, ratios, strict=True):
        assert pair.baseline is not None
        found[pair.subject] = sample(pair.subject, noisy(100 * ratio, noise=noise, blocks=blocks, seed=f"s{pair.at}"))
        found[pair.baseline] = sample(pair.baseline, noisy(100, noise=noise, blocks=blocks, seed=f"b{pair.at}"))
    return found


def found(question: Question, samples: Mapping[Demand, Sample], *, level: float = 0.05) -> Finding:
    (one,) = Crossover(question).find(samples, level=level, rng=np.random.default_rng(1))
    return one


def test_questions_when_a_contrast_lies_along_positions_then_asks_for_each_on_both_sides() -> None:
    pairs = asked().pairs
    assert [pair.at for pair in pairs] == [8, 72, 1024, 65536]
    assert [pair.subject.variant for pair in pairs] == [f"value_{pair.at}_read1" for pair in pairs]
    assert [pair.baseline.variant for pair in pairs if pair.baseline] == [f"pointer_{pair.at}_read1" for pair in pairs]


@pytest.mark.parametrize(
    ("ratios", "predicted", "decision"),
    [
        ((1.0, 1.0, 2.0, 2.0), "below", "holds"),
        ((1.0, 1.0, 2.0, 2.0), "above", "fails"),
        ((1.0, 1.0, 1.0, 2.0), "below", "fails"),
        ((1.0, 1.0, 1.0, 2.0), "above", "holds"),
        ((1.0, 1.0, 1.25, 2.0), "below", "undecided"),
        ((2.0, 2.0, 2.0, 2.0), "below", "holds"),
        ((1.0, 1.0, 1.0, 1.0), "below", "fails"),
    ],
)
def test_crossover_when_it_is_clear_of_the_margin_then_decides(
    ratios: Sequence[float], predicted: str, decision: str
) -> None:
    question = asked(predicted=predicted, decides=True)
    samples = measured(question, ratios, noise=0.02)
    one = found(question, samples)
    assert one.decision == decision == Crossover(question).decide(one)
    assert one.unit == "bytes"
    assert one.low is not None
    assert one.high is not None
    assert one.low <= one.point <= one.high
    p = Crossover(question).p(samples)
    assert p == one.p
    assert p is not None
    assert (p < 0.05) is (decision != "undecided")


def test_crossover_when_drawn_then_rows_are_the_ratios_at_the_positions() -> None:
    question = asked()
    one = found(question, measured(question, (1.0, 1.25, 2.0, 3.0), noise=0.02))
    assert [row.unit for row in one.rows] == ["x"] * 4
    assert [row.decision for row in one.rows] == ["fails", "undecided", "holds", "holds"]
    assert [row.label for row in one.rows] == ["at 8 B", "at 72 B", "at 1.00 KiB", "at 64.0 KiB"]
    assert [row.point for row in one.rows] == pytest.approx([1.0, 1.25, 2.0, 3.0], rel=0.05)
    assert one.differences.keys() == set(range(1, 8))
    assert math.exp(one.differences[1]) == pytest.approx(2.0, rel=0.1)


def test_crossover_when_undecided_then_says_how_many_blocks_would_do() -> None:
    question = asked()
    one = found(question, measured(question, (1.0, 1.0, 1.3, 2.0), noise=0.2))
    assert one.decision == "undecided"
    assert one.blocks_needed is not None
    assert one.blocks_needed > one.blocks


def test_crossover_when_blocks_are_few_then_decides_nothing() -> None:
    question = asked(decides=True)
    samples = measured(question, (1.0, 1.0, 2.0, 2.0), blocks=4)
    assert found(question, samples).decision == "undecided"
    assert Crossover(question).p(samples) == 1.0


def test_crossover_when_a_position_was_not_measured_then_finds_nothing_and_its_p_fails_closed() -> None:
    question = asked(decides=True)
    samples = measured(question, (1.0, 1.0, 2.0, 2.0))
    del samples[question.pairs[1].subject]
    kind = Crossover(question)
    assert kind.find(samples, level=0.05, rng=np.random.default_rng(1)) == ()
    assert kind.p(samples) == 1.0
    assert Crossover(asked()).p(samples) is None
    assert set(kind.demands()) == {one for pair in question.pairs for one in (pair.subject, pair.baseline)}


def test_crossover_when_positions_share_no_block_then_finds_nothing() -> None:
    question = asked(decides=True)
    samples = measured(question, (1.0, 1.0, 2.0, 2.0))
    first = question.pairs[0].subject
    samples[first] = dataclasses.replace(samples[first], values={99: 1.0})
    assert Crossover(question).find(samples, level=0.05, rng=np.random.default_rng(1)) == ()
    assert Crossover(question).p(samples) == 1.0


@pytest.mark.parametrize(
    ("ratios", "text"),
    [((2.0, 2.0, 2.0, 2.0), "8 B or less"), ((1.0, 1.0, 1.0, 1.0), "more than 64.0 KiB")],
)
def test_effect_when_the_crossing_lies_beyond_the_positions_then_says_so(ratios: Sequence[float], text: str) -> None:
    question = asked()
    one = found(question, measured(question, ratios))
    assert words.effect(one) == text
    as_row = dataclasses.replace(one, point=one.rows[0].point, unit="x", low=None, high=None)
    assert words.effect(as_row).endswith("×")


@pytest.mark.parametrize(
    ("low", "point", "high", "text"),
    [
        (100.0, 312.0, 2048.0, "312 B [100 B, 2.00 KiB]"),
        (8.0, 65536.0, 65536.0, "more than 64.0 KiB [8 B, 64.0 KiB]"),
        (8.0, 8.0, 100.0, "8 B or less [8 B, 100 B]"),
        (None, 312.0, None, "312 B"),
    ],
)
def test_effect_when_the_crossing_has_an_interval_then_each_end_has_a_scale_of_its_own(
    low: float | None, point: float, high: float | None, text: str
) -> None:
    question = asked()
    one = found(question, measured(question, (1.0, 1.0, 2.0, 2.0)))
    assert words.effect(dataclasses.replace(one, low=low, point=point, high=high)) == text


def test_answer_when_large_copies_are_dear_then_the_sentence_says_from_which_size_on() -> None:
    claim = claims()[CLAIM]
    samples: dict[Demand, Sample] = {}
    for question in questions(claim, catalog()):
        if question.contrast.kind == "crossover":
            against = 1.0 if question.contrast.id == "crossing" else 10.0
            samples |= {
                demand: one
                for demand, one in measured(question, (1.0, 1.0, 2.0, 2.0)).items()
                if demand.variant.startswith("value_")
            }
            samples |= {
                pair.baseline: sample(pair.baseline, noisy(100 * against, seed=str(pair.baseline)))
                for pair in question.pairs
                if pair.baseline is not None
            }
    (verdict,) = answer([claim], catalog(), samples, HEALTHY, seed=1)
    assert verdict.verdict == "supported"
    assert "the copy is the dearer one from more than 64.0 KiB on" in verdict.answer
