"""What a member signs for its center to bring to a contract: one call, done or refused once.

Source: contracts/interfaces/IMediated.sol, which says what the contract makes of it.
"""

from dataclasses import dataclass

from greenlane.core.assets.typed_data import SIGNATURE_BYTES, Domain, TypedValue, signer_of
from greenlane.core.units import Address

__all__ = ["SALT_BYTES", "SIGNATURE_BYTES", "Act"]

SALT_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act.

    Attributes:
        account: who signs it.
        salt: 32 bytes of the signer's choice; make the act one of its kind.
        not_after: unix seconds; too late from here on.
        call: data of a call of the contract that the domain names.
    """

    account: Address
    salt: bytes
    not_after: int
    call: bytes

    def typed(self) -> TypedValue:
        """The struct that is signed."""
        return TypedValue(
            name="Act",
            fields=(
                ("address", "account", self.account),
                ("bytes32", "salt", self.salt),
                ("uint64", "notAfter", self.not_after),
                ("bytes", "call", self.call),
            ),
        )

    def digest(self, domain: Domain) -> bytes:
        """What names the act on the chain, and what its account signs; 32 bytes.

        Raises:
            NotEncodable: a value does not fit.
        """
        return self.typed().digest(domain)

    def is_signed(self, domain: Domain, signature: bytes) -> bool:
        """Whether these bytes are the account's signature of it, as the contract takes them.

        Raises:
            NotEncodable: a value does not fit.
        """
        return signer_of(self.digest(domain), signature) == self.account
