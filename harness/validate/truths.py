"""The table of known truths: every instrument that a number comes from, with what it is to read back.

A row's bounds stand beside its code, with the reason where one allows for more than the specification's. ``again``
says why a second try is fair where a bound can fail on a busy machine although the instrument is right; rows without
it have one try.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from harness.validate import memory, pauses, work
from harness.validate.bench import Bench
from harness.validate.checks import LeftOut, Value

_LATE: Final = "a process that is not given a CPU in time is late, and no counter says by how much"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One instrument with its truth. ``seconds`` are what it takes, fast and whole, to forecast what is left."""

    id: str
    title: str
    check: Callable[[Bench], Iterator[Value | LeftOut]]
    seconds: tuple[float, float]
    again: str = ""


ROWS: Final = (
    Row(id="memory", title="peak memory", check=memory.memory, seconds=(8, 8)),
    Row(id="spike", title="a peak that lasts a moment", check=memory.spike, seconds=(2, 2)),
    Row(id="parent", title="a large harness", check=memory.parent, seconds=(5, 5)),
    Row(id="curve", title="resident memory over time", check=memory.curve, seconds=(6, 6), again=_LATE),
    Row(id="footprint", title="shared memory and file cache", check=memory.footprint, seconds=(2, 2)),
    Row(id="cpu", title="CPU time", check=work.cpu, seconds=(9, 9)),
    Row(id="bytes", title="allocations", check=work.bytes_, seconds=(5, 5)),
    Row(
        id="effect", title="an effect of known size", check=work.effect, seconds=(8, 12),
        again="ten pairs on a machine that was busy for half of them may not decide",
    ),
    Row(
        id="flags", title="disturbances", check=work.flags, seconds=(3, 3),
        again="pages of a program that another process runs at that moment, too, cannot be dropped",
    ),
    Row(id="pause", title="a process that is stopped", check=pauses.pause, seconds=(26, 80), again=_LATE),
    Row(id="ticker", title="the stall ticker's schedule", check=pauses.ticker, seconds=(8, 8)),
    Row(id="stops", title="stops that a runtime reports", check=pauses.stops, seconds=(6, 12), again=_LATE),
    Row(id="open_loop", title="response times of a queue", check=pauses.open_loop, seconds=(22, 66), again=_LATE),
    Row(id="control", title="the control processes", check=pauses.control, seconds=(3, 3)),
    Row(
        id="perturbation", title="what the instruments take", check=pauses.perturbation,
        seconds=(22, 60), again="on a machine that is overloaded, every wake-up costs the ticker cold caches"),
    Row(id="statistics", title="intervals and decisions", check=work.statistics, seconds=(10, 10)),
)  # fmt: skip
