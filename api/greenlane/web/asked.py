"""Bodies of requests about green assets: read strictly, field by field, each fault with its place."""

from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request

from greenlane.core.assets.act import SALT_BYTES, SIGNATURE_BYTES
from greenlane.core.canonical import JsonValue, parse_json, pointer
from greenlane.core.entry import DIGEST_BYTES
from greenlane.core.units import MemberId, member_id
from greenlane.core.wire import FieldInvalid, read_count, read_hex, read_line, read_object, shown
from greenlane.services.assets.acting import Asker, OwnSignature
from greenlane.services.identify import Principal
from greenlane.web.auth import MEMBER_HEADER, member_of
from greenlane.web.problems import BadRequest, MediaTypeUnsupported

PRIVATE = {"Cache-Control": "private, no-store"}
TOKEN_EXAMPLE = "0x5f1c4e0b9d7a3c2e8f6b1a0d4c7e9b2f3a5d8c1e0f7b6a9d2c4e8f1b3a5d7c90"  # noqa: S105 (an id)
TOKEN = {"type": "string", "description": "0x and 64 hex digits: the digest of the statement that the units stand on"}
QUANTITY = {"type": "string", "description": "decimal text in the class's unit, never finer than it counts"}
QUANTITY_CHARACTERS = 64
REASON_CHARACTERS = 256
MEMBER_PARAMETER: dict[str, Any] = {
    "name": MEMBER_HEADER,
    "in": "header",
    "required": False,
    "description": "for which member; needed with a key of role facilitator or operator",
    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,30}$"},
}
ONCE_PARAMETER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 printable characters; the same key with the same request replays the first answer",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_ACT_SCHEMA = {
    "type": "object",
    "description": "only of a member that keeps its key itself: what the answer signature-needed told, and the signature of it",
    "required": ["salt", "notAfter", "signature"],
    "properties": {
        "salt": {"type": "string", "description": "0x and 64 hex digits"},
        "notAfter": {"type": "integer", "description": "unix seconds"},
        "signature": {"type": "string", "description": "0x and 130 hex digits"},
    },
}


def request_body(
    properties: Mapping[str, Any], *, required: Collection[str], example: Any, is_act: bool = True
) -> dict[str, Any]:
    """How the description of the interface tells of a JSON body and of the headers of a write."""
    schema = {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": {**properties, "act": _ACT_SCHEMA} if is_act else dict(properties),
    }
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}},
        "parameters": [ONCE_PARAMETER, MEMBER_PARAMETER],
    }


def read_body(
    request: Request, body: bytes, *, required: Collection[str], optional: Collection[str] = ()
) -> dict[str, JsonValue]:
    """The fields of a body; optional ones that are left out are None.

    Raises:
        MediaTypeUnsupported: it is no JSON by its header.
        InvalidInput: it is no JSON.
        FieldInvalid: no object, a field is missing, or one is not known.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaTypeUnsupported(f"A body of type {media_type[:60]!r} is not taken here.", remedy="Send application/json.")
    value = parse_json(body)
    if not isinstance(value, dict):
        raise FieldInvalid("An object is expected.", where="")
    known = [*required, *optional]
    for key in value:
        if key not in known:
            remedy = f"Use only {', '.join(known)}."
            raise FieldInvalid(f"No field {shown(key)} is known here.", where=pointer(key), remedy=remedy)
    for key in required:
        if value.get(key) is None:
            raise FieldInvalid(f"The field {key!r} is missing.", where=pointer(key), remedy="Give it a value.")
    return {key: value.get(key) for key in known}


def asker_of(request: Request, principal: Principal) -> Asker:
    """In whose name a request acts: the key's own member, or, of a key that speaks for several, the one that the header names.

    Raises:
        MemberMissing, WrongMember: see `member_of`.
    """
    return Asker(center=principal.center, member=member_of(request, principal), actor=principal.actor)


def seen_member(request: Request, principal: Principal) -> MemberId | None:
    """Whose things are asked for: the key's member; of a key that speaks for none the one that the header names, or None: all."""
    if principal.member is not None:
        return member_of(request, principal)
    named = request.headers.get(MEMBER_HEADER)
    return None if named is None else member_id(named)


def meaning_of(asker: Asker, body: bytes) -> bytes:
    """What decides what a request does, for its Idempotency-Key."""
    return asker.member.encode() + b"\n" + body


def read_own(value: JsonValue) -> OwnSignature | None:
    """The signature of a member that keeps its key itself; None where it is left out.

    Raises:
        FieldInvalid: it is not as it must be.
    """
    if value is None:
        return None
    fields = read_object(value, ("salt", "notAfter", "signature"), "/act")
    return OwnSignature(
        salt=read_hex(fields["salt"], "/act/salt", length=SALT_BYTES),
        not_after=read_count(fields["notAfter"], "/act/notAfter", least=1),
        signature=read_hex(fields["signature"], "/act/signature", length=SIGNATURE_BYTES),
    )


def read_digest(value: JsonValue, where: str) -> bytes:
    """A token, a digest or an id: 0x and 64 lower-case hex digits.

    Raises:
        FieldInvalid: anything else.
    """
    return read_hex(value, where, length=DIGEST_BYTES)


def digest_in_address(text: str) -> bytes:
    """The same in an address.

    Raises:
        BadRequest: anything else.
    """
    try:
        return read_digest(text[:80], "")
    except FieldInvalid as fault:
        raise BadRequest(f"{text[:80]!r} is no id of these.", remedy="Write 0x and 64 lower-case hex digits.") from fault


def read_quantity_text(value: JsonValue) -> str:
    """A quantity as text; what it counts is known later.

    Raises:
        FieldInvalid: no line of text.
    """
    if isinstance(value, int | float):
        raise FieldInvalid("A quantity is text.", where="/quantity", remedy='Write it like "12.5".')
    return read_line(value, "/quantity", longest=QUANTITY_CHARACTERS)


def read_reason(value: JsonValue, where: str = "/reason") -> str:
    """A reason, 1 to 256 bytes of UTF-8, as the contracts take it.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=REASON_CHARACTERS)
    if len(text.encode()) > REASON_CHARACTERS:
        raise FieldInvalid(f"A reason has at most {REASON_CHARACTERS} bytes.", where=where, remedy="Say it shorter.")
    return text
