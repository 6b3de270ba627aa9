"""A gate's result for those who read it: a JSON document, Markdown for people, JUnit for CI, annotations for a diff.

All four say the same rows in the same words; nothing is computed here but text.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, Final

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from harness.gate.decide import GateResult, Outcome, Row
from harness.gate.tiers import NAMES

FORMAT: Final = 1

_SIGNS: Final[dict[Outcome, str]] = {
    "pass": "+",
    "improved": "+",
    "regression": "-",
    "unknown": "?",
    "invalid": "!",
}


def to_json(result: GateResult) -> str:
    """``gate.json``: format, exit code, summary, and every row with all its fields."""
    document = {
        "format": FORMAT,
        "exit": result.exit_code,
        "summary": result.summary,
        "unfit": list(result.unfit),
        "notes": list(result.notes),
        "rows": [dataclasses.asdict(row) for row in result.rows],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def to_markdown(result: GateResult) -> str:
    """``gate.md``, also the summary of a CI step: the answer, what needs a look, then everything as a table."""
    lines = [f"## Gate: {result.summary}", ""]
    for row in result.rows:
        if row.outcome != "pass":
            lines += [f"### {_SIGNS[row.outcome]} {row.outcome}: {_title(row)}", "", *_explained(row), ""]
    if result.notes:
        lines += ["### Not looked at", "", *(f"- {note}" for note in result.notes), ""]
    if result.rows:
        lines += ["| | cell | metric | recorded | now | tier |", "|---|---|---|---:|---:|---|"]
        lines += [
            f"| {_SIGNS[row.outcome]} | {_cell(row.label)} | {row.metric or ''} | {_total(row.old)} "
            f"| {_total(row.new)} | {row.tier} {NAMES[row.tier]} |"
            for row in result.rows
        ]
        lines.append("")
    return "\n".join(lines)


def to_junit(result: GateResult) -> str:
    """JUnit XML: one case per row; a regression is a failure, what could not be compared an error."""
    suite = TestSuite("memverdict gate")
    for row in result.rows:
        case = TestCase(_title(row), classname=f"gate.{NAMES[row.tier]}")
        if row.outcome == "regression":
            case.result = [_result(Failure, row)]
        elif row.outcome in ("unknown", "invalid"):
            case.result = [_result(Error, row)]
        suite.add_testcase(case)
    for reason in result.unfit:
        case = TestCase(reason, classname="gate.unfit")
        case.result = [Error(reason, "unfit")]
        suite.add_testcase(case)
    document: Any = JUnitXml("memverdict")  # its own methods carry no types
    document.add_testsuite(suite)
    return str(document.tostring().decode("utf-8"))


def annotations(result: GateResult) -> tuple[str, ...]:
    """Workflow commands that CI shows beside the change: errors for regressions, warnings for what is not decided."""
    levels = {"regression": "error", "invalid": "error", "unknown": "warning", "improved": "notice"}
    return (
        *(f"::error title=gate unfit::{_escaped(reason)}" for reason in result.unfit),
        *(
            f"::{levels[row.outcome]} title={_property(f'{row.outcome}: {_title(row)}')}::"
            f"{_escaped(' · '.join(_sentences(row)))}"
            for row in result.rows
            if row.outcome in levels
        ),
    )


def _title(row: Row) -> str:
    return row.label if row.metric is None else f"{row.label} {row.metric}"


def _sentences(row: Row) -> Sequence[str]:
    said = [
        row.why,
        f"tier {row.tier}, {NAMES[row.tier]}" + (": no interval, the count is exact" if row.new is not None else ""),
        f"control: {row.control}" if row.control else "",
        f"likely knock-on: {row.knock_on}" if row.knock_on else "",
        row.remedy,
        f"repeat: {row.repeat}" if row.repeat else "",
    ]
    return [one for one in said if one]


def _explained(row: Row) -> list[str]:
    text = [f"- {sentence}" for sentence in _sentences(row) if not sentence.startswith("repeat: ")]
    commands = [one for one in (row.repeat, row.command) if one]
    return [*text, "", "```", *commands, "```"] if commands else text


def _result(kind: type[Failure] | type[Error], row: Row) -> Failure | Error:
    result = kind(row.why, row.outcome)
    result.text = "\n".join([*_sentences(row), row.command])
    return result


def _total(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
