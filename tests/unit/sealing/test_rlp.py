"""RLP has one spelling here, and a bound on its depth."""

import time
from itertools import product

import pytest
from greenlane.core.rlp import Item, ItemLike, RlpInvalid, decode, decode_number, encode, encode_number
from hypothesis import given
from hypothesis import strategies as st

ITEMS: st.SearchStrategy[Item] = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=4), max_leaves=12)


def nested(size: int) -> bytes:
    """Lists inside one another, of at least that many bytes."""
    data = b"\xc0"
    while len(data) < size:
        data = encode_list(data)
    return data


def encode_list(payload: bytes) -> bytes:
    if len(payload) < 56:
        return bytes([0xC0 + len(payload)]) + payload
    length = encode_number(len(payload))
    return bytes([0xF7 + len(length)]) + length + payload


@pytest.mark.parametrize(
    ("item", "data"),
    [
        (b"", "80"),
        (b"\x00", "00"),
        (b"\x7f", "7f"),
        (b"\x80", "8180"),
        (b"a" * 55, "b7" + "61" * 55),
        (b"a" * 56, "b838" + "61" * 56),
        ([], "c0"),
        ([[], [[]]], "c3c0c1c0"),
        ([b"cat", b"dog"], "c88363617483646f67"),
        ([b"a" * 56], "f83ab838" + "61" * 56),
    ],
)
def test_what_the_definition_says_is_written_and_read(item: Item, data: str) -> None:
    assert encode(item).hex() == data
    assert decode(bytes.fromhex(data), deepest=3) == item


@given(ITEMS)
def test_what_is_written_is_read_again(item: Item) -> None:
    assert decode(encode(item), deepest=30) == item


@given(st.binary(max_size=80))
def test_what_is_read_is_written_again_byte_for_byte(data: bytes) -> None:
    try:
        item = decode(data, deepest=8)
    except RlpInvalid:
        return
    assert encode(item) == data


def test_of_all_short_bytes_each_value_has_one_spelling() -> None:
    seen: dict[str, bytes] = {}
    for length in range(1, 3):
        for parts in product(range(256), repeat=length):
            try:
                item = decode(bytes(parts), deepest=3)
            except RlpInvalid:
                continue
            assert seen.setdefault(repr(item), bytes(parts)) == bytes(parts)
    assert len(seen) > 256


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "one spelling"),
        ("8100", "one spelling"),
        ("81", "one spelling"),
        ("8261", "beyond"),
        ("b80161", "one spelling"),
        ("b90001", "one spelling"),
        ("b9", "one spelling"),
        ("f80180", "one spelling"),
        ("f90038" + "80" * 56, "one spelling"),
        ("bfffffffffffffffff", "beyond"),
        ("ffffffffffffffffff", "beyond"),
        ("c281", "beyond"),
        ("c181", "one spelling"),
        ("c28261", "beyond"),
        ("c2c28080", "beyond"),
        ("8080", "after the end"),
        ("c000", "after the end"),
    ],
)
def test_another_spelling_is_refused(data: str, why: str) -> None:
    with pytest.raises(RlpInvalid, match=why):
        decode(bytes.fromhex(data), deepest=3)


def test_lists_stand_inside_one_another_as_deep_as_may_be() -> None:
    assert decode(bytes.fromhex("c1c0"), deepest=2) == [[]]
    for data, deepest in (("c1c0", 1), ("c0", 0), ("c3808080", 0)):
        with pytest.raises(RlpInvalid, match="deeper"):
            decode(bytes.fromhex(data), deepest=deepest)


def test_lists_without_end_cost_no_stack_and_no_time() -> None:
    deep = nested(60_000)
    started = time.monotonic()
    with pytest.raises(RlpInvalid, match="deeper"):
        decode(deep, deepest=32)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("number", [0, 1, 127, 128, 255, 256, 2**64 - 1])
def test_a_number_has_no_leading_zeros(number: int) -> None:
    data = encode_number(number)
    assert data[:1] != b"\x00"
    assert decode_number(data, most_bytes=8) == number
    with pytest.raises(RlpInvalid, match="leading zeros"):
        decode_number(b"\x00" + data, most_bytes=9)


@pytest.mark.parametrize("item", [[], [b"\x01"], b"123456789", b"\x00"])
def test_what_is_no_number_is_none(item: ItemLike) -> None:
    with pytest.raises(RlpInvalid, match="A number"):
        decode_number(item, most_bytes=8)  # type: ignore[arg-type]
