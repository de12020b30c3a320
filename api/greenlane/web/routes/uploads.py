"""Bytes on their way in, by the protocol that upload clients speak: begun once, gone on with after any break, never sent twice.

What a part brought is durable before it is answered for, and stays where the part ends early. Spoken are the core protocol and
its extensions creation, creation-with-upload, expiration, checksum and termination. What the bytes are said to be is told once,
in POST /v1/documents; Upload-Metadata is read for its form and not kept.
Source: tus 1.0.0, and decisions/0023.
"""

import base64
import binascii
import re
import time
from collections.abc import Sequence
from datetime import UTC
from email.utils import format_datetime
from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from greenlane.core.crypto import constant_time_equal, sha256_of_stream
from greenlane.core.errors import GreenlaneError
from greenlane.services.identify import Principal
from greenlane.services.upload import UploadStanding
from greenlane.web.auth import Guard, Permission, member_of
from greenlane.web.limits import is_head, known_asker
from greenlane.web.problems import (
    BadRequest,
    BodyTooLarge,
    ChecksumMismatch,
    MediaTypeUnsupported,
    MethodNotAllowed,
    TusVersionUnsupported,
)
from greenlane.web.schemas import JsonAnswer, UploadAnswer, time_text
from greenlane.web.state import WebState, state_of

PREFIX = "/v1/uploads"
TUS_VERSION = "1.0.0"
CHECKED_BYTES = 8 * 1024 * 1024
"""Of a part with a checksum: it is kept in memory until it is known to be right."""
_BATCH_BYTES = 4 * 1024 * 1024
_BATCH_S = 5.0
_EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
_PART_TYPE = "application/offset+octet-stream"
_COUNT = re.compile(r"[0-9]{1,15}", re.ASCII).fullmatch
_METADATA_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}").fullmatch

router = APIRouter(prefix=PREFIX, tags=["Uploads"])

StorePrincipal = Annotated[Principal, Depends(Guard(Permission.STORE))]


def _header(name: str, description: str, *, is_required: bool = False) -> dict[str, object]:
    return {"name": name, "in": "header", "required": is_required, "description": description, "schema": {"type": "string"}}


_TUS = _header("Tus-Resumable", "the protocol's version: 1.0.0", is_required=True)
_PART_HEADERS = [
    _TUS,
    _header("Upload-Offset", "how far the upload has come; the part begins there", is_required=True),
    _header("Upload-Checksum", f"sha256 and the part's digest in base64; of parts up to {CHECKED_BYTES} bytes"),
]
_PART_BODY = {"content": {_PART_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


@router.options("", status_code=204, summary="What the protocol can do here")
def uploads_options(request: Request) -> Response:
    """Versions, extensions and the largest document."""
    return _options(state_of(request))


@router.options("/{upload_id}", status_code=204, summary="What the protocol can do here")
def upload_options(request: Request, upload_id: str) -> Response:
    """Versions, extensions and the largest document."""
    return _options(state_of(request))


@router.post(
    "",
    status_code=201,
    response_class=Response,
    summary="Begin an upload",
    openapi_extra={
        "parameters": [
            _TUS,
            _header("Upload-Length", "of the whole document, in bytes", is_required=True),
            _header("Upload-Metadata", "read for its form and not kept"),
            _header("Greenlane-Member", "for which member; needed with a key of role facilitator or operator"),
        ],
        "requestBody": {"required": False, "description": "the first part, if it comes at once", **_PART_BODY},
    },
)
async def begin(request: Request, principal: StorePrincipal) -> Response:
    """Makes room for a document; its address is in Location. The first bytes may come with the request."""
    _check_version(request)
    state = state_of(request)
    if "upload-defer-length" in request.headers:
        raise BadRequest("The length of a document must be known before it is sent.", remedy="Send Upload-Length.")
    length = _count(request, "upload-length")
    _check_metadata(request.headers.get("upload-metadata"))
    has_body = request.headers.get("content-length", "0").strip("0") != "" or "transfer-encoding" in request.headers
    if has_body:
        _check_part_type(request)
    begun = partial(
        state.services.receive_upload.begin,
        center=principal.center,
        member=member_of(request, principal),
        key_id=principal.key_id,
        length=length,
    )
    standing = await run_in_threadpool(begun)
    if has_body:
        try:
            standing = await _take(state, request, principal, standing.upload.id, 0)
        except GreenlaneError:
            # Its address was never told, so nobody can go on with it.
            give_up = partial(state.services.receive_upload.abandon, standing.upload.id, key_id=principal.key_id)
            await run_in_threadpool(give_up)
            raise
    return Response(status_code=201, headers=_headers(standing) | {"Location": f"{PREFIX}/{standing.upload.id}"})


@router.get("/{upload_id}", response_model=UploadAnswer, summary="How far an upload has come")
def look(request: Request, principal: StorePrincipal, upload_id: str) -> Response:
    """Its offset and length, as headers to HEAD and as JSON to GET."""
    _check_version(request, is_needed=is_head(request))
    standing = state_of(request).services.receive_upload.look(upload_id, key_id=principal.key_id)
    upload = standing.upload
    value = {
        "id": upload.id,
        "center": upload.center,
        "member": upload.member,
        "length": upload.length,
        "offset": standing.offset,
        "expiresAt": time_text(upload.expires_at),
        "cid": None if upload.stored_at is None or upload.meant is None else upload.meant.text,
    }
    return JsonAnswer(value, headers=_headers(standing) | {"Upload-Length": str(upload.length)})


@router.patch(
    "/{upload_id}",
    status_code=204,
    summary="Go on with an upload",
    openapi_extra={"parameters": _PART_HEADERS, "requestBody": {"required": True, **_PART_BODY}},
)
async def go_on(request: Request, principal: StorePrincipal, upload_id: str) -> Response:
    """Appends a part; 204 says that all of it is durable. What came of one that was cut off is kept, unless it has a checksum."""
    return await _go_on(request, principal, upload_id)


@router.delete("/{upload_id}", status_code=204, summary="Give an upload up", openapi_extra={"parameters": [_TUS]})
def give_up(request: Request, principal: StorePrincipal, upload_id: str) -> Response:
    """Its bytes are dropped; a document that was made of them stays."""
    return _give_up(request, principal, upload_id)


@router.post(
    "/{upload_id}",
    status_code=204,
    summary="PATCH or DELETE, for clients that can send neither",
    openapi_extra={
        "parameters": [_header("X-HTTP-Method-Override", "PATCH or DELETE", is_required=True), *_PART_HEADERS],
        "requestBody": {"required": False, **_PART_BODY},
    },
)
async def override(request: Request, principal: StorePrincipal, upload_id: str) -> Response:
    """What X-HTTP-Method-Override names."""
    method = request.headers.get("x-http-method-override", "").upper()
    if method == "PATCH":
        return await _go_on(request, principal, upload_id)
    if method == "DELETE":
        return await run_in_threadpool(_give_up, request, principal, upload_id)
    raise MethodNotAllowed("POST is possible here only with X-HTTP-Method-Override: PATCH or DELETE.")


async def _go_on(request: Request, principal: Principal, upload_id: str) -> Response:
    _check_version(request)
    _check_part_type(request)
    offset = _count(request, "upload-offset")
    state = state_of(request)
    look = partial(state.services.receive_upload.look, upload_id, key_id=principal.key_id)
    # Before the body: whoever may not go on, or stands elsewhere, sends nothing for nothing.
    await run_in_threadpool(look)
    standing = await _take(state, request, principal, upload_id, offset)
    return Response(status_code=204, headers=_headers(standing))


def _give_up(request: Request, principal: Principal, upload_id: str) -> Response:
    _check_version(request)
    state_of(request).services.receive_upload.abandon(upload_id, key_id=principal.key_id)
    return Response(status_code=204, headers=_answered({}))


async def _take(state: WebState, request: Request, principal: Principal, upload_id: str, offset: int) -> UploadStanding:
    """Writes the body down as it comes; where it ends early, what came is kept, and the fault is told."""
    checksum = _checksum(request)
    if checksum is not None and not _is_short(request):
        raise BodyTooLarge(
            f"A part with a checksum has at most {CHECKED_BYTES} bytes, and tells them in Content-Length.",
            remedy="Send smaller parts, or leave Upload-Checksum out.",
        )
    part = _Part(state, upload_id, principal.key_id, offset)
    fault: GreenlaneError | None = None
    with state.uploads.taken(known_asker(principal.key_id)):
        try:
            async for piece in request.stream():
                part.add(piece)
                if checksum is None and part.is_due():
                    await part.keep()
        except ClientDisconnect:
            fault = BadRequest("The connection ended before the part did.")
        except GreenlaneError as error:
            fault = error
        if checksum is not None:
            if fault is not None:
                raise fault
            if not constant_time_equal(sha256_of_stream(part.pieces), checksum):
                raise ChecksumMismatch("The part's bytes and its checksum do not belong together.")
        standing = await part.keep()
    if fault is not None:
        raise fault
    return standing


class _Part:
    """Pieces of one request on their way to the disk, a few megabytes at a time."""

    def __init__(self, state: WebState, upload_id: str, key_id: str, offset: int) -> None:
        self._state = state
        self._upload_id = upload_id
        self._key_id = key_id
        self._offset = offset
        self._kept_at_s = time.monotonic()
        self._count = 0
        self.pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        if piece:
            self.pieces.append(piece)
            self._count += len(piece)

    def is_due(self) -> bool:
        return self._count >= _BATCH_BYTES or (bool(self._count) and time.monotonic() - self._kept_at_s > _BATCH_S)

    async def keep(self) -> UploadStanding:
        """Makes durable what is here."""
        pieces: Sequence[bytes] = self.pieces
        self.pieces, self._count = [], 0
        append = partial(
            self._state.services.receive_upload.append,
            self._upload_id,
            key_id=self._key_id,
            offset=self._offset,
            pieces=pieces,
        )
        standing = await to_thread.run_sync(append, limiter=self._state.receiving_limiter)
        self._offset = standing.offset
        self._kept_at_s = time.monotonic()
        return standing


def _check_version(request: Request, *, is_needed: bool = True) -> None:
    version = request.headers.get("tus-resumable")
    if version != TUS_VERSION and (is_needed or version is not None):
        shown = "none" if version is None else repr(version[:20])
        raise TusVersionUnsupported(f"The version of tus that is spoken here is {TUS_VERSION}, not {shown}.")


def _check_part_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _PART_TYPE:
        raise MediaTypeUnsupported(
            f"A part of type {media_type[:60]!r} is not taken here.", remedy=f"Send it with Content-Type {_PART_TYPE}."
        )


def _count(request: Request, name: str) -> int:
    text = request.headers.get(name)
    if text is None or _COUNT(text) is None:
        raise BadRequest(f"The header {name.title()} is missing, or no number of bytes.", remedy="Send a whole number from 0.")
    return int(text)


def _is_short(request: Request) -> bool:
    length = request.headers.get("content-length")
    return length is not None and _COUNT(length) is not None and int(length) <= CHECKED_BYTES


def _checksum(request: Request) -> bytes | None:
    text = request.headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, digest = text.partition(" ")
    try:
        decoded = base64.b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if algorithm != "sha256" or len(decoded) != 32:
        raise BadRequest("Upload-Checksum is no SHA-256.", remedy="Send sha256, a space, and the digest in base64.")
    return decoded


def _check_metadata(text: str | None) -> None:
    """Pairs of a key and, mostly, a value in base64, by commas; no key twice."""
    if text is None or not text.strip():
        return
    keys = []
    for pair in text.split(","):
        key, _, value = pair.strip().partition(" ")
        keys.append(key)
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            key = ""
        if _METADATA_KEY(key) is None:
            raise BadRequest("Upload-Metadata is not made of keys and values in base64.", remedy="Leave it out: it is not kept.")
    if len(set(keys)) != len(keys):
        raise BadRequest("Upload-Metadata has a key twice.", remedy="Leave it out: it is not kept.")


def _headers(standing: UploadStanding) -> dict[str, str]:
    expires = format_datetime(standing.upload.expires_at.astimezone(UTC), usegmt=True)
    return _answered({"Upload-Offset": str(standing.offset), "Upload-Expires": expires})


def _answered(more: dict[str, str]) -> dict[str, str]:
    return {"Tus-Resumable": TUS_VERSION, "Cache-Control": "no-store"} | more


def _options(state: WebState) -> Response:
    return Response(
        status_code=204,
        headers={
            "Tus-Resumable": TUS_VERSION,
            "Tus-Version": TUS_VERSION,
            "Tus-Extension": _EXTENSIONS,
            "Tus-Max-Size": str(state.settings.max_document_bytes),
            "Tus-Checksum-Algorithm": "sha256",
        },
    )
