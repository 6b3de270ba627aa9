"""What the project's own data promises: its suites can be run as they are, and what they run can be checked."""

import dataclasses

import pytest

from harness.catalog.load import load
from harness.catalog.model import Cell
from harness.claims.judge import demands
from harness.claims.load import load_claims
from harness.claims.questions import questions
from harness.cli.planning import Plan, make_plan
from harness.plan.cells import cells, golden_of
from harness.stats.paired import FEWEST_BLOCKS
from tests.fakes.project import ROOT

CATALOG = load(ROOT)
CLAIMS = load_claims(ROOT, CATALOG)
SUITES = sorted(CATALOG.suites)


def plan(suite: str) -> Plan:
    return make_plan(CATALOG, CLAIMS, CATALOG.suites[suite], seed=1)


def forms_of(cell: Cell) -> list[str | None]:
    """The forms that a cell's one process serves, or None for the cell itself."""
    workload = CATALOG.workloads[cell.workload]
    if not workload.variant(cell.variant).forms:
        return [None]
    absent = CATALOG.languages[cell.language].absence
    return [one.id for one in workload.variants if not one.forms and absent(workload.id, one.id) is None]


def golden_schedule(cell: Cell) -> bool:
    """Whether a cell runs closed-loop or on its workload's own schedule, whose arrivals are those of a golden value."""
    own = CATALOG.workloads[cell.workload].open_loop.get(cell.size)
    return cell.rate is None or (own is not None and (cell.rate, cell.seconds) == (own.rate, own.seconds))


def test_golden_when_a_cell_is_timed_on_its_workloads_own_schedule_then_it_has_one() -> None:
    group = CATALOG.suites["quick"].cells[0]
    select = ("workload=message_window,lru_cache configuration=glibc,default mode=latency",)
    group = dataclasses.replace(group, select=select, once=False)
    suite = dataclasses.replace(CATALOG.suites["quick"], cells=(group,), control=())
    found = cells(suite, (), CATALOG).blocks
    assert {one.cell.workload for one in found} == {"message_window", "lru_cache"}
    for one in found:
        assert golden_schedule(one.cell)
        assert golden_of(CATALOG.workloads[one.cell.workload], one.cell, one.seed) is not None, one.cell.label


@pytest.mark.parametrize("suite", SUITES)
def test_suite_when_planned_then_every_process_has_a_golden_for_all_it_does(suite: str) -> None:
    invocations = [one for block in plan(suite).blocks for one in block.invocations]
    assert invocations
    for one in invocations:
        if not golden_schedule(one.cell):
            continue  # a schedule of the suite's own: so many arrivals that no golden value has
        for form in forms_of(one.cell):
            golden = golden_of(CATALOG.workloads[one.cell.workload], one.cell, one.seed, form)
            assert golden is not None, f"{one.cell.label} {form or ''} seed {one.seed}"


@pytest.mark.parametrize("suite", SUITES)
def test_suite_when_it_asks_claims_then_it_measures_all_that_decides_them(suite: str) -> None:
    found = plan(suite)
    for claim in found.claims:
        for question in questions(claim, CATALOG):
            assert question.pairs, f"{claim.id}/{question.contrast.id}"
            if question.contrast.decides:
                missing = [one for one in question.demands if one not in found.cells.demanded]
                assert missing == [], f"{claim.id}/{question.contrast.id}"


@pytest.mark.parametrize("suite", SUITES)
def test_suite_when_it_times_claims_then_it_has_a_control_and_blocks_enough_to_decide(suite: str) -> None:
    found = plan(suite)
    timed = [one for claim in found.claims for one in claim.contrasts if one.kind != "exact" and one.decides]
    if timed:
        assert found.cells.control
        assert found.suite.blocks >= FEWEST_BLOCKS["ratio"]
    for one in found.cells.control:
        assert one in found.cells.blocks


@pytest.mark.parametrize("suite", SUITES)
def test_suite_when_planned_then_canaries_open_and_close_it_in_every_language_it_runs(suite: str) -> None:
    blocks = plan(suite).blocks
    languages = {one.cell.language for block in blocks for one in block.invocations}
    for block in (blocks[0], blocks[-1]):
        canaries = [one.cell for one in block.invocations if one.cell.workload == "canary"]
        assert {one.language for one in canaries} == languages
        assert len(canaries) == len(languages) * len(CATALOG.workloads["canary"].variants)


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_claim_when_written_then_some_suite_asks_it_and_its_parts_can_be_demanded(name: str) -> None:
    claim = CLAIMS[name]
    assert any(name in suite.claims for suite in CATALOG.suites.values())
    for text in (claim.statement, claim.section, claim.cannot_say, *claim.answer.values()):
        assert text.strip() == text != ""
    assert claim.statement.endswith(".")
    if claim.not_measurable is None:
        found = demands(claim, CATALOG)
        assert found
        assert len(found) == len(set(found))
