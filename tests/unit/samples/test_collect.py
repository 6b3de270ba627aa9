"""Which records count, what each block's value is, and what a reader is told."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import pytest

from harness.catalog.model import Check
from harness.claims.model import Demand
from harness.errors import DataError, UsageError
from harness.protocol.record import Record
from harness.samples.collect import Member, SampleOf, answering, as_one_run, collect
from tests.unit.samples.records import TIME, cell, end, iteration, metric, record, start, timed

OTHER = cell("window")


def only(records: Sequence[Record], **more: Any) -> SampleOf:
    """The one sample of trees among what is collected."""
    (found,) = [one for one in collect(records, TIME, **more) if one.cell.workload == "trees"]
    return found


def codes(one: SampleOf) -> list[str]:
    return [warning.code for warning in one.sample.warnings]


def test_collect_when_three_blocks_then_one_value_each() -> None:
    found = only([timed(1000, block=1), timed(1100, block=2), timed(1200, block=3)])
    assert dict(found.sample.values) == {1: 100.0, 2: 110.0, 3: 120.0}
    assert (found.sample.label, found.sample.unit, found.sample.warnings) == (cell().label, "ns", ())
    assert found.failures == {}


def test_collect_when_order_of_records_changes_then_nothing_does() -> None:
    records = [timed(1000, block=1), timed(900, block=2, attempt=1), timed(1100, block=2, attempt=2)]
    assert collect(records, TIME) == collect(records[::-1], TIME)


def test_collect_when_invocation_was_rerun_at_once_then_the_rerun_is_the_value() -> None:
    records = [
        timed(5000, block=1, attempt=1, flags=("foreign_load",)),
        timed(1000, block=1, attempt=2),
        timed(1000, block=1, of=OTHER),
    ]
    found = only(records)
    assert dict(found.sample.values) == {1: 100.0}
    assert codes(found) == []


def test_collect_when_value_kept_is_of_a_disturbed_host_then_says_so() -> None:
    found = only([timed(1000, block=1, flags=("steal",)), timed(1000, block=2)])
    assert dict(found.sample.values) == {1: 100.0, 2: 100.0}
    (warning,) = found.sample.warnings
    assert (warning.code, "1 of 2" in warning.text, "steal" in warning.text) == ("host_disturbed", True, True)
    assert found.sample.disturbed == {1}


def test_collect_when_the_rerun_was_of_a_quiet_host_then_its_block_is_not_disturbed() -> None:
    found = only([
        timed(5000, block=1, attempt=1, flags=("steal",)), timed(1000, block=1, attempt=2), timed(1000, block=2),
        timed(5000, block=3, attempt=1, flags=("steal",)), timed(1000, block=3, attempt=2, flags=("foreign_load",)),
    ])  # fmt: skip
    assert found.sample.disturbed == {3}


def test_collect_when_last_block_is_unfinished_then_its_residue_stays_out() -> None:
    records = [timed(1000, block=1), timed(1000, block=1, of=OTHER), timed(1000, block=2)]
    found = only(records)
    assert dict(found.sample.values) == {1: 100.0}
    assert codes(found) == ["unfinished_block"]


def test_collect_when_interrupted_block_was_run_again_whole_then_the_second_pass_counts() -> None:
    records = [
        timed(7000, block=1, attempt=1),
        timed(1000, block=1, attempt=3),
        timed(1000, block=1, attempt=3, of=OTHER),
    ]
    found = only(records)
    assert dict(found.sample.values) == {1: 100.0}
    assert codes(found) == ["unfinished_block"]


def test_collect_when_two_passes_only_together_hold_a_block_then_neither_counts() -> None:
    full = [timed(1000, block=1), timed(1000, block=1, of=OTHER)]
    records = [*full, timed(1000, block=2, attempt=1), timed(1000, block=2, attempt=3, of=OTHER)]
    assert dict(only(records).sample.values) == {1: 100.0}


def test_collect_when_plan_is_known_then_it_says_what_is_complete() -> None:
    records = [timed(1000, block=1)]
    assert dict(only(records).sample.values) == {1: 100.0}
    planned: frozenset[Member] = frozenset({(cell().key, "a"), (OTHER.key, "a")})
    assert collect(records, TIME, planned=planned) == ()


def test_collect_when_failures_then_they_are_counted_and_give_no_value() -> None:
    records = [timed(1000, block=1), record([start()], block=2, status="oom"), record([], block=3, status="timeout")]
    found = only(records)
    assert dict(found.sample.values) == {1: 100.0}
    assert found.failures == {"oom": 1, "timeout": 1}
    assert "2 of 3 invocations failed (1 oom, 1 timeout)" in found.sample.warnings[0].text


def test_collect_when_everything_failed_then_sample_is_there_and_empty() -> None:
    found = only([record([start()], status="crash")])
    assert (dict(found.sample.values), found.failures) == ({}, {"crash": 1})


def test_collect_when_field_is_missing_then_says_why() -> None:
    faults = metric("observed.minor_faults / iteration.operations", name="faults.per_operation")
    with_faults = record([start(), iteration(0), end()], observed={"minor_faults": 5}, block=2)
    (found,) = collect([timed(1000, block=1), with_faults], faults)
    assert dict(found.sample.values) == {2: 0.5}
    assert "1 of 2 invocations give no value: observed.minor_faults" in found.sample.warnings[0].text


def test_collect_when_mode_is_not_the_metrics_then_record_does_not_count() -> None:
    assert collect([timed(1000, of=cell(mode="exact"))], TIME) == ()


def test_collect_when_replicas_stages_and_digests_differ_then_they_stay_apart() -> None:
    records = [
        timed(1000), timed(1100, replica="b"), timed(1200, stage="pilot"), timed(1300, block=2, sources="s2"),
        timed(1000, block=2, replica="b", sources="s2"),
    ]  # fmt: skip
    found = collect(records, TIME)
    assert {(one.replica, one.stage, one.digest.sources): dict(one.sample.values) for one in found} == {
        ("a", "measure", "s1"): {1: 100.0},
        ("a", "measure", "s2"): {2: 130.0},
        ("b", "measure", "s1"): {1: 110.0},
        ("b", "measure", "s2"): {2: 100.0},
        ("a", "pilot", "s1"): {1: 120.0},
    }
    assert "factor_varies" in codes(found[0])


def other_start(**changes: Any) -> Record:
    """A record of block 2 whose worker says something else of itself."""
    told = json.loads(start()) | changes
    return record([json.dumps(told), iteration(0, elapsed=1300), end()], block=2)


@pytest.mark.parametrize(
    ("other", "factor"),
    [
        (timed(1300, block=2, spec="w2"), "workload specification"),
        (timed(1300, block=2, sources="s2"), "program sources"),
        (timed(1300, block=2, observed={"engine": "another"}), "engine"),
        (other_start(toolchain="x1.2.4"), "toolchain version"),
        (other_start(in_force={"collector": "other"}), "settings in force"),
        (other_start(cpus=1), "CPUs"),
        (other_start(memory_limit=1 << 29), "memory limit"),
    ],
)
def test_collect_when_a_factor_varies_between_records_then_they_never_meet_in_one_sample(
    other: Record, factor: str
) -> None:
    found = collect([timed(1000, block=1), other], TIME)
    assert sorted(dict(one.sample.values).popitem() for one in found) == [(1, 100.0), (2, 130.0)]
    assert {codes(one)[0] for one in found} == {"factor_varies"}
    assert {f"differ in {factor};" in one.sample.warnings[0].text for one in found} == {True}
    with pytest.raises(UsageError, match=f"its records differ in {factor}; name runs"):
        answering({demand(): cell()}, [timed(1000, block=1), other], {TIME.id: TIME})


def test_collect_when_only_the_layout_varies_then_the_values_are_one_sample() -> None:
    records = [timed(1000, block=1), timed(1100, block=2)]
    moved = dataclasses.replace(records[1], invocation=dataclasses.replace(records[1].invocation, layout=3))
    found = only([records[0], moved])
    assert dict(found.sample.values) == {1: 100.0, 2: 110.0}
    assert codes(found) == []


def test_collect_when_a_failure_never_said_how_it_ran_then_it_is_counted_with_its_cell() -> None:
    found = only([timed(1000, block=1), record([], block=2, status="oom"), record(["{"], block=3, status="crash")])
    assert (dict(found.sample.values), found.failures) == ({1: 100.0}, {"oom": 1, "crash": 1})
    apart = collect([timed(1000, block=1), record([], block=2, status="oom", sources="s2")], TIME)
    assert [(dict(one.sample.values), dict(one.failures)) for one in apart] == [({1: 100.0}, {}), ({}, {"oom": 1})]


def test_collect_when_outside_blocks_then_slots_are_numbered_and_last_attempt_counts() -> None:
    records = [
        timed(1000, block=None, slot=4),
        timed(1200, block=None, slot=904, attempt=1),
        timed(1100, block=None, slot=904, attempt=2),
    ]
    assert dict(only(records).sample.values) == {0: 100.0, 1: 110.0}


def test_collect_when_process_serves_forms_then_one_sample_each_with_its_failures() -> None:
    exact = metric(
        "iteration.runtime_allocations / iteration.operations", name="allocations.count", modes=("exact",),
        assumption="exact", unit="count",
    )  # fmt: skip
    of = cell("escape", mode="exact")
    good = record(
        [
            start(),
            iteration(0, form="heap", runtime_allocations=11),
            iteration(1, form="local", runtime_allocations=0),
            end(),
        ],
        of=of,
    )
    found = collect([good, record([], of=of, block=2, status="crash")], exact)
    assert [(one.form, dict(one.sample.values), one.failures) for one in found] == [
        ("heap", {1: 1.1}, {"crash": 1}),
        ("local", {1: 0.0}, {"crash": 1}),
    ]
    assert found[0].sample.label.endswith(" heap")
    assert found[0].sample.resolution == 0.1


def test_collect_when_two_readers_disagree_then_warns() -> None:
    peak = metric(
        "end.peak_resident_bytes", name="memory.peak", unit="bytes",
        check=Check(against="observed.vm_hwm_bytes", within=0.01, floor=4096),
    )  # fmt: skip
    lines = [start(), iteration(0), end(peak_resident_bytes=100 << 20)]
    near = record(lines, observed={"vm_hwm_bytes": (100 << 20) + 500_000}, block=1)
    far = record(lines, observed={"vm_hwm_bytes": 130 << 20}, block=2)
    unread = record(lines, block=3)
    (found,) = collect([near, unread], peak)
    assert found.sample.warnings == ()
    (found,) = collect([near, far, unread], peak)
    assert codes(found) == ["readers_disagree"]
    assert "1 of 3" in found.sample.warnings[0].text


def test_collect_when_source_is_wrong_then_error_names_the_metric() -> None:
    with pytest.raises(DataError, match=r"time\.odd"):
        collect([], metric("iteration.nothing", name="time.odd"))


def series(elapsed: Sequence[int], *, warmup: int = 2, **more: Any) -> Record:
    lines = [
        iteration(index, phase="warmup" if index < warmup else "measured", elapsed=value + index % 3)
        for index, value in enumerate(elapsed)
    ]
    return record([start(), *lines, end()], **more)


FLAT = [10_000] * 16
SLOWER = [10_000] * 8 + [13_000] * 8


def test_collect_when_most_invocations_are_steady_then_only_those_count() -> None:
    records = [*(series(FLAT, block=block) for block in range(1, 6)), series(SLOWER, block=6)]
    found = only(records)
    assert sorted(found.sample.values) == [1, 2, 3, 4, 5]
    assert codes(found) == ["partly_steady"]
    assert "5 flat, 1 slowdown" in found.sample.warnings[0].text


def test_collect_when_too_few_are_steady_then_there_is_no_steady_number() -> None:
    found = only([*(series(FLAT, block=block) for block in range(1, 4)), series(SLOWER, block=4)])
    assert dict(found.sample.values) == {}
    assert codes(found) == ["no_steady_state"]
    assert "time.whole_run" in found.sample.warnings[0].remedy


def test_collect_when_fewer_than_fifteen_iterations_then_all_count_unlabelled() -> None:
    found = only([series(SLOWER[2:], block=1)])
    assert (sorted(found.sample.values), codes(found)) == ([1], [])


def test_collect_when_warmup_reaches_into_measured_iterations_then_says_so() -> None:
    found = only([series([30_000] * 4 + [10_000] * 12, warmup=2)])
    assert (sorted(found.sample.values), codes(found)) == ([1], ["warmup_too_short"])
    assert codes(only([series([30_000] * 4 + [10_000] * 12, warmup=4)])) == []


def test_collect_when_metric_is_no_time_then_steadiness_does_not_matter() -> None:
    peak = metric("end.peak_resident_bytes", name="memory.peak")
    (found,) = collect([series(SLOWER)], peak)
    assert found.sample.values == {1: 1 << 20}


def demand(form: str | None = None) -> Demand:
    return Demand(
        workload="trees", variant="node", form=form, language="x", configuration="plain", toolchain="x1.2",
        mode="throughput", metric="time.per_operation",
    )  # fmt: skip


def test_answering_when_a_cell_serves_the_demand_then_gives_replica_a_of_stage_measure() -> None:
    records = [timed(1000), timed(1100, replica="b"), timed(1200, stage="pilot")]
    found = answering({demand(): cell()}, records, {TIME.id: TIME})
    assert dict(found[demand()].values) == {1: 100.0}


def test_answering_when_nothing_was_measured_then_demand_is_left_out() -> None:
    records = [timed(1000, of=OTHER), record([], status="oom")]
    assert answering({demand(): cell(), demand("heap"): cell()}, records, {TIME.id: TIME}) == {}


def test_answering_when_records_have_two_digests_then_refuses() -> None:
    records = [timed(1000, block=1), timed(1000, block=2, sources="s2")]
    with pytest.raises(UsageError, match="differ in program sources"):
        answering({demand(): cell()}, records, {TIME.id: TIME})


def test_as_one_run_when_runs_share_block_numbers_then_all_values_are_kept() -> None:
    first = [timed(1000, block=1), timed(1100, block=2), timed(900, block=None, slot=0, of=OTHER)]
    second = [timed(1200, block=1), timed(800, block=None, slot=0, of=OTHER)]
    found = collect(as_one_run([first, second]), TIME)
    assert {one.cell.workload: sorted(one.sample.values.values()) for one in found} == {
        "trees": [100.0, 110.0, 120.0],
        "window": [80.0, 90.0],
    }


def test_as_one_run_when_one_run_then_values_are_the_same() -> None:
    records = [timed(1000, block=1), timed(1100, block=2)]
    assert collect(as_one_run([records]), TIME) == collect(records, TIME)
