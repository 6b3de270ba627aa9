import dataclasses
from pathlib import Path

import pytest

from harness.catalog.digest import of_value
from harness.catalog.load import load
from harness.claims.load import load_claims
from harness.errors import DataError
from tests.fakes.project import change, copied
from tests.unit.claims.builders import catalog, claims

RATIO = "manual_is_faster"
EXACT = "constructor_escapes"
BOUND = "pauses_are_short"
SHARE = "overhead_is_acceptable"
CROSSOVER = "pointers_pass_large"


def test_claims_when_the_project_is_sound_then_each_says_its_limits_and_its_answers() -> None:
    assert claims()
    for claim in claims().values():
        assert claim.statement
        assert claim.cannot_say
        assert claim.contrasts or claim.not_measurable


def test_claims_when_a_suite_asks_for_one_then_it_exists() -> None:
    assert {name for suite in catalog().suites.values() for name in suite.claims} <= set(claims())


def test_digest_when_an_answers_wording_changes_then_stays_and_when_a_margin_does_changes(tmp_path: Path) -> None:
    project = copied(tmp_path)
    path = project / f"benchmarks/claims/{RATIO}.toml"
    before = load_claims(project, load(project))[RATIO].digest
    change(path, "C by hand is faster than Go: Go takes", "Yes: Go takes")
    assert load_claims(project, load(project))[RATIO].digest == before
    change(path, "margin = 1.10", "margin = 1.20")
    assert load_claims(project, load(project))[RATIO].digest != before


@pytest.mark.parametrize(
    ("name", "old", "new", "key", "says"),
    [
        (RATIO, "quantifier =", "quantifer =", "quantifer", "did you mean 'quantifier'?"),
        (RATIO, f'id = "{RATIO}"', 'id = "other"', "id", "make them equal"),
        (RATIO, 'metric = "time.per_operation"', 'metric = "time.per_operatoin"', "contrast.time.metric",
         "did you mean 'time.per_operation'?"),
        (RATIO, 'kind = "ratio"', 'kind = "slope"', "contrast.time.kind", "no kind 'slope' yet"),
        (RATIO, 'kind = "ratio"', 'kind = "exact"', "contrast.time.expected", "says what it expects"),
        (RATIO, "margin = 1.10", "margin = 1.01", "contrast.time.margin", "code layout"),
        (RATIO, "margin = 1.10", "margin = 1.10\nequivalent = 1.2", "contrast.time.equivalent", "above the margin"),
        (RATIO, 'baseline = "{c_allocator}"', 'baseline = "{allocator}"', "contrast.time", "no factor 'allocator'"),
        (RATIO, 'baseline = "{c_allocator}"', "", "contrast.time", "needs baseline and margin"),
        (RATIO, "workload=binary_trees", "workload=binary_tree", "contrast.time", "did you mean 'binary_trees'?"),
        (RATIO, 'mode = "throughput"', 'mode = "exact"', "contrast.time.metric", "not valid in mode exact"),
        (RATIO, "{time.holds}", "{tme.holds}", "answer.depends", "did you mean 'time.holds'?"),
        (RATIO, "refuted =", "mixed =", "answer.refuted", "missing key"),
        (RATIO, "depends =", "mixed =", "answer.mixed", "is not there"),
        (RATIO, 'metric = "time.per_operation"', 'metric = "allocations.count"', "contrast.time.metric",
         "a ratio of such values means nothing"),
        (RATIO, 'metric = "time.per_operation"', 'metric = "gc.cpu_share"', "contrast.time.metric", "is linear"),
        (RATIO, 'id = "cpu"', 'id = "time"', "contrast.time", "there twice"),
        ("manual_uses_less_memory", "margin = 1.10", "margin = 0.90", "contrast.peak.margin", 'predicted = "below"'),
        ("runtime_reuse_is_faster", "crosses = ", "about = ", "contrast.time", "compares lane"),
        (EXACT, "decides = true", "decides = false", "", ""),
        (BOUND, "margin = 1_000_000", "", "contrast.reported.margin", "in the metric's unit"),
        (BOUND, "margin = 1_000_000", "margin = 0", "contrast.reported.margin", "above 0"),
        (BOUND, "margin = 1_000_000", "margin = 1_000_000\nequivalent = 1.05", "contrast.reported.equivalent",
         "margin is the bound"),
        (BOUND, "margin = 1_000_000", 'margin = 1\nbaseline = "c/glibc"', "contrast.reported.baseline", "has none"),
        (BOUND, 'predicted = "below"', 'predicted = "equal"', "contrast.reported.predicted", "above or below"),
        (BOUND, 'metric = "pause.reported_max"', 'metric = "allocations.count"', "contrast.reported.metric",
         'kind = "exact"'),
        (BOUND, "go/default workload", "go/* workload", "contrast.reported.subject", "a contrast of its own"),
        (BOUND, "go/default workload", "configuration=default workload", "contrast.reported.subject", "of its own"),
        (BOUND, 'metric = "pause.reported_max"\nsubject = "go/default workload=message_window"',
         'metric = "pause.felt_p999"\nsubject = "go/default workload=message_window,lru_cache"',
         "contrast.reported.over", "no mean over 2"),
        (RATIO, "margin = 1.10", "margin = 1.10\nthreshold = 1.2", "contrast.time.threshold", "a ratio has none"),
        (RATIO, "margin = 1.10", "margin = 1.10\nat_most = 0.5", "contrast.time.at_most", "a ratio has none"),
        (RATIO, "margin = 1.10", 'margin = 1.10\nalong = { at = [1, 2], unit = "bytes" }', "contrast.time.along",
         "a ratio has none"),
        (SHARE, "threshold = 1.5", "", "contrast.within_50_percent", "needs baseline, threshold and margin"),
        (SHARE, "margin = 0.75", "", "contrast.within_50_percent", "needs baseline, threshold and margin"),
        (SHARE, "threshold = 1.5", "threshold = 1.02", "contrast.within_50_percent.threshold", "code layout"),
        (SHARE, "margin = 0.75", "margin = 0.75\nequivalent = 1.05", "contrast.within_50_percent.equivalent",
         "a share has none"),
        (SHARE, "at_most = 0.50", "", "contrast.within_50_percent.at_most", "at_most < margin"),
        (SHARE, "at_most = 0.50", "at_most = 0.80", "contrast.within_50_percent.at_most", "at_most < margin"),
        (SHARE, 'predicted = "below"', 'predicted = "above"', "contrast.within_50_percent.predicted",
         "below the threshold"),
        (SHARE, 'predicted = "below"', 'predicted = "equal"', "contrast.within_50_percent.predicted", "above or below"),
        (SHARE, 'metric = "time.per_operation"', 'metric = "stalls.share"', "contrast.within_50_percent.metric",
         "is linear"),
        (CROSSOVER, "threshold = 1.25", "", "contrast.crossing", "needs baseline, threshold and margin"),
        (CROSSOVER, "along = { at = [8, 72, 1024, 65536]", "along = { at = [8, 1024, 72, 65536]",
         "contrast.crossing.along", "rising order"),
        (CROSSOVER, 'along = { at = [8, 72, 1024, 65536], unit = "bytes" }\nthreshold = 1.25', "threshold = 1.25",
         "contrast.crossing", "no factor 'at'"),
        (CROSSOVER, "along = { at = [8, 72, 1024, 65536]", "along = { at = [8, 72, 1024, 65536, 65537]",
         "contrast.crossing", "there is no variant 'value_65537_read1'"),
        (CROSSOVER, 'baseline = "go/default workload=pass_large variant=pointer_{at}_read1"',
         'baseline = "go/default workload=pass_large variant=pointer_8_read1"', "contrast.crossing", "put {at} into"),
        (CROSSOVER, "margin = 1024", "margin = 8", "contrast.crossing.margin", "between the first and the last"),
        (CROSSOVER, "variant=value_{at}_read1", "variant=value_{at}_read1,value_{at}_readall",
         "contrast.crossing.subject", "2 things"),
        (EXACT, 'cannot_say = "', 'not_measurable = "no"\ncannot_say = "', "contrast", "give one of the two"),
    ],
)  # fmt: skip
def test_load_when_a_claim_is_wrong_then_names_file_key_and_remedy(
    tmp_path: Path, name: str, old: str, new: str, key: str, says: str
) -> None:
    project = copied(tmp_path)
    path = project / f"benchmarks/claims/{name}.toml"
    if not says:  # one contrast that does not decide is fine as long as another does
        change(path, old, new)
        assert not load_claims(project, load(project))[name].contrasts[0].decides
        return
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1) if old != "crosses = " else text.replace(old, "# ", 1))
    with pytest.raises(DataError) as caught:
        load_claims(project, load(project))
    assert (caught.value.file, caught.value.key) == (path, key)
    assert says in str(caught.value)


def test_load_when_a_crossover_is_of_a_skewed_metric_then_refuses_the_mean_between_two_positions(
    tmp_path: Path,
) -> None:
    project = copied(tmp_path)
    change(project / "benchmarks/metrics.toml", 'assumption = "ratio"', 'assumption = "skewed"')
    with pytest.raises(DataError, match="between two positions is a mean"):
        load_claims(project, load(project))


def test_digest_when_a_contrast_says_nothing_of_another_kind_then_that_kind_is_not_in_it() -> None:
    claim = claims()[RATIO]
    unused = {"threshold", "at_most", "along", "along_unit"}
    plain = [
        {field.name: getattr(one, field.name) for field in dataclasses.fields(one) if field.name not in unused}
        for one in claim.contrasts
    ]
    assert claim.digest == of_value((claim.statement, claim.quantifier, claim.factors, plain))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (SHARE, "threshold = 1.5", "threshold = 1.6"),
        (SHARE, "at_most = 0.50", "at_most = 0.40"),
        (CROSSOVER, "at = [8, 72, 1024, 65536]", "at = [8, 72, 65536]"),
        (CROSSOVER, 'unit = "bytes"', 'unit = "count"'),
    ],
)
def test_digest_when_what_a_kind_fixes_changes_then_changes(tmp_path: Path, name: str, old: str, new: str) -> None:
    project = copied(tmp_path)
    change(project / f"benchmarks/claims/{name}.toml", old, new)
    assert load_claims(project, load(project))[name].digest != claims()[name].digest


def test_load_when_nothing_decides_then_says_so(tmp_path: Path) -> None:
    project = copied(tmp_path)
    path = project / f"benchmarks/claims/{EXACT}.toml"
    path.write_text(path.read_text().replace("decides = true", "decides = false"))
    with pytest.raises(DataError, match="none of the contrasts decides"):
        load_claims(project, load(project))


def test_load_when_languages_are_compared_by_a_metric_of_one_language_then_refuses(tmp_path: Path) -> None:
    project = copied(tmp_path)
    change(project / "benchmarks/metrics.toml", 'scope = "uniform"', 'scope = "per-language"')
    with pytest.raises(DataError, match="may not compare languages"):
        load_claims(project, load(project))


def test_load_when_a_suite_asks_for_a_claim_that_is_not_there_then_names_the_nearest(tmp_path: Path) -> None:
    project = copied(tmp_path)
    change(project / "benchmarks/suites/quick.toml", '"stack_is_faster"', '"stack_is_fast"')
    with pytest.raises(DataError, match=r"did you mean 'stack_is_faster'\?"):
        load_claims(project, load(project))
