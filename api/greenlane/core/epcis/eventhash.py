"""The CBV event hash: an identifier that anybody can compute from the event itself.

`ni:///sha-256;<64 hexadecimal digits>?ver=CBV2.0` (RFC 6920). Two spellings of one event hash alike, a changed field hashes
otherwise; record time, event ID, error declaration and certification are outside, so the content digest stands beside it.
Source: CBV 2.0, section 8.9; the text before hashing is made in `prehash`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from greenlane.core.canonical import JsonValue
from greenlane.core.crypto import sha256
from greenlane.core.epcis.event import EventFault, parse_document
from greenlane.core.epcis.prehash import CbvVersion, EventUnhashable, prehash
from greenlane.core.errors import Faults, InvalidInput

__all__ = [
    "CbvVersion",
    "EventHashMalformed",
    "EventUnhashable",
    "event_hash",
    "event_hash_digest",
    "event_hash_version",
    "format_event_hash",
    "hash_document",
    "prehash",
]

_NI: Final = re.compile(r"ni:///sha-256;([0-9a-f]{64})\?ver=(CBV2\.[01])", re.ASCII).fullmatch
_DIGEST_BYTES: Final = 32


class EventHashMalformed(InvalidInput):
    """A text or digest that is no CBV event hash."""

    code = "malformed-event-hash"
    default_remedy = "Give ni:///sha-256;, 64 lower-case hexadecimal digits, and ?ver=CBV2.0 or ?ver=CBV2.1."


def event_hash(event_document: Mapping[str, Any], version: CbvVersion = CbvVersion.V2_0) -> str:
    """The event hash of one event.

    Args:
        event_document: the event with its "@context" inside.
        version: whose rules.

    Raises:
        EventUnhashable: the document is no event that can be hashed.
    """
    text = prehash(event_document, version)
    try:
        return f"ni:///sha-256;{sha256(text.encode()).hex()}?ver={'CBV2.1' if version is CbvVersion.V2_1 else 'CBV2.0'}"
    except UnicodeEncodeError as error:
        raise EventUnhashable("The event holds a lone surrogate.", where="") from error


def hash_document(value: JsonValue, version: CbvVersion = CbvVersion.V2_0) -> tuple[str, ...]:
    """The event hashes of a document's events, in their order: as many hashes as events, or an error that names the event.

    Args:
        value: an EPCISDocument, an EPCISQueryDocument or one event.

    Raises:
        Faults: of EventFault, each with pointer and index of its event.
    """
    hashes: list[str] = []
    faults: list[EventFault] = []
    document = parse_document(value)
    for index, event in enumerate(document.events):
        try:
            hashes.append(event_hash(event.document, version))
        except EventUnhashable as error:
            faults.append(EventFault(error.detail, where=document.place_of(index), remedy=error.remedy, event_index=index))
    if faults:
        raise Faults(tuple(faults))
    return tuple(hashes)


def format_event_hash(digest: bytes, version: CbvVersion = CbvVersion.V2_0) -> str:
    """The `ni` URI of a digest of 32 bytes.

    Raises:
        EventHashMalformed: another length.
    """
    if len(digest) != _DIGEST_BYTES:
        raise EventHashMalformed(f"An event hash has {_DIGEST_BYTES} bytes, not {len(digest)}.")
    return f"ni:///sha-256;{digest.hex()}?ver={version.value}"


def event_hash_digest(event_hash: str) -> bytes:
    """The 32 bytes inside an event hash.

    Raises:
        EventHashMalformed: the text is no event hash in its one spelling.
    """
    return bytes.fromhex(_parsed(event_hash)[0])


def event_hash_version(event_hash: str) -> CbvVersion:
    """Whose rules made an event hash.

    Raises:
        EventHashMalformed: the text is no event hash in its one spelling.
    """
    return CbvVersion(_parsed(event_hash)[1])


def _parsed(event_hash: str) -> tuple[str, str]:
    found = _NI(event_hash)
    if found is None:
        raise EventHashMalformed(f"{event_hash[:100]!r} is no event hash.")
    return found[1], found[2]
