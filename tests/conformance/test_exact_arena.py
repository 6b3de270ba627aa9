"""Mode ``exact`` of the trees in regions: the runtime serves the chunks of the text, and no nodes.

That variant ``node`` is served whole is the common check of equal work; this is its other half, without which a region
might be nothing but a count.
"""

from collections.abc import Mapping
from typing import Final

import pytest

from harness.protocol.messages import MESSAGE, Iteration
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, Source, call
from tests.models import binary_trees

NODE_BYTES: Final[Mapping[str, int]] = {"c": 24, "go": 16, "java": 16}
"""What one node takes in a chunk: pointers in C, indices of 32 bits elsewhere."""

SLACK: Final = 20
"""Allocations that a runtime's own threads may add."""
PER_REGION: Final = 2
"""Allocations of a region beside its chunks, of a few bytes each: itself, and the table of its chunks."""
SLACK_BYTES: Final = 64 << 10


@pytest.mark.parametrize("threads", [1, 3])
def test_arena_when_trees_are_grown_then_the_runtime_serves_its_chunks_and_little_more(
    source: Source, language: str, threads: int
) -> None:
    case = cases.Case(parameters={"depth": 12, "threads": threads}, seed=42)
    model = binary_trees.run(case.parameters, "arena", case.seed)
    prefix = source.runner(LANGUAGES[language], LANGUAGES[language].mode_build.get("exact", {}))
    answer = call(prefix, cases.command_line("binary_trees", "arena", case, mode="exact", warmup=1))
    assert differences(cases.expected(language, "binary_trees", "arena", case, mode="exact", warmup=1), answer) == []
    last = [one for line in answer.lines if isinstance(one := MESSAGE.validate_json(line), Iteration)][-1]
    chunks = model.counters["chunks"]
    regions = 2 + 5 * threads  # of stretch and long-lived tree, and of each thread for depths 4, 6, 8, 10, 12
    bytes_of_chunks = chunks * NODE_BYTES[language] * binary_trees.CHUNK_NODES
    assert last.runtime_bytes is not None
    assert bytes_of_chunks <= last.runtime_bytes <= bytes_of_chunks + SLACK_BYTES
    if last.runtime_allocations is not None:
        assert chunks <= last.runtime_allocations <= chunks + PER_REGION * regions + SLACK


def test_languages_when_listed_then_each_is_known_by_the_size_of_its_nodes() -> None:
    assert set(NODE_BYTES) == set(LANGUAGES)
