"""A chain that forgets everything when the suite ends, with both contracts on it."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from greenlane.adapters.evm.bindings import (
    AnchorLog,
    CenterCandidate,
    PilotRegistry,
    RegistryParameters,
    deployment_bytecode,
)
from greenlane.core.units import Address, center_id
from greenlane_node.embedded.anvil import HOST, find_anvil
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint, TxReceipt
from worlds.machine import free_port

START_TIMEOUT_S = 20.0
CENTERS = ("tianjin", "lima", "ho-chi-minh-city")
TERM_S = 365 * 24 * 3600
VOTING_S = 7 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Three founders; founder n governs with account 3n, anchors with 3n + 1, validates with 3n + 2."""

    web3: Web3
    accounts: tuple[Address, ...]
    founders: tuple[CenterCandidate, ...]
    registry: PilotRegistry
    log: AnchorLog

    def send(self, data: bytes, *, sender: Address, to: Address) -> TxReceipt:
        """Sends a transaction and waits until it is in a block; it must not revert."""
        return transact(self.web3, data, sender=sender, to=to)


def transact(web3: Web3, data: bytes, *, sender: Address, to: Address | None = None) -> TxReceipt:
    transaction: Any = {"from": Web3.to_checksum_address(sender), "data": Web3.to_hex(data), "gasPrice": 0}
    if to is not None:
        transaction["to"] = Web3.to_checksum_address(to)
    receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(transaction), poll_latency=0.01)
    assert receipt["status"] == 1
    return receipt


def deploy(web3: Web3, data: bytes, *, sender: Address) -> Address:
    address = transact(web3, data, sender=sender)["contractAddress"]
    assert address is not None
    return Address(bytes.fromhex(address[2:]))


def candidate(number: int, name: str, accounts: tuple[Address, ...]) -> CenterCandidate:
    return CenterCandidate(
        id=center_id(name),
        log_key=bytes([number + 1]) * 32,
        economy=("CN", "PE", "VN", "CL")[number],
        operator=accounts[3 * number],
        anchorer=accounts[3 * number + 1],
        validator=accounts[3 * number + 2],
        name=name.title(),
        origin=f"{name}.example/log",
        endpoint=f"https://{name}.example",
    )


@pytest.fixture(scope="package")
def empty_chain() -> Iterator[Web3]:
    port = free_port()
    arguments = ["--port", str(port), "--host", HOST, "--accounts", "16", "--chain-id", "31339", "--silent"]
    free_gas = ["--block-base-fee-per-gas", "0", "--gas-price", "0", "--disable-min-priority-fee"]
    process = subprocess.Popen([find_anvil(), *arguments, *free_gas])
    try:
        provider = HTTPProvider(f"http://{HOST}:{port}")
        deadline = time.monotonic() + START_TIMEOUT_S
        while not provider.is_connected():
            assert process.poll() is None, "anvil ended at once"
            assert time.monotonic() < deadline, "anvil does not answer"
            time.sleep(0.02)
        yield Web3(provider)
    finally:
        process.terminate()
        process.wait(timeout=START_TIMEOUT_S)


@pytest.fixture(scope="package")
def deployed(empty_chain: Web3) -> Chain:
    accounts = tuple(Address(bytes.fromhex(account[2:])) for account in empty_chain.eth.accounts)
    founders = tuple(candidate(number, name, accounts) for number, name in enumerate(CENTERS))
    parameters = RegistryParameters(minimum_centers=1, term_length_s=TERM_S, voting_period_s=VOTING_S)
    registry = deploy(empty_chain, deployment_bytecode("PilotRegistry", founders, parameters), sender=accounts[-1])
    log = deploy(empty_chain, deployment_bytecode("AnchorLog", registry), sender=accounts[-1])
    return Chain(
        web3=empty_chain,
        accounts=accounts,
        founders=founders,
        registry=PilotRegistry(empty_chain, registry),
        log=AnchorLog(empty_chain, log),
    )


@pytest.fixture
def live(deployed: Chain) -> Iterator[Chain]:
    """The network as it was founded: whatever a test does is undone after it."""
    snapshot = deployed.web3.provider.make_request(RPCEndpoint("evm_snapshot"), [])["result"]
    yield deployed
    deployed.web3.provider.make_request(RPCEndpoint("evm_revert"), [snapshot])
