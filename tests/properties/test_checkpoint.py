"""A checkpoint is read as it was written, and opened only under the key and name of its log."""

import pytest
from greenlane.core.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    OriginRefused,
    open_checkpoint,
    parse_checkpoint_body,
    sign_checkpoint,
)
from greenlane.core.crypto import ed25519_public_key
from greenlane.core.merkle import MAX_TREE_SIZE
from greenlane.core.note import NoteInvalid, SignatureRefused, VerifierKey, sign_note
from greenlane.core.units import RootHash, TreeSize
from hypothesis import given
from hypothesis import strategies as st

SEED = bytes(range(32))
ORIGIN = "log.example/lima"
KEY = VerifierKey(name=ORIGIN, public_key=ed25519_public_key(SEED))
CHECKPOINT = Checkpoint(origin=ORIGIN, tree_size=TreeSize(42), root=RootHash(b"r" * 32))
CHECKPOINTS = st.builds(
    Checkpoint,
    origin=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="+"), min_size=1, max_size=30),
    tree_size=st.integers(0, MAX_TREE_SIZE).map(TreeSize),
    root=st.binary(min_size=32, max_size=32).map(RootHash),
)


@given(CHECKPOINTS)
def test_a_checkpoint_is_read_as_it_was_written(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint_body(checkpoint.body()) == checkpoint


@given(CHECKPOINTS)
def test_a_signed_checkpoint_opens_under_its_key(checkpoint: Checkpoint) -> None:
    key = VerifierKey(name=checkpoint.origin, public_key=KEY.public_key)
    assert open_checkpoint(sign_checkpoint(checkpoint, SEED), key) == checkpoint


@given(st.integers(0, 10_000), st.integers(0, 6))
def test_any_changed_byte_of_a_signed_checkpoint_is_refused(place: int, bit: int) -> None:
    signed = bytearray(sign_checkpoint(CHECKPOINT, SEED).encode())
    signed[place % len(signed)] ^= 1 << bit
    with pytest.raises((NoteInvalid, SignatureRefused, UnicodeDecodeError)):
        open_checkpoint(signed.decode(), KEY)


def test_a_checkpoint_of_another_log_is_refused_though_the_key_signed_it() -> None:
    other = Checkpoint(origin="log.example/other", tree_size=TreeSize(42), root=RootHash(b"r" * 32))
    with pytest.raises(OriginRefused, match=r"log\.example/other"):
        open_checkpoint(sign_note(other.body(), ORIGIN, SEED), KEY)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "origin\n1\n",
        CHECKPOINT.body()[:-1],
        CHECKPOINT.body() + "extension\n",
        CHECKPOINT.body().replace("42", "042"),
        CHECKPOINT.body().replace("42", "-42"),
        CHECKPOINT.body().replace("42", "4_2"),
        CHECKPOINT.body().replace("42", "٤٢"),
        CHECKPOINT.body().replace("42", "9" * 19),
        CHECKPOINT.body().replace("42", "9" * 5_000),
        CHECKPOINT.body().replace("=", ""),
        CHECKPOINT.body().replace(ORIGIN, ""),
        CHECKPOINT.body().replace(ORIGIN, "two words"),
        f"{ORIGIN}\n42\nAAAA\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(body: str) -> None:
    with pytest.raises(CheckpointInvalid):
        parse_checkpoint_body(body)


@pytest.mark.parametrize(("origin", "size", "root"), [("a b", 1, bytes(32)), (ORIGIN, -1, bytes(32)), (ORIGIN, 1, bytes(31))])
def test_values_that_cannot_stand_in_a_checkpoint_are_refused(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(CheckpointInvalid):
        Checkpoint(origin=origin, tree_size=TreeSize(size), root=RootHash(root))
