"""Takes a conversion factor that its member declared, once the declaration is a document that the log commits to.

The declaration comes by the way that documents come (upload, statement, entry of the log), so that it has a receipt like any
other; what is done here is to read it, to compare it with the version before, and to let it count.
"""

from collections.abc import Sequence

from greenlane.core.balance.factors import (
    MAX_FACTOR_BYTES,
    ConversionFactor,
    FactorOutOfTurn,
    encode_factor,
    read_factor,
    require_next,
)
from greenlane.core.canonical import parse_json
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import MemberName
from greenlane.core.errors import Forbidden, InvalidInput, NotFound
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import MemberUnknown
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.document_index import StoredDocument
from greenlane.ports.documents import Documents
from greenlane.ports.factors import KeptFactor
from greenlane.ports.store import Store, Transaction

_MAX_STATEMENTS = 16


class FactorNotStated(NotFound):
    """The member stated no public document of that CID, or withdrew it."""

    code = "factor-not-stated"
    default_remedy = "Store the declaration as a public document of the member first (POST /v1/documents), then declare it."


class FactorDocumentInvalid(InvalidInput):
    """The document is no declaration of a conversion factor in its one spelling."""

    code = "factor-document-invalid"
    default_remedy = "Store the RFC 8785 bytes of one GreenlaneConversionFactor, with nothing before or after."


class FactorOfAnother(Forbidden):
    """The declaration is in another member's name."""

    code = "factor-of-another"
    default_remedy = "Declare factors of one's own facilities, in one's own name."


class DeclareFactor:
    """The use case; one instance serves all threads."""

    def __init__(self, *, store: Store, documents: Documents, clock: Clock) -> None:
        self._store = store
        self._documents = documents
        self._clock = clock

    def __call__(self, center: CenterId, member: MemberId, cid: Cid, *, actor: str) -> KeptFactor:
        """Lets a stored declaration count; the same again changes nothing.

        Raises:
            MemberUnknown: the center has no such member.
            FactorNotStated, FactorDocumentInvalid, FactorOfAnother: as their names say.
            FieldInvalid, FactorInvalid: what it says cannot stand.
            FactorOutOfTurn: it is not the next version, or would change days that are over.
            DocumentsUnavailable, BytesRefused, DocumentMissing, StoreUnavailable: as their names say; nothing was declared.
        """
        with self._store.read() as tx:
            stated = _stated(tx, center, member, cid)
        data = b"".join(self._documents.read(cid, length=MAX_FACTOR_BYTES + 1))
        factor = _read(data)
        if factor.declared_by != MemberName(center=center, member=member):
            raise FactorOfAnother(f"The declaration is {factor.declared_by}'s, and not {center}/{member}'s.", where="/declaredBy")
        with self._store.write() as tx:
            # Of two declarations at the same moment the second must find the first.
            tx.log.lock(center)
            known = tx.factors.of_member(center, member, facility=factor.facility)
            digest = sha256(data)
            for each in known:
                if each.digest == digest:
                    return each
            same = [each.factor for each in known if each.factor.key == factor.key]
            now = self._clock()
            require_next(factor, max(same, key=lambda each: each.number, default=None), today=now.date())
            kept = KeptFactor(
                center=center,
                member=member,
                factor=factor,
                digest=digest,
                cid=cid,
                leaf_index=stated.leaf_index,
                recorded_at=now,
            )
            if not tx.factors.add(kept):
                words = f"Version {factor.number} of this factor was declared meanwhile."
                raise FactorOutOfTurn(words, where="/number", remedy="Look at the newest version, and declare the one after it.")
            line = AuditLine(at=now, actor=actor, center=center, member=member, action="factor.declare", subject=cid.text)
            tx.audit.add(line)
        return kept

    def declared(self, center: CenterId, member: MemberId, *, facility: str | None = None) -> Sequence[KeptFactor]:
        """All versions that a member declared, oldest first.

        Raises:
            MemberUnknown: the center has no such member.
        """
        with self._store.read() as tx:
            if tx.accounts.member(center, member) is None:
                raise MemberUnknown(f"Center {center!r} has no member {member!r}.")
            return tx.factors.of_member(center, member, facility=facility)


def _stated(tx: Transaction, center: CenterId, member: MemberId, cid: Cid) -> StoredDocument:
    if tx.accounts.member(center, member) is None:
        raise MemberUnknown(f"Center {center!r} has no member {member!r}.")
    for each in tx.documents.of_member(center, member, cid, limit=_MAX_STATEMENTS):
        if each.description.confidential is None and each.withdrawn_at is None:
            return each
    raise FactorNotStated(f"{center}/{member} states no public document {cid.text}.", where="/cid")


def _read(data: bytes) -> ConversionFactor:
    if len(data) > MAX_FACTOR_BYTES:
        raise FactorDocumentInvalid(f"A declaration has at most {MAX_FACTOR_BYTES} bytes.", where="/cid")
    factor = read_factor(parse_json(data))
    if encode_factor(factor) != data:
        raise FactorDocumentInvalid("The declaration is not in its one spelling.", where="/cid")
    return factor
