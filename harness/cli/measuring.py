"""The measuring loop of ``run``: advance, run a block, show how far it is, until the goal or the deadline.

Nothing is drawn while a worker runs: progress appears between invocations, twice a second at most.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from harness import units
from harness.catalog.digest import of_value
from harness.catalog.load import specification
from harness.catalog.model import Block, Catalog, Invocation
from harness.cli.context import say
from harness.cli.planning import Plan
from harness.engines.base import Engine
from harness.engines.images import digest_of, program_sources
from harness.execute.handshake import Deadlines
from harness.execute.run import Expected, Setting, run
from harness.plan.cells import golden_of
from harness.plan.forecast import seconds_for
from harness.protocol.record import Digest, Record
from harness.store.runs import Run

PLAIN_SECONDS = 15.0
"""How often a line is printed where there is no terminal to redraw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What measuring came to. ``late`` says that the deadline left blocks out, ``interrupted`` that Ctrl-C did."""

    records: tuple[Record, ...]
    late: bool
    interrupted: bool

    @property
    def unexpected(self) -> tuple[Record, ...]:
        """Failures that were not declared as results."""
        return tuple(one for one in self.records if one.status != "ok" and one.status not in one.invocation.may_fail)


def measure(
    catalog: Catalog,
    plan: Plan,
    engine: Engine,
    store: Run,
    done: Sequence[Record],
    *,
    root: Path,
    known: Mapping[tuple[object, ...], float],
    seconds: int | None,
) -> Outcome:
    """Run what is left of a plan. ``seconds`` bounds when a further block may begin; ``known`` feeds the ETA.

    EngineError and StoreError pass through: what is stored by then stays readable.
    """
    records = list(done)
    began = time.monotonic()
    setting = Setting(
        engine=engine,
        store=store,
        clock=time.monotonic_ns,
        deadlines=Deadlines(),
        expected=expectation(catalog, root),
        parallel=plan.suite.parallel,
        warn=say,
    )
    late = False
    with Progress(plan, known) as progress:
        try:
            while blocks := plan.left(records, out_of_time=late):
                if _can_wait(blocks[0]) and seconds is not None and time.monotonic() - began > seconds:
                    late = True
                    continue
                progress.begin(blocks)
                for record in run(blocks[0], setting):
                    records.append(record)
                    progress.step(record)
        except KeyboardInterrupt:
            return Outcome(records=tuple(records), late=late, interrupted=True)
    return Outcome(records=tuple(records), late=late, interrupted=False)


def _can_wait(block: Block) -> bool:
    """Whether a deadline leaves this block out: numbered ones and pilots, not what opens and closes a run."""
    return block.number is not None or any(one.stage == "pilot" for one in block.invocations)


def expectation(catalog: Catalog, root: Path) -> Callable[[Invocation], Expected]:
    """What each invocation's record is held against."""
    sources = {one.id: digest_of(program_sources(root / one.folder)) for one in catalog.languages.values()}
    specifications = {one.id: of_value(specification(one)) for one in catalog.workloads.values()}

    def expected(invocation: Invocation) -> Expected:
        cell = invocation.cell
        workload, language = catalog.workloads[cell.workload], catalog.languages[cell.language]
        forms: tuple[str | None, ...] = (None,)
        if workload.variant(cell.variant).forms:
            forms = tuple(one.id for one in workload.variants if not one.forms)
        goldens = {form: golden_of(workload, cell, invocation.seed, form) for form in forms}
        return Expected(
            digest=Digest(
                workload=specifications[workload.id],
                sources=of_value((sources[language.id], dict(invocation.build.options))),
            ),
            in_force=language.configuration(cell.configuration).in_force,
            goldens={form: golden for form, golden in goldens.items() if golden is not None},
        )

    return expected


class Progress:
    """Where a run is and when it ends: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, plan: Plan, known: Mapping[tuple[object, ...], float]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        self._plan = plan
        self._known = dict(known)
        self._left = 0.0
        self._done = 0
        self._total = plan.at_most
        self._block = ""
        self._printed = time.monotonic()
        self._bar: Bar | None = None
        if sys.stderr.isatty():
            self._bar = Bar(
                TextColumn("blocks   {task.fields[block]}"),
                BarColumn(bar_width=32),
                MofNCompleteColumn(),
                TextColumn("{task.fields[eta]}  {task.fields[cell]}"),
                console=Console(file=sys.stderr),
                auto_refresh=False,
                transient=True,
            )
            self._task = self._bar.add_task("", total=plan.at_most, block="", eta="", cell="")

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, blocks: Sequence[Block]) -> None:
        """A block begins; ``blocks`` are it and all after it, as far as they are known by now."""
        number = blocks[0].number
        last = max((block.number for block in blocks if block.number is not None), default=0)
        self._block = f"{number} of {last}" if number is not None else "once"
        self._left = sum(seconds_for(one.cell, self._known) for block in blocks for one in block.invocations)
        self._total = max(self._total, self._done + sum(len(block.invocations) for block in blocks))

    def step(self, record: Record) -> None:
        """An invocation has ended."""
        cell, observed = record.invocation.cell, record.observed
        if record.invocation.attempt % 2 == 0:
            return  # a rerun: its slot was counted when its first attempt ended
        self._left -= seconds_for(cell, self._known)
        # What this run itself shows is the best forecast for the same cell's next turn.
        self._known[cell.key] = (observed.ended_ns - observed.started_ns) / 1e9
        self._done += 1
        eta = f"eta {units.clock(max(0.0, self._left) / self._plan.suite.parallel)}"
        if self._bar is not None:
            self._bar.update(
                self._task, advance=1, total=self._total, block=self._block, eta=eta, cell=cell.label, refresh=True
            )
        elif time.monotonic() - self._printed > PLAIN_SECONDS:
            self._printed = time.monotonic()
            say(f"blocks   {self._block} · {self._done}/{self._total} · {eta} · {cell.label}")
