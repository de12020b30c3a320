"""A small market of green cocoa over a served world: who sells, who certifies, who buys, and the steps between them over HTTP.

trade = Trade.over(site)
token = trade.issued("10")
purchase = trade.ordered()
act = trade.set_aside(token, purchase["lines"][0]["digest"])
trade.run()
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.facts import AssetClass
from greenlane.core.assets.quantity import Unit
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.units import MemberId
from greenlane.core.wire import encode_hex, encode_time
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from greenlane.services.bring import BringStep
from worlds.asset_ledger import seconds
from worlds.deployment import COOPERATIVE, LIMA, ROASTER, World
from worlds.events import event_document
from worlds.web import Site, issue

CITY, CERTIFIER = MemberId("city"), MemberId("certifier")
LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"
FACILITY = "https://id.gs1.org/414/9521321000018"
COCOA = AssetClass(
    id="cocoa-df",
    attribute="deforestation-free",
    unit=Unit(code="KGM", decimals=3),
    custody_model=CustodyModel.MASS_BALANCE,
    is_tradable=True,
    claim_days=365,
    name="Cocoa, free of deforestation",
)
VINTAGE = (date(2026, 1, 1), date(2026, 3, 31))
_ROUNDS = 20


def name_of(member: MemberId) -> MemberName:
    return MemberName(center=LIMA, member=member)


def found_market(world: World) -> None:
    """Enrols and vouches for everybody, admits the class, and captures the lot's making."""
    for member, role in ((CITY, MemberRole.BUYER), (CERTIFIER, MemberRole.CERTIFIER)):
        world.enrol.member(
            center=LIMA,
            member=member,
            name=member.title(),
            roles=frozenset({role}),
            visibility=Visibility.PUBLIC,
            actor="console",
        )
        world.asset_ledger.vouch(name_of(member), role)
    for member in (COOPERATIVE, ROASTER):
        world.asset_ledger.vouch(name_of(member))
    world.asset_ledger.admit(COCOA)


def run(world: World) -> None:
    """Brings and follows until nothing is left to do."""
    for _ in range(_ROUNDS):
        step = world.asset_work.bring(LIMA).step
        if world.asset_work.follow() and step is BringStep.CURRENT:
            return
    raise AssertionError("the acts were never settled")


@dataclass(kw_only=True)
class Trade:
    """The market over one site; keys of its members."""

    site: Site
    city: str
    certifier: str

    @classmethod
    def over(cls, site: Site) -> "Trade":
        found_market(site.world)
        trade = cls(
            site=site,
            city=issue(site.world, KeyRole.MEMBER, member=CITY),
            certifier=issue(site.world, KeyRole.MEMBER, member=CERTIFIER),
        )
        made = trade.lot_event()
        taken = site.post("/epcis/v2/events", key=site.member, json=made)
        assert taken.status_code == 201, taken.text
        trade.run()
        return trade

    @property
    def seller(self) -> str:
        return self.site.member

    def run(self) -> None:
        run(self.site.world)

    def lot_event(self) -> dict[str, Any]:
        """The lot came to be: 20 kg at the facility, on the first day of the vintage."""
        document = event_document(1)
        return {
            "@context": document["@context"],
            "type": "ObjectEvent",
            "action": "ADD",
            "bizStep": "commissioning",
            "eventTime": "2026-01-02T10:00:00Z",
            "eventTimeZoneOffset": "+00:00",
            "bizLocation": {"id": FACILITY},
            "readPoint": {"id": FACILITY},
            "quantityList": [{"epcClass": LOT, "quantity": 20, "uom": "KGM"}],
        }

    def statement(self, **changes: Any) -> dict[str, Any]:
        asked = {
            "certifier": f"{LIMA}/{CERTIFIER}",
            "class": COCOA.id,
            "quantity": "12.5",
            "lot": LOT,
            "facility": FACILITY,
            "vintageFrom": VINTAGE[0].isoformat(),
            "vintageTo": VINTAGE[1].isoformat(),
            "custodyModel": "segregated",
            "origin": None,
            "certificateDigest": encode_hex(sha256(b"certificate")),
            "economy": "PE",
        }
        return asked | changes

    def state(self, *, once: str | None = None, **changes: Any) -> httpx.Response:
        return self.site.post("/v1/evidence", key=self.seller, once=once, json=self.statement(**changes))

    def stated(self, **changes: Any) -> str:
        """A draft; its digest."""
        answer = self.state(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["digest"])

    def signed(self, **changes: Any) -> str:
        """A statement that is signed and anchored; its digest."""
        digest = self.stated(**changes)
        answer = self.site.post(f"/v1/evidence/{digest}/signature", key=self.certifier, json={})
        assert answer.status_code == 200, answer.text
        self.site.world.settle()
        return digest

    def issue(self, digest: str, quantity: str = "10", *, once: str | None = None) -> httpx.Response:
        return self.site.post(f"/v1/evidence/{digest}/issuances", key=self.seller, once=once, json={"quantity": quantity})

    def issued(self, quantity: str = "10", **changes: Any) -> str:
        """Units that the seller holds; their token."""
        digest = self.signed(**changes)
        self.accepted(self.issue(digest, quantity))
        return digest

    def line(self, **changes: Any) -> dict[str, Any]:
        asked = {
            "supplier": f"{LIMA}/{COOPERATIVE}",
            "category": "catering",
            "description": "Cocoa for school meals",
            "product": None,
            "lot": LOT,
            "class": COCOA.id,
            "quantity": "1.5",
            "label": None,
            "model": None,
            "economy": "PE",
            "price": {"amount": "1299.90", "currency": "PEN"},
        }
        return asked | changes

    def order(self, *lines: dict[str, Any], once: str | None = None, **changes: Any) -> httpx.Response:
        body = {"reference": "PO 114", "lines": list(lines) or [self.line()]} | changes
        return self.site.post("/v1/purchases", key=self.city, once=once, json=body)

    def ordered(self, *lines: dict[str, Any]) -> dict[str, Any]:
        answer = self.order(*lines)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def set_aside(self, token: str, line_digest: str, quantity: str = "1.5", **more: Any) -> httpx.Response:
        deadline = encode_time(seconds(self.site.world.clock.now + timedelta(days=30)))
        asked = {
            "token": token,
            "quantity": quantity,
            "buyer": f"{LIMA}/{CITY}",
            "lineDigest": line_digest,
            "deadline": deadline,
        }
        return self.site.post("/v1/escrows", key=self.seller, json=asked | more)

    def retire(self, token: str, *, key: str | None = None, once: str | None = None, **changes: Any) -> httpx.Response:
        asked = {
            "token": token,
            "quantity": "1.5",
            "beneficiary": "Municipalidad de Lima",
            "claimFrom": "2026-01-01",
            "claimTo": "2026-05-31",
        }
        return self.site.post("/v1/retirements", key=key or self.city, once=once, json=asked | changes)

    def accepted(self, answer: httpx.Response) -> dict[str, Any]:
        """An act that was taken, after the chain decided it; it was carried out."""
        assert answer.status_code == 202, answer.text
        self.run()
        found = self.act(answer.json()["digest"])
        assert found["state"] == "done", found
        return found

    def act(self, digest: str) -> dict[str, Any]:
        answer = self.site.get(f"/v1/acts/{digest}", key=self.site.operator)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def check(self, purchase_id: str) -> dict[str, Any]:
        answer = self.site.get(f"/v1/purchases/{purchase_id}/check", key=self.city)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def verdicts(self, purchase_id: str) -> dict[str, str]:
        """Of the first line."""
        (line, *_) = self.check(purchase_id)["lines"]
        return {check["name"]: check["verdict"] for check in line["checks"]}
