"""Metrics, for whoever watches over this server and for nobody else."""

import ipaddress

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.errors import Forbidden
from greenlane.settings import Settings
from greenlane.web.auth import count_address
from greenlane.web.metrics import MEDIA_TYPE
from greenlane.web.schemas import Problem
from greenlane.web.state import state_of

router = APIRouter(tags=["Health"])

# Whoever stands before a server says so in one of these.
_FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class MetricsForbidden(Forbidden):
    """Metrics are for the addresses that this server's operator has named, and this request is from none of them."""

    code = "metrics-forbidden"
    default_remedy = "The operator names who may read them in GREENLANE_METRICS_ALLOWED."


@router.get(
    "/metrics",
    response_model=None,
    responses={
        200: {"description": "Prometheus' text form", "content": {"text/plain": {}}},
        403: {"model": Problem, "description": "The address is none that may read metrics"},
    },
    summary="What an operator's Prometheus reads",
    dependencies=[Depends(count_address)],
)
async def metrics(request: Request) -> Response:
    """How far the logs are, how the chain stands, and what this process has answered; each request is one scrape."""
    state = state_of(request)
    _require_allowed(request, state.settings)
    body = await state.metrics.exposition()
    return Response(body, headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"})


def _require_allowed(request: Request, settings: Settings) -> None:
    host = request.client.host if request.client else ""
    # Behind a proxy that nobody told this server of, every stranger seems to be the proxy itself.
    if not settings.trusted_proxies and any(name in request.headers for name in _FORWARDING_HEADERS):
        raise MetricsForbidden("The request came through a proxy that GREENLANE_TRUSTED_PROXIES does not name.")
    try:
        address = ipaddress.ip_address(host)
    except ValueError as cause:
        raise MetricsForbidden("The request has no address that could be allowed.") from cause
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if not any((mapped or address) in network for network in settings.metrics_allowed):
        raise MetricsForbidden(f"The address {address} may not read metrics.")
