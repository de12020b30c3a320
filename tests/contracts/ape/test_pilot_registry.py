"""PilotRegistry: who may do what when, each refusal by its name, and the whole of what each step leaves behind.

Moving the validator set twice in one block, and the hundred and first center, are tested in contracts/test: ape's chain
mines a block for each transaction.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import ape
import pytest
from greenlane.core.trust import MAX_LOG_KEYS

FOUNDERS, MINIMUM = 5, 3
TERM_S = 365 * 24 * 3600
VOTING_S = 7 * 24 * 3600
NONE, NOMINATED, ACTIVE, SUSPENDED, LEFT, ENDED = range(6)
OPERATOR, ANCHORER, VALIDATOR, MEMBER = range(1, 5)
ZERO = "0x" + "00" * 20
NEWCOMER = 5
MILL = b"mill".ljust(32, b"\x00")
Candidate = dict[str, Any]


# Active centers; votes that carry a motion; votes that carry one about an active center.
QUORUMS = [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 3, 3), (5, 4, 4), (6, 4, 4), (7, 5, 5)]


def status(registry: Any, center_id: bytes) -> int:
    return int(registry.center(center_id).status)


def votes_it_takes(network: Any, voters: int) -> int:
    """Lets centers vote for the latest proposal, which number 0 made, until it is carried out; how many that took."""
    registry, proposal = network.registry, network.latest_proposal()
    votes = 1
    while not registry.proposal(proposal).executed:
        assert votes < voters, "nobody is left to vote"
        network.carry(proposal, votes)
        votes += 1
    return votes


@pytest.fixture
def nomination(network: Any, candidate: Callable[..., Candidate]) -> bytes:
    """Center 0 has nominated center 5."""
    network.registry.nominate(candidate(NEWCOMER), sender=network.operator(0))
    return bytes(network.latest_proposal())


@pytest.fixture
def member(network: Any, accounts: Any) -> Any:
    """The account of a member that center 0 vouches for as enterprise and buyer, without end."""
    network.registry.vouch(MILL, accounts[30], 1 | 4, 0, 0, sender=network.operator(0))
    return accounts[30]


# ---- genesis ----


def test_founders_are_active_in_good_standing_and_seal(registry: Any, network: Any) -> None:
    assert list(registry.getValidators()) == [network.validator(n) for n in range(FOUNDERS)]
    assert registry.activeCount() == registry.centerCount() == FOUNDERS
    assert list(registry.centerIds(0, 100)) == [network.id(n) for n in range(FOUNDERS)]
    for n in range(FOUNDERS):
        found = registry.center(network.id(n))
        assert (found.operator, found.anchorer, found.validator) == (
            network.operator(n),
            network.anchorer(n),
            network.validator(n),
        )
        assert found.termEnd - found.termStart == TERM_S
        assert registry.isActive(network.id(n))
        assert registry.isInGoodStanding(network.id(n))
        assert registry.centerOfOperator(network.operator(n)) == network.id(n)
        assert registry.centerOfAnchorer(network.anchorer(n)) == network.id(n)
        assert registry.centerOfValidator(network.validator(n)) == network.id(n)
        assert registry.centerOfLogKey(bytes([n + 1]) * 32) == network.id(n)


def test_parameters_are_those_of_genesis(registry: Any) -> None:
    told = registry.parameters()
    assert (told.minimumCenters, told.termLength, told.votingPeriod) == (MINIMUM, TERM_S, VOTING_S)
    assert registry.quorum() == 4


def test_pages_end_where_the_list_ends(registry: Any, network: Any) -> None:
    assert list(registry.centerIds(3, 100)) == [network.id(3), network.id(4)]
    assert list(registry.centerIds(1, 2)) == [network.id(1), network.id(2)]
    assert list(registry.centerIds(5, 1)) == list(registry.centerIds(2**256 - 1, 2**256 - 1)) == []


def test_terms_can_be_open_and_begin_when_genesis_says(
    project: Any, accounts: Any, candidate: Callable[..., Candidate], chain: Any
) -> None:
    start = chain.blocks.head.timestamp + 1_000
    registry = project.PilotRegistry.deploy([candidate(0)], (1, 0, VOTING_S, start), sender=accounts[-1])
    found = registry.center(candidate(0)["id"])
    assert (found.termStart, found.termEnd) == (start, 0)
    assert registry.isActive(found.id)
    assert not registry.isInGoodStanding(found.id)
    chain.mine(1, timestamp=start)
    assert registry.isInGoodStanding(found.id)
    with ape.reverts(registry.TermNotOver):
        registry.endTerm(found.id, sender=accounts[0])


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ((0, TERM_S, VOTING_S, 0), "minimumCenters"),
        ((1, TERM_S, 0, 0), "votingPeriod"),
        ((1, TERM_S, 2**63, 0), "votingPeriod"),
        ((1, 2**63, VOTING_S, 0), "termLength"),
    ],
)
def test_a_genesis_out_of_bounds_is_refused(
    project: Any, accounts: Any, candidate: Callable[..., Candidate], parameters: tuple[int, ...], field: str
) -> None:
    with ape.reverts(project.PilotRegistry.InvalidParameter, field=field):
        project.PilotRegistry.deploy([candidate(0)], parameters, sender=accounts[-1])


def test_a_genesis_of_too_few_is_refused(project: Any, accounts: Any, candidate: Callable[..., Candidate]) -> None:
    with ape.reverts(project.PilotRegistry.BelowMinimum, remaining=1, minimum=2):
        project.PilotRegistry.deploy([candidate(0)], (2, 0, VOTING_S, 0), sender=accounts[-1])
    with ape.reverts(project.PilotRegistry.BelowMinimum, remaining=0, minimum=1):
        project.PilotRegistry.deploy([], (1, 0, VOTING_S, 0), sender=accounts[-1])


def test_founders_share_nothing(project: Any, accounts: Any, candidate: Callable[..., Candidate]) -> None:
    first = candidate(0)
    for field, error in {
        "id": "WrongStatus",
        "logKey": "LogKeyTaken",
        "origin": "OriginTaken",
        "operator": "AccountTaken",
        "anchorer": "AccountTaken",
        "validator": "AccountTaken",
    }.items():
        second = candidate(1, **{field: first[field]})
        with ape.reverts(getattr(project.PilotRegistry, error)):
            project.PilotRegistry.deploy([first, second], (1, 0, VOTING_S, 0), sender=accounts[-1])


# ---- nomination and endorsement ----


def test_a_newcomer_is_admitted_by_the_vote_that_completes_the_quorum(
    registry: Any, network: Any, nomination: bytes, chain: Any
) -> None:
    newcomer = network.id(NEWCOMER)
    assert status(registry, newcomer) == NOMINATED
    assert tuple(registry.tally(nomination)) == (1, 4)
    assert registry.hasVoted(nomination, network.id(0))
    network.carry(nomination, 1, 2)
    assert status(registry, newcomer) == NOMINATED
    assert not registry.isActive(newcomer)
    receipt = network.carry(nomination, 3)
    assert status(registry, newcomer) == ACTIVE
    assert list(registry.getValidators())[-1] == network.validator(NEWCOMER)
    assert registry.centerOfAnchorer(network.anchorer(NEWCOMER)) == newcomer
    assert registry.proposal(nomination).executed
    assert registry.center(newcomer).termEnd == chain.blocks.head.timestamp + TERM_S
    names = [event.event_name for event in receipt.events]
    assert names == ["Voted", "ProposalExecuted", "ValidatorSetChanged", "CenterAdmitted"]


def test_a_nomination_claims_nothing_before_it_is_endorsed(registry: Any, network: Any, nomination: bytes) -> None:
    assert registry.centerOfAnchorer(network.anchorer(NEWCOMER)) == bytes(32)
    assert list(registry.logKeys(network.id(NEWCOMER))) == []
    assert registry.centerCount() == FOUNDERS
    with ape.reverts(registry.NotOperator):
        registry.rotateAnchorer(network.accounts[30], sender=network.operator(NEWCOMER))
    assert nomination


def test_a_vote_is_bound_to_the_whole_content(
    registry: Any, network: Any, candidate: Callable[..., Candidate], later: Callable[[int], None], nomination: bytes
) -> None:
    network.carry(nomination, 1, 2)
    later(VOTING_S)
    other = candidate(NEWCOMER, validator=network.accounts[30])
    registry.nominate(other, sender=network.operator(4))
    second = network.latest_proposal()
    assert second != nomination
    assert registry.proposal(second).contentHash != registry.proposal(nomination).contentHash
    assert tuple(registry.tally(second)) == (1, 4)
    with ape.reverts(registry.ProposalExpired):
        network.carry(nomination, 3)
    network.carry(second, 1, 2, 3)
    assert registry.center(network.id(NEWCOMER)).validator == network.accounts[30]


def test_one_nomination_of_a_center_is_open_at_a_time(
    registry: Any, network: Any, candidate: Callable[..., Candidate], nomination: bytes
) -> None:
    with ape.reverts(registry.NominationOpen, centerId=network.id(NEWCOMER)):
        registry.nominate(candidate(NEWCOMER), sender=network.operator(1))
    assert nomination


def test_a_center_that_exists_is_not_nominated(registry: Any, network: Any, candidate: Callable[..., Candidate]) -> None:
    with ape.reverts(registry.WrongStatus, centerId=network.id(1), status=ACTIVE):
        registry.nominate(candidate(NEWCOMER, id=network.id(1)), sender=network.operator(0))


def test_a_center_has_one_nomination_open_at_a_time(
    registry: Any, network: Any, candidate: Callable[..., Candidate], later: Callable[[int], None], nomination: bytes
) -> None:
    with ape.reverts(registry.NominatesAlready, centerId=network.id(0)):
        registry.nominate(candidate(6), sender=network.operator(0))
    network.carry(nomination, 1, 2, 3)
    registry.nominate(candidate(6), sender=network.operator(0))
    later(VOTING_S)
    registry.nominate(candidate(7), sender=network.operator(0))
    assert [status(registry, network.id(n)) for n in (5, 6, 7)] == [ACTIVE, NOMINATED, NOMINATED]


def takers(network: Any, candidate: Callable[..., Candidate]) -> list[Callable[[], Any]]:
    """Every way by which centers could take something that the nominee, center 5, named."""
    registry, nominee = network.registry, candidate(NEWCOMER)
    mine, theirs = {"sender": network.operator(1)}, {"sender": network.operator(2)}
    return [
        *(
            call
            for duty in ("operator", "anchorer", "validator")
            for call in (
                lambda duty=duty: registry.vouch(b"x".ljust(32, b"\x00"), nominee[duty], 1, 0, 0, **mine),
                lambda duty=duty: registry.rotateMemberKey(MILL, nominee[duty], sender=network.operator(0)),
                lambda duty=duty: registry.rotateOperator(nominee[duty], **mine),
                lambda duty=duty: registry.rotateAnchorer(nominee[duty], **mine),
                lambda duty=duty: registry.rotateValidator(nominee[duty], **mine),
                lambda duty=duty: registry.proposeOperator(network.id(1), nominee[duty], **theirs),
                lambda duty=duty: registry.nominate(candidate(6, anchorer=nominee[duty]), **mine),
            )
        ),
        lambda: registry.rotateLogKey(nominee["logKey"], **mine),
        lambda: registry.nominate(candidate(6, logKey=nominee["logKey"]), **mine),
        lambda: registry.nominate(candidate(6, origin=nominee["origin"]), **mine),
    ]


def test_what_a_nominee_named_is_held_until_it_is_admitted(
    registry: Any, network: Any, candidate: Callable[..., Candidate], member: Any, nomination: bytes
) -> None:
    assert member
    for take in takers(network, candidate):
        with ape.reverts(registry.ReservedForNominee, proposalId=nomination):
            take()
    network.carry(nomination, 2, 3, 4)
    assert status(registry, network.id(NEWCOMER)) == ACTIVE
    for take in takers(network, candidate):
        with ape.reverts():
            take()


def test_what_a_nominee_named_is_free_again_when_the_nomination_expires(
    registry: Any,
    network: Any,
    candidate: Callable[..., Candidate],
    member: Any,
    nomination: bytes,
    later: Callable[[int], None],
    chain: Any,
) -> None:
    assert member and nomination
    later(VOTING_S)
    for take in takers(network, candidate):
        with chain.isolate():
            take()
    registry.rotateLogKey(candidate(NEWCOMER)["logKey"], sender=network.operator(1))
    with ape.reverts(registry.LogKeyTaken, centerId=network.id(1)):
        registry.nominate(candidate(NEWCOMER), sender=network.operator(0))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"id": bytes(32)}, "InvalidId"),
        ({"id": b"Lima".ljust(32, b"\x00")}, "InvalidId"),
        ({"id": b"-lima".ljust(32, b"\x00")}, "InvalidId"),
        ({"id": b"li_ma".ljust(32, b"\x00")}, "InvalidId"),
        ({"id": b"lima\x00x".ljust(32, b"\x00")}, "InvalidId"),
        ({"id": b"l" * 32}, "InvalidId"),
        ({"economy": b"pe"}, "InvalidEconomy"),
        ({"economy": b"P1"}, "InvalidEconomy"),
        ({"economy": b"[E"}, "InvalidEconomy"),
        ({"economy": b"\x00\x00"}, "InvalidEconomy"),
        ({"name": ""}, "InvalidTextLength"),
        ({"name": "n" * 257}, "InvalidTextLength"),
        ({"origin": ""}, "InvalidTextLength"),
        ({"origin": "o" * 257}, "InvalidTextLength"),
        ({"endpoint": "e" * 257}, "InvalidTextLength"),
        ({"enode": "e" * 257}, "InvalidTextLength"),
        ({"logKey": bytes(32)}, "ZeroLogKey"),
        ({"logKey": b"\x01" * 32}, "LogKeyTaken"),
        ({"origin": "log.center-0.example"}, "OriginTaken"),
        ({"operator": ZERO}, "ZeroAccount"),
        ({"anchorer": ZERO}, "ZeroAccount"),
        ({"validator": ZERO}, "ZeroAccount"),
        ({"operator": 0}, "AccountTaken"),
        ({"anchorer": 1}, "AccountTaken"),
        ({"validator": 2}, "AccountTaken"),
        ({"anchorer": 15}, "AccountTaken"),
        ({"validator": 15}, "AccountTaken"),
        ({"validator": 16}, "AccountTaken"),
    ],
)
def test_a_candidate_that_breaks_a_rule_is_refused_at_once(
    registry: Any, network: Any, candidate: Callable[..., Candidate], changes: Candidate, error: str
) -> None:
    changes = {k: network.accounts[v] if isinstance(v, int) else v for k, v in changes.items()}
    with ape.reverts(getattr(registry, error)):
        registry.nominate(candidate(NEWCOMER, **changes), sender=network.operator(0))


def test_ids_and_texts_reach_to_their_bounds(registry: Any, network: Any, candidate: Callable[..., Candidate]) -> None:
    longest = candidate(NEWCOMER, id=b"z9-" * 10 + b"a\x00", name="n" * 256, origin="o" * 256)
    registry.nominate(longest, sender=network.operator(0))
    assert registry.center(longest["id"]).name == "n" * 256


def test_only_centers_in_good_standing_nominate(
    registry: Any, network: Any, accounts: Any, candidate: Callable[..., Candidate], later: Callable[[int], None]
) -> None:
    with ape.reverts(registry.NotOperator, caller=accounts[30]):
        registry.nominate(candidate(NEWCOMER), sender=accounts[30])
    later(TERM_S)
    with ape.reverts(registry.NotInGoodStanding, centerId=network.id(0)):
        registry.nominate(candidate(NEWCOMER), sender=network.operator(0))


# ---- votes ----


def test_a_center_votes_once(registry: Any, network: Any, nomination: bytes) -> None:
    with ape.reverts(registry.VotedAlready, proposalId=nomination, centerId=network.id(0)):
        network.carry(nomination, 0)


def test_only_active_centers_vote(registry: Any, network: Any, accounts: Any, nomination: bytes) -> None:
    with ape.reverts(registry.NotOperator):
        registry.vote(nomination, sender=accounts[30])
    with ape.reverts(registry.NotOperator):
        registry.vote(nomination, sender=network.anchorer(1))
    network.suspend(1)
    with ape.reverts(registry.NotActive, centerId=network.id(1)):
        network.carry(nomination, 1)


def test_a_vote_lasts_as_long_as_its_voter_is_active(registry: Any, network: Any, nomination: bytes) -> None:
    network.carry(nomination, 1)
    network.suspend(1)
    assert tuple(registry.tally(nomination)) == (1, 3)


def test_nobody_votes_for_what_is_not_proposed(registry: Any, network: Any) -> None:
    with ape.reverts(registry.UnknownProposal, proposalId=b"\x01" * 32):
        network.carry(b"\x01" * 32, 0)
    with ape.reverts(registry.UnknownProposal):
        registry.tally(b"\x01" * 32)


def test_what_is_done_takes_no_more_votes(registry: Any, network: Any, nomination: bytes) -> None:
    network.carry(nomination, 1, 2, 3)
    with ape.reverts(registry.ProposalDone, proposalId=nomination):
        network.carry(nomination, 4)


def test_a_vote_too_late_is_refused(registry: Any, network: Any, nomination: bytes, later: Callable[[int], None]) -> None:
    later(VOTING_S)
    with ape.reverts(registry.ProposalExpired, proposalId=nomination):
        network.carry(nomination, 1)


def test_votes_do_not_outlive_the_standing_they_were_about(registry: Any, network: Any) -> None:
    registry.proposeSuspension(network.id(4), sender=network.operator(0))
    stale = network.latest_proposal()
    network.carry(stale, 1)
    registry.proposeSuspension(network.id(4), sender=network.operator(0))
    network.carry(network.latest_proposal(), 1, 2, 3)
    registry.proposeReinstatement(network.id(4), sender=network.operator(0))
    network.carry(network.latest_proposal(), 1, 2)
    assert status(registry, network.id(4)) == ACTIVE
    with ape.reverts(registry.ProposalStale, proposalId=stale):
        network.carry(stale, 2)


# ---- suspension, reinstatement, renewal ----


def test_the_others_suspend_a_center_and_it_seals_no_more(registry: Any, network: Any) -> None:
    registry.proposeSuspension(network.id(1), sender=network.operator(0))
    proposal = network.latest_proposal()
    assert tuple(registry.tally(proposal)) == (1, 4)
    network.carry(proposal, 2, 3)
    assert status(registry, network.id(1)) == ACTIVE
    receipt = network.carry(proposal, 4)
    assert status(registry, network.id(1)) == SUSPENDED
    assert network.validator(1) not in list(registry.getValidators())
    assert registry.activeCount() == 4
    assert not registry.isActive(network.id(1))
    assert [event.event_name for event in receipt.events][-1] == "CenterSuspended"


@pytest.mark.parametrize(("active", "of_all", "about_one"), QUORUMS)
def test_the_one_a_motion_is_about_counts_among_those_a_quorum_is_of(
    found: Callable[[int], Any], active: int, of_all: int, about_one: int
) -> None:
    network = found(active)
    registry = network.registry
    assert (registry.activeCount(), registry.quorum()) == (active, of_all)
    if active == 1:
        with ape.reverts(registry.OwnCause):
            registry.proposeSuspension(network.id(0), sender=network.operator(0))
        return
    last = active - 1
    registry.proposeOperator(network.id(last), network.accounts[30], sender=network.operator(0))
    assert votes_it_takes(network, active) == about_one
    assert registry.centerOfOperator(network.accounts[30]) == network.id(last)
    registry.proposeSuspension(network.id(last), sender=network.operator(0))
    assert votes_it_takes(network, active) == about_one
    assert status(registry, network.id(last)) == SUSPENDED


@pytest.mark.parametrize(("active", "of_all", "about_one"), QUORUMS)
def test_who_is_out_comes_back_by_a_quorum_of_those_who_are_not(
    found: Callable[[int], Any], active: int, of_all: int, about_one: int
) -> None:
    network = found(active + 1)
    registry, out = network.registry, network.id(active)
    registry.proposeSuspension(out, sender=network.operator(0))
    votes_it_takes(network, active)
    assert registry.activeCount() == active
    registry.proposeOperator(out, network.accounts[30], sender=network.operator(0))
    assert votes_it_takes(network, active) == of_all
    registry.proposeReinstatement(out, sender=network.operator(0))
    assert votes_it_takes(network, active) == of_all
    assert status(registry, out) == ACTIVE


def test_two_of_four_do_not_put_out_the_others_one_after_the_other(found: Callable[[int], Any]) -> None:
    network = found(4)
    registry = network.registry
    for about in (2, 3):
        registry.proposeSuspension(network.id(about), sender=network.operator(0))
        network.carry(network.latest_proposal(), 1)
        assert tuple(registry.tally(network.latest_proposal())) == (2, 3)
    assert registry.activeCount() == 4


def test_no_center_has_a_say_in_its_own_suspension(registry: Any, network: Any) -> None:
    with ape.reverts(registry.OwnCause, centerId=network.id(1)):
        registry.proposeSuspension(network.id(1), sender=network.operator(1))
    registry.proposeSuspension(network.id(1), sender=network.operator(0))
    with ape.reverts(registry.OwnCause, centerId=network.id(1)):
        network.carry(network.latest_proposal(), 1)


def test_only_an_active_center_can_be_suspended_or_renewed(registry: Any, network: Any) -> None:
    network.suspend(1)
    for propose in (registry.proposeSuspension, registry.proposeRenewal):
        with ape.reverts(registry.WrongStatus, centerId=network.id(1), status=SUSPENDED):
            propose(network.id(1), sender=network.operator(0))
        with ape.reverts(registry.WrongStatus, status=NONE):
            propose(b"x".ljust(32, b"\x00"), sender=network.operator(0))


def test_the_last_centers_the_network_agreed_to_keep_stay(registry: Any, network: Any, later: Callable[[int], None]) -> None:
    network.suspend(4)
    network.suspend(3)
    assert registry.activeCount() == MINIMUM
    registry.proposeSuspension(network.id(2), sender=network.operator(0))
    proposal = network.latest_proposal()
    with ape.reverts(registry.BelowMinimum, remaining=2, minimum=3):
        network.carry(proposal, 1)
    with ape.reverts(registry.BelowMinimum, remaining=2, minimum=3):
        registry.leaveNetwork(sender=network.operator(0))
    later(TERM_S)
    with ape.reverts(registry.BelowMinimum, remaining=2, minimum=3):
        registry.endTerm(network.id(0), sender=network.operator(0))
    assert len(registry.getValidators()) == MINIMUM


def test_a_suspended_center_is_reinstated_within_its_old_term(registry: Any, network: Any) -> None:
    before = registry.center(network.id(1)).termEnd
    network.suspend(1)
    registry.proposeReinstatement(network.id(1), sender=network.operator(0))
    network.carry(network.latest_proposal(), 2, 3)
    assert registry.isInGoodStanding(network.id(1))
    assert registry.center(network.id(1)).termEnd == before
    assert list(registry.getValidators())[-1] == network.validator(1)


def test_only_who_is_out_but_not_gone_is_reinstated(registry: Any, network: Any) -> None:
    with ape.reverts(registry.WrongStatus, status=ACTIVE):
        registry.proposeReinstatement(network.id(1), sender=network.operator(0))
    registry.leaveNetwork(sender=network.operator(1))
    with ape.reverts(registry.WrongStatus, status=LEFT):
        registry.proposeReinstatement(network.id(1), sender=network.operator(0))


def test_a_term_that_is_over_is_ended_by_anybody_and_begins_anew_by_vote(
    registry: Any, network: Any, accounts: Any, later: Callable[[int], None], chain: Any
) -> None:
    with ape.reverts(registry.TermNotOver, centerId=network.id(1)):
        registry.endTerm(network.id(1), sender=accounts[30])
    later(TERM_S)
    assert registry.isActive(network.id(1))
    assert not registry.isInGoodStanding(network.id(1))
    registry.endTerm(network.id(1), sender=accounts[30])
    assert status(registry, network.id(1)) == ENDED
    assert network.validator(1) not in list(registry.getValidators())
    with ape.reverts(registry.WrongStatus, status=ENDED):
        registry.endTerm(network.id(1), sender=accounts[30])
    registry.proposeReinstatement(network.id(1), sender=network.operator(0))
    network.carry(network.latest_proposal(), 2, 3)
    found = registry.center(network.id(1))
    assert (found.termStart, found.termEnd) == (chain.blocks.head.timestamp, chain.blocks.head.timestamp + TERM_S)
    assert registry.isInGoodStanding(network.id(1))


def test_a_network_whose_terms_all_ran_out_renews_them(
    registry: Any, network: Any, later: Callable[[int], None], chain: Any
) -> None:
    later(TERM_S)
    registry.proposeRenewal(network.id(0), sender=network.operator(0))
    network.carry(network.latest_proposal(), 1, 2, 3)
    assert registry.isInGoodStanding(network.id(0))
    assert registry.center(network.id(0)).termEnd == chain.blocks.head.timestamp + TERM_S


# ---- leaving and keys ----


def test_a_center_that_left_is_gone_and_its_accounts_are_free_but_not_its_log(
    registry: Any, network: Any, candidate: Callable[..., Candidate]
) -> None:
    registry.leaveNetwork(sender=network.operator(1))
    assert status(registry, network.id(1)) == LEFT
    assert network.validator(1) not in list(registry.getValidators())
    assert registry.logKeys(network.id(1))[0].validUntil != 0
    with ape.reverts(registry.NotOperator):
        registry.leaveNetwork(sender=network.operator(1))
    again = candidate(1, id=network.id(NEWCOMER), origin="new.example", logKey=b"\x77" * 32)
    with ape.reverts(registry.OriginTaken, centerId=network.id(1)):
        registry.nominate(again | {"origin": "log.center-1.example"}, sender=network.operator(0))
    with ape.reverts(registry.LogKeyTaken, centerId=network.id(1)):
        registry.nominate(again | {"logKey": b"\x02" * 32}, sender=network.operator(0))
    with ape.reverts(registry.WrongStatus, status=LEFT):
        registry.nominate(again | {"id": network.id(1)}, sender=network.operator(0))
    registry.nominate(again, sender=network.operator(0))
    network.carry(network.latest_proposal(), 2, 3)
    assert registry.centerOfOperator(network.operator(1)) == network.id(NEWCOMER)


def test_a_suspended_center_can_leave_and_mend_its_keys(registry: Any, network: Any, accounts: Any) -> None:
    network.suspend(1)
    seats = list(registry.getValidators())
    registry.rotateValidator(accounts[30], sender=network.operator(1))
    registry.leaveNetwork(sender=network.operator(1))
    assert list(registry.getValidators()) == seats


def test_an_operator_hands_over(registry: Any, network: Any, accounts: Any) -> None:
    receipt = registry.rotateOperator(accounts[30], sender=network.operator(0))
    assert receipt.events[-1].event_name == "OperatorChanged"
    assert registry.centerOfOperator(accounts[30]) == network.id(0)
    with ape.reverts(registry.NotOperator, caller=network.operator(0)):
        registry.rotateOperator(accounts[31], sender=network.operator(0))


def test_a_validator_key_keeps_its_seat_when_it_changes(
    registry: Any, network: Any, accounts: Any, later: Callable[[int], None]
) -> None:
    registry.rotateValidator(accounts[30], sender=network.operator(1))
    assert list(registry.getValidators())[1] == accounts[30]
    assert registry.centerOfValidator(network.validator(1)) == bytes(32)
    with ape.reverts(registry.RotationTooSoon, centerId=network.id(1)):
        registry.rotateValidator(accounts[31], sender=network.operator(1))
    later(registry.VALIDATOR_ROTATION_PAUSE())
    registry.rotateValidator(accounts[31], sender=network.operator(1))
    assert list(registry.getValidators())[1] == accounts[31]


def test_every_log_key_is_remembered_with_its_time(registry: Any, network: Any, chain: Any) -> None:
    registry.rotateLogKey(b"\xaa" * 32, sender=network.operator(0))
    now = chain.blocks.head.timestamp
    first, second = registry.logKeys(network.id(0))
    assert (first.key, first.validUntil) == (b"\x01" * 32, now)
    assert (second.key, second.validFrom, second.validUntil) == (b"\xaa" * 32, now, 0)
    assert registry.center(network.id(0)).logKey == b"\xaa" * 32


def test_a_center_has_so_many_log_keys_and_no_more(registry: Any, network: Any) -> None:
    for number in range(1, MAX_LOG_KEYS):
        registry.rotateLogKey(b"\xaa" * 31 + bytes([number]), sender=network.operator(0))
    assert len(registry.logKeys(network.id(0))) == MAX_LOG_KEYS
    with ape.reverts(registry.TooManyLogKeys, centerId=network.id(0), maximum=MAX_LOG_KEYS):
        registry.rotateLogKey(b"\xbb" * 32, sender=network.operator(0))
    terms = registry.logKeys(network.id(0))
    assert all(one.validFrom < one.validUntil == after.validFrom for one, after in pairwise(terms))


def test_a_log_key_is_not_changed_before_its_term_begins(
    project: Any, accounts: Any, candidate: Callable[..., Candidate], chain: Any
) -> None:
    start = chain.blocks.head.timestamp + 1_000
    registry = project.PilotRegistry.deploy([candidate(0)], (1, 0, VOTING_S, start), sender=accounts[-1])
    with ape.reverts(registry.RotationTooSoon, centerId=candidate(0)["id"], notBefore=start + 1):
        registry.rotateLogKey(b"\xaa" * 32, sender=accounts[0])
    chain.mine(1, timestamp=start + 1)
    registry.rotateLogKey(b"\xaa" * 32, sender=accounts[0])


@pytest.mark.parametrize("log_key", [b"\x01" * 32, b"\x02" * 32])
def test_no_log_key_comes_back_or_serves_two(registry: Any, network: Any, log_key: bytes) -> None:
    registry.rotateLogKey(b"\xaa" * 32, sender=network.operator(0))
    with ape.reverts(registry.LogKeyTaken, logKey=log_key):
        registry.rotateLogKey(log_key, sender=network.operator(0))
    with ape.reverts(registry.ZeroLogKey):
        registry.rotateLogKey(bytes(32), sender=network.operator(0))


@pytest.mark.parametrize("duty", ["rotateOperator", "rotateAnchorer", "rotateValidator"])
def test_one_account_has_one_duty(registry: Any, network: Any, member: Any, duty: str) -> None:
    rotate = getattr(registry, duty)
    for taken, known_as in (
        (network.operator(1), OPERATOR),
        (network.anchorer(0), ANCHORER),
        (network.validator(2), VALIDATOR),
        (member, MEMBER),
    ):
        with ape.reverts(registry.AccountTaken, account=taken, duty=known_as):
            rotate(taken, sender=network.operator(0))
    with ape.reverts(registry.ZeroAccount):
        rotate(ZERO, sender=network.operator(0))
    with ape.reverts(registry.NotOperator):
        rotate(network.accounts[31], sender=member)


def test_a_center_is_reached_elsewhere(registry: Any, network: Any) -> None:
    receipt = registry.setEndpoints("https://b.example", "enode://b", sender=network.operator(0))
    assert receipt.events[-1].event_name == "EndpointsChanged"
    found = registry.center(network.id(0))
    assert (found.endpoint, found.enode) == ("https://b.example", "enode://b")
    for texts in (("e" * 257, ""), ("", "e" * 257)):
        with ape.reverts(registry.InvalidTextLength, length=257):
            registry.setEndpoints(*texts, sender=network.operator(0))


def test_the_others_replace_a_lost_operator_key(registry: Any, network: Any, accounts: Any) -> None:
    registry.proposeOperator(network.id(1), accounts[30], sender=network.operator(0))
    proposal = network.latest_proposal()
    assert registry.proposal(proposal).operator == accounts[30]
    with ape.reverts(registry.OwnCause):
        network.carry(proposal, 1)
    network.carry(proposal, 2, 3)
    assert registry.centerOfOperator(accounts[30]) == bytes(32)
    network.carry(proposal, 4)
    assert registry.centerOfOperator(accounts[30]) == network.id(1)
    assert registry.centerOfOperator(network.operator(1)) == bytes(32)


@pytest.fixture
def replace_operator(registry: Any, network: Any) -> Callable[[Any], Any]:
    """Has the others make an account the operator of center 1, by proposing it and voting."""

    def replace(account: Any) -> Any:
        registry.proposeOperator(network.id(1), account, sender=network.operator(0))
        return network.carry(network.latest_proposal(), 2, 3, 4)

    return replace


def test_a_thief_does_not_keep_the_new_operator_out_by_making_it_the_anchorer(
    registry: Any, network: Any, accounts: Any, replace_operator: Callable[[Any], Any]
) -> None:
    registry.rotateAnchorer(accounts[30], sender=network.operator(1))
    told = replace_operator(accounts[30])
    assert [event.event_name for event in told.events][-2:] == ["AnchorerChanged", "OperatorChanged"]
    assert registry.centerOfOperator(accounts[30]) == network.id(1)
    assert registry.centerOfAnchorer(accounts[30]) == bytes(32)
    assert registry.center(network.id(1)).anchorer == ZERO
    registry.rotateAnchorer(accounts[31], sender=accounts[30])
    assert registry.centerOfAnchorer(accounts[31]) == network.id(1)


def test_a_thief_does_not_keep_the_new_operator_out_by_making_it_a_member(
    registry: Any, network: Any, accounts: Any, replace_operator: Callable[[Any], Any]
) -> None:
    registry.vouch(MILL, accounts[30], 1, 0, 0, sender=network.operator(1))
    replace_operator(accounts[30])
    assert registry.centerOfOperator(accounts[30]) == network.id(1)
    assert registry.memberOf(accounts[30]).status == 0
    assert not registry.isMemberInGoodStanding(accounts[30], 1)
    assert registry.member(network.id(1), MILL).account == ZERO
    registry.rotateMemberKey(MILL, accounts[31], sender=accounts[30])
    assert registry.isMemberInGoodStanding(accounts[31], 1)


def test_a_thief_does_not_keep_the_new_operator_out_by_making_it_the_validator(
    registry: Any, network: Any, accounts: Any, replace_operator: Callable[[Any], Any]
) -> None:
    registry.rotateValidator(accounts[30], sender=network.operator(1))
    replace_operator(accounts[30])
    assert registry.centerOfOperator(accounts[30]) == registry.centerOfValidator(accounts[30]) == network.id(1)
    assert list(registry.getValidators())[1] == accounts[30]
    registry.proposeRenewal(network.id(0), sender=accounts[30])
    assert tuple(registry.tally(network.latest_proposal())) == (1, 4)
    registry.rotateValidator(accounts[31], sender=accounts[30])
    assert registry.centerOfOperator(accounts[30]) == registry.centerOfValidator(accounts[31]) == network.id(1)
    assert registry.centerOfValidator(accounts[30]) == bytes(32)
    registry.proposeRenewal(network.id(2), sender=accounts[30])


def test_an_operator_that_still_has_a_seat_keeps_it_as_validator_when_it_hands_over(
    registry: Any, network: Any, accounts: Any, replace_operator: Callable[[Any], Any]
) -> None:
    registry.rotateValidator(accounts[30], sender=network.operator(1))
    replace_operator(accounts[30])
    registry.rotateOperator(accounts[31], sender=accounts[30])
    assert registry.centerOfOperator(accounts[30]) == bytes(32)
    assert registry.centerOfValidator(accounts[30]) == network.id(1)
    with ape.reverts(registry.AccountTaken, account=accounts[30], duty=VALIDATOR):
        registry.vouch(MILL, accounts[30], 1, 0, 0, sender=network.operator(0))
    registry.proposeRenewal(network.id(0), sender=accounts[31])
    assert tuple(registry.tally(network.latest_proposal())) == (1, 4)


def test_a_duty_taken_while_the_others_vote_keeps_nobody_out(registry: Any, network: Any, accounts: Any) -> None:
    registry.proposeOperator(network.id(1), accounts[30], sender=network.operator(0))
    proposal = network.latest_proposal()
    network.carry(proposal, 2, 3)
    registry.rotateAnchorer(accounts[30], sender=network.operator(1))
    network.carry(proposal, 4)
    assert registry.centerOfOperator(accounts[30]) == network.id(1)


def test_a_nomination_made_while_the_others_vote_keeps_nobody_out(
    registry: Any, network: Any, accounts: Any, candidate: Callable[..., Candidate]
) -> None:
    registry.proposeOperator(network.id(1), accounts[30], sender=network.operator(0))
    proposal = network.latest_proposal()
    registry.nominate(candidate(NEWCOMER, operator=accounts[30]), sender=network.operator(1))
    nomination = network.latest_proposal()
    network.carry(proposal, 2, 3, 4)
    assert registry.centerOfOperator(accounts[30]) == network.id(1)
    network.carry(nomination, 0, 2)
    with ape.reverts(registry.AccountTaken, account=accounts[30], duty=OPERATOR):
        network.carry(nomination, 3)


def test_no_vote_takes_an_account_away_from_another_center(
    registry: Any, network: Any, accounts: Any, replace_operator: Callable[[Any], Any]
) -> None:
    for taken in (network.anchorer(2), network.operator(1)):
        with ape.reverts(registry.AccountTaken, account=taken):
            replace_operator(taken)
    registry.proposeOperator(network.id(1), accounts[30], sender=network.operator(0))
    proposal = network.latest_proposal()
    registry.vouch(MILL, accounts[30], 1, 0, 0, sender=network.operator(2))
    network.carry(proposal, 2, 3)
    with ape.reverts(registry.AccountTaken, account=accounts[30], duty=MEMBER, centerId=network.id(2)):
        network.carry(proposal, 4)


def test_the_operator_of_a_suspended_center_can_be_replaced_but_not_of_none(registry: Any, network: Any, accounts: Any) -> None:
    network.suspend(1)
    registry.proposeOperator(network.id(1), accounts[30], sender=network.operator(0))
    network.carry(network.latest_proposal(), 2, 3)
    assert registry.centerOfOperator(accounts[30]) == network.id(1)
    with ape.reverts(registry.WrongStatus, status=NONE):
        registry.proposeOperator(b"x".ljust(32, b"\x00"), accounts[31], sender=network.operator(0))
    with ape.reverts(registry.AccountTaken):
        registry.proposeOperator(network.id(1), network.operator(2), sender=network.operator(0))


# ---- members ----


def test_a_member_is_in_good_standing_in_its_roles_only(registry: Any, network: Any, member: Any) -> None:
    for role, answer in ((1, True), (4, True), (5, True), (2, False), (3, False), (0, False), (16, False)):
        assert registry.isMemberInGoodStanding(member, role) is answer
    found = registry.memberOf(member)
    assert (found.centerId, found.id, found.roles) == (network.id(0), MILL, 5)
    assert list(registry.memberIds(network.id(0), 0, 10)) == [MILL]
    assert registry.memberCount(network.id(0)) == 1


def test_strangers_and_centers_accounts_are_no_members(registry: Any, network: Any, accounts: Any) -> None:
    for account in (accounts[30], network.operator(0), ZERO):
        assert registry.memberOf(account).status == 0
        assert not any(registry.isMemberInGoodStanding(account, role) for role in range(1, 16))


def test_two_centers_may_each_have_a_member_of_one_name(registry: Any, network: Any, accounts: Any, member: Any) -> None:
    registry.vouch(MILL, accounts[31], 2, 0, 0, sender=network.operator(1))
    assert registry.member(network.id(0), MILL).account == member
    assert registry.member(network.id(1), MILL).account == accounts[31]


def test_a_member_is_vouched_for_by_one_center_under_one_name(registry: Any, network: Any, accounts: Any, member: Any) -> None:
    with ape.reverts(registry.MemberExists, memberId=MILL):
        registry.vouch(MILL, accounts[31], 1, 0, 0, sender=network.operator(0))
    with ape.reverts(registry.AccountTaken, account=member, duty=MEMBER, centerId=network.id(0)):
        registry.vouch(MILL, member, 1, 0, 0, sender=network.operator(1))


@pytest.mark.parametrize(
    ("member_id", "roles", "term", "error"),
    [
        (bytes(32), 1, (0, 0), "InvalidId"),
        (MILL, 0, (0, 0), "InvalidRoles"),
        (MILL, 16, (0, 0), "InvalidRoles"),
        (MILL, 1, (10, 10), "InvalidTerm"),
        (MILL, 1, (10, 9), "InvalidTerm"),
    ],
)
def test_a_member_that_breaks_a_rule_is_refused(
    registry: Any, network: Any, accounts: Any, member_id: bytes, roles: int, term: tuple[int, int], error: str
) -> None:
    with ape.reverts(getattr(registry, error)):
        registry.vouch(member_id, accounts[30], roles, *term, sender=network.operator(0))


def test_a_member_needs_an_account(registry: Any, network: Any) -> None:
    with ape.reverts(registry.ZeroAccount):
        registry.vouch(MILL, ZERO, 1, 0, 0, sender=network.operator(0))


def test_a_members_term_is_kept(registry: Any, network: Any, accounts: Any, later: Callable[[int], None], chain: Any) -> None:
    now = chain.blocks.head.timestamp
    registry.vouch(MILL, accounts[30], 1, now + 1_000, now + 2_000, sender=network.operator(0))
    assert not registry.isMemberInGoodStanding(accounts[30], 1)
    later(1_000)
    assert registry.isMemberInGoodStanding(accounts[30], 1)
    later(1_000)
    assert not registry.isMemberInGoodStanding(accounts[30], 1)
    registry.setMemberTerm(MILL, now, 0, sender=network.operator(0))
    assert registry.isMemberInGoodStanding(accounts[30], 1)
    with ape.reverts(registry.InvalidTerm):
        registry.setMemberTerm(MILL, 5, 4, sender=network.operator(0))


def test_roles_change(registry: Any, network: Any, member: Any) -> None:
    registry.setMemberRoles(MILL, 2, sender=network.operator(0))
    assert registry.isMemberInGoodStanding(member, 2)
    assert not registry.isMemberInGoodStanding(member, 1)
    with ape.reverts(registry.InvalidRoles, roles=16):
        registry.setMemberRoles(MILL, 16, sender=network.operator(0))


def test_a_member_is_suspended_and_reinstated(registry: Any, network: Any, member: Any) -> None:
    with ape.reverts(registry.MemberUnchanged):
        registry.reinstateMember(MILL, sender=network.operator(0))
    registry.suspendMember(MILL, sender=network.operator(0))
    assert not registry.isMemberInGoodStanding(member, 1)
    with ape.reverts(registry.MemberUnchanged):
        registry.suspendMember(MILL, sender=network.operator(0))
    registry.reinstateMember(MILL, sender=network.operator(0))
    assert registry.isMemberInGoodStanding(member, 1)


def test_a_members_key_changes_and_the_old_one_is_free(registry: Any, network: Any, accounts: Any, member: Any) -> None:
    with ape.reverts(registry.AccountTaken):
        registry.rotateMemberKey(MILL, network.validator(1), sender=network.operator(0))
    registry.rotateMemberKey(MILL, accounts[31], sender=network.operator(0))
    assert not registry.isMemberInGoodStanding(member, 1)
    assert registry.isMemberInGoodStanding(accounts[31], 1)
    registry.vouch(MILL, member, 1, 0, 0, sender=network.operator(1))


def test_a_center_that_is_not_in_good_standing_vouches_for_nobody(
    registry: Any, network: Any, accounts: Any, member: Any
) -> None:
    network.suspend(0)
    assert not registry.isMemberInGoodStanding(member, 1)
    calls: tuple[Callable[[], Any], ...] = (
        lambda: registry.vouch(b"x".ljust(32, b"\x00"), accounts[31], 1, 0, 0, sender=network.operator(0)),
        lambda: registry.setMemberRoles(MILL, 1, sender=network.operator(0)),
        lambda: registry.rotateMemberKey(MILL, accounts[31], sender=network.operator(0)),
    )
    for call in calls:
        with ape.reverts(registry.NotInGoodStanding, centerId=network.id(0)):
            call()


@pytest.mark.parametrize("who", [1, 30])
def test_nobody_touches_another_centers_members(registry: Any, network: Any, accounts: Any, member: Any, who: int) -> None:
    sender = network.operator(who) if who < FOUNDERS else accounts[who + 1]
    error = registry.UnknownMember if who < FOUNDERS else registry.NotOperator
    calls: tuple[Callable[[], Any], ...] = (
        lambda: registry.setMemberRoles(MILL, 15, sender=sender),
        lambda: registry.setMemberTerm(MILL, 0, 0, sender=sender),
        lambda: registry.suspendMember(MILL, sender=sender),
        lambda: registry.reinstateMember(MILL, sender=sender),
        lambda: registry.rotateMemberKey(MILL, accounts[32], sender=sender),
    )
    for call in calls:
        with ape.reverts(error):
            call()
    assert registry.isMemberInGoodStanding(member, 5)


def test_the_members_of_a_center_that_left_can_go_to_another(registry: Any, network: Any, member: Any) -> None:
    registry.leaveNetwork(sender=network.operator(0))
    assert not registry.isMemberInGoodStanding(member, 1)
    registry.vouch(MILL, member, 1, 0, 0, sender=network.operator(1))
    assert registry.memberOf(member).centerId == network.id(1)
    assert registry.isMemberInGoodStanding(member, 1)
