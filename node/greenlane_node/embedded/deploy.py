"""The contracts, deployed once by a key that does nothing else.

A contract's address follows from its deployer and the deployer's nonce: the registry is the first thing the key sends, the anchor
log the second, then the two contracts of green assets. So where they stand is known beforehand, doing it again after a crash
changes nothing, and a chain that lost its state gets them back at the same addresses: a trust file that names them stays true.
"""

from collections.abc import Callable, Sequence

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from greenlane.adapters.evm.bindings import (
    AnchorLog,
    CenterCandidate,
    PilotRegistry,
    RegistryParameters,
    deployment_bytecode,
    explain_revert,
)
from greenlane.adapters.evm.standing import check_contracts
from greenlane.core.assets.places import AssetContracts
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import LedgerMismatch
from web3 import Web3
from web3.exceptions import ContractLogicError
from web3.types import Nonce
from web3.utils import get_create_address

_REGISTRY_NONCE = Nonce(0)
_ANCHOR_LOG_NONCE = Nonce(1)
_EVIDENCE_REGISTER_NONCE = Nonce(2)
_GREEN_ASSET_NONCE = Nonce(3)
_RECEIPT_TIMEOUT_S = 60.0


def contract_addresses(deployer: ChecksumAddress) -> tuple[Address, Address]:
    """Where the registry and the anchor log of a deployer stand, or will."""
    registry = get_create_address(deployer, _REGISTRY_NONCE)
    anchor_log = get_create_address(deployer, _ANCHOR_LOG_NONCE)
    return Address(bytes.fromhex(registry[2:])), Address(bytes.fromhex(anchor_log[2:]))


def asset_addresses(deployer: ChecksumAddress) -> AssetContracts:
    """Where the contracts of green assets of a deployer stand, or will."""
    register = get_create_address(deployer, _EVIDENCE_REGISTER_NONCE)
    green_asset = get_create_address(deployer, _GREEN_ASSET_NONCE)
    return AssetContracts(
        green_asset=Address(bytes.fromhex(green_asset[2:])), evidence_register=Address(bytes.fromhex(register[2:]))
    )


def deploy_contracts(
    web3: Web3,
    deployer: LocalAccount,
    founders: Sequence[CenterCandidate],
    parameters: RegistryParameters,
    *,
    after_sending: Callable[[], None],
) -> None:
    """Deploys what does not stand yet at `contract_addresses` and `asset_addresses`; gas must be free, or the deployer have some.

    Args:
        deployer: a key that sends nothing else, ever.
        after_sending: called after each transaction; an embedded chain makes a block here.

    Raises:
        LedgerMismatch: the deployer has sent something else, the registry refuses the founders, or what stands at an address is
            not our contract.
    """
    registry, anchor_log = contract_addresses(deployer.address)
    if not PilotRegistry(web3, registry).has_code():
        _send(web3, deployer, _REGISTRY_NONCE, deployment_bytecode("PilotRegistry", list(founders), parameters), after_sending)
    if not AnchorLog(web3, anchor_log).has_code():
        _send(web3, deployer, _ANCHOR_LOG_NONCE, deployment_bytecode("AnchorLog", registry), after_sending)
    deploy_assets(web3, deployer, after_sending=after_sending)
    check_contracts(web3, registry, anchor_log, asset_addresses(deployer.address))


def can_deploy_assets(web3: Web3, deployer: ChecksumAddress) -> bool:
    """Whether the contracts of green assets stand at their addresses, or can: the deployer has sent nothing in their place."""
    assets = asset_addresses(deployer)
    sent = web3.eth.get_transaction_count(deployer)
    wanted = ((_EVIDENCE_REGISTER_NONCE, assets.evidence_register), (_GREEN_ASSET_NONCE, assets.green_asset))
    return all(sent <= nonce or _has_code(web3, place) for nonce, place in wanted)


def deploy_assets(web3: Web3, deployer: LocalAccount, *, after_sending: Callable[[], None]) -> bool:
    """Deploys the contracts of green assets where they do not stand yet; whether it deployed any.

    Args:
        deployer: whose registry and anchor log stand.
        after_sending: as of `deploy_contracts`.

    Raises:
        LedgerMismatch: the deployer has sent something else.
    """
    registry, anchor_log = contract_addresses(deployer.address)
    assets = asset_addresses(deployer.address)
    has_deployed = False
    if not _has_code(web3, assets.evidence_register):
        creation = deployment_bytecode("EvidenceRegister", registry, anchor_log)
        _send(web3, deployer, _EVIDENCE_REGISTER_NONCE, creation, after_sending)
        has_deployed = True
    if not _has_code(web3, assets.green_asset):
        creation = deployment_bytecode("GreenAsset", registry, assets.evidence_register)
        _send(web3, deployer, _GREEN_ASSET_NONCE, creation, after_sending)
        has_deployed = True
    return has_deployed


def _has_code(web3: Web3, address: Address) -> bool:
    return bool(web3.eth.get_code(Web3.to_checksum_address(address)))


def _send(web3: Web3, deployer: LocalAccount, nonce: Nonce, data: bytes, after_sending: Callable[[], None]) -> None:
    used = web3.eth.get_transaction_count(deployer.address)
    if used != nonce:
        raise LedgerMismatch(
            f"The deployer {deployer.address} has sent {used} transactions, where {nonce} were expected.",
            remedy="Start a new network with a new deployer.",
        )
    try:
        gas = web3.eth.estimate_gas({"from": deployer.address, "data": Web3.to_hex(data)})
    except ContractLogicError as error:
        told = error.data if isinstance(error.data, str) and error.data.startswith("0x") else "0x"
        raise LedgerMismatch(f"The contract is not deployed: {explain_revert(bytes.fromhex(told[2:]))}") from error
    signed = deployer.sign_transaction(
        {
            "chainId": web3.eth.chain_id,
            "nonce": nonce,
            "gas": gas * 5 // 4,
            "gasPrice": 0,
            "value": 0,
            "data": Web3.to_hex(data),
        }
    )
    transaction = web3.eth.send_raw_transaction(signed.raw_transaction)
    after_sending()
    receipt = web3.eth.wait_for_transaction_receipt(transaction, timeout=_RECEIPT_TIMEOUT_S)
    if receipt["status"] != 1:
        raise LedgerMismatch(f"The deployment {encode_hex(bytes(transaction))} was reverted.")
