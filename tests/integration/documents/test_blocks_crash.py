"""The embedded store through crashes, damage and full disks: what a pin holds stays, and nothing is half-stored."""

import errno
import fcntl
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from greenlane.adapters.blocks import BlockStore
from greenlane.adapters.blocks.files import Folder
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import CHUNK_BYTES, identify
from greenlane.ports.documents import BytesRefused, DocumentMissing, DocumentsFull, DocumentsUnavailable

CHUNKS = 3

# Adds, imports, lets go and collects for ever; says each document it was promised.
_AT_WORK = """
import io, random, sys
from pathlib import Path
from greenlane.adapters.blocks import BlockStore
from greenlane.core.documents.car import longest_car
store, start = BlockStore(Path(sys.argv[1])), int(sys.argv[2])
print("at work", flush=True)
for turn in range(start, start + 100_000):
    data = random.Random(turn).randbytes(2 * 1_048_576 + 100)
    cid = store.add(io.BytesIO(data)).cid
    print("kept", cid.text, flush=True)
    store.import_car(list(store.export_car(cid)), root=cid, max_bytes=longest_car(len(data)))
    passing = store.add(io.BytesIO(data[:1_048_576] + b"passing")).cid
    store.unpin(passing)
    store.collect_garbage()
"""


def written(size: int = CHUNKS * CHUNK_BYTES, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def stored(store: BlockStore, data: bytes) -> Cid:
    return store.add(io.BytesIO(data)).cid


def read(store: BlockStore, cid: Cid) -> bytes:
    return b"".join(store.read(cid))


def file_of(folder: Path, cid: Cid, ending: str = "") -> Path:
    [file] = (folder / "files").glob(f"*/{cid.text}{ending}")
    return file


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


@pytest.mark.parametrize("seed", range(6))
def test_killed_in_the_midst_every_promise_is_kept_and_the_rest_is_garbage(tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "documents"
    child = subprocess.Popen([sys.executable, "-c", _AT_WORK, str(folder), str(seed * 1_000)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "at work\n"
    time.sleep(random.Random(seed).uniform(0.0, 0.6))
    child.send_signal(signal.SIGKILL)
    promised = [line.split()[1] for line in child.stdout.read().splitlines() if line.startswith("kept ")]
    child.wait()
    child.stdout.close()
    store = BlockStore(folder)
    pinned = list(store.pins())
    # At most one more than was told of stands: the one whose answer did not come through.
    assert set(promised) <= {cid.text for cid in pinned}
    store.collect_garbage()
    kept = set()
    for cid in pinned:
        assert store.is_held(cid)
        assert identify(store.read(cid))[0] == cid
        kept |= {cid.text, f"{cid.text}.nodes"}
    assert files(folder) == kept
    assert list((folder / "new").glob("*")) == []


class Died(BaseException):
    """Stands for the end of a process: nothing in the adapter may expect it."""


def test_a_document_is_a_file_with_its_very_bytes_under_its_name(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    for data in (b"", b"short", written()):
        cid = stored(store, data)
        assert file_of(tmp_path, cid).read_bytes() == data
        assert file_of(tmp_path, cid).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("step", range(5))
def test_what_breaks_off_before_a_document_is_in_place_leaves_only_garbage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Before each step: bytes synced, nodes synced, nodes in place, bytes in place, names synced."""
    store, data = BlockStore(tmp_path), written()
    stored(store, b"so that the folders stand")
    steps = 0

    def dies_at_its_turn(call: Callable[..., None]) -> Callable[..., None]:
        def stepped(*args: object) -> None:
            nonlocal steps
            steps += 1
            if steps > step:
                raise Died
            call(*args)

        return stepped

    def stays(*_: object) -> None:
        """What died removes nothing."""

    before = files(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", dies_at_its_turn(os.fsync))
        patch.setattr(os, "replace", dies_at_its_turn(os.replace))
        patch.setattr(Path, "unlink", stays)
        with pytest.raises(Died):
            stored(store, data)
    cid, _, _ = identify([data])
    # Only its last step makes it visible, and then it is whole.
    assert store.is_held(cid) == (step == 4)
    assert len(list(store.pins())) == 1 + (step == 4)
    assert files(tmp_path) > before
    assert store.collect_garbage() == 0
    assert files(tmp_path) == before | ({cid.text, f"{cid.text}.nodes"} if step == 4 else set())
    stored(store, data)
    assert read(store, cid) == data


def test_a_document_on_its_way_in_is_left_alone_by_the_collection_of_another_process(tmp_path: Path) -> None:
    collect = "import sys; from pathlib import Path; from greenlane.adapters.blocks import BlockStore\n"
    collect += "print(BlockStore(Path(sys.argv[1])).collect_garbage())"
    data = written()
    turns: list[str] = []

    def told(_: int) -> None:
        done = subprocess.run([sys.executable, "-c", collect, str(tmp_path)], capture_output=True, text=True, check=True)
        turns.append(done.stdout.strip())

    store = BlockStore(tmp_path)
    answer = store.add(io.BytesIO(data), told=told)
    assert turns == ["0"] * CHUNKS
    assert read(store, answer.cid) == data


def test_what_is_pinned_or_stored_again_while_garbage_is_looked_for_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the taking away, others pin the one and store the other anew."""
    store, other = BlockStore(tmp_path), BlockStore(tmp_path)
    pinned_again, stored_again, gone = (written(seed=seed) for seed in (1, 2, 3))
    cids = [stored(store, data) for data in (pinned_again, stored_again, gone)]
    for cid in cids:
        store.unpin(cid)
    take = Folder.remove
    turns = 0

    def let_others_work_and_take(folder: Folder, cid: Cid) -> int | None:
        nonlocal turns
        turns += 1
        if turns == 1:
            other.pin(cids[0], wait_s=0)
            stored(other, stored_again)
        return take(folder, cid)

    def look_first(folder: Folder, ending: str) -> Iterator[Cid]:
        return iter(list(look(folder, ending)))

    look = Folder.named
    monkeypatch.setattr(Folder, "named", look_first)
    monkeypatch.setattr(Folder, "remove", let_others_work_and_take)
    # What was let go of the second is taken; what was stored anew is another file, and its nodes stay.
    assert store.collect_garbage() == 2 * (CHUNKS + 1)
    assert turns >= 2
    assert read(store, cids[0]) == pinned_again
    assert read(store, cids[1]) == stored_again
    assert store.is_held(cids[0])
    assert store.is_held(cids[1])
    assert not store.is_held(cids[2])


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _grow(file: Path) -> None:
    file.write_bytes(file.read_bytes() + bytes(CHUNK_BYTES))


def _empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [_flip, _cut, _grow, _empty])
@pytest.mark.parametrize(
    ("ending", "size"), [("", 100), ("", CHUNK_BYTES), ("", CHUNKS * CHUNK_BYTES), (".nodes", CHUNKS * CHUNK_BYTES)]
)
@pytest.mark.parametrize("is_imported", [True, False])
def test_damage_is_told_makes_the_document_unheld_and_is_repaired(
    tmp_path: Path, damage: Callable[[Path], None], ending: str, size: int, is_imported: bool
) -> None:
    store, data = BlockStore(tmp_path), written(size)
    cid = stored(store, data)
    car = list(store.export_car(cid))
    damage(file_of(tmp_path, cid, ending))
    if ending == ".nodes" and damage is _grow:
        # What follows the nodes is asked for by nobody.
        assert read(store, cid) == data
        return
    for _ in range(2):
        with pytest.raises(BytesRefused):
            read(store, cid)
    # Whoever reads finds out; whoever repairs is another process, and sees it by the files alone.
    assert not BlockStore(tmp_path).is_held(cid)
    with pytest.raises(DocumentMissing):
        store.pin(cid, wait_s=0)
    assert list(store.pins()) == [cid]
    assert store.collect_garbage() == 0
    if is_imported:
        store.import_car(car, root=cid, max_bytes=10**9)
    else:
        stored(store, data)
    assert store.is_held(cid)
    assert read(store, cid) == data
    assert not any(name.endswith(".damaged") for name in files(tmp_path))


def test_what_is_sound_of_a_damaged_document_is_handed_out_until_it_is_repaired(tmp_path: Path) -> None:
    store, data = BlockStore(tmp_path), written()
    cid = stored(store, data)
    _flip(file_of(tmp_path, cid))
    assert next(store.read(cid)) == data[:CHUNK_BYTES]
    with pytest.raises(BytesRefused):
        read(store, cid)
    assert not store.is_held(cid)
    assert b"".join(store.read(cid, offset=2 * CHUNK_BYTES)) == data[2 * CHUNK_BYTES :]
    store.unpin(cid)
    with pytest.raises(DocumentMissing):
        store.pin(cid, wait_s=0)
    store.collect_garbage()
    assert files(tmp_path) == set()


@pytest.mark.parametrize("ending", ["", ".nodes"])
def test_a_lost_file_makes_the_document_unheld_and_comes_back(tmp_path: Path, ending: str) -> None:
    store, data = BlockStore(tmp_path), written()
    cid = stored(store, data)
    file_of(tmp_path, cid, ending).unlink()
    assert not store.is_held(cid)
    with pytest.raises(DocumentMissing):
        read(store, cid)
    # Nodes alone are of no use; bytes alone are all that is left, and stay.
    assert store.collect_garbage() == 0
    assert files(tmp_path) == ({cid.text} if ending else set())
    stored(store, data)
    assert store.is_held(cid)
    assert read(store, cid) == data


def test_a_disk_that_cannot_read_a_block_is_a_damaged_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, data = BlockStore(tmp_path), b"short"
    cid = stored(store, data)

    def cannot(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", cannot)
        with pytest.raises(BytesRefused):
            read(store, cid)
    assert not store.is_held(cid)
    stored(store, data)
    assert read(store, cid) == data


@pytest.mark.parametrize("call", ["write", "fsync"])
@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, DocumentsFull), (errno.EDQUOT, DocumentsFull), (errno.EROFS, DocumentsUnavailable)],
)
def test_a_full_or_failing_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, error: type[Exception]
) -> None:
    store = BlockStore(tmp_path)
    kept = stored(store, b"kept")
    before = files(tmp_path)

    def fails(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    for data in (b"short", written()):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fails)
            with pytest.raises(error):
                stored(store, data)
        assert files(tmp_path) == before
    assert read(store, kept) == b"kept"


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"")
    store = BlockStore(place / "documents")
    for use in (store.check, lambda: stored(store, b"x"), lambda: store.pin(identify([b"x"])[0], wait_s=0)):
        with pytest.raises(DocumentsUnavailable):
            use()


def test_a_folder_that_was_never_used_is_an_empty_store_and_stays_unmade(tmp_path: Path) -> None:
    store = BlockStore(tmp_path / "documents")
    assert list(store.pins()) == []
    assert store.collect_garbage() == 0
    assert not store.is_held(identify([b"x"])[0])
    assert not (tmp_path / "documents").exists()


def _nobody(_: Path) -> None:
    """Nobody makes the folder again."""


def _another_process(folder: Path) -> None:
    BlockStore(folder).check()


def test_a_folder_that_vanished_is_an_empty_store_for_those_who_use_it(tmp_path: Path) -> None:
    folder, data = tmp_path / "documents", written()
    store, other = BlockStore(folder), BlockStore(folder)
    cid = stored(store, data)
    other.check()
    folder.rename(tmp_path / "away")
    for each in (store, other):
        assert not each.is_held(cid)
        assert not each.unpin(cid)
        assert list(each.pins()) == []
        assert each.collect_garbage() == 0
        with pytest.raises(DocumentMissing):
            read(each, cid)
        with pytest.raises(DocumentMissing):
            each.pin(cid, wait_s=0)
    assert stored(other, data) == cid
    for each in (store, other):
        each.check()
        assert read(each, cid) == data


@pytest.mark.parametrize("part", ["files", "new", "lock", "files/3f"])
def test_a_part_of_the_folder_that_vanished_is_made_again(tmp_path: Path, part: str) -> None:
    folder = tmp_path / "documents"
    store, data = (
        BlockStore(folder),
        next(b"%d" % seed for seed in range(2_000) if hashlib.sha256(b"%d" % seed).digest()[0] == 0x3F),
    )
    stored(store, b"kept")
    (folder / part).rename(tmp_path / "away")
    if part.startswith("files"):
        with pytest.raises(DocumentsUnavailable) as told:
            stored(store, data)
        assert "again" in told.value.remedy
    assert read(store, stored(store, data)) == data


@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("remake", [_nobody, _another_process])
@pytest.mark.parametrize("size", [100, CHUNKS * CHUNK_BYTES])
def test_what_is_stored_while_the_folder_vanishes_is_promised_only_where_it_is_in_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, remake: Callable[[Path], None], size: int
) -> None:
    """Before each step: the file made, bytes synced, nodes synced, nodes in place, bytes in place, names synced."""
    folder, data = tmp_path / "documents", written(size)
    store = BlockStore(folder)
    stored(store, b"so that the folders stand")
    cid, _, _ = identify([data])
    steps = 0

    def vanish_at_its_turn() -> None:
        nonlocal steps
        steps += 1
        if steps == step + 1:
            folder.rename(tmp_path / "away")
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", sync)
                patch.setattr(os, "replace", replace)
                remake(folder)

    sync, replace, told = os.fsync, os.replace, vanish_at_its_turn

    def vanishing_sync(descriptor: int) -> None:
        vanish_at_its_turn()
        sync(descriptor)

    def vanishing_replace(source: str, target: str) -> None:
        vanish_at_its_turn()
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", vanishing_sync)
        patch.setattr(os, "replace", vanishing_replace)
        try:
            store.add(io.BytesIO(data), told=lambda done: told() if done == size else None)
            is_promised = True
        except DocumentsUnavailable:
            is_promised = False
    has_vanished = steps > step
    assert is_promised == store.is_held(cid) == BlockStore(folder).is_held(cid)
    if has_vanished and step:
        assert not is_promised
    stored(store, data)
    assert read(store, cid) == data
    store.collect_garbage()
    assert {name.partition(".")[0] for name in files(folder)} >= {cid.text}
    assert list((folder / "new").iterdir()) == []


def test_who_waited_for_the_lock_of_a_folder_that_vanished_takes_that_of_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "documents"
    folder, data = Folder(place), b"stored in both"
    stored(BlockStore(place), data)
    flock, waits = fcntl.flock, 0

    def vanishing_while_it_waits(descriptor: int, how: int) -> None:
        nonlocal waits
        waits += 1
        if waits == 1:
            place.rename(tmp_path / "away")
            stored(BlockStore(place), data)
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", vanishing_while_it_waits)
    with folder.locked(fcntl.LOCK_SH):
        assert waits > 2
        with (place / "lock").open() as lock, pytest.raises(BlockingIOError):
            flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        with (tmp_path / "away" / "lock").open() as lock:
            flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_where_a_whole_home_vanished_no_other_is_made_and_its_return_is_seen(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    store = BlockStore(home / "documents")
    cid = stored(store, b"kept")
    home.rename(tmp_path / "away")
    with pytest.raises(DocumentsUnavailable):
        store.check()
    assert not home.exists()
    (tmp_path / "away").rename(home)
    store.check()
    assert read(store, cid) == b"kept"


def test_files_of_strangers_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    cid = stored(store, b"kept")
    stranger = tmp_path / "files" / "00" / "readme.txt"
    stranger.write_text("not ours", encoding="ascii")
    (tmp_path / "files" / "00" / "other.let-go").touch()
    assert list(store.pins()) == [cid]
    assert store.collect_garbage() == 0
    assert stranger.exists()


def test_several_processes_store_one_document_at_once(tmp_path: Path) -> None:
    program = "import hashlib, io, random, sys; from pathlib import Path; from greenlane.adapters.blocks import BlockStore\n"
    program += "data = random.Random(1).randbytes(3 * 1_048_576)\n"
    program += "for _ in range(3): print(BlockStore(Path(sys.argv[1])).add(io.BytesIO(data)).digest.hex())"
    children = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    answers = {line for child in children for line in child.communicate()[0].split()}
    assert [child.returncode for child in children] == [0, 0, 0]
    data = written()
    assert answers == {hashlib.sha256(data).hexdigest()}
    store = BlockStore(tmp_path)
    assert store.collect_garbage() == 0
    assert read(store, identify([data])[0]) == data
