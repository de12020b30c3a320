"""Statements about documents in the database, and how they are found again.

A statement and what it is about never change; that it was withdrawn stands in a row of its own, and what replaces it is looked up
among the later statements. Pages run from the newest statement to the oldest.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Row,
    Select,
    and_,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union,
    update,
)

from greenlane.adapters.sql.document_bytes import want
from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.names import name_digest
from greenlane.adapters.sql.page_tokens import TokenInvalid, read_token, read_token_moment, write_token
from greenlane.adapters.sql.salts import forget_salt
from greenlane.adapters.sql.tables import (
    UNWANTED,
    WANTED,
    Moment,
    document,
    document_about,
    document_bytes,
    document_reader,
    microseconds,
    withdrawal,
)
from greenlane.adapters.sql.tables import salt as salts
from greenlane.adapters.sql.work import Work
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import Description, encode_description, read_description
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.ports.document_index import DocumentPage, StoredDocument
from greenlane.ports.events import Reader

_ADD = (
    "INSERT INTO document (center, leaf_index, member, cid, content_digest, description, is_confidential, is_blinded, replaces, "
    "stored_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_ABOUT = "INSERT INTO document_about (name_digest, stored_at, center, leaf_index) VALUES (?, ?, ?, ?)"
_ADD_READER = "INSERT INTO document_reader (name, center, leaf_index) VALUES (?, ?, ?)"
_ADD_SALT = "INSERT INTO salt (center, leaf_index, salt) VALUES (?, ?, ?)"
_LET_GO = "DELETE FROM document_bytes WHERE cid = ? AND statements = 0 AND asks = 0 AND uploads = 0"

# What belongs to a statement is looked up for each one by itself: joined, PostgreSQL would in young tables rather read all of it.
_WITHDRAWN_AT = (
    select(withdrawal.c.at)
    .where(withdrawal.c.center == document.c.center, withdrawal.c.leaf_index == document.c.leaf_index)
    .correlate(document)
    .scalar_subquery()
)


class SqlDocumentIndex:
    """The port's DocumentIndex; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def known(self, center: CenterId, member: MemberId, content_digest: bytes) -> StoredDocument | None:
        number = self._work.number(center)
        wanted = _documents().where(
            document.c.content_digest == content_digest, document.c.center == number, document.c.member == member
        )
        return _first(self._stored(wanted))

    def add(self, document: StoredDocument) -> None:
        description = document.description
        encoded = encode_description(description)
        stated_by = description.stated_by
        if (document.center, document.member, document.content_digest) != (stated_by.center, stated_by.member, sha256(encoded)):
            raise InvalidInput("The statement is not the one whose member and digest stand beside it.")
        number = self._work.number_or_new(document.center)
        place, stored_at = document.leaf_index, microseconds(document.stored_at)
        replaces = None if description.replaces is None else description.replaces.encode()
        is_confidential = description.confidential is not None
        self._work.direct(
            _ADD,
            number,
            place,
            document.member,
            description.cid.encode(),
            document.content_digest,
            encoded,
            is_confidential,
            document.is_blinded,
            replaces,
            stored_at,
        )
        self._work.direct_many(_ADD_ABOUT, [(_subject(uri), stored_at, number, place) for uri in description.about])
        if readers := _reader_names(description):
            self._work.direct_many(_ADD_READER, [(name, number, place) for name in readers])
        if document.salt is not None:
            self._work.direct(_ADD_SALT, number, place, document.salt)
        want(self._work, description.cid, description.size, statements=1)

    def by_cid(self, cid: Cid, *, reader: Reader | None) -> tuple[StoredDocument, ...]:
        wanted = _documents().where(document.c.cid == cid.encode(), self._may_read(reader))
        return self._stored(wanted.order_by(document.c.stored_at, document.c.center, document.c.leaf_index))

    def at(self, center: CenterId, leaf_index: LeafIndex) -> StoredDocument | None:
        number = self._work.number(center)
        return _first(self._stored(_documents().where(document.c.center == number, document.c.leaf_index == leaf_index)))

    def about(self, subjects: Iterable[str], *, reader: Reader | None, limit: int, token: str | None = None) -> DocumentPage:
        digests = sorted({_subject(uri) for uri in subjects})
        question = int.from_bytes(sha256(b"".join(digests))[:7], "big")
        places = select(document_about.c.stored_at, document_about.c.center, document_about.c.leaf_index).where(
            document_about.c.name_digest.in_(digests)
        )
        if token is not None:
            asked, stored_at, center, leaf_index = read_token(token, length=4)
            if asked != question:
                raise TokenInvalid("The page token is of another question.")
            last = (
                literal(read_token_moment(stored_at), Moment),
                literal(center, BigInteger),
                literal(leaf_index, BigInteger),
            )
            key = (document_about.c.stored_at, document_about.c.center, document_about.c.leaf_index)
            places = places.where(tuple_(*key) < tuple_(*last))
        if not digests:
            return DocumentPage(documents=(), next_token=None)
        # One document may be about several of the subjects, and comes once.
        found = (places.distinct() if len(digests) > 1 else places).subquery()
        wanted = (
            _at_places(found)
            .where(_WITHDRAWN_AT.is_(None), self._may_read(reader))
            .order_by(found.c.stored_at.desc(), found.c.center.desc(), found.c.leaf_index.desc())
        )
        rows, has_more = self._page(wanted, limit)
        last_key = (question, microseconds(rows[-1].stored_at), rows[-1].center, rows[-1].leaf_index) if has_more else None
        return self._document_page(rows, last_key)

    def of_center(self, center: CenterId, *, reader: Reader | None, limit: int, token: str | None = None) -> DocumentPage:
        number = self._work.number(center)
        below: int | None = None
        if token is not None:
            asked, below = read_token(token, length=2)
            if asked != number:
                raise TokenInvalid("The page token is of another center.")
        if number is None:
            return DocumentPage(documents=(), next_token=None)
        found = self._readable(number, center, reader, below, limit + 1)
        rows, has_more = self._page(_at_places(found).order_by(found.c.leaf_index.desc()), limit)
        return self._document_page(rows, (number, rows[-1].leaf_index) if has_more else None)

    def _readable(self, number: int, center: CenterId, reader: Reader | None, below: int | None, limit: int) -> FromClause:
        """Places of the newest statements of one center that the reader may read, from each index that holds some of them.

        Filtered out of one walk through all instead, a page of three public statements among a million confidential ones would
        read the million.
        """
        here = select(document.c.center, document.c.leaf_index).where(document.c.center == number)
        public = here.where(document.c.is_confidential == false())
        is_own = reader is not None and reader.center == center
        if reader is None or (reader.member is None and not is_own):
            parts = [public]
        elif reader.member is None:
            parts = [here]
        else:
            named = select(document_reader.c.center, document_reader.c.leaf_index).where(
                document_reader.c.name == f"{reader.center}/{reader.member}", document_reader.c.center == number
            )
            stated = here.where(document.c.member == reader.member, document.c.is_confidential == true())
            parts = [public, named, *([stated] if is_own else [])]
        newest = [_newest(part, below, limit) for part in parts]
        return newest[0].subquery() if len(newest) == 1 else union(*(select(part.subquery()) for part in newest)).subquery()

    def walk(self, center: CenterId, *, start: LeafIndex, limit: int) -> tuple[StoredDocument, ...]:
        number = self._work.number(center)
        wanted = _documents().where(document.c.center == number, document.c.leaf_index >= start)
        return self._stored(wanted.order_by(document.c.leaf_index).limit(limit))

    def withdraw(self, center: CenterId, member: MemberId, cid: Cid, at: datetime) -> int:
        number = self._work.number(center)
        standing = select(document.c.center, document.c.leaf_index, literal(at, Moment)).where(
            document.c.cid == cid.encode(), document.c.center == number, document.c.member == member
        )
        leave = self._work.insert_or_leave(withdrawal).from_select(["center", "leaf_index", "at"], standing)
        count = self._work.connection.execute(leave, execution_options={"preserve_rowcount": True}).rowcount
        if count:
            self._work.connection.execute(
                update(document_bytes)
                .where(document_bytes.c.cid == cid.encode())
                .values(statements=document_bytes.c.statements - count)
            )
        return count

    def is_served(self, cid: Cid) -> bool | None:
        is_kept = select(func.count()).where(document_bytes.c.cid == cid.encode(), WANTED).scalar_subquery()
        is_stated = exists().where(document.c.cid == cid.encode())
        row = self._work.connection.execute(select(is_kept.label("kept"), is_stated.label("stated"))).one()
        return bool(row.kept) if row.stated else None

    def replaced_by(self, cid: Cid) -> Cid | None:
        earlier = document.alias()
        by_whom = exists().where(
            earlier.c.cid == document.c.replaces,
            earlier.c.center == document.c.center,
            earlier.c.member == document.c.member,
        )
        newest = (document.c.stored_at.desc(), document.c.center.desc(), document.c.leaf_index.desc())
        found = self._work.connection.scalar(
            select(document.c.cid).where(document.c.replaces == cid.encode(), by_whom).order_by(*newest).limit(1)
        )
        return None if found is None else Cid.decode(found)

    def wanted(self, *, after: Cid | None, limit: int) -> tuple[tuple[Cid, int], ...]:
        asked = select(document_bytes.c.cid, document_bytes.c.size).where(WANTED)
        return tuple((Cid.decode(row.cid), row.size) for row in self._work.connection.execute(_by_cid(asked, after, limit)))

    def unwanted(self, *, after: Cid | None, limit: int) -> tuple[Cid, ...]:
        asked = select(document_bytes.c.cid).where(UNWANTED)
        return tuple(Cid.decode(row.cid) for row in self._work.connection.execute(_by_cid(asked, after, limit)))

    def let_go(self, cid: Cid) -> bool:
        return bool(self._work.direct(_LET_GO, cid.encode()).rowcount == 1)

    def is_wanted(self, cid: Cid) -> bool:
        who = document_bytes.c
        asked = select(who.statements + who.asks + who.uploads).where(who.cid == cid.encode())
        return bool(self._work.connection.scalar(asked))

    def forget_salt(self, center: CenterId, leaf_index: LeafIndex, at: datetime) -> bool:
        return forget_salt(self._work, center, leaf_index, at)

    def _may_read(self, reader: Reader | None) -> ColumnElement[bool]:
        is_public = document.c.is_confidential == false()
        if reader is None:
            return is_public
        is_own = document.c.center == self._work.number(reader.center)
        if reader.member is None:
            return or_(is_public, is_own)
        names_it = select(document_reader.c.name).where(
            document_reader.c.name == f"{reader.center}/{reader.member}",
            document_reader.c.center == document.c.center,
            document_reader.c.leaf_index == document.c.leaf_index,
        )
        is_named = names_it.correlate(document).scalar_subquery().is_not(None)
        return or_(is_public, and_(is_own, document.c.member == reader.member), is_named)

    def _page(self, wanted: Select[Any], limit: int) -> tuple[list[Row[Any]], bool]:
        # One more than asked tells whether there is a next page.
        rows = list(self._work.connection.execute(wanted.limit(limit + 1)))
        return rows[:limit], len(rows) > limit > 0

    def _document_page(self, rows: list[Row[Any]], last_key: tuple[int, ...] | None) -> DocumentPage:
        documents = tuple(self._stored_document(row) for row in rows)
        return DocumentPage(documents=documents, next_token=None if last_key is None else write_token(*last_key))

    def _stored(self, wanted: Select[Any]) -> tuple[StoredDocument, ...]:
        return tuple(self._stored_document(row) for row in self._work.connection.execute(wanted).all())

    def _stored_document(self, row: Row[Any]) -> StoredDocument:
        center = self._work.slug(row.center)
        try:
            description = read_description(orjson.loads(row.description))
        except (InvalidInput, ValueError) as error:
            raise RowDamaged("A stored statement about a document is damaged.", where=f"{center}/{row.leaf_index}") from error
        return StoredDocument(
            center=center,
            member=MemberId(row.member),
            description=description,
            content_digest=row.content_digest,
            leaf_index=LeafIndex(row.leaf_index),
            salt=None if row.salt is None else Salt(row.salt),
            is_blinded=row.is_blinded,
            stored_at=row.stored_at,
            withdrawn_at=row.withdrawn_at,
            replaced_by=None if row.replaced_by is None else Cid.decode(row.replaced_by),
        )


def _documents(source: FromClause = document) -> Select[Any]:
    newer = document.alias()
    replaced_by = (
        select(newer.c.cid)
        .where(newer.c.replaces == document.c.cid, newer.c.center == document.c.center, newer.c.member == document.c.member)
        .order_by(newer.c.leaf_index.desc())
        .limit(1)
        .correlate(document)
        .scalar_subquery()
    )
    kept = select(salts.c.salt).where(salts.c.center == document.c.center, salts.c.leaf_index == document.c.leaf_index)
    return select(
        document,
        kept.correlate(document).scalar_subquery().label("salt"),
        _WITHDRAWN_AT.label("withdrawn_at"),
        replaced_by.label("replaced_by"),
    ).select_from(source)


def _at_places(places: FromClause) -> Select[Any]:
    """Statements at some places, which have columns `center` and `leaf_index`."""
    here = and_(places.c.center == document.c.center, places.c.leaf_index == document.c.leaf_index)
    return _documents(places.join(document, here))


def _newest(places: Select[Any], below: int | None, limit: int) -> Select[Any]:
    leaf_index = places.selected_columns.leaf_index
    bounded = places if below is None else places.where(leaf_index < below)
    return bounded.order_by(leaf_index.desc()).limit(limit)


def _by_cid(asked: Select[Any], after: Cid | None, limit: int) -> Select[Any]:
    bounded = asked if after is None else asked.where(document_bytes.c.cid > after.encode())
    return bounded.order_by(document_bytes.c.cid).limit(limit)


def _subject(uri: str) -> bytes:
    return name_digest("about", uri)


def _reader_names(description: Description) -> list[str]:
    secret = description.confidential
    return [] if secret is None else sorted({str(reader.name) for reader in secret.readers if reader.name is not None})


def _first(found: tuple[StoredDocument, ...]) -> StoredDocument | None:
    return found[0] if found else None
