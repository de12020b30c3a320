"""`make attacks` tells the truth: every attack is refused by its own name, and one that is not is told.

What is tried over HTTP is run by `make attacks` itself; the services that refuse there have tests of their own.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from greenlane_node.embedded.network import EmbeddedNetwork
from worlds.machine import free_port

from scripts.attacks.market import CITY, COOPERATIVE, AttackFailed, Market
from scripts.attacks.tries import Attack, Tries, judge

pytestmark = pytest.mark.chain
WANTED = (
    "the same lot again under another registry's name",
    "overlapping serials",
    "more than evidenced",
    "a statement by an uncertified member",
    "a forged signature",
    "a proof with one bit changed",
    "a checkpoint never anchored",
    "transfer to a stranger",
    "retire twice",
    "retire another's",
    "move a frozen unit",
    "spend escrow twice",
    "an ex-member",
    "re-entrancy through a receiver contract",
    "a claim period outside the vintage",
)


@pytest.fixture(scope="module")
def tries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tries]:
    with EmbeddedNetwork.start(tmp_path_factory.mktemp("attacks") / "home", port=free_port()) as network:
        made = Tries(Market(network))
        made.found()
        yield made


def test_an_attack_that_succeeds_or_is_refused_for_another_reason_is_told(tries: Tries) -> None:
    market, token = tries.market, tries.token
    with pytest.raises(AttackFailed, match="carried out"):
        judge(market, Attack(what="honest", error="NotMember", prepare=lambda: market.transfer(COOPERATIVE, CITY, token, 1)))
    fraud = market.transfer(COOPERATIVE, "a stranger", token)
    attack = Attack(what="to a stranger", error="NotMember", prepare=lambda: fraud)
    assert judge(market, attack).error == "NotMember"
    with pytest.raises(AttackFailed, match="refused as NotMember, not as Frozen"):
        judge(market, replace(attack, error="Frozen"))
    with pytest.raises(AttackFailed, match="honest"):
        market.do(fraud)


def test_every_attack_is_refused_by_its_own_name_and_in_words(tries: Tries) -> None:
    attacks = tries.all()
    assert {wanted for wanted in WANTED if any(attack.what.startswith(wanted) for attack in attacks)} == set(WANTED)
    for attack in attacks:
        why = judge(tries.market, attack)
        assert why.words and "without words" not in why.words, attack.what
