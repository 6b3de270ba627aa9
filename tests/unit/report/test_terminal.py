"""What the terminal shows, as golden text at 100 columns without colour."""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from harness.catalog.model import Block, Limits, Suite
from harness.claims.model import Health
from harness.report import lists, terminal
from harness.report.model import Axis, ClaimReport, Note, Report
from tests.unit.report import builders

Golden = Callable[[str, str], None]


def _text(renderable: RenderableType) -> str:
    target = io.StringIO()
    console = Console(file=target, width=terminal.WIDTH, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(renderable)
    return "".join(f"{line.rstrip()}\n" for line in target.getvalue().splitlines())


def _suite() -> Suite:
    return Suite(
        id="quick", title="In minutes", size="quick", blocks=7, deadline_seconds=None, claims=("manual_is_faster",),
        only="", parallel=1, limits=Limits(cpus=2, memory=2**31), cells=(), control=(),
    )  # fmt: skip


def _blocks() -> tuple[Block, ...]:
    found = [record.invocation for record in builders.records() if record.invocation.attempt == 1]
    once = replace(found[0], block=None, cell=replace(found[0].cell, limits=Limits(cpus=1, memory=None)))
    numbered = [
        Block(number=number, invocations=tuple(one for one in found if one.block == number)) for number in (1, 2, 3)
    ]
    return (Block(number=None, invocations=(once,)), *numbered)


def _felt(report: Report) -> ClaimReport:
    """A claim that rests on two of the report's three cells of mode latency."""
    claim = report.claims["reuse_is_faster"]
    cells = tuple(row.cell for row in report.pauses[:2])
    return replace(claim, effects=tuple(replace(effect, cells=cells) for effect in claim.effects))


def _renderables() -> Mapping[str, RenderableType]:
    report, catalog = builders.report(), builders.catalog()
    return {
        "summary.txt": terminal.summary(report),
        "closing.txt": terminal.closing(
            report, page="results/runs/x/index.html", page_bytes=65_000, records="results/runs/x/records.ndjson",
            records_count=113, records_digest="deadbeefcafe", command=".venv/bin/memverdict",
        ),
        "explain-depends.txt": terminal.explain(report.claims["manual_is_faster"]),
        "explain-pauses.txt": terminal.explain(_felt(report), report.pauses),
        "explain-exact.txt": terminal.explain(report.claims["constructor_escapes"]),
        "explain-inconclusive.txt": terminal.explain(report.claims["reuse_is_faster"]),
        "explain-not-measurable.txt": terminal.explain(report.claims["safer_choice"]),
        "workloads.txt": lists.workloads(catalog),
        "configurations.txt": lists.configurations(catalog),
        "claims.txt": lists.claims({claim.id: claim for claim in builders.claims()}),
        "metrics.txt": lists.metrics(catalog),
        "suites.txt": lists.suites(replace(catalog, suites={"quick": _suite()})),
        "runs.txt": lists.runs(
            [lists.RunRow(id="20260102-030405-quick-2a", suite="quick", engine="docker", status="done", records=1130)]
        ),
        "plan.txt": lists.plan(
            _suite(), _blocks(), builders.exclusions(),
            lists.Forecast(seconds=312, smallest_effect=1.04, assumed_spread=0.12), seed=42,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(_renderables()))
def test_terminal_when_printed_then_as_accepted_and_within_100_columns(name: str, golden: Golden) -> None:
    text = _text(_renderables()[name])
    assert max(len(line) for line in text.splitlines()) <= terminal.WIDTH
    golden(name, text)


def test_verdict_table_when_printed_then_no_word_is_cut() -> None:
    text = _text(terminal.verdict_table(builders.report()))
    assert "…" not in text
    assert "∅ not measurable" in text


def test_summary_when_run_is_unfit_then_reason_and_failed_canary_are_shown() -> None:
    health = Health(canaries={"memory": False}, control="", failures=("the memory canary read 12 MiB of 64",))
    text = _text(terminal.summary(builders.report(health=health)))
    assert "memory FAILED" in text
    assert "unfit    the memory canary read 12 MiB of 64" in text
    assert "no A/A control in this run" in text


def test_summary_when_failures_are_unexpected_then_they_come_first() -> None:
    crash = builders.record(
        builders.cell("go", "default", "lru_cache"), block=1, slot=99, status="crash", reason="sig 11"
    )
    text = _text(terminal.summary(builders.report(records=[*builders.records(), crash])))
    assert "7 expected · 1 unexpected" in text
    assert text.index("sig 11") < text.index("killed at 2 GiB")


def test_summary_when_the_host_was_disturbed_under_many_contrasts_then_one_line_names_the_worst() -> None:
    report = builders.report()
    busy = Note(code="mostly_disturbed", where="w", text="nothing is decided: ...", remedy="")
    claims = {
        name: replace(
            claim,
            effects=tuple(
                replace(one, disturbed=0.0 if one.kind == "exact" else 6 / 7 if name == "stack_is_faster" else 1 / 7,
                        notes=(busy,) if name == "stack_is_faster" else one.notes)
                for one in claim.effects
            ),
        )
        for name, claim in report.claims.items()
    }  # fmt: skip
    timed = [one for claim in claims.values() for one in claim.effects if one.kind != "exact"]
    everything = [one for claim in claims.values() for one in claim.effects]
    notes = tuple(replace(note, code="host_disturbed", where=f"{i}") for i in range(40) for note in report.notes[:1])
    text = " ".join(_text(terminal.summary(replace(report, claims=claims, notes=notes))).split())
    assert (
        f"the host was disturbed under {len(timed)} of {len(everything)} findings, at worst in 85.7 % of the "
        "differences of stack_is_faster/allocate; 2 of them decide nothing for it; keep the machine idle while it "
        "measures"
    ) in text
    assert text.count("disturbed") == 1


def test_summary_when_the_host_was_quiet_then_nothing_is_said_of_it() -> None:
    report = builders.report()
    calm = {
        name: replace(claim, effects=tuple(replace(one, disturbed=0.0) for one in claim.effects))
        for name, claim in report.claims.items()
    }
    assert "disturbed" not in _text(terminal.summary(replace(report, claims=calm)))


def test_summary_when_no_canary_ran_then_says_so() -> None:
    text = _text(terminal.summary(builders.report(health=Health(canaries={}, control="", failures=()))))
    assert "canary   none in this run" in text


def test_runs_when_there_are_none_then_says_so() -> None:
    assert _text(lists.runs([])) == "no runs yet\n"


def test_plan_when_nothing_is_forecast_then_nothing_is_said_about_it() -> None:
    text = _text(
        lists.plan(_suite(), _blocks()[1:2], (), lists.Forecast(seconds=None, smallest_effect=None), seed=1)
    )  # fmt: skip
    assert "about" not in text
    assert "sees" not in text
    assert "further" not in text


def test_line_when_text_is_long_then_it_wraps_beside_its_label() -> None:
    lines = _text(terminal.line("label", "word " * 40)).splitlines()
    assert lines[0].startswith("label    word")
    assert all(line.startswith("         word") for line in lines[1:])


@pytest.mark.parametrize(
    ("point", "low", "high", "drawn"),
    [
        (1.0, None, None, "   ●     "),
        (2.0, 1.4, 2.8, "   │─●── "),
        (4.0, 4.0, 9.0, "   │    ●"),
        (0.1, 0.1, 0.7, "●─ │     "),
        (1.2, None, None, "   ●     "),
    ],
)
def test_bar_when_drawn_then_point_interval_and_no_difference_have_their_places(
    point: float, low: float | None, high: float | None, drawn: str
) -> None:
    effect = replace(builders.report().claims["reuse_is_faster"].effects[0], point=point, low=low, high=high)
    assert len(drawn) == 9
    assert terminal.bar(effect, Axis(low=0.5, high=4.0, ticks=()), width=9) == drawn


def test_bar_when_margin_is_given_then_marked() -> None:
    effect = replace(builders.report().claims["reuse_is_faster"].effects[0], point=4.0, low=None, high=None)
    assert terminal.bar(effect, Axis(low=0.5, high=4.0, ticks=()), margin=2.0, width=9) == "   │ ┊  ●"
