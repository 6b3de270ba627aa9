"""The containers that the conformance tests use: one per image, confined, and gone when the session is."""

import subprocess
from typing import Any

import pytest

from harness.engines.base_image import BASE_IMAGE
from tests.conformance.containers import Containers

pytestmark = pytest.mark.docker


def _exists(container: str) -> bool:
    return subprocess.run(["docker", "inspect", container], capture_output=True, check=False).returncode == 0


def test_containers_when_entered_twice_then_it_is_one_and_it_is_removed_at_the_end(client: Any) -> None:
    del client  # its presence is what is needed
    with Containers() as containers:
        prefix = containers.enter(BASE_IMAGE, ())
        assert containers.enter(BASE_IMAGE, ()) == prefix
        (container,) = containers.running.values()
        assert _exists(container)
    assert not _exists(container)


def test_containers_when_inside_then_there_is_no_network_and_no_capability(client: Any) -> None:
    del client
    with Containers() as containers:
        prefix = containers.enter(BASE_IMAGE, ())
        seen = subprocess.run(
            [*prefix, "cat", "/proc/net/dev", "/proc/self/status"], capture_output=True, text=True, check=True
        )
    assert [line.split(":")[0].strip() for line in seen.stdout.splitlines()[2:3]] == ["lo"]
    assert "eth0" not in seen.stdout
    assert "CapEff:\t0000000000000000" in seen.stdout
