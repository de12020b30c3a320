"""Documents: made of uploads, handed out to whoever names their CID, found by what they are about.

Bytes are what their CID says, for ever: their answer may be kept by anyone, and is named by the CID. What a document shows in a
browser runs nothing and reaches nothing. Of a confidential document the bytes are an age file, and what is stated of it is told
to its center, its member and its readers alone.
Source: RFC 9110 (ranges, conditions), RFC 6266 (names), the trustless gateway's `format=car`.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from anyio import to_thread
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.documents.cid import parse_cid
from greenlane.core.documents.description import MAX_ABOUT, canonical_subject
from greenlane.core.receipt import Receipt, encode_receipt
from greenlane.core.units import center_id
from greenlane.core.wire import FieldInvalid, read_line, read_object
from greenlane.services.fetch import FoundDocument
from greenlane.services.identify import Principal
from greenlane.web.addresses import hosted_center, place_of
from greenlane.web.auth import Guard, Permission, Reader, count_asker
from greenlane.web.limits import asker_of, grant_time, is_head
from greenlane.web.problems import BadRequest, MediaTypeUnsupported, NotAcceptable, ParameterUnknown, RangeNotSatisfiable
from greenlane.web.query import DEFAULT_PER_PAGE, MAX_PER_PAGE
from greenlane.web.schemas import DocumentAnswer, JsonAnswer, Problem, StatementAnswer, StatementsAnswer, statement_value
from greenlane.web.state import WebState, state_of
from greenlane.web.streams import StreamedAnswer

router = APIRouter(prefix="/v1/documents", tags=["Documents"])

StorePrincipal = Annotated[Principal, Depends(Guard(Permission.STORE))]
Counted = Annotated[None, Depends(count_asker)]

CAR_TYPE = "application/vnd.ipld.car"
_BYTES_TYPE = "application/octet-stream"
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
_FOR_EVER = "public, max-age=31536000, immutable"
# Asked again each time, so that what is withdrawn ends.
_WHILE_IT_STANDS = "no-cache"
_SEALED_AWAY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
# In a sandbox a browser's own viewer of PDF shows nothing; it runs what is in one apart from every page.
_OPENED = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_SHOWN = frozenset({"application/pdf", "image/jpeg", "image/png", "image/webp", "image/gif", "text/plain"})
_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.ASCII).fullmatch
_PLAIN_NAME = re.compile(r'[^\x20-\x7e]|["\\%]')
# How fast a document is hashed, looked into and kept at the very least.
_STORED_BYTES_A_SECOND = 4 * 1024 * 1024
_PLACE_PARAMETERS = [
    {
        "name": "center",
        "in": "query",
        "required": False,
        "description": "the center of the statement, where several state something of the document",
        "schema": {"type": "string"},
    },
    {
        "name": "leaf",
        "in": "query",
        "required": False,
        "description": "with `center`: the leaf index of the statement's entry in that center's log",
        "schema": {"type": "integer", "minimum": 0},
    },
    {
        "name": "sealed",
        "in": "query",
        "required": False,
        "description": "required: no receipt without the validators' seals, which come some blocks after the anchoring",
        "schema": {"type": "string", "enum": ["if-kept", "required"], "default": "if-kept"},
    },
]
_STORE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["upload", "description"],
                    "additionalProperties": False,
                    "properties": {
                        "upload": {"type": "string", "description": "id of an upload whose bytes have all arrived"},
                        "description": {
                            "type": "object",
                            "description": (
                                "GreenlaneDocument: what is stated. type, version, statedBy, cid, size, what is null, and of a "
                                "public document its digest may be left out; what is given must be right"
                            ),
                        },
                    },
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=201,
    response_model=StatementAnswer,
    openapi_extra=_STORE_BODY,
    summary="Make a document of an upload",
    responses={
        400: {"model": Problem, "description": "The statement cannot stand, or the bytes are not what it says"},
        409: {"model": Problem, "description": "Bytes are missing, or the upload was stored under another statement"},
        502: {"model": Problem, "description": "The store of documents answered with bytes of another name; nothing was stored"},
        503: {"model": Problem, "description": "The bytes cannot be kept now; the upload is, and the same request works later"},
    },
)
async def store(request: Request, principal: StorePrincipal) -> Response:
    """Keeps the bytes and puts the statement into the center's log. The same request again gets the same answer."""
    _check_json(request)
    state = state_of(request)
    fields = read_object(parse_json(await request.body()), ["upload", "description"], "")
    upload_id = read_line(fields["upload"], "/upload", longest=64)
    statement = fields["description"]
    if not isinstance(statement, dict):
        raise FieldInvalid("The description is no object.", where="/description")
    return await _stored(state, request, principal, upload_id, statement)


@router.get(
    "",
    response_model=StatementsAnswer,
    summary="Documents about something, or of a center",
    openapi_extra={
        "parameters": [
            {
                "name": "about",
                "in": "query",
                "required": False,
                "description": f"a URI: GS1 Digital Link, event hash, or any other; may stand up to {MAX_ABOUT} times",
                "schema": {"type": "array", "items": {"type": "string"}},
            },
            {
                "name": "center",
                "in": "query",
                "required": False,
                "description": "instead of `about`: everything that members of this center stated",
                "schema": {"type": "string"},
            },
            {
                "name": "perPage",
                "in": "query",
                "required": False,
                "description": f"1 to {MAX_PER_PAGE}; {DEFAULT_PER_PAGE} unless told",
                "schema": {"type": "integer"},
            },
            {
                "name": "nextPageToken",
                "in": "query",
                "required": False,
                "description": "from the Link header of the page before",
                "schema": {"type": "string"},
            },
        ]
    },
)
def documents(request: Request, reader: Reader) -> Response:
    """What is stated, newest first: what is public, and with a key the confidential statements that it may read."""
    state = state_of(request)
    query = request.query_params.multi_items()
    subjects, center, limit, token = _read_query(query)
    look_up = state.services.look_up
    if center is not None:
        page = look_up.documents_of(hosted_center(state, center).id, reader=reader, limit=limit, token=token)
    else:
        page = look_up.documents_about(subjects, reader=reader, limit=limit, token=token)
    headers = dict(_PRIVATE)
    if page.next_token is not None:
        onward = [(name, value) for name, value in query if name != "nextPageToken"]
        address = f"{state.settings.public_url}{request.url.path}?{urlencode([*onward, ('nextPageToken', page.next_token)])}"
        headers["Link"] = f'<{address}>; rel="next"'
    value = {"statements": [statement_value(each, state.settings.public_url) for each in page.documents]}
    return JsonAnswer(value, headers=headers)


@router.get(
    "/{cid}",
    response_model=None,
    summary="The bytes of a document",
    responses={
        200: {"description": "All of it", "content": {_BYTES_TYPE: {}, CAR_TYPE: {}}},
        206: {"description": "The range that was asked for"},
        304: {"description": "The asker has them"},
        410: {"model": Problem, "description": "Withdrawn; Link names what took its place"},
        416: {"model": Problem, "description": "The document ends before the range"},
    },
    openapi_extra={
        "parameters": [
            {
                "name": "format",
                "in": "query",
                "required": False,
                "description": "car: its blocks as a CAR of version 1, each of which the asker can check",
                "schema": {"type": "string", "enum": ["bytes", "car"], "default": "bytes"},
            },
            {
                "name": "Range",
                "in": "header",
                "required": False,
                "description": "one range of bytes",
                "schema": {"type": "string"},
            },
        ]
    },
)
async def document(request: Request, _: Counted, cid: str) -> Response:
    """The bytes, to whoever names them; of a confidential document an age file."""
    state = state_of(request)
    name = parse_cid(cid)
    form = request.query_params.get("format", "bytes")
    if form not in {"bytes", "car"}:
        raise NotAcceptable(f"There is no document in the format {form[:40]!r}.", remedy="Use bytes or car.")
    find = partial(state.services.fetch_document.find, name)
    found = await to_thread.run_sync(find, limiter=state.moving_limiter)
    return _car(state, request, found) if form == "car" else _bytes(state, request, found)


@router.get("/{cid}/about", response_model=DocumentAnswer, summary="What is stated of a document")
def about(request: Request, reader: Reader, cid: str) -> Response:
    """Every statement that the asker may read, oldest first; withdrawn ones say since when."""
    state = state_of(request)
    found = state.services.look_up.document(parse_cid(cid), reader=reader)
    value = {
        "cid": cid,
        "size": found[0].description.size,
        "statements": [statement_value(each, state.settings.public_url) for each in found],
    }
    return JsonAnswer(value, headers=_PRIVATE)


async def _freshen_keys(request: Request) -> None:
    await state_of(request).trust.freshen()


Freshened = Annotated[None, Depends(_freshen_keys)]


@router.get(
    "/{cid}/receipt",
    response_model=None,
    summary="The receipt of a document",
    responses={
        200: {"description": "The receipt", "content": {"application/json": {}}},
        410: {"model": Problem, "description": "The document is confidential and its salt was forgotten"},
        503: {"model": Problem, "description": "The statement is not anchored yet, or not sealed yet where that is required"},
    },
    openapi_extra={"parameters": _PLACE_PARAMETERS},
)
def receipt(request: Request, reader: Reader, _: Freshened, cid: str) -> Response:
    """The receipt of a public document, or, with a key, of a confidential one whose statement the key may read."""
    center, leaf_index = place_of(request.query_params)
    found = state_of(request).services.prove.document(
        parse_cid(cid), reader=reader, center=center, leaf_index=leaf_index, must_be_sealed=_must_be_sealed(request)
    )
    return JsonAnswer(encode_receipt(found), headers=_PRIVATE)


@router.get(
    "/{cid}/receipt.age",
    response_model=None,
    summary="The receipt of a confidential document, for its readers",
    responses={
        200: {"description": "An age file of the receipt", "content": {_BYTES_TYPE: {}}},
        503: {"model": Problem, "description": "The statement is not anchored yet, or not sealed yet where that is required"},
    },
    openapi_extra={"parameters": _PLACE_PARAMETERS},
)
def receipt_for_readers(request: Request, _: Counted, __: Freshened, cid: str) -> Response:
    """The receipt, encrypted for the keys that open the document: who cannot read the one cannot read the other."""
    state = state_of(request)
    center, leaf_index = place_of(request.query_params)
    found = state.services.prove.document(
        parse_cid(cid),
        reader=None,
        center=center,
        leaf_index=leaf_index,
        must_be_sealed=_must_be_sealed(request),
        for_readers=True,
    )
    sealed = state.services.encrypt_for(encode_receipt(found), _recipients(found))
    headers = {"Cache-Control": "no-cache", "Content-Disposition": _disposition("attachment", f"{cid}.receipt.age")}
    return Response(sealed, media_type=_BYTES_TYPE, headers=headers)


async def _stored(
    state: WebState, request: Request, principal: Principal, upload_id: str, statement: Mapping[str, JsonValue]
) -> Response:
    look = partial(state.services.receive_upload.look, upload_id, key_id=principal.key_id)
    standing = await to_thread.run_sync(look, limiter=state.receiving_limiter)
    grant_time(request, standing.upload.length / _STORED_BYTES_A_SECOND)
    keep = partial(
        state.services.store_document,
        upload_id,
        statement,
        center=principal.center,
        key_id=principal.key_id,
        actor=principal.actor,
    )
    stored = await state.storing.run(principal.key_id, keep)
    headers = _PRIVATE | {"Location": f"/v1/documents/{stored.description.cid.text}"}
    return JsonAnswer(statement_value(stored, state.settings.public_url), status=201, headers=headers)


def _bytes(state: WebState, request: Request, found: FoundDocument) -> Response:
    tag = f'"{found.cid.text}"'
    stated = None if found.stated is None else found.stated.description
    media_type = _BYTES_TYPE if stated is None else stated.media_type
    name = f"{found.cid.text}.age" if stated is None else stated.name
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": _WHILE_IT_STANDS if stated is None else _FOR_EVER,
        "Content-Disposition": _disposition("inline" if media_type in _SHOWN else "attachment", name),
        "Content-Security-Policy": _OPENED if media_type == "application/pdf" else _SEALED_AWAY,
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if found.newer is not None:
        headers["Link"] = f'</v1/documents/{found.newer.text}>; rel="successor-version"'
    if _has(request, tag):
        return Response(status_code=304, headers={name: headers[name] for name in headers if not name.startswith("Content-")})
    start, end = _range(request, found.size, tag)
    is_part = (start, end) != (0, found.size) or (_asks_range(request, tag) and found.size > 0)
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    headers["Content-Length"] = str(end - start)
    # Text is UTF-8, or it was not taken; to leave that out lets a browser guess.
    shown_type = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
    status = 206 if is_part else 200
    if is_head(request):
        return _Headers(status, headers, shown_type)
    return StreamedAnswer(
        partial(state.services.fetch_document.read, found.cid, offset=start, length=end - start),
        places=state.downloads,
        asker=asker_of(request),
        limiter=state.moving_limiter,
        headers=headers,
        media_type=shown_type,
        status=status,
    )


def _car(state: WebState, request: Request, found: FoundDocument) -> Response:
    headers = {
        "ETag": f'"{found.cid.text}.car"',
        "Cache-Control": _WHILE_IT_STANDS if found.stated is None else _FOR_EVER,
        "Content-Disposition": _disposition("attachment", f"{found.cid.text}.car"),
        "Content-Security-Policy": _SEALED_AWAY,
    }
    media_type = f"{CAR_TYPE}; version=1"
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")})
    if is_head(request):
        return _Headers(200, headers, media_type)
    return StreamedAnswer(
        partial(state.services.fetch_document.car, found.cid),
        places=state.downloads,
        asker=asker_of(request),
        limiter=state.moving_limiter,
        headers=headers,
        media_type=media_type,
    )


class _Headers(Response):
    """What a GET would be answered with, without its body."""

    def __init__(self, status: int, headers: Mapping[str, str], media_type: str) -> None:
        self.status_code = status
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)
        self.body = b""


def _has(request: Request, tag: str) -> bool:
    """Whether the asker says that it has these bytes."""
    told = request.headers.get("if-none-match")
    return told is not None and (told.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in told.split(",")))


def _asks_range(request: Request, tag: str) -> bool:
    text = request.headers.get("range")
    # With another tag, or a date, the asker wants all of what is here now.
    if text is None or request.headers.get("if-range", tag).strip() != tag:
        return False
    parts = _RANGE(text)
    # Several ranges and other units may be ignored, and are.
    return parts is not None and any(parts.groups()) and not (parts[1] and parts[2] and int(parts[1]) > int(parts[2]))


def _range(request: Request, size: int, tag: str) -> tuple[int, int]:
    """From which byte to before which one.

    Raises:
        RangeNotSatisfiable: it begins behind the end.
    """
    if not _asks_range(request, tag):
        return 0, size
    parts = _RANGE(request.headers["range"])
    assert parts is not None  # noqa: S101 - as `_asks_range` found
    first, last = parts.groups()
    if not first:
        count = min(int(last), size)
        if count == 0:
            raise RangeNotSatisfiable(size)
        return size - count, size
    if int(first) >= size:
        raise RangeNotSatisfiable(size)
    return int(first), size if not last else min(int(last) + 1, size)


def _disposition(kind: str, name: str) -> str:
    plain = _PLAIN_NAME.sub("_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _recipients(found: Receipt) -> list[str]:
    disclosed: Any = found.disclosure
    secret = disclosed.description.confidential
    if secret is None:
        raise BadRequest("The document is public.", remedy="Ask for /receipt.")
    return [reader.recipient for reader in secret.readers]


def _must_be_sealed(request: Request) -> bool:
    sealed = request.query_params.get("sealed", "if-kept")
    if sealed not in {"if-kept", "required"}:
        raise BadRequest(f"A receipt cannot be sealed {sealed[:40]!r}.", remedy="Use if-kept or required.")
    return sealed == "required"


def _check_json(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaTypeUnsupported(
            f"A body of type {media_type[:60]!r} is not taken here.",
            remedy="Send the bytes to /v1/uploads first, then JSON with Content-Type application/json here.",
        )


def _read_query(query: list[tuple[str, str]]) -> tuple[list[str], str | None, int, str | None]:
    subjects: list[str] = []
    once: dict[str, str] = {}
    for name, text in query:
        if name == "about":
            subjects.append(canonical_subject(text, where="about"))
        elif name not in {"center", "perPage", "nextPageToken"}:
            known = "about, center, perPage, nextPageToken"
            raise ParameterUnknown(f"The query parameter {name[:60]!r} is not known here.", remedy=f"Use only {known}.")
        elif name in once:
            raise BadRequest(f"{name} stands twice.", remedy="Send it once.")
        else:
            once[name] = text
    center = once.get("center")
    if (center is None) != bool(subjects) or len(subjects) > MAX_ABOUT:
        raise BadRequest(
            "It is not told which documents are wanted.", remedy=f"Send `about` with a URI, up to {MAX_ABOUT} times, or `center`."
        )
    return subjects, None if center is None else center_id(center), _per_page(once.get("perPage")), once.get("nextPageToken")


def _per_page(text: str | None) -> int:
    if text is None:
        return DEFAULT_PER_PAGE
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MAX_PER_PAGE):
        raise BadRequest(f"perPage is no number from 1 to {MAX_PER_PAGE}.", remedy=f"Leave it out for {DEFAULT_PER_PAGE}.")
    return int(text)
