"""Identifiers in bulk: the same answers as `identifiers`, quicker where many serial numbers of few classes pass by.

Events name thousands of serials and lots of one product, so remembering whole identifiers helps little. What stands before the
serial (company prefix, reference, check digit) is worked out once; a serial of plain letters and digits is then set behind it.
A pallet's SSCC has no head to remember, and web addresses without a key have nothing to find: both have a short way of their
own. Everything else goes to `identifiers` itself, which also says what a head stands for.
"""

import re
from functools import lru_cache
from typing import Final

from greenlane.core.epcis.gs1keys import check_digit
from greenlane.core.epcis.identifiers import check_identifier, is_uri, to_digital_link
from greenlane.core.errors import InvalidInput

# Heads behind which any 1 to `_PLAIN_SERIAL` letters and digits make a good identifier, and the sign between the two.
_URN_HEAD: Final = re.compile(r"urn:epc:(?:id:sgtin|class:lgtin|id:gdti|id:grai):\d{6,12}\.\d{0,7}", re.ASCII).fullmatch
_LINK_HEAD: Final = re.compile(r"https?://[A-Za-z0-9.\-]+/01/\d{14}/(?:21|10)", re.ASCII).fullmatch
# A web address without such a segment holds no key: an AI of two to four digits, or the old name of one.
_MAY_HOLD_KEY: Final = re.compile(r"/(?:[0-9]{2,4}|sscc|g[a-z]{2,4}|party|itip|cpid)/").search
_SSCC: Final = re.compile(r"urn:epc:id:sscc:([0-9]{6,12})\.([0-9])([0-9]+)").fullmatch
_SSCC_LENGTH: Final = len("urn:epc:id:sscc:") + 17 + len(".")
_CANONICAL_HOST: Final = "id.gs1.org"
_PLAIN_SERIAL: Final = 16
"""Shortest of the bounds: a GRAI's serial; a GTIN's serial and a lot may have 20, a GDTI's serial 17."""
_HEADS: Final = 1 << 13
_LONGEST_IN_BULK: Final = 256
"""Longer ones are seldom, and thousands of their heads would be much to remember."""


def link_of(uri: str) -> str:
    """As `identifiers.to_digital_link`."""
    if uri.startswith("urn:epc:"):
        head, _, serial = uri.rpartition(".")
    elif uri.startswith(("https://", "http://")):
        if _MAY_HOLD_KEY(uri) is None:
            return uri
        head, _, serial = uri.rpartition("/")
    else:
        # A scheme may be written in capitals; seldom is.
        return to_digital_link(uri) if uri[:1] in ("h", "H") else uri
    if len(serial) <= _PLAIN_SERIAL and len(uri) <= _LONGEST_IN_BULK and serial.isalnum() and serial.isascii():
        start = _start_of(head)
        if start is not None:
            return start + serial
        if len(uri) == _SSCC_LENGTH and (parts := _SSCC(uri)) is not None:
            number = f"{parts[2]}{parts[1]}{parts[3]}"
            return f"https://id.gs1.org/00/{number}{check_digit(number)}"
    return to_digital_link(uri)


def check_uri_in_bulk(uri: str) -> None:
    """As `identifiers.check_identifier`.

    Raises:
        IdentifierFault: likewise.
    """
    is_urn = uri.startswith("urn:epc:")
    if is_urn:
        if len(uri) == _SSCC_LENGTH and _SSCC(uri) is not None:
            return
    # On GS1's own host a key without its value is a fault, though nothing follows it.
    elif (
        uri.startswith(("https://", "http://"))
        and _MAY_HOLD_KEY(uri) is None
        and _CANONICAL_HOST not in uri.lower()
        and is_uri(uri)
    ):
        return
    head, _, serial = uri.rpartition("." if is_urn else "/")
    if (
        len(serial) <= _PLAIN_SERIAL
        and len(uri) <= _LONGEST_IN_BULK
        and serial.isalnum()
        and serial.isascii()
        and _is_good_head(head)
    ):
        return
    check_identifier(uri)


@lru_cache(maxsize=_HEADS)
def _start_of(head: str) -> str | None:
    """What stands before a plain serial in the canonical link; None where a serial is not just set behind the head."""
    sign = _sign_after(head)
    if sign is None:
        return None
    link = to_digital_link(f"{head}{sign}1")
    return (
        link[:-1] if link.startswith("https://id.gs1.org/") and to_digital_link(f"{head}{sign}Z9") == f"{link[:-1]}Z9" else None
    )


@lru_cache(maxsize=_HEADS)
def _is_good_head(head: str) -> bool:
    sign = _sign_after(head)
    if sign is None:
        return False
    try:
        check_identifier(f"{head}{sign}1")
        check_identifier(f"{head}{sign}Z9")
    except InvalidInput:
        return False
    return True


def _sign_after(head: str) -> str | None:
    if _URN_HEAD(head):
        return "."
    return "/" if _LINK_HEAD(head) else None
