"""Programs that cheat are caught: each patch under ``tests/mutants`` makes one, and conformance must reject it.

``tests/mutants/<workload>/<language>/<name>.patch`` begins with words for people and a line ``Caught by: <check>``, the
check that must reject it: ``answer`` (the model's values), ``served`` (what the runtime served, mode exact) or
``sanitizer`` (C's instrumented build). It is looked for in the workload's first variant, or in the one that a line
``Variant: <id>`` names.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from harness.catalog.model import Mode
from tests.conformance import cases, patches
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, ROOT, WORKLOADS, Builder, call

FOLDER: Final = ROOT / "tests/mutants"
MUTANTS: Final = sorted(FOLDER.glob("*/*/*.patch"))
MUTATED: Final = (
    "binary_trees",
    "buffer_pool",
    "fragmentation",
    "gcbench",
    "large_objects",
    "live_map",
    "lru_cache",
    "message_window",
)
LEAST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A run that must go wrong: its mode, what the build gets beyond the mode's own, and what must be said."""

    mode: Mode
    options: Mapping[str, str]
    words: str


CHECKS: Final[Mapping[str, Check]] = {
    "answer": Check(mode="throughput", options={}, words="the model says"),
    "served": Check(mode="exact", options={}, words="the runtime served"),
    "sanitizer": Check(mode="throughput", options={"SANITIZE": "1"}, words="Sanitizer: "),
}


IN_EVERY_RUN: Final = frozenset({
    ("message_window", "c", "leak"),
    ("binary_trees", "go", "closed_form"),
    ("lru_cache", "java", "skip_touch"),
})  # fmt: skip
"""One for each language and each check, since every mutant costs a build; the others are rejected nightly."""


def _key(path: Path) -> tuple[str, str, str]:
    """Workload, language and name."""
    return path.parts[-3], path.parts[-2], path.stem


def _caught_by(text: str) -> str:
    named = re.search(r"^Caught by: (\w+)$", text, re.MULTILINE)
    assert named is not None, "the patch does not say which check catches it"
    return named[1]


def _variant(text: str, workload: str) -> str:
    named = re.search(r"^Variant: (\w+)$", text, re.MULTILINE)
    return named[1] if named else WORKLOADS[workload].variants[0].id


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workload", "language", "patch"),
    [
        pytest.param(*_key(path)[:2], path, marks=() if _key(path) in IN_EVERY_RUN else pytest.mark.nightly)
        for path in MUTANTS
    ],
    ids=["-".join(_key(path)) for path in MUTANTS],
    indirect=["language"],
)
def test_mutant_when_it_runs_then_the_check_it_names_rejects_it(
    workload: str, language: str, patch: Path, builder: Builder
) -> None:
    text = patch.read_text(encoding="utf-8")
    check = CHECKS[_caught_by(text)]
    folder = builder.folder / f"{workload}-{language}-{patch.stem}"
    shutil.copytree(ROOT / "langs" / language, folder)
    patches.apply(text, folder)
    options = {**LANGUAGES[language].mode_build.get(check.mode, {}), **check.options}
    prefix = builder.build(LANGUAGES[language], folder, folder.with_name(f"{folder.name}-out"), options)
    variant = _variant(text, workload)
    case = cases.at(WORKLOADS[workload], "smoke")
    answer = call(prefix, cases.command_line(workload, variant, case, mode=check.mode))
    found = differences(cases.expected(language, workload, variant, case, mode=check.mode), answer)
    assert [one for one in found if check.words in one], f"not caught: {found}"


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("workload", MUTATED)
def test_mutants_when_counted_then_each_program_has_at_least_two(workload: str, language: str) -> None:
    assert len([path for path in MUTANTS if path.parts[-3:-1] == (workload, language)]) >= LEAST


def test_mutants_of_every_run_when_listed_then_each_language_and_each_check_has_one() -> None:
    chosen = [path for path in MUTANTS if _key(path) in IN_EVERY_RUN]
    assert {_key(path) for path in chosen} == IN_EVERY_RUN
    assert {_key(path)[1] for path in chosen} == set(LANGUAGES)
    assert {_caught_by(path.read_text(encoding="utf-8")) for path in chosen} == set(CHECKS)


def test_mutants_when_listed_then_each_is_of_a_program_that_there_is() -> None:
    assert {path.parts[-3] for path in MUTANTS} <= set(WORKLOADS)
    assert {path.parts[-2] for path in MUTANTS} <= set(LANGUAGES)
    named = {(path.parts[-3], _variant(path.read_text(encoding="utf-8"), path.parts[-3])) for path in MUTANTS}
    assert named <= {(workload, variant) for _, workload, variant in cases.present()}
