"""Green assets: acts, what the chain shows, evidence, purchases, certified retirements, labels, factors, and sign-ins at pages.

Documents are found by the digest of what a person holds from here on, so each statement that there is gets listed by its own.
"""

import json

import sqlalchemy as sa
from alembic import op

from greenlane.core.crypto import sha256

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("certified_retirement", "conversion_factor", "label_version")
_PAGE = 1_000


def upgrade() -> None:
    op.create_table(
        "asset_class",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("decimals", sa.Integer(), nullable=False),
        sa.Column("custody_model", sa.Integer(), nullable=False),
        sa.Column("is_tradable", sa.Boolean(), nullable=False),
        sa.Column("claim_days", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("issued", sa.LargeBinary(), nullable=False),
        sa.Column("escrowed", sa.LargeBinary(), nullable=False),
        sa.Column("retired", sa.LargeBinary(), nullable=False),
        sa.Column("cancelled", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_class")),
    )
    op.create_table(
        "assets_followed",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_assets_followed")),
    )
    op.create_table(
        "escrow",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("seller", sa.LargeBinary(), nullable=False),
        sa.Column("buyer", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("quantity", sa.LargeBinary(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("line_digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escrow")),
    )
    op.create_index(op.f("ix_escrow_buyer_is_open_deadline_id"), "escrow", ["buyer", "is_open", "deadline", "id"], unique=False)
    op.create_index(op.f("ix_escrow_line_digest_id"), "escrow", ["line_digest", "id"], unique=False)
    op.create_index(op.f("ix_escrow_seller_is_open_deadline_id"), "escrow", ["seller", "is_open", "deadline", "id"], unique=False)
    op.create_table(
        "holding",
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("tradable", sa.LargeBinary(), nullable=False),
        sa.Column("escrowed", sa.LargeBinary(), nullable=False),
        sa.Column("retired", sa.LargeBinary(), nullable=False),
        sa.Column("cancelled", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account", "token", name=op.f("pk_holding")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_holding_token_account"), "holding", ["token", "account"], unique=False)
    op.create_table(
        "issuance",
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("evidenced", sa.LargeBinary(), nullable=False),
        sa.Column("issued", sa.LargeBinary(), nullable=False),
        sa.Column("escrowed", sa.LargeBinary(), nullable=False),
        sa.Column("retired", sa.LargeBinary(), nullable=False),
        sa.Column("cancelled", sa.LargeBinary(), nullable=False),
        sa.Column("lot", sa.LargeBinary(), nullable=False),
        sa.Column("vintage_from", sa.Integer(), nullable=False),
        sa.Column("vintage_to", sa.Integer(), nullable=False),
        sa.Column("custody_model", sa.Integer(), nullable=False),
        sa.Column("revoked", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_issuance")),
    )
    op.create_index(op.f("ix_issuance_class_id_token"), "issuance", ["class_id", "token"], unique=False)
    op.create_table(
        "purchase_secret",
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("price", sa.LargeBinary(), nullable=True),
        sa.Column("price_salt", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("purchase_id", "number", name=op.f("pk_purchase_secret")),
    )
    op.create_table(
        "retirement",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.LargeBinary(), nullable=False),
        sa.Column("claimant", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("quantity", sa.LargeBinary(), nullable=False),
        sa.Column("beneficiary", sa.LargeBinary(), nullable=False),
        sa.Column("claim_from", sa.Integer(), nullable=False),
        sa.Column("claim_to", sa.Integer(), nullable=False),
        sa.Column("lot", sa.LargeBinary(), nullable=False),
        sa.Column("line_digest", sa.LargeBinary(), nullable=False),
        sa.Column("ref", sa.LargeBinary(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retirement")),
    )
    op.create_index(op.f("ix_retirement_holder_id"), "retirement", ["holder", "id"], unique=False)
    op.create_index(op.f("ix_retirement_line_digest_id"), "retirement", ["line_digest", "id"], unique=False)
    op.create_index(op.f("ix_retirement_token_id"), "retirement", ["token", "id"], unique=False)
    op.create_table(
        "session",
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("form_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_expires_at"), "session", ["expires_at"], unique=False)
    op.create_table(
        "act",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("not_after", sa.LargeBinary(), nullable=False),
        sa.Column("call", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("purchase_id", sa.Text(), nullable=True),
        sa.Column("line_number", sa.Integer(), nullable=True),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.Column("brought_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("refusal", sa.LargeBinary(), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.Column("remedy", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_act_center")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_act")),
        sa.UniqueConstraint("digest", name=op.f("uq_act_digest")),
    )
    op.create_index(op.f("ix_act_center_member_number"), "act", ["center", "member", "number"], unique=False)
    _partial_index("ix_act_line", "act", ["purchase_id", "line_number", "number"], "purchase_id IS NOT NULL")
    _partial_index("ix_act_waiting", "act", ["center", "number"], "state = 'kept'")
    op.create_table(
        "certified_retirement",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), nullable=False),
        sa.Column("purchase_id", sa.Text(), nullable=True),
        sa.Column("line_number", sa.Integer(), nullable=True),
        sa.Column("stated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_certified_retirement_center")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certified_retirement")),
        sa.UniqueConstraint("center", "leaf_index", name=op.f("uq_certified_retirement_center_leaf_index")),
    )
    op.create_table(
        "conversion_factor",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("facility_digest", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("cid", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("factor", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_conversion_factor_center")),
        sa.PrimaryKeyConstraint("center", "member", "facility_digest", "digest", name=op.f("pk_conversion_factor")),
        sa.UniqueConstraint(
            "key_digest", "center", "member", "number", name=op.f("uq_conversion_factor_key_digest_center_member_number")
        ),
    )
    op.create_table(
        "evidence",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("statement_id", sa.Text(), nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("holder_center", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("certifier_center", sa.Text(), nullable=False),
        sa.Column("certifier", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("vintage_from", sa.Integer(), nullable=False),
        sa.Column("vintage_to", sa.Integer(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.Column("leaf_index", sa.BigInteger(), nullable=True),
        sa.Column("drafted_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("refused_because", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(state = 'logged') = (leaf_index IS NOT NULL) AND (state = 'logged') = (signature IS NOT NULL)",
            name=op.f("ck_evidence_signed_exactly_when_logged"),
        ),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_evidence_center")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_evidence")),
        sa.UniqueConstraint("center", "leaf_index", name=op.f("uq_evidence_center_leaf_index")),
        sa.UniqueConstraint("statement_id", name=op.f("uq_evidence_statement_id")),
    )
    op.create_index(
        op.f("ix_evidence_certifier_center_certifier_drafted_at_digest"),
        "evidence",
        ["certifier_center", "certifier", "drafted_at", "digest"],
        unique=False,
    )
    op.create_index(
        op.f("ix_evidence_facility_attribute_vintage_to"), "evidence", ["facility", "attribute", "vintage_to"], unique=False
    )
    op.create_index(
        op.f("ix_evidence_holder_center_holder_drafted_at_digest"),
        "evidence",
        ["holder_center", "holder", "drafted_at", "digest"],
        unique=False,
    )
    op.create_table(
        "label_version",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_label_version_center")),
        sa.PrimaryKeyConstraint("id", "number", name=op.f("pk_label_version")),
    )
    op.create_table(
        "purchase",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("buyer", sa.Text(), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=False),
        sa.Column("ordered_on", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_purchase_center")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase")),
    )
    op.create_index(
        op.f("ix_purchase_center_buyer_ordered_on_id"), "purchase", ["center", "buyer", "ordered_on", "id"], unique=False
    )
    op.create_index(op.f("ix_purchase_center_ordered_on_id"), "purchase", ["center", "ordered_on", "id"], unique=False)
    op.create_table(
        "purchase_line",
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.Column("fixed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchase.id"], name=op.f("fk_purchase_line_purchase_id")),
        sa.PrimaryKeyConstraint("purchase_id", "number", name=op.f("pk_purchase_line")),
        sa.UniqueConstraint("digest", name=op.f("uq_purchase_line_digest")),
    )
    for table in _APPEND_ONLY:
        _guard(table)
    _list_documents_by_digest()


def _list_documents_by_digest() -> None:
    """Writes for each statement about a document what the store writes beside a new one."""
    database = op.get_bind()
    center, leaf_index = -1, -1
    while True:
        page = database.execute(
            sa.text(
                "SELECT center, leaf_index, stored_at, description FROM document "
                "WHERE center > :center OR (center = :center AND leaf_index > :leaf_index) "
                "ORDER BY center, leaf_index LIMIT :limit"
            ),
            {"center": center, "leaf_index": leaf_index, "limit": _PAGE},
        ).all()
        if not page:
            return
        rows = [
            {
                "name_digest": name_digest,
                "stored_at": row.stored_at,
                "center": row.center,
                "leaf_index": row.leaf_index,
            }
            for row in page
            if (name_digest := _name_digest(row.description)) is not None
        ]
        if rows:
            database.execute(
                sa.text(
                    "INSERT INTO document_about (name_digest, stored_at, center, leaf_index) "
                    "VALUES (:name_digest, :stored_at, :center, :leaf_index)"
                ),
                rows,
            )
        center, leaf_index = page[-1].center, page[-1].leaf_index


def _name_digest(description: bytes) -> bytes | None:
    """None for a damaged statement, which fsck names and which must not keep a center from its new release."""
    try:
        digest = str(json.loads(bytes(description))["digest"])
    except (ValueError, LookupError, TypeError):
        return None
    return sha256(f"digest\0{digest.removeprefix('0x')}".encode())[:16]


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)


def _guard(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
