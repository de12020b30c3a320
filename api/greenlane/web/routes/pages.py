"""The public pages: an item by its GS1 Digital Link, an event by its hash, and the way to both.

Each page has its JSON (`Accept: application/json`), and an item's page a linkset (`Accept: application/linkset+json`, RFC 9264).
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from greenlane.core.epcis.gs1keys import GS1Key
from greenlane.core.epcis.identifiers import IdentifierFault, parse_identifier
from greenlane.core.errors import NotFound, Unavailable
from greenlane.core.trust import TrustFile
from greenlane.ports.events import Reader as EventReader
from greenlane.verify.ladder import Verdict
from greenlane.web.addresses import content_digest_of, event_digest_of, place_of, required_event_digest
from greenlane.web.auth import PageReader, Reader
from greenlane.web.pages.journey import JudgedJourney, journey_value, verify_path
from greenlane.web.pages.judging import judged_event, judged_item
from greenlane.web.pages.render import (
    STYLE_SHEET,
    index_page,
    journey_page,
    nothing_page,
    prefers_html,
    problem_kind_page,
    problem_kinds_page,
)
from greenlane.web.problems import BadRequest, problem_kinds
from greenlane.web.schemas import JsonAnswer, center_value
from greenlane.web.state import WebState, state_of

router = APIRouter(tags=["Pages"], default_response_class=Response)

_JSON_HEADERS = {"Vary": "Accept, Authorization", "Cache-Control": "no-cache"}
_MAX_ASKED = 500
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page, or its JSON", "content": {"text/html": {}, "application/json": {}}}
}


@router.get("/", response_model=None, responses=_PAGE, summary="The first page")
async def index(request: Request, _: Reader) -> Response:
    """What this is, who is here, and where to type a number."""
    state = state_of(request)
    public_url = state.settings.public_url
    centers = await run_in_threadpool(_centers, state, public_url)
    if _wants_json(request):
        return JsonAnswer({"centers": centers}, headers=_JSON_HEADERS)
    return index_page(centers, public_url=public_url, standstill=await state.readiness.standstill())


@router.get("/find", response_model=None, responses={303: {"description": "The page"}}, summary="From a number to its page")
def find(request: Request, _: Reader) -> Response:
    """Leads from what somebody typed or scanned to the page of the item or event."""
    asked = request.query_params.get("q", "").strip()
    if not asked or len(asked) > _MAX_ASKED:
        raise BadRequest("Nothing to look for.", remedy="Type a GS1 Digital Link, an EPC URN or an event hash.")
    digest = event_digest_of(asked, {})
    if digest is not None:
        return RedirectResponse(f"/verify/{digest.hex()}", status_code=303)
    text = asked if ":" in asked else f"https://id.gs1.org/{asked.lstrip('/')}"
    return RedirectResponse(_path_of(text), status_code=303)


@router.get("/verify/{event_hash:path}", response_model=None, responses=_PAGE, summary="An event, judged")
async def verify(request: Request, reader: PageReader, event_hash: str) -> Response:
    """An event, the journey of what it names, and the ladder of checks."""
    state = state_of(request)
    trust = await state.trust.or_reason()
    standstill = await state.readiness.standstill()
    return await to_thread.run_sync(_event_answer, request, reader, trust, standstill, event_hash, limiter=state.page_limiter)


@router.get("/problems", response_model=None, responses=_PAGE, summary="Kinds of problems")
def problems(request: Request, _: Reader) -> Response:
    """Every kind of problem this server answers with."""
    kinds = list(problem_kinds().values())
    if _wants_json(request):
        return JsonAnswer({"problems": [kind.code for kind in kinds]}, headers=_JSON_HEADERS)
    return problem_kinds_page(kinds)


@router.get("/problems/{code}", response_model=None, responses=_PAGE, summary="One kind of problem")
def problem(request: Request, _: Reader, code: str) -> Response:
    """What one kind of problem means, and how to mend it."""
    kind = problem_kinds().get(code)
    if kind is None:
        raise NotFound(f"There is no problem of the kind {code[:60]!r}.", remedy="/problems lists them all.")
    if _wants_json(request):
        value = {"code": kind.code, "title": kind.title, "status": kind.status, "meaning": kind.meaning, "remedy": kind.remedy}
        return JsonAnswer(value, headers=_JSON_HEADERS)
    return problem_kind_page(kind)


@router.get("/static/greenlane.css", response_model=None, include_in_schema=False)
def style_sheet() -> Response:
    """The one style sheet."""
    return Response(STYLE_SHEET, media_type="text/css", headers={"Cache-Control": "public, max-age=300"})


def _item_route(key: GS1Key) -> Callable[..., Awaitable[Response]]:
    async def item(request: Request, reader: PageReader, value: str) -> Response:
        state = state_of(request)
        trust = await state.trust.or_reason()
        standstill = await state.readiness.standstill()
        return await to_thread.run_sync(_item_answer, request, reader, trust, standstill, limiter=state.page_limiter)

    item.__name__ = f"item_{key.value}"
    item.__doc__ = f"The journey of what the GS1 key {key.name.replace('_', ' ')} names, judged."
    return item


for _key in GS1Key:
    _add = router.get(f"/{_key.value}/{{value:path}}", response_model=None, responses=_PAGE, summary="An item, judged")
    _add(_item_route(_key))


def _centers(state: WebState, public_url: str) -> list[dict[str, Any]]:
    return [center_value(center, state.services.read_log.standing(center.id), public_url) for center in state.services.centers]


def _event_answer(
    request: Request, reader: EventReader | None, trust: TrustFile | Unavailable, standstill: str | None, event_hash: str
) -> Response:
    state = state_of(request)
    digest = required_event_digest(event_hash, request.query_params)
    center, leaf_index = place_of(request.query_params)
    content_digest = content_digest_of(request.query_params)
    journey = judged_event(
        state.services,
        digest,
        center=center,
        leaf_index=leaf_index,
        content_digest=content_digest,
        reader=reader,
        trust=trust,
    )
    path = f"/verify/{digest.hex()}" if journey is None else verify_path(journey.selected)
    return _answer(state, request, journey, path=path, asked=digest.hex(), is_event_page=True, standstill=standstill)


def _item_answer(
    request: Request, reader: EventReader | None, trust: TrustFile | Unavailable, standstill: str | None
) -> Response:
    state = state_of(request)
    # The path as it was sent: a decoded slash inside a serial number would read as a qualifier.
    raw_path = request.scope.get("raw_path") or quote(request.url.path).encode()
    path = _path_of(f"https://id.gs1.org{raw_path.decode('ascii', 'replace')}")
    journey = judged_item(state.services, f"https://id.gs1.org{path}", reader=reader, trust=trust)
    asked = f"https://id.gs1.org{path}"
    return _answer(state, request, journey, path=path, asked=asked, is_event_page=False, standstill=standstill)


def _path_of(text: str) -> str:
    """The path of an identifier's page here: that of its canonical Digital Link.

    Raises:
        IdentifierFault: it is no GS1 identifier, or one that is mistyped.
    """
    try:
        return parse_identifier(text).digital_link.removeprefix("https://id.gs1.org")
    except IdentifierFault as error:
        # The place is the address itself: a pointer would say nothing.
        error.where = None
        raise


def _answer(
    state: WebState,
    request: Request,
    journey: JudgedJourney | None,
    *,
    path: str,
    asked: str,
    is_event_page: bool,
    standstill: str | None,
) -> Response:
    public_url = state.settings.public_url
    if journey is None:
        words = "Nothing that anyone may read names this here."
        remedy = "It may be mistyped, captured elsewhere, or kept private by the firm that captured it."
        if prefers_html(request):
            return nothing_page(words, remedy, asked=asked)
        raise NotFound(words, remedy=remedy)
    if "application/linkset+json" in request.headers.get("accept", "") and not is_event_page:
        return JsonAnswer(_linkset(public_url, path), headers=_JSON_HEADERS, media_type="application/linkset+json")
    if _wants_json(request):
        return JsonAnswer(journey_value(journey, public_url=public_url), headers=_JSON_HEADERS)
    told = [journey.selected] if is_event_page else journey.events
    if not any(event.judgement is None and event.verdict is Verdict.NOT_CHECKED for event in told):
        standstill = None
    return journey_page(journey, public_url=public_url, path=path, is_event_page=is_event_page, standstill=standstill)


def _linkset(public_url: str, path: str) -> dict[str, object]:
    page = {"href": f"{public_url}{path}", "title": "The item's journey, judged", "type": "text/html", "hreflang": ["en"]}
    return {
        "linkset": [
            {
                "anchor": f"https://id.gs1.org{path}",
                "https://ref.gs1.org/voc/defaultLink": [page],
                "https://ref.gs1.org/voc/traceability": [page, page | {"type": "application/json"}],
            }
        ]
    }


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept
