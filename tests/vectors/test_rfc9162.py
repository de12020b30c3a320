"""Known answers for the Merkle tree: eight entries, their roots and proofs, as the literature of transparency logs has them."""

import pytest
from greenlane.core.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from greenlane.core.units import LeafIndex, NodeHash, RootHash, TreeSize

ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_of_the_known_entries_are_the_known_ones(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]


def test_the_root_of_no_leaves_is_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == ROOTS[0]


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [
        (0, 1, []),
        (
            0,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            [
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ],
)
def test_the_known_inclusion_proofs_are_made_and_taken(index: int, size: int, proof: list[str]) -> None:
    made = inclusion_proof(LEAVES[:size], LeafIndex(index))
    assert [hash_.hex() for hash_ in made] == proof
    verify_inclusion(
        leaf=LEAVES[index],
        index=LeafIndex(index),
        tree_size=TreeSize(size),
        proof=made,
        root=RootHash(bytes.fromhex(ROOTS[size])),
    )


@pytest.mark.parametrize(
    ("old", "new", "proof"),
    [
        (1, 1, []),
        (
            1,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            [
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ],
)
def test_the_known_consistency_proofs_are_made_and_taken(old: int, new: int, proof: list[str]) -> None:
    made = consistency_proof(LEAVES[:new], TreeSize(old))
    assert [hash_.hex() for hash_ in made] == proof
    verify_consistency(
        old_size=TreeSize(old),
        old_root=RootHash(bytes.fromhex(ROOTS[old])),
        new_size=TreeSize(new),
        new_root=RootHash(bytes.fromhex(ROOTS[new])),
        proof=made,
    )


def test_the_seven_leaf_tree_of_the_rfc_is_built_as_it_is_drawn() -> None:
    # RFC 9162, section 2.1.5: hash over ((d0 d1)(d2 d3)) and ((d4 d5) d6).
    d0, d1, d2, d3, d4, d5, d6 = (NodeHash(leaf) for leaf in LEAVES[:7])
    g, h, i, j = node_hash(d0, d1), node_hash(d2, d3), node_hash(d4, d5), d6
    k, m = node_hash(g, h), node_hash(i, j)
    assert root_of(LEAVES[:7]) == RootHash(node_hash(k, m))
    assert inclusion_proof(LEAVES[:7], LeafIndex(0)) == (d1, h, m)
    assert inclusion_proof(LEAVES[:7], LeafIndex(3)) == (d2, g, m)
    assert inclusion_proof(LEAVES[:7], LeafIndex(4)) == (d5, j, k)
    assert inclusion_proof(LEAVES[:7], LeafIndex(6)) == (i, k)
    assert consistency_proof(LEAVES[:7], TreeSize(3)) == (d2, d3, g, m)
    assert consistency_proof(LEAVES[:7], TreeSize(4)) == (m,)
    assert consistency_proof(LEAVES[:7], TreeSize(6)) == (i, j, k)
