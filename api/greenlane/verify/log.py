"""Whether an entry stands in its center's log, and whether the center signed that state of it."""

from greenlane.core.checkpoint import OriginRefused, open_checkpoint_note
from greenlane.core.crypto import constant_time_equal
from greenlane.core.errors import ProofRefused
from greenlane.core.merkle import leaf_hash, verify_inclusion
from greenlane.core.note import SignatureRefused, parse_note
from greenlane.core.receipt import Receipt
from greenlane.core.trust import LogKeyTerm, TrustedCenter
from greenlane.core.wire import encode_time, shown
from greenlane.verify.judgement import Rung, Step, failed, passed


class CenterUnknown(ProofRefused):
    """The receipt is of a center that the trust file does not name."""

    code = "center-unknown"


class CheckpointMismatch(ProofRefused):
    """Inclusion proof, checkpoint and anchor do not speak of one tree."""

    code = "checkpoint-mismatch"


def inclusion_step(receipt: Receipt) -> Step:
    """Whether the entry stands in the tree that the checkpoint claims."""
    inclusion, checkpoint = receipt.inclusion, receipt.claimed_checkpoint()
    try:
        verify_inclusion(
            leaf=leaf_hash(receipt.entry.encode()),
            index=inclusion.leaf_index,
            tree_size=inclusion.tree_size,
            proof=inclusion.hashes,
            root=checkpoint.root,
        )
    except ProofRefused as error:
        return failed(Rung.INCLUSION, error.detail, error.code)
    words = f"It is entry {inclusion.leaf_index}, counted from 0, of the {inclusion.tree_size} in the log."
    return passed(Rung.INCLUSION, words)


def checkpoint_step(receipt: Receipt, center: TrustedCenter | None) -> tuple[Step, LogKeyTerm | None]:
    """The step, and the key that signed where it passed."""
    anchor, inclusion = receipt.anchor, receipt.inclusion
    try:
        if center is None:
            raise CenterUnknown(f"The trust file names no center {shown(anchor.center)}.")
        note, claimed = parse_note(receipt.checkpoint), receipt.claimed_checkpoint()
        if claimed.origin != center.origin:
            raise OriginRefused(
                f"The checkpoint is of the log {shown(claimed.origin)}; that of {center.name} is {shown(center.origin)}."
            )
        term = center.key_claimed_by(note)
        if term is None:
            raise SignatureRefused(f"The checkpoint bears no signature by a log key of {center.name}.")
        checkpoint = open_checkpoint_note(note, term.key)
        if not checkpoint.tree_size == inclusion.tree_size == anchor.tree_size:
            raise CheckpointMismatch(
                f"The checkpoint is of {checkpoint.tree_size} entries, the inclusion proof of {inclusion.tree_size}, "
                f"the anchor of {anchor.tree_size}."
            )
        if not constant_time_equal(checkpoint.root, anchor.root):
            raise CheckpointMismatch("The checkpoint and the anchor name different roots.")
    except ProofRefused as error:
        return failed(Rung.CHECKPOINT, error.detail, error.code), None
    words = f"{center.name} ({center.economy}) signed its log of {checkpoint.tree_size} entries."
    if term.valid_until is not None:
        words += f" The key has an end, {encode_time(term.valid_until)}; the next step holds it against the anchor's time."
    return passed(Rung.CHECKPOINT, words), term
