"""``selfbench``: what it prints of a run that is stored by hand."""

from pathlib import Path

import pytest

from harness.catalog.load import load
from harness.claims.load import load_claims
from harness.cli import selfbench, session
from harness.cli.measuring import Outcome
from harness.cli.planning import make_plan
from harness.store import runs
from tests.fakes import stored
from tests.unit.cli.conftest import Call, project


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which the suite has just been measured; the growth of the page is cut short."""
    root = project(tmp_path)
    name = stored.run(root, selfbench.SUITE)
    catalog = load(root)
    plan = make_plan(catalog, load_claims(root, catalog), catalog.suites[selfbench.SUITE], seed=7)

    def done(interrupted: bool) -> session.Done:
        found = Outcome(records=runs.records(root, name), late=False, interrupted=interrupted)
        return session.Done(name=name, plan=plan, outcome=found)

    monkeypatch.setattr(session, "begin", lambda *_, budget, **__: done(interrupted=budget == 1))
    monkeypatch.setattr(selfbench, "GROWTH", (1, 2))
    return root


def test_selfbench_when_measured_then_prints_instruments_time_outside_and_the_page_s_growth(
    measured: Path, memverdict: Call
) -> None:
    called = memverdict("selfbench", root=measured)
    assert called.code == 0
    for said in ("instruments on / off", "memory", "outside the workload", "records to page", "2×"):
        assert said in called.out


def test_selfbench_when_json_is_asked_for_then_is_one_document(measured: Path, memverdict: Call) -> None:
    document = memverdict("selfbench", "--json", root=measured).document
    assert {one["mode"] for one in document["instruments"]} <= {"memory", "latency"}
    assert any(one["mode"] == "memory" for one in document["instruments"])
    first, second = document["pages"]
    assert second["records"] == 2 * first["records"]
    assert first["seconds"] > 0


def test_selfbench_when_interrupted_then_says_how_to_go_on(measured: Path, memverdict: Call) -> None:
    called = memverdict("selfbench", "--budget", "1s", root=measured)
    assert called.code == 130
    assert "--resume" in called.err
