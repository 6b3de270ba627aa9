"""The baseline file: what is recorded, kept, refused, and how it reads back."""

import dataclasses
from pathlib import Path

import pytest

from harness.errors import DataError, UnfitError
from harness.gate.baseline import Baseline, dump_baseline, load_baseline, record_baseline, version_of
from tests.unit.gate.runs import METRICS, OPERATIONS, USUAL, counted
from tests.unit.samples.records import cell, end, iteration, record, start

NOTHING = Baseline()


def test_record_baseline_when_two_forms_then_has_one_entry_per_form_and_exact_metric() -> None:
    found = record_baseline(NOTHING, [counted(USUAL)], METRICS)
    assert {(one.form, one.metric): one.total for one in found.entries} == {
        ("heap", "allocations.count"): 20_003,
        ("heap", "allocations.bytes"): 640_100,
        ("local", "allocations.count"): 2,
        ("local", "allocations.bytes"): 80,
    }
    one = found.entries[0]
    assert (one.toolchain, one.patch, one.operations, one.spec) == ("x1.2", "x1.2.3", OPERATIONS, "w1")


def test_record_baseline_when_several_processes_then_keeps_the_median() -> None:
    records = [counted({None: (count, 64)}, slot=slot) for slot, count in enumerate((13, 10, 11))]
    found = record_baseline(NOTHING, records, METRICS)
    assert [one.total for one in found.entries if one.metric == "allocations.count"] == [11]


def test_record_baseline_when_another_version_is_there_then_both_are_kept() -> None:
    first = record_baseline(NOTHING, [counted({None: (10, 64)})], METRICS)
    both = record_baseline(first, [counted({None: (12, 96)}, toolchain="x1.3.0")], METRICS)
    assert {(one.toolchain, one.total) for one in both.entries if one.metric == "allocations.count"} == {
        ("x1.2", 10),
        ("x1.3", 12),
    }


def test_record_baseline_when_entry_exists_then_new_number_and_patch_replace_it() -> None:
    first = record_baseline(NOTHING, [counted({None: (10, 64)})], METRICS)
    again = record_baseline(first, [counted({None: (12, 64)}, toolchain="x1.2.9")], METRICS)
    assert [(one.total, one.patch) for one in again.entries if one.metric == "allocations.count"] == [(12, "x1.2.9")]


def test_record_baseline_when_a_record_failed_then_refuses() -> None:
    broken = counted(USUAL, slot=1, status="invalid", reason="checksum differs")
    with pytest.raises(UnfitError, match=r"1 of 2 exact invocations failed.*checksum differs"):
        record_baseline(NOTHING, [counted(USUAL), broken], METRICS)


def test_record_baseline_when_failure_is_declared_then_records_the_rest() -> None:
    declared = counted({}, slot=1, status="oom", may_fail=("oom",))
    assert len(record_baseline(NOTHING, [counted(USUAL), declared], METRICS).entries) == 4


def test_record_baseline_when_nothing_is_exact_then_refuses() -> None:
    timed = record([start(), iteration(0), end()], of=cell(mode="throughput"))
    with pytest.raises(UnfitError, match="no exact count"):
        record_baseline(NOTHING, [timed], METRICS)


def test_load_baseline_when_dumped_then_reads_the_same_one_entry_a_line() -> None:
    found = record_baseline(NOTHING, [counted(USUAL)], METRICS)
    text = dump_baseline(found)
    assert load_baseline(text) == found
    assert len(text.splitlines()) == len(found.entries) + 2
    assert load_baseline(dump_baseline(NOTHING)) == NOTHING


def test_dump_baseline_when_entries_come_in_another_order_then_text_is_the_same() -> None:
    found = record_baseline(NOTHING, [counted(USUAL)], METRICS)
    assert dump_baseline(Baseline(entries=found.entries[::-1])) == dump_baseline(found)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"format": 2, "entries": []}', "format"),
        ('{"format": 1, "entrys": []}', "entrys"),
        ('{"format": 1, "entries": [{"workload": 5}]}', r"entries\.0\.workload"),
        ("<<<<<<< ours", "Invalid JSON"),
    ],
)
def test_load_baseline_when_file_is_wrong_then_error_names_file_and_key(text: str, key: str) -> None:
    with pytest.raises(DataError, match=rf"base\.json.*{key}"):
        load_baseline(text, Path("base.json"))


@pytest.mark.parametrize(
    ("asked", "reported", "minor"),
    [
        ("x1.27", "x1.27.4", "x1.27"),
        ("x1.27", "x1.26.1 linux", "x1.26"),
        ("y25", "25.0.5+9-Debian", "y25"),
        ("y25", "17.0.12", "y17"),
        ("z14", "z (Debian 12.2.0-14) 12.2.0", "z12"),
        ("x1.27", "x2", "x2"),
        ("plain", "plain 3.1", "plain"),
        ("x1.27", "devel", "x1.27"),
    ],
)
def test_version_of_when_worker_names_its_version_then_minor_has_as_many_parts_as_was_asked(
    asked: str, reported: str, minor: str
) -> None:
    one = counted(USUAL, toolchain=reported)
    of = dataclasses.replace(one.invocation.cell, toolchain=asked)
    moved = dataclasses.replace(one, invocation=dataclasses.replace(one.invocation, cell=of))
    assert version_of(moved) == (minor, reported)


def test_version_of_when_worker_never_started_then_is_what_was_asked_for() -> None:
    assert version_of(record([], status="crash")) == ("x1.2", "x1.2")
    assert version_of(record(["garbage"], status="invalid")) == ("x1.2", "x1.2")
