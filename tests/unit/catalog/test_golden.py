"""The writer of golden values: text in, text out, and nothing but the goldens changed."""

import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.catalog.golden import from_model, load_model, rendered, replaced, write
from harness.catalog.load import load_workload
from harness.catalog.model import Golden
from harness.errors import DataError, UsageError

ROOT = Path(__file__).parents[3]

GOLDEN = Golden(
    size="smoke",
    variant="heap",
    seed=0,
    source="model",
    operations=10_000,
    allocations=9_083,
    allocated_bytes=363_320,
    peak_live_bytes=4_000,
    checksum="5ae2d88663524af8",
    facts={"hits": 952, "misses": 9_048},
)

TEXT = '''format = 1
id = "some_cache"  # a comment beside a key
algorithm = """
[a line that looks like a header]
"""

# a comment of its own
[[variant]]
id = "heap"

[[golden]]
size = "quick"
variant = "heap"
checksum = "0000000000000000"
facts = { hits = 1 }

# why this difference cannot be avoided
[[difference]]
what = "something"
'''


def _replaced(text: str, *goldens: Golden) -> str:
    return replaced(text, goldens, file=Path("some_cache.toml"))


def test_replaced_when_there_are_old_goldens_then_only_new_ones_are_left_at_the_end() -> None:
    result = _replaced(TEXT, GOLDEN)
    assert [one["checksum"] for one in tomllib.loads(result)["golden"]] == [GOLDEN.checksum]
    assert result.endswith(f"{rendered(GOLDEN)}\n")


def test_replaced_when_file_has_comments_then_they_and_every_other_key_stay() -> None:
    result = _replaced(TEXT, GOLDEN)
    for comment in ("# a comment beside a key", "# a comment of its own", "# why this difference cannot be avoided"):
        assert comment in result
    assert {**tomllib.loads(result), "golden": None} == {**tomllib.loads(TEXT), "golden": None}


def test_replaced_when_done_twice_then_text_is_the_same() -> None:
    once = _replaced(TEXT, GOLDEN, replace(GOLDEN, size="quick"))
    assert _replaced(once, GOLDEN, replace(GOLDEN, size="quick")) == once


def test_replaced_when_old_golden_has_a_table_of_facts_then_it_goes_too() -> None:
    old = TEXT.replace("facts = { hits = 1 }", "[golden.facts]\nhits = 1")
    assert len(tomllib.loads(_replaced(old, GOLDEN))["golden"]) == 1


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("[a line that looks like a header]", "[[golden]]\nlost = 1\n"),
        TEXT.replace("[[golden]]", "[[elsewhere]]").replace("format = 1", "format = 1\ngolden = [{ size = 'quick' }]"),
    ],
    ids=["inside a string", "as an inline array"],
)
def test_replaced_when_old_goldens_cannot_be_told_by_lines_then_data_error_names_the_file(text: str) -> None:
    with pytest.raises(DataError, match=r"some_cache\.toml: golden: the old tables"):
        _replaced(text, GOLDEN)


def test_replaced_when_text_is_no_toml_then_data_error_says_so() -> None:
    with pytest.raises(DataError, match=r"some_cache\.toml: Invalid value"):
        _replaced("format = 1\nid =", GOLDEN)


def test_write_when_goldens_cannot_be_placed_then_file_is_untouched(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("id =")
    with pytest.raises(DataError):
        write(file, [GOLDEN])
    assert [path.name for path in tmp_path.iterdir()] == ["broken.toml"]
    assert file.read_text() == "id ="


def test_write_when_loaded_again_then_workload_has_exactly_these_goldens(tmp_path: Path) -> None:
    file = tmp_path / "lru_cache.toml"
    file.write_text((ROOT / "benchmarks/workloads/lru_cache.toml").read_text())
    goldens = (GOLDEN, replace(GOLDEN, size="quick", source="agreement", facts={}))
    write(file, goldens)
    assert load_workload(file).goldens == goldens
    assert [path.name for path in tmp_path.iterdir()] == ["lru_cache.toml"]


def test_load_model_when_there_is_none_then_usage_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"tests/models/nothing\.py"):
        load_model(tmp_path, "nothing")


def test_load_model_when_loaded_by_path_then_no_module_is_left_behind() -> None:
    before = set(sys.modules)
    model = load_model(ROOT, "lru_cache")
    assert model.run({"capacity": 100, "accesses": 10_000}, "heap", 0).counters["hits"] == 952
    assert {name for name in set(sys.modules) - before if "models" in name} == set()


def test_from_model_when_a_variant_serves_forms_then_it_has_no_golden_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "tests/models").mkdir(parents=True)
    source = (ROOT / "tests/models/escape.py").read_text().replace('("smoke", "quick", "full")', '("smoke",)')
    (tmp_path / "tests/models/escape.py").write_text(source)
    (tmp_path / "tests/models/base.py").write_text((ROOT / "tests/models/base.py").read_text())
    workload = load_workload(ROOT / "benchmarks/workloads/escape.toml")
    goldens = list(from_model(workload, load_model(tmp_path, "escape")))
    assert [one.variant for one in goldens] == [one.id for one in workload.variants if one.id != "all"]
    assert {(one.size, one.seed, one.source) for one in goldens} == {("smoke", 42, "model")}
