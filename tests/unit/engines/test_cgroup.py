import os
from pathlib import Path

import pytest

from harness.engines.cgroup import (
    Cgroup,
    Hierarchy,
    MemorySplit,
    hierarchy,
    make_child,
    members,
    paths_of,
    remove_child,
    root_cpu_ns,
)
from harness.errors import EngineError

V1 = ("memory", "cpuacct", "cpu", "cpuset", "pids")


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def version_1(tmp_path: Path) -> Path:
    """A proc folder and five hierarchies, with process 7 in /docker/x of each."""
    proc, base = tmp_path / "proc", tmp_path / "cg"
    lines = [f"3{i} 25 0:2{i} / {base}/{name} rw - cgroup cgroup rw,{name}" for i, name in enumerate(V1)]
    lines.append(f"40 25 0:40 / {base}/systemd rw - cgroup cgroup rw,name=systemd")
    write(proc / "self", mountinfo="\n".join([*lines, "short line"]), cgroup="4:memory:/me\n2:cpuacct:/me\n3:pids:/me")
    write(proc / "7", cgroup="\n".join(f"{i}:{name}:/docker/x" for i, name in enumerate(V1)) + "\n0::/\n")
    write(
        base / "memory/docker/x",
        memory__limit_in_bytes="67108864\n",
        memory__memsw__limit_in_bytes="67108864\n",
        memory__max_usage_in_bytes="5000\n",
        memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        memory__stat="cache 30\nrss 1\ntotal_cache 300\ntotal_rss 100\ntotal_shmem 50\n",
        cgroup__procs="7\n8\n",
    )
    write(base / "cpuacct/docker/x", cpuacct__usage="123456\n")
    write(base / "cpuacct", cpuacct__usage="900\n", cpuacct__usage_percpu="100 200 600 \n")
    write(base / "cpu/docker/x", cpu__stat="nr_periods 1\nnr_throttled 1\nthrottled_time 77\n")
    write(base / "cpuset/docker/x", cpuset__effective_cpus="0-1\n")
    write(base / "pids/docker/x", pids__max="512\n")
    return proc


def version_2(tmp_path: Path) -> Path:
    proc, base = tmp_path / "proc", tmp_path / "cg"
    write(proc / "self", mountinfo=f"30 25 0:26 / {base} rw - cgroup2 cgroup2 rw\n", cgroup="0::/me\n")
    write(proc / "7", cgroup="0::/docker/x\n")
    write(
        base / "docker/x",
        memory__max="67108864\n",
        memory__swap__max="0\n",
        memory__peak="5000\n",
        memory__events="oom 3\noom_kill 2\n",
        memory__stat="anon 100\nfile 300\nshmem 50\n",
        cpu__stat="usage_usec 123\nthrottled_usec 7\n",
        cpuset__cpus__effective="0-1\n",
        pids__max="512\n",
    )
    write(base, cpu__stat="usage_usec 900\n")
    return proc


@pytest.mark.parametrize(("make", "version"), [(version_1, 1), (version_2, 2)])
def test_cgroup_when_read_then_both_versions_say_the_same(tmp_path: Path, make: object, version: int) -> None:
    assert callable(make)
    found = Cgroup.of(7, proc=make(tmp_path))
    assert found.version == version
    assert found.cpu_ns() == (123456 if version == 1 else 123_000)
    assert found.throttled_ns() == (77 if version == 1 else 7000)
    assert found.peak_bytes() == 5000
    assert found.oom_kills() == 2
    assert found.memory_split() == MemorySplit(anon=100, shmem=50, file=250)
    assert found.limits() == {"cpuset": "0-1", "memory": 67108864, "memory_and_swap": 67108864, "pids": 512}
    found.close()
    found.close()


@pytest.mark.parametrize("make", [version_1, version_2])
def test_cgroup_when_files_are_missing_then_none_and_never_zero(tmp_path: Path, make: object) -> None:
    assert callable(make)
    found = Cgroup.of(7, proc=make(tmp_path))
    for folder in (tmp_path / "cg").rglob("docker/x"):
        for path in folder.iterdir():
            path.unlink()
    assert found.cpu_ns() is None
    assert found.throttled_ns() is None
    assert found.peak_bytes() is None
    assert found.oom_kills() is None
    assert found.memory_split() is None
    assert set(found.limits().values()) == {None}
    assert "does not reset" in (found.reset_peak() or "")


@pytest.mark.parametrize(
    ("make", "name", "text"),
    [(version_1, "memory.limit_in_bytes", "9223372036854771712"), (version_2, "memory.max", "max")],
)
def test_limits_when_there_is_no_limit_then_none(tmp_path: Path, make: object, name: str, text: str) -> None:
    assert callable(make)
    found = Cgroup.of(7, proc=make(tmp_path))
    next((tmp_path / "cg").rglob(f"docker/x/{name}")).write_text(text)
    assert found.limits()["memory"] is None


def test_reset_peak_when_version_1_then_zero_is_written(tmp_path: Path) -> None:
    found = Cgroup.of(7, proc=version_1(tmp_path))
    assert found.reset_peak() is None
    assert found.peak_bytes() == 0


def test_reset_peak_when_version_2_then_the_same_open_file_is_read(tmp_path: Path) -> None:
    found = Cgroup.of(7, proc=version_2(tmp_path))
    assert found.reset_peak() is None
    path = tmp_path / "cg/docker/x/memory.peak"
    path.write_text("6000\n")
    other = path.with_name("other")
    other.write_text("7000\n")
    os.replace(other, path)  # noqa: PTH105  the reader must not open the path again
    assert found.peak_bytes() == 6000
    found.close()
    assert found.peak_bytes() == 7000


def test_of_when_process_is_gone_or_unaccounted_then_engine_error_says_why(tmp_path: Path) -> None:
    proc = version_1(tmp_path)
    with pytest.raises(EngineError, match="process 8 cannot be seen"):
        Cgroup.of(8, proc=proc)
    write(proc / "9", cgroup="4:memory:/\n")
    with pytest.raises(EngineError, match="no memory cgroup of its own"):
        Cgroup.of(9, proc=proc)
    write(proc / "self", mountinfo="")
    with pytest.raises(EngineError, match="no cgroup file system"):
        Cgroup.of(7, proc=proc)
    assert hierarchy(tmp_path / "nowhere").version is None


def test_paths_of_when_the_mount_shows_a_part_then_the_rest_of_the_path_is_below_it(tmp_path: Path) -> None:
    mounts = Hierarchy(mounts={"": (tmp_path, "/docker")})
    write(tmp_path / "proc" / "7", cgroup="0::/docker/x\n")
    assert paths_of(7, mounts, tmp_path / "proc") == {"": tmp_path / "x"}


def test_root_cpu_when_version_1_then_only_the_cpus_asked_for(tmp_path: Path) -> None:
    mounts = hierarchy(version_1(tmp_path))
    assert root_cpu_ns((0, 2), mounts) == 700
    assert root_cpu_ns((0, 9), mounts) == 900
    assert root_cpu_ns((0,), Hierarchy(mounts={"memory": (tmp_path, "/")})) is None


def test_root_cpu_when_version_2_then_the_whole_machine(tmp_path: Path) -> None:
    assert root_cpu_ns((0,), hierarchy(version_2(tmp_path))) == 900_000
    assert root_cpu_ns((0,), Hierarchy(mounts={})) is None


def kernel(*files: str, refuse: str = "") -> object:
    """A mkdir that fills a new cgroup as the kernel does, or refuses below one parent."""

    def mkdir(path: Path) -> None:
        if refuse and refuse in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        path.mkdir(parents=True)
        for name in files:
            (path / name).write_text("")

    return mkdir


V1_FILES = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "pids.max")


def test_make_child_when_version_1_then_limits_are_written_below_our_own(tmp_path: Path) -> None:
    proc = version_1(tmp_path)
    mkdir = kernel(*V1_FILES)
    assert callable(mkdir)
    made = make_child("kid", {"memory": 4096, "pids": 9}, hierarchy(proc), proc=proc, mkdir=mkdir)
    assert isinstance(made, dict)
    assert made == {name: tmp_path / "cg" / name / "me/kid" for name in ("memory", "cpuacct", "pids")}
    assert (made["memory"] / "memory.limit_in_bytes").read_text() == "4096"
    assert (made["memory"] / "memory.memsw.limit_in_bytes").read_text() == "4096"
    assert (made["pids"] / "pids.max").read_text() == "9"


def test_make_child_when_our_own_takes_none_then_the_root_does(tmp_path: Path) -> None:
    proc = version_1(tmp_path)
    mkdir = kernel(*V1_FILES, refuse="/me/")
    assert callable(mkdir)
    made = make_child("kid", {"memory": None}, hierarchy(proc), proc=proc, mkdir=mkdir)
    assert isinstance(made, dict)
    assert made["memory"] == tmp_path / "cg/memory/kid"
    assert (made["memory"] / "memory.limit_in_bytes").read_text() == ""


def test_make_child_when_version_2_then_controllers_are_passed_on_and_swap_is_off(tmp_path: Path) -> None:
    proc = version_2(tmp_path)
    mkdir = kernel("memory.max", "memory.swap.max", "pids.max")
    assert callable(mkdir)
    (tmp_path / "cg/me").mkdir()
    made = make_child("kid", {"memory": 4096, "pids": 9}, hierarchy(proc), proc=proc, mkdir=mkdir)
    assert made == {"": tmp_path / "cg/me/kid"}
    assert (tmp_path / "cg/me/cgroup.subtree_control").read_text() == "+memory +cpu +pids"
    assert [(tmp_path / "cg/me/kid" / name).read_text() for name in ("memory.max", "memory.swap.max")] == ["4096", "0"]


def test_make_child_when_no_parent_passes_memory_on_then_the_reason_and_nothing_left(tmp_path: Path) -> None:
    proc = version_2(tmp_path)
    mkdir = kernel()
    assert callable(mkdir)
    made = make_child("kid", {"memory": 4096}, hierarchy(proc), proc=proc, mkdir=mkdir)
    assert isinstance(made, str)
    assert "passes no memory controller on" in made
    assert list((tmp_path / "cg").rglob("kid")) == []


def test_make_child_when_refused_everywhere_then_the_reason_and_nothing_left(tmp_path: Path) -> None:
    proc = version_1(tmp_path)
    mkdir = kernel(*V1_FILES, refuse="/cpuacct/")
    assert callable(mkdir)
    made = make_child("kid", {}, hierarchy(proc), proc=proc, mkdir=mkdir)
    assert isinstance(made, str)
    assert "Permission denied" in made
    assert "no cgroup file system" in str(make_child("kid", {}, Hierarchy(mounts={}), proc=proc, mkdir=mkdir))


def test_members_and_remove_when_inhabited_or_empty_then_told(tmp_path: Path) -> None:
    version_1(tmp_path)
    folder = tmp_path / "cg/memory/docker/x"
    assert members({"memory": folder, "pids": tmp_path / "none"}) == (7, 8)
    assert "not empty" in (remove_child({"memory": folder}) or "")
    (tmp_path / "empty").mkdir()
    assert remove_child({"memory": tmp_path / "empty", "pids": tmp_path / "none"}) is None
