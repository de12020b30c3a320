"""Errors of the store, shared by its rooms."""

from greenlane.core.errors import CannotCheck, Unavailable


class StoreUnavailable(Unavailable):
    """The database cannot be reached, is locked too long or is out of space."""

    code = "store-unavailable"


class TileMissing(CannotCheck):
    """A tile that should be in the store is not, or is too short."""

    code = "tile-missing"
    default_remedy = "Run `greenlane fsck`, and restore from a backup what it names."
