"""Builds on this host: what the build script is called with, and when it is called again."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.catalog.model import Build
from harness.engines.effects import Finished
from harness.engines.local_builds import build_locally
from harness.engines.provision import LocalToolchain
from harness.errors import BuildFailed
from tests.fakes.machine import Machine, finished
from tests.unit.engines.test_images import language

BUILD = Build(language="tongue", toolchain="new", options={"KEY": "1"})
FOUND = LocalToolchain(language="tongue", toolchain="new", path="/opt/new", found="new 1.0")


def machine(root: Path, *, layouts: int) -> Machine:
    """A host whose build scripts leave as many programs as they are asked for."""

    def answer(argv: Sequence[str]) -> Finished:
        out = Path(argv[2])
        for name in ("runner", *(f"runner.{one}" for one in range(1, layouts))):
            (out / name).write_text(name)
        return finished()

    folder = root / "langs" / "tongue"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "build").write_text("the script")
    return Machine(root=root, answer=answer)


@pytest.mark.parametrize(("layouts", "more"), [(1, []), (3, ["LAYOUTS=3"])])
def test_build_locally_when_a_language_has_layouts_then_one_call_of_its_script_makes_them_all(
    tmp_path: Path, layouts: int, more: list[str]
) -> None:
    host = machine(tmp_path, layouts=layouts)
    languages = {"tongue": replace(language(), layouts=layouts)}
    found = [
        build_locally([BUILD], languages, {("tongue", "new"): FOUND}, tmp_path, host.effects())[BUILD] for _ in range(2)
    ]
    (call,) = host.ran
    assert (call[1], call[3:]) == ("new", ["KEY=1", *more])
    assert [one.fresh for one in found] == [True, False]
    for layout in range(layouts):
        program = Path(found[0].ref.program(layout))
        assert program.read_text() == program.name
        assert program.name in found[0].files


def test_build_locally_when_the_number_of_layouts_changes_then_it_is_built_again(tmp_path: Path) -> None:
    host = machine(tmp_path, layouts=2)
    for layouts in (1, 2):
        languages = {"tongue": replace(language(), layouts=layouts)}
        build_locally([BUILD], languages, {("tongue", "new"): FOUND}, tmp_path, host.effects())
    assert len(host.ran) == 2


def test_build_locally_when_the_script_fails_then_the_error_ends_with_what_it_said(tmp_path: Path) -> None:
    host = machine(tmp_path, layouts=1)
    host.answer = lambda argv: finished(1, "one.t:1: syntax error")
    with pytest.raises(BuildFailed, match=r"exit 1\):\none\.t:1: syntax error"):
        build_locally([BUILD], {"tongue": language()}, {("tongue", "new"): FOUND}, tmp_path, host.effects())
