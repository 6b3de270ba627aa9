"""One worker from start to removal: the same handshake for every engine.

Start, read until ``ready``, reset the marks and read the baseline, write ``g``, read until ``end``, read the
counters, write ``q``, wait for the exit. Every wait has a deadline, a thread always drains the stream, and what a
worker does wrong ends as data.
"""

import gc
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from harness.catalog.model import Invocation
from harness.engines.base import Engine, Exit, Place, Session
from harness.engines.cgroup import Cgroup
from harness.execute import observe
from harness.protocol.record import Observed

STORED_BYTES: Final = 8 << 20
"""Of a worker's stdout, so much is kept; beyond it only the end is looked for."""

STDERR_BYTES: Final = 64 << 10
_READY: Final = b'{"type":"ready"'
_END: Final = b'{"type":"end"'
_RECEIVE_SECONDS: Final = 1.0

Clock = Callable[[], int]
"""CLOCK_MONOTONIC in ns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds that each wait may take: until ``ready``, from the release to ``end``, and to exit after that."""

    ready: float = 60.0
    work: float = 300.0
    exit: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of one worker: its lines, the tail of its other stream, and what was observed."""

    lines: tuple[bytes, ...]
    stderr: bytes
    overflow: bool
    observed: Observed
    flags: tuple[str, ...]
    problem: str | None
    """What could not be cleaned up, for a warning; None when nothing is left."""


@dataclass(slots=True)
class Drain:
    """Reads a session's streams to the end, whatever they hold, and says what has been seen."""

    session: Session
    clock: Clock
    lines: list[bytes] = field(default_factory=list)
    stderr: bytearray = field(default_factory=bytearray)
    overflow: bool = False
    end_ns: int | None = None
    ready: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)
    _stored: int = 0
    _rest: bytearray = field(default_factory=bytearray)

    def run(self) -> None:
        """The body of the draining thread: ends when the stream is closed or :attr:`stopped` is set."""
        try:
            while not self.stopped.is_set():
                chunk = self.session.receive(_RECEIVE_SECONDS)
                if chunk is None:
                    continue
                self.stderr += chunk.stderr
                del self.stderr[:-STDERR_BYTES]
                self._take(chunk.stdout)
                if chunk.closed:
                    break
        finally:
            if self._rest:
                self._line(bytes(self._rest))
            # Whoever waits for a line that can no longer come is woken.
            self.ready.set()
            self.ended.set()
            self.stopped.set()

    def _take(self, data: bytes) -> None:
        if not data:
            return
        *whole, rest = (bytes(self._rest) + data).split(b"\n")
        for line in whole:
            self._line(line)
        # One endless line is a flood too: only its beginning is kept, which no message can be longer than.
        if len(rest) > STORED_BYTES:
            self.overflow = True
            rest = rest[:1]
        self._rest = bytearray(rest)

    def _line(self, line: bytes) -> None:
        if line.startswith(_END):
            self.end_ns = self.clock()
        if self._stored + len(line) <= STORED_BYTES:
            self._stored += len(line) + 1
            self.lines.append(line)
        else:
            self.overflow = True
        if line.startswith(_READY):
            self.ready.set()
        if line.startswith(_END):
            self.ended.set()


def invoke(
    invocation: Invocation, engine: Engine, place: Place, clock: Clock, deadlines: Deadlines, *, alone: bool = True
) -> Ran:
    """Run one worker. EngineError when the engine itself fails to start it; everything else is data.

    ``alone`` says that nothing else of ours runs side by side: only then is foreign load a disturbance.
    """
    started = clock()
    session = engine.start(invocation, place)
    quiet = gc.isenabled()
    gc.disable()
    try:
        return _converse(engine, session, place, clock, deadlines, started, alone=alone)
    finally:
        # Reached by Ctrl-C too: nothing of ours keeps running. Both calls may come twice.
        session.kill()
        session.close()
        if quiet:
            gc.enable()


def _converse(
    engine: Engine, session: Session, place: Place, clock: Clock, deadlines: Deadlines, started: int, *, alone: bool
) -> Ran:
    drain = Drain(session=session, clock=clock)
    thread = threading.Thread(target=drain.run, name="drain", daemon=True)
    thread.start()
    late: str | None = None
    released: int | None = None
    span = observe.Span(unavailable={"worker": "it never said that it is ready"})
    raised: tuple[str, ...] = ()
    group: Cgroup | str = "the worker was not ready"
    try:
        if not drain.ready.wait(deadlines.ready):
            late = f"no ready within {deadlines.ready:g} s"
        elif not drain.stopped.is_set() or drain.end_ns is not None:
            pid, group = session.pid(), session.cgroup()
            counted = group if isinstance(group, Cgroup) else None
            refused = counted.reset_peak() if counted else None
            before = observe.read(clock(), pid, counted, place.cpuset)
            released = clock()
            session.send(b"g")
            if not drain.ended.wait(deadlines.work):
                late = f"no end within {deadlines.work:g} s of its release"
            after = observe.read(clock(), pid, counted, place.cpuset)
            span = _with_refusal(observe.between(before, after, pid, group), refused)
            raised = observe.flags(span, after.at_ns - before.at_ns, len(place.cpuset)) if alone else ()
        limits = group.limits() if isinstance(group, Cgroup) else {}
        exit_ = _finish(session, drain, deadlines, late)
        if exit_ is None:
            late = late or f"still there {deadlines.exit:g} s after its last line"
    finally:
        if isinstance(group, Cgroup):
            group.close()
    session.kill()
    thread.join(deadlines.exit)
    drain.stopped.set()
    problem = session.close()
    ended = exit_ or Exit(code=None, reason=late or "the engine cannot tell")
    observed = Observed(
        engine=engine.name,
        image=session.image,
        started_ns=started,
        released_ns=released,
        end_received_ns=drain.end_ns,
        ended_ns=clock(),
        exit_code=ended.code,
        oom_killed=ended.oom_killed,
        timed_out=late is not None,
        cgroup_peak_bytes=span.cgroup_peak_bytes,
        cgroup_cpu_ns=span.cgroup_cpu_ns,
        vm_hwm_bytes=span.vm_hwm_bytes,
        anon_bytes=span.anon_bytes,
        shmem_bytes=span.shmem_bytes,
        file_bytes=span.file_bytes,
        minor_faults=span.minor_faults,
        major_faults=span.major_faults,
        run_delay_ns=span.run_delay_ns,
        throttled_ns=span.throttled_ns,
        steal_ns=span.steal_ns,
        foreign_busy_ns=span.foreign_busy_ns,
        limits_read_back=limits,
        unavailable={
            **span.unavailable,
            **({"timed_out": late} if late else {}),
            **({"exit_code": ended.reason} if ended.code is None else {}),
        },
    )
    return Ran(
        lines=tuple(drain.lines),
        stderr=bytes(drain.stderr),
        overflow=drain.overflow,
        observed=observed,
        flags=raised,
        problem=problem,
    )


def _finish(session: Session, drain: Drain, deadlines: Deadlines, late: str | None) -> Exit | None:
    """Let a worker that has ended go, and end one that has not; how it ended, None where that cannot be had in time."""
    if late is None:
        session.send(b"q")
        found = session.wait(deadlines.exit)
        if found is not None:
            # The last lines of stderr may come after the exit; the daemon closes the stream when it has sent all.
            drain.stopped.wait(1.0)
            return found
    session.kill()
    with suppress(OSError):
        return session.wait(deadlines.exit)
    return None


def _with_refusal(span: observe.Span, refused: str | None) -> observe.Span:
    """Without a reset the mark still holds what the container's own start took: better none than that."""
    if refused is None:
        return span
    return replace(span, cgroup_peak_bytes=None, unavailable={**span.unavailable, "cgroup_peak_bytes": refused})
