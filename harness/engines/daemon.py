"""Starting a Docker daemon on a machine that has none running, without an init system.

It clears what a killed daemon left behind, starts ``dockerd --live-restore`` so that workers survive a restart of it,
and waits until it answers. Where it cannot start, the reason is a value: the caller goes on with the local engine.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.engines.effects import Effects

LOG = "/var/log/memverdict-dockerd.log"
PID_FILES = {"/run/docker.pid": "dockerd", "/run/docker/containerd/containerd.pid": "containerd"}
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.25
NOT_REAPED_YET = ("pid file found", "timeout waiting for containerd", "process with PID")
"""What dockerd says while the one before it is dead but not yet gone: worth another try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDaemon:
    """No Docker daemon can be had here; ``reason`` is one line that a user can act on."""

    reason: str


def start_daemon(effects: Effects, answers: Callable[[], bool]) -> NoDaemon | None:
    """Start a daemon and wait up to 60 s for ``answers`` to be true; None when it does, else why not."""
    deadline = effects.monotonic() + WAIT_SECONDS
    if effects.path("/run/systemd/system").is_dir():
        return _start_by_init_system(effects, answers, deadline)
    reason = f"no answer within {WAIT_SECONDS:g} s"
    while effects.monotonic() < deadline:
        if _left_running(effects):
            # It may be dying, or somebody else has just started it.
            if answers():
                return None
            effects.sleep(POLL_SECONDS)
            continue
        log = effects.path(LOG)
        offset = log.stat().st_size if log.exists() else 0
        try:
            process = effects.detach(["dockerd", "--live-restore"], log)
        except OSError as error:
            return NoDaemon(reason=f"dockerd cannot be started: {error.strerror}")
        while process.poll() is None and effects.monotonic() < deadline:
            if answers():
                return None
            effects.sleep(POLL_SECONDS)
        reason = last_words(_read_from(log, offset)) or reason
        if process.poll() is None or not any(sign in reason for sign in NOT_REAPED_YET):
            break
        effects.sleep(POLL_SECONDS)
    return NoDaemon(reason=f"dockerd did not start: {reason} (log: {LOG})")


def last_words(log: str) -> str:
    """What a daemon's log says about its end, in one line of at most 300 characters; empty for an empty log."""
    lines = [line for line in log.splitlines() if line.strip()]
    if not lines:
        return ""
    fatal = [number for number, line in enumerate(lines) if "failed to start" in line or "level=fatal" in line]
    text = " ".join(" ".join(lines[fatal[-1] :] if fatal else lines[-1:]).split())
    quoted = re.search(r'msg="((?:[^"\\]|\\.)*)"', text)
    return (quoted.group(1) if quoted and text.startswith("time=") else text)[-300:]


def _start_by_init_system(effects: Effects, answers: Callable[[], bool], deadline: float) -> NoDaemon | None:
    """Where there is an init system the daemon is its business: ask it."""
    started = effects.run(["systemctl", "start", "docker"])
    if started.code != 0:
        return NoDaemon(reason=f"systemctl start docker failed: {' '.join(started.tail.split())[-300:]}")
    while effects.monotonic() < deadline:
        if answers():
            return None
        effects.sleep(POLL_SECONDS)
    return NoDaemon(reason=f"the docker service is started but does not answer within {WAIT_SECONDS:g} s")


def _left_running(effects: Effects) -> bool:
    """Remove pid files whose process is gone; True while one of them still has its process."""
    alive = False
    for name, program in PID_FILES.items():
        file = effects.path(name)
        try:
            pid = int(file.read_text().strip())
        except FileNotFoundError:
            continue
        except ValueError:
            file.unlink(missing_ok=True)
            continue
        if _is_running(effects, pid, program):
            alive = True
        else:
            file.unlink(missing_ok=True)
    return alive


def _is_running(effects: Effects, pid: int, program: str) -> bool:
    """Whether ``pid`` is a live process of that name: ids are used again, and a zombie holds nothing any more."""
    try:
        stat = effects.path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    name, _, rest = stat.partition("(")[2].rpartition(")")
    return name == program and rest.split()[0] != "Z"


def _read_from(log: Path, offset: int) -> str:
    try:
        return log.read_bytes()[offset:].decode(errors="replace")
    except OSError:
        return ""
