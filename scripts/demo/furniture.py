"""The furniture chain: from acacia plantations in Quảng Trị to desks installed in a city near Lima."""

from __future__ import annotations

from scripts.demo.cast import (
    ADUANA,
    ALAMEDA,
    AN_PHU,
    BEN_HAI,
    BINH_MINH,
    CHIPS,
    CUU_LONG,
    DESK,
    DRY_BOARDS,
    FITTINGS,
    GREEN_BOARDS,
    LA_RUNG,
    LOGS,
    MOC_LAM,
    PACIFICO,
    TRUONG_SON,
)
from scripts.demo.story import NAMESPACE, Book, Key, Quantity, pad, place, report, sscc, transaction, urn

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
RACK = Key(scheme="grai", issuer=CUU_LONG, reference=pad(CUU_LONG, 18), serial="R0093")
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
