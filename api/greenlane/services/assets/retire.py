"""Claims units for ever: for whom, for which days, and, where it is asked, for which purchase line.

The contract keeps digests; the beneficiary's name stays with the act, so that a certificate can say it.
"""

from datetime import date, datetime

from greenlane.core.assets.claims import claims_for_line
from greenlane.core.assets.evidence import text_digest
from greenlane.core.assets.quantity import quantity_words, read_quantity
from greenlane.core.assets.retirement import RetirementInvalid, retirement_id
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.errors import NotFound
from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.answers import Once
from greenlane.ports.asset_ledger import AssetContract, AssetLedger, RetirementAsked, Touched
from greenlane.ports.purchases import KeptLine, Purchase, PurchaseCancelled
from greenlane.ports.store import Store, Transaction
from greenlane.services.assets.acting import Acting, Asker, OwnSignature, Wanted
from greenlane.services.assets.escrow import LineDiffers
from greenlane.services.assets.members import Members
from greenlane.services.assets.tokens import KnownToken, known_token


class LineUnknown(NotFound):
    """The member has no such purchase line here."""

    code = "purchase-line-unknown"
    default_remedy = "GET /v1/purchases lists the member's purchases with their lines."


class Retire:
    """The use case."""

    def __init__(self, *, store: Store, ledger: AssetLedger, members: Members, acting: Acting) -> None:
        self._store = store
        self._ledger = ledger
        self._members = members
        self._acting = acting

    def __call__(
        self,
        asker: Asker,
        *,
        token: bytes,
        quantity: str,
        beneficiary: str,
        claim_from: date,
        claim_to: date,
        claimant: MemberName | None = None,
        line: tuple[str, int] | None = None,
        own: OwnSignature | None = None,
        once: Once | None = None,
    ) -> KeptAct:
        """Keeps the act that retires units.

        Args:
            beneficiary: the name of whom it is claimed for.
            claimant: the member that claims; None: the asker itself.
            line: purchase id and number of a line of the asker's, kept here.

        Raises:
            AssetUnknown, QuantityInvalid, RetirementInvalid, MemberUnknown, MemberNotInGoodStanding: the request cannot be.
            LineUnknown, LineDiffers: it is for a line that is not the asker's, or asks for something else.
            PurchaseCancelled: it is for a line of a purchase that was taken back.
            and as `Acting.draft` and `Acting.keep` say.
        """
        earlier = self._acting.earlier(once)
        if earlier is not None:
            return earlier
        if claim_from > claim_to:
            remedy = "Give the first day, then the last."
            raise RetirementInvalid("The claim ends before it begins.", where="/claimTo", remedy=remedy)
        if line is not None and claimant not in (None, asker.name):
            raise RetirementInvalid(
                "What is retired for a purchase line is its buyer's own claim.",
                where="/claimant",
                remedy="Leave the claimant out; or leave the line out, where another is to claim.",
            )
        known = known_token(self._store, self._ledger, token)
        units = known.quantity(quantity)
        kept_line = None if line is None else self._line(asker, line, known, units)
        draft = self._acting.draft(asker, own)
        claims = draft.account if claimant in (None, asker.name) else self._members.taking(claimant, where="/claimant")
        # Made of the salt: whoever signs the act itself asks twice, and must find the same.
        ref = sha256(b"retirement" + draft.salt)
        retired_as = retirement_id(draft.account, ref)
        call = self._ledger.calls.retire(
            RetirementAsked(
                token=token,
                quantity=units,
                claimant=claims,
                beneficiary=text_digest(beneficiary),
                claim_from=claim_from,
                claim_to=claim_to,
                lot=known.facts.lot,
                line_digest=bytes(32) if kept_line is None else kept_line.digest,
                ref=ref,
            )
        )
        wanted = Wanted(
            kind=ActKind.RETIRE,
            contract=AssetContract.GREEN_ASSET,
            call=call,
            subject=encode_hex(retired_as),
            line=line,
            asked={
                "token": encode_hex(token),
                "quantity": quantity,
                "beneficiary": beneficiary,
                "claimant": str(claimant or asker.name),
                "claimFrom": claim_from.isoformat(),
                "claimTo": claim_to.isoformat(),
                "line": None if line is None else {"purchase": line[0], "number": line[1]},
                "retirement": encode_hex(retired_as),
            },
            touched=Touched(tokens=(token,), holdings=((draft.account, token),), retirements=(retired_as,)),
        )

        def fix(tx: Transaction, at: datetime) -> None:
            if line is None or kept_line is None:
                return
            _require_standing(tx.purchases.get(line[0]))
            if tx.purchases.line_of(kept_line.digest) != line:
                raise LineDiffers("The purchase line was written anew meanwhile.", where="/line")
            left = _left(tx, line, kept_line, beside=retired_as)
            if units > left:
                unit = known.asset_class.unit
                amount = quantity_words(left, unit)
                raise LineDiffers(
                    f"{amount} are left to be retired for the line, beside what was retired for it and what is on its way to the "
                    "chain.",
                    where="/quantity",
                    remedy="Retire no more than is left, or for no line.",
                )
            tx.purchases.fix_line(*line, at)

        return self._acting.keep(asker, draft, wanted, once=once, also=fix)

    def _line(self, asker: Asker, place: tuple[str, int], known: KnownToken, units: int) -> KeptLine:
        purchase_id, number = place
        with self._store.read() as tx:
            purchase = tx.purchases.get(purchase_id)
        if purchase is None or (purchase.center, purchase.buyer) != (asker.center, asker.member):
            raise LineUnknown(f"{asker.name} has no purchase {purchase_id[:40]!r} here.", where="/line/purchase")
        _require_standing(purchase)
        kept = next((each for each in purchase.lines if each.open_line.line.number == number), None)
        if kept is None:
            raise LineUnknown(f"The purchase has no line {number}.", where="/line/number")
        line = kept.open_line.line
        if line.class_id != known.asset_class.id:
            raise LineDiffers(f"The line asks for units of {line.class_id}.", where="/token")
        if line.lot is not None and text_digest(line.lot) != known.facts.lot:
            raise LineDiffers(f"The line asks for units of the lot {line.lot}.", where="/token")
        if units > line.quantity:
            raise LineDiffers("The line asks for fewer units.", where="/quantity")
        return kept


def _require_standing(purchase: Purchase | None) -> None:
    # Its buyer's own center takes a purchase back and keeps this act, under one lock.
    if purchase is not None and purchase.cancelled_at is not None:
        words = f"The purchase was taken back on {purchase.cancelled_at.date()}."
        raise PurchaseCancelled(words, where="/line/purchase", remedy="Retire for a line of another purchase, or for none.")


def _left(tx: Transaction, place: tuple[str, int], kept: KeptLine, *, beside: bytes) -> int:
    """How much of a line is not claimed yet beside that retirement, counting what is on its way; at least 0."""
    line = kept.open_line.line
    bound = {
        bytes.fromhex(act.subject[2:]): read_quantity(act.asked["quantity"], "/quantity", line.unit)
        for act in tx.acts.of_line(*place)
        if act.kind is ActKind.RETIRE and act.state in (ActState.KEPT, ActState.DONE)
    }

    def class_of(token: bytes) -> str | None:
        issuance = tx.assets.issuance(token)
        return None if issuance is None else issuance.class_id

    bound.pop(beside, None)
    claims = claims_for_line(line, tx.assets.retirements_of_line(kept.digest), own_ids=bound.keys(), class_of=class_of)
    return max(0, line.quantity - sum((bound | {each.id: each.quantity for each in claims}).values()))
