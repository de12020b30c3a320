"""The header of an age file tells for how many keys it is encrypted, and of any other kind of file it tells nothing."""

import pyrage  # type: ignore[import-untyped]
import pytest
from greenlane.core.documents.age_file import AGE_MAGIC, MAX_HEADER_BYTES, AgeInvalid, count_recipients
from greenlane.core.errors import InvalidInput
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrage import passphrase, ssh, x25519

SHARE = b"q" * 42 + b"A"
BODY = b"w" * 42 + b"A"
MAC = b"--- " + b"m" * 42 + b"A\n"
ONE = b"-> X25519 " + SHARE + b"\n" + BODY + b"\n"
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN alice@rust"


def encrypted(count: int, data: bytes = b"a certificate") -> bytes:
    file: bytes = pyrage.encrypt(data, [x25519.Identity.generate().to_public() for _ in range(count)])
    return file


@pytest.mark.parametrize("count", [1, 2, 3, 64])
def test_as_many_keys_are_counted_as_a_file_was_encrypted_for(count: int) -> None:
    # What age puts in to keep programs honest differs from file to file.
    for _ in range(20 if count < 64 else 3):
        data = encrypted(count)
        assert count_recipients(data) == count
        assert count_recipients(data[:MAX_HEADER_BYTES]) == count


def test_the_bytes_behind_the_header_are_not_looked_at() -> None:
    data = encrypted(2, bytes(100_000))
    end = data.index(b"\n--- ") + 49
    assert data[end - 1 : end] == b"\n"
    assert count_recipients(data[:end]) == 2
    assert count_recipients(data[:end] + b"\n---\n-> scrypt") == 2


def test_a_header_that_is_cut_off_is_refused_at_every_place() -> None:
    data = encrypted(2)
    for length in range(data.index(b"\n--- ") + 49):
        with pytest.raises(AgeInvalid):
            count_recipients(data[:length])


def test_what_opens_for_another_kind_of_key_is_refused_and_named() -> None:
    ours = x25519.Identity.generate().to_public()
    for data, kind in (
        (passphrase.encrypt(b"a certificate", "correct horse battery"), "'scrypt'"),
        (pyrage.encrypt(b"a certificate", [ssh.Recipient.from_str(SSH_KEY)]), "'ssh-ed25519'"),
        (pyrage.encrypt(b"a certificate", [ours, ssh.Recipient.from_str(SSH_KEY)]), "'ssh-ed25519'"),
        (AGE_MAGIC + ONE + b"-> piv-p256 a b\n" + BODY + b"\n" + MAC, "'piv-p256'"),
        (AGE_MAGIC + ONE + b"-> x25519 " + SHARE + b"\n" + BODY + b"\n" + MAC, "'x25519'"),
        (AGE_MAGIC + ONE + b"-> greasy\n\n" + MAC, "'greasy'"),
    ):
        with pytest.raises(AgeInvalid, match=kind) as refusal:
            count_recipients(data)
        assert refusal.value.remedy


@pytest.mark.parametrize(
    "grease",
    [
        b"-> a-grease\n\n",
        b"-> -grease x y z\n" + b"A" * 63 + b"\n",
        b"-> a-grease !\n" + b"A" * 64 + b"\n\n",
        b"-> a-grease\n" + (b"A" * 64 + b"\n") * 3 + b"AA\n",
    ],
)
def test_what_age_puts_in_between_is_passed_over(grease: bytes) -> None:
    assert count_recipients(AGE_MAGIC + grease + ONE + grease + ONE + MAC) == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7\n",
        AGE_MAGIC[:-1],
        b"age-encryption.org/v2\n" + ONE + MAC,
        b"age-encryption.org/v1\r\n" + ONE + MAC,
        b"-----BEGIN AGE ENCRYPTED FILE-----\n",
        AGE_MAGIC,
        AGE_MAGIC + MAC,
        AGE_MAGIC + b"-> a-grease\n\n" + MAC,
        AGE_MAGIC + ONE,
        AGE_MAGIC + ONE + b"---\n",
        AGE_MAGIC + ONE + MAC[:-2] + b"\n",
        AGE_MAGIC + ONE + MAC.replace(b"A\n", b"B\n"),
        AGE_MAGIC + ONE + b"\n" + MAC,
        AGE_MAGIC + b"\n" + ONE + MAC,
        AGE_MAGIC + ONE[:-1] + b"\r\n" + MAC,
        AGE_MAGIC + b"->  X25519 " + SHARE + b"\n" + BODY + b"\n" + MAC,
        AGE_MAGIC + b"->X25519 " + SHARE + b"\n" + BODY + b"\n" + MAC,
        AGE_MAGIC + b"-> \n" + BODY + b"\n" + MAC,
        AGE_MAGIC + b"-> X25519\n" + BODY + b"\n" + MAC,
        AGE_MAGIC + b"-> X25519 " + SHARE + b" more\n" + BODY + b"\n" + MAC,
        AGE_MAGIC + b"-> X25519 " + SHARE[:-1] + b"\n" + BODY + b"\n" + MAC,
        AGE_MAGIC + b"-> X25519 " + SHARE[:-1] + b"B\n" + BODY + b"\n" + MAC,
        AGE_MAGIC + b"-> X25519 " + SHARE + b"\n\n" + MAC,
        AGE_MAGIC + b"-> X25519 " + SHARE + b"\n" + BODY[:-1] + b"\n" + MAC,
        AGE_MAGIC + b"-> X25519 " + SHARE + b"\n" + BODY[:-1] + b"B\n" + MAC,
        AGE_MAGIC + b"-> X25519 " + SHARE + b"\n" + BODY + b"=\n" + MAC,
        AGE_MAGIC + b"-> X25519 " + SHARE + b"\n" + MAC,
        AGE_MAGIC + b"-> a-grease\n" + b"A" * 64 + b"\n" + MAC,
        AGE_MAGIC + b"-> a-grease\n" + b"A" * 65 + b"\n" + MAC,
        AGE_MAGIC + b"-> a-grease\n\xff\n" + MAC,
        AGE_MAGIC + "-> é-grease\n\n".encode() + ONE + MAC,
        AGE_MAGIC + b"-> a-grease\n\n" * (MAX_HEADER_BYTES // 13) + ONE + MAC,
        AGE_MAGIC + b"-" * MAX_HEADER_BYTES,
    ],
)
def test_what_has_no_such_header_is_refused(data: bytes) -> None:
    with pytest.raises(AgeInvalid):
        count_recipients(data)


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 7))
@settings(max_examples=300)
def test_whatever_the_bytes_are_they_are_counted_or_refused(noise: bytes, place: int, bit: int) -> None:
    whole = bytearray(AGE_MAGIC + ONE + b"-> a-grease x\n" + noise.hex().encode()[:63] + b"\n" + ONE + MAC)
    whole[place % len(whole)] ^= 1 << bit
    for data in (AGE_MAGIC + noise, bytes(whole), noise):
        try:
            assert count_recipients(data) >= 1
        except InvalidInput as refusal:
            assert isinstance(refusal, AgeInvalid)
