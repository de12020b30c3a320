"""Where the chain keeps what a certificate of retirement says, so that anybody can ask any node for it without code of ours.

`GreenAsset` keeps the digest of each retirement in one slot of its own: `mapping(bytes32 id => bytes32) _retirementDigests`.
Source: Solidity's layout of state variables in storage (mappings), its ABI.
"""

from greenlane.core.assets.typed_data import WORD_BYTES, word
from greenlane.core.crypto import keccak256

RETIREMENTS_SLOT = 4
"""Place of `GreenAsset`'s mapping of retirements' digests among its state variables."""
_CHALLENGE = "challenge(bytes32)"


def retirement_slot(retirement_id: bytes) -> bytes:
    """The storage slot of `GreenAsset` that holds `retirement_digest`; 32 bytes. It holds zero while nothing is retired so."""
    return keccak256(retirement_id + word("uint256", RETIREMENTS_SLOT))


def challenge_call(retirement_id: bytes) -> bytes:
    """Call data that asks whether the evidence behind a retirement was revoked since."""
    return keccak256(_CHALLENGE.encode("ascii"))[:4] + retirement_id


def read_challenge(answer: bytes) -> str | None:
    """Why the evidence was revoked, of what `challenge_call` is answered with; None while it stands.

    Raises:
        ValueError: it is no such answer.
    """
    words = [int.from_bytes(answer[at * WORD_BYTES : (at + 1) * WORD_BYTES], "big") for at in range(3)]
    text = answer[3 * WORD_BYTES : 3 * WORD_BYTES + words[2]]
    if len(answer) < 3 * WORD_BYTES or words[0] > 1 or words[1] != 2 * WORD_BYTES or len(text) != words[2]:
        raise ValueError("no answer to challenge(bytes32)")
    return text.decode("utf-8", "replace") if words[0] else None
