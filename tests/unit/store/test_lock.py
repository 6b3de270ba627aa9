import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import LockHeld, StoreError
from harness.store.lock import NAME, Holder, hold, holder_of

ME = Holder(run="run-1", pid=os.getpid(), since="2026-01-02T03:04:05+00:00", command="memverdict run")


def test_hold_when_free_then_the_holder_can_be_named_and_is_gone_afterwards(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    with hold(tmp_path / "runs", ME):
        assert holder_of(tmp_path / "runs") == ME
    assert holder_of(tmp_path / "runs") is None


def test_hold_when_held_then_lock_held_names_run_process_and_command(tmp_path: Path) -> None:
    with (
        hold(tmp_path, ME),
        pytest.raises(LockHeld, match=rf"run run-1 holds .* process {os.getpid()}, .*`memverdict run`.*kill -INT"),
        hold(tmp_path, ME),
    ):
        pytest.fail("two hold one lock")
    with hold(tmp_path, ME):
        assert holder_of(tmp_path) == ME


def test_hold_when_holder_has_not_written_yet_then_it_is_refused_all_the_same(tmp_path: Path) -> None:
    with hold(tmp_path, ME):
        (tmp_path / NAME).write_bytes(b"")
        with pytest.raises(LockHeld, match="just starting"), hold(tmp_path, ME):
            pytest.fail("two hold one lock")


def test_hold_when_body_fails_then_the_lock_is_free(tmp_path: Path) -> None:
    with pytest.raises(KeyError), hold(tmp_path, ME):
        raise KeyError
    assert holder_of(tmp_path) is None


def test_hold_when_folder_takes_no_file_then_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose a folder"), hold(tmp_path / "file", ME):
        pytest.fail("a lock in a file")


def test_hold_when_the_disk_is_full_then_store_error_and_the_lock_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pwrite(descriptor: int, content: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(StoreError, match="free some space"), hold(tmp_path, ME):
        pytest.fail("a lock that names nobody")
    monkeypatch.undo()
    assert holder_of(tmp_path) is None


def test_holder_of_when_the_lock_cannot_be_opened_then_store_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"\.lock: Not a directory"):
        holder_of(tmp_path / "file")


def test_lock_when_holder_is_killed_then_the_kernel_frees_it(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib\n"
        "from harness.store.lock import Holder, hold\n"
        "with hold(pathlib.Path(sys.argv[1]), Holder(run='other', pid=1, since='', command='')):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        found = holder_of(tmp_path)
        other.kill()
    assert found is not None
    assert found.run == "other"
    assert holder_of(tmp_path) is None
    with hold(tmp_path, ME):
        assert holder_of(tmp_path) == ME
