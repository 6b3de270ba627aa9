"""A run on disk: provenance, plan, and records that are appended, one line each, and never rewritten.

A finished record survives whatever comes next: each line is written whole and synced before the next worker starts.
What a crash or a full disk leaves half-written is set aside, never parsed and never thrown away.
"""

import errno
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from harness.catalog.model import Invocation
from harness.errors import StoreError, UsageError
from harness.protocol.formats import from_line, to_line
from harness.protocol.record import Record

RUNS = Path("results") / "runs"
RECORDS = "records.ndjson"
PROVENANCE = "provenance.json"
PLAN = "plan.json"
LATEST = "latest"


def runs_folder(root: Path) -> Path:
    """Where the runs of a checkout lie; also the folder that the lock belongs to."""
    return root / RUNS


def run_id(now: datetime, suite: str, seed: int) -> str:
    """``20260102-030405-quick-00002a``: UTC to the second, suite, the seed's low 24 bits; sorts by age."""
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{suite}-{seed & 0xFFFFFF:06x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a records file holds: every whole record, and the bytes of a line that was cut off (empty: none)."""

    records: tuple[Record, ...]
    torn: bytes
    whole_bytes: int


def read(folder: Path) -> Contents:
    """The records of a run, without touching the file; StoreError names the line that is damaged.

    Only the last line can be torn, because every one before it was synced: damage further up is not ours to guess at.
    """
    path = folder / RECORDS
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Contents(records=(), torn=b"", whole_bytes=0)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    found: list[Record] = []
    whole = 0
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            found.append(from_line(line))
        except StoreError as error:
            last = whole + len(line) + 1 == len(content)
            if last and not _is_json(line):
                break
            raise StoreError(f"{path}: line {number}: {error}") from error
        whole += len(line) + 1
    return Contents(records=tuple(found), torn=content[whole:], whole_bytes=whole)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


class Run:
    """A run that is open for appending. Made by :func:`create` or :func:`reopen`, under the results folder's lock."""

    def __init__(self, folder: Path, records: Sequence[Record]) -> None:
        self.folder = folder
        self._safe = len(records)
        try:
            self._file = os.open(folder / RECORDS, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            _sync_folder(folder)
        except OSError as error:
            raise StoreError(f"{folder / RECORDS}: {error.strerror}") from error

    @property
    def id(self) -> str:
        """The run's name, which is its folder's."""
        return self.folder.name

    def append(self, record: Record) -> None:
        """Add one record and sync it; StoreError says how many are safe, and the file is as if nothing was tried."""
        line = to_line(record)
        before = os.fstat(self._file).st_size
        try:
            _write_all(self._file, line)
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, before)
            raise self._failed(error) from error
        self._safe += 1

    def out(self, invocation: Invocation) -> Path:
        """A new folder for the raw files of one invocation, writable for an unprivileged worker."""
        base = self.folder / "out" / invocation.id
        folder, number = base, 1
        try:
            base.parent.mkdir(exist_ok=True)
            while folder.exists():
                number += 1
                folder = base.with_name(f"{base.name}.{number}")
            folder.mkdir()
            folder.chmod(0o777)
        except OSError as error:
            raise self._failed(error) from error
        return folder

    def save(self, name: str, document: Mapping[str, object]) -> Path:
        """Write a JSON document beside the records, whole or not at all."""
        path = self.folder / name
        beside = path.with_name(f".{name}.new")
        try:
            with beside.open("wb") as file:
                file.write(json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _sync_folder(self.folder)
        except OSError as error:
            with suppress(OSError):
                beside.unlink()
            raise self._failed(error) from error
        return path

    def close(self) -> None:
        """Close the file; what was appended is on disk already."""
        os.close(self._file)

    def _failed(self, error: OSError) -> StoreError:
        why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error.strerror)
        return StoreError(
            f"{self.folder}: {why}; the {self._safe} records written so far are safe in {RECORDS}; "
            f"free some space, then go on with `run --resume {self.id}`"
        )


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create(root: Path, run: str, *, provenance: Mapping[str, object], plan: Mapping[str, object]) -> Run:
    """A new run folder with its provenance and plan; a taken name gets a number."""
    base = runs_folder(root) / run
    folder, number = base, 1
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                folder.mkdir()
                break
            except FileExistsError:
                number += 1
                folder = base.with_name(f"{base.name}-{number}")
    except OSError as error:
        raise StoreError(f"{base}: {error.strerror}; choose a folder that can be written with --root") from error
    made = Run(folder, ())
    made.save(PROVENANCE, {"format": 1, "run": folder.name, **provenance})
    made.save(PLAN, {"format": 1, "run": folder.name, **plan})
    return made


def reopen(root: Path, name: str) -> tuple[Run, tuple[Record, ...]]:
    """A run to go on with, and its records. A torn last line is first moved to ``records.ndjson.torn-<n>``."""
    folder = runs_folder(root) / resolve(root, name)
    contents = read(folder)
    if contents.torn:
        _set_aside(folder, contents)
    return Run(folder, contents.records), contents.records


def _set_aside(folder: Path, contents: Contents) -> None:
    number = 1
    while (aside := folder / f"{RECORDS}.torn-{number}").exists():
        number += 1
    try:
        with aside.open("xb") as file:
            file.write(contents.torn)
            file.flush()
            os.fsync(file.fileno())
        with (folder / RECORDS).open("r+b") as file:
            file.truncate(contents.whole_bytes)
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(
            f"{folder}: {error.strerror}; its {len(contents.records)} whole records are untouched"
        ) from error


def names(root: Path) -> tuple[str, ...]:
    """Ids of all runs, oldest first."""
    folder = runs_folder(root)
    if not folder.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in folder.iterdir() if (entry / PROVENANCE).is_file()))


def resolve(root: Path, name: str) -> str:
    """The id that ``latest``, an id or an unambiguous beginning of one means; UsageError with the nearest otherwise."""
    known = names(root)
    if not known:
        raise UsageError(f"there is no run in {runs_folder(root)} yet; `memverdict run --suite quick` makes one")
    if name == LATEST:
        return known[-1]
    if name in known:
        return name
    begun = [run for run in known if run.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    near = begun or get_close_matches(name, known, n=3, cutoff=0.3) or [known[-1]]
    raise UsageError(
        f"{'several runs begin with' if begun else 'there is no run'} {name!r}; nearest: {', '.join(near)}"
    )


def document(root: Path, name: str, file: str) -> Mapping[str, object]:
    """A JSON document of a run (:data:`PROVENANCE`, :data:`PLAN`, …); StoreError where it is missing or damaged."""
    path = runs_folder(root) / resolve(root, name) / file
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise StoreError(f"{path}: no JSON: {error}") from error
    if not isinstance(found, dict) or found.get("format") != 1:
        raise StoreError(f"{path}: format {found.get('format') if isinstance(found, dict) else None!r} is unknown here")
    return found


def records(root: Path, name: str) -> tuple[Record, ...]:
    """The whole records of a run, in the order they were made; a run in progress may be read."""
    return read(runs_folder(root) / resolve(root, name)).records
