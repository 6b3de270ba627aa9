"""One record, one metric: the invocation's value, or the reason why there is none.

A rate is the sum of its top over the sum of its bottom, a peak the largest, a count the sum, over the measured
iterations and per form. A record that is not ``ok`` has no readings, and a field that is absent is a reason, never
zero.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from harness.protocol.messages import MESSAGE, Checkpoint, End, GcPause, Histogram, Iteration, Stall, Start, Ticker
from harness.protocol.record import Record
from harness.samples.histograms import merge
from harness.samples.latency import reported, saturated
from harness.samples.source import AchievedRate, Field, Formula, Quantile, ReportedMax, Source, StallShare, Unexplained
from harness.samples.stalls import Attributed, attribute, overlap, platform, spans_of, ticks_of, union, watched, within
from harness.stats.values import TOO_HIGH, Warning

PAGE = 4096
"""Steps in which the kernel counts resident and charged memory, bytes."""

NO_TICKER = "it had no ticker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value of one invocation, for one ``form`` where the process served several.

    ``total`` and ``operations`` are what a quotient was made of (the value itself and 1 otherwise); ``resolution`` is
    the smallest difference that the source can tell, in the value's unit. ``warnings`` are what holds for this one.
    """

    form: str | None
    value: float
    total: float
    operations: float
    resolution: float
    warnings: tuple[Warning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Why a record gives no value."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A record's messages, parsed."""

    start: Start | None
    iterations: tuple[Iteration, ...]
    histograms: tuple[Histogram, ...]
    stalls: tuple[Stall, ...]
    end: End | None
    pauses: tuple[GcPause, ...] = ()
    ticker: Ticker | None = None
    checkpoints: tuple[Checkpoint, ...] = ()

    @property
    def measured(self) -> tuple[Iteration, ...]:
        """The iterations that count."""
        return tuple(one for one in self.iterations if one.phase == "measured")


def stream(record: Record) -> Stream | Absent:
    """The record's messages as values; absent where a line does not parse."""
    try:
        messages = [MESSAGE.validate_json(line) for line in record.messages]
    except ValidationError:
        return Absent(reason="a line of its stream does not parse")
    return Stream(
        start=next((one for one in messages if isinstance(one, Start)), None),
        iterations=tuple(one for one in messages if isinstance(one, Iteration)),
        histograms=tuple(one for one in messages if isinstance(one, Histogram)),
        stalls=tuple(one for one in messages if isinstance(one, Stall)),
        end=next((one for one in messages if isinstance(one, End)), None),
        pauses=tuple(one for one in messages if isinstance(one, GcPause)),
        ticker=next((one for one in messages if isinstance(one, Ticker)), None),
        checkpoints=tuple(one for one in messages if isinstance(one, Checkpoint)),
    )


def readings(record: Record, source: Source) -> tuple[Reading, ...] | Absent:
    """The values that an ``ok`` record gives, one per form; absent with the reason where it gives none."""
    parsed = stream(record)
    if isinstance(parsed, Absent):
        return parsed
    if not isinstance(source, Formula):
        return _of_latency(record, parsed, source)
    if source.top.scope == "iteration":
        return _per_form(parsed, source)
    if source.top.scope == "cold":
        return _cold(record, parsed, source)
    return _whole_process(record, parsed, source)


def read_field(record: Record, parsed: Stream, field: Field) -> int | Absent:
    """One integer of the worker's last line or of what was observed."""
    if field.scope == "observed":
        value = getattr(record.observed, field.name)
        if value is None:
            return Absent(reason=record.observed.unavailable.get(field.name, f"{field} was not observed"))
        return int(value)
    if parsed.end is None:
        return Absent(reason="its stream has no end")
    if field.name.startswith("counters."):
        name = field.name.removeprefix("counters.")
        return parsed.end.counters.get(name, Absent(reason=f"the workload publishes no counter {name}"))
    value = getattr(parsed.end, field.name)
    return Absent(reason=f"the runtime reports no {field.name}") if value is None else int(value)


def _per_form(parsed: Stream, source: Formula) -> tuple[Reading, ...] | Absent:
    forms = dict.fromkeys(one.form for one in parsed.measured)
    if not forms:
        return Absent(reason="it has no measured iteration")
    found = [
        _of_iterations(parsed, [one for one in parsed.measured if one.form == form], source, form) for form in forms
    ]
    good = tuple(one for one in found if isinstance(one, Reading))
    return good or next(one for one in found if isinstance(one, Absent))


def _cold(record: Record, parsed: Stream, source: Formula) -> tuple[Reading, ...] | Absent:
    first = [one for one in parsed.iterations if one.index == 0]
    if record.invocation.cell.warmup > 0:
        return Absent(reason="a process that warms up has no cold measured iteration")
    if len(first) != 1 or first[0].form is not None:
        return Absent(reason="no single first iteration: the process serves several forms")
    found = _of_iterations(parsed, first, source, None)
    return (found,) if isinstance(found, Reading) else found


def _of_iterations(
    parsed: Stream, iterations: Sequence[Iteration], source: Formula, form: str | None
) -> Reading | Absent:
    top = _combined(iterations, source.top)
    bottom = 1 if source.bottom is None else _combined(iterations, source.bottom)
    if top is None or bottom is None:
        return Absent(reason=f"the runtime reports no {source.top.name}")
    if bottom == 0:
        return Absent(reason=f"{source.bottom} is zero")
    step = _step(parsed, source.top) * math.sqrt(len(iterations))
    return Reading(form=form, value=top / bottom, total=top, operations=bottom, resolution=step / bottom)


def _combined(iterations: Sequence[Iteration], field: Field) -> int | None:
    values = [getattr(one, field.name) for one in iterations]
    if any(value is None for value in values):
        return None
    combine: Callable[[Sequence[int]], int] = max if field.name.startswith("peak_") else sum
    return combine(values)


def _step(parsed: Stream, field: Field) -> int:
    """Smallest difference of one reading: a clock's step, a page, or one of whatever is counted."""
    if field.name == "cpu_ns" and parsed.start is not None:
        return parsed.start.cpu_resolution_ns
    if field.scope in ("end", "observed") and field.name.endswith("_bytes"):
        return PAGE
    return 1


def _whole_process(record: Record, parsed: Stream, source: Formula) -> tuple[Reading, ...] | Absent:
    top = read_field(record, parsed, source.top)
    if isinstance(top, Absent):
        return top
    step = _step(parsed, source.top)
    if source.bottom is None:
        counted = not source.top.name.endswith(("_bytes", "_ns"))
        return (_plain(float(top), 0.0 if counted else float(step)),)
    if source.bottom.scope == "iteration":
        # What is counted over the whole process is spread over everything the process did, warm-up included.
        bottom: int | Absent = _combined(parsed.iterations, source.bottom) or 0
    else:
        bottom = read_field(record, parsed, source.bottom)
    if isinstance(bottom, Absent):
        return bottom
    if source.operator == "-":
        return (_plain(float(top - bottom), float(step)),)
    if bottom == 0:
        return Absent(reason=f"{source.bottom} is zero")
    return (Reading(form=None, value=top / bottom, total=top, operations=bottom, resolution=step / bottom),)


def queued(record: Record, parsed: Stream) -> Absent | None:
    """Why nothing that this record felt can be shown: it did not keep its schedule. None where it did."""
    rate = record.invocation.cell.rate
    if rate is None:
        return None
    why = saturated(rate, parsed.measured, parsed.histograms, parsed.stalls)
    return None if why is None else Absent(reason=why)


def attributed(record: Record, parsed: Stream) -> tuple[Attributed, ...] | Absent:
    """Every stall of the record's ticker with its cause; absent where no ticker ran or it lost some."""
    lost = _lost(parsed)
    if lost is not None or parsed.ticker is None:
        return lost or Absent(reason=NO_TICKER)
    return attribute(
        parsed.stalls, period_ns=parsed.ticker.period_ns, pauses=parsed.pauses, control=record.observed.control
    )


def _of_latency(
    record: Record, parsed: Stream, source: Quantile | StallShare | Unexplained | ReportedMax | AchievedRate
) -> tuple[Reading, ...] | Absent:
    if isinstance(source, AchievedRate):
        return _achieved(record, parsed)
    why = queued(record, parsed)
    if why is not None:
        return why
    if isinstance(source, Quantile):
        return _quantile(parsed, source)
    if isinstance(source, ReportedMax):
        return _reported_max(parsed)
    if isinstance(source, Unexplained):
        return _unexplained(record, parsed, source)
    return _stall_share(record, parsed, source)


def _quantile(parsed: Stream, source: Quantile) -> tuple[Reading, ...] | Absent:
    named = [one for one in parsed.histograms if one.name == source.histogram]
    if not named or sum(one.count for one in named) == 0:
        return Absent(reason=f"it recorded nothing in a histogram {source.histogram}")
    try:
        merged = merge(named)
    except ValueError as error:
        return Absent(reason=str(error))
    value = merged.quantile(source.q)
    return (_plain(float(value), float(merged.width(value)) if source.q < 1 else 1.0),)


def _reported_max(parsed: Stream) -> tuple[Reading, ...] | Absent:
    try:
        found = reported(parsed.histograms, parsed.pauses)
    except ValueError as error:
        return Absent(reason=str(error))
    if found is None:
        return Absent(reason="its runtime reported no stop while it was measured")
    return (_plain(float(found.longest_ns), 1.0),)


def _achieved(record: Record, parsed: Stream) -> tuple[Reading, ...] | Absent:
    rate = record.invocation.cell.rate
    elapsed = sum(one.elapsed_ns for one in parsed.measured)
    if rate is None or elapsed == 0:
        return Absent(reason="it followed no schedule" if rate is None else "it has no measured time")
    operations = sum(one.operations for one in parsed.measured)
    value = operations * 1e9 / elapsed / rate
    return (Reading(form=None, value=value, total=operations, operations=elapsed, resolution=value / elapsed),)


def _stall_share(record: Record, parsed: Stream, source: StallShare) -> tuple[Reading, ...] | Absent:
    """Stalls count whole from ``at_least`` on; what of them the platform did is then taken off."""
    measured = spans_of(parsed.measured)
    total = sum(end - start for start, end in measured)
    if total == 0:
        return Absent(reason="it has no measured time")
    lost = _lost(parsed)
    if lost is not None:
        return lost
    stalled = within(_long(parsed, source.at_least), measured)
    theirs = platform(record.observed.control)
    left = sum(end - start - overlap((start, end), theirs) for start, end in stalled)
    return (
        Reading(
            form=None, value=left / total, total=left, operations=total, resolution=1 / total,
            warnings=_unwatched(record),
        ),
    )  # fmt: skip


def _unexplained(record: Record, parsed: Stream, source: Unexplained) -> tuple[Reading, ...] | Absent:
    found = attributed(record, parsed)
    if isinstance(found, Absent):
        return found
    long = [one for one in found if one.length_ns >= source.at_least]
    total = sum(one.length_ns for one in long)
    if total == 0:
        return Absent(reason="it had no such stall to explain")
    open_ = sum(one.length_ns for one in long if one.cause == "unexplained")
    return (
        Reading(
            form=None, value=open_ / total, total=open_, operations=total, resolution=1 / total,
            warnings=_unwatched(record),
        ),
    )  # fmt: skip


def _long(parsed: Stream, at_least: int) -> tuple[tuple[int, int], ...]:
    return union((one.start_ns, one.end_ns) for one in ticks_of(parsed.stalls) if one.end_ns - one.start_ns >= at_least)


def _lost(parsed: Stream) -> Absent | None:
    """No ticker is no stall seen, and that is not the same as none: it would be a zero that nobody measured."""
    if parsed.ticker is None:
        return Absent(reason=NO_TICKER)
    if parsed.ticker.dropped:
        return Absent(reason=f"its ticker had no room for {parsed.ticker.dropped} stalls")
    return None


def _unwatched(record: Record) -> tuple[Warning, ...]:
    why = watched(record.observed.control)
    if why is None:
        return ()
    reason = record.observed.unavailable.get("control", why)
    return (
        Warning(
            code=TOO_HIGH,
            text=f"the platform's own stalls are not taken off, so that the value may be too high: {reason}",
            remedy="let the harness use a real-time policy (CAP_SYS_NICE, outside any container)",
        ),
    )


def _plain(value: float, resolution: float) -> Reading:
    return Reading(form=None, value=value, total=value, operations=1, resolution=resolution)
