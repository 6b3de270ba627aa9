"""What to run next, given the goal and the records so far: one pure function.

A run is: an opening (canaries, then what is measured once), pilots where rates depend on a capacity, numbered blocks in
random order, a closing (the canaries again). ``--resume`` replays the stored records through :func:`advance`; ``plan``
prints what it gives for none. A block is the unit: one that was interrupted is run again whole, as its next pass.

Attempts are numbered so that passes and reruns cannot be confused: pass k of a block has the odd attempt 2k - 1,
and the immediate rerun of an invocation that the host disturbed the even one after it.
"""

import random
from collections.abc import Iterable, Sequence

from harness.catalog.model import Block, Invocation, Replica
from harness.plan.capacity import resolve
from harness.plan.cells import Cells, Planned, invocation
from harness.plan.goals import Fixed, Goal, Spreads
from harness.protocol.record import Record

CLOSING_SLOT = 900
"""Slots of the closing start here, so that opening and closing canaries have different names."""


PADDINGS = 4096
"""Sizes of the environment to draw from: a page's worth, since they move where inside its page the stack begins."""


def advance(
    goal: Goal,
    cells: Cells,
    records: Iterable[Record],
    *,
    seed: int,
    spreads: Spreads = lambda records: (),
    out_of_time: bool = False,
) -> tuple[Block, ...]:
    """All blocks still to run as far as the records tell, in order; empty when the goal is reached.

    Numbered blocks begin when no cell waits for its pilot.

    ``seed`` fixes every order. ``spreads`` serves a goal of a precision: asked once, of the whole first stage. With
    ``out_of_time`` neither a pilot nor a further numbered block is begun, only the closing.
    """
    done = tuple(records)
    cells = resolve(cells, done)
    opening = _once(_opening(cells), done)
    closing = _once(_closing(cells), done)
    middle: tuple[Block, ...] = ()
    if not out_of_time:
        middle = _once(_pilots(cells), done)
        if cells.blocks and not cells.pending:
            middle += _numbered(goal, cells, done, seed, spreads)
    return tuple(block for block in (*opening, *middle, *closing) if block.invocations)


def members(cells: Cells) -> tuple[tuple[Planned, Replica], ...]:
    """What one block of resolved cells runs: each compared cell once, control cells twice, as replicas a and b."""
    return (*((one, "a") for one in cells.blocks), *((one, "b") for one in cells.control if not one.once))


def _opening(cells: Cells) -> Sequence[Invocation]:
    everything = (*cells.canaries, *cells.once)
    return [invocation(one, block=None, slot=slot, attempt=1) for slot, one in enumerate(everything)]


def _pilots(cells: Cells) -> Sequence[Invocation]:
    pilots = enumerate(cells.pilots)
    return [invocation(one, block=None, slot=slot, attempt=1, stage="pilot") for slot, one in pilots]


def _closing(cells: Cells) -> Sequence[Invocation]:
    return [invocation(one, block=None, slot=CLOSING_SLOT + i, attempt=1) for i, one in enumerate(cells.canaries)]


def _once(wanted: Sequence[Invocation], done: Sequence[Record]) -> tuple[Block, ...]:
    outside = [one.invocation for one in done if one.invocation.block is None]
    finished = {(one.stage, one.cell.key, one.slot) for one in outside}
    left = tuple(one for one in wanted if (one.stage, one.cell.key, one.slot) not in finished)
    return (Block(number=None, invocations=left),)


def layout_of(planned: Planned, replica: Replica, block: int, seed: int) -> int:
    """Which layout a build's code has in a block: drawn anew for each, so that its luck enters the interval.

    One draw per build: cells of one build are compared with the same code in the same place, those of different builds
    with independent draws. Replica b of the control draws its own, although its build is a's: the control stands for
    what compared pairs vary by, and most pairs are of two builds.
    """
    name = f"{seed}:{block}:{replica}:{planned.build.language}:{planned.build.id}"
    return random.Random(name).randrange(planned.layouts)


def padding_of(block: int, seed: int) -> int:
    """Bytes that every environment of a block is padded by, less than a page."""
    return random.Random(f"{seed}:{block}:padding").randrange(PADDINGS)


def _numbered(goal: Goal, cells: Cells, done: Sequence[Record], seed: int, spreads: Spreads) -> tuple[Block, ...]:
    first = _missing(range(1, goal.least + 1), cells, done, seed)
    if first or isinstance(goal, Fixed):
        return first
    stage = [one for one in done if one.invocation.block is not None and one.invocation.block <= goal.least]
    return _missing(range(goal.least + 1, goal.needed(spreads(stage)) + 1), cells, done, seed)


def _missing(numbers: Iterable[int], cells: Cells, done: Sequence[Record], seed: int) -> tuple[Block, ...]:
    """Those of the numbered blocks that no pass has completed."""
    wanted = members(cells)
    needed = {(one.cell.key, replica) for one, replica in wanted}
    blocks = []
    for number in numbers:
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
                    invocation(
                        one,
                        block=number,
                        slot=slot,
                        attempt=attempt,
                        replica=replica,
                        layout=layout_of(one, replica, number, seed),
                        padding=padding_of(number, seed),
                    )
                    for slot, (one, replica) in enumerate(order)
                ),
            )
        )
    return tuple(blocks)
