"""``langs/PROTOCOL.md`` sections 2 to 4 on the real programs: how they are called, what they refuse, how they end.

The canary is the subject wherever any workload would do.
"""

import pytest

from harness.catalog.model import MODES
from harness.protocol.messages import MESSAGE, Checkpoint, Iteration, Start
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, WORKLOADS, Source, call, call_all

COMPLETE, USAGE, UNSUPPORTED = 0, 64, 69

CANARY = {
    "mebibytes": 1,
    "hold_ms": 1,
    "cpu_ms": 1,
    "threads": 1,
    "count": 10,
    "size": 64,
    "arrivals": 1,
    "service_us": 0,
    "stall_every": 1,
}
CASE = cases.Case(parameters=CANARY, seed=42)
RIGHT = cases.command_line("canary", "bytes", CASE)

REFUSED = {
    "nothing": [],
    "unknown workload": ["no_such_workload", *RIGHT[1:]],
    "workload missing": RIGHT[1:],
    "unknown variant": [one.replace("variant=bytes", "variant=no_such_variant") for one in RIGHT],
    "unknown mode": [one.replace("mode=throughput", "mode=no_such_mode") for one in RIGHT],
    "unknown key": [*RIGHT, "no_such_key=1"],
    "another workload's key": [*RIGHT, "depth=4"],
    "key without value": [*RIGHT[:-1], "size"],
    "no key": [*RIGHT, "=64"],
    **{f"{one.partition('=')[0]} missing": [other for other in RIGHT if other != one] for one in RIGHT[1:]},
    **{f"{one.partition('=')[0]} repeated": [*RIGHT, one] for one in RIGHT[1:]},
    **{
        f"{key} is {value!r}": [f"{key}={value}" if one.startswith(f"{key}=") else one for one in RIGHT]
        for key in ("seed", "iterations", "count")
        for value in ("", "x", "-1", "+1", "1.0", "1e3", "0x10", " 1", "1 ", "1_000", "18446744073709551616", "\u0661")
    },
}


def test_program_when_called_wrongly_then_it_ends_with_64_and_says_why_on_stderr_alone(
    source: Source, language: str
) -> None:
    prefix = source.runner(LANGUAGES[language], {})
    answers = dict(zip(REFUSED, call_all(prefix, list(REFUSED.values())), strict=True))
    accepted = {name: answer.exit_code for name, answer in answers.items() if answer.exit_code != USAGE}
    assert accepted == {}
    assert {name: answer.lines for name, answer in answers.items() if answer.lines} == {}
    assert [name for name, answer in answers.items() if not answer.stderr.strip()] == []


@pytest.mark.parametrize("key", [one.partition("=")[0] for one in RIGHT[1:]])
def test_program_when_a_key_is_missing_then_stderr_names_it(source: Source, language: str, key: str) -> None:
    answer = call(source.runner(LANGUAGES[language], {}), REFUSED[f"{key} missing"])
    assert key in answer.stderr


@pytest.mark.parametrize("given", [b"", b"x", b"q", b"\n", b"G"], ids=repr)
def test_program_when_it_is_not_released_with_g_then_it_ends_with_64_before_any_iteration(
    source: Source, language: str, given: bytes
) -> None:
    answer = call(source.runner(LANGUAGES[language], {}), RIGHT, given=given)
    assert answer.exit_code == USAGE
    assert [MESSAGE.validate_json(line).type for line in answer.lines] == ["start", "ready"]


@pytest.mark.parametrize("given", [b"g", b"gq"], ids=repr)
def test_program_when_dismissed_by_q_or_end_of_file_then_it_ends_with_0(
    source: Source, language: str, given: bytes
) -> None:
    answer = call(source.runner(LANGUAGES[language], {}), RIGHT, given=given)
    assert differences(cases.expected(language, "canary", "bytes", CASE), answer) == []


def test_program_when_keys_come_in_reverse_order_then_it_does_the_same(source: Source, language: str) -> None:
    answer = call(source.runner(LANGUAGES[language], {}), [RIGHT[0], *reversed(RIGHT[1:])])
    assert differences(cases.expected(language, "canary", "bytes", CASE), answer) == []


@pytest.mark.parametrize(("warmup", "iterations"), [(0, 1), (2, 3), (3, 1)])
def test_program_when_told_how_often_then_phases_and_indices_are_those(
    source: Source, language: str, warmup: int, iterations: int
) -> None:
    line = cases.command_line("canary", "bytes", CASE, warmup=warmup, iterations=iterations)
    answer = call(source.runner(LANGUAGES[language], {}), line)
    wanted = cases.expected(language, "canary", "bytes", CASE, warmup=warmup, iterations=iterations)
    assert differences(wanted, answer) == []


@pytest.mark.parametrize(("language", "workload", "variant"), cases.present(), indirect=["language"])
def test_program_when_run_in_each_of_its_modes_then_every_line_is_a_message_of_that_mode(
    source: Source, language: str, workload: str, variant: str
) -> None:
    case = next(iter(cases.drawn(workload, variant)))
    for mode in cases.modes(WORKLOADS[workload].variant(variant)):
        prefix = source.runner(LANGUAGES[language], LANGUAGES[language].mode_build.get(mode, {}))
        answer = call(prefix, cases.command_line(workload, variant, case, mode=mode))
        wanted = cases.expected(language, workload, variant, case, mode=mode)
        assert differences(wanted, answer) == [], mode


def test_program_when_a_variant_of_forms_is_run_in_another_mode_then_it_is_refused(
    source: Source, language: str
) -> None:
    case = next(iter(cases.drawn("escape", "all")))
    calls = [cases.command_line("escape", "all", case, mode=mode) for mode in MODES if mode != "exact"]
    answers = call_all(source.runner(LANGUAGES[language], {}), calls)
    assert {answer.exit_code for answer in answers} <= {USAGE, UNSUPPORTED}


def test_program_when_a_variant_is_declared_absent_then_it_is_refused(source: Source, language: str) -> None:
    absent = [key.partition("/")[::2] for key in LANGUAGES[language].absent]
    calls = [
        cases.command_line(workload, variant or one.id, next(iter(cases.drawn(workload, variant))))
        for workload, variant in absent
        for one in WORKLOADS[workload].variants[:1]
    ]
    answers = call_all(source.runner(LANGUAGES[language], {}), calls)
    assert {answer.exit_code for answer in answers} <= {USAGE, UNSUPPORTED}


def test_canary_memory_when_in_mode_memory_then_checkpoints_tell_what_is_live(source: Source, language: str) -> None:
    case = cases.Case(parameters={**CANARY, "mebibytes": 32}, seed=42)
    answer = call(source.runner(LANGUAGES[language], {}), cases.command_line("canary", "memory", case, mode="memory"))
    assert differences(cases.expected(language, "canary", "memory", case, mode="memory"), answer) == []
    messages = [MESSAGE.validate_json(line) for line in answer.lines]
    points = {one.name: one for one in messages if isinstance(one, Checkpoint)}
    assert {name: one.live_bytes for name, one in points.items()} == {"after_fill": 32 << 20, "after_release": 0}
    assert points["after_fill"].resident_bytes >= 32 << 20
    assert all(one.peak_resident_bytes >= one.resident_bytes for one in points.values())


def test_program_when_it_starts_then_it_names_what_it_is_and_may_use(source: Source, language: str) -> None:
    answer = call(source.runner(LANGUAGES[language], {}), RIGHT)
    start = MESSAGE.validate_json(answer.lines[0])
    assert isinstance(start, Start)
    assert start.toolchain
    assert start.in_force
    assert start.cpus >= 1
    assert start.cpu_resolution_ns in (1, 4_000_000, 10_000_000)


def test_canary_pause_when_held_then_elapsed_is_no_less(source: Source, language: str) -> None:
    case = cases.Case(parameters={**CANARY, "hold_ms": 7}, seed=0)
    answer = call(source.runner(LANGUAGES[language], {}), cases.command_line("canary", "pause", case))
    held = [one for line in answer.lines if isinstance(one := MESSAGE.validate_json(line), Iteration)]
    assert [one.elapsed_ns >= 7_000_000 for one in held] == [True]
