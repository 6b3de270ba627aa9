"""A small run by hand: a catalogue, claims, findings, records and health as plain values.

The numbers are invented and only have to be plausible; jitter comes from a fixed seed, so that a report built here is
the same on every machine.
"""

import json
import math
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from hdrh.histogram import HdrHistogram

from harness.catalog.model import (
    Build,
    Catalog,
    Cell,
    Configuration,
    Exclusion,
    Invocation,
    Iterations,
    Lane,
    Language,
    Limits,
    LimitsOverride,
    Metric,
    Parameter,
    Status,
    Toolchain,
    Variant,
    Workload,
)
from harness.claims.model import Claim, Contrast, Finding, Health, Row, Verdict, VerdictWord
from harness.protocol.record import Digest, Observed, Record
from harness.report.build import build_report
from harness.report.model import Report
from harness.stats.values import Decision, Warning

BLOCKS = 7
WORKLOADS: Mapping[str, str] = {
    "binary_trees": "Binary trees",
    "message_window": "Message window",
    "lru_cache": "LRU cache",
}
RATIOS: Mapping[tuple[str, str], tuple[float, float, float]] = {
    ("c", "glibc"): (1.0, 1.0, 1.0),
    ("c", "mimalloc"): (0.71, 1.12, 0.72),
    ("go", "default"): (1.18, 1.94, 1.71),
    ("java", "default"): (0.93, 4.60, 1.12),
    ("java", "g1"): (0.95, 5.30, 1.44),
}
"""Wall time, peak memory and CPU of each configuration, relative to the first."""


def _language(id_: str, title: str, colour: str, marker: str, lanes: Mapping[str, Lane]) -> Language:
    chain = Toolchain(
        id=f"{id_}1", default=True, probe=(id_, "version"), packages=(), runtime_packages=(), backports=False, path="",
        pypi=None, host_packages=(),
    )  # fmt: skip
    configurations = tuple(
        Configuration(
            id=name, lane=lane, about=f"{title} as {name}", toolchain=chain.id, environment={}, build={}, in_force={},
            may_fail=("oom",) if lane == "no_reclaim" else (),
        )
        for name, lane in lanes.items()
    )  # fmt: skip
    return Language(
        id=id_, title=title, colour=colour, marker=marker, dash="solid", runner="runner", source="workloads/{id}",
        comment="//", folder=PurePosixPath("langs") / id_, toolchains=(chain,), configurations=configurations,
        mode_build={}, absent={},
    )  # fmt: skip


def _workload(id_: str, title: str) -> Workload:
    return Workload(
        id=id_, title=title, models="Programs that make and drop many small objects.", isolates="short-lived objects",
        operation="object made", algorithm="as it says", arrivals_replace=None, open_loop={},
        parameters={"size": Parameter(unit="bytes", smoke=16, quick=1024, full=4096)},
        iterations={size: Iterations(warmup=1, measured=2) for size in ("smoke", "quick", "full")},
        variants=(Variant(id="heap", about="on the heap"),), limits=LimitsOverride(), goldens=(),
        differences=("A reference takes 8 bytes in C and Go, 4 in Java.",),
    )  # fmt: skip


def _metric(id_: str, title: str, unit: str, source: str, **more: Any) -> Metric:
    return Metric(
        id=id_, title=title, unit=unit, better="lower", modes=more.get("modes", ("throughput",)), scope="uniform",
        assumption=more.get("assumption", "ratio"), source=source, tier=3, check=None,
    )  # fmt: skip


def catalog() -> Catalog:
    """Three languages, three workloads, the metrics that the report names."""
    languages = (
        _language("c", "C", "#D55E00", "s", {"glibc": "default", "mimalloc": "tuned"}),
        _language("go", "Go", "#0072B2", "o", {"default": "default", "no_reclaim": "no_reclaim"}),
        _language("java", "Java", "#009E73", "^", {"default": "default", "g1": "tuned"}),
    )
    metrics = (
        _metric("time.per_operation", "wall time per operation", "ns", "iteration.elapsed_ns / iteration.operations"),
        _metric("cpu.per_operation", "CPU time per operation", "ns", "iteration.cpu_ns / iteration.operations"),
        _metric("memory.peak", "peak resident memory", "bytes", "end.peak_resident_bytes"),
        _metric(
            "allocations.count", "heap allocations per operation", "count",
            "iteration.runtime_allocations / iteration.operations", modes=("exact",), assumption="exact",
        ),
    )  # fmt: skip
    return Catalog(
        workloads={id_: _workload(id_, title) for id_, title in WORKLOADS.items()},
        languages={entry.id: entry for entry in languages},
        metrics={entry.id: entry for entry in metrics},
        suites={},
        digest="0" * 64,
    )


def contrast(id_: str, **fields: Any) -> Contrast:
    """A contrast of kind ratio with margin 1.10, or what ``fields`` make of it."""
    known: dict[str, Any] = {
        "kind": "ratio", "decides": True, "metric": "time.per_operation", "subject": "go/default",
        "baseline": "c/glibc", "over": "", "mode": "throughput", "margin": 1.10,
        "equivalent": 1.05, "predicted": "above", "expected": None,
        "tolerance": 0.0, "warmup": None, "iterations": None, "crosses": None, "about": "",
    }  # fmt: skip
    return Contrast(id=id_, **{**known, **fields})


def exact(id_: str, expected: float) -> Contrast:
    """A contrast of kind exact."""
    return contrast(
        id_, kind="exact", metric="allocations.count", baseline=None, margin=None, expected=expected, tolerance=8.0
    )


def claim(id_: str, statement: str, *contrasts: Contrast, **fields: Any) -> Claim:
    """A claim of group speed, or what ``fields`` make of it."""
    known: dict[str, Any] = {
        "group": "speed", "section": "Comparison with other languages", "quantifier": "generally",
        "by_construction": False, "cannot_say": "What C++ would do: it was not measured.", "not_measurable": None,
        "factors": {}, "answer": {},
    }  # fmt: skip
    return Claim(
        id=id_, statement=statement, contrasts=contrasts, digest=f"{len(statement):064x}", **{**known, **fields}
    )


def claims() -> tuple[Claim, ...]:
    """One claim for each way a verdict can come out, and one that is not asked."""
    return (
        claim(
            "manual_is_faster", "Go's collector may not reach the speed of managing memory by hand in C.",
            contrast("time"), contrast("cpu", decides=False, metric="cpu.per_operation", about="all threads"),
            factors={"c_allocator": {"glibc": "c/glibc", "mimalloc": "c/mimalloc"}},
        ),
        claim(
            "stack_is_faster", "A value on the stack is faster to make, use and drop than the same value on the heap.",
            contrast("allocate", margin=1.5), contrast("access", decides=False, predicted="equal"),
        ),
        claim("reuse_is_faster", "The runtime speeds up allocation by reusing blocks.", contrast("time")),
        claim(
            "manual_uses_less_memory", "Managing memory by hand in C may need less memory than Go's collector.",
            contrast("peak", metric="memory.peak"), group="memory",
        ),
        claim(
            "constructor_escapes", "A constructor that returns a pointer to its local puts the object on the heap.",
            exact("stored", 1), exact("inlined", 1), exact("not_inlined", 1), group="memory", quantifier="always",
            by_construction=True,
        ),
        claim(
            "safer_choice", "Automatic management is easier and safer.", group="safety",
            not_measurable="No run can measure ease; see the claims with its measurable parts.",
        ),
        claim("high_load_amplifies", "Especially so under high load.", contrast("time"), group="concurrency"),
    )  # fmt: skip


def finding(
    claim_id: str, contrast_id: str, decision: Decision, point: float, half: float = 0.0, **fields: Any
) -> Finding:
    """A finding whose interval is ``point`` times or divided by ``exp(half)``; no interval where ``half`` is 0."""
    known: dict[str, Any] = {
        "kind": "ratio", "factor_level": None, "unit": "x", "p": 0.001, "level": 0.0125, "blocks": BLOCKS,
        "thresholds": {"margin": 1.10, "equivalent": 1.05}, "rows": (), "differences": {}, "spread": 0.02,
        "estimand": "geometric mean of the blocks' ratios", "metric": "time.per_operation", "warnings": (),
        "cells": ("go/default binary_trees/heap throughput", "c/glibc binary_trees/heap throughput"),
    }  # fmt: skip
    bounds = (point * math.exp(-half), point * math.exp(half)) if half else (None, None)
    return Finding(
        claim=claim_id, contrast=contrast_id, decision=decision, point=point, low=bounds[0], high=bounds[1],
        **{**known, **fields},
    )  # fmt: skip


def exact_finding(contrast_id: str, decision: Decision, point: float) -> Finding:
    """A counted finding of ``constructor_escapes``, expected to be 1."""
    return finding(
        "constructor_escapes", contrast_id, decision, point, kind="exact", unit="count", p=None, level=0.0, blocks=1,
        thresholds={"expected": 1.0, "tolerance": 8e-6}, spread=None, metric="allocations.count",
        cells=("go/default escape/all exact",),
    )  # fmt: skip


def row(workload: str, decision: Decision, point: float, half: float) -> Row:
    """One workload behind a finding."""
    return Row(
        label=f"go/default {workload}/heap : c/glibc {workload}/heap", point=point, low=point * math.exp(-half),
        high=point * math.exp(half), unit="x", decision=decision, workload=workload,
    )  # fmt: skip


def verdict(claim_id: str, word: VerdictWord, answer: str, *findings: Finding, **fields: Any) -> Verdict:
    """A verdict without a flip, or what ``fields`` make of it."""
    known: dict[str, Any] = {"flips_with": "", "blocks_needed": None, "level": 0.0125, "warnings": ()}
    return Verdict(claim=claim_id, verdict=word, answer=answer, findings=findings, **{**known, **fields})


def verdicts() -> tuple[Verdict, ...]:
    """Verdicts of all claims but the last."""
    noisy = Warning(code="host_disturbed", text="2 of 7 values were measured while the host was disturbed: steal",
                    remedy="keep the machine idle while it measures")  # fmt: skip
    rows = (
        row("binary_trees", "holds", 1.61, 0.05),
        row("message_window", "equivalent", 1.01, 0.02),
        row("lru_cache", "undecided", 1.12, 0.06),
    )
    glibc, mimalloc = ("c_allocator", "glibc"), ("c_allocator", "mimalloc")
    return (
        verdict(
            "manual_is_faster", "depends",
            "C by hand is faster than Go with mimalloc (Go takes 1.66× [1.58, 1.75] as long), not with glibc "
            "(1.01× [0.98, 1.04]).",
            finding("manual_is_faster", "time", "equivalent", 1.01, 0.03, factor_level=glibc, rows=rows),
            finding("manual_is_faster", "time", "holds", 1.66, 0.05, factor_level=mimalloc),
            finding("manual_is_faster", "cpu", "holds", 1.71, 0.04, factor_level=glibc, metric="cpu.per_operation"),
            flips_with="c_allocator",
        ),
        verdict(
            "stack_is_faster", "supported",
            "The stack is faster: the same value on the heap takes 9.21× [8.85, 9.59] as long.",
            finding("stack_is_faster", "allocate", "holds", 9.21, 0.04, thresholds={"margin": 1.5, "equivalent": 1.05}),
            finding("stack_is_faster", "access", "undecided", 1.02, 0.07),
        ),
        verdict(
            "reuse_is_faster", "inconclusive",
            "Not decided by this run: time 1.14× [0.97, 1.34], about 23 blocks would decide.",
            finding("reuse_is_faster", "time", "undecided", 1.14, 0.16, warnings=(noisy,), disturbed=2 / 7),
            blocks_needed=23,
        ),
        verdict(
            "manual_uses_less_memory", "refuted",
            "C by hand does not need less memory than Go: Go's peak is 0.94× [0.90, 0.98] as high.",
            finding("manual_uses_less_memory", "peak", "fails", 0.94, 0.04, metric="memory.peak"),
        ),
        verdict(
            "constructor_escapes", "refuted",
            "Not always: inlined into its caller it allocates nothing, kept out of line 1 per operation, "
            "stored 1 per operation.",
            exact_finding("stored", "holds", 1.000001), exact_finding("inlined", "fails", 0.0),
            exact_finding("not_inlined", "holds", 1.0), level=0.05,
        ),
        verdict("safer_choice", "not_measurable", "No run can measure ease; see the claims with its measurable parts."),
    )  # fmt: skip


def cell(language: str, configuration: str, workload: str, **fields: Any) -> Cell:
    """A throughput cell of the quick size."""
    known: dict[str, Any] = {
        "variant": "heap", "parameters": {"size": 1024}, "size": "quick", "toolchain": f"{language}1",
        "limits": Limits(cpus=2, memory=2**31), "mode": "throughput", "warmup": 1, "iterations": 2,
    }  # fmt: skip
    return Cell(workload=workload, language=language, configuration=configuration, **{**known, **fields})


def record(of: Cell, *, block: int | None, slot: int = 0, status: Status = "ok", **fields: Any) -> Record:
    """A record with two measured iterations of ``ns`` per operation and a peak of ``peak`` bytes."""
    ns, cpu, peak = fields.pop("ns", 100.0), fields.pop("cpu", 120.0), fields.pop("peak", 2**24)
    attempt, may_fail, reason = fields.pop("attempt", 1), fields.pop("may_fail", ()), fields.pop("reason", None)
    operations = 1_000_000
    messages: list[Mapping[str, object]] = [
        {"type": "start", "format": 1, "language": of.language, "toolchain": f"{of.language} 1.2.3",
         "in_force": {"collector": "its own"}, "cpus": 2, "pid": 1, "cpu_resolution_ns": 1},
        {"type": "ready"},
    ]  # fmt: skip
    for index in range(of.warmup + of.iterations):
        slower = 1.5 if index < of.warmup else 1.0
        messages.append(
            {"type": "iteration", "index": index, "phase": "warmup" if index < of.warmup else "measured",
             "start_ns": 1000 + index, "elapsed_ns": round(ns * operations * slower), "cpu_ns": round(cpu * operations),
             "operations": operations, "allocations": operations, "allocated_bytes": 32 * operations,
             "peak_live_bytes": 4096, "checksum": "0123456789abcdef"}
        )  # fmt: skip
    messages.append({"type": "end", "status": "ok", "peak_resident_bytes": round(peak), "resident_bytes": round(peak)})
    invocation = Invocation(
        cell=of, build=Build(language=of.language, toolchain=of.toolchain, options={}), replica="a", stage="measure",
        block=block, slot=slot, attempt=attempt, seed=42, command=("runner", of.workload), environment={},
        may_fail=may_fail,
    )  # fmt: skip
    observed = Observed(
        engine=fields.pop("engine", "docker"), image="sha256:0", started_ns=0, released_ns=1, end_received_ns=2,
        ended_ns=3, exit_code=0, oom_killed=status == "oom", vm_hwm_bytes=round(peak),
        limits_read_back={"memory": 2**31}, unavailable={},
    )  # fmt: skip
    lines = messages if status == "ok" else messages[:2]
    return Record(
        format=1, id=invocation.id, invocation=invocation, status=status, reason=reason, observed=observed,
        flags=fields.pop("flags", ()), digest=Digest(workload="w", sources="s"),
        messages=tuple(json.dumps(line) for line in lines), **fields,
    )  # fmt: skip


FELT: Mapping[tuple[str, str], tuple[int, int, int]] = {
    ("c", "glibc"): (0, 0, 3), ("go", "default"): (180_000, 9, 9), ("java", "g1"): (14_000_000, 8, 24),
}  # fmt: skip
"""Longest reported stop in ns, how many stops, and the longest stall in ms, of each configuration."""


def latency_records(block: int | None, slot: int, **fields: Any) -> list[Record]:
    """One invocation of each of :data:`FELT`, two seconds of 1,000 operations a second from 0 on."""
    found = []
    for place, ((language, configuration), (longest, stops, stalled)) in enumerate(FELT.items()):
        of = cell(
            language, configuration, "message_window", mode="latency", warmup=0, iterations=1, rate=1_000, seconds=2,
            tick_us=1000,
        )  # fmt: skip
        found.append(
            felt(record(of, block=block, slot=slot + place, **fields), longest=longest, stops=stops, stalled=stalled)
        )
    return found


def felt(of: Record, *, longest: int, stops: int, stalled: int, elapsed: int = 2_000_000_000) -> Record:
    """A record with what mode latency adds: histograms, a ticker, one stall of ``stalled`` ms and ``stops`` stops."""
    first, end = json.loads(of.messages[2]), of.messages[-1]
    layout = {"type": "histogram", "lowest": 1, "highest": 3_600_000_000_000, "digits": 3}
    slowest = stalled * 1_000_000
    place = HdrHistogram(1, 3_600_000_000_000, 3).get_counts_array_index(slowest)
    response = {"name": "response", "count": 2_000, "max": slowest, "counts": [[512, 1_985], [place, 15]]}
    lines: list[Mapping[str, object]] = [
        {**first, "start_ns": 0, "elapsed_ns": elapsed, "operations": 2_000},
        {**layout, **response},
        {"type": "ticker", "period_ns": 1_000_000, "threshold_ns": 2_000_000, "start_ns": 0, "end_ns": elapsed,
         "ticks": 1_990, "skipped": 10, "dropped": 0, "cpu_ns": 9_000_000},
        {"type": "stall", "kind": "ticker", "start_ns": 500_000_000, "end_ns": (500 + stalled) * 1_000_000,
         "run_delay_ns": 0},
        *({"type": "gc_pause", "kind": "stop", "start_ns": 500_000_000 + 5_000_000 * i,
           "end_ns": 500_000_000 + 5_000_000 * i + (longest if i == 0 else 50_000)} for i in range(stops)),
    ]  # fmt: skip
    return replace(of, messages=(*of.messages[:2], *(json.dumps(one) for one in lines), end))


def records() -> tuple[Record, ...]:
    """Seven blocks of five configurations over three workloads, with one declared OOM and one flagged rerun."""
    rng = random.Random(7)
    found = []
    for block in range(1, BLOCKS + 1):
        slot = 0
        for (language, configuration), (time, memory, cpu) in RATIOS.items():
            for place, workload in enumerate(WORKLOADS):
                jitter = [1 + rng.gauss(0, 0.015) for _ in range(3)]
                found.append(
                    record(
                        cell(language, configuration, workload), block=block, slot=slot,
                        ns=40 * (place + 1) * time * jitter[0], cpu=44 * (place + 1) * cpu * jitter[1],
                        peak=2**24 * (place + 1) * memory * jitter[2],
                    )
                )  # fmt: skip
                slot += 1
        found.append(
            record(
                cell("go", "no_reclaim", "binary_trees", warmup=0, iterations=1), block=block, slot=slot,
                status="oom", reason="killed at 2 GiB", may_fail=("oom",),
            )
        )  # fmt: skip
        found += latency_records(block, slot + 1)
    first = found[0]
    again = record(first.invocation.cell, block=1, slot=0, ns=40.0, cpu=44.0, attempt=2)
    disturbed = record(first.invocation.cell, block=1, slot=0, ns=60.0, cpu=44.0, flags=("steal",))
    return (disturbed, again, *found[1:])


def health() -> Health:
    """All canaries read back."""
    return Health(
        canaries={"memory": True, "pause": True, "cpu": True, "bytes": True},
        control="1.003 [0.991, 1.015]",
        failures=(),
    )


def provenance() -> Mapping[str, object]:
    """What the report reads of a run's provenance."""
    return {
        "runs": ["20260102-030405-quick-00002a"], "suite": "quick", "date": "2026-01-02 03:04 UTC",
        "commit": "0123456789abcdef0123", "dirty": False, "host": "a shared VM with 2 CPUs and 24 GiB", "seed": 42,
    }  # fmt: skip


def exclusions() -> tuple[Exclusion, ...]:
    """One cell that could not run."""
    return (Exclusion(what="java/g1 escape/value", reason="values are not passed by reference there"),)


def report(**changes: Any) -> Report:
    """The report of all of the above; a keyword replaces one of build_report's arguments."""
    arguments: dict[str, Any] = {
        "catalog": catalog(), "claims": claims(), "provenance": provenance(), "records": records(),
        "verdicts": verdicts(), "health": health(), "exclusions": exclusions(), "command": ".venv/bin/memverdict",
    }  # fmt: skip
    return build_report(**{**arguments, **changes})
