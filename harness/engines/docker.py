"""Workers in containers, through the docker SDK: the only module that imports it.

Every invocation gets a fresh container: no network, read-only root, capabilities dropped, no new privileges, an
unprivileged user, limits on memory (swap included), CPUs (a set, not a quota) and processes. The stream is attached
before the start and nothing is logged by the daemon. Only containers with our labels are ever touched.
"""

import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import docker
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from harness.catalog.model import Build, Invocation
from harness.engines.base import (
    INVOCATION_LABEL,
    LABEL,
    ROOT_LABEL,
    RUN_LABEL,
    Chunk,
    Exit,
    ImageRef,
    Place,
    Session,
    cpu_list,
    environment_of,
)
from harness.engines.cgroup import Cgroup
from harness.errors import EngineError, EngineUnavailable

CALL_SECONDS: Final = 20
"""How long one call to the daemon may take before it counts as failed."""

DEFAULT_URL: Final = "unix:///var/run/docker.sock"
USER: Final = "65532:65532"
OUT: Final = "/out"
PIDS: Final = 512
_HEADER: Final = struct.Struct(">BxxxL")
_POLL_SECONDS: Final = 0.005
_AGAIN_SECONDS: Final = 0.25
_LET_GO_SECONDS: Final = 2.0
"""A container that still runs so long after its streams ended has lost them, as when the daemon was restarted."""

_OOM_TOLD_SECONDS: Final = 0.5
"""A daemon tells of the exit and of the kill for memory in two events: after a SIGKILL the second is waited for."""

_ERRORS: Final = (DockerException, RequestException, OSError)


def connect(base_url: str | None = None) -> docker.DockerClient:
    """A client whose daemon answers; EngineUnavailable says why there is none."""
    try:
        _knock(base_url or os.environ.get("DOCKER_HOST") or DEFAULT_URL)
        client = docker.DockerClient(base_url=base_url, timeout=CALL_SECONDS) if base_url else docker.from_env(
            timeout=CALL_SECONDS
        )  # fmt: skip
        client.ping()
    except (DockerException, RequestException, OSError) as error:
        raise EngineUnavailable(
            f"no Docker daemon answers ({error}); `make setup` starts one, `--engine local` does without"
        ) from error
    return client


def _knock(url: str) -> None:
    """OSError where nobody listens on a unix socket: the SDK would leave the socket it tried it with open."""
    if url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(CALL_SECONDS)
            door.connect(url.removeprefix("unix://"))


def builder(seconds: int) -> Any:
    """The low-level client for builds and imports, whose calls may take ``seconds``; EngineUnavailable as above.

    Untyped on purpose: those who build describe by protocols what they use of it.
    """
    api = connect().api
    api.timeout = seconds
    return api


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What :func:`remove_ours` took away; ``freed_bytes`` counts layers that images share once."""

    containers: int
    images: int
    freed_bytes: int


def remove_ours(root: str) -> Removed:
    """Remove this root's containers and every image with our label; nothing else is touched, and nothing pruned.

    EngineUnavailable where no daemon answers; an image that another checkout's container uses stays.
    """
    api = connect().api
    containers = api.containers(all=True, filters={"label": [f"{LABEL}=1", f"{ROOT_LABEL}={root}"]})
    for container in containers:
        with suppress(NotFound):
            api.remove_container(container["Id"], force=True, v=True)
    before = int(api.df()["LayersSize"])
    removed = 0
    for image in api.images(filters={"label": f"{LABEL}=1"}):
        for name in image["RepoTags"] or [image["Id"]]:
            with suppress(APIError):
                api.remove_image(name)
                removed += 1
    return Removed(containers=len(containers), images=removed, freed_bytes=before - int(api.df()["LayersSize"]))


class DockerEngine:
    """Starts workers from images; ``images`` says where each build lies, ``root`` whose containers are ours.

    ``patience`` is how many seconds a daemon that went away may take to come back before a start fails.
    """

    def __init__(
        self, client: docker.DockerClient, images: Mapping[Build, ImageRef], *, root: str, patience: float = 30.0
    ) -> None:
        self._api = client.api
        self._images = images
        self._root = root
        self._patience = patience
        self._left: list[str] = []

    @property
    def name(self) -> str:
        """What records call it."""
        return "docker"

    def cpus(self) -> tuple[int, ...]:
        """The CPUs that workers can be pinned to."""
        return tuple(sorted(os.sched_getaffinity(0)))

    def sweep(self, alive: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove containers of this root whose run has ended; gives their names."""
        removed = []
        labels = [f"{LABEL}=1", f"{ROOT_LABEL}={self._root}", RUN_LABEL]
        try:
            for container in self._api.containers(all=True, filters={"label": labels}):
                if not alive(container["Labels"][RUN_LABEL]):
                    _remove(self._api, container["Id"])
                    removed.append(str((container.get("Names") or [container["Id"][:12]])[0]).lstrip("/"))
        except _ERRORS as error:
            raise EngineError(f"containers of ended runs cannot be removed: {error}") from error
        return tuple(removed)

    def start(self, invocation: Invocation, place: Place) -> Session:
        """A fresh container, attached and started; EngineError when the daemon refuses or does not come back."""
        try:
            self._await_daemon()
            try:
                return self._start(invocation, place)
            except APIError:
                raise  # a daemon that answers means what it says
            except _ERRORS:
                self._await_daemon()
                return self._start(invocation, place)
        except _ERRORS as error:
            raise EngineError(f"{invocation.id}: the container does not start: {error}") from error

    def _start(self, invocation: Invocation, place: Place) -> Session:
        image = self._images[invocation.build]
        container = self._create(invocation, place, image)
        with ExitStack() as undo:  # for Ctrl-C too: a container that nobody holds would stay
            undo.callback(self._forget, container)
            stream = self._api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            session = DockerSession(self._api, container, stream, image.image_id, left=self._left)
            undo.callback(session.let_go)
            self._api.start(container)
            undo.pop_all()
        return session

    def _forget(self, container: str) -> None:
        try:
            _remove(self._api, container)
        except _ERRORS:
            self._left.append(container)

    def _await_daemon(self) -> None:
        """Wait for a daemon that is being restarted, then remove what could not be removed while it was away."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                self._api.ping()
                break
            except _ERRORS:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_AGAIN_SECONDS)
        while self._left:
            _remove(self._api, self._left[-1])
            self._left.pop()

    def _create(self, invocation: Invocation, place: Place, image: ImageRef) -> str:
        memory = invocation.cell.limits.memory
        host = self._api.create_host_config(
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=PIDS,
            cpuset_cpus=cpu_list(place.cpuset),
            log_config=docker.types.LogConfig(type="none"),
            binds={str(place.out.resolve()): {"bind": OUT, "mode": "rw"}},
            mem_limit=memory,
            memswap_limit=memory,
        )
        created = self._api.create_container(
            image.image_id,
            command=[image.program(invocation.layout), *invocation.command[1:]],
            entrypoint=[],
            user=USER,
            working_dir=OUT,
            environment=environment_of(invocation),
            # Not detached: only then does the daemon close stdin with the harness, and no worker waits for ever.
            stdin_open=True,
            labels={
                LABEL: "1",
                ROOT_LABEL: self._root,
                RUN_LABEL: place.run,
                INVOCATION_LABEL: invocation.id,
            },
            host_config=host,
        )
        return str(created["Id"])


class DockerSession:
    """One attached container; what cannot be removed now is added to ``left``."""

    def __init__(self, api: Any, container: str, stream: Any, image: str | None, *, left: list[str]) -> None:
        self._api = api
        self._container = container
        self._stream = stream  # held, because closing it closes the socket inside
        self._socket = _socket_of(stream)
        self._image = image
        self._left = left
        self._pending = b""
        self._killed = False
        self._exit: Exit | None = None
        self._let_go: float | None = None
        self._closed = False

    @property
    def image(self) -> str | None:
        """The image's id."""
        return self._image

    def receive(self, seconds: float) -> Chunk | None:
        """The next frame's bytes."""
        while True:
            frame = self._frame()
            if frame is not None:
                return frame
            self._socket.settimeout(seconds)
            try:
                received = self._socket.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError:
                received = b""
            if not received:
                self._let_go = time.monotonic()
                return Chunk(closed=True)
            self._pending += received

    def send(self, data: bytes) -> bool:
        """Write to the worker's stdin."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def pid(self) -> int | None:
        """The worker's process on the host."""
        with suppress(*_ERRORS):
            return int(self._state()["Pid"]) or None
        return None

    def cgroup(self) -> Cgroup | str:
        """The container's cgroup."""
        pid = self.pid()
        if pid is None:
            return "the container has ended"
        try:
            return Cgroup.of(pid)
        except (EngineError, OSError) as error:
            return str(error)

    def wait(self, seconds: float) -> Exit | None:
        """How the container ended; unknown where the daemon let go of it, whatever it says of it when it is back."""
        deadline = time.monotonic() + seconds
        while self._exit is None:
            try:
                state = self._state()
            except NotFound:
                self._exit = Exit(code=None, reason="somebody removed the container")
                break
            except _ERRORS as error:
                return Exit(code=None, reason=f"the daemon went away: {error}")
            if not state["Running"] and state["Status"] != "created":
                self._exit = self._how(state)
                break
            now = time.monotonic()
            if self._let_go is not None and not self._killed and now > self._let_go + _LET_GO_SECONDS:
                return Exit(code=None, reason="the daemon let go of the worker's streams while it ran")
            if now >= deadline:
                return None
            time.sleep(_POLL_SECONDS)
        return self._exit

    def _how(self, state: Mapping[str, Any]) -> Exit:
        deadline = time.monotonic() + _OOM_TOLD_SECONDS
        while state["ExitCode"] == 128 + signal.SIGKILL and not state["OOMKilled"] and not self._killed:
            if time.monotonic() >= deadline:
                break
            time.sleep(_POLL_SECONDS)
            state = self._state()
        return Exit(code=int(state["ExitCode"]), oom_killed=bool(state["OOMKilled"]))

    def kill(self) -> None:
        """End the container; the stream first, since a daemon that cannot deliver output hangs in its own calls."""
        if self._killed:
            return
        self._killed = True
        if self._exit is None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            with suppress(*_ERRORS):
                self._api.kill(self._container)

    def close(self) -> str | None:
        """Remove the container."""
        if self._closed:
            return None
        self._closed = True
        self.let_go()
        try:
            _remove(self._api, self._container)
        except _ERRORS as error:
            self._left.append(self._container)
            return f"container {self._container[:12]} is still there, to be removed later: {error}"
        return None

    def let_go(self) -> None:
        """Close the stream and leave the container as it is."""
        with suppress(OSError):
            self._stream.close()
            self._socket.close()

    def _state(self) -> Mapping[str, Any]:
        return dict(self._api.inspect_container(self._container)["State"])

    def _frame(self) -> Chunk | None:
        """A whole frame of the attach stream (1 = stdout, 2 = stderr), taken off what is pending."""
        if len(self._pending) < _HEADER.size:
            return None
        kind, length = _HEADER.unpack_from(self._pending)
        end = _HEADER.size + length
        if len(self._pending) < end:
            return None
        payload, self._pending = self._pending[_HEADER.size : end], self._pending[end:]
        return Chunk(stderr=payload) if kind == 2 else Chunk(stdout=payload)


def _remove(api: Any, container: str) -> None:
    """Remove a container; one that is gone, or that another call is removing already, is removed enough."""
    try:
        api.remove_container(container, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != HTTPStatus.CONFLICT:
            raise


def _socket_of(stream: Any) -> socket.socket:
    """The socket inside what the SDK returns: a SocketIO over a unix socket, or the socket itself."""
    inner = getattr(stream, "_sock", stream)
    if not isinstance(inner, socket.socket):
        raise EngineError("the Docker connection offers no socket to attach to; use a local daemon")
    return inner
