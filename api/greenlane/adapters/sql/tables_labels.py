"""Tables of the register of labels and of conversion factors; see `tables` for the rules of the layout."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text, UniqueConstraint

from greenlane.adapters.sql.tables import Moment, metadata

APPEND_ONLY_LABELS = ("conversion_factor", "label_version")
"""Tables whose rows no statement may change or remove."""

label_version = Table(
    "label_version",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("center", Integer, ForeignKey("center.number"), nullable=False),
    Column("member", Text),
    Column("recorded_at", Moment, nullable=False),
    Column("label", LargeBinary, nullable=False),
)
"""Every version of every label; `label` is its JSON in RFC 8785 bytes. An id is 1 to 31 ASCII characters."""

conversion_factor = Table(
    "conversion_factor",
    metadata,
    Column("center", Integer, ForeignKey("center.number"), primary_key=True, autoincrement=False),
    Column("member", Text, primary_key=True),
    Column("facility_digest", LargeBinary, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("key_digest", LargeBinary, nullable=False),
    Column("number", Integer, nullable=False),
    Column("cid", LargeBinary, nullable=False),
    Column("leaf_index", BigInteger, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("factor", LargeBinary, nullable=False),
    UniqueConstraint("key_digest", "center", "member", "number"),
)
"""Every declared conversion factor; `factor` is its JSON in RFC 8785 bytes. `facility_digest` and `key_digest` are of the
facility, and of what makes declarations versions of one factor, as `names.name_digest` makes them."""
