"""One worker from start to removal: the same handshake for every engine.

Start, read until ``ready``, let the mode's instruments begin, reset the marks and read the baseline, write ``g``, read
until ``end``, read the counters, stop the instruments, write ``q``, wait for the exit. Every wait has a deadline, a
thread always drains the stream, and what a worker does wrong ends as data.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from harness.catalog.model import Cell, Invocation
from harness.engines.base import Engine, Exit, Place, Session
from harness.engines.cgroup import Cgroup
from harness.engines.process import to_fifo
from harness.execute import observe
from harness.execute.control import Scheduler
from harness.execute.instruments import Instruments, Seen
from harness.execute.stream import Clock, Drain
from harness.protocol.record import Observed

ENGINE_LOST = "engine_lost"
"""The flag of an invocation whose engine could not tell how it ended: a daemon that went away, for one."""

_LAST_WORDS_SECONDS = 5.0
"""How long output may still come after the exit; an engine closes the stream when it has handed over everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds that each wait may take: until ``ready``, from the release to ``end``, and to exit after that.

    What a cell's own schedule lasts is added to ``work``.
    """

    ready: float = 60.0
    work: float = 300.0
    exit: float = 15.0

    def until_end(self, cell: Cell) -> float:
        """Seconds from the release to ``end``: an open loop is never done before its arrivals are."""
        return self.work + (cell.seconds or 0) * cell.iterations


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


@dataclass(frozen=True, slots=True)
class _Side:
    """Our side of one conversation."""

    session: Session
    drain: Drain
    instruments: Instruments
    place: Place
    clock: Clock
    deadlines: Deadlines
    alone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Talk:
    """The conversation's outcome: what was measured, how it ended, and which deadline passed (None: none)."""

    released_ns: int | None
    span: observe.Span
    seen: Seen
    flags: tuple[str, ...]
    limits: dict[str, int | str | None]
    exit: Exit
    late: str | None


def invoke(
    invocation: Invocation,
    engine: Engine,
    place: Place,
    clock: Clock,
    deadlines: Deadlines,
    *,
    alone: bool = True,
    opened: Callable[[Session], None] = lambda session: None,
    scheduler: Scheduler = to_fifo,
) -> Ran:
    """Run one worker. EngineError when the engine itself fails to start it; everything else is data.

    ``alone`` says that nothing else of ours runs side by side: only then is foreign load a disturbance. ``opened`` is
    told the session, for those who must be able to kill it from another thread. ``scheduler`` gives control processes
    their priority.
    """
    with closing(Instruments(invocation.cell.mode, place.cpuset, scheduler)) as instruments:
        started = clock()
        session = engine.start(invocation, place)
        problem: str | None = None
        try:
            opened(session)
            drain = Drain(session, clock)
            waits = replace(deadlines, work=deadlines.until_end(invocation.cell))
            talk = _converse(_Side(session, drain, instruments, place, clock, waits, alone))
            session.kill()  # whatever of it may be left; its stream then ends
            drain.join(_LAST_WORDS_SECONDS)
        finally:
            # Reached by Ctrl-C too: nothing of ours keeps running.
            session.kill()
            problem = session.close()
    observed = _observed(engine.name, session.image, started, clock(), drain, talk)
    return Ran(
        lines=tuple(drain.lines),
        stderr=bytes(drain.stderr),
        overflow=drain.overflow,
        observed=observed,
        flags=(*talk.flags, *((ENGINE_LOST,) if talk.exit.code is None and talk.late is None else ())),
        problem=problem,
    )


def _converse(side: _Side) -> _Talk:
    session, drain, waits = side.session, side.drain, side.deadlines
    talk = _Talk(
        released_ns=None,
        span=observe.Span(unavailable={"worker": "it was never released"}),
        seen=Seen(),
        flags=(),
        limits={},
        exit=Exit(code=None),
        late=None,
    )
    if not drain.until_ready(waits.ready):
        talk = replace(talk, late=f"no ready within {waits.ready:g} s")
    elif drain.is_ready:
        talk = _measure(side)
    if talk.late is None:
        session.send(b"q")
        ended = session.wait(waits.exit)
        if ended is not None:
            return replace(talk, exit=ended)
        talk = replace(talk, late=f"still there {waits.exit:g} s after its last line")
    session.kill()
    return replace(talk, exit=session.wait(waits.exit) or Exit(code=None, reason="it does not even end when killed"))


def _measure(side: _Side) -> _Talk:
    """From ``ready`` to ``end``: instruments, marks reset, baseline, release; then counters, marks, instruments."""
    clock, cpus, work = side.clock, side.place.cpuset, side.deadlines.work
    pid, found = side.session.pid(), side.session.cgroup()
    group = found if isinstance(found, Cgroup) else None
    try:
        limits = observe.limits(pid, found)
        side.instruments.begin(pid)
        refused = group.reset_peak() if group else None
        before = observe.read(clock(), pid, group, cpus)
        released = clock()
        side.session.send(b"g")
        intime = side.drain.until_end(work)
        after = observe.read(clock(), pid, group, cpus)
        span = observe.between(before, after, pid, found)
        seen = side.instruments.finish()
    finally:
        if group:
            group.close()
    span = observe.apart_from(span, seen.cpu_ns)
    if refused is not None:
        # Without a reset the mark still holds what the container's own start took: better none than that.
        span = observe.without(span, "cgroup_peak_bytes", refused)
    if not side.alone:
        span = observe.without(span, "foreign_busy_ns", "other workers ran beside it")
    return _Talk(
        released_ns=released,
        span=span,
        seen=seen,
        flags=observe.flags(span, after.at_ns - before.at_ns, len(cpus)) if side.alone else (),
        limits=limits,
        exit=Exit(code=None),
        late=None if intime else f"no end within {work:g} s of its release",
    )


def _observed(engine: str, image: str | None, started: int, now: int, drain: Drain, talk: _Talk) -> Observed:
    span, seen = talk.span, talk.seen
    unavailable = {**span.unavailable, **seen.unavailable}
    if talk.late is not None:
        unavailable["timed_out"] = talk.late
    if talk.exit.code is None:
        unavailable["exit_code"] = talk.exit.reason or "the engine cannot tell"
    return Observed(
        engine=engine,
        image=image,
        started_ns=started,
        released_ns=talk.released_ns,
        end_received_ns=drain.end_ns,
        ended_ns=now,
        exit_code=talk.exit.code,
        oom_killed=talk.exit.oom_killed,
        timed_out=talk.late is not None,
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
        psi_cpu_ns=span.psi_cpu_ns,
        psi_memory_ns=span.psi_memory_ns,
        psi_io_ns=span.psi_io_ns,
        control=seen.control,
        curve=seen.curve,
        limits_read_back=talk.limits,
        unavailable=unavailable,
    )
