"""Judges the events of an item for a page, as any stranger would.

The judging is the stranger's own (`greenlane.verify`): what the page says, anyone can recompute from the receipts. What could not
be checked is never called failed, and always has its reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from greenlane.core.errors import GreenlaneError, ProofRefused, Unavailable
from greenlane.core.receipt import encode_receipt
from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, LeafIndex, TreeSize
from greenlane.ports.events import Reader, StoredEvent, meant_entry
from greenlane.services.list_documents import subjects_of
from greenlane.services.prove import SaltForgotten
from greenlane.verify.ladder import Anchoring, Judgement, Node, NodeAway, Verdict, judge
from greenlane.web.pages.journey import Finding, JudgedEvent, JudgedJourney, main_item, told_event
from greenlane.web.services import WebServices

_Answer = TypeVar("_Answer")


def judged_item(
    services: WebServices, identifier: str, *, reader: Reader | None, trust: TrustFile | Unavailable
) -> JudgedJourney | None:
    """The journey of an item, judged; None where nothing readable names it.

    Args:
        identifier: canonical GS1 Digital Link.
        reader: whose private events are included.
        trust: what to judge by, or why there is nothing to judge by.
    """
    journey = services.trace(identifier, reader=reader)
    if not journey.events:
        return None
    events = _judged(services, journey.events, reader, identifier, trust)
    return JudgedJourney(
        identifier=identifier,
        events=events,
        subjects=subjects_of(journey.walked, journey.events),
        is_whole=journey.is_whole,
        selected=_most_telling(events),
        told_at=services.clock(),
    )


def judged_event(
    services: WebServices,
    digest: bytes,
    *,
    center: CenterId | None,
    leaf_index: LeafIndex | None,
    content_digest: bytes | None,
    reader: Reader | None,
    trust: TrustFile | Unavailable,
) -> JudgedJourney | None:
    """The journey of the first item that an event names, with that event selected; None where it cannot be read.

    Args:
        digest: the 32 bytes of its event hash.
        center, leaf_index, content_digest: which of its entries; see `meant_entry`.
        reader, trust: as for `judged_item`.
    """
    entries = services.trace.by_hash(digest, reader=reader)
    chosen = meant_entry(entries, center=center, leaf_index=leaf_index, content_digest=content_digest)
    if chosen is None:
        return None
    identifier = main_item(chosen)
    found = {(entry.center, entry.leaf_index): entry for entry in entries}
    walked: tuple[str, ...] = ()
    is_whole = True
    if identifier is not None:
        journey = services.trace(identifier, reader=reader)
        walked, is_whole = journey.walked, journey.is_whole
        found |= {(entry.center, entry.leaf_index): entry for entry in journey.events}
    ordered = sorted(found.values(), key=lambda entry: (entry.event_time, entry.center, entry.leaf_index))
    events = _judged(services, ordered, reader, identifier, trust)
    selected = next(each for each in events if (each.event.center, each.event.leaf_index) == (chosen.center, chosen.leaf_index))
    return JudgedJourney(
        identifier=identifier,
        events=events,
        subjects=subjects_of(walked, ordered),
        is_whole=is_whole,
        selected=selected,
        told_at=services.clock(),
    )


def _most_telling(events: Sequence[JudgedEvent]) -> JudgedEvent:
    """The newest event, or, where some failed, the newest of those."""
    return next((event for event in reversed(events) if event.verdict is Verdict.FAILED), events[-1])


def _judged(
    services: WebServices,
    events: Sequence[StoredEvent],
    reader: Reader | None,
    identifier: str | None,
    trust: TrustFile | Unavailable,
) -> tuple[JudgedEvent, ...]:
    nodes = () if isinstance(trust, Unavailable) else tuple(_RememberingNode(node, trust) for node in services.judge_nodes)
    names = _Names(services)
    # Only whoever captured an event can declare it wrong: another's declaration is another's opinion.
    declared = {_said(event) for event in events if event.is_error_declaration}
    return tuple(
        told_event(
            event,
            finding=_finding(services, event, reader, trust, nodes),
            member=names.member(event),
            center=next((each for each in services.centers if each.id == event.center), None),
            asked=identifier,
            is_declared_wrong=_said(event) in declared and not event.is_error_declaration,
        )
        for event in events
    )


def _finding(
    services: WebServices,
    event: StoredEvent,
    reader: Reader | None,
    trust: TrustFile | Unavailable,
    nodes: Sequence[Node],
) -> Finding:
    """The verdict on one event, the whole judgement where there is one, and the reason where it is not a plain yes."""
    if isinstance(trust, Unavailable):
        return Finding(verdict=Verdict.NOT_CHECKED, reason=f"The chain cannot be asked now. {trust.detail}")
    try:
        receipt = services.prove(event.identity.event_digest, reader=reader, center=event.center, leaf_index=event.leaf_index)
        judgement = judge(encode_receipt(receipt), trust, event=None, ask=nodes)
    except (Unavailable, SaltForgotten) as error:
        return Finding(verdict=Verdict.NOT_CHECKED, reason=error.detail)
    except ProofRefused as error:
        return Finding(verdict=Verdict.FAILED, reason=f"This server's own log does not prove the event. {error.detail}")
    except GreenlaneError as error:
        return Finding(verdict=Verdict.NOT_CHECKED, reason=f"No receipt could be made. {error.detail}")
    return Finding(verdict=judgement.verdict, reason=_reason(judgement), judgement=judgement)


def _reason(judgement: Judgement) -> str:
    """What the step that decided said; empty where all passed that must."""
    if judgement.verdict is Verdict.PASSED:
        return ""
    # The seals come last: where they are not checked and the whole is not either, an earlier step is open.
    return next(step.words for step in judgement.steps if step.verdict is judgement.verdict)


def _said(event: StoredEvent) -> tuple[str, str, bytes]:
    """Who says which event."""
    return event.center, event.member, event.identity.event_digest


@dataclass(frozen=True, slots=True)
class _Names:
    """The members' names, each looked up once for one page."""

    services: WebServices
    known: dict[tuple[str, str], str] = field(default_factory=dict)

    def member(self, event: StoredEvent) -> str:
        key = (event.center, event.member)
        if key not in self.known:
            member = self.services.look_up.member(event.center, event.member)
            self.known[key] = event.member if member is None else member.name
        return self.known[key]


class _RememberingNode:
    """Asks the node behind it each question once for one page; a node that is away is not waited for again.

    A node of another chain is no witness against anybody: this server was told to ask the wrong one.
    """

    def __init__(self, node: Node, trust: TrustFile) -> None:
        self._node = node
        self._trust = trust
        self._answers: dict[tuple[object, ...], Any] = {}
        self._away: NodeAway | None = None

    @property
    def name(self) -> str:
        return self._node.name

    def chain_id(self) -> ChainId:
        return self._once(("chain",), self._trusted_chain_id)

    def genesis_hash(self) -> bytes:
        return self._once(("genesis",), self._trusted_genesis_hash)

    def storage_at(self, contract: Address, slot: bytes) -> bytes:
        return self._once(("storage", contract, slot), lambda: self._node.storage_at(contract, slot))

    def anchoring(self, contract: Address, center: CenterId, tree_size: TreeSize, hint: BlockNumber | None) -> Anchoring | None:
        asked = ("anchoring", contract, center, tree_size, hint)
        return self._once(asked, lambda: self._node.anchoring(contract, center, tree_size, hint))

    def _trusted_chain_id(self) -> ChainId:
        found = self._node.chain_id()
        if found != self._trust.chain_id:
            raise NodeAway(f"It serves the chain {found}, not {self._trust.chain_id}: this server's operator must look.")
        return found

    def _trusted_genesis_hash(self) -> bytes:
        found = self._node.genesis_hash()
        if found != self._trust.genesis_hash:
            raise NodeAway("It serves a chain of the same number and another beginning: this server's operator must look.")
        return found

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
