"""Classes, which a quorum of centers admits, and of which nothing ever changes.

Source: contracts/GreenAsset.sol, _checkClass.
"""

import re

from greenlane.core.assets.evidence import name_word
from greenlane.core.assets.facts import MAX_CLAIM_DAYS, MAX_CLASS_NAME_BYTES, AssetClass, Totals
from greenlane.core.assets.model.votes import Votes
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.units import Address

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)


class Classes(Votes):
    """How a class is admitted."""

    __slots__ = ()

    def vote_class(self, operator: Address, asset_class: AssetClass) -> None:
        """A center's vote for a class; the one that completes the quorum admits it.

        Raises:
            AssetRefused: as every step here, with the contract's error.
        """
        self._check_class(asset_class)
        if self._take_vote(("class", asset_class), operator):
            self.classes[asset_class.id] = asset_class
            self.class_totals[asset_class.id] = Totals(issued=0, escrowed=0, retired=0, cancelled=0)

    def _check_class(self, asset_class: AssetClass) -> None:
        if _NAME.fullmatch(asset_class.id) is None:
            raise AssetRefused("InvalidClass", "id")
        if asset_class.id in self.classes:
            raise AssetRefused("ClassExists", name_word(asset_class.id))
        for is_right, name in (
            (_NAME.fullmatch(asset_class.attribute) is not None, "attribute"),
            (0 <= asset_class.claim_days <= MAX_CLAIM_DAYS, "claimDays"),
            (1 <= len(asset_class.name.encode()) <= MAX_CLASS_NAME_BYTES, "name"),
        ):
            if not is_right:
                raise AssetRefused("InvalidClass", name)
