"""Applying a patch: by its text, exactly once, all of it or nothing."""

from pathlib import Path

import pytest

from tests.conformance.patches import Hunk, PatchError, apply, hunks

PATCH = """\
Why this mutant is one.

--- a/kit/some.x
+++ b/kit/some.x
@@ -2,3 +2,2 @@ somewhere
 two
-three
 four
@@ -90,1 +80,2 @@

+between
 six
"""

SOURCE = "one\ntwo\nthree\nfour\nfive\n\nsix\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit/some.x").write_text(SOURCE)
    return tmp_path


def test_hunks_when_patch_has_two_then_each_has_its_old_and_new_text() -> None:
    assert list(hunks(PATCH)) == [
        Hunk(file="kit/some.x", old="two\nthree\nfour", new="two\nfour"),
        Hunk(file="kit/some.x", old="\nsix", new="\nbetween\nsix"),
    ]


def test_hunks_when_there_are_two_files_then_each_hunk_has_its_own() -> None:
    other = PATCH.replace("some.x", "other.x").partition("\n\n")[2]
    assert [one.file for one in hunks(PATCH + other)] == ["kit/some.x"] * 2 + ["kit/other.x"] * 2


def test_apply_when_text_is_there_once_then_it_is_replaced_wherever_it_is(folder: Path) -> None:
    apply(PATCH, folder)
    assert (folder / "kit/some.x").read_text() == "one\ntwo\nfour\nfive\n\nbetween\nsix\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (SOURCE.replace("three", "3"), "0 times"),
        (SOURCE + SOURCE, "2 times"),
        (SOURCE.replace("six", "6"), "0 times"),
    ],
    ids=["changed", "twice", "second hunk changed"],
)
def test_apply_when_text_is_not_there_exactly_once_then_nothing_is_changed(
    folder: Path, source: str, words: str
) -> None:
    (folder / "kit/some.x").write_text(source)
    with pytest.raises(PatchError, match=words):
        apply(PATCH, folder)
    assert (folder / "kit/some.x").read_text() == source


def test_apply_when_file_is_missing_then_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(PatchError, match=r"there is no kit/some\.x"):
        apply(PATCH, tmp_path)


@pytest.mark.parametrize("patch", ["", "only words\n", "--- a/kit/some.x\n+++ b/kit/some.x\n"])
def test_apply_when_patch_has_no_hunk_then_it_is_refused(folder: Path, patch: str) -> None:
    with pytest.raises(PatchError, match="changes nothing"):
        apply(patch, folder)


def test_apply_when_a_line_of_a_hunk_is_malformed_then_it_is_named(folder: Path) -> None:
    with pytest.raises(PatchError, match="not a line of a hunk: 'three'"):
        apply(PATCH.replace("-three", "three"), folder)
