"""Green assets need no account on the allowlists but those that stand there: members sign acts, and anchorers send them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from greenlane.adapters.keystore import KeyUse
from greenlane.core.wire import encode_hex
from greenlane_node.cli.program import main
from greenlane_node.membership.permissions import wanted
from greenlane_node.registry.governance import active_centers
from worlds.asset_chain import COOPERATIVE, LIMA, ROASTER, open_store
from worlds.asset_network import AssetNetwork, asset_network
from worlds.kept_nodes import enode_of

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AssetNetwork]:
    with asset_network(tmp_path_factory.mktemp("senders") / "home") as network:
        yield network


def test_all_that_green_assets_send_is_sent_by_permitted_accounts(made: AssetNetwork, tmp_path: Path) -> None:
    """Issued and moved by acts, and paused by a vote."""
    with made.fresh(tmp_path / "home", block_s=None) as network:
        chain, acting = network.chain, network.account(COOPERATIVE)
        before = chain.web3.eth.block_number
        _, assets = chain.gateways(open_store(tmp_path))
        ((stated, proof),) = chain.evidence(chain.statement())
        token = stated.digest(chain.register_domain)
        chain.settle(assets, chain.act(COOPERATIVE, assets.calls.issue(stated, proof, assets.placement(stated), 1_000)))
        moved = assets.calls.transfer(sender=acting, receiver=network.account(ROASTER), token=token, quantity=400)
        chain.settle(assets, chain.act(COOPERATIVE, moved))
        assert network.asset.balance_of(network.account(ROASTER), token) == 400
        by_acts = senders(network, before)
    with made.fresh(tmp_path / "other") as network:
        before = network.chain.web3.eth.block_number
        assert main(["assets", "pause", "--center", "lima", "--home", str(network.home)]) == 0
        by_votes = senders(network, before)
        centers = active_centers(network.chain.web3, network.network.pilot_registry)
        # No list is made of centers without any node.
        enode = enode_of(network.chain.key(LIMA, KeyUse.VALIDATOR), 30_303)
        permitted = set(wanted(replace(one, enode=enode if one.id == LIMA else "") for one in centers).accounts)
        lima = network.network.center(LIMA)
    assert by_acts == {encode_hex(lima.anchorer)}
    assert by_votes == {encode_hex(lima.operator)}
    assert by_acts | by_votes <= permitted
    assert encode_hex(acting) not in permitted


def senders(network: AssetNetwork, after: int) -> set[str]:
    """Who sent what the blocks after that one hold, 0x-hex in lower case."""
    eth = network.chain.web3.eth
    blocks = (eth.get_block(number, full_transactions=True) for number in range(after + 1, eth.block_number + 1))
    return {str(sent["from"]).lower() for block in blocks for sent in block["transactions"] if not isinstance(sent, bytes)}
