import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.catalog.model import Mode
from harness.engines.base import Exit, Place, Session
from harness.engines.cgroup import Cgroup
from harness.engines.fake import FakeEngine
from harness.engines.process import ProcessSession, start_process
from harness.errors import EngineError
from harness.execute import observe
from harness.execute.handshake import ENGINE_LOST, Deadlines, Ran, invoke
from harness.execute.instruments import Instruments
from harness.protocol.assemble import assemble
from harness.protocol.record import Record
from tests.fakes import running, values

CPU = min(os.sched_getaffinity(0))
SECOND = 1_000_000_000


def ran(variant: str, out: Path, deadlines: Deadlines = running.SHORT, *, alone: bool = True) -> Ran:
    asked = values.invocation(variant=variant)
    place = Place(run="run", out=out, cpuset=(0,))
    return invoke(asked, FakeEngine(running.WORKER), place, time.monotonic_ns, deadlines, alone=alone)


def record(variant: str, out: Path, deadlines: Deadlines = running.SHORT) -> Record:
    asked = values.invocation(variant=variant)
    found, expected = ran(variant, out, deadlines), running.expected(asked)
    assert found.problem is None
    return assemble(
        asked,
        found.lines,
        found.observed,
        digest=expected.digest,
        in_force=expected.in_force,
        goldens=expected.goldens,
        stderr=found.stderr,
        overflow=found.overflow,
    )


def test_invoke_when_all_goes_well_then_times_are_in_order_and_faults_are_counted(tmp_path: Path) -> None:
    found = record("good", tmp_path)
    assert (found.status, found.reason) == ("ok", None)
    seen = found.observed
    assert seen.released_ns is not None
    assert seen.end_received_ns is not None
    assert seen.started_ns < seen.released_ns < seen.end_received_ns < seen.ended_ns
    assert seen.minor_faults
    assert seen.vm_hwm_bytes
    assert seen.limits_read_back["memory"] is None
    assert seen.unavailable["cgroup_peak_bytes"] == "fakes are not accounted"


@pytest.mark.parametrize(
    ("variant", "status", "words"),
    [
        ("dies_early", "crash", "exit 3: no such heap"),
        ("crashes", "crash", "signal 11): boom"),
        ("exits", "crash", "exit 2"),
        ("truncated", "invalid", "line 3 is no message"),
        ("garbage", "invalid", "line 3 is no message (whole line"),
        ("no_end", "invalid", "0 'end' messages"),
        ("wrong_checksum", "invalid", "checksum is 0000000000000bad, the golden"),
        ("other_collector", "invalid", "asks for 'none', the runtime reports 'other'"),
        ("flood", "invalid", "more output than a record stores"),
        ("flood_early", "invalid", "more output than a record stores"),
        ("endless_line", "invalid", "more output than a record stores"),
        ("stderr", "ok", ""),
        ("orphan", "ok", ""),
    ],
)
def test_invoke_when_the_worker_misbehaves_then_it_ends_as_data(
    tmp_path: Path, variant: str, status: str, words: str
) -> None:
    found = record(variant, tmp_path)
    assert found.status == status
    assert words in (found.reason or "")


@pytest.mark.parametrize(
    ("variant", "deadlines", "words"),
    [
        ("never_ready", Deadlines(ready=0.2, work=20, exit=10), "no ready within 0.2 s"),
        ("never_ends", Deadlines(ready=20, work=0.2, exit=10), "no end within 0.2 s of its release"),
        ("ignores_term", Deadlines(ready=20, work=0.2, exit=10), "no end within 0.2 s of its release"),
        ("stays", Deadlines(ready=20, work=20, exit=0.2), "still there 0.2 s after its last line"),
    ],
)
def test_invoke_when_a_deadline_passes_then_timeout_and_nothing_left(
    tmp_path: Path, variant: str, deadlines: Deadlines, words: str
) -> None:
    found = record(variant, tmp_path, deadlines)
    assert (found.status, found.reason) == ("timeout", words)
    assert found.observed.exit_code == 137


def test_invoke_when_others_run_beside_it_then_foreign_load_is_not_judged(tmp_path: Path) -> None:
    found = ran("good", tmp_path, alone=False)
    assert found.flags == ()
    assert found.observed.unavailable["foreign_busy_ns"] == "other workers ran beside it"


def test_invoke_when_the_program_is_missing_then_engine_error(tmp_path: Path) -> None:
    place = Place(run="run", out=tmp_path, cpuset=(0,))
    with pytest.raises(EngineError, match="cannot be started"):
        invoke(values.invocation(), FakeEngine(tmp_path / "none"), place, time.monotonic_ns, running.SHORT)


def test_invoke_when_interrupted_then_the_worker_is_gone(tmp_path: Path) -> None:
    pids: list[int] = []

    def opened(session: Session) -> None:
        pid = session.pid()
        assert pid is not None
        pids.append(pid)
        raise KeyboardInterrupt

    place = Place(run="run", out=tmp_path, cpuset=(0,))
    engine = FakeEngine(running.WORKER)
    with pytest.raises(KeyboardInterrupt):
        invoke(values.invocation(variant="never_ready"), engine, place, time.monotonic_ns, running.SHORT, opened=opened)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_invoke_when_the_engine_cannot_tell_how_it_ended_then_flagged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ProcessSession.wait

    def lost(self: ProcessSession, seconds: float) -> Exit:
        real(self, seconds)
        return Exit(code=None, reason="the daemon went away")

    monkeypatch.setattr(ProcessSession, "wait", lost)
    found = ran("good", tmp_path)
    assert ENGINE_LOST in found.flags
    assert found.observed.exit_code is None
    assert found.observed.unavailable["exit_code"] == "the daemon went away"


def started(monkeypatch: pytest.MonkeyPatch) -> list[ProcessSession]:
    """Every helper process that is started from here on."""
    sessions: list[ProcessSession] = []

    def start(*arguments: Any, **named: Any) -> ProcessSession:
        sessions.append(start_process(*arguments, **named))
        return sessions[-1]

    monkeypatch.setattr("harness.execute.helper.start_process", start)
    return sessions


def instrumented(out: Path, mode: Mode, variant: str = "good", **named: Any) -> Ran:
    asked = values.invocation(variant=variant, mode=mode)
    place = Place(run="run", out=out, cpuset=(CPU,))
    deadlines = named.pop("deadlines", running.SHORT)
    engine = named.pop("engine", FakeEngine(running.WORKER))
    # Granted and not in force: what the kernel of this host thinks of it must not matter here.
    return invoke(asked, engine, place, time.monotonic_ns, deadlines, **({"scheduler": lambda pid: None} | named))


def test_invoke_when_in_mode_latency_then_the_control_covers_release_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = started(monkeypatch)
    seen = instrumented(tmp_path, "latency").observed
    assert seen.control is not None
    assert seen.released_ns is not None
    assert seen.end_received_ns is not None
    assert seen.control.start_ns < seen.released_ns < seen.end_received_ns < seen.control.end_ns
    assert (seen.control.cpus, seen.control.in_force) == ((CPU,), "SCHED_OTHER")
    assert seen.curve is None
    assert not {"control", "curve"} & set(seen.unavailable)
    assert [session.pid() for session in sessions] == [None]


def test_invoke_when_in_mode_memory_then_the_curve_covers_release_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = started(monkeypatch)
    seen = instrumented(tmp_path, "memory").observed
    assert seen.curve is not None
    assert seen.released_ns is not None
    assert seen.end_received_ns is not None
    assert seen.curve.samples[-1][0] > seen.end_received_ns
    assert all(resident > 0 for _, resident in seen.curve.samples)
    assert seen.control is None
    assert not {"control", "curve"} & set(seen.unavailable)
    assert [session.pid() for session in sessions] == [None]


@pytest.mark.parametrize("mode", ["throughput", "exact"])
def test_invoke_when_in_another_mode_then_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    sessions = started(monkeypatch)
    seen = instrumented(tmp_path, mode).observed
    assert sessions == []
    assert (seen.control, seen.curve) == (None, None)
    assert not {"control", "curve"} & set(seen.unavailable)


def test_invoke_when_the_kernel_refuses_the_priority_then_no_control_with_the_reason(tmp_path: Path) -> None:
    def refuses(pid: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    found = instrumented(tmp_path, "latency", scheduler=refuses)
    assert found.observed.exit_code == 0
    assert found.observed.control is None
    assert found.observed.unavailable["control"] == "the kernel refuses SCHED_FIFO here: Operation not permitted"


def test_invoke_when_instruments_run_then_they_begin_before_the_baseline_and_end_after_the_counters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def noted(owner: Any, name: str, note: Callable[..., str]) -> None:
        real = getattr(owner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            order.append(note(*arguments, **named))
            return real(*arguments, **named)

        monkeypatch.setattr(owner, name, call)

    (tmp_path / "memory.max_usage_in_bytes").write_text("0")
    monkeypatch.setattr(ProcessSession, "cgroup", lambda session: Cgroup({"memory": tmp_path}, 1))
    noted(Instruments, "begin", lambda *_: "begin")
    noted(Cgroup, "reset_peak", lambda *_: "reset marks")
    noted(observe, "read", lambda *_: "read")
    noted(observe, "between", lambda *_: "marks")
    noted(Instruments, "finish", lambda *_: "finish")
    noted(ProcessSession, "send", lambda session, data: data.decode())
    instrumented(tmp_path, "latency")
    # What the control is told stands beside what the worker is told: the line and the first "q" are the control's.
    assert order == ["begin", "\n", "reset marks", "read", "g", "read", "marks", "finish", "q", "q"]


def test_invoke_when_the_control_takes_time_then_it_is_no_foreign_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    span = observe.Span(foreign_busy_ns=SECOND)
    monkeypatch.setattr(observe, "between", lambda *_: span)
    plain = instrumented(tmp_path, "throughput").observed
    seen = instrumented(tmp_path, "latency").observed
    assert plain.foreign_busy_ns == SECOND
    assert seen.control is not None
    assert seen.foreign_busy_ns == SECOND - seen.control.cpu_ns


@pytest.mark.parametrize("mode", ["latency", "memory"])
@pytest.mark.parametrize("variant", ["dies_early", "crashes", "no_end"])
def test_invoke_when_the_worker_fails_beside_instruments_then_data_and_nothing_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode, variant: str
) -> None:
    sessions = started(monkeypatch)
    found = instrumented(tmp_path, mode, variant)
    released = variant != "dies_early"
    assert (found.observed.control is not None) is (released and mode == "latency")
    if released and mode == "memory":
        assert found.observed.unavailable["curve"] == "the worker ended while its resident pages were sampled"
    assert [session.pid() for session in sessions] == [None]


@pytest.mark.parametrize("mode", ["latency", "memory"])
def test_invoke_when_a_deadline_passes_beside_instruments_then_nothing_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    sessions = started(monkeypatch)
    found = instrumented(tmp_path, mode, "never_ends", deadlines=Deadlines(ready=20, work=0.2, exit=10))
    assert found.observed.timed_out
    assert found.observed.control is not None or found.observed.curve is not None
    assert [session.pid() for session in sessions] == [None]


@pytest.mark.parametrize("mode", ["latency", "memory"])
def test_invoke_when_interrupted_beside_instruments_then_nothing_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    sessions = started(monkeypatch)
    real = Instruments.begin

    def begin(self: Instruments, pid: int | None) -> None:
        real(self, pid)
        threading.Timer(0.1, running.press_ctrl_c).start()

    monkeypatch.setattr(Instruments, "begin", begin)
    with pytest.raises(KeyboardInterrupt):
        instrumented(tmp_path, mode, "never_ends")
    assert [session.pid() for session in sessions] == [None]


@pytest.mark.parametrize("mode", ["latency", "memory"])
def test_invoke_when_the_engine_fails_then_no_instrument_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    sessions = started(monkeypatch)
    with pytest.raises(EngineError, match="cannot be started"):
        instrumented(tmp_path, mode, engine=FakeEngine(tmp_path / "none"))
    assert [session.pid() for session in sessions] == [None]


def test_deadlines_when_a_cell_has_a_schedule_then_it_is_added() -> None:
    asked = Deadlines(work=10.0)
    assert asked.until_end(values.cell()) == 10.0
    assert asked.until_end(values.cell(mode="latency", rate=100, seconds=3, warmup=1, iterations=2)) == 16.0


def test_invoke_when_a_schedule_is_longer_than_the_deadline_then_it_has_its_time(tmp_path: Path) -> None:
    asked = values.invocation(variant="slow", mode="latency", rate=1, seconds=20, iterations=1)
    place = Place(run="run", out=tmp_path, cpuset=(CPU,))
    deadlines = Deadlines(ready=20, work=0.01, exit=10)
    found = invoke(asked, FakeEngine(running.WORKER), place, time.monotonic_ns, deadlines, scheduler=lambda pid: None)
    assert not found.observed.timed_out
