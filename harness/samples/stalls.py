"""What each stall came from, and how much of every window of time was left to the program.

A stall is a gap that the ticker thread saw between two of its wake-ups: the same code in every language, held up by
whatever would hold up the program. Causes are looked for in one order of precedence, kept as data; what none of them
covers stays unexplained, and its share is published.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from harness.protocol.messages import GcPause, Iteration, Stall
from harness.protocol.record import Control

Span = tuple[int, int]
"""From and to, ns of one clock."""

Cause = Literal["runtime_stop", "allocation", "starved", "platform", "unexplained"]

COVERED: Final = 0.5
"""A cause explains a stall when it covers at least this share of what the gap has beyond the ticker's own period.

The thread slept for most of that first period by its own will, so a stop of D ns shows as a gap of D to D + period.
"""

REALTIME: Final = "SCHED_FIFO"
"""The policy under which a control process sees the platform alone; an ordinary one waits for the worker's threads."""

WINDOWS: Final = tuple(ms * 1_000_000 for ms in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
"""Windows of the utilisation curve, ns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where a cause is read: ``gc_pause`` messages of ``kinds``, the stall's own wait for a CPU, or the control."""

    cause: Cause
    title: str
    source: Literal["gc_pause", "run_delay", "control"]
    kinds: frozenset[str] = frozenset()


PRECEDENCE: Final[tuple[Evidence, ...]] = (
    Evidence(cause="runtime_stop", title="runtime stop", source="gc_pause", kinds=frozenset({"stop", "cycle_stops"})),
    Evidence(cause="allocation", title="waiting for memory", source="gc_pause", kinds=frozenset({"allocation_stall"})),
    Evidence(cause="starved", title="waiting for a CPU", source="run_delay"),
    Evidence(cause="platform", title="platform", source="control"),
)
"""The first that covers enough of a stall is its cause: what the runtime says of itself goes before what it shares."""

TITLES: Final[dict[Cause, str]] = {one.cause: one.title for one in PRECEDENCE} | {"unexplained": "unexplained"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """A stall with its cause; ``covered`` is the share of its excess that the cause covers (0 when unexplained)."""

    start_ns: int
    end_ns: int
    cause: Cause
    covered: float

    @property
    def length_ns(self) -> int:
        """The whole gap."""
        return self.end_ns - self.start_ns


def attribute(
    stalls: Sequence[Stall], *, period_ns: int, pauses: Sequence[GcPause], control: Control | None
) -> tuple[Attributed, ...]:
    """Every ticker stall with its cause, by start; other kinds of stalls are not looked at.

    ``period_ns`` is the ticker's, ``control`` None where the platform was not watched: then nothing is the platform's.
    """
    spans = {
        one.cause: union((p.start_ns, p.end_ns) for p in pauses if p.kind in one.kinds)
        for one in PRECEDENCE
        if one.source == "gc_pause"
    } | {"platform": platform(control)}
    found = []
    for stall in sorted(ticks_of(stalls), key=lambda one: one.start_ns):
        excess = max(1, stall.end_ns - stall.start_ns - period_ns)
        cause: Cause = "unexplained"
        covered = 0.0
        for one in PRECEDENCE:
            if one.source == "run_delay":
                inside = stall.run_delay_ns or 0
            else:
                inside = overlap((stall.start_ns, stall.end_ns), spans[one.cause])
            if inside / excess >= COVERED:
                cause, covered = one.cause, min(1.0, inside / excess)
                break
        found.append(Attributed(start_ns=stall.start_ns, end_ns=stall.end_ns, cause=cause, covered=covered))
    return tuple(found)


def ticks_of(stalls: Sequence[Stall]) -> tuple[Stall, ...]:
    """The stalls that the ticker saw; those of kind ``operation`` are the program's own slowest operations."""
    return tuple(one for one in stalls if one.kind == "ticker")


def watched(control: Control | None) -> str | None:
    """Why the control does not show the platform; None where it does."""
    if control is None:
        return "no control process watched the platform"
    if control.in_force != REALTIME:
        return f"the control process ran under {control.in_force}, where it waits for the worker's own threads"
    return None


def platform(control: Control | None) -> tuple[Span, ...]:
    """When any CPU of the worker was held up by something that no thread of it could cause; empty where not watched."""
    if control is None or watched(control) is not None:
        return ()
    return union((start, end) for _, start, end in control.gaps)


def spans_of(measured: Sequence[Iteration]) -> tuple[Span, ...]:
    """When the measured iterations ran."""
    return union((one.start_ns, one.start_ns + one.elapsed_ns) for one in measured)


def union(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time as disjoint spans in order; empty ones vanish."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def overlap(span: Span, others: Sequence[Span]) -> int:
    """Ns of ``span`` that lie in ``others``, which are disjoint."""
    return sum(max(0, min(span[1], end) - max(span[0], start)) for start, end in others)


def within(spans: Sequence[Span], others: Sequence[Span]) -> tuple[Span, ...]:
    """What of ``spans`` lies in ``others``, as disjoint spans in order."""
    cut = ((max(a, c), min(b, d)) for a, b in spans for c, d in others)
    return union(span for span in cut if span[0] < span[1])


def utilisation(
    measured: Sequence[Span], stalled: Sequence[Span], windows: Sequence[int] = WINDOWS
) -> dict[int, float | None]:
    """The least share of time outside stalls, over all windows of each length that fit into a measured span.

    The minimum mutator utilisation (Cheng, Blelloch 2001), of what the ticker saw: whole gaps count, so that it is a
    lower bound, but gaps below the ticker's threshold are not known. ``measured`` and ``stalled`` are disjoint and in
    order; None for a window that fits into none.
    """
    return {window: _least(measured, within(stalled, measured), window) for window in windows}


def _least(measured: Sequence[Span], stalled: Sequence[Span], window: int) -> float | None:
    """Stalled time in [t, t + window] is linear in t between stalls' ends, so its extremes lie where one end meets."""
    most = None
    starts = [start for start, _ in stalled]
    before = [0]
    for start, end in stalled:
        before.append(before[-1] + end - start)

    def until(at: int) -> int:
        index = bisect_right(starts, at)
        return before[index] - max(0, stalled[index - 1][1] - at if index else 0)

    for low, high in measured:
        if high - low >= window:
            places = {low, high - window, *starts, *(end - window for _, end in stalled)}
            inside = [at for at in places if low <= at <= high - window]
            most = max([most or 0, *(until(at + window) - until(at) for at in inside)])
    return None if most is None else 1 - most / window
