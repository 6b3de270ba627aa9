"""``validate`` on a machine that is made up, with rows that are: what it prints, keeps, and ends with."""

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.store import runs
from harness.validate import results, truths
from harness.validate.bench import Bench
from harness.validate.checks import Unavailable, Value
from harness.validate.truths import Row
from tests.unit.cli.conftest import Call, project
from tests.unit.cli.test_machine import Machine


def row(name: str, observed: float, *, again: str = "") -> Row:
    """A row that reads so many ns where 0 to 10 are allowed; below zero it is unavailable."""

    def check(bench: Bench) -> Iterator[Value]:
        assert bench.languages
        if observed < 0:
            raise Unavailable("the kernel refuses")
        yield Value(what=f"{name} read", observed=observed, low=0, high=10, unit="ns")

    return Row(id=name, title=f"the {name}", check=check, seconds=(1, 2), again=again)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(project(tmp_path), monkeypatch)
    monkeypatch.setattr(truths, "ROWS", (row("sound", 5), row("other", 7), row("refused", -1)))
    return made


def stored(machine: Machine) -> list[Any]:
    paths = sorted((machine.root / results.FOLDER).glob(f"*/{results.CHECKS}"))
    return [json.loads(path.read_text()) for path in paths]


def test_validate_when_all_is_within_then_exit_0_a_table_and_a_file(memverdict: Call, machine: Machine) -> None:
    called = memverdict("validate", "--fast", root=machine.root)
    assert called.code == 0, called.err
    assert "ok  sound" in called.out
    assert "5.00 ns" in called.out
    assert "0 ns to 10.0 ns" in called.out
    assert "--  refused" in called.out
    assert "refused: unavailable: the kernel refuses" in called.err
    assert "sound        the sound … about 0:03 left" in called.err
    (document,) = stored(machine)
    assert (document["machine"], document["engine"], document["fast"], document["whole"]) == ("m1", "local", True, True)
    assert [one["status"] for one in document["checks"]] == ["within", "within", "unavailable"]


def test_validate_when_a_row_is_outside_then_exit_3_and_says_which_and_why(
    memverdict: Call, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truths, "ROWS", (row("sound", 5), row("broken", 12, again="the host may be busy")))
    called = memverdict("validate", root=machine.root)
    assert called.code == 3
    assert "!!  broken" in called.out
    assert "broken: outside: broken read: 12.0 ns (0 ns to 10.0 ns)" in called.err
    assert "broken: repeated once, because the host may be busy" in called.err


def test_validate_when_asked_for_json_then_one_document_in_the_readmes_shape(
    memverdict: Call, machine: Machine
) -> None:
    document = memverdict("validate", "--json", root=machine.root).document
    assert document["format"] == 1
    assert {"id", "ok", "observed", "bound", "unit"} <= set(document["checks"][0])
    assert document["fast"] is False


def test_validate_when_only_some_rows_are_asked_for_then_no_summary_is_made_of_them(
    memverdict: Call, machine: Machine
) -> None:
    called = memverdict("validate", "--only", "other", root=machine.root)
    assert called.code == 0
    assert "sound" not in called.out
    assert [one["id"] for one in stored(machine)[0]["checks"]] == ["other"]
    assert results.latest(machine.root, machine="m1", engine="local") is None


def test_validate_when_there_is_no_such_row_then_exit_2_with_the_nearest(memverdict: Call, machine: Machine) -> None:
    called = memverdict("validate", "--only", "sond", root=machine.root)
    assert called.code == 2
    assert "there is no row 'sond'; did you mean 'sound'?" in called.err
    assert stored(machine) == []


def test_validate_when_a_run_holds_the_lock_then_exit_2(memverdict: Call, machine: Machine) -> None:
    folder = runs.runs_folder(machine.root)
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        called = memverdict("validate", root=machine.root)
    assert called.code == 2
    assert "holds" in called.err
    assert stored(machine) == []


def test_run_when_the_machine_was_validated_then_provenance_terminal_and_page_say_so(
    memverdict: Call, machine: Machine
) -> None:
    called = memverdict("run", "--suite", "tiny", "--seed", "7", root=machine.root)
    assert "have not been validated on this machine" in called.out
    assert runs.document(machine.root, "latest", runs.PROVENANCE)["validation"] is None
    memverdict("validate", root=machine.root)
    called = memverdict("run", "--suite", "tiny", "--seed", "7", root=machine.root)
    found = runs.document(machine.root, "latest", runs.PROVENANCE)["validation"]
    assert isinstance(found, dict)
    assert (found["within"], found["outside"], found["unavailable"]) == (2, [], ["refused"])
    assert "2 of 3 within bounds" in called.out
    page = machine.root / runs.RUNS / runs.resolve(machine.root, "latest") / "index.html"
    assert "2 of 3 within bounds" in page.read_text(encoding="utf-8")
