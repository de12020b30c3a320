"""Accepted events in the database, and the names by which they are found again.

Rows of `event`, `named` and `salt` go in by the thousand, so they pass by SQLAlchemy straight to the driver: COPY in PostgreSQL,
executemany in SQLite, inside the same transaction.

Names are kept as `names` tells. Pages run by event time, then by center in the order in which the centers first wrote here,
then by leaf index.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from struct import Struct
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Row,
    Select,
    and_,
    false,
    literal,
    or_,
    select,
    tuple_,
)

from greenlane.adapters.sql.names import NAME_DIGEST_BYTES, name_digest
from greenlane.adapters.sql.page_tokens import read_token, read_token_moment, write_token
from greenlane.adapters.sql.salts import forget_salt
from greenlane.adapters.sql.tables import Moment, event, microseconds, named
from greenlane.adapters.sql.tables import salt as salts
from greenlane.adapters.sql.work import Work
from greenlane.core.balance.materials import facility_of
from greenlane.core.crypto import sha256
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.ports.accounts import Visibility
from greenlane.ports.events import EventFilter, EventIdentity, EventPage, ItemKey, Reader, StoredEvent

# What `name_digest` puts before an item; five of these an event.
_ITEM_NAME = b"item\0"
_HASH_PREFIX = "ni:///sha-256;"
_VERSION_MARK = "?ver="
# Below SQLite's limit of 32,766 parameters.
_IDENTITIES_A_QUERY = 10_000

EVENT_COLUMNS = tuple(column.name for column in event.columns)
NAMED_COLUMNS = tuple(column.name for column in named.columns)
_SALT_COLUMNS = tuple(column.name for column in salts.columns)
_COPY_TYPES = {
    "INTEGER": "int4",
    "BIGINT": "int8",
    "TEXT": "text",
    "BLOB": "bytea",
    "BOOLEAN": "bool",
}

# PostgreSQL's binary COPY: each row is its count of fields, then each field's length and bytes, big end first.
_COPY_NAMES = f"COPY named ({','.join(NAMED_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_COPY_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_NAME_ROW = Struct(">hi16siqiiiq")

# OFFSET 0 keeps the planner from merging the two: before a young table's first ANALYZE it would rather read all of the center.
_KNOWN_IN_POSTGRES = (
    "SELECT e.* FROM unnest(%b) AS wanted (digest) CROSS JOIN LATERAL (SELECT event_digest, variant_digest, leaf_index "
    "FROM event WHERE event_digest = wanted.digest AND center = %s AND member = %s OFFSET 0) AS e"
)
# The plus signs keep SQLite from the index of (center, leaf_index), with which it would read all of the center.
_KNOWN_IN_SQLITE = (
    "SELECT event_digest, variant_digest, leaf_index FROM event WHERE event_digest IN ({}) AND +center = ? AND +member = ?"
)


class SqlEvents:
    """The port's Events; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def known(self, center: CenterId, member: MemberId, identities: Iterable[EventIdentity]) -> dict[EventIdentity, LeafIndex]:
        number = self._work.number(center)
        asked = set(identities)
        if number is None or not asked:
            return {}
        digests = {identity.event_digest for identity in asked}
        found: dict[EventIdentity, LeafIndex] = {}
        for event_digest, variant_digest, leaf_index in self._known(number, member, digests):
            identity = EventIdentity(event_digest=event_digest, variant_digest=variant_digest)
            if identity in asked:
                found[identity] = LeafIndex(leaf_index)
        return found

    def _known(self, number: int, member: MemberId, digests: set[bytes]) -> Iterator[tuple[bytes, bytes, int]]:
        if self._work.is_postgres:
            with self._work.driver().cursor(binary=True) as cursor:
                cursor.execute(_KNOWN_IN_POSTGRES, (list(digests), number, member))
                yield from cursor
            return
        left = iter(digests)
        while some := list(islice(left, _IDENTITIES_A_QUERY)):
            marks = ",".join("?" * len(some))
            yield from self._work.driver().execute(_KNOWN_IN_SQLITE.format(marks), (*some, number, member))

    def add(self, events: Sequence[StoredEvent]) -> None:
        if not events:
            return
        # Asked before the COPY begins: until it ends, the connection takes no other statement.
        numbers = {center: self._work.number_or_new(center) for center in {one.center for one in events}}
        name_rows: list[tuple[Any, ...]] = []
        salt_rows: list[tuple[Any, ...]] = []
        # A generator: PostgreSQL inserts the first rows while the last are still being made.
        self._insert("event", EVENT_COLUMNS, event_rows(events, numbers, name_rows, salt_rows))
        if name_rows and self._work.is_postgres:
            self._copy_names(name_rows)
        elif name_rows:
            self._insert("named", NAMED_COLUMNS, name_rows)
        if salt_rows:
            self._insert("salt", _SALT_COLUMNS, salt_rows)

    def _insert(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
        names = ",".join(columns)
        driver = self._work.driver()
        if not self._work.is_postgres:
            marks = ",".join("?" * len(columns))
            driver.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608 - names of our own tables
            return
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(COPY_TYPES[table])
            for row in rows:
                copy.write_row(row)

    def _copy_names(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """All rows of `named` in one piece: they are of one length, and five times as many as events."""
        packed = b"".join([_NAME_ROW.pack(4, 16, name, 8, at, 4, number, 8, leaf) for name, at, number, leaf in rows])
        with self._work.driver().cursor() as cursor, cursor.copy(_COPY_NAMES) as copy:
            copy.write(_COPY_START + packed + _COPY_END)

    def by_hash(self, event_digest: bytes, *, reader: Reader | None) -> tuple[StoredEvent, ...]:
        wanted = (
            _events()
            .where(event.c.event_digest == event_digest, self._may_read(reader))
            .order_by(event.c.captured_at, event.c.center, event.c.leaf_index)
        )
        return self._stored(wanted)

    def at(self, center: CenterId, leaf_index: LeafIndex) -> StoredEvent | None:
        number = self._work.number(center)
        found = self._stored(_events().where(event.c.center == number, event.c.leaf_index == leaf_index))
        return found[0] if found else None

    def find(self, wanted: EventFilter, *, limit: int, token: str | None = None) -> EventPage:
        statement, key = self._filtered(wanted)
        if token is not None:
            event_time, center, leaf_index = read_token(token, length=3)
            last = tuple_(
                literal(read_token_moment(event_time), Moment), literal(center, BigInteger), literal(leaf_index, BigInteger)
            )
            statement = statement.where(tuple_(*key) > last)
        # One more than asked tells whether there is a next page.
        rows = self._work.connection.execute(statement.order_by(*key).limit(limit + 1)).all()
        page = rows[:limit]
        has_more = len(rows) > limit and bool(page)
        last_key = (microseconds(page[-1].event_time), page[-1].center, page[-1].leaf_index) if has_more else None
        return EventPage(
            events=tuple(self._stored_event(row) for row in page),
            next_token=None if last_key is None else write_token(*last_key),
        )

    def _filtered(self, wanted: EventFilter) -> tuple[Select[Any], tuple[ColumnElement[Any], ...]]:
        """The events that are wanted, and the columns of their order."""
        statement = _events().where(self._may_read(wanted.reader))
        source: FromClause = event
        for kind, names in (("item", wanted.any_epc), ("event_id", wanted.event_ids)):
            if names:
                source = _named(name_digest(kind, name) for name in names)
                here = and_(source.c.center == event.c.center, source.c.leaf_index == event.c.leaf_index)
                statement = statement.join(source, here)
        vocabulary: tuple[tuple[ColumnElement[Any], frozenset[str]], ...] = (
            (event.c.event_type, wanted.event_types),
            (event.c.action, wanted.actions),
            (event.c.biz_step, wanted.biz_steps),
            (event.c.disposition, wanted.dispositions),
            (event.c.read_point, wanted.read_points),
            (event.c.biz_location, wanted.biz_locations),
        )
        for column, values in vocabulary:
            if values:
                statement = statement.where(column.in_(sorted(values)))
        # The index of names carries the same three columns, so it gives the order too, and events are looked up one by one. The
        # bounds are put to it alone: put to `event` as well, they would tempt PostgreSQL to walk through all events of that time.
        order = source.c
        if wanted.ge_event_time is not None:
            statement = statement.where(order.event_time >= wanted.ge_event_time)
        if wanted.lt_event_time is not None:
            statement = statement.where(order.event_time < wanted.lt_event_time)
        if wanted.ge_record_time is not None:
            statement = statement.where(event.c.captured_at >= wanted.ge_record_time)
        if wanted.lt_record_time is not None:
            statement = statement.where(event.c.captured_at < wanted.lt_record_time)
        return statement, (order.event_time, order.center, order.leaf_index)

    def walk(self, center: CenterId, *, start: LeafIndex, limit: int) -> tuple[StoredEvent, ...]:
        number = self._work.number(center)
        wanted = _events().where(event.c.center == number, event.c.leaf_index >= start)
        return self._stored(wanted.order_by(event.c.leaf_index).limit(limit))

    def at_facility(
        self,
        center: CenterId,
        member: MemberId,
        facility: str,
        *,
        after: StoredEvent | None,
        limit: int,
        start: LeafIndex = LeafIndex(0),  # noqa: B008 - a number
    ) -> tuple[StoredEvent, ...]:
        number = self._work.number(center)
        same = and_(named.c.center == event.c.center, named.c.leaf_index == event.c.leaf_index)
        # The member stands in the name too, so that no other's events are walked through.
        wanted = (
            _events()
            .join(named, same)
            .where(named.c.name_digest == _place_name(member, facility), named.c.center == number, event.c.member == member)
            # Not the bare column: SQLite would rather walk through all of the center from there on.
            .where(named.c.leaf_index + 0 >= start)
        )
        if after is not None:
            last = tuple_(literal(after.event_time, Moment), literal(after.leaf_index, BigInteger))
            wanted = wanted.where(tuple_(named.c.event_time, named.c.leaf_index) > last)
        return self._stored(wanted.order_by(named.c.event_time, named.c.center, named.c.leaf_index).limit(limit))

    def forget_salt(self, center: CenterId, leaf_index: LeafIndex, at: datetime) -> bool:
        return forget_salt(self._work, center, leaf_index, at)

    def _may_read(self, reader: Reader | None) -> ColumnElement[bool]:
        is_public = event.c.is_private == false()
        number = None if reader is None else self._work.number(reader.center)
        if reader is None or number is None:
            return is_public
        is_own = event.c.center == number
        if reader.member is not None:
            is_own = and_(is_own, event.c.member == reader.member)
        return or_(is_public, is_own)

    def _stored(self, wanted: Select[Any]) -> tuple[StoredEvent, ...]:
        return tuple(self._stored_event(row) for row in self._work.connection.execute(wanted).all())

    def _stored_event(self, row: Row[Any]) -> StoredEvent:
        return StoredEvent(
            center=self._work.slug(row.center),
            member=MemberId(row.member),
            event_hash=f"{_HASH_PREFIX}{row.event_digest.hex()}{_VERSION_MARK}{row.cbv_version}",
            identity=EventIdentity(event_digest=row.event_digest, variant_digest=row.variant_digest),
            content_digest=row.content_digest,
            document=row.document,
            event_type=row.event_type,
            event_time=row.event_time,
            action=row.action,
            biz_step=row.biz_step,
            disposition=row.disposition,
            read_point=row.read_point,
            biz_location=row.biz_location,
            event_id=row.event_id,
            is_error_declaration=row.is_error_declaration,
            visibility=Visibility.PRIVATE if row.is_private else Visibility.PUBLIC,
            captured_at=row.captured_at,
            leaf_index=LeafIndex(row.leaf_index),
            is_blinded=row.is_blinded,
            salt=None if row.salt is None else Salt(row.salt),
            job_id=row.job_id,
            items=tuple(ItemKey(role=role, identifier=identifier) for role, identifier in orjson.loads(row.items)),
        )


def _copy_types(table: str) -> list[str]:
    return [_COPY_TYPES[str(column.type.compile())] for column in event.metadata.tables[table].columns]


COPY_TYPES = {table: _copy_types(table) for table in ("event", "named", "salt")}


def _events() -> Select[Any]:
    same = and_(salts.c.center == event.c.center, salts.c.leaf_index == event.c.leaf_index)
    return select(event, salts.c.salt).join(salts, same, isouter=True)


def _place_name(member: MemberId, facility: str) -> bytes:
    """By which name a member's events at a facility are found."""
    return name_digest("place", f"{member}\0{facility}")


def _named(digests: Iterable[bytes]) -> FromClause:
    """Where the events of some names stand, each once."""
    wanted = sorted(set(digests))
    places = select(named.c.event_time, named.c.center, named.c.leaf_index).where(named.c.name_digest.in_(wanted))
    # An event may have several of the names, but each only once.
    return (places.distinct() if len(wanted) > 1 else places).subquery()


def event_rows(
    events: Sequence[StoredEvent],
    numbers: dict[CenterId, int],
    name_rows: list[tuple[Any, ...]],
    salt_rows: list[tuple[Any, ...]],
) -> Iterator[tuple[Any, ...]]:
    """Rows of `event` in the order of EVENT_COLUMNS; each event's rows of `named` and `salt` are added to the lists meanwhile.

    Args:
        events: with their places in the log.
        numbers: of every center among the events.

    Raises:
        InvalidInput: an event hash does not hold the event digest beside it.
    """
    for one in events:
        number = numbers[one.center]
        event_time = microseconds(one.event_time)
        names = {sha256(_ITEM_NAME + item.identifier.encode())[:NAME_DIGEST_BYTES] for item in one.items}
        if one.event_id is not None:
            names.add(name_digest("event_id", one.event_id))
        place = one.read_point if one.biz_location is None else one.biz_location
        if place is not None:
            names.add(_place_name(one.member, facility_of(place)))
        name_rows += [(name, event_time, number, one.leaf_index) for name in names]
        if one.salt is not None:
            salt_rows.append((number, one.leaf_index, one.salt))
        yield _event_row(number, event_time, one)


def _event_row(number: int, event_time: int, one: StoredEvent) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    head, mark, version = one.event_hash.rpartition(_VERSION_MARK)
    if not mark or head != _HASH_PREFIX + one.identity.event_digest.hex():
        raise InvalidInput(f"{one.event_hash[:120]!r} is not the event hash of the event digest beside it.")
    return (
        number,
        one.leaf_index,
        one.member,
        one.identity.event_digest,
        one.identity.variant_digest,
        version,
        one.content_digest,
        one.document,
        one.event_type,
        event_time,
        one.action,
        one.biz_step,
        one.disposition,
        one.read_point,
        one.biz_location,
        one.event_id,
        one.is_error_declaration,
        one.visibility is Visibility.PRIVATE,
        microseconds(one.captured_at),
        one.is_blinded,
        one.job_id,
        orjson.dumps([(item.role, item.identifier) for item in one.items]),
    )
