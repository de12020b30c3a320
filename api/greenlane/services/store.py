"""Makes a document of an upload: its bytes are kept under their CID, and its member's statement becomes an entry of the log.

The order is what makes it safe to die anywhere: CID and digest are computed at home before anything leaves it; the CID is written
down before the bytes are kept, so that what was kept for nothing is found and let go; and statement, entry, audit line and the
upload's end are one transaction. The upload is the key of idempotency: the same request again goes on where the first ended, and
gets the first one's answer. No transaction is open while bytes move.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import BinaryIO

from greenlane.core.canonical import JsonValue
from greenlane.core.crypto import sha256
from greenlane.core.documents.age_file import AgeInvalid, count_recipients
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.description import (
    DESCRIPTION_TYPE,
    DESCRIPTION_VERSION,
    Description,
    MemberName,
    document_entry,
    encode_description,
    read_description,
)
from greenlane.core.documents.unixfs import identify
from greenlane.core.entry import SALT_BYTES
from greenlane.core.errors import Conflict, Forbidden, InvalidInput
from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.core.wire import FieldInvalid, encode_hex
from greenlane.ports.accounts import MemberUnknown
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.document_index import StoredDocument
from greenlane.ports.documents import BytesRefused, DocumentMissing, Documents, DocumentWithdrawn
from greenlane.ports.entropy import Entropy
from greenlane.ports.log import QueueFull
from greenlane.ports.media_types import MediaTypes
from greenlane.ports.store import Store, Transaction
from greenlane.ports.uploads import FoundBytes, Staging, Upload, UploadMissing

_PIECE_BYTES = 1_048_576
# Room for MAX_READERS stanzas and for those that are there to be skipped.
_AGE_HEAD_BYTES = 64 * 1_024
_WHERE = "/description"
# Everybody who asks for the bytes is told what is stated of them.
_MAX_STATEMENTS = 16
# Stands where the bytes will tell, while everything else is read: a fault is told before a gigabyte is hashed.
_NOT_KNOWN_YET = Cid(codec=Codec.RAW, digest=bytes(32))


class UploadIncomplete(Conflict):
    """Not all bytes of the upload have arrived."""

    code = "upload-incomplete"
    default_remedy = "Ask with HEAD how far the upload has come, send the rest with PATCH, then send this request again."


class UploadAlreadyStored(Conflict):
    """The upload was stored with another description."""

    code = "upload-already-stored"
    default_remedy = "Begin a new upload for another statement."


class NotAsDeclared(InvalidInput):
    """The bytes that arrived are not those that the description declares."""

    code = "document-not-as-declared"
    default_remedy = "Compare the file with the description; where the file is right, send it again in a new upload."


class ReadersMismatch(InvalidInput):
    """The age file opens with another number of keys than the description names readers."""

    code = "document-readers-mismatch"
    default_remedy = "Encrypt for exactly the readers that the description names."


class NotTheirDocument(Forbidden):
    """A document is to be replaced that this member never stated."""

    code = "not-their-document"
    default_remedy = "Name a document of the same member under `replaces`, or null."


class AlreadyReplaced(Conflict):
    """Another document of this member has taken the place of the one that is to be replaced."""

    code = "document-already-replaced"
    default_remedy = "Name the newest version under `replaces`."


class TooManyStatements(Conflict):
    """The member stated as much of these bytes as one member may."""

    code = "too-many-statements"
    default_remedy = "Say what is to be said of these bytes in fewer statements: each may name many things that they are about."


class StatedForAnother(Forbidden):
    """The description is stated by another member than the one whose upload it is."""

    code = "stated-for-another"
    default_remedy = "Leave statedBy out, or send the upload in that member's name."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bytes:
    """What the staged bytes turned out to be."""

    cid: Cid
    size: int
    digest: bytes


class StoreDocument:
    """The use case; one instance serves all threads."""

    def __init__(
        self,
        *,
        store: Store,
        staging: Staging,
        documents: Documents,
        media_types: MediaTypes,
        clock: Clock,
        entropy: Entropy,
        max_unpublished: int,
    ) -> None:
        """Args:
        max_unpublished: entries of one center that may wait to be published before documents are pushed back.
        """
        self._store = store
        self._staging = staging
        self._documents = documents
        self._media_types = media_types
        self._clock = clock
        self._entropy = entropy
        self._max_unpublished = max_unpublished

    def __call__(
        self, upload_id: str, statement: Mapping[str, JsonValue], *, center: CenterId, key_id: str, actor: str
    ) -> StoredDocument:
        """Stores the upload's bytes under the statement.

        Args:
            statement: the description's JSON object; what the server knows itself may be left out: type, version, statedBy, cid,
                size, of a public document its digest, and what is null. What is given must be right.
            center, key_id: of the API key that asks: only the one that began the upload may.

        Returns:
            The statement as stored; the one there was where the same member stated the same before.

        Raises:
            UploadMissing: no upload of that key has the id, or its time is over.
            UploadIncomplete: bytes are missing.
            UploadAlreadyStored: it was stored under another statement.
            FieldInvalid, CidInvalid, DescriptionInvalid: the statement cannot stand.
            NotAsDeclared, ReadersMismatch, AgeInvalid: the bytes are others than it says.
            TypeForbidden, Bomb: bytes of a type that is not taken.
            StatedForAnother, NotTheirDocument: it speaks for somebody else.
            AlreadyReplaced, TooManyStatements: as their names say.
            DocumentWithdrawn: the very same statement was withdrawn, or the bytes were by another member who stated them first.
            DocumentsUnavailable, DocumentsFull, BytesRefused: the bytes could not be kept; the upload is.
            QueueFull: the log's backlog is at its limit; the upload is kept.
            StoreUnavailable: the database is away; the upload is kept.
        """
        upload, earlier = self._begun(upload_id, center, key_id)
        stated_by = MemberName(center=upload.center, member=upload.member)
        if earlier is not None:
            kept = earlier.description
            return _same(earlier, _read(statement, stated_by, _Bytes(cid=kept.cid, size=kept.size, digest=kept.digest)))
        offset = self._staging.offset(upload_id)
        if offset is None:
            raise UploadMissing("The bytes of the upload are gone.")
        if offset != upload.length:
            raise UploadIncomplete(f"{offset} of {upload.length} bytes have arrived.")
        draft = _read(statement, stated_by, _Bytes(cid=_NOT_KNOWN_YET, size=upload.length, digest=bytes(32)))
        self._check_standing(draft, upload)
        with self._staging.open(upload_id) as source:
            known = self._found(upload, source)
            description = _as_declared(statement, stated_by, known)
            source.seek(0)
            self._check_bytes(source, description)
            was_pinned = self._was_pinned(known.cid)
            with self._store.write() as tx:
                if was_pinned is not None:
                    tx.holds.note_pinned(known.cid, was_pinned)
                tx.uploads.mean(upload_id, known.cid)
            source.seek(0)
            self._documents.add(source, expected=known.cid)
        stored = self._state(replace(upload, meant=known.cid), description, actor)
        # The record stays for whoever asks again; the bytes lie elsewhere now.
        self._staging.drop(upload_id)
        return stored

    def _found(self, upload: Upload, source: BinaryIO) -> _Bytes:
        """What all bytes are; hashed once, however often the request is repeated."""
        found = upload.found
        if found is not None:
            return _Bytes(cid=found.cid, size=upload.length, digest=found.digest)
        known = _identified(source)
        with self._store.write() as tx:
            tx.uploads.find(upload.id, FoundBytes(cid=known.cid, digest=known.digest))
        return known

    def _begun(self, upload_id: str, center: CenterId, key_id: str) -> tuple[Upload, StoredDocument | None]:
        """The upload, and what was made of it before."""
        with self._store.read() as tx:
            upload = tx.uploads.get(upload_id)
            if upload is None or (upload.center, upload.key_id) != (center, key_id) or upload.expires_at <= self._clock():
                raise UploadMissing(f"There is no upload {upload_id[:40]!r} of this key, or its time is over.")
            return upload, None if upload.stored_at is None else tx.documents.at(center, upload.stored_at)

    def _was_pinned(self, cid: Cid) -> bool | None:
        """Whether others have pinned the bytes in the same store, who keep their pin; None where that is written already."""
        with self._store.read() as tx:
            if tx.holds.was_pinned(cid) is not None:
                return None
        try:
            return self._documents.is_held(cid)
        except (BytesRefused, DocumentMissing):
            return False

    def _check_standing(self, description: Description, upload: Upload) -> None:
        """What can be refused without looking at the bytes."""
        # Where the day begins first, it is a day later than in UTC for most of it.
        if description.issued_on is not None and description.issued_on > (self._clock() + timedelta(days=1)).date():
            raise FieldInvalid(
                f"{description.issued_on.isoformat()} has not come yet.",
                where=f"{_WHERE}/issuedOn",
                remedy="State the day that stands on the document, or none.",
            )
        with self._store.read() as tx:
            if tx.accounts.member(upload.center, upload.member) is None:
                raise MemberUnknown(f"Center {upload.center!r} has no member {upload.member!r}.")
            _require_own(tx, description)

    def _check_bytes(self, source: BinaryIO, description: Description) -> None:
        if description.confidential is None:
            self._media_types.check(source, stated=description.media_type)
            return
        try:
            recipients = count_recipients(source.read(_AGE_HEAD_BYTES))
        except AgeInvalid as fault:
            raise AgeInvalid(fault.detail, where=f"{_WHERE}/confidential", remedy=fault.remedy) from fault
        readers = len(description.confidential.readers)
        if recipients != readers:
            raise ReadersMismatch(
                f"The age file opens with {recipients} keys, and {readers} readers are named.",
                where=f"{_WHERE}/confidential/readers",
            )

    def _state(self, upload: Upload, description: Description, actor: str) -> StoredDocument:
        """Entry, statement, audit line and the upload's end: all of it, or nothing."""
        center = upload.center
        stored: StoredDocument | None = None
        with self._store.write() as tx:
            # The lock comes before every look: of two equal requests at once the second must find the first one's entry.
            head = tx.log.lock(center)
            current = tx.uploads.get(upload.id)
            if current is None:
                # Given up meanwhile, and its bytes are kept: with a record that is over, they are found and let go.
                tx.uploads.add(replace(upload, expires_at=self._clock()))
            elif current.stored_at is not None:
                stored = tx.documents.at(center, current.stored_at)
            # Only giving it up brings its end nearer; its record lets its bytes be found, as above.
            elif current.expires_at >= upload.expires_at:
                if head.captured - head.published >= self._max_unpublished:
                    raise QueueFull(f"{head.captured - head.published} entries of {center!r} wait to be published.")
                stored = self._append(tx, LeafIndex(head.captured), description, actor)
                tx.uploads.finish(upload.id, stored.leaf_index)
        if stored is None:
            raise UploadMissing("The upload was given up meanwhile.")
        return _same(stored, description)

    def _append(self, tx: Transaction, next_leaf: LeafIndex, description: Description, actor: str) -> StoredDocument:
        center, member = description.stated_by.center, description.stated_by.member
        content_digest = sha256(encode_description(description))
        known = tx.documents.known(center, member, content_digest)
        if known is not None:
            if known.withdrawn_at is not None:
                raise DocumentWithdrawn("This very statement was withdrawn.", replaced_by=known.replaced_by, where=_WHERE)
            return known
        _require_own(tx, description)
        if len(_own(tx, center, member, description.cid)) >= _MAX_STATEMENTS:
            raise TooManyStatements(f"{description.stated_by} stated {_MAX_STATEMENTS} things of {description.cid.text}.")
        is_blinded = description.confidential is not None
        salt = Salt(self._entropy(SALT_BYTES)) if is_blinded else None
        entry = document_entry(description)
        now = self._clock()
        tx.log.append(center, [(entry if salt is None else entry.blinded(salt)).encode()])
        stored = StoredDocument(
            center=center,
            member=member,
            description=description,
            content_digest=content_digest,
            leaf_index=next_leaf,
            salt=salt,
            is_blinded=is_blinded,
            stored_at=now,
        )
        tx.documents.add(stored)
        tx.audit.add(_line(stored, actor, "document.store", description.cid))
        replaced = description.replaces
        if replaced is not None and _is_confidential_of(tx, center, member, replaced):
            tx.documents.withdraw(center, member, replaced, now)
            tx.audit.add(_line(stored, actor, "document.withdraw", replaced))
        return stored


def _read(statement: Mapping[str, JsonValue], stated_by: MemberName, known: _Bytes) -> Description:
    """The statement with what the server knows filled in."""
    value: dict[str, JsonValue] = {
        "type": DESCRIPTION_TYPE,
        "version": DESCRIPTION_VERSION,
        "statedBy": str(stated_by),
        "cid": known.cid.text,
        "size": known.size,
        "issuer": None,
        "issuedOn": None,
        "confidential": None,
        "replaces": None,
    }
    if statement.get("confidential") is None:
        value["digest"] = encode_hex(known.digest)
    description = read_description(value | dict(statement), where=_WHERE)
    if description.stated_by != stated_by:
        raise StatedForAnother(
            f"The upload is {stated_by}'s, and the description is stated by {description.stated_by}.", where=f"{_WHERE}/statedBy"
        )
    if description.size != known.size:
        raise NotAsDeclared(f"{known.size} bytes arrived, and {description.size} are declared.", where=f"{_WHERE}/size")
    return description


def _as_declared(statement: Mapping[str, JsonValue], stated_by: MemberName, known: _Bytes) -> Description:
    """The statement over the bytes that arrived; what it declares of them is what they are."""
    description = _read(statement, stated_by, known)
    if description.stored_digest != known.digest:
        where = "digest" if description.confidential is None else "confidential/digest"
        raise NotAsDeclared(
            f"The bytes that arrived have the SHA-256 {encode_hex(known.digest)}, and {encode_hex(description.stored_digest)} "
            "is declared.",
            where=f"{_WHERE}/{where}",
        )
    if description.cid != known.cid:
        raise NotAsDeclared(
            f"The bytes that arrived have the CID {known.cid.text}, and {description.cid.text} is declared.",
            where=f"{_WHERE}/cid",
        )
    return description


def _same(stored: StoredDocument, description: Description) -> StoredDocument:
    """What was made of the upload, where this is the statement that it was made of."""
    if description != stored.description:
        cid = stored.description.cid.text
        raise UploadAlreadyStored(f"Of this upload document {cid} was made, with another description.", where=_WHERE)
    return stored


def _identified(source: BinaryIO) -> _Bytes:
    cid, size, digest = identify(iter(lambda: source.read(_PIECE_BYTES), b""))
    return _Bytes(cid=cid, size=size, digest=digest)


def _require_own(tx: Transaction, description: Description) -> None:
    """Whoever replaces a document stated it, and each is replaced by one other."""
    center, member = description.stated_by.center, description.stated_by.member
    if description.replaces is None:
        return
    own = _own(tx, center, member, description.replaces)
    if not own:
        raise NotTheirDocument(
            f"{description.stated_by} stated nothing about {description.replaces.text}.", where=f"{_WHERE}/replaces"
        )
    newer = own[0].replaced_by
    if newer is not None and newer != description.cid:
        raise AlreadyReplaced(
            f"{newer.text} has taken the place of {description.replaces.text}.",
            where=f"{_WHERE}/replaces",
            remedy=f"Name {newer.text} under `replaces`, or what took its place.",
        )


def _is_confidential_of(tx: Transaction, center: CenterId, member: MemberId, cid: Cid) -> bool:
    return any(each.is_blinded for each in _own(tx, center, member, cid))


def _own(tx: Transaction, center: CenterId, member: MemberId, cid: Cid) -> tuple[StoredDocument, ...]:
    return tx.documents.of_member(center, member, cid, limit=_MAX_STATEMENTS)


def _line(stored: StoredDocument, actor: str, action: str, cid: Cid) -> AuditLine:
    return AuditLine(
        at=stored.stored_at, actor=actor, center=stored.center, member=stored.member, action=action, subject=cid.text
    )
