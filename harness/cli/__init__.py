"""The command line: the only place that prints or exits.

Data goes to stdout, everything else to stderr. Heavy imports (statistics, figures, engines) happen inside the
commands that need them, so that listing stays fast. An error becomes one line that says what, where and what to do,
and an exit code: 1 failed, 2 usage or lock, 3 unfit or unavailable, 130 interrupted.
"""

import sys
from pathlib import Path

import click

from harness.cli.catalogue import list_command, plan_command
from harness.cli.context import Context
from harness.cli.gating import gate_command, golden_command
from harness.cli.reading import explain_command, export_command, report_command, verdict_command
from harness.cli.running import build_command, clean_command, doctor_command, replay_command, run_command, setup_command
from harness.cli.selfbench import selfbench_command
from harness.cli.validating import validate_command
from harness.errors import DataError, EngineUnavailable, MemverdictError, UnfitError, UsageError

COMMANDS = (
    setup_command, doctor_command, list_command, plan_command, build_command, run_command, replay_command,
    validate_command, verdict_command, explain_command, report_command, export_command, gate_command, golden_command,
    selfbench_command, clean_command,
)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(__file__).parents[2],
    help="The project's folder; by default the one this package lies in.",
)
@click.pass_context
def cli(context: click.Context, root: Path) -> None:
    """Statements about memory management on trial: Go, C and Java, equal work, measured in containers."""
    context.obj = Context(root=root.resolve(), command=_as_invoked())


for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line; errors of ours become one line and an exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):  # click makes the one of the other where it can
        click.echo("interrupted", err=True)
        code = 130
    except MemverdictError as error:
        click.echo(f"memverdict: {error}", err=True)
        code = exit_code(error)
    except SystemExit:
        code = 0  # how click answers a pipe that was closed: whoever read our output has seen enough
    sys.exit(code if isinstance(code, int) else 0)


def exit_code(error: MemverdictError) -> int:
    """The exit code that belongs to an error of ours."""
    if isinstance(error, DataError | UsageError):
        return 2
    return 3 if isinstance(error, EngineUnavailable | UnfitError) else 1


def _as_invoked() -> str:
    """How the user called us, so that printed hints can be pasted."""
    called = Path(sys.argv[0])
    if called.name != "memverdict":
        return "memverdict"
    try:
        return str(called.resolve().parent.relative_to(Path.cwd()) / called.name)
    except ValueError:
        return called.name
