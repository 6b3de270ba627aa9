"""From a load to a rate: each cell's own capacity, measured closed-loop by a pilot, times the share that was asked for.

One pure function makes planned cells of pending ones, for whoever needs them: what runs next, what a block holds, what
is judged. The same records give the same cells, so a run that is resumed or judged again sees what it measured.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from decimal import ROUND_FLOOR, Decimal

from harness.catalog.model import Exclusion
from harness.plan.cells import Cells, Pending, Planned
from harness.plan.settings import command_line
from harness.protocol.record import Record
from harness.samples.readings import Absent, stream

CellKey = tuple[object, ...]


def resolve(cells: Cells, records: Iterable[Record]) -> Cells:
    """The cells with a rate for each pending one whose pilot has run; those whose pilot failed become exclusions.

    What no pilot has measured yet stays pending.
    """
    pilots: dict[CellKey, Record] = {}
    for record in sorted(records, key=lambda one: one.invocation.attempt):
        if record.invocation.stage == "pilot":
            pilots[record.invocation.cell.key] = record
    return _settled(cells, pilots)


def capacity(record: Record) -> float | str:
    """Operations a second of a pilot's measured iterations, or why it gives none."""
    if record.status != "ok":
        return f"the pilot that measures its capacity ended as {record.status}: {record.reason}"
    parsed = stream(record)
    if isinstance(parsed, Absent):
        return f"the pilot that measures its capacity gives none: {parsed.reason}"
    operations = sum(one.operations for one in parsed.measured)
    elapsed = sum(one.elapsed_ns for one in parsed.measured)
    if not operations or not elapsed:
        return "the pilot that measures its capacity did nothing that takes time"
    return operations * 1e9 / elapsed


def rate_of(load: float, operations_per_second: float) -> int:
    """``load`` times the capacity, rounded down to two significant digits: arrivals a second."""
    exact = Decimal(str(load)) * Decimal(operations_per_second)
    if exact < 1:
        return 0
    return int(exact.quantize(Decimal(1).scaleb(max(0, exact.adjusted() - 1)), rounding=ROUND_FLOOR))


def _settled(cells: Cells, pilots: Mapping[CellKey, Record]) -> Cells:
    blocks, waiting, exclusions = list(cells.blocks), [], list(cells.exclusions)
    for one in cells.pending:
        record = pilots.get(one.pilot.cell.key)
        if record is None:
            waiting.append(one)
            continue
        found = capacity(record)
        made = found if isinstance(found, str) else _scheduled(one, found)
        if isinstance(made, Planned):
            blocks.append(made)
        else:
            exclusions.append(Exclusion(what=f"{one.planned.cell.label} at load {one.planned.cell.load}", reason=made))
    return dataclasses.replace(cells, blocks=tuple(blocks), pending=tuple(waiting), exclusions=tuple(exclusions))


def _scheduled(one: Pending, operations_per_second: float) -> Planned | str:
    cell = one.planned.cell
    assert cell.load is not None
    assert cell.seconds is not None
    rate = rate_of(cell.load, operations_per_second)
    if rate < 1:
        return f"its capacity is {operations_per_second:.3g} operations a second: less than one arrival at that load"
    parameters = {**cell.parameters, one.operations: rate * cell.seconds}
    timed = dataclasses.replace(cell, rate=rate, parameters=parameters)
    command = command_line(one.planned.command[0], timed, one.planned.seed)
    return dataclasses.replace(one.planned, cell=timed, command=command)
