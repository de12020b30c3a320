"""The keys of a center, and what of them is public: made once, kept encrypted, found again.

A center has a key for each thing it does, and no key does two: its operator governs, its anchorer anchors, its validator seals
blocks, its log key signs checkpoints; where it has more nodes, its RPC node and its documents node each have one, and one signs
the tokens that open the RPC node. The names in the keystore are the center's id and the use: `lima-validator`.

The public part of the validator's and the RPC node's key is the node's id (x and y of the point); the last 20 bytes of its
Keccak-256 are the account that seals. Source: Ethereum devp2p, enode URL format; Yellow Paper, appendix F.
"""

import re
from dataclasses import dataclass

from greenlane.adapters.entropy import random_bytes
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyFileInvalid, Keystore, KeyUse, write_new_file
from greenlane.core.crypto import is_secp256k1_public_key, secp256k1_public_key
from greenlane.core.errors import InvalidInput
from greenlane.core.units import Address, CenterId
from greenlane.core.wire import shown

from greenlane_node.peer_identity import peer_id
from greenlane_node.planning.plan import peer_host

PASSWORD_BYTES = 32
_LAST_PORT = 65_535
NODE_USES = (KeyUse.VALIDATOR, KeyUse.RPC_NODE)
_ALWAYS = (KeyUse.OPERATOR, KeyUse.ANCHORER, KeyUse.VALIDATOR, KeyUse.LOG)
# What stands for the address is judged as an address: digits and dots alone are no address yet.
_ENODE = re.compile(r"enode://([0-9a-f]{128})@(?:\[([0-9a-f:.]{2,45})\]|([0-9.]{7,15})):([1-9][0-9]{0,4})", re.ASCII)


class EnodeInvalid(InvalidInput):
    """A text is no enode URL with an address."""

    code = "enode-invalid"
    default_remedy = "Write enode://<128 hexadecimal digits>@<IP address>:<port>."


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterPublicKeys:
    """What is public of a center's keys.

    Attributes:
        operator, anchorer: accounts.
        log_key: Ed25519, 32 bytes.
        validator: of the node that seals; NODE_KEY_BYTES.
        rpc_node: of the node that answers, NODE_KEY_BYTES; None where the center has none.
        peer_id: of its Kubo node; None where it has none.
    """

    operator: Address
    anchorer: Address
    log_key: bytes
    validator: bytes
    rpc_node: bytes | None
    peer_id: str | None


def key_name(center: CenterId, use: KeyUse) -> str:
    """Under which name a center's key lies in the keystore."""
    return f"{center}-{use.value}"


def make_password(home: Home, keystore: Keystore) -> bool:
    """Makes the password of a keystore that has none and holds no key; whether it did.

    Raises:
        KeyFileInvalid: there are keys, and no password.
    """
    if home.password_file.exists():
        return False
    if keystore.files():
        raise KeyFileInvalid(
            "There are keys and no password.", where=str(home.password_file), remedy="Restore the file from a backup."
        )
    home.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_new_file(home.password_file, random_bytes(PASSWORD_BYTES).hex().encode() + b"\n")
    return True


def make_center_keys(keystore: Keystore, center: CenterId, *, rpc_node: bool, documents: bool) -> tuple[str, ...]:
    """Makes each key of a center that is not there yet; those that are stay.

    Args:
        rpc_node, documents: whether it has these nodes.

    Returns:
        The names of the keys that were made now.

    Raises:
        KeyFileInvalid: the password cannot be read, or the keystore not be written.
    """
    uses = [*_ALWAYS]
    if rpc_node:
        uses += [KeyUse.RPC_NODE, KeyUse.TOKENS]
    if documents:
        uses.append(KeyUse.DOCUMENTS)
    missing = [(key_name(center, use), use) for use in uses if not keystore.has(key_name(center, use))]
    for name, use in missing:
        keystore.create(name, use)
    return tuple(name for name, _ in missing)


def center_public_keys(keystore: Keystore, center: CenterId) -> CenterPublicKeys:
    """What is public of a center's keys; its nodes' keys are decrypted for it, since a key file names only their accounts.

    Raises:
        KeyMissing: one that every center has is not there.
        KeyFileInvalid, WrongPassword: a key cannot be opened.
        WrongUse: a key of that name is for another use.
    """
    has_rpc_node = keystore.has(key_name(center, KeyUse.RPC_NODE))
    has_documents = keystore.has(key_name(center, KeyUse.DOCUMENTS))
    return CenterPublicKeys(
        operator=_account(keystore, center, KeyUse.OPERATOR),
        anchorer=_account(keystore, center, KeyUse.ANCHORER),
        log_key=_public(keystore, center, KeyUse.LOG),
        validator=_node_key(keystore, center, KeyUse.VALIDATOR),
        rpc_node=_node_key(keystore, center, KeyUse.RPC_NODE) if has_rpc_node else None,
        peer_id=peer_id(_public(keystore, center, KeyUse.DOCUMENTS)) if has_documents else None,
    )


def node_key_file(keystore: Keystore, name: str) -> bytes:
    """A Besu node's private key as the node reads it from a file (`node-private-key-file`); a secret.

    Args:
        name: of the key in the keystore: `lima-validator`, `lima-rpc-node`.

    Raises:
        KeyMissing, KeyFileInvalid, WrongPassword.
        WrongUse: it is no node's key.
    """
    use = keystore.describe(name).use
    return b"0x" + keystore.secret(name, use if use in NODE_USES else KeyUse.VALIDATOR).hex().encode() + b"\n"


def parse_enode(text: str) -> tuple[bytes, str, int]:
    """A node's public key, IP address and port for peers, out of its enode URL.

    A node takes no other into its lists, and does not start where one is there: so nothing passes that it would refuse.

    Raises:
        EnodeInvalid: the text is none, is not in its one spelling, or names a host, an address that no peer can reach, or a key
            that is no point of the curve.
    """
    found = _ENODE.fullmatch(text)
    if found is None:
        raise EnodeInvalid(f"{shown(text)} is no enode URL.")
    key, host, port = bytes.fromhex(found[1]), found[2] or found[3], int(found[4])
    is_ipv6 = found[2] is not None
    try:
        peer_host(host)
    except InvalidInput as error:
        raise EnodeInvalid(f"{shown(text)} is no enode URL: {error.detail}") from error
    if not is_secp256k1_public_key(key) or port > _LAST_PORT or is_ipv6 != (":" in host):
        raise EnodeInvalid(f"{shown(text)} is no enode URL.")
    return key, host, port


def _account(keystore: Keystore, center: CenterId, use: KeyUse) -> Address:
    described = keystore.describe(key_name(center, use))
    if described.use is not use or described.address is None:
        raise KeyFileInvalid(f"The key {described.name} is for {described.use}, not for {use}.")
    return described.address


def _public(keystore: Keystore, center: CenterId, use: KeyUse) -> bytes:
    described = keystore.describe(key_name(center, use))
    public = described.log_key or described.public_key
    if described.use is not use or public is None:
        raise KeyFileInvalid(f"The key {described.name} is for {described.use}, not for {use}.")
    return public


def _node_key(keystore: Keystore, center: CenterId, use: KeyUse) -> bytes:
    return secp256k1_public_key(keystore.secret(key_name(center, use), use))
