"""Rows about pauses: a process stopped from outside, stops that a runtime reports, a queue whose law is known.

The ticker, the open-loop schedule and the control processes are read through records of mode latency, in every
language alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness import units
from harness.catalog.model import Language
from harness.execute import control as controls
from harness.plan.settings import TICK_US
from harness.protocol.messages import GcPause, Stall, Ticker
from harness.samples.histograms import merge
from harness.samples.readings import Stream
from harness.stats.quantiles import quantile
from harness.validate.bench import Bench, Together, good, unless_disturbed
from harness.validate.checks import LeftOut, NotMeasured, Unavailable, Value, where_allowed
from harness.validate.inject import Spinning, Stopping
from harness.validate.work import compared

PERIOD_NS: Final = TICK_US * 1000
P95_NS: Final = PERIOD_NS + 300_000
BIAS_NS: Final = PERIOD_NS // 2 + 100_000
RECALL: Final = 0.99
SEEN_FROM: Final = 3
"""Periods from which a stop has to be seen; the ticker keeps gaps of two."""

COUNTED: Final = 0.9
"""Of the injections that were asked for, so many have to fall into the measured time, or the row proves little."""

HOLD_MS: Final = 100
SERVICE_US: Final = 500
RATE: Final = 1000
LAW: Final = 0.05
STARVED_NS: Final = 50_000_000
"""Half the stall: beyond that, waiting for CPUs would widen the bounds until they hold anything."""

QUANTILES: Final = (0.9, 0.99)

STOPS_WORKLOAD: Final = "message_window"
STOPS_VARIANT: Final = "heap"
STOPS_MEMORY: Final = 512 << 20
"""Small, so that the runtime has to collect several times a second."""

STOPS_FEWEST: Final = 5
TOLD: Final = 0.5

BUSY_RATE: Final = 900
BUSY_US: Final = 1000
CPU_SHARE: Final = 0.03
ON_OFF_WORKLOAD: Final = "lru_cache"
ON_OFF_VARIANT: Final = "heap"
ON_OFF_RATE: Final = 50_000
PAIRS_FAST, PAIRS = 3, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """One injected stop: the worker stood still for ``least`` to ``most`` ns, within ``start`` to ``end``."""

    start: int
    end: int
    least: int
    most: int

    @classmethod
    def of(cls, stamps: tuple[int, int, int, int]) -> "Stopped":
        """From the clock before and after the stop, before and after the continuation."""
        first, second, third, fourth = stamps
        return cls(start=first, end=fourth, least=third - second, most=fourth - first)


def pause(bench: Bench) -> Iterator[Value | LeftOut]:
    """The worker stopped and continued at random times, idle and beside a hog on each of its CPUs."""
    for number, language in enumerate(bench.languages):
        for loaded in (False, True):
            # Loaded, one language serves: the ticker is the same in all, and so is the scheduler.
            if loaded and number:
                continue
            yield from where_allowed(_stopped(bench, language, loaded=loaded), language.title)


def _stopped(bench: Bench, language: Language, *, loaded: bool) -> Iterator[Value]:
    count, low, high, seconds = (100, 3, 20, 5) if bench.fast else (300, 1, 50, 18)
    stopping = Stopping(count=count, seed=bench.seed, low=low * 1_000_000, high=high * 1_000_000)
    planned = bench.canary(
        language, "stall", "latency", rate=20, seconds=seconds, service_us=10, hold_ms=0, stall_every=1_000_000
    )
    record = bench.measure(planned, Together(Spinning(), stopping) if loaded else stopping)
    parsed = good(record)
    ticker = ticker_of(parsed)
    measured = [one for one in map(Stopped.of, stopping.stops) if _inside(one, ticker)]
    what = f"{language.title}{', loaded' if loaded else ''}"
    yield Value(
        what=f"{what}: stops injected while it was measured",
        observed=len(measured),
        low=COUNTED * count,
        unit="count",
        why="the worker is measured for a fixed time, and a late injector gets fewer stops into it",
    )
    # A runtime's other threads, too, have to get a CPU before its ticker goes on, and only the ticker's own wait is
    # known. That makes gaps late, never early and never unseen.
    yield from unless_disturbed(
        errors(what, measured, ticks(parsed), ticker.period_ns),
        [] if loaded else [record],
        lambda one: one.unit == "ns" and one.observed > 0,
    )


def errors(what: str, stopped: Sequence[Stopped], stalls: Sequence[Stall], period: int) -> Iterator[Value]:
    """How far the ticker's gaps lie from what was injected, and how many it missed.

    gap - P/2 - injected - the ticker thread's own wait for a CPU, with what is not known left open: the injection lies
    between two spans (the injector, too, may be late between its calls and its stamps), and of the wait any part may
    have passed while the process was stopped anyway. What lies between these limits is no error.
    """
    long = [one for one in stopped if one.least >= SEEN_FROM * period]
    if not long:
        raise NotMeasured(f"{what}: nothing that was injected had to be seen")
    off = []
    for one in long:
        stall = _seen(one, stalls)
        if stall is not None:
            gap = stall.end_ns - stall.start_ns - period / 2
            off.append(_apart(gap - (stall.run_delay_ns or 0), gap, one.least, one.most))
    yield Value(
        what=f"{what}: share of stops of {SEEN_FROM} periods and more that were seen",
        observed=len(off) / len(long),
        low=RECALL,
        unit="1",
    )
    if off:
        mean = sum(off) / len(off)
        yield Value(
            what=f"{what}: 95 % of {len(off)} gaps lie no further off",
            observed=quantile([abs(one) for one in off], 0.95),
            high=P95_NS,
            unit="ns",
        )
        yield Value(
            what=f"{what}: 95 % of gaps lie no further before", observed=quantile(off, 0.05), low=-P95_NS, unit="ns"
        )
        yield Value(what=f"{what}: mean error", observed=mean, low=-BIAS_NS, high=BIAS_NS, unit="ns")


def _apart(low: float, high: float, least: float, most: float) -> float:
    """How far what was read lies above (or, negative, below) what was injected; 0 where the two spans meet."""
    return max(0.0, low - most) - max(0.0, least - high)


def ticker(bench: Bench) -> Iterator[Value]:
    """The absolute schedule kept: the time between first and last wake-up is what ticks and skipped ones add up to."""
    for language in bench.languages:
        planned = bench.canary(
            language, "stall", "latency", rate=1000, seconds=2, service_us=300, hold_ms=0, stall_every=1_000_000
        )
        parsed = good(bench.measure(planned))
        found = ticker_of(parsed)
        span = found.end_ns - found.start_ns
        late = max((one.end_ns - one.start_ns for one in ticks(parsed)), default=0)
        yield Value(
            what=f"{language.title}: time that went by beyond its {found.ticks + found.skipped:,} ticks",
            observed=span - (found.ticks + found.skipped) * found.period_ns,
            low=-found.period_ns,
            high=found.period_ns + late,
            unit="ns",
            why="the last wake-up may have been as late as its longest gap",
        )
        yield Value(
            what=f"{language.title}: ticks of those due",
            observed=(found.ticks + found.skipped) * found.period_ns / span,
            low=0.99,
            high=1.01,
            unit="1",
        )
        yield Value(what=f"{language.title}: gaps without room", observed=found.dropped, high=0, unit="count")


def open_loop(bench: Bench) -> Iterator[Value | LeftOut]:
    """A queue behind one stall a second, at half the program's capacity: response times follow from arithmetic."""
    for language in bench.languages:
        yield from where_allowed(_queued(bench, language), language.title)


def _queued(bench: Bench, language: Language) -> Iterator[Value]:
    seconds = 6 if bench.fast else 20
    planned = bench.canary(
        language, "stall", "latency",
        rate=RATE, seconds=seconds, service_us=SERVICE_US, hold_ms=HOLD_MS, stall_every=RATE,
    )  # fmt: skip
    record = bench.measure(planned)
    parsed = good(record)
    # Not through the metrics: they refuse a schedule that was not kept, which here is the host's doing.
    merged = merge([one for one in parsed.histograms if one.name == "response"])
    # At half its capacity a queue soon catches up with waits too short for a gap of the ticker. Those that it saw hold
    # up all that arrive meanwhile, and waiting makes no operation faster.
    waited = sum(one.run_delay_ns or 0 for one in ticks(parsed))
    if waited > STARVED_NS:
        raise Unavailable(
            f"its ticker waited {units.duration(waited)} for a CPU: what a queue makes of that hides the law"
        )
    truth = queue(count=RATE * seconds, every=RATE, rate=RATE, service=SERVICE_US * 1000, hold=HOLD_MS * 1_000_000)
    values = [
        Value(
            what=f"{language.title}: response time of {q:.0%} of operations",
            observed=merged.quantile(q),
            low=right * (1 - LAW),
            high=right * (1 + LAW) + waited,
            unit="ns",
            why=f"its ticker waited {units.duration(waited)} for a CPU",
        )
        for q in QUANTILES
        for right in (quantile(truth, q),)
    ]
    yield from unless_disturbed(values, [record], lambda one: True)


def queue(*, count: int, every: int, rate: int, service: int, hold: int) -> list[int]:
    """Response times, ns, of operations that arrive at ``rate`` and wait for one another (Lindley 1952).

    Every ``every``-th is held for ``hold`` ns more. Far from the ends of the schedule, quantile q is
    S + D (1 - (1 - q)/f) with f = D/((1 - load) T); worked out one by one, the ends are right, too.
    """
    free = 0
    found = []
    for i in range(count):
        due = i * 1_000_000_000 // rate
        free = max(free, due) + service + (hold if i % every == every - 1 else 0)
        found.append(free - due)
    return sorted(found)


def stops(bench: Bench) -> Iterator[Value]:
    """What a runtime reports of its own stops, where it stands still for every one, against what the ticker felt."""
    reporting = [one for one in bench.languages if one.truth.stops is not None]
    if not reporting:
        raise Unavailable("no language here has a configuration whose every stop is reported")
    for language in reporting:
        planned = bench.plan(
            language, STOPS_WORKLOAD, STOPS_VARIANT, "latency", configuration=language.truth.stops,
            memory=STOPS_MEMORY, rate=100_000, seconds=4 if bench.fast else 12, window=20_000, size=1024,
        )  # fmt: skip
        record = bench.measure(planned)
        parsed = good(record)
        found = ticker_of(parsed)
        reported = [Stopped.of((one.start_ns, one.start_ns, one.end_ns, one.end_ns)) for one in pauses_of(parsed)]
        inside = [one for one in reported if _inside(one, found)]
        long = [one for one in inside if one.least >= SEEN_FROM * found.period_ns]
        yield Value(
            what=f"{language.title}/{language.truth.stops}: stops of {SEEN_FROM} periods and more that it reports",
            observed=len(long),
            low=STOPS_FEWEST,
            unit="count",
        )
        # The thread that reports a stop begins it when it gets a CPU, and its report when it asked for the stop.
        yield from unless_disturbed(
            errors(f"{language.title}/{language.truth.stops}", inside, ticks(parsed), found.period_ns),
            [record],
            lambda one: one.unit == "ns",
        )
        yield Value(
            what=f"{language.title}/{language.truth.stops}: share of the ticker's long gaps that it reports",
            observed=_told(ticks(parsed), inside, found.period_ns),
            low=TOLD,
            unit="1",
            why="other processes hold the ticker up, too",
        )


def _told(stalls: Sequence[Stall], reported: Sequence[Stopped], period: int) -> float:
    """Of the ticker's gaps that its thread's own wait does not explain, the share in which a stop is reported."""
    long = [one for one in stalls if one.end_ns - one.start_ns - (one.run_delay_ns or 0) >= SEEN_FROM * period]
    told = [one for one in long if any(one.start_ns < each.end and each.start < one.end_ns for each in reported)]
    return len(told) / len(long) if long else 0.0


def control(bench: Bench) -> Iterator[Value]:
    """The control processes beside a loaded worker: of real-time priority, and on schedule whatever it does."""
    language = bench.languages[0]
    planned = bench.canary(
        language, "stall", "latency", rate=500, seconds=2, service_us=500, hold_ms=0, stall_every=1_000_000
    )
    record = bench.measure(planned, Spinning())
    good(record)
    found = record.observed.control
    if found is None:
        why = record.observed.unavailable.get("control", "the record holds none")
        if why.startswith(controls.REFUSED):
            raise Unavailable(f"{why}: nothing is attributed to the platform")
        raise NotMeasured(f"no control: {why}")
    yield Value(
        what=f"processes of real-time priority to their end ({found.in_force})",
        observed=float(found.in_force == controls.IN_FORCE),
        low=1.0,
        high=1.0,
        unit="count",
    )
    yield Value(
        what="CPUs watched, of the worker's",
        observed=len(set(found.cpus)),
        low=bench.cpus,
        high=bench.cpus,
        unit="count",
    )
    span = (found.end_ns - found.start_ns) * len(found.cpus)
    yield Value(
        what="ticks of those due beside a hog on each CPU",
        observed=(found.ticks + found.skipped) * found.period_ns / span,
        low=0.95,
        high=1.05,
        unit="1",
        why="one process begins or ends a little before another",
    )
    yield Value(what="gaps that no thread could cause", observed=len(found.gaps), unit="count")


def perturbation(bench: Bench) -> Iterator[Value | LeftOut]:
    """What the instruments of mode latency take of the CPU, and what they cost the program."""
    for language in bench.languages:
        yield from where_allowed(_taken(bench, language), language.title)
    yield from _on_off(bench)


def _taken(bench: Bench, language: Language) -> Iterator[Value]:
    planned = bench.canary(
        language, "stall", "latency", rate=BUSY_RATE, seconds=2, service_us=BUSY_US, hold_ms=0, stall_every=1_000_000
    )
    record = bench.measure(planned)
    parsed = good(record)
    container = bench.instruments.work_cpu(record)
    ours = Value(
        what=f"{language.title}: CPU time of the ticker, of the container's",
        observed=ticker_of(parsed).cpu_ns / container,
        high=CPU_SHARE,
        unit="1",
    )
    yield from unless_disturbed([ours], [record], lambda one: True)  # each wake-up then finds cold caches
    beside = record.observed.control
    if beside is not None:
        yield Value(
            what=f"{language.title}: CPU time of the control beside it, of the container's",
            observed=beside.cpu_ns / container,
            unit="1",
        )


def _on_off(bench: Bench) -> Iterator[Value]:
    """What a ticker costs operations beside it: only reported, as half a per cent would take thousands of pairs."""
    language = bench.languages[0]
    pairs = PAIRS_FAST if bench.fast else PAIRS
    with_it, without = (
        bench.plan(language, ON_OFF_WORKLOAD, ON_OFF_VARIANT, "latency", rate=ON_OFF_RATE, seconds=1, tick_us=tick_us)
        for tick_us in (TICK_US, 0)
    )
    middle = replace(bench.catalog.metrics["time.per_operation"], modes=("latency",), source="histogram.service q=0.5")
    estimate = compared(bench, with_it, without, pairs, middle)[0].estimate
    for what, value in (("", estimate.point), (", from", estimate.low), (", to", estimate.high)):
        if value is not None:
            yield Value(
                what=f"{language.title}: service time with a ticker over without, {pairs} pairs{what}",
                observed=value,
                unit="x",
            )


def ticker_of(parsed: Stream) -> Ticker:
    """What the ticker did; NotMeasured where there is none."""
    if parsed.ticker is None:
        raise NotMeasured("the worker prints no ticker message")
    return parsed.ticker


def ticks(parsed: Stream) -> list[Stall]:
    """The gaps that the ticker kept, by start."""
    return [one for one in parsed.stalls if one.kind == "ticker"]


def pauses_of(parsed: Stream) -> list[GcPause]:
    """Stops that the runtime reports, each by itself."""
    return [one for one in parsed.pauses if one.kind == "stop"]


def _inside(one: Stopped, ticker: Ticker) -> bool:
    return ticker.start_ns + ticker.period_ns <= one.start and one.end + ticker.period_ns <= ticker.end_ns


def _seen(one: Stopped, stalls: Sequence[Stall]) -> Stall | None:
    """The gap that holds most of a stop; None where none holds any."""
    best = max(stalls, key=lambda stall: min(stall.end_ns, one.end) - max(stall.start_ns, one.start), default=None)
    if best is None or min(best.end_ns, one.end) <= max(best.start_ns, one.start):
        return None
    return best
