"""The genesis of a network of Besu nodes: its file, made of the plan alone, and the hash of block 0, before any node has run.

Rules:
- The registry, the anchor log and, where the plan has them, the contracts of green assets stand in `alloc` with their code and
  the storage that their constructors would have left for the plan's founders. So in the mode CONTRACT the registry is the
  validator set from the first block on; in the mode HEADER the set stands in the extra data, and the registry is there all the
  same.
- Founders whom the constructor would refuse are refused here, for the same reasons: nothing else looks at them again.
- Only what a network of this version of Besu was seen to start with is written: forks up to Cancun at 0, no price of gas, and no
  base fee of block 0, for which Besu then takes its default.
- The same plan gives the same bytes, so every center can compare hashes and need not send files.

Source: Hyperledger Besu 26.8.0 (JsonGenesisConfigOptions, JsonQbftConfigOptions, QbftExtraDataCodec, GenesisState).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Final

from greenlane.adapters.evm.artifacts import WORD_BYTES, artifact
from greenlane.adapters.evm.records import CenterCandidate, CenterStatus, RegistryParameters, UnixSeconds
from greenlane.core.anchoring import ADDRESS_BYTES, center_key
from greenlane.core.canonical import JsonValue, pointer
from greenlane.core.crypto import ED25519_PUBLIC_KEY_BYTES, keccak256
from greenlane.core.errors import InvalidInput
from greenlane.core.header import HASH_BYTES, Header, decode_extra, genesis_extra
from greenlane.core.rlp import encode, encode_number
from greenlane.core.seals import MAX_VALIDATORS, ValidatorMode
from greenlane.core.units import Address, BlockNumber
from greenlane.core.wire import encode_hex
from trie import HexaryTrie  # type: ignore[import-untyped]

from greenlane_node.founding.storage_layout import StorageValue, storage_words
from greenlane_node.planning.plan import ANCHOR_LOG, EVIDENCE_REGISTER, GREEN_ASSET, PILOT_REGISTRY, NetworkPlan, PlannedCenter

EPOCH_BLOCKS: Final = 30_000
"""After so many blocks Besu forgets votes that did not carry (mode HEADER)."""
MAX_PERIOD_S: Final = 36_525 * 24 * 3600
"""Of a term or a vote: `PilotRegistry.MAX_PERIOD`."""
MAX_TEXT_BYTES: Final = 256
"""Of a name, origin, endpoint or enode: `PilotRegistry.MAX_TEXT`."""
_FOUNDING_REVISION = 1
"""A center's, once it was admitted."""
_ECONOMY = re.compile(r"[A-Z]{2}", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]*", re.ASCII)
# What Besu writes into every QBFT header; its bytes say "ctical byzantine fault tolerance".
_MIX_HASH = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
_DEFAULT_BASE_FEE = 1_000_000_000
"""Of block 0 where the genesis names none; from block 1 on it is 0."""
_FORKS: Final = ("londonBlock", "shanghaiTime", "cancunTime")
_FIELDS: Final = ("config", "nonce", "timestamp", "gasLimit", "difficulty", "mixHash", "coinbase", "extraData", "alloc")
_ACCOUNT_FIELDS: Final = frozenset({"nonce", "balance", "code", "storage"})
_NONCE_BYTES = 8
_BLOOM_BYTES = 256
_NO_UNCLES = keccak256(encode([]))
_EMPTY_ROOT = keccak256(encode(b""))


class GenesisRefused(InvalidInput):
    """No network can begin so: the registry would refuse its founders, or a genesis file has what is not understood here."""

    code = "genesis-refused"


class _Duty(IntEnum):
    """As contracts/types/PilotTypes.sol numbers them."""

    OPERATOR = 1
    ANCHORER = 2
    VALIDATOR = 3


def candidate_of(center: PlannedCenter) -> CenterCandidate:
    """What the registry is told of a center: by the genesis of a founder, by a nomination of any other."""
    return CenterCandidate(
        id=center.id,
        log_key=center.log_key,
        economy=center.economy,
        operator=center.operator,
        anchorer=center.anchorer,
        validator=center.validator.address,
        name=center.name,
        origin=center.origin,
        endpoint=center.endpoint,
        enode=center.validator.enode,
    )


def founders(plan: NetworkPlan) -> tuple[CenterCandidate, ...]:
    """What the registry knows of each founding center; the plan's order."""
    return tuple(candidate_of(center) for center in plan.centers)


def registry_parameters(plan: NetworkPlan) -> RegistryParameters:
    """What the network agreed on; the founders' terms begin with block 0."""
    return RegistryParameters(
        minimum_centers=plan.minimum_centers,
        term_length_s=plan.term_length_s,
        voting_period_s=plan.voting_period_s,
        term_start=UnixSeconds(plan.genesis_time),
    )


def genesis_value(plan: NetworkPlan) -> dict[str, JsonValue]:
    """The genesis as Besu reads it.

    Raises:
        GenesisRefused: the registry would refuse the founders or the parameters; `where` points into the plan.
        NotEncodable: a number is larger than the registry can keep.
    """
    _require_foundable(plan)
    qbft: dict[str, JsonValue] = {
        "blockperiodseconds": plan.block_time_s,
        "epochlength": EPOCH_BLOCKS,
        "requesttimeoutseconds": plan.request_timeout_s,
    }
    in_header = [center.validator.address for center in plan.centers]
    if plan.validator_mode is ValidatorMode.CONTRACT:
        qbft["validatorcontractaddress"] = encode_hex(PILOT_REGISTRY)
        in_header = []
    registry = storage_words(artifact("PilotRegistry"), _registry_state(founders(plan), registry_parameters(plan)))
    anchor_log = storage_words(artifact("AnchorLog"), {"_registry": PILOT_REGISTRY})
    alloc = {
        PILOT_REGISTRY.hex(): _account("PilotRegistry", registry),
        ANCHOR_LOG.hex(): _account("AnchorLog", anchor_log),
    }
    if plan.has_green_assets:
        leans_on_log = {"_registry": PILOT_REGISTRY, "_anchorLog": ANCHOR_LOG}
        leans_on_register = {"_registry": PILOT_REGISTRY, "_evidenceRegister": EVIDENCE_REGISTER}
        for place, name, state in (
            (EVIDENCE_REGISTER, "EvidenceRegister", leans_on_log),
            (GREEN_ASSET, "GreenAsset", leans_on_register),
        ):
            alloc[place.hex()] = _account(name, storage_words(artifact(name), state))
    return {
        "config": {
            "chainId": plan.chain_id,
            "berlinBlock": 0,
            "londonBlock": 0,
            "shanghaiTime": 0,
            "cancunTime": 0,
            "zeroBaseFee": True,
            "qbft": qbft,
        },
        "nonce": "0x0",
        "timestamp": hex(plan.genesis_time),
        "gasLimit": hex(plan.gas_limit),
        "difficulty": "0x1",
        "mixHash": encode_hex(_MIX_HASH),
        "coinbase": encode_hex(bytes(ADDRESS_BYTES)),
        "extraData": encode_hex(genesis_extra(in_header)),
        "alloc": alloc,
    }


def genesis_bytes(plan: NetworkPlan) -> bytes:
    """The file genesis.json; the same bytes for the same plan.

    Raises:
        GenesisRefused, NotEncodable: as `genesis_value`.
    """
    return (json.dumps(genesis_value(plan), indent=2) + "\n").encode("ascii")


def genesis_hash(plan: NetworkPlan) -> bytes:
    """The hash of block 0 of the network's chain, 32 bytes.

    Raises:
        GenesisRefused, NotEncodable: as `genesis_value`.
    """
    return genesis_block(genesis_value(plan)).block_hash()


def _account(name: str, storage: Mapping[bytes, bytes]) -> JsonValue:
    words: dict[str, JsonValue] = {encode_hex(slot): encode_hex(word) for slot, word in storage.items()}
    return {"balance": "0x0", "code": encode_hex(artifact(name).runtime_bytecode), "storage": words}


# ---- what the registry's constructor leaves, and whom it refuses ----


def _registry_state(centers: Sequence[CenterCandidate], parameters: RegistryParameters) -> dict[str, StorageValue]:
    start = parameters.term_start
    bindings: dict[bytes, StorageValue] = {
        account: {"duty": duty, "centerId": center_key(center.id)}
        for center in centers
        for account, duty in (
            (center.operator, _Duty.OPERATOR),
            (center.anchorer, _Duty.ANCHORER),
            (center.validator, _Duty.VALIDATOR),
        )
    }
    return {
        "_validators": [center.validator for center in centers],
        "_parameters": {
            "minimumCenters": parameters.minimum_centers,
            "termLength": parameters.term_length_s,
            "votingPeriod": parameters.voting_period_s,
            "termStart": start,
        },
        "_centers": {
            center_key(center.id): {
                "id": center_key(center.id),
                "logKey": center.log_key,
                "economy": center.economy.encode("ascii"),
                "operator": center.operator,
                "status": CenterStatus.ACTIVE,
                "termStart": start,
                "anchorer": center.anchorer,
                "termEnd": start + parameters.term_length_s if parameters.term_length_s else 0,
                "revision": _FOUNDING_REVISION,
                "validator": center.validator,
                "name": center.name,
                "origin": center.origin,
                "endpoint": center.endpoint,
                "enode": center.enode,
            }
            for center in centers
        },
        "_centerIds": [center_key(center.id) for center in centers],
        "_logKeys": {center_key(center.id): [{"key": center.log_key, "validFrom": start}] for center in centers},
        "_centerOfLogKey": {center.log_key: center_key(center.id) for center in centers},
        "_centerOfOrigin": {keccak256(center.origin.encode("utf-8")): center_key(center.id) for center in centers},
        "_bindings": bindings,
    }


def _require_foundable(plan: NetworkPlan) -> None:
    for where, fault in _faults(plan):
        raise GenesisRefused(fault, where=where, remedy="Mend the network's plan.")


def _faults(plan: NetworkPlan) -> Iterator[tuple[str, str]]:
    if plan.genesis_time < 1:
        yield "/genesis_time", "The genesis has no time."
    if plan.minimum_centers < 1:
        yield "/minimum_centers", "The validator set must never be empty: at least one center must remain."
    if not 1 <= plan.voting_period_s <= MAX_PERIOD_S:
        yield "/voting_period_s", f"A proposal is open for 1 to {MAX_PERIOD_S} seconds, not {plan.voting_period_s}."
    if not 0 <= plan.term_length_s <= MAX_PERIOD_S:
        yield "/term_length_s", f"A term lasts up to {MAX_PERIOD_S} seconds, not {plan.term_length_s}."
    if not max(1, plan.minimum_centers) <= len(plan.centers) <= MAX_VALIDATORS:
        yield "/centers", f"{plan.minimum_centers} to {MAX_VALIDATORS} centers found this network, not {len(plan.centers)}."
    held: dict[tuple[str, object], str] = {}
    for number, center in enumerate(founders(plan)):
        where = pointer("centers", number)
        yield from _candidate_faults(center, where)
        for kind, what in (
            ("center id", center.id),
            ("log key", center.log_key),
            ("origin", center.origin),
            ("account", center.operator),
            ("account", center.anchorer),
            ("account", center.validator),
        ):
            if (kind, what) in held:
                yield where, f"The {kind} {what.hex() if isinstance(what, bytes) else what} is {held[kind, what]} already."
            held[kind, what] = f"one of {center.id}"


def _candidate_faults(center: CenterCandidate, where: str) -> Iterator[tuple[str, str]]:
    try:
        center_key(center.id)
    except InvalidInput as fault:
        yield where, fault.detail
    if _ECONOMY.fullmatch(center.economy) is None:
        yield where, f"{center.economy!r} is no economy."
    if len(center.log_key) != ED25519_PUBLIC_KEY_BYTES or not any(center.log_key):
        yield where, "Its log key is none."
    for account in (center.operator, center.anchorer, center.validator):
        if len(account) != ADDRESS_BYTES or not any(account):
            yield where, f"0x{account.hex()} is nobody's account."
    for name, text, least in (
        ("name", center.name, 1),
        ("origin", center.origin, 1),
        ("endpoint", center.endpoint, 0),
        ("enode", center.enode, 0),
    ):
        if not least <= len(text.encode("utf-8")) <= MAX_TEXT_BYTES:
            yield where, f"Its {name} has {least} to {MAX_TEXT_BYTES} bytes, not {len(text.encode('utf-8'))}."


# ---- block 0 ----


def genesis_block(value: Mapping[str, JsonValue]) -> Header:
    """The header of block 0 that Besu makes of a genesis file.

    Args:
        value: what the file holds; forks up to Cancun, all from block 0 on.

    Raises:
        GenesisRefused: something is missing, or stands there whose effect on block 0 is not known here.
        HeaderInvalid: the extra data is not QBFT's, or a number is larger than a header can hold.
    """
    if {*value} - {"baseFeePerGas"} != {*_FIELDS}:
        raise GenesisRefused(f"A genesis has the fields {', '.join(_FIELDS)} and no others.", where="")
    config = _object(value["config"], "/config")
    forks = {key: config[key] for key in config if key.endswith("Time")} | {"londonBlock": config.get("londonBlock")}
    if forks != dict.fromkeys(_FORKS, 0):
        raise GenesisRefused(f"{', '.join(_FORKS)} are 0, and no later fork is known here.", where="/config")
    base_fee = value.get("baseFeePerGas")
    return Header(
        parent_hash=bytes(HASH_BYTES),
        uncles_hash=_NO_UNCLES,
        miner=Address(_bytes(value["coinbase"], "/coinbase", length=ADDRESS_BYTES)),
        state_root=_state_root(_object(value["alloc"], "/alloc")),
        transactions_root=_EMPTY_ROOT,
        receipts_root=_EMPTY_ROOT,
        logs_bloom=bytes(_BLOOM_BYTES),
        difficulty=_number(value["difficulty"], "/difficulty"),
        number=BlockNumber(0),
        gas_limit=_number(value["gasLimit"], "/gasLimit"),
        gas_used=0,
        timestamp=_number(value["timestamp"], "/timestamp"),
        extra=decode_extra(_bytes(value["extraData"], "/extraData")),
        mix_hash=_bytes(value["mixHash"], "/mixHash", length=HASH_BYTES),
        nonce=_number(value["nonce"], "/nonce", most_bytes=_NONCE_BYTES).to_bytes(_NONCE_BYTES, "big"),
        base_fee_per_gas=_DEFAULT_BASE_FEE if base_fee is None else _number(base_fee, "/baseFeePerGas"),
        withdrawals_root=_EMPTY_ROOT,
        blob_gas_used=0,
        excess_blob_gas=0,
        parent_beacon_block_root=bytes(HASH_BYTES),
    )


def _state_root(alloc: Mapping[str, JsonValue]) -> bytes:
    accounts: dict[bytes, bytes] = {}
    for name, told in alloc.items():
        where = pointer("alloc", name)
        account = _object(told, where)
        if not account.keys() <= _ACCOUNT_FIELDS:
            raise GenesisRefused("An account has nonce, balance, code and storage.", where=where)
        address = _bytes(f"0x{name.removeprefix('0x')}", where, length=ADDRESS_BYTES)
        accounts[address] = encode(
            [
                encode_number(_number(account.get("nonce", "0x0"), f"{where}/nonce", most_bytes=_NONCE_BYTES)),
                encode_number(_number(account.get("balance", "0x0"), f"{where}/balance")),
                _storage_root(_object(account.get("storage", {}), f"{where}/storage"), f"{where}/storage"),
                keccak256(_bytes(account.get("code", "0x"), f"{where}/code")),
            ]
        )
    return _trie_root(accounts)


def _storage_root(storage: Mapping[str, JsonValue], where: str) -> bytes:
    words = {_number(slot, where).to_bytes(WORD_BYTES, "big"): _number(word, where) for slot, word in storage.items()}
    return _trie_root({slot: encode(encode_number(word)) for slot, word in words.items() if word})


def _trie_root(items: Mapping[bytes, bytes]) -> bytes:
    """The root of a state or storage trie; its keys are hashed."""
    tree = HexaryTrie({})
    for key, item in items.items():
        tree[keccak256(key)] = item
    return bytes(tree.root_hash)


def _object(value: JsonValue, where: str) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise GenesisRefused("An object is expected.", where=where)
    return value


def _bytes(value: JsonValue, where: str, *, length: int | None = None) -> bytes:
    if not isinstance(value, str) or _HEX.fullmatch(value) is None or len(value) % 2:
        raise GenesisRefused("Bytes in hex after 0x are expected.", where=where)
    data = bytes.fromhex(value[2:])
    if length is not None and len(data) != length:
        raise GenesisRefused(f"{length} bytes are expected, not {len(data)}.", where=where)
    return data


def _number(value: JsonValue, where: str, *, most_bytes: int = WORD_BYTES) -> int:
    if not isinstance(value, str) or _HEX.fullmatch(value) is None or not 3 <= len(value) <= 2 + 2 * most_bytes:
        raise GenesisRefused(f"A number of at most {most_bytes} bytes in hex after 0x is expected.", where=where)
    return int(value, 16)
