"""The kernel's accounting of one cgroup, version 1 and 2 behind one reader, read on the host.

Everything is base units (ns, bytes, counts). A counter that this kernel does not offer reads as None, never as
zero. File system roots are arguments, so that tests hand in a folder that looks like either version.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from harness.errors import EngineError

PROC = Path("/proc")
_NO_LIMIT = 1 << 60
"""Version 1 writes "no limit" as the largest multiple of a page below 2^63; no machine has an exbibyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySplit:
    """Bytes charged now, by kind, from ``memory.stat``; shared memory is no part of ``file``."""

    anon: int
    shmem: int
    file: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """Where cgroup file systems are mounted.

    ``mounts`` maps a version 1 controller, or ``""`` for version 2, to (folder, root). ``root`` is
    the path inside the hierarchy that the mount shows (other than ``/`` inside a container).
    """

    mounts: Mapping[str, tuple[Path, str]]

    @property
    def version(self) -> Literal[1, 2] | None:
        """1 where a version 1 hierarchy accounts memory, else 2 where version 2 is mounted, else None."""
        if "memory" in self.mounts:
            return 1
        return 2 if "" in self.mounts else None

    def folder(self, controller: str) -> Path | None:
        """The mounted root for a controller, in whichever version accounts it."""
        mount = self.mounts.get(controller) or (self.mounts.get("") if self.version == 2 else None)
        return mount[0] if mount else None


def hierarchy(proc: Path = PROC) -> Hierarchy:
    """The cgroup mounts that this process sees; empty where none are."""
    mounts: dict[str, tuple[Path, str]] = {}
    try:
        text = (proc / "self/mountinfo").read_text()
    except OSError:
        return Hierarchy(mounts={})
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        where = (Path(fields[4].replace("\\040", " ")), fields[3])
        if kind[0] == "cgroup2":
            mounts.setdefault("", where)
        elif kind[0] == "cgroup":
            for controller in kind[2].split(","):
                if not controller.startswith("name=") and controller not in ("rw", "ro"):
                    mounts.setdefault(controller, where)
    return Hierarchy(mounts=mounts)


def paths_of(pid: int | Literal["self"], mounts: Hierarchy, proc: Path = PROC) -> dict[str, Path]:
    """The folders of a process's cgroup by controller (``""``: version 2); OSError when the process is gone."""
    found: dict[str, Path] = {}
    for line in (proc / str(pid) / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            mount = mounts.mounts.get(controller)
            if mount is None:
                continue
            folder, root = mount
            inside = path.removeprefix(root.rstrip("/")) if root != "/" else path
            found[controller] = folder / inside.lstrip("/")
    return found


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.lstrip("-").isdigit() else None


def _table(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines)
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


RESOURCES: Final = ("cpu", "memory", "io")
"""What the kernel keeps pressure totals of."""


def pressure_ns(folder: Path, resource: str, *, end: str = "") -> int | None:
    """Time, ns, that some task was held up for want of a resource, since the file's beginning (psi.rst, "some").

    ``end`` follows the resource in the file's name. None where the kernel keeps no such total.
    """
    try:
        lines = (folder / f"{resource}{end}").read_text().splitlines()
    except OSError:
        return None
    some = next((line for line in lines if line.startswith("some ")), "")
    total = some.rpartition("total=")[2]
    return int(total) * 1000 if total.isdigit() else None


class Cgroup:
    """One cgroup's counters and limits. Close it: on version 2 the reset peak belongs to an open file.

    ``folders`` maps controllers to folders as :func:`paths_of` gives them.
    """

    def __init__(self, folders: Mapping[str, Path], version: Literal[1, 2]) -> None:
        self._folders = dict(folders)
        self.version = version
        self._peak_file: int | None = None

    @classmethod
    def of(cls, pid: int, *, proc: Path = PROC) -> "Cgroup":
        """The cgroup of a process; EngineError when it cannot be seen from here or is shared with the whole machine."""
        mounts = hierarchy(proc)
        version = mounts.version
        if version is None:
            raise EngineError("no cgroup file system is mounted here")
        try:
            folders = paths_of(pid, mounts, proc)
        except OSError as error:
            raise EngineError(f"process {pid} cannot be seen from here: {error.strerror}") from error
        key = "memory" if version == 1 else ""
        mount = mounts.mounts[key][0]
        if key not in folders or not folders[key].is_dir() or folders[key] == mount:
            raise EngineError("the worker has no memory cgroup of its own that can be seen from here")
        return cls(folders, version)

    def _file(self, controller: str, name: str) -> Path:
        folder = self._folders.get(controller) if self.version == 1 else self._folders.get("")
        return (folder or Path(os.devnull)) / name

    def cpu_ns(self) -> int | None:
        """CPU time of everything that ran in it, ns."""
        if self.version == 1:
            return _number(self._file("cpuacct", "cpuacct.usage"))
        usage = _table(self._file("cpu", "cpu.stat")).get("usage_usec")
        return None if usage is None else usage * 1000

    def throttled_ns(self) -> int | None:
        """Time that a CPU quota held it up, ns."""
        table = _table(self._file("cpu", "cpu.stat"))
        if self.version == 1:
            return table.get("throttled_time")
        throttled = table.get("throttled_usec")
        return None if throttled is None else throttled * 1000

    def pressure_ns(self, resource: str) -> int | None:
        """Pressure total of one of :data:`RESOURCES`, ns; version 1 keeps none of a cgroup's own."""
        if self.version == 1:
            return None
        return pressure_ns(self._folders.get("", Path(os.devnull)), resource, end=".pressure")

    def reset_peak(self) -> str | None:
        """Start the high-water mark of memory again from what is charged now; the reason where the kernel refuses."""
        try:
            if self.version == 1:
                with self._file("memory", "memory.max_usage_in_bytes").open("r+") as mark:
                    mark.write("0")
                    mark.truncate()
            else:
                if self._peak_file is None:
                    self._peak_file = os.open(self._file("memory", "memory.peak"), os.O_RDWR | os.O_CLOEXEC)
                os.write(self._peak_file, b"reset")
        except OSError as error:
            return f"the kernel does not reset the cgroup's peak: {error.strerror}"
        return None

    def peak_bytes(self) -> int | None:
        """High-water mark of charged memory since :meth:`reset_peak`, bytes.

        Version 2 resets for readers of the same open file only (cgroup-v2.rst, ``memory.peak``).
        """
        if self.version == 1:
            return _number(self._file("memory", "memory.max_usage_in_bytes"))
        if self._peak_file is None:
            return _number(self._file("memory", "memory.peak"))
        try:
            text = os.pread(self._peak_file, 64, 0).decode().strip()
        except OSError:
            return None
        return int(text) if text.isdigit() else None

    def oom_kills(self) -> int | None:
        """How many processes the kernel killed in it for lack of memory."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return _table(self._file("memory", name)).get("oom_kill")

    def memory_split(self) -> MemorySplit | None:
        """What is charged now, by kind."""
        table = _table(self._file("memory", "memory.stat"))
        names = ("total_rss", "total_shmem", "total_cache") if self.version == 1 else ("anon", "shmem", "file")
        if any(name not in table for name in names):
            return None
        anon, shmem, cached = (table[name] for name in names)
        return MemorySplit(anon=anon, shmem=shmem, file=cached - shmem)

    def limits(self) -> dict[str, int | str | None]:
        """What is in force: ``cpuset`` in kernel notation, ``memory`` in bytes and ``pids``; None: no limit."""
        if self.version == 1:
            cpus = self._text(self._file("cpuset", "cpuset.effective_cpus"), self._file("cpuset", "cpuset.cpus"))
            memory = _number(self._file("memory", "memory.limit_in_bytes"))
            swap = _number(self._file("memory", "memory.memsw.limit_in_bytes"))
        else:
            cpus = self._text(self._file("cpuset", "cpuset.cpus.effective"))
            memory = _number(self._file("memory", "memory.max"))
            extra = _number(self._file("memory", "memory.swap.max"))
            swap = None if memory is None or extra is None else memory + extra
        pids = _number(self._file("pids", "pids.max"))
        return {
            "cpuset": cpus,
            "memory": memory if memory is not None and memory < _NO_LIMIT else None,
            "memory_and_swap": swap if swap is not None and swap < _NO_LIMIT else None,
            "pids": pids,
        }

    @staticmethod
    def _text(*paths: Path) -> str | None:
        for path in paths:
            with suppress(OSError):
                return path.read_text().strip() or None
        return None

    def close(self) -> None:
        """Give the open file back; may be called again."""
        if self._peak_file is not None:
            os.close(self._peak_file)
            self._peak_file = None


def root_cpu_ns(cpus: tuple[int, ...], mounts: Hierarchy) -> int | None:
    """CPU time, ns, that the whole machine spent on ``cpus`` (version 2 and kernels without the split: on all CPUs)."""
    if mounts.version == 1:
        folder = mounts.folder("cpuacct")
        if folder is None:
            return None
        with suppress(OSError, ValueError, IndexError):
            per_cpu = [int(value) for value in (folder / "cpuacct.usage_percpu").read_text().split()]
            return sum(per_cpu[cpu] for cpu in cpus)
        return _number(folder / "cpuacct.usage")
    folder = mounts.folder("")
    usage = None if folder is None else _table(folder / "cpu.stat").get("usage_usec")
    return None if usage is None else usage * 1000


def make_child(
    name: str, limits: Mapping[str, int | None], mounts: Hierarchy, *, proc: Path = PROC, mkdir: Callable[[Path], None]
) -> dict[str, Path] | str:
    """Make a cgroup ``name`` below our own, or the root where ours may have no children, with the limits given.

    ``limits`` may hold ``memory`` (bytes) and ``pids``. Gives its folders by controller, or the
    reason why none can be had. Nothing is left behind on failure.
    """
    version = mounts.version
    if version is None:
        return "no cgroup file system is mounted here"
    try:
        own = paths_of("self", mounts, proc)
    except OSError as error:
        return f"this process's own cgroup cannot be read: {error.strerror}"
    wanted = ("memory", "cpuacct", "pids") if version == 1 else ("",)
    made: dict[str, Path] = {}
    try:
        for controller in wanted:
            if controller in mounts.mounts:
                made[controller] = _child(controller, name, own, mounts, mkdir)
        _limit(made, limits, version)
    except OSError as error:
        remove_child(made)
        return f"cgroups cannot be made here: {error.strerror} ({error.filename})"
    return made


def _child(
    controller: str, name: str, own: Mapping[str, Path], mounts: Hierarchy, mkdir: Callable[[Path], None]
) -> Path:
    """One folder below the first parent that takes it and, on version 2, passes its controllers on."""
    problem = OSError(0, "no parent to be had", name)
    for parent in dict.fromkeys((own.get(controller), mounts.mounts[controller][0])):
        if parent is None:
            continue
        try:
            if controller == "":
                with suppress(OSError):
                    (parent / "cgroup.subtree_control").write_text("+memory +cpu +pids")
            mkdir(parent / name)
        except OSError as error:
            problem = error
            continue
        if controller != "" or (parent / name / "memory.max").exists():
            return parent / name
        (parent / name).rmdir()
        problem = OSError(0, "the parent passes no memory controller on", str(parent))
    raise problem


def _limit(folders: Mapping[str, Path], limits: Mapping[str, int | None], version: Literal[1, 2]) -> None:
    memory, pids = limits.get("memory"), limits.get("pids")
    key = "memory" if version == 1 else ""
    if memory is not None:
        if version == 1:
            (folders[key] / "memory.limit_in_bytes").write_text(str(memory))
            with suppress(OSError):  # kernels without swap accounting have no such file, and then no swap to limit
                (folders[key] / "memory.memsw.limit_in_bytes").write_text(str(memory))
        else:
            (folders[key] / "memory.max").write_text(str(memory))
            with suppress(OSError):
                (folders[key] / "memory.swap.max").write_text("0")
    if pids is not None and ("pids" in folders or version == 2):
        (folders["pids" if version == 1 else ""] / "pids.max").write_text(str(pids))


def members(folders: Mapping[str, Path]) -> tuple[int, ...]:
    """Processes in it now."""
    found: set[int] = set()
    for folder in folders.values():
        with suppress(OSError):
            found.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
    return tuple(sorted(found))


def remove_child(folders: Mapping[str, Path]) -> str | None:
    """Remove what :func:`make_child` made; the problem where the kernel refuses (somebody still lives there)."""
    problem = None
    for folder in folders.values():
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            problem = f"{folder}: {error.strerror}"
    return problem
