"""Programs built on this host for the local engine, by the same ``build`` scripts that images use.

A build lies in ``.build/local/<language>/<digest>/``, named by what it was made from, so unchanged sources build
nothing. It is made beside its place and moved there whole: a build that was interrupted is never mistaken for a
finished one.
"""

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.catalog.digest import of_value
from harness.catalog.model import Build, Language
from harness.engines.base import ImageRef
from harness.engines.effects import Effects
from harness.engines.images import Built, arguments_of, check_options, digest_of, program_sources
from harness.engines.provision import LocalToolchain
from harness.errors import BuildFailed


def build_locally(
    builds: Iterable[Build],
    languages: Mapping[str, Language],
    toolchains: Mapping[tuple[str, str], LocalToolchain],
    root: Path,
    effects: Effects,
) -> Mapping[Build, Built]:
    """Have a runner for every build. BuildFailed, with the end of the output, when one does not build."""
    return {
        build: _one(build, languages[build.language], toolchains[build.language, build.toolchain], root, effects)
        for build in builds
    }


def _one(build: Build, language: Language, toolchain: LocalToolchain, root: Path, effects: Effects) -> Built:
    check_options(build)
    folder = root / language.folder
    digest = of_value((digest_of(program_sources(folder)), arguments_of(build, language), toolchain.found))
    place = root / ".build" / "local" / language.id / digest
    began = effects.monotonic()
    fresh = not place.is_dir()
    if fresh:
        effects.say(f"program {language.id} {build.id}: building on this host with {toolchain.found}")
        _make(build, language, folder, place, toolchain, effects)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    return Built(
        build=build,
        ref=ImageRef(image_id=None, path=str(place / language.runner)),
        size_bytes=sum(path.stat().st_size for path in files),
        seconds=effects.monotonic() - began if fresh else 0.0,
        fresh=fresh,
        files={path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        packages={language.id: toolchain.found},
    )


def _make(
    build: Build, language: Language, folder: Path, place: Path, toolchain: LocalToolchain, effects: Effects
) -> None:
    beside = place.with_name(f"{place.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    path = effects.environment.get("PATH", "")
    done = effects.run(
        [str(folder / "build"), build.toolchain, str(beside), *arguments_of(build, language)],
        environment={"PATH": f"{toolchain.path}:{path}" if toolchain.path else path},
    )
    if done.code != 0:
        raise BuildFailed(f"{build.language} {build.id} does not build on this host (exit {done.code}):\n{done.tail}")
    beside.rename(place)
