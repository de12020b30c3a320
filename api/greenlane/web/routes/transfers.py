"""Units given to another member, fetched from a member's former account, and taken out of the world without a claim."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.documents.description import read_member_name
from greenlane.core.units import Address
from greenlane.core.wire import read_hex
from greenlane.services.identify import Principal
from greenlane.web.asked import (
    QUANTITY,
    TOKEN,
    TOKEN_EXAMPLE,
    asker_of,
    meaning_of,
    read_body,
    read_digest,
    read_own,
    read_quantity_text,
    read_reason,
    request_body,
)
from greenlane.web.asset_schemas import ACT_RESPONSES, act_answer
from greenlane.web.auth import Guard, Permission
from greenlane.web.once import once_of
from greenlane.web.state import WebState, state_of

router = APIRouter(prefix="/v1", tags=["Green assets"])

TradePrincipal = Annotated[Principal, Depends(Guard(Permission.TRADE))]
_ADDRESS = "^0x[0-9a-f]{40}$"


@router.post(
    "/transfers",
    status_code=202,
    response_model=None,
    summary="Give units to another member",
    responses=ACT_RESPONSES,
    openapi_extra=request_body(
        {"token": TOKEN, "quantity": QUANTITY, "to": {"type": "string", "description": "center/member"}},
        required=("token", "quantity", "to"),
        example={"token": TOKEN_EXAMPLE, "quantity": "1.5", "to": "tianjin/roaster"},
    ),
)
async def transfer(request: Request, principal: TradePrincipal) -> Response:
    """202 once the act is durable; the chain decides it a block or two later."""
    body = await request.body()
    return await run_in_threadpool(_transfer, state_of(request), request, principal, body)


@router.post(
    "/cancellations",
    status_code=202,
    response_model=None,
    summary="Take units out of the world without a claim",
    responses=ACT_RESPONSES,
    openapi_extra=request_body(
        {"token": TOKEN, "quantity": QUANTITY, "reason": {"type": "string", "description": "1 to 256 bytes, public for ever"}},
        required=("token", "quantity", "reason"),
        example={"token": TOKEN_EXAMPLE, "quantity": "1.5", "reason": "The lot burnt"},
    ),
)
async def cancel(request: Request, principal: TradePrincipal) -> Response:
    """Nothing undoes it. 202 once the act is durable."""
    body = await request.body()
    return await run_in_threadpool(_cancel, state_of(request), request, principal, body)


@router.post(
    "/key-followings",
    status_code=202,
    response_model=None,
    summary="Fetch units from the account that the member had before",
    responses=ACT_RESPONSES,
    openapi_extra=request_body(
        {
            "token": TOKEN,
            "previous": {"type": "string", "description": "the former account: 0x and 40 hex digits", "pattern": _ADDRESS},
        },
        required=("token", "previous"),
        example={"token": TOKEN_EXAMPLE, "previous": "0x3c8a1de57f9b02c46e81a0d97b5f2e64c1d80a39"},
    ),
)
async def follow_key(request: Request, principal: TradePrincipal) -> Response:
    """All that can be moved of a token, once the member's center gave the registry another account. 202 once it is durable."""
    body = await request.body()
    return await run_in_threadpool(_follow_key, state_of(request), request, principal, body)


def _transfer(state: WebState, request: Request, principal: Principal, body: bytes) -> Response:
    asker = asker_of(request, principal)
    fields = read_body(request, body, required=("token", "quantity", "to"), optional=("act",))
    kept = state.services.assets.transfer(
        asker,
        token=read_digest(fields["token"], "/token"),
        quantity=read_quantity_text(fields["quantity"]),
        receiver=read_member_name(fields["to"], "/to"),
        own=read_own(fields["act"]),
        once=once_of(state, request, principal, meaning_of(asker, body)),
    )
    return act_answer(kept)


def _cancel(state: WebState, request: Request, principal: Principal, body: bytes) -> Response:
    asker = asker_of(request, principal)
    fields = read_body(request, body, required=("token", "quantity", "reason"), optional=("act",))
    kept = state.services.assets.cancel(
        asker,
        token=read_digest(fields["token"], "/token"),
        quantity=read_quantity_text(fields["quantity"]),
        reason=read_reason(fields["reason"]),
        own=read_own(fields["act"]),
        once=once_of(state, request, principal, meaning_of(asker, body)),
    )
    return act_answer(kept)


def _follow_key(state: WebState, request: Request, principal: Principal, body: bytes) -> Response:
    asker = asker_of(request, principal)
    fields = read_body(request, body, required=("token", "previous"), optional=("act",))
    kept = state.services.assets.follow_key(
        asker,
        token=read_digest(fields["token"], "/token"),
        previous=Address(read_hex(fields["previous"], "/previous", length=ADDRESS_BYTES)),
        own=read_own(fields["act"]),
        once=once_of(state, request, principal, meaning_of(asker, body)),
    )
    return act_answer(kept)
