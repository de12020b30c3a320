"""The public pages: an item by its GS1 Digital Link, an event by its hash, a document by its CID, and the way to them.

Each page has its JSON (`Accept: application/json`), and an item's page a linkset (`Accept: application/linkset+json`, RFC 9264).
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from greenlane.core.documents.cid import Cid, parse_cid
from greenlane.core.documents.description import canonical_subject
from greenlane.core.epcis.gs1keys import GS1Key
from greenlane.core.epcis.identifiers import IdentifierFault, parse_identifier
from greenlane.core.errors import InvalidInput, NotFound, Unavailable
from greenlane.core.trust import TrustFile
from greenlane.ports.documents import DocumentWithdrawn
from greenlane.ports.events import Reader as EventReader
from greenlane.services.list_documents import subjects_of
from greenlane.verify.ladder import Verdict
from greenlane.web.addresses import content_digest_of, event_digest_of, place_of, required_event_digest
from greenlane.web.auth import PageReader, Reader
from greenlane.web.pages.documents import (
    DOCUMENTS_SHOWN,
    Subject,
    document_path,
    list_value,
    subject_path,
    subject_words,
    told_document,
    told_list,
)
from greenlane.web.pages.journey import JudgedJourney, journey_value, verify_path
from greenlane.web.pages.judging import judged_event, judged_item
from greenlane.web.pages.render import (
    SCRIPT_TAGS,
    SCRIPTS,
    STYLE_SHEET,
    about_documents_page,
    document_page,
    documents_page,
    index_page,
    journey_page,
    nothing_page,
    prefers_html,
    problem_kind_page,
    problem_kinds_page,
    withdrawn_page,
)
from greenlane.web.problems import BadRequest, PathUnknown, problem_kinds
from greenlane.web.schemas import JsonAnswer, center_value, statement_value
from greenlane.web.state import WebState, state_of

router = APIRouter(tags=["Pages"], default_response_class=Response)

_JSON_HEADERS = {"Vary": "Accept, Authorization", "Cache-Control": "no-cache"}
_MAX_ASKED = 500
_DOCUMENT_LINK = re.compile(r"https?://[^?]*/documents/(?P<cid>b[a-z2-7]+)/?(?:\?.*)?", re.ASCII).fullmatch
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
    """Leads from what somebody typed or scanned to the page of the item, event or document."""
    # What stands behind # opens a confidential document: it is no part of any name, and is not told again.
    asked = request.query_params.get("q", "").partition("#")[0].strip()
    if not asked or len(asked) > _MAX_ASKED:
        raise BadRequest("Nothing to look for.", remedy="Type a GS1 Digital Link, an EPC URN or an event hash.")
    cid = _DOCUMENT_LINK(asked)
    if cid is not None:
        return RedirectResponse(document_path(parse_cid(cid["cid"])), status_code=303)
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


@router.get("/documents", response_model=None, responses=_PAGE, summary="Documents about a thing, or how documents are checked")
async def documents(request: Request, reader: PageReader) -> Response:
    """The documents about `about` (a GS1 identifier, event hash or other URI) and what its journey tells of, newest first."""
    state = state_of(request)
    return await to_thread.run_sync(_documents_answer, state, request, reader, limiter=state.page_limiter)


@router.get("/documents/{cid}", response_model=None, responses=_PAGE, summary="A document")
async def document(request: Request, reader: PageReader, cid: str) -> Response:
    """What was stated of a document, and where it is checked and opened."""
    state = state_of(request)
    return await to_thread.run_sync(_document_answer, state, request, reader, cid, limiter=state.page_limiter)


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


@router.get("/static/{name}", response_model=None, include_in_schema=False)
def script(request: Request, name: str) -> Response:
    """One of the pages' modules."""
    if name not in SCRIPTS:
        raise PathUnknown(f"Nothing has the address {request.url.path[:200]!r}.")
    # Modules lean on one another: all are asked for anew with each page, so that none is older than the page.
    headers = {"Cache-Control": "no-cache", "ETag": SCRIPT_TAGS[name]}
    if request.headers.get("if-none-match") == SCRIPT_TAGS[name]:
        return Response(status_code=304, headers=headers)
    return Response(SCRIPTS[name], media_type="text/javascript", headers=headers)


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
    return _answer(state, request, reader, journey, path=path, asked=digest.hex(), is_event_page=True, standstill=standstill)


def _item_answer(
    request: Request, reader: EventReader | None, trust: TrustFile | Unavailable, standstill: str | None
) -> Response:
    state = state_of(request)
    # The path as it was sent: a decoded slash inside a serial number would read as a qualifier.
    raw_path = request.scope.get("raw_path") or quote(request.url.path).encode()
    path = _path_of(f"https://id.gs1.org{raw_path.decode('ascii', 'replace')}")
    journey = judged_item(state.services, f"https://id.gs1.org{path}", reader=reader, trust=trust)
    asked = f"https://id.gs1.org{path}"
    return _answer(state, request, reader, journey, path=path, asked=asked, is_event_page=False, standstill=standstill)


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
    reader: EventReader | None,
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
    subject = journey.identifier or journey.selected.event.event_hash
    found, is_all = state.services.list_documents.of_journey(
        journey.subjects, events=[each.event for each in journey.events], reader=reader, limit=DOCUMENTS_SHOWN
    )
    documents = told_list(state.services, found, more=None if is_all else _list_path(subject), subjects=journey.subjects)
    if _wants_json(request):
        return JsonAnswer(journey_value(journey, documents, public_url=public_url), headers=_JSON_HEADERS)
    told = [journey.selected] if is_event_page else journey.events
    if not any(event.judgement is None and event.verdict is Verdict.NOT_CHECKED for event in told):
        standstill = None
    return journey_page(journey, documents, public_url=public_url, path=path, is_event_page=is_event_page, standstill=standstill)


def _list_path(subject: str, token: str | None = None) -> str:
    """The path of the page with all documents about a thing, from a page's token on."""
    after = "" if token is None else f"&after={quote(token, safe='')}"
    return f"/documents?about={quote(subject, safe='')}{after}"


def _documents_answer(state: WebState, request: Request, reader: EventReader | None) -> Response:
    asked, token = request.query_params.get("about"), request.query_params.get("after")
    if asked is None:
        return about_documents_page()
    subject = canonical_subject(asked.strip())
    subjects = _subjects(state, subject, reader)
    try:
        found = state.services.list_documents.about(subjects, reader=reader, limit=DOCUMENTS_SHOWN, token=token)
    except InvalidInput:
        if token is None:
            raise
        # What the thing's journey tells of has grown since the page before this one: its places are of another question.
        return RedirectResponse(_list_path(subject), status_code=303)
    more = None if found.next_token is None else _list_path(subject, found.next_token)
    told = told_list(state.services, found.documents, more=more, subjects=subjects)
    if _wants_json(request):
        return JsonAnswer({"about": subject, **list_value(told, public_url=state.settings.public_url)}, headers=_JSON_HEADERS)
    named = Subject(words=subject_words(subject), path=subject_path(subject))
    return documents_page(told, subject=named, is_first=token is None)


def _subjects(state: WebState, subject: str, reader: EventReader | None) -> tuple[str, ...]:
    """A thing, and what its journey tells of."""
    digest = event_digest_of(subject, {}) if subject.startswith("ni:") else None
    if digest is not None:
        return subjects_of((subject,), state.services.trace.by_hash(digest, reader=reader))
    journey = state.services.trace(subject, reader=reader)
    return subjects_of(journey.walked, journey.events)


def _document_answer(state: WebState, request: Request, reader: EventReader | None, cid_text: str) -> Response:
    cid = parse_cid(cid_text)
    services, public_url = state.services, state.settings.public_url
    names: dict[tuple[str, str], str] = {}
    stated = services.list_documents.stated(cid, reader=reader, limit=DOCUMENTS_SHOWN)
    statements = [told_document(services, each, names) for each in stated.statements]
    is_standing = any(each.stored.withdrawn_at is None for each in statements)
    size = statements[0].description.size if is_standing else None
    is_encrypted = False
    if not is_standing:
        try:
            found = services.fetch_document.find(cid)
            size, is_encrypted = found.size, found.is_encrypted
        except DocumentWithdrawn as error:
            if not statements and prefers_html(request):
                return _withdrawn(cid, error)
            if not statements:
                raise
    if _wants_json(request):
        value = {
            "cid": cid.text,
            "size": size,
            "statements": [statement_value(each.stored, public_url) for each in statements],
        }
        return JsonAnswer(value, headers=_JSON_HEADERS)
    return document_page(cid.text, statements, size=size, is_encrypted=is_encrypted, has_more=stated.has_more)


def _withdrawn(cid: Cid, error: DocumentWithdrawn) -> Response:
    return withdrawn_page(cid.text, None if error.replaced_by is None else document_path(error.replaced_by))


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
