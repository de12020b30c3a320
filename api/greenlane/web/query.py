"""Parameters of an address: those of a list that is answered page by page, and the query language of the EPCIS interface.

Every list knows its pages by the same words: `perPage`, and a `nextPageToken` from the page before. Values of the query language
are brought to the store's spelling: canonical terms of the vocabulary, canonical identifiers, times in UTC.
Source: EPCIS 2.0, sections 8.2.7 and 12 (pages).
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from greenlane.core.epcis.event import EventType
from greenlane.core.epcis.identifiers import to_digital_link
from greenlane.core.epcis.vocabulary import VocabularyKind, canonical_term
from greenlane.ports.events import EventFilter, Reader
from greenlane.web.problems import BadRequest, ParameterUnknown
from greenlane.web.state import state_of

DEFAULT_PER_PAGE = 30
MAX_PER_PAGE = 1_000
PAGE_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "perPage",
        "in": "query",
        "required": False,
        "description": f"1 to {MAX_PER_PAGE}; {DEFAULT_PER_PAGE} unless told",
        "schema": {"type": "integer"},
    },
    {
        "name": "nextPageToken",
        "in": "query",
        "required": False,
        "description": "from the page before: its Link header, or its nextPageToken",
        "schema": {"type": "string"},
    },
]
"""How the description of the interface tells of pages: see `per_page` and `next_link`."""
_MAX_VALUES = 100


def per_page(text: str | None) -> int:
    """How many are wanted on one page, 1 to MAX_PER_PAGE; DEFAULT_PER_PAGE where `perPage` is left out.

    Raises:
        BadRequest: it is no such number.
    """
    if text is None:
        return DEFAULT_PER_PAGE
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MAX_PER_PAGE):
        raise BadRequest(f"perPage is no number from 1 to {MAX_PER_PAGE}.", remedy=f"Leave it out for {DEFAULT_PER_PAGE}.")
    return int(text)


def next_link(request: Request, token: str) -> str:
    """The Link header that names the next page: the same question, with the token of that page."""
    onward = [(name, value) for name, value in request.query_params.multi_items() if name != "nextPageToken"]
    query = urlencode([*onward, ("nextPageToken", token)])
    return f'<{state_of(request).settings.public_url}{request.url.path}?{query}>; rel="next"'


def read_parameters(request: Request, known: Sequence[str], *, many: Collection[str] = ()) -> dict[str, str]:
    """The parameters of an address by name; those that are left out are not in it.

    Args:
        known: every parameter there is, as the remedy lists them.
        many: those of them that may stand more than once; they are only let pass, and read by `query_params.getlist`.

    Raises:
        ParameterUnknown: there is no such parameter here.
        BadRequest: one stands twice.
    """
    once: dict[str, str] = {}
    for name, text in request.query_params.multi_items():
        if name not in known:
            raise ParameterUnknown(
                f"The query parameter {name[:60]!r} is not known here.", remedy=f"Use only {', '.join(known)}."
            )
        if name in once:
            raise BadRequest(f"{name} stands twice.", remedy="Send it once.")
        if name not in many:
            once[name] = text
    return once


def read_query(query: Iterable[tuple[str, str]], *, reader: Reader) -> tuple[EventFilter, int, str | None]:
    """Which events are wanted, how many at once, and the token of the page if it is not the first.

    Args:
        query: names and values of the parameters, decoded, in order.
        reader: whose private events are included.

    Raises:
        ParameterUnknown: there is no such parameter here.
        BadRequest, IdentifierFault, InvalidInput: a value cannot be used, or a parameter stands twice.
    """
    fields: dict[str, Any] = {}
    limit, token = DEFAULT_PER_PAGE, None
    for name, text in query:
        if name == "perPage":
            limit = per_page(text)
        elif name == "nextPageToken":
            token = text
        elif name in _TIMES:
            _put(fields, _TIMES[name], name, _time(name, text))
        elif name in _LISTS:
            field, kind = _LISTS[name]
            _put(fields, field, name, frozenset(_spelt(kind, value) for value in _values(name, text)))
        else:
            known = ", ".join([*_LISTS, *_TIMES, "perPage", "nextPageToken"])
            raise ParameterUnknown(f"The query parameter {name[:60]!r} is not known here.", remedy=f"Use only {known}.")
    return EventFilter(reader=reader, **fields), limit, token


def _put(fields: dict[str, Any], field: str, name: str, value: object) -> None:
    if field in fields:
        raise BadRequest(f"{name} stands twice, or beside another parameter of its meaning.", remedy="Separate values by |.")
    fields[field] = value


_TIMES = {
    "GE_eventTime": "ge_event_time",
    "LT_eventTime": "lt_event_time",
    "GE_recordTime": "ge_record_time",
    "LT_recordTime": "lt_record_time",
}
_LISTS: dict[str, tuple[str, VocabularyKind | type[EventType] | str | None]] = {
    "eventType": ("event_types", EventType),
    "EQ_action": ("actions", "action"),
    "EQ_bizStep": ("biz_steps", VocabularyKind.BIZ_STEP),
    "EQ_disposition": ("dispositions", VocabularyKind.DISPOSITION),
    "EQ_readPoint": ("read_points", None),
    "EQ_bizLocation": ("biz_locations", None),
    "EQ_eventID": ("event_ids", "text"),
    "MATCH_anyEPC": ("any_epc", None),
    "MATCH_anyEPCClass": ("any_epc", None),
}


def _values(name: str, text: str) -> list[str]:
    values = text.split("|")
    if not all(values) or len(values) > _MAX_VALUES:
        raise BadRequest(f"{name} has an empty value, or more than {_MAX_VALUES}.", remedy="Separate values by |.")
    return values


def _spelt(kind: VocabularyKind | type[EventType] | str | None, value: str) -> str:
    """A value as the store spells it: canonical terms and canonical identifiers."""
    if isinstance(kind, VocabularyKind):
        return canonical_term(kind, value)
    if kind is None:
        return to_digital_link(value)
    if kind is EventType and value not in list(EventType):
        raise BadRequest(f"{value[:40]!r} is no type of event.", remedy=f"Use one of {', '.join(EventType)}.")
    if kind == "action" and value not in {"ADD", "OBSERVE", "DELETE"}:
        raise BadRequest(f"{value[:40]!r} is no action.", remedy="Use ADD, OBSERVE or DELETE.")
    return value


def _time(name: str, text: str) -> datetime:
    try:
        # A + in a query that was not percent-encoded arrives as a space.
        at = datetime.fromisoformat(text.replace(" ", "+"))
        if at.tzinfo is None:
            raise ValueError(text)
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as cause:
        raise BadRequest(
            f"{name} is no time with a zone: {text[:40]!r}.", remedy="Write a time like 2026-03-04T11:00:30Z."
        ) from cause
