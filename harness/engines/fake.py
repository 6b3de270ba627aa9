"""An engine for tests: one program of ``tests/fakes`` for every build, as a plain process without limits or accounting.

The program is told everything on its command line, like any worker; what it does wrong it does by the cell's variant.
"""

import os
from collections.abc import Callable
from pathlib import Path

from harness.catalog.model import Invocation
from harness.engines.base import Place, Session
from harness.engines.process import start_process


class FakeEngine:
    """Runs ``program`` for every invocation."""

    def __init__(self, program: Path) -> None:
        self._program = program

    @property
    def name(self) -> str:
        """What records call it."""
        return "fake"

    def cpus(self) -> tuple[int, ...]:
        """The CPUs of this process."""
        return tuple(sorted(os.sched_getaffinity(0)))

    def sweep(self, alive: Callable[[str], bool]) -> tuple[str, ...]:
        """Nothing outlives the harness here."""
        return ()

    def start(self, invocation: Invocation, place: Place) -> Session:
        """A fresh process."""
        return start_process(
            [str(self._program), *invocation.command[1:]],
            folder=place.out,
            environment={"PATH": os.defpath, **invocation.environment},
            cpus=None,
            folders="fakes are not accounted",
        )
