"""What runs of ours beside one worker: a control in mode latency, a sampler in mode memory, nothing in the others.

They start before the worker does, so that their own start costs no time, begin before its release and stop after its
``end``. What they cost is counted by themselves and is no load of somebody else's.
"""

from dataclasses import dataclass, field

from harness.catalog.model import Mode
from harness.engines.cgroup import hierarchy
from harness.execute.control import Scheduler, Watch
from harness.execute.curve import Sampler
from harness.protocol.record import Control, Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the instruments of one invocation gave; ``unavailable`` says why one that belongs to its mode did not.

    ``cpu_ns`` is the CPU time of theirs that the machine's own figure for the worker's CPUs holds.
    """

    control: Control | None = None
    curve: Curve | None = None
    cpu_ns: int = 0
    unavailable: dict[str, str] = field(default_factory=dict)


class Instruments:
    """The instruments that ``mode`` asks for, of a worker on ``cpus``. Close them, whatever happened."""

    def __init__(self, mode: Mode, cpus: tuple[int, ...], scheduler: Scheduler) -> None:
        self._watch = Watch(cpus, scheduler) if mode == "latency" else None
        self._sampler = Sampler(cpus) if mode == "memory" else None

    def begin(self, pid: int | None) -> None:
        """Begin, before the worker ``pid`` is released and before any counter is read."""
        if self._watch:
            self._watch.begin()
        if self._sampler:
            self._sampler.begin(pid)

    def finish(self) -> Seen:
        """Stop, after the last counter was read, and give what was seen."""
        if self._watch:
            control = self._watch.finish()
            if isinstance(control, str):
                return Seen(unavailable={"control": control})
            return Seen(control=control, cpu_ns=control.cpu_ns)
        if self._sampler:
            sampled = self._sampler.finish()
            if isinstance(sampled, str):
                return Seen(unavailable={"curve": sampled})
            # Version 1 tells the CPUs apart, and a sampler on others is not in the worker's figure.
            apart = sampled.curve.spare and hierarchy().version == 1
            return Seen(curve=sampled.curve, cpu_ns=0 if apart else sampled.cpu_ns)
        return Seen()

    def close(self) -> None:
        """Leave no process behind; safe to call twice."""
        if self._watch:
            self._watch.close()
        if self._sampler:
            self._sampler.close()
