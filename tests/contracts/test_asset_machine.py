"""The contracts of green assets and core's rules take the same, refuse the same by name, and come to the same sums.

Members' and operators' steps go to the chain as they do in life: as acts that they sign and somebody else brings. What the chain
keeps in the end is also what anybody rebuilds from its events alone.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from eth_account import Account
from greenlane.adapters.evm.artifacts import artifact
from greenlane.adapters.evm.bindings import (
    AnchorLog,
    CenterCandidate,
    EvidenceRegister,
    GreenAsset,
    MemberRole,
    PilotRegistry,
    RegistryParameters,
    UnixSeconds,
    deployment_bytecode,
)
from greenlane.adapters.evm.mediated import ActState, asset_refusal
from greenlane.core.assets.act import Act
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.facts import Totals, escrow_id_of
from greenlane.core.assets.model import DAY_S
from greenlane.core.assets.refusals import REFUSALS, AssetRefused
from greenlane.core.assets.retirement import retirement_digest
from greenlane.core.assets.supply import Supply
from greenlane.core.assets.typed_data import Domain
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.merkle import consistency_proof, leaf_hash, root_of
from greenlane.core.receipt import Inclusion
from greenlane.core.units import Address, BlockNumber, ChainId, TreeSize
from greenlane.ports.asset_ledger import EvidenceProof, Placement, RetirementAsked
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from web3 import Web3
from web3.types import RPCEndpoint
from worlds.asset_machine import STRANGER, AssetMachine
from worlds.green_assets import (
    CENTERS,
    CERTIFIER,
    COCOA,
    LIMA,
    MEMBERS,
    NOW,
    Network,
    account_of,
    member_account,
    operator,
    origin,
    secret_of,
    sign_evidence,
)

from .conftest import VOTING_S, deploy, transact

pytestmark = pytest.mark.chain
ECONOMIES = ("GH", "PE", "JP", "CN")
GAS = 5_000_000
FAR = 2**63
MINED_WITHIN_S = 20.0
BEYOND = {
    *(
        "ActTooLate",
        "InvalidActSignature",
        "SignaturesMissing",
        "TooLittleGas",
        "ReentrancyGuardReentrantCall",
        "InvalidContract",
    ),
    *("NothingEvidenced", "InvalidCustodyModel", "InvalidEconomy", "WrongPlacement"),
    *("AddressEmptyCode", "FailedCall", "InsufficientBalance", "CenterNotInGoodStanding", "ERC1155InsufficientBalance"),
    *("ERC1155InvalidApprover", "ERC1155InvalidArrayLength", "ERC1155InvalidOperator", "ERC1155InvalidReceiver"),
    "ERC1155InvalidSender",
}
"""Refusals of bytes that the rules cannot say, of ways around them, and of centers out of their term: tried where those are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """The contracts on a chain, with the members and centers of `worlds.green_assets`."""

    web3: Web3
    bringer: Address
    registry: PilotRegistry
    log: AnchorLog
    register: EvidenceRegister
    green_asset: GreenAsset
    chain_id: ChainId
    secrets: dict[Address, bytes]
    now: int

    def call(self, method: str, *params: object) -> Any:
        """Asks the chain's own program."""
        answer = self.web3.provider.make_request(RPCEndpoint(method), list(params))
        assert "error" not in answer, answer
        return answer["result"]

    def send(self, data: bytes, *, sender: Address, to: Address, at: int) -> Any:
        """A transaction in a block of that time; it must not be refused."""
        self.call("evm_setNextBlockTimestamp", at)
        call = {"from": _hex(sender), "to": _hex(to), "data": _hex(data), "gas": hex(GAS), "gasPrice": "0x0"}
        transaction = self.call("eth_sendTransaction", call)
        end = time.monotonic() + MINED_WITHIN_S
        while (receipt := self.call("eth_getTransactionReceipt", transaction)) is None:
            assert time.monotonic() < end
            time.sleep(0.002)
        assert receipt["status"] == "0x1"
        return receipt

    def bring(self, contract: type[GreenAsset] | type[EvidenceRegister], account: Address, data: bytes, *, at: int) -> str | None:
        """Signs and brings an act; the name of the error where it was refused."""
        to = self.green_asset.address if contract is GreenAsset else self.register.address
        act = Act(account=account, salt=sha256(data + at.to_bytes(8, "big")), not_after=FAR, call=data)
        digest = act.digest(Domain(chain_id=self.chain_id, contract=to))
        signature = bytes(Account.unsafe_sign_hash(digest, self.secrets[account]).signature)
        receipt = self.send(contract.encode_bring([act], [signature]), sender=self.bringer, to=to, at=at)
        name = "GreenAsset" if contract is GreenAsset else "EvidenceRegister"
        told = [artifact(name).event([_bytes(topic) for topic in log["topics"]], _bytes(log["data"])) for log in receipt["logs"]]
        (brought,) = [event.arguments for event in told if event is not None and event.name == "Brought"]
        assert (brought["actDigest"], brought["account"]) == (_hex(digest), _hex(account))
        return None if brought["state"] == ActState.DONE else asset_refusal(_bytes(str(brought["reason"]))).name

    def logs(self, first: int, *addresses: Address) -> Any:
        """Events of contracts from a block on, oldest first."""
        places = [Web3.to_checksum_address(address) for address in addresses]
        return self.web3.eth.get_logs({"fromBlock": BlockNumber(first), "toBlock": "latest", "address": places})


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


@pytest.fixture(scope="module")
def twin(empty_chain: Web3) -> Iterator[Twin]:
    accounts = tuple(Address(bytes.fromhex(account[2:])) for account in empty_chain.eth.accounts)
    founders = tuple(
        CenterCandidate(
            id=name,
            log_key=bytes([0x70 + number]) * 32,
            economy=ECONOMIES[number],
            operator=operator(name),
            anchorer=account_of(f"anchorer of {name}"),
            validator=account_of(f"validator of {name}"),
            name=name.title(),
            origin=f"{name}.example/log",
            endpoint=f"https://{name}.example",
        )
        for number, name in enumerate(CENTERS)
    )
    snapshot = empty_chain.provider.make_request(RPCEndpoint("evm_snapshot"), [])["result"]
    parameters = RegistryParameters(minimum_centers=1, term_length_s=0, voting_period_s=VOTING_S)
    bringer = accounts[-1]
    registry = deploy(empty_chain, deployment_bytecode("PilotRegistry", founders, parameters), sender=bringer)
    log = deploy(empty_chain, deployment_bytecode("AnchorLog", registry), sender=bringer)
    register = deploy(empty_chain, deployment_bytecode("EvidenceRegister", registry, log), sender=bringer)
    green_asset = deploy(empty_chain, deployment_bytecode("GreenAsset", registry, register), sender=bringer)
    secrets = {STRANGER: secret_of("a stranger")}
    secrets |= {operator(name): secret_of(f"operator of {name}") for name in CENTERS}
    for name in MEMBERS:
        secrets |= {member_account(name, number): secret_of(f"{name}#{number}") for number in range(60)}
    made = Twin(
        web3=empty_chain,
        bringer=bringer,
        registry=PilotRegistry(empty_chain, registry),
        log=AnchorLog(empty_chain, log),
        register=EvidenceRegister(empty_chain, register),
        green_asset=GreenAsset(empty_chain, green_asset),
        chain_id=ChainId(empty_chain.eth.chain_id),
        secrets=secrets,
        now=max(NOW, int(empty_chain.eth.get_block("latest")["timestamp"]) + 100),
    )
    for account in (*map(operator, CENTERS), account_of(f"anchorer of {LIMA}")):
        made.call("anvil_impersonateAccount", _hex(account))
    for name in MEMBERS:
        role = MemberRole.CERTIFIER if name == CERTIFIER else MemberRole.ENTERPRISE
        vouch = PilotRegistry.encode_vouch(name.member, member_account(name), role, UnixSeconds(0), None)
        transact(empty_chain, vouch, sender=operator(name.center), to=registry)
    yield made
    empty_chain.provider.make_request(RPCEndpoint("evm_revert"), [snapshot])


def inclusion_of(inclusion: Inclusion, signature: bytes) -> EvidenceProof:
    """The same as the contracts take it."""
    return EvidenceProof(
        signature=signature, tree_size=inclusion.tree_size, leaf_index=inclusion.leaf_index, path=inclusion.hashes
    )


def call_of(
    twin: Twin, account: Address, step: str, asked: dict[str, Any]
) -> tuple[type[GreenAsset] | type[EvidenceRegister], bytes]:
    """Which contract a step asks, and by which call."""
    match step:
        case "admit" | "issue":
            statement = asked["statement"]
            proof = inclusion_of(asked["inclusion"], asked["signature"])
            start = Placement(vintage_after=0, serial_after=0)
            asker = account if step == "admit" else twin.green_asset.address
            placement, is_found = twin.register.placement(asker, statement, after=start, steps=1_000)
            assert is_found
            if step == "admit":
                return EvidenceRegister, EvidenceRegister.encode_admit(statement, proof, placement)
            return GreenAsset, GreenAsset.encode_issue(statement, proof, placement, asked["quantity"])
        case "revoke":
            return EvidenceRegister, EvidenceRegister.encode_revoke(**asked)
        case "vote_revocation":
            return EvidenceRegister, EvidenceRegister.encode_vote_revocation(**asked)
        case "vote_class":
            return GreenAsset, GreenAsset.encode_vote_class(**asked)
        case "vote_pause":
            return GreenAsset, GreenAsset.encode_vote_pause(**asked)
        case "approve":
            return GreenAsset, artifact("GreenAsset").encode_call("setApprovalForAll", asked["operator"], asked["is_approved"])
        case "escrow":
            deadline = datetime.fromtimestamp(asked["deadline"], UTC)
            return GreenAsset, GreenAsset.encode_escrow(**(asked | {"deadline": deadline}))
        case "retire":
            return GreenAsset, GreenAsset.encode_retire(RetirementAsked(**asked))
        case _:
            encode = getattr(GreenAsset, f"encode_{step}")
            return GreenAsset, encode(**asked) if step not in ("accept", "give_back") else encode(asked["escrow_id"])


class OnChain(AssetMachine):
    """The same life on a chain beside it."""

    twin: Twin
    # Looked at in tests/properties; here the chain itself says that a refused step changed nothing.
    compares_whole = False

    def make_network(self) -> Network:
        self.snapshot = self.twin.call("evm_snapshot")
        self.first = self.twin.web3.eth.block_number + 1
        self.anchored = 0
        domain = Domain(chain_id=self.twin.chain_id, contract=self.twin.register.address)
        return Network(domain=domain, green_asset=self.twin.green_asset.address, now=self.twin.now)

    def mirror(self, refused: AssetRefused | None, account: Address, step: str, **arguments: Any) -> None:
        contract, data = call_of(self.twin, account, step, arguments)
        name = self.twin.bring(contract, account, data, at=self.world.now)
        assert name == (None if refused is None else refused.contract_error), (step, arguments)

    def mirror_registry(self, change: str, name: MemberName, **arguments: Any) -> None:
        if change == "vouch":
            is_vouched = arguments["is_vouched"]
            encode = PilotRegistry.encode_reinstate_member if is_vouched else PilotRegistry.encode_suspend_member
            data = encode(name.member)
        elif change == "judge":
            roles = MemberRole.CERTIFIER if arguments["is_certifier"] else MemberRole.AGENCY
            data = PilotRegistry.encode_set_member_roles(name.member, roles)
        else:
            data = PilotRegistry.encode_rotate_member_key(name.member, arguments["account"])
        self.twin.send(data, sender=operator(name.center), to=self.twin.registry.address, at=self.world.now)

    def mirror_anchor(self) -> None:
        self.world.now += 1
        leaves = [leaf_hash(entry.encode()) for entry in self.network.log.entries]
        proof = consistency_proof(leaves, TreeSize(self.anchored)) if self.anchored else ()
        data = AnchorLog.encode_anchor(LIMA, TreeSize(len(leaves)), root_of(leaves), proof)
        anchorer = account_of(f"anchorer of {LIMA}")
        self.twin.send(data, sender=anchorer, to=self.twin.log.address, at=self.world.now)
        self.anchored = len(leaves)

    def teardown(self) -> None:
        try:
            self.compare()
        finally:
            self.twin.call("evm_revert", self.snapshot)

    def compare(self) -> None:
        """Every sum, holding, escrow and claim on the chain is the one here, and the one that events tell."""
        world, chain = self.world, self.twin.green_asset
        for class_id, totals in world.class_totals.items():
            assert chain.totals(class_id) == totals
            assert chain.asset_class(class_id) == world.classes[class_id]
        assert set(chain.issuance_ids(0, 1_000)) == set(world.issuances)
        assert self.twin.register.evidence_count(chain.address) == len(world.evidence)
        for asker, counted in world.counted.items():
            for digest, admitted in counted.evidence.items():
                kept = self.twin.register.evidence(asker, digest)
                assert kept is not None
                assert (kept.holder_center, kept.holder_member) == (admitted.holder.center, admitted.holder.member)
                certifier = world.certifiers[digest]
                assert (kept.certifier_center, kept.certifier_member) == (certifier.center, certifier.member)
            for (attribute, lot), of in counted.lots.items():
                assert self.twin.register.custody_of(asker, attribute, lot) is of.custody
        for token, issuance in world.issuances.items():
            record = chain.issuance(token)
            assert record is not None
            assert (record.totals, record.evidenced, record.lot) == (issuance.totals, issuance.evidenced, issuance.lot)
            assert chain.is_frozen(token) == (token in world.revocations)
        for (account, token), holding in world.holdings.items():
            assert chain.holding(account, token) == holding
        for named, escrow in world.escrows.items():
            assert chain.escrow(named) == escrow
        assert set(chain.retirement_ids(0, 1_000)) == set(world.retirements)
        for named, facts in world.retirements.items():
            assert chain.retirement(named) == facts
            assert chain.retirement_digest(named) == retirement_digest(facts)
            assert chain.challenge(named) == world.challenge(named)
        assert chain.is_paused() == world.is_paused
        self.rebuild()

    def rebuild(self) -> None:
        """The same from events alone."""
        supply = Supply(self.twin.green_asset.address)
        addresses = (self.twin.green_asset.address, self.twin.register.address)
        for log in self.twin.logs(self.first, *addresses):
            supply.take([bytes(topic) for topic in log["topics"]], bytes(log["data"]))
        supply.check()
        told = {token: of for token, of in supply.tokens.items() if of.issued}
        assert {token: of.totals for token, of in told.items()} == {
            token: issuance.totals for token, issuance in self.world.issuances.items()
        }
        for token, of in told.items():
            holders = {facts.account: facts.tradable for (_, held), facts in self.world.holdings.items() if held == token}
            assert of.holders == {account: tradable for account, tradable in holders.items() if tradable}
        nothing = Totals(issued=0, escrowed=0, retired=0, cancelled=0)
        for class_id, totals in self.world.class_totals.items():
            key = class_id.encode().ljust(32, b"\x00")
            assert supply.classes().get(key, (nothing, 0))[0] == totals


def test_chain_and_rules_take_and_refuse_the_same_and_come_to_the_same_sums(twin: Twin) -> None:
    class Followed(OnChain):
        pass

    Followed.twin = twin
    deep = settings().max_examples > settings.get_profile("greenlane").max_examples
    # Not shrunk: on a chain that takes minutes, and the steps that differ are told as they are.
    few = settings(max_examples=200 if deep else 6, stateful_step_count=50, phases=[Phase.explicit, Phase.generate])
    run_state_machine_as_test(Followed, settings=few)


@pytest.fixture
def machine(twin: Twin) -> Iterator[OnChain]:
    """Where the machine begins, steered by hand; all is compared at the end."""
    made = OnChain()
    made.twin = twin
    made.begin()
    yield made
    made.teardown()


def test_every_refusal_of_the_rules_is_the_chain_s_too(machine: OnChain) -> None:
    seller, buyer, other, judge = (member_account(name) for name in MEMBERS)
    world, (token, second) = machine.world, list(machine.world.issuances)

    def state(*told: Any, flaw: int | None = None) -> None:
        whole: tuple[Any, ...] = (*told, flaw is None, flaw or 0)
        machine.state(*whole)
        machine.issue(len(machine.stated) - 1, 1, 0)

    def escrow(**changes: Any) -> bytes:
        asked: dict[str, Any] = {"token": token, "quantity": 1, "buyer": buyer, "line_digest": sha256(b"line")}
        asked |= {"deadline": world.now + 3 * DAY_S} | changes
        machine.take(seller, "escrow", lambda: world.escrow(seller, **asked), **asked)
        return escrow_id_of(seller, asked["buyer"], asked["line_digest"])

    def end(step: str, account: Address, named: bytes) -> None:
        machine.take(account, step, lambda: getattr(world, step)(account, named), escrow_id=named)

    def retire(**changes: Any) -> None:
        asked: dict[str, Any] = {
            "token": token,
            "quantity": 1,
            "claimant": seller,
            "beneficiary": sha256(b"city"),
            "claim_from": date(2025, 1, 1),
            "claim_to": date(2026, 1, 28),
            "lot": world.issuances[token].lot,
            "line_digest": sha256(b"line"),
            "ref": sha256(b"ref"),
        }
        asked |= changes
        machine.take(seller, "retire", lambda: world.retire(seller, **asked), **asked)

    def cancel(reason: str) -> None:
        machine.take(seller, "cancel", lambda: world.cancel(seller, token, 1, reason), token=token, quantity=1, reason=reason)

    def revoke(account: Address, reason: str) -> None:
        of = machine.stated[1][0]
        machine.take(account, "revoke", lambda: world.revoke(account, of, reason), statement=of, reason=reason)

    for quantity, caller in ((10**30, 0), (0, 0), (1, 1), (1, 4)):
        machine.issue(0, quantity, caller)
    machine.admit(0)
    best, segregated, mixed = CustodyModel.IDENTITY_PRESERVED, CustodyModel.SEGREGATED, CustodyModel.MASS_BALANCE
    state(0, (1, 2), 0, best, 0, 8, False)
    state(0, (3, 4), 2, best, 1, 8, False)
    state(0, (4, 4), 1, best, 1, 8, False)
    state(0, (5, 5), 0, segregated, 0, 8, False)
    state(0, (6, 6), 0, best, 0, 8, False)
    state(0, (8, 8), 1, mixed, 0, 8, False)
    state(0, (9, 9), 1, mixed, 0, 8, True)
    machine.move(seller, seller, buyer, list(world.issuances)[-1], 1)
    for flaw in range(5):
        state(0, (10, 10), 1, mixed, 0, 8, True, flaw=flaw)
    of, _, inclusion = machine.stated[0]
    unknown = replace(inclusion, tree_size=TreeSize(999))
    fresh = replace(of, id="urn:uuid:never", vintage_from=date(2025, 11, 1), vintage_to=date(2025, 11, 2))
    signed = sign_evidence(fresh, domain=world.domain)
    machine.take(
        seller,
        "admit",
        lambda: world.admit(seller, fresh, signed, unknown),
        statement=fresh,
        signature=signed,
        inclusion=unknown,
    )
    for account, source, target, what, quantity in (
        (seller, seller, buyer, token, 1),
        (seller, seller, STRANGER, token, 1),
        (seller, seller, buyer, token, 10**6),
        (seller, seller, buyer, token, 0),
        (seller, seller, buyer, sha256(b"nothing"), 1),
        (buyer, seller, buyer, token, 1),
        (other, other, seller, second, 0),
    ):
        machine.move(account, source, target, what, quantity)
    machine.approve(seller, STRANGER, True)
    machine.approve(seller, buyer, True)
    machine.move(buyer, seller, other, token, 1)
    for changes in ({"buyer": seller}, {"line_digest": bytes(32)}, {"deadline": world.now}, {"buyer": STRANGER}):
        escrow(**changes)
    named = escrow()
    escrow()
    end("accept", other, named)
    end("give_back", seller, named)
    end("accept", buyer, named)
    end("accept", buyer, named)
    end("give_back", buyer, bytes(32))
    late = escrow(line_digest=sha256(b"late"))
    machine.wait(4)
    end("accept", buyer, late)
    end("give_back", STRANGER, late)
    retire()
    oddities: tuple[dict[str, Any], ...] = (
        {},
        {"claim_from": date(2024, 12, 31)},
        {"claim_to": date(2026, 1, 29)},
        {"lot": bytes(32)},
        {"beneficiary": bytes(32)},
        {"claimant": STRANGER},
        {"quantity": 10**6},
        {"token": sha256(b"nothing")},
    )
    for oddity in oddities:
        retire(**oddity)
    cancel("")
    cancel("spilled")
    machine.vote_class(operator(LIMA), COCOA)
    machine.vote_class(operator(LIMA), replace(COCOA, id="other", claim_days=4_000))
    for center, should_pause in ((LIMA, False), (LIMA, True), (LIMA, True), (None, True)):
        machine.vote_pause(center, should_pause)
    machine.by_all(True)
    machine.move(seller, seller, buyer, token, 1)
    machine.approve(seller, other, True)
    machine.by_all(False)
    machine.follow(other, seller, token)
    rotate(machine, MEMBERS[0], member_account(MEMBERS[0], 1))
    machine.follow(member_account(MEMBERS[0], 1), seller, token)
    rotate(machine, CERTIFIER, seller)
    machine.issue(0, 1, 0)
    rotate(machine, CERTIFIER, member_account(CERTIFIER, 1))
    machine.judge(False)
    machine.issue(0, 1, 0)
    for account, reason in ((judge, "why"), (member_account(CERTIFIER, 1), ""), (member_account(CERTIFIER, 1), "why")):
        revoke(account, reason)
    revoke(member_account(CERTIFIER, 1), "why")
    machine.move(buyer, buyer, other, second, 1)
    machine.vote_revocation(2, LIMA, "wrong")
    for center in CENTERS[:3]:
        machine.vote_revocation(0, center, "wrong")
    machine.move(buyer, buyer, other, token, 1)

    machine.judge(True)
    sellers = member_account(MEMBERS[0], 1)

    def attempt(number: int, **changes: Any) -> bytes:
        asked = {"id": f"urn:uuid:late-{number}", "certifier": member_account(CERTIFIER, 1), "lot": f"urn:lot:{number}"}
        of = replace(fresh, **(asked | changes))
        signature = sign_evidence(of, domain=world.domain, secret=secret_of(f"{CERTIFIER}#1"))
        inclusion = machine.network.enter(of)
        machine.mirror_anchor()
        machine.take(
            sellers,
            "issue",
            lambda: world.issue(sellers, of, signature, inclusion, 1),
            statement=of,
            signature=signature,
            inclusion=inclusion,
            quantity=1,
        )
        return of.digest(world.domain)

    attempt(1, holder=seller)
    third = attempt(2, holder=sellers)
    attempt(3, holder=buyer, lot="urn:lot:2", vintage_from=date(2025, 12, 1), vintage_to=date(2025, 12, 2))
    attempt(4, holder=sellers, origin=origin(1, 2**32 + 1))
    attempt(5, holder=sellers, origin=origin(1, 2, "i--rec"))
    rotate(machine, MEMBERS[2], seller)
    machine.move(sellers, sellers, seller, third, 1)
    assert set(REFUSALS) - BEYOND - set(machine.steps) == set()
    assert BEYOND & set(machine.steps) == set()


def rotate(machine: OnChain, name: MemberName, account: Address) -> None:
    """A member gets that account."""
    machine.world.now += 1
    machine.network.set_member(name, account=account)
    machine.mirror_registry("rotate", name, account=account)


def test_units_follow_their_member_to_a_new_account_however_it_got_them(machine: OnChain) -> None:
    """Found by the machine: units that came by a transfer could not follow, and were lost with the old account."""
    (token, *_), holder = machine.world.issuances, member_account(MEMBERS[0])
    for receiver in (MEMBERS[1], MEMBERS[2]):
        machine.move(holder, holder, member_account(receiver), token, 1)
        rotate(machine, receiver, member_account(receiver, 1))
        machine.follow(member_account(receiver, 1), member_account(receiver), token)
        assert machine.twin.green_asset.holding(member_account(receiver), token).tradable == 0
        assert machine.twin.green_asset.holding(member_account(receiver, 1), token).tradable >= 1
