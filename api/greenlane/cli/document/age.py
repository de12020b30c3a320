"""Encrypting and decrypting on the member's own machine, in the age format; the server never sees what is confidential.

Everything streams. Where a document is encrypted anew, the plaintext passes from one end to the other in memory and never touches
the disk. Identity files are those of age-keygen, plain or encrypted with a passphrase (`age -p`). Source: age-encryption.org/v1.
"""

import argparse
import getpass
import importlib
import io
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import ModuleType
from typing import BinaryIO, Protocol, cast

from greenlane.cli.files import read_input, read_secret
from greenlane.core.crypto import RunningDigest, running_sha256
from greenlane.core.documents.description import read_recipient
from greenlane.core.documents.recipient import is_recipient
from greenlane.core.errors import InvalidInput
from greenlane.core.exits import PackageMissing, WrongUse
from greenlane.core.wire import shown
from greenlane.ports.documents import Told

SECRET_PREFIX = "AGE-SECRET-KEY-1"  # noqa: S105 - it is what every secret key begins with
_AGE_FILE = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
_MAX_IDENTITY_BYTES = 64 * 1024
_PIPE_BYTES = 64 * 1024
_PANIC = "PanicException"
_SCRYPT_MISS = "Give the passphrase that the file was made with; where it is lost, so is what it opens."


class IdentityInvalid(InvalidInput):
    """A file or a text holds no age identity."""

    code = "identity-invalid"
    default_remedy = "Give a file as `greenlane document keygen` or age-keygen writes it."


class KeyDoesNotOpen(InvalidInput):
    """A key, or a passphrase, does not open what it was given for."""

    code = "key-does-not-open"
    default_remedy = (
        "Give the identity of one of its readers; where that was taken back, ask the owner to share the document again."
    )


class AgeDamaged(InvalidInput):
    """Bytes that should be an age file are none, or are damaged or cut off."""

    code = "age-file-damaged"
    default_remedy = "The bytes are as their CID says: ask the document's owner to store it again."


class Identity(Protocol):
    """A secret age key."""

    def to_public(self) -> object: ...


@dataclass(slots=True)
class Measured:
    """A stream that passes by: how many bytes, their digest, and the fault of the file behind it.

    Attributes:
        fault: what the file raised; the library in between would tell it as its own.
    """

    file: BinaryIO
    told: Told | None = None
    size: int = 0
    fault: BaseException | None = None
    _digest: RunningDigest = field(default_factory=running_sha256)

    @property
    def digest(self) -> bytes:
        """SHA-256 of what passed by."""
        return self._digest.digest()

    def read(self, count: int = -1) -> bytes:
        try:
            data = self.file.read(count)
        except BaseException as fault:
            self.fault = fault
            raise
        self._take(data)
        return data

    def write(self, data: bytes) -> int:
        try:
            self.file.write(data)
        except BaseException as fault:
            self.fault = fault
            raise
        self._take(data)
        return len(data)

    def flush(self) -> None:
        try:
            self.file.flush()
        except BaseException as fault:
            self.fault = fault
            raise

    def _take(self, data: bytes) -> None:
        self.size += len(data)
        self._digest.update(data)
        if self.told is not None:
            self.told(self.size)


def add_identity_arguments(parser: argparse.ArgumentParser, *, is_required: bool = False) -> None:
    """The arguments that say with which key to decrypt."""
    parser.add_argument(
        "--identity", "-i", metavar="FILE", required=is_required, help="your age identity, as `document keygen` wrote it"
    )
    add_passphrase_argument(parser)


def add_passphrase_argument(parser: argparse._ActionsContainer) -> None:
    """The argument that says where the passphrase of an identity is."""
    parser.add_argument("--passphrase-file", metavar="FILE", help="holds the identity's passphrase (default: it is asked for)")


def new_identity() -> tuple[str, str]:
    """A new key: the secret "AGE-SECRET-KEY-1…", and its recipient "age1…"."""
    identity = _pyrage().x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def identity_file(secret: str, recipient: str, *, made_at: datetime) -> bytes:
    """The text of an identity file, as age-keygen writes it."""
    made = made_at.astimezone(UTC).isoformat(timespec="seconds")
    return f"# created: {made}\n# public key: {recipient}\n{secret}\n".encode()


def with_passphrase(plain: bytes, passphrase: str) -> bytes:
    """An armored age file that the passphrase opens, as `age -p -a` makes it."""
    return bytes(_pyrage().passphrase.encrypt(plain, passphrase, armored=True))


def new_passphrase(args: argparse.Namespace) -> str:
    """The passphrase for a new file: of a file, or asked for twice.

    Raises:
        WrongUse: there is nobody to ask, nothing was typed, or two different ones.
    """
    if args.passphrase_file:
        return read_secret(args.passphrase_file)
    first = _asked("Passphrase for the new key: ")
    if _asked("Once more: ") != first:
        raise WrongUse("The two passphrases differ.", remedy="Type the same one twice.")
    return first


def read_identities(args: argparse.Namespace, name: str) -> list[Identity]:
    """The identities in a file; where it is encrypted, its passphrase is read or asked for.

    Raises:
        UnreadableFile, IdentityInvalid, KeyDoesNotOpen, WrongUse: as their names say.
    """
    data = read_input(name, max_bytes=_MAX_IDENTITY_BYTES)
    if data.startswith(_AGE_FILE):
        passphrase = read_secret(args.passphrase_file) if args.passphrase_file else _asked(f"Passphrase of {name}: ")
        pyrage = _pyrage()
        try:
            data = pyrage.passphrase.decrypt(data, passphrase)
        except pyrage.DecryptError as cause:
            raise KeyDoesNotOpen("The passphrase does not open this file.", where=name, remedy=_SCRYPT_MISS) from cause
        except OSError as cause:
            raise IdentityInvalid("The file is damaged.", where=name) from cause
    try:
        lines = [line.strip() for line in data.decode("ascii").splitlines()]
    except UnicodeDecodeError as cause:
        raise IdentityInvalid("The file holds no age identity.", where=name) from cause
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise IdentityInvalid("The file holds no age identity.", where=name)
    return [read_identity(key, where=name) for key in keys]


def read_identity(text: str, *, where: str) -> Identity:
    """A secret key out of its text, which no error repeats.

    Raises:
        IdentityInvalid: it is none.
    """
    pyrage = _pyrage()
    try:
        if not text.startswith(SECRET_PREFIX):
            raise IdentityInvalid("That is no age identity of the X25519 kind.", where=where)
        return cast(Identity, pyrage.x25519.Identity.from_str(text))
    except pyrage.IdentityError as cause:
        raise IdentityInvalid("That is no age identity: a character is wrong or missing.", where=where) from cause


def recipient_of(identity: Identity) -> str:
    """The public key, "age1…"."""
    return str(identity.to_public())


def check_recipient(text: str, *, where: str) -> str:
    """A recipient behind which there is a key.

    Raises:
        FieldInvalid: it is none.
    """
    return read_recipient(text, where)


def encrypt(source: BinaryIO, target: BinaryIO, recipients: Sequence[str], *, told: Told | None = None) -> Measured:
    """Encrypts a stream for the recipients; what passed by, of the plaintext.

    Raises:
        OSError: a file could not be read or written.
    """
    pyrage = _pyrage()
    keys = _recipients(recipients, where="recipients")
    plain, sealed = Measured(source, told), Measured(target)
    try:
        with _without_panic():
            pyrage.encrypt_io(plain, sealed, keys)
    except (pyrage.EncryptError, OSError) as cause:
        raise plain.fault or sealed.fault or OSError(str(cause)) from cause
    return plain


def decrypt(source: BinaryIO, target: BinaryIO, identities: Sequence[Identity], *, told: Told | None = None) -> Measured:
    """Decrypts a stream; what passed by, of the plaintext.

    Raises:
        KeyDoesNotOpen: none of the identities is a reader's.
        AgeDamaged: it is no age file, or damaged; what was written until then is to be thrown away.
        OSError: a file could not be read or written.
    """
    pyrage = _pyrage()
    sealed, plain = Measured(source), Measured(target, told)
    try:
        with _without_panic():
            pyrage.decrypt_io(sealed, plain, list(identities))
    except (pyrage.DecryptError, OSError) as cause:
        fault = sealed.fault or plain.fault
        if fault is not None:
            raise fault from cause
        if "matching keys" in str(cause):
            raise KeyDoesNotOpen("This key does not open the document.") from cause
        raise AgeDamaged("The bytes are no whole age file.") from cause
    return plain


def decrypt_bytes(sealed: bytes, identities: Sequence[Identity]) -> bytes:
    """As `decrypt`, of what is small."""
    target = io.BytesIO()
    decrypt(io.BytesIO(sealed), target, identities)
    return target.getvalue()


def encrypt_anew(
    source: BinaryIO,
    target: BinaryIO,
    identities: Sequence[Identity],
    recipients: Sequence[str],
    *,
    told: Told | None = None,
) -> Measured:
    """Decrypts and encrypts for others in one go; the plaintext is nowhere but in a pipe of this process.

    Raises:
        KeyDoesNotOpen, AgeDamaged, OSError: as for `decrypt`; what was written until then is to be thrown away.
    """
    read_end, write_end = os.pipe()
    ended: list[BaseException] = []

    def open_it() -> None:
        try:
            with open(write_end, "wb", buffering=_PIPE_BYTES) as into:  # noqa: PTH123 - a pipe has no path
                decrypt(source, into, identities)
        except BaseException as fault:  # noqa: BLE001 - it is raised again where it can be seen
            ended.append(fault)

    thread = threading.Thread(target=open_it)
    with open(read_end, "rb") as out_of:  # noqa: PTH123 - a pipe has no path
        thread.start()
        try:
            plain = encrypt(out_of, target, recipients, told=told)
        except BaseException:
            # The other end must not wait for a reader that is gone.
            out_of.close()
            thread.join()
            raise
        thread.join()
    if ended:
        raise ended[0]
    return plain


def _recipients(texts: Sequence[str], *, where: str) -> list[object]:
    pyrage = _pyrage()
    keys: list[object] = []
    for text in texts:
        if not is_recipient(text):
            remedy = "Give the public key as `greenlane document keygen` or age-keygen printed it."
            raise IdentityInvalid(f"There is no key behind {shown(text)}.", where=where, remedy=remedy)
        keys.append(pyrage.x25519.Recipient.from_str(text))
    return keys


@contextmanager
def _without_panic() -> Iterator[None]:
    """What the library, written in another language, holds to be impossible is no Exception; here it is a refusal like any."""
    try:
        yield
    except BaseException as cause:
        if type(cause).__name__ != _PANIC:
            raise
        raise AgeDamaged(
            "The encryption library gave up on these bytes or keys.",
            remedy="Check the keys and the file; report it where they are right.",
        ) from cause


def _asked(question: str) -> str:
    if not sys.stdin.isatty():
        raise WrongUse(
            "There is nobody to ask for the passphrase.", where="--passphrase-file", remedy="Name a file that holds it."
        )
    try:
        text = getpass.getpass(question, stream=sys.stderr)
    except EOFError as cause:
        raise WrongUse("No passphrase was typed.") from cause
    if not text:
        raise WrongUse("No passphrase was typed.", remedy="Without one, ask for a plain file by --plain.")
    return text


def _pyrage() -> ModuleType:
    try:
        return importlib.import_module("pyrage")
    except ModuleNotFoundError as cause:
        raise PackageMissing("pyrage", extras="documents") from cause
