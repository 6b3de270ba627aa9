"""Mode ``exact`` of ``buffer_pool``: a pool saves as many allocations as the algorithm says, where that decides it.

That variant ``alloc`` is served whole is the common check of equal work; this is its other half, without which the
variants might all time the same thing.
"""

from typing import Final

import pytest

from harness.protocol.messages import MESSAGE, Iteration
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, Source, call
from tests.models import buffer_pool

BURST: Final = 16
CASE: Final = cases.Case(
    parameters={"burst": BURST, "rounds": 50, "bimodal_rounds": 50, "cap_kib": 128},  # half a burst of 16 KiB
    seed=42,
)
SLACK: Final = 20
"""Allocations that a runtime's own threads may add; far below one for each buffer asked for."""
SLACK_BYTES: Final = 64 << 10
POOLS: Final = 8
"""How often a burst may be made anew: a runtime's pool is one per thread of it, and the program may change threads."""


def _measured(source: Source, language: str, variant: str) -> Iteration:
    """The measured iteration after a warm-up, right in every other respect."""
    prefix = source.runner(LANGUAGES[language], LANGUAGES[language].mode_build.get("exact", {}))
    answer = call(prefix, cases.command_line("buffer_pool", variant, CASE, mode="exact", warmup=1))
    wanted = cases.expected(language, "buffer_pool", variant, CASE, mode="exact", warmup=1)
    assert differences(wanted, answer) == []
    return [one for line in answer.lines if isinstance(one := MESSAGE.validate_json(line), Iteration)][-1]


@pytest.mark.parametrize("variant", ["alloc", "capped", "alloc_bimodal", "capped_bimodal"])
def test_buffers_when_the_text_decides_what_is_made_then_the_runtime_serves_so_many(
    source: Source, language: str, variant: str
) -> None:
    model = buffer_pool.run(CASE.parameters, variant, CASE.seed)
    made = model.counters.get("made", model.operations)
    one = _measured(source, language, variant)
    assert one.runtime_bytes is not None
    assert one.runtime_bytes >= made * buffer_pool.SMALL
    if one.runtime_allocations is not None:
        assert made <= one.runtime_allocations <= made + SLACK
    if variant == "capped":
        assert made == BURST + 49 * BURST // 2
        assert made * buffer_pool.UNIFORM <= one.runtime_bytes <= made * (buffer_pool.UNIFORM + 64) + SLACK_BYTES


def test_pool_when_bursts_repeat_then_the_runtime_serves_a_few_bursts_at_most(source: Source, language: str) -> None:
    one = _measured(source, language, "pool")
    assert one.runtime_bytes is not None
    assert BURST * buffer_pool.UNIFORM <= one.runtime_bytes <= POOLS * BURST * buffer_pool.UNIFORM
    assert one.runtime_bytes < one.allocated_bytes // 4
