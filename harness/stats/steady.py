"""Whether the iterations of one process reached a steady state: change points, then one of four labels.

After Barrett, Bolz-Tereick, Killick, Mount and Tratt, "Virtual Machine Warmup Blows Hot and Cold" (OOPSLA 2017), with a
cost suited to short series: changes of the mean of logarithms against a noise level read from successive differences.
Series below fifteen iterations get no label; no iteration is ever removed from a result here.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from harness.stats.paired import EQUIVALENT

Label = Literal["flat", "warmup", "slowdown", "unsteady"]

FEWEST: Final = 15
"""Iterations below which no label is given."""

PENALTY: Final = 15.0
"""Cost of a change point in units of ln n · noise², as Barrett et al. chose it: one too few beats one too many."""

TOLERANCE: Final = math.log(EQUIVALENT)
"""Segments closer than what counts as no difference anywhere else are one state, however clearly they are told apart.

Barrett et al. use 1 ms on iterations of about a second; on a shared machine and on shorter iterations such a band is
all noise: the frequency of a CPU alone moves a whole stretch of them.
"""

STATE: Final = 3
"""Iterations that a state takes: what is shorter is a blip, and at the start a beginning."""

LEAST_NOISE: Final = TOLERANCE / 10
"""Noise that is assumed even of times that repeat to the digit, or every digit that does not would be a change."""

OUTLIER: Final = 6.0
"""An iteration so many noise levels from the median of the five around it is a blip, not a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """The label, the first index of every later segment, and the index from which the last state holds.

    ``flat``: one state. ``warmup``: no earlier state was faster than the last. ``slowdown``: an earlier one was.
    ``unsteady``: the last state lasts less than a quarter of the series, so none was reached.
    """

    label: Label
    changes: tuple[int, ...]
    steady_from: int

    @property
    def steady(self) -> bool:
        """Whether the process ended in a state worth calling its speed: flat or warmed up."""
        return self.label in ("flat", "warmup")


def steadiness(times: Sequence[float]) -> Steadiness | None:
    """The label of one process's iteration times (positive, any unit), in order; None below :data:`FEWEST`."""
    if len(times) < FEWEST:
        return None
    logs = [math.log(time) for time in times]
    noise = _noise(logs)
    smooth = _without_blips(logs, noise)
    changes = change_points(smooth, penalty=PENALTY * math.log(len(smooth)) * noise**2)
    bounds = (0, *changes, len(smooth))
    means = [statistics.fmean(smooth[a:b]) for a, b in pairwise(bounds)]
    last = means[-1]
    apart = [abs(mean - last) > TOLERANCE for mean in means]
    steady_segment = max((index + 1 for index, differs in enumerate(apart) if differs), default=0)
    steady_from = bounds[steady_segment]
    label: Label = "warmup"
    if not any(apart):
        label = "flat"
    elif len(smooth) - steady_from < len(smooth) / 4:
        label = "unsteady"
    elif any(
        differs and mean < last and b - a >= STATE
        for mean, differs, (a, b) in zip(means, apart, pairwise(bounds), strict=True)
    ):
        label = "slowdown"
    return Steadiness(label=label, changes=changes, steady_from=steady_from)


def change_points(values: Sequence[float], *, penalty: float) -> tuple[int, ...]:
    """First indices of the segments after the first, minimising squared error within segments + ``penalty`` per change.

    Exact optimal partitioning, O(n²) (Jackson et al. 2005). With equal costs the fewest changes win.
    """
    sums, squares = [0.0], [0.0]
    centre = statistics.fmean(values)
    for value in values:
        sums.append(sums[-1] + (value - centre))
        squares.append(squares[-1] + (value - centre) ** 2)

    def error(a: int, b: int) -> float:
        return max(0.0, squares[b] - squares[a] - (sums[b] - sums[a]) ** 2 / (b - a))

    best: list[tuple[float, int]] = [(-penalty, 0)]
    starts = [0]
    for end in range(1, len(values) + 1):
        cost, changes, start = min((best[a][0] + error(a, end) + penalty, best[a][1] + (a > 0), a) for a in range(end))
        best.append((cost, changes))
        starts.append(start)
    found: list[int] = []
    end = starts[len(values)]
    while end > 0:
        found.append(end)
        end = starts[end]
    return tuple(reversed(found))


def _noise(logs: Sequence[float]) -> float:
    """Standard deviation of one iteration, from the median absolute successive difference, which steps hardly move.

    1.4826 makes the median absolute deviation of a normal a standard deviation (Rousseeuw, Croux 1993); a difference
    of two has √2 times the noise of one.
    """
    steps = [abs(after - before) for before, after in pairwise(logs)]
    return max(1.4826 * statistics.median(steps) / math.sqrt(2), LEAST_NOISE)


def _without_blips(logs: Sequence[float], noise: float) -> list[float]:
    """Far-off iterations that are no state replaced by the median of the five around them (Hampel's filter).

    At the end the last five serve; the first two iterations stay as they are, because beginnings are what is looked
    for.
    """
    smooth = list(logs)
    for index in range(2, len(logs)):
        first = min(index - 2, len(logs) - 5)
        around = statistics.median(logs[first : first + 5])
        if abs(logs[index] - around) > OUTLIER * noise:
            smooth[index] = around
    return smooth
