"""What a reader of the pauses has to know, for terminal and page alike; a listing may import it without statistics."""

from collections.abc import Sequence

from harness.report.model import Pauses


def minded(pauses: Sequence[Pauses]) -> tuple[str, ...]:
    """What a reader has to know, each thing once with the configurations that it is true of."""
    names: dict[str, list[str]] = {}
    for row in pauses:
        for text in row.mind:
            names.setdefault(text, []).append(f"{row.language}/{row.configuration}")
    return tuple(f"{text} ({', '.join(dict.fromkeys(found))})" for text, found in names.items())
