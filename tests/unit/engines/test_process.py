"""Ctrl-C at the worst moment: while Python forks, where it would throw the interrupt away."""

import subprocess
import sys
import threading
from pathlib import Path

from harness.engines.process import start_process

ROOT = Path(__file__).parents[3]
INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from harness.engines.process import start_process

os.register_at_fork(after_in_parent=lambda: signal.raise_signal(signal.SIGINT))
try:
    start_process(["/bin/sleep", "60"], folder=Path("/"), environment={}, cpus=None, folders="none")
except KeyboardInterrupt:
    sys.exit(17)
"""


def test_start_process_when_interrupted_while_forking_then_the_interrupt_comes_through() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (17, b"")


def test_start_process_when_in_another_thread_then_it_starts_there(tmp_path: Path) -> None:
    codes: list[int | None] = []

    def start() -> None:
        session = start_process(["/bin/true"], folder=tmp_path, environment={}, cpus=None, folders="none")
        ended = session.wait(20)
        codes.append(ended.code if ended else None)
        session.close()

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(30)
    assert codes == [0]
