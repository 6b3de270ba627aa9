import gc
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.catalog.model import Invocation
from harness.engines.base import Place, Session
from harness.engines.fake import FakeEngine
from harness.errors import EngineError, StoreError
from harness.execute import handshake
from harness.execute.handshake import Ran
from harness.execute.run import run
from harness.protocol.record import Record
from harness.store import runs
from tests.fakes import running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[runs.Run]:
    made = running.create(tmp_path)
    yield made
    made.close()


def test_run_when_a_block_is_done_then_each_record_was_stored_before_it_was_given(
    store: runs.Run, tmp_path: Path
) -> None:
    given = []
    for record in run(running.block("good", "crashes", "good"), running.setting(store)):
        given.append(record)
        assert runs.records(tmp_path, store.id) == tuple(given)
    assert [record.status for record in given] == ["ok", "crash", "ok"]
    assert [record.invocation.slot for record in given] == [0, 1, 2]


def test_run_when_a_worker_leaves_raw_files_then_they_are_kept_and_empty_folders_are_not(store: runs.Run) -> None:
    raw, plain = running.block("raw_file", "good").invocations
    assert [record.status for record in run(running.block("raw_file", "good"), running.setting(store))] == ["ok"] * 2
    assert [path.name for path in (store.folder / "out").iterdir()] == [raw.id]
    assert (store.folder / "out" / raw.id / "raw.log").read_text() == "raw\n"
    assert plain.id != raw.id


def flagged(monkeypatch: pytest.MonkeyPatch, *rounds: tuple[str, ...]) -> None:
    """Make the host raise flags, one tuple per invocation in turn."""
    real, turn = handshake.invoke, iter(rounds)

    def invoke(*arguments: Any, **named: Any) -> Ran:
        return replace(real(*arguments, **named), flags=next(turn))

    monkeypatch.setattr("harness.execute.run.invoke", invoke)


def done(store: runs.Run, *variants: str, number: int | None = 0, **changes: Any) -> list[tuple[int, int, str]]:
    records = run(running.block(*variants, number=number, **changes), running.setting(store))
    return [(record.invocation.slot, record.invocation.attempt, record.status) for record in records]


@pytest.mark.parametrize("flag", ["foreign_load", "steal", "throttled", "major_faults", "engine_lost"])
def test_run_when_the_host_disturbed_one_then_it_runs_once_more_and_both_are_kept(
    store: runs.Run, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    flagged(monkeypatch, (flag,), (flag,), ())
    assert done(store, "good", "good") == [(0, 1, "ok"), (0, 2, "ok"), (1, 1, "ok")]


def test_run_when_only_the_outcome_is_bad_then_it_is_not_run_again(
    store: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    flagged(monkeypatch, (), ())
    assert done(store, "crashes", "garbage") == [(0, 1, "crash"), (1, 1, "invalid")]


@pytest.mark.parametrize("cell", [{"number": None}, {"mode": "exact"}])
def test_run_when_nothing_is_timed_then_disturbance_does_not_matter_but_a_lost_engine_does(
    store: runs.Run, monkeypatch: pytest.MonkeyPatch, cell: dict[str, Any]
) -> None:
    flagged(monkeypatch, ("steal",), ("engine_lost",), ())
    assert done(store, "good", "good", **cell) == [(0, 1, "ok"), (1, 1, "ok"), (1, 2, "ok")]


def test_run_when_the_engine_is_lost_side_by_side_then_each_runs_once_more_and_not_twice(
    store: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = handshake.invoke

    def invoke(invocation: Invocation, *arguments: Any, **named: Any) -> Ran:
        flags = ("engine_lost",) if invocation.slot == 1 else ()
        return replace(real(invocation, *arguments, **named), flags=flags)

    monkeypatch.setattr("harness.execute.run.invoke", invoke)
    setting = running.setting(store, parallel=2)
    found = list(run(running.block("good", "good", "good", number=None), setting))
    attempts = sorted((record.invocation.slot, record.invocation.attempt) for record in found)
    assert attempts == [(0, 1), (1, 1), (1, 2), (2, 1)]


def test_run_when_a_worker_runs_then_our_garbage_collector_is_off_and_on_again_afterwards(store: runs.Run) -> None:
    seen = []

    class Watching(FakeEngine):
        def start(self, invocation: Invocation, place: Place) -> Session:
            seen.append(gc.isenabled())
            return super().start(invocation, place)

    for _ in run(running.block("good", "good"), running.setting(store, Watching(running.WORKER))):
        seen.append(gc.isenabled())
    assert seen == [False, True, False, True]


def test_run_when_the_engine_fails_then_what_was_before_stays(store: runs.Run, tmp_path: Path) -> None:
    class Failing(FakeEngine):
        def start(self, invocation: Invocation, place: Place) -> Session:
            if invocation.slot == 1:
                raise EngineError("the daemon is gone")
            return super().start(invocation, place)

    records = run(running.block("good", "good"), running.setting(store, Failing(running.WORKER)))
    assert next(records).status == "ok"
    with pytest.raises(EngineError, match="daemon is gone"):
        next(records)
    assert len(runs.records(tmp_path, store.id)) == 1
    assert gc.isenabled()


def test_run_when_the_disk_is_full_then_store_error_and_no_worker_left(
    store: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: runs.Run, record: Record) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(runs.Run, "append", full)
    for parallel in (1, 2):
        with pytest.raises(StoreError, match="disk is full"):
            list(run(running.block("good", "good", "good"), running.setting(store, parallel=parallel)))
    assert [thread.name for thread in threading.enumerate() if thread.name == "drain"] == []


def test_run_when_interrupted_then_the_worker_ends_and_what_is_stored_is_readable(
    store: runs.Run, tmp_path: Path
) -> None:
    class Interrupting(FakeEngine):
        """Sends Ctrl-C to this process as soon as the second worker runs."""

        def start(self, invocation: Invocation, place: Place) -> Session:
            session = super().start(invocation, place)
            if invocation.slot == 1:
                opened.append(session)
                threading.Timer(0.1, running.press_ctrl_c).start()
            return session

    opened: list[Session] = []
    records = run(running.block("good", "never_ends"), running.setting(store, Interrupting(running.WORKER)))
    first = next(records)
    with pytest.raises(KeyboardInterrupt):
        next(records)
    assert opened[0].pid() is None, "the worker was reaped"
    assert runs.records(tmp_path, store.id) == (first,)
    assert gc.isenabled()


def test_run_when_side_by_side_then_all_records_are_there_and_lanes_are_apart(store: runs.Run) -> None:
    at_once, lanes = [0], set()
    lock = threading.Lock()
    both = threading.Barrier(2, timeout=20)

    class Counting(FakeEngine):
        def cpus(self) -> tuple[int, ...]:
            return (0, 1)

        def start(self, invocation: Invocation, place: Place) -> Session:
            with lock:
                lanes.add(place.cpuset)
            both.wait()
            at_once[0] += 1
            return super().start(invocation, place)

    variants = ["good", "crashes", "good", "garbage"]
    setting = running.setting(store, Counting(running.WORKER), parallel=2)
    found = list(run(running.block(*variants), setting))
    assert sorted(record.invocation.slot for record in found) == [0, 1, 2, 3]
    assert lanes == {(0,), (1,)}
    assert at_once == [4]
    assert all(record.flags == () for record in found)


def test_run_when_interrupted_side_by_side_then_no_worker_is_waited_for(store: runs.Run) -> None:
    opened: list[Session] = []
    both = threading.Event()

    class Interrupting(FakeEngine):
        def start(self, invocation: Invocation, place: Place) -> Session:
            session = super().start(invocation, place)
            opened.append(session)
            if len(opened) == 2:
                both.set()
            return session

    def interrupt() -> None:
        assert both.wait(20)
        running.press_ctrl_c()

    setting = running.setting(store, Interrupting(running.WORKER), parallel=2)
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        list(run(running.block(*["never_ends"] * 5), setting))
    assert [session.pid() for session in opened] == [None] * len(opened)
    assert len(opened) <= 4, "what had not begun is not begun"
