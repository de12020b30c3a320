"""What cannot be is refused with the place and the way out, and nothing of it is kept."""

from typing import Any

import pytest
from greenlane.core.assets.currency import CurrencyUnknown
from greenlane.services import order
from worlds.asset_ledger import account_of
from worlds.deployment import COOPERATIVE, LIMA
from worlds.trade import CERTIFIER, CITY, Trade, name_of


def refused(answer: Any) -> tuple[int, str, str | None]:
    """Status, code and place."""
    problem = answer.json()
    assert problem["remedy"] or problem["status"] == 400, problem
    errors = problem.get("errors") or [{"pointer": None}]
    return answer.status_code, problem["code"], errors[0]["pointer"]


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ("0.0001", "quantity-invalid"),
        ("-1", "quantity-invalid"),
        ("0", "quantity-invalid"),
        ("1e3", "quantity-invalid"),
        ("1" * 60, "quantity-invalid"),
        ("5 KGM", "quantity-invalid"),
        ("9" * 200, "field-invalid"),
        (5, "field-invalid"),
        (0.5, "field-invalid"),
        (None, "field-invalid"),
    ],
)
def test_quantities_that_cannot_be_are_refused_wherever_one_is_asked(trade: Trade, quantity: object, code: str) -> None:
    token = trade.issued("10")
    before = len(trade.site.get("/v1/acts", key=trade.seller).json()["acts"])
    asked = {"token": token, "quantity": quantity}
    posts: list[tuple[str, dict[str, Any]]] = [
        ("/v1/transfers", asked | {"to": "lima/city"}),
        ("/v1/cancellations", asked | {"reason": "lost"}),
        (f"/v1/evidence/{token}/issuances", {"quantity": quantity}),
    ]
    for path, body in posts:
        status, told, place = refused(trade.site.post(path, key=trade.seller, json=body))
        assert (status, told, place) == (400, code, "/quantity"), path
    assert refused(trade.retire(token, key=trade.seller, quantity=quantity)) == (400, code, "/quantity")
    assert refused(trade.set_aside(token, "0x" + "11" * 32, quantity=quantity))[:2] == (400, code)  # type: ignore[arg-type]
    if quantity is not None:
        assert refused(trade.state(id="urn:example:q", quantity=quantity))[0] == 400
        assert refused(trade.order(trade.line(quantity=quantity))) == (400, code, "/lines/0/quantity")
    assert len(trade.site.get("/v1/acts", key=trade.seller).json()["acts"]) == before


@pytest.mark.parametrize(
    ("changes", "code", "place"),
    [
        ({"vintageFrom": "2026-03-31", "vintageTo": "2026-01-01"}, "evidence-invalid", "/vintageTo"),
        ({"vintageTo": "2026-12-31"}, "evidence-invalid", "/vintageTo"),
        ({"vintageTo": "2026-06-01"}, "evidence-invalid", "/vintageTo"),
        ({"vintageFrom": "1.1.2026"}, "field-invalid", "/vintageFrom"),
        ({"class": "no-such-class"}, "statement-class-unknown", "/class"),
        ({"unit": "LTR"}, "statement-class-mismatch", "/unit"),
        ({"attribute": "organic"}, "statement-class-mismatch", "/attribute"),
        ({"custodyModel": "book-and-claim"}, "statement-class-mismatch", "/custodyModel"),
        ({"custodyModel": "mixed"}, "field-invalid", "/custodyModel"),
        ({"lot": None}, "evidence-invalid", "/lot"),
        ({"lot": "https://id.gs1.org/01/09521321000018/10/OTHER"}, "lot-unknown", "/lot"),
        ({"origin": {"registry": "i-rec", "serialFrom": 9, "serialTo": 1}}, "evidence-invalid", "/origin/serialTo"),
        ({"certifier": "lima/nobody"}, "member-unknown", "/certifier"),
        ({"certifier": "nobody"}, "field-invalid", "/certifier"),
        ({"certifier": f"{LIMA}/{COOPERATIVE}"}, "no-certifier", "/certifier"),
        ({"center": "tianjin"}, "evidence-stated-for-other", "/holder"),
        ({"economy": "Peru"}, "field-invalid", "/economy"),
        ({"price": "5"}, "field-invalid", "/price"),
        ({"quantity": "21"}, "beyond-balance", None),
    ],
)
def test_statements_that_cannot_stand_are_refused(trade: Trade, changes: dict[str, Any], code: str, place: str | None) -> None:
    status, told, where = refused(trade.state(**changes))
    assert (told, where if place is not None else None) == (code, place)
    assert status in (400, 404, 409)
    assert trade.site.get("/v1/evidence", key=trade.seller).json()["evidence"] == []


@pytest.mark.parametrize(
    ("changes", "code", "place"),
    [
        ({"class": "no-such-class"}, "purchase-line-class-unknown", "/lines/0/class"),
        ({"supplier": "lima/nobody"}, "member-unknown", "/lines/0/supplier"),
        ({"supplier": "lima/city"}, "purchase-line-invalid", "/lines/0/supplier"),
        ({"supplier": "0x00"}, "field-invalid", "/lines/0/supplier"),
        ({"supplier": f"{LIMA}/{CERTIFIER}"}, "no-supplier", "/lines/0/supplier"),
        ({"label": "fair-cocoa"}, "purchase-line-invalid", "/lines/0/label"),
        ({"label": "no-such-label", "model": "choco-1"}, "purchase-line-label-unknown", "/lines/0/label"),
        ({"price": {"amount": "1", "currency": "ZZZ"}}, "currency-unknown", "/lines/0/price/currency"),
        ({"price": {"amount": "-1", "currency": "PEN"}}, "price-invalid", "/lines/0/price/amount"),
        ({"price": {"amount": "1", "currency": "pen"}}, "price-invalid", "/lines/0/price/currency"),
        ({"price": None}, "field-invalid", "/lines/0/price"),
        ({"lot": "HTTPS://id.gs1.org/01/09521321000018/10/LOT-7"}, "field-invalid", "/lines/0/lot"),
        ({"colour": "green"}, "field-invalid", "/lines/0/colour"),
    ],
)
def test_lines_that_cannot_be_are_refused(trade: Trade, changes: dict[str, Any], code: str, place: str) -> None:
    assert refused(trade.order(trade.line(**changes)))[1:] == (code, place)
    assert trade.site.get("/v1/purchases", key=trade.city).json()["purchases"] == []


def test_a_supplier_that_is_not_vouched_for_now_is_refused_and_named(trade: Trade) -> None:
    trade.site.world.asset_ledger.suspend(name_of(COOPERATIVE))
    answer = trade.order()
    assert refused(answer) == (409, "no-supplier", "/lines/0/supplier")
    assert "lima/cooperative" in answer.json()["detail"] and "members list" in answer.json()["remedy"]


def test_a_line_that_is_written_anew_is_judged_like_a_new_one(trade: Trade) -> None:
    purchase = trade.ordered()
    place = f"/v1/purchases/{purchase['id']}/lines/1"
    for changes, code, where in (
        ({"supplier": f"{LIMA}/{CERTIFIER}"}, "no-supplier", "/supplier"),
        ({"label": "no-such-label", "model": "choco-1"}, "purchase-line-label-unknown", "/label"),
        ({"price": {"amount": "1", "currency": "ZZZ"}}, "currency-unknown", "/price/currency"),
    ):
        answer = trade.site.send("PUT", place, key=trade.city, json=trade.line(**changes))
        assert refused(answer)[1:] == (code, where)
    kept = trade.site.get(f"/v1/purchases/{purchase['id']}", key=trade.city).json()
    assert kept["lines"][0]["digest"] == purchase["lines"][0]["digest"]


def test_the_very_same_line_again_changes_nothing_whatever_became_of_supplier_and_currency(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = trade.ordered()
    place = f"/v1/purchases/{purchase['id']}/lines/1"

    def withdrawn(code: str, where: str) -> None:
        raise CurrencyUnknown(f"{code} is no currency any more.", where=where)

    trade.site.world.asset_ledger.suspend(name_of(COOPERATIVE))
    with monkeypatch.context() as later:
        later.setattr(order, "require_currency", withdrawn)
        same = trade.site.send("PUT", place, key=trade.city, json=trade.line())
        assert (same.status_code, same.json()["digest"]) == (200, purchase["lines"][0]["digest"])
        answer = trade.site.send("PUT", place, key=trade.city, json=trade.line(quantity="2"))
        assert refused(answer)[1:] == ("currency-unknown", "/price/currency")
    answer = trade.site.send("PUT", place, key=trade.city, json=trade.line(quantity="2"))
    assert refused(answer) == (409, "no-supplier", "/supplier")


def test_a_purchase_has_lines_and_a_day_that_has_come(trade: Trade) -> None:
    assert refused(trade.site.post("/v1/purchases", key=trade.city, json={"reference": "x", "lines": []}))[2] == "/lines"
    assert refused(trade.order(orderedOn="2026-06-02"))[2] == "/orderedOn"
    assert refused(trade.order(*[trade.line()] * 201))[2] == "/lines"


def test_strangers_and_members_out_of_standing_are_told_what_to_do(trade: Trade) -> None:
    token = trade.issued("10")
    body = {"token": token, "quantity": "1", "to": "lima/nobody"}
    assert refused(trade.site.post("/v1/transfers", key=trade.seller, json=body)) == (404, "member-unknown", "/to")
    ledger = trade.site.world.asset_ledger
    ledger.suspend(name_of(COOPERATIVE))
    answer = trade.site.post("/v1/transfers", key=trade.seller, json=body | {"to": "lima/city"})
    assert refused(answer)[:2] == (409, "member-not-in-good-standing")
    assert "vouches" in answer.json()["remedy"]


def test_what_the_contract_would_refuse_is_refused_in_its_words(trade: Trade) -> None:
    token = trade.issued("10")
    answer = trade.issue(token, "3")
    assert (answer.status_code, answer.json()["code"], answer.json()["refusal"]) == (409, "act-refused", "MoreThanEvidenced")
    answer = trade.retire(token, key=trade.seller, claimTo="2028-01-01")
    assert answer.json()["refusal"] == "InvalidClaimPeriod"
    answer = trade.retire(token, key=trade.seller, claimTo="2025-01-01")
    assert refused(answer) == (400, "retirement-invalid", "/claimTo")
    assert trade.retire(token).json()["refusal"] == "TooFewUnits"
    unknown = "0x" + "ab" * 32
    assert refused(trade.retire(unknown)) == (404, "asset-unknown", "/token")
    assert refused(trade.set_aside(token, "0x" + "00" * 32))[1] == "act-refused"
    assert refused(trade.set_aside(token, "0x" + "11" * 32, deadline="2020-01-01T00:00:00Z"))[1] == "act-refused"
    assert refused(trade.set_aside(token, "0x" + "11" * 32, deadline="soon"))[1:] == ("field-invalid", "/deadline")


def test_evidence_must_be_signed_and_anchored_before_anything_is_issued(trade: Trade) -> None:
    digest = trade.stated()
    answer = trade.issue(digest)
    assert refused(answer)[:2] == (409, "evidence-not-ready") and "signature" in answer.json()["detail"]
    sign = f"/v1/evidence/{digest}/signature"
    assert refused(trade.site.post(sign, key=trade.seller, json={}))[:2] == (403, "not-its-signer")
    wrong = {"signature": "0x" + "11" * 65}
    assert refused(trade.site.post(sign, key=trade.seller, json=wrong)) == (400, "evidence-signature-wrong", "/signature")
    assert refused(trade.site.post(sign, key=trade.city, json={}))[:2] == (404, "evidence-unknown")
    assert trade.site.post(sign, key=trade.certifier).status_code == 200
    assert trade.site.post(sign, key=trade.certifier).status_code == 200
    answer = trade.issue(digest)
    assert refused(answer)[:2] == (409, "evidence-not-ready") and "captured" in answer.json()["detail"]
    trade.site.world.settle()
    assert trade.site.post(f"/v1/evidence/{digest}/issuances", key=trade.certifier, json={"quantity": "1"}).status_code == 403
    trade.accepted(trade.issue(digest))


def test_a_refused_draft_stays_refused_and_a_revoked_statement_freezes_its_units(trade: Trade) -> None:
    site = trade.site
    digest = trade.stated(quantity="1")
    path = f"/v1/evidence/{digest}/refusal"
    assert site.post(path, key=trade.seller, json={"because": "no"}).status_code == 403
    assert site.post(path, key=trade.certifier, json={"because": "The lot was not audited"}).json()["state"] == "refused"
    assert site.post(f"/v1/evidence/{digest}/signature", key=trade.certifier, json={}).json()["code"] == "evidence-ended"
    token = trade.issued("10", id="urn:example:other")
    purchase = trade.ordered()
    trade.accepted(trade.set_aside(token, purchase["lines"][0]["digest"]))
    assert site.post(f"/v1/evidence/{token}/revocation", key=trade.seller, json={"reason": "x"}).status_code == 403
    trade.accepted(site.post(f"/v1/evidence/{token}/revocation", key=trade.certifier, json={"reason": "The lot was mixed"}))
    asset = site.get(f"/v1/assets/{token}").json()
    assert (asset["isFrozen"], asset["revoked"]) == (True, "The lot was mixed")
    verdicts = trade.verdicts(purchase["id"])
    assert (verdicts["token"], verdicts["certificate"], verdicts["purchase-line"]) == ("failed", "failed", "passed")
    body = {"token": token, "quantity": "1", "to": "lima/city"}
    assert site.post("/v1/transfers", key=trade.seller, json=body).json()["refusal"] == "Frozen"


def test_a_line_is_never_edited_once_units_are_set_aside_for_it_here_or_elsewhere(trade: Trade) -> None:
    site = trade.site
    token = trade.issued("10")
    purchase = trade.ordered(trade.line(), trade.line(description="More"))
    first, second = purchase["lines"]
    path = f"/v1/purchases/{purchase['id']}/lines/"
    same = site.send("PUT", path + "1", key=trade.city, json=trade.line())
    assert same.json()["digest"] == first["digest"]
    changed = site.send("PUT", path + "1", key=trade.city, json=trade.line(quantity="2"))
    assert changed.status_code == 200 and changed.json()["digest"] != first["digest"]
    assert site.send("PUT", path + "1", key=trade.seller, json=trade.line()).status_code == 404
    assert site.send("PUT", path + "7", key=trade.city, json=trade.line()).status_code == 404
    assert refused(trade.set_aside(token, changed.json()["digest"]))[1] == "purchase-line-differs"
    kept = trade.set_aside(token, changed.json()["digest"], quantity="2")
    assert kept.status_code == 202
    answer = site.send("PUT", path + "1", key=trade.city, json=trade.line(quantity="3"))
    assert refused(answer)[:2] == (409, "purchase-line-set-aside")
    # The second line's units are set aside by somebody whose act is not kept here.
    world = site.world
    world.asset_ledger.model.escrow(
        account_of(name_of(COOPERATIVE)),
        token=bytes.fromhex(token[2:]),
        quantity=1_500,
        buyer=account_of(name_of(CITY)),
        line_digest=bytes.fromhex(second["digest"][2:]),
        deadline=int(world.clock.now.timestamp()) + 1_000_000,
    )
    answer = site.send("PUT", path + "2", key=trade.city, json=trade.line(quantity="3"))
    assert refused(answer)[:2] == (409, "purchase-line-set-aside")


def test_bodies_that_are_none_are_refused(trade: Trade) -> None:
    site = trade.site
    for path in ("/v1/transfers", "/v1/escrows", "/v1/retirements", "/v1/cancellations", "/v1/evidence"):
        headers = {"Content-Type": "application/json"}
        for content in (b"", b"[]", b"nonsense", b'{"token": 5}', b"\xff"):
            answer = site.post(path, key=trade.seller, content=content, headers=headers)
            assert 400 <= answer.status_code < 500, (path, content)
        assert site.post(path, key=trade.seller, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert site.get("/v1/assets/0x12").status_code == 400
    assert site.get("/v1/acts/nonsense", key=trade.seller).status_code == 400
    assert site.get("/v1/acts/0x" + "11" * 32, key=trade.seller).status_code == 404
    assert site.get("/v1/holdings?colour=green", key=trade.seller).json()["code"] == "parameter-unknown"


def test_nobody_else_claims_for_a_purchase_line(trade: Trade) -> None:
    purchase = trade.ordered()
    line = {"purchase": purchase["id"], "number": 1}
    answer = trade.retire("0x" + "11" * 32, line=line, claimant="lima/roaster")
    assert answer.status_code == 400
    assert answer.json()["code"] == "retirement-invalid"
    assert "Leave the claimant out" in answer.json()["remedy"]
