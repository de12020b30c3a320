"""What a sealed receipt carries and a verifier starts from: blocks that validators sealed, and parts of their state.

A validator's seal is its signature of a block's header; the header commits to the whole state of the chain. So one sealed header
and the trie nodes that lead from its state root to one storage slot prove what the slot holds, without asking anybody.

Who the validators are is proven the same way. In the mode CONTRACT the registry's own storage after block N names the set that
seals block N + 1. In the mode HEADER each header names the set that seals it. A verifier starts from sets that it trusts and
follows each change through a header that the set before has sealed.

These are values only: core/sealing.py judges them, core/receipt.py and core/trust.py read and write them.
Source: Hyperledger Besu, QBFT; Ethereum Yellow Paper, section 4 (state and block) and appendix D (trie).
"""

from dataclasses import dataclass
from enum import StrEnum

from greenlane.core.units import Address, BlockNumber

MAX_HEADER_BYTES = 65_536
"""Of one header in RLP, seals included; 100 validators' seals are 6,800 bytes."""
MAX_WITNESS_NODES = 2_048
MAX_WITNESS_NODE_BYTES = 1_024
"""A branch node, the largest kind of node in a state trie, has at most 532 bytes; a storage leaf far less."""
MAX_SET_CHANGES = 64
"""Changes of the validator set that one receipt carries; a verifier whose trust file is older needs a newer one."""
MAX_VALIDATOR_SETS = 1_024
"""Sets that one trust file names."""
MAX_VALIDATORS = 100
"""In one set: `PilotRegistry.MAX_CENTERS`."""


class ValidatorMode(StrEnum):
    """Where a chain of validators keeps its validator set; chosen at genesis and never changed."""

    CONTRACT = "contract"
    HEADER = "header"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorSet:
    """Who sealed the blocks from one block on, until the next set.

    Attributes:
        seals_from: the first block that this set seals; at least 1, since nobody seals block 0.
        validators: 1 to MAX_VALIDATORS, no two alike, in the order in which the chain names them.
    """

    seals_from: BlockNumber
    validators: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """How the blocks of a chain are sealed, and by whom as far as it is known.

    Attributes:
        mode: where the chain keeps its validator set.
        sets: oldest first, `seals_from` strictly rising; 1 to MAX_VALIDATOR_SETS. The last one seals until a change that these
            values do not know of.
    """

    mode: ValidatorMode
    sets: tuple[ValidatorSet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedState:
    """A block's header with its seals, and the part of the state after that block that somebody wants to prove.

    Attributes:
        header: RLP of the header as validators keep it: round and seals in its extra data; at most MAX_HEADER_BYTES.
        witness: the nodes of the state trie and storage trie on the way to what is proven, each once, in any order that leads
            from the root downward; empty where the header alone is wanted; at most MAX_WITNESS_NODES of MAX_WITNESS_NODE_BYTES.
    """

    header: bytes
    witness: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seals:
    """The sealed part of a receipt.

    Attributes:
        changes: the changes of the validator set on the way to `anchored`, block numbers strictly rising; at most
            MAX_SET_CHANGES. In the mode CONTRACT each is a block that changed the registry's set, with a witness of the
            registry's storage; in the mode HEADER each is the header of a block that names the new set, without a witness.
        anchored: a block after which the anchor log held the receipt's root, with a witness of the root's slot.
    """

    changes: tuple[SealedState, ...]
    anchored: SealedState
