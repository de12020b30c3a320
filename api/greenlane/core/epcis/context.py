"""What an event's "@context" lets its extension fields mean: prefix to namespace, without ever asking the network.

A remote context is recognised by its address or it is unknown. An unknown one is no fault by itself: only a prefix that it alone
could expand is. Prefixes of a later context replace those of an earlier one. Source: JSON-LD 1.1, sections 4.1 and 4.1.5; the
prefixes of the known contexts are those of GS1's published files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import orjson

from greenlane.core.canonical import JsonValue, kind_of, pointer
from greenlane.core.errors import InvalidInput

CBV_NAMESPACE: Final = "https://ref.gs1.org/cbv/"
EPCIS_NAMESPACE: Final = "https://ref.gs1.org/epcis/"
GS1_NAMESPACE: Final = "https://ref.gs1.org/voc/"

_EPCIS_PREFIXES: Final = {
    "epcis": EPCIS_NAMESPACE,
    "cbv": CBV_NAMESPACE,
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": GS1_NAMESPACE,
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}
_SIMPLE_PREFIXES: Final = _EPCIS_PREFIXES | {
    "vtype": "urn:epcglobal:epcis:vtype:",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
KNOWN_CONTEXTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld": _EPCIS_PREFIXES,
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld": _EPCIS_PREFIXES,
        "https://ref.gs1.org/standards/epcis/2.0.1/epcis-context.jsonld": _EPCIS_PREFIXES,
        "https://ref.gs1.org/standards/epcis/2.1.0/epcis-context.jsonld": _EPCIS_PREFIXES | {"cbvmda": "urn:epcglobal:cbv:mda#"},
        "https://gs1.github.io/EPCIS/epcis-context.jsonld": _EPCIS_PREFIXES,
        "https://gs1.github.io/EPCIS/epcis-context-simple.jsonld": _SIMPLE_PREFIXES,
        "https://ref.gs1.org/voc/": {"gs1": GS1_NAMESPACE},
        "https://ref.gs1.org/voc/data/gs1Voc.jsonld": {"gs1": GS1_NAMESPACE},
    }
)
"""Address of a context to the prefixes it declares."""

# What the event hash expands on its own account, whether declared or not. "cbvmda" stands without its last colon here: that is
# how XML documents declare it, and one event must hash alike in both syntaxes; who declares it otherwise has their way.
_HASH_PREFIXES: Final = {
    "gs1": GS1_NAMESPACE,
    "cbv": CBV_NAMESPACE,
    "epcis": EPCIS_NAMESPACE,
    "cbvmda": "urn:epcglobal:cbv:mda",
}
_GS1_OWN: Final = ("https://ref.gs1.org", "https://gs1.org")
_USUAL_CURIES: Final = {prefix: space for prefix, space in _HASH_PREFIXES.items() if space.startswith(_GS1_OWN)}
_URI_SCHEMES: Final = frozenset({"http", "https", "urn", "ni", "did", "tag", "ipfs"})


class ContextMalformed(InvalidInput):
    """An "@context" that is no address, object or list of these."""

    code = "malformed-context"
    default_remedy = 'Give addresses of contexts, or objects such as {"example": "https://ns.example.com/epcis/"}.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What prefixes mean in one event.

    Attributes:
        prefixes: prefix to namespace, from known contexts and from objects.
        hash_names: prefix to "{namespace}", as the event hash writes extension fields.
        curies: prefix to namespace, for the prefixes that the event hash expands also in values: GS1's own.
        has_own_curies: they are not just gs1, cbv and epcis with their usual meaning.
        unknown: addresses of contexts nobody here knows.
        declares_none: no context was given at all.
    """

    prefixes: Mapping[str, str]
    hash_names: Mapping[str, str]
    curies: Mapping[str, str]
    has_own_curies: bool
    unknown: tuple[str, ...]
    declares_none: bool

    def expands(self, name: str) -> bool:
        """Whether an extension field's name has a meaning here: a declared prefix, or a URI written out."""
        prefix, colon, local = name.partition(":")
        return bool(colon and local) and (prefix in self.prefixes or prefix in self.hash_names or prefix.lower() in _URI_SCHEMES)


def read_context(value: JsonValue) -> Context:
    """Reads an "@context"; the same value is read once, unless it is so long that remembering it would cost more.

    Raises:
        ContextMalformed: `where` points into the context.
    """
    try:
        written = orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise ContextMalformed("The context is no JSON.", where="") from error
    return _remembered(written) if len(written) <= _LONGEST_REMEMBERED else _read(written)


def _read(written: bytes) -> Context:
    value: JsonValue = orjson.loads(written)
    declared: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    unknown: list[str] = []
    for place, part in [(f"/{at}", part) for at, part in enumerate(value)] if isinstance(value, list) else [("", value)]:
        if isinstance(part, str):
            known = KNOWN_CONTEXTS.get(part)
            if known is None:
                unknown.append(part)
            else:
                prefixes |= known
        elif isinstance(part, dict):
            own = _declared(part, place)
            declared |= own
            prefixes |= own
        elif part is not None or place:
            raise ContextMalformed(f"A context is text or an object, not {kind_of(part)}.", where=place)
    # The hash knows one meaning of gs1:, whatever the document declares.
    names = _HASH_PREFIXES | declared | {"gs1": GS1_NAMESPACE}
    curies = {prefix: space for prefix, space in names.items() if space.startswith(_GS1_OWN)}
    return Context(
        prefixes=MappingProxyType(prefixes),
        hash_names=MappingProxyType({prefix: f"{{{namespace}}}" for prefix, namespace in names.items()}),
        curies=MappingProxyType(curies),
        has_own_curies=curies != _USUAL_CURIES,
        unknown=tuple(unknown),
        declares_none=value is None,
    )


# As many contexts as this are a few megabytes.
_LONGEST_REMEMBERED: Final = 4_096
_remembered = lru_cache(maxsize=1024)(_read)


def _declared(part: dict[str, JsonValue], place: str) -> dict[str, str]:
    own: dict[str, str] = {}
    for prefix, meaning in part.items():
        if prefix.startswith("@"):
            continue
        if isinstance(meaning, dict):
            meaning = meaning.get("@id")
            if meaning is None:
                continue
        if not isinstance(meaning, str) or not meaning:
            raise ContextMalformed(
                f"The prefix {prefix[:40]!r} must stand for a namespace, not {kind_of(meaning)}.", where=place + pointer(prefix)
            )
        own[prefix] = meaning.replace("{", "").replace("}", "")
    return own
