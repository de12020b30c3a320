"""The steps of a trial, in the order in which they build on each other; see scenario.py."""

import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

from greenlane.adapters.evm.bindings import AnchorLog, PilotRegistry
from greenlane.adapters.evm.standing import check_contracts
from greenlane.adapters.home import Home
from greenlane.adapters.network_file import load_network
from greenlane.core.header import Header
from greenlane.core.receipt import Receipt, encode_receipt, parse_receipt
from greenlane.core.sealing import signers
from greenlane.core.seals import SealedState
from greenlane.core.units import Address
from greenlane_node.layout import NetworkLayout
from network.scenario import (
    ANCHOR_LIMIT_S,
    RESUME_LIMIT_S,
    SEALING_BLOCKS,
    STANDSTILL_LIMIT_S,
    UP_LIMIT_S,
    VALIDATORS,
    Step,
    StepFailed,
    Trial,
)
from worlds.machine import free_port

from scripts.running import BIN, Child

_MEMBER = "cooperative"
_EVENTS = 3
_FIFTH = "valparaiso"


def up(trial: Trial) -> str:
    """`up --local 4`: a network where there was none."""
    trial.homes.append(trial.home)
    arguments = ["up", "--local", str(VALIDATORS), "--validators", trial.mode.value, *trial.up_arguments]
    if trial.ipfs is None:
        arguments.append("--without-documents")
    # The folder is there before the nodes are, so that whatever starts is found again and ended.
    rows = trial.node(*arguments, *trial.programs(documents=True), limit_s=UP_LIMIT_S)
    names = [row["node"] for row in rows]
    if len([name for name in names if name.startswith("validator-")]) != VALIDATORS or any(row["pid"] is None for row in rows):
        raise StepFailed(f"not all nodes run: {rows}")
    shutil.copyfile(Home(trial.home).trust_file, trial.founding_trust)
    trial.center = trial.network().hosted[0]
    return ", ".join(names)


def up_again_starts_nothing(trial: Trial) -> str:
    """A second `up` leaves everything as it is."""
    rows = trial.node("up", *trial.programs(documents=True), limit_s=UP_LIMIT_S)
    if not all(row["was_running"] for row in rows):
        raise StepFailed(f"something was started again: {rows}")
    return "nothing was started twice"


def all_validators_seal(trial: Trial) -> str:
    """Every validator is seen as miner or among the seals within a dozen blocks."""
    sealing = trial.network().sealing
    wanted = set() if sealing is None else set(sealing.sets[0].validators)
    if len(wanted) != VALIDATORS:
        raise StepFailed(f"network.json names {len(wanted)} validators")
    first = max(1, trial.head())
    trial.wait("a dozen blocks", lambda: trial.head() >= first + SEALING_BLOCKS, ANCHOR_LIMIT_S)
    seen: set[Address] = set()
    for number in range(first, first + SEALING_BLOCKS):
        header = trial.header(number)
        seen |= {header.miner, *signers(header)}
    if seen != wanted:
        raise StepFailed(f"sealed by {len(seen)}, of {len(wanted)} validators: {_hex(seen)} for {_hex(wanted)}")
    return f"blocks {first} to {first + SEALING_BLOCKS - 1} were sealed by all {len(seen)}"


def contracts_answer(trial: Trial) -> str:
    """The contracts stand from block 0 on; registry, client and network.json name one validator set."""
    network, web3 = trial.network(), trial.rpc().web3()
    check_contracts(web3, network.pilot_registry, network.anchor_log, network.assets)
    registered = set(PilotRegistry(web3, network.pilot_registry).validators())
    told = trial.rpc(trial.validators()[0]).call("qbft_getValidatorsByBlockNumber", "latest")
    if not isinstance(told, list) or {"0x" + one.hex() for one in registered} != {str(one).lower() for one in told}:
        raise StepFailed(f"the registry names {_hex(registered)}, the client {told}")
    genesis = trial.rpc().call("eth_getBlockByNumber", "0x0", False)
    if not isinstance(genesis, dict) or genesis["hash"] != "0x" + network.genesis_hash.hex():
        raise StepFailed("the chain begins with another block than network.json says: genesis.py and the client differ")
    return f"registry and anchor log answer, {len(registered)} validators, genesis 0x{network.genesis_hash.hex()[:16]}…"


def server_starts(trial: Trial) -> str:
    """Server and worker over the RPC node, with its token."""
    home, port = trial.home, free_port()
    trial.url = f"http://127.0.0.1:{port}"
    settings = {
        "GREENLANE_HOME": str(home),
        "GREENLANE_PORT": str(port),
        "GREENLANE_RECHECK_INTERVAL_S": "2",
        "GREENLANE_KEY_RATE": "100000",
        "GREENLANE_PUBLIC_RATE": "100000",
    }
    settings["GREENLANE_RPC_TOKEN_FILE"] = str(NetworkLayout(Home(home)).api_tokens)
    trial.environment = {**trial.environment, **settings}
    trial.key_file = trial.folder / "member.key"
    of = ["--center", trial.center]
    trial.greenlane("members", "put", _MEMBER, *of, "--name", "Cooperative", "--visibility", "public", limit_s=120)
    trial.greenlane("keys", "create", *of, "--role", "member", "--member", _MEMBER, "-o", trial.key_file, limit_s=120)
    # Two processes, as an operator has them.
    for name, command in (("server", ["serve", "--no-worker"]), ("worker", ["worker"])):
        log = trial.folder / f"{name}.log"
        trial.children.append(Child(name, [BIN / "greenlane", *command], log=log, environment=trial.variables()))
    server = trial.children[0]
    server.wait_ready(f"{trial.url}/health/ready", patience_s=120)
    return f"{trial.url} serves {trial.center}, with a token for the RPC node"


def capture_becomes_sealed(trial: Trial) -> str:
    """Captured, anchored, sealed; the receipt verifies with no connection, and not with one bit changed."""
    hashes = trial.capture(_EVENTS)
    anchored_s = trial.wait_anchored()
    receipt = trial.fetch_sealed("first", hashes[0])
    words = _verified(trial, receipt)
    for changed in _flipped(parse_receipt(receipt.read_bytes())):
        path = trial.folder / "receipt-flipped.json"
        path.write_bytes(encode_receipt(changed))
        code, said = trial.verify(path, trial.founding_trust)
        if code != 1:
            raise StepFailed(f"a receipt with a changed bit ended with {code}: {said[-400:]}")
    return f"anchored after {anchored_s:.1f} s; offline: {words}; changed bits are refused"


def one_validator_less(trial: Trial) -> str:
    """One of four down: blocks go on, only slower."""
    name = trial.validators()[-1]
    trial.node("down", "--node", name)
    first, began = trial.head(), time.monotonic()
    trial.wait("six blocks", lambda: trial.head() >= first + 6, ANCHOR_LIMIT_S)
    per_block_s = (time.monotonic() - began) / (trial.head() - first)
    hashes = trial.capture(_EVENTS)
    anchored_s = trial.wait_anchored()
    _verified(trial, trial.fetch_sealed("one-down", hashes[0]))
    return f"without {name}: {per_block_s:.1f} s a block, anchored after {anchored_s:.1f} s"


def two_validators_less(trial: Trial) -> str:
    """Two of four down: the chain stands still, that is said, and captures are taken all the same."""
    name = trial.validators()[-2]
    trial.node("down", "--node", name)

    def is_told() -> bool:
        status, report = trial.get("/health/ready")
        chain = next(one for one in report["probes"] if one["name"] == "chain")
        return status == 200 and chain["verdict"] == "failed" and "stands still" in chain["words"]

    told_s = trial.wait("readiness says that the chain stands still", is_told, STANDSTILL_LIMIT_S)
    # Looked at now, and not before: a block that was on its way might still have come.
    head, before = trial.head(), trial.log()
    _, metrics = trial.get("/metrics")
    if re.search(r"^greenlane_chain_stands_still 1(\.0)?$", metrics, re.MULTILINE) is None:
        raise StepFailed("metrics do not say that the chain stands still")
    trial.capture(_EVENTS)
    # The report is looked at once a second, whoever asks.
    trial.wait("captures are counted", lambda: trial.log()["captured"] == before["captured"] + _EVENTS, STANDSTILL_LIMIT_S)
    if trial.log()["anchored"] != before["anchored"]:
        raise StepFailed(f"captures do not wait: {before} became {trial.log()}")
    if trial.head() != head:
        raise StepFailed(f"blocks were made by two of four: {head} became {trial.head()}")
    return f"still at block {head}; said after {told_s:.0f} s; {_EVENTS} captures taken and waiting"


def all_restarted_together(trial: Trial) -> str:
    """The drill for a lost quorum: all validators at one moment; the queue drains, and nothing is there twice."""
    head = trial.head()
    trial.node("restart", *trial.programs(), "--no-wait", limit_s=UP_LIMIT_S)
    first_s = trial.wait("the first block after the restart", lambda: trial.head() > head, RESUME_LIMIT_S)
    drained_s = trial.wait_anchored()
    return f"first block {first_s:.1f} s after all answered, queue empty {drained_s:.1f} s later; {_nothing_twice(trial)}"


def a_fifth_center_joins(trial: Trial) -> str:
    """A center that was no founder: nominated, endorsed by a quorum, let in by the others, and then it seals."""
    home, began = trial.fifth_home, time.monotonic()
    trial.homes.append(home)
    made = trial.node("init", "center", *_fifth_arguments(trial), home=home)
    shutil.copyfile(NetworkLayout(Home(trial.home)).plan, NetworkLayout(Home(home)).plan)
    if trial.ipfs is not None:
        shutil.copyfile(NetworkLayout(Home(trial.home)).swarm_key, NetworkLayout(Home(home)).swarm_key)
    token = trial.node("token", "--for", _FIFTH, "--days", "1")
    asked = ["--rpc", token["url"], "--token-file", token["file"]]
    _joins(trial, asked, until="nomination")
    candidate = Path(made["file"])
    centers = [center.id for center in trial.network().centers]
    trial.node("nominate", candidate, "--center", centers[0])
    votes = 1
    for center in centers[1:]:
        if Address(bytes.fromhex(made["validator"][2:])) in trial.registered_validators():
            break
        trial.node("endorse", _FIFTH, "--candidate", candidate, "--center", center)
        votes += 1
    _joins(trial, asked, until="sync")
    trial.node("sync-permissions")
    trial.node("up", *trial.programs(documents=True), home=home, limit_s=UP_LIMIT_S)
    trial.wait("the fifth validator seals", lambda: _joined(trial, asked), UP_LIMIT_S)
    account = Address(bytes.fromhex(made["validator"][2:]))
    trial.wait("a block by the fifth validator", lambda: account in _sealed_by(trial), ANCHOR_LIMIT_S)
    if len(trial.registered_validators()) != VALIDATORS + 1:
        raise StepFailed(f"the registry names {_hex(set(trial.registered_validators()))}")
    # What it has joined by serves it from now on without the token of another center, and is written anew like a founder's.
    own = [node.rpc_url for node in sorted(trial.nodes(home), key=lambda node: node.is_validator)]
    if list(load_network(Home(home).network_file).rpc_urls) != own:
        raise StepFailed(f"its server would not ask its own nodes {own} first")
    if trial.node("init", "network", "--rewrite", home=home)["written"]:
        raise StepFailed("its files are not what `init network --rewrite` writes")
    bad = [look for look in trial.node("doctor", home=home, code=None) if look["finding"] == "bad"]
    if [look for look in bad if look["name"] != "disk is free"]:
        raise StepFailed(f"its doctor finds {bad}")
    return f"in with {votes} votes, sealing {time.monotonic() - began:.0f} s after its keys were made"


def a_center_leaves(trial: Trial) -> str:
    """A founder leaves for good: the others go on, its validator may be ended, and its seals are no more among theirs."""
    center = trial.network().centers[-1]
    if center.id == _FIFTH or center.id == trial.center:
        raise StepFailed("this center cannot be the one that leaves")
    trial.node("leave", "--center", center.id, "--confirm", center.id)
    head = trial.head()
    trial.wait("the blocks in which it still seals", lambda: trial.head() >= head + 2, ANCHOR_LIMIT_S)
    for home in (trial.home, trial.fifth_home):
        trial.node("sync-permissions", home=home)
    trial.node("down", "--node", f"validator-{center.id}")
    first = trial.head() + 1
    trial.wait("blocks without it", lambda: trial.head() >= first + VALIDATORS, ANCHOR_LIMIT_S)
    if center.validator in trial.registered_validators() or center.validator in _sealed_by(trial, VALIDATORS):
        raise StepFailed(f"{center.id} is still in the set")
    return f"{center.id} left at block {head}; {len(trial.registered_validators())} go on"


def a_validator_key_is_replaced(trial: Trial) -> str:
    """A founder's validator gets another key: registered, let in, restarted under it, and then that one seals."""
    center = trial.network().centers[1]
    before = set(trial.registered_validators())
    trial.node("rotate-key", "validator", "--center", center.id)
    (new,) = set(trial.registered_validators()) - before
    for home in (trial.home, trial.fifth_home):
        trial.node("sync-permissions", home=home)
    trial.node("restart", "--node", f"validator-{center.id}", "--no-wait", *trial.programs(), limit_s=UP_LIMIT_S)
    sealed_s = trial.wait("a block by the new key", lambda: new in _sealed_by(trial), ANCHOR_LIMIT_S)
    if center.validator in _sealed_by(trial, VALIDATORS):
        raise StepFailed(f"the old key of {center.id} still seals")
    return f"{center.id} seals as 0x{new.hex()[:8]}… {sealed_s:.1f} s after its restart"


def a_receipt_of_before_still_verifies(trial: Trial) -> str:
    """The set has changed: with the trust file of the first day a new receipt verifies, and an old one does still."""
    hashes = trial.capture(_EVENTS)
    trial.wait_anchored()
    receipt = trial.fetch_sealed("after", hashes[0])
    seals = parse_receipt(receipt.read_bytes()).seals
    changes = 0 if seals is None else len(seals.changes)
    if changes == 0:
        raise StepFailed("the new receipt carries no change of the validator set")
    new, old = _verified(trial, receipt), _verified(trial, trial.receipts["first"])
    return f"new, over {changes} changes of the set: {new}; made before: {old}"


def down_ends_everything(trial: Trial) -> str:
    """`down` ends all nodes, and keeps no key in the clear."""
    for child in trial.children:
        child.stop()
    processes = []
    for home in trial.homes:
        rows = trial.node("down", home=home, limit_s=UP_LIMIT_S)
        killed = [row["node"] for row in rows if row["ended"].startswith("killed")]
        if killed:
            raise StepFailed(f"did not end by themselves: {killed}")
        processes += [row["node"] for row in rows if row["ended"] == "stopped"]
        layout = NetworkLayout(Home(home))
        left = [*layout.run("x").parent.glob("*.json"), *layout.genesis.parent.glob("*/key")]
        if left:
            raise StepFailed(f"left behind: {left}")
    return f"{len(processes)} nodes ended, no key left in the clear"


def _fifth_arguments(trial: Trial) -> list[str]:
    """A validator and an RPC node, whose ports follow the validator's, and a documents node where the founders have some."""
    base = trial.fifth_base_port
    who = ["--id", _FIFTH, "--name", "Pilot Center Valparaíso", "--economy", "CL", "--origin", f"{_FIFTH}.greenlane.example/log"]
    where = ["--host", "127.0.0.1", "--p2p-port", str(base), "--rpc-port", str(base + 2), "--metrics-port", str(base + 4)]
    documents = ["--documents", "--swarm-port", str(base + 6), "--documents-rpc-port", str(base + 7)]
    return [*who, *where, "--rpc-node", *(documents if trial.ipfs is not None else ())]


def _joins(trial: Trial, asked: list[str], *, until: str) -> None:
    """Runs `join` as far as it goes, which must be that step."""
    told = trial.node("join", *asked, home=trial.fifth_home, code=1)
    if told["steps"][-1]["step"] != until:
        raise StepFailed(f"joining waits at {told['steps'][-1]}, and not at {until}")


def _joined(trial: Trial, asked: list[str]) -> bool:
    try:
        told = trial.node("join", *asked, home=trial.fifth_home, code=0)
    except StepFailed:
        return False
    return bool(told["joined"])


def _sealed_by(trial: Trial, newest: int = 2 * VALIDATORS) -> set[Address]:
    """Who proposed or sealed the newest blocks."""
    head = trial.head()
    headers = [trial.header(number) for number in range(max(1, head - newest + 1), head + 1)]
    return {header.miner for header in headers} | {one for header in headers for one in signers(header)}


def _verified(trial: Trial, receipt: Path) -> str:
    code, said = trial.verify(receipt, trial.founding_trust)
    if code != 0:
        raise StepFailed(f"{receipt.name} ended with {code}: {said[-800:]}")
    return next((line.strip() for line in said.splitlines() if "seal" in line.lower()), said.splitlines()[0])


def _flipped(receipt: Receipt) -> list[Receipt]:
    """The receipt with one bit changed in the sealed header's state root, in a seal, and in the witness."""
    seals = receipt.seals
    if seals is None:
        raise StepFailed("the receipt carries no seals")
    anchored, header = seals.anchored, Header.decode(seals.anchored.header)
    first, *others = header.extra.seals
    wrong_root = replace(header, state_root=_flip(header.state_root))
    wrong_seal = replace(header, extra=replace(header.extra, seals=(_flip(first), *others)))
    changed: list[SealedState] = [replace(anchored, header=one.encode()) for one in (wrong_root, wrong_seal)]
    changed.append(replace(anchored, witness=(_flip(anchored.witness[0]), *anchored.witness[1:])))
    return [replace(receipt, seals=replace(seals, anchored=one)) for one in changed]


def _flip(data: bytes) -> bytes:
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _nothing_twice(trial: Trial) -> str:
    """Every event once in the log, the log once on the chain, and fsck finds nothing."""
    network = trial.network()
    head = AnchorLog(trial.rpc().web3(), network.anchor_log).head(trial.center)
    log = trial.log()
    if head is None or not head.tree_size == log["captured"] == len(set(trial.captured)):
        raise StepFailed(f"{len(set(trial.captured))} events, log {log}, chain {head}")
    trial.greenlane("fsck", limit_s=120)
    return f"{head.tree_size} entries in log and chain, fsck clean"


def _hex(addresses: set[Address]) -> str:
    return ", ".join(sorted(one.hex()[:8] for one in addresses))


CONTRACT_STEPS: tuple[tuple[str, Step], ...] = (
    ("four validators and an RPC node start, find each other and make blocks", up),
    ("a second `up` starts nothing", up_again_starts_nothing),
    ("all validators seal", all_validators_seal),
    ("the contracts answer", contracts_answer),
    ("server and worker start over the RPC node", server_starts),
    ("capture → anchored → sealed receipt, verified offline", capture_becomes_sealed),
    ("one validator stopped: anchoring goes on", one_validator_less),
    ("two stopped: it is said that the chain stands still, captures wait", two_validators_less),
    ("all validators restarted together: the queue drains, nothing twice", all_restarted_together),
    ("a fifth center joins and seals", a_fifth_center_joins),
    ("one center leaves, the others go on", a_center_leaves),
    ("a validator's key is replaced", a_validator_key_is_replaced),
    ("receipts verify over the changes of the set", a_receipt_of_before_still_verifies),
    ("down ends everything", down_ends_everything),
)
HEADER_STEPS: tuple[tuple[str, Step], ...] = (
    ("four validators and an RPC node start, find each other and make blocks", up),
    ("all validators seal", all_validators_seal),
    ("the contracts answer", contracts_answer),
    ("server and worker start over the RPC node", server_starts),
    ("capture → anchored → sealed receipt, verified offline", capture_becomes_sealed),
    ("one validator stopped: anchoring goes on", one_validator_less),
    ("down ends everything", down_ends_everything),
)
