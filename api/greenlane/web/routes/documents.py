"""Documents: made of uploads, found by what they are about, and proven.

What is stated of a confidential document is told to its center, its member and its readers alone. The bytes have a room of their
own: see `routes.document_bytes`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.documents.cid import parse_cid
from greenlane.core.documents.description import MAX_ABOUT, canonical_subject
from greenlane.core.receipt import DocumentDisclosure, Receipt, encode_receipt
from greenlane.core.units import center_id
from greenlane.core.wire import FieldInvalid, read_line, read_object
from greenlane.ports.documents import DocumentMissing
from greenlane.services.identify import Principal
from greenlane.web.addresses import hosted_center, place_of
from greenlane.web.auth import Counted, Guard, Permission, Reader
from greenlane.web.downloads import BYTES_TYPE, PLACE_PARAMETERS, disposition
from greenlane.web.limits import grant_time
from greenlane.web.problems import BadRequest, MediaTypeUnsupported
from greenlane.web.query import PAGE_PARAMETERS, next_link, per_page, read_parameters
from greenlane.web.schemas import DocumentAnswer, JsonAnswer, Problem, StatementAnswer, StatementsAnswer, statement_value
from greenlane.web.state import WebState, state_of

router = APIRouter(prefix="/v1/documents", tags=["Documents"])

StorePrincipal = Annotated[Principal, Depends(Guard(Permission.STORE))]
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
# Each may name what it is about in kilobytes.
_MAX_STATEMENTS = 100
# How fast a document is hashed, looked into and kept at the very least.
_STORED_BYTES_A_SECOND = 4 * 1024 * 1024
_RECEIPT_PARAMETERS = [
    *PLACE_PARAMETERS,
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
            *PAGE_PARAMETERS,
        ]
    },
)
def documents(request: Request, reader: Reader) -> Response:
    """What is stated, newest first: what is public, and with a key the confidential statements that it may read."""
    state = state_of(request)
    subjects, center, limit, token = _read_query(request)
    listing = state.services.list_documents
    if center is not None:
        page = listing.of_center(hosted_center(state, center).id, reader=reader, limit=limit, token=token)
    else:
        page = listing.about(subjects, reader=reader, limit=limit, token=token)
    headers = dict(_PRIVATE)
    if page.next_token is not None:
        headers["Link"] = next_link(request, page.next_token)
    value = {"statements": [statement_value(each, state.settings.public_url) for each in page.documents]}
    return JsonAnswer(value, headers=headers)


@router.get(
    "/{cid}/about",
    response_model=DocumentAnswer,
    summary="What is stated of a document",
    openapi_extra={"parameters": PAGE_PARAMETERS},
)
def about(request: Request, reader: Reader, cid: str) -> Response:
    """What the asker may read, member by member, who stated it first comes first; withdrawn ones say since when."""
    state = state_of(request)
    name = parse_cid(cid)
    limit, skip = _read_page(request)
    found = state.services.list_documents.stated(name, reader=reader, limit=limit, skip=skip)
    if not found.statements:
        raise DocumentMissing(
            f"Nothing {'more ' if skip else ''}that can be read here is stated about document {name.text}.",
            remedy="Check the CID; of a confidential document only its center, its member and its readers are told.",
        )
    headers = dict(_PRIVATE)
    if found.has_more:
        headers["Link"] = next_link(request, str(skip + limit))
    value = {
        "cid": name.text,
        "size": found.statements[0].description.size,
        "statements": [statement_value(each, state.settings.public_url) for each in found.statements],
    }
    return JsonAnswer(value, headers=headers)


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
    openapi_extra={"parameters": _RECEIPT_PARAMETERS},
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
        200: {"description": "An age file of the receipt", "content": {BYTES_TYPE: {}}},
        503: {"model": Problem, "description": "The statement is not anchored yet, or not sealed yet where that is required"},
    },
    openapi_extra={"parameters": _RECEIPT_PARAMETERS},
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
    headers = {"Cache-Control": "no-cache", "Content-Disposition": disposition("attachment", f"{cid}.receipt.age")}
    return Response(sealed, media_type=BYTES_TYPE, headers=headers)


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


def _recipients(found: Receipt) -> list[str]:
    disclosure = found.disclosure
    description = disclosure.description if isinstance(disclosure, DocumentDisclosure) else None
    if description is None or description.confidential is None:
        raise BadRequest("The document is public.", remedy="Ask for /receipt.")
    return [reader.recipient for reader in description.confidential.readers]


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


def _read_query(request: Request) -> tuple[list[str], str | None, int, str | None]:
    once = read_parameters(request, ("about", "center", "perPage", "nextPageToken"), many={"about"})
    subjects = [canonical_subject(text, where="about") for text in request.query_params.getlist("about")]
    center = once.get("center")
    if (center is None) != bool(subjects) or len(subjects) > MAX_ABOUT:
        raise BadRequest(
            "It is not told which documents are wanted.", remedy=f"Send `about` with a URI, up to {MAX_ABOUT} times, or `center`."
        )
    return subjects, None if center is None else center_id(center), per_page(once.get("perPage")), once.get("nextPageToken")


def _read_page(request: Request) -> tuple[int, int]:
    """How many statements, and how many came before."""
    once = read_parameters(request, ("perPage", "nextPageToken"))
    skip = once.get("nextPageToken", "0")
    if not (skip.isascii() and skip.isdecimal() and len(skip) < 9):
        raise BadRequest(
            "The page token is none that was given out here.", remedy="Take it from the Link header of the page before."
        )
    return min(per_page(once.get("perPage")), _MAX_STATEMENTS), int(skip)
