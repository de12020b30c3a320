"""Whether the validators' seals that a receipt carries prove its root, without asking any node."""

from functools import lru_cache
from typing import TYPE_CHECKING

from greenlane.core.errors import CannotCheck, InvalidInput, ProofRefused
from greenlane.core.receipt import Receipt
from greenlane.core.seals import Sealing, Seals, ValidatorMode
from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, CenterId, RootHash, TreeSize
from greenlane.core.wire import encode_time
from greenlane.verify.judgement import Rung, Step, failed, not_checked, passed

if TYPE_CHECKING:
    from greenlane.core.sealing import SealedRoot

NO_SEALS = "This receipt carries no validator seals."
_OTHER_KIND = (
    "Receipt and trust file are of two different kinds of networks: the receipt's chain keeps its validators in {of_receipt}, "
    "that of the trust file in {of_trust}. Ask for the trust file of the network that the receipt is of."
)
_STRANGERS = (
    "The validators that this trust file leads to did not seal the block as they must: the receipt is forged, or the trust file "
    "is older than a change of the validators. Take a newer trust file from a source that you trust, fetch the receipt again "
    "from its center, and verify once more; do not rely on it before that passes."
)
_DAMAGED = (
    "What the receipt carries as the validators' proof was damaged on the way, or is forged. Fetch it again from its center and "
    "verify that file; do not rely on it before that passes."
)


def sealed_step(receipt: Receipt, trust: TrustFile) -> tuple[Step, "SealedRoot | None"]:
    """The step, and what the seals prove where it passed."""
    rung, anchor, seals = Rung.SEALED, receipt.anchor, receipt.seals
    if seals is None:
        return not_checked(rung, NO_SEALS), None
    if trust.sealing is None:
        return not_checked(rung, "The receipt carries seals, and the trust file names no validators whose seals count."), None
    try:
        proven = _proven(
            seals, trust.sealing, trust.pilot_registry, trust.anchor_log, anchor.center, anchor.tree_size, anchor.root
        )
    except CannotCheck as error:
        return not_checked(rung, f"{error.detail} {error.remedy}".rstrip()), None
    except (ProofRefused, InvalidInput) as error:
        return failed(rung, f"{_plainly(error, seals, trust.sealing)} In detail: {error.detail}", error.code), None
    return passed(
        rung,
        f"Block {proven.block_number} of {encode_time(proven.sealed_at)} bears the seals of {proven.seal_count} of "
        f"{proven.validator_count} validators, and the state it seals holds this root.",
    ), proven


def _plainly(error: ProofRefused | InvalidInput, seals: Seals, sealing: Sealing) -> str:
    """What refused seals mean for whoever holds the receipt, and what to try."""
    from greenlane.core.sealing import (
        ChangeRefused,
        MinerForeign,
        SealForeign,
        SealsTooFew,
        ValidatorsMisplaced,
    )

    if not isinstance(error, ChangeRefused | MinerForeign | SealForeign | SealsTooFew | ValidatorsMisplaced):
        return _DAMAGED
    kept_in = _mode_of(seals)
    if kept_in is not None and kept_in is not sealing.mode:
        places = {ValidatorMode.CONTRACT: "a contract", ValidatorMode.HEADER: "the headers of its blocks"}
        return _OTHER_KIND.format(of_receipt=places[kept_in], of_trust=places[sealing.mode])
    # A forged seal and an old trust file look the same.
    return _STRANGERS


def _mode_of(seals: Seals) -> ValidatorMode | None:
    """Where the chain of a receipt keeps its validators, as its last header shows; None where that cannot be read."""
    from greenlane.core.header import Header, HeaderInvalid

    try:
        named = Header.decode(seals.anchored.header).extra.validators
    except HeaderInvalid:
        return None
    return ValidatorMode.HEADER if named else ValidatorMode.CONTRACT


# The records of one page stand under few anchors, and a proof through many changes of the set takes milliseconds.
@lru_cache(maxsize=16)
def _proven(
    seals: Seals,
    sealing: Sealing,
    registry: Address,
    anchor_log: Address,
    center: CenterId,
    tree_size: TreeSize,
    root: RootHash,
) -> "SealedRoot":
    # Late: what reads blocks and tries is not needed for a receipt without seals.
    from greenlane.core.sealing import verify_sealed_root

    return verify_sealed_root(
        seals,
        sealing=sealing,
        registry=registry,
        anchor_log=anchor_log,
        center=center,
        tree_size=tree_size,
        root=root,
    )
