"""Checks a purchase: four checks for each line, each passed, failed or not checked, and where the line stands.

Each check names its evidence and what to do.

token: units of the class and quantity stand on the chain for exactly this line, and nothing speaks against them: what was retired
by its buyer or in its name, or what it accepted and still has, each unit for one line. lot: they are of
the line's lot, whose events are in anchored logs. certificate: the certifier signed, the certificate is a document in an anchored
log, and the line's label is valid. purchase line: what is kept is what stands on the chain.

Read only, and without asking the chain: what it keeps was followed. What nobody here can know is not checked, never failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from greenlane.core.assets.claims import claims_for_line
from greenlane.core.assets.evidence import text_digest
from greenlane.core.assets.facts import EscrowFacts, EscrowState, IssuanceFacts
from greenlane.core.assets.label import LabelAnswer, is_valid
from greenlane.core.assets.purchase import line_digest
from greenlane.core.assets.quantity import decimal_text, quantity_words, unit_words
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.assets.typed_data import signer_of
from greenlane.core.documents.description import MemberName
from greenlane.core.units import Address, CenterId, LeafIndex
from greenlane.core.wire import encode_hex, encode_time
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.asset_index import FollowedTo
from greenlane.ports.clock import Clock
from greenlane.ports.events import EventFilter, Reader
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.ports.purchases import KeptLine, Purchase
from greenlane.ports.store import Store, Transaction

_EVENTS_LOOKED_AT = 200
_EVENTS_SHOWN = 10
_ACTS_LOOKED_AT = 200


class CheckVerdict(StrEnum):
    """What a check came to."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


class CheckName(StrEnum):
    """The four checks."""

    TOKEN = "token"  # noqa: S105 (the name of a check)
    LOT = "lot"
    CERTIFICATE = "certificate"
    PURCHASE_LINE = "purchase-line"


class LineStanding(StrEnum):
    """Where a line stands: in the order in which a purchase goes; returned, overdue and cancelled are ways out of it.

    cancelled: its buyer took the purchase back, and no units are bound to the line.
    """

    ORDERED = "ordered"
    OFFERED = "offered"
    OVERDUE = "overdue"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    RETIRED = "retired"
    CANCELLED = "cancelled"


class Whose(StrEnum):
    """Who takes the next step."""

    SUPPLIER = "supplier"
    BUYER = "buyer"
    CENTER = "center"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckEvidence:
    """Something that a check rests on.

    Attributes:
        kind: "escrow", "retirement", "issuance", "act", "event", "document", "evidence", "label" or "line".
        id: as addresses write it.
        link: path of this API where it is shown; None where there is none.
    """

    kind: str
    id: str
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check of one line.

    Attributes:
        reason: one or more sentences.
        remedy: what to do; empty where nothing.
    """

    name: CheckName
    verdict: CheckVerdict
    reason: str
    remedy: str
    evidence: tuple[CheckEvidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What is to be done next, and by whom."""

    whose: Whose
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineBacking:
    """What stands on the chain for a line, without checking more of it.

    Attributes:
        retirements: ids, 32 bytes each.
        is_sound: the units are of the class that was ordered, and the evidence behind them was not revoked.
        is_covered: the buyer still has what it accepted and did not retire, for all such lines together.
    """

    standing: LineStanding
    retirements: tuple[bytes, ...]
    is_sound: bool
    is_covered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCheck:
    """One line.

    Attributes:
        tokens: whose units stand for it.
        acts: everything that members of this center asked for it, oldest first.
        waiting: those of them that are not decided yet.
    """

    number: int
    digest: bytes
    standing: LineStanding
    next_step: NextStep
    tokens: tuple[bytes, ...]
    escrow: EscrowFacts | None
    retirements: tuple[RetirementFacts, ...]
    acts: tuple[KeptAct, ...]
    waiting: tuple[KeptAct, ...]
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseCheck:
    """A purchase and the checks of its lines.

    Attributes:
        followed: how far the chain was followed; None: never yet.
    """

    purchase: Purchase
    lines: tuple[LineCheck, ...]
    followed: FollowedTo | None

    @property
    def verdict(self) -> CheckVerdict:
        """Failed where one check failed, passed where all passed."""
        verdicts = {check.verdict for line in self.lines for check in line.checks}
        if CheckVerdict.FAILED in verdicts:
            return CheckVerdict.FAILED
        return CheckVerdict.PASSED if verdicts == {CheckVerdict.PASSED} else CheckVerdict.NOT_CHECKED


@dataclass(slots=True)
class _Found:
    """Sentences of one check as it goes: one that fails decides, one that cannot be answered keeps it from passing."""

    name: CheckName
    failed: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    remedies: list[str] = field(default_factory=list)
    evidence: list[CheckEvidence] = field(default_factory=list)

    def rest_on(self, kind: str, id: str, link: str | None = None) -> None:  # noqa: A002 (the word of the answer)
        each = CheckEvidence(kind=kind, id=id, link=link)
        if each not in self.evidence:
            self.evidence.append(each)

    def fail(self, words: str, remedy: str) -> None:
        self.failed.append(words)
        self.remedies.append(remedy)

    def leave_open(self, words: str, remedy: str) -> None:
        self.open.append(words)
        self.remedies.append(remedy)

    def result(self) -> CheckResult:
        verdict, words = CheckVerdict.PASSED, self.passed
        if self.failed:
            verdict, words = CheckVerdict.FAILED, self.failed + self.open
        elif self.open:
            verdict, words = CheckVerdict.NOT_CHECKED, self.open + self.passed
        return CheckResult(
            name=self.name,
            verdict=verdict,
            reason=" ".join(dict.fromkeys([*words, *self.told])),
            remedy=" ".join(dict.fromkeys(self.remedies)) if verdict is not CheckVerdict.PASSED else "",
            evidence=tuple(self.evidence),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What stands on the chain under a line's digest.

    Attributes:
        escrows: between the two whom the line names.
        retirements: by its buyer, or in its name: what counts.
        others: what somebody else retired under the digest, which counts for nothing.
    """

    escrows: tuple[EscrowFacts, ...]
    retirements: tuple[RetirementFacts, ...]
    others: tuple[RetirementFacts, ...]

    @property
    def escrow(self) -> EscrowFacts | None:
        """The one that still binds units, or the last."""
        return max(self.escrows, key=lambda each: each.state is not EscrowState.RETURNED, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cover:
    """Whether a buyer has what it accepted and did not retire yet, of one token.

    Attributes:
        has: tradable units.
        counted_on: of all its lines together.
        lines: how many these are.
    """

    has: int
    counted_on: int
    lines: int

    @property
    def is_enough(self) -> bool:
        return self.counted_on <= self.has


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What is known of a line.

    Attributes:
        former: units that are bound to what the line said before it was written anew.
    """

    kept: KeptLine
    facts: _Facts
    former: tuple[EscrowFacts, ...]
    cover: _Cover | None
    acts: Sequence[KeptAct]
    issuances: dict[bytes, IssuanceFacts]
    evidence: dict[bytes, KeptEvidence]

    @property
    def escrow(self) -> EscrowFacts | None:
        return self.facts.escrow

    @property
    def retirements(self) -> tuple[RetirementFacts, ...]:
        return self.facts.retirements

    @property
    def tokens(self) -> tuple[bytes, ...]:
        standing = [each.token for each in self.facts.escrows if each.state is not EscrowState.RETURNED]
        return tuple(dict.fromkeys([*standing, *(each.token for each in self.retirements)]))


class CheckPurchase:
    """The use case."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __call__(self, purchase: Purchase) -> PurchaseCheck:
        """The checks of every line.

        Args:
            purchase: as it is kept; that the asker may see it was looked at before.
        """
        now = self._clock()
        with self._store.read() as tx:
            looked = _Anchored(tx)
            beside = _Beside(tx, purchase)
            lines = tuple(self._line(tx, looked, beside, purchase, kept, now) for kept in purchase.lines)
            return PurchaseCheck(purchase=purchase, lines=lines, followed=tx.assets.followed_to())

    def standing(self, purchase: Purchase) -> tuple[LineStanding, ...]:
        """Where each line stands, for lists."""
        now = self._clock()
        with self._store.read() as tx:
            beside = _Beside(tx, purchase)
            return tuple(_standing(_own_facts(tx, kept, beside), kept, purchase, now) for kept in purchase.lines)

    def next_steps(self, purchase: Purchase) -> tuple[tuple[LineStanding, NextStep], ...]:
        """Where each line stands and whose turn it is, for lists."""
        now = self._clock()
        with self._store.read() as tx:
            beside = _Beside(tx, purchase)
            found: list[tuple[LineStanding, NextStep]] = []
            for kept in purchase.lines:
                acts = beside.acts(kept)
                facts = _own_facts(tx, kept, beside)
                standing = _standing(facts, kept, purchase, now)
                waiting = tuple(act for act in acts if act.state is ActState.KEPT)
                found.append((standing, _next_step(standing, waiting, kept, facts.escrow, purchase)))
            return tuple(found)

    def backing(self, purchase: Purchase) -> tuple[LineBacking, ...]:
        """What stands on the chain for each line, for reports."""
        now = self._clock()
        with self._store.read() as tx:
            beside = _Beside(tx, purchase)
            found: list[LineBacking] = []
            for kept in purchase.lines:
                acts = beside.acts(kept)
                facts = _own_facts(tx, kept, beside)
                standing = _standing(facts, kept, purchase, now)
                accepted = [each.token for each in facts.escrows if each.state is EscrowState.ACCEPTED]
                issuances = [tx.assets.issuance(token) for token in {*accepted, *(each.token for each in facts.retirements)}]
                wanted = kept.open_line.line.class_id
                cover = _cover(tx, facts, standing, purchase, acts)
                found.append(
                    LineBacking(
                        standing=standing,
                        retirements=tuple(each.id for each in facts.retirements),
                        is_sound=all(each is not None and each.revoked is None and each.class_id == wanted for each in issuances),
                        is_covered=cover is None or cover.is_enough,
                    )
                )
            return tuple(found)

    def _line(
        self, tx: Transaction, looked: "_Anchored", beside: "_Beside", purchase: Purchase, kept: KeptLine, now: datetime
    ) -> LineCheck:
        number = kept.open_line.line.number
        acts = beside.acts(kept)
        facts = _own_facts(tx, kept, beside)
        standing = _standing(facts, kept, purchase, now)
        tokens = {each.token for each in facts.escrows} | {each.token for each in facts.retirements}
        issuances = {token: tx.assets.issuance(token) for token in tokens}
        evidence = {token: tx.evidence.get(token) for token in tokens}
        line = _Line(
            kept=kept,
            facts=facts,
            former=_former(tx, purchase, number),
            cover=_cover(tx, facts, standing, purchase, acts),
            acts=acts,
            issuances={token: each for token, each in issuances.items() if each is not None},
            evidence={token: each for token, each in evidence.items() if each is not None},
        )
        waiting = tuple(act for act in line.acts if act.state is ActState.KEPT)
        return LineCheck(
            number=number,
            digest=kept.digest,
            standing=standing,
            next_step=_former_first(line.former, _next_step(standing, waiting, kept, line.escrow, purchase), kept),
            tokens=line.tokens,
            escrow=line.escrow,
            retirements=facts.retirements,
            acts=tuple(acts),
            waiting=waiting,
            checks=(
                _token(line, standing, waiting, purchase),
                _lot(tx, looked, line, purchase.center),
                _certificate(tx, looked, line, purchase.center),
                _purchase_line(line, purchase),
            ),
        )


class _Anchored:
    """How far each center's log is anchored, asked once for each."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._sizes: dict[CenterId, int] = {}

    def __call__(self, center: CenterId, leaf_index: LeafIndex) -> bool:
        if center not in self._sizes:
            newest = self._tx.log.newest_anchor(center)
            self._sizes[center] = 0 if newest is None else newest.tree_size
        return leaf_index < self._sizes[center]


class _Beside:
    """What is kept of all lines of a purchase, asked for at once: a purchase may have hundreds, and a list a hundred of these."""

    def __init__(self, tx: Transaction, purchase: Purchase) -> None:
        digests = [kept.digest for kept in purchase.lines]
        self._escrows: dict[bytes, list[EscrowFacts]] = {}
        self._retirements: dict[bytes, list[RetirementFacts]] = {}
        self._acts: dict[int, list[KeptAct]] = {}
        for escrow in tx.assets.escrows_of_lines(digests):
            self._escrows.setdefault(escrow.line_digest, []).append(escrow)
        for retirement in tx.assets.retirements_of_lines(digests):
            self._retirements.setdefault(retirement.line_digest, []).append(retirement)
        for act in tx.acts.of_purchase(purchase.id):
            if act.line is not None:
                self._acts.setdefault(act.line[1], []).append(act)

    def escrows(self, kept: KeptLine) -> Sequence[EscrowFacts]:
        return self._escrows.get(kept.digest, ())

    def retirements(self, kept: KeptLine) -> Sequence[RetirementFacts]:
        return self._retirements.get(kept.digest, ())

    def acts(self, kept: KeptLine) -> Sequence[KeptAct]:
        return self._acts.get(kept.open_line.line.number, ())


def _own_facts(tx: Transaction, kept: KeptLine, beside: _Beside) -> _Facts:
    """What stands on the chain for a line by those whom it names; whoever learns a digest there may use it for units of its own.

    A member whose account was changed since is known by the acts that were kept here for the line.
    """
    line, own = kept.open_line.line, {act.subject for act in beside.acts(kept)}
    parties = (line.supplier_account, line.buyer_account)
    escrows, retirements = beside.escrows(kept), beside.retirements(kept)

    def class_of(token: bytes) -> str | None:
        issuance = tx.assets.issuance(token)
        return None if issuance is None else issuance.class_id

    own_ids = {each.id for each in retirements if encode_hex(each.id) in own}
    counted = claims_for_line(line, retirements, own_ids=own_ids, class_of=class_of)
    return _Facts(
        escrows=tuple(each for each in escrows if (each.seller, each.buyer) == parties or encode_hex(each.id) in own),
        retirements=counted,
        others=tuple(each for each in retirements if each not in counted),
    )


def _former(tx: Transaction, purchase: Purchase, number: int) -> tuple[EscrowFacts, ...]:
    """Escrows for what a line said before: a seller elsewhere may not have known yet that it was written anew."""
    found: list[EscrowFacts] = []
    for kept in tx.purchases.former_writings(purchase.id, number):
        line = kept.open_line.line
        parties = (line.supplier_account, line.buyer_account)
        escrows = tx.assets.escrows_of_line(kept.digest)
        found += (each for each in escrows if (each.seller, each.buyer) == parties and each.state is not EscrowState.RETURNED)
    return tuple(found)


def _cover(tx: Transaction, facts: _Facts, standing: LineStanding, purchase: Purchase, acts: Sequence[KeptAct]) -> _Cover | None:
    """Whether the buyer still has what it accepted for this line and for its others; None where it does not rest on that."""
    escrow = facts.escrow
    if standing is not LineStanding.ACCEPTED or escrow is None:
        return None
    found = _covered(tx, escrow.token, {escrow.buyer} | _accounts(acts, purchase))
    if found.is_enough:
        return found
    # A member whose account was changed has fetched its units to the new one, by which it acted here since.
    latest = tx.acts.of_member(purchase.center, purchase.buyer, limit=_ACTS_LOOKED_AT)
    return _covered(tx, escrow.token, {escrow.buyer} | _accounts(acts, purchase) | _accounts(latest, purchase))


def _accounts(acts: Sequence[KeptAct], purchase: Purchase) -> set[Address]:
    return {act.signed.act.account for act in acts if (act.center, act.member) == (purchase.center, purchase.buyer)}


def _covered(tx: Transaction, token: bytes, accounts: set[Address]) -> _Cover:
    holdings = [tx.assets.holding(account, token) for account in accounts]
    open_lines: list[int] = []
    for account in accounts:
        for escrow, retired in tx.assets.accepted_for_lines(account, token):
            its = sum(each.quantity for each in retired if accounts & {each.holder, each.claimant})
            open_lines.append(max(0, escrow.quantity - its))
    return _Cover(
        has=sum(each.tradable for each in holdings if each is not None),
        counted_on=sum(open_lines),
        lines=sum(each > 0 for each in open_lines),
    )


def _standing(facts: _Facts, kept: KeptLine, purchase: Purchase, now: datetime) -> LineStanding:
    if sum(each.quantity for each in facts.retirements) >= kept.open_line.line.quantity:
        return LineStanding.RETIRED
    escrow = facts.escrow
    if purchase.cancelled_at is not None and (escrow is None or escrow.state is EscrowState.RETURNED):
        return LineStanding.CANCELLED
    if escrow is None:
        return LineStanding.ORDERED
    if escrow.state is EscrowState.ACCEPTED:
        return LineStanding.ACCEPTED
    if escrow.state is EscrowState.RETURNED:
        return LineStanding.RETURNED
    return LineStanding.OVERDUE if escrow.deadline <= now else LineStanding.OFFERED


def _next_step(
    standing: LineStanding, waiting: Sequence[KeptAct], kept: KeptLine, escrow: EscrowFacts | None, purchase: Purchase
) -> NextStep:
    line = kept.open_line.line
    if waiting:
        words = f"The act {waiting[0].kind.value} waits for the chain; its center brings it."
        return NextStep(whose=Whose.CENTER, words=words)
    if standing is LineStanding.ORDERED:
        amount = quantity_words(line.quantity, line.unit)
        words = f"{line.supplier} sets {amount} of {line.class_id} aside for it."
        return NextStep(whose=Whose.SUPPLIER, words=words)
    if standing is LineStanding.OFFERED and escrow is not None and purchase.cancelled_at is not None:
        words = f"{line.buyer} took the purchase back, and gives back the escrow {encode_hex(escrow.id)}."
        return NextStep(whose=Whose.BUYER, words=words)
    if standing is LineStanding.OFFERED and escrow is not None:
        words = f"{line.buyer} accepts the units, or gives them back, before {encode_time(escrow.deadline)}."
        return NextStep(whose=Whose.BUYER, words=words)
    if standing is LineStanding.OVERDUE:
        return NextStep(whose=Whose.SUPPLIER, words="The deadline is over: whoever likes gives the units back to the supplier.")
    if standing is LineStanding.RETURNED:
        words = "The units went back; a line is set aside for once: what is still wanted is a new line of a new purchase."
        return NextStep(whose=Whose.BUYER, words=words)
    if standing is LineStanding.ACCEPTED:
        if purchase.cancelled_at is not None:
            return NextStep(whose=Whose.NOBODY, words="The purchase was taken back: its units stand for no line.")
        return NextStep(whose=Whose.BUYER, words=f"{line.buyer} retires the units for the line, to claim them.")
    if standing is LineStanding.CANCELLED:
        return NextStep(whose=Whose.NOBODY, words="The purchase was taken back. Order anew what is still wanted.")
    return NextStep(whose=Whose.NOBODY, words="Nothing is left to do.")


def _former_first(former: Sequence[EscrowFacts], step: NextStep, kept: KeptLine) -> NextStep:
    """Units that are bound to what a line said before go back first, where its supplier is to set units aside."""
    late = next((each for each in former if each.state is EscrowState.OPEN), None)
    if late is None or step.whose is not Whose.SUPPLIER:
        return step
    words = f"{kept.open_line.line.buyer} gives back the escrow {encode_hex(late.id)}, which is for the line as it was before."
    return NextStep(whose=Whose.BUYER, words=f"{words} Then: {step.words}")


def _token(line: _Line, standing: LineStanding, waiting: Sequence[KeptAct], purchase: Purchase) -> CheckResult:
    found, wanted = _Found(CheckName.TOKEN), line.kept.open_line.line
    escrow = line.escrow
    _tell_others(line, found)
    _tell_former(line, found)
    for each in line.retirements:
        found.rest_on("retirement", encode_hex(each.id), f"/v1/retirements/{encode_hex(each.id)}")
    if escrow is not None:
        found.rest_on("escrow", encode_hex(escrow.id), f"/v1/escrows/{encode_hex(escrow.id)}")
    for act in waiting:
        found.rest_on("act", encode_hex(act.digest), f"/v1/acts/{encode_hex(act.digest)}")
    if purchase.cancelled_at is not None:
        words = f"{wanted.buyer} took the purchase back on {purchase.cancelled_at.date()}: no units are to stand for it."
        found.leave_open(words, "Give back units that wait for it; order anew what is still wanted.")
    if escrow is None and not line.retirements:
        if purchase.cancelled_at is not None:
            return found.result()
        if waiting:
            found.leave_open("Units are on their way to the chain for this line.", "Look again after a block or two.")
        else:
            found.leave_open(
                "No units stand on the chain for this line.", f"Ask {wanted.supplier} to set them aside for its digest."
            )
        return found.result()
    _token_quantities(line, found, standing)
    for token in line.tokens:
        name = encode_hex(token)
        found.rest_on("issuance", name, f"/v1/assets/{name}")
        issuance = line.issuances.get(token)
        if issuance is None:
            found.leave_open(f"The issuance {name} is not known here yet.", "Look again after a block or two.")
            continue
        if issuance.class_id != wanted.class_id:
            found.fail(
                f"The units are of {issuance.class_id}, and {wanted.class_id} was ordered.", "Give them back, and ask for others."
            )
        if issuance.revoked is not None:
            found.fail(
                f"The evidence of the units was revoked ({issuance.revoked}): they are frozen, what was retired is challenged.",
                f"Ask {wanted.supplier} for other units; a claim that was made of these stands no more.",
            )
    return found.result()


def _tell_others(line: _Line, found: _Found) -> None:
    if not line.facts.others:
        return
    unit = line.kept.open_line.line.unit
    counted, amount = unit_words(unit.code), decimal_text(sum(each.quantity for each in line.facts.others), unit)
    found.told.append(
        f"Somebody else retired {amount} {counted} under this line's digest, not for its buyer: that counts for nothing."
    )


def _tell_former(line: _Line, found: _Found) -> None:
    for each in line.former:
        name = encode_hex(each.id)
        found.rest_on("escrow", name, f"/v1/escrows/{name}")
        if each.state is EscrowState.OPEN:
            found.told.append(f"The units of the escrow {name} were set aside for the line as it was before: give them back.")
        else:
            found.told.append(
                f"The units of the escrow {name} were accepted for the line as it was before: they stand for no line."
            )


def _token_quantities(line: _Line, found: _Found, standing: LineStanding) -> None:
    wanted, escrow = line.kept.open_line.line, line.escrow
    unit, ordered = wanted.unit, decimal_text(wanted.quantity, wanted.unit)
    counted = unit_words(unit.code)
    retired = sum(each.quantity for each in line.retirements)
    made = {act.subject for act in line.acts}
    own = sum(each.quantity for each in line.retirements if each.holder == wanted.buyer_account or encode_hex(each.id) in made)
    if retired:
        amount = decimal_text(retired, unit)
        if retired == wanted.quantity:
            found.passed.append(f"{amount} {counted} were retired for this line.")
        elif own > wanted.quantity:
            found.fail(f"{amount} {counted} were retired for a line of {ordered}.", "Ask whoever retired what is beyond it.")
        elif retired > wanted.quantity:
            found.passed.append(f"{amount} {counted} were retired for this line of {ordered}: more than was ordered, by others.")
        else:
            found.leave_open(f"{amount} of {ordered} {counted} were retired for this line.", "Retire the rest.")
    if escrow is None:
        return
    if escrow.quantity != wanted.quantity:
        amount = decimal_text(escrow.quantity, unit)
        found.fail(f"{amount} {counted} stand for the line, and {ordered} were ordered.", "Give them back, and order anew.")
    if standing is LineStanding.OFFERED:
        found.passed.append(f"{ordered} {counted} wait for the buyer.")
    elif standing is LineStanding.ACCEPTED and (line.cover is None or line.cover.is_enough):
        found.passed.append(f"The buyer accepted {ordered} {counted}, and has them; they are claimed once they are retired.")
    elif standing is LineStanding.ACCEPTED and line.cover is not None:
        has, counted_on = decimal_text(line.cover.has, unit), decimal_text(line.cover.counted_on, unit)
        found.fail(
            f"The buyer accepted {ordered} {counted}, and has {has} {counted} of the {counted_on} on which "
            f"{line.cover.lines} accepted and not retired lines count: units that were sent on, cancelled "
            "or claimed for another line stand for this one no more.",
            "Retire what is there for the lines that it is for, and order anew for the others.",
        )
    elif standing is LineStanding.OVERDUE:
        found.fail("The deadline is over, and nobody accepted the units.", "Give them back, and order anew.")
    elif standing is LineStanding.RETURNED:
        found.fail("The units went back to the supplier.", "Order anew what is still wanted.")


def _lot(tx: Transaction, looked: _Anchored, line: _Line, center: CenterId) -> CheckResult:
    found, wanted = _Found(CheckName.LOT), line.kept.open_line.line
    if not line.tokens:
        found.leave_open("No units stand for this line, so they are of no lot.", "See the check of the token.")
        return found.result()
    lots: dict[str, None] = {}
    for token in line.tokens:
        issuance, kept = line.issuances.get(token), line.evidence.get(token)
        if issuance is None:
            found.leave_open(f"The issuance {encode_hex(token)} is not known here yet.", "Look again after a block or two.")
            continue
        if wanted.lot is not None:
            if issuance.lot != text_digest(wanted.lot):
                found.fail(f"The units are of another lot than {wanted.lot}.", "Give them back, and ask for units of the lot.")
                continue
            lots[wanted.lot] = None
        elif kept is not None and kept.statement.lot is not None:
            lots[kept.statement.lot] = None
        elif kept is not None:
            found.passed.append("An external registry's serials stand behind the units, and no lot; the line asks for none.")
        else:
            found.leave_open(
                "The line asks for no lot, and the statement that names the units' lot is kept at another center.",
                _bring(wanted.supplier, encode_hex(token)),
            )
    for lot in lots:
        _lot_events(tx, looked, found, lot, center)
    return found.result()


def _bring(supplier: MemberName, token: str) -> str:
    return (
        f"Make it known here, from the server of the center that logged it: `greenlane evidence bring {token} --from URL`. "
        f"Ask {supplier} for that address."
    )


def _lot_events(tx: Transaction, looked: _Anchored, found: _Found, lot: str, center: CenterId) -> None:
    page = tx.events.find(EventFilter(reader=Reader(center=center), any_epc=frozenset({lot})), limit=_EVENTS_LOOKED_AT)
    if not page.events:
        found.leave_open(f"No event that can be read here names the lot {lot}.", "Ask the supplier's center for its events.")
        return
    late = [event for event in page.events if not looked(event.center, event.leaf_index)]
    for event in page.events[:_EVENTS_SHOWN]:
        place = f"center={event.center}&leaf={event.leaf_index}"
        name = event.identity.event_digest.hex()
        found.rest_on("event", event.event_hash, f"/v1/receipts/{name}?{place}")
    if late:
        found.leave_open(
            f"{len(late)} of {len(page.events)} events of the lot are not anchored yet.", "Look again after a block or two."
        )
    else:
        more = " at least" if page.next_token is not None else ""
        found.passed.append(f"The lot {lot} is in{more} {len(page.events)} events, all in anchored logs.")


def _certificate(tx: Transaction, looked: _Anchored, line: _Line, center: CenterId) -> CheckResult:
    found, wanted = _Found(CheckName.CERTIFICATE), line.kept.open_line.line
    if not line.tokens:
        found.leave_open("No units stand for this line, so no certificate does.", "See the check of the token.")
    for token in line.tokens:
        issuance, kept = line.issuances.get(token), line.evidence.get(token)
        if issuance is not None and issuance.revoked is not None:
            found.fail(f"The evidence was revoked: {issuance.revoked}.", "Ask the certifier; order other units.")
        if kept is None or not kept.is_signed:
            name = encode_hex(token)
            found.leave_open(
                f"The statement {name} is kept at another center.",
                _bring(wanted.supplier, name),
            )
            continue
        _statement(looked, found, kept)
        _document(tx, looked, found, kept, center)
    if wanted.label is not None and wanted.model is not None:
        _label(tx, found, line)
    return found.result()


def _statement(looked: _Anchored, found: _Found, kept: KeptEvidence) -> None:
    name = encode_hex(kept.digest)
    found.rest_on("evidence", name, f"/v1/evidence/{name}")
    certifier = f"{kept.certifier_center}/{kept.certifier}"
    if kept.signature is None or signer_of(kept.digest, kept.signature) != kept.statement.certifier:
        found.fail(f"The signature of the statement is not {certifier}'s.", "The center runs `greenlane fsck`.")
        return
    if kept.state is EvidenceState.ELSEWHERE:
        # It is known here only once the contract has verified its entry against the anchored log.
        found.passed.append(
            f"{certifier} signed the statement, which the chain admitted out of the anchored log of {kept.center}."
        )
        return
    if kept.leaf_index is None or not looked(kept.center, kept.leaf_index):
        found.leave_open("The statement's entry is not anchored here.", "Look again after a block or two.")
        return
    found.passed.append(f"{certifier} signed the statement, which stands in the anchored log of {kept.center}.")


def _document(tx: Transaction, looked: _Anchored, found: _Found, kept: KeptEvidence, center: CenterId) -> None:
    digest = kept.statement.certificate_digest
    documents = tx.documents.by_digest(digest, reader=Reader(center=center), limit=1)
    if not documents:
        found.leave_open(
            f"No document that can be read here is the certificate {encode_hex(digest)}.",
            "Ask the supplier to store it, or its center to let you read it.",
        )
        return
    document = documents[0]
    place = f"center={document.center}&leaf={document.leaf_index}"
    cid = document.description.cid.text
    found.rest_on("document", cid, f"/v1/documents/{cid}/receipt?{place}")
    if not looked(document.center, document.leaf_index):
        found.leave_open("The certificate's entry is not anchored yet.", "Look again after a block or two.")
    elif document.withdrawn_at is not None:
        found.passed.append(f"The certificate was logged; its bytes were withdrawn on {document.withdrawn_at.date()}.")
    else:
        found.passed.append("The certificate is a document in an anchored log.")


def _label(tx: Transaction, found: _Found, line: _Line) -> None:
    wanted = line.kept.open_line.line
    label, model = wanted.label or "", wanted.model or ""
    kept = tx.labels.versions(label)
    if not kept:
        found.leave_open(f"The register of labels here has no {label}.", "Have the center record the label.")
        return
    found.rest_on("label", label, f"/v1/labels/{label}")
    versions = [each.label for each in kept]
    verdict = is_valid(versions, model=model, economy=wanted.economy, day=wanted.ordered_on)
    by = (kept[0].center, kept[0].member)
    recorder = by[0] if by[1] is None else f"{by[0]}/{by[1]}"
    if verdict.answer is LabelAnswer.VALID and by == (wanted.supplier.center, wanted.supplier.member):
        found.leave_open(
            f"The label {label} was recorded by {recorder}, which is the line's supplier: that is its own word.",
            "Ask the label's owner, or a center's operator, for a label of the register that is not the supplier's.",
        )
    elif verdict.answer is LabelAnswer.VALID:
        found.passed.append(f"{verdict.reason} The label was recorded by {recorder}.")
    elif verdict.answer is LabelAnswer.NOT_VALID:
        found.fail(verdict.reason, "Ask the supplier for goods that bear a valid label.")
    else:
        found.leave_open(verdict.reason, "Ask the label's owner.")


def _purchase_line(line: _Line, purchase: Purchase) -> CheckResult:
    found, kept = _Found(CheckName.PURCHASE_LINE), line.kept
    number = kept.open_line.line.number
    found.rest_on("line", encode_hex(kept.digest), f"/v1/purchases/{purchase.id}")
    if line_digest(kept.open_line) != kept.digest or kept.open_line.line.purchase_id != purchase.id:
        found.fail(
            f"What is kept of line {number} is not what its digest was made of.",
            "The center runs `greenlane fsck`, and restores from a backup what it names.",
        )
        return found.result()
    told = {
        str(act.asked.get("lineDigest"))
        for act in line.acts
        if act.kind is ActKind.ESCROW and act.state in (ActState.DONE, ActState.KEPT)
    }
    if told - {encode_hex(kept.digest)}:
        found.fail("Units were set aside for this line under another digest than its own.", "Give them back, and order anew.")
    elif line.facts.escrows or line.retirements:
        found.passed.append("The digest of the line as it is kept is the one that stands on the chain.")
    else:
        found.leave_open("The line is as it was written; nothing stands on the chain for it yet.", "See the check of the token.")
    return found.result()
