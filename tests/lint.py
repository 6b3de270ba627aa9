"""The linters of the programs under test, each language's own script in an image that has what it needs.

``python -m tests.lint`` ends with 1 where one finds something. Without a Docker daemon it says which languages were
left out; where ``MEMVERDICT_REQUIRE_ALL`` is set that is a failure too.
"""

import os
import sys
from typing import Final

import click

from harness.engines.docker import builder
from harness.engines.effects import real_effects
from harness.engines.images import build_linter
from harness.errors import EngineUnavailable
from tests.conformance.programs import LANGUAGES, ROOT
from tests.conftest import REQUIRE_ALL
from tests.native import run_script

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
        code, output = run_script(api, image, script, seconds=SECONDS_PER_LANGUAGE)
        failed = failed or code != 0
        click.echo(f"{LANGUAGES[name].title}: {f'exit {code}' if code else 'clean'}")
        click.echo(output, nl=False)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
