"""A CAR carries one document whole; every other is refused by the name of what is wrong with it."""

from collections.abc import Iterator

import pytest
from greenlane.core.documents.car import (
    CAR_HEAD_BYTES,
    CarCutOff,
    CarInvalid,
    CarOfAnotherDocument,
    CarOutOfOrder,
    CarTooLarge,
    longest_car,
    read_car,
    root_of_car,
    write_car,
)
from greenlane.core.documents.cid import Cid, CidInvalid, Codec
from greenlane.core.documents.unixfs import CHUNK_BYTES, Block, BlockMismatch, FileBuilder, Layout, NoDocument, walk
from greenlane.core.documents.varint import encode_varint
from hypothesis import given
from hypothesis import strategies as st

SMALL = Layout(chunk_bytes=4, max_links=3)
DATA = b"0123456789abcdefghijk"
HEADER_BYTES = 59


def built(data: bytes, layout: Layout = SMALL) -> tuple[Cid, dict[Cid, bytes]]:
    builder = FileBuilder(layout=layout)
    blocks = builder.add(data) + builder.finish()
    return builder.root, {block.cid: block.data for block in blocks}


ROOT, BLOCKS = built(DATA)
CAR = b"".join(write_car(ROOT, BLOCKS.__getitem__, layout=SMALL))
ORDER = list(walk(ROOT, BLOCKS.__getitem__, layout=SMALL))


def frame(block: Block) -> bytes:
    return encode_varint(36 + len(block.data)) + block.cid.encode() + block.data


def read(car: bytes, *, root: Cid = ROOT, max_bytes: int = 10_000) -> list[Block]:
    return list(read_car([car], root=root, max_bytes=max_bytes, layout=SMALL))


def with_blocks(blocks: list[Block]) -> bytes:
    return CAR[:HEADER_BYTES] + b"".join(map(frame, blocks))


def test_what_was_written_is_read_and_stands_in_the_order_of_the_walk() -> None:
    assert read(CAR) == ORDER
    assert with_blocks(ORDER) == CAR


@given(data=st.binary(max_size=100), piece=st.integers(1, 70))
def test_however_it_is_cut_the_same_blocks_come(data: bytes, piece: int) -> None:
    root, blocks = built(data)
    car = b"".join(write_car(root, blocks.__getitem__, layout=SMALL))
    pieces = [b"", *(car[at : at + piece] for at in range(0, len(car), piece)), b""]
    came = list(read_car(pieces, root=root, max_bytes=len(car), layout=SMALL))
    assert {block.cid: block.data for block in came} == blocks
    assert len(came) == len(blocks)


def test_cut_off_anywhere_it_is_refused() -> None:
    for length in range(len(CAR)):
        with pytest.raises(CarCutOff):
            read(CAR[:length])


def test_too_large_it_is_refused_and_no_more_is_asked_for() -> None:
    assert read(CAR, max_bytes=len(CAR)) == ORDER
    asked = 0

    def pieces() -> Iterator[bytes]:
        nonlocal asked
        for at in range(0, len(CAR), 10):
            asked += 1
            yield CAR[at : at + 10]

    with pytest.raises(CarTooLarge):
        list(read_car(pieces(), root=ROOT, max_bytes=95, layout=SMALL))
    assert asked == 10


def test_a_part_that_says_it_is_huge_is_refused_before_it_comes() -> None:
    huge = encode_varint(36 + CHUNK_BYTES + 1)
    with pytest.raises(CarTooLarge):
        read(CAR[:HEADER_BYTES] + huge)
    with pytest.raises(CarTooLarge):
        read(encode_varint(2**62))


def test_another_root_is_refused() -> None:
    another, _ = built(b"another document")
    with pytest.raises(CarOfAnotherDocument):
        read(CAR, root=another)


@pytest.mark.parametrize(
    "car",
    [
        b"this is not a car",
        b"\x80" * 20,
        b"\xba\x00" + CAR[1:],
        CAR[:1] + b"\xa3" + CAR[2:],
        CAR.replace(b"version\x01", b"version\x02"),
        encode_varint(4) + b"\xa0\xa0\xa0\xa0",
        b"\x00",
        encode_varint(57) + CAR[1 : HEADER_BYTES - 1],
    ],
    ids=["text", "no number", "a long number", "another map", "version 2", "an empty map", "nothing", "a short header"],
)
def test_what_is_no_car_of_version_1_with_one_root_is_refused(car: bytes) -> None:
    with pytest.raises(CarInvalid):
        read(car)


def test_blocks_in_another_order_twice_or_strange_are_refused() -> None:
    stranger = Block(cid=Cid.of(Codec.RAW, b"who"), data=b"who")
    for blocks in (
        [*ORDER[1:], ORDER[0]],
        [ORDER[0], *ORDER],
        [*ORDER[:2], stranger, *ORDER[2:]],
        [*ORDER, ORDER[-1]],
        [*ORDER, stranger],
        [stranger],
    ):
        with pytest.raises(CarOutOfOrder):
            read(with_blocks(blocks))
    foreign = CAR[:HEADER_BYTES] + encode_varint(40) + b"\x01\x71" + bytes(38)
    with pytest.raises(CarOutOfOrder, match="another kind"):
        read(foreign)


def test_a_block_that_does_not_match_its_name_is_refused() -> None:
    for at, block in enumerate(ORDER):
        wrong = Block(cid=block.cid, data=block.data[:-1] + bytes([block.data[-1] ^ 1]))
        with pytest.raises(BlockMismatch):
            read(with_blocks([*ORDER[:at], wrong, *ORDER[at + 1 :]]))


def test_what_is_no_document_is_refused() -> None:
    folder = b"\x0a\x02\x08\x01"
    block = Block(cid=Cid.of(Codec.DAG_PB, folder), data=folder)
    car = CAR[:HEADER_BYTES].replace(ROOT.encode(), block.cid.encode()) + frame(block)
    with pytest.raises(NoDocument):
        read(car, root=block.cid)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5])
def test_no_car_is_longer_than_it_is_said_to_be_at_most(size: int) -> None:
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    # Every chunk another one, so that none is left out.
    data = b"".join(bytes([at % 251]) + data[at + 1 : at + CHUNK_BYTES] for at in range(0, size, CHUNK_BYTES))
    root, blocks = built(data, Layout())
    assert size < sum(map(len, write_car(root, blocks.__getitem__))) <= longest_car(size)


def test_the_bound_holds_for_documents_of_several_rows() -> None:
    builder = FileBuilder()
    nodes = 0
    for number in range(1_030):
        nodes += sum(len(block.data) + 39 for block in builder.add(number.to_bytes(4, "big") * (CHUNK_BYTES // 4))[1:])
    nodes += sum(len(block.data) + 39 for block in builder.finish())
    assert HEADER_BYTES + builder.size + 1_030 * 39 + nodes <= longest_car(builder.size)


def test_a_car_tells_its_root_by_its_header_and_every_changed_byte_of_it_is_refused() -> None:
    assert root_of_car(CAR[:CAR_HEAD_BYTES]) == root_of_car(CAR) == ROOT
    for at in range(HEADER_BYTES):
        changed = bytearray(CAR)
        changed[at] ^= 1
        try:
            assert root_of_car(bytes(changed)) != ROOT
        except CarInvalid:
            continue
    for head in (b"", CAR[:20], CAR[: HEADER_BYTES - 1], b"%PDF-1.7\n" * 20):
        with pytest.raises(CarInvalid, match="no header of version 1 with one root"):
            root_of_car(head)


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)])
def test_a_cid_has_a_digest_of_its_one_length(digest: bytes) -> None:
    with pytest.raises(CidInvalid, match=f"not {len(digest)}"):
        Cid(codec=Codec.RAW, digest=digest)
