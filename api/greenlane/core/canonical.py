"""JSON in one reading and one spelling: strict parsing, canonical bytes, and the digest of content.

Two readers of one document must never see two things, so whatever JSON leaves open is refused on the way in: duplicate
keys, integers that a double cannot hold, NaN and infinities, lone surrogates, a byte order mark, bytes that are not
UTF-8, nesting beyond a bound. On the way out there is one spelling. Both ways have a fast path through orjson that is
taken only where it is provably the same; the exact path beside it names the place of a fault.
Sources: RFC 8259, RFC 7493 (I-JSON), RFC 8785 (JSON Canonicalization Scheme; the package rfc8785 is its judge here).
"""

import json
import re
from collections import Counter
from itertools import accumulate
from typing import TypeAlias

import orjson
import rfc8785

from greenlane.core.crypto import sha256
from greenlane.core.errors import InvalidInput

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
"""What JSON can say, as Python's own types; a float is finite, an integer within ±(2**53 - 1)."""

MAX_DEPTH = 64
"""Levels of nesting accepted unless the caller says otherwise; EPCIS documents in the wild stay below 20."""
MAX_SAFE_INTEGER = 2**53 - 1
_PARSER_DEPTH = 1024
"""orjson refuses deeper nesting by itself; no bound above this one can be promised."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in _STEP)
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in _STEP and byte != ord('"'))
# From here on RFC 8785 writes numbers with an exponent.
_LEAST_EXPONENT = 1e21
_DIGITS_AS_NUL = bytes(0 if chr(byte).isdigit() and byte < 128 else 1 for byte in range(256))
# 2**64 has 20 digits; from there on orjson silently answers with a float.
_TWENTY_DIGITS = bytes(20)
_TOKEN = re.compile(
    r'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(?P<mark>[{}\[\],:])',
    re.DOTALL,
)
# Numbers that orjson may spell otherwise than RFC 8785: a whole float, an exponent, or something very small.
_DOUBTFUL_NUMBER = re.compile(rb"[:,\[]-?[0-9]++(?:\.0[,\]}]|(?:\.[0-9]++)?+[eE][+-]?[0-9])")
# Each needs one of these two, and orjson writes exponents with a small e. A search that begins with a letter of its own runs some
# ten times as fast as one that begins with a class, and most events pass by both.
_WHOLE_FLOAT = re.compile(rb"\.0[,\]}]")
_EXPONENT = re.compile(rb"e(?<=[0-9]e)[-+0-9]")
# From 2**53 on: sixteen digits before the point, or an exponent.
_LARGE_WHOLE_FLOAT = re.compile(rb"\.0(?<=[0-9]{16}\.0)(?:[,\]}]|\Z)")
_MOST_SHRINKING = 4
_LONGEST_WALKED = 262_144
_SAFE_DIGITS = 15
_ASTRAL = re.compile(rb"[\xf0-\xf4]")
_CANONICAL_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


class CanonicalTooLong(InvalidInput):
    """A value whose canonical bytes are more than may be."""

    code = "canonical-too-long"
    default_remedy = "Give less."


class MalformedJson(InvalidInput):
    """Bytes that are no JSON text.

    Attributes:
        line: from 1.
        column: from 1, in characters.
    """

    code = "malformed-json"
    default_remedy = "Send one JSON text in UTF-8."

    def __init__(self, detail: str, *, line: int, column: int, remedy: str | None = None) -> None:
        super().__init__(f"{detail} (line {line}, column {column}).", where="", remedy=remedy)
        self.line = line
        self.column = column


class JsonTooDeep(InvalidInput):
    """More levels of nesting than the reader accepts."""

    code = "json-too-deep"


class DuplicateKey(InvalidInput):
    """One object names one key twice, so two readers could take two values."""

    code = "duplicate-key"
    default_remedy = "Name each key once."


class NumberOutOfRange(InvalidInput):
    """A number that a double, and so most readers of JSON, cannot hold exactly."""

    code = "number-out-of-range"
    default_remedy = "Write larger numbers as text."


class NotCanonical(InvalidInput):
    """A value that has no canonical JSON: not finite, out of range, a lone surrogate, or no JSON type at all."""

    code = "not-canonical"
    default_remedy = "Give only what JSON can say."


def parse_json(data: bytes, *, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Reads one JSON text strictly.

    Args:
        data: UTF-8 without a byte order mark.
        max_depth: levels of arrays and objects allowed, 1 to 1024; "[]" has one.

    Raises:
        MalformedJson: no JSON, or bytes that are not UTF-8; with line and column.
        JsonTooDeep: nested deeper than `max_depth`.
        DuplicateKey: an object repeats a key; `where` points at it, or at the whole of a text of more than 262,144 characters.
        NumberOutOfRange: a whole number beyond ±(2**53 - 1) that canonical JSON writes as an integer, or a number beyond a
            double; `where` points at it.
    """
    check_depth(data, min(max_depth, _PARSER_DEPTH))
    try:
        value: JsonValue = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _malformed(data, error) from error
    try:
        written = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        # An integer beyond ±(2**53 - 1), or only more than the 254 levels that orjson writes: the exact walk will tell.
        written = None
    if written is None or _count_quotes(data) != _count_quotes(written) or _has_long_number(data) or _has_large_float(written):
        # A dropped pair drops at least its key, and with it two quotes; nothing ever adds one.
        fault = _fault_of(data.decode())
        if fault is not None:
            raise fault
    return value


def check_depth(data: bytes, max_depth: int) -> None:
    """Looks how deeply a JSON text is nested, without reading it.

    Raises:
        JsonTooDeep: deeper than `max_depth` levels.
    """
    # Every level opens with a bracket, so few brackets are few levels: one event needs no closer look.
    if data.count(b"[") + data.count(b"{") > max_depth:
        _refuse_deep(data, max_depth)


def canonical_bytes(value: JsonValue, *, longest: int | None = None) -> bytes:
    """The one spelling of a value by RFC 8785.

    Args:
        value: what to write.
        longest: how many bytes there may be; None where any number may.

    Raises:
        CanonicalTooLong: there are more; told before much is spent on a value that is far too large.
        NotCanonical: the value has none.
    """
    written = _canonical(value, longest)
    if longest is not None and len(written) > longest:
        raise CanonicalTooLong(f"The canonical JSON has {len(written)} bytes; {longest} are accepted.", where="")
    return written


def _canonical(value: JsonValue, longest: int | None) -> bytes:
    if isinstance(value, dict | list):
        try:
            written = orjson.dumps(value, option=_CANONICAL_OPTIONS)
        except orjson.JSONEncodeError:
            return _canonical_slowly(value)
        # orjson writes NaN as null, which is then not read back as it was, and sorts keys by code point, RFC 8785 by UTF-16 unit:
        # apart from astral characters the two orders are one.
        if (
            (b"null" not in written or orjson.loads(written) == value)
            and (written.isascii() or _ASTRAL.search(written) is None)
            and (
                (_WHOLE_FLOAT.search(written) is None and _EXPONENT.search(written) is None)
                or _DOUBTFUL_NUMBER.search(written) is None
            )
        ):
            return written
        # No number is shorter than a third of what orjson makes of it (-0.0 is 0 in the end), and all else is as long.
        if longest is not None and len(written) > _MOST_SHRINKING * longest:
            raise CanonicalTooLong(f"The canonical JSON has far more than the {longest} bytes that are accepted.", where="")
    return _canonical_slowly(value)


def content_digest(value: JsonValue) -> bytes:
    """SHA-256 over the canonical bytes of a value; 32 bytes.

    Raises:
        NotCanonical: the value has no canonical bytes.
    """
    return sha256(canonical_bytes(value))


def pointer(*steps: str | int) -> str:
    """An RFC 6901 JSON pointer from its unescaped steps; no step is the whole document."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def kind_of(value: object) -> str:
    """A JSON value's kind, as a sentence says it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text" if value else "empty text"
    return "a list" if isinstance(value, list) else "an object"


def _canonical_slowly(value: JsonValue) -> bytes:
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise NotCanonical(f"The value has no canonical JSON: {error}.") from error
    except UnicodeEncodeError as error:
        raise NotCanonical("The value has no canonical JSON: a key holds a lone surrogate.") from error
    except RecursionError as error:
        raise NotCanonical("The value is nested too deeply.") from error


def _refuse_deep(data: bytes, max_depth: int) -> None:
    if b"\\" in data:
        data = _without_escaped_quotes(data)
    # Taking two neighbouring quotes away leaves every other byte inside or outside of text, as it was.
    brackets = data.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in brackets:
        brackets = _STRING.sub(b"", brackets).translate(None, _NOT_BRACKETS)
    # One round takes away one level or two, so what is gone by half the bound is within it.
    left = brackets
    for _ in range(max_depth // 2):
        left = left.replace(b"{}", b"").replace(b"[]", b"")
        if not left:
            return
    depth = max(accumulate(map(_STEP.__getitem__, brackets)), default=0)
    if depth > max_depth:
        raise JsonTooDeep(
            f"The document is nested {depth} levels deep; {max_depth} are accepted.",
            where="",
            remedy="Flatten the document.",
        )


def _malformed(data: bytes, error: orjson.JSONDecodeError) -> InvalidInput:
    try:
        text = data.decode()
    except UnicodeDecodeError as stop:
        before = data[: stop.start].decode()
        return MalformedJson(
            f"Byte {stop.start} is not UTF-8", line=before.count("\n") + 1, column=len(before) - before.rfind("\n")
        )
    if text.startswith("\ufeff"):
        return MalformedJson("The text begins with a byte order mark", line=1, column=1, remedy="Leave out the mark.")
    # Up to a number beyond all doubles the text is JSON, so the walk finds the number and its place.
    fault = _fault_of(text) if "infinity" in error.msg else None
    return fault or MalformedJson(f"This is no JSON: {error.msg}", line=error.lineno, column=error.colno)


def _without_escaped_quotes(data: bytes) -> bytes:
    """A text without the quotes that are escaped; pairs of backslashes go first, from the left, as a reader takes them."""
    return data.replace(b"\\\\", b"").replace(b'\\"', b"")


def _count_quotes(data: bytes) -> int:
    if b"\\" in data:
        data = _without_escaped_quotes(data)
    return data.count(b'"')


def _has_long_number(data: bytes) -> bool:
    return _TWENTY_DIGITS in data.translate(_DIGITS_AS_NUL)


def _has_large_float(written: bytes) -> bool:
    return _LARGE_WHOLE_FLOAT.search(written) is not None or _EXPONENT.search(written) is not None


def _fault_of(text: str) -> InvalidInput | None:
    """The first duplicate key or number out of range; in a long text without its place: the walk takes a second for each MB."""
    return _first_fault(text) if len(text) <= _LONGEST_WALKED else _first_fault_without_place(text)


def _first_fault_without_place(text: str) -> InvalidInput | None:
    try:
        json.loads(text, object_pairs_hook=_refuse_duplicate, parse_int=_refuse_integer, parse_float=_refuse_number)
    except (DuplicateKey, NumberOutOfRange) as fault:
        return fault
    except RecursionError:
        return _first_fault(text)
    return None


def _refuse_duplicate(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) < len(pairs):
        key = Counter([name for name, _ in pairs]).most_common(1)[0][0]
        raise DuplicateKey(f"The key {key[:60]!r} stands twice in one object.", where="")


def _refuse_integer(number: str) -> None:
    # Most integers are short, and millions of them may stand before the one that is not.
    if len(number) > _SAFE_DIGITS:
        _refuse_number(number)


def _refuse_number(number: str) -> None:
    fault = _number_fault(number, [])
    if fault is not None:
        raise fault


def _first_fault(text: str) -> InvalidInput | None:
    """Walks a text token by token to its first duplicate key or number out of range; it must be JSON up to there."""
    steps: list[str | int] = []
    keys: list[set[str] | None] = []
    is_key = False
    for token in _TOKEN.finditer(text):
        mark, string, number = token.group("mark", "string", "number")
        if mark == "{":
            keys.append(set())
            steps.append("")
            is_key = True
        elif mark == "[":
            keys.append(None)
            steps.append(0)
            is_key = False
        elif mark in ("}", "]"):
            keys.pop()
            steps.pop()
            is_key = False
        elif mark == ",":
            last = steps[-1]
            is_key = not isinstance(last, int)
            if isinstance(last, int):
                steps[-1] = last + 1
        elif mark == ":":
            is_key = False
        elif number is not None:
            fault = _number_fault(number, steps)
            if fault is not None:
                return fault
        elif is_key and (seen := keys[-1]) is not None:
            key = orjson.loads(string)
            steps[-1] = key
            if key in seen:
                return DuplicateKey(f"The key {key[:60]!r} stands twice in one object.", where=pointer(*steps))
            seen.add(key)
    return None


def _number_fault(number: str, steps: list[str | int]) -> InvalidInput | None:
    shown = number if len(number) <= 40 else f"{number[:40]}…"
    if any(sign in number for sign in ".eE"):
        value = float(number)
        if value in (float("inf"), float("-inf")):
            return NumberOutOfRange(f"{shown} is beyond what a double can hold.", where=pointer(*steps))
        # RFC 8785 writes it as an integer, which could then not be read again.
        if MAX_SAFE_INTEGER < abs(value) < _LEAST_EXPONENT:
            return NumberOutOfRange(f"The whole number {shown} is beyond ±(2^53 - 1).", where=pointer(*steps))
    # Counted before converting: Python itself refuses integers of thousands of digits.
    elif len(number.lstrip("-0")) > 16 or abs(int(number)) > MAX_SAFE_INTEGER:
        return NumberOutOfRange(f"The integer {shown} is beyond ±(2^53 - 1).", where=pointer(*steps))
    return None
