"""What trace promises: a buyer sees where one item came from, whole, and nothing of what lay beside it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from greenlane.core.canonical import parse_json
from greenlane.core.epcis.event import parse_capture
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import MemberRole, Visibility
from greenlane.ports.events import EventFilter, Reader, StoredEvent
from greenlane.services.trace import Journey, Trace
from worlds.deployment import HO_CHI_MINH, LIMA, ROASTER, TIANJIN, World
from worlds.events import event_document, item, parsed

CHAINS = Path(__file__).parents[2] / "scripts" / "demo" / "chains"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PALLET, OTHER_PALLET = "https://id.gs1.org/00/095213210000000018", "https://id.gs1.org/00/095213210000000025"
CLASS = "https://id.gs1.org/01/09521321000018"


def at(hour: int) -> str:
    return (NOON + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def seen(hour: int, *items: str, **changes: Any) -> dict[str, Any]:
    return event_document(eventTime=at(hour), epcList=list(items), **changes)


def packed(hour: int, parent: str, *children: str, action: str = "ADD") -> dict[str, Any]:
    return event_document(
        type="AggregationEvent",
        eventTime=at(hour),
        epcList=None,
        parentID=parent,
        childEPCs=list(children),
        action=action,
        bizStep="packing" if action == "ADD" else "unpacking",
    )


def made(hour: int, outputs: Iterable[str], inputs: Iterable[str]) -> dict[str, Any]:
    return event_document(
        type="TransformationEvent",
        eventTime=at(hour),
        epcList=None,
        action=None,
        bizStep="creating_class_instance",
        inputEPCList=list(inputs),
        outputEPCList=list(outputs),
    )


def hours(journey: Journey) -> list[int]:
    return [round((event.event_time - NOON) / timedelta(hours=1)) for event in journey.events]


def test_what_nobody_named_has_no_journey(world: World) -> None:
    world.take(1)
    journey = world.trace(item("nowhere"), reader=None)
    assert (journey.events, journey.is_whole) == ((), True)


def test_an_item_is_followed_to_what_it_was_made_of_and_no_further_down(world: World) -> None:
    world.take_these(
        *parsed(
            seen(0, item("bean")),
            seen(0, item("other-bean")),
            made(1, [item("bar"), item("sibling")], [item("bean")]),
            made(1, [item("stranger")], [item("other-bean")]),
            seen(2, item("bar")),
            seen(3, item("sibling")),
            seen(4, item("bean")),
        )
    )
    # The last event of the bean comes after the bar was made of it: it cannot concern the bar.
    assert hours(world.trace(item("bar"), reader=None)) == [0, 1, 2]
    assert hours(world.trace(item("bean"), reader=None)) == [0, 1, 4]


def test_a_pallets_events_count_while_the_item_was_on_it_and_its_neighbours_never(world: World) -> None:
    world.take_these(
        *parsed(
            seen(0, PALLET),
            packed(1, PALLET, item("box"), item("neighbour")),
            seen(2, PALLET),
            packed(3, PALLET, item("box"), action="DELETE"),
            seen(4, PALLET),
            seen(5, item("neighbour")),
            seen(6, item("box")),
        )
    )
    assert hours(world.trace(item("box"), reader=None)) == [1, 2, 3, 6]


def test_an_item_still_on_its_pallet_is_where_the_pallet_is(world: World) -> None:
    world.take_these(*parsed(packed(1, PALLET, item("box")), seen(2, PALLET), seen(30, PALLET)))
    assert hours(world.trace(item("box"), reader=None)) == [1, 2, 30]


def test_an_item_that_was_twice_on_one_pallet_has_both_rides(world: World) -> None:
    world.take_these(
        *parsed(
            packed(1, PALLET, item("box")),
            seen(2, PALLET),
            packed(3, PALLET, item("box"), action="DELETE"),
            seen(4, PALLET),
            packed(5, PALLET, item("box")),
            seen(6, PALLET),
            packed(7, PALLET, item("box"), action="DELETE"),
            seen(8, PALLET),
        )
    )
    assert hours(world.trace(item("box"), reader=None)) == [1, 2, 3, 5, 6, 7]


def test_a_pallet_in_a_pallet_is_followed_up(world: World) -> None:
    world.take_these(
        *parsed(packed(1, PALLET, item("box")), packed(2, OTHER_PALLET, PALLET), seen(3, OTHER_PALLET), seen(4, PALLET))
    )
    assert hours(world.trace(item("box"), reader=None)) == [1, 2, 3, 4]


def test_what_is_made_of_itself_ends(world: World) -> None:
    world.take_these(
        *parsed(
            made(1, [item("a")], [item("b")]),
            made(2, [item("b")], [item("a")]),
            packed(3, PALLET, OTHER_PALLET),
            packed(4, OTHER_PALLET, PALLET),
            packed(5, PALLET, item("a")),
        )
    )
    journey = world.trace(item("a"), reader=None)
    assert journey.is_whole
    assert set(hours(journey)) >= {1, 2, 5}


def test_a_class_of_goods_without_lot_or_serial_is_not_this_item(world: World) -> None:
    recipe = made(1, [item("bar")], [])
    del recipe["inputEPCList"]
    recipe["inputQuantityList"] = [{"epcClass": CLASS, "quantity": 5}]
    other = event_document(eventTime=at(0), epcList=None, quantityList=[{"epcClass": CLASS, "quantity": 9}])
    world.take_these(*parsed(recipe, other))
    assert hours(world.trace(item("bar"), reader=None)) == [1]


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({"max_events": 3}, 3),
        ({"max_bytes": 1_000}, 3),
        ({"max_identifiers": 2}, 99),
        ({"max_events": 1, "max_identifiers": 1}, 1),
    ],
)
def test_a_limit_ends_the_walk_and_says_so(world: World, limits: dict[str, int], most: int) -> None:
    chain = [made(hour, [item(hour + 1)], [item(hour)]) for hour in range(6)]
    world.take_these(*parsed(*chain))
    whole = Trace(store=world.store)(item(6), reader=None)
    assert (whole.is_whole, hours(whole)) == (True, [0, 1, 2, 3, 4, 5])
    cut = Trace(store=world.store, **limits)(item(6), reader=None)
    assert not cut.is_whole
    assert len(cut.events) <= most


def test_a_private_event_is_there_for_its_own_center_alone(world: World) -> None:
    world.take_these(*parsed(seen(1, item("x"))))
    world.take_these(*parsed(seen(2, item("x"))), member=ROASTER)
    assert hours(world.trace(item("x"), reader=None)) == [1]
    assert hours(world.trace(item("x"), reader=Reader(center=TIANJIN))) == [1]
    assert hours(world.trace(item("x"), reader=Reader(center=CenterId("nowhere")))) == [1]
    assert hours(world.trace(item("x"), reader=Reader(center=LIMA))) == [1, 2]


def test_a_secret_recipe_hides_what_went_into_the_item(world: World) -> None:
    world.take_these(*parsed(seen(0, item("bean")), seen(5, item("bar"))))
    world.take_these(*parsed(made(1, [item("bar")], [item("bean")])), member=ROASTER)
    assert hours(world.trace(item("bar"), reader=Reader(center=TIANJIN))) == [5]
    assert hours(world.trace(item("bar"), reader=Reader(center=LIMA))) == [0, 1, 5]


def test_pages_come_in_time_order_without_gap_or_repeat(world: World) -> None:
    world.take_these(*parsed(*(seen(hour % 7, item(hour)) for hour in range(23))))
    token, walked = None, list[StoredEvent]()
    while True:
        page = world.trace.find(EventFilter(reader=None), limit=5, token=token)
        walked += page.events
        token = page.next_token
        if token is None:
            break
    assert len({event.leaf_index for event in walked}) == len(walked) == 23
    assert [event.event_time for event in walked] == sorted(event.event_time for event in walked)
    with pytest.raises(InvalidInput):
        world.trace.find(EventFilter(reader=None), limit=5, token="no token")


# --- the demo's chains --------------------------------------------------------------------------------------------------


@pytest.fixture
def demo(world: World) -> tuple[World, Any]:
    """Both chains, captured by their members."""
    plan = json.loads((CHAINS / "members.json").read_bytes())
    for center in plan["centers"]:
        for member in center["members"]:
            world.enrol.member(
                center=CenterId(center["id"]),
                member=MemberId(member["id"]),
                name=member["name"],
                roles=frozenset(MemberRole(role) for role in member["roles"]),
                visibility=Visibility(member["visibility"]),
                actor="console",
            )
            for path in member["documents"]:
                world.capture(
                    center=CenterId(center["id"]),
                    member=MemberId(member["id"]),
                    events=parse_capture(parse_json((CHAINS / path).read_bytes())),
                    actor="console",
                )
    return world, plan


def plots(journey: Journey) -> set[str | None]:
    """Where whatever stands in a journey first came to be, as far as it grew in the open."""
    births = [event for event in journey.events if event.event_type == "ObjectEvent" and event.action == "ADD"]
    return {event.read_point for event in births if (event.read_point or "").startswith("geo:")}


def test_the_demos_items_lead_back_to_farm_and_forest(demo: tuple[World, Any]) -> None:
    world, plan = demo
    for headline, center in zip(plan["headline"], (TIANJIN, HO_CHI_MINH), strict=True):
        inside = world.trace(f"https://id.gs1.org{headline['path']}", reader=Reader(center=center))
        assert inside.is_whole
        assert len(plots(inside)) == {"cocoa": 4, "furniture": 3}[headline["chain"]]
        times = [event.event_time for event in inside.events]
        assert times == sorted(times)


def test_the_public_sees_the_demos_items_without_a_private_step(demo: tuple[World, Any]) -> None:
    world, plan = demo
    for headline in plan["headline"]:
        journey = world.trace(f"https://id.gs1.org{headline['path']}", reader=None)
        assert journey.is_whole
        assert len(journey.events) >= 5
        assert {event.visibility for event in journey.events} == {Visibility.PUBLIC}


def test_the_demos_items_do_not_lead_down_to_their_neighbours(demo: tuple[World, Any]) -> None:
    world, plan = demo
    for headline, center in zip(plan["headline"], (TIANJIN, HO_CHI_MINH), strict=True):
        own = f"https://id.gs1.org{headline['path']}"
        stem, _, _ = own.rpartition("/")
        for event in world.trace(own, reader=Reader(center=center)).events:
            serials = {each.identifier for each in event.items if each.identifier.startswith(stem)}
            assert not serials or own in serials or _is_carrier(event), event.document


def _is_carrier(event: StoredEvent) -> bool:
    """A pallet that is packed or unpacked names all that lies on it."""
    return event.event_type == "AggregationEvent"
