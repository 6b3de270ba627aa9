"""``list`` and ``plan``: what there is, and what would run."""

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from harness.catalog.model import Catalog
from harness.claims.model import Claim
from harness.cli.context import (
    Context,
    claims_named,
    json_option,
    print_json,
    print_rich,
    selector_from,
    suite_named,
)
from harness.cli.options import CLAIMS, ONLY, PRECISION, SEED, SUITE

if TYPE_CHECKING:
    from harness.cli.planning import Plan
    from harness.protocol.record import Record
    from harness.report.lists import Forecast

Row = Mapping[str, object]


@click.command("list")
@click.argument("what", type=click.Choice(["workloads", "configurations", "claims", "metrics", "suites", "runs"]))
@json_option
@click.pass_obj
def list_command(context: Context, what: str, as_json: bool) -> None:
    """What there is."""
    from harness.report import lists

    if what == "runs":
        found = [lists.RunRow(**row) for row in _runs(context)]  # type: ignore[arg-type]
        print_json({what: _runs(context)}) if as_json else print_rich(lists.runs(found))
        return
    catalog = context.catalog()
    if as_json:
        print_json({what: _rows(context, catalog, what)})
    elif what == "claims":
        print_rich(lists.claims(context.claims(catalog)))
    else:
        tables = {
            "workloads": lists.workloads,
            "configurations": lists.configurations,
            "metrics": lists.metrics,
            "suites": lists.suites,
        }
        print_rich(tables[what](catalog))


@click.command("plan")
@SUITE
@CLAIMS
@ONLY
@SEED
@PRECISION
@json_option
@click.pass_obj
def plan_command(
    context: Context,
    suite: str,
    claims: str,
    only: str | None,
    seed: int | None,
    precision: float | None,
    as_json: bool,
) -> None:
    """Say what a suite would run, in which order, how long it takes, and which effect it can resolve."""
    from harness.cli.planning import make_plan
    from harness.report import lists

    catalog = context.catalog()
    known = context.claims(catalog)
    plan = make_plan(
        catalog,
        known,
        suite_named(catalog, suite),
        seed=drawn(seed),
        only=selector_from(only, catalog),
        wanted=claims_named(known, claims),
        precision=precision,
    )
    if as_json:
        print_json(plan.document())
        return
    ahead = forecast(context, plan)
    print_rich(lists.plan(plan.suite, plan.blocks, plan.cells.exclusions, ahead, seed=plan.seed, later=plan.later))


def drawn(seed: int | None) -> int:
    """The seed that was given, or a fresh one: stored and printed, so that the order can be had again."""
    return random.SystemRandom().randrange(1 << 24) if seed is None else seed


def forecast(context: Context, plan: "Plan") -> "Forecast":
    """How long a plan takes here, and the smallest effect beyond a margin that it finds."""
    import math

    from harness.plan import forecast as ahead
    from harness.report.lists import Forecast

    timed = [claim for claim in plan.claims if any(one.kind != "exact" and one.decides for one in claim.contrasts)]
    return Forecast(
        seconds=ahead.seconds(plan.blocks, history(context), parallel=plan.suite.parallel),
        smallest_effect=math.exp(ahead.detectable(plan.goal.least, len(timed))) if timed else None,
        assumed_spread=ahead.GUESS_SPREAD,
    )


def history(context: Context) -> Mapping[tuple[object, ...], float]:
    """Seconds per cell from the latest runs here, empty where there is none."""
    from harness.errors import MemverdictError
    from harness.plan import forecast as ahead
    from harness.store import runs

    records: list[Record] = []
    for name in runs.names(context.root)[-3:]:
        try:
            records += runs.read(runs.runs_folder(context.root) / name).records
        except MemverdictError:
            continue  # a forecast does without what cannot be read; reading commands report it
    return ahead.seconds_by_cell(records)


def _rows(context: Context, catalog: Catalog, what: str) -> Sequence[Row]:
    if what == "workloads":
        return [
            {"id": one.id, "title": one.title, "isolates": one.isolates, "variants": [v.id for v in one.variants]}
            for one in catalog.workloads.values()
        ]
    if what == "configurations":
        return _configurations(catalog)
    if what == "metrics":
        return [
            {"id": one.id, "title": one.title, "unit": one.unit, "scope": one.scope, "modes": list(one.modes)}
            for one in catalog.metrics.values()
        ]
    if what == "claims":
        return _claims(catalog, context.claims(catalog))
    return [
        {"id": one.id, "title": one.title, "size": one.size, "blocks": one.blocks, "claims": list(one.claims)}
        for one in catalog.suites.values()
    ]


def _configurations(catalog: Catalog) -> Sequence[Row]:
    return [
        {
            "id": f"{language.id}/{one.id}",
            "lane": one.lane,
            "toolchain": one.toolchain,
            "settings": [f"{k}={v}" for k, v in (*one.environment.items(), *one.build.items())],
            "about": one.about,
        }
        for language in catalog.languages.values()
        for one in language.configurations
    ]


def _claims(catalog: Catalog, claims: Mapping[str, Claim]) -> Sequence[Row]:
    return [
        {
            "id": one.id,
            "group": one.group,
            "statement": one.statement,
            "suites": [suite.id for suite in catalog.suites.values() if one.id in suite.claims],
        }
        for one in claims.values()
    ]


def _runs(context: Context) -> Sequence[Row]:
    from harness.cli.judging import status_of
    from harness.store import runs

    rows = []
    for name in runs.names(context.root):
        about = runs.document(context.root, name, runs.PROVENANCE)
        count = len(runs.read(runs.runs_folder(context.root) / name).records)
        rows.append(
            {
                "id": name,
                "suite": str(about.get("suite")),
                "engine": str(about.get("engine")),
                "status": status_of(context, name),
                "records": count,
            }
        )
    return rows
