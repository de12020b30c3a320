"""The bindings of green assets say what the contracts say: every call and answer, refusals by name, at the block asked for."""

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import pytest
from eth_abi.abi import encode
from greenlane.adapters.evm import evidence_register, green_asset, mediated
from greenlane.adapters.evm.bindings import (
    ActState,
    ContractRefused,
    EvidenceRegister,
    GreenAsset,
    NotEncodable,
    NotThisContract,
    asset_refusal,
    runtime_bytecode,
)
from greenlane.core.assets.act import Act
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import text_digest
from greenlane.core.assets.facts import EscrowState, HoldingFacts, Totals
from greenlane.core.assets.retirement import retirement_digest, retirement_id
from greenlane.core.crypto import sha256
from greenlane.core.units import Address
from greenlane.ports.asset_ledger import Placement, RetirementAsked
from web3 import Web3
from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse
from worlds.asset_chain import (
    CERTIFIER,
    CITY,
    COOPERATIVE,
    HO_CHI_MINH,
    LIMA,
    VINTAGE,
    AssetChain,
    address_of,
    asset_chain,
    key_of,
    undone,
)
from worlds.green_assets import COCOA, COMMUTES

pytestmark = pytest.mark.chain
MILL, TOWN = address_of(key_of(COOPERATIVE)), address_of(key_of(CITY))
LINE, REF = sha256(b"line"), sha256(b"ref")
# What wallets and exchanges of other tokens ask, and nobody here; what ERC-2771 says of the contract itself; what only contracts
# may call.
STRANGE = {
    "balanceOfBatch",
    "isApprovedForAll",
    "isTrustedForwarder",
    "safeBatchTransferFrom",
    "setApprovalForAll",
    "supportsInterface",
    "takeVote",
    "trustedForwarder",
    "uri",
}


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AssetChain]:
    with asset_chain(tmp_path_factory.mktemp("assets") / "home") as chain:
        yield chain


@pytest.fixture
def chain(founded: AssetChain) -> Iterator[AssetChain]:
    with undone(founded):
        yield founded


def issued(chain: AssetChain, quantity: int = 10_000, **changes: Any) -> bytes:
    """Units of the cooperative; their token."""
    [(stated, proof)] = chain.evidence(chain.statement(**changes))
    placement, _ = chain.register.placement(chain.asset.address, stated, after=evidence_register.START, steps=10)
    chain.send(key_of(COOPERATIVE), chain.asset.address, GreenAsset.encode_issue(stated, proof, placement, quantity))
    return stated.digest(chain.register_domain)


def asked(token: bytes, **changes: Any) -> RetirementAsked:
    given: dict[str, Any] = {
        "token": token,
        "quantity": 400,
        "claimant": TOWN,
        "beneficiary": text_digest("Lima"),
        "claim_from": VINTAGE[0],
        "claim_to": VINTAGE[1],
        "lot": bytes(32),
        "line_digest": LINE,
        "ref": REF,
    }
    return RetirementAsked(**(given | changes))


@pytest.mark.parametrize(("name", "module"), [("GreenAsset", green_asset), ("EvidenceRegister", evidence_register)])
def test_every_function_of_a_contract_is_bound(name: str, module: Any) -> None:
    abi = json.loads(resources.files("greenlane.adapters.evm").joinpath("abi", f"{name}.json").read_text())["abi"]
    source = inspect.getsource(module) + inspect.getsource(mediated)
    missing = {item["name"] for item in abi if item["type"] == "function" and f'"{item["name"]}"' not in source}
    assert missing - STRANGE == set()


def test_the_code_on_the_chain_is_the_committed_one_and_leans_on_the_others(chain: AssetChain) -> None:
    for contract in (chain.asset, chain.register):
        code = chain.web3.eth.get_code(Web3.to_checksum_address(contract.address))
        assert bytes(code) == runtime_bytecode(type(contract).__name__)
    assert chain.asset.contracts() == (chain.network.pilot_registry, chain.register.address)
    assert chain.register.contracts() == (chain.network.pilot_registry, chain.network.anchor_log)


def test_digests_are_those_of_core(chain: AssetChain) -> None:
    stated = chain.statement()
    assert chain.register.digest_of(stated) == stated.digest(chain.register_domain)
    act = chain.act(CITY, b"any call")
    assert chain.asset.act_digest(act.act) == chain.digest(act)
    assert chain.register.act_digest(act.act) != chain.digest(act)
    assert chain.asset.retirement_id(TOWN, REF) == retirement_id(TOWN, REF)


def test_a_class_is_read_back_and_never_changes(chain: AssetChain) -> None:
    assert chain.asset.asset_class(COCOA.id) == chain.lasting(COCOA)
    assert chain.asset.asset_class("none") is None
    assert chain.asset.class_count() == 2
    assert chain.asset.class_ids(0, 10) == (COCOA.id, COMMUTES.id)
    assert chain.asset.class_ids(1, 10) == (COMMUTES.id,)
    assert chain.asset.class_ids(2, 10) == ()
    assert chain.asset.totals("none") == Totals(issued=0, escrowed=0, retired=0, cancelled=0)


def test_motions_are_counted_under_the_hashes_of_the_bindings(chain: AssetChain) -> None:
    another = replace(COCOA, id="cocoa-organic", attribute="organic")
    token = issued(chain)
    asset, register = chain.asset, chain.register
    for contract, motion, data in (
        (asset, GreenAsset.class_motion(another), GreenAsset.encode_vote_class(another)),
        (asset, GreenAsset.pause_motion(True), GreenAsset.encode_vote_pause(True)),
        (register, EvidenceRegister.revocation_motion(token), EvidenceRegister.encode_vote_revocation(token, "Wrong.")),
    ):
        before = chain.register.tally(motion, asker=contract.address)
        assert (before.votes, before.needed, before.expires_at) == (0, 2, None)
        chain.govern(LIMA, data, contract.address)
        tally = chain.register.tally(motion, asker=contract.address)
        assert (tally.votes, tally.needed) == (1, 2)
        assert tally.expires_at is not None
        assert tally.expires_at > chain.now()
        assert chain.register.has_voted(motion, LIMA, asker=contract.address)
        assert chain.register.has_voted(motion, LIMA) == (contract is register)
        assert not chain.register.has_voted(motion, HO_CHI_MINH, asker=contract.address)
        chain.govern(HO_CHI_MINH, data, contract.address)
        assert chain.register.tally(motion, asker=contract.address).expires_at is None
    assert chain.asset.asset_class(another.id) == another
    assert chain.asset.is_paused()
    assert chain.asset.is_frozen(token)
    assert chain.register.revocation(token) == "Wrong."
    chain.by_quorum(chain.asset.address, GreenAsset.encode_vote_pause(False))
    assert not chain.asset.is_paused()


def test_evidence_and_units_are_read_back_as_they_were_at_each_block(chain: AssetChain) -> None:
    before = chain.web3.eth.block_number
    token = issued(chain, origin=None)
    asker = chain.asset.address
    kept = chain.register.evidence(asker, token)
    assert kept is not None
    assert (kept.class_id, kept.attribute, kept.quantity, kept.holder) == (COCOA.id, COCOA.attribute, 12_500, MILL)
    assert (kept.vintage_from, kept.vintage_to) == VINTAGE
    assert (kept.holder_center, kept.holder_member) == (COOPERATIVE.center, COOPERATIVE.member)
    assert (kept.certifier_center, kept.certifier_member) == (CERTIFIER.center, CERTIFIER.member)
    assert abs(kept.admitted_at - chain.now()) < 60
    assert chain.register.evidences(asker, [token, REF]) == (kept, None)
    assert (chain.register.evidence_count(asker), chain.register.evidence_count(MILL)) == (1, 0)
    assert chain.register.custody_of(asker, kept.attribute, kept.lot) is CustodyModel.IDENTITY_PRESERVED
    assert chain.register.custody_of(asker, kept.attribute, REF) is None
    assert chain.register.custody_of(asker, "another", kept.lot) is None
    # Whoever asks for itself has nothing of it.
    assert chain.register.evidence(MILL, token) is None
    assert not chain.register.is_revoked(token)
    assert chain.register.revocation(token) is None
    record = chain.asset.issuance(token)
    assert record is not None
    assert (record.class_id, record.evidenced, record.totals.issued, record.lot) == (COCOA.id, 12_500, 10_000, kept.lot)
    assert chain.asset.issuances([REF, token]) == (None, record)
    assert (chain.asset.issuance_count(), chain.asset.issuance_ids(0, 9)) == (1, (token,))
    nothing = HoldingFacts(account=TOWN, token=token, tradable=0, escrowed=0, retired=0, cancelled=0)
    assert chain.asset.holding(TOWN, token) == nothing
    assert chain.asset.holding(MILL, token) == replace(nothing, account=MILL, tradable=10_000)
    assert chain.asset.balance_of(MILL, token) == 10_000
    # As it was, for whoever asks at an earlier block.
    assert chain.register.evidence(asker, token, before) is None
    assert chain.asset.issuance(token, before) is None
    assert chain.asset.issuance_count(before) == 0


def test_escrows_and_retirements_are_read_back(chain: AssetChain) -> None:
    token = issued(chain)
    until = datetime.fromtimestamp(chain.now() + 3_600, UTC)
    escrowed = GreenAsset.encode_escrow(token=token, quantity=1_000, buyer=TOWN, line_digest=LINE, deadline=until)
    chain.send(key_of(COOPERATIVE), chain.asset.address, escrowed)
    id_ = chain.asset.escrow_id(MILL, TOWN, LINE)
    kept = chain.asset.escrow(id_)
    assert kept is not None
    assert (kept.seller, kept.buyer, kept.token, kept.quantity) == (MILL, TOWN, token, 1_000)
    assert (kept.deadline, kept.state, kept.line_digest) == (until, EscrowState.OPEN, LINE)
    assert chain.asset.escrow(REF) is None
    chain.send(key_of(CITY), chain.asset.address, GreenAsset.encode_accept(id_))
    assert chain.asset.escrows([id_]) == (replace(kept, state=EscrowState.ACCEPTED),)
    lot = chain.asset.issuance(token)
    assert lot is not None
    chain.send(key_of(CITY), chain.asset.address, GreenAsset.encode_retire(asked(token, lot=lot.lot)))
    retired = chain.asset.retirement(retirement_id(TOWN, REF))
    assert retired is not None
    assert (retired.holder, retired.quantity, retired.line_digest, retired.token) == (TOWN, 400, LINE, token)
    assert retired.retired_at.timestamp() == chain.now()
    assert chain.asset.retirement_digest(retired.id) == retirement_digest(retired)
    assert chain.asset.retirements([retired.id, REF]) == (retired, None)
    assert (chain.asset.retirement_count(), chain.asset.retirement_ids(0, 5)) == (1, (retired.id,))
    assert chain.asset.retirement_digest(REF) is None
    assert chain.asset.challenge(retired.id) is None
    chain.send(key_of(CITY), chain.asset.address, GreenAsset.encode_cancel(token=token, quantity=5, reason="Spoilt"))
    left = HoldingFacts(account=TOWN, token=token, tradable=595, escrowed=0, retired=400, cancelled=5)
    assert chain.asset.holding(TOWN, token) == left
    assert chain.asset.totals(COCOA.id) == Totals(issued=10_000, escrowed=0, retired=400, cancelled=5)


def test_a_revocation_freezes_and_challenges_with_its_reason(chain: AssetChain) -> None:
    [(stated, proof)] = chain.evidence(chain.statement())
    where, is_found = chain.register.placement(chain.asset.address, stated, after=evidence_register.START, steps=1)
    assert is_found
    chain.send(key_of(CITY), chain.register.address, EvidenceRegister.encode_admit(stated, proof, where))
    token = stated.digest(chain.register_domain)
    chain.send(key_of(COOPERATIVE), chain.asset.address, GreenAsset.encode_issue(stated, proof, where, 500))
    kept = asked(token, lot=text_digest(stated.lot or ""), claimant=MILL)
    chain.send(key_of(COOPERATIVE), chain.asset.address, GreenAsset.encode_retire(kept))
    chain.send(key_of(CERTIFIER), chain.register.address, EvidenceRegister.encode_revoke(stated, "The lot was mixed."))
    assert chain.register.is_revoked(token)
    assert chain.asset.challenge(retirement_id(MILL, REF)) == "The lot was mixed."
    with pytest.raises(ContractRefused, match="Frozen"):
        chain.asset.simulate(GreenAsset.encode_cancel(token=token, quantity=1, reason="x"), sender=MILL)


def test_acts_are_brought_told_and_decided_once(chain: AssetChain) -> None:
    token = issued(chain)
    good = chain.act(COOPERATIVE, GreenAsset.encode_cancel(token=token, quantity=1, reason="Spoilt"))
    bad = chain.act(CITY, GreenAsset.encode_cancel(token=token, quantity=1, reason="Spoilt"))
    digests = [chain.digest(good), chain.digest(bad)]
    assert chain.asset.act_states(digests) == (ActState.NONE, ActState.NONE)
    assert chain.asset.act_gas() > 1_000_000
    data = GreenAsset.encode_bring([good.act, bad.act], [good.signature, bad.signature])
    assert GreenAsset.decode_bring(data) == ((good.act, good.signature), (bad.act, bad.signature))
    receipt = chain.send(key_of(CERTIFIER), chain.asset.address, data)
    assert chain.asset.act_states(digests) == (ActState.DONE, ActState.REFUSED)
    assert chain.asset.act_state(digests[1]) is ActState.REFUSED
    told = [event for event in map(GreenAsset.brought_event, receipt["logs"]) if event is not None]
    assert [(event.digest, event.account, event.state) for event in told] == [
        (digests[0], MILL, ActState.DONE),
        (digests[1], TOWN, ActState.REFUSED),
    ]
    assert told[0].reason == b""
    refused = asset_refusal(told[1].reason)
    assert (refused.name, refused.values[1:]) == ("TooFewUnits", (Web3.to_checksum_address(TOWN).lower(), 0, 1))


def test_what_one_contract_passes_on_of_another_is_told_by_name() -> None:
    told = encode(["bytes32"], [REF])
    for name, contract in (("Revoked", EvidenceRegister), ("UnknownEvidence", EvidenceRegister)):
        selector = Web3.keccak(text=f"{name}(bytes32)")[:4]
        assert contract.explain_revert(bytes(selector) + told).startswith(f"The contract refuses: {name}(")
        assert asset_refusal(bytes(selector) + told).name == name
    assert asset_refusal(b"\x01\x02\x03\x04").name == "Unknown"


@pytest.mark.parametrize(
    "encode_call",
    [
        lambda chain: GreenAsset.encode_accept(REF[:31]),
        lambda chain: GreenAsset.encode_cancel(token=REF[:31], quantity=1, reason="x"),
        lambda chain: GreenAsset.encode_cancel(token=REF, quantity=1 << 128, reason="x"),
        lambda chain: GreenAsset.encode_cancel(token=REF, quantity=-1, reason="x"),
        lambda chain: GreenAsset.encode_retire(asked(REF, ref=REF[:31])),
        lambda chain: GreenAsset.encode_follow_key(previous=Address(b"\x01" * 19), token=REF),
        lambda chain: EvidenceRegister.encode_revoke(replace(chain.statement(), certificate_digest=REF[:31]), "x"),
        lambda chain: GreenAsset.encode_bring([Act(account=MILL, salt=REF[:31], not_after=1, call=b"")], [bytes(65)]),
        lambda chain: chain.asset.asset_class("ü"),
        lambda chain: chain.asset.totals("a" * 32),
    ],
)
def test_what_does_not_fit_is_refused_and_never_padded(founded: AssetChain, encode_call: Callable[[AssetChain], object]) -> None:
    with pytest.raises(NotEncodable):
        encode_call(founded)


class Liar(BaseProvider):
    """A node that answers every call with one answer."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.answer = answer

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return {"jsonrpc": "2.0", "id": 1, "result": Web3.to_hex(self.answer)}


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


CLASS = encode(
    ["(bytes32,bytes32,bytes32,uint8,uint8,bool,uint32,string)"],
    [(b"cocoa".ljust(32, b"\0"), b"organic".ljust(32, b"\0"), b"KGM".ljust(32, b"\0"), 3, 9, True, 1, "Cocoa")],
)


@pytest.mark.parametrize(
    ("answer", "ask"),
    [
        (b"\x01", lambda asset, register: asset.class_count()),
        (word(3), lambda asset, register: asset.act_state(REF)),
        (CLASS, lambda asset, register: asset.asset_class("cocoa")),
        (CLASS.replace(word(9), word(1)).replace(b"KGM", b"kgm"), lambda asset, register: asset.asset_class("cocoa")),
        (word(32) + word(1) + b"\xff" * 32, lambda asset, register: asset.class_ids(0, 1)),
        (word(1) * 10, lambda asset, register: asset.issuance(REF)),
        (b"cocoa".ljust(32, b"\0") + word(5) + word(6) + word(0) * 6 + word(1), lambda asset, register: asset.issuance(REF)),
        (word(1) + word(1 << 63) + word(1) * 5, lambda asset, register: asset.escrow(REF)),
        (word(1) + word(1) + word(7) + word(1) * 4, lambda asset, register: asset.escrow(REF)),
        (word(1) * 2 + word(0) * 9, lambda asset, register: asset.retirement(REF)),
        (b"c".ljust(32, b"\0") * 3 + word(1) * 10, lambda asset, register: register.evidence(MILL, REF)),
        (word(9), lambda asset, register: register.custody_of(MILL, "organic", REF)),
    ],
)
def test_an_answer_that_no_contract_of_ours_gives_is_none(
    answer: bytes, ask: Callable[[GreenAsset, EvidenceRegister], object]
) -> None:
    web3 = Web3(Liar(answer))
    with pytest.raises(NotThisContract):
        ask(GreenAsset(web3, MILL), EvidenceRegister(web3, TOWN))


def test_a_placement_is_looked_up_step_by_step(chain: AssetChain) -> None:
    [(stated, proof)] = chain.evidence(chain.statement())
    chain.send(
        key_of(CITY),
        chain.register.address,
        EvidenceRegister.encode_admit(stated, proof, Placement(vintage_after=0, serial_after=0)),
    )
    first, last = VINTAGE
    later = chain.statement(lot=stated.lot, vintage_from=last.replace(month=7, day=1), vintage_to=last.replace(month=8))
    found, is_found = chain.register.placement(TOWN, later, after=evidence_register.START, steps=0)
    assert (found, is_found) == (evidence_register.START, False)
    found, is_found = chain.register.placement(TOWN, later, after=found, steps=2)
    assert is_found
    assert found.vintage_after == (first - type(first)(1970, 1, 1)).days + 1
