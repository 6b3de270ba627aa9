"""Attribution by precedence and overlap, and the utilisation curve against one that tries every window."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocol.messages import GcPause, Stall
from harness.protocol.record import Control
from harness.samples.stalls import (
    PRECEDENCE,
    TITLES,
    Span,
    attribute,
    overlap,
    platform,
    union,
    utilisation,
    watched,
    within,
)
from tests.unit.samples.records import control

PERIOD = 1_000


def stall(start: int, end: int, *, delay: int | None = None, kind: str = "ticker") -> Stall:
    return Stall(kind=kind, start_ns=start, end_ns=end, run_delay_ns=delay)


def pause(start: int, end: int, kind: str = "stop") -> GcPause:
    return GcPause(kind=kind, start_ns=start, end_ns=end)


def causes(
    stalls: Sequence[Stall], *, pauses: Sequence[GcPause] = (), seen: Control | None = None
) -> list[tuple[str, float]]:
    found = attribute(stalls, period_ns=PERIOD, pauses=pauses, control=seen)
    return [(one.cause, one.covered) for one in found]


def test_precedence_when_read_then_is_the_published_order_and_each_cause_has_a_title() -> None:
    assert [one.cause for one in PRECEDENCE] == ["runtime_stop", "allocation", "starved", "platform"]
    assert set(TITLES) == {"runtime_stop", "allocation", "starved", "platform", "unexplained"}


@pytest.mark.parametrize("kind", ["stop", "cycle_stops"])
def test_attribute_when_every_cause_covers_then_the_first_wins(kind: str) -> None:
    everything = [pause(0, 9_000, kind), pause(0, 9_000, "allocation_stall")]
    starved = stall(0, 9_000, delay=8_000)
    gaps = control((1, 0, 9_000))
    assert causes([starved], pauses=everything, seen=gaps) == [("runtime_stop", 1.0)]
    assert causes([starved], pauses=everything[1:], seen=gaps) == [("allocation", 1.0)]
    assert causes([starved], seen=gaps) == [("starved", 1.0)]
    assert causes([stall(0, 9_000, delay=0)], seen=gaps) == [("platform", 1.0)]
    assert causes([stall(0, 9_000)]) == [("unexplained", 0.0)]


@pytest.mark.parametrize(("covering", "cause"), [(4_000, "runtime_stop"), (3_999, "unexplained")])
def test_attribute_when_half_of_what_exceeds_the_period_is_covered_then_that_is_the_cause(
    covering: int, cause: str
) -> None:
    # The gap of 9,000 has 8,000 beyond the ticker's period; what covers 4,000 of them explains it.
    assert causes([stall(0, 9_000)], pauses=[pause(5_000, 5_000 + covering)])[0][0] == cause
    delayed = "starved" if cause == "runtime_stop" else cause
    assert causes([stall(0, 9_000, delay=covering)])[0][0] == delayed


def test_attribute_when_an_earlier_cause_covers_too_little_then_a_later_one_is_asked() -> None:
    assert causes([stall(0, 9_000, delay=6_000)], pauses=[pause(0, 2_000)]) == [("starved", 0.75)]


def test_attribute_when_pauses_overlap_each_other_then_their_time_counts_once() -> None:
    twice = [pause(2_000, 5_000), pause(2_500, 5_000)]
    assert causes([stall(0, 9_000)], pauses=twice) == [("unexplained", 0.0)]


def test_attribute_when_gaps_are_on_several_cpus_then_any_of_them_counts() -> None:
    assert causes([stall(0, 9_000)], seen=control((0, 0, 2_000), (1, 2_000, 4_500))) == [("platform", 0.5625)]


def test_attribute_when_pauses_lie_outside_then_they_explain_nothing() -> None:
    assert causes([stall(10_000, 19_000)], pauses=[pause(0, 10_000), pause(19_000, 40_000)]) == [("unexplained", 0.0)]


def test_attribute_when_stalls_are_of_operations_then_they_are_not_looked_at_and_the_rest_is_by_start() -> None:
    found = attribute(
        [stall(50_000, 60_000), stall(0, 9_000, kind="operation"), stall(10_000, 19_000)],
        period_ns=PERIOD, pauses=(), control=None,
    )  # fmt: skip
    assert [(one.start_ns, one.length_ns) for one in found] == [(10_000, 9_000), (50_000, 10_000)]


def test_platform_when_the_control_is_an_ordinary_process_then_shows_nothing_and_says_why() -> None:
    ordinary = control((0, 0, 9_000), policy="SCHED_OTHER")
    assert platform(ordinary) == ()
    assert "SCHED_OTHER" in (watched(ordinary) or "")
    assert causes([stall(0, 9_000)], seen=ordinary) == [("unexplained", 0.0)]
    assert watched(None) == "no control process watched the platform"
    assert watched(control()) is None


def test_union_when_spans_touch_or_overlap_then_are_one_and_empty_ones_vanish() -> None:
    assert union([(5, 7), (0, 2), (2, 3), (6, 9), (4, 4)]) == ((0, 3), (5, 9))
    assert within(((0, 10), (20, 30)), ((5, 25),)) == ((5, 10), (20, 25))
    assert overlap((0, 10), ((2, 4), (8, 20))) == 4


def test_utilisation_when_one_stall_then_its_share_of_each_window_and_none_where_no_window_fits() -> None:
    found = utilisation([(0, 1_000)], [(400, 450)], (10, 100, 500, 1_000, 1_001))
    assert found == {10: 0.0, 100: 0.5, 500: 0.9, 1_000: pytest.approx(0.95), 1_001: None}


def test_utilisation_when_no_stall_then_all_time_was_the_programs() -> None:
    assert utilisation([(0, 100)], [], (10,)) == {10: 1.0}
    assert utilisation([], [], (10,)) == {10: None}


def test_utilisation_when_measured_time_has_a_hole_then_no_window_reaches_over_it() -> None:
    # A stall in the hole is nobody's; a window of 60 fits into the second span alone.
    assert utilisation([(0, 50), (100, 200)], [(0, 20), (60, 90), (150, 160)], (20, 60)) == {
        20: 0.0,
        60: pytest.approx(50 / 60),
    }


spans = st.lists(st.tuples(st.integers(0, 120), st.integers(1, 15)), max_size=8).map(
    lambda drawn: union((start, start + length) for start, length in drawn)
)


@given(measured=spans, stalled=spans, window=st.integers(1, 60))
def test_utilisation_when_compared_with_every_window_then_the_same(
    measured: tuple[Span, ...], stalled: tuple[Span, ...], window: int
) -> None:
    busy = {at for start, end in stalled for at in range(start, end)}
    shares = [
        sum(at not in busy for at in range(begin, begin + window)) / window
        for low, high in measured
        for begin in range(low, high - window + 1)
    ]
    expected = min(shares) if shares else None
    assert utilisation(measured, stalled, (window,))[window] == (None if expected is None else pytest.approx(expected))
