"""Where the programs under test come from: the images that are measured, or the compilers on PATH.

Nothing is tested twice in one run: with a Docker daemon the images are, marked ``docker``, and the host's builds only
``nightly``; without one the host's builds are, and the images are counted as skipped.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.engines import docker
from tests.conformance.containers import Containers, ImageSource, ToolchainContainers
from tests.conformance.programs import LANGUAGES, SECONDS_PER_BUILD, Builder, Here, Source
from tests.conftest import missing_docker

PLACED = ("source", "builder")
"""The fixtures that have a place."""


def places(*, daemon_answers: bool) -> list[Any]:
    """The values of a fixture that has a place, marked with when they are to be tested."""
    here = pytest.param("local", marks=pytest.mark.nightly if daemon_answers else ())
    return [here, pytest.param("docker", marks=pytest.mark.docker)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name in PLACED:
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, places(daemon_answers=missing_docker() is None), indirect=True)


@pytest.fixture(scope="session")
def containers() -> Iterator[Containers]:
    """The session's containers."""
    with Containers() as running:
        yield running


@pytest.fixture(scope="session")
def client() -> Iterator[Any]:
    """A low-level client of the Docker daemon."""
    with closing(docker.builder(SECONDS_PER_BUILD)) as answering:
        yield answering


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything is built."""
    made = tmp_path_factory.mktemp("programs")
    made.chmod(0o755)
    return made


@pytest.fixture(scope="session")
def here(folder: Path) -> Builder:
    """Builds with the toolchains on PATH, once for all tests."""
    return Builder(folder, Here())


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Source:
    """Runners of the programs as they are."""
    if request.param == "docker":
        return ImageSource(request.getfixturevalue("containers"), request.getfixturevalue("client"))
    builder: Builder = request.getfixturevalue("here")
    return builder


@pytest.fixture
def builder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Builds of what is never measured: changed sources, sanitized programs."""
    if request.param == "docker":
        folder = tmp_path_factory.getbasetemp() / "in-containers"
        folder.mkdir(exist_ok=True)
        place = ToolchainContainers(request.getfixturevalue("containers"), request.getfixturevalue("client"), folder)
        return Builder(folder, place)
    builder: Builder = request.getfixturevalue("here")
    return builder


@pytest.fixture(params=sorted(LANGUAGES))
def language(request: pytest.FixtureRequest) -> str:
    """Each language that has a ``lang.toml``; one without a compiler here is tested in its image."""
    name = str(request.param)
    place = "builder" if "builder" in request.fixturenames else "source"
    offering: Source = request.getfixturevalue(place)
    if not offering.offers(LANGUAGES[name]):
        pytest.skip(f"no compiler of {name} on PATH; where a daemon answers, its image is tested (marker docker)")
    return name
