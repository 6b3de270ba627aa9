"""The command line in this process: its exit code, what it says to people and what it says to programs."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from tests.fakes.project import ROOT, copied

SUITE = """
format = 1
id = "tiny"
title = "Three claims, small"
size = "smoke"
blocks = 6
claims = ["stack_is_faster", "manual_is_faster", "constructor_escapes"]
only = "configuration=glibc,mimalloc,default"

[limits]
cpus = 1
memory = "1GiB"

[[control]]
select = ["workload=binary_trees c/glibc"]
"""


@dataclass(frozen=True, slots=True)
class Called:
    """How a call ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


Call = Callable[..., Called]


@pytest.fixture
def memverdict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line on a project; the real one where none is given."""

    def call(*arguments: str, root: Path = ROOT) -> Called:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["memverdict", "--root", str(root), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Called(ended.value.code, written.out, written.err)

    return call


def project(folder: Path) -> Path:
    """A copy of the project's data with a suite small enough to store runs of it by hand."""
    copied(folder)
    (folder / "benchmarks/suites/tiny.toml").write_text(SUITE)
    return folder
