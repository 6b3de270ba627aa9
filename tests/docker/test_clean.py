import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.engines.base import ROOT_LABEL, Place
from harness.engines.docker import DockerEngine, Removed, connect, remove_ours
from harness.errors import EngineUnavailable
from tests.docker.conftest import Daemon
from tests.fakes import values


def empty_image() -> bytes:
    """An image's files: none, so that it shares no layer with the worker's."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w"):
        pass
    return content.getvalue()


def test_remove_ours_when_there_is_more_then_only_this_roots_containers_and_our_images_go(
    private: Callable[[], DockerEngine], daemon: Daemon, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", daemon.url)
    client = connect()
    client.api.import_image_from_data(empty_image(), repository="somebody-elses", tag="1")
    session = private().start(values.invocation(variant="never_ready"), Place(run="r", out=tmp_path, cpuset=(0,)))
    theirs = client.api.create_container("somebody-elses:1", ["/bin/sh"], labels={ROOT_LABEL: root})["Id"]
    others = client.api.create_container(
        "somebody-elses:1", ["/bin/sh"], labels={"memverdict": "1", ROOT_LABEL: "another-checkout"}
    )["Id"]
    try:
        removed = remove_ours(root)
        left = {one["Id"] for one in client.api.containers(all=True)}
        images = {name for one in client.api.images() for name in one["RepoTags"] or ()}
    finally:
        session.kill()
        session.close()
        client.close()
    assert (removed.containers, removed.images) == (1, 1)
    assert removed.freed_bytes > 0
    assert left == {theirs, others}, "without our label, or of another root, a container is not ours"
    assert images == {"somebody-elses:1"}


def test_remove_ours_when_an_image_is_in_use_elsewhere_then_it_stays(
    private: Callable[[], DockerEngine], daemon: Daemon, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", daemon.url)
    session = private().start(values.invocation(variant="never_ready"), Place(run="r", out=tmp_path, cpuset=(0,)))
    try:
        removed = remove_ours(f"{root}-another")
        assert session.pid() is not None, "it still runs"
    finally:
        session.kill()
        assert session.close() is None
    assert removed == Removed(containers=0, images=0, freed_bytes=0)


def test_remove_ours_when_no_daemon_answers_then_engine_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'none.sock'}")
    with pytest.raises(EngineUnavailable):
        remove_ours("any")
