"""One run from its lock to its last record: what ``run`` and ``gate`` do alike before they judge.

The lock is held from before set-up until the last record is written, so two runs never share a machine's CPUs
unknowingly.
"""

import dataclasses
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness import units
from harness.catalog.model import Build, Catalog, Suite
from harness.catalog.select import Selector
from harness.claims.model import Claim
from harness.cli.catalogue import forecast, history
from harness.cli.context import Context, print_rich, say
from harness.cli.judging import FINISHED, plan_of, same_catalogue
from harness.cli.measuring import Outcome, measure
from harness.cli.planning import Plan, make_plan
from harness.cli.preparing import Choice, Ready, engine_for, provide
from harness.engines.effects import real_effects
from harness.engines.images import Built, arguments_of
from harness.errors import EngineError, StoreError
from harness.report import lists
from harness.store import provenance, runs
from harness.store.lock import Holder, hold
from harness.validate.results import latest

if TYPE_CHECKING:
    from harness.protocol.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A run that has measured what it could."""

    name: str
    plan: Plan
    outcome: Outcome


def begin(
    context: Context,
    catalog: Catalog,
    claims: Mapping[str, Claim],
    suite: Suite,
    *,
    engine: Choice,
    seed: int,
    only: Selector | None = None,
    wanted: tuple[str, ...] = (),
    budget: int | None = None,
    precision: float | None = None,
    absent: Mapping[tuple[str, str], str] | None = None,
    replays: str | None = None,
) -> Done:
    """Measure a suite from its beginning. Errors of ours pass through, with what was stored intact.

    ``absent`` leaves toolchains out although they may be had here, and ``replays`` names the run whose plan this is.
    """
    interruptible()
    now = datetime.now(UTC)
    name = runs.run_id(now, suite.id, seed)
    with hold(runs.runs_folder(context.root), _holder(name, now)):
        ready = set_up(context, catalog, engine)
        if absent is not None:
            for key in sorted(ready.absent.keys() - absent.keys()):
                say(f"missing  {'/'.join(key)} cannot be had here: {ready.absent[key]}; its cells are left out")
            ready = dataclasses.replace(ready, absent={**absent, **ready.absent})
        plan = make_plan(
            catalog, claims, suite, seed=seed, only=only, wanted=wanted, absent=ready.absent, precision=precision
        )
        told = {"claims": list(wanted), "budget_seconds": budget, "replays": replays}
        return _measured(context, catalog, plan, ready, name, budget=budget, told=told)


def resume(context: Context, catalog: Catalog, claims: Mapping[str, Claim], name: str, *, budget: int | None) -> Done:
    """Complete a run that was stopped; UsageError when the catalogue is no longer its own."""
    interruptible()
    name = runs.resolve(context.root, name)
    with hold(runs.runs_folder(context.root), _holder(name, datetime.now(UTC))):
        document = runs.document(context.root, name, runs.PROVENANCE)
        same_catalogue(name, document, catalog)
        engine: Choice = "docker" if document.get("engine") == "docker" else "local"
        ready = set_up(context, catalog, engine)
        return _measured(context, catalog, plan_of(document, catalog, claims), ready, name, budget=budget)


def set_up(context: Context, catalog: Catalog, engine: Choice) -> Ready:
    """Have what the engine needs, and say what there is."""
    began = time.monotonic()
    ready = provide(engine, catalog, context.root, real_effects(say))
    took = f"{time.monotonic() - began:.0f} s"
    if ready.engine == "docker":
        say(f"setup    python ok · docker {ready.version} ok · base image ok · {took}")
    else:
        there = ", ".join(one.found for one in ready.toolchains.values())
        say(f"setup    python ok · engine local ({ready.why}) · {there or 'no toolchains'} · {took}")
    return ready


def _measured(
    context: Context,
    catalog: Catalog,
    plan: Plan,
    ready: Ready,
    name: str,
    *,
    budget: int | None,
    told: Mapping[str, object] | None = None,
) -> Done:
    """Measure what is left of a plan: from the beginning where ``told`` says how it was asked for, else as stored."""
    engine, built = engine_for(ready, plan.cells.builds, catalog, context.root, real_effects(say))
    known = history(context)
    swept = engine.sweep(lambda run: False)  # we hold the lock, so no run of this folder is alive
    if swept:
        say(f"removed  {units.counted(len(swept), 'worker')} that an ended run left behind")
    done: Sequence[Record] = ()
    if told is None:
        about = runs.document(context.root, name, runs.PROVENANCE)
        store, done = runs.reopen(context.root, name)
        say(f"resume   {name} · {units.counted(len(done), 'record')} kept")
    else:
        about = _provenance(context, catalog, plan, ready, built, told)
        store = runs.create(context.root, name, provenance=about, plan={"format": 1, **plan.document()})
    say(f"host     {about['host']} · findings: {context.command} doctor")
    print_rich(lists.plan_line(plan.suite, plan.blocks, forecast(context, plan), seed=plan.seed), error=True)
    try:
        with closing(store):
            outcome = measure(
                catalog, plan, engine, store, done, root=context.root, known=known, seconds=_deadline(plan, budget)
            )
            if not outcome.interrupted:
                store.save(FINISHED, _finished(outcome))
    except (EngineError, StoreError):
        say(f"what was measured until now is safe; go on with `{context.command} run --resume {store.id}`")
        raise
    return Done(name=store.id, plan=plan.after(outcome.records), outcome=outcome)


def _finished(outcome: Outcome) -> Mapping[str, object]:
    """How a run ended: the host's counters by then, and what records could not have, with how many of them.

    A limit, a policy or a counter that is missing is in there under the name that records give it, with a reason.
    """
    missing: dict[str, dict[str, int]] = {}
    for record in outcome.records:
        for name, reason in record.observed.unavailable.items():
            reasons = missing.setdefault(name, {})
            reasons[reason] = reasons.get(reason, 0) + 1
    return {
        "format": 1,
        "records": len(outcome.records),
        "late": outcome.late,
        "counters_after": provenance.counters(),
        "unavailable": missing,
    }


def _deadline(plan: Plan, budget: int | None) -> int | None:
    """Seconds after which no further block begins: a suite's own are made for its own number of blocks."""
    if budget is not None or plan.precision is not None:
        return budget
    return plan.suite.deadline_seconds


def interruptible() -> None:
    """Let SIGINT and SIGTERM end a run in order, even one that a script started in the background, deaf to SIGINT."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def _holder(name: str, now: datetime) -> Holder:
    return Holder(run=name, pid=os.getpid(), since=now.isoformat(timespec="seconds"), command=shlex.join(sys.argv))


def _provenance(
    context: Context,
    catalog: Catalog,
    plan: Plan,
    ready: Ready,
    built: Mapping[Build, Built],
    told: Mapping[str, object],
) -> Mapping[str, object]:
    found = provenance.collect(root=context.root, engine=ready.engine, engine_version=ready.version)
    validated = latest(context.root, machine=str(found["machine"]), engine=ready.engine)
    return {
        "format": 1,
        **told,
        **found,
        "suite": plan.suite.id,
        "seed": plan.seed,
        "only": plan.only,
        "precision": plan.precision,
        "catalog": catalog.digest,
        "why_engine": ready.why,
        "absent": [
            {"language": language, "toolchain": toolchain, "reason": reason}
            for (language, toolchain), reason in ready.absent.items()
        ],
        "validation": None if validated is None else {**asdict(validated), "text": validated.text},
        "builds": builds_of(built, catalog),
        "sources": {one.id: provenance.sources(context.root / one.folder) for one in catalog.languages.values()},
        "command": shlex.join(sys.argv),
    }


def builds_of(built: Mapping[Build, Built], catalog: Catalog) -> list[Mapping[str, object]]:
    """Builds as JSON: where each lies, how large it is, what its script was called with, its files' SHA-256 digests."""
    return [
        {
            "language": one.build.language,
            "build": one.build.id,
            "arguments": [one.build.toolchain, *arguments_of(one.build, catalog.languages[one.build.language])],
            "image": one.ref.image_id,
            "path": one.ref.path,
            "bytes": one.size_bytes,
            "files": dict(one.files),
            "packages": dict(one.packages),
        }
        for one in built.values()
    ]
