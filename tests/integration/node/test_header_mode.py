"""Where validators vote in headers, who seals is not what the registry says: neither the doctor nor the lists mix them up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount
from greenlane.adapters.keystore import KeyUse, replace_file
from greenlane.adapters.network_file import encode_network
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address, CenterId
from greenlane_node.cli.program import main
from greenlane_node.doctor import Finding, examine
from greenlane_node.embedded.anvil import free_port
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from greenlane_node.layout import NetworkLayout
from greenlane_node.membership.permissions import sync
from worlds.besu_rpc import BesuChain, besu_over, described
from worlds.kept_nodes import StandIn, enode_of, kept_nodes, register_enode

pytestmark = pytest.mark.chain

LIMA, TIANJIN = CenterId("lima"), CenterId("tianjin")
PORT = 30_303


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningNetwork]:
    with EmbeddedNetwork.start(tmp_path / "home", port=free_port()) as network:
        for center in network.network.centers:
            register_enode(network, center.id, enode_of(validator_key(network, center.id), PORT))
        yield network


@pytest.fixture
def chain(running: RunningNetwork) -> Iterator[BesuChain]:
    made = besu_over(running, mode=ValidatorMode.HEADER)
    made.add_node()
    made.mine(2)
    replace_file(running.home.network_file, encode_network(described(running.network, made)))
    yield made
    made.close()


@pytest.fixture
def nodes(running: RunningNetwork, chain: BesuChain) -> Iterator[dict[str, StandIn]]:
    with kept_nodes(running.home.directory, running, LIMA, behind=chain.nodes[0].url) as standing:
        yield standing


def validator_key(running: RunningNetwork, center: CenterId) -> LocalAccount:
    return running.keystore().account(f"{center}-validator", KeyUse.VALIDATOR)


def validator(running: RunningNetwork, center: CenterId) -> Address:
    return Address(bytes.fromhex(validator_key(running, center).address[2:]))


def seat(running: RunningNetwork) -> tuple[Finding, str]:
    (found,) = (look for look in examine(running.home) if look.name == "lima has its seat")
    return found.finding, found.remedy


@pytest.mark.usefixtures("nodes")
def test_a_validator_has_its_seat_when_the_others_have_voted_it_in(running: RunningNetwork, chain: BesuChain) -> None:
    assert seat(running)[0] is Finding.GOOD
    chain.elect([one for one in chain.founders if one != validator(running, LIMA)])
    chain.mine()
    finding, remedy = seat(running)
    assert finding is Finding.BAD
    assert "validators --align" in remedy


def test_a_center_that_left_is_let_in_until_it_is_voted_out(
    running: RunningNetwork, chain: BesuChain, nodes: dict[str, StandIn]
) -> None:
    theirs = enode_of(validator_key(running, TIANJIN), PORT)
    lists = NetworkLayout(running.home).besu("rpc-lima")
    sync(running.home)
    with chain.going(0.1):
        left = ["leave", "--center", "tianjin", "--confirm", "tianjin", "--rpc", chain.nodes[0].url]
        assert main([*left, "--home", str(running.home.directory)]) == 0
    for _ in range(2):
        sync(running.home)
        assert all(theirs in text for text in (lists.allowed_nodes.read_text(), lists.static_nodes.read_text()))
        assert theirs in nodes["rpc-lima"].permitted_nodes
    chain.elect([one for one in chain.founders if one != validator(running, TIANJIN)])
    chain.mine()
    sync(running.home)
    assert not any(theirs in text for text in (lists.allowed_nodes.read_text(), lists.static_nodes.read_text()))
    assert theirs not in nodes["rpc-lima"].permitted_nodes
