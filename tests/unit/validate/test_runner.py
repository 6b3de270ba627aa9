"""Rows run once, or twice where that is fair; what they gave is kept, and the newest whole validation is found."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.catalog.load import load
from harness.engines.fake import FakeEngine
from harness.store.runs import Run
from harness.validate import runner
from harness.validate.bench import Bench
from harness.validate.checks import LeftOut, NotMeasured, Unavailable, Value, where_allowed
from harness.validate.truths import ROWS, Row
from tests.fakes import running
from tests.fakes.project import ROOT

GOOD = Value(what="good", observed=1, low=0, high=2, unit="ns")
BAD = Value(what="bad", observed=3, low=0, high=2, unit="ns")


def bench(store: Run, **changes: Any) -> Bench:
    values: dict[str, Any] = {
        "catalog": load(ROOT),
        "setting": running.setting(store, FakeEngine(running.WORKER)),
        "slots": itertools.count(),
        "fast": True,
        "seed": 1,
        "absent": {},
    }
    return Bench(**(values | changes))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Run]:
    made = running.create(tmp_path)
    yield made
    made.close()


def row(*tries: list[Value | LeftOut | Exception], again: str = "") -> Row:
    """A row whose first try gives the first list, and so on."""
    left = iter(tries)

    def check(bench: Bench) -> Iterator[Value | LeftOut]:
        del bench
        for one in next(left):
            if isinstance(one, Exception):
                raise one
            yield one

    return Row(id="row", title="title", check=check, seconds=(3, 5), again=again)


def clock() -> float:
    return 0.0


def test_check_when_all_values_are_inside_then_within(store: Run) -> None:
    found = runner.check(row([GOOD]), bench(store), clock)
    assert (found.status, found.values, found.first, found.again) == ("within", (GOOD,), (), "")


def test_check_when_a_second_try_is_fair_then_there_is_one_and_it_says_so(store: Run) -> None:
    found = runner.check(row([BAD], [GOOD], again="the host is busy"), bench(store), clock)
    assert (found.status, found.values, found.first) == ("within", (GOOD,), (BAD,))
    assert found.again == "the host is busy"
    found = runner.check(row([BAD], [BAD], [GOOD], again="the host is busy"), bench(store), clock)
    assert (found.status, found.first) == ("outside", (BAD,))


def test_check_when_a_second_try_is_not_fair_then_the_first_stands(store: Run) -> None:
    found = runner.check(row([BAD], [GOOD]), bench(store), clock)
    assert (found.status, found.first, found.again) == ("outside", (), "")


def test_check_when_a_worker_fails_then_the_row_is_outside_and_not_unavailable(store: Run) -> None:
    found = runner.check(row([GOOD, NotMeasured("it crashed")]), bench(store), clock)
    assert (found.status, found.reason, found.values) == ("outside", "not measured: it crashed", (GOOD,))


def test_check_when_the_host_does_not_allow_it_then_unavailable_with_the_reason(store: Run) -> None:
    found = runner.check(row([Unavailable("no cgroup")]), bench(store), clock)
    assert (found.status, found.ok, found.reason, found.again) == ("unavailable", True, "no cgroup", "")


def test_check_when_the_host_is_overloaded_at_first_then_a_second_try_may_find_it_idle(store: Run) -> None:
    found = runner.check(row([Unavailable("busy")], [GOOD], again="the host is busy"), bench(store), clock)
    assert (found.status, found.again) == ("within", "the host is busy")
    found = runner.check(row([Unavailable("busy")], [Unavailable("busy")], again="it is busy"), bench(store), clock)
    assert found.status == "unavailable"


def test_check_when_a_part_is_left_out_then_the_rest_is_judged_and_the_reason_kept(store: Run) -> None:
    found = runner.check(row([LeftOut(reason="no quota"), GOOD]), bench(store), clock)
    assert (found.status, found.values, found.left_out) == ("within", (GOOD,), ("no quota",))
    found = runner.check(row([LeftOut(reason="busy"), GOOD], [GOOD], again="it is busy"), bench(store), clock)
    assert (found.status, found.left_out, found.again) == ("within", (), "it is busy")
    found = runner.check(row([LeftOut(reason="no quota"), BAD]), bench(store), clock)
    assert found.status == "outside"
    found = runner.check(row([LeftOut(reason="no quota"), LeftOut(reason="no cgroup")]), bench(store), clock)
    assert (found.status, found.reason) == ("unavailable", "no quota; no cgroup")


def test_where_allowed_when_a_part_is_unavailable_then_only_it_is_left_out(store: Run) -> None:
    part = row([GOOD, Unavailable("no cgroup")]).check(bench(store))
    assert list(where_allowed(part, "CPU")) == [GOOD, LeftOut(reason="CPU: no cgroup")]
    broken = row([GOOD, NotMeasured("it crashed")]).check(bench(store))
    with pytest.raises(NotMeasured, match="it crashed"):
        list(where_allowed(broken, "CPU"))


def test_check_when_half_a_row_was_read_before_it_became_unavailable_then_it_vouches_for_nothing(store: Run) -> None:
    found = runner.check(row([GOOD, Unavailable("no cgroup")]), bench(store), clock)
    assert (found.status, found.reason) == ("unavailable", "no cgroup")
    assert [one.bound for one in found.values] == ["reported"]


def test_check_when_a_part_is_unavailable_and_another_broken_then_the_broken_one_decides(store: Run) -> None:
    found = runner.check(row([BAD, Unavailable("no cgroup")]), bench(store), clock)
    assert found.status == "outside"
    assert found.reason.startswith("bad: ")


def test_check_when_a_language_cannot_be_had_then_says_which_and_why(store: Run) -> None:
    catalog = load(ROOT)
    language = next(iter(catalog.languages.values()))
    absent = {(language.id, language.configurations[0].toolchain): "no compiler"}
    on = bench(store, absent=absent)
    assert language not in on.languages
    assert runner.check(row([GOOD]), on, clock).left_out == (f"{language.title}: no compiler",)


def test_run_when_rows_are_done_then_what_is_left_shrinks_to_nothing(store: Run) -> None:
    rows = [row([GOOD]), row([GOOD])]
    seen = [(left, found is None) for _, left, found in runner.run(rows, bench(store), clock)]
    assert seen == [(6, True), (3, False), (3, True), (0, False)]
    whole = [left for _, left, _ in runner.run([row([GOOD])], bench(store, fast=False), clock)]
    assert whole == [5, 0]


def test_rows_when_listed_then_each_has_its_own_name_and_a_reason_where_it_may_be_repeated() -> None:
    assert len({one.id for one in ROWS}) == len(ROWS)
    for one in ROWS:
        assert one.seconds[0] <= one.seconds[1]
        assert replace(one, again="") == one or len(one.again) > 20
