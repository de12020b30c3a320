"""Event hashes, content digests and centers as they stand in addresses."""

import re
from collections.abc import Mapping

from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.errors import NotFound
from greenlane.core.units import CenterId, LeafIndex
from greenlane.core.units import center_id as read_center_id
from greenlane.ports.signing import HostedCenter
from greenlane.web.problems import BadRequest
from greenlane.web.state import WebState

_HEX = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII).fullmatch
# 2^53 and more is no leaf of any log.
_LEAF = re.compile(r"[0-9]{1,15}", re.ASCII).fullmatch


def event_digest_of(text: str, query: Mapping[str, str]) -> bytes | None:
    """The 32 bytes of an event hash: 64 hex digits or a ni URI; None where the text is neither.

    Raises:
        EventHashMalformed: it begins like a ni URI and is none.
    """
    if _HEX(text):
        return bytes.fromhex(text)
    if not text.startswith("ni:"):
        return None
    # Some clients leave the ? of the ni URI as it is, and it arrives as a query.
    if "?" not in text and "ver" in query:
        text = f"{text}?ver={query['ver']}"
    return event_hash_digest(text)


def required_event_digest(text: str, query: Mapping[str, str]) -> bytes:
    """As `event_digest_of`, where nothing else may stand.

    Raises:
        BadRequest: the text is no event hash.
        EventHashMalformed: it begins like a ni URI and is none.
    """
    digest = event_digest_of(text, query)
    if digest is None:
        raise BadRequest(f"{text[:80]!r} is no event hash.", remedy="Send its 64 hex digits, or ni:///sha-256;…?ver=CBV2.0.")
    return digest


def content_digest_of(query: Mapping[str, str]) -> bytes | None:
    """The content digest that a query names; None where it names none.

    Raises:
        BadRequest: it has not 64 hex digits.
    """
    text = query.get("content")
    if text is None:
        return None
    if _HEX(text) is None:
        raise BadRequest("The content digest has not 64 hex digits.", remedy="Leave it out, or send them all.")
    return bytes.fromhex(text)


def place_of(query: Mapping[str, str]) -> tuple[CenterId | None, LeafIndex | None]:
    """The center and the leaf index that a query names; None for what it does not name.

    Raises:
        BadRequest: the leaf is no number, or stands without a center.
        InvalidInput: no center can have that name.
    """
    center, leaf = query.get("center"), query.get("leaf")
    if leaf is None:
        return (None if center is None else read_center_id(center)), None
    if center is None:
        raise BadRequest("A leaf is named without its center.", remedy="Send both, center and leaf, or neither.")
    if _LEAF(leaf) is None:
        raise BadRequest(f"{leaf[:40]!r} is no leaf index.", remedy="Send a whole number from 0.")
    return read_center_id(center), LeafIndex(int(leaf))


def hosted_center(state: WebState, center_id: str) -> HostedCenter:
    """The center of an address.

    Raises:
        NotFound: it is not served here.
    """
    for each in state.services.centers:
        if each.id == center_id:
            return each
    raise NotFound(f"No center {center_id[:40]!r} is served here.", remedy="GET /v1/centers lists those that are.")
