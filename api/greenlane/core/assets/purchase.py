"""What a buyer orders: a purchase of lines, and of each line a digest that tells nothing to whoever does not hold its salt.

A line's JSON form names what is bought; its price stands in it only as a blinded digest, so that a line can be opened to somebody
without its price. The digest that goes on the chain is HMAC-SHA-256 under the line's salt of the SHA-256 of the line's RFC 8785
bytes. Prices and their salts never leave the buyer's center; a line's salt goes to whom the line is opened.

An opened line is a JSON form too: the line, its salt, and price and price salt, or null for both.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from greenlane.core.assets.evidence import read_account, read_day, read_economy, read_identifier, read_name
from greenlane.core.assets.quantity import MAX_QUANTITY, QuantityInvalid, Unit, decimal_text, read_unit, read_written_quantity
from greenlane.core.assets.texts import read_words
from greenlane.core.balance.materials import canonical_material
from greenlane.core.canonical import JsonValue, canonical_bytes, content_digest
from greenlane.core.crypto import constant_time_equal
from greenlane.core.documents.description import MemberName, read_member_name
from greenlane.core.entry import DIGEST_BYTES, SALT_BYTES, SaltInvalid, blind
from greenlane.core.errors import InvalidInput
from greenlane.core.units import Address, Salt
from greenlane.core.wire import (
    FieldInvalid,
    encode_base64,
    encode_hex,
    read_base64,
    read_constant,
    read_count,
    read_hex,
    read_line,
    read_object,
    shown,
)

LINE_TYPE = "GreenlanePurchaseLine"
LINE_VERSION = 1
MAX_LINES = 200
MAX_DESCRIPTION_CHARACTERS = 200
"""Of a line's description and of its category."""
MAX_MODEL_CHARACTERS = 512
_MAX_AMOUNT_CHARACTERS = 24
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,4})?", re.ASCII)
_MODEL = re.compile(r"[\x21-\x29\x2b-\x7e]+", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_PURCHASE_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_KEYS = (
    "type",
    "version",
    "purchase",
    "number",
    "buyer",
    "supplier",
    "buyerAccount",
    "supplierAccount",
    "category",
    "description",
    "product",
    "lot",
    "class",
    "unit",
    "decimals",
    "quantity",
    "label",
    "model",
    "economy",
    "orderedOn",
    "priceDigest",
)


class PriceInvalid(InvalidInput):
    """No price: no amount of money, or no currency."""

    code = "price-invalid"


class PurchaseLineInvalid(InvalidInput):
    """What a line of a purchase says cannot stand together."""

    code = "purchase-line-invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a line costs.

    Attributes:
        amount: decimal text without sign and exponent, at most 4 decimals, e.g. "1299.90"; in its one spelling as given.
        currency: ISO 4217, three upper-case letters.
    """

    amount: str
    currency: str

    def __post_init__(self) -> None:
        if _AMOUNT.fullmatch(self.amount) is None:
            remedy = 'Write it as text without sign and exponent, with a point and at most 4 decimals, like "1299.90".'
            raise PriceInvalid(f"{shown(self.amount)} is no amount of money.", where="/amount", remedy=remedy)
        if _CURRENCY.fullmatch(self.currency) is None:
            remedy = "Write three upper-case letters (ISO 4217), like PEN."
            raise PriceInvalid(f"{shown(self.currency)} is no currency.", where="/currency", remedy=remedy)


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
        label: id of a label that the goods are to bear, a short name; None where none is asked for.
        model: what it is asked of, a canonical Digital Link or a model's name without spaces; None where no label is.
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

    def __post_init__(self) -> None:
        if _PURCHASE_ID.fullmatch(self.purchase_id) is None:
            remedy = "Use the id as the purchase has it: 32 lower-case hexadecimal digits."
            raise PurchaseLineInvalid(f"{shown(self.purchase_id)} is no purchase's id.", where="/purchase", remedy=remedy)
        if not 1 <= self.number <= MAX_LINES:
            remedy = "Order what is more in a second purchase."
            raise PurchaseLineInvalid(f"A purchase has lines 1 to {MAX_LINES}.", where="/number", remedy=remedy)
        if self.buyer == self.supplier or self.buyer_account == self.supplier_account:
            remedy = "Name the member that sells."
            raise PurchaseLineInvalid("Nobody buys from itself.", where="/supplier", remedy=remedy)
        if not 1 <= self.quantity <= MAX_QUANTITY:
            raise QuantityInvalid("The quantity cannot be.", where="/quantity", remedy="Compare the number and its unit.")
        if (self.label is None) != (self.model is None):
            remedy = "Give both, or null for both."
            raise PurchaseLineInvalid("A label is asked of a model.", where="/label", remedy=remedy)


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

    def __post_init__(self) -> None:
        if len(self.salt) != SALT_BYTES:
            raise SaltInvalid(f"A salt has {SALT_BYTES} bytes, not {len(self.salt)}.", where="/salt")
        if len(self.price_digest) != DIGEST_BYTES:
            raise PurchaseLineInvalid(
                f"A price's digest has {DIGEST_BYTES} bytes.",
                where="/line/priceDigest",
                remedy="Use the line as it was handed out.",
            )
        if self.price is None or self.price_salt is None:
            if self.price is not None or self.price_salt is not None:
                remedy = "Give both, or null for both."
                raise PurchaseLineInvalid("A price and its salt are told together.", where="/priceSalt", remedy=remedy)
        elif not constant_time_equal(price_digest(self.price, self.price_salt), self.price_digest):
            remedy = "Use the price as it was ordered; another price is another line."
            raise PurchaseLineInvalid("The line was written for another price.", where="/price", remedy=remedy)

    def without_price(self) -> "OpenLine":
        """The same line for somebody who is not told what it costs; its digest is the same."""
        return OpenLine(line=self.line, salt=self.salt, price=None, price_salt=None, price_digest=self.price_digest)


def priced_line(line: PurchaseLine, price: Price, *, salt: Salt, price_salt: Salt) -> OpenLine:
    """A line with its price, both blinded.

    Args:
        salt, price_salt: 32 random bytes each, used for nothing else.

    Raises:
        SaltInvalid: a salt has another length.
    """
    return OpenLine(line=line, salt=salt, price=price, price_salt=price_salt, price_digest=price_digest(price, price_salt))


def price_digest(price: Price, price_salt: Salt) -> bytes:
    """What stands in a line for its price: HMAC-SHA-256 under the salt of the SHA-256 of the price's RFC 8785 bytes; 32 bytes.

    Raises:
        SaltInvalid: the salt has not 32 bytes.
    """
    return blind(content_digest(price_value(price)), price_salt)


def line_digest(open_line: OpenLine) -> bytes:
    """What stands on the chain for a line: HMAC-SHA-256 under its salt of the SHA-256 of its RFC 8785 bytes; 32 bytes."""
    return blind(content_digest(line_value(open_line)), open_line.salt)


def encode_line(open_line: OpenLine) -> bytes:
    """The RFC 8785 bytes of a line: nothing in them tells its price or a salt."""
    return canonical_bytes(line_value(open_line))


def line_value(open_line: OpenLine) -> dict[str, JsonValue]:
    """The JSON form of a line; every key is always there, and null says that there is nothing."""
    line = open_line.line
    return {
        "type": LINE_TYPE,
        "version": LINE_VERSION,
        "purchase": line.purchase_id,
        "number": line.number,
        "buyer": str(line.buyer),
        "supplier": str(line.supplier),
        "buyerAccount": encode_hex(line.buyer_account),
        "supplierAccount": encode_hex(line.supplier_account),
        "category": line.category,
        "description": line.description,
        "product": line.product,
        "lot": line.lot,
        "class": line.class_id,
        "unit": line.unit.code,
        "decimals": line.unit.decimals,
        "quantity": decimal_text(line.quantity, line.unit),
        "label": line.label,
        "model": line.model,
        "economy": line.economy,
        "orderedOn": line.ordered_on.isoformat(),
        "priceDigest": encode_hex(open_line.price_digest),
    }


def read_line_value(value: JsonValue, where: str = "") -> tuple[PurchaseLine, bytes]:
    """Reads the JSON form of a line strictly.

    Args:
        where: JSON pointer of the value, for errors.

    Returns:
        The line, and the blinded digest of its price, 32 bytes.

    Raises:
        FieldInvalid: a field is missing, unknown, or not as it must be; or in another spelling than its one.
        QuantityInvalid, PurchaseLineInvalid: as their names say.
    """
    fields = read_object(value, _KEYS, where)
    read_constant(fields["type"], f"{where}/type", LINE_TYPE)
    read_constant(fields["version"], f"{where}/version", LINE_VERSION)
    unit = read_unit(fields["unit"], fields["decimals"], where)
    with _placed(where):
        line = PurchaseLine(
            purchase_id=read_line(fields["purchase"], f"{where}/purchase", longest=64),
            number=read_count(fields["number"], f"{where}/number", least=1),
            buyer=read_member_name(fields["buyer"], f"{where}/buyer"),
            supplier=read_member_name(fields["supplier"], f"{where}/supplier"),
            buyer_account=read_account(fields["buyerAccount"], f"{where}/buyerAccount"),
            supplier_account=read_account(fields["supplierAccount"], f"{where}/supplierAccount"),
            category=read_words(fields["category"], f"{where}/category", longest=MAX_DESCRIPTION_CHARACTERS),
            description=read_words(fields["description"], f"{where}/description", longest=MAX_DESCRIPTION_CHARACTERS),
            product=None if fields["product"] is None else read_identifier(fields["product"], f"{where}/product"),
            lot=None if fields["lot"] is None else read_identifier(fields["lot"], f"{where}/lot"),
            class_id=read_name(fields["class"], f"{where}/class"),
            unit=unit,
            quantity=read_written_quantity(fields["quantity"], f"{where}/quantity", unit),
            label=None if fields["label"] is None else read_name(fields["label"], f"{where}/label"),
            model=None if fields["model"] is None else _read_model(fields["model"], f"{where}/model"),
            economy=read_economy(fields["economy"], f"{where}/economy"),
            ordered_on=read_day(fields["orderedOn"], f"{where}/orderedOn"),
        )
    return line, read_hex(fields["priceDigest"], f"{where}/priceDigest", length=DIGEST_BYTES)


def open_line_value(open_line: OpenLine) -> dict[str, JsonValue]:
    """The JSON form of a line with what blinds it; of a line `without_price` nothing in it tells the price."""
    return {
        "line": line_value(open_line),
        "salt": encode_base64(open_line.salt),
        "price": None if open_line.price is None else price_value(open_line.price),
        "priceSalt": None if open_line.price_salt is None else encode_base64(open_line.price_salt),
    }


def read_open_line(value: JsonValue, where: str = "") -> OpenLine:
    """Reads the JSON form of an opened line strictly.

    Raises:
        FieldInvalid: a field is missing, unknown, or not as it must be.
        QuantityInvalid, PurchaseLineInvalid, PriceInvalid: as their names say.
    """
    fields = read_object(value, ("line", "salt", "price", "priceSalt"), where)
    line, digest = read_line_value(fields["line"], f"{where}/line")
    with _placed(where):
        return OpenLine(
            line=line,
            salt=Salt(read_base64(fields["salt"], f"{where}/salt", length=SALT_BYTES)),
            price=None if fields["price"] is None else read_price(fields["price"], f"{where}/price"),
            price_salt=None
            if fields["priceSalt"] is None
            else Salt(read_base64(fields["priceSalt"], f"{where}/priceSalt", length=SALT_BYTES)),
            price_digest=digest,
        )


def price_value(price: Price) -> dict[str, JsonValue]:
    """The JSON form of a price."""
    return {"amount": price.amount, "currency": price.currency}


def read_price(value: JsonValue, where: str = "") -> Price:
    """Reads the JSON form of a price strictly.

    Raises:
        FieldInvalid: a field is missing, unknown, or no text.
        PriceInvalid: no amount, or no currency.
    """
    fields = read_object(value, ("amount", "currency"), where)
    amount = read_line(fields["amount"], f"{where}/amount", longest=_MAX_AMOUNT_CHARACTERS)
    currency = read_line(fields["currency"], f"{where}/currency", longest=8)
    try:
        return Price(amount=amount, currency=currency)
    except PriceInvalid as error:
        raise PriceInvalid(error.detail, where=where + (error.where or ""), remedy=error.remedy) from error


def _read_model(value: JsonValue, where: str) -> str:
    """A model as labels name it (`core.assets.label`), but never a pattern."""
    text = read_line(value, where, longest=MAX_MODEL_CHARACTERS)
    if _MODEL.fullmatch(text) is None:
        remedy = "Write a GS1 Digital Link, or the model's name without spaces."
        raise FieldInvalid(f"{shown(text)} is no model.", where=where, remedy=remedy)
    if canonical_material(text) != text:
        raise FieldInvalid(f"{shown(text)} is not in its one spelling.", where=where, remedy=f"Write {canonical_material(text)}.")
    return text


@contextmanager
def _placed(where: str) -> Iterator[None]:
    """Faults of a whole line are told with their place in the whole document."""
    try:
        yield
    except PurchaseLineInvalid as error:
        raise PurchaseLineInvalid(error.detail, where=where + (error.where or ""), remedy=error.remedy) from error
