"""The standard words of EPCIS events: business steps, dispositions, types and reasons, and their four spellings.

One term, four spellings: the bare word of JSON (`departing`), the URN of older documents (`urn:epcglobal:cbv:bizstep:departing`),
the compact form (`cbv:BizStep-departing`) and the web URI (`https://ref.gs1.org/cbv/BizStep-departing`), which is the canonical
one and what the event hash uses. Terms of other keepers are web URIs, URNs or compact forms of their own and pass untouched.

Sources: Core Business Vocabulary 2.0, section 7; the JSON-LD context of EPCIS 2.0.0; units: UN/CEFACT Recommendation 20.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from greenlane.core.errors import InvalidInput


class VocabularyKind(StrEnum):
    """Which list a word is taken from. Persistent dispositions take theirs from `DISPOSITION`."""

    BIZ_STEP = "business step"
    DISPOSITION = "disposition"
    BIZ_TRANSACTION_TYPE = "business transaction type"
    SOURCE_DESTINATION_TYPE = "source or destination type"
    ERROR_REASON = "error reason"
    MEASUREMENT_TYPE = "measurement type"
    SENSOR_EXCEPTION = "sensor exception"
    COMPONENT = "component"
    UOM = "unit of measure"


class VocabularyFault(InvalidInput):
    """A word that is no term of the vocabulary its field asks for."""

    code = "invalid-term"


_LONGEST_LIST = 600
"""Characters of a list of words that a message may hold."""


class UnknownTerm(VocabularyFault):
    """The text claims to be a standard term and the list does not have it.

    Attributes:
        kind: the list that was searched.
        nearest: the standard word that looks most like it; None where none does.
    """

    code = "unknown-term"

    def __init__(self, kind: VocabularyKind, text: str, nearest: str | None, *, because: str = "") -> None:
        # A guess that only looks alike would end in a log that nothing is ever taken out of: then all words are told instead.
        known = ", ".join(_LISTS[kind].words)
        words = f"Use one of {known}" if nearest is None and len(known) <= _LONGEST_LIST else "Use a standard word"
        words = f"Did you mean {nearest!r}? {words}" if nearest else words
        super().__init__(
            f"{text[:80]!r} is no standard {kind}{because}.",
            remedy=f"{words}, or your own term as an absolute URI.",
        )
        self.kind = kind
        self.nearest = nearest


class UnitMalformed(VocabularyFault):
    """A unit of measure that cannot be a code of Recommendation 20."""

    code = "malformed-unit"
    default_remedy = "Use a UN/CEFACT Recommendation 20 code of two or three capitals or digits, for example KGM, CEL or H87."


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """How one list is spelt: web and compact prefix, URN prefix (None where no URN was ever defined), and its words."""

    web: str
    compact: str
    urn: str | None
    words: tuple[str, ...]


_CBV: Final = "https://ref.gs1.org/cbv/"
_VOC: Final = "https://ref.gs1.org/voc/"


def _cbv_list(name: str, urn: str | None, words: str) -> _List:
    urn_prefix = None if urn is None else f"urn:epcglobal:cbv:{urn}:"
    return _List(web=f"{_CBV}{name}-", compact=f"cbv:{name}-", urn=urn_prefix, words=tuple(words.split()))


def _voc_list(words: str) -> _List:
    return _List(web=_VOC, compact="gs1:", urn=None, words=tuple(words.split()))


_LISTS: Final[dict[VocabularyKind, _List]] = {
    VocabularyKind.BIZ_STEP: _cbv_list(
        "BizStep",
        "bizstep",
        """
        accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting
        decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting installing
        killing loading other packing picking receiving removing repackaging repairing replacing reserving retail_selling
        sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting unloading unpacking
        void_shipping
        """,
    ),
    VocabularyKind.DISPOSITION: _cbv_list(
        "Disp",
        "disp",
        """
        active available completeness_inferred completeness_verified conformant container_closed container_open damaged
        destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance
        mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed recalled
        reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown
        """,
    ),
    VocabularyKind.BIZ_TRANSACTION_TYPE: _cbv_list(
        "BTT", "btt", "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt"
    ),
    VocabularyKind.SOURCE_DESTINATION_TYPE: _cbv_list("SDT", "sdt", "location owning_party possessing_party"),
    VocabularyKind.ERROR_REASON: _cbv_list("ER", "er", "did_not_occur incorrect_data"),
    VocabularyKind.COMPONENT: _cbv_list(
        "Comp",
        None,
        """
        altitude axial_distance azimuth easting elevation_angle height latitude longitude northing polar_angle
        spherical_radius x y z
        """,
    ),
    VocabularyKind.MEASUREMENT_TYPE: _voc_list(
        """
        AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance AmountOfSubstancePerUnitVolume
        Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance Conductance Conductivity Count Density
        Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent ElectricCurrentDensity
        ElectricFieldStrength Energy Exposure Force Frequency Illuminance Inductance Irradiance KinematicViscosity Length
        LinearMomentum Luminance LuminousFlux LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass
        MassConcentration MassFlowRate MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power
        Pressure RadiantFlux RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume
        Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction VolumetricFlux
        Wavenumber
        """
    ),
    VocabularyKind.SENSOR_EXCEPTION: _voc_list("ALARM_CONDITION ERROR_CONDITION"),
}


def _spellings(terms: _List, word: str) -> tuple[str, ...]:
    prefixes = (terms.web, terms.compact, "") if terms.urn is None else (terms.web, terms.compact, "", terms.urn)
    return tuple(prefix + word for prefix in prefixes)


_CANONICAL: Final[dict[VocabularyKind, dict[str, str]]] = {
    kind: {text: terms.web + word for word in terms.words for text in _spellings(terms, word)} for kind, terms in _LISTS.items()
} | {VocabularyKind.UOM: {}}

# The prefixes that are one list's own. gs1: is the whole of GS1's web vocabulary, so it claims no list.
_OWN_PREFIXES: Final = tuple(
    (prefix, kind)
    for kind, terms in _LISTS.items()
    if terms.web != _VOC
    for prefix in (terms.web, terms.compact, terms.urn)
    if prefix is not None
)
_URN_TO_WEB: Final = tuple((terms.urn, terms.web) for terms in _LISTS.values() if terms.urn is not None)
_COMPACT_TO_WEB: Final = (("cbv:", _CBV), ("gs1:", _VOC))

_OWN_TERM: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-_]*:[^\s<>\"{}|\\^`\x00-\x20\x7f]+").fullmatch
_UNIT: Final = re.compile(r"[A-Z0-9]{2,3}").fullmatch


def standard_terms(kind: VocabularyKind) -> tuple[str, ...]:
    """The bare words of a list; empty for units, whose codes are another body's."""
    terms = _LISTS.get(kind)
    return () if terms is None else terms.words


def canonical_term(kind: VocabularyKind, text: str) -> str:
    """The web URI of a term, as the event hash uses it.

    Args:
        text: bare word, URN, compact form or web URI.

    Returns:
        `https://ref.gs1.org/cbv/…` or `https://ref.gs1.org/voc/…`. GS1's own prefixes are expanded also for words that the
        list does not have; whatever else is not in the list (a keeper's own term, a bare word unknown) comes back unchanged,
        and so does every unit.
    """
    known = _CANONICAL[kind].get(text)
    if known is not None:
        return known
    expanded = expand_cbv_urn(text)
    if expanded is not text:
        return expanded
    for compact, web in _COMPACT_TO_WEB:
        if text.startswith(compact):
            return web + text[len(compact) :]
    return text


def expand_cbv_urn(text: str) -> str:
    """The web URI of a standard URN of any list, known word or not; the very text where it is none.

    For values whose field names no list, such as extensions.
    """
    if text.startswith("urn:epcglobal:cbv:"):
        for urn, web in _URN_TO_WEB:
            if text.startswith(urn):
                return web + text[len(urn) :]
    return text


def bare_word(kind: VocabularyKind, text: str) -> str | None:
    """The bare word of a standard term in any of its spellings; None where the list does not have it."""
    web = _CANONICAL[kind].get(text)
    return None if web is None else web[len(_LISTS[kind].web) :]


def check_term(kind: VocabularyKind, text: str) -> None:
    """Refuses what is no term: an unknown bare word, an unknown word under a prefix of the standard, a malformed unit.

    Terms of other keepers pass: an absolute URI, or a compact form (whether its prefix is declared, the event's context tells).

    Raises:
        UnknownTerm: with the nearest standard word.
        UnitMalformed: for units.
    """
    if kind is VocabularyKind.UOM:
        if _UNIT(text) is None:
            raise UnitMalformed(f"{text[:40]!r} is no unit of measure.")
        return
    if text in _CANONICAL[kind]:
        return
    for prefix, owner in _OWN_PREFIXES:
        if text.startswith(prefix):
            because = f" but a {owner}" if text in _CANONICAL[owner] else ""
            raise UnknownTerm(kind, text, _nearest(kind, text[len(prefix) :]), because=because)
    if _OWN_TERM(text) is None:
        raise UnknownTerm(kind, text, _nearest(kind, text))


def _nearest(kind: VocabularyKind, word: str) -> str | None:
    words = {known.lower(): known for known in _LISTS[kind].words}
    # Longer texts cannot look like a word, and comparing them costs the square of their length.
    close = get_close_matches(word.strip()[:40].lower().replace(" ", "_").replace("-", "_"), words, n=1, cutoff=0.77)
    return words[close[0]] if close else None
