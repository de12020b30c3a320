"""A round of votes: who counts, how often, and until when."""

from worlds.asset_rules import STRANGER, refused
from worlds.green_assets import LIMA, OSAKA, TIANJIN, Network, operator


def test_votes_count_in_one_round_and_of_active_centers_only(network: Network) -> None:
    world = network.world
    refused("NotActiveOperator", lambda: world.vote_pause(STRANGER, True))
    world.vote_pause(operator(LIMA), True)
    error = refused("VotedAlready", lambda: world.vote_pause(operator(LIMA), True))
    assert "lima" in error.detail
    world.vote_pause(operator(OSAKA), True)
    network.set_center(OSAKA, is_active=False)
    refused("NotActiveOperator", lambda: world.vote_pause(operator(OSAKA), True))
    world.vote_pause(operator(TIANJIN), True)
    assert world.is_paused
    world.vote_pause(operator(LIMA), False)
    world.now += world.around.voting_period_s
    world.vote_pause(operator(TIANJIN), False)
    assert world.is_paused
    world.vote_pause(operator(LIMA), False)
    assert not world.is_paused


def test_a_quorum_that_others_reach_by_leaving_is_carried_out_by_who_voted(network: Network) -> None:
    world = network.world
    for center in (LIMA, TIANJIN):
        world.vote_pause(operator(center), True)
    refused("VotedAlready", lambda: world.vote_pause(operator(LIMA), True))
    network.set_center(OSAKA, is_active=False)
    world.vote_pause(operator(LIMA), True)
    assert world.is_paused
