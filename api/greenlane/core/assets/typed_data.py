"""EIP-712 digests of what members sign for the contracts of green assets, and the one ABI encoding beneath them.

Every value here has a fixed length, so its ABI encoding is what EIP-712 calls encodeData: words of 32 bytes, numbers to the
right, bytesN to the left. `TypedValue.typed_data` is the same as a wallet takes it (`eth_signTypedData_v4`).
Source: EIP-712; Solidity's contract ABI specification.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.canonical import JsonValue
from greenlane.core.crypto import keccak256, secp256k1_recover
from greenlane.core.errors import InvalidInput
from greenlane.core.units import Address, ChainId
from greenlane.core.wire import encode_hex

WORD_BYTES = 32
SIGNATURE_BYTES = 65
DOMAIN_NAME = "Greenlane"
DOMAIN_VERSION = "1"
_SIGNATURE_ENDINGS = (27, 28)
_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


class NotEncodable(InvalidInput):
    """A value does not fit the type that it has in the contract."""

    code = "asset-value-not-encodable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Where a signature counts: one contract on one chain."""

    chain_id: ChainId
    contract: Address

    def separator(self) -> bytes:
        """keccak256 of the domain's struct; 32 bytes."""
        return keccak256(
            keccak256(_DOMAIN_TYPE.encode())
            + keccak256(DOMAIN_NAME.encode())
            + keccak256(DOMAIN_VERSION.encode())
            + word("uint256", self.chain_id)
            + word("address", self.contract)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedValue:
    """One struct to be signed.

    Attributes:
        name: of its type.
        fields: type, name and value of each; a value is bytes for `bytesN`, `address` and `bytes`, a number for `uintN`.
    """

    name: str
    fields: Sequence[tuple[str, str, int | bytes]]

    @property
    def type_text(self) -> str:
        """encodeType: "Act(address account,…)"."""
        return f"{self.name}({','.join(f'{kind} {name}' for kind, name, _ in self.fields)})"

    def digest(self, domain: Domain) -> bytes:
        """What is signed; 32 bytes.

        Raises:
            NotEncodable: a value does not fit its type.
        """
        return keccak256(b"\x19\x01" + domain.separator() + self.struct_hash())

    def struct_hash(self) -> bytes:
        """keccak256(typeHash ‖ encodeData).

        Raises:
            NotEncodable: a value does not fit its type.
        """
        encoded = b"".join(word(kind, value) for kind, _, value in self.fields)
        return keccak256(keccak256(self.type_text.encode()) + encoded)

    def typed_data(self, domain: Domain) -> dict[str, JsonValue]:
        """The same for a wallet; large numbers are text, bytes are hexadecimal."""
        return {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                self.name: [{"name": name, "type": kind} for kind, name, _ in self.fields],
            },
            "primaryType": self.name,
            "domain": {
                "name": DOMAIN_NAME,
                "version": DOMAIN_VERSION,
                "chainId": domain.chain_id,
                "verifyingContract": encode_hex(domain.contract),
            },
            "message": {name: encode_hex(value) if isinstance(value, bytes) else str(value) for _, name, value in self.fields},
        }


def signer_of(digest: bytes, signature: bytes) -> Address | None:
    """Whose signature of a digest it is, as the contracts take it.

    Args:
        digest: what was signed, 32 bytes.
        signature: r (32) ‖ s (32) ‖ v (1); v is 27 or 28, and s lies in the lower half.

    Returns:
        None where the bytes are no signature in that spelling.
    """
    if len(signature) != SIGNATURE_BYTES or signature[-1] not in _SIGNATURE_ENDINGS:
        return None
    public_key = secp256k1_recover(digest, signature[:-1] + bytes([_SIGNATURE_ENDINGS.index(signature[-1])]))
    return None if public_key is None else Address(keccak256(public_key)[-ADDRESS_BYTES:])


def word(kind: str, value: int | bytes) -> bytes:
    """One value as encodeData has it; 32 bytes. Of `bytes` its keccak256.

    Raises:
        NotEncodable: it does not fit.
    """
    if isinstance(value, bytes):
        if kind == "bytes":
            return keccak256(value)
        if kind == "address" and len(value) == ADDRESS_BYTES:
            return value.rjust(WORD_BYTES, b"\x00")
        if kind.startswith("bytes") and kind[5:] == str(len(value)) and len(value) <= WORD_BYTES:
            return value.ljust(WORD_BYTES, b"\x00")
    elif kind.startswith("uint") and 0 <= value < 1 << int(kind[4:]):
        return int(value).to_bytes(WORD_BYTES, "big")
    raise NotEncodable(f"A value does not fit {kind}.")
