"""``validate``: inject what is known, and see whether it is read back."""

import itertools
import os
import shlex
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from harness import units
from harness.cli.context import Context, json_option, print_json, print_rich, say
from harness.cli.options import ENGINE
from harness.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from harness.cli.preparing import Choice
    from harness.validate.checks import Check
    from harness.validate.truths import Row

UNFIT = 3
SEED = 42
MARKS = {"within": "ok", "outside": "!!", "unavailable": "--"}


@click.command("validate")
@click.option("--fast", is_flag=True, help="Fewer repetitions: under five minutes on two busy CPUs.")
@click.option("--only", default="", metavar="ID,…", help="Only these rows, separated by commas.")
@ENGINE
@json_option
@click.pass_context
def validate_command(click_context: click.Context, fast: bool, only: str, engine: "Choice", as_json: bool) -> None:
    """Inject known memory, CPU time, pauses, allocations and effects, and check that they are read back."""
    from harness.validate import results
    from harness.validate.truths import ROWS

    rows = _chosen(ROWS, only)
    context: Context = click_context.obj
    checks, about, where = _validated(context, rows, fast=fast, engine=engine)
    if as_json:
        print_json(results.document(checks, about))
    else:
        print_rich(table(checks))
        for one in checks:
            _explain(one)
        say(f"stored   {where}")
    click_context.exit(0 if all(one.ok for one in checks) else UNFIT)


def _chosen(rows: "tuple[Row, ...]", only: str) -> "tuple[Row, ...]":
    from harness.catalog.files import nearest

    names = [part.strip() for part in only.split(",") if part.strip()]
    known = [one.id for one in rows]
    for name in names:
        if name not in known:
            raise UsageError(f"validate: there is no row {name!r}; {nearest(name, known)}")
    return tuple(one for one in rows if not names or one.id in names)


def _validated(
    context: Context, rows: "tuple[Row, ...]", *, fast: bool, engine: "Choice"
) -> "tuple[list[Check], dict[str, object], str]":
    """Run the rows under the lock that runs hold, too, and store what they gave."""
    from harness.cli import session
    from harness.cli.measuring import expectation
    from harness.cli.preparing import engine_for
    from harness.engines.effects import real_effects
    from harness.execute.handshake import Deadlines
    from harness.execute.run import Setting
    from harness.store import provenance, runs
    from harness.store.lock import Holder, hold
    from harness.validate import results, runner
    from harness.validate.bench import Bench, Instruments, builds
    from harness.validate.truths import ROWS

    session.interruptible()
    now = datetime.now(UTC)
    name = runs.run_id(now, "validate", SEED)
    catalog = context.catalog()
    holder = Holder(run=name, pid=os.getpid(), since=now.isoformat(timespec="seconds"), command=shlex.join(sys.argv))
    checks: list[Check] = []
    with hold(runs.runs_folder(context.root), holder):
        ready = session.set_up(context, catalog, engine)
        wanted = builds(catalog, ready.absent)
        machine, _ = engine_for(ready, wanted, catalog, context.root, real_effects(say))
        machine.sweep(lambda run: False)
        code = provenance.collect(root=context.root, engine=ready.engine, engine_version=ready.version)
        about: dict[str, object] = {
            "date": code["date"], "commit": code.get("commit"), "dirty": code.get("dirty"),
            "machine": code["machine"], "host": code["host"], "engine": ready.engine, "why_engine": ready.why,
            "fast": fast, "whole": len(rows) == len(ROWS),
        }  # fmt: skip
        folder = results.new_folder(context.root, name)
        with closing(runs.Run(folder, ())) as store:
            bench = Bench(
                catalog=catalog,
                setting=Setting(
                    engine=machine,
                    store=store,
                    clock=time.monotonic_ns,
                    deadlines=Deadlines(),
                    expected=expectation(catalog, context.root),
                    warn=say,
                ),
                slots=itertools.count(),
                fast=fast,
                seed=SEED,
                absent=ready.absent,
                instruments=Instruments(),
            )
            for row, left, found in runner.run(rows, bench, time.monotonic):
                if found is None:
                    say(f"{row.id:12} {row.title} … about {units.clock(left)} left")
                else:
                    checks.append(found)
            store.save(results.CHECKS, results.document(checks, about))
    return checks, about, str((folder / results.CHECKS).relative_to(context.root))


def table(checks: "list[Check]") -> "Table":
    """One line a row: its worst value against the bound."""
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "row", "worst reading", "observed", "bound", ""):
        shown.add_column(title)
    for one in checks:
        worst = one.worst
        if worst is None:
            shown.add_row(MARKS[one.status], one.id, one.title, "", "", f"{one.seconds:.0f} s")
        else:
            observed = units.quantity(worst.observed, worst.unit)
            shown.add_row(MARKS[one.status], one.id, worst.what, observed, worst.bound, f"{one.seconds:.0f} s")
    return shown


def _explain(one: "Check") -> None:
    if one.reason:
        say(f"{one.id}: {one.status}: {one.reason}")
    if one.again:
        say(f"{one.id}: repeated once, because {one.again}")
