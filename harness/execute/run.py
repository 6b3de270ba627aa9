"""The block loop: invocations in their order, a record appended for each, a rerun where the host disturbed one.

A generator of records: each is on disk before it is given out. Ctrl-C ends the worker that runs, removes its
container and leaves what is finished readable.
"""

import queue
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace

from harness.catalog.model import Block, Golden, Invocation
from harness.engines.base import Engine, Place, pick_cpus
from harness.execute.handshake import Clock, Deadlines, Ran, invoke
from harness.protocol.assemble import assemble
from harness.protocol.record import Digest, Record
from harness.store.runs import Run

RERUN_FLAGS = frozenset({"foreign_load", "steal", "throttled", "major_faults"})
"""What the host alone says; nothing that depends on what was measured may ask for a rerun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a record is held against: digests of what ran, settings asked for, golden values by form."""

    digest: Digest
    in_force: Mapping[str, int | str]
    goldens: Mapping[str | None, Golden]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What stays the same over a run: engine, store, clock, deadlines, and what records are held against."""

    engine: Engine
    store: Run
    clock: Clock
    deadlines: Deadlines
    expected: Callable[[Invocation], Expected]
    parallel: int = 1
    warn: Callable[[str], None]


def run(block: Block, setting: Setting) -> Iterator[Record]:
    """Run a block; each record is stored before it is given out.

    EngineError when the engine fails, StoreError when a record cannot be written: both leave everything before intact.
    """
    if setting.parallel == 1:
        for invocation in block.invocations:
            yield from _attempts(invocation, setting, lane=0)
    else:
        yield from _side_by_side(block, setting)


def _attempts(invocation: Invocation, setting: Setting, *, lane: int) -> Iterator[Record]:
    """One record, or two where the host disturbed the first: the rerun's is the value, both are kept."""
    record = _one(invocation, setting, lane=lane)
    setting.store.append(record)
    yield record
    if invocation.block is not None and RERUN_FLAGS.intersection(record.flags):
        again = _one(replace(invocation, attempt=invocation.attempt + 1), setting, lane=lane)
        setting.store.append(again)
        yield again


def _one(invocation: Invocation, setting: Setting, *, lane: int) -> Record:
    out = setting.store.out(invocation)
    cpus = pick_cpus(setting.engine.cpus(), invocation.cell.limits.cpus, lane)
    place = Place(run=setting.store.id, out=out, cpuset=cpus)
    alone = setting.parallel == 1
    ran: Ran = invoke(invocation, setting.engine, place, setting.clock, setting.deadlines, alone=alone)
    if ran.problem:
        setting.warn(ran.problem)
    with suppress(OSError):
        out.rmdir()  # most workers leave nothing there; only a folder that holds something is kept
    expected = setting.expected(invocation)
    return assemble(
        invocation,
        ran.lines,
        ran.observed,
        digest=expected.digest,
        in_force=expected.in_force,
        goldens=expected.goldens,
        flags=ran.flags,
        stderr=ran.stderr,
        overflow=ran.overflow,
    )


def _side_by_side(block: Block, setting: Setting) -> Iterator[Record]:
    """Workers on disjoint CPUs where there are enough, for what is not timed; this thread stores the records."""
    lanes: queue.SimpleQueue[int] = queue.SimpleQueue()
    for lane in range(setting.parallel):
        lanes.put(lane)

    def work(invocation: Invocation) -> Record:
        lane = lanes.get()
        try:
            return _one(invocation, setting, lane=lane)
        finally:
            lanes.put(lane)

    waiting = list(block.invocations)
    running: set[Future[Record]] = set()
    with ThreadPoolExecutor(max_workers=setting.parallel) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < setting.parallel:
                    running.add(pool.submit(work, waiting.pop(0)))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    record = future.result()
                    setting.store.append(record)
                    yield record
        finally:
            for future in running:
                future.cancel()
