import dataclasses
import random

import pytest
from scipy import stats

from harness.claims.judge import ALPHA, answer, demands, judge
from harness.claims.model import Claim, Demand, Finding, Health
from harness.stats.values import Sample
from tests.unit.claims.builders import HEALTHY, catalog, changed, claims, finding, noisy, sample

GLIBC, MIMALLOC = ("c_allocator", "glibc"), ("c_allocator", "mimalloc")


def two(first: str, second: str) -> tuple[Finding, ...]:
    return finding(first, contrast="time", level=GLIBC), finding(second, contrast="time", level=MIMALLOC)


def word(claim: Claim, findings: tuple[Finding, ...], *, asked: int = 2, health: Health = HEALTHY) -> str:
    return judge(claim, findings, health, level=0.05, asked=asked).verdict


@pytest.mark.parametrize(
    ("quantifier", "first", "second", "verdict"),
    [
        ("generally", "holds", "holds", "supported"),
        ("generally", "fails", "equivalent", "refuted"),
        ("generally", "holds", "fails", "mixed"),
        ("generally", "holds", "undecided", "inconclusive"),
        ("generally", "fails", "undecided", "inconclusive"),
        ("always", "holds", "holds", "supported"),
        ("always", "holds", "fails", "refuted"),
        ("always", "undecided", "equivalent", "refuted"),
        ("always", "holds", "undecided", "inconclusive"),
        ("exists", "holds", "fails", "supported"),
        ("exists", "fails", "equivalent", "refuted"),
        ("exists", "fails", "undecided", "inconclusive"),
    ],
)
def test_judge_when_findings_add_up_then_gives_the_word_that_the_quantifier_asks_for(
    quantifier: str, first: str, second: str, verdict: str
) -> None:
    assert word(changed("manual_is_faster", quantifier=quantifier), two(first, second)) == verdict


def test_judge_when_a_finding_is_missing_then_fails_closed() -> None:
    assert word(claims()["manual_is_faster"], two("holds", "holds"), asked=4) == "inconclusive"
    assert word(claims()["manual_is_faster"], two("fails", "fails"), asked=4) == "inconclusive"


def test_judge_when_nothing_was_found_then_is_untested() -> None:
    found = judge(claims()["manual_is_faster"], (), HEALTHY, level=0.05, asked=2)
    assert found.verdict == "untested"
    assert "Nothing" in found.answer


def test_answer_when_only_context_is_missing_then_the_verdict_stands() -> None:
    claim = claims()["escape_analysis_saves"]
    samples = {demand: one for demand, one in escape(claim).items() if demand.language == "go"}
    assert any(demand.language != "go" for demand in demands(claim, catalog()))
    (found,) = answer([claim], catalog(), samples, HEALTHY, seed=1)
    assert found.verdict == "supported"


def test_answer_when_a_deciding_count_is_missing_then_fails_closed() -> None:
    claim = claims()["escape_analysis_saves"]
    samples = {demand: one for demand, one in escape(claim).items() if demand.form != "local"}
    (found,) = answer([claim], catalog(), samples, HEALTHY, seed=1)
    assert found.verdict == "inconclusive"


def escape(claim: Claim) -> dict[Demand, Sample]:
    """Samples that support the claim: nothing allocated where a form stays local, one of 48 bytes elsewhere."""
    found = {}
    for demand in demands(claim, catalog()):
        if demand.mode == "exact":
            stays = demand.form == "local" or (demand.form == "merged" and demand.configuration == "default")
            count = 48.0 if demand.metric == "allocations.bytes" else 1.0
            found[demand] = sample(demand, [0.0 if stays else count], resolution=1e-6)
        else:
            found[demand] = sample(demand, noisy(100 if demand.variant == "local" else 200, seed=str(demand)))
    return found


def test_judge_when_only_context_was_found_then_is_untested() -> None:
    assert word(claims()["manual_is_faster"], (finding("holds", contrast="cpu", level=GLIBC),)) == "untested"


def test_judge_when_the_run_is_unfit_then_gives_no_verdict_and_says_why() -> None:
    health = Health(canaries={"memory": False}, control="", failures=("canary memory read 3 MiB",))
    found = judge(claims()["manual_is_faster"], two("holds", "holds"), health, level=0.05, asked=2)
    assert found.verdict == "unfit"
    assert "canary memory read 3 MiB" in found.answer


def test_judge_when_no_run_can_answer_then_says_so_whatever_was_found() -> None:
    claim = changed("manual_is_faster", not_measurable="A matter of taste.", contrasts=())
    found = judge(claim, (), HEALTHY, level=0.05, asked=0)
    assert (found.verdict, found.answer) == ("not_measurable", "A matter of taste.")


def test_judge_when_levels_contradict_with_a_confirmed_interaction_then_depends_on_the_factor() -> None:
    first, second = two("holds", "fails")
    first = dataclasses.replace(first, differences={b: 0.7 + 0.01 * b for b in range(1, 8)})
    second = dataclasses.replace(second, differences={b: -0.2 + 0.01 * (b % 3) for b in range(1, 8)})
    found = judge(claims()["manual_is_faster"], (first, second), HEALTHY, level=0.05, asked=2)
    assert found.verdict == "depends"
    assert found.flips_with == "c_allocator"
    assert "with glibc" in found.answer
    assert "not with mimalloc" in found.answer


def test_judge_when_the_interaction_is_not_confirmed_then_is_mixed_and_says_what_is_missing() -> None:
    rng = random.Random(3)
    first, second = two("holds", "fails")
    first = dataclasses.replace(first, differences={b: rng.gauss(0.15, 0.5) for b in range(1, 8)})
    second = dataclasses.replace(second, differences={b: rng.gauss(0.0, 0.5) for b in range(1, 8)})
    found = judge(claims()["manual_is_faster"], (first, second), HEALTHY, level=0.05, asked=2)
    assert found.verdict == "mixed"
    assert [warning.code for warning in found.warnings] == ["interaction_open"]


def test_judge_when_inconclusive_then_the_contrast_that_needs_most_says_how_many_blocks() -> None:
    open_ones = tuple(
        dataclasses.replace(one, blocks_needed=needed)
        for one, needed in zip(two("undecided", "undecided"), (12, 30), strict=True)
    )
    found = judge(claims()["manual_is_faster"], open_ones, HEALTHY, level=0.05, asked=2)
    assert found.blocks_needed == 30
    assert "about 30 blocks would decide" in found.answer


def values(claim: Claim, ratio: float, *, noise: float = 0.02, seed: str = "") -> dict[Demand, Sample]:
    """Every sample of a claim: subjects (the first language of a pair) at ``ratio`` times the baselines."""
    found = {}
    for demand in demands(claim, catalog()):
        middle = 100 * ratio if demand.configuration in ("default", "no_reclaim") else 100
        if demand.variant == "local":
            middle = 100
        found[demand] = sample(demand, noisy(middle, noise=noise, seed=f"{seed}{demand}"))
    return found


def test_answer_when_several_claims_are_judged_then_each_level_is_holms() -> None:
    asked = [claims()["manual_is_faster"], claims()["manual_uses_less_memory"]]
    samples = {**values(asked[0], 2.0), **values(asked[1], 1.12, noise=0.2)}
    first, second = answer(asked, catalog(), samples, HEALTHY, seed=1)
    assert first.verdict == "supported"
    assert first.level == pytest.approx(ALPHA / 2)
    assert second.level == pytest.approx(ALPHA)
    assert {one.level for one in first.findings} == {first.level}


def test_answer_when_one_case_suffices_then_each_is_decided_at_its_share_of_the_level() -> None:
    claim = changed("manual_is_faster", quantifier="exists")
    (found,) = answer([claim], catalog(), values(claim, 2.0), HEALTHY, seed=1)
    assert found.level == ALPHA
    assert {one.level for one in found.findings if one.contrast == "time"} == {ALPHA / 2}


def test_answer_when_one_counterexample_refutes_then_each_is_decided_at_its_share_of_the_level() -> None:
    claim = changed("manual_is_faster", quantifier="always")
    (found,) = answer([claim], catalog(), values(claim, 0.5), HEALTHY, seed=1)
    assert (found.verdict, found.level) == ("refuted", ALPHA)
    assert {one.level for one in found.findings if one.contrast == "time"} == {ALPHA / 2}


@pytest.mark.parametrize(("quantifier", "settles"), [("exists", 2.0), ("always", 0.5)])
def test_answer_when_a_case_that_settles_nothing_is_clear_then_others_levels_do_not_rise(
    quantifier: str, settles: float
) -> None:
    clear = changed("manual_is_faster", quantifier=quantifier)
    other = claims()["manual_uses_less_memory"]
    allocators = {one.configuration for one in demands(clear, catalog()) if one.language == "c"}
    metric = clear.contrasts[0].metric
    base = {**values(clear, 1.1, noise=0.1), **values(other, 1.11, noise=0.2)}

    def second_level(ratio: float) -> float:
        """The other claim's level when every subject stands so against the first allocator, and nowhere else."""
        moved = {
            demand: dataclasses.replace(one, values={block: value / ratio for block, value in one.values.items()})
            for demand, one in base.items()
            if demand.configuration == min(allocators) and demand.metric == metric
        }
        return answer([clear, other], catalog(), {**base, **moved}, HEALTHY, seed=1)[1].level

    assert len(allocators) == 2
    assert second_level(settles) == ALPHA
    assert second_level(1 / settles) == ALPHA / 2


def test_judge_when_a_contradiction_is_not_clear_among_so_many_then_is_inconclusive_and_says_so() -> None:
    claim = claims()["manual_is_faster"]
    clear = finding("holds", contrast="time", level=GLIBC, p=0.001)
    lucky = finding("fails", contrast="time", level=MIMALLOC, p=0.04)
    others = tuple(finding("undecided", contrast="time", level=("c_allocator", name), p=0.5) for name in "xyz")
    found = judge(claim, (clear, lucky, *others), HEALTHY, level=0.05, asked=5)
    assert found.verdict == "inconclusive"
    assert [warning.code for warning in found.warnings] == ["contradiction_open"]
    assert "contradict each other" in found.answer
    firm = dataclasses.replace(lucky, p=0.01)
    assert judge(claim, (clear, firm, *others), HEALTHY, level=0.05, asked=5).verdict == "mixed"


def test_judge_when_three_levels_then_every_pair_counts_towards_the_interactions_level() -> None:
    rng = random.Random(8)
    noise = [rng.gauss(0, 0.1) for _ in range(8)]

    def of(decision: str, name: str, middle: float) -> Finding:
        differences = {block: middle + one for block, one in enumerate(noise)}
        return finding(decision, contrast="time", level=("c_allocator", name), differences=differences)

    first, second = of("holds", "glibc", 0.12), of("fails", "mimalloc", 0.0)
    differing = {block: 0.12 + (0.16 if block % 2 else -0.04) for block in range(8)}
    first = dataclasses.replace(first, differences=differing)
    third = dataclasses.replace(first, factor_level=("c_allocator", "third"))
    p = float(stats.ttest_rel(list(differing.values()), list(second.differences.values())).pvalue)
    claim = claims()["manual_is_faster"]
    two_levels = judge(claim, (first, second), HEALTHY, level=p * 1.1, asked=2)
    three_levels = judge(claim, (first, second, third), HEALTHY, level=p * 1.1, asked=3)
    assert p * 1.1 > 0.01 * 3  # so that the findings themselves stay decided among three
    assert (two_levels.verdict, three_levels.verdict) == ("depends", "mixed")


@pytest.mark.parametrize(("skewed", "verdict"), [(False, "mixed"), (True, "depends")])
def test_judge_when_findings_are_skewed_then_their_interaction_is_tested_by_ranks(skewed: bool, verdict: str) -> None:
    # One wild block drowns a mean; ranks see that all the others point one way.
    apart = {block: 0.3 + 0.01 * block for block in range(11)} | {11: -5.0}
    first = finding("holds", contrast="time", level=GLIBC, differences=apart, skewed=skewed)
    second = finding("fails", contrast="time", level=MIMALLOC, differences=dict.fromkeys(apart, 0.0), skewed=skewed)
    assert word(claims()["manual_is_faster"], (first, second)) == verdict


@pytest.mark.parametrize(("floor", "verdict"), [(0.0, "depends"), (1.0, "mixed")])
def test_judge_when_the_clock_is_too_coarse_for_the_interaction_then_it_is_not_confirmed(
    floor: float, verdict: str
) -> None:
    first, second = two("holds", "fails")
    first = dataclasses.replace(first, differences={b: 0.7 + 0.01 * b for b in range(1, 8)}, floor=floor)
    second = dataclasses.replace(second, differences={b: 0.01 * (b % 3) for b in range(1, 8)}, floor=floor)
    assert word(claims()["manual_is_faster"], (first, second)) == verdict


def on_a_busy_host(samples: dict[Demand, Sample], blocks: int, *, language: str) -> dict[Demand, Sample]:
    """The first ``blocks`` blocks of one language's samples flagged."""
    return {
        demand: dataclasses.replace(one, disturbed=frozenset(sorted(one.values)[:blocks]))
        if demand.language == language else one
        for demand, one in samples.items()
    }  # fmt: skip


def test_answer_when_most_differences_are_of_a_disturbed_host_then_nothing_is_decided_and_it_says_what_to_do() -> None:
    claim = claims()["manual_is_faster"]
    (found,) = answer([claim], catalog(), on_a_busy_host(values(claim, 2.0), 4, language="go"), HEALTHY, seed=1)
    assert found.verdict == "inconclusive"
    assert {one.decision for one in found.findings} == {"undecided"}
    assert {one.disturbed for one in found.findings} == {4 / 7}
    assert all("mostly_disturbed" in {warning.code for warning in one.warnings} for one in found.findings)
    assert found.blocks_needed is None
    assert "The host was disturbed: keep the machine idle while it measures, and run again." in found.answer


def test_answer_when_half_or_less_is_of_a_disturbed_host_then_decides_as_ever() -> None:
    claim = claims()["manual_is_faster"]
    (found,) = answer([claim], catalog(), on_a_busy_host(values(claim, 2.0), 3, language="go"), HEALTHY, seed=1)
    assert found.verdict == "supported"
    assert {one.disturbed for one in found.findings} == {3 / 7}
    assert "disturbed" not in found.answer


def test_answer_when_the_host_is_disturbed_on_either_side_then_the_difference_is() -> None:
    claim = claims()["manual_is_faster"]
    samples = on_a_busy_host(values(claim, 2.0), 3, language="go")
    samples = {
        demand: dataclasses.replace(one, disturbed=frozenset({6})) if demand.language == "c" else one
        for demand, one in samples.items()
    }
    (found,) = answer([claim], catalog(), samples, HEALTHY, seed=1)
    assert {one.disturbed for one in found.findings} == {4 / 7}
    assert found.verdict == "inconclusive"


def test_answer_when_counts_are_of_a_disturbed_host_then_they_stand() -> None:
    claim = claims()["escape_analysis_saves"]
    samples = on_a_busy_host(escape(claim), 7, language="go")
    (found,) = answer([claim], catalog(), samples, HEALTHY, seed=1)
    exact = [one for one in found.findings if one.kind == "exact"]
    assert exact
    assert {one.decision for one in exact} == {"holds"}
    assert {one.decision for one in found.findings if one.kind == "ratio" and one.disturbed} == {"undecided"}


def test_answer_when_a_claim_is_of_a_disturbed_host_then_it_lends_no_level_to_others() -> None:
    asked = [claims()["manual_is_faster"], claims()["manual_uses_less_memory"]]
    clear = {**values(asked[0], 2.0), **values(asked[1], 1.12, noise=0.2)}
    busy = {
        demand: dataclasses.replace(one, disturbed=frozenset(one.values)) if demand.metric.startswith("time") else one
        for demand, one in clear.items()
    }
    assert answer(asked, catalog(), clear, HEALTHY, seed=1)[1].level == ALPHA
    assert answer(asked, catalog(), busy, HEALTHY, seed=1)[1].level == ALPHA / 2


def test_answer_when_nothing_was_measured_then_every_claim_is_untested() -> None:
    found = answer(claims().values(), catalog(), {}, HEALTHY, seed=1)
    no_run_could = {name for name, claim in claims().items() if claim.not_measurable}
    assert {one.claim for one in found if one.verdict == "not_measurable"} == no_run_could
    assert {one.verdict for one in found if one.claim not in no_run_could} == {"untested"}


def test_answer_when_effects_lie_at_the_margin_then_wrong_decisions_stay_within_the_family_level() -> None:
    asked = [claims()["manual_is_faster"], claims()["manual_uses_less_memory"]]
    runs, wrong = 150, 0
    for number in range(runs):
        samples = {}
        for claim in asked:
            samples.update(values(claim, 1.1, noise=0.1, seed=str(number)))
        found = answer(asked, catalog(), samples, HEALTHY, seed=number)
        wrong += any(one.verdict not in ("inconclusive",) for one in found)
    assert wrong / runs <= 0.09  # 0.05, and three standard errors of 150 runs


def test_answer_when_there_is_no_interaction_then_depends_is_all_but_never_said() -> None:
    claim = claims()["manual_is_faster"]
    said = 0
    for number in range(150):
        found = answer([claim], catalog(), values(claim, 1.1, noise=0.1, seed=f"n{number}"), HEALTHY, seed=number)
        said += found[0].verdict == "depends"
    assert said <= 3


def test_demands_when_two_contrasts_need_one_sample_then_it_is_asked_once() -> None:
    found = demands(claims()["escape_analysis_saves"], catalog())
    assert len(found) == len(set(found))
