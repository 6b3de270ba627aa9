"""Head against a baseline: every outcome, every exit code, and that each row explains itself."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.catalog.model import Exclusion
from harness.gate.baseline import Baseline, record_baseline
from harness.gate.decide import Commands, GateResult, Row, decide_exact
from harness.gate.tiers import allowed_growth
from tests.unit.gate.runs import EXACT, METRICS, USUAL, counted
from tests.unit.samples.records import cell, end, iteration, record, start

BASE = record_baseline(Baseline(), [counted(USUAL)], METRICS)

Forms = Mapping[str | None, tuple[int | None, int]]


def decided(forms: Forms, *, baseline: Baseline = BASE, **more: Any) -> GateResult:
    return decide_exact(baseline, [counted(forms, **more)], METRICS)


def heap(count: int, size: int = 640_100) -> Forms:
    return {**USUAL, "heap": (count, size)}


def bad(result: GateResult) -> list[Row]:
    return [row for row in result.rows if row.outcome != "pass"]


def test_decide_exact_when_nothing_changed_then_passes_and_says_what_it_did_not_look_at() -> None:
    found = decided(USUAL)
    assert (found.exit_code, bad(found), found.notes) == (0, [], ())
    assert found.summary == "No regression found in 4 exact values; times were not compared."


def test_decide_exact_when_a_runtime_varies_by_a_few_then_passes() -> None:
    assert decided({"heap": (20_011, 644_000), "local": (10, 4_176)}).exit_code == 0


def test_decide_exact_when_count_grows_one_percent_then_is_a_regression_that_explains_itself() -> None:
    found = decided(heap(20_203))
    (row,) = bad(found)
    assert found.exit_code == 1
    assert found.summary == "1 regression among 4 exact values compared."
    assert (row.outcome, row.tier, row.metric) == ("regression", 1, "allocations.count")
    assert (row.old, row.new, row.unit, row.patches) == (20_003, 20_203, "count", ("x1.2.3", "x1.2.3"))
    assert row.why == "20,003 → 20,203 allocations in one process (+1.00%), +100 allowed"
    assert row.control == "one process"
    assert "collections" in row.knock_on
    assert row.repeat == (
        "memverdict gate --against-baseline --only 'workload=escape variant=node language=x configuration=plain "
        "toolchain=x1.2 mode=exact'"
    )
    assert row.command == "runner escape variant=node mode=exact"
    assert row.label.endswith(" heap")


def test_decide_exact_when_something_that_never_allocated_does_then_is_a_regression() -> None:
    found = decided({**USUAL, "local": (20_002, 640_080)})
    assert [(row.metric, row.outcome) for row in bad(found)] == [
        ("allocations.bytes", "regression"),
        ("allocations.count", "regression"),
    ]


def test_decide_exact_when_baseline_is_zero_then_slack_alone_is_allowed() -> None:
    base = record_baseline(Baseline(), [counted({None: (0, 0)})], METRICS)
    assert decided({None: (8, 4096)}, baseline=base).exit_code == 0
    found = decided({None: (9, 4096)}, baseline=base)
    assert found.exit_code == 1
    assert bad(found)[0].why == "0 → 9 allocations in one process, +8 allowed"


@pytest.mark.parametrize(
    ("old", "growth", "unit", "exit_code"),
    [
        (2_000_000, 10_000, "count", 0), (2_000_000, 10_001, "count", 1), (100, 8, "count", 0), (100, 9, "count", 1),
        (2_000_000, 10_000, "bytes", 0), (2_000_000, 10_001, "bytes", 1), (100, 4096, "bytes", 0),
        (100, 4097, "bytes", 1),
    ],
)  # fmt: skip
def test_decide_exact_when_growth_is_at_the_limit_then_only_beyond_it_fails(
    old: int, growth: int, unit: str, exit_code: int
) -> None:
    def of(total: int) -> Forms:
        return {None: (total, 64) if unit == "count" else (5, total)}

    base = record_baseline(Baseline(), [counted(of(old))], METRICS)
    assert decided(of(old + growth), baseline=base).exit_code == exit_code


@given(st.integers(0, 10**9), st.integers(0, 10**7), st.integers(0, 10**7))
def test_decide_exact_when_more_is_allocated_then_never_looks_better(old: int, less: int, more: int) -> None:
    base = record_baseline(Baseline(), [counted({None: (None, old)})], METRICS)
    few, many = old + min(less, more), old + max(less, more)
    assert (
        decided({None: (None, few)}, baseline=base).exit_code <= decided({None: (None, many)}, baseline=base).exit_code
    )
    assert decided({None: (None, many)}, baseline=base).exit_code == (many - old > allowed_growth(old, "bytes"))


def test_decide_exact_when_fewer_are_allocated_then_passes_and_says_how_to_keep_it() -> None:
    found = decided(heap(10_000))
    (row,) = bad(found)
    assert (found.exit_code, row.outcome) == (0, "improved")
    assert row.remedy == "keep the gain: memverdict gate --against-baseline --record"


def test_decide_exact_when_patch_differs_then_a_difference_says_so() -> None:
    assert decided(USUAL, toolchain="x1.2.9").exit_code == 0
    (row,) = bad(decided(heap(30_000), toolchain="x1.2.9"))
    assert "recorded under x1.2.3, now x1.2.9" in row.why
    assert row.patches == ("x1.2.3", "x1.2.9")


def test_decide_exact_when_minor_is_unknown_then_exit_is_3_with_the_command_that_records_it() -> None:
    found = decided(USUAL, toolchain="x1.4.0")
    assert found.exit_code == 3
    assert {row.outcome for row in found.rows} == {"unknown"}
    row = found.rows[0]
    assert "no number for it under x1.4 (x1.4.0), only for x1.2" in row.why
    assert "memverdict gate --against-baseline --record" in row.remedy
    assert found.notes == ("4 values of the baseline were not looked at: x/plain under x1.2",)
    assert found.summary == "No decision: 4 rows could not be compared, 0 exact values could."


def test_decide_exact_when_cell_is_new_then_says_there_is_no_other_version_either() -> None:
    found = decide_exact(Baseline(), [counted(USUAL)], METRICS)
    assert (found.exit_code, "nor for any other version" in found.rows[0].why) == (3, True)


def test_decide_exact_when_specification_changed_then_is_not_compared() -> None:
    found = decided(heap(90_000), spec="w2")
    assert (found.exit_code, {row.outcome for row in found.rows}) == (3, {"unknown"})
    assert "specification changed" in found.rows[0].why


def test_decide_exact_when_operations_differ_then_is_not_compared() -> None:
    found = decided(USUAL, operations=10_000)
    assert found.exit_code == 3
    assert "10,000 operations, the baseline's did 20,000" in found.rows[0].why


def test_decide_exact_when_sources_changed_then_that_is_what_is_under_test() -> None:
    assert decided(USUAL, sources="s2").exit_code == 0


def test_decide_exact_when_head_is_broken_then_is_a_regression_of_validity() -> None:
    found = decided(USUAL, status="invalid", reason="checksum differs from the golden value")
    row = found.rows[0]
    assert (found.exit_code, row.outcome, row.tier, row.metric) == (1, "regression", 0, None)
    assert "invalid: checksum differs from the golden value" in row.why
    assert row.knock_on


def test_decide_exact_when_a_cell_the_baseline_does_not_know_is_broken_then_exit_is_3() -> None:
    found = decide_exact(Baseline(), [counted(USUAL, status="crash")], METRICS)
    assert (found.exit_code, found.rows[0].outcome) == (3, "invalid")
    assert "crash: no reason given" in found.rows[0].why


def test_decide_exact_when_a_timed_cell_is_broken_then_baseline_does_not_vouch_for_it() -> None:
    timed = record([], of=cell("escape", warmup=0, iterations=1), status="timeout", block=None, slot=1)
    found = decide_exact(BASE, [counted(USUAL), timed], METRICS)
    assert (found.exit_code, found.rows[0].outcome) == (3, "invalid")


def test_decide_exact_when_failure_is_declared_then_it_is_no_row() -> None:
    declared = counted({}, slot=1, status="oom", may_fail=("oom",), of=cell("window", mode="exact"))
    assert decide_exact(BASE, [counted(USUAL), declared], METRICS).exit_code == 0


def test_decide_exact_when_a_form_is_gone_then_is_a_regression() -> None:
    found = decided({"heap": (20_003, 640_100)})
    assert (found.exit_code, [(row.tier, row.outcome) for row in bad(found)]) == (1, [(0, "regression")] * 2)
    assert "the form local is gone" in bad(found)[0].why


def test_decide_exact_when_a_count_can_no_longer_be_read_then_is_a_regression() -> None:
    found = decided({"heap": (None, 640_100), "local": (None, 80)})
    assert found.exit_code == 1
    assert "the runtime reports no runtime_allocations" in bad(found)[0].why


def test_decide_exact_when_runtime_never_counted_then_bytes_alone_decide() -> None:
    base = record_baseline(Baseline(), [counted({None: (None, 64_000)})], METRICS)
    found = decided({None: (None, 64_000)}, baseline=base)
    assert (found.exit_code, len(found.rows)) == (0, 1)


def test_decide_exact_when_processes_differ_then_median_decides_and_spread_is_shown() -> None:
    records = [counted(heap(count), slot=slot) for slot, count in enumerate((20_001, 20_003, 90_000))]
    found = decide_exact(BASE, records, METRICS)
    assert found.exit_code == 0
    row = next(row for row in found.rows if row.label.endswith("heap") and row.metric == "allocations.count")
    assert (row.new, row.control) == (20_003, "3 processes, 69,999 allocations apart at most")


def test_decide_exact_when_a_planned_cell_has_no_record_then_exit_is_3() -> None:
    missing = cell("window", mode="exact")
    found = decide_exact(BASE, [counted(USUAL)], METRICS, planned=[EXACT, missing])
    assert (found.exit_code, bad(found)[0].why) == (3, "it was planned and has no record")


def test_decide_exact_when_nothing_was_compared_then_never_passes() -> None:
    assert decide_exact(BASE, [], METRICS).exit_code == 3


def test_decide_exact_when_run_is_unfit_then_exit_is_3_whatever_the_rows_say() -> None:
    found = decide_exact(BASE, [counted(heap(90_000))], METRICS, unfit=["canary memory reads 3 % too much"])
    assert found.exit_code == 3
    assert found.summary == "No decision, the run is unfit: canary memory reads 3 % too much."


def test_decide_exact_when_regression_and_unknown_then_regression_outranks() -> None:
    records = [counted(heap(90_000)), counted({None: (1, 8)}, of=cell("window", mode="exact"), slot=1)]
    found = decide_exact(BASE, records, METRICS)
    assert (found.exit_code, [row.outcome for row in bad(found)]) == (1, ["regression", "unknown", "unknown"])


def test_decide_exact_when_something_is_excluded_then_a_note_gives_the_reason() -> None:
    excluded = [Exclusion(what="y/plain", reason="no toolchain here")]
    found = decide_exact(BASE, [counted(USUAL)], METRICS, exclusions=excluded)
    assert (found.exit_code, found.notes) == (0, ("not run: y/plain: no toolchain here",))


def test_decide_exact_when_commands_are_given_then_rows_use_them() -> None:
    commands = Commands(repeat="m gate '{selector}'", record="m record")
    found = decide_exact(Baseline(), [counted(USUAL)], METRICS, commands=commands)
    assert found.rows[0].repeat.startswith("m gate 'workload=escape ")
    assert found.rows[0].remedy.endswith("m record")


def test_decide_exact_when_other_modes_ran_then_they_are_not_counted() -> None:
    timed = record([start(), iteration(0, runtime_bytes=10**9), end()], of=cell("escape", warmup=0), block=None, slot=9)
    assert len(decide_exact(BASE, [counted(USUAL), timed], METRICS).rows) == 4
