"""Whatever bytes centers write into the registry, it stays readable; and what our contract cannot say is told as that."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from eth_abi.abi import encode
from greenlane.adapters.evm.bindings import (
    CenterStatus,
    ContractRefused,
    MemberRole,
    NotThisContract,
    PilotRegistry,
    ProposalId,
    artifact,
)
from greenlane.adapters.evm.trust import read_trust
from greenlane.core.crypto import ed25519_public_key, keccak256, sha256
from greenlane.core.trust import encode_trust_file, parse_trust_file
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, member_id
from hypothesis import example, given
from hypothesis import strategies as st
from web3 import Web3
from web3.exceptions import BadResponseFormat
from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

LIMA, TIANJIN = CenterId("lima"), CenterId("tianjin")
REGISTRY = Address(b"\x07" * 20)
# The contract bounds the length, and nothing else.
WRITTEN = st.binary(max_size=256)
_CENTER = "(bytes32,bytes32,bytes2,address,uint8,uint64,address,uint64,uint32,address,uint64,bytes,bytes,bytes,bytes)"
_SIGNATURES = {
    "center": "center(bytes32)",
    "centerIds": "centerIds(uint256,uint256)",
    "logKeys": "logKeys(bytes32)",
    "proposal": "proposal(bytes32)",
    "member": "member(bytes32,bytes32)",
    "memberOf": "memberOf(address)",
    "memberIds": "memberIds(bytes32,uint256,uint256)",
    "parameters": "parameters()",
    "getValidators": "getValidators()",
    "tally": "tally(bytes32)",
    "centerOfOperator": "centerOfOperator(address)",
}
_SELECTORS = {keccak256(signature.encode())[:4].hex(): name for name, signature in _SIGNATURES.items()}


class Node(BaseProvider):
    """A node that answers each function of the registry with the bytes that a test says, or makes of the arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Any] = {}

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        if method == "eth_chainId":
            return {"jsonrpc": "2.0", "id": 1, "result": "0x1"}
        data = bytes.fromhex(params[0]["data"][2:])
        told = self.answers[_SELECTORS[data[:4].hex()]]
        answer = told(data[4:]) if callable(told) else told
        if isinstance(answer, dict):
            return {"jsonrpc": "2.0", "id": 1, **answer}  # type: ignore[typeddict-item] # whatever a node makes of it
        return {"jsonrpc": "2.0", "id": 1, "result": "0x" + answer.hex()}


NODE = Node()
WEB3 = Web3(NODE)


def registry(**answers: Any) -> PilotRegistry:
    """One registry in all: what it answered before, it answers no more."""
    NODE.answers = answers
    return PilotRegistry(WEB3, REGISTRY)


def key(id_: str) -> bytes:
    return id_.encode().ljust(32, b"\0")


def account(number: int) -> str:
    return "0x" + bytes([number] * 20).hex()


def log_key(id_: str) -> bytes:
    return ed25519_public_key(sha256(id_.encode()))


def told(id_: str, name: bytes, origin: bytes, endpoint: bytes, enode: bytes) -> bytes:
    """A center as the contract encodes it: a `string` and `bytes` are the same on the wire."""
    numbers = (key(id_), log_key(id_), b"PE", account(1), 2, 5, account(2), 0, 3, account(3), 0)
    return encode([_CENTER], [(*numbers, name, origin, endpoint, enode)])


@given(name=WRITTEN, origin=WRITTEN, endpoint=WRITTEN, enode=WRITTEN)
@example(name=b"\xff", origin=b"\xc0\xaf", endpoint=b"\xed\xa0\x80", enode=b"\xf8\x88\x80\x80\x80")
@example(name=b"", origin=b"", endpoint=b"\xff\xfe", enode=b"\x00")
def test_no_text_makes_a_center_unreadable(name: bytes, origin: bytes, endpoint: bytes, enode: bytes) -> None:
    record = registry(center=told("lima", name, origin, endpoint, enode)).center(LIMA)
    assert record is not None
    assert (record.id, record.status, record.economy, record.log_key) == (LIMA, CenterStatus.ACTIVE, "PE", log_key("lima"))
    assert (record.operator, record.anchorer, record.validator) == (bytes([1] * 20), bytes([2] * 20), bytes([3] * 20))
    for written, text in ((name, record.name), (origin, record.origin), (endpoint, record.endpoint), (enode, record.enode)):
        assert len(text) <= len(written)
        # It can be written anywhere: no half of a surrogate pair is in it.
        assert (text.encode() == written) or "\ufffd" in text
    assert json.dumps(asdict(record), default=bytes.hex, ensure_ascii=False).encode()


@given(name=WRITTEN, endpoint=WRITTEN, enode=WRITTEN, origin=st.one_of(WRITTEN, st.just(b"lima.example/log")))
@example(name=b"\xff", endpoint=b"\xff", enode=b"\xff", origin=b"lima.example/log")
@example(name=b"\xff", endpoint=b"", enode=b"", origin=b"tianjin.example/\xff")
def test_no_text_takes_a_centers_past_or_anothers_out_of_the_trust_file(
    name: bytes, endpoint: bytes, enode: bytes, origin: bytes
) -> None:
    def center(asked: bytes) -> bytes:
        if asked == key("lima"):
            return told("lima", name, origin, endpoint, enode)
        return told("tianjin", b"Tianjin", b"tianjin.example/log", b"", b"")

    def ids(asked: bytes) -> bytes:
        return encode(["bytes32[]"], [[key("lima"), key("tianjin")][int.from_bytes(asked[:32]) :]])

    def log_keys(asked: bytes) -> bytes:
        return encode(["(bytes32,uint64,uint64)[]"], [[(log_key(asked.rstrip(b"\0").decode()), 5, 0)]])

    trust = read_trust(
        registry(centerIds=ids, center=center, logKeys=log_keys),
        chain_id=ChainId(1),
        genesis_hash=bytes(32),
        anchor_log=REGISTRY,
        assets=None,
        sealing=None,
        block=BlockNumber(1),
    )
    assert parse_trust_file(encode_trust_file(trust)) == trust
    tianjin, lima = trust.center(TIANJIN), trust.center(LIMA)
    assert tianjin is not None
    assert tianjin.log_keys[0].key.public_key == log_key("tianjin")
    if origin == b"lima.example/log":
        assert lima is not None
        assert (lima.origin, lima.log_keys[0].key.public_key) == ("lima.example/log", log_key("lima"))


@given(endpoint=WRITTEN, enode=WRITTEN)
@example(endpoint=b"\xff", enode=b"\x80")
def test_no_text_hides_an_event_or_a_refusal(endpoint: bytes, enode: bytes) -> None:
    topics = [keccak256(b"EndpointsChanged(bytes32,string,string)"), key("lima")]
    event = artifact("PilotRegistry").event(topics, encode(["bytes", "bytes"], [endpoint, enode]))
    assert event is not None
    assert event.arguments["centerId"] == "lima"
    refused = artifact("PilotRegistry").refusal(
        keccak256(b"OriginTaken(string,bytes32)")[:4] + encode(["bytes", "bytes32"], [endpoint, key("lima")])
    )
    assert refused.name == "OriginTaken"
    assert refused.detail.encode()


_ASKED: dict[str, Any] = {
    "center": lambda it: it.center(LIMA),
    "centerIds": lambda it: it.center_ids(0, 10),
    "logKeys": lambda it: it.log_keys(LIMA),
    "proposal": lambda it: it.proposal(ProposalId(bytes(32))),
    "member": lambda it: it.member(LIMA, member_id("mill")),
    "memberOf": lambda it: it.member_of(Address(bytes(20))),
    "memberIds": lambda it: it.member_ids(LIMA, 0, 10),
    "parameters": lambda it: it.parameters(),
    "getValidators": lambda it: it.validators(),
    "tally": lambda it: it.tally(ProposalId(bytes(32))),
    "centerOfOperator": lambda it: it.center_of_operator(Address(bytes(20))),
}
_SOUND: dict[str, bytes] = {
    "center": told("lima", b"Lima", b"lima.example/log", b"https://lima.example", b""),
    "centerIds": encode(["bytes32[]"], [[key("lima"), key("tianjin")]]),
    "logKeys": encode(["(bytes32,uint64,uint64)[]"], [[(log_key("lima"), 5, 9), (log_key("other"), 9, 0)]]),
    "proposal": encode(
        ["uint8", "bool", "uint64", "uint32", "address", "bytes32", "bytes32"],
        [2, False, 9, 1, account(1), key("lima"), bytes(32)],
    ),
    "member": encode(
        ["bytes32", "bytes32", "address", "uint8", "uint8", "uint64", "uint64"],
        [key("lima"), key("mill"), account(4), 3, 1, 5, 0],
    ),
    "memberOf": encode(
        ["bytes32", "bytes32", "address", "uint8", "uint8", "uint64", "uint64"],
        [key("lima"), key("mill"), account(4), 3, 1, 5, 0],
    ),
    "memberIds": encode(["bytes32[]"], [[key("mill")]]),
    "parameters": encode(["uint32", "uint64", "uint64", "uint64"], [3, 0, 9, 5]),
    "getValidators": encode(["address[]"], [[account(1), account(2)]]),
    "tally": encode(["uint256", "uint256"], [1, 2]),
    "centerOfOperator": encode(["bytes32"], [key("lima")]),
}


@pytest.mark.parametrize("function", sorted(_ASKED))
@given(data=st.data())
def test_a_changed_answer_reads_or_is_told_as_none_of_the_contract(function: str, data: st.DataObject) -> None:
    sound = _SOUND[function]
    assert _ASKED[function](registry(**{function: sound})) is not None
    place = data.draw(st.integers(0, len(sound) - 1))
    put = data.draw(st.binary(min_size=1, max_size=40))
    cut = data.draw(st.sampled_from([len(sound), place, place + len(put)]))
    changed = (sound[:place] + put + sound[place + len(put) :])[:cut]
    try:
        _ASKED[function](registry(**{function: changed}))
    except (NotThisContract, ContractRefused) as fault:
        assert fault.detail


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        ("center", _SOUND["center"].replace(key("lima"), key("no id"))),
        ("center", _SOUND["center"].replace((2).to_bytes(32, "big"), (9).to_bytes(32, "big"), 1)),
        ("centerIds", encode(["bytes32[]"], [[key("lima"), b"\xff" * 32]])),
        ("logKeys", encode(["(bytes32,uint64,uint64)[]"], [[(log_key("lima"), 2**64 - 1, 0)]])),
        ("proposal", (9).to_bytes(32, "big") + _SOUND["proposal"][32:]),
        ("memberIds", encode(["bytes32[]"], [[bytes(32)]])),
        ("memberOf", _SOUND["memberOf"][:128] + (9).to_bytes(32, "big") + _SOUND["memberOf"][160:]),
        ("centerOfOperator", encode(["bytes32"], [b"\x01" * 32])),
    ],
    ids=["id", "status", "an id of many", "time", "kind", "member id", "member status", "id alone"],
)
def test_what_the_contract_never_holds_is_no_answer_of_it(function: str, answer: bytes) -> None:
    assert answer != _SOUND[function]
    with pytest.raises(NotThisContract):
        _ASKED[function](registry(**{function: answer}))


@pytest.mark.parametrize("told", ["zz", "0xzz", None, ["0x"], {"x": 1}, True])
def test_a_result_that_is_no_bytes_is_the_nodes_fault(told: object) -> None:
    with pytest.raises((BadResponseFormat, NotThisContract)):
        registry(center={"result": told}).center(LIMA)


@pytest.mark.parametrize(
    "told", ["0xzz", "0x123", "Reverted 0xzz", "0x4e487b71" + "ff" * 32, "0x08c379a0" + "ff" * 70, 5, {"x": 1}, None]
)
def test_whatever_a_node_says_of_a_revert_makes_no_traceback(told: object) -> None:
    with pytest.raises((BadResponseFormat, ContractRefused)):
        registry(center={"error": {"code": 3, "message": "execution reverted", "data": told}}).center(LIMA)


def test_the_answers_of_these_tests_are_as_the_contract_gives_them() -> None:
    for function, sound in _SOUND.items():
        assert artifact("PilotRegistry").decode_answer(function, sound)
    member = _ASKED["member"](registry(member=_SOUND["member"]))
    assert (member.id, member.roles) == ("mill", MemberRole.ENTERPRISE | MemberRole.CERTIFIER)
