"""Orders: purchases and their lines. What a line costs, and the salts that blind it, never leave the buyer's center.

A line may be written anew as long as nothing stands on the chain for it and nothing is on its way there; what was refused or came
too late binds nobody. Each writing has new salts, so that two digests of one line tell nothing of each other. What a line said
before is kept: units that another center's member set aside for it meanwhile come to be seen and are given back.

A line is judged when it is written: what can never be sold, paid or labelled so is refused, and what the check would hold against
its label later is told as a warning.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from greenlane.core.assets.currency import require_currency
from greenlane.core.assets.facts import AssetClass, EscrowState, escrow_id_of
from greenlane.core.assets.label import LabelAnswer, LabelRule, is_valid
from greenlane.core.assets.purchase import MAX_LINES, OpenLine, Price, PurchaseLine, PurchaseLineInvalid, line_digest, priced_line
from greenlane.core.assets.quantity import read_quantity
from greenlane.core.documents.description import MemberName
from greenlane.core.entry import SALT_BYTES
from greenlane.core.errors import Conflict, InvalidInput, NotFound
from greenlane.core.units import CenterId, MemberId, Salt
from greenlane.core.wire import FieldInvalid, decode_hex
from greenlane.ports.accounts import MemberRole, MemberUnknown
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.answers import Once
from greenlane.ports.asset_ledger import AssetLedger, ChainMember
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.entropy import Entropy
from greenlane.ports.purchases import KeptLine, Purchase, PurchaseCancelled
from greenlane.ports.store import Store, Transaction

_ID_BYTES = 16
_BINDING = (ActState.KEPT, ActState.DONE)


class PurchaseUnknown(NotFound):
    """No such purchase is kept here, or the asker may not know that it is."""

    code = "purchase-unknown"
    default_remedy = "GET /v1/purchases lists those of the key's member."


class LineSetAside(Conflict):
    """Units stand on the chain for the line, or are about to: it never changes any more."""

    code = "purchase-line-set-aside"
    default_remedy = "Order what is to be otherwise in a new purchase; units that wait may be given back."


class LineRewritten(Conflict):
    """The line was written anew by somebody else meanwhile, so that nobody asked the chain for it as it is now."""

    code = "purchase-line-rewritten"
    default_remedy = "Look at the line again, and send the request again where it is still wanted."


class LineClassUnknown(InvalidInput):
    """A line asks for units of a class that there is not."""

    code = "purchase-line-class-unknown"
    default_remedy = "GET /v1/asset-classes lists them."


class LineLabelUnknown(InvalidInput):
    """A line asks for a label that the register here does not have, so that nobody could ever say whether it is valid."""

    code = "purchase-line-label-unknown"
    default_remedy = "GET /v1/labels lists them; a center's operator records what is missing."


class NoSupplier(Conflict):
    """The member that is to sell is no enterprise in good standing."""

    code = "no-supplier"
    default_remedy = "Name a member that its center vouches for as an enterprise: `greenlane-node members list` shows them."


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedLine:
    """A line as the buyer writes it; see `PurchaseLine`.

    Attributes:
        quantity: decimal text in the class's unit.
    """

    supplier: MemberName
    category: str
    description: str
    product: str | None
    lot: str | None
    class_id: str
    quantity: str
    label: str | None
    model: str | None
    economy: str
    price: Price


class Order:
    """Use cases of purchases: order, write a line anew, take a purchase back, read."""

    def __init__(self, *, store: Store, ledger: AssetLedger, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._entropy = entropy

    def __call__(
        self,
        lines: Sequence[AskedLine],
        *,
        reference: str,
        ordered_on: date | None,
        center: CenterId,
        buyer: MemberId,
        actor: str,
        once: Once | None = None,
    ) -> Purchase:
        """Keeps a purchase.

        Args:
            lines: 1 to MAX_LINES.
            reference: the buyer's own number or words.
            ordered_on: None: today, in UTC; never a day that has not come.

        Raises:
            FieldInvalid: no lines, too many, or a day that has not come.
            QuantityInvalid, PurchaseLineInvalid, LineClassUnknown, LineLabelUnknown, CurrencyUnknown, MemberUnknown, NoSupplier:
                a line cannot be.
            LedgerUnavailable, StoreUnavailable: nothing was kept.
        """
        if once is not None:
            with self._store.read() as tx:
                earlier = _earlier(tx, once)
            if earlier is not None:
                return earlier
        if not 1 <= len(lines) <= MAX_LINES:
            raise FieldInvalid(f"A purchase has 1 to {MAX_LINES} lines, not {len(lines)}.", where="/lines")
        now = self._clock()
        if ordered_on is not None and ordered_on > now.date():
            raise FieldInvalid(
                f"{ordered_on} has not come yet.", where="/orderedOn", remedy="Give the day of the order, or null."
            )
        purchase_id = self._entropy(_ID_BYTES).hex()
        accounts, classes = _Looked(self._ledger), self._classes(lines)
        name = MemberName(center=center, member=buyer)
        day = ordered_on or now.date()
        written: list[OpenLine] = []
        for at, asked in enumerate(lines):
            written.append(self._line(purchase_id, at + 1, name, asked, day, accounts, classes, f"/lines/{at}"))
            _require_sellable(asked, accounts, f"/lines/{at}")
        self._require_labels(lines, [f"/lines/{at}" for at in range(len(lines))])
        purchase = Purchase(
            id=purchase_id,
            center=center,
            buyer=buyer,
            reference=reference,
            ordered_on=day,
            created_at=now,
            lines=tuple(KeptLine(open_line=line, digest=line_digest(line), fixed_at=None) for line in written),
        )
        with self._store.write() as tx:
            # Of two equal requests at once the second must find the first one's purchase.
            tx.log.lock(center)
            if once is not None and (earlier := _earlier(tx, once)) is not None:
                return earlier
            tx.purchases.add(purchase)
            tx.audit.add(
                AuditLine(at=now, actor=actor, center=center, member=buyer, action="purchase.order", subject=purchase_id)
            )
            if once is not None:
                tx.answers.keep(once, purchase_id.encode())
        return purchase

    def rewrite(
        self, purchase_id: str, number: int, asked: AskedLine, *, center: CenterId, buyer: MemberId, actor: str
    ) -> KeptLine:
        """Writes a line anew, with new salts; the same line and price again change nothing, whatever became of its
        supplier, its currency and its label since.

        Raises:
            PurchaseUnknown: the buyer has no such purchase, or it has no such line.
            LineSetAside: units stand on the chain for it, or are about to.
            PurchaseCancelled: the buyer took the purchase back.
            QuantityInvalid, PurchaseLineInvalid, LineClassUnknown, LineLabelUnknown, CurrencyUnknown, MemberUnknown, NoSupplier:
                it cannot be.
            LedgerUnavailable, StoreUnavailable: nothing was changed.
        """
        purchase = self.get(purchase_id, center=center, member=buyer)
        before = _line_of(purchase, number)
        accounts, classes = _Looked(self._ledger), self._classes([asked])
        name = MemberName(center=center, member=buyer)
        written = self._line(purchase_id, number, name, asked, purchase.ordered_on, accounts, classes, "")
        known = before.open_line.line
        if (written.line, written.price) == (known, before.open_line.price):
            return before
        _require_sellable(asked, accounts, "")
        self._require_labels([asked], [""])
        # Another center's seller may have set units aside a moment ago: the chain knows it before our copy does.
        is_set_aside = self._ledger.escrow(_escrow_id(before)) is not None
        line = KeptLine(open_line=written, digest=line_digest(written), fixed_at=None)
        now = self._clock()
        with self._store.write() as tx:
            tx.log.lock(center)
            purchase = self._own(tx, purchase_id, center, buyer)
            if purchase.cancelled_at is not None:
                raise PurchaseCancelled("The purchase was taken back: its lines are not written anew.")
            current = _line_of(purchase, number)
            digest = current.digest
            is_bound = any(act.state in _BINDING for act in tx.acts.of_line(purchase_id, number))
            if is_set_aside or is_bound or tx.assets.escrows_of_line(digest) or tx.assets.retirements_of_line(digest):
                raise LineSetAside(f"Units stand on the chain for line {number}, or are about to.")
            if digest != before.digest:
                raise LineRewritten(f"Line {number} was written anew a moment ago.")
            if current.fixed_at is not None:
                tx.purchases.free_line(purchase_id, number)
            tx.purchases.replace_line(purchase_id, line)
            subject = f"{purchase_id}/{number}"
            tx.audit.add(
                AuditLine(at=now, actor=actor, center=center, member=buyer, action="purchase.rewrite-line", subject=subject)
            )
        return line

    def cancel(self, purchase_id: str, *, center: CenterId, buyer: MemberId, actor: str) -> Purchase:
        """Takes a purchase back, as long as nothing stands on the chain for any line of it; once more changes nothing.

        Units that went back stand for nothing, whoever gave them back: no second escrow of that line can ever be.
        A supplier of another center's may not know yet and set units aside: they come to be seen, and are given back.

        Raises:
            PurchaseUnknown: the buyer has no such purchase.
            LineSetAside: units stand on the chain for one of its lines, or are about to.
            LineRewritten: one of its lines was written anew at the same moment.
            LedgerUnavailable, StoreUnavailable: nothing was changed.
        """
        purchase = self.get(purchase_id, center=center, member=buyer)
        if purchase.cancelled_at is not None:
            return purchase
        asked = [line.digest for line in purchase.lines]
        # Another center's seller may have set units aside a moment ago: the chain knows it before our copy does.
        escrows = self._ledger.escrows([_escrow_id(line) for line in purchase.lines])
        now = self._clock()
        with self._store.write() as tx:
            tx.log.lock(center)
            purchase = self._own(tx, purchase_id, center, buyer)
            if purchase.cancelled_at is not None:
                return purchase
            tx.purchases.cancel(purchase_id, now)
            purchase = self._own(tx, purchase_id, center, buyer)
            digests = [line.digest for line in purchase.lines]
            if digests != asked:
                raise LineRewritten("A line of the purchase was written anew a moment ago.")
            bound = {act.line[1] for act in tx.acts.of_purchase(purchase_id) if act.line and _holds_units(tx, act)}
            known = [each for each in escrows if each is not None] + list(tx.assets.escrows_of_lines(digests))
            standing = {each.line_digest for each in known if each.state is not EscrowState.RETURNED}
            standing |= {each.line_digest for each in tx.assets.retirements_of_lines(digests)}
            for line in purchase.lines:
                number = line.open_line.line.number
                if line.digest in standing or number in bound:
                    remedy = "Give back what waits, and take the purchase back then; what was accepted or retired stays."
                    raise LineSetAside(f"Units stand on the chain for line {number}, or are about to.", remedy=remedy)
            tx.audit.add(
                AuditLine(at=now, actor=actor, center=center, member=buyer, action="purchase.cancel", subject=purchase_id)
            )
        return purchase

    def get(self, purchase_id: str, *, center: CenterId, member: MemberId | None) -> Purchase:
        """A purchase of the asker's.

        Args:
            member: None: of whatever buyer of the center.

        Raises:
            PurchaseUnknown: there is none.
        """
        with self._store.read() as tx:
            return self._own(tx, purchase_id, center, member)

    def of_buyer(
        self,
        center: CenterId,
        buyer: MemberId | None,
        *,
        ordered_from: date | None = None,
        ordered_to: date | None = None,
        after: str | None = None,
        limit: int,
    ) -> Sequence[Purchase]:
        """Purchases, newest first; see `Purchases.of_buyer`."""
        with self._store.read() as tx:
            return tx.purchases.of_buyer(
                center, buyer, ordered_from=ordered_from, ordered_to=ordered_to, after=after, limit=limit
            )

    def warnings(self, lines: Sequence[KeptLine]) -> tuple[tuple[str, ...], ...]:
        """What the register of labels has against each line, as the check will judge it; sentences, none where nothing."""
        with self._store.read() as tx:
            return tuple(_label_warnings(tx, kept.open_line.line) for kept in lines)

    def _require_labels(self, lines: Sequence[AskedLine], places: Sequence[str]) -> None:
        with self._store.read() as tx:
            known = {label for label in {line.label for line in lines} if label is not None and tx.labels.versions(label)}
        for line, where in zip(lines, places, strict=True):
            if line.label is not None and line.label not in known:
                raise LineLabelUnknown(f"The register of labels here has no {line.label!r}.", where=f"{where}/label")

    def _own(self, tx: Transaction, purchase_id: str, center: CenterId, member: MemberId | None) -> Purchase:
        purchase = tx.purchases.get(purchase_id)
        if purchase is None or purchase.center != center or member not in (None, purchase.buyer):
            raise PurchaseUnknown(f"There is no purchase {purchase_id[:40]!r} to be seen here.")
        return purchase

    def _classes(self, lines: Sequence[AskedLine]) -> dict[str, AssetClass]:
        found: dict[str, AssetClass] = {}
        with self._store.read() as tx:
            for class_id in {line.class_id for line in lines}:
                known = tx.assets.asset_class(class_id)
                if known is not None:
                    found[class_id] = known
        return found

    def _line(
        self,
        purchase_id: str,
        number: int,
        buyer: MemberName,
        asked: AskedLine,
        ordered_on: date,
        accounts: "_Looked",
        classes: dict[str, AssetClass],
        where: str,
    ) -> OpenLine:
        asset_class = classes.get(asked.class_id) or self._ledger.asset_class(asked.class_id)
        if asset_class is None:
            raise LineClassUnknown(f"There is no class {asked.class_id!r}.", where=f"{where}/class")
        classes[asked.class_id] = asset_class
        quantity = read_quantity(asked.quantity, f"{where}/quantity", asset_class.unit)
        with _placed(where):
            line = PurchaseLine(
                purchase_id=purchase_id,
                number=number,
                buyer=buyer,
                supplier=asked.supplier,
                buyer_account=accounts(buyer, None).account,
                supplier_account=accounts(asked.supplier, f"{where}/supplier").account,
                category=asked.category,
                description=asked.description,
                product=asked.product,
                lot=asked.lot,
                class_id=asked.class_id,
                unit=asset_class.unit,
                quantity=quantity,
                label=asked.label,
                model=asked.model,
                economy=asked.economy,
                ordered_on=ordered_on,
            )
        return priced_line(line, asked.price, salt=Salt(self._entropy(SALT_BYTES)), price_salt=Salt(self._entropy(SALT_BYTES)))


def _require_sellable(asked: AskedLine, accounts: "_Looked", where: str) -> None:
    """What may change after a line was written, and then holds nothing against the line as it stands."""
    require_currency(asked.price.currency, f"{where}/price/currency")
    supplier = accounts(asked.supplier, f"{where}/supplier")
    if not supplier.is_in_good_standing or MemberRole.ENTERPRISE not in supplier.roles:
        raise NoSupplier(f"{asked.supplier} is no enterprise in good standing.", where=f"{where}/supplier")


class _Looked:
    """Members of one request, each asked for once."""

    def __init__(self, ledger: AssetLedger) -> None:
        self._ledger = ledger
        self._known: dict[MemberName, ChainMember] = {}

    def __call__(self, name: MemberName, where: str | None) -> ChainMember:
        if name not in self._known:
            found = self._ledger.member_named(name.center, name.member)
            if found is None:
                remedy = "The member's center vouches for it first: `greenlane-node members vouch`."
                raise MemberUnknown(f"The registry knows no member {name}.", where=where, remedy=remedy)
            self._known[name] = found
        return self._known[name]


@contextmanager
def _placed(where: str) -> Iterator[None]:
    """Faults of a line are told with the line's place in the request."""
    try:
        yield
    except PurchaseLineInvalid as error:
        raise PurchaseLineInvalid(error.detail, where=where + (error.where or ""), remedy=error.remedy) from error


def _escrow_id(kept: KeptLine) -> bytes:
    """Of the escrow that its supplier would make for a line."""
    line = kept.open_line.line
    return escrow_id_of(line.supplier_account, line.buyer_account, kept.digest)


def _holds_units(tx: Transaction, act: KeptAct) -> bool:
    """Whether units stand for its line because of an act, or may soon; what went back, and the giving back, hold none."""
    if act.state is not ActState.DONE or act.kind not in (ActKind.ESCROW, ActKind.GIVE_BACK):
        return act.state in _BINDING
    escrow = tx.assets.escrow(decode_hex(act.subject, where="/subject"))
    return escrow is None or escrow.state is not EscrowState.RETURNED


def _label_warnings(tx: Transaction, line: PurchaseLine) -> tuple[str, ...]:
    if line.label is None or line.model is None:
        return ()
    kept = tx.labels.versions(line.label)
    if not kept:
        return (f"The register of labels here has no {line.label}.",)
    versions = [each.label for each in kept]
    checked, of_category = (
        is_valid(versions, model=line.model, economy=line.economy, day=line.ordered_on, category=category)
        for category in (None, line.category)
    )
    found: list[str] = []
    if of_category.rule is LabelRule.CATEGORY_NOT_COVERED:
        found.append(of_category.reason)
    elif checked.answer is not LabelAnswer.VALID:
        found.append(checked.reason)
    if (kept[0].center, kept[0].member) == (line.supplier.center, line.supplier.member):
        found.append(
            f"The label {line.label} was recorded by {line.supplier}, which is the line's supplier: that is its own word."
        )
    return tuple(found)


def _line_of(purchase: Purchase, number: int) -> KeptLine:
    for line in purchase.lines:
        if line.open_line.line.number == number:
            return line
    raise PurchaseUnknown(f"The purchase has no line {number}.", remedy="Compare the number with the purchase's lines.")


def _earlier(tx: Transaction, once: Once) -> Purchase | None:
    purchase_id = tx.answers.find(once)
    return None if purchase_id is None else tx.purchases.get(purchase_id.decode())
