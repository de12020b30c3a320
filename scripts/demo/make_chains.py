"""The demo's input: two supply chains, told as the EPCIS 2.0 documents that their firms would send.

One chain carries cocoa from plots in San Martín to a gift box sold in Tianjin, the other acacia from plantations in
Quảng Trị to desks installed in a city near Lima. Firms, products, certificates and sums are invented; identifiers are
well formed on company prefixes within 952, which GS1 keeps for demonstrations; domains end in `.example`. No person
is named: plots and forest lots stand for those who work them.

Rules: what this file makes is committed beside it under `chains/`, and a test holds the two equal, so a change here is
a change of the files too (`python scripts/demo/make_chains.py`). Firms spell alike things differently, as firms do:
some by EPC URN, some by GS1 Digital Link, two on their own resolver; some give event ids, some leave them out; some
write local time, some UTC. One event is wrong and is corrected as EPCIS asks: sent again with an error declaration.

Source: EPCIS 2.0.1 and CBV 2.0 (GS1), General Specifications 7.9 (check digits), Tag Data Standard 2.0 (URNs), RFC 5870
(`geo:`), UN/CEFACT Recommendation 20 (units).
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = "dict[str, object]"

CHAINS = Path(__file__).parent / "chains"
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


TIANJIN = Center(id="tianjin", name="Tianjin Pilot Center", economy="CN", offset_h=8)
LIMA = Center(id="lima", name="Lima Pilot Center", economy="PE", offset_h=-5)
HO_CHI_MINH = Center(id="ho-chi-minh", name="Ho Chi Minh City Pilot Center", economy="VN", offset_h=7)
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


def _pad(issuer: Firm, reference: int, total: int = 12) -> str:
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
    key = Key(scheme="gtin", issuer=issuer, reference=f"{indicator}{_pad(issuer, reference)}")
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
    key = Key(scheme="sgln", issuer=issuer, reference=_pad(issuer, reference), serial=extension)
    return Place(key=key, name=name, latitude=at[0], longitude=at[1])


def party(firm: Firm) -> Key:
    """The firm as a party: the first GLN of its prefix."""
    return Key(scheme="pgln", issuer=firm, reference=_pad(firm, 0))


def sscc(issuer: Firm, number: int, extension: int = 0) -> Key:
    return Key(scheme="sscc", issuer=issuer, reference=f"{extension}{_pad(issuer, number, 16)}")


def gsin(issuer: Firm, number: int) -> Key:
    return Key(scheme="gsin", issuer=issuer, reference=_pad(issuer, number, 16))


def transaction(owner: Firm, number: str) -> str:
    """A business document's URI, in the spelling of the firm that wrote it; others cite it letter for letter."""
    if owner.spelling is Spelling.URN:
        return f"urn:epcglobal:cbv:bt:{_thirteen(party(owner))}:{number}"
    letters = number.rstrip("0123456789")
    reference = _pad(owner, DOCUMENT_TYPES[letters])
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

# --- who is who ------------------------------------------------------------------------------------------------------

VALLE = Firm(
    id="valle-esmeralda",
    name="Cooperativa Cacao Valle Esmeralda",
    prefix="9521101",
    center=LIMA,
    spelling=URN,
    has_event_ids=True,
)
BOSQUE = Firm(
    id="bosque-vivo",
    name="Bosque Vivo Certificaciones",
    prefix="952110201",
    center=LIMA,
    spelling=LINK,
    roles=("certifier",),
    writes_utc=True,
)
ANDES = Firm(id="andes-claro", name="Andes Claro Exportaciones S.A.C.", prefix="9521103", center=LIMA, spelling=LINK)
PACIFICO = Firm(
    id="pacifico-llano",
    name="Pacífico Llano Logística S.A.C.",
    prefix="9521104",
    center=LIMA,
    spelling=URN,
    writes_utc=True,
)
ADUANA = Firm(
    id="aduana-costa-central",
    name="Aduana Costa Central",
    prefix="9521105",
    center=LIMA,
    spelling=LINK,
    roles=("agency",),
)
ALAMEDA = Firm(
    id="puerto-alameda",
    name="Municipalidad de Puerto Alameda, Oficina de Compras",
    prefix="9521106",
    center=LIMA,
    spelling=URN,
    roles=("buyer",),
    has_event_ids=True,
)
BOHAI = Firm(
    id="bohai-gateway",
    name="渤海之门物流 Bohai Gateway Logistics",
    prefix="9521201",
    center=TIANJIN,
    spelling=URN,
    has_event_ids=True,
)
BEIFANG = Firm(id="beifang-sugar", name="北方甜源糖业 Beifang Sugar Mill", prefix="952120201", center=TIANJIN, spelling=URN)
COUVERTURE = Firm(
    id="jinhe-couverture",
    name="津禾可可原料 Jinhe Couverture Works",
    prefix="9521203",
    center=TIANJIN,
    spelling=LINK,
    is_private=True,
)
JINHE = Firm(
    id="jinhe-chocolate",
    name="津禾巧克力 Jinhe Chocolate",
    prefix="9521204",
    center=TIANJIN,
    spelling=LINK,
    writes_utc=True,
    resolver="https://id.jinhe-chocolate.example",
)
HAIHE = Firm(
    id="haihe-lane",
    name="海河里商店 Haihe Lane Stores",
    prefix="9521205",
    center=TIANJIN,
    spelling=LINK,
    roles=("enterprise", "buyer"),
)
TRUONG_SON = Firm(
    id="truong-son-xanh",
    name="Hợp tác xã Rừng Trường Sơn Xanh",
    prefix="9521301",
    center=HO_CHI_MINH,
    spelling=URN,
    has_event_ids=True,
)
LA_RUNG = Firm(
    id="la-rung",
    name="Chứng nhận Lá Rừng",
    prefix="952130201",
    center=HO_CHI_MINH,
    spelling=LINK,
    roles=("certifier",),
)
BEN_HAI = Firm(id="ben-hai-moi", name="Xưởng cưa Bến Hải Mới", prefix="9521303", center=HO_CHI_MINH, spelling=URN)
MOC_LAM = Firm(id="moc-lam", name="Thương mại Mộc Lâm", prefix="9521304", center=HO_CHI_MINH, spelling=URN, is_private=True)
BINH_MINH = Firm(
    id="binh-minh-nho",
    name="Cơ khí Bình Minh Nhỏ",
    prefix="952130501",
    center=HO_CHI_MINH,
    spelling=LINK,
    writes_utc=True,
)
AN_PHU = Firm(
    id="an-phu-xanh",
    name="Nội thất An Phú Xanh",
    prefix="9521306",
    center=HO_CHI_MINH,
    spelling=LINK,
    has_event_ids=True,
    resolver="https://id.an-phu-xanh.example",
)
CUU_LONG = Firm(
    id="cuu-long-xanh", name="Vận tải Cửu Long Xanh", prefix="9521307", center=HO_CHI_MINH, spelling=URN, writes_utc=True
)
# A supplier outside the network: it captures nothing, its goods first appear where a member receives them.
BAOHE = Firm(id="baohe-cartons", name="Baohe Cartons", prefix="9521901", center=TIANJIN, spelling=LINK)

# --- what is traded --------------------------------------------------------------------------------------------------

WET_BEANS = product(VALLE, 9, 11, "Fresh cocoa beans in pulp")
FERMENTED = product(VALLE, 9, 12, "Fermented cocoa beans")
DRY_BEANS = product(VALLE, 9, 13, "Dry cocoa beans, grade 1")
BEAN_BAG = product(VALLE, 1, 13, "Dry cocoa beans, grade 1, jute bag of 64 kg", (64.0, "KGM"))
SUGAR = product(BEIFANG, 9, 4, "White beet sugar")
MASS_70 = product(COUVERTURE, 9, 70, "Dark couverture 70 %")
SHELLS = product(COUVERTURE, 9, 91, "Cocoa shells")
BAR = product(JINHE, 0, 101, "Dark chocolate 70 %, bar of 100 g", (0.1, "KGM"))
GIFT_BOX = product(JINHE, 0, 205, "Mid-autumn gift box, five bars", (0.5, "KGM"))
GIFT_CASE = product(JINHE, 1, 205, "Case of twelve gift boxes", (6.0, "KGM"))
CARTON = product(BAOHE, 0, 38, "Folding gift carton")

LOGS = product(TRUONG_SON, 9, 21, "Acacia logs, debarked")
GREEN_BOARDS = product(BEN_HAI, 9, 31, "Acacia boards, green, 27 mm")
DRY_BOARDS = product(BEN_HAI, 9, 32, "Acacia boards, kiln dried, 25 mm")
CHIPS = product(BEN_HAI, 9, 39, "Slabs and chips, solid measure")
FITTINGS = product(BINH_MINH, 0, 6, "Desk frame and fittings, one set")
DESK = product(AN_PHU, 0, 501, "Office desk, solid acacia, 140 by 70 cm", (0.055, "MTQ"))

# --- the cocoa chain -------------------------------------------------------------------------------------------------

WET_LOTS: tuple[tuple[str, float, str, str, float], ...] = (
    ("CVE-26-P014", 1840.0, "geo:-6.57312,-76.14058;u=12", "2026-05-04T15:20:00", 3.1),
    ("CVE-26-P022", 1420.0, "geo:-6.58104,-76.12846;u=12", "2026-05-04T16:45:00", 2.4),
    ("CVE-26-P031", 1760.0, "geo:-6.56027,-76.15190;u=15", "2026-05-05T14:10:00", 3.6),
    ("CVE-26-P040", 1540.0, "geo:-6.59243,-76.13377;u=15", "2026-05-05T16:05:00", 2.7),
)
FERMENTED_LOT = FERMENTED.lot("CVE-26-F07")
DRY_LOT = DRY_BEANS.lot("CVE-26-D07")
BAG_LOT = BEAN_BAG.lot("CVE-26-B07")
BEAN_PALLETS = (sscc(VALLE, 260701), sscc(VALLE, 260702))
SUGAR_LOT = SUGAR.lot("BF260618A")
MASS_LOT = MASS_70.lot("K70-2607-3")
BAR_LOT = BAR.lot("B70260804")
CARTON_LOT = CARTON.lot("BH-7731")
GIFT_BOXES = tuple(GIFT_BOX.item(f"MA260001{number:02}") for number in range(1, 25))
GIFT_CASES = (GIFT_CASE.item("C2600011"), GIFT_CASE.item("C2600012"))
GIFT_PALLET = sscc(JINHE, 812001, 1)
HEADLINE_BOX = GIFT_BOXES[6]

COOP_YARD = place(VALLE, 1, "Centro de acopio Valle Esmeralda", (-6.5658, -76.1369))
COOP_FERMENTER = place(VALLE, 1, "Cajones de fermentación", (-6.5659, -76.1367), "FERM-2")
COOP_DRYER = place(VALLE, 1, "Secador solar", (-6.5661, -76.1364), "DRY-1")
COOP_STORE = place(VALLE, 2, "Almacén Valle Esmeralda", (-6.5655, -76.1372))
ANDES_STORE = place(ANDES, 1, "Almacén de exportación, Callao", (-12.0508, -77.1257))
ANDES_QUAY = place(ANDES, 2, "Muelle de embarque, Callao", (-12.0482, -77.1442))
BOSQUE_LAB = place(BOSQUE, 3, "Laboratorio Bosque Vivo", (-6.4850, -76.3640))
BOHAI_BERTH = place(BOHAI, 1, "天津港泊位 Port berth", (38.9852, 117.7871))
BOHAI_STORE = place(BOHAI, 2, "保税仓库 Bonded store", (38.9921, 117.7533), "BAY-14")
SUGAR_MILL = place(BEIFANG, 1, "糖厂 Sugar mill", (39.3106, 117.0284))
COUVERTURE_HALL = place(COUVERTURE, 1, "可可车间 Couverture hall", (39.0711, 117.3388))
JINHE_FACTORY = place(JINHE, 1, "巧克力工厂 Chocolate factory", (39.0724, 117.3401))
JINHE_DOCK = place(JINHE, 1, "发货口 Dock 2", (39.0727, 117.3404), "DOCK-2")
HAIHE_HUB = place(HAIHE, 1, "配送中心 Distribution hub", (39.1422, 117.2088))
HAIHE_SHOP = place(HAIHE, 8, "五大道店 Shop on the avenues", (39.1105, 117.2041))
HAIHE_SHELF = place(HAIHE, 8, "中秋货架 Festival shelf", (39.1105, 117.2041), "SHELF-3")

COCOA_CERTIFICATE = "https://certs.bosque-vivo.example/2026/PE-SM-0412"
NO_CLEARING_STATEMENT = "https://certs.bosque-vivo.example/2026/no-clearing/CVE-26"
COCOA_PO = transaction(BOHAI, "PO-2026-0417")
COCOA_INVOICE = transaction(ANDES, "INV260604")
COCOA_BOL = transaction(ANDES, "BOL260604")
SHIPMENT_TYPE = f"{NAMESPACE}shipment"
COCOA_DESADV = transaction(VALLE, "DA-26-0071")
SUGAR_DESADV = transaction(BEIFANG, "DA-0620")
CALL_OFF_PO = transaction(COUVERTURE, "PO0716")
FESTIVAL_PO = transaction(HAIHE, "PO88120")
FESTIVAL_DESADV = transaction(JINHE, "DA20818")
FESTIVAL_INVOICE = transaction(JINHE, "INV20818")


def cocoa_books() -> tuple[Book, ...]:
    """The cocoa chain: 6,560 kg in pulp become 40 bags, 1,755 kg couverture, 17,400 bars and 24 gift boxes."""
    return (
        _valle(),
        _bosque(),
        _andes(),
        _bohai(),
        _beifang(),
        _couverture(),
        _jinhe(),
        _haihe(),
    )


def _valle() -> Book:
    book = Book(
        chain="cocoa",
        firm=VALLE,
        places=(COOP_YARD, COOP_FERMENTER, COOP_DRYER, COOP_STORE),
        products=(WET_BEANS, FERMENTED, DRY_BEANS, BEAN_BAG),
    )
    for lot, weight_kg, plot, at, area_ha in WET_LOTS:
        book.add(
            "ObjectEvent",
            at,
            action="ADD",
            step="commissioning",
            disposition="active",
            lots=[(WET_BEANS.lot(lot), weight_kg, "KGM")],
            read_point=plot,
            location=COOP_YARD,
            certificates=[COCOA_CERTIFICATE, NO_CLEARING_STATEMENT],
            ilmd={
                "cbvmda:lotNumber": lot,
                "cbvmda:harvestStartDate": at[:10],
                "cbvmda:harvestEndDate": at[:10],
                "cbvmda:countryOfOrigin": "PE",
                "greenlane:variety": "CCN-51 and native fine-flavour cocoa",
            },
            more={"greenlane:plot": {"greenlane:id": lot[-4:], "greenlane:areaHa": area_ha}},
        )
    wet = [(WET_BEANS.lot(lot), weight_kg, "KGM") for lot, weight_kg, *_ in WET_LOTS]
    book.add(
        "ObjectEvent",
        "2026-05-05T18:30:00",
        action="OBSERVE",
        step="collecting",
        disposition="in_progress",
        lots=wet,
        read_point=COOP_YARD,
        location=COOP_YARD,
    )
    book.add(
        "TransformationEvent",
        "2026-05-11T09:00:00",
        step="commissioning",
        disposition="in_progress",
        input_lots=wet,
        lots=[(FERMENTED_LOT, 5380.0, "KGM")],
        read_point=COOP_FERMENTER,
        location=COOP_YARD,
        sensors=[
            {
                "sensorMetadata": {
                    "startTime": "2026-05-05T20:00:00-05:00",
                    "endTime": "2026-05-11T08:00:00-05:00",
                    "deviceID": urn(Key(scheme="giai", issuer=VALLE, reference="", serial="TH-0042")),
                },
                "sensorReport": [report("Temperature", "CEL", minValue=27.4, maxValue=48.9, meanValue=43.6)],
            }
        ],
        ilmd={"cbvmda:lotNumber": FERMENTED_LOT.serial, "greenlane:turnings": 5},
    )
    book.add(
        "TransformationEvent",
        "2026-05-20T16:00:00",
        step="commissioning",
        disposition="active",
        input_lots=[(FERMENTED_LOT, 5380.0, "KGM")],
        lots=[(DRY_LOT, 2571.0, "KGM")],
        read_point=COOP_DRYER,
        location=COOP_STORE,
        certificates=[COCOA_CERTIFICATE],
        sensors=[
            {
                "sensorMetadata": {"time": "2026-05-20T15:40:00-05:00"},
                "sensorReport": [report(f"{NAMESPACE}MoistureContent", "P1", value=6.9)],
            }
        ],
        ilmd={"cbvmda:lotNumber": DRY_LOT.serial, "cbvmda:countryOfOrigin": "PE"},
    )
    book.add(
        "TransformationEvent",
        "2026-05-22T11:30:00",
        step="packing",
        disposition="active",
        input_lots=[(DRY_LOT, 2565.0, "KGM")],
        lots=[(BAG_LOT, 40, None)],
        read_point=COOP_STORE,
        location=COOP_STORE,
        certificates=[COCOA_CERTIFICATE],
        ilmd={"cbvmda:lotNumber": BAG_LOT.serial, "cbvmda:countryOfOrigin": "PE"},
    )
    for at, pallet in zip(("2026-05-25T09:10:00", "2026-05-25T09:55:00"), BEAN_PALLETS, strict=True):
        book.add(
            "AggregationEvent",
            at,
            action="ADD",
            step="packing",
            disposition="in_progress",
            parent=pallet,
            lots=[(BAG_LOT, 20, None)],
            read_point=COOP_STORE,
            location=COOP_STORE,
        )
    book.add(
        "ObjectEvent",
        "2026-05-26T06:40:00",
        action="OBSERVE",
        step="shipping",
        disposition="in_transit",
        items=BEAN_PALLETS,
        read_point=COOP_STORE,
        transactions=[("desadv", COCOA_DESADV)],
        owner=(VALLE, ANDES),
        holder=(VALLE, ANDES),
    )
    return book


def _bosque() -> Book:
    book = Book(chain="cocoa", firm=BOSQUE, places=(BOSQUE_LAB,))
    book.add(
        "ObjectEvent",
        "2026-05-21T10:00:00",
        action="OBSERVE",
        step="sampling",
        disposition="in_progress",
        lots=[(DRY_LOT, 2.0, "KGM")],
        read_point=COOP_STORE,
    )
    book.add(
        "ObjectEvent",
        "2026-05-22T08:15:00",
        action="OBSERVE",
        step="inspecting",
        disposition="conformant",
        lots=[(DRY_LOT, 2571.0, "KGM")],
        read_point=BOSQUE_LAB,
        transactions=[("testres", transaction(BOSQUE, "TR0522"))],
        certificates=[COCOA_CERTIFICATE],
        sensors=[
            {
                "sensorMetadata": {"time": "2026-05-22T12:50:00Z"},
                "sensorReport": [
                    report(
                        f"{NAMESPACE}MassFraction",
                        "NA",
                        value=0.31,
                        chemicalSubstance="https://identifiers.org/inchikey:BDOSMKKIYDKNTQ-UHFFFAOYSA-N",
                    ),
                    report(f"{NAMESPACE}MoistureContent", "P1", value=6.8),
                ],
            }
        ],
        more={"greenlane:scope": "Cadmium, moisture, cut test of 100 beans"},
    )
    return book


def _andes() -> Book:
    book = Book(chain="cocoa", firm=ANDES, places=(ANDES_STORE, ANDES_QUAY))
    book.add(
        "ObjectEvent",
        "2026-05-28T14:25:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        items=BEAN_PALLETS,
        read_point=ANDES_STORE,
        location=ANDES_STORE,
        transactions=[("desadv", COCOA_DESADV)],
        owner=(VALLE, ANDES),
        holder=(VALLE, ANDES),
    )
    book.add(
        "TransactionEvent",
        "2026-05-29T10:05:00",
        action="ADD",
        step="reserving",
        disposition="reserved",
        items=BEAN_PALLETS,
        read_point=ANDES_STORE,
        transactions=[("po", COCOA_PO), ("inv", COCOA_INVOICE)],
        owner=(ANDES, BOHAI),
    )
    book.add(
        "ObjectEvent",
        "2026-06-02T08:00:00",
        action="OBSERVE",
        step="storing",
        disposition="in_progress",
        items=BEAN_PALLETS,
        read_point=ANDES_STORE,
        location=ANDES_STORE,
        sensors=[
            {
                "sensorMetadata": {
                    "startTime": "2026-05-28T15:00:00-05:00",
                    "endTime": "2026-06-02T07:55:00-05:00",
                },
                "sensorReport": [
                    report("Temperature", "CEL", minValue=17.8, maxValue=22.6, meanValue=19.9),
                    report("RelativeHumidity", "P1", minValue=58.0, maxValue=66.5, meanValue=62.1),
                ],
            }
        ],
    )
    book.add(
        "ObjectEvent",
        "2026-06-04T17:20:00",
        action="OBSERVE",
        step="loading",
        disposition="in_progress",
        items=BEAN_PALLETS,
        read_point=ANDES_QUAY,
        transactions=[("bol", COCOA_BOL)],
    )
    book.add(
        "ObjectEvent",
        "2026-06-05T04:10:00",
        action="OBSERVE",
        step="shipping",
        disposition="in_transit",
        items=BEAN_PALLETS,
        read_point=ANDES_QUAY,
        transactions=[("bol", COCOA_BOL), ("po", COCOA_PO), (SHIPMENT_TYPE, digital_link(gsin(ANDES, 604001)))],
        owner=(ANDES, BOHAI),
        holder=(ANDES, BOHAI),
        more={"greenlane:vessel": "MV Garza Blanca", "greenlane:voyage": "026W"},
    )
    return book


def _bohai() -> Book:
    book = Book(chain="cocoa", firm=BOHAI, places=(BOHAI_BERTH, BOHAI_STORE))
    book.add(
        "ObjectEvent",
        "2026-07-11T05:50:00",
        action="OBSERVE",
        step="arriving",
        disposition="in_progress",
        items=BEAN_PALLETS,
        read_point=BOHAI_BERTH,
        location=BOHAI_BERTH,
        transactions=[("bol", COCOA_BOL)],
    )
    book.add(
        "ObjectEvent",
        "2026-07-13T09:30:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        items=BEAN_PALLETS,
        read_point=BOHAI_STORE,
        location=BOHAI_STORE,
        transactions=[("bol", COCOA_BOL), ("po", COCOA_PO)],
        owner=(ANDES, BOHAI),
        holder=(ANDES, BOHAI),
    )
    for at, pallet in zip(("2026-07-13T13:40:00", "2026-07-13T14:15:00"), BEAN_PALLETS, strict=True):
        book.add(
            "AggregationEvent",
            at,
            action="DELETE",
            step="unpacking",
            disposition="in_progress",
            parent=pallet,
            lots=[(BAG_LOT, 20, None)],
            read_point=BOHAI_STORE,
            location=BOHAI_STORE,
        )

    def stored(bags: int, name: str) -> Json:
        return book.add(
            "ObjectEvent",
            "2026-07-13T16:00:00",
            action="OBSERVE",
            step="storing",
            disposition="sellable_not_accessible",
            lots=[(BAG_LOT, bags, None)],
            read_point=BOHAI_STORE,
            location=BOHAI_STORE,
            name=name,
        )

    wrong = stored(44, "stored-count-of-13-july")
    book.declare_wrong(wrong, at="2026-07-14T08:20:00", corrective=[book.event_id("stored-recount-of-14-july")])
    stored(40, "stored-recount-of-14-july")
    book.add(
        "ObjectEvent",
        "2026-07-20T07:45:00",
        action="OBSERVE",
        step="shipping",
        disposition="in_transit",
        lots=[(BAG_LOT, 24, None)],
        read_point=BOHAI_STORE,
        transactions=[("po", CALL_OFF_PO)],
        owner=(BOHAI, COUVERTURE),
        holder=(BOHAI, COUVERTURE),
    )
    return book


def _beifang() -> Book:
    book = Book(chain="cocoa", firm=BEIFANG, places=(SUGAR_MILL,), products=(SUGAR,))
    book.add(
        "ObjectEvent",
        "2026-06-18T20:00:00",
        action="ADD",
        step="commissioning",
        disposition="active",
        lots=[(SUGAR_LOT, 12000.0, "KGM")],
        read_point=SUGAR_MILL,
        location=SUGAR_MILL,
        ilmd={"cbvmda:lotNumber": SUGAR_LOT.serial, "cbvmda:countryOfOrigin": "CN"},
    )
    book.add(
        "ObjectEvent",
        "2026-07-17T08:30:00",
        action="OBSERVE",
        step="shipping",
        disposition="in_transit",
        lots=[(SUGAR_LOT, 600.0, "KGM")],
        read_point=SUGAR_MILL,
        transactions=[("desadv", SUGAR_DESADV)],
        owner=(BEIFANG, COUVERTURE),
        holder=(BEIFANG, COUVERTURE),
    )
    return book


def _couverture() -> Book:
    book = Book(chain="cocoa", firm=COUVERTURE, places=(COUVERTURE_HALL,), products=(MASS_70, SHELLS))
    book.add(
        "ObjectEvent",
        "2026-07-17T11:10:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        lots=[(SUGAR_LOT, 600.0, "KGM")],
        read_point=COUVERTURE_HALL,
        location=COUVERTURE_HALL,
        transactions=[("desadv", SUGAR_DESADV)],
        owner=(BEIFANG, COUVERTURE),
        holder=(BEIFANG, COUVERTURE),
    )
    book.add(
        "ObjectEvent",
        "2026-07-20T10:35:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        lots=[(BAG_LOT, 24, None)],
        read_point=COUVERTURE_HALL,
        location=COUVERTURE_HALL,
        transactions=[("po", CALL_OFF_PO)],
        owner=(BOHAI, COUVERTURE),
        holder=(BOHAI, COUVERTURE),
        more={"greenlane:price": {"greenlane:amount": 92160, "greenlane:currency": "CNY"}},
    )
    book.add(
        "TransformationEvent",
        "2026-07-27T17:00:00",
        step="commissioning",
        disposition="active",
        input_lots=[(BAG_LOT, 24, None), (SUGAR_LOT, 526.6, "KGM")],
        lots=[(MASS_LOT, 1755.0, "KGM"), (SHELLS.lot("K70-2607-3S"), 182.0, "KGM")],
        read_point=COUVERTURE_HALL,
        location=COUVERTURE_HALL,
        certificates=[COCOA_CERTIFICATE],
        sensors=[
            {
                "sensorMetadata": {
                    "startTime": "2026-07-24T06:00:00+08:00",
                    "endTime": "2026-07-27T06:00:00+08:00",
                },
                "sensorReport": [report("Temperature", "CEL", minValue=61.5, maxValue=78.2, meanValue=72.4)],
            }
        ],
        ilmd={"cbvmda:lotNumber": MASS_LOT.serial, "cbvmda:bestBeforeDate": "2028-01-27"},
        more={
            "greenlane:recipe": {
                "greenlane:roastMinutes": 24,
                "greenlane:roastCelsius": 128,
                "greenlane:concheHours": 72,
            }
        },
    )
    book.add(
        "ObjectEvent",
        "2026-07-29T09:00:00",
        action="OBSERVE",
        step="inspecting",
        disposition="conformant",
        lots=[(MASS_LOT, 1755.0, "KGM")],
        read_point=COUVERTURE_HALL,
        location=COUVERTURE_HALL,
    )
    book.add(
        "ObjectEvent",
        "2026-07-30T08:20:00",
        action="OBSERVE",
        step="shipping",
        disposition="in_transit",
        lots=[(MASS_LOT, 1755.0, "KGM")],
        read_point=COUVERTURE_HALL,
        owner=(COUVERTURE, JINHE),
        holder=(COUVERTURE, JINHE),
    )
    return book


def _jinhe() -> Book:
    book = Book(
        chain="cocoa",
        firm=JINHE,
        places=(JINHE_FACTORY, JINHE_DOCK),
        products=(BAR, GIFT_BOX, GIFT_CASE),
    )
    book.add(
        "ObjectEvent",
        "2026-07-30T09:05:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        lots=[(MASS_LOT, 1755.0, "KGM")],
        read_point=JINHE_FACTORY,
        location=JINHE_FACTORY,
        owner=(COUVERTURE, JINHE),
        holder=(COUVERTURE, JINHE),
    )
    book.add(
        "ObjectEvent",
        "2026-07-31T14:00:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        lots=[(CARTON_LOT, 500, None)],
        read_point=JINHE_FACTORY,
        location=JINHE_FACTORY,
        owner=(BAOHE, JINHE),
        holder=(BAOHE, JINHE),
    )
    book.add(
        "TransformationEvent",
        "2026-08-04T21:30:00",
        step="commissioning",
        disposition="active",
        input_lots=[(MASS_LOT, 1755.0, "KGM")],
        lots=[(BAR_LOT, 17400, None)],
        read_point=JINHE_FACTORY,
        location=JINHE_FACTORY,
        certificates=[COCOA_CERTIFICATE],
        ilmd={
            "cbvmda:lotNumber": BAR_LOT.serial,
            "cbvmda:bestBeforeDate": "2028-02-04",
            "greenlane:cocoaSharePercent": 70,
        },
    )
    book.add(
        "TransformationEvent",
        "2026-08-12T15:00:00",
        step="assembling",
        disposition="active",
        input_lots=[(BAR_LOT, 120, None), (CARTON_LOT, 24, None)],
        items=GIFT_BOXES,
        read_point=JINHE_FACTORY,
        location=JINHE_FACTORY,
        certificates=[COCOA_CERTIFICATE, NO_CLEARING_STATEMENT],
        ilmd={"cbvmda:bestBeforeDate": "2028-02-04", "cbvmda:countryOfOrigin": "CN"},
    )
    book.add(
        "ObjectEvent",
        "2026-08-13T08:00:00",
        action="ADD",
        step="commissioning",
        disposition="active",
        items=GIFT_CASES,
        read_point=JINHE_FACTORY,
        location=JINHE_FACTORY,
    )
    for number, at in enumerate(("2026-08-13T08:40:00", "2026-08-13T08:55:00")):
        book.add(
            "AggregationEvent",
            at,
            action="ADD",
            step="packing",
            disposition="in_progress",
            parent=GIFT_CASES[number],
            items=GIFT_BOXES[12 * number : 12 * number + 12],
            read_point=JINHE_FACTORY,
            location=JINHE_FACTORY,
        )
    book.add(
        "AggregationEvent",
        "2026-08-17T16:10:00",
        action="ADD",
        step="packing",
        disposition="in_progress",
        parent=GIFT_PALLET,
        items=GIFT_CASES,
        lots=[(BAR_LOT, 1440, None)],
        read_point=JINHE_DOCK,
        location=JINHE_FACTORY,
    )
    book.add(
        "TransactionEvent",
        "2026-08-18T07:30:00",
        action="ADD",
        step="staging_outbound",
        disposition="in_progress",
        items=[GIFT_PALLET],
        read_point=JINHE_DOCK,
        transactions=[("po", FESTIVAL_PO), ("desadv", FESTIVAL_DESADV), ("inv", FESTIVAL_INVOICE)],
        owner=(JINHE, HAIHE),
    )
    book.add(
        "ObjectEvent",
        "2026-08-18T09:15:00",
        action="OBSERVE",
        step="shipping",
        disposition="in_transit",
        items=[GIFT_PALLET],
        read_point=JINHE_DOCK,
        transactions=[("po", FESTIVAL_PO), ("desadv", FESTIVAL_DESADV)],
        owner=(JINHE, HAIHE),
        holder=(JINHE, HAIHE),
    )
    return book


def _haihe() -> Book:
    book = Book(chain="cocoa", firm=HAIHE, places=(HAIHE_HUB, HAIHE_SHOP, HAIHE_SHELF))
    book.add(
        "ObjectEvent",
        "2026-08-19T06:30:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        items=[GIFT_PALLET],
        read_point=HAIHE_HUB,
        location=HAIHE_HUB,
        transactions=[("po", FESTIVAL_PO), ("desadv", FESTIVAL_DESADV)],
        owner=(JINHE, HAIHE),
        holder=(JINHE, HAIHE),
    )
    book.add(
        "AggregationEvent",
        "2026-08-20T10:00:00",
        action="DELETE",
        step="unpacking",
        disposition="in_progress",
        parent=GIFT_PALLET,
        items=GIFT_CASES,
        lots=[(BAR_LOT, 1440, None)],
        read_point=HAIHE_HUB,
        location=HAIHE_HUB,
    )
    book.add(
        "ObjectEvent",
        "2026-08-24T19:20:00",
        action="OBSERVE",
        step="receiving",
        disposition="sellable_not_accessible",
        items=GIFT_CASES,
        read_point=HAIHE_SHOP,
        location=HAIHE_SHOP,
    )
    for number, at in enumerate(("2026-08-25T08:05:00", "2026-09-12T08:10:00")):
        book.add(
            "AggregationEvent",
            at,
            action="DELETE",
            step="unpacking",
            disposition="sellable_not_accessible",
            parent=GIFT_CASES[number],
            items=GIFT_BOXES[12 * number : 12 * number + 12],
            read_point=HAIHE_SHOP,
            location=HAIHE_SHOP,
        )
    book.add(
        "ObjectEvent",
        "2026-08-25T08:40:00",
        action="OBSERVE",
        step="stocking",
        disposition="sellable_accessible",
        items=GIFT_BOXES[:12],
        read_point=HAIHE_SHELF,
        location=HAIHE_SHELF,
    )
    for at, sold in (("2026-09-06T17:31:00", GIFT_BOXES[2:3]), ("2026-09-19T11:48:00", GIFT_BOXES[6:7])):
        book.add(
            "ObjectEvent",
            at,
            action="OBSERVE",
            step="retail_selling",
            disposition="retail_sold",
            items=sold,
            read_point=HAIHE_SHOP,
            location=HAIHE_SHOP,
        )
    return book


# --- the furniture chain ---------------------------------------------------------------------------------------------

FOREST_LOTS: tuple[tuple[str, float, str, str, float, int], ...] = (
    ("TSX-K12-26", 8.6, "geo:16.70418,106.95127;u=20", "2026-03-02T15:00:00", 6.2, 2014),
    ("TSX-K15-26", 6.9, "geo:16.71265,106.96380;u=20", "2026-03-03T15:30:00", 4.9, 2014),
    ("TSX-K19-26", 7.5, "geo:16.69877,106.97214;u=20", "2026-03-05T14:20:00", 5.4, 2015),
)
GREEN_LOT = GREEN_BOARDS.lot("BH2603G")
DRY_BOARD_LOT = DRY_BOARDS.lot("BH2603K2")
FITTINGS_LOT = FITTINGS.lot("BMN-0412")
DESKS = tuple(DESK.item(f"D26-{number:04}") for number in range(1, 25))
HEADLINE_DESK = DESKS[6]
REPAIRED_DESK = DESKS[8]
DESK_PALLETS = tuple(sscc(AN_PHU, 504001 + number) for number in range(4))
CONTAINER_LOAD = sscc(AN_PHU, 511900, 2)
RACK = Key(scheme="grai", issuer=CUU_LONG, reference=_pad(CUU_LONG, 18), serial="R0093")
LOGGER = Key(scheme="giai", issuer=CUU_LONG, reference="", serial="LOG00417")
KILN_PROBE = Key(scheme="giai", issuer=BEN_HAI, reference="", serial="KILN2-P1")

SAWMILL_YARD = place(BEN_HAI, 1, "Bãi gỗ Bến Hải Mới", (16.8163, 107.1002))
SAWMILL_LINE = place(BEN_HAI, 1, "Dây chuyền xẻ", (16.8165, 107.1005), "SAW-1")
SAWMILL_KILN = place(BEN_HAI, 1, "Lò sấy 2", (16.8167, 107.1009), "KILN-2")
FOREST_LANDING = place(TRUONG_SON, 1, "Bãi tập kết Trường Sơn Xanh", (16.7061, 106.9602))
LA_RUNG_OFFICE = place(LA_RUNG, 2, "Văn phòng Lá Rừng", (16.4637, 107.5909))
TRADER_OFFICE = place(MOC_LAM, 1, "Văn phòng Mộc Lâm", (10.7769, 106.7009))
FITTINGS_SHOP = place(BINH_MINH, 1, "Xưởng cơ khí Bình Minh Nhỏ", (10.8700, 106.7600))
DESK_FACTORY = place(AN_PHU, 1, "Nhà máy An Phú Xanh", (10.9290, 106.7110))
DESK_INSPECTION = place(AN_PHU, 1, "Trạm kiểm tra", (10.9291, 106.7113), "QC-1")
DESK_DOCK = place(AN_PHU, 1, "Cửa xuất hàng", (10.9293, 106.7115), "DOCK-A")
CAT_LAI = place(CUU_LONG, 1, "Cầu cảng phía đông", (10.7570, 106.7900))
CALLAO_QUAY = place(PACIFICO, 1, "Terminal de contenedores, Callao", (-12.0470, -77.1480))
CALLAO_STORE = place(PACIFICO, 2, "Depósito temporal, Callao", (-12.0395, -77.1210))
CUSTOMS_HALL = place(ADUANA, 1, "Zona primaria, Callao", (-12.0440, -77.1400))
CITY_STORE = place(ALAMEDA, 1, "Almacén municipal de Puerto Alameda", (-12.0712, -77.0925))
CITY_LIBRARY = place(ALAMEDA, 2, "Biblioteca municipal", (-12.0731, -77.0897), "SALA-2")
CITY_SCHOOL = place(ALAMEDA, 3, "Escuela municipal Los Ceibos", (-12.0768, -77.0851), "AULA-4")
CITY_OFFICE = place(ALAMEDA, 1, "Oficina de atención ciudadana", (-12.0714, -77.0921), "PISO-1")

FOREST_CERTIFICATE = "https://certs.la-rung.example/fm/2026/QT-0187"
CUSTODY_CERTIFICATE = "https://certs.la-rung.example/coc/2026/HCM-0655"
LOG_DESADV = transaction(TRUONG_SON, "PX-26-031")
BOARD_PO = transaction(MOC_LAM, "DH-26-118")
BOARD_INVOICE = transaction(MOC_LAM, "HD-26-118")
BOARD_DESADV = transaction(BEN_HAI, "PX-0409")
FITTINGS_DESADV = transaction(BINH_MINH, "DA0415")
CITY_PO = transaction(ALAMEDA, "OC-2026-00931")
DESK_DESADV = transaction(AN_PHU, "DA0511")
DESK_INVOICE = transaction(AN_PHU, "INV0511")
DESK_BOL = transaction(CUU_LONG, "VD-0514")
CUSTOMS_TYPE = f"{NAMESPACE}customs-declaration"
CUSTOMS_DECLARATION = transaction(ADUANA, "DAM20260625")


def furniture_books() -> tuple[Book, ...]:
    """The furniture chain: 23 m³ of logs become 10.9 m³ of boards; 1.8 m³ of them become 24 desks."""
    return (
        _truong_son(),
        _la_rung(),
        _ben_hai(),
        _moc_lam(),
        _binh_minh(),
        _an_phu(),
        _cuu_long(),
        _pacifico(),
        _aduana(),
        _alameda(),
    )


def _forest_logs() -> list[Quantity]:
    return [(LOGS.lot(lot), volume_m3, "MTQ") for lot, volume_m3, *_ in FOREST_LOTS]


def _truong_son() -> Book:
    book = Book(chain="furniture", firm=TRUONG_SON, places=(FOREST_LANDING,), products=(LOGS,))
    for lot, volume_m3, compartment, at, area_ha, planted in FOREST_LOTS:
        book.add(
            "ObjectEvent",
            at,
            action="ADD",
            step="commissioning",
            disposition="active",
            lots=[(LOGS.lot(lot), volume_m3, "MTQ")],
            read_point=compartment,
            location=FOREST_LANDING,
            certificates=[FOREST_CERTIFICATE],
            ilmd={
                "cbvmda:lotNumber": lot,
                "cbvmda:harvestStartDate": at[:10],
                "cbvmda:countryOfOrigin": "VN",
                "greenlane:species": "Acacia mangium × A. auriculiformis",
            },
            more={
                "greenlane:plot": {
                    "greenlane:id": lot[4:7],
                    "greenlane:areaHa": area_ha,
                    "greenlane:plantedYear": planted,
                }
            },
        )
    book.add(
        "ObjectEvent",
        "2026-03-09T06:15:00",
        action="OBSERVE",
        step="shipping",
        disposition="in_transit",
        lots=_forest_logs(),
        read_point=FOREST_LANDING,
        transactions=[("desadv", LOG_DESADV)],
        owner=(TRUONG_SON, BEN_HAI),
        holder=(TRUONG_SON, BEN_HAI),
    )
    return book


def _la_rung() -> Book:
    book = Book(chain="furniture", firm=LA_RUNG, places=(LA_RUNG_OFFICE,))
    book.add(
        "ObjectEvent",
        "2026-03-06T10:30:00",
        action="OBSERVE",
        step="inspecting",
        disposition="conformant",
        lots=_forest_logs(),
        read_point=FOREST_LANDING,
        transactions=[("cert", transaction(LA_RUNG, "QT0187"))],
        certificates=[FOREST_CERTIFICATE],
        more={"greenlane:scope": "Planted forest, legal origin, replanting within twelve months"},
    )
    return book


def _ben_hai() -> Book:
    book = Book(
        chain="furniture",
        firm=BEN_HAI,
        places=(SAWMILL_YARD, SAWMILL_LINE, SAWMILL_KILN),
        products=(GREEN_BOARDS, DRY_BOARDS, CHIPS),
    )
    book.add(
        "ObjectEvent",
        "2026-03-09T11:00:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        lots=_forest_logs(),
        read_point=SAWMILL_YARD,
        location=SAWMILL_YARD,
        transactions=[("desadv", LOG_DESADV)],
        owner=(TRUONG_SON, BEN_HAI),
        holder=(TRUONG_SON, BEN_HAI),
    )
    book.add(
        "TransformationEvent",
        "2026-03-13T17:00:00",
        step="commissioning",
        disposition="in_progress",
        input_lots=_forest_logs(),
        lots=[(GREEN_LOT, 10.9, "MTQ"), (CHIPS.lot("BH2603C"), 9.4, "MTQ")],
        read_point=SAWMILL_LINE,
        location=SAWMILL_YARD,
        certificates=[FOREST_CERTIFICATE, CUSTODY_CERTIFICATE],
        ilmd={"cbvmda:lotNumber": GREEN_LOT.serial, "greenlane:thicknessMm": 27},
    )
    for at, celsius, moisture in (
        ("2026-03-17T06:00:00", 48.2, 61.0),
        ("2026-03-22T06:00:00", 56.9, 34.5),
        ("2026-03-27T06:00:00", 64.1, 15.8),
    ):
        book.add(
            "ObjectEvent",
            at,
            action="OBSERVE",
            step="sensor_reporting",
            disposition="in_progress",
            lots=[(GREEN_LOT, 10.9, "MTQ")],
            read_point=SAWMILL_KILN,
            location=SAWMILL_KILN,
            sensors=[
                {
                    "sensorMetadata": {"time": f"{at}+07:00", "deviceID": urn(KILN_PROBE)},
                    "sensorReport": [
                        report("Temperature", "CEL", value=celsius),
                        report(f"{NAMESPACE}MoistureContent", "P1", value=moisture),
                    ],
                }
            ],
        )
    book.add(
        "TransformationEvent",
        "2026-03-30T16:30:00",
        step="commissioning",
        disposition="active",
        input_lots=[(GREEN_LOT, 10.9, "MTQ")],
        lots=[(DRY_BOARD_LOT, 10.1, "MTQ")],
        read_point=SAWMILL_KILN,
        location=SAWMILL_YARD,
        certificates=[CUSTODY_CERTIFICATE],
        sensors=[
            {
                "sensorMetadata": {
                    "startTime": "2026-03-16T06:00:00+07:00",
                    "endTime": "2026-03-30T15:00:00+07:00",
                    "deviceID": urn(KILN_PROBE),
                },
                "sensorReport": [
                    report("Temperature", "CEL", minValue=45.6, maxValue=66.3, meanValue=57.5),
                    report(f"{NAMESPACE}MoistureContent", "P1", minValue=9.7, maxValue=64.2),
                ],
            }
        ],
        ilmd={"cbvmda:lotNumber": DRY_BOARD_LOT.serial, "greenlane:thicknessMm": 25},
    )
    book.add(
        "ObjectEvent",
        "2026-04-01T09:45:00",
        action="OBSERVE",
        step="inspecting",
        disposition="conformant",
        lots=[(DRY_BOARD_LOT, 10.1, "MTQ")],
        read_point=SAWMILL_YARD,
        location=SAWMILL_YARD,
        sensors=[
            {
                "sensorReport": [
                    report(
                        f"{NAMESPACE}MoistureContent",
                        "P1",
                        time="2026-04-01T09:40:00+07:00",
                        meanValue=10.4,
                        sDev=0.6,
                    )
                ]
            }
        ],
    )
    book.add(
        "ObjectEvent",
        "2026-04-09T05:50:00",
        action="OBSERVE",
        step="shipping",
        disposition="in_transit",
        lots=[(DRY_BOARD_LOT, 1.8, "MTQ")],
        read_point=SAWMILL_YARD,
        transactions=[("desadv", BOARD_DESADV), ("po", BOARD_PO)],
        owner=(MOC_LAM, AN_PHU),
        holder=(BEN_HAI, AN_PHU),
    )
    return book


def _moc_lam() -> Book:
    book = Book(chain="furniture", firm=MOC_LAM, places=(TRADER_OFFICE,))
    book.add(
        "TransactionEvent",
        "2026-04-06T10:00:00",
        action="ADD",
        step="reserving",
        disposition="reserved",
        lots=[(DRY_BOARD_LOT, 1.8, "MTQ")],
        read_point=TRADER_OFFICE,
        transactions=[("po", BOARD_PO)],
        owner=(BEN_HAI, MOC_LAM),
        more={"greenlane:price": {"greenlane:amount": 15300000, "greenlane:currency": "VND"}},
    )
    book.add(
        "TransactionEvent",
        "2026-04-08T15:20:00",
        action="ADD",
        step="consigning",
        disposition="in_progress",
        lots=[(DRY_BOARD_LOT, 1.8, "MTQ")],
        read_point=TRADER_OFFICE,
        transactions=[("po", BOARD_PO), ("inv", BOARD_INVOICE)],
        owner=(MOC_LAM, AN_PHU),
        more={"greenlane:price": {"greenlane:amount": 17460000, "greenlane:currency": "VND"}},
    )
    return book


def _binh_minh() -> Book:
    book = Book(chain="furniture", firm=BINH_MINH, places=(FITTINGS_SHOP,), products=(FITTINGS,))
    book.add(
        "ObjectEvent",
        "2026-04-12T16:00:00",
        action="ADD",
        step="commissioning",
        disposition="active",
        lots=[(FITTINGS_LOT, 60, None)],
        read_point=FITTINGS_SHOP,
        location=FITTINGS_SHOP,
        ilmd={"cbvmda:lotNumber": FITTINGS_LOT.serial, "greenlane:recycledSteelPercent": 68},
    )
    book.add(
        "ObjectEvent",
        "2026-04-15T08:10:00",
        action="OBSERVE",
        step="shipping",
        disposition="in_transit",
        lots=[(FITTINGS_LOT, 26, None)],
        read_point=FITTINGS_SHOP,
        transactions=[("desadv", FITTINGS_DESADV)],
        owner=(BINH_MINH, AN_PHU),
        holder=(BINH_MINH, AN_PHU),
    )
    return book


def _an_phu() -> Book:
    book = Book(chain="furniture", firm=AN_PHU, places=(DESK_FACTORY, DESK_INSPECTION, DESK_DOCK), products=(DESK,))
    book.add(
        "ObjectEvent",
        "2026-04-11T14:40:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        lots=[(DRY_BOARD_LOT, 1.8, "MTQ")],
        read_point=DESK_FACTORY,
        location=DESK_FACTORY,
        transactions=[("desadv", BOARD_DESADV), ("po", BOARD_PO)],
        owner=(MOC_LAM, AN_PHU),
        holder=(BEN_HAI, AN_PHU),
    )
    book.add(
        "ObjectEvent",
        "2026-04-15T13:05:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        lots=[(FITTINGS_LOT, 26, None)],
        read_point=DESK_FACTORY,
        location=DESK_FACTORY,
        transactions=[("desadv", FITTINGS_DESADV)],
        owner=(BINH_MINH, AN_PHU),
        holder=(BINH_MINH, AN_PHU),
    )
    for at, made, order in (
        ("2026-04-22T17:30:00", DESKS[:12], "SX0420"),
        ("2026-04-24T17:30:00", DESKS[12:], "SX0423"),
    ):
        book.add(
            "TransformationEvent",
            at,
            step="assembling",
            disposition="active",
            input_lots=[(DRY_BOARD_LOT, 0.9, "MTQ"), (FITTINGS_LOT, 12, None)],
            items=made,
            read_point=DESK_FACTORY,
            location=DESK_FACTORY,
            transactions=[("prodorder", transaction(AN_PHU, order)), ("po", CITY_PO)],
            certificates=[CUSTODY_CERTIFICATE],
            ilmd={"cbvmda:countryOfOrigin": "VN", "greenlane:surface": "Water-based oil"},
        )
    sound = [desk for desk in DESKS if desk is not REPAIRED_DESK]
    for at, inspected, disposition in (
        ("2026-04-27T10:00:00", sound, "conformant"),
        ("2026-04-27T10:20:00", [REPAIRED_DESK], "non_conformant"),
        ("2026-04-29T09:00:00", [REPAIRED_DESK], "conformant"),
    ):
        book.add(
            "ObjectEvent",
            at,
            action="OBSERVE",
            step="inspecting",
            disposition=disposition,
            persistent={"set": ["conformant"]} if disposition == "conformant" else {"set": ["needs_replacement"]},
            items=inspected,
            read_point=DESK_INSPECTION,
            location=DESK_FACTORY,
            more={"greenlane:scope": "Joints, edges, load of 150 kg"},
        )
    book.add(
        "ObjectEvent",
        "2026-04-28T15:00:00",
        action="OBSERVE",
        step="repairing",
        disposition="in_progress",
        persistent={"unset": ["needs_replacement"]},
        items=[REPAIRED_DESK],
        read_point=DESK_FACTORY,
        location=DESK_FACTORY,
        more={"greenlane:repair": "Drawer runner replaced"},
    )
    for number, pallet in enumerate(DESK_PALLETS):
        book.add(
            "AggregationEvent",
            f"2026-05-04T{9 + number:02}:15:00",
            action="ADD",
            step="packing",
            disposition="in_progress",
            parent=pallet,
            items=DESKS[6 * number : 6 * number + 6],
            read_point=DESK_FACTORY,
            location=DESK_FACTORY,
        )
    book.add(
        "AssociationEvent",
        "2026-05-11T07:30:00",
        action="ADD",
        step="assembling",
        disposition="active",
        parent=RACK,
        items=[LOGGER],
        read_point=DESK_DOCK,
        location=DESK_FACTORY,
    )
    book.add(
        "AggregationEvent",
        "2026-05-11T08:45:00",
        action="ADD",
        step="loading",
        disposition="container_closed",
        parent=CONTAINER_LOAD,
        items=[*DESK_PALLETS, RACK],
        read_point=DESK_DOCK,
        location=DESK_FACTORY,
        transactions=[("desadv", DESK_DESADV)],
        more={"greenlane:containerType": "22G1", "greenlane:sealNumber": "CLX 440718"},
    )
    book.add(
        "TransactionEvent",
        "2026-05-11T09:30:00",
        action="ADD",
        step="staging_outbound",
        disposition="in_progress",
        items=[CONTAINER_LOAD],
        read_point=DESK_DOCK,
        transactions=[("po", CITY_PO), ("desadv", DESK_DESADV), ("inv", DESK_INVOICE)],
        owner=(AN_PHU, ALAMEDA),
    )
    book.add(
        "ObjectEvent",
        "2026-05-11T10:10:00",
        action="OBSERVE",
        step="shipping",
        disposition="in_transit",
        items=[CONTAINER_LOAD],
        read_point=DESK_DOCK,
        transactions=[("po", CITY_PO), ("desadv", DESK_DESADV)],
        owner=(AN_PHU, ALAMEDA),
        holder=(AN_PHU, CUU_LONG),
    )
    return book


def _cuu_long() -> Book:
    book = Book(chain="furniture", firm=CUU_LONG, places=(CAT_LAI,))
    book.add(
        "ObjectEvent",
        "2026-05-11T14:20:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        items=[CONTAINER_LOAD],
        read_point=CAT_LAI,
        location=CAT_LAI,
        transactions=[("desadv", DESK_DESADV)],
        holder=(AN_PHU, CUU_LONG),
    )
    book.add(
        "ObjectEvent",
        "2026-05-14T23:40:00",
        action="OBSERVE",
        step="departing",
        disposition="in_transit",
        items=[CONTAINER_LOAD],
        read_point=CAT_LAI,
        transactions=[("bol", DESK_BOL), ("po", CITY_PO)],
        holder=(CUU_LONG, PACIFICO),
        more={"greenlane:vessel": "MV Sao Mai", "greenlane:voyage": "114E"},
    )
    book.add(
        "ObjectEvent",
        "2026-06-05T12:00:00",
        action="OBSERVE",
        step="transporting",
        disposition="in_transit",
        items=[CONTAINER_LOAD],
        read_point="geo:-8.2140,-131.4470;u=5000",
        transactions=[("bol", DESK_BOL)],
        sensors=[
            {
                "sensorMetadata": {
                    "startTime": "2026-05-14T16:40:00Z",
                    "endTime": "2026-06-05T05:00:00Z",
                    "deviceID": urn(LOGGER),
                },
                "sensorReport": [
                    report("Temperature", "CEL", minValue=19.1, maxValue=38.7, meanValue=27.9),
                    report("RelativeHumidity", "P1", minValue=48.0, maxValue=79.5, meanValue=64.3),
                    report("Acceleration", "MSK", maxValue=7.4),
                ],
            }
        ],
    )
    return book


def _pacifico() -> Book:
    book = Book(chain="furniture", firm=PACIFICO, places=(CALLAO_QUAY, CALLAO_STORE))
    book.add(
        "ObjectEvent",
        "2026-06-22T03:35:00",
        action="OBSERVE",
        step="arriving",
        disposition="in_progress",
        items=[CONTAINER_LOAD],
        read_point=CALLAO_QUAY,
        location=CALLAO_QUAY,
        transactions=[("bol", DESK_BOL)],
        holder=(CUU_LONG, PACIFICO),
    )
    book.add(
        "AggregationEvent",
        "2026-06-26T08:30:00",
        action="DELETE",
        step="unloading",
        disposition="container_open",
        parent=CONTAINER_LOAD,
        items=[*DESK_PALLETS, RACK],
        read_point=CALLAO_STORE,
        location=CALLAO_STORE,
    )
    book.add(
        "AssociationEvent",
        "2026-06-26T11:00:00",
        action="DELETE",
        step="disassembling",
        disposition="available",
        parent=RACK,
        items=[LOGGER],
        read_point=CALLAO_STORE,
        location=CALLAO_STORE,
    )
    book.add(
        "ObjectEvent",
        "2026-06-30T07:05:00",
        action="OBSERVE",
        step="departing",
        disposition="in_transit",
        items=DESK_PALLETS,
        read_point=CALLAO_STORE,
        transactions=[("po", CITY_PO), ("desadv", DESK_DESADV)],
        holder=(PACIFICO, ALAMEDA),
    )
    return book


def _aduana() -> Book:
    book = Book(chain="furniture", firm=ADUANA, places=(CUSTOMS_HALL,))
    book.add(
        "ObjectEvent",
        "2026-06-25T10:50:00",
        action="OBSERVE",
        step="inspecting",
        disposition="conformant",
        persistent={"set": ["completeness_verified"]},
        items=[CONTAINER_LOAD],
        read_point=CUSTOMS_HALL,
        location=CUSTOMS_HALL,
        transactions=[(CUSTOMS_TYPE, CUSTOMS_DECLARATION), ("bol", DESK_BOL)],
        certificates=[CUSTODY_CERTIFICATE],
        more={"greenlane:lane": "green", "greenlane:tariffHeading": "940330"},
    )
    return book


def _alameda() -> Book:
    book = Book(
        chain="furniture",
        firm=ALAMEDA,
        places=(CITY_STORE, CITY_LIBRARY, CITY_SCHOOL, CITY_OFFICE),
    )
    book.add(
        "TransactionEvent",
        "2026-05-12T09:00:00",
        action="ADD",
        step="accepting",
        disposition="in_progress",
        items=DESKS,
        read_point=CITY_STORE,
        transactions=[("po", CITY_PO)],
        owner=(AN_PHU, ALAMEDA),
        more={"greenlane:purchaseLine": {"greenlane:number": 3, "greenlane:greenCriteria": "certified wood, chain of custody"}},
    )
    book.add(
        "ObjectEvent",
        "2026-06-30T10:20:00",
        action="OBSERVE",
        step="receiving",
        disposition="in_progress",
        items=DESK_PALLETS,
        read_point=CITY_STORE,
        location=CITY_STORE,
        transactions=[("po", CITY_PO), ("desadv", DESK_DESADV), ("inv", DESK_INVOICE)],
        owner=(AN_PHU, ALAMEDA),
        holder=(PACIFICO, ALAMEDA),
    )
    for number, pallet in enumerate(DESK_PALLETS):
        book.add(
            "AggregationEvent",
            f"2026-07-01T{8 + number:02}:30:00",
            action="DELETE",
            step="unpacking",
            disposition="in_progress",
            parent=pallet,
            items=DESKS[6 * number : 6 * number + 6],
            read_point=CITY_STORE,
            location=CITY_STORE,
        )
    book.add(
        "ObjectEvent",
        "2026-07-02T12:00:00",
        action="OBSERVE",
        step="accepting",
        disposition="conformant",
        items=DESKS,
        read_point=CITY_STORE,
        location=CITY_STORE,
        transactions=[("po", CITY_PO), ("recadv", transaction(ALAMEDA, "CR-2026-00588"))],
        certificates=[CUSTODY_CERTIFICATE],
    )
    for at, room, installed in (
        ("2026-07-06T15:00:00", CITY_LIBRARY, DESKS[:8]),
        ("2026-07-07T15:30:00", CITY_SCHOOL, DESKS[8:20]),
        ("2026-07-08T11:10:00", CITY_OFFICE, DESKS[20:]),
    ):
        book.add(
            "ObjectEvent",
            at,
            action="OBSERVE",
            step="installing",
            disposition="active",
            items=installed,
            read_point=room,
            location=room,
            transactions=[("po", CITY_PO)],
        )
    return book


# --- the files -------------------------------------------------------------------------------------------------------


def members_file(books: Sequence[Book]) -> Json:
    """Who captures what: centers, their members with roles and visibility, their documents, and the headline items."""
    centers: list[Json] = []
    for center in CENTERS:
        members: list[Json] = [
            {
                "id": book.firm.id,
                "name": book.firm.name,
                "roles": list(book.firm.roles),
                "visibility": "private" if book.firm.is_private else "public",
                "documents": [book.path],
            }
            for book in books
            if book.firm.center is center
        ]
        centers.append({"id": center.id, "name": center.name, "economy": center.economy, "members": members})
    headline = [
        {"chain": chain, "title": title, "path": digital_link(key, resolver="")}
        for chain, title, key in (
            ("cocoa", GIFT_BOX.name, HEADLINE_BOX),
            ("furniture", DESK.name, HEADLINE_DESK),
        )
    ]
    return {"centers": centers, "headline": headline}


def make_files() -> dict[str, bytes]:
    """Every file of the demo's input: its path under `chains/`, and its bytes."""
    books = (*cocoa_books(), *furniture_books())
    files = {book.path: book.document() for book in books} | {"members.json": members_file(books)}
    return {path: (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode() for path, value in sorted(files.items())}


def main() -> int:
    """Write the files, or with `--check` say which differ; 0 good, 1 some differ."""
    parser = argparse.ArgumentParser(description="Make the demo's EPCIS documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; name the files that differ")
    arguments = parser.parse_args()
    files = make_files()
    strays = {path.relative_to(CHAINS).as_posix() for path in CHAINS.rglob("*.json*")} - files.keys()
    if arguments.check:
        changed = [path for path, data in files.items() if _read(CHAINS / path) != data]
        for path in sorted([*changed, *strays]):
            print(f"differs: {path}")
        return 1 if changed or strays else 0
    for path in strays:
        (CHAINS / path).unlink()
    for path, data in files.items():
        (CHAINS / path).parent.mkdir(parents=True, exist_ok=True)
        (CHAINS / path).write_bytes(data)
    print(f"{len(files)} files in {CHAINS}")
    return 0


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
