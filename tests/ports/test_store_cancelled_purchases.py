"""What the room of purchases promises of one that was taken back: it says since when, and nobody sets units aside beside it."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from greenlane.adapters.sql.purchases import PurchaseLineMissing
from greenlane.core.assets.purchase import Price, line_digest, priced_line
from greenlane.core.crypto import sha256
from greenlane.core.units import CenterId, MemberId, Salt
from greenlane.ports.purchases import KeptLine, Purchase, PurchaseCancelled
from greenlane.ports.store import Store
from worlds.green_assets import line

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def purchase(number: int, lines: int = 2) -> Purchase:
    id_ = f"{number:032x}"
    opened = [
        priced_line(
            line(purchase_id=id_, number=at),
            Price(amount="7", currency="PEN"),
            salt=Salt(sha256(f"salt {number}.{at}".encode())),
            price_salt=Salt(sha256(f"price salt {number}.{at}".encode())),
        )
        for at in range(1, lines + 1)
    ]
    return Purchase(
        id=id_,
        center=CenterId("lima"),
        buyer=MemberId("city"),
        reference="PO",
        ordered_on=date(2026, 7, 1),
        created_at=NOON,
        lines=tuple(KeptLine(open_line=each, digest=line_digest(each), fixed_at=None) for each in opened),
    )


def test_a_purchase_that_was_taken_back_says_since_when_and_stays_in_the_list(store: Store) -> None:
    with store.write() as tx:
        tx.purchases.add(purchase(1))
        tx.purchases.add(purchase(2))
        tx.purchases.add(replace(purchase(3), cancelled_at=NOON))
        tx.purchases.fix_line(purchase(1).id, 2, NOON)
    for at in (NOON, LATER):
        with store.write() as tx:
            tx.purchases.cancel(purchase(1).id, at)
    with store.read() as tx:
        found = tx.purchases.get(purchase(1).id)
        assert found is not None and found.cancelled_at == NOON
        assert [each.fixed_at for each in found.lines] == [None, NOON]
        assert tx.purchases.get(purchase(2).id) == purchase(2)
        listed = tx.purchases.of_buyer(CenterId("lima"), None, ordered_from=None, ordered_to=None, after=None, limit=9)
        assert [each.cancelled_at for each in listed] == [NOON, None, NOON]


def test_what_there_is_not_cannot_be_taken_back(store: Store) -> None:
    with pytest.raises(PurchaseLineMissing), store.write() as tx:
        tx.purchases.cancel(purchase(9).id, NOON)


def test_of_two_at_once_one_takes_the_purchase_back_or_the_other_fixes_its_line(store: Store) -> None:
    done: list[str] = []

    def fix(each: Purchase) -> None:
        try:
            with store.write() as tx:
                tx.purchases.fix_line(each.id, 2, LATER)
                found = tx.purchases.get(each.id)
                if found is None or found.cancelled_at is not None:
                    raise PurchaseCancelled("It was taken back.")
            done.append("fixed")
        except PurchaseCancelled:
            pass

    def cancel(each: Purchase) -> None:
        try:
            with store.write() as tx:
                tx.purchases.cancel(each.id, NOON)
                found = tx.purchases.get(each.id)
                if found is None or any(kept.fixed_at == LATER for kept in found.lines):
                    raise PurchaseCancelled("Too late.")
            done.append("cancelled")
        except PurchaseCancelled:
            pass

    for number in range(8):
        each = purchase(number)
        with store.write() as tx:
            tx.purchases.add(each)
        done.clear()
        threads = [threading.Thread(target=work, args=(each,)) for work in (fix, cancel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.read() as tx:
            found = tx.purchases.get(each.id)
        assert found is not None
        assert done == (["fixed"] if found.cancelled_at is None else ["cancelled"])
        assert (found.cancelled_at is None) == (found.lines[1].fixed_at == LATER)
