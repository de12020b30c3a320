"""How much there is of every green asset, rebuilt from a node's events with no help from anybody's server.

Every event of the two contracts is followed (`core.assets.supply`), and the sums are compared with those that the contract keeps
at the same block. More issued than evidenced, or sums of the contract that do not add up, is a no. A node may also lack events,
as one does that was ended in the middle of its writing: what then does not fit says nothing of the assets, and is "not checked".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from greenlane.core.assets import supply
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.facts import AssetClass, Totals
from greenlane.core.assets.places import AssetContracts
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.typed_data import WORD_BYTES, word
from greenlane.core.crypto import keccak256
from greenlane.core.errors import CannotCheck, InvalidInput
from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, BlockNumber, ChainId
from greenlane.verify.anchor import AnotherChain, NodeAway
from greenlane.verify.judgement import Verdict
from greenlane.verify.nodes import AnswerTooLong, CallRefused

# Besu answers for no more blocks at once; an answer that is too long is asked for in halves.
_WINDOW_BLOCKS = 5_000
_MOST_CLASSES = 10_000
_MOST_BLOCKS = 1_000_000_000
"""A block a second for thirty years: whoever believed more would ask a lying node for ever."""
_PAGE = 100
_FOLLOWED = (
    supply.ISSUED,
    supply.ESCROWED,
    supply.ACCEPTED,
    supply.RETURNED,
    supply.RETIRED,
    supply.CANCELLED,
    supply.TRANSFER_SINGLE,
    supply.TRANSFER_BATCH,
    supply.EVIDENCE_ADMITTED,
)


class NoAssets(CannotCheck):
    """The trust file names no contracts of green assets."""

    code = "green-assets-unnamed"
    default_remedy = "Take a newer trust file of the network, where it has green assets."


class SupplyNode(Protocol):
    """What is asked of a node; every method raises NodeAway where it cannot be asked."""

    @property
    def name(self) -> str: ...
    def chain_id(self) -> ChainId: ...
    def genesis_hash(self) -> bytes: ...
    def head(self) -> BlockNumber: ...
    def call(self, contract: Address, data: bytes, block: BlockNumber) -> bytes: ...
    def logs(
        self, contracts: list[Address], topics: list[bytes], first: BlockNumber, last: BlockNumber
    ) -> list[tuple[list[bytes], bytes]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSupply:
    """One class.

    Attributes:
        totals: as rebuilt.
        kept: the contract's own sums.
        evidenced: what the evidence behind it allows.
        tokens: how many issuances it has.
    """

    asset_class: AssetClass
    totals: Totals
    kept: Totals
    evidenced: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyJudgement:
    """What came out.

    Attributes:
        words: one sentence.
        block: up to which everything was followed.
        movements: how many events were followed.
    """

    verdict: Verdict
    words: str
    block: BlockNumber
    movements: int
    classes: tuple[ClassSupply, ...]


def judge_supply(trust: TrustFile, node: SupplyNode, *, tell: Callable[[BlockNumber, BlockNumber], None]) -> SupplyJudgement:
    """Follows every event of a node's chain.

    Args:
        tell: called with the last block followed and the last of all, as often as there is news.

    Raises:
        NoAssets: the trust file names no contracts.
        AnotherChain: the node serves another chain.
        NodeAway: it could not be asked.
    """
    places = trust.assets
    if places is None:
        raise NoAssets("The trust file names no contracts of green assets.")
    if node.chain_id() != trust.chain_id or node.genesis_hash() != trust.genesis_hash:
        raise AnotherChain(f"The node {node.name} serves another chain than the trust file names.")
    head = node.head()
    if head > _MOST_BLOCKS:
        raise NodeAway(f"The node {node.name} tells of {head} blocks: more than there can be.")
    rebuilt = supply.Supply(places.green_asset)
    fault: supply.SupplyRefused | None = None
    for topics, data in _events(places, node, head, tell):
        try:
            rebuilt.take(topics, data)
        except supply.SupplyRefused as refused:
            fault = fault or refused
    try:
        rebuilt.check()
    except supply.SupplyRefused as refused:
        fault = refused if isinstance(refused, supply.MoreThanEvidenced) else fault or refused
    classes = _classes(places, node, head, rebuilt)
    verdict, words = _judged(fault, classes)
    return SupplyJudgement(verdict=verdict, words=words, block=head, movements=rebuilt.movements, classes=classes)


def _events(
    places: AssetContracts, node: SupplyNode, head: BlockNumber, tell: Callable[[BlockNumber, BlockNumber], None]
) -> Iterable[tuple[list[bytes], bytes]]:
    contracts = [places.evidence_register, places.green_asset]
    topics = [supply.topic(one) for one in _FOLLOWED]
    first, width = 0, _WINDOW_BLOCKS
    while first <= head:
        last = min(first + width - 1, head)
        try:
            found = node.logs(contracts, topics, BlockNumber(first), BlockNumber(last))
        except (CallRefused, AnswerTooLong):
            # More blocks than it looks through at once, or too long an answer.
            if width == 1:
                raise
            width = max(1, width // 4)
            continue
        yield from found
        tell(BlockNumber(last), head)
        first = last + 1
        width = min(_WINDOW_BLOCKS, width * 2)


def _judged(fault: supply.SupplyRefused | None, classes: tuple[ClassSupply, ...]) -> tuple[Verdict, str]:
    broken = [one.asset_class.id for one in classes if one.kept.tradable < 0]
    if broken:
        return Verdict.FAILED, f"The contract's own sums of {', '.join(broken)} do not add up."
    if isinstance(fault, supply.MoreThanEvidenced):
        return Verdict.FAILED, fault.detail
    differing = [one.asset_class.id for one in classes if one.totals != one.kept]
    if differing or fault is not None:
        what = f"those of {', '.join(differing)} make other sums than the contract keeps" if fault is None else fault.detail
        lacks = f"The events that this node tells are not all, or not true: {what.rstrip('.')}."
        return Verdict.NOT_CHECKED, f"{lacks} Ask another node."
    return Verdict.PASSED, (
        "Issued = tradable + escrowed + retired + cancelled, within the evidence, for every class, as this node tells."
    )


def _classes(places: AssetContracts, node: SupplyNode, head: BlockNumber, rebuilt: supply.Supply) -> tuple[ClassSupply, ...]:
    def ask(signature: str, *words: bytes) -> bytes:
        return node.call(places.green_asset, keccak256(signature.encode("ascii"))[:4] + b"".join(words), head)

    found = rebuilt.classes()
    tokens: dict[bytes, int] = {}
    for of in rebuilt.tokens.values():
        if of.class_id:
            tokens[of.class_id] = tokens.get(of.class_id, 0) + 1
    classes: list[ClassSupply] = []
    nothing = Totals(issued=0, escrowed=0, retired=0, cancelled=0)
    for class_id in _class_ids(ask):
        totals, evidenced = found.get(class_id, (nothing, 0))
        kept = _numbers(ask("totals(bytes32)", class_id), 4)
        classes.append(
            ClassSupply(
                asset_class=_asset_class(ask("assetClass(bytes32)", class_id)),
                totals=totals,
                kept=Totals(issued=kept[0], escrowed=kept[1], retired=kept[2], cancelled=kept[3]),
                evidenced=evidenced,
                tokens=tokens.get(class_id, 0),
            )
        )
    return tuple(classes)


def _class_ids(ask: Callable[..., bytes]) -> Iterable[bytes]:
    count = _numbers(ask("classCount()"), 1)[0]
    if count > _MOST_CLASSES:
        raise NodeAway("Its answer tells of more classes than there can be.")
    for start in range(0, count, _PAGE):
        answer = ask("classIds(uint256,uint256)", word("uint256", start), word("uint256", _PAGE))
        length = _numbers(answer, 2)[1]
        page = answer[2 * WORD_BYTES :]
        if length != min(_PAGE, count - start) or len(page) != length * WORD_BYTES:
            raise NodeAway("Its answer to classIds is no list of them.")
        yield from (page[at * WORD_BYTES : (at + 1) * WORD_BYTES] for at in range(length))


def _asset_class(answer: bytes) -> AssetClass:
    words = _numbers(answer, 10)
    name = answer[10 * WORD_BYTES : 10 * WORD_BYTES + words[9]]
    try:
        return AssetClass(
            id=_text(answer, 1),
            attribute=_text(answer, 2),
            unit=Unit(code=_text(answer, 3), decimals=words[4]),
            custody_model=CustodyModel(words[5]),
            is_tradable=bool(words[6]),
            claim_days=words[7],
            name=name.decode("utf-8", "replace"),
        )
    except (InvalidInput, ValueError) as error:
        raise NodeAway("Its answer to assetClass is none.") from error


def _text(answer: bytes, place: int) -> str:
    return answer[place * WORD_BYTES : (place + 1) * WORD_BYTES].rstrip(b"\x00").decode("ascii")


def _numbers(answer: bytes, least: int) -> list[int]:
    if len(answer) < least * WORD_BYTES:
        raise NodeAway("Its answer is too short.")
    return [int.from_bytes(answer[at * WORD_BYTES : (at + 1) * WORD_BYTES], "big") for at in range(least)]
