"""A machine that set-up can be tried on: scripted programs, a clock that only sleeping moves, files below a folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.engines.effects import Effects, Finished

Answer = Callable[[Sequence[str]], Finished]


def finished(code: int = 0, output: str = "") -> Finished:
    """How a scripted program ends."""
    return Finished(code=code, output=output)


@dataclass(slots=True, kw_only=True)
class Process:
    """A detached program that ends with ``code`` at its ``polls``-th poll; None: it goes on."""

    pid: int = 4711
    code: int | None = None
    polls: int = 0
    asked: int = 0

    def poll(self) -> int | None:
        self.asked += 1
        return self.code if self.asked > self.polls else None


@dataclass(slots=True, kw_only=True)
class Machine:
    """``answer`` says how each program ends; ``detached`` are the processes that starting one gives, in order.

    Each detached start appends ``logs`` (in the same order) to its log, as a daemon would.
    """

    root: Path
    answer: Answer = lambda argv: finished()
    detached: list[Process | OSError] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": "/usr/bin"})
    on_sleep: Callable[[float], None] = lambda now: None
    now: float = 0.0
    said: list[str] = field(default_factory=list)
    ran: list[list[str]] = field(default_factory=list)
    given: list[tuple[Mapping[str, str], str]] = field(default_factory=list)
    started: list[list[str]] = field(default_factory=list)

    def effects(self) -> Effects:
        """The machine as set-up sees it."""
        return Effects(
            run=self._run,
            detach=self._detach,
            sleep=self._sleep,
            monotonic=lambda: self.now,
            say=self.said.append,
            environment=self.environment,
            filesystem=self.root,
        )

    def write(self, absolute: str, content: str = "") -> Path:
        """A file of the machine."""
        path = self.root / absolute.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def process(self, pid: int, name: str, state: str = "S") -> None:
        """A process as the kernel shows it."""
        self.write(f"/proc/{pid}/stat", f"{pid} ({name}) {state} 1 1 1 0 -1")

    def _run(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: str = "",
        seconds: float = 600,
    ) -> Finished:
        assert seconds > 0
        self.ran.append(list(argv))
        self.given.append((environment or {}, stdin))
        return self.answer(argv)

    def _detach(self, argv: Sequence[str], log: Path) -> Process:
        self.started.append(list(argv))
        process = self.detached.pop(0)
        if isinstance(process, OSError):
            raise process
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as sink:
            sink.write(self.logs.pop(0) if self.logs else "")
        return process

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep(self.now)
