"""Networks to be tried out, founded in one home folder: on this machine's loopback, or in the containers of docker-compose.yml.

Their keys guard nothing: they are cheap to open, and a network of containers has its nodes' keys in the clear. Who runs a center
in earnest describes it with `init center` and founds with `init network`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from greenlane.adapters.home import Home
from greenlane.adapters.keystore import SCRYPT_N_LOCAL, Keystore, KeyUse
from greenlane.adapters.network_file import encode_network, load_network
from greenlane.core.errors import GreenlaneError
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import CenterId, ChainId

from greenlane_node.besu.access import Clock
from greenlane_node.besu.config import Placement
from greenlane_node.founding.found import Founded, found_network
from greenlane_node.founding.home_files import OTHER_FOLDER, AnotherPlan, HomeFiles, held
from greenlane_node.founding.network_description import network_of
from greenlane_node.founding.sites import CenterSite, DocumentsPorts, NodePorts, planned_center
from greenlane_node.keys import center_public_keys, key_name, make_center_keys, make_password
from greenlane_node.layout import NetworkLayout
from greenlane_node.planning.plan import NetworkPlan, PlannedCenter
from greenlane_node.planning.plan_file import (
    DEFAULT_DOCUMENTS_RPC_PORT,
    DEFAULT_METRICS_PORT,
    DEFAULT_P2P_PORT,
    DEFAULT_RPC_PORT,
    DEFAULT_SWARM_PORT,
    LEAST_PRODUCTION_CENTERS,
    PlanFault,
    PlanInvalid,
    load_plan,
)

MACHINE_CHAIN_ID: Final = ChainId(20_262)
"""Of every network that is made on one machine to be tried out; of no public chain."""
CONTAINER_CHAIN_ID: Final = ChainId(20_263)
DEFAULT_BASE_PORT: Final = 21_300
"""The first of the ports of a network on one machine: ten for each center."""
PORTS_PER_CENTER: Final = 10
CONTAINER_ROOT: Final = Path("/greenlane")
"""Where a home folder is mounted in a container."""
CONTAINER_SUBNET: Final = "172.28.7"
CONTAINER_CENTERS: Final = 4
_GAS_LIMIT: Final = 30_000_000
_VOTING_PERIOD_S: Final = 7 * 24 * 3_600
_CONTAINER_SERVERS: Final = 2
_LOOPBACK = "127.0.0.1"
_LEAST_PORT, _MOST_PORT = 1_024, 65_535

# Short name, name for people, economy: one in each economy of APEC, so that any network from 1 to 21 centers has its own.
_SITES: Final = (
    ("tianjin", "Tianjin", "CN"),
    ("lima", "Lima", "PE"),
    ("ho-chi-minh", "Ho Chi Minh City", "VN"),
    ("santiago", "Santiago", "CL"),
    ("jakarta", "Jakarta", "ID"),
    ("bangkok", "Bangkok", "TH"),
    ("manila", "Manila", "PH"),
    ("kuala-lumpur", "Kuala Lumpur", "MY"),
    ("singapore", "Singapore", "SG"),
    ("seoul", "Seoul", "KR"),
    ("tokyo", "Tokyo", "JP"),
    ("taipei", "Taipei", "TW"),
    ("hong-kong", "Hong Kong", "HK"),
    ("port-moresby", "Port Moresby", "PG"),
    ("bandar-seri-begawan", "Bandar Seri Begawan", "BN"),
    ("auckland", "Auckland", "NZ"),
    ("sydney", "Sydney", "AU"),
    ("vancouver", "Vancouver", "CA"),
    ("mexico-city", "Mexico City", "MX"),
    ("seattle", "Seattle", "US"),
    ("vladivostok", "Vladivostok", "RU"),
)
MOST_MACHINE_CENTERS: Final = len(_SITES)


def found_on_machine(
    home: Home,
    count: int,
    mode: ValidatorMode = ValidatorMode.CONTRACT,
    base_port: int = DEFAULT_BASE_PORT,
    *,
    clock: Clock,
    documents: int = 2,
    block_time_s: int = 2,
) -> NetworkPlan:
    """A network of this machine alone, on loopback: all keys in one home folder, one RPC node. What is there stays.

    Args:
        count: of centers, 1 to MOST_MACHINE_CENTERS; with fewer than four, the chain stops as soon as one validator does.
        base_port: each center takes PORTS_PER_CENTER from here on.
        documents: how many of the centers have a documents node; at most `count` count.

    Raises:
        PlanInvalid: a number is out of bounds.
        AnotherPlan: the folder holds a network of another count or mode, or another network.
        As `found_network`.
    """
    _require_count(count, base_port)
    sites = [_machine_site(place, base_port, documents) for place in range(count)]
    return _found_for_trial(
        home,
        sites,
        mode,
        chain_id=MACHINE_CHAIN_ID,
        name="machine",
        clock=clock,
        block_time_s=block_time_s,
        placement=None,
        opens_keys=False,
    ).plan


def found_for_containers(home: Home, mode: ValidatorMode = ValidatorMode.CONTRACT, *, clock: Clock) -> Founded:
    """The network of docker-compose.yml: four validators, an RPC node, two documents nodes, and two centers' servers.

    The home folder is made here and mounted at CONTAINER_ROOT. Nodes have fixed addresses in CONTAINER_SUBNET.0/24: validators
    .11 to .14, the RPC node .15, documents nodes .21 and .22. Ports are the programs' own. The nodes' keys lie in the clear in
    the folder. Each of the first two centers has a home folder of its own for its server: servers/CENTER.

    Raises:
        As `found_on_machine`.
    """
    sites = [_container_site(place) for place in range(CONTAINER_CENTERS)]
    placement = Placement(root=CONTAINER_ROOT, is_contained=True)
    founded = _found_for_trial(
        home,
        sites,
        mode,
        chain_id=CONTAINER_CHAIN_ID,
        name="containers",
        clock=clock,
        block_time_s=2,
        placement=placement,
        opens_keys=True,
    )
    served = [center for center in founded.plan.centers if center.documents is not None]
    with held(home):
        written = [path for center in served for path in _write_server(home, founded, center, placement)]
    return replace(founded, written=(*founded.written, *written))


def trial_keystore(home: Home) -> Keystore:
    """The keys of a network that is only tried out: cheap to open, since they guard nothing."""
    return Keystore(home.keys, home.password_file, scrypt_n=SCRYPT_N_LOCAL)


def _found_for_trial(
    home: Home,
    sites: Sequence[CenterSite],
    mode: ValidatorMode,
    *,
    chain_id: ChainId,
    name: str,
    clock: Clock,
    block_time_s: int,
    placement: Placement | None,
    opens_keys: bool,
) -> Founded:
    layout, keystore = NetworkLayout(home), trial_keystore(home)
    with held(home):
        if layout.plan.exists():
            plan = load_plan(layout.plan)
            if [center.id for center in plan.centers] != [site.id for site in sites] or (plan.validator_mode, plan.name) != (
                mode,
                name,
            ):
                raise AnotherPlan(
                    f"The network here is {plan.name!r}, of {len(plan.centers)} centers, validators by {plan.validator_mode}.",
                    where=str(layout.plan),
                    remedy=OTHER_FOLDER,
                )
        else:
            if home.network_file.exists() or home.embedded_file.exists():
                raise AnotherPlan("This folder holds another network.", where=str(home.directory), remedy=OTHER_FOLDER)
            make_password(home, keystore)
            for site in sites:
                make_center_keys(keystore, site.id, rpc_node=site.rpc_node is not None, documents=site.documents is not None)
            plan = NetworkPlan(
                name=name,
                chain_id=chain_id,
                genesis_time=int(clock().timestamp()),
                block_time_s=block_time_s,
                request_timeout_s=2 * block_time_s,
                gas_limit=_GAS_LIMIT,
                validator_mode=mode,
                is_production=False,
                minimum_centers=min(LEAST_PRODUCTION_CENTERS, len(sites)),
                term_length_s=0,
                voting_period_s=_VOTING_PERIOD_S,
                has_green_assets=True,
                centers=tuple(planned_center(site, center_public_keys(keystore, site.id)) for site in sites),
            )
        return found_network(home, plan, keystore=keystore, clock=clock, placement=placement, opens_keys=opens_keys)


def _require_count(count: int, base_port: int) -> None:
    faults: list[GreenlaneError] = []
    if not 1 <= count <= MOST_MACHINE_CENTERS:
        remedy = f"Give 1 to {MOST_MACHINE_CENTERS}; 4 is the least that bears a failure."
        faults.append(PlanFault(f"{count} centers are out of bounds.", where="centers", remedy=remedy))
    most = _MOST_PORT - PORTS_PER_CENTER * MOST_MACHINE_CENTERS
    if not _LEAST_PORT <= base_port <= most:
        remedy = f"Give {_LEAST_PORT} to {most}."
        faults.append(PlanFault(f"{base_port} cannot be the first of the ports.", where="base port", remedy=remedy))
    if faults:
        raise PlanInvalid(tuple(faults))


def _site(place: int, validator: NodePorts, rpc_node: NodePorts | None, documents: DocumentsPorts | None) -> CenterSite:
    id_, name, economy = _SITES[place]
    return CenterSite(
        id=CenterId(id_),
        name=f"Pilot Center {name}",
        economy=economy,
        origin=f"{id_}.greenlane.example/log",
        endpoint="",
        validator=validator,
        rpc_node=rpc_node,
        documents=documents,
    )


def _machine_site(place: int, base_port: int, documents: int) -> CenterSite:
    first = base_port + PORTS_PER_CENTER * place
    return _site(
        place,
        NodePorts(host=_LOOPBACK, p2p_port=first, rpc_port=first + 1, metrics_port=first + 2),
        NodePorts(host=_LOOPBACK, p2p_port=first + 3, rpc_port=first + 4, metrics_port=first + 5) if place == 0 else None,
        DocumentsPorts(host=_LOOPBACK, swarm_port=first + 6, rpc_port=first + 7) if place < documents else None,
    )


def _container_site(place: int) -> CenterSite:
    def besu(last: int) -> NodePorts:
        host = f"{CONTAINER_SUBNET}.{last}"
        return NodePorts(host=host, p2p_port=DEFAULT_P2P_PORT, rpc_port=DEFAULT_RPC_PORT, metrics_port=DEFAULT_METRICS_PORT)

    documents = DocumentsPorts(
        host=f"{CONTAINER_SUBNET}.{21 + place}", swarm_port=DEFAULT_SWARM_PORT, rpc_port=DEFAULT_DOCUMENTS_RPC_PORT
    )
    has_server = place < _CONTAINER_SERVERS
    return _site(place, besu(11 + place), besu(15) if place == 0 else None, documents if has_server else None)


def _write_server(home: Home, founded: Founded, center: PlannedCenter, placement: Placement) -> list[Path]:
    """A home folder for one center's server, which finds there the keys that it needs and no others."""
    layout, files = NetworkLayout(home), HomeFiles()
    server = layout.server(center.id)
    network = network_of(founded.plan, founded.genesis_hash, [center], placement)
    # The network's one RPC node first; then the center's own validator.
    rpc_urls = tuple(dict.fromkeys([*load_network(home.network_file).rpc_urls[:1], *network.rpc_urls]))
    named = network.center(center.id)
    lean = replace(named, keys=replace(named.keys, operator=None, validator=None))
    centers = tuple(lean if one.id == center.id else one for one in network.centers)
    for use in (KeyUse.ANCHORER, KeyUse.LOG):
        name = f"{key_name(center.id, use)}.json"
        files.once(server.keys / name, (home.keys / name).read_bytes())
    files.once(server.password_file, home.password_file.read_bytes())
    files.once(NetworkLayout(server).api_tokens, layout.api_tokens.read_bytes())
    files.once(server.trust_file, home.trust_file.read_bytes())
    files.once(server.network_file, encode_network(replace(network, rpc_urls=rpc_urls, centers=centers)))
    return list(files.written)
