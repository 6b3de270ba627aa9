"""The documentation is held to the program: commands, options, targets and links in it exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness.cli import COMMANDS, cli

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "langs/PROTOCOL.md")
README = PAGES[0].read_text(encoding="utf-8")


def commands_in(text: str) -> Iterator[list[str]]:
    """Every memverdict command line in code spans and indented blocks, without comments."""
    spans = re.findall(r"`((?:\.venv/bin/)?memverdict [^`]+)`", text)
    blocks = re.findall(r"^ {4}((?:\.venv/bin/)?memverdict .+)$", text, flags=re.MULTILINE)
    for line in (*spans, *blocks):
        yield shlex.split(line.replace("\\|", "|"), comments=True)[1:]


def targets() -> set[str]:
    """The targets that `make help` lists."""
    return set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: str(one.name))
def test_readme_when_a_command_exists_then_documents_it(command: click.Command) -> None:
    assert f"`memverdict {command.name}" in README


def test_readme_when_a_target_exists_then_documents_it() -> None:
    assert targets()
    assert {name for name in targets() if f"`make {name}`" not in README} == set()


def test_readme_when_it_names_a_target_then_the_target_exists() -> None:
    assert set(re.findall(r"`make ([a-z]+)`", README)) <= targets()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_when_it_shows_a_command_then_command_and_options_exist(page: Path) -> None:
    for words in commands_in(page.read_text(encoding="utf-8")):
        command = cli.commands.get(words[0])
        assert command is not None, words
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= known, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_when_it_links_inside_the_project_then_the_link_resolves(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
