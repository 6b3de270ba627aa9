"""Options that several commands take, said once."""

import re

import click

SUITE = click.option("--suite", default="quick", show_default=True, help="Which suite; see `memverdict list suites`.")
CLAIMS = click.option("--claims", default="", help="Only these claims, separated by commas.")
ONLY = click.option("--only", default=None, metavar="SELECTOR", help="Only cells that match: `workload=lru_cache c/*`.")
SEED = click.option("--seed", type=click.IntRange(min=0), default=None, help="Seed of the order; drawn when missing.")
ENGINE = click.option(
    "--engine",
    type=click.Choice(["auto", "docker", "local"]),
    default="auto",
    show_default=True,
    help="Containers, plain processes, or containers where they can be had.",
)
PRECISION = click.option(
    "--precision",
    type=click.FloatRange(min=0.001, max=1.0),
    metavar="W",
    help="As many blocks as intervals of ±W take (0.03: three per cent), instead of the suite's own number.",
)
RUNS = click.argument("names", nargs=-1, metavar="[RUN]...")
RESUME = click.option("--resume", metavar="RUN", help="Go on with a run that was stopped; `latest` is the newest one.")


class _Duration(click.ParamType[int]):
    """Seconds from text such as ``90s``, ``10m`` or ``1h``."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Give seconds, or a usage error that shows the form."""
        found = re.fullmatch(r"(\d+)(s|m|h)", str(value))
        if not found:
            self.fail(f"{value!r} is no duration; write it like 90s, 10m or 1h", param, ctx)
        return int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


BUDGET = click.option("--budget", type=_Duration(), help="No further block begins after this long: 90s, 10m, 1h.")
