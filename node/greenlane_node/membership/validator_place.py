"""Where a center is met: its API's endpoint and its validator's enode URL, in the registry, network.json and the node's folder.

A center that moves tells the registry first, for whatever the registry refuses must change nothing here; then its node's own
config.toml, then the folder's file `enode`, last network.json. Each step asks whether it is done, so the same command, run again
after a crash, goes on from there.
Source: Ethereum devp2p, enode URL format; Besu 26.8.0, options p2p-host, p2p-port and p2p-interface.
"""

import ipaddress
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import tomli_w
from greenlane.adapters.evm.bindings import CenterRecord
from greenlane.adapters.keystore import Keystore, KeyUse, replace_file
from greenlane.adapters.network_file import NetworkCenter, encode_network, load_network
from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.crypto import keccak256, secp256k1_public_key
from greenlane.core.errors import InvalidInput, NotFound
from greenlane.core.units import Address, CenterId
from greenlane.core.wire import encode_hex, shown

from greenlane_node.keys import EnodeInvalid, parse_enode
from greenlane_node.layout import BesuFolder, NetworkLayout
from greenlane_node.nodes.chain_access import ChainAccess
from greenlane_node.nodes.own_nodes import NodeConfigInvalid
from greenlane_node.planning.plan import NodeRole, peer_host
from greenlane_node.registry.acts import Acted, open_acts

_MAX_TEXT_BYTES: Final = 256
_MAX_PORT: Final = 65_535
_ANY: Final = {4: "0.0.0.0", 6: "::"}  # noqa: S104 peers come from everywhere: the allowlist says who is let in


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a move has come to.

    Attributes:
        endpoint, enode: as the registry has them now.
        acted: what was sent.
        written: files that were changed here.
        has_node: the validator's folder is in this home.
    """

    center: CenterId
    endpoint: str
    enode: str
    acted: Acted
    written: tuple[Path, ...]
    has_node: bool


def encode_enode(public_key: bytes, host: str, port: int) -> str:
    """The enode URL that `parse_enode` reads.

    Args:
        public_key: 64 bytes.
        host: IP address, without brackets.
    """
    return f"enode://{public_key.hex()}@{f'[{host}]' if ':' in host else host}:{port}"


def enode_of_key(enode: str, public_key: bytes) -> str | None:
    """The same place with another node's key; None where the text is no enode URL."""
    try:
        _, host, port = parse_enode(enode.strip())
    except EnodeInvalid:
        return None
    return encode_enode(public_key, host, port)


def validator_folder(chain: ChainAccess, center: CenterId) -> BesuFolder:
    """Where this home keeps the files of a center's validator, if it does."""
    return NetworkLayout(chain.home).besu(f"{NodeRole.VALIDATOR.value}-{center}")


def write_enode(folder: BesuFolder, enode: str) -> bool:
    """Writes the folder's file `enode`; whether it was another one before."""
    line = f"{enode}\n".encode("ascii")
    if folder.enode.exists() and folder.enode.read_bytes() == line:
        return False
    replace_file(folder.enode, line)
    return True


def own_enode(folder: BesuFolder) -> str | None:
    """What the folder's file `enode` says; None where there is none.

    Raises:
        NodeConfigInvalid: it is no enode URL.
    """
    try:
        text = folder.enode.read_text(encoding="ascii").strip()
        parse_enode(text)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, EnodeInvalid) as error:
        raise NodeConfigInvalid(f"The node's enode cannot be read: {error}", where=str(folder.enode)) from error
    return text


def folder_agrees(folder: BesuFolder, enode: str) -> bool | None:
    """Whether a node's folder says what the registry says of its validator; None where there is no such folder.

    Raises:
        NodeConfigInvalid: its files cannot be read.
    """
    if not folder.config.exists():
        return None
    told = _config(folder)
    try:
        _, host, port = parse_enode(enode)
    except EnodeInvalid:
        return False
    return own_enode(folder) == enode and (told.get("p2p-host"), told.get("p2p-port")) == (host, port)


def move_center(
    chain: ChainAccess,
    keystore: Keystore,
    center: NetworkCenter,
    *,
    endpoint: str | None = None,
    host: str | None = None,
    p2p_port: int | None = None,
    timeout_s: float,
) -> Moved:
    """Says in the registry, and in this home, that a center is met elsewhere from now on; or finishes what was interrupted.

    Args:
        endpoint: URL of its API, "" for none; None: as it is.
        host, p2p_port: IP address and port at which peers reach its validator; None: as it is.

    Raises:
        InvalidInput: what was given is no URL, address or port, or the other half of the place is not known.
        NotFound: the registry knows no such center, or the operator's key is needed and kept elsewhere.
        NodeConfigInvalid: the files of the node cannot be read; nothing was changed.
        RegistryRefused, ActUnsettled, ActReplaced, WrongOperator: it is not registered; running it again goes on from there.
    """
    record = chain.registry.center(center.id)
    if record is None:
        raise NotFound(f"The registry knows no center {center.id!r}.", remedy="Have it nominated first: greenlane-node join.")
    folder = validator_folder(chain, center.id)
    has_node = folder.config.exists()
    is_moving = host is not None or p2p_port is not None
    new_endpoint = record.endpoint if endpoint is None else _endpoint(endpoint)
    new_enode = _moved_enode(keystore, record, folder, host, p2p_port) if is_moving else record.enode
    if has_node and is_moving:
        # What cannot be read is told before the registry changes.
        _config(folder)
    if (record.endpoint, record.enode) == (new_endpoint, new_enode):
        acted = Acted(was_so=True, transaction=None)
    else:
        acted = open_acts(chain, keystore, center.id, timeout_s=timeout_s).set_endpoints(new_endpoint, new_enode)
    written: list[Path] = []
    if has_node and is_moving:
        written += _write_place(folder, new_enode)
    network = load_network(chain.home.network_file)
    if endpoint is not None and network.center(center.id).endpoint != (new_endpoint or None):
        centers = tuple(replace(one, endpoint=new_endpoint or None) if one.id == center.id else one for one in network.centers)
        replace_file(chain.home.network_file, encode_network(replace(network, centers=centers)))
        written.append(chain.home.network_file)
    return Moved(center=center.id, endpoint=new_endpoint, enode=new_enode, acted=acted, written=tuple(written), has_node=has_node)


def moved_config(text: str, host: str, p2p_port: int) -> str:
    """config.toml of a node that is met elsewhere: what follows from the old address follows from the new one.

    Raises:
        tomllib.TOMLDecodeError: the text is none.
    """
    told = tomllib.loads(text)
    before, address = str(told.get("p2p-host")), ipaddress.ip_address(host)
    told["p2p-host"], told["p2p-port"] = host, p2p_port
    # An interface that somebody chose stays; one that followed from the address follows it.
    if told.get("p2p-interface") in {None, before, *_ANY.values()}:
        told["p2p-interface"] = host if address.is_loopback else _ANY[address.version]
    if not _is_loopback(before):
        # In a container RPC and metrics listen on the node's own address.
        told |= {name: host for name in ("rpc-http-host", "metrics-host") if told.get(name) == before}
    allowed = told.get("host-allowlist")
    if isinstance(allowed, list):
        kept = {str(one) for one in allowed if one != before or _is_loopback(before)}
        told["host-allowlist"] = sorted({*kept, host})
    lines = text.splitlines(keepends=True)
    head = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join(lines[:head]) + tomli_w.dumps(told)


def _write_place(folder: BesuFolder, enode: str) -> list[Path]:
    _, host, port = parse_enode(enode)
    written = []
    text = folder.config.read_text(encoding="utf-8")
    told = _config(folder)
    if (told.get("p2p-host"), told.get("p2p-port")) != (host, port):
        replace_file(folder.config, moved_config(text, host, port).encode())
        written.append(folder.config)
    own = own_enode(folder)
    # A rotation that was interrupted may have left another key in the folder: that is for the rotation to finish.
    key = parse_enode(own)[0] if own is not None else parse_enode(enode)[0]
    if write_enode(folder, encode_enode(key, host, port)):
        written.append(folder.enode)
    return written


def _moved_enode(keystore: Keystore, record: CenterRecord, folder: BesuFolder, host: str | None, p2p_port: int | None) -> str:
    known = [parse_enode(text) for text in (record.enode, own_enode(folder)) if text is not None and _is_enode(text)]
    new_host = _host(host) if host is not None else known[0][1] if known else None
    new_port = p2p_port if p2p_port is not None else known[0][2] if known else None
    if new_host is None or new_port is None:
        raise InvalidInput(
            f"The registry has no enode of {record.id} whose other half could stay.",
            where="--host" if host is None else "--p2p-port",
            remedy="Give both: --host ADDRESS --p2p-port N.",
        )
    if not 1 <= new_port <= _MAX_PORT:
        raise InvalidInput(f"{new_port} is no port.", where="--p2p-port", remedy=f"Give 1 to {_MAX_PORT}.")
    keys = [key for key, _, _ in known if _account(key) == record.validator]
    return encode_enode(keys[0] if keys else _key_here(keystore, record), new_host, new_port)


def _key_here(keystore: Keystore, record: CenterRecord) -> bytes:
    for key in keystore.files():
        if key.use is KeyUse.VALIDATOR and key.address == record.validator:
            return secp256k1_public_key(keystore.secret(key.name, KeyUse.VALIDATOR))
    raise NotFound(
        f"The id of the validator {encode_hex(record.validator)} is not known: neither the registry nor this home has it.",
        remedy="Run this in the home that has the validator's key.",
    )


def _account(public_key: bytes) -> Address:
    return Address(keccak256(public_key)[-ADDRESS_BYTES:])


def _is_enode(text: str) -> bool:
    try:
        parse_enode(text)
    except EnodeInvalid:
        return False
    return True


def _config(folder: BesuFolder) -> dict[str, object]:
    try:
        return tomllib.loads(folder.config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NodeConfigInvalid(f"The node's configuration cannot be read: {error}.", where=str(folder.config)) from error


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    is_short = len(text.encode("utf-8", "surrogatepass")) <= _MAX_TEXT_BYTES
    if text and not (is_good and text.isprintable() and " " not in text and is_short):
        raise InvalidInput(
            f"{shown(text)} is no http or https URL.",
            where="--endpoint",
            remedy='Write it like https://greenlane.lima.example, or "" for none.',
        )
    return text


def _host(text: str) -> str:
    try:
        return peer_host(text)
    except InvalidInput as error:
        raise InvalidInput(error.detail, where="--host", remedy=error.remedy) from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
