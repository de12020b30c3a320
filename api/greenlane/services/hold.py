"""Takes what other centers ask us to hold, and lets it go when they say so. The reconciler brings the bytes, and unpins them.

An ask is answered when its record is durable, whether or not the bytes are here: so a partner's ask costs no waiting, survives a
kill at any point, and is repeated without harm. Who asks is told by the API key: the label of a partner's key is the asking
center's id; an operator asks in its own center's name.

An ask decides nothing but what is held for the one who asks: neither the size of what is kept here for others, nor whether what a
member here withdrew, or what somebody else keeps in the same store, is handed out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.unixfs import CHUNK_BYTES
from greenlane.core.errors import Conflict, Forbidden, InvalidInput, Unavailable
from greenlane.core.units import CenterId, center_id
from greenlane.ports.accounts import KeyRole
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.documents import BytesRefused, DocumentMissing, Documents, DocumentsUnavailable, DocumentWithdrawn
from greenlane.ports.holds import HeldDocument
from greenlane.ports.store import Store, Transaction

MAX_HELD_DOCUMENTS = 1_000_000
"""For one partner: as many as a deployment is built for. Bytes alone bound nothing where documents have one byte each, and every
ask is a row, a line of audit, and a look in each round."""
_EMPTY = Cid.of(Codec.RAW, b"")


class AskerUnknown(Forbidden):
    """The API key does not tell which center asks."""

    code = "hold-asker-unknown"
    default_remedy = "Ask this center's operator for a key of role partner whose label is the id of the center that asks."


class HoldTooLarge(InvalidInput):
    """The document has more bytes than this center holds in one piece."""

    code = "hold-too-large"
    default_remedy = "Ask another center, or ask this one's operator to raise GREENLANE_MAX_DOCUMENT_BYTES."


class HoldsFull(Unavailable):
    """The asking center has had as many bytes, or documents, held here as this center holds for one partner."""

    code = "holds-full"
    default_remedy = "Release what need not be held any more, or ask this center's operator to raise GREENLANE_MAX_HELD_BYTES."


class HoldSizeDiffers(Conflict):
    """The document has another size than the one it is asked to be held with."""

    code = "hold-size-differs"
    default_remedy = "State the size of the stored bytes; release the document first where it was asked for with a wrong one."


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLimits:
    """How much is held for others.

    Attributes:
        document_bytes: of one document.
        partner_bytes, partner_documents: of all that one center asked for.
    """

    document_bytes: int
    partner_bytes: int
    partner_documents: int = MAX_HELD_DOCUMENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, as far as the API key tells.

    Attributes:
        center: the center here that the key is of.
    """

    key_id: str
    role: KeyRole
    center: CenterId

    @property
    def actor(self) -> str:
        """Its name in audit lines."""
        return f"key:{self.key_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStanding:
    """What becomes of an ask.

    Attributes:
        is_held: whether every byte was brought here and is pinned now; False: it will be brought.
    """

    asked_by: CenterId
    cid: Cid
    size: int
    asked_at: datetime
    is_held: bool


class Hold:
    """The use case; one instance serves all threads."""

    def __init__(self, *, store: Store, documents: Documents, clock: Clock, limits: HoldLimits) -> None:
        self._store = store
        self._documents = documents
        self._clock = clock
        self._limits = limits

    def __call__(self, asker: Asker, cid: Cid, size: int) -> HoldStanding:
        """Takes an ask; the same again changes nothing, and tells whether the document is held by now.

        Args:
            size: of the stored bytes.

        Raises:
            AskerUnknown: see there.
            HoldTooLarge, HoldsFull: it is more than is held here; nothing was recorded.
            HoldSizeDiffers: it has another size, by its CID, by its own blocks or by what was asked before.
            DocumentWithdrawn: a member here withdrew it.
            StoreUnavailable: nothing was recorded.
        """
        if not 0 <= size <= self._limits.document_bytes:
            raise HoldTooLarge(f"A document of {size} bytes is not held here; {self._limits.document_bytes} is the most.")
        if not _may_have(cid, size):
            raise HoldSizeDiffers(f"No document of {size} bytes has the CID {cid.text}.")
        known, is_held = self._look(cid)
        if known is not None and known != size:
            raise HoldSizeDiffers(f"Document {cid.text} has {known} bytes, not {size}.")
        with self._store.write() as tx:
            asked_by = _asking_center(tx, asker)
            # Of several asks at once none may count before the others are there.
            tx.log.lock(asker.center)
            if tx.documents.is_served(cid) is False:
                # Its owner said that it is not handed out any more, and a copy for another center would be.
                raise DocumentWithdrawn(
                    f"Document {cid.text} was withdrawn by its member here.",
                    replaced_by=tx.documents.replaced_by(cid),
                    remedy="Ask another center to hold it.",
                )
            before = tx.holds.held_by(asked_by, cid)
            if before is None:
                before = self._record(tx, asker, asked_by, cid, size)
            elif before.size != size:
                raise HoldSizeDiffers(f"{asked_by} asked for document {cid.text} with {before.size} bytes before, not {size}.")
        return HoldStanding(asked_by=asked_by, cid=cid, size=size, asked_at=before.asked_at, is_held=is_held)

    def release(self, asker: Asker, cid: Cid, *, asked_by: CenterId | None = None) -> bool:
        """Lets go of what was asked for; False where it was not, or no more.

        Args:
            asked_by: whose ask an operator ends, as when a partner has left; None: the asker's own.

        Raises:
            AskerUnknown: see there; also where a partner ends another's ask.
            StoreUnavailable: the ask stands.
        """
        with self._store.write() as tx:
            own = _asking_center(tx, asker) if asked_by is None or asker.role is not KeyRole.OPERATOR else asked_by
            if asked_by not in (None, own):
                raise AskerUnknown(f"The key speaks for {own} alone, and not for {asked_by}.")
            tx.log.lock(asker.center)
            if not tx.holds.release(own, cid):
                return False
            tx.audit.add(self._line(asker, "hold.release", cid, own))
        return True

    def held(self, asker: Asker, *, after: Cid | None, limit: int) -> Sequence[HeldDocument]:
        """What was asked for, by CID, after `after`: by a partner itself; to an operator, by anybody, each document once.

        Raises:
            AskerUnknown: see there.
        """
        with self._store.read() as tx:
            asked_by = None if asker.role is KeyRole.OPERATOR else _asking_center(tx, asker)
            return tx.holds.held(asked_by=asked_by, after=after, limit=limit)

    def _look(self, cid: Cid) -> tuple[int | None, bool]:
        """Its size, where it was brought here, and whether it is held; of what others keep in the same store, nothing."""
        with self._store.read() as tx:
            if not tx.holds.is_brought(cid):
                return None, False
        try:
            return (self._documents.size(cid), True) if self._documents.is_held(cid) else (None, False)
        except (BytesRefused, DocumentMissing, DocumentsUnavailable):
            # The ask is taken all the same: it is mended, or brought when the store is back.
            return None, False

    def _record(self, tx: Transaction, asker: Asker, asked_by: CenterId, cid: Cid, size: int) -> HeldDocument:
        held_bytes = tx.holds.held_bytes(asked_by)
        if held_bytes + size > self._limits.partner_bytes:
            most = self._limits.partner_bytes
            words = f"{held_bytes} bytes are held for {asked_by}; with these {size} they would be more than {most}."
            raise HoldsFull(words, retry_after_s=3_600)
        if tx.holds.held_documents(asked_by) >= self._limits.partner_documents:
            words = f"{self._limits.partner_documents} documents are held for {asked_by}, and no more are."
            raise HoldsFull(words, retry_after_s=3_600, remedy="Release what need not be held any more.")
        held = HeldDocument(center=asker.center, asked_by=asked_by, cid=cid, size=size, asked_at=self._clock())
        tx.holds.ask(held)
        tx.audit.add(self._line(asker, "hold.ask", cid, asked_by))
        return held

    def _line(self, asker: Asker, action: str, cid: Cid, asked_by: CenterId) -> AuditLine:
        subject = f"{asked_by}/{cid.text}"
        return AuditLine(at=self._clock(), actor=asker.actor, center=asker.center, member=None, action=action, subject=subject)


def _may_have(cid: Cid, size: int) -> bool:
    """Whether a document of that size can have that CID: of one chunk it is the chunk's, of more a node's."""
    if (cid == _EMPTY) != (size == 0):
        return False
    return (cid.codec is Codec.RAW) == (size <= CHUNK_BYTES)


def _asking_center(tx: Transaction, asker: Asker) -> CenterId:
    if asker.role is KeyRole.OPERATOR:
        return asker.center
    key = tx.accounts.api_key(asker.key_id)
    try:
        return center_id("" if key is None else key.label)
    except InvalidInput as error:
        raise AskerUnknown("The label of the API key is no center's id.") from error
