from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engines.base import cpu_list, pick_cpus, root_digest
from harness.errors import EngineError


@given(st.sets(st.integers(0, 300)))
def test_cpu_list_when_spelled_out_again_then_the_same_set_in_order(cpus: set[int]) -> None:
    spelled: list[int] = []
    for part in filter(None, cpu_list(sorted(cpus)).split(",")):
        low, _, high = part.partition("-")
        spelled.extend(range(int(low), int(high or low) + 1))
    assert spelled == sorted(cpus)


def test_cpu_list_when_neighbours_then_a_range() -> None:
    assert cpu_list([4, 0, 1, 2]) == "0-2,4"


def test_pick_cpus_when_enough_then_lanes_are_disjoint() -> None:
    lanes = [pick_cpus((2, 3, 6, 7), 2, lane) for lane in range(3)]
    assert lanes == [(2, 3), (6, 7), (2, 3)]


def test_pick_cpus_when_too_few_then_engine_error_with_the_way_out() -> None:
    with pytest.raises(EngineError, match=r"asks for 4 CPUs and this host offers 2; .*cpus=2"):
        pick_cpus((0, 1), 4, 0)


def test_root_digest_when_another_checkout_then_another_value(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert root_digest(tmp_path / "a") == root_digest(tmp_path / "b" / ".." / "a")
    assert root_digest(tmp_path / "a") != root_digest(tmp_path / "b")
