"""What purchase lines said before they were written anew: units may come for such a digest late."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "purchase_line_former",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("price", sa.LargeBinary(), nullable=True),
        sa.Column("price_salt", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchase.id"], name=op.f("fk_purchase_line_former_purchase_id_purchase")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_purchase_line_former")),
    )
    op.create_index("ix_purchase_line_former_purchase_id_number", "purchase_line_former", ["purchase_id", "number"])
