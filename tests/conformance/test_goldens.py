"""The goldens in the workloads' files are what the models say, for every variant and size, with nothing left over.

Size ``full`` is computed again nightly: no program runs here, and its models take the longest of all.
"""

import pytest

from harness.catalog.golden import from_model
from harness.catalog.model import Golden, Size
from tests.conformance.cases import MODELS
from tests.conformance.programs import ROOT, WORKLOADS


def test_workloads_when_listed_then_each_has_a_model_and_no_model_is_left_over() -> None:
    files = {path.stem for path in (ROOT / "tests/models").glob("*.py")} - {"__init__", "base"}
    assert files == set(WORKLOADS) == set(MODELS)


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
@pytest.mark.parametrize("size", ["smoke", "quick", pytest.param("full", marks=pytest.mark.nightly)])
def test_goldens_when_model_is_run_again_then_they_are_the_same(workload: str, size: Size) -> None:
    class OfOneSize:
        GOLDEN_SEED: int = MODELS[workload].GOLDEN_SEED
        GOLDEN_SIZES: tuple[Size, ...] = (size,)
        run = staticmethod(MODELS[workload].run)

    def key(golden: Golden) -> str:
        return golden.variant

    stored = [one for one in WORKLOADS[workload].goldens if one.size == size]
    assert sorted(stored, key=key) == sorted(from_model(WORKLOADS[workload], OfOneSize()), key=key)
