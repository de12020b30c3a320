"""A chain of QBFT validators whose keys a test holds: headers that are sealed, states that can be proven, sets that change.

    chain = SealedChain(ValidatorMode.CONTRACT, validators=4)
    chain.anchor("lima", 512, root)                  # a block that writes the root into the anchor log's storage
    chain.change_validators(chain.members(5))        # the blocks that make another set, and the first that it seals
    chain.block(round=2)                             # one more; every part of it may be told
    chain.seals("lima", 512)                         # what a receipt carries: all changes so far, and the newest block
    chain.sealing()                                  # what a trust file of the first day names

Nothing executes here: storage is written as the contracts lay it out, tries are kept by the package trie, seals are made by
coincurve, and headers by core/header.py, which the recorded blocks of a real network vouch for. A wrong block is made by telling
`block` a wrong part (`sealers`, `miner`, `validators`, `seals`), or by `dataclasses.replace` and sealing
again with `sealed`. Keys are the same in every run; each number has its own (`SealedChain.key(number)`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import coincurve
import rlp  # type: ignore[import-untyped]
from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.crypto import keccak256, secp256k1_public_key
from greenlane.core.header import Header, QbftExtra, Vote
from greenlane.core.seals import SealedState, Sealing, Seals, ValidatorMode, ValidatorSet
from greenlane.core.units import Address, BlockNumber, CenterId, TreeSize
from trie import HexaryTrie  # type: ignore[import-untyped]

GENESIS_AT = datetime(2026, 6, 1, tzinfo=UTC)
BLOCK_PERIOD_S = 2
REGISTRY = Address(bytes.fromhex("1001".rjust(40, "0")))
ANCHOR_LOG = Address(bytes.fromhex("1002".rjust(40, "0")))
_NO_ADDRESS = Address(bytes(20))
_EMPTY_ROOT = keccak256(rlp.encode(b""))
_NO_UNCLES = keccak256(rlp.encode([]))
_MIX_HASH = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
_VANITY = b"greenlane test chain".rjust(32, b"\x00")
_FIRST_ITEM = int.from_bytes(keccak256(bytes(32)), "big")


class SealedChain:
    """One chain, from block 0 on.

    Attributes:
        mode: where the validator set stands.
        registry, anchor_log: the contracts.
        headers: every block's header with its seals; `headers[n]` is block n.
        sets: every set so far, the first one from block 1 on.
        change_blocks: numbers of the blocks that changed the set.
    """

    def __init__(
        self,
        mode: ValidatorMode = ValidatorMode.CONTRACT,
        *,
        validators: int | Sequence[Address] = 4,
        registry: Address = REGISTRY,
        anchor_log: Address = ANCHOR_LOG,
        neighbours: int = 24,
    ) -> None:
        """Makes block 0.

        Args:
            mode: where the validator set stands.
            validators: the first set; a number takes that many of `members`.
            registry, anchor_log: the contracts' addresses.
            neighbours: other accounts, and other slots of the anchor log, so that tries have some depth; 0 gives the flattest.
        """
        self.mode = mode
        self.registry = registry
        self.anchor_log = anchor_log
        first = self.members(validators) if isinstance(validators, int) else tuple(validators)
        self.sets = [ValidatorSet(seals_from=BlockNumber(1), validators=self._ordered(first))]
        self.change_blocks: list[BlockNumber] = []
        self.headers: list[Header] = []
        self._keys: dict[Address, bytes] = {}
        self._nodes: dict[bytes, bytes] = {}
        self._accounts = HexaryTrie(self._nodes)
        self._storages: dict[Address, HexaryTrie] = {}
        self._storage_roots: list[dict[Address, bytes]] = []
        self._stored_count = 0
        for number in range(neighbours):
            self._accounts[keccak256(number.to_bytes(20, "big"))] = rlp.encode([number, number**9, _EMPTY_ROOT, keccak256(b"")])
            self.write(anchor_log, keccak256(b"neighbour" + number.to_bytes(2, "big")), number + 1)
        self.write(anchor_log, bytes(32), 0)
        self._write_set(self.sets[0].validators)
        self._append(
            round_=0,
            miner=_NO_ADDRESS,
            validators=self._named(self.sets[0].validators),
            vote=None,
            sealers=(),
            timestamp=int(GENESIS_AT.timestamp()),
        )

    # ---- who ----

    @staticmethod
    def key(number: int) -> bytes:
        """The private key of member `number`, from 0."""
        return keccak256(b"validator %d" % number)

    @classmethod
    def member(cls, number: int) -> Address:
        """The address of member `number`, from 0."""
        return Address(keccak256(secp256k1_public_key(cls.key(number)))[-20:])

    @classmethod
    def members(cls, count: int) -> tuple[Address, ...]:
        """The first `count` members, whether they are validators or not."""
        return tuple(cls.member(number) for number in range(count))

    def set_of(self, number: int) -> tuple[Address, ...]:
        """Who seals block `number`, in the chain's order."""
        return next(each.validators for each in reversed(self.sets) if each.seals_from <= number)

    # ---- blocks ----

    @property
    def head(self) -> Header:
        """The newest header."""
        return self.headers[-1]

    def block(
        self,
        *,
        round: int = 0,  # noqa: A002  (the word of QBFT)
        miner: Address | None = None,
        validators: Sequence[Address] | None = None,
        vote: Vote | None = None,
        sealers: Sequence[Address] | None = None,
        seals: Sequence[bytes] | None = None,
        timestamp: int | None = None,
    ) -> Header:
        """One more block over the storage as it is now.

        Args:
            round: in which the validators agreed.
            miner: by default one of the set, in turn.
            validators: what the header names; by default the set in the mode HEADER, nobody in the mode CONTRACT.
            vote: of the miner.
            sealers: by default as many of the set as are needed, others with every block.
            seals: put in as they are, in place of the sealers'.
            timestamp: seconds since 1970; by default BLOCK_PERIOD_S after the block before.
        """
        number = len(self.headers)
        set_ = self.set_of(number)
        turned = [set_[(number + place) % len(set_)] for place in range(len(set_))]
        return self._append(
            round_=round,
            miner=turned[0] if miner is None else miner,
            validators=self._named(set_) if validators is None else tuple(validators),
            vote=vote,
            sealers=turned[: -(-2 * len(set_) // 3)] if sealers is None else sealers,
            seals=seals,
            timestamp=self.head.timestamp + BLOCK_PERIOD_S if timestamp is None else timestamp,
        )

    def blocks(self, count: int) -> None:
        """That many more blocks."""
        for _ in range(count):
            self.block()

    def anchor(self, center: str, tree_size: int, root: bytes) -> BlockNumber:
        """Writes a root where `AnchorLog` keeps it, in one more block; answers with that block."""
        self.write(self.anchor_log, anchored_root_slot(CenterId(center), TreeSize(tree_size)), int.from_bytes(root, "big"))
        return self.block().number

    def change_validators(self, validators: Iterable[Address]) -> BlockNumber:
        """Makes the blocks that bring another set; answers with the first block that the set seals.

        In the mode CONTRACT one block changes the registry and the next is sealed by the new set. In the mode HEADER each block
        adds or drops one validator, as votes do; the fewest seal it that are enough, and more than half of the set before.
        """
        wanted = self._ordered(tuple(validators))
        now = self.sets[-1].validators
        if self.mode is ValidatorMode.CONTRACT:
            self._write_set(wanted)
            self._note_change(wanted, self.block().number + 1, changed_in=self.head.number)
            return self.block().number
        steps = [*((each, True) for each in wanted if each not in now), *((each, False) for each in now if each not in wanted)]
        for each, is_added in steps:
            before = now
            now = self._ordered((*now, each) if is_added else tuple(one for one in now if one != each))
            self._write_set(now)
            self._note_change(now, len(self.headers), changed_in=BlockNumber(len(self.headers)))
            # Those who were there before seal first, another one of them with every block.
            turn = len(self.headers) % len(now)
            turned = sorted((*now[turn:], *now[:turn]), key=lambda one: one not in before)
            self.block(sealers=turned[: max(-(-2 * len(now) // 3), len(before) // 2 + 1)])
        return self.head.number

    def write(self, contract: Address, slot: bytes, value: int) -> None:
        """Puts a value into a contract's storage, from the next block on; 0 takes it out."""
        storage = self._storages.setdefault(contract, HexaryTrie(self._nodes))
        if value:
            storage[keccak256(slot)] = rlp.encode(value)
        else:
            storage.delete(keccak256(slot))
        self._accounts[keccak256(contract)] = rlp.encode([1, 0, storage.root_hash, keccak256(b"code of " + contract)])

    def sealed(self, header: Header, sealers: Sequence[Address]) -> Header:
        """A header with the seals of those members in place of its own."""
        bare = replace(header, extra=replace(header.extra, seals=()))
        seals = tuple(self.seal(each, bare.seal_hash()) for each in sealers)
        return replace(bare, extra=replace(bare.extra, seals=seals))

    def seal(self, member: Address, digest: bytes) -> bytes:
        """A member's signature of a digest, r ‖ s ‖ v."""
        if not self._keys:
            self._keys = {self.member(number): self.key(number) for number in range(40)}
        return coincurve.PrivateKey(self._keys[member]).sign_recoverable(digest, hasher=None)

    # ---- what is handed out ----

    def raw(self, number: int) -> bytes:
        """A header as validators keep it."""
        return self.headers[number].encode()

    def sealing(self, known_to: int = 1) -> Sealing:
        """What a trust file names that was made when block `known_to` was the newest."""
        return Sealing(mode=self.mode, sets=tuple(each for each in self.sets if each.seals_from <= known_to))

    def proof(self, number: int, contract: Address, slots: Iterable[bytes]) -> tuple[tuple[bytes, ...], ...]:
        """What eth_getProof answers after block `number`: the nodes of the account's proof, then those of each slot's."""
        account = self._walk(self.headers[number].state_root, keccak256(contract))
        root = self._storage_roots[number].get(contract, _EMPTY_ROOT)
        return (account, *(self._walk(root, keccak256(slot)) for slot in slots))

    def sealed_state(self, number: int, contract: Address, slots: Iterable[bytes]) -> SealedState:
        """Block `number` with a witness of a contract's slots after it."""
        nodes = dict.fromkeys(node for proof in self.proof(number, contract, slots) for node in proof)
        return SealedState(header=self.raw(number), witness=tuple(nodes))

    def sealed_anchor(self, center: str, tree_size: int, number: int | None = None) -> SealedState:
        """A block (by default the newest) with a witness of the slot of an anchored root."""
        slot = anchored_root_slot(CenterId(center), TreeSize(tree_size))
        return self.sealed_state(self.head.number if number is None else number, self.anchor_log, [slot])

    def change(self, number: int) -> SealedState:
        """Block `number` as a change of the set is carried."""
        if self.mode is ValidatorMode.HEADER:
            return SealedState(header=self.raw(number), witness=())
        count = next(len(each.validators) for each in reversed(self.sets) if each.seals_from <= number + 1)
        return self.sealed_state(number, self.registry, set_slots(count))

    def changes(self, before: int | None = None) -> tuple[SealedState, ...]:
        """Every change so far, or those in the blocks below `before`."""
        return tuple(self.change(number) for number in self.change_blocks if before is None or number < before)

    def seals(self, center: str, tree_size: int, number: int | None = None) -> Seals:
        """What a receipt carries: an anchor in a block (by default the newest), and every change on the way there."""
        at = self.head.number if number is None else number
        return Seals(changes=self.changes(before=at), anchored=self.sealed_anchor(center, tree_size, at))

    # ---- inside ----

    def _ordered(self, validators: tuple[Address, ...]) -> tuple[Address, ...]:
        return tuple(sorted(validators)) if self.mode is ValidatorMode.HEADER else validators

    def _named(self, validators: tuple[Address, ...]) -> tuple[Address, ...]:
        return validators if self.mode is ValidatorMode.HEADER else ()

    def _note_change(self, validators: tuple[Address, ...], seals_from: int, *, changed_in: BlockNumber) -> None:
        self.sets.append(ValidatorSet(seals_from=BlockNumber(seals_from), validators=validators))
        self.change_blocks.append(changed_in)

    def _write_set(self, validators: tuple[Address, ...]) -> None:
        slots = set_slots(max(len(validators), self._stored_count))
        values = [len(validators), *(int.from_bytes(each, "big") for each in validators)]
        for slot, value in zip(slots, values + [0] * (len(slots) - len(values)), strict=True):
            self.write(self.registry, slot, value)
        self._stored_count = len(validators)

    def _append(self, *, round_: int, sealers: Sequence[Address], seals: Sequence[bytes] | None = None, **told: Any) -> Header:
        header = Header(
            parent_hash=self.head.block_hash() if self.headers else bytes(32),
            uncles_hash=_NO_UNCLES,
            miner=told["miner"],
            state_root=self._accounts.root_hash,
            transactions_root=_EMPTY_ROOT,
            receipts_root=_EMPTY_ROOT,
            logs_bloom=bytes(256),
            difficulty=1,
            number=BlockNumber(len(self.headers)),
            gas_limit=30_000_000,
            gas_used=0,
            timestamp=told["timestamp"],
            extra=QbftExtra(vanity=_VANITY, validators=told["validators"], vote=told["vote"], round=round_, seals=()),
            mix_hash=_MIX_HASH,
            nonce=bytes(8),
            base_fee_per_gas=0,
            withdrawals_root=_EMPTY_ROOT,
            blob_gas_used=0,
            excess_blob_gas=0,
            parent_beacon_block_root=bytes(32),
        )
        if seals is None:
            header = self.sealed(header, sealers)
        else:
            header = replace(header, extra=replace(header.extra, seals=tuple(seals)))
        self.headers.append(header)
        self._storage_roots.append({contract: storage.root_hash for contract, storage in self._storages.items()})
        return header

    def _walk(self, root: bytes, key: bytes) -> tuple[bytes, ...]:
        read = _Read(self._nodes)
        HexaryTrie(read, root).get(key)
        return tuple(read.nodes)


class _Read:
    """Nodes by their hashes, and which of them were asked for."""

    def __init__(self, nodes: dict[bytes, bytes]) -> None:
        self._all = nodes
        self.nodes: list[bytes] = []

    def __getitem__(self, node_hash: bytes) -> bytes:
        node = self._all[node_hash]
        self.nodes.append(node)
        return node


def set_slots(count: int) -> list[bytes]:
    """Where a registry of `count` validators keeps its set: the count, then each."""
    return [bytes(32), *((_FIRST_ITEM + place).to_bytes(32, "big") for place in range(count))]
