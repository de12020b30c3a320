"""What is always so, whatever steps were taken: all sums agree, and no range was counted twice."""

from itertools import pairwise

from greenlane.core.assets.facts import EscrowState, IssuanceFacts, Totals
from greenlane.core.assets.model.events import holdings_of, nothing_at, sum_of, totals_of
from greenlane.core.assets.model.state import AssetState
from greenlane.core.errors import ProofRefused
from greenlane.core.wire import encode_hex


class AssetsDisagree(ProofRefused):
    """Sums or ranges of green assets contradict each other."""

    code = "assets-disagree"


def check_invariants(state: AssetState) -> None:
    """Whether all sums and ranges are as they must be; a step never makes this fail.

    Raises:
        AssetsDisagree: they are not; says where and how.
    """
    for token, issuance in state.issuances.items():
        _check_issuance(state, token, issuance)
    for class_id, told in state.class_totals.items():
        _expect_equal(told, sum_of(one.totals for one in state.issuances.values() if one.class_id == class_id), class_id)
    for counted in state.counted.values():
        for ranges in (*counted.vintages.values(), *counted.serials.values()):
            for before, after in pairwise(sorted(ranges)):
                _expect(before[1] < after[0], "Ranges that were counted overlap.")
    told_of = totals_of(state.events)
    _expect(told_of.keys() == state.issuances.keys(), "Units were issued that nobody told of.")
    for token, issuance in state.issuances.items():
        _expect_equal(issuance.totals, told_of[token], encode_hex(token))
    held = {place: facts for place, facts in state.holdings.items() if facts != nothing_at(place)}
    _expect(held == holdings_of(state.events), "Accounts hold what the events do not tell.")


def _check_issuance(state: AssetState, token: bytes, issuance: IssuanceFacts) -> None:
    totals, told = issuance.totals, encode_hex(token)
    admitted = state.evidence.get(token)
    _expect(admitted is not None and admitted.statement.quantity == issuance.evidenced, f"{told} has no such evidence.")
    _expect(totals.issued <= issuance.evidenced, f"Of {told} more was issued than evidenced.")
    held = [facts for (_, of), facts in state.holdings.items() if of == token]
    _expect(totals.tradable == sum(facts.tradable for facts in held), f"Of {told} accounts hold more or less than is left.")
    _expect(
        all(min(facts.tradable, facts.escrowed, facts.retired, facts.cancelled) >= 0 for facts in held),
        f"Of {told} an account holds less than nothing.",
    )
    by_account = Totals(
        issued=totals.issued,
        escrowed=sum(facts.escrowed for facts in held),
        retired=sum(facts.retired for facts in held),
        cancelled=sum(facts.cancelled for facts in held),
    )
    _expect_equal(totals, by_account, told)
    open_escrows = [one for one in state.escrows.values() if one.token == token and one.state is EscrowState.OPEN]
    retired = [one for one in state.retirements.values() if one.token == token]
    _expect(totals.escrowed == sum(one.quantity for one in open_escrows), f"Of {told} escrows are not what waits in them.")
    _expect(totals.retired == sum(one.quantity for one in retired), f"Of {told} retirements are not what was retired.")


def _expect(is_so: bool, detail: str) -> None:
    if not is_so:
        raise AssetsDisagree(detail)


def _expect_equal(told: Totals, summed: Totals, what: str) -> None:
    _expect(told == summed, f"The sums of {what} are told as {told}, and are {summed}.")
