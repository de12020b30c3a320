"""Which font shows which letters: DejaVu for most scripts, embedded; the readers' own fonts for Chinese, Japanese and Korean.

A PDF may name a font of Adobe's Asian collections without carrying it, and every reader brings one. What no font here has is
shown as its code, never as an empty box: a name must not be lost without a word.
Source: PDF 1.7, 9.7.5.2 (predefined CMaps).
"""

import unicodedata
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

PLAIN: Final = "DejaVuSans"
BOLD: Final = "DejaVuSans-Bold"
_CHINESE, _JAPANESE, _KOREAN = "STSong-Light", "HeiseiMin-W3", "HYSMyeongJo-Medium"
_FONTS = Path(__file__).parent / "fonts"


@cache
def register_fonts() -> frozenset[int]:
    """Makes the fonts known to the drawing library; the code points that DejaVu shows."""
    carried = [TTFont(name, str(_FONTS / f"{name}.ttf")) for name in (PLAIN, BOLD)]
    for font in carried:
        pdfmetrics.registerFont(font)
    for name in (_CHINESE, _JAPANESE, _KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)
    shown = [frozenset(font.face.charToGlyph) for font in carried]
    return shown[0] & shown[1]


def marked_up(text: str) -> str:
    """A text as a paragraph takes it: escaped, each run of letters in a font that has them.

    Args:
        text: of any script; without control characters.
    """
    asian = _asian_font(text)
    runs = groupby(text, key=lambda letter: _font_of(letter, asian))
    return "".join(_run("".join(letters), font) for font, letters in runs)


def _run(letters: str, font: str | None) -> str:
    if font == "":
        return escape(letters)
    if font is None:
        return escape("".join(f"[U+{ord(letter):04X}]" for letter in letters))
    return f'<font name="{font}">{escape(letters)}</font>'


def _font_of(letter: str, asian: str) -> str | None:
    """A font by name; "" for the paragraph's own; None where none has the letter."""
    if ord(letter) in register_fonts():
        return ""
    return asian if unicodedata.east_asian_width(letter) in "WF" and ord(letter) < 0x10000 else None


def _asian_font(text: str) -> str:
    """By the letters that only one of the three has: kana, hangul, or neither."""
    names = [unicodedata.name(letter, "") for letter in text]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        return _JAPANESE
    return _KOREAN if any(name.startswith("HANGUL") for name in names) else _CHINESE
