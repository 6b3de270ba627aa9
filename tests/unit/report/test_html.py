"""The page and its data: complete, offline, the same twice, and safe whatever a text holds."""

import base64
import csv
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import PurePosixPath

import pytest

from harness.claims.model import Health
from harness.report.html import FINDING_COLUMNS, Mark, page, render, table, whole
from harness.report.model import Axis, EffectRow, Report
from tests.unit.report import builders


class _Seen(HTMLParser):
    """Tags with their attributes, ids, and the text of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def _seen(text: str) -> _Seen:
    parser = _Seen()
    parser.feed(text)
    return parser


@pytest.fixture(scope="module")
def report() -> Report:
    return builders.report()


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return page(report)


def test_render_when_repeated_then_byte_identical(report: Report) -> None:
    assert render(report) == render(builders.report())


def test_render_when_done_then_page_and_data_within_their_sizes(report: Report) -> None:
    files = render(report)
    assert set(files) == {PurePosixPath(n) for n in ("index.html", "report.json", "findings.csv", "frontier.csv")}
    assert len(files[PurePosixPath("index.html")]) <= 200_000


def test_page_when_read_then_nothing_is_requested_from_anywhere(text: str) -> None:
    for tag, attributes in _seen(text).tags:
        assert tag not in {"img", "iframe", "object", "embed", "video"}
        assert "src" not in attributes
        if target := attributes.get("href"):
            assert target.startswith(("#", "data:,")) or target in {"report.json", "findings.csv", "frontier.csv"}
    assert "@import" not in text
    assert "url(http" not in text


def test_page_when_it_has_a_script_then_only_that_one_may_run_and_it_is_small(text: str) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in text
    assert len(script.encode()) <= 15_000


def test_page_when_links_point_inside_then_their_targets_exist_once(text: str) -> None:
    tags = _seen(text).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {href[1:] for _, a in tags if (href := a.get("href") or "").startswith("#") and len(href) > 1}
    assert links <= set(ids)
    assert "claim-manual_is_faster" in links


def test_page_when_complete_then_every_claim_verdict_and_number_is_in_its_text(text: str, report: Report) -> None:
    said = _seen(text).text.replace("\N{NO-BREAK SPACE}", " ")
    for claim in report.claims.values():
        assert claim.statement in said
        assert claim.word in said
        assert claim.answer in said
        for effect in claim.effects:
            assert effect.text in said
            assert not effect.decides or effect.rule in said
    for point in report.frontier.points:
        assert point.memory.text in said
    for failure in report.failures:
        assert failure.reason in said
    for command in report.commands:
        assert command.text in said


def test_page_when_texts_hold_markup_then_it_is_shown_not_run() -> None:
    claims = list(builders.claims())
    claims[0] = replace(claims[0], statement="<script>alert(1)</script> & $x_{$")
    text = page(builders.report(claims=claims))
    assert text.count("<script>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; $x_{$" in text


def test_page_when_run_is_unfit_then_said_before_the_verdicts() -> None:
    health = Health(canaries={"memory": False}, control="", failures=("the memory canary failed",))
    text = page(builders.report(health=health))
    assert text.index("This run is unfit to judge") < text.index('id="verdicts"')
    assert "the memory canary failed" in text
    assert "none in this run" in text


def test_page_when_nothing_was_measured_then_still_whole() -> None:
    text = page(builders.report(records=(), verdicts=(), provenance={}, exclusions=()))
    said = _seen(text).text
    assert "Not shown: its baseline was not measured in this run." in said
    assert "Every invocation ended as it should." in said
    assert "Not in this suite: 7 claims" in said


def test_page_when_board_has_no_ratio_then_no_axis_over_it(text: str) -> None:
    safety = text[text.index('data-group="safety"') : text.index("</table>")]
    assert 'class="scale"' not in safety
    assert 'class="scale"' in text[: text.index('data-group="safety"')]


def test_findings_when_written_then_each_effect_and_row_is_a_line(report: Report) -> None:
    text = render(report)[PurePosixPath("findings.csv")].decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == FINDING_COLUMNS
    effects = [effect for claim in report.claims.values() for effect in claim.effects]
    assert len(rows) == len(effects) + sum(len(effect.rows) for effect in effects)
    assert float(rows[0]["point"]) == effects[0].point
    exact = next(row for row in rows if row["metric"] == "allocations.count")
    assert exact["low"] == ""


def test_table_when_value_is_none_then_empty_and_zero_stays_zero() -> None:
    assert table(("a", "b"), [(None, 0)]) == "a,b\n,0\n"


def test_whole_when_intervals_are_in_a_sentence_then_they_do_not_break() -> None:
    assert whole("by 1.31× [1.20, 1.42] more") == "by 1.31×\N{NO-BREAK SPACE}[1.20,\N{NO-BREAK SPACE}1.42] more"


def _row(point: float, low: float | None, high: float | None) -> EffectRow:
    return EffectRow(
        label="x", point=point, low=low, high=high, unit="x", text="", decision="holds", sign="+"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "place"),
    [(0.5, "0.0"), (1.0, "80.0"), (2.0, "160.0"), (4.0, "240.0"), (9.0, "240.0"), (0.1, "0.0"), (0, "0.0")],
)
def test_mark_when_value_lies_on_or_off_the_axis_then_its_place_is_cut_to_it(value: float, place: str) -> None:
    assert Mark(axis=Axis(low=0.5, high=4.0, ticks=())).at(value) == place


@pytest.mark.parametrize(
    ("row", "side"),
    [
        (_row(1.0, 0.9, 1.1), ""), (_row(3.0, 2.0, 5.0), "right"), (_row(0.6, 0.4, 0.8), "left"),
        (_row(5.0, None, None), "right"), (_row(4.0, None, None), ""),
    ],
)  # fmt: skip
def test_mark_when_interval_leaves_the_axis_then_says_on_which_side(row: EffectRow, side: str) -> None:
    assert Mark(axis=Axis(low=0.5, high=4.0, ticks=())).beyond(row) == side
