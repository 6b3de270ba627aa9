"""The commands that touch the machine, on one that is made up; and a whole run on it, stopped and resumed."""

import dataclasses
import itertools
import json
import math
import shutil
import statistics
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from scipy import special

from harness.catalog.load import load
from harness.catalog.model import Block, Build, Invocation
from harness.claims.load import load_claims
from harness.cli import judging, measuring, preparing, session
from harness.cli.context import Context
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
COMMIT = "0123456789abcdef"
FACTS = {"machine": "m1", "host": "a machine with 2 CPUs", "commit": COMMIT, "dirty": False, "date": "2026-01-02T03:04"}


class Machine:
    """What the commands find: a local engine with two languages, builds that succeed, workers that tell the truth."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.fresh = True
        self.code: Mapping[str, object] = {"commit": COMMIT, "changed": []}
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
        monkeypatch.setattr(session, "interruptible", lambda: None)
        monkeypatch.setattr(session, "provide", lambda *_: ready)
        monkeypatch.setattr(session, "engine_for", self.built)
        monkeypatch.setattr(preparing, "engine_for", self.built)
        monkeypatch.setattr(provenance, "collect", lambda *, engine, **_: FACTS | {"engine": engine})
        monkeypatch.setattr(provenance, "code", lambda *_: self.code)
        began = (datetime(2026, 2, 1, tzinfo=UTC) + timedelta(seconds=one) for one in itertools.count())
        name = runs.run_id
        monkeypatch.setattr(runs, "run_id", lambda now, suite, seed: name(next(began), suite, seed))
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


def findings(memverdict: Call, machine: Machine) -> list[Mapping[str, object]]:
    """All findings with an interval, of the latest run."""
    verdicts = memverdict("verdict", "--json", root=machine.root).document["verdicts"]
    return [found for one in verdicts for found in one["findings"] if found["low"] is not None]


def test_run_when_a_precision_is_asked_for_then_as_many_blocks_run_and_each_judging_uses_the_first_stage(
    memverdict: Call, machine: Machine
) -> None:
    words = ("--suite", "tiny", "--claims", "manual_is_faster", "--seed", "7", "--precision", "0.005")
    called = memverdict("run", *words, root=machine.root)
    assert called.code == 0, called.err
    assert document(machine, runs.PROVENANCE)["precision"] == 0.005
    (name,) = runs.names(machine.root)
    blocks = {one.invocation.block for one in runs.records(machine.root, name)} - {None}
    assert blocks == set(range(1, len(blocks) + 1))
    assert len(blocks) > 10
    found = findings(memverdict, machine)
    assert found
    catalog = load(machine.root)
    judged = judging.judge_runs(Context(root=machine.root, command="memverdict"), ())
    (verdict,) = judged.verdicts
    for one in verdict.findings:
        first = [one.differences[block] for block in range(1, 11)]
        assert one.spread == pytest.approx(statistics.stdev(first))
        assert one.low is not None
        assert one.high is not None
        quantile = float(special.stdtrit(9, 1 - one.level / 2))
        half = quantile * statistics.stdev(first) / math.sqrt(len(blocks))
        assert math.log(one.high / one.low) == pytest.approx(2 * half)
    assert judged.plan.precision == 0.005
    assert judged.plan.goal.least == 10
    assert catalog.suites["tiny"].blocks == 6


def test_run_when_a_precise_one_was_stopped_then_resume_ends_at_the_same_number_of_blocks(
    memverdict: Call, machine: Machine
) -> None:
    def interrupt(block: Block, place: int) -> None:
        if (block.number, place) == (11, 1):
            raise KeyboardInterrupt

    words = ("--suite", "tiny", "--claims", "manual_is_faster", "--seed", "7", "--precision", "0.005")
    assert memverdict("run", *words, root=machine.root).code == 0
    (whole,) = runs.names(machine.root)
    wanted = max(one.invocation.block or 0 for one in runs.records(machine.root, whole))
    shutil.rmtree(runs.runs_folder(machine.root) / whole)
    machine.before = interrupt
    assert memverdict("run", *words, root=machine.root).code == 130
    machine.before = lambda block, place: None
    assert memverdict("run", "--resume", "latest", root=machine.root).code == 0
    (name,) = runs.names(machine.root)
    assert max(one.invocation.block or 0 for one in runs.records(machine.root, name)) == wanted


@pytest.mark.parametrize("width", ["0", "3%", "2"])
def test_run_when_a_precision_is_none_then_says_so(memverdict: Call, machine: Machine, width: str) -> None:
    called = memverdict("run", "--suite", "tiny", "--precision", width, root=machine.root)
    assert called.code == 2
    assert "--precision" in called.err


LOADED = """
[[cells]]
select = ["workload=lru_cache configuration=glibc,default mode=latency"]
seconds = 1
loads = [0.3, 0.6]
"""


def test_run_when_cells_ask_for_loads_then_pilots_set_their_rates_and_resume_keeps_them(
    memverdict: Call, machine: Machine
) -> None:
    def interrupt(block: Block, place: int) -> None:
        if (block.number, place) == (2, 3):
            raise KeyboardInterrupt

    suite = machine.root / "benchmarks/suites/tiny.toml"
    suite.write_text(suite.read_text() + LOADED)
    planned = memverdict("plan", "--suite", "tiny", root=machine.root)
    assert planned.code == 0, planned.err
    assert "the pilots find it, then the blocks" in " ".join(planned.out.split())
    machine.before = interrupt
    assert memverdict("run", "--suite", "tiny", "--seed", "7", root=machine.root).code == 130
    machine.before = lambda block, place: None
    called = memverdict("run", "--resume", "latest", root=machine.root)
    assert called.code == 0, called.err
    (name,) = runs.names(machine.root)
    records = runs.records(machine.root, name)
    assert len([one for one in records if one.invocation.stage == "pilot"]) == 2
    timed = [one.invocation for one in records if one.invocation.cell.mode == "latency" and one.invocation.block]
    assert {one.block for one in timed} == set(range(1, 7))
    rates: dict[tuple[str, float | None], set[int | None]] = {}
    for one in timed:
        rates.setdefault((one.cell.language, one.cell.load), set()).add(one.cell.rate)
    assert len(rates) == 4
    assert all(len(found) == 1 for found in rates.values())
    about = document(machine, runs.PLAN)
    assert isinstance(about["at_most"], int)
    assert len({one.id for one in records if one.invocation.attempt == 1}) <= about["at_most"]


def test_run_when_a_pilot_fails_then_its_cells_are_left_out_with_the_reason_and_the_rest_is_measured(
    memverdict: Call, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = machine.root / "benchmarks/suites/tiny.toml"
    suite.write_text(suite.read_text() + LOADED)
    truth = stored.record

    def record(invocation: Invocation, *rest: Any, **more: Any) -> Record:
        one = truth(invocation, *rest, **more)
        return stored.failed(one, "signal 9") if (invocation.stage, invocation.cell.language) == ("pilot", "c") else one

    monkeypatch.setattr(stored, "record", record)
    called = memverdict("run", "--suite", "tiny", "--seed", "7", root=machine.root)
    assert called.code == 1
    judged = judging.judge_runs(Context(root=machine.root, command="memverdict"), ())
    reasons = [one.reason for one in judged.plan.cells.exclusions if "at load" in one.what]
    assert reasons == ["the pilot that measures its capacity ended as crash: signal 9"] * 2
    assert {one.invocation.cell.language for one in judged.records if one.invocation.cell.rate} == {"c", "go"}
    assert {one.invocation.cell.language for one in judged.records if one.invocation.cell.load} == {"go"}


ASKED = (
    "--suite", "tiny", "--claims", "manual_is_faster", "--only", "workload=lru_cache", "--seed", "7",
    "--precision", "0.5", "--budget", "50m",
)  # fmt: skip


def test_replay_when_a_run_is_there_then_its_plan_runs_again_under_a_name_of_its_own(
    memverdict: Call, machine: Machine
) -> None:
    first = memverdict("run", *ASKED, root=machine.root)
    assert first.code == 0, first.err
    (old,) = runs.names(machine.root)
    before = document(machine, runs.PLAN)
    called = memverdict("replay", "latest", root=machine.root)
    assert called.code == 0, called.err
    (new,) = set(runs.names(machine.root)) - {old}
    again = runs.document(machine.root, new, runs.PROVENANCE)
    assert again["replays"] == old
    original = runs.document(machine.root, old, runs.PROVENANCE)
    assert original["replays"] is None
    same = ("suite", "seed", "only", "claims", "precision", "budget_seconds", "engine", "absent", "catalog")
    assert {key: again[key] for key in same} == {key: original[key] for key in same}
    assert original["budget_seconds"] == 3000
    assert runs.document(machine.root, new, runs.PLAN) == {**before, "run": new}
    mine, theirs = runs.records(machine.root, new), runs.records(machine.root, old)
    assert [one.invocation for one in mine] == [one.invocation for one in theirs]
    assert {one.invocation.layout for one in mine} == {0, 1, 2}


@pytest.mark.parametrize(
    ("about", "code", "says"),
    [
        ({"catalog": "another"}, {}, "another catalogue; check out commit 0123456789abcdef0123"),
        ({}, {"commit": "ffff"}, "was measured at commit 0123456789abcdef0123, and this is ffff; check out 0123456"),
    ],
)
def test_replay_when_catalogue_or_commit_are_others_then_exits_2_and_says_what_to_check_out(
    memverdict: Call, machine: Machine, about: dict[str, Any], code: dict[str, object], says: str
) -> None:
    machine.code = {**machine.code, **code}
    name = stored.run(machine.root, "tiny", **about)
    called = memverdict("replay", name, root=machine.root)
    assert called.code == 2
    assert says in called.err
    assert runs.names(machine.root) == (name,)


def test_replay_when_sources_had_changes_or_no_commit_is_known_then_says_what_cannot_be_told(
    memverdict: Call, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = stored.run(machine.root, "tiny", engine="local", commit=COMMIT, changed=["langs/x/main"])
    called = memverdict("replay", name, root=machine.root)
    assert called.code == 0, called.err
    assert f"run {name} was made with changes that no commit has: langs/x/main" in called.err

    def silent(root: Path, run: object, missing: dict[str, str]) -> dict[str, object]:
        missing["commit"] = "git cannot tell"
        return {}

    monkeypatch.setattr(provenance, "code", silent)
    again = memverdict("replay", name, root=machine.root)
    assert again.code == 0, again.err
    assert "cannot be told: git cannot tell" in again.err


def test_replay_when_a_toolchain_is_missing_here_then_says_so_and_one_that_was_missing_then_stays_out(
    memverdict: Call, machine: Machine
) -> None:
    then = [{"language": "c", "toolchain": "gcc14", "reason": "it was missing then"}]
    name = stored.run(machine.root, "tiny", engine="local", commit=COMMIT, absent=then)
    called = memverdict("replay", name, root=machine.root)
    assert called.code == 0, called.err
    assert "missing  java/jdk25 cannot be had here: nobody installed it; its cells are left out" in called.err
    new = runs.names(machine.root)[-1]
    languages = {one.invocation.cell.language for one in runs.records(machine.root, new)}
    assert languages == {"go"}


def test_run_when_it_ends_then_counters_and_what_was_unavailable_are_kept(
    memverdict: Call, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = stored.record

    def record(invocation: Invocation, *rest: Any, **more: Any) -> Record:
        one = truth(invocation, *rest, **more)
        return dataclasses.replace(
            one, observed=dataclasses.replace(one.observed, unavailable={"control": "FIFO is refused"})
        )

    monkeypatch.setattr(stored, "record", record)
    assert memverdict("run", "--suite", "tiny", "--claims", "constructor_escapes", root=machine.root).code == 0
    ended = document(machine, "finished.json")
    assert ended["unavailable"] == {"control": {"FIFO is refused": ended["records"]}}
    assert isinstance(ended["counters_after"], dict)
    assert "proc/stat cpu" in ended["counters_after"]
    about = document(machine, runs.PROVENANCE)
    assert isinstance(about["builds"], list)
    assert isinstance(about["sources"], dict)
    arguments = {(one["language"], one["build"]): one["arguments"] for one in about["builds"]}
    assert ["go1.27", "LAYOUTS=3"] in arguments.values()
    assert set(about["sources"]) == {"c", "go", "java"}
