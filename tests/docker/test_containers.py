import time
from pathlib import Path
from typing import Any

import docker
import pytest

from harness.engines.base import INVOCATION_LABEL, LABEL, ROOT_LABEL, RUN_LABEL, Exit, ImageRef, Place
from harness.engines.docker import CALL_SECONDS, PIDS, USER, DockerEngine, DockerSession, connect
from harness.errors import EngineError, EngineUnavailable
from harness.execute.handshake import Deadlines
from harness.execute.run import run
from harness.protocol.record import Record
from harness.store import runs
from tests.docker.conftest import BUILD
from tests.fakes import running, values


def containers(client: docker.DockerClient, root: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.api.containers(all=True, filters={"label": f"{ROOT_LABEL}={root}"})
    return found


def only(store: runs.Run, engine: DockerEngine, variant: str, **changes: Any) -> Record:
    setting = running.setting(store, engine, **changes)
    return next(iter(run(running.block(variant), setting)))


def test_container_when_all_goes_well_then_accounted_limited_and_removed(
    engine: DockerEngine, store: runs.Run, client: docker.DockerClient, root: str, image: str
) -> None:
    found = only(store, engine, "good")
    assert (found.status, found.reason) == ("ok", None)
    seen = found.observed
    assert (seen.engine, seen.image, seen.exit_code) == ("docker", image, 0)
    limits = seen.limits_read_back
    assert limits["cpuset"] == str(engine.cpus()[0])
    assert (limits["memory"], limits["memory_and_swap"], limits["pids"]) == (64 << 20, 64 << 20, PIDS)
    assert seen.cgroup_cpu_ns is not None
    assert seen.vm_hwm_bytes is not None
    assert seen.anon_bytes is not None
    assert seen.run_delay_ns is not None
    assert seen.minor_faults
    assert containers(client, root) == []


def test_container_when_started_then_isolated_as_promised(
    engine: DockerEngine, client: docker.DockerClient, tmp_path: Path, root: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    asked = values.invocation(variant="never_ready")
    session = engine.start(asked, Place(run="run-1", out=out, cpuset=(0,)))
    try:
        (listed,) = containers(client, root)
        about = client.api.inspect_container(listed["Id"])
        pid = session.pid()
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
        )
        networks = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]
    finally:
        session.kill()
        assert session.close() is None
    host, config = about["HostConfig"], about["Config"]
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["CpusetCpus"], host["NanoCpus"], host["CpuQuota"]) == ("0", 0, 0)
    assert host["Memory"] == host["MemorySwap"] == asked.cell.limits.memory
    assert host["PidsLimit"] == PIDS
    assert host["LogConfig"]["Type"] == "none"
    assert [(mount["Source"], mount["Destination"]) for mount in about["Mounts"]] == [(str(out), "/out")]
    assert (config["User"], config["OpenStdin"], config["StdinOnce"]) == (USER, True, True)
    labels = {name: config["Labels"][name] for name in (LABEL, ROOT_LABEL, RUN_LABEL, INVOCATION_LABEL)}
    assert labels == {LABEL: "1", ROOT_LABEL: root, RUN_LABEL: "run-1", INVOCATION_LABEL: asked.id}
    assert (status["NoNewPrivs"], int(status["CapEff"], 16), int(status["CapBnd"], 16)) == ("1", 0, 0)
    assert status["Uid"].split() == ["65532"] * 4
    assert [line.split(":")[0].strip() for line in networks] == ["lo"]


def test_container_when_it_writes_to_out_then_the_file_is_in_the_runs_folder(
    engine: DockerEngine, store: runs.Run
) -> None:
    found = only(store, engine, "raw_file")
    assert found.status == "ok"
    assert (store.folder / "out" / found.id / "raw.log").read_text() == "raw\n"


@pytest.mark.parametrize(
    ("variant", "status", "words"),
    [
        ("oom", "oom", "the kernel killed"),
        ("oom_child", "oom", "the kernel killed"),
        ("crashes", "crash", "signal 11"),
        ("dies_early", "crash", "no such heap"),
        ("garbage", "invalid", "line 3 is no message"),
        ("truncated", "invalid", "line 3 is no message"),
        ("wrong_checksum", "invalid", "the golden"),
        ("other_collector", "invalid", "in_force.collector"),
        ("flood", "invalid", "more output than a record stores"),
        ("flood_early", "invalid", "more output than a record stores"),
        ("endless_line", "invalid", "more output than a record stores"),
        ("stderr", "ok", ""),
        ("orphan", "ok", ""),
    ],
)
def test_container_when_the_worker_misbehaves_then_it_ends_as_data(
    engine: DockerEngine, store: runs.Run, client: docker.DockerClient, root: str, variant: str, status: str, words: str
) -> None:
    found = only(store, engine, variant)
    assert found.status == status
    assert words in (found.reason or "")
    assert containers(client, root) == []


@pytest.mark.parametrize(
    ("variant", "deadlines"),
    [
        ("never_ready", Deadlines(ready=0.3, work=20, exit=10)),
        ("never_ends", Deadlines(ready=20, work=0.3, exit=10)),
        ("ignores_term", Deadlines(ready=20, work=0.3, exit=10)),
        ("stays", Deadlines(ready=20, work=20, exit=0.3)),
    ],
)
def test_container_when_a_deadline_passes_then_timeout_and_nothing_left(
    engine: DockerEngine,
    store: runs.Run,
    client: docker.DockerClient,
    root: str,
    variant: str,
    deadlines: Deadlines,
) -> None:
    found = only(store, engine, variant, deadlines=deadlines)
    assert (found.status, found.observed.exit_code) == ("timeout", 137)
    assert containers(client, root) == []


def test_kill_when_nobody_reads_the_output_then_no_call_hangs(
    engine: DockerEngine, client: docker.DockerClient, root: str, tmp_path: Path
) -> None:
    session = engine.start(values.invocation(variant="flood"), Place(run="r", out=tmp_path, cpuset=(0,)))
    session.send(b"g")
    time.sleep(0.5)  # the worker fills every buffer on the way and stops
    began = time.monotonic()
    session.kill()
    assert session.wait(20.0) == Exit(code=137)
    assert session.close() is None
    assert time.monotonic() - began < CALL_SECONDS / 2
    assert containers(client, root) == []


def test_container_when_killed_from_outside_then_a_crash_and_not_an_oom(
    engine: DockerEngine, client: docker.DockerClient, root: str, tmp_path: Path
) -> None:
    session = engine.start(values.invocation(variant="never_ready"), Place(run="r", out=tmp_path, cpuset=(0,)))
    (listed,) = containers(client, root)
    client.api.kill(listed["Id"])
    assert session.wait(20.0) == Exit(code=137, oom_killed=False)
    assert session.close() is None


def test_container_when_somebody_removes_it_then_the_end_is_unknown_and_said(
    engine: DockerEngine, client: docker.DockerClient, root: str, tmp_path: Path
) -> None:
    session = engine.start(values.invocation(variant="never_ready"), Place(run="r", out=tmp_path, cpuset=(0,)))
    (listed,) = containers(client, root)
    client.api.remove_container(listed["Id"], force=True)
    assert session.wait(20.0) == Exit(code=None, reason="somebody removed the container")
    assert session.pid() is None
    assert session.cgroup() == "the container has ended"
    assert session.close() is None


def test_worker_when_its_harness_lets_go_of_the_stream_then_it_sees_the_end_of_file(
    engine: DockerEngine, client: docker.DockerClient, root: str, tmp_path: Path
) -> None:
    session = engine.start(values.invocation(), Place(run="r", out=tmp_path, cpuset=(0,)))
    assert isinstance(session, DockerSession)
    seen = b""
    while b'"ready"' not in seen:
        chunk = session.receive(20.0)
        assert chunk is not None
        seen += chunk.stdout
    (listed,) = containers(client, root)
    session.let_go()
    assert session.wait(20.0) == Exit(code=64), "its stdin closed before it was released"
    assert session.close() is None
    assert listed["State"] == "running"


def test_sweep_when_runs_are_dead_then_only_their_containers_go(
    engine: DockerEngine, client: docker.DockerClient, image: str, root: str, tmp_path: Path
) -> None:
    other = DockerEngine(client, {BUILD: ImageRef(image_id=image, path="/worker")}, root=f"{root}-other")
    sessions = [
        made.start(values.invocation(variant="never_ready"), Place(run=run, out=tmp_path, cpuset=(0,)))
        for made, run in ((engine, "dead"), (engine, "alive"), (other, "dead"))
    ]
    try:
        assert len(engine.sweep(lambda run: run == "alive")) == 1
        assert [one["Labels"][RUN_LABEL] for one in containers(client, root)] == ["alive"]
        assert len(containers(client, f"{root}-other")) == 1
        assert engine.sweep(lambda run: run == "alive") == ()
    finally:
        for session in sessions:
            session.kill()
            session.close()


def test_start_when_the_image_is_gone_then_engine_error_names_the_invocation(
    client: docker.DockerClient, root: str, tmp_path: Path
) -> None:
    engine = DockerEngine(client, {BUILD: ImageRef(image_id="sha256:" + "0" * 64, path="/worker")}, root=root)
    with pytest.raises(EngineError, match="measure-b00-s000-a-t1: the container does not start"):
        engine.start(values.invocation(), Place(run="r", out=tmp_path, cpuset=(0,)))


def test_start_when_the_program_is_not_in_the_image_then_engine_error_and_no_container(
    client: docker.DockerClient, image: str, root: str, tmp_path: Path
) -> None:
    engine = DockerEngine(client, {BUILD: ImageRef(image_id=image, path="/none")}, root=root)
    with pytest.raises(EngineError, match="does not start"):
        engine.start(values.invocation(), Place(run="r", out=tmp_path, cpuset=(0,)))
    assert containers(client, root) == []


def test_connect_when_there_is_no_daemon_then_engine_unavailable_says_what_serves(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"no Docker daemon answers .*make setup.*--engine local"):
        connect(f"unix://{tmp_path / 'none.sock'}")
