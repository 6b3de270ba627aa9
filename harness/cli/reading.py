"""``verdict``, ``explain``, ``report`` and ``export``: what stored runs say."""

from pathlib import Path

import click

from harness.cli.context import Context, claim_named, json_option, print_json, print_rich, say
from harness.cli.options import RUNS
from harness.errors import UsageError

FORMATS = ("pyperf", "csv", "records-csv", "benchfmt")


@click.command("verdict")
@RUNS
@json_option
@click.pass_obj
def verdict_command(context: Context, names: tuple[str, ...], as_json: bool) -> None:
    """Every claim's verdict, from one run or several of this machine together."""
    from harness.cli.judging import judge_runs, report_of

    judged = judge_runs(context, names)
    if as_json:
        print_json(judged.document())
        return
    from harness.report import terminal

    print_rich(terminal.summary(report_of(context, judged)))


@click.command("explain")
@click.argument("claim")
@RUNS
@json_option
@click.pass_obj
def explain_command(context: Context, claim: str, names: tuple[str, ...], as_json: bool) -> None:
    """One claim: its rule, its contrasts, why the verdict is what it is, and what would change it."""
    from harness.cli.judging import judge_runs, report_of

    judged = judge_runs(context, names)
    wanted = claim_named(judged.claims, claim)
    if wanted not in {one.claim for one in judged.verdicts}:
        raise UsageError(f"run {judged.names[-1]} did not ask {wanted}; `run --claims {wanted}` does")
    if as_json:
        document = judged.document()
        verdicts = document["verdicts"]
        assert isinstance(verdicts, list)
        print_json({**document, "verdicts": [one for one in verdicts if one["claim"] == wanted]})
        return
    from harness.report import terminal

    report = report_of(context, judged)
    print_rich(terminal.explain(report.claims[wanted], report.pauses))


@click.command("report")
@RUNS
@json_option
@click.pass_obj
def report_command(context: Context, names: tuple[str, ...], as_json: bool) -> None:
    """Write the page and its data for a run; prints where it is."""
    from harness.cli.judging import judge_runs, report_of, write_report

    judged = judge_runs(context, names)
    path = write_report(context, judged, report_of(context, judged))
    if as_json:
        print_json({"run": judged.names[-1], "report": path})
    else:
        click.echo(path)


@click.command("export")
@RUNS
@click.option("--format", "kind", type=click.Choice(FORMATS), required=True, help="What to export to.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file; standard output when missing.")
@click.pass_obj
def export_command(context: Context, names: tuple[str, ...], kind: str, out: Path | None) -> None:
    """Samples and records for other tools."""
    from harness.cli.judging import judge_runs
    from harness.report import export

    judged = judge_runs(context, names)
    text = export.export(kind, export.Exported(run=judged.names[-1], records=judged.records, catalog=judged.catalog))
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        say(f"{out}: {len(text.encode()) // 1024} KiB")
