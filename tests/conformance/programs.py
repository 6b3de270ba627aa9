"""Programs under test: which there are, how one is built and called, and what it answered.

A program is a command prefix; whether it names a file on this host or a container is the business of whoever made it.
Nothing here judges: that is ``compare``.
"""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
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

    def offers(self, language: Language) -> bool:
        """Whether it has that language's programs at all."""

    def runner(self, language: Language, options: Mapping[str, str]) -> tuple[str, ...]:
        """The command prefix of the program built with KEY=VALUE ``options``; BuildError when it does not build."""


class Place(Protocol):
    """Where compilers are: this host, or a container that sees the same folders."""

    def offers(self, language: Language) -> bool:
        """Whether that language's compiler is there."""

    def enter(self, language: Language) -> tuple[str, ...]:
        """What a command line begins with in order to run there."""


class Here:
    """The host itself, with the toolchains on PATH."""

    def offers(self, language: Language) -> bool:
        """Whether the probe of its default toolchain is on PATH."""
        return shutil.which(language.toolchain(default_toolchain(language)).probe[0]) is not None

    def enter(self, language: Language) -> tuple[str, ...]:
        """Nothing: it is here."""
        del language
        return ()


def default_toolchain(language: Language) -> str:
    """The toolchain that is meant when none is named."""
    return next(one.id for one in language.toolchains if one.default)


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds in ``place`` into ``folder``, which it sees under the same name."""

    folder: Path
    place: Place

    def offers(self, language: Language) -> bool:
        """Whether its compiler is there."""
        return self.place.offers(language)

    def runner(self, language: Language, options: Mapping[str, str]) -> tuple[str, ...]:
        """The runner of the language's own sources; each combination is built once."""
        out = self.folder / "+".join([language.id, *(f"{key}={value}" for key, value in sorted(options.items()))])
        if (out / "runner").exists():
            return (*self.place.enter(language), str(out / "runner"))
        return self.build(language, ROOT / "langs" / language.id, out, options)

    def build(self, language: Language, sources: Path, out: Path, options: Mapping[str, str]) -> tuple[str, ...]:
        """The runner of other sources (a ``langs/<x>`` below ``folder``), built into ``out``; BuildError when not."""
        enter = self.place.enter(language)
        # What Go's compiler makes of the standard library serves all builds; the others keep nothing.
        cache = ("env", f"GOCACHE={self.folder / 'gocache'}")
        toolchain = default_toolchain(language)
        given = (toolchain, str(out), *(f"{key}={value}" for key, value in options.items()))
        command = (*enter, *cache, str(sources / "build"), *given)
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_PER_BUILD, check=False)
        if done.returncode != 0:
            raise BuildError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return (*enter, str(out / "runner"))


def call(prefix: Sequence[str], arguments: Sequence[str], *, given: bytes = b"gq") -> Answer:
    """Run one process to its end with ``given`` on its stdin, then end of file; raw logs of a plain one are dropped."""
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [*prefix, *arguments], input=given, capture_output=True, timeout=SECONDS_PER_RUN, check=False, cwd=folder
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
    schedule: Mapping[str, int] | None = None,
) -> list[str]:
    """The command line of one invocation, without the program; ``schedule`` is mode latency's rate and tick_us."""
    given: dict[str, str | int] = {"variant": variant, "mode": mode, "seed": seed, "warmup": warmup}
    everything = {**given, "iterations": iterations, **(schedule or {}), **parameters}
    return [workload, *(f"{key}={value}" for key, value in everything.items())]
