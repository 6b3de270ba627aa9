"""What to run next, given the goal and the records so far: one pure function.

A run is: an opening (canaries, then what is measured once), numbered blocks in random order, a closing (the
canaries again). ``--resume`` replays the stored records through :func:`advance`; ``plan`` prints what it gives for
none. A block is the unit: one that was interrupted is run again whole, as its next pass.

Attempts are numbered so that passes and reruns cannot be confused: pass k of a block has the odd attempt 2k - 1,
and the immediate rerun of an invocation that the host disturbed the even one after it.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.catalog.model import Block, Invocation, Replica
from harness.plan.cells import Cells, Planned, invocation
from harness.protocol.record import Record

CLOSING_SLOT = 900
"""Slots of the closing start here, so that opening and closing canaries have different names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """The goal of a run with a fixed number of blocks."""

    blocks: int


Goal = Fixed


def advance(
    goal: Goal, cells: Cells, records: Iterable[Record], *, seed: int, out_of_time: bool = False
) -> tuple[Block, ...]:
    """All blocks still to run, in order; empty when the goal is reached.

    ``seed`` fixes every order. With ``out_of_time`` no further numbered block is begun, only the closing.
    """
    done = tuple(records)
    opening = _once(_opening(cells), done)
    closing = _once(_closing(cells), done)
    middle = () if out_of_time or not cells.blocks else _numbered(goal, cells, done, seed)
    return tuple(block for block in (*opening, *middle, *closing) if block.invocations)


def members(cells: Cells) -> tuple[tuple[Planned, Replica], ...]:
    """What one block runs: each compared cell once, control cells twice, as replicas a and b."""
    return (*((one, "a") for one in cells.blocks), *((one, "b") for one in cells.control if not one.once))


def _opening(cells: Cells) -> Sequence[Invocation]:
    everything = (*cells.canaries, *cells.once)
    return [invocation(one, block=None, slot=slot, attempt=1) for slot, one in enumerate(everything)]


def _closing(cells: Cells) -> Sequence[Invocation]:
    return [invocation(one, block=None, slot=CLOSING_SLOT + i, attempt=1) for i, one in enumerate(cells.canaries)]


def _once(wanted: Sequence[Invocation], done: Sequence[Record]) -> tuple[Block, ...]:
    finished = {(one.invocation.cell.key, one.invocation.slot) for one in done if one.invocation.block is None}
    left = tuple(one for one in wanted if (one.cell.key, one.slot) not in finished)
    return (Block(number=None, invocations=left),)


def _numbered(goal: Goal, cells: Cells, done: Sequence[Record], seed: int) -> tuple[Block, ...]:
    wanted = members(cells)
    needed = {(one.cell.key, replica) for one, replica in wanted}
    blocks = []
    for number in range(1, goal.blocks + 1):
        passes: dict[int, set[tuple[tuple[object, ...], Replica]]] = {}
        for record in done:
            if record.invocation.block == number:
                of = passes.setdefault(record.invocation.pass_number, set())
                of.add((record.invocation.cell.key, record.invocation.replica))
        if any(needed <= seen for seen in passes.values()):
            continue
        attempt = 2 * max(passes, default=0) + 1
        order = list(wanted)
        random.Random(f"{seed}:{number}").shuffle(order)
        blocks.append(
            Block(
                number=number,
                invocations=tuple(
                    invocation(one, block=number, slot=slot, attempt=attempt, replica=replica)
                    for slot, (one, replica) in enumerate(order)
                ),
            )
        )
    return tuple(blocks)
