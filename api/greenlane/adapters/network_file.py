"""The description of a network as one deployment knows it: which chain, which contracts, which centers, and which it serves.

Written by whoever sets the network up, read by the API and by the node's tools. Nothing in it is secret: keys are named by their
files in the keystore, never given. JSON, read strictly: no field is optional, what has no value is null, and what is not known is
refused, so that a spelling mistake cannot pass for a default. Only `assets` may be missing, in a file of an earlier release.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.assets.places import (
    ASSETS_FIELD,
    AssetContracts,
    asset_contracts_value,
    read_asset_contracts,
    with_assets_field,
)
from greenlane.core.canonical import JsonValue, canonical_bytes, parse_json, pointer
from greenlane.core.errors import GreenlaneError, InvalidInput, NotFound
from greenlane.core.note import VerifierKey
from greenlane.core.seals import Sealing
from greenlane.core.trust import read_sealing, sealing_value
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId
from greenlane.core.wire import (
    FieldInvalid,
    encode_hex,
    read_center_id,
    read_constant,
    read_count,
    read_hex,
    read_line,
    read_list,
    read_object,
)
from greenlane.ports.signing import HostedCenter

NETWORK_TYPE = "GreenlaneNetwork"
NETWORK_VERSION = 1
MAX_NETWORK_FILE_BYTES = 1_048_576
_GENESIS_HASH_BYTES = 32
_MAX_CENTERS = 1_000
_MAX_RPC_URLS = 16
_KEY_FIELDS = ("operator", "anchorer", "validator", "log")


class NetworkFileInvalid(GreenlaneError):
    """A network description cannot be read, or is none; `where` names the file and the place in it."""

    code = "network-file-invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterKeyNames:
    """Under which names a center's keys lie in this deployment's keystore; None: that key is kept elsewhere."""

    operator: str | None
    anchorer: str | None
    validator: str | None
    log: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCenter:
    """One pilot center, as the registry had it when the file was written.

    Attributes:
        economy: ISO 3166-1 alpha-2.
        origin: of its log; also the name of `log_key`.
        endpoint: URL of its API; None where it has none.
    """

    id: CenterId
    name: str
    economy: str
    origin: str
    endpoint: str | None
    operator: Address
    anchorer: Address
    validator: Address
    log_key: VerifierKey
    keys: CenterKeyNames


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One deployment's view of a network.

    Attributes:
        genesis_hash: of block 0, 32 bytes.
        sealing: who sealed the first blocks, and later ones as far as it was known; None where nobody does, as embedded.
        rpc_urls: nodes of the chain, the one to ask first first; at least one.
        assets: contracts of green assets; None where the network has none.
        deploy_block: no anchor stands in an earlier block.
        centers: at least one; no two with one id.
        hosted: those of the centers whose logs this deployment writes.
    """

    chain_id: ChainId
    genesis_hash: bytes
    sealing: Sealing | None
    rpc_urls: tuple[str, ...]
    pilot_registry: Address
    anchor_log: Address
    assets: AssetContracts | None
    deploy_block: BlockNumber
    centers: tuple[NetworkCenter, ...]
    hosted: tuple[CenterId, ...]

    def center(self, center: CenterId) -> NetworkCenter:
        """One center.

        Raises:
            NotFound: the file has none of that id.
        """
        for found in self.centers:
            if found.id == center:
                return found
        raise NotFound(f"The network's description has no center {center!r}.")

    def hosted_centers(self) -> tuple[HostedCenter, ...]:
        """The centers this deployment serves, as the signer of checkpoints takes them."""
        return tuple(
            HostedCenter(id=one.id, name=one.name, economy=one.economy, origin=one.origin, key=one.log_key)
            for one in map(self.center, self.hosted)
        )


def load_network(path: Path) -> Network:
    """Reads a network's description.

    Raises:
        NetworkFileInvalid: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_NETWORK_FILE_BYTES + 1)
    except OSError as error:
        raise NetworkFileInvalid(
            f"The network's description cannot be read: {error.strerror}.",
            where=str(path),
            remedy="Name the folder with --home. A new one gets its network by `greenlane-node embedded up` (to try things out), "
            "`greenlane-node init network` (a founder) or `greenlane-node join` (a center that enters a live one).",
        ) from error
    try:
        return parse_network(data)
    except InvalidInput as error:
        raise NetworkFileInvalid(error.detail, where=f"{path}{error.where or ''}", remedy=error.remedy) from error


def parse_network(data: bytes) -> Network:
    """Reads what `encode_network` writes, keys in any order.

    Raises:
        InvalidInput: anything else; `where` points at the place.
    """
    if len(data) > MAX_NETWORK_FILE_BYTES:
        raise FieldInvalid(f"A network's description has at most {MAX_NETWORK_FILE_BYTES} bytes.", where="")
    fields = read_object(
        with_assets_field(parse_json(data)),
        (
            "type",
            "version",
            "chainId",
            "genesisHash",
            "sealing",
            "rpcUrls",
            "pilotRegistry",
            "anchorLog",
            ASSETS_FIELD,
            "deployBlock",
            "centers",
            "hosted",
        ),
        "",
    )
    read_constant(fields["type"], "/type", NETWORK_TYPE)
    read_constant(fields["version"], "/version", NETWORK_VERSION)
    centers = tuple(
        _read_center(item, f"/centers{pointer(place)}") for place, item in _some(fields["centers"], "/centers", _MAX_CENTERS)
    )
    ids = [center.id for center in centers]
    _require_distinct(ids, "/centers")
    hosted = tuple(
        read_center_id(item, f"/hosted{pointer(place)}")
        for place, item in enumerate(read_list(fields["hosted"], "/hosted", longest=_MAX_CENTERS))
    )
    _require_distinct(hosted, "/hosted")
    for place, one in enumerate(hosted):
        if one not in ids:
            raise FieldInvalid(f"No center {one!r} is described.", where=f"/hosted{pointer(place)}")
    return Network(
        chain_id=ChainId(read_count(fields["chainId"], "/chainId", least=1)),
        genesis_hash=read_hex(fields["genesisHash"], "/genesisHash", length=_GENESIS_HASH_BYTES),
        sealing=read_sealing(fields["sealing"], "/sealing"),
        rpc_urls=tuple(
            _read_url(item, f"/rpcUrls{pointer(place)}") for place, item in _some(fields["rpcUrls"], "/rpcUrls", _MAX_RPC_URLS)
        ),
        pilot_registry=_read_address(fields, "pilotRegistry", ""),
        anchor_log=_read_address(fields, "anchorLog", ""),
        assets=read_asset_contracts(fields[ASSETS_FIELD], f"/{ASSETS_FIELD}"),
        deploy_block=BlockNumber(read_count(fields["deployBlock"], "/deployBlock")),
        centers=centers,
        hosted=hosted,
    )


def encode_network(network: Network) -> bytes:
    """The canonical JSON of a network's description, in UTF-8.

    Raises:
        InvalidInput: it would be one that `parse_network` refuses or reads otherwise.
    """
    data = canonical_bytes(
        {
            "type": NETWORK_TYPE,
            "version": NETWORK_VERSION,
            "chainId": network.chain_id,
            "genesisHash": encode_hex(network.genesis_hash),
            "sealing": sealing_value(network.sealing),
            "rpcUrls": list(network.rpc_urls),
            "pilotRegistry": encode_hex(network.pilot_registry),
            "anchorLog": encode_hex(network.anchor_log),
            ASSETS_FIELD: asset_contracts_value(network.assets),
            "deployBlock": network.deploy_block,
            "centers": [_center_value(center) for center in network.centers],
            "hosted": list(network.hosted),
        }
    )
    if parse_network(data) != network:
        raise FieldInvalid("The network's description would read otherwise than it was written.", where="")
    return data


def _center_value(center: NetworkCenter) -> dict[str, JsonValue]:
    return {
        "id": center.id,
        "name": center.name,
        "economy": center.economy,
        "origin": center.origin,
        "endpoint": center.endpoint,
        "operator": encode_hex(center.operator),
        "anchorer": encode_hex(center.anchorer),
        "validator": encode_hex(center.validator),
        "logKey": center.log_key.encode(),
        "keys": {
            "operator": center.keys.operator,
            "anchorer": center.keys.anchorer,
            "validator": center.keys.validator,
            "log": center.keys.log,
        },
    }


def _read_center(value: JsonValue, where: str) -> NetworkCenter:
    fields = read_object(
        value,
        ("id", "name", "economy", "origin", "endpoint", "operator", "anchorer", "validator", "logKey", "keys"),
        where,
    )
    origin = read_line(fields["origin"], f"{where}/origin", longest=255)
    try:
        log_key = VerifierKey.parse(read_line(fields["logKey"], f"{where}/logKey", longest=512))
    except InvalidInput as error:
        raise FieldInvalid(error.detail, where=f"{where}/logKey", remedy=error.remedy) from error
    if log_key.name != origin:
        raise FieldInvalid("The log key has not the name of the log's origin.", where=f"{where}/logKey")
    keys = read_object(fields["keys"], _KEY_FIELDS, f"{where}/keys")
    operator, anchorer, validator, log = (_read_optional(keys, name, f"{where}/keys") for name in _KEY_FIELDS)
    return NetworkCenter(
        id=read_center_id(fields["id"], f"{where}/id"),
        name=read_line(fields["name"], f"{where}/name", longest=256),
        economy=read_line(fields["economy"], f"{where}/economy", longest=2),
        origin=origin,
        endpoint=_read_optional(fields, "endpoint", where),
        operator=_read_address(fields, "operator", where),
        anchorer=_read_address(fields, "anchorer", where),
        validator=_read_address(fields, "validator", where),
        log_key=log_key,
        keys=CenterKeyNames(operator=operator, anchorer=anchorer, validator=validator, log=log),
    )


def _read_optional(fields: Mapping[str, JsonValue], name: str, where: str) -> str | None:
    return None if fields[name] is None else read_line(fields[name], f"{where}/{name}", longest=256)


def _read_address(fields: Mapping[str, JsonValue], name: str, where: str) -> Address:
    return Address(read_hex(fields[name], f"{where}/{name}", length=ADDRESS_BYTES))


def _read_url(value: JsonValue, where: str) -> str:
    url = read_line(value, where, longest=256)
    if not url.startswith(("http://", "https://")):
        raise FieldInvalid("A node is asked over http or https.", where=where, remedy="Write http://host:port.")
    return url


def _some(value: JsonValue, where: str, longest: int) -> list[tuple[int, JsonValue]]:
    items = read_list(value, where, longest=longest)
    if not items:
        raise FieldInvalid("At least one is expected.", where=where)
    return list(enumerate(items))


def _require_distinct(ids: Sequence[str], where: str) -> None:
    for place, one in enumerate(ids):
        if one in ids[:place]:
            raise FieldInvalid(f"The center {one!r} stands here twice.", where=where + pointer(place))
