"""What the host saw while a worker ran: the only importer of psutil.

Counters are read twice, at release and at the worker's last line; their differences belong to the worker's timed life.
Kernel high-water marks are preferred to samples, and what cannot be read is ``None`` with its reason, never zero.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import psutil

from harness.engines.base import cpu_list
from harness.engines.cgroup import RESOURCES, Cgroup, hierarchy, pressure_ns, root_cpu_ns

PROC: Final = Path("/proc")

FOREIGN_SHARE: Final = 0.02
FOREIGN_NS: Final = 10_000_000
"""Foreign load: more than 2 % of the CPUs' time and more than what harness and daemons themselves cost."""

STEAL_SHARE: Final = 0.005

NO_PRESSURE: Final = "this kernel keeps no pressure totals (CONFIG_PSI, and psi=1 where it is off by default)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Counters at one moment; None where a source could not be read. Times in ns, faults as counts.

    ``pressure`` maps resources to whose total it is (``cgroup`` or ``machine``) and the total; none: no entry.
    """

    at_ns: int
    cgroup_cpu_ns: int | None
    throttled_ns: int | None
    machine_cpu_ns: int | None
    steal_ns: int | None
    minor_faults: int | None
    major_faults: int | None
    run_delay_ns: int | None
    pressure: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What happened between two readings, and marks read at its end."""

    cgroup_cpu_ns: int | None = None
    throttled_ns: int | None = None
    foreign_busy_ns: int | None = None
    steal_ns: int | None = None
    minor_faults: int | None = None
    major_faults: int | None = None
    run_delay_ns: int | None = None
    cgroup_peak_bytes: int | None = None
    vm_hwm_bytes: int | None = None
    anon_bytes: int | None = None
    shmem_bytes: int | None = None
    file_bytes: int | None = None
    psi_cpu_ns: int | None = None
    psi_memory_ns: int | None = None
    psi_io_ns: int | None = None
    unavailable: Mapping[str, str] = field(default_factory=dict)


def read(now_ns: int, pid: int | None, cgroup: Cgroup | None, cpus: tuple[int, ...], proc: Path = PROC) -> Reading:
    """All counters now."""
    minor, major = _faults(pid, proc)
    return Reading(
        at_ns=now_ns,
        cgroup_cpu_ns=cgroup.cpu_ns() if cgroup else None,
        throttled_ns=cgroup.throttled_ns() if cgroup else None,
        machine_cpu_ns=root_cpu_ns(cpus, hierarchy(proc)),
        steal_ns=_steal_ns(cpus),
        minor_faults=minor,
        major_faults=major,
        run_delay_ns=_run_delay_ns(pid, proc),
        pressure=_pressure(cgroup, proc),
    )


def between(before: Reading, after: Reading, pid: int | None, cgroup: Cgroup | str, proc: Path = PROC) -> Span:
    """The differences, with the peaks that the kernel kept."""
    cpu = _minus(after.cgroup_cpu_ns, before.cgroup_cpu_ns)
    machine = _minus(after.machine_cpu_ns, before.machine_cpu_ns)
    group = cgroup if isinstance(cgroup, Cgroup) else None
    peak = _status_bytes(pid, "VmHWM", proc)
    # Without the worker its cgroup is empty, and what it held is not known rather than nothing.
    split = group.memory_split() if group and peak is not None else None
    found = {
        "cgroup_cpu_ns": cpu,
        "throttled_ns": _minus(after.throttled_ns, before.throttled_ns),
        "foreign_busy_ns": None if cpu is None or machine is None else max(0, machine - cpu),
        "steal_ns": _minus(after.steal_ns, before.steal_ns),
        "minor_faults": _minus(after.minor_faults, before.minor_faults),
        "major_faults": _minus(after.major_faults, before.major_faults),
        "run_delay_ns": _minus(after.run_delay_ns, before.run_delay_ns),
        "cgroup_peak_bytes": group.peak_bytes() if group else None,
        "vm_hwm_bytes": peak,
        "anon_bytes": split.anon if split else _status_bytes(pid, "RssAnon", proc),
        "shmem_bytes": split.shmem if split else _status_bytes(pid, "RssShmem", proc),
        "file_bytes": split.file if split else _status_bytes(pid, "RssFile", proc),
    }
    why = cgroup if isinstance(cgroup, str) else "the worker had ended, or this kernel does not say"
    missing = {name: why for name, value in found.items() if value is None}
    for resource in RESOURCES:
        name = f"psi_{resource}_ns"
        found[name] = _pressed(before.pressure.get(resource), after.pressure.get(resource))
        if found[name] is None:
            missing[name] = NO_PRESSURE if resource not in before.pressure else "the worker's cgroup had gone"
    return Span(**found, unavailable=missing)


def apart_from(span: Span, own_ns: int) -> Span:
    """The span without CPU time (ns) that our own instruments took on the worker's CPUs: they are no foreign load."""
    foreign = span.foreign_busy_ns
    return span if foreign is None else replace(span, foreign_busy_ns=max(0, foreign - own_ns))


def without(span: Span, name: str, why: str) -> Span:
    """The span with one value taken back, and the reason."""
    return replace(span, **{name: None}, unavailable={**span.unavailable, name: why})


def limits(pid: int | None, cgroup: Cgroup | str) -> dict[str, int | str | None]:
    """The limits in force, read back from the kernel; None where there is none. Affinity serves where no cpuset is."""
    found: dict[str, int | str | None] = {"cpuset": None, "memory": None, "pids": None}
    if isinstance(cgroup, Cgroup):
        found = cgroup.limits()
    if found["cpuset"] is None and pid is not None:
        with suppress(OSError):
            found["cpuset"] = cpu_list(sorted(os.sched_getaffinity(pid)))
    return found


def flags(span: Span, wall_ns: int, cpus: int) -> tuple[str, ...]:
    """What disturbed the worker, judged from the host alone."""
    available = wall_ns * cpus
    raised = []
    foreign = span.foreign_busy_ns or 0
    if foreign > max(FOREIGN_NS, FOREIGN_SHARE * available):
        raised.append("foreign_load")
    if (span.steal_ns or 0) > STEAL_SHARE * available:
        raised.append("steal")
    if span.throttled_ns:
        raised.append("throttled")
    if span.major_faults:
        raised.append("major_faults")
    return tuple(raised)


def _minus(after: int | None, before: int | None) -> int | None:
    return None if after is None or before is None else after - before


def _pressure(cgroup: Cgroup | None, proc: Path) -> dict[str, tuple[str, int]]:
    """The totals of the cgroup where it has its own, else the machine's."""
    found = {}
    for resource in RESOURCES:
        own = cgroup.pressure_ns(resource) if cgroup else None
        machine = pressure_ns(proc / "pressure", resource) if own is None else None
        if own is not None:
            found[resource] = ("cgroup", own)
        elif machine is not None:
            found[resource] = ("machine", machine)
    return found


def _pressed(before: tuple[str, int] | None, after: tuple[str, int] | None) -> int | None:
    """The difference of two totals of the same source: a cgroup's minus the machine's would mean nothing."""
    if before is None or after is None or before[0] != after[0]:
        return None
    return after[1] - before[1]


def _steal_ns(cpus: Sequence[int]) -> int | None:
    times = psutil.cpu_times(percpu=True)
    mine = [times[cpu] for cpu in cpus if cpu < len(times)]
    return round(sum(one.steal for one in mine) * 1e9) if mine and hasattr(mine[0], "steal") else None


def _faults(pid: int | None, proc: Path) -> tuple[int | None, int | None]:
    """Minor and major faults of a process and its reaped children: fields 10 to 13 of ``stat`` (proc(5))."""
    if pid is None:
        return None, None
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None, None
    return int(fields[7]) + int(fields[8]), int(fields[9]) + int(fields[10])


def _run_delay_ns(pid: int | None, proc: Path) -> int | None:
    """Time that the process's threads waited for a CPU: the second field of each ``schedstat``."""
    if pid is None:
        return None
    total = None
    for path in (proc / str(pid) / "task").glob("*/schedstat"):
        try:
            total = (total or 0) + int(path.read_text().split()[1])
        except (OSError, IndexError, ValueError):
            continue
    return total


def _status_bytes(pid: int | None, name: str, proc: Path) -> int | None:
    if pid is None:
        return None
    try:
        lines = (proc / str(pid) / "status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)
