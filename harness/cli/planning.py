"""From a suite's name to what will run: the part of ``plan`` and ``run`` that they must do alike."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from harness.catalog.model import Block, Catalog, Suite
from harness.catalog.select import Selector
from harness.claims.judge import demands
from harness.claims.model import Claim
from harness.errors import UsageError
from harness.plan.advance import Fixed, advance, members
from harness.plan.cells import Cells, cells
from harness.samples.collect import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A suite resolved: what it runs, for which claims, in which order."""

    suite: Suite
    cells: Cells
    claims: tuple[Claim, ...]
    goal: Fixed
    seed: int
    only: str
    blocks: tuple[Block, ...]

    @property
    def members(self) -> frozenset[Member]:
        """What a complete block holds."""
        return frozenset((one.cell.key, replica) for one, replica in members(self.cells))

    @property
    def invocations(self) -> int:
        """How many processes it starts."""
        return sum(len(block.invocations) for block in self.blocks)

    def document(self) -> Mapping[str, object]:
        """The plan as JSON: every invocation in order, and what is left out."""
        return {
            "suite": self.suite.id,
            "seed": self.seed,
            "only": self.only,
            "claims": [one.id for one in self.claims],
            "blocks": self.goal.blocks,
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
                }
                for block in self.blocks
                for one in block.invocations
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
) -> Plan:
    """The plan of a suite. ``wanted`` narrows its claims (and drops its own cells), ``only`` filters cells.

    UsageError when ``only`` leaves nothing to run.
    """
    names = wanted or suite.claims
    if wanted:
        suite = dataclasses.replace(suite, claims=wanted, cells=())
    asked = tuple(claims[name] for name in names)
    needed = [one for claim in asked for one in demands(claim, catalog)]
    resolved = cells(suite, needed, catalog, only=only, absent=absent)
    if only is not None and not (resolved.blocks or resolved.once or resolved.exclusions):
        raise UsageError(
            f"{only.text!r} leaves nothing of suite {suite.id}; see its cells with `plan --suite {suite.id}`"
        )
    goal = Fixed(blocks=suite.blocks)
    return Plan(
        suite=suite,
        cells=resolved,
        claims=asked,
        goal=goal,
        seed=seed,
        only="" if only is None else only.text,
        blocks=advance(goal, resolved, (), seed=seed),
    )
