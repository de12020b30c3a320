"""Whatever a node leaves out, adds or changes in what it tells of green assets, the sums it yields are never taken for true."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from eth_abi.abi import encode
from greenlane.core.assets import supply
from greenlane.core.assets.facts import Totals
from greenlane.core.assets.places import AssetContracts
from greenlane.core.assets.supply import Supply, SupplyRefused
from greenlane.core.crypto import keccak256
from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, BlockNumber, ChainId
from greenlane.verify.anchor import AnotherChain, NodeAway
from greenlane.verify.judgement import Verdict
from greenlane.verify.nodes import AnswerTooLong, CallRefused
from greenlane.verify.supply import NoAssets, SupplyNode, judge_supply

REGISTER, ASSET = Address(b"\x70" * 20), Address(b"\x71" * 20)
MILL, CITY, NOBODY = b"\x01" * 20, b"\x02" * 20, bytes(20)
COCOA, WOOD = b"cocoa".ljust(32, b"\x00"), b"wood".ljust(32, b"\x00")
TOKEN, OTHER = b"\xaa" * 32, b"\xbb" * 32
Event = tuple[list[bytes], bytes]
_EVIDENCE = supply._EVIDENCE_FIELDS
_REQUEST = supply._REQUEST_FIELDS


def address(account: bytes) -> bytes:
    return account.rjust(32, b"\x00")


def event(signature: str, *topics: bytes, kinds: tuple[str, ...] = (), values: tuple[Any, ...] = ()) -> Event:
    return [supply.topic(signature), *topics], encode(kinds, values)


def evidenced(token: bytes, quantity: int, class_id: bytes = COCOA, asker: bytes = ASSET) -> Event:
    values: list[Any] = [bytes(32), bytes(32), "0x" + MILL.hex(), "0x" + MILL.hex(), class_id, bytes(32), bytes(32), 3, quantity]
    values += [bytes(32), bytes(32), 1, 2, 1, bytes(32), 0, 0, bytes(32), b"PE"]
    return event(supply.EVIDENCE_ADMITTED, token, class_id, address(asker), kinds=(f"({_EVIDENCE})",), values=(tuple(values),))


def moved(token: bytes, source: bytes, target: bytes, quantity: int) -> Event:
    ids = (int.from_bytes(token, "big"), quantity)
    return event(
        supply.TRANSFER_SINGLE, address(source), address(source), address(target), kinds=("uint256", "uint256"), values=ids
    )


def issued(token: bytes, quantity: int, class_id: bytes = COCOA, holder: bytes = MILL) -> list[Event]:
    told = event(supply.ISSUED, token, class_id, address(holder), kinds=("uint128",), values=(quantity,))
    return [moved(token, NOBODY, holder, quantity), told]


def escrowed(token: bytes, quantity: int) -> list[Event]:
    kinds = ("address", "uint128", "bytes32", "uint64")
    values = ("0x" + CITY.hex(), quantity, bytes(32), 9)
    told = event(supply.ESCROWED, bytes(32), token, address(MILL), kinds=kinds, values=values)
    return [moved(token, MILL, ASSET, quantity), told]


def left_escrow(token: bytes, quantity: int, *, signature: str = supply.ACCEPTED, to: bytes = CITY) -> list[Event]:
    told = event(signature, bytes(32), token, address(to), kinds=("uint128",), values=(quantity,))
    return [moved(token, ASSET, to, quantity), told]


def retired(token: bytes, quantity: int, holder: bytes = CITY) -> list[Event]:
    number = int.from_bytes(token, "big")
    values = (number, quantity, "0x" + holder.hex(), bytes(32), 1, 2, bytes(32), bytes(32), bytes(32))
    told = event(supply.RETIRED, bytes(32), token, address(holder), kinds=(f"({_REQUEST})",), values=(values,))
    return [moved(token, holder, NOBODY, quantity), told]


def cancelled(token: bytes, quantity: int, holder: bytes = MILL) -> list[Event]:
    told = event(supply.CANCELLED, token, address(holder), kinds=("uint128", "string"), values=(quantity, "spoilt"))
    return [moved(token, holder, NOBODY, quantity), told]


def moved_together(pairs: list[tuple[bytes, int]], source: bytes, target: bytes) -> Event:
    values = ([int.from_bytes(token, "big") for token, _ in pairs], [quantity for _, quantity in pairs])
    topics = (address(source), address(source), address(target))
    return event(supply.TRANSFER_BATCH, *topics, kinds=("uint256[]", "uint256[]"), values=values)


def a_life() -> list[Event]:
    """1,000 evidenced and 900 issued of one token: 300 sold, of which 200 are retired; 50 returned; 40 cancelled."""
    return [
        evidenced(TOKEN, 1_000),
        *issued(TOKEN, 600),
        *issued(TOKEN, 300),
        *escrowed(TOKEN, 350),
        *left_escrow(TOKEN, 300),
        *left_escrow(TOKEN, 50, signature=supply.RETURNED, to=MILL),
        *retired(TOKEN, 200),
        *cancelled(TOKEN, 40),
        *escrowed(TOKEN, 10),
        evidenced(OTHER, 5, WOOD),
        *issued(OTHER, 5, WOOD),
        moved_together([(TOKEN, 7), (OTHER, 2)], MILL, CITY),
        event("Voted(bytes32,bytes32)", bytes(32)),
    ]


KEPT = {COCOA: (900, 10, 200, 40), WOOD: (5, 0, 0, 0)}


def test_every_unit_is_followed_from_its_issue_to_its_end() -> None:
    followed = Supply(ASSET)
    for topics, data in a_life():
        followed.take(topics, data)
    followed.check()
    assert followed.classes()[COCOA] == (Totals(issued=900, escrowed=10, retired=200, cancelled=40), 1_000)
    assert followed.classes()[WOOD] == (Totals(issued=5, escrowed=0, retired=0, cancelled=0), 5)
    followed.take(*moved(OTHER, CITY, MILL, 2))
    assert followed.tokens[OTHER].holders == {MILL: 5}
    assert followed.tokens[TOKEN].holders == {MILL: 900 - 350 + 50 - 40 - 10 - 7, CITY: 300 - 200 + 7}


# What moves between two accounts changes no sum.
_COUNTED = [
    at
    for at, (topics, _) in enumerate(a_life())
    if topics[0] not in (supply.topic("Voted(bytes32,bytes32)"), supply.topic(supply.TRANSFER_BATCH))
]


@pytest.mark.parametrize("without", _COUNTED)
def test_no_event_can_be_left_out(without: int) -> None:
    told = a_life()
    del told[without]
    verdict = judged(FakeChain(told)).verdict
    assert verdict is Verdict.NOT_CHECKED


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([moved(TOKEN, CITY, MILL, 10_000)], "that were never there"),
        ([moved(TOKEN, MILL, NOBODY, 1)], "are left of those issued"),
        ([moved(TOKEN, MILL, ASSET, 1)], "units"),
        (left_escrow(TOKEN, 11), "leave"),
        (issued(b"\xcc" * 32, 1), "no evidence of it was told"),
    ],
)
def test_what_cannot_be_is_named(more: list[Event], words: str) -> None:
    followed = Supply(ASSET)
    with pytest.raises(SupplyRefused, match=words):
        for topics, data in [*a_life(), *more]:
            followed.take(topics, data)
        followed.check()


def test_what_others_had_admitted_for_themselves_is_no_evidence() -> None:
    followed = Supply(ASSET)
    for topics, data in [evidenced(TOKEN, 1_000, asker=MILL), *issued(TOKEN, 600)]:
        followed.take(topics, data)
    with pytest.raises(SupplyRefused, match="no evidence of it was told"):
        followed.check()


def test_units_that_leave_escrows_without_having_moved_there_are_refused() -> None:
    followed = Supply(ASSET)
    with pytest.raises(SupplyRefused, match="leave escrows"):
        followed.take(*left_escrow(TOKEN, 1)[1])


@pytest.mark.parametrize(
    "damaged",
    [
        ([supply.topic(supply.ISSUED), TOKEN], b""),
        ([supply.topic(supply.ISSUED), TOKEN, COCOA, address(MILL)], b"\x00" * 31),
        ([supply.topic(supply.ISSUED), TOKEN[:-1], COCOA, address(MILL)], b"\x00" * 32),
        ([supply.topic(supply.TRANSFER_BATCH), TOKEN, address(MILL), address(CITY)], b"\x01".rjust(32, b"\x00") * 2),
        (
            [supply.topic(supply.TRANSFER_BATCH), TOKEN, address(MILL), address(CITY)],
            encode(["uint256[]", "uint256[]"], [[1], []]),
        ),
        (
            [supply.topic(supply.TRANSFER_BATCH), TOKEN, address(MILL), address(CITY)],
            (64).to_bytes(32, "big") * 2 + (9).to_bytes(32, "big"),
        ),
    ],
)
def test_an_event_of_another_shape_is_refused(damaged: Event) -> None:
    with pytest.raises(SupplyRefused, match="another shape"):
        Supply(ASSET).take(*damaged)
    assert judged(FakeChain([*a_life(), damaged])).verdict is Verdict.NOT_CHECKED


# ---- a node ----


@dataclass
class FakeChain:
    """A node that tells some events, a block each, and what the contract keeps."""

    events: list[Event]
    kept: dict[bytes, tuple[int, ...]] = field(default_factory=lambda: dict(KEPT))
    most: int = 1_000_000
    chain: int = 7
    name: str = "node-a"
    refusal: NodeAway = field(default_factory=lambda: CallRefused("too many"))
    asked: list[tuple[int, int]] = field(default_factory=list)
    answers: dict[bytes, bytes] = field(default_factory=dict)

    def chain_id(self) -> ChainId:
        return ChainId(self.chain)

    def genesis_hash(self) -> bytes:
        return b"\x09" * 32

    def head(self) -> BlockNumber:
        return BlockNumber(len(self.events) - 1)

    def logs(
        self, contracts: list[Address], topics: list[bytes], first: BlockNumber, last: BlockNumber
    ) -> list[tuple[list[bytes], bytes]]:
        assert contracts == [REGISTER, ASSET]
        self.asked.append((first, last))
        if last - first + 1 > self.most:
            raise self.refusal
        return [one for one in self.events[first : last + 1] if one[0][0] in topics]

    def call(self, contract: Address, data: bytes, block: BlockNumber) -> bytes:
        assert (contract, block) == (ASSET, self.head())
        if data[:4] in self.answers:
            return self.answers[data[:4]]
        if data[:4] == selector("classCount()"):
            return encode(["uint256"], [len(self.kept)])
        if data[:4] == selector("classIds(uint256,uint256)"):
            return encode(["bytes32[]"], [list(self.kept)])
        class_id = data[4:]
        if data[:4] == selector("totals(bytes32)"):
            return encode(["uint256"] * 4, self.kept[class_id])
        assert data[:4] == selector("assetClass(bytes32)")
        fields = (class_id, class_id, b"KGM".ljust(32, b"\x00"), 3, 4, True, 30, "Cacao")
        return encode(["(bytes32,bytes32,bytes32,uint8,uint8,bool,uint32,string)"], [fields])


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


TRUST = TrustFile(
    chain_id=ChainId(7),
    genesis_hash=b"\x09" * 32,
    pilot_registry=Address(b"\x01" * 20),
    anchor_log=Address(b"\x02" * 20),
    assets=AssetContracts(green_asset=ASSET, evidence_register=REGISTER),
    sealing=None,
    centers=(),
)


def judged(node: SupplyNode, tell: Callable[[BlockNumber, BlockNumber], None] = lambda *_: None) -> Any:
    return judge_supply(TRUST, node, tell=tell)


def test_a_node_that_tells_everything_is_a_yes_with_the_sums_of_each_class() -> None:
    told: list[tuple[int, int]] = []
    judgement = judged(FakeChain(a_life()), lambda block, last: told.append((block, last)))
    assert judgement.verdict is Verdict.PASSED, judgement.words
    cocoa, wood = judgement.classes
    assert (cocoa.asset_class.name, cocoa.asset_class.unit.code, cocoa.tokens, cocoa.evidenced) == ("Cacao", "KGM", 1, 1_000)
    assert cocoa.totals == cocoa.kept == Totals(issued=900, escrowed=10, retired=200, cancelled=40)
    assert (cocoa.totals.tradable, wood.totals.tradable) == (650, 5)
    assert told[-1] == (judgement.block, judgement.block)


def test_more_issued_than_evidenced_is_a_no_even_where_the_contract_says_so_itself() -> None:
    node = FakeChain([*a_life(), *issued(TOKEN, 101)], kept={COCOA: (1_001, 10, 200, 40), WOOD: (5, 0, 0, 0)})
    judgement = judged(node)
    assert judgement.verdict is Verdict.FAILED
    assert "its evidence allows 1000" in judgement.words


def test_sums_of_the_contract_that_do_not_add_up_are_a_no() -> None:
    judgement = judged(FakeChain(a_life(), kept={**KEPT, COCOA: (900, 800, 200, 40)}))
    assert judgement.verdict is Verdict.FAILED
    assert "cocoa" in judgement.words


def test_other_sums_than_the_contract_keeps_are_not_checked_and_named() -> None:
    judgement = judged(FakeChain(a_life(), kept={**KEPT, WOOD: (6, 0, 0, 0)}))
    assert judgement.verdict is Verdict.NOT_CHECKED
    assert "wood" in judgement.words
    assert "Ask another node." in judgement.words


def test_a_class_of_which_nothing_was_issued_has_nothing() -> None:
    judgement = judged(FakeChain(a_life(), kept={**KEPT, b"new".ljust(32, b"\x00"): (0, 0, 0, 0)}))
    assert judgement.verdict is Verdict.PASSED
    assert (judgement.classes[-1].totals.issued, judgement.classes[-1].tokens) == (0, 0)


def test_a_node_that_looks_through_few_blocks_at_once_is_asked_for_few() -> None:
    node = FakeChain(a_life() + [event("Voted(bytes32,bytes32)", bytes(32))] * 60, most=7, refusal=AnswerTooLong("long"))
    assert judged(node).verdict is Verdict.PASSED
    assert any(last - first + 1 <= 7 for first, last in node.asked)


def test_a_node_that_is_away_is_asked_once() -> None:
    node = FakeChain(a_life(), most=0, refusal=NodeAway("gone"))
    with pytest.raises(NodeAway, match="gone"):
        judged(node)
    assert len(node.asked) == 1


def test_a_node_that_refuses_single_blocks_is_away() -> None:
    with pytest.raises(NodeAway):
        judged(FakeChain(a_life(), most=0))


def test_a_head_beyond_all_years_is_not_followed() -> None:
    node = FakeChain(a_life())
    node.head = lambda: BlockNumber(2**60)  # type: ignore[method-assign]
    with pytest.raises(NodeAway, match="more than there can be"):
        judged(node)
    assert node.asked == []


def test_another_chain_is_told_apart() -> None:
    with pytest.raises(AnotherChain):
        judged(FakeChain(a_life(), chain=8))


def test_a_trust_file_without_green_assets_is_said_to_have_none() -> None:
    with pytest.raises(NoAssets):
        judge_supply(replace(TRUST, assets=None), FakeChain(a_life()), tell=lambda *_: None)


@pytest.mark.parametrize(
    ("signature", "answer"),
    [
        ("classCount()", b""),
        ("classCount()", encode(["uint256"], [10_001])),
        ("classIds(uint256,uint256)", encode(["bytes32[]"], [[COCOA]])),
        ("classIds(uint256,uint256)", encode(["bytes32[]"], [[COCOA, WOOD]])[:-1]),
        ("totals(bytes32)", b"\x00" * 96),
        ("assetClass(bytes32)", b"\xff" * 32 * 10),
    ],
)
def test_an_answer_that_no_contract_of_ours_gives_is_none(signature: str, answer: bytes) -> None:
    node = FakeChain(a_life())
    node.answers[selector(signature)] = answer
    with pytest.raises(NodeAway):
        judged(node)
