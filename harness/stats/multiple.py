"""Many questions at once: the level each claim may use so that wrong answers stay rare over all of them.

Within a claim the p values of its contrasts become one by the claim's quantifier; over claims Holm's procedure hands
out levels. A claim's decision and its printed interval both use the level handed out here.
"""

from collections.abc import Mapping, Sequence


def levels(p: Mapping[str, float], *, alpha: float) -> Mapping[str, float]:
    """The level of each claim, by Holm's step-down procedure (Holm 1979).

    Sorted by p, the claims get alpha/K, alpha/(K - 1), … up to the first whose p is above its level; all later ones
    share that level. Deciding each claim at its level keeps the chance of any wrong decision at ``alpha``, whatever
    the dependence. ValueError for a p outside 0..1.
    """
    _check(list(p.values()))
    shared: float | None = None
    result = {}
    for index, name in enumerate(sorted(p, key=lambda name: (p[name], name))):
        level = alpha / (len(p) - index) if shared is None else shared
        if shared is None and p[name] > level:
            shared = level
        result[name] = level
    return {name: result[name] for name in p}


def every(p: Sequence[float]) -> float:
    """The p of "not all hold": the largest (intersection-union test, Berger 1982). ValueError for none."""
    return at_least(p, len(p))


def exists(p: Sequence[float]) -> float:
    """The p of "none holds": K times the smallest (Bonferroni). ValueError for none."""
    return at_least(p, 1)


def at_least(p: Sequence[float], required: int) -> float:
    """The p of "fewer than ``required`` of K hold": (K - r + 1) times the r-th smallest, at most 1.

    Bonferroni's partial conjunction (Benjamini and Heller 2008). ValueError for none, or for a number outside 1..K.
    """
    _check(p)
    if not 1 <= required <= len(p):
        raise ValueError(f"at least {required} of {len(p)} is no question")
    return min(1.0, (len(p) - required + 1) * sorted(p)[required - 1])


def adjusted(p: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p values, smallest first: the r-th is the least level at which r of K are found (Holm 1979).

    How many lie at or below a level is a lower bound for the number of hypotheses that are false, right at that level
    whatever the dependence. ValueError for a p outside 0..1.
    """
    _check(p)
    found: list[float] = []
    for index, value in enumerate(sorted(p)):
        found.append(min(1.0, max((len(p) - index) * value, found[-1] if found else 0.0)))
    return tuple(found)


def _check(p: Sequence[float]) -> None:
    for value in p:
        if not 0 <= value <= 1:
            raise ValueError(f"{value} is not a probability")
