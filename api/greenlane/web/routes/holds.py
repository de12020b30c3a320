"""What other centers ask this one to hold, so that no document lies with one center alone.

A partner asks again and again until it is told that the document is held: so an ask is cheap, may be repeated, and is answered
before the bytes are here. They are brought by the worker, from other nodes or from the asker's own address in the partners file.
"""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.canonical import parse_json
from greenlane.core.documents.cid import Cid, parse_cid
from greenlane.core.units import center_id
from greenlane.core.wire import read_count, read_line, read_object
from greenlane.services.hold import Asker, HoldStanding
from greenlane.services.identify import Principal
from greenlane.web.auth import Guard, Permission
from greenlane.web.problems import MediaTypeUnsupported
from greenlane.web.query import PAGE_PARAMETERS, per_page, read_parameters
from greenlane.web.schemas import HoldAnswer, HoldsAnswer, JsonAnswer, Problem, hold_value
from greenlane.web.state import WebState, state_of

router = APIRouter(prefix="/v1/holds", tags=["Holds"])

HoldPrincipal = Annotated[Principal, Depends(Guard(Permission.HOLD))]
_PRIVATE = {"Cache-Control": "private, no-store"}
_CID_CHARACTERS = 128


@router.post(
    "",
    response_model=HoldAnswer,
    summary="Ask this center to hold a document",
    responses={
        202: {"model": HoldAnswer, "description": "The document will be brought; ask again until it is held"},
        400: {"model": Problem, "description": "No CID, no size, or more bytes than this center holds in one piece"},
        409: {"model": Problem, "description": "The document has another size"},
        410: {"model": Problem, "description": "A member of this center withdrew the document"},
        503: {"model": Problem, "description": "As much is held for the asking center as this center holds for one partner"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["cid", "size"],
                        "additionalProperties": False,
                        "properties": {
                            "cid": {"type": "string", "description": "of version 1, in base32"},
                            "size": {"type": "integer", "minimum": 0, "description": "of the stored bytes"},
                        },
                    }
                }
            },
        }
    },
)
async def ask(request: Request, principal: HoldPrincipal) -> Response:
    """200 says that every byte is here and pinned, 202 that it will be brought; the same ask again changes nothing.

    A partner's key asks in the name of the center in its label, an operator's in its own center's.
    """
    body = await request.body()
    return await run_in_threadpool(_ask, state_of(request), request, principal, body)


@router.delete("/{cid}", status_code=204, response_class=Response, summary="Say that a document need not be held any more")
def release(request: Request, principal: HoldPrincipal, cid: str) -> Response:
    """204 also where nobody asked for it: the same request again changes nothing.

    An operator may end another center's ask, as when a partner has left: `?askedBy=hanoi`.
    """
    named = read_parameters(request, ("askedBy",)).get("askedBy")
    asked_by = None if named is None else center_id(named)
    state_of(request).services.hold.release(_asker(principal), parse_cid(cid), asked_by=asked_by)
    return Response(status_code=204, headers=_PRIVATE)


@router.get(
    "",
    response_model=HoldsAnswer,
    summary="What this center is asked to hold",
    openapi_extra={"parameters": PAGE_PARAMETERS},
)
def holds(request: Request, principal: HoldPrincipal) -> Response:
    """By CID: to a partner what it asked for itself; to an operator what anybody asked for, each document once."""
    query = read_parameters(request, ("perPage", "nextPageToken"))
    limit = per_page(query.get("perPage"))
    token = query.get("nextPageToken")
    after = None if token is None else parse_cid(token)
    found = state_of(request).services.hold.held(_asker(principal), after=after, limit=limit + 1)
    page = found[:limit]
    value = {
        "holds": [hold_value(each.asked_by, each.cid, each.size, each.asked_at) for each in page],
        "nextPageToken": page[-1].cid.text if len(found) > limit else None,
    }
    return JsonAnswer(value, headers=_PRIVATE)


def _ask(state: WebState, request: Request, principal: Principal, body: bytes) -> Response:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaTypeUnsupported(f"A body of type {media_type[:60]!r} is not taken here.", remedy="Send application/json.")
    cid, size = _read_ask(body)
    standing = state.services.hold(_asker(principal), cid, size)
    return JsonAnswer(_standing_value(standing), status=200 if standing.is_held else 202, headers=_PRIVATE)


def _read_ask(body: bytes) -> tuple[Cid, int]:
    fields = read_object(parse_json(body), ("cid", "size"), "")
    text = read_line(fields["cid"], "/cid", longest=_CID_CHARACTERS)
    return parse_cid(text, where="/cid"), read_count(fields["size"], "/size")


def _standing_value(standing: HoldStanding) -> dict[str, object]:
    value = hold_value(standing.asked_by, standing.cid, standing.size, standing.asked_at)
    return {**value, "isHeld": standing.is_held}


def _asker(principal: Principal) -> Asker:
    return Asker(key_id=principal.key_id, role=principal.role, center=principal.center)
