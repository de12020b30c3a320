"""Whether this process lives, and whether it can do its work."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from greenlane.web.auth import count_address
from greenlane.web.readiness import report_value
from greenlane.web.schemas import HealthAnswer, JsonAnswer
from greenlane.web.state import state_of

router = APIRouter(prefix="/health", tags=["Health"])

_NEVER_KEPT = {"Cache-Control": "no-store"}


@router.get("/live", response_model=None, summary="This process lives", responses={200: {"content": {"application/json": {}}}})
async def live() -> Response:
    """Answers as long as this process can answer."""
    return JsonAnswer({"isLive": True}, headers=_NEVER_KEPT)


@router.get(
    "/ready",
    response_model=HealthAnswer,
    responses={503: {"model": HealthAnswer, "description": "Something without which this server cannot work"}},
    summary="What this server needs is there",
    dependencies=[Depends(count_address)],
)
async def ready(request: Request) -> Response:
    """Looks at database, chain and logs, at most once a second, and names what is away or behind.

    The chain decides nothing: captures are taken without it, and anchored when it is back.
    """
    report = await state_of(request).readiness()
    return JsonAnswer(report_value(report), status=200 if report.is_ready else 503, headers=_NEVER_KEPT)
