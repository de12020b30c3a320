"""Motions that two thirds of the active centers carry.

Source: contracts/parts/CenterQuorum.sol.
"""

from collections.abc import Hashable
from dataclasses import replace

from greenlane.core.anchoring import center_key
from greenlane.core.assets.model.state import AssetState, Round
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.units import Address, CenterId


class Votes(AssetState):
    """How a vote is taken."""

    __slots__ = ()

    def _take_vote(self, motion: Hashable, operator: Address) -> bool:
        """Takes a vote; whether it completes the quorum."""
        center = self._voting_center(operator)
        found = self.rounds.get(motion)
        if found is None or self.now >= found.expires_at:
            found = Round(expires_at=self.now + self.around.voting_period_s, voters=frozenset())
        is_again = center in found.voters
        found = replace(found, voters=found.voters | {center})
        is_carried = len(found.voters & self.around.active_centers()) >= self.around.quorum()
        if is_again and not is_carried:
            # The contract's name of a motion is a hash over its bytes, which nobody reads.
            raise AssetRefused("VotedAlready", b"", center_key(center))
        self.rounds[motion] = replace(found, expires_at=0) if is_carried else found
        return is_carried

    def _voting_center(self, operator: Address) -> CenterId:
        for name, center in self.around.centers.items():
            if center.operator == operator and center.is_active:
                return name
        raise AssetRefused("NotActiveOperator", operator)
