"""The model of passing structs against structs that are really filled and read, word by word."""

import pytest

from tests.models import pass_large
from tests.models.base import GAMMA, MASK, fold, text_of


@pytest.mark.parametrize("seed", [0, 42, MASK])
@pytest.mark.parametrize(("size", "words"), [("8", 1), ("72", 9), ("1024", 128), ("65536", 8192)])
def test_pass_large_when_words_are_read_one_by_one_then_the_sums_agree(size: str, words: int, seed: int) -> None:
    last = total = 0
    for i in range(20_000 // words):
        struct = [((seed + i) * GAMMA + j) & MASK for j in range(words)]
        last += struct[-1]
        total += sum(struct)
    for way in ("value", "pointer", "escape"):
        one = pass_large.run({"words": 20_000}, f"{way}_{size}_read1", seed)
        everything = pass_large.run({"words": 20_000}, f"{way}_{size}_readall", seed)
        assert one.checksum == text_of(fold([last & MASK]))
        assert everything.checksum == text_of(fold([total & MASK]))
        assert one.operations == everything.operations == 20_000 // words


@pytest.mark.parametrize(("way", "allocations"), [("value", 0), ("pointer", 0), ("escape", 277)])
def test_pass_large_when_the_pointer_escapes_then_and_only_then_structs_are_allocated(
    way: str, allocations: int
) -> None:
    result = pass_large.run({"words": 2500}, f"{way}_72_read1", 1)
    assert result.allocations == allocations
    assert result.allocated_bytes == 72 * allocations
    assert result.peak_live_bytes == (72 if allocations else 0)


@pytest.mark.parametrize("variant", ["value", "value_8", "value_9_read1", "moved_8_read1", "value_8_read2"])
def test_pass_large_when_a_part_of_the_variant_is_unknown_then_key_error_names_it(variant: str) -> None:
    with pytest.raises(KeyError, match=variant):
        pass_large.run({"words": 8192}, variant, 1)
