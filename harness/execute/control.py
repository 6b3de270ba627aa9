"""The control: processes of real-time priority on the worker's CPUs that say what held up even them.

A gap that they see was the platform's (the hypervisor, an interrupt, firmware): no ordinary thread, the runtime's own
included, can hold up SCHED_FIFO. A control of ordinary priority would measure the worker instead and hide what is its
own, so where the kernel refuses the priority there is no control. One costs little more than a bare C loop of the same
schedule, the most of it the kernel's timer and two switches [C 1.2 % of a busy core and 2.2 % of an idle one, which it
has to wake; this 1.4 and 2.9 %; on the virtual machine where it was written].
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.engines.process import to_fifo
from harness.errors import EngineError
from harness.execute.helper import Helper
from harness.protocol.record import Control

PERIOD_NS: Final = 1_000_000
THRESHOLD_NS: Final = 2 * PERIOD_NS
IN_FORCE: Final = "SCHED_FIFO"
"""What ``Control.in_force`` is when every process had real-time priority to its end."""

REFUSED: Final = "the kernel refuses SCHED_FIFO here"
"""How the reason begins where there can be no control; any other reason is a fault of ours."""

SECONDS: Final = 15.0
"""How long such a process may take to start, or to report; it takes 0.1 s where the host is not overloaded."""

Scheduler = Callable[[int], None]
"""Gives a process real-time priority; OSError where the kernel refuses."""

_PROGRAM: Final = Path(__file__).with_name("control_child.py")


class Watch:
    """One control process on each of ``cpus``, started now; ``scheduler`` gives them their priority.

    Nothing is raised: why there will be no control is what :meth:`finish` gives.
    """

    def __init__(self, cpus: Sequence[int], scheduler: Scheduler = to_fifo) -> None:
        self._cpus = tuple(cpus)
        self._scheduler = scheduler
        self._helpers: list[Helper] = []
        self._problem: str | None = None
        try:
            for cpu in cpus:
                self._helpers.append(Helper(_PROGRAM, [str(PERIOD_NS), str(THRESHOLD_NS)], (cpu,)))
        except EngineError as error:
            self._give_up(str(error))
        except BaseException:
            self.close()
            raise

    def begin(self) -> None:
        """Give them their priority and let them watch."""
        for helper in self._helpers:
            problem = helper.until_ready(SECONDS)
            if problem is not None:
                self._give_up(f"a control process did not start: {problem}")
                return
            try:
                self._scheduler(helper.pid or 0)
            except OSError as error:
                self._give_up(f"{REFUSED}: {error.strerror or error}")
                return
        for helper in self._helpers:
            problem = helper.begin(SECONDS)
            if problem is not None:
                self._give_up(f"a control process did not begin: {problem}")
                return

    def finish(self) -> Control | str:
        """Stop them and give what they saw, or why there is nothing."""
        for helper in self._helpers:
            helper.stop()
        reports = []
        for helper in self._helpers:
            report = helper.report(SECONDS)
            if isinstance(report, str):
                self._give_up(f"a control process failed: {report}")
                break
            reports.append(report)
        return self._problem or merged(self._cpus, reports)

    def close(self) -> None:
        """Leave none behind; safe to call twice."""
        for helper in self._helpers:
            helper.close()

    def _give_up(self, problem: str) -> None:
        self._problem = problem
        self.close()
        self._helpers = []


def merged(cpus: Sequence[int], reports: Sequence[Mapping[str, Any]]) -> Control:
    """The processes' reports as one: from when the last began to when the first ended, gaps by their start.

    ``in_force`` names every policy that was found, so that it is :data:`IN_FORCE` only where all had it.
    """
    return Control(
        period_ns=PERIOD_NS,
        threshold_ns=THRESHOLD_NS,
        in_force=", ".join(sorted({report["in_force"] for report in reports})),
        cpus=tuple(cpus),
        start_ns=max(report["start_ns"] for report in reports),
        end_ns=min(report["end_ns"] for report in reports),
        ticks=sum(report["ticks"] for report in reports),
        skipped=sum(report["skipped"] for report in reports),
        cpu_ns=sum(report["cpu_ns"] for report in reports),
        gaps=tuple(
            sorted(
                ((cpu, start, end) for cpu, report in zip(cpus, reports, strict=True) for start, end in report["gaps"]),
                key=lambda gap: (gap[1], gap[0]),
            )
        ),
    )
