"""The grammar of a metric's ``source``: which field of a record a number is read from, parsed once into a value.

::

    iteration.FIELD / iteration.FIELD      over the measured iterations, per form
    cold.FIELD / cold.FIELD                the first iteration of a process without warm-up
    end.FIELD, end.counters.NAME           the worker's last line
    observed.FIELD                         what the harness read on the host
    A / B                                  any two of end and observed; either over iteration.FIELD,
                                           then of all iterations
    observed.FIELD - observed.FIELD        a span
    histogram.NAME q=0.999                 a quantile; q=1 is the exact maximum
    stalls.share at_least=NANOSECONDS      share of the measured time inside the ticker's stalls of at least that
                                           length, minus what the control process saw too
    stalls.unexplained at_least=NANOSECONDS
                                           share of the time in those stalls that has no known cause
    reported.max                           the longest stop that the runtime itself reports
    rate.achieved                          operations a second in mode latency, as a share of the rate asked for
"""

import dataclasses
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Literal

from harness.catalog.model import Metric
from harness.errors import DataError
from harness.protocol.messages import End, Iteration
from harness.protocol.record import Observed

FILE: Final = Path("benchmarks/metrics.toml")

Scope = Literal["iteration", "cold", "end", "observed"]

_OF_ITERATION: Final = frozenset(f.name for f in dataclasses.fields(Iteration)) - {
    "type", "index", "phase", "form", "checksum",
}  # fmt: skip
FIELDS: Final[dict[str, frozenset[str]]] = {
    "iteration": _OF_ITERATION,
    "cold": _OF_ITERATION,
    "end": frozenset(f.name for f in dataclasses.fields(End)) - {"type", "status", "counters"},
    "observed": frozenset(f.name for f in dataclasses.fields(Observed))
    - {"engine", "image", "exit_code", "oom_killed", "timed_out", "limits_read_back", "unavailable"},
}
"""The integers that each scope has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One integer of a record; ``counters.NAME`` under ``end`` is a number that the workload publishes."""

    scope: Scope
    name: str

    def __str__(self) -> str:
        return f"{self.scope}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A field alone, or two with an operator between them."""

    top: Field
    operator: Literal["/", "-"] | None = None
    bottom: Field | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """A quantile of the histogram of that name."""

    histogram: str
    q: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StallShare:
    """Share of the measured time spent inside stalls of ``at_least`` ns."""

    at_least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """Share of the time in stalls of ``at_least`` ns that no cause covers."""

    at_least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMax:
    """The longest stop that the runtime itself reports, ns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AchievedRate:
    """Operations a second as a share of the cell's rate."""


Source = Formula | Quantile | StallShare | Unexplained | ReportedMax | AchievedRate

_WORDS: Final[dict[str, ReportedMax | AchievedRate]] = {"reported.max": ReportedMax(), "rate.achieved": AchievedRate()}


def parse_source(metric: Metric) -> Source:
    """The metric's source as a value; DataError names the metric and what its source should say."""
    words = metric.source.split()
    if len(words) == 2 and words[0].startswith("histogram."):
        return _quantile(metric, words[0].removeprefix("histogram."), words[1])
    if len(words) == 2 and words[0] == "stalls.share":
        return StallShare(at_least=int(_option(metric, words[1], "at_least", r"\d+")))
    if len(words) == 2 and words[0] == "stalls.unexplained":
        return Unexplained(at_least=int(_option(metric, words[1], "at_least", r"\d+")))
    if len(words) == 1 and words[0] in _WORDS:
        return _WORDS[words[0]]
    if len(words) == 1:
        field = parse_field(metric, words[0])
        if field.scope == "cold":
            raise _error(metric, "a cold iteration is given per operation", "divide it by cold.operations")
        return Formula(top=field)
    if len(words) == 3 and words[1] in ("/", "-"):
        return _two(metric, words)
    raise _error(metric, f"{metric.source!r} is no source", "see the forms in harness/samples/source.py")


def parse_field(metric: Metric, text: str) -> Field:
    """``scope.name`` as a value; DataError names the metric and the nearest field there is."""
    scope, _, name = text.partition(".")
    if scope not in FIELDS:
        raise _error(metric, f"{text!r} starts with none of {', '.join(sorted(FIELDS))}", "name one of them first")
    known = scope == "end" and re.fullmatch(r"counters\.\w+", name) is not None
    if not known and name not in FIELDS[scope]:
        near = get_close_matches(name, FIELDS[scope], n=1)
        hint = f"did you mean {scope}.{near[0]}" if near else f"{scope} has {', '.join(sorted(FIELDS[scope]))}"
        raise _error(metric, f"there is no {text}", hint)
    return Field(scope=scope, name=name)  # type: ignore[arg-type] # a key of FIELDS is a Scope


def _two(metric: Metric, words: list[str]) -> Formula:
    top, bottom = parse_field(metric, words[0]), parse_field(metric, words[2])
    scopes = (top.scope, bottom.scope)
    if words[1] == "-":
        if scopes != ("observed", "observed"):
            raise _error(metric, "only what the harness observed is subtracted", "write observed.x - observed.y")
        return Formula(top=top, operator="-", bottom=bottom)
    process = ("end", "observed")
    alike = scopes in (("iteration", "iteration"), ("cold", "cold"))
    if not alike and not (top.scope in process and bottom.scope in (*process, "iteration")):
        raise _error(
            metric,
            f"{top} is of another span than {bottom}",
            "divide like by like, or what is of the whole process by iteration.x",
        )
    return Formula(top=top, operator="/", bottom=bottom)


def _quantile(metric: Metric, name: str, option: str) -> Quantile:
    q = float(_option(metric, option, "q", r"0\.\d+|1|1\.0+"))
    if q == 0:
        raise _error(metric, "the quantile q=0 is not recorded", "write a q above 0 and up to 1")
    return Quantile(histogram=name, q=q)


def _option(metric: Metric, text: str, key: str, pattern: str) -> str:
    match = re.fullmatch(rf"{key}=({pattern})", text)
    if match is None:
        raise _error(metric, f"{text!r} is not {key}=VALUE", f"write {key}= and a number")
    return match[1]


def _error(metric: Metric, problem: str, remedy: str) -> DataError:
    return DataError(FILE, f"metric {metric.id}.source", problem, remedy)
