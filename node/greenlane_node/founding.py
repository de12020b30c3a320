"""What `init` does: out of a plan and the keys of a home folder it makes the files of this home's nodes, once.

- Run again it changes nothing: what is there stays, and what is missing is made. A key is never made twice, and a plan never
  replaced by another: that would be another network.
- A home folder serves one or more centers of the plan: those whose keys lie in its keystore. Their keys must be those that the
  plan names, or nothing is written.
- network.toml is the first file and network.json the last, so that a folder without network.json was not finished. The next run
  goes on from there.
- Allowlists and static nodes are made for the founders, and afterwards belong to `sync-permissions`.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from greenlane.adapters.entropy import random_bytes
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyMissing, Keystore, KeyUse, replace_file, write_new_file
from greenlane.adapters.network_file import CenterKeyNames, Network, NetworkCenter, encode_network, load_network
from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.crypto import CURVE_SECRET_BYTES, ED25519_SEED_BYTES, ed25519_public_key, secp256k1_public_key
from greenlane.core.errors import Conflict, Faults, GreenlaneError, InvalidInput
from greenlane.core.note import VerifierKey
from greenlane.core.seals import Sealing, ValidatorMode, ValidatorSet
from greenlane.core.trust import LogKeyTerm, TrustedCenter, TrustFile, encode_trust_file
from greenlane.core.units import Address, BlockNumber, CenterId

from greenlane_node.besu.access import (
    API_PERMISSIONS,
    OPERATOR_PERMISSIONS,
    RENEWAL_DAYS,
    TOKEN_DAYS,
    RpcAccess,
    TokenRefused,
)
from greenlane_node.besu.config import (
    Placement,
    allowed_accounts_file,
    allowed_nodes_file,
    besu_config,
    enode_file,
    founding_accounts,
    founding_validators,
    log_config,
    static_nodes_file,
)
from greenlane_node.genesis import genesis_bytes, genesis_hash
from greenlane_node.keys import (
    CenterPublicKeys,
    center_public_keys,
    key_name,
    make_center_keys,
    node_key_file,
)
from greenlane_node.kubo.config import kubo_config, kubo_repository
from greenlane_node.kubo.identity import SWARM_KEY_BYTES, encode_swarm_key, parse_swarm_key, peer_id
from greenlane_node.layout import NetworkLayout
from greenlane_node.plan import (
    ANCHOR_LOG,
    PILOT_REGISTRY,
    NetworkPlan,
    NodeRole,
    PlannedCenter,
    PlannedDocuments,
    PlannedNode,
)
from greenlane_node.plan_file import (
    encode_center,
    encode_plan,
    load_plan,
)

TOKEN_BYTES: Final = 32
_LOOPBACK = "127.0.0.1"
# What a description of a network may name.
_MOST_RPC_URLS = 16
OTHER_FOLDER: Final = "Choose another folder with --home: a network is never replaced by another."


_NOBODYS_KEYS: Final = CenterPublicKeys(
    operator=Address(b"\x01" * ADDRESS_BYTES),
    anchorer=Address(b"\x02" * ADDRESS_BYTES),
    log_key=ed25519_public_key(b"\x01" * ED25519_SEED_BYTES),
    validator=secp256k1_public_key(b"\x01" * CURVE_SECRET_BYTES),
    rpc_node=secp256k1_public_key(b"\x02" * CURVE_SECRET_BYTES),
    peer_id=peer_id(ed25519_public_key(b"\x02" * ED25519_SEED_BYTES)),
)
"""Sound in form, so that what else is said of a center can be looked at."""
Clock = Callable[[], datetime]


class AnotherPlan(Conflict):
    """The folder holds another network than the one that is asked for; `where` names the file that says so."""

    code = "another-plan"


class KeysDiffer(Conflict):
    """The keys of this folder are not those that the plan names for a center."""

    code = "keys-differ"


class SwarmKeyMissing(InvalidInput):
    """Documents nodes of several folders need one key, and this folder was not given it."""

    code = "swarm-key-missing"
    default_remedy = "Give --swarm-key FILE: the one who puts the network together makes it (`greenlane-node init swarm-key`)."


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePorts:
    """Where a Besu node is; `host` is the IP address that peers reach it at."""

    host: str
    p2p_port: int
    rpc_port: int
    metrics_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsPorts:
    """Where a Kubo node is; `host` is the IP address that peers reach it at."""

    host: str
    swarm_port: int
    rpc_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterSite:
    """A center as its operator describes it, before it has keys.

    Attributes:
        economy: ISO 3166-1 alpha-2.
        origin: of its log.
        endpoint: URL of its API; empty where it has none yet.
        validator: where its node that seals is.
        rpc_node, documents: where these nodes are; None where it has none.
    """

    id: CenterId
    name: str
    economy: str
    origin: str
    endpoint: str
    validator: NodePorts
    rpc_node: NodePorts | None = None
    documents: DocumentsPorts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """What was done to a home folder.

    Attributes:
        own: the centers whose nodes it holds.
        written: files made or replaced now.
        kept: files that were there and stayed.
    """

    plan: NetworkPlan
    genesis_hash: bytes
    own: tuple[CenterId, ...]
    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def make_private(directory: Path) -> None:
    """Makes a folder that only its owner can enter, and such parents where they are missing."""
    # Path.mkdir gives its mode to the last folder only.
    if not directory.parent.exists():
        make_private(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)


class HomeFiles:
    """Writes files that are not there yet, and remembers what it did."""

    def __init__(self, *, is_rewriting: bool = False) -> None:
        self._is_rewriting = is_rewriting
        self.written: list[Path] = []
        self.kept: list[Path] = []

    def once(self, path: Path, data: bytes) -> None:
        """Writes what is not there; what is there belongs to others now."""
        if path.exists():
            self.kept.append(path)
            return
        make_private(path.parent)
        write_new_file(path, data)
        self.written.append(path)

    def made(self, path: Path, data: bytes) -> None:
        """Writes what is not there, and where files are to be written anew also what differs."""
        if self._is_rewriting and path.exists() and path.read_bytes() != data:
            self.replaced(path, data)
        else:
            self.once(path, data)

    def replaced(self, path: Path, data: bytes) -> None:
        make_private(path.parent)
        replace_file(path, data)
        self.written.append(path)


def found_center(home: Home, site: CenterSite, *, keystore: Keystore) -> tuple[PlannedCenter, tuple[str, ...]]:
    """Makes the keys of a center and the file that tells the others of it; both stay where they are there.

    Returns:
        The center, and the names of the keys that were made now.

    Raises:
        AnotherPlan: its center.toml is there and says something else.
        PlanInvalid: what the site says cannot stand in a plan; nothing is made.
        KeyFileInvalid, WrongPassword, WrongUse: the keystore cannot be used.
    """
    require_sound(site)
    path = center_file(home, site.id)
    made = make_center_keys(keystore, site.id, rpc_node=site.rpc_node is not None, documents=site.documents is not None)
    center = planned_center(site, center_public_keys(keystore, site.id))
    data = encode_center(center)
    if path.exists() and path.read_bytes() != data:
        raise AnotherPlan(
            f"The center {site.id} was described otherwise here.",
            where=str(path),
            remedy="Give the same answers, or remove the file, which leaves its keys, and send the new one to the others.",
        )
    HomeFiles().once(path, data)
    return center, made


def require_sound(site: CenterSite) -> None:
    """Looks at what is said of a center before any key is made: a key for one that no plan takes would only be in the way.

    Raises:
        PlanInvalid: every fault.
    """
    encode_center(planned_center(site, _NOBODYS_KEYS))


def center_file(home: Home, center: CenterId) -> Path:
    """Where the public part of a center lies."""
    return home.directory / f"{center}.center.toml"


def planned_center(site: CenterSite, keys: CenterPublicKeys) -> PlannedCenter:
    """A center for a plan, out of where it is and what is public of its keys."""
    rpc_node, documents = None, None
    if site.rpc_node is not None and keys.rpc_node is not None:
        rpc_node = _planned_node(site.id, NodeRole.RPC, keys.rpc_node, site.rpc_node)
    if site.documents is not None and keys.peer_id is not None:
        documents = PlannedDocuments(
            center=site.id,
            peer_id=keys.peer_id,
            host=site.documents.host,
            swarm_port=site.documents.swarm_port,
            rpc_port=site.documents.rpc_port,
        )
    return PlannedCenter(
        id=site.id,
        name=site.name,
        economy=site.economy,
        origin=site.origin,
        endpoint=site.endpoint,
        operator=keys.operator,
        anchorer=keys.anchorer,
        log_key=keys.log_key,
        validator=_planned_node(site.id, NodeRole.VALIDATOR, keys.validator, site.validator),
        rpc_node=rpc_node,
        documents=documents,
    )


def found_network(
    home: Home,
    plan: NetworkPlan,
    *,
    keystore: Keystore,
    clock: Clock,
    swarm_key: bytes | None = None,
    placement: Placement | None = None,
    opens_keys: bool = False,
    is_rewriting: bool = False,
) -> Founded:
    """Makes the files of all nodes whose centers' keys are in this home folder.

    Args:
        clock: aware; when tokens begin.
        swarm_key: the secret of the private swarm, SWARM_KEY_BYTES; None: as it lies here already, or a new one where all
            documents nodes of the plan are of this folder.
        placement: where the nodes see the folder; None: where it is.
        opens_keys: write the nodes' keys in the clear too, for containers that start without us.
        is_rewriting: configurations that are there are written anew, for instance after an upgrade.

    Raises:
        AnotherPlan: the folder holds another network, planned or embedded.
        KeysDiffer: a center's keys here are not those of the plan; Faults of these where it is so of several.
        KeyMissing: no center of the plan has its keys here, or one of them lacks one.
        SwarmKeyMissing: documents nodes elsewhere need the same secret.
        GenesisRefused: no network can begin with these founders.
        KeyFileInvalid, WrongPassword, WrongUse: a key cannot be opened.
    """
    layout, files = NetworkLayout(home), HomeFiles(is_rewriting=is_rewriting)
    encoded, hash_ = encode_plan(plan), genesis_hash(plan)
    placement = placement or Placement.here(home.directory)
    _require_same_network(layout, encoded, plan, hash_)
    own = _own_centers(keystore, plan)
    secret = _swarm_secret(layout, plan, own, swarm_key)
    files.once(layout.plan, encoded)
    if secret is not None:
        files.once(layout.swarm_key, encode_swarm_key(secret))
    facts = NetworkFacts(
        genesis=genesis_bytes(plan),
        validators=founding_validators(plan),
        own_enodes=tuple(node.enode for center in own for node in center.nodes()),
        accounts=founding_accounts(plan.centers),
        documents=plan.documents(),
        swarm_secret=secret,
    )
    for center in own:
        _write_nodes(layout, center, facts, files, keystore, clock, placement, opens_keys=opens_keys)
    _write_api_tokens(layout, own, keystore, clock, files, placement)
    files.once(home.trust_file, encode_trust_file(trust_of(plan, hash_)))
    files.once(home.network_file, encode_network(network_of(plan, hash_, own, placement)))
    return Founded(
        plan=plan,
        genesis_hash=hash_,
        own=tuple(center.id for center in own),
        written=tuple(files.written),
        kept=tuple(files.kept),
    )


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


def write_center_nodes(
    home: Home,
    center: PlannedCenter,
    facts: NetworkFacts,
    *,
    keystore: Keystore,
    clock: Clock,
    placement: Placement | None = None,
    opens_keys: bool = False,
    is_rewriting: bool = False,
) -> tuple[Path, ...]:
    """Makes the files of one center's nodes, in a network that exists or is about to; what is there stays.

    Returns:
        The files made or replaced now.

    Raises:
        AnotherPlan: the folder holds another genesis.
        KeyMissing, KeyFileInvalid, WrongPassword, WrongUse: a node's key is not there or cannot be opened.
        SwarmKeyMissing: the center has a documents node, and the swarm's secret is not given.
    """
    layout, files = NetworkLayout(home), HomeFiles(is_rewriting=is_rewriting)
    if layout.genesis.exists() and layout.genesis.read_bytes() != facts.genesis:
        raise AnotherPlan("This folder holds the genesis of another network.", where=str(layout.genesis), remedy=OTHER_FOLDER)
    if center.documents is not None and facts.swarm_secret is None:
        raise SwarmKeyMissing(f"{center.id} has a documents node, and no key of the swarm is here.", where=str(layout.swarm_key))
    if facts.swarm_secret is not None:
        files.once(layout.swarm_key, encode_swarm_key(facts.swarm_secret))
    placement = placement or Placement.here(home.directory)
    _write_nodes(layout, center, facts, files, keystore, clock, placement, opens_keys=opens_keys)
    _write_api_tokens(layout, [center], keystore, clock, files, placement)
    return tuple(files.written)


def trust_of(plan: NetworkPlan, genesis_hash: bytes) -> TrustFile:
    """What a verifier starts from, as the network begins."""
    begins = datetime.fromtimestamp(plan.genesis_time, UTC)
    return TrustFile(
        chain_id=plan.chain_id,
        genesis_hash=genesis_hash,
        pilot_registry=PILOT_REGISTRY,
        anchor_log=ANCHOR_LOG,
        sealing=sealing_of(plan),
        centers=tuple(
            TrustedCenter(
                id=center.id,
                name=center.name,
                economy=center.economy,
                origin=center.origin,
                log_keys=(LogKeyTerm(key=_verifier_key(center), valid_from=begins, valid_until=None),),
            )
            for center in plan.centers
        ),
    )


def sealing_of(plan: NetworkPlan) -> Sealing:
    """Who seals from the first block on, in the order in which the chain names them: the registry's, or that of headers."""
    validators = [center.validator.address for center in plan.centers]
    if plan.validator_mode is ValidatorMode.HEADER:
        validators.sort()
    return Sealing(mode=plan.validator_mode, sets=(ValidatorSet(seals_from=BlockNumber(1), validators=tuple(validators)),))


def network_of(plan: NetworkPlan, genesis_hash: bytes, own: Sequence[PlannedCenter], placement: Placement) -> Network:
    """The network as the servers of some of its centers know it.

    Args:
        own: the centers that are served; at least one. Their RPC nodes are asked first, then their validators.
    """
    nodes = [center.rpc_node for center in own if center.rpc_node is not None]
    nodes += [center.validator for center in own]
    served = {center.id for center in own}
    return Network(
        chain_id=plan.chain_id,
        genesis_hash=genesis_hash,
        sealing=sealing_of(plan),
        rpc_urls=tuple(rpc_url(node, placement) for node in nodes[:_MOST_RPC_URLS]),
        pilot_registry=PILOT_REGISTRY,
        anchor_log=ANCHOR_LOG,
        # They stand in the genesis.
        deploy_block=BlockNumber(0),
        centers=tuple(_network_center(center, has_keys=center.id in served) for center in plan.centers),
        hosted=tuple(center.id for center in own),
    )


def rpc_url(node: PlannedNode, placement: Placement) -> str:
    """Where a node answers those who are beside it."""
    host = node.host if placement.is_contained else _LOOPBACK
    return f"http://{f'[{host}]' if ':' in host else host}:{node.rpc_port}"


def make_swarm_key(home: Home) -> tuple[Path, bool]:
    """Makes the secret of a private swarm, where there is none yet.

    Returns:
        Its file, and whether it was made now.
    """
    layout = NetworkLayout(home)
    is_new = not layout.swarm_key.exists()
    if is_new:
        make_private(home.directory)
        write_new_file(layout.swarm_key, encode_swarm_key(random_bytes(SWARM_KEY_BYTES)))
    return layout.swarm_key, is_new


def _planned_node(center: CenterId, role: NodeRole, public_key: bytes, ports: NodePorts) -> PlannedNode:
    return PlannedNode(
        center=center,
        role=role,
        public_key=public_key,
        host=ports.host,
        p2p_port=ports.p2p_port,
        rpc_port=ports.rpc_port,
        metrics_port=ports.metrics_port,
    )


def _require_same_network(layout: NetworkLayout, encoded: bytes, plan: NetworkPlan, hash_: bytes) -> None:
    if layout.home.embedded_file.exists():
        raise AnotherPlan("This folder holds an embedded network.", where=str(layout.home.embedded_file), remedy=OTHER_FOLDER)
    if layout.plan.exists() and layout.plan.read_bytes() != encoded and load_plan(layout.plan) != plan:
        raise AnotherPlan("This folder holds the plan of another network.", where=str(layout.plan), remedy=OTHER_FOLDER)
    if layout.home.network_file.exists():
        network = load_network(layout.home.network_file)
        if (network.chain_id, network.genesis_hash) != (plan.chain_id, hash_):
            raise AnotherPlan(
                "This folder describes a network that begins with another block.",
                where=str(layout.home.network_file),
                remedy=OTHER_FOLDER,
            )


def _own_centers(keystore: Keystore, plan: NetworkPlan) -> tuple[PlannedCenter, ...]:
    own = tuple(center for center in plan.centers if keystore.has(key_name(center.id, KeyUse.VALIDATOR)))
    if not own:
        raise KeyMissing(
            f"This folder has the keys of no center of the plan: {', '.join(center.id for center in plan.centers)}.",
            remedy="Name the folder that `greenlane-node init center` made, with --home.",
        )
    differ: list[GreenlaneError] = []
    for center in own:
        keys = center_public_keys(keystore, center.id)
        here: dict[str, object] = {
            "operator": keys.operator,
            "anchorer": keys.anchorer,
            "log_key": keys.log_key,
            "node_key": keys.validator,
        }
        named: dict[str, object] = {
            "operator": center.operator,
            "anchorer": center.anchorer,
            "log_key": center.log_key,
            "node_key": center.validator.public_key,
        }
        if center.rpc_node is not None:
            here["rpc_node.node_key"], named["rpc_node.node_key"] = keys.rpc_node, center.rpc_node.public_key
        if center.documents is not None:
            here["documents.peer_id"], named["documents.peer_id"] = keys.peer_id, center.documents.peer_id
        differing = [name for name in named if named[name] != here[name]]
        if differing:
            differ.append(
                KeysDiffer(
                    f"The keys of {center.id} in this folder are not those of the plan: {', '.join(differing)}.",
                    remedy="Name the right folder with --home, or have the plan mended by the one who put it together.",
                )
            )
    if len(differ) > 1:
        raise Faults(tuple(differ))
    if differ:
        raise differ[0]
    return own


def _swarm_secret(layout: NetworkLayout, plan: NetworkPlan, own: Sequence[PlannedCenter], given: bytes | None) -> bytes | None:
    # A node's copy is as good as ours, should that be lost.
    copies = [layout.swarm_key, *sorted(layout.kubo("x").parent.glob("*/repository/swarm.key"))]
    here = next((parse_swarm_key(path.read_bytes()) for path in copies if path.exists()), None)
    if given is not None and here is not None and given != here:
        raise AnotherPlan(
            "This folder holds another key of a swarm than the one given.",
            where=str(layout.swarm_key),
            remedy="Ask the one who puts the network together which one holds, and remove the other.",
        )
    secret = given or here
    if secret is not None or not any(center.documents is not None for center in own):
        return secret
    if {node.center for node in plan.documents()} <= {center.id for center in own}:
        return random_bytes(SWARM_KEY_BYTES)
    raise SwarmKeyMissing("The documents nodes of this network have one key, and it is not here.", where=str(layout.swarm_key))


def _write_nodes(
    layout: NetworkLayout,
    center: PlannedCenter,
    facts: NetworkFacts,
    files: HomeFiles,
    keystore: Keystore,
    clock: Clock,
    placement: Placement,
    *,
    opens_keys: bool,
) -> None:
    files.once(layout.genesis, facts.genesis)
    for node in center.nodes():
        folder = layout.besu(node.name)
        files.made(folder.log_config, log_config(node.name, placement))
        files.once(folder.enode, enode_file(node))
        # Allowed before called, in this order: a node does not start where a static node is not on its allowlist.
        files.once(folder.allowed_nodes, allowed_nodes_file({*facts.validators, *facts.own_enodes}))
        files.once(folder.static_nodes, static_nodes_file(node, facts.validators))
        files.once(folder.allowed_accounts, allowed_accounts_file(facts.accounts))
        if node.role is NodeRole.RPC:
            access = RpcAccess.of_center(keystore, center.id, clock=clock)
            files.made(folder.jwt_key, access.public_key_pem())
            _write_token(layout.token(node.name), access, OPERATOR_PERMISSIONS, clock, files)
        if opens_keys:
            use = KeyUse.VALIDATOR if node.role is NodeRole.VALIDATOR else KeyUse.RPC_NODE
            files.once(folder.key, node_key_file(keystore, key_name(center.id, use)))
        make_private(folder.data)
        # Last: a folder with a config.toml is a node.
        files.made(folder.config, besu_config(node, placement))
    if center.documents is not None and facts.swarm_secret is not None:
        _write_documents_node(layout, center.documents, facts, files, keystore, placement)


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


def _write_token(path: Path, access: RpcAccess, permissions: Sequence[str], clock: Clock, files: HomeFiles) -> None:
    with suppress(FileNotFoundError, UnicodeDecodeError, TokenRefused):
        if access.ends_at(path.read_text(encoding="ascii").strip()) > clock() + timedelta(days=RENEWAL_DAYS):
            files.kept.append(path)
            return
    files.replaced(path, access.issue_token(permissions, TOKEN_DAYS).encode() + b"\n")


def _write_api_tokens(
    layout: NetworkLayout, own: Iterable[PlannedCenter], keystore: Keystore, clock: Clock, files: HomeFiles, placement: Placement
) -> None:
    """A line for each RPC node, so that a token meant for one node is never sent to another."""
    lines = layout.api_tokens.read_text(encoding="ascii").splitlines() if layout.api_tokens.exists() else []
    kept = dict(line.rsplit(maxsplit=1) for line in lines if len(line.split()) == 2)
    wanted = dict(kept)
    for center in own:
        if center.rpc_node is None:
            continue
        access, url = RpcAccess.of_center(keystore, center.id, clock=clock), rpc_url(center.rpc_node, placement)
        with suppress(TokenRefused):
            if access.ends_at(kept.get(url, "")) > clock() + timedelta(days=RENEWAL_DAYS):
                continue
        wanted[url] = access.issue_token(API_PERMISSIONS, TOKEN_DAYS)
    if wanted != kept:
        files.replaced(layout.api_tokens, "".join(f"{url} {token}\n" for url, token in sorted(wanted.items())).encode())
    elif wanted:
        files.kept.append(layout.api_tokens)


def _network_center(center: PlannedCenter, *, has_keys: bool) -> NetworkCenter:
    def named(use: KeyUse) -> str | None:
        return key_name(center.id, use) if has_keys else None

    return NetworkCenter(
        id=center.id,
        name=center.name,
        economy=center.economy,
        origin=center.origin,
        endpoint=center.endpoint or None,
        operator=center.operator,
        anchorer=center.anchorer,
        validator=center.validator.address,
        log_key=_verifier_key(center),
        keys=CenterKeyNames(
            operator=named(KeyUse.OPERATOR),
            anchorer=named(KeyUse.ANCHORER),
            validator=named(KeyUse.VALIDATOR),
            log=named(KeyUse.LOG),
        ),
    )


def _verifier_key(center: PlannedCenter) -> VerifierKey:
    return VerifierKey(name=center.origin, public_key=center.log_key)
