"""From a worker's lines and what the host saw to one record: the only place where a status is decided.

Assembling never raises, because failure is data: whatever the worker printed is kept verbatim, and the first rule that
matches, in the order of :func:`_verdict`, gives the status and a reason that a person can act on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from harness.catalog.model import Golden, Invocation, Status
from harness.protocol.messages import MESSAGE, End, Iteration, Ready, Start
from harness.protocol.record import Digest, Observed, Record

FORMAT = 1
STDERR_KEPT = 8192
"""Bytes of the worker's stderr that a record keeps, counted from the end."""

GARBAGE_LOOKED_AT = 100
"""After so many lines that are no messages, the rest of a stream is kept and no longer read."""

EXIT_USAGE = 64
EXIT_DISAGREE = 65
EXIT_MEANS: Mapping[int, Status] = {66: "oom", 69: "unsupported", 71: "kernel_limit"}
"""Exit codes with which a worker names its own failure (langs/PROTOCOL.md, section 4)."""

_WORK = ("operations", "allocations", "allocated_bytes", "peak_live_bytes", "checksum")
"""Fields of an iteration that only seed and parameters decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    messages: tuple[object, ...]
    garbage: tuple[str, ...]

    @property
    def start(self) -> Start | None:
        return next((message for message in self.messages if isinstance(message, Start)), None)

    @property
    def end(self) -> End | None:
        return next((message for message in self.messages if isinstance(message, End)), None)

    @property
    def iterations(self) -> tuple[Iteration, ...]:
        return tuple(message for message in self.messages if isinstance(message, Iteration))


def assemble(
    invocation: Invocation,
    lines: Iterable[bytes],
    observed: Observed,
    *,
    digest: Digest,
    in_force: Mapping[str, int | str],
    goldens: Mapping[str | None, Golden],
    flags: Sequence[str] = (),
    stderr: bytes = b"",
    overflow: bool = False,
) -> Record:
    """The record of an invocation; never raises.

    ``in_force`` is what the configuration asks for, ``goldens`` are by form (None: no forms). ``lines`` are the
    worker's stdout without line ends, ``overflow`` says that more came than is stored. Bytes that are not UTF-8 are
    kept as backslash, x and two hex digits.
    """
    texts = tuple(line.decode("utf-8", "backslashreplace") for line in lines)
    stream = _parse(texts)
    status, reason = _verdict(invocation, stream, observed, in_force, goldens, stderr, overflow)
    return Record(
        format=FORMAT,
        id=invocation.id,
        invocation=invocation,
        status=status,
        reason=reason,
        observed=observed,
        flags=tuple(flags),
        digest=digest,
        messages=texts,
        stderr=stderr[-STDERR_KEPT:].decode("utf-8", "backslashreplace"),
    )


def _parse(texts: Sequence[str]) -> _Stream:
    messages: list[object] = []
    garbage: list[str] = []
    for number, text in enumerate(texts, start=1):
        if len(garbage) == GARBAGE_LOOKED_AT:
            break  # a flood has no sense to be found, and saying why of each line takes seconds
        try:
            messages.append(MESSAGE.validate_json(text))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "whole line"
            garbage.append(f"line {number} is no message ({where}: {first['msg']}): {text[:80]!r}")
    return _Stream(messages=tuple(messages), garbage=tuple(garbage))


def _verdict(
    invocation: Invocation,
    stream: _Stream,
    observed: Observed,
    in_force: Mapping[str, int | str],
    goldens: Mapping[str | None, Golden],
    stderr: bytes,
    overflow: bool,
) -> tuple[Status, str | None]:
    """Status and reason: the first rule that matches.

    A wrong configuration comes first (no failure of it is a result of the one that was asked for), then what the kernel
    and the clock say, then what the worker says, then whether its stream can be believed.
    """
    wrong = next(_not_in_force(invocation, stream.start, in_force), None)
    if wrong is not None:
        return "invalid", wrong
    ended = _ended_badly(stream, observed, stderr, overflow)
    if ended is not None:
        return ended
    problem = next(_doubts(invocation, stream, goldens), None)
    return ("ok", None) if problem is None else ("invalid", problem)


def _not_in_force(invocation: Invocation, start: Start | None, asked: Mapping[str, int | str]) -> Iterator[str]:
    """How what the runtime reports differs from what the configuration asks for."""
    if start is None:
        return
    if start.language != invocation.cell.language:
        yield f"the worker calls itself {start.language!r}, asked was {invocation.cell.language!r}"
    for key, value in asked.items():
        reported = start.in_force.get(key)
        if reported != value or type(reported) is not type(value):
            found = "nothing" if reported is None else repr(reported)
            yield f"in_force.{key}: the configuration asks for {value!r}, the runtime reports {found}"


def _ended_badly(
    stream: _Stream, observed: Observed, stderr: bytes, overflow: bool
) -> tuple[Status, str | None] | None:
    """A status that kernel, clock or worker state, stronger words first; None for a worker that exits 0 in time."""
    code = observed.exit_code
    said = _tail(stderr)
    if observed.oom_killed:
        return "oom", "the kernel killed a process of the worker for lack of memory"
    if overflow:
        late = " and it did not end in time" if observed.timed_out else ""
        return "invalid", f"more output than a record stores; the rest was read and dropped{late}"
    if observed.timed_out:
        return "timeout", observed.unavailable.get("timed_out", "it did not end in time") + said
    if code is None:
        return "invalid", f"how it ended is unknown: {observed.unavailable.get('exit_code', 'the engine cannot tell')}"
    if code in EXIT_MEANS:
        return EXIT_MEANS[code], f"the worker says so (exit {code}){said}"
    if code == EXIT_DISAGREE:
        return "invalid", f"iterations of one process disagree (exit {code}){said}"
    if code == EXIT_USAGE:
        return "invalid", f"the worker refuses its command line or was not released (exit {code}){said}"
    if code != 0:
        signal = f" (signal {code - 128})" if 128 < code < 160 else ""
        return "crash", f"exit {code}{signal}{said}"
    if stream.end is not None and stream.end.status != "ok":
        return stream.end.status, f"the worker says so in its end message{said}"
    return None


def _tail(stderr: bytes) -> str:
    """The last line of stderr that says something, as the end of a sentence."""
    lines = [line.strip() for line in stderr.decode("utf-8", "backslashreplace").splitlines() if line.strip()]
    return f": {lines[-1][:300]}" if lines else ""


def _doubts(invocation: Invocation, stream: _Stream, goldens: Mapping[str | None, Golden]) -> Iterator[str]:
    """Everything that makes a stream which ended well not believable, in the order a reader would look."""
    yield from stream.garbage
    yield from _out_of_order(stream)
    yield from _miscounted(invocation, stream)
    yield from _disagreeing(stream.iterations)
    for iteration in stream.iterations:
        golden = goldens.get(iteration.form)
        if golden is not None:
            yield from _unlike(iteration, golden)
    plain = goldens.get(None)
    if plain is not None and stream.end is not None:
        for name, value in plain.facts.items():
            found = stream.end.counters.get(name)
            if found != value:
                yield f"end.counters.{name} is {'missing' if found is None else found}, the golden is {value}"


def _out_of_order(stream: _Stream) -> Iterator[str]:
    kinds = [type(message) for message in stream.messages]
    for kind, name in ((Start, "start"), (Ready, "ready"), (End, "end")):
        if kinds.count(kind) != 1:
            yield f"the stream has {kinds.count(kind)} {name!r} messages instead of one"
    if kinds[:2] != [Start, Ready]:
        yield "the stream does not begin with start and ready"
    if kinds and kinds[-1] is not End:
        yield "the stream does not finish with end"


def _miscounted(invocation: Invocation, stream: _Stream) -> Iterator[str]:
    """Phases other than the cell asks for, per form; in mode latency the schedule decides how many there are."""
    cell = invocation.cell
    by_form: dict[str | None, list[Iteration]] = {}
    for iteration in stream.iterations:
        by_form.setdefault(iteration.form, []).append(iteration)
    if not by_form:
        yield "the stream has no iteration"
    for form, iterations in by_form.items():
        of = "" if form is None else f" of form {form}"
        phases = [iteration.phase for iteration in iterations]
        warm, measured = phases.count("warmup"), phases.count("measured")
        if phases != ["warmup"] * warm + ["measured"] * measured:
            yield f"a warm-up iteration{of} follows a measured one"
        scheduled = cell.mode == "latency" and measured > 0
        if not scheduled and (warm, measured) != (cell.warmup, cell.iterations):
            yield (
                f"{warm} warm-up and {measured} measured iterations{of}, asked were {cell.warmup} and {cell.iterations}"
            )


def _disagreeing(iterations: Sequence[Iteration]) -> Iterator[str]:
    firsts: dict[str | None, Iteration] = {}
    for iteration in iterations:
        first = firsts.setdefault(iteration.form, iteration)
        for name in _WORK:
            if getattr(iteration, name) != getattr(first, name):
                yield (
                    f"iteration {iteration.index} disagrees with iteration {first.index}: {name} is "
                    f"{getattr(iteration, name)}, was {getattr(first, name)}"
                )


def _unlike(iteration: Iteration, golden: Golden) -> Iterator[str]:
    of = "" if iteration.form is None else f" ({iteration.form})"
    for name in _WORK:
        if getattr(iteration, name) != getattr(golden, name):
            yield (
                f"iteration {iteration.index}{of}: {name} is {getattr(iteration, name)}, "
                f"the golden of {golden.size}/{golden.variant} says {getattr(golden, name)}"
            )
