"""The standard words: four spellings, one term; unknown words are refused with the nearest one."""

import pytest
from greenlane.core.epcis.vocabulary import (
    UnitMalformed,
    UnknownTerm,
    VocabularyFault,
    VocabularyKind,
    bare_word,
    canonical_term,
    check_term,
    expand_cbv_urn,
    standard_terms,
)
from hypothesis import given
from hypothesis import strategies as st

LISTS = [kind for kind in VocabularyKind if kind is not VocabularyKind.UOM]
# Prefixes of web URI, compact form and URN; the last two lists never had a URN.
SPELLINGS = {
    VocabularyKind.BIZ_STEP: ("https://ref.gs1.org/cbv/BizStep-", "cbv:BizStep-", "urn:epcglobal:cbv:bizstep:"),
    VocabularyKind.DISPOSITION: ("https://ref.gs1.org/cbv/Disp-", "cbv:Disp-", "urn:epcglobal:cbv:disp:"),
    VocabularyKind.BIZ_TRANSACTION_TYPE: ("https://ref.gs1.org/cbv/BTT-", "cbv:BTT-", "urn:epcglobal:cbv:btt:"),
    VocabularyKind.SOURCE_DESTINATION_TYPE: ("https://ref.gs1.org/cbv/SDT-", "cbv:SDT-", "urn:epcglobal:cbv:sdt:"),
    VocabularyKind.ERROR_REASON: ("https://ref.gs1.org/cbv/ER-", "cbv:ER-", "urn:epcglobal:cbv:er:"),
    VocabularyKind.COMPONENT: ("https://ref.gs1.org/cbv/Comp-", "cbv:Comp-"),
    VocabularyKind.MEASUREMENT_TYPE: ("https://ref.gs1.org/voc/", "gs1:"),
    VocabularyKind.SENSOR_EXCEPTION: ("https://ref.gs1.org/voc/", "gs1:"),
}


@pytest.mark.parametrize("kind", LISTS)
def test_every_word_has_one_canonical_form_and_every_spelling_leads_to_it(kind: VocabularyKind) -> None:
    words = standard_terms(kind)
    assert len(words) == len(set(words)) > 0
    for word in words:
        canonical = SPELLINGS[kind][0] + word
        for text in (word, *(prefix + word for prefix in SPELLINGS[kind])):
            assert canonical_term(kind, text) == canonical
            assert bare_word(kind, text) == word
            check_term(kind, text)


def test_the_lists_have_as_many_words_as_the_standard() -> None:
    assert [len(standard_terms(kind)) for kind in LISTS] == [41, 33, 13, 3, 2, 72, 2, 14]
    assert standard_terms(VocabularyKind.UOM) == ()


@pytest.mark.parametrize(
    ("kind", "text", "nearest"),
    [
        (VocabularyKind.BIZ_STEP, "departng", "departing"),
        (VocabularyKind.BIZ_STEP, "Shipping", "shipping"),
        (VocabularyKind.BIZ_STEP, "retail selling", "retail_selling"),
        (VocabularyKind.BIZ_STEP, "cbv:BizStep-recieving", "receiving"),
        (VocabularyKind.DISPOSITION, "urn:epcglobal:cbv:disp:in-transit", "in_transit"),
        (VocabularyKind.BIZ_TRANSACTION_TYPE, "https://ref.gs1.org/cbv/BTT-certs", "cert"),
        (VocabularyKind.SOURCE_DESTINATION_TYPE, "owner_party", "owning_party"),
        (VocabularyKind.ERROR_REASON, "incorrectdata", "incorrect_data"),
        (VocabularyKind.MEASUREMENT_TYPE, "temperature", "Temperature"),
        (VocabularyKind.SENSOR_EXCEPTION, "alarm-condition", "ALARM_CONDITION"),
        (VocabularyKind.COMPONENT, "latitud", "latitude"),
    ],
)
def test_an_unknown_word_is_refused_with_the_nearest_one(kind: VocabularyKind, text: str, nearest: str) -> None:
    with pytest.raises(UnknownTerm) as caught:
        check_term(kind, text)
    assert caught.value.nearest == nearest
    assert repr(nearest) in caught.value.remedy
    assert bare_word(kind, text) is None


def test_a_word_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(UnknownTerm) as caught:
        check_term(VocabularyKind.BIZ_STEP, "qqqq")
    assert caught.value.nearest is None
    assert "Did you mean" not in caught.value.remedy


def test_a_word_of_another_list_is_refused_as_such() -> None:
    with pytest.raises(UnknownTerm, match="but a disposition"):
        check_term(VocabularyKind.BIZ_STEP, "https://ref.gs1.org/cbv/Disp-damaged")
    with pytest.raises(UnknownTerm):
        check_term(VocabularyKind.BIZ_STEP, "damaged")


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/steps/fermenting",
        "urn:example:step:fermenting",
        "example:fermenting",
        "cbv:house_word",
        "gs1:MT-Mass",
    ],
)
def test_a_keepers_own_term_passes_in_every_list(text: str) -> None:
    for kind in LISTS:
        check_term(kind, text)


@pytest.mark.parametrize("text", ["", " ", "two words", "example: fermenting", ":x", "example:", "a:b c", "a:\x00", "a:b\n"])
def test_what_is_no_term_at_all_is_refused(text: str) -> None:
    for kind in VocabularyKind:
        with pytest.raises(VocabularyFault):
            check_term(kind, text)


def test_prefixes_of_gs1_are_expanded_also_for_unknown_words() -> None:
    assert canonical_term(VocabularyKind.MEASUREMENT_TYPE, "gs1:MT-Humidity") == "https://ref.gs1.org/voc/MT-Humidity"
    assert canonical_term(VocabularyKind.BIZ_STEP, "cbv:house_word") == "https://ref.gs1.org/cbv/house_word"
    assert canonical_term(VocabularyKind.BIZ_STEP, "urn:epcglobal:cbv:bizstep:fermenting") == (
        "https://ref.gs1.org/cbv/BizStep-fermenting"
    )
    assert expand_cbv_urn("urn:epcglobal:cbv:er:did_not_occur") == "https://ref.gs1.org/cbv/ER-did_not_occur"


@pytest.mark.parametrize("text", ["example:x", "fermenting", "urn:epcglobal:cbv:bt:9521234000013:PO-1", "https://example.com/x"])
def test_what_is_not_of_gs1_stays_as_it_is(text: str) -> None:
    assert canonical_term(VocabularyKind.BIZ_STEP, text) == text
    assert expand_cbv_urn(text) == text


@pytest.mark.parametrize("code", ["KGM", "CEL", "H87", "A93", "LUX", "NAR", "CS"])
def test_units_of_recommendation_20_pass_and_are_not_rewritten(code: str) -> None:
    check_term(VocabularyKind.UOM, code)
    assert canonical_term(VocabularyKind.UOM, code) == code
    assert bare_word(VocabularyKind.UOM, code) is None


@pytest.mark.parametrize("code", ["kg", "KILO", "K", "", "KGM ", "https://example.com/kg"])
def test_what_cannot_be_a_unit_code_is_refused(code: str) -> None:
    with pytest.raises(UnitMalformed):
        check_term(VocabularyKind.UOM, code)


@given(
    st.sampled_from(VocabularyKind),
    st.one_of(st.text(), st.text().map("cbv:BizStep-".__add__), st.text(min_size=1).map(lambda text: text * 5_000)),
)
def test_no_text_brings_anything_but_our_own_error(kind: VocabularyKind, text: str) -> None:
    canonical = canonical_term(kind, text)
    assert canonical_term(kind, canonical) == canonical
    try:
        check_term(kind, text)
    except VocabularyFault as fault:
        # What is shown of a text is cut; each of its characters may be escaped with ten.
        assert len(str(fault)) < 2_000
        assert bare_word(kind, text) is None
