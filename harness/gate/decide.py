"""Head against the committed baseline: validity and exact counts, decided without a clock.

Every row explains itself: old and new, what was allowed, how the processes agreed among themselves, what the change
likely leads to, and the command that repeats it. A regression outranks what could not be compared, because it stands
whatever the rest would have said; an unfit run outranks both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from harness.catalog.model import Cell, Exclusion, Metric
from harness.gate.baseline import Baseline, Counted, Entry, Key, count, version_of
from harness.gate.tiers import EXACT, VALIDITY, allowed_growth
from harness.protocol.record import Record
from harness.samples.collect import settle
from harness.samples.readings import Absent, readings
from harness.samples.source import parse_source

Outcome = Literal["pass", "improved", "regression", "unknown", "invalid"]
"""``improved``: fewer than recorded. ``unknown``: nothing to compare with. ``invalid``: not measured."""

EXIT_PASS: Final = 0
EXIT_REGRESSION: Final = 1
EXIT_UNFIT: Final = 3

KNOCK_ON: Final[Mapping[str, str]] = {
    "count": "more CPU time per operation in allocation and release, more collections where a collector runs",
    "bytes": "a larger heap or earlier collections, more memory traffic and page faults",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """The commands that rows tell a reader to run; ``{selector}`` in ``repeat`` stands for the cell."""

    repeat: str = "memverdict gate --against-baseline --only '{selector}'"
    record: str = "memverdict gate --against-baseline --record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One cell (and form and metric) decided; ``old``, ``new`` and ``allowed`` growth are one process's, in ``unit``.

    ``patches`` are the toolchain's full names, recorded and now; ``control`` says how head's own processes agreed;
    ``why`` is a sentence, ``knock_on`` and ``remedy`` are empty where there is nothing to say.
    """

    label: str
    metric: str | None
    tier: int
    outcome: Outcome
    why: str
    unit: str = ""
    old: int | None = None
    new: int | None = None
    allowed: float | None = None
    operations: int | None = None
    patches: tuple[str, str] | None = None
    control: str = ""
    knock_on: str = ""
    remedy: str = ""
    repeat: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """All rows, what made the run unfit (empty: nothing), and notes on what was not looked at."""

    rows: tuple[Row, ...]
    unfit: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 pass · 1 regression · 3 unfit, invalid or nothing to compare with."""
        if self.unfit:
            return EXIT_UNFIT
        outcomes = {row.outcome for row in self.rows}
        if "regression" in outcomes:
            return EXIT_REGRESSION
        compared = outcomes & {"pass", "improved"}
        return EXIT_PASS if compared and not outcomes & {"unknown", "invalid"} else EXIT_UNFIT

    @property
    def summary(self) -> str:
        """One sentence that leads with the answer and says what it rests on."""
        numbers = {name: sum(row.outcome == name for row in self.rows) for name in ("regression", "unknown", "invalid")}
        exact = sum(row.tier == EXACT and row.outcome in ("pass", "improved", "regression") for row in self.rows)
        if self.unfit:
            return f"No decision, the run is unfit: {'; '.join(self.unfit)}."
        if numbers["regression"]:
            return f"{_plural(numbers['regression'], 'regression')} among {_plural(exact, 'exact value')} compared."
        if self.exit_code == EXIT_PASS:
            return f"No regression found in {_plural(exact, 'exact value')}; times were not compared."
        open_ = numbers["unknown"] + numbers["invalid"]
        return f"No decision: {_plural(open_, 'row')} could not be compared, {_plural(exact, 'exact value')} could."


def decide_exact(
    baseline: Baseline,
    records: Iterable[Record],
    metrics: Mapping[str, Metric],
    *,
    planned: Sequence[Cell] = (),
    exclusions: Sequence[Exclusion] = (),
    unfit: Sequence[str] = (),
    commands: Commands | None = None,
) -> GateResult:
    """Decide tiers 0 and 1 for the records of one run.

    ``planned`` are the cells of mode exact that had to be measured, ``exclusions`` what was left out with the reason,
    ``unfit`` what failed of canaries and control. Only metrics of tier 1 count.
    """
    commands = commands or Commands()
    settled = [one.record for one in settle(records)[0]]
    judge = _Judge(baseline=baseline, metrics=metrics, commands=commands)
    rows = [row for record in settled if (row := judge.validity(record)) is not None]
    good = [one for one in settled if one.status == "ok" and one.invocation.cell.mode == "exact"]
    counted = count(good, metrics)
    example = {(*_cell_key(one), version_of(one)[0]): one for one in good}
    rows += [judge.exact(one, example[(*one.entry.cell, one.entry.toolchain)]) for one in counted]
    rows += judge.vanished(good, counted)
    measured = {one.invocation.cell.key for one in settled}
    rows += [_unmeasured(cell, commands) for cell in planned if cell.key not in measured]
    rows.sort(key=lambda row: (_ORDER[row.outcome], row.label, row.metric or ""))
    return GateResult(rows=tuple(rows), unfit=tuple(unfit), notes=_notes(baseline, settled, exclusions))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    baseline: Baseline
    metrics: Mapping[str, Metric]
    commands: Commands

    def validity(self, record: Record) -> Row | None:
        """A row for an invocation that failed and was not expected to; None for all others."""
        if record.status == "ok" or record.status in record.invocation.may_fail:
            return None
        minor, patch = version_of(record)
        here = (_cell_key(record), minor) if record.invocation.cell.mode == "exact" else None
        known = next((entry for entry in self.baseline.entries if (entry.cell, entry.toolchain) == here), None)
        reason = f"{record.status}: {record.reason or 'no reason given'}"
        label = record.invocation.cell.label
        if known is None:
            why = f"it ends with {reason}, and the baseline does not know it"
            return self._row(record, Row(label=label, metric=None, tier=VALIDITY, outcome="invalid", why=why))
        row = Row(
            label=label,
            metric=None,
            tier=VALIDITY,
            outcome="regression",
            why=f"it ran when the baseline was recorded and now ends with {reason}",
            patches=(known.patch, patch),
            knock_on="nothing measured after it means anything until it runs again",
        )
        return self._row(record, row)

    def exact(self, counted: Counted, record: Record) -> Row:
        """One total against its entry."""
        now = counted.entry
        unit = self.metrics[now.metric].unit
        before = next((entry for entry in self.baseline.entries if entry.key == now.key), None)
        blocked = self._not_comparable(now, before)
        if before is None or blocked:
            row = Row(
                label=counted.label,
                metric=now.metric,
                tier=EXACT,
                outcome="unknown",
                why=blocked,
                unit=unit,
                new=now.total,
                operations=now.operations,
                control=_agreement(counted, unit),
                remedy=f"record it, after making sure that the numbers are right: {self.commands.record}",
            )
            return self._row(record, row)
        allowed = allowed_growth(before.total, unit)
        growth = now.total - before.total
        outcome: Outcome = "pass"
        if growth > allowed:
            outcome = "regression"
        elif -growth > allowed:
            outcome = "improved"
        row = Row(
            label=counted.label,
            metric=now.metric,
            tier=EXACT,
            outcome=outcome,
            why=_change(before, now, unit, allowed, outcome),
            unit=unit,
            old=before.total,
            new=now.total,
            allowed=allowed,
            operations=now.operations,
            patches=(before.patch, now.patch),
            control=_agreement(counted, unit),
            knock_on=KNOCK_ON.get(unit, "") if outcome == "regression" else "",
            remedy=f"keep the gain: {self.commands.record}" if outcome == "improved" else "",
        )
        return self._row(record, row)

    def vanished(self, good: Sequence[Record], counted: Sequence[Counted]) -> list[Row]:
        """Rows for totals that the baseline has and a measured cell no longer gives."""
        given = {one.entry.key for one in counted}
        cells = {(_cell_key(record), version_of(record)[0]): record for record in good}
        rows = []
        for entry in self.baseline.entries:
            record = cells.get((entry.cell, entry.toolchain))
            metric = self.metrics.get(entry.metric)
            if record is None or metric is None or entry.key in given:
                continue
            found = readings(record, parse_source(metric))
            reason = found.reason if isinstance(found, Absent) else f"the form {entry.form} is gone"
            label = record.invocation.cell.label
            row = Row(
                label=label if entry.form is None else f"{label} {entry.form}",
                metric=entry.metric,
                tier=VALIDITY,
                outcome="regression",
                why=f"it was counted when the baseline was recorded and no longer is: {reason}",
                unit=metric.unit,
                old=entry.total,
                patches=(entry.patch, version_of(record)[1]),
            )
            rows.append(self._row(record, row))
        return rows

    def _not_comparable(self, now: Entry, before: Entry | None) -> str:
        """Why there is nothing to hold ``now`` against; empty where there is."""
        if before is None:
            versions = sorted({one.toolchain for one in self.baseline.entries if one.cell == now.cell})
            there = f"only for {', '.join(versions)}" if versions else "nor for any other version"
            return f"the baseline has no number for it under {now.toolchain} ({now.patch}), {there}"
        if before.spec != now.spec:
            return "the workload's specification changed since the baseline was recorded"
        if before.operations != now.operations:
            return f"it does {now.operations:,} operations, the baseline's did {before.operations:,}"
        return ""

    def _row(self, record: Record, row: Row) -> Row:
        """``row`` with the commands that repeat it: the gate's, and the worker's own."""
        repeat = self.commands.repeat.format(selector=_selector(record.invocation.cell))
        return replace(row, repeat=repeat, command=" ".join(record.invocation.command))


_ORDER: Final[Mapping[Outcome, int]] = {"regression": 0, "invalid": 1, "unknown": 2, "improved": 3, "pass": 4}


def _change(before: Entry, now: Entry, unit: str, allowed: float, outcome: Outcome) -> str:
    """``13 → 113 bytes in one process (+769.2 %), at most +4,096 allowed``, with the patch when it is another."""
    share = f" ({(now.total - before.total) / before.total:+.2%})" if before.total else ""
    text = f"{before.total:,} → {now.total:,} {_noun(unit)} in one process{share}, +{allowed:,.0f} allowed"
    if before.patch != now.patch and outcome != "pass":
        text += f"; recorded under {before.patch}, now {now.patch}: the toolchain may be the cause"
    return text


def _agreement(counted: Counted, unit: str) -> str:
    if len(counted.totals) == 1:
        return "one process"
    spread = counted.totals[-1] - counted.totals[0]
    return f"{len(counted.totals)} processes, {spread:,} {_noun(unit)} apart at most"


def _unmeasured(cell: Cell, commands: Commands) -> Row:
    return Row(
        label=cell.label,
        metric=None,
        tier=VALIDITY,
        outcome="invalid",
        why="it was planned and has no record",
        remedy="run the gate again to its end",
        repeat=commands.repeat.format(selector=_selector(cell)),
    )


def _notes(baseline: Baseline, settled: Sequence[Record], exclusions: Sequence[Exclusion]) -> tuple[str, ...]:
    exact = [record for record in settled if record.invocation.cell.mode == "exact"]
    measured = {(_cell_key(record), version_of(record)[0]) for record in exact}
    absent = [entry for entry in baseline.entries if (entry.cell, entry.toolchain) not in measured]
    notes = [f"not run: {one.what}: {one.reason}" for one in exclusions]
    if absent:
        of = sorted({f"{entry.language}/{entry.configuration} under {entry.toolchain}" for entry in absent})
        notes.append(f"{_plural(len(absent), 'value')} of the baseline were not looked at: {', '.join(of)}")
    return tuple(notes)


def _cell_key(record: Record) -> Key:
    cell = record.invocation.cell
    parameters = tuple(sorted(cell.parameters.items()))
    return (cell.workload, cell.variant, parameters, cell.size, cell.language, cell.configuration, cell.warmup,
            cell.iterations)  # fmt: skip


def _selector(cell: Cell) -> str:
    return (
        f"workload={cell.workload} variant={cell.variant} language={cell.language} "
        f"configuration={cell.configuration} toolchain={cell.toolchain} mode={cell.mode}"
    )


def _noun(unit: str) -> str:
    return "allocations" if unit == "count" else unit


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
