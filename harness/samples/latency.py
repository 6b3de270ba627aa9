"""What mode latency adds to a record's numbers: whether the schedule was kept, and what the runtime reports itself.

An open loop that cannot keep its schedule measures its own queue: its response times grow with the length of the run,
say nothing about pauses, and so are not shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.protocol.messages import GcPause, Histogram, Iteration, Stall
from harness.samples.histograms import merge

LATE: Final = 0.01
"""Achieved rate below 99 % of the rate asked for: late, and saturated unless a single stall explains it."""

LOST: Final = 0.1
"""Later than a tenth of the schedule at its end: saturated, whatever the reason."""

SINGLE: Final = 2
"""One stall leaves a program late by its own length at most; a queue that grows goes beyond twice that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The stops that a runtime reports: the longest in ns, and how many."""

    longest_ns: int
    number: int


def saturated(
    rate: int, measured: Sequence[Iteration], histograms: Sequence[Histogram], stalls: Sequence[Stall]
) -> str | None:
    """Why the program did not keep a schedule of ``rate`` operations a second; None where it did.

    A run that is a little late because its last moments held one long stall is kept: leaving it out would choose by
    outcome, and against the runtime's worst moments.
    """
    service = [one.max for one in histograms if one.name == "service"]
    longest = max([*service, *(one.end_ns - one.start_ns for one in stalls if one.kind == "ticker")], default=0)
    for one in measured:
        schedule = one.operations * 1_000_000_000 / rate
        late = one.elapsed_ns - schedule
        if late > LOST * schedule or (one.elapsed_ns * (1 - LATE) > schedule and late > SINGLE * longest):
            share = schedule / one.elapsed_ns
            return f"it reached {100 * share:.0f} % of {rate:,} operations a second, and so measured its own queue"
    return None


def reported(histograms: Sequence[Histogram], pauses: Sequence[GcPause]) -> Reported | None:
    """Stops that the runtime reports of itself, from its own histogram and its log; None where it reports none.

    Stops that are told only as a sum over a cycle are no single stop and do not count. ValueError where the runtime's
    histograms contradict themselves.
    """
    own = [one for one in histograms if one.name == "reported_stop" and one.count]
    logged = [one.end_ns - one.start_ns for one in pauses if one.kind == "stop"]
    if not own and not logged:
        return None
    merged = merge(own) if own else None
    return Reported(
        longest_ns=max([*logged, *([merged.maximum] if merged else [])]),
        number=max(len(logged), merged.count if merged else 0),
    )
