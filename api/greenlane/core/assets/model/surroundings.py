"""What the contracts ask of the registry and of the anchored logs, as a test or a reader sets it.

Source: contracts/PilotRegistry.sol and contracts/AnchorLog.sol.
"""

from dataclasses import dataclass, field

from greenlane.core.documents.description import MemberName
from greenlane.core.units import Address, CenterId, RootHash, TreeSize

DAY_S = 86_400
NOBODY = Address(bytes(20))


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterStanding:
    """What the registry says of a center.

    Attributes:
        operator: the account that votes.
        is_active: whether it votes, and counts for the quorum.
        is_within_term: whether its term has begun and is not over.
    """

    operator: Address
    is_active: bool = True
    is_within_term: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStanding:
    """What the registry says of a member.

    Attributes:
        account: that signs for it today; NOBODY where its center took the last one and gave no other.
        is_certifier: whether that is among its roles.
        is_vouched: whether its center vouches for it today, within its term.
    """

    account: Address
    is_certifier: bool = False
    is_vouched: bool = True


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What the contracts ask of the registry and of the anchored logs.

    Attributes:
        roots: anchored, by center and tree size.
        voting_period_s: seconds that a round of votes is open.
    """

    centers: dict[CenterId, CenterStanding] = field(default_factory=dict)
    members: dict[MemberName, MemberStanding] = field(default_factory=dict)
    roots: dict[tuple[CenterId, TreeSize], RootHash] = field(default_factory=dict)
    voting_period_s: int = 7 * DAY_S

    def member_of(self, account: Address) -> MemberName | None:
        """Whose account it is today."""
        if account == NOBODY:
            return None
        return next((name for name, member in self.members.items() if member.account == account), None)

    def account_of(self, name: MemberName) -> Address:
        """The account that signs for a member today; NOBODY where none does."""
        member = self.members.get(name)
        return NOBODY if member is None else member.account

    def is_center_in_good_standing(self, center: CenterId) -> bool:
        """Whether a center is active and within its term."""
        found = self.centers.get(center)
        return found is not None and found.is_active and found.is_within_term

    def is_member(self, account: Address) -> bool:
        """Whether a center in good standing vouches for the account's member today."""
        name = self.member_of(account)
        return name is not None and self.members[name].is_vouched and self.is_center_in_good_standing(name.center)

    def is_certifier(self, account: Address) -> bool:
        """Whether it is a member in good standing with that role."""
        name = self.member_of(account)
        return name is not None and self.members[name].is_certifier and self.is_member(account)

    def quorum(self) -> int:
        """Votes that carry a motion: two thirds of the active centers, rounded up."""
        return -(-2 * len(self.active_centers()) // 3)

    def active_centers(self) -> set[CenterId]:
        """Centers whose votes count."""
        return {name for name, center in self.centers.items() if center.is_active}
