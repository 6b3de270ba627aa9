"""Where rows are checked: one real worker at a time through engine, handshake, assembling and reading, as in any run.

What validates is what measures: a bench adds nothing to that path but an injection, which acts on the worker from
outside while it runs, and readers that come with it as values, so that a broken one can be put in their place.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from harness.catalog.model import Block, Build, Catalog, Cell, Invocation, Language, Limits, Mode, Replica
from harness.engines.base import Chunk, Engine, Exit, Place, Session
from harness.engines.cgroup import Cgroup
from harness.execute.run import RERUN_FLAGS, Setting, run
from harness.plan.cells import CANARY, SEED, Planned, invocation
from harness.plan.settings import TICK_US, command_line, scheduled
from harness.protocol.record import Record
from harness.samples.readings import Absent, Stream, readings, stream
from harness.samples.source import Field, Formula, Source, parse_source
from harness.stats import simulate
from harness.validate.checks import NotMeasured, Unavailable, Value

CPUS: Final = 2
MEMORY: Final = 2 << 30


class Injection(Protocol):
    """Something that acts on a worker from outside. Every method is called once, in this order, by one thread.

    ``started`` comes before the handshake, ``release`` right before the go byte is written, ``over`` after the worker's
    counters were read or when it is killed. Unavailable where this host does not allow it.
    """

    def started(self, session: Session, place: Place) -> None:
        """The worker is there and not yet talked to."""

    def release(self, session: Session) -> None:
        """The worker is about to be released; what must act from the first moment is in place when this returns."""

    def over(self) -> None:
        """The worker has been read, or is being killed; nothing of the injection stays."""


class Together:
    """Several injections as one."""

    def __init__(self, *parts: Injection) -> None:
        self._parts = parts

    def started(self, session: Session, place: Place) -> None:
        """Each in turn."""
        for one in self._parts:
            one.started(session, place)

    def release(self, session: Session) -> None:
        """Each in turn."""
        for one in self._parts:
            one.release(session)

    def over(self) -> None:
        """Each in turn."""
        for one in self._parts:
            one.over()


class Injected:
    """An engine whose workers are acted on by ``injection``; everything else is the engine's own."""

    def __init__(self, engine: Engine, injection: Injection) -> None:
        self._engine = engine
        self._injection = injection

    @property
    def name(self) -> str:
        """The engine's."""
        return self._engine.name

    def cpus(self) -> tuple[int, ...]:
        """The engine's."""
        return self._engine.cpus()

    def sweep(self, alive: Callable[[str], bool]) -> tuple[str, ...]:
        """The engine's."""
        return self._engine.sweep(alive)

    def start(self, invocation: Invocation, place: Place) -> Session:
        """The engine's worker, with the injection told of it."""
        session = self._engine.start(invocation, place)
        watched = _Watched(session, self._injection)
        try:
            self._injection.started(session, place)
        except BaseException:
            watched.kill()
            watched.close()
            raise
        return watched


class _Watched:
    """A session that tells an injection of release and end."""

    def __init__(self, session: Session, injection: Injection) -> None:
        self._session = session
        self._injection = injection
        self._over = False

    @property
    def image(self) -> str | None:
        return self._session.image

    def receive(self, seconds: float) -> Chunk | None:
        return self._session.receive(seconds)

    def send(self, data: bytes) -> bool:
        if data == b"g":
            self._injection.release(self._session)
        else:
            self._end()
        return self._session.send(data)

    def pid(self) -> int | None:
        return self._session.pid()

    def cgroup(self) -> Cgroup | str:
        return self._session.cgroup()

    def wait(self, seconds: float) -> Exit | None:
        return self._session.wait(seconds)

    def kill(self) -> None:
        self._end()
        self._session.kill()

    def close(self) -> str | None:
        self._end()
        return self._session.close()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._injection.over()


def read(record: Record, source: Source) -> float:
    """The one value that a record gives for ``source``; NotMeasured with the reason where it gives none."""
    good(record)
    found = readings(record, source)
    if isinstance(found, Absent):
        raise NotMeasured(f"{record.invocation.cell.label}: {found.reason}")
    return found[0].value


def good(record: Record) -> Stream:
    """The messages of a record that ended well; NotMeasured otherwise."""
    label = record.invocation.cell.label
    if record.status != "ok":
        raise NotMeasured(f"{label} ended as {record.status}: {record.reason}")
    parsed = stream(record)
    if isinstance(parsed, Absent):
        raise NotMeasured(f"{label}: {parsed.reason}")
    return parsed


def peak(record: Record) -> float:
    """Peak resident bytes of the measured iterations: what metric ``memory.peak`` reads."""
    return read(record, Formula(top=Field(scope="end", name="peak_resident_bytes")))


def work_cpu(record: Record) -> float:
    """CPU ns of the measured iterations: what metric ``cpu.per_operation`` divides by operations."""
    return read(record, Formula(top=Field(scope="iteration", name="cpu_ns")))


def container_cpu(record: Record) -> float:
    """CPU ns of the whole container from its release on."""
    accounted(record, "cgroup_cpu_ns")
    return read(record, Formula(top=Field(scope="observed", name="cgroup_cpu_ns")))


def accounted(record: Record, name: str) -> int:
    """A counter of the worker's own cgroup; Unavailable where it has none to itself, or the kernel does not say."""
    good(record)
    value = getattr(record.observed, name)
    if value is None:
        raise Unavailable(f"{name} cannot be read here: {record.observed.unavailable.get(name, 'no reason was given')}")
    return int(value)


def disturbed(records: Sequence[Record]) -> str:
    """What the host did to more than half of the workers, for people; empty where it left most of them alone."""
    hit = [one for one in records if not RERUN_FLAGS.isdisjoint(one.flags)]
    if 2 * len(hit) <= len(records):
        return ""
    named = ", ".join(sorted({flag for one in hit for flag in one.flags} & RERUN_FLAGS))
    return f"the host disturbed {len(hit)} of {len(records)} workers ({named})"


def unless_disturbed(
    values: Iterable[Value], records: Sequence[Record], may: Callable[[Value], bool]
) -> Iterator[Value]:
    """The values; Unavailable where all that lie outside ``may`` come of a busy host, and the host was busy.

    The flags are the host's alone, as those that have an invocation run again.
    """
    found = list(values)
    outside = [one for one in found if not one.ok]
    if outside and all(may(one) for one in outside) and (why := disturbed(records)):
        raise Unavailable(f"{why}: {outside[0].text}")
    yield from found


def footprint(record: Record) -> float:
    """Bytes that the container holds for itself: anonymous and shared memory, and never less for what it caches."""
    return sum(read(record, Formula(top=Field(scope="observed", name=name))) for name in ("anon_bytes", "shmem_bytes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """The readers that rows check, as values: a test puts a broken one in the place of any."""

    peak: Callable[[Record], float] = peak
    work_cpu: Callable[[Record], float] = work_cpu
    container_cpu: Callable[[Record], float] = container_cpu
    footprint: Callable[[Record], float] = footprint
    symmetric: simulate.Interval = simulate.by_t
    skewed: simulate.Interval = simulate.by_rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """An engine with everything that a run has. ``slots`` numbers invocations, ``fast`` asks for fewer of them.

    ``absent`` maps (language, toolchain) that cannot be had here to the reason.
    """

    catalog: Catalog
    setting: Setting
    slots: Iterator[int]
    fast: bool
    seed: int
    absent: Mapping[tuple[str, str], str]
    instruments: Instruments = Instruments()

    @property
    def cpus(self) -> int:
        """How many CPUs workers get."""
        return min(CPUS, len(self.setting.engine.cpus()))

    @property
    def languages(self) -> tuple[Language, ...]:
        """Those whose programs can be had here."""
        return tuple(one for one in self.catalog.languages.values() if not _why_absent(one, self.absent))

    @property
    def left_out(self) -> tuple[str, ...]:
        """Languages that cannot be checked here, each with the reason."""
        return tuple(
            f"{one.title}: {why}" for one in self.catalog.languages.values() if (why := _why_absent(one, self.absent))
        )

    def measure(
        self,
        planned: Planned,
        injection: Injection | None = None,
        *,
        block: int | None = None,
        replica: Replica = "a",
    ) -> Record:
        """Run one worker and give its record, whatever its status; EngineError when the engine fails."""
        engine = self.setting.engine
        setting = replace(self.setting, engine=engine if injection is None else Injected(engine, injection))
        asked = invocation(planned, block=None, slot=next(self.slots), attempt=1, replica=replica)
        record = list(run(Block(number=None, invocations=(asked,)), setting))[-1]
        return record if block is None else replace(record, invocation=replace(record.invocation, block=block))

    def canary(
        self, language: Language, variant: str, mode: Mode, *, configuration: str | None = None, **changes: int
    ) -> Planned:
        """A canary of the language's first configuration; ``changes`` replace parameters of size smoke."""
        return self.plan(language, CANARY, variant, mode, configuration=configuration, **changes)

    def plan(
        self,
        language: Language,
        workload: str,
        variant: str,
        mode: Mode,
        *,
        configuration: str | None = None,
        **changes: int,
    ) -> Planned:
        """A cell with what running it takes.

        ``changes`` replace parameters of size smoke; ``warmup``, ``memory`` (the limit, bytes), ``rate``, ``seconds``
        and ``tick_us`` are the cell's.
        """
        about = self.catalog.workloads[workload]
        chosen = language.configurations[0] if configuration is None else language.configuration(configuration)
        given = dict(changes)
        warmup, memory = given.pop("warmup", 0), given.pop("memory", MEMORY)
        tick_us = given.pop("tick_us", TICK_US)
        schedule = (given.pop("rate", None), given.pop("seconds", None))
        parameters = {name: one.smoke for name, one in about.parameters.items()} | given
        cell = Cell(
            workload=workload,
            variant=variant,
            parameters=parameters,
            size="smoke",
            language=language.id,
            configuration=chosen.id,
            toolchain=chosen.toolchain,
            limits=Limits(cpus=self.cpus, memory=memory),
            mode=mode,
            warmup=warmup,
            iterations=1,
        )
        if mode == "latency":
            cell = scheduled(cell, about, *schedule)
            cell = replace(cell, tick_us=tick_us)
        return Planned(
            cell=cell,
            build=build_of(language, mode, chosen.id),
            command=command_line(language.runner, cell, SEED),
            environment=chosen.environment,
            seed=SEED,
            may_fail=(),
            once=False,
        )

    def metric_source(self, metric: str) -> Source:
        """Where a metric of the catalogue is read from."""
        return parse_source(self.catalog.metrics[metric])


def build_of(language: Language, mode: Mode, configuration: str) -> Build:
    """The binary that a configuration of the language runs in that mode."""
    chosen = language.configuration(configuration)
    options = {**chosen.build, **language.mode_build.get(mode, {})}
    return Build(language=language.id, toolchain=chosen.toolchain, options=options)


def builds(catalog: Catalog, absent: Mapping[tuple[str, str], str]) -> tuple[Build, ...]:
    """Every binary that the rows need, each once."""
    found: dict[tuple[str, str], Build] = {}
    for language in catalog.languages.values():
        if _why_absent(language, absent):
            continue
        names = [language.configurations[0].id, *([language.truth.stops] if language.truth.stops else [])]
        modes: Sequence[Mode] = ("throughput", "exact")
        for one in (build_of(language, mode, name) for name in names for mode in modes):
            found[one.language, one.id] = one
    return tuple(found.values())


def _why_absent(language: Language, absent: Mapping[tuple[str, str], str]) -> str | None:
    return absent.get((language.id, language.configurations[0].toolchain))
