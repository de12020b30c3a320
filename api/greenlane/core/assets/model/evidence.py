"""Statements: what is admitted, what that uses up, and what is revoked.

Source: contracts/EvidenceRegister.sol.
"""

import re
from collections.abc import Iterable

from greenlane.core.anchoring import center_key
from greenlane.core.assets.evidence import (
    MAX_SERIALS,
    MAX_VINTAGE_DAYS,
    EvidenceStatement,
    day_number,
    evidence_entry,
    name_word,
    text_digest,
)
from greenlane.core.assets.model.state import NO_DIGEST, Admitted, Counted, LotRecord, check_reason
from greenlane.core.assets.model.surroundings import DAY_S
from greenlane.core.assets.model.votes import Votes
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.assets.typed_data import signer_of
from greenlane.core.documents.description import MemberName
from greenlane.core.merkle import InclusionRefused, leaf_hash, verify_inclusion
from greenlane.core.receipt import Inclusion
from greenlane.core.units import Address

_PLAIN_NAME = re.compile(r"(?!.*--)(?!.*-$)[a-z][a-z0-9-]{0,30}", re.ASCII)


class Evidence(Votes):
    """How a statement comes to count, and no longer counts."""

    __slots__ = ()

    def admit(self, caller: Address, statement: EvidenceStatement, signature: bytes, inclusion: Inclusion) -> bytes:
        """Admits a statement for the caller, or does nothing where it is admitted and its certifier is one still; the digest."""
        digest = self._check_admission(caller, statement, signature, inclusion)
        self._keep_evidence(caller, digest, statement)
        return digest

    def revoke(self, caller: Address, statement: EvidenceStatement, reason: str) -> None:
        """Revokes a statement, admitted or not yet, as its certifier."""
        digest = statement.digest(self.domain)
        known = self.certifiers.get(digest)
        certifier = statement.certifier if known is None else self.around.account_of(known)
        if caller != certifier:
            raise AssetRefused("NotItsCertifier", digest, caller)
        if digest in self.revocations:
            raise AssetRefused("Revoked", digest)
        check_reason(reason)
        self.revocations[digest] = reason

    def vote_revocation(self, operator: Address, digest: bytes, reason: str) -> None:
        """A center's vote to revoke an admitted statement."""
        if digest not in self.certifiers:
            raise AssetRefused("UnknownEvidence", digest)
        if digest in self.revocations:
            raise AssetRefused("Revoked", digest)
        check_reason(reason)
        if self._take_vote(("revocation", digest), operator):
            self.revocations[digest] = reason

    def _check_admission(self, asker: Address, statement: EvidenceStatement, signature: bytes, inclusion: Inclusion) -> bytes:
        """The digest of a statement that may be admitted, or is."""
        digest = statement.digest(self.domain)
        if digest in self.revocations:
            raise AssetRefused("Revoked", digest)
        if digest in self.counted_for(asker).evidence:
            self._expect_certifier(self.around.account_of(self.certifiers[digest]), statement.holder)
            return digest
        first, last = day_number(statement.vintage_from), day_number(statement.vintage_to)
        if self.now < (last + 1) * DAY_S or last - first >= MAX_VINTAGE_DAYS:
            raise AssetRefused("InvalidVintage", first, last)
        origin = statement.origin
        if origin is not None:
            if _PLAIN_NAME.fullmatch(origin.registry) is None:
                raise AssetRefused("InvalidName", name_word(origin.registry))
            if origin.serial_to - origin.serial_from >= MAX_SERIALS:
                raise AssetRefused("InvalidSerials", origin.serial_from, origin.serial_to)
        self._expect_certifier(statement.certifier, statement.holder)
        if signer_of(digest, signature) != statement.certifier:
            raise AssetRefused("InvalidCertifierSignature", digest, statement.certifier)
        self._check_inclusion(digest, statement, inclusion)
        holder = self.around.member_of(statement.holder)
        if holder is None:
            raise AssetRefused("UnknownHolder", digest, statement.holder)
        self._check_counted(self.counted_for(asker), statement, holder)
        return digest

    def _expect_certifier(self, certifier: Address, holder: Address) -> None:
        if certifier == holder:
            raise AssetRefused("OwnCertifier", certifier)
        if not self.around.is_certifier(certifier):
            raise AssetRefused("NotCertifier", certifier)

    def _check_inclusion(self, digest: bytes, statement: EvidenceStatement, inclusion: Inclusion) -> None:
        center, size = statement.center, inclusion.tree_size
        if not self.around.is_center_in_good_standing(center):
            raise AssetRefused("CenterNotInGoodStanding", center_key(center))
        root = self.around.roots.get((center, size))
        if root is None:
            raise AssetRefused("NotAnchored", center_key(center), size)
        try:
            verify_inclusion(
                leaf=leaf_hash(evidence_entry(statement, self.domain).encode()),
                index=inclusion.leaf_index,
                tree_size=size,
                proof=inclusion.hashes,
                root=root,
            )
        except InclusionRefused as error:
            raise AssetRefused("NotIncluded", digest, center_key(center), size, inclusion.leaf_index) from error

    def _check_counted(self, counted: Counted, statement: EvidenceStatement, holder: MemberName) -> None:
        """Whether the lot, the serials and the custody model may be counted."""
        lot = lot_of(statement)
        known = counted.lots.get((statement.attribute, lot))
        if known is not None and (known.holder, known.facility) != (holder, statement.facility):
            raise AssetRefused("LotOfAnother", name_word(statement.attribute), lot)
        if known is not None and not known.custody.may_become(statement.custody_model):
            raise AssetRefused("CustodyUpgraded", lot, int(known.custody), int(statement.custody_model))
        days = (day_number(statement.vintage_from), day_number(statement.vintage_to))
        if lot != NO_DIGEST and _overlaps(days, counted.vintages.get((statement.attribute, lot), ())):
            raise AssetRefused("LotCounted", name_word(statement.attribute), lot, *days)
        origin = statement.origin
        if origin is not None:
            serials = (origin.serial_from, origin.serial_to)
            if _overlaps(serials, counted.serials.get(origin.registry, ())):
                raise AssetRefused("SerialsCounted", name_word(origin.registry), *serials)

    def _keep_evidence(self, asker: Address, digest: bytes, statement: EvidenceStatement) -> None:
        certifier, holder = self.around.member_of(statement.certifier), self.around.member_of(statement.holder)
        if digest in self.counted_for(asker).evidence or certifier is None or holder is None:
            return
        counted = self.counted.setdefault(asker, Counted())
        counted.evidence[digest] = Admitted(statement=statement, holder=holder, admitted_at=self.now)
        self.certifiers.setdefault(digest, certifier)
        lot = lot_of(statement)
        if lot != NO_DIGEST:
            key = (statement.attribute, lot)
            days = (day_number(statement.vintage_from), day_number(statement.vintage_to))
            counted.vintages.setdefault(key, []).append(days)
            counted.lots[key] = LotRecord(holder=holder, facility=statement.facility, custody=statement.custody_model)
        if statement.origin is not None:
            serials = (statement.origin.serial_from, statement.origin.serial_to)
            counted.serials.setdefault(statement.origin.registry, []).append(serials)


def lot_of(statement: EvidenceStatement) -> bytes:
    """SHA-256 of the lot's identifier; 32 zero bytes where the statement names none."""
    return NO_DIGEST if statement.lot is None else text_digest(statement.lot)


def _overlaps(one: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(one[0] <= other[1] and other[0] <= one[1] for other in others)
