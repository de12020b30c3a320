"""The contracts of green assets for tests of services: the rules of `core.assets.model`, with blocks that a test makes and loses.

    ledger = AssetLedgerWorld(chain=world.ledger, clock=lambda: world.clock.now)
    ledger.vouch(MemberName(center=LIMA, member=COOPERATIVE))
    ledger.admit(COCOA)

Acts are decided as the contracts decide them: by signature, time and state, once each. Anchored roots are those of the world's
own chain. Keys are drawn from names, so that any test can sign.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from eth_account import Account
from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.assets.facts import AssetClass, EscrowFacts, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.model import AssetWorld, CenterStanding, MemberStanding
from greenlane.core.assets.refusals import AssetRefused, refusal
from greenlane.core.assets.retirement import RetirementFacts, retirement_digest
from greenlane.core.assets.typed_data import signer_of
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.receipt import Inclusion
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, MemberId
from greenlane.ports.accounts import MemberRole
from greenlane.ports.asset_ledger import (
    ActOutcome,
    ActWouldFail,
    AssetContract,
    AssetPlaces,
    BlockRef,
    ChainActState,
    ChainMember,
    EvidenceProof,
    Look,
    Placement,
    RetirementAsked,
    SignedAct,
    Touched,
)
from greenlane.ports.ledger import LedgerUnavailable
from worlds.ledger import LedgerWorld

PLACES = AssetPlaces(
    chain_id=ChainId(20_261),
    green_asset=Address(sha256(b"green asset")[:20]),
    evidence_register=Address(sha256(b"evidence register")[:20]),
)
_NOTHING = Totals(issued=0, escrowed=0, retired=0, cancelled=0)
Step = Callable[[AssetWorld, Address], None]


def secret_of(name: MemberName, generation: int = 0) -> bytes:
    """A member's key."""
    return sha256(f"key {generation} of {name}".encode())


def account_of(name: MemberName, generation: int = 0) -> Address:
    """A member's account."""
    return Address(bytes.fromhex(Account.from_key(secret_of(name, generation)).address[2:]))


def sign(name: MemberName, digest: bytes, generation: int = 0) -> bytes:
    """A member's signature."""
    return bytes(Account.unsafe_sign_hash(digest, secret_of(name, generation)).signature)


@dataclass
class MemberKeysWorld:
    """A `ports.member_keys.MemberKeys` that keeps the keys of all but some.

    Attributes:
        generations: which key of a member's is kept now, where it is not the first.
    """

    keeps_itself: set[MemberName] = field(default_factory=set)
    generations: dict[MemberName, int] = field(default_factory=dict)

    def account(self, center: CenterId, member: MemberId) -> Address | None:
        name = MemberName(center=center, member=member)
        return None if name in self.keeps_itself else account_of(name, self.generations.get(name, 0))

    def sign(self, center: CenterId, member: MemberId, digest: bytes) -> bytes:
        name = MemberName(center=center, member=member)
        return sign(name, digest, self.generations.get(name, 0))


@dataclass
class _Calls:
    """Call data that stand for a step, the same for the same step."""

    steps: dict[bytes, Step] = field(default_factory=dict)

    def _kept(self, step: Step, *facts: object) -> bytes:
        data = sha256(repr(facts).encode())
        self.steps[data] = step
        return data

    def issue(self, statement: EvidenceStatement, proof: EvidenceProof, placement: Placement, quantity: int) -> bytes:
        inclusion = Inclusion(leaf_index=proof.leaf_index, tree_size=proof.tree_size, hashes=proof.path)

        def step(model: AssetWorld, caller: Address) -> None:
            digest = statement.digest(model.domain)
            if digest not in model.evidence and placement != _placement(model, statement):
                raise AssetRefused("WrongPlacement", digest, placement.vintage_after)
            model.issue(caller, statement, proof.signature, inclusion, quantity)

        return self._kept(step, "issue", statement, proof, placement, quantity)

    def transfer(self, *, sender: Address, receiver: Address, token: bytes, quantity: int) -> bytes:
        return self._kept(
            lambda model, caller: model.transfer(caller, sender, receiver, token, quantity),
            "move",
            sender,
            receiver,
            token,
            quantity,
        )

    def escrow(self, *, token: bytes, quantity: int, buyer: Address, line_digest: bytes, deadline: datetime) -> bytes:
        asked: dict[str, Any] = {"token": token, "quantity": quantity, "buyer": buyer, "line_digest": line_digest}
        seconds = int(deadline.timestamp())

        def step(model: AssetWorld, caller: Address) -> None:
            model.escrow(caller, deadline=seconds, **asked)

        return self._kept(step, "escrow", asked, seconds)

    def accept(self, escrow_id: bytes) -> bytes:
        return self._kept(lambda model, caller: model.accept(caller, escrow_id), "accept", escrow_id)

    def give_back(self, escrow_id: bytes) -> bytes:
        return self._kept(lambda model, caller: model.give_back(caller, escrow_id), "back", escrow_id)

    def retire(self, asked: RetirementAsked) -> bytes:
        given = {name: getattr(asked, name) for name in RetirementAsked.__dataclass_fields__}

        def step(model: AssetWorld, caller: Address) -> None:
            model.retire(caller, **given)

        return self._kept(step, "retire", asked)

    def cancel(self, *, token: bytes, quantity: int, reason: str) -> bytes:
        return self._kept(lambda model, caller: model.cancel(caller, token, quantity, reason), "cancel", token, quantity, reason)

    def follow_key(self, *, previous: Address, token: bytes) -> bytes:
        return self._kept(lambda model, caller: model.follow_key(caller, previous, token), "follow", previous, token)

    def revoke(self, statement: EvidenceStatement, reason: str) -> bytes:
        return self._kept(lambda model, caller: model.revoke(caller, statement, reason), "revoke", statement, reason)


@dataclass
class _Block:
    block_hash: bytes
    model: AssetWorld
    states: dict[bytes, ActOutcome]
    touched: Touched


@dataclass
class AssetLedgerWorld:
    """A `ports.asset_ledger.AssetLedger` whose contracts live here.

    Attributes:
        chain: where roots are anchored.
        clock: the chain's time.
        is_automine: whether what is brought gets a block at once.
        is_away: every question then raises LedgerUnavailable.
        is_busy: bringing then raises LedgerUnavailable: the account has something else on its way.
        has_lost_words: why acts were refused is then not told.
        has_lost_events: `everything` then tells neither holdings nor escrows, and `touched` nothing.
        brought: how often each act was brought, by digest.
    """

    chain: LedgerWorld
    clock: Callable[[], datetime]
    is_automine: bool = True
    is_away: bool = False
    is_busy: bool = False
    has_lost_words: bool = False
    has_lost_events: bool = False
    reach: int = 100
    calls: _Calls = field(default_factory=_Calls)
    brought: dict[bytes, int] = field(default_factory=dict)
    roles: dict[MemberName, frozenset[MemberRole]] = field(default_factory=dict)
    waiting: list[SignedAct] = field(default_factory=list)
    lost: int = 0

    def __post_init__(self) -> None:
        domain = PLACES.domain(AssetContract.EVIDENCE_REGISTER)
        self.model = AssetWorld(domain=domain, green_asset=PLACES.green_asset, now=0)
        self.states: dict[bytes, ActOutcome] = {}
        self.blocks: list[_Block] = []
        self._close_block(())

    # ---- what a test does ----

    def vouch(self, name: MemberName, *roles: MemberRole, generation: int = 0) -> Address:
        """Vouches for a member; its account."""
        account = account_of(name, generation)
        around = self.model.around
        around.centers.setdefault(name.center, CenterStanding(operator=Address(sha256(name.center.encode())[:20])))
        around.members[name] = MemberStanding(account=account, is_certifier=MemberRole.CERTIFIER in roles)
        self.roles[name] = frozenset(roles or {MemberRole.ENTERPRISE})
        return account

    def suspend(self, name: MemberName) -> None:
        """No center vouches for the member any more."""
        self.model.around.members[name] = replace(self.model.around.members[name], is_vouched=False)

    def admit(self, asset_class: AssetClass) -> None:
        """A quorum admits a class, in a block of its own."""
        self.model.classes[asset_class.id] = asset_class
        self.model.class_totals[asset_class.id] = _NOTHING
        self._close_block((), Touched(classes=(asset_class.id,)))

    def mine(self) -> None:
        """One block with all that waits."""
        self._catch_up()
        before = deepcopy(self.model)
        decided = []
        for signed in self.waiting:
            digest = signed.act.digest(PLACES.domain(signed.contract))
            if digest not in self.states:
                self.states[digest] = self._decided(signed, digest)
                decided.append(digest)
        self.waiting.clear()
        touched = _differences(before, self.model)
        for name in touched.retirements:
            self.chain.retire(name, retirement_digest(self.model.retirements[name]))
        self._close_block(tuple(decided), touched)

    def lose_to(self, number: int) -> None:
        """The chain comes back as it was after that block."""
        self.blocks = self.blocks[: number + 1]
        self.model, self.states = deepcopy(self.blocks[-1].model), dict(self.blocks[-1].states)
        self.waiting.clear()
        self.lost += 1

    # ---- the port ----

    @property
    def places(self) -> AssetPlaces:
        return PLACES

    def simulate(self, contract: AssetContract, account: Address, call: bytes) -> None:
        self._ask()
        try:
            self.calls.steps[call](deepcopy(self.model), account)
        except AssetRefused as refused:
            raise ActWouldFail(refused.detail, refusal=refused.contract_error, remedy=refused.remedy) from refused

    def is_in_flight(self, center: CenterId) -> bool:
        self._ask()
        return bool(self.waiting)

    def bring(self, center: CenterId, acts: Sequence[SignedAct]) -> int:
        self._ask()
        if self.is_busy or self.waiting:
            raise LedgerUnavailable("Another transaction of the account is on its way.", retry_after_s=1)
        first = [act for act in acts if act.contract is acts[0].contract][: self.reach]
        count = next((at for at, act in enumerate(acts) if act.contract is not acts[0].contract), len(acts))
        self.waiting = first[:count]
        for one in self.waiting:
            digest = one.act.digest(PLACES.domain(one.contract))
            self.brought[digest] = self.brought.get(digest, 0) + 1
        taken = len(self.waiting)
        if self.is_automine:
            self.mine()
        return taken

    def outcome(self, contract: AssetContract, digest: bytes) -> ActOutcome:
        self._ask()
        found = self.states.get(digest, ActOutcome(state=ChainActState.OPEN))
        return ActOutcome(state=found.state) if self.has_lost_words else found

    def act_states(self, contract: AssetContract, digests: Sequence[bytes]) -> Sequence[ChainActState]:
        return [self.outcome(contract, digest).state for digest in digests]

    def member_at(self, account: Address) -> ChainMember | None:
        self._ask()
        name = self.model.around.member_of(account)
        return None if name is None else self._member(name)

    def member_named(self, center: CenterId, member: MemberId) -> ChainMember | None:
        self._ask()
        name = MemberName(center=center, member=member)
        return self._member(name) if name in self.model.around.members else None

    def asset_class(self, class_id: str) -> AssetClass | None:
        self._ask()
        return self.model.classes.get(class_id)

    def class_totals(self, class_id: str) -> Totals:
        self._ask()
        return self.model.class_totals[class_id]

    def issuance(self, token: bytes) -> IssuanceFacts | None:
        self._ask()
        found = self.model.issuances.get(token)
        return None if found is None else replace(found, revoked=self.model.revocations.get(token))

    def holding(self, account: Address, token: bytes) -> HoldingFacts:
        self._ask()
        return self.model.holding(account, token)

    def escrow(self, escrow_id: bytes) -> EscrowFacts | None:
        self._ask()
        return self.model.escrows.get(escrow_id)

    def retirement(self, retirement_id: bytes) -> RetirementFacts | None:
        self._ask()
        return self.model.retirements.get(retirement_id)

    def issuances(self, tokens: Sequence[bytes]) -> Sequence[IssuanceFacts | None]:
        return [self.issuance(token) for token in tokens]

    def holdings(self, places: Sequence[tuple[Address, bytes]]) -> Sequence[HoldingFacts]:
        return [self.holding(account, token) for account, token in places]

    def escrows(self, escrow_ids: Sequence[bytes]) -> Sequence[EscrowFacts | None]:
        return [self.escrow(escrow_id) for escrow_id in escrow_ids]

    def retirements(self, retirement_ids: Sequence[bytes]) -> Sequence[RetirementFacts | None]:
        return [self.retirement(retirement_id) for retirement_id in retirement_ids]

    def placement(self, statement: EvidenceStatement) -> Placement:
        self._ask()
        return _placement(self.model, statement)

    def is_paused(self) -> bool:
        self._ask()
        return self.model.is_paused

    def head(self) -> BlockRef:
        self._ask()
        return self._ref(len(self.blocks) - 1)

    def block_hash(self, number: BlockNumber) -> bytes | None:
        self._ask()
        return self.blocks[number].block_hash if number < len(self.blocks) else None

    def touched(self, first: BlockNumber, last: BlockNumber) -> Look:
        self._ask()
        last = BlockNumber(min(last, first + self.reach - 1))
        parts = [] if self.has_lost_events else [self.blocks[number].touched for number in range(first, last + 1)]
        return _union(self._ref(last), parts)

    def everything(self) -> Look:
        self._ask()
        model = self.model
        return Look(
            to=self.head(),
            classes=tuple(model.classes),
            tokens=tuple(model.issuances),
            holdings=() if self.has_lost_events else tuple(model.holdings),
            escrows=() if self.has_lost_events else tuple(model.escrows),
            retirements=tuple(model.retirements),
        )

    # ---- inside ----

    def _ask(self) -> None:
        if self.is_away:
            raise LedgerUnavailable("No node answers.")
        self._catch_up()

    def _catch_up(self) -> None:
        self.model.now = int(self.clock().timestamp())
        self.model.around.roots = {(one.center, one.tree_size): one.root for one in self.chain.anchored}

    def _decided(self, signed: SignedAct, digest: bytes) -> ActOutcome:
        act = signed.act
        assert signer_of(digest, signed.signature) == act.account, "an act that its account never signed is not brought"
        assert self.model.now < act.not_after, "one that is too late would undo what is brought beside it"
        attempt = deepcopy(self.model)
        try:
            self.calls.steps[act.call](attempt, act.account)
        except AssetRefused as refused:
            detail, remedy = refusal(refused.contract_error, refused.arguments)
            return ActOutcome(state=ChainActState.REFUSED, refusal=refused.contract_error, detail=detail, remedy=remedy)
        self.model = attempt
        return ActOutcome(state=ChainActState.DONE)

    def _member(self, name: MemberName) -> ChainMember:
        around = self.model.around
        account = around.account_of(name)
        return ChainMember(
            center=name.center,
            member=name.member,
            account=account,
            roles=self.roles[name],
            is_in_good_standing=around.is_member(account),
        )

    def _close_block(self, decided: tuple[bytes, ...], touched: Touched | None = None) -> None:
        number = len(self.blocks)
        previous = self.blocks[-1].block_hash if self.blocks else b""
        named = sha256(previous + b"".join(decided) + repr((number, self.lost)).encode())
        block = _Block(block_hash=named, model=deepcopy(self.model), states=dict(self.states), touched=touched or Touched())
        self.blocks.append(block)

    def _ref(self, number: int) -> BlockRef:
        return BlockRef(number=BlockNumber(number), block_hash=self.blocks[number].block_hash)


def _placement(model: AssetWorld, statement: EvidenceStatement) -> Placement:
    """A number that another admission beside it changes; what it means is the contract's own."""
    counted = model.counted_for(model.green_asset)
    days = sum(len(ranges) for (attribute, _), ranges in counted.vintages.items() if attribute == statement.attribute)
    serials = 0 if statement.origin is None else len(counted.serials.get(statement.origin.registry, []))
    return Placement(vintage_after=days, serial_after=serials)


def _differences(before: AssetWorld, after: AssetWorld) -> Touched:
    """What events of a block would name."""
    tokens = [token for token, each in after.issuances.items() if before.issuances.get(token) != each]
    tokens += [token for token in after.revocations if token not in before.revocations]
    return Touched(
        tokens=tuple(dict.fromkeys(tokens)),
        holdings=tuple(place for place, each in after.holdings.items() if before.holdings.get(place) != each),
        escrows=tuple(name for name, each in after.escrows.items() if before.escrows.get(name) != each),
        retirements=tuple(name for name in after.retirements if name not in before.retirements),
    )


def _union(to: BlockRef, parts: Sequence[Touched]) -> Look:
    def each(name: str) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(one for part in parts for one in getattr(part, name)))

    return Look(
        to=to,
        classes=each("classes"),
        tokens=each("tokens"),
        holdings=each("holdings"),
        escrows=each("escrows"),
        retirements=each("retirements"),
    )


def seconds(at: datetime) -> datetime:
    """The same time without parts of a second, as the chain counts."""
    return at.astimezone(UTC).replace(microsecond=0)
