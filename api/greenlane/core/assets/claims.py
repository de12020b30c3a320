"""Which retirements under a purchase line's digest are claims for the line.

The digest stands on the chain for everybody to read, and whoever holds units may retire them under it. For the line counts what
its buyer retired for itself, and what others retired in its name as far as it is what was ordered: anything else could only spoil
the line, or be another's claim.
"""

from collections.abc import Callable, Collection, Sequence

from greenlane.core.assets.purchase import PurchaseLine
from greenlane.core.assets.retirement import RetirementFacts


def claims_for_line(
    line: PurchaseLine,
    retirements: Sequence[RetirementFacts],
    *,
    own_ids: Collection[bytes],
    class_of: Callable[[bytes], str | None],
) -> tuple[RetirementFacts, ...]:
    """Those of the retirements under the line's digest that count, in their order.

    Args:
        own_ids: of retirements that the buyer's center was asked for: its account may have been changed since.
        class_of: class of a token; None where it is not known.
    """

    def counts(each: RetirementFacts) -> bool:
        if each.holder == line.buyer_account or each.id in own_ids:
            return each.claimant in (each.holder, line.buyer_account)
        return each.claimant == line.buyer_account and class_of(each.token) == line.class_id

    return tuple(each for each in retirements if counts(each))
