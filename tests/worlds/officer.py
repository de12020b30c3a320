"""A city that buys cocoa of a cooperative, over a world of services: what its procurement officer sees in a browser.

office = make_office(world)
purchase = office.order(lines=[office.line()])
escrow = office.offer(purchase)            # the cooperative sets units aside, and the chain has them
office.work()                              # the worker: publish, anchor, bring, follow

The lot comes from a farm in Peru and is roasted in China; its certifier is of Ho Chi Minh City. The books say how much there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.facts import AssetClass
from greenlane.core.assets.purchase import Price
from greenlane.core.assets.quantity import Unit, decimal_text
from greenlane.core.documents.description import MemberName
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from greenlane.ports.acts import KeptAct
from greenlane.ports.purchases import Purchase
from greenlane.services.assets.acting import Asker
from greenlane.services.bring import BringStep
from greenlane.services.order import AskedLine
from worlds.deployment import CENTERS, COOPERATIVE, HO_CHI_MINH, LIMA, TIANJIN, World
from worlds.events import CONTEXT, GTIN, parsed
from worlds.web import issue

CITY, CERTIFIER = MemberId("city"), MemberId("certifier")
BUYER, SELLER = MemberName(center=LIMA, member=CITY), MemberName(center=LIMA, member=COOPERATIVE)
CERTIFIER_NAME = MemberName(center=HO_CHI_MINH, member=CERTIFIER)
LOT = f"https://id.gs1.org/01/{GTIN}/10/LOT-7"
FARM, MILL = "https://id.gs1.org/414/9521321000018", "https://id.gs1.org/414/9506000134352"
COCOA = AssetClass(
    id="cocoa-df",
    attribute="deforestation-free",
    unit=Unit(code="KGM", decimals=3),
    custody_model=CustodyModel.SEGREGATED,
    is_tradable=True,
    claim_days=365,
    name="Cocoa, free of deforestation",
)


@dataclass
class Office:
    """What a test does in the names of the city, the cooperative and the worker.

    Attributes:
        token: of the units that the cooperative holds: 12.5 kg of the lot, issued.
        city_key: the city's API key, as its officer pastes it.
    """

    world: World
    token: bytes
    city_key: str

    def line(self, **changes: Any) -> AskedLine:
        """1.5 kg of cocoa."""
        asked = AskedLine(
            supplier=SELLER,
            category="Catering",
            description="Cocoa for school meals",
            product=f"https://id.gs1.org/01/{GTIN}",
            lot=LOT,
            class_id=COCOA.id,
            quantity="1.5",
            label=None,
            model=None,
            economy="PE",
            price=Price(amount="1299.90", currency="PEN"),
        )
        return replace(asked, **changes)

    def order(self, *lines: AskedLine, reference: str = "PO 2026-114", **more: Any) -> Purchase:
        """The city orders."""
        given: dict[str, Any] = {"ordered_on": None, "center": LIMA, "buyer": CITY, "actor": "console"} | more
        return self.world.assets.order(list(lines) or [self.line()], reference=reference, **given)

    def offer(self, purchase: Purchase, number: int = 1, *, days: int = 30, is_worked: bool = True) -> KeptAct:
        """The cooperative sets units aside for a line, until a day."""
        kept = purchase.lines[number - 1]
        line = kept.open_line.line
        act = self.world.assets.escrow(
            Asker(center=LIMA, member=COOPERATIVE, actor="console"),
            token=self.token,
            quantity=decimal_text(line.quantity, line.unit),
            buyer=BUYER,
            line_digest=kept.digest,
            deadline=(self.world.clock.now + timedelta(days=days)).replace(microsecond=0),
        )
        if is_worked:
            self.work()
        return act

    def accept(self, purchase: Purchase, number: int = 1) -> KeptAct:
        """The city accepts what was set aside for a line."""
        check = self.world.assets.check_purchase(purchase)
        escrow = check.lines[number - 1].escrow
        assert escrow is not None
        act = self.world.assets.escrow.accept(self.city, escrow_id=escrow.id)
        self.work()
        return act

    def retire(self, purchase: Purchase, number: int = 1, **changes: Any) -> str:
        """The city retires for a line; the retirement's id as addresses write it."""
        line = purchase.lines[number - 1].open_line.line
        with self.world.store.read() as tx:
            issuance = tx.assets.issuance(self.token)
        assert issuance is not None
        given: dict[str, Any] = {
            "quantity": decimal_text(line.quantity, line.unit),
            "beneficiary": "Municipalidad de Lima",
            "claim_from": issuance.vintage_from,
            "claim_to": issuance.vintage_to,
        }
        act = self.world.assets.retire(self.city, token=self.token, line=(purchase.id, number), **(given | changes))
        self.work()
        return act.subject

    @property
    def city(self) -> Asker:
        """The city, as services know it."""
        return Asker(center=LIMA, member=CITY, actor="console")

    def work(self, centers: Sequence[CenterId] = (LIMA,)) -> None:
        """What the worker does, until nothing is left to do."""
        for _ in range(20):
            steps = {self.world.asset_work.bring(center).step for center in centers}
            # What builds on another act that is on its way is held back until that one is noted.
            if self.world.asset_work.follow() and steps == {BringStep.CURRENT}:
                break
        for center in centers:
            self.world.settle(center)


def make_office(world: World) -> Office:
    """Enrols the city and the certifier, captures the lot's events, and issues its units."""
    for name, title, role in (
        (BUYER, "Municipalidad de Lima", MemberRole.BUYER),
        (CERTIFIER_NAME, "Saigon Certification", MemberRole.CERTIFIER),
    ):
        world.enrol.member(
            center=name.center,
            member=name.member,
            name=title,
            roles=frozenset({role}),
            visibility=Visibility.PUBLIC,
            actor="console",
        )
        world.asset_ledger.vouch(name, role)
    world.asset_ledger.vouch(SELLER, MemberRole.ENTERPRISE)
    world.asset_ledger.admit(COCOA)
    _capture_lot(world)
    token = _issue(world)
    return Office(world=world, token=token, city_key=issue(world, KeyRole.MEMBER, member=CITY))


def _capture_lot(world: World) -> None:
    steps = (
        (LIMA, COOPERATIVE, "commissioning", "ADD", FARM, "2026-04-02"),
        (LIMA, COOPERATIVE, "shipping", "OBSERVE", FARM, "2026-04-20"),
        (TIANJIN, COOPERATIVE, "receiving", "OBSERVE", MILL, "2026-05-11"),
    )
    for center, member, step, action, place, day in steps:
        document: dict[str, Any] = {
            "@context": CONTEXT,
            "type": "ObjectEvent",
            "eventTime": f"{day}T10:00:00.000Z",
            "eventTimeZoneOffset": "-05:00",
            "action": action,
            "bizStep": step,
            "bizLocation": {"id": place},
            "quantityList": [{"epcClass": LOT, "quantity": 20, "uom": "KGM"}],
        }
        world.take_these(*parsed(document), center=center, member=member)
    for center, _, _ in CENTERS:
        world.settle(center)


def _issue(world: World) -> bytes:
    assets = world.assets
    drafted = assets.state_evidence(
        {
            "certifier": str(CERTIFIER_NAME),
            "class": COCOA.id,
            "quantity": "12.5",
            "lot": LOT,
            "facility": FARM,
            "vintageFrom": "2026-04-01",
            "vintageTo": "2026-04-30",
            "custodyModel": CustodyModel.IDENTITY_PRESERVED.slug,
            "certificateDigest": "0x" + "5a" * 32,
            "economy": "PE",
        },
        center=LIMA,
        member=COOPERATIVE,
        actor="console",
    )
    digest = drafted.evidence.digest
    assets.sign_evidence(digest, signature=None, center=HO_CHI_MINH, member=CERTIFIER, actor="console")
    world.settle(LIMA)
    seller = Asker(center=LIMA, member=COOPERATIVE, actor="console")
    assets.issue(seller, digest=digest, quantity="12.5")
    world.asset_work.bring(LIMA)
    world.asset_work.follow()
    return digest
