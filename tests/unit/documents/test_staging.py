"""Staged bytes: what is told is durable, one writes at a time, and a full disk takes nothing that was told."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from greenlane.adapters import staging
from greenlane.adapters.staging import StagingFolder
from greenlane.ports.uploads import OffsetMismatch, StagingFull, UploadBusy, UploadMissing

ID = "0123456789abcdef" * 2


@pytest.fixture
def folder(tmp_path: Path) -> StagingFolder:
    made = StagingFolder(tmp_path / "uploads", kept_free_bytes=0)
    made.begin(ID)
    return made


def content(folder: StagingFolder) -> bytes:
    with folder.open(ID) as source:
        return source.read()


def test_pieces_follow_one_another_at_the_place_that_was_told(folder: StagingFolder) -> None:
    assert folder.offset(ID) == 0
    assert folder.append(ID, 0, [b"ab", b"", b"c"]) == 3
    assert folder.append(ID, 3, []) == 3
    for wrong in (0, 2, 4):
        with pytest.raises(OffsetMismatch):
            folder.append(ID, wrong, [b"x"])
    assert folder.append(ID, 3, [b"d"]) == 4 == folder.offset(ID)
    assert content(folder) == b"abcd"


def test_what_is_not_there_is_missed_and_dropping_it_harms_nothing(folder: StagingFolder) -> None:
    folder.drop(ID)
    folder.drop(ID)
    assert folder.offset(ID) is None and not folder.ids()
    with pytest.raises(UploadMissing):
        folder.append(ID, 0, [b"x"])
    with pytest.raises(UploadMissing):
        folder.open(ID)


@pytest.mark.parametrize("name", ["../escape", "", "a/b", ID.upper(), ID + "0", ".", "\x00" * 32])
def test_no_id_leads_out_of_the_folder(folder: StagingFolder, name: str) -> None:
    for use in (folder.begin, folder.open, folder.drop):
        with pytest.raises(UploadMissing):
            use(name)
    with pytest.raises(UploadMissing):
        folder.append(name, 0, [b"x"])


def test_a_writer_of_another_process_is_waited_for_and_then_refused(
    folder: StagingFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_PATIENCE_S", 0.1)
    script = (
        "import fcntl, sys\nf = open(sys.argv[1])\nfcntl.flock(f, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "uploads" / ID)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UploadBusy):
            folder.append(ID, 0, [b"x"])
        with pytest.raises(UploadBusy):
            folder.offset(ID)
        other.stdin.close()
        other.wait(10)
    assert folder.append(ID, 0, [b"x"]) == 1


def test_many_who_append_at_once_end_with_each_byte_once(folder: StagingFolder) -> None:
    refused: list[Exception] = []

    def append_all() -> None:
        for at in range(20):
            try:
                folder.append(ID, at * 1000, [bytes([at]) * 1000])
            except (OffsetMismatch, UploadBusy) as fault:
                refused.append(fault)

    threads = [threading.Thread(target=append_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    length = folder.offset(ID) or 0
    assert length % 1000 == 0 and length
    assert content(folder) == b"".join(bytes([at]) * 1000 for at in range(length // 1000))


def _failing(at_call: int, number: int) -> Callable[[int, bytes], int]:
    calls = iter(range(1000))
    real = os.write

    def write(file: int, data: bytes) -> int:
        if next(calls) == at_call:
            raise OSError(number, os.strerror(number))
        return real(file, data[: max(1, len(data) // 2)])

    return write


@pytest.mark.parametrize("at_call", [0, 1, 2, 3])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_cuts_back_to_what_was_told(
    folder: StagingFolder, monkeypatch: pytest.MonkeyPatch, at_call: int, number: int
) -> None:
    folder.append(ID, 0, [b"told"])
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", _failing(at_call, number))
        with pytest.raises(StagingFull):
            folder.append(ID, 4, [b"0123456789", b"abcdef"])
    assert (folder.offset(ID), content(folder)) == (4, b"told")
    assert folder.append(ID, 4, [b"!"]) == 5


def test_on_a_full_disk_nothing_begins_and_nobody_is_told_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = StagingFolder(tmp_path / "uploads")

    def full(*_args: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", full)
        with pytest.raises(StagingFull) as refused:
            folder.begin(ID)
    assert "begin the upload again" in refused.value.remedy and not folder.ids()
    folder.begin(ID)


def test_short_writes_lose_nothing(folder: StagingFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", _failing(-1, 0))
    assert folder.append(ID, 0, [b"0123456789", b"abcdef"]) == 16
    assert content(folder) == b"0123456789abcdef"


def test_room_is_left_for_others_on_the_disk(tmp_path: Path) -> None:
    folder = StagingFolder(tmp_path / "uploads", kept_free_bytes=1 << 60)
    folder.begin(ID)
    with pytest.raises(StagingFull, match="0 bytes are kept"):
        folder.append(ID, 0, [b"x"])


def test_a_length_is_told_only_after_it_is_durable(folder: StagingFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync

    def fsync(file: int) -> None:
        synced.append(os.fstat(file).st_size)
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    assert folder.append(ID, 0, [b"abc"]) == 3 and synced[-1] == 3
    synced.clear()
    assert folder.offset(ID) == 3 and synced == [3]


def test_files_that_are_no_uploads_are_left_alone(folder: StagingFolder, tmp_path: Path) -> None:
    (tmp_path / "uploads" / "README").write_text("kept")
    assert list(folder.ids()) == [ID]
    assert not StagingFolder(tmp_path / "none").ids()
