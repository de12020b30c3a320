"""Units that end: claimed, or taken out of the world without a claim.

Source: contracts/GreenAsset.sol, retire, cancel and challengeOf.
"""

from datetime import UTC, date, datetime

from greenlane.core.assets.evidence import day_number
from greenlane.core.assets.model.holdings import Holdings
from greenlane.core.assets.model.state import NO_DIGEST, check_reason
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.assets.retirement import RetirementFacts, retirement_id
from greenlane.core.units import Address


class Retirements(Holdings):
    """How units end for ever."""

    __slots__ = ()

    def retire(
        self,
        caller: Address,
        *,
        token: bytes,
        quantity: int,
        claimant: Address,
        beneficiary: bytes,
        claim_from: date,
        claim_to: date,
        lot: bytes,
        line_digest: bytes,
        ref: bytes,
    ) -> bytes:
        """Claims units for ever; the retirement's id."""
        self._expect_member(caller)
        issuance = self._expect_issued(token, quantity)
        earliest = day_number(issuance.vintage_from)
        latest = day_number(issuance.vintage_to) + self.classes[issuance.class_id].claim_days
        first, last = day_number(claim_from), day_number(claim_to)
        if not earliest <= first <= last <= latest:
            raise AssetRefused("InvalidClaimPeriod", first, last, earliest, latest)
        if lot != issuance.lot:
            raise AssetRefused("LotDiffers", token, lot)
        if beneficiary == NO_DIGEST:
            raise AssetRefused("ZeroBeneficiary")
        if claimant != caller:
            self._expect_member(claimant)
        self._expect_units(caller, token, quantity)
        named = retirement_id(caller, ref)
        if named in self.retirements:
            raise AssetRefused("RetirementExists", named)
        self.retirements[named] = RetirementFacts(
            id=named,
            holder=caller,
            claimant=claimant,
            token=token,
            quantity=quantity,
            beneficiary=beneficiary,
            claim_from=claim_from,
            claim_to=claim_to,
            lot=lot,
            line_digest=line_digest,
            ref=ref,
            retired_at=datetime.fromtimestamp(self.now, UTC),
        )
        self._hold(caller, token, tradable=-quantity, retired=quantity)
        self._count(token, retired=quantity)
        self._tell("Retired", token, caller, quantity)
        return named

    def cancel(self, caller: Address, token: bytes, quantity: int, reason: str) -> None:
        """Takes units out of the world without a claim, for ever."""
        self._expect_member(caller)
        self._expect_issued(token, quantity)
        check_reason(reason)
        self._expect_units(caller, token, quantity)
        self._hold(caller, token, tradable=-quantity, cancelled=quantity)
        self._count(token, cancelled=quantity)
        self._tell("Cancelled", token, caller, quantity)

    def challenge(self, named: bytes) -> str | None:
        """Why the evidence behind a retirement was revoked since; None where it was not, or there is no such retirement."""
        retired = self.retirements.get(named)
        return None if retired is None else self.revocations.get(retired.token)
