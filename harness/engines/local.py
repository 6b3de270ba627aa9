"""The same programs as plain processes, for hosts without a daemon.

Pinned to their CPUs, in a cgroup of their own where this host lets us make one; records say which limits were in force.
There is no isolation of files and network: what is answered from here is answered for "local".
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from harness.catalog.model import Build, Invocation
from harness.engines.base import ImageRef, Place, Session, environment_of
from harness.engines.cgroup import Hierarchy, hierarchy, make_child, members, paths_of, remove_child
from harness.engines.process import start_process

PIDS: Final = 512
_KILLED_SECONDS: Final = 5.0
_OUT: Final = "/out/"
"""Where configurations write raw files; here it stands for the invocation's own folder."""


class LocalEngine:
    """Starts workers as processes; ``programs`` says where each build lies, ``root`` marks our cgroups.

    ``environment`` is what every worker gets besides its configuration's and our own search path.
    """

    def __init__(
        self,
        programs: Mapping[Build, ImageRef],
        *,
        root: str = "",
        environment: Mapping[str, str] | None = None,
        mounts: Hierarchy | None = None,
    ) -> None:
        self._programs = programs
        self._root = root or "local"
        path = os.environ.get("PATH", os.defpath)
        self._environment = {"PATH": path, "LANG": "C.UTF-8", **(environment or {})}
        self._mounts = hierarchy() if mounts is None else mounts

    @property
    def name(self) -> str:
        """What records call it."""
        return "local"

    def cpus(self) -> tuple[int, ...]:
        """The CPUs that workers can be pinned to."""
        return tuple(sorted(os.sched_getaffinity(0)))

    def sweep(self, alive: Callable[[str], bool]) -> tuple[str, ...]:
        """End what dead runs of this root left in our cgroups, and remove those."""
        dead = [
            folder
            for parent in self._parents()
            for folder in sorted(parent.glob(f"memverdict.{self._root}.*"))
            if not alive(folder.name.split(".")[2])
        ]
        for folder in dead:
            for pid in members({"": folder}):
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        return tuple(dict.fromkeys(folder.name for folder in dead if _gone(folder)))

    def start(self, invocation: Invocation, place: Place) -> Session:
        """A fresh process; EngineError when it cannot be started."""
        folders = make_child(
            f"memverdict.{self._root}.{place.run}.{invocation.id}",
            {"memory": invocation.cell.limits.memory, "pids": PIDS},
            self._mounts,
            mkdir=Path.mkdir,
        )
        asked = environment_of(invocation)
        own = {name: value.replace(_OUT, f"{place.out.resolve()}/") for name, value in asked.items()}
        return start_process(
            [self._programs[invocation.build].program(invocation.layout), *invocation.command[1:]],
            folder=place.out,
            environment={**self._environment, "HOME": str(place.out.resolve()), **own},
            cpus=place.cpuset,
            folders=folders,
        )

    def _parents(self) -> tuple[Path, ...]:
        """Every folder that may hold cgroups of ours."""
        roots = [folder for folder, _ in self._mounts.mounts.values()]
        with suppress(OSError):
            roots += paths_of("self", self._mounts).values()
        return tuple(dict.fromkeys(roots))


def _gone(folder: Path) -> bool:
    """Remove a cgroup whose last process was just killed: the kernel refuses until it is done with that."""
    deadline = time.monotonic() + _KILLED_SECONDS
    while remove_child({"": folder}) is not None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True
