"""From findings to verdicts: which level each claim gets, and what its findings add up to. Fails closed.

Claims with a timing or memory contrast form one family: Holm's procedure fixes each claim's level, and its decisions
and its printed intervals both use that level. ``depends`` needs a declared factor and a confirmed interaction; a
contradiction without one is ``mixed``. A contrast measured mostly on a disturbed host decides nothing. A run whose
canaries or A/A control failed gives no verdict.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np

from harness import units
from harness.catalog.model import Catalog
from harness.claims import words
from harness.claims.kinds.registry import KINDS, Kind
from harness.claims.model import Claim, Demand, Finding, Health, Quantifier, Verdict, VerdictWord
from harness.claims.questions import questions
from harness.stats import multiple, paired, stages
from harness.stats.values import Decision, Sample, Warning

ALPHA = 0.05
"""Family-wise error rate over the claims of a suite."""

MOST: Final = 0.5
"""A contrast decides nothing when more of its differences than this were measured on a disturbed host.

Flags are read from the host alone, so this looks at no outcome. Below one half the median difference is still one of a
quiet host; above, whatever disturbed the host is what was measured. Blocks are never left out one by one: a foreign
load that comes and goes would choose among them.
"""

_COUNTED: Final = ("exact", "outcomes")
"""Kinds that a busy host does not move: a count is a count, an outcome an outcome."""

_QUIET: Final = "keep the machine idle while it measures, and run again"

_UNCONFIRMED: Final = Warning(
    code="contradiction_open",
    text="some contrasts hold and some fail, but not clearly enough for so many of them",
    remedy="run more blocks",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One contrast of the error family: its p, and what its point alone would decide.

    ``p`` is 1 where nothing can be decided at any level, so that p lies below a level exactly when the contrast is
    decided at that level, on that side.
    """

    p: float
    side: Decision


def demands(claim: Claim, catalog: Catalog) -> tuple[Demand, ...]:
    """Every sample that a claim needs, each once."""
    return tuple(dict.fromkeys(one for kind in _kinds(claim, catalog) for one in kind.demands()))


def answer(
    claims: Iterable[Claim],
    catalog: Catalog,
    samples: Mapping[Demand, Sample],
    health: Health,
    *,
    seed: int,
    alpha: float = ALPHA,
    first_stage: int | None = None,
) -> tuple[Verdict, ...]:
    """Verdicts of all ``claims`` from what was measured; ``seed`` feeds the bootstrap that only warns.

    ``first_stage`` is the number of blocks whose spread chose how many were run (Stein's two stages); None where the
    number was fixed.
    """
    asked = {claim.id: (claim, _kinds(claim, catalog, first_stage)) for claim in claims}
    tests = {name: _tests(kinds, samples) for name, (_, kinds) in asked.items()}
    family = {name: _p_of(asked[name][0].quantifier, found) for name, found in tests.items() if found}
    levels = multiple.levels(family, alpha=alpha)
    verdicts = []
    for name, (claim, kinds) in asked.items():
        level = levels.get(name, alpha)
        rng = np.random.default_rng(seed)
        # Where one case of K suffices, for or against, each is decided at a K-th of the level.
        share = 1 if claim.quantifier == "generally" else max(1, len(tests[name]))
        findings = tuple(
            _unless_disturbed(one, _disturbed(kind, samples))
            for kind in kinds
            for one in kind.find(samples, level=level / share, rng=rng)
        )
        deciding = sum(kind.question.contrast.decides for kind in kinds)
        verdicts.append(judge(claim, findings, health, level=level, asked=deciding, first_stage=first_stage))
    return tuple(verdicts)


def spreads(
    claims: Iterable[Claim], catalog: Catalog, samples: Mapping[Demand, Sample], *, alpha: float = ALPHA
) -> tuple[tuple[float, int], ...]:
    """Standard deviation of the blocks' differences, and how many blocks it is of, for each deciding contrast.

    Only of contrasts that a t interval decides: those are the ones whose width Stein's second stage can promise.
    """
    rng = np.random.default_rng(0)  # feeds warnings alone, which nobody reads here
    found = (
        finding
        for claim in claims
        for kind in _kinds(claim, catalog)
        if kind.question.contrast.decides and kind.question.metric.assumption in ("ratio", "linear")
        for finding in kind.find(samples, level=alpha, rng=rng)
    )
    return tuple((one.spread, one.blocks) for one in found if one.spread is not None)


def judge(
    claim: Claim,
    findings: tuple[Finding, ...],
    health: Health,
    *,
    level: float,
    asked: int,
    first_stage: int | None = None,
) -> Verdict:
    """One claim's verdict. ``asked`` is how many deciding findings a complete run would have given.

    Context that was not measured leaves the verdict alone: only a statement's own subject decides it.
    """
    deciding_ids = {one.id for one in claim.contrasts if one.decides}
    deciding = [one for one in findings if one.contrast in deciding_ids]
    word, flips, warnings = _verdict(claim, deciding, health, level=level, asked=asked, first_stage=first_stage)
    needed = _blocks_needed(deciding) if word == "inconclusive" else None
    return Verdict(
        claim=claim.id,
        verdict=word,
        answer=_sentence(claim, word, findings, deciding, needed, health, warnings),
        flips_with=flips,
        findings=findings,
        blocks_needed=needed,
        level=level,
        warnings=warnings,
    )


def _kinds(claim: Claim, catalog: Catalog, first_stage: int | None = None) -> tuple[Kind, ...]:
    return tuple(KINDS[one.contrast.kind](one) for one in questions(claim, catalog, first_stage=first_stage))


def _tests(kinds: Sequence[Kind], samples: Mapping[Demand, Sample]) -> list[_Test]:
    rng = np.random.default_rng(0)  # feeds warnings alone, which nobody reads here
    found = []
    for kind in kinds:
        p = kind.p(samples)
        if p is None:
            continue
        points = [replace(one, low=one.point, high=one.point) for one in kind.find(samples, level=ALPHA, rng=rng)]
        sides = {kind.decide(one) for one in points} if _disturbed(kind, samples) <= MOST else set()
        side = sides.pop() if len(sides) == 1 else "undecided"
        found.append(_Test(p=1.0 if side == "undecided" else p, side=side))
    return found


def _p_of(quantifier: Quantifier, tests: Sequence[_Test]) -> float:
    """The level from which on the claim has a verdict: Holm's levels are right for nothing else.

    Were a case that settles nothing allowed to lower it, a claim would count as decided that is not, and raise the
    others' levels: at 24 claims that gives 9 % of wrong verdicts where 5 % are promised.
    """
    ps = [one.p for one in tests]
    if quantifier == "generally":
        return multiple.every(ps)
    settling = ("holds",) if quantifier == "exists" else ("fails", "equivalent")
    if any(one.side in settling for one in tests):
        return multiple.exists([one.p if one.side in settling else 1.0 for one in tests])
    return min(1.0, len(ps) * multiple.every(ps))


def _disturbed(kind: Kind, samples: Mapping[Demand, Sample]) -> float:
    """The share of a contrast's differences, over pairs and blocks, with a side measured on a disturbed host."""
    if kind.question.contrast.kind in _COUNTED:
        return 0.0
    bad = total = 0
    for pair in kind.question.pairs:
        asked = [one for one in (pair.subject, pair.baseline) if one is not None]
        sides = [samples[one] for one in asked if one in samples]
        if len(sides) == len(asked):
            blocks = set.intersection(*(set(one.values) for one in sides))
            total += len(blocks)
            bad += len(blocks & frozenset.union(*(one.disturbed for one in sides)))
    return bad / total if total else 0.0


def _unless_disturbed(finding: Finding, share: float) -> Finding:
    finding = replace(finding, disturbed=share)
    if share <= MOST:
        return finding
    warning = Warning(
        code="mostly_disturbed",
        text=f"nothing is decided: {units.share(share)} of what {finding.contrast} rests on was measured while the "
        "host was disturbed, and again when it was run once more",
        remedy=_QUIET,
    )
    # More blocks on the same host would say more about the host.
    return replace(finding, decision="undecided", blocks_needed=None, warnings=(*finding.warnings, warning))


def _verdict(
    claim: Claim, deciding: list[Finding], health: Health, *, level: float, asked: int, first_stage: int | None
) -> tuple[VerdictWord, str, tuple[Warning, ...]]:
    if claim.not_measurable is not None:
        return "not_measurable", "", ()
    if not deciding:
        return "untested", "", ()
    if health.failures:
        return "unfit", "", ()
    complete = len(deciding) == asked
    word = _count(claim.quantifier, [one.decision for one in deciding], complete=complete)
    if word != "mixed":
        return word, "", ()
    firm = _firm(deciding, level)
    if _count(claim.quantifier, [one.decision for one in firm], complete=complete) != "mixed":
        return "inconclusive", "", (_UNCONFIRMED,)
    confirmed, refused = _interactions(claim, firm, level, first_stage)
    return ("depends", ", ".join(confirmed), ()) if confirmed else ("mixed", "", refused)


def _firm(deciding: Sequence[Finding], level: float) -> list[Finding]:
    """Findings that stay decided when each may be the one that contradicts the others: Holm's levels among them.

    A verdict of all findings needs every one, so that each may use the claim's whole level; a contradiction needs only
    two of many, and among eight findings at their margins one would be found in 16 % of runs of 24 such claims.
    """
    ps = {str(index): one.p for index, one in enumerate(deciding) if one.p is not None}
    levels = multiple.levels(ps, alpha=level)
    return [
        replace(one, decision="undecided") if one.p is not None and one.p > levels[str(index)] else one
        for index, one in enumerate(deciding)
    ]


def _count(quantifier: Quantifier, decisions: Sequence[str], *, complete: bool) -> VerdictWord:
    holding = sum(one == "holds" for one in decisions)
    against = sum(one in ("fails", "equivalent") for one in decisions)
    if quantifier == "exists" and holding:
        return "supported"
    if quantifier == "always" and against:
        return "refuted"
    if not complete:
        return "inconclusive"
    if holding == len(decisions):
        return "supported"
    if against == len(decisions):
        return "refuted"
    if holding and against and quantifier == "generally":
        return "mixed"
    return "inconclusive"


def _interactions(
    claim: Claim, deciding: list[Finding], level: float, first_stage: int | None
) -> tuple[list[str], tuple[Warning, ...]]:
    """Factors whose levels contradict, with an interaction that excludes 0, Holm-adjusted within the claim.

    Adjusted for every pair of levels: to count only those that contradict would be to look first and then to choose.
    """
    ps: dict[str, float] = {}
    contradicting: dict[str, str] = {}
    for name in claim.factors:
        mine = [one for one in deciding if one.factor_level is not None and one.factor_level[0] == name]
        for first, second in combinations(mine, 2):
            if first.contrast == second.contrast:
                key = f"{name}:{first.contrast}:{first.factor_level}:{second.factor_level}"
                ps[key] = _interaction_p(first, second, first_stage)
                if _contradict(first, second):
                    contradicting[key] = name
    levels = multiple.levels(ps, alpha=level)
    confirmed = list(dict.fromkeys(name for key, name in contradicting.items() if ps[key] <= levels[key]))
    remedy = "run more blocks: the levels differ in their decisions, not provably in their effects"
    text = "levels of a declared factor contradict each other, but the interaction is not confirmed"
    return confirmed, (Warning(code="interaction_open", text=text, remedy=remedy),) if contradicting else ()


def _contradict(first: Finding, second: Finding) -> bool:
    decisions = {first.decision, second.decision}
    return "holds" in decisions and bool(decisions & {"fails", "equivalent"})


def _interaction_p(first: Finding, second: Finding, first_stage: int | None) -> float:
    """Two-sided p of "both levels have the same effect", from the differences block by block; 1 without differences."""
    shared = first.differences.keys() & second.differences.keys()
    skewed = first.skewed or second.skewed
    interaction = paired.from_differences(
        {block: first.differences[block] - second.differences[block] for block in shared},
        "skewed" if skewed else "linear",
        subject=f"{first.contrast} at {first.factor_level}",
        baseline=f"{second.contrast} at {second.factor_level}",
        unit="1",
        level=ALPHA,
        floor=math.hypot(first.floor, second.floor),
        first_stage=stages.of_first_stage(first_stage, shared, held=(first.differences, second.differences)),
    )
    p = paired.p_value(interaction, margin=1.0 if skewed else 0.0)
    assert p is not None  # only exact comparisons have none
    return p


def _blocks_needed(deciding: Sequence[Finding]) -> int | None:
    """Blocks that would settle the open contrast that needs most; None where none of them can be told."""
    needed = [one.blocks_needed for one in deciding if one.decision == "undecided" and one.blocks_needed is not None]
    return max(needed, default=None)


def _sentence(
    claim: Claim,
    word: VerdictWord,
    findings: tuple[Finding, ...],
    deciding: list[Finding],
    needed: int | None,
    health: Health,
    warnings: tuple[Warning, ...],
) -> str:
    if word == "not_measurable":
        return claim.not_measurable or ""
    if word == "untested":
        return "Nothing that this run measured bears on it."
    if word == "unfit":
        return f"No verdict: {'; '.join(health.failures)}."
    if word == "inconclusive":
        if _UNCONFIRMED in warnings:
            return words.contradiction(deciding)
        disturbed = any(one.disturbed > MOST for one in deciding)
        return words.undecided(deciding, needed) + (f" The host was disturbed: {_QUIET}." if disturbed else "")
    return words.answer(claim, word, findings) or words.mixed(deciding)
