"""A value is inside or outside its bounds, a row as good as its values, and JSON tells all of it."""

import json
from typing import Any

import pytest

from harness.validate.checks import Check, Value, judged, to_json


def value(observed: float, low: float | None = None, high: float | None = None, **changes: Any) -> Value:
    given: dict[str, Any] = {"what": "x", "observed": observed, "low": low, "high": high, "unit": "count"}
    return Value(**(given | changes))


@pytest.mark.parametrize(
    ("observed", "low", "high", "ok"),
    [
        (1, 1, 2, True), (2, 1, 2, True), (0.9, 1, 2, False), (2.1, 1, 2, False), (5, None, 5, True),
        (5.1, None, 5, False), (5, 5, None, True), (4.9, 5, None, False), (1e9, None, None, True),
        (float("nan"), 1, 2, False), (float("nan"), None, 2, False),
    ],
)  # fmt: skip
def test_value_when_on_or_beyond_a_bound_then_inside_or_outside(
    observed: float, low: float | None, high: float | None, ok: bool
) -> None:
    assert value(observed, low, high).ok == ok


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(1, 2, "1 to 2"), (None, 2, "≤ 2"), (1, None, "≥ 1"), (1, 1, "= 1"), (None, None, "reported")],
)
def test_value_when_shown_then_its_bound_reads_as_such(low: float | None, high: float | None, text: str) -> None:
    assert value(1, low, high).bound == text
    assert value(1, low, high).text == f"x: 1 ({text})"


def test_check_when_values_differ_in_room_then_the_tightest_and_before_it_the_broken_one_is_the_worst() -> None:
    easy, tight, reported = value(5, 0, 10), value(9, 0, 10), value(7)
    assert judged("row", "title", [easy, tight, reported]).worst == tight
    broken = value(11, 0, 10)
    assert judged("row", "title", [tight, broken]).worst == broken
    assert judged("row", "title", [value(1, None, 10), value(9, None, 10)]).worst == value(9, None, 10)
    assert judged("row", "title", [value(100, 10, None), value(11, 10, None)]).worst == value(11, 10, None)


def test_judged_when_one_value_is_outside_then_the_row_is_and_its_reason_names_the_value() -> None:
    found = judged("row", "title", [value(1, 0, 2), value(3, 0, 2, what="the broken part")])
    assert (found.status, found.ok) == ("outside", False)
    assert found.reason == "the broken part: 3 (0 to 2)"
    assert judged("row", "title", [value(1, 0, 2)]).status == "within"


def test_judged_when_nothing_with_a_bound_was_read_then_nothing_is_proved() -> None:
    for values in ([], [value(1)]):
        found = judged("row", "title", values)
        assert (found.status, found.reason) == ("outside", "nothing was read that has a bound")


def test_json_when_a_check_has_values_then_its_head_is_the_worst_of_them() -> None:
    found = dict(to_json(judged("row", "title", [value(1, 0, 2), value(3, 0, 2)], ["Tongue: no compiler"])))
    assert json.loads(json.dumps(found)) == found
    assert (found["id"], found["ok"], found["observed"], found["bound"], found["unit"]) == (
        "row",
        False,
        3,
        [0, 2],
        "count",
    )
    assert found["left_out"] == ["Tongue: no compiler"]
    assert isinstance(found["values"], list)
    assert [one["ok"] for one in found["values"]] == [True, False]


def test_json_when_a_row_is_unavailable_then_it_is_no_failure_and_has_no_number() -> None:
    found = to_json(Check(id="row", title="title", status="unavailable", reason="the kernel refuses"))
    assert (found["ok"], found["status"], found["observed"], found["bound"]) == (True, "unavailable", None, None)
    assert found["reason"] == "the kernel refuses"
