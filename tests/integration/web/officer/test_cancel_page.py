"""Taking a purchase back in a browser: a quiet button, a confirmation that says what it means, and done once."""

from datetime import timedelta

from greenlane.core.assets.act import Act
from greenlane.core.units import Salt
from greenlane.ports.asset_ledger import AssetContract, SignedAct
from greenlane.ports.purchases import Purchase
from worlds.asset_ledger import PLACES, account_of, seconds, sign
from worlds.deployment import LIMA
from worlds.desk import Desk, hidden
from worlds.officer import BUYER, SELLER, Office
from worlds.web import Site


def path_of(purchase: Purchase) -> str:
    return f"/purchases/{purchase.id}/cancel"


def offered_elsewhere(office: Office, purchase: Purchase) -> None:
    """The seller signs by itself, and another center brings it, which knows nothing of the purchase."""
    (line,) = purchase.lines
    ledger, now = office.world.asset_ledger, office.world.clock.now
    call = ledger.calls.escrow(
        token=office.token,
        quantity=line.open_line.line.quantity,
        buyer=account_of(BUYER),
        line_digest=line.digest,
        deadline=seconds(now + timedelta(days=30)),
    )
    act = Act(account=account_of(SELLER), salt=Salt(bytes([7]) * 32), not_after=int(now.timestamp()) + 3_600, call=call)
    signature = sign(SELLER, act.digest(PLACES.domain(AssetContract.GREEN_ASSET)))
    ledger.bring(LIMA, [SignedAct(contract=AssetContract.GREEN_ASSET, act=act, signature=signature)])


def kept(office: Office, purchase: Purchase) -> Purchase:
    return office.world.assets.order.get(purchase.id, center=LIMA, member=None)


def test_an_officer_takes_a_purchase_back_and_the_pages_say_so(desk: Desk, office: Office) -> None:
    purchase = office.order()
    assert f'href="{path_of(purchase)}"' in desk.get(f"/purchases/{purchase.id}").text
    page = desk.get(path_of(purchase))
    assert page.status_code == 200 and "cannot be undone" in page.text
    for _ in range(2):
        answer = desk.fill_page(page)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/purchases/{purchase.id}")
    since = kept(office, purchase).cancelled_at
    assert since is not None
    after = desk.get(f"/purchases/{purchase.id}").text
    assert "Taken back on" in after and path_of(purchase) not in after and "Order anew" in after
    assert "Cancelled" in desk.get("/purchases").text
    assert desk.get(path_of(purchase)).status_code == 409


def test_what_units_were_set_aside_for_has_no_such_button_and_an_old_page_does_nothing(desk: Desk, office: Office) -> None:
    purchase = office.order()
    page = desk.get(path_of(purchase))
    office.offer(purchase)
    assert path_of(purchase) not in desk.get(f"/purchases/{purchase.id}").text
    assert desk.get(path_of(purchase)).status_code == 409
    answer = desk.fill_page(page)
    assert answer.status_code == 409 and "Units stand on the chain for line 1" in answer.text
    assert kept(office, purchase).cancelled_at is None


def test_what_units_went_back_from_has_the_button_again(desk: Desk, office: Office) -> None:
    purchase = office.order()
    office.offer(purchase)
    desk.fill_page(desk.get(f"/purchases/{purchase.id}/lines/1/return"))
    assert path_of(purchase) not in desk.get(f"/purchases/{purchase.id}").text, "the giving back is on its way only"
    office.work()
    assert path_of(purchase) in desk.get(f"/purchases/{purchase.id}").text
    assert desk.fill_page(desk.get(path_of(purchase))).status_code == 303
    assert kept(office, purchase).cancelled_at is not None


def test_units_that_come_late_are_given_back_and_nobody_is_led_to_accept_them(desk: Desk, office: Office) -> None:
    purchase = office.order()
    before = office.order(reference="Before")
    office.offer(before)
    for way in ("accept", "return"):
        assert f'href="/purchases/{before.id}/lines/1/{way}"' in desk.get(f"/purchases/{before.id}").text
    desk.fill_page(desk.get(path_of(purchase)))
    offered_elsewhere(office, purchase)
    office.work()
    page = desk.get(f"/purchases/{purchase.id}").text
    line = f"/purchases/{purchase.id}/lines/1"
    assert f"{line}/return" in page and f"{line}/accept" not in page
    refused = desk.get(f"{line}/accept")
    assert refused.status_code == 409 and "can only be given back" in refused.text
    assert desk.fill_page(desk.get(f"{line}/return")).status_code == 303
    office.work()
    assert f"{line}/return" not in desk.get(f"/purchases/{purchase.id}").text


def test_nobody_else_takes_it_back_and_no_form_from_elsewhere_does(
    desk: Desk, office: Office, site: Site, stranger: Desk
) -> None:
    purchase = office.order()
    fields = hidden(desk.get(path_of(purchase)).text)
    assert desk.send(path_of(purchase), fields, Origin="https://elsewhere.example").status_code == 403
    assert desk.send(path_of(purchase), {"form": "guessed"}).status_code == 403
    stranger.client.cookies.clear()
    stranger.sign_in(site.stranger)
    own = hidden(stranger.get("/sign-out").text)
    assert stranger.get(path_of(purchase)).status_code == 404
    assert stranger.send(path_of(purchase), own).status_code == 404
    assert kept(office, purchase).cancelled_at is None
