"""``run`` after measuring: what it says, keeps and exits with; and the loop that measures, with invented workers."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.catalog.load import load
from harness.catalog.model import Block, Catalog
from harness.claims.load import load_claims
from harness.cli import measuring, session
from harness.cli.measuring import Outcome, measure
from harness.cli.planning import Plan, make_plan
from harness.engines.fake import FakeEngine
from harness.errors import EngineError
from harness.execute.run import Setting
from harness.plan.advance import CLOSING_SLOT
from harness.protocol.record import Record
from harness.store import runs
from harness.store.lock import Holder, hold
from tests.fakes import stored
from tests.fakes.running import WORKER, create
from tests.unit.cli.conftest import Call, project

NAME = "20260102-030405-tiny-000007"
Spoil = Callable[[Record], Record]


def measured(root: Path, monkeypatch: pytest.MonkeyPatch, *, spoil: Spoil = lambda one: one, **outcome: bool) -> None:
    """Let ``run`` find a run measured that is stored by hand."""
    stored.run(root, "tiny", spoil=spoil)
    catalog = load(root)
    plan = make_plan(catalog, load_claims(root, catalog), catalog.suites["tiny"], seed=7)
    found = Outcome(records=runs.records(root, NAME), **{"late": False, "interrupted": False, **outcome})
    monkeypatch.setattr(session, "begin", lambda *_, **__: session.Done(name=NAME, plan=plan, outcome=found))


def of_block(number: int, change: Spoil) -> Spoil:
    """Change what one cell's record of a block says."""
    return lambda one: (
        change(one) if (one.invocation.block, one.invocation.cell.workload) == (number, "lru_cache") else one
    )


def declared(one: Record) -> Record:
    """An out-of-memory that the configuration declares as a result."""
    return dataclasses.replace(one, status="oom", invocation=dataclasses.replace(one.invocation, may_fail=("oom",)))


def dead_canary(one: Record) -> Record:
    return stored.failed(one, "signal 11") if one.invocation.cell.workload == "canary" else one


@pytest.mark.parametrize(
    ("spoil", "outcome", "code", "says"),
    [
        (lambda one: one, {}, 0, ""),
        (of_block(2, declared), {}, 0, ""),
        (of_block(2, lambda one: stored.failed(one, "signal 11")), {}, 1, ""),
        (dead_canary, {}, 1, ""),
        (lambda one: one, {"interrupted": True}, 130, f"interrupted; go on with `memverdict run --resume {NAME}`"),
        (lambda one: one, {"late": True}, 0, "deadline: no further block was begun"),
    ],
    ids=["whole", "declared failure", "unexpected failure", "dead canary", "interrupted", "late"],
)
def test_run_when_measured_then_exits_with_what_it_came_to_and_keeps_page_and_verdicts(
    memverdict: Call,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    spoil: Spoil,
    outcome: dict[str, bool],
    code: int,
    says: str,
) -> None:
    root = project(tmp_path)
    measured(root, monkeypatch, spoil=spoil, **outcome)
    called = memverdict("run", "--suite", "tiny", "--seed", "7", root=root)
    assert called.code == code
    assert says in called.err
    folder = runs.runs_folder(root) / NAME
    assert (folder / "index.html").is_file()
    assert str((folder / "index.html").relative_to(root)) in called.out.replace("\n", "")
    kept = json.loads((folder / "verdicts.json").read_text())
    assert kept == memverdict("verdict", "--json", root=root).document


def test_run_when_a_canary_reads_wrong_then_is_unfit_and_exits_3(
    memverdict: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def spoil(one: Record) -> Record:
        if (one.invocation.cell.workload, one.invocation.cell.variant) != ("canary", "cpu"):
            return one
        return dataclasses.replace(
            one, messages=tuple(line.replace('"cpu_ns":', '"cpu_ns":9') for line in one.messages)
        )

    root = project(tmp_path)
    measured(root, monkeypatch, spoil=spoil)
    called = memverdict("run", "--suite", "tiny", "--json", root=root)
    assert called.code == 3
    assert {one["verdict"] for one in called.document["verdicts"]} == {"unfit"}
    assert all("canary cpu" in failure for failure in called.document["health"]["failures"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--suite", "tyni"), "did you mean 'tiny'?"),
        (("--suite", "tiny", "--claims", "stack"), "there is no claim 'stack'"),
        (("--suite", "tiny", "--only", "lane=poled"), "did you mean 'pooled'?"),
        (("--suite", "tiny", "--budget", "10"), "write it like 90s, 10m or 1h"),
        (("--suite", "tiny", "--engine", "podman"), "'docker'"),
    ],
)
def test_run_when_asked_for_what_is_not_there_then_says_so_before_it_touches_the_machine(
    memverdict: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    def provide(*_: object, **__: object) -> None:
        raise AssertionError("the machine was touched")

    monkeypatch.setattr(session, "provide", provide)
    called = memverdict("run", *arguments, root=project(tmp_path))
    assert called.code == 2
    assert says in called.err


def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave this process's signals as pytest has them."""
    monkeypatch.setattr(session, "interruptible", lambda: None)


def test_run_when_another_run_holds_the_lock_then_exits_2_and_names_it(
    memverdict: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deaf(monkeypatch)
    root = project(tmp_path)
    with hold(runs.runs_folder(root), Holder(run="the-other", pid=4711, since="now", command="memverdict run")):
        called = memverdict("run", "--suite", "tiny", root=root)
    assert called.code == 2
    assert "run the-other holds" in called.err
    assert "kill -INT 4711" in called.err


def test_resume_when_the_catalogue_is_another_then_exits_2_before_it_touches_the_machine(
    memverdict: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deaf(monkeypatch)
    root = project(tmp_path)
    stored.run(root, "tiny", catalog="another")
    called = memverdict("run", "--resume", "latest", root=root)
    assert called.code == 2
    assert "was measured with another catalogue; check out commit 0123456789abcdef0123" in called.err


@pytest.fixture
def ground(tmp_path: Path) -> tuple[Catalog, Plan, Path]:
    root = project(tmp_path)
    catalog = load(root)
    return catalog, make_plan(catalog, load_claims(root, catalog), catalog.suites["tiny"], seed=7), root


def loop(
    ground: tuple[Catalog, Plan, Path],
    monkeypatch: pytest.MonkeyPatch,
    *,
    done: tuple[Record, ...] = (),
    seconds: int | None = None,
    fail: Callable[[Block], None] = lambda block: None,
) -> Outcome:
    """Measure the plan with workers that are invented, a block at a time."""
    catalog, plan, root = ground

    def run(block: Block, setting: Setting) -> Iterator[Record]:
        for place, invocation in enumerate(block.invocations):
            if place == 2:
                fail(block)
            yield stored.record(invocation, catalog)

    monkeypatch.setattr(measuring, "run", run)
    store = create(root)
    try:
        return measure(catalog, plan, FakeEngine(WORKER), store, done, root=root, known={}, seconds=seconds)
    finally:
        store.close()


def order(records: tuple[Record, ...]) -> list[str]:
    return [one.id for one in records]


def planned(plan: Plan) -> list[str]:
    return [one.id for block in plan.blocks for one in block.invocations]


def test_measure_when_nothing_goes_wrong_then_runs_the_plan_in_its_order(
    ground: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = loop(ground, monkeypatch)
    assert order(found.records) == planned(ground[1])
    assert (found.late, found.interrupted, found.unexpected) == (False, False, ())


def test_measure_when_the_time_is_up_then_begins_no_block_but_closes(
    ground: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = loop(ground, monkeypatch, seconds=0)
    assert found.late
    assert {one.invocation.block for one in found.records} == {None}
    assert found.records[-1].invocation.slot >= CLOSING_SLOT


def test_measure_when_interrupted_then_keeps_what_is_done_and_a_second_call_completes_it(
    ground: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(block: Block) -> None:
        if block.number == 2:
            raise KeyboardInterrupt

    first = loop(ground, monkeypatch, fail=interrupt)
    assert first.interrupted
    assert order(first.records) == planned(ground[1])[: len(first.records)]
    second = loop(ground, monkeypatch, done=first.records)
    again = [one for one in second.records[len(first.records) :] if one.invocation.block == 2]
    assert {one.invocation.attempt for one in again} == {3}
    assert len(again) == len(ground[1].members)
    assert len(order(second.records)) == len(set(order(second.records)))


def test_measure_when_the_engine_fails_then_says_so_to_its_caller(ground: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(block: Block) -> None:
        raise EngineError("the daemon is gone")

    with pytest.raises(EngineError, match="the daemon is gone"):
        loop(ground, monkeypatch, fail=broken)


def test_unexpected_when_a_failure_is_declared_then_it_is_none(ground: Any) -> None:
    catalog, plan, _ = ground
    one = stored.record(plan.blocks[0].invocations[0], catalog)
    outcome = Outcome(records=(one, declared(one), stored.failed(one, "signal 9")), late=False, interrupted=False)
    assert [one.status for one in outcome.unexpected] == ["crash"]
