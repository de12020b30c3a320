"""Who signed is recovered from the one spelling of a signature, and from no other."""

import coincurve
import pytest
from greenlane.core.crypto import secp256k1_public_key, secp256k1_recover, sha256
from hypothesis import given
from hypothesis import strategies as st

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SECRET = sha256(b"one secret")
DIGEST = sha256(b"what is signed")
SIGNATURE = coincurve.PrivateKey(SECRET).sign_recoverable(DIGEST, hasher=None)
R, S, V = SIGNATURE[:32], SIGNATURE[32:64], SIGNATURE[64]


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def test_the_signer_is_recovered() -> None:
    assert secp256k1_recover(DIGEST, SIGNATURE) == secp256k1_public_key(SECRET)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=1, max_size=31).filter(any))
def test_every_signer_of_every_digest_is_recovered(digest: bytes, secret: bytes) -> None:
    secret = secret.rjust(32, b"\x00")
    signature = coincurve.PrivateKey(secret).sign_recoverable(digest, hasher=None)
    assert secp256k1_recover(digest, signature) == secp256k1_public_key(secret)


def test_the_same_signature_turned_over_is_none() -> None:
    turned = R + number(ORDER - int.from_bytes(S, "big")) + bytes([1 - V])
    # The curve knows it as the same signer's; that is why it may not count.
    assert coincurve.PublicKey.from_signature_and_message(turned, DIGEST, hasher=None).format(False)[1:] == secp256k1_public_key(
        SECRET
    )
    assert secp256k1_recover(DIGEST, turned) is None


def test_s_ends_at_half_the_order() -> None:
    half = ORDER // 2
    assert secp256k1_recover(DIGEST, R + number(half) + b"\x00") is not None
    assert secp256k1_recover(DIGEST, R + number(half + 1) + b"\x00") is None


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        SIGNATURE[:64],
        SIGNATURE + b"\x00",
        R + S + bytes([V + 27]),
        R + S + bytes([V + 2]),
        R + S + b"\xff",
        bytes(65),
        bytes(32) + S + bytes([V]),
        R + bytes(32) + bytes([V]),
        number(ORDER) + S + bytes([V]),
        b"\xff" * 32 + S + bytes([V]),
    ],
)
def test_what_is_no_signature_has_no_signer(signature: bytes) -> None:
    assert secp256k1_recover(DIGEST, signature) is None


def test_a_third_spelling_that_only_the_curve_knows_is_none() -> None:
    # With v 2 or 3 the curve adds the order to r; small numbers have such points, and no chain writes them.
    known = 0
    for r in range(1, 40):
        signature = number(r) + S + b"\x02"
        try:
            coincurve.PublicKey.from_signature_and_message(signature, DIGEST, hasher=None)
        except ValueError:
            continue
        known += 1
        assert secp256k1_recover(DIGEST, signature) is None
    assert known > 0


def test_every_flipped_bit_leads_to_another_signer_or_to_none() -> None:
    signer = secp256k1_public_key(SECRET)
    for bit in range(8 * 65):
        changed = (int.from_bytes(SIGNATURE, "big") ^ 1 << bit).to_bytes(65, "big")
        assert secp256k1_recover(DIGEST, changed) != signer
    for bit in range(8 * 32):
        changed = (int.from_bytes(DIGEST, "big") ^ 1 << bit).to_bytes(32, "big")
        assert secp256k1_recover(changed, SIGNATURE) != signer
