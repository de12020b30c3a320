"""A center's keys, replaced one at a time, so that a crash at any point leaves what the next run finishes.

The order: a new key in the keystore under a new name; the registry names it; for a validator the registry is told the node's new
id, and so is the node's own folder, first the key where it lies open for a container and then its enode: a node that is started
in between seals with the key that counts; network.json names it. Each step asks the keystore, the chain or the file whether it is
done. Whichever of our keys the registry has is the one that counts: if network.json names another one, a run was interrupted, and
this one only finishes it.
No key is ever removed from the keystore: what the old one signed was signed by it.

A key that is lost is replaced without it: the operator's key alone says who follows. A lost operator's key only the other centers
can replace, by vote.

A key that lies in another home than the operator's takes two runs here and one there: made here, registered there by its public
part, switched here.
"""

import os
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from greenlane.adapters.evm.bindings import CenterRecord
from greenlane.adapters.keystore import KeyFile, Keystore, KeyUse, replace_file, sync_directory, write_durably
from greenlane.adapters.network_file import Network, NetworkCenter, encode_network, load_network
from greenlane.core.crypto import keccak256, secp256k1_public_key
from greenlane.core.errors import CannotCheck, InvalidInput, NotFound
from greenlane.core.note import VerifierKey
from greenlane.core.units import Address, CenterId
from greenlane.core.wire import encode_hex

from greenlane_node.keys import node_key_file
from greenlane_node.membership.validator_place import enode_of_key, own_enode, validator_folder, write_enode
from greenlane_node.nodes.chain_access import ChainAccess, refresh_trust
from greenlane_node.planning.plan import NODE_KEY_BYTES
from greenlane_node.registry.acts import Acted, RegistryActs, open_acts

ROTATED: Final = (KeyUse.OPERATOR, KeyUse.ANCHORER, KeyUse.VALIDATOR, KeyUse.LOG)
_MOST_NAMES: Final = 1_000
_ADDRESS_BYTES: Final = 20
_LOG_KEY_BYTES: Final = 32
_NUMBERED: Final = re.compile(r"(.+)-([0-9]{1,4})")


class KeyUnknownHere(CannotCheck):
    """The registry names a key that is not in this keystore, and nothing here may name another."""

    code = "key-unknown-here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a rotation has come to.

    Attributes:
        old: name of the key that network.json had; None where it is kept elsewhere.
        new: name of the key that it has now; None where it is kept elsewhere.
        public: address, or Ed25519 public key of a log, as the registry has it or shall have it.
        is_registered: the registry has the new key; False: the operator of the center, elsewhere, has to register it.
        was_interrupted: this run finished what another had begun.
        lost: the key that the registry had, where it was not in this keystore: it was replaced without it; else None.
        acted: what was sent; None where nothing was.
        node_id: of the validator's node, 64 bytes, as its enode has it; None of other keys or where it is not known here.
    """

    center: CenterId
    use: KeyUse
    old: str | None
    new: str | None
    public: bytes
    is_registered: bool
    was_interrupted: bool
    lost: bytes | None
    acted: Acted | None
    node_id: bytes | None


def rotate_key(chain: ChainAccess, keystore: Keystore, center: NetworkCenter, use: KeyUse, *, timeout_s: float) -> Rotation:
    """Replaces a key of this home, lost or not, or finishes a replacement that was interrupted.

    Args:
        keystore: where the key lies; a new one is made in it at the cost the keystore was opened with.
        center: of network.json.
        use: one of ROTATED.

    Raises:
        NotFound: the key is kept elsewhere, or the registry knows no such center.
        NodeConfigInvalid: the enode in the validator's folder cannot be read; nothing was changed.
        KeyUnknownHere: the registry has a key that is none of this keystore, and the operator's key is not here either.
        RegistryRefused, ActUnsettled, ActReplaced: it is not registered; running it again goes on from there.
    """
    old = getattr(center.keys, use.value)
    if old is None:
        raise NotFound(
            f"The {use} key of {center.id} is kept elsewhere.",
            where=str(chain.home.network_file),
            remedy="Run this in the home folder that has it, or register a key made elsewhere: --public.",
        )
    if use is KeyUse.VALIDATOR:
        # What cannot be read is told before the registry changes.
        own_enode(validator_folder(chain, center.id))
    record = _record(chain, center.id)
    registered = _registered(record, use)
    current = _holder(keystore, use, registered)
    if current is None:
        _require_operator(chain, keystore, center, record, use)
    elif current.name != old:
        # The sender of an act is the operator that the registry has now, whatever network.json says still.
        acted = _tell_node_id(chain, keystore, center, current, timeout_s) if use is KeyUse.VALIDATOR else None
        _switch(chain, keystore, center.id, use, current)
        return _rotation(chain, keystore, center, use, current, was_interrupted=True, acted=acted)
    lost = registered if current is None else None
    new = _new_key(chain, keystore, use, old)
    if center.keys.operator is None:
        made = _rotation(chain, keystore, center, use, new, was_interrupted=False, acted=None)
        return replace(made, new=old, is_registered=False, lost=lost)
    acts = open_acts(chain, keystore, center.id, timeout_s=timeout_s)
    acted = _register(acts, use, _public(new))
    if use is KeyUse.VALIDATOR:
        _tell_node_id(chain, keystore, center, new, timeout_s)
    _switch(chain, keystore, center.id, use, new)
    return replace(_rotation(chain, keystore, center, use, new, was_interrupted=False, acted=acted), lost=lost)


def _require_operator(chain: ChainAccess, keystore: Keystore, center: NetworkCenter, record: CenterRecord, use: KeyUse) -> None:
    """Lets a key that is not here be replaced where the operator's is, or where that is kept elsewhere and still has its say."""
    is_operators = use is not KeyUse.OPERATOR and (
        center.keys.operator is None or _holder(keystore, KeyUse.OPERATOR, record.operator) is not None
    )
    if is_operators:
        return
    missing = encode_hex(_registered(record, use))
    if use is KeyUse.OPERATOR:
        said = f"The registry has the operator key {missing}, which is not in this keystore."
    else:
        said = (
            f"The registry has the {use} key {missing}, which is not in this keystore, and the operator's "
            f"{encode_hex(record.operator)}, which alone can name another, is not there either."
        )
    raise KeyUnknownHere(
        said,
        where=str(chain.home.keys),
        remedy="Restore it from a backup, or run this in the home that has it. Where the operator's key is lost, the other "
        f"centers vote for another: greenlane-node propose operator {center.id} --account 0x….",
    )


def register_key(
    chain: ChainAccess, keystore: Keystore, center: NetworkCenter, use: KeyUse, public: bytes, *, timeout_s: float
) -> Rotation:
    """Registers a key whose private part lies elsewhere, by its public part.

    Args:
        public: an address; of a validator also its node's id of 64 bytes, which is then told to the registry; of a log its
            Ed25519 public key.

    Raises:
        InvalidInput: it is none.
        RegistryRefused, ActUnsettled, ActReplaced, WrongOperator, NotFound.
    """
    node_id = public if use is KeyUse.VALIDATOR and len(public) == NODE_KEY_BYTES else None
    registered = keccak256(public)[-_ADDRESS_BYTES:] if node_id is not None else public
    if len(registered) != (_LOG_KEY_BYTES if use is KeyUse.LOG else _ADDRESS_BYTES):
        account = f"the {_ADDRESS_BYTES} bytes of an account"
        wanted = {KeyUse.LOG: f"the {_LOG_KEY_BYTES} bytes of a log's public key"}.get(use, account)
        if use is KeyUse.VALIDATOR:
            wanted = f"{account} or the {NODE_KEY_BYTES} of a node's id"
        given = "1 byte was" if len(public) == 1 else f"{len(public)} bytes were"
        raise InvalidInput(
            f"{given} given; the public part of the {use} key is {wanted}.", where="--public", remedy="Give all of it, in hex."
        )
    acts = open_acts(chain, keystore, center.id, timeout_s=timeout_s)
    acted = _register(acts, use, registered)
    if node_id is not None:
        _set_node_id(acts, _record(chain, center.id), node_id)
    _write(chain, center.id, use, registered, getattr(center.keys, use.value))
    return Rotation(
        center=center.id,
        use=use,
        old=None,
        new=None,
        public=registered,
        is_registered=True,
        was_interrupted=False,
        lost=None,
        acted=acted,
        node_id=node_id,
    )


def _rotation(
    chain: ChainAccess,
    keystore: Keystore,
    center: NetworkCenter,
    use: KeyUse,
    key: KeyFile,
    *,
    was_interrupted: bool,
    acted: Acted | None,
) -> Rotation:
    return Rotation(
        center=center.id,
        use=use,
        old=getattr(center.keys, use.value),
        new=key.name,
        public=_public(key),
        is_registered=True,
        was_interrupted=was_interrupted,
        lost=None,
        acted=acted,
        node_id=_node_id(keystore, key) if use is KeyUse.VALIDATOR else None,
    )


def _register(acts: RegistryActs, use: KeyUse, public: bytes) -> Acted:
    match use:
        case KeyUse.OPERATOR:
            return acts.rotate_operator(Address(public))
        case KeyUse.ANCHORER:
            return acts.rotate_anchorer(Address(public))
        case KeyUse.VALIDATOR:
            return acts.rotate_validator(Address(public))
        case KeyUse.LOG:
            return acts.rotate_log_key(public)
        case _:
            raise ValueError(use)


def _tell_node_id(chain: ChainAccess, keystore: Keystore, center: NetworkCenter, key: KeyFile, timeout_s: float) -> Acted | None:
    record = _record(chain, center.id)
    if center.keys.operator is None:
        return None
    return _set_node_id(open_acts(chain, keystore, center.id, timeout_s=timeout_s), record, _node_id(keystore, key))


def _set_node_id(acts: RegistryActs, record: CenterRecord, node_id: bytes) -> Acted | None:
    enode = enode_of_key(record.enode, node_id)
    # A registry without the node's place has nobody's allowlist to mend.
    return None if enode is None else acts.set_endpoints(record.endpoint, enode)


def _new_key(chain: ChainAccess, keystore: Keystore, use: KeyUse, old: str) -> KeyFile:
    """The key that comes after `old`: one that an interrupted run has made, else a new one."""
    numbered = _NUMBERED.fullmatch(old)
    base, first = (numbered[1], int(numbered[2]) + 1) if numbered else (old, 2)
    for number in range(first, first + _MOST_NAMES):
        name = f"{base}-{number}"
        if not keystore.has(name):
            return keystore.create(name, use)
        found = keystore.describe(name)
        # A log key that the registry ever had comes back never; anything else of this name waits to be used.
        if found.use is use and (found.log_key is None or chain.registry.center_of_log_key(found.log_key) is None):
            return found
    raise NotFound(f"No name after {old!r} is free in the keystore.", where=str(chain.home.keys))


def _holder(keystore: Keystore, use: KeyUse, public: bytes) -> KeyFile | None:
    return next((key for key in keystore.files() if key.use is use and _public(key) == public), None)


def _public(key: KeyFile) -> bytes:
    public = key.address if key.log_key is None else key.log_key
    # A key file has one of the two.
    assert public is not None  # noqa: S101
    return public


def _node_id(keystore: Keystore, key: KeyFile) -> bytes:
    return secp256k1_public_key(keystore.secret(key.name, KeyUse.VALIDATOR))


def _registered(record: CenterRecord, use: KeyUse) -> bytes:
    return record.log_key if use is KeyUse.LOG else bytes(getattr(record, use.value))


def _record(chain: ChainAccess, center: CenterId) -> CenterRecord:
    record = chain.registry.center(center)
    if record is None:
        raise NotFound(f"The registry knows no center {center!r}.", remedy="Have it nominated first: greenlane-node join.")
    return record


def _switch(chain: ChainAccess, keystore: Keystore, center: CenterId, use: KeyUse, key: KeyFile) -> None:
    if use is KeyUse.VALIDATOR:
        _switch_node(chain, keystore, center, key)
    _write(chain, center, use, _public(key), key.name)


def _switch_node(chain: ChainAccess, keystore: Keystore, center: CenterId, key: KeyFile) -> None:
    folder = validator_folder(chain, center)
    if folder.key.exists():
        # It lies open where something else than `up` starts the node, which takes what lies there.
        _replace_open_key(folder.key, node_key_file(keystore, key.name))
    own = own_enode(folder)
    enode = None if own is None else enode_of_key(own, _node_id(keystore, key))
    if enode is not None:
        # By this id `up` finds the key that it gives the node.
        write_enode(folder, enode)


def _replace_open_key(path: Path, data: bytes) -> None:
    """As `replace_file`, and it stays its owner's: the user of a container may be another one than ours."""
    owner, draft = path.stat(), path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        write_durably(draft, data)
        if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(draft, owner.st_uid, owner.st_gid)
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    sync_directory(path.parent)


def _write(chain: ChainAccess, center: CenterId, use: KeyUse, public: bytes, name: str | None) -> None:
    if use is KeyUse.LOG:
        refresh_trust(chain)
    # Last, for by this file the next run sees that nothing is left to finish; and read again, for others may write in it too.
    network = load_network(chain.home.network_file)
    replace_file(chain.home.network_file, encode_network(_with_key(network, center, use, public, name)))


def _with_key(network: Network, center: CenterId, use: KeyUse, public: bytes, name: str | None) -> Network:
    def changed(one: NetworkCenter) -> NetworkCenter:
        keys = replace(one.keys, **{use.value: name})
        if use is KeyUse.LOG:
            return replace(one, keys=keys, log_key=VerifierKey(name=one.origin, public_key=public))
        accounts = {"operator": one.operator, "anchorer": one.anchorer, "validator": one.validator, use.value: Address(public)}
        operator, anchorer, validator = (accounts[each] for each in ("operator", "anchorer", "validator"))
        return replace(one, keys=keys, operator=operator, anchorer=anchorer, validator=validator)

    return replace(network, centers=tuple(changed(one) if one.id == center else one for one in network.centers))
