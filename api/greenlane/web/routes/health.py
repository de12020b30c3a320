"""Whether this process lives, and whether it can do its work."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.errors import GreenlaneError
from greenlane.web.schemas import HealthAnswer, JsonAnswer, time_text
from greenlane.web.state import WebServices, state_of

router = APIRouter(prefix="/health", tags=["Health"])

_NEVER_KEPT = {"Cache-Control": "no-store"}


@router.get("/live", response_model=None, summary="This process lives", responses={200: {"content": {"application/json": {}}}})
def live() -> Response:
    """Answers as long as this process can answer."""
    return JsonAnswer({"isLive": True}, headers=_NEVER_KEPT)


@router.get(
    "/ready",
    response_model=HealthAnswer,
    responses={503: {"model": HealthAnswer, "description": "Something this server needs is away"}},
    summary="What this server needs is there",
)
def ready(request: Request) -> Response:
    """Asks database and chain, and names what is away."""
    services = state_of(request).services
    probes = [_probe("database", lambda: _store_words(services)), _probe("chain", lambda: _chain_words(services))]
    is_ready = all(probe["verdict"] == "passed" for probe in probes)
    return JsonAnswer({"isReady": is_ready, "probes": probes}, status=200 if is_ready else 503, headers=_NEVER_KEPT)


def _probe(name: str, ask: Callable[[], str]) -> dict[str, str]:
    try:
        return {"name": name, "verdict": "passed", "words": ask()}
    except GreenlaneError as error:
        return {"name": name, "verdict": "failed", "words": error.detail}


def _store_words(services: WebServices) -> str:
    services.probe_store()
    return "It answers."


def _chain_words(services: WebServices) -> str:
    health = services.probe_ledger()
    return f"Chain {health.chain_id} is at block {health.head_number} of {time_text(health.head_at)}."
