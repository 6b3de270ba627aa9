"""No Python file of the harness knows a language by name: what differs between languages is data under ``langs/``.

Names come from the data itself, so a new language is protected the day its folder appears.
"""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from harness.catalog.model import Lane

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "harness").rglob("*.py"))
LANGUAGES = sorted((ROOT / "langs").glob("*/lang.toml"))


def names_of(language: dict[str, Any]) -> set[str]:
    """Ids of a language, its toolchains and configurations, what it is probed by and installed as; no lane names."""
    toolchains = language["toolchain"]
    names = {language["id"], *(one["id"] for one in [*toolchains, *language["configuration"]])}
    names |= {one["probe"][0] for one in toolchains} | {one["pypi"] for one in toolchains if "pypi" in one}
    return {name.lower() for name in names} - set(get_args(Lane))


NAMES = set[str]().union(*(names_of(tomllib.loads(path.read_text())) for path in LANGUAGES))


def named(source: str, names: set[str]) -> list[str]:
    """Where a source says one of the names: as a whole string, or as an identifier longer than one letter."""
    return [f"{line}: {text}" for line, text in _words(ast.parse(source)) if text.lower() in names]


def _words(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, text) of every string literal and every identifier of more than one letter."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            yield line, node.value.decode() if isinstance(node.value, bytes) else node.value
        identifiers = [
            value
            for field in ("id", "attr", "arg", "name", "asname", "module", "rest")
            for value in [getattr(node, field, None)]
            if isinstance(value, str)
        ]
        identifiers += [name for name in getattr(node, "names", []) if isinstance(name, str)]
        for identifier in identifiers:
            yield from ((line, part) for part in identifier.split(".") if len(part) > 1)


def test_names_when_read_from_the_data_then_every_language_gives_some() -> None:
    assert len(LANGUAGES) >= 3
    for path in LANGUAGES:
        assert path.parent.name in NAMES
    assert not NAMES & set(get_args(Lane))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_harness_when_parsed_then_it_names_no_language(path: Path) -> None:
    assert named(path.read_text(), NAMES) == []


@pytest.mark.parametrize(
    "source",
    [
        'kind = "tongue"', 'kind = "Tongue"', "kind = b'x'", "import tongue.x", "from a.tongue import b", "tongue = 1",
        "value.tongue", "def tongue(): ...", "call(tongue=1)", "class Tongue: ...", "import a as tongue",
        "def call(tongue): ...", "def call():\n    global tongue", 'match {"a": 1}:\n    case {**tongue}: ...',
        'table = {"tongue": 1}', 'f"{a}" "tongue"',
    ],
)  # fmt: skip
def test_named_when_a_source_says_a_name_then_it_is_found(source: str) -> None:
    assert named(source, {"tongue", "x"}) != []


@pytest.mark.parametrize("source", ["x = 1", '"a tongue in a sentence"', "tongues = 1", "x.y", "# tongue"])
def test_named_when_it_is_one_letter_or_part_of_more_then_it_is_not(source: str) -> None:
    assert named(source, {"tongue", "x"}) == []
