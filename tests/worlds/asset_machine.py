"""Any order of what members, certifiers and centers may do with green assets, right and wrong.

After every step what must hold is looked at anew, by other means than the rules keep it. A subclass may follow each step on a
chain (`mirror`) and compare.
"""

from collections.abc import Callable, Sequence
from copy import copy, deepcopy
from dataclasses import fields, replace
from datetime import date
from typing import Any, TypeVar

from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, text_digest
from greenlane.core.assets.facts import EscrowState, HoldingFacts
from greenlane.core.assets.model import DAY_S
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.receipt import Inclusion
from greenlane.core.units import Address, LeafIndex
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from worlds.green_assets import (
    CENTERS,
    CERTIFIER,
    COCOA,
    COMMUTES,
    COOPERATIVE,
    LOT,
    MEMBERS,
    OTHER_LOT,
    Network,
    account_of,
    member_account,
    operator,
    origin,
    secret_of,
    sign_evidence,
    statement,
)

STRANGER = account_of("a stranger")
PLACES = st.integers(0, 7)
"""Chooses among what there is, modulo how many there are: most choices then mean something."""
QUANTITIES = st.sampled_from([1, 2, 3, 5, 8, 0, 10**30])
ODD = st.sampled_from([False, False, False, False, True])
"""Whether a step is made of anything at all; otherwise of what may well be taken."""
LINES = st.integers(0, 3)
REASONS = st.sampled_from(["the audit was wrong", "spilled", "spilled", "ñ" * 128, "", "x" * 257])
SPANS = st.sampled_from([(1, 1), (1, 2), (2, 2), (3, 4), (4, 4), (1, 5), (12, 12)])
"""First and last month of a vintage in 2025, and serials."""
T = TypeVar("T")


class AssetMachine(RuleBasedStateMachine):
    """A network's life."""

    def make_network(self) -> Network:
        """The network before anything was done in it; classes are voted in as the first steps."""
        return Network()

    def mirror(self, refused: AssetRefused | None, account: Address, step: str, **arguments: Any) -> None:
        """A step that was just taken, or refused, by an account."""

    def mirror_registry(self, change: str, name: MemberName, **arguments: Any) -> None:
        """Something that a center's operator just changed about a member."""

    def mirror_anchor(self) -> None:
        """The log of lima was just anchored."""

    @initialize()
    def begin(self) -> None:
        self.network = self.make_network()
        self.world = self.network.world
        self.stated: list[tuple[EvidenceStatement, bytes, Inclusion]] = []
        self.generations = dict.fromkeys(MEMBERS, 0)
        self.frozen: dict[bytes, list[HoldingFacts]] = {}
        self.claimed: dict[bytes, int] = {}
        self.steps: dict[str, int] = {}
        for asset_class in (COCOA, COMMUTES):
            for center in CENTERS[:3]:
                self.vote_class(operator(center), asset_class)
        for month in (1, 2):
            self.state(0, (month, month), 0, CustodyModel.IDENTITY_PRESERVED, 0, 40, False, True)
            self.issue(month - 1, 24, 0)
        for place, line in enumerate((1, 2, 3)):
            self.escrow(place % 2, line, 3, line, 30, False)
            self.transfer(place % 2, line, 4, 0, False, False)

    # ---- what the steps choose from ----

    def among(self, options: Sequence[T], place: int) -> T | None:
        """One of them; None where there is none."""
        return options[place % len(options)] if options else None

    def account(self, place: int) -> Address:
        """An account of today, one that was given up, or a stranger's."""
        today = [self.world.around.members[name].account for name in MEMBERS]
        former = [member_account(name, self.generations[name] - 1) for name in MEMBERS if self.generations[name]]
        return [*today, *former, STRANGER][place % (len(today) + len(former) + 1)]

    def token(self, place: int) -> bytes:
        """A token, most often one that was issued."""
        return self.among([*self.world.issuances, sha256(b"no token")], place) or b""

    def held(self, place: int, is_odd: bool) -> tuple[Address, bytes, int]:
        """An account, a token, and how many tradable units of it the account has."""
        places = [(facts.account, facts.token) for facts in self.world.holdings.values() if facts.tradable]
        account, of = (self.account(place), self.token(place)) if is_odd or not places else places[place % len(places)]
        return account, of, self.world.holding(account, of).tradable

    def member(self, place: int, is_odd: bool, besides: Address) -> Address:
        """Another member's account of today; an odd one is anybody's."""
        others = [member.account for member in self.world.around.members.values() if member.account != besides]
        return self.account(place) if is_odd else others[place % len(others)]

    def waiting(self, place: int, is_odd: bool) -> tuple[bytes, Address]:
        """An escrow, most often one that is open, and its buyer."""
        open_ones = [one for one in self.world.escrows.values() if is_odd or one.state is EscrowState.OPEN]
        escrow = self.among(open_ones, place)
        if escrow is None:
            return bytes(32), STRANGER
        name = self.world.names.get(escrow.buyer)
        return escrow.id, escrow.buyer if name is None else self.world.around.account_of(name)

    def take(self, account: Address, step: str, take: Callable[[], object], **arguments: Any) -> bool:
        """Takes a step, sees that a refused one changed nothing, and has it followed; whether it was taken."""
        self.world.now += 1
        before = self.whole() if self.compares_whole else None
        refused: AssetRefused | None = None
        try:
            take()
        except AssetRefused as error:
            refused = error
            assert before is None or self.whole() == before
        self.steps[step if refused is None else refused.contract_error] = (
            self.steps.get(step if refused is None else refused.contract_error, 0) + 1
        )
        self.mirror(refused, account, step, **arguments)
        return refused is None

    compares_whole = True

    def whole(self) -> list[Any]:
        """All that the world holds; what it is made of never changes in place, but for the ranges."""
        counted = deepcopy(self.world.counted)
        return [counted, *(copy(getattr(self.world, part.name)) for part in fields(self.world))]

    # ---- steps ----

    def vote_class(self, voter: Address, asset_class: Any) -> None:
        self.take(voter, "vote_class", lambda: self.world.vote_class(voter, asset_class), asset_class=asset_class)

    @rule(
        holder=PLACES,
        months=SPANS,
        lot=st.sampled_from([0, 0, 0, 1, 2]),
        model=st.sampled_from([1, 1, 1, 2, 2, 4]).map(CustodyModel),
        serials=st.sampled_from([0, 0, 1, 2]),
        quantity=st.sampled_from([1, 8, 40]),
        is_commute=st.booleans(),
        is_honest=st.sampled_from([True, True, True, True, False]),
        flaw=st.integers(0, 4),
    )
    def state_something(
        self,
        holder: int,
        months: tuple[int, int],
        lot: int,
        model: CustodyModel,
        serials: int,
        quantity: int,
        is_commute: bool,
        is_honest: bool,
        flaw: int,
    ) -> None:
        self.state(holder, months, lot, model, serials, quantity, is_commute, is_honest, flaw)
        self.issue(len(self.stated) - 1, quantity, 0)

    def state(
        self,
        holder: int,
        months: tuple[int, int],
        lot: int,
        model: CustodyModel,
        serials: int,
        quantity: int,
        is_commute: bool,
        is_honest: bool,
        flaw: int = 0,
    ) -> None:
        """Has a statement signed and entered; a dishonest one has a flaw."""
        asset_class = COMMUTES if is_commute else COCOA
        certifier = self.world.around.members[CERTIFIER].account
        named = self.account(holder)
        if named == certifier:
            named = member_account(COOPERATIVE)
        told_origin = None if serials == 0 else origin(months[0], months[1], "i-rec" if serials == 1 else "gec")
        of = statement(
            id=f"urn:uuid:{len(self.stated)}",
            certifier=certifier,
            holder=named,
            class_id=asset_class.id,
            attribute=asset_class.attribute,
            unit=asset_class.unit,
            quantity=quantity,
            lot=(LOT, OTHER_LOT, None)[lot] if told_origin is not None or lot < 2 else LOT,
            vintage_from=date(2025, months[0], 1),
            vintage_to=date(2025, months[1], 28),
            custody_model=model,
            origin=told_origin,
        )
        if not is_honest and flaw == 0:
            of = replace(of, class_id="unknown")
        if not is_honest and flaw == 1:
            of = replace(of, vintage_to=date(2105, 1, 1))
        name = f"{CERTIFIER}#{self.generations[CERTIFIER]}"
        secret = secret_of("a stranger" if not is_honest and flaw == 2 else name)
        signature = sign_evidence(of, domain=self.world.domain, secret=secret)
        inclusion = self.network.enter(of)
        self.mirror_anchor()
        if not is_honest and flaw == 3:
            inclusion = replace(inclusion, leaf_index=LeafIndex(inclusion.leaf_index + 1))
        if not is_honest and flaw == 4:
            of = replace(of, quantity=of.quantity + 1)
        self.stated.append((of, signature, inclusion))

    @rule(place=PLACES)
    def admit(self, place: int) -> None:
        of, signature, inclusion = self.stated[-1 - place % len(self.stated)]
        self.take(
            STRANGER,
            "admit",
            lambda: self.world.admit(STRANGER, of, signature, inclusion),
            statement=of,
            signature=signature,
            inclusion=inclusion,
        )

    @rule(place=PLACES, quantity=QUANTITIES, caller=st.sampled_from([0] * 9 + [1, 2, 3, 4, 5, 6, 7]))
    def issue(self, place: int, quantity: int, caller: int) -> None:
        of, signature, inclusion = self.stated[place % len(self.stated)]
        admitted = self.world.evidence.get(of.digest(self.world.domain))
        today = of.holder if admitted is None else self.world.around.account_of(admitted.holder)
        account = today if caller == 0 else self.account(caller)
        self.take(
            account,
            "issue",
            lambda: self.world.issue(account, of, signature, inclusion, quantity),
            statement=of,
            signature=signature,
            inclusion=inclusion,
            quantity=quantity,
        )

    @rule(place=PLACES, receiver=PLACES, quantity=QUANTITIES, caller=PLACES, is_odd=ODD, is_by_other=ODD)
    def transfer(self, place: int, receiver: int, quantity: int, caller: int, is_odd: bool, is_by_other: bool) -> None:
        source, of, tradable = self.held(place, is_odd)
        target = self.member(receiver, is_odd, source)
        self.move(self.account(caller) if is_by_other else source, source, target, of, min(quantity, tradable or quantity))

    @rule(place=PLACES, mover=PLACES, receiver=PLACES, is_odd=ODD)
    def transfer_with_leave(self, place: int, mover: int, receiver: int, is_odd: bool) -> None:
        source, of, _ = self.held(place, False)
        other, target = self.member(mover, is_odd, source), self.member(receiver, False, source)
        for has_leave in (True, False):
            self.approve(source, other, has_leave)
            self.move(other, source, target, of, 1)

    def approve(self, account: Address, other: Address, has_leave: bool) -> None:
        self.take(
            account, "approve", lambda: self.world.approve(account, other, has_leave), operator=other, is_approved=has_leave
        )

    def move(self, account: Address, source: Address, target: Address, of: bytes, quantity: int) -> None:
        self.take(
            account,
            "transfer",
            lambda: self.world.transfer(account, source, target, of, quantity),
            sender=source,
            receiver=target,
            token=of,
            quantity=quantity,
        )

    @rule(
        place=PLACES,
        buyer=PLACES,
        quantity=QUANTITIES,
        line=st.integers(0, 9),
        days=st.sampled_from([1, 3, 30, 366, 0, 400]),
        is_odd=ODD,
    )
    def escrow(self, place: int, buyer: int, quantity: int, line: int, days: int, is_odd: bool) -> None:
        account, of, tradable = self.held(place, is_odd)
        arguments: dict[str, Any] = {
            "token": of,
            "quantity": quantity if is_odd else max(1, min(quantity, tradable)),
            "buyer": self.member(buyer, is_odd, account),
            "line_digest": bytes(32) if is_odd and line == 0 else sha256(bytes([line])),
            "deadline": self.world.now + (days if is_odd else min(366, days + 1)) * DAY_S,
        }
        self.take(account, "escrow", lambda: self.world.escrow(account, **arguments), **arguments)

    @rule(place=PLACES, caller=PLACES, is_odd=ODD, is_by_other=ODD)
    def accept(self, place: int, caller: int, is_odd: bool, is_by_other: bool) -> None:
        named, buyer = self.waiting(place, is_odd)
        account = self.account(caller) if is_by_other else buyer
        if self.take(account, "accept", lambda: self.world.accept(account, named), escrow_id=named):
            self.take(account, "give_back", lambda: self.world.give_back(account, named), escrow_id=named)

    @rule(place=PLACES, caller=PLACES, is_odd=ODD, is_by_other=ODD)
    def give_back(self, place: int, caller: int, is_odd: bool, is_by_other: bool) -> None:
        named, buyer = self.waiting(place, is_odd)
        account = self.account(caller) if is_by_other else buyer
        self.take(account, "give_back", lambda: self.world.give_back(account, named), escrow_id=named)

    @rule(
        place=PLACES,
        claimant=PLACES,
        quantity=QUANTITIES,
        ref=LINES,
        days=st.sampled_from([(1, 2), (1, 1), (12, 12), (2, 1), (0, 1)]),
        lot=st.sampled_from([LOT, OTHER_LOT]),
        is_odd=ODD,
        oddity=st.integers(0, 3),
    )
    def retire(
        self, place: int, claimant: int, quantity: int, ref: int, days: tuple[int, int], lot: str, is_odd: bool, oddity: int
    ) -> None:
        account, of, tradable = self.held(place, is_odd and oddity == 0)
        issuance = self.world.issuances.get(of)
        own, first = (bytes(32), date(2025, 1, 1)) if issuance is None else (issuance.lot, issuance.vintage_from)
        first_day, last_day = days if is_odd and oddity == 1 else (1, 2)
        arguments: dict[str, Any] = {
            "token": of,
            "quantity": quantity if is_odd else max(1, min(quantity, tradable)),
            "claimant": self.member(claimant, is_odd, account) if claimant % 2 else account,
            "beneficiary": bytes(32) if is_odd and oddity == 2 else text_digest("Municipalidad"),
            "claim_from": date.fromordinal(first.toordinal() + first_day - 1),
            "claim_to": date.fromordinal(first.toordinal() + last_day - 1),
            "lot": text_digest(lot) if is_odd and oddity == 3 else own,
            "line_digest": bytes(32),
            "ref": sha256(b"ref" + bytes([ref])),
        }
        self.take(account, "retire", lambda: self.world.retire(account, **arguments), **arguments)

    @rule(place=PLACES, quantity=QUANTITIES, reason=REASONS, is_odd=ODD)
    def cancel(self, place: int, quantity: int, reason: str, is_odd: bool) -> None:
        account, of, tradable = self.held(place, is_odd)
        asked = quantity if is_odd else max(1, min(quantity, tradable))
        self.take(
            account,
            "cancel",
            lambda: self.world.cancel(account, of, asked, reason),
            token=of,
            quantity=asked,
            reason=reason,
        )

    @rule(caller=PLACES, previous=PLACES, token=PLACES)
    def follow_key(self, caller: int, previous: int, token: int) -> None:
        self.follow(self.account(caller), self.account(previous), self.token(token))

    @rule(place=PLACES, is_followed=st.sampled_from([True, True, False]), is_odd=ODD)
    def rotate(self, place: int, is_followed: bool, is_odd: bool) -> None:
        """A member gets another account, most often one that has units, which then follow."""
        name = self.world.around.member_of(self.held(place, is_odd)[0]) or MEMBERS[place % len(MEMBERS)]
        self.world.now += 1
        previous = self.world.around.members[name].account
        self.generations[name] += 1
        account = member_account(name, self.generations[name])
        self.network.set_member(name, account=account)
        self.mirror_registry("rotate", name, account=account)
        held = [facts.token for facts in self.world.holdings.values() if facts.account == previous and facts.tradable]
        for token in held if is_followed else []:
            self.follow(account, previous, token)

    @rule(place=PLACES, thief=st.integers(0, 2), token=PLACES)
    def rob(self, place: int, thief: int, token: int) -> None:
        """A center gives a member of its own an account that others gave up, has it sent something, and changes its key again."""
        given_up = [account for account in self.world.names if self.world.around.member_of(account) is None]
        name, target = MEMBERS[thief], self.among(given_up, place)
        if target is None:
            return
        owner = self.world.names[target]
        self.give_account(name, target)
        source, of, _ = self.held(token, False)
        self.move(source, source, target, of, 1)
        self.generations[name] += 1
        loot = member_account(name, self.generations[name])
        self.give_account(name, loot)
        held = [facts.token for facts in self.world.holdings.values() if facts.account == target and facts.tradable]
        for one in held:
            assert not self.follow(loot, target, one) or owner == name

    def give_account(self, name: MemberName, account: Address) -> None:
        self.world.now += 1
        self.network.set_member(name, account=account)
        self.mirror_registry("rotate", name, account=account)

    def follow(self, account: Address, before: Address, of: bytes) -> bool:
        return self.take(account, "follow_key", lambda: self.world.follow_key(account, before, of), previous=before, token=of)

    @rule(place=PLACES, caller=st.sampled_from([None, None, 0, 1]), reason=REASONS)
    def revoke(self, place: int, caller: int | None, reason: str) -> None:
        of = self.stated[place % len(self.stated)][0]
        account = self.world.around.members[CERTIFIER].account if caller is None else self.account(caller)
        if self.take(account, "revoke", lambda: self.world.revoke(account, of, reason), statement=of, reason=reason):
            self.freeze(of.digest(self.world.domain))

    @rule(place=PLACES, center=st.sampled_from(CENTERS), reason=st.sampled_from(["wrong", "wrong", ""]))
    def vote_revocation(self, place: int, center: Any, reason: str) -> None:
        digest, voter = self.stated[place % len(self.stated)][0].digest(self.world.domain), operator(center)
        self.take(
            voter,
            "vote_revocation",
            lambda: self.world.vote_revocation(voter, digest, reason),
            digest=digest,
            reason=reason,
        )
        if digest in self.world.revocations:
            self.freeze(digest)

    @rule(center=st.sampled_from([*CENTERS, None]), should_pause=st.sampled_from([True, False, False]))
    def vote_to_pause(self, center: Any, should_pause: bool) -> None:
        self.vote_pause(center, should_pause)

    def vote_pause(self, center: Any, should_pause: bool) -> None:
        voter = STRANGER if center is None else operator(center)
        self.take(voter, "vote_pause", lambda: self.world.vote_pause(voter, should_pause), should_pause=should_pause)

    @rule(should_pause=st.sampled_from([False] * 5 + [True]), place=PLACES)
    def pause_and_go_on(self, should_pause: bool, place: int) -> None:
        """A quorum stops all movements, somebody tries one, and most often they go on."""
        self.by_all(True)
        source, of, _ = self.held(place, False)
        self.move(source, source, self.member(place, False, source), of, 1)
        if not should_pause:
            self.by_all(False)

    def by_all(self, should_pause: bool) -> None:
        for center in CENTERS[:3]:
            self.vote_pause(center, should_pause)

    @rule(days=st.sampled_from([0, 1, 4, 40]))
    def wait(self, days: int) -> None:
        self.world.now += days * DAY_S

    @rule(name=st.sampled_from(MEMBERS), is_vouched=st.sampled_from([True, True, True, False]))
    def vouch(self, name: MemberName, is_vouched: bool) -> None:
        if self.world.around.members[name].is_vouched == is_vouched:
            return
        self.world.now += 1
        self.network.set_member(name, is_vouched=is_vouched)
        self.mirror_registry("vouch", name, is_vouched=is_vouched)

    @rule(is_certifier=st.sampled_from([True, True, True, False]))
    def judge(self, is_certifier: bool) -> None:
        self.world.now += 1
        self.network.set_member(CERTIFIER, is_certifier=is_certifier)
        self.mirror_registry("judge", CERTIFIER, is_certifier=is_certifier)

    # ---- what must hold ----

    def freeze(self, token: bytes) -> None:
        self.frozen.setdefault(token, self.holdings_of(token))

    def holdings_of(self, token: bytes) -> list[HoldingFacts]:
        return [facts for (_, of), facts in self.world.holdings.items() if of == token]

    @invariant()
    def all_adds_up(self) -> None:
        self.world.check()

    @invariant()
    def what_was_revoked_never_moves(self) -> None:
        for token, before in self.frozen.items():
            assert self.holdings_of(token) == before

    @invariant()
    def what_was_claimed_stays_claimed(self) -> None:
        for named, quantity in self.claimed.items():
            assert self.world.retirements[named].quantity == quantity
        self.claimed = {named: facts.quantity for named, facts in self.world.retirements.items()}

    @invariant()
    def nothing_counts_twice(self) -> None:
        statements = [one.statement for one in self.world.evidence.values()]
        for place, one in enumerate(statements):
            for other in statements[:place]:
                if one.lot is not None and (one.lot, one.attribute) == (other.lot, other.attribute):
                    assert self.world.evidence[one.digest(self.world.domain)].holder == (
                        self.world.evidence[other.digest(self.world.domain)].holder
                    )
                    assert one.vintage_to < other.vintage_from or other.vintage_to < one.vintage_from
                if one.origin and other.origin and one.origin.registry == other.origin.registry:
                    first, second = sorted((one.origin, other.origin), key=lambda of: of.serial_from)
                    assert first.serial_to < second.serial_from

    @invariant()
    def only_members_ever_got_units(self) -> None:
        assert (STRANGER, b"") not in self.world.holdings
        assert not [account for account, _ in self.world.holdings if account == STRANGER]
