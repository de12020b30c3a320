"""Receipts: what a buyer carries away, and can have judged without this server."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.receipt import encode_receipt, to_tlog_proof
from greenlane.web.addresses import content_digest_of, place_of, required_event_digest
from greenlane.web.auth import Reader
from greenlane.web.problems import BadRequest
from greenlane.web.schemas import JsonAnswer, Problem
from greenlane.web.state import state_of

router = APIRouter(prefix="/v1", tags=["Receipts"])


async def _freshen_keys(request: Request) -> None:
    await state_of(request).trust.freshen()


@router.get(
    "/receipts/{event_hash:path}",
    response_model=None,
    summary="The receipt of an event",
    responses={
        200: {"description": "The receipt", "content": {"application/json": {}, "text/plain": {}}},
        410: {"model": Problem, "description": "The event is private and its salt was forgotten"},
        503: {
            "model": Problem,
            "description": (
                "The event is not anchored yet (`detail` tells how far it is), its center's log key was replaced, or `sealed` "
                "requires seals that are not kept yet"
            ),
        },
    },
    openapi_extra={
        "parameters": [
            {
                "name": "format",
                "in": "query",
                "required": False,
                "description": "tlog-proof: the log's part alone, as C2SP has it",
                "schema": {"type": "string", "enum": ["receipt", "tlog-proof"], "default": "receipt"},
            },
            {
                "name": "center",
                "in": "query",
                "required": False,
                "description": "the center of the entry, where several share the event hash",
                "schema": {"type": "string"},
            },
            {
                "name": "leaf",
                "in": "query",
                "required": False,
                "description": "with `center`: the leaf index of the entry in that center's log; the two name one entry",
                "schema": {"type": "integer", "minimum": 0},
            },
            {
                "name": "content",
                "in": "query",
                "required": False,
                "description": "content digest (64 hex digits) of the entry, where several share the event hash",
                "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            },
            {
                "name": "sealed",
                "in": "query",
                "required": False,
                "description": (
                    "required: no receipt without the validators' seals, which come some blocks after the anchoring; until then "
                    "503 with Retry-After, and 400 where nobody seals the chain"
                ),
                "schema": {"type": "string", "enum": ["if-kept", "required"], "default": "if-kept"},
            },
        ]
    },
)
def receipt(request: Request, reader: Reader, _: Annotated[None, Depends(_freshen_keys)], event_hash: str) -> Response:
    """The receipt of a public event, or, with a key, of a private one that the key may read.

    The id is the event hash as ni URI or as its 64 hex digits, percent-encoded. Several centers and members may have captured one
    event: without `center` and `leaf` a public entry goes before a private one, and the one captured first before later ones.
    """
    digest = required_event_digest(event_hash, request.query_params)
    form = request.query_params.get("format", "receipt")
    if form not in {"receipt", "tlog-proof"}:
        raise BadRequest(f"There is no receipt in the format {form[:40]!r}.", remedy="Use receipt or tlog-proof.")
    sealed = request.query_params.get("sealed", "if-kept")
    if sealed not in {"if-kept", "required"}:
        raise BadRequest(f"A receipt cannot be sealed {sealed[:40]!r}.", remedy="Use if-kept or required.")
    center, leaf_index = place_of(request.query_params)
    found = state_of(request).services.prove(
        digest,
        reader=reader,
        center=center,
        leaf_index=leaf_index,
        content_digest=content_digest_of(request.query_params),
        must_be_sealed=sealed == "required",
    )
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if form == "tlog-proof":
        return Response(to_tlog_proof(found), media_type="text/plain", headers=headers)
    return JsonAnswer(encode_receipt(found), headers=headers)
