"""The commands that touch the machine, on one that is made up; and a whole run on it, stopped and resumed."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from harness.catalog.load import load
from harness.catalog.model import Block, Build
from harness.claims.load import load_claims
from harness.cli import measuring, preparing, session
from harness.cli.planning import make_plan
from harness.cli.preparing import Ready
from harness.engines import docker, host
from harness.engines.base import ImageRef
from harness.engines.docker import Removed
from harness.engines.fake import FakeEngine
from harness.engines.host import Finding
from harness.engines.images import Built
from harness.engines.provision import LocalToolchain
from harness.errors import BuildFailed, EngineError, EngineUnavailable
from harness.execute.run import Setting
from harness.protocol.record import Record
from harness.store import provenance, runs
from tests.fakes import stored
from tests.fakes.running import WORKER
from tests.unit.cli.conftest import Call, project

GO, C = ("go", "go1.27"), ("c", "gcc14")
ABSENT = {("java", "jdk25"): "nobody installed it"}
FACTS = {"machine": "m1", "host": "a machine with 2 CPUs", "commit": "0123", "dirty": False, "date": "2026-01-02T03:04"}


class Machine:
    """What the commands find: a local engine with two languages, builds that succeed, workers that tell the truth."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.fresh = True
        self.before: Callable[[Block, int], None] = lambda block, place: None
        catalog = load(root)

        def run(block: Block, setting: Setting) -> Iterator[Record]:
            for place, invocation in enumerate(block.invocations):
                self.before(block, place)
                record = stored.record(invocation, catalog, engine="local")
                setting.store.append(record)
                yield record

        chains = {
            key: LocalToolchain(language=key[0], toolchain=key[1], path="", found=f"{key[1]}.9") for key in (GO, C)
        }
        ready = Ready(engine="local", version="", why="asked for", absent=ABSENT, toolchains=chains)
        monkeypatch.setattr(session, "_interruptible", lambda: None)
        monkeypatch.setattr(session, "provide", lambda *_: ready)
        monkeypatch.setattr(session, "engine_for", self.built)
        monkeypatch.setattr(preparing, "engine_for", self.built)
        monkeypatch.setattr(provenance, "collect", lambda *, engine, **_: FACTS | {"engine": engine})
        monkeypatch.setattr(measuring, "run", run)

    def built(self, ready: Ready, builds: tuple[Build, ...], *_: object) -> tuple[FakeEngine, Mapping[Build, Built]]:
        found = {
            one: Built(
                build=one, ref=ImageRef(image_id=None, path=f".build/{one.id}"), size_bytes=3 << 20, seconds=2.4,
                fresh=self.fresh, files={"runner": "00"}, packages={},
            )
            for one in builds
        }  # fmt: skip
        return FakeEngine(WORKER), found


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(project(tmp_path), monkeypatch)


def built_for(machine: Machine) -> tuple[Build, ...]:
    catalog = load(machine.root)
    claims = load_claims(machine.root, catalog)
    return make_plan(catalog, claims, catalog.suites["tiny"], seed=7, absent=ABSENT).cells.builds


def document(machine: Machine, file: str) -> Mapping[str, object]:
    return runs.document(machine.root, "latest", file)


def test_run_when_all_goes_well_then_a_finished_run_lies_there_that_says_how_it_came_to_be(
    memverdict: Call, machine: Machine
) -> None:
    called = memverdict("run", "--suite", "tiny", "--seed", "7", root=machine.root)
    assert called.code == 0, called.err
    assert "setup    python ok · engine local (asked for) · go1.27.9, gcc14.9" in called.err
    assert "host     a machine with 2 CPUs" in called.err
    assert "seed 7" in called.err
    about = document(machine, runs.PROVENANCE)
    assert (about["suite"], about["seed"], about["engine"], about["why_engine"]) == ("tiny", 7, "local", "asked for")
    assert about["absent"] == [{"language": "java", "toolchain": "jdk25", "reason": "nobody installed it"}]
    assert isinstance(about["builds"], list)
    assert {one["build"] for one in about["builds"]} == {one.id for one in built_for(machine)}
    (name,) = runs.names(machine.root)
    assert name.endswith("-tiny-000007")
    plan = document(machine, runs.PLAN)
    records = runs.records(machine.root, name)
    assert isinstance(plan["invocations"], list)
    assert [one["id"] for one in plan["invocations"]] == [one.id for one in records]
    assert document(machine, "finished.json")["records"] == len(records)
    warnings = memverdict("verdict", "--json", root=machine.root).document["health"]["warnings"]
    assert [one["code"] for one in warnings] == ["not_contained"]


def test_run_when_interrupted_then_resume_completes_it_as_planned(memverdict: Call, machine: Machine) -> None:
    def interrupt(block: Block, place: int) -> None:
        if (block.number, place) == (2, 3):
            raise KeyboardInterrupt

    machine.before = interrupt
    first = memverdict("run", "--suite", "tiny", "--claims", "manual_is_faster", "--seed", "7", root=machine.root)
    assert first.code == 130
    (name,) = runs.names(machine.root)
    assert f"run --resume {name}" in first.err
    assert memverdict("list", "runs", "--json", root=machine.root).document["runs"][0]["status"] == "unfinished"
    kept = runs.records(machine.root, name)
    machine.before = lambda block, place: None
    second = memverdict("run", "--resume", "latest", root=machine.root)
    assert second.code == 0, second.err
    assert f"resume   {name} · {len(kept)} records kept" in second.err
    records = runs.records(machine.root, name)
    assert records[: len(kept)] == kept
    assert len({one.id for one in records}) == len(records)
    assert runs.names(machine.root) == (name,)
    assert [one["claim"] for one in memverdict("verdict", "--json", root=machine.root).document["verdicts"]] == [
        "manual_is_faster"
    ]
    third = memverdict("run", "--resume", name, root=machine.root)
    assert (third.code, runs.records(machine.root, name)) == (0, records)


def test_run_when_the_engine_fails_then_exits_1_and_says_how_to_go_on(memverdict: Call, machine: Machine) -> None:
    def fail(block: Block, place: int) -> None:
        if block.number == 1:
            raise EngineError("the daemon is gone")

    machine.before = fail
    called = memverdict("run", "--suite", "tiny", root=machine.root)
    assert called.code == 1
    (name,) = runs.names(machine.root)
    assert f"what was measured until now is safe; go on with `memverdict run --resume {name}`" in called.err
    assert called.err.endswith("memverdict: the daemon is gone\n")
    assert runs.records(machine.root, name)


def test_run_when_a_program_does_not_build_then_exits_1_and_no_run_was_begun(
    memverdict: Call, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise BuildFailed("go: workloads/x.go:1: syntax error")

    monkeypatch.setattr(session, "engine_for", broken)
    called = memverdict("run", "--suite", "tiny", root=machine.root)
    assert called.code == 1
    assert "syntax error" in called.err
    assert runs.names(machine.root) == ()


def test_run_when_what_an_ended_run_left_is_swept_then_says_how_much(
    memverdict: Call, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeEngine, "sweep", lambda self, alive: () if alive("a-dead-run") else ("one", "two"))
    called = memverdict("run", "--suite", "tiny", "--claims", "constructor_escapes", root=machine.root)
    assert "removed  2 workers that an ended run left behind" in called.err


def test_setup_when_there_are_containers_then_says_so(
    memverdict: Call, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "provide", lambda *_: Ready(engine="docker", version="29.1", why=""))
    called = memverdict("setup", root=machine.root)
    assert (called.code, called.out) == (0, "")
    assert "docker 29.1 ok · base image ok" in called.err


@pytest.mark.parametrize(("fresh", "says"), [(True, "built in 2 s"), (False, "unchanged")])
def test_build_when_done_then_says_of_each_program_whether_it_was_made(
    memverdict: Call, machine: Machine, fresh: bool, says: str
) -> None:
    machine.fresh = fresh
    called = memverdict("build", "--suite", "tiny", root=machine.root)
    assert called.code == 0, called.err
    assert f"go go1.27: 3.00 MiB, {says}" in called.out.splitlines()
    rows = memverdict("build", "--suite", "tiny", "--json", root=machine.root).document["builds"]
    assert len(rows) == len(called.out.splitlines())
    assert rows[0]["files"] == {"runner": "00"}


@pytest.mark.parametrize(("ok", "fatal", "code"), [(True, False, 0), (False, False, 0), (False, True, 3)])
def test_doctor_when_something_is_found_then_only_what_is_fatal_makes_the_host_unfit(
    memverdict: Call, monkeypatch: pytest.MonkeyPatch, ok: bool, fatal: bool, code: int
) -> None:
    finding = Finding(id="swap", ok=ok, observed=1, text="1 B swapped out", remedy="end the rest", fatal=fatal)
    monkeypatch.setattr(host, "examine", lambda engine: (finding,))
    called = memverdict("doctor")
    assert called.code == code
    assert called.out.startswith("ok" if ok else "!!")
    assert ("end the rest" in called.out) != ok
    assert memverdict("doctor", "--json").document["checks"][0]["observed"] == 1


@pytest.mark.parametrize("daemon", [True, False])
def test_clean_when_done_then_says_what_is_gone_and_keeps_every_run(
    memverdict: Call, machine: Machine, monkeypatch: pytest.MonkeyPatch, daemon: bool
) -> None:
    def remove(root: str) -> Removed:
        if not daemon:
            raise EngineUnavailable("no daemon answers")
        return Removed(containers=1, images=2, freed_bytes=5 << 20)

    monkeypatch.setattr(docker, "remove_ours", remove)
    (machine.root / ".build").mkdir()
    stored.run(machine.root, "tiny")
    called = memverdict("clean", root=machine.root)
    assert called.code == 0
    expected = "removed 1 container and 2 images, which frees 5.00 MiB" if daemon else "not: no daemon answers"
    assert expected in called.err
    assert not (machine.root / ".build").exists()
    assert len(runs.names(machine.root)) == 1
    assert json.loads((runs.runs_folder(machine.root) / runs.names(machine.root)[0] / runs.PLAN).read_text())
