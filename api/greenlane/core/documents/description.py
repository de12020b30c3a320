"""What a member states of a document, and the entry that fixes the statement and the bytes.

    subject = SHA-256 of the bytes that a person holds      content = SHA-256 of the statement's RFC 8785 bytes

The statement names the CID, so the entry fixes both what is read and what is stored, and also what the document is said to be
about: nobody can hang an honest certificate on another lot afterwards without another entry. Of a confidential document the
subject is the plaintext's digest, as its owner states it, and the statement names the ciphertext's; the entry is blinded.

The bytes are one document under one CID however often they are stated; each statement is an entry. So that one statement has one
digest, every value has one spelling: texts are in Unicode's normal form C without spaces around them, identifiers canonical.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from greenlane.core.canonical import JsonValue, canonical_bytes
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid, parse_cid
from greenlane.core.documents.endings import endings_of, suits
from greenlane.core.documents.recipient import RECIPIENT_CHARACTERS, is_recipient
from greenlane.core.entry import Entry, EntryKind
from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.epcis.identifiers import check_identifier, to_digital_link
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, MemberId, center_id, member_id
from greenlane.core.wire import (
    FieldInvalid,
    encode_hex,
    read_constant,
    read_count,
    read_hex,
    read_line,
    read_list,
    read_object,
    shown,
)

DESCRIPTION_TYPE = "GreenlaneDocument"
DESCRIPTION_VERSION = 1
AGE_FORMAT = "age-encryption.org/v1"
MAX_ABOUT = 32
MAX_ABOUT_CHARACTERS = 8_192
"""Of all that one document is about, together: every page that tells of the bytes repeats them."""
MAX_READERS = 64
MAX_NAME_CHARACTERS = 200
MAX_NAME_BYTES = 240
"""Of a file name in UTF-8; file systems take 255, and a copy may get an ending more."""
MAX_ISSUER_CHARACTERS = 200
MAX_URI_CHARACTERS = 2_048
DIGEST_BYTES = 32

DOCUMENT_TYPES = {
    "audit": "Audit report",
    "bol": "Bill of lading",
    "cert": "Certificate",
    "declaration": "Declaration",
    "desadv": "Despatch advice",
    "inv": "Invoice",
    "other": "Document",
    "photo": "Photo",
    "po": "Purchase order",
    "testres": "Test results",
}
"""Types of documents and what people call them; the names of CBV's business transaction types (7.3) where there is one."""

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}", re.ASCII)
_EVENT_HASH = "ni:///sha-256;"
_UNKEPT = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\xb9\xb2\xb3])\s*(?:\..*)?", re.IGNORECASE)
"""Names that are devices on Windows, whatever ending they have; it takes raised digits for digits, and spaces for nothing."""


class DescriptionInvalid(InvalidInput):
    """What is stated of a document cannot stand together."""

    code = "document-description-invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberName:
    """A member of the network: its center's short name and its own, written "lima/cooperativa-norandino"."""

    center: CenterId
    member: MemberId

    def __str__(self) -> str:
        return f"{self.center}/{self.member}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReader:
    """One key that opens a confidential document.

    Attributes:
        recipient: the age recipient, an X25519 public key: "age1…", 62 characters.
        name: whose key it is; None where the key travels in a link or a QR code and belongs to whoever holds that.
    """

    recipient: str
    name: MemberName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidential:
    """How a document is encrypted, and for whom.

    Attributes:
        digest: SHA-256 of the stored bytes, the age file.
        readers: at least one, at most MAX_READERS, no recipient twice.
    """

    digest: bytes
    readers: tuple[DocumentReader, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is stated of one document.

    Attributes:
        stated_by: the member that states it.
        cid: of the stored bytes.
        size: of the stored bytes.
        digest: SHA-256 of the bytes that a person holds: the stored ones, or what they decrypt to.
        media_type: of what a person holds, e.g. "application/pdf"; no parameters.
        name: a file name for whoever keeps a copy; no parts of a path, and an ending that suits the media type.
        document_type: one of DOCUMENT_TYPES.
        issuer: who issued it, in the words on it; None where nobody did, as with a photo.
        issued_on: the day on it.
        about: what it is about, at least one: products, lots and places (GS1 Digital Link), events (their event hash),
            credentials or members (any absolute URI); canonical, no repeats, in the order given.
        confidential: None where everybody may read it.
        replaces: the document that this one takes the place of.
    """

    stated_by: MemberName
    cid: Cid
    size: int
    digest: bytes
    media_type: str
    name: str
    document_type: str
    issuer: str | None
    issued_on: date | None
    about: tuple[str, ...]
    confidential: Confidential | None
    replaces: Cid | None

    def __post_init__(self) -> None:
        if len(self.digest) != DIGEST_BYTES or (self.confidential is not None and len(self.confidential.digest) != DIGEST_BYTES):
            raise DescriptionInvalid(
                f"A digest has {DIGEST_BYTES} bytes.", where="/digest", remedy="Give the SHA-256 of the bytes."
            )
        if not 1 <= len(self.about) <= MAX_ABOUT or len(set(self.about)) != len(self.about):
            remedy = "Name each product, lot, place or event once; state what is about more in several statements."
            raise DescriptionInvalid(
                f"A document is about 1 to {MAX_ABOUT} things, none named twice.", where="/about", remedy=remedy
            )
        if sum(map(len, self.about)) > MAX_ABOUT_CHARACTERS:
            remedy = "State what it is about in several statements."
            raise DescriptionInvalid(
                f"What a document is about has at most {MAX_ABOUT_CHARACTERS} characters together.", where="/about", remedy=remedy
            )
        if self.replaces == self.cid:
            remedy = "Name the older document, whose bytes are others, or null."
            raise DescriptionInvalid("A document cannot take its own place.", where="/replaces", remedy=remedy)
        require_suiting_ending(self.name, self.media_type, where="/name")
        if self.confidential is not None:
            if self.confidential.digest == self.digest:
                raise DescriptionInvalid(
                    "What is stored of a confidential document is not the document itself.",
                    where="/confidential/digest",
                    remedy="Give the digest of the plain document under digest, and that of its age file here.",
                )
            recipients = [reader.recipient for reader in self.confidential.readers]
            if not 1 <= len(recipients) <= MAX_READERS or len(set(recipients)) != len(recipients):
                raise DescriptionInvalid(
                    f"A confidential document has 1 to {MAX_READERS} readers, no key twice.",
                    where="/confidential/readers",
                    remedy="Name each key once, and your own too, where you are to read it.",
                )

    @property
    def stored_digest(self) -> bytes:
        """SHA-256 of the stored bytes."""
        return self.digest if self.confidential is None else self.confidential.digest


def description_value(description: Description) -> dict[str, JsonValue]:
    """The JSON form; every key is always there, and null says that there is nothing."""
    secret = description.confidential
    return {
        "type": DESCRIPTION_TYPE,
        "version": DESCRIPTION_VERSION,
        "statedBy": str(description.stated_by),
        "cid": description.cid.text,
        "size": description.size,
        "digest": encode_hex(description.digest),
        "mediaType": description.media_type,
        "name": description.name,
        "documentType": description.document_type,
        "issuer": description.issuer,
        "issuedOn": None if description.issued_on is None else description.issued_on.isoformat(),
        "about": list(description.about),
        "confidential": None
        if secret is None
        else {
            "format": AGE_FORMAT,
            "digest": encode_hex(secret.digest),
            "readers": [
                {"recipient": reader.recipient, "name": None if reader.name is None else str(reader.name)}
                for reader in secret.readers
            ],
        },
        "replaces": None if description.replaces is None else description.replaces.text,
    }


def encode_description(description: Description) -> bytes:
    """The RFC 8785 bytes, whose SHA-256 stands in the entry."""
    return canonical_bytes(description_value(description))


def read_description(value: JsonValue, where: str = "") -> Description:
    """Reads the JSON form strictly.

    Args:
        where: JSON pointer of the value, for errors.

    Raises:
        FieldInvalid: a field is missing, unknown, or not as it must be; or in another spelling than its one.
        CidInvalid, DescriptionInvalid: as their names say.
    """
    keys = [
        "type",
        "version",
        "statedBy",
        "cid",
        "size",
        "digest",
        "mediaType",
        "name",
        "documentType",
        "issuer",
        "issuedOn",
        "about",
        "confidential",
        "replaces",
    ]
    fields = read_object(value, keys, where)
    read_constant(fields["type"], f"{where}/type", DESCRIPTION_TYPE)
    read_constant(fields["version"], f"{where}/version", DESCRIPTION_VERSION)
    try:
        return Description(
            stated_by=read_member_name(fields["statedBy"], f"{where}/statedBy"),
            cid=_read_cid(fields["cid"], f"{where}/cid"),
            size=read_count(fields["size"], f"{where}/size"),
            digest=read_hex(fields["digest"], f"{where}/digest", length=DIGEST_BYTES),
            media_type=read_media_type(fields["mediaType"], f"{where}/mediaType"),
            name=read_file_name(fields["name"], f"{where}/name"),
            document_type=read_document_type(fields["documentType"], f"{where}/documentType"),
            issuer=None if fields["issuer"] is None else read_issuer(fields["issuer"], f"{where}/issuer"),
            issued_on=None if fields["issuedOn"] is None else read_day(fields["issuedOn"], f"{where}/issuedOn"),
            about=tuple(_read_canonical(uri, f"{where}/about/{at}") for at, uri in _about(fields["about"], f"{where}/about")),
            confidential=None
            if fields["confidential"] is None
            else _read_confidential(fields["confidential"], f"{where}/confidential"),
            replaces=None if fields["replaces"] is None else _read_cid(fields["replaces"], f"{where}/replaces"),
        )
    except DescriptionInvalid as error:
        raise DescriptionInvalid(error.detail, where=where + (error.where or ""), remedy=error.remedy) from error


def document_entry(description: Description) -> Entry:
    """The plain entry of one statement; it goes into the log blinded where the document is confidential."""
    return Entry(
        kind=EntryKind.DOCUMENT,
        is_blinded=False,
        subject=description.digest,
        content=sha256(encode_description(description)),
    )


def read_member_name(value: JsonValue, where: str) -> MemberName:
    """A member as "center/member".

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=63)
    center, slash, member = text.partition("/")
    try:
        if not slash:
            raise InvalidInput("no slash")
        return MemberName(center=center_id(center), member=member_id(member))
    except InvalidInput as error:
        remedy = "Write the center's short name, a slash and the member's, like lima/cooperativa-norandino."
        raise FieldInvalid(f"{shown(text)} names no member.", where=where, remedy=remedy) from error


def read_recipient(value: JsonValue, where: str) -> str:
    """An age recipient behind which a key lies, that can be encrypted for (`recipient.is_recipient`).

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=128)
    if not is_recipient(text):
        remedy = (
            f"Give the public key as age-keygen or `greenlane document keygen` printed it: {RECIPIENT_CHARACTERS} characters "
            "that begin with age1."
        )
        raise FieldInvalid(f"{shown(text)} is no age recipient.", where=where, remedy=remedy)
    return text


def read_file_name(value: JsonValue, where: str) -> str:
    """A file name without any part of a path, that every system can keep, in its one spelling.

    Raises:
        FieldInvalid: anything else.
    """
    name = _read_normal(value, where, longest=MAX_NAME_CHARACTERS)
    if len(name.encode()) > MAX_NAME_BYTES:
        raise FieldInvalid(f"A file name has at most {MAX_NAME_BYTES} bytes in UTF-8.", where=where, remedy="Shorten it.")
    if _UNKEPT.fullmatch(name) is not None:
        raise FieldInvalid(f"{shown(name)} is no name for a file on every system.", where=where, remedy="Give it another name.")
    # What begins with - or ~ is taken for an option or a home folder by whoever types it.
    if any(sign in name for sign in '/\\:*?"<>|') or name.startswith((".", " ", "-", "~")) or name.endswith((".", " ")):
        remedy = (
            'Give a plain name like audit-2026.pdf: no / \\ : * ? " < > |, no dot or space at either end, no - or ~ before it.'
        )
        raise FieldInvalid(f"{shown(name)} is no plain file name.", where=where, remedy=remedy)
    return name


def require_suiting_ending(name: str, media_type: str, *, where: str) -> None:
    """Refuses a name by whose ending a copy would be opened as something else than what is stated.

    Raises:
        DescriptionInvalid: the ending is none of the media type's, or one that computers run.
    """
    if suits(name, media_type):
        return
    endings = " or ".join(f".{ending}" for ending in sorted(endings_of(media_type)))
    remedy = f"Let it end with {endings}, or state another type." if endings else "Give it the ending that its type has."
    raise DescriptionInvalid(f"{shown(name)} is no name for a document of type {media_type}.", where=where, remedy=remedy)


def read_issuer(value: JsonValue, where: str) -> str:
    """Who issued a document, in its one spelling.

    Raises:
        FieldInvalid: anything else.
    """
    issuer = _read_normal(value, where, longest=MAX_ISSUER_CHARACTERS)
    if issuer != issuer.strip():
        raise FieldInvalid("No space stands before or after an issuer's name.", where=where, remedy="Leave the spaces out.")
    return issuer


def read_media_type(value: JsonValue, where: str) -> str:
    """A media type without parameters, in lower case (RFC 6838).

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=127)
    if _MEDIA_TYPE.fullmatch(text) is None:
        raise FieldInvalid(f"{shown(text)} is no media type.", where=where, remedy="Write one like application/pdf.")
    return text


def read_document_type(value: JsonValue, where: str) -> str:
    """One of DOCUMENT_TYPES.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=64)
    if text not in DOCUMENT_TYPES:
        raise FieldInvalid(
            f"{shown(text)} is no type of document.", where=where, remedy=f"Use one of {', '.join(DOCUMENT_TYPES)}."
        )
    return text


def read_day(value: JsonValue, where: str) -> date:
    """A day as 2026-07-01.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=10)
    try:
        day = date.fromisoformat(text)
        if day.isoformat() != text:
            raise ValueError(text)
    except ValueError as error:
        raise FieldInvalid(f"{shown(text)} is no day.", where=where, remedy="Write a day like 2026-07-01.") from error
    return day


def canonical_subject(uri: str, *, where: str | None = None) -> str:
    """What a document is about, in its one spelling: a GS1 identifier as canonical Digital Link, any other URI as it is.

    Raises:
        FieldInvalid: no absolute URI, or a GS1 identifier or an event hash that is not right.
    """
    if len(uri) > MAX_URI_CHARACTERS:
        raise FieldInvalid(f"A URI here has at most {MAX_URI_CHARACTERS} characters.", where=where, remedy="Name a shorter one.")
    # Schemes are alike in capitals and small letters (RFC 3986, 3.1); of the rest each scheme has its own rules.
    scheme, colon, rest = uri.partition(":")
    uri = scheme.lower() + colon + rest
    try:
        if uri.startswith(_EVENT_HASH):
            event_hash_digest(uri)
        else:
            check_identifier(uri)
    except InvalidInput as error:
        remedy = error.remedy or "Give a GS1 Digital Link, an event hash (ni:///sha-256;…), or another absolute URI."
        raise FieldInvalid(error.detail, where=where, remedy=remedy) from error
    return to_digital_link(uri)


def _read_normal(value: JsonValue, where: str, *, longest: int) -> str:
    text = read_line(value, where, longest=longest)
    if not unicodedata.is_normalized("NFC", text):
        remedy = "Write it in Unicode's normal form C, as keyboards do; some systems keep names of files in another form."
        raise FieldInvalid(f"{shown(text)} is not in its one spelling.", where=where, remedy=remedy)
    return text


def _about(value: JsonValue, where: str) -> list[tuple[int, JsonValue]]:
    return list(enumerate(read_list(value, where, longest=MAX_ABOUT)))


def _read_canonical(value: JsonValue, where: str) -> str:
    text = read_line(value, where, longest=MAX_URI_CHARACTERS)
    if canonical_subject(text, where=where) != text:
        raise FieldInvalid(f"{shown(text)} is not in its one spelling.", where=where, remedy=f"Write {canonical_subject(text)}.")
    return text


def _read_cid(value: JsonValue, where: str) -> Cid:
    return parse_cid(read_line(value, where, longest=128), where=where)


def _read_confidential(value: JsonValue, where: str) -> Confidential:
    fields = read_object(value, ("format", "digest", "readers"), where)
    read_constant(fields["format"], f"{where}/format", AGE_FORMAT)
    readers = read_list(fields["readers"], f"{where}/readers", longest=MAX_READERS)
    return Confidential(
        digest=read_hex(fields["digest"], f"{where}/digest", length=DIGEST_BYTES),
        readers=tuple(_read_reader(reader, f"{where}/readers/{at}") for at, reader in enumerate(readers)),
    )


def _read_reader(value: JsonValue, where: str) -> DocumentReader:
    fields = read_object(value, ("recipient", "name"), where)
    return DocumentReader(
        recipient=read_recipient(fields["recipient"], f"{where}/recipient"),
        name=None if fields["name"] is None else read_member_name(fields["name"], f"{where}/name"),
    )
