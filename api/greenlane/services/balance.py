"""The books of a member's facility: balances for whoever may read them, and the judgement of a statement that rests on them.

A book is made of what the member itself captured at the facility, so that nobody fills or empties another's. It is made of the
events each time: there is no second truth beside the log. What was read of them is remembered, for entries never change, and only
what the log got since is read again. Its own center alone has all of it, private events too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.balance.book import Node, PeriodBalance, nodes_of, period_balance
from greenlane.core.balance.movements import BookEvent, Movements, Uncounted, movements_of
from greenlane.core.balance.statement import Claim, StatementSum, claim_of, judge_statement
from greenlane.core.canonical import parse_json
from greenlane.core.epcis.event import parse_capture
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.ports.accounts import MemberUnknown
from greenlane.ports.acts import ActKind
from greenlane.ports.events import StoredEvent
from greenlane.ports.evidence_index import EvidenceState
from greenlane.ports.store import Store, Transaction

MAX_BOOK_EVENTS = 100_000
"""Of one member at one facility: at the first look half a minute of reading."""
REMEMBERED_EVENTS = 200_000
"""Of all books together: what is remembered of an event has one or two kilobytes."""
REMEMBERED_BOOKS = 1_000
MAX_STATED = 2_000
"""Statements of one member, facility and attribute that are judged together."""
_PAGE = 1_000
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2106, 1, 1)


class BookTooLarge(InvalidInput):
    """The facility has more events than are read for one balance."""

    code = "book-too-large"
    default_remedy = "Capture under the GLN of each building or line, and ask for the balance of each by itself."


class StatementsFull(InvalidInput):
    """As many statements of one attribute stand for the facility as are judged together."""

    code = "statements-full"
    default_remedy = "State more at once in fewer statements, or under the GLN of another building or line."


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityBook:
    """Balances of one facility, by material and unit, and what could not be counted."""

    center: CenterId
    member: MemberId
    facility: str
    balances: tuple[PeriodBalance, ...]
    uncounted: tuple[Uncounted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementVerdict:
    """What the books say of a statement that they do not refuse.

    Attributes:
        is_checked: False where there is no book to compare with: "not checked" is no "passed".
        reason: one sentence.
        sums: every book that was looked at; empty where none was.
    """

    is_checked: bool
    reason: str
    sums: tuple[StatementSum, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What was read of a book.

    Attributes:
        up_to: every entry of the log before this one is in it.
    """

    events: tuple[BookEvent, ...]
    up_to: LeafIndex


class Balance:
    """The use case, read only; one instance serves all threads."""

    def __init__(self, *, store: Store, max_events: int = MAX_BOOK_EVENTS, remembered_events: int = REMEMBERED_EVENTS) -> None:
        self._store = store
        self._max_events = max_events
        self._remembered_events = remembered_events
        # Never changed, only replaced: threads share it without a lock, and what one of them loses is read again.
        self._read: Mapping[tuple[CenterId, MemberId, str], _Read] = {}

    def __call__(
        self,
        center: CenterId,
        member: MemberId,
        *,
        facility: str,
        material: str | None = None,
        from_day: date | None = None,
        to_day: date | None = None,
    ) -> FacilityBook:
        """The balances of a member's facility.

        Args:
            facility, material: canonical; material None: every one.
            from_day, to_day: both included; None: without bound.

        Raises:
            MemberUnknown: the center has no such member.
            BookTooLarge: see there.
        """
        with self._store.read() as tx:
            if tx.accounts.member(center, member) is None:
                raise MemberUnknown(f"Center {center!r} has no member {member!r}.")
            book = self._book(tx, center, member, facility)
        nodes = nodes_of(book.movements)
        wanted = sorted((each for each in nodes if material in (None, each.material)), key=_by_name)
        return FacilityBook(
            center=center,
            member=member,
            facility=facility,
            balances=tuple(period_balance(node, nodes[node], from_day=from_day, to_day=to_day) for node in wanted),
            uncounted=tuple(
                each
                for each in book.uncounted
                if (from_day is None or from_day <= each.day) and (to_day is None or each.day <= to_day)
            ),
        )

    def judge(
        self, tx: Transaction, statement: EvidenceStatement, *, holder_center: CenterId, holder: MemberId
    ) -> StatementVerdict:
        """Refuses a statement that its holder's books do not carry.

        Args:
            tx: the transaction that will keep the statement, which holds the log of the statement's center, so that of two
                statements at the same moment the second finds the first; it has captured nothing itself. Of a statement that is
                kept already, any: it does not stand against itself.

        Raises:
            FieldInvalid: lot or facility is not in its one spelling.
            BeyondBalance, FactorMissing, FactorsCircular: the books do not carry it; the first with the sum.
            BookTooLarge, StatementsFull: see there.
        """
        asked = claim_of(statement)
        if asked is None:
            reason = "No lot is stated, and an external registry's serials have no book here."
            return StatementVerdict(is_checked=False, reason=reason, sums=())
        if tx.accounts.member(holder_center, holder) is None:
            reason = f"The events of {holder_center}/{holder} are kept by another center, and its books with them."
            return StatementVerdict(is_checked=False, reason=reason, sums=())
        book = self._book(tx, holder_center, holder, statement.facility)
        kept = tx.factors.of_member(holder_center, holder, facility=statement.facility)
        sums = judge_statement(
            asked,
            movements=book.movements,
            stated=_stated(tx, statement, holder_center, holder),
            factors=[each.factor for each in kept],
        )
        return StatementVerdict(is_checked=True, reason=" ".join(each.words() for each in sums), sums=sums)

    def warm(self, center: CenterId, member: MemberId, facility: str) -> None:
        """Reads what there is of a book, so that whoever judges in a moment holds its transaction the shorter.

        Raises:
            BookTooLarge: see there.
        """
        with self._store.read() as tx:
            self._events(tx, center, member, facility)

    def _book(self, tx: Transaction, center: CenterId, member: MemberId, facility: str) -> Movements:
        return movements_of(self._events(tx, center, member, facility), facility)

    def _events(self, tx: Transaction, center: CenterId, member: MemberId, facility: str) -> tuple[BookEvent, ...]:
        """All events of a book, in no order that matters."""
        key = (center, member, facility)
        # Asked before the events are: what comes between is read now, and again the next time, and counts once.
        head = LeafIndex(tx.log.head(center).captured)
        known = self._read.get(key)
        before, start = ((), LeafIndex(0)) if known is None else (known.events, known.up_to)
        fresh: list[BookEvent] = []
        for each in self._pages(tx, key, start):
            fresh.append(each)
            if len(before) + len(fresh) > self._max_events:
                raise BookTooLarge(f"{facility} has more than {self._max_events} events of {center}/{member}.")
        found = _Read(events=(*before, *fresh), up_to=head)
        self._remember(key, found)
        return found.events

    def _pages(self, tx: Transaction, key: tuple[CenterId, MemberId, str], start: LeafIndex) -> Iterator[BookEvent]:
        last: StoredEvent | None = None
        while page := tx.events.at_facility(*key, after=last, limit=_PAGE, start=start):
            for each in page:
                (event,) = parse_capture(parse_json(each.document))
                # A hundred thousand documents would be much to hold, and nothing more is read of them.
                yield BookEvent(event=replace(event, document={}), event_hash=each.event_hash)
            last = page[-1]

    def _remember(self, key: tuple[CenterId, MemberId, str], found: _Read) -> None:
        """Keeps what was read last; what was not asked for longest goes first. Of a book without events nothing is to be kept."""
        if not found.events:
            if key in self._read:
                self._read = {other: book for other, book in self._read.items() if other != key}
            return
        books = dict(self._read)
        books.pop(key, None)
        books[key] = found
        count = sum(len(each.events) for each in books.values())
        for oldest in list(books):
            if count <= self._remembered_events and len(books) <= REMEMBERED_BOOKS:
                break
            count -= len(books.pop(oldest).events)
        self._read = books


def _stated(tx: Transaction, statement: EvidenceStatement, center: CenterId, holder: MemberId) -> Iterator[Claim]:
    """What stands of the same holder, facility and attribute; what was revoked gives back what it took.

    Of what was revoked before anything was issued the chain's list of issuances says nothing, and the certifier's act does.
    """
    found = tx.evidence.stated(
        statement.facility,
        vintage_from=_FIRST_DAY,
        vintage_to=_LAST_DAY,
        attribute=statement.attribute,
        holder=(center, holder),
    )
    if len(found) > MAX_STATED:
        raise StatementsFull(f"{len(found)} statements of {center}/{holder} stand for {statement.facility}.")
    taken_back: dict[tuple[CenterId, MemberId], frozenset[str]] = {}
    for each in found:
        issuance = tx.assets.issuance(each.digest)
        if issuance is None:
            certifier = (each.certifier_center, each.certifier)
            if certifier not in taken_back:
                taken_back[certifier] = tx.acts.done_subjects(*certifier, ActKind.REVOKE)
            is_revoked = each.state is EvidenceState.LOGGED and each.statement.id in taken_back[certifier]
        else:
            is_revoked = issuance.revoked is not None
        if not is_revoked and each.statement != statement:
            claim = claim_of(each.statement)
            if claim is not None:
                yield claim


def _by_name(node: Node) -> tuple[str, str]:
    return node.material, node.unit
