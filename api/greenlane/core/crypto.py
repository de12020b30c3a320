"""The one door to primitives: hashing and signatures.

Nothing else imports hashlib, hmac, Crypto or coincurve, so that one page tells which primitives the project rests on.
Randomness is no part of it: core is pure, and adapters/entropy.py draws. coincurve is imported on first use: who checks a receipt
without seals needs no curve of the chain. Sources: FIPS 180-4 (SHA-256), RFC 2104 (HMAC), the yellow paper of Ethereum
(Keccak-256: padding 0x01, where SHA-3 has 0x06), RFC 8032 (pure Ed25519, no context), RFC 7748 (X25519), SEC 2 (secp256k1),
FIPS 186-5 (P-256).
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Protocol

from Crypto.Hash import keccak
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from greenlane.core.errors import InvalidInput

ED25519_SEED_BYTES = 32
ED25519_PUBLIC_KEY_BYTES = 32
ED25519_SIGNATURE_BYTES = 64
X25519_PUBLIC_KEY_BYTES = 32
CURVE_SECRET_BYTES = 32
"""Of a private key on secp256k1 or P-256."""
CURVE_POINT_BYTES = 64
"""Of a public key on secp256k1 or P-256: x and y, without a prefix."""
SECP256K1_SIGNATURE_BYTES = 65
"""r, s and v."""
_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_UNCOMPRESSED = b"\x04"
_ED25519_FIELD_PRIME = 2**255 - 19
_SIGN_BIT = 1 << 255
_ORDER_EIGHT_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y = frozenset({0, 1, _ED25519_FIELD_PRIME - 1, _ORDER_EIGHT_Y, _ED25519_FIELD_PRIME - _ORDER_EIGHT_Y})
"""The y of the eight points whose order divides 8: under such a key one signature fits any message."""
_ORDER_EIGHT_U = 0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0
_OTHER_ORDER_EIGHT_U = 0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F
_SMALL_ORDER_U = frozenset({0, 1, _ED25519_FIELD_PRIME - 1, _ORDER_EIGHT_U, _OTHER_ORDER_EIGHT_U})
"""The u of the points whose order divides 8, on the curve and its twist: all that anybody shares with such a key is zero."""


class NoCurveKey(InvalidInput):
    """Bytes given as a private key on a curve are none. The bytes themselves are never named."""

    code = "no-curve-key"
    default_remedy = "Give 32 bytes: a number from 1 to below the order of the curve."


class WrongKeyLength(InvalidInput):
    """Bytes given as a signing key have another length than a key has. The bytes themselves are never named."""

    code = "wrong-seed-length"
    default_remedy = "Give the 32 bytes of an Ed25519 seed."


def sha256(data: bytes) -> bytes:
    """The SHA-256 digest of `data`; 32 bytes."""
    return hashlib.sha256(data).digest()


def sha256_of_each(prefix: bytes, data: bytes, piece_bytes: int) -> bytes:
    """The digests of SHA-256(prefix || piece), joined, for every consecutive piece of `data`.

    One row of a Merkle tree in one call: a proof in a large log is some seven hundred of these, and a Python call for each
    would cost more than the hashing.
    """
    digest = hashlib.sha256
    return b"".join([digest(prefix + data[at : at + piece_bytes]).digest() for at in range(0, len(data), piece_bytes)])


def sha256_of_stream(chunks: Iterable[bytes]) -> bytes:
    """The SHA-256 digest of the chunks joined, for what is too large to be held whole; 32 bytes."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


class RunningDigest(Protocol):
    """A digest of bytes that come in pieces."""

    def update(self, data: bytes, /) -> None:
        """Takes the next piece."""

    def digest(self) -> bytes:
        """The digest of all pieces so far."""


def running_sha256() -> RunningDigest:
    """A SHA-256 digest over pieces, where other things are done with each piece meanwhile."""
    return hashlib.sha256()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256 of `data` under `key` of any length; 32 bytes."""
    return hmac.digest(key, data, "sha256")


def keccak256(data: bytes) -> bytes:
    """The Keccak-256 digest of `data`, as Ethereum uses it; 32 bytes."""
    return keccak.new(digest_bits=256, data=data).digest()


def ed25519_public_key(seed: bytes) -> bytes:
    """The 32-byte public key of a 32-byte Ed25519 seed.

    Raises:
        WrongKeyLength: the seed is not 32 bytes.
    """
    return _private_key(seed).public_key().export_key(format="raw")


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte Ed25519 signature of `message`; the same for the same seed and message.

    Raises:
        WrongKeyLength: the seed is not 32 bytes.
    """
    return eddsa.new(_private_key(seed), mode="rfc8032").sign(message)


def is_ed25519_public_key(public_key: bytes) -> bool:
    """Whether bytes may stand as a signer's key: 32 of them, canonical, and not one of the keys everybody can sign for.

    That they are a point of the curve is seen only when a signature is checked.
    """
    if len(public_key) != ED25519_PUBLIC_KEY_BYTES:
        return False
    # RFC 8032, 5.1.3: y is below the prime. Without this a second spelling of one key would pass for another key.
    y = int.from_bytes(public_key, "little") % _SIGN_BIT
    return y < _ED25519_FIELD_PRIME and y not in _SMALL_ORDER_Y


def ed25519_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that of `message` by the holder of `public_key`.

    A signature of wrong length or a key that `is_ed25519_public_key` refuses is a plain no: a verifier must not stumble
    over what a stranger sends.
    """
    if len(signature) != ED25519_SIGNATURE_BYTES or not is_ed25519_public_key(public_key):
        return False
    try:
        eddsa.new(eddsa.import_public_key(public_key), mode="rfc8032").verify(message, signature)
    except ValueError:
        return False
    return True


def is_x25519_public_key(public_key: bytes) -> bool:
    """Whether bytes may stand as a key to share a secret with: 32 of them, canonical, and not of small order (RFC 7748, 6.1).

    Canonical: below the prime, without the bit that X25519 leaves out of account; else one key would have several spellings.
    """
    if len(public_key) != X25519_PUBLIC_KEY_BYTES:
        return False
    u = int.from_bytes(public_key, "little")
    return u < _ED25519_FIELD_PRIME and u not in _SMALL_ORDER_U


def secp256k1_public_key(secret: bytes) -> bytes:
    """The public key of a secp256k1 private key: x and y, CURVE_POINT_BYTES.

    Raises:
        NoCurveKey: the bytes are none.
    """
    import coincurve

    if len(secret) == CURVE_SECRET_BYTES:
        try:
            return coincurve.PrivateKey(secret).public_key.format(compressed=False)[1:]
        except ValueError:
            pass
    # Raised outside the handler: a library's message may repeat the bytes it was given.
    raise NoCurveKey("These bytes are no private key on secp256k1.")


def is_secp256k1_public_key(public_key: bytes) -> bool:
    """Whether bytes are a point of secp256k1, written as CURVE_POINT_BYTES."""
    import coincurve

    if len(public_key) != CURVE_POINT_BYTES:
        return False
    try:
        coincurve.PublicKey(_UNCOMPRESSED + public_key)
    except ValueError:
        return False
    return True


def secp256k1_recover(digest: bytes, signature: bytes) -> bytes | None:
    """Whose signature of a digest it is: the public key, x and y, CURVE_POINT_BYTES.

    Args:
        digest: what was signed, 32 bytes.
        signature: r (32) ‖ s (32) ‖ v (1); v is 0 or 1, and s lies in the lower half. The upper half would spell the same
            signature a second time: anybody can turn one into the other.

    Returns:
        None where the bytes are no signature of any key, or not in that spelling.
    """
    import coincurve

    if len(signature) != SECP256K1_SIGNATURE_BYTES or signature[-1] > 1:
        return None
    if int.from_bytes(signature[32:64], "big") > _SECP256K1_ORDER // 2:
        return None
    try:
        return coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None).format(compressed=False)[1:]
    except ValueError:
        return None


def p256_public_key(secret: bytes) -> bytes:
    """The public key of a P-256 private key: x and y, CURVE_POINT_BYTES.

    Raises:
        NoCurveKey: the bytes are none.
    """
    if len(secret) == CURVE_SECRET_BYTES:
        try:
            key = ECC.construct(curve="P-256", d=int.from_bytes(secret, "big"))
            return key.public_key().export_key(format="raw")[1:]
        except ValueError:
            pass
    raise NoCurveKey("These bytes are no private key on P-256.")


def constant_time_equal(a: bytes, b: bytes) -> bool:
    """Whether two byte strings are the same, in a time that does not tell where they part."""
    return hmac.compare_digest(a, b)


def _private_key(seed: bytes) -> ECC.EccKey:
    if len(seed) != ED25519_SEED_BYTES:
        raise WrongKeyLength(f"An Ed25519 seed has {ED25519_SEED_BYTES} bytes, not {len(seed)}.")
    return eddsa.import_private_key(seed)
