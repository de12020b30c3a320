"""The bindings say what the contracts say: every call, every answer, refusals by name, at the block asked for."""

import inspect
import json
import re
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from eth_abi.abi import encode
from greenlane.adapters.evm import bindings
from greenlane.adapters.evm.bindings import (
    AnchoredHead,
    AnchorLog,
    CenterStatus,
    ContractRefused,
    LogKeyRecord,
    MemberRole,
    MemberStatus,
    NotEncodable,
    NotThisContract,
    PilotRegistry,
    ProposalId,
    ProposalKind,
    UnixSeconds,
    artifact,
    deployment_bytecode,
    explain_revert,
    runtime_bytecode,
)
from greenlane.core.anchoring import ANCHORED_SIGNATURE
from greenlane.core.crypto import keccak256
from greenlane.core.merkle import consistency_proof, inclusion_proof, leaf_hash, root_of
from greenlane.core.units import Address, LeafIndex, RootHash, TreeSize, center_id, member_id
from web3 import Web3
from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from .conftest import CENTERS, TERM_S, VOTING_S, Chain, candidate

pytestmark = pytest.mark.chain
LIMA, TIANJIN, SANTIAGO = center_id("lima"), center_id("tianjin"), center_id("santiago")
MILL = member_id("mill")
ANCHORED = keccak256(ANCHORED_SIGNATURE.encode())
LEAVES = [leaf_hash(bytes([number])) for number in range(9)]


def functions(name: str) -> list[str]:
    text = resources.files("greenlane.adapters.evm").joinpath("abi", f"{name}.json").read_text()
    return [item["name"] for item in json.loads(text)["abi"] if item["type"] == "function"]


def anchor(live: Chain, old_size: int, new_size: int) -> None:
    proof = consistency_proof(LEAVES[:new_size], TreeSize(old_size))
    data = AnchorLog.encode_anchor(LIMA, TreeSize(new_size), root_of(LEAVES[:new_size]), proof)
    live.send(data, sender=live.founders[1].anchorer, to=live.log.address)


def govern(live: Chain, number: int, data: bytes) -> None:
    live.send(data, sender=live.founders[number].operator, to=live.registry.address)


def latest_proposal(live: Chain) -> ProposalId:
    return live.registry.proposal_ids(live.registry.proposal_count() - 1, 1)[0]


@pytest.mark.parametrize("name", ["AnchorLog", "PilotRegistry"])
def test_every_function_of_a_contract_is_bound(name: str) -> None:
    source = inspect.getsource(inspect.getmodule(getattr(bindings, name)) or bindings)
    constants = {"MAX_GROWTH", "MAX_CENTERS", "VALIDATOR_ROTATION_PAUSE"}
    missing = {one for one in functions(name) if not re.search(rf'"{one}"', source)} - constants
    assert missing == set()


def test_the_code_on_the_chain_is_the_committed_one(live: Chain) -> None:
    for contract in (live.registry, live.log):
        assert contract.has_code()
        code = live.web3.eth.get_code(Web3.to_checksum_address(contract.address))
        assert bytes(code) == runtime_bytecode(type(contract).__name__)
    assert not AnchorLog(live.web3, Address(bytes(19) + b"\xff")).has_code()
    assert live.log.registry() == live.registry.address
    assert runtime_bytecode("AnchorLog") in deployment_bytecode("AnchorLog", live.registry.address)


def test_a_log_is_read_at_the_block_asked_for(live: Chain) -> None:
    before = live.web3.eth.block_number
    assert live.log.head(LIMA) is None
    anchor(live, 0, 5)
    between = live.web3.eth.block_number
    anchor(live, 5, 9)
    now = live.web3.eth.get_block("latest")["timestamp"]
    assert live.log.head(LIMA) == AnchoredHead(tree_size=TreeSize(9), root=root_of(LEAVES), anchored_at=UnixSeconds(now))
    earlier = live.log.head(LIMA, between)
    assert earlier is not None
    assert earlier.tree_size == 5
    assert live.log.head(LIMA, before) is None
    assert live.log.root_at(LIMA, TreeSize(5)) == root_of(LEAVES[:5])
    assert live.log.root_at(LIMA, TreeSize(6)) is None
    proof = inclusion_proof(LEAVES[:5], LeafIndex(3))
    assert live.log.is_included(LIMA, TreeSize(5), LeafIndex(3), LEAVES[3], proof)
    assert not live.log.is_included(LIMA, TreeSize(5), LeafIndex(2), LEAVES[3], proof)


def test_an_anchor_is_told_in_its_transactions_log(live: Chain) -> None:
    data = AnchorLog.encode_anchor(LIMA, TreeSize(9), root_of(LEAVES), ())
    receipt = live.send(data, sender=live.founders[1].anchorer, to=live.log.address)
    told = AnchorLog.anchored_event(receipt["logs"][0])
    assert told is not None
    assert (told.center, told.tree_size, told.root, told.previous_size) == (LIMA, 9, root_of(LEAVES), 0)
    assert told.transaction == bytes(receipt["transactionHash"])
    assert int(told.block_number) == int(receipt["blockNumber"])
    assert PilotRegistry.event(receipt["logs"][0]) is None
    assert AnchorLog.anchored_event({**receipt["logs"][0], "topics": []}) is None


def test_a_refusal_comes_by_its_name_with_its_facts(live: Chain) -> None:
    data = AnchorLog.encode_anchor(LIMA, TreeSize(9), root_of(LEAVES), ())
    with pytest.raises(ContractRefused) as refused:
        live.log.simulate(data, sender=live.founders[0].anchorer)
    assert refused.value.name == "NotAnchorer"
    assert refused.value.arguments == {"centerId": "lima", "caller": "0x" + live.founders[0].anchorer.hex()}
    assert "NotAnchorer(centerId=lima" in str(refused.value)
    live.log.simulate(data, sender=live.founders[1].anchorer)
    assert live.log.head(LIMA) is None


def test_a_question_that_reverts_is_refused_by_name_too(live: Chain) -> None:
    with pytest.raises(ContractRefused) as refused:
        live.registry.tally(ProposalId(b"\x07" * 32))
    assert refused.value.name == "UnknownProposal"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "Unknown(data=0x)"),
        (b"\x01\x02\x03\x04", "Unknown(data=0x01020304)"),
        (bytes.fromhex("4e487b71") + (17).to_bytes(32, "big"), "Panic(reason=17)"),
        (bytes.fromhex("4e487b71"), "Unknown(data=0x4e487b71)"),
    ],
)
def test_any_revert_data_makes_a_sentence(data: bytes, sentence: str) -> None:
    assert explain_revert(data) == f"The contract refuses: {sentence}."
    assert sentence in AnchorLog.explain_revert(data)


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        ([], b""),
        ([b"\x01" * 32], b""),
        ([ANCHORED], bytes(64)),
        ([ANCHORED, bytes(32), bytes(32)], bytes(63)),
        ([ANCHORED, bytes(32), b"\xff" * 32], bytes(64)),
        ([ANCHORED, bytes(32), bytes(32), bytes(32)], bytes(64)),
    ],
)
def test_a_log_that_is_no_event_of_the_contract_is_none(topics: list[bytes], data: bytes) -> None:
    assert artifact("AnchorLog").event(topics, data) is None


class WordyNode(BaseProvider):
    """A node that tells of a revert in words only."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        if method == "eth_chainId":
            return {"jsonrpc": "2.0", "id": 1, "result": "0x1"}
        return {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": "execution reverted: out of luck"}}


def test_a_node_that_tells_no_reason_still_makes_a_refusal() -> None:
    with pytest.raises(ContractRefused, match=r"Unknown\(message=.*out of luck") as refused:
        AnchorLog(Web3(WordyNode()), Address(b"\x09" * 20)).simulate(b"", sender=Address(b"\x08" * 20))
    assert refused.value.name == "Unknown"


def test_an_address_without_the_contract_is_told_as_that(live: Chain) -> None:
    with pytest.raises(NotThisContract):
        AnchorLog(live.web3, Address(b"\x09" * 20)).head(LIMA)
    with pytest.raises(ContractRefused):
        PilotRegistry(live.web3, live.log.address).validators()


@pytest.mark.parametrize(
    ("tree_size", "root", "proof"),
    [(2**64, b"\x01" * 32, []), (-1, b"\x01" * 32, []), (1, b"\x01" * 31, []), (1, b"\x01" * 32, [b"\x01" * 33])],
)
def test_what_does_not_fit_is_not_sent(tree_size: int, root: bytes, proof: list[bytes]) -> None:
    with pytest.raises(NotEncodable):
        AnchorLog.encode_anchor(LIMA, TreeSize(tree_size), RootHash(root), proof)  # type: ignore[arg-type]


def test_the_founders_are_as_they_were_founded(live: Chain) -> None:
    registry = live.registry
    assert registry.center_ids(0, 10) == CENTERS
    assert registry.center_count() == registry.active_count() == 3
    assert registry.quorum() == 2
    assert registry.validators() == tuple(founder.validator for founder in live.founders)
    found = registry.center(LIMA)
    lima = live.founders[1]
    assert found is not None
    assert {name: getattr(found, name) for name in lima.__slots__} == {name: getattr(lima, name) for name in lima.__slots__}
    assert found.status is CenterStatus.ACTIVE
    assert found.term_end == found.term_start + TERM_S
    assert found.validator_rotated_at is None
    assert registry.log_keys(LIMA) == (LogKeyRecord(key=lima.log_key, valid_from=found.term_start, valid_until=None),)
    assert registry.is_active(LIMA)
    assert registry.is_in_good_standing(LIMA)
    assert registry.parameters().voting_period_s == VOTING_S
    assert registry.center_of_operator(lima.operator) == LIMA
    assert registry.center_of_anchorer(lima.anchorer) == LIMA
    assert registry.center_of_validator(lima.validator) == LIMA
    assert registry.center_of_log_key(lima.log_key) == LIMA
    assert registry.center_of_anchorer(lima.operator) is None
    assert registry.center(SANTIAGO) is None
    assert registry.log_keys(SANTIAGO) == ()


def test_a_center_is_nominated_endorsed_suspended_and_reinstated(live: Chain) -> None:
    registry = live.registry
    newcomer = candidate(3, SANTIAGO, live.accounts)
    govern(live, 0, PilotRegistry.encode_nominate(newcomer))
    proposal = latest_proposal(live)
    nominated, found = registry.center(SANTIAGO), registry.proposal(proposal)
    assert nominated is not None
    assert nominated.status is CenterStatus.NOMINATED
    assert found is not None
    assert (found.kind, found.center, found.is_executed, found.operator) == (
        ProposalKind.ADMISSION,
        SANTIAGO,
        False,
        None,
    )
    assert found.content_hash is not None
    assert registry.has_voted(proposal, TIANJIN)
    assert not registry.has_voted(proposal, LIMA)
    tally = registry.tally(proposal)
    assert (tally.votes, tally.needed) == (1, 2)
    govern(live, 1, PilotRegistry.encode_vote(proposal))
    assert registry.is_active(SANTIAGO)
    assert registry.center_ids(3, 5) == (SANTIAGO,)

    govern(live, 0, PilotRegistry.encode_propose_suspension(SANTIAGO))
    for other in (1, 2):
        govern(live, other, PilotRegistry.encode_vote(latest_proposal(live)))
    suspended = registry.center(SANTIAGO)
    assert suspended is not None
    assert suspended.status is CenterStatus.SUSPENDED
    govern(live, 0, PilotRegistry.encode_propose_reinstatement(SANTIAGO))
    govern(live, 1, PilotRegistry.encode_vote(latest_proposal(live)))
    assert registry.is_in_good_standing(SANTIAGO)
    assert registry.proposal(ProposalId(bytes(32))) is None


def set_endpoints(endpoint: bytes, enode: bytes) -> bytes:
    """Call data that no program of ours makes; a `string` and `bytes` are the same on the wire."""
    return keccak256(b"setEndpoints(string,string)")[:4] + encode(["bytes", "bytes"], [endpoint, enode])


@pytest.mark.parametrize(
    "written", [b"\xff", b"\xc0\xaf" * 128, b"\xed\xa0\x80", b"\xe2\x28\xa1", b"\x00", b"\x1b[2J", bytes(range(256))]
)
def test_a_center_cannot_make_itself_unreadable(live: Chain, written: bytes) -> None:
    before = live.registry.center(LIMA)
    assert before is not None
    data = set_endpoints(written, written)
    receipt = live.send(data, sender=live.founders[1].operator, to=live.registry.address)
    after, text = live.registry.center(LIMA), written.decode(errors="replace")
    assert after == replace(before, endpoint=text, enode=text)
    (event,) = map(PilotRegistry.event, receipt["logs"])
    assert event is not None
    assert event.arguments == {"centerId": "lima", "endpoint": text, "enode": text}


def test_a_text_with_something_behind_its_end_is_read_without_it(live: Chain) -> None:
    data = set_endpoints(b"https://b.example", b"enode://b")
    dirty = data[: 4 + 96 + 20] + b"\xff" * 12 + data[4 + 128 : -4] + b"\xff" * 4
    assert len(dirty) == len(data)
    assert dirty != data
    govern(live, 1, dirty)
    found = live.registry.center(LIMA)
    assert found is not None
    assert (found.endpoint, found.enode) == ("https://b.example", "enode://b")


def test_a_nomination_in_bytes_that_are_no_text_can_be_read_and_refused_by_its_name(live: Chain) -> None:
    newcomer = candidate(3, SANTIAGO, live.accounts)
    data = PilotRegistry.encode_nominate(newcomer)
    for text in (newcomer.name, newcomer.origin):
        assert text.encode().ljust(32, b"\0") in data
        data = data.replace(text.encode().ljust(32, b"\0"), (b"\xff" * len(text)).ljust(32, b"\0"))
    govern(live, 0, data)
    nominated, proposal = live.registry.center(SANTIAGO), live.registry.proposal(latest_proposal(live))
    assert nominated is not None
    assert (nominated.status, nominated.name) == (CenterStatus.NOMINATED, "\ufffd" * len(newcomer.name))
    assert proposal is not None
    assert (proposal.kind, proposal.center) == (ProposalKind.ADMISSION, SANTIAGO)
    govern(live, 1, PilotRegistry.encode_vote(latest_proposal(live)))
    assert live.registry.is_active(SANTIAGO)
    another = replace(candidate(3, "valparaiso", live.accounts[1:]), operator=live.accounts[13], log_key=b"\xbb" * 32)
    data = PilotRegistry.encode_nominate(replace(another, origin="x" * len(newcomer.origin)))
    data = data.replace(b"x" * len(newcomer.origin), b"\xff" * len(newcomer.origin))
    with pytest.raises(ContractRefused, match=r"OriginTaken\(origin=\ufffd+, centerId=santiago\)"):
        live.registry.simulate(data, sender=live.founders[0].operator)


def test_a_center_minds_its_own_affairs(live: Chain) -> None:
    registry, spare = live.registry, live.accounts[12:]
    # The founders' terms begin in this very second, and a key's term cannot end when it begins.
    live.web3.provider.make_request(RPCEndpoint("evm_increaseTime"), [1])
    live.web3.provider.make_request(RPCEndpoint("evm_mine"), [])
    govern(live, 1, PilotRegistry.encode_rotate_log_key(b"\xaa" * 32))
    govern(live, 1, PilotRegistry.encode_rotate_anchorer(spare[0]))
    govern(live, 1, PilotRegistry.encode_rotate_validator(spare[1]))
    govern(live, 1, PilotRegistry.encode_set_endpoints("https://b.example", "enode://b"))
    govern(live, 0, PilotRegistry.encode_propose_renewal(LIMA))
    govern(live, 2, PilotRegistry.encode_vote(latest_proposal(live)))
    govern(live, 1, PilotRegistry.encode_rotate_operator(spare[2]))
    found = registry.center(LIMA)
    assert found is not None
    assert (found.log_key, found.anchorer, found.validator, found.operator) == (b"\xaa" * 32, *spare[:3])
    assert (found.endpoint, found.enode) == ("https://b.example", "enode://b")
    first, second = registry.log_keys(LIMA)
    assert first.valid_until == second.valid_from
    govern(live, 0, PilotRegistry.encode_propose_operator(LIMA, live.founders[1].operator))
    replaced = registry.proposal(latest_proposal(live))
    assert replaced is not None
    assert replaced.operator == live.founders[1].operator
    govern(live, 2, PilotRegistry.encode_vote(latest_proposal(live)))
    assert registry.center_of_operator(live.founders[1].operator) == LIMA
    with pytest.raises(ContractRefused, match="TermNotOver"):
        registry.simulate(PilotRegistry.encode_end_term(LIMA), sender=spare[3])
    govern(live, 1, PilotRegistry.encode_leave_network())
    assert not registry.is_active(LIMA)


def test_a_member_is_vouched_for_changed_and_suspended(live: Chain) -> None:
    registry, account, other = live.registry, live.accounts[12], live.accounts[13]
    roles = MemberRole.ENTERPRISE | MemberRole.BUYER
    govern(live, 1, PilotRegistry.encode_vouch(MILL, account, roles, UnixSeconds(5), UnixSeconds(2**40)))
    found = registry.member_of(account)
    assert found is not None
    assert (found.center, found.id, found.account, found.roles, found.status, found.term_start, found.term_end) == (
        LIMA,
        MILL,
        account,
        roles,
        MemberStatus.ACTIVE,
        5,
        2**40,
    )
    assert registry.member(LIMA, MILL) == found
    assert registry.member(TIANJIN, MILL) is None
    assert registry.member_ids(LIMA, 0, 5) == (MILL,)
    assert registry.member_count(LIMA) == 1
    assert registry.is_member_in_good_standing(account, roles)
    assert not registry.is_member_in_good_standing(account, MemberRole.CERTIFIER)
    govern(live, 1, PilotRegistry.encode_set_member_roles(MILL, MemberRole.CERTIFIER))
    govern(live, 1, PilotRegistry.encode_set_member_term(MILL, UnixSeconds(0), None))
    govern(live, 1, PilotRegistry.encode_rotate_member_key(MILL, other))
    assert registry.is_member_in_good_standing(other, MemberRole.CERTIFIER)
    assert registry.member_of(account) is None
    govern(live, 1, PilotRegistry.encode_suspend_member(MILL))
    assert not registry.is_member_in_good_standing(other, MemberRole.CERTIFIER)
    govern(live, 1, PilotRegistry.encode_reinstate_member(MILL))
    assert registry.is_member_in_good_standing(other, MemberRole.CERTIFIER)
