"""Keys of members that their center keeps for them, so that a phone or a browser is enough to act.

A member may keep its key itself: then the center has none here, and the request brings the signature.
"""

from typing import Protocol

from greenlane.core.units import Address, CenterId, MemberId


class MemberKeys(Protocol):
    """Signs with members' keys that never leave it."""

    def account(self, center: CenterId, member: MemberId) -> Address | None:
        """The account whose key is kept here for that member; None where it keeps its key itself."""

    def sign(self, center: CenterId, member: MemberId, digest: bytes) -> bytes:
        """The member's signature of a digest of 32 bytes: r ‖ s ‖ v, 65 bytes, v 27 or 28.

        Raises:
            NotFound: no key of the member is kept here.
        """
