"""What runs beside a container: the worker's process is the container's, and nothing of ours is inside it."""

from harness.catalog.model import Mode
from harness.engines.docker import DockerEngine
from harness.execute.control import IN_FORCE, REFUSED
from harness.execute.run import run
from harness.protocol.record import Record
from harness.store import runs
from tests.fakes import running


def only(store: runs.Run, engine: DockerEngine, mode: Mode) -> Record:
    return next(iter(run(running.block("slow", mode=mode), running.setting(store, engine))))


def test_container_when_in_mode_memory_then_its_curve_is_of_the_worker_from_release_to_end(
    engine: DockerEngine, store: runs.Run
) -> None:
    seen = only(store, engine, "memory").observed
    assert seen.curve is not None, seen.unavailable
    assert seen.vm_hwm_bytes is not None
    assert seen.end_received_ns is not None
    assert seen.curve.samples[-1][0] > seen.end_received_ns
    # A shell and the programs it starts one at a time, no more than a few times the shell itself.
    assert all(0 < resident < 8 * seen.vm_hwm_bytes for _, resident in seen.curve.samples)


def test_container_when_in_mode_latency_then_its_control_watches_its_cpus_from_outside(
    engine: DockerEngine, store: runs.Run
) -> None:
    seen = only(store, engine, "latency").observed
    if seen.control is None:
        assert seen.unavailable["control"].startswith(REFUSED)
        return
    assert seen.released_ns is not None
    assert seen.end_received_ns is not None
    assert seen.control.in_force == IN_FORCE
    assert seen.control.start_ns < seen.released_ns < seen.end_received_ns < seen.control.end_ns
    assert ",".join(map(str, seen.control.cpus)) == seen.limits_read_back["cpuset"]


def test_container_when_it_runs_then_pressure_is_there_or_why_not(engine: DockerEngine, store: runs.Run) -> None:
    seen = only(store, engine, "throughput").observed
    for name in ("psi_cpu_ns", "psi_memory_ns", "psi_io_ns"):
        value = getattr(seen, name)
        assert (value is None) is (name in seen.unavailable)
        assert value is None or value >= 0
