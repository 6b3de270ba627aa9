"""A project's data files in a folder of a test's own, to be spoiled: the real ones, copied."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copied(target: Path) -> Path:
    """``benchmarks/`` and every ``lang.toml`` of the real project under ``target``."""
    shutil.copytree(ROOT / "benchmarks", target / "benchmarks")
    for path in sorted((ROOT / "langs").glob("*/lang.toml")):
        folder = target / "langs" / path.parent.name
        folder.mkdir(parents=True)
        shutil.copy(path, folder)
    return target


def change(path: Path, old: str, new: str) -> None:
    """Replace text that must be there in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
