"""The order of the pipeline, held by the code: a module imports what stands to its left in ``LAYERS``, never right."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import LAYERS

HARNESS = Path(__file__).parents[2] / "harness"
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
MODULES = sorted(path for path in HARNESS.rglob("*.py") if path.parent != HARNESS or path.stem in RANK)


def layer_of(path: Path) -> str:
    """The package or module of ``LAYERS`` that a file belongs to."""
    return path.relative_to(HARNESS).parts[0].removesuffix(".py")


def imported(source: str) -> Iterator[str]:
    """Names below ``harness`` that a source imports, wherever in it, ``TYPE_CHECKING`` blocks included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module or ""] if node.module != "harness" else [f"harness.{one.name}" for one in node.names]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("harness."))


def strangers(layer: str, source: str) -> set[str]:
    """What a source of ``layer`` imports although it may not."""
    return {
        name for name in imported(source) if name != layer and name in RANK and RANK[name] >= RANK[layer]
    }  # fmt: skip


def test_layers_when_compared_with_the_folder_then_every_package_has_its_place() -> None:
    packages = {path.name for path in HARNESS.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    modules = {path.stem for path in HARNESS.glob("*.py")} - {"__init__", "__main__"}
    assert packages | modules == set(RANK)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(HARNESS)))
def test_layers_when_a_module_imports_then_only_to_its_left(path: Path) -> None:
    assert strangers(layer_of(path), path.read_text()) == set()


@pytest.mark.parametrize(
    "source",
    [
        "from harness.report import html",
        "from harness import report",
        "import harness.report.html",
        "if TYPE_CHECKING:\n    from harness.report.model import Report",
        "def late():\n    from harness.cli import main",
    ],
)
def test_layers_when_a_module_imports_to_its_right_then_it_is_seen(source: str) -> None:
    assert strangers("engines", source)


def test_layers_when_modules_of_one_rank_import_each_other_then_it_is_seen() -> None:
    assert strangers("errors", "from harness import units") == {"units"}
    assert strangers("engines", "from harness.engines.base import LABEL\nfrom harness import errors") == set()


@pytest.mark.parametrize(
    ("library", "importers"),
    [
        ("docker", {"engines/docker.py"}),
        ("psutil", {"execute/observe.py"}),
        ("seaborn", {"report/figures.py"}),
    ],
)
def test_layers_when_a_library_has_one_importer_then_it_has_no_other(library: str, importers: set[str]) -> None:
    found = set()
    for path in HARNESS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.split(".")[0] == library for name in names):
                found.add(path.relative_to(HARNESS).as_posix())
    assert found == importers
