"""Programs under test: which there are, how one is built and called, and what it answered.

A program is a command prefix; whether it names a file on this host or a container is the business of whoever made it.
Nothing here judges: that is ``compare``.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from harness.catalog.load import load_language, load_workload
from harness.catalog.model import Language, Workload

ROOT: Final = Path(__file__).parents[2]
SECONDS_PER_RUN: Final = 120
SECONDS_PER_BUILD: Final = 600
SIDE_BY_SIDE: Final = 2

LANGUAGES: Final[Mapping[str, Language]] = {
    path.parent.name: load_language(path) for path in sorted((ROOT / "langs").glob("*/lang.toml"))
}
WORKLOADS: Final[Mapping[str, Workload]] = {
    path.stem: load_workload(path) for path in sorted((ROOT / "benchmarks/workloads").glob("*.toml"))
}


class BuildError(Exception):
    """The build ended with something else than 0; the message is what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one process left behind: its exit code (negative: the signal that ended it) and both streams."""

    exit_code: int
    lines: tuple[bytes, ...]
    stderr: str


class Source(Protocol):
    """Where runners come from."""

    def runner(self, language: Language, options: Mapping[str, str]) -> tuple[str, ...]:
        """The command prefix of the program built with KEY=VALUE ``options``; BuildError when it does not build."""


def build(folder: Path, toolchain: str, out: Path, options: Mapping[str, str], *, shared: Path) -> Path:
    """Build the program in ``folder`` (a ``langs/<x>``) into ``out`` with the toolchain on PATH; the runner's path.

    ``shared`` is a folder for what a compiler keeps from one build to the next; BuildError when it does not build.
    """
    command = [str(folder / "build"), toolchain, str(out), *(f"{key}={value}" for key, value in options.items())]
    environment = {**os.environ, "GOCACHE": str(shared / "gocache")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS_PER_BUILD, check=False, env=environment
    )
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return out / "runner"


def found(language: Language) -> bool:
    """Whether a toolchain of that language is on PATH."""
    return shutil.which(language.toolchain(default_toolchain(language)).probe[0]) is not None


def default_toolchain(language: Language) -> str:
    """The toolchain that is meant when none is named."""
    return next(one.id for one in language.toolchains if one.default)


@dataclass(frozen=True, slots=True)
class LocalSource:
    """Builds with the toolchains on PATH into ``folder``, each combination once."""

    folder: Path

    def runner(self, language: Language, options: Mapping[str, str]) -> tuple[str, ...]:
        """The path of the runner, alone."""
        out = self.folder / "+".join([language.id, *(f"{key}={value}" for key, value in sorted(options.items()))])
        if not (out / "runner").exists():
            build(ROOT / "langs" / language.id, default_toolchain(language), out, options, shared=self.folder)
        return (str(out / "runner"),)


def call(
    prefix: Sequence[str],
    arguments: Sequence[str],
    *,
    given: bytes = b"gq",
    environment: Mapping[str, str] | None = None,
) -> Answer:
    """Run one process to its end with ``given`` on its stdin, then end of file."""
    done = subprocess.run(
        [*prefix, *arguments],
        input=given,
        capture_output=True,
        timeout=SECONDS_PER_RUN,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return Answer(
        exit_code=done.returncode,
        lines=tuple(done.stdout.splitlines()),
        stderr=done.stderr.decode(errors="replace"),
    )


def call_all(prefix: Sequence[str], calls: Sequence[Sequence[str]]) -> list[Answer]:
    """The answers of many calls in their order, two processes at a time."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(lambda arguments: call(prefix, arguments), calls))


def arguments(
    workload: str,
    parameters: Mapping[str, int],
    *,
    variant: str,
    seed: int,
    mode: str = "throughput",
    warmup: int = 0,
    iterations: int = 1,
) -> list[str]:
    """The command line of one invocation, without the program."""
    given: dict[str, str | int] = {"variant": variant, "mode": mode, "seed": seed, "warmup": warmup}
    return [workload, *(f"{key}={value}" for key, value in {**given, "iterations": iterations, **parameters}.items())]
