"""The base image ``debian:trixie-slim``, pulled where an image registry answers and else made from Debian's packages.

A made image takes its package sources from this machine's own, so no mirror is named in the repository; it leaves out
what the official slim image leaves out (manuals, documentation, translations) and carries our label.
"""

import re
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from requests import RequestException

from harness.engines.base import LABEL
from harness.engines.effects import Effects
from harness.errors import EngineError

REPOSITORY = "debian"
SUITE = "trixie"
TAG = f"{SUITE}-slim"
BASE_IMAGE = f"{REPOSITORY}:{TAG}"
FIRST_ANSWER_SECONDS = 15.0
PULL_SECONDS = 300.0
LEFT_OUT = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/info/*",
)


class ImageApi(Protocol):
    """The part of the Docker SDK's low-level client that images need; its errors are ``requests``' errors."""

    def images(self, name: str | None = None, *, filters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Images as the daemon lists them."""

    def pull(self, repository: str, tag: str, *, stream: bool, decode: bool) -> Iterable[dict[str, Any]]:
        """Events of a pull."""

    def import_image(self, src: str, repository: str, tag: str, *, changes: Sequence[str]) -> str:
        """Make an image of a tar file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Package sources of a Debian system: the main archive, and the security archive where there is one."""

    main: str
    security: str | None

    def sources(self, suite: str) -> tuple[str, ...]:
        """One-line source entries for ``suite``, its updates and its backports."""
        lines = [f"deb {self.main} {suite}{pocket} main" for pocket in ("", "-updates", "-backports")]
        return (*lines, f"deb {self.security} {suite}-security main") if self.security else tuple(lines)


def pull(api: ImageApi) -> str | None:
    """Pull the base image; None when it is here, else why not. A registry that says nothing for 15 s is given up."""
    heard = threading.Event()
    failures: list[str] = ["it does not answer"]

    def follow() -> None:
        try:
            for event in api.pull(REPOSITORY, TAG, stream=True, decode=True):
                if "error" in event:
                    failures.append(str(event["error"]))
                    return
                heard.set()
            failures.clear()
        except RequestException as error:
            failures.append(str(error))
        finally:
            heard.set()

    # The SDK's pull has no time-out of its own; a thread that is given up ends with this process.
    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    if heard.wait(FIRST_ANSWER_SECONDS):
        thread.join(PULL_SECONDS)
    return " ".join(failures[-1].split())[:160] if failures else None


def make(api: ImageApi, effects: Effects) -> None:
    """Make the base image with mmdebstrap and import it. EngineError when sources are missing or the tool fails."""
    archive = host_archive(effects.path("/etc/apt"))
    if archive is None:
        raise EngineError(
            f"{BASE_IMAGE} cannot be made: no Debian archive in /etc/apt/sources.list or /etc/apt/sources.list.d; "
            f"name one there, or load the image with `docker load`"
        )
    with tempfile.TemporaryDirectory(prefix="memverdict-base-") as folder:
        tarball = str(Path(folder) / "base.tar")
        sources = "\n".join(archive.sources(SUITE)) + "\n"
        options = [f"--dpkgopt={line}" for line in LEFT_OUT]
        if "https:" in sources:
            options.append("--include=ca-certificates")  # without them the image could not reach its own sources
        made = effects.run(["mmdebstrap", "--quiet", "--variant=minbase", *options, SUITE, tarball, "-"], stdin=sources)
        if made.code != 0:
            raise EngineError(f"{BASE_IMAGE} cannot be made: mmdebstrap failed:\n{made.tail}")
        changes = [f"LABEL {LABEL}=1", 'CMD ["bash"]']
        try:
            api.import_image(tarball, REPOSITORY, TAG, changes=changes)
        except RequestException as error:
            raise EngineError(f"{BASE_IMAGE} cannot be imported: {error}") from error


def host_archive(apt: Path) -> Archive | None:
    """The Debian archives that this machine's own sources name (both formats); None where there is none."""
    main: str | None = None
    security: str | None = None
    for uri, suites in _entries(apt):
        if any(suite.endswith(("-security", "/updates")) for suite in suites):
            security = security or uri
        elif any(re.fullmatch(r"[a-z]+", suite) for suite in suites) and "debian" in uri:
            main = main or uri
    return Archive(main=main, security=security) if main else None


def _entries(apt: Path) -> Iterator[tuple[str, list[str]]]:
    """(URI, suites) of every enabled binary source below ``apt``, in the order apt reads them."""
    parts = apt / "sources.list.d"
    for file in [apt / "sources.list", *sorted(parts.glob("*.list"))]:
        if file.is_file():
            for line in file.read_text().splitlines():
                entry = re.match(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", line.strip())
                if entry:
                    yield entry[1].rstrip("/"), [entry[2]]
    for file in sorted(parts.glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", file.read_text()):
            fields = _fields(stanza)
            if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") != "no":
                for uri in fields.get("uris", "").split():
                    yield uri.rstrip("/"), fields.get("suites", "").split()


def _fields(stanza: str) -> dict[str, str]:
    """The fields of a deb822 stanza, names in lower case; comments are dropped, continued lines joined."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and name:
            fields[name] += " " + line.strip()
        elif ":" in line:
            key, _, value = line.partition(":")
            name = key.strip().lower()
            fields[name] = value.strip()
    return fields
