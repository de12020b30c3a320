"""The report of what was spent, and how much of it green: as a page, a workbook and a CSV file.

What things cost is the buyer's and its center's own business: nobody else is told.
"""

from datetime import date
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from greenlane.core.assets.evidence import read_day
from greenlane.core.errors import InvalidInput
from greenlane.services.report_spend import Dimension, PeriodInvalid, SpendReport
from greenlane.web.auth import Permission
from greenlane.web.pages.render import PRIVATE_PAGE, private_page
from greenlane.web.pages.spend import (
    BAR_WIDTH,
    CHART_HEIGHT,
    CHART_WIDTH,
    Chosen,
    report_csv,
    report_sheets,
    supplier_names,
    told_report,
)
from greenlane.web.signed_in import FileGuard, PageGuard, Visitor
from greenlane.web.state import WebState, state_of

router = APIRouter(prefix="/reports", tags=["Pages"], default_response_class=Response)

OrderVisitor = Annotated[Visitor, Depends(PageGuard(Permission.ORDER))]
FileVisitor = Annotated[Visitor, Depends(FileGuard(Permission.ORDER))]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_KEY_CHARACTERS = 300
_DAYS = [
    {"name": "from", "in": "query", "required": False, "description": "first day of order", "schema": {"type": "string"}},
    {"name": "to", "in": "query", "required": False, "description": "last day of order", "schema": {"type": "string"}},
]


def _file(media_type: str, words: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": words, "content": {media_type: {}}}, 303: {"description": "To sign in first"}}


@router.get(
    "/spend",
    response_model=None,
    responses=_file("text/html", "A page"),
    summary="What was spent, and how much of it green",
    openapi_extra={"parameters": _DAYS},
)
async def spend(request: Request, visitor: OrderVisitor) -> Response:
    """By category, supplier, economy and month; `currency`, `by` and `of` list the lines behind one number."""
    state = state_of(request)
    return await to_thread.run_sync(_page, state, request, visitor, limiter=state.page_limiter)


@router.get(
    "/spend.xlsx",
    response_model=None,
    responses=_file(_XLSX, "A workbook"),
    summary="The same as a workbook",
    openapi_extra={"parameters": _DAYS},
)
async def spend_xlsx(request: Request, visitor: FileVisitor) -> Response:
    """Sums, and the lines behind them; no cell is a formula."""
    state = state_of(request)
    return await to_thread.run_sync(_xlsx, state, request, visitor, limiter=state.page_limiter)


@router.get(
    "/spend.csv",
    response_model=None,
    responses=_file("text/csv", "A CSV file"),
    summary="Its lines as CSV",
    openapi_extra={"parameters": _DAYS},
)
async def spend_csv(request: Request, visitor: FileVisitor) -> Response:
    """One row a line; what begins like a formula has an apostrophe before it."""
    state = state_of(request)
    return await to_thread.run_sync(_csv, state, request, visitor, limiter=state.page_limiter)


def _page(state: WebState, request: Request, visitor: Visitor) -> Response:
    query = request.query_params
    by, of, currency = query.get("by"), query.get("of"), query.get("currency")
    chosen = Chosen(
        currency=None if currency is None else currency[:3],
        dimension=Dimension(by) if by in set(Dimension) else None,
        key=None if of is None else of[:_KEY_CHARACTERS],
    )
    try:
        report = _report(state, request, visitor)
    except InvalidInput as fault:
        first, last = _default_days(state)
        report = _made(state, visitor, first, last)
        told = told_report(state.services, report, Chosen())
        return _shown(visitor, told, fault=f"{fault.detail} {fault.remedy}".strip(), status=400)
    return _shown(visitor, told_report(state.services, report, chosen), fault=None, status=200)


def _shown(visitor: Visitor, told: object, *, fault: str | None, status: int) -> Response:
    sizes = {"bar_width": BAR_WIDTH, "chart_width": CHART_WIDTH, "chart_height": CHART_HEIGHT}
    return private_page("spend.html", status=status, visitor=visitor, report=told, fault=fault, **sizes)


def _xlsx(state: WebState, request: Request, visitor: Visitor) -> Response:
    report, public_url = _report(state, request, visitor), state.settings.public_url
    sheets = report_sheets(report, supplier_names(state.services, report.lines), public_url)
    title = f"Green spend, {report.first} to {report.last}"
    data = state.services.write_spreadsheet(sheets, title=title, made_at=report.made_at)
    return Response(data, media_type=_XLSX, headers=_headers(report, "xlsx"))


def _csv(state: WebState, request: Request, visitor: Visitor) -> Response:
    report = _report(state, request, visitor)
    data = report_csv(report, supplier_names(state.services, report.lines), state.settings.public_url)
    return Response(data, media_type="text/csv; charset=utf-8; header=present", headers=_headers(report, "csv"))


def _report(state: WebState, request: Request, visitor: Visitor) -> SpendReport:
    first, last = _default_days(state)
    # An empty field of the form is a day that is not told.
    given = {name: request.query_params.get(name, "").strip() for name in ("from", "to")}
    try:
        first = read_day(given["from"], "/from") if given["from"] else first
        last = read_day(given["to"], "/to") if given["to"] else last
    except InvalidInput as fault:
        raise PeriodInvalid(fault.detail, where=fault.where) from fault
    return _made(state, visitor, first, last)


def _made(state: WebState, visitor: Visitor, first: date, last: date) -> SpendReport:
    principal = visitor.principal
    return state.services.report_spend(first=first, last=last, center=principal.center, member=principal.member)


def _default_days(state: WebState) -> tuple[date, date]:
    today = state.services.clock().date()
    return today.replace(month=1, day=1), today


def _headers(report: SpendReport, ending: str) -> dict[str, str]:
    name = f"green-spend-{report.first}-{report.last}.{ending}"
    return PRIVATE_PAGE | {"Content-Disposition": f'attachment; filename="{name}"'}
