"""Codes of currencies: those that there are, and no other three letters."""

import pytest
from greenlane.core.assets.currency import CURRENCIES, CurrencyUnknown, require_currency


@pytest.mark.parametrize("code", ["PEN", "VND", "EUR", "CLF", "XOF", "TWD", "HKD"])
def test_a_currency_is_taken(code: str) -> None:
    require_currency(code, "/price/currency")


@pytest.mark.parametrize("code", ["ZZZ", "XXX", "XTS", "XAU", "pen", "PE", "", "DEM"])
def test_whatever_is_no_currency_is_refused_with_its_place(code: str) -> None:
    with pytest.raises(CurrencyUnknown) as refused:
        require_currency(code, "/price/currency")
    assert refused.value.where == "/price/currency"
    assert refused.value.remedy is not None and "ISO 4217" in refused.value.remedy


def test_every_code_has_its_shape() -> None:
    assert len(CURRENCIES) == 166
    assert all(len(code) == 3 and code.isalpha() and code.isascii() and code.isupper() for code in CURRENCIES)
