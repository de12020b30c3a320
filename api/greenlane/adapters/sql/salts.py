"""The salts of blinded entries, which may be destroyed.

Forgetting a salt deletes its row. SQLite overwrites what is deleted (`secure_delete`), and the store empties the write-ahead
log right after the commit. PostgreSQL keeps the dead row on its page until VACUUM, and in its own write-ahead log until that
is recycled: a center that must be sure runs `VACUUM FULL salt`, and deletes base backups and archived segments older than it.
"""

from datetime import datetime

from sqlalchemy import delete, insert

from greenlane.adapters.sql.tables import forgotten_salt as forgotten_salts
from greenlane.adapters.sql.tables import salt as salts
from greenlane.adapters.sql.work import Work
from greenlane.core.units import CenterId, LeafIndex


def forget_salt(work: Work, center: CenterId, leaf_index: LeafIndex, at: datetime) -> bool:
    """Destroys the salt of one entry for ever, and records when; False where there is none."""
    number = work.number(center)
    if work.changed(delete(salts).where(salts.c.center == number, salts.c.leaf_index == leaf_index)) != 1:
        return False
    work.connection.execute(insert(forgotten_salts).values(center=number, leaf_index=leaf_index, at=at))
    work.has_forgotten = True
    return True
