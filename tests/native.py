"""Scripts of the languages' own tests, run in containers that hold their tools and see their folder, read-only."""

from pathlib import Path
from typing import Any

from harness.engines.base import LABEL, ROOT_LABEL, root_digest

ROOT = Path(__file__).parents[1]


def run_script(api: Any, image: str, script: Path, *arguments: str, seconds: int) -> tuple[int, str]:
    """Run ``langs/<x>/tests/<script>`` without network and capabilities, in a container that is removed afterwards.

    ``api`` is the Docker SDK's low-level client. Gives the exit code (124 when it was still running after ``seconds``)
    and what it printed.
    """
    folder = script.parents[1]
    container = api.create_container(
        image,
        command=["timeout", str(seconds), f"/src/{script.relative_to(folder)}", *arguments],
        labels={LABEL: "1", ROOT_LABEL: root_digest(ROOT)},
        host_config=api.create_host_config(
            binds={str(folder): {"bind": "/src", "mode": "ro"}}, network_mode="none", cap_drop=["ALL"]
        ),
    )["Id"]
    try:
        api.start(container)
        code = int(api.wait(container, timeout=seconds + 60)["StatusCode"])
        return code, api.logs(container).decode(errors="replace")
    finally:
        api.remove_container(container, force=True)
