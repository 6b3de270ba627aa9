"""Looking for a daemon that is not there; what needs a real one is tested in ``tests/docker``."""

import os
from pathlib import Path

import pytest

from harness.engines.docker import connect
from harness.errors import EngineUnavailable


def open_sockets() -> int:
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - one of them is gone
    return sum(os.readlink(link).startswith("socket:") for link in links if link.is_symlink())  # noqa: PTH115


def test_connect_when_nobody_listens_then_no_socket_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'none.sock'}")
    before = open_sockets()
    # The error is still held when sockets are counted, and with it whatever its frames hold.
    with pytest.raises(EngineUnavailable, match=r"no Docker daemon answers") as held:
        connect()
    assert (open_sockets(), held.type) == (before, EngineUnavailable)
