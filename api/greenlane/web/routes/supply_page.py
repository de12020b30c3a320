"""What anybody sees of green assets: how much there is of each class, and every retirement with its certificate."""

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.assets.retirement import RetirementCertificate, encode_certificate
from greenlane.core.errors import NotFound
from greenlane.ports.purchases import KeptRetirement
from greenlane.services.assets.look import RetirementMissing
from greenlane.web.asked import digest_in_address
from greenlane.web.asset_schemas import retirement_answer, supply_value
from greenlane.web.auth import PageReader, Reader
from greenlane.web.pages.render import prefers_html, public_page, qr_of
from greenlane.web.pages.retirements import certificate_names, told_retirement
from greenlane.web.pages.supply import BAR_WIDTH, told_supply
from greenlane.web.schemas import JsonAnswer, Problem
from greenlane.web.state import WebState, state_of

router = APIRouter(default_response_class=Response)

_MOST_ISSUANCES = 5_000
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page, or its JSON", "content": {"text/html": {}, "application/json": {}}}
}
_NOT_YET: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such retirement, or its certificate is made at another center"},
    503: {"model": Problem, "description": "Its entry is not anchored yet; `detail` says how far it has come"},
}
_JSON_HEADERS = {"Vary": "Accept, Authorization", "Cache-Control": "no-cache"}


class CertificateElsewhere(NotFound):
    """The chain holds the retirement, and this center made no certificate of it."""

    code = "certificate-elsewhere"
    default_remedy = (
        "Ask the center of whoever retired. Where that is this one: a certificate is made a moment after the chain holds the "
        "retirement, or after the statement behind its units came to be known here: `greenlane evidence bring TOKEN --from URL`."
    )


@router.get("/supply", response_model=None, responses=_PAGE, tags=["Pages"], summary="How much there is of every green asset")
async def supply(request: Request, _: PageReader) -> Response:
    """Of each class: issued = tradable + set aside + retired + cancelled, what is evidenced, and how to compute it anew."""
    state = state_of(request)
    return await to_thread.run_sync(_supply, state, request, limiter=state.page_limiter)


@router.get("/retirements/{retirement_id}", response_model=None, responses=_PAGE, tags=["Pages"], summary="A retirement")
async def retirement(request: Request, _: PageReader, retirement_id: str) -> Response:
    """What was claimed for whom, what may be said of it, whether its evidence stands, and its certificate."""
    state = state_of(request)
    return await to_thread.run_sync(_retirement, state, request, retirement_id, limiter=state.page_limiter)


async def _freshen_keys(request: Request) -> None:
    """Receipts need the terms of log keys."""
    await state_of(request).trust.freshen()


@router.get(
    "/v1/retirements/{retirement_id}/certificate",
    response_model=None,
    tags=["Green assets"],
    summary="A retirement's certificate",
    responses={200: {"description": "GreenlaneRetirementCertificate", "content": {"application/json": {}}}, **_NOT_YET},
    dependencies=[Depends(_freshen_keys)],
)
def certificate(request: Request, _: Reader, retirement_id: str) -> Response:
    """The statement and the receipt of its entry: `greenlane verify` judges it, offline as far as the chain allows."""
    kept, made = _certificate(state_of(request), retirement_id)
    headers = _download(kept, "json") | {"Cache-Control": "no-cache"}
    return Response(encode_certificate(made), media_type="application/json", headers=headers)


@router.get(
    "/v1/retirements/{retirement_id}/certificate.pdf",
    response_model=None,
    tags=["Green assets"],
    summary="A retirement's certificate, to be filed",
    responses={
        200: {"description": "A page that carries the certificate inside", "content": {"application/pdf": {}}},
        **_NOT_YET,
    },
    dependencies=[Depends(_freshen_keys)],
)
async def certificate_pdf(request: Request, _: PageReader, retirement_id: str) -> Response:
    """What it shows proves nothing; the certificate that it carries does, and `greenlane verify` takes it out."""
    state = state_of(request)
    return await to_thread.run_sync(_pdf, state, retirement_id, limiter=state.page_limiter)


def _supply(state: WebState, request: Request) -> Response:
    found = state.services.assets.look.supply(most_issuances=_MOST_ISSUANCES)
    if not prefers_html(request) and "application/json" in request.headers.get("accept", ""):
        return JsonAnswer(supply_value(found), headers=_JSON_HEADERS)
    return public_page("supply.html", supply=told_supply(found), public_url=state.settings.public_url, bar_width=BAR_WIDTH)


def _retirement(state: WebState, request: Request, retirement_id: str) -> Response:
    look, public_url = state.services.assets.look, state.settings.public_url
    shown = look.retirement(digest_in_address(retirement_id))
    if not prefers_html(request) and "application/json" in request.headers.get("accept", ""):
        return JsonAnswer(retirement_answer(shown, public_url, name_of=look.name_of), headers=_JSON_HEADERS)
    told = told_retirement(state.services, shown)
    address = f"{public_url}/retirements/{told.id}"
    return public_page("retirement.html", told=told, address=address, qr=qr_of(address))


def _certificate(state: WebState, retirement_id: str) -> tuple[KeptRetirement, RetirementCertificate]:
    named = digest_in_address(retirement_id)
    try:
        shown = state.services.assets.look.retirement(named)
    except RetirementMissing:
        # What is certified stays certified, also where the chain's copy here is being read anew.
        kept = state.services.assets.certify.known(named)
    else:
        if shown.certified is None:
            raise CertificateElsewhere(f"No certificate of the retirement {retirement_id} was made here.")
        kept = shown.certified
    receipt = state.services.prove.entry(kept.center, kept.leaf_index)
    seals = state.services.assets.certify.seals(kept)
    return kept, RetirementCertificate(statement=kept.statement, receipt=receipt, seals=seals)


def _pdf(state: WebState, retirement_id: str) -> Response:
    kept, made = _certificate(state, retirement_id)
    names = certificate_names(state.services, kept, state.settings.public_url)
    headers = _download(kept, "pdf") | {"Cache-Control": "no-cache"}
    return Response(state.services.draw_certificate(made, names), media_type="application/pdf", headers=headers)


def _download(kept: KeptRetirement, ending: str) -> dict[str, str]:
    name = f"retirement-{kept.id.hex()[:16]}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}
