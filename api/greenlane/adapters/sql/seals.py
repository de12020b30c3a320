"""What is kept of the validators' seals, in the database.

A sealed state is one value: its header, then each node of its witness, each after its length in four bytes, big end first.
"""

from collections.abc import Sequence
from struct import Struct

from sqlalchemy import func, select, update

from greenlane.adapters.sql.faults import RowDamaged
from greenlane.adapters.sql.log import stored_anchor
from greenlane.adapters.sql.tables import anchor, set_change, set_follow
from greenlane.adapters.sql.work import Work
from greenlane.core.errors import Conflict, InvalidInput
from greenlane.core.seals import (
    MAX_HEADER_BYTES,
    MAX_WITNESS_NODE_BYTES,
    MAX_WITNESS_NODES,
    SealedState,
    ValidatorSet,
)
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, TreeSize
from greenlane.ports.log import StoredAnchor
from greenlane.ports.seals import StoredChange

_ADDRESS_BYTES = 20
_LENGTH = Struct(">I")


class SetContradicted(Conflict):
    """Another set of validators is kept that seals from the same block."""

    code = "set-contradicted"
    default_remedy = "Both were sealed, so validators have sealed two chains: the centers must find out whose."


class SqlSeals:
    """The port's Seals; see there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def followed_to(self, chain_id: ChainId) -> BlockNumber:
        found = self._work.connection.scalar(select(set_follow.c.followed_to).where(set_follow.c.chain_id == chain_id))
        return BlockNumber(found or 0)

    def keep_changes(self, chain_id: ChainId, changes: Sequence[StoredChange], *, followed_to: BlockNumber) -> None:
        for change in changes:
            validators = b"".join(change.becomes.validators)
            row = {
                "chain_id": chain_id,
                "seals_from": change.becomes.seals_from,
                "validators": validators,
                "state": encode_state(change.state),
            }
            if not self._work.was_inserted(set_change, row):
                known = select(set_change.c.validators).where(
                    set_change.c.chain_id == chain_id, set_change.c.seals_from == change.becomes.seals_from
                )
                if self._work.connection.scalar(known) != validators:
                    raise SetContradicted(f"Another set of validators is kept that seals from block {change.becomes.seals_from}.")
        if not self._work.was_inserted(set_follow, {"chain_id": chain_id, "followed_to": followed_to}):
            is_behind = (set_follow.c.chain_id == chain_id, set_follow.c.followed_to < followed_to)
            self._work.connection.execute(update(set_follow).where(*is_behind).values(followed_to=followed_to))

    def changes(
        self, chain_id: ChainId, *, until: BlockNumber | None = None, newest: int | None = None
    ) -> tuple[StoredChange, ...]:
        wanted = select(set_change).where(set_change.c.chain_id == chain_id).order_by(set_change.c.seals_from.desc())
        if until is not None:
            wanted = wanted.where(set_change.c.seals_from <= until)
        rows = self._work.connection.execute(wanted.limit(newest)).all()
        return tuple(
            StoredChange(state=decode_state(row.state), becomes=_set(row.seals_from, row.validators)) for row in reversed(rows)
        )

    def sets(self, chain_id: ChainId) -> tuple[ValidatorSet, ...]:
        wanted = select(set_change.c.seals_from, set_change.c.validators).where(set_change.c.chain_id == chain_id)
        return tuple(
            _set(row.seals_from, row.validators)
            for row in self._work.connection.execute(wanted.order_by(set_change.c.seals_from))
        )

    def keep_sealed(self, center: CenterId, tree_size: TreeSize, state: SealedState) -> None:
        is_unsealed = (
            anchor.c.center == self._work.number(center),
            anchor.c.tree_size == tree_size,
            anchor.c.sealed_state.is_(None),
        )
        self._work.connection.execute(update(anchor).where(*is_unsealed).values(sealed_state=encode_state(state)))

    def sealed(self, center: CenterId, tree_size: TreeSize) -> SealedState | None:
        wanted = select(anchor.c.sealed_state).where(
            anchor.c.center == self._work.number(center), anchor.c.tree_size == tree_size
        )
        found: bytes | None = self._work.connection.scalar(wanted)
        return None if found is None else decode_state(found)

    def newest_sealed(self, center: CenterId) -> TreeSize:
        wanted = select(func.max(anchor.c.tree_size)).where(
            anchor.c.center == self._work.number(center), anchor.c.sealed_state.is_not(None)
        )
        return TreeSize(self._work.connection.scalar(wanted) or 0)

    def unsealed(self, center: CenterId, *, limit: int) -> tuple[StoredAnchor, ...]:
        wanted = (
            select(anchor)
            .where(anchor.c.center == self._work.number(center), anchor.c.sealed_state.is_(None))
            .order_by(anchor.c.tree_size.desc())
            .limit(limit)
        )
        return tuple(stored_anchor(center, row) for row in self._work.connection.execute(wanted))


def encode_state(state: SealedState) -> bytes:
    """A sealed state as one value.

    Raises:
        InvalidInput: it is larger than one may be.
    """
    _check(state, InvalidInput)
    return b"".join(_LENGTH.pack(len(part)) + part for part in (state.header, *state.witness))


def decode_state(data: bytes) -> SealedState:
    """Reads what `encode_state` wrote.

    Raises:
        RowDamaged: it did not write that.
    """
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + _LENGTH.size
        end = start + int.from_bytes(data[at:start], "big")
        parts.append(data[start:end])
        at = end
    if at != len(data) or not parts:
        raise RowDamaged("A stored sealed block is damaged.")
    state = SealedState(header=parts[0], witness=tuple(parts[1:]))
    _check(state, RowDamaged)
    return state


def _check(state: SealedState, fault: type[InvalidInput] | type[RowDamaged]) -> None:
    is_bounded = (
        len(state.header) <= MAX_HEADER_BYTES
        and len(state.witness) <= MAX_WITNESS_NODES
        and all(len(node) <= MAX_WITNESS_NODE_BYTES for node in state.witness)
    )
    if not is_bounded:
        raise fault("A sealed block is larger than one may be.")


def _set(seals_from: int, validators: bytes) -> ValidatorSet:
    if not validators or len(validators) % _ADDRESS_BYTES:
        raise RowDamaged("A stored set of validators is damaged.")
    return ValidatorSet(
        seals_from=BlockNumber(seals_from),
        validators=tuple(
            Address(validators[place : place + _ADDRESS_BYTES]) for place in range(0, len(validators), _ADDRESS_BYTES)
        ),
    )
