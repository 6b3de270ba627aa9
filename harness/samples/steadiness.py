"""Which invocations reached a steady state, and what a reader of their warm numbers must know.

From fifteen iterations on, an invocation is labelled by its change points. Steady numbers come from flat and
warmed-up invocations only; where fewer than 80 % are, there is no steady number, and the time of the whole run is the
one to read.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from harness.protocol.record import Record
from harness.samples.readings import Stream, stream
from harness.samples.source import Formula, Source
from harness.stats.steady import Steadiness, steadiness
from harness.stats.values import Warning

SHARE: Final = 0.8
"""Share of invocations that must be steady for a steady number to be given."""

_TIMES: Final = frozenset({"elapsed_ns", "cpu_ns"})


def judge_steadiness(
    records: Mapping[int, Record], source: Source, form: str | None
) -> tuple[frozenset[int], tuple[Warning, ...]]:
    """Numbers whose values are not steady and do not count, and the warnings that say so.

    Only rates of time over iterations have a steady state; everything else, and every invocation with fewer than
    fifteen iterations, counts as it is.
    """
    if not isinstance(source, Formula) or source.top.scope != "iteration" or source.top.name not in _TIMES:
        return frozenset(), ()
    labelled: dict[int, Steadiness] = {}
    late = 0
    for number, record in records.items():
        parsed = stream(record)
        if not isinstance(parsed, Stream):
            continue
        mine = [one for one in parsed.iterations if one.form == form]
        label = steadiness([max(1, one.elapsed_ns) for one in mine])
        if label is not None:
            labelled[number] = label
            late += label.label == "warmup" and mine[label.steady_from - 1].phase == "measured"
    unsteady = frozenset(number for number, one in labelled.items() if not one.steady)
    warnings = []
    if late:
        warnings.append(
            Warning(
                code="warmup_too_short",
                text=f"{late} of {len(labelled)} invocations still warmed up while they were measured",
                remedy="plan more warm-up iterations",
            )
        )
    if not unsteady:
        return unsteady, tuple(warnings)
    counts = Counter(one.label for one in labelled.values())
    text = ", ".join(f"{count} {label}" for label, count in sorted(counts.items()))
    if len(labelled) - len(unsteady) < SHARE * len(labelled):
        remedy = "read the time of the whole run (time.whole_run) instead"
        warnings.append(Warning(code="no_steady_state", text=f"no steady number: {text}", remedy=remedy))
        return frozenset(records), tuple(warnings)
    warnings.append(Warning(code="partly_steady", text=f"only steady invocations count: {text}"))
    return unsteady, tuple(warnings)
