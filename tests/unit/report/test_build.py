"""From claims, findings, records and health to the report: what is shown, chosen and counted."""

import json
import math
from dataclasses import replace

import pytest

from harness.claims.model import Health
from harness.report.build import build_report
from harness.report.effects import axis_of
from harness.report.model import ClaimReport, Effect, to_json
from harness.stats.values import Warning
from tests.unit.report import builders


def _claim(**changes: object) -> ClaimReport:
    """The first claim of a report whose only verdict has ``findings``."""
    found = builders.report(claims=builders.claims()[:1], **changes)
    return next(iter(found.claims.values()))


def _with(*findings: object) -> ClaimReport:
    return _claim(verdicts=[builders.verdict("manual_is_faster", "mixed", "It depends.", *findings)])  # type: ignore[arg-type]


def test_report_when_turned_into_json_then_reads_back_and_is_the_same_twice() -> None:
    text = to_json(builders.report())
    assert text == to_json(builders.report())
    read = json.loads(text)
    assert read["format"] == 1
    assert set(read["claims"]) == {claim.id for claim in builders.claims()[:-1]}


def test_report_when_claim_has_no_verdict_then_listed_as_not_asked() -> None:
    assert builders.report().not_asked == ("high_load_amplifies",)


def test_boards_when_groups_are_empty_then_only_those_with_claims_in_fixed_order() -> None:
    boards = builders.report().boards
    assert [board.group for board in boards] == ["speed", "memory", "safety"]
    assert boards[0].claims == ("manual_is_faster", "stack_is_faster", "reuse_is_faster")
    assert [board.on_axis for board in boards] == [True, True, False]


def test_claims_when_verdicts_come_in_the_suites_order_then_so_do_they() -> None:
    report = builders.report(verdicts=builders.verdicts()[::-1])
    assert list(report.claims) == [verdict.claim for verdict in builders.verdicts()[::-1]]
    assert report.boards[0].claims == ("reuse_is_faster", "stack_is_faster", "manual_is_faster")


def test_tallies_when_counted_then_sum_is_all_claims() -> None:
    tallies = builders.report().tallies
    assert {tally.verdict: tally.number for tally in tallies} == {
        "supported": 1, "refuted": 2, "depends": 1, "inconclusive": 1, "not_measurable": 1,
    }  # fmt: skip


def test_headline_when_factor_has_levels_then_the_level_nearest_the_margin() -> None:
    claim = builders.report().claims["manual_is_faster"]
    assert claim.board == (0, 1)
    assert claim.headline == 0
    assert claim.effects[claim.headline].level == "glibc"
    assert claim.effect == "time 1.01× [0.98, 1.04]"


def test_headline_when_only_counts_decide_then_the_board_shows_all_and_counts_them() -> None:
    claim = builders.report().claims["constructor_escapes"]
    assert claim.board == (0, 1, 2)
    assert claim.effect == "2 of 3 hold, 1 of 3 fails"
    assert [effect.text for effect in claim.effects] == ["1 per operation", "nothing", "1 per operation"]


def test_headline_when_nothing_was_found_then_none_and_no_effect() -> None:
    claim = builders.report().claims["safer_choice"]
    assert (claim.headline, claim.effect, claim.effects) == (None, "", ())
    assert claim.why == "No run can measure ease; see the claims with its measurable parts."


def test_effect_when_no_block_holds_both_sides_then_no_number_and_words_instead() -> None:
    claim = _with(builders.finding("manual_is_faster", "time", "undecided", math.nan))
    assert claim.effects[0].point is None
    assert claim.effects[0].text == "no block holds both sides"
    assert not claim.effects[0].on_axis
    assert claim.headline is None
    json.loads(to_json(builders.report()))


def test_effect_when_beside_the_claim_then_never_on_the_board() -> None:
    claim = builders.report().claims["manual_is_faster"]
    assert not claim.effects[2].decides
    assert 2 not in claim.board


def test_rows_when_one_per_workload_then_named_by_it_else_by_their_label() -> None:
    rows = builders.report().claims["manual_is_faster"].effects[0].rows
    assert [row.label for row in rows] == ["binary trees", "message window", "lru cache"]
    twice = (builders.row("binary_trees", "holds", 1.2, 0.1), builders.row("binary_trees", "holds", 1.3, 0.1))
    claim = _with(builders.finding("manual_is_faster", "time", "holds", 1.2, 0.1, rows=twice))
    assert claim.effects[0].rows[0].label == "go/default binary_trees/heap : c/glibc binary_trees/heap"


def test_filters_when_cells_are_known_then_languages_and_lanes_else_none() -> None:
    claim = builders.report().claims["manual_is_faster"]
    assert (claim.languages, claim.lanes) == (("c", "go"), ("default",))
    odd = builders.finding("manual_is_faster", "time", "holds", 1.2, 0.1, cells=("elsewhere/x y/z", "go/unknown y/z"))
    assert _with(odd).languages == ()


def test_filters_when_variant_has_a_lane_then_it_overrides_the_configurations() -> None:
    catalog = builders.catalog()
    trees = catalog.workloads["binary_trees"]
    pooled = replace(trees, variants=(*trees.variants, replace(trees.variants[0], id="arena", lane="pooled")))
    catalog = replace(catalog, workloads={**catalog.workloads, "binary_trees": pooled})
    one = builders.finding(
        "manual_is_faster", "time", "holds", 1.2, 0.1, cells=("c/glibc binary_trees/arena throughput",)
    )
    claim = _claim(catalog=catalog, verdicts=[builders.verdict("manual_is_faster", "supported", "Yes.", one)])
    assert claim.lanes == ("pooled",)


def test_notes_when_the_same_warning_twice_then_once_with_both_places() -> None:
    warning = Warning(code="few", text="too few blocks", remedy="run more")
    findings = [
        builders.finding("manual_is_faster", name, "undecided", 1.2, 0.1, warnings=(warning,))
        for name in ("time", "cpu")
    ]
    verdicts = [builders.verdict("manual_is_faster", "inconclusive", "Open.", *findings)]
    notes = builders.report(verdicts=verdicts).notes
    assert [(note.text, note.where) for note in notes] == [
        ("too few blocks", "manual_is_faster/time, manual_is_faster/cpu")
    ]


@pytest.mark.parametrize(
    ("points", "low", "high"), [((1.3,), 0.5, 2.0), ((0.3, 5.0), 0.25, 8.0), ((1e-6, 1e6), 1 / 128, 128.0)]
)
def test_axis_when_ratios_reach_far_then_powers_of_two_around_one_and_an_end(
    points: tuple[float, ...], low: float, high: float
) -> None:
    findings = [
        builders.finding("manual_is_faster", "time", "holds", point, 0.01, factor_level=("c_allocator", str(point)))
        for point in points
    ]
    axis = axis_of([_with(*findings)])
    assert (axis.low, axis.high) == (low, high)
    assert 1.0 in axis.ticks
    assert all(low <= tick <= high for tick in axis.ticks)


def test_failures_when_declared_then_expected_and_counted_else_not() -> None:
    crash = builders.record(
        builders.cell("go", "default", "lru_cache"), block=1, slot=99, status="crash", reason="signal 11"
    )
    failures = builders.report(records=[*builders.records(), crash]).failures
    assert [(one.status, one.expected, one.number) for one in failures] == [("crash", False, 1), ("oom", True, 7)]
    assert failures[0].reason == "signal 11"


def test_failures_when_no_reason_was_recorded_then_says_so() -> None:
    hang = builders.record(builders.cell("go", "default", "lru_cache"), block=1, status="timeout")
    assert builders.report(records=[hang]).failures[0].reason == "no reason recorded"


def test_flags_when_an_invocation_was_rerun_then_counted_as_such() -> None:
    (flag,) = builders.report().trust.flags
    assert (flag.code, flag.number, flag.rerun) == ("steal", 1, 1)


def test_flags_when_not_rerun_then_only_counted() -> None:
    one = builders.record(builders.cell("c", "glibc", "lru_cache"), block=1, flags=("steal", "throttled"))
    flags = builders.report(records=[one]).trust.flags
    assert [(flag.code, flag.number, flag.rerun) for flag in flags] == [("steal", 1, 0), ("throttled", 1, 0)]


def test_trust_when_a_canary_failed_then_unfit_with_reason() -> None:
    health = Health(canaries={"memory": False}, control="", failures=("the memory canary read 12 MiB of 64",))
    trust = builders.report(health=health).trust
    assert not trust.fit
    assert trust.failures == ("the memory canary read 12 MiB of 64",)
    assert not trust.canaries[0].ok


def test_facts_when_provenance_is_full_then_one_sentence() -> None:
    assert builders.report().run.sentence == (
        "Measured 2026-01-02 03:04 UTC on a shared VM with 2 CPUs and 24 GiB in engine docker at commit 0123456789ab; "
        "c 1.2.3, go 1.2.3, java 1.2.3."
    )


def test_facts_when_nothing_is_known_then_empty_and_no_commands() -> None:
    report = builders.report(provenance={}, records=())
    assert report.run.sentence == ""
    assert report.run.seed is None
    assert report.commands == ()
    assert all(claim.repeat == "" for claim in report.claims.values())


def test_facts_when_commit_is_dirty_then_said() -> None:
    report = builders.report(provenance={**builders.provenance(), "dirty": True})
    assert "with uncommitted changes" in report.run.sentence


@pytest.mark.parametrize("line", ["garbage", '{"type":"ready"}', "[]"])
def test_toolchain_when_a_worker_never_said_it_then_left_out(line: str) -> None:
    one = builders.record(builders.cell("c", "glibc", "lru_cache"), block=1, status="invalid")
    report = builders.report(records=[replace(one, messages=(line,))])
    assert report.run.toolchains == ()
    assert report.configurations == ()


def test_configurations_when_several_records_then_one_card_each_with_what_is_in_force() -> None:
    cards = builders.report().configurations
    assert [(card.language, card.id, card.lane) for card in cards][:2] == [
        ("c", "glibc", "default"), ("c", "mimalloc", "tuned"),
    ]  # fmt: skip
    assert cards[0].in_force == {"collector": "its own"}


def test_why_when_quantifier_and_level_are_given_then_both_are_said() -> None:
    why = builders.report().claims["manual_is_faster"].why
    assert why.startswith("1 of 2 holds, 1 of 2 shows no effect.")
    assert "98.8 % confidence" in why
    assert "one counterexample refutes" in builders.report().claims["constructor_escapes"].why


def test_build_when_called_then_arguments_are_not_changed() -> None:
    records, verdicts = list(builders.records()), list(builders.verdicts())
    build_report(
        builders.catalog(), builders.claims(), builders.provenance(), records, verdicts, builders.health()
    )  # fmt: skip
    assert records == list(builders.records())
    assert verdicts == list(builders.verdicts())


def test_effect_when_shown_then_numbers_are_the_findings_own() -> None:
    finding = builders.verdicts()[0].findings[0]
    effect: Effect = builders.report().claims["manual_is_faster"].effects[0]
    assert (effect.point, effect.low, effect.high, effect.p) == (finding.point, finding.low, finding.high, finding.p)
    assert effect.confidence == pytest.approx(0.9875)
