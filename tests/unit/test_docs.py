"""The documentation is held to the project: commands with their options and names, targets, paths, links, quotations.

Commands are parsed by click itself, without being run. Nothing here judges prose; what it says of numbers and rules has
to be true by reading.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness.catalog.load import load
from harness.catalog.model import Catalog
from harness.claims.load import load_claims
from harness.cli import COMMANDS, cli
from tests import claims_page
from tests.fakes.project import change, copied

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "langs/PROTOCOL.md")
README = PAGES[0].read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

TOP = "benchmarks|docs|harness|langs|results|tests|\\.ci|\\.github"
MADE_BY_A_RUN = "results/runs"
PLACEHOLDER = re.compile(r"[A-Z]+…?|<\w+>")
"""What stands for a name that the reader supplies: ``RUN``, ``<id>``."""


def code_in(text: str) -> Iterator[str]:
    """Every code span and every line of an indented block."""
    yield from re.findall(r"`([^`\n]+)`", text)
    yield from re.findall(r"^ {4,}(\S.*)$", text, flags=re.MULTILINE)


def commands_in(text: str) -> Iterator[list[str]]:
    """Every memverdict command line, wherever in a piece of code it begins; alternatives ``a|b`` one by one."""
    for code in code_in(text):
        found = re.search(r"(?:^|\s)(?:\.venv/bin/)?memverdict (.+)$", code)
        if found is None:
            continue
        words = shlex.split(found[1].replace("\\|", "|"), comments=True)
        several = next((word for word in words if "|" in word), None)
        for one in several.split("|") if several else [""]:
            yield [one if word == several else word.strip("[]") for word in words]


def targets() -> set[str]:
    """The targets that `make help` lists."""
    return set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, flags=re.MULTILINE))


def variables() -> set[str]:
    """What a user may set on make's command line."""
    return set(re.findall(r"^([A-Z]+) \?=", MAKEFILE, flags=re.MULTILINE))


def wrong_with(words: list[str], catalog: Catalog, claims: set[str]) -> str | None:
    """Why the program would refuse this command line, or which name in it does not exist; None where all is well."""
    if PLACEHOLDER.fullmatch(words[0]):
        return None if words[1:] == ["--help"] else "a placeholder for a command, without --help"
    command = cli.commands.get(words[0])
    if command is None:
        return f"there is no command {words[0]}"
    try:
        given = command.make_context(words[0], words[1:]).params
    except click.ClickException as error:
        return error.format_message()
    named: dict[str, tuple[list[str], set[str]]] = {
        "suite": ([str(given.get("suite") or "")], set(catalog.suites)),
        "claims": (str(given.get("claims") or "").split(","), claims),
        "claim": ([str(given.get("claim") or "")], claims),
        "workload": ([str(given.get("workload") or "")], set(catalog.workloads)),
    }
    for what, (names, known) in named.items():
        for name in names:
            if name and not PLACEHOLDER.fullmatch(name) and name not in known:
                return f"there is no {what} {name}"
    return None


def make_calls_in(text: str) -> Iterator[list[str]]:
    """Every call of make: target first (none for `make` alone), then NAME=value words."""
    for code in code_in(text):
        if re.match(r"make( [a-z]|$)", code):
            yield shlex.split(code, comments=True)[1:]


def paths_in(text: str) -> set[str]:
    """Files and folders of this project in code spans, as glob patterns: ``<id>`` is any name."""
    spans = re.findall(rf"`((?:{TOP})/[^`\s]*)`", text)
    return {re.sub(r"<\w+>", "*", span) for span in spans if not span.startswith(MADE_BY_A_RUN)}


def anchors_of(page: Path) -> set[str]:
    """The anchors that a page's headings get: lower case, spaces to hyphens, punctuation gone."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> list[str]:
    """Links of ``text``, as if it stood in ``page``, that lead nowhere."""
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    return broken


def quotations_in(text: str) -> Iterator[tuple[str, str]]:
    """(file, quoted lines) for every block that a line ending in "rom `file`:" introduces."""
    for file, block in re.findall(r"rom\s+`([^`]+)`:\n\n((?:[ ]{4,}\S.*\n)+)", text):
        yield file, "\n".join(line.strip() for line in block.splitlines())


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(ROOT)


@pytest.fixture(scope="module")
def claims(catalog: Catalog) -> set[str]:
    return set(load_claims(ROOT, catalog))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: str(one.name))
def test_readme_when_a_command_exists_then_its_table_documents_it(command: click.Command) -> None:
    assert re.search(rf"^\| `memverdict {command.name}[ `]", README, flags=re.MULTILINE)


def test_readme_when_a_target_exists_then_its_table_documents_it() -> None:
    documented = set(re.findall(r"^\| `make ([a-z]+)`", README, flags=re.MULTILINE))
    assert documented == targets() != set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_when_it_shows_a_command_then_the_program_would_accept_it(
    page: Path, catalog: Catalog, claims: set[str]
) -> None:
    found = list(commands_in(page.read_text(encoding="utf-8")))
    assert [(words, why) for words in found if (why := wrong_with(words, catalog, claims))] == []


@pytest.mark.parametrize(
    "line",
    [
        "`memverdict conjure`",
        "`memverdict list nothings`",
        "`memverdict list workloads\\|nothings`",
        "`memverdict run --fast`",
        "`memverdict run --budget soon`",
        "`memverdict run --suite no_such_suite`",
        "`memverdict run --claims manual_is_faster,no_such_claim`",
        "`memverdict golden no_such_workload`",
        "`memverdict explain`",
        "text\n\n    why      .venv/bin/memverdict explain no_such_claim\n",
    ],
)
def test_command_when_it_would_be_refused_then_it_is_found(line: str, catalog: Catalog, claims: set[str]) -> None:
    assert [why for words in commands_in(line) if (why := wrong_with(words, catalog, claims))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_when_it_calls_make_then_target_and_variables_exist(page: Path) -> None:
    for words in make_calls_in(page.read_text(encoding="utf-8")):
        assert set(words[:1]) <= targets(), words
        assert {word.partition("=")[0] for word in words[1:]} <= variables(), words


def test_readme_when_read_then_commands_and_calls_of_make_are_recognised_in_it() -> None:
    assert {"run", "gate", "explain"} <= {words[0] for words in commands_in(README)}
    assert ["bench"] in list(make_calls_in(README))
    assert list(make_calls_in('`make`, `makes`, `make test PYTEST="-k x"`')) == [[], ["test", "PYTEST=-k x"]]


def test_readme_when_it_names_its_first_two_commands_then_they_stand_before_everything_else() -> None:
    calls = [words[0] for words in make_calls_in(README) if words]
    assert calls
    first = re.findall(r"^ {4}make (\w+)", README, flags=re.MULTILINE)[:2]
    assert first == ["bench", "test"]
    assert README.index("    make bench") < README.index("memverdict ", README.index("\n## "))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_when_it_names_a_path_of_this_project_then_it_is_there(page: Path) -> None:
    missing = [path for path in paths_in(page.read_text(encoding="utf-8")) if not any(ROOT.glob(path.rstrip("/")))]
    assert missing == []


def test_paths_when_read_then_placeholders_are_any_name_and_what_a_run_makes_is_left_out() -> None:
    text = "`tests/models/<id>.py` `results/runs/<run>/gate.md` `harness/units.py` `src/x` `c/*`"
    assert paths_in(text) == {"tests/models/*.py", "harness/units.py"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_when_it_links_then_file_and_heading_are_there(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_link_when_file_or_heading_is_missing_then_it_is_found() -> None:
    text = "[a](docs/gate.md) [b](docs/gone.md) [c](docs/gate.md#the-baseline) [d](docs/gate.md#gone) [e](#gone)"
    assert broken_links(ROOT / "README.md", text) == ["docs/gone.md", "docs/gate.md#gone", "#gone"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_when_it_quotes_a_file_then_the_file_says_so(page: Path) -> None:
    for file, quoted in quotations_in(page.read_text(encoding="utf-8")):
        assert quoted in (ROOT / file).read_text(encoding="utf-8"), f"{file} does not say:\n{quoted}"


def test_adding_when_read_then_each_kind_of_file_is_quoted() -> None:
    quoted = {file for file, _ in quotations_in((ROOT / "docs/adding.md").read_text(encoding="utf-8"))}
    assert {Path(file).parts[0] for file in quoted} == {"benchmarks", "langs", "tests"}
    assert quoted >= {"langs/go/lang.toml", "benchmarks/claims/manual_is_faster.toml"}


def test_claims_page_when_written_from_the_claims_then_is_the_committed_one() -> None:
    committed = claims_page.PAGE.read_text(encoding="utf-8")
    assert claims_page.page(ROOT) == committed, "run .venv/bin/python -m tests.claims_page"


def test_claims_page_when_a_margin_or_a_sentence_changes_then_says_so(tmp_path: Path) -> None:
    project = copied(tmp_path)
    before = claims_page.page(project).splitlines()
    path = project / "benchmarks/claims/manual_is_faster.toml"
    change(path, "margin = 1.10", "margin = 1.30")
    change(path, "C++ was not measured.", "C++ was left out.")
    changed = [line for line in claims_page.page(project).splitlines() if line not in before]
    assert any("lies above 1.3" in line for line in changed)
    assert any("C++ was left out." in line for line in changed)


def test_claims_page_when_read_then_code_stays_on_its_line() -> None:
    assert [line for line in claims_page.page(ROOT).splitlines() if line.count("`") % 2] == []
