"""A recipient is a key that can be encrypted for, in its one spelling; everything else is told before any library stumbles."""

import pyrage  # type: ignore[import-untyped]
import pytest
from greenlane.adapters.age import encrypt_for
from greenlane.core.crypto import is_x25519_public_key
from greenlane.core.documents.description import read_recipient
from greenlane.core.documents.recipient import is_recipient
from greenlane.core.wire import FieldInvalid
from greenlane.ports.encryption import NoRecipient
from hypothesis import given
from hypothesis import strategies as st
from worlds.descriptions import RECIPIENT, recipient_of

PRIME = 2**255 - 19
# From the y of a point of order 8 on the Edwards curve (RFC 8032): the two ways to take it over to u (RFC 7748, 4.1).
_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
ORDER_EIGHT = [(1 + y) * pow(1 - y, -1, PRIME) % PRIME for y in (_Y, PRIME - _Y)]
LOW = [0, 1, PRIME - 1, *ORDER_EIGHT]


def little(number: int) -> bytes:
    return number.to_bytes(32, "little")


def doubled(u: int) -> int | None:
    """Twice a point of Curve25519 by its u (RFC 7748); None where that is the point at infinity."""
    over = (u * u - 1) ** 2 % PRIME
    under = 4 * u * (u * u + 486_662 * u + 1) % PRIME
    return None if under == 0 else over * pow(under, -1, PRIME) % PRIME


@pytest.mark.parametrize("u", LOW)
def test_a_key_of_small_order_is_none(u: int) -> None:
    at: int | None = u
    for _ in range(3):
        at = None if at is None else doubled(at)
    assert at is None
    text = recipient_of(little(u))
    assert not is_x25519_public_key(little(u)) and not is_recipient(text)
    with pytest.raises(FieldInvalid) as refused:
        read_recipient(text, "/recipient")
    assert refused.value.where == "/recipient" and refused.value.remedy
    with pytest.raises(NoRecipient):
        encrypt_for(b"a receipt", [text])


@pytest.mark.parametrize("number", [PRIME, PRIME + 1, PRIME + 9, 2**255 + 9, 2**256 - 1])
def test_another_spelling_of_a_key_is_none(number: int) -> None:
    assert not is_recipient(recipient_of(little(number)))


def test_what_is_no_bech32_of_thirty_two_bytes_is_none() -> None:
    assert is_recipient(RECIPIENT) and not is_x25519_public_key(bytes(31)) and not is_x25519_public_key(bytes([9]) * 33)
    for text in ("", "age1", RECIPIENT.upper(), RECIPIENT[:-1], RECIPIENT + "q", "age1" + "q" * 58, RECIPIENT + "\n"):
        assert not is_recipient(text)


@given(st.integers(0, 57), st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l"))
def test_one_wrong_letter_is_always_seen(at: int, letter: str) -> None:
    changed = RECIPIENT[: 4 + at] + letter + RECIPIENT[5 + at :]
    assert is_recipient(changed) == (changed == RECIPIENT)


def test_spare_bits_are_zero() -> None:
    # Another letter at the end of the key, with a checksum that is right for it.
    lies = [_spare(bits) for bits in range(16)]
    assert [is_recipient(text) for text in lies] == [True] + [False] * 15


def _spare(bits: int) -> str:
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    number = int.from_bytes(bytes([9]) * 32, "big") << 4 | bits
    groups = [number >> 5 * at & 31 for at in reversed(range(52))]
    value = 1
    for group in (3, 3, 3, 0, 1, 7, 5, *groups, 0, 0, 0, 0, 0, 0):
        top, value = value >> 25, (value & 0x1FFFFFF) << 5 ^ group
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            value ^= generator if top >> bit & 1 else 0
    value ^= 1
    return "age1" + "".join(letters[group] for group in (*groups, *(value >> 5 * at & 31 for at in reversed(range(6)))))


def test_every_key_that_the_library_makes_is_a_recipient() -> None:
    for _ in range(50):
        text = str(pyrage.x25519.Identity.generate().to_public())
        assert is_recipient(text)
        encrypt_for(b"x", [text])


class PanicException(BaseException):
    """As the library's: no Exception, so that a plain handler misses it."""


def test_where_the_library_panics_all_the_same_it_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*_: object) -> bytes:
        raise PanicException("assertion failed")

    monkeypatch.setattr(pyrage, "encrypt", panic)
    with pytest.raises(NoRecipient) as refused:
        encrypt_for(b"x", [RECIPIENT])
    assert refused.value.remedy


def test_other_ends_of_the_process_are_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(pyrage, "encrypt", end)
    with pytest.raises(KeyboardInterrupt):
        encrypt_for(b"x", [RECIPIENT])
