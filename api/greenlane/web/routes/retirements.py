"""Claims of units, one way."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.assets.evidence import read_day
from greenlane.core.assets.retirement import read_beneficiary
from greenlane.core.canonical import JsonValue
from greenlane.core.documents.description import read_member_name
from greenlane.core.wire import read_count, read_line, read_object
from greenlane.services.identify import Principal
from greenlane.web.asked import (
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
from greenlane.web.asset_schemas import ACT_RESPONSES, RetirementAnswer, act_answer, retirement_answer
from greenlane.web.auth import Counted, Guard, Permission
from greenlane.web.once import once_of
from greenlane.web.schemas import JsonAnswer, Problem
from greenlane.web.state import WebState, state_of

router = APIRouter(prefix="/v1/retirements", tags=["Green assets"])

TradePrincipal = Annotated[Principal, Depends(Guard(Permission.TRADE))]
_DAY = {"type": "string", "description": "like 2026-07-01"}


@router.post(
    "",
    status_code=202,
    response_model=None,
    summary="Claim units for ever",
    responses=ACT_RESPONSES,
    openapi_extra=request_body(
        {
            "token": TOKEN,
            "quantity": QUANTITY,
            "beneficiary": {"type": "string", "description": "the name of whom it is claimed for; the chain keeps its SHA-256"},
            "claimFrom": _DAY,
            "claimTo": _DAY,
            "claimant": {"type": ["string", "null"], "description": "center/member that claims; the holder itself unless told"},
            "line": {
                "type": ["object", "null"],
                "description": "the purchase line of this member that it is for",
                "required": ["purchase", "number"],
                "properties": {"purchase": {"type": "string"}, "number": {"type": "integer"}},
            },
        },
        required=("token", "quantity", "beneficiary", "claimFrom", "claimTo"),
        example={
            "token": TOKEN_EXAMPLE,
            "quantity": "1.5",
            "beneficiary": "Municipalidad de Lima",
            "claimFrom": "2026-04-01",
            "claimTo": "2026-12-31",
            "claimant": None,
            "line": {"purchase": "0123456789abcdef0123456789abcdef", "number": 1},
        },
    ),
)
async def retire(request: Request, principal: TradePrincipal) -> Response:
    """Nothing undoes it. `asked.retirement` of the act is the retirement's id."""
    body = await request.body()
    return await run_in_threadpool(_retire, state_of(request), request, principal, body)


@router.get(
    "/{retirement_id}",
    response_model=RetirementAnswer,
    summary="A retirement",
    responses={404: {"model": Problem, "description": "There is none, as far as the chain was followed"}},
)
def retirement(request: Request, _: Counted, retirement_id: str) -> Response:
    """To everybody: what the chain keeps of it, and whether its evidence still stands."""
    state = state_of(request)
    look = state.services.assets.look
    shown = look.retirement(digest_in_address(retirement_id))
    value = retirement_answer(shown, state.settings.public_url, name_of=look.name_of)
    return JsonAnswer(value, headers={"Cache-Control": "no-cache"})


def _retire(state: WebState, request: Request, principal: Principal, body: bytes) -> Response:
    asker = asker_of(request, principal)
    fields = read_body(
        request,
        body,
        required=("token", "quantity", "beneficiary", "claimFrom", "claimTo"),
        optional=("claimant", "line", "act"),
    )
    kept = state.services.assets.retire(
        asker,
        token=read_digest(fields["token"], "/token"),
        quantity=read_quantity_text(fields["quantity"]),
        beneficiary=read_beneficiary(fields["beneficiary"], "/beneficiary"),
        claim_from=read_day(fields["claimFrom"], "/claimFrom"),
        claim_to=read_day(fields["claimTo"], "/claimTo"),
        claimant=None if fields["claimant"] is None else read_member_name(fields["claimant"], "/claimant"),
        line=_read_line(fields["line"]),
        own=read_own(fields["act"]),
        once=once_of(state, request, principal, meaning_of(asker, body)),
    )
    return act_answer(kept)


def _read_line(value: JsonValue) -> tuple[str, int] | None:
    if value is None:
        return None
    fields = read_object(value, ("purchase", "number"), "/line")
    return read_line(fields["purchase"], "/line/purchase", longest=64), read_count(fields["number"], "/line/number", least=1)
