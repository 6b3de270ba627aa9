import dataclasses
from collections.abc import Iterable, Sequence

from harness.catalog.load import load
from harness.catalog.model import Block, Invocation
from harness.plan import forecast
from harness.plan.advance import CLOSING_SLOT, PADDINGS, advance, members, padding_of
from harness.plan.cells import cells
from harness.plan.goals import Fixed, Precision, Spreads
from harness.protocol.record import Record
from tests.fakes import values
from tests.fakes.project import ROOT

CATALOG = load(ROOT)
SUITE = CATALOG.suites["smoke"]
CELLS = cells(SUITE, (), CATALOG)
GOAL = Fixed(blocks=3)


def record(invocation: Invocation, *, seconds: float = 1.0) -> Record:
    return Record(
        format=1,
        id=invocation.id,
        invocation=invocation,
        status="ok",
        reason=None,
        observed=values.observed(started_ns=0, ended_ns=round(seconds * 1e9)),
        flags=(),
        digest=values.DIGEST,
        messages=(),
    )


def records(blocks: Iterable[Block]) -> list[Record]:
    return [record(one) for block in blocks for one in block.invocations]


def numbers(blocks: Iterable[Block]) -> list[int | None]:
    return [block.number for block in blocks]


def test_advance_when_fresh_then_opens_runs_the_blocks_and_closes() -> None:
    found = advance(GOAL, CELLS, (), seed=1)
    assert numbers(found) == [None, 1, 2, 3, None]
    assert all(one.slot >= CLOSING_SLOT for one in found[-1].invocations)
    assert {one.cell.workload for one in found[-1].invocations} == {"canary"}
    assert len({one.id for block in found for one in block.invocations}) == sum(len(b.invocations) for b in found)


def test_advance_when_the_seed_is_the_same_then_so_is_the_order_and_else_not() -> None:
    assert advance(GOAL, CELLS, (), seed=1) == advance(GOAL, CELLS, (), seed=1)
    first, other = advance(GOAL, CELLS, (), seed=1)[1], advance(GOAL, CELLS, (), seed=2)[1]
    assert [one.cell.key for one in first.invocations] != [one.cell.key for one in other.invocations]


def test_advance_when_blocks_are_drawn_then_each_holds_all_cells_in_another_order() -> None:
    blocks = advance(GOAL, CELLS, (), seed=1)[1:4]
    orders = [tuple((one.cell.key, one.replica) for one in block.invocations) for block in blocks]
    assert len(set(orders)) == 3
    assert {frozenset(order) for order in orders} == {frozenset((p.cell.key, r) for p, r in members(CELLS))}


def test_advance_when_all_is_done_then_nothing_is_left() -> None:
    assert advance(GOAL, CELLS, records(advance(GOAL, CELLS, (), seed=1)), seed=1) == ()


def test_advance_when_a_block_was_interrupted_then_it_runs_again_whole_as_its_next_pass() -> None:
    plan = advance(GOAL, CELLS, (), seed=1)
    done = records(plan[:2]) + records(plan[2:3])[:4]
    left = advance(GOAL, CELLS, done, seed=1)
    assert numbers(left) == [2, 3, None]
    assert [one.cell.key for one in left[0].invocations] == [one.cell.key for one in plan[2].invocations]
    assert {one.attempt for one in left[0].invocations} == {3}
    assert {one.pass_number for one in left[0].invocations} == {2}
    assert {one.attempt for one in left[1].invocations} == {1}


def test_advance_when_the_opening_was_interrupted_then_only_its_rest_runs() -> None:
    plan = advance(GOAL, CELLS, (), seed=1)
    left = advance(GOAL, CELLS, records(plan[:1])[:5], seed=1)
    assert left[0].invocations == plan[0].invocations[5:]


def test_advance_when_reruns_are_there_then_they_count_for_their_pass() -> None:
    plan = advance(Fixed(blocks=1), CELLS, (), seed=1)
    done = records(plan)
    again = [record(dataclasses.replace(one.invocation, attempt=2)) for one in done if one.invocation.block == 1]
    assert advance(Fixed(blocks=1), CELLS, done + again, seed=1) == ()


def test_advance_when_time_is_up_then_only_the_closing_is_left() -> None:
    plan = advance(GOAL, CELLS, (), seed=1)
    left = advance(GOAL, CELLS, records(plan[:2]), seed=1, out_of_time=True)
    assert numbers(left) == [None]
    assert left[0] == plan[-1]


def test_forecast_when_a_cell_ran_before_then_takes_its_median_and_else_a_guess() -> None:
    block = advance(Fixed(blocks=1), CELLS, (), seed=1)[1]
    first = block.invocations[0]
    known = forecast.seconds_by_cell([record(first, seconds=s) for s in (1.0, 9.0, 2.0)])
    assert known == {first.cell.key: 2.0}
    alone = Block(number=1, invocations=(first,))
    assert forecast.seconds([alone], known) == 2.0
    assert forecast.seconds([alone], {}) == forecast.GUESS_SECONDS
    assert forecast.seconds([alone, alone], known, parallel=2) == 2.0


def test_detectable_when_claims_share_the_error_rate_then_grows_and_with_blocks_shrinks() -> None:
    assert forecast.detectable(7, 8) > forecast.detectable(7, 1) > forecast.detectable(20, 1)


def of_spread(spread: float, asked: list[int] | None = None) -> Spreads:
    """A reader of spreads that notes how many blocks each call was given."""

    def read(given: Sequence[Record]) -> list[tuple[float, int]]:
        found = {one.invocation.block for one in given}
        if asked is not None:
            asked.append(len(found))
        assert None not in found
        return [(spread, len(found))]

    return read


PRECISE = Precision(first_stage=3, width=0.1)
SPREAD = 0.05
WANTED = PRECISE.needed([(SPREAD, 3)])


def test_advance_when_a_precision_is_the_goal_then_the_first_stage_runs_whatever_it_shows() -> None:
    asked: list[int] = []
    found = advance(PRECISE, CELLS, (), seed=1, spreads=of_spread(SPREAD, asked))
    assert numbers(found) == [None, 1, 2, 3, None]
    two = advance(PRECISE, CELLS, records(found[:3]), seed=1, spreads=of_spread(SPREAD, asked))
    assert numbers(two) == [3, None]
    assert asked == []


def test_advance_when_the_first_stage_is_done_then_its_spread_alone_sizes_the_second() -> None:
    asked: list[int] = []
    done = records(advance(PRECISE, CELLS, (), seed=1)[:4])
    second = advance(PRECISE, CELLS, done, seed=1, spreads=of_spread(SPREAD, asked))
    assert numbers(second) == [*range(4, WANTED + 1), None]
    assert WANTED > 4
    more = done + records(second[:1])
    assert advance(PRECISE, CELLS, more, seed=1, spreads=of_spread(SPREAD, asked)) == second[1:]
    assert asked == [3, 3]


def test_advance_when_the_spread_is_small_then_no_second_stage_runs_and_a_large_one_ends_at_its_size() -> None:
    done = records(advance(PRECISE, CELLS, (), seed=1)[:4])
    assert numbers(advance(PRECISE, CELLS, done, seed=1, spreads=of_spread(0.0001))) == [None]
    left = advance(PRECISE, CELLS, done, seed=1, spreads=of_spread(SPREAD))
    assert advance(PRECISE, CELLS, done + records(left), seed=1, spreads=of_spread(SPREAD)) == ()


MANY = advance(Fixed(blocks=40), CELLS, (), seed=1)[1:-1]
LAYOUTS = {one.cell.key: one.layouts for one, _ in members(CELLS)}


def drawn(blocks: Iterable[Block]) -> dict[tuple[int | None, str, str], set[int]]:
    """Layouts by block, build and replica."""
    found: dict[tuple[int | None, str, str], set[int]] = {}
    for block in blocks:
        for one in block.invocations:
            found.setdefault((block.number, f"{one.build.language}/{one.build.id}", one.replica), set()).add(one.layout)
    return found


def test_layout_when_blocks_are_drawn_then_cells_of_one_build_share_it_and_blocks_use_them_all() -> None:
    found = drawn(MANY)
    assert all(len(layouts) == 1 for layouts in found.values())
    for build in {key[1] for key in found}:
        used = {layout for key, layouts in found.items() if key[1] == build for layout in layouts}
        language = CATALOG.languages[build.partition("/")[0]]
        assert used == set(range(language.layouts)), build
    assert {one.layouts for one in CATALOG.languages.values()} == {1, 3}


def test_layout_when_the_control_runs_twice_then_its_replicas_draw_apart() -> None:
    found = drawn(MANY)
    pairs = [(found[number, build, "a"], found[number, build, "b"]) for number, build, name in found if name == "b"]
    assert len(pairs) == 40
    assert 0 < sum(a == b for a, b in pairs) < 40


def test_padding_when_blocks_are_drawn_then_each_has_one_for_all_its_cells() -> None:
    sizes = []
    for block in MANY:
        (size,) = {one.padding for one in block.invocations}
        sizes.append(size)
    assert all(0 <= size < PADDINGS for size in sizes)
    assert len(set(sizes)) > 30
    assert sizes == [padding_of(number, 1) for number in range(1, 41)]


def test_layout_when_a_block_runs_again_then_it_is_the_same_and_with_another_seed_it_is_not() -> None:
    done = records(advance(GOAL, CELLS, (), seed=1)[:1]) + records(
        [Block(number=1, invocations=MANY[0].invocations[:3])]
    )
    again = advance(GOAL, CELLS, done, seed=1)[0]
    assert again.number == 1
    assert {one.attempt for one in again.invocations} == {3}
    first = [(one.layout, one.padding) for one in MANY[0].invocations]
    assert [(one.layout, one.padding) for one in again.invocations] == first
    other = advance(Fixed(blocks=40), CELLS, (), seed=2)[1:-1]
    assert drawn(other) != drawn(MANY)


def test_layout_when_nothing_is_timed_against_another_then_it_is_the_plain_one_without_padding() -> None:
    loose = [one for block in advance(GOAL, CELLS, (), seed=1) if block.number is None for one in block.invocations]
    assert {one.cell.mode for one in loose} >= {"exact", "throughput"}
    assert {(one.layout, one.padding) for one in loose} == {(0, 0)}
    assert all(LAYOUTS[one.cell.key] == CATALOG.languages[one.cell.language].layouts for one in MANY[0].invocations)
