"""Tables of green assets: what the chain shows of them, which is read anew at any time, and members' acts on their way to it.

What the chain shows may be of any center and comes in any order, so nothing here refers to another row.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from greenlane.adapters.sql.tables import Day, Moment, Unsigned, Words, metadata

QUANTITY_BYTES = 16
"""Of one quantity, uint128 in the contracts."""
TOTAL_BYTES = 32
"""Of a class's sums, uint256 in the contracts."""
# Spelled out and not bound, as `tables.WANTED` is.
WAITING = text("state = 'kept'")
"""Of `act`: nobody decided it yet."""
OF_A_LINE = text("purchase_id IS NOT NULL")
"""Of `act`: it belongs to a purchase line."""

act = Table(
    "act",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("center", Integer, ForeignKey("center.number"), nullable=False),
    Column("member", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("account", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("not_after", Unsigned(8), nullable=False),
    Column("call", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("subject", Text, nullable=False),
    Column("purchase_id", Text),
    Column("line_number", Integer),
    Column("asked", LargeBinary, nullable=False),
    Column("keeping", LargeBinary),
    Column("state", Text, nullable=False),
    Column("kept_at", Moment, nullable=False),
    Column("brought_at", Moment),
    Column("decided_at", Moment),
    Column("refusal", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("remedy", Words, nullable=False),
    Index("ix_act_waiting", "center", "number", sqlite_where=WAITING, postgresql_where=WAITING),
    Index("ix_act_line", "purchase_id", "line_number", "number", sqlite_where=OF_A_LINE, postgresql_where=OF_A_LINE),
    Index(None, "center", "member", "number"),
)
"""`number` counts acts in the order in which they were kept: one that needs what another does comes after it, whatever a clock
says. `asked` and `keeping` are JSON; `keeping` is NULL where nothing is kept beside the request. The salt makes an act one of its
kind and is no secret: it goes to the chain."""

followed = Table(
    "assets_followed",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
)
"""One row: how far the chain was followed."""

asset_class = Table(
    "asset_class",
    metadata,
    Column("id", Text, primary_key=True),
    Column("attribute", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("decimals", Integer, nullable=False),
    Column("custody_model", Integer, nullable=False),
    Column("is_tradable", Boolean, nullable=False),
    Column("claim_days", BigInteger, nullable=False),
    Column("name", Words, nullable=False),
    Column("issued", Unsigned(TOTAL_BYTES), nullable=False),
    Column("escrowed", Unsigned(TOTAL_BYTES), nullable=False),
    Column("retired", Unsigned(TOTAL_BYTES), nullable=False),
    Column("cancelled", Unsigned(TOTAL_BYTES), nullable=False),
)

issuance = Table(
    "issuance",
    metadata,
    Column("token", LargeBinary, primary_key=True),
    Column("class_id", Text, nullable=False),
    Column("evidenced", Unsigned(QUANTITY_BYTES), nullable=False),
    Column("issued", Unsigned(QUANTITY_BYTES), nullable=False),
    Column("escrowed", Unsigned(QUANTITY_BYTES), nullable=False),
    Column("retired", Unsigned(QUANTITY_BYTES), nullable=False),
    Column("cancelled", Unsigned(QUANTITY_BYTES), nullable=False),
    Column("lot", LargeBinary, nullable=False),
    Column("vintage_from", Day, nullable=False),
    Column("vintage_to", Day, nullable=False),
    Column("custody_model", Integer, nullable=False),
    Column("revoked", Words),
    Index(None, "class_id", "token"),
)

holding = Table(
    "holding",
    metadata,
    Column("account", LargeBinary, primary_key=True),
    Column("token", LargeBinary, primary_key=True),
    Column("tradable", Unsigned(TOTAL_BYTES), nullable=False),
    Column("escrowed", Unsigned(QUANTITY_BYTES), nullable=False),
    Column("retired", Unsigned(QUANTITY_BYTES), nullable=False),
    Column("cancelled", Unsigned(QUANTITY_BYTES), nullable=False),
    Index(None, "token", "account"),
    sqlite_with_rowid=False,
)

escrow = Table(
    "escrow",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("seller", LargeBinary, nullable=False),
    Column("buyer", LargeBinary, nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("quantity", Unsigned(QUANTITY_BYTES), nullable=False),
    Column("deadline", Moment, nullable=False),
    Column("state", Integer, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("line_digest", LargeBinary, nullable=False),
    Index(None, "line_digest", "id"),
    Index(None, "seller", "is_open", "deadline", "id"),
    Index(None, "buyer", "is_open", "deadline", "id"),
)
"""`is_open` follows from `state`, so that those that are over are found from an index too."""

retirement = Table(
    "retirement",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("holder", LargeBinary, nullable=False),
    Column("claimant", LargeBinary, nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("quantity", Unsigned(QUANTITY_BYTES), nullable=False),
    Column("beneficiary", LargeBinary, nullable=False),
    Column("claim_from", Day, nullable=False),
    Column("claim_to", Day, nullable=False),
    Column("lot", LargeBinary, nullable=False),
    Column("line_digest", LargeBinary, nullable=False),
    Column("ref", LargeBinary, nullable=False),
    Column("retired_at", Moment, nullable=False),
    Index(None, "line_digest", "id"),
    Index(None, "holder", "id"),
    Index(None, "token", "id"),
)
"""As the chain keeps it; `tables_purchases.certified_retirement` is what a center says of it."""
