"""What a buyer orders: a purchase of lines, and of each line a digest that tells nothing to whoever does not hold its salt.

A line's JSON form names what is bought; its price stands in it only as a blinded digest, so that a line can be opened to somebody
without its price. The digest that goes on the chain is HMAC-SHA-256 under the line's salt of the SHA-256 of the line's RFC 8785
bytes. Salts and prices never leave the buyer's center.
"""

from dataclasses import dataclass
from datetime import date

from greenlane.core.assets.quantity import Unit
from greenlane.core.documents.description import MemberName
from greenlane.core.units import Address, Salt

LINE_TYPE = "GreenlanePurchaseLine"
LINE_VERSION = 1
MAX_LINES = 200
MAX_DESCRIPTION_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a line costs.

    Attributes:
        amount: decimal text without sign and exponent, at most 4 decimals, e.g. "1299.90"; in its one spelling as given.
        currency: ISO 4217, three upper-case letters.
    """

    amount: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseLine:
    """One line of a purchase.

    Attributes:
        purchase_id: of the purchase, 32 lower-case hex digits.
        number: of the line within it, 1 to MAX_LINES.
        buyer: the member that buys.
        supplier: the member that sells.
        buyer_account, supplier_account: their accounts on the chain when the line was written.
        category: what kind of thing, for reports: one line, e.g. "office furniture".
        description: for people; one line.
        product: GS1 identifier (URI) of what is bought; None where it has none.
        lot: identifier (URI) of the lot that the units must be of; None: any lot of the class.
        class_id: of the units that are to come with it.
        unit: what `quantity` counts, as the class has it.
        quantity: units that are to come with it, in smallest units.
        label: id of a label that the goods are to bear, and the model it is asked of; None where none is.
        model: see `label`.
        economy: ISO 3166-1 alpha-2 where the goods are used; labels are judged there.
        ordered_on: day of the order.
    """

    purchase_id: str
    number: int
    buyer: MemberName
    supplier: MemberName
    buyer_account: Address
    supplier_account: Address
    category: str
    description: str
    product: str | None
    lot: str | None
    class_id: str
    unit: Unit
    quantity: int
    label: str | None
    model: str | None
    economy: str
    ordered_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLine:
    """A line with what blinds it.

    Attributes:
        salt: blinds the line, 32 bytes.
        price: what it costs; None where it is not told here.
        price_salt: blinds the price, 32 bytes.
        price_digest: blinded digest of the price, 32 bytes: HMAC-SHA-256 under `price_salt` of the SHA-256 of the RFC 8785 bytes
            of {"amount", "currency"}.
    """

    line: PurchaseLine
    salt: Salt
    price: Price | None
    price_salt: Salt | None
    price_digest: bytes
