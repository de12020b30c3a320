"""An officer's purchases: what is shown and done, once, by whom, and what no field of anybody's can do to a page."""

import html
import re
from dataclasses import replace
from datetime import date

import pytest
from greenlane.core.assets.label import Label, LabelStatus
from greenlane.core.documents.description import MemberName
from greenlane.ports.accounts import KeyRole
from greenlane.ports.acts import ActKind, ActState
from greenlane.ports.labels import KeptLabel
from greenlane.ports.purchases import Purchase
from greenlane.services.assets.acting import Asker
from worlds.deployment import COOPERATIVE, HO_CHI_MINH, LIMA, TIANJIN, World
from worlds.desk import Desk, hidden, open_desk
from worlds.officer import CERTIFIER, CITY, Office
from worlds.web import Site, issue

EVIL = "<img src=x onerror=alert(1)>\"'&{{7*7}}"


def acts(office: Office, *kinds: ActKind) -> list[ActState]:
    """States of the city's acts of some kinds, oldest first."""
    with office.world.store.read() as tx:
        return [act.state for act in reversed(tx.acts.of_member(LIMA, CITY, limit=100)) if act.kind in kinds]


def accepted(office: Office) -> Purchase:
    """A purchase whose units were accepted."""
    purchase = office.order()
    office.offer(purchase)
    office.accept(purchase)
    return purchase


def evil_label() -> Label:
    return Label(
        id="evil-label",
        name=EVIL,
        owner=EVIL,
        categories=(EVIL,),
        models=(),
        economies=("PE",),
        valid_from=date(2026, 1, 1),
        valid_to=None,
        status=LabelStatus.ACTIVE,
        recognitions=(),
        effective_from=date(2026, 1, 1),
    )


def retire_path(purchase: Purchase, number: int = 1) -> str:
    return f"/purchases/{purchase.id}/lines/{number}/retire"


def confirm(desk: Desk, purchase: Purchase, **fields: str) -> "dict[str, str]":
    """The fields of the confirmation page, ready to be sent."""
    page = desk.fill(retire_path(purchase), **(filled(desk, purchase) | fields))
    assert page.status_code == 200, page.text
    return hidden(page.text) | {"understood": "yes"}


def filled(desk: Desk, purchase: Purchase) -> "dict[str, str]":
    """What the form is filled in with."""
    text = desk.get(retire_path(purchase)).text
    return {name: html.unescape(value) for name, value in re.findall(r'<input id="\w+" name="(\w+)"[^>]* value="([^"]*)"', text)}


def test_the_whole_way_from_the_list_to_the_certificate(desk: Desk, office: Office) -> None:
    purchase = office.order()
    listed = desk.get("/purchases").text
    assert "PO 2026-114" in listed and "<strong>Ordered</strong>" in listed and "the supplier’s turn" in listed
    office.offer(purchase)
    assert "<strong>Offered</strong>" in desk.get("/purchases").text and "your turn" in desk.get("/purchases").text
    page = desk.get(f"/purchases/{purchase.id}").text
    assert page.count('class="check passed"') == 3 and page.count('class="check not_checked"') == 1
    assert "Saigon" in page and 'class="way"' in page and "Your line" in page
    # What leads to different places is named differently.
    assert [f">event {number}</a>" in page for number in (1, 2, 3, 4)] == [True, True, True, False]
    answer = desk.fill(f"/purchases/{purchase.id}/lines/1/accept")
    assert answer.status_code == 303
    told = desk.get(answer.headers["location"]).text
    assert "Kept here, will be brought to the chain" in told and 'http-equiv="refresh"' in told
    assert "<strong>Sent</strong>" in desk.get("/purchases").text
    office.work()
    told = desk.get(answer.headers["location"]).text
    assert "Done: the chain has it" in told and 'http-equiv="refresh"' not in told and retire_path(purchase) in told
    answer = desk.send(retire_path(purchase), confirm(desk, purchase))
    assert answer.status_code == 303
    office.work()
    told = desk.get(answer.headers["location"]).text
    (path,) = set(re.findall(r'href="(/retirements/0x[0-9a-f]{64})"', told))
    assert "Municipalidad de Lima" in desk.get(path).text
    assert desk.get(f"/v1{path}/certificate.pdf").status_code == 200
    assert "<strong>Retired</strong>" in desk.get("/purchases").text


@pytest.mark.parametrize("times", [2, 5])
def test_what_is_sent_again_is_done_once_and_leads_to_the_same_act(desk: Desk, office: Office, times: int) -> None:
    purchase = office.order()
    office.offer(purchase)
    form = hidden(desk.get(f"/purchases/{purchase.id}/lines/1/accept").text)
    places = {desk.send(f"/purchases/{purchase.id}/lines/1/accept", form).headers["location"] for _ in range(times)}
    office.work()
    places |= {desk.send(f"/purchases/{purchase.id}/lines/1/accept", form).headers["location"]}
    assert len(places) == 1 and acts(office, ActKind.ACCEPT) == [ActState.DONE]
    form = confirm(desk, purchase)
    places = {desk.send(retire_path(purchase), form).headers["location"] for _ in range(times)}
    office.work()
    places |= {desk.send(retire_path(purchase), form).headers["location"]}
    assert len(places) == 1 and acts(office, ActKind.RETIRE) == [ActState.DONE]


def test_two_people_with_two_forms_retire_once(desk: Desk, office: Office, site: Site) -> None:
    purchase = accepted(office)
    with open_desk(site) as other:
        other.sign_in(site.operator)
        mine, theirs = confirm(desk, purchase), confirm(other, purchase)
        first = desk.send(retire_path(purchase), mine)
        second = other.send(retire_path(purchase), theirs)
        assert first.headers["location"] == second.headers["location"]
        third = other.send(retire_path(purchase), theirs | {"beneficiary": "Somebody else"})
        assert third.status_code == 409 and "Line moved" in third.text
    assert acts(office, ActKind.RETIRE) == [ActState.KEPT]


def test_in_parts_no_more_is_retired_than_was_ordered(desk: Desk, office: Office) -> None:
    purchase = accepted(office)
    assert desk.send(retire_path(purchase), confirm(desk, purchase, quantity="1")).status_code == 303
    # Before the chain has it, it is counted already.
    page = desk.get(retire_path(purchase)).text
    assert 'value="0.5"' in page and "0.5 kg are left" in page
    answer = desk.fill(retire_path(purchase), **(filled(desk, purchase) | {"quantity": "0.501"}))
    assert answer.status_code == 400 and "No more than 0.5 kg are left" in answer.text
    office.work()
    assert desk.send(retire_path(purchase), confirm(desk, purchase)).status_code == 303
    assert desk.get(retire_path(purchase)).status_code == 409
    office.work()
    assert acts(office, ActKind.RETIRE) == [ActState.DONE, ActState.DONE]


def test_nothing_is_retired_before_it_is_confirmed(desk: Desk, office: Office) -> None:
    purchase = accepted(office)
    form = confirm(desk, purchase)
    form.pop("understood")
    answer = desk.send(retire_path(purchase), form)
    assert answer.status_code == 400 and "Tick the box" in answer.text and "This cannot be undone" in answer.text
    assert desk.send(retire_path(purchase), form | {"step": "review", "understood": "yes"}).status_code == 200
    assert desk.send(retire_path(purchase), form | {"understood": "no"}).status_code == 400
    assert acts(office, ActKind.RETIRE) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("quantity", "0", "Give more than nothing."),
        ("quantity", "-1", "is no quantity"),
        ("quantity", "1e3", "is no quantity"),
        ("quantity", "0.0001", "finer than what is counted"),
        ("quantity", "9" * 60, "cannot be"),
        ("quantity", "", "quantity"),
        ("quantity", "１", "is no quantity"),
        ("quantity", "2", "No more than 1.5 kg are left"),
        ("claim_from", "2026-03-31", "may be claimed from 1 Apr 2026 to 30 Apr 2027"),
        ("claim_to", "2027-05-01", "may be claimed from 1 Apr 2026 to 30 Apr 2027"),
        ("claim_to", "2026-04-31", "Write a day"),
        ("claim_from", "yesterday", "Write a day"),
        ("claim_from", "2026-04-30T00:00", "Write a day"),
        ("claim_from", "2026-05-01", "The last day comes before the first"),
        ("beneficiary", "", "Write a name"),
        ("beneficiary", "x" * 201, "Write a name"),
        ("beneficiary", "two\nlines", "Write a name"),
        ("beneficiary", "\u202egnal", "Write a name"),
        ("beneficiary", "\x00", "Write a name"),
    ],
)
def test_a_field_that_cannot_be_is_told_beside_it_and_nothing_is_lost(
    desk: Desk, office: Office, name: str, value: str, words: str
) -> None:
    purchase = accepted(office)
    wanted = filled(desk, purchase) | {"beneficiary": "City of Ñ & sons"}
    answer = desk.fill(retire_path(purchase), **(wanted | {name: value}))
    if name == "beneficiary" and answer.status_code == 200:
        # A mark that turns the order of letters is a letter to the contract; it is shown as it is, and confirmed by a person.
        assert value == "\u202egnal"
        return
    text = html.unescape(answer.text)
    assert answer.status_code == 400 and words in text and 'role="alert"' in answer.text and 'aria-invalid="true"' in answer.text
    if name != "beneficiary":
        assert 'value="City of Ñ &amp; sons"' in answer.text
    assert acts(office, ActKind.RETIRE) == []


@pytest.mark.parametrize("attempt", ["", "-1", "1", "99999", "x", "٣"])
def test_a_form_of_no_page_of_ours_is_refused(desk: Desk, office: Office, attempt: str) -> None:
    purchase = accepted(office)
    assert desk.send(retire_path(purchase), confirm(desk, purchase) | {"attempt": attempt}).status_code == 400
    assert acts(office, ActKind.RETIRE) == []


def test_every_form_is_refused_without_its_token_or_from_elsewhere(desk: Desk, office: Office) -> None:
    purchase = office.order()
    office.offer(purchase)
    for verb in ("accept", "return"):
        path = f"/purchases/{purchase.id}/lines/1/{verb}"
        form = hidden(desk.get(path).text)
        assert desk.send(path, form | {"form": "A" * 43}).status_code == 403
        assert desk.send(path, form, **{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}).status_code == 403
    office.accept(purchase)
    form = confirm(desk, purchase)
    assert desk.send(retire_path(purchase), form | {"form": ""}).status_code == 403
    assert desk.send(retire_path(purchase), form, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert acts(office, ActKind.RETIRE, ActKind.GIVE_BACK) == []


def test_a_form_that_was_open_when_the_sign_in_ended_does_nothing_and_leads_back(desk: Desk, office: Office) -> None:
    purchase = accepted(office)
    form = confirm(desk, purchase)
    office.world.enrol.revoke_key(key_id=office.city_key.split("_")[1], actor="console")
    answer = desk.send(retire_path(purchase), form)
    assert answer.status_code == 303 and answer.headers["location"] == f"/sign-in?next={retire_path(purchase)}"
    assert acts(office, ActKind.RETIRE) == []


def test_nobody_sees_or_does_anything_at_another_members_purchase(stranger: Desk, office: Office, site: Site) -> None:
    purchase = accepted(office)
    tianjin = site.stranger
    for key in (site.member, tianjin):
        stranger.client.cookies.clear()
        stranger.sign_in(key)
        for path in (f"/purchases/{purchase.id}", retire_path(purchase), f"/purchases/{purchase.id}/lines/1/accept"):
            answer = stranger.get(path)
            assert answer.status_code == 404 and "PO 2026-114" not in answer.text, path
        form = hidden(stranger.get("/sign-out").text) | {"attempt": "0", "step": "confirmed", "understood": "yes"}
        for verb in ("accept", "return", "retire"):
            assert stranger.send(f"/purchases/{purchase.id}/lines/1/{verb}", form).status_code == 404
        assert "PO 2026-114" not in stranger.get("/purchases").text
        with office.world.store.read() as tx:
            digest = "0x" + tx.acts.of_member(LIMA, CITY, limit=1)[0].digest.hex()
        assert stranger.get(f"/acts/{digest}").status_code == 404


def test_an_operator_sees_every_buyer_of_its_center_and_acts_in_the_buyers_name(
    stranger: Desk, office: Office, site: Site
) -> None:
    purchase = office.order()
    office.offer(purchase)
    stranger.sign_in(site.operator)
    assert "by Municipalidad de Lima" in stranger.get("/purchases").text
    assert stranger.fill(f"/purchases/{purchase.id}/lines/1/accept").status_code == 303
    office.work()
    assert acts(office, ActKind.ACCEPT) == [ActState.DONE]


def test_units_are_given_back_after_a_page_that_says_what_that_means(desk: Desk, office: Office) -> None:
    purchase = office.order()
    office.offer(purchase)
    assert "has to be ordered anew" in desk.get(f"/purchases/{purchase.id}/lines/1/return").text
    assert desk.fill(f"/purchases/{purchase.id}/lines/1/return").status_code == 303
    office.work()
    page = desk.get(f"/purchases/{purchase.id}").text
    assert "<strong>Returned</strong>" in page and "went back to the supplier" in page
    assert desk.get(f"/purchases/{purchase.id}/lines/1/accept").status_code == 409


def test_while_the_chain_is_away_the_page_says_where_it_stands_and_goes_on_afterwards(desk: Desk, office: Office) -> None:
    purchase = office.order()
    office.offer(purchase)
    ledger = office.world.asset_ledger
    page = desk.get(f"/purchases/{purchase.id}/lines/1/accept")
    ledger.is_away = True
    answer = desk.fill_page(page)
    assert answer.status_code == 303
    told = desk.get(answer.headers["location"]).text
    assert "Kept here, will be brought to the chain" in told and "The chain does not answer at this moment" in told
    whole = desk.get(f"/purchases/{purchase.id}").text
    assert "is kept here and will be brought" in whole and "on its way to the chain" in whole
    assert "Accept…" not in whole
    assert desk.fill_page(page).headers["location"] == answer.headers["location"]
    ledger.is_away = False
    office.work()
    assert "Done: the chain has it" in desk.get(answer.headers["location"]).text
    assert acts(office, ActKind.ACCEPT) == [ActState.DONE]


def test_what_the_chain_refuses_is_told_in_its_words_and_may_be_tried_again(desk: Desk, office: Office, world: World) -> None:
    purchase = accepted(office)
    form = confirm(desk, purchase)
    world.asset_ledger.is_away = True
    answer = desk.send(retire_path(purchase), form)
    world.asset_ledger.is_away = False
    certifier = Asker(center=HO_CHI_MINH, member=CERTIFIER, actor="console")
    world.assets.revoke(certifier, digest=office.token, reason=f"cleared {EVIL}")
    office.work((HO_CHI_MINH, LIMA))
    told = desk.get(answer.headers["location"]).text
    assert "Refused by the chain" in told and EVIL not in told
    page = desk.get(f"/purchases/{purchase.id}").text
    assert "A check failed" in page and "cleared" in page and EVIL not in page and html.escape(EVIL, quote=False)[:20] in page
    assert desk.get(retire_path(purchase)).status_code == 409


def test_a_member_that_keeps_its_key_itself_is_told_that_a_page_cannot_sign(desk: Desk, office: Office, world: World) -> None:
    purchase = office.order()
    office.offer(purchase)
    world.member_keys.keeps_itself.add(MemberName(center=LIMA, member=CITY))
    answer = desk.fill(f"/purchases/{purchase.id}/lines/1/accept")
    assert answer.status_code == 409 and "keeps its key itself" in answer.text
    assert acts(office, ActKind.ACCEPT) == []


def test_no_text_of_anybody_is_markup(desk: Desk, office: Office, world: World) -> None:
    for name, title in ((CITY, EVIL), (COOPERATIVE, f"Coop {EVIL}")):
        with world.store.write() as tx:
            member = tx.accounts.member(LIMA, name)
            assert member is not None
            tx.accounts.put_member(replace(member, name=title))
    with world.store.write() as tx:
        tx.labels.add(KeptLabel(label=evil_label(), number=1, center=LIMA, member=None, recorded_at=world.clock.now))
    purchase = office.order(
        office.line(category=EVIL, description=EVIL, label="evil-label", model="x<b>y"), reference=EVIL, ordered_on=None
    )
    office.offer(purchase)
    office.accept(purchase)
    pages = [
        desk.get("/purchases"),
        desk.get(f"/purchases/{purchase.id}"),
        desk.get(retire_path(purchase)),
        desk.fill(retire_path(purchase), **(filled(desk, purchase) | {"beneficiary": EVIL})),
        desk.fill(retire_path(purchase), **(filled(desk, purchase) | {"quantity": EVIL})),
        desk.get("/reports/spend?currency=PEN&by=category&of=" + "%3Cscript%3E"),
        desk.get("/reports/spend?from=%3Cscript%3Ealert(1)%3C/script%3E"),
        desk.get("/sign-in?next=/%22%3E%3Cscript%3E"),
    ]
    for page in pages:
        assert page.status_code in (200, 400) and "content-security-policy" in page.headers
        assert "<img src=x" not in page.text and "<script" not in page.text and "x<b>y" not in page.text, page.url
        assert "49" not in re.sub(r"0x[0-9a-f]+|[0-9a-f]{32,}", "", page.text) or "{{7*7}}" in page.text


def test_a_long_list_is_read_page_by_page(desk: Desk, office: Office) -> None:
    for number in range(23):
        office.order(reference=f"PO number {number}")
    first = desk.get("/purchases").text
    (more,) = re.findall(r'href="(/purchases\?after=[0-9a-f]{32})"', first)
    second = desk.get(more).text
    seen = set(re.findall(r"PO number \d+", first)), set(re.findall(r"PO number \d+", second))
    assert len(seen[0]) == 20 and len(seen[1]) == 3 and not seen[0] & seen[1]


def test_without_purchases_the_page_says_where_they_come_from(desk: Desk) -> None:
    assert "Nothing was ordered yet" in desk.get("/purchases").text


@pytest.mark.parametrize("path", ["/purchases/x", "/purchases/" + "0" * 32, "/purchases/%00", "/purchases/" + "a" * 800])
def test_a_purchase_that_is_none_has_no_page(desk: Desk, path: str) -> None:
    assert desk.get(path).status_code == 404


def test_a_line_that_is_none_has_no_page(desk: Desk, office: Office) -> None:
    purchase = accepted(office)
    for number in ("2", "0", "-1", "9" * 30):
        assert desk.get(f"/purchases/{purchase.id}/lines/{number}/retire").status_code == 404
    assert desk.get(f"/purchases/{purchase.id}/lines/x/retire").status_code == 400


def test_a_key_of_another_center_that_is_operator_there_sees_its_own_alone(stranger: Desk, office: Office, world: World) -> None:
    office.order()
    stranger.sign_in(issue(world, KeyRole.OPERATOR, center=TIANJIN))
    assert "Nothing was ordered yet" in stranger.get("/purchases").text
