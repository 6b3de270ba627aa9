"""From a contrast to the samples it needs: selectors resolved, subject and baseline paired.

A :class:`Question` is a contrast with everything resolved; the kinds of contrast answer questions.
"""

from dataclasses import dataclass, replace

from harness.catalog.model import Catalog, Metric
from harness.catalog.select import Asked
from harness.claims.load import levels_of, positions, resolve
from harness.claims.model import Claim, Contrast, Demand
from harness.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A subject and what it is held against (None where the contrast has a bound instead).

    ``at`` is the position where they were asked for, for a contrast along several.
    """

    subject: Demand
    baseline: Demand | None
    at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A contrast at one level of its factor (None where it has none), with the pairs that answer it."""

    claim: Claim
    contrast: Contrast
    metric: Metric
    level: tuple[str, str] | None
    pairs: tuple[Pair, ...]
    first_stage: int | None = None
    """Blocks of Stein's first stage, where their spread chose how many blocks there are; None: that was fixed."""

    @property
    def demands(self) -> tuple[Demand, ...]:
        """Every sample it needs."""
        sides = [(pair.subject, pair.baseline) for pair in self.pairs]
        return tuple(one for side in sides for one in side if one is not None)


def questions(claim: Claim, catalog: Catalog, *, first_stage: int | None = None) -> tuple[Question, ...]:
    """All contrasts of a claim, once per level of the factor they name, in the order of the file.

    ``first_stage`` is handed on to each. A part that a language declares absent is left out of the pairs. UsageError
    when sides cannot be paired.
    """
    found = []
    for contrast in claim.contrasts:
        for level in levels_of(claim, contrast):
            pairs = tuple(
                replace(pair, at=at)
                for at, placed in positions(contrast)
                for pair in _asked_at(claim, placed, level, catalog)
            )
            metric = catalog.metrics[contrast.metric]
            found.append(
                Question(
                    claim=claim, contrast=contrast, metric=metric, level=level, pairs=pairs, first_stage=first_stage
                )
            )
    return tuple(found)


def _asked_at(claim: Claim, contrast: Contrast, level: tuple[str, str] | None, catalog: Catalog) -> tuple[Pair, ...]:
    subjects, baselines = resolve(claim, contrast, level, catalog)
    return _pairs(claim, contrast, _there(subjects, catalog), _there(baselines, catalog))


def _there(asked: tuple[Asked, ...], catalog: Catalog) -> tuple[Asked, ...]:
    return tuple(
        one for one in asked if catalog.languages[one.language].absence(one.workload, one.form or one.variant) is None
    )


def _pairs(
    claim: Claim, contrast: Contrast, subjects: tuple[Asked, ...], baselines: tuple[Asked, ...]
) -> tuple[Pair, ...]:
    if contrast.baseline is None:
        return tuple(Pair(subject=_demand(one, contrast), baseline=None) for one in subjects)
    pairs = []
    for workload in dict.fromkeys(one.workload for one in subjects):
        mine = [one for one in subjects if one.workload == workload]
        theirs = [one for one in baselines if one.workload == workload]
        for subject in mine:
            alike = [one for one in theirs if (one.variant, one.form) == (subject.variant, subject.form)]
            match = alike if len(alike) == 1 else theirs if len(mine) == len(theirs) == 1 else []
            if len(match) != 1:
                raise UsageError(
                    f"claim {claim.id}, contrast {contrast.id}: {len(theirs)} baselines for {subject.workload}/"
                    f"{subject.variant}; narrow the selectors until each subject has one"
                )
            pairs.append(Pair(subject=_demand(subject, contrast), baseline=_demand(match[0], contrast)))
    return tuple(pairs)


def _demand(asked: Asked, contrast: Contrast) -> Demand:
    return Demand(
        workload=asked.workload,
        variant=asked.variant,
        form=asked.form,
        language=asked.language,
        configuration=asked.configuration,
        toolchain=asked.toolchain,
        mode=asked.mode,
        metric=contrast.metric,
        warmup=contrast.warmup,
        iterations=contrast.iterations,
    )
