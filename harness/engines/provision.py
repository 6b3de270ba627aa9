"""What this machine lacks before anything can run, and how it gets it: said first, then done, once.

Containers need a daemon and a base image; the images of toolchains and programs follow on demand
(:mod:`harness.engines.images`). Without a daemon the toolchains come onto the host itself. Only root on a Debian
family installs anything, and never through sudo.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.catalog.model import Language
from harness.engines.base_image import BASE_IMAGE, ImageApi, make, pull
from harness.engines.daemon import NoDaemon, start_daemon
from harness.engines.effects import ADMINISTRATION_PATH, Effects
from harness.errors import EngineError

DAEMON_PACKAGES: Final = ("docker.io", "iptables")
BASE_PACKAGES: Final = ("mmdebstrap",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to install: what, for what, and the disk and time it takes, roughly, as people read them."""

    what: str
    why: str
    disk: str
    time: str
    packages: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The step as one line, said before it is taken."""
        return f"{self.what}: {self.why} ({self.disk}, {self.time})"


def may_install(effects: Effects, *, uid: int | None = None) -> str | None:
    """None where we may install packages, else why not."""
    if (os.getuid() if uid is None else uid) != 0:
        return "not root"
    if not effects.path("/etc/debian_version").exists():
        return "no Debian family"
    return None


def installed(effects: Effects, packages: Iterable[str]) -> bool:
    """Whether all these packages are there."""
    found = effects.run(["dpkg-query", "-W", "-f", "${db:Status-Status}\n", *packages], seconds=60)
    lines = found.output.split()
    return found.code == 0 and bool(lines) and all(line == "installed" for line in lines)


def install(effects: Effects, packages: tuple[str, ...]) -> str | None:
    """Install Debian packages; None when they are there afterwards, else why not in one line."""
    if installed(effects, packages):
        return None
    environment = {
        "DEBIAN_FRONTEND": "noninteractive",
        "PATH": f"{ADMINISTRATION_PATH}:{effects.environment.get('PATH', '')}",
    }
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    done = effects.run(command, environment=environment)
    if done.code != 0:
        effects.run(["apt-get", "update", "-qq"], environment=environment)
        done = effects.run(command, environment=environment)
    if done.code != 0:
        return f"apt-get install {' '.join(packages)} failed: {' '.join(done.tail.split())[-300:]}"
    return None


def ensure_daemon(effects: Effects, answers: Callable[[], bool], *, uid: int | None = None) -> NoDaemon | None:
    """Have a Docker daemon that answers; None when there is one, else why none can be had here."""
    if answers():
        return None
    refused = may_install(effects, uid=uid)
    if refused is not None:
        return NoDaemon(reason=f"no Docker daemon answers, and {refused}: start one, or run as root on Debian")
    folders = ADMINISTRATION_PATH.split(":")
    has_daemon = any(effects.path(f"{folder}/dockerd").exists() for folder in folders)
    if not has_daemon:
        step = Step(
            what="Docker Engine",
            why="no daemon answers, so Debian's docker.io is installed",
            disk="about 300 MB",
            time="about 20 s",
            packages=DAEMON_PACKAGES,
        )
        effects.say(step.text)
        failed = install(effects, step.packages)
        if failed is not None:
            return NoDaemon(reason=failed)
    effects.say("Docker daemon: starting dockerd --live-restore")
    return start_daemon(effects, answers)


def ensure_base(api: ImageApi, effects: Effects, *, uid: int | None = None) -> str:
    """Have the base image; ``present``, ``pulled`` or ``made``. EngineError when it cannot be had."""
    if api.images(BASE_IMAGE):
        return "present"
    refused = pull(api)
    if refused is None:
        return "pulled"
    effects.say(f"{BASE_IMAGE}: no image registry answers ({refused}), so it is made from Debian's packages")
    if may_install(effects, uid=uid) is None and not installed(effects, BASE_PACKAGES):
        step = Step(
            what="mmdebstrap",
            why=f"makes {BASE_IMAGE}",
            disk="about 40 MB, and 90 MB for the image",
            time="about 25 s",
            packages=BASE_PACKAGES,
        )
        effects.say(step.text)
        failed = install(effects, step.packages)
        if failed is not None:
            raise EngineError(f"{BASE_IMAGE} cannot be made: {failed}")
    make(api, effects)
    return "made"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalToolchain:
    """A toolchain on this host; ``path`` goes before PATH when it builds or runs, ``found`` is how it names itself."""

    language: str
    toolchain: str
    path: str
    found: str


def local_toolchain(
    language: Language, toolchain_id: str, root: Path, effects: Effects, *, uid: int | None = None
) -> LocalToolchain | str:
    """A toolchain for plain processes, installed where we may and it is the language's own; else why there is none.

    Tried in this order: the toolchain's folder, PATH, Debian's packages, the package index of Python.
    """
    toolchain = language.toolchain(toolchain_id)
    if not toolchain.default:
        return f"{toolchain_id} is not the toolchain that a host has; containers have it"
    found = _probe(language, toolchain_id, (toolchain.path, ""), effects)
    if found is not None:
        return found
    if toolchain.host_packages and may_install(effects, uid=uid) is None:
        effects.say(f"{language.title}: installing {' '.join(toolchain.host_packages)} for the local engine")
        failed = install(effects, toolchain.host_packages)
        if failed is not None:
            return failed
        found = _probe(language, toolchain_id, ("",), effects)
        if found is not None:
            return found
    if toolchain.pypi is not None:
        return _from_index(language, toolchain_id, toolchain.pypi, root, effects)
    return f"{toolchain.probe[0]} is not on PATH, and nothing here can install it"


def _probe(language: Language, toolchain_id: str, paths: Iterable[str], effects: Effects) -> LocalToolchain | None:
    probe = language.toolchain(toolchain_id).probe
    for path in paths:
        wanted = f"{path}:{effects.environment.get('PATH', '')}" if path else effects.environment.get("PATH", "")
        program = f"{path}/{probe[0]}" if path else probe[0]
        if path and not Path(program).exists():
            continue
        done = effects.run([program, *probe[1:]], environment={"PATH": wanted}, seconds=60)
        if done.code == 0:
            named = done.output.strip().splitlines()
            return LocalToolchain(
                language=language.id, toolchain=toolchain_id, path=path, found=named[0] if named else toolchain_id
            )
    return None


def _from_index(
    language: Language, toolchain_id: str, package: str, root: Path, effects: Effects
) -> LocalToolchain | str:
    """Install a toolchain that ships as a Python package into a folder of its own."""
    target = root / ".build" / "toolchains" / package
    if not target.is_dir():
        effects.say(f"{language.title}: installing {package} for the local engine (about 250 MB, about 10 s)")
        # Beside its place and moved there whole: what was interrupted is never mistaken for a toolchain.
        beside = target.with_name(f"{package}.new")
        shutil.rmtree(beside, ignore_errors=True)
        # The interpreter that runs us, so that the package fits it; the toolchain itself does not care.
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(beside), package]
        done = effects.run(command)
        if done.code != 0:
            return f"pip install {package} failed: {' '.join(done.tail.split())[-300:]}"
        beside.rename(target)
    program = language.toolchain(toolchain_id).probe[0]
    # Its own bin/ holds a script that imports the package; the toolchain proper lies one level below.
    folders = sorted(str(found.parent) for found in target.glob(f"*/bin/{program}"))
    return _probe(language, toolchain_id, folders, effects) or f"{package} is installed but does not run"
