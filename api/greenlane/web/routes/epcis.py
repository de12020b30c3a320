"""The EPCIS 2.0 interface: capture events, ask for them again.

A capture is taken whole or not at all (`rollback`), and answered when it is durable, so a capture job is never running. Every
answer to a query adds the repository's recordTime to events that are otherwise as they were accepted.
Source: EPCIS 2.0, section 12 (REST bindings).
"""

from collections.abc import Iterable, Mapping
from typing import Annotated
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.epcis.event import Event, parse_capture
from greenlane.core.errors import NotFound
from greenlane.ports.events import EventFilter, StoredEvent
from greenlane.ports.jobs import CaptureJob
from greenlane.services.identify import Principal
from greenlane.web.addresses import event_digest_of
from greenlane.web.auth import MEMBER_HEADER, Guard, Permission, member_of, reader_for
from greenlane.web.once import once_of
from greenlane.web.problems import BadRequest, MediaTypeUnsupported, NotAcceptable, NotSupported, TooManyEvents
from greenlane.web.query import DEFAULT_PER_PAGE, PAGE_PARAMETERS, next_link, read_query
from greenlane.web.schemas import CapturedEventAnswer, CaptureJobAnswer, JsonAnswer, job_value, time_text
from greenlane.web.state import WebState, state_of

router = APIRouter(prefix="/epcis/v2", tags=["EPCIS"])

EPCIS_VERSION = "2.0.0"
_VERSION_HEADERS = {"GS1-EPCIS-Version": EPCIS_VERSION, "GS1-CBV-Version": EPCIS_VERSION}
_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_JSON_TYPES = frozenset({"application/json", "application/ld+json"})

CapturePrincipal = Annotated[Principal, Depends(Guard(Permission.CAPTURE))]
SeeCapturePrincipal = Annotated[Principal, Depends(Guard(Permission.SEE_CAPTURE))]
ReadPrincipal = Annotated[Principal, Depends(Guard(Permission.READ))]

_EVENT_BODY = {
    "requestBody": {
        "required": True,
        "description": "JSON or JSON-LD of EPCIS 2.0",
        "content": {each: {"schema": {"type": "object"}} for each in sorted(_JSON_TYPES)},
    },
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "1 to 255 printable characters; the same key with the same request replays the first answer",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        },
        {
            "name": MEMBER_HEADER,
            "in": "header",
            "required": False,
            "description": "for which member; needed with a key of role facilitator or operator",
            "schema": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,30}$"},
        },
        {
            "name": "GS1-Capture-Error-Behaviour",
            "in": "header",
            "required": False,
            "description": "only rollback is supported: all events are taken, or none",
            "schema": {"type": "string", "enum": ["rollback"]},
        },
    ],
}


@router.post(
    "/capture",
    status_code=202,
    response_model=CaptureJobAnswer,
    openapi_extra=_EVENT_BODY,
    summary="Capture a document of events",
)
async def capture(request: Request, principal: CapturePrincipal) -> Response:
    """Takes all events of an EPCISDocument, or none; 202 says that they are durable."""
    body = await request.body()
    return await run_in_threadpool(_capture, state_of(request), request, principal, body)


@router.post(
    "/events", status_code=201, response_model=CapturedEventAnswer, openapi_extra=_EVENT_BODY, summary="Capture one event"
)
async def capture_event(request: Request, principal: CapturePrincipal) -> Response:
    """Takes one event that carries its own "@context"."""
    body = await request.body()
    return await run_in_threadpool(_capture_event, state_of(request), request, principal, body)


@router.get("/capture/{capture_id}", response_model=CaptureJobAnswer, summary="What became of a capture")
def capture_job(request: Request, principal: SeeCapturePrincipal, capture_id: str) -> Response:
    """A capture job of the key's own center, and, for a member's key, of its own member."""
    job = state_of(request).services.look_up.job(capture_id, reader=reader_for(principal))
    return JsonAnswer(job_value(job), headers=_VERSION_HEADERS | {"Cache-Control": "private, no-store"})


@router.get(
    "/events",
    response_model=None,
    summary="Ask for events",
    responses={200: {"description": "An EPCISQueryDocument", "content": {"application/ld+json": {}}}},
    openapi_extra={
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": description}
            for name, description in {
                "eventType": "types, separated by |",
                "EQ_action": "actions, separated by |",
                "EQ_bizStep": "business steps in any spelling, separated by |",
                "EQ_disposition": "dispositions in any spelling, separated by |",
                "EQ_readPoint": "places, separated by |",
                "EQ_bizLocation": "places, separated by |",
                "EQ_eventID": "event ids, separated by |",
                "MATCH_anyEPC": "identifiers named in any role, separated by |",
                "MATCH_anyEPCClass": "the same as MATCH_anyEPC",
                "GE_eventTime": "a time with its zone",
                "LT_eventTime": "a time with its zone",
                "GE_recordTime": "a time with its zone",
                "LT_recordTime": "a time with its zone",
            }.items()
        ]
        + PAGE_PARAMETERS
    },
)
def events(request: Request, principal: ReadPrincipal) -> Response:
    """Public events of every center served here, and the private ones that the key may read, by event time.

    A member's key reads those of its own member, a reader's or an operator's those of its whole center.
    """
    state = state_of(request)
    _check_accepted_versions(request)
    wanted, limit, token = read_query(request.query_params.multi_items(), reader=reader_for(principal))
    page = state.services.trace.find(wanted, limit=limit, token=token)
    headers = dict(_VERSION_HEADERS)
    if page.next_token is not None:
        headers["Link"] = next_link(request, page.next_token)
    return _query_answer(state, page.events, headers)


@router.get(
    "/events/{event_id:path}",
    response_model=None,
    summary="One event",
    responses={200: {"description": "An EPCISQueryDocument", "content": {"application/ld+json": {}}}},
)
def event(request: Request, principal: ReadPrincipal, event_id: str) -> Response:
    """Every entry of one event: the id is its eventID, or its event hash as ni URI or as 64 hex digits, percent-encoded.

    Usually one; an event and the declaration that it was wrong share both ids.
    """
    state = state_of(request)
    _check_accepted_versions(request)
    digest = event_digest_of(event_id, request.query_params)
    if digest is not None:
        found = state.services.trace.by_hash(digest, reader=reader_for(principal))
    else:
        wanted = EventFilter(reader=reader_for(principal), event_ids=frozenset({event_id}))
        found = state.services.trace.find(wanted, limit=DEFAULT_PER_PAGE).events
    if not found:
        raise NotFound(f"No event {event_id[:120]!r} can be read here.", remedy="Check the id; percent-encode it whole.")
    return _query_answer(state, found, _VERSION_HEADERS)


@router.options("/capture", status_code=204, summary="What a capture may bring")
def capture_options(request: Request) -> Response:
    """The limits and versions of this server."""
    settings = state_of(request).settings
    return _options(
        "GET, HEAD, OPTIONS, POST",
        {
            "GS1-EPCIS-Capture-Limit": str(settings.max_events),
            "GS1-EPCIS-Capture-File-Size-Limit": str(settings.max_body_bytes),
            "GS1-Capture-Error-Behaviour": "rollback",
        },
    )


@router.options("/capture/{capture_id}", status_code=204, summary="What this server speaks")
def capture_job_options(capture_id: str) -> Response:
    """The versions of this server."""
    return _options("GET, HEAD, OPTIONS")


@router.options("/events", status_code=204, summary="What this server speaks")
def events_options() -> Response:
    """The versions of this server."""
    return _options("GET, HEAD, OPTIONS, POST")


@router.options("/events/{event_id:path}", status_code=204, summary="What this server speaks")
def event_options(event_id: str) -> Response:
    """The versions of this server."""
    return _options("GET, HEAD, OPTIONS")


@router.options("", status_code=204, summary="What this server speaks")
def root_options() -> Response:
    """The versions of this server."""
    return _options("OPTIONS")


def _capture(state: WebState, request: Request, principal: Principal, body: bytes) -> Response:
    job = _captured(state, request, principal, _events_of(state, request, body), body)
    headers = _VERSION_HEADERS | {"Location": f"/epcis/v2/capture/{job.id}", "Cache-Control": "private, no-store"}
    return JsonAnswer(job_value(job), status=202, headers=headers)


def _capture_event(state: WebState, request: Request, principal: Principal, body: bytes) -> Response:
    taken = _events_of(state, request, body)
    if len(taken) != 1:
        raise BadRequest(f"One event is expected here, not {len(taken)}.", remedy="Send documents to /epcis/v2/capture.")
    job = _captured(state, request, principal, taken, body)
    outcome = job_value(job)["events"][0]
    headers = _VERSION_HEADERS | {
        "Location": f"/epcis/v2/events/{quote(outcome['eventHash'], safe='')}",
        "Cache-Control": "private, no-store",
    }
    return JsonAnswer(outcome, status=201, headers=headers)


def _events_of(state: WebState, request: Request, body: bytes) -> tuple[Event, ...]:
    _check_capture_headers(request)
    value = parse_json(body)
    count = _count_events(value)
    if count > state.settings.max_events:
        raise TooManyEvents(f"The document has {count} events; {state.settings.max_events} are taken at once.")
    events = parse_capture(value)
    if not events:
        raise BadRequest("The document has no events.", where="/epcisBody/eventList", remedy="Send at least one event.")
    return events


def _count_events(value: JsonValue) -> int:
    """How many events the document claims, wherever a reader may look for them, before any is looked at."""
    counts: list[int] = []
    for steps in (("epcisBody", "eventList"), ("epcisBody", "queryResults", "resultsBody", "eventList")):
        inner = value
        for step in steps:
            inner = inner.get(step) if isinstance(inner, dict) else None
        if isinstance(inner, list):
            counts.append(len(inner))
    # Without a list it is one bare event, or no document at all.
    return max(counts, default=1)


def _captured(state: WebState, request: Request, principal: Principal, taken: tuple[Event, ...], body: bytes) -> CaptureJob:
    member = member_of(request, principal)
    job = state.services.capture(
        center=principal.center,
        member=member,
        events=taken,
        actor=principal.actor,
        once=once_of(state, request, principal, member.encode() + b"\n" + body),
    )
    state.metrics.captured(job)
    return job


def _check_capture_headers(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _JSON_TYPES:
        raise MediaTypeUnsupported(f"A body of type {media_type[:60]!r} is not taken here.")
    for name in _VERSION_HEADERS:
        version = request.headers.get(name, EPCIS_VERSION)
        if version != "2.0" and not version.startswith("2.0."):
            raise NotAcceptable(f"{name} {version[:20]!r} is not spoken here.", remedy="Send events of EPCIS and CBV 2.0.")
    behaviour = request.headers.get("gs1-capture-error-behaviour", "rollback").strip().lower()
    if behaviour == "proceed":
        raise NotSupported(
            "GS1-Capture-Error-Behaviour proceed is not supported.", remedy="Leave the header out: all events are taken, or none."
        )
    if behaviour != "rollback":
        raise BadRequest(f"GS1-Capture-Error-Behaviour is {behaviour[:20]!r}.", remedy="Leave it out, or send rollback.")


def _check_accepted_versions(request: Request) -> None:
    for kind in ("EPCIS", "CBV"):
        least = request.headers.get(f"gs1-{kind}-min", "2.0")
        most = request.headers.get(f"gs1-{kind}-max", "2.0")
        if least[:3] > "2.0" or most[:3] < "2.0":
            raise NotAcceptable(f"{kind} from {least[:10]!r} to {most[:10]!r} is not spoken here.", remedy="Accept version 2.0.")
    if request.headers.get("gs1-epc-format", "No_Preference") not in {"No_Preference", "Always_GS1_Digital_Link"}:
        raise NotSupported(
            "Identifiers are answered as they were captured.", remedy="Leave GS1-EPC-Format out, or send No_Preference."
        )


def _query_answer(state: WebState, found: Iterable[StoredEvent], headers: Mapping[str, str]) -> Response:
    shell = orjson.dumps(
        {
            "@context": [_CONTEXT],
            "type": "EPCISQueryDocument",
            "schemaVersion": "2.0",
            "creationDate": time_text(state.services.clock()),
            "epcisBody": {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": []}}},
        }
    )
    head, _, tail = shell.rpartition(b"[]")
    # The stored bytes are JSON already: they are joined, not read and written again.
    body = b",".join(b'{"recordTime":"%s",' % time_text(each.captured_at).encode() + each.document[1:] for each in found)
    return JsonAnswer(
        head + b"[" + body + b"]" + tail,
        headers=dict(headers) | {"Cache-Control": "private, no-cache", "Vary": "Authorization"},
        media_type="application/ld+json",
    )


def _options(allow: str, more: Mapping[str, str] | None = None) -> Response:
    return Response(
        status_code=204,
        headers={
            "Allow": allow,
            "GS1-EPCIS-Version": EPCIS_VERSION,
            "GS1-EPCIS-Min": EPCIS_VERSION,
            "GS1-EPCIS-Max": EPCIS_VERSION,
            "GS1-CBV-Version": EPCIS_VERSION,
            "GS1-CBV-Min": EPCIS_VERSION,
            "GS1-CBV-Max": EPCIS_VERSION,
            "GS1-EPC-Format": "No_Preference",
            "GS1-Vendor-Version": "1",
            **(more or {}),
        },
    )
