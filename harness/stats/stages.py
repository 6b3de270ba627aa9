"""Which blocks are of Stein's first stage: the only ones whose spread may enter an interval (Stein 1945)."""

from collections.abc import Collection, Iterable


def of_first_stage(first_stage: int | None, shared: Collection[int], *, held: Iterable[Collection[int]]) -> int | None:
    """How many ``shared`` blocks are of a first stage of that many, given the blocks that each part ``held``.

    None where there was one stage. A block that one part lacks is not made up for by one of the second stage, whose
    number depends on what the first has shown.
    """
    if first_stage is None:
        return None
    begun = sorted({block for blocks in held for block in blocks})[:first_stage]
    return len(set(shared) & set(begun))
