"""What set-up does to the machine, as values that are passed in: running a program, starting one that stays, waiting.

Provisioning and building never call ``subprocess`` or a clock themselves; they are handed an :class:`Effects`, so tests
drive every path with a fake. :func:`real_effects` is the only place where the real machine comes in.
"""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ADMINISTRATION_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a daemon finds iptables and a package manager its tools, whatever PATH the caller was started with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A program that ended: its exit code (127: there is no such program, 124: out of time) and stdout with stderr."""

    code: int
    output: str

    @property
    def tail(self) -> str:
        """The last 20 lines of the output, for an error message."""
        return "\n".join(self.output.strip().splitlines()[-20:])


class Runner(Protocol):
    """Runs a program to its end."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: str = "",
        seconds: float = 600,
    ) -> Finished:
        """Run ``argv`` with ``environment`` added to ours, ``seconds`` at most. A program that fails raises nothing."""


class Detached(Protocol):
    """A program that outlives us."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """The machine as set-up sees it.

    ``environment`` is what we were started with; ``filesystem`` is the root below which system files are read and
    written, ``/`` but in tests.
    """

    run: Runner
    detach: Callable[[Sequence[str], Path], Detached]
    sleep: Callable[[float], None]
    monotonic: Callable[[], float]
    say: Callable[[str], None]
    environment: Mapping[str, str]
    filesystem: Path

    def path(self, absolute: str) -> Path:
        """``absolute`` (as in ``/etc/apt``) below ``filesystem``."""
        return self.filesystem / absolute.lstrip("/")


def real_effects(say: Callable[[str], None]) -> Effects:
    """The machine we run on; what a user should read goes to ``say``."""
    return Effects(
        run=run_program,
        detach=detach_program,
        sleep=time.sleep,
        monotonic=time.monotonic,
        say=say,
        environment=os.environ,
        filesystem=Path("/"),
    )


def run_program(
    argv: Sequence[str], *, environment: Mapping[str, str] | None = None, stdin: str = "", seconds: float = 600
) -> Finished:
    """Run a program to its end: the :class:`Runner` of the real machine."""
    try:
        done = subprocess.run(
            list(argv),
            env={**os.environ, **(environment or {})},
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        return Finished(code=127, output=f"{argv[0]}: {error.strerror}")
    except subprocess.TimeoutExpired as error:
        partial = (error.stdout or b"").decode(errors="replace")
        return Finished(code=124, output=f"{partial}\n{argv[0]} was still running after {seconds:g} s")
    return Finished(code=done.returncode, output=done.stdout.decode(errors="replace"))


def detach_program(argv: Sequence[str], log: Path) -> Detached:
    """Start a program in a session of its own that appends to ``log`` and holds none of our streams.

    Whoever waits for the end of our output would otherwise wait for the daemon's. OSError when it cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        return subprocess.Popen(
            list(argv),
            env={**os.environ, "PATH": f"{ADMINISTRATION_PATH}:{os.environ.get('PATH', '')}"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
