"""A whole run by hand: every invocation of a plan with an invented record that tells the truth, stored as a run is.

The programs are the catalogue's, the numbers are not: a caller says what an operation costs in each cell.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.catalog.load import load
from harness.catalog.model import Catalog, Cell, Invocation
from harness.claims.load import load_claims
from harness.cli.planning import make_plan
from harness.plan.cells import CANARY
from harness.protocol.record import Record
from harness.store import runs
from tests.fakes import values

OPERATIONS = 1_000_000
IDLE = 8 << 20
"""Peak of a canary that holds nothing, bytes."""

Cost = Callable[[Cell], float]
Counted = Callable[[str], int]


def even(cell: Cell) -> float:
    """100 ns per operation, whatever it is."""
    del cell
    return 100.0


def kept_out(form: str) -> int:
    """One allocation per operation in every form that does not stay local by its name."""
    return 0 if form in ("local", "value", "constructor_inlined") else 1


def record(
    invocation: Invocation, catalog: Catalog, *, cost: Cost = even, counted: Counted = kept_out, engine: str = "docker"
) -> Record:
    """The record of an invocation that did as it was told, with one per cent of noise from the invocation's name."""
    cell = invocation.cell
    if cell.workload == CANARY:
        stream = _canary(cell)
    elif cell.mode == "exact":
        stream = _counted(cell, catalog, counted)
    else:
        noise = random.Random(f"{cell.label} {invocation.id}").lognormvariate(0.0, 0.01)
        elapsed = round(cost(cell) * noise * OPERATIONS)
        work = {"operations": OPERATIONS, "elapsed_ns": elapsed, "cpu_ns": elapsed}
        stream = _stream(cell, [work] * (cell.warmup + cell.iterations), peak=2 * IDLE)
    return Record(
        format=1,
        id=invocation.id,
        invocation=invocation,
        status="ok",
        reason=None,
        observed=values.observed(engine=engine, minor_faults=1000),
        flags=(),
        digest=values.DIGEST,
        messages=tuple(line.decode() for line in values.lines(stream)),
    )


def run(
    root: Path,
    suite: str,
    *,
    seed: int = 7,
    name: str = "20260102-030405-tiny-000007",
    finished: bool = True,
    spoil: Callable[[Record], Record] = lambda one: one,
    cost: Cost = even,
    counted: Counted = kept_out,
    **about: Any,
) -> str:
    """Store a complete run of ``suite`` under ``root``; ``about`` replaces fields of its provenance. Gives its id."""
    catalog = load(root)
    claims = load_claims(root, catalog)
    plan = make_plan(catalog, claims, catalog.suites[suite], seed=seed)
    provenance = {
        "suite": suite, "seed": seed, "only": "", "claims": [], "catalog": catalog.digest, "engine": "docker",
        "machine": "m1", "commit": "0123456789abcdef0123", "dirty": False, "date": "2026-01-02 03:04 UTC",
        "host": "a machine with 2 CPUs", "why_engine": "", "absent": [], **about,
    }  # fmt: skip
    store = runs.create(root, name, provenance=provenance, plan={"format": 1, **plan.document()})
    engine = str(provenance["engine"])
    for block in plan.blocks:
        for invocation in block.invocations:
            store.append(spoil(record(invocation, catalog, cost=cost, counted=counted, engine=engine)))
    if finished:
        store.save("finished.json", {"format": 1, "records": 0, "late": False})
    store.close()
    return store.id


def failed(one: Record, reason: str) -> Record:
    """The record as that of a worker that crashed before it had anything to say."""
    return replace(one, status="crash", reason=reason, messages=one.messages[:2])


def _canary(cell: Cell) -> list[dict[str, Any]]:
    known = cell.parameters
    work: Mapping[str, Mapping[str, Any]] = {
        "memory": {},
        "pause": {"elapsed_ns": known["hold_ms"] * 1_000_000 + 1},
        "cpu": {"cpu_ns": known["cpu_ms"] * 1_000_000},
        "stall": {"elapsed_ns": known["arrivals"] * 1_000_000, "operations": known["arrivals"]},
        "bytes": {"runtime_allocations": known["count"], "runtime_bytes": known["count"] * known["size"]},
    }
    held = known["mebibytes"] << 20 if cell.variant == "memory" else 0
    stream = _stream(cell, [work[cell.variant]] * (cell.warmup + cell.iterations), peak=IDLE + held)
    if cell.variant == "stall":
        stream[-1:-1] = stalled(known)
    if cell.variant == "memory":
        stream[-1:-1] = [
            values.checkpoint("after_fill", held, IDLE + held),
            values.checkpoint("after_release", 0, IDLE),
        ]
    return stream


def stalled(known: Mapping[str, int]) -> list[dict[str, Any]]:
    """What a canary of mode latency prints after its iterations: its histograms, and a ticker that missed nothing."""
    service = known["service_us"] * 1000
    held = known["arrivals"] // known["stall_every"]
    taken = {service: known["arrivals"] - held, service + known["hold_ms"] * 1_000_000: held}
    return [values.histogram("response", taken), values.histogram("service", taken), values.ticker(known["arrivals"])]


def _counted(cell: Cell, catalog: Catalog, counted: Counted) -> list[dict[str, Any]]:
    workload = catalog.workloads[cell.workload]
    forms = [one.id for one in workload.variants if not one.forms] if workload.variant(cell.variant).forms else [None]
    stream = _stream(cell, [], peak=IDLE)
    every = [
        values.iteration(
            index, phase, operations=OPERATIONS, runtime_allocations=OPERATIONS * counted(form or cell.variant),
            runtime_bytes=32 * OPERATIONS * counted(form or cell.variant), **({"form": form} if form else {}),
        )
        for form in forms
        for index, phase in enumerate(["warmup"] * cell.warmup + ["measured"] * cell.iterations)
    ]  # fmt: skip
    return [*stream[:2], *every, stream[-1]]


def _stream(cell: Cell, work: list[Mapping[str, Any]] | list[dict[str, Any]], *, peak: int) -> list[dict[str, Any]]:
    opening, ready, *_, end = values.messages(language=cell.language, toolchain=f"{cell.toolchain} 1")
    phases = ["warmup"] * cell.warmup + ["measured"] * cell.iterations
    iterations = [values.iteration(i, phases[i], **each) for i, each in enumerate(work)]
    return [opening, ready, *iterations, {**end, "peak_resident_bytes": peak, "resident_bytes": peak}]
