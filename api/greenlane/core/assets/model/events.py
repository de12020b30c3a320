"""What steps told, and the sums and holdings that whoever hears it alone comes to.

Source: the events of contracts/interfaces/IGreenAsset.sol.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from greenlane.core.assets.facts import HoldingFacts, Totals
from greenlane.core.units import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetEvent:
    """What a step told, for whoever rebuilds the sums.

    Attributes:
        name: of the contract's event: Issued, Moved (a transfer between members, or of units that follow a key), Escrowed,
            Accepted, Returned, Retired, Cancelled.
        account: whose units they were; of Issued whose they became.
        receiver: of Moved and Accepted who has them now, of Returned the seller's account of today; otherwise None.
    """

    name: str
    token: bytes
    class_id: str
    account: Address
    quantity: int
    receiver: Address | None = None


def totals_of(events: Iterable[AssetEvent]) -> dict[bytes, Totals]:
    """Sums of each token as its events tell them."""
    sums: dict[bytes, Totals] = {}
    for event in events:
        one = event.quantity
        change = _CHANGES.get(event.name)
        if change is not None:
            issued, escrowed, retired, cancelled = (one * sign for sign in change)
            told = Totals(issued=issued, escrowed=escrowed, retired=retired, cancelled=cancelled)
            sums[event.token] = sum_of((sums[event.token], told)) if event.token in sums else told
    return sums


def holdings_of(events: Iterable[AssetEvent]) -> dict[tuple[Address, bytes], HoldingFacts]:
    """What accounts have as events tell it; those that have, and had, nothing are left out."""
    found: dict[tuple[Address, bytes], HoldingFacts] = {}

    def add(account: Address, token: bytes, tradable: int, change: Sequence[int]) -> None:
        facts = found.get((account, token), nothing_at((account, token)))
        found[account, token] = replace(
            facts,
            tradable=facts.tradable + tradable,
            escrowed=facts.escrowed + change[1],
            retired=facts.retired + change[2],
            cancelled=facts.cancelled + change[3],
        )

    for event in events:
        change = [event.quantity * sign for sign in _CHANGES.get(event.name, (0, 0, 0, 0))]
        add(event.account, event.token, event.quantity * _TRADABLE[event.name], change)
        if event.receiver is not None:
            add(event.receiver, event.token, event.quantity, (0, 0, 0, 0))
    return {place: facts for place, facts in found.items() if facts != nothing_at(place)}


_CHANGES: Mapping[str, tuple[int, int, int, int]] = {
    "Issued": (1, 0, 0, 0),
    "Escrowed": (0, 1, 0, 0),
    "Accepted": (0, -1, 0, 0),
    "Returned": (0, -1, 0, 0),
    "Retired": (0, 0, 1, 0),
    "Cancelled": (0, 0, 0, 1),
}
"""What each event adds to what is issued, escrowed, retired and cancelled."""
_TRADABLE: Mapping[str, int] = {
    "Issued": 1,
    "Moved": -1,
    "Escrowed": -1,
    "Accepted": 0,
    "Returned": 0,
    "Retired": -1,
    "Cancelled": -1,
}
"""What each event adds to the tradable units of its account."""


def nothing_at(place: tuple[Address, bytes]) -> HoldingFacts:
    """What an account has of a token that it never had."""
    return HoldingFacts(account=place[0], token=place[1], tradable=0, escrowed=0, retired=0, cancelled=0)


def sum_of(parts: Iterable[Totals]) -> Totals:
    """The totals of all parts together."""
    total = Totals(issued=0, escrowed=0, retired=0, cancelled=0)
    for part in parts:
        total = Totals(
            issued=total.issued + part.issued,
            escrowed=total.escrowed + part.escrowed,
            retired=total.retired + part.retired,
            cancelled=total.cancelled + part.cancelled,
        )
    return total
