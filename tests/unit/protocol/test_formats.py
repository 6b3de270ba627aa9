import json

import pytest

from harness.errors import StoreError
from harness.protocol.assemble import assemble
from harness.protocol.formats import HISTORY, from_line, to_line
from harness.protocol.record import Record
from tests.fakes import values


def record() -> Record:
    lines = [*values.lines(values.messages()), b"caf\xc3\xa9 \xff"]
    return assemble(
        values.invocation(), lines, values.observed(), digest=values.DIGEST, in_force={}, goldens={}, flags=("steal",)
    )


def test_line_when_written_and_read_then_the_same_record() -> None:
    line = to_line(record())
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert from_line(line) == record()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "format 2 is unknown here"),
        ({"format": None}, "format None"),
        ({"status": "fine"}, "status"),
        ({"colour": "red"}, "colour"),
        ({"flags": "steal"}, "flags"),
    ],
)
def test_line_when_foreign_or_damaged_then_store_error_says_what(change: dict[str, object], words: str) -> None:
    with pytest.raises(StoreError, match=words):
        from_line(json.dumps(json.loads(to_line(record())) | change))


@pytest.mark.parametrize("line", [b"", b"{", b"[1]", b"\x00\x00"])
def test_line_when_no_record_at_all_then_store_error(line: bytes) -> None:
    with pytest.raises(StoreError):
        from_line(line)


def test_nested_key_when_unknown_then_store_error() -> None:
    found = json.loads(to_line(record()))
    found["invocation"]["cell"]["colour"] = "red"
    with pytest.raises(StoreError, match="colour"):
        from_line(json.dumps(found))


def test_history_when_read_then_every_format_up_to_now_is_told() -> None:
    assert set(HISTORY) == set(range(1, record().format + 1))
