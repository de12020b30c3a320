"""What a new center does to enter a live network, step by step.

Each step asks the disk or the chain whether it is done, and never a note of an earlier run: so `join` can be run again at any
time, goes on where the network now is, and notices what was undone meanwhile. It ends at the first step that waits for others.

1 keys         the center's keys and its public file, which `init center` makes
2 network      network.toml is the network that a live node runs, by chain id, hash of block 0 and contracts; network.json is made
3 nomination   a center that is in nominates the public file; what was nominated is exactly that
4 endorsement  a quorum of the centers votes for it
5 nodes        the files of this center's nodes
6 sync         the validator, and the RPC node where there is one, answer, are of this network, and are as far as the others
7 first block  a block bears this validator's seal
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from greenlane.adapters.evm.bindings import CenterRecord, CenterStatus, PilotRegistry
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import Keystore, replace_file
from greenlane.adapters.network_file import encode_network, load_network
from greenlane.core.errors import Conflict, InvalidInput
from greenlane.core.pace import MAX_BLOCKS_APART
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address
from greenlane.core.wire import decode_hex, encode_hex

from greenlane_node.besu.access import Clock
from greenlane_node.besu.config import Placement
from greenlane_node.founding.genesis import candidate_of, genesis_bytes, genesis_hash
from greenlane_node.founding.home_files import HomeFiles, held
from greenlane_node.founding.network_description import MOST_RPC_URLS, joined_network, rpc_urls
from greenlane_node.founding.node_files import NetworkFacts, write_nodes
from greenlane_node.founding.server_file import serving_words
from greenlane_node.keys import center_public_keys
from greenlane_node.layout import NetworkLayout
from greenlane_node.membership.permissions import permitted_by
from greenlane_node.nodes.chain_access import ChainAccess, none_answers, open_chain, passed_over, prove_node, refresh_trust
from greenlane_node.nodes.node_view import last_seals, sealing_sets, view_node
from greenlane_node.nodes.own_nodes import OwnNode, own_nodes
from greenlane_node.nodes.rpc import NodeRefused, NodeRpc, NodeSilent
from greenlane_node.peer_identity import parse_swarm_key
from greenlane_node.planning.plan import NetworkPlan, PlannedCenter
from greenlane_node.planning.plan_file import load_center, load_plan
from greenlane_node.registry.candidate import CandidateDiffers, require_same_record
from greenlane_node.registry.governance import Motion, ProposalState, all_centers, find_proposal

_HEADER_HINT: Final = (
    "The validators vote on who seals: every center runs `greenlane-node validators --align` until the set is the registry's. "
)


class StepState(StrEnum):
    """Whether a step is done; DONE_NOW: by this run."""

    DONE = "done"
    DONE_NOW = "done now"
    WAITING = "waiting"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        said: what was found.
        next: what has to be done, and by whom, before it is done; empty where nothing.
    """

    name: str
    state: StepState
    said: str
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What `join` is told.

    Attributes:
        center: file with the public part of the new center, as `init center` wrote it.
        urls: nodes of the live network; none: those of network.json.
        token_file: opens their RPC.
        clock: aware; when tokens of our own nodes begin.
    """

    home: Home
    keystore: Keystore
    center: Path
    urls: Sequence[str]
    token_file: Path | None
    clock: Clock


def join(joining: Joining) -> Iterator[Step]:
    """Each step as it is looked at; the last one waits, or is the last there is.

    Raises:
        PlanInvalid: network.toml or the center's file cannot be used.
        Conflict: keys, files and chain contradict one another.
        NodeSilent, NodeRefused, LedgerMismatch: no node of the network can be asked.
    """
    if not joining.center.exists():
        yield Step(
            name="keys",
            state=StepState.WAITING,
            said=f"There is no {joining.center}.",
            next="Make keys and this file: greenlane-node init center --help.",
        )
        return
    center = load_center(joining.center)
    _require_own_keys(joining, center)
    yield Step(name="keys", state=StepState.DONE, said=f"{joining.center.name} and the keystore agree.")

    plan_file = NetworkLayout(joining.home).plan
    if not plan_file.exists():
        yield Step(
            name="network",
            state=StepState.WAITING,
            said=f"There is no {plan_file}.",
            next="Ask a center that is in for network.toml, and put it there.",
        )
        return
    plan = load_plan(plan_file)
    chain, is_new = _network(joining, plan, center)
    genesis = encode_hex(chain.network.genesis_hash)
    yield Step(
        name="network",
        state=StepState.DONE_NOW if is_new else StepState.DONE,
        said=f"{chain.rpc.url} runs {plan.name}: chain {plan.chain_id}, block 0 is {genesis}.",
    )

    for step in (_nomination, _endorsement):
        looked = step(joining, chain, center)
        yield looked
        if looked.state is StepState.WAITING:
            return
    refresh_trust(chain)

    facts, files = _facts(joining.home, chain, plan, center), HomeFiles()
    placement = Placement.here(joining.home.directory)
    with held(joining.home):
        write_nodes(joining.home, [center], facts, files, keystore=joining.keystore, clock=joining.clock, placement=placement)
    yield Step(
        name="nodes",
        state=StepState.DONE_NOW if files.written else StepState.DONE,
        said=f"{', '.join(node.name for node in center.nodes())}: {len(files.written)} files are new.",
    )
    synced = _sync(chain, center, _own_nodes(joining.home, center))
    yield synced
    if synced.state is not StepState.WAITING:
        yield _first_block(chain, center)


def _require_own_keys(joining: Joining, center: PlannedCenter) -> None:
    public = center_public_keys(joining.keystore, center.id)
    held = (public.operator, public.anchorer, public.log_key, public.validator)
    if held != (center.operator, center.anchorer, center.log_key, center.validator.public_key):
        raise Conflict(
            f"The keys of {center.id} in this folder are not those of its file.",
            where=str(joining.center),
            remedy="Restore the keys, or make the file anew: greenlane-node init center.",
        )


def _network(joining: Joining, plan: NetworkPlan, center: PlannedCenter) -> tuple[ChainAccess, bool]:
    """A live node that is proven to be of the plan's network; network.json where there was none."""
    if joining.home.network_file.exists():
        described = load_network(joining.home.network_file)
        if (described.chain_id, described.genesis_hash) != (plan.chain_id, genesis_hash(plan)):
            raise Conflict(
                "network.json is of another network than network.toml.",
                where=str(joining.home.network_file),
                remedy="Join from a folder of its own: --home.",
            )
        return open_chain(joining.home, joining.urls, joining.token_file), False
    if not joining.urls:
        raise InvalidInput("No node of the live network is known here.", where="--rpc", remedy="Name one: --rpc URL.")
    network = joined_network(plan, genesis_hash(plan), [center], (), joining.urls)
    faults: list[NodeSilent | NodeRefused] = []
    for url in joining.urls:
        rpc = NodeRpc(url, token_file=joining.token_file)
        try:
            web3 = prove_node(rpc, network)
        except (NodeSilent, NodeRefused) as met:
            faults.append(passed_over(met))
            continue
        others = all_centers(PilotRegistry(web3, network.pilot_registry))
        network = joined_network(plan, genesis_hash(plan), [center], others, joining.urls)
        with held(joining.home):
            replace_file(joining.home.network_file, encode_network(network))
        return open_chain(joining.home, joining.urls, joining.token_file), True
    raise none_answers(faults)


def _nomination(joining: Joining, chain: ChainAccess, center: PlannedCenter) -> Step:
    record = chain.registry.center(center.id)
    how = (
        f"Give {joining.center} to a center that is in; there: greenlane-node nominate {joining.center.name}. "
        "It can be sent openly: nothing in it is secret. Then run this again."
    )
    if record is None:
        return Step(name="nomination", state=StepState.WAITING, said="Nobody has nominated this center.", next=how)
    if record.status is CenterStatus.NOMINATED:
        require_same_record(candidate_of(center), record)
        view = find_proposal(chain, center.id, Motion.NOMINATION)
        if view.state is not ProposalState.OPEN:
            return Step(name="nomination", state=StepState.WAITING, said=f"The nomination is {view.state.value}.", next=how)
        return Step(name="nomination", state=StepState.DONE, said=f"Proposal {encode_hex(view.id)[:12]} is open.")
    _require_ours(joining, chain, center, record)
    return Step(name="nomination", state=StepState.DONE, said="It was nominated.")


def _require_ours(joining: Joining, chain: ChainAccess, center: PlannedCenter, record: CenterRecord) -> None:
    """Refuses a center that was admitted under our name and is another's.

    Names and log keys are public, and whoever is in may nominate them with accounts of its own. What was admitted is ours where
    its operator is; then the operator may have rotated the others since, and nobody else can.
    """
    own = {one.address for one in joining.keystore.files() if one.address is not None}
    has_rotated = record.operator in own and record.validator_rotated_at is not None
    accounts = {"operator": record.operator, "anchorer": record.anchorer, "validator": record.validator}
    strange = [
        f"{duty} {encode_hex(account)}"
        for duty, account in accounts.items()
        if account not in own and not (duty == "validator" and has_rotated)
    ]
    if strange:
        raise CandidateDiffers(
            f"The registry has a center {center.id} with accounts of which this home has no key: {', '.join(strange)}.",
            where=str(joining.center),
            remedy="Ask the center that nominated it whose they are. If they are another's, this name and log key are taken: "
            "begin again in a new folder, with another id and new keys (greenlane-node init center), and tell the others. "
            "If your own operator registered a key that lies elsewhere, the center is in: nothing is left to join.",
        )
    for field in ("economy", "name", "origin"):
        if getattr(candidate_of(center), field) != getattr(record, field):
            require_same_record(candidate_of(center), record)
    if record.log_key != center.log_key and center.log_key not in {one.key for one in chain.registry.log_keys(center.id)}:
        require_same_record(candidate_of(center), record)


def _endorsement(joining: Joining, chain: ChainAccess, center: PlannedCenter) -> Step:
    record = chain.registry.center(center.id)
    # The step before has found it.
    assert record is not None  # noqa: S101
    if record.status is CenterStatus.ACTIVE:
        return Step(name="endorsement", state=StepState.DONE, said=f"{center.id} is active; its validator is in the set.")
    if record.status is not CenterStatus.NOMINATED:
        raise Conflict(
            f"The center {center.id} is {record.status.name.lower()}.",
            remedy="A center that left comes back under another id; a suspended or ended one is reinstated by vote.",
        )
    view = find_proposal(chain, center.id, Motion.NOMINATION)
    return Step(
        name="endorsement",
        state=StepState.WAITING,
        said=f"{view.votes} of {view.needed} votes: {', '.join(view.voters)}.",
        next=f"Ask the other centers to vote: greenlane-node endorse {center.id} --candidate {joining.center.name}. "
        "Then run this again.",
    )


def _facts(home: Home, chain: ChainAccess, plan: NetworkPlan, center: PlannedCenter) -> NetworkFacts:
    """What the nodes are told at first: what the registry permits, which `sync-permissions` follows from then on."""
    permitted = permitted_by(chain)
    own = tuple(node.enode for node in center.nodes())
    swarm_key = NetworkLayout(home).swarm_key
    return NetworkFacts(
        genesis=genesis_bytes(plan),
        validators=tuple(dict.fromkeys((center.validator.enode, *permitted.validators))),
        own_enodes=own,
        accounts=tuple(Address(decode_hex(account)) for account in permitted.accounts),
        documents=tuple({one.name: one for one in (*plan.documents(), center.documents) if one is not None}.values()),
        swarm_secret=parse_swarm_key(swarm_key.read_bytes()) if swarm_key.exists() else None,
    )


def _own_nodes(home: Home, center: PlannedCenter) -> tuple[OwnNode, ...]:
    """The center's Besu nodes, the validator first."""
    here = {node.name: node for node in own_nodes(home)}
    return tuple(here[node.name] for node in center.nodes())


def _sync(chain: ChainAccess, center: PlannedCenter, nodes: Sequence[OwnNode]) -> Step:
    let_in = (
        "Start it: greenlane-node up. Its peers let it in when every center has run `greenlane-node sync-permissions`; run that "
        "here too. See greenlane-node logs, and doctor. Then run this again."
    )
    said = []
    for node in nodes:
        try:
            prove_node(node.rpc(), chain.network)
            own, others = view_node(node.rpc(), None), view_node(chain.rpc, None)
        except (NodeSilent, NodeRefused) as fault:
            return Step(name="sync", state=StepState.WAITING, said=f"{node.name}: {fault.detail}", next=let_in)
        behind = others.head - own.head
        peers = "unknown" if own.peers is None else own.peers
        said.append(f"{node.name} is at block {own.head}, the network at {others.head}; peers: {peers}.")
        if behind > MAX_BLOCKS_APART or own.is_syncing:
            what_next = "Wait, and run this again." if own.peers else let_in
            return Step(name="sync", state=StepState.WAITING, said=" ".join(said), next=what_next)
    _prefer_own(chain, center)
    return Step(name="sync", state=StepState.DONE, said=" ".join(said))


def _prefer_own(chain: ChainAccess, center: PlannedCenter) -> None:
    """From now on our own nodes are asked, as at a founder: the one that let us look in gave its token to `join` alone."""
    with held(chain.home):
        network = load_network(chain.home.network_file)
        first = rpc_urls([center], Placement.here(chain.home.directory))
        here = {node.rpc_url for node in own_nodes(chain.home)} - {*first}
        urls = (*first, *(url for url in network.rpc_urls if url in here))[:MOST_RPC_URLS]
        if urls != network.rpc_urls:
            replace_file(chain.home.network_file, encode_network(replace(network, rpc_urls=urls)))


def _is_in(home: Home) -> str:
    file = NetworkLayout(home).server_environment
    return f"The center is in. Its server: {serving_words(file)}" if file.exists() else "The center is in."


def _first_block(chain: ChainAccess, center: PlannedCenter) -> Step:
    name = "first block"
    if chain.network.sealing is None:
        return Step(name=name, state=StepState.NOT_CHECKED, said="Nobody seals the blocks of this chain.")
    record = chain.registry.center(center.id)
    validator = center.validator.address if record is None else record.validator
    sets = sealing_sets(chain)
    # With the others counted in, it looks back far enough to meet each of them.
    seals = last_seals(chain.rpc, sets.head, tuple({*sets.seals_next, validator}))
    found = seals.blocks.get(validator)
    if found is None:
        return Step(
            name=name,
            state=StepState.WAITING,
            said=f"None of the blocks {seals.first} to {sets.head} bears a seal of {encode_hex(validator)}.",
            next=f"{_HEADER_HINT if chain.network.sealing.mode is ValidatorMode.HEADER else ''}"
            "Look whether the node runs with this key and has peers: greenlane-node doctor. Then run this again.",
        )
    return Step(
        name=name, state=StepState.DONE, said=f"Block {found} bears a seal of {encode_hex(validator)}. {_is_in(chain.home)}"
    )
