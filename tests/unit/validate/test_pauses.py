"""The arithmetic behind the rows about pauses: what a gap may be off by, and the law of a queue."""

import math
import random

import pytest

from harness.protocol.messages import Stall
from harness.stats.quantiles import quantile
from harness.validate.checks import NotMeasured, Value
from harness.validate.pauses import P95_NS, PERIOD_NS, Stopped, errors, queue

MS = 1_000_000
P = PERIOD_NS


def stops(count: int, length: int = 10 * MS, apart: int = 50 * MS) -> list[Stopped]:
    return [Stopped(start=i * apart, end=i * apart + length, least=length, most=length) for i in range(count)]


def felt(stopped: list[Stopped], off: int = 0, run_delay: int = 0, seed: int = 1) -> list[Stall]:
    """Gaps of a ticker that last ticked up to a period before each stop and woke ``off`` ns after it."""
    draw = random.Random(seed)
    return [
        Stall(
            kind="ticker",
            start_ns=one.start + 10 * P - draw.randrange(P),
            end_ns=one.end + 10 * P + off,
            run_delay_ns=run_delay,
        )
        for one in stopped
    ]


def judged(stopped: list[Stopped], stalls: list[Stall]) -> list[Value]:
    moved = [Stopped(start=s.start + 10 * P, end=s.end + 10 * P, least=s.least, most=s.most) for s in stopped]
    return list(errors("x", moved, stalls, P))


def test_errors_when_the_ticker_is_right_then_all_is_within() -> None:
    stopped = stops(200)
    recall, p95, early, bias = judged(stopped, felt(stopped))
    assert (recall.observed, recall.ok, p95.ok, early.ok, bias.ok) == (1.0, True, True, True, True)
    assert p95.observed <= P / 2
    assert abs(bias.observed) < 0.1 * P


def test_errors_when_gaps_are_too_long_or_too_short_then_outside() -> None:
    stopped = stops(200)
    for off in (2 * P, -2 * P):
        recall, p95, early, bias = judged(stopped, felt(stopped, off))
        assert (recall.ok, p95.ok, early.ok, bias.ok) == (True, False, off > 0, False)
        assert math.copysign(1, bias.observed) == math.copysign(1, off)


def test_errors_when_the_thread_waited_for_a_cpu_then_so_much_is_no_error_and_more_is() -> None:
    stopped = stops(200)
    assert all(one.ok for one in judged(stopped, felt(stopped, off=3 * P, run_delay=3 * P)))
    assert not all(one.ok for one in judged(stopped, felt(stopped, off=6 * P, run_delay=3 * P)))
    # Waiting that passed while the process was stopped anyway lengthens no gap.
    assert all(one.ok for one in judged(stopped, felt(stopped, off=0, run_delay=8 * P)))
    assert not all(one.ok for one in judged(stopped, felt(stopped, off=-3 * P, run_delay=8 * P)))


def test_errors_when_the_injector_was_late_then_its_own_stamps_bound_what_is_an_error() -> None:
    late = [Stopped(start=s.start, end=s.end, least=s.least - 4 * P, most=s.most + 4 * P) for s in stops(200)]
    assert all(one.ok for one in judged(late, felt(stops(200), off=3 * P)))
    assert not all(one.ok for one in judged(late, felt(stops(200), off=7 * P)))


def test_errors_when_stops_were_missed_then_recall_says_so() -> None:
    stopped = stops(200)
    recall, *_ = judged(stopped, felt(stopped)[:-3])
    assert recall.observed == pytest.approx(197 / 200)
    assert not recall.ok
    recall, *rest = judged(stopped, [])
    assert (recall.observed, recall.ok, rest) == (0.0, False, [])


def test_errors_when_every_stop_was_short_then_nothing_was_measured() -> None:
    with pytest.raises(NotMeasured, match="nothing that was injected had to be seen"):
        judged(stops(10, length=2 * P), [])


def test_stopped_when_made_of_stamps_then_it_lies_between_the_calls() -> None:
    one = Stopped.of((10, 12, 20, 25))
    assert (one.start, one.end, one.least, one.most) == (10, 25, 8, 15)


@pytest.mark.parametrize("q", [0.82, 0.9, 0.95, 0.99])
def test_queue_when_far_from_its_ends_then_the_law_of_the_design(q: float) -> None:
    service, hold, period, load = 500_000, 100 * MS, 1000 * MS, 0.5
    found = queue(count=1_000_000, every=1000, rate=1000, service=service, hold=hold)
    f = hold / ((1 - load) * period)
    assert quantile(found, q) == pytest.approx(service + hold * (1 - (1 - q) / f), rel=0.01)


def test_queue_when_nothing_is_held_then_each_takes_its_service_and_overloaded_it_grows() -> None:
    assert set(queue(count=100, every=1000, rate=1000, service=500_000, hold=0)) == {500_000}
    grows = queue(count=100, every=1000, rate=1000, service=2 * MS, hold=0)
    assert (grows[0], grows[-1]) == (2 * MS, 99 * MS + 2 * MS)


def test_bounds_when_compared_with_the_design_then_a_period_and_300_microseconds() -> None:
    assert P95_NS == P + 300_000
