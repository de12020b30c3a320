"""The city's green purchase: a desk and cocoa for school meals, from the goods' own events to a claim that anyone can check.

Operators vote by their command, everything else goes over HTTP with each member's own API key. Members' keys are kept by their
centers. What is stated stands on the demo's events: a desk that is known by itself, and bags of cocoa beans whose weight a
conversion factor tells, so that a kilogram more than there was is refused.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from greenlane.core.balance.factors import ConversionFactor, encode_factor
from greenlane.core.documents.description import MemberName
from greenlane.core.units import CenterId, MemberId

from scripts.demo.asking import Server, table, until
from scripts.demo.cast import ALAMEDA, AN_PHU, BEAN_BAG, BOSQUE, DESK, LA_RUNG, VALLE
from scripts.demo.cocoa import BAG_LOT, COOP_STORE
from scripts.demo.furniture import DESK_FACTORY, HEADLINE_DESK
from scripts.demo.governing import COCOA_CLASS, TRADERS, WOOD_CLASS
from scripts.demo.papers import CERTIFICATE, WOOD_CERTIFICATE, Paper, pdf_of
from scripts.demo.story import Firm, digital_link
from scripts.demo.telling import DemoFailed, must, must_member, say, say_more, tell

ENTRIES = 6
"""What the trade leaves in the logs: a certificate, a conversion factor, two statements of evidence and two claims."""
_LABEL = "la-rung-planted-wood"
_KILOGRAMS_A_BAG = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """One line of the purchase, with what stands behind it.

    Attributes:
        made: first and last day of the vintage.
        all, some: how much is stated, and how much of it the city buys; in the class's unit.
    """

    class_id: str
    seller: Firm
    certifier: Firm
    certificate: Paper
    lot: str
    facility: str
    made: tuple[date, date]
    model: str
    all: str
    some: str
    category: str
    description: str
    product: str
    label: str | None
    price: tuple[str, str]
    beneficiary: str


COCOA = Goods(
    class_id=COCOA_CLASS,
    seller=VALLE,
    certifier=BOSQUE,
    certificate=CERTIFICATE,
    lot=digital_link(BAG_LOT),
    facility=digital_link(COOP_STORE.key),
    made=(date(2026, 5, 4), date(2026, 5, 22)),
    model="segregated",
    all="2560",
    some="128",
    category="catering",
    description="Cocoa beans for school breakfasts, two bags of 64 kg",
    product=digital_link(BEAN_BAG.key),
    label=None,
    price=("2585.60", "PEN"),
    beneficiary="Escuela municipal Los Ceibos",
)
WOOD = Goods(
    class_id=WOOD_CLASS,
    seller=AN_PHU,
    certifier=LA_RUNG,
    certificate=WOOD_CERTIFICATE,
    lot=digital_link(HEADLINE_DESK),
    facility=digital_link(DESK_FACTORY.key),
    made=(date(2026, 4, 22), date(2026, 4, 22)),
    model="identity-preserved",
    all="1",
    some="1",
    category="office furniture",
    description="Office desk of solid acacia for the library",
    product=digital_link(DESK.key),
    label=_LABEL,
    price=("1180.00", "PEN"),
    beneficiary="Biblioteca municipal de Puerto Alameda",
)
GOODS = (WOOD, COCOA)


class Trade:
    """The purchase, step by step."""

    def __init__(self, home: Path, *, keys: Mapping[str, Path], url: str) -> None:
        self._home = home / "purchase"
        self._home.mkdir(mode=0o700)
        self._keys = keys
        self._server = Server(url)
        self._tokens: dict[str, str] = {}
        self._purchase: dict[str, Any] = {}
        self.retirements: dict[str, str] = {}

    @property
    def purchase_id(self) -> str:
        """Of the city's order."""
        return str(self._purchase["id"])

    def run(self) -> None:
        """Everything up to the claims."""
        _require_a_clock_that_is_late_enough()
        classes = self._server.must("classes", "/v1/supply")["classes"] if self._follows() else []
        say(f"operators of two centers voted for {len(classes)} classes, and vouched for {len(TRADERS)} members that trade")
        say_more("\n".join(f"{each['id']}: {each['name']}, {each['unit']}, {each['custodyModel']}" for each in classes))
        self._prepare()
        self._state()
        self._issue()
        self._order()
        self._hand_over()
        self._retire()

    def verify(self, *, stranger: Path, trust: Path, rpc: str) -> None:
        """The stranger judges what the city filed, and what somebody changed."""
        asked = ("--trust", trust, "--rpc", rpc)
        names = [self._home / f"retirement-{goods.class_id}" for goods in GOODS]
        forged = self._home / "forged.json"
        data = names[1].with_suffix(".json").read_bytes()
        quantity = f'"quantity":"{COCOA.some}"'.encode()
        if quantity not in data:
            raise DemoFailed("the certificate does not say how much was retired")
        forged.write_bytes(data.replace(quantity, quantity.replace(b"128", b"928")))
        with ThreadPoolExecutor(2) as together:
            files = [*(name.with_suffix(".json") for name in names), forged]
            told = list(together.map(lambda file: tell(stranger, "verify", file, *asked), files))
        if [each.code for each in told] != [0, 0, 1]:
            raise DemoFailed("\n".join(f"exit code {each.code}: {each.out}{each.err}" for each in told))
        for name in names:
            # A buyer's machine: it can open a PDF.
            must_member(f"{name.name}.pdf", "verify", name.with_suffix(".pdf"), *asked)
        say("the stranger judges both certificates, as JSON; a buyer's machine both as PDF", "exit code 0")
        say_more("\n".join(each.out.splitlines()[-1] for each in told[:2]))
        say_more(f"128 kg made 928 kg: {told[2].out.splitlines()[-1]}")

    def count(self, *, stranger: Path, trust: Path, rpc: str) -> None:
        """Anyone recomputes how much there is."""
        told = must("supply", stranger, "supply", "--trust", trust, "--rpc", rpc)
        verdict = told.rstrip().splitlines()[-1]
        if not verdict.startswith("PASSED"):
            raise DemoFailed(told)
        say("the stranger recomputes from the node alone how much there is of every class", "exit code 0")
        say_more(told)

    def check(self) -> None:
        """The four checks of each line."""
        found = self._server.must("checks", f"/v1/purchases/{self.purchase_id}/check", key=self._key(ALAMEDA))
        names = [each["name"] for each in found["lines"][0]["checks"]]
        rows = [
            (str(line["number"]), goods.description, line["standing"], *(each["verdict"] for each in line["checks"]))
            for goods, line in zip(GOODS, found["lines"], strict=True)
        ]
        told = table(("line", "goods", "stands", *names), rows)
        if found["verdict"] != "passed":
            words = [f"{each['name']}: {each['reason']}" for line in found["lines"] for each in line["checks"]]
            raise DemoFailed("\n".join([f"the purchase's checks are {found['verdict']}:", told, *words]))
        say("the city checks its purchase: four checks for each line")
        say_more(told)

    # ---- the steps ----

    def _follows(self) -> bool:
        """Once the server knows both classes."""

        def look() -> bool | None:
            found = self._server.must("classes", "/v1/supply")["classes"]
            return True if len(found) == len(GOODS) else None

        return bool(until("the worker, which follows the chain", look))

    def _prepare(self) -> None:
        """The certificate of the wood, what a bag weighs, and a label that two economies recognise."""
        paper = self._home / WOOD_CERTIFICATE.name
        paper.write_bytes(pdf_of(WOOD_CERTIFICATE))
        self._store(AN_PHU, paper, WOOD.lot, "cert", "--issuer", WOOD_CERTIFICATE.issuer)
        factor = self._home / "weight-of-a-bag.json"
        factor.write_bytes(encode_factor(weight_of_a_bag()))
        cid = self._store(VALLE, factor, COCOA.product, "declaration")
        self._server.must("the factor", "/v1/conversion-factors", key=self._key(VALLE), body={"cid": cid})
        self._server.must("the label", "/v1/labels", key=self._keys[f"{LA_RUNG.center.id}-operator"], body=_label())

    def _state(self) -> None:
        too_much = self._server.refused(
            "a statement beyond the balance", "beyond-balance", "/v1/evidence", key=self._key(VALLE), body=stated(COCOA, "2571")
        )
        for goods in GOODS:
            drafted = self._server.must(
                goods.class_id, "/v1/evidence", key=self._key(goods.seller), body=stated(goods, goods.all)
            )
            if drafted["warnings"]:
                raise DemoFailed(f"{goods.class_id}: {' '.join(drafted['warnings'])}")
            token = drafted["digest"]
            self._server.must("signing", f"/v1/evidence/{token}/signature", key=self._key(goods.certifier), body={})
            self._tokens[goods.class_id] = token
        say("evidence stated out of the goods' events, and signed by two certifiers")
        say_more("\n".join(f"{goods.certifier.name}: {goods.all} of {goods.class_id}, {goods.lot}" for goods in GOODS))
        say_more(f"As many kilograms as before the packing are refused: {too_much}")

    def _issue(self) -> None:
        for goods in GOODS:
            self._wait_until_anchored(goods)
        self._server.carried_out(
            *(
                (
                    f"issuing {goods.class_id}",
                    self._key(goods.seller),
                    f"/v1/evidence/{self._tokens[goods.class_id]}/issuances",
                    {"quantity": goods.all},
                )
                for goods in GOODS
            )
        )
        say("units issued: the contract verified signature, inclusion in the anchored log, and that nothing was counted before")
        say_more("\n".join(f"{self._tokens[goods.class_id]}  {goods.all} {goods.class_id}" for goods in GOODS))

    def _order(self) -> None:
        asked = {"reference": "OC-2026-01177", "lines": [_line(goods) for goods in GOODS]}
        self._purchase = self._server.must("the order", "/v1/purchases", key=self._key(ALAMEDA), body=asked)
        say(f"{ALAMEDA.name} orders {len(GOODS)} lines", self.purchase_id)
        lines = self._purchase["lines"]
        say_more("\n".join(f"{goods.description}: {line['digest']}" for goods, line in zip(GOODS, lines, strict=True)))
        say_more("What a line costs stays at the city's center; its digest is blinded.")

    def _hand_over(self) -> None:
        deadline = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        set_aside = self._server.carried_out(
            *(
                (
                    f"setting {goods.class_id} aside",
                    self._key(goods.seller),
                    "/v1/escrows",
                    {
                        "token": self._tokens[goods.class_id],
                        "quantity": goods.some,
                        "buyer": _name(ALAMEDA),
                        "lineDigest": line["digest"],
                        "deadline": deadline,
                    },
                )
                for goods, line in zip(GOODS, self._purchase["lines"], strict=True)
            )
        )
        self._server.carried_out(
            *(("accepting", self._key(ALAMEDA), f"/v1/escrows/{act['asked']['escrow']}/acceptance", {}) for act in set_aside)
        )
        say("the suppliers set the units aside for exactly these lines, and the city accepts them")

    def _retire(self) -> None:
        acts = self._server.carried_out(
            *(
                (
                    f"retiring {goods.class_id}",
                    self._key(ALAMEDA),
                    "/v1/retirements",
                    {
                        "token": self._tokens[goods.class_id],
                        "quantity": goods.some,
                        "beneficiary": goods.beneficiary,
                        "claimFrom": goods.made[0].isoformat(),
                        "claimTo": date(2026, 12, 31).isoformat(),
                        "line": {"purchase": self.purchase_id, "number": number},
                    },
                )
                for number, goods in enumerate(GOODS, start=1)
            )
        )
        for goods, act in zip(GOODS, acts, strict=True):
            self.retirements[goods.class_id] = act["asked"]["retirement"]
            for ending, media_type in ((".json", "application/json"), (".pdf", "application/pdf")):
                self._fetch(goods, ending, media_type)
        say("the city retires them for its lines, and files a certificate of each", str(self._home.relative_to(Path.cwd())))
        say_more("\n".join(f"{goods.some} of {goods.class_id} for {goods.beneficiary}" for goods in GOODS))

    def pages(self) -> list[str]:
        """Where to look at all that."""
        url = self._server.url
        retired = [f"The claim of {name}: {url}/retirements/{each}" for name, each in self.retirements.items()]
        return [
            f"The city's purchase: {url}/purchases/{self.purchase_id}",
            *retired,
            f"How much there is of each class: {url}/supply",
            f"To sign in as the city's buyer ({url}/sign-in), the key in {self._key(ALAMEDA).relative_to(Path.cwd())}",
        ]

    # ---- inside ----

    def _wait_until_anchored(self, goods: Goods) -> None:
        path = f"/v1/evidence/{self._tokens[goods.class_id]}/receipt"

        def look() -> bool | None:
            return True if self._server.ask(path)[0] == 200 else None

        until(f"the anchor of {goods.class_id}", look)

    def _fetch(self, goods: Goods, ending: str, media_type: str) -> None:
        path = f"/v1/retirements/{self.retirements[goods.class_id]}/certificate{'.pdf' if ending == '.pdf' else ''}"

        def look() -> bytes | None:
            status, data = self._server.ask(path, media_type=media_type)
            # 503: its entry is not anchored yet.
            if status not in {200, 503}:
                raise DemoFailed(f"{path} (HTTP {status}):\n{data.decode(errors='replace')}")
            return data if status == 200 else None

        data: bytes = until(f"the receipt of the claim of {goods.class_id}", look)
        (self._home / f"retirement-{goods.class_id}{ending}").write_bytes(data)

    def _store(self, firm: Firm, file: Path, about: str, document_type: str, *more: str) -> str:
        told = must_member(
            f"{firm.name} stores {file.name}",
            "document", "add", file, "--about", about, "--type", document_type, *more,
            "--member", _name(firm), "--key-file", self._key(firm), "--url", self._server.url, "--json",
        )  # fmt: skip
        return str(json.loads(told)["cid"])

    def _key(self, firm: Firm) -> Path:
        return self._keys[firm.id]


def _require_a_clock_that_is_late_enough() -> None:
    last = max(goods.made[1] for goods in GOODS)
    if datetime.now(UTC).date() <= last:
        raise DemoFailed(
            f"this machine's clock says {datetime.now(UTC).date()}, and the goods are made until {last}: "
            "a vintage is stated once it is over. Set the clock."
        )


def _name(firm: Firm) -> str:
    return f"{firm.center.id}/{firm.id}"


def weight_of_a_bag() -> ConversionFactor:
    """One kilogram of bagged beans is the 64th part of a bag, as the product's master data says."""
    return ConversionFactor(
        declared_by=MemberName(center=CenterId(VALLE.center.id), member=MemberId(VALLE.id)),
        facility=COCOA.facility,
        attribute=None,
        material=COCOA.product,
        unit="KGM",
        needs_material=COCOA.product,
        needs_unit="H87",
        quantity=Decimal(1) / _KILOGRAMS_A_BAG,
        valid_from=date(2026, 1, 1),
        valid_to=None,
        number=1,
        replaces=None,
    )


def _label() -> dict[str, Any]:
    return {
        "id": _LABEL,
        "name": "La Rung: planted wood",
        "owner": LA_RUNG.name,
        "categories": [WOOD.category],
        "models": [WOOD.product],
        "economies": ["VN"],
        "validFrom": "2026-01-01",
        "validTo": None,
        "status": "active",
        "recognitions": [
            {
                "economy": "PE",
                "agreement": "mutual recognition of the pilot centers",
                "validFrom": "2026-01-01",
                "validTo": None,
            }
        ],
        "effectiveFrom": "2026-01-01",
    }


def stated(goods: Goods, quantity: str) -> dict[str, Any]:
    """The body that states them."""
    return {
        "certifier": _name(goods.certifier),
        "class": goods.class_id,
        "quantity": quantity,
        "lot": goods.lot,
        "facility": goods.facility,
        "vintageFrom": goods.made[0].isoformat(),
        "vintageTo": goods.made[1].isoformat(),
        "custodyModel": goods.model,
        "certificateDigest": "0x" + sha256(pdf_of(goods.certificate)).hexdigest(),
        "economy": goods.seller.center.economy,
    }


def _line(goods: Goods) -> dict[str, Any]:
    return {
        "supplier": _name(goods.seller),
        "category": goods.category,
        "description": goods.description,
        "product": goods.product,
        "lot": goods.lot,
        "class": goods.class_id,
        "quantity": goods.some,
        "label": goods.label,
        "model": goods.product if goods.label else None,
        "economy": ALAMEDA.center.economy,
        "price": {"amount": goods.price[0], "currency": goods.price[1]},
    }
