"""One suite over every store of documents: what `ports.documents.Documents` promises, wherever the bytes lie."""

import hashlib
import io
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread

import pytest
from greenlane.adapters.blocks import BlockStore
from greenlane.adapters.kubo import Kubo
from greenlane.core.documents.car import longest_car
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.unixfs import CHUNK_BYTES, identify
from greenlane.ports.documents import BytesRefused, DocumentMissing, Documents, StoredBytes
from worlds.kubo import stand_in_kubo
from worlds.kubo_trial import find_ipfs, one_node

WAIT_S = 1.0
SIZES = (0, 1, 12, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5)


@contextmanager
def make_blocks(folder: Path) -> Iterator[Documents]:
    yield BlockStore(folder / "documents")


@contextmanager
def make_kubo(folder: Path) -> Iterator[Documents]:
    with stand_in_kubo() as node:
        yield Kubo(node.url)


DOCUMENTS: dict[str, Callable[[Path], AbstractContextManager[Documents]]] = {"blocks": make_blocks, "kubo": make_kubo}


@pytest.fixture(scope="module")
def real_kubos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Documents, Documents]]:
    """Two nodes of the real program that know nothing of each other, one pair for all tests of this file."""
    ipfs, folder = find_ipfs(), tmp_path_factory.mktemp("kubo")
    with one_node(ipfs, folder / "one") as one, one_node(ipfs, folder / "other") as other:
        yield one.store, other.store


@pytest.fixture(params=[*DOCUMENTS, pytest.param("real kubo", marks=pytest.mark.kubo)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def documents(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Documents]:
    if kind == "real kubo":
        yield emptied(request.getfixturevalue("real_kubos")[0])
        return
    with DOCUMENTS[kind](tmp_path) as store:
        yield store


@pytest.fixture
def other(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Documents]:
    """A second store that shares nothing with the first."""
    if kind == "real kubo":
        yield emptied(request.getfixturevalue("real_kubos")[1])
        return
    (tmp_path / "other").mkdir()
    with DOCUMENTS[kind](tmp_path / "other") as store:
        yield store


def emptied(store: Documents) -> Documents:
    for cid in list(store.pins()):
        store.unpin(cid)
    store.collect_garbage()
    return store


def written(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def stored(documents: Documents, data: bytes) -> Cid:
    return documents.add(io.BytesIO(data)).cid


def read(documents: Documents, cid: Cid) -> bytes:
    return b"".join(documents.read(cid))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_added_is_named_as_at_home_held_and_read_again(documents: Documents, size: int) -> None:
    data = written(size)
    cid, _, _ = identify([data])
    told: list[int] = []
    answer = documents.add(io.BytesIO(data), expected=cid, told=told.append)
    assert answer == StoredBytes(cid=cid, size=size, digest=hashlib.sha256(data).digest())
    assert documents.is_held(cid)
    assert list(documents.pins()) == [cid]
    assert documents.size(cid) == size
    pieces = list(documents.read(cid))
    assert b"".join(pieces) == data
    assert max(map(len, pieces), default=0) <= CHUNK_BYTES
    assert told == sorted(told)
    assert told[-1:] == ([size] if size else told[-1:])


def test_what_is_added_begins_where_the_source_stands(documents: Documents) -> None:
    source = io.BytesIO(b"skipped" + b"stored")
    source.seek(len(b"skipped"))
    answer = documents.add(source)
    assert answer.cid == identify([b"stored"])[0]
    assert read(documents, answer.cid) == b"stored"


def test_the_same_bytes_again_change_nothing(documents: Documents) -> None:
    data = written(CHUNK_BYTES + 1)
    first = documents.add(io.BytesIO(data))
    assert documents.add(io.BytesIO(data), expected=first.cid) == first
    assert list(documents.pins()) == [first.cid]
    assert documents.collect_garbage() == 0
    assert read(documents, first.cid) == data


def test_bytes_that_are_not_those_expected_are_refused_and_not_pinned(documents: Documents) -> None:
    for data in (b"other", written(2 * CHUNK_BYTES + 3)):
        expected, _, _ = identify([b"promised"])
        with pytest.raises(BytesRefused):
            documents.add(io.BytesIO(data), expected=expected)
    assert list(documents.pins()) == []
    assert not documents.is_held(expected)


def test_every_range_is_the_slice_of_the_whole(documents: Documents) -> None:
    size = 2 * CHUNK_BYTES + 100
    data = written(size)
    cid = stored(documents, data)
    edges = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, size - 1, size, size + 5)
    for offset in edges:
        for length in (None, 0, 1, 2, CHUNK_BYTES, size + 5):
            end = size if length is None else offset + length
            assert b"".join(documents.read(cid, offset=offset, length=length)) == data[offset:end], (offset, length)


def test_what_was_never_here_is_missing_in_every_way_of_asking(documents: Documents) -> None:
    unknown, _, _ = identify([b"nobody stored this"])
    asked: list[Callable[[], object]] = [
        lambda: documents.size(unknown),
        lambda: read(documents, unknown),
        lambda: documents.block(unknown),
        lambda: list(documents.export_car(unknown)),
        lambda: documents.pin(unknown, wait_s=WAIT_S),
    ]
    for ask in asked:
        with pytest.raises(DocumentMissing):
            ask()
    assert not documents.is_held(unknown)
    assert not documents.unpin(unknown)
    assert list(documents.pins()) == []


def test_collection_takes_what_was_let_go_and_nothing_that_is_pinned(documents: Documents) -> None:
    kept, gone = written(2 * CHUNK_BYTES + 3, seed=1), written(CHUNK_BYTES + 7, seed=2)
    # They share a chunk: it stays with the one that is pinned, wherever it lies.
    shared = kept[:CHUNK_BYTES] + b"another end"
    cids = [stored(documents, data) for data in (kept, gone, shared)]
    assert documents.collect_garbage() == 0
    assert documents.unpin(cids[1])
    assert documents.unpin(cids[2])
    assert not documents.unpin(cids[2])
    assert not documents.is_held(cids[1])
    # gone: two chunks and a node; shared: its end, its node, and the shared chunk where each document has its own.
    assert documents.collect_garbage() in (3 + 2, 3 + 3)
    assert documents.collect_garbage() == 0
    assert list(documents.pins()) == [cids[0]]
    assert documents.is_held(cids[0])
    assert read(documents, cids[0]) == kept
    for cid in cids[1:]:
        with pytest.raises(DocumentMissing):
            read(documents, cid)


def test_what_was_let_go_and_still_lies_here_can_be_pinned_again(documents: Documents) -> None:
    data = written(2 * CHUNK_BYTES + 3)
    cid = stored(documents, data)
    documents.unpin(cid)
    assert not documents.is_held(cid)
    documents.pin(cid, wait_s=WAIT_S)
    documents.pin(cid, wait_s=WAIT_S)
    assert documents.is_held(cid)
    assert documents.collect_garbage() == 0
    assert read(documents, cid) == data


@pytest.mark.parametrize("size", SIZES)
def test_a_car_carries_a_document_from_store_to_store(documents: Documents, other: Documents, size: int) -> None:
    data = written(size)
    cid = stored(documents, data)
    car = b"".join(documents.export_car(cid))
    assert len(car) <= longest_car(size)
    other.import_car((car[at : at + 100_000] for at in range(0, len(car), 100_000)), root=cid, max_bytes=len(car))
    assert other.is_held(cid)
    assert list(other.pins()) == [cid]
    assert read(other, cid) == data
    assert b"".join(other.export_car(cid)) == car


def test_a_car_that_is_not_the_whole_document_asked_for_leaves_nothing_pinned(documents: Documents, other: Documents) -> None:
    data = written(2 * CHUNK_BYTES + 3)
    cid = stored(documents, data)
    car = b"".join(documents.export_car(cid))
    another, _, _ = identify([b"another"])
    flipped = bytearray(car)
    flipped[-1] ^= 1
    spoiled: list[tuple[str, bytes, Cid, int]] = [
        ("cut off in a block", car[:-1], cid, len(car)),
        ("cut off between blocks", car[: -(3 + 36 + 1)], cid, len(car)),
        ("empty", b"", cid, len(car)),
        ("another root", car, another, len(car)),
        ("too large", car, cid, len(car) - 1),
        ("too much", car + car[59:], cid, 2 * len(car)),
        ("a flipped bit", bytes(flipped), cid, len(car)),
        ("no CAR", b"this is not a car", cid, len(car)),
    ]
    for what, spoilt, root, max_bytes in spoiled:
        with pytest.raises(BytesRefused):
            other.import_car([spoilt], root=root, max_bytes=max_bytes)
        assert list(other.pins()) == [], what
        assert not other.is_held(cid), what


class InDribbles(io.BytesIO):
    """Hands out less than it is asked for, as sockets and raw files may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size if size is None or size < 2 else size // 2 + 1)


def test_a_source_that_hands_out_less_than_it_is_asked_for_is_the_same_document(documents: Documents) -> None:
    for data in (written(1_000), written(CHUNK_BYTES), written(2 * CHUNK_BYTES + 3)):
        assert documents.add(InDribbles(data)).cid == identify([data])[0]


class Torn(io.BytesIO):
    """Cannot be read to its end."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= 2 * CHUNK_BYTES:
            raise OSError("the source broke off")
        return super().read(size)


def test_a_source_that_breaks_off_is_not_taken_for_a_fault_of_the_store(documents: Documents) -> None:
    with pytest.raises(OSError, match="the source broke off"):
        documents.add(Torn(written(3 * CHUNK_BYTES)))
    assert list(documents.pins()) == []


def test_one_block_is_handed_out_by_its_name(documents: Documents) -> None:
    data = written(CHUNK_BYTES + 1)
    cid = stored(documents, data)
    leaf = Cid.of(Codec.RAW, data[:CHUNK_BYTES])
    assert documents.block(leaf) == data[:CHUNK_BYTES]
    assert Cid.of(Codec.DAG_PB, documents.block(cid)) == cid


def test_a_document_that_names_a_chunk_twice_is_whole_and_the_chunk_is_no_document_of_its_own(
    documents: Documents, other: Documents
) -> None:
    chunk, tail = written(CHUNK_BYTES), b"end"
    data = chunk * 2 + bytes(CHUNK_BYTES) + chunk + tail
    cid = stored(documents, data)
    other.import_car(documents.export_car(cid), root=cid, max_bytes=longest_car(len(data)))
    for store in (documents, other):
        assert store.size(cid) == len(data)
        assert read(store, cid) == data
        assert b"".join(store.read(cid, offset=3 * CHUNK_BYTES - 1, length=3)) == b"\0" + chunk[:2]
        assert store.block(Cid.of(Codec.RAW, chunk)) == chunk
        assert store.block(Cid.of(Codec.RAW, tail)) == tail
        assert not store.is_held(Cid.of(Codec.RAW, chunk))


def test_many_who_add_and_let_go_at_once_lose_nothing_that_is_pinned(documents: Documents) -> None:
    shared = written(CHUNK_BYTES)
    kept = [shared + bytes([number]) * 50 for number in range(4)]
    faults: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(4):
                cid = stored(documents, kept[number])
                passing = stored(documents, shared + f"{number}/{turn}".encode())
                documents.unpin(passing)
                documents.collect_garbage()
                assert read(documents, cid) == kept[number]
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            faults.append(error)

    threads = [Thread(target=work, args=(number,)) for number in range(len(kept))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    documents.collect_garbage()
    for data in kept:
        cid, _, _ = identify([data])
        assert documents.is_held(cid)
        assert read(documents, cid) == data
    assert len(list(documents.pins())) == len(kept)


def test_the_store_says_that_it_can_be_used(documents: Documents) -> None:
    documents.check()
    assert list(documents.pins()) == []
