"""What the two contracts of green assets share: acts that members sign and centers bring."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from web3.types import BlockIdentifier, LogReceipt

from greenlane.adapters.evm.artifacts import ContractRefused, NotThisContract, artifact, hex_bytes
from greenlane.adapters.evm.contract import Contract
from greenlane.core.assets.act import Act
from greenlane.core.errors import InvalidInput
from greenlane.core.units import Address


class ActState(IntEnum):
    """What became of an act; as the contracts number it."""

    NONE = 0
    DONE = 1
    REFUSED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtEvent:
    """What a contract said when an act was brought.

    Attributes:
        reason: the revert's data where it was refused, its first 1,024 bytes; empty otherwise.
    """

    digest: bytes
    account: Address
    state: ActState
    reason: bytes


class Mediated(Contract):
    """See contracts/interfaces/IMediated.sol."""

    def act_gas(self, block: BlockIdentifier = "latest") -> int:
        """Gas that each act is given."""
        (gas,) = self._read(block, "ACT_GAS")
        return int(gas)

    def act_state(self, digest: bytes, block: BlockIdentifier = "latest") -> ActState:
        """What became of an act."""
        (state,) = self._read(block, "actState", digest)
        with self._believed("actState"):
            return ActState(state)

    def act_states(self, digests: Sequence[bytes], block: BlockIdentifier = "latest") -> tuple[ActState, ...]:
        """What became of several acts, in their order, in few round trips."""
        answers = self._read_many(block, "actState", [(digest,) for digest in digests])
        with self._believed("actState"):
            return tuple(ActState(state) for (state,) in answers)

    def act_digest(self, act: Act, block: BlockIdentifier = "latest") -> bytes:
        """The EIP-712 digest of an act as the contract has it; `core.assets.act.Act.digest` is the same without asking."""
        (digest,) = self._read(block, "actDigestOf", _act_value(act))
        return bytes(digest)

    @classmethod
    def encode_bring(cls, acts: Sequence[Act], signatures: Sequence[bytes]) -> bytes:
        """Call data that brings acts, in their order.

        Args:
            signatures: of each act by its account, 65 bytes.
        """
        return artifact(cls._name).encode_call("bring", [_act_value(act) for act in acts], list(signatures))

    @classmethod
    def decode_bring(cls, data: bytes) -> tuple[tuple[Act, bytes], ...]:
        """Acts and signatures in call data that `encode_bring` made.

        Raises:
            NotThisContract: it is none.
        """
        acts, signatures = artifact(cls._name).decode_call("bring", data)
        if len(acts) != len(signatures):
            raise NotThisContract(f"{len(data)} bytes bring acts and signatures that do not belong together.")
        return tuple(
            (Act(account=Address(hex_bytes(account)), salt=salt, not_after=not_after, call=call), signature)
            for (account, salt, not_after, call), signature in zip(acts, signatures, strict=True)
        )

    @classmethod
    def brought_event(cls, log: LogReceipt) -> BroughtEvent | None:
        """The `Brought` event a log entry tells, or None where it is something else."""
        told = cls.event(log)
        if told is None or told.name != "Brought":
            return None
        try:
            state = ActState(int(str(told.arguments["state"])))
        except ValueError:
            return None
        return BroughtEvent(
            digest=hex_bytes(str(told.arguments["actDigest"])),
            account=Address(hex_bytes(str(told.arguments["account"]))),
            state=state,
            reason=hex_bytes(str(told.arguments["reason"])),
        )

    def _contracts(self, block: BlockIdentifier) -> tuple[Address, Address]:
        first, second = self._read(block, "contracts")
        return Address(hex_bytes(first)), Address(hex_bytes(second))


def asset_refusal(data: bytes) -> ContractRefused:
    """The error that a revert's data tells, by whichever of the contracts knows it: one passes on what another refuses."""
    for name in ("GreenAsset", "EvidenceRegister", "PilotRegistry", "AnchorLog"):
        if artifact(name).knows_error(data):
            return artifact(name).refusal(data)
    return artifact("GreenAsset").refusal(data)


def word_of(told: object) -> bytes:
    """The 32 bytes behind an argument of an event, which tells an id as text where it reads as one."""
    text = str(told)
    if text.startswith("0x"):
        return hex_bytes(text)
    return text.encode("ascii").ljust(32, b"\x00")


def short_name(word: bytes) -> str:
    """A short name of 1 to 31 characters out of its word.

    Raises:
        InvalidInput: the contracts take no such name.
    """
    try:
        text = word.rstrip(b"\x00").decode("ascii")
    except UnicodeDecodeError as cause:
        raise InvalidInput("Bytes beyond ASCII are no short name.") from cause
    if not 1 <= len(text) < len(word) or "\x00" in text:
        raise InvalidInput("A word of the chain is no short name.")
    return text


def _act_value(act: Act) -> tuple[bytes, bytes, int, bytes]:
    return act.account, act.salt, act.not_after, act.call
