"""The rules of green assets without a chain: what EvidenceRegister and GreenAsset do, step by step, with the same refusals.

Who must foresee what the contracts will say asks here, and a test runs the same scenarios on both: whatever one takes the other
takes, what one refuses the other refuses by the same name, and all sums are equal.

The state is explicit: the clock (`now`), what the registry says and which roots are anchored are set from outside; all else
changes by the steps alone. A step that is refused has changed nothing. What is not here: bytes of calls, gas, contracts that
receive units, and where ranges belong in the contract's lists, which only saves the contract a search.
Source: contracts/EvidenceRegister.sol and contracts/GreenAsset.sol.

Files are named by what they hold of the contracts: `surroundings` what these ask of outside, `state` what they keep, then steps:
`votes`, `classes`, `evidence`, `holdings`, `issuances`, `escrows`, `retirements`; `events` what steps tell, `invariants` what is
always so, and `world` all of it as one.
"""

from greenlane.core.assets.model.escrows import MAX_ESCROW_S
from greenlane.core.assets.model.events import AssetEvent, holdings_of, totals_of
from greenlane.core.assets.model.invariants import AssetsDisagree
from greenlane.core.assets.model.state import Admitted, Counted, LotRecord, Round
from greenlane.core.assets.model.surroundings import DAY_S, NOBODY, CenterStanding, MemberStanding, Surroundings
from greenlane.core.assets.model.world import AssetWorld

__all__ = [
    "DAY_S",
    "MAX_ESCROW_S",
    "NOBODY",
    "Admitted",
    "AssetEvent",
    "AssetWorld",
    "AssetsDisagree",
    "CenterStanding",
    "Counted",
    "LotRecord",
    "MemberStanding",
    "Round",
    "Surroundings",
    "holdings_of",
    "totals_of",
]
