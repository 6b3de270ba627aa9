"""What programs felt beside what their runtimes report: every cell of mode latency, over all that it was run.

Response times of all invocations are added up, so that a percentile has all operations behind it; nothing is inferred
from them here, and no interval is given. An invocation that did not keep its schedule measured its own queue and is
left out, and said to be.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness import units
from harness.catalog.model import Catalog, Cell
from harness.plan.cells import CANARY
from harness.protocol.record import Record
from harness.report.model import CauseShare, Pauses, Rung, Utilisation
from harness.samples.collect import settle
from harness.samples.histograms import Merged, merge
from harness.samples.latency import Reported, reported
from harness.samples.readings import Absent, Stream, attributed, queued, readings, stream
from harness.samples.source import StallShare
from harness.samples.stalls import TITLES, WINDOWS, Attributed, spans_of, union, utilisation, watched

LONG_NS: Final = 10_000_000
"""Stalls whose share of the time is shown, as in the metric ``stalls.share``."""

NAMES: Final[Mapping[float, str]] = {0.5: "p50", 0.9: "p90", 0.99: "p99", 0.999: "p99.9", 0.9999: "p99.99", 1: "max"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One invocation that counts."""

    record: Record
    stream: Stream
    stalls: tuple[Attributed, ...]
    reported: Reported | None


def pauses_of(catalog: Catalog, records: Sequence[Record]) -> tuple[Pauses, ...]:
    """A row for each cell of mode latency that ran, by workload, language and configuration; never the canaries."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in (one.record for one in settle(records)[0]):
        cell, invocation = record.invocation.cell, record.invocation
        shown = cell.mode == "latency" and cell.workload != CANARY and cell.rate is not None
        if shown and record.status == "ok" and (invocation.replica, invocation.stage) == ("a", "measure"):
            groups.setdefault(cell.key, []).append(record)
    rows = [_row(catalog, group) for group in groups.values()]
    return tuple(sorted(rows, key=lambda row: (row.workload, row.rate, row.language, row.configuration)))


def _row(catalog: Catalog, group: Sequence[Record]) -> Pauses:
    cell = group[0].invocation.cell
    runs, refused = _runs(group)
    responses = _merged(runs, "response")
    stops = [run.reported for run in runs if run.reported is not None]
    longest = max((one.longest_ns for one in stops), default=None)
    number = sum(one.number for one in stops)
    shares = [
        share[0]
        for run in runs
        if not isinstance(share := readings(run.record, StallShare(at_least=LONG_NS)), Absent)
    ]  # fmt: skip
    time = sum(one.operations for one in shares)
    stalled = sum(one.total for one in shares) / time if time else None
    seconds = sum(one.elapsed_ns for run in runs for one in run.stream.measured) / 1e9
    operations = responses.count if responses else 0
    return Pauses(
        cell=cell.label,
        language=cell.language,
        configuration=cell.configuration,
        lane=_lane(catalog, cell),
        workload=cell.workload,
        rate=cell.rate or 0,
        invocations=len(runs),
        operations=operations,
        seconds=seconds,
        seconds_text=units.duration(seconds * 1e9),
        ladder=() if responses is None else _ladder(responses),
        reported_ns=longest,
        stops=number,
        reported="none" if longest is None else units.duration(longest),
        stalled=stalled,
        stalled_text="unknown" if stalled is None else units.share(stalled),
        stalls=sum(len(run.stalls) for run in runs),
        causes=_causes(runs),
        utilisation=_utilisation(runs) if runs else (),
        mind=(*refused, *_unwatched(runs)),
    )


def _runs(group: Sequence[Record]) -> tuple[tuple[_Run, ...], tuple[str, ...]]:
    """Invocations that kept their schedule under a ticker, and why the others do not count."""
    tried = [_run(record) for record in group]
    refused = Counter(one.reason for one in tried if isinstance(one, Absent))
    left = tuple(f"{number} of {len(group)} left out: {reason}" for reason, number in sorted(refused.items()))
    return tuple(one for one in tried if isinstance(one, _Run)), left


def _run(record: Record) -> _Run | Absent:
    parsed = stream(record)
    if isinstance(parsed, Absent):
        return parsed
    why = queued(record, parsed)
    if why is not None:
        return why
    stalls = attributed(record, parsed)
    if isinstance(stalls, Absent):
        return stalls
    try:
        for name in {one.name for one in parsed.histograms}:
            merge([one for one in parsed.histograms if one.name == name])
        return _Run(
            record=record, stream=parsed, stalls=stalls, reported=reported(parsed.histograms, parsed.pauses)
        )  # fmt: skip
    except ValueError as error:
        return Absent(reason=str(error))


def _merged(runs: Sequence[_Run], name: str) -> Merged | None:
    histograms = [one for run in runs for one in run.stream.histograms if one.name == name and one.count]
    return merge(histograms) if histograms else None


def _ladder(responses: Merged) -> tuple[Rung, ...]:
    """The percentiles that at least ten values lie beyond, and the exact maximum."""
    steps = [(step.q, step.value) for step in responses.ladder()] + [(1.0, responses.maximum)]
    return tuple(Rung(q=q, name=NAMES[q], value_ns=value, text=units.duration(value)) for q, value in steps)


def _causes(runs: Sequence[_Run]) -> tuple[CauseShare, ...]:
    times: Counter[str] = Counter()
    for stall in (stall for run in runs for stall in run.stalls):
        times[stall.cause] += stall.length_ns
    total = times.total()
    if not total:
        return ()
    return tuple(
        CauseShare(cause=cause, title=title, share=times[cause] / total, text=units.share(times[cause] / total))
        for cause, title in TITLES.items()
    )


def _utilisation(runs: Sequence[_Run]) -> tuple[Utilisation, ...]:
    """The worst window of all invocations, for each length."""
    curves = [
        utilisation(spans_of(run.stream.measured), union((one.start_ns, one.end_ns) for one in run.stalls))
        for run in runs
    ]
    found = []
    for window in WINDOWS:
        shares = [share for curve in curves if (share := curve[window]) is not None]
        least = min(shares, default=None)
        text = "none so long" if least is None else units.share(least)
        found.append(Utilisation(window_ns=window, window=f"{window / 1e6:g} ms", share=least, text=text))
    return tuple(found)


def _unwatched(runs: Sequence[_Run]) -> tuple[str, ...]:
    """Why the platform's share is not known, where it is not."""
    reasons = dict.fromkeys(
        run.record.observed.unavailable.get("control", why)
        for run in runs
        if (why := watched(run.record.observed.control)) is not None
    )
    return tuple(f"what the platform did is not known: {reason}" for reason in reasons)


def _lane(catalog: Catalog, cell: Cell) -> str:
    own = catalog.workloads[cell.workload].variant(cell.variant).lane
    return own or catalog.languages[cell.language].configuration(cell.configuration).lane
