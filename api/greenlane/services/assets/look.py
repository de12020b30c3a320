"""What is shown of green assets: the read model of the chain, and acts on their way to it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenlane.core.assets.facts import AssetClass, EscrowFacts, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.documents.description import MemberName
from greenlane.core.errors import NotFound
from greenlane.core.units import Address, CenterId, MemberId
from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.asset_index import FollowedTo
from greenlane.ports.asset_ledger import ChainMember
from greenlane.ports.evidence_index import KeptEvidence
from greenlane.ports.ledger import LedgerUnavailable
from greenlane.ports.purchases import KeptRetirement
from greenlane.ports.store import Store, Transaction
from greenlane.services.assets.acting import require_act
from greenlane.services.assets.escrow import EscrowUnknown
from greenlane.services.assets.issue import STALE
from greenlane.services.assets.members import Members
from greenlane.services.assets.pauses import Pauses
from greenlane.services.assets.tokens import AssetClassUnknown, AssetUnknown

_ACTS_A_PAGE = 500


class RetirementMissing(NotFound):
    """No such retirement is known, as far as the chain was followed."""

    code = "retirement-missing"
    default_remedy = "Compare the id; what was retired a moment ago is known after a block or two."


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Classes with their sums.

    Attributes:
        evidenced: what certifiers stated for each class in all, as far as it is issued out of; None where it was not added up.
        followed: how far the chain was followed for them; None before the first time.
        is_paused: whether the centers have stopped all movements; None where nobody can tell now.
    """

    classes: Sequence[tuple[AssetClass, Totals]]
    evidenced: Mapping[str, int] | None
    followed: FollowedTo | None
    is_paused: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAsset:
    """An issuance.

    Attributes:
        evidence: the statement, where it is kept here.
    """

    facts: IssuanceFacts
    asset_class: AssetClass
    evidence: KeptEvidence | None
    followed: FollowedTo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownHolding:
    """What an account has of a token."""

    holding: HoldingFacts
    issuance: IssuanceFacts
    asset_class: AssetClass


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEscrow:
    """An escrow; seller and buyer are None where nobody can say whose accounts these are."""

    facts: EscrowFacts
    asset_class: AssetClass
    seller: ChainMember | None
    buyer: ChainMember | None
    line: tuple[str, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRetirement:
    """A retirement.

    Attributes:
        challenged: why the evidence behind it was revoked; None while it stands.
        certified: its certificate's statement, where this center made one.
    """

    facts: RetirementFacts
    asset_class: AssetClass
    challenged: str | None
    certified: KeptRetirement | None
    followed: FollowedTo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAct:
    """An act, and the digest of the one that was made in its place; None where none was."""

    act: KeptAct
    replaced_by: bytes | None


class Look:
    """The use case: read only; the chain is asked for names of members, and whether it is paused, alone."""

    def __init__(self, *, store: Store, members: Members, pauses: Pauses) -> None:
        self._store = store
        self._members = members
        self._pauses = pauses

    def supply(self, *, most_issuances: int = 0) -> Supply:
        """Every class with its sums.

        Args:
            most_issuances: what is evidenced is added up where there are no more issuances than this.
        """
        is_paused = self._pauses.is_paused()
        with self._store.read() as tx:
            return Supply(
                is_paused=is_paused,
                classes=tx.assets.classes(),
                evidenced=_evidenced(tx, most_issuances),
                followed=tx.assets.followed_to(),
            )

    def asset_class(self, class_id: str) -> tuple[AssetClass, Totals, FollowedTo | None]:
        """One class.

        Raises:
            AssetClassUnknown: there is none, as far as the chain was followed.
        """
        with self._store.read() as tx:
            followed = tx.assets.followed_to()
            for each, totals in tx.assets.classes():
                if each.id == class_id:
                    return each, totals, followed
        raise AssetClassUnknown(f"There is no class {class_id[:40]!r}.")

    def asset(self, token: bytes) -> ShownAsset:
        """One issuance.

        Raises:
            AssetUnknown: nothing was issued under that token.
        """
        with self._store.read() as tx:
            facts = tx.assets.issuance(token)
            asset_class = None if facts is None else tx.assets.asset_class(facts.class_id)
            if facts is None or asset_class is None:
                raise AssetUnknown(f"Nothing was issued under {encode_hex(token)}.")
            evidence = tx.evidence.get(token)
            return ShownAsset(
                facts=facts,
                asset_class=asset_class,
                evidence=None if evidence is None or not evidence.is_signed else evidence,
                followed=tx.assets.followed_to(),
            )

    def holders(self, token: bytes, *, after: Address | None, limit: int) -> tuple[AssetClass, Sequence[HoldingFacts]]:
        """Who has or had units of a token, by account.

        Raises:
            AssetUnknown: nothing was issued under it.
        """
        with self._store.read() as tx:
            facts = tx.assets.issuance(token)
            asset_class = None if facts is None else tx.assets.asset_class(facts.class_id)
            if asset_class is None:
                raise AssetUnknown(f"Nothing was issued under {encode_hex(token)}.")
            return asset_class, tx.assets.holders_of(token, after=after, limit=limit)

    def name_of(self, account: Address) -> ChainMember | None:
        """Whose account it is; None where nobody's, or where nobody can tell now."""
        try:
            return self._members.at(account)
        except LedgerUnavailable:
            return None

    def account_of(self, center: CenterId, member: MemberId) -> Address:
        """The account of a member as it was known some seconds ago.

        Raises:
            NotFound: the registry knows no such member.
            LedgerUnavailable: the chain is away, and the member was never looked up.
        """
        return self._members.known(MemberName(center=center, member=member)).account

    def holdings(self, account: Address, *, after: bytes | None, limit: int) -> Sequence[ShownHolding]:
        """What an account has or had, by token."""
        with self._store.read() as tx:
            shown: list[ShownHolding] = []
            for holding in tx.assets.holdings_of(account, after=after, limit=limit):
                issuance = tx.assets.issuance(holding.token)
                asset_class = None if issuance is None else tx.assets.asset_class(issuance.class_id)
                if issuance is not None and asset_class is not None:
                    shown.append(ShownHolding(holding=holding, issuance=issuance, asset_class=asset_class))
            return shown

    def escrow(self, escrow_id: bytes, *, center: CenterId, member: MemberId | None) -> ShownEscrow:
        """An escrow, to its parties.

        Args:
            center, member: who asks; member None: the whole center.

        Raises:
            EscrowUnknown: there is none, or the asker is no party to it.
            LedgerUnavailable: nobody can tell whose accounts these are.
        """
        with self._store.read() as tx:
            facts = tx.assets.escrow(escrow_id)
            issuance = None if facts is None else tx.assets.issuance(facts.token)
            asset_class = None if issuance is None else tx.assets.asset_class(issuance.class_id)
            line = None if facts is None else tx.purchases.line_of(facts.line_digest)
        if facts is not None and asset_class is not None:
            seller, buyer = self._members.at(facts.seller), self._members.at(facts.buyer)
            if any(each is not None and each.center == center and member in (None, each.member) for each in (seller, buyer)):
                return ShownEscrow(facts=facts, asset_class=asset_class, seller=seller, buyer=buyer, line=line)
        raise EscrowUnknown(f"No escrow {encode_hex(escrow_id)} is known to whom you ask for.")

    def escrows(
        self, account: Address, *, is_open: bool, limit: int, after: tuple[datetime, bytes] | None = None
    ) -> Sequence[ShownEscrow]:
        """Escrows that an account is party to; those that end first come first.

        Args:
            after: deadline and id of the one before the first.
        """
        found: list[tuple[EscrowFacts, AssetClass, tuple[str, int] | None]] = []
        with self._store.read() as tx:
            for facts in tx.assets.escrows_of(account, is_open=is_open, limit=limit, after=after):
                issuance = tx.assets.issuance(facts.token)
                asset_class = None if issuance is None else tx.assets.asset_class(issuance.class_id)
                if asset_class is not None:
                    found.append((facts, asset_class, tx.purchases.line_of(facts.line_digest)))
        return [
            ShownEscrow(
                facts=facts,
                asset_class=asset_class,
                seller=self.name_of(facts.seller),
                buyer=self.name_of(facts.buyer),
                line=line,
            )
            for facts, asset_class, line in found
        ]

    def retirement(self, retirement_id: bytes) -> ShownRetirement:
        """A retirement.

        Raises:
            RetirementMissing: there is none.
        """
        with self._store.read() as tx:
            facts = tx.assets.retirement(retirement_id)
            issuance = None if facts is None else tx.assets.issuance(facts.token)
            asset_class = None if issuance is None else tx.assets.asset_class(issuance.class_id)
            if facts is None or issuance is None or asset_class is None:
                raise RetirementMissing(f"There is no retirement {encode_hex(retirement_id)}.")
            return ShownRetirement(
                facts=facts,
                asset_class=asset_class,
                challenged=issuance.revoked,
                certified=tx.purchases.retirement(retirement_id),
                followed=tx.assets.followed_to(),
            )

    def act(self, digest: bytes, *, center: CenterId, member: MemberId | None) -> ShownAct:
        """An act of the asker's.

        Raises:
            NotFound: none of that digest is kept here for them.
        """
        with self._store.read() as tx:
            act = require_act(tx, digest)
            if act.center != center or member not in (None, act.member):
                raise NotFound(f"No act {encode_hex(digest)} is kept here.", remedy="Ask the member's own center.")
            replaced_by = None
            if act.kind is ActKind.ISSUE and act.state is ActState.REFUSED and act.refusal == STALE:
                replaced_by = _in_place_of(tx, act)
            return ShownAct(act=act, replaced_by=replaced_by)

    def acts(self, center: CenterId, member: MemberId, *, limit: int) -> Sequence[KeptAct]:
        """A member's acts, newest first."""
        with self._store.read() as tx:
            return tx.acts.of_member(center, member, limit=limit)


def _in_place_of(tx: Transaction, act: KeptAct) -> bytes | None:
    """The digest of the act that was made in another's place: it was kept later, however many were since."""
    last = None
    while page := tx.acts.of_member(act.center, act.member, limit=_ACTS_A_PAGE, before=last):
        for each in page:
            if each.digest == act.digest:
                return None
            if each.keeping.replaces == act.digest:
                return each.digest
        last = page[-1].digest
    return None


def _evidenced(tx: Transaction, most: int) -> Mapping[str, int] | None:
    """What is evidenced of each class; None where there are more issuances than `most`."""
    if most < 1:
        return None
    found = tx.assets.issuances(class_id=None, after=None, limit=most + 1)
    if len(found) > most:
        return None
    sums: Counter[str] = Counter()
    for each in found:
        sums[each.class_id] += each.evidenced
    return sums
