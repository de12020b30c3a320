"""A procurement officer's pages: purchases, one purchase with its checks, and what is done for a line: accept, give back, retire.

What is sent twice is done once: a form says which try of its line it is, and a try that was made leads to what became of it.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from greenlane.core import crypto
from greenlane.core.assets.evidence import read_day
from greenlane.core.assets.quantity import QuantityInvalid, decimal_text, read_quantity, unit_words
from greenlane.core.assets.retirement import MAX_BENEFICIARY_CHARACTERS, read_beneficiary
from greenlane.core.balance.custody import CUSTODY_WORDS
from greenlane.core.canonical import canonical_bytes
from greenlane.core.errors import Conflict, InvalidInput, NotFound
from greenlane.core.units import MemberId
from greenlane.core.wire import FieldInvalid, encode_hex
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.answers import Once
from greenlane.ports.purchases import Purchase
from greenlane.services.assets.acting import Asker
from greenlane.services.check_purchase import LineCheck, LineStanding
from greenlane.web.asked import digest_in_address
from greenlane.web.auth import Permission
from greenlane.web.pages.amounts import amount_words, day_words, span_words
from greenlane.web.pages.purchases import (
    Retirable,
    attempts,
    listed_purchase,
    may_cancel,
    retirable,
    told_act,
    told_purchase,
)
from greenlane.web.pages.render import private_page
from greenlane.web.pages.words import item_words
from greenlane.web.problems import BadRequest
from greenlane.web.signed_in import Form, FormGuard, PageGuard, Visitor
from greenlane.web.state import WebState, state_of

router = APIRouter(tags=["Pages"], default_response_class=Response)

OrderVisitor = Annotated[Visitor, Depends(PageGuard(Permission.ORDER))]
TradeVisitor = Annotated[Visitor, Depends(PageGuard(Permission.TRADE))]
SeeTradeVisitor = Annotated[Visitor, Depends(PageGuard(Permission.SEE_TRADE))]
OrderForm = Annotated[Form, Depends(FormGuard(Permission.ORDER))]
TradeForm = Annotated[Form, Depends(FormGuard(Permission.TRADE))]
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page", "content": {"text/html": {}}},
    303: {"description": "To sign in first"},
}
_SENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page: what is to be confirmed, or mended", "content": {"text/html": {}}},
    303: {"description": "The page of the act that was made"},
}
_LISTED = 20
_ID_CHARACTERS = 64


class LineMoved(Conflict):
    """Something else was done for the line since the form was opened."""

    code = "line-moved"
    default_remedy = "Look at the purchase as it stands now, and begin there."


class NothingToDo(Conflict):
    """At this point of its way nothing of the kind can be done for the line."""

    code = "nothing-to-do"
    default_remedy = "The purchase's page says where the line stands and whose turn it is."


@dataclass(slots=True)
class _Asked:
    """The fields of the form that retires, and what is wrong with them by name."""

    quantity: str
    beneficiary: str
    claim_from: str
    claim_to: str
    faults: dict[str, str] = field(default_factory=dict)


@router.get("/purchases", response_model=None, responses=_PAGE, summary="My purchases")
def purchases(request: Request, visitor: OrderVisitor) -> Response:
    """Newest first; each line with where it stands in one word, and whose turn it is."""
    services, principal = state_of(request).services, visitor.principal
    after = request.query_params.get("after")
    found = services.assets.order.of_buyer(
        principal.center, principal.member, after=None if after is None else after[:_ID_CHARACTERS], limit=_LISTED + 1
    )
    listed = [listed_purchase(services, each, tells_buyer=principal.member is None) for each in found[:_LISTED]]
    more = f"/purchases?after={found[_LISTED - 1].id}" if len(found) > _LISTED else None
    return private_page("purchases.html", visitor=visitor, purchases=listed, more=more, is_first=after is None)


@router.get("/purchases/{purchase_id}", response_model=None, responses=_PAGE, summary="One purchase, checked")
async def purchase(request: Request, visitor: OrderVisitor, purchase_id: str) -> Response:
    """Four checks of each line, the way of its units, and what its officer may do."""
    state = state_of(request)
    return await to_thread.run_sync(_purchase, state, visitor, purchase_id, limiter=state.page_limiter)


@router.get("/purchases/{purchase_id}/cancel", response_model=None, responses=_PAGE, summary="Whether to take a purchase back")
def cancel_page(request: Request, visitor: OrderVisitor, purchase_id: str) -> Response:
    """What it would mean, and the button that does it."""
    state = state_of(request)
    found = _purchase_of(state, visitor, purchase_id)
    check = state.services.assets.check_purchase(found)
    if not may_cancel(check):
        raise NothingToDo("This purchase cannot be taken back any more: it was before, or units stand for it.")
    told = told_purchase(state.services, check, visitor.reader)
    return private_page("cancel.html", visitor=visitor, purchase=told)


@router.post(
    "/purchases/{purchase_id}/cancel",
    response_model=None,
    responses={303: {"description": "The purchase's page"}},
    summary="Take a purchase back",
)
async def cancel(request: Request, form: OrderForm, purchase_id: str) -> Response:
    """Takes it back, once."""
    return await to_thread.run_sync(_cancel, state_of(request), form, purchase_id)


@router.get(
    "/purchases/{purchase_id}/lines/{number}/accept", response_model=None, responses=_PAGE, summary="Whether to accept units"
)
def accept_page(request: Request, visitor: TradeVisitor, purchase_id: str, number: int) -> Response:
    """What waits, and the button that takes it."""
    return _end_page(state_of(request), visitor, purchase_id, number, ActKind.ACCEPT)


@router.post(
    "/purchases/{purchase_id}/lines/{number}/accept", response_model=None, responses=_SENT, summary="Accept the units of a line"
)
async def accept(request: Request, form: TradeForm, purchase_id: str, number: int) -> Response:
    """Keeps the act, once."""
    return await to_thread.run_sync(_end, state_of(request), form, purchase_id, number, ActKind.ACCEPT)


@router.get(
    "/purchases/{purchase_id}/lines/{number}/return", response_model=None, responses=_PAGE, summary="Whether to give units back"
)
def return_page(request: Request, visitor: TradeVisitor, purchase_id: str, number: int) -> Response:
    """What waits, and the button that gives it back."""
    return _end_page(state_of(request), visitor, purchase_id, number, ActKind.GIVE_BACK)


@router.post(
    "/purchases/{purchase_id}/lines/{number}/return", response_model=None, responses=_SENT, summary="Give back a line's units"
)
async def give_back(request: Request, form: TradeForm, purchase_id: str, number: int) -> Response:
    """Keeps the act, once."""
    return await to_thread.run_sync(_end, state_of(request), form, purchase_id, number, ActKind.GIVE_BACK)


@router.get(
    "/purchases/{purchase_id}/lines/{number}/retire", response_model=None, responses=_PAGE, summary="What to retire, for whom"
)
def retire_page(request: Request, visitor: TradeVisitor, purchase_id: str, number: int) -> Response:
    """The form, filled in with what the line and its units say."""
    state = state_of(request)
    found = _purchase_of(state, visitor, purchase_id)
    may = _retirable(state, found, number)
    buyer = state.services.look_up.member(found.center, found.buyer)
    unit = may.asset.asset_class.unit
    asked = _Asked(
        quantity=decimal_text(may.left, unit),
        beneficiary=found.buyer if buyer is None else buyer.name,
        claim_from=may.earliest.isoformat(),
        claim_to=may.asset.facts.vintage_to.isoformat(),
    )
    return _retire_form(visitor, found, may, asked)


@router.post(
    "/purchases/{purchase_id}/lines/{number}/retire", response_model=None, responses=_SENT, summary="Retire units for a line"
)
async def retire(request: Request, form: TradeForm, purchase_id: str, number: int) -> Response:
    """First shows what cannot be undone; with `understood` it keeps the act, once."""
    return await to_thread.run_sync(_retire, state_of(request), form, purchase_id, number)


@router.get("/acts/{digest}", response_model=None, responses=_PAGE, summary="What became of an act")
def act(request: Request, visitor: SeeTradeVisitor, digest: str) -> Response:
    """Where an act stands; the page looks again by itself until the chain has decided."""
    look, principal = state_of(request).services.assets.look, visitor.principal
    shown = look.act(digest_in_address(digest), center=principal.center, member=principal.member)
    kept, told = shown.act, told_act(shown.act, shown.replaced_by)
    line_path = None if kept.line is None else f"/purchases/{kept.line[0]}"
    is_done = kept.state is ActState.DONE
    return private_page(
        "act.html",
        visitor=visitor,
        told=told,
        is_done=is_done,
        is_refused=kept.state in (ActState.REFUSED, ActState.EXPIRED),
        retirement=f"/retirements/{kept.subject}" if is_done and kept.kind is ActKind.RETIRE else None,
        retire=f"{line_path}/lines/{kept.line[1]}/retire" if kept.line and is_done and kept.kind is ActKind.ACCEPT else None,
        line=None if kept.line is None else f"{line_path}#line-{kept.line[1]}",
        instead=None if shown.replaced_by is None else f"/acts/{encode_hex(shown.replaced_by)}",
        digest=encode_hex(kept.digest),
    )


def _purchase(state: WebState, visitor: Visitor, purchase_id: str) -> Response:
    found = _purchase_of(state, visitor, purchase_id)
    check = state.services.assets.check_purchase(found)
    told = told_purchase(state.services, check, visitor.reader)
    return private_page("purchase.html", visitor=visitor, purchase=told)


def _cancel(state: WebState, form: Form, purchase_id: str) -> Response:
    found = _purchase_of(state, form.visitor, purchase_id)
    principal = form.visitor.principal
    state.services.assets.order.cancel(found.id, center=found.center, buyer=found.buyer, actor=principal.actor)
    return RedirectResponse(f"/purchases/{found.id}", status_code=303, headers={"Cache-Control": "no-store"})


def _purchase_of(state: WebState, visitor: Visitor, purchase_id: str) -> Purchase:
    principal = visitor.principal
    return state.services.assets.order.get(purchase_id[:_ID_CHARACTERS], center=principal.center, member=principal.member)


def _asker(visitor: Visitor, buyer: MemberId) -> Asker:
    """In the buyer's name: a member's key is its own, an operator's acts for the buyer of the purchase."""
    return Asker(center=visitor.principal.center, member=buyer, actor=visitor.principal.actor)


def _line(state: WebState, found: Purchase, number: int) -> LineCheck:
    for line in state.services.assets.check_purchase(found).lines:
        if line.number == number:
            return line
    raise NotFound(f"The purchase has no line {number}.", remedy="Begin at the purchase's page.")


def _end_page(state: WebState, visitor: Visitor, purchase_id: str, number: int, kind: ActKind) -> Response:
    found = _purchase_of(state, visitor, purchase_id)
    line = _line(state, found, number)
    if line.standing is not LineStanding.OFFERED or line.escrow is None:
        raise NothingToDo("No units wait for this line now.")
    if kind is ActKind.ACCEPT and found.cancelled_at is not None:
        raise NothingToDo("The purchase was taken back: the units that wait can only be given back.")
    check = state.services.assets.check_purchase(found)
    told = next(each for each in told_purchase(state.services, check, visitor.reader).lines if each.number == number)
    return private_page(
        "end.html",
        visitor=visitor,
        purchase=found,
        line=told,
        is_acceptance=kind is ActKind.ACCEPT,
        attempt=len(attempts(line.acts, ActKind.ACCEPT, ActKind.GIVE_BACK)),
    )


def _end(state: WebState, form: Form, purchase_id: str, number: int, kind: ActKind) -> Response:
    found = _purchase_of(state, form.visitor, purchase_id)
    line = _line(state, found, number)
    tried = attempts(line.acts, ActKind.ACCEPT, ActKind.GIVE_BACK)
    attempt = _attempt(form, len(tried))
    if attempt < len(tried):
        return _done_before(tried[attempt], {}, kind)
    if line.escrow is None:
        raise NothingToDo("No units wait for this line now.")
    escrow, once = state.services.assets.escrow, _once(state, found, number, "end", attempt, {"kind": kind.value})
    use = escrow.accept if kind is ActKind.ACCEPT else escrow.give_back
    return _to_act(use(_asker(form.visitor, found.buyer), escrow_id=line.escrow.id, once=once))


def _retire(state: WebState, form: Form, purchase_id: str, number: int) -> Response:
    found = _purchase_of(state, form.visitor, purchase_id)
    asked = _Asked(
        quantity=form["quantity"].strip(),
        beneficiary=unicodedata.normalize("NFC", form["beneficiary"]).strip(),
        claim_from=form["claim_from"].strip(),
        claim_to=form["claim_to"].strip(),
    )
    tried = attempts(_line(state, found, number).acts, ActKind.RETIRE)
    attempt = _attempt(form, len(tried))
    if attempt < len(tried):
        return _done_before(tried[attempt], _wish(asked), ActKind.RETIRE)
    may = _retirable(state, found, number)
    read = _read(asked, may)
    if read is None:
        return _retire_form(form.visitor, found, may, asked, status=400)
    if form["step"] != "confirmed" or form["understood"] != "yes":
        return _confirm_page(form.visitor, found, may, asked, read, is_missed=form["step"] == "confirmed")
    first, last, _quantity = read
    return _to_act(
        state.services.assets.retire(
            _asker(form.visitor, found.buyer),
            token=may.asset.facts.token,
            quantity=asked.quantity,
            beneficiary=asked.beneficiary,
            claim_from=first,
            claim_to=last,
            line=(found.id, number),
            once=_once(state, found, number, "retire", attempt, _wish(asked)),
        )
    )


def _retirable(state: WebState, found: Purchase, number: int) -> Retirable:
    may = retirable(state.services, found, number)
    if may is None:
        _line(state, found, number)
        raise NothingToDo("Nothing of this line can be retired now.")
    return may


def _attempt(form: Form, most: int) -> int:
    text = form["attempt"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 4) or int(text) > most:
        raise BadRequest("The form is not one of this page.", remedy="Open the purchase's page, and begin there.")
    return int(text)


def _done_before(before: KeptAct, wish: Mapping[str, str], kind: ActKind) -> Response:
    """Leads to what the same form did before."""
    if before.kind is not kind or any(before.asked.get(name) != value for name, value in wish.items()):
        raise LineMoved("Something else was done for this line since this page was opened.")
    return _to_act(before)


def _wish(asked: _Asked) -> dict[str, str]:
    """What a form asks for, under the names that the act keeps it by."""
    return {
        "quantity": asked.quantity,
        "beneficiary": asked.beneficiary,
        "claimFrom": asked.claim_from,
        "claimTo": asked.claim_to,
    }


def _once(state: WebState, found: Purchase, number: int, verb: str, attempt: int, wish: Mapping[str, str]) -> Once:
    """One try of one line is one thing, whoever of the center sends it, from however many pages."""
    return Once(
        scope=f"page {found.center} {verb} /purchases/{found.id}/lines/{number}",
        key=str(attempt),
        request_digest=crypto.sha256(canonical_bytes(dict(wish))),
        at=state.services.clock(),
    )


def _to_act(kept: KeptAct) -> Response:
    return RedirectResponse(f"/acts/{encode_hex(kept.digest)}", status_code=303, headers={"Cache-Control": "no-store"})


def _read(asked: _Asked, may: Retirable) -> tuple[date, date, int] | None:
    """The form's fields as values; None where one is wrong, with the words for it in `asked.faults`."""
    unit = may.asset.asset_class.unit
    quantity, days = 0, dict.fromkeys(("claim_from", "claim_to"), date.min)
    try:
        quantity = read_quantity(asked.quantity, "/quantity", unit)
    except InvalidInput as fault:
        asked.faults["quantity"] = f"{fault.detail} {fault.remedy}".strip()
    if quantity > may.left:
        asked.faults["quantity"] = f"No more than {amount_words(may.left, unit)} are left for this line."
    try:
        read_beneficiary(asked.beneficiary, "/beneficiary")
    except InvalidInput:
        asked.faults["beneficiary"] = f"Write a name of one line, 1 to {MAX_BENEFICIARY_CHARACTERS} characters."
    for name, text in (("claim_from", asked.claim_from), ("claim_to", asked.claim_to)):
        try:
            days[name] = read_day(text, f"/{name}")
        except (FieldInvalid, QuantityInvalid):
            asked.faults[name] = "Write a day like 2026-07-01."
            continue
        if not may.earliest <= days[name] <= may.latest:
            asked.faults[name] = f"These units may be claimed from {day_words(may.earliest)} to {day_words(may.latest)}."
    if "claim_to" not in asked.faults and "claim_from" not in asked.faults and days["claim_from"] > days["claim_to"]:
        asked.faults["claim_to"] = "The last day comes before the first."
    return None if asked.faults else (days["claim_from"], days["claim_to"], quantity)


def _retire_form(visitor: Visitor, found: Purchase, may: Retirable, asked: _Asked, *, status: int = 200) -> Response:
    return private_page("retire.html", status=status, visitor=visitor, asked=asked, **_about(found, may))


def _confirm_page(
    visitor: Visitor, found: Purchase, may: Retirable, asked: _Asked, read: tuple[date, date, int], *, is_missed: bool
) -> Response:
    first, last, quantity = read
    return private_page(
        "retire_confirm.html",
        status=400 if is_missed else 200,
        visitor=visitor,
        asked=asked,
        is_missed=is_missed,
        amount=amount_words(quantity, may.asset.asset_class.unit),
        span=span_words(first, last),
        **_about(found, may),
    )


def _about(found: Purchase, may: Retirable) -> dict[str, Any]:
    line, facts, of = may.kept.open_line.line, may.asset.facts, may.asset.asset_class
    statement = None if may.asset.evidence is None else may.asset.evidence.statement
    lot = line.lot or (None if statement is None else statement.lot)
    path = f"/purchases/{found.id}"
    return {
        "purchase": found,
        "number": line.number,
        "description": line.description,
        "path": f"{path}/lines/{line.number}/retire",
        "back": f"{path}#line-{line.number}",
        "attempt": may.attempt,
        "class_name": of.name,
        "attribute": of.attribute,
        "unit": unit_words(of.unit.code),
        "step": decimal_text(1, of.unit),
        "left": amount_words(may.left, of.unit),
        "vintage": span_words(facts.vintage_from, facts.vintage_to),
        "earliest": may.earliest.isoformat(),
        "latest": may.latest.isoformat(),
        "window": span_words(may.earliest, may.latest),
        "custody": CUSTODY_WORDS[facts.custody_model],
        "lot": None if lot is None else item_words(lot),
        "most_characters": MAX_BENEFICIARY_CHARACTERS,
    }
