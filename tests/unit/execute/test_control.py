import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from harness.engines.process import to_fifo
from harness.execute import control
from harness.execute.control import IN_FORCE, PERIOD_NS, REFUSED, THRESHOLD_NS, Watch, merged
from harness.execute.control_child import watch
from harness.execute.helper import Helper
from harness.protocol.record import Control
from tests.fakes.running import gone, state

CPU = min(os.sched_getaffinity(0))
CHILD = Path(control.__file__).with_name("control_child.py")
ROOT = Path(__file__).parents[3]


class Scheduler:
    """What a kernel does that is asked for real-time priority, and whom it was asked for."""

    def __init__(self, does: Callable[[int], None] = lambda pid: None) -> None:
        self.asked: list[int] = []
        self._does = does

    def __call__(self, pid: int) -> None:
        self.asked.append(pid)
        self._does(pid)


def refuses(pid: int) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.fixture
def begun() -> Iterator[tuple[Watch, Scheduler]]:
    """A control that the kernel grants and does not put in force: it ticks anywhere."""
    scheduler = Scheduler()
    made = Watch((CPU,), scheduler)
    made.begin()
    yield made, scheduler
    made.close()


def really_refused() -> bool:
    """Whether this kernel refuses, asked for a thread of its own that ends at once."""
    refused = []

    def ask() -> None:
        try:
            to_fifo(threading.get_native_id())
        except OSError:
            refused.append(True)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return bool(refused)


def test_watch_when_the_kernel_is_asked_then_in_force_or_refused_as_it_says() -> None:
    made = Watch((CPU,))
    made.begin()
    found = made.finish()
    made.close()
    if really_refused():
        assert isinstance(found, str)
        assert found.startswith(REFUSED)
    else:
        assert isinstance(found, Control)
        assert (found.in_force, found.cpus, found.period_ns) == (IN_FORCE, (CPU,), PERIOD_NS)


def test_watch_when_refused_then_the_reason_and_no_process_left() -> None:
    scheduler = Scheduler(refuses)
    made = Watch((CPU,), scheduler)
    made.begin()
    assert gone(scheduler.asked)
    assert made.finish() == "the kernel refuses SCHED_FIFO here: Operation not permitted"


def test_watch_when_granted_but_not_in_force_then_it_says_so(begun: tuple[Watch, Scheduler]) -> None:
    found = begun[0].finish()
    assert isinstance(found, Control)
    assert found.in_force == "SCHED_OTHER"


def test_watch_when_it_ran_then_ticks_and_skipped_make_up_its_time_and_every_gap_is_in_it(
    begun: tuple[Watch, Scheduler],
) -> None:
    before = time.monotonic_ns()
    time.sleep(0.1)
    found = begun[0].finish()
    assert isinstance(found, Control)
    assert found.start_ns <= before
    assert found.end_ns >= before + 100_000_000
    lateness = found.end_ns - found.start_ns - (found.ticks + found.skipped) * PERIOD_NS
    assert 0 <= lateness < PERIOD_NS
    assert 0 < found.cpu_ns < found.end_ns - found.start_ns
    for cpu, start, end in found.gaps:
        assert cpu == CPU
        assert found.start_ns <= start < start + THRESHOLD_NS <= end <= found.end_ns


def test_watch_when_a_control_process_is_held_up_then_that_gap_is_seen(begun: tuple[Watch, Scheduler]) -> None:
    made, scheduler = begun
    (pid,) = scheduler.asked
    os.kill(pid, signal.SIGSTOP)
    while state(pid) != "T":
        time.sleep(0.001)
    held = time.monotonic_ns()
    time.sleep(0.02)
    let_go = time.monotonic_ns()
    os.kill(pid, signal.SIGCONT)
    found = made.finish()
    assert isinstance(found, Control)
    assert [True for _, start, end in found.gaps if start <= held and let_go <= end] == [True]
    assert found.skipped >= 18


def test_watch_when_a_control_process_is_killed_then_the_reason(begun: tuple[Watch, Scheduler]) -> None:
    made, scheduler = begun
    os.kill(scheduler.asked[0], signal.SIGKILL)
    assert made.finish() == "a control process failed: it ended by itself (exit 137)"


def test_watch_when_closed_while_it_ticks_then_no_process_left(begun: tuple[Watch, Scheduler]) -> None:
    made, scheduler = begun
    made.close()
    made.close()
    assert gone(scheduler.asked)


def test_watch_when_one_of_two_cannot_be_pinned_then_the_reason_and_none_left(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int | None] = []

    class Told(Helper):
        def __init__(self, program: Path, arguments: Sequence[str], cpus: Sequence[int] | None) -> None:
            super().__init__(program, arguments, cpus)
            started.append(self.pid)

    monkeypatch.setattr("harness.execute.control.Helper", Told)
    scheduler = Scheduler()
    made = Watch((CPU, 100_000), scheduler)
    made.begin()
    found = made.finish()
    assert isinstance(found, str)
    assert "cannot be started" in found
    assert scheduler.asked == []
    assert len(started) == 1
    assert gone([pid for pid in started if pid])


def test_watch_when_a_control_process_is_not_ready_in_time_then_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SECONDS", 0.0)
    scheduler = Scheduler()
    made = Watch((CPU,), scheduler)
    made.begin()
    found = made.finish()
    assert found == "a control process did not start: it was not ready within 0 s"
    assert scheduler.asked == []


KILLED = """
import os, signal, sys
from harness.execute.control import Watch

asked = []
made = Watch((int(sys.argv[1]),), asked.append)
made.begin()
print(*asked, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_watch_when_the_harness_is_killed_then_it_ends_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(CPU)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert gone([int(done.stdout)], seconds=20.0)


@pytest.mark.parametrize(("stdin", "reports"), [(b"", False), (b"\n", True)])
def test_child_when_its_stdin_ends_then_it_ends(stdin: bytes, reports: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(CHILD), "1000000", "2000000"],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=True,
    )
    said = done.stdout.split(b"\n")
    assert said[0] == b"ready"
    assert (len(said) > 2) is reports
    if reports:
        assert said[1] == b"begun"
        assert json.loads(said[2])["ticks"] >= 1


class Time:
    """A clock that only sleeping moves, by what is asked for and by ``late`` of the sleeps, in turn."""

    def __init__(self, *late: int) -> None:
        self.now = 5_000
        self._late = list(late)

    def clock(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9) + (self._late.pop(0) if self._late else 0)


def watched(*late: int, looks: int = 2) -> dict[str, object]:
    """Twenty ticks and one more: stdin is looked at before the first and every ten."""
    moved, left = Time(*late), [False] * looks + [True]
    began: list[int] = []
    found = watch(1_000, 2_000, lambda: began.append(moved.now), lambda: left.pop(0), moved.clock, moved.sleep)
    del found["cpu_ns"]
    assert began == [found["start_ns"]], "whoever waits for that is covered from then on"
    return found


def test_watch_of_a_child_when_on_time_then_no_gap() -> None:
    assert watched() == {"start_ns": 5_000, "end_ns": 26_000, "ticks": 21, "skipped": 0, "gaps": []}


def test_watch_of_a_child_when_late_then_the_schedule_stays_absolute() -> None:
    # 300 late each time: a relative schedule would drift by that much every tick.
    found = watched(*[300] * 21)
    assert found == {"start_ns": 5_000, "end_ns": 26_300, "ticks": 21, "skipped": 0, "gaps": []}


def test_watch_of_a_child_when_held_up_then_the_gap_between_wake_ups_and_what_it_skipped() -> None:
    # The third tick, due at 8,000, comes at 11,500: three ticks' time after the second at 7,000, and 9, 10, 11 went by.
    found = watched(0, 0, 3_500, looks=1)
    assert found == {"start_ns": 5_000, "end_ns": 19_000, "ticks": 11, "skipped": 3, "gaps": [(7_000, 11_500)]}


@pytest.mark.parametrize(("late", "gaps"), [(999, []), (1_000, [(5_000, 7_000)])])
def test_watch_of_a_child_when_at_the_threshold_then_kept_from_there_on(late: int, gaps: list[tuple[int, int]]) -> None:
    assert watched(late, looks=1)["gaps"] == gaps


def report(**changes: object) -> dict[str, object]:
    values = {"start_ns": 10, "end_ns": 90, "ticks": 8, "skipped": 0, "gaps": [], "cpu_ns": 3, "in_force": IN_FORCE}
    return values | changes


def test_merged_when_two_then_the_time_both_saw_and_gaps_in_order() -> None:
    found = merged(
        (0, 3),
        [report(gaps=[[20, 30], [50, 70]]), report(start_ns=12, end_ns=88, ticks=7, skipped=1, gaps=[[20, 40]])],
    )
    assert (found.start_ns, found.end_ns, found.ticks, found.skipped, found.cpu_ns) == (12, 88, 15, 1, 6)
    assert found.gaps == ((0, 20, 30), (3, 20, 40), (0, 50, 70))
    assert found.in_force == IN_FORCE


def test_merged_when_one_of_two_lost_its_priority_then_it_is_not_in_force() -> None:
    found = merged((0, 1), [report(), report(in_force="SCHED_OTHER")])
    assert found.in_force == "SCHED_FIFO, SCHED_OTHER"
