"""What each field of an event may hold.

A checker takes a value and answers None where it is good; else the flaws in it, each with a pointer relative to that value. So
the good path builds no pointer and no sentence. Source: EPCIS 2.0 sections 7.3 and 7.4, and its JSON schema 2.0.1; what the
schema lets pass and the standard forbids (identifiers that are no URI, wrong check digits, negative quantities, a parent
missing) is refused.
"""

import re
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from difflib import get_close_matches
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, TypeAlias

from greenlane.core.canonical import kind_of, pointer
from greenlane.core.epcis.context import Context
from greenlane.core.epcis.serials import check_uri_in_bulk
from greenlane.core.epcis.vocabulary import VocabularyKind, check_term
from greenlane.core.errors import InvalidInput


class Flaw(NamedTuple):
    """One thing wrong: where (a JSON pointer from the checked value), what, and how to mend it."""

    where: str
    detail: str
    remedy: str


Flaws: TypeAlias = list[Flaw]
Check: TypeAlias = Callable[[Any, Context], Flaws | None]

MAX_FLAWS: Final = 100
"""Where a value has as many flaws, the rest of it is not looked at: who sends more has one cause to mend."""
_LONGEST_REMEMBERED: Final = 256
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:\d\d)", re.ASCII).fullmatch
_OFFSET: Final = re.compile(r"[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00)", re.ASCII).fullmatch
_HEX: Final = re.compile(r"[0-9A-Fa-f]+", re.ASCII).fullmatch
_ACTIONS: Final = frozenset({"OBSERVE", "ADD", "DELETE"})
# As written; a zone moves a time by less than a day.
_EDGE_YEARS: Final = frozenset({"0001", "0002", "9998", "9999"})
_TIME_REMEDY: Final = "Write date, time and zone, for example 2026-03-04T11:00:30.000+01:00."


def _wrong_kind(value: object, wanted: str) -> Flaws:
    return [Flaw("", f"This must be {wanted}, not {kind_of(value)}.", f"Give {wanted}.")]


def _within(step: str | int, flaws: Flaws) -> Flaws:
    place = pointer(step)
    return [Flaw(place + flaw.where, flaw.detail, flaw.remedy) for flaw in flaws]


def check_time(value: Any, _: Context) -> Flaws | None:
    """A time with its zone."""
    if type(value) is not str:
        return _wrong_kind(value, "a time in text")
    if _TIME(value) is None:
        lacks_zone = _TIME(value + "Z") is not None
        detail = f"The time {value[:40]!r} has no zone." if lacks_zone else f"{value[:40]!r} is no time."
        return [Flaw("", detail, _TIME_REMEDY)]
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        return [Flaw("", f"{value[:40]!r} is no time: {error}.", _TIME_REMEDY)]
    if value[:4] in _EDGE_YEARS and _is_at_the_edge(moment):
        return [
            Flaw("", f"The time {value[:40]!r} is in the first or last year of the calendar.", "Write when it really happened.")
        ]
    return None


def _is_at_the_edge(moment: datetime) -> bool:
    """Whether a time is, in UTC, in a year of the calendar that not every zone can tell and not every rounding leaves."""
    try:
        return moment.astimezone(UTC).year in (MINYEAR, MAXYEAR)
    except OverflowError:
        return True


def check_offset(value: Any, _: Context) -> Flaws | None:
    """An offset from UTC."""
    if type(value) is not str:
        return _wrong_kind(value, "an offset in text")
    if _OFFSET(value) is None:
        return [
            Flaw(
                "",
                f"{value[:40]!r} is no offset from UTC.",
                "Write sign, hours and minutes from -14:00 to +14:00, for example +01:00.",
            )
        ]
    return None


def check_action(value: Any, _: Context) -> Flaws | None:
    """An action."""
    if type(value) is str and value in _ACTIONS:
        return None
    shown = repr(value)[:40] if isinstance(value, str) else kind_of(value)
    return [Flaw("", f"The action is {shown}.", "Use OBSERVE, ADD or DELETE.")]


def check_uri(value: Any, _: Context) -> Flaws | None:
    """An absolute URI; where it holds a GS1 key, a right one."""
    if type(value) is not str:
        return _wrong_kind(value, "a URI in text")
    try:
        check_uri_in_bulk(value)
    except InvalidInput as error:
        return [Flaw("", error.detail, error.remedy)]
    return None


def check_text(value: Any, _: Context) -> Flaws | None:
    """Any text."""
    return None if type(value) is str else _wrong_kind(value, "text")


def check_number(value: Any, _: Context) -> Flaws | None:
    """A number."""
    return None if type(value) is int or type(value) is float else _wrong_kind(value, "a number")


def check_quantity(value: Any, context: Context) -> Flaws | None:
    """A number that is not negative."""
    flaws = check_number(value, context)
    if flaws is None and value < 0:
        return [
            Flaw(
                "",
                f"The quantity {value!r} is negative.",
                "Give how many or how much there is; an action tells what became of it.",
            )
        ]
    return flaws


def check_boolean(value: Any, _: Context) -> Flaws | None:
    """true or false."""
    return None if type(value) is bool else _wrong_kind(value, "true or false")


def check_hex(value: Any, _: Context) -> Flaws | None:
    """Hexadecimal digits."""
    if type(value) is not str:
        return _wrong_kind(value, "hexadecimal digits in text")
    return None if _HEX(value) else [Flaw("", f"{value[:40]!r} is not hexadecimal.", "Write digits from 0 to 9 and A to F only.")]


def _term_flaw(kind: VocabularyKind, value: str) -> Flaws | None:
    try:
        check_term(kind, value)
    except InvalidInput as error:
        return [Flaw("", error.detail, error.remedy)]
    return None


def term(kind: VocabularyKind) -> Check:
    """A word of one list, or a term of somebody else's as a URI."""
    remembered = lru_cache(maxsize=1 << 10)(partial(_term_flaw, kind))

    def check(value: Any, _: Context) -> Flaws | None:
        if type(value) is not str:
            return _wrong_kind(value, "a word or URI in text")
        return _term_flaw(kind, value) if len(value) > _LONGEST_REMEMBERED else remembered(value)

    return check


def _unknown_prefix(where: str, prefix: str, context: Context) -> Flaw:
    remedy = f'Declare it in "@context", for example {{"{prefix[:40]}": "https://ns.example.com/"}}'
    if context.unknown:
        return Flaw(
            where,
            f"The prefix {prefix[:40]!r} is declared by nothing known here; {context.unknown[0][:120]} is not fetched.",
            f"{remedy}, beside the address of that context.",
        )
    return Flaw(where, f'The prefix {prefix[:40]!r} is not declared in "@context".', f"{remedy}.")


def listed(check: Check, *, at_least: int = 0, is_set: bool = False, what: str = "a list") -> Check:
    """A list of values that each pass `check`."""

    def check_list(value: Any, context: Context) -> Flaws | None:
        if type(value) is not list:
            return _wrong_kind(value, what)
        if len(value) < at_least:
            return [Flaw("", "The list is empty.", "Give at least one member, or leave the field out where it may be.")]
        flaws: Flaws = []
        for index, item in enumerate(value):
            if found := check(item, context):
                flaws += _within(index, found)
                if len(flaws) >= MAX_FLAWS:
                    break
        if is_set and not flaws and len(set(value)) < len(value):
            seen: set[str] = set()
            for index, item in enumerate(value):
                if item in seen:
                    flaws.append(Flaw(f"/{index}", f"{item[:80]!r} stands twice in the list.", "Name it once."))
                    if len(flaws) >= MAX_FLAWS:
                        break
                seen.add(item)
        return flaws or None

    return check_list


def one_or_more(check: Check) -> Check:
    """One value, or a list of them."""
    check_list = listed(check)

    def check_either(value: Any, context: Context) -> Flaws | None:
        return check_list(value, context) if type(value) is list else check(value, context)

    return check_either


def record(
    fields: Mapping[str, Check], *, required: tuple[str, ...] = (), is_open: bool = False, what: str = "an object"
) -> Check:
    """An object with known fields.

    Args:
        fields: name to checker.
        required: names that may not be missing.
        is_open: extension fields under a declared prefix are allowed.
    """

    def check_record(value: Any, context: Context) -> Flaws | None:
        if type(value) is not dict:
            return _wrong_kind(value, what)
        return check_fields(value, context, fields, required, is_open, what)

    return check_record


def check_fields(
    value: dict[str, Any],
    context: Context,
    fields: Mapping[str, Check],
    required: tuple[str, ...],
    is_open: bool,
    what: str,
) -> Flaws | None:
    """Checks an object field by field; see `record`."""
    flaws: Flaws = []
    for name, member in value.items():
        check = fields.get(name)
        if check is not None:
            found = check(member, context)
            if found:
                found = _within(name, found)
        elif is_open and ":" in name:
            found = check_extension(name, member, context)
        else:
            found = [_unknown_field(name, fields, is_open, what)]
        if found:
            flaws += found
            if len(flaws) >= MAX_FLAWS:
                break
    for name in required:
        if name not in value:
            flaws.append(Flaw(pointer(name), f"The field {name!r} is missing in {what}.", "Add it."))
    return flaws or None


def _unknown_field(name: str, fields: Mapping[str, Check], is_open: bool, what: str) -> Flaw:
    nearest = get_close_matches(name[:40], fields, n=1)
    guess = f"Did you mean {nearest[0]!r}? " if nearest else ""
    own = 'Write a field of your own with a prefix declared in "@context".' if is_open else "Leave it out."
    return Flaw(pointer(name), f"{name[:60]!r} is no field of {what}.", guess + own)


def check_extension(name: str, value: Any, context: Context) -> Flaws | None:
    """One extension field: its prefixes must be declared all the way down, and null says nothing."""
    flaws: Flaws = []
    if ":" in name and not context.expands(name):
        flaws.append(_unknown_prefix(pointer(name), name.partition(":")[0], context))
    if found := _inside(value, context):
        flaws += _within(name, found)
    return flaws or None


def _inside(value: Any, context: Context) -> Flaws | None:
    if value is None:
        return [Flaw("", "null says nothing.", "Leave the field out.")]
    if type(value) is dict:
        flaws: Flaws = []
        for name, member in value.items():
            if name.startswith("@"):
                flaws.append(
                    Flaw(pointer(name), f"{name[:40]!r} is not read inside an extension.", "Declare contexts at the top.")
                )
            elif found := check_extension(name, member, context):
                flaws += found
            if len(flaws) >= MAX_FLAWS:
                break
        return flaws or None
    return _inside_list(value, context) if type(value) is list else None


_inside_list: Final = listed(_inside)


def check_ilmd(value: Any, context: Context) -> Flaws | None:
    """Instance or lot master data: extension fields only."""
    if type(value) is not dict:
        return _wrong_kind(value, "an object")
    return check_fields(value, context, {}, (), True, "ilmd")
