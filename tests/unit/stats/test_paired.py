"""Comparisons and decisions, against scipy and by simulation."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.stats.bootstrap import bootstrap_t
from harness.stats.paired import (
    compare,
    compare_to_bound,
    decide,
    decision,
    disputed,
    equality_p,
    estimate,
    from_differences,
    p_value,
)
from harness.stats.values import Comparison, Sample
from tests.unit.stats.samples import sample

POSITIVE = st.floats(min_value=1e-3, max_value=1e9)
PAIRS = st.lists(st.tuples(POSITIVE, POSITIVE), min_size=5, max_size=20)


def of(differences: list[float], *, level: float = 0.05) -> Comparison:
    return from_differences(dict(enumerate(differences)), "ratio", subject="a", baseline="b", unit="ns", level=level)


def codes(thing: Comparison) -> list[str]:
    return [warning.code for warning in thing.warnings]


def test_compare_when_ratio_then_interval_is_scipys_paired_t() -> None:
    subject, baseline = [12.0, 11.5, 12.5, 13.0, 12.2, 11.9], [10.0, 10.1, 9.8, 10.4, 10.2, 9.9]
    found = compare(sample(subject), sample(baseline, label="baseline"), level=0.01)
    expected = stats.ttest_rel(np.log(subject), np.log(baseline))
    low, high = expected.confidence_interval(0.99)
    assert found.estimate.low == pytest.approx(math.exp(low), rel=1e-12)
    assert found.estimate.high == pytest.approx(math.exp(high), rel=1e-12)
    assert found.estimate.unit == "x"
    assert p_value(found, margin=1.0) == pytest.approx(expected.pvalue, rel=1e-9)


def test_p_value_when_margin_given_then_is_scipys_one_sample_t_at_the_margin() -> None:
    differences = [0.2, 0.1, 0.25, 0.15, 0.3, 0.12, 0.22]
    expected = stats.ttest_1samp(differences, math.log(1.10)).pvalue
    assert p_value(of(differences), margin=1.10) == pytest.approx(expected, rel=1e-9)


def test_compare_when_linear_then_differences_are_plain_and_zero_is_allowed() -> None:
    subject, baseline = [0.0, 0.01, 0.02, 0.0, 0.01], [0.0, 0.0, 0.01, 0.0, 0.0]
    found = compare(sample(subject, assumption="linear"), sample(baseline, assumption="linear"), level=0.05)
    expected = stats.ttest_rel(subject, baseline)
    assert found.estimate.unit == "ns"
    assert found.estimate.low == pytest.approx(expected.confidence_interval(0.95).low)
    assert p_value(found, margin=0.0) == pytest.approx(expected.pvalue)


def test_compare_when_blocks_differ_then_only_shared_ones_count_and_it_says_so() -> None:
    subject, baseline = sample([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), sample([1.0, 2.0, 3.0, 4.0, 5.0], label="b")
    found = compare(subject, baseline, level=0.05)
    assert found.blocks == (0, 1, 2, 3, 4)
    assert codes(found) == ["unpaired_blocks"]


def test_compare_when_nothing_is_shared_then_nothing_is_decided() -> None:
    found = compare(sample([1.0]), sample([], label="b"), level=0.05)
    assert found.blocks == ()
    assert math.isnan(found.estimate.point)
    assert "no_blocks" in codes(found)
    assert decision(found, margin=1.10) == "undecided"
    assert p_value(found, margin=1.10) == 1.0


def test_compare_when_a_ratio_has_a_zero_then_no_block_is_used() -> None:
    found = compare(sample([0.0, 1.0, 1.0, 1.0, 1.0, 1.0]), sample([1.0] * 6, label="b"), level=0.05)
    assert found.blocks == ()
    assert "not_positive" in codes(found)


def test_compare_when_metrics_differ_then_refuses() -> None:
    with pytest.raises(ValueError, match="not comparable"):
        compare(sample([1.0]), sample([1.0], metric="memory.peak"), level=0.05)


def test_compare_when_values_repeat_exactly_then_clock_resolution_is_the_least_spread() -> None:
    found = compare(sample([100.0] * 7, resolution=3.0), sample([50.0] * 7, resolution=2.0), level=0.05)
    floor = math.hypot(3 / 100, 2 / 50) / math.sqrt(12)
    assert found.spread == pytest.approx(floor)
    assert found.half == pytest.approx(stats.t.ppf(0.975, 6) * floor / math.sqrt(7))


def test_p_value_when_there_is_no_spread_at_all_then_is_zero_or_one() -> None:
    found = compare(sample([2.0] * 5), sample([1.0] * 5, label="b"), level=0.05)
    assert p_value(found, margin=1.5) == 0.0
    assert p_value(found, margin=2.0) == 1.0


def test_compare_when_one_block_then_shows_the_ratio_without_interval() -> None:
    found = compare(sample([3.0]), sample([2.0], label="b"), level=0.05)
    assert found.estimate.point == pytest.approx(1.5)
    assert (found.half, found.estimate.low, found.estimate.high) == (None, None, None)
    assert decision(found, margin=1.1) == "undecided"


def test_decision_when_four_blocks_then_undecided_however_clear() -> None:
    found = compare(sample([2.0, 2.01, 2.0, 1.99]), sample([1.0] * 4, label="b"), level=0.05)
    assert found.estimate.low is not None
    assert found.estimate.low > 1.9
    assert decision(found, margin=1.1) == "undecided"
    assert p_value(found, margin=1.1) == 1.0
    assert "too_few_blocks" in codes(found)


def test_compare_when_skewed_then_interval_and_p_are_signed_rank() -> None:
    ratios = [1.3, 1.5, 1.25, 1.9, 1.4, 1.35, 2.5, 1.45, 1.31, 1.6]
    found = compare(sample(ratios, assumption="skewed"), sample([1.0] * 10, assumption="skewed", label="b"), level=0.05)
    assert found.half is None
    assert p_value(found, margin=1.0) == pytest.approx(stats.wilcoxon(np.log(ratios), method="exact").pvalue)
    assert decision(found, margin=1.2) == "holds"


def test_decision_when_skewed_and_nine_blocks_then_undecided() -> None:
    found = compare(
        sample([3.0] * 9, assumption="skewed"), sample([1.0] * 9, assumption="skewed", label="b"), level=0.05
    )
    assert decision(found, margin=1.2) == "undecided"


def test_compare_when_exact_then_has_no_interval_and_no_p() -> None:
    found = compare(sample([1.0, 1.0], assumption="exact"), sample([0.0, 0.0], assumption="exact"), level=0.05)
    assert found.estimate.point == 1.0
    assert (found.half, found.estimate.low, found.warnings) == (None, None, ())
    assert p_value(found, margin=1.0) is None
    with pytest.raises(ValueError, match="exact"):
        decision(found, margin=1.0)


def test_estimate_when_an_exact_value_varies_then_warns() -> None:
    found = estimate(sample([1.0, 1.0, 2.0], assumption="exact"), level=0.05)
    assert [warning.code for warning in found.warnings] == ["exact_varies"]


def test_estimate_when_ratio_then_is_geometric_mean_in_the_samples_unit() -> None:
    values = [90.0, 100.0, 120.0, 95.0, 105.0]
    found = estimate(sample(values), level=0.05)
    low, high = stats.ttest_1samp(np.log(values), 0).confidence_interval(0.95)
    assert (found.unit, found.blocks) == ("ns", 5)
    assert found.point == pytest.approx(stats.gmean(values))
    assert found.low == pytest.approx(math.exp(low))
    assert found.high == pytest.approx(math.exp(high))


def test_compare_to_bound_when_linear_then_tests_the_value_against_it() -> None:
    values = [0.0004, 0.0006, 0.0005, 0.0003, 0.0005, 0.0004]
    found = compare_to_bound(sample(values, assumption="linear"), 0.001, level=0.05)
    assert p_value(found, margin=0.0) == pytest.approx(stats.ttest_1samp(values, 0.001).pvalue)
    assert decision(found, margin=0.0) == "fails"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.01, 0.01, "equivalent"),
        (-0.06, 0.01, "fails"),
        (0.01, 0.06, "fails"),
        (0.11, 0.30, "holds"),
        (0.05, 0.20, "undecided"),
        (-0.049, 0.049, "equivalent"),
        (None, None, "undecided"),
    ],
)
def test_decide_when_interval_lies_so_then_first_match_wins(
    low: float | None, high: float | None, expected: str
) -> None:
    assert decide(low, high, margin=0.10, equivalent=0.05) == expected


def test_decide_when_equivalent_exceeds_margin_then_margin_caps_it() -> None:
    assert decide(-0.03, 0.03, margin=0.02, equivalent=0.05) == "undecided"
    assert decide(-0.01, 0.01, margin=0.0, equivalent=0.05) == "undecided"


def test_decision_when_nothing_is_said_then_equivalent_is_five_percent() -> None:
    differences = [0.01, -0.01, 0.005, -0.005, 0.0, 0.002]
    assert decision(of(differences), margin=1.10) == "equivalent"
    assert decision(of(differences), margin=1.10, equivalent=1.005) == "fails"


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-0.5, 0.5).filter(lambda m: abs(m) > 1e-6), st.floats(0, 0.2))
def test_decide_when_interval_widens_then_never_switches_between_holds_and_fails(
    centre: float, half: float, margin: float, equivalent: float
) -> None:
    narrow = decide(centre - half, centre + half, margin=margin, equivalent=equivalent)
    wide = decide(centre - half - 0.1, centre + half + 0.1, margin=margin, equivalent=equivalent)
    assert wide in (narrow, "undecided") or narrow == "equivalent"


@given(PAIRS)
def test_compare_when_sides_are_swapped_then_ratio_inverts(pairs: list[tuple[float, float]]) -> None:
    a, b = sample([one for one, _ in pairs]), sample([two for _, two in pairs], label="b")
    there, back = compare(a, b, level=0.05), compare(b, a, level=0.05)
    assert there.centre == pytest.approx(-back.centre, abs=1e-9)
    assert there.half == pytest.approx(back.half, abs=1e-9)


@given(PAIRS, st.floats(1e-3, 1e3))
def test_compare_when_unit_is_scaled_then_nothing_changes(pairs: list[tuple[float, float]], factor: float) -> None:
    plain = compare(sample([a for a, _ in pairs]), sample([b for _, b in pairs], label="b"), level=0.05)
    scaled = compare(
        sample([a * factor for a, _ in pairs]), sample([b * factor for _, b in pairs], label="b"), level=0.05
    )
    assert scaled.centre == pytest.approx(plain.centre, abs=1e-9)
    assert scaled.spread == pytest.approx(plain.spread, abs=1e-9)


@given(st.lists(st.floats(-1, 1), min_size=5, max_size=15), st.floats(1.01, 2), st.floats(0.001, 0.2))
def test_p_value_when_interval_excludes_margin_then_is_below_the_level(
    differences: list[float], margin: float, level: float
) -> None:
    found = of(differences, level=level)
    p = p_value(found, margin=margin)
    assert found.half is not None
    assert p is not None
    gap = abs(found.centre - math.log(margin)) - found.half
    assert gap <= 1e-9 or p < level * (1 + 1e-6)
    assert gap >= -1e-9 or p > level * (1 - 1e-6)


def test_compare_when_null_is_true_then_intervals_cover_at_their_confidence() -> None:
    rng = np.random.default_rng(20240917)
    misses = 0
    for _ in range(2000):
        a, b = np.exp(rng.normal(0, 0.1, 7)), np.exp(rng.normal(0, 0.1, 7))
        found = compare(sample(a.tolist()), sample(b.tolist(), label="b"), level=0.05)
        assert found.half is not None
        misses += abs(found.centre) > found.half
    assert 60 <= misses <= 145  # binomial(2000, 0.05): mean 100, standard deviation 9.7


def test_compare_when_second_stage_then_spread_is_the_first_stages_and_interval_covers() -> None:
    rng = np.random.default_rng(7)
    misses = 0
    for _ in range(1000):
        first = rng.normal(0, 1, 10)
        # Stein's point: the number of further blocks depends on the first spread, and coverage does not suffer.
        more = int(np.ceil(20 * first.var(ddof=1)))
        everything = np.concatenate([first, rng.normal(0, 1, more)])
        found = compare(
            sample(everything.tolist(), assumption="linear"),
            sample([0.0] * len(everything), assumption="linear", label="b"),
            level=0.05,
            first_stage=10,
        )
        assert found.spread == pytest.approx(first.std(ddof=1))
        assert found.degrees == 9
        assert found.half is not None
        misses += abs(found.centre) > found.half
    assert 20 <= misses <= 85  # binomial(1000, 0.05): mean 50, standard deviation 6.9


def test_compare_when_first_stage_has_one_block_then_refuses() -> None:
    with pytest.raises(ValueError, match="no spread"):
        compare(sample([1.0, 2.0]), sample([1.0, 2.0], label="b"), level=0.05, first_stage=1)


def test_compare_when_a_block_of_the_first_stage_is_missing_then_no_later_one_takes_its_place() -> None:
    rng = np.random.default_rng(6)
    values = dict(enumerate(np.exp(rng.normal(0, 0.1, 20)).tolist()))
    subject = dataclasses.replace(sample([]), values={block: one for block, one in values.items() if block != 4})
    found = compare(subject, sample([1.0] * 20, label="b"), level=0.05, first_stage=10)
    first = [math.log(one) for block, one in values.items() if block < 10 and block != 4]
    assert found.spread == pytest.approx(np.std(first, ddof=1))
    assert (found.degrees, len(found.blocks)) == (8, 19)


def test_p_value_when_the_first_stage_has_no_spread_then_fails_closed() -> None:
    subject = dataclasses.replace(sample([]), values=dict.fromkeys(range(1, 12), 2.0))
    found = compare(subject, sample([1.0] * 12, label="b"), level=0.05, first_stage=2)
    assert (found.half, found.spread) == (None, None)
    assert decision(found, margin=1.1) == "undecided"
    assert p_value(found, margin=1.1) == 1.0


@pytest.mark.parametrize(
    ("centre", "expected"), [(0.02, 0.05), (-0.02, -0.05), (0.2, 0.1), (-0.2, -0.1)],
)  # fmt: skip
def test_equality_p_when_effect_lies_so_then_is_scipys_p_of_what_stands_in_the_way(
    centre: float, expected: float
) -> None:
    differences = [centre + one for one in (0.03, -0.02, 0.01, -0.03, 0.02, -0.01)]
    found = equality_p(of(differences), margin=math.exp(0.1), equivalent=math.exp(0.05))
    assert found == pytest.approx(stats.ttest_1samp(differences, expected).pvalue)


def test_equality_p_when_effect_lies_between_band_and_margin_then_nothing_can_be_shown() -> None:
    assert equality_p(of([0.07, 0.071, 0.069, 0.07, 0.07]), margin=math.exp(0.1), equivalent=math.exp(0.05)) == 1.0
    exact = from_differences({0: 1.0}, "exact", subject="a", baseline="b", unit="count", level=0.05)
    assert equality_p(exact, margin=1.1) is None


@given(st.lists(st.floats(-0.3, 0.3), min_size=5, max_size=12), st.floats(0.001, 0.2))
def test_equality_p_when_interval_decides_then_is_below_the_level(differences: list[float], level: float) -> None:
    found, m, e = of(differences, level=level), 0.1, 0.05
    assert found.half is not None
    p = equality_p(found, margin=math.exp(m), equivalent=math.exp(e))
    assert p is not None
    decided = abs(found.centre) + found.half < e or abs(found.centre) - found.half > m
    near = min(abs(abs(found.centre) + found.half - e), abs(abs(found.centre) - found.half - m)) < 1e-9
    assert near or decided == (p < level)


def test_disputed_when_t_decides_and_sign_flip_does_not_then_marks_it() -> None:
    # Six small steps up and one small step down: t at a lenient level sees an effect, sign flips alone do not.
    differences = [0.30, 0.32, 0.31, 0.29, 0.30, -0.02]
    found = of(differences, level=0.05)
    assert decision(found, margin=1.05) == "holds"
    flip = stats.permutation_test(
        (np.array(differences) - math.log(1.05),), np.mean, permutation_type="samples", alternative="two-sided"
    ).pvalue
    assert flip > 0.05
    marked = disputed(found, margin=1.05)
    assert marked is not None
    assert marked.code == "sign_flip_disagrees"
    assert f"{flip:.3f}" in marked.text


def test_disputed_when_both_agree_or_nothing_is_decided_then_is_silent() -> None:
    assert disputed(of([0.3, 0.31, 0.32, 0.33, 0.3, 0.29]), margin=1.05) is None
    assert disputed(of([0.3, -0.31, 0.32, -0.33, 0.3, -0.29]), margin=1.05) is None
    assert disputed(of([0.3, 0.31, 0.32, 0.33, 0.3]), margin=1.05) is None
    assert disputed(of([0.001, -0.001, 0.002, -0.002, 0.0, 0.001]), margin=1.10) is None


def test_bootstrap_t_when_data_are_normal_then_is_close_to_t() -> None:
    differences = tuple(np.random.default_rng(3).normal(0.1, 0.05, 40).tolist())
    low, high = bootstrap_t(differences, level=0.05, rng=np.random.default_rng(1), resamples=20000)
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    width = expected.high - expected.low
    assert low == pytest.approx(expected.low, abs=0.15 * width)
    assert high == pytest.approx(expected.high, abs=0.15 * width)


def test_bootstrap_t_when_right_skewed_then_reaches_further_right_than_left() -> None:
    differences = tuple(np.random.default_rng(5).exponential(1, 25).tolist())
    low, high = bootstrap_t(differences, level=0.05, rng=np.random.default_rng(1))
    mean = sum(differences) / 25
    assert high - mean > 1.2 * (mean - low)


def test_bootstrap_t_when_nine_differences_then_refuses() -> None:
    with pytest.raises(ValueError, match="needs 10"):
        bootstrap_t((0.1,) * 9, level=0.05, rng=np.random.default_rng(1))


def test_bootstrap_t_when_all_equal_then_is_that_value() -> None:
    assert bootstrap_t((0.25,) * 10, level=0.05, rng=np.random.default_rng(1)) == (0.25, 0.25)


def test_compare_when_bootstrap_sees_an_effect_that_t_does_not_then_warns() -> None:
    # Skewed to the left of a clear majority: t's symmetric interval reaches zero, the studentised one does not.
    rng = np.random.default_rng(0)
    for _ in range(200):
        values = np.exp(0.55 - rng.exponential(0.4, 12))
        plain = compare(sample(values.tolist()), sample([1.0] * 12, label="b"), level=0.05)
        checked = compare(
            sample(values.tolist()), sample([1.0] * 12, label="b"), level=0.05, rng=np.random.default_rng(1)
        )
        assert dataclasses.replace(checked, warnings=()) == dataclasses.replace(plain, warnings=())
        assert plain.half is not None
        low, high = bootstrap_t(plain.differences, level=0.05, rng=np.random.default_rng(1))
        disagree = (low <= 0 <= high) != (abs(plain.centre) <= plain.half)
        assert ("bootstrap_disagrees" in codes(checked)) == disagree
        if disagree:
            return
    pytest.fail("no simulated sample made the two intervals disagree")


def test_compare_when_samples_carry_warnings_then_keeps_each_once() -> None:
    noisy = Sample(
        label="a", metric="m", unit="ns", assumption="ratio", values={0: 1.0},
        warnings=compare(sample([1.0]), sample([]), level=0.05).warnings[:1],
    )  # fmt: skip
    found = compare(noisy, noisy, level=0.05)
    assert codes(found).count(noisy.warnings[0].code) == 1
