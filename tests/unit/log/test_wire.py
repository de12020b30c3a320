"""A value has one spelling on the wire, and a fault points at its place."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from greenlane.core.canonical import JsonValue
from greenlane.core.wire import (
    FieldInvalid,
    decode_base64,
    decode_hex,
    decode_time,
    encode_base64,
    encode_hex,
    encode_time,
    read_base64,
    read_center_id,
    read_constant,
    read_count,
    read_hex,
    read_line,
    read_list,
    read_object,
    read_text,
    read_time,
    shown,
)
from hypothesis import given
from hypothesis import strategies as st


@given(st.binary(max_size=70))
def test_bytes_are_read_as_they_were_written(data: bytes) -> None:
    assert decode_base64(encode_base64(data)) == data
    assert decode_hex(encode_hex(data)) == data


@given(st.text("ABab01+/=-_ \n", max_size=12))
def test_base64_is_read_only_in_its_one_spelling(text: str) -> None:
    with suppress(FieldInvalid):
        assert encode_base64(decode_base64(text)) == text


@pytest.mark.parametrize("text", ["A", "AB", "AB=", "AB==C", "AAB=", "A A=", "AA==\n", "-_==", "Ä"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(FieldInvalid):
        decode_base64(text)


@pytest.mark.parametrize("text", ["", "00", "0x0", "0X00", "0xAB", "0x 00", "0xgg", "0x00\n", "0x٠٠"])
def test_what_is_no_hexadecimal_is_refused(text: str) -> None:
    with pytest.raises(FieldInvalid):
        decode_hex(text)


@given(st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0)))
def test_a_time_is_read_as_it_was_written(time: datetime) -> None:
    assert decode_time(encode_time(time)) == time


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    lima = timezone(timedelta(hours=-5))
    assert encode_time(datetime(2026, 7, 1, 8, 30, tzinfo=lima)) == "2026-07-01T13:30:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01",
        "2026-07-01T08:30:00",
        "2026-07-01T08:30:00+00:00",
        "2026-07-01T08:30:00.5Z",
        "2026-13-01T08:30:00Z",
        "2026-07-01T08:30:60Z",
        "0000-07-01T08:30:00Z",
        "2026-07-01t08:30:00z",
        "٢٠٢٦-07-01T08:30:00Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(FieldInvalid):
        decode_time(text)


def test_a_time_without_a_zone_or_with_parts_of_seconds_is_never_written() -> None:
    for time in (datetime(2026, 7, 1), datetime(2026, 7, 1, microsecond=1, tzinfo=UTC)):  # noqa: DTZ001
        with pytest.raises(FieldInvalid):
            encode_time(time)


def test_a_long_value_is_shown_cut() -> None:
    assert shown("short") == "'short'"
    assert shown("x" * 1_000) == f"{'x' * 40!r}…"


def test_an_object_has_its_keys_and_no_other() -> None:
    assert read_object({"a": 1, "b": None}, ("a", "b"), "/at") == {"a": 1, "b": None}
    cases: list[tuple[JsonValue, str]] = [
        ([], "/at"),
        ({"a": 1}, "/at"),
        ({"a": 1, "b": 2, "c/~": 3}, "/at/c~1~0"),
    ]
    for value, where in cases:
        with pytest.raises(FieldInvalid) as caught:
            read_object(value, ("a", "b"), "/at")
        assert caught.value.where == where


@pytest.mark.parametrize("value", [None, {}, "text", [1, 2, 3]])
def test_what_is_no_short_list_is_refused(value: JsonValue) -> None:
    with pytest.raises(FieldInvalid):
        read_list(value, "/at", longest=2)


@pytest.mark.parametrize("value", [None, 5, "", "too long", "\x1b[2J", "\u202e", "\ud800"])
def test_what_is_no_text_is_refused(value: JsonValue) -> None:
    with pytest.raises(FieldInvalid):
        read_text(value, "/at", longest=5)


def test_a_line_has_no_newline() -> None:
    assert read_text("a\nb", "", longest=3) == "a\nb"
    assert read_line("a b", "", longest=3) == "a b"
    with pytest.raises(FieldInvalid):
        read_line("a\nb", "", longest=3)


def test_a_constant_is_of_its_type() -> None:
    read_constant(1, "", 1)
    for value in (True, 1.0, "1", 2, None):
        with pytest.raises(FieldInvalid):
            read_constant(value, "", 1)


@pytest.mark.parametrize("value", [None, True, 1.0, "1", -1, 2**53])
def test_what_is_no_count_is_refused(value: JsonValue) -> None:
    with pytest.raises(FieldInvalid):
        read_count(value, "/at")


def test_values_of_their_length_are_read() -> None:
    assert read_list([1], "", longest=1) == [1]
    assert read_count(2**53 - 1, "") == 2**53 - 1
    assert read_base64("AAA=", "", length=2) == bytes(2)
    assert read_hex("0x0000", "", length=2) == bytes(2)
    assert read_time("2026-07-01T08:30:00Z", "") == datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
    assert read_center_id("lima", "") == "lima"


def test_values_of_another_length_are_refused() -> None:
    with pytest.raises(FieldInvalid):
        read_base64("AAA=", "", length=3)
    with pytest.raises(FieldInvalid):
        read_hex("0x0000", "", length=3)
    with pytest.raises(FieldInvalid):
        read_center_id("Lima", "")
