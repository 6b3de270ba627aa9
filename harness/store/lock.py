"""One run at a time in a results folder, held by the kernel and named by its holder.

``flock`` is freed by the kernel however the holder ends, kill -9 included, so no lock is ever stale and none needs
breaking by hand. The file stays; only its content says who holds it now.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import LockHeld, StoreError

NAME = ".lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lock: the run, the process, when it began (UTC, ISO 8601) and what it was called with."""

    run: str
    pid: int
    since: str
    command: str


@contextmanager
def hold(folder: Path, holder: Holder) -> Iterator[None]:
    """Hold the lock of a results folder; LockHeld names the one that has it, StoreError a folder that takes none."""
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; choose a folder that can be written with --root") from error
    try:
        _take(descriptor, path)
        _write(descriptor, path, json.dumps(asdict(holder)).encode())
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder_of(folder: Path) -> Holder | None:
    """Who holds the lock of a results folder now; None where it is free."""
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    finally:
        os.close(descriptor)
    return None


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _read(descriptor)
        raise LockHeld(
            f"run {holder.run} holds {path}: process {holder.pid}, since {holder.since}, `{holder.command}`; "
            f"wait for it, or end it with `kill -INT {holder.pid}`"
        ) from None


def _read(descriptor: int) -> Holder:
    """The identity in the file; of a holder that has not written it yet, what can be said."""
    with suppress(ValueError, TypeError):
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    return Holder(run="(just starting)", pid=0, since="now", command="unknown")


def _write(descriptor: int, path: Path, content: bytes) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)
        os.fsync(descriptor)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; free some space and start again") from error
