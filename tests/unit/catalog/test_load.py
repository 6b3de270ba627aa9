from pathlib import Path

import pytest

from harness.catalog.files import memory_bytes, nearest, seconds
from harness.catalog.load import load, load_suite, load_workload
from harness.catalog.model import SIZES
from harness.errors import DataError
from tests.fakes.project import ROOT, change, copied

WORKLOAD = "benchmarks/workloads/lru_cache.toml"
SUITE = "benchmarks/suites/quick.toml"
METRICS = "benchmarks/metrics.toml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copied(tmp_path)


def language_file(project: Path) -> Path:
    return sorted((project / "langs").glob("*/lang.toml"))[0]


def test_load_when_the_project_is_sound_then_every_variant_has_goldens_for_smoke_and_quick() -> None:
    catalog = load(ROOT)
    assert catalog.workloads
    for workload in catalog.workloads.values():
        for variant in workload.variants:
            found = {golden.size for golden in workload.goldens if golden.variant == variant.id}
            assert variant.forms or {"smoke", "quick"} <= found, f"{workload.id}/{variant.id}"


def test_load_when_the_project_is_sound_then_every_language_has_one_default_lane_first() -> None:
    for language in load(ROOT).languages.values():
        assert language.configurations[0].lane == "default"
        assert sum(toolchain.default for toolchain in language.toolchains) == 1


def test_load_when_files_are_the_same_then_the_digest_is_too(project: Path) -> None:
    assert load(project).digest == load(ROOT).digest


def test_load_when_a_title_changes_then_the_digest_stays_and_when_a_parameter_does_it_changes(project: Path) -> None:
    before = load(project).digest
    change(project / WORKLOAD, 'title = "LRU cache"', 'title = "A cache"')
    assert load(project).digest == before
    change(project / WORKLOAD, "quick = 1000,", "quick = 2000,")
    assert load(project).digest != before


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "says"),
    [
        (WORKLOAD, "isolates =", "isolate =", "isolate", "did you mean 'isolates'?"),
        (WORKLOAD, "operation =", "#", "operation", "missing key"),
        (WORKLOAD, "format = 1", "format = 2", "format", "correct the value"),
        (WORKLOAD, 'id = "lru_cache"', 'id = "lru"', "id", "make them equal"),
        (WORKLOAD, "smoke = 100,", 'smoke = "100",', "parameters.capacity.smoke", "correct the value"),
        (WORKLOAD, "unit = ", "units = ", "parameters.capacity.units", "did you mean 'unit'?"),
        (WORKLOAD, 'arrivals_replace = "accesses"', 'arrivals_replace = "acceses"', "arrivals_replace", "'accesses'"),
        (WORKLOAD, "smoke = { warmup", "tiny = { warmup", "iterations.tiny", "use one of: full, quick, smoke"),
        (WORKLOAD, '[[variant]]\nid = "heap"', '[[variant]]\nid = "heap"\nabout = "x"\n\n[[variant]]\nid = "heap"',
         "variant", "there twice"),
        (WORKLOAD, 'memory = "512MiB"', 'memory = "512MB"', "limits.memory", "512MiB"),
        (WORKLOAD, 'variant = "heap"', 'variant = "heep"', "golden.0.variant", "did you mean 'heap'?"),
        (WORKLOAD, '[[variant]]\nid = "heap"', '[[variant]]\nid = "heap"\nlane = "poled"', "variant.0.lane",
         "there is no 'poled'; did you mean 'pooled'?"),
        (SUITE, "only = ", 'only = "configuration=glibs" #', "only", "did you mean 'glibc'?"),
        (SUITE, "only = ", 'only = "configuraton=glibc" #', "only", "did you mean 'configuration'?"),
        (SUITE, "variant=all mode=exact", "variant=al mode=exact", "cells.0.select", "did you mean"),
        (SUITE, "variant=all mode=exact", "size=smoke mode=exact", "cells.0.select", "only filters"),
        (SUITE, "c/glibc", "c/glib", "control.0.select", "did you mean 'glibc'?"),
        (SUITE, "blocks = 7", "blocks = -1", "blocks", "correct the value"),
        (SUITE, 'deadline = "330s"', 'deadline = "soon"', "deadline", "330s"),
        (SUITE, 'memory = "4GiB"', "", "limits", "both needed"),
        (METRICS, 'check = { against =', 'check = { agianst =', "metric.4.check.agianst", "did you mean 'against'?"),
        (METRICS, "scope =", "scoop =", "metric.0.scoop", "did you mean 'scope'?"),
    ],
)  # fmt: skip
def test_load_when_a_file_is_wrong_then_names_file_key_and_remedy(
    project: Path, file: str, old: str, new: str, key: str, says: str
) -> None:
    change(project / file, old, new)
    with pytest.raises(DataError) as caught:
        load(project)
    assert caught.value.file == project / file
    assert caught.value.key == key
    assert says in str(caught.value)


def test_load_when_a_size_has_no_iterations_then_says_so(project: Path) -> None:
    path = project / WORKLOAD
    lines = [line for line in path.read_text().splitlines() if not line.startswith("full = { warmup")]
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"iterations.full"):
        load_workload(path)


def test_load_when_a_language_has_two_defaults_then_says_so(project: Path) -> None:
    path = language_file(project)
    text = path.read_text()
    path.write_text(text + '\n[[toolchain]]\nid = "other"\ndefault = true\nprobe = ["x"]\npackages = []\n')
    with pytest.raises(DataError, match="2 toolchains are the default"):
        load(project)


def test_load_when_a_configuration_names_no_toolchain_then_says_which_are_there(project: Path) -> None:
    path = language_file(project)
    path.write_text(path.read_text() + '\n[[configuration]]\nid = "z"\nlane = "tuned"\ntoolchain = "gone"\n')
    with pytest.raises(DataError, match=r"configuration.z.toolchain"):
        load(project)


@pytest.mark.parametrize("key", ["escap", "escape/heep"])
def test_load_when_something_absent_does_not_exist_then_names_the_nearest(project: Path, key: str) -> None:
    path = language_file(project)
    change(path, "[absent]", f'[absent]\n"{key}" = "no"')
    with pytest.raises(DataError, match="did you mean"):
        load(project)


def test_load_when_a_file_is_no_toml_or_not_there_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("id = ")
    with pytest.raises(DataError, match="not TOML"):
        load_suite(path)
    with pytest.raises(DataError, match="there is no such file"):
        load_suite(tmp_path / "gone.toml")


def test_load_when_a_value_is_a_date_then_says_what_to_write(project: Path) -> None:
    change(project / WORKLOAD, 'title = "LRU cache"', "title = 2026-01-01")
    with pytest.raises(DataError, match="holds a date"):
        load_workload(project / WORKLOAD)


def test_parameter_when_asked_for_a_size_then_gives_that_size() -> None:
    parameter = load(ROOT).workloads["lru_cache"].parameters["accesses"]
    assert [parameter.at(size) for size in SIZES] == [parameter.smoke, parameter.quick, parameter.full]


def test_amounts_when_well_formed_then_become_base_units() -> None:
    path = Path("x.toml")
    assert [memory_bytes(path, "k", text) for text in ("7", "1KiB", "2MiB", "1GiB")] == [7, 1024, 2 << 20, 1 << 30]
    assert [seconds(path, "k", text) for text in ("90s", "2m", "1h")] == [90, 120, 3600]


def test_nearest_when_nothing_is_close_then_lists_all() -> None:
    assert nearest("zzz", ["b", "a"]) == "use one of: a, b"


def test_load_when_a_language_says_what_is_true_of_it_then_in_base_units_and_no_part_of_the_digest(
    project: Path,
) -> None:
    before = load(project).digest
    path = language_file(project)
    configuration = load(project).languages[path.parent.name].configurations[0].id
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text[: text.index("[truth]")]
        + f'[truth]\nstart_memory = "2MiB"\nstart_cpu_ms = 3\nsize_classes = [[64, 80]]\nstops = "{configuration}"\n',
        encoding="utf-8",
    )
    truth = load(project).languages[path.parent.name].truth
    assert (truth.start_bytes, truth.start_cpu_ns) == (2 << 20, 3_000_000)
    assert (truth.size_classes, truth.stops) == ({64: 80}, configuration)
    change(path, f'stops = "{configuration}"', 'stops = "no_such_configuration"')
    with pytest.raises(DataError) as caught:
        load(project)
    assert (caught.value.file, caught.value.key) == (path, "truth.stops")
    change(path, 'stops = "no_such_configuration"\n', "[absent]\n" + text.partition("[absent]\n")[2])
    assert load(project).digest == before
