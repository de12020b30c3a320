"""Whether an entry of the kind event stands for the event that is shown: its hash, every detail, and the opening of the entry.

The event is in the receipt, or travels beside it; where there are two, both must be the logged one.
"""

from greenlane.core.canonical import JsonValue, content_digest
from greenlane.core.epcis.eventhash import CbvVersion, event_hash, event_hash_digest
from greenlane.core.errors import InvalidInput, ProofRefused
from greenlane.core.receipt import Disclosure, Receipt
from greenlane.verify.judgement import Rung, Step, failed, not_checked, passed
from greenlane.verify.opening import NOT_OPENED, WITHHELD_SALT, Logged, SaltRefused


class EventRefused(ProofRefused):
    """The disclosed event is not the one that was logged."""

    code = "event-refused"


class ContentRefused(ProofRefused):
    """The disclosed event is not, in every detail, the one that was logged."""

    code = "content-refused"


def event_steps(receipt: Receipt, disclosure: Disclosure, given: JsonValue) -> tuple[tuple[Step, Step, Step], str | None]:
    """Event hash, content, opening of the entry; and the event hash in words where it is the logged one.

    Args:
        given: the event beside the receipt; None where there is none.
    """
    is_blinded, salt = receipt.entry.is_blinded, disclosure.salt
    if is_blinded and salt is None:
        return none_opened(WITHHELD_SALT), None
    events = [event for event in (disclosure.event, given) if event is not None]
    if not events:
        reason = "The event behind the entry is not disclosed, neither in the receipt nor beside it."
        return none_opened(reason), None
    version = disclosure.cbv_version
    logged = Logged(entry=receipt.entry, salt=salt)
    hash_faults = [_hash_fault(logged, event, version) for event in events]
    content_faults = [_content_fault(logged, event) for event in events]
    # One digest that fits shows the salt to be the right one. Where none does, salt and event cannot be told apart.
    if is_blinded and None not in hash_faults and None not in content_faults:
        words = "Under the receipt's salt the entry stands for nothing of this event: one of the two is another's."
        return (
            not_checked(Rung.EVENT_HASH, NOT_OPENED),
            not_checked(Rung.CONTENT, NOT_OPENED),
            failed(Rung.OPENED, words, SaltRefused.code),
        ), None
    hash_fault = next((fault for fault in hash_faults if fault is not None), None)
    content_fault = next((fault for fault in content_faults if fault is not None), None)
    steps = (
        passed(Rung.EVENT_HASH, f"By the rules of {version.value} the event has the hash that was logged.")
        if hash_fault is None
        else failed(Rung.EVENT_HASH, hash_fault, EventRefused.code),
        passed(Rung.CONTENT, "Not one detail of the event was changed, added or left out.")
        if content_fault is None
        else failed(Rung.CONTENT, content_fault, ContentRefused.code),
        passed(Rung.OPENED, logged.opened),
    )
    first = events[0]
    return steps, event_hash(first, version) if hash_fault is None and isinstance(first, dict) else None


def _hash_fault(logged: Logged, event: JsonValue, version: CbvVersion) -> str | None:
    """What is wrong with an event's hash, in words; None where it is the logged one."""
    if not isinstance(event, dict):
        return "What is given as the event is no JSON object."
    try:
        digest = event_hash_digest(event_hash(event, version))
    except InvalidInput as error:
        return f"The event cannot be hashed: {error.detail}"
    if not logged.has_subject(digest):
        return f"By the rules of {version.value} the event has another hash than the one that was logged."
    oldest = CbvVersion.V2_0
    # Many events hash alike under several versions. A receipt names the oldest, so that this part of it cannot be changed either.
    if version is not oldest and event_hash_digest(event_hash(event, oldest)) == digest:
        return f"The receipt names {version.value}, though the event hashes alike by {oldest.value}: a receipt names the oldest."
    return None


def _content_fault(logged: Logged, event: JsonValue) -> str | None:
    """What is wrong with an event's content, in words; None where it is the logged one."""
    try:
        digest = content_digest(event)
    except InvalidInput as error:
        return f"The event has no content digest: {error.detail}"
    if not logged.has_content(digest):
        return "Something in the event was changed, added or left out since it was logged."
    return None


def none_opened(reason: str) -> tuple[Step, Step, Step]:
    """The three steps where nothing is there to judge."""
    return (
        not_checked(Rung.EVENT_HASH, reason),
        not_checked(Rung.CONTENT, reason),
        not_checked(Rung.OPENED, reason),
    )
