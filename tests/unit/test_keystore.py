"""Keys are kept encrypted, found again, and never given out for what they are not for."""

import json
import stat
from pathlib import Path

import pytest
from greenlane.adapters.keystore import (
    SCRYPT_N_STRONG,
    KeyExists,
    KeyFileInvalid,
    KeyMissing,
    Keystore,
    KeyUse,
    LogSigner,
    WrongPassword,
    WrongUse,
    replace_file,
)
from greenlane.core.checkpoint import Checkpoint, open_checkpoint
from greenlane.core.crypto import ed25519_public_key, p256_public_key
from greenlane.core.errors import GreenlaneError, InvalidInput, NotFound
from greenlane.core.note import VerifierKey
from greenlane.core.units import CenterId, RootHash, TreeSize
from greenlane.ports.signing import HostedCenter

SEED = bytes(range(32))
CHEAP = 2
LIMA = CenterId("lima")
ORIGIN = "lima.greenlane.example/log"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("correct horse\n", encoding="utf-8")
    return path


@pytest.fixture
def keystore(tmp_path: Path, password_file: Path) -> Keystore:
    return Keystore(tmp_path / "keys", password_file, scrypt_n=CHEAP)


def opened_again(keystore: Keystore, password_file: Path) -> Keystore:
    return Keystore(keystore._directory, password_file)


def damage(path: Path, *keys: str, value: object) -> None:
    content = json.loads(path.read_bytes())
    place = content
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_created_account_signs_after_reopening_with_the_address_its_file_says(keystore: Keystore, password_file: Path) -> None:
    made = keystore.create("lima-anchorer", KeyUse.ANCHORER)
    account = opened_again(keystore, password_file).account("lima-anchorer", KeyUse.ANCHORER)
    assert made.address == bytes.fromhex(account.address[2:])
    assert made.log_key is None


def test_a_log_seed_comes_back_and_its_file_names_the_public_key_and_no_address(keystore: Keystore, password_file: Path) -> None:
    made = keystore.add("lima-log", KeyUse.LOG, SEED)
    assert (made.address, made.log_key) == (None, ed25519_public_key(SEED))
    assert opened_again(keystore, password_file).seed("lima-log") == SEED
    assert "address" not in json.loads((keystore._directory / "lima-log.json").read_bytes())


@pytest.mark.parametrize(
    ("use", "field", "public"),
    [
        (KeyUse.RPC_NODE, "address", None),
        (KeyUse.VALIDATOR, "address", None),
        (KeyUse.DOCUMENTS, "publicKey", ed25519_public_key(SEED)),
        (KeyUse.TOKENS, "publicKey", p256_public_key(SEED)),
    ],
)
def test_nodes_and_tokens_have_keys_whose_public_part_their_files_name(
    keystore: Keystore, password_file: Path, use: KeyUse, field: str, public: bytes | None
) -> None:
    made = keystore.add("key", use, SEED)
    assert (made.public_key, made.log_key) == (public, None)
    assert (made.address is None) == (field == "publicKey")
    stands = set(json.loads((keystore._directory / "key.json").read_bytes()))
    assert stands == {"crypto", "id", "version", "use", field}
    again = opened_again(keystore, password_file)
    assert again.secret("key", use) == SEED
    for other in set(KeyUse) - {use}:
        with pytest.raises(WrongUse):
            again.secret("key", other)
    damage(keystore._directory / "key.json", field, value="22" * len(public or bytes(20)))
    with pytest.raises(KeyFileInvalid):
        opened_again(keystore, password_file).secret("key", use)


@pytest.mark.parametrize("use", [KeyUse.DOCUMENTS, KeyUse.TOKENS, KeyUse.LOG])
def test_what_is_no_account_signs_no_transaction(keystore: Keystore, use: KeyUse) -> None:
    keystore.create("key", use)
    with pytest.raises(WrongUse):
        keystore.account("key")


def test_no_key_on_p256_is_refused_without_being_repeated(keystore: Keystore) -> None:
    for secret in (bytes(32), b"\xff" * 32):
        with pytest.raises(InvalidInput) as caught:
            keystore.add("key", KeyUse.TOKENS, secret)
        assert "ff" * 4 not in str(caught.value)


def test_two_created_keys_differ(keystore: Keystore) -> None:
    assert keystore.create("a", KeyUse.OPERATOR).address != keystore.create("b", KeyUse.OPERATOR).address


def test_files_are_readable_by_their_owner_only_and_no_draft_stays(keystore: Keystore) -> None:
    keystore.create("lima-operator", KeyUse.OPERATOR)
    directory = keystore._directory
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in directory.iterdir()] == [("lima-operator.json", 0o600)]


def test_the_secret_does_not_stand_in_the_file_nor_in_any_repr(keystore: Keystore) -> None:
    keystore.add("lima-log", KeyUse.LOG, SEED)
    keystore.seed("lima-log")
    assert SEED.hex() not in (keystore._directory / "lima-log.json").read_text(encoding="utf-8")
    assert SEED.hex() not in repr(keystore) + str(vars(keystore).get("_directory"))


def test_a_key_is_never_overwritten(keystore: Keystore) -> None:
    first = keystore.create("lima-operator", KeyUse.OPERATOR)
    with pytest.raises(KeyExists):
        keystore.create("lima-operator", KeyUse.OPERATOR)
    assert keystore.describe("lima-operator") == first


def test_files_lists_every_key_by_name(keystore: Keystore) -> None:
    assert keystore.files() == ()
    keystore.create("b", KeyUse.OPERATOR)
    keystore.create("a", KeyUse.LOG)
    assert [(key.name, key.use, key.scrypt_n) for key in keystore.files()] == [
        ("a", KeyUse.LOG, CHEAP),
        ("b", KeyUse.OPERATOR, CHEAP),
    ]


def test_a_wrong_password_names_the_file(keystore: Keystore, password_file: Path) -> None:
    keystore.create("lima-operator", KeyUse.OPERATOR)
    password_file.write_text("wrong\n", encoding="utf-8")
    with pytest.raises(WrongPassword) as caught:
        opened_again(keystore, password_file).account("lima-operator")
    assert caught.value.where == str(keystore._directory / "lima-operator.json")


def test_a_password_is_the_line_without_its_end(keystore: Keystore, password_file: Path) -> None:
    keystore.create("lima-operator", KeyUse.OPERATOR)
    password_file.write_bytes(b"correct horse")
    assert opened_again(keystore, password_file).account("lima-operator")


@pytest.mark.parametrize("content", [b"", b"\n", None])
def test_without_a_password_no_key_is_made(keystore: Keystore, password_file: Path, content: bytes | None) -> None:
    password_file.unlink()
    if content is not None:
        password_file.write_bytes(content)
    with pytest.raises(KeyFileInvalid) as caught:
        keystore.create("lima-operator", KeyUse.OPERATOR)
    assert caught.value.where == str(password_file)
    assert not keystore.has("lima-operator")


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("version",), 4),
        (("use",), "queen"),
        (("use",), None),
        (("address",), "00"),
        (("address",), "zz" * 20),
        (("more",), 1),
        (("crypto",), None),
        (("crypto",), []),
        (("crypto", "kdf"), "pbkdf2"),
        (("crypto", "cipher"), "rot13"),
        (("crypto", "mac"), "00"),
        (("crypto", "ciphertext"), 5),
        (("crypto", "kdfparams"), []),
        (("crypto", "kdfparams", "n"), 2**30),
        (("crypto", "kdfparams", "n"), 3),
        (("crypto", "kdfparams", "n"), "2"),
        (("crypto", "kdfparams", "r"), 10**6),
        (("crypto", "kdfparams", "salt"), None),
    ],
)
def test_a_damaged_file_is_refused_by_name_before_any_decrypting(
    keystore: Keystore, keys: tuple[str, ...], value: object
) -> None:
    keystore.create("lima-operator", KeyUse.OPERATOR)
    path = keystore._directory / "lima-operator.json"
    damage(path, *keys, value=value)
    with pytest.raises(KeyFileInvalid) as caught:
        keystore.account("lima-operator")
    assert caught.value.where == str(path)
    with pytest.raises(KeyFileInvalid):
        keystore.files()


def test_every_changed_byte_of_a_file_is_noticed_or_changes_nothing(keystore: Keystore, password_file: Path) -> None:
    keystore.add("lima-log", KeyUse.LOG, SEED)
    path = keystore._directory / "lima-log.json"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            seed = opened_again(keystore, password_file).seed("lima-log")
        except GreenlaneError:
            continue
        assert seed == SEED


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"use":"log"}', b"\xff", b"x" * 20_000])
def test_what_is_no_key_file_is_told_by_name(keystore: Keystore, content: bytes) -> None:
    keystore.create("lima-operator", KeyUse.OPERATOR)
    path = keystore._directory / "lima-operator.json"
    path.write_bytes(content)
    with pytest.raises(KeyFileInvalid) as caught:
        keystore.describe("lima-operator")
    assert caught.value.where == str(path)


def test_a_file_that_says_another_address_than_its_key_has_is_refused(keystore: Keystore, password_file: Path) -> None:
    keystore.create("lima-operator", KeyUse.OPERATOR)
    path = keystore._directory / "lima-operator.json"
    damage(path, "address", value="11" * 20)
    with pytest.raises(KeyFileInvalid):
        opened_again(keystore, password_file).account("lima-operator")


def test_a_key_serves_only_its_use(keystore: Keystore) -> None:
    keystore.create("lima-operator", KeyUse.OPERATOR)
    keystore.create("lima-log", KeyUse.LOG)
    with pytest.raises(WrongUse):
        keystore.account("lima-operator", KeyUse.ANCHORER)
    with pytest.raises(WrongUse):
        keystore.account("lima-log")
    with pytest.raises(WrongUse):
        keystore.seed("lima-operator")


@pytest.mark.parametrize("name", ["", "A", "../up", "a/b", "1a", "a" * 161, "a.json", "ä"])
def test_a_name_that_could_leave_the_directory_is_no_name(keystore: Keystore, name: str) -> None:
    with pytest.raises(InvalidInput):
        keystore.create(name, KeyUse.OPERATOR)
    with pytest.raises(KeyMissing):
        keystore.describe(name)
    assert not keystore.has(name)


@pytest.mark.parametrize("use", [KeyUse.LOG, KeyUse.OPERATOR])
def test_bytes_that_are_no_key_are_refused_without_being_repeated(keystore: Keystore, use: KeyUse) -> None:
    with pytest.raises(InvalidInput) as caught:
        keystore.add("lima", use, b"\xab" * 31)
    assert "ab" * 4 not in str(caught.value)
    with pytest.raises(InvalidInput):
        keystore.add("lima", KeyUse.OPERATOR, bytes(32))


@pytest.mark.parametrize("scrypt_n", [0, 1, 3, 2**21])
def test_a_cost_that_is_none_is_refused(tmp_path: Path, password_file: Path, scrypt_n: int) -> None:
    with pytest.raises(InvalidInput):
        Keystore(tmp_path, password_file, scrypt_n=scrypt_n)


def test_the_cost_is_strong_unless_asked_otherwise() -> None:
    assert SCRYPT_N_STRONG >= 2**17


def test_a_key_stays_usable_in_memory_when_the_password_file_goes(keystore: Keystore, password_file: Path) -> None:
    keystore.create("lima-operator", KeyUse.OPERATOR)
    again = opened_again(keystore, password_file)
    first = again.account("lima-operator").address
    password_file.unlink()
    assert again.account("lima-operator").address == first


def test_replacing_a_file_leaves_the_new_content_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    replace_file(path, b"1")
    replace_file(path, b"2")
    assert path.read_bytes() == b"2"
    assert list(tmp_path.iterdir()) == [path]


def hosted(key: VerifierKey, origin: str = ORIGIN) -> HostedCenter:
    return HostedCenter(id=LIMA, name="Pilot Center Lima", economy="PE", origin=origin, key=key)


def test_the_signer_signs_for_its_own_logs_and_no_other() -> None:
    key = VerifierKey(name=ORIGIN, public_key=ed25519_public_key(SEED))
    signer = LogSigner([hosted(key)], {LIMA: SEED})
    checkpoint = Checkpoint(origin=ORIGIN, tree_size=TreeSize(3), root=RootHash(b"\x07" * 32))
    assert open_checkpoint(signer.sign(LIMA, checkpoint), key) == checkpoint
    assert [center.id for center in signer.centers()] == [LIMA]
    with pytest.raises(WrongUse):
        signer.sign(LIMA, Checkpoint(origin="other.example/log", tree_size=TreeSize(3), root=RootHash(b"\x07" * 32)))
    with pytest.raises(NotFound):
        signer.sign(CenterId("tianjin"), checkpoint)
    assert SEED.hex() not in repr(signer)


def test_a_signer_with_another_key_than_the_center_has_is_not_made() -> None:
    key = VerifierKey(name=ORIGIN, public_key=ed25519_public_key(bytes(32)))
    with pytest.raises(WrongUse):
        LogSigner([hosted(key)], {LIMA: SEED})
    with pytest.raises(WrongUse):
        LogSigner([hosted(key)], {})
    with pytest.raises(WrongUse):
        LogSigner([hosted(key, origin="other.example/log")], {LIMA: bytes(32)})
