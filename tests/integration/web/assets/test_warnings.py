"""What the certifier of a statement should look at: told to both sides of a draft, as things are when they look."""

from dataclasses import replace
from typing import Any

from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.wire import encode_hex
from worlds.deployment import COOPERATIVE, LIMA
from worlds.descriptions import description, state
from worlds.trade import Trade

ORIGIN = {"registry": "acme", "serialFrom": 1, "serialTo": 12_500}
CERTIFICATE = b"the certificate of the lot"


def looked_at(trade: Trade, digest: str, key: str) -> Any:
    answer = trade.site.get(f"/v1/evidence/{digest}", key=key)
    assert answer.status_code == 200, answer.text
    return answer.json()["warnings"]


def test_the_certifier_of_a_draft_without_a_book_is_told_so_by_every_answer(trade: Trade) -> None:
    asked = {"lot": None, "origin": ORIGIN, "id": "urn:example:e"}
    first = trade.state(once="e", **asked)
    assert first.status_code == 201, first.text
    digest, warnings = first.json()["digest"], first.json()["warnings"]
    assert [each.split(":")[0].split(" 0x")[0] for each in warnings] == [
        "No document here has the digest",
        "The mass balance was not checked",
    ]
    assert trade.state(once="e", **asked).json()["warnings"] == warnings
    assert looked_at(trade, digest, trade.certifier) == looked_at(trade, digest, trade.seller) == warnings
    assert trade.site.get(f"/v1/evidence/{digest}").status_code == 404
    signed = trade.site.post(f"/v1/evidence/{digest}/signature", key=trade.certifier, json={})
    assert (signed.json()["state"], signed.json()["warnings"]) == ("logged", warnings)
    assert trade.site.get(f"/v1/evidence/{digest}").json()["warnings"] == []


def test_warnings_of_a_draft_follow_what_is_stored_and_what_is_declared_wrong(trade: Trade) -> None:
    digest = trade.stated(certificateDigest=encode_hex(sha256(CERTIFICATE)))
    (lacking,) = looked_at(trade, digest, trade.certifier)
    assert lacking.startswith("No document here")
    stated_by = MemberName(center=LIMA, member=COOPERATIVE)
    state(trade.site.world, replace(description(CERTIFICATE), stated_by=stated_by), stored=CERTIFICATE)
    # Of 20 kg it takes 12.5, and does not stand against itself.
    assert looked_at(trade, digest, trade.certifier) == []
    wrong = trade.lot_event() | {
        "errorDeclaration": {"declarationTime": "2026-06-01T10:00:00Z", "reason": "urn:epcglobal:cbv:er:did_not_occur"}
    }
    assert trade.site.post("/epcis/v2/events", key=trade.seller, json=wrong).status_code == 201
    (refused,) = looked_at(trade, digest, trade.certifier)
    assert "beyond-balance" in refused and "12.5" not in refused
