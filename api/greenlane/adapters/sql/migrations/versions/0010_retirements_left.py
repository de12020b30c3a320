"""Retirements that wait for the statement behind their token; also those that were left before anybody took note of them."""

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_PAGE = 1_000
_TABLE = "uncertified_retirement"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("center", sa.Integer(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("act", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["center"], ["center.number"], name=op.f("fk_uncertified_retirement_center_center")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uncertified_retirement")),
    )
    op.create_index(op.f("ix_uncertified_retirement_center_id"), _TABLE, ["center", "id"], unique=False)
    _note_those_before()


def _note_those_before() -> None:
    database = op.get_bind()
    last = 0
    while True:
        page = database.execute(
            sa.text(
                "SELECT number, digest, center, subject, asked FROM act "
                "WHERE number > :last AND kind = 'retire' AND state = 'done' ORDER BY number LIMIT :page"
            ),
            {"last": last, "page": _PAGE},
        ).all()
        if not page:
            return
        for row in page:
            found = _place(row.subject, row.asked)
            if (
                found is None
                or database.execute(sa.text("SELECT 1 FROM certified_retirement WHERE id = :id"), {"id": found[0]}).first()
            ):
                continue
            database.execute(
                sa.text(
                    "INSERT INTO uncertified_retirement (id, center, token, act) VALUES (:id, :center, :token, :act) "
                    "ON CONFLICT DO NOTHING"
                ),
                {"id": found[0], "center": row.center, "token": found[1], "act": row.digest},
            )
        last = page[-1].number


def _place(subject: str, asked: bytes) -> tuple[bytes, bytes] | None:
    """The ids of a retirement and its token; None of a damaged act, which `greenlane fsck` tells of."""
    try:
        return bytes.fromhex(subject[2:]), bytes.fromhex(orjson.loads(asked)["token"][2:])
    except (ValueError, KeyError, TypeError):
        return None
