"""Whether an answer is the right one: the differences between what a program printed and what its model says.

An empty list is the only pass. Every rule of ``langs/PROTOCOL.md`` section 3 that a stream can break has its line here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from pydantic import ValidationError

from harness.catalog.model import Mode
from harness.protocol.messages import (
    MESSAGE,
    Checkpoint,
    End,
    GcPause,
    Histogram,
    Iteration,
    Ready,
    Stall,
    Start,
    Ticker,
)
from tests.conformance.programs import Answer
from tests.models.base import Result

OF_MODE: Final[Mapping[Mode, tuple[type, ...]]] = {
    "memory": (Checkpoint,),
    "latency": (Histogram, Ticker, Stall, GcPause),
}
"""Messages that only one mode has."""

COUNTED = ("operations", "allocations", "allocated_bytes", "peak_live_bytes", "checksum")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one invocation must print.

    ``results`` has one entry per form, in their order; its one key is None where the workload's variant is no form.
    ``served`` says that whatever the text calls an allocation is one: the runtime then served at least as many bytes
    (and allocations, where it counts them) in mode ``exact``.
    """

    language: str
    mode: Mode
    warmup: int
    iterations: int
    results: Mapping[str | None, Result]
    served: bool


def differences(expected: Expected, answer: Answer) -> list[str]:
    """Everything that is wrong with ``answer``, in words; empty when it is right."""
    if answer.exit_code != 0:
        return [f"exit code {answer.exit_code}: {answer.stderr[-2000:]}"]
    try:
        messages = [MESSAGE.validate_json(line) for line in answer.lines]
    except ValidationError as error:
        return [f"a line is no message: {error}"]
    wrong = [f"line does not start with its type: {line!r}" for line in answer.lines if line[:8] != b'{"type":']
    kinds = [type(message) for message in messages]
    if kinds[:2] != [Start, Ready] or kinds[-1:] != [End] or len({Start, Ready, End} & set(kinds[2:-1])):
        return [*wrong, f"order of messages: {[kind.__name__ for kind in kinds]}"]
    start, end = messages[0], messages[-1]
    assert isinstance(start, Start)
    assert isinstance(end, End)
    iterations = [message for message in messages if isinstance(message, Iteration)]
    others = {type(m).__name__ for m in messages[2:-1] if not isinstance(m, Iteration)}
    allowed = {one.__name__ for one in OF_MODE.get(expected.mode, ())}
    wrong += [f"unexpected in mode {expected.mode}: {name}" for name in sorted(others - allowed)]
    if start.language != expected.language:
        wrong.append(f"start.language is {start.language}")
    if end.status != "ok":
        wrong.append(f"end.status is {end.status}")
    return [*wrong, *_of_iterations(expected, iterations), *_of_counters(expected, end)]


def _of_iterations(expected: Expected, found: list[Iteration]) -> Iterator[str]:
    per_form = expected.warmup + expected.iterations
    phases = ["warmup"] * expected.warmup + ["measured"] * expected.iterations
    forms_and_phases = [(form, phase) for form in expected.results for phase in phases]
    # One index runs over the whole process, its forms included.
    places = [(form, index, phase) for index, (form, phase) in enumerate(forms_and_phases)]
    if [(one.form, one.index, one.phase) for one in found] != places:
        yield f"iterations are {[(one.form, one.index, one.phase) for one in found]} instead of {places}"
        return
    for number, one in enumerate(found):
        model = expected.results[one.form]
        where = f"{one.form or 'iteration'} {number % per_form}"
        for name in COUNTED:
            if getattr(one, name) != getattr(model, name):
                yield f"{where}: {name} is {getattr(one, name)}, the model says {getattr(model, name)}"
        yield from _of_runtime(expected, one, where)
    for earlier, later in pairwise(found):
        if earlier.start_ns + earlier.elapsed_ns > later.start_ns:
            yield f"iteration {later.index} starts before {earlier.index} ends"


def _of_runtime(expected: Expected, one: Iteration, where: str) -> Iterator[str]:
    if expected.mode != "exact":
        if one.runtime_allocations is not None or one.runtime_bytes is not None:
            yield f"{where}: runtime counts in mode {expected.mode}"
        return
    if one.runtime_bytes is None:
        yield f"{where}: no runtime_bytes in mode exact"
    elif expected.served and one.runtime_bytes < one.allocated_bytes:
        yield f"{where}: the runtime served {one.runtime_bytes} of {one.allocated_bytes} bytes"
    if expected.served and one.runtime_allocations is not None and one.runtime_allocations < one.allocations:
        yield f"{where}: the runtime served {one.runtime_allocations} of {one.allocations} allocations"


def _of_counters(expected: Expected, end: End) -> Iterator[str]:
    if set(expected.results) != {None}:
        return
    counters: dict[str, Any] = dict(expected.results[None].counters)
    if end.counters != counters:
        yield f"end.counters are {end.counters}, the model says {counters}"
