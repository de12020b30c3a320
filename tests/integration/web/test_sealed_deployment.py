"""A whole deployment over nodes that speak as Besu does: what is captured ends in a receipt that needs no node."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from greenlane.adapters.evm.bindings import PilotRegistry
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.network_file import encode_network
from greenlane.bootstrap import Deployment, open_deployment
from greenlane.core.epcis.eventhash import event_hash_digest
from greenlane.core.receipt import Receipt, encode_receipt
from greenlane.core.seals import ValidatorMode
from greenlane.core.trust import TrustFile
from greenlane.core.units import CenterId, MemberId
from greenlane.core.wire import encode_hex
from greenlane.ports.accounts import MemberRole, Visibility
from greenlane.settings import read_settings
from greenlane.verify.ladder import Judgement, Rung, Verdict, judge
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from greenlane_node.process import wait_until
from web3 import Web3
from worlds.besu_rpc import BesuChain, address_of, besu_over, described
from worlds.events import some_events
from worlds.machine import free_port

pytestmark = pytest.mark.chain

SUCCESSOR = bytes(range(2, 34))
LIMA, FIRM = CenterId("lima"), MemberId("cooperative")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    with EmbeddedNetwork.start(tmp_path_factory.mktemp("network"), port=free_port()) as network:
        yield network


@pytest.fixture(params=list(ValidatorMode))
def chain(request: pytest.FixtureRequest, running: RunningNetwork) -> Iterator[BesuChain]:
    """A chain of validators over the embedded one, which stands as it was when the test began."""
    made = besu_over(running, mode=request.param, extra=[SUCCESSOR])
    snapshot = made.anvil("evm_snapshot")
    made.add_node()
    yield made
    made.anvil("evm_revert", snapshot)
    made.close()


@pytest.fixture
def deployment(chain: BesuChain, running: RunningNetwork, tmp_path: Path) -> Iterator[Deployment]:
    home = tmp_path / "home"
    shutil.copytree(running.home.directory, home, ignore=shutil.ignore_patterns("chain"))
    (home / "network.json").write_bytes(encode_network(described(running.network, chain)))
    with open_deployment(read_settings({"GREENLANE_HOME": str(home)})) as opened:
        opened.enrol.member(
            center=LIMA,
            member=FIRM,
            name="Cooperativa",
            roles=frozenset({MemberRole.ENTERPRISE}),
            visibility=Visibility.PUBLIC,
            actor="console",
        )
        yield opened


def take(deployment: Deployment, first: int) -> str:
    job = deployment.capture(center=LIMA, member=FIRM, events=some_events(2, first=first), actor="console")
    assert deployment.worker().run_until_current(patience_s=60)
    return job.events[0].event_hash


def receipt(deployment: Deployment, event_hash: str) -> Receipt:
    return deployment.prove(event_hash_digest(event_hash), reader=None, must_be_sealed=True)


def judged(trust: TrustFile, found: Receipt) -> Judgement:
    return judge(encode_receipt(found), trust, event=None, ask=[])


def rotate_validator(running: RunningNetwork, chain: BesuChain) -> None:
    """The operator of Lima gives the registry another validator."""
    operator = running.keystore().account("lima-operator", KeyUse.OPERATOR)
    signed = operator.sign_transaction(
        {
            "chainId": running.network.chain_id,
            "nonce": chain.used_nonces(operator.address),
            "gas": 500_000,
            "gasPrice": 0,
            "to": Web3.to_checksum_address(running.network.pilot_registry),
            "data": Web3.to_hex(PilotRegistry.encode_rotate_validator(address_of(SUCCESSOR))),
        }
    )
    chain.nodes[0].answer("eth_sendRawTransaction", [encode_hex(bytes(signed.raw_transaction))])


def test_a_receipt_needs_no_node_through_changes_of_the_validators(
    deployment: Deployment, chain: BesuChain, running: RunningNetwork
) -> None:
    first_day = deployment.watch_keys()
    with chain.going(0.3):
        before = receipt(deployment, take(deployment, 0))
        if chain.mode is ValidatorMode.HEADER:
            chain.elect(chain.founders[:-1])
        else:
            rotate_validator(running, chain)
        # What is anchored in the block of the change itself needs no change to be shown.
        changed = chain.head + 2
        assert wait_until(lambda: chain.head >= changed, 20)
        after = receipt(deployment, take(deployment, 2))
    today = deployment.watch_keys()
    for trust in (first_day, today):
        for found in (before, after):
            judgement = judged(trust, found)
            assert judgement.verdict is Verdict.PASSED, judgement.steps
            assert judgement.step(Rung.SEALED).verdict is Verdict.PASSED
    assert deployment.seal is not None
    assert today.sealing == deployment.seal.sealing() and today.sealing is not None
    assert len(today.sealing.sets) == 2
    assert after.seals is not None and len(after.seals.changes) == 1
    report = deployment.check(LIMA, ledger=deployment.ledger, progress=lambda _what, _done, _total: None)
    assert (report.faults, report.sealed) == ([], report.anchors)
    assert report.sealed >= 2
