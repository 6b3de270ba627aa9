"""From stored runs to verdicts and a report, for every command that reads runs and for ``run`` itself."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.catalog.model import Catalog, Suite
from harness.catalog.select import Selector
from harness.claims.model import Claim, Health, Verdict
from harness.cli.context import Context, say, suite_named
from harness.errors import UsageError
from harness.protocol.record import Record
from harness.stats.values import Warning
from harness.store import runs

if TYPE_CHECKING:
    from harness.cli.planning import Plan
    from harness.report.model import Report

VERDICTS = "verdicts.json"
FINISHED = "finished.json"
"""Written when a run has measured all that it planned, or all that its deadline left."""

PREFERRED = "docker"
"""The engine whose answers need no remark."""

SAME = {"machine": "machines", "engine": "engines", "catalog": "catalogues"}
"""What runs must have in common before their records are read together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Runs, read and judged."""

    names: tuple[str, ...]
    catalog: Catalog
    claims: Mapping[str, Claim]
    plan: "Plan"
    provenance: Mapping[str, object]
    records: tuple[Record, ...]
    verdicts: tuple[Verdict, ...]
    health: Health

    def document(self) -> Mapping[str, object]:
        """Verdicts as JSON: the shape that ``--json`` promises."""
        return {
            "run": self.names[-1],
            "runs": list(self.names),
            "verdicts": [
                {
                    "claim": one.claim,
                    "verdict": one.verdict,
                    "answer": one.answer,
                    "flips_with": one.flips_with,
                    "blocks_needed": one.blocks_needed,
                    "digest": self.claims[one.claim].digest,
                    "findings": [
                        {
                            "contrast": found.contrast,
                            "factor_level": list(found.factor_level) if found.factor_level else None,
                            "decision": found.decision,
                            "point": found.point,
                            "low": found.low,
                            "high": found.high,
                            "unit": found.unit,
                            "level": found.level,
                            "blocks": found.blocks,
                        }
                        for found in one.findings
                    ],
                }
                for one in self.verdicts
            ],
            "health": dataclasses.asdict(self.health),
        }


def judge_runs(context: Context, names: Sequence[str]) -> Judged:
    """Read runs (``latest`` where none is named) and judge them together.

    UsageError when there is no such run, or when runs of different machines, engines or catalogues are named.
    """
    from harness.samples.collect import as_one_run

    found = tuple(dict.fromkeys(runs.resolve(context.root, name) for name in names or (runs.LATEST,)))
    documents = [runs.document(context.root, name, runs.PROVENANCE) for name in found]
    for key, many in SAME.items():
        if len({str(one.get(key)) for one in documents}) > 1:
            raise UsageError(f"runs of different {many} do not combine: {', '.join(found)}")
    records = as_one_run([runs.read(runs.runs_folder(context.root) / name).records for name in found])
    return judge(context, found, documents, records)


def _not_contained(document: Mapping[str, object]) -> Warning:
    return Warning(
        code="not_contained",
        text=f"measured by plain processes, without the isolation and limits of containers ({document['why_engine']})",
        remedy="answers hold for this engine alone and combine with no other run",
    )


def same_catalogue(name: str, document: Mapping[str, object], catalog: Catalog) -> None:
    """UsageError when a run was measured with another catalogue: its cells would not be found in this one."""
    if document.get("catalog") != catalog.digest:
        raise UsageError(
            f"run {name} was measured with another catalogue; check out commit {document.get('commit')} to read it "
            "(the page and the verdicts in its folder are as they were)"
        )


def same_commit(context: Context, name: str, document: Mapping[str, object]) -> None:
    """UsageError when the project's sources are at another commit than those of a run; says what cannot be told."""
    from harness.store import provenance

    missing: dict[str, str] = {}
    here = provenance.code(context.root, provenance.command, missing)
    commit = document.get("commit")
    if missing or commit is None:
        why = missing.get("commit", "it names no commit")
        say(f"whether the programs are those of run {name} cannot be told: {why}")
    elif here["commit"] != commit:
        raise UsageError(
            f"run {name} was measured at commit {commit}, and this is {here['commit']}; check out {commit}"
        )
    for which, changed in ((f"run {name} was", document.get("changed")), ("this run is", here.get("changed"))):
        if isinstance(changed, list) and changed:
            say(f"{which} made with changes that no commit has: {', '.join(str(one) for one in changed[:5])}")


def judge(
    context: Context, names: tuple[str, ...], documents: Sequence[Mapping[str, object]], records: tuple[Record, ...]
) -> Judged:
    """Judge records with the claims that the runs asked."""
    from harness.claims.judge import answer
    from harness.samples.collect import answering
    from harness.validate.canary import health

    catalog = context.catalog()
    same_catalogue(names[-1], documents[-1], catalog)
    claims = context.claims(catalog)
    plans = [plan_of(one, catalog, claims).after(records) for one in documents]
    planned = plans[0].members if len(plans) == 1 else None
    demanded = {demand: cell for plan in plans for demand, cell in plan.cells.demanded.items()}
    asked = tuple(dict.fromkeys(one.id for plan in plans for one in plan.claims))
    seed = plans[-1].seed
    stages = [one.first_stage for one in plans if one.first_stage is not None]
    found = health(records, catalog.metrics, planned=planned)
    if documents[-1].get("engine") != PREFERRED:
        found = dataclasses.replace(found, warnings=(_not_contained(documents[-1]), *found.warnings))
    samples = answering(demanded, records, catalog.metrics, planned=planned)
    return Judged(
        names=names,
        catalog=catalog,
        claims=claims,
        plan=plans[-1],
        provenance={**documents[-1], "runs": list(names)},
        records=records,
        verdicts=answer(
            [claims[name] for name in asked], catalog, samples, found, seed=seed, first_stage=max(stages, default=None)
        ),
        health=found,
    )


def report_of(context: Context, judged: Judged) -> "Report":
    """Everything that is shown about judged runs."""
    from harness.report.build import build_report

    return build_report(
        judged.catalog,
        tuple(judged.claims.values()),
        judged.provenance,
        judged.records,
        judged.verdicts,
        judged.health,
        exclusions=judged.plan.cells.exclusions,
        command=context.command,
    )


def write_report(context: Context, judged: Judged, report: "Report") -> str:
    """Write the page and its data into the latest run's folder; gives the page's path, relative to the root."""
    from harness.report.html import render

    folder = runs.runs_folder(context.root) / judged.names[-1]
    for path, content in render(report).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return str((folder / "index.html").relative_to(context.root))


def status_of(context: Context, name: str) -> str:
    """``running``, ``complete``, or ``unfinished`` for a run that can be resumed."""
    from harness.store.lock import holder_of

    holder = holder_of(runs.runs_folder(context.root))
    if holder is not None and holder.run == name:
        return "running"
    done = (runs.runs_folder(context.root) / name / FINISHED).is_file()
    return "complete" if done else "unfinished"


def write_verdicts(context: Context, judged: Judged) -> None:
    """Keep the verdicts beside the records that they were judged from."""
    folder = runs.runs_folder(context.root) / judged.names[-1]
    beside = folder / f".{VERDICTS}.new"
    beside.write_text(json.dumps({"format": 1, **judged.document()}, indent=1, ensure_ascii=False) + "\n")
    beside.replace(folder / VERDICTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a stored run was asked to do, from its provenance: all that its plan is made of."""

    suite: Suite
    seed: int
    only: Selector | None
    wanted: tuple[str, ...]
    absent: Mapping[tuple[str, str], str]
    precision: float | None


def asked_by(document: Mapping[str, object], catalog: Catalog, claims: Mapping[str, Claim]) -> Asked:
    """Read a provenance back."""
    from harness.catalog.select import parse

    wanted = document.get("claims")
    absent = document.get("absent")
    precision = document.get("precision")
    only = str(document.get("only") or "")
    return Asked(
        suite=suite_named(catalog, str(document["suite"])),
        seed=int(str(document["seed"])),
        only=parse(only, catalog) if only else None,
        wanted=tuple(str(one) for one in wanted if str(one) in claims) if isinstance(wanted, list) else (),
        absent=_absent(absent if isinstance(absent, list) else []),
        precision=precision if isinstance(precision, float) else None,
    )


def plan_of(document: Mapping[str, object], catalog: Catalog, claims: Mapping[str, Claim]) -> "Plan":
    """The plan of a stored run, made again from its provenance and the present catalogue."""
    from harness.cli.planning import make_plan

    asked = asked_by(document, catalog, claims)
    return make_plan(
        catalog,
        claims,
        asked.suite,
        seed=asked.seed,
        only=asked.only,
        wanted=asked.wanted,
        absent=asked.absent,
        precision=asked.precision,
    )


def _absent(rows: Sequence[object]) -> Mapping[tuple[str, str], str]:
    return {(str(row["language"]), str(row["toolchain"])): str(row["reason"]) for row in rows if isinstance(row, dict)}
