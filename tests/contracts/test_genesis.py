"""A chain that begins with our genesis holds what the constructors would have left, slot by slot, and its contracts work."""

import gzip
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.evm.artifacts import artifact
from greenlane.adapters.evm.bindings import AnchorLog, CenterStatus, PilotRegistry, deployment_bytecode
from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.merkle import consistency_proof, leaf_hash, root_of
from greenlane.core.units import Address, RootHash, TreeSize
from greenlane_node.embedded.anvil import HOST, find_anvil
from greenlane_node.founding.genesis import (
    GenesisRefused,
    founders,
    genesis_block,
    genesis_bytes,
    genesis_value,
    registry_parameters,
)
from greenlane_node.founding.storage_layout import storage_words
from greenlane_node.planning.plan import ANCHOR_LOG, EVIDENCE_REGISTER, GREEN_ASSET, PILOT_REGISTRY, NetworkPlan
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError
from web3.types import RPCEndpoint
from worlds.machine import free_port
from worlds.plans import GENESIS_TIME, made_up, network_of, planned_center, planned_network

from .conftest import START_TIMEOUT_S, deploy, transact

pytestmark = pytest.mark.chain
DEPLOYER = Address(b"\x77" * 20)
LIMIT = "1000000000"
ROOT = Path(__file__).resolve().parents[2]
FORGE_ALLOC = ROOT / "contracts" / "test" / "alloc.json"
NEW_ALLOC = ROOT / "cache" / "alloc.json"


@contextmanager
def chain(*arguments: str) -> Iterator[Web3]:
    """A chain of its own where anybody may send for anybody, and blocks come when something is sent."""
    port = free_port()
    nobody = ["--accounts", "0", "--disable-default-create2-deployer", "--auto-impersonate", "--hardfork", "cancun", "--silent"]
    # 21 centers with long names are more creation code than a public chain takes; in a genesis nothing is created.
    free = ["--block-base-fee-per-gas", "0", "--gas-price", "0", "--disable-min-priority-fee", "--disable-code-size-limit"]
    command = [str(find_anvil()), "--port", str(port), "--host", HOST, "--gas-limit", LIMIT, *nobody, *free, *arguments]
    process = subprocess.Popen(command)
    try:
        provider = HTTPProvider(f"http://{HOST}:{port}")
        deadline = time.monotonic() + START_TIMEOUT_S
        while not provider.is_connected():
            assert process.poll() is None, "anvil ended at once"
            assert time.monotonic() < deadline, "anvil does not answer"
            time.sleep(0.02)
        yield Web3(provider)
    finally:
        process.terminate()
        process.wait(timeout=START_TIMEOUT_S)


def ask(web3: Web3, method: str, *parameters: object) -> Any:
    answer = web3.provider.make_request(RPCEndpoint(method), list(parameters))
    assert "error" not in answer, answer
    return answer["result"]


def all_storage(web3: Web3) -> dict[bytes, dict[bytes, bytes]]:
    """Every word that is not zero of every account that has any."""
    state = json.loads(gzip.decompress(bytes.fromhex(ask(web3, "anvil_dumpState")[2:])))
    return {
        bytes.fromhex(account[2:]): {
            int(slot, 16).to_bytes(32, "big"): int(word, 16).to_bytes(32, "big")
            for slot, word in told["storage"].items()
            if int(word, 16)
        }
        for account, told in state["accounts"].items()
        if told["storage"]
    }


def alloc_storage(plan: NetworkPlan, contract: Address) -> dict[bytes, bytes]:
    value: Any = genesis_value(plan)
    words = value["alloc"][contract.hex()]["storage"]
    return {bytes.fromhex(slot[2:]): bytes.fromhex(word[2:]) for slot, word in words.items()}


def long_texts() -> NetworkPlan:
    """Every length at which text changes the way it lies, in letters of one to four bytes."""
    lengths = (1, 30, 31, 32, 33, 63, 64, 65, 255, 256)
    centers = []
    for number, length in enumerate(lengths):
        name = ("é" * 128 + "蘋果" * 40 + "🍏" * 64)[number * 32 :][: length // 4] or "x"
        origin = f"{number}".ljust(length, "o") if length > 1 else "9"
        center = planned_center(number, origin=origin, endpoint="e" * lengths[-number - 1])
        centers.append(replace(center, name=name + "n" * (length - len(name.encode()))))
    # An endpoint may be missing.
    return planned_network(*centers, replace(planned_center(10), endpoint=""))


NETWORKS = {
    "one center": network_of(1),
    "four centers": network_of(4),
    "seven centers": network_of(7),
    "twenty-one centers": network_of(21),
    "a hundred centers, and no more": network_of(100),
    "long texts": long_texts(),
    "open terms, other minimum": planned_network(*(planned_center(n) for n in range(5)), term_length_s=0, minimum_centers=2),
}


@pytest.fixture(scope="module")
def constructing() -> Iterator[Web3]:
    with chain("--timestamp", str(GENESIS_TIME)) as web3:
        yield web3


@pytest.mark.parametrize("plan", NETWORKS.values(), ids=NETWORKS)
def test_the_alloc_is_what_the_constructors_leave(constructing: Web3, plan: NetworkPlan) -> None:
    creation = deployment_bytecode("PilotRegistry", founders(plan), registry_parameters(plan))
    registry = deploy(constructing, creation, sender=DEPLOYER)
    anchor_log = deploy(constructing, deployment_bytecode("AnchorLog", registry), sender=DEPLOYER)
    evidence = deploy(constructing, deployment_bytecode("EvidenceRegister", registry, anchor_log), sender=DEPLOYER)
    green_asset = deploy(constructing, deployment_bytecode("GreenAsset", registry, evidence), sender=DEPLOYER)
    left = all_storage(constructing)

    assert alloc_storage(plan, PILOT_REGISTRY) == left[registry]
    assert storage_words(artifact("AnchorLog"), {"_registry": registry}) == left[anchor_log]
    # The two anchor logs differ in one thing: where their registry stands.
    assert alloc_storage(plan, ANCHOR_LOG) == {slot: PILOT_REGISTRY.rjust(32, b"\x00") for slot in left[anchor_log]}
    # So with those of green assets: each keeps where the contracts are that it leans on, and nothing else.
    assert storage_words(artifact("EvidenceRegister"), {"_registry": registry, "_anchorLog": anchor_log}) == left[evidence]
    assert storage_words(artifact("GreenAsset"), {"_registry": registry, "_evidenceRegister": evidence}) == left[green_asset]
    fixed = {registry: PILOT_REGISTRY, anchor_log: ANCHOR_LOG, evidence: EVIDENCE_REGISTER}
    for in_genesis, deployed in ((EVIDENCE_REGISTER, evidence), (GREEN_ASSET, green_asset)):
        assert alloc_storage(plan, in_genesis) == {
            slot: fixed[Address(word[12:])].rjust(32, b"\x00") for slot, word in left[deployed].items()
        }
    value: Any = genesis_value(plan)
    places = {PILOT_REGISTRY: registry, ANCHOR_LOG: anchor_log, EVIDENCE_REGISTER: evidence, GREEN_ASSET: green_asset}
    assert {*value["alloc"]} == {place.hex() for place in places}
    for in_genesis, deployed in places.items():
        code = constructing.eth.get_code(Web3.to_checksum_address(deployed))
        assert value["alloc"][in_genesis.hex()]["code"] == Web3.to_hex(code)


def test_forge_begins_with_what_a_genesis_holds() -> None:
    """The contracts' invariants start from this file too, for the network of five centers."""
    value: Any = genesis_value(network_of(5))
    storage = value["alloc"][PILOT_REGISTRY.hex()]["storage"]
    expected = json.dumps({f"0x{PILOT_REGISTRY.hex()}": {"balance": "0x0", "storage": storage}}, indent=1) + "\n"
    if FORGE_ALLOC.read_text(encoding="ascii") != expected:
        NEW_ALLOC.parent.mkdir(exist_ok=True)
        NEW_ALLOC.write_text(expected, encoding="ascii")
        pytest.fail(f"the storage of the genesis has changed; take it over: cp {NEW_ALLOC} {FORGE_ALLOC}")


ONE_TOO_LONG = "é" * 128 + "x"
FIRST = planned_center(0)
REFUSED: dict[str, tuple[NetworkPlan, str]] = {
    "nobody must remain": (replace(network_of(4), minimum_centers=0), "InvalidParameter"),
    "no time to vote": (replace(network_of(4), voting_period_s=0), "InvalidParameter"),
    "too much time to vote": (replace(network_of(4), voting_period_s=36_525 * 86_400 + 1), "InvalidParameter"),
    "a term too long": (replace(network_of(4), term_length_s=36_525 * 86_400 + 1), "InvalidParameter"),
    "fewer than must remain": (replace(network_of(3), minimum_centers=4), "BelowMinimum"),
    "a hundred and one centers": (network_of(101), "TooManyCenters"),
    "small letters": (planned_network(replace(FIRST, economy="pe")), "InvalidEconomy"),
    "no name": (planned_network(replace(FIRST, name="")), "InvalidTextLength"),
    "no origin": (planned_network(replace(FIRST, origin="")), "InvalidTextLength"),
    "name too long": (planned_network(replace(FIRST, name=ONE_TOO_LONG)), "InvalidTextLength"),
    "origin too long": (planned_network(replace(FIRST, origin=ONE_TOO_LONG)), "InvalidTextLength"),
    "endpoint too long": (planned_network(replace(FIRST, endpoint=ONE_TOO_LONG)), "InvalidTextLength"),
    "no log key": (planned_network(replace(FIRST, log_key=bytes(32))), "ZeroLogKey"),
    "no operator": (planned_network(replace(FIRST, operator=Address(bytes(20)))), "ZeroAccount"),
    "one id twice": (planned_network(FIRST, replace(planned_center(1), id=FIRST.id)), "WrongStatus"),
    "one log key twice": (planned_network(FIRST, replace(planned_center(1), log_key=FIRST.log_key)), "LogKeyTaken"),
    "one origin twice": (planned_network(FIRST, replace(planned_center(1), origin=FIRST.origin)), "OriginTaken"),
    "one account for two centers": (planned_network(FIRST, replace(planned_center(1), anchorer=FIRST.operator)), "AccountTaken"),
    "one account for two duties": (planned_network(replace(FIRST, anchorer=FIRST.operator)), "AccountTaken"),
    "one validator twice": (planned_network(FIRST, replace(planned_center(1), validator=FIRST.validator)), "AccountTaken"),
}


@pytest.mark.parametrize(("plan", "name"), REFUSED.values(), ids=REFUSED)
def test_whom_the_constructor_refuses_the_genesis_refuses_too(constructing: Web3, plan: NetworkPlan, name: str) -> None:
    with pytest.raises(GenesisRefused):
        genesis_value(plan)
    creation = deployment_bytecode("PilotRegistry", founders(plan), registry_parameters(plan))
    with pytest.raises(ContractLogicError) as refused:
        constructing.eth.call({"from": Web3.to_checksum_address(DEPLOYER), "data": Web3.to_hex(creation)})
    assert isinstance(refused.value.data, str)
    told = artifact("PilotRegistry").refusal(bytes.fromhex(refused.value.data[2:]))
    assert told.name == name


# ---- a chain that begins with the genesis ----

SEVEN = network_of(7)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web3]:
    file: Path = tmp_path_factory.mktemp("genesis") / "genesis.json"
    file.write_bytes(genesis_bytes(SEVEN))
    with chain("--init", str(file), "--chain-id", str(SEVEN.chain_id)) as web3:
        yield web3


@pytest.fixture
def network(begun: Web3) -> Iterator[Web3]:
    """The chain as it began: whatever a test does is undone after it."""
    snapshot = ask(begun, "evm_snapshot")
    yield begun
    ask(begun, "evm_revert", snapshot)


def test_another_client_finds_the_same_state_root(network: Web3) -> None:
    expected = genesis_block(genesis_value(SEVEN)).state_root
    # anvil reckons no state root for block 0; block 1 leaves the state as it is.
    ask(network, "evm_mine")
    assert bytes(network.eth.get_block(1)["stateRoot"]) == expected
    assert all_storage(network) == {
        at: alloc_storage(SEVEN, at) for at in (PILOT_REGISTRY, ANCHOR_LOG, EVIDENCE_REGISTER, GREEN_ASSET)
    }


def test_the_registry_of_block_0_tells_all_that_the_plan_says(network: Web3) -> None:
    registry = PilotRegistry(network, PILOT_REGISTRY)
    assert registry.validators() == tuple(center.validator.address for center in SEVEN.centers)
    assert registry.parameters() == registry_parameters(SEVEN)
    assert registry.center_ids(0, 100) == tuple(center.id for center in SEVEN.centers)
    for center, candidate in zip(SEVEN.centers, founders(SEVEN), strict=True):
        told = registry.center(center.id)
        assert told is not None
        assert {name: getattr(told, name) for name in candidate.__slots__} == {
            name: getattr(candidate, name) for name in candidate.__slots__
        }
        assert (told.status, told.revision, told.validator_rotated_at) == (CenterStatus.ACTIVE, 1, None)
        assert (told.term_start, told.term_end) == (GENESIS_TIME, GENESIS_TIME + SEVEN.term_length_s)
        (key,) = registry.log_keys(center.id)
        assert (key.key, key.valid_from, key.valid_until) == (center.log_key, GENESIS_TIME, None)
    assert AnchorLog(network, ANCHOR_LOG).registry() == PILOT_REGISTRY


def test_a_founder_anchors_and_the_root_lies_where_proofs_look_for_it(network: Web3) -> None:
    center = SEVEN.centers[3]
    leaves = [leaf_hash(made_up(number, "leaf")) for number in range(5)]
    first, second = root_of(leaves[:2]), root_of(leaves)
    data = AnchorLog.encode_anchor(center.id, TreeSize(2), RootHash(first), [])
    transact(network, data, sender=center.anchorer, to=ANCHOR_LOG)
    data = AnchorLog.encode_anchor(center.id, TreeSize(5), RootHash(second), consistency_proof(leaves, TreeSize(2)))
    transact(network, data, sender=center.anchorer, to=ANCHOR_LOG)
    slot = anchored_root_slot(center.id, TreeSize(5))
    assert bytes(network.eth.get_storage_at(Web3.to_checksum_address(ANCHOR_LOG), int.from_bytes(slot, "big"))) == second


def test_the_founders_admit_another_center_by_vote(network: Web3) -> None:
    registry = PilotRegistry(network, PILOT_REGISTRY)
    (newcomer,) = founders(planned_network(planned_center(50)))
    for sender in range(5):
        assert registry.validators() == tuple(center.validator.address for center in SEVEN.centers)
        (proposal,) = registry.proposal_ids(0, 2) or (None,)
        data = PilotRegistry.encode_nominate(newcomer) if proposal is None else PilotRegistry.encode_vote(proposal)
        transact(network, data, sender=SEVEN.centers[sender].operator, to=PILOT_REGISTRY)
    assert registry.validators()[7:] == (newcomer.validator,)
    assert registry.is_in_good_standing(newcomer.id)


def test_a_founder_leaves_and_the_last_four_cannot(network: Web3) -> None:
    registry = PilotRegistry(network, PILOT_REGISTRY)
    leaving, (last, *rest) = SEVEN.centers[:3], SEVEN.centers[3:]
    for center in leaving:
        # The gas of a transaction is reckoned as of the last block; nobody can move the set in block 0, nor twice in any.
        ask(network, "evm_mine")
        transact(network, PilotRegistry.encode_leave_network(), sender=center.operator, to=PILOT_REGISTRY)
    call: Any = {
        "from": Web3.to_checksum_address(last.operator),
        "to": Web3.to_checksum_address(PILOT_REGISTRY),
        "data": Web3.to_hex(PilotRegistry.encode_leave_network()),
    }
    # A call is answered as of the last block, in which the set has moved.
    ask(network, "evm_mine")
    with pytest.raises(ContractLogicError) as refused:
        network.eth.call(call)
    assert isinstance(refused.value.data, str)
    assert artifact("PilotRegistry").refusal(bytes.fromhex(refused.value.data[2:])).name == "BelowMinimum"
    assert set(registry.validators()) == {center.validator.address for center in (last, *rest)}
    assert [registry.center_of_operator(center.operator) for center in leaving] == [None] * 3
