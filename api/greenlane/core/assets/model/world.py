"""Both contracts as one, with every step that anyone can take."""

from greenlane.core.assets.model.classes import Classes
from greenlane.core.assets.model.escrows import Escrows
from greenlane.core.assets.model.invariants import check_invariants
from greenlane.core.assets.model.issuances import Issuances
from greenlane.core.assets.model.retirements import Retirements


class AssetWorld(Classes, Issuances, Escrows, Retirements):
    """Both contracts. A step that is refused has changed nothing."""

    __slots__ = ()

    def check(self) -> None:
        """Whether all sums and ranges are as they must be; a step never makes this fail.

        Raises:
            AssetsDisagree: they are not; says where and how.
        """
        check_invariants(self)
