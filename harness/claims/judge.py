"""From findings to verdicts: which level each claim gets, and what its findings add up to. Fails closed.

Claims with a timing or memory contrast form one family: Holm's procedure fixes each claim's level, and its decisions
and its printed intervals both use that level. ``depends`` needs a declared factor and a confirmed interaction; a
contradiction without one is ``mixed``. A run whose canaries or A/A control failed gives no verdict.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np

from harness.catalog.model import Catalog
from harness.claims import words
from harness.claims.kinds.registry import KINDS, Kind
from harness.claims.model import Claim, Demand, Finding, Health, Quantifier, Verdict, VerdictWord
from harness.claims.questions import questions
from harness.stats import multiple, paired
from harness.stats.values import Sample, Warning

ALPHA = 0.05
"""Family-wise error rate over the claims of a suite."""


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
    ps = {name: _ps(kinds, samples) for name, (_, kinds) in asked.items()}
    family = {name: _p_of(asked[name][0], found) for name, found in ps.items() if found}
    levels = multiple.levels(family, alpha=alpha)
    verdicts = []
    for name, (claim, kinds) in asked.items():
        level = levels.get(name, alpha)
        rng = np.random.default_rng(seed)
        # Where one case of K suffices, p is K times the smallest, and so each case is decided at a K-th of the level.
        share = max(1, len(ps[name])) if claim.quantifier == "exists" else 1
        findings = tuple(one for kind in kinds for one in kind.find(samples, level=level / share, rng=rng))
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
        answer=_sentence(claim, word, findings, deciding, needed, health),
        flips_with=flips,
        findings=findings,
        blocks_needed=needed,
        level=level,
        warnings=warnings,
    )


def _kinds(claim: Claim, catalog: Catalog, first_stage: int | None = None) -> tuple[Kind, ...]:
    return tuple(KINDS[one.contrast.kind](one) for one in questions(claim, catalog, first_stage=first_stage))


def _ps(kinds: Sequence[Kind], samples: Mapping[Demand, Sample]) -> list[float]:
    return [p for kind in kinds if (p := kind.p(samples)) is not None]


def _p_of(claim: Claim, ps: Sequence[float]) -> float:
    return multiple.exists(ps) if claim.quantifier == "exists" else multiple.every(ps)


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
    confirmed, refused = _interactions(claim, deciding, level, first_stage)
    return ("depends", ", ".join(confirmed), ()) if confirmed else ("mixed", "", refused)


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
    """Factors whose levels contradict, with an interaction that excludes 0, Holm-adjusted within the claim."""
    ps: dict[str, float] = {}
    for name in claim.factors:
        mine = [one for one in deciding if one.factor_level is not None and one.factor_level[0] == name]
        for first, second in combinations(mine, 2):
            if first.contrast == second.contrast and _contradict(first, second):
                p = _interaction_p(first, second, first_stage)
                key = f"{name}:{first.contrast}:{first.factor_level}:{second.factor_level}"
                if p is not None:
                    ps[key] = p
    levels = multiple.levels(ps, alpha=level)
    confirmed = list(dict.fromkeys(key.split(":")[0] for key, p in ps.items() if p <= levels[key]))
    remedy = "run more blocks: the levels differ in their decisions, not provably in their effects"
    text = "levels of a declared factor contradict each other, but the interaction is not confirmed"
    return confirmed, (Warning(code="interaction_open", text=text, remedy=remedy),) if ps else ()


def _contradict(first: Finding, second: Finding) -> bool:
    decisions = {first.decision, second.decision}
    return "holds" in decisions and bool(decisions & {"fails", "equivalent"})


def _interaction_p(first: Finding, second: Finding, first_stage: int | None) -> float | None:
    """Two-sided p of "both levels have the same effect", from the differences block by block."""
    blocks = sorted(first.differences.keys() & second.differences.keys())
    sides = [
        Sample(
            label=f"{one.contrast} at {one.factor_level}",
            metric=one.metric,
            unit="1",
            assumption="linear",
            values={block: one.differences[block] for block in blocks},
        )
        for one in (first, second)
    ]
    return paired.p_value(paired.compare(*sides, level=ALPHA, first_stage=first_stage), margin=0.0)


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
) -> str:
    if word == "not_measurable":
        return claim.not_measurable or ""
    if word == "untested":
        return "Nothing that this run measured bears on it."
    if word == "unfit":
        return f"No verdict: {'; '.join(health.failures)}."
    if word == "inconclusive":
        return words.undecided(deciding, needed)
    return words.answer(claim, word, findings) or words.mixed(deciding)
