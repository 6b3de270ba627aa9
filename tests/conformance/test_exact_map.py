"""Mode ``exact`` of the live map: an operation leaves the same garbage in every variant, and nothing else is made.

So a difference in time between the variants is not one in what was allocated.
"""

from typing import Final

import pytest

from harness.protocol.messages import MESSAGE, Iteration
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, WORKLOADS, Source, call

CASE: Final = cases.Case(parameters={"mebibytes": 1, "operations": 20_000, "garbage": 512}, seed=42)
SLACK: Final = 20
"""Allocations that a runtime's own threads may add; far below one for each operation."""
HEADER_BYTES: Final = 24
"""What a block may take beside its words: an array's header, or malloc's rounding."""
SLACK_BYTES: Final = 64 << 10


@pytest.mark.parametrize("variant", [one.id for one in WORKLOADS["live_map"].variants])
def test_map_when_it_is_used_then_the_runtime_serves_the_garbage_and_nothing_else(
    source: Source, language: str, variant: str
) -> None:
    prefix = source.runner(LANGUAGES[language], LANGUAGES[language].mode_build.get("exact", {}))
    answer = call(prefix, cases.command_line("live_map", variant, CASE, mode="exact", warmup=1))
    assert differences(cases.expected(language, "live_map", variant, CASE, mode="exact", warmup=1), answer) == []
    last = [one for line in answer.lines if isinstance(one := MESSAGE.validate_json(line), Iteration)][-1]
    assert last.runtime_bytes is not None
    most = last.operations * (CASE.parameters["garbage"] + HEADER_BYTES) + SLACK_BYTES
    assert last.allocated_bytes <= last.runtime_bytes <= most
    if last.runtime_allocations is not None:
        assert last.operations <= last.runtime_allocations <= last.operations + SLACK
