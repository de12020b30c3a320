"""A whole purchase over the contracts themselves: a deployment with its worker, its keystore and a real chain."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from greenlane.adapters.evm.bindings import PilotRegistry
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.member_keys import member_key_name
from greenlane.bootstrap import Deployment, open_deployment
from greenlane.core.assets.purchase import Price
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.epcis.event import parse_capture
from greenlane.core.trust import parse_trust_file
from greenlane.core.wire import encode_hex
from greenlane.ports.accounts import MemberRole, Visibility
from greenlane.ports.acts import ActState, KeptAct
from greenlane.ports.asset_ledger import ActWouldFail
from greenlane.services.assets.acting import Asker
from greenlane.services.check_purchase import CheckVerdict, LineStanding
from greenlane.services.order import AskedLine
from greenlane.settings import read_settings
from greenlane.verify.judgement import Verdict
from greenlane.verify.nodes import JsonRpcNode
from greenlane.verify.supply import judge_supply
from greenlane.web.asset_schemas import totals_value
from worlds.asset_chain import CERTIFIER, CITY, COOPERATIVE, address_of
from worlds.asset_network import AssetNetwork, asset_network
from worlds.events import CONTEXT

pytestmark = pytest.mark.chain

LOT = "https://id.gs1.org/01/09521321000018/10/LOT-9"
FACILITY = "https://id.gs1.org/414/9521321000018"
_PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AssetNetwork]:
    with asset_network(tmp_path_factory.mktemp("assets") / "home") as network:
        yield network


@pytest.fixture
def deployment(made: AssetNetwork, tmp_path: Path) -> Iterator[Deployment]:
    with made.fresh(tmp_path / "home") as network:
        settings = read_settings(network.environment(GREENLANE_RECHECK_INTERVAL_S="1"))
        with open_deployment(settings) as opened:
            yield opened


def asker(name: MemberName) -> Asker:
    return Asker(center=name.center, member=name.member, actor="console")


def settle(deployment: Deployment) -> None:
    assert deployment.worker().run_until_current(patience_s=_PATIENCE_S)


def done(deployment: Deployment, act: KeptAct) -> KeptAct:
    settle(deployment)
    shown = deployment.assets.look.act(act.digest, center=act.center, member=None).act
    assert shown.state is ActState.DONE, (shown.refusal, shown.detail)
    return shown


def enrol(deployment: Deployment) -> None:
    for name, role in (
        (COOPERATIVE, MemberRole.ENTERPRISE),
        (CITY, MemberRole.BUYER),
        (CERTIFIER, MemberRole.CERTIFIER),
    ):
        deployment.enrol.member(
            center=name.center,
            member=name.member,
            name=str(name),
            roles=frozenset({role}),
            visibility=Visibility.PUBLIC,
            actor="console",
        )


def made_lot(deployment: Deployment) -> None:
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "type": "ObjectEvent",
        "action": "ADD",
        "bizStep": "commissioning",
        "eventTime": "2024-01-02T10:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "bizLocation": {"id": FACILITY},
        "quantityList": [{"epcClass": LOT, "quantity": 20, "uom": "KGM"}],
    }
    events = tuple(parse_capture(document))
    deployment.capture(center=COOPERATIVE.center, member=COOPERATIVE.member, events=events, actor="console")


def issued(deployment: Deployment) -> bytes:
    """12 kg that the cooperative holds; the token."""
    drafted = deployment.assets.state_evidence(
        {
            "certifier": str(CERTIFIER),
            "class": "cocoa-df",
            "quantity": "12.5",
            "lot": LOT,
            "facility": FACILITY,
            "vintageFrom": "2024-01-01",
            "vintageTo": "2024-06-30",
            "custodyModel": "identity-preserved",
            "certificateDigest": encode_hex(sha256(b"certificate")),
            "economy": "PE",
        },
        center=COOPERATIVE.center,
        member=COOPERATIVE.member,
        actor="console",
    )
    token = drafted.evidence.digest
    deployment.assets.sign_evidence(token, signature=None, center=CERTIFIER.center, member=CERTIFIER.member, actor="console")
    settle(deployment)
    done(deployment, deployment.assets.issue(asker(COOPERATIVE), digest=token, quantity="12"))
    return token


def test_a_purchase_over_the_contracts_themselves(deployment: Deployment) -> None:
    assets = deployment.assets
    enrol(deployment)
    made_lot(deployment)
    token = issued(deployment)
    with pytest.raises(ActWouldFail) as refused:
        assets.issue(asker(COOPERATIVE), digest=token, quantity="1")
    assert refused.value.refusal == "MoreThanEvidenced"
    purchase = assets.order(
        [
            AskedLine(
                supplier=COOPERATIVE,
                category="catering",
                description="Cocoa",
                product=None,
                lot=LOT,
                class_id="cocoa-df",
                quantity="1.5",
                label=None,
                model=None,
                economy="PE",
                price=Price(amount="10", currency="PEN"),
            )
        ],
        reference="PO 1",
        ordered_on=None,
        center=CITY.center,
        buyer=CITY.member,
        actor="console",
    )
    deadline = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    aside = assets.escrow(
        asker(COOPERATIVE),
        token=token,
        quantity="1.5",
        buyer=CITY,
        line_digest=purchase.lines[0].digest,
        deadline=deadline,
    )
    escrow_id = bytes.fromhex(done(deployment, aside).subject[2:])
    assert assets.check_purchase(purchase).lines[0].standing is LineStanding.OFFERED
    done(deployment, assets.escrow.accept(asker(CITY), escrow_id=escrow_id))
    act = assets.retire(
        asker(CITY),
        token=token,
        quantity="1.5",
        beneficiary="Municipalidad de Lima",
        claim_from=date(2024, 1, 1),
        claim_to=date(2024, 12, 31),
        line=(purchase.id, 1),
    )
    retirement = bytes.fromhex(done(deployment, act).subject[2:])
    settle(deployment)
    shown = assets.look.retirement(retirement)
    assert shown.certified is not None and shown.certified.statement.beneficiary == "Municipalidad de Lima"
    receipt = deployment.prove.entry(shown.certified.center, shown.certified.leaf_index)
    assert receipt.entry.kind == 6
    (line,) = assets.check_purchase(purchase).lines
    assert line.standing is LineStanding.RETIRED
    verdicts = [check.verdict for check in line.checks]
    assert verdicts == [CheckVerdict.PASSED, CheckVerdict.PASSED, CheckVerdict.NOT_CHECKED, CheckVerdict.PASSED]
    totals = {of.id: sums for of, sums in assets.look.supply().classes}["cocoa-df"]
    assert (totals.issued, totals.tradable, totals.retired) == (12_000, 10_500, 1_500)


def test_units_follow_a_member_whose_account_was_changed(made: AssetNetwork, tmp_path: Path) -> None:
    with made.fresh(tmp_path / "home") as network:
        settings = read_settings(network.environment(GREENLANE_RECHECK_INTERVAL_S="1"))
        former, fresh = network.account(COOPERATIVE), Account.create()
        with open_deployment(settings) as deployment:
            enrol(deployment)
            made_lot(deployment)
            token = issued(deployment)
        network.chain.govern(COOPERATIVE.center, PilotRegistry.encode_rotate_member_key(COOPERATIVE.member, address_of(fresh)))
        Home(network.home).keys.joinpath(f"{member_key_name(COOPERATIVE.center, COOPERATIVE.member)}.json").unlink()
        network.keystore.add(member_key_name(COOPERATIVE.center, COOPERATIVE.member), KeyUse.MEMBER, bytes(fresh.key))
        with open_deployment(settings) as deployment:
            assets = deployment.assets
            with pytest.raises(ActWouldFail) as refused:
                assets.follow_key(asker(CITY), token=token, previous=former)
            assert refused.value.refusal == "NotItsFormerAccount"
            done(deployment, assets.follow_key(asker(COOPERATIVE), token=token, previous=former))
            _, holders = assets.look.holders(token, after=None, limit=9)
            assert {each.account: each.tradable for each in holders} == {former: 0, address_of(fresh): 12_000}


def test_what_the_certifier_takes_back_is_frozen_on_the_chain_and_here(deployment: Deployment) -> None:
    assets = deployment.assets
    enrol(deployment)
    made_lot(deployment)
    token = issued(deployment)
    done(deployment, assets.revoke(asker(CERTIFIER), digest=token, reason="The lot was mixed"))
    assert assets.look.asset(token).facts.revoked == "The lot was mixed"
    with pytest.raises(ActWouldFail) as refused:
        assets.transfer(asker(COOPERATIVE), token=token, quantity="1", receiver=CITY)
    assert refused.value.refusal == "Frozen"


def as_the_api_says(deployment: Deployment) -> dict[str, dict[str, str]]:
    """Sums of each class as an answer of the server has them."""

    async def ask() -> dict[str, dict[str, str]]:
        app = deployment.app()
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
        ):
            answer = await client.get("/v1/supply")
        assert answer.status_code == 200, answer.text
        return {each["id"]: each["totals"] for each in answer.json()["classes"]}

    return asyncio.run(ask())


def test_sums_of_the_api_are_the_contracts_and_those_rebuilt_from_events(made: AssetNetwork, tmp_path: Path) -> None:
    with made.fresh(tmp_path / "home") as network:
        trust = parse_trust_file(Home(network.home).trust_file.read_bytes())
        with open_deployment(read_settings(network.environment(GREENLANE_RECHECK_INTERVAL_S="1"))) as deployment:
            assets = deployment.assets
            enrol(deployment)
            made_lot(deployment)

            def agree(**expected: str) -> None:
                settle(deployment)
                node = JsonRpcNode(network.chain.running.rpc_url)
                judged = judge_supply(trust, node, tell=lambda _block, _last: None)
                assert judged.verdict is Verdict.PASSED, judged.words
                told = as_the_api_says(deployment)
                assert told["cocoa-df"] == expected
                for of in judged.classes:
                    rebuilt, kept = (totals_value(each, of.asset_class) for each in (of.totals, of.kept))
                    assert told[of.asset_class.id] == kept == rebuilt
                assert len(judged.classes) == len(told) == 2

            agree(issued="0", tradable="0", escrowed="0", retired="0", cancelled="0")
            token = issued(deployment)
            agree(issued="12", tradable="12", escrowed="0", retired="0", cancelled="0")
            deadline = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
            aside = assets.escrow(
                asker(COOPERATIVE), token=token, quantity="4", buyer=CITY, line_digest=sha256(b"line"), deadline=deadline
            )
            escrow_id = bytes.fromhex(done(deployment, aside).subject[2:])
            agree(issued="12", tradable="8", escrowed="4", retired="0", cancelled="0")
            done(deployment, assets.escrow.accept(asker(CITY), escrow_id=escrow_id))
            agree(issued="12", tradable="12", escrowed="0", retired="0", cancelled="0")
            claimed = assets.retire(
                asker(CITY),
                token=token,
                quantity="1.5",
                beneficiary="Lima",
                claim_from=date(2024, 1, 1),
                claim_to=date(2024, 12, 31),
            )
            done(deployment, claimed)
            agree(issued="12", tradable="10.5", escrowed="0", retired="1.5", cancelled="0")
            done(deployment, assets.cancel(asker(COOPERATIVE), token=token, quantity="0.25", reason="Spilt"))
            agree(issued="12", tradable="10.25", escrowed="0", retired="1.5", cancelled="0.25")
