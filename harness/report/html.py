"""Report -> the page and the data beside it, as bytes by path.

The page is one file that needs nothing from anywhere: style, script and figures are inside it, and its content security
policy refuses every request. It is complete without its script, which only filters and sorts what already stands there.
"""

import base64
import csv
import hashlib
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness import units
from harness.report.figures import frontier_svg, ladders_svg
from harness.report.model import Axis, Effect, EffectRow, Report, to_json
from harness.report.remarks import minded

_TEMPLATES: Final = Path(__file__).parent / "templates"
_SPAN: Final = 240.0
"""Width of a small interval in its own units; the page scales it."""

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        "script-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
"""No request leaves the page, and no script but its own runs."""

WINDOWS: Final = ("5 ms", "10 ms", "50 ms", "100 ms")
"""Windows of the utilisation curve that the page has room for; the rest stand in ``report.json``."""

FINDING_COLUMNS: Final = (
    "claim", "verdict", "contrast", "factor", "level", "row", "decides", "decision", "metric", "unit", "point", "low",
    "high", "confidence", "blocks",
)  # fmt: skip
FRONTIER_COLUMNS: Final = (
    "language", "configuration", "lane", "best", "time", "time_low", "time_high", "memory", "memory_low", "memory_high",
    "cpu", "cpu_low", "cpu_high",
)  # fmt: skip


def render(report: Report) -> Mapping[PurePosixPath, bytes]:
    """The page, ``report.json`` and its tables as CSV; equal reports give equal bytes."""
    return {
        PurePosixPath("index.html"): page(report).encode(),
        PurePosixPath("report.json"): to_json(report).encode(),
        PurePosixPath("findings.csv"): table(FINDING_COLUMNS, _finding_rows(report)).encode(),
        PurePosixPath("frontier.csv"): table(FRONTIER_COLUMNS, _frontier_rows(report)).encode(),
    }


def page(report: Report) -> str:
    """The one HTML page."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["whole"] = whole
    script = (_TEMPLATES / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals.update(
        mark=Mark(axis=report.axis),
        ratio=units.ratio,
        share=units.share,
        counted=units.counted,
    )
    return environment.get_template("page.html.j2").render(
        report=report,
        ordered=[report.claims[id_] for board in report.boards for id_ in board.claims],
        style=Markup((_TEMPLATES / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        policy=_POLICY.format(digest=digest),
        ladders=_ladders(report),
        windows=WINDOWS,
        minded=minded(report.pauses),
        figure=Markup(frontier_svg(report.frontier, report.styles)) if report.frontier.points else None,
    )


def _ladders(report: Report) -> Sequence[Mapping[str, str]]:
    """A figure for each workload and rate: what was asked at another is another question."""
    found = []
    for (workload, rate), rows in groupby(report.pauses, key=lambda row: (row.workload, row.rate)):
        felt = [row for row in rows if row.ladder]
        if felt:
            name = f"{workload.replace('_', ' ')}, {rate:,} operations a second"
            found.append({"name": name, "svg": Markup(ladders_svg(felt, report.styles))})
    return found


def whole(text: str) -> str:
    """A sentence whose intervals do not break over lines: ``1.31× [1.20, 1.42]`` stays together."""
    return re.sub(r" \[[^\]]*\]", lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)


class Mark:
    """Places on the board's shared log axis, in the units of a small interval's view box."""

    def __init__(self, *, axis: Axis) -> None:
        self._low = math.log(axis.low)
        self._span = math.log(axis.high) - self._low
        self.width = _SPAN

    def at(self, value: float) -> str:
        """Where ``value`` lies, cut to the axis, as text with one decimal."""
        return f"{self._place(value):.1f}"

    def width_of(self, low: float, high: float) -> str:
        """The distance between two values, cut to the axis."""
        return f"{self._place(high) - self._place(low):.1f}"

    def beyond(self, effect: Effect | EffectRow) -> str:
        """``right`` or ``left`` where the interval leaves the axis on one side, else empty."""
        ends = [end for end in (effect.low, effect.point, effect.high) if end is not None and end > 0]
        if ends and math.log(max(ends)) > self._low + self._span + 1e-9:
            return "right"
        return "left" if ends and math.log(min(ends)) < self._low - 1e-9 else ""

    def _place(self, value: float) -> float:
        share = (math.log(value) - self._low) / self._span if value > 0 else 0.0
        return _SPAN * min(1.0, max(0.0, share))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV with a header and bare line feeds; None is an empty field, never a zero."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return target.getvalue()


def _finding_rows(report: Report) -> Iterable[Sequence[object]]:
    for claim in report.claims.values():
        for effect in claim.effects:
            head = (claim.id, claim.verdict, effect.contrast, effect.factor, effect.level)
            tail = (effect.confidence, effect.blocks)
            yield (
                *head, "", effect.decides, effect.decision, effect.metric, effect.unit, effect.point, effect.low,
                effect.high, *tail,
            )  # fmt: skip
            for row in effect.rows:
                yield (
                    *head, row.label, False, row.decision, effect.metric, row.unit, row.point, row.low, row.high, *tail
                )  # fmt: skip


def _frontier_rows(report: Report) -> Iterable[Sequence[object]]:
    for point in report.frontier.points:
        measured = [
            value
            for entry in (point.time, point.memory, point.cpu)
            for value in ((entry.point, entry.low, entry.high) if entry else (None, None, None))
        ]
        yield (point.language, point.configuration, point.lane, point.best, *measured)
