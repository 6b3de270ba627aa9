import os
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.engines.cgroup import Cgroup
from harness.execute.observe import NO_PRESSURE, Reading, Span, apart_from, between, flags, limits, read, without

SECOND = 1_000_000_000
NOTHING = Span(foreign_busy_ns=0, steal_ns=0, throttled_ns=0, major_faults=0)


@pytest.mark.parametrize(
    ("changes", "raised"),
    [
        ({}, ()),
        ({"foreign_busy_ns": 40_000_000}, ()),
        ({"foreign_busy_ns": 40_000_001}, ("foreign_load",)),
        ({"steal_ns": 10_000_000}, ()),
        ({"steal_ns": 10_000_001}, ("steal",)),
        ({"throttled_ns": 1}, ("throttled",)),
        ({"major_faults": 1}, ("major_faults",)),
        ({"foreign_busy_ns": None, "steal_ns": None, "throttled_ns": None, "major_faults": None}, ()),
        ({"foreign_busy_ns": SECOND, "major_faults": 9}, ("foreign_load", "major_faults")),
    ],
)
def test_flags_when_past_a_bound_of_two_cpus_for_a_second_then_raised(
    changes: dict[str, int | None], raised: tuple[str, ...]
) -> None:
    assert flags(replace(NOTHING, **changes), SECOND, 2) == raised  # type: ignore[arg-type]


def test_flags_when_the_run_is_short_then_foreign_load_has_a_floor() -> None:
    assert flags(replace(NOTHING, foreign_busy_ns=10_000_000), SECOND // 100, 1) == ()
    assert flags(replace(NOTHING, foreign_busy_ns=10_000_001), SECOND // 100, 1) == ("foreign_load",)


def proc(folder: Path, *, minor: int, major: int, delays: tuple[int, ...]) -> Path:
    (folder / "7").mkdir(parents=True, exist_ok=True)
    # A name with spaces and brackets must not shift the fields.
    (folder / "7/stat").write_text(f"7 (a ) b) S 1 7 7 0 -1 4194560 {minor} 1 {major} 2 0 0 0 0 20 0 1 0 0 0 0\n")
    (folder / "7/status").write_text("VmHWM:\t   100 kB\nRssAnon:\t 60 kB\nRssFile:\t 30 kB\nRssShmem:\t 10 kB\n")
    for number, delay in enumerate(delays):
        (folder / f"7/task/{number}").mkdir(parents=True, exist_ok=True)
        (folder / f"7/task/{number}/schedstat").write_text(f"5 {delay} 3\n")
    return folder


def test_between_when_the_worker_runs_then_differences_and_marks(tmp_path: Path) -> None:
    before = read(1, 7, None, (0,), proc(tmp_path, minor=10, major=0, delays=(5, 6)))
    after = read(2, 7, None, (0,), proc(tmp_path, minor=25, major=1, delays=(6, 8, 9)))
    span = between(before, after, 7, "no cgroup here", tmp_path)
    assert (span.minor_faults, span.major_faults, span.run_delay_ns) == (15, 1, 12)
    assert (span.vm_hwm_bytes, span.anon_bytes, span.file_bytes, span.shmem_bytes) == (102400, 61440, 30720, 10240)
    assert span.cgroup_cpu_ns is None
    assert span.unavailable["cgroup_cpu_ns"] == "no cgroup here"
    assert span.unavailable["foreign_busy_ns"] == "no cgroup here"


def group(folder: Path) -> Cgroup:
    folder.mkdir()
    (folder / "memory.stat").write_text("total_rss 100\ntotal_shmem 20\ntotal_cache 50\n")
    (folder / "memory.max_usage_in_bytes").write_text("170\n")
    return Cgroup({"memory": folder}, 1)


READING = Reading(
    at_ns=0, cgroup_cpu_ns=100, throttled_ns=0, machine_cpu_ns=1000, steal_ns=0, minor_faults=0, major_faults=0,
    run_delay_ns=0,
)  # fmt: skip


def test_between_when_there_is_a_cgroup_then_its_split_and_what_others_took(tmp_path: Path) -> None:
    later = replace(READING, cgroup_cpu_ns=300, machine_cpu_ns=1250)
    span = between(READING, later, 7, group(tmp_path / "cg"), proc(tmp_path, minor=1, major=0, delays=(1,)))
    assert (span.cgroup_cpu_ns, span.foreign_busy_ns) == (200, 50)
    assert (span.anon_bytes, span.shmem_bytes, span.file_bytes, span.cgroup_peak_bytes) == (100, 20, 30, 170)


def test_between_when_charges_lag_then_foreign_load_is_not_negative(tmp_path: Path) -> None:
    later = replace(READING, cgroup_cpu_ns=300, machine_cpu_ns=1150)
    assert between(READING, later, 7, "none", tmp_path).foreign_busy_ns == 0


def test_between_when_the_worker_is_gone_then_unknown_and_not_zero(tmp_path: Path) -> None:
    gone = replace(READING, minor_faults=None, run_delay_ns=None)
    span = between(READING, gone, 7, group(tmp_path / "cg"), tmp_path)
    assert (span.vm_hwm_bytes, span.anon_bytes, span.minor_faults, span.run_delay_ns) == (None, None, None, None)
    assert {"vm_hwm_bytes", "anon_bytes", "minor_faults", "run_delay_ns"} <= set(span.unavailable)


def test_read_when_this_process_touches_pages_then_its_faults_are_counted() -> None:
    before = read(0, os.getpid(), None, (0,))
    touched = bytearray(64 << 20)
    after = read(1, os.getpid(), None, (0,))
    assert before.minor_faults is not None
    assert after.minor_faults is not None
    assert after.minor_faults - before.minor_faults > 0
    assert len(touched) == 64 << 20
    span = between(before, after, os.getpid(), "not asked")
    assert span.vm_hwm_bytes is not None
    assert span.vm_hwm_bytes >= 64 << 20


def test_read_when_no_such_process_then_none() -> None:
    found = read(0, None, None, (0,))
    assert (found.minor_faults, found.major_faults, found.run_delay_ns) == (None, None, None)


def test_read_when_a_cpu_is_stolen_from_then_nanoseconds_of_the_cpus_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Times:
        def __init__(self, steal: float) -> None:
            self.steal = steal

    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: [Times(1.5), Times(2.0), Times(4.0)])
    assert read(0, None, None, (0, 2)).steal_ns == 5_500_000_000


def test_without_when_taken_back_then_the_reason_stands() -> None:
    span = without(replace(NOTHING, cgroup_peak_bytes=5), "cgroup_peak_bytes", "not reset")
    assert (span.cgroup_peak_bytes, span.unavailable) == (None, {"cgroup_peak_bytes": "not reset"})


def test_limits_when_there_is_no_cgroup_then_affinity_and_none() -> None:
    found = limits(os.getpid(), "none")
    assert found["memory"] is None
    assert found["cpuset"]
    assert limits(None, "none")["cpuset"] is None


def test_apart_from_when_our_instruments_took_time_then_it_is_no_foreign_load() -> None:
    assert apart_from(replace(NOTHING, foreign_busy_ns=50), 20).foreign_busy_ns == 30
    assert apart_from(replace(NOTHING, foreign_busy_ns=50), 70).foreign_busy_ns == 0
    assert apart_from(replace(NOTHING, foreign_busy_ns=None), 70).foreign_busy_ns is None


def pressure(folder: Path, end: str = "", **microseconds: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for resource, total in microseconds.items():
        (folder / f"{resource}{end}").write_text(
            f"some avg10=0.01 avg60=0.28 avg300=0.69 total={total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
        )
    return folder.parent


def test_between_when_the_cgroup_has_pressure_totals_then_its_own_differences(tmp_path: Path) -> None:
    machine = pressure(tmp_path / "proc/pressure", cpu=5, memory=5, io=5)
    own = Cgroup({"": tmp_path / "cg"}, 2)
    pressure(tmp_path / "cg", ".pressure", cpu=100, memory=20, io=0)
    before = read(1, 7, own, (0,), machine)
    pressure(tmp_path / "cg", ".pressure", cpu=350, memory=27, io=0)
    span = between(before, read(2, 7, own, (0,), machine), 7, own, machine)
    assert (span.psi_cpu_ns, span.psi_memory_ns, span.psi_io_ns) == (250_000, 7_000, 0)
    assert not {"psi_cpu_ns", "psi_memory_ns", "psi_io_ns"} & set(span.unavailable)


@pytest.mark.parametrize("version", [1, None])
def test_between_when_the_cgroup_has_no_pressure_totals_then_the_machines(tmp_path: Path, version: int | None) -> None:
    machine = pressure(tmp_path / "proc/pressure", cpu=5, memory=5, io=5)
    own = Cgroup({"memory": tmp_path / "cg"}, 1) if version else None
    before = read(1, 7, own, (0,), machine)
    pressure(tmp_path / "proc/pressure", cpu=6, memory=7, io=9)
    span = between(before, read(2, 7, own, (0,), machine), 7, own or "no cgroup", machine)
    assert (span.psi_cpu_ns, span.psi_memory_ns, span.psi_io_ns) == (1_000, 2_000, 4_000)


def test_between_when_the_cgroup_is_gone_then_its_total_is_not_taken_from_the_machines(tmp_path: Path) -> None:
    machine = pressure(tmp_path / "proc/pressure", cpu=900, memory=900, io=900)
    own = Cgroup({"": tmp_path / "cg"}, 2)
    pressure(tmp_path / "cg", ".pressure", cpu=1, memory=1, io=1)
    before = read(1, 7, own, (0,), machine)
    for file in (tmp_path / "cg").iterdir():
        file.unlink()
    span = between(before, read(2, 7, own, (0,), machine), 7, own, machine)
    assert (span.psi_cpu_ns, span.psi_memory_ns, span.psi_io_ns) == (None, None, None)
    assert span.unavailable["psi_io_ns"] == "the worker's cgroup had gone"


def test_between_when_the_kernel_keeps_no_pressure_totals_then_the_reason(tmp_path: Path) -> None:
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure/cpu").write_text("something else\n")
    before = read(1, 7, None, (0,), tmp_path)
    span = between(before, read(2, 7, None, (0,), tmp_path), 7, "no cgroup", tmp_path)
    assert span.psi_cpu_ns is None
    assert [span.unavailable[f"psi_{name}_ns"] for name in ("cpu", "memory", "io")] == [NO_PRESSURE] * 3
