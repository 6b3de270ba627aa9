import dataclasses

import pytest

from harness.catalog.load import load
from harness.catalog.model import Limits, LimitsOverride, Suite, SuiteCells
from harness.catalog.select import parse
from harness.claims.model import Demand
from harness.errors import UsageError
from harness.plan.cells import SEED, Cells, cells, golden_of, invocation
from tests.fakes.project import ROOT

CATALOG = load(ROOT)
SETTINGS = SuiteCells(
    select=("workload=lru_cache go/default",),
    once=False,
    limits=LimitsOverride(),
    warmup=None,
    iterations=None,
    rate=None,
    loads=(),
    seconds=None,
    may_fail=(),
)


def suite(*groups: SuiteCells, control: tuple[SuiteCells, ...] = (), only: str = "") -> Suite:
    return Suite(
        id="made",
        title="made",
        size="quick",
        blocks=3,
        deadline_seconds=None,
        claims=(),
        only=only,
        parallel=1,
        limits=Limits(cpus=2, memory=4 << 30),
        cells=groups,
        control=control,
    )


def demand(**changes: object) -> Demand:
    values: dict[str, object] = {
        "workload": "lru_cache",
        "variant": "heap",
        "form": None,
        "language": "go",
        "configuration": "default",
        "toolchain": "go1.27",
        "mode": "throughput",
        "metric": "time.per_operation",
    }
    return Demand(**(values | changes))  # type: ignore[arg-type]


def only_cell(found: Cells) -> object:
    (one,) = found.blocks
    return one.cell


def test_cells_when_a_demand_is_resolved_then_everything_that_runs_is_fixed() -> None:
    found = cells(suite(), [demand()], CATALOG)
    (one,) = found.blocks
    workload = CATALOG.workloads["lru_cache"]
    assert dict(one.cell.parameters) == {name: p.quick for name, p in workload.parameters.items()}
    assert (one.cell.warmup, one.cell.iterations) == (
        workload.iterations["quick"].warmup,
        workload.iterations["quick"].measured,
    )
    assert one.seed == workload.goldens[0].seed
    assert one.command[:3] == ("runner", "lru_cache", "variant=heap")
    assert {f"seed={one.seed}", "mode=throughput", "capacity=1000"} <= set(one.command)
    assert found.demanded == {demand(): one.cell}


def test_cells_when_two_demands_need_one_cell_then_it_runs_once() -> None:
    found = cells(suite(), [demand(), demand(metric="cpu.per_operation")], CATALOG)
    assert len(found.blocks) == 1
    assert len(found.demanded) == 2


def test_cells_when_limits_are_said_in_several_places_then_cells_win_over_workload_over_suite() -> None:
    own = CATALOG.workloads["lru_cache"].limits.memory
    assert own is not None
    (plain,) = cells(suite(SETTINGS), [], CATALOG).blocks
    assert plain.cell.limits == Limits(cpus=2, memory=own)
    group = dataclasses.replace(SETTINGS, limits=LimitsOverride(cpus=1, memory=1 << 30))
    (special,) = cells(suite(group), [], CATALOG).blocks
    assert special.cell.limits == Limits(cpus=1, memory=1 << 30)


def test_cells_when_a_contrast_fixes_repetitions_then_it_is_a_cell_of_its_own() -> None:
    found = cells(suite(), [demand(), demand(warmup=0, iterations=1)], CATALOG)
    assert sorted((one.cell.warmup, one.cell.iterations) for one in found.blocks)[0] == (0, 1)
    assert len(found.blocks) == 2


def test_cells_when_mode_is_exact_then_outside_the_blocks_with_the_build_that_counts() -> None:
    counted = [
        demand(
            workload="escape",
            variant="all",
            form="heap",
            mode="exact",
            metric="allocations.count",
            language=language.id,
            configuration=language.configurations[0].id,
            toolchain=language.configurations[0].toolchain,
        )
        for language in CATALOG.languages.values()
    ]
    found = cells(suite(), counted, CATALOG)
    assert not found.blocks
    assert {(one.cell.warmup, one.cell.iterations) for one in found.once} == {(2, 1)}
    for one in found.once:
        assert dict(one.build.options) == dict(CATALOG.languages[one.cell.language].mode_build.get("exact", {}))


def test_cells_when_a_language_lacks_it_then_it_is_excluded_with_the_reason() -> None:
    language, key = next((one, key) for one in CATALOG.languages.values() for key in one.absent if "/" in key)
    form = key.partition("/")[2]
    asked = demand(
        workload="escape",
        variant=form,
        language=language.id,
        configuration=language.configurations[0].id,
        toolchain=language.configurations[0].toolchain,
    )
    found = cells(suite(), [asked], CATALOG)
    assert not found.blocks
    assert [one.reason for one in found.exclusions] == [language.absent[key]]


def test_cells_when_a_toolchain_cannot_be_had_then_it_is_excluded_with_the_reason() -> None:
    found = cells(suite(), [demand()], CATALOG, absent={("go", "go1.27"): "not on PATH"})
    assert [one.reason for one in found.exclusions] == ["not on PATH"]
    assert not found.demanded


def test_cells_when_the_suite_narrows_then_only_what_claims_ask_for_is_narrowed() -> None:
    found = cells(
        suite(SETTINGS, only="configuration=glibc"), [demand(workload="binary_trees", variant="node")], CATALOG
    )
    assert [one.cell.workload for one in found.blocks] == ["lru_cache"]
    assert not found.demanded


def test_cells_when_the_user_narrows_then_everything_but_the_canaries_is() -> None:
    group = dataclasses.replace(SETTINGS, select=("workload=lru_cache go/default", "workload=lru_cache c/glibc"))
    found = cells(suite(group), [], CATALOG, only=parse("language=c", CATALOG))
    assert [one.cell.language for one in found.blocks] == ["c"]
    assert {one.cell.language for one in found.canaries} == {"c"}


def test_cells_when_what_cannot_run_was_not_asked_for_then_it_is_no_exclusion() -> None:
    group = dataclasses.replace(SETTINGS, select=("workload=lru_cache go/default", "workload=lru_cache c/glibc"))
    absent = {("go", "go1.27"): "not on PATH"}
    found = cells(suite(group), [], CATALOG, only=parse("language=c", CATALOG), absent=absent)
    assert (len(found.blocks), found.exclusions) == (1, ())
    found = cells(suite(only="language=c"), [demand()], CATALOG, absent=absent)
    assert (found.blocks, found.exclusions) == ((), ())


def test_cells_when_any_language_runs_then_each_of_its_canaries_does_too() -> None:
    found = cells(suite(SETTINGS), [], CATALOG)
    variants = {one.id: one.modes[0] for one in CATALOG.workloads["canary"].variants}
    assert {one.cell.variant: one.cell.mode for one in found.canaries} == variants


def test_cells_when_a_control_is_named_then_it_is_one_of_the_blocks_cells() -> None:
    found = cells(suite(SETTINGS, control=(SETTINGS,)), [], CATALOG)
    assert found.control == found.blocks


def test_cells_when_a_group_declares_failures_then_they_add_to_the_configurations_own() -> None:
    group = dataclasses.replace(SETTINGS, select=("workload=lru_cache go/no_reclaim",), may_fail=("timeout",))
    (one,) = cells(suite(group), [], CATALOG).blocks
    assert one.may_fail == ("oom", "timeout")
    assert invocation(one, block=1, slot=0, attempt=1).may_fail == ("oom", "timeout")


def test_cells_when_a_group_sets_rate_seconds_and_repetitions_then_the_cell_has_them() -> None:
    select = ("workload=lru_cache go/default mode=latency",)
    group = dataclasses.replace(SETTINGS, select=select, rate=500, seconds=9, warmup=3, iterations=5)
    (one,) = cells(suite(group), [], CATALOG).blocks
    assert (one.cell.rate, one.cell.seconds, one.cell.warmup, one.cell.iterations) == (500, 9, 3, 5)
    assert {"warmup=3", "iterations=5", "rate=500", "tick_us=1000", "accesses=4500"} <= set(one.command)


def test_cells_when_a_latency_group_says_no_rate_then_the_workload_s_own_schedule_serves() -> None:
    group = dataclasses.replace(SETTINGS, select=("workload=lru_cache go/default mode=latency",))
    (one,) = cells(suite(group), [], CATALOG).blocks
    own = CATALOG.workloads["lru_cache"].open_loop[one.cell.size]
    assert (one.cell.rate, one.cell.seconds, one.cell.iterations) == (own.rate, own.seconds, 1)
    assert one.cell.parameters["accesses"] == own.rate * own.seconds


def test_cells_when_neither_group_nor_workload_says_a_rate_then_that_is_a_usage_error() -> None:
    workload = dataclasses.replace(CATALOG.workloads["lru_cache"], open_loop={})
    catalog = dataclasses.replace(CATALOG, workloads={**CATALOG.workloads, "lru_cache": workload})
    group = dataclasses.replace(SETTINGS, select=("workload=lru_cache go/default mode=latency",))
    with pytest.raises(UsageError, match="no schedule of arrivals"):
        cells(suite(group), [], catalog)


def test_cells_when_a_rate_is_given_outside_mode_latency_then_that_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="belong to mode latency"):
        cells(suite(dataclasses.replace(SETTINGS, rate=500)), [], CATALOG)


def test_cells_when_a_group_is_once_then_it_stays_outside_the_blocks() -> None:
    found = cells(suite(dataclasses.replace(SETTINGS, once=True)), [], CATALOG)
    assert (found.blocks, len(found.once)) == ((), 1)


def test_builds_when_cells_share_one_then_it_is_named_once() -> None:
    found = cells(suite(SETTINGS), [demand()], CATALOG)
    assert len(found.builds) == len({build.id for build in found.builds})


@pytest.mark.parametrize(("seed", "there"), [(0, True), (7, False)])
def test_golden_when_seed_or_parameters_differ_then_there_is_none(seed: int, there: bool) -> None:
    (one,) = cells(suite(SETTINGS), [], CATALOG).blocks
    workload = CATALOG.workloads["lru_cache"]
    assert (golden_of(workload, one.cell, seed) is not None) == there
    other = dataclasses.replace(one.cell, parameters={"capacity": 1, "accesses": 1})
    assert golden_of(workload, other, 0) is None


def test_golden_when_a_form_is_asked_for_then_is_that_forms() -> None:
    workload = CATALOG.workloads["escape"]
    found = cells(
        suite(),
        [demand(workload="escape", variant="all", form="heap", mode="exact", metric="allocations.count")],
        CATALOG,
    )
    golden = golden_of(workload, found.once[0].cell, found.once[0].seed, "heap")
    assert golden is not None
    assert golden.variant == "heap"


def test_seed_when_given_then_replaces_the_goldens() -> None:
    (one,) = cells(suite(SETTINGS), [], CATALOG, seed=SEED + 1).blocks
    assert f"seed={SEED + 1}" in one.command


def test_invocation_when_named_then_ids_are_unique_over_block_slot_replica_and_attempt() -> None:
    (one,) = cells(suite(SETTINGS), [], CATALOG).blocks
    ids = {
        invocation(one, block=block, slot=slot, attempt=attempt, replica=replica).id
        for block in (None, 1, 2)
        for slot in (0, 1)
        for attempt in (1, 2)
        for replica in ("a", "b")
    }
    assert len(ids) == 24
