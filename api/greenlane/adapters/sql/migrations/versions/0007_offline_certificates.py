"""Sealed blocks that prove retirements, and statements of evidence that lie at other deployments' centers."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evidence_elsewhere",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("center", sa.Text(), nullable=False),
        sa.Column("holder_center", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("certifier_center", sa.Text(), nullable=False),
        sa.Column("certifier", sa.Text(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_evidence_elsewhere")),
    )
    op.create_table(
        "retirement_seal",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_retirement_seal_center_center")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retirement_seal")),
    )
    op.create_index(
        "ix_retirement_seal_unsealed",
        "retirement_seal",
        ["center", "leaf_index"],
        unique=False,
        sqlite_where=sa.text("state IS NULL"),
        postgresql_where=sa.text("state IS NULL"),
    )
    # Those that were certified before wait for their seals too.
    op.execute("INSERT INTO retirement_seal (id, center, leaf_index) SELECT id, center, leaf_index FROM certified_retirement")
    if op.get_bind().dialect.name == "postgresql":
        # Compressing hashes and signatures costs more than it saves.
        op.execute("ALTER TABLE retirement_seal ALTER COLUMN state SET STORAGE EXTERNAL")
