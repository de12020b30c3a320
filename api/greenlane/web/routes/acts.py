"""Acts of members on their way to the chain. Each write of green assets answers with one; here it is told what became of it."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from greenlane.services.identify import Principal
from greenlane.web.asked import MEMBER_PARAMETER, PRIVATE, digest_in_address
from greenlane.web.asset_schemas import ActAnswer, ActsAnswer, act_value
from greenlane.web.auth import Guard, Permission, member_of
from greenlane.web.query import per_page, read_parameters
from greenlane.web.schemas import JsonAnswer
from greenlane.web.state import state_of

router = APIRouter(prefix="/v1/acts", tags=["Acts"])

SeeTradePrincipal = Annotated[Principal, Depends(Guard(Permission.SEE_TRADE))]


@router.get(
    "",
    response_model=ActsAnswer,
    summary="A member's acts",
    openapi_extra={
        "parameters": [
            MEMBER_PARAMETER,
            {"name": "perPage", "in": "query", "required": False, "description": "1 to 1000", "schema": {"type": "integer"}},
        ]
    },
)
def acts(request: Request, principal: SeeTradePrincipal) -> Response:
    """The newest ones, newest first."""
    limit = per_page(read_parameters(request, ("perPage",)).get("perPage"))
    look = state_of(request).services.assets.look
    found = look.acts(principal.center, member_of(request, principal), limit=limit)
    return JsonAnswer({"acts": [act_value(act) for act in found]}, headers=PRIVATE)


@router.get("/{digest}", response_model=ActAnswer, summary="What became of an act")
def act(request: Request, principal: SeeTradePrincipal, digest: str) -> Response:
    """An act of the key's own center, and, for a member's key, of its own member."""
    look = state_of(request).services.assets.look
    shown = look.act(digest_in_address(digest), center=principal.center, member=principal.member)
    return JsonAnswer(act_value(shown.act, shown.replaced_by), headers=PRIVATE)
