"""Images named by what they are made from: what changes a name, what is built, and what a failure shows."""

import io
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from requests import ConnectionError as NoConnection

from harness.catalog.load import load_language
from harness.catalog.model import Build, Language, Toolchain
from harness.engines.base import root_digest
from harness.engines.base_image import BASE_IMAGE
from harness.engines.images import (
    BuildApi,
    Built,
    arguments_of,
    build_images,
    build_linter,
    build_toolchain,
    check_options,
    needed_builds,
    plan_toolchain,
    plan_worker,
    program_sources,
    proxies,
)
from harness.errors import BuildFailed, EngineUnavailable
from tests.fakes.machine import Machine
from tests.fakes.values import invocation

ROOT = Path(__file__).parents[3]
SUMS = "aa  ./plain/runner\nbb  ./plain/data\n"
VERSIONS = "compiler 1.0\n"


class Daemon:
    """A daemon that builds whatever it is asked to, and remembers what with."""

    def __init__(self, *, base: bool = True) -> None:
        self.tags: dict[str, str] = {BASE_IMAGE: "sha256:base"} if base else {}
        self.built: list[dict[str, Any]] = []
        self.contexts: list[dict[str, bytes]] = []
        self.events: list[dict[str, Any]] = [{"stream": "Step 1\n"}]
        self.breaks = False
        self.stages = ["stage1", "used"]
        self.removed: list[str] = []
        self.containers = 0
        self.opened = 0

    def images(self, name: str | None = None, *, filters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        if filters is not None:
            assert filters["dangling"]
            assert filters["label"][0] == "memverdict=1"
            assert filters["label"][1].startswith("memverdict.root=")
            return [{"Id": stage} for stage in self.stages]
        return [{"Id": self.tags[name]}] if name in self.tags else []

    def build(self, **arguments: Any) -> Iterable[dict[str, Any]]:
        with tarfile.open(fileobj=arguments["fileobj"]) as tar:
            self.contexts.append({one.name: self._content(tar, one) for one in tar.getmembers()})
        self.built.append(arguments)
        yield from self.events
        if self.breaks:
            raise NoConnection("the daemon went away")
        if not any("error" in event for event in self.events):
            self.tags[arguments["tag"]] = f"sha256:{len(self.built)}"

    @staticmethod
    def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        file = tar.extractfile(member)
        assert file is not None
        return file.read()

    def inspect_image(self, image: str) -> dict[str, Any]:
        return {"Id": self.tags[image], "Size": 83_000_000}

    def remove_image(self, image: str) -> None:
        if image == "used":
            raise NoConnection("conflict: image is being used")
        self.removed.append(image)

    def create_container(self, image: str, **arguments: Any) -> dict[str, Any]:
        assert arguments["labels"] == {"memverdict": "1"}
        self.containers += 1
        self.opened += 1
        return {"Id": f"container-of-{image}"}

    def get_archive(self, container: str, path: str) -> tuple[Iterable[bytes], Any]:
        content = (SUMS if path.endswith("SHA256SUMS") else VERSIONS).encode()
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            entry = tarfile.TarInfo(PurePosixPath(path).name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        return [stream.getvalue()], None

    def remove_container(self, container: str, *, force: bool) -> None:
        assert force
        self.containers -= 1


def language() -> Language:
    """A made-up language with one toolchain."""
    return Language(
        id="tongue",
        title="Tongue",
        colour="#000000",
        marker="o",
        dash="solid",
        runner="runner",
        source="workloads/{id}.t",
        comment="//",
        folder=PurePosixPath("langs/tongue"),
        toolchains=(
            Toolchain(
                id="new",
                default=True,
                probe=("compile",),
                packages=("compiler", "library"),
                runtime_packages=("library-run",),
                backports=True,
                path="/opt/new",
                pypi=None,
                host_packages=(),
            ),
        ),
        configurations=(),
        mode_build={},
        absent={},
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one language."""
    folder = tmp_path / "langs" / "tongue"
    for name in ("kit/clock.t", "workloads/one.t", "tests/one.t", "README.md", ".hidden", "lang.toml", "build"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "build").chmod(0o755)
    (folder / "Dockerfile.toolchain").write_text("FROM base\n")
    (folder / "Dockerfile.worker").write_text("FROM toolchain\n")
    return tmp_path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(root=tmp_path)


PLAIN = Build(language="tongue", toolchain="new", options={})


def make(root: Path, machine: Machine, daemon: BuildApi, *builds: Build) -> Mapping[Build, Built]:
    return build_images(builds or (PLAIN,), {"tongue": language()}, root, daemon, machine.effects())


def worker_tag(root: Path, build: Build = PLAIN, spoken: Language | None = None, base: str = "base") -> str:
    spoken = spoken or language()
    return plan_worker(root, spoken, build, base, plan_toolchain(root, spoken, "new", base)).tag


def test_needed_builds_when_invocations_share_builds_then_each_once_in_order() -> None:
    first, second = invocation(toolchain="sh"), invocation(toolchain="other")
    assert needed_builds([first, second, first]) == (first.build, second.build)


def test_program_sources_when_a_folder_has_more_then_only_what_decides_the_programs(root: Path) -> None:
    found = program_sources(root / "langs" / "tongue")
    assert [one.name for one in found] == ["build", "kit/clock.t", "lang.toml", "workloads/one.t"]
    assert [one.executable for one in found] == [True, False, False, False]
    assert found[1].content == b"kit/clock.t"


def test_build_images_when_a_file_changes_meanwhile_then_what_was_named_is_what_is_built(
    root: Path, machine: Machine
) -> None:
    daemon = Daemon()

    def build(**arguments: Any) -> Iterable[dict[str, Any]]:
        (root / "langs/tongue/kit/clock.t").write_text("changed")
        return Daemon.build(daemon, **arguments)

    daemon.build = build  # type: ignore[method-assign]
    make(root, machine, daemon)
    assert daemon.contexts[1]["kit/clock.t"] == b"kit/clock.t"


@pytest.mark.parametrize("options", [{"KEY": "a b"}, {"KEY": "$(id)"}, {"KEY;": "1"}, {"KEY": "a/b"}, {"": "1"}])
def test_check_options_when_a_value_is_no_plain_word_then_it_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(BuildFailed, match="only letters, digits"):
        check_options(Build(language="tongue", toolchain="new", options=options))


def test_plan_worker_when_nothing_changed_then_the_tag_is_the_same(root: Path) -> None:
    assert worker_tag(root) == worker_tag(root)


@pytest.mark.parametrize("name", ["build", "kit/clock.t", "lang.toml", "Dockerfile.worker", "Dockerfile.toolchain"])
def test_plan_worker_when_an_input_changes_then_so_does_the_tag(root: Path, name: str) -> None:
    before = worker_tag(root)
    (root / "langs/tongue" / name).write_text("changed")
    assert worker_tag(root) != before


@pytest.mark.parametrize("name", ["README.md", "tests/one.t", ".hidden"])
def test_plan_worker_when_what_changes_is_no_input_then_the_tag_stays(root: Path, name: str) -> None:
    before = worker_tag(root)
    (root / "langs/tongue" / name).write_text("changed")
    assert worker_tag(root) == before


def test_plan_worker_when_mode_options_packages_or_base_differ_then_so_do_tags(root: Path) -> None:
    spoken = language()
    tags = {
        worker_tag(root),
        worker_tag(root, Build(language="tongue", toolchain="new", options={"KEY": "1"})),
        worker_tag(root, base="another"),
        worker_tag(root, spoken=replace(spoken, toolchains=(replace(spoken.toolchains[0], packages=("other",)),))),
        worker_tag(root, spoken=replace(spoken, toolchains=(replace(spoken.toolchains[0], runtime_packages=()),))),
    }
    (root / "langs/tongue/kit/clock.t").chmod(0o755)
    tags.add(worker_tag(root))
    assert len(tags) == 6


def test_build_images_when_nothing_is_there_then_toolchain_and_worker_are_made(root: Path, machine: Machine) -> None:
    daemon = Daemon()
    built = make(root, machine, daemon)[PLAIN]
    toolchain, worker = daemon.built
    assert (toolchain["dockerfile"], worker["dockerfile"]) == ("Dockerfile.toolchain", "Dockerfile.worker")
    assert toolchain["buildargs"] == {
        "BASE": BASE_IMAGE, "PACKAGES": "compiler library", "BACKPORTS": "1", "TOOLCHAIN_PATH": "/opt/new",
    }  # fmt: skip
    assert worker["buildargs"]["TOOLCHAIN_IMAGE"] == toolchain["tag"]
    assert worker["buildargs"]["RUNTIME_PACKAGES"] == "library-run"
    assert worker["labels"] == {
        "memverdict": "1", "memverdict.root": root_digest(root), "memverdict.build": PLAIN.id,
    }  # fmt: skip
    assert sorted(daemon.contexts[1]) == ["Dockerfile.worker", "build", "kit/clock.t", "lang.toml", "workloads/one.t"]
    assert (built.fresh, built.size_bytes, built.ref.image_id) == (True, 83_000_000, "sha256:2")
    assert built.ref.path == f"/opt/memverdict/{PLAIN.id}/runner"
    assert built.packages == {"compiler": "1.0"}
    assert daemon.containers == 0, "the way into the image's files is removed"


def test_build_images_when_all_are_there_then_nothing_is_built_or_said(root: Path, machine: Machine) -> None:
    daemon = Daemon()
    first = make(root, machine, daemon)[PLAIN]
    machine.said.clear()
    again = make(root, machine, daemon)[PLAIN]
    assert (len(daemon.built), daemon.opened, machine.said) == (2, 1, [])
    assert (again.fresh, again.seconds) == (False, 0.0)
    assert (again.files, again.ref) == (first.files, first.ref)


def test_build_images_when_only_the_toolchain_was_removed_then_it_is_not_missed(root: Path, machine: Machine) -> None:
    daemon = Daemon()
    make(root, machine, daemon)
    del daemon.tags[daemon.built[0]["tag"]]
    make(root, machine, daemon)
    assert len(daemon.built) == 2


def test_build_images_when_two_builds_share_a_toolchain_then_it_is_made_once(root: Path, machine: Machine) -> None:
    daemon = Daemon()
    other = Build(language="tongue", toolchain="new", options={"KEY": "1"})
    assert set(make(root, machine, daemon, PLAIN, other)) == {PLAIN, other}
    assert [one["dockerfile"] for one in daemon.built] == [
        "Dockerfile.toolchain", "Dockerfile.worker", "Dockerfile.worker",
    ]  # fmt: skip
    assert daemon.built[2]["buildargs"]["OPTIONS"] == "KEY=1"


def test_build_images_when_a_language_has_layouts_then_all_are_made_in_one_build_and_the_tag_says_so(
    root: Path, machine: Machine
) -> None:
    daemon = Daemon()
    several = replace(language(), layouts=3)
    other = Build(language="tongue", toolchain="new", options={"KEY": "1"})
    for spoken in (language(), several):
        build_images((PLAIN, other), {"tongue": spoken}, root, daemon, machine.effects())
    assert [one["buildargs"]["OPTIONS"] for one in daemon.built[1:]] == ["", "KEY=1", "LAYOUTS=3", "KEY=1 LAYOUTS=3"]
    assert arguments_of(other, several) == ["KEY=1", "LAYOUTS=3"]
    assert arguments_of(PLAIN, language()) == []


def test_build_images_when_stages_are_left_then_ours_go_and_a_used_one_stays(root: Path, machine: Machine) -> None:
    daemon = Daemon()
    make(root, machine, daemon)
    assert daemon.removed == ["stage1"]


def test_build_images_when_there_is_no_base_image_then_says_what_makes_it(root: Path, machine: Machine) -> None:
    with pytest.raises(EngineUnavailable, match="make setup"):
        make(root, machine, Daemon(base=False))


def test_build_images_when_a_step_fails_then_the_error_ends_with_what_it_said(root: Path, machine: Machine) -> None:
    daemon = Daemon()
    lines = [{"stream": f"line {number}\n"} for number in range(30)]
    daemon.events = [*lines, {"error": "The command returned a non-zero code: 2"}]
    with pytest.raises(BuildFailed, match="non-zero code: 2\nline 10\n") as caught:
        make(root, machine, daemon)
    assert str(caught.value).endswith("line 29")
    assert "line 9\n" not in str(caught.value)


def test_build_images_when_the_daemon_goes_away_then_the_build_has_failed(root: Path, machine: Machine) -> None:
    daemon = Daemon()
    daemon.breaks = True
    with pytest.raises(BuildFailed, match="the daemon went away\nStep 1"):
        make(root, machine, daemon)


def test_build_images_when_an_option_is_no_word_then_nothing_is_built(root: Path, machine: Machine) -> None:
    daemon = Daemon()
    with pytest.raises(BuildFailed):
        make(root, machine, daemon, Build(language="tongue", toolchain="new", options={"KEY": "a b"}))
    assert daemon.built == []


def test_build_images_when_there_are_proxies_then_builds_get_them_but_tags_do_not(root: Path) -> None:
    daemon = Daemon()
    environment = {"PATH": "/usr/bin", "http_proxy": "http://proxy.invalid", "HTTPS_PROXY": "http://proxy.invalid"}
    make(root, Machine(root=root, environment=environment), daemon)
    assert daemon.built[0]["buildargs"]["http_proxy"] == "http://proxy.invalid"
    assert daemon.built[1]["tag"] == worker_tag(root, base="sha256:base")
    assert proxies(environment) == {key: environment[key] for key in ("http_proxy", "HTTPS_PROXY")}


def test_build_toolchain_when_called_twice_then_it_is_built_once(root: Path, machine: Machine) -> None:
    daemon = Daemon()
    tags = {build_toolchain(language(), "new", root, daemon, machine.effects()) for _ in range(2)}
    assert tags == {daemon.built[0]["tag"]}
    assert len(daemon.built) == 1


def test_build_toolchain_when_there_is_no_base_image_then_says_what_makes_it(root: Path, machine: Machine) -> None:
    with pytest.raises(EngineUnavailable, match="make setup"):
        build_toolchain(language(), "new", root, Daemon(base=False), machine.effects())


def test_build_linter_when_a_language_needs_no_tools_of_its_own_then_its_toolchain_serves(
    root: Path, machine: Machine
) -> None:
    daemon = Daemon()
    effects = machine.effects()
    tag = build_linter(language(), root, daemon, effects)
    assert tag == build_toolchain(language(), "new", root, daemon, effects)
    assert len(daemon.built) == 1


def test_build_linter_when_it_does_then_certificates_help_to_make_the_image_but_name_nothing(
    root: Path, machine: Machine
) -> None:
    (root / "langs/tongue/Dockerfile.lint").write_text("FROM toolchain\n")
    daemon = Daemon()
    effects = machine.effects()
    tag = build_linter(language(), root, daemon, effects)
    assert [one["dockerfile"] for one in daemon.built] == ["Dockerfile.toolchain", "Dockerfile.lint"]
    assert daemon.contexts[1] == {"Dockerfile.lint": b"FROM toolchain\n", "ca-certificates.crt": b""}
    machine.write("/etc/ssl/certs/ca-certificates.crt", "trusted")
    assert build_linter(language(), root, daemon, effects) == tag
    assert len(daemon.built) == 2
    del daemon.tags[tag]
    build_linter(language(), root, daemon, effects)
    assert daemon.contexts[2]["ca-certificates.crt"] == b"trusted"


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize("folder", sorted(path.parent.name for path in ROOT.glob("langs/*/lang.toml")))
def test_build_images_when_real_then_images_are_slim_and_a_second_time_builds_nothing(folder: str) -> None:
    from harness.engines.docker import builder
    from harness.engines.effects import real_effects

    spoken = load_language(ROOT / "langs" / folder / "lang.toml")
    (default,) = (one.id for one in spoken.toolchains if one.default)
    build = Build(language=spoken.id, toolchain=default, options={})
    said: list[str] = []
    effects = real_effects(said.append)
    with closing(builder(1200)) as api:
        first = build_images([build], {spoken.id: spoken}, ROOT, api, effects)[build]
        toolchain = build_toolchain(spoken, default, ROOT, api, effects)
        said.clear()
        again = build_images([build], {spoken.id: spoken}, ROOT, api, effects)[build]
        assert said == []
        assert not again.fresh
        assert replace(first, fresh=False, seconds=0.0) == again
        assert "runner" in again.files
        assert all(len(digest) == 64 for digest in again.files.values())
        assert set(spoken.toolchain(default).packages) <= set(again.packages)
        assert again.size_bytes < api.inspect_image(toolchain)["Size"], "a worker's image holds no toolchain"
        assert api.inspect_image(again.ref.image_id)["Config"]["User"] == "65532:65532"
