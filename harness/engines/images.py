"""Content-addressed images: one toolchain image per toolchain, one slim worker image per build.

An image's tag is the digest of everything it is made from, so unchanged sources build nothing and two checkouts share
what is equal. What differs between languages stands in ``langs/<x>/Dockerfile.*`` and ``lang.toml``; this module only
feeds them arguments. The daemon's classic builder is all that is assumed.
"""

import fcntl
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from requests import RequestException

from harness.catalog.digest import of_value
from harness.catalog.model import Build, Invocation, Language
from harness.engines.base import LABEL, ROOT_LABEL, ImageRef, root_digest
from harness.engines.base_image import BASE_IMAGE
from harness.engines.effects import Effects
from harness.errors import BuildFailed, EngineUnavailable

BUILD_LABEL = "memverdict.build"
INSIDE = "/opt/memverdict"
SILENCE_SECONDS = 900
"""A build that prints nothing for so long is given up."""

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
NO_PART_OF_A_PROGRAM = ("tests", "__pycache__")


class BuildApi(Protocol):
    """The part of the Docker SDK's low-level client that builds need; its errors are ``requests``' errors."""

    def images(self, name: str | None = None, *, filters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Images as the daemon lists them."""

    def build(self, **arguments: Any) -> Iterable[dict[str, Any]]:
        """Events of a build."""

    def inspect_image(self, image: str) -> dict[str, Any]:
        """What the daemon knows of an image."""

    def remove_image(self, image: str) -> Any:
        """Remove an image."""

    def create_container(self, image: str, **arguments: Any) -> dict[str, Any]:
        """A container that is never started: the way into an image's files."""

    def get_archive(self, container: str, path: str) -> tuple[Iterable[bytes], Any]:
        """A file of a container, as a tar stream."""

    def remove_container(self, container: str, *, force: bool) -> Any:
        """Remove a container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A build that can run: where it lies, its size (the whole image, or the folder), and whether it was made just now.

    ``files`` are SHA-256 digests by file name relative to the build's folder, ``packages`` the Debian versions it was
    compiled with; ``seconds`` (without the toolchain's own image) is 0 where nothing had to be made.
    """

    build: Build
    ref: ImageRef
    size_bytes: int
    seconds: float
    fresh: bool
    files: Mapping[str, str]
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file as it was when its digest was taken; the same bytes are what is built."""

    name: str
    executable: bool
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlan:
    """One image: its tag, the Dockerfile that makes it, its arguments and the files it is made from.

    ``title`` is its name for people; ``of_build`` the id of the build it holds, empty for a toolchain.
    """

    tag: str
    title: str
    dockerfile: str
    arguments: Mapping[str, str]
    sources: tuple[Source, ...]
    of_build: str = ""
    given: Mapping[str, bytes] = field(default_factory=dict)
    """Files of this machine that only help to make the image: no part of it, nor of its tag."""


def needed_builds(invocations: Iterable[Invocation]) -> tuple[Build, ...]:
    """The distinct builds that invocations run, in order of first use."""
    return tuple(dict.fromkeys(invocation.build for invocation in invocations))


def program_sources(folder: Path) -> tuple[Source, ...]:
    """The files below ``folder`` that decide what its programs are: no tests, notes, Dockerfiles or hidden files."""
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in NO_PART_OF_A_PROGRAM for part in parts)
        if path.is_file() and not hidden and path.suffix != ".md" and not parts[0].startswith("Dockerfile"):
            found.append(_source(folder, path))
    return tuple(found)


def digest_of(sources: Iterable[Source]) -> str:
    """Digest of files: names, contents and whether they can be executed; where they lie does not matter."""
    return of_value([[one.name, one.executable, hashlib.sha256(one.content).hexdigest()] for one in sources])


def check_options(build: Build) -> None:
    """BuildFailed when an option cannot be a word of a command line and a part of a folder's name."""
    for key, value in build.options.items():
        if not re.fullmatch(r"[A-Za-z0-9_]+=[A-Za-z0-9_.,:=-]*", f"{key}={value}"):
            raise BuildFailed(
                f"build option {key}={value!r} of {build.toolchain}: only letters, digits and _ . , : = - are possible"
            )


def arguments_of(build: Build, language: Language) -> list[str]:
    """What a build script gets besides toolchain and folder: the build's options, and how many layouts to link.

    All layouts of a build are made in one go, since only linking differs; they are no part of which build it is.
    """
    layouts = [f"LAYOUTS={language.layouts}"] if language.layouts > 1 else []
    return [*(f"{key}={value}" for key, value in sorted(build.options.items())), *layouts]


def plan_toolchain(root: Path, language: Language, toolchain_id: str, base_id: str) -> ImagePlan:
    """The toolchain image of one toolchain; its tag covers the Dockerfile, the packages and the base image."""
    toolchain = language.toolchain(toolchain_id)
    dockerfile = _source(root / language.folder, root / language.folder / "Dockerfile.toolchain")
    arguments = {
        "BASE": BASE_IMAGE,
        "PACKAGES": " ".join(toolchain.packages),
        "BACKPORTS": "1" if toolchain.backports else "0",
        "TOOLCHAIN_PATH": toolchain.path,
    }
    return ImagePlan(
        tag=f"memverdict/toolchain-{toolchain.id}:{of_value((arguments, base_id, digest_of([dockerfile])))}",
        title=f"toolchain {toolchain.id}",
        dockerfile=dockerfile.name,
        arguments=arguments,
        sources=(dockerfile,),
    )


def plan_worker(root: Path, language: Language, build: Build, base_id: str, toolchain: ImagePlan) -> ImagePlan:
    """The worker image of one build; its tag covers sources, options, Dockerfiles, packages and the base image."""
    check_options(build)
    folder = root / language.folder
    dockerfile = _source(folder, folder / "Dockerfile.worker")
    sources = (*program_sources(folder), dockerfile)
    arguments = {
        "BASE": BASE_IMAGE,
        "TOOLCHAIN": build.toolchain,
        "BUILD": build.id,
        "OPTIONS": " ".join(arguments_of(build, language)),
        "RUNTIME_PACKAGES": " ".join(language.toolchain(build.toolchain).runtime_packages),
    }
    return ImagePlan(
        tag=f"memverdict/worker-{language.id}:{of_value((arguments, base_id, toolchain.tag, digest_of(sources)))}",
        title=f"worker {language.id} {build.id}",
        dockerfile=dockerfile.name,
        arguments={**arguments, "TOOLCHAIN_IMAGE": toolchain.tag, "ROOT": root_digest(root)},
        sources=sources,
        of_build=build.id,
    )


def plan_linter(root: Path, language: Language, toolchain: ImagePlan, certificates: bytes) -> ImagePlan:
    """The image with a language's linters; ``certificates`` are what this machine trusts, for what is fetched."""
    folder = root / language.folder
    dockerfile = _source(folder, folder / "Dockerfile.lint")
    return ImagePlan(
        tag=f"memverdict/lint-{language.id}:{of_value((toolchain.tag, digest_of([dockerfile])))}",
        title=f"lint {language.id}",
        dockerfile=dockerfile.name,
        arguments={"TOOLCHAIN_IMAGE": toolchain.tag, "ROOT": root_digest(root)},
        sources=(dockerfile,),
        given={"ca-certificates.crt": certificates},
    )


def build_images(
    builds: Iterable[Build], languages: Mapping[str, Language], root: Path, api: BuildApi, effects: Effects
) -> Mapping[Build, Built]:
    """Have an image for every build; only what is missing is made, under a lock that other processes of this root keep.

    EngineUnavailable without the base image, BuildFailed (with the end of the build's output) when one does not build.
    """
    base_id = _base_id(api)
    plans: dict[Build, tuple[ImagePlan, ImagePlan]] = {}
    for build in builds:
        language = languages[build.language]
        toolchain = plan_toolchain(root, language, build.toolchain, base_id)
        plans[build] = (toolchain, plan_worker(root, language, build, base_id, toolchain))
    # A toolchain is only needed where a program is missing.
    missing = [pair for pair in plans.values() if not api.images(pair[1].tag)]
    seconds = _make_missing([plan for pair in missing for plan in pair], root, api, effects)
    return {build: _built(build, worker, root, api, seconds) for build, (_, worker) in plans.items()}


def build_toolchain(language: Language, toolchain_id: str, root: Path, api: BuildApi, effects: Effects) -> str:
    """Have the toolchain image of one toolchain, for native tests; returns its tag. Errors as above."""
    plan = plan_toolchain(root, language, toolchain_id, _base_id(api))
    _make_missing((plan,), root, api, effects)
    return plan.tag


def build_linter(language: Language, root: Path, api: BuildApi, effects: Effects) -> str:
    """Have an image with a language's linters; its toolchain's own where it needs no others. Errors as above."""
    default = next(one.id for one in language.toolchains if one.default)
    toolchain = plan_toolchain(root, language, default, _base_id(api))
    if not (root / language.folder / "Dockerfile.lint").exists():
        _make_missing((toolchain,), root, api, effects)
        return toolchain.tag
    trusted = effects.path(CERTIFICATES)
    linter = plan_linter(root, language, toolchain, trusted.read_bytes() if trusted.exists() else b"")
    if not api.images(linter.tag):
        _make_missing((toolchain, linter), root, api, effects)
    return linter.tag


def _base_id(api: BuildApi) -> str:
    base = api.images(BASE_IMAGE)
    if not base:
        raise EngineUnavailable(f"there is no image {BASE_IMAGE}; `make setup` pulls or makes it")
    return str(base[0]["Id"])


def _make_missing(plans: Iterable[ImagePlan], root: Path, api: BuildApi, effects: Effects) -> dict[str, float]:
    """Build what is not there, in order, under the lock; returns the seconds each took by tag."""
    missing = [plan for plan in plans if not api.images(plan.tag)]
    seconds: dict[str, float] = {}
    if missing:
        with _only_one(root):
            # Whoever held the lock before may have made it.
            for plan in missing:
                if not api.images(plan.tag):
                    seconds[plan.tag] = _make(plan, root, api, effects)
            remove_stages(root, api)
    return seconds


def remove_stages(root: Path, api: BuildApi) -> None:
    """Remove the untagged stages that our builds left: by our root's label, never by pruning."""
    mine = {"label": [f"{LABEL}=1", f"{ROOT_LABEL}={root_digest(root)}"], "dangling": True}
    for image in api.images(filters=mine):
        try:
            api.remove_image(str(image["Id"]))
        except RequestException:
            # In use by a container of another process; whoever builds next removes it.
            continue


def _make(plan: ImagePlan, root: Path, api: BuildApi, effects: Effects) -> float:
    """Build one image; returns the seconds it took."""
    effects.say(f"image {plan.title}: building")
    began = effects.monotonic()
    output: list[str] = []
    try:
        events = api.build(
            fileobj=_context(plan),
            custom_context=True,
            dockerfile=plan.dockerfile,
            tag=plan.tag,
            buildargs={**plan.arguments, **proxies(effects.environment)},
            labels={LABEL: "1", ROOT_LABEL: root_digest(root), BUILD_LABEL: plan.of_build},
            timeout=SILENCE_SECONDS,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for event in events:
            output.append(str(event.get("stream", "")))
            if "error" in event:
                raise BuildFailed(_failure(plan.title, "".join(output), str(event["error"])))
    except RequestException as error:
        raise BuildFailed(_failure(plan.title, "".join(output), str(error))) from error
    seconds = effects.monotonic() - began
    effects.say(f"image {plan.title}: {api.inspect_image(plan.tag)['Size'] / 1e6:.0f} MB in {seconds:.0f} s")
    return seconds


def proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The proxies this machine uses, as the build arguments that the builder knows and leaves out of images."""
    names = ("http_proxy", "https_proxy", "no_proxy")
    return {name: value for name, value in environment.items() if name.lower() in names}


def _source(folder: Path, path: Path) -> Source:
    executable = bool(path.stat().st_mode & 0o111)
    return Source(name=path.relative_to(folder).as_posix(), executable=executable, content=path.read_bytes())


def _context(plan: ImagePlan) -> io.BytesIO:
    """The build context as a tar file without owners and times: equal files are equal to the builder's cache."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for source in plan.sources:
            entry = tarfile.TarInfo(source.name)
            entry.size = len(source.content)
            entry.mode = 0o755 if source.executable else 0o644
            tar.addfile(entry, io.BytesIO(source.content))
        for name, content in plan.given.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    context.seek(0)
    return context


def _failure(what: str, output: str, error: str) -> str:
    tail = "\n".join(output.strip().splitlines()[-20:])
    return f"image {what} does not build: {error.strip()}\n{tail}"


@contextmanager
def _only_one(root: Path) -> Iterator[None]:
    """Hold the build lock of this root; the kernel frees it however we end."""
    lock = root / ".build" / "images.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _built(build: Build, plan: ImagePlan, root: Path, api: BuildApi, seconds: Mapping[str, float]) -> Built:
    image = api.inspect_image(plan.tag)
    image_id = str(image["Id"])
    files, packages = _contents(image_id, root, api)
    return Built(
        build=build,
        ref=ImageRef(image_id=image_id, path=f"{INSIDE}/{build.id}/runner"),
        size_bytes=int(image["Size"]),
        seconds=seconds.get(plan.tag, 0.0),
        fresh=plan.tag in seconds,
        files={name.removeprefix(f"./{build.id}/"): digest for name, digest in files.items()},
        packages=packages,
    )


def _contents(image_id: str, root: Path, api: BuildApi) -> tuple[dict[str, str], dict[str, str]]:
    """Digests of an image's files and versions of its packages, kept under ``.build`` since an image never changes."""
    kept = root / ".build" / "images" / f"{image_id.removeprefix('sha256:')}.json"
    if not kept.exists():
        container = str(api.create_container(image_id, command=["none"], labels={LABEL: "1"})["Id"])
        try:
            sums, versions = (_file(api, container, f"{INSIDE}/{name}") for name in ("SHA256SUMS", "PACKAGES"))
        finally:
            api.remove_container(container, force=True)
        files = {name: digest for digest, _, name in (line.partition("  ") for line in sums.splitlines())}
        packages = {name: version for name, _, version in (line.partition(" ") for line in versions.splitlines())}
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Written under another name first: a reader sees all of it or nothing.
        partial = kept.with_suffix(f".{container[:12]}")
        partial.write_text(json.dumps({"format": 1, "files": files, "packages": packages}))
        partial.replace(kept)
    known = json.loads(kept.read_text())
    return known["files"], known["packages"]


def _file(api: BuildApi, container: str, path: str) -> str:
    stream, _ = api.get_archive(container, path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        member = tar.extractfile(tar.getmembers()[0])
        return member.read().decode() if member else ""
