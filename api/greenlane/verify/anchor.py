"""Whether the chain holds a root: what nodes say of it, what the validators' seals prove, and what the two come to.

The validators' seals stand above the chain: without them one has a node's word, or that of several, for what the chain holds.
With them no node need be asked, and one that contradicts them fails the whole.

A sealed block says that the root was anchored by the block's time, not when. So it is held against the end of a log key's term:
what was sealed before that end was anchored before it, and whoever steals a retired key cannot get a block sealed in the past.
The beginning of a term is held against it as far as that goes: a block sealed before it is refused. Beyond that it needs nothing,
since only its center can have anchored the root before the key was given away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.errors import ProofRefused, Unavailable
from greenlane.core.merkle import HASH_BYTES
from greenlane.core.receipt import Anchor, Receipt
from greenlane.core.trust import LogKeyTerm, TrustFile
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, RootHash, TreeSize, TxHash
from greenlane.core.wire import encode_hex, encode_time, shown
from greenlane.verify.judgement import NodeAnswer, Rung, Step, Verdict, failed, not_checked, passed
from greenlane.verify.sealed import NO_SEALS, sealed_step

if TYPE_CHECKING:
    from greenlane.core.sealing import SealedRoot


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
class ChainFindings:
    """What the chain says of a root: two steps, and what `Judgement` tells beside them."""

    anchored: Step
    sealed: Step
    nodes: tuple[NodeAnswer, ...] = ()
    anchored_at: datetime | None = None
    proven: "SealedRoot | None" = None


def chain_steps(receipt: Receipt, trust: TrustFile, term: LogKeyTerm | None, ask: Sequence[Node]) -> ChainFindings:
    """Whether the chain holds the root: by the seals, and by every node.

    Args:
        term: of the key that signed the checkpoint; None where that step failed.
        ask: none is asked where the receipt is of another chain, or its checkpoint failed.
    """
    foreign = _of_another_chain(receipt.anchor, trust)
    if foreign is not None:
        ground = f"The seals would be of another chain, since step {Rung.ANCHORED.number} failed."
        return ChainFindings(anchored=foreign, sealed=not_checked(Rung.SEALED, NO_SEALS if receipt.seals is None else ground))
    if term is None:
        ground = f"There is no checkpoint to look for, since step {Rung.CHECKPOINT.number} failed."
        return ChainFindings(
            anchored=not_checked(Rung.ANCHORED, ground),
            sealed=not_checked(Rung.SEALED, NO_SEALS if receipt.seals is None else ground),
        )
    sealed, proven = sealed_step(receipt, trust)
    nodes = _answers(receipt.anchor, trust, ask)
    anchored, anchored_at = _anchored(receipt.anchor, nodes, proven, term)
    return ChainFindings(anchored=anchored, sealed=sealed, nodes=nodes, anchored_at=anchored_at, proven=proven)


def _of_another_chain(anchor: Anchor, trust: TrustFile) -> Step | None:
    """The failed step where the receipt names another chain or contract than the trust file; None where it does not."""
    if anchor.chain_id != trust.chain_id:
        words = f"The receipt names the chain {anchor.chain_id}; the trust file names the chain {trust.chain_id}."
        return failed(Rung.ANCHORED, words, AnchorRefused.code)
    if anchor.contract != trust.anchor_log:
        words = f"The receipt names the contract {encode_hex(anchor.contract)}, which is not the trusted AnchorLog."
        return failed(Rung.ANCHORED, words, AnchorRefused.code)
    return None


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
            return failed(rung, f"{fault.detail} {said}", fault.code), None
        said = f"{_bound_by_seals(proven)} {said}"
    if (confirming and contradicting) or len(times) > 1:
        return failed(rung, f"The nodes disagree. {said}", NodesDisagree.code), None
    if contradicting:
        return failed(rung, said, contradicting[0].code), None
    if not confirming and proven is None:
        return not_checked(rung, f"No node confirmed it. {said}" if nodes else said), None
    # What nobody confirms may have been written by anybody.
    if not confirming and anchor.has_hints:
        return not_checked(rung, f"When the receipt says it was anchored, no node confirmed. {said}"), None
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
        return passed(rung, said)
    latest = anchored_at if anchored_at is not None or proven is None else proven.sealed_at
    if latest is None:
        reason = f"The signing key has an end, and no node told whether the root was anchored before it. {said}"
        return not_checked(rung, reason)
    if term.covers(latest):
        return passed(rung, said)
    if anchored_at is None and latest >= term.valid_until:
        reason = (
            f"The signing key has an end, {encode_time(term.valid_until)}, and the block was sealed after it: whether the root "
            f"was anchored before it, only a node can tell. {said}"
        )
        return not_checked(rung, reason)
    when = encode_time(latest) if anchored_at is not None else f"{encode_time(latest)} or before"
    words = (
        f"The root was anchored at {when}; the key that signed the checkpoint was the center's "
        f"from {encode_time(term.valid_from)} until {encode_time(term.valid_until)}. {said}"
    )
    return failed(rung, words, KeyTermRefused.code)
