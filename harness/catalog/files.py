"""The shapes of the data files on disk, and the one door through which they come in.

:func:`read` turns a TOML file into a frozen value of the shape that is asked for, or raises a
:class:`~harness.errors.DataError` that names file, key and, for an unknown key, the nearest valid one.
"""

import dataclasses
import difflib
import json
import re
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from harness.catalog.model import Lane, Mode, Size, Status
from harness.errors import DataError
from harness.stats.values import Assumption

_STRICT = ConfigDict(extra="forbid", strict=True)
_UNITS: Mapping[str, int] = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterFile:
    """``name = { unit, smoke, quick, full }``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    unit: str
    smoke: int
    quick: int
    full: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationsFile:
    """``size = { warmup, measured }``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    warmup: Annotated[int, Field(ge=0)]
    measured: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoopFile:
    """``[open_loop]`` at one size."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    rate: Annotated[int, Field(ge=1, le=1_000_000_000)]
    seconds: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantFile:
    """One ``[[variant]]``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    id: str
    about: str
    lane: Lane | None = None
    modes: tuple[Mode, ...] | None = None
    forms: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsFile:
    """``[limits]``: CPUs, and memory as text such as ``"512MiB"``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    cpus: Annotated[int, Field(ge=1)] | None = None
    memory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenFile:
    """One ``[[golden]]``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    size: Size
    variant: str
    seed: int
    source: Annotated[Literal["model", "agreement"], Field(alias="from")]
    operations: int
    allocations: int
    allocated_bytes: int
    peak_live_bytes: int
    checksum: str
    facts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceFile:
    """One ``[[difference]]``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadFile:
    """``benchmarks/workloads/<id>.toml``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    format: Literal[1]
    id: str
    title: str
    models: str
    isolates: str
    operation: str
    algorithm: str
    arrivals_replace: str | None = None
    parameters: Mapping[str, ParameterFile]
    iterations: Mapping[Size, IterationsFile]
    open_loop: Mapping[Size, OpenLoopFile] = field(default_factory=dict)
    variant: tuple[VariantFile, ...]
    limits: LimitsFile = field(default_factory=LimitsFile)
    golden: tuple[GoldenFile, ...] = ()
    difference: tuple[DifferenceFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolchainFile:
    """One ``[[toolchain]]``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    id: str
    default: bool = False
    probe: Annotated[tuple[str, ...], Field(min_length=1)]
    packages: tuple[str, ...]
    runtime_packages: tuple[str, ...] = ()
    backports: bool = False
    path: str = ""
    pypi: str | None = None
    host_packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationFile:
    """One ``[[configuration]]``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    id: str
    lane: Lane
    about: str = ""
    toolchain: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    build: Mapping[str, str] = field(default_factory=dict)
    in_force: Mapping[str, int | str] = field(default_factory=dict)
    may_fail: tuple[Status, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeFile:
    """``[mode.<mode>]``: what a mode adds to a build."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    build: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthFile:
    """``[truth]``: what ``validate`` may expect of the runtime."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    start_memory: str = "0"
    start_cpu_ms: Annotated[int, Field(ge=0)] = 0
    size_classes: tuple[tuple[int, int], ...] = ()
    stops: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageFile:
    """``langs/<language>/lang.toml``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    format: Literal[1]
    id: str
    title: str
    colour: Annotated[str, Field(pattern="^#[0-9A-Fa-f]{6}$")]
    marker: str
    dash: str
    runner: str
    source: str
    comment: str
    layouts: Annotated[int, Field(ge=1, le=9)] = 1
    toolchain: Annotated[tuple[ToolchainFile, ...], Field(min_length=1)]
    configuration: Annotated[tuple[ConfigurationFile, ...], Field(min_length=1)]
    mode: Mapping[Mode, ModeFile] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    truth: TruthFile = field(default_factory=TruthFile)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFile:
    """``check = { against, within, floor }``; ``within`` is a percentage such as ``"1%"``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    against: str
    within: Annotated[str, Field(pattern=r"^[0-9.]+%$")]
    floor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFile:
    """One ``[[metric]]``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    id: str
    title: str
    unit: str
    better: Literal["lower", "higher", "neither"]
    modes: tuple[Mode, ...]
    scope: Literal["uniform", "per-language"]
    assumption: Assumption
    source: str
    tier: int
    check: CheckFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsFile:
    """``benchmarks/metrics.toml``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    format: Literal[1]
    metric: tuple[MetricFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellsFile:
    """One ``[[cells]]`` or ``[[control]]`` of a suite."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    select: Annotated[tuple[str, ...], Field(min_length=1)]
    once: bool = False
    cpus: int | None = None
    memory: str | None = None
    warmup: int | None = None
    iterations: int | None = None
    rate: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[int, Field(ge=1)] | None = None
    loads: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    may_fail: tuple[Status, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteFile:
    """``benchmarks/suites/<id>.toml``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    format: Literal[1]
    id: str
    title: str
    size: Size
    blocks: Annotated[int, Field(ge=0)]
    deadline: str | None = None
    claims: tuple[str, ...] = ()
    only: str = ""
    parallel: Annotated[int, Field(ge=1)] = 1
    limits: LimitsFile
    cells: tuple[CellsFile, ...] = ()
    control: tuple[CellsFile, ...] = ()


def read(path: Path, shape: type[T]) -> T:
    """The file at ``path`` as a value of ``shape``; DataError names file, key and remedy."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(path, "", "there is no such file", "create it, or correct the name") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(path, "", f"not TOML: {error}", "correct the syntax") from None
    try:
        text = json.dumps(content, default=_refuse_dates)
        door: TypeAdapter[T] = _door(shape)  # type: ignore[arg-type] # mypy asks whether its values are hashable
        return door.validate_json(text, strict=True)
    except TypeError as error:
        raise DataError(path, "", str(error), "write it as a string or an integer") from None
    except ValidationError as error:
        raise _explain(path, shape, error) from None


@cache
def _door(shape: type[T]) -> TypeAdapter[T]:
    # Building one takes ten times as long as reading a file through it.
    return TypeAdapter(shape)


def memory_bytes(path: Path, key: str, text: str) -> int:
    """``"512MiB"`` -> 536870912; DataError for anything else."""
    found = re.fullmatch(r"(\d+)(KiB|MiB|GiB|)", text)
    if not found:
        raise DataError(path, key, f"{text!r} is no amount of memory", 'write it like "512MiB" or "4GiB"')
    return int(found[1]) * _UNITS[found[2]]


def seconds(path: Path, key: str, text: str) -> int:
    """``"330s"`` or ``"10m"`` -> seconds; DataError for anything else."""
    found = re.fullmatch(r"(\d+)(s|m|h)", text)
    if not found:
        raise DataError(path, key, f"{text!r} is no duration", 'write it like "330s" or "10m"')
    return int(found[1]) * _SECONDS[found[2]]


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """What was probably meant, as the remedy of an error message."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(names)}"


def _refuse_dates(value: object) -> Any:
    kind = "a date" if isinstance(value, date | datetime | time) else type(value).__name__
    raise TypeError(f"holds {kind}, which no key here takes")


def _explain(path: Path, shape: type[object], error: ValidationError) -> DataError:
    # Unknown keys first: a misspelt key also makes its right spelling "missing", and the first is the cause.
    details = sorted(error.errors(), key=lambda one: one["type"] != "unexpected_keyword_argument")
    first = details[0]
    where = [part for part in first["loc"] if part != "[key]"]  # pydantic's word for a table's own key
    key = ".".join(str(part) for part in where)
    if first["type"] == "unexpected_keyword_argument":
        known = _keys_at(shape, where[:-1])
        return DataError(path, key, "unknown key", nearest(str(where[-1]), known))
    if first["type"] == "missing":
        return DataError(path, key, "missing key", "add it")
    allowed = re.findall(r"'([^']*)'", str(first.get("ctx", {}).get("expected", "")))
    if first["type"] == "literal_error" and allowed:
        problem = "unknown key" if first["loc"][-1] == "[key]" else f"there is no {first['input']!r}"
        return DataError(path, key, problem, nearest(str(first["input"]), allowed))
    shown = json.dumps(first.get("input"), default=str)
    return DataError(path, key, f"{first['msg']} (found {shown[:60]})", "correct the value")


def _keys_at(shape: object, where: list[int | str]) -> Iterator[str]:
    """Names of the keys that the shape allows at a path inside it."""
    origin = typing.get_origin(shape)
    if origin is Annotated or origin in (types.UnionType, typing.Union):
        for option in typing.get_args(shape):
            yield from _keys_at(option, where)
    elif isinstance(shape, type) and dataclasses.is_dataclass(shape):
        hints = typing.get_type_hints(shape, include_extras=True)
        names = {_alias(hints[f.name]) or f.name: hints[f.name] for f in dataclasses.fields(shape)}
        if not where:
            yield from names
        elif str(where[0]) in names:
            yield from _keys_at(names[str(where[0])], where[1:])
    elif where and origin is not None and typing.get_args(shape):
        inside = typing.get_args(shape)
        yield from _keys_at(inside[1] if isinstance(where[0], str) and len(inside) > 1 else inside[0], where[1:])


def _alias(hint: object) -> str | None:
    if typing.get_origin(hint) is not Annotated:
        return None
    return next((extra.alias for extra in typing.get_args(hint)[1:] if getattr(extra, "alias", None)), None)
