"""Turns what a page shows into HTML; no script runs on any page."""

from importlib.resources import files
from typing import Any

import segno
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from greenlane.core.errors import Faults, GreenlaneError
from greenlane.verify.ladder import Verdict
from greenlane.web.pages.journey import JudgedJourney, receipt_path, verify_path
from greenlane.web.pages.picture import picture_of
from greenlane.web.pages.words import item_words
from greenlane.web.problems import ProblemKind, problem_headers, status_of, title_of

VERDICT_WORDS = {
    Verdict.PASSED: "Verified",
    Verdict.NOT_CHECKED: "Not fully checked yet",
    Verdict.FAILED: "Failed",
}
STEP_WORDS = {
    Verdict.PASSED: "Passed",
    Verdict.NOT_CHECKED: "Not checked",
    Verdict.FAILED: "Failed",
}
_VARY = {"Vary": "Accept, Authorization", "Cache-Control": "no-cache"}

_templates = Environment(
    loader=PackageLoader("greenlane.web.pages"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {
    "Verdict": Verdict,
    "verdict_words": VERDICT_WORDS,
    "step_words": STEP_WORDS,
    "receipt_path": receipt_path,
    "verify_path": verify_path,
    "item_words": item_words,
}

STYLE_SHEET = files("greenlane.web.pages").joinpath("static/greenlane.css").read_bytes()


def journey_page(journey: JudgedJourney, *, public_url: str, path: str, is_event_page: bool, standstill: str | None) -> Response:
    """The page of an item or an event.

    Args:
        path: of this page; the QR code leads to it.
        standstill: since when the chain stands still, where that is why something is not anchored; None where it is not.
    """
    address = public_url + path
    return _page(
        "journey.html",
        journey=journey,
        selected=journey.selected,
        verdict=journey.selected.verdict if is_event_page else journey.verdict,
        is_event_page=is_event_page,
        standstill=standstill,
        picture=picture_of(journey.events),
        public_url=public_url,
        address=address,
        qr=_qr(address),
    )


def index_page(centers: list[dict[str, Any]], *, public_url: str, standstill: str | None) -> Response:
    """The first page: what this is, who is here, where to type a number, and since when the chain stands still, if it does."""
    return _page("index.html", centers=centers, public_url=public_url, standstill=standstill)


def nothing_page(words: str, remedy: str, *, asked: str) -> Response:
    """Says that nothing readable is known of what was asked for."""
    return _page("nothing.html", status=404, words=words, remedy=remedy, asked=asked)


def error_page(error: GreenlaneError) -> Response:
    """A problem, for people."""
    status = status_of(type(error))
    faults = error.faults if isinstance(error, Faults) else (error,)
    page = _page("problem.html", status=status, title=title_of(error.code), error=error, faults=faults[:20], number=status)
    page.headers.update(problem_headers(error))
    return page


def problem_kind_page(kind: ProblemKind) -> Response:
    """What one kind of problem means."""
    return _page("problem_kind.html", kind=kind)


def problem_kinds_page(kinds: list[ProblemKind]) -> Response:
    """All kinds of problems."""
    return _page("problem_kinds.html", kinds=kinds)


def prefers_html(request: Request) -> bool:
    """Whether the asker is a browser, or whatever else wants pages."""
    return "text/html" in request.headers.get("accept", "")


def _page(template: str, *, status: int = 200, **values: Any) -> Response:
    return HTMLResponse(_templates.get_template(template).render(**values), status_code=status, headers=_VARY)


def _qr(address: str) -> Markup:
    code = segno.make(address, error="m", micro=False)
    svg = code.svg_inline(scale=4, border=3, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    # Made here from an address that is data inside the drawing, never markup.
    return Markup(svg)  # noqa: S704
