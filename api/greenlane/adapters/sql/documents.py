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
    case,
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
from greenlane.ports.documents import DocumentWithdrawn
from greenlane.ports.events import Reader

_ADD = (
    "INSERT INTO document (center, leaf_index, member, cid, content_digest, description, is_confidential, is_blinded, replaces, "
    "stored_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_ABOUT = "INSERT INTO document_about (name_digest, stored_at, center, leaf_index) VALUES (?, ?, ?, ?)"
_ADD_READER = "INSERT INTO document_reader (name, center, leaf_index) VALUES (?, ?, ?)"
_ADD_SALT = "INSERT INTO salt (center, leaf_index, salt) VALUES (?, ?, ?)"
_LET_GO = "DELETE FROM document_bytes WHERE cid = ? AND statements = 0 AND asks = 0 AND uploads = 0"

_HERE = document.c
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
        # First of all: whoever withdraws the bytes meanwhile waits for this, or was waited for and is seen.
        want(self._work, description.cid, description.size, statements=1)
        self._check_not_ended(description.cid, number, document.member)
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
        self._work.direct_many(_ADD_ABOUT, [(name, stored_at, number, place) for name in _listed_by(description)])
        if readers := _reader_names(description):
            self._work.direct_many(_ADD_READER, [(name, number, place) for name in readers])
        if document.salt is not None:
            self._work.direct(_ADD_SALT, number, place, document.salt)

    def by_cid(self, cid: Cid, *, reader: Reader | None, limit: int, skip: int = 0) -> tuple[StoredDocument, ...]:
        first_at = func.min(_HERE.stored_at).over(partition_by=(_HERE.center, _HERE.member)).label("first_at")
        readable = select(_HERE.center, _HERE.leaf_index, _HERE.member, _HERE.stored_at, first_at)
        found = readable.where(_HERE.cid == cid.encode(), self._may_read(reader)).subquery().c
        order = (found.first_at, found.center, found.member, found.stored_at, found.leaf_index)
        nth = func.row_number().over(order_by=order).label("nth")
        places = select(found.center, found.leaf_index, nth).order_by(nth).limit(limit).offset(skip).subquery()
        return self._stored(_at_places(places).order_by(places.c.nth))

    def of_member(self, center: CenterId, member: MemberId, cid: Cid, *, limit: int) -> tuple[StoredDocument, ...]:
        wanted = _documents().where(_HERE.cid == cid.encode(), _HERE.center == self._work.number(center), _HERE.member == member)
        return self._stored(wanted.order_by(_HERE.stored_at, _HERE.leaf_index).limit(limit))

    def meant(
        self,
        cid: Cid,
        *,
        reader: Reader | None,
        center: CenterId | None = None,
        leaf_index: LeafIndex | None = None,
        for_readers: bool = False,
    ) -> StoredDocument | None:
        # SQLite has no false and true to sort by.
        is_other_kind = case((_HERE.is_blinded == (true() if for_readers else false()), 0), else_=1)
        is_withdrawn = case((_WITHDRAWN_AT.is_(None), 0), else_=1)
        order = (is_other_kind, is_withdrawn, _HERE.stored_at, _HERE.center, _HERE.leaf_index)
        found = select(_HERE.center, _HERE.leaf_index).where(_HERE.cid == cid.encode())
        if not for_readers:
            found = found.where(self._may_read(reader))
        if center is not None:
            found = found.where(_HERE.center == self._work.number(center))
        if leaf_index is not None:
            found = found.where(_HERE.leaf_index == leaf_index)
        return _first(self._stored(_at_places(found.order_by(*order).limit(1).subquery())))

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

    def by_digest(self, digest: bytes, *, reader: Reader | None, limit: int) -> tuple[StoredDocument, ...]:
        listed = document_about.c
        places = select(listed.center, listed.leaf_index).where(listed.name_digest == _bytes(digest)).subquery()
        is_withdrawn = case((_WITHDRAWN_AT.is_(None), 0), else_=1)
        wanted = _at_places(places).where(self._may_read(reader))
        return self._stored(wanted.order_by(is_withdrawn, _HERE.stored_at, _HERE.center, _HERE.leaf_index).limit(limit))

    def chosen_about(
        self,
        subjects: Iterable[str],
        *,
        first: Iterable[tuple[CenterId, MemberId]],
        each_other: int,
        reader: Reader | None,
        limit: int,
    ) -> tuple[tuple[StoredDocument, ...], bool]:
        digests = sorted({_subject(uri) for uri in subjects})
        about = document_about.c
        places = (
            select(about.stored_at, about.center, about.leaf_index).where(about.name_digest.in_(digests)).distinct().subquery()
        )
        newest = (places.c.stored_at.desc(), places.c.leaf_index.desc())
        nth = func.row_number().over(partition_by=(_HERE.center, _HERE.member), order_by=newest).label("nth")
        is_there = and_(places.c.center == _HERE.center, places.c.leaf_index == _HERE.leaf_index)
        ranked = (
            select(_HERE.center, _HERE.leaf_index, places.c.stored_at, self._group(first).label("rank"), nth)
            .select_from(places.join(document, is_there))
            .where(_WITHDRAWN_AT.is_(None), self._may_read(reader))
            .subquery()
            .c
        )
        # Of each member the newest first, then the second of each: so nobody pushes another off by stating much.
        order = (ranked.rank, ranked.nth, ranked.stored_at.desc(), ranked.center.desc(), ranked.leaf_index.desc())
        chosen = (
            select(ranked.center, ranked.leaf_index, ranked.rank, ranked.stored_at)
            .where(or_(ranked.rank == 0, ranked.nth <= each_other))
            .order_by(*order)
            .limit(limit)
            .subquery()
        )
        shown = (chosen.c.rank, chosen.c.stored_at.desc(), chosen.c.center.desc(), chosen.c.leaf_index.desc())
        found = self._stored(_at_places(chosen).order_by(*shown))
        more = select(ranked.nth).limit(limit + 1).subquery()
        total = self._work.connection.execute(select(func.count()).select_from(more)).scalar_one()
        return found, total <= len(found)

    def _group(self, first: Iterable[tuple[CenterId, MemberId]]) -> ColumnElement[int]:
        """0 for statements of these members, 1 for others'."""
        members: dict[CenterId, set[MemberId]] = {}
        for center, member in first:
            members.setdefault(center, set()).add(member)
        theirs = [
            and_(document.c.center == self._work.number(center), document.c.member.in_(sorted(some)))
            for center, some in sorted(members.items())
        ]
        return case((or_(false(), *theirs), 0), else_=1)

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
        number, name = self._work.number(center), cid.encode()
        # Whoever states the same bytes meanwhile waits here, or is waited for.
        self._work.connection.execute(select(document_bytes.c.cid).where(document_bytes.c.cid == name).with_for_update())
        standing = select(document.c.center, document.c.leaf_index, literal(at, Moment)).where(document.c.cid == name)
        owner = self._owner(cid)
        if owner is None or (owner.center, owner.member) != (number, member):
            standing = standing.where(document.c.center == number, document.c.member == member)
        leave = self._work.insert_or_leave(withdrawal).from_select(["center", "leaf_index", "at"], standing)
        count = self._work.connection.execute(leave, execution_options={"preserve_rowcount": True}).rowcount
        if count:
            self._work.connection.execute(
                update(document_bytes).where(document_bytes.c.cid == name).values(statements=document_bytes.c.statements - count)
            )
        return count

    def _owner(self, cid: Cid) -> Any | None:
        """Center and member of the first statement about these bytes, and since when it is withdrawn."""
        first = select(_HERE.center, _HERE.member, _WITHDRAWN_AT.label("withdrawn_at")).where(_HERE.cid == cid.encode())
        return self._work.connection.execute(first.order_by(_HERE.stored_at, _HERE.center, _HERE.leaf_index).limit(1)).first()

    def _check_not_ended(self, cid: Cid, number: int, member: MemberId) -> None:
        owner = self._owner(cid)
        if owner is None or owner.withdrawn_at is None or (owner.center, owner.member) == (number, member):
            return
        theirs = _of(owner, select(_HERE.leaf_index).where(_HERE.cid == cid.encode()))
        if self._work.connection.scalar(theirs.where(_WITHDRAWN_AT.is_(None)).limit(1)) is None:
            raise DocumentWithdrawn(
                f"Whoever stated {cid.text} first withdrew it; nobody else makes it be handed out again.",
                replaced_by=self.replaced_by(cid),
                remedy="Ask its owner for a version of it that you may read.",
            )

    def is_served(self, cid: Cid) -> bool | None:
        is_kept = select(func.count()).where(document_bytes.c.cid == cid.encode(), WANTED).scalar_subquery()
        is_stated = exists().where(document.c.cid == cid.encode())
        row = self._work.connection.execute(select(is_kept.label("kept"), is_stated.label("stated"))).one()
        return bool(row.kept) if row.stated else None

    def replaced_by(self, cid: Cid) -> Cid | None:
        owner = self._owner(cid)
        if owner is None:
            return None
        theirs = _of(owner, select(_HERE.cid).where(_HERE.replaces == cid.encode()))
        found = self._work.connection.scalar(theirs.order_by(_HERE.leaf_index.desc()).limit(1))
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

    def unfiled(self, document: StoredDocument) -> tuple[str, ...]:
        stated = document.description
        number, place = self._work.number(document.center), document.leaf_index
        about, reads = document_about.c, document_reader.c
        is_there = (_HERE.cid == stated.cid.encode(), _HERE.center == number, _HERE.leaf_index == place)
        ways: list[tuple[str, Select[Any]]] = [(stated.cid.text, select(_HERE.cid).where(*is_there))]
        named = [*((uri, _subject(uri)) for uri in stated.about), (f"the digest {stated.digest.hex()}", _bytes(stated.digest))]
        for words, name in named:
            key = (about.name_digest == name, about.stored_at == document.stored_at)
            ways.append((words, select(about.leaf_index).where(*key, about.center == number, about.leaf_index == place)))
        for reader in _reader_names(stated):
            is_told = (reads.name == reader, reads.center == number, reads.leaf_index == place)
            ways.append((f"the reader {reader}", select(reads.leaf_index).where(*is_told)))
        return tuple(words for words, asked in ways if self._work.connection.execute(asked).first() is None)

    def misfiled(self, center: CenterId, *, limit: int) -> tuple[LeafIndex, ...]:
        found: dict[LeafIndex, None] = {}
        number = self._work.number(center)
        for table, key in ((document_about, document_about.c.name_digest), (document_reader, document_reader.c.name)):
            is_its = and_(document.c.center == table.c.center, document.c.leaf_index == table.c.leaf_index)
            asked = select(key, table.c.leaf_index, document.c.description).where(table.c.center == number)
            rows = self._work.connection.execution_options(yield_per=1_024).execute(
                asked.select_from(table.outerjoin(document, is_its))
            )
            for name, leaf_index, description in rows:
                if len(found) < limit and name not in _filed_by(description):
                    found[LeafIndex(leaf_index)] = None
        return tuple(found)

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


def _of(owner: Row[Any], wanted: Select[Any]) -> Select[Any]:
    return wanted.where(_HERE.center == owner.center, _HERE.member == owner.member)


def _filed_by(description: bytes | None) -> set[bytes | str]:
    """By what a statement may be found, as its encoded form says; by nothing where there is none or it does not read."""
    try:
        stated = read_description(orjson.loads(description or b""))
    except (InvalidInput, ValueError):
        return set()
    return {*_listed_by(stated), *_reader_names(stated)}


def _by_cid(asked: Select[Any], after: Cid | None, limit: int) -> Select[Any]:
    bounded = asked if after is None else asked.where(document_bytes.c.cid > after.encode())
    return bounded.order_by(document_bytes.c.cid).limit(limit)


def _listed_by(description: Description) -> list[bytes]:
    """By what a statement is listed in `document_about`."""
    return [*(_subject(uri) for uri in description.about), _bytes(description.digest)]


def _subject(uri: str) -> bytes:
    return name_digest("about", uri)


def _bytes(digest: bytes) -> bytes:
    """What a person holds, by its SHA-256."""
    return name_digest("digest", digest.hex())


def _reader_names(description: Description) -> list[str]:
    secret = description.confidential
    return [] if secret is None else sorted({str(reader.name) for reader in secret.readers if reader.name is not None})


def _first(found: tuple[StoredDocument, ...]) -> StoredDocument | None:
    return found[0] if found else None
