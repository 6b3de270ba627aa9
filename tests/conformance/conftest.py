"""Where the programs under test come from: built here with the compilers on PATH, once per session."""

import pytest

from tests.conformance.programs import LANGUAGES, LocalSource, Source, found


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Runners of every language whose toolchain is on PATH."""
    return LocalSource(tmp_path_factory.mktemp("programs"))


@pytest.fixture(params=sorted(LANGUAGES))
def language(request: pytest.FixtureRequest) -> str:
    """Each language that has a ``lang.toml``; one without a toolchain here is tested in its image."""
    name = str(request.param)
    if not found(LANGUAGES[name]):
        pytest.skip(f"no toolchain of {name} on PATH: its image is tested instead (marker docker)")
    return name
