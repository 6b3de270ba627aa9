import math
import random
from collections.abc import Mapping, Sequence

import pytest

from harness.stats import crossing, paired
from harness.stats.values import Comparison

SIZES = (8, 64, 512, 4096)


def compared(
    ratios: Mapping[int, Sequence[float]], *, level: float = 0.05, floor: float = 0.0
) -> dict[int, Comparison]:
    """A comparison per position from its blocks' ratios."""
    return {
        position: paired.from_differences(
            {block: math.log(one) for block, one in enumerate(values)},
            "ratio", subject="value", baseline="pointer", unit="ns", level=level, floor=floor,
        )
        for position, values in ratios.items()
    }  # fmt: skip


def curve(
    middles: Sequence[float], *, noise: float, seed: str = "", blocks: int = 7, level: float = 0.05
) -> crossing.Curve:
    rng = random.Random(seed)
    ratios = {
        position: [middle * rng.lognormvariate(0, noise) for _ in range(blocks)]
        for position, middle in zip(SIZES, middles, strict=True)
    }
    return crossing.curve(compared(ratios, level=level), level=level, first_stage=None)


def test_crossing_when_nothing_varies_then_is_where_the_line_through_the_logarithms_crosses() -> None:
    found = curve([1.0, 1.0, 1.2**2, 1.5], noise=0.0).crossing(1.2)
    assert found.point == pytest.approx(math.sqrt(64 * 512))
    assert [found.low, found.high] == pytest.approx([found.point, found.point])


def test_crossing_when_blocks_vary_then_the_interval_ends_where_the_comparisons_do() -> None:
    line = curve([0.9, 1.0, 1.4, 2.0], noise=0.05)
    found = line.crossing(1.2)
    assert found.low is not None
    assert found.high is not None
    assert 64 < found.low < found.point < found.high < 512
    assert paired.interval(line.at(found.high))[0] == pytest.approx(math.log(1.2))
    assert paired.interval(line.at(found.low))[1] == pytest.approx(math.log(1.2))


@pytest.mark.parametrize(("middles", "end"), [([2.0, 2.0, 2.0, 2.0], 8), ([1.0, 1.0, 1.0, 1.1], 4096)])
def test_crossing_when_it_lies_beyond_the_positions_then_is_at_their_end(middles: Sequence[float], end: int) -> None:
    found = curve(middles, noise=0.01).crossing(1.2)
    assert (found.point, found.low, found.high) == (end, end, end)


def test_crossing_when_an_end_is_not_told_from_the_threshold_then_the_interval_reaches_it() -> None:
    found = curve([1.2, 1.2, 1.2, 1.2], noise=0.1, level=0.001).crossing(1.2)
    assert (found.low, found.high) == (8, 4096)


def test_crossing_when_the_ratio_falls_back_then_counts_from_where_it_stays_above() -> None:
    found = curve([1.5, 1.0, 1.5, 1.5], noise=0.01).crossing(1.2)
    assert 64 < found.point < 512
    assert found.low == 8  # it was above there already: nothing says up to where it lies below


def test_crossing_when_there_is_one_block_then_has_no_interval() -> None:
    found = curve([1.0, 1.0, 2.0, 2.0], noise=0.0, blocks=1).crossing(1.2)
    assert 64 < found.point < 512
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize("place", [70.0, 130.0, 300.0, 512.0, 600.0, 3000.0])
@pytest.mark.parametrize("middles", [[0.9, 1.0, 1.4, 2.0], [1.3, 1.0, 1.4, 1.25]])
def test_p_when_below_a_level_then_the_interval_at_that_level_lies_on_that_side(
    place: float, middles: Sequence[float]
) -> None:
    for seed in range(4):
        line = curve(middles, noise=0.1, seed=str(seed))
        p = {below: line.p(1.2, place, below=below) for below in (True, False)}
        for level in (0.001, 0.05, 0.3):
            found = curve(middles, noise=0.1, seed=str(seed), level=level).crossing(1.2)
            assert found.low is not None
            assert found.high is not None
            assert (p[True] < level) is (found.high < place)
            assert (p[False] < level) is (found.low > place)


def test_crossing_when_data_is_drawn_then_each_end_is_wrong_in_half_the_level_at_most() -> None:
    truth = math.sqrt(64 * 512)
    middles = [1.0, 1.2 / 1.1, 1.2 * 1.1, 2.0]
    runs = 400
    found = [curve(middles, noise=0.15, seed=f"drawn {number}").crossing(1.2) for number in range(runs)]
    too_high = sum(one.low is not None and one.low > truth for one in found)
    too_low = sum(one.high is not None and one.high < truth for one in found)
    assert max(too_high, too_low) / runs <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / runs)
    assert min(too_high, too_low) > 0  # an interval that is never wrong would be too wide


def test_curve_when_positions_lack_blocks_then_goes_through_those_that_all_hold() -> None:
    sides = compared({8: [1.0, 1.0, 1.0], 64: [2.0, 2.0, 8.0]})
    del_last = {8: sides[8], 64: compared({64: [2.0, 2.0]})[64]}
    assert crossing.curve(del_last, level=0.05, first_stage=None).at(8).estimate.blocks == 2
    with pytest.raises(ValueError, match="two or more"):
        crossing.curve({8: sides[8]}, level=0.05, first_stage=None)


def test_curve_when_blocks_came_in_two_stages_then_the_spread_is_the_firsts() -> None:
    wide = {8: [1.0, 1.1, 0.9, 1.0, 1.0, 1.0], 64: [2.0, 2.2, 1.8, 2.0, 2.0, 2.0]}
    staged = crossing.curve(compared(wide), level=0.05, first_stage=3).at(64)
    plain = crossing.curve(compared(wide), level=0.05, first_stage=None).at(64)
    assert (staged.degrees, plain.degrees) == (2, 5)
    assert staged.spread != plain.spread


def test_at_when_the_clock_is_coarse_then_the_spread_is_not_below_its_steps() -> None:
    line = crossing.curve(compared({8: [1.0] * 5, 64: [2.0] * 5}, floor=0.1), level=0.05, first_stage=None)
    assert line.at(64).spread == pytest.approx(0.1)
    assert line.at(math.sqrt(8 * 64)).spread == pytest.approx(math.hypot(0.05, 0.05))


def test_at_when_outside_the_positions_then_refuses() -> None:
    with pytest.raises(ValueError, match="not among"):
        curve([1.0, 1.0, 1.0, 1.0], noise=0.0).at(5000)
