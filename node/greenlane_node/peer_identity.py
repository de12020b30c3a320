"""Names and keys of libp2p, which Kubo speaks: peer ids, private keys in its configuration, and the key of a private swarm.

A peer id is the base58 of a multihash. An Ed25519 public key is short enough to stand in it whole (multihash "identity"), so the
key follows from the id, and one key has one id: `12D3KooW…`.
The swarm's key is a secret that all centers share; who has it can reach their documents nodes, and who has not can't even speak
to them. It stands in no plan.
Source: libp2p specifications, peer-ids and Private Networks (PSK v1).
"""

import re

from greenlane.core.crypto import ED25519_PUBLIC_KEY_BYTES, ed25519_public_key, is_ed25519_public_key
from greenlane.core.errors import InvalidInput
from greenlane.core.wire import encode_base64, shown

SWARM_KEY_BYTES = 32
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Multihash "identity" of 36 bytes; then in protobuf: type 1 (Ed25519), and 32 bytes of data.
_PEER_ID_PREFIX = bytes.fromhex("002408011220")
# In protobuf: type 1 (Ed25519), and 64 bytes of data: seed and public key.
_PRIVATE_KEY_PREFIX = bytes.fromhex("08011240")
_MAX_PEER_ID_CHARACTERS = 64
_SWARM_KEY_FILE = re.compile(rb"/key/swarm/psk/1\.0\.0/\r?\n/base16/\r?\n([0-9a-f]{64})\s*")


class PeerIdInvalid(InvalidInput):
    """A text is no peer id of an Ed25519 key."""

    code = "peer-id-invalid"
    default_remedy = "Write the id as `ipfs id` tells it: 12D3KooW…"


class SwarmKeyInvalid(InvalidInput):
    """Bytes are no key file of a private swarm. The bytes themselves are never named."""

    code = "swarm-key-invalid"
    default_remedy = "Give the file swarm.key as the one who puts the network together sent it."


def peer_id(public_key: bytes) -> str:
    """The peer id of an Ed25519 public key.

    Raises:
        PeerIdInvalid: the bytes are no such key.
    """
    if not is_ed25519_public_key(public_key):
        raise PeerIdInvalid("These bytes are no Ed25519 public key.", remedy="Give the 32 bytes of one.")
    number = int.from_bytes(_PEER_ID_PREFIX + public_key, "big")
    digits = ""
    while number:
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    # In base58 a leading zero byte is a leading "1"; the prefix begins with exactly one.
    return _ALPHABET[0] + digits


def peer_public_key(text: str) -> bytes:
    """The Ed25519 public key in a peer id; 32 bytes.

    Raises:
        PeerIdInvalid: the text is no peer id of such a key.
    """
    if len(text) > _MAX_PEER_ID_CHARACTERS or not all(character in _ALPHABET for character in text):
        raise PeerIdInvalid(f"{shown(text)} is no peer id.")
    number = 0
    for character in text:
        number = number * len(_ALPHABET) + _ALPHABET.index(character)
    length = len(_PEER_ID_PREFIX) + ED25519_PUBLIC_KEY_BYTES
    key = number.to_bytes(_MAX_PEER_ID_CHARACTERS, "big")[-ED25519_PUBLIC_KEY_BYTES:]
    if number.bit_length() > 8 * length or not is_ed25519_public_key(key) or peer_id(key) != text:
        raise PeerIdInvalid(f"{shown(text)} is no peer id of an Ed25519 key.")
    return key


def private_key_text(seed: bytes) -> str:
    """An Ed25519 key as Kubo's configuration holds it (`Identity.PrivKey`); a secret.

    Raises:
        WrongKeyLength: the seed is not 32 bytes.
    """
    return encode_base64(_PRIVATE_KEY_PREFIX + seed + ed25519_public_key(seed))


def encode_swarm_key(secret: bytes) -> bytes:
    """The file `swarm.key` of a private swarm; a secret.

    Raises:
        SwarmKeyInvalid: the secret has not SWARM_KEY_BYTES.
    """
    if len(secret) != SWARM_KEY_BYTES:
        raise SwarmKeyInvalid(f"The key of a swarm has {SWARM_KEY_BYTES} bytes.", remedy="Draw them at random.")
    return b"/key/swarm/psk/1.0.0/\n/base16/\n" + secret.hex().encode() + b"\n"


def parse_swarm_key(data: bytes) -> bytes:
    """The secret in a file `swarm.key`; SWARM_KEY_BYTES.

    Raises:
        SwarmKeyInvalid: the file is none.
    """
    found = _SWARM_KEY_FILE.fullmatch(data)
    if found is None:
        raise SwarmKeyInvalid("This is no key file of a private swarm.")
    return bytes.fromhex(found[1].decode())
