"""The rules of green assets without a chain: what EvidenceRegister and GreenAsset do, step by step, with the same refusals.

Who must foresee what the contracts will say asks here, and a test runs the same scenarios on both: whatever one takes the other
takes, what one refuses the other refuses by the same name, and all sums are equal.

The state is explicit: the clock (`now`), what the registry says and which roots are anchored are set from outside; all else
changes by the steps alone. A step that is refused has changed nothing. What is not here: bytes of calls, gas, contracts that
receive units, and where ranges belong in the contract's lists, which only saves the contract a search.
Source: contracts/EvidenceRegister.sol and contracts/GreenAsset.sol.
"""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import pairwise

from greenlane.core.anchoring import center_key
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import (
    MAX_SERIALS,
    MAX_VINTAGE_DAYS,
    EvidenceStatement,
    day_number,
    evidence_entry,
    name_word,
    text_digest,
)
from greenlane.core.assets.facts import AssetClass, EscrowFacts, EscrowState, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.assets.retirement import RetirementFacts, retirement_id
from greenlane.core.assets.typed_data import WORD_BYTES, Domain, signer_of, word
from greenlane.core.crypto import keccak256
from greenlane.core.documents.description import MemberName
from greenlane.core.errors import ProofRefused
from greenlane.core.merkle import InclusionRefused, leaf_hash, verify_inclusion
from greenlane.core.receipt import Inclusion
from greenlane.core.units import Address, CenterId, RootHash, TreeSize
from greenlane.core.wire import encode_hex

DAY_S = 86_400
MAX_ESCROW_S = 366 * DAY_S
MAX_CLAIM_DAYS = 3_650
MAX_CLASS_NAME_BYTES = 128
MAX_REASON_BYTES = 256
NOBODY = Address(bytes(20))
NO_DIGEST = bytes(WORD_BYTES)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
_PLAIN_NAME = re.compile(r"(?!.*--)(?!.*-$)[a-z][a-z0-9-]{0,30}", re.ASCII)


class AssetsDisagree(ProofRefused):
    """Sums or ranges of green assets contradict each other."""

    code = "assets-disagree"


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterStanding:
    """What the registry says of a center.

    Attributes:
        operator: the account that votes.
        is_active: whether it votes, and counts for the quorum.
        is_within_term: whether its term has begun and is not over.
    """

    operator: Address
    is_active: bool = True
    is_within_term: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStanding:
    """What the registry says of a member.

    Attributes:
        account: that signs for it today; NOBODY where its center took the last one and gave no other.
        is_certifier: whether that is among its roles.
        is_vouched: whether its center vouches for it today, within its term.
    """

    account: Address
    is_certifier: bool = False
    is_vouched: bool = True


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What the contracts ask of the registry and of the anchored logs.

    Attributes:
        roots: anchored, by center and tree size.
        voting_period_s: seconds that a round of votes is open.
    """

    centers: dict[CenterId, CenterStanding] = field(default_factory=dict)
    members: dict[MemberName, MemberStanding] = field(default_factory=dict)
    roots: dict[tuple[CenterId, TreeSize], RootHash] = field(default_factory=dict)
    voting_period_s: int = 7 * DAY_S

    def member_of(self, account: Address) -> MemberName | None:
        """Whose account it is today."""
        if account == NOBODY:
            return None
        return next((name for name, member in self.members.items() if member.account == account), None)

    def account_of(self, name: MemberName) -> Address:
        """The account that signs for a member today; NOBODY where none does."""
        member = self.members.get(name)
        return NOBODY if member is None else member.account

    def is_center_in_good_standing(self, center: CenterId) -> bool:
        """Whether a center is active and within its term."""
        found = self.centers.get(center)
        return found is not None and found.is_active and found.is_within_term

    def is_member(self, account: Address) -> bool:
        """Whether a center in good standing vouches for the account's member today."""
        name = self.member_of(account)
        return name is not None and self.members[name].is_vouched and self.is_center_in_good_standing(name.center)

    def is_certifier(self, account: Address) -> bool:
        """Whether it is a member in good standing with that role."""
        name = self.member_of(account)
        return name is not None and self.members[name].is_certifier and self.is_member(account)

    def quorum(self) -> int:
        """Votes that carry a motion: two thirds of the active centers, rounded up."""
        return -(-2 * len(self.active_centers()) // 3)

    def active_centers(self) -> set[CenterId]:
        """Centers whose votes count."""
        return {name for name, center in self.centers.items() if center.is_active}


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A statement that counts.

    Attributes:
        holder: the member whose account it named.
        admitted_at: unix seconds.
    """

    statement: EvidenceStatement
    holder: MemberName
    admitted_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRecord:
    """Whose an attribute of a lot is, and the weakest model told of it."""

    holder: MemberName
    facility: str
    custody: CustodyModel


@dataclass(slots=True, kw_only=True)
class Counted:
    """What one asker of the register had admitted, and what that uses up for it.

    Attributes:
        lots: by attribute and SHA-256 of the lot.
        vintages: days counted, first and last, by the same.
        serials: serials counted, first and last, by the registry that gave them.
    """

    evidence: dict[bytes, Admitted] = field(default_factory=dict)
    lots: dict[tuple[str, bytes], LotRecord] = field(default_factory=dict)
    vintages: dict[tuple[str, bytes], list[tuple[int, int]]] = field(default_factory=dict)
    serials: dict[str, list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Votes on one motion; `expires_at` in unix seconds."""

    expires_at: int
    voters: frozenset[CenterId]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetEvent:
    """What a step told, for whoever rebuilds the sums.

    Attributes:
        name: of the contract's event: Issued, Moved (a transfer between members, or of units that follow a key), Escrowed,
            Accepted, Returned, Retired, Cancelled.
        account: whose units they were; of Issued whose they became.
        receiver: of Moved and Accepted who has them now, of Returned the seller's account of today; otherwise None.
    """

    name: str
    token: bytes
    class_id: str
    account: Address
    quantity: int
    receiver: Address | None = None


@dataclass(slots=True, kw_only=True)
class AssetWorld:
    """Both contracts.

    Attributes:
        domain: of the `EvidenceRegister`.
        green_asset: address of the `GreenAsset`.
        now: unix seconds.
        counted: what each asker of the register had admitted: the `GreenAsset`, and whoever asked for itself.
        certifiers: whose the certifier's account was when a statement was first admitted, for whomever.
        revocations: reasons by digest; also of statements that were never admitted.
        names: whose an account is: who had it when it first got units, or showed its key since.
        events: all that was told, oldest first.
    """

    domain: Domain
    green_asset: Address
    now: int
    around: Surroundings = field(default_factory=Surroundings)
    counted: dict[Address, Counted] = field(default_factory=dict)
    certifiers: dict[bytes, MemberName] = field(default_factory=dict)
    revocations: dict[bytes, str] = field(default_factory=dict)
    classes: dict[str, AssetClass] = field(default_factory=dict)
    class_totals: dict[str, Totals] = field(default_factory=dict)
    issuances: dict[bytes, IssuanceFacts] = field(default_factory=dict)
    holdings: dict[tuple[Address, bytes], HoldingFacts] = field(default_factory=dict)
    escrows: dict[bytes, EscrowFacts] = field(default_factory=dict)
    retirements: dict[bytes, RetirementFacts] = field(default_factory=dict)
    approvals: set[tuple[Address, Address]] = field(default_factory=set)
    names: dict[Address, MemberName] = field(default_factory=dict)
    rounds: dict[Hashable, Round] = field(default_factory=dict)
    is_paused: bool = False
    events: list[AssetEvent] = field(default_factory=list)

    # ---- centers ----

    def vote_class(self, operator: Address, asset_class: AssetClass) -> None:
        """A center's vote for a class; the one that completes the quorum admits it.

        Raises:
            AssetRefused: as every step here, with the contract's error.
        """
        self._check_class(asset_class)
        if self._take_vote(("class", asset_class), operator):
            self.classes[asset_class.id] = asset_class
            self.class_totals[asset_class.id] = Totals(issued=0, escrowed=0, retired=0, cancelled=0)

    def vote_pause(self, operator: Address, should_pause: bool) -> None:
        """A center's vote to stop all movements, or to let them go on."""
        if self.is_paused == should_pause:
            raise AssetRefused("PauseUnchanged", should_pause)
        if self._take_vote(("pause", should_pause), operator):
            self.is_paused = should_pause

    def vote_revocation(self, operator: Address, digest: bytes, reason: str) -> None:
        """A center's vote to revoke an admitted statement."""
        if digest not in self.certifiers:
            raise AssetRefused("UnknownEvidence", digest)
        if digest in self.revocations:
            raise AssetRefused("Revoked", digest)
        _check_reason(reason)
        if self._take_vote(("revocation", digest), operator):
            self.revocations[digest] = reason

    # ---- evidence ----

    def admit(self, caller: Address, statement: EvidenceStatement, signature: bytes, inclusion: Inclusion) -> bytes:
        """Admits a statement for the caller, or does nothing where it is admitted and its certifier is one still; the digest."""
        digest = self._check_admission(caller, statement, signature, inclusion)
        self._keep_evidence(caller, digest, statement)
        return digest

    def revoke(self, caller: Address, statement: EvidenceStatement, reason: str) -> None:
        """Revokes a statement, admitted or not yet, as its certifier."""
        digest = statement.digest(self.domain)
        known = self.certifiers.get(digest)
        certifier = statement.certifier if known is None else self.around.account_of(known)
        if caller != certifier:
            raise AssetRefused("NotItsCertifier", digest, caller)
        if digest in self.revocations:
            raise AssetRefused("Revoked", digest)
        _check_reason(reason)
        self.revocations[digest] = reason

    # ---- members ----

    def issue(
        self, caller: Address, statement: EvidenceStatement, signature: bytes, inclusion: Inclusion, quantity: int
    ) -> bytes:
        """Issues units out of a statement, admitting it where it is new; the token."""
        self._expect_moving(quantity)
        member = self._expect_member(caller)
        token = self._check_admission(self.green_asset, statement, signature, inclusion)
        admitted = self.evidence.get(token)
        holder = self.around.member_of(statement.holder) if admitted is None else admitted.holder
        if member != holder:
            raise AssetRefused("NotItsHolder", token, caller)
        issuance = self.issuances.get(token) or self._new_issuance(token, statement)
        left = issuance.evidenced - issuance.totals.issued
        if quantity > left:
            raise AssetRefused("MoreThanEvidenced", token, left, quantity)
        self._keep_evidence(self.green_asset, token, statement)
        self.issuances.setdefault(token, issuance)
        self._count(token, issued=quantity)
        self._hold(caller, token, tradable=quantity)
        self._remember(caller, caller)
        self._tell("Issued", token, caller, quantity)
        return token

    def transfer(self, caller: Address, sender: Address, receiver: Address, token: bytes, quantity: int) -> None:
        """Moves tradable units to another member."""
        if caller != sender:
            self._expect_member(caller)
        self._expect_member(sender)
        self._expect_member(receiver)
        self._expect_tradable(token, quantity)
        self._expect_units(sender, token, quantity)
        self._expect_its(receiver, caller)
        if caller != sender and (sender, caller) not in self.approvals:
            raise AssetRefused("ERC1155MissingApprovalForAll", caller, sender)
        self._move(caller, sender, receiver, token, quantity)

    def approve(self, caller: Address, operator: Address, is_approved: bool) -> None:
        """Lets a member move all that the caller has, or no longer."""
        if not is_approved:
            self.approvals.discard((caller, operator))
            return
        if self.is_paused:
            raise AssetRefused("Paused")
        self._expect_member(caller)
        self._expect_member(operator)
        self.approvals.add((caller, operator))

    def escrow(self, caller: Address, *, token: bytes, quantity: int, buyer: Address, line_digest: bytes, deadline: int) -> bytes:
        """Sets units aside for a buyer until `deadline` (unix seconds); the escrow's id."""
        self._expect_member(caller)
        self._expect_tradable(token, quantity)
        self._expect_member(buyer)
        if buyer == caller:
            raise AssetRefused("OwnBuyer", buyer)
        if line_digest == NO_DIGEST:
            raise AssetRefused("ZeroLineDigest")
        if not self.now < deadline <= self.now + MAX_ESCROW_S:
            raise AssetRefused("InvalidDeadline", deadline)
        self._expect_units(caller, token, quantity)
        escrow_id = escrow_id_of(caller, buyer, line_digest)
        if escrow_id in self.escrows:
            raise AssetRefused("EscrowExists", escrow_id)
        self._remember(buyer, caller)
        self.escrows[escrow_id] = EscrowFacts(
            id=escrow_id,
            seller=caller,
            buyer=buyer,
            token=token,
            quantity=quantity,
            deadline=_time(deadline),
            state=EscrowState.OPEN,
            line_digest=line_digest,
        )
        self._hold(caller, token, tradable=-quantity, escrowed=quantity)
        self._count(token, escrowed=quantity)
        self._tell("Escrowed", token, caller, quantity)
        return escrow_id

    def accept(self, caller: Address, escrow_id: bytes) -> None:
        """The buyer takes the units."""
        escrow = self._open_escrow(escrow_id)
        if caller != self._account_of_today(escrow.buyer):
            raise AssetRefused("NotItsBuyer", escrow_id, caller)
        if self.now >= escrow.deadline.timestamp():
            raise AssetRefused("DeadlineOver", escrow_id, int(escrow.deadline.timestamp()))
        self._expect_tradable(escrow.token, escrow.quantity)
        self._expect_member(caller)
        self._remember(caller, caller)
        self._end_escrow(escrow, EscrowState.ACCEPTED, caller)

    def give_back(self, caller: Address, escrow_id: bytes) -> None:
        """The seller has the units again: by the buyer at any time, by anyone once the deadline is over."""
        escrow = self._open_escrow(escrow_id)
        if caller != self._account_of_today(escrow.buyer) and self.now < escrow.deadline.timestamp():
            raise AssetRefused("DeadlineNotOver", escrow_id, int(escrow.deadline.timestamp()))
        self._expect_issued(escrow.token, escrow.quantity)
        account = self._account_of_today(escrow.seller)
        self._expect_member(account)
        self._remember(account, caller)
        self._end_escrow(escrow, EscrowState.RETURNED, account)

    def retire(
        self,
        caller: Address,
        *,
        token: bytes,
        quantity: int,
        claimant: Address,
        beneficiary: bytes,
        claim_from: date,
        claim_to: date,
        lot: bytes,
        line_digest: bytes,
        ref: bytes,
    ) -> bytes:
        """Claims units for ever; the retirement's id."""
        self._expect_member(caller)
        issuance = self._expect_issued(token, quantity)
        earliest = day_number(issuance.vintage_from)
        latest = day_number(issuance.vintage_to) + self.classes[issuance.class_id].claim_days
        first, last = day_number(claim_from), day_number(claim_to)
        if not earliest <= first <= last <= latest:
            raise AssetRefused("InvalidClaimPeriod", first, last, earliest, latest)
        if lot != issuance.lot:
            raise AssetRefused("LotDiffers", token, lot)
        if beneficiary == NO_DIGEST:
            raise AssetRefused("ZeroBeneficiary")
        if claimant != caller:
            self._expect_member(claimant)
        self._expect_units(caller, token, quantity)
        named = retirement_id(caller, ref)
        if named in self.retirements:
            raise AssetRefused("RetirementExists", named)
        self.retirements[named] = RetirementFacts(
            id=named,
            holder=caller,
            claimant=claimant,
            token=token,
            quantity=quantity,
            beneficiary=beneficiary,
            claim_from=claim_from,
            claim_to=claim_to,
            lot=lot,
            line_digest=line_digest,
            ref=ref,
            retired_at=_time(self.now),
        )
        self._hold(caller, token, tradable=-quantity, retired=quantity)
        self._count(token, retired=quantity)
        self._tell("Retired", token, caller, quantity)
        return named

    def cancel(self, caller: Address, token: bytes, quantity: int, reason: str) -> None:
        """Takes units out of the world without a claim, for ever."""
        self._expect_member(caller)
        self._expect_issued(token, quantity)
        _check_reason(reason)
        self._expect_units(caller, token, quantity)
        self._hold(caller, token, tradable=-quantity, cancelled=quantity)
        self._count(token, cancelled=quantity)
        self._tell("Cancelled", token, caller, quantity)

    def follow_key(self, caller: Address, previous: Address, token: bytes) -> None:
        """Brings a member's tradable units from the account that it had before."""
        self._expect_member(caller)
        if caller == previous or caller != self._account_of_today(previous):
            raise AssetRefused("NotItsFormerAccount", previous, caller)
        quantity = self.holding(previous, token).tradable
        self._expect_issued(token, quantity)
        self._move(caller, previous, caller, token, quantity)

    # ---- questions ----

    def counted_for(self, asker: Address) -> Counted:
        """What an asker had admitted, and what that uses up."""
        return self.counted.get(asker) or Counted()

    @property
    def evidence(self) -> Mapping[bytes, Admitted]:
        """What was admitted for the `GreenAsset`, by its digest."""
        return self.counted_for(self.green_asset).evidence

    def holding(self, account: Address, token: bytes) -> HoldingFacts:
        """What an account has of an issuance."""
        nothing = HoldingFacts(account=account, token=token, tradable=0, escrowed=0, retired=0, cancelled=0)
        return self.holdings.get((account, token), nothing)

    def challenge(self, named: bytes) -> str | None:
        """Why the evidence behind a retirement was revoked since; None where it was not, or there is no such retirement."""
        retired = self.retirements.get(named)
        return None if retired is None else self.revocations.get(retired.token)

    def check(self) -> None:
        """Whether all sums and ranges are as they must be; a step never makes this fail.

        Raises:
            AssetsDisagree: they are not; says where and how.
        """
        for token, issuance in self.issuances.items():
            self._check_issuance(token, issuance)
        for class_id, told in self.class_totals.items():
            _expect_equal(told, _sum(one.totals for one in self.issuances.values() if one.class_id == class_id), class_id)
        for counted in self.counted.values():
            for ranges in (*counted.vintages.values(), *counted.serials.values()):
                for before, after in pairwise(sorted(ranges)):
                    _expect(before[1] < after[0], "Ranges that were counted overlap.")
        told_of = totals_of(self.events)
        _expect(told_of.keys() == self.issuances.keys(), "Units were issued that nobody told of.")
        for token, issuance in self.issuances.items():
            _expect_equal(issuance.totals, told_of[token], encode_hex(token))
        held = {place: facts for place, facts in self.holdings.items() if facts != _nothing_at(place)}
        _expect(held == holdings_of(self.events), "Accounts hold what the events do not tell.")

    # ---- what must be ----

    def _check_issuance(self, token: bytes, issuance: IssuanceFacts) -> None:
        totals, told = issuance.totals, encode_hex(token)
        admitted = self.evidence.get(token)
        _expect(admitted is not None and admitted.statement.quantity == issuance.evidenced, f"{told} has no such evidence.")
        _expect(totals.issued <= issuance.evidenced, f"Of {told} more was issued than evidenced.")
        held = [facts for (_, of), facts in self.holdings.items() if of == token]
        _expect(totals.tradable == sum(facts.tradable for facts in held), f"Of {told} accounts hold more or less than is left.")
        _expect(
            all(min(facts.tradable, facts.escrowed, facts.retired, facts.cancelled) >= 0 for facts in held),
            f"Of {told} an account holds less than nothing.",
        )
        by_account = Totals(
            issued=totals.issued,
            escrowed=sum(facts.escrowed for facts in held),
            retired=sum(facts.retired for facts in held),
            cancelled=sum(facts.cancelled for facts in held),
        )
        _expect_equal(totals, by_account, told)
        open_escrows = [one for one in self.escrows.values() if one.token == token and one.state is EscrowState.OPEN]
        retired = [one for one in self.retirements.values() if one.token == token]
        _expect(totals.escrowed == sum(one.quantity for one in open_escrows), f"Of {told} escrows are not what waits in them.")
        _expect(totals.retired == sum(one.quantity for one in retired), f"Of {told} retirements are not what was retired.")

    def _check_class(self, asset_class: AssetClass) -> None:
        if _NAME.fullmatch(asset_class.id) is None:
            raise AssetRefused("InvalidClass", "id")
        if asset_class.id in self.classes:
            raise AssetRefused("ClassExists", name_word(asset_class.id))
        for is_right, name in (
            (_NAME.fullmatch(asset_class.attribute) is not None, "attribute"),
            (0 <= asset_class.claim_days <= MAX_CLAIM_DAYS, "claimDays"),
            (1 <= len(asset_class.name.encode()) <= MAX_CLASS_NAME_BYTES, "name"),
        ):
            if not is_right:
                raise AssetRefused("InvalidClass", name)

    def _check_admission(self, asker: Address, statement: EvidenceStatement, signature: bytes, inclusion: Inclusion) -> bytes:
        """The digest of a statement that may be admitted, or is."""
        digest = statement.digest(self.domain)
        if digest in self.revocations:
            raise AssetRefused("Revoked", digest)
        if digest in self.counted_for(asker).evidence:
            self._expect_certifier(self.around.account_of(self.certifiers[digest]), statement.holder)
            return digest
        first, last = day_number(statement.vintage_from), day_number(statement.vintage_to)
        if self.now < (last + 1) * DAY_S or last - first >= MAX_VINTAGE_DAYS:
            raise AssetRefused("InvalidVintage", first, last)
        origin = statement.origin
        if origin is not None:
            if _PLAIN_NAME.fullmatch(origin.registry) is None:
                raise AssetRefused("InvalidName", name_word(origin.registry))
            if origin.serial_to - origin.serial_from >= MAX_SERIALS:
                raise AssetRefused("InvalidSerials", origin.serial_from, origin.serial_to)
        self._expect_certifier(statement.certifier, statement.holder)
        if signer_of(digest, signature) != statement.certifier:
            raise AssetRefused("InvalidCertifierSignature", digest, statement.certifier)
        self._check_inclusion(digest, statement, inclusion)
        holder = self.around.member_of(statement.holder)
        if holder is None:
            raise AssetRefused("UnknownHolder", digest, statement.holder)
        self._check_counted(self.counted_for(asker), statement, holder)
        return digest

    def _expect_certifier(self, certifier: Address, holder: Address) -> None:
        if certifier == holder:
            raise AssetRefused("OwnCertifier", certifier)
        if not self.around.is_certifier(certifier):
            raise AssetRefused("NotCertifier", certifier)

    def _check_inclusion(self, digest: bytes, statement: EvidenceStatement, inclusion: Inclusion) -> None:
        center, size = statement.center, inclusion.tree_size
        if not self.around.is_center_in_good_standing(center):
            raise AssetRefused("CenterNotInGoodStanding", center_key(center))
        root = self.around.roots.get((center, size))
        if root is None:
            raise AssetRefused("NotAnchored", center_key(center), size)
        try:
            verify_inclusion(
                leaf=leaf_hash(evidence_entry(statement, self.domain).encode()),
                index=inclusion.leaf_index,
                tree_size=size,
                proof=inclusion.hashes,
                root=root,
            )
        except InclusionRefused as error:
            raise AssetRefused("NotIncluded", digest, center_key(center), size, inclusion.leaf_index) from error

    def _check_counted(self, counted: Counted, statement: EvidenceStatement, holder: MemberName) -> None:
        """Whether the lot, the serials and the custody model may be counted."""
        lot = _lot_of(statement)
        known = counted.lots.get((statement.attribute, lot))
        if known is not None and (known.holder, known.facility) != (holder, statement.facility):
            raise AssetRefused("LotOfAnother", name_word(statement.attribute), lot)
        if known is not None and not known.custody.may_become(statement.custody_model):
            raise AssetRefused("CustodyUpgraded", lot, int(known.custody), int(statement.custody_model))
        days = (day_number(statement.vintage_from), day_number(statement.vintage_to))
        if lot != NO_DIGEST and _overlaps(days, counted.vintages.get((statement.attribute, lot), ())):
            raise AssetRefused("LotCounted", name_word(statement.attribute), lot, *days)
        origin = statement.origin
        if origin is not None:
            serials = (origin.serial_from, origin.serial_to)
            if _overlaps(serials, counted.serials.get(origin.registry, ())):
                raise AssetRefused("SerialsCounted", name_word(origin.registry), *serials)

    def _keep_evidence(self, asker: Address, digest: bytes, statement: EvidenceStatement) -> None:
        certifier, holder = self.around.member_of(statement.certifier), self.around.member_of(statement.holder)
        if digest in self.counted_for(asker).evidence or certifier is None or holder is None:
            return
        counted = self.counted.setdefault(asker, Counted())
        counted.evidence[digest] = Admitted(statement=statement, holder=holder, admitted_at=self.now)
        self.certifiers.setdefault(digest, certifier)
        lot = _lot_of(statement)
        if lot != NO_DIGEST:
            key = (statement.attribute, lot)
            days = (day_number(statement.vintage_from), day_number(statement.vintage_to))
            counted.vintages.setdefault(key, []).append(days)
            counted.lots[key] = LotRecord(holder=holder, facility=statement.facility, custody=statement.custody_model)
        if statement.origin is not None:
            serials = (statement.origin.serial_from, statement.origin.serial_to)
            counted.serials.setdefault(statement.origin.registry, []).append(serials)

    def _new_issuance(self, token: bytes, statement: EvidenceStatement) -> IssuanceFacts:
        asset_class = self.classes.get(statement.class_id)
        if asset_class is None:
            raise AssetRefused("UnknownClass", name_word(statement.class_id))
        for is_same, name in (
            (statement.attribute == asset_class.attribute, "attribute"),
            (statement.unit.code == asset_class.unit.code, "unit"),
            (statement.unit.decimals == asset_class.unit.decimals, "decimals"),
            (statement.custody_model.may_become(asset_class.custody_model), "custodyModel"),
        ):
            if not is_same:
                raise AssetRefused("ClassDiffers", name_word(asset_class.id), name)
        return IssuanceFacts(
            token=token,
            class_id=statement.class_id,
            evidenced=statement.quantity,
            totals=Totals(issued=0, escrowed=0, retired=0, cancelled=0),
            lot=_lot_of(statement),
            vintage_from=statement.vintage_from,
            vintage_to=statement.vintage_to,
            custody_model=statement.custody_model,
            revoked=None,
        )

    # ---- who may, and what may move ----

    def _expect_member(self, account: Address) -> MemberName:
        """Whose account it is: a member's whom its center vouches for today, in whatever role."""
        name = self.around.member_of(account)
        if name is None or account == self.green_asset or not self.around.is_member(account):
            raise AssetRefused("NotMember", account)
        return name

    def _account_of_today(self, account: Address) -> Address:
        """The account of today of the member whose this one is known to be; this one itself where none is known."""
        name = self.names.get(account)
        return account if name is None else self.around.account_of(name)

    def _remember(self, account: Address, caller: Address) -> None:
        self.names[account] = self._expect_its(account, caller)

    def _expect_its(self, account: Address, caller: Address) -> MemberName:
        """Whose an account is. Only its own key shows that it is another member's than it was."""
        member = self._expect_member(account)
        if self.names.get(account, member) != member and account != caller:
            raise AssetRefused("AccountOfAnother", account)
        return member

    def _expect_moving(self, quantity: int) -> None:
        if quantity == 0:
            raise AssetRefused("ZeroQuantity")
        if self.is_paused:
            raise AssetRefused("Paused")

    def _expect_issued(self, token: bytes, quantity: int) -> IssuanceFacts:
        self._expect_moving(quantity)
        issuance = self.issuances.get(token)
        if issuance is None:
            raise AssetRefused("UnknownIssuance", int.from_bytes(token, "big"))
        if token in self.revocations:
            raise AssetRefused("Frozen", int.from_bytes(token, "big"))
        return issuance

    def _expect_tradable(self, token: bytes, quantity: int) -> None:
        class_id = self._expect_issued(token, quantity).class_id
        if not self.classes[class_id].is_tradable:
            raise AssetRefused("NotTradable", name_word(class_id))

    def _expect_units(self, account: Address, token: bytes, asked: int) -> None:
        tradable = self.holding(account, token).tradable
        if tradable < asked:
            raise AssetRefused("TooFewUnits", int.from_bytes(token, "big"), account, tradable, asked)

    def _open_escrow(self, escrow_id: bytes) -> EscrowFacts:
        escrow = self.escrows.get(escrow_id)
        if escrow is None:
            raise AssetRefused("UnknownEscrow", escrow_id)
        if escrow.state is not EscrowState.OPEN:
            raise AssetRefused("EscrowEnded", escrow_id)
        return escrow

    def _voting_center(self, operator: Address) -> CenterId:
        for name, center in self.around.centers.items():
            if center.operator == operator and center.is_active:
                return name
        raise AssetRefused("NotActiveOperator", operator)

    def _take_vote(self, motion: Hashable, operator: Address) -> bool:
        """Takes a vote; whether it completes the quorum."""
        center = self._voting_center(operator)
        found = self.rounds.get(motion)
        if found is None or self.now >= found.expires_at:
            found = Round(expires_at=self.now + self.around.voting_period_s, voters=frozenset())
        is_again = center in found.voters
        found = replace(found, voters=found.voters | {center})
        is_carried = len(found.voters & self.around.active_centers()) >= self.around.quorum()
        if is_again and not is_carried:
            # The contract's name of a motion is a hash over its bytes, which nobody reads.
            raise AssetRefused("VotedAlready", b"", center_key(center))
        self.rounds[motion] = replace(found, expires_at=0) if is_carried else found
        return is_carried

    # ---- what changes ----

    def _end_escrow(self, escrow: EscrowFacts, state: EscrowState, receiver: Address) -> None:
        self.escrows[escrow.id] = replace(escrow, state=state)
        self._hold(escrow.seller, escrow.token, escrowed=-escrow.quantity)
        self._hold(receiver, escrow.token, tradable=escrow.quantity)
        self._count(escrow.token, escrowed=-escrow.quantity)
        name = "Accepted" if state is EscrowState.ACCEPTED else "Returned"
        self._tell(name, escrow.token, escrow.seller, escrow.quantity, receiver)

    def _move(self, caller: Address, sender: Address, receiver: Address, token: bytes, quantity: int) -> None:
        self._remember(receiver, caller)
        self._hold(sender, token, tradable=-quantity)
        self._hold(receiver, token, tradable=quantity)
        self._tell("Moved", token, sender, quantity, receiver)

    def _hold(
        self, account: Address, token: bytes, *, tradable: int = 0, escrowed: int = 0, retired: int = 0, cancelled: int = 0
    ) -> None:
        facts = self.holding(account, token)
        self.holdings[account, token] = replace(
            facts,
            tradable=facts.tradable + tradable,
            escrowed=facts.escrowed + escrowed,
            retired=facts.retired + retired,
            cancelled=facts.cancelled + cancelled,
        )

    def _count(self, token: bytes, *, issued: int = 0, escrowed: int = 0, retired: int = 0, cancelled: int = 0) -> None:
        change = Totals(issued=issued, escrowed=escrowed, retired=retired, cancelled=cancelled)
        issuance = self.issuances[token]
        self.issuances[token] = replace(issuance, totals=_sum((issuance.totals, change)))
        self.class_totals[issuance.class_id] = _sum((self.class_totals[issuance.class_id], change))

    def _tell(self, name: str, token: bytes, account: Address, quantity: int, receiver: Address | None = None) -> None:
        class_id = self.issuances[token].class_id
        self.events.append(
            AssetEvent(name=name, token=token, class_id=class_id, account=account, quantity=quantity, receiver=receiver)
        )


def escrow_id_of(seller: Address, buyer: Address, line_digest: bytes) -> bytes:
    """keccak256(abi.encode(seller, buyer, lineDigest)): one escrow for a line between two members, ever; 32 bytes.

    Raises:
        NotEncodable: a value has another length.
    """
    return keccak256(word("address", seller) + word("address", buyer) + word("bytes32", line_digest))


def totals_of(events: Iterable[AssetEvent]) -> dict[bytes, Totals]:
    """Sums of each token as its events tell them."""
    sums: dict[bytes, Totals] = {}
    for event in events:
        one = event.quantity
        change = _CHANGES.get(event.name)
        if change is not None:
            issued, escrowed, retired, cancelled = (one * sign for sign in change)
            told = Totals(issued=issued, escrowed=escrowed, retired=retired, cancelled=cancelled)
            sums[event.token] = _sum((sums[event.token], told)) if event.token in sums else told
    return sums


def holdings_of(events: Iterable[AssetEvent]) -> dict[tuple[Address, bytes], HoldingFacts]:
    """What accounts have as events tell it; those that have, and had, nothing are left out."""
    found: dict[tuple[Address, bytes], HoldingFacts] = {}

    def add(account: Address, token: bytes, tradable: int, change: Sequence[int]) -> None:
        facts = found.get((account, token), _nothing_at((account, token)))
        found[account, token] = replace(
            facts,
            tradable=facts.tradable + tradable,
            escrowed=facts.escrowed + change[1],
            retired=facts.retired + change[2],
            cancelled=facts.cancelled + change[3],
        )

    for event in events:
        change = [event.quantity * sign for sign in _CHANGES.get(event.name, (0, 0, 0, 0))]
        add(event.account, event.token, event.quantity * _TRADABLE[event.name], change)
        if event.receiver is not None:
            add(event.receiver, event.token, event.quantity, (0, 0, 0, 0))
    return {place: facts for place, facts in found.items() if facts != _nothing_at(place)}


_CHANGES: Mapping[str, tuple[int, int, int, int]] = {
    "Issued": (1, 0, 0, 0),
    "Escrowed": (0, 1, 0, 0),
    "Accepted": (0, -1, 0, 0),
    "Returned": (0, -1, 0, 0),
    "Retired": (0, 0, 1, 0),
    "Cancelled": (0, 0, 0, 1),
}
"""What each event adds to what is issued, escrowed, retired and cancelled."""
_TRADABLE: Mapping[str, int] = {
    "Issued": 1,
    "Moved": -1,
    "Escrowed": -1,
    "Accepted": 0,
    "Returned": 0,
    "Retired": -1,
    "Cancelled": -1,
}
"""What each event adds to the tradable units of its account."""


def _nothing_at(place: tuple[Address, bytes]) -> HoldingFacts:
    return HoldingFacts(account=place[0], token=place[1], tradable=0, escrowed=0, retired=0, cancelled=0)


def _lot_of(statement: EvidenceStatement) -> bytes:
    return NO_DIGEST if statement.lot is None else text_digest(statement.lot)


def _overlaps(one: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(one[0] <= other[1] and other[0] <= one[1] for other in others)


def _check_reason(reason: str) -> None:
    if not 1 <= len(reason.encode()) <= MAX_REASON_BYTES:
        raise AssetRefused("InvalidReason")


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _sum(parts: Iterable[Totals]) -> Totals:
    total = Totals(issued=0, escrowed=0, retired=0, cancelled=0)
    for part in parts:
        total = Totals(
            issued=total.issued + part.issued,
            escrowed=total.escrowed + part.escrowed,
            retired=total.retired + part.retired,
            cancelled=total.cancelled + part.cancelled,
        )
    return total


def _expect(is_so: bool, detail: str) -> None:
    if not is_so:
        raise AssetsDisagree(detail)


def _expect_equal(told: Totals, summed: Totals, what: str) -> None:
    _expect(told == summed, f"The sums of {what} are told as {told}, and are {summed}.")
