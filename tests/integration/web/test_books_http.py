"""Balances, conversion factors and labels over HTTP: who may ask and declare, what is answered, and every refusal in words."""

from typing import Any

import pytest
from greenlane.core.balance.factors import encode_factor, read_factor
from greenlane.core.units import MemberId
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from worlds.books import BAR_LOT, BARS, BEANS, LOT_A, MILL, book_event, made, quantity, received, sent
from worlds.deployment import COOPERATIVE, LIMA, ROASTER
from worlds.web import Site, issue

CERTIFIER = MemberId("bosque")
DOCK_URN = "urn:epc:id:sgln:9506000.13435.DOCK-2"


def label(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": "blue-leaf",
        "name": "Blue Leaf",
        "owner": "Blue Leaf Association",
        "categories": [],
        "models": [BARS],
        "economies": ["PE"],
        "validFrom": "2026-01-01",
        "validTo": None,
        "status": "active",
        "recognitions": [{"economy": "CN", "agreement": "the accord", "validFrom": "2026-03-01", "validTo": "2026-05-31"}],
        "effectiveFrom": "2026-01-01",
    }
    return plain | changes


@pytest.fixture
def certifier(site: Site) -> str:
    """A key of a member of Lima that is a certifier."""
    site.world.enrol.member(
        center=LIMA,
        member=CERTIFIER,
        name="Bosque",
        roles=frozenset({MemberRole.CERTIFIER}),
        visibility=Visibility.PUBLIC,
        actor="console",
    )
    return issue(site.world, KeyRole.MEMBER, member=CERTIFIER)


# ---- balances ----


def _captured(site: Site) -> None:
    events = (
        made(quantity(LOT_A, 1.5, "TNE")),
        sent(quantity(LOT_A, 1600), day="2026-06-03"),
        received(quantity(LOT_A, 150), day="2026-07-02"),
        book_event(action="OBSERVE", bizStep="receiving", quantityList=[quantity(BAR_LOT, None, None)], day="2026-06-04"),
    )
    site.world.take_these(*(each.event for each in events))
    site.world.take_these(received(quantity(LOT_A, 7)).event, member=ROASTER)


def test_a_balance_tells_every_line_and_what_could_not_be_counted(site: Site) -> None:
    _captured(site)
    answer = site.get("/v1/balances", key=site.member, params={"facility": MILL, "from": "2026-06-01", "to": "2026-06-30"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    value = answer.json()
    assert value["balances"] == [
        {
            "material": BEANS,
            "unit": "KGM",
            "opening": "0",
            "declared": "0",
            "made": "1500",
            "received": "0",
            "found": "0",
            "consumed": "0",
            "sent": "1600",
            "lost": "0",
            "closing": "-100",
            "belowZeroSince": "2026-06-03",
        }
    ]
    assert [(each["identifier"], each["day"]) for each in value["uncounted"]] == [(BAR_LOT, "2026-06-04")]
    assert (value["center"], value["member"], value["from"], value["to"]) == ("lima", COOPERATIVE, "2026-06-01", "2026-06-30")


def test_any_spelling_of_facility_and_material_is_understood(site: Site) -> None:
    _captured(site)
    asked = {"facility": DOCK_URN, "material": "urn:epc:class:lgtin:9506000.013437.A"}
    value = site.get("/v1/balances", key=site.member, params=asked).json()
    assert (value["facility"], [each["closing"] for each in value["balances"]]) == (MILL, ["50"])


def test_a_book_is_told_to_its_member_and_its_center_alone(site: Site) -> None:
    _captured(site)
    asked = {"facility": MILL}
    assert site.get("/v1/balances", params=asked).status_code == 401
    for key in (site.facilitator, site.partner):
        assert site.get("/v1/balances", key=key, params=asked).json()["code"] == "permission-missing"
    assert site.get("/v1/balances", key=site.member, member=ROASTER, params=asked).json()["code"] == "wrong-member"
    assert site.get("/v1/balances", key=site.operator, params=asked).json()["code"] == "member-missing"
    for key in (site.roaster, site.reader, site.operator):
        value = site.get("/v1/balances", key=key, member=ROASTER, params=asked).json()
        assert [each["received"] for each in value["balances"]] == ["7"]
    stranger = site.get("/v1/balances", key=site.stranger, member=ROASTER, params=asked).json()
    assert (stranger["center"], stranger["balances"]) == ("tianjin", [])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "bad-request"),
        ({"facility": "the mill"}, "field-invalid"),
        ({"facility": MILL, "material": "beans"}, "field-invalid"),
        ({"facility": MILL, "from": "June"}, "field-invalid"),
        ({"facility": MILL, "from": "2026-06-02", "to": "2026-06-01"}, "bad-request"),
        ({"facility": MILL, "until": "2026-06-02"}, "parameter-unknown"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(site: Site, asked: dict[str, str], code: str) -> None:
    answer = site.get("/v1/balances", key=site.member, params=asked)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["remedy"]


# ---- conversion factors ----


def _stored(site: Site) -> str:
    """Stores a declaration as a document, over HTTP, as any member does; its CID."""
    value: dict[str, Any] = {
        "type": "GreenlaneConversionFactor",
        "version": 1,
        "declaredBy": "lima/cooperative",
        "facility": MILL,
        "attribute": None,
        "material": BARS,
        "unit": "KGM",
        "needs": {"material": BEANS, "quantity": "0.7", "unit": "KGM"},
        "validFrom": "2026-01-01",
        "validTo": None,
        "number": 1,
        "replaces": None,
    }
    data = encode_factor(read_factor(value))
    begun = site.post("/v1/uploads", key=site.member, headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(len(data))})
    location = begun.headers["location"].removeprefix(site.url)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert site.send("PATCH", location, key=site.member, headers=headers, content=data).status_code == 204
    description = {"mediaType": "application/json", "name": "factor.json", "documentType": "declaration", "about": [BARS]}
    body = {"upload": location.rpartition("/")[2], "description": description}
    answer = site.post("/v1/documents", key=site.member, json=body)
    assert answer.status_code == 201, answer.text
    cid: str = answer.json()["description"]["cid"]
    return cid


def test_a_factor_is_declared_once_its_document_is_stated_and_told_with_its_receipt(site: Site) -> None:
    cid = _stored(site)
    first = site.post("/v1/conversion-factors", key=site.member, json={"cid": cid})
    assert first.status_code == 201, first.text
    value = first.json()
    assert (value["cid"], value["member"], value["factor"]["needs"]["quantity"]) == (cid, COOPERATIVE, "0.7")
    assert f"/v1/documents/{cid}/receipt?center=lima&leaf={value['leafIndex']}" in value["receipt"]
    assert site.post("/v1/conversion-factors", key=site.member, json={"cid": cid}).json() == value
    site.world.settle()
    assert site.get(value["receipt"].removeprefix(site.url)).status_code == 200
    listed = site.get("/v1/conversion-factors", key=site.reader, member=COOPERATIVE, params={"facility": DOCK_URN}).json()
    assert listed == {"factors": [value]}
    assert site.get("/v1/conversion-factors", key=site.roaster).json() == {"factors": []}


def test_a_factor_is_declared_by_its_member_and_in_json(site: Site) -> None:
    cid = _stored(site)
    assert site.post("/v1/conversion-factors", json={"cid": cid}).status_code == 401
    for key in (site.facilitator, site.reader, site.partner):
        assert site.post("/v1/conversion-factors", key=key, json={"cid": cid}).json()["code"] == "permission-missing"
    refused = site.post("/v1/conversion-factors", key=site.roaster, json={"cid": cid})
    assert (refused.status_code, refused.json()["code"]) == (404, "factor-not-stated")
    for body, code in (({"cid": "x"}, "cid-invalid"), ({}, "field-invalid")):
        assert site.post("/v1/conversion-factors", key=site.member, json=body).json()["code"] == code
    text = site.post("/v1/conversion-factors", key=site.member, content=b"{}", headers={"Content-Type": "text/plain"})
    assert text.status_code == 415


# ---- labels ----


def test_a_label_is_recorded_read_and_answered_for(site: Site, certifier: str) -> None:
    # An operator opens the name; from then on it is the certifier's.
    unopened = site.post("/v1/labels", key=certifier, json=label()).json()
    assert unopened["code"] == "label-not-opened" and "Greenlane-Member" in unopened["remedy"]
    first = site.post("/v1/labels", key=site.operator, member=CERTIFIER, json=label())
    assert first.status_code == 201, first.text
    assert (first.json()["number"], first.json()["recordedBy"]) == (1, "lima/bosque")
    assert site.post("/v1/labels", key=certifier, json=label()).status_code == 200
    today = site.world.clock.now.date().isoformat()
    second = site.post("/v1/labels", key=certifier, json=label(status="suspended", effectiveFrom=today))
    assert (second.status_code, second.json()["number"]) == (201, 2)
    whole = site.get("/v1/labels/blue-leaf").json()
    assert [each["label"]["status"] for each in whole["versions"]] == ["active", "suspended"]
    asked = {"model": BAR_LOT, "economy": "CN", "on": "2026-05-31"}
    value = site.get("/v1/labels/blue-leaf/validity", params=asked).json()
    assert (value["answer"], value["rule"], value["agreement"], value["version"]) == ("valid", "recognised", "the accord", 1)
    assert value["reason"] == "Blue Leaf of PE was recognised in CN on 2026-05-31 under the accord."
    now = site.get("/v1/labels/blue-leaf/validity", params={"model": BAR_LOT, "economy": "CN"}).json()
    assert (now["answer"], now["rule"], now["on"]) == ("not-valid", "suspended", today)


def test_labels_are_listed_to_everybody_page_by_page(site: Site) -> None:
    for name in ("c", "a", "b"):
        assert site.post("/v1/labels", key=site.operator, json=label(id=name)).status_code == 201
    first = site.get("/v1/labels", params={"perPage": "2"})
    assert [each["label"]["id"] for each in first.json()["labels"]] == ["a", "b"]
    onward = first.headers["link"].partition(">")[0].removeprefix("<").removeprefix(site.url)
    last = site.get(onward)
    assert [each["label"]["id"] for each in last.json()["labels"]] == ["c"]
    assert "link" not in last.headers


def test_labels_are_recorded_by_operators_and_certifiers_alone(site: Site, certifier: str) -> None:
    assert site.post("/v1/labels", json=label()).status_code == 401
    for key in (site.facilitator, site.reader, site.partner):
        assert site.post("/v1/labels", key=key, json=label()).json()["code"] == "permission-missing"
    assert site.post("/v1/labels", key=site.member, json=label()).json()["code"] == "not-a-labeller"
    assert site.post("/v1/labels", key=site.operator, member=CERTIFIER, json=label()).json()["recordedBy"] == "lima/bosque"
    assert site.post("/v1/labels", key=site.operator, json=label()).json()["code"] == "not-their-label"
    assert site.post("/v1/labels", key=certifier, json=label(status="withdrawn")).json()["code"] == "label-out-of-turn"
    assert site.post("/v1/labels", key=certifier, json=label(economies=[])).json()["code"] == "label-invalid"
    assert site.post("/v1/labels", key=certifier, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/labels/red-leaf", 404, "label-missing"),
        ("/v1/labels/red-leaf/validity?model=x&economy=PE", 404, "label-missing"),
        ("/v1/labels/Red%20Leaf", 400, "field-invalid"),
        ("/v1/labels/blue-leaf/validity?economy=PE", 400, "bad-request"),
        ("/v1/labels/blue-leaf/validity?model=x", 400, "bad-request"),
        ("/v1/labels/blue-leaf/validity?model=x&economy=Peru", 400, "field-invalid"),
        ("/v1/labels/blue-leaf/validity?model=x&economy=PE&on=today", 400, "field-invalid"),
        ("/v1/labels/blue-leaf/validity?model=x&economy=PE&day=2026-01-01", 400, "parameter-unknown"),
        ("/v1/labels?nextPageToken=Red%20Leaf", 400, "field-invalid"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused_in_words(site: Site, path: str, status: int, code: str) -> None:
    answer = site.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["remedy"]
