import os
import time
from pathlib import Path

import pytest

from harness.engines.base import Exit, Place, Session
from harness.engines.fake import FakeEngine
from harness.engines.process import ProcessSession
from harness.errors import EngineError
from harness.execute.handshake import ENGINE_LOST, Deadlines, Ran, invoke
from harness.protocol.assemble import assemble
from harness.protocol.record import Record
from tests.fakes import running, values


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
