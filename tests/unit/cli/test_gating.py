from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness import errors
from harness.catalog.load import load
from harness.cli import cli, exit_code, session
from harness.cli.measuring import Outcome
from harness.cli.planning import make_plan
from harness.gate import baseline as base
from harness.protocol.record import Record
from harness.store import runs
from tests.fakes.project import copied
from tests.unit.validate.test_canary import canaries


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copied(tmp_path)


def gate(project: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--root", str(project), "gate", "--against-baseline", *words])


def measuring(project: Path, records: tuple[Record, ...], *, interrupted: bool = False) -> Any:
    """A stand-in for the run: the records given, in a folder that exists."""
    catalog = load(project)
    plan = make_plan(catalog, {}, catalog.suites["exact"], seed=1)
    runs.create(project, "made", provenance={"format": 1}, plan={"format": 1}).close()
    outcome = Outcome(records=records, late=False, interrupted=interrupted)
    return lambda *_, **__: session.Done(name="made", plan=plan, outcome=outcome)


def test_gate_when_a_program_does_not_build_then_nothing_was_compared_and_it_is_no_regression(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise errors.BuildFailed("x does not build")

    monkeypatch.setattr(session, "begin", broken)
    result = gate(project)
    assert isinstance(result.exception, errors.UnfitError)
    assert exit_code(result.exception) == 3


def test_gate_when_a_canary_failed_then_records_no_baseline(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "begin", measuring(project, tuple(canaries("pause", elapsed_ns=1))))
    result = gate(project, "--record")
    assert isinstance(result.exception, errors.UnfitError)
    assert "nothing was recorded" in str(result.exception)
    assert not (project / base.PATH).exists()


def test_gate_when_healthy_then_records_what_was_counted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "begin", measuring(project, tuple(canaries())))
    result = gate(project, "--record")
    assert result.exit_code == 0, result.output
    assert base.load_baseline((project / base.PATH).read_text()).entries


def test_gate_when_planned_cells_were_not_measured_then_exits_3_and_leaves_its_files(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "begin", measuring(project, tuple(canaries())))
    result = gate(project)
    assert result.exit_code == 3, result.output
    folder = runs.runs_folder(project) / "made"
    assert all((folder / name).is_file() for name in ("gate.json", "gate.md", "gate.xml"))


def test_gate_when_interrupted_then_decides_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "begin", measuring(project, (), interrupted=True))
    assert gate(project).exit_code == 130
