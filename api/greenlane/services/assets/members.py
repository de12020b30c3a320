"""Who is who on the chain: members by name and by account, as the registry has them, remembered for when the chain is away."""

from greenlane.core.documents.description import MemberName
from greenlane.core.errors import Conflict
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex
from greenlane.ports.accounts import MemberUnknown
from greenlane.ports.asset_ledger import AssetLedger, ChainMember
from greenlane.ports.clock import Clock
from greenlane.ports.ledger import LedgerUnavailable

_MOST_REMEMBERED = 20_000
_FRESH_S = 30.0
_VOUCH = "The member's center vouches for it first: `greenlane-node members vouch`."


class MemberNotInGoodStanding(Conflict):
    """The member is not vouched for now, its term is over, or its center is not in good standing: it holds and moves nothing."""

    code = "member-not-in-good-standing"
    default_remedy = "The member's center looks at `greenlane-node members list`, and vouches for it again or prolongs its term."


class Members:
    """What the registry says of members; one instance serves all threads.

    What is remembered serves reading, and acting while the chain is away: who acts while it is there is looked up anew.
    """

    def __init__(self, *, ledger: AssetLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._named: dict[MemberName, tuple[float, ChainMember]] = {}
        self._at: dict[Address, tuple[float, ChainMember | None]] = {}

    def acting(self, name: MemberName, *, otherwise: Address | None) -> Address:
        """The account of a member that is about to act.

        Args:
            otherwise: what stands for it where the chain is away and the member was never looked up.

        Raises:
            MemberUnknown: the registry has none of that name.
            MemberNotInGoodStanding: it may not act.
            LedgerUnavailable: the chain is away, and nothing is known.
        """
        try:
            return self._required(name, None).account
        except LedgerUnavailable:
            known = self._named.get(name)
            account = otherwise if known is None else known[1].account
            if account is None:
                raise
            return account

    def taking(self, name: MemberName, *, where: str) -> Address:
        """The account of a member that something is to be given to, or done with.

        Raises:
            MemberUnknown, MemberNotInGoodStanding: as for `acting`, with the place in the request.
            LedgerUnavailable: the chain is away, and the member was never looked up.
        """
        try:
            return self._required(name, where).account
        except LedgerUnavailable:
            known = self._named.get(name)
            if known is None:
                raise
            return known[1].account

    def named(self, name: MemberName) -> ChainMember | None:
        """The member as it was known some seconds ago, or longer where the chain is away.

        Raises:
            LedgerUnavailable: the chain is away, and the member was never looked up.
        """
        now_s = self._clock().timestamp()
        known = self._named.get(name)
        if known is not None and now_s - known[0] < _FRESH_S:
            return known[1]
        try:
            return self._look(name)
        except LedgerUnavailable:
            if known is None:
                raise
            return known[1]

    def known(self, name: MemberName) -> ChainMember:
        """As `named`, where there must be one.

        Raises:
            MemberUnknown: the registry has none of that name.
            LedgerUnavailable: the chain is away, and the member was never looked up.
        """
        found = self.named(name)
        if found is None:
            raise MemberUnknown(f"The registry knows no member {name}.", remedy=_VOUCH)
        return found

    def at(self, account: Address) -> ChainMember | None:
        """Whose account it is, or was when it was looked up; None where nobody's.

        Raises:
            LedgerUnavailable: the chain is away, and the account was never looked up.
        """
        now_s = self._clock().timestamp()
        known = self._at.get(account)
        if known is not None and now_s - known[0] < _FRESH_S:
            return known[1]
        try:
            found = self._ledger.member_at(account)
        except LedgerUnavailable:
            if known is None:
                raise
            return known[1]
        self._remember(account, found)
        return found

    def _required(self, name: MemberName, where: str | None) -> ChainMember:
        found = self._look(name)
        if found is None:
            raise MemberUnknown(f"The registry knows no member {name}.", where=where, remedy=_VOUCH)
        if not found.is_in_good_standing:
            raise MemberNotInGoodStanding(
                f"{name} ({encode_hex(found.account)}) is not in good standing in the registry.", where=where
            )
        return found

    def _look(self, name: MemberName) -> ChainMember | None:
        found = self._ledger.member_named(name.center, name.member)
        if found is not None:
            if len(self._named) >= _MOST_REMEMBERED:
                self._named.clear()
            self._named[name] = (self._clock().timestamp(), found)
            self._remember(found.account, found)
        return found

    def _remember(self, account: Address, found: ChainMember | None) -> None:
        # Rare enough to begin anew: a network has fewer members.
        if len(self._at) >= _MOST_REMEMBERED:
            self._at.clear()
        self._at[account] = (self._clock().timestamp(), found)
