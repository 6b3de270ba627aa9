"""Rows about memory: what a program holds, for how long, who else holds what, and what is charged to it.

Truths are bytes that a program touches exactly, that a helper holds in its cgroup, or that the kernel adds up while the
program stands still.
"""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from harness.catalog.model import Language
from harness.validate.bench import Bench, accounted, good
from harness.validate.checks import NotMeasured, Value
from harness.validate.inject import Holding, StoppingAt

MEBIBYTE: Final = 1 << 20
SIZES: Final = (1, 64, 256)

BATCH_BYTES: Final = 256 << 10
"""What each CPU may have counted and not yet added to a process's resident pages: 64 pages (percpu_counter)."""

SHARE: Final = 0.002
SPIKE_SHARE: Final = 0.995
INFLATED: Final = 1 << 30

SHARED: Final = 64 * MEBIBYTE
CACHED: Final = 96 * MEBIBYTE
CHARGED_SLACK: Final = 2 * MEBIBYTE
"""Beside what it holds, the holder needs page tables and buffers of its own, and the kernel counts in batches."""

PLATEAU_NS: Final = 1_000_000_000
CURVE_SHARE: Final = 0.7
"""Of the samples that were asked for: on a busy machine the sampler is late, but half of them is a broken one."""


def memory(bench: Bench) -> Iterator[Value]:
    """So many MiB touched, over what the same program's process peaks at without them."""
    for language in bench.languages:
        idle = [_idle(bench, language) for _ in range(2)]
        base = sum(idle) / len(idle)
        for mebibytes in SIZES:
            truth = mebibytes * MEBIBYTE
            record = bench.measure(bench.canary(language, "memory", "memory", mebibytes=mebibytes))
            over = bench.instruments.peak(record) - base
            slack = _slack(bench, language, truth)
            yield Value(
                what=f"{language.title}, {mebibytes} MiB touched: peak over an idle process",
                observed=over,
                low=truth - slack,
                high=truth + slack,
                unit="bytes",
                why=_start(language),
            )


def spike(bench: Bench) -> Iterator[Value]:
    """256 MiB held no longer than reading them back takes."""
    for language in bench.languages:
        # Mode throughput: in mode memory a checkpoint stretches the moment.
        record = bench.measure(bench.canary(language, "memory", "throughput", mebibytes=SIZES[-1]))
        yield Value(
            what=f"{language.title}: peak of a moment",
            observed=bench.instruments.peak(record),
            low=SPIKE_SHARE * SIZES[-1] * MEBIBYTE,
            unit="bytes",
        )


def parent(bench: Bench) -> Iterator[Value]:
    """The same idle program, started by a harness that is itself a gigabyte larger."""
    for language in bench.languages:
        before = _idle(bench, language)
        with _inflated():
            during = _idle(bench, language)
        slack = _slack(bench, language, 0)
        yield Value(
            what=f"{language.title}: its peak's change when the harness holds 1 GiB more",
            observed=during - before,
            low=-slack,
            high=slack,
            unit="bytes",
            why=_start(language),
        )


def curve(bench: Bench) -> Iterator[Value]:
    """A program stopped while it holds much: every sample of that time, and what each says."""
    for language in bench.languages:
        standing = StoppingAt(resident=SIZES[-1] * MEBIBYTE // 2, span=PLATEAU_NS)
        record = bench.measure(bench.canary(language, "memory", "memory", mebibytes=SIZES[-1]), standing)
        good(record)
        start, end, truth = standing.plateau
        found = record.observed.curve
        if found is None:
            raise NotMeasured(record.observed.unavailable.get("curve", "the record holds no curve"))
        inside = [value for at, value in found.samples if start <= at <= end]
        asked = found.asked_hz * (end - start) / 1e9
        yield Value(
            what=f"{language.title}: samples of the {asked:.0f} asked for while it stood still",
            observed=len(inside),
            low=CURVE_SHARE * asked,
            high=asked + 2,
            unit="count",
        )
        slack = BATCH_BYTES * bench.cpus
        for value in {min(inside, default=0), max(inside, default=0)}:
            yield Value(
                what=f"{language.title}: a sample against what the kernel adds up",
                observed=value - truth,
                low=-slack,
                high=slack,
                unit="bytes",
            )


def footprint(bench: Bench) -> Iterator[Value]:
    """Shared memory and a cached file charged to the worker's cgroup: the one is its own, the other is not."""
    language = bench.languages[0]
    planned = bench.canary(language, "pause", "throughput", hold_ms=50)
    plain = bench.measure(planned)
    held = bench.measure(planned, Holding(shared=SHARED, cached=CACHED))
    yield Value(
        what="a file of 96 MiB is charged as cache",
        observed=accounted(held, "file_bytes") - accounted(plain, "file_bytes"),
        low=CACHED - CHARGED_SLACK,
        high=CACHED + CHARGED_SLACK,
        unit="bytes",
        why="a holder has page tables and buffers of its own",
    )
    yield Value(
        what="64 MiB of shared memory: the footprint's growth",
        observed=bench.instruments.footprint(held) - bench.instruments.footprint(plain),
        low=SHARED - CHARGED_SLACK,
        high=SHARED + CHARGED_SLACK,
        unit="bytes",
        why="a holder has page tables and buffers of its own",
    )


def _idle(bench: Bench, language: Language) -> float:
    """Peak of the program when it holds next to nothing, in mode memory like the rest."""
    return bench.instruments.peak(bench.measure(bench.canary(language, "bytes", "memory", count=1)))


def _slack(bench: Bench, language: Language, truth: int) -> float:
    return max(BATCH_BYTES * bench.cpus, SHARE * truth) + language.truth.start_bytes


def _start(language: Language) -> str:
    return "its runtime's own start varies" if language.truth.start_bytes else ""


@contextmanager
def _inflated() -> Iterator[None]:
    """Make this process a gigabyte larger, all of it touched."""
    with mmap.mmap(-1, INFLATED) as ballast:
        ballast[:: mmap.PAGESIZE] = bytes(INFLATED // mmap.PAGESIZE)
        yield
