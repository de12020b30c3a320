"""The ladder: eight questions to a receipt, each with the attack it stops, asked in the same order every time.

Two of them are of what the entry stands for, so they belong to its kind: an event has the logged hash and every logged detail, a
document's description is the logged one and the file is that document. The others are the same for all: the receipt reads well,
the entry opens, stands in the log, the center signed that, the chain holds it, the validators sealed the block.

A step whose ground has failed is not checked, with that as the reason, so the first failed step names what is wrong. The whole is
failed where any step failed, passed where the steps up to the chain passed, and otherwise not checked.

Nothing here reads a clock, file or network. The chain is seen through the protocol `Node`, so that a page and a command line
judge alike.
"""

from collections.abc import Sequence

from greenlane.core.canonical import JsonValue
from greenlane.core.errors import InvalidInput
from greenlane.core.receipt import Disclosure, DocumentDisclosure, Receipt, parse_receipt
from greenlane.core.trust import TrustFile
from greenlane.verify.anchor import (
    Anchoring,
    AnchorRefused,
    AnotherChain,
    KeyTermRefused,
    Node,
    NodeAway,
    NodesDisagree,
    SealsContradicted,
    chain_steps,
)
from greenlane.verify.document import DescriptionRefused, DocumentFindings, DocumentRefused, GivenFile, document_steps, given_file
from greenlane.verify.event import ContentRefused, EventRefused, event_steps, none_opened
from greenlane.verify.judgement import (
    GivenForm,
    Judgement,
    NodeAnswer,
    Rung,
    Step,
    Verdict,
    passed,
    unread,
)
from greenlane.verify.log import CenterUnknown, CheckpointMismatch, checkpoint_step, inclusion_step
from greenlane.verify.opening import SaltRefused

__all__ = [
    "AnchorRefused",
    "Anchoring",
    "AnotherChain",
    "CenterUnknown",
    "CheckpointMismatch",
    "ContentRefused",
    "DescriptionRefused",
    "DocumentRefused",
    "EventRefused",
    "GivenFile",
    "GivenForm",
    "Judgement",
    "KeyTermRefused",
    "Node",
    "NodeAnswer",
    "NodeAway",
    "NodesDisagree",
    "Rung",
    "SaltRefused",
    "SealsContradicted",
    "Step",
    "Verdict",
    "given_file",
    "judge",
]

_FETCH_AGAIN = "Fetch the receipt again from its center and verify that file; do not open and save it in an editor."


def judge(
    receipt_bytes: bytes, trust: TrustFile, *, event: JsonValue, ask: Sequence[Node], document: GivenFile | None = None
) -> Judgement:
    """Climbs the whole ladder; raises nothing, whatever the bytes.

    Args:
        receipt_bytes: as received.
        trust: what the asker trusts.
        event: the event as its bearer has it, beside the receipt; None where there is none. If the receipt discloses one as
            well, both must be the logged one. Not looked at where the receipt is of no event.
        ask: the nodes to ask for the anchor; every one is asked.
        document: the file beside the receipt of a document, as `given_file` read it; None where there is none. Not looked at
            where the receipt is of no document.
    """
    try:
        receipt = parse_receipt(receipt_bytes)
    except InvalidInput as error:
        place = f" (at {error.where})" if error.where else ""
        words = f"It does not read well{place}: {error.detail} {_FETCH_AGAIN}"
        # Of what kind its entry is was not read either: it is asked what most are asked.
        rungs = (Rung.EVENT_HASH, Rung.CONTENT, Rung.OPENED, Rung.INCLUSION, Rung.CHECKPOINT, Rung.ANCHORED, Rung.SEALED)
        return unread("receipt", words, error.code, rungs)
    stands_for, hash_text, of_document = _stands_for(receipt, event, document)
    center = trust.center(receipt.anchor.center)
    checkpoint, term = checkpoint_step(receipt, center)
    chain = chain_steps(receipt, trust, term, ask)
    steps = (
        passed(Rung.READS_WELL, "It is a receipt of version 1, and every field is as it must be."),
        *stands_for,
        inclusion_step(receipt),
        checkpoint,
        chain.anchored,
        chain.sealed,
    )
    return Judgement(
        receipt=receipt,
        center=center,
        steps=steps,
        event_hash=hash_text,
        description=None if of_document is None else of_document.description,
        given=None if of_document is None else of_document.given,
        nodes=chain.nodes,
        anchored_at=chain.anchored_at,
        sealed=chain.proven,
    )


def _stands_for(
    receipt: Receipt, event: JsonValue, document: GivenFile | None
) -> tuple[tuple[Step, Step, Step], str | None, DocumentFindings | None]:
    """The three steps of the entry's kind, the event hash of an event, and what else was found of a document."""
    disclosure = receipt.disclosure
    if isinstance(disclosure, Disclosure):
        steps, hash_text = event_steps(receipt, disclosure, event)
        return steps, hash_text, None
    if isinstance(disclosure, DocumentDisclosure):
        found = document_steps(receipt, disclosure, document)
        return found.steps, None, found
    kind = receipt.entry.kind.name.lower().replace("_", " ")
    reason = f"The entry is of the kind {kind}; this version opens entries of the kinds event and document."
    return none_opened(reason), None, None
