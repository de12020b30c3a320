"""Drafts are bounded, end in time, are taken back by their holders, and are judged again when they are signed."""

from datetime import timedelta

import pytest
from greenlane.core.units import MemberId
from greenlane.services import balance as books
from greenlane.services import state_evidence
from worlds.deployment import COOPERATIVE, LIMA
from worlds.trade import FACILITY, Trade


def test_a_member_has_so_many_drafts_and_old_ones_end(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_evidence, "MAX_DRAFTS", 2)
    first = trade.stated(quantity="1", id="urn:example:1")
    trade.stated(quantity="1", id="urn:example:2")
    full = trade.state(quantity="1", id="urn:example:3")
    assert (full.status_code, full.json()["code"]) == (409, "drafts-full")
    assert "DELETE" in full.json()["remedy"]
    trade.site.world.clock.now += timedelta(days=30)
    late = trade.site.post(f"/v1/evidence/{first}/signature", key=trade.certifier, json={})
    assert (late.status_code, late.json()["code"]) == (409, "draft-too-old")
    # The two old ones end, and give back what they took: twenty are there.
    trade.stated(quantity="20", id="urn:example:3")
    found = trade.site.get(f"/v1/evidence/{first}", key=trade.seller).json()
    assert (found["state"], found["refusedBecause"]) == ("refused", "The draft was not decided within 30 days.")


def test_a_holder_takes_its_draft_back_and_nobody_else_does(trade: Trade) -> None:
    site, digest = trade.site, trade.stated(quantity="20")
    assert trade.state(quantity="20", id="urn:example:2").json()["code"] == "beyond-balance"
    for key in (trade.certifier, trade.city):
        assert site.send("DELETE", f"/v1/evidence/{digest}", key=key).json()["code"] == "evidence-unknown"
    for _ in range(2):
        taken = site.send("DELETE", f"/v1/evidence/{digest}", key=trade.seller)
        assert (taken.status_code, taken.json()["state"]) == (200, "refused")
    assert site.post(f"/v1/evidence/{digest}/signature", key=trade.certifier, json={}).json()["code"] == "evidence-ended"
    signed = trade.signed(quantity="20", id="urn:example:2")
    assert site.send("DELETE", f"/v1/evidence/{signed}", key=trade.seller).json()["code"] == "evidence-ended"


def test_what_was_revoked_before_the_first_issue_is_given_back_to_the_books(trade: Trade) -> None:
    digest = trade.signed(quantity="20")
    assert trade.state(quantity="1", id="urn:example:2").json()["code"] == "beyond-balance"
    body = {"reason": "The lot was mixed"}
    trade.accepted(trade.site.post(f"/v1/evidence/{digest}/revocation", key=trade.certifier, json=body))
    assert trade.state(quantity="20", id="urn:example:2").status_code == 201


def test_books_that_were_emptied_since_the_draft_refuse_its_signature(trade: Trade) -> None:
    digest = trade.stated(quantity="20")
    gone = trade.lot_event() | {"action": "OBSERVE", "bizStep": "destroying", "disposition": "destroyed"}
    gone |= {"action": "DELETE", "eventTime": "2026-02-02T10:00:00Z"}
    assert trade.site.post("/epcis/v2/events", key=trade.seller, json=gone).status_code == 201
    before = trade.site.captured()
    refused = trade.site.post(f"/v1/evidence/{digest}/signature", key=trade.certifier, json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "beyond-balance")
    assert trade.site.captured() == before
    assert trade.site.get(f"/v1/evidence/{digest}", key=trade.seller).json()["state"] == "drafted"


def test_books_without_events_are_not_remembered_and_of_others_so_many(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    balance = trade.site.world.balance
    balance._read = {}
    for number in range(50):
        balance(LIMA, COOPERATIVE, facility=f"https://id.gs1.org/414/{number:013}")
    assert balance._read == {}
    balance(LIMA, COOPERATIVE, facility=FACILITY)
    assert list(balance._read) == [(LIMA, COOPERATIVE, FACILITY)]
    (kept,) = balance._read.values()
    monkeypatch.setattr(books, "REMEMBERED_BOOKS", 2)
    for name in ("a", "b", "c"):
        balance._remember((LIMA, MemberId(name), FACILITY), kept)
    assert [member for _, member, _ in balance._read] == ["b", "c"]
