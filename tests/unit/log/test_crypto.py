"""The primitives answer as their standards say, and verification says no to every trick."""

import pytest
from greenlane.core.crypto import (
    WrongKeyLength,
    constant_time_equal,
    ed25519_public_key,
    ed25519_sign,
    ed25519_verify,
    hmac_sha256,
    is_ed25519_public_key,
    keccak256,
    sha256,
    sha256_of_each,
    sha256_of_stream,
)

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC_KEY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


def test_hashes_are_those_of_their_standards() -> None:
    assert sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    # RFC 4231, test case 2.
    assert hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_hashing_pieces_is_hashing_each() -> None:
    assert sha256_of_each(b"p", b"aabbc", 2) == sha256(b"paa") + sha256(b"pbb") + sha256(b"pc")
    assert sha256_of_each(b"p", b"", 2) == b""


def test_a_signature_is_that_of_the_rfc() -> None:
    # RFC 8032, section 7.1, test 1.
    assert ed25519_public_key(SEED) == PUBLIC_KEY
    signature = ed25519_sign(SEED, b"")
    assert signature.hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b"
    )
    assert ed25519_verify(PUBLIC_KEY, b"", signature)


def test_another_message_key_or_signature_is_a_no() -> None:
    signature = ed25519_sign(SEED, b"message")
    assert not ed25519_verify(PUBLIC_KEY, b"massage", signature)
    assert not ed25519_verify(ed25519_public_key(bytes(32)), b"message", signature)
    for bit in range(0, 512, 37):
        flipped = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(64, "big")
        assert not ed25519_verify(PUBLIC_KEY, b"message", flipped)
    assert not ed25519_verify(PUBLIC_KEY, b"message", signature[:63])


def test_a_second_signature_made_from_a_first_is_a_no() -> None:
    signature = ed25519_sign(SEED, b"message")
    s = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    assert not ed25519_verify(PUBLIC_KEY, b"message", signature[:32] + s.to_bytes(32, "little"))


def test_keys_that_everybody_can_sign_for_are_a_no() -> None:
    # R = identity, S = 0 fits any message under a key of small order.
    forged = b"\x01" + bytes(63)
    order_eight = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
    for key in (
        bytes(32),
        b"\x01" + bytes(31),
        (PRIME - 1).to_bytes(32, "little"),
        order_eight,
        (PRIME - int.from_bytes(order_eight, "little")).to_bytes(32, "little"),
        order_eight[:31] + bytes([order_eight[31] | 0x80]),
    ):
        assert not is_ed25519_public_key(key)
        assert not any(ed25519_verify(key, bytes([number]), forged) for number in range(8))


def test_bytes_that_are_no_key_are_a_no() -> None:
    assert not is_ed25519_public_key(PUBLIC_KEY[:31])
    assert not is_ed25519_public_key((PRIME + 2).to_bytes(32, "little"))
    # No point of the curve has y = 2.
    assert not ed25519_verify((2).to_bytes(32, "little"), b"", bytes(64))


def test_a_seed_of_another_length_is_refused_and_never_shown() -> None:
    with pytest.raises(WrongKeyLength) as caught:
        ed25519_public_key(b"secret")
    assert "secret" not in str(caught.value)
    with pytest.raises(WrongKeyLength):
        ed25519_sign(b"secret", b"")


def test_a_stream_has_the_digest_of_the_whole() -> None:
    assert sha256_of_stream(iter([b"a", b"", b"bc"])) == sha256(b"abc")
    assert sha256_of_stream([]) == sha256(b"")


def test_equality_is_equality() -> None:
    assert constant_time_equal(b"a", b"a")
    assert not constant_time_equal(b"a", b"b")
    assert not constant_time_equal(b"a", b"ab")
