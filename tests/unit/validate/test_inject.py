"""Helpers act on a process as they say they did: real processes, stopped, spun, ended."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.engines.base import Chunk, Exit, Place
from harness.engines.cgroup import Cgroup
from harness.validate import inject
from harness.validate.checks import NotMeasured, Unavailable
from harness.validate.inject import Burnt, Holding, PagedOut, Quota, Spinning, Stopping, StoppingAt, folders_of


class Sleeping:
    """A session of a process that sleeps and has no cgroup of its own."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid

    image = None

    def pid(self) -> int | None:
        return self._pid

    def cgroup(self) -> Cgroup | str:
        return "it is a test"

    def receive(self, seconds: float) -> Chunk | None:
        raise AssertionError("an injection does not read")

    def send(self, data: bytes) -> bool:
        raise AssertionError("an injection does not talk to the worker")

    def wait(self, seconds: float) -> Exit | None:
        raise AssertionError("an injection does not wait for the worker")

    def kill(self) -> None:
        raise AssertionError("an injection does not kill")

    def close(self) -> str | None:
        raise AssertionError("an injection does not clean up")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(run="run", out=tmp_path, cpuset=(min(os.sched_getaffinity(0)),))


@pytest.fixture
def worker() -> Iterator[Sleeping]:
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; held = bytearray(64 << 20); time.sleep(600)"], stdin=subprocess.DEVNULL
    )
    yield Sleeping(process.pid)
    process.kill()
    process.wait()


def state(worker: Sleeping) -> str:
    return Path(f"/proc/{worker.pid()}/stat").read_text().rpartition(")")[2].split()[0]


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def test_stopping_when_over_then_every_stop_is_known_by_its_stamps_and_the_worker_runs(
    worker: Sleeping, place: Place
) -> None:
    stopping = Stopping(count=5, seed=1, low=5_000_000, high=10_000_000)
    stopping.started(worker, place)
    before = time.monotonic_ns()
    stopping.release(worker)
    while len(list(place.out.iterdir())) or time.monotonic_ns() < before + 700_000_000:
        time.sleep(0.05)
    stopping.over()
    assert 1 <= len(stopping.stops) <= 5
    for first, second, third, fourth in stopping.stops:
        assert before < first <= second < third <= fourth
        assert third - second >= 5_000_000
    assert state(worker) in ("R", "S")


def test_stopping_when_it_is_over_early_then_the_worker_is_left_running(worker: Sleeping, place: Place) -> None:
    stopping = Stopping(count=1000, seed=1, low=400_000_000, high=500_000_000)
    stopping.started(worker, place)
    stopping.release(worker)
    deadline = time.monotonic() + 20
    while state(worker) != "T":
        assert time.monotonic() < deadline
        time.sleep(0.005)
    stopping.over()
    assert state(worker) in ("R", "S")
    assert len(stopping.stops) == 1


def test_stopping_when_never_released_then_nothing_was_stopped_and_nobody_is_left(
    worker: Sleeping, place: Place
) -> None:
    stopping = Stopping(count=5, seed=1, low=1, high=2)
    before = children()
    stopping.started(worker, place)
    assert children() > before
    stopping.over()
    assert stopping.stops == ()
    assert children() == before


def test_stopping_at_when_so_much_is_held_then_it_stands_still_and_the_kernel_adds_up(
    worker: Sleeping, place: Place
) -> None:
    standing = StoppingAt(resident=32 << 20, span=100_000_000)
    standing.started(worker, place)
    standing.release(worker)
    deadline = time.monotonic() + 20
    while state(worker) != "T" and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.15)
    standing.over()
    start, end, resident = standing.plateau
    assert end - start >= 100_000_000
    assert resident >= 32 << 20
    assert state(worker) in ("R", "S")


def test_stopping_at_when_so_much_is_never_held_then_not_measured(worker: Sleeping, place: Place) -> None:
    standing = StoppingAt(resident=1 << 40, span=1)
    standing.started(worker, place)
    standing.release(worker)
    standing.over()
    with pytest.raises(NotMeasured, match="never held"):
        _ = standing.plateau


def test_spinning_when_over_then_it_says_what_it_burnt(worker: Sleeping, place: Place) -> None:
    hog = Spinning()
    hog.started(worker, place)
    hog.release(worker)
    time.sleep(0.2)
    hog.over()
    assert hog.cpu_ns > 10_000_000


def test_helper_when_it_fails_then_not_measured_says_how(worker: Sleeping, place: Place) -> None:
    broken = Stopping(count=1, seed=1, low=2, high=1)
    broken._action = ("stop", "no number", 1, 1, 1)
    broken.started(worker, place)
    broken.release(worker)
    broken.over()
    assert broken.stops == ()
    broken._action = ("conjure",)
    broken.started(worker, place)
    with pytest.raises(NotMeasured, match="KeyError"):
        broken.release(worker)
    broken.over()


@pytest.mark.parametrize(
    "injection", [Burnt(1), Holding(shared=1 << 20, cached=1 << 20)], ids=lambda one: type(one).__name__
)
def test_injection_when_the_worker_has_no_cgroup_then_unavailable_and_nobody_is_left(
    worker: Sleeping, place: Place, injection: Any
) -> None:
    before = children()
    with pytest.raises(Unavailable, match="no cgroup of its own: it is a test"):
        injection.started(worker, place)
    injection.over()
    assert children() == before


def test_quota_when_the_worker_has_no_cgroup_then_unavailable(worker: Sleeping) -> None:
    with pytest.raises(Unavailable, match="no cgroup of its own"):
        Quota(0.5).release(worker)


def test_injection_when_the_worker_has_ended_then_says_so(place: Place) -> None:
    with pytest.raises(NotMeasured, match="ended before"):
        PagedOut().release(Sleeping(None))
    with pytest.raises(Unavailable, match="cannot be seen"):
        Stopping(count=1, seed=1, low=1, high=1).started(Sleeping(None), place)
    with pytest.raises(Unavailable, match="no cgroup"):
        folders_of(Sleeping(None))


@pytest.mark.parametrize(("mounted", "used"), [(("memory",), "memory"), (("memory", ""), "memory"), (("",), "")])
def test_join_when_a_controller_has_no_hierarchy_of_its_own_then_the_common_one_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mounted: tuple[str, ...], used: str
) -> None:
    folders = {name: tmp_path / (name or "unified") for name in mounted}
    for folder in folders.values():
        folder.mkdir()
    monkeypatch.setattr(inject, "folders_of", lambda session: folders)
    helper: Any = SimpleNamespace(pid=4711)
    session: Any = None
    inject.join(helper, session, "memory")
    assert {name for name, folder in folders.items() if (folder / "cgroup.procs").exists()} == {used}
    assert (folders[used] / "cgroup.procs").read_text() == "4711"
