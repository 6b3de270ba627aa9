"""What each tier of metric may do before the gate calls it a regression.

Tier 0 is validity (does the program still run and agree with itself), tier 1 exact counts. Tiers 2 and 3, low-noise
and timing metrics, need paired runs of base and head and are never decided against a committed baseline.
"""

from collections.abc import Mapping
from typing import Final

VALIDITY: Final = 0
EXACT: Final = 1

NAMES: Final[Mapping[int, str]] = {VALIDITY: "validity", EXACT: "exact"}

SHARE: Final = 0.005
"""An exact total may grow by 0.5 %."""

SLACK: Final[Mapping[str, int]] = {"bytes": 4096, "count": 8}
"""By unit: growth that is never a regression, because runtimes allocate a few objects of their own while counted."""


def allowed_growth(total: int, unit: str) -> float:
    """How far an exact ``total`` of one invocation may grow, in its unit: the larger of 0.5 % and the unit's slack."""
    return max(SHARE * total, SLACK.get(unit, 0))
