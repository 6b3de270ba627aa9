"""The base image: pulled where a registry answers, else made from the sources that this machine itself uses."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from requests import ConnectionError as NoConnection

from harness.engines import base_image
from harness.engines.base_image import BASE_IMAGE, Archive, host_archive, make, pull
from harness.errors import EngineError
from tests.fakes.machine import Machine, finished

MAIN, SECURITY = "http://archive.invalid/debian", "http://archive.invalid/debian-security"
ONE_LINE = f"""# a comment
deb [signed-by=/usr/share/keyrings/x.gpg] {MAIN}/ bookworm main
deb-src {MAIN} bookworm main
deb {SECURITY} bookworm-security main
"""
STANZAS = f"""Types: deb deb-src
# where it was copied from
URIs: {MAIN}
Suites: bookworm
 bookworm-updates
Components: main

Types: deb
URIs: {SECURITY}/
Suites: bookworm-security
"""


class Daemon:
    """The part of a daemon that has to do with the base image."""

    def __init__(self, *, events: Callable[[], Iterable[dict[str, Any]]] = list, imports: bool = True) -> None:
        self.events = events
        self.imports = imports
        self.imported: list[tuple[str, str, Sequence[str]]] = []

    def images(self, name: str | None = None, *, filters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        del filters
        return [{"Id": "made"}] if self.imported and name == BASE_IMAGE else []

    def pull(self, repository: str, tag: str, *, stream: bool, decode: bool) -> Iterable[dict[str, Any]]:
        assert (f"{repository}:{tag}", stream, decode) == (BASE_IMAGE, True, True)
        return self.events()

    def import_image(self, src: str, repository: str, tag: str, *, changes: Sequence[str]) -> str:
        if not self.imports:
            raise NoConnection("the daemon went away")
        self.imported.append((src, f"{repository}:{tag}", changes))
        return ""


def _raise(error: Exception) -> Callable[[], Iterable[dict[str, Any]]]:
    def events() -> Iterable[dict[str, Any]]:
        raise error

    return events


def test_pull_when_a_registry_serves_it_then_there_is_no_reason() -> None:
    assert pull(Daemon(events=lambda: [{"status": "Pulling"}, {"status": "Done"}])) is None


def test_pull_when_the_daemon_refuses_then_the_reason_is_one_short_line() -> None:
    assert pull(Daemon(events=_raise(NoConnection("no\nroute " + "x" * 300)))) == ("no route " + "x" * 300)[:160]


def test_pull_when_the_registry_sends_an_error_then_that_is_the_reason() -> None:
    assert pull(Daemon(events=lambda: [{"status": "Pulling"}, {"error": "denied"}])) == "denied"


def test_pull_when_nothing_is_heard_then_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_image, "FIRST_ANSWER_SECONDS", 0.01)
    never = threading.Event()

    def silent() -> Iterable[dict[str, Any]]:
        never.wait(10)
        return []

    assert pull(Daemon(events=silent)) == "it does not answer"
    never.set()


def test_pull_when_it_stalls_halfway_then_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_image, "PULL_SECONDS", 0.01)
    never = threading.Event()

    def stalled() -> Iterable[dict[str, Any]]:
        yield {"status": "Pulling"}
        never.wait(10)

    assert pull(Daemon(events=stalled)) == "it does not answer"
    never.set()


def test_make_when_the_host_has_sources_then_the_image_gets_the_same_and_our_label(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path)
    machine.write("/etc/apt/sources.list", ONE_LINE)
    daemon = Daemon()
    make(daemon, machine.effects())
    (command,) = machine.ran
    assert command[:3] == ["mmdebstrap", "--quiet", "--variant=minbase"]
    assert command[-3] == "trixie"
    assert "--include=ca-certificates" not in command
    assert machine.given[0][1].splitlines() == [
        f"deb {MAIN} trixie main",
        f"deb {MAIN} trixie-updates main",
        f"deb {MAIN} trixie-backports main",
        f"deb {SECURITY} trixie-security main",
    ]
    ((tarball, tag, changes),) = daemon.imported
    assert (tarball, tag) == (command[-2], BASE_IMAGE)
    assert "LABEL memverdict=1" in changes
    assert not Path(tarball).parent.exists(), "nothing is left behind"


def test_make_when_the_sources_need_certificates_then_the_image_has_them(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path)
    machine.write("/etc/apt/sources.list", ONE_LINE.replace("http:", "https:"))
    make(Daemon(), machine.effects())
    assert "--include=ca-certificates" in machine.ran[0]


def test_make_when_the_host_names_no_archive_then_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no Debian archive.*docker load"):
        make(Daemon(), Machine(root=tmp_path).effects())


def test_make_when_the_tool_fails_then_shows_the_end_of_what_it_said(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path, answer=lambda argv: finished(1, "E: cannot reach the archive"))
    machine.write("/etc/apt/sources.list", ONE_LINE)
    with pytest.raises(EngineError, match="mmdebstrap failed:\nE: cannot reach the archive"):
        make(Daemon(), machine.effects())


def test_make_when_the_daemon_goes_away_then_says_so(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path)
    machine.write("/etc/apt/sources.list", ONE_LINE)
    with pytest.raises(EngineError, match="cannot be imported: the daemon went away"):
        make(Daemon(imports=False), machine.effects())


@pytest.mark.parametrize(
    ("file", "content"),
    [("sources.list", ONE_LINE), ("sources.list.d/x.list", ONE_LINE), ("sources.list.d/x.sources", STANZAS)],
)
def test_host_archive_when_sources_are_in_either_format_then_both_archives_are_found(
    tmp_path: Path, file: str, content: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    assert host_archive(tmp_path) == Archive(main=MAIN, security=SECURITY)


def test_host_archive_when_a_stanza_is_off_or_holds_sources_only_then_it_does_not_count(tmp_path: Path) -> None:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    off = STANZAS.replace("Types: deb\n", "Enabled: no\nTypes: deb\n").replace("Types: deb deb-src", "Types: deb-src")
    (folder / "x.sources").write_text(off)
    assert host_archive(tmp_path) is None


def test_host_archive_when_another_vendor_comes_first_then_it_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (folder / "a.list").write_text("deb http://vendor.invalid/tools stable main\n")
    (folder / "b.list").write_text(ONE_LINE)
    assert host_archive(tmp_path) == Archive(main=MAIN, security=SECURITY)


def test_archive_sources_when_there_is_no_security_archive_then_three_lines() -> None:
    assert len(Archive(main=MAIN, security=None).sources("trixie")) == 3
