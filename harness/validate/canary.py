"""Is this run's harness to be believed? Canaries with a known truth, and one cell run against itself.

A canary's truth is its input: so many MiB touched, ms held, ms of CPU burnt, objects allocated, operations held up.
The A/A control measures the same program as replicas a and b through the whole pipeline. What fails here makes every
verdict ``unfit``.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness import units
from harness.catalog.model import Metric
from harness.claims.model import Health
from harness.plan.cells import CANARY
from harness.protocol.record import Record
from harness.samples.collect import Member, SampleOf, collect
from harness.samples.readings import PAGE, Absent, Stream, stream
from harness.stats import paired
from harness.stats.values import Comparison, Warning

CONTROL_LEVEL: Final = 0.001
CONTROL_BAND: Final = math.log(1.05)
"""The control fails when its interval at that level lies wholly outside ±5 %: rarely by chance, always when broken."""

CONTROL_METRIC: Final = "time.per_operation"

MEBIBYTE: Final = 1 << 20
MEMORY_SLACK: Final = 8 * MEBIBYTE
"""How far the peak may lie from truth plus the same program's peak without the block: a virtual machine's own start
was seen to vary by 7 MiB. A sampler that misses the peak, or a peak never reset, lies much further off."""

CURVE_SLACK: Final = 2 * MEBIBYTE
"""The kernel's marks lag by up to 256 KiB a CPU; the curve's descendants do not exist in a canary."""

TICKS_SHARE: Final = 0.02
"""A ticker on an absolute schedule is off by its last wake-up's lateness only; a relative one loses 6 % and more."""

PAUSE_SLACK_NS: Final = 2_000_000
CPU_SLACK_NS: Final = 2_000_000
CPU_SHARE: Final = 0.005
RUNTIME_CPU_NS: Final = 60_000_000
"""What threads of a runtime besides the burning one may use meanwhile: compilers and collectors start up with it."""

HEADER_BYTES: Final = 24
ALLOCATIONS_SLACK: Final = 8
BYTES_SLACK: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One canary read back: ``observed`` against ``low`` to ``high``, in ``unit``; ``what`` says whose and which."""

    what: str
    variant: str
    observed: float
    low: float
    high: float
    unit: str

    @property
    def ok(self) -> bool:
        """Whether the truth came back within its bounds."""
        return self.low <= self.observed <= self.high

    @property
    def text(self) -> str:
        """The reading and its bounds, for people."""
        span = f"{units.quantity(self.low, self.unit)} to {units.quantity(self.high, self.unit)}"
        return f"{self.what}: read {units.quantity(self.observed, self.unit)}, expected {span}"


def health(
    records: Sequence[Record], metrics: Mapping[str, Metric], *, planned: frozenset[Member] | None = None
) -> Health:
    """Canaries and control of one run; missing ones are warnings, failed ones failures."""
    found = readings(records)
    broken = [one for one in found if not one.ok]
    dead = [
        f"canary {one.invocation.cell.label} ended as {one.status}: {one.reason}"
        for one in records
        if one.invocation.cell.workload == CANARY and one.status != "ok"
    ]
    control, failed, warnings = _control(records, metrics, planned)
    variants = dict.fromkeys(one.variant for one in found)
    return Health(
        canaries={name: all(one.ok for one in found if one.variant == name) for name in variants},
        control=control,
        failures=(*(f"canary {one.text}" for one in broken), *dead, *failed),
        warnings=(*_unread(variants), *warnings),
    )


def readings(records: Iterable[Record]) -> tuple[Reading, ...]:
    """Every canary that ended well, read back."""
    canaries = [one for one in records if one.invocation.cell.workload == CANARY and one.status == "ok"]
    idle: dict[str, list[int]] = {}
    for one in canaries:
        parsed = stream(one)
        if one.invocation.cell.variant in ("pause", "cpu") and isinstance(parsed, Stream) and parsed.end is not None:
            idle.setdefault(one.invocation.cell.language, []).append(parsed.end.peak_resident_bytes)
    result = []
    for one in canaries:
        parsed = stream(one)
        read = _READERS.get(one.invocation.cell.variant)
        if read is not None and not isinstance(parsed, Absent) and parsed.end is not None:
            result += read(one, parsed, idle.get(one.invocation.cell.language, []))
    return tuple(result)


def _unread(found: Iterable[str]) -> tuple[Warning, ...]:
    missing = sorted(_READERS.keys() - set(found))
    if not missing:
        return ()
    text = f"no canary was read back for {', '.join(missing)}: nothing vouches for those instruments in this run"
    return (Warning(code="no_canary", text=text, remedy="let the run finish, or run a suite with its canaries"),)


def _memory(record: Record, parsed: Stream, idle: Sequence[int]) -> list[Reading]:
    if not idle or parsed.end is None:
        return []
    truth = record.invocation.cell.parameters["mebibytes"] * MEBIBYTE
    over = parsed.end.peak_resident_bytes - sum(idle) / len(idle)
    # Processes of one runtime that hold nothing differ among themselves; no reading can be surer than that.
    slack = max(MEMORY_SLACK, truth // 50) + max(idle) - min(idle)
    found = [_reading(record, over, truth - slack, truth + slack, "bytes")]
    found += [
        _reading(record, one.resident_bytes - sum(idle) / len(idle), truth - slack, truth + slack, "bytes", of=one.name)
        for one in parsed.checkpoints
        if one.live_bytes == truth
    ]
    curve = record.observed.curve
    if curve is not None and curve.samples:
        # What was sampled cannot lie above the kernel's own mark, and a process that runs has pages.
        largest = max(resident for _, resident in curve.samples)
        high = parsed.end.peak_resident_bytes + CURVE_SLACK
        found.append(_reading(record, largest, PAGE, high, "bytes", of="curve"))
    return found


def _pause(record: Record, parsed: Stream, idle: Sequence[int]) -> list[Reading]:
    del idle
    truth = record.invocation.cell.parameters["hold_ms"] * 1_000_000
    # A thread that was not given the CPU when its time was over ends late by as much: that is the host's, not ours.
    late = PAUSE_SLACK_NS + (record.observed.run_delay_ns or 0) + (record.observed.steal_ns or 0)
    return [_reading(record, one.elapsed_ns, truth, truth + late, "ns") for one in parsed.measured]


def _stall(record: Record, parsed: Stream, idle: Sequence[int]) -> list[Reading]:
    """Every operation is recorded, the longest response is that of one held up, and the ticker kept its schedule."""
    del idle
    known = record.invocation.cell.parameters
    truth = known["hold_ms"] * 1_000_000 + known["service_us"] * 1000
    late = PAUSE_SLACK_NS + (record.observed.run_delay_ns or 0) + (record.observed.steal_ns or 0)
    found = [one for one in parsed.histograms if one.name == "response"]
    count = sum(one.count for one in found)
    return [
        _reading(record, count, known["arrivals"], known["arrivals"], "count", of="operations"),
        _reading(record, max((one.max for one in found), default=0), truth, truth + late, "ns", of="response"),
        _reading(record, _ticked(parsed), 1 - TICKS_SHARE, 1 + TICKS_SHARE, "x", of="ticks due"),
    ]


def _ticked(parsed: Stream) -> float:
    """Time that the ticker's ticks add up to over time that went by; 0 without a ticker."""
    one = parsed.ticker
    if one is None or one.end_ns <= one.start_ns:
        return 0.0
    return (one.ticks + one.skipped) * one.period_ns / (one.end_ns - one.start_ns)


def _cpu(record: Record, parsed: Stream, idle: Sequence[int]) -> list[Reading]:
    del idle
    truth = record.invocation.cell.parameters["cpu_ms"] * 1_000_000
    slack = max(CPU_SLACK_NS, truth * CPU_SHARE) + (parsed.start.cpu_resolution_ns if parsed.start else 0)
    return [
        _reading(record, one.cpu_ns, truth - slack, truth + slack + RUNTIME_CPU_NS, "ns") for one in parsed.measured
    ]


def _bytes(record: Record, parsed: Stream, idle: Sequence[int]) -> list[Reading]:
    del idle
    count, size = record.invocation.cell.parameters["count"], record.invocation.cell.parameters["size"]
    found = []
    for one in parsed.measured:
        if one.runtime_allocations is not None:
            found.append(_reading(record, one.runtime_allocations, count, count + ALLOCATIONS_SLACK, "count"))
        if one.runtime_bytes is not None:
            high = count * (size + HEADER_BYTES) + BYTES_SLACK
            found.append(_reading(record, one.runtime_bytes, count * size, high, "bytes"))
    return found


_READERS: Final[Mapping[str, Callable[[Record, Stream, Sequence[int]], list[Reading]]]] = {
    "memory": _memory,
    "pause": _pause,
    "cpu": _cpu,
    "bytes": _bytes,
    "stall": _stall,
}


def _reading(record: Record, observed: float, low: float, high: float, unit: str, *, of: str = "") -> Reading:
    cell = record.invocation.cell
    what = f"{cell.variant}{f' ({of})' if of else ''} of {cell.language}/{cell.configuration}"
    return Reading(what=what, variant=cell.variant, observed=observed, low=low, high=high, unit=unit)


def _control(
    records: Sequence[Record], metrics: Mapping[str, Metric], planned: frozenset[Member] | None
) -> tuple[str, tuple[str, ...], tuple[Warning, ...]]:
    samples = collect(records, metrics[CONTROL_METRIC], planned=planned)
    texts, failed = [], []
    for other in (one for one in samples if one.replica == "b" and one.sample.values):
        mine = next((one for one in samples if one.replica == "a" and _same(one, other)), None)
        if mine is None:
            continue
        shown = paired.compare(mine.sample, other.sample, level=0.05)
        wide = paired.compare(mine.sample, other.sample, level=CONTROL_LEVEL)
        estimate = shown.estimate
        text = f"A/A {units.estimate(estimate.point, estimate.low, estimate.high, 'x')}"
        if shown.spread is not None:
            text += f" · noise per pair {units.share(shown.spread)}"
        texts.append(text)
        if _outside(wide):
            failed.append(f"the A/A control of {mine.sample.label} differs from itself: {text}")
    missing = Warning(
        code="no_control",
        text="no A/A control was measured in this run",
        remedy="run a whole suite, which brings its own",
    )
    return "; ".join(texts), tuple(failed), () if texts else (missing,)


def _same(one: SampleOf, other: SampleOf) -> bool:
    return (one.cell.key, one.form, one.stage, one.digest) == (other.cell.key, other.form, other.stage, other.digest)


def _outside(comparison: Comparison) -> bool:
    low, high = paired.interval(comparison)
    if low is None or high is None or not paired.enough(comparison):
        return False
    return low > CONTROL_BAND or high < -CONTROL_BAND
