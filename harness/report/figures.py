"""The figures, drawn by seaborn; the only importer of seaborn and matplotlib.

The SVG carries no date and no random id, keeps its text as text, and takes every colour from the page's custom
properties, so that the same records give the same bytes and the figure follows light and dark.
"""

import hashlib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import product
from typing import Any, Final, cast

from harness import units
from harness.report.model import Frontier, FrontierPoint, Pauses, Style

_RC: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "memverdict",
    "text.parse_math": False,
    "font.size": 11.0,
    "axes.linewidth": 0.8,
}
# Drawn with these and replaced by the page's custom properties: matplotlib itself knows no variables.
_INK, _RULE, _PAPER, _MUTED = "#010101", "#020202", "#030303", "#040404"
_PROPERTIES: Final[Mapping[str, str]] = {_INK: "--ink", _RULE: "--rule", _PAPER: "--paper", _MUTED: "--muted"}
_WIDTH, _HEIGHT, _DPI = 8.0, 4.9, 72
_FILLED: Final = frozenset({"default"})
_DASHES: Final[Mapping[str, str]] = {"default": "-", "tuned": "--", "pooled": "-.", "no_reclaim": ":"}
_TURNS: Final = ("-", "--", ":", "-.")
"""Dashes that tell configurations of one language apart."""
_RUNGS: Final = ("p50", "p90", "p99", "p99.9", "p99.99", "max")
_CHARACTER, _LINE = 6.1, 13.0
"""Width and height of a label's character in px at the size above, wide enough for the usual sans-serif faces."""


def frontier_svg(frontier: Frontier, styles: Sequence[Style]) -> str:
    """Peak memory (x) against wall time (y), relative to the baseline, on log2 axes; inline SVG without a prolog."""

    def draw(axes: Any, colours: Mapping[str, str]) -> None:
        _scales(axes, frontier)
        _lines(axes, frontier)
        _points(axes, frontier, styles, colours)
        _labels(axes, frontier)

    title = f"Peak memory against wall time, relative to {frontier.baseline}"
    return _drawn(draw, styles, (0.105, 0.125, 0.885, 0.85), title, description(frontier))


def ladders_svg(pauses: Sequence[Pauses], styles: Sequence[Style]) -> str:
    """Felt response times by percentile (x) on a log axis, and beside them the longest stop that is reported."""

    def draw(axes: Any, colours: Mapping[str, str]) -> None:
        _rungs(axes, pauses)
        _ladders(axes, pauses, styles, colours)

    title = "What programs felt, by percentile, and the longest stop that their runtime reports"
    return _drawn(draw, styles, (0.105, 0.1, 0.7, 0.875), title, ladders_description(pauses))


def _drawn(
    draw: Callable[[Any, Mapping[str, str]], None],
    styles: Sequence[Style],
    box: tuple[float, float, float, float],
    title: str,
    words: str,
) -> str:
    """One pair of axes in ``box``, drawn by ``draw`` with a colour for each language, as the page takes it in."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    colours = {style.id: f"#05{index:02x}05" for index, style in enumerate(styles)}
    # The seaborn theme would reach other figures of this process: everything stays inside the context.
    with mpl.rc_context(cast(Any, _RC)):
        figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI)
        FigureCanvasSVG(figure)
        draw(figure.add_axes(box), colours)
        target = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(target, format="svg", metadata=nothing, transparent=True)
    properties = {**_PROPERTIES, **{colours[style.id]: f"--lang-{style.id}" for style in styles}}
    return _inline(target.getvalue(), title, words, properties)


def _ends(values: Sequence[float | None]) -> tuple[float, float]:
    known = [value for value in values if value is not None]
    return min(1.0, *known) / 1.25, max(1.0, *known) * 1.35


def _scales(axes: Any, frontier: Frontier) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    for axis, name in ((axes.xaxis, "memory"), (axes.yaxis, "time")):
        measured = [getattr(point, name) for point in frontier.points]
        low, high = _ends([value for entry in measured for value in (entry.point, entry.low, entry.high)])
        ticks = [2.0**power for power in range(-8, 13) if low <= 2.0**power <= high]
        if len(ticks) < 3:
            ticks = [value for value in (0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3) if low <= value <= high]
        (axes.set_xscale if name == "memory" else axes.set_yscale)("log", base=2)
        (axes.set_xlim if name == "memory" else axes.set_ylim)(low, high)
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.set_xlabel(f"peak memory ÷ {frontier.baseline}", color=_INK, labelpad=6)
    axes.set_ylabel(f"wall time ÷ {frontier.baseline}", color=_INK, labelpad=6)
    _plain(axes)
    for line in (axes.axhline, axes.axvline):
        line(1.0, color=_MUTED, linewidth=0.9, zorder=1)
    axes.annotate(
        "less memory, less time", xy=(0, 0), xycoords="axes fraction", xytext=(8, 9), textcoords="offset points",
        color=_MUTED, fontsize=10,
    )  # fmt: skip


def _plain(axes: Any) -> None:
    axes.tick_params(colors=_MUTED, length=0, pad=5)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_RULE)
    axes.grid(visible=True, color=_RULE, linewidth=0.6)
    axes.set_axisbelow(True)


def _lines(axes: Any, frontier: Frontier) -> None:
    """Each lane's frontier, and the crosses of the intervals."""
    lanes = dict.fromkeys(point.lane for point in frontier.points)
    for lane in lanes:
        best = sorted((p for p in frontier.points if p.lane == lane and p.best), key=lambda p: p.memory.point)
        if len(best) > 1:
            axes.plot(
                [p.memory.point for p in best], [p.time.point for p in best], color=_MUTED, linewidth=1.1,
                linestyle=_DASHES[lane], zorder=2, alpha=0.8,
            )  # fmt: skip


def _points(axes: Any, frontier: Frontier, styles: Sequence[Style], colours: Mapping[str, str]) -> None:
    import pandas as pd
    import seaborn as sns

    for point in frontier.points:
        for measured, draw in ((point.memory, axes.hlines), (point.time, axes.vlines)):
            if measured.low is not None and measured.high is not None:
                across = point.time.point if measured is point.memory else point.memory.point
                draw(across, measured.low, measured.high, color=colours[point.language], linewidth=1.3, zorder=3)
    markers = {style.id: style.marker for style in styles}
    table = pd.DataFrame(
        {
            "memory": [point.memory.point for point in frontier.points],
            "time": [point.time.point for point in frontier.points],
            "language": [point.language for point in frontier.points],
            "filled": [point.lane in _FILLED for point in frontier.points],
        }
    )
    for language, filled in product(sorted(set(table["language"])), (True, False)):
        rows = table[(table["language"] == language) & (table["filled"] == filled)]
        if not rows.empty:
            face = colours[language] if filled else _PAPER
            sns.scatterplot(
                data=rows, x="memory", y="time", ax=axes, marker=markers[language], s=78, color=face,
                edgecolor=colours[language], linewidth=1.6, zorder=4, legend=False,
            )  # fmt: skip
    # seaborn names the axes after the columns.
    axes.set_xlabel(f"peak memory ÷ {frontier.baseline}", color=_INK)
    axes.set_ylabel(f"wall time ÷ {frontier.baseline}", color=_INK)


def _labels(axes: Any, frontier: Frontier) -> None:
    """A label beside each point, at the side where it covers the fewest points and labels already placed."""
    at = {point: axes.transData.transform((point.memory.point, point.time.point)) for point in frontier.points}
    box = axes.get_window_extent()
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in at.values()]
    for point, (x, y) in at.items():
        text = f"{point.language}/{point.configuration}"
        width = _CHARACTER * len(text)
        sides = ((9, 4), (-9 - width, 4), (9, -15), (-9 - width, -15), (-width / 2, 10), (-width / 2, -21))

        def covered(side: tuple[float, float], x: float = x, y: float = y, width: float = width) -> float:
            place = (x + side[0], y + side[1], x + side[0] + width, y + side[1] + _LINE)
            outside = bool(place[0] < box.x0 or place[2] > box.x1 or place[1] < box.y0 or place[3] > box.y1)
            return sum(_overlap(place, other) for other in taken) + 1e6 * outside

        dx, dy = min(sides, key=covered)
        taken.append((x + dx, y + dy, x + dx + width, y + dy + _LINE))
        axes.annotate(
            text, xy=(point.memory.point, point.time.point), xytext=(dx, dy + 2), textcoords="offset points",
            color=_INK, fontsize=11, zorder=5,
        )  # fmt: skip


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def description(frontier: Frontier) -> str:
    """The figure in words, for those who do not see it."""
    return "; ".join(_spoken(point) for point in frontier.points)


def _spoken(point: FrontierPoint) -> str:
    return (
        f"{point.language}/{point.configuration}: {units.ratio(point.memory.point)} the memory, "
        f"{units.ratio(point.time.point)} the time"
    )


def _rungs(axes: Any, pauses: Sequence[Pauses]) -> None:
    """Percentiles side by side, and a place of its own for what is reported rather than felt."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    names = [name for name in _RUNGS if any(rung.name == name for row in pauses for rung in row.ladder)]
    ends = [rung.value_ns for row in pauses for rung in row.ladder] + [row.reported_ns or 0 for row in pauses]
    known = [value for value in ends if value > 0]
    low, high = min(known) / 1.6, max(known) * 2.2
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.set_xlim(-0.25, len(names) + 0.25)
    axes.set_xticks(range(len(names) + 1), [*names[:-1], "felt max", "reported"])
    ticks = [10.0**power for power in range(12) if low <= 10.0**power <= high]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _round(value)))
    _plain(axes)
    axes.axvline(len(names) - 0.5, color=_MUTED, linewidth=0.9, linestyle=":", zorder=1)


def _round(value: float) -> str:
    """A power of ten of ns without the digits that a measured number has."""
    name, size = next((name, size) for name, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1)) if value >= size)
    return f"{value / size:g} {name}"


def _ladders(axes: Any, pauses: Sequence[Pauses], styles: Sequence[Style], colours: Mapping[str, str]) -> None:
    """A line each: filled where felt, hollow where reported, and its name at the end, moved apart from the others."""
    import pandas as pd
    import seaborn as sns

    names = [name for name in _RUNGS if any(rung.name == name for row in pauses for rung in row.ladder)]
    markers = {style.id: style.marker for style in styles}
    ends = []
    of_language: dict[str, int] = {}
    for row in (row for row in pauses if row.ladder):
        turn = of_language[row.language] = of_language.get(row.language, -1) + 1
        table = pd.DataFrame(
            {"rung": [names.index(one.name) for one in row.ladder], "value": [one.value_ns for one in row.ladder]}
        )
        sns.lineplot(
            data=table, x="rung", y="value", ax=axes, color=colours[row.language], marker=markers[row.language],
            linestyle=_TURNS[turn % len(_TURNS)], linewidth=1.5, markersize=6, markeredgewidth=0, legend=False,
            errorbar=None, zorder=3,
        )  # fmt: skip
        place, value = len(names) - 1, row.ladder[-1].value_ns
        if row.reported_ns is not None:
            axes.plot(
                [len(names)], [row.reported_ns], marker=markers[row.language], markersize=8,
                color=colours[row.language], markerfacecolor=_PAPER, markeredgewidth=1.6, linestyle="none", zorder=4,
            )  # fmt: skip
        ends.append((place, value, f"{row.language}/{row.configuration}"))
    axes.set_xlabel("")
    axes.set_ylabel("response time", color=_INK, labelpad=4)
    _named(axes, ends)


def _named(axes: Any, ends: Sequence[tuple[int, int, str]]) -> None:
    """Names beyond the right edge in the order of the lines' ends, no two closer than a line of text."""
    right = axes.get_window_extent().x1
    lowest = -float("inf")
    for place, value, name in sorted(ends, key=lambda end: end[1]):
        x, y = axes.transData.transform((place, value))
        lowest = max(y, lowest + _LINE + 1)
        axes.annotate(
            name, xy=(place, value), xytext=(right - x + 10, lowest - y - 4), textcoords="offset points", color=_INK,
            fontsize=11, zorder=5, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": _RULE, "linewidth": 0.8, "shrinkA": 2, "shrinkB": 5},
        )  # fmt: skip


def ladders_description(pauses: Sequence[Pauses]) -> str:
    """The figure in words, for those who do not see it."""
    return "; ".join(
        f"{row.language}/{row.configuration} {row.workload}: "
        + ", ".join(f"{rung.name} {rung.text}" for rung in row.ladder)
        + f"; longest stop reported {row.reported}"
        for row in pauses
        if row.ladder
    )


def _own_ids(svg: str, prefix: str) -> str:
    """Only the ids that are referred to, and those with a prefix: a page may hold several figures."""
    used = set(re.findall(r"#([\w.-]+)", svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{prefix}-{found[1]}"' if found[1] in used else "", svg)
    return re.sub(r"((?:href=\"|url\()#)", rf"\g<1>{prefix}-", svg)


def _inline(svg: str, title: str, words: str, properties: Mapping[str, str]) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # The page chooses the face; matplotlib's own list would only repeat itself in every label.
    svg = re.sub(r"font-family: [^;\"]*; ?", "", svg)
    svg = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", svg)
    svg = re.sub(
        r"#[0-9a-f]{6}", lambda found: f"var({properties[found[0]]})" if found[0] in properties else found[0], svg
    )
    svg = re.sub(r">\s+<", "><", svg)
    svg = _own_ids(svg, hashlib.sha256(f"{title}{words}".encode()).hexdigest()[:6])
    head = re.sub(r' (width|height)="[\d.]+pt"', "", svg[: svg.index(">")])
    title = escape(title)
    text = f"<title>{title}</title><desc>{escape(words)}</desc>"
    return f'{head} role="img" aria-label="{title}">{text}{svg[svg.index(">") + 1 :]}'.strip()
