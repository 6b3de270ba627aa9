"""Records as lines of JSON, and the history of that format.

A record is written once and read for ever: a change of meaning raises the number, adds a line to :data:`HISTORY` and a
reader beside the old ones. Reading is strict: an unknown format, key or type is a damaged or foreign file, and says so.
"""

import json
from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError

from harness.errors import StoreError
from harness.protocol.assemble import FORMAT
from harness.protocol.record import Record

HISTORY: Final[Mapping[int, str]] = {
    1: "the first format: invocation, status, observed, flags, digests, the worker's lines verbatim, tail of stderr",
}

_RECORD: Final = TypeAdapter(Record)


def to_line(record: Record) -> bytes:
    """A record as one line of JSON, line end included; every field is written."""
    return _RECORD.dump_json(record) + b"\n"


def from_line(line: bytes | str) -> Record:
    """The record of a line; StoreError says what is wrong with it."""
    try:
        found = json.loads(line)
    except ValueError as error:
        raise StoreError(f"no JSON: {error}") from error
    number = found.get("format") if isinstance(found, dict) else None
    if number != FORMAT:
        known = ", ".join(str(known) for known in sorted(HISTORY))
        raise StoreError(f"format {number!r} is unknown here (known: {known}); read it with the version that wrote it")
    try:
        return _RECORD.validate_json(line, strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"{where}: {first['msg']}") from error
