"""What a statement of evidence takes from the books: its lot in its one spelling, exact."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, Origin
from greenlane.core.assets.quantity import Unit
from greenlane.core.balance.statement import claim_of
from greenlane.core.units import Address, CenterId
from greenlane.core.wire import FieldInvalid
from worlds.books import BEANS, LOT_A, MILL

STATEMENT = EvidenceStatement(
    id="urn:uuid:9f0c3f4e-8f5a-4a7e-9f59-2b0a3c1d4e5f",
    center=CenterId("lima"),
    certifier=Address(b"\x01" * 20),
    holder=Address(b"\x02" * 20),
    class_id="cocoa",
    attribute="deforestation-free",
    unit=Unit(code="KGM", decimals=3),
    quantity=2_571_001,
    lot=LOT_A,
    facility=MILL,
    vintage_from=date(2026, 5, 1),
    vintage_to=date(2026, 5, 31),
    custody_model=CustodyModel.SEGREGATED,
    origin=None,
    certificate_digest=bytes(32),
    economy="PE",
)


def test_a_statement_takes_its_quantity_of_its_lot() -> None:
    claim = claim_of(STATEMENT)
    assert claim is not None
    assert (claim.amount, claim.unit, claim.lot, claim.node.material) == (Decimal("2571.001"), "KGM", LOT_A, BEANS)
    assert (claim.statement_id, claim.attribute, claim.custody_model) == (
        STATEMENT.id,
        "deforestation-free",
        CustodyModel.SEGREGATED,
    )
    assert (claim.vintage_from, claim.vintage_to) == (STATEMENT.vintage_from, STATEMENT.vintage_to)


def test_the_largest_quantity_is_exact() -> None:
    claim = claim_of(replace(STATEMENT, unit=Unit(code="KGM", decimals=18), quantity=2**128 - 1))
    assert claim is not None
    assert claim.amount == Decimal("340282366920938463463.374607431768211455")


def test_serials_of_another_registry_take_nothing_from_any_book() -> None:
    assert claim_of(replace(STATEMENT, lot=None, origin=Origin(registry="i-rec", serial_from=1, serial_to=9))) is None


@pytest.mark.parametrize(
    ("changes", "where", "remedy"),
    [
        ({"lot": "urn:epc:class:lgtin:9506000.013437.A"}, "/lot", LOT_A),
        ({"lot": "https://shop.example/01/09506000134376/10/A"}, "/lot", LOT_A),
        ({"facility": f"{MILL}/254/DOCK-2"}, "/facility", MILL),
        ({"facility": "urn:epc:id:sgln:9506000.13435.0"}, "/facility", MILL),
    ],
)
def test_another_spelling_never_counts_a_lot_a_second_time(changes: dict[str, str], where: str, remedy: str) -> None:
    with pytest.raises(FieldInvalid) as caught:
        claim_of(replace(STATEMENT, **changes))  # type: ignore[arg-type]
    assert (caught.value.where, caught.value.remedy) == (where, f"Write {remedy}.")
