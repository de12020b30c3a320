"""Signed notes: a text and, below an empty line, the signatures of named keys.

    text, ending in a newline
    (empty line)
    — <key name> base64(key id (4) || signature)

A key is named by its name and its id together; the id is SHA-256(name || 0x0A || 0x01 || public key), its first four bytes. It
only says which key to try and proves nothing. Signatures of keys that the reader does not know are passed over; a signature that
bears a known key's name and id must be right.
Source: C2SP signed-note.
"""

from dataclasses import dataclass
from functools import lru_cache

from greenlane.core.crypto import ed25519_public_key, ed25519_sign, ed25519_verify, is_ed25519_public_key, sha256
from greenlane.core.errors import InvalidInput, ProofRefused
from greenlane.core.wire import decode_base64, encode_base64, shown

MAX_NOTE_BYTES = 16_384
KEY_ID_BYTES = 4
MAX_KEY_NAME_CHARACTERS = 255
_ED25519 = b"\x01"
_DASH = "— "


class NoteInvalid(InvalidInput):
    """A text is no signed note."""

    code = "note-invalid"


class VerifierKeyInvalid(InvalidInput):
    """A text is no verifier key, or bytes cannot be one."""

    code = "verifier-key-invalid"
    default_remedy = "Write <name>+<key id, 8 hexadecimal digits>+<base64 of 0x01 and the Ed25519 public key>."


class SignatureRefused(ProofRefused):
    """A note bears no signature of the key asked for, or one that is not by that key."""

    code = "signature-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """What is needed to check one signer's notes.

    Attributes:
        name: without white space and plus signs; for a log its origin.
        public_key: Ed25519, 32 bytes.
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise VerifierKeyInvalid(f"{shown(self.name)} is no name of a key.")
        if not is_ed25519_public_key(self.public_key):
            raise VerifierKeyInvalid(f"What stands for the public key of {shown(self.name)} is none.")

    @property
    def key_id(self) -> bytes:
        """Four bytes that say which key of this name is meant."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key)[:KEY_ID_BYTES]

    def encode(self) -> str:
        """ "<name>+<key id in hex>+<base64 of 0x01 and the public key>"."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(_ED25519 + self.public_key)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Reads what `encode` writes.

        Raises:
            VerifierKeyInvalid: anything else, also where the key id is not that of name and key.
        """
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            key = decode_base64(encoded)
        except InvalidInput as error:
            raise VerifierKeyInvalid(f"{shown(text)} is no verifier key.") from error
        if key[:1] != _ED25519:
            raise VerifierKeyInvalid(f"The verifier key of {shown(name)} is not of the kind Ed25519.")
        verifier_key = cls(name=name, public_key=key[1:])
        if key_id != verifier_key.key_id.hex():
            raise VerifierKeyInvalid(f"The key id of {shown(name)} does not fit its name and public key.")
        return verifier_key


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line, not yet checked.

    Attributes:
        name: the signer's key name.
        key_id: four bytes.
        signature: of any length, at least one byte; for Ed25519 it has 64.
    """

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note that reads well; its text means nothing until `verify_note` has passed.

    Attributes:
        text: what is signed; ends in a newline.
        signatures: at least one.
    """

    text: str
    signatures: tuple[NoteSignature, ...]

    def is_claimed_by(self, key: VerifierKey) -> bool:
        """Whether a signature claims to be by this key. Nothing is checked."""
        return any((line.name, line.key_id) == (key.name, key.key_id) for line in self.signatures)


def sign_note(text: str, name: str, seed: bytes) -> str:
    """Puts a signature below a text.

    Args:
        text: ends in a newline; no other control characters.
        name: the signer's key name.
        seed: the signer's Ed25519 seed, 32 bytes.

    Raises:
        NoteInvalid: the text cannot stand in a note.
        VerifierKeyInvalid: the name cannot name a key.
        WrongKeyLength: the seed is not 32 bytes.
    """
    _require_note_text(text)
    key = VerifierKey(name=name, public_key=ed25519_public_key(seed))
    signature = encode_base64(key.key_id + ed25519_sign(seed, text.encode()))
    note = f"{text}\n{_DASH}{name} {signature}\n"
    _require_note_size(note)
    return note


def parse_note(text: str) -> Note:
    """Reads a signed note, at most MAX_NOTE_BYTES of it, and checks no signature.

    Raises:
        NoteInvalid: it is none.
    """
    _require_note_size(text)
    # The last empty line parts text and signatures: the text may have empty lines of its own.
    body, separator, signed = text.rpartition("\n\n")
    if not separator or not signed.endswith("\n"):
        raise NoteInvalid("A signed note has a text, an empty line, and lines of signatures.")
    body += "\n"
    _require_note_text(body)
    return Note(text=body, signatures=tuple(_signature(line) for line in signed.removesuffix("\n").split("\n")))


def encode_note(note: Note) -> str:
    """The text that `parse_note` reads as this note."""
    lines = [f"{_DASH}{line.name} {encode_base64(line.key_id + line.signature)}\n" for line in note.signatures]
    return f"{note.text}\n{''.join(lines)}"


def verify_note(note: Note, key: VerifierKey) -> None:
    """Checks that a note's text was signed by the holder of a key.

    Raises:
        SignatureRefused: no signature bears the key's name and id, or one that does is not by it.
    """
    claimed = [line for line in note.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
    if not claimed:
        raise SignatureRefused(f"The note bears no signature of {shown(key.name)} with the key id {key.key_id.hex()}.")
    message = note.text.encode()
    if not all(_is_signed(key.public_key, message, line.signature) for line in claimed):
        raise SignatureRefused(f"The signature of {shown(key.name)} is not by its key, or the text was changed.")


# Every receipt under one checkpoint rests on the same signature, and to verify one costs more than all the rest of a receipt.
# 1,024 notes of at most 16 kB bound the memory.
@lru_cache(maxsize=1024)
def _is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    return ed25519_verify(public_key, message, signature)


def _signature(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not is_key_name(name):
        raise NoteInvalid(f"{shown(line)} is no line of a signature.")
    try:
        data = decode_base64(encoded)
    except InvalidInput as error:
        raise NoteInvalid(f"The signature of {shown(name)} is no base64.") from error
    if len(data) <= KEY_ID_BYTES:
        raise NoteInvalid(f"The signature of {shown(name)} is too short.")
    return NoteSignature(name=name, key_id=data[:KEY_ID_BYTES], signature=data[KEY_ID_BYTES:])


def is_key_name(name: str) -> bool:
    """Whether a text may name a key, and so a log: 1 to 255 printable characters, without white space and plus signs."""
    # str.isprintable is false for white space but the space, for control characters and for lone surrogates.
    return 1 <= len(name) <= MAX_KEY_NAME_CHARACTERS and name.isprintable() and not any(c in name for c in " +")


def _require_note_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteInvalid("The text of a note ends in a newline.")
    if any(character < " " and character != "\n" for character in text):
        raise NoteInvalid("The text of a note has no control characters but newlines.")


def _require_note_size(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise NoteInvalid("The note cannot be written in UTF-8.") from error
    if size > MAX_NOTE_BYTES:
        raise NoteInvalid(f"A note has at most {MAX_NOTE_BYTES} bytes, not {size}.")
