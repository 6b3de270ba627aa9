"""What measuring costs, read from invented records whose overhead is known."""

import dataclasses

import pytest

from harness.catalog.model import Mode
from harness.protocol.record import Record
from harness.validate.overhead import instrumented, outside
from tests.unit.samples.records import cell, end, iteration, record

MODES: tuple[Mode, ...] = ("throughput", "memory", "latency")


def measured(mode: Mode, block: int, *, elapsed: int, language: str = "x") -> Record:
    """One invocation: a cold warm-up iteration, a warm one and a measured one; which counts is the mode's affair."""
    phases = [("warmup", 10 * elapsed), ("warmup", elapsed if mode == "latency" else 3 * elapsed)]
    rest = 7 * elapsed if mode == "latency" else elapsed
    lines = [iteration(n, phase=phase, elapsed=took) for n, (phase, took) in enumerate(phases)]
    lines += [iteration(2, elapsed=rest), end()]
    return record(lines, of=cell(mode=mode, warmup=2, iterations=1, language=language), block=block)


def test_instrumented_when_a_mode_takes_longer_then_gives_its_ratio_to_throughput() -> None:
    costs = {"throughput": 1000, "memory": 1020, "latency": 1300}
    records = [
        measured(mode, block, elapsed=costs[mode] + 3 * block * (mode == "throughput"))
        for block in range(1, 8)
        for mode in MODES
    ]
    found = {one.mode: one.comparison.estimate for one in instrumented(records)}
    assert set(found) == {"memory", "latency"}
    assert found["memory"].point == pytest.approx(1.02, rel=0.02)
    assert found["latency"].point == pytest.approx(1.30, rel=0.02)
    assert found["latency"].low is not None
    assert found["latency"].low > 1.2


def test_instrumented_when_throughput_was_not_measured_then_gives_nothing() -> None:
    assert instrumented([measured("memory", block, elapsed=1000) for block in range(1, 8)]) == ()


def test_instrumented_when_an_invocation_failed_then_its_block_does_not_count() -> None:
    records = [measured(mode, block, elapsed=1000) for block in range(1, 8) for mode in MODES]
    records[1] = dataclasses.replace(records[1], status="crash")
    (memory,) = [one for one in instrumented(records) if one.mode == "memory"]
    assert memory.comparison.blocks == tuple(range(2, 8))


def spent(record_: Record, *, started: int, released: int, last: int, ended: int) -> Record:
    """The record with its times replaced."""
    observed = dataclasses.replace(
        record_.observed, started_ns=started, released_ns=released, end_received_ns=last, ended_ns=ended
    )
    return dataclasses.replace(record_, observed=observed)


def test_outside_when_invocations_ended_then_gives_the_time_around_them_per_language() -> None:
    records = [
        spent(measured("throughput", 1, elapsed=1000), started=0, released=20, last=90, ended=100),
        spent(measured("throughput", 2, elapsed=1000), started=0, released=10, last=190, ended=200),
        spent(measured("throughput", 1, elapsed=1000, language="y"), started=0, released=50, last=60, ended=100),
    ]
    found = {one.label: one for one in outside(records)}
    assert (found["x"].invocations, found["x"].outside_ns) == (2, 25)
    assert found["x"].share == pytest.approx((0.3 + 0.1) / 2)
    assert found["y"].outside_ns == 90


def test_outside_when_a_worker_was_never_released_then_it_does_not_count() -> None:
    one = measured("throughput", 1, elapsed=1000)
    never = dataclasses.replace(one, observed=dataclasses.replace(one.observed, released_ns=None))
    assert outside([never]) == ()
