import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines.base import PADDING, Exit, ImageRef, Place
from harness.engines.cgroup import Cgroup, Hierarchy, hierarchy, make_child, remove_child
from harness.engines.local import LocalEngine
from harness.engines.process import ProcessSession, start_process
from harness.errors import EngineError
from harness.execute.handshake import invoke
from tests.fakes import running, values

BUILD = values.invocation().build
PROGRAMS = {BUILD: ImageRef(image_id=None, path=str(running.WORKER))}


def can_limit() -> str | None:
    """None where this host lets us make a cgroup with a memory limit; local runs say the same in their records."""
    made = make_child("memverdict-test", {"memory": 1 << 26}, hierarchy(), mkdir=Path.mkdir)
    if isinstance(made, str):
        return made
    remove_child(made)
    return None


def shell(script: str, folder: Path, *, cpus: tuple[int, ...] | None = None) -> ProcessSession:
    return start_process(
        ["/bin/sh", "-c", script], folder=folder, environment={"PATH": os.defpath}, cpus=cpus, folders="none"
    )


def read_all(session: ProcessSession) -> tuple[bytes, bytes]:
    out, err = b"", b""
    while not (chunk := session.receive(20.0)) or not chunk.closed:
        assert chunk is not None, "nothing came"
        out, err = out + chunk.stdout, err + chunk.stderr
    return out, err


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has, too), waiting a little for the kernel."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_session_when_both_streams_are_written_then_each_is_read_apart(tmp_path: Path) -> None:
    session = shell("echo out; echo err >&2; pwd", tmp_path)
    assert read_all(session) == (f"out\n{tmp_path}\n".encode(), b"err\n")
    assert session.wait(20.0) == Exit(code=0)
    assert session.close() is None
    assert not session.send(b"g"), "nobody reads there any more"


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -s SEGV $$", 139), ("kill -s KILL $$", 137)])
def test_wait_when_it_exits_or_a_signal_ends_it_then_one_way_of_telling(tmp_path: Path, script: str, code: int) -> None:
    session = shell(script, tmp_path)
    assert session.wait(20.0) == Exit(code=code)
    assert session.pid() is None
    session.close()


def test_wait_when_it_still_runs_then_none_and_kill_ends_it(tmp_path: Path) -> None:
    session = shell("sleep 300", tmp_path)
    assert session.receive(0.01) is None
    assert session.wait(0.01) is None
    session.kill()
    session.kill()
    assert session.wait(20.0) == Exit(code=137)
    session.close()


def test_wait_when_children_are_left_then_they_end_with_their_group(tmp_path: Path) -> None:
    session = shell("sleep 300 & echo $!", tmp_path)
    chunk = session.receive(20.0)
    assert chunk is not None
    assert session.wait(20.0) == Exit(code=0)
    assert gone(int(chunk.stdout))
    assert read_all(session) == (b"", b""), "the child held the pipes open"
    session.close()


def test_start_when_pinned_then_only_on_those_cpus(tmp_path: Path) -> None:
    cpu = max(os.sched_getaffinity(0))
    session = shell("cat /proc/self/status", tmp_path, cpus=(cpu,))
    assert f"Cpus_allowed_list:\t{cpu}\n".encode() in read_all(session)[0]
    session.close()


def test_start_when_it_cannot_then_engine_error_names_it(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="none cannot be started"):
        start_process([str(tmp_path / "none")], folder=tmp_path, environment={}, cpus=None, folders="none")
    with pytest.raises(EngineError, match="cannot be started"):
        shell("true", tmp_path, cpus=(4000,))


def test_worker_when_the_harness_is_killed_then_it_ends_too(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\n"
        "from harness.engines.process import start_process\n"
        "s = start_process(['/bin/sh', '-c', 'while :; do :; done'], folder=pathlib.Path(sys.argv[1]),\n"
        "                  environment={}, cpus=None, folders='none')\n"
        "print(s.pid(), flush=True); time.sleep(300)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        worker = int(other.stdout.readline())
        assert not Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].startswith(" Z")
        other.send_signal(signal.SIGKILL)
    assert gone(worker)


def engine(mounts: Hierarchy | None = None) -> LocalEngine:
    return LocalEngine(PROGRAMS, root="test", mounts=mounts)


def place(folder: Path) -> Place:
    return Place(run="run-1", out=folder, cpuset=(min(os.sched_getaffinity(0)),))


@pytest.mark.skipif(can_limit() is not None, reason="this host lets us make no cgroup")
def test_local_when_cgroups_can_be_made_then_limits_are_in_force_and_read_back(tmp_path: Path) -> None:
    asked = values.invocation()
    ran = invoke(asked, engine(), place(tmp_path), time.monotonic_ns, running.SHORT)
    assert ran.problem is None
    seen = ran.observed
    assert (seen.engine, seen.exit_code) == ("local", 0)
    assert seen.limits_read_back["memory"] == asked.cell.limits.memory
    assert seen.limits_read_back["cpuset"] == str(min(os.sched_getaffinity(0)))
    assert seen.cgroup_cpu_ns
    assert seen.cgroup_peak_bytes
    assert seen.anon_bytes
    assert leftovers() == []


@pytest.mark.skipif(can_limit() is not None, reason="this host lets us make no cgroup")
@pytest.mark.parametrize(("variant", "code"), [("oom", 137), ("oom_child", 0)])
def test_local_when_the_limit_is_passed_then_the_kill_is_told_whatever_the_exit(
    tmp_path: Path, variant: str, code: int
) -> None:
    ran = invoke(values.invocation(variant=variant), engine(), place(tmp_path), time.monotonic_ns, running.SHORT)
    assert (ran.observed.oom_killed, ran.observed.exit_code) == (True, code)
    assert leftovers() == []


def leftovers() -> list[Path]:
    return [path for folder, _ in hierarchy().mounts.values() for path in folder.glob("**/memverdict.test.*")]


@pytest.mark.skipif(can_limit() is not None, reason="this host lets us make no cgroup")
def test_sweep_when_a_dead_run_left_a_worker_then_it_and_its_cgroup_go_and_a_living_run_is_spared(
    tmp_path: Path,
) -> None:
    mine = engine()
    session = mine.start(values.invocation(variant="never_ready"), place(tmp_path))
    pid = session.pid()
    assert pid is not None
    assert mine.sweep(lambda run: run == "run-1") == ()
    assert not gone_now(pid)
    assert mine.sweep(lambda run: False) == ("memverdict.test.run-1.measure-b00-s000-a-t1",)
    assert session.wait(20.0) == Exit(code=137)
    session.close()
    assert leftovers() == []


def gone_now(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_local_when_no_cgroup_can_be_made_then_limits_are_none_with_the_reason(tmp_path: Path) -> None:
    ran = invoke(values.invocation(), engine(Hierarchy(mounts={})), place(tmp_path), time.monotonic_ns, running.SHORT)
    assert ran.observed.exit_code == 0
    assert ran.observed.limits_read_back["memory"] is None
    assert "no cgroup" in ran.observed.unavailable["cgroup_cpu_ns"]
    assert ran.observed.vm_hwm_bytes


def test_local_when_a_configuration_writes_raw_files_then_they_land_in_the_invocations_folder(tmp_path: Path) -> None:
    program = tmp_path / "show"
    program.write_text("#!/bin/sh\necho $LOG $HOME $EXTRA\n")
    program.chmod(0o755)
    asked = replace(values.invocation(), environment={"LOG": "file=/out/gc.log"})
    local = LocalEngine({BUILD: ImageRef(image_id=None, path=str(program))}, environment={"EXTRA": "more"})
    session = local.start(asked, place(tmp_path))
    assert isinstance(session, ProcessSession)
    assert read_all(session)[0].decode().split() == [f"file={tmp_path}/gc.log", str(tmp_path), "more"]
    session.close()


def test_local_when_a_layout_and_a_padding_are_asked_for_then_that_program_runs_with_that_environment(
    tmp_path: Path,
) -> None:
    for name in ("show", "show.2"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} ${{#{PADDING}}}\n")
        (tmp_path / name).chmod(0o755)
    local = LocalEngine({BUILD: ImageRef(image_id=None, path=str(tmp_path / "show"))})
    said = []
    for layout, padding in ((0, 0), (2, 17)):
        session = local.start(replace(values.invocation(), layout=layout, padding=padding), place(tmp_path))
        assert isinstance(session, ProcessSession)
        said.append(read_all(session)[0].decode().split())
        session.close()
    assert said == [["show", "0"], ["show.2", "17"]]


def test_session_cgroup_when_it_has_one_then_a_reader_of_its_version(tmp_path: Path) -> None:
    session = shell("true", tmp_path)
    assert session.cgroup() == "none"
    session.close()
    for version, folders in ((1, {"memory": tmp_path}), (2, {"": tmp_path})):
        with subprocess.Popen(["/bin/true"]) as process:
            found = ProcessSession(process, folders).cgroup()
        assert isinstance(found, Cgroup)
        assert found.version == version
