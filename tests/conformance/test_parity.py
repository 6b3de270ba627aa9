"""The same tree in every language: one file per workload, and in it the same steps, marked in the same order."""

import re
from itertools import zip_longest

import pytest

from harness.catalog.model import Language
from tests.conformance.programs import LANGUAGES, ROOT, WORKLOADS

MARKS = ("allocate", "touch", "retire", "publish")


def marks(language: Language, text: str) -> list[str]:
    """The step marks of one source file, in their order."""
    comment = re.escape(language.comment)
    return re.findall(rf"{comment}\s*({'|'.join(MARKS)}):", text)


def _source(language: Language, workload: str) -> str:
    return (ROOT / language.folder / language.source_of(workload)).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_files_when_listed_then_each_workload_has_its_own_and_nothing_is_left_over(language: str) -> None:
    one = LANGUAGES[language]
    wanted = {one.source_of(workload) for workload in WORKLOADS if workload not in one.absent}
    folder, suffix = (ROOT / one.folder / one.source_of("x")).parent, one.source_of("x").suffix
    found = {path.relative_to(ROOT / one.folder) for path in folder.glob(f"*{suffix}")}
    assert {str(path) for path in found} == {str(path) for path in wanted}


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_step_marks_when_files_of_a_workload_are_read_then_they_are_the_same_sequence(workload: str) -> None:
    found = {
        name: marks(language, _source(language, workload))
        for name, language in LANGUAGES.items()
        if workload not in language.absent
    }
    assert all(found.values()), f"a file marks no steps: {found}"
    rows = list(zip_longest(*found.values()))
    assert [row for row in rows if len(set(row)) > 1] == [], f"{list(found)}: {found}"


def test_languages_when_their_files_are_compared_then_there_are_at_least_two() -> None:
    assert len(LANGUAGES) >= 2
