import errno
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from harness.errors import StoreError, UsageError
from harness.protocol.assemble import assemble
from harness.protocol.formats import to_line
from harness.protocol.record import Control, Curve, Record
from harness.store import runs
from tests.fakes import values


def record(slot: int = 0) -> Record:
    lines = values.lines(values.messages())
    return assemble(
        values.invocation(slot=slot), lines, values.observed(), digest=values.DIGEST, in_force={}, goldens={}
    )


def made(root: Path, name: str = "20260102-030405-quick-00002a") -> runs.Run:
    return runs.create(root, name, provenance={"suite": "quick"}, plan={"blocks": 1})


def test_run_id_when_made_then_utc_suite_and_seed_sort_by_age() -> None:
    earlier = datetime(2026, 1, 2, 4, 4, 5, tzinfo=timezone(timedelta(hours=1)))
    later = datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)
    assert runs.run_id(earlier, "quick", 42) == "20260102-030405-quick-00002a"
    assert runs.run_id(earlier, "z", 2**64 - 1) < runs.run_id(later, "a", 0)


def test_append_when_closed_and_reopened_then_the_records_are_the_same(tmp_path: Path) -> None:
    run = made(tmp_path)
    for slot in range(3):
        run.append(record(slot))
    run.close()
    again, found = runs.reopen(tmp_path, "latest")
    assert found == tuple(record(slot) for slot in range(3))
    again.append(record(3))
    again.close()
    assert runs.records(tmp_path, run.id) == (*found, record(3))


def test_append_when_instruments_saw_something_then_read_back_as_it_was(tmp_path: Path) -> None:
    control = Control(
        period_ns=1_000_000, threshold_ns=2_000_000, in_force="SCHED_FIFO", cpus=(0, 1), start_ns=5, end_ns=9_000_000,
        ticks=15, skipped=3, cpu_ns=70_000, gaps=((0, 5, 2_000_005), (1, 6, 3_000_000)),
    )  # fmt: skip
    curve = Curve(asked_hz=40, cpus=(1,), spare=True, samples=((5, 4096), (25_000_005, 1 << 40)))
    seen = values.observed(control=control, curve=curve, psi_cpu_ns=1_000, psi_memory_ns=0, psi_io_ns=None)
    written = replace(record(), observed=seen)
    run = made(tmp_path)
    run.append(written)
    run.close()
    assert runs.records(tmp_path, run.id) == (written,)


def test_append_when_called_then_each_line_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(tmp_path)
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    run.append(record(0))
    run.append(record(1))
    assert synced == [len(to_line(record(0))), len(to_line(record(0))) + len(to_line(record(1)))]
    run.close()


@pytest.mark.parametrize("cut", [1, 100, 1500])
def test_reopen_when_last_line_is_torn_then_it_is_set_aside_and_the_rest_is_read(tmp_path: Path, cut: int) -> None:
    run = made(tmp_path)
    run.append(record(0))
    run.append(record(1))
    run.close()
    path = run.folder / runs.RECORDS
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - cut])
    assert runs.records(tmp_path, run.id) == (record(0),)
    assert path.read_bytes() == content[: len(content) - cut], "reading must not touch the file"
    for number in (1, 2):
        again, found = runs.reopen(tmp_path, run.id)
        again.close()
        assert found == (record(0),)
        assert path.read_bytes() == to_line(record(0))
        aside = run.folder / f"{runs.RECORDS}.torn-{number}"
        assert aside.read_bytes() == to_line(record(1))[:-cut]
        path.write_bytes(content[: len(content) - cut])


def test_reopen_when_last_line_is_whole_but_zeroed_then_it_is_set_aside(tmp_path: Path) -> None:
    run = made(tmp_path)
    run.append(record(0))
    run.close()
    with (run.folder / runs.RECORDS).open("ab") as file:
        file.write(b"\0" * 512 + b"\n")
    again, found = runs.reopen(tmp_path, run.id)
    again.close()
    assert found == (record(0),)
    assert (run.folder / f"{runs.RECORDS}.torn-1").read_bytes() == b"\0" * 512 + b"\n"


@pytest.mark.parametrize("damage", [b"{}\n", b"garbage\n", b'{"format":99}\n'])
def test_read_when_a_line_further_up_is_damaged_then_store_error_names_it(tmp_path: Path, damage: bytes) -> None:
    run = made(tmp_path)
    run.append(record(0))
    run.close()
    path = run.folder / runs.RECORDS
    path.write_bytes(to_line(record(0)) + damage + to_line(record(1)))
    with pytest.raises(StoreError, match="line 2"):
        runs.read(run.folder)


def test_read_when_the_last_line_is_of_a_later_format_then_store_error_and_not_torn(tmp_path: Path) -> None:
    run = made(tmp_path)
    run.close()
    (run.folder / runs.RECORDS).write_bytes(to_line(replace(record(), format=2)))
    with pytest.raises(StoreError, match="format 2"):
        runs.reopen(tmp_path, run.id)


def test_append_when_device_is_full_then_store_error_says_what_is_safe(tmp_path: Path) -> None:
    run = made(tmp_path)
    run.append(record(0))
    run.close()
    path = run.folder / runs.RECORDS
    path.unlink()
    path.symlink_to("/dev/full")
    full = runs.Run(run.folder, (record(0),))
    with pytest.raises(StoreError, match=r"disk is full; the 1 records .* safe .*run --resume 2026"):
        full.append(record(1))
    full.close()


def test_append_when_only_part_of_a_line_fits_then_the_part_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made(tmp_path)
    run.append(record(0))
    real, calls = os.write, [0]

    def write(descriptor: int, content: bytes) -> int:
        calls[0] += 1
        if calls[0] == 1:
            return real(descriptor, bytes(content)[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StoreError, match="disk is full"):
        run.append(record(1))
    monkeypatch.undo()
    assert (run.folder / runs.RECORDS).read_bytes() == to_line(record(0))
    run.append(record(1))
    run.close()
    assert runs.records(tmp_path, run.id) == (record(0), record(1))


def test_save_when_it_fails_then_the_old_document_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(tmp_path)

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StoreError, match="disk is full"):
        run.save(runs.PLAN, {"format": 1, "blocks": 2})
    monkeypatch.undo()
    run.close()
    assert runs.document(tmp_path, run.id, runs.PLAN)["blocks"] == 1
    assert sorted(path.name for path in run.folder.iterdir()) == ["plan.json", "provenance.json", "records.ndjson"]


def test_out_when_asked_twice_then_a_fresh_open_folder_each_time(tmp_path: Path) -> None:
    run = made(tmp_path)
    first, second = run.out(values.invocation()), run.out(values.invocation())
    run.close()
    assert first != second
    assert first.is_dir()
    assert second.stat().st_mode & 0o777 == 0o777


def test_out_when_it_cannot_be_made_then_store_error_says_what_is_safe(tmp_path: Path) -> None:
    run = made(tmp_path)
    run.append(record(0))
    (run.folder / "out").write_text("in the way")
    with pytest.raises(StoreError, match="the 1 records written so far are safe"):
        run.out(values.invocation())
    run.close()


def test_records_when_the_file_cannot_be_opened_then_store_error_names_it(tmp_path: Path) -> None:
    run = made(tmp_path)
    run.close()
    (run.folder / runs.RECORDS).unlink()
    (run.folder / runs.RECORDS).mkdir()
    with pytest.raises(StoreError, match=r"records\.ndjson: Is a directory"):
        runs.records(tmp_path, run.id)
    with pytest.raises(StoreError, match=r"records\.ndjson: Is a directory"):
        runs.Run(run.folder, ())


def test_reopen_when_there_is_no_room_to_set_a_torn_line_aside_then_store_error_and_nothing_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made(tmp_path)
    run.append(record(0))
    run.close()
    path = run.folder / runs.RECORDS
    with path.open("ab") as file:
        file.write(b'{"torn')
    before = path.read_bytes()

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StoreError, match="its 1 whole records are untouched"):
        runs.reopen(tmp_path, run.id)
    monkeypatch.undo()
    assert path.read_bytes() == before
    again, found = runs.reopen(tmp_path, run.id)
    again.close()
    assert found == (record(0),)
    assert path.read_bytes() == to_line(record(0))


def test_create_when_the_name_is_taken_then_another_one(tmp_path: Path) -> None:
    first, second = made(tmp_path), made(tmp_path)
    first.close()
    second.close()
    assert second.id == f"{first.id}-2"
    assert runs.document(tmp_path, second.id, runs.PROVENANCE)["run"] == second.id


def test_create_when_the_folder_cannot_be_made_then_store_error(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(StoreError, match="choose a folder"):
        made(tmp_path)


def test_resolve_when_latest_id_or_beginning_then_the_run(tmp_path: Path) -> None:
    old, new = "20260101-000000-quick-000001", "20260102-000000-core-000002"
    for name in (new, old):
        made(tmp_path, name).close()
    (runs.runs_folder(tmp_path) / "20260103-000000-half-made").mkdir()
    assert runs.names(tmp_path) == (old, new)
    assert runs.resolve(tmp_path, "latest") == new
    assert runs.resolve(tmp_path, old) == old
    assert runs.resolve(tmp_path, "20260101") == old
    with pytest.raises(UsageError, match=f"several runs begin with '2026'; nearest: {old}, {new}"):
        runs.resolve(tmp_path, "2026")
    with pytest.raises(UsageError, match=f"there is no run '20260101-000001.*nearest: {old}"):
        runs.resolve(tmp_path, "20260101-000001-quick-000001")


def test_resolve_when_there_is_no_run_then_usage_error_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="memverdict run --suite quick"):
        runs.resolve(tmp_path, "latest")


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 2}'])
def test_document_when_damaged_or_foreign_then_store_error(tmp_path: Path, content: str) -> None:
    run = made(tmp_path)
    run.close()
    (run.folder / runs.PLAN).write_text(content)
    with pytest.raises(StoreError, match=r"plan\.json"):
        runs.document(tmp_path, run.id, runs.PLAN)


def test_document_when_missing_then_store_error(tmp_path: Path) -> None:
    run = made(tmp_path)
    run.close()
    with pytest.raises(StoreError, match=r"verdicts\.json"):
        runs.document(tmp_path, run.id, "verdicts.json")
