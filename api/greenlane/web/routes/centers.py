"""The pilot centers served here."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from greenlane.ports.signing import HostedCenter
from greenlane.web.addresses import hosted_center
from greenlane.web.auth import Reader
from greenlane.web.schemas import CenterAnswer, CentersAnswer, JsonAnswer, center_value
from greenlane.web.state import WebState, state_of

router = APIRouter(prefix="/v1/centers", tags=["Centers"])

_FRESH = {"Cache-Control": "public, max-age=2"}


@router.get("", response_model=CentersAnswer, summary="The pilot centers")
def centers(request: Request, _: Reader) -> Response:
    """Every center whose log is served here, and how far each log has come."""
    state = state_of(request)
    return JsonAnswer({"centers": [_value(state, center) for center in state.services.centers]}, headers=_FRESH)


@router.get("/{center_id}", response_model=CenterAnswer, summary="One pilot center")
def center(request: Request, _: Reader, center_id: str) -> Response:
    """One center, and how far its log has come."""
    state = state_of(request)
    return JsonAnswer(_value(state, hosted_center(state, center_id)), headers=_FRESH)


def _value(state: WebState, center: HostedCenter) -> dict[str, object]:
    return center_value(center, state.services.read_log.standing(center.id), state.settings.public_url)
