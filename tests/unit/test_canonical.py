"""Strict JSON: what leaves open how it is read is refused with its place; what is read is written in one way."""

import json
import math
import time
from contextlib import suppress

import pytest
import rfc8785
from greenlane.core.canonical import (
    DuplicateKey,
    JsonTooDeep,
    JsonValue,
    MalformedJson,
    NotCanonical,
    NumberOutOfRange,
    canonical_bytes,
    content_digest,
    parse_json,
    pointer,
)
from greenlane.core.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st

_scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not 2**53 <= abs(number) < 10**21)
    | st.text(st.characters(codec="utf-8"), max_size=12)
)
_keys = st.text(st.characters(codec="utf-8"), max_size=8)
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4))


@given(_values)
def test_canonical_bytes_are_those_of_the_judge(value: JsonValue) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(_values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_any_spelling_of_a_value_is_read_back_as_that_value(value: JsonValue, indent: int | str | None, is_ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    assert canonical_bytes(parse_json(text.encode())) == canonical_bytes(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_is_written_as_the_judge_writes_it(number: float) -> None:
    assert canonical_bytes([number]) == rfc8785.dumps([number])


@pytest.mark.parametrize("power", range(-12, 24))
@pytest.mark.parametrize("digit", [1, 1.5, -9.75])
def test_doubles_at_the_bounds_of_exponent_notation_are_written_as_the_judge_writes_them(power: int, digit: float) -> None:
    number = digit * 10.0**power
    assert canonical_bytes({"n": number, "m": [number]}) == rfc8785.dumps({"n": number, "m": [number]})


def test_keys_are_sorted_by_utf16_units_not_by_code_points() -> None:
    assert canonical_bytes({"\U00010000": 1, "\uffff": 2}) == '{"\U00010000":1,"\uffff":2}'.encode()


def test_text_that_looks_like_a_doubtful_number_or_null_changes_nothing() -> None:
    value: JsonValue = {"a": ":9e4", "b": "null", "c": ":1.0"}
    assert canonical_bytes(value) == b'{"a":":9e4","b":"null","c":":1.0"}'


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, "\ud800", {"\ud800": 1}, {"a": [math.nan]}, [-(2**53)], 10**30])
def test_what_json_cannot_say_has_no_canonical_bytes(value: JsonValue) -> None:
    with pytest.raises(NotCanonical):
        canonical_bytes(value)


def test_a_value_nested_too_deeply_is_refused_not_a_traceback() -> None:
    value: JsonValue = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotCanonical):
        canonical_bytes(value)


def test_the_content_digest_is_that_of_the_canonical_bytes_in_any_key_order() -> None:
    expected = bytes.fromhex("43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777")
    assert content_digest({"b": 2, "a": 1}) == content_digest({"a": 1, "b": 2}) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b'{"a":1,"a":1}', "/a"),
        (b'{"a":1,"b":{"c":[0,{"d":1,"d" :2}]}}', "/b/c/1/d"),
        (b'{"a":1,"\\u0061":2}', "/a"),
        (b'{"q\\"":1,"q\\"":2}', '/q"'),
        (b'{"a/b~":{"":1,"":2}}', "/a~1b~0/"),
        (b'{"a" :1,"a" :2, "x":":"}', "/a"),
        (b'[1,2,{"k":[{}],"k":3}]', "/2/k"),
    ],
)
def test_a_key_named_twice_is_refused_where_it_stands(text: bytes, place: str) -> None:
    with pytest.raises(DuplicateKey) as refusal:
        parse_json(text)
    assert refusal.value.where == place


@pytest.mark.parametrize("text", [b'{"a":{"x":1},"b":{"x":1}}', b'["\\"a\\":","\\"a\\":"]', b'{"a":"{\\"a\\":1}"}'])
def test_equal_keys_of_different_objects_are_no_duplicates(text: bytes) -> None:
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b'{"a":[1,{"b/~":9007199254740992}]}', "/a/1/b~1~0"),
        (b"-9007199254740992", ""),
        (b"[18446744073709551616]", "/0"),
        (b"[0," + b"9" * 100_000 + b"]", "/1"),
        (b'{"a":1e400}', "/a"),
        (b"[[-1e999999]]", "/0/0"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_number_no_double_holds_is_refused_where_it_stands(text: bytes, place: str) -> None:
    with pytest.raises(NumberOutOfRange) as refusal:
        parse_json(text)
    assert refusal.value.where == place


@pytest.mark.parametrize("text", [b"9007199254740991", b"-9007199254740991", b"1e300", b'"123456789012345678901234567890"'])
def test_numbers_within_bounds_and_digits_in_text_are_read(text: bytes) -> None:
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (b"", 1, 1),
        (b"NaN", 1, 1),
        (b"[Infinity]", 1, 2),
        (b"[\n1,\n]", 2, 2),
        (b'["\\ud800"]', 1, 3),
        (b'["\xff"]', 1, 3),
        (b'[\n "\xc3\xa9\xc3"]', 2, 4),
        (b"\xef\xbb\xbf{}", 1, 1),
        (b'{"a":1}}', 1, 8),
        (b"[1]]", 1, 4),
        (b'["a\nb"]', 1, 4),
        (b"'a'", 1, 1),
        (b"{}\x00", 1, 3),
    ],
)
def test_what_is_no_json_is_refused_with_line_and_column(text: bytes, line: int, column: int) -> None:
    with pytest.raises(MalformedJson) as refusal:
        parse_json(text)
    assert (refusal.value.line, refusal.value.column) == (line, column)


@pytest.mark.parametrize(
    "text", [b"[" * 1_000_000, b"[" * 1_000_000 + b"]" * 1_000_000, b'{"a":' * 1_000_000, b"[" * 65 + b"]" * 65]
)
def test_nesting_beyond_the_bound_is_refused_at_once(text: bytes) -> None:
    with pytest.raises(JsonTooDeep):
        parse_json(text)


@given(_values, st.integers(1, 12))
def test_a_value_is_read_up_to_its_own_depth_and_not_one_level_less(value: JsonValue, spare: int) -> None:
    # Brackets inside text must not count, and enough of them to make the reader look closely.
    wrapped: JsonValue = [value, "[{" * 40, '\\"[' * 3, ""]
    depth = _depth(wrapped)
    data = json.dumps(wrapped).encode()
    assert parse_json(data, max_depth=depth) == parse_json(data, max_depth=depth + spare) == wrapped
    with pytest.raises(JsonTooDeep):
        parse_json(data, max_depth=depth - 1)


def _depth(value: JsonValue) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def test_nesting_up_to_the_bound_is_read() -> None:
    assert parse_json(b"[" * 64 + b"]" * 64)
    assert parse_json(b"[" * 300 + b"]" * 300, max_depth=300)
    assert parse_json(b'["' + b"[" * 100 + b'\\"' + b"{" * 100 + b'"]')


def test_no_bound_asked_for_lifts_the_parsers_own() -> None:
    with pytest.raises(JsonTooDeep):
        parse_json(b"[" * 2_000 + b"]" * 2_000, max_depth=10_000)


@pytest.mark.parametrize("text", [b"1e18", b"1E+16", b"-1e20", b"9007199254740992.0", b"-9007199254740993.0", b"[20.0,1e17]"])
def test_a_whole_number_that_could_not_be_read_again_is_refused(text: bytes) -> None:
    with pytest.raises(NumberOutOfRange):
        parse_json(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_read_and_written_canonically_is_read_again(number: float) -> None:
    text = json.dumps([number]).encode()
    try:
        value = parse_json(text)
    except NumberOutOfRange:
        assert number.is_integer()
        assert 2**53 <= abs(number) < 10**21
    else:
        assert canonical_bytes(parse_json(canonical_bytes(value))) == canonical_bytes(value)


@given(st.binary(max_size=40) | st.text('{}[]":,\\0123456789.eE-ntu a', max_size=40).map(str.encode))
def test_no_bytes_at_all_bring_anything_but_a_value_or_our_refusal(data: bytes) -> None:
    try:
        value = parse_json(data)
    except InvalidInput:
        return
    assert json.loads(data) == value


def test_a_pointer_escapes_what_rfc_6901_escapes() -> None:
    assert pointer() == ""
    assert pointer("a/b", 0, "~") == "/a~1b/0/~0"


LONG = b'"' + b"long" * 70_000 + b'"'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'[%b,{"a":1,"b":2,"a":3}]', "duplicate-key"),
        (b"[%b,123456789012345678901234567890]", "number-out-of-range"),
        (b"[%b,1e17]", "number-out-of-range"),
        (b"[%b,1e999]", "number-out-of-range"),
        (b"[" * 1_000 + b"%b" + b"]" * 999 + b',{"a":1,"a":1}]', "duplicate-key"),
    ],
    ids=["duplicate", "long number", "large float", "infinity", "deep"],
)
def test_a_fault_of_a_long_text_is_told_too(text: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_json(text % LONG, max_depth=1_024)
    assert refusal.value.code == code


def test_a_long_text_with_digits_that_are_no_numbers_is_read() -> None:
    text = b'{"a":%b,"b":"123456789012345678901234567890 3e4-5","c":{"a":1.5e-9}}' % LONG
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        b'["' + b"\\\\" * 2_000_000 + b'"]',
        b'{"a":[' + b"0," * 2_000_000 + b"1e17]}",
        b"{" + b",".join(b'"%d":0' % n for n in range(400_000)) + b',"7":0}',
        b"[" + b"0," * 2_000_000 + b"1e999]",
    ],
    ids=["backslashes", "a large float at the end", "a duplicate at the end", "an infinity at the end"],
)
def test_no_text_of_some_megabytes_is_slow_to_read(text: bytes) -> None:
    began = time.process_time()
    with suppress(InvalidInput):
        parse_json(text)
    # Some tenths of a second where nothing else runs; the slow walk took more than ten times as long.
    assert time.process_time() - began < 3


@given(st.text('\\\\\\"[]{},:a', max_size=30))
def test_backslashes_hide_no_quote_and_no_bracket(text: str) -> None:
    data = json.dumps([text, {text: text}]).encode()
    assert parse_json(data, max_depth=2) == [text, {text: text}]
    with pytest.raises(JsonTooDeep):
        parse_json(data, max_depth=1)
