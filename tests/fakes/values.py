"""Hand-made values: an invocation, what was observed around it, and the lines of a worker that did as it was told."""

import json
from collections.abc import Mapping
from typing import Any

from hdrh.histogram import HdrHistogram

from harness.catalog.model import Build, Cell, Golden, Invocation, Limits
from harness.protocol.record import Digest, Observed

DIGEST = Digest(workload="spec", sources="sources")
WORK = {
    "operations": 1000,
    "allocations": 900,
    "allocated_bytes": 36000,
    "peak_live_bytes": 4000,
    "checksum": "00c0ffee00c0ffee",
}


def cell(**changes: Any) -> Cell:
    """A cell of a made-up language whose variants are the behaviours of ``tests/fakes/worker``."""
    values: dict[str, Any] = {
        "workload": "fake",
        "variant": "good",
        "parameters": {"n": 1000},
        "size": "smoke",
        "language": "shell",
        "configuration": "plain",
        "toolchain": "sh",
        "limits": Limits(cpus=1, memory=64 << 20),
        "mode": "throughput",
        "warmup": 1,
        "iterations": 2,
    }
    return Cell(**(values | changes))


def invocation(*, slot: int = 0, block: int | None = 0, attempt: int = 1, seed: int = 42, **changes: Any) -> Invocation:
    """An invocation of :func:`cell` with its command as the planner writes it."""
    asked = cell(**changes)
    command = (
        "runner",
        asked.workload,
        f"variant={asked.variant}",
        f"mode={asked.mode}",
        f"seed={seed}",
        f"warmup={asked.warmup}",
        f"iterations={asked.iterations}",
        *(f"{name}={value}" for name, value in asked.parameters.items()),
    )
    return Invocation(
        cell=asked,
        build=Build(language=asked.language, toolchain=asked.toolchain, options={}),
        replica="a",
        stage="measure",
        block=block,
        slot=slot,
        attempt=attempt,
        seed=seed,
        command=command,
        environment={},
    )


def observed(**changes: Any) -> Observed:
    """What the host saw of a worker that ran and exited 0, with nothing to flag."""
    values: dict[str, Any] = {
        "engine": "fake",
        "image": None,
        "started_ns": 1_000,
        "released_ns": 2_000,
        "end_received_ns": 1_000_002_000,
        "ended_ns": 1_000_003_000,
        "exit_code": 0,
        "oom_killed": False,
        "limits_read_back": {"cpuset": "0", "memory": 64 << 20, "pids": 512},
        "unavailable": {},
    }
    return Observed(**(values | changes))


def golden(**changes: Any) -> Golden:
    """The golden that :func:`stream` reproduces."""
    values: dict[str, Any] = {"size": "smoke", "variant": "good", "seed": 42, "source": "model", "facts": {"hits": 7}}
    return Golden(**(values | WORK | changes))


def iteration(index: int, phase: str, **changes: Any) -> dict[str, Any]:
    """One iteration message."""
    times = {"start_ns": 2_000 + index * 1_000, "elapsed_ns": 900, "cpu_ns": 800}
    return {"type": "iteration", "index": index, "phase": phase} | times | WORK | changes


def messages(*, warmup: int = 1, iterations: int = 2, **start: Any) -> list[dict[str, Any]]:
    """A complete, correct stream as dictionaries, to be spoiled by a test."""
    opening: dict[str, Any] = {
        "type": "start",
        "format": 1,
        "language": "shell",
        "toolchain": "sh 1",
        "in_force": {"collector": "none"},
        "cpus": 1,
        "pid": 1,
        "cpu_resolution_ns": 1,
    }
    phases = ["warmup"] * warmup + ["measured"] * iterations
    end = {"type": "end", "status": "ok", "peak_resident_bytes": 4096, "resident_bytes": 4096, "counters": {"hits": 7}}
    return [opening | start, {"type": "ready"}, *(iteration(i, phase) for i, phase in enumerate(phases)), end]


def histogram(name: str, taken: Mapping[int, int]) -> dict[str, Any]:
    """A histogram message of so many operations for each time taken, ns."""
    layout: dict[str, Any] = {"lowest": 1, "highest": 3_600_000_000_000, "digits": 3}
    made = HdrHistogram(layout["lowest"], layout["highest"], layout["digits"])
    for value, count in taken.items():
        made.record_value(value, count)
    counts = [[index, count] for index, count in enumerate(made.counts) if count]
    return {"type": "histogram", "name": name} | layout | {
        "count": sum(taken.values()), "max": max(value for value, count in taken.items() if count), "counts": counts,
    }  # fmt: skip


def ticker(ticks: int) -> dict[str, Any]:
    """A ticker message of so many ticks, a millisecond each, none of them late."""
    return {
        "type": "ticker", "period_ns": 1_000_000, "threshold_ns": 2_000_000, "start_ns": 2_000,
        "end_ns": 2_000 + ticks * 1_000_000, "ticks": ticks, "skipped": 0, "dropped": 0, "cpu_ns": ticks * 10_000,
    }  # fmt: skip


def checkpoint(name: str, live: int, resident: int) -> dict[str, Any]:
    """A checkpoint message."""
    return {
        "type": "checkpoint", "name": name, "at_ns": 3_000, "live_bytes": live, "resident_bytes": resident,
        "peak_resident_bytes": resident, "pss_bytes": resident,
    }  # fmt: skip


def lines(stream: list[dict[str, Any]]) -> list[bytes]:
    """The stream as the worker prints it, without line ends."""
    return [json.dumps(message, separators=(",", ":")).encode() for message in stream]
