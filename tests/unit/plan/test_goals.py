import math

import pytest

from harness.plan.goals import FIRST_STAGE, LEVEL, Fixed, Precision
from harness.stats.power import second_stage


def test_needed_when_spreads_differ_then_the_widest_contrast_decides() -> None:
    goal = Precision(width=0.05)
    alone = second_stage(0.2, first_stage=10, width=math.log1p(0.05), level=LEVEL)
    assert goal.needed([(0.01, 10), (0.2, 10), (0.1, 10)]) == alone > FIRST_STAGE


@pytest.mark.parametrize("spreads", [[], [(0.0001, 10)], [(0.3, 1)]])
def test_needed_when_the_first_stage_suffices_or_says_nothing_then_it_is_all(spreads: list[tuple[float, int]]) -> None:
    assert Precision(width=0.05).needed(spreads) == FIRST_STAGE


def test_needed_when_values_are_missing_then_the_fewer_degrees_ask_for_more_blocks() -> None:
    goal = Precision(width=0.05)
    assert goal.needed([(0.1, 4)]) > goal.needed([(0.1, 10)])


def test_least_when_asked_then_is_what_runs_in_any_case() -> None:
    assert (Fixed(blocks=7).least, Precision(width=0.1, first_stage=6).least) == (7, 6)
