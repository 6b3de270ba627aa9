"""Records and a metric become samples: one value per block, from the block's last complete pass.

A sample holds one metric of one (cell, form, replica, stage, digest), from one engine and of one runtime as it
describes itself: what varies between records is kept apart, never averaged over. Code layout alone may vary, and is
meant to. What an interrupted pass left behind stays out, a failure is counted and never a zero, and whatever a reader
has to know about a number travels with it as a warning.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import ValidationError

from harness.catalog.model import Cell, Metric, Replica, Stage, Status
from harness.claims.model import Demand
from harness.errors import UsageError
from harness.protocol.messages import MESSAGE, Start
from harness.protocol.record import Digest, Record
from harness.samples.readings import Absent, Reading, Stream, read_field, readings, stream
from harness.samples.source import Field, Formula, Source, parse_field, parse_source
from harness.samples.steadiness import judge_steadiness
from harness.stats.values import Sample, Warning

CellKey = tuple[object, ...]
Member = tuple[CellKey, Replica]
"""What one slot of a block is, whichever order a block runs in."""

FACTORS: Final = (
    "workload specification", "program sources", "engine", "toolchain version", "settings in force", "CPUs",
    "memory limit",
)  # fmt: skip
"""What never varies within a sample, in the order of :attr:`SampleOf.ran`: digests, engine, and what a worker says of
itself when it starts. Machines are told apart by run, before records are read together."""

Ran = tuple[str, ...]
"""How a program ran, factor by factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOf:
    """A sample with what it is of. ``failures`` counts the invocations that gave no value because they failed."""

    cell: Cell
    form: str | None
    replica: Replica
    stage: Stage
    digest: Digest
    ran: Ran
    sample: Sample
    failures: Mapping[Status, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A record that counts, with the number its value goes under: its block, or a running number outside blocks."""

    number: int
    record: Record


def collect(
    records: Iterable[Record], metric: Metric, *, planned: frozenset[Member] | None = None
) -> tuple[SampleOf, ...]:
    """Samples of ``metric`` from the records of one run (of several: :func:`as_one_run` first), in a stable order.

    ``planned`` is what a complete block holds; without it, everything that any block of the same stage holds. Only
    modes in which the metric is valid count. A cell without a single value still gives a sample, empty, with its
    failures. DataError when the metric's source is wrong.
    """
    source = parse_source(metric)
    check = None if metric.check is None else parse_field(metric, metric.check.against)
    settled, residue = settle(records, planned=planned)
    groups: dict[tuple[CellKey, Replica, Stage], list[Settled]] = {}
    for one in settled:
        invocation = one.record.invocation
        if invocation.cell.mode in metric.modes:
            groups.setdefault((invocation.cell.key, invocation.replica, invocation.stage), []).append(one)
    found: list[SampleOf] = []
    for key, group in groups.items():
        about = []
        if left := residue[key[:2]]:
            about.append(_warn("unfinished_block", f"{left} records of unfinished blocks are left out"))
        apart = _apart(group)
        if differing := varying(apart):
            text = f"records of the same cell differ in {', '.join(differing)}; those are kept apart"
            about.append(_warn("factor_varies", text, "name runs that were made alike"))
        for ran, alike in apart.items():
            found += _samples(alike, ran, metric, source, check, about)
    return tuple(sorted(found, key=lambda one: (one.sample.label, one.stage, one.replica, one.ran)))


def answering(
    demanded: Mapping[Demand, Cell],
    records: Sequence[Record],
    metrics: Mapping[str, Metric],
    *,
    planned: frozenset[Member] | None = None,
) -> Mapping[Demand, Sample]:
    """The sample that serves each demand, where it has a value: replica a, stage measure.

    UsageError when a factor varies between the records of one cell: those never meet in one answer.
    """
    result: dict[Demand, Sample] = {}
    for name in dict.fromkeys(demand.metric for demand in demanded):
        by_cell: dict[tuple[CellKey, str | None], list[SampleOf]] = {}
        for one in collect(records, metrics[name], planned=planned):
            if (one.replica, one.stage) == ("a", "measure") and one.sample.values:
                by_cell.setdefault((one.cell.key, one.form), []).append(one)
        for demand, cell in demanded.items():
            serving = by_cell.get((cell.key, demand.form), []) if demand.metric == name else []
            if len(serving) > 1:
                raise UsageError(
                    f"{serving[0].sample.label}: its records differ in {', '.join(varying([s.ran for s in serving]))}; "
                    "name runs that were made alike"
                )
            if serving:
                result[demand] = serving[0].sample
    return result


def varying(ran: Iterable[Ran]) -> tuple[str, ...]:
    """Names of the factors in which these differ."""
    return tuple(name for name, values in zip(FACTORS, zip(*ran, strict=True), strict=False) if len(set(values)) > 1)


def as_one_run(runs: Sequence[Sequence[Record]]) -> tuple[Record, ...]:
    """Records of several runs of one machine and engine, renumbered so that no two blocks or slots coincide."""
    result: list[Record] = []
    block_offset = slot_offset = 0
    for run in runs:
        for record in run:
            invocation = record.invocation
            block = None if invocation.block is None else invocation.block + block_offset
            moved = replace(invocation, block=block, slot=invocation.slot + slot_offset)
            result.append(replace(record, invocation=moved))
        block_offset = max((one.invocation.block or 0 for one in result), default=0) + 1
        slot_offset = max((one.invocation.slot for one in result), default=0) + 1
    return tuple(result)


def settle(
    records: Iterable[Record], *, planned: frozenset[Member] | None = None
) -> tuple[tuple[Settled, ...], Counter[Member]]:
    """The records that count, and how many of each block member do not because their pass over the block is unfinished.

    A block counts once: its last pass that holds every member. Inside a pass, the rerun of an invocation that the
    host disturbed is the value. Outside blocks every slot counts once, its last attempt.
    """
    blocks: dict[tuple[Stage, int], dict[int, dict[Member, Record]]] = {}
    needed: dict[Stage, set[Member]] = {}
    outside: dict[tuple[Stage, Member], dict[int, Record]] = {}
    residue: Counter[Member] = Counter()
    for record in sorted(records, key=lambda one: one.invocation.attempt):
        invocation = record.invocation
        member = (invocation.cell.key, invocation.replica)
        if invocation.block is None:
            outside.setdefault((invocation.stage, member), {})[invocation.slot] = record
            continue
        needed.setdefault(invocation.stage, set()).add(member)
        passes = blocks.setdefault((invocation.stage, invocation.block), {})
        passes.setdefault(invocation.pass_number, {})[member] = record
    settled = []
    for (stage, number), passes in sorted(blocks.items()):
        complete = [n for n, held in passes.items() if (planned or needed[stage]) <= held.keys()]
        for n, held in passes.items():
            if complete and n == max(complete):
                settled += [Settled(number=number, record=record) for record in held.values()]
            else:
                residue.update(held.keys())
    for slots in outside.values():
        settled += [Settled(number=i, record=slots[slot]) for i, slot in enumerate(sorted(slots))]
    return tuple(settled), residue


def _apart(group: Sequence[Settled]) -> Mapping[Ran, list[Settled]]:
    """The records of one cell, one list for each way they ran; a failure that never said how is counted with the first.

    Nothing is lost by that: a failure gives no value.
    """
    found: dict[Ran, list[Settled]] = {}
    silent = []
    for one in group:
        ran = _ran(one.record)
        if ran is None:
            silent.append(one)
        else:
            found.setdefault(ran, []).append(one)
    for one in silent:
        digest = (one.record.digest.workload, one.record.digest.sources, one.record.observed.engine)
        alike = next((ran for ran in found if ran[:3] == digest), None)
        found.setdefault(alike or (*digest, *[""] * (len(FACTORS) - len(digest))), []).append(one)
    return found


def _ran(record: Record) -> Ran | None:
    """How a record's program ran, in the order of :data:`FACTORS`; None where it ended before it said so."""
    try:
        first = MESSAGE.validate_json(record.messages[0]) if record.messages else None
    except ValidationError:
        first = None
    if not isinstance(first, Start):
        return None
    settings = ", ".join(f"{name}={value}" for name, value in sorted(first.in_force.items()))
    return (
        record.digest.workload, record.digest.sources, record.observed.engine, first.toolchain, settings,
        str(first.cpus), str(first.memory_limit),
    )  # fmt: skip


def _samples(
    group: Sequence[Settled], ran: Ran, metric: Metric, source: Source, check: Field | None, about: Sequence[Warning]
) -> list[SampleOf]:
    first = group[0].record
    good = [one for one in group if one.record.status == "ok"]
    failures: Counter[Status] = Counter(one.record.status for one in group if one.record.status != "ok")
    read = {one.number: readings(one.record, source) for one in good}
    warnings = [*about, *_failed(failures, len(group)), *_absent(read), *_disturbed(good)]
    if check is not None and isinstance(source, Formula):
        warnings += _disagreements(good, metric, source.top, check)
    forms = dict.fromkeys(one.form for values in read.values() if not isinstance(values, Absent) for one in values)
    result = []
    for form in forms or {None: None}:
        values = {number: value for number, all_ in read.items() if (value := _of(all_, form)) is not None}
        unsteady, more = judge_steadiness({n.number: n.record for n in good if n.number in values}, source, form)
        kept = {number: one for number, one in values.items() if number not in unsteady}
        label = first.invocation.cell.label if form is None else f"{first.invocation.cell.label} {form}"
        result.append(
            SampleOf(
                cell=first.invocation.cell,
                form=form,
                replica=first.invocation.replica,
                stage=first.invocation.stage,
                digest=first.digest,
                ran=ran,
                failures=dict(failures),
                sample=Sample(
                    label=label,
                    metric=metric.id,
                    unit=metric.unit,
                    assumption=metric.assumption,
                    values={number: one.value for number, one in sorted(kept.items())},
                    resolution=max((one.resolution for one in kept.values()), default=0.0),
                    warnings=(*warnings, *more, *_of_values(kept.values())),
                    disturbed=frozenset(one.number for one in good if one.record.flags and one.number in kept),
                ),
            )
        )
    return result


def _of(values: tuple[Reading, ...] | Absent, form: str | None) -> Reading | None:
    if isinstance(values, Absent):
        return None
    return next((one for one in values if one.form == form), None)


def _of_values(values: Iterable[Reading]) -> list[Warning]:
    """What single values warn of, each once."""
    return list(dict.fromkeys(warning for one in values for warning in one.warnings))


def _failed(failures: Counter[Status], total: int) -> list[Warning]:
    if not failures:
        return []
    text = ", ".join(f"{count} {status}" for status, count in sorted(failures.items()))
    return [_warn("failures", f"{failures.total()} of {total} invocations failed ({text}) and give no value")]


def _absent(read: Mapping[int, tuple[Reading, ...] | Absent]) -> list[Warning]:
    reasons = Counter(one.reason for one in read.values() if isinstance(one, Absent))
    return [
        _warn("not_available", f"{count} of {len(read)} invocations give no value: {reason}")
        for reason, count in sorted(reasons.items())
    ]


def _disturbed(good: Sequence[Settled]) -> list[Warning]:
    flags = sorted({flag for one in good for flag in one.record.flags})
    if not flags:
        return []
    count = sum(bool(one.record.flags) for one in good)
    text = f"{count} of {len(good)} values were measured while the host was disturbed: {', '.join(flags)}"
    return [_warn("host_disturbed", text, "keep the machine idle while it measures")]


def _disagreements(good: Sequence[Settled], metric: Metric, field: Field, against: Field) -> list[Warning]:
    assert metric.check is not None
    apart = 0
    for one in good:
        parsed = stream(one.record)
        if isinstance(parsed, Stream):
            ours, theirs = read_field(one.record, parsed, field), read_field(one.record, parsed, against)
            if not isinstance(ours, Absent) and not isinstance(theirs, Absent):
                apart += abs(ours - theirs) > max(metric.check.within * max(ours, theirs), metric.check.floor)
    if not apart:
        return []
    text = f"{field} and {against} disagree by more than they may in {apart} of {len(good)} invocations"
    return [_warn("readers_disagree", text, "do not rely on this number: one of its two readers is wrong")]


def _warn(code: str, text: str, remedy: str = "") -> Warning:
    return Warning(code=code, text=text, remedy=remedy)
