"""Equal work, proved on the real programs: every language does what the model says, hence what every other does.

Checksum, operations, allocations, bytes, peak live bytes and counters, at the sizes of the data files and at twenty
drawn sets of parameters and seeds per variant: in every run those with the edges, nightly the others. A difference
names the field, the program's value and the model's.
"""

import pytest

from harness.catalog.model import Size
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, WORKLOADS, Source, call, call_all

OF_FORMS = cases.present(forms=True)
ALONE = [one for one in cases.present() if not any(one[:2] == serving[:2] for serving in OF_FORMS)]

EDGES = len(cases.SEEDS)
PARTS = [
    pytest.param(slice(0, EDGES), id="edges"),
    pytest.param(slice(EDGES, cases.SETS), id="others", marks=pytest.mark.nightly),
]
"""The drawn sets, each in one part."""


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("language", "workload", "variant"), ALONE, indirect=["language"])
def test_program_when_parameters_are_drawn_then_it_does_what_the_model_says(
    source: Source, language: str, workload: str, variant: str, part: slice
) -> None:
    prefix = source.runner(LANGUAGES[language], {})
    drawn = list(cases.drawn(workload, variant))[part]
    calls = [cases.command_line(workload, variant, case, warmup=1, iterations=2) for case in drawn]
    wrong = {
        " ".join(arguments): found
        for case, arguments, answer in zip(drawn, calls, call_all(prefix, calls), strict=True)
        if (found := differences(cases.expected(language, workload, variant, case, warmup=1, iterations=2), answer))
    }
    assert wrong == {}


@pytest.mark.parametrize("part", PARTS)
def test_escape_when_every_form_is_served_by_one_process_then_each_does_what_the_model_says(
    source: Source, language: str, part: slice
) -> None:
    prefix = source.runner(LANGUAGES[language], LANGUAGES[language].mode_build.get("exact", {}))
    drawn = list(cases.drawn("escape", "all"))[part]
    calls = [cases.command_line("escape", "all", case, mode="exact", warmup=1) for case in drawn]
    wrong = {
        " ".join(arguments): found
        for case, arguments, answer in zip(drawn, calls, call_all(prefix, calls), strict=True)
        if (found := differences(cases.expected(language, "escape", "all", case, mode="exact", warmup=1), answer))
    }
    assert wrong == {}


def test_escape_when_a_form_runs_alone_then_it_does_what_the_model_says(source: Source, language: str) -> None:
    prefix = source.runner(LANGUAGES[language], {})
    forms = cases.served_forms(LANGUAGES[language], WORKLOADS["escape"])
    drawn = {form: next(iter(cases.drawn("escape", f"{form} alone", sets=2))) for form in forms}
    calls = [cases.command_line("escape", form, case, iterations=2) for form, case in drawn.items()]
    wrong = {
        form: found
        for (form, case), answer in zip(drawn.items(), call_all(prefix, calls), strict=True)
        if (found := differences(cases.expected(language, "escape", form, case, iterations=2), answer))
    }
    assert wrong == {}


@pytest.mark.parametrize("size", ["smoke", pytest.param("quick", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("language", "workload", "variant"), [*ALONE, *OF_FORMS], indirect=["language"])
def test_program_when_parameters_are_those_of_a_size_then_it_meets_the_goldens(
    source: Source, language: str, workload: str, variant: str, size: Size
) -> None:
    mode = cases.modes(WORKLOADS[workload].variant(variant))[0]
    prefix = source.runner(LANGUAGES[language], LANGUAGES[language].mode_build.get(mode, {}))
    case = cases.at(WORKLOADS[workload], size)
    answer = call(prefix, cases.command_line(workload, variant, case, mode=mode))
    assert differences(cases.expected(language, workload, variant, case, mode=mode), answer) == []
