"""Readings of mode latency: schedules that were not kept, stalls and stops, and what takes the platform off."""

import pytest

from harness.protocol.record import Record
from harness.samples.collect import collect
from harness.samples.readings import Absent, Reading, readings, stream
from harness.samples.source import parse_source
from harness.stats.values import TOO_HIGH
from tests.unit.samples.records import (
    cell,
    control,
    end,
    histogram,
    iteration,
    metric,
    pause,
    record,
    stall,
    start,
    ticker,
)

SECOND = 1_000_000_000
SHARE = "stalls.share at_least=100000"
EVERY = ("histogram.response q=0.5", SHARE, "stalls.unexplained at_least=1", "reported.max")


def read(text: str, of: Record) -> Reading:
    found = readings(of, parse_source(metric(text)))
    assert not isinstance(found, Absent), found
    (one,) = found
    return one


def why(text: str, of: Record) -> str:
    found = readings(of, parse_source(metric(text)))
    assert isinstance(found, Absent), found
    return found.reason


def scheduled(*lines: str, elapsed: int = SECOND, with_ticker: bool = True, **observed: object) -> Record:
    """1,000 operations, asked for at 1,000 a second, from 0 on."""
    return record(
        [
            start(),
            iteration(0, elapsed=elapsed, operations=1_000),
            histogram("response", [(512, 1_000)], 512),
            *([ticker()] if with_ticker else []),
            *lines,
            end(),
        ],
        of=cell(mode="latency", warmup=0, iterations=1, rate=1_000),
        observed=observed,
    )


@pytest.mark.parametrize("source", EVERY)
def test_latency_when_the_schedule_was_not_kept_then_nothing_felt_is_shown(source: str) -> None:
    of = scheduled(stall(10, 1_000_000), pause(10, 1_000), elapsed=2 * SECOND)
    assert why(source, of) == "it reached 50 % of 1,000 operations a second, and so measured its own queue"
    assert read("rate.achieved", of).value == 0.5
    assert readings(scheduled(stall(10, 1_000_000), pause(10, 1_000)), parse_source(metric(source)))


@pytest.mark.parametrize(
    ("late_ms", "longest_ms", "kept"),
    [
        (9, 0, True),  # less than 1 % behind
        (12, 0, False),  # a queue: no stall explains it
        (40, 21, True),  # one long stall near the end: leaving it out would hide the worst
        (43, 21, False),
        (99, 60, True),
        (101, 99, False),  # beyond a tenth of the schedule whatever it was
    ],
)
@pytest.mark.parametrize("seen_by", ["ticker", "service"])
def test_latency_when_late_then_one_long_stall_is_no_queue(
    late_ms: int, longest_ms: int, kept: bool, seen_by: str
) -> None:
    longest = longest_ms * 1_000_000
    line = stall(0, longest) if seen_by == "ticker" else histogram("service", [], longest)
    found = readings(scheduled(line, elapsed=SECOND + late_ms * 1_000_000), parse_source(metric(EVERY[0])))
    assert isinstance(found, Absent) is not kept


def test_achieved_rate_when_there_is_no_schedule_then_says_so() -> None:
    assert why("rate.achieved", record([start(), iteration(0), end()])) == "it followed no schedule"
    assert why("rate.achieved", record([start(), end()], of=cell(rate=5))) == "it has no measured time"


def test_stalls_share_when_the_platform_stalled_too_then_that_is_taken_off() -> None:
    of = scheduled(stall(0, 4_000_000), control=control((0, 0, 1_000_000), (1, 500_000, 3_000_000)))
    found = read(SHARE, of)
    assert (found.total, found.value, found.warnings) == (1_000_000, 0.001, ())


def test_stalls_share_when_stalls_are_of_operations_or_short_then_they_do_not_count() -> None:
    of = scheduled(stall(0, 500_000, kind="operation"), stall(0, 99_999), control=control())
    assert read(SHARE, of).value == 0.0


def test_stalls_share_when_nothing_watched_the_platform_then_is_whole_and_says_so() -> None:
    of = scheduled(stall(0, 4_000_000), unavailable={"control": "the kernel refuses SCHED_FIFO here"})
    found = read(SHARE, of)
    assert found.total == 4_000_000
    (warning,) = found.warnings
    assert warning.code == TOO_HIGH
    assert "the kernel refuses SCHED_FIFO here" in warning.text
    ordinary = scheduled(stall(0, 4_000_000), control=control((0, 0, 4_000_000), policy="SCHED_OTHER"))
    assert read(SHARE, ordinary).total == 4_000_000
    assert "SCHED_OTHER" in read(SHARE, ordinary).warnings[0].text


def test_sample_when_several_values_warn_of_the_same_then_once() -> None:
    share = metric(SHARE, name="stalls.share", unit="1", modes=("latency",), assumption="linear")
    one = scheduled(stall(0, 4_000_000))
    (found,) = collect([one, record(one.messages, of=one.invocation.cell, block=2)], share)
    assert dict(found.sample.values) == {1: 0.004, 2: 0.004}
    assert [warning.code for warning in found.sample.warnings] == [TOO_HIGH]


@pytest.mark.parametrize("source", [SHARE, "stalls.unexplained at_least=1"])
def test_stalls_when_no_ticker_ran_or_it_lost_some_then_there_is_no_number(source: str) -> None:
    assert why(source, scheduled(with_ticker=False)) == "it had no ticker"
    lossy = scheduled(ticker(dropped=3), stall(0, 4_000_000), with_ticker=False)
    assert why(source, lossy) == "its ticker had no room for 3 stalls"


def test_unexplained_when_some_stalls_have_a_cause_then_is_the_share_of_the_rest() -> None:
    of = scheduled(
        stall(0, 3_000_000), stall(5_000_000, 6_000_000), stall(8_000_000, 8_000_500), pause(10, 2_999_000),
        control=control(),
    )  # fmt: skip
    assert read("stalls.unexplained at_least=1000000", of).value == 0.25
    assert why("stalls.unexplained at_least=9000000", of) == "it had no such stall to explain"
    assert read("stalls.unexplained at_least=1000000", scheduled(stall(0, 3_000_000))).warnings[0].code == TOO_HIGH


def test_reported_max_when_histogram_and_log_report_stops_then_is_the_longest_of_both() -> None:
    own = histogram("reported_stop", [(512, 9), (1024, 1)], 1_024)
    assert read("reported.max", scheduled(own)).value == 1_024
    assert read("reported.max", scheduled(own, pause(0, 9_999))).value == 9_999
    assert read("reported.max", scheduled(pause(5, 25), pause(50, 60))).value == 20


def test_reported_max_when_no_single_stop_is_reported_then_absent_and_never_zero() -> None:
    reason = "its runtime reported no stop while it was measured"
    assert why("reported.max", scheduled()) == reason
    assert why("reported.max", scheduled(histogram("reported_stop", [], 0))) == reason
    other = scheduled(pause(0, 900, "allocation_stall"), pause(0, 900, "cycle_stops"))
    assert why("reported.max", other) == reason
    assert "outside its last bucket" in why("reported.max", scheduled(histogram("reported_stop", [(512, 1)], 99)))


def test_stream_when_parsed_then_keeps_ticker_pauses_and_checkpoints() -> None:
    checkpoint = (
        '{"type":"checkpoint","name":"idle","at_ns":5,"live_bytes":1,"resident_bytes":2,"peak_resident_bytes":3,'
        '"pss_bytes":4}'
    )
    parsed = stream(scheduled(pause(1, 2), checkpoint))
    assert not isinstance(parsed, Absent)
    assert [one.kind for one in parsed.pauses] == ["stop"]
    assert [one.name for one in parsed.checkpoints] == ["idle"]
    assert parsed.ticker is not None
