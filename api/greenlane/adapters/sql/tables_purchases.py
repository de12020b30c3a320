"""Tables of what green assets stand on and are bought for: evidence, purchases with their secrets, certified retirements.

Members of other centers stand by their centers' short names, as `tables` says.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from greenlane.adapters.sql.tables import Day, Moment, Words, metadata

_UNSEALED = text("state IS NULL")

evidence = Table(
    "evidence",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("statement_id", Text, nullable=False, unique=True),
    Column("center", Integer, ForeignKey("center.number"), nullable=False),
    Column("holder_center", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("certifier_center", Text, nullable=False),
    Column("certifier", Text, nullable=False),
    Column("facility", Text, nullable=False),
    Column("attribute", Text, nullable=False),
    Column("vintage_from", Day, nullable=False),
    Column("vintage_to", Day, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("signature", LargeBinary),
    Column("leaf_index", BigInteger),
    Column("drafted_at", Moment, nullable=False),
    Column("decided_at", Moment),
    Column("refused_because", Words),
    CheckConstraint(
        "(state = 'logged') = (leaf_index IS NOT NULL) AND (state = 'logged') = (signature IS NOT NULL)",
        name="signed_exactly_when_logged",
    ),
    # Also the order of `walk`; drafts have no leaf.
    UniqueConstraint("center", "leaf_index"),
    Index(None, "facility", "attribute", "vintage_to"),
    Index(None, "holder_center", "holder", "drafted_at", "digest"),
    Index(None, "certifier_center", "certifier", "drafted_at", "digest"),
)
"""`statement` is its RFC 8785 bytes; what of it stands in columns beside is what it is found by."""

evidence_elsewhere = Table(
    "evidence_elsewhere",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("center", Text, nullable=False),
    Column("holder_center", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("certifier_center", Text, nullable=False),
    Column("certifier", Text, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("known_at", Moment, nullable=False),
)
"""Statements in the logs of other deployments' centers, which write nothing here: no leaf, no number of a center."""

purchase = Table(
    "purchase",
    metadata,
    Column("id", Text, primary_key=True),
    Column("center", Integer, ForeignKey("center.number"), nullable=False),
    Column("buyer", Text, nullable=False),
    Column("reference", Words, nullable=False),
    Column("ordered_on", Day, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("cancelled_at", Moment),
    Index(None, "center", "ordered_on", "id"),
    Index(None, "center", "buyer", "ordered_on", "id"),
)

purchase_line = Table(
    "purchase_line",
    metadata,
    Column("purchase_id", Text, ForeignKey("purchase.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("line", LargeBinary, nullable=False),
    Column("fixed_at", Moment),
)
"""`line` is its RFC 8785 bytes, in which neither a price nor a salt stands."""

purchase_secret = Table(
    "purchase_secret",
    metadata,
    Column("purchase_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("price", LargeBinary),
    Column("price_salt", LargeBinary),
)
"""What blinds a line, and its price (JSON): what never leaves the center unasked stands apart from what is read for lists."""

purchase_line_former = Table(
    "purchase_line_former",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("purchase_id", Text, ForeignKey("purchase.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("price", LargeBinary),
    Column("price_salt", LargeBinary),
    Index(None, "purchase_id", "number"),
)
"""What a line said before it was written anew, with what blinds it: units may come for such a digest late."""

certified_retirement = Table(
    "certified_retirement",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("center", Integer, ForeignKey("center.number"), nullable=False),
    Column("member", Text, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("leaf_index", BigInteger, nullable=False),
    Column("purchase_id", Text),
    Column("line_number", Integer),
    Column("stated_at", Moment, nullable=False),
    UniqueConstraint("center", "leaf_index"),
)
"""`statement` is its RFC 8785 bytes, whose SHA-256 is the content of its entry."""

recertified_retirement = Table(
    "recertified_retirement",
    metadata,
    Column("center", Integer, ForeignKey("center.number"), primary_key=True, autoincrement=False),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("id", LargeBinary, nullable=False),
    Column("member", Text, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("purchase_id", Text),
    Column("line_number", Integer),
    Column("stated_at", Moment, nullable=False),
    Index(None, "id", "leaf_index"),
)
"""As `certified_retirement`, for one that the chain lost and did again: the last one counts, and the entries before it stay."""

uncertified_retirement = Table(
    "uncertified_retirement",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("center", Integer, ForeignKey("center.number"), nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("act", LargeBinary, nullable=False),
    Index(None, "center", "id"),
)
"""Retirements that wait for the statement behind their token to be known here; gone once they are certified."""

retirement_seal = Table(
    "retirement_seal",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("center", Integer, ForeignKey("center.number"), nullable=False),
    Column("leaf_index", BigInteger, nullable=False),
    Column("state", LargeBinary),
    Index("ix_retirement_seal_unsealed", "center", "leaf_index", sqlite_where=_UNSEALED, postgresql_where=_UNSEALED),
)
"""The sealed block that proves a retirement, as `seals` writes one; it comes later than the words, which never change."""
