"""What ``doctor`` says of a host: is there an engine, what limits a run here, how quiet is it.

Every finding is a value with what was observed and, where it is not as it should be, what would mend it. Only what no
run can do without is fatal; the rest is told and measured around.
"""

import mmap
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import units
from harness.engines.cgroup import RESOURCES, hierarchy, pressure_ns
from harness.engines.process import to_fifo
from harness.errors import EngineUnavailable

CPUS_NEEDED: Final = 2
MEMORY_NEEDED: Final = 4 << 30
LOAD_SHARE: Final = 0.25
"""Of the CPUs' time, so much may be taken by others before a run begins."""

PID_MAX_USUAL: Final = 32768
MAPS_USUAL: Final = 65530
STABLE_CLOCKS: Final = ("tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page")
_FAULT_BYTES: Final = 32 << 20
_NOISE_NS: Final = 300_000_000
_GAP_NS: Final = 100_000
NOISE_SHARE: Final = 0.02
_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at: ``text`` says what was found, ``remedy`` what to do where it is not ok (else empty).

    ``fatal`` marks what no run can do without; ``observed`` is the bare value, None where it cannot be had.
    """

    id: str
    ok: bool
    observed: int | float | str | None
    text: str
    remedy: str = ""
    fatal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How the host is asked: the root of its file system, its daemon, commands, its scheduler, short measurements."""

    system: Path
    daemon: Callable[[], str]
    """Version of the daemon that answers; EngineUnavailable where none does."""
    run: Callable[[Sequence[str]], str]
    cpus: Callable[[], int]
    fifo: Callable[[], str | None]
    """Why the kernel refuses real-time priority; None where it grants it."""
    fault_ns: Callable[[], float]
    lost_share: Callable[[], float]


def examine(engine: str, probe: Probe | None = None) -> tuple[Finding, ...]:
    """All findings for a run with ``engine`` (``auto``, ``docker`` or ``local``); takes about a second."""
    asked = probe or real_probe()
    return (
        _engine(engine, asked),
        *_size(asked),
        *_kernel(asked),
        *_instruments(asked),
        *_quiet(asked),
        *_pyperf(asked),
    )


def real_probe() -> Probe:
    """The host that we run on."""
    return Probe(
        system=Path("/"),
        daemon=_daemon_version,
        run=_output,
        cpus=lambda: len(os.sched_getaffinity(0)),
        fifo=fifo_refused,
        fault_ns=fault_ns,
        lost_share=lost_share,
    )


def fault_ns() -> float:
    """Nanoseconds that one minor fault costs here, from touching fresh pages once."""
    with mmap.mmap(-1, _FAULT_BYTES) as fresh:
        touch = bytes(_FAULT_BYTES // mmap.PAGESIZE)
        faults, began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.monotonic_ns()
        fresh[:: mmap.PAGESIZE] = touch
        took = time.monotonic_ns() - began
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    return took / max(1, faults)


def lost_share() -> float:
    """Share of the time that a spinning thread did not get: the sum of its gaps of 100 µs and more."""
    began = last = time.monotonic_ns()
    lost = 0
    while last - began < _NOISE_NS:
        now = time.monotonic_ns()
        if now - last >= _GAP_NS:
            lost += now - last
        last = now
    return lost / (last - began)


def fifo_refused() -> str | None:
    """Why the kernel refuses real-time priority, asked for a thread that does nothing else; None where it grants it."""
    why: list[str] = []

    def ask() -> None:
        try:
            to_fifo(threading.get_native_id())
        except OSError as error:
            why.append(error.strerror or str(error))

    thread = threading.Thread(target=ask, name="fifo")
    thread.start()
    thread.join()
    return why[0] if why else None


def _daemon_version() -> str:
    from harness.engines.docker import connect  # the SDK takes a quarter of a second that other commands need not wait

    return str(connect().version().get("Version", "unknown"))


def _output(arguments: Sequence[str]) -> str:
    """What a command prints; pyperf's exits with 1 where it has something to warn of."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=_SECONDS, check=False)
    return done.stdout


def _engine(engine: str, probe: Probe) -> Finding:
    if engine == "local":
        return Finding(id="engine", ok=True, observed="local", text="plain processes, as asked")
    try:
        version = probe.daemon()
    except EngineUnavailable as error:
        return Finding(
            id="engine",
            ok=False,
            observed=None,
            text=str(error),
            remedy="`make setup` installs and starts one where it may",
            fatal=engine == "docker",
        )
    return Finding(id="engine", ok=True, observed=version, text=f"Docker {version} answers")


def _size(probe: Probe) -> Iterator[Finding]:
    cpus = probe.cpus()
    yield Finding(
        id="cpus",
        ok=cpus >= CPUS_NEEDED,
        observed=cpus,
        text=f"{units.counted(cpus, 'CPU')} for workers",
        remedy="" if cpus >= CPUS_NEEDED else f"the suites pin workers to {CPUS_NEEDED} CPUs; use a larger host",
        fatal=cpus < CPUS_NEEDED,
    )
    memory = _meminfo(probe, "MemAvailable")
    enough = memory is not None and memory >= MEMORY_NEEDED
    yield Finding(
        id="memory",
        ok=enough,
        observed=memory,
        text=f"{units.size(memory)} available" if memory is not None else "the kernel does not say how much is free",
        remedy="" if enough else f"workers may take {units.size(MEMORY_NEEDED)}: end what else runs here",
    )
    yield _swap(probe)
    version = hierarchy(probe.system / "proc").version
    yield Finding(
        id="cgroup",
        ok=version is not None,
        observed=version,
        text=f"cgroup v{version}" if version else "no cgroup file system",
        remedy="" if version else "without one there are no limits and no container accounting here",
    )


def _swap(probe: Probe) -> Finding:
    """A limit on memory and swap together still lets the kernel swap a worker out when the whole host is short."""
    total, free = _meminfo(probe, "SwapTotal"), _meminfo(probe, "SwapFree")
    used = None if total is None or free is None else total - free
    return Finding(
        id="swap",
        ok=used == 0,
        observed=used,
        text=f"{units.size(used)} swapped out" if used is not None else "the kernel does not say what is swapped out",
        remedy="" if used == 0 else "memory is or was short: end what else runs here, then swapoff -a and swapon -a",
    )


def _kernel(probe: Probe) -> Iterator[Finding]:
    clock = _text(probe, "sys/devices/system/clocksource/clocksource0/current_clocksource")
    yield Finding(
        id="clocksource",
        ok=clock in STABLE_CLOCKS,
        observed=clock,
        text=f"clock source {clock or 'unknown'}",
        remedy="" if clock in STABLE_CLOCKS else f"reading it is slow; one of {', '.join(STABLE_CLOCKS)} is not",
    )
    thp = _chosen(_text(probe, "sys/kernel/mm/transparent_hugepage/enabled"))
    yield Finding(
        id="thp",
        ok=thp != "always",
        observed=thp,
        text=f"transparent huge pages: {thp or 'unknown'}",
        remedy="" if thp != "always" else "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
    )
    governor = _text(probe, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    steady = governor in (None, "performance")
    yield Finding(
        id="governor",
        ok=steady,
        observed=governor,
        text=f"CPU frequency governor: {governor or 'not ours to see'}",
        remedy="" if steady else "cpupower frequency-set -g performance",
    )
    for name, path, usual in (
        ("pid_max", "proc/sys/kernel/pid_max", PID_MAX_USUAL),
        ("max_map_count", "proc/sys/vm/max_map_count", MAPS_USUAL),
    ):
        value = _text(probe, path)
        number = int(value) if value and value.isdigit() else None
        fine = number is not None and number >= usual
        yield Finding(
            id=name,
            ok=fine,
            observed=number,
            text=f"{name} {number}" if number is not None else f"{name} cannot be read",
            remedy="" if fine else f"sysctl -w {path.removeprefix('proc/sys/').replace('/', '.')}={usual}",
        )


def _instruments(probe: Probe) -> Iterator[Finding]:
    """What pauses and pressure are told apart with; a run does without, and its records say so."""
    refused = probe.fifo()
    yield Finding(
        id="fifo",
        ok=refused is None,
        observed=refused or "granted",
        text="real-time priority for the control of stalls" + (f" is refused: {refused}" if refused else ": granted"),
        remedy=""
        if refused is None
        else "run as root (or with CAP_SYS_NICE) outside any container, and give its cgroup "
        "cpu.rt_runtime_us where it is 0; without, no stall is put down to the platform",
    )
    kept = [name for name in RESOURCES if pressure_ns(probe.system / "proc/pressure", name) is not None]
    whole = len(kept) == len(RESOURCES)
    yield Finding(
        id="psi",
        ok=whole,
        observed=", ".join(kept) or None,
        text=f"pressure totals (PSI): {', '.join(kept) or 'none'}",
        remedy="" if whole else "boot with psi=1 (a kernel with CONFIG_PSI); without, records hold no pressure",
    )
    spare = probe.cpus() - CPUS_NEEDED
    yield Finding(
        id="spare_cpu",
        ok=spare > 0,
        observed=max(0, spare),
        text=f"{units.counted(max(0, spare), 'CPU')} beside the workers' for sampling the memory curve",
        remedy=""
        if spare > 0
        else f"a host of {CPUS_NEEDED + 1} CPUs keeps the sampler off the workers'; here it shares them in mode "
        "memory, and its curves say so",
    )


def _quiet(probe: Probe) -> Iterator[Finding]:
    load = _text(probe, "proc/loadavg")
    value = float(load.split()[0]) if load else None
    calm = value is not None and value <= LOAD_SHARE * probe.cpus()
    yield Finding(
        id="load",
        ok=calm,
        observed=value,
        text=f"load {value:.2f} over the last minute" if value is not None else "the load cannot be read",
        remedy="" if calm else "end what else runs here; disturbed invocations are flagged and run again once",
    )
    lost = probe.lost_share()
    yield Finding(
        id="noise",
        ok=lost <= NOISE_SHARE,
        observed=round(lost, 4),
        text=f"a spinning thread lost {units.share(lost)} of its time",
        remedy="" if lost <= NOISE_SHARE else "others take CPU time, on this host or below it: expect wide intervals",
    )
    cost = probe.fault_ns()
    yield Finding(id="minor_fault", ok=True, observed=round(cost), text=f"a minor fault costs {units.duration(cost)}")


def _pyperf(probe: Probe) -> Iterator[Finding]:
    """What pyperf's own check of the system warns of; it advises much that needs root and another boot."""
    try:
        lines = probe.run([sys.executable, "-m", "pyperf", "system", "show"]).splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding(
            id="pyperf", ok=False, observed=None, text=f"its system check failed: {error.__class__.__name__}",
            remedy="python -m pyperf system show",
        )  # fmt: skip
        return
    advice = _section(lines, "Advices") + _section(lines, "Warnings")
    yield Finding(
        id="pyperf",
        ok=not advice,
        observed=len(advice),
        text=f"pyperf system: {units.counted(len(advice), 'advice', 'advices')}",
        remedy="; ".join(advice),
    )


def _section(lines: Sequence[str], title: str) -> tuple[str, ...]:
    """The lines of one part of ``pyperf system show``: under its title and a rule, until the next title."""
    if title not in lines:
        return ()
    found = []
    after = lines[lines.index(title) + 2 :]
    for number, line in enumerate(after):
        next_title = number + 1 < len(after) and after[number + 1].startswith("==")
        if next_title or line.startswith("Run "):
            break
        if line.strip():
            found.append(line.strip())
    return tuple(found)


def _text(probe: Probe, path: str) -> str | None:
    try:
        return (probe.system / path).read_text().strip() or None
    except OSError:
        return None


def _chosen(text: str | None) -> str | None:
    """The word in brackets, as the kernel marks a choice."""
    return text.partition("[")[2].partition("]")[0] or None if text else None


def _meminfo(probe: Probe, name: str) -> int | None:
    for line in (_text(probe, "proc/meminfo") or "").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None
