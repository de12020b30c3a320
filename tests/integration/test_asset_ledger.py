"""Acts of members reach the contracts once, whatever breaks on the way, and what the chain keeps is read as it is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]
from eth_abi.abi import encode
from eth_account import Account
from greenlane.adapters.evm import bringing, following, placing
from greenlane.adapters.evm.asset_ledger import EvmAssetLedger
from greenlane.adapters.evm.bindings import EvidenceRegister, GreenAsset, PilotRegistry, asset_refusal
from greenlane.adapters.evm.bringing import ACTS_GAS, MOST_ACTS, acts_purpose
from greenlane.adapters.evm.ledger import ANCHOR_GAS, EvmLedger
from greenlane.adapters.evm.nodes import Nodes
from greenlane.adapters.evm.refusing import refusal_words
from greenlane.adapters.evm.sender import Sender
from greenlane.adapters.evm.wire import Wire
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, text_digest
from greenlane.core.assets.facts import EscrowState, Totals
from greenlane.core.assets.retirement import retirement_id
from greenlane.core.crypto import keccak256, sha256
from greenlane.core.errors import NotFound
from greenlane.core.merkle import consistency_proof, leaf_hash, root_of
from greenlane.core.units import Address, BlockNumber, CenterId, MemberId, TreeSize
from greenlane.ports.accounts import MemberRole
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.asset_ledger import (
    ActOutcome,
    ActWouldFail,
    AssetContract,
    AssetLedger,
    AssetsMissing,
    ChainActState,
    Placement,
    RetirementAsked,
    SignedAct,
)
from greenlane.ports.ledger import LedgerMismatch, LedgerUnavailable
from greenlane.ports.outbox import OutboxRow, OutboxState
from greenlane_node.planning.plan_file import GAS_LIMITS
from worlds.asset_chain import (
    CERTIFIER,
    CITY,
    COOPERATIVE,
    LIMA,
    ROASTER,
    TIANJIN,
    VINTAGE,
    AssetChain,
    address_of,
    asset_chain,
    key_of,
    open_store,
    undone,
)
from worlds.green_assets import COCOA, COMMUTES, origin

pytestmark = pytest.mark.chain
MILL, TOWN, ROAST = (address_of(key_of(name)) for name in (COOPERATIVE, CITY, ROASTER))
STRANGER = Address(sha256(b"stranger")[:20])
LINE, REF = sha256(b"line"), sha256(b"ref")
GREEN_ASSET, REGISTER = AssetContract.GREEN_ASSET, AssetContract.EVIDENCE_REGISTER


class Crash(BaseException):
    """Ends the process's work here, as kill -9 would: nothing of ours catches it."""


@dataclass
class World:
    """The chain, one store, and the gateways of one process."""

    chain: AssetChain
    folder: Path
    stores: list[SqlStore] = field(default_factory=list)
    later: timedelta = timedelta()

    def store(self) -> SqlStore:
        if not self.stores:
            self.stores.append(open_store(self.folder))
        return self.stores[0]

    def gateways(self, **options: Any) -> tuple[EvmLedger, EvmAssetLedger]:
        store = options.pop("store", None) or self.store()
        return self.chain.gateways(store, clock=lambda: datetime.now(UTC) + self.later, **options)

    def pass_by(self, seconds: int) -> None:
        """Time passes, for the gateways."""
        self.later += timedelta(seconds=seconds)

    def assets(self, **options: Any) -> EvmAssetLedger:
        return self.gateways(**options)[1]

    def rows(self, center: CenterId = LIMA) -> tuple[OutboxRow, ...]:
        signer = address_of(self.chain.key(center, KeyUse.ANCHORER))
        with self.store().read() as transaction:
            return transaction.outbox.from_nonce(self.chain.network.chain_id, signer, 0)

    def issued(self, quantity: int = 10_000, **changes: Any) -> bytes:
        """Units of the cooperative, issued past any gateway; their token."""
        [(stated, proof)] = self.chain.evidence(self.chain.statement(**changes))
        data = GreenAsset.encode_issue(stated, proof, self.chain.reading().placement(stated), quantity)
        self.chain.send(key_of(COOPERATIVE), self.chain.asset.address, data)
        return stated.digest(self.chain.register_domain)

    def cancel(self, token: bytes, quantity: int = 1, **how: Any) -> SignedAct:
        """An act that is done as often as there are units."""
        return self.chain.act(COOPERATIVE, GreenAsset.encode_cancel(token=token, quantity=quantity, reason="Spoilt"), **how)

    def states(self, assets: AssetLedger, acts: Sequence[SignedAct]) -> list[ChainActState]:
        return [assets.outcome(one.contract, self.chain.digest(one)).state for one in acts]

    def cancelled(self) -> int:
        return self.chain.asset.totals(COCOA.id).cancelled

    def close(self) -> None:
        for store in self.stores:
            store.close()
        self.stores.clear()


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AssetChain]:
    with asset_chain(tmp_path_factory.mktemp("assets") / "home") as chain:
        yield chain


@pytest.fixture
def world(founded: AssetChain, tmp_path: Path) -> Iterator[World]:
    with undone(founded):
        world = World(founded, tmp_path)
        yield world
        world.close()


DONE, REFUSED, OPEN = ChainActState.DONE, ChainActState.REFUSED, ChainActState.OPEN


def retiring(token: bytes, **changes: Any) -> RetirementAsked:
    given: dict[str, Any] = {
        "token": token,
        "quantity": 300,
        "claimant": MILL,
        "beneficiary": text_digest("Lima"),
        "claim_from": VINTAGE[0],
        "claim_to": VINTAGE[1],
        "lot": bytes(32),
        "line_digest": bytes(32),
        "ref": REF,
    }
    return RetirementAsked(**(given | changes))


# ---- what the chain keeps ----


def test_a_purchase_from_evidence_to_retirement_is_brought_and_read_back(world: World) -> None:
    chain, assets = world.chain, world.assets()
    calls = assets.calls
    [(stated, proof)] = chain.evidence(chain.statement())
    token = stated.digest(assets.places.domain(REGISTER))
    assert assets.issuance(token) is None

    chain.settle(assets, chain.act(COOPERATIVE, calls.issue(stated, proof, assets.placement(stated), 5_000)))
    issuance = assets.issuance(token)
    assert issuance is not None
    assert (issuance.class_id, issuance.evidenced, issuance.lot) == (COCOA.id, 12_500, text_digest(stated.lot or ""))
    assert (issuance.vintage_from, issuance.vintage_to, issuance.revoked) == (*VINTAGE, None)
    assert (issuance.custody_model, issuance.totals.issued) == (CustodyModel.IDENTITY_PRESERVED, 5_000)

    until = datetime.fromtimestamp(chain.now() + 86_400, UTC)
    escrow = calls.escrow(token=token, quantity=2_000, buyer=TOWN, line_digest=LINE, deadline=until)
    chain.settle(assets, chain.act(COOPERATIVE, escrow))
    id_ = chain.asset.escrow_id(MILL, TOWN, LINE)
    kept = assets.escrow(id_)
    assert kept is not None
    assert (kept.seller, kept.buyer, kept.quantity, kept.state, kept.deadline) == (MILL, TOWN, 2_000, EscrowState.OPEN, until)
    assert assets.holding(MILL, token).escrowed == 2_000
    chain.settle(assets, chain.act(CITY, calls.accept(id_)))
    assert assets.escrow(id_) == replace(kept, state=EscrowState.ACCEPTED)
    assert assets.escrow(LINE) is None

    asked = retiring(token, claimant=TOWN, lot=issuance.lot, line_digest=LINE)
    chain.settle(assets, chain.act(CITY, calls.retire(asked)))
    retired = assets.retirement(retirement_id(TOWN, REF))
    assert retired is not None
    assert (retired.holder, retired.claimant, retired.quantity, retired.line_digest) == (TOWN, TOWN, 300, LINE)
    assert assets.retirement(REF) is None
    chain.settle(assets, chain.act(CITY, calls.transfer(sender=TOWN, receiver=ROAST, token=token, quantity=200)))
    chain.settle(assets, chain.act(CITY, calls.cancel(token=token, quantity=100, reason="Spoilt")))
    held = [assets.holding(one, token).tradable for one in (MILL, TOWN, ROAST)]
    assert held == [3_000, 1_400, 200]
    assert assets.class_totals(COCOA.id) == Totals(issued=5_000, escrowed=0, retired=300, cancelled=100)
    assert assets.class_totals(COCOA.id).tradable == sum(held)

    revoke = chain.act(CERTIFIER, calls.revoke(stated, "The lot was mixed."), contract=REGISTER)
    chain.settle(assets, revoke)
    frozen = assets.issuance(token)
    assert frozen is not None
    assert frozen.revoked == "The lot was mixed."

    # Many at once are the same as each by itself, in the order asked for, with those that there are not.
    assert assets.issuances([REF, token, token]) == (None, frozen, frozen)
    places = [(TOWN, token), (MILL, REF), (MILL, token)]
    assert assets.holdings(places) == tuple(assets.holding(*place) for place in places)
    assert assets.escrows([LINE, id_]) == (None, assets.escrow(id_))
    assert assets.retirements([retirement_id(TOWN, REF), REF]) == (retired, None)
    assert assets.act_states(REGISTER, [LINE, chain.digest(revoke)]) == (OPEN, DONE)
    assert assets.act_states(GREEN_ASSET, []) == ()
    assert assets.issuances([]) == ()
    assert {row.state for row in world.rows()} == {OutboxState.DONE}
    assert all(row.purpose.startswith("acts:lima:") for row in world.rows())


def test_classes_members_and_the_pause_are_read_from_the_contracts(world: World) -> None:
    chain, assets = world.chain, world.assets()
    assert assets.asset_class(COMMUTES.id) == chain.lasting(COMMUTES)
    assert assets.asset_class("unheard-of") is None
    city = assets.member_at(TOWN)
    assert city is not None
    assert (city.center, city.member, city.account) == (CITY.center, CITY.member, TOWN)
    assert (city.roles, city.is_in_good_standing) == (frozenset({MemberRole.BUYER, MemberRole.AGENCY}), True)
    assert assets.member_named(CITY.center, CITY.member) == city
    assert assets.member_at(STRANGER) is None
    assert assets.member_named(TIANJIN, MemberId("nobody")) is None
    chain.govern(LIMA, PilotRegistry.encode_suspend_member(CITY.member))
    assert assets.member_at(TOWN) == replace(city, is_in_good_standing=False)
    assert not assets.is_paused()
    chain.by_quorum(chain.asset.address, GreenAsset.encode_vote_pause(should_pause=True))
    assert assets.is_paused()


def test_units_follow_a_member_to_its_new_key_and_escrows_go_back(world: World) -> None:
    chain, assets, token = world.chain, world.assets(), world.issued()
    until = datetime.fromtimestamp(chain.now() + 60, UTC)
    call = assets.calls.escrow(token=token, quantity=10, buyer=TOWN, line_digest=LINE, deadline=until)
    chain.settle(assets, chain.act(COOPERATIVE, call))
    chain.pass_to(int(until.timestamp()) + 1)
    back = assets.calls.give_back(chain.asset.escrow_id(MILL, TOWN, LINE))
    chain.settle(assets, chain.act(ROASTER, back))
    assert assets.holding(MILL, token).tradable == 10_000
    fresh = Account.create()
    chain.govern(LIMA, PilotRegistry.encode_rotate_member_key(COOPERATIVE.member, address_of(fresh)))
    assets.simulate(GREEN_ASSET, address_of(fresh), assets.calls.follow_key(previous=MILL, token=token))


def test_a_network_without_the_contracts_says_so(world: World) -> None:
    assets = world.assets(network=replace(world.chain.network, assets=None))
    for ask in (
        lambda: assets.places,
        assets.is_paused,
        lambda: assets.issuance(REF),
        lambda: assets.bring(LIMA, [world.cancel(REF)]),
    ):
        with pytest.raises(AssetsMissing, match="no contracts of green assets"):
            ask()
    assert assets.bring(LIMA, []) == 0


def test_contracts_that_are_none_are_found_out(world: World) -> None:
    network = world.chain.network
    assert network.assets is not None
    wrong = replace(network.assets, green_asset=network.assets.evidence_register, evidence_register=network.assets.green_asset)
    with pytest.raises(LedgerMismatch):
        world.assets(network=replace(network, assets=wrong)).is_paused()


# ---- refusals ----


def issuing(world: World, quantity: int = 1, proof: dict[str, Any] | None = None, **changes: Any) -> bytes:
    [(stated, given)] = world.chain.evidence(world.chain.statement(**changes))
    return GreenAsset.encode_issue(stated, replace(given, **(proof or {})), Placement(vintage_after=0, serial_after=0), quantity)


REFUSALS: list[tuple[str, str, Callable[[World, bytes], tuple[Address, bytes]]]] = [
    ("MoreThanEvidenced", "leaves 12.5 kg", lambda world, _: (MILL, issuing(world, 12_501))),
    ("NotItsHolder", "another holder", lambda world, _: (TOWN, issuing(world))),
    ("NotMember", "no member", lambda world, token: (STRANGER, issuing(world))),
    ("InvalidCertifierSignature", "not signed", lambda world, _: (MILL, issuing(world, proof={"signature": bytes(65)}))),
    ("NotAnchored", "anchored no log", lambda world, _: (MILL, issuing(world, proof={"tree_size": TreeSize(999)}))),
    ("NotIncluded", "does not hold", lambda world, _: (MILL, issuing(world, proof={"leaf_index": 0, "path": (bytes(32),)}))),
    ("NotCertifier", "no certifier", lambda world, _: (MILL, issuing(world, certifier=TOWN))),
    ("UnknownClass", "no class", lambda world, _: (MILL, issuing(world, class_id="gold"))),
    ("ClassDiffers", "does not fit", lambda world, _: (MILL, issuing(world, attribute="organic"))),
    (
        "TooFewUnits",
        "10 kg",
        lambda _, token: (MILL, GreenAsset.encode_transfer(sender=MILL, receiver=TOWN, token=token, quantity=10_001)),
    ),
    (
        "NotMember",
        "no member",
        lambda _, token: (MILL, GreenAsset.encode_transfer(sender=MILL, receiver=STRANGER, token=token, quantity=1)),
    ),
    ("ZeroQuantity", "Nothing", lambda _, token: (MILL, GreenAsset.encode_cancel(token=token, quantity=0, reason="x"))),
    ("InvalidReason", "256", lambda _, token: (MILL, GreenAsset.encode_cancel(token=token, quantity=1, reason="x" * 257))),
    ("UnknownIssuance", "ever issued", lambda _, __: (MILL, GreenAsset.encode_cancel(token=REF, quantity=1, reason="x"))),
    ("UnknownEscrow", "set aside", lambda _, __: (MILL, GreenAsset.encode_accept(REF))),
    ("LotDiffers", "lot", lambda _, token: (MILL, GreenAsset.encode_retire(retiring(token)))),
    (
        "InvalidClaimPeriod",
        "claim",
        lambda _, token: (MILL, GreenAsset.encode_retire(retiring(token, claim_from=VINTAGE[0] - timedelta(days=1)))),
    ),
]


@pytest.mark.parametrize(("name", "words", "of"), REFUSALS)
def test_what_the_contract_would_refuse_is_said_in_words_before_anything_is_kept(
    world: World, name: str, words: str, of: Callable[[World, bytes], tuple[Address, bytes]]
) -> None:
    account, call = of(world, world.issued())
    with pytest.raises(ActWouldFail, match=words) as told:
        world.assets().simulate(GREEN_ASSET, account, call)
    assert (told.value.refusal, told.value.code) == (name, "act-refused")
    assert told.value.remedy
    assert world.rows() == ()


def test_an_act_that_needs_more_gas_than_it_is_given_is_refused_before_it_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = world.issued(5)
    call = GreenAsset.encode_cancel(token=token, quantity=1, reason="x")
    world.assets().simulate(GREEN_ASSET, MILL, call)
    monkeypatch.setattr(GreenAsset, "act_gas", lambda self, block="latest": 40_000)
    with pytest.raises(ActWouldFail) as told:
        world.assets().simulate(GREEN_ASSET, MILL, call)
    assert "gas" in told.value.detail or told.value.refusal == ""


def test_a_call_that_is_none_is_refused_without_a_name(world: World) -> None:
    with pytest.raises(ActWouldFail) as told:
        world.assets().simulate(REGISTER, MILL, b"no call")
    assert told.value.refusal == ""
    assert told.value.remedy


def test_whatever_a_contract_tells_of_quantities_the_words_have_their_unit_or_none(world: World) -> None:
    web3, places, token = world.chain.web3, world.assets().places, world.issued()
    number = int.from_bytes(token, "big")
    for types, name, values, words in (
        ("address,uint256,uint256,uint256", "ERC1155InsufficientBalance", (MILL, 1_500, 9_000, number), "1.5 kg"),
        ("address,uint256,uint256,uint256", "ERC1155InsufficientBalance", (MILL, 1_500, 9_000, 7), "1500 of the smallest units"),
        ("bytes32,uint256,uint256", "MoreThanEvidenced", (token, 1_500, 9_000), "leaves 1.5 kg"),
        ("bytes32,uint256,uint256", "MoreThanEvidenced", (REF, 1_500, 9_000), "leaves 1500 of the smallest units"),
    ):
        data = keccak256(f"{name}({types})".encode())[:4] + encode(types.split(","), values)
        told = refusal_words(web3, places, asset_refusal(data))
        assert told[0] == name
        assert words in told[1]


def test_an_act_that_is_refused_on_the_chain_says_why_afterwards(world: World) -> None:
    chain, assets, token = world.chain, world.assets(), world.issued(5)
    both = [world.cancel(token, 3), world.cancel(token, 4)]
    for one in both:
        assets.simulate(GREEN_ASSET, MILL, one.act.call)
    chain.settle(assets, *both)
    assert world.states(assets, both) == [DONE, REFUSED]
    told = assets.outcome(GREEN_ASSET, chain.digest(both[1]))
    assert told.refusal == "TooFewUnits"
    assert told.detail
    assert told.remedy
    assert assets.outcome(GREEN_ASSET, REF) == ActOutcome(state=OPEN)
    # One transaction, and it did its work: every act in it is decided.
    assert [row.state for row in world.rows()] == [OutboxState.DONE]


def test_a_refused_act_in_the_middle_keeps_no_other_back(world: World) -> None:
    assets, token = world.assets(), world.issued(10)
    acts = [world.cancel(token, quantity) for quantity in (4, 11, 6)]
    assert assets.bring(LIMA, acts) == 3
    world.chain.mine()
    assert world.states(assets, acts) == [DONE, REFUSED, DONE]
    assert world.cancelled() == 10


def test_words_of_a_refusal_that_no_event_tells_any_more_are_missing_and_no_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets, act = world.assets(), world.cancel(world.issued(5), 6)
    world.chain.settle(assets, act)
    monkeypatch.setattr(following, "_WORDS_WINDOWS", 2)
    monkeypatch.setattr(following, "LOG_BLOCKS", 3)
    for _ in range(5):
        assert assets.outcome(GREEN_ASSET, world.chain.digest(act)).refusal == "TooFewUnits"
        world.chain.mine()
    world.chain.mine()
    assert assets.outcome(GREEN_ASSET, world.chain.digest(act)) == ActOutcome(state=REFUSED)


# ---- bringing ----


def test_bringing_what_was_brought_changes_nothing(world: World) -> None:
    assets, token = world.assets(), world.issued(10)
    acts = [world.cancel(token), world.cancel(token)]
    assert assets.bring(LIMA, acts) == 2
    assert assets.bring(LIMA, [*acts, world.cancel(token)]) == 2
    assert world.assets().is_in_flight(LIMA)
    with pytest.raises(LedgerUnavailable, match="on their way"):
        assets.bring(LIMA, [world.cancel(token)])
    assert len(world.rows()) == 1
    world.chain.mine()
    assert not assets.is_in_flight(LIMA)
    assert assets.bring(LIMA, acts) == 2
    assert assets.bring(LIMA, acts) == 2
    assert not assets.is_in_flight(LIMA)
    assert len(world.rows()) == 1
    assert world.cancelled() == 2


def test_whoever_else_brings_an_act_has_done_the_work(world: World) -> None:
    assets, token = world.assets(), world.issued(10)
    acts = [world.cancel(token), world.cancel(token)]
    assets.bring(LIMA, acts)
    world.chain.call("anvil_dropAllTransactions")
    data = GreenAsset.encode_bring([one.act for one in acts], [one.signature for one in acts])
    world.chain.send(key_of(ROASTER), world.chain.asset.address, data)
    assert world.states(assets, acts) == [DONE, DONE]
    world.pass_by(11)
    while assets.is_in_flight(LIMA):
        world.chain.mine()
    assert world.cancelled() == 2
    assert [row.state for row in world.rows()] == [OutboxState.SUPERSEDED]


@pytest.mark.parametrize("fault", ["too late", "another's signature"])
def test_an_act_that_can_never_be_taken_holds_up_no_other(world: World, fault: str) -> None:
    assets, token = world.assets(), world.issued(10)
    how = {"not_after": world.chain.now()} if fault == "too late" else {"signer": key_of(CITY)}
    acts = [world.cancel(token, **how), world.cancel(token), world.cancel(token, **how), world.cancel(token)]
    assert assets.bring(LIMA, acts) == 4
    world.chain.mine()
    assert world.states(assets, acts) == [OPEN, DONE, OPEN, DONE]
    assert assets.bring(LIMA, acts) == 4
    assert not assets.is_in_flight(LIMA)
    assert len(world.rows()) == 1


def test_an_act_whose_time_ends_on_the_way_fails_the_transaction_and_the_others_come_again(world: World) -> None:
    assets, token = world.assets(), world.issued(10)
    acts = [world.cancel(token, not_after=world.chain.now() + 100), world.cancel(token)]
    assets.bring(LIMA, acts)
    world.chain.pass_to(world.chain.now() + 200)
    assert world.states(assets, acts) == [OPEN, OPEN]
    assert not assets.is_in_flight(LIMA)
    [row] = world.rows()
    assert row.state is OutboxState.FAILED
    assert "ActTooLate" in row.note
    world.chain.settle(assets, acts[1])
    assert world.states(assets, acts) == [OPEN, DONE]


def test_acts_for_another_contract_wait_for_a_transaction_of_their_own(world: World) -> None:
    chain, assets, token = world.chain, world.assets(), world.issued(10)
    revoke = chain.act(CERTIFIER, assets.calls.revoke(chain.statement(), "Never so."), contract=REGISTER)
    acts = [world.cancel(token), revoke, world.cancel(token)]
    assert assets.bring(LIMA, acts) == 1
    chain.mine()
    assert not assets.is_in_flight(LIMA)
    chain.settle(assets, *acts)
    assert world.states(assets, acts) == [DONE, DONE, DONE]
    assert [GreenAsset.decode_bring(rlp.decode(row.raw)[5])[0][0].salt for row in world.rows()] == [one.act.salt for one in acts]


def test_a_transaction_takes_as_many_acts_as_fit_its_gas_and_the_rest_later(world: World) -> None:
    chain, assets = world.chain, world.assets()
    stated = [chain.statement() for _ in range(12)]
    issue = assets.calls.issue
    acts = [chain.act(COOPERATIVE, issue(one, proof, assets.placement(one), 100)) for one, proof in chain.evidence(*stated)]
    count = assets.bring(LIMA, acts)
    assert 6 <= count < 12
    chain.mine()
    assert world.states(assets, acts) == [DONE] * count + [OPEN] * (12 - count)
    [row] = world.rows()
    assert (row.purpose, int.from_bytes(rlp.decode(row.raw)[2], "big")) == (acts_purpose(LIMA, chain.digest(acts[0])), ACTS_GAS)
    chain.settle(assets, *acts)
    assert chain.asset.totals(COCOA.id).issued == 1_200
    # What the constants promise: a block of every plan takes one while it is less than half full.
    assert GAS_LIMITS[0] >= 2 * ACTS_GAS
    assert chain.asset.act_gas() + 2 * ANCHOR_GAS < ACTS_GAS


def test_no_more_acts_than_a_transaction_holds_are_brought_at_once(world: World) -> None:
    assets, token = world.assets(), world.issued(10_000)
    acts = [world.cancel(token) for _ in range(MOST_ACTS + 3)]
    assert assets.bring(LIMA, acts) == MOST_ACTS
    reason = "x" * 250
    long = [world.chain.act(COOPERATIVE, GreenAsset.encode_cancel(token=token, quantity=1, reason=reason)) for _ in range(20)]
    size = len(long[0].act.call)
    assert len(bringing.first_group(long)) == 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bringing, "_MOST_CALL_BYTES", 3 * size)
        assert len(bringing.first_group(long)) == 3
        patch.setattr(bringing, "_MOST_CALL_BYTES", 1)
        assert len(bringing.first_group(long)) == 1


def test_a_contract_that_wants_more_gas_than_there_is_is_a_mismatch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bringing, "_TRIED_GAS", 2_000_000)
    with pytest.raises(LedgerMismatch, match="more gas"):
        world.assets().bring(LIMA, [world.cancel(world.issued(1))])
    assert world.rows() == ()


def test_a_center_without_a_key_here_brings_nothing(world: World) -> None:
    assets = world.assets()
    assert not assets.is_in_flight(TIANJIN)
    with pytest.raises(NotFound):
        assets.bring(TIANJIN, [world.cancel(REF)])


def test_centers_bring_beside_each_other(world: World) -> None:
    assets, token = world.assets(centers=(LIMA, TIANJIN)), world.issued(10)
    acts = {LIMA: world.cancel(token), TIANJIN: world.cancel(token)}
    for center, act in acts.items():
        assert assets.bring(center, [act]) == 1
    assert all(map(assets.is_in_flight, acts))
    world.chain.mine()
    assert not any(map(assets.is_in_flight, acts))
    assert world.states(assets, list(acts.values())) == [DONE, DONE]
    assert [row.purpose.split(":")[1] for center in acts for row in world.rows(center)] == [LIMA, TIANJIN]


def anchoring(world: World, ledger: EvmLedger, size: int) -> bytes:
    """Anchors a longer log of Lima."""
    old = len(world.chain.entries)
    leaves = [leaf_hash(entry.encode()) for entry in world.chain.entries]
    leaves += [leaf_hash(bytes([number]) * 65) for number in range(old, size)]
    return ledger.submit_anchor(LIMA, TreeSize(size), root_of(leaves), consistency_proof(leaves, TreeSize(old)))


def test_neither_anchors_nor_acts_wait_for_the_other(world: World) -> None:
    token = world.issued(10)
    ledger, assets = world.gateways()
    assets.bring(LIMA, [world.cancel(token)])
    assert not ledger.is_in_flight(LIMA)
    anchoring(world, ledger, 5)
    assert ledger.is_in_flight(LIMA)
    assert assets.is_in_flight(LIMA)
    world.chain.mine()
    assert not ledger.is_in_flight(LIMA)
    assert {row.state for row in world.rows()} == {OutboxState.DONE}
    assert [int.from_bytes(rlp.decode(row.raw)[2], "big") for row in world.rows()] == [ACTS_GAS, ANCHOR_GAS]
    assert ledger.anchored_head(LIMA).tree_size == 5
    assert world.cancelled() == 1


def test_two_lanes_at_once_send_everything_once(world: World) -> None:
    token = world.issued(100)
    ledger, assets = world.gateways()
    acts = [world.cancel(token) for _ in range(5)]
    first = len(world.chain.entries)
    leaves = [leaf_hash(entry.encode()) for entry in world.chain.entries]
    leaves += [leaf_hash(bytes([number]) * 65) for number in range(5)]

    def bring(act: SignedAct) -> None:
        until(
            lambda: world.states(assets, [act]) == [DONE],
            lambda: assets.is_in_flight(LIMA),
            lambda: assets.bring(LIMA, [act]),
        )

    def anchor(size: int) -> None:
        proof = consistency_proof(leaves[:size], TreeSize(size - 1))
        until(
            lambda: ledger.anchored_head(LIMA).tree_size >= size,
            lambda: ledger.is_in_flight(LIMA),
            lambda: ledger.submit_anchor(LIMA, TreeSize(size), root_of(leaves[:size]), proof),
        )

    with ThreadPoolExecutor(max_workers=2) as lanes:
        working = [lanes.submit(all_of, bring, acts), lanes.submit(all_of, anchor, range(first + 1, first + 6))]
        while not all(one.done() for one in working):
            world.chain.mine()
        for one in working:
            one.result()
    while ledger.is_in_flight(LIMA) or assets.is_in_flight(LIMA):
        world.chain.mine()
    assert {row.state for row in world.rows()} == {OutboxState.DONE}
    assert len(world.rows()) == 10
    assert (world.cancelled(), ledger.anchored_head(LIMA).tree_size) == (5, first + 5)


def all_of(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    for item in items:
        work(item)


def until(is_done: Callable[[], bool], is_in_flight: Callable[[], bool], begin: Callable[[], object]) -> None:
    """Works as a lane does until something is done."""
    for _ in range(2_000):
        try:
            if not is_in_flight():
                if is_done():
                    return
                begin()
        except LedgerUnavailable:
            # The other lane was faster: look again.
            continue
    raise AssertionError("a lane starves")


def test_a_gateway_for_anchors_alone_settles_acts_too(world: World) -> None:
    token = world.issued(10)
    world.assets().bring(LIMA, [world.cancel(token)])
    world.chain.mine()
    ledger, _ = world.gateways(network=replace(world.chain.network, assets=None))
    assert not ledger.is_in_flight(LIMA)
    assert [row.state for row in world.rows()] == [OutboxState.DONE]


# ---- what breaks on the way ----


def test_what_was_kept_and_never_sent_is_sent_by_whoever_comes_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = world.issued(10)
    acts = [world.cancel(token), world.cancel(token)]

    def die(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(Sender, "_hand_to_any", die)
        with pytest.raises(Crash):
            world.assets().bring(LIMA, acts)
    world.close()
    assert [row.attempts for row in world.rows()] == [0]
    assets = world.assets()
    assert assets.bring(LIMA, acts) == 2
    assert assets.is_in_flight(LIMA)
    world.chain.mine()
    assert not assets.is_in_flight(LIMA)
    assert [(row.state, row.attempts) for row in world.rows()] == [(OutboxState.DONE, 1)]
    assert world.cancelled() == 2


class Steps:
    """Counts every place before and after a question, and ends the process at one of them."""

    def __init__(self, fatal: int) -> None:
        self._left = fatal

    def step(self) -> None:
        if self._left == 0:
            raise Crash
        self._left -= 1


def test_a_crash_at_any_step_neither_loses_an_act_nor_does_it_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = world.issued(100)
    ask = Nodes.ask

    def dies(fatal: int) -> bool:
        """Whether the process dies at that step of its work; whatever comes of it, the next one ends it well."""
        steps = Steps(fatal)

        def crashing(self: Nodes, question: Any, *, turn: int = 0) -> Any:
            steps.step()
            answer = ask(self, question, turn=turn)
            steps.step()
            return answer

        acts = [world.cancel(token), world.cancel(token, 1_000), world.cancel(token)]
        is_dead = False
        with monkeypatch.context() as patch:
            patch.setattr(Nodes, "ask", crashing)
            try:
                assets = world.assets()
                assets.bring(LIMA, acts)
                world.chain.mine()
                assets.is_in_flight(LIMA)
            except Crash:
                is_dead = True
        world.close()
        assets = world.assets()
        world.chain.settle(assets, *acts)
        assert world.states(assets, acts) == [DONE, REFUSED, DONE]
        assert not assets.is_in_flight(LIMA)
        return is_dead

    count = 0
    while dies(count):
        count += 1
    assert count > 8
    assert world.cancelled() == 2 * (count + 1)


def test_what_a_node_forgot_and_what_the_chain_lost_is_brought_again(world: World) -> None:
    chain, assets, token = world.chain, world.assets(), world.issued(10)
    acts = [world.cancel(token), world.cancel(token)]
    earlier = chain.call("evm_snapshot")
    assets.bring(LIMA, acts)
    chain.call("anvil_dropAllTransactions")
    chain.mine()
    assert assets.is_in_flight(LIMA), "another node may have it"
    chain.mine()
    assert world.states(assets, acts) == [OPEN, OPEN], "it is not sent again as it was"
    world.pass_by(11)
    assert not assets.is_in_flight(LIMA)
    assets.bring(LIMA, acts)
    chain.mine()
    chain.mine()
    assert not assets.is_in_flight(LIMA)
    assert world.states(assets, acts) == [DONE, DONE]
    chain.call("evm_revert", earlier)
    assert not assets.is_in_flight(LIMA), "what the chain lost is given up at once"
    assert world.states(assets, acts) == [OPEN, OPEN]
    chain.settle(assets, *acts)
    assert [row.state for row in world.rows()] == [OutboxState.SUPERSEDED, OutboxState.SUPERSEDED, OutboxState.DONE]
    assert world.cancelled() == 2


def test_an_act_that_is_kept_as_done_waits_again_when_its_transaction_is_lost(world: World) -> None:
    chain, assets, token = world.chain, world.assets(), world.issued(10)
    signed = world.cancel(token)
    now = datetime.now(UTC)
    act = KeptAct(
        digest=chain.digest(signed),
        center=LIMA,
        member=COOPERATIVE.member,
        kind=ActKind.CANCEL,
        signed=signed,
        subject="0x" + token.hex(),
        line=None,
        asked={},
        state=ActState.KEPT,
        kept_at=now,
    )
    earlier = chain.call("evm_snapshot")
    chain.settle(assets, signed)
    with world.store().write() as tx:
        tx.acts.add(act)
        tx.acts.mark_brought(act.digest, now)
        tx.acts.close(act.digest, ActState.DONE, now)
    assert not assets.is_in_flight(LIMA)
    chain.call("evm_revert", earlier)
    assert not assets.is_in_flight(LIMA)
    with world.store().read() as tx:
        found = tx.acts.get(act.digest)
    assert found is not None and found.state is ActState.KEPT


def test_what_waits_at_a_node_is_not_given_up_however_long_it_waits(world: World) -> None:
    chain, assets, token = world.chain, world.assets(), world.issued(10)
    act = world.cancel(token)
    assets.bring(LIMA, [act])
    world.pass_by(3_600)
    for _ in range(3):
        assert assets.is_in_flight(LIMA)
    chain.mine()
    assert not assets.is_in_flight(LIMA)
    assert [row.state for row in world.rows()] == [OutboxState.DONE]


def test_more_lost_transactions_than_may_be_in_flight_burn_no_more_nonces_than_they_had(world: World) -> None:
    chain, assets, token = world.chain, world.assets(max_in_flight=3), world.issued(20)
    acts = [world.cancel(token) for _ in range(7)]
    earlier = chain.call("evm_snapshot")
    for act in acts:
        chain.settle(assets, act)
    chain.call("evm_revert", earlier)
    chain.settle(assets, *acts)
    assert world.cancelled() == 7
    assert len(world.rows()) == 8


@pytest.mark.parametrize("is_settled", [True, False], ids=["noted as done", "not noted yet"])
def test_an_act_that_the_chain_lost_is_not_refused_for_coming_before_what_it_builds_on(world: World, is_settled: bool) -> None:
    chain, assets, token = world.chain, world.assets(centers=(LIMA, TIANJIN)), world.issued(10)
    given = chain.act(COOPERATIVE, assets.calls.transfer(sender=MILL, receiver=TOWN, token=token, quantity=4))
    built_on_it = chain.act(CITY, assets.calls.cancel(token=token, quantity=4, reason="Spoilt"))
    earlier = chain.call("evm_snapshot")
    chain.settle(assets, given, center=LIMA)
    assets.bring(TIANJIN, [built_on_it])
    chain.mine()
    if is_settled:
        assert not assets.is_in_flight(TIANJIN)
    assert world.states(assets, [given, built_on_it]) == [DONE, DONE]
    chain.call("evm_revert", earlier)
    for center in (TIANJIN, LIMA):
        assets.is_in_flight(center)
        chain.mine()
    world.pass_by(11)
    for _ in range(3):
        for center in (TIANJIN, LIMA):
            assert not assets.is_in_flight(center)
        chain.mine()
    assert world.states(assets, [given, built_on_it]) == [OPEN, OPEN]
    chain.settle(assets, given, center=LIMA)
    chain.settle(assets, built_on_it, center=TIANJIN)
    assert world.cancelled() == 4


def test_a_nonce_that_another_hand_used_fails_the_transaction_and_the_acts_come_again(world: World) -> None:
    chain, assets, token = world.chain, world.assets(), world.issued(10)
    act = world.cancel(token)
    assets.bring(LIMA, [act])
    chain.call("anvil_dropAllTransactions")
    chain.send(chain.key(LIMA, KeyUse.ANCHORER), STRANGER, b"")
    assert not assets.is_in_flight(LIMA)
    [row] = world.rows()
    assert (row.state, row.note) == (OutboxState.FAILED, "The chain has lost it, or its nonce was used for something else.")
    chain.settle(assets, act)
    assert world.cancelled() == 1


@pytest.fixture
def lost_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain keeps what was done, and no events and receipts of it."""
    make_request = Wire.make_request

    def forgetful(self: Wire, method: Any, params: Any) -> Any:
        if method in ("eth_getLogs", "eth_getTransactionReceipt"):
            return {"jsonrpc": "2.0", "id": 1, "result": [] if method == "eth_getLogs" else None}
        return make_request(self, method, params)

    monkeypatch.setattr(Wire, "make_request", forgetful)


@pytest.mark.usefixtures("lost_events")
def test_where_events_are_lost_storage_tells_what_became_of_everything(world: World) -> None:
    chain, assets, token = world.chain, world.assets(), world.issued(10_000)
    lot = chain.asset.issuance(token)
    assert lot is not None
    acts = [
        world.cancel(token, 20_000),
        chain.act(COOPERATIVE, assets.calls.retire(retiring(token, lot=lot.lot))),
        chain.act(COOPERATIVE, assets.calls.transfer(sender=MILL, receiver=ROAST, token=token, quantity=100)),
        chain.act(ROASTER, assets.calls.retire(retiring(token, lot=lot.lot, claimant=ROAST, quantity=40))),
    ]
    chain.settle(assets, *acts)
    assert world.states(assets, acts) == [REFUSED, DONE, DONE, DONE]
    assert assets.outcome(GREEN_ASSET, chain.digest(acts[0])) == ActOutcome(state=REFUSED)
    assert [row.state for row in world.rows()] == [OutboxState.DONE]
    assert assets.touched(BlockNumber(0), assets.head().number).tokens == ()
    all_of_it = assets.everything()
    assert all_of_it.classes == (COCOA.id, COMMUTES.id)
    assert all_of_it.tokens == (token,)
    assert all_of_it.retirements == (retirement_id(MILL, REF), retirement_id(ROAST, REF))
    assert set(all_of_it.holdings) == {(MILL, token), (ROAST, token)}
    assert assets.holding(ROAST, token).retired == 40


# ---- following ----


def test_events_name_what_is_to_be_read_anew_and_storage_all_of_it(world: World) -> None:
    chain, assets = world.chain, world.assets()
    start = assets.head()
    token, other = world.issued(10_000), world.issued(50)
    until = datetime.fromtimestamp(chain.now() + 86_400, UTC)
    call = assets.calls.escrow(token=token, quantity=10, buyer=TOWN, line_digest=LINE, deadline=until)
    chain.settle(assets, chain.act(COOPERATIVE, call))
    id_ = chain.asset.escrow_id(MILL, TOWN, LINE)
    before = assets.head()
    chain.settle(assets, chain.act(CITY, assets.calls.accept(id_)))
    # An acceptance names its buyer; what the seller has in escrow changes too.
    accepted = assets.touched(BlockNumber(before.number + 1), BlockNumber(before.number + 99))
    assert accepted.to == assets.head()
    assert (accepted.classes, accepted.tokens, accepted.escrows) == ((COCOA.id,), (token,), (id_,))
    assert set(accepted.holdings) == {(MILL, token), (TOWN, token)}
    lot = chain.asset.issuance(other)
    assert lot is not None
    chain.settle(assets, chain.act(COOPERATIVE, assets.calls.retire(retiring(other, lot=lot.lot, quantity=5))))
    chain.govern(LIMA, EvidenceRegister.encode_vote_revocation(token, "Wrong."), chain.register.address)
    chain.govern(TIANJIN, EvidenceRegister.encode_vote_revocation(token, "Wrong."), chain.register.address)
    newest = assets.touched(assets.head().number, assets.head().number)
    assert (newest.tokens, newest.holdings) == ((token,), ())
    since = assets.touched(BlockNumber(start.number + 1), assets.head().number)
    assert (since.tokens, since.retirements) == ((token, other), (retirement_id(MILL, REF),))
    every = assets.everything()
    assert every.classes == (COCOA.id, COMMUTES.id)
    assert (set(every.tokens), every.escrows, every.retirements) == ({token, other}, (id_,), since.retirements)
    assert set(every.holdings) == set(since.holdings) == {(MILL, token), (MILL, other), (TOWN, token)}
    assert every.to == since.to == assets.head()
    # Where nothing is new.
    nothing = assets.touched(BlockNumber(every.to.number + 1), BlockNumber(every.to.number + 50))
    assert (nothing.to, nothing.tokens) == (every.to, ())


def test_one_look_reaches_so_many_blocks_and_the_next_goes_on_from_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assets = world.assets()
    start = assets.head().number
    token, head = world.issued(), assets.head().number
    monkeypatch.setattr(following, "LOG_BLOCKS", 1)
    monkeypatch.setattr(following, "_LOG_WINDOWS", 1)
    found: list[bytes] = []
    first = BlockNumber(start + 1)
    for _ in range(head - start):
        look = assets.touched(first, head)
        assert look.to.number == first
        assert look.to.block_hash == assets.block_hash(first)
        found += look.tokens
        first = BlockNumber(look.to.number + 1)
    assert found == [token]
    assert assets.block_hash(first) is None
    assert token in assets.everything().tokens


def test_a_node_that_answers_for_fewer_blocks_or_bytes_is_asked_for_fewer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token, assets = world.issued(), world.assets()
    make_request, asked = Wire.make_request, []

    def narrow(self: Wire, method: Any, params: Any) -> Any:
        if method == "eth_getLogs":
            asked.append(int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1)
            if asked[-1] > 5:
                return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "Requested range exceeds maximum"}}
        return make_request(self, method, params)

    monkeypatch.setattr(Wire, "make_request", narrow)
    assert token in assets.touched(BlockNumber(0), assets.head().number).tokens
    assert max(asked) > 5
    monkeypatch.undo()
    small = world.assets()
    small.head()
    for wire in small._chain.nodes._wires:
        wire._max_answer_bytes = 3_000
    assert token in small.touched(BlockNumber(0), small.head().number).tokens


def test_events_of_others_are_not_believed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.issued()
    make_request = Wire.make_request

    def lying(self: Wire, method: Any, params: Any) -> Any:
        answer: Any = make_request(self, method, params)
        if method == "eth_getLogs":
            answer["result"][0] |= {"address": "0x" + STRANGER.hex()}
        return answer

    monkeypatch.setattr(Wire, "make_request", lying)
    assets = world.assets()
    with pytest.raises(LedgerUnavailable):
        assets.touched(BlockNumber(0), assets.head().number)


def test_a_placement_is_found_in_a_list_of_any_length_and_near_what_was_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "_RANGES_AT_ONCE", 1)
    chain, assets = world.chain, world.assets()

    def serials(first: int, last: int) -> EvidenceStatement:
        return chain.statement(lot=None, origin=origin(first, last))

    for first in (10, 30, 50, 70):
        [(stated, proof)] = chain.evidence(serials(first, first + 5))
        where = assets.placement(stated)
        chain.send(key_of(COOPERATIVE), chain.asset.address, GreenAsset.encode_issue(stated, proof, where, 1))
    looks = 0
    placement = EvidenceRegister.placement

    def counted(self: EvidenceRegister, *args: Any, **how: Any) -> Any:
        nonlocal looks
        looks += 1
        return placement(self, *args, **how)

    monkeypatch.setattr(EvidenceRegister, "placement", counted)
    far = world.assets()
    assert far.placement(serials(60, 61)).serial_after == 51
    assert looks == 4
    assert far.placement(serials(62, 63)).serial_after == 51
    assert looks == 5
    assert far.placement(serials(20, 21)).serial_after == 11
    assert looks == 6
    assert far.placement(serials(5, 6)).serial_after == 0
    monkeypatch.setattr(EvidenceRegister, "placement", lambda *_, **__: (Placement(vintage_after=0, serial_after=99), True))
    with pytest.raises(LedgerMismatch):
        far.placement(serials(60, 61))
