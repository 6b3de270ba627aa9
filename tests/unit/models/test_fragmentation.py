"""The model of fragmentation against a table in which objects are really kept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models import fragmentation
from tests.models.base import MASK, draw, draws, fold, text_of

Object = tuple[int, int]
"""Bytes, and the one value of its words."""


class Plain:
    """The text's steps, one object at a time."""

    def __init__(self, seed: int, objects: int) -> None:
        self.seed, self.number = seed, 0
        self.slots: list[Object | None] = [None] * objects
        self.large: list[Object] = []
        self.sums: list[int] = []
        self.made: list[int] = []
        self.peak = 0

    def draw(self) -> int:
        self.number += 1
        return draw(self.seed, self.number - 1)

    def make(self, size: int) -> Object:
        self.made.append(size)
        return size, self.draw()

    def hash(self, one: Object) -> None:
        self.sums.append(sum([one[1]] * (one[0] // 8)) & MASK)

    def note_peak(self) -> None:
        alive = [one[0] for one in self.slots if one] + [one[0] for one in self.large]
        self.peak = max(self.peak, sum(alive))

    def fill(self) -> None:
        for slot, one in enumerate(self.slots):
            if one is None:
                r = self.draw()
                base = 16 * 2 ** (r % 6)
                self.slots[slot] = self.make((base + (r // 256) % base) // 8 * 8)
            self.note_peak()

    def thin(self) -> None:
        for slot, one in enumerate(self.slots):
            if self.draw() % 10 != 0:
                assert one is not None
                self.hash(one)
                self.slots[slot] = None

    def refill(self) -> None:
        for _ in range(len(self.slots) // 32):
            r = self.draw()
            self.large.append(self.make(2048 + 8 * (r % 769)))
            self.note_peak()
        self.hash_survivors()
        for one in self.large:
            self.hash(one)
        self.large.clear()

    def hash_survivors(self) -> None:
        for one in self.slots:
            if one is not None:
                self.hash(one)


@settings(max_examples=20, deadline=None)
@given(
    objects=st.integers(min_value=32, max_value=200),
    cycles=st.integers(min_value=0, max_value=4),
    seed=st.integers(min_value=0, max_value=MASK),
)
def test_fragmentation_when_objects_are_really_kept_then_counts_and_checksum_agree(
    objects: int, cycles: int, seed: int
) -> None:
    plain = Plain(seed, objects)
    plain.fill()
    plain.thin()
    plain.made.clear()
    for _ in range(cycles):
        plain.fill()
        plain.thin()
        plain.refill()
    plain.hash_survivors()
    result = fragmentation.run({"objects": objects, "cycles": cycles, "idle_s": 0}, "heap", seed)
    left = [one[0] for one in plain.slots if one]
    assert result.checksum == text_of(fold(plain.sums))
    assert result.operations == result.allocations == len(plain.made)
    assert (result.allocated_bytes, result.peak_live_bytes) == (sum(plain.made), plain.peak)
    assert result.counters == {"survivors": len(left), "survivor_bytes": sum(left)}


def test_sizes_when_many_are_drawn_then_each_octave_is_as_likely_and_none_is_outside() -> None:
    sizes = fragmentation.small_bytes(draws(42, 0, 60_000)).tolist()
    assert (min(sizes), max(sizes)) == (16, 1016)
    assert {size % 8 for size in sizes} == {0}
    shares = [sum(low <= size < 2 * low for size in sizes) / len(sizes) for low in (16, 32, 64, 128, 256, 512)]
    assert shares == pytest.approx([1 / 6] * 6, abs=0.01)


def test_idle_when_it_is_longer_then_the_answer_is_the_same() -> None:
    one, other = (fragmentation.run({"objects": 64, "cycles": 2, "idle_s": idle}, "heap", 1) for idle in (0, 330))
    assert one == other


def test_variant_when_there_is_none_of_that_name_then_key_error() -> None:
    with pytest.raises(KeyError):
        fragmentation.run({"objects": 64, "cycles": 2, "idle_s": 0}, "arena", 1)
