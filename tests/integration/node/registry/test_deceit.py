"""Another center, or the node that is asked, deceives whoever votes and joins: it is noticed before anything is signed."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from greenlane.adapters.evm.bindings import CenterCandidate, PilotRegistry
from greenlane.adapters.keystore import Keystore
from greenlane.core.crypto import keccak256
from greenlane.core.exits import Exit
from greenlane.core.units import Address, CenterId
from greenlane_node.cli.program import main
from greenlane_node.founding.genesis import candidate_of
from greenlane_node.keys import make_center_keys
from greenlane_node.membership import joining
from greenlane_node.planning.plan_file import encode_center, encode_plan
from greenlane_node.registry import governance
from greenlane_node.registry.acts import RegistryActs, content_of
from worlds.registry import NEWCOMER, Command, RegistryWorld, Said, newcomer, planned

pytestmark = pytest.mark.chain

LIMA = CenterId("lima")
Change = Callable[[dict[str, Any], str], str]


def puppet(world: RegistryWorld, tmp_path: Path, id_: str = "puppet") -> CenterCandidate:
    """A center of which lima has all the keys."""
    keystore = lima_keys(tmp_path)
    return replace(candidate_of(planned(NEWCOMER, keystore, 9)), id=CenterId(id_), origin=f"{id_}.example/log")


def lima_keys(tmp_path: Path) -> Keystore:
    place = tmp_path / "puppet"
    if place.exists():
        return Keystore(place / "keys", place / "password", scrypt_n=2)
    place.mkdir()
    (place / "password").write_text("correct horse\n")
    keystore = Keystore(place / "keys", place / "password", scrypt_n=2)
    make_center_keys(keystore, CenterId(NEWCOMER), rpc_node=False, documents=False)
    return keystore


@contextmanager
def node_that(world: RegistryWorld, change: Change, token: str | None = None) -> Iterator[tuple[str, list[int]]]:
    """A node of the chain that changes what it answers to a contract's call; and how many questions each body had."""
    asked: list[int] = []

    class Passing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if token is not None and self.headers["Authorization"] != f"Bearer {token}":
                self.send_response(401)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            answers = requests.post(world.url, data=body, headers={"Content-Type": "application/json"}, timeout=10).json()
            questions = json.loads(body)
            several = isinstance(questions, list)
            asked.append(len(questions) if several else 1)
            for question, answer in zip(questions if several else [questions], answers if several else [answers], strict=True):
                if question["method"] == "eth_call" and "result" in answer:
                    answer["result"] = change(question, answer["result"])
            told = json.dumps(answers).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def as_it_is(_: dict[str, Any], answer: str) -> str:
    return answer


def shown_as(shown: CenterCandidate, true: CenterCandidate) -> Change:
    """Tells of a proposal that it nominates another."""
    selector = "0x" + keccak256(b"proposal(bytes32)")[:4].hex()

    def change(question: dict[str, Any], answer: str) -> str:
        if not question["params"][0]["data"].startswith(selector):
            return answer
        name, other = (one.id.encode().ljust(32, b"\0").hex() for one in (true, shown))
        return answer.replace(name, other).replace(content_of(true).hex(), content_of(shown).hex())

    return change


@pytest.mark.parametrize("is_by_id", [False, True])
def test_a_node_that_shows_one_nomination_as_another_gets_no_vote_for_it(
    world: RegistryWorld, node: Command, tmp_path: Path, is_by_id: bool
) -> None:
    true, honest = puppet(world, tmp_path), newcomer(world)
    world.act(LIMA, PilotRegistry.encode_nominate(true))
    (proposal,) = world.registry.proposal_ids(0, 10)
    file = str(world.folder / NEWCOMER / "center.toml")
    named = "0x" + proposal.hex() if is_by_id else NEWCOMER
    with node_that(world, shown_as(honest, true)) as (url, _):
        for voter in ("osaka", "accra"):
            said = node(voter, "endorse", named, "--candidate", file, "--rpc", url)
            assert said.code == Exit.UNCHECKED
            assert said.is_one_fault("is not what this id stands for", "0x" + proposal.hex(), "ask one of your own")
        assert node("osaka", "vote", "--rpc", url).code == Exit.UNCHECKED
        assert node("osaka", "status", "--rpc", url).code == Exit.UNCHECKED
    assert world.registry.tally(proposal).votes == 1
    assert not world.registry.is_active(true.id)


def test_what_a_proposal_would_do_is_bound_to_its_id_whole(world: RegistryWorld, node: Command) -> None:
    assert node("lima", "propose", "operator", "osaka", "--account", "0x" + "5a" * 20).code == Exit.GOOD
    selector = "0x" + keccak256(b"proposal(bytes32)")[:4].hex()
    # kind, revision, operator, center: a node changes one word of each.
    for word, value in ((0, 2), (3, 7), (4, 0x77), (5, int.from_bytes(b"lima".ljust(32, b"\0")))):

        def change(question: dict[str, Any], answer: str, word: int = word, value: int = value) -> str:
            if not question["params"][0]["data"].startswith(selector):
                return answer
            start = 2 + 64 * word
            return answer[:start] + f"{value:064x}" + answer[start + 64 :]

        with node_that(world, change) as (url, _):
            for about in ("osaka", "lima"):
                said = node("accra", "vote", about, "--rpc", url)
                assert said.is_one_fault("is not what this id stands for"), (word, said)
    assert world.registry.tally(world.registry.proposal_ids(0, 1)[0]).votes == 1


def test_a_node_that_hides_what_it_counts_is_not_believed(world: RegistryWorld, node: Command) -> None:
    assert node("lima", "propose", "renewal", "osaka").code == Exit.GOOD
    empty = {"proposal(bytes32)": "0x" + "00" * 224, "proposalIds(uint256,uint256)": "0x" + f"{32:064x}{0:064x}"}
    for signature, told in empty.items():
        selector = "0x" + keccak256(signature.encode())[:4].hex()

        def change(question: dict[str, Any], answer: str, selector: str = selector, told: str = told) -> str:
            return told if question["params"][0]["data"].startswith(selector) else answer

        with node_that(world, change) as (url, _):
            said = node("accra", "vote", "osaka", "--rpc", url)
            assert (said.code, said.is_one_fault("The node lists")) == (Exit.UNCHECKED, True), said


def test_no_vote_is_sent_for_what_is_stale(world: RegistryWorld, node: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        world.act(LIMA, PilotRegistry.encode_propose_renewal(CenterId("osaka")))
    first, second = world.registry.proposal_ids(0, 2)
    for voter in ("accra", "tianjin"):
        assert node(voter, "vote", "0x" + first.hex()).code == Exit.GOOD
    # A simulation is not what holds it back: a node can lie there too.
    monkeypatch.setattr(RegistryActs, "_gas", lambda acts, data: 3_000_000)
    late = node("accra", "vote", "0x" + second.hex())
    assert late.code == Exit.USAGE
    assert late.is_one_fault("has changed its standing since", second.hex())
    record = world.registry.center(CenterId("accra"))
    assert record is not None
    assert world.web3.eth.get_transaction_count(world.web3.to_checksum_address(record.operator)) == 1
    again = node("osaka", "vote", "0x" + first.hex(), "--json")
    assert (again.code, again.json()["result"]) == (Exit.GOOD, "It was carried out already.")


def test_a_nomination_is_voted_for_with_its_file_alone(world: RegistryWorld, node: Command) -> None:
    assert node("lima", "nominate", str(world.folder / NEWCOMER / "center.toml")).code == Exit.GOOD
    proposal = "0x" + world.registry.proposal_ids(0, 1)[0].hex()
    for named in (NEWCOMER, proposal, proposal[:12]):
        said = node("accra", "vote", named)
        assert said.code == Exit.USAGE
        assert said.is_one_fault(f"nominates {NEWCOMER}", f"greenlane-node endorse {NEWCOMER} --candidate")
    bare = node("accra", "endorse", NEWCOMER)
    assert (bare.code, "--candidate" in bare.err) == (Exit.USAGE, True)
    assert world.registry.tally(world.registry.proposal_ids(0, 1)[0]).votes == 1


@pytest.mark.usefixtures("admitted")
def test_no_center_can_be_named_like_a_proposal(world: RegistryWorld, node: Command, tmp_path: Path) -> None:
    proposal = ""
    # Until one begins with a letter, as a name does.
    while not proposal[:1].isalpha():
        world.act(CenterId("accra"), PilotRegistry.encode_propose_suspension(LIMA))
        proposal = world.registry.proposal_ids(world.registry.proposal_count() - 1, 1)[0].hex()
    named = puppet(world, tmp_path, proposal[:10])
    world.act(LIMA, PilotRegistry.encode_nominate(named))
    by_name = node("osaka", "vote", proposal[:10])
    assert by_name.is_one_fault(f"nominates {proposal[:10]}")
    by_id = node("osaka", "vote", f"0x{proposal[:10].upper()}", "--json").json()
    assert (by_id["motion"], by_id["center"], by_id["proposal"]) == ("suspension", "lima", f"0x{proposal}")


@pytest.mark.parametrize("tried", [0, 2])
def test_a_whole_id_is_proven_however_many_came_after_it(
    world: RegistryWorld, node: Command, monkeypatch: pytest.MonkeyPatch, tried: int
) -> None:
    for _ in range(9):
        world.act(LIMA, PilotRegistry.encode_propose_renewal(CenterId("osaka")))
    monkeypatch.setattr(governance, "_INDICES_TRIED", tried)
    monkeypatch.setattr(governance, "PROPOSALS_PAGE", 2)
    for proposal in world.registry.proposal_ids(0, 9):
        assert node("accra", "vote", "0x" + proposal.hex(), "--json").json()["votes"] == 2


@pytest.mark.usefixtures("admitted")
def test_a_flood_of_proposals_hides_none(world: RegistryWorld, node: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = node("accra", "propose", "suspension", "lima", "--json").json()
    for center in ("osaka", "tianjin", "osaka", "tianjin", "osaka"):
        world.act(LIMA, PilotRegistry.encode_propose_renewal(CenterId(center)))
    monkeypatch.setattr(governance, "MOST_SHOWN", 2)
    monkeypatch.setattr(governance, "PROPOSALS_PAGE", 2)
    listed = node("osaka", "vote", "--json").json()
    assert [row["center"] for row in listed["proposals"]] == ["osaka", "tianjin"]
    assert (listed["older_not_shown"], listed["see_them"]) == (5, "greenlane-node vote --skip 2")
    second = node("osaka", "vote", "--skip", "2", "--json").json()
    assert (len(second["proposals"]), second["older_not_shown"], second["see_them"][-1]) == (2, 3, "4")
    last = node("osaka", "vote", "--skip", "4", "--json").json()
    assert [row["center"] for row in last["proposals"]] == ["osaka", "lima"]
    assert "older_not_shown" not in last
    assert "older_not_shown: 5" in node("osaka", "status").out
    assert node("osaka", "vote", "--skip", "99", "--json").json() == {"proposals": []}

    monkeypatch.setattr(governance, "MOST_LOOKED_AT", 3)
    for named in ("lima", opened["proposal"][:20], "nobody"):
        unsure = node("osaka", "vote", named)
        assert unsure.code == Exit.USAGE
        assert unsure.is_one_fault("More than 3 proposals wait for votes", "Give the whole id")
    voted = node("osaka", "vote", opened["proposal"], "--json").json()
    assert (voted["motion"], voted["center"], voted["votes"]) == ("suspension", "lima", 2)
    # What is there already is found again, as far as is looked; else a new one is opened.
    assert node("accra", "propose", "renewal", "tianjin", "--json").json()["votes"] == 2


def test_many_proposals_are_read_in_few_questions(world: RegistryWorld, node: Command) -> None:
    with node_that(world, as_it_is) as (url, asked):
        counts = []
        for _ in range(2):
            for _ in range(6):
                world.act(LIMA, PilotRegistry.encode_propose_renewal(CenterId("osaka")))
            asked.clear()
            assert len(node("accra", "vote", "--json", "--rpc", url).json()["proposals"]) == world.registry.proposal_count()
            counts.append(len(asked))
        assert counts[0] == counts[1]
        assert max(asked) == 12 * 4


@pytest.fixture
def home(world: RegistryWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `init center` leaves of the newcomer, and network.toml."""
    made = tmp_path / "new"
    made.mkdir(mode=0o700)
    shutil.copytree(world.folder / NEWCOMER / "keys", made / "keys")
    shutil.copy(world.folder / NEWCOMER / "password", made / "password")
    shutil.copy(world.folder / NEWCOMER / "center.toml", made / f"{NEWCOMER}.center.toml")
    (made / "network.toml").write_bytes(encode_plan(world.plan))
    first = bytes(world.web3.eth.get_block(0)["hash"])
    monkeypatch.setattr(joining, "genesis_hash", lambda plan: first)
    return made


@pytest.fixture
def join(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main(["join", "--home", str(home), *words])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.mark.parametrize("stranger", [("operator", "anchorer", "validator"), ("operator",), ("anchorer",), ("validator",)])
def test_a_center_admitted_under_our_name_with_accounts_of_another_is_not_taken_for_ours(
    world: RegistryWorld, node: Command, join: Callable[..., Said], tmp_path: Path, stranger: tuple[str, ...]
) -> None:
    center = planned(NEWCOMER, Keystore(world.folder / NEWCOMER / "keys", world.folder / NEWCOMER / "password"), 5)
    evil = planned(NEWCOMER, lima_keys(tmp_path), 5)
    forged = replace(center, **{duty: getattr(evil, duty) for duty in stranger})
    file = tmp_path / "forged.toml"
    file.write_bytes(encode_center(forged))
    assert node("lima", "nominate", str(file)).code == Exit.GOOD
    nominated = join("--rpc", world.url)
    assert (nominated.code, f"with another {', '.join(stranger)}" in nominated.err) == (Exit.USAGE, True)
    for voter in ("accra", "osaka"):
        assert node(voter, "endorse", NEWCOMER, "--candidate", str(file)).code == Exit.GOOD
    said = join("--rpc", world.url)
    assert said.code == Exit.USAGE
    record = world.registry.center(CenterId(NEWCOMER))
    assert record is not None
    for duty in ("operator", "anchorer", "validator"):
        account: Address = getattr(record, duty)
        assert (f"{duty} 0x{account.hex()}" in said.err) is (duty in stranger)
    assert "Ask the center that nominated it" in said.err
    assert "nodes" not in said.out


@pytest.mark.usefixtures("admitted")
def test_a_validator_that_our_own_operator_registered_elsewhere_is_ours(world: RegistryWorld, join: Callable[..., Said]) -> None:
    world.act(CenterId(NEWCOMER), PilotRegistry.encode_rotate_validator(Address(b"\x66" * 20)))
    said = join("--rpc", world.url)
    assert said.code == Exit.NO
    assert "3 nomination: done" in said.out


@pytest.mark.parametrize("line", ["{url} opens\n", "opens\n", "# ours\nhttp://127.0.0.1:1 other\n{url} opens\n"])
def test_join_takes_a_file_of_tokens_in_either_form(
    world: RegistryWorld, join: Callable[..., Said], tmp_path: Path, line: str
) -> None:
    with node_that(world, as_it_is, token="opens") as (url, _):
        tokens = tmp_path / "api"
        tokens.write_text(line.format(url=url))
        said = join("--rpc", url, "--token-file", str(tokens))
        assert (said.code, "2 network: done now" in said.out) == (Exit.NO, True), said
        closed = join("--rpc", url)
        assert "wants a token" in closed.err


def test_a_node_that_does_not_let_us_in_leaves_the_next_one_to_ask(
    world: RegistryWorld, node: Command, homes: Callable[[str], Path]
) -> None:
    file = homes("accra") / "network.json"
    told = json.loads(file.read_bytes())
    with node_that(world, as_it_is, token="opens") as (url, _):
        file.write_text(json.dumps({**told, "rpcUrls": [url, *told["rpcUrls"]]}))
        assert node("accra", "vote").code == Exit.GOOD
        file.write_text(json.dumps({**told, "rpcUrls": [url, "http://127.0.0.1:9"]}))
        said = node("accra", "vote")
        assert said.is_one_fault("None of 2 nodes can be asked", "wants a token", "http://127.0.0.1:9", "could not be reached")
        file.write_text(json.dumps({**told, "rpcUrls": [url]}))
        assert node("accra", "vote").is_one_fault("wants a token", "--token-file")


def test_a_new_account_is_told_to_be_let_in(node: Command) -> None:
    for key in ("operator", "anchorer"):
        remains = node("lima", "rotate-key", key, "--json").json()["remains"]
        assert any("sync-permissions" in line and "every center" in line for line in remains)
