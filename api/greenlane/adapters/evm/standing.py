"""Whether a network's contracts stand where its description says, and speak as ours.

One rule for the server and for whoever runs the chain: whatever code answers as our contracts do, and belongs together, is
taken. The bytes are not compared: a later release may be compiled otherwise and still speak to the contracts of a network.
Where they differ is told by `contracts_of_other_code`, to whoever wants to know.
"""

from web3 import Web3

from greenlane.adapters.evm.artifacts import hex_bytes, runtime_bytecode
from greenlane.adapters.evm.bindings import AnchorLog, ContractRefused, NotThisContract, PilotRegistry
from greenlane.adapters.evm.contract import Contract
from greenlane.core.assets.places import AssetContracts
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import LedgerMismatch


def check_contracts(web3: Web3, pilot_registry: Address, anchor_log: Address, assets: AssetContracts | None) -> None:
    """Returns where registry, anchor log and, where the network has them, the contracts of green assets stand there, answer, and
    belong together.

    Raises:
        LedgerMismatch: they do not; the sentence says what stands there instead.
    """
    registry, log = PilotRegistry(web3, pilot_registry), AnchorLog(web3, anchor_log)
    leaning = _leaning(web3, pilot_registry, anchor_log, assets)
    for contract in (registry, log, *(one for one, _ in leaning)):
        if not contract.has_code():
            raise LedgerMismatch(
                f"The chain has no {_named(contract)} at {encode_hex(contract.address)}: it is another chain, or has lost "
                "its state."
            )
    try:
        asked = log.registry()
    except (NotThisContract, ContractRefused) as error:
        raise LedgerMismatch(f"What stands at {encode_hex(anchor_log)} is no AnchorLog: {error.detail}") from error
    if asked != pilot_registry:
        raise LedgerMismatch(f"The anchor log asks the registry {encode_hex(asked)}, not {encode_hex(pilot_registry)}.")
    try:
        validators = registry.validators()
    except (NotThisContract, ContractRefused) as error:
        raise LedgerMismatch(f"What stands at {encode_hex(pilot_registry)} is no PilotRegistry: {error.detail}") from error
    if not validators:
        raise LedgerMismatch(f"What stands at {encode_hex(pilot_registry)} is no PilotRegistry: it names no validator.")
    for leaned, expected in leaning:
        try:
            told = leaned.leans_on()
        except (NotThisContract, ContractRefused) as error:
            raise LedgerMismatch(f"What stands at {encode_hex(leaned.address)} is no {_named(leaned)}: {error.detail}") from error
        if told != expected:
            raise LedgerMismatch(
                f"The {_named(leaned)} at {encode_hex(leaned.address)} leans on {' and '.join(map(encode_hex, told))}, not on "
                f"{' and '.join(map(encode_hex, expected))}."
            )


def contracts_of_other_code(web3: Web3, assets: AssetContracts) -> tuple[str, ...]:
    """Names of the contracts of green assets at whose address other code stands than this release compiles, or none."""
    places = {"EvidenceRegister": assets.evidence_register, "GreenAsset": assets.green_asset}
    return tuple(
        name
        for name, place in places.items()
        if bytes(web3.eth.get_code(Web3.to_checksum_address(place))) != runtime_bytecode(name)
    )


class _Leaning(Contract):
    """One of the contracts of green assets, asked for nothing but which contracts it leans on."""

    def leans_on(self) -> tuple[Address, ...]:
        return tuple(Address(hex_bytes(one)) for one in self._read("latest", "contracts"))


class _EvidenceRegister(_Leaning):
    _name = "EvidenceRegister"


class _GreenAsset(_Leaning):
    _name = "GreenAsset"


def _named(contract: Contract) -> str:
    return type(contract).__name__.removeprefix("_")


def _leaning(
    web3: Web3, pilot_registry: Address, anchor_log: Address, assets: AssetContracts | None
) -> tuple[tuple[_Leaning, tuple[Address, ...]], ...]:
    """The contracts of green assets, each with what it must lean on."""
    if assets is None:
        return ()
    return (
        (_EvidenceRegister(web3, assets.evidence_register), (pilot_registry, anchor_log)),
        (_GreenAsset(web3, assets.green_asset), (pilot_registry, assets.evidence_register)),
    )
