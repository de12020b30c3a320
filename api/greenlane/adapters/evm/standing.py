"""Whether a network's contracts stand where its description says, and speak as ours.

One rule for the server and for whoever runs the chain: whatever code answers as our contracts do, and belongs together, is
taken. The bytes are not compared: a later release may be compiled otherwise and still speak to the contracts of a network.
"""

from web3 import Web3

from greenlane.adapters.evm.bindings import AnchorLog, ContractRefused, NotThisContract, PilotRegistry
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex
from greenlane.ports.ledger import LedgerMismatch


def check_contracts(web3: Web3, pilot_registry: Address, anchor_log: Address) -> None:
    """Returns where registry and anchor log stand there, answer, and belong together.

    Raises:
        LedgerMismatch: they do not; the sentence says what stands there instead.
    """
    registry, log = PilotRegistry(web3, pilot_registry), AnchorLog(web3, anchor_log)
    for contract in (registry, log):
        if not contract.has_code():
            raise LedgerMismatch(
                f"The chain has no {type(contract).__name__} at {encode_hex(contract.address)}: it is another chain, or has lost "
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
