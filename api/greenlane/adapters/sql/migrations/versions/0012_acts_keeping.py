"""What is kept with an act beside its request, in a column of its own; it was a part of `asked` before."""

from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from greenlane.core.canonical import canonical_bytes

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_PAGE = 1_000


def upgrade() -> None:
    op.add_column("act", sa.Column("keeping", sa.LargeBinary(), nullable=True))
    database = op.get_bind()
    last = 0
    while page := database.execute(
        sa.text("SELECT number, asked FROM act WHERE number > :last ORDER BY number LIMIT :page"), {"last": last, "page": _PAGE}
    ).all():
        parted = [{"number": row.number, **both} for row in page if (both := _parted(row.asked)) is not None]
        if parted:
            database.execute(sa.text("UPDATE act SET asked = :asked, keeping = :keeping WHERE number = :number"), parted)
        last = page[-1].number


def _parted(data: bytes) -> dict[str, Any] | None:
    """The request, and what was kept beside it; None where nothing was, or the act is damaged, as its reader tells."""
    try:
        asked = orjson.loads(data)
    except ValueError:
        return None
    if not isinstance(asked, dict) or "keeping" not in asked:
        return None
    keeping = asked.pop("keeping")
    return {"asked": canonical_bytes(asked), "keeping": canonical_bytes(keeping) if isinstance(keeping, dict) else None}
