"""The EvidenceRegister contract as a typed class."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from eth_abi.abi import encode as abi_encode
from web3.types import BlockIdentifier

from greenlane.adapters.evm.artifacts import AbiArgument, artifact, hex_bytes, slug_of
from greenlane.adapters.evm.mediated import Mediated, short_name
from greenlane.adapters.evm.records import UnixSeconds
from greenlane.core.anchoring import center_key
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, day_of, name_word
from greenlane.core.crypto import keccak256
from greenlane.core.units import Address, CenterId, MemberId, center_id, member_id
from greenlane.ports.asset_ledger import EvidenceProof, Placement

START = Placement(vintage_after=0, serial_after=0)
"""Before all ranges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedRecord:
    """What the register keeps of a statement that an asker had admitted.

    Attributes:
        lot: SHA-256 of the lot's identifier, or 32 zero bytes.
        quantity: what the statement allows in all, in smallest units.
        holder: the account that it named.
        holder_center, holder_member: whose account that was then: who may issue out of it.
        certifier_center, certifier_member: who vouched for the certifier then, and under which name.
    """

    class_id: str
    lot: bytes
    attribute: str
    quantity: int
    admitted_at: UnixSeconds
    vintage_from: date
    vintage_to: date
    custody_model: CustodyModel
    holder: Address
    holder_center: CenterId
    holder_member: MemberId
    certifier_center: CenterId
    certifier_member: MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionTally:
    """Votes for a motion that count now, and votes needed now; expires_at None: no round is open."""

    votes: int
    needed: int
    expires_at: UnixSeconds | None


class EvidenceRegister(Mediated):
    """Evidence that counts once; contracts/interfaces/IEvidenceRegister.sol and ICenterQuorum.sol tell what each call means.

    What was admitted is kept for each asker by itself; that of a GreenAsset is what it issued units out of.
    """

    _name = "EvidenceRegister"

    # ---- what anybody may ask ----

    def digest_of(self, statement: EvidenceStatement, block: BlockIdentifier = "latest") -> bytes:
        """The EIP-712 digest of a statement as the contract has it; `EvidenceStatement.digest` is the same without asking."""
        (digest,) = self._read(block, "digestOf", statement_value(statement))
        return bytes(digest)

    def evidence(self, asker: Address, digest: bytes, block: BlockIdentifier = "latest") -> AdmittedRecord | None:
        """What is kept of a statement that an asker had admitted; None where there is none."""
        (told,) = self._read(block, "evidence", asker, digest)
        with self._believed("evidence"):
            return _admitted_record(told)

    def evidences(
        self, asker: Address, digests: Sequence[bytes], block: BlockIdentifier = "latest"
    ) -> tuple[AdmittedRecord | None, ...]:
        """The same of several statements, in their order, in few round trips."""
        answers = self._read_many(block, "evidence", [(asker, digest) for digest in digests])
        with self._believed("evidence"):
            return tuple(_admitted_record(told) for (told,) in answers)

    def evidence_count(self, asker: Address, block: BlockIdentifier = "latest") -> int:
        """How many statements an asker had admitted."""
        (count,) = self._read(block, "evidenceCount", asker)
        return int(count)

    def revocation(self, digest: bytes, block: BlockIdentifier = "latest") -> str | None:
        """Why a statement was revoked; None while it stands."""
        is_revoked, reason = self._read(block, "revocation", digest)
        return str(reason) if is_revoked else None

    def revocations(self, digests: Sequence[bytes], block: BlockIdentifier = "latest") -> tuple[str | None, ...]:
        """The same of several statements, in their order, in few round trips."""
        answers = self._read_many(block, "revocation", [(digest,) for digest in digests])
        return tuple(str(reason) if is_revoked else None for is_revoked, reason in answers)

    def is_revoked(self, digest: bytes, block: BlockIdentifier = "latest") -> bool:
        """Whether a statement was revoked."""
        (answer,) = self._read(block, "isRevoked", digest)
        return bool(answer)

    def custody_of(self, asker: Address, attribute: str, lot: bytes, block: BlockIdentifier = "latest") -> CustodyModel | None:
        """The weakest model that an asker's statements told of a lot for an attribute; None where there is none."""
        (model,) = self._read(block, "custodyOf", asker, name_word(attribute), lot)
        with self._believed("custodyOf"):
            return CustodyModel(model) if model else None

    def placement(
        self, asker: Address, statement: EvidenceStatement, *, after: Placement, steps: int, block: BlockIdentifier = "latest"
    ) -> tuple[Placement, bool]:
        """Where a statement's ranges belong among an asker's, looked for from `after` on past at most `steps` ranges each.

        With it, whether that was the place, or only as far as the steps led.
        """
        (vintage_after, serial_after), is_found = self._read(
            block, "placement", asker, statement_value(statement), placement_value(after), steps
        )
        return Placement(vintage_after=vintage_after, serial_after=serial_after), bool(is_found)

    def tally(self, motion: bytes, *, asker: Address | None = None, block: BlockIdentifier = "latest") -> MotionTally:
        """Votes for a motion; all zero but `needed` where nobody voted.

        Args:
            asker: the contract whose motion it is, which the register counts votes for; None: the register itself.
        """
        votes, needed, expires_at = self._read(block, "tally", asker or self.address, motion)
        return MotionTally(votes=votes, needed=needed, expires_at=UnixSeconds(expires_at) if expires_at else None)

    def has_voted(
        self, motion: bytes, center: CenterId, *, asker: Address | None = None, block: BlockIdentifier = "latest"
    ) -> bool:
        """Whether a center voted for a motion in its open round; `asker` as for `tally`."""
        (answer,) = self._read(block, "hasVoted", asker or self.address, motion, center_key(center))
        return bool(answer)

    def contracts(self, block: BlockIdentifier = "latest") -> tuple[Address, Address]:
        """Registry and anchor log that it leans on."""
        return self._contracts(block)

    # ---- what may be sent, or signed as an act ----

    @staticmethod
    def encode_admit(statement: EvidenceStatement, proof: EvidenceProof, placement: Placement) -> bytes:
        """Call data that admits a statement for whoever sends it; a GreenAsset's own it is only by `issue`."""
        return _register_call(
            "admit", statement_value(statement), proof.signature, inclusion_value(proof), placement_value(placement)
        )

    @staticmethod
    def encode_revoke(statement: EvidenceStatement, reason: str) -> bytes:
        """Call data by which its certifier revokes a statement; the reason has 1 to 256 bytes."""
        return _register_call("revoke", statement_value(statement), reason)

    @staticmethod
    def encode_vote_revocation(digest: bytes, reason: str) -> bytes:
        """Call data by which a center's operator votes to revoke an admitted statement."""
        return _register_call("voteRevocation", digest, reason)

    @staticmethod
    def revocation_motion(digest: bytes) -> bytes:
        """What the votes to revoke a statement are counted under; 32 bytes."""
        return keccak256(abi_encode(["string", "bytes32"], ["revocation", digest]))


def statement_value(statement: EvidenceStatement) -> tuple[int | bytes, ...]:
    """A statement as the contracts take it."""
    return tuple(value for _, _, value in statement.typed().fields)


def inclusion_value(proof: EvidenceProof) -> tuple[int, int, list[bytes]]:
    """Where the log holds it, as the contracts take it."""
    return proof.tree_size, proof.leaf_index, list(proof.path)


def placement_value(placement: Placement) -> tuple[int, int]:
    """A placement as the contracts take it."""
    return placement.vintage_after, placement.serial_after


def _register_call(function: str, *arguments: AbiArgument) -> bytes:
    return artifact("EvidenceRegister").encode_call(function, *arguments)


def _admitted_record(told: tuple[Any, ...]) -> AdmittedRecord | None:
    (class_id, lot, attribute, quantity, admitted_at, vintage_from, vintage_to, model, *whose) = told
    holder, holder_center, holder_member, center, member = whose
    if admitted_at == 0:
        return None
    return AdmittedRecord(
        class_id=short_name(class_id),
        lot=lot,
        attribute=short_name(attribute),
        quantity=quantity,
        admitted_at=UnixSeconds(admitted_at),
        vintage_from=day_of(vintage_from),
        vintage_to=day_of(vintage_to),
        custody_model=CustodyModel(model),
        holder=Address(hex_bytes(holder)),
        holder_center=center_id(slug_of(holder_center)),
        holder_member=member_id(slug_of(holder_member)),
        certifier_center=center_id(slug_of(center)),
        certifier_member=member_id(slug_of(member)),
    )
