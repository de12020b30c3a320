"""Whole numbers as blocks and CARs write them: seven bits to a byte, the lowest first, all but the last byte marked.

Only the shortest spelling is read, and at most nine bytes. Source: the unsigned-varint specification of multiformats.
"""

from greenlane.core.errors import InvalidInput

MAX_VARINT_BYTES = 9
"""What the specification bounds it to; 63 bits."""
_MORE = 0x80
_BITS = 7


class VarintInvalid(InvalidInput):
    """Bytes are no number in its one spelling."""

    code = "varint-invalid"


def encode_varint(number: int) -> bytes:
    """Writes a number from 0 to 2^63 - 1."""
    encoded = bytearray()
    while number >= _MORE:
        encoded.append(number % _MORE | _MORE)
        number >>= _BITS
    encoded.append(number)
    return bytes(encoded)


def read_varint(data: bytes, at: int = 0) -> tuple[int, int]:
    """Reads the number that begins at `at`.

    Returns:
        The number, and the place after it.

    Raises:
        VarintInvalid: cut off, longer than MAX_VARINT_BYTES, or not in its shortest spelling.
    """
    number = 0
    for place, byte in enumerate(data[at : at + MAX_VARINT_BYTES]):
        number |= byte % _MORE << _BITS * place
        if byte < _MORE:
            if place and not byte:
                raise VarintInvalid("A number is not in its shortest spelling.")
            return number, at + place + 1
    raise VarintInvalid(f"A number is cut off, or longer than {MAX_VARINT_BYTES} bytes.")
