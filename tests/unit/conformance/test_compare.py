"""The comparison itself: a right stream has no differences, and each way of being wrong is found."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.compare import Expected, differences
from tests.conformance.programs import Answer
from tests.models.base import Result

RESULT = Result(
    operations=10,
    allocations=9,
    allocated_bytes=90,
    peak_live_bytes=20,
    checksum="00000000000000ff",
    counters={"hits": 3},
)
EXPECTED = Expected(language="some", mode="exact", warmup=1, iterations=1, results={None: RESULT}, served=True)

Line = dict[str, Any]


def _iteration(index: int, phase: str) -> Line:
    return {
        "type": "iteration", "index": index, "phase": phase, "start_ns": 100 * (index + 1), "elapsed_ns": 50,
        "cpu_ns": 40, "operations": 10, "allocations": 9, "allocated_bytes": 90, "peak_live_bytes": 20,
        "checksum": "00000000000000ff", "runtime_allocations": 9, "runtime_bytes": 90,
    }  # fmt: skip


def _lines() -> list[Line]:
    return [
        {
            "type": "start", "format": 1, "language": "some", "toolchain": "some 1", "in_force": {"heap": 1}, "cpus": 2,
            "pid": 7, "cpu_resolution_ns": 1,
        },
        {"type": "ready"},
        _iteration(0, "warmup"),
        _iteration(1, "measured"),
        {"type": "end", "status": "ok", "peak_resident_bytes": 1, "resident_bytes": 1, "counters": {"hits": 3}},
    ]  # fmt: skip


def _answer(lines: list[Line], *, exit_code: int = 0) -> Answer:
    texts = tuple(json.dumps(line, separators=(",", ":")).encode() for line in lines)
    return Answer(exit_code=exit_code, lines=texts, stderr="what it said")


def test_differences_when_stream_is_right_then_there_are_none() -> None:
    assert differences(EXPECTED, _answer(_lines())) == []


def _set(line: int, key: str, value: object) -> Callable[[list[Line]], None]:
    return lambda lines: lines[line].__setitem__(key, value)


WRONG: dict[str, tuple[Callable[[list[Line]], object], str]] = {
    "operations": (_set(3, "operations", 11), "operations is 11, the model says 10"),
    "allocations": (_set(3, "allocations", 8), "allocations is 8"),
    "allocated bytes": (_set(2, "allocated_bytes", 89), "allocated_bytes is 89"),
    "peak": (_set(3, "peak_live_bytes", 21), "peak_live_bytes is 21"),
    "checksum": (_set(3, "checksum", "0000000000000000"), "checksum is 0000000000000000"),
    "counter": (_set(4, "counters", {"hits": 4}), "end.counters are {'hits': 4}"),
    "counter missing": (lambda lines: lines[4].pop("counters"), "end.counters are {}"),
    "phase": (_set(2, "phase", "measured"), "iterations are"),
    "index": (_set(3, "index", 2), "iterations are"),
    "form where there is none": (_set(3, "form", "heap"), "iterations are"),
    "iteration missing": (lambda lines: lines.pop(3), "iterations are"),
    "overlap": (_set(3, "start_ns", 120), "starts before"),
    "too few served bytes": (_set(3, "runtime_bytes", 89), "served 89 of 90 bytes"),
    "too few served allocations": (_set(3, "runtime_allocations", 8), "served 8 of 9 allocations"),
    "runtime bytes missing": (lambda lines: lines[3].pop("runtime_bytes"), "no runtime_bytes"),
    "language": (_set(0, "language", "other"), "start.language is other"),
    "status": (_set(4, "status", "oom"), "end.status is oom"),
    "unknown field": (_set(3, "extra", 1), "a line is no message"),
    "wrong type": (_set(3, "cpu_ns", 1.5), "a line is no message"),
    "ready missing": (lambda lines: lines.pop(1), "order of messages"),
    "end missing": (lambda lines: lines.pop(), "order of messages"),
    "end twice": (lambda lines: lines.append(lines[-1]), "order of messages"),
    "nothing at all": (lambda lines: lines.clear(), "order of messages"),
    "checkpoint in another mode": (
        lambda lines: lines.insert(3, {
            "type": "checkpoint", "name": "x", "at_ns": 1, "live_bytes": 1, "resident_bytes": 1,
            "peak_resident_bytes": 1, "pss_bytes": 1,
        }),
        "unexpected in mode exact: Checkpoint",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_differences_when_one_thing_is_wrong_then_it_is_named(name: str) -> None:
    spoil, words = WRONG[name]
    lines = _lines()
    spoil(lines)
    assert any(words in one for one in differences(EXPECTED, _answer(lines)))


def test_differences_when_type_is_not_first_then_it_is_named() -> None:
    answer = _answer(_lines())
    reordered = json.dumps(dict(reversed(_lines()[3].items()))).encode()
    wrong = differences(EXPECTED, replace(answer, lines=(*answer.lines[:3], reordered, answer.lines[4])))
    assert [one[:33] for one in wrong] == ["line does not start with its type"]


def test_differences_when_exit_code_is_not_zero_then_it_is_told_with_stderr() -> None:
    assert differences(EXPECTED, _answer(_lines(), exit_code=65)) == ["exit code 65: what it said"]


def test_differences_when_runtime_counts_come_in_another_mode_then_they_are_told() -> None:
    wrong = differences(replace(EXPECTED, mode="throughput"), _answer(_lines()))
    assert wrong == ["iteration 0: runtime counts in mode throughput", "iteration 1: runtime counts in mode throughput"]


def test_differences_when_serving_is_not_promised_then_fewer_are_right() -> None:
    lines = _lines()
    lines[3] |= {"runtime_bytes": 0, "runtime_allocations": 0}
    assert differences(replace(EXPECTED, served=False), _answer(lines)) == []


def test_differences_when_forms_are_served_then_they_are_expected_in_order() -> None:
    two = replace(EXPECTED, warmup=0, results={"first": RESULT, "second": RESULT})
    lines = _lines()
    lines[2] |= {"form": "first", "phase": "measured"}
    lines[3] |= {"form": "second"}
    assert differences(two, _answer(lines)) == []
    lines[2]["form"], lines[3]["form"] = "second", "first"
    assert differences(two, _answer(lines))[0].startswith("iterations are")
