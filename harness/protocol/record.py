"""A record: one invocation, its messages verbatim, what the harness observed, and its status."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.catalog.model import Invocation, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the harness read on the host around one invocation; None with a reason in ``unavailable``.

    Times are CLOCK_MONOTONIC ns: ``released_ns`` is when the go byte was written, ``end_received_ns`` when the
    ``end`` line arrived. ``cgroup_cpu_ns`` and ``cgroup_peak_bytes`` count from the reset baseline at ``ready``, and
    so do faults, ``run_delay_ns``, ``throttled_ns``, ``steal_ns`` and ``foreign_busy_ns``; all end with the ``end``
    line. ``anon_bytes`` to ``file_bytes`` are what the cgroup is charged at ``end`` (without one: the worker's
    resident pages).
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
