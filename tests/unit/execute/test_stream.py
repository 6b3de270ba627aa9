import itertools
from collections.abc import Iterable

import pytest

from harness.engines.base import Chunk, Exit
from harness.engines.cgroup import Cgroup
from harness.execute.stream import STDERR_BYTES, STORED_BYTES, Drain

READY, END = b'{"type":"ready"}\n', b'{"type":"end","status":"ok"}\n'


class Played:
    """A session that says what it is given, chunk by chunk, and then closes."""

    image = None

    def __init__(self, chunks: Iterable[Chunk | None]) -> None:
        self._chunks = iter(chunks)

    def receive(self, seconds: float) -> Chunk | None:
        return next(self._chunks, Chunk(closed=True))

    def send(self, data: bytes) -> bool:
        raise AssertionError("a drain only reads")

    def pid(self) -> int | None:
        raise AssertionError("a drain only reads")

    def cgroup(self) -> Cgroup | str:
        raise AssertionError("a drain only reads")

    def wait(self, seconds: float) -> Exit | None:
        raise AssertionError("a drain only reads")

    def kill(self) -> None:
        raise AssertionError("a drain only reads")

    def close(self) -> str | None:
        raise AssertionError("a drain only reads")


def drained(*stdout: bytes) -> Drain:
    drain = Drain(Played(Chunk(stdout=one) for one in stdout), itertools.count(1).__next__)
    assert drain.join(30)
    return drain


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_drain_when_cut_anywhere_then_the_same_lines(size: int) -> None:
    stream = b'{"type":"start"}\n' + READY + b"\n" + END
    drain = drained(*(stream[at : at + size] for at in range(0, len(stream), size)))
    assert drain.lines == stream.split(b"\n")[:-1]
    assert drain.is_ready
    assert drain.end_ns == 1
    assert not drain.overflow


def test_drain_when_the_last_line_has_no_end_then_it_is_kept() -> None:
    assert drained(READY, b"{cut").lines == [READY.strip(), b"{cut"]


def test_drain_when_the_stream_closes_early_then_nobody_waits() -> None:
    drain = drained(b"nothing of use\n")
    assert drain.until_ready(0)
    assert drain.until_end(0)
    assert not drain.is_ready
    assert drain.end_ns is None


def test_drain_when_nothing_comes_for_a_while_then_it_goes_on_reading() -> None:
    drain = Drain(Played([None, Chunk(stdout=READY), None, Chunk(stdout=END)]), lambda: 5)
    assert drain.join(30)
    assert drain.lines == [READY.strip(), END.strip()]


def test_drain_when_stderr_is_long_then_its_tail() -> None:
    drain = Drain(Played([Chunk(stderr=b"x" * STDERR_BYTES), Chunk(stderr=b"last")]), lambda: 5)
    assert drain.join(30)
    assert len(drain.stderr) == STDERR_BYTES
    assert drain.stderr.endswith(b"last")


@pytest.mark.parametrize("unit", [b"garbage\n", b"\0" * 65536], ids=["many lines", "one endless line"])
@pytest.mark.parametrize("cut", [1, 5, 12, 100])
def test_drain_when_flooded_then_little_is_kept_and_ready_and_end_are_seen(unit: bytes, cut: int) -> None:
    flood = [unit * ((1 << 20) // len(unit))] * 20
    said = b"\n" + READY + b"more\n" + END
    drain = drained(*flood, *(said[at : at + cut] for at in range(0, len(said), cut)))
    assert drain.overflow
    assert sum(len(line) + 1 for line in drain.lines) <= STORED_BYTES + 1
    assert sum(map(len, drain.lines)) > STORED_BYTES // 2
    assert drain.is_ready
    assert drain.end_ns == 1


def test_drain_when_an_end_stands_inside_a_long_line_then_it_is_no_end() -> None:
    drain = drained(*[b"\0" * (1 << 20)] * 20, END[:-1], b"\nx" + END)
    assert drain.overflow
    assert drain.end_ns is None
