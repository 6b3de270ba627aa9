"""From ``benchmarks/claims/*.toml`` to claims, checked against the catalogue.

What is enforced here can be trusted everywhere else: only metrics that are uniform compare languages, no timing
margin is below what code layout alone moves, a contrast crosses lanes only through a declared factor or with its
reason, and an answer refers to nothing that does not exist.
"""

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from itertools import product
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from harness.catalog import files
from harness.catalog.digest import of_value
from harness.catalog.model import Catalog, Metric, Mode
from harness.catalog.select import Asked, ask, lane_of, parse
from harness.claims import kinds, requirements
from harness.claims.model import Claim, Contrast, Direction, Group, KindName, Quantifier
from harness.errors import DataError, UsageError

_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlongFile:
    """``along`` of a crossover: positions in rising order, and what they are in."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    at: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=2)]
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastFile:
    """One ``[[contrast]]``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    id: str
    kind: KindName
    decides: bool
    metric: str
    subject: str
    baseline: str | None = None
    over: str = ""
    mode: Mode | None = None
    margin: float | None = None
    equivalent: float | None = None
    threshold: float | None = None
    at_most: float | None = None
    along: AlongFile | None = None
    predicted: Direction = "above"
    expected: float | None = None
    tolerance: float = 0
    warmup: Annotated[int, Field(ge=0)] | None = None
    iterations: Annotated[int, Field(ge=1)] | None = None
    crosses: str | None = None
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFile:
    """``benchmarks/claims/<id>.toml``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    format: Literal[1]
    id: str
    group: Group
    section: str
    statement: str
    quantifier: Quantifier
    by_construction: bool
    cannot_say: str
    not_measurable: str | None = None
    factors: Annotated[Mapping[str, Mapping[str, str]], Field(max_length=3)] = field(default_factory=dict)
    answer: Mapping[Literal["supported", "refuted", "depends", "mixed"], str]
    contrast: tuple[ContrastFile, ...] = ()


def load_claims(root: Path, catalog: Catalog) -> Mapping[str, Claim]:
    """All claims under ``root`` by id.

    DataError names the first thing wrong in any of them, and a suite that asks for a claim that does not exist.
    """
    claims = {path.stem: load_claim(path, catalog) for path in sorted((root / "benchmarks/claims").glob("*.toml"))}
    for suite in catalog.suites.values():
        for name in suite.claims:
            if name not in claims:
                path = root / f"benchmarks/suites/{suite.id}.toml"
                raise DataError(path, "claims", f"there is no claim {name!r}", files.nearest(name, claims))
    return claims


def load_claim(path: Path, catalog: Catalog) -> Claim:
    """One claim; DataError names file, key and remedy."""
    raw = files.read(path, ClaimFile)
    if raw.id != path.stem:
        raise DataError(path, "id", f"{raw.id!r} differs from the name {path.stem!r}", "make them equal")
    if bool(raw.contrast) == (raw.not_measurable is not None):
        raise DataError(path, "contrast", "a claim has contrasts or says why no run can", "give one of the two")
    ids = [one.id for one in raw.contrast]
    for name in ids:
        if ids.count(name) > 1:
            raise DataError(path, f"contrast.{name}", "is there twice", "give each contrast its own id")
    contrasts = tuple(_contrast(path, one) for one in raw.contrast)
    claim = Claim(
        id=raw.id,
        group=raw.group,
        section=raw.section,
        statement=raw.statement,
        quantifier=raw.quantifier,
        by_construction=raw.by_construction,
        cannot_say=raw.cannot_say,
        not_measurable=raw.not_measurable,
        factors=raw.factors,
        answer={str(word): text for word, text in raw.answer.items()},
        contrasts=contrasts,
        digest=of_value((raw.statement, raw.quantifier, raw.factors, tuple(_fixed(one) for one in contrasts))),
    )
    if contrasts and not any(one.decides for one in contrasts):
        raise DataError(path, "contrast", "none of the contrasts decides", "set decides = true on one")
    for contrast in contrasts:
        _check_contrast(path, claim, contrast, catalog)
    _check_answers(path, claim)
    return claim


def levels_of(claim: Claim, contrast: Contrast) -> tuple[tuple[str, str] | None, ...]:
    """The (factor, level) pairs that a contrast is asked for: one None where it names no factor."""
    text = f"{contrast.subject} {contrast.baseline or ''} {contrast.over}"
    named = [name for name in claim.factors if f"{{{name}}}" in text]
    if not named:
        return (None,)
    return tuple((name, level) for name in named for level in claim.factors[name])


def positions(contrast: Contrast) -> tuple[tuple[int | None, Contrast], ...]:
    """The contrast as it is asked at each of its positions; itself, at None, where it has none."""
    if not contrast.along:
        return ((None, contrast),)

    def placed(text: str, at: int) -> str:
        return text.replace("{at}", str(at))

    return tuple(
        (
            at,
            replace(
                contrast,
                subject=placed(contrast.subject, at),
                baseline=placed(contrast.baseline or "", at),
                over=placed(contrast.over, at),
            ),
        )
        for at in contrast.along
    )


def resolve(
    claim: Claim, contrast: Contrast, level: tuple[str, str] | None, catalog: Catalog
) -> tuple[tuple[Asked, ...], tuple[Asked, ...]]:
    """What subject and baseline ask for at a factor's level; the second is empty where there is no baseline.

    UsageError when a selector is wrong or matches nothing.
    """

    def one(side: str) -> tuple[Asked, ...]:
        text = side if level is None else side.replace(f"{{{level[0]}}}", claim.factors[level[0]][level[1]])
        over = parse(contrast.over, catalog)
        if contrast.mode is not None:
            over = parse(f"mode={contrast.mode}", catalog).joined(over)
        return ask(parse(text, catalog).joined(over), catalog)

    return one(contrast.subject), one(contrast.baseline) if contrast.baseline is not None else ()


def _contrast(path: Path, raw: ContrastFile) -> Contrast:
    margin = raw.margin
    _refuse(path, raw)
    bounded = raw.kind in requirements.BOUNDED
    fallback = 1.0 if bounded else min(1.05, margin or 1.05)
    equivalent = raw.equivalent if raw.equivalent is not None else fallback
    if not bounded and margin is not None and equivalent > margin:
        raise DataError(path, f"contrast.{raw.id}.equivalent", f"{equivalent} is above the margin", "lower it")
    return Contrast(
        id=raw.id,
        kind=raw.kind,
        decides=raw.decides,
        metric=raw.metric,
        subject=raw.subject,
        baseline=raw.baseline,
        over=raw.over,
        mode=raw.mode,
        margin=margin,
        equivalent=equivalent,
        predicted=raw.predicted,
        expected=raw.expected,
        tolerance=raw.tolerance,
        warmup=raw.warmup,
        iterations=raw.iterations,
        crosses=raw.crosses,
        about=raw.about,
        threshold=raw.threshold,
        at_most=raw.at_most,
        along=() if raw.along is None else raw.along.at,
        along_unit="" if raw.along is None else raw.along.unit,
    )


def _fixed(contrast: Contrast) -> Mapping[str, object]:
    """What a contrast fixes, without what only other kinds can say: a new kind leaves old claims' digests alone."""
    values = {one.name: getattr(contrast, one.name) for one in fields(contrast)}
    return {
        one.name: values[one.name]
        for one in fields(contrast)
        if one.default is MISSING or values[one.name] != one.default
    }


def _refuse(path: Path, raw: ContrastFile) -> None:
    """What its kind has no use for: it would look fixed and decide nothing."""
    bounded = raw.kind in requirements.BOUNDED
    unused = {
        "equivalent": bounded and raw.equivalent is not None,
        "baseline": raw.kind == "bound" and raw.baseline is not None,
        "threshold": raw.kind not in requirements.THRESHOLD and raw.threshold is not None,
        "at_most": raw.kind != "share" and raw.at_most is not None,
        "along": raw.kind != "crossover" and raw.along is not None,
    }
    for key, there in unused.items():
        if there:
            remedy = "leave it out: margin is the bound" if bounded else "leave it out"
            raise DataError(path, f"contrast.{raw.id}.{key}", f"a {raw.kind} has none", remedy)
    if bounded and raw.predicted == "equal":
        raise DataError(path, f"contrast.{raw.id}.predicted", "a value never equals a bound", "say above or below")


def _check_contrast(path: Path, claim: Claim, contrast: Contrast, catalog: Catalog) -> None:
    key = f"contrast.{contrast.id}"
    if contrast.kind not in kinds.NAMES:
        raise DataError(
            path, f"{key}.kind", f"there is no kind {contrast.kind!r} yet", files.nearest(contrast.kind, kinds.NAMES)
        )
    if contrast.metric not in catalog.metrics:
        remedy = files.nearest(contrast.metric, catalog.metrics)
        raise DataError(path, f"{key}.metric", f"there is no metric {contrast.metric!r}", remedy)
    metric = catalog.metrics[contrast.metric]
    for name in re.findall(r"\{(\w+)\}", f"{contrast.subject} {contrast.baseline or ''} {contrast.over}"):
        if name not in claim.factors and not (name == "at" and contrast.along):
            raise DataError(path, key, f"there is no factor {name!r}", "declare it under [factors]")
    requirements.check(path, key, contrast, metric)
    for level, (_, placed) in product(levels_of(claim, contrast), positions(contrast)):
        try:
            subjects, baselines = resolve(claim, placed, level, catalog)
        except UsageError as error:
            raise DataError(path, key, str(error), "correct the selector") from None
        _check_sides(path, key, contrast, metric, subjects, baselines, catalog, crossing=level is not None)


def _check_sides(
    path: Path,
    key: str,
    contrast: Contrast,
    metric: Metric,
    subjects: tuple[Asked, ...],
    baselines: tuple[Asked, ...],
    catalog: Catalog,
    *,
    crossing: bool,
) -> None:
    for asked in (*subjects, *baselines):
        if asked.mode not in metric.modes:
            valid = ", ".join(metric.modes)
            raise DataError(path, f"{key}.metric", f"{metric.id} is not valid in mode {asked.mode}", f"use {valid}")
    if contrast.kind == "bound":
        _check_one_subject(path, key, metric, subjects)
    if contrast.kind == "crossover" and len(subjects) != 1:
        problem = f"{len(subjects)} things are asked for at one position"
        raise DataError(path, f"{key}.subject", problem, "narrow it to one")
    languages = {asked.language for asked in (*subjects, *baselines)}
    if baselines and len(languages) > 1 and metric.scope != "uniform":
        remedy = "use a metric of scope uniform"
        raise DataError(path, f"{key}.metric", f"{metric.id} may not compare languages", remedy)
    lanes = [
        {
            lane_of(
                catalog.workloads[asked.workload].variant(asked.variant),
                catalog.languages[asked.language].configuration(asked.configuration),
            )
            for asked in side
        }
        for side in (subjects, baselines)
    ]
    if baselines and lanes[0] != lanes[1] and not crossing and contrast.crosses is None:
        problem = f"compares lane {', '.join(sorted(lanes[0]))} with {', '.join(sorted(lanes[1]))}"
        raise DataError(path, key, problem, 'declare a factor, or give the reason as crosses = "..."')


def _check_one_subject(path: Path, key: str, metric: Metric, subjects: tuple[Asked, ...]) -> None:
    """A bound is about one configuration: whatever else its metric may compare, it is never a mean over languages."""
    names = {(asked.language, asked.configuration, asked.toolchain) for asked in subjects}
    if len(names) > 1:
        problem = f"the bound is asked of {len(names)} configurations at once"
        raise DataError(path, f"{key}.subject", problem, "give each a contrast of its own")
    if metric.assumption == "skewed" and len(subjects) > 1:
        problem = f"{metric.id} is skewed, and has no mean over {len(subjects)} workloads"
        raise DataError(path, f"{key}.over", problem, "narrow it to one")


def _check_answers(path: Path, claim: Claim) -> None:
    contrasts = {one.id for one in claim.contrasts}
    sides = {f"{name}.{side}" for name in (*contrasts, *claim.factors) for side in ("holds", "fails")}
    for word, text in claim.answer.items():
        allowed = contrasts | (sides if word == "depends" else set())
        for name in re.findall(r"\{([\w.]+)\}", text):
            if name not in allowed:
                raise DataError(
                    path, f"answer.{word}", f"refers to {name!r}, which is not there", files.nearest(name, allowed)
                )
    needed = () if claim.not_measurable else ("supported", "refuted", *(("depends",) if claim.factors else ()))
    for word in needed:
        if word not in claim.answer:
            raise DataError(path, f"answer.{word}", "missing key", "say the answer in one sentence")
