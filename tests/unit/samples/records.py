"""Invented records: small workers' streams with only what a test is about."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.catalog.model import Build, Cell, Invocation, Limits, Metric, Mode, Replica, Stage, Status
from harness.protocol.record import Control, Digest, Observed, Record


def cell(
    workload: str = "trees",
    *,
    language: str = "x",
    mode: Mode = "throughput",
    warmup: int = 1,
    iterations: int = 2,
    rate: int | None = None,
) -> Cell:
    """A cell of a language that does not exist."""
    return Cell(
        workload=workload,
        variant="node",
        parameters={"depth": 4},
        size="smoke",
        language=language,
        configuration="plain",
        toolchain="x1.2",
        limits=Limits(cpus=2, memory=None),
        mode=mode,
        warmup=warmup,
        iterations=iterations,
        rate=rate,
    )


def iteration(index: int, *, phase: str = "measured", elapsed: int = 1000, operations: int = 10, **more: Any) -> str:
    """One ``iteration`` line; iterations follow each other without a gap of interest."""
    return json.dumps(
        {
            "type": "iteration", "index": index, "phase": phase, "start_ns": 10_000 * index, "elapsed_ns": elapsed,
            "cpu_ns": 2 * elapsed, "operations": operations, "allocations": operations,
            "allocated_bytes": 8 * operations, "peak_live_bytes": 64 + index, "checksum": "00000000000000ff", **more,
        }
    )  # fmt: skip


def end(**more: Any) -> str:
    """The ``end`` line."""
    return json.dumps({"type": "end", "status": "ok", "peak_resident_bytes": 1 << 20, "resident_bytes": 1, **more})


def histogram(name: str, counts: Sequence[tuple[int, int]], maximum: int, **more: Any) -> str:
    """One ``histogram`` line of ``[index, count]`` pairs."""
    fields = {"lowest": 1, "highest": 3_600_000_000_000, "digits": 3, **more}
    count = sum(number for _, number in counts)
    return json.dumps({"type": "histogram", "name": name, "count": count, "max": maximum, "counts": counts, **fields})


def ticker(**more: int) -> str:
    """The ``ticker`` line, period 1,000."""
    known = {"period_ns": 1_000, "threshold_ns": 2_000, "start_ns": 0, "end_ns": 1, "ticks": 1, "skipped": 0}
    return json.dumps({"type": "ticker", **known, "dropped": 0, "cpu_ns": 1, **more})


def stall(begin: int, finish: int, *, kind: str = "ticker", **more: int) -> str:
    """One ``stall`` line."""
    return json.dumps({"type": "stall", "kind": kind, "start_ns": begin, "end_ns": finish, **more})


def pause(begin: int, finish: int, kind: str = "stop") -> str:
    """One ``gc_pause`` line."""
    return json.dumps({"type": "gc_pause", "kind": kind, "start_ns": begin, "end_ns": finish})


def control(*gaps: tuple[int, int, int], policy: str = "SCHED_FIFO") -> Control:
    """A control on two CPUs with gaps of (CPU, start, end)."""
    return Control(
        period_ns=1_000, threshold_ns=2_000, in_force=policy, cpus=(0, 1), start_ns=0, end_ns=10**9, ticks=1, skipped=0,
        cpu_ns=0, gaps=gaps,
    )  # fmt: skip


def start(*, toolchain: str = "x1.2.3", cpu_resolution_ns: int = 1) -> str:
    """The ``start`` line."""
    return json.dumps(
        {
            "type": "start", "format": 1, "language": "x", "toolchain": toolchain, "in_force": {}, "cpus": 2, "pid": 1,
            "cpu_resolution_ns": cpu_resolution_ns,
        }
    )  # fmt: skip


def record(
    lines: Sequence[str],
    *,
    of: Cell | None = None,
    block: int | None = 1,
    slot: int = 0,
    attempt: int = 1,
    replica: Replica = "a",
    stage: Stage = "measure",
    status: Status = "ok",
    reason: str | None = None,
    flags: tuple[str, ...] = (),
    sources: str = "s1",
    spec: str = "w1",
    observed: Mapping[str, Any] | None = None,
    may_fail: tuple[Status, ...] = (),
) -> Record:
    """A record of ``lines`` as the worker's whole stream."""
    of = of or cell()
    invocation = Invocation(
        cell=of,
        build=Build(language=of.language, toolchain=of.toolchain, options={}),
        replica=replica,
        stage=stage,
        block=block,
        slot=slot,
        attempt=attempt,
        seed=42,
        command=("runner", of.workload, "variant=node", f"mode={of.mode}"),
        environment={},
        may_fail=may_fail,
    )
    seen: dict[str, Any] = {
        "engine": "fake", "image": None, "started_ns": 0, "released_ns": 100, "end_received_ns": 5100, "ended_ns": 6000,
        "exit_code": 0, "oom_killed": False, "limits_read_back": {}, "unavailable": {}, **(observed or {}),
    }  # fmt: skip
    return Record(
        format=1,
        id=invocation.id,
        invocation=invocation,
        status=status,
        reason=reason,
        observed=Observed(**seen),
        flags=flags,
        digest=Digest(workload=spec, sources=sources),
        messages=tuple(lines),
    )


def timed(elapsed: int, **more: Any) -> Record:
    """A record with one warm-up iteration and two measured ones of ``elapsed`` ns each."""
    lines = [
        start(),
        iteration(0, phase="warmup", elapsed=9 * elapsed),
        iteration(1, elapsed=elapsed),
        iteration(2, elapsed=elapsed),
        end(),
    ]
    return record(lines, **more)


def metric(source: str, *, name: str = "time.per_operation", **more: Any) -> Metric:
    """A metric of that source."""
    fields: dict[str, Any] = {
        "id": name, "title": name, "unit": "ns", "better": "lower", "modes": ("throughput",), "scope": "uniform",
        "assumption": "ratio", "source": source, "tier": 3, "check": None, **more,
    }  # fmt: skip
    return Metric(**fields)


TIME = metric("iteration.elapsed_ns / iteration.operations")
