"""Mode ``memory`` of ``fragmentation``: checkpoints of the last cycle and of the aftermath, alike in every language.

Their names, their order and the live bytes beside them are held here; what is resident at each is the measurement.
"""

from typing import Final

from harness.protocol.messages import MESSAGE, Checkpoint, Iteration
from tests.conformance import cases
from tests.conformance.compare import differences
from tests.conformance.programs import LANGUAGES, Source, call
from tests.models import fragmentation

CASE: Final = cases.Case(parameters={"objects": 5000, "cycles": 3, "idle_s": 1}, seed=42)
NAMES: Final = ("after_fill", "after_release", "after_refill", "idle_1s", "after_collection", "after_trim")
SECOND: Final = 1_000_000_000


def test_checkpoints_when_taken_then_each_language_has_the_same_with_the_models_live_bytes(
    source: Source, language: str
) -> None:
    prefix = source.runner(LANGUAGES[language], {})
    command = cases.command_line("fragmentation", "heap", CASE, mode="memory", warmup=1)
    answer = call(prefix, command)
    wanted = cases.expected(language, "fragmentation", "heap", CASE, mode="memory", warmup=1)
    assert differences(wanted, answer) == []
    messages = [MESSAGE.validate_json(line) for line in answer.lines]
    points = [one for one in messages if isinstance(one, Checkpoint)]
    assert [one.name for one in points] == [*NAMES, *NAMES]  # of the warm-up, then of the measured iteration

    by_name = dict(zip(NAMES, points[len(NAMES) :], strict=True))
    model = fragmentation.run(CASE.parameters, "heap", CASE.seed)
    survivors = model.counters["survivor_bytes"]
    live = {name: one.live_bytes for name, one in by_name.items()}
    assert {name: live[name] for name in ("after_release", *NAMES[3:])} == dict.fromkeys(
        ("after_release", *NAMES[3:]), survivors
    )
    assert survivors < live["after_refill"] < live["after_fill"] <= model.peak_live_bytes

    measured = [one for one in messages if isinstance(one, Iteration)][-1]
    end = measured.start_ns + measured.elapsed_ns
    inside = [name for name, one in by_name.items() if measured.start_ns <= one.at_ns <= end]
    assert inside == list(NAMES[:3])
    assert by_name["idle_1s"].at_ns >= end + SECOND
