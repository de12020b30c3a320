"""The same commands against nodes with Besu's ways: sealed blocks, a pool that replaces silently, tokens, stalls."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import replace_file
from greenlane.adapters.network_file import encode_network
from greenlane.core.exits import Exit
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address, BlockNumber
from greenlane.core.wire import encode_hex
from greenlane_node.cli.program import main
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from greenlane_node.layout import NetworkLayout
from greenlane_node.nodes.node_view import last_seals, view_node
from greenlane_node.nodes.rpc import NodeRpc
from worlds.besu_rpc import BesuChain, RpcError, besu_over, described
from worlds.machine import free_port
from worlds.registry import Said

pytestmark = pytest.mark.chain

Run = Callable[..., Said]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    with EmbeddedNetwork.start(tmp_path_factory.mktemp("network") / "home", port=free_port()) as network:
        yield network


@pytest.fixture
def running(founded: RunningNetwork, tmp_path: Path) -> RunningNetwork:
    """The network as it was founded, in a home of this test's own."""
    shutil.copytree(founded.home.directory, tmp_path / "home")
    return replace(founded, home=Home(tmp_path / "home"))


@pytest.fixture(params=list(ValidatorMode))
def chain(running: RunningNetwork, request: pytest.FixtureRequest) -> Iterator[BesuChain]:
    made = besu_over(running, mode=request.param)
    snapshot = made.anvil("evm_snapshot")
    made.add_node(token="opens")
    made.mine(3)
    yield made
    made.anvil("evm_revert", snapshot)
    made.close()


@pytest.fixture
def run(running: RunningNetwork, chain: BesuChain, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    network = described(running.network, chain)
    replace_file(running.home.network_file, encode_network(network))
    (tmp_path / "token").write_text("opens\n")

    def command(*words: str, token: bool = True) -> Said:
        capsys.readouterr()
        opened = ("--token-file", str(tmp_path / "token")) if token else ()
        code = main([*words, "--home", str(running.home.directory), *opened])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return command


def test_votes_are_sent_and_settled_over_besus_pool(chain: BesuChain, run: Run) -> None:
    with chain.going(0.1):
        opened = run("propose", "suspension", "lima", "--center", "tianjin", "--json")
        assert opened.code == Exit.GOOD, opened.err
        carried = run("vote", "lima", "--center", "ho-chi-minh", "--json")
        assert carried.code == Exit.GOOD, carried.err
    assert carried.json()["state"] == "carried"
    assert chain.pool.replaced == []
    chain.mine()
    rows = run("validators", "--json").json()
    assert (rows["mode"], [row["center"] for row in rows["validators"] if row["status"] == "active"]) == (
        chain.mode.value,
        ["tianjin", "ho-chi-minh"],
    )


def test_the_set_that_seals_next_is_told_apart_from_the_one_that_sealed(chain: BesuChain, run: Run) -> None:
    if chain.mode is ValidatorMode.HEADER:
        seats = chain.founders
        chain.elect(seats[:2])
        chain.mine()
        rows = run("validators", "--json").json()
        # The registry knows three; the headers say who seals.
        assert {row["address"]: row["in_set"] for row in rows["validators"]} == {
            "0x" + one.hex(): one in seats[:2] for one in seats
        }
        return
    with chain.going(0.1):
        assert run("propose", "suspension", "lima", "--center", "tianjin").code == Exit.GOOD
    from_here = []
    with chain.going(0.3):
        assert run("vote", "lima", "--center", "ho-chi-minh").code == Exit.GOOD
        from_here.append(run("validators", "--json").json())
    chain.mine(2)
    settled = run("validators", "--json").json()
    assert settled["set_changes_with_next_block"] is False
    addresses = [[row["address"] for row in told["validators"] if row["in_set"]] for told in (from_here[0], settled)]
    assert addresses[0] == addresses[1]


def test_a_validator_that_is_down_is_in_the_set_and_is_not_said_to_seal(chain: BesuChain, run: Run) -> None:
    chain.mine(8)
    down = chain.founders[1]
    before = run("validators", "--json").json()
    assert {row["last_sealed"] for row in before["validators"]} == {chain.head}
    assert before["looked_back_to"] == chain.head - 8
    assert "bears a seal of" not in run("validators").out
    stopped_at = chain.head
    chain.down = {down}
    chain.mine(4)
    told = run("validators", "--json").json()
    rows = {row["address"]: row for row in told["validators"]}
    assert all(row["in_set"] for row in rows.values())
    assert {address: row["last_sealed"] for address, row in rows.items()} == {
        "0x" + one.hex(): stopped_at if one == down else chain.head for one in chain.founders
    }
    chain.mine(9)
    told = run("validators", "--json").json()
    (silent,) = [row for row in told["validators"] if row["last_sealed"] is None]
    assert (silent["address"], silent["in_set"]) == ("0x" + down.hex(), True)
    said = run("validators").out
    assert f"No block from {chain.head - 8} to {chain.head} bears a seal of {silent['center']}: take no other" in said
    # It is back, and the next node may be taken down.
    chain.down = set()
    chain.mine()
    assert {row["last_sealed"] for row in run("validators", "--json").json()["validators"]} == {chain.head}
    assert "bears a seal of" not in run("validators").out


def test_no_more_than_64_blocks_are_searched_for_seals(chain: BesuChain, tmp_path: Path) -> None:
    token = tmp_path / "opens"
    token.write_text("opens\n")
    rpc = NodeRpc(chain.nodes[0].url, token_file=token)
    chain.mine(70)
    strangers = [Address(bytes([number]) * 20) for number in range(1, 31)]
    seals = last_seals(rpc, BlockNumber(chain.head), strangers)
    assert (seals.first, set(seals.blocks)) == (chain.head - 63, set(chain.founders))
    assert last_seals(rpc, BlockNumber(1), strangers).first == 1
    assert last_seals(rpc, BlockNumber(0), strangers).blocks == {}


def test_a_center_that_left_is_told_to_seal_on_until_it_is_voted_out(chain: BesuChain, run: Run) -> None:
    with chain.going(0.1):
        left = run("leave", "--center", "lima", "--confirm", "lima", "--json")
    assert left.code == Exit.GOOD, left.err
    chain.mine()
    told = left.json()
    assert (told["status"], told["still_in_set"]) == ("left", chain.mode is ValidatorMode.HEADER)
    first = " ".join(told["remains"][:2])
    rows = {row["center"]: row for row in run("validators", "--json").json()["validators"]}
    if chain.mode is ValidatorMode.CONTRACT:
        assert "until block" in first
        assert "--align" not in first
        assert set(rows) == {"tianjin", "ho-chi-minh"}
        return
    # Out of the registry and still with a seat: cut off or stopped now, it would be a validator that is down.
    assert "still seals" in first
    assert "--align" in first
    place = [number for number, line in enumerate(told["remains"]) if "Then every other center runs" in line]
    assert place == [2]
    assert (rows["lima"]["status"], rows["lima"]["in_set"], rows["lima"]["last_sealed"]) == ("left", True, chain.head)
    chain.elect([one for one in chain.founders if "0x" + one.hex() != rows["lima"]["address"]])
    chain.mine()
    assert "lima" not in {row["center"] for row in run("validators", "--json").json()["validators"]}
    with chain.going(0.1):
        again = run("leave", "--center", "lima", "--json").json()
    assert (again["was_so"], again["still_in_set"]) == (True, False)


def test_status_tells_the_round_and_the_age_of_the_head(chain: BesuChain, run: Run) -> None:
    chain.stall()
    chain.mine(3)
    chain.resume()
    chain.mine()
    told = run("status", "--json")
    assert told.code == Exit.GOOD
    facts = told.json()
    assert (facts["round"], facts["head"], facts["peers"]) == (3, chain.head, 0)
    assert {row["center"] for row in facts["centers"]} == {"tianjin", "lima", "ho-chi-minh"}


def test_a_token_that_is_missing_is_told(chain: BesuChain, run: Run) -> None:
    said = run("status", token=False)
    assert said.code == Exit.USAGE
    assert said.is_one_fault("wants a token", "--token-file")


def test_a_stall_leaves_one_transaction_that_is_found_again(chain: BesuChain, run: Run) -> None:
    chain.stall()
    for _ in range(2):
        said = run("propose", "renewal", "lima", "--center", "lima", "--timeout", "1")
        assert said.code == Exit.UNCHECKED
        assert said.err.count("\n") == 1
    assert len(chain.pool.waiting) == 1
    assert chain.pool.replaced == []
    chain.resume()
    chain.mine()
    assert run("propose", "renewal", "lima", "--center", "lima", "--json").json()["was_so"] is True


def test_a_transaction_that_the_pool_replaced_without_a_word_is_noticed(
    running: RunningNetwork, chain: BesuChain, run: Run, tmp_path: Path
) -> None:
    account = running.keystore().account("lima-operator")
    empty: Any = {"chainId": 20_261, "nonce": 0, "gas": 21_000, "gasPrice": 0, "value": 0, "to": account.address}
    rpc = NodeRpc(chain.nodes[0].url, token_file=tmp_path / "token")

    def replaced() -> None:
        while not chain.pool.waiting:
            time.sleep(0.02)
        rpc.call("eth_sendRawTransaction", encode_hex(bytes(account.sign_transaction(empty).raw_transaction)))
        chain.resume()
        chain.mine()

    chain.stall()
    other = threading.Thread(target=replaced)
    other.start()
    said = run("propose", "renewal", "lima", "--center", "lima")
    other.join()
    assert len(chain.pool.replaced) == 1
    assert said.code == Exit.UNCHECKED
    assert said.is_one_fault("Another transaction of the operator was taken in the place of", "(nonce 0)")


def test_a_node_that_refuses_the_transaction_is_quoted(chain: BesuChain, run: Run) -> None:
    chain.nodes[0].scripted["eth_sendRawTransaction"] = RpcError(-32005, "Transaction gas limit exceeds block gas limit")
    said = run("propose", "renewal", "lima", "--center", "lima", "--timeout", "2")
    assert said.code == Exit.UNCHECKED
    assert said.is_one_fault("does not take the transaction", "exceeds block gas limit")


def test_a_seal_is_found_among_the_newest_blocks_and_a_stranger_has_none(chain: BesuChain, tmp_path: Path) -> None:
    stranger = stranger_to(chain.founders[0])
    token = tmp_path / "opens"
    token.write_text("opens\n")
    rpc = NodeRpc(chain.nodes[0].url, token_file=token)
    for validator in chain.founders:
        chain.down = {validator}
        assert last_seals(rpc, BlockNumber(chain.head), (*chain.founders, stranger)).blocks[validator] == chain.head
        chain.down = set()
    assert stranger not in last_seals(rpc, BlockNumber(chain.head), (*chain.founders, stranger)).blocks
    assert view_node(rpc, chain.sealing).round == 0
    assert view_node(rpc, replace(chain.sealing), now=lambda: 0).age_s < 0


def test_our_validators_vote_for_what_the_registry_says(running: RunningNetwork, chain: BesuChain, run: Run) -> None:
    if chain.mode is ValidatorMode.CONTRACT:
        said = run("validators", "--align")
        assert said.code == Exit.USAGE
        assert said.is_one_fault("the registry is the set")
        return
    node = chain.nodes[0]
    pending: dict[str, object] = {}

    def propose(params: list[object]) -> bool:
        pending[str(params[0])] = params[1]
        return True

    def discard(params: list[object]) -> bool:
        del pending[str(params[0])]
        return True

    node.scripted |= {"qbft_proposeValidatorVote": propose, "qbft_discardValidatorVote": discard}
    node.scripted["qbft_getPendingVotes"] = lambda _: dict(pending)
    folder = NetworkLayout(running.home).besu("validator-lima")
    folder.directory.mkdir(parents=True)
    folder.config.write_text(f'rpc-http-host = "127.0.0.1"\nrpc-http-port = {node.url.rpartition(":")[2]}\n')
    token = NetworkLayout(running.home).token("validator-lima")
    token.parent.mkdir()
    token.write_text("opens\n")

    assert run("validators", "--align").code == Exit.GOOD
    assert pending == {}
    chain.elect(chain.founders[:2])
    chain.mine()
    dropped = "0x" + chain.founders[2].hex()
    for state in ("cast", "pending"):
        told = run("validators", "--align", "--json")
        assert (told.code, told.json()["set_is_the_registrys"]) == (Exit.NO, False)
        assert told.json()["votes"] == [{"node": "validator-lima", "vote": "in", "validator": dropped, "state": state}]
        assert pending == {dropped: True}
    # The vote has had its effect; Besu would go on with it.
    chain.elect(chain.founders)
    chain.mine()
    done = run("validators", "--align", "--json")
    assert (done.code, [vote["state"] for vote in done.json()["votes"]]) == (Exit.GOOD, ["withdrawn"])
    assert pending == {}


def stranger_to(address: Address) -> Address:
    return Address(address[:-1] + bytes([address[-1] ^ 1]))
