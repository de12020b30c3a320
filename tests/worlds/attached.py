"""Documents in a world, uploaded and stored as a member's machine would; confidential ones encrypted first.

stored = attach(world, b"%PDF-1.7 …", about=(item(1),), name="organic.pdf")
secret, key = attach_secret(world, b"%PDF-1.7 …", about=(item(1),))
"""

from collections.abc import Mapping
from typing import Any

import pyrage  # type: ignore[import-untyped]
from greenlane.adapters.age import encrypt_for
from greenlane.core.canonical import JsonValue
from greenlane.core.crypto import sha256
from greenlane.core.units import CenterId, MemberId
from greenlane.core.wire import encode_hex
from greenlane.ports.document_index import StoredDocument
from worlds.deployment import COOPERATIVE, LIMA, World

KEY_ID = "0" * 16


def attach(
    world: World,
    data: bytes,
    *,
    about: tuple[str, ...],
    center: CenterId = LIMA,
    member: MemberId = COOPERATIVE,
    **stated: Any,
) -> StoredDocument:
    """Stores a document; `stated` replaces what is said of it, by the names of the description's JSON."""
    said: dict[str, JsonValue] = {
        "mediaType": "application/pdf",
        "name": "organic-2026.pdf",
        "documentType": "cert",
        "issuer": "Certificadora Ejemplo",
        "issuedOn": "2026-05-20",
        "about": list(about),
    }
    return _store(world, data, said | stated, center, member)


def attach_secret(
    world: World, plain: bytes, *, about: tuple[str, ...], key: str | None = None, **stated: Any
) -> tuple[StoredDocument, str]:
    """Encrypts for a key of its own (or the given one), and stores; the document, and the key that a link would carry."""
    identity = pyrage.x25519.Identity.generate() if key is None else pyrage.x25519.Identity.from_str(key)
    recipient = str(identity.to_public())
    data = encrypt_for(plain, [recipient])
    secret: Mapping[str, JsonValue] = {
        "format": "age-encryption.org/v1",
        "digest": encode_hex(sha256(data)),
        "readers": [{"recipient": recipient, "name": None}],
    }
    stored = attach(world, data, about=about, confidential=secret, digest=encode_hex(sha256(plain)), **stated)
    return stored, str(identity)


def _store(world: World, data: bytes, said: dict[str, JsonValue], center: CenterId, member: MemberId) -> StoredDocument:
    begun = world.receive_upload.begin(center=center, member=member, key_id=KEY_ID, length=len(data))
    world.receive_upload.append(begun.upload.id, key_id=KEY_ID, offset=0, pieces=[data])
    return world.store_document(begun.upload.id, said, center=center, key_id=KEY_ID, actor="console")
