"""network.toml, the file that a network's centers agree on: read strictly, with all faults in one answer; and written.

    [network]                    what holds for all
    [[center]]                   one for each founder, the order is that of the registry
    [center.rpc_node]            where it has a second Besu node, which answers
    [center.documents]           where it has a Kubo node

Every name must be there and no other may be, so a spelling mistake cannot pass for a default. Only `green_assets` may be missing:
a plan of an earlier release has it not, and its genesis holds none of those contracts. center.toml is one `[[center]]` by
itself: what a founder sends to whoever puts the network together. Nothing in either is secret.

Each fault names its place as a reader of the file finds it: `center 2 "lima": p2p_port`.
"""

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import tomli_w
from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.crypto import is_secp256k1_public_key
from greenlane.core.errors import Faults, GreenlaneError, InvalidInput
from greenlane.core.note import VerifierKey, is_key_name
from greenlane.core.seals import MAX_VALIDATORS, ValidatorMode
from greenlane.core.units import Address, CenterId, ChainId, center_id
from greenlane.core.wire import encode_hex, shown

from greenlane_node.peer_identity import peer_public_key
from greenlane_node.planning.economies import ECONOMIES
from greenlane_node.planning.plan import NetworkPlan, NodeRole, PlannedCenter, PlannedDocuments, PlannedNode, peer_host

_T = TypeVar("_T")
MAX_PLAN_BYTES: Final = 1_048_576
LEAST_PRODUCTION_CENTERS: Final = 4
"""With fewer, QBFT stands still as soon as one validator does: its quorum is two thirds, rounded up."""
GAS_LIMITS: Final = (16_000_000, 60_000_000)
"""Of a block: enough for the contracts' largest call; and little enough that choosing transactions ends by a full block."""
DEFAULT_P2P_PORT: Final = 30_303
DEFAULT_RPC_PORT: Final = 8_545
DEFAULT_METRICS_PORT: Final = 9_545
DEFAULT_SWARM_PORT: Final = 4_001
DEFAULT_DOCUMENTS_RPC_PORT: Final = 5_001
EMBEDDED_CHAIN_ID: Final = 20_261
_KNOWN_CHAINS: Final = {
    1: "Ethereum",
    10: "OP Mainnet",
    25: "Cronos",
    30: "Rootstock",
    40: "Telos",
    50: "XDC",
    56: "BNB Smart Chain",
    61: "Ethereum Classic",
    97: "BNB Smart Chain Testnet",
    100: "Gnosis",
    130: "Unichain",
    137: "Polygon",
    146: "Sonic",
    250: "Fantom",
    252: "Fraxtal",
    288: "Boba",
    324: "ZKsync Era",
    480: "World Chain",
    1101: "Polygon zkEVM",
    1284: "Moonbeam",
    1285: "Moonriver",
    1337: "many tools' development chains",
    2018: "many tools' development chains",
    2020: "Ronin",
    5000: "Mantle",
    8217: "Kaia",
    8453: "Base",
    10_200: "Gnosis Chiado",
    17_000: "Holesky",
    31_337: "many tools' development chains",
    34_443: "Mode",
    42_161: "Arbitrum One",
    42_170: "Arbitrum Nova",
    42_220: "Celo",
    43_114: "Avalanche",
    59_144: "Linea",
    80_002: "Polygon Amoy",
    80_094: "Berachain",
    81_457: "Blast",
    84_532: "Base Sepolia",
    421_614: "Arbitrum Sepolia",
    534_352: "Scroll",
    560_048: "Hoodi",
    7_777_777: "Zora",
    11_155_111: "Sepolia",
    11_155_420: "OP Sepolia",
    EMBEDDED_CHAIN_ID: "every embedded network of this project",
}
# Greater ones are not kept exactly by wallets that count in doubles: (2**53 - 1 - 36) / 2.
_MAX_CHAIN_ID = 4_503_599_627_370_476
_DAY_S = 24 * 3_600
# PilotRegistry takes no longer period.
_MAX_PERIOD_DAYS = 36_525
_MAX_TIME = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
# What the registry keeps of a text, and what a trust file does.
_MAX_TEXT_BYTES = 256
_MAX_NAME_CHARACTERS = 200
_NETWORK_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_NODE_KEY = re.compile(r"[0-9a-f]{128}", re.ASCII)
_NETWORK_NAMES = (
    "name",
    "chain_id",
    "genesis_time",
    "block_time_s",
    "request_timeout_s",
    "gas_limit",
    "validators",
    "production",
    "minimum_centers",
    "term_length_days",
    "voting_period_days",
    "green_assets",
)
_NODE_NAMES = ("host", "p2p_port", "rpc_port", "metrics_port", "node_key")
_CENTER_NAMES = ("id", "name", "economy", "origin", "endpoint", "operator", "anchorer", "log_key", *_NODE_NAMES)
_CENTER_PARTS = ("rpc_node", "documents")
_DOCUMENTS_NAMES = ("host", "swarm_port", "rpc_port", "peer_id")
_PLAN_COMMAND = "`init plan`:"
_TRIAL = f"production = false ({_PLAN_COMMAND} --trial)"
_RPC_NODE_PORTS = (
    "`init center` gives an RPC node the ports one above its validator's, unless --rpc-node-p2p-port, --rpc-node-rpc-port or "
    "--rpc-node-metrics-port names another."
)
_PLAN_HEAD = """\
# The network as all its centers agree on it. Everything here is public and the same for all of them: the genesis is made of it,
# byte for byte, so compare its hash before the first node runs.

"""
_CENTER_HEAD = """\
# The public part of one center, for whoever puts the network together.

"""


class PlanFault(InvalidInput):
    """One thing in a plan that is missing, not known, or not as it must be; `where` names its place in the file."""

    code = "plan-fault"


class PlanInvalid(Faults):
    """A plan of a network that cannot be used: every fault of it."""

    code = "plan-invalid"


def parse_plan(data: bytes) -> NetworkPlan:
    """Reads network.toml.

    Args:
        data: UTF-8 TOML of at most MAX_PLAN_BYTES.

    Raises:
        PlanInvalid: every fault, in the order of the file; what concerns the network as a whole comes last.
    """
    faults: list[GreenlaneError] = []
    root = _root(data, ("network", "center"), faults)
    seen = _Seen(faults)
    network = _Table(root.get("network"), "network", _NETWORK_NAMES, (), faults)
    name = network.text("name", _network_name)
    chain_id = network.count("chain_id", 1, _MAX_CHAIN_ID)
    known = _KNOWN_CHAINS.get(chain_id)
    if known is not None and network.is_good("chain_id"):
        network.fault("chain_id", f"{chain_id} is the chain id of {known}.", "Choose a number that no known chain has.")
    genesis_time = network.time("genesis_time")
    block_time_s = network.count("block_time_s", 1, 60)
    request_timeout_s = network.count("request_timeout_s", 1, 600)
    gas_limit = network.count("gas_limit", *GAS_LIMITS)
    mode = network.choice("validators", [one.value for one in ValidatorMode])
    is_production = network.flag("production")
    minimum = network.count("minimum_centers", 1, MAX_VALIDATORS)
    term_days = network.count("term_length_days", 0, _MAX_PERIOD_DAYS)
    voting_days = network.count("voting_period_days", 1, _MAX_PERIOD_DAYS)
    has_green_assets = network.is_given("green_assets") and network.flag("green_assets")
    network.finish()
    centers = _centers(root.get("center"), seen, faults)
    _judge_whole(network, centers, block_time_s, request_timeout_s, is_production, minimum)
    if faults:
        raise PlanInvalid(tuple(faults))
    return NetworkPlan(
        name=name,
        chain_id=ChainId(chain_id),
        genesis_time=genesis_time,
        block_time_s=block_time_s,
        request_timeout_s=request_timeout_s,
        gas_limit=gas_limit,
        validator_mode=ValidatorMode(mode),
        is_production=is_production,
        minimum_centers=minimum,
        term_length_s=term_days * _DAY_S,
        voting_period_s=voting_days * _DAY_S,
        has_green_assets=has_green_assets,
        centers=centers,
    )


def parse_center(data: bytes) -> PlannedCenter:
    """Reads center.toml: one founder's `[[center]]`.

    Raises:
        PlanInvalid: every fault of it.
    """
    faults: list[GreenlaneError] = []
    root = _root(data, ("center",), faults)
    centers = _centers(root.get("center"), _Seen(faults), faults)
    if len(centers) > 1:
        faults.append(PlanFault(f"There are {len(centers)} centers.", where="center", remedy="Give each a file of its own."))
    if faults:
        raise PlanInvalid(tuple(faults))
    return centers[0]


def encode_plan(plan: NetworkPlan) -> bytes:
    """The bytes of network.toml; the same for the same plan.

    Raises:
        PlanInvalid: it would be a file that `parse_plan` refuses, or reads otherwise.
    """
    value = {
        "network": {
            "name": plan.name,
            "chain_id": plan.chain_id,
            "genesis_time": datetime.fromtimestamp(plan.genesis_time, UTC),
            "block_time_s": plan.block_time_s,
            "request_timeout_s": plan.request_timeout_s,
            "gas_limit": plan.gas_limit,
            "validators": plan.validator_mode.value,
            "production": plan.is_production,
            "minimum_centers": plan.minimum_centers,
            "term_length_days": plan.term_length_s // _DAY_S,
            "voting_period_days": plan.voting_period_s // _DAY_S,
            "green_assets": plan.has_green_assets,
        }
    }
    data = (_PLAN_HEAD + tomli_w.dumps(value) + "".join(map(_center_text, plan.centers))).encode("utf-8", "surrogatepass")
    if parse_plan(data) != plan:
        # What no file can say, such as a part of a day.
        raise PlanInvalid((PlanFault("The plan would read otherwise than it was written.", remedy="Give periods in days."),))
    return data


def encode_center(center: PlannedCenter) -> bytes:
    """The bytes of center.toml.

    Raises:
        PlanInvalid: it would be a file that `parse_center` refuses.
    """
    data = (_CENTER_HEAD + _center_text(center).lstrip("\n")).encode("utf-8", "surrogatepass")
    if parse_center(data) != center:
        raise PlanInvalid((PlanFault("The center would read otherwise than it was written."),))
    return data


def load_plan(path: Path) -> NetworkPlan:
    """Reads a file network.toml.

    Raises:
        PlanInvalid: it cannot be read, or every fault in it; `where` begins with the file's name.
    """
    return _loaded(path, parse_plan)


def load_center(path: Path) -> PlannedCenter:
    """Reads a file center.toml.

    Raises:
        PlanInvalid: it cannot be read, or every fault in it; `where` begins with the file's name.
    """
    return _loaded(path, parse_center)


def _loaded(path: Path, parse: Callable[[bytes], _T]) -> _T:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PLAN_BYTES + 1)
    except OSError as error:
        unread = PlanFault(f"The file cannot be read: {error.strerror}.", where=str(path), remedy="Check its name.")
        raise PlanInvalid((unread,)) from error
    try:
        return parse(data)
    except PlanInvalid as error:
        placed = [
            PlanFault(fault.detail, where=f"{path}: {fault.where}" if fault.where else str(path), remedy=fault.remedy)
            for fault in error.faults
        ]
        raise PlanInvalid(tuple(placed)) from error


def _root(data: bytes, names: Sequence[str], faults: list[GreenlaneError]) -> Mapping[str, object]:
    if len(data) > MAX_PLAN_BYTES:
        raise PlanInvalid((PlanFault(f"A plan has at most {MAX_PLAN_BYTES} bytes.", remedy="Is it the right file?"),))
    try:
        root: dict[str, object] = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise PlanInvalid((PlanFault("This is no UTF-8.", where=f"line {line}", remedy="Save the file as UTF-8."),)) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        told = str(error).rstrip(".") if isinstance(error, tomllib.TOMLDecodeError) else "it is nested too deeply"
        raise PlanInvalid((PlanFault(f"This is no TOML: {told}.", remedy="Mend it there; toml.io tells how."),)) from error
    unknown = [name for name in root if name not in names]
    faults += [PlanFault("No such table is known.", where=name, remedy=_suggestion(name, names)) for name in unknown]
    return root


def _centers(value: object, seen: "_Seen", faults: list[GreenlaneError]) -> tuple[PlannedCenter, ...]:
    if not isinstance(value, list) or not value:
        faults.append(PlanFault("At least one center is expected.", where="center", remedy="Write each as a table [[center]]."))
        return ()
    if len(value) > MAX_VALIDATORS:
        faults.append(
            PlanFault(
                f"A network has at most {MAX_VALIDATORS} centers, not {len(value)}.", where="center", remedy="Found with fewer."
            )
        )
        return ()
    return tuple(_center(item, number, seen, faults) for number, item in enumerate(value, start=1))


def _center(value: object, number: int, seen: "_Seen", faults: list[GreenlaneError]) -> PlannedCenter:
    id_ = value.get("id") if isinstance(value, dict) else None
    place = f"center {number} {_quoted(id_)}" if isinstance(id_, str) else f"center {number}"
    table = _Table(value, place, _CENTER_NAMES, _CENTER_PARTS, faults)
    center = CenterId(table.text("id", center_id))
    seen.once("id", center, table, "id")
    name = table.text("name", _center_name)
    economy = table.text("economy", _economy)
    origin = table.text("origin", _origin)
    seen.once("origin", origin, table, "origin")
    endpoint = table.text("endpoint", _endpoint)
    operator = _account(table, "operator", seen)
    anchorer = _account(table, "anchorer", seen)
    log_key = _log_key(table, origin, seen)
    validator = _node(table, center, NodeRole.VALIDATOR, seen)
    parts = {name: _part(table, name, faults) for name in _CENTER_PARTS}
    rpc_node, documents = parts["rpc_node"], parts["documents"]
    planned = PlannedCenter(
        id=center,
        name=name,
        economy=economy,
        origin=origin,
        endpoint=endpoint,
        operator=operator,
        anchorer=anchorer,
        log_key=log_key,
        validator=validator,
        rpc_node=None if rpc_node is None else _node(rpc_node, center, NodeRole.RPC, seen),
        documents=None if documents is None else _documents(documents, center, seen),
    )
    for part in (rpc_node, documents):
        if part is not None:
            part.finish()
    table.finish()
    return planned


def _part(table: "_Table", name: str, faults: list[GreenlaneError]) -> "_Table | None":
    value = table.part(name)
    names = _NODE_NAMES if name == "rpc_node" else _DOCUMENTS_NAMES
    return None if value is None else _Table(value, table.place, names, (), faults, prefix=f"{name}.")


def _node(table: "_Table", center: CenterId, role: NodeRole, seen: "_Seen") -> PlannedNode:
    host = table.text("host", peer_host)
    node = PlannedNode(
        center=center,
        role=role,
        public_key=table.read("node_key", _node_key, b""),
        host=host,
        p2p_port=_port(table, "p2p_port", host, seen),
        rpc_port=_port(table, "rpc_port", host, seen),
        metrics_port=_port(table, "metrics_port", host, seen),
    )
    if table.is_good("node_key"):
        seen.once("account", node.address.hex(), table, "node_key")
    return node


def _documents(table: "_Table", center: CenterId, seen: "_Seen") -> PlannedDocuments:
    host = table.text("host", peer_host)
    peer = table.text("peer_id", _peer_id)
    seen.once("peer id", peer, table, "peer_id")
    return PlannedDocuments(
        center=center,
        peer_id=peer,
        host=host,
        swarm_port=_port(table, "swarm_port", host, seen),
        rpc_port=_port(table, "rpc_port", host, seen),
    )


def _port(table: "_Table", name: str, host: str, seen: "_Seen") -> int:
    port = table.count(name, 1, 65_535)
    if table.is_good("host"):
        seen.once("place", f"[{host}]:{port}" if ":" in host else f"{host}:{port}", table, name)
    return port


def _account(table: "_Table", name: str, seen: "_Seen") -> Address:
    address = table.read(name, _address, Address(bytes(ADDRESS_BYTES)))
    seen.once("account", address.hex(), table, name)
    return address


def _log_key(table: "_Table", origin: str, seen: "_Seen") -> bytes:
    key: VerifierKey | None = table.read("log_key", VerifierKey.parse, None)
    if key is None:
        return b""
    seen.once("log key", key.public_key.hex(), table, "log_key")
    if table.is_good("origin") and key.name != origin:
        table.fault(
            "log_key", f"The key is named {shown(key.name)}, the log {shown(origin)}.", "A log's key bears the log's origin."
        )
    return key.public_key


def _judge_whole(
    network: "_Table",
    centers: Sequence[PlannedCenter],
    block_time_s: int,
    request_timeout_s: int,
    is_production: bool,
    minimum: int,
) -> None:
    if network.is_good("block_time_s", "request_timeout_s") and request_timeout_s <= block_time_s:
        network.fault(
            "request_timeout_s",
            f"A round is given up after {request_timeout_s} s, and a block comes every {block_time_s} s: no block would be made.",
            f"Take about twice the block time: {2 * block_time_s}.",
        )
    if centers and network.is_good("minimum_centers") and minimum > len(centers):
        # In production taking less would only run into the other bound.
        can_be_less = not is_production or len(centers) >= LEAST_PRODUCTION_CENTERS
        network.fault(
            "minimum_centers",
            f"It is {minimum}, and the centers are {len(centers)}.",
            f"Write {len(centers)} or less ({_PLAN_COMMAND} --minimum-centers), or found with more centers."
            if can_be_less
            else f"Found with {minimum} centers or more.",
        )
    hosts = {node.host for center in centers for node in center.nodes()}
    hosts |= {center.documents.host for center in centers if center.documents is not None}
    if {_is_loopback(host) for host in hosts if host} == {True, False}:
        network.whole_fault(
            "Some nodes are on loopback addresses, others are not: they could not reach each other.",
            "Give each node the address that the others reach it at.",
        )
    if not is_production:
        return
    least = LEAST_PRODUCTION_CENTERS
    if network.is_good("block_time_s") and block_time_s < 2:
        network.fault("block_time_s", "In production a block takes at least 2 s: choosing its transactions may.", "Write 2.")
    if network.is_good("minimum_centers") and minimum < least:
        network.fault(
            "minimum_centers",
            f"In production it is at least {least}: with fewer, the chain stops as soon as one validator does.",
            f"Write {least} ({_PLAN_COMMAND} --minimum-centers), or {_TRIAL}.",
        )
    if 0 < len(centers) < least:
        network.whole_fault(
            f"A production network has at least {least} centers, not {len(centers)}.",
            f"Found it with more, or, to try things out, {_TRIAL}.",
        )


class _Seen:
    """What may stand in a plan only once, and where it stood first."""

    def __init__(self, faults: list[GreenlaneError]) -> None:
        self._faults = faults
        self._places: dict[tuple[str, str], str] = {}

    def once(self, what: str, value: str, table: "_Table", name: str) -> None:
        """Remembers a value where it is good, and tells it where it was there before."""
        if not table.is_good(name):
            return
        first = self._places.setdefault((what, value), table.where(name))
        if first != table.where(name):
            said = f"The address {value}" if what == "place" else f"This {what}"
            remedy = f"Give each its own {what}."
            if what == "place":
                remedy = "Give each node a port of its own."
                if any("rpc_node." in place for place in (first, table.where(name))):
                    remedy += f" {_RPC_NODE_PORTS}"
            table.fault(name, f"{said} is taken: it stands at {first} too.", remedy)


class _Table:
    """One table of the file: takes its names one after another, and gathers what is wrong with them.

    What is wrong reads as something harmless, so that the rest can still be judged; the faults see to it that it is never used.
    """

    def __init__(
        self,
        value: object,
        place: str,
        names: Sequence[str],
        parts: Sequence[str],
        faults: list[GreenlaneError],
        *,
        prefix: str = "",
    ) -> None:
        self.place = place
        self._prefix = prefix
        self._names = (*names, *parts)
        self._faults = faults
        self._bad: set[str] = set()
        self._given: Mapping[str, object] = value if isinstance(value, dict) else {}
        self._is_table = isinstance(value, dict)
        if not self._is_table:
            self._bad |= set(self._names)
            what = "This table is missing." if value is None else "This is no table."
            where = f"{place}: {prefix.rstrip('.')}" if prefix else place
            header = f"[center.{prefix.rstrip('.')}]" if prefix else "[network]" if place == "network" else "[[center]]"
            faults.append(PlanFault(what, where=where, remedy=f"Write it as {header}."))

    def where(self, name: str) -> str:
        return f"{self.place}: {self._prefix}{name}"

    def fault(self, name: str, detail: str, remedy: str) -> None:
        self._bad.add(name)
        self._faults.append(PlanFault(detail, where=self.where(name), remedy=remedy))

    def whole_fault(self, detail: str, remedy: str) -> None:
        self._faults.append(PlanFault(detail, where="center", remedy=remedy))

    def is_given(self, name: str) -> bool:
        return name in self._given

    def is_good(self, *names: str) -> bool:
        return not self._bad & set(names)

    def read(self, name: str, read: Callable[[str], _T], otherwise: _T) -> _T:
        value = self._value(name)
        if value is None:
            return otherwise
        if not isinstance(value, str):
            self.fault(name, f"A text is expected, not {_kind(value)}.", 'Write it in quotes: "…".')
            return otherwise
        try:
            return read(value)
        except InvalidInput as error:
            self.fault(name, error.detail, error.remedy)
            return otherwise

    def text(self, name: str, read: Callable[[str], str]) -> str:
        return self.read(name, read, "")

    def count(self, name: str, least: int, most: int) -> int:
        value = self._value(name)
        if value is None:
            return least
        remedy = f"Write a whole number from {least} to {most}."
        if not isinstance(value, int) or isinstance(value, bool):
            self.fault(name, f"A whole number is expected, not {_kind(value)}.", remedy)
        elif not least <= value <= most:
            # An integer of TOML has as many digits as its writer liked.
            told = f"{value} is too {'small' if value < least else 'large'}." if abs(value) < 10**20 else "It is out of bounds."
            self.fault(name, told, remedy)
        else:
            return value
        return least

    def flag(self, name: str) -> bool:
        value = self._value(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.fault(name, f"true or false is expected, not {_kind(value)}.", "Write true or false, without quotes.")
        return False

    def choice(self, name: str, choices: Sequence[str]) -> str:
        def chosen(text: str) -> str:
            if text not in choices:
                raise InvalidInput(f"{shown(text)} is none of the choices.", remedy=f"Write {' or '.join(choices)}.")
            return text

        return self.read(name, chosen, choices[0])

    def time(self, name: str) -> int:
        value = self._value(name)
        if value is None:
            return 1
        remedy = "Write it in UTC without quotes, like 2026-07-01T08:30:00Z."
        if not isinstance(value, datetime) or value.tzinfo is None:
            self.fault(name, f"A time with its zone is expected, not {_kind(value)}.", remedy)
            return 1
        seconds = value.timestamp()
        if not seconds.is_integer() or not 1 <= seconds <= _MAX_TIME:
            self.fault(name, "Whole seconds are expected, after 1970 and before 2100.", remedy)
            return 1
        return int(seconds)

    def part(self, name: str) -> object:
        return self._given.get(name)

    def finish(self) -> None:
        for name in self._given:
            if name not in self._names:
                self.fault(name, "No such name is known.", _suggestion(name, self._names))

    def _value(self, name: str) -> object:
        value = self._given.get(name)
        if value is None and self._is_table:
            self.fault(name, "It is missing.", "Write it: every name must be there.")
        return value


def _network_name(text: str) -> str:
    if _NETWORK_NAME.fullmatch(text) is None:
        remedy = "Use 1 to 31 lower-case letters, digits or hyphens, a letter first."
        raise InvalidInput(f"{shown(text)} is no name of a network.", remedy=remedy)
    return text


def _center_name(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _MAX_NAME_CHARACTERS or _is_long(text):
        raise InvalidInput(
            f"{shown(text)} cannot stand as a name.",
            remedy=f"Write one line of 1 to {_MAX_NAME_CHARACTERS} characters, at most {_MAX_TEXT_BYTES} bytes in UTF-8.",
        )
    return text


def _economy(text: str) -> str:
    if text not in ECONOMIES:
        near = f" Or is {text.upper()} meant?" if text.upper() in ECONOMIES else ""
        raise InvalidInput(
            f"{shown(text)} is no known economy code.", remedy=f"Write its ISO 3166-1 alpha-2 code, like PE or VN.{near}"
        )
    return text


def _origin(text: str) -> str:
    if not is_key_name(text) or _is_long(text):
        raise InvalidInput(
            f"{shown(text)} is no origin of a log.",
            remedy="Write a host name and a path without scheme, spaces and plus signs, like lima.example/log.",
        )
    return text


def _endpoint(text: str) -> str:
    if not text:
        return text
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not text.isprintable() or " " in text or _is_long(text):
        raise InvalidInput(
            f"{shown(text)} is no http or https URL.", remedy='Write it like https://greenlane.lima.example, or "" for none.'
        )
    return text


def _address(text: str) -> Address:
    if _ADDRESS.fullmatch(text) is None:
        raise InvalidInput(f"{shown(text)} is no account.", remedy="Write 0x and 40 hexadecimal digits.")
    address = Address(bytes.fromhex(text[2:]))
    if not any(address):
        raise InvalidInput("The zero account is nobody's.", remedy="Write the account of the center's key.")
    return address


def _node_key(text: str) -> bytes:
    if _NODE_KEY.fullmatch(text) is None:
        remedy = "Write its 128 lower-case hexadecimal digits, as between enode:// and @ in its enode URL."
        raise InvalidInput(f"{shown(text)} is no public key of a node.", remedy=remedy)
    key = bytes.fromhex(text)
    if not is_secp256k1_public_key(key):
        raise InvalidInput(
            f"{shown(text)} is no point of the curve secp256k1.", remedy="Copy the key again: a digit is wrong or lost."
        )
    return key


def _peer_id(text: str) -> str:
    peer_public_key(text)
    return text


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


def _is_long(text: str) -> bool:
    # Surrogates cannot come out of TOML.
    return len(text.encode()) > _MAX_TEXT_BYTES


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds = {str: "a text", int: "a number", float: "a number with a point", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a time without a zone" if isinstance(value, datetime) else "a day or time")


def _quoted(text: str) -> str:
    return f'"{text}"' if len(text) <= 31 and text.isprintable() else shown(text)


def _suggestion(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"Is {near[0]} meant?" if near else f"What is known: {', '.join(names)}."


def _center_text(center: PlannedCenter) -> str:
    value: dict[str, object] = {
        "id": center.id,
        "name": center.name,
        "economy": center.economy,
        "origin": center.origin,
        "endpoint": center.endpoint,
        "operator": encode_hex(center.operator),
        "anchorer": encode_hex(center.anchorer),
        # Of an origin that names no log, the reader of the file tells the fault.
        "log_key": VerifierKey(name=center.origin if is_key_name(center.origin) else "log", public_key=center.log_key).encode(),
        **_node_value(center.validator),
    }
    text = "\n[[center]]\n" + tomli_w.dumps(value)
    if center.rpc_node is not None:
        text += "\n[center.rpc_node]\n" + tomli_w.dumps(_node_value(center.rpc_node))
    if center.documents is not None:
        documents = center.documents
        text += "\n[center.documents]\n" + tomli_w.dumps(
            {
                "host": documents.host,
                "swarm_port": documents.swarm_port,
                "rpc_port": documents.rpc_port,
                "peer_id": documents.peer_id,
            }
        )
    return text


def _node_value(node: PlannedNode) -> dict[str, object]:
    return {
        "host": node.host,
        "p2p_port": node.p2p_port,
        "rpc_port": node.rpc_port,
        "metrics_port": node.metrics_port,
        "node_key": node.public_key.hex(),
    }
