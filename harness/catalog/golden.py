"""Golden values: what a correct run reports, from a workload's model into its TOML.

``memverdict golden WORKLOAD`` is :func:`load_model`, :func:`from_model` and :func:`write`, in this order. The tables
are replaced as text, so that every comment of the file survives; the result is parsed again and must differ in its
goldens alone. The models belong to the tests and are loaded by their path: nothing measured depends on them.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol, cast

from harness.catalog.model import Golden, Size, Workload
from harness.errors import DataError, UsageError

MARK: Final = "# What a correct run reports; written by `memverdict golden {workload}`, never by hand."

_PACKAGE: Final = "memverdict_models"
_HEADER: Final = "[[golden]]"
_OLD: Final = (_HEADER, "[golden.")


class Answer(Protocol):
    """What a model says that one iteration reports; bytes and counts as in ``langs/PROTOCOL.md`` section 3."""

    @property
    def operations(self) -> int:
        """Operations done."""

    @property
    def allocations(self) -> int:
        """Logical allocations."""

    @property
    def allocated_bytes(self) -> int:
        """Logical bytes allocated."""

    @property
    def peak_live_bytes(self) -> int:
        """Most logical bytes live at once."""

    @property
    def checksum(self) -> str:
        """16 hex digits."""

    @property
    def counters(self) -> Mapping[str, int]:
        """What the workload publishes beyond these."""


class Model(Protocol):
    """A module of ``tests/models``: ``GOLDEN_SIZES`` are the sizes at which it ends within about a minute."""

    @property
    def GOLDEN_SEED(self) -> int:  # noqa: N802 - a constant of a module
        """The seed of the golden values."""

    @property
    def GOLDEN_SIZES(self) -> tuple[Size, ...]:  # noqa: N802 - a constant of a module
        """The sizes that have golden values."""

    def run(self, parameters: Mapping[str, int], variant: str, seed: int) -> Answer:
        """The answer for one variant; KeyError for one that there is not."""


def load_model(root: Path, workload: str) -> Model:
    """The model in ``tests/models/<workload>.py`` under ``root``; UsageError where there is none.

    The folder is loaded as a package of a name of its own, so that the models' relative imports work from anywhere.
    """
    path = root / "tests" / "models" / f"{workload}.py"
    if not path.is_file():
        raise UsageError(f"no model of {workload}: there is no {path}; goldens come from models, write one first")
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(path.parent)]
    sys.modules[_PACKAGE] = package
    try:
        return cast(Model, import_module(f"{_PACKAGE}.{workload}"))
    finally:
        for name in [one for one in sys.modules if one.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]


def from_model(workload: Workload, model: Model) -> Iterator[Golden]:
    """The golden of every variant that has one, size by size; a variant of forms has none: its forms' serve."""
    for size in model.GOLDEN_SIZES:
        parameters = {name: parameter.at(size) for name, parameter in workload.parameters.items()}
        for variant in workload.variants:
            if not variant.forms:
                answer = model.run(parameters, variant.id, model.GOLDEN_SEED)
                yield Golden(
                    size=size,
                    variant=variant.id,
                    seed=model.GOLDEN_SEED,
                    source="model",
                    operations=answer.operations,
                    allocations=answer.allocations,
                    allocated_bytes=answer.allocated_bytes,
                    peak_live_bytes=answer.peak_live_bytes,
                    checksum=answer.checksum,
                    facts=answer.counters,
                )


def write(file: Path, goldens: Sequence[Golden]) -> None:
    """Replace the goldens in ``file``, a workload's TOML; DataError, with the file untouched, where that cannot be."""
    text = replaced(file.read_text(encoding="utf-8"), goldens, file=file)
    beside = file.with_suffix(".toml.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)


def replaced(text: str, goldens: Sequence[Golden], *, file: Path) -> str:
    """``text``, a workload's TOML, with ``goldens`` at its end in place of those it had; ``file`` is for the error.

    Comments and every other key stay as they are. DataError when the text is no TOML, or so written that taking the
    old tables out by lines would change anything else.
    """
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(file, "", str(error), "mend the TOML first") from error
    mark = MARK.format(workload=before["id"])
    kept = "\n".join(line for line in _without_goldens(text.splitlines()) if line != mark).rstrip("\n")
    result = "\n\n".join([kept, mark, *(rendered(one) for one in goldens)]) + "\n"
    if not _differs_in_goldens_only(before, result):
        problem = "the old tables cannot be told from the rest"
        raise DataError(file, "golden", problem, f"write each under a line {_HEADER}, and that line nowhere else")
    return result


def rendered(golden: Golden) -> str:
    """One golden as a table, without a newline at its end."""
    facts = ", ".join(f"{name} = {value:_}" for name, value in golden.facts.items())
    return "\n".join([
        _HEADER,
        f'size = "{golden.size}"',
        f'variant = "{golden.variant}"',
        f"seed = {golden.seed}",
        f'from = "{golden.source}"',
        f"operations = {golden.operations:_}",
        f"allocations = {golden.allocations:_}",
        f"allocated_bytes = {golden.allocated_bytes:_}",
        f"peak_live_bytes = {golden.peak_live_bytes:_}",
        f'checksum = "{golden.checksum}"',
        *([f"facts = {{ {facts} }}"] if facts else []),
    ])  # fmt: skip


def _without_goldens(lines: Sequence[str]) -> Iterator[str]:
    """The lines outside the tables of goldens: such a table ends at the next header or comment."""
    inside = False
    for line in lines:
        if line.startswith(("[", "#")):
            inside = line.startswith(_OLD)
        if not inside:
            yield line


def _differs_in_goldens_only(before: Mapping[str, object], result: str) -> bool:
    try:
        after = tomllib.loads(result)
    except tomllib.TOMLDecodeError:
        return False
    return {**after, "golden": None} == {**before, "golden": None}
