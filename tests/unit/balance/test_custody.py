"""A custody model only ever goes down, and each has its own words."""

import pytest
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.balance.custody import CUSTODY_WORDS, Mixing, model_along, model_of_output

IP, SEGREGATED, BLENDED, BALANCED, BOOKED = CustodyModel


@pytest.mark.parametrize(
    ("inputs", "mixing", "model"),
    [
        ([], Mixing.NOT_MIXED, IP),
        ([IP], Mixing.NOT_MIXED, IP),
        ([IP, IP], Mixing.SAME_KIND, SEGREGATED),
        ([IP, SEGREGATED], Mixing.KNOWN_SHARE, BLENDED),
        ([SEGREGATED], Mixing.BY_BALANCE, BALANCED),
        ([IP, BOOKED], Mixing.SAME_KIND, BOOKED),
        ([BALANCED], Mixing.NOT_MIXED, BALANCED),
        ([IP], Mixing.DECOUPLED, BOOKED),
        ([IP, None], Mixing.SAME_KIND, None),
    ],
)
def test_a_lot_is_as_weak_as_its_weakest_input_and_its_mixing(
    inputs: list[CustodyModel | None], mixing: Mixing, model: CustodyModel | None
) -> None:
    assert model_of_output(inputs, mixing) == model


def test_what_was_mixed_once_stays_mixed_along_the_whole_journey() -> None:
    assert model_along([([], Mixing.NOT_MIXED), ([IP], Mixing.SAME_KIND), ([], Mixing.NOT_MIXED)]) == SEGREGATED
    assert model_along([([IP], Mixing.NOT_MIXED), ([SEGREGATED], Mixing.BY_BALANCE), ([IP], Mixing.SAME_KIND)]) == BALANCED
    assert model_along([([IP], Mixing.NOT_MIXED), ([None], Mixing.SAME_KIND), ([], Mixing.NOT_MIXED)]) is None
    assert model_along([]) is None


def test_every_model_has_words_that_no_other_has() -> None:
    assert set(CUSTODY_WORDS) == set(CustodyModel)
    for part in ("name", "verb", "meaning", "may_not_say"):
        assert len({getattr(words, part) for words in CUSTODY_WORDS.values()}) == len(CustodyModel)


def test_only_models_that_keep_goods_apart_say_what_is_inside() -> None:
    claims = {model: CUSTODY_WORDS[model].claim("deforestation-free cocoa") for model in CustodyModel}
    assert claims[SEGREGATED] == "Contains only deforestation-free cocoa"
    assert claims[BALANCED] == "Supports the sourcing of deforestation-free cocoa"
    for model in (BALANCED, BOOKED):
        assert "ontain" not in claims[model]
        assert "Do not say that the goods contain it" in CUSTODY_WORDS[model].may_not_say
