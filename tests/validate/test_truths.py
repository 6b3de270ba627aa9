"""The whole table, fast, on real programs: every known truth comes back."""

import time

import pytest

from harness.validate.truths import ROWS
from tests.validate.conftest import Validate

SECONDS = 300.0
"""What the fast form may take on two noisy CPUs; programs are built before."""


@pytest.mark.slow
def test_validate_when_nothing_is_broken_then_every_truth_comes_back_in_time(validate: Validate) -> None:
    validate("--fast", "--only", "statistics")  # builds what there is to build
    began = time.monotonic()
    found = validate("--fast")
    took = time.monotonic() - began
    assert found.code == 0, found.said
    assert found.checks.keys() == {one.id for one in ROWS}
    assert took < SECONDS
    assert sum(one["seconds"] for one in found.checks.values()) <= took
