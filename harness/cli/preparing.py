"""An engine that can run a plan: set up what is missing, choose containers or processes, build the programs.

``auto`` prefers containers and says why it goes on without them; ``docker`` gives up instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.catalog.model import Build, Catalog
from harness.engines.base import Engine, root_digest
from harness.engines.effects import Effects
from harness.engines.images import Built
from harness.engines.provision import LocalToolchain
from harness.errors import EngineUnavailable

BUILD_SECONDS = 1200
"""How long one step of building an image may take; any other call to the daemon takes far less."""

Choice = Literal["auto", "docker", "local"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What serves here: ``engine`` by name, its version, and why (where it is not the one preferred).

    ``absent`` maps (language, toolchain) that cannot be had to the reason; ``toolchains`` are the host's own.
    """

    engine: Literal["docker", "local"]
    version: str
    why: str
    absent: Mapping[tuple[str, str], str] = field(default_factory=dict)
    toolchains: Mapping[tuple[str, str], LocalToolchain] = field(default_factory=dict)


def provide(choice: Choice, catalog: Catalog, root: Path, effects: Effects) -> Ready:
    """Set up what the choice needs. EngineUnavailable when ``docker`` was asked for and cannot be had."""
    if choice == "local":
        return _local(catalog, root, effects, why="asked for")
    why = _docker(effects)
    if why is None:
        from harness.engines.docker import connect

        version = str(connect().version().get("Version", "unknown"))
        return Ready(engine="docker", version=version, why="")
    if choice == "docker":
        raise EngineUnavailable(f"no containers: {why}")
    effects.say(f"no containers here: {why}")
    effects.say("going on with --engine local: plain processes, without the isolation and limits of containers")
    return _local(catalog, root, effects, why=why)


def engine_for(
    ready: Ready, builds: tuple[Build, ...], catalog: Catalog, root: Path, effects: Effects
) -> tuple[Engine, Mapping[Build, Built]]:
    """The engine with every build it needs. BuildFailed when a program does not build."""
    if ready.engine == "docker":
        from harness.engines.docker import DockerEngine, builder, connect
        from harness.engines.images import build_images

        built = build_images(builds, catalog.languages, root, builder(BUILD_SECONDS), effects)
        images = {build: one.ref for build, one in built.items()}
        return DockerEngine(connect(), images, root=root_digest(root)), built
    from harness.engines.local import LocalEngine
    from harness.engines.local_builds import build_locally

    built = build_locally(builds, catalog.languages, ready.toolchains, root, effects)
    return LocalEngine({build: one.ref for build, one in built.items()}, root=root_digest(root)), built


def _docker(effects: Effects) -> str | None:
    """Have a daemon and the base image; None when both are there, else why not in one line."""
    from harness.engines.docker import builder, connect
    from harness.engines.provision import ensure_base, ensure_daemon
    from harness.errors import EngineError

    missing = ensure_daemon(effects, _answers(connect))
    if missing is not None:
        return missing.reason
    try:
        how = ensure_base(builder(BUILD_SECONDS), effects)
    except EngineError as error:
        return " ".join(str(error).split())
    if how != "present":
        effects.say(f"base image: {how}")
    return None


def _answers(connect: Callable[[], object]) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            connect()
        except EngineUnavailable:
            return False
        return True

    return answers


def _local(catalog: Catalog, root: Path, effects: Effects, *, why: str) -> Ready:
    from harness.engines.provision import local_toolchain

    there: dict[tuple[str, str], LocalToolchain] = {}
    absent: dict[tuple[str, str], str] = {}
    for language in catalog.languages.values():
        for toolchain in language.toolchains:
            found = local_toolchain(language, toolchain.id, root, effects)
            if isinstance(found, LocalToolchain):
                there[language.id, toolchain.id] = found
            else:
                absent[language.id, toolchain.id] = found
    return Ready(engine="local", version="", why=why, absent=absent, toolchains=there)
