"""Errors of the store, shared by its rooms."""

from greenlane.core.errors import GreenlaneError, Unavailable


class StoreUnavailable(Unavailable):
    """The database cannot be reached, is locked too long or is out of space."""

    code = "store-unavailable"


class TileMissing(GreenlaneError):
    """A tile that should be in the store is not, or is too short."""

    code = "tile-missing"
    default_remedy = "Run `greenlane fsck`, and restore from a backup what it names."
