"""Values as a contract would keep them: the words of its storage, where the compiler puts them.

A genesis block runs no constructor: it holds what one would have left. Nothing of where a value lies is written down here; the
compiler tells it in the artifact's storage layout, and this room only follows: values that share a slot from its lowest byte up,
structs member by member, a mapping's value at keccak256(key . slot), an array's items from keccak256(slot) on, text of up to
31 bytes in its own slot with twice its length, and longer text from keccak256(slot) on.
Source: Solidity documentation, "Layout of State Variables in Storage and Transient Storage".
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from greenlane.adapters.evm.artifacts import WORD_BYTES, Artifact, NotEncodable, StorageType, StorageVariable
from greenlane.core.crypto import keccak256

StorageValue: TypeAlias = "int | bytes | str | Sequence[StorageValue] | Mapping[bytes, StorageValue] | Mapping[str, StorageValue]"
"""A number or truth; an address or bytesN; text; an array; a mapping by its keys' bytes; a struct by its members' names."""

_LONGEST_IN_PLACE = WORD_BYTES - 1
_BITS = 8
# Not in any contract of ours. To place one by the rules of the others would be wrong without a sign of it.
_NOT_UNDERSTOOD = ("int", "function", "fixed", "ufixed")


def storage_words(contract: Artifact, values: Mapping[str, StorageValue]) -> dict[bytes, bytes]:
    """The storage of a contract whose state variables have these values, and all others their default.

    Args:
        values: by the variable's name. A struct may leave out members that have their default.

    Returns:
        Words of 32 bytes by slot, 32 bytes each, slots ascending; none is zero, for the chain keeps no such word.

    Raises:
        NotEncodable: a value does not fit its type, there is no such variable or member, or its kind of type is not understood.
    """
    storage = _Storage(contract.storage_types)
    storage.put_members(contract.name, contract.storage, 0, values)
    return {
        slot.to_bytes(WORD_BYTES, "big"): word.to_bytes(WORD_BYTES, "big") for slot, word in sorted(storage.words.items()) if word
    }


class _Storage:
    """Words being filled; `place` names a value in errors, e.g. "PilotRegistry._centers.name"."""

    def __init__(self, types: Mapping[str, StorageType]) -> None:
        self._types = types
        self.words: dict[int, int] = {}

    def put_members(self, place: str, members: Sequence[StorageVariable], slot: int, value: StorageValue) -> None:
        if not isinstance(value, Mapping):
            raise NotEncodable(f"{place} holds named values.")
        known = {member.label: member for member in members}
        for label, item in value.items():
            if not isinstance(label, str) or label not in known:
                raise NotEncodable(f"{place} has no {label!r}.")
            member = known[label]
            self._put(f"{place}.{label}", member.type, slot + member.slot, member.offset, item)

    def _put(self, place: str, type_name: str, slot: int, offset: int, value: StorageValue) -> None:
        kind = self._types[type_name]
        match kind.encoding:
            case "mapping":
                self._put_mapping(place, kind, slot, value)
            case "dynamic_array":
                self._put_array(place, kind, slot, value)
            case "bytes":
                self._put_text(place, slot, value)
            case "inplace" if kind.members:
                self.put_members(place, kind.members, slot, value)
            case "inplace" if kind.item is None and not kind.label.startswith(_NOT_UNDERSTOOD):
                # Numbers and bytes lie alike: the first byte of bytesN is the highest of those it takes.
                self._add(slot, _number(place, kind, value) << _BITS * offset)
            case _:
                raise NotEncodable(f"{place} is {kind.label}, which no contract here keeps.")

    def _put_mapping(self, place: str, kind: StorageType, slot: int, value: StorageValue) -> None:
        if not isinstance(value, Mapping):
            raise NotEncodable(f"{place} holds values by their keys.")
        key_kind = self._types[str(kind.key)]
        for key, item in value.items():
            hashed = _mapping_key(place, key_kind, key)
            self._put(place, str(kind.item), int.from_bytes(keccak256(hashed + _word(slot)), "big"), 0, item)

    def _put_array(self, place: str, kind: StorageType, slot: int, value: StorageValue) -> None:
        if not isinstance(value, list | tuple):
            raise NotEncodable(f"{place} holds a list.")
        self._add(slot, len(value))
        item_size = self._types[str(kind.item)].size
        first = int.from_bytes(keccak256(_word(slot)), "big")
        for index, item in enumerate(value):
            if item_size < WORD_BYTES:
                in_slot, at = divmod(index, WORD_BYTES // item_size)
                self._put(place, str(kind.item), first + in_slot, at * item_size, item)
            else:
                self._put(place, str(kind.item), first + index * (item_size // WORD_BYTES), 0, item)

    def _put_text(self, place: str, slot: int, value: StorageValue) -> None:
        data = value.encode("utf-8") if isinstance(value, str) else value
        if not isinstance(data, bytes):
            raise NotEncodable(f"{place} holds text or bytes.")
        if len(data) <= _LONGEST_IN_PLACE:
            self._add(slot, int.from_bytes(data.ljust(_LONGEST_IN_PLACE, b"\x00") + bytes([2 * len(data)]), "big"))
            return
        # An odd number is what tells long text from short.
        self._add(slot, 2 * len(data) + 1)
        first = int.from_bytes(keccak256(_word(slot)), "big")
        for index, begin in enumerate(range(0, len(data), WORD_BYTES)):
            self._add(first + index, int.from_bytes(data[begin : begin + WORD_BYTES].ljust(WORD_BYTES, b"\x00"), "big"))

    def _add(self, slot: int, bits: int) -> None:
        self.words[slot] = self.words.get(slot, 0) | bits


def _number(place: str, kind: StorageType, value: StorageValue) -> int:
    if isinstance(value, bytes):
        if len(value) != kind.size:
            raise NotEncodable(f"{place} takes {kind.size} bytes, not {len(value)}.")
        return int.from_bytes(value, "big")
    if not isinstance(value, int):
        raise NotEncodable(f"{place} holds a number or bytes.")
    if not 0 <= value < (2 if kind.label == "bool" else 1 << _BITS * kind.size):
        raise NotEncodable(f"{place} is {kind.label}, too small for {value}.")
    return value


def _mapping_key(place: str, kind: StorageType, key: bytes | str) -> bytes:
    if kind.encoding == "bytes":
        return key.encode("utf-8") if isinstance(key, str) else key
    if not isinstance(key, bytes) or len(key) != kind.size:
        raise NotEncodable(f"{place} takes keys of {kind.size} bytes.")
    # As in calls: bytesN to the left, everything else to the right.
    return key.ljust(WORD_BYTES, b"\x00") if kind.label.startswith("bytes") else key.rjust(WORD_BYTES, b"\x00")


def _word(number: int) -> bytes:
    return number.to_bytes(WORD_BYTES, "big")
