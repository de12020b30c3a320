"""The header of a block as QBFT validators keep it, and the two hashes that it goes by.

A header is 20 fields in RLP, as Cancun has them. Its extra data holds what QBFT adds: the validators where they stand in the
header, a vote on them, the round in which they agreed, and the seals. A block is known by the hash of its header with round 0 and
no seals; each validator's seal signs the hash with the actual round and no seals. Block 0 nobody sealed: it is known by the hash
of all of it.

There is one spelling of each header: what `decode` takes, `encode` writes again byte for byte.
Source: Hyperledger Besu, QbftBlockHeaderFunctions and QbftExtraDataCodec; Ethereum Yellow Paper, section 4.3; EIP-4895,
EIP-4844, EIP-4788.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self

from greenlane.core.canonical import JsonValue, pointer
from greenlane.core.crypto import keccak256
from greenlane.core.errors import InvalidInput
from greenlane.core.rlp import Item, ItemLike, RlpInvalid, decode, decode_number, encode, encode_number
from greenlane.core.seals import MAX_HEADER_BYTES, MAX_VALIDATORS
from greenlane.core.units import Address, BlockNumber
from greenlane.core.wire import FieldInvalid, decode_hex, shown

ADDRESS_BYTES = 20
HASH_BYTES = 32
SEAL_BYTES = 65
VANITY_BYTES = 32
MAX_ROUND = 2**31 - 1
"""Besu keeps a round in a signed number of 32 bits."""
MAX_TIMESTAMP = 253_402_300_799
"""The last second of the year 9999, beyond which no calendar of ours goes."""
_BLOOM_BYTES = 256
_NONCE_BYTES = 8
_COUNT_BYTES = 8
_WEI_BYTES = 32
_ROUND_BYTES = 4
_ADD = b"\xff"
_DROP = b""


class HeaderInvalid(InvalidInput):
    """Bytes or values are no header of a QBFT block at Cancun."""

    code = "header-invalid"
    default_remedy = "Give the header of a QBFT block at Cancun, with its round and seals."


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What the block's proposer wants of the validator set; only where the set stands in the header.

    Attributes:
        validator: about whom.
        is_for_adding: whether it is to become a validator, or to cease to be one.
    """

    validator: Address
    is_for_adding: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QbftExtra:
    """What QBFT keeps in a header's extra data.

    Attributes:
        vanity: 32 bytes of no meaning; Besu puts its name there.
        validators: who seals this block, where that stands in the header; else empty. At most MAX_VALIDATORS.
        vote: of the block's proposer, or None.
        round: in which the validators agreed on the block, from 0 to MAX_ROUND.
        seals: signatures of the seal hash, r (32) ‖ s (32) ‖ v (1), unchecked; at most MAX_VALIDATORS.
    """

    vanity: bytes
    validators: tuple[Address, ...]
    vote: Vote | None
    round: int
    seals: tuple[bytes, ...]

    def __post_init__(self) -> None:
        _require_length(self.vanity, VANITY_BYTES, "The vanity")
        _require_each(self.validators, ADDRESS_BYTES, "A validator")
        _require_each(self.seals, SEAL_BYTES, "A seal")
        if self.vote is not None:
            _require_length(self.vote.validator, ADDRESS_BYTES, "Whom a vote is about")
        if not 0 <= self.round <= MAX_ROUND:
            raise HeaderInvalid(f"A round is from 0 to {MAX_ROUND}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One block's header; the fields in their order, hashes of 32 bytes.

    Attributes:
        miner: who proposed the block.
        logs_bloom: 256 bytes.
        difficulty, base_fee_per_gas: below 2^256; all other numbers below 2^64.
        timestamp: seconds since 1970 in UTC, at most MAX_TIMESTAMP.
        extra: what QBFT adds.
        nonce: 8 bytes.
    """

    parent_hash: bytes
    uncles_hash: bytes
    miner: Address
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    difficulty: int
    number: BlockNumber
    gas_limit: int
    gas_used: int
    timestamp: int
    extra: QbftExtra
    mix_hash: bytes
    nonce: bytes
    base_fee_per_gas: int
    withdrawals_root: bytes
    blob_gas_used: int
    excess_blob_gas: int
    parent_beacon_block_root: bytes

    def __post_init__(self) -> None:
        for name, form in _FORMS.items():
            value = getattr(self, name)
            if form.is_number:
                if not 0 <= value < 1 << 8 * form.size:
                    raise HeaderInvalid(f"The field {form.rpc_name} is a number of at most {form.size} bytes.")
            else:
                _require_length(value, form.size, f"The field {form.rpc_name}")
        if self.timestamp > MAX_TIMESTAMP:
            raise HeaderInvalid(f"A block of {self.timestamp} seconds after 1970 lies beyond the year 9999.")

    @classmethod
    def decode(cls, rlp: bytes) -> Self:
        """Reads a header strictly.

        Args:
            rlp: at most MAX_HEADER_BYTES, round and seals in its extra data.

        Raises:
            HeaderInvalid: it is none, or not in its one spelling.
        """
        if len(rlp) > MAX_HEADER_BYTES:
            raise HeaderInvalid(f"A header has at most {MAX_HEADER_BYTES} bytes, not {len(rlp)}.")
        try:
            items = decode(rlp, deepest=1)
        except RlpInvalid as error:
            raise HeaderInvalid(error.detail) from error
        names = [field.name for field in fields(cls)]
        if not isinstance(items, list) or len(items) != len(names):
            raise HeaderInvalid(f"A header at Cancun is a list of {len(names)} fields.")
        values: dict[str, Any] = {}
        for name, item in zip(names, items, strict=True):
            values[name] = decode_extra(_bytes(item)) if name == "extra" else _FORMS[name].read(item)
        return cls(**values)

    def encode(self) -> bytes:
        """The RLP of the header as validators keep it: round and seals in."""
        return self._encode(self.extra)

    def block_hash(self) -> bytes:
        """What the block is known by; 32 bytes."""
        is_first = self.number == 0
        return keccak256(self._encode(self.extra if is_first else replace(self.extra, round=0, seals=())))

    def seal_hash(self) -> bytes:
        """What each seal of the block signs; 32 bytes."""
        return keccak256(self._encode(replace(self.extra, seals=())))

    def _encode(self, extra: QbftExtra) -> bytes:
        return encode(
            [
                encode_extra(extra) if name == "extra" else _FORMS[name].write(getattr(self, name))
                for name in (field.name for field in fields(self))
            ]
        )


class _Form(NamedTuple):
    """How one field stands in RLP and in a node's answers; `size` is exact for bytes, the most for a number."""

    rpc_name: str
    size: int
    is_number: bool = False

    def read(self, item: Item) -> bytes | int:
        if not self.is_number:
            return _bytes(item)
        try:
            return decode_number(item, most_bytes=self.size)
        except RlpInvalid as error:
            raise HeaderInvalid(f"In the field {self.rpc_name}: {error.detail}") from error

    def write(self, value: Any) -> bytes:
        return encode_number(value) if self.is_number else value

    def read_rpc(self, value: JsonValue, where: str) -> bytes | int:
        text = _rpc_text(value, where)
        if not self.is_number:
            return _rpc_bytes(text, where)
        # A quantity has no leading zeros, and so may have an odd number of digits.
        digits = text.removeprefix("0x")
        if len(digits) > 2 * self.size or text != (f"0x{int(digits, 16):x}" if _are_digits(digits) else None):
            raise HeaderInvalid(f"{shown(text)} is no quantity.", where=where)
        return int(digits, 16)


_FORMS = {
    "parent_hash": _Form("parentHash", HASH_BYTES),
    "uncles_hash": _Form("sha3Uncles", HASH_BYTES),
    "miner": _Form("miner", ADDRESS_BYTES),
    "state_root": _Form("stateRoot", HASH_BYTES),
    "transactions_root": _Form("transactionsRoot", HASH_BYTES),
    "receipts_root": _Form("receiptsRoot", HASH_BYTES),
    "logs_bloom": _Form("logsBloom", _BLOOM_BYTES),
    "difficulty": _Form("difficulty", _WEI_BYTES, is_number=True),
    "number": _Form("number", _COUNT_BYTES, is_number=True),
    "gas_limit": _Form("gasLimit", _COUNT_BYTES, is_number=True),
    "gas_used": _Form("gasUsed", _COUNT_BYTES, is_number=True),
    "timestamp": _Form("timestamp", _COUNT_BYTES, is_number=True),
    "mix_hash": _Form("mixHash", HASH_BYTES),
    "nonce": _Form("nonce", _NONCE_BYTES),
    "base_fee_per_gas": _Form("baseFeePerGas", _WEI_BYTES, is_number=True),
    "withdrawals_root": _Form("withdrawalsRoot", HASH_BYTES),
    "blob_gas_used": _Form("blobGasUsed", _COUNT_BYTES, is_number=True),
    "excess_blob_gas": _Form("excessBlobGas", _COUNT_BYTES, is_number=True),
    "parent_beacon_block_root": _Form("parentBeaconBlockRoot", HASH_BYTES),
}


def header_from_rpc(value: Mapping[str, JsonValue]) -> Header:
    """The header in a node's answer to eth_getBlockByNumber.

    Args:
        value: the answer; fields that are no part of a header are passed over, "hash" among them: the caller holds it against
            `block_hash`.

    Raises:
        HeaderInvalid: a field is missing or not as it must be; `where` points at it.
    """
    values: dict[str, Any] = {}
    for name, form in _FORMS.items():
        values[name] = form.read_rpc(value.get(form.rpc_name), pointer(form.rpc_name))
    where = pointer("extraData")
    extra = decode_extra(_rpc_bytes(_rpc_text(value.get("extraData"), where), where))
    return Header(extra=extra, **values)


def encode_extra(extra: QbftExtra) -> bytes:
    """The extra data of a header."""
    vote: ItemLike = ()
    if extra.vote is not None:
        vote = (extra.vote.validator, _ADD if extra.vote.is_for_adding else _DROP)
    return encode((extra.vanity, extra.validators, vote, encode_number(extra.round), extra.seals))


def decode_extra(data: bytes) -> QbftExtra:
    """Reads the extra data of a header strictly.

    Raises:
        HeaderInvalid: it is not what `encode_extra` writes.
    """
    try:
        items = decode(data, deepest=2)
        if not isinstance(items, list) or len(items) != len(fields(QbftExtra)):
            raise HeaderInvalid("QBFT's extra data is a list of five fields.")
        vanity, validators, vote, round_, seals = items
        return QbftExtra(
            vanity=_bytes(vanity),
            validators=tuple(Address(_bytes(each)) for each in _list(validators)),
            vote=_vote(_list(vote)),
            round=decode_number(round_, most_bytes=_ROUND_BYTES),
            seals=tuple(_bytes(each) for each in _list(seals)),
        )
    except RlpInvalid as error:
        raise HeaderInvalid(f"In the extra data: {error.detail}") from error


def genesis_extra(validators: Iterable[Address]) -> bytes:
    """The extra data of block 0.

    Args:
        validators: who seals first, in any order, where the set stands in the headers; none where a contract holds it.
    """
    # Besu keeps the set sorted, and a node whose block 0 had another order would have another genesis hash.
    return encode_extra(QbftExtra(vanity=bytes(VANITY_BYTES), validators=tuple(sorted(validators)), vote=None, round=0, seals=()))


def _vote(items: list[Item]) -> Vote | None:
    if not items:
        return None
    if len(items) != 2 or items[1] not in (_ADD, _DROP):
        raise HeaderInvalid("A vote names a validator, and whether to add or to drop it.")
    return Vote(validator=Address(_bytes(items[0])), is_for_adding=items[1] == _ADD)


def _bytes(item: Item) -> bytes:
    if not isinstance(item, bytes):
        raise HeaderInvalid("A list stands where a header has bytes.")
    return item


def _list(item: Item) -> list[Item]:
    if not isinstance(item, list):
        raise HeaderInvalid("Bytes stand where a header has a list.")
    return item


def _require_length(value: bytes, length: int, what: str) -> None:
    if len(value) != length:
        raise HeaderInvalid(f"{what} has {length} bytes, not {len(value)}.")


def _require_each(values: tuple[bytes, ...], length: int, what: str) -> None:
    if len(values) > MAX_VALIDATORS:
        raise HeaderInvalid(f"At most {MAX_VALIDATORS} validators and seals may stand in a header, not {len(values)}.")
    for value in values:
        _require_length(value, length, what)


def _rpc_text(value: JsonValue, where: str) -> str:
    if not isinstance(value, str) or len(value) > 2 * MAX_HEADER_BYTES:
        raise HeaderInvalid("The node's answer lacks this field of a header at Cancun, or it is no text.", where=where)
    return value


def _rpc_bytes(text: str, where: str) -> bytes:
    try:
        return decode_hex(text, where=where)
    except FieldInvalid as error:
        raise HeaderInvalid(error.detail, where=where) from error


def _are_digits(digits: str) -> bool:
    return bool(digits) and all(digit in "0123456789abcdef" for digit in digits)
