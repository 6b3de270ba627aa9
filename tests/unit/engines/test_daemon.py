"""Starting a daemon where none answers: what a killed one left, what a dying one says, and giving up in time."""

import errno
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from harness.engines.daemon import LOG, WAIT_SECONDS, NoDaemon, last_words, start_daemon
from tests.fakes.machine import Machine, Process, finished

DOCKERD = ["dockerd", "--live-restore"]
PID_FILE = "/run/docker.pid"
NAT = "failed to start daemon: Error initializing network controller: failed to create NAT chain DOCKER"


class Answers:
    """Whether a daemon answers, question by question; the last answer stays."""

    def __init__(self, *answers: bool) -> None:
        self._answers: Iterator[bool] = chain(answers, repeat(answers[-1]))

    def __call__(self) -> bool:
        return next(self._answers)


def test_start_daemon_when_it_answers_after_a_while_then_it_is_started_once(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path, detached=[Process()])
    assert start_daemon(machine.effects(), Answers(False, False, True)) is None
    assert machine.started == [DOCKERD]
    assert 0 < machine.now < 1


def test_start_daemon_when_there_is_no_dockerd_then_says_so(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path, detached=[FileNotFoundError(errno.ENOENT, "No such file or directory")])
    reason = start_daemon(machine.effects(), Answers(False))
    assert reason == NoDaemon(reason="dockerd cannot be started: No such file or directory")


def test_start_daemon_when_it_dies_then_the_reason_is_the_end_of_its_log(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path, detached=[Process(code=1)], logs=[f"level=info msg=starting\n{NAT}\n"])
    machine.write(LOG, "what an earlier daemon said\n")
    reason = start_daemon(machine.effects(), Answers(False))
    assert reason == NoDaemon(reason=f"dockerd did not start: {NAT} (log: {LOG})")
    assert machine.started == [DOCKERD], "a daemon that cannot start here is not tried twice"


def test_start_daemon_when_it_never_answers_then_gives_up_after_a_minute(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path, detached=[Process()])
    reason = start_daemon(machine.effects(), Answers(False))
    assert reason == NoDaemon(reason=f"dockerd did not start: no answer within {WAIT_SECONDS:g} s (log: {LOG})")
    assert machine.now == pytest.approx(WAIT_SECONDS, abs=1)


@pytest.mark.parametrize("content", ["4711", "", "no number"])
def test_start_daemon_when_a_pid_file_is_stale_then_it_is_removed(tmp_path: Path, content: str) -> None:
    machine = Machine(root=tmp_path, detached=[Process()])
    stale = machine.write(PID_FILE, content)
    contained = machine.write("/run/docker/containerd/containerd.pid", content)
    assert start_daemon(machine.effects(), Answers(True)) is None
    assert not stale.exists()
    assert not contained.exists()


@pytest.mark.parametrize(("name", "state"), [("bash", "S"), ("dockerd", "Z")])
def test_start_daemon_when_the_pid_is_another_program_or_a_zombie_then_it_is_stale(
    tmp_path: Path, name: str, state: str
) -> None:
    machine = Machine(root=tmp_path, detached=[Process()])
    stale = machine.write(PID_FILE, "17\n")
    machine.process(17, name, state)
    assert start_daemon(machine.effects(), Answers(True)) is None
    assert not stale.exists()


def test_start_daemon_when_the_old_one_is_still_dying_then_waits_for_its_end(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path, detached=[Process()])
    machine.write(PID_FILE, "17")
    machine.process(17, "dockerd")

    def reap(now: float) -> None:
        if now >= 2:
            (tmp_path / "proc/17/stat").unlink(missing_ok=True)

    machine.on_sleep = reap
    assert start_daemon(machine.effects(), lambda: bool(machine.started)) is None
    assert machine.started == [DOCKERD]
    assert machine.now >= 2


def test_start_daemon_when_somebody_else_just_started_one_then_that_one_serves(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path)
    machine.write(PID_FILE, "17")
    machine.process(17, "dockerd")
    assert start_daemon(machine.effects(), Answers(False, True)) is None
    assert machine.started == []


def test_start_daemon_when_the_old_one_is_never_gone_then_gives_up(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path)
    machine.write(PID_FILE, "17")
    machine.process(17, "dockerd")
    reason = start_daemon(machine.effects(), Answers(False))
    assert reason is not None
    assert f"no answer within {WAIT_SECONDS:g} s" in reason.reason


def test_start_daemon_when_it_meets_what_is_not_reaped_yet_then_tries_again(tmp_path: Path) -> None:
    said = "failed to start daemon: pid file found, ensure docker is not running or delete /var/run/docker.pid"
    machine = Machine(root=tmp_path, detached=[Process(code=1), Process()], logs=[said])
    assert start_daemon(machine.effects(), lambda: len(machine.started) == 2) is None
    assert machine.started == [DOCKERD, DOCKERD]


@pytest.fixture
def with_init(tmp_path: Path) -> Machine:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return Machine(root=tmp_path)


def test_start_daemon_when_there_is_an_init_system_then_it_is_asked(with_init: Machine) -> None:
    assert start_daemon(with_init.effects(), Answers(False, True)) is None
    assert with_init.ran == [["systemctl", "start", "docker"]]
    assert with_init.started == []


def test_start_daemon_when_the_init_system_fails_then_says_what_it_said(with_init: Machine) -> None:
    with_init.answer = lambda argv: finished(5, "Unit docker.service\nnot found.")
    reason = start_daemon(with_init.effects(), Answers(False))
    assert reason == NoDaemon(reason="systemctl start docker failed: Unit docker.service not found.")


def test_start_daemon_when_the_service_never_answers_then_gives_up(with_init: Machine) -> None:
    reason = start_daemon(with_init.effects(), Answers(False))
    assert reason is not None
    assert "does not answer" in reason.reason
    assert with_init.now >= WAIT_SECONDS


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", ""),
        ("\n \n", ""),
        ("one\ntwo\n", "two"),
        ('time="2026-01-01" level=fatal msg="no \\"room\\" left"\n', 'no \\"room\\" left'),
        (f"before\n{NAT}\n  (exit status 4)\n", f"{NAT} (exit status 4)"),
        ("x" * 400, "x" * 300),
    ],
)
def test_last_words_when_a_log_ends_then_one_short_line(log: str, words: str) -> None:
    assert last_words(log) == words
