"""When its buyer took a purchase back; those of before stand."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("purchase", sa.Column("cancelled_at", sa.BigInteger(), nullable=True))
