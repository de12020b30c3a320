"""The first tables: accounts, answers, audit, capture jobs, events, logs and the outbox.

Besides what `tables` tells, this makes rows of the append-only tables unchangeable by triggers, and has PostgreSQL keep
documents, hashes and entries as they are, for compressing them costs more than it saves.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = ("audit_line", "checkpoint", "entry_run", "event", "forgotten_salt")
_UNPRESSED = (("capture_job", "events"), ("entry_run", "entries"), ("event", "document"), ("tile", "hashes"))


def upgrade() -> None:
    op.create_table(
        "center",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_center")),
        sa.UniqueConstraint("slug", name=op.f("uq_center_slug")),
    )
    op.create_table(
        "answer",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_answer")),
    )
    op.create_index(op.f("ix_answer_at"), "answer", ["at"], unique=False)
    op.create_table(
        "entry_run",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("center", "start", name=op.f("pk_entry_run")),
    )
    op.create_table(
        "event",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("event_digest", sa.LargeBinary(), nullable=False),
        sa.Column("variant_digest", sa.LargeBinary(), nullable=False),
        sa.Column("cbv_version", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("event_time", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("biz_step", sa.Text(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("read_point", sa.Text(), nullable=True),
        sa.Column("biz_location", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("is_error_declaration", sa.Boolean(), nullable=False),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=False),
        sa.Column("is_blinded", sa.Boolean(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("items", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("center", "leaf_index", name=op.f("pk_event")),
        sa.UniqueConstraint(
            "event_digest", "variant_digest", "center", "member", name=op.f("uq_event_event_digest_variant_digest_center_member")
        ),
    )
    op.create_index(op.f("ix_event_event_time_center_leaf_index"), "event", ["event_time", "center", "leaf_index"], unique=False)
    op.create_table(
        "forgotten_salt",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("center", "leaf_index", name=op.f("pk_forgotten_salt")),
    )
    op.create_table(
        "named",
        sa.Column("name_digest", sa.LargeBinary(), nullable=False),
        sa.Column("event_time", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("name_digest", "event_time", "center", "leaf_index", name=op.f("pk_named")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("signer", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "signer", "nonce", name=op.f("pk_outbox")),
    )
    op.create_index(
        "uq_outbox_pending_purpose",
        "outbox",
        ["chain_id", "purpose"],
        unique=True,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "salt",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("center", "leaf_index", name=op.f("pk_salt")),
    )
    op.create_table(
        "signer",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("signer", sa.LargeBinary(), nullable=False),
        sa.Column("next_nonce", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "signer", name=op.f("pk_signer")),
    )
    op.create_table(
        "anchor",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tree_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("anchored_at", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_anchor_center")),
        sa.PrimaryKeyConstraint("center", "tree_size", name=op.f("pk_anchor")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(role = 'member') = (member IS NOT NULL)", name=op.f("ck_api_key_member_exactly_for_member_role")),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_api_key_center")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_index(op.f("ix_api_key_center"), "api_key", ["center"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_audit_head_center")),
        sa.PrimaryKeyConstraint("center", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_line",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_audit_line_center")),
        sa.PrimaryKeyConstraint("center", "number", name=op.f("pk_audit_line")),
    )
    op.create_table(
        "capture_job",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_capture_job_center")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capture_job")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tree_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_checkpoint_center")),
        sa.PrimaryKeyConstraint("center", "tree_size", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "log_head",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_log_head_center")),
        sa.PrimaryKeyConstraint("center", name=op.f("pk_log_head")),
    )
    op.create_table(
        "log_published",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_log_published_center")),
        sa.PrimaryKeyConstraint("center", name=op.f("pk_log_published")),
    )
    op.create_table(
        "member",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_member_center")),
        sa.PrimaryKeyConstraint("center", "id", name=op.f("pk_member")),
    )
    op.create_table(
        "tile",
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_tile_center")),
        sa.PrimaryKeyConstraint("center", "level", "number", name=op.f("pk_tile")),
    )

    if op.get_bind().dialect.name == "postgresql":
        _guard_in_postgres()
    else:
        _guard_in_sqlite()


def _guard_in_postgres() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    for table, column in _UNPRESSED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def _guard_in_sqlite() -> None:
    for table in _APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
