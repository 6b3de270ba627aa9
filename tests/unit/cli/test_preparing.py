from pathlib import Path

import pytest

from harness.catalog.load import load
from harness.cli import preparing
from harness.cli.preparing import provide
from harness.engines import provision
from harness.engines.provision import LocalToolchain
from harness.errors import EngineUnavailable
from tests.fakes.machine import Machine
from tests.fakes.project import ROOT

CATALOG = load(ROOT)
ALL = {(language.id, one.id) for language in CATALOG.languages.values() for one in language.toolchains}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine where no daemon is to be had, and of the toolchains only the languages' defaults."""

    def local(language: object, toolchain_id: str, root: Path, effects: object) -> LocalToolchain | str:
        (known,) = (one for one in CATALOG.languages.values() if one is language)
        if not known.toolchain(toolchain_id).default:
            return f"no {toolchain_id}"
        return LocalToolchain(language=known.id, toolchain=toolchain_id, path="", found=f"{toolchain_id}.1")

    monkeypatch.setattr(provision, "local_toolchain", local)
    monkeypatch.setattr(preparing, "_docker", lambda effects: "iptables is refused")
    return Machine(root=tmp_path)


def test_provide_when_containers_are_asked_for_and_there_are_none_then_gives_up_and_says_why(machine: Machine) -> None:
    with pytest.raises(EngineUnavailable, match="no containers: iptables is refused"):
        provide("docker", CATALOG, machine.root, machine.effects())
    assert machine.said == []


def test_provide_when_anything_will_do_then_goes_on_without_containers_and_says_why(machine: Machine) -> None:
    ready = provide("auto", CATALOG, machine.root, machine.effects())
    assert (ready.engine, ready.why) == ("local", "iptables is refused")
    assert machine.said[0] == "no containers here: iptables is refused"
    assert "--engine local" in machine.said[1]
    assert len(machine.said) == 2


def test_provide_when_processes_are_asked_for_then_no_daemon_is_looked_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(preparing, "_docker")
    ready = provide("local", CATALOG, machine.root, machine.effects())
    assert (ready.engine, ready.why, machine.said) == ("local", "asked for", [])


def test_provide_when_local_then_every_toolchain_is_there_or_absent_with_its_reason(machine: Machine) -> None:
    ready = provide("local", CATALOG, machine.root, machine.effects())
    assert set(ready.toolchains) | set(ready.absent) == ALL
    assert not set(ready.toolchains) & set(ready.absent)
    assert {one for _, one in ready.toolchains} == {
        one.id for language in CATALOG.languages.values() for one in language.toolchains if one.default
    }
    assert all(reason == f"no {toolchain}" for (_, toolchain), reason in ready.absent.items())
