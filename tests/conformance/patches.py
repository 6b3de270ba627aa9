"""Applying a unified diff to a tree of sources, strictly and without any tool.

A hunk is found by its text, which must occur exactly once; line numbers are for people. So a mutant keeps applying
while code moves around it, and stops, loudly, when the code it is about changes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class PatchError(Exception):
    """A patch is malformed or its text is not there exactly once; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """One place of one file, below the patch's ``a/`` and ``b/``: ``old`` is there, ``new`` shall be."""

    file: str
    old: str
    new: str


def hunks(patch: str) -> Iterator[Hunk]:
    """The hunks of ``patch`` in their order; text before the first ``---`` line is a comment."""
    file = ""
    old: list[str] = []
    new: list[str] = []
    inside = False
    for line in patch.splitlines():
        header = re.fullmatch(r"\+\+\+ b/(\S+)", line)
        if line.startswith(("--- a/", "@@")) or header:
            if inside:
                yield Hunk(file=file, old="\n".join(old), new="\n".join(new))
            old, new, inside = [], [], line.startswith("@@")
            file = header.group(1) if header else file
        elif inside:
            if line[:1] not in (" ", "-", "+", ""):
                raise PatchError(f"not a line of a hunk: {line!r}")
            if line[:1] != "+":
                old.append(line[1:])
            if line[:1] != "-":
                new.append(line[1:])
    if inside:
        yield Hunk(file=file, old="\n".join(old), new="\n".join(new))


def apply(patch: str, folder: Path) -> None:
    """Change the files below ``folder`` as ``patch`` says; PatchError, with nothing changed, where it cannot."""
    texts: dict[Path, str] = {}
    for hunk in hunks(patch):
        path = folder / hunk.file
        if path not in texts:
            if not path.is_file():
                raise PatchError(f"there is no {hunk.file}")
            texts[path] = path.read_text(encoding="utf-8")
        times = texts[path].count(f"\n{hunk.old}\n")
        if times != 1:
            raise PatchError(f"{hunk.file} has these lines {times} times:\n{hunk.old}")
        texts[path] = texts[path].replace(f"\n{hunk.old}\n", f"\n{hunk.new}\n")
    if not texts:
        raise PatchError("the patch changes nothing")
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
