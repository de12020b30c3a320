"""A header has one spelling, two hashes, and nothing in it that a stranger could make us stumble over."""

from dataclasses import fields, replace
from typing import Any

import pytest
from greenlane.core.crypto import keccak256
from greenlane.core.header import (
    MAX_ROUND,
    MAX_TIMESTAMP,
    Header,
    HeaderInvalid,
    QbftExtra,
    Vote,
    decode_extra,
    encode_extra,
    genesis_extra,
    header_from_rpc,
)
from greenlane.core.rlp import Item, ItemLike, decode, encode
from greenlane.core.seals import MAX_HEADER_BYTES, MAX_VALIDATORS, ValidatorMode
from greenlane.core.units import Address, BlockNumber
from hypothesis import given
from hypothesis import strategies as st
from worlds.sealed_chain import SealedChain

CHAIN = SealedChain(ValidatorMode.HEADER, validators=4)
HEADER = CHAIN.block(round=3, vote=Vote(validator=SealedChain.member(9), is_for_adding=True))
NAMES = [field.name for field in fields(Header)]
NUMBERS = [name for name in NAMES if isinstance(getattr(HEADER, name), int)]
RPC_NAMES = {
    "parent_hash": "parentHash",
    "uncles_hash": "sha3Uncles",
    "miner": "miner",
    "state_root": "stateRoot",
    "transactions_root": "transactionsRoot",
    "receipts_root": "receiptsRoot",
    "logs_bloom": "logsBloom",
    "difficulty": "difficulty",
    "number": "number",
    "gas_limit": "gasLimit",
    "gas_used": "gasUsed",
    "timestamp": "timestamp",
    "extra": "extraData",
    "mix_hash": "mixHash",
    "nonce": "nonce",
    "base_fee_per_gas": "baseFeePerGas",
    "withdrawals_root": "withdrawalsRoot",
    "blob_gas_used": "blobGasUsed",
    "excess_blob_gas": "excessBlobGas",
    "parent_beacon_block_root": "parentBeaconBlockRoot",
}


def answer(header: Header) -> dict[str, Any]:
    """A node's answer to eth_getBlockByNumber, as far as the header goes."""
    values: dict[str, Any] = {"hash": "0x" + header.block_hash().hex(), "size": "0x2c4", "uncles": [], "totalDifficulty": "0x1"}
    for name in NAMES:
        value = encode_extra(header.extra) if name == "extra" else getattr(header, name)
        values[RPC_NAMES[name]] = f"0x{value:x}" if isinstance(value, int) else "0x" + value.hex()
    return values


def items(data: bytes, deepest: int) -> list[Item]:
    item = decode(data, deepest=deepest)
    assert isinstance(item, list)
    return item


def with_field(name: str, value: Any) -> Header:
    changed: dict[str, Any] = {name: value}
    return replace(HEADER, **changed)


def with_item(place: int, item: ItemLike) -> bytes:
    """HEADER with another item in one place."""
    parts: list[ItemLike] = list(items(HEADER.encode(), 1))
    parts[place] = item
    return encode(parts)


def with_extra_item(place: int, item: ItemLike) -> bytes:
    parts: list[ItemLike] = list(items(encode_extra(HEADER.extra), 2))
    parts[place] = item
    return encode(parts)


ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
EXTRAS = st.builds(
    QbftExtra,
    vanity=st.binary(min_size=32, max_size=32),
    validators=st.lists(ADDRESSES, max_size=5).map(tuple),
    vote=st.none() | st.builds(Vote, validator=ADDRESSES, is_for_adding=st.booleans()),
    round=st.integers(0, MAX_ROUND),
    seals=st.lists(st.binary(min_size=65, max_size=65), max_size=5).map(tuple),
)
HEADERS = st.builds(
    Header,
    **{
        name: EXTRAS
        if name == "extra"
        else st.integers(0, MAX_TIMESTAMP if name == "timestamp" else 2**64 - 1)
        if name in NUMBERS
        else st.binary(min_size=len(getattr(HEADER, name)), max_size=len(getattr(HEADER, name)))
        for name in NAMES
    },
)


@given(HEADERS)
def test_what_is_written_is_read_again_from_both_forms(header: Header) -> None:
    assert Header.decode(header.encode()) == header
    assert header_from_rpc(answer(header)) == header


@given(st.data())
def test_a_changed_byte_is_refused_or_makes_another_header_that_is_written_so(data: st.DataObject) -> None:
    rlp = bytearray(HEADER.encode())
    rlp[data.draw(st.integers(0, len(rlp) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        header = Header.decode(bytes(rlp))
    except HeaderInvalid:
        return
    assert header != HEADER
    assert header.encode() == rlp


@given(st.binary(max_size=200))
def test_bytes_that_are_no_header_are_refused_as_such(data: bytes) -> None:
    for read in (Header.decode, decode_extra):
        with pytest.raises(HeaderInvalid):
            read(data)


def test_the_two_hashes_differ_in_the_round_and_leave_the_seals_out() -> None:
    bare = replace(HEADER.extra, seals=())
    assert HEADER.seal_hash() == keccak256(replace(HEADER, extra=bare).encode())
    assert HEADER.block_hash() == keccak256(replace(HEADER, extra=replace(bare, round=0)).encode())
    unsealed = replace(HEADER, extra=bare)
    assert (unsealed.seal_hash(), unsealed.block_hash()) == (HEADER.seal_hash(), HEADER.block_hash())
    first_round = replace(HEADER, extra=replace(HEADER.extra, round=0))
    assert first_round.block_hash() == HEADER.block_hash() == first_round.seal_hash() != HEADER.seal_hash()


def test_block_0_is_known_by_all_of_it() -> None:
    genesis = replace(HEADER, number=BlockNumber(0))
    assert genesis.block_hash() == keccak256(genesis.encode())


def test_every_field_counts_in_both_hashes() -> None:
    for name in NAMES:
        value = getattr(HEADER, name)
        if name == "extra":
            other: Any = replace(value, vanity=bytes(32))
        else:
            other = value + 1 if isinstance(value, int) else bytes([value[0] ^ 1]) + value[1:]
        changed = with_field(name, other)
        assert changed.block_hash() != HEADER.block_hash()
        assert changed.seal_hash() != HEADER.seal_hash()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*NUMBERS, "extra")])
def test_bytes_of_another_length_are_refused(name: str) -> None:
    value = getattr(HEADER, name)
    for other in (value[:-1], value + b"\x01", b""):
        with pytest.raises(HeaderInvalid, match=RPC_NAMES[name]):
            with_field(name, other)
        with pytest.raises(HeaderInvalid, match=RPC_NAMES[name]):
            Header.decode(with_item(NAMES.index(name), other))
        with pytest.raises(HeaderInvalid):
            header_from_rpc(answer(HEADER) | {RPC_NAMES[name]: "0x" + other.hex()})


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_too_large_or_with_leading_zeros_are_refused(name: str) -> None:
    size = 32 if name in ("difficulty", "base_fee_per_gas") else 8
    for number in (-1, 1 << 8 * size):
        with pytest.raises(HeaderInvalid, match=RPC_NAMES[name]):
            with_field(name, number)
    for item in (b"\x00", b"\x00\x01", b"\x01" + bytes(size)):
        with pytest.raises(HeaderInvalid, match=RPC_NAMES[name]):
            Header.decode(with_item(NAMES.index(name), item))
    for text in ("0x", "0x00", "0x01", "0X1", "1", "", "0x-1", "0xA", "0x_1", "0x1 ", "0x1" + "0" * 2 * size, "0x٣"):
        with pytest.raises(HeaderInvalid) as caught:
            header_from_rpc(answer(HEADER) | {RPC_NAMES[name]: text})
        assert caught.value.where == f"/{RPC_NAMES[name]}"


def test_a_time_beyond_every_calendar_is_refused() -> None:
    assert replace(HEADER, timestamp=MAX_TIMESTAMP).timestamp == MAX_TIMESTAMP
    with pytest.raises(HeaderInvalid, match="9999"):
        replace(HEADER, timestamp=MAX_TIMESTAMP + 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_list_in_place_of_a_field_is_refused(name: str) -> None:
    with pytest.raises(HeaderInvalid):
        Header.decode(with_item(NAMES.index(name), []))
    with pytest.raises(HeaderInvalid) as caught:
        header_from_rpc({key: value for key, value in answer(HEADER).items() if key != RPC_NAMES[name]})
    assert caught.value.where == f"/{RPC_NAMES[name]}"
    wrongs: list[Any] = [None, 7, True, [], {}, "0x" + "00" * MAX_HEADER_BYTES + "00", "zz", "0xzz"]
    for wrong in wrongs:
        with pytest.raises(HeaderInvalid):
            header_from_rpc(answer(HEADER) | {RPC_NAMES[name]: wrong})


def test_a_header_has_twenty_fields_and_no_more_bytes_than_it_may() -> None:
    parts = items(HEADER.encode(), 1)
    assert len(parts) == 20
    for other in (parts[:-1], [*parts, b""], [], parts[:17]):
        with pytest.raises(HeaderInvalid, match="20 fields"):
            Header.decode(encode(other))
    with pytest.raises(HeaderInvalid, match="20 fields"):
        Header.decode(encode(b"no list"))
    with pytest.raises(HeaderInvalid, match="at most"):
        Header.decode(bytes(MAX_HEADER_BYTES + 1))


@pytest.mark.parametrize(
    ("place", "item"),
    [
        (0, b"short"),
        (0, [b"list"]),
        (1, b""),
        (1, [b"short"]),
        (1, [[]]),
        (2, b""),
        (2, [bytes(20)]),
        (2, [bytes(20), b"\x01"]),
        (2, [bytes(20), b"\xff", b""]),
        (2, [b"short", b"\xff"]),
        (2, [[], b"\xff"]),
        (2, [bytes(20), []]),
        (3, b"\x00"),
        (3, b"\x00\x01"),
        (3, (MAX_ROUND + 1).to_bytes(4, "big")),
        (3, bytes([1, 0, 0, 0, 0])),
        (3, []),
        (4, b""),
        (4, [bytes(64)]),
        (4, [[]]),
        (4, [[[]]]),
    ],
)
def test_extra_data_that_qbft_does_not_write_is_refused(place: int, item: ItemLike) -> None:
    extra = with_extra_item(place, item)
    with pytest.raises(HeaderInvalid):
        decode_extra(extra)
    with pytest.raises(HeaderInvalid):
        Header.decode(with_item(NAMES.index("extra"), extra))


def test_extra_data_has_five_fields() -> None:
    parts = items(encode_extra(HEADER.extra), 2)
    for other in (parts[:-1], [*parts, b""], []):
        with pytest.raises(HeaderInvalid, match="five fields"):
            decode_extra(encode(other))
    with pytest.raises(HeaderInvalid, match="five fields"):
        decode_extra(encode(b"no list"))


def test_a_header_names_no_more_validators_than_a_set_has() -> None:
    most = tuple(SealedChain.member(0) for _ in range(MAX_VALIDATORS))
    assert len(decode_extra(encode_extra(replace(HEADER.extra, validators=most))).validators) == MAX_VALIDATORS
    with pytest.raises(HeaderInvalid, match="At most"):
        replace(HEADER.extra, validators=(*most, SealedChain.member(0)))
    with pytest.raises(HeaderInvalid, match="At most"):
        replace(HEADER.extra, seals=(bytes(65),) * (MAX_VALIDATORS + 1))


def test_the_first_extra_data_is_written_in_one_order() -> None:
    members = SealedChain.members(4)
    assert genesis_extra(members) == genesis_extra(reversed(members))
    assert decode_extra(genesis_extra(members)).validators == tuple(sorted(members))
    # What a chain starts from whose contract holds the set: known to every such chain.
    assert genesis_extra(()).hex() == "e5a0" + "00" * 32 + "c0c080c0"
