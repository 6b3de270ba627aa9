"""What each language tests and lints in its own terms, in the images that hold its tools."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.engines.effects import real_effects
from harness.engines.images import build_linter, build_toolchain
from tests.conformance.programs import LANGUAGES, ROOT, default_toolchain
from tests.lint import SECONDS_PER_BUILD, SECONDS_PER_LANGUAGE
from tests.native import run_script

pytestmark = pytest.mark.slow
SECONDS = 600

FAULTS = {
    ".c": "int unused_and_unread(void) { int *p = 0; return *p; }\n",
    ".go": "package main\nfunc   faulty( ) { return }\n",
    ".java": "final class Faulty { java.util.List raw; }\n",
}
"""For each ending of source files, a file that a linter must not pass."""


@pytest.fixture(scope="module")
def api() -> Iterator[Any]:
    from harness.engines.docker import builder

    with closing(builder(SECONDS_PER_BUILD)) as client:
        yield client


@pytest.mark.parametrize("name", sorted(LANGUAGES))
def test_native_tests_when_run_where_the_compiler_is_then_all_pass(name: str, api: Any) -> None:
    language = LANGUAGES[name]
    image = build_toolchain(language, default_toolchain(language), ROOT, api, real_effects(print))
    code, output = run_script(api, image, ROOT / "langs" / name / "tests" / "run", "/tmp/out", seconds=SECONDS)
    assert code == 0, output


@pytest.mark.parametrize("name", sorted(LANGUAGES))
def test_lint_when_a_source_has_a_fault_then_it_is_found(name: str, api: Any, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(ROOT / "langs" / name, folder)
    ending = Path(LANGUAGES[name].source).suffix
    (folder / f"Faulty{ending}").write_text(FAULTS[ending])
    image = build_linter(LANGUAGES[name], ROOT, api, real_effects(print))
    code, output = run_script(api, image, folder / "tests" / "lint", seconds=SECONDS_PER_LANGUAGE)
    assert code not in (0, 124, 126, 127)
    assert f"Faulty{ending}" in output


def test_run_script_when_it_does_not_end_then_it_is_ended(api: Any, tmp_path: Path) -> None:
    from harness.engines.base_image import BASE_IMAGE

    script = tmp_path / "tests" / "run"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\nsleep 60\n")
    script.chmod(0o755)
    assert run_script(api, BASE_IMAGE, script, seconds=1) == (124, "")
