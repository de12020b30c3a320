"""What the demo's chains are told with: firms that spell in their own ways, GS1 keys, products, places, and the book of a firm.

Source: EPCIS 2.0.1 and CBV 2.0 (GS1), General Specifications 7.9 (check digits), Tag Data Standard 2.0 (URNs), RFC 5870
(`geo:`), UN/CEFACT Recommendation 20 (units).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import TypeAlias

Json: TypeAlias = "dict[str, object]"

NAMESPACE = "https://greenlane.example/ns#"
CONTEXT: list[object] = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"greenlane": NAMESPACE},
]
EVENT_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "https://greenlane.example/demo/events")
ID_RESOLVER = "https://id.gs1.org"


class Spelling(Enum):
    """How a firm writes GS1 identifiers."""

    URN = "urn"
    DIGITAL_LINK = "digital link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Center:
    """A pilot center: its id, name, ISO 3166-1 economy and offset from UTC in hours."""

    id: str
    name: str
    economy: str
    offset_h: int


TIANJIN = Center(id="tianjin", name="Pilot Center Tianjin", economy="CN", offset_h=8)
LIMA = Center(id="lima", name="Pilot Center Lima", economy="PE", offset_h=-5)
HO_CHI_MINH = Center(id="ho-chi-minh", name="Pilot Center Ho Chi Minh City", economy="VN", offset_h=7)
CENTERS = (TIANJIN, LIMA, HO_CHI_MINH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """A member (or a party outside the network), with the habits of its system.

    `resolver` is where its own trade items resolve; everybody else's are written on id.gs1.org.
    """

    id: str
    name: str
    prefix: str
    center: Center
    spelling: Spelling
    roles: tuple[str, ...] = ("enterprise",)
    is_private: bool = False
    has_event_ids: bool = False
    writes_utc: bool = False
    resolver: str = ID_RESOLVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A GS1 key before it is spelled: who issued it, its reference without check digit, its serial or lot.

    `reference` is what follows the company prefix in the EPC URN, leading indicator or extension digit included.
    """

    scheme: str
    issuer: Firm
    reference: str
    serial: str = ""


def check_digit(digits: str) -> str:
    """The GS1 mod-10 check digit of `digits`, weights 3 and 1 from the right."""
    weighed = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-weighed % 10)


def gtin_of(key: Key) -> str:
    """The GTIN-14 of a trade item, lot or serial number: indicator, prefix, item reference, check digit."""
    body = key.reference[0] + key.issuer.prefix + key.reference[1:]
    return body + check_digit(body)


def _thirteen(key: Key) -> str:
    body = key.issuer.prefix + key.reference
    return body + check_digit(body)


def digital_link(key: Key, resolver: str = ID_RESOLVER) -> str:
    """A key as a GS1 Digital Link URI."""
    serial = key.serial
    match key.scheme:
        case "gtin":
            path = f"01/{gtin_of(key)}"
        case "lgtin":
            path = f"01/{gtin_of(key)}/10/{serial}"
        case "sgtin":
            path = f"01/{gtin_of(key)}/21/{serial}"
        case "sscc":
            body = key.reference[0] + key.issuer.prefix + key.reference[1:]
            path = f"00/{body}{check_digit(body)}"
        case "sgln":
            path = f"414/{_thirteen(key)}" + ("" if serial == "0" else f"/254/{serial}")
        case "pgln":
            path = f"417/{_thirteen(key)}"
        case "grai":
            path = f"8003/0{_thirteen(key)}{serial}"
        case "giai":
            path = f"8004/{key.issuer.prefix}{serial}"
        case "gdti":
            path = f"253/{_thirteen(key)}{serial}"
        case "gsin":
            path = f"402/{_thirteen(key)}"
        case scheme:
            raise ValueError(f"no Digital Link is written for scheme {scheme}")
    return f"{resolver}/{path}"


def urn(key: Key) -> str:
    """A key as an EPC URN."""
    stem = f"{key.issuer.prefix}.{key.reference}" if key.reference else key.issuer.prefix
    match key.scheme:
        case "gtin":
            return f"urn:epc:idpat:sgtin:{stem}.*"
        case "lgtin":
            return f"urn:epc:class:lgtin:{stem}.{key.serial}"
        case "sscc" | "pgln" | "gsin":
            return f"urn:epc:id:{key.scheme}:{stem}"
        case _:
            return f"urn:epc:id:{key.scheme}:{stem}.{key.serial}"


def spell(key: Key, by: Firm) -> str:
    """A key as the firm `by` writes it."""
    if by.spelling is Spelling.URN:
        return urn(key)
    is_own_item = key.issuer is by and key.scheme in {"gtin", "lgtin", "sgtin"}
    return digital_link(key, by.resolver if is_own_item else ID_RESOLVER)


def pad(issuer: Firm, reference: int, total: int = 12) -> str:
    return str(reference).zfill(total - len(issuer.prefix))


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A trade item: its key, what it is called, and what one unit holds (None where it is sold by measure)."""

    key: Key
    name: str
    content: tuple[float, str] | None

    def lot(self, lot: str) -> Key:
        return Key(scheme="lgtin", issuer=self.key.issuer, reference=self.key.reference, serial=lot)

    def item(self, serial: str) -> Key:
        return Key(scheme="sgtin", issuer=self.key.issuer, reference=self.key.reference, serial=serial)


def product(issuer: Firm, indicator: int, reference: int, name: str, content: tuple[float, str] | None = None) -> Product:
    """A trade item of `issuer`; indicator 9 marks one that is sold by measure."""
    key = Key(scheme="gtin", issuer=issuer, reference=f"{indicator}{pad(issuer, reference)}")
    return Product(key=key, name=name, content=content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A location with its SGLN, name and position in WGS 84 degrees."""

    key: Key
    name: str
    latitude: float
    longitude: float


def place(issuer: Firm, reference: int, name: str, at: tuple[float, float], extension: str = "0") -> Place:
    """A location of `issuer`; extension "0" says that the GLN alone names it."""
    key = Key(scheme="sgln", issuer=issuer, reference=pad(issuer, reference), serial=extension)
    return Place(key=key, name=name, latitude=at[0], longitude=at[1])


def party(firm: Firm) -> Key:
    """The firm as a party: the first GLN of its prefix."""
    return Key(scheme="pgln", issuer=firm, reference=pad(firm, 0))


def sscc(issuer: Firm, number: int, extension: int = 0) -> Key:
    return Key(scheme="sscc", issuer=issuer, reference=f"{extension}{pad(issuer, number, 16)}")


def gsin(issuer: Firm, number: int) -> Key:
    return Key(scheme="gsin", issuer=issuer, reference=pad(issuer, number, 16))


def transaction(owner: Firm, number: str) -> str:
    """A business document's URI, in the spelling of the firm that wrote it; others cite it letter for letter."""
    if owner.spelling is Spelling.URN:
        return f"urn:epcglobal:cbv:bt:{_thirteen(party(owner))}:{number}"
    letters = number.rstrip("0123456789")
    reference = pad(owner, DOCUMENT_TYPES[letters])
    return digital_link(Key(scheme="gdti", issuer=owner, reference=reference, serial=number))


# A GDTI names the type of document within its issuer; the letters before the running number tell it.
DOCUMENT_TYPES: Mapping[str, int] = {"PO": 1, "DA": 2, "INV": 3, "BOL": 4, "TR": 5, "QT": 6, "SX": 7, "DAM": 8}

Quantity: TypeAlias = "tuple[Key, float, str | None]"
Transactions: TypeAlias = "Sequence[tuple[str, str]]"


@dataclass(slots=True, kw_only=True)
class Book:
    """What one firm captures in one chain: its events in the order of their happening, its places and products."""

    chain: str
    firm: Firm
    places: Sequence[Place] = ()
    products: Sequence[Product] = ()
    events: list[Json] = field(default_factory=list)
    last: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    @property
    def path(self) -> str:
        return f"{self.chain}/{self.firm.id}.jsonld"

    def instant(self, local: str) -> str:
        """A local wall-clock time as the firm's system writes it."""
        zone = timezone(timedelta(hours=self.firm.center.offset_h))
        moment = datetime.fromisoformat(local).replace(tzinfo=zone)
        self.last = max(self.last, moment)
        if self.firm.writes_utc:
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return moment.isoformat()

    def event_id(self, name: str) -> str:
        return f"urn:uuid:{uuid.uuid5(EVENT_IDS, f'{self.path}#{name}')}"

    def add(
        self,
        kind: str,
        at: str,
        *,
        action: str | None = None,
        step: str,
        disposition: str | None = None,
        persistent: Mapping[str, Sequence[str]] | None = None,
        parent: Key | None = None,
        items: Sequence[Key] = (),
        lots: Sequence[Quantity] = (),
        input_items: Sequence[Key] = (),
        input_lots: Sequence[Quantity] = (),
        read_point: Place | str | None = None,
        location: Place | None = None,
        transactions: Transactions = (),
        owner: tuple[Firm, Firm] | None = None,
        holder: tuple[Firm, Firm] | None = None,
        sensors: Sequence[Json] = (),
        ilmd: Json | None = None,
        certificates: Sequence[str] = (),
        more: Json | None = None,
        name: str | None = None,
    ) -> Json:
        """Record one event; empty parts are left out. `items` and `lots` take the field that the kind gives them."""
        firm = self.firm
        hours = firm.center.offset_h
        event: Json = {"type": kind}
        if firm.has_event_ids or name is not None:
            event["eventID"] = self.event_id(name or str(len(self.events)))
        event["eventTime"] = self.instant(at)
        event["eventTimeZoneOffset"] = f"{'-' if hours < 0 else '+'}{abs(hours):02}:00"
        if certificates:
            event["certificationInfo"] = list(certificates)
        if parent is not None:
            event["parentID"] = spell(parent, firm)
        item_field, lot_field = {
            "ObjectEvent": ("epcList", "quantityList"),
            "TransactionEvent": ("epcList", "quantityList"),
            "AggregationEvent": ("childEPCs", "childQuantityList"),
            "AssociationEvent": ("childEPCs", "childQuantityList"),
            "TransformationEvent": ("outputEPCList", "outputQuantityList"),
        }[kind]
        for its_name, keys in (("inputEPCList", input_items), (item_field, items)):
            if keys:
                event[its_name] = [spell(key, firm) for key in keys]
        for its_name, quantities in (("inputQuantityList", input_lots), (lot_field, lots)):
            if quantities:
                event[its_name] = [self._quantity(*quantity) for quantity in quantities]
        event |= {name: value for name, value in (("action", action), ("bizStep", step), ("disposition", disposition)) if value}
        if persistent:
            event["persistentDisposition"] = {change: list(values) for change, values in persistent.items()}
        if read_point is not None:
            event["readPoint"] = {"id": read_point if isinstance(read_point, str) else spell(read_point.key, firm)}
        if location is not None:
            event["bizLocation"] = {"id": spell(location.key, firm)}
        if transactions:
            event["bizTransactionList"] = [{"type": kind, "bizTransaction": uri} for kind, uri in transactions]
        handover = [("owning_party", owner), ("possessing_party", holder)]
        if owner or holder:
            event["sourceList"] = [{"type": role, "source": spell(party(pair[0]), firm)} for role, pair in handover if pair]
            event["destinationList"] = [
                {"type": role, "destination": spell(party(pair[1]), firm)} for role, pair in handover if pair
            ]
        if sensors:
            event["sensorElementList"] = list(sensors)
        if ilmd:
            event["ilmd"] = ilmd
        event |= more or {}
        self.events.append(event)
        return event

    def declare_wrong(self, wrong: Json, *, at: str, corrective: Sequence[str]) -> None:
        """Send `wrong` again, unchanged but for its error declaration."""
        self.events.append(
            wrong
            | {
                "errorDeclaration": {
                    "declarationTime": self.instant(at),
                    "reason": "incorrect_data",
                    "correctiveEventIDs": list(corrective),
                }
            }
        )

    def _quantity(self, key: Key, quantity: float, uom: str | None) -> Json:
        element: Json = {"epcClass": spell(key, self.firm), "quantity": quantity}
        return element | ({"uom": uom} if uom else {})

    def document(self) -> Json:
        """The EPCIS document, master data of the firm's own places and products in its header."""
        firm = self.firm
        vocabularies: list[Json] = []
        if self.products:
            vocabularies.append(
                {
                    "type": "urn:epcglobal:epcis:vtype:EPCClass",
                    "vocabularyElementList": [_product_master(each, firm) for each in self.products],
                }
            )
        if self.places:
            vocabularies.append(
                {
                    "type": "urn:epcglobal:epcis:vtype:BusinessLocation",
                    "vocabularyElementList": [_place_master(each, firm) for each in self.places],
                }
            )
        created = (self.last + timedelta(minutes=30)).astimezone(UTC)
        document: Json = {
            "@context": CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if vocabularies:
            document["epcisHeader"] = {"epcisMasterData": {"vocabularyList": vocabularies}}
        # Stable, so that a wrong event, its declaration and its correction keep their order at one event time.
        in_time = sorted(self.events, key=lambda event: datetime.fromisoformat(str(event["eventTime"])))
        return document | {"epcisBody": {"eventList": in_time}}


def _product_master(each: Product, by: Firm) -> Json:
    attributes: list[Json] = [{"id": "cbvmda:descriptionShort", "attribute": each.name}]
    if each.content is not None:
        value, uom = each.content
        attributes.append({"id": "greenlane:netContent", "attribute": {"value": value, "uom": uom}})
    return {"id": spell(each.key, by), "attributes": attributes}


def _place_master(each: Place, by: Firm) -> Json:
    return {
        "id": spell(each.key, by),
        "attributes": [
            {"id": "cbvmda:name", "attribute": each.name},
            {"id": "cbvmda:countryCode", "attribute": by.center.economy},
            {"id": "cbvmda:latitude", "attribute": str(each.latitude)},
            {"id": "cbvmda:longitude", "attribute": str(each.longitude)},
        ],
    }


def report(kind: str, uom: str, **values: float | str) -> Json:
    """One sensor report; `kind` is a GS1 measurement type or a term of this project's namespace."""
    return {"type": kind, **values, "uom": uom}


URN = Spelling.URN
LINK = Spelling.DIGITAL_LINK
