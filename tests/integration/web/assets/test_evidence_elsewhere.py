"""Two deployments on one chain: units issued through Lima's are bought, checked and claimed through Tianjin's."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.wire import encode_hex
from greenlane.ports.accounts import KeyRole
from greenlane.verify.judgement import Rung, Verdict
from greenlane.verify.retirement import judge_certificate
from worlds.asset_ledger import account_of, sign
from worlds.deployment import COOPERATIVE, LIMA, TIANJIN
from worlds.descriptions import description, state
from worlds.trade import CERTIFIER, name_of
from worlds.two_deployments import BUYER, Two, two_deployments
from worlds.web import Site, issue

CERTIFICATE = b"the certificate of the lot"


@pytest.fixture
def two(site: Site, tmp_path: Path) -> Iterator[Two]:
    with two_deployments(site, tmp_path / "tianjin") as found:
        yield found


def kept(two: Two, digest: str) -> Any:
    with two.tianjin.world.store.read() as tx:
        return tx.evidence.get(bytes.fromhex(digest[2:]))


def test_units_of_another_deployment_are_checked_and_certified_once_their_statement_is_known(two: Two) -> None:
    token = two.lima.issued("10", certificateDigest=encode_hex(sha256(CERTIFICATE)))
    purchase = two.bought(token, lot=None)
    before = two.checks(purchase)
    assert before["certificate"]["verdict"] == before["lot"]["verdict"] == "not-checked"
    for check in (before["certificate"], before["lot"]):
        assert f"`greenlane evidence bring {token} --from URL`" in check["remedy"]
    assert two.tianjin.get(f"/v1/evidence/{token}").status_code == 404

    answer = two.put(token)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["state"], told["leafIndex"], told["receipt"]) == ("elsewhere", None, None)
    assert (told["holder"], told["certifier"]) == ("lima/cooperative", "lima/certifier")
    assert two.put(token).json() == told, "once more changes nothing"
    assert two.tianjin.get(f"/v1/evidence/{token}").json() == told, "what the chain admitted is public"
    assert two.tianjin.get(f"/v1/assets/{token}").json()["evidence"]["state"] == "elsewhere"

    world = two.tianjin.world
    stated_by = MemberName(center=TIANJIN, member=COOPERATIVE)
    state(world, replace(description(CERTIFICATE), stated_by=stated_by), stored=CERTIFICATE)
    operator = issue(world, KeyRole.OPERATOR, center=TIANJIN)
    event = two.tianjin.post("/epcis/v2/events", key=operator, member=COOPERATIVE, json=two.lima.lot_event())
    assert event.status_code == 201, event.text
    world.settle(TIANJIN)
    after = two.checks(purchase)
    assert {name: check["verdict"] for name, check in after.items()} == dict.fromkeys(after, "passed"), after
    assert "out of the anchored log of lima" in after["certificate"]["reason"]

    line = {"purchase": purchase, "number": 1}
    named = two.retired(token, line)
    world.settle(TIANJIN)
    data = two.tianjin.get(f"/v1/retirements/{named}/certificate")
    assert data.status_code == 200, data.text
    judgement = judge_certificate(data.content, world.watch_keys(), ask=[])
    assert Verdict.FAILED not in {step.verdict for step in judgement.steps}
    assert judgement.step(Rung.WORDS).verdict is judgement.step(Rung.RETIREMENT).verdict is Verdict.PASSED
    assert world.fsck(TIANJIN, is_asking_chain=False).faults == []


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_changed_word_another_address_and_a_strangers_signature_are_refused(two: Two) -> None:
    token = two.lima.issued("10")
    told = two.lima.site.get(f"/v1/evidence/{token}").json()
    for name, value in (("quantity", "12.6"), ("economy", "CN"), ("lot", None), ("id", "urn:example:other")):
        changed = told["statement"] | {name: value}
        assert refusal(two.put(token, statement=changed))[0] == 400, name
    other = "0x" + sha256(b"other").hex()
    body = {"statement": told["statement"], "signature": told["signature"]}
    assert refusal(two.tianjin.send("PUT", f"/v1/evidence/{other}", key=two.buyer, json=body)) == (400, "evidence-digest-wrong")
    stranger = "0x" + sign(BUYER, bytes.fromhex(token[2:])).hex()
    for signature in (stranger, "0x" + "00" * 65, "0x" + "ff" * 65):
        assert refusal(two.put(token, signature=signature)) == (400, "evidence-signature-wrong")
    wrongs: tuple[dict[str, Any], ...] = (
        {"signature": "0x00"},
        {"signature": None},
        {"statement": None},
        {"statement": []},
        {"more": 1},
    )
    for wrong in wrongs:
        assert two.put(token, **wrong).status_code == 400, wrong
    assert kept(two, token) is None


def test_every_changed_field_gives_another_digest(two: Two) -> None:
    token = two.lima.issued("10")
    statement = two.lima.site.get(f"/v1/evidence/{token}").json()["statement"]
    for name in statement:
        without = {key: value for key, value in statement.items() if key != name}
        assert two.put(token, statement=without).status_code == 400, name
    swapped = statement | {"certifier": encode_hex(account_of(BUYER))}
    assert refusal(two.put(token, statement=swapped)) == (400, "evidence-digest-wrong")
    assert kept(two, token) is None


def test_what_the_chain_never_admitted_is_refused_though_it_is_signed(two: Two) -> None:
    digest = two.lima.signed()
    assert refusal(two.put(digest)) == (409, "evidence-not-admitted")
    assert kept(two, digest) is None
    two.lima.accepted(two.lima.issue(digest))
    assert two.put(digest).status_code == 200


def test_while_the_chain_is_away_nothing_is_kept(two: Two) -> None:
    token = two.lima.issued("10")
    ledger = two.tianjin.world.asset_ledger
    ledger.is_away = True
    assert two.put(token).status_code == 503
    ledger.is_away = False
    ledger.model.around.members.pop(name_of(CERTIFIER))
    assert refusal(two.put(token)) == (404, "member-unknown")
    assert kept(two, token) is None


def test_a_statement_of_this_deployment_stays_as_it_is(two: Two) -> None:
    lima = two.lima
    drafted = lima.stated(id="urn:example:draft")
    told = lima.site.get(f"/v1/evidence/{drafted}", key=lima.seller).json()
    body = {"statement": told["statement"], "signature": "0x" + sign(name_of(CERTIFIER), bytes.fromhex(drafted[2:])).hex()}
    answer = lima.site.send("PUT", f"/v1/evidence/{drafted}", key=lima.seller, json=body)
    assert refusal(answer) == (409, "evidence-own")
    signed = lima.site.post(f"/v1/evidence/{drafted}/signature", key=lima.certifier, json={}).json()
    again = lima.site.send("PUT", f"/v1/evidence/{drafted}", key=lima.seller, json=body)
    assert again.status_code == 200
    assert {name for name, value in again.json().items() if value != signed[name]} <= {"decidedAt", "warnings"}


def test_nobody_issues_signs_or_refuses_here_what_is_elsewhere(two: Two) -> None:
    token = two.lima.issued("10")
    two.put(token)
    service = two.tianjin.world.assets.sign_evidence
    digest = bytes.fromhex(token[2:])
    certifier: dict[str, Any] = {"center": LIMA, "member": CERTIFIER, "actor": "console"}
    assert service(digest, signature=None, **certifier) == kept(two, token)
    answer = two.tianjin.get(f"/v1/evidence/{token}/receipt")
    assert refusal(answer) == (404, "evidence-unknown") and "Ask the center lima" in answer.text
    lima_key = issue(two.tianjin.world, KeyRole.MEMBER, center=LIMA, member=COOPERATIVE)
    issued = two.tianjin.post(f"/v1/evidence/{token}/issuances", key=lima_key, json={"quantity": "1"})
    assert refusal(issued) == (409, "evidence-not-ready")
    by_certifier = issue(two.tianjin.world, KeyRole.OPERATOR, center=LIMA)
    refused = two.tianjin.post(f"/v1/evidence/{token}/refusal", key=by_certifier, member=CERTIFIER, json={"because": "no"})
    assert refusal(refused) == (409, "evidence-ended")


def test_a_reader_has_no_hand_in_it(two: Two) -> None:
    token = two.lima.issued("10")
    reader = issue(two.tianjin.world, KeyRole.READER, center=TIANJIN)
    assert two.put(token, key=reader).status_code == 403
    assert two.tianjin.send("PUT", f"/v1/evidence/{token}", json={}).status_code == 401


def test_what_was_changed_in_the_store_is_found_by_fsck(two: Two) -> None:
    token = two.lima.issued("10")
    two.put(token)
    world = two.tianjin.world
    assert world.fsck(TIANJIN, is_asking_chain=False).faults == []
    assert world.damage("UPDATE evidence_elsewhere SET signature = zeroblob(65)") == 1
    (fault,) = world.fsck(TIANJIN, is_asking_chain=False).faults
    assert fault.startswith(f"Evidence statement {token} from elsewhere: the signature")
    assert world.damage("UPDATE evidence_elsewhere SET digest = zeroblob(32)") == 1
    assert any("does not give the digest" in each for each in world.fsck(TIANJIN, is_asking_chain=False).faults)
    assert world.damage("UPDATE evidence_elsewhere SET statement = x'00'") == 1
    assert any("from elsewhere after 0x" in each for each in world.fsck(TIANJIN, is_asking_chain=False).faults)
