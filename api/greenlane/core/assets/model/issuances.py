"""Units issued out of a statement, never more than it says.

Source: contracts/GreenAsset.sol, issue.
"""

from greenlane.core.assets.evidence import EvidenceStatement, name_word
from greenlane.core.assets.facts import IssuanceFacts, Totals
from greenlane.core.assets.model.evidence import Evidence, lot_of
from greenlane.core.assets.model.holdings import Holdings
from greenlane.core.assets.refusals import AssetRefused
from greenlane.core.receipt import Inclusion
from greenlane.core.units import Address


class Issuances(Evidence, Holdings):
    """How units come to be."""

    __slots__ = ()

    def issue(
        self, caller: Address, statement: EvidenceStatement, signature: bytes, inclusion: Inclusion, quantity: int
    ) -> bytes:
        """Issues units out of a statement, admitting it where it is new; the token."""
        self._expect_moving(quantity)
        member = self._expect_member(caller)
        token = self._check_admission(self.green_asset, statement, signature, inclusion)
        admitted = self.evidence.get(token)
        holder = self.around.member_of(statement.holder) if admitted is None else admitted.holder
        if member != holder:
            raise AssetRefused("NotItsHolder", token, caller)
        issuance = self.issuances.get(token) or self._new_issuance(token, statement)
        left = issuance.evidenced - issuance.totals.issued
        if quantity > left:
            raise AssetRefused("MoreThanEvidenced", token, left, quantity)
        self._keep_evidence(self.green_asset, token, statement)
        self.issuances.setdefault(token, issuance)
        self._count(token, issued=quantity)
        self._hold(caller, token, tradable=quantity)
        self._remember(caller, caller)
        self._tell("Issued", token, caller, quantity)
        return token

    def _new_issuance(self, token: bytes, statement: EvidenceStatement) -> IssuanceFacts:
        asset_class = self.classes.get(statement.class_id)
        if asset_class is None:
            raise AssetRefused("UnknownClass", name_word(statement.class_id))
        for is_same, name in (
            (statement.attribute == asset_class.attribute, "attribute"),
            (statement.unit.code == asset_class.unit.code, "unit"),
            (statement.unit.decimals == asset_class.unit.decimals, "decimals"),
            (statement.custody_model.may_become(asset_class.custody_model), "custodyModel"),
        ):
            if not is_same:
                raise AssetRefused("ClassDiffers", name_word(asset_class.id), name)
        return IssuanceFacts(
            token=token,
            class_id=statement.class_id,
            evidenced=statement.quantity,
            totals=Totals(issued=0, escrowed=0, retired=0, cancelled=0),
            lot=lot_of(statement),
            vintage_from=statement.vintage_from,
            vintage_to=statement.vintage_to,
            custody_model=statement.custody_model,
            revoked=None,
        )
