"""The ladder: eight questions to a receipt, each with the attack it stops, asked in the same order every time.

A step passes, fails, or was not checked; "not checked" is never said for "failed", nor the other way round. A step whose ground
has failed is not checked, with that as the reason, so the first failed step names what is wrong. The whole is failed where any
step failed, passed where the steps up to the chain passed, and otherwise not checked. The validators' seals stand above the
chain: without them one has a node's word, or that of several, for what the chain holds. With them no node need be asked, and one
that contradicts them fails the whole.

A sealed block says that the root was anchored by the block's time, not when. So it is held against the end of a log key's term:
what was sealed before that end was anchored before it, and whoever steals a retired key cannot get a block sealed in the past.
The beginning of a term is held against it as far as that goes: a block sealed before it is refused. Beyond that it needs nothing,
since only its center can have anchored the root before the key was given away.

Nothing here reads a clock, file or network. The chain is seen through the protocol `Node`, so that a page and a command line
judge alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.canonical import JsonValue, content_digest
from greenlane.core.checkpoint import OriginRefused, open_checkpoint_note
from greenlane.core.crypto import constant_time_equal
from greenlane.core.entry import blind
from greenlane.core.epcis.eventhash import CbvVersion, event_hash, event_hash_digest
from greenlane.core.errors import CannotCheck, InvalidInput, ProofRefused, Unavailable
from greenlane.core.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from greenlane.core.note import SignatureRefused, parse_note
from greenlane.core.receipt import Anchor, Receipt, parse_receipt
from greenlane.core.seals import Sealing, Seals, ValidatorMode
from greenlane.core.trust import LogKeyTerm, TrustedCenter, TrustFile
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, RootHash, Salt, TreeSize, TxHash
from greenlane.core.wire import encode_hex, encode_time, shown

if TYPE_CHECKING:
    from greenlane.core.sealing import SealedRoot

_NO_SEALS = "This receipt carries no validator seals."
_FETCH_AGAIN = "Fetch the receipt again from its center and verify that file; do not open and save it in an editor."
_OTHER_KIND = (
    "Receipt and trust file are of two different kinds of networks: the receipt's chain keeps its validators in {of_receipt}, "
    "that of the trust file in {of_trust}. Ask for the trust file of the network that the receipt is of."
)
_STRANGERS = (
    "The validators that this trust file leads to did not seal the block as they must: the receipt is forged, or the trust file "
    "is older than a change of the validators. Take a newer trust file from a source that you trust, fetch the receipt again "
    "from its center, and verify once more; do not rely on it before that passes."
)
_DAMAGED = (
    "What the receipt carries as the validators' proof was damaged on the way, or is forged. Fetch it again from its center and "
    "verify that file; do not rely on it before that passes."
)


class Verdict(StrEnum):
    """One of three answers, of a step and of the whole."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


class Rung(Enum):
    """The steps, in their order: a stable name, what it is called, and the attack it stops."""

    READS_WELL = ("receipt", "The receipt reads well", "bytes that two readers understand differently")
    EVENT_HASH = ("event-hash", "The event has the hash that was logged", "another event shown in place of the logged one")
    CONTENT = ("content", "Every detail of the event is as logged", "a changed detail that the event hash leaves out")
    OPENED = ("entry", "The entry can be opened", "a private entry passed off as that of an event it does not stand for")
    INCLUSION = ("inclusion", "The entry stands in the log", "an entry that was never logged")
    CHECKPOINT = ("checkpoint", "The center signed this state of its log", "a log made up by somebody else")
    ANCHORED = ("anchor", "The chain holds this state of the log", "a center that shows different logs to different people")
    SEALED = ("seals", "The validators sealed the block", "a node that lies about what the chain holds")

    def __init__(self, slug: str, title: str, stops: str) -> None:
        self.slug = slug
        self.title = title
        self.stops = stops

    @property
    def number(self) -> int:
        """From 1."""
        return list(Rung).index(self) + 1


class EventRefused(ProofRefused):
    """The disclosed event is not the one that was logged."""

    code = "event-refused"


class ContentRefused(ProofRefused):
    """The disclosed event is not, in every detail, the one that was logged."""

    code = "content-refused"


class SaltRefused(ProofRefused):
    """Under the salt of the receipt the entry stands for nothing that is disclosed."""

    code = "salt-refused"


class CenterUnknown(ProofRefused):
    """The receipt is of a center that the trust file does not name."""

    code = "center-unknown"


class CheckpointMismatch(ProofRefused):
    """Inclusion proof, checkpoint and anchor do not speak of one tree."""

    code = "checkpoint-mismatch"


class AnchorRefused(ProofRefused):
    """The chain, as a node tells it, does not hold what the receipt says, or the receipt names another chain."""

    code = "anchor-refused"


class NodesDisagree(ProofRefused):
    """Nodes of one chain were asked one thing and answered differently: at least one of them lies or is not of the chain."""

    code = "nodes-disagree"


class SealsContradicted(ProofRefused):
    """A node contradicts what the validators' seals prove: it lies or lags behind, or the validators sealed two histories."""

    code = "seals-contradicted"


class KeyTermRefused(ProofRefused):
    """The checkpoint is signed by a key that was not the center's when its root was anchored."""

    code = "key-term-refused"


class NodeAway(Unavailable):
    """A node could not be asked: not reached, too slow, or its answer cannot be read."""

    code = "node-away"


class AnotherChain(NodeAway):
    """A node serves another chain than the trust file names: what it says is about something else."""

    code = "another-chain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """When and by what a root came to the chain, as a node tells it.

    Attributes:
        root: 32 bytes.
        block_number: of the block.
        block_time: of the block, aware.
        transaction: its hash.
    """

    root: RootHash
    block_number: BlockNumber
    block_time: datetime
    transaction: TxHash


class Node(Protocol):
    """One node of the chain, asked and not trusted."""

    @property
    def name(self) -> str:
        """What the reader knows it by; one printable line without secrets."""

    def chain_id(self) -> ChainId:
        """The chain it says it serves.

        Raises:
            NodeAway: it could not be asked.
        """

    def genesis_hash(self) -> bytes:
        """Hash of its block 0; 32 bytes.

        Raises:
            NodeAway: it could not be asked.
        """

    def storage_at(self, contract: Address, slot: bytes) -> bytes:
        """What a contract holds in a slot now; 32 bytes, zeros where it holds nothing.

        Raises:
            NodeAway: it could not be asked.
        """

    def anchoring(self, contract: Address, center: CenterId, tree_size: TreeSize, hint: BlockNumber | None) -> Anchoring | None:
        """Finds the event by which this tree was anchored.

        Args:
            contract: the AnchorLog.
            center: whose log.
            tree_size: of the anchored tree.
            hint: the block to look in first, if a receipt names one; the event is found without it as well.

        Returns:
            None where the node has no such event.

        Raises:
            NodeAway: it could not be asked.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question and its answer.

    Attributes:
        rung: which question.
        verdict: the answer.
        words: the answer in one or a few plain sentences.
        code: of the error where it failed; None otherwise.
    """

    rung: Rung
    verdict: Verdict
    words: str
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswer:
    """What one node said to the anchor.

    Attributes:
        name: the node's.
        verdict: passed where it confirms, failed where it contradicts, not checked where it could not be asked.
        words: one sentence, without the name.
        code: of the error where it contradicts; None otherwise.
        anchored_at: when the root was anchored, if it confirms and could tell.
    """

    name: str
    verdict: Verdict
    words: str
    code: str | None = None
    anchored_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The answer to a receipt.

    Attributes:
        receipt: as read; None where it does not read well.
        center: of the receipt, if the trust file names it.
        steps: one for each rung, in order.
        event_hash: of the disclosed event, where it is the logged one; None otherwise.
        nodes: what each node said, in the order asked; empty where none was asked.
        anchored_at: when the chain took the root, as the confirming nodes agree; None where that is not known.
        sealed: what the validators' seals prove of the root, when and by how many of them; None where they prove nothing.
    """

    receipt: Receipt | None
    center: TrustedCenter | None
    steps: tuple[Step, ...]
    event_hash: str | None
    nodes: tuple[NodeAnswer, ...]
    anchored_at: datetime | None
    sealed: "SealedRoot | None"

    @property
    def verdict(self) -> Verdict:
        """Of the whole; the seals, which the chain's word does not need, do not count against it."""
        if any(step.verdict is Verdict.FAILED for step in self.steps):
            return Verdict.FAILED
        if all(step.verdict is Verdict.PASSED for step in self.steps if step.rung is not Rung.SEALED):
            return Verdict.PASSED
        return Verdict.NOT_CHECKED

    def step(self, rung: Rung) -> Step:
        """The answer to one question."""
        return self.steps[rung.number - 1]


def judge(receipt_bytes: bytes, trust: TrustFile, *, event: JsonValue, ask: Sequence[Node]) -> Judgement:
    """Climbs the whole ladder; raises nothing, whatever the bytes.

    Args:
        receipt_bytes: as received.
        trust: what the asker trusts.
        event: the event as its bearer has it, beside the receipt; None where there is none. If the receipt discloses one as
            well, both must be the logged one.
        ask: the nodes to ask for the anchor; every one is asked.
    """
    try:
        receipt = parse_receipt(receipt_bytes)
    except InvalidInput as error:
        place = f" (at {error.where})" if error.where else ""
        words = f"It does not read well{place}: {error.detail} {_FETCH_AGAIN}"
        unread = [_not_checked(rung, "The receipt could not be read.") for rung in list(Rung)[1:]]
        return Judgement(
            receipt=None,
            center=None,
            steps=(_failed(Rung.READS_WELL, words, error.code), *unread),
            event_hash=None,
            nodes=(),
            anchored_at=None,
            sealed=None,
        )
    disclosed, hash_text = _disclosed(receipt, event)
    center = trust.center(receipt.anchor.center)
    checkpoint, term = _checkpoint(receipt, center)
    chain = _chain(receipt, trust, term, ask)
    steps = (
        _passed(Rung.READS_WELL, "It is a receipt of version 1, and every field is as it must be."),
        *disclosed,
        _inclusion(receipt),
        checkpoint,
        chain.anchored,
        chain.sealed,
    )
    return Judgement(
        receipt=receipt,
        center=center,
        steps=steps,
        event_hash=hash_text,
        nodes=chain.nodes,
        anchored_at=chain.anchored_at,
        sealed=chain.proven,
    )


def _disclosed(receipt: Receipt, given: JsonValue) -> tuple[tuple[Step, Step, Step], str | None]:
    """Event hash, content, opening of the entry; and the event hash in words where it is the logged one."""
    disclosure = receipt.disclosure
    if disclosure is None:
        kind = receipt.entry.kind.name.lower().replace("_", " ")
        reason = f"The entry is of the kind {kind}; this version opens entries of the kind event."
        return _none_opened(reason), None
    is_blinded, salt = receipt.entry.is_blinded, disclosure.salt
    if is_blinded and salt is None:
        return _none_opened("The entry is private, and the receipt does not carry the salt that opens it."), None
    events = [event for event in (disclosure.event, given) if event is not None]
    if not events:
        reason = "The event behind the entry is not disclosed, neither in the receipt nor beside it."
        return _none_opened(reason), None
    version = disclosure.cbv_version
    logged = _Logged(subject=receipt.entry.subject, content=receipt.entry.content, salt=salt)
    hash_faults = [_hash_fault(logged, event, version) for event in events]
    content_faults = [_content_fault(logged, event) for event in events]
    # One digest that fits shows the salt to be the right one. Where none does, salt and event cannot be told apart.
    if is_blinded and None not in hash_faults and None not in content_faults:
        reason = "The salt does not open the entry."
        words = "Under the receipt's salt the entry stands for nothing of this event: one of the two is another's."
        return (
            _not_checked(Rung.EVENT_HASH, reason),
            _not_checked(Rung.CONTENT, reason),
            _failed(Rung.OPENED, words, SaltRefused.code),
        ), None
    hash_fault = next((fault for fault in hash_faults if fault is not None), None)
    content_fault = next((fault for fault in content_faults if fault is not None), None)
    steps = (
        _passed(Rung.EVENT_HASH, f"By the rules of {version.value} the event has the hash that was logged.")
        if hash_fault is None
        else _failed(Rung.EVENT_HASH, hash_fault, EventRefused.code),
        _passed(Rung.CONTENT, "Not one detail of the event was changed, added or left out.")
        if content_fault is None
        else _failed(Rung.CONTENT, content_fault, ContentRefused.code),
        _passed(Rung.OPENED, "It is private, and the receipt's salt opens it." if is_blinded else "It is public."),
    )
    first = events[0]
    return steps, event_hash(first, version) if hash_fault is None and isinstance(first, dict) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Logged:
    """The digests that the log holds, and the salt they are under."""

    subject: bytes
    content: bytes
    salt: Salt | None

    def holds(self, logged: bytes, digest: bytes) -> bool:
        return constant_time_equal(logged, digest if self.salt is None else blind(digest, self.salt))


def _hash_fault(logged: _Logged, event: JsonValue, version: CbvVersion) -> str | None:
    """What is wrong with an event's hash, in words; None where it is the logged one."""
    if not isinstance(event, dict):
        return "What is given as the event is no JSON object."
    try:
        digest = event_hash_digest(event_hash(event, version))
    except InvalidInput as error:
        return f"The event cannot be hashed: {error.detail}"
    if not logged.holds(logged.subject, digest):
        return f"By the rules of {version.value} the event has another hash than the one that was logged."
    oldest = CbvVersion.V2_0
    # Many events hash alike under several versions. A receipt names the oldest, so that this part of it cannot be changed either.
    if version is not oldest and event_hash_digest(event_hash(event, oldest)) == digest:
        return f"The receipt names {version.value}, though the event hashes alike by {oldest.value}: a receipt names the oldest."
    return None


def _content_fault(logged: _Logged, event: JsonValue) -> str | None:
    """What is wrong with an event's content, in words; None where it is the logged one."""
    try:
        digest = content_digest(event)
    except InvalidInput as error:
        return f"The event has no content digest: {error.detail}"
    if not logged.holds(logged.content, digest):
        return "Something in the event was changed, added or left out since it was logged."
    return None


def _none_opened(reason: str) -> tuple[Step, Step, Step]:
    return (
        _not_checked(Rung.EVENT_HASH, reason),
        _not_checked(Rung.CONTENT, reason),
        _not_checked(Rung.OPENED, reason),
    )


def _inclusion(receipt: Receipt) -> Step:
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
        return _failed(Rung.INCLUSION, error.detail, error.code)
    words = f"It is entry {inclusion.leaf_index}, counted from 0, of the {inclusion.tree_size} in the log."
    return _passed(Rung.INCLUSION, words)


def _checkpoint(receipt: Receipt, center: TrustedCenter | None) -> tuple[Step, LogKeyTerm | None]:
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
        return _failed(Rung.CHECKPOINT, error.detail, error.code), None
    words = f"{center.name} ({center.economy}) signed its log of {checkpoint.tree_size} entries."
    if term.valid_until is not None:
        words += f" The key has an end, {encode_time(term.valid_until)}; the next step holds it against the anchor's time."
    return _passed(Rung.CHECKPOINT, words), term


def _answers(anchor: Anchor, trust: TrustFile, ask: Sequence[Node]) -> tuple[NodeAnswer, ...]:
    answers: list[NodeAnswer] = []
    for node in ask:
        try:
            words, anchored_at = _asked(node, anchor, trust)
            answers.append(NodeAnswer(name=node.name, verdict=Verdict.PASSED, words=words, anchored_at=anchored_at))
        except ProofRefused as error:
            answers.append(NodeAnswer(name=node.name, verdict=Verdict.FAILED, words=error.detail, code=error.code))
        except NodeAway as error:
            answers.append(NodeAnswer(name=node.name, verdict=Verdict.NOT_CHECKED, words=error.detail))
    return tuple(answers)


def _asked(node: Node, anchor: Anchor, trust: TrustFile) -> tuple[str, datetime | None]:
    """What a node that confirms the anchor says, and when the root was anchored if it can tell.

    Raises:
        AnchorRefused: it contradicts.
        AnotherChain: it is no witness of the trusted chain.
        NodeAway: it could not be asked, or not about everything that the receipt says.
    """
    chain_id = node.chain_id()
    if chain_id != trust.chain_id:
        raise AnotherChain(f"It serves the chain {chain_id}; the trust file names the chain {trust.chain_id}.")
    genesis_hash = node.genesis_hash()
    if genesis_hash != trust.genesis_hash:
        raise AnotherChain(
            f"Its chain has the number but not the beginning of the trusted one: the hash of its first block is "
            f"{encode_hex(genesis_hash)}, not {encode_hex(trust.genesis_hash)}."
        )
    root = node.storage_at(trust.anchor_log, anchored_root_slot(anchor.center, anchor.tree_size))
    if root == bytes(HASH_BYTES):
        raise AnchorRefused(f"It knows no anchor of a log of {anchor.tree_size} entries of {shown(anchor.center)}.")
    if root != anchor.root:
        raise AnchorRefused(f"It holds another root, {encode_hex(root)}.")
    try:
        found = node.anchoring(trust.anchor_log, anchor.center, anchor.tree_size, anchor.block_number)
        untold = "it no longer has the event that tells since when."
    except NodeAway as error:
        found, untold = None, f"it did not tell since when: {error.detail}"
    if found is None:
        # What nobody confirms may have been written by anybody.
        if anchor.has_hints:
            raise NodeAway(f"It holds this root, but not checked is when the receipt says it was anchored: {untold}")
        return f"It holds this root; {untold}", None
    told = (found.root, found.block_number, found.block_time, found.transaction)
    written = (anchor.root, anchor.block_number, anchor.block_time, anchor.transaction)
    names = ("root", "block number", "block time", "transaction")
    for name, said, expected in zip(names, told, written, strict=True):
        if expected is not None and said != expected:
            raise AnchorRefused(f"It holds this root, but tells of another {name} of the anchoring than the receipt.")
    return f"It holds this root since {encode_time(found.block_time)}, block {found.block_number}.", found.block_time


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chain:
    """What the chain says of a root: two steps, and what `Judgement` tells beside them."""

    anchored: Step
    sealed: Step
    nodes: tuple[NodeAnswer, ...] = ()
    anchored_at: datetime | None = None
    proven: "SealedRoot | None" = None


def _chain(receipt: Receipt, trust: TrustFile, term: LogKeyTerm | None, ask: Sequence[Node]) -> _Chain:
    foreign = _of_another_chain(receipt.anchor, trust)
    if foreign is not None:
        ground = f"The seals would be of another chain, since step {Rung.ANCHORED.number} failed."
        return _Chain(anchored=foreign, sealed=_not_checked(Rung.SEALED, _NO_SEALS if receipt.seals is None else ground))
    if term is None:
        ground = f"There is no checkpoint to look for, since step {Rung.CHECKPOINT.number} failed."
        return _Chain(
            anchored=_not_checked(Rung.ANCHORED, ground),
            sealed=_not_checked(Rung.SEALED, _NO_SEALS if receipt.seals is None else ground),
        )
    sealed, proven = _sealed(receipt, trust)
    nodes = _answers(receipt.anchor, trust, ask)
    anchored, anchored_at = _anchored(receipt.anchor, nodes, proven, term)
    return _Chain(anchored=anchored, sealed=sealed, nodes=nodes, anchored_at=anchored_at, proven=proven)


def _of_another_chain(anchor: Anchor, trust: TrustFile) -> Step | None:
    """The failed step where the receipt names another chain or contract than the trust file; None where it does not."""
    if anchor.chain_id != trust.chain_id:
        words = f"The receipt names the chain {anchor.chain_id}; the trust file names the chain {trust.chain_id}."
        return _failed(Rung.ANCHORED, words, AnchorRefused.code)
    if anchor.contract != trust.anchor_log:
        words = f"The receipt names the contract {encode_hex(anchor.contract)}, which is not the trusted AnchorLog."
        return _failed(Rung.ANCHORED, words, AnchorRefused.code)
    return None


def _sealed(receipt: Receipt, trust: TrustFile) -> tuple[Step, "SealedRoot | None"]:
    """The step, and what the seals prove where it passed."""
    rung, anchor, seals = Rung.SEALED, receipt.anchor, receipt.seals
    if seals is None:
        return _not_checked(rung, _NO_SEALS), None
    if trust.sealing is None:
        return _not_checked(rung, "The receipt carries seals, and the trust file names no validators whose seals count."), None
    try:
        proven = _proven(
            seals, trust.sealing, trust.pilot_registry, trust.anchor_log, anchor.center, anchor.tree_size, anchor.root
        )
    except CannotCheck as error:
        return _not_checked(rung, f"{error.detail} {error.remedy}".rstrip()), None
    except (ProofRefused, InvalidInput) as error:
        return _failed(rung, f"{_plainly(error, seals, trust.sealing)} In detail: {error.detail}", error.code), None
    return _passed(
        rung,
        f"Block {proven.block_number} of {encode_time(proven.sealed_at)} bears the seals of {proven.seal_count} of "
        f"{proven.validator_count} validators, and the state it seals holds this root.",
    ), proven


def _plainly(error: ProofRefused | InvalidInput, seals: Seals, sealing: Sealing) -> str:
    """What refused seals mean for whoever holds the receipt, and what to try."""
    from greenlane.core.sealing import (
        ChangeRefused,
        MinerForeign,
        SealForeign,
        SealsTooFew,
        ValidatorsMisplaced,
    )

    if not isinstance(error, ChangeRefused | MinerForeign | SealForeign | SealsTooFew | ValidatorsMisplaced):
        return _DAMAGED
    kept_in = _mode_of(seals)
    if kept_in is not None and kept_in is not sealing.mode:
        places = {ValidatorMode.CONTRACT: "a contract", ValidatorMode.HEADER: "the headers of its blocks"}
        return _OTHER_KIND.format(of_receipt=places[kept_in], of_trust=places[sealing.mode])
    # A forged seal and an old trust file look the same.
    return _STRANGERS


def _mode_of(seals: Seals) -> ValidatorMode | None:
    """Where the chain of a receipt keeps its validators, as its last header shows; None where that cannot be read."""
    from greenlane.core.header import Header, HeaderInvalid

    try:
        named = Header.decode(seals.anchored.header).extra.validators
    except HeaderInvalid:
        return None
    return ValidatorMode.HEADER if named else ValidatorMode.CONTRACT


# The records of one page stand under few anchors, and a proof through many changes of the set takes milliseconds.
@lru_cache(maxsize=16)
def _proven(
    seals: Seals,
    sealing: Sealing,
    registry: Address,
    anchor_log: Address,
    center: CenterId,
    tree_size: TreeSize,
    root: RootHash,
) -> "SealedRoot":
    # Late: what reads blocks and tries is not needed for a receipt without seals.
    from greenlane.core.sealing import verify_sealed_root

    return verify_sealed_root(
        seals,
        sealing=sealing,
        registry=registry,
        anchor_log=anchor_log,
        center=center,
        tree_size=tree_size,
        root=root,
    )


def _anchored(
    anchor: Anchor, nodes: tuple[NodeAnswer, ...], proven: "SealedRoot | None", term: LogKeyTerm
) -> tuple[Step, datetime | None]:
    """One answer from the seals and all nodes, and when the root was anchored where the nodes agree on it.

    One that contradicts is enough to fail, and one that confirms to pass.
    """
    rung = Rung.ANCHORED
    said = " ".join(f"{node.name}: {node.words}" for node in nodes) or "No node of the chain was given to ask."
    confirming = [node for node in nodes if node.verdict is Verdict.PASSED]
    contradicting = [node for node in nodes if node.verdict is Verdict.FAILED]
    times = {node.anchored_at for node in confirming if node.anchored_at is not None}
    if proven is not None:
        fault = _contradiction(anchor, nodes, proven)
        if fault is not None:
            return _failed(rung, f"{fault.detail} {said}", fault.code), None
        said = f"{_bound_by_seals(proven)} {said}"
    if (confirming and contradicting) or len(times) > 1:
        return _failed(rung, f"The nodes disagree. {said}", NodesDisagree.code), None
    if contradicting:
        return _failed(rung, said, contradicting[0].code), None
    if not confirming and proven is None:
        return _not_checked(rung, f"No node confirmed it. {said}" if nodes else said), None
    # What nobody confirms may have been written by anybody.
    if not confirming and anchor.has_hints:
        return _not_checked(rung, f"When the receipt says it was anchored, no node confirmed. {said}"), None
    anchored_at = next(iter(times), None)
    return _in_term(term, anchored_at, proven, said), anchored_at


def _contradiction(anchor: Anchor, nodes: tuple[NodeAnswer, ...], proven: "SealedRoot") -> ProofRefused | None:
    """What cannot be so if the seals are right; None where all can be."""
    told_number = anchor.block_number is not None and anchor.block_number > proven.block_number
    if told_number or (anchor.block_time is not None and anchor.block_time > proven.sealed_at):
        return AnchorRefused(
            f"The receipt says that the root was anchored later than in the block that holds it. {_bound_by_seals(proven)}"
        )
    liars = [
        node.name
        for node in nodes
        if node.verdict is Verdict.FAILED or (node.anchored_at is not None and node.anchored_at > proven.sealed_at)
    ]
    if not liars:
        return None
    return SealsContradicted(
        f"The validators' seals are contradicted by {', '.join(liars)}, which lies, or lags behind, or follows another history "
        f"that they sealed too. {_bound_by_seals(proven)}"
    )


def _bound_by_seals(proven: "SealedRoot") -> str:
    return f"The seals prove that the chain held this root in block {proven.block_number} of {encode_time(proven.sealed_at)}."


def _in_term(term: LogKeyTerm, anchored_at: datetime | None, proven: "SealedRoot | None", said: str) -> Step:
    """The step of a root that the chain holds, with the term of the key that signed its checkpoint held against it."""
    rung = Rung.ANCHORED
    if term.valid_until is None:
        return _passed(rung, said)
    latest = anchored_at if anchored_at is not None or proven is None else proven.sealed_at
    if latest is None:
        reason = f"The signing key has an end, and no node told whether the root was anchored before it. {said}"
        return _not_checked(rung, reason)
    if term.covers(latest):
        return _passed(rung, said)
    if anchored_at is None and latest >= term.valid_until:
        reason = (
            f"The signing key has an end, {encode_time(term.valid_until)}, and the block was sealed after it: whether the root "
            f"was anchored before it, only a node can tell. {said}"
        )
        return _not_checked(rung, reason)
    when = encode_time(latest) if anchored_at is not None else f"{encode_time(latest)} or before"
    words = (
        f"The root was anchored at {when}; the key that signed the checkpoint was the center's "
        f"from {encode_time(term.valid_from)} until {encode_time(term.valid_until)}. {said}"
    )
    return _failed(rung, words, KeyTermRefused.code)


def _passed(rung: Rung, words: str) -> Step:
    return Step(rung=rung, verdict=Verdict.PASSED, words=words)


def _failed(rung: Rung, words: str, code: str | None) -> Step:
    return Step(rung=rung, verdict=Verdict.FAILED, words=words, code=code)


def _not_checked(rung: Rung, reason: str) -> Step:
    return Step(rung=rung, verdict=Verdict.NOT_CHECKED, words=f"Not checked: {reason[0].lower()}{reason[1:]}")
