"""Layouts of a build: other binaries with the code in other places, which do the same work and allocate as often."""

import hashlib
from pathlib import Path

import pytest

from harness.protocol.messages import MESSAGE, Iteration
from tests.conformance import cases
from tests.conformance.programs import LANGUAGES, Builder, call

WORKLOAD = "message_window"
PLACED = sorted(one.id for one in LANGUAGES.values() if one.layouts > 1)


def work(prefix: tuple[str, ...], case: cases.Case) -> list[tuple[object, ...]]:
    """What each iteration of a counted run did."""
    answer = call(prefix, cases.command_line(WORKLOAD, "heap", case, mode="exact", warmup=1))
    assert answer.exit_code == 0, answer.stderr
    messages = [MESSAGE.validate_json(line) for line in answer.lines]
    return [
        (one.checksum, one.operations, one.allocations, one.allocated_bytes, one.peak_live_bytes)
        for one in messages
        if isinstance(one, Iteration)
    ]


@pytest.mark.parametrize("language", PLACED, indirect=True)
def test_layouts_when_built_then_each_is_another_binary_that_does_the_same_work(
    builder: Builder, language: str
) -> None:
    spoken = LANGUAGES[language]
    options = {**spoken.mode_build.get("exact", {}), "LAYOUTS": str(spoken.layouts)}
    *enter, plain = builder.runner(spoken, options)
    programs = [plain, *(f"{plain}.{layout}" for layout in range(1, spoken.layouts))]
    folder = Path(plain).parent
    assert sorted(str(one) for one in folder.iterdir()) == programs
    assert len({hashlib.sha256(Path(one).read_bytes()).hexdigest() for one in programs}) == spoken.layouts
    case = next(iter(cases.drawn(WORKLOAD, "heap")))
    done = [work((*enter, one), case) for one in programs]
    assert done[0]
    assert all(one == done[0] for one in done)


@pytest.mark.parametrize("language", PLACED, indirect=True)
def test_layouts_when_there_are_several_then_the_plain_one_is_what_a_build_without_them_makes(
    builder: Builder, language: str
) -> None:
    spoken = LANGUAGES[language]
    alone = Path(builder.runner(spoken, {})[-1])
    beside = Path(builder.runner(spoken, {"LAYOUTS": "2"})[-1])
    assert alone != beside
    assert alone.read_bytes() == beside.read_bytes()
    assert not alone.with_name("runner.1").exists()
