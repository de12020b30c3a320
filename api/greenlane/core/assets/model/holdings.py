"""Units of accounts: who may have them, what may move, and what a movement changes.

Source: contracts/GreenAsset.sol.
"""

from dataclasses import replace

from greenlane.core.assets.evidence import name_word
from greenlane.core.assets.facts import IssuanceFacts, Totals
from greenlane.core.assets.model.events import AssetEvent, sum_of
from greenlane.core.assets.model.votes import Votes
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.documents.description import MemberName
from greenlane.core.units import Address


class Holdings(Votes):
    """How units move between accounts, and how all movements are stopped."""

    __slots__ = ()

    def transfer(self, caller: Address, sender: Address, receiver: Address, token: bytes, quantity: int) -> None:
        """Moves tradable units to another member."""
        if caller != sender:
            self._expect_member(caller)
        self._expect_member(sender)
        self._expect_member(receiver)
        self._expect_tradable(token, quantity)
        self._expect_units(sender, token, quantity)
        self._expect_its(receiver, caller)
        if caller != sender and (sender, caller) not in self.approvals:
            raise AssetRefused("ERC1155MissingApprovalForAll", caller, sender)
        self._move(caller, sender, receiver, token, quantity)

    def approve(self, caller: Address, operator: Address, is_approved: bool) -> None:
        """Lets a member move all that the caller has, or no longer."""
        if not is_approved:
            self.approvals.discard((caller, operator))
            return
        if self.is_paused:
            raise AssetRefused("Paused")
        self._expect_member(caller)
        self._expect_member(operator)
        self.approvals.add((caller, operator))

    def follow_key(self, caller: Address, previous: Address, token: bytes) -> None:
        """Brings a member's tradable units from the account that it had before."""
        self._expect_member(caller)
        if caller == previous or caller != self._account_of_today(previous):
            raise AssetRefused("NotItsFormerAccount", previous, caller)
        quantity = self.holding(previous, token).tradable
        self._expect_issued(token, quantity)
        self._move(caller, previous, caller, token, quantity)

    def vote_pause(self, operator: Address, should_pause: bool) -> None:
        """A center's vote to stop all movements, or to let them go on."""
        if self.is_paused == should_pause:
            raise AssetRefused("PauseUnchanged", should_pause)
        if self._take_vote(("pause", should_pause), operator):
            self.is_paused = should_pause

    # ---- who may, and what may move ----

    def _expect_member(self, account: Address) -> MemberName:
        """Whose account it is: a member's whom its center vouches for today, in whatever role."""
        name = self.around.member_of(account)
        if name is None or account == self.green_asset or not self.around.is_member(account):
            raise AssetRefused("NotMember", account)
        return name

    def _account_of_today(self, account: Address) -> Address:
        """The account of today of the member whose this one is known to be; this one itself where none is known."""
        name = self.names.get(account)
        return account if name is None else self.around.account_of(name)

    def _remember(self, account: Address, caller: Address) -> None:
        self.names[account] = self._expect_its(account, caller)

    def _expect_its(self, account: Address, caller: Address) -> MemberName:
        """Whose an account is. Only its own key shows that it is another member's than it was."""
        member = self._expect_member(account)
        if self.names.get(account, member) != member and account != caller:
            raise AssetRefused("AccountOfAnother", account)
        return member

    def _expect_moving(self, quantity: int) -> None:
        if quantity == 0:
            raise AssetRefused("ZeroQuantity")
        if self.is_paused:
            raise AssetRefused("Paused")

    def _expect_issued(self, token: bytes, quantity: int) -> IssuanceFacts:
        self._expect_moving(quantity)
        issuance = self.issuances.get(token)
        if issuance is None:
            raise AssetRefused("UnknownIssuance", int.from_bytes(token, "big"))
        if token in self.revocations:
            raise AssetRefused("Frozen", int.from_bytes(token, "big"))
        return issuance

    def _expect_tradable(self, token: bytes, quantity: int) -> None:
        class_id = self._expect_issued(token, quantity).class_id
        if not self.classes[class_id].is_tradable:
            raise AssetRefused("NotTradable", name_word(class_id))

    def _expect_units(self, account: Address, token: bytes, asked: int) -> None:
        tradable = self.holding(account, token).tradable
        if tradable < asked:
            raise AssetRefused("TooFewUnits", int.from_bytes(token, "big"), account, tradable, asked)

    # ---- what changes ----

    def _move(self, caller: Address, sender: Address, receiver: Address, token: bytes, quantity: int) -> None:
        self._remember(receiver, caller)
        self._hold(sender, token, tradable=-quantity)
        self._hold(receiver, token, tradable=quantity)
        self._tell("Moved", token, sender, quantity, receiver)

    def _hold(
        self, account: Address, token: bytes, *, tradable: int = 0, escrowed: int = 0, retired: int = 0, cancelled: int = 0
    ) -> None:
        facts = self.holding(account, token)
        self.holdings[account, token] = replace(
            facts,
            tradable=facts.tradable + tradable,
            escrowed=facts.escrowed + escrowed,
            retired=facts.retired + retired,
            cancelled=facts.cancelled + cancelled,
        )

    def _count(self, token: bytes, *, issued: int = 0, escrowed: int = 0, retired: int = 0, cancelled: int = 0) -> None:
        change = Totals(issued=issued, escrowed=escrowed, retired=retired, cancelled=cancelled)
        issuance = self.issuances[token]
        self.issuances[token] = replace(issuance, totals=sum_of((issuance.totals, change)))
        self.class_totals[issuance.class_id] = sum_of((self.class_totals[issuance.class_id], change))

    def _tell(self, name: str, token: bytes, account: Address, quantity: int, receiver: Address | None = None) -> None:
        class_id = self.issuances[token].class_id
        self.events.append(
            AssetEvent(name=name, token=token, class_id=class_id, account=account, quantity=quantity, receiver=receiver)
        )
