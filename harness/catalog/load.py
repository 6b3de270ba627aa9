"""From ``benchmarks/`` and ``langs/`` to one :class:`~harness.catalog.model.Catalog`.

Everything is checked here once: names that are referred to exist, ids equal file names, numbers are in
range. What is loaded needs no further checks.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TypeVar

from harness.catalog import files
from harness.catalog.digest import of_value
from harness.catalog.model import (
    MODES,
    SIZES,
    Catalog,
    Check,
    Configuration,
    Golden,
    Iterations,
    Language,
    Limits,
    LimitsOverride,
    Metric,
    Mode,
    OpenLoop,
    Parameter,
    Suite,
    SuiteCells,
    Toolchain,
    Truth,
    Variant,
    Workload,
)
from harness.catalog.select import ask, parse, refuse_unknown
from harness.errors import DataError, UsageError

T = TypeVar("T")


def load(root: Path) -> Catalog:
    """Everything that can be measured under ``root``; DataError names the first thing that is wrong."""
    workloads = _by_id(sorted((root / "benchmarks/workloads").glob("*.toml")), load_workload)
    languages = _by_id(sorted((root / "langs").glob("*/lang.toml")), load_language)
    metrics = load_metrics(root / "benchmarks/metrics.toml")
    suites = _by_id(sorted((root / "benchmarks/suites").glob("*.toml")), load_suite)
    for language in languages.values():
        _check_absent(root / "langs" / language.id / "lang.toml", language, workloads)
    catalog = Catalog(
        workloads=workloads,
        languages=languages,
        metrics=metrics,
        suites=suites,
        digest=of_value(
            (
                [specification(one) for one in workloads.values()],
                [
                    dataclasses.replace(one, title="", colour="", marker="", dash="", truth=Truth())
                    for one in languages.values()
                ],
                metrics,
            )
        ),
    )
    for suite in suites.values():
        _check_selectors(root / f"benchmarks/suites/{suite.id}.toml", suite, catalog)
    return catalog


def specification(workload: Workload) -> Workload:
    """The part of a workload that decides what its programs do: titles, notes and goldens may be corrected."""
    return dataclasses.replace(workload, title="", models="", isolates="", goldens=(), differences=())


def load_workload(path: Path) -> Workload:
    """``benchmarks/workloads/<id>.toml``."""
    raw = files.read(path, files.WorkloadFile)
    _same_id(path, raw.id, path.stem)
    _unique(path, "variant", [variant.id for variant in raw.variant])
    names = [variant.id for variant in raw.variant]
    for index, golden in enumerate(raw.golden):
        _known(path, f"golden.{index}.variant", golden.variant, names)
    for size in SIZES:
        if size not in raw.iterations:
            raise DataError(path, f"iterations.{size}", "missing key", "say how often it is repeated at that size")
    if raw.arrivals_replace is not None:
        _known(path, "arrivals_replace", raw.arrivals_replace, raw.parameters)
    else:
        for key, there in (("open_loop", bool(raw.open_loop)), *_latency_variants(raw)):
            if there:
                problem = "mode latency needs the parameter that counts operations"
                raise DataError(path, key, problem, "name it in arrivals_replace")
    return Workload(
        id=raw.id,
        title=raw.title,
        models=raw.models,
        isolates=raw.isolates,
        operation=raw.operation,
        algorithm=raw.algorithm.strip(),
        arrivals_replace=raw.arrivals_replace,
        parameters={
            name: Parameter(unit=one.unit, smoke=one.smoke, quick=one.quick, full=one.full)
            for name, one in raw.parameters.items()
        },
        iterations={size: Iterations(warmup=one.warmup, measured=one.measured) for size, one in raw.iterations.items()},
        open_loop={size: OpenLoop(rate=one.rate, seconds=one.seconds) for size, one in raw.open_loop.items()},
        variants=tuple(
            Variant(id=one.id, about=one.about, lane=one.lane, modes=one.modes or _modes(raw), forms=one.forms)
            for one in raw.variant
        ),
        limits=_override(path, raw.limits.cpus, raw.limits.memory),
        goldens=tuple(_golden(one) for one in raw.golden),
        differences=tuple(one.what for one in raw.difference),
    )


def _modes(raw: files.WorkloadFile) -> tuple[Mode, ...]:
    """The modes of a variant that names none: all, but latency only where operations can be counted."""
    return tuple(mode for mode in MODES if mode != "latency" or raw.arrivals_replace is not None)


def _latency_variants(raw: files.WorkloadFile) -> list[tuple[str, bool]]:
    return [(f"variant.{one.id}.modes", "latency" in (one.modes or ())) for one in raw.variant]


def load_language(path: Path) -> Language:
    """``langs/<language>/lang.toml``."""
    raw = files.read(path, files.LanguageFile)
    _same_id(path, raw.id, path.parent.name)
    toolchains = [one.id for one in raw.toolchain]
    _unique(path, "toolchain", toolchains)
    _unique(path, "configuration", [one.id for one in raw.configuration])
    chosen = [one.id for one in raw.toolchain if one.default]
    if len(chosen) != 1:
        raise DataError(path, "toolchain", f"{len(chosen)} toolchains are the default", "mark exactly one")
    for one in raw.configuration:
        if one.toolchain is not None:
            _known(path, f"configuration.{one.id}.toolchain", one.toolchain, toolchains)
    return Language(
        id=raw.id,
        title=raw.title,
        colour=raw.colour,
        marker=raw.marker,
        dash=raw.dash,
        runner=raw.runner,
        source=raw.source,
        comment=raw.comment,
        layouts=raw.layouts,
        folder=PurePosixPath("langs") / raw.id,
        toolchains=tuple(
            Toolchain(
                id=one.id,
                default=one.default,
                probe=one.probe,
                packages=one.packages,
                runtime_packages=one.runtime_packages,
                backports=one.backports,
                path=one.path,
                pypi=one.pypi,
                host_packages=one.host_packages,
            )
            for one in raw.toolchain
        ),
        configurations=tuple(
            Configuration(
                id=one.id,
                lane=one.lane,
                about=one.about,
                toolchain=one.toolchain or chosen[0],
                environment=one.environment,
                build=one.build,
                in_force=one.in_force,
                may_fail=one.may_fail,
            )
            for one in raw.configuration
        ),
        mode_build={mode: one.build for mode, one in raw.mode.items()},
        absent=raw.absent,
        truth=_truth(path, raw),
    )


def _truth(path: Path, raw: files.LanguageFile) -> Truth:
    """``[truth]`` of a language."""
    one = raw.truth
    if one.stops is not None:
        _known(path, "truth.stops", one.stops, [configuration.id for configuration in raw.configuration])
    return Truth(
        start_bytes=files.memory_bytes(path, "truth.start_memory", one.start_memory),
        start_cpu_ns=one.start_cpu_ms * 1_000_000,
        size_classes=dict(one.size_classes),
        stops=one.stops,
    )


def load_metrics(path: Path) -> Mapping[str, Metric]:
    """``benchmarks/metrics.toml``: every quantity, by id."""
    raw = files.read(path, files.MetricsFile)
    _unique(path, "metric", [one.id for one in raw.metric])
    return {
        one.id: Metric(
            id=one.id,
            title=one.title,
            unit=one.unit,
            better=one.better,
            modes=one.modes,
            scope=one.scope,
            assumption=one.assumption,
            source=one.source,
            tier=one.tier,
            check=None if one.check is None else _check(one.check),
        )
        for one in raw.metric
    }


def load_suite(path: Path) -> Suite:
    """``benchmarks/suites/<id>.toml``."""
    raw = files.read(path, files.SuiteFile)
    _same_id(path, raw.id, path.stem)
    if raw.limits.cpus is None or raw.limits.memory is None:
        raise DataError(path, "limits", "cpus and memory are both needed", 'write cpus = 2, memory = "4GiB"')
    return Suite(
        id=raw.id,
        title=raw.title,
        size=raw.size,
        blocks=raw.blocks,
        deadline_seconds=None if raw.deadline is None else files.seconds(path, "deadline", raw.deadline),
        claims=raw.claims,
        only=raw.only,
        parallel=raw.parallel,
        limits=Limits(cpus=raw.limits.cpus, memory=files.memory_bytes(path, "limits.memory", raw.limits.memory)),
        cells=tuple(_suite_cells(path, one) for one in raw.cells),
        control=tuple(_suite_cells(path, one) for one in raw.control),
    )


def _suite_cells(path: Path, raw: files.CellsFile) -> SuiteCells:
    return SuiteCells(
        select=raw.select,
        once=raw.once,
        limits=_override(path, raw.cpus, raw.memory),
        warmup=raw.warmup,
        iterations=raw.iterations,
        rate=raw.rate,
        seconds=raw.seconds,
        loads=raw.loads,
        may_fail=raw.may_fail,
    )


def _check(raw: files.CheckFile) -> Check:
    return Check(against=raw.against, within=float(raw.within.rstrip("%")) / 100, floor=raw.floor)


def _golden(raw: files.GoldenFile) -> Golden:
    return Golden(
        size=raw.size,
        variant=raw.variant,
        seed=raw.seed,
        source=raw.source,
        operations=raw.operations,
        allocations=raw.allocations,
        allocated_bytes=raw.allocated_bytes,
        peak_live_bytes=raw.peak_live_bytes,
        checksum=raw.checksum,
        facts=raw.facts,
    )


def _override(path: Path, cpus: int | None, memory: str | None) -> LimitsOverride:
    return LimitsOverride(
        cpus=cpus, memory=None if memory is None else files.memory_bytes(path, "limits.memory", memory)
    )


def _by_id(paths: Iterable[Path], read: Callable[[Path], T]) -> Mapping[str, T]:
    return {path.parent.name if path.name == "lang.toml" else path.stem: read(path) for path in paths}


def _same_id(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise DataError(path, "id", f"{found!r} differs from the name {expected!r}", "make them equal")


def _unique(path: Path, key: str, ids: list[str]) -> None:
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise DataError(path, key, f"{twice[0]!r} is there twice", "give each its own id")


def _known(path: Path, key: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise DataError(path, key, f"there is no {name!r}", files.nearest(name, known))


def _check_selectors(path: Path, suite: Suite, catalog: Catalog) -> None:
    asking = [
        (f"{key}.{index}.select", text)
        for key, groups in (("cells", suite.cells), ("control", suite.control))
        for index, group in enumerate(groups)
        for text in group.select
    ]
    for key, text in (("only", suite.only), *asking):
        try:
            selector = parse(text, catalog)
            if key == "only":
                refuse_unknown(selector, catalog)
            else:
                ask(selector, catalog)
        except UsageError as error:
            raise DataError(path, key, str(error), "correct the selector") from None


def _check_absent(path: Path, language: Language, workloads: Mapping[str, Workload]) -> None:
    for key in language.absent:
        workload, _, variant = key.partition("/")
        _known(path, f"absent.{key}", workload, workloads)
        if variant:
            _known(path, f"absent.{key}", variant, [one.id for one in workloads[workload].variants])
