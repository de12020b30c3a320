"""What events do to a facility's materials, each kind by hand, and what cannot be counted is told."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from greenlane.core.balance.materials import (
    canonical_facility,
    canonical_material,
    facility_of,
    is_logistic_unit,
    material_of,
)
from greenlane.core.balance.movements import BookEvent, MovementKind, Movements, movements_of, place_of
from worlds.books import (
    BAR_LOT,
    BARS,
    BEANS,
    CASE,
    LOT_A,
    LOT_B,
    MILL,
    PALLET,
    book_event,
    counted,
    made,
    moved,
    packed,
    quantity,
    received,
    sent,
    transformed,
)

SCALE = "https://id.gs1.org/8003/09506000134390SC7"


def told(found: Movements) -> list[tuple[str, str, str, str]]:
    """Kind, identifier, amount and unit of each movement, in order."""
    return [(each.kind.value, each.identifier, f"{each.amount:f}", each.unit) for each in found.movements]


@pytest.mark.parametrize(
    ("step", "action", "kind"),
    [
        ("receiving", "OBSERVE", "received"),
        ("receiving", "ADD", "received"),
        ("shipping", "OBSERVE", "sent"),
        ("departing", "OBSERVE", "sent"),
        ("consigning", "OBSERVE", "sent"),
        ("retail_selling", "DELETE", "sent"),
        ("dispensing", "OBSERVE", "sent"),
        ("destroying", "DELETE", "lost"),
        ("decommissioning", "DELETE", "lost"),
        ("commissioning", "ADD", "made"),
        ("urn:example:harvest", "ADD", "made"),
        ("urn:example:burnt", "DELETE", "lost"),
        ("stock_taking", "OBSERVE", "opening"),
        ("cycle_counting", "OBSERVE", "opening"),
    ],
)
def test_a_step_says_what_became_of_the_goods_and_the_action_where_no_step_does(step: str, action: str, kind: str) -> None:
    found = movements_of([moved(step, quantity(LOT_A, 7), action=action)], MILL)
    assert told(found) == [(kind, LOT_A, "7", "KGM")]
    (only,) = found.movements
    assert (only.material, only.day, only.made_of) == (BEANS, date(2026, 6, 1), frozenset())


@pytest.mark.parametrize("step", ["inspecting", "storing", "arriving", "sampling", "picking"])
def test_a_look_moves_nothing(step: str) -> None:
    assert movements_of([moved(step, quantity(LOT_A, 7))], MILL) == Movements(movements=(), uncounted=())


def test_an_event_without_a_step_counts_by_its_action() -> None:
    event = book_event(action="ADD", quantityList=[quantity(LOT_A, 7)])
    assert told(movements_of([event], MILL)) == [("made", LOT_A, "7", "KGM")]


def test_what_was_shipped_by_mistake_is_taken_back() -> None:
    events = [made(quantity(LOT_A, 9)), sent(quantity(LOT_A, 4), hour=11), moved("void_shipping", quantity(LOT_A, 4), hour=12)]
    assert told(movements_of(events, MILL))[1:] == [("sent", LOT_A, "4", "KGM"), ("sent", LOT_A, "-4", "KGM")]


def test_a_transformation_consumes_and_makes_and_says_out_of_what() -> None:
    event = transformed([quantity(LOT_A, 10), quantity(BAR_LOT, 1)], [quantity(BAR_LOT, 8)], inputEPCList=[CASE])
    found = movements_of([event], MILL)
    assert sorted(told(found)) == [
        ("consumed", LOT_A, "10", "KGM"),
        ("consumed", BAR_LOT, "1", "KGM"),
        ("consumed", CASE, "1", "H87"),
        ("made", BAR_LOT, "8", "KGM"),
    ]
    (output,) = [each for each in found.movements if each.kind is MovementKind.MADE]
    assert output.made_of == {BEANS, material_of(CASE)}


def test_other_kinds_of_event_move_nothing_by_themselves() -> None:
    buying = book_event(
        "TransactionEvent",
        action="ADD",
        bizStep="shipping",
        quantityList=[quantity(LOT_A, 3)],
        bizTransactionList=[{"type": "po", "bizTransaction": "urn:example:po:1"}],
    )
    assert movements_of([buying, packed(PALLET, quantity(LOT_A, 3))], MILL) == Movements(movements=(), uncounted=())


def test_units_of_one_kind_are_brought_together_and_others_stand_alone() -> None:
    events = [made(quantity(LOT_A, 1.5, "TNE"), quantity(LOT_A, 250, "GRM"), quantity(LOT_A, 2, None), quantity(LOT_A, 3, "P1"))]
    assert told(movements_of(events, MILL)) == [
        ("made", LOT_A, "2", "H87"),
        ("made", LOT_A, "0.250", "KGM"),
        ("made", LOT_A, "1500.0", "KGM"),
        ("made", LOT_A, "3", "P1"),
    ]


def test_nothing_is_no_movement() -> None:
    assert movements_of([made(quantity(LOT_A, 0))], MILL).movements == ()


def test_single_items_are_pieces_of_their_class() -> None:
    items = [f"{BARS}/21/{serial}" for serial in (1, 2)] + [SCALE]
    event = book_event(action="ADD", bizStep="commissioning", epcList=items)
    found = movements_of([event], MILL).movements
    assert [(each.material, each.amount, each.unit) for each in found] == [
        (BARS, Decimal(1), "H87"),
        (BARS, Decimal(1), "H87"),
        ("https://id.gs1.org/8003/09506000134390", Decimal(1), "H87"),
    ]


def test_a_class_without_a_quantity_is_told_and_not_guessed() -> None:
    event = received(quantity(LOT_A, None, None))
    found = movements_of([event], MILL)
    assert found.movements == ()
    (missing,) = found.uncounted
    assert (missing.identifier, missing.day, missing.event_hash) == (LOT_A, date(2026, 6, 1), event.event_hash)
    assert "without a quantity" in missing.reason


def _leaving(*items: str, hour: int = 12, **more: Any) -> BookEvent:
    return book_event(action="OBSERVE", bizStep="shipping", epcList=list(items), hour=hour, **more)


def test_a_pallet_takes_its_contents_along_and_is_no_material_itself() -> None:
    events = [
        packed(PALLET, quantity(LOT_A, 20), quantity(LOT_A, 5), quantity(LOT_B, None, None), items=[CASE]),
        packed(CASE, quantity(BAR_LOT, 40, None)),
        packed(PALLET, quantity(LOT_A, 1), action="OBSERVE"),
        _leaving(PALLET),
    ]
    assert sorted(told(movements_of(events, MILL))) == [
        ("sent", LOT_A, "25", "KGM"),
        ("sent", BAR_LOT, "40", "H87"),
        ("sent", CASE, "1", "H87"),
    ]


def test_what_was_unpacked_stays_here() -> None:
    events = [
        packed(PALLET, quantity(LOT_A, 20), items=[CASE]),
        packed(PALLET, quantity(LOT_A, 15), action="DELETE", items=[CASE], hour=11),
        _leaving(PALLET),
    ]
    assert told(movements_of(events, MILL)) == [("sent", LOT_A, "5", "KGM")]
    emptied = [packed(PALLET, quantity(LOT_A, 20)), packed(PALLET, action="DELETE", hour=11), _leaving(PALLET)]
    found = movements_of(emptied, MILL)
    assert found.movements == ()
    assert [each.identifier for each in found.uncounted] == [PALLET]
    more_than_all = [
        packed(PALLET, quantity(LOT_A, 20)),
        packed(PALLET, quantity(LOT_A, 30), action="DELETE", hour=11),
        _leaving(PALLET),
    ]
    assert movements_of(more_than_all, MILL).movements == ()


def test_a_pallet_of_unknown_contents_is_told() -> None:
    found = movements_of([_leaving(PALLET)], MILL)
    assert found.movements == ()
    assert "packed" in found.uncounted[0].reason


def test_what_an_event_names_by_itself_does_not_leave_twice() -> None:
    event = _leaving(PALLET, quantityList=[quantity(LOT_A, 20)])
    found = movements_of([packed(PALLET, quantity(LOT_A, 20)), event], MILL)
    assert told(found) == [("sent", LOT_A, "20", "KGM")]
    assert found.uncounted == ()


def test_pallets_packed_in_each_other_come_to_an_end() -> None:
    other = "https://id.gs1.org/00/095060001343520024"
    events = [
        packed(PALLET, items=[other]),
        packed(other, quantity(LOT_A, 2), items=[PALLET]),
        _leaving(PALLET),
    ]
    assert told(movements_of(events, MILL)) == [("sent", LOT_A, "2", "KGM")]


def test_what_is_packed_as_it_leaves_was_packed_before() -> None:
    events = [_leaving(PALLET, hour=10), packed(PALLET, quantity(LOT_A, 2), hour=10)]
    assert told(movements_of(events, MILL)) == [("sent", LOT_A, "2", "KGM")]


def test_packing_without_a_parent_packs_nothing() -> None:
    event = book_event("AggregationEvent", action="OBSERVE", bizStep="packing", childQuantityList=[quantity(LOT_A, 1)])
    assert movements_of([event, _leaving(PALLET)], MILL).movements == ()


def test_the_first_count_opens_the_book_and_later_ones_correct_it() -> None:
    events = [
        counted(quantity(LOT_A, 100), hour=8),
        sent(quantity(LOT_A, 30), hour=9),
        counted(quantity(LOT_A, 60), hour=10),
        received(quantity(LOT_A, 5), hour=11),
        counted(quantity(LOT_A, 70), hour=12),
        counted(quantity(LOT_A, 70), hour=13),
    ]
    assert told(movements_of(events, MILL)) == [
        ("opening", LOT_A, "100", "KGM"),
        ("sent", LOT_A, "30", "KGM"),
        ("lost", LOT_A, "10", "KGM"),
        ("received", LOT_A, "5", "KGM"),
        ("found", LOT_A, "5", "KGM"),
    ]


def test_a_count_after_something_moved_opens_nothing() -> None:
    events = [received(quantity(LOT_A, 10), hour=8), counted(quantity(LOT_A, 25), hour=9), counted(quantity(LOT_B, 0), hour=9)]
    assert told(movements_of(events, MILL))[1:] == [("found", LOT_A, "15", "KGM")]


def test_parts_of_one_count_are_one_count() -> None:
    events = [counted(quantity(LOT_A, 40)), counted(quantity(LOT_A, 60))]
    assert told(movements_of(events, MILL)) == [("opening", LOT_A, "100", "KGM")]


def test_an_event_that_was_declared_wrong_did_nothing() -> None:
    wrong = made(quantity(LOT_A, 10))
    declaration = made(
        quantity(LOT_A, 10),
        errorDeclaration={"declarationTime": "2026-06-02T10:00:00Z", "reason": "did_not_occur"},
    )
    assert declaration.event_hash == wrong.event_hash
    right = made(quantity(LOT_A, 9))
    assert told(movements_of([wrong, right, declaration], MILL)) == [("made", LOT_A, "9", "KGM")]


def test_the_same_event_again_is_the_same_event() -> None:
    assert len(movements_of([made(quantity(LOT_A, 10))] * 3, MILL).movements) == 1


def test_only_what_happened_at_the_facility_counts() -> None:
    elsewhere = "https://id.gs1.org/414/9506000134369"
    events = [
        made(quantity(LOT_A, 1), bizLocation={"id": f"{MILL}/254/SILO-1"}),
        made(quantity(LOT_A, 2), bizLocation={"id": elsewhere}, readPoint={"id": MILL}),
        sent(quantity(LOT_A, 3), bizLocation=None, readPoint={"id": "urn:epc:id:sgln:9506000.13435.DOCK-2"}),
        sent(quantity(LOT_A, 4), bizLocation=None),
    ]
    assert told(movements_of(events, MILL)) == [("made", LOT_A, "1", "KGM"), ("sent", LOT_A, "3", "KGM")]
    assert [place_of(each.event) for each in events] == [MILL, elsewhere, MILL, None]


@pytest.mark.parametrize(
    ("offset", "day"), [("+00:00", date(2026, 6, 1)), ("-11:00", date(2026, 5, 31)), ("+14:00", date(2026, 6, 2))]
)
def test_a_day_is_the_day_where_it_happened(offset: str, day: date) -> None:
    (only,) = movements_of([made(quantity(LOT_A, 1), eventTimeZoneOffset=offset)], MILL).movements
    assert only.day == day


@pytest.mark.parametrize(
    ("identifier", "material"),
    [
        (BEANS, BEANS),
        (f"{BEANS}/10/A", BEANS),
        (f"{BEANS}/21/1", BEANS),
        (f"{BEANS}/22/2A", BEANS),
        ("https://id.gs1.org/8006/095060001343520102/21/7", "https://id.gs1.org/8006/095060001343520102"),
        ("https://id.gs1.org/8010/9506000-AB/8011/7", "https://id.gs1.org/8010/9506000-AB"),
        ("https://id.gs1.org/8003/09506000134352XYZ", "https://id.gs1.org/8003/09506000134352"),
        ("https://id.gs1.org/253/9506000134352XYZ", "https://id.gs1.org/253/9506000134352"),
        ("https://id.gs1.org/255/950600013435211", "https://id.gs1.org/255/9506000134352"),
        (PALLET, PALLET),
        ("urn:uuid:9f0c3f4e-8f5a-4a7e-9f59-2b0a3c1d4e5f", "urn:uuid:9f0c3f4e-8f5a-4a7e-9f59-2b0a3c1d4e5f"),
        ("https://example.org/01/thing/10/A", "https://example.org/01/thing/10/A"),
    ],
)
def test_a_material_is_the_class_of_its_items(identifier: str, material: str) -> None:
    assert material_of(identifier) == material
    assert material_of(material) == material
    assert canonical_material(identifier) == material


def test_every_spelling_names_the_same_material_and_facility() -> None:
    assert canonical_material("urn:epc:class:lgtin:9506000.013437.A") == BEANS
    assert canonical_material("https://shop.example/01/09506000134376/10/A?17=261231") == BEANS
    assert canonical_facility("urn:epc:id:sgln:9506000.13435.DOCK-2") == MILL
    assert facility_of(f"{MILL}/254/DOCK-2") == MILL
    assert facility_of("geo:1,2") == "geo:1,2"
    assert is_logistic_unit(PALLET)
    assert not is_logistic_unit(CASE)
