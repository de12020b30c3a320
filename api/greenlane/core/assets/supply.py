"""The supply of green assets, rebuilt by anybody out of what the contracts told: every unit from its issue to its end.

Nothing is taken from sums that the contract keeps: each token's and each account's units are followed through every event, and
what cannot be is named, as units that move and were never issued. Then issued = tradable + escrowed + retired + cancelled holds
for each token by what was followed, and the sums can be compared with the contract's own.
Source: contracts/interfaces/IGreenAsset.sol and IEvidenceRegister.sol; ERC-1155; Solidity's ABI for events.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.assets.facts import Totals
from greenlane.core.crypto import keccak256
from greenlane.core.errors import ProofRefused
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex

_WORD = 32
_EVIDENCE_FIELDS = (
    "bytes32,bytes32,address,address,bytes32,bytes32,bytes32,uint8,uint128,bytes32,bytes32,uint32,uint32,uint8,bytes32,uint64,uint64,"
    "bytes32,bytes2"
)
_EVIDENCE_QUANTITY = 8
"""Place of the quantity among the fields of the statement."""
_REQUEST_FIELDS = "uint256,uint128,address,bytes32,uint32,uint32,bytes32,bytes32,bytes32"
_REQUEST_QUANTITY = 1
ISSUED = "Issued(uint256,bytes32,address,uint128)"
ESCROWED = "Escrowed(bytes32,uint256,address,address,uint128,bytes32,uint64)"
ACCEPTED = "Accepted(bytes32,uint256,address,uint128)"
RETURNED = "Returned(bytes32,uint256,address,uint128)"
RETIRED = f"Retired(bytes32,uint256,address,({_REQUEST_FIELDS}))"
CANCELLED = "Cancelled(uint256,address,uint128,string)"
TRANSFER_SINGLE = "TransferSingle(address,address,address,uint256,uint256)"
TRANSFER_BATCH = "TransferBatch(address,address,address,uint256[],uint256[])"
EVIDENCE_ADMITTED = f"EvidenceAdmitted(bytes32,bytes32,address,({_EVIDENCE_FIELDS}))"


class SupplyRefused(ProofRefused):
    """What the contracts told of green assets does not add up."""

    code = "supply-refused"


class MoreThanEvidenced(SupplyRefused):
    """More units were issued than the evidence allows: no event that is missing can make it look so."""

    code = "more-than-evidenced"


@dataclass(slots=True, kw_only=True)
class TokenSupply:
    """One token's units as followed so far.

    Attributes:
        class_id: 32 bytes; empty until it was issued.
        evidenced: what its evidence allows; None where that was not told.
        holders: tradable units by account; what waits for buyers is not among them.
    """

    class_id: bytes = b""
    evidenced: int | None = None
    issued: int = 0
    escrowed: int = 0
    retired: int = 0
    cancelled: int = 0
    waiting: int = 0
    holders: dict[bytes, int] = field(default_factory=dict)

    @property
    def totals(self) -> Totals:
        """The sums."""
        return Totals(issued=self.issued, escrowed=self.escrowed, retired=self.retired, cancelled=self.cancelled)


class Supply:
    """Follows events in the order of the chain; `check` says whether they add up."""

    def __init__(self, green_asset: Address) -> None:
        """Args:
        green_asset: the contract; units that wait for buyers are its own balance.
        """
        self._contract = bytes(green_asset)
        self.tokens: dict[bytes, TokenSupply] = {}
        self.movements = 0
        self._takers: dict[bytes, Callable[[Sequence[bytes], bytes], None]] = {
            topic(ISSUED): self._issued,
            topic(ESCROWED): self._escrowed,
            topic(ACCEPTED): self._left_escrow,
            topic(RETURNED): self._left_escrow,
            topic(RETIRED): self._retired,
            topic(CANCELLED): self._cancelled,
            topic(TRANSFER_SINGLE): self._moved_one,
            topic(TRANSFER_BATCH): self._moved_many,
            topic(EVIDENCE_ADMITTED): self._evidenced,
        }

    def take(self, topics: Sequence[bytes], data: bytes) -> None:
        """Follows one event of either contract; those that move nothing are passed over.

        Args:
            topics: of 32 bytes each, the signature's first.
            data: the arguments that are not indexed.

        Raises:
            SupplyRefused: units move that are not there, or an event is not of the shape that its signature says.
        """
        taker = self._takers.get(topics[0]) if topics else None
        if taker is None:
            return
        self.movements += 1
        try:
            taker(topics, data)
        except (IndexError, ValueError) as error:
            raise SupplyRefused("An event of the contract has another shape than its signature says.") from error

    def check(self) -> None:
        """Whether everything that was followed adds up, for each token.

        Raises:
            SupplyRefused: it does not; says which token and how.
        """
        for token, of in self.tokens.items():
            if of.evidenced is not None and of.issued > of.evidenced:
                raise MoreThanEvidenced(
                    f"Of the token {encode_hex(token)} {of.issued} units were issued, and its evidence allows {of.evidenced}."
                )
        for token, of in self.tokens.items():
            told = encode_hex(token)
            if of.issued and of.evidenced is None:
                raise SupplyRefused(f"The token {told} was issued, and no evidence of it was told.")
            tradable = sum(of.holders.values())
            if tradable != of.totals.tradable:
                raise SupplyRefused(
                    f"Of the token {told} accounts hold {tradable} units, and {of.totals.tradable} are left of those issued."
                )
            if of.waiting != of.escrowed:
                raise SupplyRefused(
                    f"Of the token {told} the contract holds {of.waiting} units, and {of.escrowed} wait in escrows."
                )

    def classes(self) -> dict[bytes, tuple[Totals, int]]:
        """Sums over each class by its id of 32 bytes, and what its evidence allows in all."""
        sums: dict[bytes, list[int]] = {}
        for of in self.tokens.values():
            if not of.class_id:
                continue
            into = sums.setdefault(of.class_id, [0, 0, 0, 0, 0])
            for place, number in enumerate((of.issued, of.escrowed, of.retired, of.cancelled, of.evidenced or 0)):
                into[place] += number
        return {
            class_id: (Totals(issued=one[0], escrowed=one[1], retired=one[2], cancelled=one[3]), one[4])
            for class_id, one in sums.items()
        }

    def _evidenced(self, topics: Sequence[bytes], data: bytes) -> None:
        # What others had admitted for themselves is no evidence of these units.
        if topics[3][-ADDRESS_BYTES:] == self._contract:
            self._token(topics[1]).evidenced = _number(data, _EVIDENCE_QUANTITY)

    def _issued(self, topics: Sequence[bytes], data: bytes) -> None:
        of = self._token(topics[1])
        of.class_id = topics[2]
        of.issued += _number(data, 0)

    def _escrowed(self, topics: Sequence[bytes], data: bytes) -> None:
        # buyer, quantity, line digest, deadline
        self._token(topics[2]).escrowed += _number(data, 1)

    def _left_escrow(self, topics: Sequence[bytes], data: bytes) -> None:
        of = self._token(topics[2])
        of.escrowed -= _number(data, 0)
        if of.escrowed < 0:
            raise SupplyRefused(f"More units of the token {encode_hex(topics[2])} leave escrows than wait in them.")

    def _retired(self, topics: Sequence[bytes], data: bytes) -> None:
        self._token(topics[2]).retired += _number(data, _REQUEST_QUANTITY)

    def _cancelled(self, topics: Sequence[bytes], data: bytes) -> None:
        self._token(topics[1]).cancelled += _number(data, 0)

    def _moved_one(self, topics: Sequence[bytes], data: bytes) -> None:
        self._move(data[:_WORD], topics[2], topics[3], _number(data, 1))

    def _moved_many(self, topics: Sequence[bytes], data: bytes) -> None:
        ids, values = _list(data, 0), _list(data, 1)
        if len(ids) != len(values):
            raise ValueError("ids and values")
        for token, value in zip(ids, values, strict=True):
            self._move(token, topics[2], topics[3], int.from_bytes(value, "big"))

    def _move(self, token: bytes, source: bytes, target: bytes, quantity: int) -> None:
        of = self._token(token)
        self._change(of, token, source[-ADDRESS_BYTES:], -quantity)
        self._change(of, token, target[-ADDRESS_BYTES:], quantity)

    def _change(self, of: TokenSupply, token: bytes, account: bytes, change: int) -> None:
        if account == self._contract:
            of.waiting += change
            left = of.waiting
        elif any(account):
            left = of.holders.get(account, 0) + change
            if left:
                of.holders[account] = left
            else:
                of.holders.pop(account, None)
        else:
            return
        if left < 0:
            raise SupplyRefused(f"Units of the token {encode_hex(token)} leave {encode_hex(account)} that were never there.")

    def _token(self, token: bytes) -> TokenSupply:
        found = self.tokens.get(token)
        if found is None:
            if len(token) != _WORD:
                raise ValueError("token")
            found = self.tokens[token] = TokenSupply()
        return found


def topic(signature: str) -> bytes:
    """The first topic of an event by its signature; 32 bytes."""
    return keccak256(signature.encode("ascii"))


def _number(data: bytes, place: int) -> int:
    word = data[place * _WORD : (place + 1) * _WORD]
    if len(word) != _WORD:
        raise ValueError("short")
    return int.from_bytes(word, "big")


def _list(data: bytes, place: int) -> list[bytes]:
    start = _number(data, place)
    if start % _WORD:
        raise ValueError("offset")
    count = _number(data, start // _WORD)
    first = start + _WORD
    if first + count * _WORD > len(data):
        raise ValueError("short")
    return [data[first + at * _WORD : first + (at + 1) * _WORD] for at in range(count)]
