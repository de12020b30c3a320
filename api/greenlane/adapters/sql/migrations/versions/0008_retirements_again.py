"""What is stated of a retirement once more, because the chain lost it and did it again."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLE = "recertified_retirement"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("center", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("purchase_id", sa.Text(), nullable=True),
        sa.Column("line_number", sa.Integer(), nullable=True),
        sa.Column("stated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_recertified_retirement_center")),
        sa.PrimaryKeyConstraint("center", "leaf_index", name=op.f("pk_recertified_retirement")),
    )
    op.create_index(op.f("ix_recertified_retirement_id_leaf_index"), _TABLE, ["id", "leaf_index"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for event, times in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            name = f"{_TABLE}_is_{'append_only' if times == 'ROW' else 'never_emptied'}"
            op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {_TABLE} FOR EACH {times} EXECUTE FUNCTION refuse_change()")
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {_TABLE}_refuses_{change.lower()} BEFORE {change} ON {_TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{_TABLE} is append-only'); END"
        )
