"""What set-up installs, and where: said first, done once, refused with a reason where we may not."""

import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from harness.catalog.model import Language, Toolchain
from harness.engines import provision
from harness.engines.base_image import BASE_IMAGE
from harness.engines.daemon import NoDaemon
from harness.engines.effects import Finished
from harness.engines.provision import LocalToolchain, ensure_base, ensure_daemon, install, installed, local_toolchain
from harness.errors import EngineError
from tests.fakes.machine import Machine, Process, finished

ROOT_USER, SOMEBODY = 0, 1000


def debian(folder: Path, **changes: Any) -> Machine:
    """A Debian with nothing of ours on it."""
    machine = Machine(root=folder, **changes)
    machine.write("/etc/debian_version", "12.1\n")
    return machine


class Packages:
    """dpkg and apt of a machine: installs what ``offered`` names, once its lists are there."""

    def __init__(self, *offered: str, lists: bool = True) -> None:
        self.offered = set(offered)
        self.lists = lists
        self.there: set[str] = set()

    def __call__(self, argv: Sequence[str]) -> Finished:
        if argv[0] == "dpkg-query":
            wanted = argv[4:]
            missing = [package for package in wanted if package not in self.there]
            return finished(1 if missing else 0, "installed\n" * (len(wanted) - len(missing)))
        if argv[:2] == ["apt-get", "update"]:
            self.lists = True
            return finished()
        if argv[:2] == ["apt-get", "install"]:
            wanted = [word for word in argv[2:] if not word.startswith("-")]
            if not self.lists or not set(wanted) <= self.offered:
                return finished(100, f"E: Unable to locate package\n{wanted[0]}")
            self.there |= set(wanted)
            return finished()
        return finished(127, "no such program")


def ran(machine: Machine, *start: str) -> list[list[str]]:
    return [argv for argv in machine.ran if argv[: len(start)] == list(start)]


def test_install_when_packages_are_there_then_nothing_is_done(tmp_path: Path) -> None:
    packages = Packages("one", "two")
    packages.there = {"one", "two"}
    machine = debian(tmp_path, answer=packages)
    assert install(machine.effects(), ("one", "two")) is None
    assert ran(machine, "apt-get") == []


def test_install_when_one_of_two_is_missing_then_both_are_asked_for(tmp_path: Path) -> None:
    packages = Packages("one", "two")
    packages.there = {"one"}
    machine = debian(tmp_path, answer=packages)
    assert install(machine.effects(), ("one", "two")) is None
    assert installed(machine.effects(), ("one", "two"))
    assert ran(machine, "apt-get", "update") == []


def test_install_when_there_are_no_package_lists_then_they_are_fetched_first(tmp_path: Path) -> None:
    machine = debian(tmp_path, answer=Packages("one", lists=False))
    assert install(machine.effects(), ("one",)) is None
    assert [argv[1] for argv in ran(machine, "apt-get")] == ["install", "update", "install"]


def test_install_when_a_package_does_not_exist_then_one_line_says_which(tmp_path: Path) -> None:
    failed = install(debian(tmp_path, answer=Packages()).effects(), ("one",))
    assert failed == "apt-get install one failed: E: Unable to locate package one"


def test_install_when_it_runs_then_it_asks_nothing_and_finds_the_tools_of_administration(tmp_path: Path) -> None:
    machine = debian(tmp_path, answer=Packages("one"))
    assert install(machine.effects(), ("one",)) is None
    (environment,) = [
        given for argv, (given, _) in zip(machine.ran, machine.given, strict=True) if argv[0] == "apt-get"
    ]
    assert environment["DEBIAN_FRONTEND"] == "noninteractive"
    assert "/usr/sbin" in environment["PATH"].split(":")


def test_ensure_daemon_when_one_answers_then_nothing_is_said_or_done(tmp_path: Path) -> None:
    machine = debian(tmp_path)
    assert ensure_daemon(machine.effects(), lambda: True, uid=SOMEBODY) is None
    assert (machine.said, machine.ran, machine.started) == ([], [], [])


def test_ensure_daemon_when_not_root_then_says_so_and_touches_nothing(tmp_path: Path) -> None:
    machine = debian(tmp_path)
    missing = ensure_daemon(machine.effects(), lambda: False, uid=SOMEBODY)
    assert isinstance(missing, NoDaemon)
    assert "not root" in missing.reason
    assert (machine.ran, machine.started) == ([], [])


def test_ensure_daemon_when_no_debian_then_says_so_and_touches_nothing(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path)
    missing = ensure_daemon(machine.effects(), lambda: False, uid=ROOT_USER)
    assert isinstance(missing, NoDaemon)
    assert "no Debian family" in missing.reason
    assert (machine.ran, machine.started) == ([], [])


def test_ensure_daemon_when_a_client_but_no_daemon_is_there_then_the_daemon_is_installed_and_started(
    tmp_path: Path,
) -> None:
    machine = debian(tmp_path, answer=Packages("docker.io", "iptables"), detached=[Process()])
    machine.write("/usr/bin/docker")
    assert ensure_daemon(machine.effects(), lambda: bool(machine.started), uid=ROOT_USER) is None
    assert "docker.io" in ran(machine, "apt-get", "install")[0]
    assert "300 MB" in machine.said[0], "what it takes is said before it is done"


def test_ensure_daemon_when_it_is_installed_already_then_it_is_only_started(tmp_path: Path) -> None:
    machine = debian(tmp_path, detached=[Process()])
    machine.write("/usr/sbin/dockerd")
    assert ensure_daemon(machine.effects(), lambda: bool(machine.started), uid=ROOT_USER) is None
    assert machine.ran == []


def test_ensure_daemon_when_it_cannot_be_installed_then_that_is_the_reason(tmp_path: Path) -> None:
    machine = debian(tmp_path, answer=Packages())
    missing = ensure_daemon(machine.effects(), lambda: False, uid=ROOT_USER)
    assert isinstance(missing, NoDaemon)
    assert "apt-get install docker.io iptables failed" in missing.reason
    assert machine.started == []


class Images:
    """A daemon's images: the base image, once it was imported or pulled."""

    def __init__(self, *, present: bool = False, registry: bool = False) -> None:
        self.present = present
        self.registry = registry

    def images(self, name: str | None = None, **_: Any) -> list[dict[str, Any]]:
        assert name == BASE_IMAGE
        return [{"Id": "base"}] if self.present else []

    def pull(self, repository: str, tag: str, **_: Any) -> list[dict[str, Any]]:
        assert f"{repository}:{tag}" == BASE_IMAGE
        self.present = self.registry
        return [{"status": "done"} if self.registry else {"error": "no such host"}]

    def import_image(self, src: str, repository: str, tag: str, **_: Any) -> str:
        assert f"{repository}:{tag}" == BASE_IMAGE
        self.present = True
        return src


def test_ensure_base_when_it_is_there_then_nothing_is_said(tmp_path: Path) -> None:
    machine = debian(tmp_path)
    assert ensure_base(Images(present=True), machine.effects(), uid=ROOT_USER) == "present"
    assert (machine.said, machine.ran) == ([], [])


def test_ensure_base_when_a_registry_answers_then_nothing_is_installed(tmp_path: Path) -> None:
    machine = debian(tmp_path)
    assert ensure_base(Images(registry=True), machine.effects(), uid=ROOT_USER) == "pulled"
    assert machine.ran == []


def test_ensure_base_when_no_registry_answers_then_the_tool_is_installed_and_makes_it(tmp_path: Path) -> None:
    packages = Packages("mmdebstrap")

    def answer(argv: Sequence[str]) -> Finished:
        return finished(0 if "mmdebstrap" in packages.there else 127) if argv[0] == "mmdebstrap" else packages(argv)

    machine = debian(tmp_path, answer=answer)
    machine.write("/etc/apt/sources.list", "deb http://archive.invalid/debian bookworm main\n")
    assert ensure_base(Images(), machine.effects(), uid=ROOT_USER) == "made"
    assert "no such host" in machine.said[0]
    assert machine.said[1].startswith("mmdebstrap: ")
    assert ensure_base(Images(), machine.effects(), uid=ROOT_USER) == "made"
    assert len(ran(machine, "apt-get", "install")) == 1


def test_ensure_base_when_the_tool_cannot_be_installed_then_says_why(tmp_path: Path) -> None:
    machine = debian(tmp_path, answer=Packages())
    with pytest.raises(EngineError, match="cannot be made: apt-get install mmdebstrap failed"):
        ensure_base(Images(), machine.effects(), uid=ROOT_USER)


def test_ensure_base_when_not_root_then_a_tool_that_is_there_is_tried(tmp_path: Path) -> None:
    machine = debian(tmp_path)
    machine.write("/etc/apt/sources.list", "deb http://archive.invalid/debian bookworm main\n")
    assert ensure_base(Images(), machine.effects(), uid=SOMEBODY) == "made"
    assert ran(machine, "apt-get") == []


def language(**changes: Any) -> Language:
    """A language whose compiler is called ``compile``."""
    values: dict[str, Any] = {
        "id": "new", "default": True, "probe": ("compile", "--version"), "packages": (), "runtime_packages": (),
        "backports": False, "path": "/opt/new/bin", "pypi": None, "host_packages": (),
    }  # fmt: skip
    return Language(
        id="tongue",
        title="Tongue",
        colour="#000000",
        marker="o",
        dash="solid",
        runner="runner",
        source="workloads/{id}.t",
        comment="//",
        toolchains=(Toolchain(**(values | changes)), Toolchain(**(values | {"id": "old", "default": False}))),
        configurations=(),
        mode_build={},
        absent={},
        folder=PurePosixPath("langs/tongue"),
    )


def compiler(*programs: str) -> Packages:
    """A machine on which just these programs run."""

    class Answer(Packages):
        def __call__(self, argv: Sequence[str]) -> Finished:
            return finished(0, f"{argv[0]} 1.0\nmore") if argv[0] in programs else super().__call__(argv)

    return Answer()


def test_local_toolchain_when_on_path_then_named_by_itself(tmp_path: Path) -> None:
    machine = debian(tmp_path, answer=compiler("compile"))
    found = local_toolchain(language(), "new", tmp_path, machine.effects(), uid=ROOT_USER)
    assert found == LocalToolchain(language="tongue", toolchain="new", path="", found="compile 1.0")
    assert machine.said == []


def test_local_toolchain_when_its_own_folder_is_there_then_that_comes_first(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "compile").touch()
    machine = debian(tmp_path, answer=compiler("compile", f"{folder}/compile"))
    found = local_toolchain(language(path=str(folder)), "new", tmp_path, machine.effects(), uid=ROOT_USER)
    assert isinstance(found, LocalToolchain)
    assert (found.path, found.found) == (str(folder), f"{folder}/compile 1.0")


def test_local_toolchain_when_it_is_not_the_default_then_only_containers_have_it(tmp_path: Path) -> None:
    machine = debian(tmp_path, answer=compiler("compile"))
    found = local_toolchain(language(), "old", tmp_path, machine.effects(), uid=ROOT_USER)
    assert isinstance(found, str)
    assert "containers have it" in found


def test_local_toolchain_when_debian_has_it_then_root_gets_it_from_there(tmp_path: Path) -> None:
    packages = Packages("compiler-package")

    def answer(argv: Sequence[str]) -> Finished:
        there = argv[0] == "compile" and "compiler-package" in packages.there
        return finished(0, "compile 2.0") if there else packages(argv)

    machine = debian(tmp_path, answer=answer)
    wanted = language(host_packages=("compiler-package",))
    found = local_toolchain(wanted, "new", tmp_path, machine.effects(), uid=ROOT_USER)
    assert isinstance(found, LocalToolchain)
    assert found.found == "compile 2.0"
    assert "compiler-package" in machine.said[0]
    machine.said.clear()
    assert local_toolchain(wanted, "new", tmp_path, machine.effects(), uid=ROOT_USER) == found
    assert machine.said == [], "a second set-up sets up nothing"


def test_local_toolchain_when_not_root_then_absent_with_the_reason(tmp_path: Path) -> None:
    machine = debian(tmp_path, answer=Packages("compiler-package"))
    wanted = language(host_packages=("compiler-package",))
    found = local_toolchain(wanted, "new", tmp_path, machine.effects(), uid=SOMEBODY)
    assert found == "compile is not on PATH, and nothing here can install it"
    assert ran(machine, "apt-get") == []


def test_local_toolchain_when_the_package_fails_then_that_is_the_reason(tmp_path: Path) -> None:
    machine = debian(tmp_path, answer=Packages())
    found = local_toolchain(language(host_packages=("none",)), "new", tmp_path, machine.effects(), uid=ROOT_USER)
    assert isinstance(found, str)
    assert found.startswith("apt-get install none failed")


def test_local_toolchain_when_the_index_of_python_has_it_then_it_lands_in_a_folder_of_its_own(tmp_path: Path) -> None:
    def answer(argv: Sequence[str]) -> Finished:
        if argv[:4] == [sys.executable, "-m", "pip", "install"]:
            folder = Path(argv[argv.index("--target") + 1]) / "package" / "bin"
            folder.mkdir(parents=True)
            (folder / "compile").touch()
            return finished()
        return finished(0, "compile 3.0") if argv[0].endswith("/package/bin/compile") else finished(127)

    machine = debian(tmp_path, answer=answer)
    wanted = language(pypi="compile-bin")
    found = local_toolchain(wanted, "new", tmp_path, machine.effects(), uid=SOMEBODY)
    assert isinstance(found, LocalToolchain)
    assert found.path == str(tmp_path / ".build/toolchains/compile-bin/package/bin")
    assert local_toolchain(wanted, "new", tmp_path, machine.effects(), uid=SOMEBODY) == found
    assert len(ran(machine, sys.executable)) == 1


def test_local_toolchain_when_the_index_fails_then_that_is_the_reason_and_nothing_half_stays(tmp_path: Path) -> None:
    def answer(argv: Sequence[str]) -> Finished:
        if "--target" in argv:
            Path(argv[argv.index("--target") + 1]).mkdir(parents=True)
            return finished(1, "ERROR: no matching distribution")
        return finished(127)

    machine = debian(tmp_path, answer=answer)
    for _ in range(2):
        found = local_toolchain(language(pypi="none-bin"), "new", tmp_path, machine.effects(), uid=SOMEBODY)
        assert found == "pip install none-bin failed: ERROR: no matching distribution"


def test_local_toolchain_when_what_was_installed_does_not_run_then_says_so(tmp_path: Path) -> None:
    def answer(argv: Sequence[str]) -> Finished:
        if "--target" in argv:
            Path(argv[argv.index("--target") + 1]).mkdir(parents=True)
            return finished()
        return finished(127)

    machine = debian(tmp_path, answer=answer)
    found = local_toolchain(language(pypi="bad-bin"), "new", tmp_path, machine.effects(), uid=SOMEBODY)
    assert found == "bad-bin is installed but does not run"


def test_may_install_when_root_on_debian_then_nothing_stands_against_it(tmp_path: Path) -> None:
    assert provision.may_install(debian(tmp_path).effects(), uid=ROOT_USER) is None
