"""The program of a process that does to a worker, or beside it, what is to be read back.

It runs on the interpreter and the standard library alone (``python -I -S``); arguments: what to do, and with what. It
prints ``ready``, waits for a byte on stdin, prints ``begun`` when what lasts is in place, and what it did as one line
of JSON; times are CLOCK_MONOTONIC ns. Another byte, or the end of stdin, ends whatever lasts until told otherwise.
"""

import json
import mmap
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

PAGE = mmap.PAGESIZE
LOOK_NS = 1_000_000
"""How often something that lasts looks whether it is over."""

WATCH_SECONDS = 20.0


def spin() -> object:
    """Burn CPU until told; how much was burnt."""
    _begun()
    while not _over(0):
        until = time.monotonic_ns() + LOOK_NS
        while time.monotonic_ns() < until:
            pass
    return {"cpu_ns": time.process_time_ns()}


def burn(nanoseconds: str) -> object:
    """Burn so much CPU time, and have begun when it is done."""
    end = time.process_time_ns() + int(nanoseconds)
    while time.process_time_ns() < end:
        pass
    _begun()
    return {"cpu_ns": int(nanoseconds)}


def hold(shared: str, path: str, cached: str) -> object:
    """Hold so many bytes of shared memory, and have written so many to a file, until told."""
    with mmap.mmap(-1, int(shared)) as held:
        held[::PAGE] = bytes(len(held) // PAGE)
        block = bytes(1 << 20)
        with Path(path).open("wb") as file:
            for _ in range(int(cached) // len(block)):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())  # what is still to be written back is not yet cache to be dropped
        _begun()
        _over(None)
    return {}


def stop(pid: str, count: str, seed: str, low: str, high: str) -> object:
    """Stop and continue a process so many times, for ``low`` to ``high`` ns each; the clock before and after each call.

    Between two stops it runs for 10 to 20 ms. Each entry: before and after the stop, before and after the continuation.
    """
    _first()
    _begun()
    draw = random.Random(int(seed))
    stamps = []
    state = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    try:
        time.sleep(0.2)  # the worker is only just being released
        for _ in range(int(count)):
            if _over(draw.uniform(0.010, 0.020)):
                break
            span = draw.uniform(int(low), int(high)) / 1e9
            first = time.monotonic_ns()
            os.kill(int(pid), signal.SIGSTOP)
            _until_stopped(state)
            second = time.monotonic_ns()
            time.sleep(span)
            third = time.monotonic_ns()
            os.kill(int(pid), signal.SIGCONT)
            stamps.append((first, second, third, time.monotonic_ns()))
    except (ProcessLookupError, IndexError):
        pass  # it has ended; what was done until then counts
    finally:
        _continue(int(pid))
    return {"stops": stamps}


def stop_at(pid: str, resident: str, span: str) -> object:
    """Stop a process once so many bytes of it are resident, for ``span`` ns; when, and what the kernel adds up."""
    _first()
    _begun()
    own = Path("/proc") / pid
    end = time.monotonic() + WATCH_SECONDS
    try:
        while int((own / "statm").read_text().split()[1]) * PAGE < int(resident):
            if _over(0.0002) or time.monotonic() > end:
                return {}
        os.kill(int(pid), signal.SIGSTOP)
        _until_stopped(os.open(own / "stat", os.O_RDONLY))
        start = time.monotonic_ns()
        time.sleep(int(span) / 1e9)
        after = time.monotonic_ns()
        rollup = (own / "smaps_rollup").read_text().splitlines()
    finally:
        _continue(int(pid))
    (rss,) = (line.split()[1] for line in rollup if line.startswith("Rss:"))
    return {"start_ns": start, "end_ns": after, "resident_bytes": int(rss) * 1024}


def _until_stopped(state: int) -> None:
    """Wait until the process stands still: one of its threads has to take the signal first, and may wait for a CPU.

    Until then the others run on, and a continuation would take the signal back unseen.
    """
    while os.pread(state, 512, 0).rpartition(b")")[2].split()[0] != b"T":
        time.sleep(0.0001)


def _continue(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def _first() -> None:
    """Run before others where the kernel lets us: a late signal is known by its stamps, but proves less."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def _over(seconds: float | None) -> bool:
    """Wait so long (None: for ever) for the end of stdin; whether it came."""
    return bool(select.select([0], [], [], seconds)[0])


def _begun() -> None:
    os.write(1, b"begun\n")


ACTIONS: Mapping[str, Callable[..., object]] = {
    "spin": spin, "burn": burn, "hold": hold, "stop": stop, "stop_at": stop_at,
}  # fmt: skip


def main(what: str, *arguments: str) -> None:
    """Ready, begin, act, report."""
    os.write(1, b"ready\n")
    if os.read(0, 1):
        sys.stdout.write(json.dumps(ACTIONS[what](*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
