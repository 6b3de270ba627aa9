"""What a run can be traced back to, as far as this host tells: code, machine, kernel, libraries.

Read once, before anything is timed. What cannot be had is listed with its reason instead of left out, and nothing here
names a person, a folder or a host: published runs carry it.
"""

import hashlib
import os
import platform
import resource
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Final

from harness import units

Run = Callable[[Sequence[str]], str]
"""Runs a command and gives its output; OSError or subprocess.SubprocessError where it fails."""

SECONDS: Final = 30.0
_DISTRIBUTION: Final = "memverdict"
_NOT_OURS_TO_TELL: Final = frozenset({"hostname", "python_executable", "python_config_args", "date", "mem_max_rss"})
"""Of pyperf's metadata: names of hosts and folders, and what is about pyperf's own process."""

_SYSTEM: Final[Mapping[str, str]] = {
    "clocksource": "sys/devices/system/clocksource/clocksource0/current_clocksource",
    "governor": "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "hypervisor": "sys/hypervisor/type",
    "vendor": "sys/class/dmi/id/sys_vendor",
    "product": "sys/class/dmi/id/product_name",
    "smt": "sys/devices/system/cpu/smt/control",
    "thp": "sys/kernel/mm/transparent_hugepage/enabled",
    "thp_shmem": "sys/kernel/mm/transparent_hugepage/shmem_enabled",
    "numa_nodes": "sys/devices/system/node/online",
    "cpus_online": "sys/devices/system/cpu/online",
    "overcommit": "proc/sys/vm/overcommit_memory",
    "swappiness": "proc/sys/vm/swappiness",
    "pid_max": "proc/sys/kernel/pid_max",
    "max_map_count": "proc/sys/vm/max_map_count",
}


def command(arguments: Sequence[str]) -> str:
    """Run a command to its end, :data:`SECONDS` at most; its standard output."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stdout


_COUNTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "proc/stat": ("cpu", "ctxt", "processes"),
    "proc/vmstat": (
        "pgfault", "pgmajfault", "pswpin", "pswpout", "oom_kill", "thp_fault_alloc", "thp_fault_fallback",
        "thp_collapse_alloc", "compact_stall",
    ),
    "proc/pressure/cpu": ("some",),
    "proc/pressure/memory": ("some", "full"),
    "proc/pressure/io": ("some", "full"),
}  # fmt: skip
"""What the kernel counts since it started, by file: lines that begin with these words."""


def collect(
    *,
    root: Path,
    engine: str,
    engine_version: str,
    now: datetime | None = None,
    run: Run = command,
    system: Path = Path("/"),
) -> dict[str, object]:
    """Provenance of code and host as JSON-able values; never raises for what cannot be had.

    ``now`` is the time of the run (None: this moment), ``system`` the root of the file system that is asked. ``host``
    is one line for people, ``machine`` its digest.
    """
    missing: dict[str, str] = {}
    found = _system(system, missing)
    return {
        "date": (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        **code(root, run, missing),
        "engine": engine,
        "engine_version": engine_version,
        "machine": machine(system),
        "host": describe(found),
        "system": found,
        "pyperf": _pyperf(run, missing),
        "libraries": _libraries(),
        "process_limits": _own_limits(),
        "counters_before": counters(system),
        "unavailable": missing,
    }


def counters(system: Path = Path("/")) -> dict[str, str]:
    """The host's counters as they stand, ``file word`` to the rest of the line: CPU in ticks, pressure in µs.

    Taken before a run and after it, their differences say what else went on. What this kernel does not count is left
    out.
    """
    found = {}
    for file, words in _COUNTERS.items():
        for line in (_text(system / file) or "").splitlines():
            word, _, rest = line.partition(" ")
            if word in words:
                found[f"{file} {word}"] = rest.strip()
    return found


def sources(folder: Path) -> dict[str, object]:
    """What a language's programs are made by: its build script, flags and all, and digests of its Dockerfiles."""
    return {
        "build": _text(folder / "build"),
        "dockerfiles": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("Dockerfile.*"))
        },
    }


def machine(system: Path = Path("/")) -> str:
    """Digest of machine-id, CPU model, CPUs, memory and kernel: only runs of one machine are read together."""
    parts = (
        _text(system / "etc/machine-id") or "",
        _cpu_model(system) or "",
        str(len(os.sched_getaffinity(0))),
        str(_memory_bytes(system) or 0),
        platform.release(),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def code(root: Path, run: Run, missing: dict[str, str]) -> dict[str, object]:
    """``commit``, ``dirty`` and what is ``changed``; nothing, with the reason in ``missing``, where git cannot tell."""
    git = ["git", "-C", str(root), "-c", f"safe.directory={root}"]
    try:
        commit = run([*git, "rev-parse", "HEAD"]).strip()
        changed = run([*git, "status", "--porcelain", "--untracked-files=normal"]).splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        missing["commit"] = f"git cannot tell: {error.__class__.__name__}"
        return {}
    return {"commit": commit, "dirty": bool(changed), "changed": [line[3:] for line in changed[:50]]}


def describe(found: Mapping[str, object]) -> str:
    """A host in one line: processor, CPUs, memory, cgroups, kernel, distribution, as far as they are known."""
    cpus, memory = found.get("cpus"), found.get("memory_bytes")
    parts = (
        str(found.get("cpu_model") or "unknown processor"),
        units.counted(len(cpus), "CPU") if isinstance(cpus, list) else "",
        units.size(memory) if isinstance(memory, int) else "",
        f"cgroup v{found['cgroup']}" if found.get("cgroup") else "",
        f"Linux {found['kernel']}" if found.get("kernel") else "",
        str(found.get("distribution") or ""),
        "virtual" if found.get("virtual") else "",
    )
    return " · ".join(part for part in parts if part)


def _system(system: Path, missing: dict[str, str]) -> dict[str, object]:
    found: dict[str, object] = {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpu_model": _cpu_model(system),
        "cpus": sorted(os.sched_getaffinity(0)),
        "memory_bytes": _memory_bytes(system),
        "distribution": _os_release(system),
        "topology": _topology(system) or None,
        "cgroup": _cgroup(system),
    }
    for name, path in _SYSTEM.items():
        found[name] = _text(system / path)
    flags = (_text(system / "proc/cpuinfo") or "").partition("flags")[2].partition("\n")[0].split()
    found["virtual"] = "hypervisor" in flags
    for name, value in found.items():
        if value is None:
            missing[f"system.{name}"] = "this kernel does not say"
    return {name: value for name, value in found.items() if value is not None}


def _pyperf(run: Run, missing: dict[str, str]) -> dict[str, str]:
    """What pyperf's own collector says of the host, from its command so that none of its modules stay loaded."""
    try:
        lines = run([sys.executable, "-m", "pyperf", "collect_metadata"]).splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        missing["pyperf"] = f"its collector failed: {error.__class__.__name__}"
        return {}
    pairs = (line[2:].partition(": ") for line in lines if line.startswith("- "))
    return {name: value for name, _, value in pairs if name not in _NOT_OURS_TO_TELL}


def _libraries() -> dict[str, str]:
    """Versions of what the harness computes and drives with."""
    found = {"python": platform.python_version()}
    try:
        wanted = distribution(_DISTRIBUTION).requires or []
    except PackageNotFoundError:
        wanted = []
    for requirement in wanted:
        if ";" in requirement:
            continue  # extras are no part of a measurement
        name = requirement.split()[0].rstrip("<>=!~")
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _own_limits() -> dict[str, int | None]:
    names = {"open_files": resource.RLIMIT_NOFILE, "processes": resource.RLIMIT_NPROC, "stack": resource.RLIMIT_STACK}
    soft = {name: resource.getrlimit(limit)[0] for name, limit in names.items()}
    return {name: None if value == resource.RLIM_INFINITY else value for name, value in soft.items()}


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _cpu_model(system: Path) -> str | None:
    for line in (_text(system / "proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "CPU part"):
            return value.strip()
    return None


def _memory_bytes(system: Path) -> int | None:
    for line in (_text(system / "proc/meminfo") or "").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def _os_release(system: Path) -> str | None:
    for line in (_text(system / "etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            with suppress(ValueError):  # the file is shell (os-release(5)), and nothing keeps people from breaking it
                return " ".join(shlex.split(line.partition("=")[2])) or None
    return None


def _topology(system: Path) -> list[dict[str, int]]:
    """Package and core of each CPU that we may run on: two of one core are no two cores."""
    found = []
    for cpu in sorted(os.sched_getaffinity(0)):
        folder = system / f"sys/devices/system/cpu/cpu{cpu}/topology"
        package, core = _text(folder / "physical_package_id"), _text(folder / "core_id")
        if package is not None and core is not None:
            found.append({"cpu": cpu, "package": int(package), "core": int(core)})
    return found


def _cgroup(system: Path) -> int | None:
    """The version that accounts memory where distributions mount it; which folders a worker is in is the engine's."""
    folder = system / "sys/fs/cgroup"
    if (folder / "memory").is_dir():
        return 1
    return 2 if (folder / "cgroup.controllers").is_file() else None
