import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.execute import curve
from harness.execute.curve import Sampled, Sampler
from harness.execute.curve_child import Samples, Tree
from harness.execute.helper import Helper
from tests.fakes.running import gone

MINE = tuple(sorted(os.sched_getaffinity(0)))
ELSEWHERE = (100_000,)
"""A worker on a CPU that is not ours: whichever we have are spare."""

PAGE = os.sysconf("SC_PAGE_SIZE")
HOLD = 64 << 20
HOLDS = f"held = bytearray({HOLD}); import sys; print('held', flush=True); sys.stdin.read()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDS!r}])"


@pytest.fixture
def holding() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that holds :data:`HOLD` bytes until it is told to end."""
    with started(HOLDS) as process:
        yield process
        process.kill()


def started(code: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_sampler_when_a_worker_runs_then_its_resident_bytes_over_time(holding: "subprocess.Popen[bytes]") -> None:
    with closing(Sampler(ELSEWHERE)) as sampler:
        before = time.monotonic_ns()
        sampler.begin(holding.pid)
        begun = time.monotonic_ns()
        time.sleep(0.3)
        asked = time.monotonic_ns()
        found = sampler.finish()
    after = time.monotonic_ns()
    assert isinstance(found, Sampled)
    times = [at for at, _ in found.curve.samples]
    assert times == sorted(set(times))
    assert before <= times[0]
    assert begun <= times[-1] <= after
    assert asked <= times[-1], "the last sample is taken when it is told to stop"
    # No more than were asked for, whatever else runs here: the schedule is absolute and what was missed is not made up.
    assert 2 <= len(times) <= (after - before) / 1e9 * curve.HZ + 2
    assert min(resident for _, resident in found.curve.samples) >= HOLD
    assert max(resident for _, resident in found.curve.samples) < 2 * HOLD
    assert (found.curve.asked_hz, found.curve.cpus, found.curve.spare) == (curve.HZ, MINE, True)
    assert 0 < found.cpu_ns < after - before


def test_sampler_when_the_worker_has_every_cpu_then_it_shares_them_and_says_so(
    holding: "subprocess.Popen[bytes]",
) -> None:
    with closing(Sampler(MINE)) as sampler:
        sampler.begin(holding.pid)
        found = sampler.finish()
    assert isinstance(found, Sampled)
    assert (found.curve.spare, found.curve.cpus) == (False, MINE)


def test_sampler_when_a_child_of_the_worker_holds_memory_then_it_is_counted() -> None:
    with started(PARENT) as parent, closing(Sampler(ELSEWHERE)) as sampler:
        sampler.begin(parent.pid)
        found = sampler.finish()
        assert parent.stdin is not None
        parent.stdin.close()
    assert isinstance(found, Sampled)
    assert found.curve.samples[0][1] >= HOLD


def test_sampler_when_the_worker_ends_early_then_no_curve_but_the_reason(holding: "subprocess.Popen[bytes]") -> None:
    with closing(Sampler(ELSEWHERE)) as sampler:
        sampler.begin(holding.pid)
        holding.kill()  # it stays as a zombie, which has no memory and is no worker
        os.waitid(os.P_PID, holding.pid, os.WEXITED | os.WNOWAIT)
        assert sampler.finish() == "the worker ended while its resident pages were sampled"


def test_sampler_when_the_process_cannot_be_seen_then_the_reason() -> None:
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    with closing(Sampler(ELSEWHERE)) as sampler:
        sampler.begin(ended.pid)
        assert sampler.finish() == f"process {ended.pid} cannot be seen from here: No such file or directory"
    with closing(Sampler(ELSEWHERE)) as sampler:
        sampler.begin(None)
        assert sampler.finish() == "the worker's process cannot be seen from here"


def test_sampler_when_it_is_killed_then_the_reason_and_none_left(
    holding: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    pids: list[int | None] = []

    class Told(Helper):
        def begin(self, seconds: float, line: str = "") -> str | None:
            pids.append(self.pid)
            return super().begin(seconds, line)

    monkeypatch.setattr("harness.execute.curve.Helper", Told)
    with closing(Sampler(ELSEWHERE)) as sampler:
        sampler.begin(holding.pid)
        assert pids[0] is not None
        os.kill(pids[0], signal.SIGKILL)
        assert sampler.finish() == "the sampler failed: it ended by itself (exit 137)"
    with closing(Sampler(ELSEWHERE)) as sampler:
        sampler.begin(holding.pid)
    assert len(pids) == 2
    assert gone([pid for pid in pids if pid])


def test_sampler_when_it_cannot_be_pinned_then_the_reason() -> None:
    with closing(Sampler((0,), available=(100_000,))) as sampler:
        sampler.begin(os.getpid())
        found = sampler.finish()
    assert isinstance(found, str)
    assert "cannot be started" in found


def test_sampler_when_it_is_not_ready_in_time_then_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "SECONDS", 0.0)
    with closing(Sampler(ELSEWHERE)) as sampler:
        sampler.begin(os.getpid())
        assert sampler.finish() == "the sampler did not begin: it was not ready within 0 s"


def test_child_when_its_stdin_ends_before_it_begins_then_it_ends() -> None:
    child = Path(curve.__file__).with_name("curve_child.py")
    command = [sys.executable, "-I", "-S", str(child), "40", "100"]
    done = subprocess.run(command, input=b"12", capture_output=True, timeout=60, check=True)
    assert done.stdout == b"ready\n"


@given(st.lists(st.integers(0, 1 << 40)), st.integers(2, 12))
def test_samples_when_more_than_are_kept_then_fewer_of_them_and_no_peak_lost(values: list[int], most: int) -> None:
    samples = Samples(most)
    for at, value in enumerate(values):
        samples.add(at, value)
    kept = samples.all()
    assert len(kept) <= most
    assert kept == sorted(kept)
    assert all(values[at] == value for at, value in kept), "each is one that was taken, with its own time"
    assert max((value for _, value in kept), default=None) == max(values, default=None)
    if len(values) < most:
        assert kept == list(enumerate(values))


def test_samples_when_halved_three_times_then_each_stands_for_eight() -> None:
    samples = Samples(4)
    for at in range(21):
        samples.add(at, at if at % 4 != 1 else 100 + at)
    assert samples.all() == [(5, 105), (13, 113), (17, 117)]


def process(proc: Path, pid: int, parent: int, pages: int) -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stat").write_text(f"{pid} (a ) b) S {parent} 1 1 0 -1")
    (folder / "statm").write_text(f"{2 * pages} {pages} 1 1 0 1 0\n")


def test_tree_when_processes_come_and_go_then_the_root_and_its_descendants_count(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 5)
    process(tmp_path, 11, 10, 7)
    process(tmp_path, 12, 11, 11)
    process(tmp_path, 13, 1, 1000)
    (tmp_path / "self").mkdir()
    (tmp_path / "14").mkdir()  # ended between its name and its numbers
    tree = Tree(10, str(tmp_path))
    assert tree.resident() == 5 * PAGE
    tree.grow()
    assert tree.resident() == 23 * PAGE
    process(tmp_path, 11, 10, 0)  # what has given its memory back
    assert tree.resident() == 16 * PAGE
    process(tmp_path, 10, 1, 0)
    assert tree.resident() is None


def test_tree_when_the_root_is_not_there_then_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Tree(10, str(tmp_path))
