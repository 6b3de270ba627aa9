"""A harness, a container, a daemon are killed at work: what is finished stays, what is lost is said, and it goes on."""

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from harness.engines.base import ROOT_LABEL, Place, Session
from harness.engines.docker import DockerEngine
from harness.errors import EngineError
from harness.execute.handshake import Deadlines
from harness.execute.run import run
from harness.store import runs
from tests.docker.conftest import Daemon
from tests.fakes import running
from tests.faults.test_harness import harness, told

Private = Callable[[], DockerEngine]

# The SDK leaves the socket of a refused connection to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def refused() -> Iterator[None]:
    """Have those sockets collected here, where their warning is expected, and not in another test."""
    yield
    gc.collect()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[runs.Run]:
    made = running.create(tmp_path)
    yield made
    made.close()


class Disturbing(DockerEngine):
    """Does something once, a moment after the worker of one slot has started."""

    def __init__(self, engine: DockerEngine, slot: int, disturb: Callable[[Session], None]) -> None:
        self.__dict__.update(vars(engine))
        self._slot = slot
        self._disturb = disturb
        self.threads: list[threading.Thread] = []

    def start(self, invocation: object, place: Place) -> Session:
        session = super().start(invocation, place)  # type: ignore[arg-type]
        if getattr(invocation, "slot", None) == self._slot and not self.threads:
            self.threads.append(threading.Timer(0.3, self._disturb, (session,)))
            self.threads[0].start()
        return session


def test_daemon_when_killed_and_back_soon_then_the_lost_one_runs_again_and_the_block_is_whole(
    private: Private, daemon: Daemon, store: runs.Run
) -> None:
    def restart(session: Session) -> None:
        daemon.kill()
        time.sleep(0.5)
        daemon.start()

    engine = Disturbing(private(), 1, restart)
    left: list[str] = []
    setting = running.setting(store, engine, warn=left.append, deadlines=Deadlines(ready=30, work=60, exit=5))
    try:
        found = list(run(running.block("good", "slow", "good"), setting))
    finally:
        engine.threads[0].join()
    assert [(one.invocation.slot, one.invocation.attempt) for one in found] == [(0, 1), (1, 1), (1, 2), (2, 1)]
    assert [one.status for one in found] == ["ok", "invalid", "ok", "ok"]
    assert "the daemon went away" in (found[1].reason or "")
    assert "engine_lost" in found[1].flags
    assert left, "what could not be removed at once was told"
    assert engine.sweep(lambda run: False) == (), "what was lost has been removed"


def test_daemon_when_killed_for_good_then_engine_error_and_the_records_stand(
    private: Private, daemon: Daemon, store: runs.Run, tmp_path: Path
) -> None:
    engine = private()
    engine._patience = 0.5
    setting = running.setting(store, engine, warn=lambda text: None, deadlines=Deadlines(ready=30, work=60, exit=1))
    records = run(running.block("good", "good"), setting)
    first = next(records)
    daemon.kill()
    try:
        with pytest.raises(EngineError, match="does not start"):
            next(records)
        assert runs.records(tmp_path, store.id) == (first,)
    finally:
        daemon.start()
    again = running.setting(store, private())
    assert [one.status for one in run(running.block("good"), again)] == ["ok"]


def test_container_when_its_process_is_killed_then_a_crash_and_the_next_one_runs(
    private: Private, store: runs.Run
) -> None:
    def kill(session: Session) -> None:
        pid = session.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    engine = Disturbing(private(), 0, kill)
    found = list(run(running.block("never_ends", "good"), running.setting(store, engine)))
    assert [one.status for one in found] == ["crash", "ok"]
    assert "signal 9" in (found[0].reason or "")


def test_harness_when_killed_then_its_spinning_container_is_removed_at_the_next_start(
    engine: DockerEngine, client: docker.DockerClient, image: str, root: str, tmp_path: Path
) -> None:
    def spinning() -> list[str]:
        listed = client.api.containers(filters={"label": f"{ROOT_LABEL}={root}"})
        return [one["Id"] for one in listed]

    with harness(tmp_path, "good", "never_ends", engine=f"{image}@{root}") as process:
        told(process, "stored 1")
        deadline = time.monotonic() + 20
        while not spinning():
            assert time.monotonic() < deadline, "the second worker never started"
            time.sleep(0.02)
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert len(spinning()) == 1, "a released worker does not see that its harness is gone"
    with harness(tmp_path, "good", "good", engine=f"{image}@{root}") as process:
        assert process.wait() == 0
    assert spinning() == []
    assert [one.status for one in runs.records(tmp_path, "latest")] == ["ok", "ok"]
