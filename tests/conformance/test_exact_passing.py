"""Mode ``exact`` of ``pass_large``: a struct that does not escape is served by no allocator, whatever its size.

That an escaping one is served is the common check of equal work; this is its other half, without which ``value`` and
``pointer`` might time an allocation.
"""

from typing import Final

import pytest

from harness.protocol.messages import MESSAGE, Iteration
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, WORKLOADS, Source, call

CASE: Final = cases.Case(parameters={"words": 1 << 20}, seed=42)
LOCAL: Final = [
    pytest.param(language, variant, id=f"{language}-{variant}")
    for language, workload, variant in cases.present()
    if workload == "pass_large" and not variant.startswith("escape_")
]
SLACK: Final = 20
"""Allocations that a runtime's own threads may add; far below one for each of the least operations."""


@pytest.mark.parametrize(("language", "variant"), LOCAL, indirect=["language"])
def test_struct_when_it_does_not_escape_then_no_operation_allocates(
    source: Source, language: str, variant: str
) -> None:
    prefix = source.runner(LANGUAGES[language], LANGUAGES[language].mode_build.get("exact", {}))
    answer = call(prefix, cases.command_line("pass_large", variant, CASE, mode="exact", warmup=1))
    assert differences(cases.expected(language, "pass_large", variant, CASE, mode="exact", warmup=1), answer) == []
    last = [one for line in answer.lines if isinstance(one := MESSAGE.validate_json(line), Iteration)][-1]
    assert last.operations > SLACK
    assert last.runtime_allocations is not None
    assert last.runtime_allocations <= SLACK


def test_sizes_when_listed_then_each_is_passed_in_every_way_and_read_in_both() -> None:
    ways = {tuple(one.id.split("_")) for one in WORKLOADS["pass_large"].variants}
    sizes = {size for _, size, _ in ways}
    wanted = {
        (way, size, read) for way in ("value", "pointer", "escape") for size in sizes for read in ("read1", "readall")
    }
    assert ways == wanted
