"""A member whose account was changed in the registry fetches its units, and nobody else's."""

from datetime import timedelta
from typing import Any

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from greenlane.core.documents.description import MemberName
from greenlane.core.wire import encode_hex
from worlds.asset_ledger import account_of, sign
from worlds.deployment import COOPERATIVE
from worlds.trade import CITY, Trade, name_of

SELLER = name_of(COOPERATIVE)
FORMER = encode_hex(account_of(SELLER))


def give_new_key(trade: Trade, name: MemberName) -> None:
    """The registry names another account for the member, and the center keeps its key."""
    trade.site.world.asset_ledger.vouch(name, generation=1)
    trade.site.world.member_keys.generations[name] = 1


def fetch(trade: Trade, token: str, *, key: str | None = None, once: str | None = None, **changes: Any) -> Any:
    body = {"token": token, "previous": FORMER} | changes
    return trade.site.post("/v1/key-followings", key=key or trade.seller, once=once, json=body)


def held(trade: Trade) -> dict[str, str]:
    """What the seller's account of today has of each token."""
    found = trade.site.get("/v1/holdings", key=trade.seller).json()
    return {each["token"]: each["tradable"] for each in found["holdings"]}


def test_units_follow_a_member_to_its_account_of_today_once(trade: Trade) -> None:
    token = trade.issued("10")
    give_new_key(trade, SELLER)
    first = fetch(trade, token, once="new-key")
    act = trade.accepted(first)
    assert (act["kind"], act["subject"]) == ("follow-key", token)
    assert act["asked"] == {"token": token, "previous": FORMER}
    assert act["account"] == encode_hex(account_of(SELLER, 1))
    trade.site.world.clock.now += timedelta(minutes=1)
    assert held(trade) == {token: "10"}
    again = fetch(trade, token, once="new-key")
    assert (again.status_code, again.json()["digest"]) == (202, act["digest"])
    # What was fetched moves as any other unit.
    moved = trade.site.post("/v1/transfers", key=trade.seller, json={"token": token, "quantity": "4", "to": "lima/city"})
    trade.accepted(moved)
    assert held(trade) == {token: "6"}
    nothing_left = fetch(trade, token)
    assert (nothing_left.status_code, nothing_left.json()["code"]) == (409, "act-refused")


def test_units_of_another_or_of_the_account_of_today_are_not_fetched(trade: Trade) -> None:
    token = trade.issued("10")
    for key, previous in ((trade.city, FORMER), (trade.seller, FORMER), (trade.seller, "0x" + "11" * 20)):
        problem = fetch(trade, token, key=key, previous=previous).json()
        assert (problem["code"], problem["refusal"]) == ("act-refused", "NotItsFormerAccount"), problem
        assert "had before" in problem["detail"]
        assert problem["remedy"] == "Name the account that your center replaced."
    give_new_key(trade, SELLER)
    stolen = fetch(trade, token, key=trade.city).json()
    assert (stolen["code"], stolen["refusal"]) == ("act-refused", "NotItsFormerAccount")
    assert trade.site.get("/v1/acts", key=trade.city).json()["acts"] == []


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"previous": "0x11"}, 400, "field-invalid"),
        ({"previous": FORMER.upper()}, 400, "field-invalid"),
        ({"previous": None}, 400, "field-invalid"),
        ({"previous": 5}, 400, "field-invalid"),
        ({"quantity": "1"}, 400, "field-invalid"),
        ({"token": "0x" + "22" * 32}, 404, "asset-unknown"),
    ],
)
def test_what_cannot_be_fetched_is_said_with_its_place(trade: Trade, changes: dict[str, Any], status: int, code: str) -> None:
    answer = fetch(trade, **({"token": trade.issued("10")} | changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_center_that_keeps_the_former_key_says_so(trade: Trade) -> None:
    token = trade.issued("10")
    trade.site.world.asset_ledger.vouch(SELLER, generation=1)
    answer = fetch(trade, token)
    assert (answer.status_code, answer.json()["code"]) == (409, "member-key-differs")


def test_a_member_that_keeps_its_key_signs_that_it_follows(trade: Trade) -> None:
    token = trade.issued("10")
    trade.site.world.asset_ledger.vouch(SELLER, generation=1)
    trade.site.world.member_keys.keeps_itself.add(SELLER)
    needed = fetch(trade, token).json()
    assert needed["code"] == "signature-needed"
    act = needed["act"]
    assert act["account"] == encode_hex(account_of(SELLER, 1))
    digest = bytes(_hash_eip191_message(encode_typed_data(full_message=needed["toSign"])))
    own = {"salt": act["salt"], "notAfter": act["notAfter"]}
    former = fetch(trade, token, act=own | {"signature": encode_hex(sign(SELLER, digest))})
    assert former.json()["code"] == "signature-needed"
    trade.accepted(fetch(trade, token, act=own | {"signature": encode_hex(sign(SELLER, digest, 1))}))
    trade.site.world.clock.now += timedelta(minutes=1)
    assert held(trade) == {token: "10"}


def test_escrows_are_listed_by_their_end_to_those_they_concern(trade: Trade) -> None:
    token = trade.issued("10")
    purchase = trade.ordered(*(trade.line(quantity="1.5") for _ in range(3)))
    digests = [line["digest"] for line in purchase["lines"]]
    ends = ("2026-07-03T00:00:00Z", "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z")
    for digest, end in zip(digests, ends, strict=True):
        trade.accepted(trade.set_aside(token, digest, deadline=end))

    def listed(key: str, query: str = "") -> dict[str, Any]:
        answer = trade.site.get(f"/v1/escrows{query}", key=key)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    for key in (trade.seller, trade.city):
        found = listed(key)
        assert [each["deadline"] for each in found["escrows"]] == sorted(ends)
        assert found["nextPageToken"] is None
        assert {(each["seller"]["member"], each["buyer"]["member"]) for each in found["escrows"]} == {(COOPERATIVE, CITY)}
        assert listed(key, "?state=ended")["escrows"] == []
    # Both are of one center, and the line is the buyer's business alone.
    assert [each["line"]["number"] for each in listed(trade.city)["escrows"]] == [2, 3, 1]
    assert {each["line"] for each in listed(trade.seller)["escrows"]} == {None}
    assert listed(trade.certifier)["escrows"] == []

    pages, query = [], "?perPage=2"
    while True:
        answer = trade.site.get(f"/v1/escrows{query}", key=trade.city)
        page = answer.json()
        pages.append([each["deadline"] for each in page["escrows"]])
        if page["nextPageToken"] is None:
            assert "Link" not in answer.headers
            break
        assert page["nextPageToken"] in answer.headers["Link"]
        query = f"?perPage=2&nextPageToken={page['nextPageToken']}"
    assert pages == [sorted(ends)[:2], sorted(ends)[2:]]

    (first, *_) = listed(trade.city)["escrows"]
    trade.accepted(trade.site.post(f"/v1/escrows/{first['id']}/acceptance", key=trade.city, json={}))
    assert [each["id"] for each in listed(trade.seller, "?state=ended")["escrows"]] == [first["id"]]
    assert [each["state"] for each in listed(trade.city, "?state=ended")["escrows"]] == ["accepted"]
    assert first["id"] not in {each["id"] for each in listed(trade.city)["escrows"]}


@pytest.mark.parametrize(
    "query", ["?state=lost", "?state=open&state=ended", "?nextPageToken=7", f"?nextPageToken=x-0x{'11' * 32}", "?of=me"]
)
def test_a_list_of_escrows_that_cannot_be_is_refused(trade: Trade, query: str) -> None:
    answer = trade.site.get(f"/v1/escrows{query}", key=trade.city)
    assert answer.status_code == 400, answer.text
    assert answer.json()["remedy"]
