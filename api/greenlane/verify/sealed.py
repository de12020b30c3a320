"""Whether the validators' seals that a receipt carries prove its root, without asking any node.

A certificate of retirement carries seals of its own, which are judged in the same words: for them `judge_seals` is asked.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.errors import CannotCheck, InvalidInput, ProofRefused
from greenlane.core.receipt import Receipt
from greenlane.core.seals import Sealing, Seals, ValidatorMode
from greenlane.core.trust import TrustFile
from greenlane.core.units import Address
from greenlane.core.wire import encode_time
from greenlane.verify.judgement import Rung, Step, failed, not_checked, passed

if TYPE_CHECKING:
    from greenlane.core.sealing import SealedRoot

NO_SEALS = "This receipt carries no validator seals."
_OTHER_KIND = (
    "{File} and trust file are of two different kinds of networks: the {file}'s chain keeps its validators in {of_file}, "
    "that of the trust file in {of_trust}. Ask for the trust file of the network that the {file} is of."
)
_STRANGERS = (
    "The validators that this trust file leads to did not seal the block as they must: the {file} is forged, or the trust file "
    "is older than a change of the validators. Take a newer trust file from a source that you trust, fetch the {file} again "
    "from its center, and verify once more; do not rely on it before that passes."
)
_DAMAGED = (
    "What the {file} carries as the validators' proof was damaged on the way, or is forged. Fetch it again from its center and "
    "verify that file; do not rely on it before that passes."
)


def sealed_step(receipt: Receipt, trust: TrustFile) -> tuple[Step, "SealedRoot | None"]:
    """The step, and what the seals prove where it passed."""
    anchor, seals = receipt.anchor, receipt.seals
    if seals is None:
        return not_checked(Rung.SEALED, NO_SEALS), None
    slot = anchored_root_slot(anchor.center, anchor.tree_size)
    return judge_seals(
        seals, trust, Rung.SEALED, file="receipt", what="this root", contract=trust.anchor_log, slot=slot, value=anchor.root
    )


def judge_seals(
    seals: Seals, trust: TrustFile, rung: Rung, *, file: str, what: str, contract: Address, slot: bytes, value: bytes
) -> tuple[Step, "SealedRoot | None"]:
    """Whether seals prove what a contract holds: the step, and what they prove where it passed.

    Args:
        file: what carries them: "receipt".
        what: what the value is: "this root".
        contract, slot, value: 32 bytes that the contract is to hold in that storage slot.
    """
    if trust.sealing is None:
        return not_checked(rung, f"The {file} carries seals, and the trust file names no validators whose seals count."), None
    try:
        proven = _proven(seals, trust.sealing, trust.pilot_registry, contract, slot, value)
    except CannotCheck as error:
        return not_checked(rung, f"{error.detail} {error.remedy}".rstrip()), None
    except (ProofRefused, InvalidInput) as error:
        return failed(rung, f"{_plainly(error, seals, trust.sealing, file)} In detail: {error.detail}", error.code), None
    return passed(
        rung,
        f"Block {proven.block_number} of {encode_time(proven.sealed_at)} bears the seals of {proven.seal_count} of "
        f"{proven.validator_count} validators, and the state it seals holds {what}.",
    ), proven


def _plainly(error: ProofRefused | InvalidInput, seals: Seals, sealing: Sealing, file: str) -> str:
    """What refused seals mean for whoever holds the file, and what to try."""
    from greenlane.core.sealing import (
        ChangeRefused,
        MinerForeign,
        SealForeign,
        SealsTooFew,
        ValidatorsMisplaced,
    )

    if not isinstance(error, ChangeRefused | MinerForeign | SealForeign | SealsTooFew | ValidatorsMisplaced):
        return _DAMAGED.format(file=file)
    kept_in = _mode_of(seals)
    if kept_in is not None and kept_in is not sealing.mode:
        places = {ValidatorMode.CONTRACT: "a contract", ValidatorMode.HEADER: "the headers of its blocks"}
        of_file, of_trust = places[kept_in], places[sealing.mode]
        return _OTHER_KIND.format(File=file.capitalize(), file=file, of_file=of_file, of_trust=of_trust)
    # A forged seal and an old trust file look the same.
    return _STRANGERS.format(file=file)


def _mode_of(seals: Seals) -> ValidatorMode | None:
    """Where the chain of these seals keeps its validators, as their last header shows; None where that cannot be read."""
    from greenlane.core.header import Header, HeaderInvalid

    try:
        named = Header.decode(seals.anchored.header).extra.validators
    except HeaderInvalid:
        return None
    return ValidatorMode.HEADER if named else ValidatorMode.CONTRACT


# The records of one page stand under few anchors, and a proof through many changes of the set takes milliseconds.
@lru_cache(maxsize=16)
def _proven(seals: Seals, sealing: Sealing, registry: Address, contract: Address, slot: bytes, value: bytes) -> "SealedRoot":
    # Late: what reads blocks and tries is not needed for a receipt without seals.
    from greenlane.core.sealing import verify_sealed_slot

    return verify_sealed_slot(seals, sealing=sealing, registry=registry, contract=contract, slot=slot, value=value)
