"""The contracts as typed classes: calls encoded, answers decoded, refusals told by name.

Reading asks one node, at the block the caller names. Writing never happens here: an `encode_…` method gives call data, and
whoever owns keys and nonces signs and sends it. ABI and bytecode are package data written by scripts/contracts/compile.py,
so what runs is what was compiled. Nothing here reads the environment, holds a key or keeps state. A node that does not
answer raises what web3 raises; the ledger adapter knows what to do about it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache
from importlib import resources
from typing import Any, ClassVar, NewType, TypeAlias

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError, EncodingError
from web3 import Web3
from web3.exceptions import ContractLogicError
from web3.types import BlockIdentifier, LogReceipt, TxParams

from greenlane.core.anchoring import center_key
from greenlane.core.crypto import keccak256
from greenlane.core.errors import CannotCheck, Conflict, InvalidInput
from greenlane.core.units import (
    Address,
    BlockNumber,
    CenterId,
    LeafHash,
    LeafIndex,
    MemberId,
    NodeHash,
    RootHash,
    TreeSize,
    TxHash,
    center_id,
    member_id,
)

UnixSeconds = NewType("UnixSeconds", int)
"""A time of the chain: seconds since 1970-01-01 UTC."""
ProposalId = NewType("ProposalId", bytes)
"""The registry's name of one proposal, a hash over all it would do; 32 bytes."""

_WORD_BYTES = 32
_SELECTOR_BYTES = 4
_NOBODY = bytes(20)
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
    """

    code = "contract-refused"

    def __init__(self, name: str, arguments: Mapping[str, object]) -> None:
        facts = ", ".join(f"{key}={value}" for key, value in arguments.items())
        super().__init__(f"The contract refuses: {name}({facts}).")
        self.name = name
        self.arguments = dict(arguments)


class NotThisContract(CannotCheck):
    """What stands at an address of the chain does not answer as the contract expected there."""

    code = "not-this-contract"
    default_remedy = "Compare the address and chain id with the network's trust file."


class NotEncodable(InvalidInput):
    """A value does not fit the contract's type: too large, or of another length."""

    code = "not-encodable"


class CenterStatus(IntEnum):
    """Where a pilot center stands. ENDED: its term ran out and somebody said so. LEFT: went of its own will, for good."""

    NONE = 0
    NOMINATED = 1
    ACTIVE = 2
    SUSPENDED = 3
    LEFT = 4
    ENDED = 5


class ProposalKind(IntEnum):
    """What a proposal would do."""

    NONE = 0
    ADMISSION = 1
    SUSPENSION = 2
    REINSTATEMENT = 3
    RENEWAL = 4
    OPERATOR_REPLACEMENT = 5


class MemberStatus(IntEnum):
    """Whether the center that vouched for a member still does."""

    NONE = 0
    ACTIVE = 1
    SUSPENDED = 2


class MemberRole(IntFlag):
    """What a member may act as; added up."""

    ENTERPRISE = 1
    CERTIFIER = 2
    BUYER = 4
    AGENCY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterCandidate:
    """What a nomination, or the genesis, says about a center.

    Attributes:
        economy: ISO 3166-1 alpha-2, upper case.
        log_key: Ed25519 public key of its log, 32 bytes.
        name: for people; 1 to 256 bytes of UTF-8.
        origin: of its log (C2SP); 1 to 256 bytes; unique for ever.
        endpoint: URL of its API; up to 256 bytes.
        enode: enode URL of its validator; up to 256 bytes.
    """

    id: CenterId
    log_key: bytes
    economy: str
    operator: Address
    anchorer: Address
    validator: Address
    name: str
    origin: str
    endpoint: str = ""
    enode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryParameters:
    """What a network agrees on at genesis.

    Attributes:
        minimum_centers: the set of active centers never falls below this; at least 1.
        term_length_s: seconds a term lasts; 0 is open.
        voting_period_s: seconds a proposal can be voted on; at least 1.
        term_start: where the founders' terms begin; 0 is the time of deployment.
    """

    minimum_centers: int
    term_length_s: int
    voting_period_s: int
    term_start: UnixSeconds = UnixSeconds(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterRecord:
    """A center as the registry keeps it; what CenterCandidate says, and its standing.

    Attributes:
        anchorer: 20 zeros where it has none, its account having been made the operator by vote.
        term_end: no longer in good standing from here; None is open.
        revision: counts changes of status and term.
        validator_rotated_at: when its operator changed the validator key last; None is never.
    """

    id: CenterId
    status: CenterStatus
    economy: str
    operator: Address
    anchorer: Address
    validator: Address
    log_key: bytes
    name: str
    origin: str
    endpoint: str
    enode: str
    term_start: UnixSeconds
    term_end: UnixSeconds | None
    revision: int
    validator_rotated_at: UnixSeconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKeyRecord:
    """One key of a center's log and when it was the one to sign with; valid_until None is open."""

    key: bytes
    valid_from: UnixSeconds
    valid_until: UnixSeconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord:
    """A member, vouched for by one center; term_end None is open.

    Its account is 20 zeros where it was made its center's operator by vote and the member has no other yet.
    """

    center: CenterId
    id: MemberId
    account: Address
    roles: MemberRole
    status: MemberStatus
    term_start: UnixSeconds
    term_end: UnixSeconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRecord:
    """A proposal before the active centers.

    Attributes:
        expires_at: from here on no vote is taken.
        operator: the new operator of an operator replacement; otherwise None.
        content_hash: keccak-256 of the ABI-encoded candidate of an admission; otherwise None.
    """

    id: ProposalId
    kind: ProposalKind
    center: CenterId
    is_executed: bool
    expires_at: UnixSeconds
    revision: int
    operator: Address | None
    content_hash: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Votes that count now, and votes needed now."""

    votes: int
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredHead:
    """The last anchored tree of a center."""

    tree_size: TreeSize
    root: RootHash
    anchored_at: UnixSeconds


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredEvent:
    """What the anchor contract said when it took a root, and where it said so."""

    center: CenterId
    tree_size: TreeSize
    root: RootHash
    previous_size: TreeSize
    block_number: BlockNumber
    transaction: TxHash


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractEvent:
    """An event of a contract: its name in the ABI and its arguments by name, as `ContractRefused.arguments` are given."""

    name: str
    arguments: Mapping[str, object]


AbiArgument: TypeAlias = (
    "int | str | bytes | bool | CenterCandidate | RegistryParameters | Sequence[bytes] | Sequence[CenterCandidate]"
)


class Artifact:
    """One compiled contract: its bytecode, and how its calls, answers, errors and events are written.

    Attributes:
        name: the contract's.
        bytecode: what a deployment sends, before the constructor's arguments.
        runtime_bytecode: what then stands at its address, and may stand in a genesis; the same on every network.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.name: str = content["name"]
        self.bytecode: bytes = _unhex(content["bytecode"])
        self.runtime_bytecode: bytes = _unhex(content["runtimeBytecode"])
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
            values: tuple[Any, ...] = abi_decode(self._functions[function][2], answer)
        except (DecodingError, OverflowError, UnicodeDecodeError) as cause:
            raise NotThisContract(f"{len(answer)} bytes are no answer of {self.name}.{function}.") from cause
        return values

    def refusal(self, data: bytes) -> ContractRefused:
        """The error that a revert's data tells; "Unknown" with the data where it is none of this contract."""
        known = self._errors.get(data[:_SELECTOR_BYTES])
        if known is not None:
            name, inputs = known
            try:
                values = abi_decode([_type_of(one) for one in inputs], data[_SELECTOR_BYTES:])
            except (DecodingError, OverflowError, UnicodeDecodeError):
                return ContractRefused("Unknown", {"data": _hex(data)})
            return ContractRefused(name, _arguments(inputs, values))
        return ContractRefused("Unknown", {"data": _hex(data)})

    def knows_error(self, data: bytes) -> bool:
        """Whether a revert's data begins as an error of this contract does."""
        return data[:_SELECTOR_BYTES] in self._errors

    def event(self, topics: Sequence[bytes], data: bytes) -> ContractEvent | None:
        """The event a log tells, or None where it is none of this contract's."""
        known = self._events.get(bytes(topics[0])) if topics else None
        if known is None:
            return None
        name, inputs = known
        indexed = [one for one in inputs if one["indexed"]]
        plain = [one for one in inputs if not one["indexed"]]
        try:
            told = dict(_arguments(plain, abi_decode([_type_of(one) for one in plain], data)))
            for one, topic in zip(indexed, topics[1:], strict=True):
                told.update(_arguments([one], abi_decode([_type_of(one)], bytes(topic))))
        except (DecodingError, OverflowError, UnicodeDecodeError, ValueError):
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
    """The compiled contract of that name: "AnchorLog" or "PilotRegistry"."""
    text = resources.files("greenlane.adapters.evm").joinpath("abi", f"{name}.json").read_text(encoding="utf-8")
    return Artifact(json.loads(text))


CONTRACT_NAMES = ("AnchorLog", "PilotRegistry")


def deployment_bytecode(name: str, *constructor_args: AbiArgument) -> bytes:
    """What a deployment transaction sends.

    Args:
        name: "PilotRegistry" or "AnchorLog".
        constructor_args: PilotRegistry: a sequence of CenterCandidate, a RegistryParameters. AnchorLog: the registry's address.

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


class _Contract:
    """One contract at one address, asked through one node."""

    _name: ClassVar[str]

    def __init__(self, web3: Web3, address: Address) -> None:
        self._web3 = web3
        self.address = address

    def simulate(self, data: bytes, *, sender: Address, block: BlockIdentifier = "latest") -> None:
        """Runs a call as `sender` would send it, and changes nothing.

        Raises:
            ContractRefused: the contract would refuse it.
        """
        self._ask(data, block, sender=sender)

    def has_code(self, block: BlockIdentifier = "latest") -> bool:
        """Whether any code stands at the address; whether it is this contract's is seen in what it answers."""
        return bool(self._web3.eth.get_code(Web3.to_checksum_address(self.address), block))

    @classmethod
    def explain_revert(cls, data: bytes) -> str:
        """A sentence for a revert's data."""
        return artifact(cls._name).refusal(data).detail

    @classmethod
    def event(cls, log: LogReceipt) -> ContractEvent | None:
        """The event a log entry tells, or None where it is none of this contract's."""
        return artifact(cls._name).event([bytes(topic) for topic in log["topics"]], bytes(log["data"]))

    def _read(self, block: BlockIdentifier, function: str, *arguments: AbiArgument) -> tuple[Any, ...]:
        compiled = artifact(self._name)
        return compiled.decode_answer(function, self._ask(compiled.encode_call(function, *arguments), block))

    def _ask(self, data: bytes, block: BlockIdentifier, *, sender: Address | None = None) -> bytes:
        call: TxParams = {"to": Web3.to_checksum_address(self.address), "data": Web3.to_hex(data)}
        if sender is not None:
            call["from"] = Web3.to_checksum_address(sender)
        try:
            return bytes(self._web3.eth.call(call, block))
        except ContractLogicError as cause:
            # web3 has its own words for errors it can decode; the bytes are what we judge by.
            told = cause.data if isinstance(cause.data, str) and cause.data.startswith("0x") else None
            if told is None:
                raise ContractRefused("Unknown", {"message": str(cause.message)}) from cause
            raise artifact(self._name).refusal(_unhex(told)) from cause


class AnchorLog(_Contract):
    """The anchored roots of the centers' logs; contracts/interfaces/IAnchorLog.sol tells what each call means."""

    _name = "AnchorLog"

    @staticmethod
    def encode_anchor(center: CenterId, tree_size: TreeSize, root: RootHash, proof: Sequence[NodeHash]) -> bytes:
        """Call data that anchors a root.

        Args:
            tree_size: above the last anchored size.
            proof: consistency proof from the last anchored size; empty for a first anchor.
        """
        return artifact("AnchorLog").encode_call("anchor", center_key(center), tree_size, root, list(proof))

    def head(self, center: CenterId, block: BlockIdentifier = "latest") -> AnchoredHead | None:
        """The last anchored tree of a center; None where nothing is anchored."""
        tree_size, root, anchored_at = self._read(block, "head", center_key(center))
        if tree_size == 0:
            return None
        return AnchoredHead(tree_size=TreeSize(tree_size), root=RootHash(root), anchored_at=UnixSeconds(anchored_at))

    def root_at(self, center: CenterId, tree_size: TreeSize, block: BlockIdentifier = "latest") -> RootHash | None:
        """The root anchored at exactly that size; None where none is."""
        (root,) = self._read(block, "rootAt", center_key(center), tree_size)
        return RootHash(root) if any(root) else None

    def is_included(
        self,
        center: CenterId,
        tree_size: TreeSize,
        leaf_index: LeafIndex,
        leaf: LeafHash,
        proof: Sequence[NodeHash],
        block: BlockIdentifier = "latest",
    ) -> bool:
        """Whether an anchored tree holds a leaf; false also where no root is anchored at `tree_size`."""
        (is_included,) = self._read(block, "isIncluded", center_key(center), tree_size, leaf_index, leaf, list(proof))
        return bool(is_included)

    def registry(self, block: BlockIdentifier = "latest") -> Address:
        """The registry that says who anchors for whom."""
        (registry,) = self._read(block, "registry")
        return Address(_unhex(registry))

    @classmethod
    def anchored_event(cls, log: LogReceipt) -> AnchoredEvent | None:
        """The `Anchored` event a log entry tells, or None where it is something else."""
        told = cls.event(log)
        if told is None or told.name != "Anchored":
            return None
        return AnchoredEvent(
            center=center_id(str(told.arguments["centerId"])),
            tree_size=TreeSize(int(str(told.arguments["treeSize"]))),
            root=RootHash(_unhex(str(told.arguments["root"]))),
            previous_size=TreeSize(int(str(told.arguments["previousSize"]))),
            block_number=BlockNumber(log["blockNumber"]),
            transaction=TxHash(bytes(log["transactionHash"])),
        )


class PilotRegistry(_Contract):
    """The pilot centers, their keys and members; contracts/interfaces/IPilotRegistry.sol tells what each call means."""

    _name = "PilotRegistry"

    # ---- what anybody may ask ----

    def validators(self, block: BlockIdentifier = "latest") -> tuple[Address, ...]:
        """The validators of the active centers; never empty."""
        (validators,) = self._read(block, "getValidators")
        return tuple(Address(_unhex(one)) for one in validators)

    def parameters(self, block: BlockIdentifier = "latest") -> RegistryParameters:
        """What the network agreed on at genesis."""
        ((minimum_centers, term_length_s, voting_period_s, term_start),) = self._read(block, "parameters")
        return RegistryParameters(
            minimum_centers=minimum_centers,
            term_length_s=term_length_s,
            voting_period_s=voting_period_s,
            term_start=UnixSeconds(term_start),
        )

    def active_count(self, block: BlockIdentifier = "latest") -> int:
        """How many centers are active."""
        (count,) = self._read(block, "activeCount")
        return int(count)

    def quorum(self, block: BlockIdentifier = "latest") -> int:
        """Votes that carry a motion among all active centers: ceil(2n/3)."""
        (votes,) = self._read(block, "quorum")
        return int(votes)

    def center(self, center: CenterId, block: BlockIdentifier = "latest") -> CenterRecord | None:
        """A center, a nominated one too; None where there is none."""
        (told,) = self._read(block, "center", center_key(center))
        return _center_record(told)

    def center_count(self, block: BlockIdentifier = "latest") -> int:
        """How many centers were ever admitted."""
        (count,) = self._read(block, "centerCount")
        return int(count)

    def center_ids(self, offset: int, limit: int, block: BlockIdentifier = "latest") -> tuple[CenterId, ...]:
        """Ids of centers ever admitted, oldest first, from `offset`, at most `limit`."""
        (ids,) = self._read(block, "centerIds", offset, limit)
        return tuple(center_id(_slug(one)) for one in ids)

    def log_keys(self, center: CenterId, block: BlockIdentifier = "latest") -> tuple[LogKeyRecord, ...]:
        """Every key a center's log was ever signed with, oldest first."""
        (terms,) = self._read(block, "logKeys", center_key(center))
        return tuple(
            LogKeyRecord(key=key, valid_from=UnixSeconds(valid_from), valid_until=_open_ended(valid_until))
            for key, valid_from, valid_until in terms
        )

    def is_active(self, center: CenterId, block: BlockIdentifier = "latest") -> bool:
        """Whether a center is active."""
        (answer,) = self._read(block, "isActive", center_key(center))
        return bool(answer)

    def is_in_good_standing(self, center: CenterId, block: BlockIdentifier = "latest") -> bool:
        """Whether a center is active and within its term."""
        (answer,) = self._read(block, "isInGoodStanding", center_key(center))
        return bool(answer)

    def center_of_anchorer(self, account: Address, block: BlockIdentifier = "latest") -> CenterId | None:
        """The center an account anchors for, or None."""
        return self._center_of("centerOfAnchorer", account, block)

    def center_of_operator(self, account: Address, block: BlockIdentifier = "latest") -> CenterId | None:
        """The center an account governs, or None."""
        return self._center_of("centerOfOperator", account, block)

    def center_of_validator(self, account: Address, block: BlockIdentifier = "latest") -> CenterId | None:
        """The center an account seals blocks for, active or not, or None."""
        return self._center_of("centerOfValidator", account, block)

    def center_of_log_key(self, log_key: bytes, block: BlockIdentifier = "latest") -> CenterId | None:
        """The center a log key serves or served, or None."""
        return self._center_of("centerOfLogKey", log_key, block)

    def proposal(self, proposal: ProposalId, block: BlockIdentifier = "latest") -> ProposalRecord | None:
        """A proposal, or None where there is none."""
        ((kind, is_executed, expires_at, revision, operator, center, content_hash),) = self._read(block, "proposal", proposal)
        if kind == ProposalKind.NONE:
            return None
        return ProposalRecord(
            id=proposal,
            kind=ProposalKind(kind),
            center=center_id(_slug(center)),
            is_executed=is_executed,
            expires_at=UnixSeconds(expires_at),
            revision=revision,
            operator=Address(_unhex(operator)) if _unhex(operator) != _NOBODY else None,
            content_hash=content_hash if any(content_hash) else None,
        )

    def proposal_count(self, block: BlockIdentifier = "latest") -> int:
        """How many proposals were ever made."""
        (count,) = self._read(block, "proposalCount")
        return int(count)

    def proposal_ids(self, offset: int, limit: int, block: BlockIdentifier = "latest") -> tuple[ProposalId, ...]:
        """Ids of proposals ever made, oldest first, from `offset`, at most `limit`."""
        (ids,) = self._read(block, "proposalIds", offset, limit)
        return tuple(ProposalId(one) for one in ids)

    def tally(self, proposal: ProposalId, block: BlockIdentifier = "latest") -> Tally:
        """Votes that count now and votes needed now.

        Raises:
            ContractRefused: UnknownProposal.
        """
        votes, needed = self._read(block, "tally", proposal)
        return Tally(votes=votes, needed=needed)

    def has_voted(self, proposal: ProposalId, center: CenterId, block: BlockIdentifier = "latest") -> bool:
        """Whether a center voted for a proposal."""
        (answer,) = self._read(block, "hasVoted", proposal, center_key(center))
        return bool(answer)

    def member(self, center: CenterId, member: MemberId, block: BlockIdentifier = "latest") -> MemberRecord | None:
        """A member of a center, or None where there is none."""
        (told,) = self._read(block, "member", center_key(center), _member_key(member))
        return _member_record(told)

    def member_of(self, account: Address, block: BlockIdentifier = "latest") -> MemberRecord | None:
        """The member an account signs for, or None."""
        (told,) = self._read(block, "memberOf", account)
        return _member_record(told)

    def member_count(self, center: CenterId, block: BlockIdentifier = "latest") -> int:
        """How many members a center ever vouched for."""
        (count,) = self._read(block, "memberCount", center_key(center))
        return int(count)

    def member_ids(self, center: CenterId, offset: int, limit: int, block: BlockIdentifier = "latest") -> tuple[MemberId, ...]:
        """Ids of a center's members, oldest first, from `offset`, at most `limit`."""
        (ids,) = self._read(block, "memberIds", center_key(center), offset, limit)
        return tuple(member_id(_slug(one)) for one in ids)

    def is_member_in_good_standing(self, account: Address, role: MemberRole, block: BlockIdentifier = "latest") -> bool:
        """Whether an account is a member's with every role asked for, within its term, by a center in good standing."""
        (answer,) = self._read(block, "isMemberInGoodStanding", account, int(role))
        return bool(answer)

    def _center_of(self, function: str, key: bytes, block: BlockIdentifier) -> CenterId | None:
        (center,) = self._read(block, function, key)
        return center_id(_slug(center)) if any(center) else None

    # ---- what an operator may send ----

    @staticmethod
    def encode_nominate(candidate: CenterCandidate) -> bytes:
        """Call data that proposes a new center."""
        return _registry_call("nominate", candidate)

    @staticmethod
    def encode_propose_suspension(center: CenterId) -> bytes:
        """Call data that proposes to suspend an active center."""
        return _registry_call("proposeSuspension", center_key(center))

    @staticmethod
    def encode_propose_reinstatement(center: CenterId) -> bytes:
        """Call data that proposes to make a suspended or ended center active again."""
        return _registry_call("proposeReinstatement", center_key(center))

    @staticmethod
    def encode_propose_renewal(center: CenterId) -> bytes:
        """Call data that proposes a new term for an active center."""
        return _registry_call("proposeRenewal", center_key(center))

    @staticmethod
    def encode_propose_operator(center: CenterId, operator: Address) -> bytes:
        """Call data that proposes a new operator for a center whose key is lost."""
        return _registry_call("proposeOperator", center_key(center), operator)

    @staticmethod
    def encode_vote(proposal: ProposalId) -> bytes:
        """Call data that votes for a proposal."""
        return _registry_call("vote", proposal)

    @staticmethod
    def encode_leave_network() -> bytes:
        """Call data by which a center leaves for good."""
        return _registry_call("leaveNetwork")

    @staticmethod
    def encode_end_term(center: CenterId) -> bytes:
        """Call data, for anybody to send, that takes a center whose term is over out of the active ones."""
        return _registry_call("endTerm", center_key(center))

    @staticmethod
    def encode_rotate_operator(operator: Address) -> bytes:
        """Call data that hands the center to another account."""
        return _registry_call("rotateOperator", operator)

    @staticmethod
    def encode_rotate_anchorer(anchorer: Address) -> bytes:
        """Call data that lets another account anchor."""
        return _registry_call("rotateAnchorer", anchorer)

    @staticmethod
    def encode_rotate_validator(validator: Address) -> bytes:
        """Call data that lets another key seal blocks."""
        return _registry_call("rotateValidator", validator)

    @staticmethod
    def encode_rotate_log_key(log_key: bytes) -> bytes:
        """Call data that names the log's new Ed25519 public key, 32 bytes."""
        return _registry_call("rotateLogKey", log_key)

    @staticmethod
    def encode_set_endpoints(endpoint: str, enode: str) -> bytes:
        """Call data that says where the center is reached; up to 256 bytes each."""
        return _registry_call("setEndpoints", endpoint, enode)

    @staticmethod
    def encode_vouch(
        member: MemberId,
        account: Address,
        roles: MemberRole,
        term_start: UnixSeconds,
        term_end: UnixSeconds | None,
    ) -> bytes:
        """Call data that vouches for a new member; term_end None is open."""
        return _registry_call("vouch", _member_key(member), account, int(roles), term_start, term_end or 0)

    @staticmethod
    def encode_set_member_roles(member: MemberId, roles: MemberRole) -> bytes:
        """Call data that changes what a member may do."""
        return _registry_call("setMemberRoles", _member_key(member), int(roles))

    @staticmethod
    def encode_set_member_term(member: MemberId, term_start: UnixSeconds, term_end: UnixSeconds | None) -> bytes:
        """Call data that changes when a member is in good standing; term_end None is open."""
        return _registry_call("setMemberTerm", _member_key(member), term_start, term_end or 0)

    @staticmethod
    def encode_suspend_member(member: MemberId) -> bytes:
        """Call data that stops vouching for a member."""
        return _registry_call("suspendMember", _member_key(member))

    @staticmethod
    def encode_reinstate_member(member: MemberId) -> bytes:
        """Call data that vouches again for a suspended member."""
        return _registry_call("reinstateMember", _member_key(member))

    @staticmethod
    def encode_rotate_member_key(member: MemberId, account: Address) -> bytes:
        """Call data that gives a member another account."""
        return _registry_call("rotateMemberKey", _member_key(member), account)


def _registry_call(function: str, *arguments: AbiArgument) -> bytes:
    return artifact("PilotRegistry").encode_call(function, *arguments)


def _center_record(told: tuple[Any, ...]) -> CenterRecord | None:
    (id_, log_key, economy, operator, status, term_start, anchorer, term_end, revision) = told[:9]
    (validator, rotated_at, name, origin, endpoint, enode) = told[9:]
    if status == CenterStatus.NONE:
        return None
    return CenterRecord(
        id=center_id(_slug(id_)),
        status=CenterStatus(status),
        economy=economy.decode("ascii"),
        operator=Address(_unhex(operator)),
        anchorer=Address(_unhex(anchorer)),
        validator=Address(_unhex(validator)),
        log_key=log_key,
        name=name,
        origin=origin,
        endpoint=endpoint,
        enode=enode,
        term_start=UnixSeconds(term_start),
        term_end=_open_ended(term_end),
        revision=revision,
        validator_rotated_at=_open_ended(rotated_at),
    )


def _member_record(told: tuple[Any, ...]) -> MemberRecord | None:
    center, id_, account, roles, status, term_start, term_end = told
    if status == MemberStatus.NONE:
        return None
    return MemberRecord(
        center=center_id(_slug(center)),
        id=member_id(_slug(id_)),
        account=Address(_unhex(account)),
        roles=MemberRole(roles),
        status=MemberStatus(status),
        term_start=UnixSeconds(term_start),
        term_end=_open_ended(term_end),
    )


def _member_key(member: MemberId) -> bytes:
    return member_id(member).encode("ascii").ljust(_WORD_BYTES, b"\x00")


def _open_ended(time: int) -> UnixSeconds | None:
    return UnixSeconds(time) if time else None


def _slug(key: bytes) -> str:
    return key.rstrip(b"\x00").decode("ascii", errors="replace")


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
        if len(value) != _WORD_BYTES:
            raise NotEncodable(f"{function}: {len(value)} bytes where {_WORD_BYTES} belong.")
    elif kind.endswith("[]"):
        for one in value:
            _require_width(kind.removesuffix("[]"), one, function)
    elif kind.startswith("(bytes32,bytes32,bytes2"):
        _require_width("bytes32", value[1], function)


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
        return center_id(_slug(key))
    except InvalidInput:
        return _hex(key)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
