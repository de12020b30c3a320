"""Where new ranges belong among those that evidence has used: looked for page by page, from the nearest serials seen before."""

import bisect
import threading
from typing import Final

from web3 import Web3

from greenlane.adapters.evm.artifacts import NotThisContract
from greenlane.adapters.evm.evidence_register import START, EvidenceRegister
from greenlane.core.assets.evidence import EvidenceStatement, day_number
from greenlane.core.units import BlockNumber
from greenlane.ports.asset_ledger import AssetPlaces, Placement

_RANGES_AT_ONCE: Final = 1_000
"""Ranges that one call looks past; some 5 million gas, which every node gives a question."""
_MOST_LOOKS: Final = 10_000
_KNOWN_SERIALS: Final = 4_096


class Placing:
    """Remembers places of serials, of which one registry may have very many; days of a lot are few. Safe for threads.

    A remembered place that is wrong only costs time: the register itself begins anew where no range is there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[str, list[int]] = {}

    def find(self, web3: Web3, places: AssetPlaces, statement: EvidenceStatement) -> Placement:
        """Where the statement's ranges belong now among those of the asset contract.

        Raises:
            NotThisContract: what the register answers is no place of the statement.
        """
        asked, block = EvidenceRegister(web3, places.evidence_register), BlockNumber(web3.eth.block_number)
        after = self._nearest(statement)
        for _ in range(_MOST_LOOKS):
            found, is_found = asked.placement(places.green_asset, statement, after=after, steps=_RANGES_AT_ONCE, block=block)
            if not _may_stand(found, statement) or (found == after and not is_found):
                break
            self._keep(statement, found)
            if is_found:
                return found
            after = found
        raise NotThisContract("What EvidenceRegister.placement answers is no place of the statement.")

    def _nearest(self, statement: EvidenceStatement) -> Placement:
        """The last known place that may stand before the statement's serials; before all where none is known."""
        if statement.origin is None:
            return START
        with self._lock:
            places = self._places.get(statement.origin.registry, [])
            found = bisect.bisect_right(places, statement.origin.serial_from)
            return Placement(vintage_after=0, serial_after=places[found - 1]) if found else START

    def _keep(self, statement: EvidenceStatement, found: Placement) -> None:
        if statement.origin is None or not found.serial_after:
            return
        with self._lock:
            places = self._places.setdefault(statement.origin.registry, [])
            place = bisect.bisect_left(places, found.serial_after)
            if places[place : place + 1] != [found.serial_after]:
                places.insert(place, found.serial_after)
            if len(places) > _KNOWN_SERIALS:
                # Every other one: what is left is still spread over all of them.
                del places[::2]


def _may_stand(found: Placement, statement: EvidenceStatement) -> bool:
    """Whether a place is before the statement's own ranges, as every true one is."""
    serial_from = 0 if statement.origin is None else statement.origin.serial_from
    return 0 <= found.vintage_after <= day_number(statement.vintage_from) and 0 <= found.serial_after <= serial_from
