"""The contract and core/merkle.py say the same about any proof, good or spoilt.

The contract that runs is AnchorLog itself, on a real chain: its storage is set for one call to hold whatever older tree the
example asks for.
"""

import hashlib
from collections.abc import Sequence

import pytest
from eth_typing import HexStr
from greenlane.adapters.evm.bindings import AnchorLog, artifact
from greenlane.core.anchoring import MAX_ANCHOR_GROWTH, anchored_root_slot, center_key
from greenlane.core.crypto import keccak256
from greenlane.core.errors import ProofRefused
from greenlane.core.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from greenlane.core.units import LeafHash, LeafIndex, NodeHash, RootHash, TreeSize, center_id
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3 import Web3
from web3.exceptions import ContractLogicError
from web3.types import TxParams

from .conftest import Chain

pytestmark = [pytest.mark.chain, pytest.mark.slow]
LIMA = center_id("lima")
LARGEST = 600
LEAVES: Sequence[LeafHash] = [leaf_hash(hashlib.sha256(number.to_bytes(4, "big")).digest()) for number in range(LARGEST)]
examples = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)


def storage(center_root: bytes, tree_size: int) -> dict[HexStr, HexStr]:
    """The slots of a log whose last anchored tree is this one."""
    head_slot = keccak256(center_key(LIMA) + (1).to_bytes(32, "big"))
    slots = {anchored_root_slot(LIMA, TreeSize(tree_size)): center_root, head_slot: tree_size.to_bytes(32, "big")}
    return {Web3.to_hex(slot): Web3.to_hex(word) for slot, word in slots.items()}


def answer(live: Chain, data: bytes, slots: dict[HexStr, HexStr]) -> bytes:
    target = Web3.to_checksum_address(live.log.address)
    call: TxParams = {"to": target, "from": Web3.to_checksum_address(live.founders[1].anchorer), "data": Web3.to_hex(data)}
    return bytes(live.web3.eth.call(call, "latest", {target: {"stateDiff": slots}}))


def extends(live: Chain, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: list[bytes]) -> bool:
    nodes = [NodeHash(node) for node in proof]
    data = AnchorLog.encode_anchor(LIMA, TreeSize(new_size), RootHash(new_root), nodes)
    try:
        answer(live, data, storage(old_root, old_size))
    except ContractLogicError as refused:
        assert isinstance(refused.data, str)
        assert artifact("AnchorLog").refusal(bytes.fromhex(refused.data[2:])).name == "InconsistentTree"
        return False
    return True


def includes(live: Chain, leaf: bytes, index: int, size: int, root: bytes, proof: list[bytes]) -> bool:
    data = artifact("AnchorLog").encode_call("isIncluded", center_key(LIMA), size, index, leaf, proof)
    return bool(answer(live, data, storage(root, size))[-1])


def is_refused_by_core_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: list[bytes]) -> bool:
    try:
        verify_consistency(
            old_size=TreeSize(old_size),
            old_root=RootHash(old_root),
            new_size=TreeSize(new_size),
            new_root=RootHash(new_root),
            proof=[NodeHash(node) for node in proof],
        )
    except ProofRefused:
        return True
    return False


def is_refused_by_core_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: list[bytes]) -> bool:
    try:
        verify_inclusion(
            leaf=LeafHash(leaf),
            index=LeafIndex(index),
            tree_size=TreeSize(size),
            proof=[NodeHash(node) for node in proof],
            root=RootHash(root),
        )
    except ProofRefused:
        return True
    return False


@st.composite
def spoilt(draw: st.DrawFn, words: list[bytes]) -> list[bytes]:
    """The same words, or with one bit flipped, one left out, one doubled, two swapped or one made up."""
    how = draw(st.sampled_from(["whole", "flip", "drop", "double", "swap", "append"]))
    changed = list(words)
    if how == "append":
        return [*changed, draw(st.binary(min_size=32, max_size=32))]
    if how == "whole" or not changed:
        return changed
    at = draw(st.integers(0, len(changed) - 1))
    if how == "flip":
        changed[at] = (int.from_bytes(changed[at], "big") ^ (1 << draw(st.integers(0, 255)))).to_bytes(32, "big")
    elif how == "drop":
        del changed[at]
    elif how == "double":
        changed.insert(at, changed[at])
    else:
        changed[at], changed[at - 1] = changed[at - 1], changed[at]
    return changed


@examples
@given(st.data(), st.integers(1, LARGEST - 1))
def test_an_honest_extension_passes_both_and_a_spoilt_one_fails_both_alike(
    live: Chain, data: st.DataObject, old_size: int
) -> None:
    new_size = data.draw(st.integers(old_size + 1, LARGEST))
    old_root, new_root = root_of(LEAVES[:old_size]), root_of(LEAVES[:new_size])
    proof: list[bytes] = list(consistency_proof(LEAVES[:new_size], TreeSize(old_size)))
    assert extends(live, old_size, old_root, new_size, new_root, proof)
    changed = data.draw(spoilt(proof))
    sizes = data.draw(st.sampled_from([(old_size, new_size), (old_size, new_size + 1), (max(1, old_size - 1), new_size)]))
    roots = data.draw(spoilt([old_root, new_root]).filter(lambda words: len(words) == 2))
    case = (sizes[0], roots[0], sizes[1], roots[1], changed)
    assert extends(live, *case) is not is_refused_by_core_consistency(*case)


@examples
@given(st.data(), st.integers(1, LARGEST))
def test_an_honest_inclusion_passes_both_and_a_spoilt_one_fails_both_alike(live: Chain, data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    root = root_of(LEAVES[:size])
    proof: list[bytes] = list(inclusion_proof(LEAVES[:size], LeafIndex(index)))
    assert includes(live, LEAVES[index], index, size, root, proof)
    changed = data.draw(spoilt(proof))
    place = data.draw(st.sampled_from([index, index ^ 1, index + 1, size]))
    claimed_size = data.draw(st.sampled_from([size, size + 1, max(1, size - 1)]))
    words = data.draw(spoilt([LEAVES[index], root]).filter(lambda both: len(both) == 2))
    case = (words[0], place, claimed_size, words[1], changed)
    assert includes(live, *case) is not is_refused_by_core_inclusion(*case)


@examples
@given(
    st.integers(1, 2**63 - 2),
    st.integers(1, MAX_ANCHOR_GROWTH),
    st.lists(st.sampled_from([b"\x11" * 32, b"\x22" * 32]), max_size=70),
)
def test_noise_about_any_sizes_fails_both(live: Chain, old_size: int, more: int, proof: list[bytes]) -> None:
    case = (old_size, b"\x11" * 32, min(old_size + more, 2**63 - 1), b"\x22" * 32, proof)
    assert not extends(live, *case)
    assert is_refused_by_core_consistency(*case)


def test_core_and_contract_agree_how_far_one_anchor_reaches(live: Chain) -> None:
    told = answer(live, artifact("AnchorLog").encode_call("MAX_GROWTH"), {})
    assert int.from_bytes(told, "big") == MAX_ANCHOR_GROWTH
