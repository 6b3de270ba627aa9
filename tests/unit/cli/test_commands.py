import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness import errors
from harness.catalog.load import load
from harness.claims.load import load_claims
from harness.cli import COMMANDS, cli, exit_code
from harness.cli.judging import FINISHED
from harness.cli.measuring import expectation
from harness.cli.planning import make_plan
from harness.plan.advance import advance
from harness.plan.goals import Fixed
from harness.protocol.record import Digest, Record
from harness.store import runs
from tests.fakes import values
from tests.fakes.project import ROOT, change, copied

WHAT = ("workloads", "configurations", "claims", "metrics", "suites", "runs")


def call(*words: str, root: Path = ROOT) -> Result:
    return CliRunner().invoke(cli, ["--root", str(root), *words])


def document(*words: str, root: Path = ROOT) -> dict[str, Any]:
    result = call(*words, "--json", root=root)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["format"] == 1
    assert isinstance(found, dict)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copied(tmp_path)


def stored(project: Path, *, blocks: int = 7, finished: bool = True, **provenance: object) -> str:
    """A run of the claim about Go and C in which Go takes twice as long, written by hand."""
    catalog = load(project)
    plan = make_plan(
        catalog, load_claims(project, catalog), catalog.suites["quick"], seed=5, wanted=("manual_is_faster",)
    )
    about = {
        "format": 1,
        "suite": "quick",
        "seed": 5,
        "engine": "docker",
        "machine": "m",
        "commit": "abc",
        "catalog": catalog.digest,
        "claims": ["manual_is_faster"],
        "date": "2026-01-02T03:04:05+00:00",
    }
    run = runs.create(
        project,
        f"20260102-03040{blocks}-quick-000005",
        provenance=about | provenance,
        plan={"format": 1, **plan.document()},
    )
    digests = expectation(catalog, project)
    for block in advance(Fixed(blocks=blocks), plan.cells, (), seed=5):
        for one in block.invocations:
            if one.block is None:
                continue
            lines = values.messages(warmup=one.cell.warmup, iterations=one.cell.iterations)
            for line in lines[2:-1]:
                line["elapsed_ns"] = (200_000 if one.cell.language == "go" else 100_000) + one.block * 10 + one.slot
            run.append(
                Record(
                    format=1,
                    id=one.id,
                    invocation=one,
                    status="ok",
                    reason=None,
                    observed=values.observed(),
                    flags=(),
                    digest=digests(one).digest,
                    messages=tuple(json.dumps(line) for line in lines),
                )
            )
    if finished:
        run.save(FINISHED, {"format": 1})
    run.close()
    return run.id


@pytest.mark.parametrize("what", WHAT)
def test_list_when_asked_for_json_then_is_one_document_under_the_plural(what: str, project: Path) -> None:
    assert isinstance(document("list", what, root=project)[what], list)


@pytest.mark.parametrize("what", WHAT)
def test_list_when_printed_then_fits_into_100_columns(what: str, project: Path) -> None:
    result = call("list", what, root=project)
    assert result.exit_code == 0
    assert max(len(line) for line in result.stdout.splitlines()) <= 100


def test_plan_when_the_seed_is_the_same_then_so_is_the_plan_and_else_not() -> None:
    first = document("plan", "--suite", "quick", "--seed", "3")
    assert first == document("plan", "--suite", "quick", "--seed", "3")
    assert first != document("plan", "--suite", "quick", "--seed", "4")


def test_plan_when_narrowed_to_a_claim_then_runs_only_what_that_needs() -> None:
    found = document("plan", "--claims", "constructor_escapes", "--seed", "1")
    assert {one["cell"].split()[1].split("/")[0] for one in found["invocations"]} <= {
        "canary",
        "escape",
        "binary_trees",
    }
    assert found["claims"] == ["constructor_escapes"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("plan", "--suite", "quik"), "did you mean 'quick'?"),
        (("plan", "--claims", "stack_is_fast"), "did you mean 'stack_is_faster'?"),
        (("plan", "--only", "workloud=x"), "did you mean 'workload'?"),
        (("golden", "lru"), "did you mean 'lru_cache'?"),
        (("gate",), "--against-baseline"),
        (("verdict",), "there is no run"),
        (("explain", "stack_is_faster"), "there is no run"),
        (("report", "x"), "there is no run"),
        (("export", "--format", "csv"), "there is no run"),
        (("run", "--resume", "latest"), "there is no run"),
    ],
)
def test_command_when_it_names_what_is_not_there_then_says_the_nearest(
    words: tuple[str, ...], says: str, project: Path
) -> None:
    result = call(*words, root=project)
    assert isinstance(result.exception, errors.UsageError)
    assert says in str(result.exception)
    assert exit_code(result.exception) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.DataError(Path("x"), "k", "p", "r"), 2),
        (errors.LockHeld("held"), 2),
        (errors.EngineUnavailable("none"), 3),
        (errors.UnfitError("unfit"), 3),
        (errors.BuildFailed("broken"), 1),
        (errors.StoreError("full"), 1),
    ],
)
def test_exit_code_when_an_error_is_ours_then_belongs_to_its_kind(error: errors.MemverdictError, code: int) -> None:
    assert exit_code(error) == code


def run_as_a_user(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *words], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )


def test_main_when_an_error_is_ours_then_prints_one_line_and_the_code() -> None:
    done = run_as_a_user("plan", "--suite", "quik")
    assert done.returncode == 2
    assert done.stderr.startswith("memverdict: there is no suite 'quik'")
    assert len(done.stderr.splitlines()) == 1


def test_main_when_click_refuses_then_exits_2_with_its_message() -> None:
    done = run_as_a_user("run", "--budget", "soon")
    assert done.returncode == 2
    assert "write it like 90s, 10m or 1h" in done.stderr


def test_list_when_called_then_imports_no_statistics_and_no_figures() -> None:
    heavy = "('seaborn', 'pandas', 'scipy', 'matplotlib', 'docker')"
    code = (
        "import sys; from harness.cli import cli; cli(['list', 'claims'], standalone_mode=False); "
        f"sys.exit(','.join(name for name in {heavy} if name in sys.modules) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_when_asked_for_help_then_says_what_it_does() -> None:
    for command in COMMANDS:
        assert command.help, command.name


def test_verdict_when_a_run_is_stored_then_judges_it_again(project: Path) -> None:
    name = stored(project)
    found = document("verdict", root=project)
    assert found["run"] == name
    (verdict,) = found["verdicts"]
    assert (verdict["claim"], verdict["verdict"]) == ("manual_is_faster", "supported")
    assert "2.0" in verdict["answer"]
    assert {one["contrast"] for one in verdict["findings"]} == {"time", "cpu"}


def test_verdict_when_blocks_are_few_then_is_inconclusive(project: Path) -> None:
    stored(project, blocks=4)
    assert document("verdict", root=project)["verdicts"][0]["verdict"] == "inconclusive"


def test_explain_when_a_run_is_stored_then_shows_rule_and_rows_in_100_columns(project: Path) -> None:
    stored(project)
    result = call("explain", "manual_is_faster", root=project)
    assert result.exit_code == 0, result.output
    assert "above 1.1" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 100


def test_explain_when_the_run_did_not_ask_the_claim_then_says_how_to_ask(project: Path) -> None:
    stored(project)
    result = call("explain", "stack_is_faster", root=project)
    assert "run --claims stack_is_faster" in str(result.exception)


def test_report_when_written_twice_then_is_the_same_byte_for_byte(project: Path) -> None:
    stored(project)
    path = project / call("report", root=project).stdout.strip()
    first = path.read_bytes()
    call("report", root=project)
    assert path.read_bytes() == first
    assert b"<html" in first


@pytest.mark.parametrize("kind", ["pyperf", "csv", "records-csv", "benchfmt"])
def test_export_when_a_run_is_stored_then_writes_each_format(project: Path, kind: str, tmp_path: Path) -> None:
    stored(project)
    out = tmp_path / "exported"
    result = call("export", "--format", kind, "--out", str(out), root=project)
    assert result.exit_code == 0, result.output
    assert out.read_text()


def test_list_runs_when_one_is_finished_and_one_is_not_then_says_so(project: Path) -> None:
    stored(project)
    stored(project, blocks=2, finished=False)
    found = document("list", "runs", root=project)["runs"]
    assert [one["status"] for one in found] == ["unfinished", "complete"]


def test_verdict_when_runs_are_of_two_machines_then_refuses(project: Path) -> None:
    names = (stored(project), stored(project, blocks=6, machine="other"))
    result = call("verdict", *names, root=project)
    assert "different machines do not combine" in str(result.exception)


def test_verdict_when_the_catalogue_has_changed_then_names_the_commit_to_check_out(project: Path) -> None:
    stored(project)
    change(project / "benchmarks/workloads/lru_cache.toml", "quick = 1000,", "quick = 1001,")
    result = call("verdict", root=project)
    assert "check out commit abc" in str(result.exception)


def test_verdict_when_the_engine_was_local_then_every_page_says_so(project: Path) -> None:
    stored(project, engine="local", why_engine="no daemon")
    found = document("verdict", root=project)
    assert "not_contained" in {one["code"] for one in found["health"]["warnings"]}


def test_expectation_when_sources_change_then_so_does_the_digest(project: Path) -> None:
    catalog = load(project)
    plan = make_plan(catalog, load_claims(project, catalog), catalog.suites["smoke"], seed=1)
    one = next(one for block in plan.blocks for one in block.invocations)
    source = project / "langs" / one.cell.language / "main.txt"
    source.write_text("first")
    before = expectation(catalog, project)(one).digest
    source.write_text("second")
    after = expectation(catalog, project)(one).digest
    assert isinstance(before, Digest)
    assert before.workload == after.workload
    assert before.sources != after.sources
