"""Call data of the contracts of green assets. Implements ports.asset_ledger.AssetCalls."""

from datetime import datetime

from greenlane.adapters.evm.evidence_register import EvidenceRegister
from greenlane.adapters.evm.green_asset import GreenAsset
from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.units import Address
from greenlane.ports.asset_ledger import EvidenceProof, Placement, RetirementAsked


class EvmAssetCalls:
    """See ports.asset_ledger.AssetCalls. Every method may raise NotEncodable: a value does not fit the contract's type."""

    def issue(self, statement: EvidenceStatement, proof: EvidenceProof, placement: Placement, quantity: int) -> bytes:
        """Issues units out of a statement."""
        return GreenAsset.encode_issue(statement, proof, placement, quantity)

    def transfer(self, *, sender: Address, receiver: Address, token: bytes, quantity: int) -> bytes:
        """Moves units to another member."""
        return GreenAsset.encode_transfer(sender=sender, receiver=receiver, token=token, quantity=quantity)

    def escrow(self, *, token: bytes, quantity: int, buyer: Address, line_digest: bytes, deadline: datetime) -> bytes:
        """Sets units aside for a buyer."""
        return GreenAsset.encode_escrow(token=token, quantity=quantity, buyer=buyer, line_digest=line_digest, deadline=deadline)

    def accept(self, escrow_id: bytes) -> bytes:
        """Takes the units."""
        return GreenAsset.encode_accept(escrow_id)

    def give_back(self, escrow_id: bytes) -> bytes:
        """Gives the units back to the seller."""
        return GreenAsset.encode_give_back(escrow_id)

    def retire(self, asked: RetirementAsked) -> bytes:
        """Claims units for ever."""
        return GreenAsset.encode_retire(asked)

    def cancel(self, *, token: bytes, quantity: int, reason: str) -> bytes:
        """Takes units out of the world without a claim."""
        return GreenAsset.encode_cancel(token=token, quantity=quantity, reason=reason)

    def follow_key(self, *, previous: Address, token: bytes) -> bytes:
        """Brings a member's units from the account it had before."""
        return GreenAsset.encode_follow_key(previous=previous, token=token)

    def revoke(self, statement: EvidenceStatement, reason: str) -> bytes:
        """Revokes a statement; a call of the register."""
        return EvidenceRegister.encode_revoke(statement, reason)
