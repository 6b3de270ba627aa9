"""What tests of running workers share: a store, a setting, short deadlines, and how to tell what still runs."""

import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.catalog.model import Block, Golden, Invocation
from harness.engines.base import Engine
from harness.engines.fake import FakeEngine
from harness.execute.handshake import Deadlines
from harness.execute.run import Expected, Setting
from harness.store import runs
from tests.fakes import values

WORKER = Path(__file__).with_name("worker")
SHORT = Deadlines(ready=20.0, work=20.0, exit=10.0)
"""Long enough for a busy machine; what is never to come has deadlines of its own in the test."""


def block(*variants: str, number: int | None = None, **changes: Any) -> Block:
    """A block with one invocation per behaviour of the fake worker.

    Without a number nothing is timed, so that the real host's disturbances rerun nothing.
    """
    return Block(
        number=number,
        invocations=tuple(
            values.invocation(slot=slot, block=number, variant=variant, **changes)
            for slot, variant in enumerate(variants)
        ),
    )


def expected(invocation: Invocation) -> Expected:
    """What the fake worker reports when it behaves."""
    goldens: Mapping[str | None, Golden] = {None: replace(values.golden(), variant=invocation.cell.variant)}
    return Expected(digest=values.DIGEST, in_force={"collector": "none"}, goldens=goldens)


def create(root: Path) -> runs.Run:
    """A run of a made-up suite."""
    return runs.create(root, "20260102-030405-fake-00002a", provenance={}, plan={})


def setting(store: runs.Run, engine: Engine | None = None, **changes: Any) -> Setting:
    """The fake engine and :data:`SHORT` deadlines unless told otherwise; a warning fails the test."""

    def warn(text: str) -> None:
        raise AssertionError(f"something was left behind: {text}")

    values: dict[str, Any] = {
        "engine": engine or FakeEngine(WORKER),
        "store": store,
        "clock": time.monotonic_ns,
        "deadlines": SHORT,
        "expected": expected,
        "warn": warn,
    }
    return Setting(**(values | changes))


def state(pid: int) -> str | None:
    """The letter by which the kernel calls a process's state (proc(5)); None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


def gone(pids: Sequence[int], seconds: float = 0.0) -> bool:
    """Whether none of them runs, now or within ``seconds``; what nobody has reaped yet runs no more."""
    deadline = time.monotonic() + seconds
    while any(state(pid) not in (None, "Z", "X") for pid in pids):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True


def press_ctrl_c() -> None:
    """What the kernel does for Ctrl-C: a signal to the main thread, whoever calls this."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)
