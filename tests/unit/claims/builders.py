"""Claims, samples and findings by hand, over the real catalogue; noise from a fixed seed."""

import dataclasses
import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from harness.catalog.load import load
from harness.catalog.model import Catalog
from harness.claims.load import load_claims
from harness.claims.model import Claim, Demand, Finding, Health
from harness.stats.values import Sample
from tests.fakes.project import ROOT

HEALTHY = Health(canaries={}, control="", failures=())


@cache
def catalog() -> Catalog:
    """The real catalogue."""
    return load(ROOT)


@cache
def claims() -> Mapping[str, Claim]:
    """The real claims."""
    return load_claims(ROOT, catalog())


def changed(name: str, **changes: Any) -> Claim:
    """A real claim with some fields replaced."""
    return dataclasses.replace(claims()[name], **changes)


def sample(demand: Demand, values: Sequence[float], *, resolution: float = 0.0) -> Sample:
    """Values of a demand, block by block from 1 on."""
    metric = catalog().metrics[demand.metric]
    return Sample(
        label=f"{demand.language}/{demand.configuration} {demand.workload}/{demand.form or demand.variant}",
        metric=metric.id,
        unit=metric.unit,
        assumption=metric.assumption,
        values=dict(enumerate(values, start=1)),
        resolution=resolution,
    )


def noisy(middle: float, *, blocks: int = 7, noise: float = 0.01, seed: str = "") -> list[float]:
    """Values around ``middle`` with a relative standard deviation of ``noise``."""
    rng = random.Random(f"{middle}:{blocks}:{noise}:{seed}")
    return [middle * rng.lognormvariate(0.0, noise) for _ in range(blocks)]


def finding(decision: str, *, contrast: str, level: tuple[str, str] | None = None, **changes: Any) -> Finding:
    """A finding of the ratio kind with the decision given."""
    point = {"holds": 2.0, "fails": 0.8, "equivalent": 1.0, "undecided": 1.1}[decision]
    values: dict[str, Any] = {
        "claim": "manual_is_faster",
        "contrast": contrast,
        "kind": "ratio",
        "factor_level": level,
        "point": point,
        "low": point * 0.9,
        "high": point * 1.1,
        "unit": "x",
        "p": 0.01,
        "level": 0.05,
        "blocks": 7,
        "decision": decision,
        "thresholds": {"margin": 1.1, "equivalent": 1.05},
        "rows": (),
        "differences": {},
        "spread": 0.1,
        "estimand": "geometric mean",
        "metric": "time.per_operation",
        "warnings": (),
        "cells": (),
    }
    return Finding(**(values | changes))
