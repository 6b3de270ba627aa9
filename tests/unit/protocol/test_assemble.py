from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.catalog.model import Golden
from harness.protocol.assemble import STDERR_KEPT, assemble
from harness.protocol.record import Record
from tests.fakes import values


def record(
    stream: Sequence[bytes],
    *,
    in_force: Mapping[str, int | str] | None = None,
    goldens: Mapping[str | None, Golden] | None = None,
    stderr: bytes = b"",
    overflow: bool = False,
    cell: Mapping[str, Any] | None = None,
    **observed: Any,
) -> Record:
    return assemble(
        values.invocation(**(cell or {})),
        stream,
        values.observed(**observed),
        digest=values.DIGEST,
        in_force=in_force or {},
        goldens={None: values.golden()} if goldens is None else goldens,
        stderr=stderr,
        overflow=overflow,
    )


GOOD = values.lines(values.messages())


def spoil(position: int, **changes: Any) -> list[bytes]:
    stream = values.messages()
    stream[position] = stream[position] | changes
    return values.lines(stream)


def test_assemble_when_all_is_as_asked_then_ok_and_lines_verbatim() -> None:
    found = record(GOOD, in_force={"collector": "none"})
    assert (found.status, found.reason) == ("ok", None)
    assert found.messages == tuple(line.decode() for line in GOOD)
    assert found.id == "measure-b00-s000-a-t1"


@pytest.mark.parametrize(
    ("observed", "status", "words"),
    [
        ({"exit_code": 66}, "oom", "worker says so"),
        ({"exit_code": 137, "oom_killed": True}, "oom", "kernel killed"),
        ({"exit_code": 0, "oom_killed": True}, "oom", "kernel killed"),
        ({"exit_code": 137}, "crash", "signal 9"),
        ({"exit_code": 139}, "crash", "signal 11"),
        ({"exit_code": 2}, "crash", "exit 2: panic: boom"),
        ({"exit_code": 64}, "invalid", "command line"),
        ({"exit_code": 65}, "invalid", "disagree"),
        ({"exit_code": 69}, "unsupported", "exit 69"),
        ({"exit_code": 71}, "kernel_limit", "exit 71"),
        ({"exit_code": 137, "timed_out": True}, "timeout", "in time"),
        ({"exit_code": None, "unavailable": {"exit_code": "the daemon went away"}}, "invalid", "daemon went away"),
    ],
)
def test_status_when_it_ends_badly_then_named_with_reason(observed: dict[str, Any], status: str, words: str) -> None:
    found = record(GOOD, stderr=b"panic: boom\n\n", **observed)
    assert found.status == status
    assert found.reason is not None
    assert words in found.reason


@pytest.mark.parametrize("status", ["oom", "unsupported", "kernel_limit"])
def test_status_when_end_message_names_a_failure_then_taken(status: str) -> None:
    assert record(spoil(-1, status=status)).status == status


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"collector": "other"}, "in_force.collector: the configuration asks for 'other', the runtime reports 'none'"),
        ({"heap": 400}, "in_force.heap: the configuration asks for 400, the runtime reports nothing"),
    ],
)
def test_in_force_when_not_what_was_asked_then_invalid_even_for_an_oom(asked: dict[str, int | str], words: str) -> None:
    endings: tuple[dict[str, Any], ...] = ({"exit_code": 0}, {"exit_code": 137, "oom_killed": True})
    for observed in endings:
        found = record(GOOD, in_force=asked, **observed)
        assert (found.status, found.reason) == ("invalid", words)


def test_language_when_another_answers_then_invalid() -> None:
    assert "calls itself 'other'" in (record(spoil(0, language="other")).reason or "")


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (GOOD[:-1], "0 'end' messages"),
        (GOOD[1:], "0 'start' messages"),
        ([*GOOD, GOOD[2]], "does not finish with end"),
        ([GOOD[1], GOOD[0], *GOOD[2:]], "does not begin with start and ready"),
        ([*GOOD[:2], b"hello", *GOOD[2:]], "line 3 is no message"),
        ([*GOOD[:2], b"\xff\xfe", *GOOD[2:]], "line 3 is no message"),
        ([*GOOD[:2], GOOD[2][:30], *GOOD[3:]], "line 3 is no message"),
        (spoil(2, extra=1), "iteration.extra"),
        (spoil(2, elapsed_ns="900"), "elapsed_ns"),
        ([*GOOD[:2], *GOOD[3:]], "0 warm-up and 2 measured iterations, asked were 1 and 2"),
        ([*GOOD[:2], GOOD[3], GOOD[2], *GOOD[4:]], "a warm-up iteration follows a measured one"),
        ([*GOOD[:2], GOOD[-1]], "no iteration"),
        ([], "0 'start' messages"),
    ],
)
def test_stream_when_broken_then_invalid_and_the_reason_says_where(stream: list[bytes], words: str) -> None:
    found = record(stream)
    assert found.status == "invalid"
    assert words in (found.reason or "")


@pytest.mark.parametrize("field", list(values.WORK))
def test_work_when_one_iteration_differs_then_invalid(field: str) -> None:
    other: object = "0000000000000000" if field == "checksum" else 1
    found = record(spoil(3, **{field: other}), goldens={})
    assert found.status == "invalid"
    assert f"disagrees with iteration 0: {field}" in (found.reason or "")


@pytest.mark.parametrize("field", list(values.WORK))
def test_golden_when_not_reproduced_then_invalid(field: str) -> None:
    other: object = "0000000000000000" if field == "checksum" else 1
    found = record(GOOD, goldens={None: values.golden(**{field: other})})
    assert found.status == "invalid"
    assert f"{field} is" in (found.reason or "")
    assert "golden of smoke/good" in (found.reason or "")


@pytest.mark.parametrize(("counters", "word"), [({}, "missing"), ({"hits": 8}, "8")])
def test_facts_when_not_reported_then_invalid(counters: dict[str, int], word: str) -> None:
    assert f"end.counters.hits is {word}" in (record(spoil(-1, counters=counters)).reason or "")


def test_forms_when_one_process_serves_several_then_each_is_counted_and_checked() -> None:
    stream = values.messages(warmup=0, iterations=0)
    for index, form in enumerate(["one", "one", "one", "two", "two", "two"]):
        checksum = "00000000000000aa" if form == "two" else "00000000000000bb"
        phase = "warmup" if index % 3 == 0 else "measured"
        stream.insert(-1, values.iteration(index, phase, form=form, checksum=checksum))
    goldens: dict[str | None, Golden] = {
        "one": values.golden(variant="one", checksum="00000000000000bb"),
        "two": values.golden(variant="two", checksum="00000000000000aa"),
    }
    assert record(values.lines(stream), goldens=goldens).status == "ok"
    swapped: dict[str | None, Golden] = {"one": goldens["two"], "two": goldens["one"]}
    assert "iteration 0 (one): checksum" in (record(values.lines(stream), goldens=swapped).reason or "")
    del stream[2]
    assert "0 warm-up and 2 measured iterations of form one" in (record(values.lines(stream), goldens={}).reason or "")


def test_latency_when_the_schedule_decides_then_iterations_are_not_counted_but_needed() -> None:
    latency = {"mode": "latency", "rate": 1000, "seconds": 1}
    assert record([*GOOD[:2], *GOOD[3:]], cell=latency).status == "ok"
    assert record([*GOOD[:3], GOOD[-1]], cell=latency).status == "invalid"


def test_overflow_when_more_came_than_is_stored_then_invalid_unless_the_kernel_says_oom() -> None:
    assert "more output" in (record(GOOD, overflow=True, exit_code=137, timed_out=True).reason or "")
    assert record(GOOD, overflow=True, oom_killed=True).status == "oom"


def test_stderr_when_long_then_its_tail_is_kept() -> None:
    found = record(GOOD, stderr=b"x" * STDERR_KEPT + b"last words")
    assert found.stderr.endswith("last words")
    assert len(found.stderr) == STDERR_KEPT


@given(st.lists(st.binary(max_size=40), max_size=8), st.sampled_from([None, 0, 1, 64, 66, 137]))
def test_assemble_when_anything_at_all_is_printed_then_a_record_comes_back(
    stream: list[bytes], code: int | None
) -> None:
    found = record(stream, exit_code=code)
    assert found.status != "ok"
    assert len(found.messages) == len(stream)
