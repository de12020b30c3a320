"""What a page shows of an item: its events in time order, each with its receipt judged, and one verdict for the whole.

The judging is the stranger's own (`greenlane.verify`): what the page says, anyone can recompute from the receipts. The worst
event decides; what could not be checked is never called failed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.epcis.identifiers import to_digital_link
from greenlane.core.errors import GreenlaneError, ProofRefused, Unavailable
from greenlane.core.receipt import encode_receipt
from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, TreeSize
from greenlane.ports.events import StoredEvent
from greenlane.services.prove import SaltForgotten
from greenlane.verify.ladder import Anchoring, Judgement, Node, NodeAway, Verdict, judge
from greenlane.verify.report import report_value
from greenlane.web.pages.words import (
    disposition_words,
    item_words,
    local_path,
    quantity_words,
    role_words,
    step_words,
    time_words,
)
from greenlane.web.schemas import time_text
from greenlane.web.state import WebState

_MAX_ITEMS_SHOWN = 4
_SINGLES = ("parentID", "epcList", "childEPCs", "inputEPCList", "outputEPCList")
_CLASSES = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
_ORDER = ("inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList", "parentID", "childEPCs")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine:
    """One identifier that an event names.

    Attributes:
        quantity: how much of it; None where not told.
        path: of its own page here; None where it has none.
        is_asked: it is the item whose journey is shown.
    """

    words: str
    quantity: str | None
    path: str | None
    is_asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemGroup:
    """The identifiers of one field of an event; `more` counts those that are not listed."""

    words: str
    lines: tuple[ItemLine, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedEvent:
    """One event as a page tells it.

    Attributes:
        digest: event hash, 64 hex digits.
        content: content digest, 64 hex digits; tells entries of one event hash apart.
        place: the words of where it happened; None where it does not tell.
        judgement: of its receipt; None where there is no receipt yet, or never will be.
        reason: why there is no judgement, in plain words.
        is_private: readable by the center of the asker alone.
        is_declared_wrong: a later entry declares this event wrong.
        is_declaration: it declares an earlier one wrong.
    """

    event: StoredEvent
    digest: str
    content: str
    step: str
    disposition: str | None
    time: str
    place: str | None
    place_path: str | None
    member: str
    center: str
    economy: str
    groups: tuple[ItemGroup, ...]
    certificates: tuple[str, ...]
    judgement: Judgement | None
    verdict: Verdict
    reason: str
    is_private: bool
    is_declared_wrong: bool
    is_declaration: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedJourney:
    """An item, its events in time order, and the verdict over all of them.

    Attributes:
        identifier: canonical GS1 Digital Link; None for an event that names no such item.
        is_whole: False where there is more than is shown.
        selected: the event whose ladder is shown whole.
    """

    identifier: str | None
    events: tuple[JudgedEvent, ...]
    is_whole: bool
    selected: JudgedEvent

    @property
    def verdict(self) -> Verdict:
        """That of the worst event; passed only where the whole journey is there."""
        verdicts = {event.verdict for event in self.events}
        if Verdict.FAILED in verdicts:
            return Verdict.FAILED
        if Verdict.NOT_CHECKED in verdicts or not self.is_whole:
            return Verdict.NOT_CHECKED
        return Verdict.PASSED

    @property
    def declared_wrong(self) -> int:
        """How many events were later declared wrong by whoever captured them."""
        return sum(event.is_declared_wrong for event in self.events)

    def counted(self, verdict: Verdict) -> int:
        """How many events have this verdict."""
        return sum(event.verdict is verdict for event in self.events)


class _RememberingNode:
    """Asks the node behind it each question once for one page; a node that is away is not waited for again."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._answers: dict[tuple[object, ...], Any] = {}
        self._away: NodeAway | None = None

    @property
    def name(self) -> str:
        return self._node.name

    def chain_id(self) -> ChainId:
        return self._once(("chain",), self._node.chain_id)

    def genesis_hash(self) -> bytes:
        return self._once(("genesis",), self._node.genesis_hash)

    def storage_at(self, contract: Address, slot: bytes) -> bytes:
        return self._once(("storage", contract, slot), lambda: self._node.storage_at(contract, slot))

    def anchoring(self, contract: Address, center: CenterId, tree_size: TreeSize, hint: BlockNumber | None) -> Anchoring | None:
        asked = ("anchoring", contract, center, tree_size, hint)
        return self._once(asked, lambda: self._node.anchoring(contract, center, tree_size, hint))

    def _once(self, asked: tuple[object, ...], ask: Callable[[], _Answer]) -> _Answer:
        if self._away is not None:
            raise self._away
        if asked not in self._answers:
            try:
                self._answers[asked] = ask()
            except NodeAway as away:
                self._away = away
                raise
        answer: _Answer = self._answers[asked]
        return answer


def judged_item(state: WebState, identifier: str, *, reader: CenterId | None) -> JudgedJourney | None:
    """The journey of an item, judged; None where nothing readable names it.

    Args:
        identifier: canonical GS1 Digital Link.
        reader: the center whose private events are included.
    """
    journey = state.services.trace(identifier, reader=reader)
    if not journey.events:
        return None
    events = _judged(state, journey.events, reader, identifier)
    return JudgedJourney(identifier=identifier, events=events, is_whole=journey.is_whole, selected=_most_telling(events))


def judged_event(state: WebState, digest: bytes, content: bytes | None, *, reader: CenterId | None) -> JudgedJourney | None:
    """The journey of the first item that an event names, with that event selected; None where it cannot be read.

    Args:
        digest: the 32 bytes of its event hash.
        content: the content digest of one of its entries; None for the one captured first.
    """
    entries = state.services.trace.by_hash(digest, reader=reader)
    chosen = next((entry for entry in entries if content is None or entry.content_digest == content), None)
    if chosen is None:
        return None
    identifier = _main_item(chosen)
    found = {(entry.center, entry.leaf_index): entry for entry in entries}
    is_whole = True
    if identifier is not None:
        journey = state.services.trace(identifier, reader=reader)
        is_whole = journey.is_whole
        found |= {(entry.center, entry.leaf_index): entry for entry in journey.events}
    ordered = sorted(found.values(), key=lambda entry: (entry.event_time, entry.center, entry.leaf_index))
    events = _judged(state, ordered, reader, identifier)
    selected = next(each for each in events if (each.event.center, each.event.leaf_index) == (chosen.center, chosen.leaf_index))
    return JudgedJourney(identifier=identifier, events=events, is_whole=is_whole, selected=selected)


def _most_telling(events: Sequence[JudgedEvent]) -> JudgedEvent:
    """The newest event, or, where some failed, the newest of those."""
    return next((event for event in reversed(events) if event.verdict is Verdict.FAILED), events[-1])


def journey_value(journey: JudgedJourney, *, public_url: str) -> dict[str, Any]:
    """What the page says, as JSON."""
    return {
        "type": "GreenlaneJourney",
        "version": 1,
        "identifier": journey.identifier,
        "verdict": journey.verdict.value,
        "isWhole": journey.is_whole,
        "selected": journey.selected.event.event_hash,
        "events": [_event_value(event, public_url) for event in journey.events],
    }


def _event_value(event: JudgedEvent, public_url: str) -> dict[str, Any]:
    return {
        "eventHash": event.event.event_hash,
        "contentDigest": event.content,
        "verdict": event.verdict.value,
        "reason": event.reason or None,
        "center": event.event.center,
        "member": event.event.member,
        "memberName": event.member,
        "leafIndex": event.event.leaf_index,
        "capturedAt": time_text(event.event.captured_at),
        "isPrivate": event.is_private,
        "isDeclaredWrong": event.is_declared_wrong,
        "receipt": f"{public_url}{receipt_path(event)}",
        "event": parse_json(event.event.document),
        "judgement": None if event.judgement is None else report_value(event.judgement),
    }


def receipt_path(event: JudgedEvent) -> str:
    """The path of an event's receipt here."""
    return f"/v1/receipts/{event.digest}?content={event.content}"


def _main_item(event: StoredEvent) -> str | None:
    ranks = ("output", "output_quantity", "epc", "quantity", "child_epc", "child_quantity", "parent", "input", "input_quantity")
    items = [item for item in event.items if local_path(item.identifier) is not None]
    items.sort(key=lambda item: ranks.index(item.role) if item.role in ranks else len(ranks))
    return items[0].identifier if items else None


def _judged(
    state: WebState, events: Sequence[StoredEvent], reader: CenterId | None, identifier: str | None
) -> tuple[JudgedEvent, ...]:
    try:
        trust: TrustFile | None = state.trust()
        away = ""
    except Unavailable as error:
        trust, away = None, error.detail
    node = _RememberingNode(state.services.judge_node)
    names: dict[tuple[str, str], str] = {}
    # Only whoever captured an event can declare it wrong: another's declaration is another's opinion.
    declared = {_said(event) for event in events if event.is_error_declaration}
    return tuple(_judged_one(state, event, reader, trust, away, node, names, declared, identifier) for event in events)


def _judged_one(
    state: WebState,
    event: StoredEvent,
    reader: CenterId | None,
    trust: TrustFile | None,
    away: str,
    node: Node,
    names: dict[tuple[str, str], str],
    declared: set[tuple[str, str, bytes]],
    identifier: str | None,
) -> JudgedEvent:
    judgement: Judgement | None = None
    verdict, reason = Verdict.NOT_CHECKED, ""
    if trust is None:
        reason = f"The chain cannot be asked now. {away}"
    else:
        try:
            receipt = state.services.prove(event.identity.event_digest, reader=reader, content_digest=event.content_digest)
            judgement = judge(encode_receipt(receipt), trust, event=None, ask=[node])
            verdict = judgement.verdict
        except (Unavailable, SaltForgotten) as error:
            reason = error.detail
        except ProofRefused as error:
            verdict, reason = Verdict.FAILED, f"This server's own log does not prove the event. {error.detail}"
        except GreenlaneError as error:
            reason = f"No receipt could be made. {error.detail}"
    document = parse_json(event.document)
    fields: dict[str, JsonValue] = document if isinstance(document, dict) else {}
    key = (event.center, event.member)
    if key not in names:
        member = state.services.read_log.member(event.center, event.member)
        names[key] = event.member if member is None else member.name
    center = next((each for each in state.services.centers if each.id == event.center), None)
    place = event.biz_location or event.read_point
    certificates = fields.get("certificationInfo", [])
    return JudgedEvent(
        event=event,
        digest=event.identity.event_digest.hex(),
        content=event.content_digest.hex(),
        step=step_words(event.event_type, event.biz_step),
        disposition=disposition_words(event.disposition),
        time=time_words(event.event_time, fields.get("eventTimeZoneOffset")),
        place=None if place is None else item_words(place),
        place_path=None if place is None else local_path(place),
        member=names[key],
        center=event.center if center is None else center.name,
        economy="" if center is None else center.economy,
        groups=_groups(fields, identifier),
        certificates=tuple(str(each) for each in (certificates if isinstance(certificates, list) else [certificates])),
        judgement=judgement,
        verdict=verdict,
        reason=reason,
        is_private=event.visibility.value == "private",
        is_declared_wrong=_said(event) in declared and not event.is_error_declaration,
        is_declaration=event.is_error_declaration,
    )


def _said(event: StoredEvent) -> tuple[str, str, bytes]:
    """Who says which event."""
    return event.center, event.member, event.identity.event_digest


def _groups(fields: dict[str, JsonValue], asked: str | None) -> tuple[ItemGroup, ...]:
    groups: list[ItemGroup] = []
    for field in sorted({*_SINGLES, *_CLASSES}, key=lambda name: (_ORDER.index(name) if name in _ORDER else 99, name)):
        value = fields.get(field)
        named = value if isinstance(value, list) else [] if value is None else [value]
        if named:
            lines = [_line(each, asked) for each in named]
            mine = [line for line in lines if line.is_asked]
            # Where the asked item is one of many, the others are other people's: their number is enough.
            listed = mine or lines[:_MAX_ITEMS_SHOWN]
            groups.append(ItemGroup(words=role_words(field), lines=tuple(listed), more=len(lines) - len(listed)))
    return tuple(groups)


def _line(named: JsonValue, asked: str | None) -> ItemLine:
    element = named if isinstance(named, dict) else {"epcClass": named}
    identifier = str(element.get("epcClass"))
    return ItemLine(
        words=item_words(identifier),
        quantity=quantity_words(element.get("quantity"), element.get("uom")),
        path=local_path(identifier),
        is_asked=asked is not None and to_digital_link(identifier) == asked,
    )
