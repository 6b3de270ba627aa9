"""Records as files that other tools read: pyperf JSON, Go's benchmark format, CSV.

Everything comes from the messages as they were printed. Nothing is averaged: each measured iteration stays a value of
its own, warm-up iterations stay apart from them, and a failed invocation is a line with its status, never a number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.catalog.model import Catalog
from harness.errors import UsageError
from harness.protocol.messages import Iteration
from harness.protocol.record import Record
from harness.report.html import table
from harness.samples.collect import collect, settle
from harness.samples.readings import Stream, stream

RECORD_COLUMNS: Final = (
    "id", "status", "reason", "language", "configuration", "toolchain", "workload", "variant", "size", "mode", "warmup",
    "iterations", "cpus", "memory_limit", "stage", "replica", "block", "slot", "attempt", "seed", "engine", "flags",
    "operations", "elapsed_ns", "cpu_ns", "peak_resident_bytes", "minor_faults", "major_faults", "foreign_busy_ns",
    "steal_ns", "workload_digest", "sources_digest",
)  # fmt: skip
SAMPLE_COLUMNS: Final = (
    "metric", "unit", "language", "configuration", "toolchain", "workload", "variant", "form", "size", "mode", "stage",
    "replica", "block", "value",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export needs: the records of one run, the catalogue they were made with, and the run's id."""

    run: str
    records: Sequence[Record]
    catalog: Catalog


def export(format_: str, exported: Exported) -> str:
    """The text of one of :data:`FORMATS`; UsageError for another name, or where no record holds a value."""
    if format_ not in FORMATS:
        raise UsageError(f"there is no export format {format_!r}; choose one of {', '.join(FORMATS)}")
    return FORMATS[format_](exported)


def pyperf_json(exported: Exported) -> str:
    """One ``pyperf.Benchmark`` per cell and form, one run per invocation; seconds per operation.

    ``pyperf.BenchmarkSuite.load`` reads it back. What is not a timing of mode throughput is left out.
    """
    import pyperf

    groups: dict[str, list[pyperf.Run]] = {}
    for record, iterations in _timed(exported.records):
        for form, mine in _by_form(iterations).items():
            name = benchmark_name(record, form)
            found = [(one.phase, one.elapsed_ns / one.operations / 1e9) for one in mine if one.operations]
            values = [value for phase, value in found if phase == "measured" and value > 0]
            warmups = [(1, value) for phase, value in found if phase == "warmup"]
            if values:
                # pyperf's own collection would describe this process, not the one that was measured.
                run = pyperf.Run(
                    values, warmups=warmups, metadata=_metadata(record, name, exported.run), collect_metadata=False
                )
                groups.setdefault(name, []).append(run)
    if not groups:
        raise UsageError(f"run {exported.run} holds no complete timing, so there is nothing to export as pyperf")
    suite = pyperf.BenchmarkSuite([pyperf.Benchmark(runs) for runs in groups.values()])
    return _dumped(suite)


def benchmark_name(record: Record, form: str | None) -> str:
    """A name without spaces that tells any two cells of a suite apart, and the control's replica from the rest."""
    cell = record.invocation.cell
    parts = [cell.language, cell.configuration, cell.toolchain, cell.workload, form or cell.variant]
    control = ["control"] if record.invocation.replica == "b" else []
    return "/".join([*parts, f"{cell.size}-w{cell.warmup}-i{cell.iterations}", *control])


def benchfmt(exported: Exported) -> str:
    """Go's benchmark format, for benchstat: one line per invocation and form, configuration lines where they change.

    Values are per operation (``ns/op``), or of the whole process (``peak-bytes``). Blocks keep their order and get no
    configuration line: benchstat would make a table of each.
    """
    lines: list[str] = [f"run: {exported.run}"]
    shown: dict[str, str] = {}
    for record, iterations in _timed(exported.records):
        cell = record.invocation.cell
        settings = {
            "language": cell.language, "configuration": cell.configuration, "toolchain": cell.toolchain,
            "engine": record.observed.engine,
        }  # fmt: skip
        for form, mine in _by_form(iterations).items():
            measured = [one for one in mine if one.phase == "measured"]
            operations = sum(one.operations for one in measured)
            if not operations:
                continue
            lines += [f"{key}: {value}" for key, value in settings.items() if shown.get(key) != value]
            shown = settings
            lines.append(_benchmark_line(record, form, measured, operations))
    if len(lines) == 1:
        raise UsageError(f"run {exported.run} holds no complete timing, so there is nothing to export as benchfmt")
    return "\n".join(lines) + "\n"


def records_csv(exported: Exported) -> str:
    """One line per record, failures included; sums over measured iterations, empty where there is nothing."""
    return table(RECORD_COLUMNS, (_record_row(record) for record in exported.records))


def samples_csv(exported: Exported) -> str:
    """One line per value of a sample: metric, cell, form, block, value in the metric's unit."""
    return table(SAMPLE_COLUMNS, _sample_rows(exported))


FORMATS: Final[Mapping[str, Callable[[Exported], str]]] = {
    "pyperf": pyperf_json,
    "benchfmt": benchfmt,
    "csv": samples_csv,
    "records-csv": records_csv,
}
"""By the name that ``export --format`` takes."""


def _timed(records: Iterable[Record]) -> Iterator[tuple[Record, Sequence[Iteration]]]:
    """Records that count (no leftovers, no rerun invocations), ended well and were timed, with their iterations."""
    for record in (one.record for one in settle(records)[0]):
        if record.status == "ok" and record.invocation.cell.mode == "throughput":
            parsed = stream(record)
            if isinstance(parsed, Stream) and parsed.iterations:
                yield record, parsed.iterations


def _by_form(iterations: Sequence[Iteration]) -> Mapping[str | None, Sequence[Iteration]]:
    forms: dict[str | None, list[Iteration]] = {}
    for one in iterations:
        forms.setdefault(one.form, []).append(one)
    return forms


def _metadata(record: Record, name: str, run: str) -> Mapping[str, str | int]:
    invocation, cell = record.invocation, record.invocation.cell
    known: Mapping[str, str | int | None] = {
        "name": name, "unit": "second", "loops": 1, "memverdict_run": run, "memverdict_record": record.id,
        "memverdict_stage": invocation.stage, "memverdict_replica": invocation.replica,
        "memverdict_block": invocation.block, "memverdict_engine": record.observed.engine,
        "memverdict_image": record.observed.image, "memverdict_command": " ".join(invocation.command),
        "memverdict_flags": " ".join(record.flags) or None, "memverdict_cpus": cell.limits.cpus,
        "memverdict_memory_limit": cell.limits.memory, "mem_max_rss": record.observed.vm_hwm_bytes or None,
    }  # fmt: skip
    return {key: value for key, value in known.items() if value is not None}


def _dumped(suite: Any) -> str:
    """The suite's JSON, by way of a folder: pyperf closes what it writes to."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "suite.json"
        suite.dump(str(path))
        return path.read_text(encoding="utf-8")


def _benchmark_line(record: Record, form: str | None, measured: Sequence[Iteration], operations: int) -> str:
    cell = record.invocation.cell
    camel = "".join(part.capitalize() for part in cell.workload.split("_"))
    name = f"Benchmark{camel}/{form or cell.variant}/w{cell.warmup}i{cell.iterations}/{record.invocation.replica}"
    elapsed = sum(one.elapsed_ns for one in measured) / operations
    cpu = sum(one.cpu_ns for one in measured) / operations
    parsed = stream(record)
    peak = parsed.end.peak_resident_bytes if isinstance(parsed, Stream) and parsed.end else None
    values = [f"{elapsed:.6g} ns/op", f"{cpu:.6g} cpu-ns/op", *([] if peak is None else [f"{peak} peak-bytes"])]
    return "\t".join([f"{name}-{cell.limits.cpus}", str(operations), *values])


def _record_row(record: Record) -> Sequence[object]:
    invocation, cell, seen = record.invocation, record.invocation.cell, record.observed
    parsed = stream(record)
    measured = parsed.measured if isinstance(parsed, Stream) else ()
    end = parsed.end if isinstance(parsed, Stream) else None
    sums = [
        sum(getattr(one, name) for one in measured) if measured else None
        for name in ("operations", "elapsed_ns", "cpu_ns")
    ]
    return (
        record.id, record.status, record.reason, cell.language, cell.configuration, cell.toolchain, cell.workload,
        cell.variant, cell.size, cell.mode, cell.warmup, cell.iterations, cell.limits.cpus, cell.limits.memory,
        invocation.stage, invocation.replica, invocation.block, invocation.slot, invocation.attempt, invocation.seed,
        seen.engine, " ".join(record.flags), *sums, end.peak_resident_bytes if end else None, seen.minor_faults,
        seen.major_faults, seen.foreign_busy_ns, seen.steal_ns, record.digest.workload, record.digest.sources,
    )  # fmt: skip


def _sample_rows(exported: Exported) -> Iterator[Sequence[object]]:
    for metric in exported.catalog.metrics.values():
        for one in collect(exported.records, metric):
            cell = one.cell
            head = (
                metric.id, metric.unit, cell.language, cell.configuration, cell.toolchain, cell.workload, cell.variant,
                one.form, cell.size, cell.mode, one.stage, one.replica,
            )  # fmt: skip
            for block, value in sorted(one.sample.values.items()):
                yield (*head, block, value)
