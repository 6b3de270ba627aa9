"""A record: one invocation, its messages verbatim, what the harness observed, and its status."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.catalog.model import Invocation, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The control processes' view of the platform: gaps that threads saw which no other thread could hold up.

    One process a CPU of the worker's, outside its container, on an absolute schedule of ``period_ns``. ``in_force`` is
    the scheduling policy that the kernel reported at the end. ``gaps`` are (CPU, start, end) of at least
    ``threshold_ns``, ``ticks`` and ``skipped`` are sums over the processes, ``cpu_ns`` is what they took together.
    """

    period_ns: int
    threshold_ns: int
    in_force: str
    cpus: tuple[int, ...]
    start_ns: int
    end_ns: int
    ticks: int
    skipped: int
    cpu_ns: int
    gaps: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Resident bytes of the worker's process tree over time, sampled from outside.

    ``samples`` are (CLOCK_MONOTONIC ns, bytes); ``asked_hz`` is the frequency that was asked for, ``cpus`` where the
    sampler ran, ``spare`` whether those are outside the worker's.
    """

    asked_hz: int
    cpus: tuple[int, ...]
    spare: bool
    samples: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the harness read on the host around one invocation; None with a reason in ``unavailable``.

    Times are CLOCK_MONOTONIC ns: ``released_ns`` is when the go byte was written, ``end_received_ns`` when the
    ``end`` line arrived. ``cgroup_cpu_ns`` and ``cgroup_peak_bytes`` count from the reset baseline at ``ready``, and
    so do faults, ``run_delay_ns``, ``throttled_ns``, ``steal_ns``, ``foreign_busy_ns`` and ``psi_*_ns`` (the kernel's
    pressure totals, "some": the cgroup's where it has its own, else the machine's); all end with the ``end`` line.
    ``anon_bytes`` to ``file_bytes`` are what the cgroup is charged at ``end`` (without one: the worker's resident
    pages). ``control`` belongs to mode latency, ``curve`` to mode memory.
    """

    engine: str
    image: str | None
    started_ns: int
    released_ns: int | None
    end_received_ns: int | None
    ended_ns: int
    exit_code: int | None
    oom_killed: bool
    timed_out: bool = False
    cgroup_peak_bytes: int | None = None
    cgroup_cpu_ns: int | None = None
    vm_hwm_bytes: int | None = None
    anon_bytes: int | None = None
    shmem_bytes: int | None = None
    file_bytes: int | None = None
    minor_faults: int | None = None
    major_faults: int | None = None
    run_delay_ns: int | None = None
    throttled_ns: int | None = None
    steal_ns: int | None = None
    foreign_busy_ns: int | None = None
    psi_cpu_ns: int | None = None
    psi_memory_ns: int | None = None
    psi_io_ns: int | None = None
    control: Control | None = None
    curve: Curve | None = None
    limits_read_back: Mapping[str, int | str | None]
    unavailable: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What was run: the digest of the workload's spec and the digest of the sources it was built from."""

    workload: str
    sources: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An invocation, assembled; ``messages`` are the lines verbatim, ``stderr`` is the tail of the other stream."""

    format: int
    id: str
    invocation: Invocation
    status: Status
    reason: str | None
    observed: Observed
    flags: tuple[str, ...]
    digest: Digest
    messages: tuple[str, ...]
    stderr: str = ""
