"""What measuring itself costs, read from records: instruments on against off, and time outside the workloads.

The instruments of a mode are compared with mode throughput, which has none: the same cell, interleaved in blocks. In
mode latency the warm-up iterations do the operations one after the other through the recorder, so they are what
compares. Mode exact is never timed and has no overhead to speak of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from harness.catalog.model import Cell, Mode
from harness.protocol.messages import Iteration
from harness.protocol.record import Record
from harness.samples.collect import settle
from harness.samples.readings import Absent, stream
from harness.stats import paired
from harness.stats.values import Comparison, Sample

LEVEL: Final = 0.05
INSTRUMENTS: Final[Mapping[Mode, str]] = {
    "memory": "resident curve sampled from outside, checkpoints",
    "latency": "two clock readings and two histogram entries an operation",
}
"""What each mode adds to mode throughput while operations follow one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrumented:
    """Wall time per operation in ``mode`` over that in mode throughput, for one workload and configuration."""

    label: str
    mode: Mode
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Wall time of an invocation that its worker did not spend between release and last line: ns and share, medians.

    It holds the start and the removal of the container, the worker's own start, and all that the harness does.
    """

    label: str
    invocations: int
    outside_ns: float
    share: float


def instrumented(records: Sequence[Record]) -> tuple[Instrumented, ...]:
    """Every mode with instruments against mode throughput, per workload and configuration measured in both."""
    values: dict[tuple[str, Mode], dict[int, float]] = {}
    for one in settle(records)[0]:
        cell = one.record.invocation.cell
        value = _per_operation(one.record)
        if value is not None and one.record.invocation.block is not None and one.record.invocation.replica == "a":
            values.setdefault((_name(cell), cell.mode), {})[one.number] = value
    found = []
    for (name, mode), measured in values.items():
        plain = values.get((name, "throughput"))
        if mode in INSTRUMENTS and plain is not None:
            sides = [
                Sample(label=f"{name} {which}", metric="time", unit="ns", assumption="ratio", values=side)
                for which, side in ((mode, measured), ("throughput", plain))
            ]
            comparison = paired.compare(sides[0], sides[1], level=LEVEL)
            found.append(Instrumented(label=name, mode=mode, comparison=comparison))
    return tuple(found)


def outside(records: Sequence[Record]) -> tuple[Outside, ...]:
    """Time outside the workloads, per language, over all invocations that ended well; a rerun counts as one more."""
    spent: dict[str, list[tuple[int, int]]] = {}
    for record in records:
        observed = record.observed
        if record.status == "ok" and observed.released_ns is not None and observed.end_received_ns is not None:
            whole = observed.ended_ns - observed.started_ns
            inside = observed.end_received_ns - observed.released_ns
            spent.setdefault(record.invocation.cell.language, []).append((whole - inside, whole))
    return tuple(
        Outside(
            label=label,
            invocations=len(each),
            outside_ns=median(out for out, _ in each),
            share=median(out / whole for out, whole in each),
        )
        for label, each in sorted(spent.items())
    )


def _per_operation(record: Record) -> float | None:
    """Wall time per operation, ns, of the iterations that compare; None where there are none."""
    parsed = stream(record)
    if record.status != "ok" or isinstance(parsed, Absent):
        return None
    mode = record.invocation.cell.mode
    # The first warm-up iteration is cold, as the one that mode throughput leaves out.
    compared = parsed.measured if mode != "latency" else _warm(parsed.iterations)
    operations = sum(one.operations for one in compared)
    return sum(one.elapsed_ns for one in compared) / operations if operations else None


def _warm(iterations: Sequence[Iteration]) -> Sequence[Iteration]:
    return [one for one in iterations if one.phase == "warmup" and one.index > 0]


def _name(cell: Cell) -> str:
    return f"{cell.language}/{cell.configuration} {cell.workload}/{cell.variant}"
