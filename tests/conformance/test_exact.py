"""Mode ``exact``: what runtimes and the counting ``malloc`` say they served, form by form.

The counts per operation are facts of the default toolchains. Whoever changes a form so that its value lands elsewhere
makes a different statement, and this page says so before any claim is judged.
"""

from collections.abc import Mapping
from typing import Final

import pytest

from harness.protocol.messages import MESSAGE, Iteration
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, WORKLOADS, Source, call

CASE: Final = cases.Case(parameters={"operations": 1000, "large_operations": 50}, seed=42)
SLACK: Final = 20
"""Allocations that a runtime's own threads may add to a form's; far below one for each of the least operations."""

PER_OPERATION: Final[Mapping[str, Mapping[str, int]]] = {
    "c": {
        "value": 0, "local": 0, "heap": 1, "stored": 1, "merged": 0, "constructor_inlined": 1,
        "constructor_noinline": 1, "constructor_stored": 1, "interface": 0, "hot_stack": 0, "hot_heap": 0,
        "buffer_variable_32": 0, "buffer_variable_33": 0, "buffer_constant_65536": 0, "buffer_constant_65537": 0,
        "array_131072": 0, "array_131073": 0,
    },
    "go": {
        "value": 0, "local": 0, "heap": 1, "stored": 1, "merged": 0, "constructor_inlined": 0,
        "constructor_noinline": 1, "constructor_stored": 1, "interface": 1, "closure": 1, "hot_stack": 0,
        "hot_heap": 0, "new_local": 0, "new_escapes": 1, "make_slice_local": 0, "make_slice_escapes": 1,
        "make_map_local": 0, "make_map_escapes": 2, "make_channel_local": 1, "append_local": 0,
        "buffer_variable_32": 0, "buffer_variable_33": 1, "buffer_constant_65536": 0, "buffer_constant_65537": 1,
        "array_131072": 0, "array_131073": 1,
    },
}  # fmt: skip

BYTES_ONLY: Final = frozenset({"java"})
"""Languages whose runtime counts bytes and no allocations."""

LONG_LIVED: Final = ("heap", "stored", "constructor_stored", "new_escapes")
"""Forms whose values no compiler may keep off the heap, in any language that has them."""


def _by_form(source: Source, language: str, case: cases.Case) -> dict[str, Iteration]:
    """The one measured iteration of every form, after a warm-up."""
    prefix = source.runner(LANGUAGES[language], LANGUAGES[language].mode_build.get("exact", {}))
    answer = call(prefix, cases.command_line("escape", "all", case, mode="exact", warmup=1))
    assert differences(cases.expected(language, "escape", "all", case, mode="exact", warmup=1), answer) == []
    messages = [MESSAGE.validate_json(line) for line in answer.lines]
    return {one.form or "": one for one in messages if isinstance(one, Iteration) and one.phase == "measured"}


@pytest.mark.parametrize("language", sorted(PER_OPERATION), indirect=True)
def test_form_when_counted_then_allocations_per_operation_are_the_known_ones(source: Source, language: str) -> None:
    found = _by_form(source, language, CASE)
    assert set(found) == set(PER_OPERATION[language])
    wrong = {}
    for form, one in found.items():
        least = PER_OPERATION[language][form] * one.operations
        if one.runtime_allocations is None or not least <= one.runtime_allocations <= least + SLACK:
            wrong[form] = (one.runtime_allocations, one.operations)
    assert wrong == {}


def test_languages_when_they_are_counted_then_each_is_known_to_count_allocations_or_bytes_only() -> None:
    assert set(PER_OPERATION) | BYTES_ONLY == set(LANGUAGES)
    assert not set(PER_OPERATION) & BYTES_ONLY


@pytest.mark.parametrize("language", sorted(BYTES_ONLY), indirect=True)
def test_form_when_runtime_counts_bytes_only_then_allocations_are_left_out(source: Source, language: str) -> None:
    assert {one.runtime_allocations for one in _by_form(source, language, CASE).values()} == {None}


def test_form_when_its_value_must_live_on_then_every_byte_is_served(source: Source, language: str) -> None:
    found = _by_form(source, language, CASE)
    present = [form for form in LONG_LIVED if form in found]
    assert present[:2] == list(LONG_LIVED[:2])
    served = {form: (found[form].runtime_bytes or 0) / found[form].operations for form in present}
    assert {form: share for form, share in served.items() if share < 32} == {}


def test_hot_buffer_when_on_the_heap_then_it_is_allocated_once(source: Source, language: str) -> None:
    hot = _by_form(source, language, CASE)["hot_heap"]
    assert hot.runtime_bytes is not None
    assert 4096 <= hot.runtime_bytes < 2 * 4096
    assert hot.runtime_allocations is None or 1 <= hot.runtime_allocations <= SLACK


def test_counts_when_operations_are_doubled_then_what_is_served_doubles(source: Source, language: str) -> None:
    twice = cases.Case(parameters={name: 2 * value for name, value in CASE.parameters.items()}, seed=CASE.seed)
    once, double = _by_form(source, language, CASE)["stored"], _by_form(source, language, twice)["stored"]
    assert once.runtime_bytes is not None
    assert double.runtime_bytes is not None
    assert double.runtime_bytes / once.runtime_bytes == pytest.approx(2, rel=0.1)


def test_escape_when_it_has_forms_then_one_variant_serves_them_in_mode_exact_alone() -> None:
    serving = [one for one in WORKLOADS["escape"].variants if one.forms]
    assert [one.modes for one in serving] == [("exact",)]
