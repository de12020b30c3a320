"""Drafts a statement of evidence for its certifier to sign: read strictly, held against what is known, and kept.

What a statement says of its class is the class's own; accounts are those that the registry names. What the contract would refuse
for ever is refused here: a vintage that has not ended, a weaker custody model than the class promises. What only may be wrong is
told as a warning and kept: the certifier looks at it before it signs, and is told it as things are when it looks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from greenlane.core.assets.evidence import (
    EVIDENCE_TYPE,
    EVIDENCE_VERSION,
    EvidenceInvalid,
    EvidenceStatement,
    read_evidence,
    require_admissible,
)
from greenlane.core.assets.facts import AssetClass
from greenlane.core.canonical import JsonValue
from greenlane.core.documents.description import MemberName, read_member_name
from greenlane.core.errors import Conflict, InvalidInput
from greenlane.core.units import CenterId, MemberId
from greenlane.core.wire import encode_hex, read_line
from greenlane.ports.accounts import MemberRole, MemberUnknown
from greenlane.ports.answers import Once
from greenlane.ports.asset_ledger import AssetContract, AssetLedger, ChainMember
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.entropy import Entropy
from greenlane.ports.events import EventFilter, Reader
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.ports.store import Store, Transaction

_OPTIONAL = ("lot", "origin")
MAX_DRAFTS = 100
"""Of one member, that wait for their certifiers: each is looked at whenever one is stated."""
DRAFT_LIFETIME = timedelta(days=30)
"""How long a certifier may take to decide."""
_TOO_OLD = f"The draft was not decided within {DRAFT_LIFETIME.days} days."


class StatementClassUnknown(InvalidInput):
    """The statement names a class of green assets that there is not."""

    code = "statement-class-unknown"
    default_remedy = "GET /v1/asset-classes lists them; a quorum of centers admits new ones."


class ClassMismatch(InvalidInput):
    """The statement says otherwise than its class: of attribute, unit, decimals, or of how its lot was kept apart."""

    code = "statement-class-mismatch"
    default_remedy = "Leave attribute, unit and decimals out: they are the class's own."


class LotUnknown(InvalidInput):
    """No event that the center keeps names the lot, so that nobody could follow it to where it comes from."""

    code = "lot-unknown"
    default_remedy = "Capture the events of the lot first, or compare its identifier with them."


class NoCertifier(Conflict):
    """The member that is to sign is no certifier in good standing."""

    code = "no-certifier"
    default_remedy = "Name a member that its center vouches for as a certifier: `greenlane-node members list` shows them."


class HolderNotInGoodStanding(Conflict):
    """The member whose units these would be is not in good standing."""

    code = "holder-not-in-good-standing"
    default_remedy = "The member's center vouches for it again, or prolongs its term."


class StatedForOther(InvalidInput):
    """The statement names another holder, or another center's log, than those of the member that states it."""

    code = "evidence-stated-for-other"
    default_remedy = "Leave center and holder out: they are the member's own."


class DraftsFull(Conflict):
    """As many drafts of the member wait for their certifiers as are kept."""

    code = "drafts-full"
    default_remedy = "Have certifiers decide them, or take back what is not wanted: DELETE /v1/evidence/{digest}."


class BookVerdict(Protocol):
    """What the books say of a statement that they do not refuse."""

    @property
    def is_checked(self) -> bool: ...
    @property
    def reason(self) -> str: ...


class JudgeBooks(Protocol):
    """Refuses a statement that its holder's books do not carry; in the transaction that keeps it, which holds the log."""

    def __call__(
        self, tx: Transaction, statement: EvidenceStatement, *, holder_center: CenterId, holder: MemberId
    ) -> BookVerdict: ...


class WarmBooks(Protocol):
    """Reads a book, so that whoever judges by it in a moment holds the log the shorter."""

    def __call__(self, center: CenterId, member: MemberId, facility: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A kept draft, and what its certifier should look at; sentences."""

    evidence: KeptEvidence
    warnings: tuple[str, ...]


class StateEvidence:
    """The use case."""

    def __init__(
        self,
        *,
        store: Store,
        ledger: AssetLedger,
        clock: Clock,
        entropy: Entropy,
        judge: JudgeBooks,
        economies: Mapping[CenterId, str],
        warm: WarmBooks | None = None,
    ) -> None:
        """Args:
        economies: of the centers that are hosted here, ISO 3166-1 alpha-2.
        warm: reads the books that `judge` judges by; None where they are read as fast.
        """
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._entropy = entropy
        self._judge = judge
        self._economies = economies
        self._warm = warm

    def __call__(
        self,
        statement: Mapping[str, JsonValue],
        *,
        center: CenterId,
        member: MemberId,
        actor: str,
        once: Once | None = None,
    ) -> Drafted:
        """Keeps a draft.

        Args:
            statement: its JSON form; type, version, id, center, holder, attribute, unit, decimals and what is null may be left
                out. `certifier` is the member's name, "center/member".
            center, member: of the holder.

        Raises:
            FieldInvalid, QuantityInvalid, EvidenceInvalid: the statement cannot stand.
            StatementClassUnknown, ClassMismatch, LotUnknown, StatedForOther: as their names say.
            MemberUnknown, HolderNotInGoodStanding, NoCertifier: who it names may not do that.
            Conflict: a statement of that id is kept.
            DraftsFull: as its name says.
            BeyondBalance and what else the books refuse it for.
            LedgerUnavailable, StoreUnavailable: nothing was kept.
        """
        if once is not None:
            with self._store.read() as tx:
                earlier = self._earlier(tx, once)
            if earlier is not None:
                return earlier
        certifier_name = read_member_name(statement.get("certifier"), "/certifier")
        holder = self._member(MemberName(center=center, member=member), None)
        if not holder.is_in_good_standing:
            raise HolderNotInGoodStanding(f"{center}/{member} is not in good standing in the registry.")
        certifier = self._member(certifier_name, "/certifier")
        if not certifier.is_in_good_standing or MemberRole.CERTIFIER not in certifier.roles:
            raise NoCertifier(f"{certifier_name} is no certifier in good standing.", where="/certifier")
        asset_class = self._class(statement.get("class"))
        read = self._read(statement, asset_class, holder, certifier)
        self._check(read, asset_class)
        digest = read.digest(self._ledger.places.domain(AssetContract.EVIDENCE_REGISTER))
        now = self._clock()
        kept = KeptEvidence(
            digest=digest,
            center=center,
            holder_center=center,
            holder=member,
            certifier_center=certifier_name.center,
            certifier=certifier_name.member,
            statement=read,
            state=EvidenceState.DRAFTED,
            signature=None,
            leaf_index=None,
            drafted_at=now,
            decided_at=None,
            refused_because=None,
        )
        if self._warm is not None and read.lot is not None:
            self._warm(center, member, read.facility)
        with self._store.write() as tx:
            # The lock comes before every look: of two statements at once the second must find the first in the books.
            tx.log.lock(center)
            if once is not None and (earlier := self._earlier(tx, once)) is not None:
                return earlier
            self._require_room(tx, center, member, now)
            warnings = self._judged(tx, kept)
            tx.evidence.add(kept)
            tx.audit.add(
                AuditLine(at=now, actor=actor, center=center, member=member, action="evidence.state", subject=encode_hex(digest))
            )
            if once is not None:
                tx.answers.keep(once, digest)
        return Drafted(evidence=kept, warnings=warnings)

    def warnings(self, kept: KeptEvidence) -> tuple[str, ...]:
        """What the certifier of a statement should look at, as things are now; sentences.

        Args:
            kept: logged or drafted here.

        Raises:
            StoreUnavailable: the database is away.
        """
        with self._store.read() as tx:
            return self._warnings(tx, kept)

    def _warnings(self, tx: Transaction, kept: KeptEvidence) -> tuple[str, ...]:
        try:
            return self._judged(tx, kept)
        except (InvalidInput, Conflict) as refused:
            # The sums of its books are the holder's own business.
            words = f"The holder's books refuse it now ({refused.code}): ask the holder for its balance."
            return (*self._unseen(tx, kept), words)

    def _judged(self, tx: Transaction, kept: KeptEvidence) -> tuple[str, ...]:
        """Warnings of a statement that the books do not refuse."""
        verdict = self._judge(tx, kept.statement, holder_center=kept.holder_center, holder=kept.holder)
        if verdict.is_checked:
            return self._unseen(tx, kept)
        return (*self._unseen(tx, kept), f"The mass balance was not checked: {verdict.reason}")

    def _unseen(self, tx: Transaction, kept: KeptEvidence) -> tuple[str, ...]:
        """What a certifier looks for and does not find here."""
        statement, warnings = kept.statement, []
        home = self._economies.get(kept.holder_center)
        if home is not None and home != statement.economy:
            warnings.append(
                f"It is said to be made in {statement.economy}, and the center of {kept.holder_center}/{kept.holder} is one of "
                f"{home}: a firm may produce abroad, so compare its facility {statement.facility}."
            )
        reader = Reader(center=kept.center)
        if not tx.documents.by_digest(statement.certificate_digest, reader=reader, limit=1):
            warnings.append(
                f"No document here has the digest {encode_hex(statement.certificate_digest)}: store the certificate, so that "
                "whoever checks finds it."
            )
        if statement.lot is not None:
            wanted = EventFilter(reader=reader, any_epc=frozenset({statement.lot}))
            if not tx.events.find(wanted, limit=1).events:
                warnings.append(f"No event here names the lot {statement.lot}: only the registry's serials stand behind it.")
        return tuple(warnings)

    def _require_room(self, tx: Transaction, center: CenterId, member: MemberId, now: datetime) -> None:
        """Ends drafts that nobody decided in time, which then take nothing from the books, and counts the others."""
        drafts = tx.evidence.drafts_of(center, member)
        late = [digest for digest, drafted_at in drafts if now - drafted_at >= DRAFT_LIFETIME]
        for digest in late:
            tx.evidence.refuse(digest, because=_TOO_OLD, at=now)
        if len(drafts) - len(late) >= MAX_DRAFTS:
            raise DraftsFull(f"{len(drafts) - len(late)} drafts of {center}/{member} wait for their certifiers.")

    def _earlier(self, tx: Transaction, once: Once) -> Drafted | None:
        digest = tx.answers.find(once)
        kept = None if digest is None else tx.evidence.get(digest)
        return None if kept is None else Drafted(evidence=kept, warnings=self._warnings(tx, kept))

    def _member(self, name: MemberName, where: str | None) -> ChainMember:
        found = self._ledger.member_named(name.center, name.member)
        if found is None:
            remedy = "The member's center vouches for it first: `greenlane-node members vouch`."
            raise MemberUnknown(f"The registry knows no member {name}.", where=where, remedy=remedy)
        return found

    def _class(self, value: JsonValue) -> AssetClass:
        class_id = read_line(value, "/class", longest=64)
        with self._store.read() as tx:
            known = tx.assets.asset_class(class_id)
        found = known or self._ledger.asset_class(class_id)
        if found is None:
            raise StatementClassUnknown(f"There is no class {class_id!r}.", where="/class")
        return found

    def _read(
        self, statement: Mapping[str, JsonValue], asset_class: AssetClass, holder: ChainMember, certifier: ChainMember
    ) -> EvidenceStatement:
        own: dict[str, JsonValue] = {
            "type": EVIDENCE_TYPE,
            "version": EVIDENCE_VERSION,
            "id": _random_urn(self._entropy(16)),
            "center": holder.center,
            "holder": encode_hex(holder.account),
            "attribute": asset_class.attribute,
            "unit": asset_class.unit.code,
            "decimals": asset_class.unit.decimals,
        }
        value = own | dict.fromkeys(_OPTIONAL) | dict(statement) | {"certifier": encode_hex(certifier.account)}
        read = read_evidence(value)
        require_admissible(read)
        for is_wrong, where, words in (
            (read.attribute != asset_class.attribute, "/attribute", f"Units of {asset_class.id} claim {asset_class.attribute}."),
            (read.unit.code != asset_class.unit.code, "/unit", f"Units of {asset_class.id} count {asset_class.unit.code}."),
            (read.unit != asset_class.unit, "/decimals", f"Units of {asset_class.id} have {asset_class.unit.decimals} decimals."),
        ):
            if is_wrong:
                raise ClassMismatch(words, where=where)
        if (read.center, read.holder) != (holder.center, holder.account):
            raise StatedForOther("The statement is another member's.", where="/holder")
        return read

    def _check(self, read: EvidenceStatement, asset_class: AssetClass) -> None:
        if read.vintage_to >= self._clock().date():
            raise EvidenceInvalid(
                f"The vintage ends on {read.vintage_to}, and that day is not over.",
                where="/vintageTo",
                remedy="State what was made once its last day (UTC) is over.",
            )
        if not read.custody_model.may_become(asset_class.custody_model):
            raise ClassMismatch(
                f"{asset_class.id} promises {asset_class.custody_model.slug}, and the lot was kept by {read.custody_model.slug}.",
                where="/custodyModel",
                remedy="Name a class that promises no more than how the lot was kept apart.",
            )
        if read.lot is None:
            return
        wanted = EventFilter(reader=Reader(center=read.center), any_epc=frozenset({read.lot}))
        with self._store.read() as tx:
            is_known = bool(tx.events.find(wanted, limit=1).events)
        if not is_known and read.origin is None:
            raise LotUnknown(f"No event here names the lot {read.lot}.", where="/lot")


def _random_urn(drawn: bytes) -> str:
    """A UUID of version 4 as URN, of 16 random bytes. Source: RFC 9562, section 5.4."""
    marked = bytes([*drawn[:6], drawn[6] & 0x0F | 0x40, drawn[7], drawn[8] & 0x3F | 0x80, *drawn[9:]]).hex()
    return f"urn:uuid:{marked[:8]}-{marked[8:12]}-{marked[12:16]}-{marked[16:20]}-{marked[20:]}"
