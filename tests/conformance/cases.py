"""What is asked of the programs: parameters and seeds per workload, drawn once from a fixed seed.

Small, so that hundreds of processes cost seconds; with the edges in: seeds at both ends of 64 bits, parameters at the
least that means something.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from harness.catalog.model import Language, Mode, Size, Variant, Workload
from tests.conformance.compare import Expected
from tests.conformance.programs import LANGUAGES, WORKLOADS, arguments
from tests.models import (
    binary_trees,
    buffer_pool,
    canary,
    escape,
    fragmentation,
    gcbench,
    large_objects,
    live_map,
    lru_cache,
    message_window,
    pass_large,
)
from tests.models.base import MASK, Result

MODELS: Final[Mapping[str, ModuleType]] = {
    "binary_trees": binary_trees,
    "buffer_pool": buffer_pool,
    "canary": canary,
    "escape": escape,
    "fragmentation": fragmentation,
    "gcbench": gcbench,
    "large_objects": large_objects,
    "live_map": live_map,
    "lru_cache": lru_cache,
    "message_window": message_window,
    "pass_large": pass_large,
}

RANGES: Final[Mapping[str, Mapping[str, range]]] = {
    "binary_trees": {"depth": range(4, 10), "threads": range(1, 5)},
    "buffer_pool": {
        "burst": range(1, 20),
        "rounds": range(10),
        "bimodal_rounds": range(10),
        "cap_kib": range(200),
    },
    "canary": {
        "mebibytes": range(1, 5),
        "hold_ms": range(1, 4),
        "cpu_ms": range(1, 9),
        "threads": range(1, 4),
        "count": range(1, 500),
        "size": range(16, 257, 8),
        "arrivals": range(1, 50),
        "service_us": range(20),
        "stall_every": range(10, 100),
    },
    "escape": {"operations": range(1, 3000), "large_operations": range(1, 20)},
    "fragmentation": {"objects": range(32, 2000), "cycles": range(6), "idle_s": range(2)},
    "gcbench": {"depth": range(2, 9), "array": range(1, 500)},
    "large_objects": {"mebibytes": range(1, 4), "blocks": range(1, 20)},
    "live_map": {"mebibytes": range(1, 4), "operations": range(3000), "garbage": range(8, 1025, 8)},
    "lru_cache": {"capacity": range(1, 50), "accesses": range(1, 2000)},
    "message_window": {"window": range(1, 50), "size": range(8, 513, 8), "pushes": range(1, 500)},
    "pass_large": {"words": range(8192, 100_000)},
}

SEEDS: Final = (0, 1, 42, 1 << 31, (1 << 63) - 1, 1 << 63, MASK - 1, MASK)
SETS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One invocation: parameters and a seed."""

    parameters: Mapping[str, int]
    seed: int


def present(*, forms: bool = False) -> list[tuple[str, str, str]]:
    """Every (language, workload, variant) that is not absent; those that serve forms when asked, else all others."""
    return [
        (language.id, workload.id, variant.id)
        for workload in WORKLOADS.values()
        for variant in workload.variants
        for language in LANGUAGES.values()
        if variant.forms == forms and language.absence(workload.id, variant.id) is None
    ]


def drawn(workload: str, variant: str, *, sets: int = SETS) -> Iterator[Case]:
    """Cases for one variant: the least parameters first, then random ones; edges of the seed, then random ones."""
    rng = random.Random(f"{workload}/{variant}")
    ranges = RANGES[workload]
    for number in range(sets):
        yield Case(
            parameters={name: values[0] if number == 0 else rng.choice(values) for name, values in ranges.items()},
            seed=SEEDS[number] if number < len(SEEDS) else rng.randrange(MASK + 1),
        )


def at(workload: Workload, size: Size) -> Case:
    """The case of a size, with the seed of its goldens."""
    return Case(
        parameters={name: one.at(size) for name, one in workload.parameters.items()},
        seed=MODELS[workload.id].GOLDEN_SEED,
    )


def served_forms(language: Language, workload: Workload) -> list[str]:
    """The forms of a workload that ``language`` does not declare absent, in the order of its variants."""
    return [v.id for v in workload.variants if not v.forms and language.absence(workload.id, v.id) is None]


def results(language: str, workload: str, variant: str, case: Case) -> dict[str | None, Result]:
    """What the model says, by form; under None for a variant that is none."""
    run = MODELS[workload].run
    if not WORKLOADS[workload].variant(variant).forms:
        return {None: run(case.parameters, variant, case.seed)}
    forms = served_forms(LANGUAGES[language], WORKLOADS[workload])
    return {form: run(case.parameters, form, case.seed) for form in forms}


def expected(
    language: str,
    workload: str,
    variant: str,
    case: Case,
    *,
    mode: Mode = "throughput",
    warmup: int = 0,
    iterations: int = 1,
) -> Expected:
    """What the program of ``language`` must print for one invocation."""
    return Expected(
        language=language,
        mode=mode,
        warmup=warmup,
        iterations=iterations,
        results=results(language, workload, variant, case),
        # In both an allocation of the text may be none: the subject of the one, the purpose of the others.
        served=workload != "escape" and WORKLOADS[workload].variant(variant).lane != "pooled",
    )


def command_line(
    workload: str, variant: str, case: Case, *, mode: Mode = "throughput", warmup: int = 0, iterations: int = 1
) -> list[str]:
    """The arguments of the same invocation."""
    return arguments(
        workload, case.parameters, variant=variant, seed=case.seed, mode=mode, warmup=warmup, iterations=iterations
    )


def modes(variant: Variant) -> tuple[Mode, ...]:
    """The modes of a variant that a program can be asked for without a rate: all but latency."""
    return tuple(mode for mode in variant.modes if mode != "latency")
