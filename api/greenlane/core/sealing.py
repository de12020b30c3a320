"""Judges what validators sealed: a header by its seals, the validator set through its changes, a slot of the state by both.

Nothing here asks anybody. It starts from sets of validators that the caller trusts. A block counts when its proposer is in the
set that seals it, and when at least two thirds of that set sealed it, rounded up: each seal by another validator, and none by
anybody else. How the next set becomes known depends on where the chain keeps it.

CONTRACT: the registry's storage after block N names the set that seals block N + 1. A change is block N, sealed by the set
before, with a witness of that storage.

HEADER: block N names the set that seals it. A change is block N itself, sealed by a quorum of the set it names, which is one
validator apart from the set before, and by more than half of the set before. Every honest change is like that, since one vote
rides in a block: but for four validators that become three, and two that become three, where the seals may be too few by one;
and two that become one, where they always are. Those need a newer trust file.

So in the mode HEADER two thirds of the n validators, rounded down, but always more than half, can make up a change, and with it
any history: at most one fewer than the quorum, and more than the f = (n - 1) // 3 that may lie. Keys of their own, added one by
one, help no fewer of them, since the first such change takes as many. To ask for a whole quorum of the set before would refuse
honest changes: where one of five is dropped, three seal, not four.

A refusal says that the proof is wrong; `SetUnknown` says that it could not be judged.
Source: Hyperledger Besu 26.8, QBFT (BftHelpers, ValidatorContractController, VoteTally); docs/decisions/0015.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from greenlane.core.anchoring import ADDRESS_BYTES, anchored_root_slot
from greenlane.core.crypto import keccak256, secp256k1_recover
from greenlane.core.errors import CannotCheck, ProofRefused
from greenlane.core.header import Header
from greenlane.core.seals import MAX_VALIDATORS, SealedState, Sealing, Seals, ValidatorMode, ValidatorSet
from greenlane.core.state_proof import Witness
from greenlane.core.units import Address, BlockNumber, CenterId, RootHash, TreeSize
from greenlane.core.wire import encode_hex

SET_SLOT = 0
"""Place of the registry's list of validators among its state variables."""
_WORD_BYTES = 32
_NOTHING = bytes(_WORD_BYTES)
_TAKE_NEWER = "If the validators changed since the trust file was made, take a newer one."


class SealsTooFew(ProofRefused):
    """Fewer validators sealed the block than must."""

    code = "seals-too-few"


class SealTwice(ProofRefused):
    """One validator's seal stands in the header twice."""

    code = "seal-twice"


class SealForeign(ProofRefused):
    """The block bears a seal of somebody who does not seal it."""

    code = "seal-foreign"
    default_remedy = _TAKE_NEWER


class SealInvalid(ProofRefused):
    """What stands as a seal is no signature of the block."""

    code = "seal-invalid"


class MinerForeign(ProofRefused):
    """The block was proposed by somebody who does not seal it."""

    code = "miner-foreign"
    default_remedy = _TAKE_NEWER


class ValidatorsMisplaced(ProofRefused):
    """The header names validators though a contract holds them, or names others than those known to seal the block."""

    code = "validators-misplaced"


class SetInvalid(ProofRefused):
    """What the registry or a header names as the validator set is none."""

    code = "set-invalid"


class ChangeRefused(ProofRefused):
    """A change of the validators is out of place, contradicts what is known, or is none that the set before can have made."""

    code = "set-change-refused"
    default_remedy = _TAKE_NEWER


class RootAbsent(ProofRefused):
    """The sealed state does not hold the value that it is to show."""

    code = "sealed-root-absent"


class SetUnknown(CannotCheck):
    """Who sealed the block is not known: it is older than the oldest validator set that is."""

    code = "validator-set-unknown"
    default_remedy = "Take a trust file that names the validators of that time."


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRoot:
    """The sealed block that shows a root.

    Attributes:
        block_number: of the block; the root was there by then, not necessarily since then.
        sealed_at: the block's time, aware, in UTC.
        round: in which the validators agreed, from 0.
        seal_count: how many validators sealed it.
        validator_count: of how many.
    """

    block_number: BlockNumber
    sealed_at: datetime
    round: int
    seal_count: int
    validator_count: int


def quorum(count: int) -> int:
    """How many of `count` validators must seal a block: two thirds, rounded up."""
    return -(-2 * count // 3)


def signers(header: Header) -> tuple[Address, ...]:
    """Whose seals a header bears, in their order; nothing is said of whether they may.

    Raises:
        SealInvalid: one of them is no signature of the seal hash, or not in its one spelling.
    """
    digest = header.seal_hash()
    found = []
    for place, seal in enumerate(header.extra.seals):
        public_key = secp256k1_recover(digest, seal)
        if public_key is None:
            raise SealInvalid(f"Seal {place + 1} of block {header.number} is no signature.")
        found.append(Address(keccak256(public_key)[-ADDRESS_BYTES:]))
    return tuple(found)


def verify_header(header: Header, validators: Iterable[Address], mode: ValidatorMode) -> None:
    """Shows that a set of validators sealed a block.

    Args:
        header: with its seals.
        validators: who seals this block; at least one, no two alike, in any order.
        mode: where the chain keeps the set.

    Raises:
        ValidatorsMisplaced, MinerForeign, SealInvalid, SealTwice, SealForeign, SealsTooFew: what each says.
    """
    _sealers(header, validators, mode)


def _sealers(header: Header, validators: Iterable[Address], mode: ValidatorMode) -> frozenset[Address]:
    """Who of a set of validators sealed a block; raises what `verify_header` does."""
    set_ = frozenset(validators)
    named = header.extra.validators
    if mode is ValidatorMode.CONTRACT and named:
        raise ValidatorsMisplaced(f"Block {header.number} names validators, which a contract holds on this chain.")
    if mode is ValidatorMode.HEADER and (set_ != frozenset(named) or len(set_) != len(named)):
        raise ValidatorsMisplaced(f"Block {header.number} names other validators than those known to seal it.")
    if header.miner not in set_:
        raise MinerForeign(
            f"Block {header.number} was proposed by {encode_hex(header.miner)}, none of its {len(set_)} known validators."
        )
    found: set[Address] = set()
    for signer in signers(header):
        if signer in found:
            raise SealTwice(f"Block {header.number} bears the seal of {encode_hex(signer)} twice.")
        if signer not in set_:
            raise SealForeign(
                f"Block {header.number} bears the seal of {encode_hex(signer)}, none of its {len(set_)} known validators."
            )
        found.add(signer)
    if len(found) < quorum(len(set_)):
        raise SealsTooFew(
            f"Block {header.number} bears {len(found)} seals; of {len(set_)} validators {quorum(len(set_))} must seal it."
        )
    return frozenset(found)


def next_set(state: SealedState, sealing: Sealing, registry: Address) -> ValidatorSet | None:
    """The validator set that a sealed block brings.

    Args:
        state: the block; in the mode CONTRACT with a witness of the registry's list, in the mode HEADER without any.
        sealing: what is known.
        registry: the contract that holds the list in the mode CONTRACT.

    Returns:
        The set and the first block that it seals, verified; None where the block is verified and brings no other set than the
        one known.

    Raises:
        SetUnknown: nobody knows who sealed the block.
        HeaderInvalid: the header is none.
        ProofRefused: what `verify_header` refuses; StateProofRefused, SetInvalid, ChangeRefused.
    """
    return _next_set(Header.decode(state.header), state.witness, sealing, registry)


def follow(changes: Iterable[SealedState], sealing: Sealing, registry: Address) -> Sealing:
    """What is known once the changes of the validator set are.

    Args:
        changes: as `next_set` takes them, block numbers strictly rising. Of one in a block older than the oldest set known
            nobody can say who had to seal it, and nobody need: it is read, its seals are not judged, and nothing follows from
            it, since others may start from an older trust file.
        sealing: what is known without them.
        registry: as for `next_set`.

    Raises:
        ChangeRefused: they do not rise.
        HeaderInvalid, ProofRefused: as `next_set` does; for what is only read, nothing that is about seals.
    """
    last = -1
    for change in changes:
        header = Header.decode(change.header)
        if header.number <= last:
            raise ChangeRefused(f"Changes of the validators stand in the order of their blocks: {header.number} follows {last}.")
        last = header.number
        if header.number < sealing.sets[0].seals_from:
            _read_change(header, change.witness, sealing.mode, registry)
            continue
        becomes = _next_set(header, change.witness, sealing, registry)
        if becomes is not None:
            sealing = Sealing(mode=sealing.mode, sets=(*sealing.sets, becomes))
    return sealing


def verify_sealed_slot(
    seals: Seals, *, sealing: Sealing, registry: Address, contract: Address, slot: bytes, value: bytes
) -> SealedRoot:
    """Shows that a contract's storage slot held a value after a sealed block.

    Args:
        seals: changes of the validator set, every one in a block before the one that shows the slot; and that block.
        sealing: what is known of the validators.
        registry: as for `next_set`.
        contract: whose storage.
        slot: 32 bytes.
        value: 32 bytes; zeros for nothing.

    Raises:
        SetUnknown: nobody knows who sealed the block.
        HeaderInvalid: a header is none.
        ProofRefused: as `next_set` and `follow` do; RootAbsent where the slot holds something else.
    """
    header = Header.decode(seals.anchored.header)
    # Before anything is followed: where the block cannot be judged, nothing is said against the receipt.
    _set_at(header.number, sealing)
    for change in seals.changes:
        number = Header.decode(change.header).number
        if number >= header.number:
            raise ChangeRefused(f"A change of the validators in block {number} is not on the way to block {header.number}.")
    sealing = follow(seals.changes, sealing, registry)
    if sealing.mode is ValidatorMode.HEADER:
        # The block may itself be the one that names another set: it is verified as a change is.
        sealing = follow((SealedState(header=seals.anchored.header, witness=()),), sealing, registry)
        validators = header.extra.validators
    else:
        validators = _set_at(header.number, sealing).validators
        verify_header(header, validators, sealing.mode)
    witness = Witness(seals.anchored.witness)
    account = witness.account(header.state_root, contract)
    held = _NOTHING if account is None else witness.slot(account.storage_root, slot)
    witness.require_all_used()
    if held != value:
        raise RootAbsent(
            f"After block {header.number} the contract {encode_hex(contract)} holds {_words(held)} there, not {_words(value)}."
        )
    return SealedRoot(
        block_number=header.number,
        sealed_at=datetime.fromtimestamp(header.timestamp, UTC),
        round=header.extra.round,
        seal_count=len(header.extra.seals),
        validator_count=len(validators),
    )


def verify_sealed_root(
    seals: Seals,
    *,
    sealing: Sealing,
    registry: Address,
    anchor_log: Address,
    center: CenterId,
    tree_size: TreeSize,
    root: RootHash,
) -> SealedRoot:
    """Shows that the chain held the root of a center's log, by its validators' seals alone.

    Args:
        seals: of a receipt.
        sealing: of the trust file.
        registry, anchor_log: the contracts of the trust file.
        center, tree_size, root: what is to be anchored.

    Raises:
        InvalidInput: no center id; or HeaderInvalid: a header is none.
        SetUnknown, ProofRefused: as `verify_sealed_slot` does.
    """
    slot = anchored_root_slot(center, tree_size)
    return verify_sealed_slot(seals, sealing=sealing, registry=registry, contract=anchor_log, slot=slot, value=root)


def set_slots(count: int) -> tuple[bytes, ...]:
    """The storage slots of a registry that show a set of `count` validators: the length of its list, then the items."""
    return (_SET_LENGTH, *(_item_slot(place) for place in range(count)))


_SET_LENGTH = SET_SLOT.to_bytes(_WORD_BYTES, "big")
_FIRST_ITEM = int.from_bytes(keccak256(_SET_LENGTH), "big")


def _item_slot(place: int) -> bytes:
    return (_FIRST_ITEM + place).to_bytes(_WORD_BYTES, "big")


def _read_change(header: Header, witness: tuple[bytes, ...], mode: ValidatorMode, registry: Address) -> None:
    """Refuses a change that could never be one, whoever sealed it: a file that is newer reads it too."""
    if mode is ValidatorMode.HEADER:
        Witness(witness).require_all_used()
    else:
        _validators_in_registry(header, witness, registry)


def _next_set(header: Header, witness: tuple[bytes, ...], sealing: Sealing, registry: Address) -> ValidatorSet | None:
    if sealing.mode is ValidatorMode.HEADER:
        Witness(witness).require_all_used()
        return _named_in_header(header, sealing)
    verify_header(header, _set_at(header.number, sealing).validators, sealing.mode)
    becomes = ValidatorSet(
        seals_from=BlockNumber(header.number + 1), validators=_validators_in_registry(header, witness, registry)
    )
    if frozenset(becomes.validators) == frozenset(_set_at(becomes.seals_from, sealing).validators):
        return None
    if becomes.seals_from <= sealing.sets[-1].seals_from:
        raise ChangeRefused(f"Block {header.number} brings other validators than those known to seal the next one.")
    return becomes


def _named_in_header(header: Header, sealing: Sealing) -> ValidatorSet | None:
    """The set that a verified header names, or None where it is the one known."""
    known, named = _set_at(header.number, sealing).validators, header.extra.validators
    if header.number <= sealing.sets[-1].seals_from or frozenset(named) == frozenset(known):
        verify_header(header, known, sealing.mode)
        return None
    sealers = _sealers(header, named, sealing.mode)
    if len(frozenset(known) ^ frozenset(named)) != 1:
        raise ChangeRefused(f"Block {header.number} names a set more than one validator away from the one before.")
    of_before = len(sealers.intersection(known))
    if 2 * of_before <= len(known):
        raise ChangeRefused(
            f"Block {header.number} names another set and was sealed by {of_before} of the {len(known)} validators before it, "
            "not by more than half of them."
        )
    return ValidatorSet(seals_from=header.number, validators=named)


def _set_at(number: BlockNumber, sealing: Sealing) -> ValidatorSet:
    for set_ in reversed(sealing.sets):
        if set_.seals_from <= number:
            return set_
    raise SetUnknown(f"Block {number} is older than block {sealing.sets[0].seals_from}, the first whose validators are known.")


def _validators_in_registry(header: Header, nodes: tuple[bytes, ...], registry: Address) -> tuple[Address, ...]:
    witness = Witness(nodes)
    account = witness.account(header.state_root, registry)
    if account is None:
        raise SetInvalid(f"After block {header.number} there is no registry at {encode_hex(registry)}.")
    count = int.from_bytes(witness.slot(account.storage_root, _SET_LENGTH), "big")
    if count > MAX_VALIDATORS:
        raise SetInvalid(f"After block {header.number} the registry holds more than {MAX_VALIDATORS} validators.")
    words = [witness.slot(account.storage_root, _item_slot(place)) for place in range(count)]
    witness.require_all_used()
    if any(any(word[:-ADDRESS_BYTES]) for word in words):
        raise SetInvalid(f"After block {header.number} the registry holds something else than addresses.")
    validators = tuple(Address(word[-ADDRESS_BYTES:]) for word in words)
    if not validators or len(set(validators)) != count:
        raise SetInvalid(f"After block {header.number} the registry holds no validators, or one of them twice.")
    return validators


def _words(value: bytes) -> str:
    return "nothing" if value == _NOTHING else encode_hex(value)
