"""Linting the programs where no daemon answers: said, and a failure only where everything is required."""

import os
import subprocess
import sys

import pytest

from tests import lint
from tests.conformance.programs import LANGUAGES, ROOT
from tests.conftest import REQUIRE_ALL


def run(**environment: str) -> "subprocess.CompletedProcess[str]":
    """Lint where no daemon answers."""
    inherited = {name: value for name, value in os.environ.items() if name != REQUIRE_ALL}
    return subprocess.run(
        [sys.executable, "-m", "tests.lint"],
        cwd=ROOT,
        env={**inherited, "DOCKER_HOST": "unix:///nowhere/docker.sock", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_lint_when_there_is_no_daemon_then_says_what_was_left_out() -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    assert "left out for want of a Docker daemon" in done.stdout
    assert all(name in done.stdout for name in LANGUAGES)


def test_lint_when_all_is_required_then_leaving_out_is_a_failure() -> None:
    done = run(**{REQUIRE_ALL: "1"})
    assert done.returncode == 1
    assert "left out for want of a Docker daemon" in done.stdout


def test_lint_when_a_language_has_no_linters_then_that_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lint, "LANGUAGES", {**LANGUAGES, "unheard_of": next(iter(LANGUAGES.values()))})
    assert lint.main() == 1
    assert "no tests/lint: unheard_of" in capsys.readouterr().out
