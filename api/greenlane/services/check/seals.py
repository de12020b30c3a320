"""Judges what is kept of the validators' seals."""

from collections.abc import Iterator

from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.sealing import next_set, verify_sealed_root
from greenlane.core.seals import Sealing, Seals
from greenlane.core.units import CenterId, TreeSize
from greenlane.ports.log import StoredAnchor
from greenlane.ports.seals import SealedChain, extended
from greenlane.ports.store import Store
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
