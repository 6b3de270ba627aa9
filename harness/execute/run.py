"""The block loop: invocations in their order, a record appended for each, a rerun where the host disturbed one.

A generator of records: each is on disk before it is given out. Ctrl-C ends the workers that run, removes their
containers and leaves what is finished readable. While a worker runs the harness is quiet: it collects no garbage and
prints nothing.
"""

import gc
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from harness.catalog.model import Block, Golden, Invocation
from harness.engines.base import Engine, Place, Session, pick_cpus
from harness.engines.process import to_fifo
from harness.execute.control import Scheduler
from harness.execute.handshake import ENGINE_LOST, Deadlines, Ran, invoke
from harness.execute.stream import Clock
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
    """What stays the same over a run: engine, store, clock, deadlines, and what records are held against.

    ``scheduler`` gives control processes their priority.
    """

    engine: Engine
    store: Run
    clock: Clock
    deadlines: Deadlines
    expected: Callable[[Invocation], Expected]
    parallel: int = 1
    warn: Callable[[str], None]
    scheduler: Scheduler = to_fifo


def run(block: Block, setting: Setting) -> Iterator[Record]:
    """Run a block; each record is stored before it is given out.

    EngineError when the engine fails, StoreError when a record cannot be written: both leave everything before intact.
    """
    if setting.parallel == 1:
        for invocation in block.invocations:
            yield from _attempts(invocation, setting)
    else:
        with _quiet():
            yield from _side_by_side(block, setting)


def _attempts(invocation: Invocation, setting: Setting) -> Iterator[Record]:
    """One record, or two where the host disturbed the first: the rerun's is the value, both are kept."""
    with _quiet():
        record = _one(invocation, setting)
    setting.store.append(record)
    yield record
    if _again(record):
        with _quiet():
            record = _one(replace(invocation, attempt=invocation.attempt + 1), setting)
        setting.store.append(record)
        yield record


def _again(record: Record) -> bool:
    """Whether an invocation is run once more: never for what came of it, only for what the host did to it."""
    timed = record.invocation.block is not None and record.invocation.cell.mode != "exact"
    return ENGINE_LOST in record.flags or (timed and not RERUN_FLAGS.isdisjoint(record.flags))


def _one(
    invocation: Invocation,
    setting: Setting,
    *,
    lane: int = 0,
    opened: Callable[[Session], None] = lambda session: None,
) -> Record:
    out = setting.store.out(invocation)
    cpus = pick_cpus(setting.engine.cpus(), invocation.cell.limits.cpus, lane)
    place = Place(run=setting.store.id, out=out, cpuset=cpus)
    try:
        ran: Ran = invoke(
            invocation,
            setting.engine,
            place,
            setting.clock,
            setting.deadlines,
            alone=setting.parallel == 1,
            opened=opened,
            scheduler=setting.scheduler,
        )
    finally:
        with suppress(OSError):
            out.rmdir()  # most workers leave nothing there; only a folder that holds something is kept
    if ran.problem:
        setting.warn(f"{invocation.id}: {ran.problem}")
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


@contextmanager
def _quiet() -> Iterator[None]:
    """No garbage collection of our own: it would burn the CPU that the worker is timed on."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Lanes:
    """Workers side by side: which CPUs each may have, and how to end them all."""

    def __init__(self, count: int) -> None:
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for lane in range(count):
            self._free.put(lane)
        self._lock = threading.Lock()
        self._sessions: list[Session] = []
        self._over = False

    def work(self, invocation: Invocation, setting: Setting) -> Record:
        """Run one invocation on a lane of its own."""
        lane = self._free.get()
        mine: list[Session] = []

        def opened(session: Session) -> None:
            mine.append(session)
            with self._lock:
                self._sessions.append(session)
                if self._over:
                    session.kill()

        try:
            return _one(invocation, setting, lane=lane, opened=opened)
        finally:
            with self._lock:
                self._sessions = [session for session in self._sessions if session not in mine]
            self._free.put(lane)

    def end(self) -> None:
        """Kill every worker there is, and every one that still comes."""
        with self._lock:
            self._over = True
            for session in self._sessions:
                session.kill()


def _side_by_side(block: Block, setting: Setting) -> Iterator[Record]:
    """Workers on disjoint CPUs where there are enough, for what is not timed; this thread stores the records.

    A lost engine asks for one more attempt here, too: of all flags only that one is raised side by side.
    """
    lanes = _Lanes(setting.parallel)
    waiting = list(block.invocations)
    running: set[Future[Record]] = set()
    with ThreadPoolExecutor(max_workers=setting.parallel) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < setting.parallel:
                    running.add(pool.submit(lanes.work, waiting.pop(0), setting))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                records = [future.result() for future in done]
                for record in records:  # all of them before any is given out: whoever takes one may stop there
                    setting.store.append(record)
                    if _again(record) and record.invocation.attempt % 2 == 1:  # an even attempt is a rerun itself
                        waiting.insert(0, replace(record.invocation, attempt=record.invocation.attempt + 1))
                yield from records
        finally:
            # Reached with workers only by Ctrl-C or an error: what they would have said is not waited for.
            for future in running:
                future.cancel()
            if running:
                lanes.end()
