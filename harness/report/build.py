"""Catalogue, claims, records, verdicts and health -> :class:`~harness.report.model.Report`.

Pure: the same values give the same report, so that a page can be rebuilt byte for byte. What the run's provenance
does not say is left empty, never guessed.
"""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

from harness import units
from harness.catalog.model import Catalog, Exclusion
from harness.claims.model import Claim, Health, Verdict
from harness.protocol.record import Record
from harness.report.effects import axis_of, claim_report, note
from harness.report.frontier import frontier_of
from harness.report.model import (
    FORMAT,
    GROUPS,
    SIGNS,
    WORDS,
    Board,
    Canary,
    ClaimReport,
    Command,
    ConfigurationCard,
    Excluded,
    Failure,
    Flag,
    Note,
    Report,
    RunFacts,
    Style,
    Tally,
    Trust,
    WorkloadCard,
)
from harness.report.pauses import pauses_of


def build_report(
    catalog: Catalog,
    claims: Sequence[Claim],
    provenance: Mapping[str, object],
    records: Sequence[Record],
    verdicts: Sequence[Verdict],
    health: Health,
    *,
    exclusions: Sequence[Exclusion] = (),
    command: str = "memverdict",
) -> Report:
    """Everything that is shown about the runs that ``records`` come from.

    ``provenance`` is read for ``runs`` (ids), ``suite``, ``date``, ``commit``, ``dirty``, ``host`` (a line), ``seed``,
    ``validation``.
    ``claims`` are all of the catalogue's; verdicts give their order, and those without one are listed as not asked.
    ``command`` is how memverdict was called, for the commands that are printed.
    """
    facts = _facts(catalog, provenance, records)
    run = facts.runs[-1] if facts.runs else ""
    by_claim = {verdict.claim: verdict for verdict in verdicts}
    known = {claim.id: claim for claim in claims}
    asked = tuple(
        claim_report(claim, by_claim[claim.id], catalog, command=command, suite=facts.suite, run=run)
        for claim in (known[verdict.claim] for verdict in verdicts)
    )
    numbers = Counter(claim.verdict for claim in asked)
    return Report(
        format=FORMAT,
        run=facts,
        tallies=tuple(
            Tally(verdict=verdict, word=WORDS[verdict], sign=sign, number=numbers[verdict])
            for verdict, sign in SIGNS.items()
            if numbers[verdict]
        ),
        boards=_boards(asked),
        claims={claim.id: claim for claim in asked},
        not_asked=tuple(claim.id for claim in claims if claim.id not in by_claim),
        axis=axis_of(asked),
        frontier=frontier_of(catalog, records),
        pauses=pauses_of(catalog, records),
        failures=_failures(records),
        excluded=tuple(Excluded(what=entry.what, reason=entry.reason) for entry in exclusions),
        trust=_trust(records, health, provenance),
        styles=tuple(
            Style(id=entry.id, title=entry.title, colour=entry.colour, marker=entry.marker, dash=entry.dash)
            for entry in sorted(catalog.languages.values(), key=lambda language: language.id)
        ),
        configurations=_configurations(catalog, records),
        workloads=_workloads(catalog, records),
        notes=_distinct([entry for claim in asked for entry in claim.notes]),
        commands=_commands(facts, command, run, _narrowing(provenance)),
    )


def _text(provenance: Mapping[str, object], key: str) -> str:
    value = provenance.get(key)
    return "" if value is None else str(value)


def _facts(catalog: Catalog, provenance: Mapping[str, object], records: Sequence[Record]) -> RunFacts:
    runs = provenance.get("runs") or ()
    seed = provenance.get("seed")
    engines = sorted({record.observed.engine for record in records})
    blocks = {record.invocation.block for record in records} - {None}
    toolchains = sorted(
        {
            _chain(catalog.languages[record.invocation.cell.language].title, str(start["toolchain"]))
            for record in records
            if record.invocation.cell.language in catalog.languages and (start := _start(record))
        }
    )
    commit, dirty = _text(provenance, "commit"), bool(provenance.get("dirty"))
    date, host, engine = _text(provenance, "date"), _text(provenance, "host"), " and ".join(engines)
    parts = [
        f"Measured {date}" if date else "",
        f"on {host}" if host else "",
        f"in engine {engine}" if engine else "",
        f"at commit {commit[:12]}{' with uncommitted changes' if dirty else ''}" if commit else "",
    ]
    sentence = " ".join(part for part in parts if part)
    if toolchains:
        sentence = f"{sentence}; {', '.join(toolchains)}" if sentence else ", ".join(toolchains)
    return RunFacts(
        runs=tuple(str(entry) for entry in cast(Sequence[object], runs)),
        suite=_text(provenance, "suite"),
        engine=engine,
        date=date,
        commit=commit,
        dirty=dirty,
        host=host,
        seed=int(str(seed)) if seed is not None else None,
        blocks=len(blocks),
        invocations=len(records),
        toolchains=tuple(toolchains),
        sentence=f"{sentence}." if sentence else "",
    )


def _chain(title: str, toolchain: str) -> str:
    """A toolchain as it names itself, with the language's title where its own name does not begin with that."""
    return toolchain if toolchain.casefold().startswith(title.casefold()) else f"{title} {toolchain}"


def _start(record: Record) -> Mapping[str, object] | None:
    """The worker's start message, None where it never printed one that parses."""
    for line in record.messages[:1]:
        try:
            message = json.loads(line)
        except ValueError:
            return None
        if isinstance(message, dict) and message.get("type") == "start" and "toolchain" in message:
            return message
    return None


def _boards(asked: Sequence[ClaimReport]) -> tuple[Board, ...]:
    boards = []
    for group, title in GROUPS:
        mine = [claim for claim in asked if claim.group == group]
        if mine:
            drawn = any(claim.effects[index].on_axis for claim in mine for index in claim.board)
            boards.append(Board(group=group, title=title, claims=tuple(claim.id for claim in mine), on_axis=drawn))
    return tuple(boards)


def _failures(records: Sequence[Record]) -> tuple[Failure, ...]:
    grouped: dict[tuple[bool, str, str, str], list[Record]] = {}
    for record in records:
        if record.status != "ok":
            expected = record.status in record.invocation.may_fail
            key = (expected, record.invocation.cell.label, record.status, record.reason or "no reason recorded")
            grouped.setdefault(key, []).append(record)
    return tuple(
        Failure(
            what=what, status=status, reason=reason, expected=expected, number=len(found), record=found[0].id
        )
        for (expected, what, status, reason), found in sorted(grouped.items(), key=lambda item: item[0])
    )  # fmt: skip


def _trust(records: Sequence[Record], health: Health, provenance: Mapping[str, object]) -> Trust:
    # The planner gives a pass an odd attempt, and the immediate rerun of a disturbed invocation the even one after it.
    attempts = {(_slot(record), record.invocation.attempt) for record in records}
    numbers = Counter(flag for record in records for flag in record.flags)
    validation = provenance.get("validation")
    reruns = Counter(
        flag
        for record in records
        for flag in record.flags
        if record.invocation.attempt % 2 == 1 and (_slot(record), record.invocation.attempt + 1) in attempts
    )
    return Trust(
        fit=not health.failures,
        canaries=tuple(Canary(id=name, ok=ok) for name, ok in health.canaries.items()),
        control=health.control,
        failures=health.failures,
        flags=tuple(Flag(code=code, number=numbers[code], rerun=reruns[code]) for code in sorted(numbers)),
        notes=tuple(note(warning, "run") for warning in health.warnings),
        validation=str(validation["text"]) if isinstance(validation, Mapping) else "",
    )


def _slot(record: Record) -> tuple[object, ...]:
    invocation = record.invocation
    return (invocation.stage, invocation.block, invocation.slot, invocation.replica)


def _configurations(catalog: Catalog, records: Sequence[Record]) -> tuple[ConfigurationCard, ...]:
    found: dict[tuple[str, str, str], ConfigurationCard] = {}
    for record in records:
        cell = record.invocation.cell
        language = catalog.languages.get(cell.language)
        start = _start(record)
        key = (cell.language, cell.configuration, cell.toolchain)
        if language is None or start is None or key in found:
            continue
        about = next((entry for entry in language.configurations if entry.id == cell.configuration), None)
        if about is not None:
            found[key] = ConfigurationCard(
                language=cell.language, id=cell.configuration, lane=about.lane, about=about.about,
                toolchain=str(start["toolchain"]),
                in_force=cast(Mapping[str, int | str], start.get("in_force", {})),
            )  # fmt: skip
    return tuple(found[key] for key in sorted(found))


def _workloads(catalog: Catalog, records: Sequence[Record]) -> tuple[WorkloadCard, ...]:
    ran: dict[str, Mapping[str, int]] = {}
    for record in records:
        ran.setdefault(record.invocation.cell.workload, record.invocation.cell.parameters)
    return tuple(
        WorkloadCard(
            id=workload.id, title=workload.title, models=workload.models, isolates=workload.isolates,
            operation=workload.operation, parameters=ran[workload.id], differences=workload.differences,
        )
        for workload in catalog.workloads.values()
        if workload.id in ran
    )  # fmt: skip


def _distinct(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Each text once, with all the places it belongs to: the same warning on ten contrasts is read once."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for entry in notes:
        places.setdefault((entry.code, entry.text, entry.remedy), []).append(entry.where)
    return tuple(
        Note(code=code, where=", ".join(dict.fromkeys(where)), text=text, remedy=remedy)
        for (code, text, remedy), where in places.items()
    )


def _narrowing(provenance: Mapping[str, object]) -> str:
    """The options that narrowed a run, as they were given; empty for a whole suite."""
    claims, only, width = (provenance.get(key) for key in ("claims", "only", "precision"))
    named = f" --claims {','.join(map(str, claims))}" if isinstance(claims, list) and claims else ""
    narrowed = named + (f" --only {shlex.quote(str(only))}" if only else "")
    return narrowed + (f" --precision {width}" if width is not None else "")


def _commands(facts: RunFacts, command: str, run: str, narrowing: str) -> tuple[Command, ...]:
    commands = []
    if facts.suite:
        seed = f" --seed {facts.seed}" if facts.seed is not None else ""
        about = f"the same suite, in {units.counted(facts.blocks, 'block')}" if facts.blocks else "the same suite"
        commands.append(
            Command(about=f"{about}, on your machine", text=f"{command} run --suite {facts.suite}{narrowing}{seed}")
        )
    if run:
        commands += [
            Command(about="the records behind a claim", text=f"{command} explain CLAIM {run}"),
            Command(about="this page again, byte for byte", text=f"{command} report {run}"),
            Command(about="every sample as pyperf JSON", text=f"{command} export {run} --format pyperf"),
        ]
    return tuple(commands)
