"""Report -> text for a terminal of at most 100 columns, as rich renderables; printing is the caller's.

A sign and a word stand beside every colour, so that nothing is lost where there is none.
"""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness import units
from harness.claims.model import VerdictWord
from harness.report.effects import axis_of
from harness.report.model import Axis, ClaimReport, Effect, EffectRow, Note, Pauses, Report
from harness.report.remarks import minded
from harness.stats.values import Decision

WIDTH: Final = 100
LABEL: Final = 9
"""Width of the word that a status line starts with."""
_BAR: Final = 25

TONES: Final[dict[VerdictWord, str]] = {
    "supported": "green", "refuted": "red", "depends": "yellow", "mixed": "magenta", "inconclusive": "dim",
    "unfit": "bold red", "untested": "dim", "not_measurable": "dim",
}  # fmt: skip
_DECISION_TONES: Final[dict[Decision, str]] = {
    "holds": "green", "fails": "red", "equivalent": "dim", "undecided": "dim",
}  # fmt: skip

NOT_VALIDATED: Final = "the instruments have not been validated on this machine: `memverdict validate --fast`"

_OF_HOST: Final = ("host_disturbed", "mostly_disturbed")

_FELT: Final = ("p50", "p99", "p99.9", "max")
_CAUSES: Final = {
    "runtime_stop": "runtime stop", "allocation": "for memory", "starved": "for a CPU", "platform": "platform",
    "unexplained": "not known",
}  # fmt: skip


def line(label: str, text: str | Text, style: str = "") -> RenderableType:
    """A status line: ``label`` in its own column, ``text`` wrapped beside it."""
    grid = Table.grid(padding=0)
    grid.add_column(width=LABEL)
    grid.add_column(ratio=1)
    grid.add_row(Text(label, style="dim"), text if isinstance(text, Text) else Text(text, style=style))
    return grid


def summary(report: Report) -> RenderableType:
    """What a run ends with: control, failures, the verdict table, how many of each, warnings."""
    trust = report.trust
    parts: list[RenderableType] = [
        line("canary", _canaries(report)),
        line("control", trust.control if trust.control else "no A/A control in this run"),
        line("validity", trust.validation or NOT_VALIDATED),
        *_failures(report),
        *(line("excluded", f"{entry.what}: {entry.reason}") for entry in report.excluded),
        *(line("unfit", failure, style="bold red") for failure in trust.failures),
        Text(""),
        verdict_table(report),
        Text(""),
        tallies(report),
    ]
    if report.not_asked:
        parts.append(Text(f"not in this suite: {units.counted(len(report.not_asked), 'claim')}"))
    if report.pauses:
        parts += [Text(""), pause_tables(report.pauses)]
    warnings = [*map(note_text, (*trust.notes, *(one for one in report.notes if one.code not in _OF_HOST)))]
    warnings += _disturbed(report)
    if warnings:
        parts += [Text(""), *(line("warnings" if one is warnings[0] else "", one) for one in warnings)]
    return Group(*parts)


def _disturbed(report: Report) -> list[Text]:
    """How much was measured on a disturbed host, in one line: on a busy machine it is nearly every contrast.

    Counts are not among them: no busy host moves them. Each contrast's own warning stands where it is explained.
    """
    effects = [(claim.id, effect) for claim in report.claims.values() for effect in claim.effects]
    touched = [one for one in effects if one[1].disturbed > 0]
    if not touched:
        return []
    claim, worst = max(touched, key=lambda one: one[1].disturbed)
    silenced = sum(note.code == "mostly_disturbed" for _, effect in touched for note in effect.notes)
    decided = f"; {silenced} of them decide nothing for it" if silenced else ""
    text = (
        f"the host was disturbed under {len(touched)} of {units.counted(len(effects), 'finding')}, at worst in "
        f"{units.share(worst.disturbed)} of the differences of {claim}/{worst.contrast}{decided}; "
        "keep the machine idle while it measures"
    )
    return [Text(text)]


def closing(
    report: Report, *, page: str, page_bytes: int, records: str, records_count: int, records_digest: str, command: str
) -> RenderableType:
    """Where the results are and what to type next. ``command`` is memverdict as it was called."""
    first = next((claim.id for claim in report.claims.values() if claim.effects), None)
    parts = [
        line("report", f"{page}   {units.size(page_bytes)}"),
        line("records", f"{records}   {units.counted(records_count, 'record')}, sha256 {records_digest[:8]}"),
        *([line("why", f"{command} explain {first}")] if first else []),
        *(line("repeat", one.text) for one in report.commands[:1]),
    ]
    return Group(*parts)


def verdict_table(report: Report) -> RenderableType:
    """THE ARTICLE SAYS · VERDICT · EFFECT · FLIPS WITH, in the groups of the board."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, width=WIDTH, header_style="bold")
    table.add_column("THE ARTICLE SAYS", width=37)
    table.add_column("VERDICT", width=16, no_wrap=True)
    table.add_column("EFFECT [95 %]", width=28)
    table.add_column("FLIPS WITH", width=11)
    for board in report.boards:
        table.add_row(Text(board.title, style="bold"))
        for claim in (report.claims[id_] for id_ in board.claims):
            table.add_row(
                Padding(Text.assemble(claim.statement, "\n", (claim.id, "dim")), (0, 0, 0, 2)),
                _verdict(claim),
                claim.effect or "-",
                claim.flips_with,
            )
    return table


def tallies(report: Report) -> Text:
    """``6 answered: + 3 supported  - 2 refuted``; answered are those that got an answer from data."""
    open_ = {"inconclusive", "untested", "unfit", "not_measurable"}
    answered = sum(tally.number for tally in report.tallies if tally.verdict not in open_)
    text = Text(f"{answered} of {len(report.claims)} answered:")
    for tally in report.tallies:
        text.append("  ")
        text.append(f"{tally.sign} {tally.number} {tally.word}", style=TONES[tally.verdict])
    return text


def note_text(note: Note) -> Text:
    """A warning, what to do about it, and where it belongs."""
    text = Text(note.text)
    if note.remedy:
        text.append(f"; {note.remedy}")
    if note.where:
        text.append(f"  ({note.where})", style="dim")
    return text


def pause_tables(pauses: Sequence[Pauses]) -> RenderableType:
    """What runtimes report beside what programs felt, and what the stalls came from; for every cell of mode latency."""
    felt = _tight(
        "Reported and felt pauses",
        "longest stop",
        "of stops",
        "felt p50",
        *_FELT[1:-1],
        "felt max",
        "in stalls ≥10 ms",
        "n",
        "over",
    )
    causes = _tight("Where stalls came from", "seen", *_CAUSES.values(), "least left of 10 ms", "of 100 ms")
    for place, rows in groupby(pauses, key=lambda row: (row.workload, row.rate)):
        for table in (felt, causes):
            table.add_row(Text(f"{place[0]}, {place[1]:,}/s", style="dim"))
        for row in rows:
            name = f"  {row.language}/{row.configuration}"
            rungs = {rung.name: rung.text for rung in row.ladder}
            shares = {one.cause: one.text for one in row.causes}
            least = {one.window: one.text for one in row.utilisation}
            left = [least.get(window, "-") for window in ("10 ms", "100 ms")]
            own = ("none", "-") if row.reported_ns is None else (row.reported, f"{row.stops:,}")
            much = (f"{row.operations:,}", row.seconds_text)
            felt.add_row(name, *own, *(rungs.get(one, "-") for one in _FELT), row.stalled_text, *much)
            causes.add_row(name, f"{row.stalls:,}", *(shares.get(one, "-") for one in _CAUSES), *left)
    said = minded(pauses)
    return Group(felt, Text(""), causes, *(line("mind" if one is said[0] else "", one) for one in said))


def explain(claim: ClaimReport, pauses: Sequence[Pauses] = ()) -> RenderableType:
    """Everything behind one verdict; ``pauses`` are the run's, of which those of the claim's cells are shown."""
    parts: list[RenderableType] = [
        Text.assemble(_verdict(claim), "  ", (claim.answer or claim.why or "not measured in this run", "bold")),
        Text(""),
        line("says", claim.statement),
        line("section", claim.section),
    ]
    if claim.effects:
        parts += [Text(""), _contrasts(claim, axis_of([claim])), Text("")]
        deciding = [effect for effect in claim.effects if effect.decides]
        rules = dict.fromkeys(f"{effect.name}: {effect.rule}" for effect in deciding)
        parts += [line("rule" if index == 0 else "", rule) for index, rule in enumerate(rules)]
    cells = dict.fromkeys(label for effect in claim.effects for label in effect.cells)
    beside = [row for row in pauses if row.cell in cells]
    if beside:
        parts += [Text(""), pause_tables(beside), Text("")]
    parts.append(line("fixed", f"before the data; digest {claim.digest[:12]}"))
    if claim.why:
        parts.append(line("why", claim.why))
    parts.append(line("flips", claim.flips_with or "nothing that was tried"))
    if claim.blocks_needed:
        parts.append(line("needs", f"about {units.counted(claim.blocks_needed, 'block')}; this run has {claim.blocks}"))
    parts.append(line("not said", claim.cannot_say))
    parts += [line("mind", note_text(entry)) for entry in claim.notes]
    parts += [line("from" if index == 0 else "", label) for index, label in enumerate(cells)]
    if claim.repeat:
        parts.append(line("repeat", claim.repeat))
    return Group(*parts)


def bar(effect: Effect | EffectRow, axis: Axis, margin: float | None = None, width: int = _BAR) -> str:
    """An interval on the log axis in ``width`` characters: ``│`` no difference, ``┊`` margin, ``●`` point."""
    low, span = math.log(axis.low), math.log(axis.high / axis.low)

    def at(value: float) -> int:
        share = (math.log(value) - low) / span
        return round(min(1.0, max(0.0, share)) * (width - 1))

    cells = [" "] * width
    cells[at(1.0)] = "│"
    if margin:
        cells[at(margin)] = "┊"
    if effect.low is not None and effect.high is not None and effect.low > 0:
        for place in range(at(effect.low), at(effect.high) + 1):
            cells[place] = "─"
    if effect.point is not None and effect.point > 0:
        cells[at(effect.point)] = "●"
    return "".join(cells)


def _failures(report: Report) -> list[RenderableType]:
    """How many were expected and how many not, then each kind once; the unexpected first."""
    ordered = sorted(report.failures, key=lambda one: one.expected)
    numbers = [sum(one.number for one in ordered if one.expected is expected) for expected in (True, False)]
    head = line("failures", f"{numbers[0]} expected · {numbers[1]} unexpected", style="red" if numbers[1] else "")
    return [head, *(line("", f"{one.what}: {one.status}, {one.reason}") for one in ordered)]


def _contrasts(claim: ClaimReport, axis: Axis) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("contrast", min_width=24)
    table.add_column("decision", min_width=12, no_wrap=True)
    drawable = any(effect.on_axis for effect in claim.effects)
    if drawable:
        table.add_column(f"{axis.low:g}× to {axis.high:g}×", width=_BAR, no_wrap=True)
    table.add_column("effect", no_wrap=True)
    for effect in claim.effects:
        name = " ".join(part for part in (effect.name, effect.level) if part)
        beside = "" if effect.decides else " (beside)"
        drawn = [bar(effect, axis, effect.margin) if effect.on_axis else ""] if drawable else []
        table.add_row(Text(f"{name}{beside}"), _decision(effect), *drawn, effect.text)
        for row in effect.rows if len(effect.rows) > 1 else ():
            drawn = [bar(row, axis) if effect.on_axis else ""] if drawable else []
            table.add_row(Padding(Text(row.label, style="dim"), (0, 0, 0, 2)), _decision(row), *drawn, row.text)
    return table


def _tight(title: str, *headers: str) -> Table:
    """A table of many short columns: the first is text under ``title``, the rest are numbers."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", width=WIDTH)
    table.add_column(Text(title, style="bold"), no_wrap=True, min_width=25)
    for header in headers:
        table.add_column(header, justify="right", overflow="fold", no_wrap=" " not in header)
    return table


def _verdict(claim: ClaimReport) -> Text:
    return Text(f"{claim.sign} {claim.word}", style=TONES[claim.verdict])


def _decision(effect: Effect | EffectRow) -> Text:
    return Text(f"{effect.sign} {effect.decision}", style=_DECISION_TONES[effect.decision])


def _canaries(report: Report) -> Text:
    text = Text()
    for canary in report.trust.canaries:
        text.append(" · " if text else "")
        text.append(f"{canary.id} {'ok' if canary.ok else 'FAILED'}", style="" if canary.ok else "bold red")
    return text or Text("none in this run")


def columns(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    """A plain table: the first column never wraps, the last takes what is left of the width."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=False)
    for index, header in enumerate(headers):
        table.add_column(header, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    return table
