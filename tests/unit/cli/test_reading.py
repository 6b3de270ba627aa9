"""The commands that read stored runs, over a whole run written by hand: verdicts that every number bears out."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.catalog.model import Cell
from harness.cli import context as shared
from harness.errors import EngineUnavailable
from harness.protocol.record import Record
from harness.store import runs
from tests.fakes import stored
from tests.fakes.project import ROOT
from tests.unit.cli.conftest import Call, project


def cost(cell: Cell) -> float:
    """A value on the heap takes twice as long as one on the stack, and Go 1.5 times as long as C."""
    if cell.workload == "escape":
        return 200.0 if cell.variant == "heap" else 100.0
    return 150.0 if cell.language == "go" else 100.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one complete run; only to be read."""
    root = project(tmp_path_factory.mktemp("read"))
    stored.run(root, "tiny", cost=cost)
    return root


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "own"))


def verdicts(document: Any) -> dict[str, Any]:
    return {one["claim"]: one for one in document["verdicts"]}


def test_verdict_when_a_run_is_whole_then_every_claim_has_the_answer_that_its_numbers_give(
    memverdict: Call, made: Path
) -> None:
    called = memverdict("verdict", "--json", root=made)
    assert (called.code, called.err) == (0, "")
    document = called.document
    assert document["run"] == "20260102-030405-tiny-000007"
    assert document["health"]["failures"] == []
    assert document["health"]["warnings"] == []
    found = verdicts(document)
    assert {name: one["verdict"] for name, one in found.items()} == {
        "stack_is_faster": "supported",
        "manual_is_faster": "supported",
        "constructor_escapes": "refuted",
    }
    time = [one for one in found["manual_is_faster"]["findings"] if one["contrast"] == "time"]
    assert [one["factor_level"] for one in time] == [["c_allocator", "glibc"], ["c_allocator", "mimalloc"]]
    assert all(one["low"] < 1.5 < one["high"] and one["blocks"] == 6 for one in time)


def test_verdict_when_for_people_then_shows_words_and_canaries_within_100_columns(memverdict: Call, made: Path) -> None:
    called = memverdict("verdict", "latest", root=made)
    assert called.code == 0
    assert (called.out.count("+ supported"), called.out.count("- refuted")) == (2, 1)
    assert "memory ok · pause ok · cpu ok · bytes ok" in called.out
    assert max(map(len, called.out.splitlines())) <= 100


def test_verdict_when_the_beginning_of_a_name_is_given_then_that_run_is_read(memverdict: Call, made: Path) -> None:
    assert memverdict("verdict", "20260102", "--json", root=made).document["runs"] == ["20260102-030405-tiny-000007"]


def test_verdict_when_two_runs_of_one_machine_are_named_then_their_blocks_add_up(memverdict: Call, own: Path) -> None:
    stored.run(own, "tiny", cost=cost, seed=8, name="20260103-030405-tiny-000008")
    called = memverdict("verdict", "20260102", "latest", "--json", root=own)
    assert called.code == 0
    assert len(called.document["runs"]) == 2
    (time, *_) = verdicts(called.document)["manual_is_faster"]["findings"]
    assert time["blocks"] == 12


def test_verdict_when_one_run_is_named_twice_then_it_counts_once(memverdict: Call, made: Path) -> None:
    name = "20260102-030405-tiny-000007"
    assert (
        memverdict("verdict", name, "latest", "--json", root=made).out == memverdict("verdict", "--json", root=made).out
    )


@pytest.mark.parametrize(
    ("changes", "many"),
    [({"machine": "m2"}, "machines"), ({"engine": "local"}, "engines"), ({"catalog": "0"}, "catalog")],
)
def test_verdict_when_runs_differ_in_what_must_be_equal_then_refuses(
    memverdict: Call, own: Path, changes: dict[str, Any], many: str
) -> None:
    stored.run(own, "tiny", name="20260103-030405-tiny-000008", **changes)
    called = memverdict("verdict", "20260102", "20260103", root=own)
    assert (called.code, called.out) == (2, "")
    assert f"runs of different {many}" in called.err


def test_verdict_when_a_canary_failed_then_no_claim_has_an_answer(memverdict: Call, tmp_path: Path) -> None:
    def spoil(one: Record) -> Record:
        cell = one.invocation.cell
        return stored.failed(one, "signal 11") if (cell.workload, cell.variant) == ("canary", "pause") else one

    root = project(tmp_path)
    stored.run(root, "tiny", cost=cost, spoil=spoil)
    called = memverdict("verdict", "--json", root=root)
    assert called.code == 0
    assert {one["verdict"] for one in called.document["verdicts"]} == {"unfit"}
    assert all("signal 11" in one["answer"] for one in called.document["verdicts"])
    assert called.document["health"]["warnings"][0]["code"] == "no_canary"


def test_verdict_when_one_block_of_a_cell_failed_then_it_is_left_out_and_said(memverdict: Call, tmp_path: Path) -> None:
    def spoil(one: Record) -> Record:
        invocation = one.invocation
        gone = (invocation.block, invocation.cell.workload, invocation.cell.language) == (3, "lru_cache", "go")
        return stored.failed(one, "signal 9") if gone else one

    root = project(tmp_path)
    stored.run(root, "tiny", cost=cost, spoil=spoil)
    found = verdicts(memverdict("verdict", "--json", root=root).document)["manual_is_faster"]
    assert found["verdict"] == "supported"
    assert {one["blocks"] for one in found["findings"]} == {5}
    assert "signal 9" in memverdict("verdict", root=root).out


def test_verdict_when_a_run_was_stopped_early_then_says_what_is_missing(memverdict: Call, own: Path) -> None:
    path = runs.runs_folder(own) / "20260102-030405-tiny-000007" / runs.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["invocation"]["block"] in (None, 1, 2)]
    path.write_bytes(b"".join(kept))
    found = verdicts(memverdict("verdict", "--json", root=own).document)
    assert found["manual_is_faster"]["verdict"] == "inconclusive"
    assert found["constructor_escapes"]["verdict"] == "refuted"


def test_verdict_when_the_records_are_damaged_then_exits_1_and_names_the_line(memverdict: Call, own: Path) -> None:
    path = runs.runs_folder(own) / "20260102-030405-tiny-000007" / runs.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"{}\n", *lines[3:]]))
    called = memverdict("verdict", root=own)
    assert (called.code, called.out) == (1, "")
    assert f"{path}: line 3: " in called.err


def test_explain_when_a_claim_is_named_then_json_holds_it_alone(memverdict: Call, made: Path) -> None:
    called = memverdict("explain", "constructor_escapes", "--json", root=made)
    (found,) = called.document["verdicts"]
    assert found["claim"] == "constructor_escapes"
    assert [one["contrast"] for one in found["findings"]] == ["stored", "inlined", "not_inlined"]
    assert [one["decision"] for one in found["findings"]] == ["holds", "fails", "holds"]
    assert "inlined into its caller it allocates nothing" in found["answer"]


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        ("manual_is_fast", "did you mean 'manual_is_faster'?"),
        ("locals_on_stack", "did not ask locals_on_stack; `run --claims locals_on_stack` does"),
        ("", "there is no claim ''; use one of: "),
        ("stack_is_faster,manual_is_faster", "there is no claim 'stack_is_faster,manual_is_faster'"),
    ],
)
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_explain_when_it_cannot_then_says_why(
    memverdict: Call, made: Path, claim: str, says: str, as_json: tuple[str, ...]
) -> None:
    called = memverdict("explain", claim, *as_json, root=made)
    assert (called.code, called.out) == (2, "")
    assert says in called.err


def test_report_when_written_then_json_says_where_and_the_page_is_there(memverdict: Call, own: Path) -> None:
    document = memverdict("report", "--json", root=own).document
    assert document["run"] == "20260102-030405-tiny-000007"
    assert (own / document["report"]).is_file()


def test_export_when_no_file_is_named_then_standard_output_holds_it(memverdict: Call, own: Path) -> None:
    called = memverdict("export", "--format", "csv", root=own)
    assert (called.code, called.err) == (0, "")
    assert memverdict("export", "--format", "csv", "--out", str(own / "out.csv"), root=own).out == ""
    assert (own / "out.csv").read_text() == called.out
    assert len(called.out.splitlines()) > 80


def test_export_when_the_format_is_unknown_then_says_which_there_are(memverdict: Call, made: Path) -> None:
    called = memverdict("export", "--format", "xml", root=made)
    assert called.code == 2
    assert "pyperf" in called.err


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [(KeyboardInterrupt(), 130, "interrupted"), (EngineUnavailable("no containers: why"), 3, "no containers: why")],
)
def test_main_when_a_command_ends_early_then_the_code_tells_how(
    memverdict: Call, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, says: str
) -> None:
    def fail(root: Path) -> None:
        raise error

    monkeypatch.setattr(shared, "load", fail)
    called = memverdict("list", "suites")
    assert (called.code, called.out) == (code, "")
    assert says in called.err


def test_main_when_whoever_reads_has_seen_enough_then_ends_quietly_as_a_success() -> None:
    command = [sys.executable, "-m", "harness", "list", "metrics", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_main_when_the_root_is_not_there_then_is_a_usage_error(memverdict: Call, tmp_path: Path) -> None:
    called = memverdict("list", "suites", root=tmp_path / "gone")
    assert called.code == 2
    assert "does not exist" in called.err


def test_stored_when_a_run_is_invented_then_it_is_the_same_each_time(tmp_path: Path, made: Path) -> None:
    root = project(tmp_path)
    name = stored.run(root, "tiny", cost=cost)
    mine, theirs = runs.records(root, name), runs.records(made, name)
    assert mine == theirs
    assert len(mine) == len({one.id for one in mine})
