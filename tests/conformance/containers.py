"""Programs under test in containers: the images that are measured, and toolchain images for what is built on the spot.

One container per image lives as long as the session and each call is an ``exec`` in it, so that hundreds of calls cost
seconds. It has no network and no capabilities, and ends by itself should the session not come to it.
"""

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final

from harness.catalog.model import Build, Language
from harness.engines.base import LABEL, ROOT_LABEL, root_digest
from harness.engines.docker import OUT
from harness.engines.effects import real_effects
from harness.engines.images import build_images, build_toolchain
from tests.conformance.programs import LANGUAGES, ROOT, default_toolchain

SECONDS_OF_A_CONTAINER: Final = 3600
CONFINED: Final = ("--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--init")


@dataclass(slots=True)
class Containers(AbstractContextManager["Containers"]):
    """The containers of one session, by image; leaving removes them."""

    running: dict[str, str] = field(default_factory=dict)

    def enter(
        self,
        image: str,
        options: Sequence[str],
        *,
        folder: str = "/",
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[str, ...]:
        """The command prefix that runs in ``folder`` of the one container of ``image``, started with ``options``.

        ``environment`` belongs to the command alone, not to the container.
        """
        if image not in self.running:
            labels = (f"--label={LABEL}=1", f"--label={ROOT_LABEL}={root_digest(ROOT)}")
            sleep = ("sleep", str(SECONDS_OF_A_CONTAINER))
            command = ["docker", "run", "--detach", "--rm", *labels, *CONFINED, *options, image, *sleep]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            self.running[image] = done.stdout.strip()
        variables = (f"--env={name}={value}" for name, value in environment.items())
        return ("docker", "exec", "--interactive", f"--workdir={folder}", *variables, self.running[image])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            subprocess.run(["docker", "rm", "--force", *self.running.values()], capture_output=True, check=True)


@dataclass(frozen=True, slots=True)
class ImageSource:
    """Runners in the slim images that are measured, made where they are missing; with a read-only root."""

    containers: Containers
    client: Any

    def offers(self, language: Language) -> bool:
        """Every language has an image."""
        return language.id in LANGUAGES

    def runner(self, language: Language, options: Mapping[str, str]) -> tuple[str, ...]:
        """The command prefix of the program built with KEY=VALUE ``options``."""
        build = Build(language=language.id, toolchain=default_toolchain(language), options=dict(options))
        (built,) = build_images([build], LANGUAGES, ROOT, self.client, real_effects(print)).values()
        assert built.ref.image_id is not None
        # Where a worker may leave raw logs; measured ones get a folder of the run's instead.
        writable = ("--read-only", f"--tmpfs={OUT}:mode=1777")
        return (*self.containers.enter(built.ref.image_id, writable, folder=OUT), built.ref.path)


@dataclass(frozen=True, slots=True)
class ToolchainContainers:
    """A place to build and run in: a container of a language's toolchain image that sees ``folder`` under its name."""

    containers: Containers
    client: Any
    folder: Path

    def offers(self, language: Language) -> bool:
        """Every language has a toolchain image."""
        return language.id in LANGUAGES

    def enter(self, language: Language) -> tuple[str, ...]:
        """The command prefix."""
        image = build_toolchain(language, default_toolchain(language), ROOT, self.client, real_effects(print))
        folders = (f"--volume={self.folder}:{self.folder}", f"--volume={ROOT / 'langs'}:{ROOT / 'langs'}:ro")
        return self.containers.enter(image, folders)
