"""What is kept of the validators' seals: the sealed block of each anchor, and every change of the validator set."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("anchor", sa.Column("sealed_state", sa.LargeBinary(), nullable=True))
    for name, condition in (("ix_anchor_unsealed", "sealed_state IS NULL"), ("ix_anchor_sealed", "sealed_state IS NOT NULL")):
        op.create_index(
            name,
            "anchor",
            ["center", "tree_size"],
            unique=False,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "set_change",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seals_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("validators", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "seals_from", name=op.f("pk_set_change")),
    )
    op.create_table(
        "set_follow",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("followed_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", name=op.f("pk_set_follow")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER set_change_is_append_only BEFORE UPDATE OR DELETE ON set_change "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            "CREATE TRIGGER set_change_is_never_emptied BEFORE TRUNCATE ON set_change "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        # Compressing hashes and signatures costs more than it saves.
        op.execute("ALTER TABLE anchor ALTER COLUMN sealed_state SET STORAGE EXTERNAL")
    else:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER set_change_refuses_{change.lower()} BEFORE {change} ON set_change "
                "BEGIN SELECT RAISE(ABORT, 'set_change is append-only'); END"
            )
