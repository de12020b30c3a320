"""A log's word for its state: origin, tree size and root, signed by the log's key as a note.

Three lines and no more: extension lines, which the format allows, cannot be audited, so none is written and none is taken.
Source: C2SP tlog-checkpoint.
"""

import re
from dataclasses import dataclass

from greenlane.core.errors import InvalidInput, ProofRefused
from greenlane.core.merkle import HASH_BYTES, MAX_TREE_SIZE
from greenlane.core.note import Note, VerifierKey, is_key_name, parse_note, sign_note, verify_note
from greenlane.core.units import RootHash, TreeSize
from greenlane.core.wire import decode_base64, encode_base64, shown

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class CheckpointInvalid(InvalidInput):
    """A text is no checkpoint, or values cannot stand in one."""

    code = "checkpoint-invalid"


class OriginRefused(ProofRefused):
    """A checkpoint, rightly signed by a log's key, speaks for another log."""

    code = "origin-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state of one log.

    Attributes:
        origin: which log, as `note.is_key_name` allows it, e.g. "greenlane.example/lima".
        tree_size: how many leaves it has, at most MAX_TREE_SIZE.
        root: 32 bytes.
    """

    origin: str
    tree_size: TreeSize
    root: RootHash

    def __post_init__(self) -> None:
        if not is_key_name(self.origin):
            raise CheckpointInvalid(f"{shown(self.origin)} is no origin of a log.")
        if not 0 <= self.tree_size <= MAX_TREE_SIZE:
            raise CheckpointInvalid(f"{self.tree_size} is no size of a tree.")
        if len(self.root) != HASH_BYTES:
            raise CheckpointInvalid(f"A root has {HASH_BYTES} bytes, not {len(self.root)}.")

    def body(self) -> str:
        """The text that is signed: three lines, each ended by a newline."""
        return f"{self.origin}\n{self.tree_size}\n{encode_base64(self.root)}\n"


def parse_checkpoint_body(text: str) -> Checkpoint:
    """Reads what `Checkpoint.body` writes.

    Raises:
        CheckpointInvalid: anything else.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise CheckpointInvalid("A checkpoint has three lines: origin, tree size and root.")
    origin, size, root = lines[:3]
    if _SIZE.fullmatch(size) is None:
        raise CheckpointInvalid(f"{shown(size)} is no size of a tree.")
    try:
        root_bytes = decode_base64(root)
    except InvalidInput as error:
        raise CheckpointInvalid(f"{shown(root)} is no root in base64.") from error
    return Checkpoint(origin=origin, tree_size=TreeSize(int(size)), root=RootHash(root_bytes))


def sign_checkpoint(checkpoint: Checkpoint, seed: bytes) -> str:
    """The signed note of a checkpoint; the key's name is the log's origin.

    Args:
        checkpoint: consistent with every one this log has signed before; that is the caller's to know.
        seed: the log key's Ed25519 seed, 32 bytes.

    Raises:
        WrongKeyLength: the seed is not 32 bytes.
    """
    return sign_note(checkpoint.body(), checkpoint.origin, seed)


def open_checkpoint(note_text: str, key: VerifierKey) -> Checkpoint:
    """Reads a signed checkpoint, and answers with it only if the log's key has signed it.

    Args:
        note_text: the whole note.
        key: the log's; its name is the origin expected.

    Raises:
        NoteInvalid, CheckpointInvalid: it does not read well.
        SignatureRefused: it is not signed by this key.
        OriginRefused: it is, but is the checkpoint of another log.
    """
    return open_checkpoint_note(parse_note(note_text), key)


def open_checkpoint_note(note: Note, key: VerifierKey) -> Checkpoint:
    """As `open_checkpoint`, of a note already read."""
    verify_note(note, key)
    checkpoint = parse_checkpoint_body(note.text)
    if checkpoint.origin != key.name:
        raise OriginRefused(f"The checkpoint is of the log {shown(checkpoint.origin)}, not of {shown(key.name)}.")
    return checkpoint
