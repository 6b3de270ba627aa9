from contextlib import closing
from pathlib import Path

import pytest

from harness.engines.cgroup import Hierarchy
from harness.execute import instruments
from harness.execute.curve import Sampled, Sampler
from harness.execute.instruments import Instruments
from harness.protocol.record import Curve

V1 = Hierarchy(mounts={"memory": (Path("/m"), "/")})
V2 = Hierarchy(mounts={"": (Path("/c"), "/")})


@pytest.mark.parametrize(
    ("spare", "mounts", "counted"),
    [(True, V1, 0), (False, V1, 70), (True, V2, 70), (False, V2, 70)],
    ids=["v1 spare", "v1 shared", "v2 spare", "v2 shared"],
)
def test_finish_when_the_sampler_ran_then_its_time_counts_where_the_machines_figure_holds_it(
    monkeypatch: pytest.MonkeyPatch, spare: bool, mounts: Hierarchy, counted: int
) -> None:
    curve = Curve(asked_hz=40, cpus=(1,), spare=spare, samples=((1, 2),))
    monkeypatch.setattr(Sampler, "finish", lambda self: Sampled(curve=curve, cpu_ns=70))
    monkeypatch.setattr(instruments, "hierarchy", lambda: mounts)
    with closing(Instruments("memory", (0,), lambda pid: None)) as beside:
        seen = beside.finish()
    assert (seen.curve, seen.cpu_ns) == (curve, counted)
