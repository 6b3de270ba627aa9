import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import LockHeld, StoreError
from harness.execute.run import run
from harness.protocol.record import Record
from harness.store import runs
from harness.store.lock import Holder, hold, holder_of
from tests.fakes import running

ROOT = Path(__file__).parents[2]


@contextmanager
def harness(root: Path, *variants: str, engine: str = "fake") -> Iterator["subprocess.Popen[bytes]"]:
    """A harness in a process of its own."""
    command = [sys.executable, "-m", "tests.faults.harness_process", str(root), engine, *variants]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: "subprocess.Popen[bytes]", line: str) -> None:
    """Wait until the harness has said a line."""
    assert process.stdout is not None
    for said in process.stdout:
        if said.decode().strip() == line:
            return
    assert process.stderr is not None
    pytest.fail(f"the harness ended without {line!r}: {process.stderr.read().decode()}")


def workers(root: Path) -> list[int]:
    """Fake workers whose folder lies below ``root`` and that are not yet reaped or gone."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "cwd").readlink().is_relative_to(root):
                found.append(int(path.name))
        except OSError:
            continue
    return found


def eventually_none(root: Path) -> bool:
    for _ in range(200):
        if not workers(root):
            return True
        time.sleep(0.05)
    return False


def test_harness_when_killed_while_a_worker_spins_then_records_stand_lock_is_free_and_it_resumes(
    tmp_path: Path,
) -> None:
    with harness(tmp_path, "good", "good", "never_ends") as process:
        told(process, "stored 2")
        assert holder_of(runs.runs_folder(tmp_path)) is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert eventually_none(tmp_path)
    assert holder_of(runs.runs_folder(tmp_path)) is None
    assert [record.status for record in runs.records(tmp_path, "latest")] == ["ok", "ok"]
    with harness(tmp_path, "good", "good", "good", "crashes") as process:
        told(process, "stored 2")
        assert process.wait() == 0
    assert [record.status for record in runs.records(tmp_path, "latest")] == ["ok", "ok", "ok", "crash"]
    assert len(runs.names(tmp_path)) == 1


@pytest.mark.parametrize("seed", range(4))
def test_harness_when_killed_at_any_moment_then_every_record_it_told_of_is_readable(tmp_path: Path, seed: int) -> None:
    after = random.Random(seed).randint(0, 5)
    with harness(tmp_path, *["good"] * 30) as process:
        if after:
            told(process, f"stored {after}")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    found = runs.records(tmp_path, "latest") if runs.names(tmp_path) else ()
    assert len(found) >= after
    assert [record.invocation.slot for record in found] == list(range(len(found)))
    with harness(tmp_path, *["good"] * 8) as process:
        assert process.wait() == 0
    assert len(runs.records(tmp_path, "latest")) == max(8, len(found))


def test_harness_when_interrupted_then_it_ends_soon_and_leaves_no_worker(tmp_path: Path) -> None:
    with harness(tmp_path, "good", "never_ends") as process:
        told(process, "stored 1")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) != 0
        assert process.stderr is not None
        assert b"KeyboardInterrupt" in process.stderr.read()
    assert workers(tmp_path) == []
    assert len(runs.records(tmp_path, "latest")) == 1


def test_harness_when_another_holds_the_lock_then_refused_with_its_name(tmp_path: Path) -> None:
    with harness(tmp_path, "good", "never_ends") as process:
        told(process, "stored 1")
        me = Holder(run="mine", pid=os.getpid(), since="now", command="test")
        with (
            pytest.raises(LockHeld, match=f"process {process.pid}"),
            hold(runs.runs_folder(tmp_path), me),
        ):
            pytest.fail("two runs at once")


def test_run_when_the_disk_fills_up_then_store_error_and_what_was_written_is_readable(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store = running.create(disk)
        setting = running.setting(store)
        kept: list[Record] = []
        with pytest.raises(StoreError, match=r"disk is full; the \d+ records .* are safe.*--resume"):
            kept.extend(run(running.block(*["good"] * 400), setting))
        store.close()
        assert len(kept) > 3
        assert runs.records(disk, store.id) == tuple(kept)
        (disk / "ballast").unlink()
        again, found = runs.reopen(disk, store.id)
        assert found == tuple(kept)
        more = list(run(running.block("good"), running.setting(again)))
        again.close()
        assert runs.records(disk, store.id) == (*kept, *more)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 256 KiB, nearly half of it ballast; mounted in memory, which takes root."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "memverdict-test", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this user may mount nothing: {done.stderr.strip()}")
    try:
        (folder / "ballast").write_bytes(b"x" * (100 << 10))
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_small_disk_when_mounted_then_it_really_is_full_soon(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, pytest.raises(OSError, match="No space") as caught:
        (disk / "more").write_bytes(b"x" * (300 << 10))
    assert caught.value.errno == errno.ENOSPC
