"""What the chain showed of green assets when it was last looked at: a read model, made anew from the chain at any time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenlane.core.assets.facts import AssetClass, EscrowFacts, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.units import Address
from greenlane.ports.asset_ledger import BlockRef


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedTo:
    """How far the chain was followed.

    Attributes:
        at: when, by our clock.
    """

    block: BlockRef
    at: datetime


class AssetIndex(Protocol):
    """The read model. `put_…` adds or replaces by id."""

    def followed_to(self) -> FollowedTo | None: ...
    def set_followed(self, followed: FollowedTo) -> None: ...
    def clear(self) -> None:
        """Forgets everything, to be read anew."""

    def put_class(self, asset_class: AssetClass, totals: Totals) -> None: ...
    def put_issuance(self, issuance: IssuanceFacts) -> None: ...
    def put_holding(self, holding: HoldingFacts) -> None: ...
    def put_escrow(self, escrow: EscrowFacts) -> None: ...
    def put_retirement(self, retirement: RetirementFacts) -> None: ...

    def classes(self) -> Sequence[tuple[AssetClass, Totals]]:
        """All classes by id."""

    def asset_class(self, class_id: str) -> AssetClass | None: ...
    def issuance(self, token: bytes) -> IssuanceFacts | None: ...
    def issuances(self, *, class_id: str | None, after: bytes | None, limit: int) -> Sequence[IssuanceFacts]:
        """Issuances by token, after that token."""

    def holdings_of(self, account: Address, *, after: bytes | None, limit: int) -> Sequence[HoldingFacts]:
        """What an account has or had, by token."""

    def holding(self, account: Address, token: bytes) -> HoldingFacts | None: ...
    def holders_of(self, token: bytes, *, after: Address | None, limit: int) -> Sequence[HoldingFacts]: ...
    def escrow(self, escrow_id: bytes) -> EscrowFacts | None: ...
    def escrows_of_line(self, line_digest: bytes) -> Sequence[EscrowFacts]: ...
    def escrows_of_lines(self, line_digests: Collection[bytes]) -> Sequence[EscrowFacts]:
        """Those of a purchase's lines at once, by id."""

    def retirements_of_lines(self, line_digests: Collection[bytes]) -> Sequence[RetirementFacts]:
        """Those of a purchase's lines at once, by id."""

    def accepted_for_lines(self, buyer: Address, token: bytes) -> Sequence[tuple[EscrowFacts, tuple[RetirementFacts, ...]]]:
        """Escrows of a token that a buyer accepted for purchase lines kept here, each with what was retired under its digest."""

    def escrows_of(
        self, account: Address, *, is_open: bool, limit: int, after: tuple[datetime, bytes] | None = None
    ) -> Sequence[EscrowFacts]:
        """As seller or as buyer; those that expire first come first, of one moment by id.

        Args:
            after: deadline and id of the one before the first.
        """

    def retirement(self, retirement_id: bytes) -> RetirementFacts | None: ...
    def retirements_of_line(self, line_digest: bytes) -> Sequence[RetirementFacts]: ...
