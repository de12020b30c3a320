"""An entry is 65 bytes that read as they were written; a blinded one opens under its salt alone."""

import pytest
from greenlane.core.crypto import hmac_sha256
from greenlane.core.entry import AlreadyBlinded, Entry, EntryInvalid, EntryKind, SaltInvalid, blind, opens
from greenlane.core.units import Salt
from hypothesis import given
from hypothesis import strategies as st

DIGESTS = st.binary(min_size=32, max_size=32)
SALTS = DIGESTS.map(Salt)
ENTRIES = st.builds(Entry, kind=st.sampled_from(EntryKind), is_blinded=st.booleans(), subject=DIGESTS, content=DIGESTS)
PLAIN = st.builds(Entry, kind=st.sampled_from(EntryKind), is_blinded=st.just(False), subject=DIGESTS, content=DIGESTS)


@given(ENTRIES)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert len(entry.encode()) == 65
    assert Entry.decode(entry.encode()) == entry


@given(st.binary(min_size=65, max_size=65))
def test_bytes_are_read_only_in_their_one_spelling(data: bytes) -> None:
    if data[0] & 0x7F in set(EntryKind):
        assert Entry.decode(data).encode() == data
    else:
        with pytest.raises(EntryInvalid):
            Entry.decode(data)


@given(st.binary(max_size=80).filter(lambda data: len(data) != 65))
def test_another_length_is_no_entry(data: bytes) -> None:
    with pytest.raises(EntryInvalid, match="65 bytes"):
        Entry.decode(data)


def test_the_layout_is_kind_subject_content() -> None:
    entry = Entry(kind=EntryKind.EVENT, is_blinded=False, subject=b"s" * 32, content=b"c" * 32)
    salt = Salt(b"x" * 32)
    assert entry.encode() == b"\x01" + b"s" * 32 + b"c" * 32
    assert entry.blinded(salt).encode() == b"\x81" + hmac_sha256(salt, b"s" * 32) + hmac_sha256(salt, b"c" * 32)


@given(PLAIN, SALTS)
def test_a_blinded_entry_opens_under_its_salt_and_shows_nothing(plain: Entry, salt: Salt) -> None:
    entry = plain.blinded(salt)
    assert opens(entry, plain, salt)
    assert entry.subject != plain.subject
    assert entry.content != plain.content


@given(PLAIN, SALTS, st.integers(0, 255), st.sampled_from(["salt", "subject", "content"]))
def test_a_flipped_bit_of_salt_or_digests_opens_nothing(plain: Entry, salt: Salt, bit: int, what: str) -> None:
    def flip(data: bytes) -> bytes:
        return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(32, "big")

    entry = plain.blinded(salt)
    other = Entry(
        kind=plain.kind,
        is_blinded=False,
        subject=flip(plain.subject) if what == "subject" else plain.subject,
        content=flip(plain.content) if what == "content" else plain.content,
    )
    assert not opens(entry, other, Salt(flip(salt)) if what == "salt" else salt)


@given(PLAIN, SALTS)
def test_plain_and_blinded_never_pass_for_each_other(plain: Entry, salt: Salt) -> None:
    assert opens(plain, plain, None)
    assert not opens(plain, plain, salt)
    assert not opens(plain.blinded(salt), plain, None)


def test_what_cannot_be_blinded_or_opened_is_refused() -> None:
    salt = Salt(bytes(32))
    plain = Entry(kind=EntryKind.DOCUMENT, is_blinded=False, subject=bytes(32), content=bytes(32))
    with pytest.raises(AlreadyBlinded):
        plain.blinded(salt).blinded(salt)
    with pytest.raises(AlreadyBlinded):
        opens(plain.blinded(salt), plain.blinded(salt), salt)
    for length in (0, 31, 33):
        with pytest.raises(SaltInvalid):
            blind(bytes(32), Salt(bytes(length)))
        with pytest.raises(EntryInvalid):
            Entry(kind=EntryKind.EVENT, is_blinded=False, subject=bytes(length), content=bytes(32))
        with pytest.raises(EntryInvalid):
            Entry(kind=EntryKind.EVENT, is_blinded=False, subject=bytes(32), content=bytes(length))
