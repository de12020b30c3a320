"""Lists what was stated of documents: about the things that a page shows, and about the bytes of one document.

A document about all goods of a kind is about each of them; one about a single item is about no other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from greenlane.core.documents.cid import Cid
from greenlane.core.epcis.gs1keys import IdentifierFault
from greenlane.core.epcis.identifiers import Identifier, parse_identifier
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.document_index import DocumentPage, StoredDocument
from greenlane.ports.events import Reader, StoredEvent
from greenlane.ports.store import Store

_OF_EACH_OTHER = 3


def member_uri(center: CenterId, member: MemberId) -> str:
    """How a document names a member of the network as what it is about, e.g. a certificate of the firm and not of goods."""
    return f"greenlane:member/{center}/{member}"


def subjects_of(identifiers: Iterable[str], events: Iterable[StoredEvent]) -> tuple[str, ...]:
    """What a document may be about to belong to a journey, each once.

    Args:
        identifiers: canonical, of the item and of whatever its journey led through: containers, lots, materials.
        events: of the journey; their hashes, places and members are named too.
    """
    found: dict[str, None] = {}
    for identifier in identifiers:
        found |= dict.fromkeys((identifier, *_kinds(identifier)))
    for event in events:
        found[event.event_hash] = None
        found[member_uri(event.center, event.member)] = None
        for place in filter(None, (event.read_point, event.biz_location)):
            found |= dict.fromkeys((place, *_kinds(place)))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPage:
    """Some statements about the bytes of one document, and whether there are more."""

    statements: tuple[StoredDocument, ...]
    has_more: bool


class ListDocuments:
    """The use case: read only; one instance serves all threads."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def about(self, subjects: Iterable[str], *, reader: Reader | None, limit: int, token: str | None = None) -> DocumentPage:
        """A page of statements about any of these URIs, newest first, none withdrawn; see `DocumentIndex.about`.

        Raises:
            InvalidInput: `token` is none that was given out for these.
            StoreUnavailable: the database is away.
        """
        with self._store.read() as tx:
            return tx.documents.about(subjects, reader=reader, limit=limit, token=token)

    def of_center(self, center: CenterId, *, reader: Reader | None, limit: int, token: str | None = None) -> DocumentPage:
        """What one center's members stated and `reader` may read, newest first, withdrawn ones too.

        Raises:
            InvalidInput: `token` is none that was given out.
            StoreUnavailable: the database is away.
        """
        with self._store.read() as tx:
            return tx.documents.of_center(center, reader=reader, limit=limit, token=token)

    def of_journey(
        self, subjects: Iterable[str], *, events: Iterable[StoredEvent], reader: Reader | None, limit: int
    ) -> tuple[tuple[StoredDocument, ...], bool]:
        """What a journey's page has room for, and whether that is all: first what the members state whose events it tells, then
        a little of each other's. A stranger who states much about somebody's goods pushes nothing off their page.

        Raises:
            StoreUnavailable: the database is away.
        """
        first = {(event.center, event.member) for event in events}
        with self._store.read() as tx:
            return tx.documents.chosen_about(subjects, first=first, each_other=_OF_EACH_OTHER, reader=reader, limit=limit)

    def stated(self, cid: Cid, *, reader: Reader | None, limit: int, skip: int = 0) -> StatedPage:
        """Statements about these bytes that `reader` may read, member by member, who stated them first comes first; of one member
        oldest first, withdrawn ones too.

        Args:
            skip: how many of them came before.

        Raises:
            StoreUnavailable: the database is away.
        """
        with self._store.read() as tx:
            found = tx.documents.by_cid(cid, reader=reader, limit=limit + 1, skip=skip)
        return StatedPage(statements=found[:limit], has_more=len(found) > limit)


def _kinds(identifier: str) -> tuple[str, ...]:
    """What a thing is one of: of a serial item or lot its class, of an area its place; nothing where it stands for itself."""
    try:
        read = parse_identifier(identifier)
    except IdentifierFault:
        return ()
    return (Identifier(key=read.key, primary=read.primary).digital_link,) if read.qualifiers else ()
