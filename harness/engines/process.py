"""A worker as a plain process of this host: started, attached, killed with everything it started.

Shared by the engines that need no daemon. A worker dies with the thread that started it (``PR_SET_PDEATHSIG``), so that
not even kill -9 of the harness leaves one spinning.
"""

import ctypes
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from harness.engines.base import Chunk, Exit
from harness.engines.cgroup import Cgroup, members, remove_child
from harness.errors import EngineError

_PR_SET_PDEATHSIG: Final = 1
_BUFFER: Final = 1 << 16
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
"""Loaded here, because nothing may be loaded between fork and exec."""


class ProcessSession:
    """One process in a group of its own, with ``folders`` of its own cgroup or the reason why it has none."""

    def __init__(self, process: "subprocess.Popen[bytes]", folders: Mapping[str, Path] | str) -> None:
        self._process = process
        self._folders = folders
        self._exit: Exit | None = None
        self._poll = select.poll()
        self._open: dict[int, str] = {}
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
            if stream is not None:
                self._open[stream.fileno()] = name
                self._poll.register(stream.fileno(), select.POLLIN | select.POLLHUP)

    @property
    def image(self) -> str | None:
        """None: it runs from no image."""
        return None

    def receive(self, seconds: float) -> Chunk | None:
        """The next bytes of either stream."""
        while self._open:
            ready = self._poll.poll(seconds * 1000)
            if not ready:
                return None
            for descriptor, _ in ready:
                name = self._open.get(descriptor, "")
                data = b""
                with suppress(OSError):
                    data = os.read(descriptor, _BUFFER)
                if data:
                    return Chunk(stdout=data) if name == "stdout" else Chunk(stderr=data)
                self._poll.unregister(descriptor)
                del self._open[descriptor]
        return Chunk(closed=True)

    def send(self, data: bytes) -> bool:
        """Write to the worker's stdin."""
        if self._process.stdin is None or self._process.stdin.closed:
            return False
        try:
            os.write(self._process.stdin.fileno(), data)
        except OSError:
            return False
        return True

    def pid(self) -> int | None:
        """The worker's process."""
        return self._process.pid if self._exit is None else None

    def cgroup(self) -> Cgroup | str:
        """Its own cgroup's counters."""
        if isinstance(self._folders, str):
            return self._folders
        return Cgroup(self._folders, 2 if "" in self._folders else 1)

    def wait(self, seconds: float) -> Exit | None:
        """How it ended; what it started and left behind ends with it."""
        if self._exit is not None:
            return self._exit
        ended = select.poll()
        handle = os.pidfd_open(self._process.pid)
        try:
            ended.register(handle, select.POLLIN)
            if not ended.poll(seconds * 1000):
                return None
        finally:
            os.close(handle)
        self._end_group()  # not reaped yet, so its number still means this group and no other
        code = self._process.wait()
        self._exit = Exit(code=128 - code if code < 0 else code, oom_killed=self._oom_killed())
        return self._exit

    def kill(self) -> None:
        """End it and its group."""
        if self._exit is None:
            self._end_group()

    def close(self) -> str | None:
        """Reap it, close the pipes and remove its cgroup."""
        self.kill()
        self.wait(1.0)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None and not stream.closed:
                with suppress(OSError):
                    stream.close()
        return None if isinstance(self._folders, str) else remove_child(self._folders)

    def _end_group(self) -> None:
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if not isinstance(self._folders, str):
            for pid in members(self._folders):
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def _oom_killed(self) -> bool:
        group = self.cgroup()
        return isinstance(group, Cgroup) and bool(group.oom_kills())


def start_process(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    cpus: Sequence[int] | None,
    folders: Mapping[str, Path] | str,
) -> ProcessSession:
    """Start a worker in ``folder``, pinned to ``cpus`` (None: as we are) and inside the cgroup ``folders``.

    EngineError where it cannot be started; its cgroup is then removed.
    """
    try:
        with _interrupts_held():
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
                preexec_fn=_between_fork_and_exec(cpus, folders),
            )
    except (OSError, subprocess.SubprocessError) as error:
        if not isinstance(folders, str):
            remove_child(folders)
        raise EngineError(f"{command[0]} cannot be started: {error}") from error
    return ProcessSession(process, folders)


def to_fifo(thread: int) -> None:
    """Give a thread (a process id: its first) the least real-time priority; OSError where the kernel refuses."""
    os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(1))


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C come through afterwards: what it raises inside the hooks that Python runs at a fork is thrown away.

    Only the main thread is ever interrupted, so another one holds nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def _between_fork_and_exec(cpus: Sequence[int] | None, folders: Mapping[str, Path] | str) -> Callable[[], None]:
    """What the child does to itself before it becomes the worker."""
    parent = os.getpid()
    entries = () if isinstance(folders, str) else tuple(str(path / "cgroup.procs") for path in folders.values())

    def prepare() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the harness died before the line above
            os._exit(127)
        for entry in entries:
            descriptor = os.open(entry, os.O_WRONLY)
            os.write(descriptor, b"0")
            os.close(descriptor)
        if cpus is not None:
            os.sched_setaffinity(0, cpus)

    return prepare
