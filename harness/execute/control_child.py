"""The program of one control process: wakes up every period on an absolute schedule and keeps the gaps between.

It runs on the interpreter and the standard library alone (``python -I -S``), so that it starts fast. Arguments: period
and threshold, ns. It prints ``ready``, waits for a line on stdin, prints ``begun``, then watches until there is another
byte or the end of stdin, and prints what it saw as one line of JSON.
"""

import gc
import json
import os
import select
import sys
import time
from collections.abc import Callable

_LOOK = 10
"""Ticks between two looks at stdin: looking at each would cost as much as sleeping."""

_POLICIES = {
    os.SCHED_OTHER: "SCHED_OTHER",
    os.SCHED_FIFO: "SCHED_FIFO",
    os.SCHED_RR: "SCHED_RR",
    os.SCHED_BATCH: "SCHED_BATCH",
    os.SCHED_IDLE: "SCHED_IDLE",
}


def watch(
    period: int,
    threshold: int,
    begun: Callable[[], object],
    stopped: Callable[[], bool],
    clock: Callable[[], int] = time.monotonic_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, object]:
    """Tick until told to stop, and once more then; the last wake-up is the end.

    A gap is the time between two wake-ups, ``skipped`` are ticks that went by in one: ``end_ns - start_ns`` is
    ``(ticks + skipped) * period`` to within the last wake-up's lateness.
    """
    gaps: list[tuple[int, int]] = []
    ticks = skipped = 0
    cpu = time.process_time_ns()
    start = last = clock()
    begun()
    due = start + period
    last_one = False
    while not last_one:
        last_one = ticks % _LOOK == 0 and stopped()
        now = clock()
        while now < due:  # more than once where the fraction of a second was rounded down
            sleep((due - now) * 1e-9)  # since Python 3.11 clock_nanosleep until an absolute time
            now = clock()
        if now - last >= threshold:
            gaps.append((last, now))
        late = (now - due) // period
        ticks, skipped, last, due = ticks + 1, skipped + late, now, due + (late + 1) * period
    return {
        "start_ns": start,
        "end_ns": last,
        "ticks": ticks,
        "skipped": skipped,
        "gaps": gaps,
        "cpu_ns": time.process_time_ns() - cpu,
    }


def main() -> None:
    """Ready, begin, watch, report."""
    gc.disable()
    period, threshold = (int(argument) for argument in sys.argv[1:])
    os.write(1, b"ready\n")
    if not os.read(0, 1):
        return  # the harness is gone
    stdin = select.poll()
    stdin.register(0, select.POLLIN | select.POLLHUP)
    seen = watch(period, threshold, lambda: os.write(1, b"begun\n"), lambda: bool(stdin.poll(0)))
    policy = os.sched_getscheduler(0)  # what is in force now, whatever was asked for then
    sys.stdout.write(json.dumps({**seen, "in_force": _POLICIES.get(policy, f"policy {policy}")}))


if __name__ == "__main__":
    main()
