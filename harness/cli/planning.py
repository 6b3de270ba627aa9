"""From a suite's name to what will run: the part of ``plan`` and ``run`` that they must do alike."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness import units
from harness.catalog.model import Block, Catalog, Suite
from harness.catalog.select import Selector
from harness.claims.judge import demands
from harness.claims.judge import spreads as spreads_of
from harness.claims.model import Claim
from harness.errors import UsageError
from harness.plan.advance import advance, members
from harness.plan.capacity import resolve
from harness.plan.cells import Cells, cells
from harness.plan.forecast import GUESS_SPREAD
from harness.plan.goals import Fixed, Goal, Precision, Spreads
from harness.protocol.record import Record
from harness.samples.collect import Member, answering


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A suite resolved: what it runs, for which claims, in which order."""

    suite: Suite
    cells: Cells
    claims: tuple[Claim, ...]
    goal: Goal
    seed: int
    only: str
    spreads: Spreads
    blocks: tuple[Block, ...]
    """What is known to run before anything has: all of it, unless rates or the number of blocks depend on records."""

    @property
    def members(self) -> frozenset[Member]:
        """What a complete block holds, as far as the cells are resolved."""
        return frozenset((one.cell.key, replica) for one, replica in members(self.cells))

    @property
    def invocations(self) -> int:
        """How many processes it starts that are known beforehand."""
        return sum(len(block.invocations) for block in self.blocks)

    @property
    def at_most(self) -> int:
        """How many processes it starts if no pilot fails and the first stage suffices; reruns come on top."""
        if not self.cells.pending:
            return self.invocations
        return self.invocations + self.goal.least * (len(members(self.cells)) + len(self.cells.pending))

    @property
    def later(self) -> tuple[str, ...]:
        """What only records can tell, in a line each: what pilots lead to, and how a second stage is sized."""
        lines = []
        if self.cells.pending:
            lines.append(
                f"{units.counted(len(self.cells.pending), 'cell')} whose rate is a share of a capacity: the pilots "
                f"find it, then the blocks begin; at most {units.counted(self.at_most, 'invocation')} in all"
            )
        if isinstance(self.goal, Precision):
            lines.append(
                f"after {units.counted(self.goal.least, 'block')} as many more as intervals of "
                f"±{units.share(self.goal.width)} take: {self.goal.needed([(GUESS_SPREAD, self.goal.least)])} in all "
                f"if pairs vary by {units.share(GUESS_SPREAD)}"
            )
        return tuple(lines)

    @property
    def precision(self) -> float | None:
        """The width that the number of blocks is chosen for; None where the number is fixed."""
        return self.goal.width if isinstance(self.goal, Precision) else None

    @property
    def first_stage(self) -> int | None:
        """Blocks whose spread chooses how many there are in all; None where the number is fixed."""
        return self.goal.first_stage if isinstance(self.goal, Precision) else None

    def left(self, records: Sequence[Record], *, out_of_time: bool = False) -> tuple[Block, ...]:
        """What is still to run after ``records``, as far as they tell."""
        return advance(self.goal, self.cells, records, seed=self.seed, spreads=self.spreads, out_of_time=out_of_time)

    def after(self, records: Sequence[Record]) -> "Plan":
        """The plan with the cells that the run's pilots made of pending ones."""
        return dataclasses.replace(self, cells=resolve(self.cells, records))

    def document(self) -> Mapping[str, object]:
        """The plan as JSON: every invocation in order, and what is left out."""
        return {
            "suite": self.suite.id,
            "seed": self.seed,
            "only": self.only,
            "claims": [one.id for one in self.claims],
            "blocks": self.goal.least,
            "precision": self.precision,
            "at_most": self.at_most,
            "invocations": [
                {
                    "id": one.id,
                    "block": block.number,
                    "cell": one.cell.label,
                    "size": one.cell.size,
                    "limits": dataclasses.asdict(one.cell.limits),
                    "replica": one.replica,
                    "build": one.build.id,
                    "command": list(one.command),
                    "environment": dict(one.environment),
                    "layout": one.layout,
                    "padding": one.padding,
                }
                for block in self.blocks
                for one in block.invocations
            ],
            "pending": [
                {"cell": one.planned.cell.label, "load": one.planned.cell.load, "seconds": one.planned.cell.seconds}
                for one in self.cells.pending
            ],
            "exclusions": [dataclasses.asdict(one) for one in self.cells.exclusions],
        }


def make_plan(
    catalog: Catalog,
    claims: Mapping[str, Claim],
    suite: Suite,
    *,
    seed: int,
    only: Selector | None = None,
    wanted: tuple[str, ...] = (),
    absent: Mapping[tuple[str, str], str] | None = None,
    precision: float | None = None,
) -> Plan:
    """The plan of a suite. ``wanted`` narrows its claims (and drops its own cells), ``only`` filters cells.

    ``precision`` is the half-width that deciding contrasts' intervals shall have, as a share; it replaces the suite's
    number of blocks.

    UsageError when ``only`` leaves nothing to run.
    """
    names = wanted or suite.claims
    if wanted:
        suite = dataclasses.replace(suite, claims=wanted, cells=())
    asked = tuple(claims[name] for name in names)
    needed = [one for claim in asked for one in demands(claim, catalog)]
    resolved = cells(suite, needed, catalog, only=only, absent=absent)
    if only is not None and not (resolved.blocks or resolved.once or resolved.pending or resolved.exclusions):
        raise UsageError(
            f"{only.text!r} leaves nothing of suite {suite.id}; see its cells with `plan --suite {suite.id}`"
        )
    goal: Goal = Fixed(blocks=suite.blocks) if precision is None else Precision(width=precision)
    return Plan(
        suite=suite,
        cells=resolved,
        claims=asked,
        goal=goal,
        seed=seed,
        only="" if only is None else only.text,
        spreads=_spreads(asked, catalog, resolved),
        blocks=advance(goal, resolved, (), seed=seed),
    )


def _spreads(claims: tuple[Claim, ...], catalog: Catalog, planned: Cells) -> Spreads:
    """How to read the deciding contrasts' spreads from records of whole blocks."""

    def read(records: Sequence[Record]) -> tuple[tuple[float, int], ...]:
        return spreads_of(claims, catalog, answering(planned.demanded, records, catalog.metrics))

    return read
