"""Turns what a page shows into HTML.

Scripts run on the pages that show documents, where the reader's browser checks them, and on no other. They are files of this
server; nothing inline is ever run, and they can send nothing to anybody else.
"""

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import segno
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from greenlane.core.crypto import sha256
from greenlane.core.documents.description import DOCUMENT_TYPES
from greenlane.core.errors import Faults, GreenlaneError
from greenlane.verify.ladder import Verdict
from greenlane.web.pages.documents import DocumentList, Subject, ToldDocument, size_words, subject_words
from greenlane.web.pages.journey import JudgedJourney, receipt_path, verify_path
from greenlane.web.pages.picture import picture_of
from greenlane.web.pages.words import item_words
from greenlane.web.problems import ProblemKind, as_told, problem_headers, status_of, title_of

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
_WITH_SCRIPTS = _VARY | {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

PRIVATE_PAGE = {
    "Cache-Control": "private, no-store",
    "Vary": "Cookie",
    # With no-referrer a browser would say of our own forms, too, that they come from nowhere.
    "Referrer-Policy": "same-origin",
}

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
    "size_words": size_words,
    "subject_words": subject_words,
}

_STATIC = files("greenlane.web.pages").joinpath("static")
STYLE_SHEET = _STATIC.joinpath("greenlane.css").read_bytes()
SCRIPTS = {file.name: file.read_bytes() for file in _STATIC.iterdir() if file.name.endswith(".js")}
"""The pages' modules by name: their own as they are written, others' as scripts/pages bundles them."""
SCRIPT_TAGS = {name: f'"{sha256(data).hex()}"' for name, data in SCRIPTS.items()}
"""An ETag of each module."""


def journey_page(
    journey: JudgedJourney,
    documents: DocumentList,
    *,
    public_url: str,
    path: str,
    is_event_page: bool,
    standstill: str | None,
) -> Response:
    """The page of an item or an event.

    Args:
        documents: about what the journey tells of.
        path: of this page; the QR code leads to it.
        standstill: since when the chain stands still, where that is why something is not anchored; None where it is not.
    """
    address = public_url + path
    return _page(
        "journey.html",
        has_scripts=bool(documents.documents),
        journey=journey,
        documents=documents,
        selected=journey.selected,
        verdict=journey.selected.verdict if is_event_page else journey.verdict,
        is_event_page=is_event_page,
        standstill=standstill,
        picture=picture_of(journey.events),
        public_url=public_url,
        address=address,
        qr=_qr(address),
    )


def documents_page(documents: DocumentList, *, subject: Subject, is_first: bool) -> Response:
    """A page of the documents about one thing and what its journey tells of."""
    return _page("documents.html", has_scripts=True, documents=documents, subject=subject, is_first=is_first)


def about_documents_page() -> Response:
    """How documents are kept, and what the mark beside them means."""
    return _page("about_documents.html")


def document_page(
    cid: str, statements: Sequence[ToldDocument], *, size: int | None, is_encrypted: bool, has_more: bool
) -> Response:
    """The page of one document. Where several members state something of it, no one's words stand over the others'.

    Args:
        statements: what the reader may know of it, member by member, oldest first; none of a confidential document, for the
            public, and of one that is held here for another center.
        size: of the stored bytes; None where nothing is handed out any more.
        is_encrypted: whether the bytes are an age file, where nothing public is stated of them.
        has_more: whether more is stated than is shown.
    """
    owners = {str(each.description.stated_by) for each in statements}
    is_secret = any(each.description.confidential is not None for each in statements)
    return _page(
        "document.html",
        has_scripts=True,
        cid=cid,
        statements=statements,
        size=size,
        types=json.dumps(DOCUMENT_TYPES),
        owned=statements[-1] if len(owners) == 1 else None,
        has_more=has_more,
        is_confidential=is_secret or (not statements and is_encrypted),
    )


def withdrawn_page(cid: str, newer: str | None) -> Response:
    """Says that a document was withdrawn, and what took its place: the path of its page."""
    return _page("withdrawn.html", status=410, cid=cid, newer=newer)


def index_page(centers: list[dict[str, Any]], *, public_url: str, standstill: str | None) -> Response:
    """The first page: what this is, who is here, where to type a number, and since when the chain stands still, if it does."""
    return _page("index.html", centers=centers, public_url=public_url, standstill=standstill)


def nothing_page(words: str, remedy: str, *, asked: str) -> Response:
    """Says that nothing readable is known of what was asked for."""
    return _page("nothing.html", status=404, words=words, remedy=remedy, asked=asked)


_IN_PLAIN_WORDS: dict[str, tuple[str, str | None]] = {
    "cid-invalid": ("This address is not complete", "Scan the QR code again, or copy the whole link."),
    "document-missing": (
        "This document is not here",
        "Look whether the link is complete. If it is, another center may have the document: ask whoever gave you the link.",
    ),
    "document-bytes-refused": (
        "This copy is damaged",
        "This server's copy of the document is damaged, and is not handed out. Look again later, or ask another center.",
    ),
    "signature-needed": (
        "Your firm keeps its key itself",
        "A page cannot sign for it, so nothing was done. Whoever keeps the key does the same through the interface for programs.",
    ),
    "act-refused": ("The chain would refuse this", None),
}
"""What people with a link in their hand meet, by code: its title, and what to do. The exact words stand below."""


def error_page(error: GreenlaneError) -> Response:
    """A problem, for people."""
    error = as_told(error)
    status = status_of(type(error))
    faults = error.faults if isinstance(error, Faults) else (error,)
    title, first = _IN_PLAIN_WORDS.get(error.code, (title_of(error.code), None))
    page = _page("problem.html", status=status, title=title, first=first, error=error, faults=faults[:20], number=status)
    page.headers.update(problem_headers(error))
    return page


def problem_kind_page(kind: ProblemKind) -> Response:
    """What one kind of problem means."""
    return _page("problem_kind.html", kind=kind)


def problem_kinds_page(kinds: list[ProblemKind]) -> Response:
    """All kinds of problems."""
    return _page("problem_kinds.html", kinds=kinds)


def private_page(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page for one person who is signed in, or is about to be; nothing keeps a copy of it."""
    return HTMLResponse(_templates.get_template(template).render(**values), status_code=status, headers=PRIVATE_PAGE)


def public_page(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page for everybody."""
    return _page(template, status=status, **values)


def qr_of(address: str) -> Markup:
    """An address as a QR code."""
    return _qr(address)


def prefers_html(request: Request) -> bool:
    """Whether the asker is a browser, or whatever else wants pages."""
    return "text/html" in request.headers.get("accept", "")


def _page(template: str, *, status: int = 200, has_scripts: bool = False, **values: Any) -> Response:
    headers = _WITH_SCRIPTS if has_scripts else _VARY
    return HTMLResponse(_templates.get_template(template).render(**values), status_code=status, headers=headers)


def _qr(address: str) -> Markup:
    code = segno.make(address, error="m", micro=False)
    svg = code.svg_inline(scale=4, border=3, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    # Made here from an address that is data inside the drawing, never markup.
    return Markup(svg)  # noqa: S704
