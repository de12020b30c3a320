"""Compiled contracts: ABI, bytecode and storage layout as package data; encoding and decoding of calls, answers and refusals.

Written by scripts/contracts/compile.py, so what runs is what was compiled.

The contracts bound a text by its length alone: whoever may write one can write bytes that are no UTF-8, past any program of ours.
No record may become unreadable by that, or one center could hide itself, and all that is listed beside it, from everybody. So
bytes that are no text read as U+FFFD, wherever a contract tells a text.
"""

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from eth_abi.abi import encode as abi_encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.grammar import TupleType, parse
from eth_abi.registry import registry as _eth_types

from greenlane.adapters.evm.records import CenterCandidate, ContractEvent, RegistryParameters
from greenlane.core.anchoring import center_key
from greenlane.core.crypto import keccak256
from greenlane.core.errors import CannotCheck, Conflict, InvalidInput
from greenlane.core.units import (
    center_id,
)

WORD_BYTES = 32


_SELECTOR_BYTES = 4


class _AnyText(StringDecoder):
    """A text, whatever its bytes."""

    # Its first ancestor declares it None.
    @staticmethod
    def decoder_fn(data: bytes, handle_string_errors: str = "replace") -> str:  # type: ignore[override]
        return data.decode("utf-8", errors="replace")


def _decoder() -> ABIDecoder:
    types = copy(_eth_types)
    types.unregister_decoder("string")
    types.register_decoder("string", _AnyText)
    return ABIDecoder(types)


_abi_decode = _decoder().decode


# Built into the language, so they stand in no ABI. Source: Solidity documentation, "Panic via assert and Error via require".
_BUILT_IN_ERRORS: tuple[dict[str, Any], ...] = (
    {"name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"name": "Panic", "inputs": [{"name": "reason", "type": "uint256"}]},
)


class ContractRefused(Conflict):
    """A contract refuses a call, by an error of its own.

    Attributes:
        name: the error's name in the ABI, e.g. "AlreadyAnchored"; "Unknown" where the ABI has no such error.
        arguments: the error's arguments by name; bytes as 0x-hex, ids of centers and members as text.
        values: the same as they were decoded, in the contract's order; bytes as bytes, addresses as 0x-hex.
        data: what the revert told.
    """

    code = "contract-refused"

    def __init__(self, name: str, arguments: Mapping[str, object], *, values: Sequence[Any] = (), data: bytes = b"") -> None:
        facts = ", ".join(f"{key}={value}" for key, value in arguments.items())
        super().__init__(f"The contract refuses: {name}({facts}).")
        self.name = name
        self.arguments = dict(arguments)
        self.values = tuple(values)
        self.data = data


class NotThisContract(CannotCheck):
    """What stands at an address of the chain does not answer as the contract expected there."""

    code = "not-this-contract"
    default_remedy = "Compare the address and chain id with the network's trust file."


class NotEncodable(InvalidInput):
    """A value does not fit the contract's type: too large, or of another length."""

    code = "not-encodable"


AbiArgument: TypeAlias = "int | str | bytes | CenterCandidate | RegistryParameters | Sequence[AbiArgument]"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageVariable:
    """A state variable of a contract, or a member of a struct.

    Attributes:
        slot: counted from 0, or from the slot where the struct begins.
        offset: bytes of its slot below it, counted from the lowest.
        type: key of its type in `Artifact.storage_types`.
    """

    label: str
    slot: int
    offset: int
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageType:
    """How values of one type lie in storage, as the compiler tells it.

    Attributes:
        label: as the source names it, e.g. "bytes32" or "struct Center".
        encoding: "inplace", "mapping", "dynamic_array" or "bytes".
        size: bytes that a value takes in place; a multiple of 32 where it does not share a slot.
        key: of a mapping: the type of its keys; otherwise None.
        item: of a mapping or array: the type of what it holds; otherwise None.
        members: of a struct; otherwise empty.
    """

    label: str
    encoding: str
    size: int
    key: str | None
    item: str | None
    members: tuple[StorageVariable, ...]


class Artifact:
    """One compiled contract: its bytecode, and how its calls, answers, errors and events are written.

    Attributes:
        name: the contract's.
        bytecode: what a deployment sends, before the constructor's arguments.
        runtime_bytecode: what then stands at its address, and may stand in a genesis; the same on every network.
        storage: its state variables, in their order.
        storage_types: every type that lies in its storage, by the compiler's name of it.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.name: str = content["name"]
        self.bytecode: bytes = hex_bytes(content["bytecode"])
        self.runtime_bytecode: bytes = hex_bytes(content["runtimeBytecode"])
        self.storage: tuple[StorageVariable, ...] = _variables(content["storageLayout"])
        self.storage_types: Mapping[str, StorageType] = {
            name: StorageType(
                label=one["label"],
                encoding=one["encoding"],
                size=one["bytes"],
                key=one.get("key"),
                item=one.get("value", one.get("base")),
                members=_variables(one.get("members", [])),
            )
            for name, one in content["storageTypes"].items()
        }
        self._functions: dict[str, tuple[bytes, list[str], list[str]]] = {}
        self._errors: dict[bytes, tuple[str, list[dict[str, Any]]]] = {}
        self._events: dict[bytes, tuple[str, list[dict[str, Any]]]] = {}
        self._constructor: list[str] = []
        for item in content["abi"]:
            types = [_type_of(one) for one in item.get("inputs", [])]
            signature = f"{item.get('name')}({','.join(types)})".encode()
            match item["type"]:
                case "function":
                    outputs = [_type_of(one) for one in item["outputs"]]
                    self._functions[item["name"]] = (keccak256(signature)[:_SELECTOR_BYTES], types, outputs)
                case "error":
                    self._errors[keccak256(signature)[:_SELECTOR_BYTES]] = (item["name"], item["inputs"])
                case "event":
                    self._events[keccak256(signature)] = (item["name"], item["inputs"])
                case "constructor":
                    self._constructor = types
        for item in _BUILT_IN_ERRORS:
            signature = f"{item['name']}({item['inputs'][0]['type']})".encode()
            self._errors[keccak256(signature)[:_SELECTOR_BYTES]] = (item["name"], item["inputs"])

    def encode_call(self, function: str, *arguments: AbiArgument) -> bytes:
        """The call data of a function.

        Raises:
            NotEncodable: an argument does not fit its type.
        """
        selector, types, _ = self._functions[function]
        return selector + self._encode(function, types, arguments)

    def decode_call(self, function: str, data: bytes) -> tuple[Any, ...]:
        """The arguments in a function's call data.

        Raises:
            NotThisContract: it is no call of this function.
        """
        selector, types, _ = self._functions[function]
        if not data.startswith(selector):
            raise NotThisContract(f"{len(data)} bytes are no call of {self.name}.{function}.")
        try:
            values: tuple[Any, ...] = _abi_decode(types, data[_SELECTOR_BYTES:])
        except (DecodingError, OverflowError) as cause:
            raise NotThisContract(f"{len(data)} bytes are no call of {self.name}.{function}.") from cause
        return values

    def encode_deployment(self, *arguments: AbiArgument) -> bytes:
        """What a deployment sends: creation code and the constructor's arguments.

        Raises:
            NotEncodable: an argument does not fit its type.
        """
        return self.bytecode + self._encode("constructor", self._constructor, arguments)

    def decode_answer(self, function: str, answer: bytes) -> tuple[Any, ...]:
        """The values a function answered with.

        Raises:
            NotThisContract: the answer is none of this function.
        """
        try:
            values: tuple[Any, ...] = _abi_decode(self._functions[function][2], answer)
        except (DecodingError, OverflowError) as cause:
            raise NotThisContract(f"{len(answer)} bytes are no answer of {self.name}.{function}.") from cause
        return values

    def refusal(self, data: bytes) -> ContractRefused:
        """The error that a revert's data tells; "Unknown" with the data where it is none of this contract."""
        known = self._errors.get(data[:_SELECTOR_BYTES])
        if known is not None:
            name, inputs = known
            try:
                values = _abi_decode([_type_of(one) for one in inputs], data[_SELECTOR_BYTES:])
            except (DecodingError, OverflowError):
                return ContractRefused("Unknown", {"data": _hex(data)}, data=data)
            return ContractRefused(name, _arguments(inputs, values), values=values, data=data)
        return ContractRefused("Unknown", {"data": _hex(data)}, data=data)

    def knows_error(self, data: bytes) -> bool:
        """Whether a revert's data begins as an error of this contract does."""
        return data[:_SELECTOR_BYTES] in self._errors

    def topic(self, event: str) -> bytes:
        """The first topic of an event, 32 bytes."""
        return next(topic for topic, (name, _) in self._events.items() if name == event)

    def event(self, topics: Sequence[bytes], data: bytes) -> ContractEvent | None:
        """The event a log tells, or None where it is none of this contract's."""
        known = self._events.get(bytes(topics[0])) if topics else None
        if known is None:
            return None
        name, inputs = known
        indexed = [one for one in inputs if one["indexed"]]
        plain = [one for one in inputs if not one["indexed"]]
        try:
            told = dict(_arguments(plain, _abi_decode([_type_of(one) for one in plain], data)))
            for one, topic in zip(indexed, topics[1:], strict=True):
                told.update(_arguments([one], _abi_decode([_type_of(one)], bytes(topic))))
        except (DecodingError, OverflowError, ValueError):
            return None
        return ContractEvent(name=name, arguments={one["name"]: told[one["name"]] for one in inputs})

    def _encode(self, function: str, types: list[str], arguments: tuple[AbiArgument, ...]) -> bytes:
        values = [_plain(argument) for argument in arguments]
        for kind, value in zip(types, values, strict=True):
            _require_width(kind, value, f"{self.name}.{function}")
        try:
            return abi_encode(types, values)
        except (EncodingError, ValueError) as cause:
            raise NotEncodable(f"{self.name}.{function}: {cause}") from cause


@cache
def artifact(name: str) -> Artifact:
    """The compiled contract of that name, one of CONTRACT_NAMES."""
    text = resources.files("greenlane.adapters.evm").joinpath("abi", f"{name}.json").read_text(encoding="utf-8")
    return Artifact(json.loads(text))


CONTRACT_NAMES = ("AnchorLog", "EvidenceRegister", "GreenAsset", "PilotRegistry")


def deployment_bytecode(name: str, *constructor_args: AbiArgument) -> bytes:
    """What a deployment transaction sends.

    Args:
        name: one of CONTRACT_NAMES.
        constructor_args: PilotRegistry: a sequence of CenterCandidate, a RegistryParameters. AnchorLog: the registry's address.
            EvidenceRegister: those of the registry and the anchor log. GreenAsset: those of the registry and the register.

    Raises:
        NotEncodable: an argument does not fit its type.
    """
    return artifact(name).encode_deployment(*constructor_args)


def runtime_bytecode(name: str) -> bytes:
    """The code that stands at a deployed contract's address, on whatever network."""
    return artifact(name).runtime_bytecode


def explain_revert(data: bytes) -> str:
    """A sentence for a revert's data, by whichever of the contracts knows the error."""
    for name in CONTRACT_NAMES:
        if artifact(name).knows_error(data):
            return artifact(name).refusal(data).detail
    return artifact(CONTRACT_NAMES[0]).refusal(data).detail


def slug_of(key: bytes) -> str:
    return key.rstrip(b"\x00").decode("ascii", errors="replace")


def _variables(told: Sequence[Mapping[str, Any]]) -> tuple[StorageVariable, ...]:
    return tuple(StorageVariable(**one) for one in told)


def _type_of(parameter: Mapping[str, Any]) -> str:
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type_of(one) for one in parameter['components'])}){kind.removeprefix('tuple')}"


def _plain(argument: AbiArgument) -> Any:
    match argument:
        case CenterCandidate():
            return (
                center_key(argument.id),
                argument.log_key,
                argument.economy.encode("utf-8"),
                argument.operator,
                argument.anchorer,
                argument.validator,
                argument.name,
                argument.origin,
                argument.endpoint,
                argument.enode,
            )
        case RegistryParameters():
            return (
                argument.minimum_centers,
                argument.term_length_s,
                argument.voting_period_s,
                argument.term_start,
            )
        case list() | tuple():
            return [_plain(one) for one in argument]
    return argument


def _require_width(kind: str, value: Any, function: str) -> None:
    # The encoder would pad short bytes with zeros: a hash cut off by a byte would go to the chain as another hash.
    if kind == "bytes32":
        if len(value) != WORD_BYTES:
            raise NotEncodable(f"{function}: {len(value)} bytes where {WORD_BYTES} belong.")
    elif kind.endswith("[]"):
        for one in value:
            _require_width(kind.removesuffix("[]"), one, function)
    elif kind.startswith("("):
        for part, one in zip(_parts(kind), value, strict=True):
            _require_width(part, one, function)


@cache
def _parts(kind: str) -> tuple[str, ...]:
    """The types of a struct's members."""
    struct = parse(kind)
    assert isinstance(struct, TupleType)  # noqa: S101 what begins with a bracket is no other
    return tuple(part.to_type_str() for part in struct.components)


def _arguments(inputs: Sequence[Mapping[str, Any]], values: Sequence[Any]) -> dict[str, object]:
    told: dict[str, object] = {}
    for one, value in zip(inputs, values, strict=True):
        if isinstance(value, bytes):
            is_slug = one["type"] == "bytes32" and (one["name"].endswith("Id") or one["name"] in _SLUG_ARGUMENTS)
            told[one["name"]] = _slug_or_hex(value) if is_slug else _hex(value)
        else:
            told[one["name"]] = value
    return told


# Arguments that hold a center's id under another name.
_SLUG_ARGUMENTS = frozenset({"id", "voter", "proposer", "nominator"})


def _slug_or_hex(key: bytes) -> str:
    try:
        return center_id(slug_of(key))
    except InvalidInput:
        return _hex(key)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def hex_bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
