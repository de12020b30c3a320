"""What validators sealed is taken, and nothing that differs from it in one bit, one seal, one node or one validator."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from time import monotonic

import pytest
from greenlane.core.errors import CannotCheck, InvalidInput, ProofRefused
from greenlane.core.header import Header
from greenlane.core.sealing import (
    ChangeRefused,
    MinerForeign,
    RootAbsent,
    SealedRoot,
    SealForeign,
    SealInvalid,
    SealsTooFew,
    SealTwice,
    SetInvalid,
    SetUnknown,
    ValidatorsMisplaced,
    follow,
    next_set,
    quorum,
    set_slots,
    signers,
    verify_header,
    verify_sealed_root,
    verify_sealed_slot,
)
from greenlane.core.seals import (
    MAX_SET_CHANGES,
    MAX_VALIDATORS,
    MAX_WITNESS_NODE_BYTES,
    MAX_WITNESS_NODES,
    SealedState,
    Sealing,
    Seals,
    ValidatorMode,
    ValidatorSet,
)
from greenlane.core.state_proof import StateProofRefused
from greenlane.core.units import Address, BlockNumber, CenterId, RootHash, TreeSize
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import sealed_chain
from worlds.sealed_chain import ANCHOR_LOG, GENESIS_AT, REGISTRY, SealedChain

MODES = pytest.mark.parametrize("mode", list(ValidatorMode))
ROOT = RootHash(bytes(range(32)))
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
STRANGER = SealedChain.member(39)


def judged(
    seals: Seals,
    sealing: Sealing,
    *,
    registry: Address = REGISTRY,
    anchor_log: Address = ANCHOR_LOG,
    center: str = "lima",
    tree_size: int = 512,
    root: RootHash = ROOT,
) -> SealedRoot:
    return verify_sealed_root(
        seals,
        sealing=sealing,
        registry=registry,
        anchor_log=anchor_log,
        center=CenterId(center),
        tree_size=TreeSize(tree_size),
        root=root,
    )


def journey(mode: ValidatorMode, validators: int = 4, *, neighbours: int = 24) -> SealedChain:
    """A chain whose set grew and shrank, with a root anchored before, and one more block with the set that is left."""
    chain = SealedChain(mode, validators=validators, neighbours=neighbours)
    chain.anchor("lima", 512, ROOT)
    chain.change_validators(chain.members(validators + 1))
    chain.change_validators(chain.members(validators + 1)[1:])
    chain.block(round=1)
    return chain


def flips(data: bytes, step: int = 1) -> Iterator[bytes]:
    for bit in range(0, 8 * len(data), step):
        yield (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


def with_state(seals: Seals, of: int, state: SealedState) -> Seals:
    """The seals with another state in place of one: of a change by its place, of the anchored one by -1."""
    if of < 0:
        return replace(seals, anchored=state)
    return replace(seals, changes=(*seals.changes[:of], state, *seals.changes[of + 1 :]))


# ---- what is taken ----


@pytest.mark.parametrize(
    ("mode", "validators"),
    # In the headers one that is left of two can be shown by nobody.
    [(mode, count) for mode in ValidatorMode for count in range(1 if mode is ValidatorMode.CONTRACT else 2, 22)],
)
def test_networks_of_1_to_21_validators_are_followed_through_every_change(mode: ValidatorMode, validators: int) -> None:
    chain = journey(mode, validators)
    assert follow(chain.changes(), chain.sealing(), REGISTRY).sets == tuple(chain.sets)
    proven = judged(chain.seals("lima", 512), chain.sealing())
    assert proven == SealedRoot(
        block_number=chain.head.number,
        sealed_at=GENESIS_AT + timedelta(seconds=2 * chain.head.number),
        round=1,
        seal_count=quorum(validators),
        validator_count=validators,
    )


@MODES
def test_every_block_shows_the_root_to_whoever_knows_any_of_the_sets(mode: ValidatorMode) -> None:
    chain = journey(mode)
    for number in range(1, len(chain.headers)):
        seals = chain.seals("lima", 512, number)
        for known_to in range(1, len(chain.headers)):
            assert judged(seals, chain.sealing(known_to)).block_number == number


@given(st.sampled_from(ValidatorMode), st.lists(st.integers(1, 7), min_size=1, max_size=4), st.data())
@settings(max_examples=25)
def test_sets_that_grow_and_shrink_are_followed(mode: ValidatorMode, sizes: list[int], data: st.DataObject) -> None:
    if mode is ValidatorMode.HEADER:
        # Two that become one are a change that nobody can follow there.
        sizes = [sizes[0], *(max(2, size) for size in sizes[1:])]
    chain = SealedChain(mode, validators=sizes[0], neighbours=2)
    for size in sizes[1:]:
        chain.change_validators(data.draw(st.permutations(chain.members(8)))[:size])
    chain.anchor("lima", 512, ROOT)
    others = [set_ for before, set_ in pairwise(chain.sets) if set(before.validators) != set(set_.validators)]
    assert follow(chain.changes(), chain.sealing(), REGISTRY).sets == (chain.sets[0], *others)
    assert judged(chain.seals("lima", 512), chain.sealing()).block_number == chain.head.number


@MODES
def test_a_block_that_changes_nothing_brings_no_set(mode: ValidatorMode) -> None:
    chain = journey(mode)
    whole = follow(chain.changes(), chain.sealing(), REGISTRY)
    for number in range(1, len(chain.headers)):
        state = chain.change(number)
        assert next_set(state, whole, REGISTRY) is None
    assert follow(chain.changes(), whole, REGISTRY) == whole


def test_another_order_of_one_set_is_no_other_set() -> None:
    chain = SealedChain(validators=4)
    reordered = chain.members(4)[::-1]
    chain.change_validators(reordered)
    assert chain.sets[-1].validators == reordered
    assert follow(chain.changes(), chain.sealing(), REGISTRY) == chain.sealing()


@MODES
def test_changes_before_the_oldest_set_that_is_known_are_passed_over(mode: ValidatorMode) -> None:
    chain = journey(mode)
    last = Sealing(mode=mode, sets=tuple(chain.sets[-1:]))
    assert judged(chain.seals("lima", 512), last).block_number == chain.head.number
    assert follow(chain.changes(), last, REGISTRY) == last


@MODES
def test_of_changes_before_the_oldest_set_that_is_known_all_is_read_but_the_seals(mode: ValidatorMode) -> None:
    chain = journey(mode, neighbours=0)
    last = Sealing(mode=mode, sets=tuple(chain.sets[-1:]))
    seals = chain.seals("lima", 512)
    first = seals.changes[0]
    wrong = [
        replace(first, header=b""),
        replace(first, header=first.header[:-1]),
        replace(first, header=first.header + b"\x00"),
        replace(first, witness=(*first.witness, b"anything")),
    ]
    if mode is ValidatorMode.CONTRACT:
        wrong += [replace(first, witness=first.witness[1:]), replace(first, witness=seals.changes[1].witness)]
    for each in wrong:
        with pytest.raises((InvalidInput, ProofRefused)):
            judged(with_state(seals, 0, each), last)
    # Who had to seal it is not known, so that anybody's seals, and none, are as good.
    header = Header.decode(first.header)
    for sealers in ((), (STRANGER,)):
        unsealed = replace(first, header=chain.sealed(header, sealers).encode())
        assert judged(with_state(seals, 0, unsealed), last).block_number == chain.head.number
        with pytest.raises(ProofRefused):
            judged(with_state(seals, 0, unsealed), chain.sealing())


@MODES
def test_all_validators_may_seal(mode: ValidatorMode) -> None:
    chain = SealedChain(mode, validators=7)
    chain.anchor("lima", 512, ROOT)
    chain.block(sealers=chain.members(7))
    assert judged(chain.seals("lima", 512), chain.sealing()).seal_count == 7


@pytest.mark.parametrize(("count", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (9, 6), (10, 7), (21, 14)])
def test_a_quorum_is_two_thirds_rounded_up(count: int, needed: int) -> None:
    assert quorum(count) == needed


@pytest.mark.parametrize("step", [1, -1])
def test_every_honest_change_in_the_headers_is_sealed_by_more_than_half_of_those_before_but_for_three_small_ones(
    step: int,
) -> None:
    refused = set()
    for count in range(1 if step > 0 else 2, MAX_VALIDATORS + 1):
        # One more: at most one of those who seal is new. One fewer: all who seal were there before.
        of_before = quorum(count + step) - max(0, step)
        if 2 * of_before <= count:
            refused.add((count, count + step))
        else:
            assert of_before >= quorum(count) - 1
    assert refused == ({(2, 3)} if step > 0 else {(4, 3), (2, 1)})


# ---- flipped bits ----


def refused(seals: Seals, sealing: Sealing) -> bool:
    """Whether it is refused by one of our names; anything else goes through."""
    try:
        judged(seals, sealing)
    except (ProofRefused, InvalidInput):
        return True
    return False


def test_every_flipped_bit_of_a_small_header_is_refused() -> None:
    chain = journey(ValidatorMode.CONTRACT, 1, neighbours=0)
    whole = chain.sealing(chain.head.number)
    state = chain.sealed_anchor("lima", 512)
    # The bloom filter's 2,048 bits are as good as one another.
    bloom = state.header.index(bytes(256))
    for place, header in enumerate(flips(state.header)):
        if not bloom + 4 <= len(header) - 1 - place // 8 < bloom + 252:
            assert refused(Seals(changes=(), anchored=replace(state, header=header)), whole)


def test_every_flipped_bit_of_a_small_witness_is_refused() -> None:
    chain = journey(ValidatorMode.CONTRACT, 1, neighbours=0)
    whole = chain.sealing(chain.head.number)
    state = chain.sealed_anchor("lima", 512)
    for place, node in enumerate(state.witness):
        for changed in flips(node):
            witness = (*state.witness[:place], changed, *state.witness[place + 1 :])
            assert refused(Seals(changes=(), anchored=replace(state, witness=witness)), whole)


def test_every_flipped_bit_of_a_header_that_names_another_set_is_refused() -> None:
    chain = journey(ValidatorMode.HEADER, 1)
    change = chain.changes()[0]
    assert next_set(change, chain.sealing(), REGISTRY) == chain.sets[1]
    for header in flips(change.header, 3):
        with pytest.raises((ProofRefused, InvalidInput)):
            next_set(replace(change, header=header), chain.sealing(), REGISTRY)


LARGE = {mode: journey(mode, 21) for mode in ValidatorMode}


@given(st.sampled_from(ValidatorMode), st.data())
@settings(max_examples=60)
def test_a_flipped_bit_anywhere_in_what_21_validators_sealed_is_refused(mode: ValidatorMode, data: st.DataObject) -> None:
    chain = LARGE[mode]
    seals = chain.seals("lima", 512)
    of = data.draw(st.integers(-1, len(seals.changes) - 1))
    state = seals.anchored if of < 0 else seals.changes[of]
    parts = [state.header, *state.witness]
    index = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 8 * len(parts[index]) - 1))
    parts[index] = (int.from_bytes(parts[index], "big") ^ 1 << bit).to_bytes(len(parts[index]), "big")
    changed = SealedState(header=parts[0], witness=tuple(parts[1:]))
    assert refused(with_state(seals, of, changed), chain.sealing())


@MODES
def test_a_flipped_bit_in_the_trusted_set_is_refused(mode: ValidatorMode) -> None:
    chain = SealedChain(mode, validators=4)
    chain.anchor("lima", 512, ROOT)
    seals = Seals(changes=(), anchored=chain.sealed_anchor("lima", 512))
    sealers = {chain.headers[-1].miner, *signers(chain.head)}
    for place, validator in enumerate(chain.sets[0].validators):
        if validator not in sealers and mode is ValidatorMode.CONTRACT:
            # He had no hand in this block: any other in his stead leaves it as good.
            continue
        for changed in flips(validator, 13):
            validators = list(chain.sets[0].validators)
            validators[place] = Address(changed)
            set_ = ValidatorSet(seals_from=BlockNumber(1), validators=tuple(validators))
            assert refused(seals, Sealing(mode=mode, sets=(set_,)))
    with pytest.raises((ValidatorsMisplaced, SealForeign)):
        judged(seals, Sealing(mode=next(each for each in ValidatorMode if each is not mode), sets=tuple(chain.sets)))


@MODES
def test_another_root_place_or_contract_is_refused(mode: ValidatorMode) -> None:
    chain = journey(mode)
    seals, sealing = chain.seals("lima", 512), chain.sealing()
    for root in flips(ROOT, 7):
        with pytest.raises(RootAbsent, match="holds 0x"):
            judged(seals, sealing, root=RootHash(root))
    with pytest.raises(StateProofRefused):
        judged(seals, sealing, center="cusco")
    with pytest.raises(StateProofRefused):
        judged(seals, sealing, tree_size=511)
    for contract in (REGISTRY, STRANGER):
        with pytest.raises(StateProofRefused):
            judged(seals, sealing, anchor_log=contract)


@MODES
def test_what_is_not_anchored_is_shown_to_be_absent(mode: ValidatorMode) -> None:
    chain = journey(mode)
    whole, number = chain.sealing(chain.head.number), chain.head.number
    with pytest.raises(RootAbsent, match="holds nothing there"):
        judged(Seals(changes=(), anchored=chain.sealed_anchor("lima", 511)), whole, tree_size=511)
    nobody = Seals(changes=(), anchored=chain.sealed_state(number, STRANGER, ()))
    with pytest.raises(RootAbsent, match="holds nothing there"):
        judged(nobody, whole, anchor_log=STRANGER)
    # That nothing stands there can be shown as well as anything else.
    slot = b"\x55" * 32
    empty = Seals(changes=(), anchored=chain.sealed_state(number, ANCHOR_LOG, [slot]))
    for seals, contract in ((empty, ANCHOR_LOG), (nobody, STRANGER)):
        proven = verify_sealed_slot(seals, sealing=whole, registry=REGISTRY, contract=contract, slot=slot, value=bytes(32))
        assert proven.block_number == number


# ---- seals ----


@MODES
@pytest.mark.parametrize("validators", [1, 2, 3, 4, 5, 6, 7, 10, 21])
def test_one_seal_less_than_the_quorum_is_too_few(mode: ValidatorMode, validators: int) -> None:
    chain = SealedChain(mode, validators=validators)
    header = chain.block()
    verify_header(header, chain.members(validators), mode)
    for count in range(quorum(validators)):
        with pytest.raises(SealsTooFew, match=f"bears {count} seals; of {validators} validators {quorum(validators)} must"):
            verify_header(chain.sealed(header, chain.members(validators)[:count]), chain.members(validators), mode)


@MODES
def test_a_validator_who_seals_twice_is_refused_as_such(mode: ValidatorMode) -> None:
    chain = SealedChain(mode, validators=4)
    one, two, three, _ = members = chain.members(4)
    for sealers in ((one, two, one), (one, two, three, two), (one, one)):
        with pytest.raises(SealTwice, match="twice"):
            verify_header(chain.sealed(chain.block(), sealers), members, mode)


@MODES
def test_the_same_seal_turned_over_is_no_second_one(mode: ValidatorMode) -> None:
    chain = SealedChain(mode, validators=4)
    header = chain.block()
    seal = header.extra.seals[0]
    s = CURVE_ORDER - int.from_bytes(seal[32:64], "big")
    turned = seal[:32] + s.to_bytes(32, "big") + bytes([1 - seal[64]])
    for seals in ((seal, header.extra.seals[1], turned), (turned, *header.extra.seals[1:])):
        with pytest.raises(SealInvalid, match="is no signature"):
            verify_header(replace(header, extra=replace(header.extra, seals=seals)), chain.members(4), mode)


@MODES
def test_a_seal_by_a_stranger_is_refused_as_such_even_beside_a_quorum(mode: ValidatorMode) -> None:
    chain = SealedChain(mode, validators=4)
    members = chain.members(4)
    for sealers in ((*members[:2], STRANGER), (*members, STRANGER), (STRANGER, *members)):
        with pytest.raises(SealForeign, match=f"0x{STRANGER.hex()}"):
            verify_header(chain.sealed(chain.block(), sealers), members, mode)


@MODES
def test_a_block_proposed_by_a_stranger_is_refused_as_such(mode: ValidatorMode) -> None:
    chain = SealedChain(mode, validators=4)
    with pytest.raises(MinerForeign, match=f"0x{STRANGER.hex()}"):
        verify_header(chain.block(miner=STRANGER), chain.members(4), mode)


@MODES
@pytest.mark.parametrize("seal", [bytes(65), b"\xff" * 65, b"\x01" * 64 + b"\x1b"])
def test_a_seal_that_is_none_is_refused_as_such(mode: ValidatorMode, seal: bytes) -> None:
    chain = SealedChain(mode, validators=1)
    header = chain.block()
    verify_header(header, chain.members(1), mode)
    with pytest.raises(SealInvalid, match="Seal 2 of block 1"):
        verify_header(replace(header, extra=replace(header.extra, seals=(*header.extra.seals, seal))), chain.members(1), mode)


@MODES
def test_seals_of_another_round_or_of_the_block_hash_do_not_count(mode: ValidatorMode) -> None:
    chain = SealedChain(mode, validators=4)
    header = chain.block(round=2)
    verify_header(header, chain.members(4), mode)
    for round_ in (0, 1, 3):
        with pytest.raises((SealForeign, SealInvalid)):
            verify_header(replace(header, extra=replace(header.extra, round=round_)), chain.members(4), mode)
    over_block_hash = tuple(chain.seal(each, header.block_hash()) for each in chain.members(4)[:3])
    with pytest.raises((SealForeign, SealInvalid)):
        verify_header(replace(header, extra=replace(header.extra, seals=over_block_hash)), chain.members(4), mode)


def test_validators_stand_where_the_chain_keeps_them_and_nowhere_else() -> None:
    members = SealedChain.members(4)
    contract = SealedChain(ValidatorMode.CONTRACT, validators=4)
    with pytest.raises(ValidatorsMisplaced, match="a contract holds"):
        verify_header(contract.block(validators=members), members, ValidatorMode.CONTRACT)
    header = SealedChain(ValidatorMode.HEADER, validators=4)
    for named in ((), members[:3], (*members, STRANGER), (*members, members[0]), (*members[:3], STRANGER)):
        with pytest.raises(ValidatorsMisplaced, match="other validators"):
            verify_header(header.block(validators=named), members, ValidatorMode.HEADER)
    verify_header(header.block(validators=members[::-1]), members, ValidatorMode.HEADER)


# ---- what is known of the validators ----


@MODES
def test_a_block_older_than_every_set_that_is_known_is_not_judged(mode: ValidatorMode) -> None:
    chain = journey(mode)
    late = Sealing(mode=mode, sets=(replace(chain.sets[-1], seals_from=BlockNumber(chain.head.number + 1)),))
    with pytest.raises(SetUnknown) as caught:
        judged(chain.seals("lima", 512), late)
    assert isinstance(caught.value, CannotCheck)
    assert not isinstance(caught.value, ProofRefused)
    with pytest.raises(SetUnknown):
        next_set(chain.change(chain.head.number), late, REGISTRY)
    # Nobody seals block 0.
    with pytest.raises(SetUnknown):
        next_set(chain.change(0), chain.sealing(), REGISTRY)


@MODES
def test_what_cannot_be_judged_is_not_called_wrong_whatever_else_is_wrong_with_it(mode: ValidatorMode) -> None:
    chain = journey(mode)
    late = Sealing(mode=mode, sets=(replace(chain.sets[-1], seals_from=BlockNumber(chain.head.number + 1)),))
    seals = chain.seals("lima", 512)
    with pytest.raises(SetUnknown):
        judged(replace(seals, changes=seals.changes[::-1]), late, root=RootHash(bytes(32)))


@MODES
def test_changes_out_of_place_are_refused(mode: ValidatorMode) -> None:
    chain = journey(mode)
    seals, sealing = chain.seals("lima", 512), chain.sealing()
    first, second = seals.changes
    for changes in ((second, first), (first, first, second), (first, second, first)):
        with pytest.raises(ProofRefused):
            judged(replace(seals, changes=changes), sealing)
    with pytest.raises(ChangeRefused, match="follows"):
        follow((first, second, second), sealing, REGISTRY)
    # One that comes after the block it is to lead to.
    for number in (chain.change_blocks[1], chain.change_blocks[1] - 1):
        with pytest.raises(ChangeRefused, match="not on the way"):
            judged(replace(chain.seals("lima", 512, number), changes=(first, second)), sealing)


def test_a_change_left_out_is_missed_where_a_contract_holds_the_set() -> None:
    chain = SealedChain(validators=4)
    chain.anchor("lima", 512, ROOT)
    chain.change_validators((*chain.members(4)[1:], STRANGER))
    chain.blocks(4)
    seals = chain.seals("lima", 512)
    assert STRANGER in signers(chain.head)
    with pytest.raises((SealForeign, MinerForeign)) as caught:
        judged(replace(seals, changes=()), chain.sealing())
    assert "newer" in caught.value.remedy


@MODES
def test_a_change_that_contradicts_what_is_known_is_refused(mode: ValidatorMode) -> None:
    chain = journey(mode)
    otherwise = SealedChain(mode, validators=4)
    otherwise.anchor("lima", 512, ROOT)
    otherwise.change_validators((*otherwise.members(4), STRANGER))
    # The same block brings one set here and another there, and both were sealed by the first.
    assert otherwise.change_blocks[0] == chain.change_blocks[0]
    for known_to in (chain.change_blocks[0] + 1, chain.head.number):
        with pytest.raises((ChangeRefused, ValidatorsMisplaced)):
            follow(otherwise.changes(), chain.sealing(known_to), REGISTRY)
    follow(otherwise.changes(), otherwise.sealing(), REGISTRY)


def forged_change(*, members: Sequence[Address], before: int, sealers: Sequence[Address], miner: Address | None = None) -> Header:
    """A header that names `members` where the first `before` members are known, sealed by `sealers`."""
    chain = SealedChain(ValidatorMode.HEADER, validators=before)
    return chain.block(validators=sorted(members), sealers=sealers, miner=members[0] if miner is None else miner)


def brought(header: Header, before: int) -> ValidatorSet | None:
    # Known from block 1 on; the forged header is made to be a later one.
    sealing = Sealing(
        mode=ValidatorMode.HEADER, sets=(ValidatorSet(seals_from=BlockNumber(0), validators=SealedChain.members(before)),)
    )
    return next_set(SealedState(header=header.encode(), witness=()), sealing, REGISTRY)


@pytest.mark.parametrize("before", range(1, 22))
def test_a_header_brings_a_set_one_validator_apart_with_the_fewest_seals_that_are_enough(before: int) -> None:
    members = SealedChain.members(before)
    for new in ((*members, STRANGER), members[1:]):
        if len(new) < 2:
            continue
        # Whoever is new seals as well, so that as few as can be are of the set before.
        is_newcomer = STRANGER in new
        enough = max(quorum(len(new)), before // 2 + 1 + is_newcomer)
        becomes = brought(forged_change(members=new, before=before, sealers=new[-enough:]), before)
        assert becomes is not None
        assert set(becomes.validators) == set(new)
        with pytest.raises((SealsTooFew, ChangeRefused)):
            brought(forged_change(members=new, before=before, sealers=new[len(new) - enough + 1 :]), before)


OWN, OTHERS = SealedChain.members(24), SealedChain.members(48)[24:]
Standing = tuple[int, int]
"""How many validators there are, and how many of their keys somebody holds who forges."""


class Forger:
    """Tries what the holder of some validators' keys can make up in the headers, and is judged as everybody is."""

    def __init__(self) -> None:
        self._chain = SealedChain(ValidatorMode.HEADER, validators=1, neighbours=0)
        self._judged: dict[tuple[Standing, Standing], bool] = {}

    def least(self, count: int) -> int:
        """How many keys of a set of `count` are the fewest by which a block of his own is taken, at once or after changes."""
        return next(held for held in range(1, count + 1) if self._can_forge((count, held)))

    def _can_forge(self, start: Standing) -> bool:
        reached, seen = [start], {start}
        while reached:
            size, held = here = reached.pop()
            if self._is_taken(here, here):
                return True
            # One of the others dropped, one of his own dropped, one of his own added, and one who is nobody's.
            for then in ((size - 1, held), (size - 1, held - 1), (size + 1, held + 1), (size + 1, held)):
                if then not in seen and 0 < then[1] <= then[0] <= 24 and self._is_taken(here, then):
                    seen.add(then)
                    reached.append(then)
        return False

    def _is_taken(self, here: Standing, then: Standing) -> bool:
        if (here, then) not in self._judged:
            known, named = self._set(here), self._set(then)
            sealers = [one for one in named if one in OWN]
            header = self._chain.block(validators=sorted(named), sealers=sealers, miner=sealers[0])
            sealing = Sealing(mode=ValidatorMode.HEADER, sets=(ValidatorSet(seals_from=BlockNumber(0), validators=known),))
            try:
                becomes = next_set(SealedState(header=header.encode(), witness=()), sealing, REGISTRY)
                assert (becomes is None) == (here == then)
            except ProofRefused:
                self._judged[here, then] = False
            else:
                self._judged[here, then] = True
        return self._judged[here, then]

    @staticmethod
    def _set(standing: Standing) -> tuple[Address, ...]:
        size, held = standing
        return (*OWN[:held], *OTHERS[: size - held])


def test_two_thirds_rounded_down_but_always_more_than_half_of_the_keys_make_up_a_history_in_the_headers_and_no_fewer() -> None:
    """What docs/trust.md says of this mode: here is who could lie, tried with every sequence of adding and dropping."""
    forger = Forger()
    least = {count: forger.least(count) for count in range(1, 22)}
    assert list(least.values()) == [1, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9, 10, 10, 11, 12, 12, 13, 14]
    for count, held in least.items():
        assert held == max(2 * count // 3, count // 2 + 1)
        assert held > (count - 1) // 3
        assert quorum(count) - held <= 1


@pytest.mark.parametrize(
    ("before", "after", "seals", "is_followed"),
    [(4, 3, 2, False), (4, 3, 3, True), (2, 1, 1, False), (3, 2, 2, True), (5, 4, 3, True)],
)
def test_where_one_is_dropped_more_than_half_of_those_before_must_have_sealed(
    before: int, after: int, seals: int, is_followed: bool
) -> None:
    members = SealedChain.members(before)
    header = forged_change(members=members[:after], before=before, sealers=members[:seals])
    if is_followed:
        assert brought(header, before) is not None
        return
    with pytest.raises(ChangeRefused, match=f"by {seals} of the {before} validators before it") as caught:
        brought(header, before)
    assert "newer" in caught.value.remedy


def test_where_one_is_added_his_own_seal_is_none_of_those_before() -> None:
    one, two = SealedChain.members(2)
    for sealers, is_followed in (((one, STRANGER), False), ((one, two), True), ((one, two, STRANGER), True)):
        header = forged_change(members=(one, two, STRANGER), before=2, sealers=sealers)
        if is_followed:
            assert brought(header, 2) is not None
        else:
            with pytest.raises(ChangeRefused, match="by 1 of the 2 validators before it"):
                brought(header, 2)


def test_a_set_more_than_one_validator_apart_is_refused() -> None:
    members = SealedChain.members(7)
    for new in (members[2:], (*members[1:], STRANGER), (*members, STRANGER, SealedChain.member(38))):
        with pytest.raises(ChangeRefused, match="more than one validator"):
            brought(forged_change(members=new, before=7, sealers=new), 7)


@pytest.mark.parametrize(
    ("sealers", "miner", "refusal"),
    [
        (0, None, SealsTooFew),
        (3, None, SealsTooFew),
        (4, STRANGER, None),
        (4, SealedChain.member(30), MinerForeign),
    ],
)
def test_a_header_that_names_another_set_is_sealed_by_a_quorum_of_that_set(
    sealers: int, miner: Address | None, refusal: type[ProofRefused] | None
) -> None:
    new = (*SealedChain.members(4), STRANGER)
    header = forged_change(members=new, before=4, sealers=new[:sealers], miner=miner)
    if refusal is None:
        assert brought(header, 4) is not None
    else:
        with pytest.raises(refusal):
            brought(header, 4)


def test_a_header_that_names_nobody_or_one_twice_brings_no_set() -> None:
    chain = SealedChain(ValidatorMode.HEADER, validators=4)
    one = chain.member(0)
    for named in ((), (one, one), (*chain.members(4), one)):
        with pytest.raises(ProofRefused):
            brought(chain.block(validators=named, sealers=chain.members(4), miner=one), 4)


def test_a_change_in_the_headers_has_no_witness() -> None:
    chain = journey(ValidatorMode.HEADER)
    change = chain.changes()[0]
    with pytest.raises(StateProofRefused, match="lead nowhere"):
        next_set(replace(change, witness=(b"anything",)), chain.sealing(), REGISTRY)


# ---- the registry's list ----


def test_the_list_stands_where_solidity_puts_it() -> None:
    # keccak256 of 32 zero bytes, known to every contract with an array in its first slot.
    first = 0x290DECD9548B62A8D60345A988386FC84BA6BC95484008F6362F93160EF3E563
    assert set_slots(2) == (bytes(32), first.to_bytes(32, "big"), (first + 1).to_bytes(32, "big"))
    assert set_slots(MAX_VALIDATORS) == tuple(sealed_chain.set_slots(MAX_VALIDATORS))


def registry_of(values: dict[bytes, int], slots: Sequence[bytes]) -> tuple[SealedState, Sealing]:
    chain = SealedChain(validators=1)
    for slot, value in values.items():
        chain.write(REGISTRY, slot, value)
    chain.block()
    return chain.sealed_state(chain.head.number, REGISTRY, slots), chain.sealing()


@pytest.mark.parametrize("count", [0, MAX_VALIDATORS + 1, 2**64, 2**256 - 1])
def test_a_list_of_nobody_or_of_too_many_is_no_set(count: int) -> None:
    state, sealing = registry_of({bytes(32): count}, [bytes(32)])
    with pytest.raises(SetInvalid):
        next_set(state, sealing, REGISTRY)


def test_as_many_validators_as_may_be_are_a_set() -> None:
    slots = set_slots(MAX_VALIDATORS)
    values = dict(zip(slots, [MAX_VALIDATORS, *range(1, MAX_VALIDATORS + 1)], strict=True))
    state, sealing = registry_of(values, slots)
    becomes = next_set(state, sealing, REGISTRY)
    assert becomes is not None
    assert becomes.validators == tuple(Address(number.to_bytes(20, "big")) for number in range(1, MAX_VALIDATORS + 1))


@pytest.mark.parametrize("second", [1, 2**160, 2**255 + 7])
def test_one_twice_or_what_is_no_address_makes_no_set(second: int) -> None:
    slots = set_slots(2)
    state, sealing = registry_of({slots[0]: 2, slots[1]: 1, slots[2]: second}, slots)
    with pytest.raises(SetInvalid):
        next_set(state, sealing, REGISTRY)


def test_a_registry_that_is_not_there_names_nobody() -> None:
    chain = SealedChain(validators=1)
    chain.block()
    state = chain.sealed_state(1, STRANGER, ())
    with pytest.raises(SetInvalid, match="no registry"):
        next_set(state, chain.sealing(), STRANGER)


@pytest.mark.parametrize("missing", range(6))
def test_a_list_that_is_not_shown_whole_is_refused(missing: int) -> None:
    chain = SealedChain(validators=5)
    chain.block()
    slots = set_slots(5)
    state = chain.sealed_state(1, REGISTRY, [*slots[:missing], *slots[missing + 1 :]])
    with pytest.raises(StateProofRefused, match="not in the witness"):
        next_set(state, chain.sealing(), REGISTRY)


def test_a_list_that_is_shown_with_more_than_it_is_refused() -> None:
    chain = SealedChain(validators=5)
    chain.write(REGISTRY, b"\x55" * 32, 7)
    chain.block()
    more = chain.sealed_state(1, REGISTRY, [*set_slots(5), b"\x55" * 32])
    with pytest.raises(StateProofRefused, match="lead nowhere"):
        next_set(more, chain.sealing(), REGISTRY)


def test_the_state_of_another_block_or_contract_is_refused() -> None:
    chain = journey(ValidatorMode.CONTRACT)
    seals, sealing = chain.seals("lima", 512), chain.sealing()
    before = chain.sealed_anchor("lima", 512, 1).witness
    with pytest.raises(StateProofRefused):
        judged(replace(seals, anchored=replace(seals.anchored, witness=before)), sealing)
    with pytest.raises(StateProofRefused):
        judged(replace(seals, anchored=replace(seals.anchored, witness=chain.change(chain.head.number).witness)), sealing)
    with pytest.raises(StateProofRefused):
        judged(seals, sealing, registry=ANCHOR_LOG)


# ---- what it costs ----


def test_the_most_that_a_stranger_may_send_is_refused_in_time() -> None:
    chain = SealedChain(validators=4)
    chain.anchor("lima", 512, ROOT)
    anchored = chain.sealed_anchor("lima", 512)
    garbage = tuple(place.to_bytes(MAX_WITNESS_NODE_BYTES, "little") for place in range(1, MAX_WITNESS_NODES))
    full = replace(anchored, witness=(*anchored.witness, *garbage[: MAX_WITNESS_NODES - len(anchored.witness)]))
    # A header of 65,533 items of one byte, and one of lists inside one another.
    wide, deep = b"\xf9\xff\xfa" + b"\x01" * 65_530, b"\xf8\xff" * 32_000
    change = SealedState(header=anchored.header, witness=garbage)
    started = monotonic()
    assert refused(Seals(changes=(), anchored=full), chain.sealing())
    for header in (wide, deep):
        assert refused(Seals(changes=(), anchored=replace(anchored, header=header)), chain.sealing())
        assert refused(Seals(changes=(replace(change, header=header),) * MAX_SET_CHANGES, anchored=anchored), chain.sealing())
    assert refused(Seals(changes=(change,) * MAX_SET_CHANGES, anchored=anchored), chain.sealing())
    # Under a tenth of that where nothing else runs.
    assert monotonic() - started < 5


def test_what_judges_seals_is_imported_where_there_are_any() -> None:
    script = (
        "import sys\n"
        "import greenlane.core.sealing, greenlane.core.header, greenlane.core.state_proof, greenlane.verify.command\n"
        "heavy = {'rlp', 'trie', 'coincurve', 'eth_utils', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'{heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
