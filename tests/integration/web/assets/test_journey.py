"""From a lot to a claim: each step over HTTP, each said where it stands, and the purchase checked on the way."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from greenlane.cli.program import main
from greenlane.core.assets.label import read_label
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.receipt import parse_receipt
from greenlane.core.wire import encode_hex
from greenlane.ports.labels import KeptLabel
from worlds.deployment import COOPERATIVE, LIMA
from worlds.descriptions import description, state
from worlds.trade import CITY, COCOA, Trade


def test_a_purchase_goes_from_order_to_retirement_and_its_checks_follow(trade: Trade) -> None:
    site = trade.site
    token = trade.issued("10")
    purchase = trade.ordered()
    (line,) = purchase["lines"]
    checked = trade.check(purchase["id"])
    assert checked["verdict"] == "not-checked"
    assert (checked["lines"][0]["standing"], checked["lines"][0]["next"]["whose"]) == ("ordered", "supplier")

    escrow = trade.accepted(trade.set_aside(token, line["digest"]))["asked"]["escrow"]
    shown = site.get(f"/v1/escrows/{escrow}", key=trade.city).json()
    assert (shown["state"], shown["quantity"], shown["buyer"]["member"]) == ("open", "1.5", CITY)
    assert shown["line"] == {"purchase": purchase["id"], "number": 1}
    assert site.get(f"/v1/escrows/{escrow}", key=trade.seller).json()["line"] is None
    assert site.get(f"/v1/escrows/{escrow}", key=site.roaster).status_code == 404
    checked = trade.check(purchase["id"])["lines"][0]
    assert (checked["standing"], checked["next"]["whose"]) == ("offered", "buyer")

    trade.accepted(site.post(f"/v1/escrows/{escrow}/acceptance", key=trade.city))
    assert trade.check(purchase["id"])["lines"][0]["standing"] == "accepted"
    act = trade.accepted(trade.retire(token, line={"purchase": purchase["id"], "number": 1}))
    retirement = act["asked"]["retirement"]
    assert act["asked"]["beneficiary"] == "Municipalidad de Lima" and "keeping" not in act["asked"]

    trade.site.world.settle()
    found = site.get(f"/v1/retirements/{retirement}").json()
    assert (found["quantity"], found["isChallenged"], found["holder"]["member"]) == ("1.5", False, CITY)
    assert found["beneficiary"] == "Municipalidad de Lima"
    done = trade.check(purchase["id"])["lines"][0]
    assert (done["standing"], done["next"]["whose"], done["retirements"]) == ("retired", "nobody", [retirement])
    assert trade.verdicts(purchase["id"]) == {
        "token": "passed",
        "lot": "passed",
        "certificate": "not-checked",
        "purchase-line": "passed",
    }
    (supply,) = site.get("/v1/supply").json()["classes"]
    assert supply["totals"] == {"issued": "10", "tradable": "8.5", "escrowed": "0", "retired": "1.5", "cancelled": "0"}
    holdings = {each["token"]: each for each in site.get("/v1/holdings", key=trade.seller).json()["holdings"]}
    assert holdings[token]["tradable"] == "8.5"
    trade.site.world.asset_ledger.model.check()
    assert trade.site.world.fsck().faults == []


def test_a_statement_has_a_receipt_that_reads_as_any_other(trade: Trade) -> None:
    digest = trade.signed()
    answer = trade.site.get(f"/v1/evidence/{digest}/receipt")
    assert answer.status_code == 200, answer.text
    receipt = parse_receipt(answer.content)
    assert receipt.disclosure is None and receipt.entry.content.hex() == digest[2:]


def test_the_asset_page_data_is_public_and_holdings_are_not(trade: Trade) -> None:
    token = trade.issued("10")
    site = trade.site
    asset = site.get(f"/v1/assets/{token}").json()
    assert (asset["totals"]["issued"], asset["evidenced"], asset["evidence"]["state"]) == ("10", "12.5", "logged")
    assert site.get(f"/v1/asset-classes/{COCOA.id}").json()["unit"] == "KGM"
    assert site.get("/v1/asset-classes/none").json()["code"] == "asset-class-unknown"
    assert site.get(f"/v1/assets/{token[:-1]}0").status_code in (200, 404)
    for path in (f"/v1/assets/{token}/holders", "/v1/holdings", "/v1/acts", "/v1/purchases", "/v1/evidence"):
        assert site.get(path).status_code == 401, path
    (holder,) = site.get(f"/v1/assets/{token}/holders", key=site.reader).json()["holders"]
    assert (holder["center"], holder["tradable"]) == (LIMA, "10")


def test_nobody_sees_anothers_acts_purchases_or_drafts(trade: Trade) -> None:
    site = trade.site
    digest = trade.stated()
    assert site.get(f"/v1/evidence/{digest}").status_code == 404
    assert site.get(f"/v1/evidence/{digest}", key=site.roaster).status_code == 404
    for key in (trade.seller, trade.certifier, site.operator):
        assert site.get(f"/v1/evidence/{digest}", key=key).json()["state"] == "drafted"
    token = trade.issued("10", id="urn:example:2", lot=None, origin={"registry": "i-rec", "serialFrom": 1, "serialTo": 9})
    act = trade.site.post("/v1/transfers", key=trade.seller, json={"token": token, "quantity": "1", "to": "lima/roaster"}).json()
    assert site.get(f"/v1/acts/{act['digest']}", key=site.roaster).status_code == 404
    assert site.get(f"/v1/acts/{act['digest']}", key=site.stranger).status_code == 404
    purchase = trade.ordered()
    for key in (trade.seller, site.stranger):
        assert site.get(f"/v1/purchases/{purchase['id']}", key=key).json()["code"] == "purchase-unknown"
    assert site.get(f"/v1/purchases/{purchase['id']}", key=site.operator).status_code == 200
    assert site.get(f"/v1/purchases/{purchase['id']}", key=site.facilitator).status_code == 403


def test_the_command_tells_a_purchase_as_its_address_does(
    trade: Trade, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key"
    key.write_text(trade.city + "\n")
    key.chmod(0o600)
    purchase = trade.ordered()["id"]
    asked = ["purchase", "check", purchase, "--url", trade.site.url, "--key-file", str(key)]
    assert main(asked) == 3
    told = capsys.readouterr().out
    assert "Line 1: ordered" in told and "not checked" in told and "lima/cooperative sets 1.5 kg" in told
    assert main([*asked, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["purchase"] == purchase
    assert main(["purchase", "check", "nonsense", "--url", trade.site.url]) == 2
    assert main(["purchase", "check", "0" * 32, "--url", trade.site.url, "--key-file", str(key)]) == 2
    assert "There is no purchase" in capsys.readouterr().err


def label(**changes: Any) -> dict[str, Any]:
    return {
        "id": "fair-cocoa",
        "name": "Fair cocoa",
        "owner": "Cocoa without borders",
        "categories": [],
        "models": ["choco-1"],
        "economies": ["PE"],
        "validFrom": "2026-01-01",
        "validTo": None,
        "status": "active",
        "recognitions": [],
        "effectiveFrom": "2026-01-01",
    } | changes


def test_with_its_certificate_and_a_valid_label_a_purchase_passes_all_four_checks(trade: Trade) -> None:
    site = trade.site
    stated_by = MemberName(center=LIMA, member=COOPERATIVE)
    certificate = b"the certificate of the lot"
    stated = trade.state(certificateDigest=encode_hex(sha256(certificate)))
    assert any("No document here" in each for each in stated.json()["warnings"])
    state(site.world, replace(description(certificate), stated_by=stated_by), stored=certificate)
    token = stated.json()["digest"]
    site.post(f"/v1/evidence/{token}/signature", key=trade.certifier, json={})
    site.world.settle()
    trade.accepted(trade.issue(token))
    assert site.post("/v1/labels", key=site.operator, json=label()).status_code == 201
    lines = [
        trade.line(label="fair-cocoa", model="choco-1"),
        trade.line(label="fair-cocoa", model="choco-2", description="Another"),
    ]
    purchase = trade.ordered(*lines)
    told = [each["warnings"] for each in purchase["lines"]]
    assert told[0] == [] and len(told[1]) == 1 and "choco-2" in told[1][0]
    for each in purchase["lines"]:
        trade.accepted(trade.set_aside(token, each["digest"]))
    checks = [{check["name"]: check for check in line["checks"]} for line in trade.check(purchase["id"])["lines"]]
    assert [each["certificate"]["verdict"] for each in checks] == ["passed", "failed"]
    assert "The label was recorded by lima." in checks[0]["certificate"]["reason"]
    assert {each["verdict"] for each in checks[0].values()} == {"passed"}
    assert "choco-2" in checks[1]["certificate"]["reason"] and checks[1]["certificate"]["remedy"]
    kinds = {one["kind"] for check in checks[0].values() for one in check["evidence"]}
    assert kinds == {"escrow", "issuance", "event", "evidence", "document", "label", "line"}
    for check in checks[0].values():
        for one in check["evidence"]:
            assert site.get(one["link"].removeprefix(site.url), key=trade.city).status_code == 200, one


def test_a_label_that_the_register_lost_is_not_checked_and_told(trade: Trade) -> None:
    world, purchase = trade.site.world, trade.ordered()
    token = trade.issued("10")
    trade.accepted(trade.set_aside(token, purchase["lines"][0]["digest"]))
    kept = world.assets.order.get(purchase["id"], center=LIMA, member=None)
    line = kept.lines[0]
    labelled = replace(line.open_line.line, label="no-such-label", model="choco-1")
    changed = replace(line, open_line=replace(line.open_line, line=labelled))
    found = world.assets.check_purchase(replace(kept, lines=(changed,))).lines[0].checks
    (certificate,) = [each for each in found if each.name.value == "certificate"]
    assert "has no no-such-label" in certificate.reason
    assert world.assets.order.warnings([changed]) == (("The register of labels here has no no-such-label.",),)


@pytest.mark.parametrize(
    ("said", "line", "words"),
    [
        ({}, {"economy": "VN"}, "no agreement is recorded by which VN recognises it"),
        ({"validTo": "2026-03-31"}, {}, "was valid until 2026-03-31"),
        ({"categories": ["furniture"]}, {}, "covers furniture, and not catering"),
        ({"categories": ["catering"], "models": []}, {}, "the register does not say"),
        ({"categories": ["catering"]}, {}, None),
    ],
)
def test_a_label_that_will_not_hold_is_warned_of_when_it_is_ordered(
    trade: Trade, said: dict[str, Any], line: dict[str, Any], words: str | None
) -> None:
    assert trade.site.post("/v1/labels", key=trade.site.operator, json=label(**said)).status_code == 201
    asked = trade.line(label="fair-cocoa", model="choco-1", **line)
    purchase = trade.ordered(asked)
    warnings = purchase["lines"][0]["warnings"]
    assert warnings == [] if words is None else len(warnings) == 1 and words in warnings[0]
    again = trade.site.get(f"/v1/purchases/{purchase['id']}", key=trade.city).json()
    assert again["lines"][0]["warnings"] == warnings
    place = f"/v1/purchases/{purchase['id']}/lines/1"
    written = trade.site.send("PUT", place, key=trade.city, json=asked | {"description": "Dark"}).json()
    assert written["warnings"] == warnings


def test_a_label_that_its_seller_recorded_is_its_own_word(trade: Trade) -> None:
    site, token = trade.site, trade.issued("10")
    with site.world.store.write() as tx:
        tx.labels.add(
            KeptLabel(label=read_label(label()), number=1, center=LIMA, member=COOPERATIVE, recorded_at=site.world.clock.now)
        )
    purchase = trade.ordered(trade.line(label="fair-cocoa", model="choco-1"))
    (warning,) = purchase["lines"][0]["warnings"]
    assert "recorded by lima/cooperative, which is the line's supplier" in warning
    trade.accepted(trade.set_aside(token, purchase["lines"][0]["digest"]))
    (line,) = trade.check(purchase["id"])["lines"]
    (certificate,) = [each for each in line["checks"] if each["name"] == "certificate"]
    assert certificate["verdict"] == "not-checked"
    assert "recorded by lima/cooperative, which is the line's supplier" in certificate["reason"]


def test_a_line_whose_record_was_changed_behind_its_back_fails(trade: Trade) -> None:
    token = trade.issued("10")
    purchase = trade.ordered()
    trade.accepted(trade.set_aside(token, purchase["lines"][0]["digest"]))
    world = trade.site.world
    with world.store.read() as tx:
        kept = tx.purchases.get(purchase["id"])
    assert kept is not None
    line = kept.lines[0]
    changed = replace(line.open_line, line=replace(line.open_line.line, quantity=2_000))
    found = world.assets.check_purchase(replace(kept, lines=(replace(line, open_line=changed),)))
    verdicts = {check.name.value: check.verdict.value for check in found.lines[0].checks}
    assert (verdicts["purchase-line"], verdicts["token"]) == ("failed", "failed")
