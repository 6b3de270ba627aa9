"""What a gate's result looks like to machines and people."""

import json
from xml.etree import ElementTree

import pytest

from harness.gate.baseline import Baseline, record_baseline
from harness.gate.decide import GateResult, decide_exact
from harness.report.gate import annotations, to_json, to_junit, to_markdown
from tests.unit.gate.runs import METRICS, USUAL, counted
from tests.unit.samples.records import cell

BASE = record_baseline(Baseline(), [counted(USUAL)], METRICS)


@pytest.fixture(name="failed")
def failed_result() -> GateResult:
    """One regression, one value of a cell that the baseline does not know, three that pass."""
    worse = counted({**USUAL, "heap": (30_003, 640_100)})
    fresh = counted({None: (None, 8)}, of=cell("window", mode="exact"), slot=1)
    return decide_exact(BASE, [worse, fresh], METRICS)


def passed_result() -> GateResult:
    return decide_exact(BASE, [counted(USUAL)], METRICS)


def test_to_json_when_regression_then_has_exit_summary_and_full_rows(failed: GateResult) -> None:
    document = json.loads(to_json(failed))
    assert (document["format"], document["exit"]) == (1, 1)
    assert document["summary"] == "1 regression among 4 exact values compared."
    row = document["rows"][0]
    assert (row["outcome"], row["old"], row["new"], row["tier"]) == ("regression", 20_003, 30_003, 1)
    assert row["patches"] == ["x1.2.3", "x1.2.3"]


def test_to_markdown_when_regression_then_leads_with_it_and_explains(failed: GateResult) -> None:
    text = to_markdown(failed)
    assert text.startswith("## Gate: 1 regression among 4 exact values compared.\n")
    first, second = text.index("- regression: "), text.index("? unknown: ")
    assert first < second < text.index("| | cell |")
    for said in (
        "20,003 → 30,003 allocations in one process (+49.99%)",
        "tier 1, exact: no interval, the count is exact",
        "control: one process",
        "likely knock-on: more CPU time",
        "memverdict gate --against-baseline --only 'workload=escape",
        "runner escape variant=node mode=exact",
    ):
        assert said in text
    assert text.count("\n| ") == 1 + len(failed.rows)


def test_to_markdown_when_passed_then_is_answer_and_table_only() -> None:
    text = to_markdown(passed_result())
    assert text.startswith("## Gate: No regression found in 4 exact values; times were not compared.\n")
    assert "###" not in text


def test_to_markdown_when_values_were_not_looked_at_then_lists_the_notes() -> None:
    text = to_markdown(decide_exact(BASE, [], METRICS))
    assert "### Not looked at" in text
    assert "- 4 values of the baseline were not looked at" in text


def test_to_junit_when_regression_then_is_a_failure_and_unknown_is_an_error(failed: GateResult) -> None:
    root = ElementTree.fromstring(to_junit(failed))
    (suite,) = root.iter("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "1", "1")
    failure = next(root.iter("failure"))
    assert (failure.get("type"), "20,003 → 30,003" in (failure.get("message") or "")) == ("regression", True)
    assert "repeat: memverdict gate" in (failure.text or "")
    names = {case.get("classname") for case in root.iter("testcase")}
    assert names == {"gate.exact"}


def test_to_junit_when_unfit_then_that_is_an_error_of_its_own() -> None:
    found = decide_exact(BASE, [counted(USUAL)], METRICS, unfit=["canary broken"])
    root = ElementTree.fromstring(to_junit(found))
    (case,) = [one for one in root.iter("testcase") if one.get("classname") == "gate.unfit"]
    assert case.find("error") is not None


def test_annotations_when_regression_then_is_an_error_on_one_escaped_line(failed: GateResult) -> None:
    error, warning = annotations(failed)
    assert error.startswith("::error title=regression%3A x/plain escape/node exact heap allocations.count::20,003")
    assert "+49.99%25" in error
    assert warning.startswith("::warning title=unknown%3A ")
    assert "\n" not in error + warning


def test_annotations_when_unfit_then_the_reason_is_an_error() -> None:
    found = decide_exact(BASE, [counted(USUAL)], METRICS, unfit=["canary 3 % off"])
    assert annotations(found) == ("::error title=gate unfit::canary 3 %25 off",)


def test_annotations_when_passed_then_there_are_none() -> None:
    assert annotations(passed_result()) == ()
