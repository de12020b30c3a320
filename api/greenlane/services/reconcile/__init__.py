"""Compares what should be held with what is, and mends the difference: here, and at the partners.

What should be held here is what some statement of a member here keeps, and what another center asked us to hold. Whatever of it
is missing, or no longer what its name says, comes back from other nodes or from a partner, block by block against its CID: who
brings it is believed in nothing. Partners are asked to hold what is ours until they say that they do, and asked again later, for
they may lose it. What nobody wants any more is unpinned here and released there; pins that others set before us stay.

A million documents are not looked at in one go. The work goes in rounds; a call does a bounded part of a round, and where it
stands is kept in memory: whoever starts anew begins a new round, and finds what is done already done. Each partner has its own
pauses, so that one that is away, lies or refuses holds up no other; and what is our own waits for nothing that others ask for.

No database transaction is open while a partner, another node or the store of documents is waited for.
"""

from greenlane.services.reconcile.findings import Finding, FindingKind
from greenlane.services.reconcile.pace import ReconcilePace
from greenlane.services.reconcile.round import Reconcile

__all__ = ["Finding", "FindingKind", "Reconcile", "ReconcilePace"]
