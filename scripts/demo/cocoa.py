"""The cocoa chain: from plots in San Martín to a gift box sold in Tianjin."""

from __future__ import annotations

from scripts.demo.cast import (
    ANDES,
    BAOHE,
    BAR,
    BEAN_BAG,
    BEIFANG,
    BOHAI,
    BOSQUE,
    CARTON,
    COUVERTURE,
    DRY_BEANS,
    FERMENTED,
    GIFT_BOX,
    GIFT_CASE,
    HAIHE,
    JINHE,
    MASS_70,
    SHELLS,
    SUGAR,
    VALLE,
    WET_BEANS,
)
from scripts.demo.story import NAMESPACE, Book, Json, Key, digital_link, gsin, place, report, sscc, transaction, urn

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
