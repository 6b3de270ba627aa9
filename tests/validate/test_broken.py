"""An instrument is broken on purpose, and the row that watches it ends with 3 and names it: one row a test.

Where the broken part is a program of ours, its source is patched; else the part itself is replaced in this process.
"""

import os
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.execute import control, curve, handshake, instruments, observe
from harness.protocol.record import Record
from harness.stats import simulate
from harness.validate import bench
from tests.validate.conftest import Validate, Validated


def broken(found: Validated, row: str, *words: str) -> None:
    """Exactly that row was run, it is outside, and what it says names the part."""
    assert found.code == 3, found.said
    assert found.checks.keys() == {row}
    assert found.checks[row]["status"] == "outside"
    for word in words:
        assert word in found.checks[row]["reason"]
    assert f"{row}: outside: " in found.said


def with_instruments(monkeypatch: pytest.MonkeyPatch, **readers: Any) -> None:
    """Put other readers in the place of the bench's own."""
    monkeypatch.setattr(bench, "Instruments", partial(bench.Instruments, **readers))


def patched_program(path: Path, folder: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} no longer holds {old!r} once"
    made = folder / path.name
    made.write_text(text.replace(old, new), encoding="utf-8")
    return made


def test_curve_when_the_sampler_drops_every_second_sample_then_its_row_fails(
    validate: Validate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = patched_program(
        curve._PROGRAM, tmp_path, "        samples.add(at, resident)\n",
        "        if number % 2:\n            samples.add(at, resident)\n",
    )  # fmt: skip
    monkeypatch.setattr(curve, "_PROGRAM", program)
    broken(validate("--fast", "--only", "curve"), "curve", "samples of the")


def test_ticker_when_it_sleeps_relative_to_its_last_wake_up_then_its_row_fails(validate: Validate) -> None:
    found = validate("--fast", "--only", "ticker", patched={"c": "relative_sleep.patch"})
    broken(found, "ticker", "C: ", "ticks")


def test_intervals_when_iterations_of_a_process_are_pooled_then_their_row_fails(
    validate: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_instruments(monkeypatch, symmetric=simulate.by_pooling)
    broken(validate("--fast", "--only", "statistics"), "statistics", "t, 7 blocks", "coverage", "false alarms")


def test_peak_when_read_from_ru_maxrss_then_the_row_of_a_large_harness_fails(
    validate: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(record: Record) -> float:
        # As a harness does that waits for its child: what the kernel keeps begins with the parent's own peak.
        child = subprocess.Popen(["true"])
        child.returncode = 0
        return os.wait4(child.pid, 0)[2].ru_maxrss * 1024

    with_instruments(monkeypatch, peak=read)
    broken(validate("--fast", "--only", "parent"), "parent", "when the harness holds 1 GiB more")


def test_stops_when_taken_from_a_bean_of_totals_then_their_row_fails(validate: Validate) -> None:
    found = validate("--fast", "--only", "stops", patched={"java": "mxbean_pauses.patch"})
    broken(found, "stops", "Java/serial")


@pytest.mark.docker
def test_footprint_when_file_cache_is_subtracted_then_its_row_fails(
    validate: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bench.footprint
    with_instruments(monkeypatch, footprint=lambda record: whole(record) - (record.observed.file_bytes or 0))
    broken(validate("--fast", "--only", "footprint"), "footprint", "64 MiB of shared memory")


class Ordinary(instruments.Instruments):
    """Control processes that nobody gives their priority, although the kernel would."""

    def __init__(self, mode: Any, cpus: tuple[int, ...], scheduler: control.Scheduler) -> None:
        del scheduler
        super().__init__(mode, cpus, lambda pid: None)


class Refused(instruments.Instruments):
    """A kernel that gives no process real-time priority."""

    def __init__(self, mode: Any, cpus: tuple[int, ...], scheduler: control.Scheduler) -> None:
        def refuse(pid: int) -> None:
            raise PermissionError(1, "Operation not permitted")

        del scheduler
        super().__init__(mode, cpus, refuse)


def test_control_when_its_priority_is_not_in_force_then_its_row_fails(
    validate: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "Instruments", Ordinary)
    broken(validate("--fast", "--only", "control"), "control", "real-time priority", "SCHED_OTHER")


def test_control_when_the_kernel_refuses_its_priority_then_unavailable_and_no_failure(
    validate: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "Instruments", Refused)
    found = validate("--fast", "--only", "control")
    assert (found.code, found.checks["control"]["status"]) == (0, "unavailable")
    assert "the kernel refuses SCHED_FIFO here" in found.checks["control"]["reason"]
    assert "nothing is attributed to the platform" in found.said


@pytest.mark.docker
def test_cpu_when_the_baseline_is_not_taken_then_its_row_fails(
    validate: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    between = observe.between
    monkeypatch.setattr(
        observe, "between", lambda before, *rest, **more: between(replace(before, cgroup_cpu_ns=0), *rest, **more)
    )
    broken(validate("--fast", "--only", "cpu"), "cpu", "CPU time of the container, 100 ms charged before its release")
