"""A buyer's purchases in words: where each line stands, whose turn it is, what speaks for it, and what its officer may do.

Nothing is judged here: verdicts are those of `services.check_purchase`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from greenlane.core.assets.facts import AssetClass, EscrowState
from greenlane.core.documents.description import MemberName
from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.asset_index import FollowedTo
from greenlane.ports.events import Reader
from greenlane.ports.purchases import KeptLine, Purchase
from greenlane.services.assets.look import ShownAsset
from greenlane.services.assets.tokens import AssetClassUnknown, AssetUnknown
from greenlane.services.check_purchase import (
    CheckEvidence,
    CheckName,
    CheckResult,
    CheckVerdict,
    LineCheck,
    LineStanding,
    NextStep,
    PurchaseCheck,
    Whose,
)
from greenlane.verify.ladder import Verdict
from greenlane.web.pages.amounts import amount_words, day_words, money_words, span_words
from greenlane.web.pages.journey import Finding, told_event
from greenlane.web.pages.picture import Picture, Stop, drawn, stops_of
from greenlane.web.pages.words import item_words, local_path, time_words
from greenlane.web.services import WebServices

_WAYS_DRAWN = 6
_HOLDS_NONE: Final = (LineStanding.ORDERED, LineStanding.RETURNED)
STANDING_WORDS: Final = {
    LineStanding.ORDERED: "Ordered",
    LineStanding.OFFERED: "Offered",
    LineStanding.OVERDUE: "Overdue",
    LineStanding.RETURNED: "Returned",
    LineStanding.ACCEPTED: "Accepted",
    LineStanding.RETIRED: "Retired",
    LineStanding.CANCELLED: "Cancelled",
}
TURN_WORDS: Final = {
    Whose.BUYER: "your turn",
    Whose.SUPPLIER: "the supplier’s turn",
    Whose.CENTER: "on its way to the chain",
    Whose.NOBODY: "nothing left to do",
}
CHECK_WORDS: Final = {
    CheckName.TOKEN: ("Token", "Do units stand on the chain for exactly this line?"),
    CheckName.LOT: ("Lot", "Are they of the right lot, and is its story told?"),
    CheckName.CERTIFICATE: ("Certificate", "Did a certifier sign for it?"),
    CheckName.PURCHASE_LINE: ("Purchase line", "Is what stands here what stands on the chain?"),
}
ACT_WORDS: Final = {
    ActKind.ISSUE: "Issue units",
    ActKind.TRANSFER: "Give units away",
    ActKind.ESCROW: "Set units aside",
    ActKind.ACCEPT: "Accept the units",
    ActKind.GIVE_BACK: "Give the units back",
    ActKind.RETIRE: "Retire units",
    ActKind.CANCEL: "Cancel units",
    ActKind.FOLLOW_KEY: "Fetch units of a former account",
    ActKind.REVOKE: "Revoke evidence",
}
VERDICTS: Final = {
    CheckVerdict.PASSED: Verdict.PASSED,
    CheckVerdict.FAILED: Verdict.FAILED,
    CheckVerdict.NOT_CHECKED: Verdict.NOT_CHECKED,
}
_EVIDENCE_WORDS: Final = {
    "escrow": "the units that were set aside",
    "retirement": "the retirement",
    "issuance": "the issuance of the units",
    "act": "the act on its way",
    "event": "an event of the lot",
    "document": "the certificate",
    "evidence": "the certifier’s statement",
    "label": "the label’s entry",
    "line": "this line",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Where a line stands in one word, and whose turn it is.

    Attributes:
        is_yours: the buyer is to do something.
    """

    word: str
    words: str
    is_yours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLine:
    """A line in a list; `path` leads to it on its purchase's page."""

    description: str
    supplier: str
    amount: str
    price: str | None
    turn: Turn
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPurchase:
    """A purchase in a list; `buyer` is None where the reader is that buyer."""

    reference: str
    path: str
    ordered: str
    buyer: str | None
    lines: tuple[ListedLine, ...]
    yours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEvidence:
    """Something that a check rests on; `path` is None where nobody else may look at it."""

    words: str
    path: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldCheck:
    """One of the four checks."""

    title: str
    question: str
    verdict: Verdict
    reason: str
    remedy: str
    evidence: tuple[ToldEvidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAct:
    """An act for a line.

    Attributes:
        state: in words.
        trouble: why it was refused, and what to do; "" where it was not.
        is_open: the chain has not decided it.
        kept: when it was written down here.
    """

    title: str
    state: str
    trouble: str
    path: str
    kept: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLine:
    """A line as its page tells it.

    Attributes:
        is_open: shown unfolded, for it needs the reader: a check failed, or the next step is the buyer's.
        may_accept, may_give_back, may_retire: what the officer may do now.
        left: what is still to be retired, in words.
        way: the drawing from the farm or mill to this line; None where nothing stands for it.
        lot_path: of the lot's own page; None where it has none.
        retirements: paths of their pages.
    """

    number: int
    title: str
    amount: str
    is_open: bool
    facts: tuple[tuple[str, str], ...]
    turn: Turn
    next_words: str
    checks: tuple[ToldCheck, ...]
    verdict: Verdict
    acts: tuple[ToldAct, ...]
    path: str
    may_accept: bool
    may_give_back: bool
    may_retire: bool
    left: str
    until: str | None
    way: Picture | None
    lot_path: str | None
    lot: str | None
    retirements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldPurchase:
    """A purchase as its page tells it.

    Attributes:
        cancelled: the day on which it was taken back; None while it stands.
        may_cancel: no units stand for it as far as is known here.
    """

    id: str
    reference: str
    ordered: str
    buyer: str
    lines: tuple[ToldLine, ...]
    verdict: Verdict
    followed: str | None
    is_waiting: bool
    cancelled: str | None
    may_cancel: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirable:
    """What may be retired for a line now.

    Attributes:
        left: in smallest units; at least 1.
        earliest, latest: the first and the last day that may be claimed.
        attempt: how often it was tried; names this try, so that one form does one thing.
    """

    line: LineCheck
    kept: KeptLine
    asset: ShownAsset
    left: int
    earliest: date
    latest: date
    attempt: int


def turn_of(standing: LineStanding, step: NextStep) -> Turn:
    """Where a line stands, in one word and whose turn."""
    word = "Sent" if step.whose is Whose.CENTER else STANDING_WORDS[standing]
    return Turn(word=word, words=TURN_WORDS[step.whose], is_yours=step.whose is Whose.BUYER)


def listed_purchase(services: WebServices, purchase: Purchase, *, tells_buyer: bool) -> ListedPurchase:
    """A purchase in a list."""
    path = f"/purchases/{purchase.id}"
    steps = services.assets.check_purchase.next_steps(purchase)
    lines = tuple(
        ListedLine(
            description=kept.open_line.line.description,
            supplier=_name(services, kept.open_line.line.supplier),
            amount=amount_words(kept.open_line.line.quantity, kept.open_line.line.unit),
            price=_price(kept),
            turn=turn_of(standing, step),
            path=f"{path}#line-{kept.open_line.line.number}",
        )
        for kept, (standing, step) in zip(purchase.lines, steps, strict=True)
    )
    return ListedPurchase(
        reference=purchase.reference,
        path=path,
        ordered=day_words(purchase.ordered_on),
        buyer=_name(services, MemberName(center=purchase.center, member=purchase.buyer)) if tells_buyer else None,
        lines=lines,
        yours=sum(line.turn.is_yours for line in lines),
    )


def told_purchase(services: WebServices, check: PurchaseCheck, reader: Reader) -> ToldPurchase:
    """A purchase with its checks; ways are drawn for the first few lines."""
    purchase = check.purchase
    lines = tuple(
        _told_line(services, purchase, kept, line, reader, is_drawn=at < _WAYS_DRAWN)
        for at, (kept, line) in enumerate(zip(purchase.lines, check.lines, strict=True))
    )
    return ToldPurchase(
        id=purchase.id,
        reference=purchase.reference,
        ordered=day_words(purchase.ordered_on),
        buyer=_name(services, MemberName(center=purchase.center, member=purchase.buyer)),
        lines=lines,
        verdict=VERDICTS[check.verdict],
        followed=followed_words(check.followed),
        is_waiting=any(line.waiting for line in check.lines),
        cancelled=None if purchase.cancelled_at is None else day_words(purchase.cancelled_at.date()),
        may_cancel=may_cancel(check),
    )


def may_cancel(check: PurchaseCheck) -> bool:
    """Whether a purchase may be taken back, as far as is known here; the chain is asked when it is."""
    is_open = all(line.standing in _HOLDS_NONE and not line.waiting and not line.retirements for line in check.lines)
    return check.purchase.cancelled_at is None and is_open


def told_act(act: KeptAct, replaced_by: bytes | None = None) -> ToldAct:
    """An act in words."""
    is_open = act.state is ActState.KEPT
    if is_open and act.brought_at is None:
        state = "Kept here, will be brought to the chain"
    elif is_open:
        state = "Brought to the chain, waiting for its answer"
    else:
        state = {
            ActState.DONE: "Done: the chain has it",
            ActState.REFUSED: "Refused by the chain: nothing was changed",
            ActState.EXPIRED: "Too late: its time was over before the chain took it, and nothing was changed",
        }[act.state]
    trouble = f"{act.detail} {act.remedy}".strip()
    if is_open and not act.keeping.is_tried:
        trouble = "The chain does not answer at this moment. Nothing is lost: it is brought as soon as the chain is back."
    if replaced_by is not None:
        trouble = "Another was made in its place."
    return ToldAct(
        title=ACT_WORDS[act.kind],
        state=state,
        trouble=trouble,
        path=f"/acts/{encode_hex(act.digest)}",
        kept=time_words(act.kept_at, None),
        is_open=is_open,
    )


def retirable(services: WebServices, purchase: Purchase, number: int) -> Retirable | None:
    """What may be retired for a line now; None where nothing may."""
    check = services.assets.check_purchase(purchase)
    found = [(kept, line) for kept, line in zip(purchase.lines, check.lines, strict=True) if line.number == number]
    if not found:
        return None
    kept, line = found[0]
    left = left_to_retire(kept, line)
    if purchase.cancelled_at is not None or line.escrow is None or line.escrow.state is not EscrowState.ACCEPTED or left < 1:
        return None
    asset = services.assets.look.asset(line.escrow.token)
    if asset.facts.revoked is not None:
        return None
    return Retirable(
        line=line,
        kept=kept,
        asset=asset,
        left=left,
        earliest=asset.facts.vintage_from,
        latest=asset.facts.vintage_to + timedelta(days=asset.asset_class.claim_days),
        attempt=sum(act.kind is ActKind.RETIRE for act in line.acts),
    )


def left_to_retire(kept: KeptLine, line: LineCheck) -> int:
    """What of a line is neither retired nor on its way to be; in smallest units, never below 0."""
    known = {encode_hex(each.id): each.quantity for each in line.retirements}
    unit = kept.open_line.line.unit
    for act in line.acts:
        if act.kind is ActKind.RETIRE and act.state in (ActState.KEPT, ActState.DONE) and act.subject not in known:
            known[act.subject] = _smallest(str(act.asked.get("quantity", "0")), unit.decimals)
    return max(0, kept.open_line.line.quantity - sum(known.values()))


def followed_words(followed: FollowedTo | None) -> str | None:
    """How far the chain was followed, in words."""
    if followed is None:
        return None
    return f"block {followed.block.number:,}, looked at on {time_words(followed.at, None)}"


def class_of(services: WebServices, class_id: str) -> AssetClass | None:
    """A class; None where it is not known here."""
    try:
        return services.assets.look.asset_class(class_id)[0]
    except AssetClassUnknown:
        return None


def _told_line(
    services: WebServices, purchase: Purchase, kept: KeptLine, check: LineCheck, reader: Reader, *, is_drawn: bool
) -> ToldLine:
    line = kept.open_line.line
    path = f"/purchases/{purchase.id}/lines/{line.number}"
    of = class_of(services, line.class_id)
    amount = amount_words(line.quantity, line.unit)
    turn = turn_of(check.standing, check.next_step)
    asset = _asset(services, check)
    lot = line.lot or (None if asset is None or asset.evidence is None else asset.evidence.statement.lot)
    price = _price(kept)
    facts = [
        ("Supplier", _name(services, line.supplier)),
        ("Comes with", f"{amount} of {line.class_id if of is None else of.name}"),
        ("Category", line.category),
        *([("Product", item_words(line.product))] if line.product else []),
        *([("Lot", item_words(lot))] if lot else []),
        *([("Label", f"{line.label}, for {line.model}")] if line.label else []),
        ("Used in", line.economy),
        *([("Price", price)] if price else []),
    ]
    verdicts = {check.verdict for check in check.checks}
    is_accepting = any(act.kind in (ActKind.ACCEPT, ActKind.GIVE_BACK) for act in check.waiting)
    escrow, left = check.escrow, left_to_retire(kept, check)
    is_revoked = asset is not None and asset.facts.revoked is not None
    verdict = VERDICTS[
        next((each for each in (CheckVerdict.FAILED, CheckVerdict.NOT_CHECKED) if each in verdicts), CheckVerdict.PASSED)
    ]
    is_cancelled = purchase.cancelled_at is not None
    may_give_back = check.standing is LineStanding.OFFERED and not is_accepting
    may_retire = not is_cancelled and escrow is not None and escrow.state is EscrowState.ACCEPTED and left > 0 and not is_revoked
    return ToldLine(
        number=line.number,
        title=line.description,
        amount=amount,
        is_open=len(purchase.lines) == 1 or verdict is Verdict.FAILED or turn.is_yours or may_retire,
        facts=tuple(facts),
        turn=turn,
        next_words=_next_words(services, purchase, check, kept, amount),
        checks=tuple(_told_check(each) for each in check.checks),
        verdict=verdict,
        acts=tuple(told_act(act) for act in check.acts if (act.center, act.member) == (purchase.center, purchase.buyer)),
        path=path,
        may_accept=may_give_back and not is_cancelled,
        may_give_back=may_give_back,
        may_retire=may_retire,
        left=amount_words(left, line.unit),
        until=None if escrow is None else time_words(escrow.deadline, None),
        way=_way(services, purchase, kept, check, asset, lot, reader) if is_drawn else None,
        lot_path=None if lot is None else local_path(lot),
        lot=lot,
        retirements=tuple(f"/retirements/{encode_hex(each.id)}" for each in check.retirements),
    )


def _next_words(services: WebServices, purchase: Purchase, check: LineCheck, kept: KeptLine, amount: str) -> str:
    line = kept.open_line.line
    supplier = _name(services, line.supplier)
    if check.waiting:
        act = check.waiting[0]
        return f"“{ACT_WORDS[act.kind]}” is kept here and will be brought to the chain. Nothing has to be done again."
    if check.standing is LineStanding.ORDERED:
        return f"{supplier} sets {amount} aside for this line. Give them its digest: {encode_hex(kept.digest)}"
    if check.standing is LineStanding.CANCELLED:
        return "This purchase was taken back: nothing is set aside for it any more. Order anew what is still wanted."
    if check.standing is LineStanding.OFFERED and purchase.cancelled_at is not None:
        return f"This purchase was taken back, and {amount} were set aside for it all the same. Give them back."
    if check.standing is LineStanding.OFFERED and check.escrow is not None:
        until = time_words(check.escrow.deadline, None)
        return f"{amount} wait for you. Look at the checks, then accept them or give them back before {until}."
    if check.standing is LineStanding.OVERDUE:
        return "The deadline is over and nobody accepted: the units go back to the supplier. Order anew what is still wanted."
    if check.standing is LineStanding.RETURNED:
        return "The units went back to the supplier. What is still wanted is a new line of a new purchase."
    if check.standing is LineStanding.ACCEPTED and purchase.cancelled_at is not None:
        return "This purchase was taken back; the units are yours, and stand for no line."
    if check.standing is LineStanding.ACCEPTED:
        return "The units are yours. Retire them for this line to claim them; until then nothing is claimed."
    return "Claimed for this line, for ever. Nothing is left to do."


def _told_check(check: CheckResult) -> ToldCheck:
    title, question = CHECK_WORDS[check.name]
    return ToldCheck(
        title=title,
        question=question,
        verdict=VERDICTS[check.verdict],
        reason=check.reason,
        remedy=check.remedy,
        evidence=_told_evidences(check.evidence),
    )


def _told_evidences(evidences: Sequence[CheckEvidence]) -> tuple[ToldEvidence, ...]:
    """All that a check rests on; events are counted where there are several."""
    events = [each for each in evidences if each.kind == "event"]
    numbers = {each: f"event {number}" for number, each in enumerate(events, 1)} if len(events) > 1 else {}
    return tuple(_told_evidence(each, numbers.get(each)) for each in evidences)


def _told_evidence(evidence: CheckEvidence, name: str | None) -> ToldEvidence:
    """Led to where a person may look: pages, and of the interface for programs what is public."""
    words = name or _EVIDENCE_WORDS.get(evidence.kind, evidence.kind)
    if evidence.kind == "label":
        words = f"{words} “{evidence.id}”"
    link = evidence.link
    path = {
        "retirement": f"/retirements/{evidence.id}",
        "act": f"/acts/{evidence.id}",
        "issuance": f"/v1/assets/{evidence.id}",
        "evidence": f"/v1/evidence/{evidence.id}/receipt",
        "event": None if link is None else link.replace("/v1/receipts/", "/verify/", 1),
        "document": f"/documents/{evidence.id}",
        "label": link,
    }.get(evidence.kind)
    return ToldEvidence(words=words, path=path)


def _asset(services: WebServices, check: LineCheck) -> ShownAsset | None:
    if not check.tokens:
        return None
    try:
        return services.assets.look.asset(check.tokens[0])
    except AssetUnknown:
        return None


def _way(
    services: WebServices,
    purchase: Purchase,
    kept: KeptLine,
    check: LineCheck,
    asset: ShownAsset | None,
    lot: str | None,
    reader: Reader,
) -> Picture | None:
    """From the farm or mill to the line: the lot's journey as far as it is told, then evidence, units and the line."""
    if asset is None:
        return None
    stops: list[Stop] = list(_journey(services, lot, reader))
    statement = None if asset.evidence is None else asset.evidence.statement
    if not stops and statement is not None:
        made = item_words(statement.facility)
        title = f"Made at {made} in {statement.economy}"
        stops.append(Stop(code=statement.economy, kind=statement.economy, who="Made here", what=made, title=title))
    vintage = span_words(asset.facts.vintage_from, asset.facts.vintage_to)
    if asset.evidence is not None:
        certifier = _name(services, MemberName(center=asset.evidence.certifier_center, member=asset.evidence.certifier))
        words = "revoked" if asset.facts.revoked is not None else "certified it"
        stops.append(Stop(code="✓", kind="claim", who=certifier, what=words, title=f"{certifier} {words}, for {vintage}"))
    units = amount_words(asset.facts.totals.issued, asset.asset_class.unit)
    name = encode_hex(asset.facts.token)
    stops.append(Stop(code="#", kind="claim", who="Token", what=f"{name[:8]}…", title=f"Token {name}: {units} issued, {vintage}"))
    line = kept.open_line.line
    amount = amount_words(line.quantity, line.unit)
    word = STANDING_WORDS[check.standing].lower()
    title = f"Line {line.number} of {purchase.reference}: {amount}, {word}"
    stops.append(Stop(code=f"{line.number}", kind="claim", who="Your line", what=word, title=title))
    return drawn(stops)


def _journey(services: WebServices, lot: str | None, reader: Reader) -> tuple[Stop, ...]:
    if lot is None or local_path(lot) is None:
        return ()
    journey = services.trace(lot, reader=reader)
    told = [
        told_event(
            event,
            finding=Finding(verdict=Verdict.NOT_CHECKED, reason=""),
            member=_name(services, MemberName(center=event.center, member=event.member)),
            center=next((each for each in services.centers if each.id == event.center), None),
            asked=lot,
            is_declared_wrong=False,
        )
        for event in journey.events
    ]
    return stops_of(told)


def _name(services: WebServices, name: MemberName) -> str:
    found = services.look_up.member(name.center, name.member)
    return str(name) if found is None else found.name


def _price(kept: KeptLine) -> str | None:
    price = kept.open_line.price
    return None if price is None else money_words(price.amount, price.currency)


def _smallest(text: str, decimals: int) -> int:
    """A quantity that was asked for and taken before, in smallest units."""
    whole, _, part = text.partition(".")
    return int(whole + part[:decimals].ljust(decimals, "0"))


def attempts(acts: Sequence[KeptAct], *kinds: ActKind) -> tuple[KeptAct, ...]:
    """What was tried of a kind for a line, oldest first."""
    return tuple(act for act in acts if act.kind in kinds)
