"""C under AddressSanitizer, UndefinedBehaviorSanitizer and LeakSanitizer: every workload, clean, at smoke size.

What the garbage-collected languages cannot get wrong, C can: a use after free, a leak, an overflow. The build is the
one that is measured plus instrumentation, and its answers must still be the model's.
"""

import pytest

from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, WORKLOADS, Builder, call

SANITIZE = {"SANITIZE": "1"}
ALL = [(workload, variant) for language, workload, variant in cases.present() if language == "c"]


@pytest.fixture
def prefix(builder: Builder, language: str) -> tuple[str, ...]:
    return builder.runner(LANGUAGES[language], SANITIZE)


@pytest.mark.parametrize("language", ["c"], indirect=True)
@pytest.mark.parametrize(("workload", "variant"), [pytest.param(*one, id="-".join(one)) for one in ALL])
def test_c_when_sanitized_then_every_workload_is_clean_and_right(
    prefix: tuple[str, ...], language: str, workload: str, variant: str
) -> None:
    case = cases.at(WORKLOADS[workload], "smoke")
    answer = call(prefix, cases.command_line(workload, variant, case, warmup=1))
    assert differences(cases.expected(language, workload, variant, case, warmup=1), answer) == []
    assert answer.stderr == ""


@pytest.mark.parametrize("language", ["c"], indirect=True)
@pytest.mark.parametrize("variant", ["node", "arena"])
def test_c_when_sanitized_and_threaded_then_the_trees_are_clean_and_right(
    prefix: tuple[str, ...], language: str, variant: str
) -> None:
    case = cases.Case(parameters={"depth": 8, "threads": 4}, seed=42)
    answer = call(prefix, cases.command_line("binary_trees", variant, case))
    assert differences(cases.expected(language, "binary_trees", variant, case), answer) == []
