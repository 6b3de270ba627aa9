"""What happens to tests whose daemon or browser is missing: skipped and counted, or failed where all is required."""

from pathlib import Path

import pytest

from tests.conftest import REQUIRE_ALL

pytest_plugins = ["pytester"]

CONFTEST = (Path(__file__).parents[1] / "conftest.py").read_text()
NO_BROWSER = CONFTEST.replace("/usr/bin/chromium", "/nowhere/chromium")
TESTS = """
import pytest

@pytest.mark.docker
def test_in_a_container(): assert False, "there is no daemon"

@pytest.mark.browser
def test_in_a_browser(): assert False, "there is no browser"

def test_plain(): pass

def test_otherwise_skipped(): pytest.skip("another reason")
"""


@pytest.fixture
def bare(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite on a machine with neither daemon nor browser."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.delenv(REQUIRE_ALL, raising=False)
    pytester.makeconftest(NO_BROWSER)
    pytester.makeini("[pytest]\nmarkers =\n  docker: needs a daemon\n  browser: needs a browser\n")
    pytester.makepyfile(TESTS)
    return pytester


def test_needs_when_missing_then_skipped_and_counted_apart_from_other_skips(bare: pytest.Pytester) -> None:
    result = bare.runpytest_subprocess()
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "1 tests skipped: no Docker daemon (*make setup*",
            "1 tests skipped: no browser (there is no /nowhere/chromium*",
            "*1 passed, 1 skipped, 1 skipped for no Docker daemon, 1 skipped for no browser*",
        ]
    )


def test_needs_when_all_is_required_then_missing_ones_fail(
    bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REQUIRE_ALL, "1")
    result = bare.runpytest_subprocess()
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            f"*{REQUIRE_ALL} is set, and *test_in_a_container was skipped: no Docker daemon*",
            "*1 passed, 1 skipped, 2 errors*",
        ]
    )


def test_needs_when_a_docker_test_skips_itself_then_that_fails_too_where_all_is_required(
    bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REQUIRE_ALL, "1")
    bare.makeconftest(CONFTEST.replace("why = missing()", "why = None"))
    bare.makepyfile("import pytest\n@pytest.mark.docker\ndef test_shy(): pytest.skip('not today')\n")
    result = bare.runpytest_subprocess()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*was skipped: not today*"])


def test_needs_when_nothing_is_missing_then_the_count_is_zero(bare: pytest.Pytester) -> None:
    bare.makepyfile("def test_plain(): pass\n")
    result = bare.runpytest_subprocess()
    assert result.ret == 0
    result.stdout.fnmatch_lines(["0 tests skipped: no Docker daemon", "*1 passed*"])
