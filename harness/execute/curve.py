"""The resident curve of a worker, sampled by a process of ours that stays off its CPUs where there are others.

A curve shows shape; peaks are the kernel's own marks. Only ``statm`` is read while the worker runs: anything that
walks its page tables would slow it down [0.7 % of a CPU at 40 Hz beside 130 processes, on the virtual machine where
it was written].
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import EngineError
from harness.execute.helper import Helper
from harness.protocol.record import Curve

HZ: Final = 40
MOST: Final = 4_000
"""Samples kept: 100 s at :data:`HZ`; twice as long has half the resolution, with the larger of each two."""

SECONDS: Final = 15.0
"""How long the sampler may take to start, or to report."""

_PROGRAM: Final = Path(__file__).with_name("curve_child.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """The curve, and the CPU time (ns) that taking it cost."""

    curve: Curve
    cpu_ns: int


class Sampler:
    """The sampler of a worker on ``cpus``, started now, on those of ``available`` that are not the worker's.

    Nothing is raised: why there will be no curve is what :meth:`finish` gives.
    """

    def __init__(
        self, cpus: Sequence[int], available: Sequence[int] | None = None, *, hz: int = HZ, most: int = MOST
    ) -> None:
        spare = sorted(set(os.sched_getaffinity(0) if available is None else available) - set(cpus))
        self._cpus = set(cpus)
        self._hz = hz
        self._helper: Helper | None = None
        self._problem: str | None = None
        try:
            self._helper = Helper(_PROGRAM, [str(hz), str(most)], spare or None)
        except EngineError as error:
            self._problem = str(error)

    def begin(self, pid: int | None) -> None:
        """Let it sample the process tree of ``pid``."""
        if self._helper is None:
            return
        if pid is None:
            self._problem = "the worker's process cannot be seen from here"
            return
        problem = self._helper.until_ready(SECONDS) or self._helper.begin(SECONDS, str(pid))
        if problem is not None:
            self._problem = f"the sampler did not begin: {problem}"

    def finish(self) -> Sampled | str:
        """Stop it and give what it saw, or why there is nothing."""
        if self._helper is None or self._problem is not None:
            return self._problem or "the sampler did not start"
        self._helper.stop()
        report = self._helper.report(SECONDS)
        if isinstance(report, str):
            return f"the sampler failed: {report}"
        if "problem" in report:
            return str(report["problem"])
        cpus = tuple(report["cpus"])
        return Sampled(
            curve=Curve(
                asked_hz=self._hz,
                cpus=cpus,
                spare=self._cpus.isdisjoint(cpus),
                samples=tuple((at, resident) for at, resident in report["samples"]),
            ),
            cpu_ns=report["cpu_ns"],
        )

    def close(self) -> None:
        """Leave nothing behind; safe to call twice."""
        if self._helper is not None:
            self._helper.close()
