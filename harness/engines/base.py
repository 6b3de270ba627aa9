"""What every engine promises: a fresh, isolated, attached worker per invocation, and its removal afterwards.

The handshake with the worker, its time-outs and what is read from the host live in ``harness.execute`` and are
the same for all engines; an engine only starts, carries bytes, tells the process on the host, kills and cleans up.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.catalog.model import Invocation
from harness.engines.cgroup import Cgroup
from harness.errors import EngineError

LABEL = "memverdict"
"""Every container and image of ours carries this label; nothing without it is ever touched."""

ROOT_LABEL = "memverdict.root"
RUN_LABEL = "memverdict.run"
INVOCATION_LABEL = "memverdict.invocation"


PADDING = "MEMVERDICT_PADDING"
"""An environment variable that nobody reads: its length moves where a process's stack begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRef:
    """Where a build lies: ``path`` of the runner, inside image ``image_id`` or (None) on this host."""

    image_id: str | None
    path: str

    def program(self, layout: int) -> str:
        """The runner in that layout of its code: build scripts leave ``runner.1`` and on beside the plain one."""
        return f"{self.path}.{layout}" if layout else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one invocation runs: the run it belongs to, its folder for raw files, and the CPUs it is pinned to."""

    run: str
    out: Path
    cpuset: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Bytes as they came from the worker; ``closed`` says that nothing will follow."""

    stdout: bytes = b""
    stderr: bytes = b""
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a worker ended. ``code`` is None with a ``reason`` where the engine can no longer tell.

    A worker ended by signal n has code 128 + n, in every engine.
    """

    code: int | None
    oom_killed: bool = False
    reason: str = ""


class Session(Protocol):
    """One worker, started and attached. Calls do not raise for what the worker did, only for misuse."""

    @property
    def image(self) -> str | None:
        """Id of the image it runs from; None for a plain process."""

    def receive(self, seconds: float) -> Chunk | None:
        """The next bytes, or None when ``seconds`` passed without any. Called by one thread, the drain."""

    def send(self, data: bytes) -> bool:
        """Write to the worker's stdin; False when nobody reads there any more."""

    def pid(self) -> int | None:
        """The worker's process id on this host; None when it has ended or cannot be seen from here."""

    def cgroup(self) -> Cgroup | str:
        """The cgroup that holds the worker and nothing else, or why there is none to read."""

    def wait(self, seconds: float) -> Exit | None:
        """How it ended, or None when it still runs after ``seconds``."""

    def kill(self) -> None:
        """End the worker now, unread output and all; safe to call twice and from another thread."""

    def close(self) -> str | None:
        """Remove every trace on the host; the problem where that failed (the next sweep tries again)."""


class Engine(Protocol):
    """A way to run workers; one engine value serves one run."""

    @property
    def name(self) -> str:
        """``docker``, ``local`` or ``fake``: records carry it, and runs of different engines are never combined."""

    def cpus(self) -> tuple[int, ...]:
        """The CPUs that workers can be pinned to."""

    def sweep(self, alive: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove what dead runs of this root left behind; names what was removed. ``alive(run)`` spares a run."""

    def start(self, invocation: Invocation, place: Place) -> Session:
        """A fresh worker, attached; EngineError when the engine itself fails."""


def environment_of(invocation: Invocation) -> dict[str, str]:
    """What a worker finds in its environment besides the engine's own: its configuration's, and the padding."""
    padding = {PADDING: "x" * invocation.padding} if invocation.padding else {}
    return {**invocation.environment, **padding}


def root_digest(root: Path) -> str:
    """The value of our root label: tells the containers of this checkout from those of another one."""
    return hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]


def pick_cpus(available: Sequence[int], count: int, lane: int) -> tuple[int, ...]:
    """The CPUs of side-by-side worker number ``lane``: disjoint sets while there are enough, else they wrap round.

    EngineError when the host has fewer CPUs than one worker asks for.
    """
    if count > len(available):
        raise EngineError(
            f"a cell asks for {count} CPUs and this host offers {len(available)}; choose a suite or --only with cpus="
            f"{len(available)} or fewer"
        )
    first = lane * count
    chosen = [available[(first + step) % len(available)] for step in range(count)]
    return tuple(sorted(set(chosen)))


def cpu_list(cpus: Sequence[int]) -> str:
    """Kernel notation of a set of CPUs: ``0-1,4``."""
    ranges: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if ranges and cpu == ranges[-1][1] + 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)
