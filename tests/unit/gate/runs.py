"""Invented exact runs: one cell, two forms, counts as a test wants them."""

from collections.abc import Mapping
from typing import Any

from harness.catalog.model import Metric
from harness.protocol.record import Record
from tests.unit.samples.records import cell, end, iteration, metric, record, start

EXACT = cell("escape", mode="exact", warmup=0, iterations=1)
OPERATIONS = 20_000

METRICS: Mapping[str, Metric] = {
    one.id: one
    for one in (
        metric(
            "iteration.runtime_allocations / iteration.operations", name="allocations.count", unit="count",
            modes=("exact",), assumption="exact", tier=1,
        ),
        metric(
            "iteration.runtime_bytes / iteration.operations", name="allocations.bytes", unit="bytes",
            modes=("exact",), assumption="exact", tier=1,
        ),
        metric("iteration.elapsed_ns / iteration.operations", modes=("throughput", "exact")),
    )
}  # fmt: skip


def counted(
    forms: Mapping[str | None, tuple[int | None, int]], *, toolchain: str = "x1.2.3", operations: int = OPERATIONS,
    **more: Any,
) -> Record:  # fmt: skip
    """A record whose forms allocated (count, bytes); a count of None is a runtime that counts bytes only."""
    lines = []
    for index, (form, (count, size)) in enumerate(forms.items()):
        fields: dict[str, Any] = {"runtime_bytes": size, "operations": operations}
        if form is not None:
            fields["form"] = form
        if count is not None:
            fields["runtime_allocations"] = count
        lines.append(iteration(index, **fields))
    more.setdefault("of", EXACT)
    more.setdefault("block", None)
    return record([start(toolchain=toolchain), *lines, end()], **more)


USUAL: Mapping[str | None, tuple[int | None, int]] = {"heap": (20_003, 640_100), "local": (2, 80)}
