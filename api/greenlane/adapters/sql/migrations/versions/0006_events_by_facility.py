"""Events are found by their member's facility from here on, so each one that tells its place gets one name more."""

import re

import sqlalchemy as sa
from alembic import op

from greenlane.core.crypto import sha256

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PAGE = 1_000
# What stands behind a GLN's extension is part of its facility.
_PLACE = re.compile(r"(https://id\.gs1\.org/414/\d{13})/254/.*", re.DOTALL).fullmatch


def upgrade() -> None:
    database = op.get_bind()
    center, leaf_index = -1, -1
    while True:
        page = database.execute(
            sa.text(
                "SELECT center, leaf_index, member, event_time, biz_location, read_point FROM event "
                "WHERE center > :center OR (center = :center AND leaf_index > :leaf_index) "
                "ORDER BY center, leaf_index LIMIT :page"
            ),
            {"center": center, "leaf_index": leaf_index, "page": _PAGE},
        ).all()
        if not page:
            return
        rows = [
            {
                "name_digest": _name_digest(row.member, place),
                "event_time": row.event_time,
                "center": row.center,
                "leaf_index": row.leaf_index,
            }
            for row in page
            if (place := row.read_point if row.biz_location is None else row.biz_location) is not None
        ]
        if rows:
            database.execute(
                sa.text(
                    "INSERT INTO named (name_digest, event_time, center, leaf_index) "
                    "VALUES (:name_digest, :event_time, :center, :leaf_index) ON CONFLICT DO NOTHING"
                ),
                rows,
            )
        center, leaf_index = page[-1].center, page[-1].leaf_index


def _name_digest(member: str, place: str) -> bytes:
    found = _PLACE(place)
    facility = place if found is None else found[1]
    return sha256(f"place\0{member}\0{facility}".encode())[:16]
