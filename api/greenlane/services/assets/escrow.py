"""Sets units aside for a buyer's purchase line, and ends that: the buyer accepts, or the units go back.

Where the line is kept here, units are set aside for exactly what it says, and from then on it never changes: both are one
transaction.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from greenlane.core.assets.facts import EscrowFacts, escrow_id_of
from greenlane.core.documents.description import MemberName
from greenlane.core.errors import Conflict, NotFound
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex, encode_time
from greenlane.ports.acts import ActKind, KeptAct
from greenlane.ports.answers import Once
from greenlane.ports.asset_ledger import AssetContract, AssetLedger, Touched
from greenlane.ports.purchases import KeptLine, Purchase, PurchaseCancelled
from greenlane.ports.store import Store, Transaction
from greenlane.services.assets.acting import Acting, Asker, OwnSignature, Wanted
from greenlane.services.assets.members import Members
from greenlane.services.assets.tokens import KnownToken, known_token


class LineDiffers(Conflict):
    """The purchase line that is kept here asks for something else."""

    code = "purchase-line-differs"
    default_remedy = "Set aside exactly what the line asks for, or have the buyer write the line anew while nothing is set aside."


class EscrowUnknown(NotFound):
    """No such escrow is known, or the asker is no party to it."""

    code = "escrow-unknown"
    default_remedy = "Compare the id; what was set aside a moment ago is known after a block or two."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    purchase: Purchase
    kept: KeptLine

    @property
    def place(self) -> tuple[str, int]:
        return self.purchase.id, self.kept.open_line.line.number


class Escrow:
    """Three use cases: set aside, accept, give back."""

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
        buyer: MemberName,
        line_digest: bytes,
        deadline: datetime,
        own: OwnSignature | None = None,
        once: Once | None = None,
    ) -> KeptAct:
        """Keeps the act that sets units aside for a buyer.

        Args:
            line_digest: blinded digest of the purchase line, as the buyer gave it, 32 bytes.
            deadline: aware, whole seconds; from here on the units go back.

        Raises:
            AssetUnknown, QuantityInvalid, MemberUnknown, MemberNotInGoodStanding: the request cannot be.
            LineDiffers: the line is kept here, and asks for something else.
            PurchaseCancelled: it is kept here, and its buyer took the purchase back.
            and as `Acting.draft` and `Acting.keep` say.
        """
        earlier = self._acting.earlier(once)
        if earlier is not None:
            return earlier
        known = known_token(self._store, self._ledger, token)
        units = known.quantity(quantity)
        draft = self._acting.draft(asker, own)
        with self._store.read() as tx:
            line = _kept_line(tx, line_digest)
            _require_not_former(tx, line_digest)
        # The line names the buyer's account as it was when it was written, and so does its digest.
        account = self._members.taking(buyer, where="/buyer")
        if line is not None:
            _require_standing(line.purchase, "/lineDigest")
            _require_fit(line.kept, known, units, seller=draft.account, buyer=account)
        escrow_id = escrow_id_of(draft.account, account, line_digest)
        wanted = Wanted(
            kind=ActKind.ESCROW,
            contract=AssetContract.GREEN_ASSET,
            call=self._ledger.calls.escrow(
                token=token, quantity=units, buyer=account, line_digest=line_digest, deadline=deadline
            ),
            subject=encode_hex(escrow_id),
            line=None if line is None else line.place,
            asked={
                "token": encode_hex(token),
                "quantity": quantity,
                "buyer": str(buyer),
                "lineDigest": encode_hex(line_digest),
                "deadline": encode_time(deadline.astimezone(UTC)),
                "escrow": encode_hex(escrow_id),
            },
            touched=Touched(tokens=(token,), holdings=((draft.account, token),), escrows=(escrow_id,)),
        )

        def fix(tx: Transaction, at: datetime) -> None:
            if line is None:
                _require_not_former(tx, line_digest)
                return
            # First, and then looked at: who takes the purchase back at this moment waits for the line, or was waited for.
            tx.purchases.fix_line(*line.place, at)
            current = _kept_line(tx, line_digest)
            if current is None or current.place != line.place:
                raise LineDiffers("The purchase line was written anew meanwhile.", where="/lineDigest")
            _require_standing(current.purchase, "/lineDigest")

        return self._acting.keep(asker, draft, wanted, once=once, also=fix)

    def accept(self, asker: Asker, *, escrow_id: bytes, own: OwnSignature | None = None, once: Once | None = None) -> KeptAct:
        """Keeps the act by which the buyer takes the units.

        Raises:
            EscrowUnknown: there is none.
            PurchaseCancelled: it is for a line kept here, and its buyer took the purchase back.
            and as `Acting.draft` and `Acting.keep` say.
        """
        return self._end(asker, ActKind.ACCEPT, escrow_id, own, once)

    def give_back(self, asker: Asker, *, escrow_id: bytes, own: OwnSignature | None = None, once: Once | None = None) -> KeptAct:
        """Keeps the act by which the units go back to the seller: by the buyer at any time, by anyone once the deadline is over.

        Raises:
            EscrowUnknown: there is none.
            and as `Acting.draft` and `Acting.keep` say.
        """
        return self._end(asker, ActKind.GIVE_BACK, escrow_id, own, once)

    def _end(self, asker: Asker, kind: ActKind, escrow_id: bytes, own: OwnSignature | None, once: Once | None) -> KeptAct:
        earlier = self._acting.earlier(once)
        if earlier is not None:
            return earlier
        facts, place = self._known(escrow_id)
        if kind is ActKind.ACCEPT and place is not None:
            with self._store.read() as tx:
                purchase = tx.purchases.get(place[0])
            if purchase is not None:
                _require_standing(purchase, None)
        draft = self._acting.draft(asker, own)
        calls = self._ledger.calls
        wanted = Wanted(
            kind=kind,
            contract=AssetContract.GREEN_ASSET,
            call=calls.accept(escrow_id) if kind is ActKind.ACCEPT else calls.give_back(escrow_id),
            subject=encode_hex(escrow_id),
            line=place,
            asked={"escrow": encode_hex(escrow_id), "token": encode_hex(facts.token)},
            touched=Touched(
                tokens=(facts.token,),
                holdings=((facts.seller, facts.token), (facts.buyer, facts.token)),
                escrows=(escrow_id,),
            ),
        )
        return self._acting.keep(asker, draft, wanted, once=once)

    def _known(self, escrow_id: bytes) -> tuple[EscrowFacts, tuple[str, int] | None]:
        with self._store.read() as tx:
            facts = tx.assets.escrow(escrow_id)
            place = None if facts is None else tx.purchases.line_of(facts.line_digest)
        if facts is not None:
            return facts, place
        facts = self._ledger.escrow(escrow_id)
        if facts is None:
            raise EscrowUnknown(f"There is no escrow {encode_hex(escrow_id)}.")
        with self._store.read() as tx:
            return facts, tx.purchases.line_of(facts.line_digest)


def _kept_line(tx: Transaction, line_digest: bytes) -> _Line | None:
    place = tx.purchases.line_of(line_digest)
    purchase = None if place is None else tx.purchases.get(place[0])
    if place is None or purchase is None:
        return None
    kept = next(line for line in purchase.lines if line.open_line.line.number == place[1])
    return _Line(purchase=purchase, kept=kept)


def _require_standing(purchase: Purchase, where: str | None) -> None:
    if purchase.cancelled_at is not None:
        raise PurchaseCancelled(f"Its buyer took the purchase back on {purchase.cancelled_at.date()}.", where=where)


def _require_not_former(tx: Transaction, line_digest: bytes) -> None:
    if tx.purchases.former_line_of(line_digest) is not None:
        raise LineDiffers(
            "The buyer has written the line anew since it told this digest.",
            where="/lineDigest",
            remedy="Ask the buyer for the line's digest of now.",
        )


def _require_fit(kept: KeptLine, known: KnownToken, units: int, *, seller: Address, buyer: Address) -> None:
    line = kept.open_line.line
    for is_wrong, where, words in (
        (line.class_id != known.asset_class.id, "/token", f"The line asks for units of {line.class_id}."),
        (line.quantity != units, "/quantity", "The line asks for another quantity."),
        (line.supplier_account != seller, "/lineDigest", f"The line names {line.supplier} as its supplier."),
        (line.buyer_account != buyer, "/buyer", f"The line is {line.buyer}'s."),
    ):
        if is_wrong:
            raise LineDiffers(words, where=where)
