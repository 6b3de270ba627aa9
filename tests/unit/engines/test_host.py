import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines.host import Finding, Probe, examine, fault_ns, fifo_refused, lost_share, real_probe
from harness.errors import EngineUnavailable

SHOWN = """Show the system configuration

System state
============

ASLR: Full randomization

Advices
=======

Linux scheduler: Use isolcpus

Warnings
========

Turbo Boost: cannot be read
Turbo Boost: try again

Run "python -m pyperf system tune" to tune
"""


PRESSURE = "some avg10=0.00 avg60=0.00 avg300=0.00 total=12\n"


def meminfo(*, available: int = 8_000_000, swap_total: int = 2000, swap_free: int = 2000) -> str:
    return f"MemTotal: 9000000 kB\nMemAvailable: {available} kB\nSwapTotal: {swap_total} kB\nSwapFree: {swap_free} kB\n"


def probe(folder: Path, **files: str) -> Probe:
    contents = {
        "proc/meminfo": meminfo(),
        "proc/self/mountinfo": "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "proc/loadavg": "0.10 0.20 0.30 1/100 4711\n",
        "proc/pressure/cpu": PRESSURE,
        "proc/pressure/memory": PRESSURE,
        "proc/pressure/io": PRESSURE,
        "proc/sys/kernel/pid_max": "32768\n",
        "proc/sys/vm/max_map_count": "65530\n",
        "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
        "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    }
    for name, text in (contents | files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Probe(
        system=folder,
        daemon=lambda: "1.2",
        run=lambda arguments: "nothing to say",
        cpus=lambda: 3,
        fifo=lambda: None,
        fault_ns=lambda: 1800.0,
        lost_share=lambda: 0.001,
    )


def by_id(findings: Sequence[Finding]) -> dict[str, Finding]:
    assert len({finding.id for finding in findings}) == len(findings)
    return {finding.id: finding for finding in findings}


def test_examine_when_all_is_well_then_nothing_to_mend(tmp_path: Path) -> None:
    findings = examine("docker", probe(tmp_path))
    assert [finding.id for finding in findings if not finding.ok] == []
    assert all(not finding.remedy and not finding.fatal for finding in findings)
    found = by_id(findings)
    assert found["memory"].observed == 8_000_000 * 1024
    assert found["cgroup"].observed == 2
    assert found["thp"].observed == "madvise"
    assert found["minor_fault"].observed == 1800


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"proc/meminfo": meminfo(available=1000)}, "memory"),
        ({"proc/meminfo": "SwapTotal: 0 kB\nSwapFree: 0 kB\n"}, "memory"),
        ({"proc/meminfo": meminfo(swap_free=500)}, "swap"),
        ({"proc/meminfo": "MemAvailable: 8000000 kB\n"}, "swap"),
        ({"proc/self/mountinfo": "\n"}, "cgroup"),
        ({"proc/loadavg": "1.50 0.20 0.30 1/100 4711\n"}, "load"),
        ({"proc/loadavg": "\n"}, "load"),
        ({"proc/pressure/io": "\n"}, "psi"),
        ({"proc/sys/kernel/pid_max": "4096\n"}, "pid_max"),
        ({"proc/sys/vm/max_map_count": "\n"}, "max_map_count"),
        ({"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n"}, "clocksource"),
        ({"sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n"}, "thp"),
        ({"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n"}, "governor"),
    ],
)
def test_examine_when_one_thing_is_off_then_it_alone_has_a_remedy_and_is_not_fatal(
    tmp_path: Path, files: dict[str, str], name: str
) -> None:
    findings = examine("docker", probe(tmp_path, **files))
    (off,) = (finding for finding in findings if not finding.ok)
    assert off.id == name
    assert off.remedy
    assert not off.fatal


@pytest.mark.parametrize(("engine", "fatal"), [("docker", True), ("auto", False)])
def test_examine_when_no_daemon_answers_then_fatal_only_where_it_was_asked_for(
    tmp_path: Path, engine: str, fatal: bool
) -> None:
    def away() -> str:
        raise EngineUnavailable("no Docker daemon answers")

    found = by_id(examine(engine, replace(probe(tmp_path), daemon=away)))["engine"]
    assert (found.ok, found.fatal, found.text) == (False, fatal, "no Docker daemon answers")
    assert "make setup" in found.remedy


def test_examine_when_local_then_no_daemon_is_asked(tmp_path: Path) -> None:
    def asked() -> str:
        pytest.fail("the daemon was asked")

    assert by_id(examine("local", replace(probe(tmp_path), daemon=asked)))["engine"].ok


def test_examine_when_there_is_one_cpu_then_fatal(tmp_path: Path) -> None:
    found = by_id(examine("local", replace(probe(tmp_path), cpus=lambda: 1)))["cpus"]
    assert (found.ok, found.fatal, found.observed) == (False, True, 1)


def test_examine_when_the_kernel_refuses_real_time_then_why_and_a_remedy_but_not_fatal(tmp_path: Path) -> None:
    findings = examine("local", replace(probe(tmp_path), fifo=lambda: "Operation not permitted"))
    (off,) = (finding for finding in findings if not finding.ok)
    assert (off.id, off.observed, off.fatal) == ("fifo", "Operation not permitted", False)
    assert "Operation not permitted" in off.text
    assert "CAP_SYS_NICE" in off.remedy


def test_examine_when_the_workers_take_every_cpu_then_none_is_spare_and_not_fatal(tmp_path: Path) -> None:
    findings = examine("local", replace(probe(tmp_path), cpus=lambda: 2))
    (off,) = (finding for finding in findings if not finding.ok)
    assert (off.id, off.observed, off.fatal) == ("spare_cpu", 0, False)
    assert "3 CPUs" in off.remedy


def test_examine_when_the_kernel_keeps_no_pressure_then_unknown_and_a_remedy(tmp_path: Path) -> None:
    asked = probe(tmp_path)
    for name in ("cpu", "memory", "io"):
        (tmp_path / "proc/pressure" / name).unlink()
    found = by_id(examine("local", asked))["psi"]
    assert (found.ok, found.observed) == (False, None)
    assert "psi=1" in found.remedy


def test_fifo_refused_when_asked_then_this_thread_keeps_its_priority_and_a_refusal_has_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, asked = os.sched_getscheduler(0), []

    def refuses(thread: int) -> None:
        asked.append(thread)
        raise PermissionError(1, "Operation not permitted")

    assert fifo_refused() in (None, "Operation not permitted")
    assert os.sched_getscheduler(0) == before
    monkeypatch.setattr("harness.engines.host.to_fifo", refuses)
    assert fifo_refused() == "Operation not permitted"
    assert asked[0] not in (0, threading.get_native_id()), "a thread of its own is asked for"


def test_examine_when_others_take_time_then_told(tmp_path: Path) -> None:
    found = by_id(examine("local", replace(probe(tmp_path), lost_share=lambda: 0.5)))["noise"]
    assert not found.ok


def test_examine_when_pyperf_warns_then_its_words_are_the_remedy(tmp_path: Path) -> None:
    found = by_id(examine("local", replace(probe(tmp_path), run=lambda arguments: SHOWN)))["pyperf"]
    assert found.observed == 3
    assert found.remedy == "Linux scheduler: Use isolcpus; Turbo Boost: cannot be read; Turbo Boost: try again"


def test_examine_when_pyperf_does_not_run_then_the_finding_says_so(tmp_path: Path) -> None:
    def fails(arguments: Sequence[str]) -> str:
        raise subprocess.TimeoutExpired(list(arguments), 30)

    found = by_id(examine("local", replace(probe(tmp_path), run=fails)))["pyperf"]
    assert (found.ok, found.observed) == (False, None)
    assert "TimeoutExpired" in found.text


def test_probe_when_real_then_a_fault_costs_time_and_pyperf_answers() -> None:
    assert 50 < fault_ns() < 1_000_000
    assert 0 <= lost_share() <= 1
    assert "System state" in real_probe().run([sys.executable, "-m", "pyperf", "system", "show"])
