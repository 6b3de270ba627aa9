"""One invocation's value, by every form of source, and every reason why there is none."""

import math

import pytest

from harness.protocol.record import Record
from harness.samples.readings import Absent, Reading, readings
from harness.samples.source import parse_source
from tests.unit.samples.records import cell, end, histogram, iteration, metric, record, stall, start, ticker


def read(text: str, of: Record) -> tuple[Reading, ...]:
    found = readings(of, parse_source(metric(text)))
    assert not isinstance(found, Absent), found
    return found


def why(text: str, of: Record) -> str:
    found = readings(of, parse_source(metric(text)))
    assert isinstance(found, Absent), found
    return found.reason


def test_readings_when_rate_then_is_sum_over_sum_of_measured_iterations() -> None:
    lines = [
        start(),
        iteration(0, phase="warmup", elapsed=99_999),
        iteration(1, elapsed=1000, operations=10),
        iteration(2, elapsed=3000, operations=40),
        end(),
    ]
    (found,) = read("iteration.elapsed_ns / iteration.operations", record(lines))
    assert (found.form, found.value, found.total, found.operations) == (None, 80.0, 4000, 50)
    assert found.resolution == pytest.approx(math.sqrt(2) / 50)


def test_readings_when_cpu_then_resolution_is_the_workers_clock() -> None:
    lines = [start(cpu_resolution_ns=4_000_000), iteration(0), end()]
    (found,) = read("iteration.cpu_ns / iteration.operations", record(lines))
    assert found.resolution == 400_000


def test_readings_when_peak_then_is_maximum_and_count_then_is_sum() -> None:
    lines = [start(), iteration(0), iteration(1), end()]
    assert read("iteration.peak_live_bytes", record(lines))[0].value == 65
    assert read("iteration.allocations", record(lines))[0].value == 20


def test_readings_when_process_serves_forms_then_gives_one_each() -> None:
    lines = [
        start(),
        iteration(0, form="heap", runtime_allocations=10),
        iteration(1, form="local", runtime_allocations=0),
        end(),
    ]
    found = read("iteration.runtime_allocations / iteration.operations", record(lines))
    assert [(one.form, one.value) for one in found] == [("heap", 1.0), ("local", 0.0)]
    assert {one.resolution for one in found} == {0.1}


def test_readings_when_runtime_has_no_such_count_then_says_so() -> None:
    lines = [start(), iteration(0, runtime_bytes=80), end()]
    source = "iteration.runtime_allocations / iteration.operations"
    assert why(source, record(lines)) == "the runtime reports no runtime_allocations"


def test_readings_when_one_form_lacks_the_count_then_the_other_still_reads() -> None:
    lines = [start(), iteration(0, form="heap", runtime_bytes=80), iteration(1, form="local"), end()]
    found = read("iteration.runtime_bytes / iteration.operations", record(lines))
    assert [one.form for one in found] == ["heap"]


def test_readings_when_end_field_then_is_it_with_a_page_as_step() -> None:
    (found,) = read("end.peak_resident_bytes", record([start(), iteration(0), end()]))
    assert (found.value, found.resolution) == (1 << 20, 4096)


def test_readings_when_counter_is_published_then_is_it_else_says_so() -> None:
    of = record([start(), iteration(0), end(counters={"hits": 7})])
    assert read("end.counters.hits", of)[0].value == 7
    assert why("end.counters.misses", of) == "the workload publishes no counter misses"


def test_readings_when_optional_end_field_is_left_out_then_says_so() -> None:
    of = record([start(), iteration(0), end()])
    assert why("end.gc_cycles", of) == "the runtime reports no gc_cycles"


def test_readings_when_span_then_is_difference() -> None:
    of = record([start(), iteration(0), end()])
    assert read("observed.end_received_ns - observed.released_ns", of)[0].value == 5000


def test_readings_when_observed_is_missing_then_gives_the_recorded_reason() -> None:
    unavailable = {"cgroup_peak_bytes": "the root cgroup has none"}
    of = record([start(), iteration(0), end()], observed={"unavailable": unavailable})
    assert why("observed.cgroup_peak_bytes", of) == "the root cgroup has none"
    assert why("observed.cgroup_cpu_ns", of) == "observed.cgroup_cpu_ns was not observed"
    assert why("end.resident_bytes / observed.cgroup_cpu_ns", of) == "observed.cgroup_cpu_ns was not observed"


def test_readings_when_observed_over_operations_then_counts_warmup_too() -> None:
    lines = [start(), iteration(0, phase="warmup", operations=30), iteration(1, operations=10), end()]
    (found,) = read("observed.minor_faults / iteration.operations", record(lines, observed={"minor_faults": 80}))
    assert found.value == 2.0


def test_readings_when_share_of_cpu_then_divides_end_by_observed() -> None:
    of = record([start(), iteration(0), end(gc_cpu_ns=250)], observed={"cgroup_cpu_ns": 1000})
    assert read("end.gc_cpu_ns / observed.cgroup_cpu_ns", of)[0].value == 0.25
    idle = record([start(), iteration(0), end(gc_cpu_ns=0)], observed={"cgroup_cpu_ns": 0})
    assert why("end.gc_cpu_ns / observed.cgroup_cpu_ns", idle) == "observed.cgroup_cpu_ns is zero"


def test_readings_when_cold_then_is_first_iteration_of_a_process_without_warmup() -> None:
    source = "cold.elapsed_ns / cold.operations"
    lines = [start(), iteration(0, elapsed=5000), iteration(1, elapsed=1000), end()]
    assert read(source, record(lines, of=cell(warmup=0)))[0].value == 500.0
    assert why(source, record(lines)) == "a process that warms up has no cold measured iteration"
    forms = [start(), iteration(0, form="heap"), end()]
    assert "serves several forms" in why(source, record(forms, of=cell(warmup=0)))


def test_readings_when_nothing_was_measured_then_says_so() -> None:
    of = record([start(), iteration(0, phase="warmup"), end()])
    assert why("iteration.elapsed_ns / iteration.operations", of) == "it has no measured iteration"
    assert why("stalls.share at_least=10", of) == "it has no measured time"


def test_readings_when_operations_are_zero_then_says_so() -> None:
    of = record([start(), iteration(0, operations=0), end()], observed={"minor_faults": 8})
    assert why("iteration.elapsed_ns / iteration.operations", of) == "iteration.operations is zero"
    assert why("observed.minor_faults / iteration.operations", of) == "iteration.operations is zero"


def test_readings_when_stream_has_no_end_or_garbage_then_says_so() -> None:
    assert why("end.resident_bytes", record([start(), iteration(0)])) == "its stream has no end"
    assert "does not parse" in why("end.resident_bytes", record(["Segmentation fault"]))


def test_readings_when_quantile_then_merges_histograms_of_that_name() -> None:
    lines = [start(), histogram("response", [(512, 99)], 512), histogram("response", [(1024, 1)], 1024), end()]
    (found,) = read("histogram.response q=0.5", record(lines))
    assert (found.value, found.resolution) == (512, 1)
    assert read("histogram.response q=1", record(lines))[0].value == 1024


def test_readings_when_histogram_is_absent_empty_or_broken_then_says_so() -> None:
    assert "nothing in a histogram response" in why("histogram.response q=0.5", record([start(), end()]))
    empty = record([start(), histogram("response", [], 0), end()])
    assert "nothing in a histogram response" in why("histogram.response q=0.5", empty)
    broken = record([start(), histogram("response", [(512, 1)], 9_999_999), end()])
    assert "outside its last bucket" in why("histogram.response q=0.5", broken)


def test_readings_when_stalls_then_share_is_of_the_measured_time_only() -> None:
    # Measured from 10,000 to 11,000. One stall too short, one inside, one half outside, one during the warm-up.
    lines = [
        start(),
        iteration(0, phase="warmup"),
        iteration(1),
        ticker(),
        stall(10_100, 10_150),
        stall(10_200, 10_400),
        stall(10_900, 11_100),
        stall(100, 500),
        end(),
    ]
    (found,) = read("stalls.share at_least=100", record(lines))
    assert (found.value, found.total, found.operations) == (0.3, 300, 1000)


def test_readings_when_no_stall_then_share_is_a_real_zero() -> None:
    assert read("stalls.share at_least=100", record([start(), iteration(0), ticker(), end()]))[0].value == 0.0
