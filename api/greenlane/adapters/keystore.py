"""A directory of encrypted key files, and the hand that signs checkpoints with the log keys in it.

Each file is a Web3 Secret Storage file, version 3, as every Ethereum client writes it, with one more field, `use`. The same
format holds all kinds of keys, each with its public part in the clear: secp256k1 keys of accounts and chain nodes (`address`),
Ed25519 seeds of logs (`logKey`), Ed25519 seeds of documents nodes and P-256 keys that sign tokens (`publicKey`). What stands in
the clear is compared with the key after decrypting, so a file that was mixed up is noticed.

- One password for the directory, read from a file and never from the environment or a command line.
- Directory 0700, files 0600; a file appears whole or not at all, and none is ever overwritten.
- A key is decrypted once and kept in memory; it never enters an error, a log line or a repr.
- scrypt makes guessing the password cost SCRYPT_N_STRONG rounds, about a second a key. A network that exists only to be tried
  out may say SCRYPT_N_LOCAL instead: its keys guard nothing, and a dozen of them are made in a moment. Each file tells its cost.

Source: Web3 Secret Storage Definition (ethereum.org), RFC 7914 (scrypt), C2SP signed-note.
"""

import os
import re
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, cast

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keyfile.keyfile import create_keyfile_json, decode_keyfile_json

from greenlane.adapters.entropy import random_bytes
from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.canonical import JsonValue, canonical_bytes, parse_json
from greenlane.core.checkpoint import Checkpoint, sign_checkpoint
from greenlane.core.crypto import CURVE_POINT_BYTES, ED25519_PUBLIC_KEY_BYTES, ed25519_public_key, p256_public_key
from greenlane.core.errors import Conflict, GreenlaneError, InvalidInput, NotFound
from greenlane.core.units import Address, CenterId
from greenlane.ports.signing import HostedCenter

SCRYPT_N_STRONG: Final = 2**18
"""What Ethereum clients call standard: 256 MB and about a second for each guess."""
SCRYPT_N_LOCAL: Final = 2**12
"""What they call light: 4 MB and some milliseconds. Only for networks that guard nothing."""
_SCRYPT_N_MOST = 2**20
_SECRET_BYTES = 32
_MAX_FILE_BYTES = 16_384
# A member's key is named by two ids of up to 31 characters, hyphens in them doubled.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,159}", re.ASCII)
_SUFFIX = ".json"


class KeyUse(StrEnum):
    """What a key is for. One key, one use.

    VALIDATOR and RPC_NODE are the keys of a center's Besu nodes, DOCUMENTS that of its Kubo node, LOG that of its log; TOKENS
    signs the tokens that open its RPC node. The others are accounts.
    """

    DEPLOYER = "deployer"
    OPERATOR = "operator"
    ANCHORER = "anchorer"
    VALIDATOR = "validator"
    CERTIFIER = "certifier"
    MEMBER = "member"
    LOG = "log"
    RPC_NODE = "rpc-node"
    DOCUMENTS = "documents"
    TOKENS = "tokens"


_PUBLIC_FIELDS: Final = {
    KeyUse.LOG: ("logKey", ED25519_PUBLIC_KEY_BYTES),
    KeyUse.DOCUMENTS: ("publicKey", ED25519_PUBLIC_KEY_BYTES),
    KeyUse.TOKENS: ("publicKey", CURVE_POINT_BYTES),
}
"""What a key file says in the clear, and how many bytes; of every other use it is the address of an account."""
_ADDRESS_FIELD = ("address", ADDRESS_BYTES)


class KeyFileInvalid(GreenlaneError):
    """A key file or the password file cannot be read, or is no such file; `where` names it."""

    code = "key-file-invalid"
    default_remedy = "Restore the file from a backup."


class WrongPassword(GreenlaneError):
    """The password does not open a key file; `where` names it."""

    code = "wrong-password"
    default_remedy = "Give the password file that the key was made with; if that is right, restore the key file from a backup."


class KeyExists(Conflict):
    """There is a key of that name; keys are never overwritten."""

    code = "key-exists"


class KeyMissing(NotFound):
    """There is no key of that name."""

    code = "key-missing"


class WrongUse(GreenlaneError):
    """A key is asked for something it is not for."""

    code = "wrong-key-use"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """What a key file says in the clear.

    Attributes:
        name: the file's name without ".json".
        address: of the account of a secp256k1 key; None for other kinds.
        log_key: Ed25519 public key of a log's key, 32 bytes; None for other uses.
        public_key: of a documents node (Ed25519, 32 bytes) or of tokens (P-256, x and y, 64 bytes); None for other uses.
        scrypt_n: what guessing the password costs.
    """

    name: str
    use: KeyUse
    address: Address | None
    log_key: bytes | None
    public_key: bytes | None
    scrypt_n: int


class Keystore:
    """The keys of one deployment. Safe for threads; several processes may read, and create keys of different names."""

    def __init__(self, directory: Path, password_file: Path, *, scrypt_n: int = SCRYPT_N_STRONG) -> None:
        """Names the places; nothing is read or made yet.

        Args:
            directory: made at the first `create`, with mode 0700.
            password_file: its one line is the password; a last newline is not part of it.
            scrypt_n: cost of keys made from now on; what was made before keeps its own. A power of two, 2 to 2**20.

        Raises:
            InvalidInput: `scrypt_n` is none.
        """
        _require_scrypt_n(scrypt_n)
        self._directory = directory
        self._password_file = password_file
        self._scrypt_n = scrypt_n
        self._lock = threading.RLock()
        self._secrets: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"Keystore({str(self._directory)!r})"

    def create(self, name: str, use: KeyUse) -> KeyFile:
        """Makes a new random key and keeps it, durably.

        Args:
            name: 1 to 160 lower-case letters, digits and hyphens, a letter first.

        Raises:
            InvalidInput: `name` is none.
            KeyExists: there is one of that name.
            KeyFileInvalid: the password file cannot be read, or the directory cannot be written.
        """
        return self.add(name, use, random_bytes(_SECRET_BYTES))

    def add(self, name: str, use: KeyUse, secret: bytes) -> KeyFile:
        """Keeps a key that exists; 32 bytes: a secp256k1 key, or for LOG and DOCUMENTS an Ed25519 seed, for TOKENS a P-256 key.

        Raises:
            As `create`; and InvalidInput: the bytes are no key.
        """
        if _NAME.fullmatch(name) is None:
            raise InvalidInput(
                f"{name[:70]!r} is no name of a key.",
                remedy="Use 1 to 160 lower-case letters, digits or hyphens, a letter first.",
            )
        path = self._path(name)
        if path.exists():
            raise KeyExists(f"There is a key {name!r} already.", where=str(path))
        content = _encrypted(secret, use, self._password(), self._scrypt_n)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_new_file(path, canonical_bytes(cast(JsonValue, content)) + b"\n")
        except FileExistsError as error:
            raise KeyExists(f"There is a key {name!r} already.", where=str(path)) from error
        except OSError as error:
            raise KeyFileInvalid(f"The key cannot be written: {error.strerror}.", where=str(path), remedy="") from error
        with self._lock:
            self._secrets[name] = bytes(secret)
        return self.describe(name)

    def rename(self, name: str, new_name: str) -> None:
        """Gives a key another name, durably; after a crash it has the old one, both, or the new one, and doing it again ends it.

        Raises:
            KeyMissing: there is none of that name.
            KeyExists: there is another one of the new name.
            KeyFileInvalid: the directory cannot be written.
        """
        path, new_path = self._path(name), self._path(new_name)
        try:
            # A link, unlike a rename, fails where the name is taken.
            os.link(path, new_path)
        except FileNotFoundError as error:
            raise KeyMissing(f"There is no key {name!r}.", where=str(path)) from error
        except FileExistsError as error:
            if not path.samefile(new_path):
                raise KeyExists(f"There is a key {new_name!r} already.", where=str(new_path)) from error
        except OSError as error:
            raise KeyFileInvalid(f"The key cannot be renamed: {error.strerror}.", where=str(path), remedy="") from error
        sync_directory(self._directory)
        path.unlink(missing_ok=True)
        sync_directory(self._directory)
        with self._lock:
            self._secrets.pop(name, None)

    def files(self) -> tuple[KeyFile, ...]:
        """Every key, by name; what is no key file is an error, since a key that cannot be read is a key lost.

        Raises:
            KeyFileInvalid: a file cannot be read or is damaged.
        """
        return tuple(self.describe(path.stem) for path in sorted(self._directory.glob(f"*{_SUFFIX}")))

    def has(self, name: str) -> bool:
        """Whether there is a key of that name, readable or not."""
        return _NAME.fullmatch(name) is not None and self._path(name).exists()

    def describe(self, name: str) -> KeyFile:
        """What a key's file says in the clear; no password is needed.

        Raises:
            KeyMissing: there is none of that name.
            KeyFileInvalid: the file cannot be read or is damaged.
        """
        return _described(name, self._read(name), self._path(name))

    def account(self, name: str, use: KeyUse | None = None) -> LocalAccount:
        """An account that signs with the key of that name.

        Args:
            use: what it is wanted for; None: whatever its file says.

        Raises:
            KeyMissing, KeyFileInvalid, WrongPassword.
            WrongUse: it is no account's key, or for another use.
        """
        described = self._for(name, use)
        if described.address is None:
            raise WrongUse(f"The key {name!r} is for {described.use} and is no account.", where=str(self._path(name)))
        return cast(LocalAccount, Account.from_key(self._secret(name)))

    def seed(self, name: str) -> bytes:
        """The Ed25519 seed of a log's key; 32 bytes.

        Raises:
            KeyMissing, KeyFileInvalid, WrongPassword.
            WrongUse: it is an account's key.
        """
        return self.secret(name, KeyUse.LOG)

    def secret(self, name: str, use: KeyUse) -> bytes:
        """The private key itself, 32 bytes: for what another program, such as a node, must hold.

        Raises:
            KeyMissing, KeyFileInvalid, WrongPassword.
            WrongUse: it is for another use.
        """
        self._for(name, use)
        return self._secret(name)

    def _for(self, name: str, use: KeyUse | None) -> KeyFile:
        described = self.describe(name)
        if use is not None and described.use is not use:
            raise WrongUse(f"The key {name!r} is for {described.use}, not for {use}.", where=str(self._path(name)))
        return described

    def _secret(self, name: str) -> bytes:
        with self._lock:
            if name not in self._secrets:
                self._secrets[name] = self._decrypted(name)
            return self._secrets[name]

    def _decrypted(self, name: str) -> bytes:
        path = self._path(name)
        content = self._read(name)
        described = _described(name, content, path)
        try:
            secret = decode_keyfile_json(cast(dict[Any, Any], content), cast(str, self._password()))
        except ValueError as error:
            # The library says "MAC mismatch" for a wrong password and for changed bytes alike: they cannot be told apart.
            raise WrongPassword("The password does not open this key.", where=str(path)) from error
        if _public(secret, described.use, path) != (described.address or described.log_key or described.public_key):
            raise KeyFileInvalid("The key inside is another than the file says.", where=str(path))
        return secret

    def _read(self, name: str) -> dict[str, JsonValue]:
        path = self._path(name)
        try:
            with path.open("rb") as file:
                data = file.read(_MAX_FILE_BYTES + 1)
        except FileNotFoundError as error:
            raise KeyMissing(f"There is no key {name!r}.", where=str(path)) from error
        except OSError as error:
            raise KeyFileInvalid(f"The key cannot be read: {error.strerror}.", where=str(path)) from error
        if len(data) > _MAX_FILE_BYTES:
            raise KeyFileInvalid(f"A key file has at most {_MAX_FILE_BYTES} bytes.", where=str(path))
        try:
            content = parse_json(data)
        except InvalidInput as error:
            raise KeyFileInvalid(f"The key file is damaged: {error.detail}", where=str(path)) from error
        if not isinstance(content, dict):
            raise KeyFileInvalid("A key file holds one JSON object.", where=str(path))
        return content

    def _password(self) -> bytes:
        try:
            data = self._password_file.read_bytes()
        except OSError as error:
            raise KeyFileInvalid(
                f"The password file cannot be read: {error.strerror}.",
                where=str(self._password_file),
                remedy="Name the file that holds the keystore's password.",
            ) from error
        password = data.removesuffix(b"\n").removesuffix(b"\r")
        if not password:
            raise KeyFileInvalid(
                "The password file is empty.", where=str(self._password_file), remedy="Write the password in its first line."
            )
        return password

    def _path(self, name: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise KeyMissing(f"{name[:70]!r} is no name of a key.")
        return self._directory / f"{name}{_SUFFIX}"


class LogSigner:
    """Signs checkpoints of the hosted centers' logs; implements ports.signing.CheckpointSigner."""

    def __init__(self, centers: Iterable[HostedCenter], seeds: Mapping[CenterId, bytes]) -> None:
        """Takes the centers and the seed of each one's log key.

        Raises:
            WrongUse: a center has no seed, or one that is not that of its verifier key, or the key has not the origin's name.
        """
        self._centers = {center.id: center for center in sorted(centers, key=lambda center: center.id)}
        self._seeds = dict(seeds)
        for center in self._centers.values():
            seed = self._seeds.get(center.id)
            if seed is None or ed25519_public_key(seed) != center.key.public_key or center.key.name != center.origin:
                raise WrongUse(
                    f"The log key at hand is not the one of {center.id}: {center.key.encode()}.",
                    remedy="Restore the log's key file, or have the center's operator rotate its log key.",
                )

    def __repr__(self) -> str:
        return f"LogSigner({', '.join(self._centers)})"

    def centers(self) -> Sequence[HostedCenter]:
        """The hosted centers, by id."""
        return tuple(self._centers.values())

    def center(self, center: CenterId) -> HostedCenter:
        """One hosted center.

        Raises:
            NotFound: this deployment does not serve it.
        """
        found = self._centers.get(center)
        if found is None:
            raise NotFound(f"The center {center!r} is not served here.")
        return found

    def sign(self, center: CenterId, checkpoint: Checkpoint) -> str:
        """The checkpoint as a C2SP signed note.

        Raises:
            NotFound: this deployment does not serve the center.
            WrongUse: the checkpoint is of another log.
        """
        hosted = self.center(center)
        if checkpoint.origin != hosted.origin:
            raise WrongUse(f"The key of {hosted.origin} does not sign for {checkpoint.origin}.")
        return sign_checkpoint(checkpoint, self._seeds[center])


def write_new_file(path: Path, data: bytes) -> None:
    """Writes a file that does not exist yet, readable by its owner only, whole and durable or not at all.

    Raises:
        FileExistsError: it exists.
        OSError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        write_durably(draft, data)
        # A link, unlike a rename, fails where the name is taken: two processes cannot both win.
        os.link(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    sync_directory(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Writes or replaces a file, readable by its owner only; a reader sees the old one or the new one, whole.

    Raises:
        OSError: it cannot be written; the old one stands.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        write_durably(draft, data)
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    sync_directory(path.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Writes a new file with mode 0600 and waits until it is on the disk."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - no Path takes a mode
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Waits until the names in a directory are on the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encrypted(secret: bytes, use: KeyUse, password: bytes, scrypt_n: int) -> dict[str, Any]:
    public = _public(secret, use, None)
    content = create_keyfile_json(secret, cast(str, password), version=3, kdf="scrypt", iterations=scrypt_n, salt_size=32)
    # The library writes the address that these bytes would have as an account's key: of another kind of key it names nobody.
    del content["address"]
    content["use"] = use.value
    content[_PUBLIC_FIELDS.get(use, _ADDRESS_FIELD)[0]] = public.hex()
    return content


def _public(secret: bytes, use: KeyUse, path: Path | None) -> bytes:
    """What stands in the clear beside a key."""
    try:
        match use:
            case KeyUse.LOG | KeyUse.DOCUMENTS:
                return ed25519_public_key(secret)
            case KeyUse.TOKENS:
                return p256_public_key(secret)
        return bytes.fromhex(str(Account.from_key(secret).address)[2:])
    except (InvalidInput, ValueError) as error:
        if path is not None:
            raise KeyFileInvalid("What is inside is no key.", where=str(path)) from error
    # Raised outside the handler: the library's message repeats the bytes it was given.
    raise InvalidInput(f"These {len(secret)} bytes are no key.", remedy="Give 32 bytes.")


def _described(name: str, content: Mapping[str, JsonValue], path: Path) -> KeyFile:
    expected = {"crypto", "id", "use", "version"}
    try:
        use = KeyUse(str(content["use"]))
        field, length = _PUBLIC_FIELDS.get(use, _ADDRESS_FIELD)
        if set(content) != {*expected, field} or content["version"] != 3:
            raise ValueError
        public = _hex(content[field], length)
        return KeyFile(
            name=name,
            use=use,
            address=Address(public) if field == "address" else None,
            log_key=public if field == "logKey" else None,
            public_key=public if field == "publicKey" else None,
            scrypt_n=_checked_crypto(content["crypto"]),
        )
    except (KeyError, TypeError, ValueError, InvalidInput) as error:
        raise KeyFileInvalid("This is no key file of ours, or it is damaged.", where=str(path)) from error


def _checked_crypto(crypto: JsonValue) -> int:
    """Looks over what the library would take as it is: a damaged cost could ask for all memory there is."""
    if not isinstance(crypto, dict) or crypto["cipher"] != "aes-128-ctr" or crypto["kdf"] != "scrypt":
        raise ValueError
    cipher, kdf = crypto["cipherparams"], crypto["kdfparams"]
    if not isinstance(cipher, dict) or not isinstance(kdf, dict):
        raise ValueError
    _hex(crypto["ciphertext"], 32)
    _hex(crypto["mac"], 32)
    _hex(cipher["iv"], None)
    _hex(kdf["salt"], None)
    n = kdf["n"]
    if (kdf["dklen"], kdf["r"], kdf["p"]) != (32, 8, 1) or not isinstance(n, int):
        raise ValueError
    _require_scrypt_n(n)
    return n


def _hex(value: JsonValue, length: int | None) -> bytes:
    if not isinstance(value, str):
        raise ValueError
    data = bytes.fromhex(value)
    if length is not None and len(data) != length:
        raise ValueError
    return data


def _require_scrypt_n(n: int) -> None:
    if not 2 <= n <= _SCRYPT_N_MOST or n & (n - 1):
        raise InvalidInput(f"{n} is no cost of scrypt.", remedy="Give a power of two from 2 to 2^20.")
