import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.store.provenance import collect, counters, machine, sources
from tests.fakes.project import ROOT

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def answers(arguments: Sequence[str]) -> str:
    if "rev-parse" in arguments:
        return "0123abcd\n"
    if "status" in arguments:
        return " M langs/PROTOCOL.md\n"
    return "Metadata:\n- hostname: secret\n- aslr: Full randomization\n"


def system(folder: Path, *, machine_id: str = "one") -> Path:
    for name, text in {
        "etc/machine-id": machine_id,
        "etc/os-release": 'PRETTY_NAME="Some Linux"\n',
        "proc/cpuinfo": "processor: 0\nmodel name : Fast One\nflags : fpu hypervisor\n",
        "proc/meminfo": "MemTotal:       1024 kB\n",
        "proc/sys/kernel/pid_max": "32768\n",
        "sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n",
        **{
            f"sys/devices/system/cpu/cpu{cpu}/topology/{name}": f"{number}\n"
            for cpu in os.sched_getaffinity(0)
            for name, number in (("physical_package_id", 0), ("core_id", cpu // 2))
        },
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_collect_when_host_answers_then_code_machine_and_system_are_told(tmp_path: Path) -> None:
    found = collect(root=tmp_path, engine="docker", engine_version="1", now=NOW, run=answers, system=system(tmp_path))
    assert (found["commit"], found["dirty"], found["changed"]) == ("0123abcd", True, ["langs/PROTOCOL.md"])
    assert found["date"] == "2026-01-02T03:04:05+00:00"
    assert found["pyperf"] == {"aslr": "Full randomization"}
    assert str(found["host"]).startswith("Fast One")
    assert "virtual" in str(found["host"])
    assert isinstance(found["system"], dict)
    assert found["system"]["memory_bytes"] == 1 << 20
    assert found["system"]["topology"] == [
        {"cpu": cpu, "package": 0, "core": cpu // 2} for cpu in sorted(os.sched_getaffinity(0))
    ]
    assert found["system"]["cgroup"] == 2
    assert "cgroup v2" in str(found["host"])
    assert isinstance(found["unavailable"], dict)
    assert "system.governor" in found["unavailable"]
    assert "secret" not in json.dumps(found)


def test_counters_when_read_then_those_that_are_counted_are_there_and_others_left_out(tmp_path: Path) -> None:
    (tmp_path / "proc/pressure").mkdir(parents=True)
    (tmp_path / "proc/stat").write_text("cpu  1 2 3\ncpu0 1 2 3\nctxt 99\nbtime 5\n")
    (tmp_path / "proc/pressure/memory").write_text("some avg10=0.00 total=7\nfull avg10=0.00 total=5\n")
    assert counters(tmp_path) == {
        "proc/stat cpu": "1 2 3",
        "proc/stat ctxt": "99",
        "proc/pressure/memory some": "avg10=0.00 total=7",
        "proc/pressure/memory full": "avg10=0.00 total=5",
    }
    assert counters(tmp_path / "nothing") == {}


def test_counters_when_read_twice_for_real_then_the_host_went_on(tmp_path: Path) -> None:
    before = counters()
    subprocess.run(["true"], check=True)
    after = counters()
    assert int(after["proc/stat processes"]) > int(before["proc/stat processes"])


def test_sources_when_a_language_is_built_then_script_and_dockerfiles_are_told(tmp_path: Path) -> None:
    (tmp_path / "build").write_text("cc -O2\n")
    (tmp_path / "Dockerfile.worker").write_text("FROM base\n")
    found = sources(tmp_path)
    assert found["build"] == "cc -O2"
    assert found["dockerfiles"] == {"Dockerfile.worker": hashlib.sha256(b"FROM base\n").hexdigest()}
    for folder in sorted((ROOT / "langs").glob("*/")):
        real = sources(folder)
        assert str(real["build"]).startswith("#!/usr/bin/env bash")
        assert isinstance(real["dockerfiles"], dict)
        assert {"Dockerfile.toolchain", "Dockerfile.worker"} <= set(real["dockerfiles"])


@pytest.mark.parametrize(
    "error", [FileNotFoundError("no such command"), subprocess.TimeoutExpired("git", 30)], ids=["missing", "slow"]
)
def test_collect_when_commands_fail_then_the_reasons_stand_in_for_the_values(tmp_path: Path, error: Exception) -> None:
    def fails(arguments: Sequence[str]) -> str:
        raise error

    found = collect(root=tmp_path, engine="local", engine_version="", now=NOW, run=fails, system=tmp_path)
    assert "commit" not in found
    assert isinstance(found["unavailable"], dict)
    missing = {"commit", "pyperf", "system.cpu_model", "system.topology", "system.cgroup"}
    assert missing <= set(found["unavailable"])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("PRETTY_NAME=Plain\n", "Plain"),
        ("NAME=Other\nPRETTY_NAME='One of 2'\n", "One of 2"),
        ('PRETTY_NAME="cut off\n', None),
        ("PRETTY_NAME=\n", None),
        ("NAME=Other\n", None),
    ],
)
def test_collect_when_the_distribution_is_written_like_shell_then_read_so_or_missing(
    tmp_path: Path, text: str, name: str | None
) -> None:
    (system(tmp_path) / "etc/os-release").write_text(text)
    found = collect(root=tmp_path, engine="local", engine_version="", now=NOW, run=answers, system=tmp_path)
    assert isinstance(found["system"], dict)
    assert isinstance(found["unavailable"], dict)
    assert found["system"].get("distribution") == name
    assert ("system.distribution" in found["unavailable"]) == (name is None)


def test_collect_when_memory_is_a_version_1_controller_then_version_1(tmp_path: Path) -> None:
    (system(tmp_path) / "sys/fs/cgroup/memory").mkdir()
    found = collect(root=tmp_path, engine="local", engine_version="", now=NOW, run=answers, system=tmp_path)
    assert isinstance(found["system"], dict)
    assert found["system"]["cgroup"] == 1


def test_collect_when_run_for_real_then_this_repository_and_pyperf_answer() -> None:
    found = collect(root=Path(__file__).parents[3], engine="local", engine_version="")
    assert len(str(found["commit"])) == 40
    assert isinstance(found["pyperf"], dict)
    assert "hostname" not in found["pyperf"]
    assert found["pyperf"]["cpu_count"]


def test_machine_when_asked_twice_then_the_same_and_another_id_differs(tmp_path: Path) -> None:
    one = machine(system(tmp_path / "a"))
    assert one == machine(system(tmp_path / "b"))
    assert one != machine(system(tmp_path / "c", machine_id="two"))
