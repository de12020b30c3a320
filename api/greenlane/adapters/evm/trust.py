"""The trust file of a network, read from its registry."""

from datetime import UTC, datetime

from greenlane.adapters.evm.bindings import PilotRegistry, UnixSeconds
from greenlane.core.note import VerifierKey
from greenlane.core.trust import LogKeyTerm, TrustedCenter, TrustFile
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId

_PAGE = 100


def read_trust(
    registry: PilotRegistry,
    *,
    chain_id: ChainId,
    genesis_hash: bytes,
    anchor_log: Address,
    is_sealed: bool,
    block: BlockNumber,
) -> TrustFile:
    """What a verifier starts from, as the registry had it at one block.

    Every center that was ever admitted stands in it, whatever became of it: what it anchored stays provable.

    Args:
        is_sealed: whether validators seal the chain's blocks. Where they do not, no validator is named: a seal of one would prove
            nothing.
    """
    ids: list[CenterId] = []
    while page := registry.center_ids(len(ids), _PAGE, block):
        ids.extend(page)
    return TrustFile(
        chain_id=chain_id,
        genesis_hash=genesis_hash,
        pilot_registry=registry.address,
        anchor_log=anchor_log,
        validators=registry.validators(block) if is_sealed else (),
        centers=tuple(_center(registry, one, block) for one in ids),
    )


def _center(registry: PilotRegistry, id_: CenterId, block: BlockNumber) -> TrustedCenter:
    record = registry.center(id_, block)
    # `center_ids` named it at this very block, and no center is ever removed.
    assert record is not None  # noqa: S101
    return TrustedCenter(
        id=id_,
        name=record.name,
        economy=record.economy,
        origin=record.origin,
        log_keys=tuple(
            LogKeyTerm(
                key=VerifierKey(name=record.origin, public_key=term.key),
                valid_from=utc(term.valid_from),
                valid_until=None if term.valid_until is None else utc(term.valid_until),
            )
            for term in registry.log_keys(id_, block)
        ),
    )


def utc(seconds: UnixSeconds) -> datetime:
    """A time of the chain, aware."""
    return datetime.fromtimestamp(seconds, UTC)
