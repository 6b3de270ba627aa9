"""Felt beside reported pauses: what is added up, what is left out and why, and how it is drawn."""

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from harness.plan.cells import CANARY
from harness.protocol.record import Record
from harness.report.figures import ladders_description, ladders_svg
from harness.report.html import page
from harness.report.model import Pauses
from harness.report.pauses import pauses_of
from harness.report.remarks import minded
from tests.unit.report import builders
from tests.unit.samples.records import control

GO = 1


def rows(records: list[Record]) -> tuple[Pauses, ...]:
    return pauses_of(builders.catalog(), records)


def one(**fields: Any) -> Record:
    """One invocation of the configuration that reports short stops and felt a longer stall."""
    return builders.latency_records(1, 0, **fields)[GO]


def with_lines(of: Record, **changes: Any) -> Record:
    """The record with the fields of its line of a type replaced: ``ticker={"dropped": 3}``."""
    lines = [json.loads(line) for line in of.messages]
    return replace(
        of, messages=tuple(json.dumps({**line, **changes.get(line["type"], {})}) for line in lines)
    )  # fmt: skip


def test_pauses_when_several_invocations_then_all_their_operations_are_behind_the_percentiles() -> None:
    (row,) = rows([builders.latency_records(block, 0)[GO] for block in (1, 2, 3)])
    assert (row.language, row.configuration, row.lane, row.workload) == ("go", "default", "default", "message_window")
    assert (row.rate, row.invocations, row.operations, row.seconds) == (1_000, 3, 6_000, 6.0)
    assert [(rung.name, rung.value_ns) for rung in row.ladder] == [
        ("p50", 512), ("p90", 512), ("p99", 512), ("max", 9_000_000),
    ]  # fmt: skip
    assert (row.reported_ns, row.stops, row.reported) == (180_000, 27, "180 µs")
    assert (row.stalls, row.stalled) == (3, 0.0)


def test_pauses_when_stalls_have_causes_then_their_shares_are_of_the_stalled_time() -> None:
    found = {row.configuration: row for row in rows(builders.latency_records(1, 0))}
    assert {one.cause: one.share for one in found["g1"].causes}["runtime_stop"] == 1.0
    assert {one.cause: one.share for one in found["default"].causes} == {
        "runtime_stop": 0.0, "allocation": 0.0, "starved": 0.0, "platform": 0.0, "unexplained": 1.0,
    }  # fmt: skip
    assert found["g1"].stalled == 0.012
    least = {one.window: one.share for one in found["default"].utilisation}
    assert least["10 ms"] == pytest.approx(0.1)
    assert least["1000 ms"] == pytest.approx(0.991)


def test_pauses_when_invocations_differ_then_utilisation_is_the_worst_of_them() -> None:
    calm = replace(one(), messages=tuple(line for line in one().messages if '"stall"' not in line))
    (row,) = rows([calm])
    assert (row.causes, row.stalls) == ((), 0)
    assert {found.share for found in row.utilisation} == {1.0}
    (row,) = rows([one(), replace(calm, invocation=replace(calm.invocation, block=2))])
    assert {found.window: found.share for found in row.utilisation}["10 ms"] == pytest.approx(0.1)


def test_pauses_when_no_run_is_as_long_as_a_window_then_it_has_no_share() -> None:
    short = with_lines(one(), iteration={"elapsed_ns": 600_000_000, "operations": 600})
    (row,) = rows([short])
    assert (row.utilisation[-1].window, row.utilisation[-1].share, row.utilisation[-1].text) == (
        "1000 ms", None, "none so long",
    )  # fmt: skip


def test_pauses_when_a_schedule_was_not_kept_then_the_invocation_is_left_out_and_said_to_be() -> None:
    late = with_lines(builders.latency_records(2, 0)[GO], iteration={"elapsed_ns": 4_000_000_000})
    (row,) = rows([one(), late])
    assert row.invocations == 1
    assert row.mind[0] == (
        "1 of 2 left out: it reached 50 % of 1,000 operations a second, and so measured its own queue"
    )
    (row,) = rows([late])
    assert (row.ladder, row.operations, row.stalled, row.reported, row.utilisation) == ((), 0, None, "none", ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ticker": {"dropped": 3}}, "its ticker had no room for 3 stalls"),
        ({"histogram": {"max": 5}}, "outside its last bucket"),
        ({"stall": {"end_ns": "soon"}}, "does not parse"),
    ],
)
def test_pauses_when_a_record_cannot_be_relied_on_then_it_is_left_out_with_the_reason(
    changes: dict[str, Any], reason: str
) -> None:
    (row,) = rows([with_lines(one(), **changes)])
    assert row.invocations == 0
    assert reason in row.mind[0]


def test_pauses_when_nothing_watched_the_platform_then_says_why_once_for_all() -> None:
    found = rows(builders.latency_records(1, 0))
    (said,) = minded(found)
    assert said == (
        "what the platform did is not known: no control process watched the platform (c/glibc, go/default, java/g1)"
    )
    watched = replace(one(), observed=replace(one().observed, control=control()))
    assert rows([watched])[0].mind == ()
    refused = replace(one(), observed=replace(one().observed, unavailable={"control": "the kernel refuses"}))
    assert rows([refused])[0].mind == ("what the platform did is not known: the kernel refuses",)


def test_pauses_when_records_are_canaries_failures_replicas_or_of_other_modes_then_there_is_no_row() -> None:
    of = one()
    canary = replace(of, invocation=replace(of.invocation, cell=replace(of.invocation.cell, workload=CANARY)))
    replica = replace(of, invocation=replace(of.invocation, replica="b"))
    assert rows([canary]) == rows([replica]) == rows([replace(of, status="crash")]) == ()
    assert rows([record for record in builders.records() if record.invocation.cell.mode == "throughput"]) == ()


def test_figure_when_drawn_twice_then_the_same_small_bytes_themed_and_in_words() -> None:
    report = builders.report()
    svg = ladders_svg(report.pauses, report.styles)
    assert svg == ladders_svg(report.pauses, report.styles)
    assert len(svg.encode()) < 20_000
    texts = {"".join(node.itertext()).strip() for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}
    assert {"p50", "p99.9", "felt max", "reported", "go/default", "10 ms"} <= texts
    colours = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", svg))
    assert {"var(--lang-c)", "var(--lang-go)", "var(--lang-java)", "var(--paper)"} <= colours
    assert not [colour for colour in colours if colour.startswith("#")]
    assert "go/default message_window: p50 512 ns" in ladders_description(report.pauses)


def test_figure_when_a_language_has_two_configurations_then_their_lines_differ() -> None:
    report = builders.report()
    twice = (*report.pauses, replace(report.pauses[GO], configuration="other"))
    assert "stroke-dasharray: 5.55" in ladders_svg(twice, report.styles)
    assert "stroke-dasharray: 5.55" not in ladders_svg(report.pauses, report.styles)


def test_page_when_no_operation_was_felt_then_no_figure_but_the_row_and_the_reason() -> None:
    late = with_lines(one(), iteration={"elapsed_ns": 4_000_000_000})
    text = page(builders.report(records=[late]))
    assert "Figure: felt percentiles" not in text
    assert "1 of 1 left out" in text
    assert 'id="pauses"' not in page(builders.report(records=[]))
