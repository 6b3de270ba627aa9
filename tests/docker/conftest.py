"""What Docker tests share: a tiny image with the fake worker, and a private daemon that may be killed.

The image holds this host's shell and four tools with their libraries, so it needs no registry, compiler or toolchain
image; it is a few megabytes and imported in a fraction of a second.
"""

import io
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest

from harness.engines.base import LABEL, ImageRef
from harness.engines.docker import DockerEngine, connect
from harness.errors import EngineUnavailable
from harness.store import runs
from tests.fakes import running, values

TOOLS = ("sh", "dd", "yes", "sleep", "cat", "id", "mkdir")
BUILD = values.invocation().build
UP_SECONDS = 30.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.docker)


def rootfs() -> bytes:
    """The image's files as a tar: the worker, a shell, its tools, and the libraries that they name."""
    wanted = {f"/bin/{tool}": Path(shutil.which(tool) or "").resolve() for tool in TOOLS}
    for path in tuple(wanted.values()):
        said = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=True).stdout
        wanted |= {name: Path(name).resolve() for name in re.findall(r"(/\S+)", said)}
    wanted["/worker"] = running.WORKER
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        parents = {str(parent).lstrip("/") for name in wanted for parent in Path(name).parents}
        for folder in (".", "out", *sorted(parents - {""})):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, path in wanted.items():
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode = path.stat().st_size, 0o755
            with path.open("rb") as file:
                tar.addfile(entry, file)
    return content.getvalue()


def import_worker(client: docker.DockerClient) -> str:
    """The image's id, imported under a name of its own."""
    name = f"memverdict-test:{os.getpid()}"
    repository, _, tag = name.partition(":")
    api: Any = client.api
    api.import_image_from_data(rootfs(), repository=repository, tag=tag, changes=[f"LABEL {LABEL}=1"])
    return str(api.inspect_image(name)["Id"])


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """The user's daemon."""
    found = connect()
    yield found
    found.close()


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> Iterator[str]:
    """The fake worker's image on the user's daemon, removed afterwards."""
    made = import_worker(client)
    yield made
    with suppress(docker.errors.ImageNotFound):
        client.api.remove_image(made, force=True)


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A root label that no other test and no real run has."""
    return f"test-{tmp_path.name}-{os.getpid()}"


@pytest.fixture
def engine(client: docker.DockerClient, image: str, root: str) -> Iterator[DockerEngine]:
    """The engine on the user's daemon; whatever of its root is left is removed."""
    made = DockerEngine(client, {BUILD: ImageRef(image_id=image, path="/worker")}, root=root)
    yield made
    made.sweep(lambda run: False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[runs.Run]:
    made = running.create(tmp_path)
    yield made
    made.close()


def runs_still(pid: str) -> bool:
    """Whether a process does anything yet: one that ended and that nobody has reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Daemon:
    """A daemon of our own that may be killed: own socket, folders, pid file and network namespace, no bridge."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder / 'docker.sock'}"

    def start(self) -> None:
        """Start it and wait until it answers; what a killed one left is cleared, and it is given time to go."""
        folder = self._folder
        deadline = time.monotonic() + UP_SECONDS
        while True:
            self._clear_stale()
            with (folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [
                        "unshare", "--net", "dockerd", "--live-restore", "--bridge=none", "--iptables=false",
                        f"--host={self.url}", f"--data-root={folder / 'data'}", f"--exec-root={folder / 'exec'}",
                        f"--pidfile={folder / 'docker.pid'}", "--storage-driver=vfs",
                    ],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
            if self._answers(deadline):
                return
            tail = (folder / "log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, f"the private daemon does not start:\n{tail}"

    def _answers(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                return False
            with suppress(EngineUnavailable):
                connect(self.url).close()
                return True
            time.sleep(0.1)
        return False

    def _clear_stale(self) -> None:
        for pid_file in (self._folder / "docker.pid", *self._folder.glob("exec/containerd/*.pid")):
            if pid_file.exists() and not runs_still(pid_file.read_text().strip()):
                pid_file.unlink()

    def kill(self) -> None:
        """End the daemon as kill -9 does; what it started goes on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """Remove its containers, end it and everything of it by the folders on their command lines."""
        with suppress(EngineUnavailable):
            client = connect(self.url)
            for container in client.api.containers(all=True):
                client.api.remove_container(container["Id"], force=True)
            client.close()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
        for pid in self._ours():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._unmount()

    def _ours(self) -> list[int]:
        mark = str(self._folder).encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if mark in path.read_bytes() and int(path.parent.name) != os.getpid():
                    found.append(int(path.parent.name))
        return found

    def _unmount(self) -> None:
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in sorted((one for one in mounts if one.startswith(str(self._folder))), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = Daemon(tmp_path_factory.mktemp("daemon"))
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.fixture
def private(daemon: Daemon, root: str) -> Iterator[Callable[[], DockerEngine]]:
    """Makes engines on the private daemon, which is up when the test begins."""
    client = connect(daemon.url)
    made = import_worker(client)
    clients: list[Any] = [client]

    def engine() -> DockerEngine:
        clients.append(connect(daemon.url))
        images = {BUILD: ImageRef(image_id=made, path="/worker")}
        return DockerEngine(clients[-1], images, root=root, patience=UP_SECONDS)

    yield engine
    for one in clients:
        one.close()
