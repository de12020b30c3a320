"""Documents as a page tells them: what each is, who stated it, and where its entry stands. The reader's browser checks them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import DOCUMENT_TYPES, Description, MemberName
from greenlane.ports.document_index import StoredDocument
from greenlane.web.pages.words import item_words, local_path
from greenlane.web.schemas import statement_value
from greenlane.web.services import WebServices

DOCUMENTS_SHOWN = 50
"""On one page; the next page is a link away."""
PICTURES = frozenset({"image/avif", "image/gif", "image/jpeg", "image/png", "image/webp"})
"""What every browser shows as a picture, and nothing that can hold a script."""
_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One thing that a document is about; `path` is None where it has no page here."""

    words: str
    path: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldDocument:
    """One statement about a document as a page tells it.

    Attributes:
        type_words: what people call such a document.
        day: on it; None where there is none.
        attached: since when it stands in the log.
        member, center: names of whoever stated it, and for which center; their short names where they are not known here.
        is_older: a newer document of the same member took its place.
        newer, older: pages of what took its place, and of what it took the place of.
        is_picture: a browser can show it.
        listed_for: what it is about, as far as the page tells of it; the reader's browser looks for these in the statement.
    """

    stored: StoredDocument
    type_words: str
    day: str | None
    attached: str
    member: str
    center: str
    size: str
    about: tuple[Subject, ...]
    readers: tuple[str, ...]
    is_older: bool
    newer: str | None
    older: str | None
    is_picture: bool
    listed_for: tuple[str, ...]

    @property
    def description(self) -> Description:
        """What is stated."""
        return self.stored.description

    @property
    def cid(self) -> str:
        """As addresses write it."""
        return self.description.cid.text

    @property
    def path(self) -> str:
        """Of its page here."""
        return document_path(self.description.cid)

    @property
    def bytes_path(self) -> str:
        """Of its stored bytes here, under the name that this statement gives them."""
        return f"/v1{self.path}?center={self.stored.center}&leaf={self.stored.leaf_index}"

    @property
    def receipt_path(self) -> str:
        """Of this statement's receipt here."""
        return f"/v1{self.path}/receipt?center={self.stored.center}&leaf={self.stored.leaf_index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentList:
    """Some documents; `more` is the path of the page with the next ones, None where there are none."""

    documents: tuple[ToldDocument, ...]
    more: str | None


def document_path(cid: Cid) -> str:
    """The path of a document's page here."""
    return f"/documents/{cid.text}"


def told_list(
    services: WebServices, stated: Iterable[StoredDocument], *, more: str | None, subjects: Iterable[str]
) -> DocumentList:
    """Statements in words.

    Args:
        more: the path of the page with the next ones, if there are any.
        subjects: what the page is about: each statement must name one of them.
    """
    names: dict[tuple[str, str], str] = {}
    asked = frozenset(subjects)
    return DocumentList(documents=tuple(told_document(services, each, names, asked) for each in stated), more=more)


def told_document(
    services: WebServices,
    stored: StoredDocument,
    names: dict[tuple[str, str], str] | None = None,
    subjects: frozenset[str] | None = None,
) -> ToldDocument:
    """One statement in words.

    Args:
        names: of members that were looked up before for the same page.
        subjects: what the page that lists it is about; None on the document's own page.
    """
    stated, secret = stored.description, stored.description.confidential
    known = {} if names is None else names
    center = next((each.name for each in services.centers if each.id == stored.center), str(stored.center))
    return ToldDocument(
        stored=stored,
        type_words=DOCUMENT_TYPES[stated.document_type],
        day=None if stated.issued_on is None else day_words(stated.issued_on),
        attached=day_words(stored.stored_at.date()),
        member=_name(services, stated.stated_by, known),
        center=center,
        size=size_words(stated.size),
        about=tuple(Subject(words=subject_words(uri), path=subject_path(uri)) for uri in stated.about),
        readers=() if secret is None else tuple(_reader(services, reader.name, known) for reader in secret.readers),
        is_older=stored.replaced_by is not None,
        newer=None if stored.replaced_by is None else document_path(stored.replaced_by),
        older=None if stated.replaces is None else document_path(stated.replaces),
        is_picture=secret is None and stated.media_type in PICTURES,
        listed_for=stated.about if subjects is None else tuple(uri for uri in stated.about if uri in subjects),
    )


def list_value(documents: DocumentList, *, public_url: str) -> dict[str, Any]:
    """A list of documents as JSON."""
    return {
        "documents": [statement_value(each.stored, public_url) for each in documents.documents],
        "moreDocuments": None if documents.more is None else f"{public_url}{documents.more}",
    }


def size_words(size: int) -> str:
    """A number of bytes in the unit that people use."""
    if size < _UNITS[-1][0]:
        return "1 byte" if size == 1 else f"{size} bytes"
    unit, name = next((unit, name) for unit, name in _UNITS if size >= unit)
    tenths = (size * 10 + unit // 2) // unit
    if tenths >= 100 or tenths % 10 == 0:
        return f"{(size + unit // 2) // unit:,} {name}"
    return f"{tenths // 10}.{tenths % 10} {name}"


def day_words(day: date) -> str:
    """A day as people write it."""
    return f"{day.day} {day:%b} {day.year}"


def subject_words(uri: str) -> str:
    """What a document is about, in a few words."""
    if uri.startswith("ni:///"):
        return f"the event {uri.partition(';')[2][:12]}…"
    member = uri.removeprefix("greenlane:member/")
    return f"the member {member}" if member != uri else item_words(uri)


def subject_path(uri: str) -> str | None:
    """The path of a subject's own page here; None where it has none."""
    if uri.startswith("ni:///"):
        return f"/verify/{uri.partition(';')[2].partition('?')[0]}"
    return local_path(uri)


def _name(services: WebServices, name: MemberName, known: dict[tuple[str, str], str]) -> str:
    key = (name.center, name.member)
    if key not in known:
        member = services.look_up.member(name.center, name.member)
        known[key] = name.member if member is None else member.name
    return known[key]


def _reader(services: WebServices, name: MemberName | None, known: dict[tuple[str, str], str]) -> str:
    return "whoever holds a link with a key" if name is None else f"{_name(services, name, known)} ({name})"
