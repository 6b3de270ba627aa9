"""A small process of ours beside a worker: started early, told to begin and to stop, read once.

It is isolated from site and user packages (``python -I -S``), ends with the harness even where that is killed
(``PR_SET_PDEATHSIG``, and the end of its stdin), and whatever goes wrong with it is a sentence, never an exception.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.engines.process import start_process

_READY: Final = b"ready\n"
_BEGUN: Final = b"ready\nbegun\n"
_TAIL: Final = 200


class Helper:
    """One such process, running ``program`` with ``arguments`` on ``cpus`` (None: wherever we may run).

    EngineError where it cannot be started. It says ``ready`` once, begins when told and reports one JSON object.
    """

    def __init__(self, program: Path, arguments: Sequence[str], cpus: Sequence[int] | None) -> None:
        self._session = start_process(
            [sys.executable, "-I", "-S", str(program), *arguments],
            folder=Path("/"),
            environment={},
            cpus=cpus,
            folders="it is accounted with the harness",
        )
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Its process id; None once it was reaped."""
        return self._session.pid()

    def until_ready(self, seconds: float) -> str | None:
        """Wait until it can begin; why it cannot, when it cannot."""
        return self._until(_READY, seconds, "ready")

    def begin(self, seconds: float, line: str = "") -> str | None:
        """Tell it to begin and wait until it has; why it has not, when it has not."""
        self._session.send(line.encode() + b"\n")
        return self._until(_BEGUN, seconds, "at work")

    def stop(self) -> None:
        """Tell it to stop; returns at once."""
        self._session.send(b"q")

    def report(self, seconds: float) -> Mapping[str, Any] | str:
        """What it saw, after :meth:`stop`; a sentence where there is none."""
        self._read(seconds, None)
        if not self._closed:
            return f"it did not end within {seconds:g} s of being told to"
        try:
            found = json.loads(bytes(self._stdout).removeprefix(_BEGUN))
        except ValueError:
            return self._ended()
        return found if isinstance(found, dict) else self._ended()

    def close(self) -> None:
        """End it, whatever it does, and reap it; safe to call twice."""
        self._session.close()

    def _until(self, said: bytes, seconds: float, what: str) -> str | None:
        self._read(seconds, said)
        if self._stdout.startswith(said):
            return None
        return self._ended() if self._closed else f"it was not {what} within {seconds:g} s"

    def _read(self, seconds: float, said: bytes | None) -> None:
        """Read until its output begins with ``said`` (None: to the end), or the time is over."""
        deadline = time.monotonic() + seconds
        while not (self._closed or (said is not None and self._stdout.startswith(said))):
            chunk = self._session.receive(max(0.0, deadline - time.monotonic()))
            if chunk is None:
                return
            self._stdout += chunk.stdout
            self._stderr += chunk.stderr
            self._closed = chunk.closed

    def _ended(self) -> str:
        ended = self._session.wait(1.0)
        how = f"exit {ended.code}" if ended else "it runs on, but says no more"
        said = bytes(self._stderr).decode(errors="replace").strip()[-_TAIL:]
        return f"it ended by itself ({how}){f': {said}' if said else ''}"
