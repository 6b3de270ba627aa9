"""The linters of the programs under test, each language's own script in an image that has what it needs.

``python -m tests.lint`` ends with 1 where one finds something. Without a Docker daemon it says which languages were
left out; where ``MEMVERDICT_REQUIRE_ALL`` is set that is a failure too.
"""

import os
import sys
from pathlib import Path
from typing import Any, Final

import click

from harness.engines.base import LABEL, ROOT_LABEL, root_digest
from harness.engines.docker import builder
from harness.engines.effects import real_effects
from harness.engines.images import build_linter
from harness.errors import EngineUnavailable
from tests.conformance.programs import LANGUAGES, ROOT
from tests.conftest import REQUIRE_ALL

SECONDS_PER_LANGUAGE: Final = 300
SECONDS_PER_BUILD: Final = 1200


def main() -> int:
    """Lint every language that has a ``tests/lint``; the exit code."""
    scripts = {name: ROOT / "langs" / name / "tests" / "lint" for name in LANGUAGES}
    missing = [name for name, script in scripts.items() if not script.exists()]
    if missing:
        click.echo(f"no tests/lint: {', '.join(missing)}")
        return 1
    try:
        api = builder(SECONDS_PER_BUILD)
    except EngineUnavailable as error:
        click.echo(f"left out for want of a Docker daemon: the linters of {', '.join(scripts)} ({error})")
        return 1 if os.environ.get(REQUIRE_ALL) else 0
    failed = False
    for name, script in scripts.items():
        image = build_linter(LANGUAGES[name], ROOT, api, real_effects(lambda line: click.echo(line, err=True)))
        code, output = lint(api, image, script)
        failed = failed or code != 0
        click.echo(f"{LANGUAGES[name].title}: {f'exit {code}' if code else 'clean'}")
        click.echo(output, nl=False)
    return 1 if failed else 0


def lint(api: Any, image: str, script: Path) -> tuple[int, str]:
    """Run a script of a language's tests in a container of its own that sees the language's folder, read-only.

    Gives the exit code (124 when it was still running after five minutes) and what it printed.
    """
    folder = script.parents[1]
    container = api.create_container(
        image,
        command=["timeout", str(SECONDS_PER_LANGUAGE), f"/src/{script.relative_to(folder)}"],
        labels={LABEL: "1", ROOT_LABEL: root_digest(ROOT)},
        host_config=api.create_host_config(
            binds={str(folder): {"bind": "/src", "mode": "ro"}}, network_mode="none", cap_drop=["ALL"]
        ),
    )["Id"]
    try:
        api.start(container)
        code = int(api.wait(container, timeout=SECONDS_PER_LANGUAGE + 60)["StatusCode"])
        return code, api.logs(container).decode(errors="replace")
    finally:
        api.remove_container(container, force=True)


if __name__ == "__main__":
    sys.exit(main())
