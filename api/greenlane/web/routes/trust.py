"""The trust file, for whoever has no better way to it than this server."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.trust import encode_trust_file
from greenlane.web.auth import Reader
from greenlane.web.schemas import JsonAnswer, Problem
from greenlane.web.state import state_of

router = APIRouter(prefix="/v1", tags=["Trust"])


@router.get(
    "/trust",
    response_model=None,
    responses={
        200: {"description": "The trust file", "content": {"application/json": {}}},
        503: {"model": Problem, "description": "The chain cannot be used, and this server has not read the trust file before"},
    },
    summary="The trust file",
)
async def trust(request: Request, _: Reader) -> Response:
    """What a verifier starts from, as the registry on the chain has it. Compare it with one from somebody you trust."""
    return JsonAnswer(
        encode_trust_file(await state_of(request).trust()),
        headers={"Cache-Control": "no-cache", "Content-Disposition": 'inline; filename="trust.json"'},
    )
