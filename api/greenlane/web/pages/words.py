"""The words of events in plain English, for people who never heard of EPCIS."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from greenlane.core.assets.quantity import unit_words
from greenlane.core.epcis.identifiers import IdentifierFault, parse_identifier
from greenlane.core.epcis.vocabulary import VocabularyKind, bare_word

_STEPS: Final = {
    "accepting": "Accepted",
    "arriving": "Arrived",
    "assembling": "Assembled",
    "collecting": "Collected",
    "commissioning": "Came into being",
    "consigning": "Handed over for transport",
    "creating_class_instance": "Produced as a lot",
    "cycle_counting": "Counted",
    "decommissioning": "Taken out of use",
    "departing": "Departed",
    "destroying": "Destroyed",
    "disassembling": "Taken apart",
    "dispensing": "Dispensed",
    "encoding": "Given a tag",
    "entering_exiting": "Passed through a gate",
    "holding": "Held back",
    "inspecting": "Inspected",
    "installing": "Installed",
    "killing": "Tag switched off",
    "loading": "Loaded",
    "other": "Something else was done",
    "packing": "Packed",
    "picking": "Picked from stock",
    "receiving": "Received",
    "removing": "Removed",
    "repackaging": "Packed anew",
    "repairing": "Repaired",
    "replacing": "Replaced",
    "reserving": "Reserved",
    "retail_selling": "Sold in a shop",
    "sampling": "Sampled",
    "sensor_reporting": "Measured",
    "shipping": "Shipped",
    "staging_outbound": "Made ready to leave",
    "stock_taking": "Counted in stock",
    "stocking": "Put on the shelf",
    "storing": "Stored",
    "transporting": "Transported",
    "unloading": "Unloaded",
    "unpacking": "Unpacked",
    "void_shipping": "Shipment cancelled",
}
_TYPES: Final = {
    "ObjectEvent": "Seen",
    "AggregationEvent": "Packed together",
    "TransactionEvent": "Bound to business papers",
    "TransformationEvent": "Made from other goods",
    "AssociationEvent": "Joined",
}
_ROLES: Final = {
    "parentID": "In or on",
    "epcList": "Items",
    "childEPCs": "Items inside",
    "inputEPCList": "Made from",
    "outputEPCList": "Made into",
    "quantityList": "Goods",
    "childQuantityList": "Goods inside",
    "inputQuantityList": "Made from",
    "outputQuantityList": "Made into",
}
ECONOMY_COLORS: Final = 6
"""How many colors the style sheet has for the economies of one journey."""


def step_words(event_type: str, biz_step: str | None) -> str:
    """What happened, in a few words."""
    if biz_step is not None:
        word = bare_word(VocabularyKind.BIZ_STEP, biz_step)
        if word is not None:
            # A thing that comes into being from others is better told by that.
            if word == "commissioning" and event_type == "TransformationEvent":
                return _TYPES[event_type]
            return _STEPS[word]
        return biz_step.rstrip("/").rpartition("/")[2].rpartition("-")[2].rpartition(":")[2].replace("_", " ").capitalize()[:60]
    return _TYPES.get(event_type, event_type)


def disposition_words(disposition: str | None) -> str | None:
    """The state that something was left in, or None where the event does not tell."""
    if disposition is None:
        return None
    word = bare_word(VocabularyKind.DISPOSITION, disposition)
    return (word or disposition).replace("_", " ")


def role_words(field: str) -> str:
    """What the things in a field of an event are to it."""
    return _ROLES[field]


def item_words(identifier: str) -> str:
    """An identifier as people read it from a label."""
    try:
        read = parse_identifier(identifier)
    except IdentifierFault:
        return identifier
    names = {"00": "SSCC", "01": "GTIN", "414": "place GLN", "417": "party GLN", "21": "serial", "10": "lot", "254": "area"}
    parts = [f"{names.get(read.key.value, read.key.name.replace('_', ' '))} {read.primary}"]
    parts.extend(f"{names.get(ai, f'({ai})')} {value}" for ai, value in read.qualifiers)
    return ", ".join(parts)


def local_path(identifier: str) -> str | None:
    """The path of an item's own page here; None where it has none."""
    try:
        return parse_identifier(identifier).digital_link.removeprefix("https://id.gs1.org")
    except IdentifierFault:
        return None


def quantity_words(quantity: object, uom: object) -> str | None:
    """An amount with its unit; None where there is none."""
    if not isinstance(quantity, int | float) or isinstance(quantity, bool):
        return None
    amount = f"{quantity:,.3f}".rstrip("0").rstrip(".")
    unit = unit_words(uom) if isinstance(uom, str) else "pieces"
    return f"{amount} {unit}"


def time_words(at: datetime, offset: object) -> str:
    """A time by the clock of the place where it happened, its zone told; in UTC where the offset is none."""
    zone = "UTC"
    if isinstance(offset, str) and len(offset) == 6 and offset[1:3].isdecimal() and offset[4:].isdecimal():
        sign = -1 if offset[0] == "-" else 1
        # A time at the very ends of the calendar has no local form; an event that has one must not cost the page.
        with suppress(OverflowError):
            at = at.astimezone(UTC) + sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[4:]))
            zone = f"UTC{offset}"
    return f"{at.day} {at:%b} {at.year}, {at:%H:%M} ({zone})"
