"""What anybody sees: the supply, a retirement, and its certificate as JSON and as PDF."""

import re
from datetime import timedelta
from typing import Any

import pytest
from greenlane.adapters.pdf_attachment import attached_certificate
from greenlane.core.assets.retirement import disagreements, parse_certificate
from greenlane.services.assets.acting import Asker
from worlds.deployment import HO_CHI_MINH, LIMA, World
from worlds.desk import Desk
from worlds.officer import CERTIFIER, Office

EVIL = "<script>alert(1)</script>&\"'"


def retired(office: Office, **changes: Any) -> str:
    """A retirement's id."""
    purchase = office.order()
    office.offer(purchase)
    office.accept(purchase)
    return office.retire(purchase, **changes)


def test_the_supply_adds_up_and_says_how_to_compute_it_anew(stranger: Desk, office: Office) -> None:
    purchase = office.order(office.line(), office.line(quantity="0.25"))
    office.offer(purchase, 1)
    office.offer(purchase, 2)
    office.accept(purchase, 1)
    office.retire(purchase, 1)
    page = stranger.get("/supply")
    assert page.status_code == 200
    rows = dict(re.findall(r"</svg> ([A-Z][a-z ]+)</th><td class=\"n\">([0-9.]+) kg</td>", page.text))
    assert rows == {"Tradable": "10.75", "Set aside for buyers": "0.25", "Retired": "1.5", "Cancelled": "0"}
    assert "<strong>12.5 kg</strong>" in page.text and "It adds up" in page.text and "As of block" in page.text
    assert "greenlane supply --trust trust.json --rpc URL-OF-A-NODE" in page.text
    # Each piece of the bar begins where the one before ends, and the last ends with the bar.
    pieces = [(int(x), int(width)) for x, width in re.findall(r'<rect class="solid" x="(\d+)" y="1" width="(\d+)"', page.text)]
    assert pieces[0][0] == 0 and [x + width for x, width in pieces] == [x for x, _ in pieces[1:]] + [600]
    assert stranger.get("/supply", Accept="application/json").json()["classes"][0]["totals"]["retired"] == "1.5"


def test_that_the_centers_stopped_all_movements_is_told_and_the_chain_is_asked_seldom(
    stranger: Desk, office: Office, world: World
) -> None:
    def told() -> tuple[bool, bool | None]:
        world.clock.now += timedelta(seconds=6)
        page = "All movements are stopped by the centers" in stranger.get("/supply").text
        return page, stranger.get("/v1/supply").json()["isPaused"]

    ledger = world.asset_ledger
    assert told() == (False, False)
    ledger.model.is_paused = True
    assert told() == (True, True)
    # Not asked again for a while: strangers cannot make a server ask its nodes as often as they like.
    ledger.model.is_paused = False
    assert stranger.get("/v1/supply").json()["isPaused"] is True
    ledger.is_away = True
    assert told() == (False, None)


def test_before_the_chain_was_looked_at_the_supply_says_so(stranger: Desk) -> None:
    assert "The chain was not looked at yet" in stranger.get("/supply").text


def test_a_retirement_tells_everybody_what_was_claimed_for_whom(stranger: Desk, office: Office) -> None:
    name = retired(office)
    page = stranger.get(f"/retirements/{name}")
    for words in ("1.5 kg of Cocoa, free of deforestation", "Municipalidad de Lima", "1 Apr 2026 to 30 Apr 2026", "Saigon"):
        assert words in page.text
    assert "Identity preserved" in page.text and "Retired, once and for ever" in page.text and 'class="qr"' in page.text
    assert "1299" not in page.text and "PEN" not in page.text
    assert stranger.get(f"/retirements/{name}", Accept="application/json").json()["isChallenged"] is False


def test_its_certificate_is_the_same_inside_and_outside_of_the_pdf(stranger: Desk, office: Office) -> None:
    name = retired(office)
    told = stranger.get(f"/v1/retirements/{name}/certificate")
    assert told.status_code == 200 and told.headers["content-type"] == "application/json"
    certificate = parse_certificate(told.content)
    assert disagreements(certificate.statement) == () and certificate.statement.beneficiary == "Municipalidad de Lima"
    drawn = stranger.get(f"/v1/retirements/{name}/certificate.pdf")
    assert drawn.status_code == 200 and drawn.headers["content-type"] == "application/pdf"
    assert attached_certificate(drawn.content) == told.content
    assert drawn.headers["content-disposition"] == f'attachment; filename="retirement-{name[2:18]}.pdf"'
    assert b"1299" not in told.content


def test_before_its_entry_is_anchored_a_certificate_says_how_far_it_is(stranger: Desk, office: Office, world: World) -> None:
    purchase = office.order()
    office.offer(purchase)
    office.accept(purchase)
    line = purchase.lines[0].open_line.line
    act = world.assets.retire(
        office.city,
        token=office.token,
        quantity="1.5",
        beneficiary="City",
        claim_from=line.ordered_on.replace(month=4, day=1),
        claim_to=line.ordered_on.replace(month=4, day=2),
    )
    assert stranger.get(f"/v1/retirements/{act.subject}/certificate").status_code == 404
    world.asset_work.bring(LIMA)
    world.asset_work.follow()
    for ending in ("", ".pdf"):
        answer = stranger.get(f"/v1/retirements/{act.subject}/certificate{ending}", Accept="application/json")
        assert answer.status_code == 503 and "captured" in answer.json()["detail"] and answer.headers["retry-after"]
    world.settle()
    assert stranger.get(f"/v1/retirements/{act.subject}/certificate").status_code == 200


def test_a_revoked_statement_challenges_the_claim_with_its_reason(stranger: Desk, office: Office, world: World) -> None:
    name = retired(office)
    certifier = Asker(center=HO_CHI_MINH, member=CERTIFIER, actor="console")
    world.assets.revoke(certifier, digest=office.token, reason=f"The farm was cleared in May {EVIL}")
    office.work((HO_CHI_MINH, LIMA))
    page = stranger.get(f"/retirements/{name}")
    assert "Challenged" in page.text and "The farm was cleared in May" in page.text and "claim stands no more" in page.text
    assert "Retired, once and for ever" not in page.text and EVIL not in page.text and "&lt;script&gt;" in page.text
    assert stranger.get(f"/v1/retirements/{name}/certificate").status_code == 200


def test_a_beneficiary_is_text_and_never_markup(stranger: Desk, office: Office) -> None:
    name = retired(office, beneficiary=EVIL)
    page = stranger.get(f"/retirements/{name}")
    assert EVIL not in page.text and "&lt;script&gt;alert(1)" in page.text
    assert stranger.get(f"/v1/retirements/{name}/certificate.pdf").status_code == 200


@pytest.mark.parametrize("name", ["0x" + "00" * 32, "0x" + "AB" * 32, "x", "%00", "0x12", "..%2f..", "a" * 900])
def test_what_was_never_retired_has_no_page(stranger: Desk, office: Office, name: str) -> None:
    for path in (f"/retirements/{name}", f"/v1/retirements/{name}/certificate", f"/v1/retirements/{name}/certificate.pdf"):
        answer = stranger.get(path)
        assert answer.status_code in (400, 404), path
        assert "Traceback" not in answer.text
