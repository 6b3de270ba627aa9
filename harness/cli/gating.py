"""``gate`` and ``golden``: what decides in CI, and what the goldens that it rests on are made by."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.context import Context, json_option, say, selector_from, suite_named
from harness.cli.options import ENGINE, ONLY
from harness.errors import EngineError, UnfitError, UsageError

if TYPE_CHECKING:
    from harness.cli.preparing import Choice
    from harness.gate.decide import GateResult

SUITE = "exact"
SEED = 1
"""Counts do not depend on the order, so the gate's runs need no seed of their own."""


@click.command("gate")
@click.option("--against-baseline", is_flag=True, help="Decide validity and exact allocations against the baseline.")
@click.option("--record", is_flag=True, help="With --against-baseline: write what is measured now as the baseline.")
@ONLY
@ENGINE
@json_option
@click.pass_context
def gate_command(
    click_context: click.Context,
    against_baseline: bool,
    record: bool,
    only: str | None,
    engine: "Choice",
    as_json: bool,
) -> None:
    """Decide whether a change made allocations worse; 0 pass, 1 regression, 2 usage, 3 unfit or invalid."""
    if not against_baseline:
        raise UsageError("gate: say what to compare with: --against-baseline")
    from harness.cli.session import begin
    from harness.gate import baseline as base
    from harness.store import runs
    from harness.validate.canary import health

    context: Context = click_context.obj
    catalog = context.catalog()
    path = context.root / base.PATH
    known = base.load_baseline(path.read_text(encoding="utf-8"), path) if path.is_file() else base.Baseline(entries=())
    selector = selector_from(only, catalog)
    try:
        done = begin(
            context,
            catalog,
            context.claims(catalog),
            suite_named(catalog, SUITE),
            engine=engine,
            seed=SEED,
            only=selector,
        )
    except EngineError as error:
        # A program that does not build, or an engine that fails, is no regression: nothing was compared.
        raise UnfitError(str(error)) from error
    if done.outcome.interrupted:
        click_context.exit(130)
    folder = runs.runs_folder(context.root) / done.name
    unfit = health(done.outcome.records, catalog.metrics).failures
    if record:
        if unfit:
            raise UnfitError(f"nothing was recorded: {'; '.join(unfit)}")
        new = base.record_baseline(known, done.outcome.records, catalog.metrics)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(base.dump_baseline(new), encoding="utf-8")
        say(f"{path.relative_to(context.root)}: {len(new.entries)} values")
        return
    from harness.gate.decide import Commands, decide_exact

    command = f"{context.command} gate --against-baseline"
    result = decide_exact(
        known,
        done.outcome.records,
        catalog.metrics,
        planned=tuple(one.cell for one in done.plan.cells.once if one.cell.mode == "exact"),
        exclusions=done.plan.cells.exclusions,
        unfit=unfit,
        commands=Commands(repeat=f"{command} --only '{{selector}}'", record=f"{command} --record"),
    )
    _write(folder, result)
    _print(result, folder.relative_to(context.root), as_json=as_json)
    click_context.exit(result.exit_code)


@click.command("golden")
@click.argument("workload")
@click.pass_obj
def golden_command(context: Context, workload: str) -> None:
    """Write a workload's golden values into its file, from its independent model."""
    from harness.catalog import golden
    from harness.catalog.files import nearest

    catalog = context.catalog()
    if workload not in catalog.workloads:
        raise UsageError(f"there is no workload {workload!r}; {nearest(workload, catalog.workloads)}")
    found = tuple(golden.from_model(catalog.workloads[workload], golden.load_model(context.root, workload)))
    golden.write(context.root / f"benchmarks/workloads/{workload}.toml", found)
    say(f"{workload}: {len(found)} golden values")


def _write(folder: Path, result: "GateResult") -> None:
    from harness.report import gate

    (folder / "gate.json").write_text(gate.to_json(result), encoding="utf-8")
    (folder / "gate.md").write_text(gate.to_markdown(result), encoding="utf-8")
    (folder / "gate.xml").write_text(gate.to_junit(result), encoding="utf-8")


def _print(result: "GateResult", folder: Path, *, as_json: bool) -> None:
    import os

    from harness.report import gate

    if as_json:
        click.echo(gate.to_json(result), nl=False)
        return
    click.echo(gate.to_markdown(result), nl=False)
    say(f"gate     {folder}/gate.json, gate.md, gate.xml (JUnit)")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in gate.annotations(result):
            click.echo(line)
