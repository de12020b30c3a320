"""What a verifier starts from: one chain, its contracts, who seals it, its centers and their log keys.

Everything else is proven against it, so it must reach the verifier by a way the verifier trusts; nothing in it is secret.

A log key has a term. A checkpoint carries no time that anybody but its signer vouches for, so a term cannot be held against a
signature alone. The rule is: a key without an end is its center's key today, and is taken. A key with an end is taken only where
the chain says that the checkpoint's root was anchored within the key's term: whoever steals a retired key can sign, but cannot
anchor in the past. A block that validators sealed within the term shows as much, for its root was anchored by then. Where neither
tells, that question stays open, and the answer is "not checked".
"""

import itertools
import re
from dataclasses import dataclass
from datetime import datetime

from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.assets.places import (
    ASSETS_FIELD,
    AssetContracts,
    asset_contracts_value,
    read_asset_contracts,
    with_assets_field,
)
from greenlane.core.canonical import JsonValue, canonical_bytes, parse_json, pointer
from greenlane.core.errors import InvalidInput
from greenlane.core.merkle import HASH_BYTES
from greenlane.core.note import Note, VerifierKey, is_key_name
from greenlane.core.seals import MAX_VALIDATOR_SETS, MAX_VALIDATORS, Sealing, ValidatorMode, ValidatorSet
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId
from greenlane.core.wire import (
    FieldInvalid,
    encode_hex,
    encode_time,
    read_center_id,
    read_constant,
    read_count,
    read_hex,
    read_line,
    read_list,
    read_object,
    read_time,
    shown,
)

TRUST_TYPE = "GreenlaneTrust"
TRUST_VERSION = 1
MAX_TRUST_FILE_BYTES = 1_048_576
MAX_CENTERS = 1_000
MAX_LOG_KEYS = 64
_ECONOMY = re.compile(r"[A-Z]{2}", re.ASCII)


class TrustFileInvalid(InvalidInput):
    """Bytes are no trust file of this version."""

    code = "trust-file-invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKeyTerm:
    """One log key and when it was its center's.

    Attributes:
        key: its name is the log's origin.
        valid_from: aware, whole seconds.
        valid_until: the moment it ceased to be the center's, aware, whole seconds; None while it is.
    """

    key: VerifierKey
    valid_from: datetime
    valid_until: datetime | None

    def covers(self, time: datetime) -> bool:
        """Whether a time lies in the term; its end does not."""
        return self.valid_from <= time and (self.valid_until is None or time < self.valid_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedCenter:
    """One pilot center.

    Attributes:
        id: short name; what the contracts know it by.
        name: for people; one line.
        economy: ISO 3166-1 alpha-2.
        origin: of its log.
        log_keys: at least one, no two with one key id.
    """

    id: CenterId
    name: str
    economy: str
    origin: str
    log_keys: tuple[LogKeyTerm, ...]

    def key_claimed_by(self, note: Note) -> LogKeyTerm | None:
        """The key of this center that a signature of the note claims to be by, nothing checked; or None.

        While keys are changed a note may bear two signatures; a key without an end goes before one with.
        """
        claimed = [term for term in self.log_keys if note.is_claimed_by(term.key)]
        return min(claimed, key=lambda term: term.valid_until is not None, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustFile:
    """What a verifier trusts.

    Attributes:
        chain_id: EIP-155.
        genesis_hash: of block 0, 32 bytes.
        pilot_registry, anchor_log: the contracts.
        assets: those of green assets; None where the network has none.
        sealing: whose seals count, from which block on; None for a chain that seals nothing.
        centers: at least one; no two with one id or one origin.
    """

    chain_id: ChainId
    genesis_hash: bytes
    pilot_registry: Address
    anchor_log: Address
    assets: AssetContracts | None
    sealing: Sealing | None
    centers: tuple[TrustedCenter, ...]

    def center(self, id_: CenterId) -> TrustedCenter | None:
        """The center of this short name, or None where this file knows none."""
        return next((center for center in self.centers if center.id == id_), None)


def parse_trust_file(data: bytes) -> TrustFile:
    """Reads a trust file strictly.

    Args:
        data: UTF-8 JSON of at most MAX_TRUST_FILE_BYTES, keys in any order; one of an earlier release may lack `assets`.

    Raises:
        TrustFileInvalid: too large.
        FieldInvalid: a field is missing, unknown, or not as it must be; `where` points at it.
        InvalidInput: no JSON.
    """
    if len(data) > MAX_TRUST_FILE_BYTES:
        raise TrustFileInvalid(f"A trust file has at most {MAX_TRUST_FILE_BYTES} bytes, not {len(data)}.", where="")
    fields = read_object(
        with_assets_field(parse_json(data)),
        ("type", "version", "chainId", "genesisHash", "pilotRegistry", "anchorLog", ASSETS_FIELD, "sealing", "centers"),
        "",
    )
    read_constant(fields["type"], "/type", TRUST_TYPE)
    read_constant(fields["version"], "/version", TRUST_VERSION)
    centers = tuple(
        _read_center(item, f"/centers{pointer(place)}")
        for place, item in enumerate(read_list(fields["centers"], "/centers", longest=MAX_CENTERS))
    )
    if not centers:
        raise FieldInvalid("At least one center is expected.", where="/centers")
    _require_distinct([center.id for center in centers], "/centers", "center id")
    _require_distinct([center.origin for center in centers], "/centers", "origin")
    return TrustFile(
        chain_id=ChainId(read_count(fields["chainId"], "/chainId", least=1)),
        genesis_hash=read_hex(fields["genesisHash"], "/genesisHash", length=HASH_BYTES),
        pilot_registry=Address(read_hex(fields["pilotRegistry"], "/pilotRegistry", length=ADDRESS_BYTES)),
        anchor_log=Address(read_hex(fields["anchorLog"], "/anchorLog", length=ADDRESS_BYTES)),
        assets=read_asset_contracts(fields[ASSETS_FIELD], f"/{ASSETS_FIELD}"),
        sealing=read_sealing(fields["sealing"], "/sealing"),
        centers=centers,
    )


def encode_trust_file(trust: TrustFile) -> bytes:
    """The canonical JSON of a trust file, in UTF-8.

    Raises:
        InvalidInput: it would be one that `parse_trust_file` refuses or reads otherwise.
    """
    data = canonical_bytes(
        {
            "type": TRUST_TYPE,
            "version": TRUST_VERSION,
            "chainId": trust.chain_id,
            "genesisHash": encode_hex(trust.genesis_hash),
            "pilotRegistry": encode_hex(trust.pilot_registry),
            "anchorLog": encode_hex(trust.anchor_log),
            ASSETS_FIELD: asset_contracts_value(trust.assets),
            "sealing": sealing_value(trust.sealing),
            "centers": [_center_value(center) for center in trust.centers],
        }
    )
    if parse_trust_file(data) != trust:
        raise TrustFileInvalid("The trust file would read otherwise than it was written.", where="")
    return data


def read_sealing(value: JsonValue, where: str) -> Sealing | None:
    """How a chain is sealed, as `sealing_value` writes it; None for one that seals nothing.

    Raises:
        FieldInvalid: it is not as it must be; `where` points into it.
    """
    if value is None:
        return None
    fields = read_object(value, ("mode", "sets"), where)
    mode = read_line(fields["mode"], f"{where}/mode", longest=16)
    if mode not in list(ValidatorMode):
        raise FieldInvalid(
            f"{shown(mode)} is no place of a validator set.", where=f"{where}/mode", remedy="Write contract or header."
        )
    sets = tuple(
        _read_validator_set(item, f"{where}/sets{pointer(place)}")
        for place, item in enumerate(read_list(fields["sets"], f"{where}/sets", longest=MAX_VALIDATOR_SETS))
    )
    if not sets:
        raise FieldInvalid("At least one set of validators is expected.", where=f"{where}/sets")
    for place, (earlier, later) in enumerate(itertools.pairwise(sets), start=1):
        if later.seals_from <= earlier.seals_from:
            raise FieldInvalid(
                f"Sets stand in the order of their first blocks: {later.seals_from} follows {earlier.seals_from}.",
                where=f"{where}/sets{pointer(place)}/sealsFrom",
            )
    return Sealing(mode=ValidatorMode(mode), sets=sets)


def sealing_value(sealing: Sealing | None) -> JsonValue:
    """The JSON of how a chain is sealed."""
    if sealing is None:
        return None
    return {
        "mode": sealing.mode.value,
        "sets": [
            {"sealsFrom": one.seals_from, "validators": [encode_hex(validator) for validator in one.validators]}
            for one in sealing.sets
        ],
    }


def _read_validator_set(value: JsonValue, where: str) -> ValidatorSet:
    fields = read_object(value, ("sealsFrom", "validators"), where)
    items = read_list(fields["validators"], f"{where}/validators", longest=MAX_VALIDATORS)
    if not items:
        raise FieldInvalid("At least one validator is expected.", where=f"{where}/validators")
    validators = tuple(
        Address(read_hex(item, f"{where}/validators{pointer(place)}", length=ADDRESS_BYTES)) for place, item in enumerate(items)
    )
    _require_distinct([encode_hex(validator) for validator in validators], f"{where}/validators", "validator")
    return ValidatorSet(
        seals_from=BlockNumber(read_count(fields["sealsFrom"], f"{where}/sealsFrom", least=1)), validators=validators
    )


def _read_center(value: JsonValue, where: str) -> TrustedCenter:
    fields = read_object(value, ("id", "name", "economy", "origin", "logKeys"), where)
    economy = read_line(fields["economy"], f"{where}/economy", longest=2)
    if _ECONOMY.fullmatch(economy) is None:
        raise FieldInvalid(f"{shown(economy)} is no economy.", where=f"{where}/economy", remedy="Write two capitals.")
    origin = read_line(fields["origin"], f"{where}/origin", longest=255)
    if not is_key_name(origin):
        raise FieldInvalid(f"{shown(origin)} is no origin of a log.", where=f"{where}/origin")
    log_keys = tuple(
        _read_log_key(item, f"{where}/logKeys{pointer(place)}", origin)
        for place, item in enumerate(read_list(fields["logKeys"], f"{where}/logKeys", longest=MAX_LOG_KEYS))
    )
    if not log_keys:
        raise FieldInvalid("At least one log key is expected.", where=f"{where}/logKeys")
    # By id, not by key: a note tells keys apart by their ids alone.
    _require_distinct([term.key.key_id.hex() for term in log_keys], f"{where}/logKeys", "key id")
    return TrustedCenter(
        id=read_center_id(fields["id"], f"{where}/id"),
        name=read_line(fields["name"], f"{where}/name", longest=200),
        economy=economy,
        origin=origin,
        log_keys=log_keys,
    )


def _read_log_key(value: JsonValue, where: str, origin: str) -> LogKeyTerm:
    fields = read_object(value, ("key", "validFrom", "validUntil"), where)
    text = read_line(fields["key"], f"{where}/key", longest=512)
    try:
        key = VerifierKey.parse(text)
    except InvalidInput as error:
        raise FieldInvalid(error.detail, where=f"{where}/key", remedy=error.remedy) from error
    if key.name != origin:
        raise FieldInvalid(f"The key is of {shown(key.name)}, the log is {shown(origin)}.", where=f"{where}/key")
    valid_from = read_time(fields["validFrom"], f"{where}/validFrom")
    valid_until = None if fields["validUntil"] is None else read_time(fields["validUntil"], f"{where}/validUntil")
    if valid_until is not None and valid_until <= valid_from:
        raise FieldInvalid("A term ends after it begins.", where=f"{where}/validUntil")
    return LogKeyTerm(key=key, valid_from=valid_from, valid_until=valid_until)


def _center_value(center: TrustedCenter) -> JsonValue:
    return {
        "id": center.id,
        "name": center.name,
        "economy": center.economy,
        "origin": center.origin,
        "logKeys": [
            {
                "key": term.key.encode(),
                "validFrom": encode_time(term.valid_from),
                "validUntil": None if term.valid_until is None else encode_time(term.valid_until),
            }
            for term in center.log_keys
        ],
    }


def _require_distinct(names: list[str], where: str, what: str) -> None:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise FieldInvalid(f"The {what} {shown(name)} stands here twice.", where=f"{where}{pointer(place)}")
