"""Units that wait for a buyer: set aside for a purchase line, accepted, or given back."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.documents.description import read_member_name
from greenlane.core.wire import encode_hex, read_time
from greenlane.services.assets.look import ShownEscrow
from greenlane.services.identify import Principal
from greenlane.web.asked import (
    MEMBER_PARAMETER,
    PRIVATE,
    QUANTITY,
    TOKEN,
    TOKEN_EXAMPLE,
    asker_of,
    digest_in_address,
    meaning_of,
    read_body,
    read_digest,
    read_own,
    read_quantity_text,
    request_body,
)
from greenlane.web.asset_schemas import ACT_RESPONSES, EscrowAnswer, EscrowsAnswer, act_answer, escrow_value
from greenlane.web.auth import Guard, Permission, member_of
from greenlane.web.once import once_of
from greenlane.web.problems import BadRequest
from greenlane.web.query import PAGE_PARAMETERS, next_link, per_page, read_parameters
from greenlane.web.schemas import JsonAnswer, Problem
from greenlane.web.state import WebState, state_of

router = APIRouter(prefix="/v1/escrows", tags=["Green assets"])

TradePrincipal = Annotated[Principal, Depends(Guard(Permission.TRADE))]
SeeTradePrincipal = Annotated[Principal, Depends(Guard(Permission.SEE_TRADE))]
_LINE_EXAMPLE = "0x0a4f6c1d2e3b5a7980c1d2e3f4a5b6c7d8e9f00112233445566778899aabbccd"
_END_BODY = request_body({}, required=(), example={})
_MAX_PAGE = 200
_SECONDS_DIGITS = 11
_STATES = {"open": True, "ended": False}


@router.post(
    "",
    status_code=202,
    response_model=None,
    summary="Set units aside for a buyer's purchase line",
    responses=ACT_RESPONSES,
    openapi_extra=request_body(
        {
            "token": TOKEN,
            "quantity": QUANTITY,
            "buyer": {"type": "string", "description": "center/member"},
            "lineDigest": {"type": "string", "description": "the line's digest, as the buyer gave it"},
            "deadline": {"type": "string", "description": "from here on the units go back; 366 days away at most"},
        },
        required=("token", "quantity", "buyer", "lineDigest", "deadline"),
        example={
            "token": TOKEN_EXAMPLE,
            "quantity": "1.5",
            "buyer": "lima/city",
            "lineDigest": _LINE_EXAMPLE,
            "deadline": "2026-09-01T00:00:00Z",
        },
    ),
)
async def escrow(request: Request, principal: TradePrincipal) -> Response:
    """Where the line is kept here it never changes from then on, and units must be exactly what it asks for."""
    body = await request.body()
    return await run_in_threadpool(_escrow, state_of(request), request, principal, body)


@router.get(
    "",
    response_model=EscrowsAnswer,
    summary="What a member set aside, or has waiting for it",
    openapi_extra={
        "parameters": [
            MEMBER_PARAMETER,
            {
                "name": "state",
                "in": "query",
                "required": False,
                "description": "open unless told; ended: accepted or returned",
                "schema": {"type": "string", "enum": list(_STATES)},
            },
            *PAGE_PARAMETERS,
        ]
    },
)
def listed(request: Request, principal: SeeTradePrincipal) -> Response:
    """As seller and as buyer, what ends first first: the key's own member's, or those of the member that the header names."""
    query = read_parameters(request, ("state", "perPage", "nextPageToken"))
    state = query.get("state", "open")
    if state not in _STATES:
        raise BadRequest(f"{state[:40]!r} is no state of escrows.", remedy=f"Use {' or '.join(_STATES)}.")
    limit = min(per_page(query.get("perPage")), _MAX_PAGE)
    given = query.get("nextPageToken")
    look = state_of(request).services.assets.look
    account = look.account_of(principal.center, member_of(request, principal))
    after = None if given is None else _read_page(given)
    found = look.escrows(account, is_open=_STATES[state], limit=limit + 1, after=after)
    page = found[:limit]
    next_token = _page_of(page[-1]) if len(found) > limit else None
    value = {
        "escrows": [escrow_value(each, tells_line=_tells_line(each, principal)) for each in page],
        "nextPageToken": next_token,
    }
    return JsonAnswer(value, headers=PRIVATE if next_token is None else PRIVATE | {"Link": next_link(request, next_token)})


@router.get(
    "/{escrow_id}",
    response_model=EscrowAnswer,
    summary="An escrow",
    responses={404: {"model": Problem, "description": "There is none, or the key's member is no party to it"}},
)
def shown(request: Request, principal: SeeTradePrincipal, escrow_id: str) -> Response:
    """To its seller, its buyer and their centers."""
    look = state_of(request).services.assets.look
    found = look.escrow(digest_in_address(escrow_id), center=principal.center, member=principal.member)
    return JsonAnswer(escrow_value(found, tells_line=_tells_line(found, principal)), headers=PRIVATE)


@router.post(
    "/{escrow_id}/acceptance",
    status_code=202,
    response_model=None,
    summary="Take the units that wait",
    responses=ACT_RESPONSES,
    openapi_extra=_END_BODY,
)
async def accept(request: Request, principal: TradePrincipal, escrow_id: str) -> Response:
    """By the buyer, before the deadline."""
    body = await request.body()
    return await run_in_threadpool(_end, state_of(request), request, principal, body, escrow_id, True)


@router.post(
    "/{escrow_id}/return",
    status_code=202,
    response_model=None,
    summary="Give the units back to their seller",
    responses=ACT_RESPONSES,
    openapi_extra=_END_BODY,
)
async def give_back(request: Request, principal: TradePrincipal, escrow_id: str) -> Response:
    """By the buyer at any time, by anyone once the deadline is over."""
    body = await request.body()
    return await run_in_threadpool(_end, state_of(request), request, principal, body, escrow_id, False)


def _tells_line(found: ShownEscrow, principal: Principal) -> bool:
    buyer = found.buyer
    return buyer is not None and buyer.center == principal.center and principal.member in (None, buyer.member)


def _page_of(last: ShownEscrow) -> str:
    return f"{int(last.facts.deadline.timestamp())}-{encode_hex(last.facts.id)}"


def _read_page(text: str) -> tuple[datetime, bytes]:
    seconds, _, named = text.partition("-")
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= _SECONDS_DIGITS):
        raise BadRequest("nextPageToken is none of this list.", remedy="Take it from the page before, or leave it out.")
    return datetime.fromtimestamp(int(seconds), UTC), digest_in_address(named)


def _escrow(state: WebState, request: Request, principal: Principal, body: bytes) -> Response:
    asker = asker_of(request, principal)
    names = ("token", "quantity", "buyer", "lineDigest", "deadline")
    fields = read_body(request, body, required=names, optional=("act",))
    kept = state.services.assets.escrow(
        asker,
        token=read_digest(fields["token"], "/token"),
        quantity=read_quantity_text(fields["quantity"]),
        buyer=read_member_name(fields["buyer"], "/buyer"),
        line_digest=read_digest(fields["lineDigest"], "/lineDigest"),
        deadline=read_time(fields["deadline"], "/deadline"),
        own=read_own(fields["act"]),
        once=once_of(state, request, principal, meaning_of(asker, body)),
    )
    return act_answer(kept)


def _end(state: WebState, request: Request, principal: Principal, body: bytes, escrow_id: str, is_acceptance: bool) -> Response:
    asker, named = asker_of(request, principal), digest_in_address(escrow_id)
    # Nothing need be said here, so nothing need be sent.
    own = read_own(read_body(request, body, required=(), optional=("act",))["act"]) if body else None
    use = state.services.assets.escrow.accept if is_acceptance else state.services.assets.escrow.give_back
    return act_answer(use(asker, escrow_id=named, own=own, once=once_of(state, request, principal, meaning_of(asker, body))))
