"""A signed note holds for its text and its key, and for no other."""

import pytest
from greenlane.core.crypto import WrongKeyLength, ed25519_public_key
from greenlane.core.note import (
    MAX_NOTE_BYTES,
    Note,
    NoteInvalid,
    NoteSignature,
    SignatureRefused,
    VerifierKey,
    VerifierKeyInvalid,
    encode_note,
    parse_note,
    sign_note,
    verify_note,
)
from hypothesis import given
from hypothesis import strategies as st

SEED = bytes(range(32))
NAME = "log.example/lima"
KEY = VerifierKey(name=NAME, public_key=ed25519_public_key(SEED))
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="+"), min_size=1, max_size=20)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\n"), max_size=60).map(
    lambda text: text + "\n"
)
SIGNATURES = st.builds(
    NoteSignature,
    name=NAMES,
    key_id=st.binary(min_size=4, max_size=4),
    signature=st.binary(min_size=1, max_size=80),
)


@given(TEXTS, st.lists(SIGNATURES, min_size=1, max_size=16))
def test_a_note_is_read_as_it_was_written(text: str, signatures: list[NoteSignature]) -> None:
    note = Note(text=text, signatures=tuple(signatures))
    assert parse_note(encode_note(note)) == note


@given(st.text(max_size=120))
def test_a_note_is_read_only_in_its_one_spelling(text: str) -> None:
    for candidate in (text, f"a\n\n— {text}\n", f"a\n\n— name {text}\n"):
        try:
            note = parse_note(candidate)
        except NoteInvalid:
            continue
        assert encode_note(note) == candidate


@given(NAMES, st.binary(min_size=32, max_size=32))
def test_a_verifier_key_is_read_as_it_was_written(name: str, seed: bytes) -> None:
    key = VerifierKey(name=name, public_key=ed25519_public_key(seed))
    assert VerifierKey.parse(key.encode()) == key


@given(TEXTS)
def test_a_signed_text_verifies(text: str) -> None:
    note = parse_note(sign_note(text, NAME, SEED))
    assert note.text == text
    assert note.is_claimed_by(KEY)
    verify_note(note, KEY)


@given(st.integers(0, 10_000), st.integers(0, 6))
def test_any_changed_byte_of_a_signed_note_is_refused(place: int, bit: int) -> None:
    signed = sign_note("first\n\nsecond\n", NAME, SEED).encode()
    changed = bytearray(signed)
    changed[place % len(signed)] ^= 1 << bit
    try:
        note = parse_note(changed.decode())
    except (NoteInvalid, UnicodeDecodeError):
        return
    with pytest.raises(SignatureRefused):
        verify_note(note, KEY)


def test_a_note_by_unknown_signers_beside_the_known_one_holds() -> None:
    note = parse_note(sign_note("text\n", NAME, SEED))
    others = tuple(NoteSignature(name=f"witness{number}.example", key_id=bytes(4), signature=bytes(5_00)) for number in range(15))
    verify_note(parse_note(encode_note(Note(text=note.text, signatures=(*others, *note.signatures)))), KEY)


def test_a_known_key_that_signed_wrongly_beside_rightly_is_refused() -> None:
    note = parse_note(sign_note("text\n", NAME, SEED))
    wrong = NoteSignature(name=NAME, key_id=KEY.key_id, signature=bytes(64))
    with pytest.raises(SignatureRefused, match="not by its key"):
        verify_note(Note(text=note.text, signatures=(*note.signatures, wrong)), KEY)


def test_a_name_or_an_id_alone_names_no_key() -> None:
    note = parse_note(sign_note("text\n", NAME, SEED))
    other_key = VerifierKey(name=NAME, public_key=ed25519_public_key(bytes(32)))
    other_name = VerifierKey(name="log.example/other", public_key=KEY.public_key)
    for key in (other_key, other_name):
        assert not note.is_claimed_by(key)
        with pytest.raises(SignatureRefused, match="no signature"):
            verify_note(note, key)


def test_the_key_id_is_the_one_of_the_specification() -> None:
    # The verifier key that the Go checksum database has published since 2019.
    text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    key = VerifierKey.parse(text)
    assert key.key_id.hex() == "033de0ae"
    assert key.encode() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— name AAAAAAA=",
        "text\n\n- name AAAAAAA=\n",
        "text\n\n—name AAAAAAA=\n",
        "text\n\n— AAAAAAA=\n",
        "text\n\n— na+me AAAAAAA=\n",
        "text\n\n— name AAAA\n",
        "text\n\n— name AAAAAA==\n",
        "text\n\n— name AAAAAAB=\n",
        "text\n\n— name AAAAAAA\n",
        "text\n\n— name ÄAAAAAA=\n",
        "te\txt\n\n— name AAAAAAA=\n",
        "text\r\n\n— name AAAAAAA=\n",
        "text\n\n— name AAAAAAA=\n\n",
        "\ud800\n\n— name AAAAAAA=\n",
        "x" * MAX_NOTE_BYTES + "\n\n— name AAAAAAA=\n",
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        parse_note(text)


def test_what_cannot_be_signed_is_refused() -> None:
    for text in ("no newline", "bell\a\n", "x" * MAX_NOTE_BYTES + "\n"):
        with pytest.raises(NoteInvalid):
            sign_note(text, NAME, SEED)
    with pytest.raises(VerifierKeyInvalid):
        sign_note("text\n", "two words", SEED)
    with pytest.raises(WrongKeyLength):
        sign_note("text\n", NAME, SEED[:31])


@pytest.mark.parametrize(
    "text",
    [
        "",
        NAME,
        f"{NAME}+{KEY.key_id.hex()}",
        KEY.encode().replace(KEY.key_id.hex(), "00000000"),
        KEY.encode().replace(KEY.key_id.hex(), KEY.key_id.hex().upper()),
        KEY.encode() + "=",
        KEY.encode().replace("log.", "log "),
        KEY.encode().replace("+A", "+B"),
        f"{NAME}+00000000+AQ==",
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(VerifierKeyInvalid):
        VerifierKey.parse(text)
