"""The GreenAsset contract as a typed class."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from eth_abi.abi import encode as abi_encode
from web3.types import BlockIdentifier

from greenlane.adapters.evm.artifacts import WORD_BYTES, AbiArgument, NotEncodable, NotThisContract, artifact, hex_bytes
from greenlane.adapters.evm.evidence_register import inclusion_value, placement_value, statement_value
from greenlane.adapters.evm.mediated import Mediated, short_name
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, day_number, day_of, name_word
from greenlane.core.assets.facts import AssetClass, EscrowFacts, EscrowState, HoldingFacts, Totals
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.crypto import keccak256
from greenlane.core.errors import InvalidInput
from greenlane.core.units import Address
from greenlane.ports.asset_ledger import EvidenceProof, Placement, RetirementAsked

_CLASS_TYPE: Final = "(bytes32,bytes32,bytes32,uint8,uint8,bool,uint32,string)"
_NO_ESCROW: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuanceRecord:
    """What the contract keeps of all units issued out of one statement; as `core.assets.facts.IssuanceFacts`."""

    class_id: str
    evidenced: int
    totals: Totals
    lot: bytes
    vintage_from: date
    vintage_to: date
    custody_model: CustodyModel


class GreenAsset(Mediated):
    """Green assets that count once; contracts/interfaces/IGreenAsset.sol tells what each call means.

    A token is 32 bytes here: the digest of its evidence, which the contract takes as a number.
    """

    _name = "GreenAsset"

    # ---- what anybody may ask ----

    def asset_class(self, class_id: str, block: BlockIdentifier = "latest") -> AssetClass | None:
        """A class; None where there is none."""
        (told,) = self._read(block, "assetClass", _class_word(class_id))
        with self._believed("assetClass"):
            return _asset_class(told)

    def class_count(self, block: BlockIdentifier = "latest") -> int:
        """How many classes there are."""
        (count,) = self._read(block, "classCount")
        return int(count)

    def class_ids(self, offset: int, limit: int, block: BlockIdentifier = "latest") -> tuple[str, ...]:
        """Ids of classes, oldest first, from `offset`, at most `limit`."""
        (ids,) = self._read(block, "classIds", offset, limit)
        with self._believed("classIds"):
            return tuple(short_name(one) for one in ids)

    def totals(self, class_id: str, block: BlockIdentifier = "latest") -> Totals:
        """Sums over a class; all zero where there is none."""
        (told,) = self._read(block, "totals", _class_word(class_id))
        return Totals(issued=told[0], escrowed=told[1], retired=told[2], cancelled=told[3])

    def issuance(self, token: bytes, block: BlockIdentifier = "latest") -> IssuanceRecord | None:
        """An issuance; None where there is none."""
        (told,) = self._read(block, "issuance", _number(token))
        with self._believed("issuance"):
            return _issuance_record(told)

    def issuances(self, tokens: Sequence[bytes], block: BlockIdentifier = "latest") -> tuple[IssuanceRecord | None, ...]:
        """Several issuances, in the order of their tokens, in few round trips."""
        answers = self._read_many(block, "issuance", [(_number(token),) for token in tokens])
        with self._believed("issuance"):
            return tuple(_issuance_record(told) for (told,) in answers)

    def issuance_count(self, block: BlockIdentifier = "latest") -> int:
        """How many issuances there are."""
        (count,) = self._read(block, "issuanceCount")
        return int(count)

    def issuance_ids(self, offset: int, limit: int, block: BlockIdentifier = "latest") -> tuple[bytes, ...]:
        """Tokens of issuances, oldest first, from `offset`, at most `limit`."""
        (ids,) = self._read(block, "issuanceIds", offset, limit)
        return tuple(_token(one) for one in ids)

    def holding(self, account: Address, token: bytes, block: BlockIdentifier = "latest") -> HoldingFacts:
        """What an account has of an issuance; all zero where it never had any."""
        ((tradable, escrowed, retired, cancelled),) = self._read(block, "holding", account, _number(token))
        return HoldingFacts(
            account=account, token=token, tradable=tradable, escrowed=escrowed, retired=retired, cancelled=cancelled
        )

    def holdings(self, places: Sequence[tuple[Address, bytes]], block: BlockIdentifier = "latest") -> tuple[HoldingFacts, ...]:
        """What several accounts have, each of an issuance, in the order asked for, in few round trips."""
        answers = self._read_many(block, "holding", [(account, _number(token)) for account, token in places])
        return tuple(
            HoldingFacts(account=account, token=token, tradable=told[0], escrowed=told[1], retired=told[2], cancelled=told[3])
            for (account, token), (told,) in zip(places, answers, strict=True)
        )

    def balance_of(self, account: Address, token: bytes, block: BlockIdentifier = "latest") -> int:
        """Units that an account can move, as every ERC-1155 token tells them."""
        (balance,) = self._read(block, "balanceOf", account, _number(token))
        return int(balance)

    def escrow_id(self, seller: Address, buyer: Address, line_digest: bytes, block: BlockIdentifier = "latest") -> bytes:
        """What names the one escrow for a line between two members; 32 bytes."""
        (id_,) = self._read(block, "escrowIdOf", seller, buyer, line_digest)
        return bytes(id_)

    def escrow(self, escrow_id: bytes, block: BlockIdentifier = "latest") -> EscrowFacts | None:
        """An escrow; None where there is none."""
        (told,) = self._read(block, "escrowAt", escrow_id)
        with self._believed("escrowAt"):
            return _escrow(escrow_id, told)

    def escrows(self, escrow_ids: Sequence[bytes], block: BlockIdentifier = "latest") -> tuple[EscrowFacts | None, ...]:
        """Several escrows, in the order of their ids, in few round trips."""
        answers = self._read_many(block, "escrowAt", [(one,) for one in escrow_ids])
        with self._believed("escrowAt"):
            return tuple(_escrow(one, told) for one, (told,) in zip(escrow_ids, answers, strict=True))

    def retirement_id(self, holder: Address, ref: bytes, block: BlockIdentifier = "latest") -> bytes:
        """What names a retirement; `core.assets.retirement.retirement_id` is the same without asking."""
        (id_,) = self._read(block, "retirementIdOf", holder, ref)
        return bytes(id_)

    def retirement(self, retirement_id: bytes, block: BlockIdentifier = "latest") -> RetirementFacts | None:
        """A retirement; None where there is none."""
        (told,) = self._read(block, "retirement", retirement_id)
        with self._believed("retirement"):
            return _retirement(retirement_id, told)

    def retirements(
        self, retirement_ids: Sequence[bytes], block: BlockIdentifier = "latest"
    ) -> tuple[RetirementFacts | None, ...]:
        """Several retirements, in the order of their ids, in few round trips."""
        answers = self._read_many(block, "retirement", [(one,) for one in retirement_ids])
        with self._believed("retirement"):
            return tuple(_retirement(one, told) for one, (told,) in zip(retirement_ids, answers, strict=True))

    def retirement_count(self, block: BlockIdentifier = "latest") -> int:
        """How many retirements there are."""
        (count,) = self._read(block, "retirementCount")
        return int(count)

    def retirement_ids(self, offset: int, limit: int, block: BlockIdentifier = "latest") -> tuple[bytes, ...]:
        """Ids of retirements, oldest first, from `offset`, at most `limit`."""
        (ids,) = self._read(block, "retirementIds", offset, limit)
        return tuple(bytes(one) for one in ids)

    def retirement_digest(self, retirement_id: bytes, block: BlockIdentifier = "latest") -> bytes | None:
        """keccak256 over a retirement, kept in one slot; None where there is none."""
        (digest,) = self._read(block, "retirementDigest", retirement_id)
        return bytes(digest) if any(digest) else None

    def challenge(self, retirement_id: bytes, block: BlockIdentifier = "latest") -> str | None:
        """Why the evidence behind a retirement was revoked since; None while it stands."""
        is_challenged, reason = self._read(block, "challenge", retirement_id)
        return str(reason) if is_challenged else None

    def is_frozen(self, token: bytes, block: BlockIdentifier = "latest") -> bool:
        """Whether the units of a token do not move, because its evidence was revoked."""
        (answer,) = self._read(block, "isFrozen", _number(token))
        return bool(answer)

    def is_paused(self, block: BlockIdentifier = "latest") -> bool:
        """Whether a quorum of centers has stopped all movements."""
        (answer,) = self._read(block, "isPaused")
        return bool(answer)

    def contracts(self, block: BlockIdentifier = "latest") -> tuple[Address, Address]:
        """Registry and evidence register that it leans on."""
        return self._contracts(block)

    # ---- what members sign as acts, or send ----

    @staticmethod
    def encode_issue(statement: EvidenceStatement, proof: EvidenceProof, placement: Placement, quantity: int) -> bytes:
        """Call data that issues units out of a statement, admitting it where that was not done."""
        return _asset_call(
            "issue",
            statement_value(statement),
            proof.signature,
            inclusion_value(proof),
            placement_value(placement),
            quantity,
        )

    @staticmethod
    def encode_transfer(*, sender: Address, receiver: Address, token: bytes, quantity: int) -> bytes:
        """Call data that moves units to another member."""
        return _asset_call("safeTransferFrom", sender, receiver, _number(token), quantity, b"")

    @staticmethod
    def encode_escrow(*, token: bytes, quantity: int, buyer: Address, line_digest: bytes, deadline: datetime) -> bytes:
        """Call data that sets units aside for a buyer.

        Args:
            deadline: aware; parts of a second are cut off.
        """
        return _asset_call("escrow", _number(token), quantity, buyer, line_digest, int(deadline.timestamp()))

    @staticmethod
    def encode_accept(escrow_id: bytes) -> bytes:
        """Call data by which the buyer takes the units."""
        return _asset_call("accept", escrow_id)

    @staticmethod
    def encode_give_back(escrow_id: bytes) -> bytes:
        """Call data that gives the units back to the seller."""
        return _asset_call("giveBack", escrow_id)

    @staticmethod
    def encode_retire(asked: RetirementAsked) -> bytes:
        """Call data that claims units for ever."""
        return _asset_call(
            "retire",
            (
                _number(asked.token),
                asked.quantity,
                asked.claimant,
                asked.beneficiary,
                day_number(asked.claim_from),
                day_number(asked.claim_to),
                asked.lot,
                asked.line_digest,
                asked.ref,
            ),
        )

    @staticmethod
    def encode_cancel(*, token: bytes, quantity: int, reason: str) -> bytes:
        """Call data that takes units out of the world without a claim; the reason has 1 to 256 bytes."""
        return _asset_call("cancel", _number(token), quantity, reason)

    @staticmethod
    def encode_follow_key(*, previous: Address, token: bytes) -> bytes:
        """Call data that brings a member's units from the account it had before."""
        return _asset_call("followKey", previous, _number(token))

    # ---- what operators of centers send ----

    @staticmethod
    def encode_vote_class(asset_class: AssetClass) -> bytes:
        """Call data that votes for a class."""
        return _asset_call("voteClass", _class_value(asset_class))

    @staticmethod
    def decode_vote_class(data: bytes) -> AssetClass:
        """The class in call data that `encode_vote_class` made.

        Raises:
            NotThisContract: it is none, or what it describes is no class.
        """
        (told,) = artifact("GreenAsset").decode_call("voteClass", data)
        try:
            asset_class = _asset_class(told)
        except (InvalidInput, ValueError) as cause:
            raise NotThisContract("What is voted for is no class.") from cause
        if asset_class is None:
            raise NotThisContract("What is voted for is no class.")
        return asset_class

    @staticmethod
    def encode_vote_pause(should_pause: bool) -> bytes:
        """Call data that votes to stop all movements, or to let them go on."""
        return _asset_call("votePause", should_pause)

    @staticmethod
    def class_motion(asset_class: AssetClass) -> bytes:
        """What the votes for a class are counted under; 32 bytes."""
        return keccak256(abi_encode(["string", _CLASS_TYPE], ["class", _class_value(asset_class)]))

    @staticmethod
    def pause_motion(should_pause: bool) -> bytes:
        """What the votes for a pause, or for its end, are counted under; 32 bytes."""
        return keccak256(abi_encode(["string", "bool"], ["pause", should_pause]))


def _asset_call(function: str, *arguments: AbiArgument) -> bytes:
    return artifact("GreenAsset").encode_call(function, *arguments)


def _number(token: bytes) -> int:
    if len(token) != WORD_BYTES:
        raise NotEncodable(f"{len(token)} bytes are no token; it has {WORD_BYTES}.")
    return int.from_bytes(token, "big")


def _class_word(class_id: str) -> bytes:
    if not class_id.isascii() or len(class_id) >= WORD_BYTES:
        raise NotEncodable("The contracts know no such short name.")
    return name_word(class_id)


def _token(number: int) -> bytes:
    return number.to_bytes(WORD_BYTES, "big")


def _class_value(asset_class: AssetClass) -> tuple[bytes, bytes, bytes, int, int, bool, int, str]:
    return (
        name_word(asset_class.id),
        name_word(asset_class.attribute),
        name_word(asset_class.unit.code),
        asset_class.unit.decimals,
        int(asset_class.custody_model),
        asset_class.is_tradable,
        asset_class.claim_days,
        asset_class.name,
    )


def _asset_class(told: tuple[Any, ...]) -> AssetClass | None:
    id_, attribute, unit, decimals, model, is_tradable, claim_days, name = told
    if not any(id_):
        return None
    return AssetClass(
        id=short_name(id_),
        attribute=short_name(attribute),
        unit=Unit(code=short_name(unit), decimals=decimals),
        custody_model=CustodyModel(model),
        is_tradable=is_tradable,
        claim_days=claim_days,
        name=name,
    )


def _issuance_record(told: tuple[Any, ...]) -> IssuanceRecord | None:
    class_id, evidenced, issued, escrowed, retired, cancelled, lot, vintage_from, vintage_to, model = told
    if evidenced == 0:
        return None
    if issued > evidenced or escrowed + retired + cancelled > issued:
        raise ValueError(told)
    return IssuanceRecord(
        class_id=short_name(class_id),
        evidenced=evidenced,
        totals=Totals(issued=issued, escrowed=escrowed, retired=retired, cancelled=cancelled),
        lot=lot,
        vintage_from=day_of(vintage_from),
        vintage_to=day_of(vintage_to),
        custody_model=CustodyModel(model),
    )


def _escrow(escrow_id: bytes, told: tuple[Any, ...]) -> EscrowFacts | None:
    seller, deadline, state, buyer, token, quantity, line_digest = told
    if state == _NO_ESCROW:
        return None
    return EscrowFacts(
        id=escrow_id,
        seller=Address(hex_bytes(seller)),
        buyer=Address(hex_bytes(buyer)),
        token=_token(token),
        quantity=quantity,
        deadline=datetime.fromtimestamp(deadline, UTC),
        state=EscrowState(state),
        line_digest=line_digest,
    )


def _retirement(retirement_id: bytes, told: tuple[Any, ...]) -> RetirementFacts | None:
    holder, retired_at, request = told
    if retired_at == 0:
        return None
    token, quantity, claimant, beneficiary, claim_from, claim_to, lot, line_digest, ref = request
    return RetirementFacts(
        id=retirement_id,
        holder=Address(hex_bytes(holder)),
        claimant=Address(hex_bytes(claimant)),
        token=_token(token),
        quantity=quantity,
        beneficiary=beneficiary,
        claim_from=day_of(claim_from),
        claim_to=day_of(claim_to),
        lot=lot,
        line_digest=line_digest,
        ref=ref,
        retired_at=datetime.fromtimestamp(retired_at, UTC),
    )
