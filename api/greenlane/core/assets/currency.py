"""Which codes of currencies there are: a price in any other is a slip of the pen.

Derived from ISO 4217, list one, as of January 2026, with the units of account of some economies (CLF, UYW and the like). Two
codes that were withdrawn a little before stay, for orders of days before. Left out are codes in which nobody writes a price:
metals, drawing rights, tests and "no currency". An order is judged by it, never what was kept before: codes come and go.

Source: ISO 4217:2015 and its amendments (six-group.com, maintenance agency).
"""

from typing import Final

from greenlane.core.errors import InvalidInput
from greenlane.core.wire import shown

_CODES: Final = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP
CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD
JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN
NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN
SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
BOV CHE CHW CLF COU MXV USN UYI UYW
ANG BGN
"""
CURRENCIES: Final = frozenset(_CODES.split())


class CurrencyUnknown(InvalidInput):
    """A price is told in a code that is no currency's."""

    code = "currency-unknown"
    default_remedy = "Write the currency's code of ISO 4217, like PEN."


def require_currency(code: str, where: str) -> None:
    """Refuses a code that is no currency's.

    Args:
        where: JSON pointer of the code, for errors.

    Raises:
        CurrencyUnknown: it is none.
    """
    if code not in CURRENCIES:
        raise CurrencyUnknown(f"{shown(code)} is no currency of ISO 4217.", where=where)
