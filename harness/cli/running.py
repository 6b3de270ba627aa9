"""``setup``, ``doctor``, ``build`` and ``run``: the commands that touch the machine."""

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from harness import units
from harness.cli.context import (
    Context,
    claims_named,
    json_option,
    print_json,
    print_rich,
    say,
    selector_from,
    suite_named,
)
from harness.cli.options import BUDGET, CLAIMS, ENGINE, ONLY, PRECISION, RESUME, SEED, SUITE

if TYPE_CHECKING:
    from harness.cli.preparing import Choice
    from harness.cli.session import Done

FAILED, UNFIT, INTERRUPTED = 1, 3, 130


@click.command("setup")
@ENGINE
@click.pass_obj
def setup_command(context: Context, engine: "Choice") -> None:
    """Set up what is missing: a Docker daemon and the base image, or toolchains for plain processes."""
    from harness.cli.session import set_up

    set_up(context, context.catalog(), engine)


@click.command("doctor")
@ENGINE
@json_option
@click.pass_context
def doctor_command(click_context: click.Context, engine: "Choice", as_json: bool) -> None:
    """What this host is, whether it can measure, and what to do where it cannot."""
    from harness.engines import host

    findings = host.examine(engine)
    if as_json:
        print_json({"checks": [asdict(one) for one in findings]})
    else:
        for one in findings:
            remedy = "" if one.ok or not one.remedy else f"; {one.remedy}"
            click.echo(f"{'ok' if one.ok else '!!':3} {one.id:20} {one.text}{remedy}")
    click_context.exit(0 if all(one.ok or not one.fatal for one in findings) else UNFIT)


@click.command("build")
@SUITE
@ENGINE
@json_option
@click.pass_obj
def build_command(context: Context, suite: str, engine: "Choice", as_json: bool) -> None:
    """Build the programs that a suite needs; what is unchanged builds nothing."""
    from harness.cli.planning import make_plan
    from harness.cli.preparing import engine_for
    from harness.cli.session import builds_of, set_up
    from harness.engines.effects import real_effects

    catalog = context.catalog()
    ready = set_up(context, catalog, engine)
    plan = make_plan(catalog, context.claims(catalog), suite_named(catalog, suite), seed=0, absent=ready.absent)
    _, built = engine_for(ready, plan.cells.builds, catalog, context.root, real_effects(say))
    if as_json:
        print_json({"builds": builds_of(built, catalog)})
        return
    for one in built.values():
        made = f"built in {one.seconds:.0f} s" if one.fresh else "unchanged"
        click.echo(f"{one.build.language} {one.build.id}: {units.size(one.size_bytes)}, {made}")


@click.command("clean")
@click.pass_obj
def clean_command(context: Context) -> None:
    """Remove our containers, our images and what was built here; measured runs stay."""
    import shutil

    from harness.engines.base import root_digest
    from harness.engines.docker import remove_ours
    from harness.errors import EngineUnavailable

    shutil.rmtree(context.root / ".build", ignore_errors=True)
    try:
        removed = remove_ours(root_digest(context.root))
    except EngineUnavailable as error:
        say(f"built programs removed; containers and images not: {error}")
        return
    say(
        f"removed {units.counted(removed.containers, 'container')} and {units.counted(removed.images, 'image')}, "
        f"which frees {units.size(removed.freed_bytes)}"
    )


@click.command("run")
@SUITE
@CLAIMS
@ONLY
@ENGINE
@SEED
@BUDGET
@PRECISION
@RESUME
@json_option
@click.pass_context
def run_command(
    click_context: click.Context,
    suite: str,
    claims: str,
    only: str | None,
    engine: "Choice",
    seed: int | None,
    budget: int | None,
    precision: float | None,
    resume: str | None,
    as_json: bool,
) -> None:
    """Measure a suite: set up, build, run, judge, report. What is measured is kept whatever happens."""
    from harness.cli.catalogue import drawn
    from harness.cli.session import begin
    from harness.cli.session import resume as go_on

    context: Context = click_context.obj
    catalog = context.catalog()
    known = context.claims(catalog)
    if resume is not None:
        done = go_on(context, catalog, known, resume, budget=budget)
    else:
        done = begin(
            context,
            catalog,
            known,
            suite_named(catalog, suite),
            engine=engine,
            seed=drawn(seed),
            only=selector_from(only, catalog),
            wanted=claims_named(known, claims),
            budget=budget,
            precision=precision,
        )
    click_context.exit(_conclude(context, done, as_json=as_json))


@click.command("replay")
@click.argument("run")
@json_option
@click.pass_context
def replay_command(click_context: click.Context, run: str, as_json: bool) -> None:
    """Run the plan of a stored run again, in the same order, as a new run that names the old one."""
    from harness.cli.judging import asked_by, same_catalogue, same_commit
    from harness.cli.session import begin
    from harness.store import runs

    context: Context = click_context.obj
    catalog = context.catalog()
    known = context.claims(catalog)
    name = runs.resolve(context.root, run)
    document = runs.document(context.root, name, runs.PROVENANCE)
    same_catalogue(name, document, catalog)
    same_commit(context, name, document)
    asked = asked_by(document, catalog, known)
    budget = document.get("budget_seconds")
    say(f"replay   {name} · seed {asked.seed}")
    done = begin(
        context,
        catalog,
        known,
        asked.suite,
        engine="docker" if document.get("engine") == "docker" else "local",
        seed=asked.seed,
        only=asked.only,
        wanted=asked.wanted,
        budget=budget if isinstance(budget, int) else None,
        precision=asked.precision,
        absent=asked.absent,
        replays=name,
    )
    click_context.exit(_conclude(context, done, as_json=as_json))


def _conclude(context: Context, done: "Done", *, as_json: bool) -> int:
    """Judge and report what there is; the exit code."""
    from harness.cli.judging import judge_runs, report_of, write_report, write_verdicts
    from harness.report import terminal
    from harness.store import runs

    outcome = done.outcome
    if outcome.interrupted:
        say(f"interrupted; go on with `{context.command} run --resume {done.name}`")
    if outcome.late:
        say("deadline: no further block was begun; what is left open says so")
    judged = judge_runs(context, (done.name,))
    report = report_of(context, judged)
    page = write_report(context, judged, report)
    write_verdicts(context, judged)
    if as_json:
        print_json(judged.document())
    else:
        records = runs.runs_folder(context.root) / done.name / runs.RECORDS
        print_rich(terminal.summary(report))
        print_rich(
            terminal.closing(
                report,
                page=page,
                page_bytes=(context.root / page).stat().st_size,
                records=str(records.relative_to(context.root)),
                records_count=len(judged.records),
                records_digest=hashlib.sha256(records.read_bytes()).hexdigest(),
                command=context.command,
            )
        )
    if outcome.interrupted:
        return INTERRUPTED
    return FAILED if outcome.unexpected else UNFIT if judged.health.failures else 0
