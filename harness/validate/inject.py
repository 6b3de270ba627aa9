"""What acts on a worker from outside while it is measured: processes that burn, hold or stop, a quota, lost pages.

Every injection knows what it did, by its own clock and counters. All of them end with the worker, and with the harness
however that ends; where this host does not allow one, it says why.
"""

import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from harness.engines.base import Place, Session
from harness.engines.cgroup import Cgroup, hierarchy, paths_of
from harness.execute.helper import Helper
from harness.validate.checks import NotMeasured, Unavailable

_PROGRAM: Final = Path(__file__).with_name("inject_child.py")
_SECONDS: Final = 20.0
"""How long a helper may take to start, to begin, to end."""

_PERIOD_US: Final = 100_000
_PROCESS_MADVISE: Final = 440
_MADV_PAGEOUT: Final = 21
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class _Acting:
    """Common to injections that are processes of ours: made with the worker, begun at its release, ended when over."""

    def __init__(self) -> None:
        self._helpers: list[Helper] = []
        self._begun: list[Helper] = []
        self._said: list[Mapping[str, Any]] = []

    def _make(self, cpus: Sequence[int] | None, *arguments: object) -> Helper:
        """One process that is ready to act on ``cpus``."""
        made = Helper(_PROGRAM, [str(one) for one in arguments], cpus)
        self._helpers.append(made)
        _must(made.until_ready(_SECONDS))
        return made

    def release(self, session: Session) -> None:
        """Let them act."""
        del session
        for one in self._helpers:
            self._begin(one)

    def _begin(self, helper: Helper) -> None:
        self._begun.append(helper)
        _must(helper.begin(_SECONDS))

    def over(self) -> None:
        """End them, and keep what they said; may be called again."""
        for one in self._begun:
            one.stop()
        for one in self._begun:
            report = one.report(_SECONDS)
            if not isinstance(report, str):
                self._said.append(report)
        for one in self._helpers:
            one.close()
        self._begun, self._helpers = [], []


class Spinning(_Acting):
    """Processes that burn CPU on the worker's CPUs, one on each, while it runs."""

    def started(self, session: Session, place: Place) -> None:
        """Make them."""
        del session
        for cpu in place.cpuset:
            self._make((cpu,), "spin")

    @property
    def cpu_ns(self) -> int:
        """What they burnt together."""
        return sum(int(one["cpu_ns"]) for one in self._said)


class Burnt(_Acting):
    """CPU time charged to the worker's cgroup before it is talked to: no part of what it uses itself."""

    def __init__(self, nanoseconds: int) -> None:
        super().__init__()
        self._nanoseconds = nanoseconds

    def started(self, session: Session, place: Place) -> None:
        """Burn it, all of it."""
        del place
        one = self._make(None, "burn", self._nanoseconds)
        join(one, session, "cpuacct")
        self._begin(one)
        self.over()  # its own end costs CPU time, too

    def release(self, session: Session) -> None:
        """It is over."""


class Holding(_Acting):
    """Shared memory, and a written file that stays cached, charged to the worker's cgroup while it runs."""

    def __init__(self, *, shared: int, cached: int) -> None:
        super().__init__()
        self._shared, self._cached = shared, cached
        self._file: Path | None = None

    def started(self, session: Session, place: Place) -> None:
        """Hold them."""
        self._file = place.out.resolve() / "cached"
        one = self._make(None, "hold", self._shared, self._file, self._cached)
        join(one, session, "memory")
        self._begin(one)

    def release(self, session: Session) -> None:
        """They are held."""

    def over(self) -> None:
        """Let go of them."""
        super().over()
        if self._file is not None:
            self._file.unlink(missing_ok=True)


class Stopping(_Acting):
    """The worker's process stopped and continued so many times, ``low`` to ``high`` ns each, at random times."""

    def __init__(self, *, count: int, seed: int, low: int, high: int) -> None:
        super().__init__()
        self._action: tuple[object, ...] = ("stop", count, seed, low, high)
        self._worker: int | None = None

    def started(self, session: Session, place: Place) -> None:
        """Find the process."""
        del place
        self._worker = _signalled(session)
        what, *arguments = self._action
        self._make(None, what, self._worker, *arguments)

    def over(self) -> None:
        """Let it run."""
        super().over()
        if self._worker is not None:
            with suppress(OSError):
                os.kill(self._worker, signal.SIGCONT)

    @property
    def stops(self) -> tuple[tuple[int, int, int, int], ...]:
        """The clock before each stop, once the process stood still, before and after each continuation."""
        return tuple((a, b, c, d) for one in self._said for a, b, c, d in one["stops"])


class StoppingAt(Stopping):
    """The worker's process stopped once, for ``span`` ns, when ``resident`` bytes of it are."""

    def __init__(self, *, resident: int, span: int) -> None:
        super().__init__(count=0, seed=0, low=0, high=0)
        self._action = ("stop_at", resident, span)

    @property
    def plateau(self) -> tuple[int, int, int]:
        """From, to and resident bytes of the time it stood still; NotMeasured where it never did."""
        for one in self._said:
            if one:
                return int(one["start_ns"]), int(one["end_ns"]), int(one["resident_bytes"])
        raise NotMeasured("the worker never held as much as was waited for")


class Quota:
    """A CPU quota of ``share`` of one CPU on the worker's cgroup, from its release on."""

    def __init__(self, share: float) -> None:
        self._quota_us = round(share * _PERIOD_US)

    def started(self, session: Session, place: Place) -> None:
        """Nothing yet."""

    def release(self, session: Session) -> None:
        """Set it; Unavailable where the kernel refuses."""
        folders = folders_of(session)
        mounts = hierarchy()
        key = "cpu" if mounts.version == 1 else ""
        if folders.get(key) in (None, paths_of("self", mounts).get(key)):
            raise Unavailable("the worker has no cgroup of its own that could be given a quota")
        try:
            if mounts.version == 1:
                (folders["cpu"] / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
                (folders["cpu"] / "cpu.cfs_quota_us").write_text(str(self._quota_us))
            else:
                (folders[""] / "cpu.max").write_text(f"{self._quota_us} {_PERIOD_US}")
        except OSError as error:
            raise Unavailable(f"no quota can be set on the worker's cgroup: {error}") from error

    def over(self) -> None:
        """It goes with the cgroup."""


class PagedOut:
    """The worker's program dropped from memory at its release, as the kernel does when a neighbour hogs memory."""

    def started(self, session: Session, place: Place) -> None:
        """Nothing yet."""

    def release(self, session: Session) -> None:
        """Drop every page that a file can give back (madvise(2), MADV_PAGEOUT); Unavailable where that is refused."""
        pid = session.pid()
        if pid is None:
            raise NotMeasured("the worker ended before its release")
        handle = os.pidfd_open(pid)
        try:
            if sum(_page_out(handle, low, high) for low, high in _mapped(pid)) == 0:
                raise Unavailable(f"no page of the worker can be dropped: {os.strerror(ctypes.get_errno())}")
        finally:
            os.close(handle)

    def over(self) -> None:
        """Nothing stays."""


def join(helper: Helper, worker: Session, controller: str) -> None:
    """Put a helper into the worker's cgroup: what it uses from now on is charged there. Unavailable where refused."""
    folders = folders_of(worker)
    try:
        (folders[controller if controller in folders else ""] / "cgroup.procs").write_text(str(helper.pid))
    except OSError as error:
        raise Unavailable(f"nothing may join the worker's cgroup: {error.strerror}") from error


def folders_of(session: Session) -> dict[str, Path]:
    """The worker's own cgroup by controller; Unavailable where it has none to itself."""
    group, pid = session.cgroup(), session.pid()
    if not isinstance(group, Cgroup):
        raise Unavailable(f"the worker has no cgroup of its own: {group}")
    group.close()
    if pid is None:
        raise NotMeasured("the worker ended before anything could act on it")
    return paths_of(pid, hierarchy())


def _must(problem: str | None) -> None:
    if problem is not None:
        raise NotMeasured(f"a helper of the validation failed: {problem}")


def _signalled(session: Session) -> int:
    """The worker's process, which takes our signals; Unavailable where it does not."""
    pid = session.pid()
    if pid is None:
        raise Unavailable("the worker's process cannot be seen from here")
    try:
        os.kill(pid, 0)
    except PermissionError as error:
        raise Unavailable(f"the worker's process takes no signals from here: {error.strerror}") from error
    return pid


def _mapped(pid: int) -> list[tuple[int, int]]:
    """Address ranges of a process that files are mapped to."""
    found = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/"):
            low, high = (int(part, 16) for part in fields[0].split("-"))
            found.append((low, high))
    return found


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def _page_out(handle: int, low: int, high: int) -> int:
    vector = _Vector(low, high - low)
    done = _LIBC.syscall(_PROCESS_MADVISE, handle, ctypes.byref(vector), ctypes.c_size_t(1), _MADV_PAGEOUT, 0)
    return max(0, int(done))
