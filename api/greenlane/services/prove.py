"""Builds the receipt of one event, verifies it with the same mathematics as any stranger would, and only then hands it out."""

from dataclasses import dataclass

from greenlane.core.canonical import parse_json
from greenlane.core.checkpoint import open_checkpoint
from greenlane.core.entry import Entry, EntryKind, opens
from greenlane.core.epcis.eventhash import CbvVersion
from greenlane.core.errors import GreenlaneError, NotFound, Unavailable
from greenlane.core.merkle import leaf_hash, verify_inclusion
from greenlane.core.receipt import Anchor, Disclosure, Inclusion, Receipt
from greenlane.core.tiles import inclusion_proof_from_tiles
from greenlane.core.units import Address, CenterId, ChainId
from greenlane.ports.events import StoredEvent
from greenlane.ports.signing import CheckpointSigner
from greenlane.ports.store import Store, Transaction


class ReceiptNotReady(Unavailable):
    """The event is durable and its entry is not anchored yet."""

    code = "receipt-not-ready"
    default_remedy = "Ask again after the time in Retry-After; an anchor takes a block or two."


class SaltForgotten(GreenlaneError):
    """The event is private and its salt was destroyed on request: its entry can never be opened again."""

    code = "salt-forgotten"
    default_remedy = "A receipt that was handed out before still verifies; there is no other."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPlace:
    """Where this deployment's anchors lie."""

    chain_id: ChainId
    anchor_log: Address


class Prove:
    """The use case: read only, and without asking the chain: the worker recorded what the chain holds."""

    def __init__(self, *, store: Store, signer: CheckpointSigner, chain: ChainPlace) -> None:
        self._store = store
        self._signer = signer
        self._chain = chain

    def __call__(self, event_digest: bytes, *, reader: CenterId | None, content_digest: bytes | None = None) -> Receipt:
        """The receipt of an event.

        Args:
            event_digest: the 32 bytes of its event hash.
            reader: the center that asks; private events only for their own. None: public ones only.
            content_digest: which entry, where several have that event hash (a declaration of error about it is another
                entry); without it, the one captured first.

        Raises:
            NotFound: nothing readable has that hash (and content digest).
            ReceiptNotReady: its entry is not anchored yet.
            SaltForgotten: it can never be opened again.
            ProofRefused: what the store holds does not prove it; the log is damaged and nothing was handed out.
        """
        with self._store.read() as tx:
            event = self._event(tx, event_digest, reader, content_digest)
            receipt = self._receipt(tx, event)
        self._verify(receipt, event)
        return receipt

    def _event(self, tx: Transaction, event_digest: bytes, reader: CenterId | None, content_digest: bytes | None) -> StoredEvent:
        for event in tx.events.by_hash(event_digest, reader=reader):
            if content_digest is None or event.content_digest == content_digest:
                return event
        raise NotFound(
            f"No event with hash {event_digest.hex()} can be read here.",
            remedy="Check the hash; a private event is readable with a key of its own center only.",
        )

    def _receipt(self, tx: Transaction, event: StoredEvent) -> Receipt:
        if event.is_blinded and event.salt is None:
            raise SaltForgotten(f"The salt of event {event.event_hash} was forgotten.")
        anchor = tx.log.anchor_covering(event.center, event.leaf_index)
        if anchor is None:
            is_published = event.leaf_index < tx.log.head(event.center).published
            stage = "published, and not anchored yet" if is_published else "captured, and not published yet"
            raise ReceiptNotReady(f"Event {event.event_hash} is {stage}.", retry_after_s=2)
        checkpoint = tx.log.checkpoint(event.center, anchor.tree_size)
        entry = tx.log.entries(event.center, event.leaf_index, 1)
        if checkpoint is None or not entry:
            raise GreenlaneError(
                f"The log of {event.center!r} lacks its checkpoint or entry at leaf {event.leaf_index}.",
                remedy="Run `greenlane fsck`.",
            )
        hashes = inclusion_proof_from_tiles(
            event.leaf_index, anchor.tree_size, lambda tile, width: tx.log.read_tile(event.center, tile, width)
        )
        document = parse_json(event.document)
        if not isinstance(document, dict):
            raise GreenlaneError(f"The stored event at leaf {event.leaf_index} is no object.", remedy="Run `greenlane fsck`.")
        return Receipt(
            entry=Entry.decode(entry[0]),
            disclosure=Disclosure(event=document, cbv_version=CbvVersion.V2_0, salt=event.salt),
            inclusion=Inclusion(leaf_index=event.leaf_index, tree_size=anchor.tree_size, hashes=hashes),
            checkpoint=checkpoint.note,
            anchor=Anchor(
                chain_id=self._chain.chain_id,
                contract=self._chain.anchor_log,
                center=event.center,
                tree_size=anchor.tree_size,
                root=anchor.root,
                block_number=anchor.block_number,
                block_time=anchor.anchored_at,
                transaction=anchor.transaction,
            ),
        )

    def _verify(self, receipt: Receipt, event: StoredEvent) -> None:
        hosted = self._signer.center(event.center)
        checkpoint = open_checkpoint(receipt.checkpoint, hosted.key)
        verify_inclusion(
            leaf=leaf_hash(receipt.entry.encode()),
            index=receipt.inclusion.leaf_index,
            tree_size=checkpoint.tree_size,
            proof=receipt.inclusion.hashes,
            root=checkpoint.root,
        )
        plain = Entry(
            kind=EntryKind.EVENT,
            is_blinded=False,
            subject=event.identity.event_digest,
            content=event.content_digest,
        )
        if not opens(receipt.entry, plain, event.salt) or receipt.anchor.root != checkpoint.root:
            raise GreenlaneError(
                f"The log's entry at leaf {event.leaf_index} of {event.center!r} is not that of the stored event.",
                remedy="Run `greenlane fsck`.",
            )
