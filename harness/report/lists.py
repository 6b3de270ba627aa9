"""The tables behind ``list`` and ``plan``: catalogue, claims, runs and a plan as rich renderables.

They read the catalogue's values directly; nothing that was measured is shown here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from harness import units
from harness.catalog.model import Block, Catalog, Exclusion, Limits, Suite
from harness.claims.model import Claim
from harness.report.terminal import columns, line


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One stored run, for ``list runs``."""

    id: str
    suite: str
    engine: str
    status: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a plan will take and what it can see; None where nothing is known yet."""

    seconds: float | None
    smallest_effect: float | None
    assumed_spread: float = 0.0
    """Relative standard deviation of a pair that the smallest effect assumes."""


def workloads(catalog: Catalog) -> RenderableType:
    """Id, variants, what it isolates."""
    return columns(
        ("workload", "variants", "isolates"),
        [(one.id, _few([variant.id for variant in one.variants]), one.isolates) for one in catalog.workloads.values()],
    )


def configurations(catalog: Catalog) -> RenderableType:
    """Language and id, lane, toolchain, what it is."""
    return columns(
        ("configuration", "lane", "toolchain", "about"),
        [
            (f"{language.id}/{one.id}", one.lane.replace("_", " "), one.toolchain, one.about)
            for language in catalog.languages.values()
            for one in language.configurations
        ],
    )


def claims(found: Mapping[str, Claim]) -> RenderableType:
    """Id, group, statement."""
    return columns(("claim", "group", "statement"), [(one.id, one.group, one.statement) for one in found.values()])


def metrics(catalog: Catalog) -> RenderableType:
    """Id, unit, modes it is valid in, title."""
    return columns(
        ("metric", "unit", "modes", "title"),
        [(one.id, one.unit, ", ".join(one.modes), one.title) for one in catalog.metrics.values()],
    )


def suites(catalog: Catalog) -> RenderableType:
    """Id, size, blocks, number of claims, title."""
    return columns(
        ("suite", "size", "blocks", "claims", "title"),
        [(one.id, one.size, str(one.blocks), str(len(one.claims)), one.title) for one in catalog.suites.values()],
    )


def runs(found: Sequence[RunRow]) -> RenderableType:
    """Stored runs, in the order given."""
    if not found:
        return Text("no runs yet")
    return columns(
        ("run", "suite", "engine", "status", "records"),
        [(one.id, one.suite, one.engine, one.status, f"{one.records:,}") for one in found],
    )


def plan_line(suite: Suite, blocks: Sequence[Block], forecast: Forecast, *, seed: int) -> RenderableType:
    """How much, how long, and what it can tell apart: what stands above a plan and above a run."""
    invocations = [one for block in blocks for one in block.invocations]
    cells = {one.cell.key: one.cell for one in invocations}
    numbered = [block for block in blocks if block.number is not None]
    took = f" · about {units.duration(forecast.seconds * 1e9)}" if forecast.seconds is not None else ""
    head = (
        f"suite {suite.id} · seed {seed} · {units.counted(len(suite.claims), 'claim')} · "
        f"{units.counted(len(cells), 'cell')} · {units.counted(len(numbered), 'block')} · "
        f"{units.counted(len(invocations), 'invocation')}{took}"
    )
    if forecast.smallest_effect is None:
        return line("plan", head)
    seen = (
        f"effects of {units.ratio(forecast.smallest_effect)} beyond a margin are found 4 times in 5, "
        f"if pairs vary by {units.share(forecast.assumed_spread)}"
    )
    return Group(line("plan", head), line("sees", seen))


def plan(
    suite: Suite,
    blocks: Sequence[Block],
    exclusions: Sequence[Exclusion],
    forecast: Forecast,
    *,
    seed: int,
    later: Sequence[str] = (),
) -> RenderableType:
    """Head line, the first block's cells in their order, how the others differ, and what will not run.

    ``later`` are lines on what only records can tell: the blocks of a second stage, the rates that pilots find.
    """
    numbered = [block for block in blocks if block.number is not None]
    parts: list[RenderableType] = [plan_line(suite, blocks, forecast, seed=seed)]
    parts += [line("later", text) for text in later]
    parts += [line("excluded", f"{entry.what}: {entry.reason}") for entry in exclusions]
    outside = [one for block in blocks if block.number is None for one in block.invocations]
    sections = (("outside the blocks", outside), ("block 1", numbered[0].invocations if numbered else ()))
    for title, members in sections:
        if members:
            rows = [(one.id, one.cell.label, _limits(one.cell.limits)) for one in members]
            parts += [Text(""), columns((title, "cell", "limits"), rows)]
    if len(numbered) > 1:
        others = units.counted(len(numbered) - 1, "further block")
        parts += [Text(""), Text(f"{others}: the same cells, each in another random order")]
    return Group(*parts)


def _limits(limits: Limits) -> str:
    memory = "no memory limit" if limits.memory is None else units.size(limits.memory)
    return f"{units.counted(limits.cpus, 'CPU')}, {memory}"


def _few(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
