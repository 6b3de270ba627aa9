"""The grammar of sources: every form, every error."""

from pathlib import Path

import pytest

from harness.catalog.load import load_metrics
from harness.errors import DataError
from harness.samples.source import (
    AchievedRate,
    Field,
    Formula,
    Quantile,
    ReportedMax,
    StallShare,
    Unexplained,
    parse_field,
    parse_source,
)
from tests.unit.samples.records import metric

ROOT = Path(__file__).parents[3]


def test_parse_source_when_iteration_quotient_then_is_two_fields() -> None:
    assert parse_source(metric("iteration.elapsed_ns / iteration.operations")) == Formula(
        top=Field(scope="iteration", name="elapsed_ns"),
        operator="/",
        bottom=Field(scope="iteration", name="operations"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("end.peak_resident_bytes", Formula(top=Field(scope="end", name="peak_resident_bytes"))),
        ("end.counters.hits", Formula(top=Field(scope="end", name="counters.hits"))),
        ("histogram.response q=0.999", Quantile(histogram="response", q=0.999)),
        ("histogram.reported_stop q=1", Quantile(histogram="reported_stop", q=1.0)),
        ("stalls.share at_least=10000000", StallShare(at_least=10_000_000)),
        ("stalls.unexplained at_least=2000000", Unexplained(at_least=2_000_000)),
        ("reported.max", ReportedMax()),
        ("rate.achieved", AchievedRate()),
    ],
)
def test_parse_source_when_form_is_known_then_is_its_value(text: str, expected: object) -> None:
    assert parse_source(metric(text)) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("iteration.elapsed / iteration.operations", "did you mean iteration.elapsed_ns"),
        ("iteration.zzz / iteration.operations", "iteration has allocated_bytes"),
        ("worker.x", "starts with none of cold, end, iteration, observed"),
        ("iteration.checksum", "there is no iteration.checksum"),
        ("observed.engine", "there is no observed.engine"),
        ("cold.elapsed_ns", "per operation"),
        ("iteration.elapsed_ns / observed.cgroup_cpu_ns", "another span"),
        ("end.resident_bytes - end.peak_resident_bytes", "only what the harness observed is subtracted"),
        ("histogram.response p=0.9", "'p=0.9' is not q=VALUE"),
        ("histogram.response q=1.5", "is not q=VALUE"),
        ("histogram.response q=0.0", "q=0 is not recorded"),
        ("stalls.share at_least=10ms", "is not at_least=VALUE"),
        ("stalls.unexplained q=0.5", "is not at_least=VALUE"),
        ("reported.max q=1", "is no source"),
        ("iteration.elapsed_ns * iteration.operations", "is no source"),
        ("", "is no source"),
    ],
)
def test_parse_source_when_it_is_wrong_then_error_names_metric_and_remedy(text: str, says: str) -> None:
    with pytest.raises(DataError, match=r"metric memory\.odd\.source") as raised:
        parse_source(metric(text, name="memory.odd"))
    assert says in str(raised.value)


def test_parse_source_when_metrics_are_the_projects_then_all_parse() -> None:
    metrics = load_metrics(ROOT / "benchmarks/metrics.toml")
    assert len(metrics) >= 10
    for one in metrics.values():
        parse_source(one)
        if one.check is not None:
            parse_field(one, one.check.against)
