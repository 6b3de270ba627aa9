"""The model of the large objects against a ring that is really kept."""

import pytest

from tests.models import large_objects
from tests.models.base import draw, fold, text_of


@pytest.mark.parametrize(("variant", "words"), [("touched", 512), ("untouched", 1)])
@pytest.mark.parametrize("blocks", [0, 1, 7, 8, 9, 13, 16, 17])
def test_large_objects_when_a_ring_is_really_kept_then_counts_and_checksum_agree(
    variant: str, words: int, blocks: int
) -> None:
    numbers = iter(range(blocks * words))
    ring: list[list[int]] = [[] for _ in range(8)]
    read = []
    live = peak = 0
    for i in range(blocks):
        read += ring[i % 8]
        live += not ring[i % 8]
        ring[i % 8] = [draw(9, next(numbers)) for _ in range(words)]
        peak = max(peak, live)
    for block in ring:
        read += block
    result = large_objects.run({"mebibytes": 2, "blocks": blocks}, variant, 9)
    assert result.checksum == text_of(fold(read))
    assert result.operations == result.allocations == blocks
    assert (result.allocated_bytes, result.peak_live_bytes) == (blocks << 21, peak << 21)
