"""Mode latency in every language: the same work on a schedule, and messages that agree with each other.

Nothing here judges how long anything took: only what must hold however busy the host is.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import pytest

from harness.protocol.messages import MESSAGE, End, GcPause, Histogram, Iteration, Stall, Ticker
from harness.samples.histograms import merge
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, WORKLOADS, Answer, Source, arguments, call

USAGE: Final = 64
UNSUPPORTED: Final = 69
TICK_US: Final = 1000
QUANTILES: Final = (0.5, 0.9, 0.99, 0.999, 1.0)

SCHEDULED: Final = [
    one for one in cases.present() if "latency" in WORKLOADS[one[1]].variant(one[2]).modes
]  # fmt: skip


def asked(language: str, workload: str, variant: str, *, tick_us: int = TICK_US, warmup: int = 1) -> tuple[str, ...]:
    """The command line of a schedule at size smoke, whose arrivals are those of the golden value."""
    del language
    one = WORKLOADS[workload]
    case, loop = cases.at(one, "smoke"), one.open_loop["smoke"]
    assert one.arrivals_replace is not None
    assert case.parameters[one.arrivals_replace] == loop.rate * loop.seconds
    return tuple(
        arguments(
            workload, case.parameters, variant=variant, seed=case.seed, mode="latency", warmup=warmup,
            schedule={"rate": loop.rate, "tick_us": tick_us},
        )
    )  # fmt: skip


def wrong_work(language: str, workload: str, variant: str, answer: Answer) -> Sequence[str]:
    """How the work differs from the model's."""
    case = cases.at(WORKLOADS[workload], "smoke")
    return differences(cases.expected(language, workload, variant, case, mode="latency", warmup=1), answer)


@pytest.mark.parametrize(("language", "workload", "variant"), SCHEDULED, indirect=["language"])
def test_program_when_operations_arrive_on_a_schedule_then_it_does_the_same_work_and_its_messages_agree(
    source: Source, language: str, workload: str, variant: str
) -> None:
    answer = call(source.runner(LANGUAGES[language], {}), asked(language, workload, variant))
    assert wrong_work(language, workload, variant, answer) == []
    messages = [MESSAGE.validate_json(line) for line in answer.lines]
    (measured,) = [one for one in messages if isinstance(one, Iteration) and one.phase == "measured"]
    rate = WORKLOADS[workload].open_loop["smoke"].rate
    assert measured.elapsed_ns >= (measured.operations - 1) * 10**9 // rate, "it was faster than its arrivals"

    histograms = {one.name: one for one in messages if isinstance(one, Histogram)}
    _agree(histograms, measured)
    (ticker,) = [one for one in messages if isinstance(one, Ticker)]
    _ticked(ticker, [one for one in messages if isinstance(one, Stall) and one.kind == "ticker"], measured)

    longest = [one for one in messages if isinstance(one, Stall) and one.kind == "operation"]
    assert 0 < len(longest) <= 64
    assert max(one.end_ns - one.start_ns for one in longest) == histograms["service"].max
    rest = messages[messages.index(measured) + 1 :]
    assert [type(one) for one in rest] == sorted((type(one) for one in rest), key=_place), "out of order"
    for kind in (Stall, GcPause):
        starts = [one.start_ns for one in rest if isinstance(one, kind)]
        assert starts == sorted(starts)


@pytest.mark.parametrize(("language", "workload", "variant"), SCHEDULED, indirect=["language"])
def test_program_when_told_to_run_no_ticker_then_it_reports_none(
    source: Source, language: str, workload: str, variant: str
) -> None:
    answer = call(source.runner(LANGUAGES[language], {}), asked(language, workload, variant, tick_us=0))
    assert wrong_work(language, workload, variant, answer) == []
    messages = [MESSAGE.validate_json(line) for line in answer.lines]
    assert not [one for one in messages if isinstance(one, Ticker)]
    assert not [one for one in messages if isinstance(one, Stall) and one.kind == "ticker"]


@pytest.mark.parametrize("left_out", ["rate", "tick_us"])
def test_program_when_a_key_of_the_schedule_is_missing_or_out_of_place_then_that_is_a_usage_error(
    source: Source, language: str, left_out: str
) -> None:
    prefix = source.runner(LANGUAGES[language], {})
    line = [one for one in asked(language, "canary", "stall") if not one.startswith(f"{left_out}=")]
    assert call(prefix, line).exit_code == USAGE
    whole = asked(language, "canary", "stall")
    other = ["mode=throughput" if one == "mode=latency" else one for one in whole]
    assert call(prefix, other).exit_code == USAGE


def test_program_when_a_variant_has_no_single_operations_then_mode_latency_is_not_supported(
    source: Source, language: str
) -> None:
    line = ["variant=memory" if one == "variant=stall" else one for one in asked(language, "canary", "stall")]
    assert call(source.runner(LANGUAGES[language], {}), line).exit_code == UNSUPPORTED


def _agree(histograms: Mapping[str, Histogram], measured: Iteration) -> None:
    response, service = merge([histograms["response"]]), merge([histograms["service"]])
    assert response.count == service.count == measured.operations
    for q in QUANTILES:  # each response is its service and what it waited before
        assert response.quantile(q) >= service.quantile(q)
    if "reported_stop" in histograms:
        merge([histograms["reported_stop"]])


def _ticked(ticker: Ticker, gaps: Sequence[Stall], measured: Iteration) -> None:
    period = ticker.period_ns
    assert (period, ticker.threshold_ns) == (TICK_US * 1000, 2 * TICK_US * 1000)
    assert ticker.start_ns <= measured.start_ns
    # The wake-up that is due when the last operation ends may be left out, for what it would tell is no stall.
    assert ticker.end_ns > measured.start_ns + measured.elapsed_ns - period
    # The schedule is absolute: all that is left over is how late the last wake-up was.
    assert 0 <= ticker.end_ns - ticker.start_ns - (ticker.ticks + ticker.skipped) * period < period
    assert ticker.dropped == 0
    assert all(one.end_ns - one.start_ns >= ticker.threshold_ns for one in gaps)
    assert all(one.run_delay_ns is not None for one in gaps)
    assert all(first.end_ns <= second.start_ns for first, second in pairwise(gaps))


def _place(kind: type) -> int:
    return (Histogram, Ticker, Stall, GcPause, End).index(kind)
