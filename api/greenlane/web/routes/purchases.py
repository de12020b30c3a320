"""Purchases of the buyer's center: ordered, written anew or taken back while nothing stands for them, and checked.

What a line costs is told to its buyer and the buyer's center alone, and is nowhere else.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.assets.evidence import read_day, read_economy, read_identifier, read_name
from greenlane.core.assets.purchase import MAX_DESCRIPTION_CHARACTERS, MAX_LINES, MAX_MODEL_CHARACTERS, read_price
from greenlane.core.assets.texts import read_words
from greenlane.core.canonical import JsonValue
from greenlane.core.documents.description import read_member_name
from greenlane.core.wire import FieldInvalid, read_count, read_line, read_list, read_object
from greenlane.services.identify import Principal
from greenlane.services.order import AskedLine
from greenlane.web.asked import PRIVATE, QUANTITY, QUANTITY_CHARACTERS, asker_of, meaning_of, read_body, request_body, seen_member
from greenlane.web.asset_schemas import (
    PurchaseAnswer,
    PurchaseCheckAnswer,
    PurchaseLineAnswer,
    PurchasesAnswer,
    check_value,
    purchase_line_value,
    purchase_value,
)
from greenlane.web.auth import Guard, Permission
from greenlane.web.once import once_of
from greenlane.web.problems import BadRequest
from greenlane.web.query import PAGE_PARAMETERS, next_link, per_page, read_parameters
from greenlane.web.schemas import JsonAnswer, Problem
from greenlane.web.state import WebState, state_of

router = APIRouter(prefix="/v1/purchases", tags=["Purchases"])

OrderPrincipal = Annotated[Principal, Depends(Guard(Permission.ORDER))]
_REFERENCE_CHARACTERS = 120
_MAX_PAGE = 100
_LINE_KEYS = (
    *("supplier", "category", "description", "product", "lot", "class", "quantity", "label", "model", "economy", "price"),
)
_OPTIONAL = ("product", "lot", "label", "model")
_TEXT = {"type": "string"}
_MAYBE = {"type": ["string", "null"]}
_LINE: dict[str, Any] = {
    "supplier": {"type": "string", "description": "center/member that sells"},
    "category": {"type": "string", "description": "what kind of thing, for reports"},
    "description": _TEXT,
    "product": {"type": ["string", "null"], "description": "GS1 Digital Link of what is bought"},
    "lot": {"type": ["string", "null"], "description": "URI of the lot that the units must be of; null: any of the class"},
    "class": {"type": "string", "description": "of the units that are to come with it"},
    "quantity": QUANTITY,
    "label": {"type": ["string", "null"], "description": "id of a label that the goods are to bear; with `model`"},
    "model": _MAYBE,
    "economy": {"type": "string", "description": "ISO 3166-1 alpha-2 where the goods are used"},
    "price": {
        "type": "object",
        "description": "never leaves this center",
        "required": ["amount", "currency"],
        "properties": {
            "amount": {"type": "string", "description": "decimal text, 4 decimals at most"},
            "currency": {"type": "string", "description": "ISO 4217"},
        },
    },
}
_LINE_REQUIRED = tuple(key for key in _LINE_KEYS if key not in _OPTIONAL)
_LINE_EXAMPLE = {
    "supplier": "lima/cooperative",
    "category": "catering",
    "description": "Cocoa for school meals",
    "product": "https://id.gs1.org/01/09521321000018",
    "lot": None,
    "class": "cocoa-df",
    "quantity": "1.5",
    "label": None,
    "model": None,
    "economy": "PE",
    "price": {"amount": "1299.90", "currency": "PEN"},
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "The asker has no such purchase"}}


@router.post(
    "",
    status_code=201,
    response_model=PurchaseAnswer,
    summary="Order",
    responses={
        400: {"model": Problem, "description": "A line cannot be; `errors` says which and where"},
        404: {"model": Problem, "description": "The registry knows no such supplier"},
        409: {"model": Problem, "description": "A supplier is no enterprise in good standing"},
    },
    openapi_extra=request_body(
        {
            "reference": {"type": "string", "description": "the buyer's own number or words"},
            "orderedOn": {"type": ["string", "null"], "description": "day of the order; today (UTC) unless told"},
            "lines": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_LINES,
                "items": {"type": "object", "required": list(_LINE_REQUIRED), "properties": _LINE, "additionalProperties": False},
            },
        },
        required=("reference", "lines"),
        example={"reference": "PO 2026-114", "orderedOn": "2026-07-01", "lines": [_LINE_EXAMPLE]},
        is_act=False,
    ),
)
async def order(request: Request, principal: OrderPrincipal) -> Response:
    """Each line's `digest` is what the supplier sets units aside for; its `warnings` say what the check will hold against it."""
    body = await request.body()
    return await run_in_threadpool(_order, state_of(request), request, principal, body)


@router.get(
    "",
    response_model=PurchasesAnswer,
    summary="Purchases of a member, or of the center",
    openapi_extra={
        "parameters": [
            {"name": "from", "in": "query", "required": False, "description": "first day of order", "schema": _TEXT},
            {"name": "to", "in": "query", "required": False, "description": "last day of order", "schema": _TEXT},
            *PAGE_PARAMETERS,
        ]
    },
)
def purchases(request: Request, principal: OrderPrincipal) -> Response:
    """Newest first. A member's key sees its own, an operator's those of its center, or of the member that the header names."""
    query = read_parameters(request, ("from", "to", "perPage", "nextPageToken"))
    limit = min(per_page(query.get("perPage")), _MAX_PAGE)
    after = query.get("nextPageToken")
    if after is not None and len(after) > 64:
        raise BadRequest("The page token is none that was given out here.", remedy="Take it from the page before.")
    services = state_of(request).services.assets
    found = services.order.of_buyer(
        principal.center,
        seen_member(request, principal),
        ordered_from=read_day(query["from"], "/from") if "from" in query else None,
        ordered_to=read_day(query["to"], "/to") if "to" in query else None,
        after=after,
        limit=limit + 1,
    )
    page = found[:limit]
    next_token = page[-1].id if len(found) > limit else None
    value = {
        "purchases": [purchase_value(each, services.check_purchase.standing(each)) for each in page],
        "nextPageToken": next_token,
    }
    return JsonAnswer(value, headers=PRIVATE if next_token is None else PRIVATE | {"Link": next_link(request, next_token)})


@router.get("/{purchase_id}", response_model=PurchaseAnswer, summary="A purchase", responses=_UNKNOWN)
def purchase(request: Request, principal: OrderPrincipal, purchase_id: str) -> Response:
    """To its buyer and the operator of the buyer's center."""
    services = state_of(request).services.assets
    found = services.order.get(purchase_id, center=principal.center, member=principal.member)
    value = purchase_value(found, services.check_purchase.standing(found), services.order.warnings(found.lines))
    return JsonAnswer(value, headers=PRIVATE)


@router.put(
    "/{purchase_id}/lines/{number}",
    response_model=PurchaseLineAnswer,
    summary="Write a line anew",
    responses={
        **_UNKNOWN,
        400: {"model": Problem, "description": "The line cannot be; `errors` says where"},
        409: {
            "model": Problem,
            "description": "Units stand on the chain for it, or are about to: it never changes any more; or its supplier is none",
        },
    },
    openapi_extra=request_body(_LINE, required=_LINE_REQUIRED, example=_LINE_EXAMPLE, is_act=False),
)
async def rewrite(request: Request, principal: OrderPrincipal, purchase_id: str, number: int) -> Response:
    """The whole line, which gets another digest. The same line again changes nothing."""
    body = await request.body()
    return await run_in_threadpool(_rewrite, state_of(request), request, principal, body, purchase_id, number)


@router.post(
    "/{purchase_id}/cancellation",
    response_model=PurchaseAnswer,
    summary="Take a purchase back",
    responses={
        **_UNKNOWN,
        409: {"model": Problem, "description": "Units stand on the chain for one of its lines, or are about to"},
    },
)
def cancel(request: Request, principal: OrderPrincipal, purchase_id: str) -> Response:
    """By its buyer, while nothing is set aside for any line of it. Nothing need be sent; once more changes nothing."""
    services, asker = state_of(request).services.assets, asker_of(request, principal)
    kept = services.order.cancel(purchase_id, center=asker.center, buyer=asker.member, actor=asker.actor)
    return JsonAnswer(purchase_value(kept, services.check_purchase.standing(kept)), headers=PRIVATE)


@router.get(
    "/{purchase_id}/check",
    response_model=PurchaseCheckAnswer,
    summary="Check a purchase: token, lot, certificate, purchase line",
    responses=_UNKNOWN,
)
def check(request: Request, principal: OrderPrincipal, purchase_id: str) -> Response:
    """Of each line where it stands, what is next, and four checks with their evidence: passed, failed or not checked."""
    state = state_of(request)
    services = state.services.assets
    found = services.order.get(purchase_id, center=principal.center, member=principal.member)
    return JsonAnswer(check_value(services.check_purchase(found), state.settings.public_url), headers=PRIVATE)


def _order(state: WebState, request: Request, principal: Principal, body: bytes) -> Response:
    asker = asker_of(request, principal)
    fields = read_body(request, body, required=("reference", "lines"), optional=("orderedOn",))
    lines = read_list(fields["lines"], "/lines", longest=MAX_LINES)
    order = state.services.assets.order
    kept = order(
        [_read_line(value, f"/lines/{at}") for at, value in enumerate(lines)],
        reference=read_words(fields["reference"], "/reference", longest=_REFERENCE_CHARACTERS),
        ordered_on=None if fields["orderedOn"] is None else read_day(fields["orderedOn"], "/orderedOn"),
        center=asker.center,
        buyer=asker.member,
        actor=asker.actor,
        once=once_of(state, request, principal, meaning_of(asker, body)),
    )
    value = purchase_value(kept, warnings=order.warnings(kept.lines))
    return JsonAnswer(value, status=201, headers=PRIVATE | {"Location": f"/v1/purchases/{kept.id}"})


def _rewrite(state: WebState, request: Request, principal: Principal, body: bytes, purchase_id: str, number: int) -> Response:
    asker = asker_of(request, principal)
    fields = read_body(request, body, required=_LINE_REQUIRED, optional=_OPTIONAL)
    order = state.services.assets.order
    kept = order.rewrite(
        purchase_id,
        read_count(number, "/number", least=1),
        _read_line(fields, ""),
        center=asker.center,
        buyer=asker.member,
        actor=asker.actor,
    )
    (warnings,) = order.warnings([kept])
    return JsonAnswer(purchase_line_value(kept, warnings=warnings), headers=PRIVATE)


def _read_line(value: JsonValue, where: str) -> AskedLine:
    if not isinstance(value, dict):
        raise FieldInvalid("An object is expected.", where=where)
    given = dict.fromkeys(_OPTIONAL) | value
    fields = read_object(given, _LINE_KEYS, where)

    def identifier(name: str) -> str | None:
        return None if fields[name] is None else read_identifier(fields[name], f"{where}/{name}")

    quantity = fields["quantity"]
    if isinstance(quantity, int | float):
        raise FieldInvalid("A quantity is text.", where=f"{where}/quantity", remedy='Write it like "12.5".')
    return AskedLine(
        supplier=read_member_name(fields["supplier"], f"{where}/supplier"),
        category=read_words(fields["category"], f"{where}/category", longest=MAX_DESCRIPTION_CHARACTERS),
        description=read_words(fields["description"], f"{where}/description", longest=MAX_DESCRIPTION_CHARACTERS),
        product=identifier("product"),
        lot=identifier("lot"),
        class_id=read_name(fields["class"], f"{where}/class"),
        quantity=read_line(quantity, f"{where}/quantity", longest=QUANTITY_CHARACTERS),
        label=None if fields["label"] is None else read_name(fields["label"], f"{where}/label"),
        model=None if fields["model"] is None else read_words(fields["model"], f"{where}/model", longest=MAX_MODEL_CHARACTERS),
        economy=read_economy(fields["economy"], f"{where}/economy"),
        price=read_price(fields["price"], f"{where}/price"),
    )
