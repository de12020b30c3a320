"""The bytes of documents, to whoever names them by their CID: whole, in parts, or as blocks that another center checks.

Bytes are what their CID says, for ever: their answer may be kept by anyone, and is named by the CID. What a document shows in a
browser runs nothing and reaches nothing. Of a confidential document the bytes are an age file. What the bytes are called is said
in nobody's name: see `services.fetch`.
Source: RFC 9110 (ranges, conditions), RFC 6266 (names), the trustless gateway's `format=car`.
"""

from collections.abc import Mapping
from functools import partial

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.documents.cid import parse_cid
from greenlane.services.fetch import FoundDocument
from greenlane.web.addresses import place_of
from greenlane.web.auth import Counted
from greenlane.web.downloads import BYTES_TYPE, PLACE_PARAMETERS, disposition
from greenlane.web.limits import asker_of, is_head
from greenlane.web.problems import NotAcceptable
from greenlane.web.ranges import asks_range, has, range_of
from greenlane.web.schemas import Problem
from greenlane.web.state import WebState, state_of
from greenlane.web.streams import StreamedAnswer

router = APIRouter(prefix="/v1/documents", tags=["Documents"])

CAR_TYPE = "application/vnd.ipld.car"
_FOR_EVER = "public, max-age=31536000, immutable"
# Asked again each time, so that what is withdrawn ends.
_WHILE_IT_STANDS = "no-cache"
_SEALED_AWAY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
# In a sandbox a browser's own viewer of PDF shows nothing; it runs what is in one apart from every page.
_OPENED = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_SHOWN = frozenset({"application/pdf", "image/jpeg", "image/png", "image/webp", "image/gif", "text/plain"})


@router.get(
    "/{cid}",
    response_model=None,
    summary="The bytes of a document",
    responses={
        200: {"description": "All of it", "content": {BYTES_TYPE: {}, CAR_TYPE: {}}},
        206: {"description": "The range that was asked for"},
        304: {"description": "The asker has them"},
        410: {"model": Problem, "description": "Withdrawn; Link names what took its place"},
        416: {"model": Problem, "description": "The document ends before the range"},
    },
    openapi_extra={
        "parameters": [
            *PLACE_PARAMETERS,
            {
                "name": "format",
                "in": "query",
                "required": False,
                "description": "car: its blocks as a CAR of version 1, each of which the asker can check",
                "schema": {"type": "string", "enum": ["bytes", "car"], "default": "bytes"},
            },
            {
                "name": "Range",
                "in": "header",
                "required": False,
                "description": "one range of bytes",
                "schema": {"type": "string"},
            },
        ]
    },
)
async def document(request: Request, _: Counted, cid: str) -> Response:
    """The bytes, to whoever names them; of a confidential document an age file."""
    state = state_of(request)
    name = parse_cid(cid)
    form = request.query_params.get("format", "bytes")
    if form not in {"bytes", "car"}:
        raise NotAcceptable(f"There is no document in the format {form[:40]!r}.", remedy="Use bytes or car.")
    center, leaf_index = place_of(request.query_params)
    find = partial(state.services.fetch_document.find, name, center=center, leaf_index=leaf_index)
    found = await to_thread.run_sync(find, limiter=state.moving_limiter)
    return _car(state, request, found) if form == "car" else _bytes(state, request, found)


def _bytes(state: WebState, request: Request, found: FoundDocument) -> Response:
    tag = f'"{found.cid.text}"'
    media_type = found.media_type or BYTES_TYPE
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": _FOR_EVER if found.is_stated else _WHILE_IT_STANDS,
        "Content-Disposition": disposition("inline" if media_type in _SHOWN else "attachment", found.name),
        "Content-Security-Policy": _OPENED if media_type == "application/pdf" else _SEALED_AWAY,
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if found.newer is not None:
        headers["Link"] = f'</v1/documents/{found.newer.text}>; rel="successor-version"'
    if has(request, tag):
        return Response(status_code=304, headers={name: headers[name] for name in headers if not name.startswith("Content-")})
    start, end = range_of(request, found.size, tag)
    is_part = (start, end) != (0, found.size) or (asks_range(request, tag) and found.size > 0)
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    headers["Content-Length"] = str(end - start)
    # Text is UTF-8, or it was not taken; to leave that out lets a browser guess.
    shown_type = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
    status = 206 if is_part else 200
    if is_head(request):
        return _Headers(status, headers, shown_type)
    return StreamedAnswer(
        partial(state.services.fetch_document.read, found.cid, offset=start, length=end - start),
        places=state.downloads,
        asker=asker_of(request),
        limiter=state.moving_limiter,
        headers=headers,
        media_type=shown_type,
        status=status,
    )


def _car(state: WebState, request: Request, found: FoundDocument) -> Response:
    headers = {
        "ETag": f'"{found.cid.text}.car"',
        "Cache-Control": _FOR_EVER if found.is_stated else _WHILE_IT_STANDS,
        "Content-Disposition": disposition("attachment", f"{found.cid.text}.car"),
        "Content-Security-Policy": _SEALED_AWAY,
    }
    media_type = f"{CAR_TYPE}; version=1"
    if has(request, headers["ETag"]):
        return Response(status_code=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")})
    if is_head(request):
        return _Headers(200, headers, media_type)
    return StreamedAnswer(
        partial(state.services.fetch_document.car, found.cid),
        places=state.downloads,
        asker=asker_of(request),
        limiter=state.moving_limiter,
        headers=headers,
        media_type=media_type,
    )


class _Headers(Response):
    """What a GET would be answered with, without its body."""

    def __init__(self, status: int, headers: Mapping[str, str], media_type: str) -> None:
        self.status_code = status
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)
        self.body = b""
