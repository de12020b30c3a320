"""The world in which services and pages of green assets are tried is what they would find: keys, members, classes and time."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from eth_account import Account
from greenlane.adapters.evm.bindings import MemberRole
from greenlane.adapters.network_file import load_network
from greenlane.bootstrap import open_deployment
from greenlane.settings import read_settings
from greenlane_node.process import wait_until
from worlds.asset_chain import CERTIFIER, CITY, COOPERATIVE, LIMA, ROASTER, ROLES
from worlds.asset_network import CENTERS, AssetNetwork, asset_network
from worlds.green_assets import COCOA, COMMUTES

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AssetNetwork]:
    with asset_network(tmp_path_factory.mktemp("assets") / "home") as network:
        yield network


def is_past(network: AssetNetwork, number: int) -> bool:
    return network.chain.web3.eth.block_number > number


def test_a_server_of_its_home_has_every_center_and_every_members_key(made: AssetNetwork, tmp_path: Path) -> None:
    with made.fresh(tmp_path / "home") as network, open_deployment(read_settings(network.environment())) as deployment:
        assert {center.id for center in deployment.signer.centers()} == set(CENTERS)
        assert load_network(network.home / "network.json") == network.network
        registry = deployment.ledger.trust()
        assert registry.assets == network.assets
        for name in ROLES:
            assert network.keys.account(name.center, name.member) == network.account(name)
            signature = network.keys.sign(name.center, name.member, bytes(32))
            assert bytes.fromhex(Account._recover_hash(bytes(32), signature=signature)[2:]) == network.account(name)


def test_the_registry_knows_the_members_and_the_contract_the_classes(made: AssetNetwork, tmp_path: Path) -> None:
    with made.fresh(tmp_path / "home") as network:
        ledger = network.chain.reading()
        for name, roles in ROLES.items():
            told = ledger.member_named(name.center, name.member)
            assert told is not None
            assert told.is_in_good_standing
            assert len(told.roles) == len(roles)
        assert [network.asset.asset_class(one.id) for one in (COCOA, COMMUTES)] == [
            network.chain.lasting(one) for one in (COCOA, COMMUTES)
        ]
        assert {COOPERATIVE, CITY, ROASTER, CERTIFIER} == set(ROLES)


def test_what_a_test_does_is_undone_for_the_next(made: AssetNetwork, tmp_path: Path) -> None:
    for turn in range(2):
        with made.fresh(tmp_path / f"home-{turn}") as network:
            ledger = network.chain.reading()
            assert abs(network.chain.now() - time.time()) < 5
            kept = network.member(LIMA, "bakery", MemberRole.ENTERPRISE, MemberRole.BUYER)
            own = network.member(LIMA, "mill", MemberRole.ENTERPRISE, keeps_own_key=True)
            for name in (kept, own):
                told = ledger.member_named(name.center, name.member)
                assert told is not None
                assert told.account == network.account(name)
            assert network.keys.account(kept.center, kept.member) == network.account(kept)
            assert network.keys.account(own.center, own.member) is None
            network.pass_days(40)
            assert abs(network.chain.now() - network.clock().timestamp()) < 5
            assert network.chain.now() - time.time() > 39 * 86_400
            head = network.chain.web3.eth.block_number
            assert wait_until(partial(is_past, network, head + 2), 10)


def test_blocks_wait_for_a_test_that_asks_for_it(made: AssetNetwork, tmp_path: Path) -> None:
    with made.fresh(tmp_path / "home", block_s=None) as network:
        head = network.chain.web3.eth.block_number
        time.sleep(0.3)
        assert network.chain.web3.eth.block_number == head
        network.mine()
        assert network.chain.web3.eth.block_number == head + 1
