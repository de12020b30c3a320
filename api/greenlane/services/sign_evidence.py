"""Decides a drafted statement: its certifier signs it, and it becomes an entry of the log in the same transaction; or refuses it.

A signature speaks for itself, so either side may bring it; without one the certifier's center signs with the key it keeps.

A statement that another deployment's center logged is taken from whoever brings it: its digest is the token, its certifier's
signature is over the digest, and the chain's register admits nothing that no anchored log holds. Nothing else is believed of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from greenlane.core.assets.evidence import EvidenceStatement, evidence_entry, read_evidence
from greenlane.core.assets.typed_data import signer_of
from greenlane.core.canonical import JsonValue
from greenlane.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from greenlane.core.units import Address, CenterId, LeafIndex, MemberId
from greenlane.core.wire import encode_hex
from greenlane.ports.accounts import MemberUnknown
from greenlane.ports.asset_ledger import AssetContract, AssetLedger, ChainMember
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.ports.log import QueueFull
from greenlane.ports.member_keys import MemberKeys
from greenlane.ports.store import Store, Transaction

_WITHDRAWN = "Its holder took the draft back."


class EvidenceUnknown(NotFound):
    """No such statement is kept here, or the asker may not know that it is."""

    code = "evidence-unknown"
    default_remedy = "Compare the digest; a draft is shown to its holder, its certifier and their centers alone."


class NotItsSigner(Forbidden):
    """Neither the certifier that is to decide the statement asks, nor a signature of it came along."""

    code = "not-its-signer"
    default_remedy = "The member that the statement names as its certifier signs or refuses it."


class CertifierSignatureNeeded(Conflict):
    """The certifier keeps its key itself, and the request brings no signature.

    Attributes:
        to_sign: what is to be signed, as EIP-712 typed data.
    """

    code = "certifier-signature-needed"
    default_remedy = "Sign `toSign` with the certifier's key (EIP-712), and send the signature."

    def __init__(self, detail: str, *, to_sign: dict[str, JsonValue]) -> None:
        super().__init__(detail, where="/signature")
        self.to_sign = to_sign


class EvidenceSignatureWrong(InvalidInput):
    """The signature is not the certifier's over this statement."""

    code = "evidence-signature-wrong"
    default_remedy = "Sign the statement's EIP-712 digest with the key of the account that it names as certifier."


class EvidenceEnded(Conflict):
    """The statement was decided otherwise before."""

    code = "evidence-ended"
    default_remedy = "State it anew."


class EvidenceDigestWrong(InvalidInput):
    """The statement is another one than the address names."""

    code = "evidence-digest-wrong"
    default_remedy = "Send the statement word for word as its own center gives it: GET /v1/evidence/{digest} there."


class EvidenceNotAdmitted(Conflict):
    """Nothing was ever issued on the chain out of a statement that is said to be another center's."""

    code = "evidence-not-admitted"
    default_remedy = "Send it once its holder has issued units out of it; until then its own center alone keeps it."


class EvidenceOwn(Conflict):
    """The statement is one of this deployment's centers, and not yet signed or refused there."""

    code = "evidence-own"
    default_remedy = "Its certifier signs it here: POST /v1/evidence/{digest}/signature."


class DraftTooOld(Conflict):
    """The draft waited for its certifier longer than drafts are kept."""

    code = "draft-too-old"
    default_remedy = "Its holder states it anew."


class JudgeAgain(Protocol):
    """Refuses a statement that its holder's books do not carry; in the transaction that logs it."""

    def __call__(self, tx: Transaction, statement: EvidenceStatement, *, holder_center: CenterId, holder: MemberId) -> object: ...


class SignEvidence:
    """Three use cases: sign, refuse, and learn what another deployment's center logged."""

    def __init__(
        self,
        *,
        store: Store,
        ledger: AssetLedger,
        keys: MemberKeys,
        clock: Clock,
        max_unpublished: int,
        judge: JudgeAgain | None = None,
        warm: Callable[[CenterId, MemberId, str], None] | None = None,
        draft_lifetime: timedelta = timedelta(days=30),
    ) -> None:
        """Args:
        judge: what the books say now: they may have been emptied since the statement was drafted. None: nobody is asked.
        warm: reads the books that `judge` judges by.
        draft_lifetime: how long a draft may be signed.
        max_unpublished: entries of one center that may wait to be published before statements are pushed back.
        """
        self._store = store
        self._ledger = ledger
        self._keys = keys
        self._clock = clock
        self._max_unpublished = max_unpublished
        self._judge = judge
        self._warm = warm
        self._draft_lifetime = draft_lifetime

    def look(self, digest: bytes, *, center: CenterId | None, member: MemberId | None) -> KeptEvidence:
        """A statement: one that is logged, here or elsewhere, to everybody, another to its two sides.

        Args:
            center, member: who asks; center None: nobody in particular; member None: the whole center.

        Raises:
            EvidenceUnknown: there is none to be shown.
        """
        with self._store.read() as tx:
            kept = tx.evidence.get(digest)
        if kept is not None and (kept.is_signed or _is_side(kept, center, member)):
            return kept
        raise EvidenceUnknown(f"No statement {encode_hex(digest)} is to be seen here.")

    def of_member(self, center: CenterId, member: MemberId, *, limit: int) -> Sequence[KeptEvidence]:
        """Statements that a member holds or certifies, newest first."""
        with self._store.read() as tx:
            return tx.evidence.of_member(center, member, limit=limit)

    def to_sign(self, kept: KeptEvidence) -> dict[str, JsonValue] | None:
        """What the certifier of a draft signs, as EIP-712 typed data; None once it is decided."""
        if kept.state is not EvidenceState.DRAFTED:
            return None
        return kept.statement.typed().typed_data(self._ledger.places.domain(AssetContract.EVIDENCE_REGISTER))

    def __call__(self, digest: bytes, *, signature: bytes | None, center: CenterId, member: MemberId, actor: str) -> KeptEvidence:
        """Signs a draft and appends its entry to the log. Signing again what is signed gives what is there.

        Args:
            signature: the certifier's, 65 bytes; None: with the key that its center keeps.
            center, member: who asks.

        Raises:
            EvidenceUnknown, EvidenceEnded, NotItsSigner, CertifierSignatureNeeded, EvidenceSignatureWrong: as their names say.
            DraftTooOld, BeyondBalance and what else the books refuse it for by now.
            QueueFull: the log's backlog is at its limit; nothing was written.
            StoreUnavailable: the database is away.
        """
        kept = self.look(digest, center=center, member=member)
        if not _is_side(kept, center, member):
            raise NotItsSigner(f"{center}/{member} neither holds nor certifies the statement.")
        if kept.state is EvidenceState.ELSEWHERE:
            return kept
        is_certifier = (kept.certifier_center, kept.certifier) == (center, member)
        if signature is None:
            if not is_certifier:
                raise NotItsSigner(f"{kept.certifier_center}/{kept.certifier} is to sign it, not {center}/{member}.")
            signature = self._own_signature(kept)
        self._require_signed(digest, signature, kept.statement.certifier)
        domain = self._ledger.places.domain(AssetContract.EVIDENCE_REGISTER)
        if self._warm is not None and kept.statement.lot is not None:
            self._warm(kept.holder_center, kept.holder, kept.statement.facility)
        with self._store.write() as tx:
            head = tx.log.lock(kept.center)
            current = tx.evidence.get(digest)
            if current is None or current.state is EvidenceState.REFUSED:
                raise EvidenceEnded("The certifier refused the statement.")
            if current.state is EvidenceState.LOGGED:
                return current
            if head.captured - head.published >= self._max_unpublished:
                raise QueueFull(f"{head.captured - head.published} entries of {kept.center!r} wait to be published.")
            leaf_index, now = LeafIndex(head.captured), self._clock()
            if now - current.drafted_at >= self._draft_lifetime:
                raise DraftTooOld(f"The draft is of {current.drafted_at.date()}, and drafts are kept for 30 days.")
            if self._judge is not None:
                self._judge(tx, kept.statement, holder_center=kept.holder_center, holder=kept.holder)
            tx.log.append(kept.center, [evidence_entry(kept.statement, domain).encode()])
            tx.evidence.log(digest, signature=signature, leaf_index=leaf_index, at=now)
            tx.audit.add(
                AuditLine(
                    at=now, actor=actor, center=kept.center, member=member, action="evidence.sign", subject=encode_hex(digest)
                )
            )
        return replace(current, state=EvidenceState.LOGGED, signature=signature, leaf_index=leaf_index, decided_at=now)

    def withdraw(self, digest: bytes, *, center: CenterId, member: MemberId, actor: str) -> KeptEvidence:
        """Takes a draft back, by its holder; what it took from the books is free again. Again it changes nothing.

        Raises:
            EvidenceUnknown, EvidenceEnded: as their names say.
            StoreUnavailable: the database is away.
        """
        kept = self.look(digest, center=center, member=member)
        if (kept.holder_center, kept.holder) != (center, member):
            raise EvidenceUnknown(f"{center}/{member} holds no statement {encode_hex(digest)}.")
        with self._store.write() as tx:
            tx.log.lock(kept.center)
            current = tx.evidence.get(digest)
            if current is None or current.is_signed:
                raise EvidenceEnded("The statement is signed and in a log.", remedy="Its certifier revokes it, with the reason.")
            if current.state is EvidenceState.REFUSED:
                return current
            now = self._clock()
            tx.evidence.refuse(digest, because=_WITHDRAWN, at=now)
            tx.audit.add(
                AuditLine(
                    at=now, actor=actor, center=kept.center, member=member, action="evidence.withdraw", subject=encode_hex(digest)
                )
            )
        return replace(current, state=EvidenceState.REFUSED, refused_because=_WITHDRAWN, decided_at=now)

    def refuse(self, digest: bytes, *, because: str, center: CenterId, member: MemberId, actor: str) -> KeptEvidence:
        """Ends a draft, with the certifier's words.

        Raises:
            EvidenceUnknown, EvidenceEnded, NotItsSigner: as their names say.
            StoreUnavailable: the database is away.
        """
        kept = self.look(digest, center=center, member=member)
        if (kept.certifier_center, kept.certifier) != (center, member):
            raise NotItsSigner(f"{kept.certifier_center}/{kept.certifier} is to decide it, not {center}/{member}.")
        with self._store.write() as tx:
            tx.log.lock(kept.center)
            current = tx.evidence.get(digest)
            if current is None or current.is_signed:
                raise EvidenceEnded(
                    "The statement is signed and in the log.", remedy="Revoke it: POST …/revocation with the reason."
                )
            if current.state is EvidenceState.REFUSED:
                if current.refused_because != because:
                    raise EvidenceEnded("The statement was refused before, in other words.")
                return current
            now = self._clock()
            tx.evidence.refuse(digest, because=because, at=now)
            tx.audit.add(
                AuditLine(
                    at=now, actor=actor, center=kept.center, member=member, action="evidence.refuse", subject=encode_hex(digest)
                )
            )
        return replace(current, state=EvidenceState.REFUSED, refused_because=because, decided_at=now)

    def learn(
        self, digest: bytes, statement: JsonValue, *, signature: bytes, center: CenterId, member: MemberId, actor: str
    ) -> KeptEvidence:
        """Keeps a statement that another deployment's center logged, for what is bought or claimed here out of it.

        Learning again what is known gives what is there, also of a statement that was logged here.

        Args:
            statement: its JSON form.
            signature: the certifier's, 65 bytes.
            center, member: who brings it.

        Raises:
            FieldInvalid, QuantityInvalid, EvidenceInvalid: the statement does not read well.
            EvidenceDigestWrong, EvidenceSignatureWrong: it is not what the certifier signed under that digest.
            EvidenceNotAdmitted: the chain's register has not admitted it, as far as units were issued out of it.
            EvidenceOwn: it waits for its certifier, or was refused, here.
            LedgerUnavailable, StoreUnavailable: nothing was kept.
        """
        read = read_evidence(statement, "/statement")
        domain = self._ledger.places.domain(AssetContract.EVIDENCE_REGISTER)
        if read.digest(domain) != digest:
            words = f"The statement has the digest {encode_hex(read.digest(domain))} on this network, not {encode_hex(digest)}."
            raise EvidenceDigestWrong(words, where="/statement")
        self._require_signed(digest, signature, read.certifier)
        with self._store.read() as tx:
            known = _settled(tx, digest)
        if known is not None:
            return known
        # Admitted and issued out of in one act: that the log of its center holds it, the contract has seen to.
        if self._ledger.issuance(digest) is None:
            raise EvidenceNotAdmitted(f"The chain knows no units out of the statement {encode_hex(digest)}.")
        holder, certifier = self._named(read.holder, "/statement/holder"), self._named(read.certifier, "/statement/certifier")
        now = self._clock()
        kept = KeptEvidence(
            digest=digest,
            center=read.center,
            holder_center=holder.center,
            holder=holder.member,
            certifier_center=certifier.center,
            certifier=certifier.member,
            statement=read,
            state=EvidenceState.ELSEWHERE,
            signature=signature,
            leaf_index=None,
            drafted_at=now,
            decided_at=now,
            refused_because=None,
        )
        with self._store.write() as tx:
            tx.log.lock(center)
            known = _settled(tx, digest)
            if known is not None:
                return known
            tx.evidence.add_elsewhere(kept)
            subject = encode_hex(digest)
            tx.audit.add(AuditLine(at=now, actor=actor, center=center, member=member, action="evidence.learn", subject=subject))
        return kept

    def _require_signed(self, digest: bytes, signature: bytes, certifier: Address) -> None:
        if signer_of(digest, signature) != certifier:
            words = f"The signature is not {encode_hex(certifier)}'s over this statement."
            raise EvidenceSignatureWrong(words, where="/signature")

    def _named(self, account: Address, where: str) -> ChainMember:
        found = self._ledger.member_at(account)
        if found is None:
            raise MemberUnknown(
                f"The registry knows no member of the account {encode_hex(account)}.",
                where=where,
                remedy="Ask again: what a node tells of the registry does not fit what the chain has admitted.",
            )
        return found

    def _own_signature(self, kept: KeptEvidence) -> bytes:
        account = self._keys.account(kept.certifier_center, kept.certifier)
        if account == kept.statement.certifier:
            return self._keys.sign(kept.certifier_center, kept.certifier, kept.digest)
        domain = self._ledger.places.domain(AssetContract.EVIDENCE_REGISTER)
        raise CertifierSignatureNeeded(
            f"No key of the account {encode_hex(kept.statement.certifier)} is kept here.",
            to_sign=kept.statement.typed().typed_data(domain),
        )


def _settled(tx: Transaction, digest: bytes) -> KeptEvidence | None:
    """A statement that is known here and signed; None where none of that digest is.

    Raises:
        EvidenceOwn: it is kept here and not signed.
    """
    kept = tx.evidence.get(digest)
    if kept is not None and not kept.is_signed:
        remedy = "State it anew." if kept.state is EvidenceState.REFUSED else None
        raise EvidenceOwn(f"The statement {encode_hex(digest)} is {kept.state.value} here.", remedy=remedy)
    return kept


def _is_side(kept: KeptEvidence, center: CenterId | None, member: MemberId | None) -> bool:
    sides = ((kept.holder_center, kept.holder), (kept.certifier_center, kept.certifier))
    return any(side == center and member in (None, name) for side, name in sides)
