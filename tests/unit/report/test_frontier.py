"""The frontier: which configurations meet, on which workloads, and what beats what."""

import math
from dataclasses import replace

import pytest

from harness.report.frontier import baseline_of, frontier, frontier_of, shared_workloads
from harness.stats.values import Sample
from tests.unit.report import builders

KEY = ("c", "glibc")


def _sample(*values: float) -> Sample:
    numbered = dict(enumerate(values, start=1))
    return Sample(label="x", metric="m", unit="ns", assumption="ratio", values=numbered)


def test_frontier_when_all_finished_then_geometric_means_relative_to_the_baseline() -> None:
    found = frontier_of(builders.catalog(), builders.records())
    assert found.baseline == "c/glibc"
    assert found.workloads == ("binary_trees", "lru_cache", "message_window")
    assert found.blocks == builders.BLOCKS
    for point in found.points:
        time, memory, cpu = builders.RATIOS[point.language, point.configuration]
        assert point.cpu is not None
        assert point.time.point == pytest.approx(time, rel=0.03)
        assert point.memory.point == pytest.approx(memory, rel=0.03)
        assert point.cpu.point == pytest.approx(cpu, rel=0.03)


def test_frontier_when_two_blocks_then_the_t_interval_over_blocks() -> None:
    time = {KEY: {"w": _sample(1, 1)}, ("go", "default"): {"w": _sample(2, 4)}}
    found = frontier(builders.catalog(), time, time, {})
    point = next(point for point in found.points if point.language == "go")
    # t(0.975, 1) = 12.706; the differences are ln 2 and ln 4.
    half = 12.706204736 * (math.log(4) - math.log(2)) / math.sqrt(2) / math.sqrt(2)
    assert point.time.point == pytest.approx(math.sqrt(8))
    assert point.time.low == pytest.approx(math.sqrt(8) * math.exp(-half))
    assert point.cpu is None


def test_frontier_when_baseline_against_itself_then_no_interval() -> None:
    found = frontier_of(builders.catalog(), builders.records())
    (base,) = [point for point in found.points if point.configuration == "glibc"]
    assert (base.time.point, base.time.low, base.time.text) == (1.0, None, "baseline")


def test_frontier_when_a_configuration_is_beaten_in_both_then_not_best_in_its_lane() -> None:
    found = frontier_of(builders.catalog(), builders.records())
    best = {f"{point.language}/{point.configuration}": point.best for point in found.points}
    assert best == {
        "c/glibc": True, "java/default": True, "go/default": False, "c/mimalloc": True, "java/g1": False,
    }  # fmt: skip


def test_frontier_when_paired_difference_includes_none_then_named_as_tie() -> None:
    noisy, base = _sample(1.0, 1.3, 0.8, 1.1), _sample(1, 1, 1, 1)
    time = {KEY: {"w": base}, ("go", "default"): {"w": noisy}, ("java", "g1"): {"w": noisy}}
    memory = {KEY: {"w": base}, ("go", "default"): {"w": _sample(2, 2.1, 2, 2)}, ("java", "g1"): {"w": base}}
    assert frontier(builders.catalog(), time, memory, {}).ties == ("c/glibc and go/default (time)",)


def test_frontier_when_one_workload_failed_then_left_out_with_what_is_missing() -> None:
    crash = replace(builders.records()[9], status="crash")
    cell = crash.invocation.cell
    found = frontier_of(builders.catalog(), [*builders.records()[:9], crash, *builders.records()[10:]])
    assert found.left_out == (f"{cell.language}/{cell.configuration} did not finish {cell.workload}",)


def test_frontier_when_repetitions_are_a_claims_own_then_not_shown() -> None:
    cold = [
        builders.record(builders.cell("go", "no_reclaim", name, warmup=0, iterations=1), block=block, slot=90)
        for block in range(1, 8)
        for name in builders.WORKLOADS
    ]
    found = frontier_of(builders.catalog(), [*builders.records(), *cold])
    assert not [point for point in found.points if point.configuration == "no_reclaim"]


def test_frontier_when_outside_blocks_then_not_counted() -> None:
    once = [replace(one, invocation=replace(one.invocation, block=None)) for one in builders.records()]
    assert frontier_of(builders.catalog(), once).points == ()


def test_frontier_when_only_the_baseline_ran_then_says_why_it_is_empty() -> None:
    alone = [one for one in builders.records() if one.invocation.cell.configuration == "glibc"]
    assert frontier_of(builders.catalog(), alone).empty.startswith("fewer than two configurations")


def test_frontier_when_baseline_is_missing_then_says_so() -> None:
    others = [one for one in builders.records() if one.invocation.cell.language != "c"]
    assert frontier_of(builders.catalog(), others).empty == "its baseline was not measured in this run"


def test_frontier_when_no_block_is_shared_then_says_so() -> None:
    time = {KEY: {"w": _sample(1, 1)}, ("go", "default"): {"w": replace(_sample(2, 2), values={8: 2.0, 9: 2.0})}}
    found = frontier(builders.catalog(), time, time, {})
    assert found.left_out == ("go/default: no block holds all of its workloads",)


def test_baseline_when_no_configuration_has_lane_default_then_none() -> None:
    catalog = builders.catalog()
    tuned = {
        name: replace(one, configurations=tuple(replace(c, lane="tuned") for c in one.configurations))
        for name, one in catalog.languages.items()
    }
    assert baseline_of(replace(catalog, languages=tuned)) is None
    assert frontier(replace(catalog, languages=tuned), {}, {}, {}).baseline == ""


def test_shared_workloads_when_dropping_one_configuration_keeps_more_then_it_is_dropped() -> None:
    finished = {KEY: frozenset("abc"), ("go", "x"): frozenset("abc"), ("java", "y"): frozenset("a")}
    assert shared_workloads(finished, KEY) == frozenset("abc")


def test_shared_workloads_when_most_lack_one_then_the_common_ones() -> None:
    finished = {KEY: frozenset("abc"), ("go", "x"): frozenset("ab"), ("java", "y"): frozenset("abd")}
    assert shared_workloads(finished, KEY) == frozenset("ab")
