"""Linting the programs where no daemon answers: said, and a failure only where everything is required."""

import pytest

from tests import lint
from tests.conformance.programs import LANGUAGES
from tests.conftest import REQUIRE_ALL


@pytest.fixture(autouse=True)
def _no_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.delenv(REQUIRE_ALL, raising=False)


def test_lint_when_there_is_no_daemon_then_says_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint.main() == 0
    said = capsys.readouterr().out
    assert all(name in said for name in LANGUAGES)
    assert "left out for want of a Docker daemon" in said


def test_lint_when_all_is_required_then_leaving_out_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRE_ALL, "1")
    assert lint.main() == 1


def test_lint_when_a_language_has_no_linters_then_that_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lint, "LANGUAGES", {**LANGUAGES, "unheard_of": next(iter(LANGUAGES.values()))})
    assert lint.main() == 1
    assert "no tests/lint: unheard_of" in capsys.readouterr().out
