"""Keys on the curves of the chain and of tokens: known ones give known points, and what is none is refused unnamed."""

from collections.abc import Callable

import pytest
from greenlane.core.crypto import NoCurveKey, is_secp256k1_public_key, p256_public_key, secp256k1_public_key

# SEC 2, section 2.4.1: the base point, which is the public key of 1.
BASE_POINT = bytes.fromhex(
    "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
)
# RFC 6979, appendix A.2.5.
P256_SECRET = bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
P256_POINT = bytes.fromhex(
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)


def test_known_keys_give_known_points() -> None:
    assert secp256k1_public_key((1).to_bytes(32, "big")) == BASE_POINT
    assert p256_public_key(P256_SECRET) == P256_POINT


@pytest.mark.parametrize("public_key", [secp256k1_public_key, p256_public_key])
@pytest.mark.parametrize("secret", [b"", b"\x01" * 31, b"\x01" * 33, bytes(32), b"\xff" * 32])
def test_what_is_no_key_is_refused_and_not_repeated(public_key: Callable[[bytes], bytes], secret: bytes) -> None:
    with pytest.raises(NoCurveKey) as caught:
        public_key(secret)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert len(secret) < 2 or secret.hex() not in str(caught.value)


def test_a_point_lies_on_its_curve() -> None:
    assert is_secp256k1_public_key(BASE_POINT)
    for other in (b"", BASE_POINT[:-1], b"\x04" + BASE_POINT, bytes(64), P256_POINT, BASE_POINT[:-1] + b"\xb9"):
        assert not is_secp256k1_public_key(other)
