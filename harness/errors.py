"""The errors a user can meet, as one small tree.

::

    MemverdictError
    +-- DataError            a data file is wrong: names file, key and remedy
    +-- UsageError           the command line asks for something that does not exist
    |   +-- LockHeld         another run is using this results folder
    +-- EngineError          containers or processes cannot be driven
    |   +-- EngineUnavailable   the engine that was asked for is not there
    |   +-- BuildFailed         an image or a program did not build
    +-- StoreError           records cannot be written or read
    +-- UnfitError           this host or this run cannot give a verdict

Failures of a measured program are not errors: they are records with a status. Only ``cli`` turns an
error into text and an exit code.
"""

from pathlib import Path


class MemverdictError(Exception):
    """Base of everything memverdict raises on purpose; the message says what, where and what to do."""


class DataError(MemverdictError):
    """A data file is wrong.

    ``file`` is the file, ``key`` the dotted path inside it (empty for the whole file), ``problem`` what is
    wrong, ``remedy`` what would mend it.
    """

    def __init__(self, file: Path, key: str, problem: str, remedy: str) -> None:
        self.file = file
        self.key = key
        self.problem = problem
        self.remedy = remedy
        where = f"{file}: {key}" if key else str(file)
        super().__init__(f"{where}: {problem}; {remedy}")


class UsageError(MemverdictError):
    """The command line names something that does not exist or cannot be combined."""


class LockHeld(UsageError):
    """Another run holds the lock of this results folder; the message names it."""


class EngineError(MemverdictError):
    """An engine failed to do what it was asked, for a reason that is not the measured program's."""


class EngineUnavailable(EngineError):
    """The engine that was asked for cannot be had here; the message says why and what serves instead."""


class BuildFailed(EngineError):
    """An image or a program did not build; the message ends with the tail of the build's output."""


class StoreError(MemverdictError):
    """Records cannot be written or read: a full disk, a damaged file, an unknown format."""


class UnfitError(MemverdictError):
    """The host or the run cannot give a verdict: a canary or the A/A control failed."""
