"""The store's tables, as SQLAlchemy Core knows them; `migrations` creates them and a test compares the two.

Those of green assets stand in `tables_assets` (what the chain shows, and acts on their way to it), in `tables_purchases`
(evidence, purchases, certified retirements) and in `tables_labels` (labels, conversion factors), over the same metadata.

Rules of the layout:
- A center is a small number here (`center.number`), because it leads most keys.
- A moment is a count of microseconds since 1970-01-01 UTC in 64 bits: exact, and the same in both databases.
- A day is a count of days since 1970-01-01. A number that may not fit 64 bits is a blob of fixed width, big end first, so that
  the order of the bytes is the order of the numbers.
- What stands in `APPEND_ONLY` is guarded: triggers refuse UPDATE and DELETE. A salt stands in a table of its own, since it is the
  one thing of an event or a document that may be destroyed; so do the salts and prices of purchase lines.
- Centers that only ask, hold or read elsewhere have no number: they write nothing here, and stand by their short names.
- The tables that take thousands of rows a second (`event`, `named`, `entry_run`, `salt`) have no foreign keys: PostgreSQL checks
  those row by row, which costs more than the insert itself. Whoever writes them holds the center's log, whose row exists.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

_UNSEALED = text("sealed_state IS NULL")
_SEALED = text("sealed_state IS NOT NULL")
_OPEN = text("stored_at IS NULL")
_REPLACING = text("replaces IS NOT NULL")
# Spelled out and not bound: SQLite uses a partial index only where it reads the same words in the query.
WANTED = text("statements > 0")
"""Of `document_bytes`: a statement here keeps them."""
UNWANTED = text("statements = 0 AND asks = 0 AND uploads = 0")
"""Of `document_bytes`: they were wanted once, and nobody wants them any more."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """An aware moment as microseconds since 1970-01-01 UTC; may be negative."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """The aware UTC moment of a count of microseconds."""
    return _EPOCH + timedelta(microseconds=count)


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept as microseconds since 1970-01-01 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else moment(value)


class Day(TypeDecorator[date]):
    """A day, kept as a count of days since 1970-01-01."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _FIRST_DAY).days

    def process_result_value(self, value: Any | None, dialect: Dialect) -> date | None:
        return None if value is None else _FIRST_DAY + timedelta(days=value)


class Unsigned(TypeDecorator[int]):
    """A whole number from 0 to 2^(8 * width) - 1, kept as so many bytes, big end first."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def process_bind_param(self, value: int | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.to_bytes(self.width, "big")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        return None if value is None else int.from_bytes(value, "big")


class Words(TypeDecorator[str]):
    """A text that somebody elsewhere wrote, kept as its UTF-8.

    Whatever it holds, NUL and lone surrogates too, both databases take it and give it back: nobody's words on the chain keep
    anybody from following it.
    """

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.encode("utf-8", "surrogatepass")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        return None if value is None else bytes(value).decode("utf-8", "surrogatepass")


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

APPEND_ONLY = (
    "audit_line",
    "certified_retirement",
    "checkpoint",
    "conversion_factor",
    "document",
    "document_about",
    "document_reader",
    "entry_run",
    "event",
    "forgotten_salt",
    "label_version",
    "recertified_retirement",
    "set_change",
    "withdrawal",
)
"""Tables whose rows no statement may change or remove."""


def _center() -> Column[int]:
    return Column("center", Integer, ForeignKey("center.number"), primary_key=True, autoincrement=False)


def _hot_center() -> Column[int]:
    return Column("center", Integer, primary_key=True, autoincrement=False)


center = Table("center", metadata, Column("number", Integer, primary_key=True), Column("slug", Text, nullable=False, unique=True))

member = Table(
    "member",
    metadata,
    _center(),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_digest", LargeBinary, nullable=False),
    Column("role", Text, nullable=False),
    Column("center", Integer, ForeignKey("center.number"), nullable=False, index=True),
    Column("member", Text),
    Column("label", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    CheckConstraint("(role = 'member') = (member IS NOT NULL)", name="member_exactly_for_member_role"),
)

session = Table(
    "session",
    metadata,
    Column("token_digest", LargeBinary, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("form_digest", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

answer = Table(
    "answer",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False, index=True),
)

audit_head = Table("audit_head", metadata, _center(), Column("lines", BigInteger, nullable=False))
"""How many audit lines a center has. Numbers are counted here, not by a sequence: they have no gaps, and their order is the order
of commits, so that a reader who pages by number misses none."""

audit_line = Table(
    "audit_line",
    metadata,
    _center(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("member", Text),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
)

capture_job = Table(
    "capture_job",
    metadata,
    Column("id", Text, primary_key=True),
    Column("center", Integer, ForeignKey("center.number"), nullable=False),
    Column("member", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("events", LargeBinary, nullable=False),
)

event = Table(
    "event",
    metadata,
    _hot_center(),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("member", Text, nullable=False),
    Column("event_digest", LargeBinary, nullable=False),
    Column("variant_digest", LargeBinary, nullable=False),
    Column("cbv_version", Text, nullable=False),
    Column("content_digest", LargeBinary, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("event_time", Moment, nullable=False),
    Column("action", Text),
    Column("biz_step", Text),
    Column("disposition", Text),
    Column("read_point", Text),
    Column("biz_location", Text),
    Column("event_id", Text),
    Column("is_error_declaration", Boolean, nullable=False),
    Column("is_private", Boolean, nullable=False),
    Column("captured_at", Moment, nullable=False),
    Column("is_blinded", Boolean, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("items", LargeBinary, nullable=False),
    # Also the index of `by_hash`, since the digest leads.
    UniqueConstraint("event_digest", "variant_digest", "center", "member"),
    Index(None, "event_time", "center", "leaf_index"),
)

named = Table(
    "named",
    metadata,
    Column("name_digest", LargeBinary, primary_key=True),
    Column("event_time", Moment, primary_key=True, autoincrement=False),
    _hot_center(),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""By which names an event is found: each identifier it names, and its own eventID. `name_digest` is 16 bytes (see `events`); the
event's time stands in the key so that the pages of one identifier come in order from the index alone."""

salt = Table(
    "salt",
    metadata,
    _hot_center(),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
)

forgotten_salt = Table(
    "forgotten_salt",
    metadata,
    _hot_center(),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
)

log_head = Table("log_head", metadata, _center(), Column("captured", BigInteger, nullable=False))
log_published = Table("log_published", metadata, _center(), Column("published", BigInteger, nullable=False))
"""A row of its own, so that publishers can be held off without holding appenders."""

entry_run = Table(
    "entry_run",
    metadata,
    _hot_center(),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("entries", LargeBinary, nullable=False),
)
"""Entries that were appended together, end to end, 65 bytes each, at most 256 a row: a batch of a thousand costs four rows."""

tile = Table(
    "tile",
    metadata,
    _center(),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    _center(),
    Column("tree_size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

anchor = Table(
    "anchor",
    metadata,
    _center(),
    Column("tree_size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("anchored_at", Moment, nullable=False),
    Column("block_number", BigInteger),
    Column("tx_hash", LargeBinary),
    Column("sealed_state", LargeBinary),
    Index("ix_anchor_unsealed", "center", "tree_size", sqlite_where=_UNSEALED, postgresql_where=_UNSEALED),
    Index("ix_anchor_sealed", "center", "tree_size", sqlite_where=_SEALED, postgresql_where=_SEALED),
)
"""`sealed_state` is the sealed block that proves it (see `seals`), null until there is one; it goes with the anchor's record. The
two indexes find what is to be sealed, and the largest tree that is, without walking through years of anchors."""

set_change = Table(
    "set_change",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("seals_from", BigInteger, primary_key=True, autoincrement=False),
    Column("validators", LargeBinary, nullable=False),
    Column("state", LargeBinary, nullable=False),
)
"""Verified changes of a chain's validator set. `validators` are their addresses, end to end, 20 bytes each."""

set_follow = Table(
    "set_follow",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("followed_to", BigInteger, nullable=False),
)
"""Up to which block no change of a chain's validator set is missing."""

signer = Table(
    "signer",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("signer", LargeBinary, primary_key=True),
    Column("next_nonce", BigInteger, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("signer", LargeBinary, primary_key=True),
    Column("nonce", BigInteger, primary_key=True, autoincrement=False),
    Column("purpose", Text, nullable=False),
    Column("tx_hash", LargeBinary, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("note", Text, nullable=False),
    Index(
        "uq_outbox_pending_purpose",
        "chain_id",
        "purpose",
        unique=True,
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
)

document = Table(
    "document",
    metadata,
    _center(),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("member", Text, nullable=False),
    Column("cid", LargeBinary, nullable=False),
    Column("content_digest", LargeBinary, nullable=False),
    Column("description", LargeBinary, nullable=False),
    Column("is_confidential", Boolean, nullable=False),
    Column("is_blinded", Boolean, nullable=False),
    Column("replaces", LargeBinary),
    Column("stored_at", Moment, nullable=False),
    # Also the index of `known`.
    UniqueConstraint("content_digest", "center", "member"),
    # The first statement about some bytes.
    Index(None, "cid", "stored_at", "center", "leaf_index"),
    # A center's public documents, and a member's confidential ones, each in log order.
    Index(None, "center", "is_confidential", "leaf_index"),
    Index(None, "center", "member", "is_confidential", "leaf_index"),
    Index(
        "ix_document_replacing",
        "replaces",
        "center",
        "member",
        "leaf_index",
        sqlite_where=_REPLACING,
        postgresql_where=_REPLACING,
    ),
)
"""Statements about documents; `description` is their RFC 8785 bytes."""

document_about = Table(
    "document_about",
    metadata,
    Column("name_digest", LargeBinary, primary_key=True),
    Column("stored_at", Moment, primary_key=True, autoincrement=False),
    _center(),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""What documents are about, and the SHA-256 of what a person holds of them. `name_digest` as in `named`; the time stands in the
key so that pages come in order from it alone."""

document_reader = Table(
    "document_reader",
    metadata,
    Column("name", Text, primary_key=True),
    _center(),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Which members ("center/member", of any center) a confidential document names as its readers."""

withdrawal = Table(
    "withdrawal",
    metadata,
    _center(),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
)
"""Since when a statement about a document no longer keeps its bytes."""

document_bytes = Table(
    "document_bytes",
    metadata,
    Column("cid", LargeBinary, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("statements", BigInteger, nullable=False),
    Column("asks", BigInteger, nullable=False),
    Column("uploads", BigInteger, nullable=False),
    Column("was_pinned", Boolean),
    Column("is_brought", Boolean, nullable=False),
    CheckConstraint("statements >= 0 AND asks >= 0 AND uploads >= 0", name="wanted_by_none_or_more"),
    Index("ix_document_bytes_wanted", "cid", sqlite_where=WANTED, postgresql_where=WANTED),
    Index("ix_document_bytes_unwanted", "cid", sqlite_where=UNWANTED, postgresql_where=UNWANTED),
    sqlite_with_rowid=False,
)
"""Bytes that somebody here wanted, until they are let go, and how many want them: statements that stand, centers that asked to
hold them, and uploads whose bytes they are and which are neither stored nor dropped. So a million documents are compared with
the pins by walking one index, and bytes are never let go under the hands of whoever stores them. `size` is what statements and
uploads say, where there are any; `was_pinned`, whether others had pinned them in the same store before us, is NULL until somebody
here is about to pin them; `is_brought`, whether they were brought or seen to be here for one who asked to hold them."""

upload = Table(
    "upload",
    metadata,
    Column("id", Text, primary_key=True),
    Column("center", Integer, ForeignKey("center.number"), nullable=False),
    Column("member", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("found_cid", LargeBinary),
    Column("found_digest", LargeBinary),
    Column("meant", LargeBinary),
    Column("stored_at", BigInteger),
    Index("ix_upload_open", "center", "created_at", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
)

hold = Table(
    "hold",
    metadata,
    Column("asked_by", Text, primary_key=True),
    Column("cid", LargeBinary, primary_key=True),
    Column("center", Integer, ForeignKey("center.number"), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Index(None, "cid", "asked_by"),
    sqlite_with_rowid=False,
)
"""Documents that other centers asked ours to hold."""

hold_total = Table(
    "hold_total",
    metadata,
    Column("asked_by", Text, primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("documents", BigInteger, nullable=False),
)
"""How many rows of `hold` each has, and the sum of their sizes, which are asked for with each hold."""

replica = Table(
    "replica",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("cid", LargeBinary, primary_key=True),
    Column("confirmed_at", Moment, nullable=False),
    Index(None, "cid", "partner"),
    sqlite_with_rowid=False,
)
"""Which partner said when that it holds a document."""

documents_comparison = Table(
    "documents_comparison",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("found", LargeBinary, nullable=False),
)
"""One row: what the last comparison of documents with their pins came to, as `adapters.sql.holds` writes it."""

reader_key = Table(
    "reader_key",
    metadata,
    _center(),
    Column("member", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("added_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)
