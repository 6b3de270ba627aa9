from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.catalog.load import load
from harness.catalog.select import ASKING, KEYS, Asked, Selector, ask, lane_of, matches, parse
from harness.errors import UsageError
from tests.fakes.project import ROOT

CATALOG = load(ROOT)


def test_parse_when_short_form_then_means_language_and_configuration() -> None:
    found = parse("go/default workload=escape variant=local,heap", CATALOG)
    assert found.terms == {
        "language": ("go",), "configuration": ("default",), "workload": ("escape",), "variant": ("local", "heap"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("workloud=x", "did you mean 'workload'?"),
        ("nonsense", "neither key=value nor language/configuration"),
        ("workload=a workload=b", "given twice"),
        ("workload=", "empty value"),
        ("workload=a,,b", "empty value"),
    ],
)
def test_parse_when_wrong_then_says_which_part(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("?", r"\?")):
        parse(text, CATALOG)


def test_parse_when_the_key_is_a_parameter_then_accepts_it() -> None:
    assert parse("capacity=100", CATALOG).terms == {"capacity": ("100",)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("go/default", "without saying which workload"),
        ("workload=escape", "without saying which configuration"),
        ("go/defualt workload=escape", "did you mean 'default'?"),
        ("go/default workload=escap", "did you mean 'escape'?"),
        ("go/default workload=escape variant=heep", "did you mean 'heap'?"),
        ("go/glibc workload=escape", "not together"),
        ("go/default workload=escape variant=all mode=latency", "not together"),
        ("go/default workload=escape lane=tunned", "did you mean 'tuned'?"),
        ("go/default workload=escape toolchain=go1.72", "did you mean 'go1.27'?"),
        ("go/default workload=escape operations=5", "only filters"),
    ],
)
def test_ask_when_it_finds_nothing_then_says_why(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("?", r"\?")):
        ask(parse(text, CATALOG), CATALOG)


def test_ask_when_little_is_said_then_takes_the_first_variant_the_own_toolchain_and_throughput() -> None:
    (found,) = ask(parse("go/default workload=lru_cache", CATALOG), CATALOG)
    language = CATALOG.languages["go"]
    assert (found.variant, found.toolchain, found.mode, found.form) == (
        CATALOG.workloads["lru_cache"].variants[0].id, language.configuration("default").toolchain, "throughput", None,
    )  # fmt: skip


def test_ask_when_a_form_is_named_then_asks_the_variant_that_serves_forms() -> None:
    (found,) = ask(parse("go/default workload=escape variant=all form=heap mode=exact", CATALOG), CATALOG)
    assert (found.variant, found.form) == ("all", "heap")


def test_ask_when_the_lane_filters_then_leaves_other_lanes_out() -> None:
    found = ask(parse("workload=lru_cache configuration=* lane=no_reclaim", CATALOG), CATALOG)
    assert {CATALOG.languages[one.language].configuration(one.configuration).lane for one in found} == {"no_reclaim"}


def test_joined_when_both_name_a_key_then_the_first_wins() -> None:
    both = parse("workload=escape", CATALOG).joined(parse("workload=lru_cache mode=exact", CATALOG))
    assert both.terms == {"workload": ("escape",), "mode": ("exact",)}


@given(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["a", "b", "cc"])))
def test_matches_when_a_selector_is_made_of_the_facts_then_matches_them(facts: dict[str, str]) -> None:
    assert matches(Selector(text="", terms={key: (value,) for key, value in facts.items()}), facts)


@given(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["a", "b"]), min_size=1), st.data())
def test_matches_when_one_fact_differs_then_does_not(facts: dict[str, str], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(facts)))
    terms = {name: (value,) for name, value in facts.items()} | {key: ("other",)}
    assert not matches(Selector(text="", terms=terms), facts)


def test_matches_when_nothing_is_asked_then_everything_matches() -> None:
    assert matches(Selector(text="", terms={}), {})


WORDS = st.sampled_from(
    ["go", "default", "escape", "lru_cache", "heap", "local", "all", "exact", "tuned", "*", "g*", "x", "1"]
)


@given(st.dictionaries(st.sampled_from(KEYS), st.lists(WORDS, min_size=1, max_size=3)))
def test_parse_when_terms_are_written_out_then_reads_the_same_terms(terms: dict[str, list[str]]) -> None:
    text = " ".join(f"{key}={','.join(globs)}" for key, globs in terms.items())
    assert parse(text, CATALOG).terms == {key: tuple(globs) for key, globs in terms.items()}


@given(st.text(alphabet="abeglo/=,* ", max_size=30))
def test_parse_when_given_any_text_then_gives_whole_terms_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        assert all(globs and all(globs) for globs in parse(text, CATALOG).terms.values())


@given(st.dictionaries(st.sampled_from(ASKING), WORDS))
def test_ask_when_given_any_terms_then_all_it_gives_exists_and_matches_or_it_is_a_usage_error(
    terms: dict[str, str],
) -> None:
    selector = Selector(text="made", terms={key: (glob,) for key, glob in terms.items()})
    found: tuple[Asked, ...] = ()
    with suppress(UsageError):
        found = ask(selector, CATALOG)
        assert len(set(found)) == len(found) > 0
    for one in found:
        variant = CATALOG.workloads[one.workload].variant(one.variant)
        configuration = CATALOG.languages[one.language].configuration(one.configuration)
        assert one.mode in variant.modes
        facts = {
            "workload": one.workload, "variant": one.variant, "form": one.form or "", "language": one.language,
            "configuration": one.configuration, "lane": lane_of(variant, configuration), "toolchain": one.toolchain,
            "mode": one.mode,
        }  # fmt: skip
        assert matches(selector, facts)
