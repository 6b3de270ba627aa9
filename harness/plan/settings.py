"""What a cell's settings are where several places may say something: schedule, repetitions, limits, command line."""

import dataclasses

from harness.catalog.model import Cell, Limits, LimitsOverride, Mode, Suite, Workload
from harness.errors import UsageError

TICK_US = 1000
"""Period of the stall ticker: 1 ms takes 2 % of a core, 100 µs 14 %, which only a spare CPU could give."""

_COMPILED_ITERATIONS = 2
"""Where a compiler works while the program runs, what it leaves to the heap is known only once it is done: after one
iteration HotSpot's counts still held 2.3 to 35 MB of a form that allocates nothing, after two they were 0 each time."""

_COUNTED_ITERATIONS = 1
"""In mode exact one measured iteration suffices: counts do not vary but by the runtime's own few allocations."""


def scheduled(cell: Cell, workload: Workload, rate: int | None, seconds: int | None) -> Cell:
    """The cell with its schedule of arrivals: as given, else the workload's own at that size.

    UsageError where neither says one, or where the workload has no operations that could arrive.
    """
    own = workload.open_loop.get(cell.size)
    if own is not None:
        rate, seconds = rate or own.rate, seconds or own.seconds
    if workload.arrivals_replace is None or rate is None or seconds is None:
        raise UsageError(
            f"{workload.id} has no schedule of arrivals at size {cell.size}; give rate and seconds in the suite, "
            f"or [open_loop] in benchmarks/workloads/{workload.id}.toml"
        )
    parameters = {**cell.parameters, workload.arrivals_replace: rate * seconds}
    return dataclasses.replace(cell, parameters=parameters, rate=rate, seconds=seconds, tick_us=TICK_US)


def command_line(runner: str, cell: Cell, seed: int) -> tuple[str, ...]:
    """What starts a worker: see ``langs/PROTOCOL.md``, section 2."""
    return (
        runner,
        cell.workload,
        f"variant={cell.variant}",
        f"mode={cell.mode}",
        f"seed={seed}",
        f"warmup={cell.warmup}",
        f"iterations={cell.iterations}",
        *(() if cell.rate is None else (f"rate={cell.rate}", f"tick_us={cell.tick_us or 0}")),
        *(f"{name}={value}" for name, value in cell.parameters.items()),
    )


def repetitions(workload: Workload, mode: Mode, suite: Suite) -> tuple[int, int]:
    """Warm-up and measured iterations of one invocation where nobody asks for others."""
    iterations = workload.iterations[suite.size]
    if mode == "latency":
        return iterations.warmup, 1  # one schedule, as long as it takes: more of them are more processes' affair
    if mode != "exact":
        return iterations.warmup, iterations.measured
    return _COMPILED_ITERATIONS, _COUNTED_ITERATIONS


def limits_of(suite: Limits, workload: LimitsOverride, cells: LimitsOverride | None) -> Limits:
    """What the container gets: a suite's cells win over the workload, that over the suite."""
    cpus, memory = suite.cpus, suite.memory
    for one in (workload, cells):
        if one is not None:
            cpus = one.cpus if one.cpus is not None else cpus
            memory = one.memory if one.memory is not None else memory
    return Limits(cpus=cpus, memory=memory)
