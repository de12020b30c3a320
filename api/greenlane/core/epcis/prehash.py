"""The text that the CBV event hash digests: one event, in one order, every value in one spelling.

Rules, from the algorithm in CBV 2.0, section 8.9, as its reference implementation reads it since July 2026:
- fields in the canonical order below, no separators, `name=value`; what is absent or empty is left out;
- members of a list sorted by code point; a list's name stands once;
- times in UTC with milliseconds, rounded half up; numbers, and text that reads as a number, without needless zeros (a whole
  number written with an exponent keeps it: 1.5E+3);
- standard words as web URIs, GS1 keys as constrained canonical Digital Links, `gs1:`, `cbv:` and `epcis:` expanded;
- extension fields as `{namespace}name`, sorted;
- left out: recordTime, eventID, errorDeclaration, certificationInfo, comments.
CBV 2.0 writes sensor elements without "sensorElementList" and the extensions of standard fields after ilmd, under their field's
name; CBV 2.1 writes the list's name, and such extensions at the end of their field.

Where the rules' text and the reference's code part, the text is followed and no value is lost: extensions are taken whatever
their namespace ends in and however few fields stand beside them, a bizTransaction may lack its type, words are expanded in
standard fields only, and a list in an extension keeps its name.

The walk reads events in the shape of JSON; a reader of another syntax hands over that shape, extension fields as `prefix:name`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Context as DecimalContext
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

from greenlane.core.epcis.context import Context, ContextMalformed, read_context
from greenlane.core.epcis.serials import link_of
from greenlane.core.epcis.vocabulary import VocabularyKind, canonical_term, expand_cbv_urn
from greenlane.core.errors import InvalidInput


class CbvVersion(StrEnum):
    """Which edition of the Core Business Vocabulary rules the hash; it stands in the hash's text."""

    V2_0 = "CBV2.0"
    V2_1 = "CBV2.1"


class EventUnhashable(InvalidInput):
    """An event from which no hash can be computed; it must be mended, never skipped."""

    code = "event-unhashable"
    default_remedy = "Give an event that the capture interface accepts."


_LONGEST_REMEMBERED: Final = 256
# 28 digits and no traps, whatever a caller did to the thread's own decimal context.
_DECIMAL: Final = DecimalContext(prec=28, traps=[])
# "1E-999999999" is a number; written out it would take a gigabyte. The smallest double ends at 1E-324.
_SMALLEST_EXPONENT: Final = -1100
_EXACT_WHOLE: Final = 1e15
_DEFAULT_CURIES: Final = read_context(None).curies
_LENGTHS_WITH_MILLISECONDS: Final = frozenset({len("2026-01-01T00:00:00.000Z"), len("2026-01-01T00:00:00.000+00:00")})
_WITHIN_HOUR: Final = re.compile(r":[0-5][0-9]:[0-5][0-9]\.[0-9]{3}(?:Z|[+-][0-9]{2}:00)\Z").match
_IDENTIFIER_STARTS: Final = ("urn:epc:", "https://", "http://")
_IGNORED_ANYWHERE: Final = frozenset({"#text", "rdfs:comment", "comment"})


def prehash(event_document: Mapping[str, Any], version: CbvVersion = CbvVersion.V2_0) -> str:
    """The text before hashing.

    Args:
        event_document: one event with its "@context" inside.

    Raises:
        EventUnhashable: a value has no place in the text: null, a time without zone, a wrong type.
    """
    try:
        return _prehash(event_document, version is CbvVersion.V2_1)
    except ContextMalformed as error:
        raise EventUnhashable(error.detail, where="/@context", remedy=error.remedy) from error
    except (TypeError, AttributeError, KeyError, IndexError, ValueError, OverflowError, RecursionError) as error:
        raise EventUnhashable(f"The event cannot be hashed: {error}.", where="") from error


def _prehash(event: Mapping[str, Any], is_2_1: bool) -> str:
    context = read_context(event.get("@context"))
    read = partial(_value_in, context.curies) if context.has_own_curies else _value
    out = ["eventType=" + event["type"]]
    get = event.get
    for name, emit in _ORDER:
        value = get(name)
        if value is not None:
            emit(out, value)
    within: list[str] = []
    for name in ("readPoint", "bizLocation"):
        value = get(name)
        if value is not None:
            own = _often(value["id"])
            if own:
                own = "id=" + own
            if len(value) > 1 and (inner := _members(value, _PLACE_FIELDS, context, read)):
                if is_2_1:
                    own += inner
                else:
                    within.append(name + inner)
            if own:
                out.append(name + own)
    for name, emit in _TYPED_LISTS:
        value = get(name)
        if value:
            emit(out, value)
    value = get("sensorElementList")
    if value:
        _sensor_elements(out, within, value, context, read, is_2_1)
    ilmd = get("ilmd")
    rest = [] if ilmd is None else _extension("ilmd", ilmd, context, read)
    if not is_2_1:
        out += rest
        out += within
        rest = []
    for name, value in event.items():
        if name not in _STANDARD:
            rest += _extension(name, value, context, read)
    rest.sort()
    out += rest
    return "".join(out)


def _sensor_elements(
    out: list[str], within: list[str], elements: list[Any], context: Context, read: Callable[[Any], str], is_2_1: bool
) -> None:
    texts = []
    extended = []
    for element in elements:
        text = ""
        inners = ""
        metadata = element.get("sensorMetadata")
        if metadata:
            own = _fields(metadata, _METADATA_FIELDS)
            inner = _members(metadata, _METADATA_NAMES, context, read)
            if is_2_1:
                own += inner
            elif inner:
                inners += "sensorMetadata" + inner
            if own:
                text += "sensorMetadata" + own
        reports = []
        report_inners = []
        for report in element.get("sensorReport", ()):
            own = _fields(report, _REPORT_FIELDS)
            inner = _members(report, _REPORT_NAMES, context, read)
            if is_2_1:
                own += inner
            elif inner:
                report_inners.append("sensorReport" + inner)
            if own:
                reports.append("sensorReport" + own)
        reports.sort()
        report_inners.sort()
        text += "".join(reports)
        inners += "".join(report_inners)
        inner = _members(element, _ELEMENT_NAMES, context, read)
        if is_2_1:
            text += inner
        else:
            inners += inner
        if text:
            texts.append("sensorElement" + text)
        if inners:
            extended.append("sensorElement" + inners)
    texts.sort()
    extended.sort()
    if is_2_1 and texts:
        out.append("sensorElementList")
    out += texts
    within += extended


def _fields(value: Mapping[str, Any], fields: tuple[tuple[str, str, Callable[[Any], str]], ...]) -> str:
    text = ""
    get = value.get
    for name, label, read in fields:
        part = get(name)
        if part is not None and (part := read(part)):
            text += label + part
    return text


def _members(value: Mapping[str, Any], known: frozenset[str], context: Context, read: Callable[[Any], str]) -> str:
    """The extension fields of an object beside its known ones."""
    if value.keys() <= known:
        return ""
    parts: list[str] = []
    for name, member in value.items():
        if name not in known:
            parts += _extension(name, member, context, read)
    parts.sort()
    return "".join(parts)


def _extension(name: str, value: Any, context: Context, read: Callable[[Any], str]) -> list[str]:
    """One extension field as `{namespace}name`, with its value or the sorted fields in it; a list is the field repeated."""
    if name in _IGNORED_ANYWHERE:
        return []
    prefix, colon, local = name.partition(":")
    if colon and (namespace := context.hash_names.get(prefix)) is not None:
        name = namespace + local
    kind = type(value)
    if kind is list:
        return [_nested(name, item, context, read) for item in value]
    if kind is dict:
        return [_nested(name, value, context, read)]
    text = read(value)
    return [f"{name}={text}" if text else name]


def _nested(name: str, value: Any, context: Context, read: Callable[[Any], str]) -> str:
    if isinstance(value, dict):
        parts: list[str] = []
        for key, member in value.items():
            parts += _extension(key, member, context, read)
        parts.sort()
        text = read(value["#text"]) if "#text" in value else ""
        return (f"{name}={text}" if text else name) + "".join(parts)
    if isinstance(value, list):
        return name + "".join(sorted(_nested("", item, context, read) for item in value))
    text = read(value)
    return f"{name}={text}" if text else name


def _value(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return _text(value)
    if kind is int:
        return str(value)
    if kind is float:
        return _float(value)
    if kind is bool:
        return "true" if value else "false"
    raise EventUnhashable(
        f"A field holds {value!r:.40}, which has no place in an event.", where="", remedy="Leave the field out."
    )


def _value_in(curies: Mapping[str, str], value: Any) -> str:
    return _text(value, curies) if type(value) is str else _value(value)


def _text(value: str, curies: Mapping[str, str] = _DEFAULT_CURIES) -> str:
    text = value.strip()
    if text.startswith(_IDENTIFIER_STARTS):
        return link_of(text)
    if ":" in text:
        prefix, _, local = text.partition(":")
        if (namespace := curies.get(prefix)) is not None:
            return link_of(namespace + local)
        return expand_cbv_urn(text)
    return _decimal(text)


# Places, parties and devices come back in event after event, unlike items.
_remembered = lru_cache(maxsize=1 << 12)(_text)


def _often(value: str) -> str:
    return _remembered(value) if len(value) <= _LONGEST_REMEMBERED else _text(value)


def _decimal(text: str) -> str:
    # A number begins with a sign, digit, dot or underscore; with a letter only infinity and NaN, which stay as they are.
    if not text or text[0].isalpha():
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite() or number.adjusted() < _SMALLEST_EXPONENT:
        return text
    whole = number.to_integral_value()
    if number == whole:
        return str(whole)
    return format(_DECIMAL.normalize(number), "f")


def _float(number: float) -> str:
    if number.is_integer() and 0 < abs(number) < _EXACT_WHOLE:
        return str(int(number))
    text = repr(number)
    return _decimal(text) if "e" in text or number.is_integer() else text


def _time(text: str) -> str:
    """UTC with milliseconds, rounded half up; digits beyond the sixth are not looked at."""
    text = text.strip()
    # With milliseconds already there and an offset of whole hours only the hour moves, and events of one hour are many.
    if len(text) in _LENGTHS_WITH_MILLISECONDS and _WITHIN_HOUR(text, 13) is not None:
        return f"{_hour(text[:13], text[23:])}{text[13:23]}Z"
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise EventUnhashable(
            f"The time {text[:40]!r} has no zone.", where="", remedy="End it with Z or an offset such as +01:00."
        )
    moment = moment.astimezone(UTC)
    excess = moment.microsecond % 1000
    if excess:
        moment += timedelta(microseconds=1000 - excess if excess >= 500 else -excess)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


@lru_cache(maxsize=1 << 12)
def _hour(written: str, zone: str) -> str:
    """Date and hour in UTC of the same in a zone, whose offset is of whole hours."""
    return datetime.fromisoformat(f"{written}:00{zone}").astimezone(UTC).isoformat(timespec="hours")[:-6]


def _identifier(value: str) -> str:
    return link_of(value.strip())


def _term(kind: VocabularyKind) -> Callable[[str], str]:
    def read(text: str) -> str:
        term = canonical_term(kind, text.strip())
        return _text(term)

    remembered = lru_cache(maxsize=1 << 10)(read)
    return lambda text: remembered(text) if len(text) <= _LONGEST_REMEMBERED else read(text)


_BIZ_STEP: Final = _term(VocabularyKind.BIZ_STEP)
_DISPOSITION: Final = _term(VocabularyKind.DISPOSITION)
_MEASUREMENT: Final = _term(VocabularyKind.MEASUREMENT_TYPE)
_EXCEPTION: Final = _term(VocabularyKind.SENSOR_EXCEPTION)
_COMPONENT: Final = _term(VocabularyKind.COMPONENT)

_Emit: TypeAlias = "Callable[[list[str], Any], None]"


def _plain(name: str, read: Callable[[Any], str]) -> tuple[str, _Emit]:
    label = name + "="

    def emit(out: list[str], value: Any) -> None:
        text = read(value)
        if text:
            out.append(label + text)

    return name, emit


def _epcs(name: str) -> tuple[str, _Emit]:
    def emit(out: list[str], value: list[str]) -> None:
        if value:
            out.append(name)
            if len(value) == 1:
                out.append("epc=" + link_of(value[0].strip()))
            else:
                out.extend(sorted(["epc=" + link_of(epc.strip()) for epc in value]))

    return name, emit


def _quantities(name: str) -> tuple[str, _Emit]:
    def emit(out: list[str], value: list[Mapping[str, Any]]) -> None:
        if value:
            out.append(name)
            out.extend(sorted([_quantity(element) for element in value]))

    return name, emit


def _quantity(element: Mapping[str, Any]) -> str:
    text = "quantityElementepcClass=" + link_of(element["epcClass"].strip())
    quantity = element.get("quantity")
    if quantity is not None:
        text += "quantity=" + _value(quantity)
    uom = element.get("uom")
    return text if uom is None else f"{text}uom={_text(uom)}"


def _persistent(out: list[str], value: Mapping[str, Any]) -> None:
    parts = [f"{name}={text}" for name in ("set", "unset") for text in sorted(map(_DISPOSITION, value.get(name, ())))]
    if parts:
        out.append("persistentDisposition")
        out.extend(parts)


def _typed_list(name: str, member: str, kind: VocabularyKind, spell: Callable[[str], str]) -> tuple[str, _Emit]:
    read = _term(kind)
    label = member + "="

    def emit(out: list[str], value: list[Mapping[str, Any]]) -> None:
        out.append(name)
        out.extend(
            sorted(
                [
                    f"type={read(item['type'])}{label}{spell(item[member])}" if "type" in item else label + spell(item[member])
                    for item in value
                ]
            )
        )

    return name, emit


_ORDER: Final[tuple[tuple[str, _Emit], ...]] = (
    _plain("eventTime", _time),
    _plain("eventTimeZoneOffset", str.strip),
    _epcs("epcList"),
    _plain("parentID", _identifier),
    _epcs("inputEPCList"),
    _epcs("childEPCs"),
    _quantities("quantityList"),
    _quantities("childQuantityList"),
    _quantities("inputQuantityList"),
    _epcs("outputEPCList"),
    _quantities("outputQuantityList"),
    _plain("action", str.strip),
    _plain("transformationID", _identifier),
    _plain("bizStep", _BIZ_STEP),
    _plain("disposition", _DISPOSITION),
    ("persistentDisposition", _persistent),
)
_TYPED_LISTS: Final[tuple[tuple[str, _Emit], ...]] = (
    _typed_list("bizTransactionList", "bizTransaction", VocabularyKind.BIZ_TRANSACTION_TYPE, _identifier),
    _typed_list("sourceList", "source", VocabularyKind.SOURCE_DESTINATION_TYPE, _often),
    _typed_list("destinationList", "destination", VocabularyKind.SOURCE_DESTINATION_TYPE, _often),
)
_LEFT_OUT: Final = ("@context", "type", "recordTime", "eventID", "id", "errorDeclaration", "certificationInfo")
_STANDARD: Final = frozenset(
    [name for name, _ in (*_ORDER, *_TYPED_LISTS)] + ["readPoint", "bizLocation", "sensorElementList", "ilmd", *_LEFT_OUT]
)
_PLACE_FIELDS: Final = frozenset({"id"})
_ELEMENT_NAMES: Final = frozenset({"type", "sensorMetadata", "sensorReport"})
_METADATA_FIELDS: Final = tuple(
    (name, name + "=", read)
    for name, read in (
        ("time", _time),
        ("startTime", _time),
        ("endTime", _time),
        ("deviceID", _often),
        ("deviceMetadata", _often),
        ("rawData", _text),
        ("dataProcessingMethod", _often),
        ("bizRules", _text),
    )
)
_REPORT_FIELDS: Final[tuple[tuple[str, str, Callable[[Any], str]], ...]] = tuple(
    (name, name + "=", read)
    for name, read in (
        ("type", _MEASUREMENT),
        ("exception", _EXCEPTION),
        ("deviceID", _often),
        ("deviceMetadata", _often),
        ("rawData", _text),
        ("dataProcessingMethod", _often),
        ("time", _time),
        ("microorganism", _text),
        ("chemicalSubstance", _text),
        ("value", _value),
        ("component", _COMPONENT),
        ("stringValue", _text),
        ("booleanValue", _value),
        ("hexBinaryValue", _text),
        ("uriValue", _text),
        ("minValue", _value),
        ("maxValue", _value),
        ("meanValue", _value),
        ("sDev", _value),
        ("percRank", _value),
        ("percValue", _value),
        ("uom", _text),
        ("coordinateReferenceSystem", _text),
    )
)
_METADATA_NAMES: Final = frozenset(name for name, _, _ in _METADATA_FIELDS)
# The order of CBV has no bizRules in a report, though EPCIS allows it there.
_REPORT_NAMES: Final = frozenset([name for name, _, _ in _REPORT_FIELDS] + ["bizRules"])
