"""Findings and verdicts in words: terminal, page and gate take every sentence from here.

A claim's file holds the sentences of its possible answers with ``{contrast}`` where an effect belongs; this module
fills them in, and says the rest (what a rule is, what is missing, how much more would decide) in one voice.
"""

import re
from collections.abc import Mapping, Sequence

from harness import units
from harness.claims.model import Claim, Contrast, Finding

_NOT_MEASURED = "not measured"


def effect(finding: Finding) -> str:
    """A finding's effect: ``1.31× [1.20, 1.42]``, or an exact count per operation."""
    if finding.kind == "exact":
        return exact_value(finding)
    if finding.unit != "x":  # their rows are ratios like any other
        if finding.kind == "share":
            return _of_workloads(finding)
        if finding.kind == "crossover":
            return _place(finding)
    return units.estimate(finding.point, finding.low, finding.high, finding.unit)


def _of_workloads(finding: Finding) -> str:
    """``4 of 5``, or ``4 of 5 [3, 5]`` where some may lie on either side."""
    count = round(finding.thresholds["of"])
    low, point, high = (round((one or 0.0) * count) for one in (finding.low, finding.point, finding.high))
    return f"{point} of {count}" + ("" if low == high else f" [{low}, {high}]")


def _place(finding: Finding) -> str:
    """``312 B [128 B, 1.20 KiB]``, or that it lies beyond the positions that were tried; each in a scale of its own."""
    point, first, last = finding.point, finding.thresholds["first"], finding.thresholds["last"]
    text = units.quantity(min(max(point, first), last), finding.unit)
    text = f"{text} or less" if point <= first else f"more than {text}" if point >= last else text
    if finding.low is None or finding.high is None or finding.low == finding.high:
        return text
    return f"{text} [{units.quantity(finding.low, finding.unit)}, {units.quantity(finding.high, finding.unit)}]"


def exact_value(finding: Finding) -> str:
    """``nothing``, ``1 per operation`` or ``48 B per operation``: a count within its tolerance is that count."""
    nearest = round(finding.point)
    within = abs(finding.point - nearest) <= finding.thresholds["tolerance"]
    value = float(nearest) if within else finding.point
    return "nothing" if value == 0 else f"{units.quantity(value, finding.unit)} per operation"


def rule(contrast: Contrast, metric_title: str, unit: str = "x") -> str:
    """When a contrast holds, as one sentence; ``unit`` is the metric's, for a bound in it."""
    if contrast.kind == "exact":
        return (
            f"{metric_title} = {contrast.expected:g} per operation (± {contrast.tolerance:g} in the whole invocation)"
        )
    margin = contrast.margin or 1.0
    if contrast.kind == "bound":
        return f"{metric_title}: the whole interval lies {contrast.predicted} {units.quantity(margin, unit)}"
    if contrast.kind == "share":
        enough, few = units.share(margin), units.share(contrast.at_most or 0.0)
        return (
            f"{metric_title}: the ratio surely lies below {contrast.threshold:g} on at least {enough} of the "
            f"workloads, and fails when it can on {few} at most"
        )
    if contrast.kind == "crossover":
        return (
            f"{metric_title}: the whole interval of where the ratio comes to lie above {contrast.threshold:g} lies "
            f"{contrast.predicted} {units.quantity(margin, contrast.along_unit)}"
        )
    same = f"equivalent when it lies within ± {100 * (contrast.equivalent - 1):.0f} %"
    if contrast.predicted == "equal":
        return f"{metric_title}: the ratio is expected to be 1; {same}"
    side = f"below 1/{margin:g}" if contrast.predicted == "below" else f"above {margin:g}"
    return f"{metric_title}: the whole interval of the ratio lies {side}; {same}"


def answer(claim: Claim, word: str, findings: Sequence[Finding]) -> str:
    """The claim's sentence for a verdict, with effects filled in; empty where its file has none."""
    template = claim.answer.get(word, "")
    return re.sub(r"\{([\w.]+)\}", lambda found: _fill(found[1], claim, findings), template)


def decisive(findings: Sequence[Finding]) -> Finding:
    """Of one contrast's findings over a factor, the one nearest its margin: the effect that is safe to name."""
    return min(findings, key=lambda one: abs(one.point - one.thresholds.get("margin", one.point)))


def undecided(findings: Sequence[Finding], blocks_needed: int | None) -> str:
    """What an inconclusive claim shows so far, and what would decide it."""
    open_ones = [one for one in findings if one.decision == "undecided"]
    shown = "; ".join(f"{_name(one)} {effect(one)}" for one in open_ones)
    if not shown:
        return "Not decided: a part of it was not measured in this run."
    more = f", about {units.counted(blocks_needed, 'block')} would decide" if blocks_needed else ""
    return f"Not decided by this run: {shown}{more}."


def mixed(findings: Sequence[Finding]) -> str:
    """What holds and what does not, without a declared factor that would explain it."""
    parts = [f"{_name(one)} {one.decision} ({effect(one)})" for one in findings]
    return f"Some of it holds, some does not: {'; '.join(parts)}."


def contradiction(findings: Sequence[Finding]) -> str:
    """What seems to hold and what does not, where either may be the one of many that chance decided."""
    parts = [f"{_name(one)} {one.decision} ({effect(one)})" for one in findings]
    return f"Not decided by this run: its parts contradict each other, which may be chance: {'; '.join(parts)}."


def _name(finding: Finding) -> str:
    name = finding.contrast.replace("_", " ")
    return name if finding.factor_level is None else f"{name} against {finding.factor_level[1]}"


def _fill(name: str, claim: Claim, findings: Sequence[Finding]) -> str:
    head, _, side = name.partition(".")
    if not side:
        mine = [one for one in findings if one.contrast == head]
        return effect(decisive(mine)) if mine else _NOT_MEASURED
    decisions = {"holds": {"holds"}, "fails": {"fails", "equivalent"}}[side]
    if head in claim.factors:
        deciding = {one.id for one in claim.contrasts if one.decides}
        levels: Mapping[str, None] = dict.fromkeys(
            one.factor_level[1]
            for one in findings
            if one.factor_level is not None
            and one.factor_level[0] == head
            and one.contrast in deciding
            and one.decision in decisions
        )
        return " and ".join(levels) or _NOT_MEASURED
    mine = [one for one in findings if one.contrast == head and one.decision in decisions]
    return effect(decisive(mine)) if mine else _NOT_MEASURED
