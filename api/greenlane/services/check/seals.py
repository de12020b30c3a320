"""Judges what is kept of the validators' seals."""

from collections.abc import Iterator

from greenlane.core.assets.chain_places import retirement_slot
from greenlane.core.assets.retirement import retirement_digest
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.sealing import next_set, verify_sealed_root, verify_sealed_slot
from greenlane.core.seals import Sealing, Seals
from greenlane.core.units import Address, CenterId, LeafIndex, TreeSize
from greenlane.core.wire import encode_hex
from greenlane.ports.log import StoredAnchor
from greenlane.ports.purchases import KeptRetirement
from greenlane.ports.seals import SealedChain, extended
from greenlane.ports.store import Store
from greenlane.services.check.entries import PAGE
from greenlane.services.check.report import CheckReport


def check_seals(store: Store, report: CheckReport, chain: SealedChain) -> None:
    """Judges what is kept of the validators' seals, starting from the sets that this deployment was set up with."""
    sealing = _followed(store, report, chain)
    for anchor in walk_anchors(store, report.center):
        try:
            with store.read() as tx:
                state = tx.seals.sealed(anchor.center, anchor.tree_size)
            if state is None:
                continue
            verify_sealed_root(
                Seals(changes=(), anchored=state),
                sealing=sealing,
                registry=chain.pilot_registry,
                anchor_log=chain.anchor_log,
                center=anchor.center,
                tree_size=anchor.tree_size,
                root=anchor.root,
            )
        except Unavailable:
            raise
        except GreenlaneError as fault:
            report.blame(f"The seals kept of the anchor at tree size {anchor.tree_size} do not prove it: {fault.detail}")
        report.sealed += 1
    if chain.green_asset is not None:
        _retirements(store, report, chain, chain.green_asset, sealing)


def _retirements(store: Store, report: CheckReport, chain: SealedChain, green_asset: Address, sealing: Sealing) -> None:
    start = LeafIndex(0)
    while True:
        try:
            with store.read() as tx:
                page = tx.purchases.walk_retirements(report.center, start=start, limit=PAGE)
        except Unavailable:
            raise
        except GreenlaneError:
            # Told by whoever compares them with their entries.
            return
        for each in page:
            _retirement(store, report, chain, green_asset, sealing, each)
        if not page:
            return
        start = LeafIndex(page[-1].leaf_index + 1)


def _retirement(
    store: Store, report: CheckReport, chain: SealedChain, green_asset: Address, sealing: Sealing, retired: KeptRetirement
) -> None:
    try:
        with store.read() as tx:
            state, newest = tx.purchases.retirement_seal(retired.id), tx.purchases.retirement(retired.id)
        # What was stated before the chain lost it and did it again, no block proves.
        if state is None or newest is None or newest.leaf_index != retired.leaf_index:
            return
        verify_sealed_slot(
            Seals(changes=(), anchored=state),
            sealing=sealing,
            registry=chain.pilot_registry,
            contract=green_asset,
            slot=retirement_slot(retired.id),
            value=retirement_digest(retired.statement.facts),
        )
    except Unavailable:
        raise
    except GreenlaneError as fault:
        report.blame(f"The seals kept of the retirement {encode_hex(retired.id)} do not prove it: {fault.detail}")
    report.sealed += 1


def _followed(store: Store, report: CheckReport, chain: SealedChain) -> Sealing:
    """The sets that the kept changes lead to, as far as each follows from those before."""
    try:
        with store.read() as tx:
            changes = tx.seals.changes(chain.chain_id)
    except Unavailable:
        raise
    except GreenlaneError as fault:
        report.blame(f"The changes of the validators cannot be read: {fault.detail}")
        return chain.sealing
    given_to = chain.sealing.sets[-1].seals_from
    # What is older was judged by sets that this deployment was set up with before.
    sealing = extended(chain.sealing, [change.becomes for change in changes if change.becomes.seals_from <= given_to])
    for change in changes:
        if change.becomes.seals_from <= given_to:
            continue
        try:
            becomes = next_set(change.state, sealing, chain.pilot_registry)
        except GreenlaneError as fault:
            report.blame(f"The validators from block {change.becomes.seals_from} on do not follow: {fault.detail}")
            continue
        if becomes != change.becomes:
            report.blame(f"The validators from block {change.becomes.seals_from} on are recorded otherwise than sealed.")
        sealing = extended(sealing, (becomes or change.becomes,))
    return sealing


def walk_anchors(store: Store, center: CenterId) -> Iterator[StoredAnchor]:
    """Every anchor that is recorded of a center, smallest tree first."""
    above = TreeSize(0)
    while True:
        with store.read() as tx:
            page = tx.log.anchors(center, above=above, limit=256)
        if not page:
            return
        yield from page
        above = page[-1].tree_size
