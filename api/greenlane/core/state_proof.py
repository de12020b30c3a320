"""What a contract holds in its storage, shown by the nodes that lead there from a block's state root.

The state of the chain is a Merkle trie of accounts, each at the hash of its address, and each account with storage has a trie of
its own, each slot at the hash of its number. A node names the next by its hash, or holds it where that has less than 32 bytes. So
the nodes on one way from a known root show what stands at its end, or that nothing stands there.

The way is walked by the package trie. It is imported on first use, since it costs half a second and only what is sealed needs it.
It is lenient and raises what it likes on nodes that are none, so each node is read strictly before it is given to it. A witness
is exact: every node is there once and is used, and along each way a node stands before those that it leads to.
Source: Ethereum Yellow Paper, section 4.1 and appendix D.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from greenlane.core.crypto import keccak256
from greenlane.core.errors import ProofRefused
from greenlane.core.rlp import Item, RlpInvalid, decode, decode_number
from greenlane.core.seals import MAX_WITNESS_NODE_BYTES, MAX_WITNESS_NODES
from greenlane.core.units import Address

_HASH_BYTES = 32
_WORD_BYTES = 32
_NONCE_BYTES = 8
_BRANCH_ITEMS = 17
_PATH_ITEMS = 2
_DEEPEST = 32
"""Lists inside one another in a node: what a node holds of others has less than 32 bytes, so none goes as deep."""
_ODD = 1
_LEAF = 2
_FROM_ROOT = -1


class StateProofRefused(ProofRefused):
    """The nodes of a witness do not show what the state holds, or are not exactly those that do."""

    code = "state-proof-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the state keeps of one account.

    Attributes:
        nonce: below 2^64.
        balance: in wei, below 2^256.
        storage_root: of its own trie, 32 bytes.
        code_hash: Keccak-256 of its code, 32 bytes.
    """

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


class Witness:
    """Nodes of one block's state, and which of them were needed so far."""

    def __init__(self, nodes: Sequence[bytes]) -> None:
        """Takes the nodes; none is read before it is needed.

        Args:
            nodes: at most MAX_WITNESS_NODES of MAX_WITNESS_NODE_BYTES, along each way from the root downward.

        Raises:
            StateProofRefused: too many, one too large, or one twice.
        """
        if len(nodes) > MAX_WITNESS_NODES:
            raise StateProofRefused(f"A witness has at most {MAX_WITNESS_NODES} nodes, not {len(nodes)}.")
        self._nodes = tuple(nodes)
        self._places: dict[bytes, int] = {}
        for place, node in enumerate(self._nodes):
            if len(node) > MAX_WITNESS_NODE_BYTES:
                raise StateProofRefused(f"A node of a witness has at most {MAX_WITNESS_NODE_BYTES} bytes, not {len(node)}.")
            if self._places.setdefault(keccak256(node), place) != place:
                raise StateProofRefused("A node stands in the witness twice.")
        self._used: set[int] = set()
        self._ends: dict[bytes, int] = {}

    def account(self, state_root: bytes, address: Address) -> Account | None:
        """What the state holds of an account.

        Args:
            state_root: of a block, 32 bytes.
            address: of the account.

        Returns:
            None where the nodes show that there is no such account.

        Raises:
            StateProofRefused: the nodes do not show it.
        """
        value, end = self._value(state_root, address, after=_FROM_ROOT)
        if not value:
            return None
        account = _account(value)
        # Its storage begins below it.
        self._ends[account.storage_root] = end
        return account

    def slot(self, storage_root: bytes, slot: bytes) -> bytes:
        """What a storage slot of an account holds.

        Args:
            storage_root: of the account.
            slot: its number, 32 bytes.

        Returns:
            32 bytes, zeros where the nodes show that it holds nothing.

        Raises:
            StateProofRefused: the nodes do not show it.
        """
        value, _ = self._value(storage_root, slot, after=self._ends.get(storage_root, _FROM_ROOT))
        if not value:
            return bytes(_WORD_BYTES)
        try:
            number = decode_number(decode(value, deepest=0), most_bytes=_WORD_BYTES)
        except RlpInvalid as error:
            raise StateProofRefused("What a slot holds does not read well.") from error
        if number == 0:
            raise StateProofRefused("A slot that holds zero has no place in a trie.")
        return number.to_bytes(_WORD_BYTES, "big")

    def require_all_used(self) -> None:
        """Refuses a witness that has more than was needed.

        Raises:
            StateProofRefused: some nodes were not.
        """
        if len(self._used) < len(self._nodes):
            raise StateProofRefused(f"{len(self._nodes) - len(self._used)} nodes of the witness lead nowhere.")

    def _value(self, root: bytes, key: bytes, *, after: int) -> tuple[bytes, int]:
        """What stands in a trie at the hash of a key, empty where nothing does; and the place of the last node on the way."""
        from trie import HexaryTrie  # type: ignore[import-untyped]
        from trie.exceptions import MissingTrieNode, ValidationError  # type: ignore[import-untyped]

        way = _Way(self._nodes, self._places, self._used, after)
        try:
            value: bytes = HexaryTrie(way, root).get(keccak256(key))
        except MissingTrieNode as error:
            raise StateProofRefused("A node on the way from the root is not in the witness.") from error
        except ValidationError as error:
            raise StateProofRefused("A node of the witness has a path longer than any key.") from error
        return value, way.last


class _Way:
    """The nodes by their hashes, for one walk from a root downward; notes which were used, and how far down it came."""

    def __init__(self, nodes: Sequence[bytes], places: dict[bytes, int], used: set[int], after: int) -> None:
        self._nodes = nodes
        self._places = places
        self._used = used
        self.last = after

    def __getitem__(self, node_hash: bytes) -> bytes:
        place = self._places[node_hash]
        if place <= self.last:
            raise StateProofRefused("A node stands in the witness before the one that leads to it.")
        node = self._nodes[place]
        # Ways to the slots of one contract have their upper nodes in common: each is read strictly once.
        if place not in self._used:
            try:
                _require_node(decode(node, deepest=_DEEPEST))
            except RlpInvalid as error:
                raise StateProofRefused(f"A node of the witness is none. {error.detail}") from error
            self._used.add(place)
        self.last = place
        return node


def collect_witness(*proofs: Sequence[bytes]) -> tuple[bytes, ...]:
    """Proofs put together into one witness, each node once.

    Args:
        proofs: lists of nodes as a node's eth_getProof gives them: the account's first, then those of its slots.
    """
    return tuple(dict.fromkeys(itertools.chain.from_iterable(proofs)))


def _account(value: bytes) -> Account:
    try:
        fields = decode(value, deepest=1)
        if not isinstance(fields, list) or len(fields) != 4:
            raise StateProofRefused("An account has four fields.")
        nonce, balance, storage_root, code_hash = fields
        return Account(
            nonce=decode_number(nonce, most_bytes=_NONCE_BYTES),
            balance=decode_number(balance, most_bytes=_WORD_BYTES),
            storage_root=_hash(storage_root),
            code_hash=_hash(code_hash),
        )
    except RlpInvalid as error:
        raise StateProofRefused("An account of the state does not read well.") from error


def _hash(item: Item) -> bytes:
    if not isinstance(item, bytes) or len(item) != _HASH_BYTES:
        raise StateProofRefused(f"An account names its storage and its code by {_HASH_BYTES} bytes each.")
    return item


def _require_node(node: Item) -> None:
    """Refuses what is neither a branch, nor an extension, nor a leaf: the package trie would stumble over it or misread it."""
    if isinstance(node, list) and len(node) == _BRANCH_ITEMS:
        # All keys have one length, so none ends at a branch.
        if node[-1] != b"":
            raise StateProofRefused("A branch holds a value.")
        for child in node[:-1]:
            if child != b"":
                _require_child(child)
    elif isinstance(node, list) and len(node) == _PATH_ITEMS:
        path, rest = node
        if not isinstance(path, bytes) or not path:
            raise StateProofRefused("A node has no path.")
        flags = path[0] >> 4
        if flags > _LEAF | _ODD or (not flags & _ODD and path[0] & 0x0F):
            raise StateProofRefused("A node's path has no meaning.")
        if flags & _LEAF:
            if not isinstance(rest, bytes):
                raise StateProofRefused("A leaf holds a list.")
        else:
            _require_child(rest)
    else:
        raise StateProofRefused("A node is neither a branch, nor an extension, nor a leaf.")


def _require_child(child: Item) -> None:
    if isinstance(child, list):
        _require_node(child)
    elif len(child) != _HASH_BYTES:
        raise StateProofRefused(f"A node names the next one by {_HASH_BYTES} bytes.")
