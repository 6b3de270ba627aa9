"""Rates from capacities: what a pilot's record leads to, and that everyone who asks gets the same cells."""

import dataclasses

import pytest

from harness.catalog.load import load
from harness.catalog.model import LimitsOverride, SuiteCells
from harness.catalog.select import parse
from harness.errors import UsageError
from harness.plan.advance import advance, members
from harness.plan.capacity import capacity, rate_of, resolve
from harness.plan.cells import Cells, cells
from harness.plan.goals import Fixed
from harness.protocol.record import Record
from tests.fakes import stored, values
from tests.fakes.project import ROOT

CATALOG = load(ROOT)
LOADS = (0.3, 0.7)
GROUP = SuiteCells(
    select=("workload=lru_cache configuration=glibc,default mode=latency",),
    once=False,
    limits=LimitsOverride(cpus=1),
    warmup=2,
    iterations=None,
    rate=None,
    seconds=3,
    loads=LOADS,
    may_fail=(),
)
GOAL = Fixed(blocks=2)


def planned(group: SuiteCells = GROUP, only: str | None = None) -> Cells:
    suite = dataclasses.replace(CATALOG.suites["smoke"], cells=(group,), control=())
    return cells(suite, (), CATALOG, only=None if only is None else parse(only, CATALOG))


def pilots(found: Cells, *, cost: float = 1000.0) -> list[Record]:
    """Records of all pilots, at about ``cost`` ns an operation."""
    blocks = advance(GOAL, found, (), seed=1)
    return [
        stored.record(one, CATALOG, cost=lambda cell: cost)
        for block in blocks
        for one in block.invocations
        if one.stage == "pilot"
    ]


def test_pilots_when_planned_then_each_cell_has_one_closed_loop_with_the_same_parameters() -> None:
    found = planned()
    assert len(found.pilots) == 3
    assert len(found.pending) == 3 * len(LOADS)
    for one in found.pending:
        pilot, cell = one.pilot.cell, one.planned.cell
        assert (pilot.mode, pilot.rate, pilot.load) == ("throughput", None, None)
        assert (cell.mode, cell.rate, cell.seconds, cell.warmup) == ("latency", None, 3, 2)
        assert (pilot.parameters, pilot.limits) == (cell.parameters, cell.limits)
        assert one.planned.build in found.builds


def test_advance_when_pilots_are_missing_then_no_block_begins_and_the_pilots_come_before_the_closing() -> None:
    found = planned()
    blocks = advance(GOAL, found, (), seed=1)
    assert [{one.stage for one in block.invocations} for block in blocks] == [{"measure"}, {"pilot"}, {"measure"}]
    assert {block.number for block in blocks} == {None}
    assert [one.cell for one in blocks[1].invocations] == [one.cell for one in found.pilots]


def test_advance_when_pilots_have_run_then_blocks_hold_the_rates_and_resuming_gives_the_same() -> None:
    found = planned()
    done = pilots(found)
    blocks = [block for block in advance(GOAL, found, done, seed=1) if block.number is not None]
    assert len(blocks) == GOAL.blocks
    for block in blocks:
        assert len(block.invocations) == 3 * len(LOADS)
        for one in block.invocations:
            cell = one.cell
            assert cell.rate is not None
            assert cell.load in LOADS
            assert cell.rate == pytest.approx(cell.load * 1e6, rel=0.15)
            assert cell.parameters["accesses"] == cell.rate * 3
            assert {f"rate={cell.rate}", f"accesses={cell.rate * 3}", "tick_us=1000"} <= set(one.command)
    first = [stored.record(one, CATALOG) for one in blocks[0].invocations]
    left = [block for block in advance(GOAL, found, [*done, *first], seed=1) if block.number is not None]
    assert left == blocks[1:]


def test_resolve_when_asked_again_then_gives_the_members_that_blocks_held() -> None:
    found = planned()
    done = pilots(found)
    resolved = resolve(found, done)
    assert not resolved.pending
    block = next(one for one in advance(GOAL, found, done, seed=1) if one.number is not None)
    assert {one.cell.key for one, _ in members(resolved)} == {one.cell.key for one in block.invocations}
    assert resolve(resolved, done) == resolved


def test_resolve_when_a_pilot_failed_then_its_cells_are_excluded_with_the_reason_and_the_rest_runs() -> None:
    found = planned()
    done = pilots(found)
    broken = [stored.failed(done[0], "signal 11"), *done[1:]]
    resolved = resolve(found, broken)
    assert len(resolved.blocks) == 2 * len(LOADS)
    assert [one.reason for one in resolved.exclusions] == [
        "the pilot that measures its capacity ended as crash: signal 11"
    ] * len(LOADS)
    assert all(str(load) in one.what for load, one in zip(LOADS, resolved.exclusions, strict=True))


def test_resolve_when_a_pilot_ran_again_then_its_last_attempt_counts() -> None:
    found = planned()
    done = pilots(found)
    again = dataclasses.replace(done[0], invocation=dataclasses.replace(done[0].invocation, attempt=2))
    resolved = resolve(found, [again, stored.failed(done[0], "signal 11"), *done[1:]])
    assert not resolved.exclusions


def test_advance_when_time_is_up_before_the_pilots_then_only_the_closing_is_left() -> None:
    found = planned()
    opening = [stored.record(one, CATALOG) for one in advance(GOAL, found, (), seed=1)[0].invocations]
    (closing,) = advance(GOAL, found, opening, seed=1, out_of_time=True)
    assert {one.cell.workload for one in closing.invocations} == {"canary"}


@pytest.mark.parametrize(
    ("load", "measured", "rate"),
    [
        (0.3, 1_234_567.0, 370_000),
        (0.5, 1_999.9, 990),
        (0.7, 10.0, 7),
        (0.7, 100.0, 70),
        (0.1, 5.0, 0),
        (0.9, 1e9, 900_000_000),
    ],
)
def test_rate_when_rounded_then_down_to_two_digits(load: float, measured: float, rate: int) -> None:
    assert rate_of(load, measured) == rate


def test_resolve_when_the_capacity_is_less_than_an_arrival_a_second_then_is_excluded() -> None:
    found = planned()
    slow = pilots(found, cost=5e9)
    resolved = resolve(found, slow)
    assert not resolved.blocks
    assert all("less than one arrival" in one.reason for one in resolved.exclusions)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda one: dataclasses.replace(one, messages=("{",)), "does not parse"),
        (lambda one: dataclasses.replace(one, messages=one.messages[:2]), "did nothing"),
        (lambda one: dataclasses.replace(one, status="oom", reason="killed"), "ended as oom: killed"),
    ],
)
def test_capacity_when_a_record_gives_none_then_says_why(change: object, says: str) -> None:
    done = pilots(planned())
    assert callable(change)
    found = capacity(change(done[0]))
    assert isinstance(found, str)
    assert says in found


def test_capacity_when_iterations_differ_then_operations_and_times_are_added_up() -> None:
    invocation = pilots(planned())[0].invocation
    lines = values.lines(values.messages(warmup=1, iterations=2))
    one = dataclasses.replace(stored.record(invocation, CATALOG), messages=tuple(line.decode() for line in lines))
    assert capacity(one) == pytest.approx(2000 / 1800 * 1e9)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rate": 5}, "loads stand beside neither rate nor once"),
        ({"once": True}, "loads stand beside neither rate nor once"),
        ({"select": ("workload=lru_cache go/default",)}, "belong to mode latency"),
    ],
)
def test_loads_when_they_contradict_the_rest_then_is_a_usage_error(changes: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        planned(dataclasses.replace(GROUP, **changes))  # type: ignore[arg-type]


def test_loads_when_a_variant_cannot_run_closed_loop_then_is_a_usage_error() -> None:
    workload = CATALOG.workloads["lru_cache"]
    variants = tuple(dataclasses.replace(one, modes=("latency",)) for one in workload.variants)
    changed = dataclasses.replace(workload, variants=variants)
    catalog = dataclasses.replace(CATALOG, workloads={**CATALOG.workloads, "lru_cache": changed})
    suite = dataclasses.replace(CATALOG.suites["smoke"], cells=(GROUP,), control=())
    with pytest.raises(UsageError, match="has no mode throughput"):
        cells(suite, (), catalog)


def test_loads_when_they_stand_in_the_control_then_is_a_usage_error() -> None:
    suite = dataclasses.replace(CATALOG.suites["smoke"], cells=(), control=(GROUP,))
    with pytest.raises(UsageError, match="loads belong to"):
        cells(suite, (), CATALOG)


def test_loads_when_only_narrows_then_pilots_of_what_is_left_out_do_not_run() -> None:
    found = planned(only="language=c")
    assert {one.cell.language for one in found.pilots} == {"c"}
    assert {one.cell.language for one in found.canaries} == {"c"}


def test_loads_when_a_toolchain_is_absent_then_is_excluded_with_the_reason() -> None:
    suite = dataclasses.replace(CATALOG.suites["smoke"], cells=(GROUP,), control=())
    found = cells(suite, (), CATALOG, absent={("c", "gcc14"): "nobody installed it"})
    assert {one.cell.language for one in found.pilots} == {"go", "java"}
    assert {one.reason for one in found.exclusions} == {"nobody installed it"}
