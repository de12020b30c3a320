"""The files of one home's nodes, for founders and for those who join alike: what is there stays, what is missing is made."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from greenlane.adapters.entropy import random_bytes
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyMissing, Keystore, KeyUse
from greenlane.core.canonical import parse_json
from greenlane.core.errors import InvalidInput
from greenlane.core.units import Address

from greenlane_node.besu.access import OPERATOR_PERMISSIONS, Clock, RpcAccess
from greenlane_node.besu.config import (
    Placement,
    allowed_accounts_file,
    allowed_nodes_file,
    besu_config,
    enode_file,
    log_config,
    static_nodes_file,
)
from greenlane_node.founding.genesis import genesis_block
from greenlane_node.founding.home_files import OTHER_FOLDER, AnotherPlan, HomeFiles, make_private
from greenlane_node.founding.server_file import write_server_environment
from greenlane_node.founding.token_files import write_api_tokens, write_token
from greenlane_node.keys import EnodeInvalid, key_name, node_key_file, parse_enode
from greenlane_node.kubo.config import kubo_config, kubo_repository
from greenlane_node.layout import NetworkLayout
from greenlane_node.nodes.own_nodes import account_of, own_nodes
from greenlane_node.peer_identity import encode_swarm_key
from greenlane_node.planning.plan import NodeRole, PlannedCenter, PlannedDocuments, PlannedNode

TOKEN_BYTES: Final = 32


class SwarmKeyMissing(InvalidInput):
    """Documents nodes of several folders need one key, and this folder was not given it."""

    code = "swarm-key-missing"
    default_remedy = "Give --swarm-key FILE: the one who puts the network together makes it (`greenlane-node init swarm-key`)."


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """What a center's nodes must be told of the network, at its founding or when they join.

    Attributes:
        genesis: the file, byte for byte.
        validators: enode URLs of all centers' validators, its own among them.
        own_enodes: of all Besu nodes of this home folder.
        accounts: of operators and anchorers of all active centers.
        documents: the documents nodes of all centers.
        swarm_secret: of the private swarm, SWARM_KEY_BYTES; None where the center has no documents node.
    """

    genesis: bytes
    validators: tuple[str, ...]
    own_enodes: tuple[str, ...]
    accounts: tuple[Address, ...]
    documents: tuple[PlannedDocuments, ...]
    swarm_secret: bytes | None


def write_nodes(
    home: Home,
    centers: Sequence[PlannedCenter],
    facts: NetworkFacts,
    files: HomeFiles,
    *,
    keystore: Keystore,
    clock: Clock,
    placement: Placement,
    opens_keys: bool = False,
) -> None:
    """Makes the files of some centers' nodes, in a network that exists or is about to.

    Args:
        files: says whether configurations are written anew, and is told what was done.
        placement: where the nodes see the folder.
        opens_keys: write the nodes' keys in the clear too, for what starts them without us.

    Raises:
        AnotherPlan: the folder holds another genesis.
        KeyMissing, KeyFileInvalid, WrongPassword, WrongUse: a node's key is not there or cannot be opened.
        SwarmKeyMissing: a center has a documents node, and the swarm's secret is not given.
    """
    layout = NetworkLayout(home)
    # Not byte for byte: where a lost quorum is overridden, it is in this file, and block 0 stays the same.
    if layout.genesis.exists() and _first_block(layout.genesis.read_bytes()) != _first_block(facts.genesis):
        raise AnotherPlan("This folder holds the genesis of another network.", where=str(layout.genesis), remedy=OTHER_FOLDER)
    with_documents = [center.id for center in centers if center.documents is not None]
    if with_documents and facts.swarm_secret is None:
        raise SwarmKeyMissing(
            f"{with_documents[0]} has a documents node, and no key of the swarm is here.", where=str(layout.swarm_key)
        )
    if facts.swarm_secret is not None:
        files.once(layout.swarm_key, encode_swarm_key(facts.swarm_secret))
    for center in centers:
        _write_center(layout, center, facts, files, keystore, clock, placement)
    if opens_keys:
        for center in centers:
            for node in center.nodes():
                files.current(layout.besu(node.name).key, _node_key(home, keystore, node.name))
    write_api_tokens(layout, centers, keystore, clock, files, placement)
    # Containers are given variables by whoever composes them.
    if not placement.is_contained:
        write_server_environment(layout, centers, files)


def _first_block(genesis: bytes) -> bytes | None:
    try:
        value = parse_json(genesis)
        return genesis_block(value).block_hash() if isinstance(value, dict) else None
    except InvalidInput:
        return None


def _node_key(home: Home, keystore: Keystore, name: str) -> bytes:
    """Of the key that the node has now: its enode follows a rotation, and the plan does not."""
    account = next((account_of(node) for node in own_nodes(home) if node.name == name), None)
    key = next((one.name for one in keystore.files() if account is not None and one.address == account), None)
    if key is None:
        raise KeyMissing(f"The key of {name} is not in this folder.", where=str(home.keys), remedy="Restore it from a backup.")
    return node_key_file(keystore, key)


def _write_center(
    layout: NetworkLayout,
    center: PlannedCenter,
    facts: NetworkFacts,
    files: HomeFiles,
    keystore: Keystore,
    clock: Clock,
    placement: Placement,
) -> None:
    files.once(layout.genesis, facts.genesis)
    for planned in center.nodes():
        folder = layout.besu(planned.name)
        files.once(folder.enode, enode_file(planned))
        node = _as_met_now(planned, folder.enode)
        files.made(folder.log_config, log_config(node.name, placement))
        # Allowed before called, in this order: a node does not start where a static node is not on its allowlist.
        files.once(folder.allowed_nodes, allowed_nodes_file({*facts.validators, *facts.own_enodes}))
        files.once(folder.static_nodes, static_nodes_file(node, facts.validators))
        files.once(folder.allowed_accounts, allowed_accounts_file(facts.accounts))
        if node.role is NodeRole.RPC:
            access = RpcAccess.of_center(keystore, center.id, clock=clock)
            files.made(folder.jwt_key, access.public_key_pem())
            write_token(layout.token(node.name), access, OPERATOR_PERMISSIONS, clock, files)
        make_private(folder.data)
        # Last: a folder with a config.toml is a node.
        files.made(folder.config, besu_config(node, placement))
    if center.documents is not None and facts.swarm_secret is not None:
        _write_documents_node(layout, center.documents, facts, files, keystore, placement)


def _as_met_now(node: PlannedNode, enode: Path) -> PlannedNode:
    """A node that has moved since it was planned is met where its enode says."""
    try:
        _, host, port = parse_enode(enode.read_text(encoding="ascii").strip())
    except (UnicodeDecodeError, EnodeInvalid):
        return node
    return replace(node, host=host, p2p_port=port)


def _write_documents_node(
    layout: NetworkLayout,
    node: PlannedDocuments,
    facts: NetworkFacts,
    files: HomeFiles,
    keystore: Keystore,
    placement: Placement,
) -> None:
    folder = layout.kubo(node.name)
    token = _token_in(folder / "config") or random_bytes(TOKEN_BYTES).hex()
    files.once(layout.token(node.name), token.encode() + b"\n")
    repository = Path(kubo_repository(folder))
    files.once(repository / "swarm.key", encode_swarm_key(facts.swarm_secret or b""))
    config = kubo_config(
        node,
        facts.documents,
        seed=keystore.secret(key_name(node.center, KeyUse.DOCUMENTS), KeyUse.DOCUMENTS),
        token=layout.token(node.name).read_text(encoding="ascii").strip(),
        is_contained=placement.is_contained,
    )
    files.made(folder / "config", config)
    # Kubo has made its repository out of this file, and reads its own copy since.
    if (repository / "config").exists():
        files.made(repository / "config", config)


def _token_in(config: Path) -> str | None:
    """The token that a Kubo node's configuration has, should the file with it be lost."""
    try:
        secret = json.loads(config.read_bytes())["API"]["Authorizations"]["greenlane"]["AuthSecret"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return secret.removeprefix("bearer:") if isinstance(secret, str) else None
