"""A bench runs a worker as any run does; an injection hears of start, release and end, whatever the worker does."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.catalog.load import load
from harness.engines.base import Place, Session
from harness.engines.fake import FakeEngine
from harness.execute.run import run
from harness.plan.settings import TICK_US
from harness.samples.source import Field, Formula
from harness.store.runs import Run
from harness.validate import bench
from harness.validate.checks import NotMeasured, Unavailable, Value
from tests.fakes import running, values
from tests.fakes.project import ROOT
from tests.unit.validate.test_runner import bench as made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Run]:
    opened = running.create(tmp_path)
    yield opened
    opened.close()


class Listening:
    """Keeps what it was told, and refuses where it is asked to."""

    def __init__(self, refuses: str = "") -> None:
        self.heard: list[str] = []
        self.pid: int | None = None
        self._refuses = refuses

    def _hear(self, what: str) -> None:
        self.heard.append(what)
        if what == self._refuses:
            raise Unavailable("not here")

    def started(self, session: Session, place: Place) -> None:
        assert place.out.is_dir()
        self.pid = session.pid()
        self._hear("started")

    def release(self, session: Session) -> None:
        assert session.pid() == self.pid
        self._hear("release")

    def over(self) -> None:
        self.heard.append("over")


def only(store: Run, variant: str, injection: Listening) -> str:
    engine = bench.Injected(FakeEngine(running.WORKER), injection)
    (record,) = run(running.block(variant), running.setting(store, engine))
    return record.status


@pytest.mark.parametrize(("variant", "status"), [("good", "ok"), ("crashes", "crash"), ("garbage", "invalid")])
def test_injection_when_a_worker_ran_then_it_heard_start_release_and_end_once_each(
    store: Run, variant: str, status: str
) -> None:
    listening = Listening()
    assert only(store, variant, listening) == status
    assert listening.heard == ["started", "release", "over"]


def test_injection_when_a_worker_ends_before_its_release_then_it_is_over_all_the_same(store: Run) -> None:
    listening = Listening()
    assert only(store, "dies_early", listening) == "crash"
    assert listening.heard == ["started", "over"]


@pytest.mark.parametrize("refuses", ["started", "release"])
def test_injection_when_it_is_refused_then_the_worker_is_gone_and_the_reason_comes_through(
    store: Run, refuses: str
) -> None:
    listening = Listening(refuses)
    with pytest.raises(Unavailable, match="not here"):
        only(store, "good", listening)
    assert listening.heard[-1] == "over"
    assert listening.heard.count("over") == 1
    assert not Path(f"/proc/{listening.pid}").exists()


def test_injection_when_several_are_one_then_each_hears_everything(store: Run) -> None:
    parts = (Listening(), Listening())
    engine = bench.Injected(FakeEngine(running.WORKER), bench.Together(*parts))
    list(run(running.block("good"), running.setting(store, engine)))
    assert [one.heard for one in parts] == [["started", "release", "over"]] * 2


def test_measure_when_asked_twice_then_two_records_of_different_names_are_stored(store: Run) -> None:
    on = made(store)
    planned = replace(on.canary(on.languages[0], "pause", "throughput"), cell=values.cell())
    planned = replace(planned, command=values.invocation().command)
    first, second = on.measure(planned), on.measure(planned, block=3)
    assert first.id != second.id
    assert (first.status, first.invocation.block, second.invocation.block) == ("ok", None, 3)
    assert bench.read(first, Formula(top=Field(scope="iteration", name="elapsed_ns"))) == 1800


def test_read_when_a_record_failed_or_lacks_the_field_then_not_measured_says_why(store: Run) -> None:
    (bad,) = run(running.block("crashes"), running.setting(store))
    with pytest.raises(NotMeasured, match="ended as crash"):
        bench.peak(bad)
    (good,) = run(running.block("good"), running.setting(store))
    assert bench.peak(good) == 4096
    with pytest.raises(Unavailable, match="not accounted"):
        bench.container_cpu(good)
    with pytest.raises(NotMeasured, match="no counter"):
        bench.read(good, Formula(top=Field(scope="end", name="counters.none")))


def test_plan_when_of_mode_latency_then_it_has_a_schedule_and_a_ticker(store: Run) -> None:
    on = made(store)
    found = on.canary(on.languages[0], "stall", "latency", rate=100, seconds=3, hold_ms=7)
    assert (found.cell.rate, found.cell.seconds, found.cell.tick_us) == (100, 3, TICK_US)
    assert (found.cell.parameters["arrivals"], found.cell.parameters["hold_ms"]) == (300, 7)
    assert {"rate=100", f"tick_us={TICK_US}", "arrivals=300", "hold_ms=7"} <= set(found.command)
    assert on.canary(on.languages[0], "stall", "latency", rate=1, seconds=1, tick_us=0).cell.tick_us == 0


def test_builds_when_collected_then_every_cell_that_a_row_plans_finds_its_own(store: Run) -> None:
    catalog = load(ROOT)
    on = made(store)
    have = set(bench.builds(catalog, {}))
    assert len(have) == len(bench.builds(catalog, {}))
    for language in on.languages:
        for variant, mode in (("memory", "memory"), ("bytes", "exact"), ("stall", "latency"), ("cpu", "throughput")):
            changes = {"rate": 10, "seconds": 1} if mode == "latency" else {}
            assert on.canary(language, variant, mode, **changes).build in have  # type: ignore[arg-type]
        if language.truth.stops:
            planned = on.canary(language, "stall", "latency", configuration=language.truth.stops, rate=1, seconds=1)
            assert planned.build in have
    language = on.languages[0]
    absent = {(language.id, language.configurations[0].toolchain): "no compiler"}
    assert all(one.language != language.id for one in bench.builds(catalog, absent))


@pytest.mark.parametrize(("flags", "says"), [((), ""), (("foreign_load",), "disturbed 2 of 3 workers (foreign_load)")])
def test_disturbed_when_the_host_flagged_most_workers_then_says_by_what(
    store: Run, flags: tuple[str, ...], says: str
) -> None:
    (one,) = run(running.block("good"), running.setting(store))
    quiet = replace(one, flags=())
    assert says in bench.disturbed([replace(one, flags=flags), replace(one, flags=flags), quiet])
    assert bench.disturbed([replace(one, flags=("foreign_load",)), quiet]) == ""
    assert bench.disturbed([replace(one, flags=("engine_lost",))]) == ""


def test_unless_disturbed_when_what_is_outside_may_be_the_hosts_then_only_on_a_busy_host_is_it_no_failure(
    store: Run,
) -> None:
    (one,) = run(running.block("good"), running.setting(store))
    busy, quiet = replace(one, flags=("foreign_load",)), replace(one, flags=())
    late = Value(what="late", observed=3, high=2, unit="ns")
    missed = Value(what="missed", observed=0, low=1, unit="1")

    def may(value: Value) -> bool:
        return value.unit == "ns"

    assert list(bench.unless_disturbed([late], [quiet], may)) == [late]
    assert list(bench.unless_disturbed([late, missed], [busy], may)) == [late, missed]
    with pytest.raises(Unavailable, match=r"foreign_load.*late: 3\.00 ns"):
        list(bench.unless_disturbed([late], [busy], may))
