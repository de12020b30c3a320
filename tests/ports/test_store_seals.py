"""What the store promises about seals: the first block that proves an anchor stays, and no change of the set is forgotten."""

import dataclasses
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from greenlane.adapters.sql.faults import RowDamaged, RowRefused
from greenlane.adapters.sql.seals import SetContradicted, decode_state, encode_state
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.errors import InvalidInput
from greenlane.core.seals import (
    MAX_HEADER_BYTES,
    MAX_VALIDATOR_SETS,
    MAX_WITNESS_NODE_BYTES,
    MAX_WITNESS_NODES,
    SealedState,
    Sealing,
    ValidatorMode,
    ValidatorSet,
)
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, RootHash, TreeSize, TxHash
from greenlane.ports.log import StoredAnchor
from greenlane.ports.seals import StoredChange, extended
from greenlane.ports.store import Store
from hypothesis import given
from hypothesis import strategies as st

CHAIN, OTHER_CHAIN = ChainId(20_220), ChainId(1)
LIMA, HANOI = CenterId("lima"), CenterId("hanoi")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def state(number: int, *witness: bytes) -> SealedState:
    return SealedState(header=b"header" + number.to_bytes(8, "big"), witness=witness)


def change(seals_from: int, *validators: int) -> StoredChange:
    becomes = ValidatorSet(
        seals_from=BlockNumber(seals_from), validators=tuple(Address(bytes([one]) * 20) for one in validators or (1, 2))
    )
    return StoredChange(state=state(seals_from, b"node", b""), becomes=becomes)


def anchor(tree_size: int, center: CenterId = LIMA) -> StoredAnchor:
    return StoredAnchor(
        center=center,
        tree_size=TreeSize(tree_size),
        root=RootHash(tree_size.to_bytes(32, "big")),
        anchored_at=NOON + timedelta(seconds=tree_size),
        block_number=BlockNumber(tree_size),
        transaction=TxHash(bytes(32)),
    )


def record(store: Store, *anchors: StoredAnchor) -> None:
    with store.write() as tx:
        for one in anchors:
            tx.log.add_anchor(one)


def test_changes_come_back_oldest_first_and_each_chain_has_its_own(store: Store) -> None:
    with store.read() as tx:
        assert (tx.seals.followed_to(CHAIN), tx.seals.changes(CHAIN), tx.seals.sets(CHAIN)) == (0, (), ())
    changes = [change(2**40), change(7, 1, 2, 3), change(17)]
    with store.write() as tx:
        tx.seals.keep_changes(CHAIN, changes, followed_to=BlockNumber(2**40))
        tx.seals.keep_changes(OTHER_CHAIN, [], followed_to=BlockNumber(3))
    ordered = (changes[1], changes[2], changes[0])
    with store.read() as tx:
        assert tx.seals.changes(CHAIN) == ordered
        assert tx.seals.sets(CHAIN) == tuple(each.becomes for each in ordered)
        assert tx.seals.changes(CHAIN, until=BlockNumber(17)) == ordered[:2]
        assert tx.seals.changes(CHAIN, until=BlockNumber(16)) == ordered[:1]
        assert tx.seals.changes(CHAIN, newest=2) == ordered[1:]
        assert tx.seals.changes(CHAIN, until=BlockNumber(17), newest=1) == ordered[1:2]
        assert tx.seals.followed_to(CHAIN) == 2**40
        assert (tx.seals.changes(OTHER_CHAIN), tx.seals.followed_to(OTHER_CHAIN)) == ((), 3)


def test_following_never_goes_back_and_what_is_kept_changes_nothing(store: Store) -> None:
    with store.write() as tx:
        tx.seals.keep_changes(CHAIN, [change(7)], followed_to=BlockNumber(30))
    again = dataclasses.replace(change(7), state=state(99))
    with store.write() as tx:
        tx.seals.keep_changes(CHAIN, [again], followed_to=BlockNumber(10))
    with store.read() as tx:
        assert (tx.seals.changes(CHAIN), tx.seals.followed_to(CHAIN)) == ((change(7),), 30)


def test_another_set_from_the_same_block_is_a_contradiction_and_keeps_nothing(store: Store) -> None:
    with store.write() as tx:
        tx.seals.keep_changes(CHAIN, [change(7)], followed_to=BlockNumber(8))
    with pytest.raises(SetContradicted), store.write() as tx:
        tx.seals.keep_changes(CHAIN, [change(9), change(7, 5)], followed_to=BlockNumber(20))
    with store.read() as tx:
        assert (tx.seals.changes(CHAIN), tx.seals.followed_to(CHAIN)) == ((change(7),), 8)


def test_no_statement_changes_or_removes_a_kept_change(store: SqlStore) -> None:
    with store.write() as tx:
        tx.seals.keep_changes(CHAIN, [change(7)], followed_to=BlockNumber(8))
    for statement in ("UPDATE set_change SET seals_from = 8", "DELETE FROM set_change"):
        with pytest.raises(RowRefused), store.write() as tx:
            work: Any = tx.seals._work  # type: ignore[attr-defined]
            work.driver().execute(statement)


def test_the_first_sealed_block_of_an_anchor_stays(store: Store) -> None:
    record(store, anchor(3), anchor(9), anchor(3, HANOI))
    with store.write() as tx:
        tx.seals.keep_sealed(LIMA, TreeSize(3), state(1, b"a" * 32, b"b"))
        tx.seals.keep_sealed(LIMA, TreeSize(3), state(2))
    with store.read() as tx:
        assert tx.seals.sealed(LIMA, TreeSize(3)) == state(1, b"a" * 32, b"b")
        assert tx.seals.sealed(LIMA, TreeSize(9)) is None
        assert tx.seals.sealed(HANOI, TreeSize(3)) is None
        assert tx.seals.sealed(CenterId("nowhere"), TreeSize(3)) is None


def test_what_waits_for_seals_comes_newest_first_and_its_anchors_are_as_recorded(store: Store) -> None:
    anchors = [anchor(size) for size in (3, 9, 27, 81)]
    record(store, *anchors, anchor(5, HANOI))
    with store.read() as tx:
        assert tx.seals.newest_sealed(LIMA) == 0
        assert tx.seals.unsealed(LIMA, limit=3) == (anchors[3], anchors[2], anchors[1])
        assert tx.seals.unsealed(CenterId("nowhere"), limit=3) == ()
        assert tx.seals.newest_sealed(CenterId("nowhere")) == 0
    with store.write() as tx:
        tx.seals.keep_sealed(LIMA, TreeSize(27), state(1))
        tx.seals.keep_sealed(LIMA, TreeSize(9), state(2))
    with store.read() as tx:
        assert tx.seals.unsealed(LIMA, limit=9) == (anchors[3], anchors[0])
        assert tx.seals.newest_sealed(LIMA) == 27
        assert tx.log.anchors(LIMA, above=TreeSize(0), limit=9) == tuple(anchors)


def test_what_the_chain_lost_loses_its_sealed_block_and_is_sealed_anew(store: Store) -> None:
    record(store, anchor(3), anchor(9))
    with store.write() as tx:
        tx.seals.keep_sealed(LIMA, TreeSize(3), state(1))
        tx.seals.keep_sealed(LIMA, TreeSize(9), state(1))
        tx.log.forget_anchors_above(LIMA, TreeSize(3))
        tx.seals.keep_sealed(LIMA, TreeSize(9), state(2))
    with store.read() as tx:
        assert (tx.seals.sealed(LIMA, TreeSize(3)), tx.seals.sealed(LIMA, TreeSize(9))) == (state(1), None)
    record(store, anchor(9))
    with store.read() as tx:
        assert [one.tree_size for one in tx.seals.unsealed(LIMA, limit=9)] == [9]
        assert tx.seals.newest_sealed(LIMA) == 3


def test_workers_that_keep_the_same_at_once_disturb_nobody(store: Store) -> None:
    record(store, *(anchor(size) for size in range(1, 9)))
    faults: list[Exception] = []

    def work(number: int) -> None:
        try:
            for size in range(1, 9):
                with store.write() as tx:
                    tx.seals.keep_changes(CHAIN, [change(size)], followed_to=BlockNumber(size))
                    tx.seals.keep_sealed(LIMA, TreeSize(size), state(number))
        except Exception as fault:  # noqa: BLE001 told below
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with store.read() as tx:
        assert [each.becomes.seals_from for each in tx.seals.changes(CHAIN)] == list(range(1, 9))
        assert tx.seals.followed_to(CHAIN) == 8
        assert tx.seals.unsealed(LIMA, limit=9) == ()


@given(header=st.binary(max_size=80), witness=st.lists(st.binary(max_size=40), max_size=5))
def test_a_sealed_state_reads_as_it_was_written_and_never_when_cut(header: bytes, witness: list[bytes]) -> None:
    written = encode_state(SealedState(header=header, witness=tuple(witness)))
    assert decode_state(written) == SealedState(header=header, witness=tuple(witness))
    ends = {0}
    for part in (header, *witness):
        ends.add(max(ends) + 4 + len(part))
    for length in range(len(written)):
        if length not in ends - {0}:
            with pytest.raises(RowDamaged):
                decode_state(written[:length])


@pytest.mark.parametrize(
    "huge",
    [
        SealedState(header=bytes(MAX_HEADER_BYTES + 1), witness=()),
        SealedState(header=b"", witness=(b"",) * (MAX_WITNESS_NODES + 1)),
        SealedState(header=b"", witness=(bytes(MAX_WITNESS_NODE_BYTES + 1),)),
    ],
)
def test_a_state_beyond_its_bounds_is_neither_written_nor_read(huge: SealedState) -> None:
    with pytest.raises(InvalidInput):
        encode_state(huge)
    data = b"".join(len(part).to_bytes(4, "big") + part for part in (huge.header, *huge.witness))
    with pytest.raises(RowDamaged):
        decode_state(data)


def test_followed_sets_continue_the_configured_ones_and_never_replace_them() -> None:
    configured = Sealing(mode=ValidatorMode.CONTRACT, sets=(change(1).becomes, change(50, 7).becomes))
    assert extended(configured, []) == configured
    both = extended(configured, [change(90).becomes, change(50, 8).becomes, change(20, 9).becomes])
    assert both == Sealing(
        mode=ValidatorMode.CONTRACT,
        sets=(change(1).becomes, change(20, 9).becomes, change(50, 7).becomes, change(90).becomes),
    )
    many = extended(configured, [change(100 + number).becomes for number in range(MAX_VALIDATOR_SETS)])
    assert (len(many.sets), many.sets[0].seals_from) == (MAX_VALIDATOR_SETS, 100)
