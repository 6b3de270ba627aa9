"""``selfbench``: what measuring costs, measured: instruments on and off, time outside the workloads, records to page.

It runs a suite of its own like any other, so that its records can be read again, and then times how long the way from
those records to a page takes, once as they are and for ten and a hundred times as many.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import units
from harness.cli.context import Context, json_option, print_json, print_rich, say, suite_named
from harness.cli.options import BUDGET, ENGINE, SEED

if TYPE_CHECKING:
    from rich.console import RenderableType

    from harness.cli.preparing import Choice
    from harness.protocol.record import Record
    from harness.validate.overhead import Instrumented, Outside

SUITE = "overhead"
GROWTH = (1, 10, 100)
"""How many times the run's records are read, judged and drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """Seconds from ``records`` records on disk to verdicts and page, ``times`` as many as were measured."""

    times: int
    records: int
    seconds: float


@click.command("selfbench")
@ENGINE
@SEED
@BUDGET
@json_option
@click.pass_context
def selfbench_command(
    click_context: click.Context, engine: "Choice", seed: int | None, budget: int | None, as_json: bool
) -> None:
    """Measure the harness: instruments on against off, time outside the workloads, records to page."""
    from harness.cli.catalogue import drawn
    from harness.cli.session import begin
    from harness.validate import overhead

    context: Context = click_context.obj
    catalog = context.catalog()
    suite = suite_named(catalog, SUITE)
    known = context.claims(catalog)
    done = begin(context, catalog, known, suite, engine=engine, seed=drawn(seed), budget=budget)
    if done.outcome.interrupted:
        say(f"interrupted; go on with `{context.command} run --resume {done.name}`")
        click_context.exit(130)
    records = done.outcome.records
    instruments, beside = overhead.instrumented(records), overhead.outside(records)
    paged = pages(context, done.name, records)
    if as_json:
        print_json(_document(done.name, instruments, beside, paged))
    else:
        print_rich(_table(instruments, beside, paged))
    click_context.exit(1 if done.outcome.unexpected else 0)


def pages(context: Context, name: str, records: "Sequence[Record]") -> tuple[Paged, ...]:
    """Time the way from records on disk to a rendered page, for growing multiples of a run's records."""
    from harness.cli.judging import judge, report_of
    from harness.protocol.formats import to_line
    from harness.report.html import render
    from harness.samples.collect import as_one_run
    from harness.store import runs

    about = runs.document(context.root, name, runs.PROVENANCE)
    found = []
    for times in GROWTH:
        many = as_one_run([records] * times)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / runs.RECORDS).write_bytes(b"".join(to_line(one) for one in many))
            began = time.monotonic()
            read = runs.read(Path(folder)).records
            render(report_of(context, judge(context, (name,), [about], read)))
            found.append(Paged(times=times, records=len(many), seconds=time.monotonic() - began))
        say(f"page     {units.counted(len(many), 'record')}: {found[-1].seconds:.1f} s")
    return tuple(found)


def _document(
    name: str, instruments: "Sequence[Instrumented]", beside: "Sequence[Outside]", paged: Sequence[Paged]
) -> Mapping[str, object]:
    estimates = [(one, one.comparison.estimate) for one in instruments]
    return {
        "run": name,
        "instruments": [
            {"cell": one.label, "mode": one.mode, "point": it.point, "low": it.low, "high": it.high, "unit": it.unit}
            for one, it in estimates
        ],
        "outside": [
            {"language": one.label, "invocations": one.invocations, "ns": one.outside_ns, "share": one.share}
            for one in beside
        ],
        "pages": [{"times": one.times, "records": one.records, "seconds": one.seconds} for one in paged],
    }


def _table(
    instruments: "Sequence[Instrumented]", beside: "Sequence[Outside]", paged: Sequence[Paged]
) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from harness.report.terminal import columns
    from harness.validate.overhead import INSTRUMENTS

    first = paged[0]
    return Group(
        columns(
            ("instruments on / off", "mode", "time per operation"),
            [
                (one.label, one.mode, units.estimate(it.point, it.low, it.high, it.unit))
                for one in instruments
                for it in (one.comparison.estimate,)
            ],
        ),
        *(Text(f"{mode}: {what}") for mode, what in INSTRUMENTS.items()),
        Text(""),
        columns(
            ("outside the workload", "invocations", "median", "share of the invocation"),
            [
                (one.label, str(one.invocations), units.duration(one.outside_ns), units.share(one.share))
                for one in beside
            ],
        ),
        Text(""),
        columns(
            ("records to page", "records", "time", "growth"),
            [
                (f"{one.times}×", f"{one.records:,}", units.duration(one.seconds * 1e9),
                 units.ratio(one.seconds / first.seconds))
                for one in paged
            ],
        ),
    )  # fmt: skip
