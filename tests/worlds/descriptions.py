"""Descriptions of documents for tests: one of a certificate, any that may be stated, and the way of one into a log."""

import unicodedata
from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING

from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.description import (
    DOCUMENT_TYPES,
    MAX_ABOUT,
    Confidential,
    Description,
    DocumentReader,
    MemberName,
    document_entry,
    read_file_name,
)
from greenlane.core.documents.endings import suits
from greenlane.core.documents.recipient import is_recipient
from greenlane.core.units import CenterId, MemberId, Salt
from greenlane.core.wire import FieldInvalid
from greenlane.ports.document_index import StoredDocument
from hypothesis import strategies as st

if TYPE_CHECKING:
    from worlds.deployment import World

LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"


def recipient_of(key: bytes) -> str:
    """The age recipient of an X25519 public key, whatever it is worth."""
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    number = int.from_bytes(key, "big") << 4
    groups = [number >> 5 * at & 31 for at in reversed(range(52))]
    checksum = 1
    for group in (3, 3, 3, 0, 1, 7, 5, *groups, 0, 0, 0, 0, 0, 0):
        top, checksum = checksum >> 25, (checksum & 0x1FFFFFF) << 5 ^ group
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= generator if top >> bit & 1 else 0
    checksum ^= 1
    return "age1" + "".join(letters[group] for group in (*groups, *(checksum >> 5 * at & 31 for at in reversed(range(6)))))


RECIPIENT = recipient_of(bytes([9] * 32))
OTHER_RECIPIENT = recipient_of(bytes([10] * 32))
COOPERATIVE = MemberName(center=CenterId("lima"), member=MemberId("cooperativa-norandino"))
ROASTER = MemberName(center=CenterId("tianjin"), member=MemberId("roaster"))


def description(data: bytes = b"a certificate", *, about: tuple[str, ...] = (LOT,)) -> Description:
    """A public certificate of one chunk."""
    return Description(
        stated_by=COOPERATIVE,
        cid=Cid.of(Codec.RAW, data),
        size=len(data),
        digest=sha256(data),
        media_type="application/pdf",
        name="organic-2026.pdf",
        document_type="cert",
        issuer="Certificadora Ejemplo",
        issued_on=date(2026, 7, 1),
        about=about,
        confidential=None,
        replaces=None,
    )


def confidential_description(plain: bytes = b"a certificate", stored: bytes = b"its age file") -> Description:
    """The same, encrypted for a named member and for whoever holds the link."""
    readers = (
        DocumentReader(recipient=RECIPIENT, name=ROASTER),
        DocumentReader(recipient=OTHER_RECIPIENT, name=None),
    )
    return replace(
        description(plain),
        cid=Cid.of(Codec.RAW, stored),
        size=len(stored),
        confidential=Confidential(digest=sha256(stored), readers=readers),
    )


_DIGESTS = st.binary(min_size=32, max_size=32)
_SLUGS = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)
_CIDS = st.builds(Cid, codec=st.sampled_from(Codec), digest=_DIGESTS)
_MEMBERS = st.builds(MemberName, center=_SLUGS.map(CenterId), member=_SLUGS.map(MemberId))
_LINES = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S"), exclude_characters='/\\:*?"<>|'), min_size=1, max_size=30
).map(lambda line: unicodedata.normalize("NFC", line))
_URIS = st.one_of(
    st.from_regex(r"[0-9]{13}", fullmatch=True).map(lambda digits: f"urn:example:thing:{digits}"),
    st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True).map(lambda serial: f"https://id.gs1.org/01/09521321000018/21/{serial}"),
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True).map(lambda digest: f"ni:///sha-256;{digest}?ver=CBV2.0"),
    st.from_regex(r"[a-z]{1,12}", fullmatch=True).map(lambda name: f"did:web:{name}.example"),
)
# Of small order are a few numbers that any search for trouble finds.
_RECIPIENTS = st.integers(2, 2**250).map(lambda number: recipient_of(number.to_bytes(32, "little"))).filter(is_recipient)
_CONFIDENTIAL = st.builds(
    Confidential,
    digest=_DIGESTS,
    readers=st.lists(
        st.builds(DocumentReader, recipient=_RECIPIENTS, name=st.none() | _MEMBERS),
        min_size=1,
        max_size=4,
        unique_by=lambda reader: reader.recipient,
    ).map(tuple),
)


def _is_plain(name: str) -> bool:
    try:
        return read_file_name(name, "") == name
    except FieldInvalid:
        return False


@st.composite
def descriptions(draw: st.DrawFn) -> Description:
    """Any description that may be stated."""
    cid, digest = draw(_CIDS), draw(_DIGESTS)
    media_type = draw(st.from_regex(r"[a-z0-9][a-z0-9+.-]{0,20}/[a-z0-9][a-z0-9+.-]{0,20}", fullmatch=True))
    names = _LINES.filter(lambda name: _is_plain(name) and suits(name, media_type))
    return Description(
        stated_by=draw(_MEMBERS),
        cid=cid,
        size=draw(st.integers(0, 2**53 - 1)),
        digest=digest,
        media_type=media_type,
        name=draw(names),
        document_type=draw(st.sampled_from(sorted(DOCUMENT_TYPES))),
        issuer=draw(st.none() | _LINES),
        issued_on=draw(st.none() | st.dates()),
        about=tuple(draw(st.lists(_URIS, min_size=1, max_size=min(MAX_ABOUT, 6), unique=True))),
        confidential=draw(st.none() | _CONFIDENTIAL.filter(lambda secret: secret.digest != digest)),
        replaces=draw(st.none() | _CIDS.filter(lambda other: other != cid)),
    )


def state(world: "World", described: Description, *, salt: Salt | None = None, stored: bytes | None = None) -> StoredDocument:
    """Logs a statement in a world, blinded where a salt is given, and keeps the bytes where they are given."""
    plain = document_entry(described)
    entry = plain if salt is None else plain.blinded(salt)
    if stored is not None:
        world.documents.add(BytesIO(stored), expected=described.cid)
    with world.store.write() as tx:
        center = described.stated_by.center
        tx.log.lock(center)
        document = StoredDocument(
            center=center,
            member=described.stated_by.member,
            description=described,
            content_digest=plain.content,
            leaf_index=tx.log.append(center, [entry.encode()]),
            salt=salt,
            is_blinded=salt is not None,
            stored_at=world.clock(),
        )
        tx.documents.add(document)
    return document
