"""Golden files: what was accepted lies in ``tests/golden``, what differs is left where the failure says."""

from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "golden" / "report"


@pytest.fixture
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, str], None]:
    """Compare a text with the golden file of a name; ``--update-golden`` writes it instead."""

    def compare(name: str, text: str) -> None:
        path = FOLDER / name
        if request.config.getoption("--update-golden", default=False):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        actual = tmp_path / name
        actual.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing; look at {actual}, then accept it with --update-golden"
        assert text == path.read_text(encoding="utf-8"), f"{actual} differs from {path}; accept with --update-golden"

    return compare
