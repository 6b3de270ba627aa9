"""What every command shares: the root, how we were called, and how things are printed."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.catalog.load import load
from harness.catalog.model import Catalog, Suite
from harness.catalog.select import Selector, parse, refuse_unknown
from harness.claims.load import load_claims
from harness.claims.model import Claim
from harness.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH = 100
"""Columns that every table fits into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """``root`` is the project's folder, ``command`` how memverdict was called."""

    root: Path
    command: str

    def catalog(self) -> Catalog:
        """Everything that can be measured."""
        return load(self.root)

    def claims(self, catalog: Catalog) -> Mapping[str, Claim]:
        """Every claim."""
        return load_claims(self.root, catalog)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--json``: one document instead of a table."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")(function)


def print_json(document: Mapping[str, object]) -> None:
    """One document to stdout."""
    click.echo(json.dumps({"format": 1, **document}, indent=2, ensure_ascii=False))


def print_rich(what: "RenderableType", *, error: bool = False) -> None:
    """A table or text, at most :data:`WIDTH` columns wide; colours only where a terminal is there to show them."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else WIDTH
    console = Console(file=stream, width=width, highlight=False, soft_wrap=False)
    if console.width > WIDTH:
        console = Console(file=stream, width=WIDTH, highlight=False)
    console.print(what)


def say(text: str) -> None:
    """One line for people, on stderr."""
    click.echo(text, err=True)


def suite_named(catalog: Catalog, name: str) -> Suite:
    """The suite; UsageError with the nearest name."""
    from harness.catalog.files import nearest

    if name not in catalog.suites:
        raise UsageError(f"there is no suite {name!r}; {nearest(name, catalog.suites)}")
    return catalog.suites[name]


def claim_named(claims: Mapping[str, Claim], name: str) -> str:
    """A claim's id; UsageError with the nearest name."""
    from harness.catalog.files import nearest

    if name not in claims:
        raise UsageError(f"there is no claim {name!r}; {nearest(name, claims)}")
    return name


def claims_named(claims: Mapping[str, Claim], names: str) -> tuple[str, ...]:
    """Claim ids from comma-separated text; UsageError with the nearest name."""
    return tuple(claim_named(claims, part.strip()) for part in names.split(",") if part.strip())


def selector_from(text: str | None, catalog: Catalog) -> Selector | None:
    """``--only`` as a selector; UsageError where a part of it names nothing that there is."""
    if not text:
        return None
    selector = parse(text, catalog)
    refuse_unknown(selector, catalog)
    return selector
