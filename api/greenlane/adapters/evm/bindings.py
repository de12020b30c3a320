"""The contracts as typed classes: calls encoded, answers decoded, refusals told by name.

Reading asks one node, at the block the caller names. Writing never happens here: an `encode_…` method gives call data, and
whoever owns keys and nonces signs and sends it. ABI and bytecode are package data written by scripts/contracts/compile.py,
so what runs is what was compiled. Nothing here reads the environment, holds a key or keeps state. A node that does not
answer raises what web3 raises; the ledger adapter knows what to do about it.
"""

from greenlane.adapters.evm.anchor_log import (
    AnchorLog,
)
from greenlane.adapters.evm.artifacts import (
    CONTRACT_NAMES,
    AbiArgument,
    Artifact,
    ContractRefused,
    NotEncodable,
    NotThisContract,
    artifact,
    deployment_bytecode,
    explain_revert,
    runtime_bytecode,
)
from greenlane.adapters.evm.evidence_register import (
    AdmittedRecord,
    EvidenceRegister,
    MotionTally,
)
from greenlane.adapters.evm.green_asset import (
    GreenAsset,
    IssuanceRecord,
)
from greenlane.adapters.evm.mediated import (
    ActState,
    BroughtEvent,
    Mediated,
    asset_refusal,
)
from greenlane.adapters.evm.pilot_registry import (
    PilotRegistry,
)
from greenlane.adapters.evm.records import (
    AnchoredEvent,
    AnchoredHead,
    CenterCandidate,
    CenterRecord,
    CenterStatus,
    ContractEvent,
    LogKeyRecord,
    MemberRecord,
    MemberRole,
    MemberStatus,
    ProposalId,
    ProposalKind,
    ProposalRecord,
    RegistryParameters,
    Tally,
    UnixSeconds,
)

__all__ = [
    "CONTRACT_NAMES",
    "AbiArgument",
    "ActState",
    "AdmittedRecord",
    "AnchorLog",
    "AnchoredEvent",
    "AnchoredHead",
    "Artifact",
    "BroughtEvent",
    "CenterCandidate",
    "CenterRecord",
    "CenterStatus",
    "ContractEvent",
    "ContractRefused",
    "EvidenceRegister",
    "GreenAsset",
    "IssuanceRecord",
    "LogKeyRecord",
    "Mediated",
    "MemberRecord",
    "MemberRole",
    "MemberStatus",
    "MotionTally",
    "NotEncodable",
    "NotThisContract",
    "PilotRegistry",
    "ProposalId",
    "ProposalKind",
    "ProposalRecord",
    "RegistryParameters",
    "Tally",
    "UnixSeconds",
    "artifact",
    "asset_refusal",
    "deployment_bytecode",
    "explain_revert",
    "runtime_bytecode",
]
