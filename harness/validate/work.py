"""Rows about work: CPU time burnt, objects allocated, an effect of known size, disturbances that must be flagged.

The statistics' own row draws data whose truth is known, and asks the very intervals that judge runs.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from harness.catalog.model import Metric
from harness.plan.cells import Planned
from harness.protocol.record import Record
from harness.samples.collect import collect
from harness.stats import paired, simulate
from harness.stats.simulate import Interval, Shape
from harness.stats.values import Comparison
from harness.validate.bench import Bench, accounted, disturbed, good
from harness.validate.checks import LeftOut, NotMeasured, Unavailable, Value, where_allowed
from harness.validate.inject import Burnt, PagedOut, Quota, Spinning

CPU_NS: Final = 500_000_000
CPU_SHARE: Final = 0.005
CPU_FLOOR_NS: Final = 2_000_000
BURNT_NS: Final = 100_000_000
"""Charged to the cgroup before the release: with it, a baseline that was not taken cannot go unseen."""

OBJECTS: Final = 100_000
OBJECTS_SLACK: Final = 8
"""A runtime's own few allocations while the objects are made; none of them can hide one object in a thousand."""
BYTES_SLACK: Final = 64 << 10

WORK: Final = 1_000_000
EFFECT: Final = 1.3
EFFECT_MARGIN: Final = 1.1
DECISION_LEVEL: Final = 0.05
COVER_LEVEL: Final = 0.001
"""The row asks whether the interval at this level covers: at 5 % it would miss in one of twenty validations."""

POWERS: Final = (1.02, 1.05, 1.1)

COVERAGE: Final = 0.93
FALSE_ALARMS: Final = 0.065
HOG_SHARE: Final = 0.8
QUOTA: Final = 0.2


def cpu(bench: Bench) -> Iterator[Value | LeftOut]:
    """500 ms burnt on one and on two threads: read inside by the program, outside by the harness."""
    for language in bench.languages:
        for threads in range(1, bench.cpus + 1):
            planned = bench.canary(language, "cpu", "throughput", cpu_ms=CPU_NS // 1_000_000, threads=threads)
            record = bench.measure(planned)
            parsed = good(record)
            step = parsed.start.cpu_resolution_ns if parsed.start else 0
            slack = max(CPU_FLOOR_NS, CPU_SHARE * CPU_NS)
            own = language.truth.start_cpu_ns
            yield Value(
                what=f"{language.title}, {threads} threads: CPU time of the iteration",
                observed=bench.instruments.work_cpu(record),
                low=CPU_NS - slack - (step if threads > 1 else 0),
                high=CPU_NS + slack + own + step,
                unit="ns",
                why="a thread that still runs is charged at the next tick"
                + (", and its runtime works, too" if own else ""),
            )
    yield from where_allowed(_baseline(bench), "CPU time of the container")


def _baseline(bench: Bench) -> Iterator[Value]:
    """The container's CPU time counts from the release: what was charged to it before is no part of it."""
    language = bench.languages[0]
    planned = bench.canary(language, "cpu", "throughput", cpu_ms=CPU_NS // 1_000_000)
    burnt = bench.instruments.container_cpu(bench.measure(planned, Burnt(BURNT_NS)))
    plain = bench.instruments.container_cpu(bench.measure(planned))
    slack = max(CPU_FLOOR_NS, CPU_SHARE * CPU_NS) + CPU_FLOOR_NS
    for what, observed in (("", plain), (", 100 ms charged before its release", burnt)):
        yield Value(
            what=f"{language.title}: CPU time of the container{what}",
            observed=observed,
            low=CPU_NS - slack,
            high=CPU_NS + slack + language.truth.start_cpu_ns,
            unit="ns",
            why="the program sets up and prints, too",
        )


def bytes_(bench: Bench) -> Iterator[Value]:
    """So many objects of so many bytes: the count exactly, the bytes as the allocator rounds them up."""
    for language in bench.languages:
        for size, allocated in language.truth.size_classes.items():
            planned = bench.canary(language, "bytes", "exact", count=OBJECTS, size=size)
            (one,) = good(bench.measure(planned)).measured
            if one.runtime_allocations is not None:
                yield Value(
                    what=f"{language.title}, {OBJECTS:,} objects of {size} bytes: allocations",
                    observed=one.runtime_allocations,
                    low=OBJECTS,
                    high=OBJECTS + OBJECTS_SLACK,
                    unit="count",
                    why="the runtime allocates a few objects of its own",
                )
            if one.runtime_bytes is None:
                raise NotMeasured(f"{language.title} reports no bytes")
            yield Value(
                what=f"{language.title}, {OBJECTS:,} objects of {size} bytes: bytes",
                observed=one.runtime_bytes,
                low=OBJECTS * allocated,
                high=OBJECTS * allocated + BYTES_SLACK,
                unit="bytes",
                why="the runtime allocates a few objects of its own",
            )


def effect(bench: Bench) -> Iterator[Value]:
    """A worker that does 30 % more, in pairs of random order: decided, and the interval covers the truth."""
    language = bench.languages[0]
    subject, baseline = (
        bench.canary(language, "bytes", "throughput", warmup=1, count=round(WORK * factor)) for factor in (EFFECT, 1.0)
    )
    pairs = 10 if bench.fast else 20
    # Wall time of the measured iterations, read as any rate is, but not divided by what was done.
    elapsed = replace(bench.catalog.metrics["time.per_operation"], source="iteration.elapsed_ns")
    comparison, records = compared(bench, subject, baseline, pairs, elapsed)
    low, high = comparison.estimate.low, comparison.estimate.high
    if low is None or high is None or comparison.spread is None:
        raise NotMeasured(f"{len(comparison.blocks)} pairs give no interval")
    decided = paired.decision(_at_level(comparison, DECISION_LEVEL), margin=EFFECT_MARGIN)
    if decided == "undecided" and low <= EFFECT <= high and (why := disturbed(records)):
        raise Unavailable(f"{why}: {pairs} pairs of that noise decide nothing, and their interval holds the truth")
    yield Value(
        what=f"{pairs} pairs with 30 % more work, decided as beyond 10 %",
        observed=float(decided == "holds"),
        low=1.0,
        high=1.0,
        unit="count",
    )
    yield Value(
        what="the truth, between the ends of the interval at 99.9 %", observed=EFFECT, low=low, high=high, unit="x",
        why="at 95 % it would rightly miss in one of twenty validations",
    )  # fmt: skip
    yield Value(what="noise per pair", observed=comparison.spread, unit="1")
    rng = np.random.default_rng(bench.seed)
    for factor in POWERS:
        yield Value(
            what=f"power to see {factor - 1:.0%} with {pairs} pairs of that noise, simulated",
            observed=power(rng, factor, comparison.spread, pairs),
            unit="1",
        )


def compared(
    bench: Bench, subject: Planned, baseline: Planned, pairs: int, metric: Metric
) -> tuple[Comparison, tuple[Record, ...]]:
    """A metric of one against that of the other, in pairs of random order, at :data:`COVER_LEVEL`; and the records."""
    order = random.Random(bench.seed)
    records: list[Record] = []
    for number in range(1, pairs + 1):
        both = [subject, baseline]
        order.shuffle(both)
        records += [bench.measure(one, block=number) for one in both]
    for one in records:
        good(one)
    found = {one.cell.key: one.sample for one in collect(records, metric)}
    comparison = paired.compare(found[subject.cell.key], found[baseline.cell.key], level=COVER_LEVEL)
    return comparison, tuple(records)


def _at_level(comparison: Comparison, level: float) -> Comparison:
    """The same differences at another level."""
    return paired.from_differences(
        dict(zip(comparison.blocks, comparison.differences, strict=True)),
        comparison.assumption,
        subject=comparison.subject,
        baseline=comparison.baseline,
        unit=comparison.estimate.unit,
        level=level,
    )


def power(rng: np.random.Generator, factor: float, spread: float, pairs: int) -> float:
    """The share of simulated runs with that noise per pair whose interval excludes no effect."""
    # Both sides of a pair bring the same noise, and all of it is the process's own: no iteration averages it away.
    population = simulate.Population(
        correlation=1.0, spread=spread / np.sqrt(2), between=0.0, iterations=1, effect=float(np.log(factor))
    )
    low, _ = simulate.by_t(simulate.draw(rng, population, blocks=pairs, runs=simulate.REPETITIONS), 0.05)
    return float(np.mean(low > 0))


def statistics(bench: Bench) -> Iterator[Value]:
    """Made-up runs whose truth is known: how often the intervals that judge hold it, how often they alarm falsely."""
    rng = np.random.default_rng(bench.seed)
    runs = simulate.REPETITIONS
    cases: tuple[tuple[str, Shape, Interval, tuple[int, ...]], ...] = (
        ("t", "normal", bench.instruments.symmetric, (7, 20, 60)),
        ("signed ranks", "skewed", bench.instruments.skewed, (10, 20)),
    )
    for name, shape, interval, blocks in cases:
        for n in blocks:
            for correlation in (0.0, 0.95):
                held = simulate.coverage(
                    rng, blocks=n, correlation=correlation, interval=interval, shape=shape, runs=runs
                )
                alarms = simulate.false_alarms(
                    rng, blocks=n, correlation=correlation, interval=interval, shape=shape, runs=runs
                )
                of = f"{name}, {n} blocks of {shape} data, correlation {correlation:g}"
                yield Value(what=f"{of}: coverage of 95 %", observed=held, low=COVERAGE, unit="1")
                yield Value(what=f"{of}: false alarms at 5 %", observed=alarms, high=FALSE_ALARMS, unit="1")


def flags(bench: Bench) -> Iterator[Value | LeftOut]:
    """A neighbour that burns CPU, a quota, a program dropped from memory: each is flagged, and by as much as it was."""
    yield from where_allowed(_foreign(bench), "foreign load")
    yield from where_allowed(_throttled(bench), "throttling")
    yield from where_allowed(_dropped(bench), "major faults")


def _foreign(bench: Bench) -> Iterator[Value]:
    hog = Spinning()
    record = bench.measure(bench.canary(bench.languages[0], "pause", "throughput", hold_ms=300), hog)
    foreign = accounted(record, "foreign_busy_ns")
    yield _flagged(record, "foreign_load", "a CPU hog on each CPU")
    yield Value(
        what="foreign load against what the hogs say they burnt",
        observed=foreign / max(1, hog.cpu_ns),
        low=HOG_SHARE,
        unit="x",
        why="they burn a little longer than the worker is measured",
    )


def _throttled(bench: Bench) -> Iterator[Value]:
    record = bench.measure(bench.canary(bench.languages[0], "cpu", "throughput", cpu_ms=100), Quota(QUOTA))
    accounted(record, "throttled_ns")
    yield _flagged(record, "throttled", "a quota of a fifth of a CPU")


def _dropped(bench: Bench) -> Iterator[Value]:
    record = bench.measure(bench.canary(bench.languages[0], "pause", "throughput", hold_ms=50), PagedOut())
    good(record)
    yield _flagged(record, "major_faults", "a program that the kernel dropped from memory")


def _flagged(record: Record, flag: str, what: str) -> Value:
    return Value(what=f"{what} is flagged", observed=float(flag in record.flags), low=1.0, high=1.0, unit="count")
