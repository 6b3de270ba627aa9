"""What speed costs: peak memory against wall time, each relative to one baseline configuration.

Per block the logarithms of the ratios are averaged over the workloads that every shown configuration finished, and the
interval is over blocks, as everywhere. Configurations are compared inside their lane only: one frontier per lane, and
a tie wherever the paired comparison of two of them includes no difference.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

from harness import units
from harness.catalog.model import Catalog, Lane
from harness.protocol.record import Record
from harness.report.model import Frontier, FrontierPoint, Measured
from harness.samples.collect import SampleOf, collect
from harness.stats import paired, pool
from harness.stats.values import Estimate, Sample

Key = tuple[str, str]
"""Language and configuration."""
Series = Mapping[Key, Mapping[str, Sample]]
"""Per configuration and workload, one metric's values over blocks."""

TIME, MEMORY, CPU = "time.per_operation", "memory.peak", "cpu.per_operation"
LEVEL: Final = 0.05
LANES: Final[tuple[Lane, ...]] = ("default", "tuned", "pooled", "no_reclaim")


def frontier_of(catalog: Catalog, records: Sequence[Record]) -> Frontier:
    """The frontier of a run's records, from what ran in blocks."""
    inside = [record for record in records if record.invocation.block is not None]
    time, memory, cpu = (
        _series(catalog, collect(inside, catalog.metrics[name])) if name in catalog.metrics else {}
        for name in (TIME, MEMORY, CPU)
    )
    return frontier(catalog, time, memory, cpu)


def frontier(catalog: Catalog, time: Series, memory: Series, cpu: Series) -> Frontier:
    """The frontier of what was measured; a configuration without CPU times is shown without them."""
    baseline = baseline_of(catalog)
    if baseline is None or baseline not in time:
        return _empty("" if baseline is None else "/".join(baseline), "its baseline was not measured in this run")
    name = "/".join(baseline)
    finished = {key: frozenset(time[key]) & frozenset(memory.get(key, {})) for key in time}
    workloads = shared_workloads(finished, baseline)
    shown = [key for key in sorted(finished) if workloads and workloads <= finished[key]]
    if len(shown) < 2:
        return _empty(name, "fewer than two configurations finished the same workloads in this run")
    times = {key: over(time, key, baseline, workloads) for key in shown}
    memories = {key: over(memory, key, baseline, workloads) for key in shown}
    with_cpu = [
        key
        for key in shown
        if workloads <= frozenset(cpu.get(key, {})) and workloads <= frozenset(cpu.get(baseline, {}))
    ]
    cpus = {key: over(cpu, key, baseline, workloads) for key in with_cpu}
    placed = [key for key in shown if times[key].blocks and memories[key].blocks]
    lanes = {key: catalog.languages[key[0]].configuration(key[1]).lane for key in placed}
    at = {key: (times[key].point, memories[key].point) for key in placed}
    ranked = sorted(placed, key=lambda key: (LANES.index(lanes[key]), at[key]))
    return Frontier(
        baseline=name,
        workloads=tuple(sorted(workloads)),
        blocks=max((times[key].blocks for key in placed), default=0),
        points=tuple(
            FrontierPoint(
                language=key[0], configuration=key[1], lane=lanes[key], time=_measured(times[key], key == baseline),
                memory=_measured(memories[key], key == baseline),
                cpu=_measured(cpus[key], key == baseline) if key in cpus and cpus[key].blocks else None,
                best=_unbeaten(key, at, lanes),
            )
            for key in ranked
        ),
        ties=tuple(
            f"{'/'.join(one)} and {'/'.join(other)} ({' and '.join(tied)})"
            for one, other in combinations(ranked, 2)
            if lanes[one] == lanes[other] and (tied := _tied(one, other, time, memory, workloads))
        ),
        left_out=tuple(_left_out(key, workloads - finished[key]) for key in sorted(finished) if key not in placed),
        empty="" if placed else "no block holds all of its workloads",
    )  # fmt: skip


def baseline_of(catalog: Catalog) -> Key | None:
    """The first configuration of lane default in the first language by id: data decides, no language is named."""
    for language in sorted(catalog.languages.values(), key=lambda entry: entry.id):
        for configuration in language.configurations:
            if configuration.lane == "default":
                return language.id, configuration.id
    return None


def shared_workloads(finished: Mapping[Key, frozenset[str]], baseline: Key) -> frozenset[str]:
    """The set of workloads that keeps most (workload, configuration) pairs when every shown one must have them all.

    Only what some configuration finished, cut to what the baseline finished, can be best; the larger set wins a tie.
    """
    candidates = {frozenset(found & finished[baseline]) for found in finished.values()}

    def kept(candidate: frozenset[str]) -> tuple[int, int, tuple[str, ...]]:
        shown = sum(candidate <= found for found in finished.values())
        return shown * len(candidate), len(candidate), tuple(sorted(candidate))

    return max(candidates, key=kept)


def over(series: Series, key: Key, other: Key, workloads: frozenset[str]) -> Estimate:
    """``key`` relative to ``other``: geometric mean over the workloads inside each block, then t over blocks."""
    pairs = {name: paired.compare(series[key][name], series[other][name], level=LEVEL) for name in sorted(workloads)}
    return pool.over_workloads(pairs, level=LEVEL).estimate


def _series(catalog: Catalog, samples: Sequence[SampleOf]) -> Series:
    """What ran as the catalogue has it: first variant, its own repetitions and toolchain, and without a failure."""
    found: dict[Key, dict[str, Sample]] = {}
    for one in samples:
        cell = one.cell
        workload = catalog.workloads[cell.workload]
        usual = workload.iterations[cell.size]
        if (
            (one.replica, one.stage, one.form, cell.mode) == ("a", "measure", None, "throughput")
            and cell.variant == workload.variants[0].id
            and (cell.warmup, cell.iterations) == (usual.warmup, usual.measured)
            and cell.toolchain == catalog.languages[cell.language].configuration(cell.configuration).toolchain
            and one.sample.values
            and not one.failures
        ):
            found.setdefault((cell.language, cell.configuration), {})[cell.workload] = one.sample
    return found


def _empty(baseline: str, reason: str) -> Frontier:
    return Frontier(baseline=baseline, workloads=(), blocks=0, points=(), ties=(), left_out=(), empty=reason)


def _measured(estimate: Estimate, is_baseline: bool) -> Measured:
    # The baseline against itself is 1 by definition, not by measurement: it has no interval.
    low, high = (None, None) if is_baseline else (estimate.low, estimate.high)
    text = "baseline" if is_baseline else units.estimate(estimate.point, low, high, estimate.unit)
    return Measured(point=estimate.point, low=low, high=high, text=text)


def _unbeaten(key: Key, at: Mapping[Key, tuple[float, float]], lanes: Mapping[Key, str]) -> bool:
    """Whether no configuration of the same lane is at least as good in both and better in one."""
    return not any(
        lanes[other] == lanes[key]
        and at[other] != at[key]
        and all(a <= b for a, b in zip(at[other], at[key], strict=True))
        for other in at
    )


def _tied(one: Key, other: Key, time: Series, memory: Series, workloads: frozenset[str]) -> Sequence[str]:
    """In what the paired comparison of the two does not tell them apart."""
    found = []
    for name, series in (("time", time), ("memory", memory)):
        estimate = over(series, one, other, workloads)
        if estimate.low is not None and estimate.high is not None and estimate.low <= 1 <= estimate.high:
            found.append(name)
    return found


def _left_out(key: Key, missing: frozenset[str]) -> str:
    if not missing:
        return f"{'/'.join(key)}: no block holds all of its workloads"
    return f"{'/'.join(key)} did not finish {', '.join(sorted(missing))}"
