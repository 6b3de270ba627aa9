"""The committed baseline of exact counts: ``results/baselines/exact.json``, one entry per cell, form and metric.

An entry is keyed by the minor version of the toolchain that really ran (read from the worker, not from what was asked
for) and records the patch. Recording replaces the entries it has new numbers for and keeps all others, so that
machines with different toolchains can share one file.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from harness.catalog.model import Metric
from harness.errors import DataError, UnfitError
from harness.gate.tiers import EXACT
from harness.protocol.record import Record
from harness.samples.collect import settle
from harness.samples.readings import Absent, readings, stream
from harness.samples.source import parse_source

PATH: Final = Path("results/baselines/exact.json")

_STRICT = ConfigDict(extra="forbid", strict=True)
_VERSION = re.compile(r"\d+(?:\.\d+)*")

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One exact total: what ``iterations`` measured iterations of one process allocated, in the metric's unit.

    ``toolchain`` is the minor version that ran (``x1.27``), ``patch`` the worker's own words for it; ``spec`` is the
    digest of the workload's specification, without which the numbers mean nothing.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    workload: str
    variant: str
    form: str | None
    parameters: dict[str, int]
    size: str
    language: str
    configuration: str
    toolchain: str
    patch: str
    warmup: int
    iterations: int
    metric: str
    total: int
    operations: int
    spec: str

    @property
    def cell(self) -> Key:
        """What identifies the measured cell, whatever the metric, form and version."""
        parameters = tuple(sorted(self.parameters.items()))
        return (self.workload, self.variant, parameters, self.size, self.language, self.configuration, self.warmup,
                self.iterations)  # fmt: skip

    @property
    def key(self) -> Key:
        """What two entries share that say the same thing."""
        return (*self.cell, self.toolchain, self.metric, self.form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """All entries, in a stable order."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    format: Literal[1] = 1
    entries: tuple[Entry, ...] = ()


_BASELINE: Final = TypeAdapter(Baseline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Exact totals of one cell, form and metric over all its processes; ``entry`` holds their median."""

    entry: Entry
    totals: tuple[int, ...]
    label: str


def load_baseline(text: str, path: Path = PATH) -> Baseline:
    """The file's content as a value; DataError names the key that is wrong and says how to record it anew."""
    try:
        return _BASELINE.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(path, key, first["msg"], "take the file from version control or record it anew") from error


def dump_baseline(baseline: Baseline) -> str:
    """The file's content: one entry a line, sorted, so that a change of one number is a change of one line."""
    lines = [json.dumps(dataclasses.asdict(entry), sort_keys=True) for entry in _sorted(baseline.entries)]
    return '{"format": 1, "entries": [\n' + ",\n".join(lines) + "\n]}\n"


def record_baseline(baseline: Baseline, records: Iterable[Record], metrics: Mapping[str, Metric]) -> Baseline:
    """``baseline`` with the exact totals of ``records`` put in.

    UnfitError when a record failed that may not fail, or when nothing was counted: a baseline is never recorded from
    a broken run.
    """
    counted = [one.record for one in settle(records)[0] if one.record.invocation.cell.mode == "exact"]
    broken = [one for one in counted if one.status != "ok" and one.status not in one.invocation.may_fail]
    if broken:
        first = broken[0]
        raise UnfitError(
            f"{len(broken)} of {len(counted)} exact invocations failed, first {first.invocation.cell.label}: "
            f"{first.status} ({first.reason or 'no reason'}); nothing was recorded"
        )
    new = {one.entry.key: one.entry for one in count([one for one in counted if one.status == "ok"], metrics)}
    if not new:
        raise UnfitError("no exact count was measured; run cells of mode exact and record again")
    kept = {entry.key: entry for entry in baseline.entries}
    return Baseline(entries=_sorted((kept | new).values()))


def count(records: Sequence[Record], metrics: Mapping[str, Metric]) -> tuple[Counted, ...]:
    """Exact totals of ``ok`` records in mode exact, one per cell, version, form and metric of tier 1."""
    groups: dict[Key, list[Entry]] = {}
    labels: dict[Key, str] = {}
    for metric in metrics.values():
        if metric.tier != EXACT:
            continue
        source = parse_source(metric)
        for record in records:
            found = readings(record, source)
            for reading in () if isinstance(found, Absent) else found:
                total, operations = int(reading.total), int(reading.operations)
                entry = _entry(record, metric, reading.form, total, operations)
                groups.setdefault(entry.key, []).append(entry)
                cell = record.invocation.cell.label
                labels[entry.key] = cell if reading.form is None else f"{cell} {reading.form}"
    result = []
    for key, entries in groups.items():
        totals = tuple(sorted(entry.total for entry in entries))
        middle = dataclasses.replace(entries[-1], total=median_low(totals))
        result.append(Counted(entry=middle, totals=totals, label=labels[key]))
    return tuple(result)


def version_of(record: Record) -> tuple[str, str]:
    """The minor version of the toolchain that ran a record, and its own full name for itself.

    The toolchain's id says how many parts of a version are its minor (``x1.27`` two, ``y25`` one); the worker says
    which. What a worker that never started would have run is taken to be what was asked for.
    """
    asked = record.invocation.cell.toolchain
    parsed = stream(record)
    if isinstance(parsed, Absent) or parsed.start is None:
        return asked, asked
    reported = parsed.start.toolchain
    wanted, there = _VERSION.search(asked), _VERSION.search(reported)
    if wanted is None or there is None:
        return asked, reported
    parts = there[0].split(".")[: wanted[0].count(".") + 1]
    return asked[: wanted.start()] + ".".join(parts) + asked[wanted.end() :], reported


def _entry(record: Record, metric: Metric, form: str | None, total: int, operations: int) -> Entry:
    cell = record.invocation.cell
    minor, patch = version_of(record)
    return Entry(
        workload=cell.workload,
        variant=cell.variant,
        form=form,
        parameters=dict(cell.parameters),
        size=cell.size,
        language=cell.language,
        configuration=cell.configuration,
        toolchain=minor,
        patch=patch,
        warmup=cell.warmup,
        iterations=cell.iterations,
        metric=metric.id,
        total=total,
        operations=operations,
        spec=record.digest.workload,
    )


def _sorted(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: json.dumps(dataclasses.asdict(entry), sort_keys=True)))
