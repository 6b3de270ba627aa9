"""What all tests share: what a test needs of the machine (a Docker daemon, a browser), and one option for golden files.

Tests that need what is not there are skipped and counted at the end. Where ``MEMVERDICT_REQUIRE_ALL`` is set, as in CI,
they fail instead: what was never run is not known to work.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

REQUIRE_ALL: Final = "MEMVERDICT_REQUIRE_ALL"
CHROMIUM: Final = Path("/usr/bin/chromium")


@cache
def missing_docker() -> str | None:
    """None when a Docker daemon answers, else why none does; asked once."""
    from harness.engines.docker import connect
    from harness.errors import EngineUnavailable

    try:
        connect().close()
    except EngineUnavailable as error:
        return str(error)
    return None


def missing_browser() -> str | None:
    """None when there is the browser that the tests drive, else why not."""
    return None if CHROMIUM.exists() else f"there is no {CHROMIUM}; `make test` as root installs it"


NEEDS: Final[Mapping[str, tuple[str, Callable[[], str | None]]]] = {
    "docker": ("no Docker daemon", missing_docker),
    "browser": ("no browser", missing_browser),
}
"""For each marker: what to call its absence, and how to find out."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="accept what the code says now as the golden files")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, (absence, missing) in NEEDS.items():
        if item.get_closest_marker(marker) is not None:
            why = missing()
            if why is not None:
                pytest.skip(f"{absence}: {why}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Turn the skip of a test with a need into a failure where everything is required."""
    report: pytest.TestReport = yield
    if report.skipped and os.environ.get(REQUIRE_ALL) and any(item.get_closest_marker(name) for name in NEEDS):
        report.outcome = "failed"
        report.longrepr = f"{REQUIRE_ALL} is set, and {item.nodeid} was skipped: {_reason(report)}"
    return report


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """Count tests whose need is missing apart, so that the closing line tells them from other skips."""
    if report.skipped:
        for absence, _ in NEEDS.values():
            if _reason(report).startswith(absence):
                return f"skipped for {absence}", "s", f"SKIPPED ({absence})"
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for absence, missing in NEEDS.values():
        count = len(terminalreporter.stats.get(f"skipped for {absence}", []))
        why = f" ({missing()})" if count else ""
        terminalreporter.write_line(f"{count} tests skipped: {absence}{why}", yellow=count > 0)


def _reason(report: pytest.CollectReport | pytest.TestReport) -> str:
    """Why a test was skipped: pytest keeps (path, line, reason)."""
    return report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
