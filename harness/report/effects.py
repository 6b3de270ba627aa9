"""Findings and verdicts -> what is shown of each claim: effects, rule, headline, why.

Nothing is computed from samples here; numbers come from the findings as they are, and words are put beside them. The
one axis that all ratios share is chosen here as well.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness import units
from harness.catalog.model import Catalog
from harness.claims import words
from harness.claims.model import Claim, Contrast, Finding, Row, Verdict
from harness.report.model import DECISION_SIGNS, SIGNS, WORDS, Axis, ClaimReport, Effect, EffectRow, Note
from harness.stats.values import Decision, Warning

_WIDEST: Final = 64.0
_DECISIONS: Final[Mapping[Decision, tuple[str, str]]] = {
    "holds": ("holds", "hold"),
    "fails": ("fails", "fail"),
    "equivalent": ("shows no effect", "show no effect"),
    "undecided": ("is undecided", "are undecided"),
}
"""What one and several deciding effects do."""


def note(warning: Warning, where: str) -> Note:
    """A warning with the place it belongs to."""
    return Note(code=warning.code, where=where, text=warning.text, remedy=warning.remedy)


def spaced(identifier: str) -> str:
    """An id as words: ``not_inlined`` -> ``not inlined``."""
    return identifier.replace("_", " ")


def finite(value: float | None) -> float | None:
    """The value, or None where there is none: what has no shared block has no number."""
    return value if value is not None and math.isfinite(value) else None


def effect_of(finding: Finding, contrast: Contrast, catalog: Catalog) -> Effect:
    """One finding as it is shown; its numbers are None where no block holds both sides."""
    factor, level = finding.factor_level or ("", "")
    point = finite(finding.point)
    metric = catalog.metrics.get(finding.metric)
    title = metric.title if metric else finding.metric
    where = f"{finding.claim}/{finding.contrast}"
    return Effect(
        contrast=finding.contrast,
        name=spaced(finding.contrast),
        factor=spaced(factor),
        level=level,
        decides=contrast.decides,
        metric=finding.metric,
        metric_title=title,
        kind=finding.kind,
        unit=finding.unit,
        point=point,
        low=finding.low,
        high=finding.high,
        text=text_of(finding),
        confidence=1 - finding.level,
        blocks=finding.blocks,
        decision=finding.decision,
        sign=DECISION_SIGNS[finding.decision],
        margin=finding.thresholds.get("margin"),
        equivalent=finding.thresholds.get("equivalent"),
        expected=finding.thresholds.get("expected"),
        on_axis=finding.unit == "x" and point is not None and point > 0,
        rule=words.rule(contrast, title, finding.unit),
        about=contrast.about,
        estimand=finding.estimand,
        p=finding.p,
        rows=tuple(_row(row, finding) for row in finding.rows if finite(row.point) is not None),
        cells=finding.cells,
        disturbed=finding.disturbed,
        notes=tuple(note(warning, where) for warning in finding.warnings),
    )  # fmt: skip


def text_of(finding: Finding) -> str:
    """Its effect in the words that answers use too."""
    return words.effect(finding) if finite(finding.point) is not None else "no block holds both sides"


def _row(row: Row, finding: Finding) -> EffectRow:
    # A row is said like the finding it belongs to: an exact count within its tolerance is that count.
    as_finding = replace(finding, point=row.point, low=row.low, high=row.high, unit=row.unit)
    several = len({entry.workload for entry in finding.rows}) == len(finding.rows)
    return EffectRow(
        label=spaced(row.workload) if row.workload and several else row.label, point=row.point, low=row.low,
        high=row.high, unit=row.unit, text=text_of(as_finding), decision=row.decision,
        sign=DECISION_SIGNS[row.decision],
    )  # fmt: skip


def shown_on_board(effects: Sequence[Effect]) -> tuple[int, ...]:
    """Indices of the first deciding ratio's levels; where no ratio decides, of everything that decides."""
    deciding = [index for index, effect in enumerate(effects) if effect.decides]
    ratios = [index for index in deciding if effects[index].on_axis]
    if ratios:
        return tuple(index for index in ratios if effects[index].contrast == effects[ratios[0]].contrast)
    return tuple(deciding)


def headline_of(findings: Sequence[Finding], board: Sequence[int]) -> int | None:
    """Of what the board shows, the effect that the answer names too: the level nearest its margin.

    Bounds in different units have no distance in common: there it is the first of them.
    """
    known = [index for index in board if finite(findings[index].point) is not None]
    if not known:
        return None
    if len({findings[index].unit for index in known}) > 1:
        return known[0]
    chosen = words.decisive([findings[index] for index in known])
    return next(index for index in known if findings[index] is chosen)


def counts_of(effects: Sequence[Effect]) -> str:
    """How the deciding effects came out: ``2 of 3 hold, 1 of 3 fails``; empty where nothing decides."""
    deciding = [effect for effect in effects if effect.decides]
    numbers = Counter(effect.decision for effect in deciding)
    return ", ".join(
        f"{numbers[decision]} of {len(deciding)} {one if numbers[decision] == 1 else several}"
        for decision, (one, several) in _DECISIONS.items()
        if numbers[decision]
    )


def claim_report(
    claim: Claim, verdict: Verdict, catalog: Catalog, *, command: str, suite: str, run: str
) -> ClaimReport:
    """One claim as it is shown. ``command`` is how memverdict was called, ``run`` the id its hints name."""
    contrasts = {contrast.id: contrast for contrast in claim.contrasts}
    effects = tuple(effect_of(finding, contrasts[finding.contrast], catalog) for finding in verdict.findings)
    board = shown_on_board(effects)
    headline = headline_of(verdict.findings, board)
    counts = counts_of(effects)
    languages, lanes = _filters(effects, catalog)
    notes = tuple(note(warning, claim.id) for warning in verdict.warnings)
    return ClaimReport(
        id=claim.id,
        group=claim.group,
        section=claim.section,
        statement=claim.statement,
        verdict=verdict.verdict,
        word=WORDS[verdict.verdict],
        sign=SIGNS[verdict.verdict],
        answer=verdict.answer,
        by_construction=claim.by_construction,
        quantifier=claim.quantifier,
        flips_with=spaced(verdict.flips_with),
        effects=effects,
        headline=headline,
        board=board,
        effect=_effect_text(effects, headline, board, counts),
        why=_why(claim, verdict, counts),
        blocks=max((effect.blocks for effect in effects), default=0),
        blocks_needed=verdict.blocks_needed,
        cannot_say=claim.cannot_say,
        digest=claim.digest,
        languages=languages,
        lanes=lanes,
        notes=(*notes, *(entry for effect in effects for entry in effect.notes)),
        repeat=f"{command} run --suite {suite} --claims {claim.id}" if suite and claim.not_measurable is None else "",
        explain=f"{command} explain {claim.id} {run}".strip(),
    )


def _effect_text(effects: Sequence[Effect], headline: int | None, board: Sequence[int], counts: str) -> str:
    if headline is None:
        return ""
    effect = effects[headline]
    if effect.on_axis or effect.kind == "bound" or len(board) == 1:
        return f"{effect.name} {effect.text}"
    return counts


def _why(claim: Claim, verdict: Verdict, counts: str) -> str:
    """Why this verdict: what was counted under which quantifier at which level."""
    if not counts:
        return claim.not_measurable or ""
    quantifier = {
        "exists": "one case that holds is enough",
        "generally": "the contrasts hold overall",
        "always": "one counterexample refutes",
    }[claim.quantifier]
    family = (
        "Decided by construction: a constant of the compiler, not a measurement with error."
        if claim.by_construction
        else f"Interval and decision use {units.share(1 - verdict.level)} confidence, "
        "so that all timing and memory claims together keep 95 %."
    )
    return f"{counts[0].upper()}{counts[1:]}. The statement is read as: {quantifier}. {family}"


def _filters(effects: Sequence[Effect], catalog: Catalog) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Languages and lanes that the cells behind the effects belong to, from their labels."""
    languages: set[str] = set()
    lanes: set[str] = set()
    for label in (label for effect in effects for label in effect.cells):
        language_id, _, rest = label.partition("/")
        configuration_id, _, where = rest.partition(" ")
        workload_id, _, variant_id = where.partition(" ")[0].partition("/")
        language = catalog.languages.get(language_id)
        if language is None or configuration_id not in {entry.id for entry in language.configurations}:
            continue
        workload = catalog.workloads.get(workload_id)
        variants = {} if workload is None else {entry.id: entry for entry in workload.variants}
        own = variants[variant_id].lane if variant_id in variants else None
        languages.add(language_id)
        lanes.add(own or language.configuration(configuration_id).lane)
    return tuple(sorted(languages)), tuple(sorted(lanes))


def axis_of(claims: Sequence[ClaimReport]) -> Axis:
    """One log axis in powers of two for every ratio on the board, symmetric around nothing but never without 1.

    It ends at 1/64 and 64: what reaches further is drawn with an arrow, and its number stands beside it.
    """
    ends = [1.0]
    for effect in (claim.effects[index] for claim in claims for index in claim.board):
        if effect.on_axis:
            ends += [value for value in (effect.point, effect.low, effect.high, effect.margin) if value]
    low = 2.0 ** math.floor(math.log2(max(min(ends), 1 / _WIDEST) * 0.9))
    high = 2.0 ** math.ceil(math.log2(min(max(ends), _WIDEST) * 1.1))
    steps = round(math.log2(high / low))
    stride = 1 if steps <= 6 else 2
    first = round(math.log2(low))
    ticks = tuple(2.0**power for power in range(first, first + steps + 1) if power % stride == 0)
    return Axis(low=low, high=high, ticks=ticks)
