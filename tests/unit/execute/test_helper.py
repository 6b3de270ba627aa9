from contextlib import closing
from pathlib import Path

import pytest

from harness.execute.helper import Helper
from tests.fakes.running import gone

WELL = "import os; os.write(1, b'ready\\n'); os.read(0, 1); os.write(1, b'begun\\n'); os.read(0, 1);"


def helper(folder: Path, code: str) -> Helper:
    program = folder / "program.py"
    program.write_text(code)
    return Helper(program, [], None)


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("print('{\"a\": [1]}')", {"a": [1]}),
        ("print('[1]')", "it ended by itself (exit 0)"),
        ("pass", "it ended by itself (exit 0)"),
        ("raise SystemExit('no more')", "it ended by itself (exit 1): no more"),
    ],
)
def test_helper_when_told_to_stop_then_its_report_or_how_it_ended(tmp_path: Path, then: str, said: object) -> None:
    with closing(helper(tmp_path, WELL + then)) as one:
        assert one.until_ready(60) is None
        assert one.begin(60) is None
        one.stop()
        assert one.report(60) == said


def test_helper_when_its_report_is_longer_than_a_pipe_holds_then_it_is_whole(tmp_path: Path) -> None:
    with closing(helper(tmp_path, WELL + "import json; print(json.dumps({'a': list(range(100000))}))")) as one:
        one.until_ready(60)
        one.begin(60)
        one.stop()
        report = one.report(60)
    assert not isinstance(report, str)
    assert report["a"][-1] == 99_999


def test_helper_when_it_ends_before_it_is_ready_then_how(tmp_path: Path) -> None:
    with closing(helper(tmp_path, "import nothing_of_that_name")) as one:
        said = one.until_ready(60)
    assert said is not None
    assert said.startswith("it ended by itself (exit 1): ")
    assert said.endswith("No module named 'nothing_of_that_name'")


def test_helper_when_it_does_not_begin_or_end_in_time_then_said_and_closed_all_the_same(tmp_path: Path) -> None:
    code = "import os, time; os.write(1, b'ready\\n'); time.sleep(600)"
    with closing(helper(tmp_path, code)) as one:
        pid = one.pid
        assert pid is not None
        assert one.until_ready(60) is None
        assert one.begin(0.01) == "it was not at work within 0.01 s"
        one.stop()
        assert one.report(0.01) == "it did not end within 0.01 s of being told to"
        assert not gone([pid])
    assert one.pid is None
    assert gone([pid])
    one.close()


def test_helper_when_it_closes_its_output_and_runs_on_then_said(tmp_path: Path) -> None:
    code = WELL + "os.close(1); os.close(2); import time; time.sleep(600)"
    with closing(helper(tmp_path, code)) as one:
        one.until_ready(60)
        one.begin(60)
        one.stop()
        assert one.report(60) == "it ended by itself (it runs on, but says no more)"
