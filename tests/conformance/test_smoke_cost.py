"""What a cell of size ``smoke`` may cost: so little CPU that conformance can run hundreds of them.

Counted by the program's own CPU counter around ``iterate`` as a record holds it, never by a wall clock, and the least
of a few processes counts: a neighbour can only add. Start-up is a language's own and left out.
"""

from typing import Final

import pytest

from harness.protocol.messages import MESSAGE, Iteration
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, WORKLOADS, Source, call
from tests.conformance.test_equal_work import ALONE, OF_FORMS

COMPILES_WHILE_RUNNING: Final = frozenset({"java"})
"""Languages whose compiler runs beside the program, on the same counter."""

MOST_NS: Final = 50_000_000
MOST_NS_WHILE_COMPILING: Final = 150_000_000
PROCESSES: Final = 5


def _cpu_ns(source: Source, language: str, workload: str, variant: str) -> int:
    """CPU that one process spent in its measured iterations."""
    mode = cases.modes(WORKLOADS[workload].variant(variant))[0]
    prefix = source.runner(LANGUAGES[language], LANGUAGES[language].mode_build.get(mode, {}))
    case = cases.at(WORKLOADS[workload], "smoke")
    answer = call(prefix, cases.command_line(workload, variant, case, mode=mode))
    assert differences(cases.expected(language, workload, variant, case, mode=mode), answer) == []
    messages = [MESSAGE.validate_json(line) for line in answer.lines]
    return sum(one.cpu_ns for one in messages if isinstance(one, Iteration))


@pytest.mark.parametrize(("language", "workload", "variant"), [*ALONE, *OF_FORMS], indirect=["language"])
def test_smoke_cell_when_its_cpu_is_counted_then_it_costs_no_more_than_it_may(
    source: Source, language: str, workload: str, variant: str
) -> None:
    most = MOST_NS_WHILE_COMPILING if language in COMPILES_WHILE_RUNNING else MOST_NS
    spent: list[int] = []
    while len(spent) < PROCESSES and (not spent or min(spent) > most):
        spent.append(_cpu_ns(source, language, workload, variant))
    assert min(spent) <= most, f"ns of CPU, process by process: {spent}"


def test_languages_when_listed_then_those_that_compile_while_running_are_among_them() -> None:
    assert set(LANGUAGES) > COMPILES_WHILE_RUNNING
