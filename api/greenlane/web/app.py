"""The HTTP application: built once from its services and settings, with nothing global."""

import logging
import uuid
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from greenlane.core.errors import Faults, GreenlaneError
from greenlane.settings import Settings
from greenlane.web.limits import Gate, Rates
from greenlane.web.metrics import Metrics
from greenlane.web.pages.render import error_page, prefers_html
from greenlane.web.problems import BadRequest, InternalFault, MethodNotAllowed, PathUnknown, ProblemAnswer
from greenlane.web.readiness import Readiness
from greenlane.web.routes import (
    acts,
    assets,
    balances,
    centers,
    document_bytes,
    documents,
    epcis,
    escrows,
    evidence,
    health,
    holds,
    labels,
    log,
    me,
    metrics,
    officer_pages,
    pages,
    purchases,
    reader_keys,
    receipts,
    reports,
    retirements,
    sign_in,
    supply_page,
    transfers,
    trust,
    uploads,
)
from greenlane.web.schemas import Problem
from greenlane.web.services import WebServices
from greenlane.web.signed_in import SignInNeeded
from greenlane.web.state import TrustCache, WebState

__all__ = ["WebServices", "create_app"]

_log = logging.getLogger(__name__)
_PROGRAM_PATHS = ("/v1/", "/epcis/", "/health/", "/metrics", "/openapi.json")
_DESCRIPTION = (
    "Capture traceability events (GS1 EPCIS 2.0), read a pilot center's log (C2SP tlog-tiles), and fetch receipts that anyone "
    "can check without trusting this server. Every fault is problem details (RFC 9457) whose type has a page for people."
)


def create_app(services: WebServices, settings: Settings) -> FastAPI:
    """Builds the application.

    Args:
        services: the use cases behind the routes.
        settings: limits, rates and the address buyers reach this server by.
    """
    app = FastAPI(
        title="Greenlane",
        version=version("greenlane"),
        description=_DESCRIPTION,
        # Their pages would load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        responses={"default": {"model": Problem, "description": "Problem details"}},
    )
    readiness = Readiness(services)
    counted = Metrics(services, readiness)
    app.state.web = WebState(
        services=services,
        settings=settings,
        rates=Rates(key_rate=settings.key_rate, public_rate=settings.public_rate),
        trust=TrustCache(services.trust),
        readiness=readiness,
        metrics=counted,
    )
    for room in (
        *(epcis, receipts, uploads, documents, document_bytes, reader_keys),
        *(evidence, assets, transfers, escrows, retirements, acts, purchases, balances, labels),
        *(sign_in, officer_pages, supply_page, reports, me, holds, centers, log, trust, health, metrics, pages),
    ):
        app.include_router(room.router)

    def answer_error(request: Request, error: GreenlaneError) -> Response:
        if request.url.path.startswith(uploads.PREFIX):
            # Every answer to a tus client says what is spoken here, refusals too.
            answer = ProblemAnswer(error, public_url=settings.public_url, instance=request.url.path)
            answer.headers["Tus-Resumable"] = uploads.TUS_VERSION
            return answer
        if isinstance(error, SignInNeeded):
            return RedirectResponse(error.address, status_code=303, headers={"Cache-Control": "no-store"})
        if prefers_html(request) and not request.url.path.startswith(_PROGRAM_PATHS):
            return error_page(error)
        return ProblemAnswer(error, public_url=settings.public_url, instance=request.url.path)

    async def answer_ours(request: Request, error: Exception) -> Response:
        if not isinstance(error, GreenlaneError):
            raise error
        return answer_error(request, error)

    async def answer_framework(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        response = answer_error(request, _translated(request, error))
        response.headers.update(error.headers or {})
        return response

    async def answer_validation(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        faults = tuple(
            BadRequest(str(each["msg"]), where="/" + "/".join(str(step) for step in each["loc"])) for each in error.errors()
        )
        return answer_error(request, Faults(faults) if faults else BadRequest("The request cannot be read."))

    app.add_exception_handler(GreenlaneError, answer_ours)
    app.add_exception_handler(HTTPException, answer_framework)
    app.add_exception_handler(RequestValidationError, answer_validation)
    app.add_middleware(
        Gate,
        max_body_bytes=settings.max_body_bytes,
        max_upload_bytes=settings.max_document_bytes,
        answer_error=answer_error,
        tell=counted.answered,
    )
    return app


def _translated(request: Request, error: HTTPException) -> GreenlaneError:
    if error.status_code == 404:
        return PathUnknown(f"Nothing has the address {request.url.path[:200]!r}.")
    if error.status_code == 405:
        return MethodNotAllowed(f"{request.method} is not possible at {request.url.path[:200]!r}.")
    if 400 <= error.status_code < 500:
        return BadRequest(str(error.detail)[:200])
    error_id = uuid.uuid4().hex
    extra = {"error_id": error_id, "path": request.url.path, "status": error.status_code}
    _log.error("http.fault", extra=extra, exc_info=error)
    return InternalFault(error_id)
