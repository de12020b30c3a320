"""Values as text on the wire, one spelling each, and JSON fields read strictly, each fault with its place.

One spelling matters: a parser that takes two texts for one value lets a receipt be changed without anyone noticing. So base64 is
RFC 4648 section 4 with padding and no stray bits, hex is "0x" and lower case, times are RFC 3339 in UTC to the second.
"""

import base64
import binascii
import re
from collections.abc import Collection
from datetime import UTC, datetime

from greenlane.core.canonical import JsonValue, pointer
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, center_id

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_MAX_SHOWN = 40


class FieldInvalid(InvalidInput):
    """A field of a wire format is missing, is not known, or holds what it may not hold."""

    code = "field-invalid"


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, *, where: str | None = None) -> bytes:
    """Reads standard base64 in its one spelling.

    Raises:
        FieldInvalid: anything else, also where only unused bits differ.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _no_base64(text, where) from error
    if encode_base64(data) != text:
        raise _no_base64(text, where)
    return data


def encode_hex(data: bytes) -> str:
    """ "0x" and two lower-case digits a byte."""
    return "0x" + data.hex()


def decode_hex(text: str, *, where: str | None = None) -> bytes:
    """Reads "0x" and lower-case hexadecimal digits, an even number of them.

    Raises:
        FieldInvalid: anything else.
    """
    if _HEX.fullmatch(text) is None:
        raise FieldInvalid(f"{shown(text)} is no hexadecimal.", where=where, remedy="Write 0x and lower-case digits.")
    return bytes.fromhex(text[2:])


def encode_time(time: datetime) -> str:
    """RFC 3339 in UTC to the second, ending in "Z".

    Raises:
        FieldInvalid: the time has no zone, or a part of a second, which would be lost.
    """
    if time.tzinfo is None or time.microsecond:
        raise FieldInvalid(f"{time.isoformat()} has no zone, or a part of a second.", remedy="Give whole seconds, aware.")
    # Not strftime: it leaves out the leading zeros of years below 1000 on some platforms.
    return time.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


def decode_time(text: str, *, where: str | None = None) -> datetime:
    """Reads what `encode_time` writes; an aware time in UTC.

    Raises:
        FieldInvalid: anything else.
    """
    try:
        if _TIME.fullmatch(text) is None:
            raise ValueError(text)
        return datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        remedy = "Write a time like 2026-07-01T08:30:00Z."
        raise FieldInvalid(f"{shown(text)} is no time.", where=where, remedy=remedy) from error


def shown(text: str) -> str:
    """A value as an error may repeat it: quoted, and cut where it is long."""
    return repr(text) if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]!r}…"


def read_object(value: JsonValue, keys: Collection[str], where: str) -> dict[str, JsonValue]:
    """An object that has exactly these keys: none may be missing, for absence is written null, and no other is known.

    Raises:
        FieldInvalid: no object, or other keys.
    """
    if not isinstance(value, dict):
        raise FieldInvalid("An object is expected.", where=where)
    for key in value:
        if key not in keys:
            raise FieldInvalid(f"No field {shown(key)} is known here.", where=where + pointer(key))
    for key in keys:
        if key not in value:
            raise FieldInvalid(f"The field {key!r} is missing.", where=where, remedy="Where it has no value, write null.")
    return value


def read_list(value: JsonValue, where: str, *, longest: int) -> list[JsonValue]:
    """A list of at most `longest` items.

    Raises:
        FieldInvalid: no list, or a longer one.
    """
    if not isinstance(value, list):
        raise FieldInvalid("A list is expected.", where=where)
    if len(value) > longest:
        raise FieldInvalid(f"At most {longest} items may stand here, not {len(value)}.", where=where)
    return value


def read_text(value: JsonValue, where: str, *, longest: int) -> str:
    """A text of 1 to `longest` characters; newlines are the only control characters in it.

    Raises:
        FieldInvalid: no text, an empty or a longer one, or one that could steer the terminal it is shown on.
    """
    if not isinstance(value, str):
        raise FieldInvalid("A text is expected.", where=where)
    if not 1 <= len(value) <= longest:
        raise FieldInvalid(f"A text here has 1 to {longest} characters, not {len(value)}.", where=where)
    if not value.replace("\n", " ").isprintable():
        raise FieldInvalid("Only printable characters and newlines may stand here.", where=where)
    return value


def read_line(value: JsonValue, where: str, *, longest: int) -> str:
    """A text of 1 to `longest` characters without any control character.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_text(value, where, longest=longest)
    if "\n" in text:
        raise FieldInvalid("One line is expected.", where=where)
    return text


def read_constant(value: JsonValue, where: str, expected: str | int) -> None:
    """The one value that may stand here.

    Raises:
        FieldInvalid: another value, or the same in another type.
    """
    if type(value) is not type(expected) or value != expected:
        raise FieldInvalid(f"Only {expected!r} may stand here.", where=where)


def read_count(value: JsonValue, where: str, *, least: int = 0) -> int:
    """A whole number from `least` to 2**53 - 1, the largest that every JSON reader keeps exactly.

    Raises:
        FieldInvalid: no whole number, or one out of range.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise FieldInvalid("A whole number is expected.", where=where)
    if not least <= value < 2**53:
        raise FieldInvalid(f"A whole number from {least} to 2^53 - 1 is expected.", where=where)
    return value


def read_base64(value: JsonValue, where: str, *, length: int) -> bytes:
    """`length` bytes in base64.

    Raises:
        FieldInvalid: anything else.
    """
    return _of_length(decode_base64(read_line(value, where, longest=4 * (length + 3)), where=where), length, where)


def read_hex(value: JsonValue, where: str, *, length: int) -> bytes:
    """`length` bytes in hex after "0x".

    Raises:
        FieldInvalid: anything else.
    """
    return _of_length(decode_hex(read_line(value, where, longest=4 * (length + 3)), where=where), length, where)


def read_time(value: JsonValue, where: str) -> datetime:
    """A time as `encode_time` writes it.

    Raises:
        FieldInvalid: anything else.
    """
    return decode_time(read_line(value, where, longest=64), where=where)


def read_center_id(value: JsonValue, where: str) -> CenterId:
    """A center's short name.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=64)
    try:
        return center_id(text)
    except InvalidInput as error:
        raise FieldInvalid(error.detail, where=where, remedy=error.remedy) from error


def _of_length(data: bytes, length: int, where: str) -> bytes:
    if len(data) != length:
        raise FieldInvalid(f"{length} bytes are expected, not {len(data)}.", where=where)
    return data


def _no_base64(text: str, where: str | None) -> FieldInvalid:
    return FieldInvalid(f"{shown(text)} is no standard base64 with padding.", where=where)
