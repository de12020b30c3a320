"""The trust file of a network, read from its registry.

Centers write names and keys into the registry themselves, and one that writes nonsense must not take the trust file away from all
others, nor its own past away from those who hold its receipts. So what no signature can ever fit is left out, and told by name in
the log: a key that is none, a term that is empty, a key whose id another key of the center has already, and a center of which
nothing usable is left: no key, or an origin that names no log. A receipt that would need what is left out is refused, as it would
be anyway. What proves nothing leaves nobody out: a name that cannot be shown gives way to the center's id, and an economy that is
none to UNKNOWN_ECONOMY.

An answer that our contract cannot give is no nonsense of a center, for the contract lets none of it in: it is a node's fault, and
ends the reading, since a trust file without that center would call its true receipts false.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from greenlane.adapters.evm.bindings import LogKeyRecord, PilotRegistry, UnixSeconds
from greenlane.core.assets.places import AssetContracts
from greenlane.core.errors import GreenlaneError, InvalidInput
from greenlane.core.note import VerifierKey, VerifierKeyInvalid
from greenlane.core.seals import Sealing
from greenlane.core.trust import MAX_LOG_KEYS, LogKeyTerm, TrustedCenter, TrustFile, encode_trust_file
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId
from greenlane.ports.ledger import LedgerMismatch

UNKNOWN_ECONOMY: Final = "ZZ"
"""For users to assign, so no country has it. Source: ISO 3166-1, 8.1.3."""
_log = logging.getLogger(__name__)
_PAGE = 100
_NO_TEXT = "\ufffd"


def read_trust(
    registry: PilotRegistry,
    *,
    chain_id: ChainId,
    genesis_hash: bytes,
    anchor_log: Address,
    assets: AssetContracts | None,
    sealing: Sealing | None,
    block: BlockNumber,
) -> TrustFile:
    """What a verifier starts from, as the registry had it at one block.

    Every center that was ever admitted stands in it, whatever became of it: what it anchored stays provable. Only what can be of
    no use to anybody is left out; see above.

    Args:
        assets: as network.json names them; None where the network has none.
        sealing: as far as this deployment knows it; None where nobody seals.

    Raises:
        LedgerMismatch: the registry names no usable center, or more than a trust file holds.
        NotThisContract: an answer is none of the registry.
    """
    ids: list[CenterId] = []
    while page := registry.center_ids(len(ids), _PAGE, block):
        ids.extend(page)
    trust = TrustFile(
        chain_id=chain_id,
        genesis_hash=genesis_hash,
        pilot_registry=registry.address,
        anchor_log=anchor_log,
        assets=assets,
        sealing=sealing,
        centers=(),
    )
    centers: dict[str, TrustedCenter] = {}
    for id_ in ids:
        center = _usable(_center(registry, id_, block), trust)
        if center is None:
            continue
        if centers.setdefault(center.origin, center) is not center:
            _tell("trust.center_left_out", id_, "origin-taken", f"The origin {center.origin!r} is an earlier center's.")
    whole = replace(trust, centers=tuple(centers.values()))
    try:
        encode_trust_file(whole)
    except GreenlaneError as fault:
        raise LedgerMismatch(f"What the registry holds makes no trust file. {fault.detail}") from fault
    return whole


def _center(registry: PilotRegistry, id_: CenterId, block: BlockNumber) -> TrustedCenter:
    record = registry.center(id_, block)
    # `center_ids` named it at this very block, and no center is ever removed.
    assert record is not None  # noqa: S101
    return TrustedCenter(
        id=id_,
        name=record.name,
        economy=record.economy,
        origin=record.origin,
        log_keys=_usable_terms(id_, record.origin, registry.log_keys(id_, block)),
    )


def _usable(center: TrustedCenter, trust: TrustFile) -> TrustedCenter | None:
    """The center as a trust file can hold it, or None where none can."""
    if _NO_TEXT in center.origin:
        # Two origins that are no text may read alike, and a log's notes are text.
        _tell("trust.center_left_out", center.id, "origin-no-text", f"The origin reads {center.origin!r}.")
        return None
    plain = replace(center, name=center.id)
    faults: list[InvalidInput] = []
    for held in (center, plain, replace(plain, economy=UNKNOWN_ECONOMY)):
        try:
            # The one judge of what a trust file may hold is its own reader.
            encode_trust_file(replace(trust, centers=(held,)))
        except InvalidInput as fault:
            faults.append(fault)
            continue
        if faults:
            _tell("trust.center_text_replaced", center.id, faults[0].code, str(faults[0]))
        return held
    _tell("trust.center_left_out", center.id, faults[-1].code, str(faults[-1]))
    return None


def _usable_terms(id_: CenterId, origin: str, records: Iterable[LogKeyRecord]) -> tuple[LogKeyTerm, ...]:
    """Terms that a signature can fit, oldest first; the newest where there are more than a trust file holds."""
    terms: dict[bytes, LogKeyTerm] = {}
    for record in records:
        try:
            key = VerifierKey(name=origin, public_key=record.key)
        except VerifierKeyInvalid as fault:
            _tell("trust.log_key_left_out", id_, fault.code, f"0x{record.key.hex()}: {fault.detail}")
            continue
        if record.valid_until is not None and record.valid_until <= record.valid_from:
            _tell("trust.log_key_left_out", id_, "term-empty", f"0x{record.key.hex()} was replaced in the block that brought it.")
            continue
        term = LogKeyTerm(
            key=key,
            valid_from=utc(record.valid_from),
            valid_until=None if record.valid_until is None else utc(record.valid_until),
        )
        # The earlier key stays: whoever holds the center's account today must not take away what was proven before.
        if terms.setdefault(key.key_id, term) is not term:
            _tell("trust.log_key_left_out", id_, "key-id-taken", f"0x{record.key.hex()} has the key id of an earlier key.")
    return tuple(terms.values())[-MAX_LOG_KEYS:]


# The trust file is read again every few seconds: what is wrong with it is told once in the life of a process.
@lru_cache(maxsize=1_024)
def _tell(event: str, center: CenterId, code: str, detail: str) -> None:
    _log.warning(event, extra={"center": center, "code": code, "detail": detail})


def utc(seconds: UnixSeconds) -> datetime:
    """A time of the chain, aware."""
    return datetime.fromtimestamp(seconds, UTC)
