"""What validations gave, on disk, and the summary that every later run of this machine carries.

Results lie in ``results/validation/<id>/``: ``checks.json``, and the records that the checks were made from.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import StoreError
from harness.validate.checks import Check, to_json

FOLDER: Final = Path("results") / "validation"
CHECKS: Final = "checks.json"
_STATUSES: Final = ("within", "outside", "unavailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The newest whole validation of a machine and engine: when, of which commit, and how it came out."""

    id: str
    date: str
    commit: str
    fast: bool
    within: int
    outside: tuple[str, ...]
    unavailable: tuple[str, ...]

    @property
    def text(self) -> str:
        """One line for people."""
        total = self.within + len(self.outside) + len(self.unavailable)
        parts = [f"{self.date[:10]}: {self.within} of {total} within bounds"]
        if self.outside:
            parts.append(f"outside: {', '.join(self.outside)}")
        if self.unavailable:
            parts.append(f"unavailable here: {', '.join(self.unavailable)}")
        return " · ".join([*parts, f"commit {self.commit[:10]}"])


def document(checks: Sequence[Check], about: Mapping[str, object]) -> Mapping[str, object]:
    """What is stored and printed: ``about`` holds date, commit, machine, engine, fast and whole."""
    return {"format": 1, **about, "python": platform.python_version(), "checks": [to_json(one) for one in checks]}


def latest(root: Path, *, machine: str, engine: str) -> Summary | None:
    """The newest whole validation of that machine and engine; None where there is none that can be read."""
    folder = root / FOLDER
    if not folder.is_dir():
        return None
    for path in sorted(folder.glob(f"*/{CHECKS}"), reverse=True):
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(path.read_bytes())
            if (found["format"], found["machine"], found["engine"], found["whole"]) == (1, machine, engine, True):
                return _summary(path.parent.name, found)
    return None


def _summary(name: str, found: Mapping[str, object]) -> Summary:
    checks = found["checks"]
    assert isinstance(checks, list)
    of = {status: tuple(str(one["id"]) for one in checks if one["status"] == status) for status in _STATUSES}
    return Summary(
        id=name,
        date=str(found["date"]),
        commit=str(found.get("commit") or "unknown"),
        fast=bool(found["fast"]),
        within=len(of["within"]),
        outside=of["outside"],
        unavailable=of["unavailable"],
    )


def new_folder(root: Path, name: str) -> Path:
    """A new folder for one validation; StoreError where it cannot be made."""
    folder, number = root / FOLDER / name, 1
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                folder.mkdir()
                break
            except FileExistsError:
                number += 1
                folder = root / FOLDER / f"{name}-{number}"
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}; choose a folder that can be written with --root") from error
    return folder
