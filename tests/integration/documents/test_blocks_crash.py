"""The embedded store through crashes, damage and full disks: what a pin holds stays, and nothing is half-stored."""

import errno
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
from greenlane.core.documents.cid import Cid, Codec
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


def file_of(folder: Path, cid: Cid) -> Path:
    [file] = (folder / "blocks").glob(f"*/{cid.text}")
    return file


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def leaf_of(data: bytes, number: int) -> Cid:
    return Cid.of(Codec.RAW, data[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES])


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
        kept |= {f"{cid.text}.pin", cid.text, *(link.text for link in _leaves(store, cid))}
    assert files(folder) == kept
    assert list((folder / "new").glob("*")) == []


def _leaves(store: BlockStore, cid: Cid) -> Iterator[Cid]:
    data = read(store, cid)
    return (Cid.of(Codec.RAW, data[at : at + CHUNK_BYTES]) for at in range(0, len(data), CHUNK_BYTES))


class Died(BaseException):
    """Stands for the end of a process: nothing in the adapter may expect it."""


@pytest.mark.parametrize("call", ["_put_in_place", "_make_pin"])
def test_what_breaks_off_before_the_pin_leaves_only_garbage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def dies(*_: object) -> None:
        raise Died

    store, data = BlockStore(tmp_path), written()
    with monkeypatch.context() as patch:
        patch.setattr(BlockStore, call, dies)
        with pytest.raises(Died):
            stored(store, data)
    cid, _, _ = identify([data])
    assert list(store.pins()) == []
    assert not store.is_held(cid)
    assert store.collect_garbage() == (CHUNKS + 1 if call == "_make_pin" else 0)
    assert files(tmp_path) == set()
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
    look = store._keep
    looks = 0

    def look_and_let_others_work(kept: set[Cid]) -> bool:
        nonlocal looks
        looks += 1
        known = look(kept)
        if looks == 2:
            other.pin(cids[0], wait_s=0)
            stored(other, stored_again)
        return known

    monkeypatch.setattr(store, "_keep", look_and_let_others_work)
    assert store.collect_garbage() == CHUNKS + 1
    assert read(store, cids[0]) == pinned_again
    assert read(store, cids[1]) == stored_again
    assert not store.is_held(cids[2])


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _grow(file: Path) -> None:
    file.write_bytes(file.read_bytes() + bytes(CHUNK_BYTES))


@pytest.mark.parametrize("damage", [_flip, _cut, _grow])
@pytest.mark.parametrize("is_root", [True, False])
@pytest.mark.parametrize("is_imported", [True, False])
def test_a_damaged_block_is_told_makes_the_document_unheld_and_is_repaired(
    tmp_path: Path, damage: Callable[[Path], None], is_root: bool, is_imported: bool
) -> None:
    store, data = BlockStore(tmp_path), written()
    cid = stored(store, data)
    car = list(store.export_car(cid))
    damage(file_of(tmp_path, cid if is_root else leaf_of(data, 1)))
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


def test_a_lost_block_makes_the_document_unheld_and_comes_back(tmp_path: Path) -> None:
    store, data = BlockStore(tmp_path), written()
    cid = stored(store, data)
    for lost in (leaf_of(data, 0), cid):
        file_of(tmp_path, lost).unlink()
        assert not store.is_held(cid)
        with pytest.raises(DocumentMissing):
            read(store, cid)
        # What is left is not garbage: it may be all there is of it.
        assert store.collect_garbage() == 0
        stored(store, data)
        assert store.is_held(cid)


def test_a_disk_that_cannot_read_a_block_is_a_damaged_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, data = BlockStore(tmp_path), b"short"
    cid = stored(store, data)

    def cannot(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", cannot)
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


def test_above_its_limit_the_store_is_full_and_has_room_again_after_collection(tmp_path: Path) -> None:
    store = BlockStore(tmp_path, max_bytes=5 * CHUNK_BYTES)
    first, second = written(seed=1), written(seed=2)
    cid = stored(store, first)
    for _ in range(2):
        with pytest.raises(DocumentsFull):
            stored(store, second)
    assert stored(store, first) == cid
    assert list(store.pins()) == [cid]
    store.unpin(cid)
    store.collect_garbage()
    assert read(store, stored(store, second)) == second


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


def test_files_of_strangers_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    cid = stored(store, b"kept")
    stranger = tmp_path / "blocks" / "00" / "readme.txt"
    stranger.write_text("not ours", encoding="ascii")
    (tmp_path / "blocks" / "00" / "other.pin").touch()
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
