"""``validate`` on a project of a test's own: the real one's files, some of them patched, and its built programs.

A folder of its own, because a run of the real one may be under way and holds its lock.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.catalog.load import load
from harness.cli import main, session
from harness.cli.preparing import engine_for, provide
from harness.engines import docker
from harness.engines.effects import real_effects
from harness.validate import results
from harness.validate.bench import builds
from tests.conformance.patches import apply
from tests.fakes.project import ROOT

PATCHES = Path(__file__).parents[1] / "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """How a call ended, what it said to people, and the checks by id."""

    code: int
    said: str
    checks: Mapping[str, Mapping[str, Any]]


Validate = Callable[..., Validated]


def project(folder: Path, patched: Mapping[str, str]) -> Path:
    """The real project as links, the languages that are patched as copies with their patches applied."""
    for name in ("benchmarks", ".build"):
        (ROOT / name).mkdir(exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    (folder / "langs").mkdir()
    for path in (ROOT / "langs").iterdir():
        if path.name in patched:
            shutil.copytree(path, folder / "langs" / path.name)
            apply((PATCHES / patched[path.name]).read_text(encoding="utf-8"), folder / "langs" / path.name)
        else:
            (folder / "langs" / path.name).symlink_to(path)
    return folder


@pytest.fixture
def validate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Validate]:
    """Call ``memverdict validate``; what was built of patched sources goes again."""
    monkeypatch.setattr(session, "interruptible", lambda: None)
    made: list[tuple[Path, Mapping[str, str]]] = []

    def call(*arguments: str, patched: Mapping[str, str] | None = None) -> Validated:
        folder = tmp_path / f"project-{len(made)}"
        folder.mkdir()
        made.append((project(folder, patched or {}), patched or {}))
        monkeypatch.setattr(sys, "argv", ["memverdict", "--root", str(folder), "validate", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        (path,) = (folder / results.FOLDER).glob(f"*/{results.CHECKS}")
        checks = {one["id"]: one for one in json.loads(path.read_text(encoding="utf-8"))["checks"]}
        return Validated(code=ended.value.code, said=capsys.readouterr().err, checks=checks)

    yield call
    for folder, patched in made:
        _remove(folder, patched)


def _remove(folder: Path, patched: Mapping[str, str]) -> None:
    if not patched:
        return
    catalog, effects = load(folder), real_effects(lambda text: None)
    ready = provide("auto", catalog, folder, effects)
    wanted = tuple(one for one in builds(catalog, ready.absent) if one.language in patched)
    _, built = engine_for(ready, wanted, catalog, folder, effects)
    if ready.engine != "docker":
        return  # what was built here lies beside the rest, under the digest of its sources
    client = docker.connect()
    for one in built.values():
        client.api.remove_image(str(one.ref.image_id), force=True)
    client.close()
