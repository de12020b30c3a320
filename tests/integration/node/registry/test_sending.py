"""One act is sent once: through stalls, other transactions of the same key, and two hands at once."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyUse
from greenlane.core.crypto import keccak256
from greenlane.core.exits import Exit
from greenlane.core.units import Address, CenterId
from greenlane_node.nodes.chain_access import keystore_of, open_chain
from greenlane_node.registry.acts import Acted, ActReplaced, RegistryActs, open_acts
from greenlane_node.registry.governance import Motion
from worlds.registry import NEWCOMER, Command, RegistryWorld

pytestmark = pytest.mark.chain

Homes = Callable[[str], Path]


def acts(home: Path) -> RegistryActs:
    chain = open_chain(Home(home))
    return open_acts(chain, keystore_of(Home(home)), None, timeout_s=10, poll_s=0.02)


def operator(home: Path, center: str) -> LocalAccount:
    return keystore_of(Home(home)).account(f"{center}-operator", KeyUse.OPERATOR)


def sent(world: RegistryWorld, account: LocalAccount, *, nonce: int, price: int = 0) -> None:
    signed = account.sign_transaction(
        {"chainId": 20_777, "nonce": nonce, "gas": 21_000, "gasPrice": price, "value": 0, "to": account.address}
    )
    world.web3.eth.send_raw_transaction(signed.raw_transaction)


def test_a_stalled_chain_is_told_and_running_again_sends_nothing_twice(world: RegistryWorld, node: Command, homes: Homes) -> None:
    account = operator(homes("lima"), "lima")
    with world.standing_still():
        for _ in range(2):
            said = node("lima", "propose", "renewal", "lima", "--timeout", "1")
            assert said.code == Exit.UNCHECKED
            assert said.err.count("\n") == 1
        assert world.web3.eth.get_transaction_count(account.address, "pending") == 1
    told = node("lima", "propose", "renewal", "lima", "--json").json()
    assert told["was_so"] is True
    assert world.web3.eth.get_transaction_count(account.address) == 1
    assert world.registry.proposal_count() == 1


def test_another_transaction_that_takes_our_nonce_is_noticed(
    world: RegistryWorld, homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = operator(homes("lima"), "lima")

    def replaced(self: RegistryActs, raw: bytes) -> None:
        # As a pool does that takes another hand's transaction of the same nonce and drops ours without a word.
        sent(world, account, nonce=0)

    monkeypatch.setattr(RegistryActs, "_hand_over", replaced)
    with pytest.raises(ActReplaced, match="nonce 0"):
        acts(homes("lima")).propose(Motion.RENEWAL, CenterId("lima"))
    assert world.registry.proposal_count() == 0


def test_nothing_is_sent_beside_a_transaction_that_waits(world: RegistryWorld, node: Command, homes: Homes) -> None:
    account = operator(homes("lima"), "lima")
    with world.standing_still():
        sent(world, account, nonce=0)
        said = node("lima", "propose", "renewal", "lima", "--timeout", "1")
        assert said.code == Exit.UNCHECKED
        assert said.is_one_fault("waits in the pool (nonce 0)")
    assert node("lima", "propose", "renewal", "lima", "--json").json()["was_so"] is False
    assert world.web3.eth.get_transaction_count(account.address) == 2


def test_what_a_node_forgot_is_handed_over_again(world: RegistryWorld, homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[bytes] = []
    hand_over = RegistryActs._hand_over

    def forgetful(self: RegistryActs, raw: bytes) -> None:
        handed.append(raw)
        if len(handed) > 2:
            hand_over(self, raw)

    monkeypatch.setattr(RegistryActs, "_hand_over", forgetful)
    acted, _ = acts(homes("lima")).propose(Motion.RENEWAL, CenterId("lima"))
    assert acted.transaction == keccak256(handed[0])
    assert len(handed) == 3
    assert len(set(handed)) == 1


def test_two_hands_of_one_home_take_turns(world: RegistryWorld, homes: Homes) -> None:
    home = homes("lima")
    account = operator(home, "lima")
    done: list[Acted] = []

    def propose(center: str) -> None:
        done.append(acts(home).propose(Motion.RENEWAL, CenterId(center))[0])

    hands = [threading.Thread(target=propose, args=(center,)) for center in ("lima", "accra", "osaka")]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert [one.was_so for one in done] == [False] * 3
    assert world.web3.eth.get_transaction_count(account.address) == 3
    assert world.registry.proposal_count() == 3


def test_a_change_of_the_set_that_comes_a_block_too_early_is_tried_again(
    world: RegistryWorld, node: Command, homes: Homes
) -> None:
    file = str(world.folder / NEWCOMER / "center.toml")
    assert node("lima", "nominate", file).code == Exit.GOOD
    assert node("accra", "endorse", NEWCOMER, "--candidate", file).code == Exit.GOOD
    osaka, tianjin = homes("osaka"), homes("tianjin")
    # The vote that admits the fifth and the rotation of a validator move the set, and one block takes only one of them.
    hands = [threading.Thread(target=lambda: acts(osaka).vote(acts(osaka).view(world.registry.proposal_ids(0, 1)[0])))]
    hands.append(threading.Thread(target=lambda: acts(tianjin).rotate_validator(Address(b"\x77" * 20))))
    with world.standing_still():
        for hand in hands:
            hand.start()
        threading.Event().wait(0.5)
    for hand in hands:
        hand.join()
    assert world.registry.is_active(CenterId(NEWCOMER))
    record = world.registry.center(CenterId("tianjin"))
    assert record is not None
    assert record.validator == b"\x77" * 20
