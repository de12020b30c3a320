"""Texts that people read and whose digests stand on the chain: one line, in one spelling.

Two spellings of one name would be two digests, and nobody could see why they differ: Unicode's normal form C, no spaces around.
"""

import unicodedata

from greenlane.core.canonical import JsonValue
from greenlane.core.wire import FieldInvalid, read_line, shown


def read_words(value: JsonValue, where: str, *, longest: int) -> str:
    """A line of 1 to `longest` characters in its one spelling.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=longest)
    if not unicodedata.is_normalized("NFC", text):
        remedy = "Write it in Unicode's normal form C, as keyboards do."
        raise FieldInvalid(f"{shown(text)} is not in its one spelling.", where=where, remedy=remedy)
    if text != text.strip():
        raise FieldInvalid("No space stands at either end here.", where=where, remedy="Leave the spaces out.")
    return text
