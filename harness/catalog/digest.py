"""Digests of what was run: a workload's specification and the sources a program was built from.

Records with different digests never meet in one sample, so a digest covers everything that decides what a program
does, and nothing else: results files and documentation do not change it.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping

SHOWN = 16
"""Hexadecimal digits kept of SHA-256: 64 bits, enough to tell versions of one project apart."""


def of_value(value: object) -> str:
    """Digest of a frozen value: its fields in canonical JSON."""
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:SHOWN]


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
