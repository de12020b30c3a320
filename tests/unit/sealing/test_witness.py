"""A witness shows what the state holds with exactly the nodes that lead there, and nothing else with any others."""

from collections.abc import Callable, Sequence
from itertools import pairwise, permutations

import pytest
from greenlane.core.crypto import keccak256
from greenlane.core.rlp import Item, ItemLike, decode, encode, encode_number
from greenlane.core.seals import MAX_WITNESS_NODE_BYTES, MAX_WITNESS_NODES
from greenlane.core.state_proof import Account, StateProofRefused, Witness, collect_witness
from greenlane.core.units import Address
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie  # type: ignore[import-untyped]
from worlds.sealed_chain import REGISTRY, SealedChain, set_slots

EMPTY_ROOT = keccak256(encode(b""))
SLOT = bytes(31) + b"\x07"
KEY = keccak256(SLOT).hex()
CHAIN = SealedChain(validators=21)
ROOT = CHAIN.head.state_root
SLOTS = set_slots(21)
NODES = CHAIN.sealed_state(0, REGISTRY, SLOTS).witness
NOBODY = Address(bytes(19) + b"\x99")


def read_all(nodes: Sequence[bytes], root: bytes = ROOT) -> list[bytes]:
    witness = Witness(nodes)
    account = witness.account(root, REGISTRY)
    assert account is not None
    values = [witness.slot(account.storage_root, slot) for slot in SLOTS]
    witness.require_all_used()
    return values


def path(nibbles: str, *, is_leaf: bool) -> bytes:
    """A node's path: hex digits with the flags before them."""
    flags = 2 * is_leaf + len(nibbles) % 2
    return bytes.fromhex(f"{flags:x}" + ("" if len(nibbles) % 2 else "0") + nibbles)


def branch(children: dict[str, ItemLike]) -> list[ItemLike]:
    """A branch with children under hex digits."""
    return [children.get(f"{nibble:x}", b"") for nibble in range(16)] + [b""]


def slot_in(*nodes: ItemLike) -> bytes:
    """What SLOT holds under the first node, each node given by its items."""
    encoded = [encode(node) for node in nodes]
    witness = Witness(encoded)
    value = witness.slot(keccak256(encoded[0]), SLOT)
    witness.require_all_used()
    return value


def test_what_stands_in_the_state_is_shown() -> None:
    values = read_all(NODES)
    assert values[0] == (21).to_bytes(32, "big")
    assert [Address(value[-20:]) for value in values[1:]] == list(SealedChain.members(21))


def test_an_account_has_four_fields() -> None:
    assert Witness(NODES).account(ROOT, REGISTRY) == Account(
        nonce=1,
        balance=0,
        storage_root=next(
            root
            for root in (keccak256(node) for node in NODES)
            if root in b"".join(NODES[:3]) and root != ROOT and Witness(NODES).slot(root, SLOTS[0]) == (21).to_bytes(32, "big")
        ),
        code_hash=keccak256(b"code of " + REGISTRY),
    )


def test_an_account_that_is_not_there_is_shown_to_be_absent() -> None:
    nodes = CHAIN.sealed_state(0, NOBODY, ()).witness
    witness = Witness(nodes)
    assert witness.account(ROOT, NOBODY) is None
    witness.require_all_used()
    for place in range(len(nodes)):
        with pytest.raises(StateProofRefused):
            Witness(nodes[:place] + nodes[place + 1 :]).account(ROOT, NOBODY)


def test_in_an_empty_trie_nothing_stands_and_no_node_is_needed() -> None:
    witness = Witness(())
    assert witness.account(EMPTY_ROOT, REGISTRY) is None
    assert witness.slot(EMPTY_ROOT, SLOT) == bytes(32)
    witness.require_all_used()


def test_a_witness_without_one_of_its_nodes_shows_nothing() -> None:
    for place in range(len(NODES)):
        with pytest.raises(StateProofRefused, match="not in the witness"):
            read_all(NODES[:place] + NODES[place + 1 :])


def test_a_node_too_many_is_refused_wherever_it_stands() -> None:
    others = CHAIN.sealed_state(0, CHAIN.anchor_log, [bytes(32)]).witness
    stranger = next(node for node in others if node not in NODES)
    for place in range(len(NODES) + 1):
        with pytest.raises(StateProofRefused, match="lead nowhere"):
            read_all((*NODES[:place], stranger, *NODES[place:]))
        with pytest.raises(StateProofRefused, match="lead nowhere"):
            read_all((*NODES[:place], b"no node at all", *NODES[place:]))


def test_a_node_twice_is_refused() -> None:
    for node in NODES:
        with pytest.raises(StateProofRefused, match="twice"):
            Witness((*NODES, node))


def test_of_all_orders_those_are_taken_in_which_every_way_leads_downward() -> None:
    chain = SealedChain(validators=1, neighbours=1)
    nodes = chain.sealed_state(0, REGISTRY, set_slots(1)).witness
    children = {node: [other for other in nodes if keccak256(other) in node] for node in nodes}
    assert 4 <= len(nodes) <= 6
    taken = 0
    for order in permutations(nodes):
        is_downward = all(order.index(node) < order.index(child) for node in nodes for child in children[node])
        witness = Witness(order)
        try:
            account = witness.account(chain.head.state_root, REGISTRY)
            assert account is not None
            for slot in set_slots(1):
                witness.slot(account.storage_root, slot)
            witness.require_all_used()
        except StateProofRefused as error:
            assert "before the one that leads to it" in error.detail
            assert not is_downward
        else:
            assert is_downward
            taken += 1
    assert taken > 1


@given(st.data())
def test_a_changed_bit_in_any_node_is_refused(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(NODES) - 1))
    bit = data.draw(st.integers(0, 8 * len(NODES[place]) - 1))
    changed = (int.from_bytes(NODES[place], "big") ^ 1 << bit).to_bytes(len(NODES[place]), "big")
    with pytest.raises(StateProofRefused):
        read_all((*NODES[:place], changed, *NODES[place + 1 :]))


def test_the_root_of_another_block_is_refused() -> None:
    chain = SealedChain(validators=21)
    chain.anchor("lima", 1, b"\x01" * 32)
    with pytest.raises(StateProofRefused):
        read_all(NODES, chain.head.state_root)


def test_a_witness_has_its_bounds() -> None:
    nodes = [number.to_bytes(2, "big") for number in range(MAX_WITNESS_NODES + 1)]
    Witness(nodes[:-1])
    with pytest.raises(StateProofRefused, match="at most"):
        Witness(nodes)
    Witness([bytes(MAX_WITNESS_NODE_BYTES)])
    with pytest.raises(StateProofRefused, match="at most"):
        Witness([bytes(MAX_WITNESS_NODE_BYTES + 1)])


def test_proofs_are_put_together_with_each_node_once() -> None:
    account, *slots = CHAIN.proof(0, REGISTRY, SLOTS)
    assert collect_witness(account, *slots) == NODES
    assert sum(map(len, slots)) + len(account) > len(NODES)
    assert collect_witness() == ()


# ---- nodes made by hand ----


def test_a_leaf_at_the_root_a_branch_and_an_extension_lead_to_the_value() -> None:
    leaf = [path(KEY, is_leaf=True), encode(b"\x2a")]
    assert slot_in(leaf) == b"\x2a".rjust(32, b"\x00")
    below = [path(KEY[1:], is_leaf=True), encode(b"\x2a")]
    assert slot_in(branch({KEY[0]: keccak256(encode(below))}), below) == b"\x2a".rjust(32, b"\x00")
    after = [path(KEY[5:], is_leaf=True), encode(b"\x2a")]
    middle = branch({KEY[4]: keccak256(encode(after))})
    assert slot_in([path(KEY[:4], is_leaf=False), keccak256(encode(middle))], middle, after) == b"\x2a".rjust(32, b"\x00")


def test_a_node_of_less_than_32_bytes_stands_inside_the_one_before() -> None:
    other = "0" if KEY[62] != "0" else "1"
    tiny: list[ItemLike] = [path(KEY[63:], is_leaf=True), b"\x2a"]
    middle = branch({KEY[62]: tiny, other: [path("5", is_leaf=True), b"\x07"]})
    assert len(encode(middle)) < 32
    assert slot_in([path(KEY[:62], is_leaf=False), middle]) == b"\x2a".rjust(32, b"\x00")
    # And such a branch shows as well that a slot holds nothing.
    empty = branch({other: tiny})
    assert slot_in([path(KEY[:62], is_leaf=False), empty]) == bytes(32)


@pytest.mark.parametrize(
    "node",
    [
        [path("f" * 64 if KEY[0] != "f" else "e" * 64, is_leaf=True), encode(b"\x2a")],
        [path(KEY[:-1] + ("0" if KEY[-1] != "0" else "1"), is_leaf=True), encode(b"\x2a")],
        branch({}),
        [path("f" if KEY[0] != "f" else "e", is_leaf=False), bytes(32)],
        # Longer or shorter than any key: no honest trie has them, and nothing stands at their end.
        [path(KEY + "0", is_leaf=True), encode(b"\x2a")],
        [path(KEY[:-1], is_leaf=True), encode(b"\x2a")],
    ],
)
def test_a_way_that_parts_from_the_key_shows_that_nothing_stands_there(node: ItemLike) -> None:
    assert slot_in(node) == bytes(32)


def test_an_extension_longer_than_any_key_is_refused() -> None:
    with pytest.raises(StateProofRefused, match="longer than any key"):
        slot_in([path(KEY + "0", is_leaf=False), bytes(32)])


def test_a_branch_at_the_end_of_a_key_holds_nothing() -> None:
    end = branch({"0": bytes(32)})
    assert slot_in([path(KEY, is_leaf=False), keccak256(encode(end))], end) == bytes(32)


@pytest.mark.parametrize(
    "node",
    [
        b"",
        b"no list",
        [],
        [b"one"],
        [b"a", b"b", b"c"],
        [b""] * 16,
        [b""] * 18,
        [b"", b"\x2a"],
        [[], b"\x2a"],
        [[b"\x20"], b"\x2a"],
        # Flags of no meaning, and a filled half byte where there is no digit.
        [b"\x40", b"\x2a"],
        [b"\x80" + bytes.fromhex(KEY), b"\x2a"],
        [b"\xf0", b"\x2a"],
        [b"\x21" + bytes.fromhex(KEY), b"\x2a"],
        [b"\x05", bytes(32)],
        # An extension that leads to no node, a leaf that holds a list.
        [path(KEY[:4], is_leaf=False), b""],
        [path(KEY[:4], is_leaf=False), bytes(31)],
        [path(KEY[:4], is_leaf=False), bytes(33)],
        [path(KEY[:4], is_leaf=False), []],
        [path(KEY, is_leaf=True), [b"\x2a"]],
        # A branch with a value, and branches whose children are no nodes.
        [*[b""] * 16, b"\x2a"],
        [*[b""] * 16, []],
        branch({"0": b"short"}),
        branch({"0": bytes(33)}),
        branch({"0": []}),
        branch({"0": [b"\x99"] * 40}),
        branch({"0": [b"", b"\x2a"]}),
        branch({"0": branch({"1": [b"a"]})}),
    ],
)
def test_what_is_no_node_is_refused(node: ItemLike) -> None:
    with pytest.raises(StateProofRefused, match=r"node|branch|leaf"):
        slot_in(node)


def test_nodes_inside_one_another_without_end_are_refused() -> None:
    node: ItemLike = [path(KEY[-1:], is_leaf=True), b"\x2a"]
    for place in range(63, 0, -1):
        node = [path(KEY[place - 1 : place], is_leaf=False), node]
    assert len(encode(node)) < MAX_WITNESS_NODE_BYTES
    with pytest.raises(StateProofRefused, match="deeper"):
        slot_in(node)


@pytest.mark.parametrize("data", ["00", "81", "8100", "820001", "a1" + "01" * 33, "c0", "c12a", "2a2a", "80"])
def test_a_slot_s_value_has_one_spelling(data: str) -> None:
    with pytest.raises(StateProofRefused, match="slot"):
        slot_in([path(KEY, is_leaf=True), bytes.fromhex(data)])


def account_of(value: bytes) -> Account | None:
    node = encode([path(keccak256(REGISTRY).hex(), is_leaf=True), value])
    return Witness([node]).account(keccak256(node), REGISTRY)


def test_an_account_s_value_has_one_spelling() -> None:
    good: list[ItemLike] = [b"\x01", b"", EMPTY_ROOT, keccak256(b"")]
    assert account_of(encode(good)) == Account(nonce=1, balance=0, storage_root=EMPTY_ROOT, code_hash=keccak256(b""))
    wrongs: list[ItemLike] = [
        b"no list",
        [],
        good[:3],
        [*good, b""],
        [b"\x00", *good[1:]],
        [b"\x01" * 9, *good[1:]],
        [[], *good[1:]],
        [good[0], b"\x00\x01", *good[2:]],
        [good[0], b"\x01" * 33, *good[2:]],
        [*good[:2], EMPTY_ROOT[1:], good[3]],
        [*good[:2], [], good[3]],
        [*good[:3], b""],
        [*good[:3], [b""]],
    ]
    for wrong in wrongs:
        with pytest.raises(StateProofRefused):
            account_of(encode(wrong))
    for data in (b"\x81\x01", b"\xc1", encode(good) + b"\x00"):
        with pytest.raises(StateProofRefused):
            account_of(data)


def damaged(item: Item, draw: Callable[[st.SearchStrategy[Item]], Item], depth: int) -> Item:
    if isinstance(item, list) and item and depth:
        place = draw(st.integers(0, len(item) - 1).map(lambda number: bytes([number])))
        at = place[0] if isinstance(place, bytes) else 0
        return [*item[:at], damaged(item[at], draw, depth - 1), *item[at + 1 :]]
    return draw(st.recursive(st.binary(max_size=40), lambda inner: st.lists(inner, max_size=18), max_leaves=20))


@given(st.data())
def test_whatever_stands_in_a_node_is_read_or_refused_by_name(data: st.DataObject) -> None:
    """The nodes are made to fit their root, so that nothing but their own sense is in the way."""
    leaf = encode([path(KEY[2:], is_leaf=True), encode(b"\x2a")])
    middle = branch({KEY[1]: keccak256(leaf), "3": [path("5", is_leaf=True), b"\x07"]})
    root = damaged(decode(encode([path(KEY[:1], is_leaf=False), middle]), deepest=5), data.draw, 3)
    encoded = encode(root)
    try:
        witness = Witness([encoded, leaf])
        value = witness.slot(keccak256(encoded), SLOT)
        witness.account(keccak256(encoded), REGISTRY)
    except StateProofRefused:
        return
    assert len(value) == 32


@given(st.dictionaries(st.binary(min_size=1, max_size=4), st.integers(1, 2**256 - 1), min_size=1, max_size=30), st.data())
def test_a_trie_of_any_slots_is_read_as_the_package_keeps_it(values: dict[bytes, int], data: st.DataObject) -> None:
    nodes: dict[bytes, bytes] = {}
    kept = HexaryTrie(nodes)
    for slot, value in values.items():
        kept[keccak256(slot.rjust(32, b"\x00"))] = encode(encode_number(value))
    asked = data.draw(st.binary(min_size=1, max_size=4) | st.sampled_from(sorted(values)))
    proof = [encode(node) for node in kept.get_proof(keccak256(asked.rjust(32, b"\x00")))]
    witness = Witness(proof)
    held = witness.slot(kept.root_hash, asked.rjust(32, b"\x00"))
    witness.require_all_used()
    by_number = {int.from_bytes(slot, "big"): value for slot, value in values.items()}
    assert int.from_bytes(held, "big") == by_number.get(int.from_bytes(asked, "big"), 0)
    assert all(len(node) >= 32 for node, _ in pairwise(proof))
