"""RLP in its one spelling, read as deep as the caller allows and no deeper.

The package rlp reads the prefix of each item and refuses every other spelling of it. Its own walk down the lists is recursive
without a bound, so that a stranger's 60 kB of nested lists exhaust the interpreter's stack; here the caller says how deep lists
may stand. It is imported on first use, since it costs 0.3 s and only what is sealed needs it.
Source: Ethereum Yellow Paper, appendix B.
"""

from collections.abc import Sequence
from typing import TypeAlias

from greenlane.core.errors import InvalidInput

Item: TypeAlias = "bytes | list[Item]"
"""Bytes, or a list of items."""
ItemLike: TypeAlias = "bytes | Sequence[ItemLike]"
"""What `encode` takes: lists may be tuples."""


class RlpInvalid(InvalidInput):
    """Bytes are no RLP, another spelling of it than the one, or nested deeper than may be."""

    code = "rlp-invalid"


def encode(item: ItemLike) -> bytes:
    """The RLP of bytes or of a sequence of items."""
    from rlp.codec import encode_raw  # type: ignore[import-untyped]

    data: bytes = encode_raw(item)
    return data


def decode(data: bytes, *, deepest: int) -> Item:
    """Reads one item that is all of `data`; `encode` of the answer is `data` again.

    Args:
        data: of any length; the time grows with it and with nothing else.
        deepest: lists inside one another that may stand; 0 where only bytes are expected.

    Raises:
        RlpInvalid: anything else.
    """
    from rlp.codec import DecodingError

    try:
        item, end = _item_at(data, 0, len(data), deepest)
    except (DecodingError, IndexError) as error:
        raise RlpInvalid("The bytes are no RLP in its one spelling.") from error
    if end != len(data):
        raise RlpInvalid(f"{len(data) - end} bytes stand after the end of the RLP.")
    return item


def encode_number(number: int) -> bytes:
    """A number as RLP carries it: big-endian without leading zeros; none at all for 0."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def decode_number(item: Item, *, most_bytes: int) -> int:
    """Reads what `encode_number` writes.

    Raises:
        RlpInvalid: no bytes, more than `most_bytes`, or a leading zero.
    """
    if not isinstance(item, bytes) or len(item) > most_bytes or item[:1] == b"\x00":
        raise RlpInvalid(f"A number of at most {most_bytes} bytes without leading zeros is expected.")
    return int.from_bytes(item, "big")


def _item_at(data: bytes, at: int, end: int, deepest: int) -> tuple[Item, int]:
    """The item that begins at a place and ends at `end` at the latest, and where it ends."""
    from rlp.codec import consume_length_prefix

    _, kind, length, begin = consume_length_prefix(data, at)
    after = begin + length
    if after > end:
        raise RlpInvalid("An item of the RLP ends beyond what holds it.")
    if kind is bytes:
        return data[begin:after], after
    if deepest == 0:
        raise RlpInvalid("Lists stand inside one another deeper than they may.")
    items: list[Item] = []
    while begin < after:
        item, begin = _item_at(data, begin, after, deepest - 1)
        items.append(item)
    return items, after
