"""Workers in containers, through the docker SDK: the only module that imports it.

Every invocation gets a fresh container: no network, read-only root, capabilities dropped, no new privileges, an
unprivileged user, limits on memory (swap included), CPUs (a set, not a quota) and processes. The stream is attached
before the start and nothing is logged by the daemon. Only containers with our labels are ever touched.
"""

import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
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
)
from harness.engines.cgroup import Cgroup
from harness.errors import EngineError, EngineUnavailable

CALL_SECONDS: Final = 20
"""How long one call to the daemon may take before it counts as failed."""

USER: Final = "65532:65532"
OUT: Final = "/out"
PIDS: Final = 512
_HEADER: Final = struct.Struct(">BxxxL")
_POLL_SECONDS: Final = 0.005


def connect(base_url: str | None = None) -> docker.DockerClient:
    """A client whose daemon answers; EngineUnavailable says why there is none."""
    try:
        client = docker.DockerClient(base_url=base_url, timeout=CALL_SECONDS) if base_url else docker.from_env(
            timeout=CALL_SECONDS
        )  # fmt: skip
        client.ping()
    except (DockerException, RequestException, OSError) as error:
        raise EngineUnavailable(
            f"no Docker daemon answers ({error}); `make setup` starts one, `--engine local` does without"
        ) from error
    return client


def builder(seconds: int) -> Any:
    """The low-level client for builds and imports, whose calls may take ``seconds``; EngineUnavailable as above.

    Untyped on purpose: those who build describe by protocols what they use of it.
    """
    api = connect().api
    api.timeout = seconds
    return api


class DockerEngine:
    """Starts workers from images; ``images`` says where each build lies, ``root`` whose containers are ours."""

    def __init__(self, client: docker.DockerClient, images: Mapping[Build, ImageRef], *, root: str) -> None:
        self._api = client.api
        self._images = images
        self._root = root

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
            found = self._api.containers(all=True, filters={"label": labels})
            for container in found:
                if not alive(container["Labels"][RUN_LABEL]):
                    self._remove(str(container["Id"]))
                    removed.append(str(container["Names"][0]).lstrip("/"))
        except (DockerException, RequestException) as error:
            raise EngineError(f"containers of ended runs cannot be removed: {error}") from error
        return tuple(removed)

    def _remove(self, container: str) -> None:
        """Remove a container; one that is gone, or that another call is removing already, is removed enough."""
        try:
            self._api.remove_container(container, force=True, v=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != HTTPStatus.CONFLICT:
                raise

    def start(self, invocation: Invocation, place: Place) -> Session:
        """A fresh container, attached and started; EngineError when the daemon refuses."""
        image = self._images[invocation.build]
        container = ""
        try:
            container = self._create(invocation, place, image)
            stream = self._api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            self._api.start(container)
        except (DockerException, RequestException, OSError) as error:
            if container:
                with suppress(DockerException, RequestException):
                    self._api.remove_container(container, force=True, v=True)
            raise EngineError(f"{invocation.id}: the container does not start: {error}") from error
        return DockerSession(self._api, container, _socket_of(stream), image.image_id)

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
            command=[image.path, *invocation.command[1:]],
            entrypoint=[],
            user=USER,
            working_dir=OUT,
            environment=dict(invocation.environment),
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
    """One attached container."""

    def __init__(self, api: Any, container: str, stream: socket.socket, image: str | None) -> None:
        self._api = api
        self._container = container
        self._socket = stream
        self._image = image
        self._pending = b""
        self._killed = False

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
        state = self._state()
        return int(state["Pid"]) or None if state else None

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
        """How the container ended."""
        deadline = time.monotonic() + seconds
        while True:
            state = self._state()
            if state is None:
                return Exit(code=None, reason="the daemon no longer knows the container, or does not answer")
            if not state["Running"] and state["Status"] != "created":
                return Exit(code=int(state["ExitCode"]), oom_killed=bool(state["OOMKilled"]))
            if time.monotonic() >= deadline:
                return None
            time.sleep(_POLL_SECONDS)

    def kill(self) -> None:
        """End the container; the stream first, since a daemon that cannot deliver output hangs in its own calls."""
        if self._killed:
            return
        self._killed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(APIError, RequestException):
            self._api.kill(self._container)

    def close(self) -> str | None:
        """Remove the container."""
        with suppress(OSError):
            self._socket.close()
        try:
            self._api.remove_container(self._container, force=True, v=True)
        except NotFound:
            return None
        except (APIError, RequestException) as error:
            return f"container {self._container[:12]} is still there: {error}"
        return None

    def _state(self) -> Mapping[str, Any] | None:
        try:
            return dict(self._api.inspect_container(self._container)["State"])
        except (DockerException, RequestException):
            return None

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


def _socket_of(stream: Any) -> socket.socket:
    """The socket inside what the SDK returns: a SocketIO over a unix socket, or the socket itself."""
    inner = getattr(stream, "_sock", stream)
    if not isinstance(inner, socket.socket):
        raise EngineError("the Docker connection offers no socket to attach to; use a local daemon")
    return inner
