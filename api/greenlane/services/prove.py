"""Builds the receipt of one entry, verifies it with the same mathematics as any stranger would, and only then hands it out.

An entry is asked for by what it stands for: an event by its event hash, a document by its CID. Several entries may stand for the
same event or document; what is not named leaves a choice, and then a public entry goes before a private one. Evidence of green
assets and retirements are asked for by their place in the log, which whoever keeps them knows; nothing is disclosed with them.

Where validators seal the chain a receipt carries their seals as soon as they are kept, which is some blocks after the anchoring.
Until then it goes out without: it proves less, and nothing wrong. Whoever wants the seals says so and is told to wait.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from greenlane.core.assets.evidence import text_digest
from greenlane.core.assets.retirement import retirement_entry
from greenlane.core.canonical import content_digest, parse_json
from greenlane.core.checkpoint import open_checkpoint
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import document_entry
from greenlane.core.entry import Entry, EntryKind, opens
from greenlane.core.epcis.eventhash import CbvVersion, event_hash, event_hash_digest
from greenlane.core.errors import GreenlaneError, InvalidInput, NotFound, ProofRefused, Unavailable
from greenlane.core.merkle import leaf_hash, verify_inclusion
from greenlane.core.note import SignatureRefused, VerifierKey, parse_note
from greenlane.core.receipt import Anchor, Disclosure, DocumentDisclosure, Inclusion, Receipt
from greenlane.core.sealing import verify_sealed_root
from greenlane.core.seals import Seals
from greenlane.core.tiles import inclusion_proof_from_tiles
from greenlane.core.units import Address, CenterId, ChainId, LeafIndex, TreeSize
from greenlane.core.wire import encode_hex
from greenlane.ports.document_index import StoredDocument
from greenlane.ports.events import Reader, StoredEvent, meant_entry
from greenlane.ports.log import StoredAnchor, StoredCheckpoint
from greenlane.ports.outbox import anchor_purpose
from greenlane.ports.seals import SealedChain, carried_seals
from greenlane.ports.signing import CheckpointSigner, LogKeyRetired, LogKeyTerms
from greenlane.ports.store import Store, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlainEntry:
    """What is public without being disclosed in the receipt.

    Attributes:
        name: as its readers know it.
        plain: what the log must hold there.
    """

    center: CenterId
    leaf_index: LeafIndex
    name: str
    plain: Entry
    is_blinded: bool = False
    salt: None = None


_Stored = StoredEvent | StoredDocument | _PlainEntry
# An anchor takes a block or two, and the worker signs a few checkpoints in that time; one of them is the one on its way.
_CHECKPOINTS_LOOKED_AT = 64


class ReceiptNotReady(Unavailable):
    """What is asked for is durable, and its entry is not anchored yet."""

    code = "receipt-not-ready"
    default_remedy = "Ask again after the time in Retry-After; an anchor takes a block or two."


class ReceiptNotSealed(ReceiptNotReady):
    """The entry is anchored, and the validators' seals that prove it are not kept yet."""

    code = "receipt-not-sealed"
    default_remedy = "Ask again after the time in Retry-After, or take the receipt without seals."


class ChainNotSealed(InvalidInput):
    """Seals are asked for, and no validators seal the chain of this deployment."""

    code = "chain-not-sealed"
    default_remedy = "Take the receipt without seals: the chain's nodes tell what is anchored."


class LogDamaged(ProofRefused):
    """What the store holds does not prove what is asked for; no receipt of it was handed out."""

    code = "log-damaged"
    default_remedy = "The center's operator runs `greenlane fsck`, and restores from a backup what it names."


class SaltForgotten(GreenlaneError):
    """An entry is private and its salt was destroyed on request: it can never be opened again."""

    code = "salt-forgotten"
    default_remedy = "A receipt that was handed out before still verifies; there is no other."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPlace:
    """Where this deployment's anchors lie."""

    chain_id: ChainId
    anchor_log: Address


class Prove:
    """The use case: read only, and without asking the chain: the worker recorded what the chain holds."""

    def __init__(
        self, *, store: Store, signer: CheckpointSigner, terms: LogKeyTerms, chain: ChainPlace, sealed: SealedChain | None
    ) -> None:
        """Args:
        terms: what the registry says of log keys, as far as it is known.
        sealed: the same chain where validators seal it; None where nobody does.
        """
        self._store = store
        self._signer = signer
        self._terms = terms
        self._chain = chain
        self._sealed = sealed

    def __call__(
        self,
        event_digest: bytes,
        *,
        reader: Reader | None,
        center: CenterId | None = None,
        leaf_index: LeafIndex | None = None,
        content_digest: bytes | None = None,
        must_be_sealed: bool = False,
    ) -> Receipt:
        """The receipt of an event's entry.

        Args:
            event_digest: the 32 bytes of its event hash.
            reader: who asks: private events only for those who may read them. None: public ones only.
            center, leaf_index, content_digest: which entry, where several have that event hash; see `meant_entry`.
            must_be_sealed: whether a receipt without seals will not do.

        Raises:
            NotFound: nothing readable has that hash and stands at that place.
            ReceiptNotReady: its entry is not anchored yet.
            ReceiptNotSealed: it must be sealed, and its seals are not kept yet.
            ChainNotSealed: it must be sealed, and nobody seals this chain.
            LogKeyRetired: it is anchored under a log key that was not the center's any more; nobody would accept it.
            SaltForgotten: it can never be opened again.
            LogDamaged: what the store holds does not prove it; nothing was handed out.
            StoreUnavailable: the database is away.
        """
        if must_be_sealed and self._sealed is None:
            raise ChainNotSealed("No validators seal this deployment's chain.")
        with self._store.read() as tx:
            entries = tx.events.by_hash(event_digest, reader=reader)
            event = meant_entry(entries, center=center, leaf_index=leaf_index, content_digest=content_digest)
            if event is None:
                raise NotFound(
                    f"No event with hash {event_digest.hex()} can be read here, or none at the place that is named.",
                    remedy="Check the address; a private event is readable with a key of its member or its center only.",
                )
            return self._proven(tx, event, must_be_sealed=must_be_sealed)

    def document(
        self,
        cid: Cid,
        *,
        reader: Reader | None,
        center: CenterId | None = None,
        leaf_index: LeafIndex | None = None,
        must_be_sealed: bool = False,
        for_readers: bool = False,
    ) -> Receipt:
        """The receipt of a statement about a document; of one that was withdrawn too, for what was logged stays logged.

        Args:
            cid: of the stored bytes.
            reader: who asks: what is stated of confidential ones only for those who may read it. None: of public ones only.
            center, leaf_index: which statement, where several are about these bytes. What is not named leaves a choice: then a
                public one goes before a confidential one, one that stands before a withdrawn one, and the oldest before others.
            must_be_sealed: whether a receipt without seals will not do.
            for_readers: whoever asks, of confidential documents too, whatever `reader` says, and of them before public ones. Only
                for a caller that encrypts the answer for the readers whom the description names, and hands out nothing else.

        Raises:
            NotFound: nothing readable is stated of these bytes, or nothing at that place.
            InvalidInput: what is stated there is public, and no readers are named.
            ReceiptNotReady, ReceiptNotSealed, ChainNotSealed, LogKeyRetired, SaltForgotten, LogDamaged, StoreUnavailable: as for
                an event.
        """
        if must_be_sealed and self._sealed is None:
            raise ChainNotSealed("No validators seal this deployment's chain.")
        with self._store.read() as tx:
            # Anybody may state the ciphertext of another's document in public; its readers still get the receipt that is theirs.
            document = tx.documents.meant(cid, reader=reader, center=center, leaf_index=leaf_index, for_readers=for_readers)
            if document is None:
                raise NotFound(
                    f"No statement about document {cid.text} can be read here, or none at the place that is named.",
                    remedy="Check the address; what is stated of a confidential document is read with a key of its center, its "
                    "owner or a member that it names, or decrypted from the receipt for its readers.",
                )
            if for_readers and not document.is_blinded:
                raise InvalidInput("The document is public.", remedy="Ask for its receipt: everybody may read that.")
            return self._proven(tx, document, must_be_sealed=must_be_sealed)

    def entry(self, center: CenterId, leaf_index: LeafIndex, *, must_be_sealed: bool = False) -> Receipt:
        """The receipt of a statement of evidence or of a retirement, with `disclosure` null.

        Args:
            center, leaf_index: where its entry stands.
            must_be_sealed: whether a receipt without seals will not do.

        Raises:
            NotFound: no entry of these kinds stands there.
            ReceiptNotReady, ReceiptNotSealed, ChainNotSealed, LogKeyRetired, LogDamaged, StoreUnavailable: as for an event.
        """
        if must_be_sealed and self._sealed is None:
            raise ChainNotSealed("No validators seal this deployment's chain.")
        with self._store.read() as tx:
            found = _plain_entry(tx, center, leaf_index)
            if found is None:
                raise NotFound(f"Neither evidence nor a retirement stands at leaf {leaf_index} of {center!r}.")
            return self._proven(tx, found, must_be_sealed=must_be_sealed)

    def _proven(self, tx: Transaction, stored: _Stored, *, must_be_sealed: bool) -> Receipt:
        anchors = self._anchors(tx, stored)
        try:
            receipt = self._provable(tx, stored, anchors)
        except (Unavailable, LogKeyRetired):
            raise
        except GreenlaneError as fault:
            place = f"leaf {stored.leaf_index} of {stored.center!r}"
            raise LogDamaged(f"What is stored for {place} does not prove it: {fault.detail}") from fault
        if must_be_sealed and receipt.seals is None:
            raise ReceiptNotSealed(f"The entry of {_name(stored)} is anchored; its seals are still to come.", retry_after_s=2)
        return receipt

    def _anchors(self, tx: Transaction, stored: _Stored) -> tuple[StoredAnchor, ...]:
        """The smallest anchored tree that holds the entry, and the largest."""
        if stored.is_blinded and stored.salt is None:
            raise SaltForgotten(f"The salt of {_name(stored)} was forgotten.")
        anchor = tx.log.anchor_covering(stored.center, stored.leaf_index)
        if anchor is None:
            stage = self._stage(tx, stored)
            raise ReceiptNotReady(f"The entry of {_name(stored)} is {stage}, and not anchored yet.", retry_after_s=2)
        newest = tx.log.newest_anchor(stored.center)
        return (anchor,) if newest is None or newest == anchor else (anchor, newest)

    def _stage(self, tx: Transaction, stored: _Stored) -> str:
        """How far an entry that is not anchored has come, in the one word for it."""
        if stored.leaf_index >= tx.log.head(stored.center).published:
            return "captured"
        for checkpoint in tx.log.checkpoints(stored.center, above=TreeSize(stored.leaf_index), limit=_CHECKPOINTS_LOOKED_AT):
            purpose = anchor_purpose(stored.center, checkpoint.tree_size)
            if tx.outbox.pending_for(self._chain.chain_id, purpose) is not None:
                return "submitted"
        return "published"

    def _provable(self, tx: Transaction, stored: _Stored, anchors: Iterable[StoredAnchor]) -> Receipt:
        """The receipt under one of the anchors whose checkpoint is signed by a key that was the center's then.

        That is the first that is sealed, or, where none is, the first.
        """
        first: Receipt | None = None
        for anchor in anchors:
            checkpoint = tx.log.checkpoint(stored.center, anchor.tree_size)
            if checkpoint is None:
                raise ProofRefused("The checkpoint is not there.")
            key = self._accepted_key(checkpoint, anchor)
            if key is not None:
                receipt = self._receipt(tx, stored, checkpoint, anchor)
                self._verify(receipt, key, _plain(stored, receipt.disclosure))
                seals = None if self._sealed is None else self._seals(tx, self._sealed, anchor)
                if self._sealed is None or seals is not None:
                    return replace(receipt, seals=seals)
                first = first or receipt
        if first is not None:
            return first
        raise LogKeyRetired(
            f"The entry of {_name(stored)} is anchored under a log key that was not {stored.center!r}'s any more."
        )

    def _seals(self, tx: Transaction, chain: SealedChain, anchor: StoredAnchor) -> Seals | None:
        """What proves the anchor without the chain, verified; None where it is not kept yet."""
        anchored = tx.seals.sealed(anchor.center, anchor.tree_size)
        if anchored is None:
            return None
        seals, sealing = carried_seals(tx.seals, chain, anchored)
        verify_sealed_root(
            seals,
            sealing=sealing,
            registry=chain.pilot_registry,
            anchor_log=chain.anchor_log,
            center=anchor.center,
            tree_size=anchor.tree_size,
            root=anchor.root,
        )
        return seals

    def _accepted_key(self, checkpoint: StoredCheckpoint, anchor: StoredAnchor) -> VerifierKey | None:
        """The key that the checkpoint claims to be signed by, if a stranger takes it: see `core.trust` for the rule."""
        hosted = self._signer.center(anchor.center).key
        terms = self._terms(anchor.center)
        if terms is None:
            return hosted
        note = parse_note(checkpoint.note)
        claimed = [term for term in terms if note.is_claimed_by(term.key)]
        if not claimed and not note.is_claimed_by(hosted):
            raise SignatureRefused("The checkpoint bears no signature of the center.")
        return next((term.key for term in claimed if term.valid_until is None or term.covers(anchor.anchored_at)), None)

    def _receipt(self, tx: Transaction, stored: _Stored, checkpoint: StoredCheckpoint, anchor: StoredAnchor) -> Receipt:
        entry = tx.log.entries(stored.center, stored.leaf_index, 1)
        if not entry:
            raise ProofRefused("The entry is not there.")
        hashes = inclusion_proof_from_tiles(
            stored.leaf_index, anchor.tree_size, lambda tile, width: tx.log.read_tile(stored.center, tile, width)
        )
        return Receipt(
            entry=Entry.decode(entry[0]),
            disclosure=_disclosure(stored),
            inclusion=Inclusion(leaf_index=stored.leaf_index, tree_size=anchor.tree_size, hashes=hashes),
            checkpoint=checkpoint.note,
            anchor=Anchor(
                chain_id=self._chain.chain_id,
                contract=self._chain.anchor_log,
                center=stored.center,
                tree_size=anchor.tree_size,
                root=anchor.root,
                # Which block and when is for a node to tell: a chain that lost its newest blocks has the root again in another
                # one, and a receipt handed out before must go on to hold.
                block_number=None,
                block_time=None,
                transaction=None,
            ),
        )

    def _verify(self, receipt: Receipt, key: VerifierKey, plain: Entry) -> None:
        """Everything that a stranger will verify without the chain, from the receipt alone: what is stored beside it may lie."""
        checkpoint = open_checkpoint(receipt.checkpoint, key)
        verify_inclusion(
            leaf=leaf_hash(receipt.entry.encode()),
            index=receipt.inclusion.leaf_index,
            tree_size=receipt.inclusion.tree_size,
            proof=receipt.inclusion.hashes,
            root=receipt.anchor.root,
        )
        if (checkpoint.tree_size, checkpoint.root) != (receipt.inclusion.tree_size, receipt.anchor.root):
            raise ProofRefused("The checkpoint and the recorded anchor are of different trees.")
        if not opens(receipt.entry, plain, None if receipt.disclosure is None else receipt.disclosure.salt):
            raise ProofRefused("The log's entry is not that of what is stored.")


def _name(stored: _Stored) -> str:
    """What is asked for, as its readers know it."""
    if isinstance(stored, _PlainEntry):
        return stored.name
    if isinstance(stored, StoredDocument):
        return f"document {stored.description.cid.text}"
    return f"event {stored.event_hash}"


def _plain_entry(tx: Transaction, center: CenterId, leaf_index: LeafIndex) -> _PlainEntry | None:
    evidence = tx.evidence.at(center, leaf_index)
    if evidence is not None:
        subject = text_digest(evidence.statement.id)
        plain = Entry(kind=EntryKind.EVIDENCE, is_blinded=False, subject=subject, content=evidence.digest)
        return _PlainEntry(center=center, leaf_index=leaf_index, name=f"evidence {encode_hex(evidence.digest)}", plain=plain)
    retired = tx.purchases.retirement_at(center, leaf_index)
    if retired is None:
        return None
    name = f"retirement {encode_hex(retired.id)}"
    return _PlainEntry(center=center, leaf_index=leaf_index, name=name, plain=retirement_entry(retired.statement))


def _disclosure(stored: _Stored) -> Disclosure | DocumentDisclosure | None:
    if isinstance(stored, _PlainEntry):
        return None
    if isinstance(stored, StoredDocument):
        if stored.description.stated_by.center != stored.center:
            raise ProofRefused("The statement is another center's.")
        return DocumentDisclosure(description=stored.description, salt=stored.salt)
    event = parse_json(stored.document)
    if not isinstance(event, dict):
        raise ProofRefused("The event is no object.")
    return Disclosure(event=event, cbv_version=CbvVersion.V2_0, salt=stored.salt)


def _plain(stored: _Stored, disclosure: Disclosure | DocumentDisclosure | None) -> Entry:
    """The plain entry of what is stored, made of what is disclosed where that is disclosed whole."""
    if isinstance(stored, _PlainEntry):
        return stored.plain
    if isinstance(disclosure, DocumentDisclosure):
        assert disclosure.description is not None  # noqa: S101 - as `_disclosure` made it
        return document_entry(disclosure.description)
    assert isinstance(disclosure, Disclosure) and disclosure.event is not None  # noqa: S101 - as `_disclosure` made it
    return Entry(
        kind=EntryKind.EVENT,
        is_blinded=False,
        subject=event_hash_digest(event_hash(disclosure.event, disclosure.cbv_version)),
        content=content_digest(disclosure.event),
    )
