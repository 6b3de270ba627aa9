"""Exports that other tools read: what is a value, what is a warm-up, and what failures become."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pyperf
import pytest

from harness.errors import UsageError
from harness.protocol.record import Record
from harness.report.export import FORMATS, RECORD_COLUMNS, SAMPLE_COLUMNS, Exported, export
from tests.unit.report import builders


def _exported(records: tuple[Record, ...] | None = None) -> Exported:
    return Exported(run="a-run", records=builders.records() if records is None else records, catalog=builders.catalog())


def _suite(path: Path, records: tuple[Record, ...] | None = None) -> pyperf.BenchmarkSuite:
    target = path / "suite.json"
    target.write_text(export("pyperf", _exported(records)), encoding="utf-8")
    return pyperf.BenchmarkSuite.load(str(target))


def test_pyperf_when_loaded_then_one_benchmark_per_cell_and_one_run_per_counted_invocation(tmp_path: Path) -> None:
    suite = _suite(tmp_path)
    names = suite.get_benchmark_names()
    assert len(names) == len(builders.RATIOS) * len(builders.WORKLOADS)
    bench = suite.get_benchmark("c/glibc/c1/binary_trees/heap/quick-w1-i2")
    assert bench.get_nrun() == builders.BLOCKS


def test_pyperf_when_loaded_then_warmups_are_apart_and_values_are_seconds_per_operation(tmp_path: Path) -> None:
    (run, *_) = _suite(tmp_path).get_benchmark("c/glibc/c1/binary_trees/heap/quick-w1-i2").get_runs()
    assert run.values == (4e-08, 4e-08)
    assert run.warmups == ((1, 6e-08),)
    metadata = run.get_metadata()
    assert metadata["memverdict_record"] == "measure-b01-s000-a-t2"
    assert metadata["memverdict_run"] == "a-run"
    assert metadata["memverdict_command"] == "runner binary_trees"
    assert "memverdict_flags" not in metadata


def test_pyperf_when_control_has_two_replicas_then_two_benchmarks(tmp_path: Path) -> None:
    one = builders.record(builders.cell("c", "glibc", "lru_cache"), block=1)
    other = replace(one, invocation=replace(one.invocation, replica="b", slot=1))
    assert _suite(tmp_path, (one, other)).get_benchmark_names() == [
        "c/glibc/c1/lru_cache/heap/quick-w1-i2",
        "c/glibc/c1/lru_cache/heap/quick-w1-i2/control",
    ]


def test_pyperf_when_iterations_take_no_time_then_nothing_is_invented(tmp_path: Path) -> None:
    instant = builders.record(builders.cell("c", "glibc", "lru_cache"), block=1, ns=0.0)
    with pytest.raises(UsageError, match="nothing to export as pyperf"):
        _suite(tmp_path, (instant,))


def test_benchfmt_when_written_then_lines_are_gos_format() -> None:
    lines = export("benchfmt", _exported()).splitlines()
    assert lines[:5] == ["run: a-run", "language: c", "configuration: glibc", "toolchain: c1", "engine: docker"]
    assert lines[5] == "BenchmarkBinaryTrees/heap/w1i2/a-2\t2000000\t40 ns/op\t44 cpu-ns/op\t16777216 peak-bytes"
    results = [line for line in lines if line.startswith("Benchmark")]
    assert len(results) == builders.BLOCKS * len(builders.RATIOS) * len(builders.WORKLOADS)


@pytest.mark.parametrize("format_", ["pyperf", "benchfmt"])
def test_export_when_every_invocation_failed_then_error_not_an_empty_file(format_: str) -> None:
    failed = builders.record(builders.cell("c", "glibc", "lru_cache"), block=1, status="crash")
    with pytest.raises(UsageError, match=f"holds no complete timing.*{format_}"):
        export(format_, _exported((failed,)))


def test_export_when_stream_does_not_parse_then_left_out_of_timings() -> None:
    good = builders.record(builders.cell("c", "glibc", "lru_cache"), block=1)
    broken = replace(good, messages=("garbage",))
    with pytest.raises(UsageError):
        export("benchfmt", _exported((broken,)))
    (row,) = csv.DictReader(io.StringIO(export("records-csv", _exported((broken,)))))
    assert row["elapsed_ns"] == ""


def test_records_csv_when_one_failed_then_a_line_with_status_and_no_number() -> None:
    rows = list(csv.DictReader(io.StringIO(export("records-csv", _exported()))))
    assert tuple(rows[0]) == RECORD_COLUMNS
    assert len(rows) == len(builders.records())
    oom = [row for row in rows if row["status"] == "oom"]
    assert len(oom) == builders.BLOCKS
    assert {(row["elapsed_ns"], row["peak_resident_bytes"], row["reason"]) for row in oom} == {
        ("", "", "killed at 2 GiB")
    }
    assert rows[0]["flags"] == "steal"


def test_samples_csv_when_written_then_one_line_per_block_and_metric() -> None:
    rows = list(csv.DictReader(io.StringIO(export("csv", _exported()))))
    assert tuple(rows[0]) == SAMPLE_COLUMNS
    mine = [
        row for row in rows
        if (row["metric"], row["configuration"], row["workload"]) == ("time.per_operation", "glibc", "binary_trees")
    ]  # fmt: skip
    assert [row["block"] for row in mine] == [str(number) for number in range(1, builders.BLOCKS + 1)]
    assert float(mine[0]["value"]) == 40.0


def test_export_when_format_is_unknown_then_error_names_the_known() -> None:
    with pytest.raises(UsageError, match=", ".join(FORMATS)):
        export("xml", _exported())
