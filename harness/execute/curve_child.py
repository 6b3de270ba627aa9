"""The program that samples a worker's resident pages from outside: ``statm`` of its process tree, on a schedule.

It runs on the interpreter and the standard library alone (``python -I -S``); arguments: samples a second, and how many
to keep at most. It prints ``ready``, waits for a line on stdin with the worker's process id, prints ``begun``, samples
until there is another byte or the end of stdin, and prints what it saw as one line of JSON.
"""

import gc
import json
import os
import select
import sys
import time
from contextlib import suppress

Sample = tuple[int, int]

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Samples:
    """At most ``most`` samples: when there are that many, two become one, and from then on twice as many share one.

    Of those that share one the largest is kept with its own time, so that no seen peak is lost.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[Sample] = []
        self._open: list[Sample] = []
        self._share = 1

    def add(self, at_ns: int, resident: int) -> None:
        """Take in one sample."""
        self._open.append((at_ns, resident))
        if len(self._open) < self._share:
            return
        self._kept.append(_largest(self._open))
        self._open = []
        if len(self._kept) >= self._most:
            self._kept = [_largest(self._kept[at : at + 2]) for at in range(0, len(self._kept), 2)]
            self._share *= 2

    def all(self) -> list[Sample]:
        """What is kept, in order of time, with the largest of those that wait for company."""
        return [*self._kept, *([_largest(self._open)] if self._open else [])]


def _largest(samples: list[Sample]) -> Sample:
    return max(samples, key=lambda sample: sample[1])


class Tree:
    """The resident bytes of a process and its descendants, through files that stay open: a number is never reused.

    OSError where the process cannot be seen. Descendants are looked for in :meth:`grow`, which reads every process's
    parent; one that ends in between simply no longer counts.
    """

    def __init__(self, root: int, proc: str = "/proc") -> None:
        self._root = root
        self._proc = proc
        self._files = {root: os.open(f"{proc}/{root}/statm", os.O_RDONLY)}

    def grow(self) -> None:
        """Open what has been started since."""
        children: dict[int, list[int]] = {}
        with os.scandir(self._proc) as entries:
            for entry in entries:
                if entry.name.isdigit():
                    parent = _parent(f"{self._proc}/{entry.name}/stat")
                    children.setdefault(parent, []).append(int(entry.name))
        found = [self._root]
        for pid in found:
            found += children.get(pid, [])
            if pid not in self._files:
                with suppress(OSError):
                    self._files[pid] = os.open(f"{self._proc}/{pid}/statm", os.O_RDONLY)

    def resident(self) -> int | None:
        """Bytes now; None when the root has ended."""
        total = 0
        for pid, file in list(self._files.items()):
            pages = _pages(file)
            if pages is not None:
                total += pages * _PAGE
            elif pid == self._root:
                return None
            else:
                os.close(file)
                del self._files[pid]
        return total


def _parent(stat: str) -> int:
    """The fourth field of ``stat``; 0, nobody's number, for a process that is gone. pathlib would slow the start."""
    try:
        file = os.open(stat, os.O_RDONLY)
    except OSError:
        return 0
    try:
        return int(os.read(file, 4096).rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0
    finally:
        os.close(file)


def _pages(file: int) -> int | None:
    """The second field of ``statm`` (proc(5)); None for a process that is gone or has given its memory back."""
    try:
        size, resident = os.pread(file, 128, 0).split()[:2]
    except (OSError, ValueError):
        return None
    return int(resident) if int(size) else None


def sample(pid: int, hz: int, most: int) -> dict[str, object]:
    """Sample until told to stop, and once more then."""
    period = 1_000_000_000 // hz
    samples = Samples(most)
    stdin = select.poll()
    stdin.register(0, select.POLLIN | select.POLLHUP)
    start = due = time.monotonic_ns()
    os.write(1, b"begun\n")
    try:
        tree = Tree(pid)
    except OSError as error:
        return {"problem": f"process {pid} cannot be seen from here: {error.strerror}"}
    number, stopped = 0, False
    while not stopped:
        stopped = bool(stdin.poll(max(0, due - time.monotonic_ns()) / 1e6))
        if number % hz == 0:
            tree.grow()
        at = time.monotonic_ns()
        resident = tree.resident()
        if resident is None:
            return {"problem": "the worker ended while its resident pages were sampled"}
        samples.add(at, resident)
        number += 1
        due = start + ((at - start) // period + 1) * period
    return {"samples": samples.all()}


def main() -> None:
    """Ready, begin, sample, report."""
    gc.disable()
    hz, most = (int(argument) for argument in sys.argv[1:])
    os.write(1, b"ready\n")
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return  # the harness is gone
        line += byte
    cpu = time.process_time_ns()
    seen = sample(int(line), hz, most)
    cpus = sorted(os.sched_getaffinity(0))
    sys.stdout.write(json.dumps({**seen, "cpus": cpus, "cpu_ns": time.process_time_ns() - cpu}))


if __name__ == "__main__":
    main()
