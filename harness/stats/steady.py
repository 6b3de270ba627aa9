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

Label = Literal["flat", "warmup", "slowdown", "unsteady"]

FEWEST: Final = 15
"""Iterations below which no label is given."""

PENALTY: Final = 15.0
"""Cost of a change point in units of ln n · noise², as Barrett et al. chose it: one too few beats one too many."""

TOLERANCE: Final = 0.01
"""Segments whose means differ by less than 1 % are the same state, however clearly they are told apart."""

OUTLIER: Final = 6.0
"""An iteration so many noise levels from the median of the five around it is a blip, not a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """The label, the first index of every later segment, and the index from which the last state holds.

    ``flat``: one state. ``warmup``: the last state is the fastest, or as fast as it. ``slowdown``: an earlier one was
    faster. ``unsteady``: the last state lasts less than a quarter of the series, so none was reached.
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
    apart = [abs(mean - last) > math.log1p(TOLERANCE) for mean in means]
    steady_segment = max((index + 1 for index, differs in enumerate(apart) if differs), default=0)
    steady_from = bounds[steady_segment]
    label: Label = "warmup"
    if not any(apart):
        label = "flat"
    elif len(smooth) - steady_from < len(smooth) / 4:
        label = "unsteady"
    elif any(differs and mean < last for mean, differs in zip(means, apart, strict=True)):
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
    of two has √2 times the noise of one. Identical times have the noise of a clock that cannot tell them apart: a
    millionth.
    """
    steps = [abs(after - before) for before, after in pairwise(logs)]
    return max(1.4826 * statistics.median(steps) / math.sqrt(2), 1e-6)


def _without_blips(logs: Sequence[float], noise: float) -> list[float]:
    """Single far-off iterations replaced by the median around them (Hampel's filter); the ends stay as they are."""
    smooth = list(logs)
    for index in range(2, len(logs) - 2):
        around = statistics.median(logs[index - 2 : index + 3])
        if abs(logs[index] - around) > OUTLIER * noise:
            smooth[index] = around
    return smooth
