"""What a worker prints, taken in as it comes: the thread that always drains a session's streams.

Unread output stops a worker and then hangs the daemon's own calls, so this reads to the end whatever is printed. Of
stdout the first :data:`STORED_BYTES` are kept; beyond that only ``ready`` and ``end`` are looked for.
"""

import threading
from collections.abc import Callable
from typing import Final

from harness.engines.base import Session

STORED_BYTES: Final = 8 << 20
STDERR_BYTES: Final = 64 << 10
_READY: Final = b'{"type":"ready"'
_END: Final = b'{"type":"end"'
_RECEIVE_SECONDS: Final = 1.0

Clock = Callable[[], int]
"""CLOCK_MONOTONIC in ns."""


class Drain:
    """Reads a session to its end in a thread of its own, and says what has been seen.

    ``lines`` are whole lines of stdout without their ends (the last may be cut off), ``stderr`` is the tail of the
    other stream; both are final once :meth:`join` gave True. ``end_ns`` is when the end message came.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self.lines: list[bytes] = []
        self.stderr = bytearray()
        self.overflow = False
        self.end_ns: int | None = None
        self.is_ready = False
        self._session = session
        self._clock = clock
        self._stored = 0
        self._rest = b""
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self._thread.start()

    def until_ready(self, seconds: float) -> bool:
        """Wait for the ready message; False when the time is over. True with ``is_ready`` unset: the stream ended."""
        return self._ready.wait(seconds)

    def until_end(self, seconds: float) -> bool:
        """Wait for the end message or the end of the stream; False when the time is over."""
        return self._ended.wait(seconds)

    def join(self, seconds: float) -> bool:
        """Wait until everything has been read; when the time is over, give up reading and say False."""
        self._thread.join(seconds)
        whole = not self._thread.is_alive()
        self._stop.set()
        return whole

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                chunk = self._session.receive(_RECEIVE_SECONDS)
                if chunk is None:
                    continue
                self.stderr += chunk.stderr
                del self.stderr[:-STDERR_BYTES]
                if chunk.stdout:
                    self._take(chunk.stdout)
                if chunk.closed:
                    break
        finally:
            if self._rest and not self.overflow:
                self._line(self._rest)
            # Whoever waits for a line that can no longer come is woken.
            self._ready.set()
            self._ended.set()

    def _take(self, data: bytes) -> None:
        if self.overflow:
            window = self._rest + data
            for message in (_READY, _END):
                if b"\n" + message in window:
                    self._see(message)
            self._rest = window[-len(_READY) :]
            return
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._line(line)
        if not self.overflow and self._stored + len(self._rest) > STORED_BYTES:
            self.lines.append(self._rest[: STORED_BYTES - self._stored])
            self.overflow = True
        if self.overflow:
            self._rest = (b"\n" + self._rest)[-len(_READY) :]

    def _line(self, line: bytes) -> None:
        if self._stored + len(line) > STORED_BYTES:
            self.overflow = True
        if not self.overflow:
            self._stored += len(line) + 1
            self.lines.append(line)
        self._see(line)

    def _see(self, line: bytes) -> None:
        if line.startswith(_READY):
            self.is_ready = True
            self._ready.set()
        elif line.startswith(_END) and self.end_ns is None:
            self.end_ns = self._clock()
            self._ended.set()
