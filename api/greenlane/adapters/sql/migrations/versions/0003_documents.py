"""Documents: what is stated of them, who wants their bytes, uploads, holds, replicas and reader keys."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("document", "document_about", "document_reader", "withdrawal")
_WANTED = "statements > 0"
_UNWANTED = "statements = 0 AND asks = 0 AND uploads = 0"


def upgrade() -> None:
    op.create_table(
        "document",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("cid", sa.LargeBinary(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("description", sa.LargeBinary(), nullable=False),
        sa.Column("is_confidential", sa.Boolean(), nullable=False),
        sa.Column("is_blinded", sa.Boolean(), nullable=False),
        sa.Column("replaces", sa.LargeBinary(), nullable=True),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_document_center")),
        sa.PrimaryKeyConstraint("center", "leaf_index", name=op.f("pk_document")),
        sa.UniqueConstraint("content_digest", "center", "member", name=op.f("uq_document_content_digest_center_member")),
    )
    op.create_index(
        op.f("ix_document_cid_stored_at_center_leaf_index"),
        "document",
        ["cid", "stored_at", "center", "leaf_index"],
        unique=False,
    )
    op.create_index(
        op.f("ix_document_center_is_confidential_leaf_index"),
        "document",
        ["center", "is_confidential", "leaf_index"],
        unique=False,
    )
    op.create_index(
        op.f("ix_document_center_member_is_confidential_leaf_index"),
        "document",
        ["center", "member", "is_confidential", "leaf_index"],
        unique=False,
    )
    _partial_index("ix_document_replacing", "document", ["replaces", "center", "member", "leaf_index"], "replaces IS NOT NULL")
    op.create_table(
        "document_about",
        sa.Column("name_digest", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_document_about_center")),
        sa.PrimaryKeyConstraint("name_digest", "stored_at", "center", "leaf_index", name=op.f("pk_document_about")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "document_reader",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_document_reader_center")),
        sa.PrimaryKeyConstraint("name", "center", "leaf_index", name=op.f("pk_document_reader")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "withdrawal",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_withdrawal_center")),
        sa.PrimaryKeyConstraint("center", "leaf_index", name=op.f("pk_withdrawal")),
    )
    op.create_table(
        "document_bytes",
        sa.Column("cid", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("statements", sa.BigInteger(), nullable=False),
        sa.Column("asks", sa.BigInteger(), nullable=False),
        sa.Column("uploads", sa.BigInteger(), nullable=False),
        sa.Column("was_pinned", sa.Boolean(), nullable=True),
        sa.Column("is_brought", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "statements >= 0 AND asks >= 0 AND uploads >= 0", name=op.f("ck_document_bytes_wanted_by_none_or_more")
        ),
        sa.PrimaryKeyConstraint("cid", name=op.f("pk_document_bytes")),
        sqlite_with_rowid=False,
    )
    _partial_index("ix_document_bytes_wanted", "document_bytes", ["cid"], _WANTED)
    _partial_index("ix_document_bytes_unwanted", "document_bytes", ["cid"], _UNWANTED)
    op.create_table(
        "upload",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("found_cid", sa.LargeBinary(), nullable=True),
        sa.Column("found_digest", sa.LargeBinary(), nullable=True),
        sa.Column("meant", sa.LargeBinary(), nullable=True),
        sa.Column("stored_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_upload_center")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_index(op.f("ix_upload_expires_at"), "upload", ["expires_at"], unique=False)
    _partial_index("ix_upload_open", "upload", ["center", "created_at", "id"], "stored_at IS NULL")
    op.create_table(
        "hold",
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("cid", sa.LargeBinary(), nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_hold_center")),
        sa.PrimaryKeyConstraint("asked_by", "cid", name=op.f("pk_hold")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_hold_cid_asked_by"), "hold", ["cid", "asked_by"], unique=False)
    op.create_table(
        "hold_total",
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("documents", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asked_by", name=op.f("pk_hold_total")),
    )
    op.create_table(
        "replica",
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("cid", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("partner", "cid", name=op.f("pk_replica")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_replica_cid_partner"), "replica", ["cid", "partner"], unique=False)
    op.create_table(
        "reader_key",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_reader_key_center")),
        sa.PrimaryKeyConstraint("center", "member", "recipient", name=op.f("pk_reader_key")),
    )
    for table in _APPEND_ONLY:
        _guard(table)


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
