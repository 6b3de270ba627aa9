"""What a validation gave is kept, and the newest whole one of a machine and engine is found again."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import StoreError
from harness.validate import results
from harness.validate.checks import Value, judged


def stored(root: Path, name: str, **changes: Any) -> None:
    """A validation of one row inside, one outside and one unavailable."""
    about = {
        "date": "2026-01-02T03:04:05+00:00", "commit": "0123456789abcdef", "machine": "m1", "engine": "docker",
        "fast": True, "whole": True,
    }  # fmt: skip
    statuses = ("within", "outside", "unavailable")
    folder = results.new_folder(root, name)
    document = {"format": 1, **about, "checks": [{"id": one[:3], "status": one} for one in statuses]} | changes
    (folder / results.CHECKS).write_text(json.dumps(document))


def test_latest_when_several_are_stored_then_the_newest_whole_one_of_that_machine_and_engine(tmp_path: Path) -> None:
    stored(tmp_path, "20260101-000000-validate")
    stored(tmp_path, "20260102-000000-validate", fast=False)
    stored(tmp_path, "20260103-000000-validate", whole=False)
    stored(tmp_path, "20260104-000000-validate", machine="m2")
    stored(tmp_path, "20260105-000000-validate", engine="local")
    stored(tmp_path, "20260106-000000-validate", format=2)
    (results.new_folder(tmp_path, "20260107-000000-validate") / results.CHECKS).write_text("torn {")
    found = results.latest(tmp_path, machine="m1", engine="docker")
    assert found is not None
    assert (found.id, found.fast) == ("20260102-000000-validate", False)
    assert (found.within, found.outside, found.unavailable) == (1, ("out",), ("una",))
    assert found.text == ("2026-01-02: 1 of 3 within bounds · outside: out · unavailable here: una · commit 0123456789")


def test_latest_when_there_is_none_then_none(tmp_path: Path) -> None:
    assert results.latest(tmp_path, machine="m1", engine="docker") is None
    stored(tmp_path, "20260101-000000-validate", machine="m2")
    assert results.latest(tmp_path, machine="m1", engine="docker") is None


def test_folder_when_the_name_is_taken_then_it_gets_a_number(tmp_path: Path) -> None:
    first, second = results.new_folder(tmp_path, "v"), results.new_folder(tmp_path, "v")
    assert (first.name, second.name) == ("v", "v-2")


def test_folder_when_it_cannot_be_made_then_says_where_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StoreError, match="--root"):
        results.new_folder(tmp_path, "v")


def test_document_when_made_then_json_with_checks_and_what_they_are_of() -> None:
    check = judged("row", "title", [Value(what="x", observed=1, low=0, high=2, unit="ns")])
    found = results.document([check], {"machine": "m1"})
    assert json.loads(json.dumps(found))["checks"][0]["id"] == "row"
    assert (found["format"], found["machine"]) == (1, "m1")
