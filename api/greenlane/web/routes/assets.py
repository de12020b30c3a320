"""What the chain keeps of green assets: classes with their sums, issuances, holders; and what a member holds."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex, read_hex
from greenlane.services.identify import Principal
from greenlane.web.asked import MEMBER_PARAMETER, PRIVATE, digest_in_address, read_digest
from greenlane.web.asset_schemas import (
    AssetAnswer,
    AssetClassAnswer,
    AssetClassesAnswer,
    HoldersAnswer,
    HoldingsAnswer,
    asset_value,
    class_value,
    holding_value,
    member_value,
    supply_value,
    units_value,
)
from greenlane.web.auth import Counted, Guard, Permission, member_of
from greenlane.web.query import PAGE_PARAMETERS, next_link, per_page, read_parameters
from greenlane.web.schemas import JsonAnswer, Problem
from greenlane.web.state import state_of

router = APIRouter(prefix="/v1", tags=["Green assets"])

SeeTradePrincipal = Annotated[Principal, Depends(Guard(Permission.SEE_TRADE))]
_PUBLIC = {"Cache-Control": "no-cache"}
_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is none, as far as the chain was followed"}
}
_MAX_PAGE = 200


@router.get("/asset-classes", response_model=AssetClassesAnswer, summary="Classes of green assets, with their sums")
def classes(request: Request, _: Counted) -> Response:
    """Every class that a quorum of centers admitted."""
    return _supply(request)


@router.get("/supply", response_model=AssetClassesAnswer, summary="Issued = tradable + escrowed + retired + cancelled")
def supply(request: Request, _: Counted) -> Response:
    """The sums that the chain keeps for each class; `greenlane supply --rpc URL` recomputes them without this server."""
    return _supply(request)


@router.get("/asset-classes/{class_id}", response_model=AssetClassAnswer, summary="A class of green assets", responses=_UNKNOWN)
def asset_class(request: Request, _: Counted, class_id: str) -> Response:
    """One class, with its sums."""
    of, totals, _followed = state_of(request).services.assets.look.asset_class(class_id)
    return JsonAnswer(class_value(of, totals), headers=_PUBLIC)


@router.get("/assets/{token}", response_model=AssetAnswer, summary="All units issued out of one statement", responses=_UNKNOWN)
def asset(request: Request, _: Counted, token: str) -> Response:
    """Sums, vintage and custody model, and the statement itself where this center's log holds it."""
    state = state_of(request)
    shown = state.services.assets.look.asset(digest_in_address(token))
    return JsonAnswer(asset_value(shown, state.settings.public_url), headers=_PUBLIC)


@router.get(
    "/assets/{token}/holders",
    response_model=HoldersAnswer,
    summary="Who has or had units of a token",
    responses=_UNKNOWN,
    openapi_extra={"parameters": PAGE_PARAMETERS},
)
def holders(request: Request, principal: SeeTradePrincipal, token: str) -> Response:
    """By account; to keys of a center, for who holds what is business of the network's members alone."""
    query = read_parameters(request, ("perPage", "nextPageToken"))
    limit = min(per_page(query.get("perPage")), _MAX_PAGE)
    given = query.get("nextPageToken")
    after = None if given is None else Address(read_hex(given, "/nextPageToken", length=ADDRESS_BYTES))
    look = state_of(request).services.assets.look
    of, found = look.holders(digest_in_address(token), after=after, limit=limit + 1)
    page = found[:limit]
    next_token = encode_hex(page[-1].account) if len(found) > limit else None
    value = {
        "holders": [member_value(each.account, look.name_of(each.account)) | units_value(each, of) for each in page],
        "nextPageToken": next_token,
    }
    return JsonAnswer(value, headers=PRIVATE if next_token is None else PRIVATE | {"Link": next_link(request, next_token)})


@router.get(
    "/holdings",
    response_model=HoldingsAnswer,
    summary="What a member has or had",
    openapi_extra={"parameters": [MEMBER_PARAMETER, *PAGE_PARAMETERS]},
)
def holdings(request: Request, principal: SeeTradePrincipal) -> Response:
    """By token: the key's own member's, or those of the member that the header names."""
    query = read_parameters(request, ("perPage", "nextPageToken"))
    limit = min(per_page(query.get("perPage")), _MAX_PAGE)
    given = query.get("nextPageToken")
    after = None if given is None else read_digest(given, "/nextPageToken")
    member = member_of(request, principal)
    look = state_of(request).services.assets.look
    account = look.account_of(principal.center, member)
    found = look.holdings(account, after=after, limit=limit + 1)
    page = found[:limit]
    next_token = encode_hex(page[-1].holding.token) if len(found) > limit else None
    value = {
        "center": principal.center,
        "member": member,
        "account": encode_hex(account),
        "holdings": [holding_value(each) for each in page],
        "nextPageToken": next_token,
    }
    return JsonAnswer(value, headers=PRIVATE if next_token is None else PRIVATE | {"Link": next_link(request, next_token)})


def _supply(request: Request) -> Response:
    found = state_of(request).services.assets.look.supply()
    return JsonAnswer(supply_value(found), headers=_PUBLIC)
