import dataclasses

import pytest

from harness.claims import words
from harness.claims.model import Finding
from tests.unit.claims.builders import claims, finding


def counted(point: float, *, unit: str = "count") -> Finding:
    return dataclasses.replace(
        finding("holds", contrast="stored"), kind="exact", point=point, low=None, high=None, unit=unit,
        thresholds={"expected": 1.0, "tolerance": 1e-5},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("point", "unit", "text"),
    [(0.0, "count", "nothing"), (1.000004, "count", "1 per operation"), (48.0, "bytes", "48 B per operation"),
     (0.5, "count", "0.500 per operation")],
)  # fmt: skip
def test_effect_when_exact_then_is_a_count_within_its_tolerance(point: float, unit: str, text: str) -> None:
    assert words.effect(counted(point, unit=unit)) == text


def test_effect_when_a_ratio_then_comes_with_its_interval() -> None:
    assert words.effect(finding("holds", contrast="time")) == "2.00× [1.80, 2.20]"


def test_answer_when_effects_are_named_then_fills_them_in_and_admits_what_is_missing() -> None:
    claim = claims()["constructor_escapes"]
    text = words.answer(claim, "refuted", [dataclasses.replace(counted(0.0), contrast="inlined")])
    assert "inlined into its caller it allocates nothing" in text
    assert "not measured" in text


def test_answer_when_the_claim_has_no_sentence_for_the_word_then_is_empty() -> None:
    assert words.answer(claims()["constructor_escapes"], "mixed", []) == ""


def test_decisive_when_a_factor_has_levels_then_is_the_one_nearest_the_margin() -> None:
    near = dataclasses.replace(finding("holds", contrast="time"), point=1.3)
    assert words.decisive([finding("holds", contrast="time"), near]) is near


def test_rule_when_another_side_is_predicted_then_says_which() -> None:
    contrast = claims()["manual_is_faster"].contrasts[0]
    assert "above 1.1" in words.rule(contrast, "wall time")
    assert "below 1/1.1" in words.rule(dataclasses.replace(contrast, predicted="below"), "wall time")
    assert "expected to be 1" in words.rule(dataclasses.replace(contrast, predicted="equal"), "wall time")
    bound = dataclasses.replace(contrast, kind="bound", predicted="below", margin=1e6)
    assert words.rule(bound, "longest stop", "ns") == "longest stop: the whole interval lies below 1.00 ms"


def test_rule_when_several_ratios_are_held_against_one_threshold_then_says_how_it_holds() -> None:
    share = claims()["overhead_is_acceptable"].contrasts[0]
    assert words.rule(share, "wall time", "1") == (
        "wall time: the ratio surely lies below 1.5 on at least 75.0 % of the workloads, and fails when it can "
        "on 50.0 % at most"
    )
    crossing = next(one for one in claims()["pointers_pass_large"].contrasts if one.kind == "crossover")
    assert words.rule(crossing, "wall time", "bytes") == (
        "wall time: the whole interval of where the ratio comes to lie above 1.25 lies below 1.00 KiB"
    )


@pytest.mark.parametrize(
    ("low", "point", "high", "text"),
    [(0.8, 0.8, 0.8, "4 of 5"), (0.6, 0.8, 1.0, "4 of 5 [3, 5]"), (0, 0, 0.2, "0 of 5 [0, 1]")],
)
def test_effect_when_a_share_then_counts_workloads(low: float, point: float, high: float, text: str) -> None:
    one = dataclasses.replace(
        finding("holds", contrast="within"), kind="share", unit="1", low=low, point=point, high=high,
        thresholds={"margin": 0.75, "threshold": 1.5, "of": 5},
    )  # fmt: skip
    assert words.effect(one) == text
    assert words.effect(dataclasses.replace(one, unit="x", point=1.2, low=1.1, high=1.3)) == "1.20× [1.10, 1.30]"


def test_undecided_when_nothing_is_open_then_says_that_a_part_is_missing() -> None:
    assert "not measured in this run" in words.undecided([finding("holds", contrast="time")], None)


def test_mixed_when_levels_disagree_then_names_both() -> None:
    text = words.mixed([finding("holds", contrast="time", level=("a", "x")), finding("fails", contrast="time")])
    assert "time against x holds" in text
    assert "time fails" in text
