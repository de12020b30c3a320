"""A center's log as any auditor's tool reads it, and the one write on it: forgetting a salt.

Source: C2SP tlog-tiles.
"""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.errors import NotFound
from greenlane.core.tiles import TilePathInvalid, parse_bundle_path, parse_tile_path
from greenlane.core.units import LeafIndex
from greenlane.services.identify import Principal
from greenlane.web.addresses import hosted_center
from greenlane.web.auth import Guard, Permission, Reader, require_center
from greenlane.web.once import once_of
from greenlane.web.problems import BadRequest
from greenlane.web.state import state_of

router = APIRouter(prefix="/v1/centers/{center_id}/log", tags=["Log"])

_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_LEAF_INDEX = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII).fullmatch
_BYTES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}

ForgetPrincipal = Annotated[Principal, Depends(Guard(Permission.FORGET))]


class TileUnknown(NotFound):
    """No tile or entry bundle has this address."""

    code = "tile-unknown"


@router.get("/checkpoint", response_model=None, responses={200: {"content": {"text/plain": {}}}}, summary="The newest checkpoint")
def checkpoint(request: Request, _: Reader, center_id: str) -> Response:
    """The newest checkpoint as a C2SP signed note."""
    state = state_of(request)
    note = state.services.read_log.checkpoint(hosted_center(state, center_id).id)
    return Response(note, media_type="text/plain", headers={"Cache-Control": "no-cache"})


@router.get("/tile/entries/{path:path}", response_model=None, responses=_BYTES, summary="An entry bundle")
def bundle(request: Request, _: Reader, center_id: str, path: str) -> Response:
    """256 entries, or the first of them: <N> or <N>.p/<W>."""
    state = state_of(request)
    center = hosted_center(state, center_id).id
    try:
        number, width = parse_bundle_path(f"tile/entries/{path}")
    except TilePathInvalid as error:
        raise TileUnknown(error.detail, remedy=error.remedy) from error
    content = state.services.read_log.bundle(center, number, width)
    return Response(content, media_type="application/octet-stream", headers=_FOR_EVER)


@router.get("/tile/{path:path}", response_model=None, responses=_BYTES, summary="A tile of hashes")
def tile(request: Request, _: Reader, center_id: str, path: str) -> Response:
    """256 hashes, or the first of them: <L>/<N> or <L>/<N>.p/<W>."""
    state = state_of(request)
    center = hosted_center(state, center_id).id
    try:
        place, width = parse_tile_path(f"tile/{path}")
    except TilePathInvalid as error:
        raise TileUnknown(error.detail, remedy=error.remedy) from error
    content = state.services.read_log.tile(center, place, width)
    return Response(content, media_type="application/octet-stream", headers=_FOR_EVER)


@router.post("/{leaf_index}/forget-salt", status_code=204, summary="Forget the salt of a private event")
def forget_salt(request: Request, principal: ForgetPrincipal, center_id: str, leaf_index: str) -> Response:
    """Destroys the salt for ever: the entry stays in the log and means nothing to anyone."""
    state = state_of(request)
    center = hosted_center(state, center_id).id
    require_center(principal, center)
    if _LEAF_INDEX(leaf_index) is None:
        raise BadRequest(f"{leaf_index[:40]!r} is no leaf index.", remedy="Send a number from 0.")
    state.services.forget(
        center=center,
        leaf_index=LeafIndex(int(leaf_index)),
        actor=principal.actor,
        once=once_of(state, request, principal, b""),
    )
    return Response(status_code=204)
