import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.catalog.load import load
from harness.plan.advance import advance
from harness.plan.cells import cells
from harness.plan.goals import Fixed
from harness.protocol.record import Curve, Record
from harness.validate.canary import MEBIBYTE, MEMORY_SLACK, PAUSE_SLACK_NS, health, readings
from tests.fakes import stored, values
from tests.fakes.project import ROOT
from tests.unit.claims.builders import noisy

CATALOG = load(ROOT)
PLAN = advance(Fixed(blocks=7), cells(CATALOG.suites["smoke"], (), CATALOG), (), seed=1)
IDLE = 40 * MEBIBYTE
CURVE = Curve(asked_hz=40, cpus=(0,), spare=False, samples=((1, IDLE), (2, IDLE + 8 * MEBIBYTE)))
MEMORY = CATALOG.workloads["canary"].parameters["mebibytes"].smoke * MEBIBYTE


def truthful(variant: str, parameters: dict[str, int]) -> tuple[dict[str, int], int]:
    """What a worker reports of a canary whose truth comes back: fields of its iteration, and its peak."""
    iteration = {"elapsed_ns": 1_000_000, "cpu_ns": 1_000_000}
    if variant == "memory":
        return iteration, IDLE + parameters["mebibytes"] * MEBIBYTE
    if variant == "pause":
        iteration["elapsed_ns"] = parameters["hold_ms"] * 1_000_000 + 1_000
    if variant == "cpu":
        iteration["cpu_ns"] = parameters["cpu_ms"] * 1_000_000
    if variant == "bytes":
        iteration["runtime_allocations"] = parameters["count"]
        iteration["runtime_bytes"] = parameters["count"] * parameters["size"]
    return iteration, IDLE


def canaries(spoil: str = "", **changes: int) -> list[Record]:
    """Records of a run's canaries, all truthful but the variant that is spoilt."""
    found = []
    for one in PLAN[0].invocations:
        if one.cell.workload != "canary":
            continue
        iteration, peak = truthful(one.cell.variant, dict(one.cell.parameters))
        if one.cell.variant == spoil:
            peak = changes.get("peak", peak)
            iteration |= {name: value for name, value in changes.items() if name != "peak"}
        lines = values.messages(warmup=0, iterations=1)
        lines[2] |= iteration
        lines[-1] |= {"peak_resident_bytes": peak}
        if one.cell.variant == "stall":
            lines[-1:-1] = stored.stalled(one.cell.parameters)
        if one.cell.variant == "memory":
            lines[-1:-1] = [values.checkpoint("after_fill", MEMORY, IDLE + MEMORY)]
        found.append(record(one, lines, observed=values.observed(curve=CURVE)))
    return found


def changed(variant: str, change: Callable[[list[dict[str, Any]]], None], **observed: Any) -> list[Record]:
    """The truthful canaries, with the messages of one variant changed in place and what was observed of it."""
    found = []
    for one in canaries():
        if one.invocation.cell.variant == variant:
            lines = [json.loads(line) for line in one.messages]
            change(lines)
            one = record(one.invocation, lines, observed=dataclasses.replace(one.observed, **observed))
        found.append(one)
    return found


def record(invocation: Any, lines: list[dict[str, Any]], **changes: Any) -> Record:
    made: dict[str, Any] = {
        "format": 1,
        "id": invocation.id,
        "invocation": invocation,
        "status": "ok",
        "reason": None,
        "observed": values.observed(),
        "flags": (),
        "digest": values.DIGEST,
        "messages": tuple(json.dumps(line) for line in lines),
    }
    return Record(**(made | changes))


def control(first: list[float], second: list[float]) -> list[Record]:
    """Records of the control cell as replicas a and b, one value per block and replica."""
    found = []
    for block in PLAN[1:8]:
        pair = [
            one
            for one in block.invocations
            if one.cell in {o.cell.key: o.cell for o in block.invocations if o.replica == "b"}.values()
        ]
        for one in pair:
            assert block.number is not None
            value = (first if one.replica == "a" else second)[block.number - 1]
            lines = values.messages(warmup=0, iterations=1)
            lines[2] |= {"elapsed_ns": round(value * 1000), "operations": 1000}
            found.append(record(one, lines))
    return found


def test_health_when_every_truth_comes_back_then_nothing_fails() -> None:
    found = health(canaries(), CATALOG.metrics)
    assert found.failures == ()
    assert found.canaries == {"memory": True, "pause": True, "cpu": True, "bytes": True, "stall": True}
    assert [warning.code for warning in found.warnings] == ["no_control"]


def test_health_when_a_canary_was_not_read_back_then_warns_and_names_it() -> None:
    some = [one for one in canaries() if one.invocation.cell.variant not in ("cpu", "bytes")]
    found = health(some, CATALOG.metrics)
    assert found.failures == ()
    (warning,) = (one for one in found.warnings if one.code == "no_canary")
    assert "bytes, cpu" in warning.text


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("memory", {"peak": IDLE + 8 * MEBIBYTE}),
        ("memory", {"peak": IDLE + 80 * MEBIBYTE}),
        ("memory", {"peak": IDLE + MEMORY + MEMORY_SLACK + 1}),
        ("memory", {"peak": IDLE + MEMORY - MEMORY_SLACK - 1}),
        ("pause", {"elapsed_ns": 1}),
        ("pause", {"elapsed_ns": 60_000_000_000}),
        ("cpu", {"cpu_ns": 1}),
        ("cpu", {"cpu_ns": 60_000_000_000}),
        ("bytes", {"runtime_allocations": 1}),
        ("bytes", {"runtime_bytes": 1}),
        ("bytes", {"runtime_bytes": 1 << 40}),
    ],
)
def test_health_when_a_canary_does_not_come_back_then_the_run_is_unfit_and_says_what_was_read(
    variant: str, changes: dict[str, int]
) -> None:
    found = health(canaries(variant, **changes), CATALOG.metrics)
    assert found.failures
    assert all(f"canary {variant}" in failure and "expected" in failure for failure in found.failures)
    assert found.canaries == {name: name != variant for name in ("memory", "pause", "cpu", "bytes", "stall")}


@pytest.mark.parametrize("off", [-MEMORY_SLACK, 0, MEMORY_SLACK])
def test_health_when_memory_reads_within_its_bounds_then_it_passes(off: int) -> None:
    assert health(canaries("memory", peak=IDLE + MEMORY + off), CATALOG.metrics).failures == ()


STALL = dict(CATALOG.workloads["canary"].parameters.items())
HELD_NS = STALL["hold_ms"].smoke * 1_000_000 + STALL["service_us"].smoke * 1000


def response(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return next(one for one in lines if one.get("name") == "response")


def longest(nanoseconds: int) -> Callable[[list[dict[str, Any]]], None]:
    return lambda lines: response(lines).update(max=nanoseconds)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda lines: response(lines).update(count=response(lines)["count"] - 1), "operations"),
        (lambda lines: lines.remove(response(lines)), "operations"),
        (longest(HELD_NS - 1), "response"),
        (longest(HELD_NS + PAUSE_SLACK_NS + 1), "response"),
        (lambda lines: lines[-2].update(end_ns=lines[-2]["end_ns"] + 60_000_000), "ticks due"),
        (lambda lines: lines.pop(-2), "ticks due"),
    ],
)
def test_stall_when_operations_stalls_or_ticks_do_not_come_back_then_the_run_is_unfit_and_says_which(
    change: Callable[[list[dict[str, Any]]], None], what: str
) -> None:
    failures = health(changed("stall", change), CATALOG.metrics).failures
    assert failures
    assert f"canary stall ({what})" in " ".join(failures)


def test_stall_when_its_threads_waited_for_a_cpu_then_that_much_later_is_no_failure() -> None:
    late = longest(HELD_NS + PAUSE_SLACK_NS + 5_000_000)
    assert health(changed("stall", late), CATALOG.metrics).failures
    assert not health(changed("stall", late, run_delay_ns=6_000_000), CATALOG.metrics).failures


def test_memory_when_a_checkpoint_or_the_curve_does_not_fit_then_the_run_is_unfit_and_says_which() -> None:
    def fill(lines: list[dict[str, Any]]) -> None:
        lines[-2]["resident_bytes"] = IDLE

    assert any("memory (after_fill)" in one for one in health(changed("memory", fill), CATALOG.metrics).failures)
    for resident in (0, IDLE + 2 * MEMORY):
        curve = dataclasses.replace(CURVE, samples=((1, resident),))
        found = health(changed("memory", lambda lines: None, curve=curve), CATALOG.metrics)
        assert any("memory (curve)" in one for one in found.failures)


def test_memory_when_no_curve_could_be_taken_then_the_rest_is_read_back() -> None:
    assert not health(changed("memory", lambda lines: None, curve=None), CATALOG.metrics).failures


def test_health_when_a_canary_dies_then_the_run_is_unfit() -> None:
    records = canaries()
    records[0] = dataclasses.replace(records[0], status="crash", reason="signal 11")
    assert any("signal 11" in failure for failure in health(records, CATALOG.metrics).failures)


def test_pause_when_the_thread_waited_for_a_cpu_then_that_much_later_is_no_failure() -> None:
    late = canaries("pause", elapsed_ns=30_000_000)
    waited = [dataclasses.replace(one, observed=values.observed(run_delay_ns=40_000_000)) for one in late]
    assert not health(waited, CATALOG.metrics).failures
    assert health(late, CATALOG.metrics).failures


def test_readings_when_no_idle_process_was_measured_then_memory_is_not_judged() -> None:
    alone = [one for one in canaries() if one.invocation.cell.variant == "memory"]
    assert readings(alone) == ()


def test_control_when_both_replicas_agree_then_says_so_and_passes() -> None:
    found = health(control(noisy(100, seed="a"), noisy(100, seed="b")), CATALOG.metrics)
    assert found.failures == ()
    assert found.control.startswith("A/A ")


def test_control_when_a_replica_is_slower_by_far_then_the_run_is_unfit() -> None:
    found = health(control(noisy(100, seed="a"), noisy(130, seed="b")), CATALOG.metrics)
    assert any("differs from itself" in failure for failure in found.failures)


def test_control_when_the_difference_is_small_or_noisy_then_it_is_only_shown() -> None:
    for second in (noisy(103, seed="b"), noisy(120, noise=0.3, seed="b")):
        assert not health(control(noisy(100, seed="a"), second), CATALOG.metrics).failures


@pytest.mark.parametrize(("second", "fails"), [(104, False), (96, False), (108, True), (92, True)])
def test_control_when_the_interval_lies_wholly_beyond_five_per_cent_then_and_only_then_it_fails(
    second: float, fails: bool
) -> None:
    first, other = noisy(100, noise=0.001, seed="a"), noisy(second, noise=0.001, seed="b")
    found = health(control(first, other), CATALOG.metrics)
    assert "[1." in found.control or "[0." in found.control
    assert bool(found.failures) == fails


def test_control_when_blocks_are_few_then_nothing_is_decided_by_it() -> None:
    found = health(control(noisy(100, seed="a"), noisy(130, seed="b"))[:8], CATALOG.metrics)
    assert found.failures == ()
