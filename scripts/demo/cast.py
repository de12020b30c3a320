"""Who is who in the demo's chains, and what is traded."""

from __future__ import annotations

from scripts.demo.story import HO_CHI_MINH, LIMA, LINK, TIANJIN, URN, Firm, product

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
