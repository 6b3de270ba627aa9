"""Every configuration of every ``lang.toml`` in its own image: what it asks for is in force, and the work is the same.

Those of a language's default toolchain are started in every run; other toolchains, whose images cost minutes to make,
and the whole catalogue under each configuration are nightly.
"""

from typing import Any

import pytest

from harness.catalog.model import Build, Configuration, Mode
from harness.engines.docker import OUT
from harness.engines.effects import real_effects
from harness.engines.images import build_images
from harness.protocol.messages import MESSAGE, Iteration, Start
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.containers import Containers
from tests.conformance.programs import LANGUAGES, ROOT, WORKLOADS, call, call_all, default_toolchain
from tests.conformance.test_exact import CASE, PER_OPERATION, SLACK

pytestmark = pytest.mark.docker


def configurations(*, others_nightly: bool) -> list[Any]:
    """(language, configuration) of all; those that are not of the default toolchain only nightly, when asked."""
    return [
        pytest.param(
            language.id,
            one.id,
            marks=pytest.mark.nightly if others_nightly and one.toolchain != default_toolchain(language) else (),
        )
        for language in LANGUAGES.values()
        for one in language.configurations
    ]


def prefix(
    containers: Containers, client: Any, language: str, configuration: Configuration, mode: Mode
) -> tuple[str, ...]:
    """The command prefix of a configuration's program for ``mode``, in its own image and environment."""
    spoken = LANGUAGES[language]
    options = {**configuration.build, **spoken.mode_build.get(mode, {})}
    build = Build(language=language, toolchain=configuration.toolchain, options=options)
    (built,) = build_images([build], LANGUAGES, ROOT, client, real_effects(print)).values()
    assert built.ref.image_id is not None
    writable = ("--read-only", f"--tmpfs={OUT}:mode=1777")
    inside = containers.enter(built.ref.image_id, writable, folder=OUT, environment=configuration.environment)
    return (*inside, built.ref.path)


@pytest.mark.parametrize(("language", "configuration"), configurations(others_nightly=True))
def test_configuration_when_started_in_its_image_then_what_it_asks_for_is_in_force(
    containers: Containers, client: Any, language: str, configuration: str
) -> None:
    one = LANGUAGES[language].configuration(configuration)
    case = cases.at(WORKLOADS["canary"], "smoke")
    answer = call(prefix(containers, client, language, one, "throughput"), cases.command_line("canary", "bytes", case))
    assert differences(cases.expected(language, "canary", "bytes", case), answer) == []
    start = MESSAGE.validate_json(answer.lines[0])
    assert isinstance(start, Start)
    reported = {key: start.in_force.get(key) for key in one.in_force}
    assert reported == dict(one.in_force)


@pytest.mark.parametrize(
    ("language", "configuration"),
    [(name, one.id) for name in PER_OPERATION for one in LANGUAGES[name].configurations if one.build or name == "c"],
)
@pytest.mark.nightly
def test_configuration_when_forms_are_counted_then_each_allocates_as_under_the_default_one(
    containers: Containers, client: Any, language: str, configuration: str
) -> None:
    one = LANGUAGES[language].configuration(configuration)
    line = cases.command_line("escape", "all", CASE, mode="exact", warmup=1)
    answer = call(prefix(containers, client, language, one, "exact"), line)
    assert differences(cases.expected(language, "escape", "all", CASE, mode="exact", warmup=1), answer) == []
    wrong = {}
    for each in (MESSAGE.validate_json(line) for line in answer.lines):
        if isinstance(each, Iteration) and each.phase == "measured":
            least = PER_OPERATION[language][each.form or ""] * each.operations
            if not least <= (each.runtime_allocations or 0) <= least + SLACK:
                wrong[each.form] = (each.runtime_allocations, each.operations)
    assert wrong == {}


@pytest.mark.parametrize(("language", "configuration"), configurations(others_nightly=False))
@pytest.mark.nightly
def test_configuration_when_the_catalogue_runs_at_smoke_size_then_every_answer_is_the_models(
    containers: Containers, client: Any, language: str, configuration: str
) -> None:
    one = LANGUAGES[language].configuration(configuration)
    by_mode: dict[Mode, list[tuple[str, str]]] = {}
    for name, workload, variant in cases.present():
        if name == language:
            by_mode.setdefault(cases.modes(WORKLOADS[workload].variant(variant))[0], []).append((workload, variant))
    wrong = {}
    for mode, present in by_mode.items():
        asked = [cases.at(WORKLOADS[workload], "smoke") for workload, _ in present]
        lines = [cases.command_line(*which, case, mode=mode) for which, case in zip(present, asked, strict=True)]
        answers = call_all(prefix(containers, client, language, one, mode), lines)
        for which, case, answer in zip(present, asked, answers, strict=True):
            found = differences(cases.expected(language, *which, case, mode=mode), answer)
            if found:
                wrong[which] = found
    assert wrong == {}
